/* count_size.c - the size of a population's state from its plan: what its counters need, each thing once. Called by
 * rules/lower and explain. */
#include "rules/count_size.h"

#include "base/check.h"
#include "base/decay.h"
#include "base/ranked.h"
#include "base/sketch.h"
#include "base/sort.h"
#include "base/sum.h"

enum need_kind {
  NEED_CURSOR,   /* a window that looks into the events */
  NEED_SUM,      /* of a column */
  NEED_WHERE,    /* events that satisfy a condition are counted */
  NEED_ORDER,    /* least or greatest */
  NEED_LOG,      /* different values */
  NEED_DISTINCT, /* one window of them */
  NEED_SLICES,   /* a sketched window */
  NEED_INSIDE,   /* what is kept of the events of one window */
  NEED_VALUE,    /* values of a column stay with their events */
  NEED_ENDLESS,  /* a window that keeps no events */
  NEED_CELL      /* an aggregate of it */
};

struct need { /* all that is not said is 0; equal bytes are one need */
  int64_t over_us, last, parameter;
  const struct zone *zone;
  uint16_t kind, column, where, order_column;
  uint16_t span, detail; /* detail: greatest, by number, quantiles, kind of aggregate and its order */
  uint32_t unused;
};

struct needs {
  struct need *items;
  size_t count, room;
};

static void need(struct needs *needs, struct need item) {
  check(needs->count < needs->room);
  needs->items[needs->count++] = item;
}

static int compare(const void *left, const void *right) {
  const struct need *a = left, *b = right;
  if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
  return memcmp(a, b, sizeof *a);
}

static bool is_number(struct type type) {
  return type.kind == VALUE_BOOL || type.kind == VALUE_INT || type.kind == VALUE_FLOAT || type.kind == VALUE_DECIMAL ||
         type.kind == VALUE_TIME || type.kind == VALUE_DURATION;
}

/* ---- what a counter needs ---- */

static struct need of_window(enum need_kind kind, const struct counter_window *window) {
  return (struct need){
      .kind = (uint16_t)kind, .over_us = window->over_us, .last = window->last, .span = (uint16_t)window->span};
}

/* `over D` and `over previous D` of one length look at the same events. */
static struct need of_cursor(const struct counter_window *window) {
  struct need item = {.kind = NEED_CURSOR, .over_us = window->over_us};
  if (window->span == SPAN_LAST) item.last = window->last;
  return item;
}

static void need_where(struct needs *needs, uint16_t where) {
  if (where != NO_COLUMN) need(needs, (struct need){.kind = NEED_WHERE, .where = where});
}
static void need_value(struct needs *needs, uint16_t column) {
  need(needs, (struct need){.kind = NEED_VALUE, .column = column});
}
static void need_log(struct needs *needs, uint16_t column, uint16_t where, bool by_number) {
  need(needs, (struct need){.kind = NEED_LOG, .column = column, .where = where, .detail = by_number});
}

static void need_cell(struct needs *needs, struct need window, const struct aggregate_plan *plan) {
  enum aggregate kind = plan->kind;
  if (kind == AGG_RATE) kind = AGG_COUNT;
  if (kind == AGG_AVG) kind = AGG_SUM;
  if (kind == AGG_PERCENTILE) kind = AGG_MEDIAN;
  window.kind = NEED_CELL;
  window.column = plan->column;
  window.where = plan->where;
  window.order_column = plan->kind == AGG_TOP && plan->order != AGG_COUNT ? plan->order_column : NO_COLUMN;
  window.detail = (uint16_t)(kind << 8 | (unsigned)(kind == AGG_TOP ? plan->order : 0) << 1 | plan->approx);
  if (kind == AGG_NTH || kind == AGG_COLLECT || kind == AGG_EWMA) window.parameter = plan->parameter;
  need(needs, window);
}

