/* counter_plan.h - counters by hand, and what they must say: recomputed from the whole list of events. */
#ifndef WEIR_TESTS_COUNTER_PLAN_H
#define WEIR_TESTS_COUNTER_PLAN_H

#include "base/check.h"
#include "base/decay.h"
#include "base/exact.h"
#include "base/ranked.h"
#include "base/sum.h"
#include "base/time_text.h"
#include "engine/counter.h"
#include "test.h"

enum fields { /* slots of the event, and columns of the population; the last column is computed */
              F_INT,
              F_MONEY,
              F_FLOAT,
              F_TEXT,
              F_WAIT,
              F_YES,
              F_IP,
              F_AT,
              F_WORDS,
              F_BIG,
              FIELDS,
              C_TRIPLE = FIELDS,
              COLUMNS
};
enum { COUNTERS_MAX = 64, WINDOWS_MAX = 64 };

struct counted { /* an event of the population */
  int64_t time;
  struct value columns[COLUMNS];
};

struct counting_fixture {
  struct mem *mem;
  struct pool pool;
  struct arena arena, scratch, memory;
  struct ruleset ruleset;
  struct population population;
  struct count_column columns[COLUMNS];
  struct counter_window windows[WINDOWS_MAX];
  struct counter_plan plans[COUNTERS_MAX];
  uint16_t ids[COUNTERS_MAX];
  struct counters *counters;
  struct counter_state *state;
  void *annex; /* every other fixture's states stand in `room` while they are small */
  _Alignas(16) char room[COUNTER_ANNEX_BYTES];
  struct expr_env env;
  struct expr_counts counts, column_counts; /* of asking, of adding */
  struct counted *events;
  uint32_t event_count, event_room;
};

static const struct type counting_types[COLUMNS] = {[F_INT] = {.kind = VALUE_INT},
                                                    [F_MONEY] = {.kind = VALUE_DECIMAL, .scale = 2},
                                                    [F_FLOAT] = {.kind = VALUE_FLOAT},
                                                    [F_TEXT] = {.kind = VALUE_STRING},
                                                    [F_WAIT] = {.kind = VALUE_DURATION},
                                                    [F_YES] = {.kind = VALUE_BOOL},
                                                    [F_IP] = {.kind = VALUE_IP},
                                                    [F_AT] = {.kind = VALUE_TIME},
                                                    [F_WORDS] = {.kind = VALUE_LIST, .element = VALUE_STRING},
                                                    [F_BIG] = {.kind = VALUE_BOOL},
                                                    [C_TRIPLE] = {.kind = VALUE_INT}};

static inline struct expr_node *counting_input(struct counting_fixture *c, uint16_t slot) {
  struct expr_node *node = arena_new(&c->arena, struct expr_node);
  node->op = EXPR_INPUT;
  node->bank = BANK_EVENT;
  node->index = slot;
  node->type = counting_types[slot];
  return node;
}

static unsigned counting_fixtures;

static inline struct counting_fixture *counting_new(void) {
  struct mem *mem = mem_new(0);
  struct counting_fixture *c = mem_alloc(mem, sizeof *c);
  struct err err;
  c->mem = mem;
  c->annex = counting_fixtures++ % 2 == 0 ? c->room : NULL;
  pool_init(&c->pool, mem);
  arena_init(&c->arena, mem, 1 << 14);
  arena_init(&c->scratch, mem, 1 << 14);
  arena_init(&c->memory, mem, 1 << 16);
  for (uint16_t i = 0; i < COLUMNS; i++) {
    struct expr_node *node;
    if (i < FIELDS) {
      node = counting_input(c, i);
    } else {
      struct expr_node *three = arena_new(&c->arena, struct expr_node);
      *three = (struct expr_node){.op = EXPR_CONST, .type = TYPE(VALUE_INT), .value = value_int(3)};
      node = arena_new(&c->arena, struct expr_node);
      *node = (struct expr_node){.op = EXPR_MULTIPLY, .type = TYPE(VALUE_INT), .child_count = 2};
      node->children = arena_array(&c->arena, struct expr_node *, 2);
      node->children[0] = counting_input(c, F_INT);
      node->children[1] = three;
    }
    c->columns[i] = (struct count_column){expr_compile(&c->arena, node, &err), counting_types[i]};
  }
  c->population = (struct population){
      .predicate = -1, .column_count = COLUMNS, .columns = c->columns, .windows = c->windows, .counters = c->ids};
  c->ruleset = (struct ruleset){.population_count = 1, .populations = &c->population, .counters = c->plans};
  c->env = (struct expr_env){.scratch = &c->scratch, .counts = &c->column_counts};
  return c;
}

static inline void counting_free(struct counting_fixture *c) {
  counters_drop(c->counters, 0, &c->state);
  EXPECT_INT(pool_used(&c->pool), 0); /* nothing is lost */
  mem_free_all(c->mem);
}

static inline uint16_t counting_window(struct counting_fixture *c, struct counter_window window) {
  check(c->population.window_count < WINDOWS_MAX);
  c->windows[c->population.window_count] = window;
  return c->population.window_count++;
}

static inline struct type told_type(const struct aggregate_plan *plan) {
  struct type total, average;
  switch (plan->kind) {
  case AGG_COUNT:
  case AGG_DISTINCT: return TYPE(VALUE_INT);
  case AGG_AVG:
  case AGG_EWMA:
  case AGG_MEDIAN:
  case AGG_PERCENTILE: check(sum_type(plan->argument, &total, &average)); return average;
  case AGG_STDDEV:
  case AGG_RATE: return TYPE(VALUE_FLOAT);
  case AGG_TOP:
  case AGG_COLLECT:
    return (struct type){.kind = VALUE_LIST, .element = plan->argument.kind, .element_scale = plan->argument.scale};
  default: return plan->argument;
  }
}

/* The counter's number. */
static inline uint16_t counting_ask(struct counting_fixture *c, struct counter_window window,
                                    struct aggregate_plan plan) {
  uint16_t id = c->ruleset.counter_count++;
  check(id < COUNTERS_MAX);
  if (plan.column != NO_COLUMN) plan.argument = counting_types[plan.column];
  if (plan.order_column != NO_COLUMN) plan.order_type = counting_types[plan.order_column];
  plan.type = told_type(&plan);
  c->plans[id] = (struct counter_plan){.kind = COUNTER_AGGREGATE,
                                       .window = counting_window(c, window),
                                       .column = plan.column,
                                       .aggregate = plan,
                                       .before = window.span == SPAN_PREVIOUS,
                                       .type = plan.type};
  c->ids[c->population.counter_count++] = id;
  return id;
}

static inline struct aggregate_plan counting_plan(enum aggregate kind, uint16_t column) {
  return (struct aggregate_plan){
      .kind = kind, .column = column, .where = NO_COLUMN, .order = AGG_COUNT, .order_column = NO_COLUMN};
}
static inline struct counter_window counting_over(int64_t over_us) {
  return (struct counter_window){.span = SPAN_DURATION, .over_us = over_us};
}
static inline struct counter_window counting_last(int64_t last, int64_t within_us) {
  return (struct counter_window){.span = SPAN_LAST, .last = last, .over_us = within_us};
}

static inline uint16_t counting_special(struct counting_fixture *c, enum counter_kind kind, uint16_t column,
                                        struct counter_window window) {
  uint16_t id = counting_ask(c, window, counting_plan(AGG_LAST, column));
  c->plans[id].kind = kind;
  c->plans[id].before = true;
  if (kind == COUNTER_SEEN) c->plans[id].type = TYPE(VALUE_BOOL);
  return id;
}

static inline void counting_start(struct counting_fixture *c) {
  c->counters = counters_new(c->mem, &c->pool, &c->ruleset);
}