/* An aggregate over a window that looks at the events. */
static void need_events(struct needs *needs, const struct counter_window *window, const struct aggregate_plan *plan) {
  need(needs, of_cursor(window));
  if (plan->kind == AGG_SUM || plan->kind == AGG_AVG)
    need(needs, (struct need){.kind = NEED_SUM, .column = plan->column, .where = plan->where});
  if (plan->kind != AGG_SUM) need_where(needs, plan->where);
  switch (plan->kind) {
  case AGG_MIN:
  case AGG_MAX:
    need(needs, (struct need){
                    .kind = NEED_ORDER, .column = plan->column, .where = plan->where, .detail = plan->kind == AGG_MAX});
    break;
  case AGG_STDDEV:
  case AGG_MEDIAN:
  case AGG_PERCENTILE:
  case AGG_EWMA:
  case AGG_TOP: {
    struct need inside = of_cursor(window);
    inside.kind = NEED_INSIDE;
    need(needs, inside);
    if (plan->kind == AGG_TOP && plan->order != AGG_COUNT) need_value(needs, plan->order_column);
    break;
  }
  case AGG_FIRST:
  case AGG_LAST:
  case AGG_NTH:
  case AGG_COLLECT: break;
  default: return;
  }
  need_value(needs, plan->column);
}

static void need_counter(struct needs *needs, const struct counter_plan *counter, const struct counter_window *window) {
  struct aggregate_plan plan = counter->aggregate;
  if (counter->kind == COUNTER_SEEN) {
    need_log(needs, counter->column, plan.where, false);
    return;
  }
  if (counter->kind == COUNTER_PREVIOUS)
    plan = (struct aggregate_plan){
        .kind = AGG_LAST, .column = counter->column, .where = NO_COLUMN, .order_column = NO_COLUMN};
  bool quantile = plan.kind == AGG_MEDIAN || plan.kind == AGG_PERCENTILE;
  bool by_number = window->span == SPAN_LAST;
  if (window->span == SPAN_TODAY || window->span == SPAN_EVER) {
    struct need endless = of_window(NEED_ENDLESS, window);
    endless.zone = window->zone;
    need(needs, endless);
    need_cell(needs, endless, &plan);
  } else if (plan.approx && (quantile || plan.kind == AGG_DISTINCT)) {
    struct need slices = of_window(NEED_SLICES, window);
    slices.column = plan.column;
    slices.where = plan.where;
    slices.detail = quantile;
    need(needs, slices);
  } else if (plan.kind == AGG_DISTINCT) {
    need_log(needs, plan.column, plan.where, by_number);
    struct need distinct = of_window(NEED_DISTINCT, window);
    distinct.column = plan.column;
    distinct.where = plan.where;
    need(needs, distinct);
    if (by_number) need(needs, of_cursor(window));
  } else {
    need_events(needs, window, &plan);
  }
}

/* ---- bytes ---- */

static size_t cell_bytes(const struct need *cell) {
  switch ((enum aggregate)(cell->detail >> 8)) {
  case AGG_SUM: return sizeof(struct sum);
  case AGG_STDDEV: return sizeof(struct spread);
  case AGG_MIN:
  case AGG_MAX: return sizeof(struct value);
  case AGG_FIRST:
  case AGG_LAST: return COUNT_EDGE;
  case AGG_DISTINCT: return sizeof(struct distinct);
  case AGG_MEDIAN: return (cell->detail & 1) != 0 ? sizeof(struct ddsketch) : sizeof(struct ranked);
  case AGG_TOP: return COUNT_TOP;
  case AGG_COLLECT:
  case AGG_NTH: return COUNT_LIST;
  case AGG_EWMA: return sizeof(struct decay);
  default: return sizeof(uint64_t);
  }
}

static size_t aligned(size_t bytes) { return (bytes + 7) & ~(size_t)7; }