static inline void counting_add(struct counting_fixture *c, int64_t time, const struct value *fields) {
  struct event event = {.time = time, .values = fields};
  c->env.banks[BANK_EVENT] = fields;
  counters_add(c->counters, 0, &c->state, c->annex, &event, &c->env);
}
static inline void counting_know(struct counting_fixture *c, int64_t time, const struct value *fields) {
  if (c->event_count == c->event_room) {
    c->event_room = c->event_room == 0 ? 256 : c->event_room * 2;
    c->events = mem_realloc(c->mem, c->events, c->event_room * sizeof *c->events);
  }
  struct counted *own = &c->events[c->event_count++];
  own->time = time;
  for (uint16_t i = 0; i < FIELDS; i++) own->columns[i] = value_copy(&c->memory, fields[i]);
  own->columns[C_TRIPLE] = value_null();
  int64_t triple;
  if (fields[F_INT].kind == VALUE_INT && !__builtin_mul_overflow(fields[F_INT].i, 3, &triple))
    own->columns[C_TRIPLE] = value_int(triple);
}
/* Added and remembered. */
static inline void counting_add_known(struct counting_fixture *c, int64_t time, const struct value *fields) {
  counting_know(c, time, fields);
  counting_add(c, time, fields);
}

static inline struct value counting_value(struct counting_fixture *c, uint16_t counter, int64_t time,
                                          struct value operand) {
  return counters_ask(c->counters, counter, &c->state, time, operand, &c->scratch, &c->counts);
}
static inline struct value counting_get(struct counting_fixture *c, uint16_t counter, int64_t time) {
  return counting_value(c, counter, time, value_null());
}

/* ---- what must be said ---- */

struct reference {
  const struct counting_fixture *c;
  const struct counter_plan *plan;
  const struct counter_window *window;
  int64_t time;
  const struct counted **inside; /* the window's events, in order */
  uint32_t count;
  struct arena *arena;
};

static inline int64_t reference_day(const struct zone *zone, int64_t time) {
  int64_t local = zone == NULL ? time : zone_local_us(zone, time);
  return local / TIME_DAY_US - (local % TIME_DAY_US < 0);
}

/* The first event of the window, seen from `end` events at `time`. */
static inline uint32_t reference_first(const struct reference *r, uint32_t end) {
  const struct counted *events = r->c->events;
  const struct counter_window *w = r->window;
  int64_t idle = w->span == SPAN_LAST ? (int64_t)COUNTER_IDLE_DAYS * TIME_DAY_US : w->over_us - 1;
  bool idles = w->span == SPAN_EVER || (w->span == SPAN_LAST && w->over_us < 0);
  uint32_t first = end;
  if (idles && end > 0 && r->time - events[end - 1].time > idle) return end;
  for (; first > 0; first--) {
    const struct counted *event = &events[first - 1];
    if (w->span == SPAN_LAST && end - first == w->last) break;
    if (w->span == SPAN_TODAY && reference_day(w->zone, event->time) != reference_day(w->zone, r->time)) break;
    if (!idles && w->span != SPAN_TODAY && event->time <= r->time - w->over_us) break;
    if (idles && first < end && events[first].time - event->time > idle) break;
  }
  return first;
}

static inline bool reference_takes(const struct reference *r, const struct counted *event, bool null_too) {
  const struct aggregate_plan *plan = &r->plan->aggregate;
  if (plan->where != NO_COLUMN) {
    struct value where = event->columns[plan->where];
    if (where.kind != VALUE_BOOL || where.i == 0) return false;
  }
  return null_too || plan->column == NO_COLUMN || event->columns[plan->column].kind != VALUE_NULL;
}

struct ranked_value {
  struct value value, order;
  uint64_t count;
  struct sum sum;
};

static inline struct value reference_top(const struct reference *r) {
  const struct aggregate_plan *plan = &r->plan->aggregate;
  struct ranked_value *found = arena_array(r->arena, struct ranked_value, r->count + 1u);
  uint32_t count = 0;
  for (uint32_t i = 0; i < r->count; i++) {
    struct value v = r->inside[i]->columns[plan->column];
    uint32_t at = 0;
    while (at < count && !value_equal(found[at].value, v)) at++;
    if (at == count) found[count++] = (struct ranked_value){.value = v};
    struct value order = plan->order == AGG_COUNT ? value_null() : r->inside[i]->columns[plan->order_column];
    found[at].count++;
    if (plan->order == AGG_SUM || plan->order == AGG_AVG) sum_add(&found[at].sum, order);
    if (plan->order == AGG_MIN) found[at].order = sum_lesser(found[at].order, order);
    if (plan->order == AGG_MAX) found[at].order = sum_greater(found[at].order, order);
  }
  for (uint32_t i = 0; i < count; i++) {
    if (plan->order == AGG_COUNT) found[i].order = value_int((int64_t)found[i].count);
    if (plan->order == AGG_SUM) found[i].order = sum_total(&found[i].sum, plan->order_type, NULL);
    if (plan->order == AGG_AVG) found[i].order = sum_average(&found[i].sum, plan->order_type, NULL);
  }
  uint32_t told = 0;
  struct value *values = arena_array(r->arena, struct value, (size_t)plan->parameter);
  while (told < plan->parameter && told < count) {
    uint32_t best = told;
    for (uint32_t i = told + 1; i < count; i++) {
      bool null_best = found[best].order.kind == VALUE_NULL, null_other = found[i].order.kind == VALUE_NULL;
      int order = null_best || null_other ? null_other - null_best : -value_compare(found[i].order, found[best].order);
      if (order < 0 || (order == 0 && value_compare(found[i].value, found[best].value) < 0)) best = i;
    }
    struct ranked_value other = found[told];
    found[told] = found[best];
    found[best] = other;
    values[told] = found[told].value;
    told++;
  }
  return (struct value){.list = values, .length = told, .kind = VALUE_LIST};
}

static inline struct value reference_ranked(const struct reference *r) {
  struct pool pool;
  struct ranked ranked = {0};
  pool_init(&pool, r->c->mem);
  for (uint32_t i = 0; i < r->count; i++)
    ranked_insert(&pool, &ranked, ranked_key(r->inside[i]->columns[r->plan->aggregate.column]));
  unsigned percent = r->plan->aggregate.kind == AGG_MEDIAN ? 50 : (unsigned)r->plan->aggregate.parameter;
  struct value v = ranked_percentile(&ranked, percent, r->plan->aggregate.argument);
  pool_free_all(&pool);
  return v;
}

static inline struct value reference_rate(const struct reference *r, uint32_t taking) {
  const struct counter_window *w = r->window;
  int64_t length = w->over_us;
  if (w->span == SPAN_TODAY) length = r->time - reference_day(NULL, r->time) * TIME_DAY_US; /* in UTC */
  if (w->span == SPAN_EVER || (w->span == SPAN_LAST && w->over_us < 0)) {
    if (r->count == 0) return value_null();
    length = r->time - r->inside[0]->time;
  }
  if (length <= 0) return value_null();
  return value_float(taking == 0 ? 0 : exact_ratio(false, (exact_uint)taking * 1000000, (exact_uint)length, 0));
}