struct parts { /* of the state: the fixed, what stands behind it */
  size_t cursors, pointers, endless, totals, conditions;
  size_t kept, ordered, values; /* of an event */
};

static void add(struct parts *parts, const struct need *item, const struct population *population, bool *total) {
  switch ((enum need_kind)item->kind) {
  case NEED_CURSOR: parts->cursors += COUNT_CURSOR; break;
  case NEED_SUM: {
    bool is_float = population->columns[item->column].type.kind == VALUE_FLOAT;
    parts->totals += is_float ? COUNT_TOTAL_FLOAT : COUNT_TOTAL;
    total[item->column] |= !is_float && item->where == NO_COLUMN;
    break;
  }
  case NEED_WHERE: parts->conditions += COUNT_CONDITION; break;
  case NEED_ORDER:
    parts->pointers += COUNT_POINTER;
    parts->ordered += COUNT_ORDERED;
    break;
  case NEED_LOG:
    parts->pointers += COUNT_POINTER;
    parts->values += COUNT_VALUE;
    break;
  case NEED_DISTINCT:
  case NEED_SLICES:
  case NEED_INSIDE: parts->pointers += COUNT_POINTER; break;
  case NEED_VALUE: /* sums come first */
    if (total[item->column]) break;
    parts->kept += is_number(population->columns[item->column].type) ? COUNT_KEPT : COUNT_KEPT_LARGE;
    break;
  case NEED_ENDLESS: parts->endless += COUNT_ENDLESS; break;
  case NEED_CELL: parts->endless += cell_bytes(item); break;
  }
}

static void sort_needs(struct needs *needs, struct arena *scratch) {
  size_t kept = 0;
  sort_items(needs->items, needs->count, sizeof *needs->items, compare, scratch);
  for (size_t i = 0; i < needs->count; i++)
    if (i == 0 || compare(&needs->items[i], &needs->items[kept - 1]) != 0) needs->items[kept++] = needs->items[i];
  needs->count = kept;
}

struct count_size count_size(struct arena *scratch, const struct population *population,
                             const struct counter_plan *counters) {
  enum { NEEDS_PER_COUNTER = 6 };
  struct arena_mark mark = arena_mark(scratch);
  struct needs needs = {.room = (size_t)population->counter_count * NEEDS_PER_COUNTER};
  needs.items = arena_array(scratch, struct need, needs.room + 1);
  bool *total = arena_array(scratch, bool, population->column_count + 1u);
  for (uint16_t i = 0; i < population->counter_count; i++) {
    const struct counter_plan *counter = &counters[population->counters[i]];
    need_counter(&needs, counter, &population->windows[counter->window]);
  }
  sort_needs(&needs, scratch);
  struct parts parts = {0};
  for (size_t i = 0; i < needs.count; i++) add(&parts, &needs.items[i], population, total);
  arena_release(scratch, mark);
  size_t state = COUNT_STATE_HEAD + parts.cursors;
  if (parts.pointers + parts.endless > 0) state = aligned(state) + parts.pointers + parts.endless;
  struct count_size size = {.state = aligned(aligned(state + parts.conditions) + parts.totals), .value = parts.values};
  if (parts.cursors > 0)
    size.event = aligned(COUNT_EVENT_HEAD + parts.kept + parts.totals + parts.conditions) + parts.ordered;
  return size;
}

size_t count_size_aggregates(struct arena *scratch, const struct aggregate_plan *plans, uint16_t count) {
  struct arena_mark mark = arena_mark(scratch);
  struct needs needs = {.room = count};
  needs.items = arena_array(scratch, struct need, needs.room + 1);
  for (uint16_t i = 0; i < count; i++) need_cell(&needs, (struct need){0}, &plans[i]);
  sort_needs(&needs, scratch);
  size_t bytes = 0;
  for (size_t i = 0; i < needs.count; i++) bytes += cell_bytes(&needs.items[i]);
  arena_release(scratch, mark);
  return bytes;
}