static inline struct value reference_folded(const struct reference *r, struct expr_counts *counts) {
  const struct aggregate_plan *plan = &r->plan->aggregate;
  struct spread spread = {0};
  struct decay decay = {0};
  struct value least = value_null(), greatest = value_null();
  struct value *different = arena_array(r->arena, struct value, r->count + 1u);
  uint32_t different_count = 0;
  for (uint32_t i = 0; i < r->count; i++) {
    struct value v = r->inside[i]->columns[plan->column];
    if (plan->kind == AGG_SUM || plan->kind == AGG_AVG || plan->kind == AGG_STDDEV) spread_add(&spread, v);
    if (plan->kind == AGG_EWMA) decay_add(&decay, v, r->inside[i]->time, plan->parameter);
    if (plan->kind == AGG_MIN) least = sum_lesser(least, v);
    if (plan->kind == AGG_MAX) greatest = sum_greater(greatest, v);
    uint32_t at = 0;
    while (plan->kind == AGG_DISTINCT && at < different_count && !value_equal(different[at], v)) at++;
    if (plan->kind == AGG_DISTINCT && at == different_count) different[different_count++] = v;
  }
  switch (plan->kind) {
  case AGG_SUM: return sum_total(&spread.sum, plan->argument, counts);
  case AGG_AVG: return sum_average(&spread.sum, plan->argument, counts);
  case AGG_STDDEV: return spread_deviation(&spread, plan->argument, counts);
  case AGG_EWMA: return decay_mean(&decay, plan->argument, counts);
  case AGG_MIN: return least;
  case AGG_MAX: return greatest;
  default: return value_int(different_count);
  }
}

/* What the counter says after the first `end` of the known events. */
static inline struct value counting_reference(struct counting_fixture *c, uint16_t counter, uint32_t end, int64_t time,
                                              struct value operand, struct arena *arena, struct expr_counts *counts) {
  const struct counter_plan *plan = &c->plans[counter];
  struct reference r = {.c = c, .plan = plan, .window = &c->windows[plan->window], .time = time, .arena = arena};
  enum aggregate kind = plan->aggregate.kind;
  if (plan->kind == COUNTER_SEEN && operand.kind == VALUE_NULL) return value_null();
  uint32_t first = reference_first(&r, end), all = end - first;
  bool null_too = kind == AGG_FIRST || kind == AGG_LAST || kind == AGG_NTH;
  r.inside = arena_array(arena, const struct counted *, all + 1u);
  for (uint32_t i = first; i < end; i++) {
    if (plan->kind == COUNTER_SEEN && value_equal(c->events[i].columns[plan->column], operand)) return value_bool(true);
    if (reference_takes(&r, &c->events[i], null_too)) r.inside[r.count++] = &c->events[i];
  }
  if (plan->kind == COUNTER_SEEN) return value_bool(false);
  uint16_t column = plan->aggregate.column;
  int64_t parameter = plan->aggregate.parameter;
  switch (kind) {
  case AGG_COUNT: return value_int(r.count);
  case AGG_RATE: {
    uint32_t taking = r.count;
    r.inside[0] = all > 0 ? &c->events[first] : NULL;
    r.count = all;
    return reference_rate(&r, taking);
  }
  case AGG_FIRST: return r.count == 0 ? value_null() : r.inside[0]->columns[column];
  case AGG_LAST: return r.count == 0 ? value_null() : r.inside[r.count - 1]->columns[column];
  case AGG_NTH: return r.count < parameter ? value_null() : r.inside[parameter - 1]->columns[column];
  case AGG_COLLECT: {
    uint32_t most = r.count < parameter ? r.count : (uint32_t)parameter;
    struct value *values = arena_array(arena, struct value, most + 1u);
    for (uint32_t i = 0; i < most; i++) values[i] = r.inside[r.count - most + i]->columns[column];
    return most == 0 ? value_null() : (struct value){.list = values, .length = most, .kind = VALUE_LIST};
  }
  case AGG_TOP: return r.count == 0 ? value_null() : reference_top(&r);
  case AGG_MEDIAN:
  case AGG_PERCENTILE: return reference_ranked(&r);
  default: return reference_folded(&r, counts);
  }
}

static inline bool same_told(struct value a, struct value b) { /* to the bit, but for -0 */
  return a.kind == b.kind && a.scale == b.scale && value_equal(a, b);
}

#endif
