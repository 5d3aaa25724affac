/* window_plan.h - a window plan by hand, a set that runs it, and what it tells, for the tests of windows.
 *
 * Two event types: `plain` {key, amount, ok} and `other`, the same in another order of slots; where ok is false an
 * event of `plain` is not in the window. What is made: n, total, first, last, highest, start, end, revision, partial,
 * key. */
#ifndef WEIR_TESTS_WINDOW_PLAN_H
#define WEIR_TESTS_WINDOW_PLAN_H

#include "base/check.h"
#include "engine/window.h"
#include "test.h"

enum {
  MADE_COUNT,
  MADE_SUM,
  MADE_FIRST,
  MADE_LAST,
  MADE_MAX,
  MADE_START,
  MADE_END,
  MADE_REVISION,
  MADE_PARTIAL,
  MADE_KEY
};
enum { MADE_SLOTS = 10, AGGREGATES = 5, TOLD_MAX = 4096 };

struct telling { /* plain data, compared by bytes: no holes */
  int64_t time, moment, start, end, key, revision, partial, caused;
  int64_t count, sum, first, last, max; /* INT64_MIN: null */
};

struct fixture {
  struct mem *mem;
  struct arena arena, scratch;
  struct ruleset ruleset;
  struct schema schemas[3];
  struct window_plan plan;
  struct window_from from[2];
  struct aggregate_plan aggregates[AGGREGATES];
  struct window_set *set;
  struct expr_counts counts;
  struct expr_env env;
  uint32_t told_count;
  struct telling *told;
  void (*each)(struct fixture *fixture, const struct window_event *event); /* instead of keeping them */
  uint64_t each_count;
};

static const struct slice window_key_names[] = {{"card", 4}};
static const struct type window_key_int = {.kind = VALUE_INT};

static inline const struct expr *plan_input(struct fixture *f, enum expr_bank bank, uint16_t index, uint8_t kind) {
  struct expr_node node = {.op = EXPR_INPUT, .type = TYPE(kind), .bank = (uint16_t)bank, .index = index};
  return expr_compile(&f->arena, &node, NULL);
}

/* BANK_REGISTER[index] > limit. */
static inline const struct expr *plan_above(struct fixture *f, uint16_t index, int64_t limit) {
  struct expr_node value = {.op = EXPR_INPUT, .type = TYPE(VALUE_INT), .bank = BANK_REGISTER, .index = index};
  struct expr_node literal = {.op = EXPR_CONST, .type = TYPE(VALUE_INT), .value = value_int(limit)};
  struct expr_node *sides[] = {&value, &literal};
  struct expr_node node = {.op = EXPR_GREATER, .type = TYPE(VALUE_BOOL), .child_count = 2, .children = sides};
  return expr_compile(&f->arena, &node, NULL);
}

static inline void plan_from(struct fixture *f, uint16_t number, uint16_t key, uint16_t amount) {
  uint16_t *slots = arena_array(&f->arena, uint16_t, 1);
  const struct expr **columns = arena_array(&f->arena, const struct expr *, 1);
  slots[0] = key;
  columns[0] = plan_input(f, BANK_EVENT, amount, VALUE_INT);
  f->from[number] = (struct window_from){.type = number, .key_slots = slots, .columns = columns};
}

/* A tumbling window of 10 us by an int key; change f->plan, then fixture_start(). */
static inline void fixture_init(struct fixture *f) {
  static const enum aggregate kinds[AGGREGATES] = {AGG_COUNT, AGG_SUM, AGG_FIRST, AGG_LAST, AGG_MAX};
  static const uint8_t made[MADE_SLOTS] = {VALUE_INT,  VALUE_INT,  VALUE_INT, VALUE_INT,  VALUE_INT,
                                           VALUE_TIME, VALUE_TIME, VALUE_INT, VALUE_BOOL, VALUE_INT};
  static const struct type column = {.kind = VALUE_INT};
  *f = (struct fixture){.mem = mem_new(0)};
  arena_init(&f->arena, f->mem, 4096);
  arena_init(&f->scratch, f->mem, 4096);
  f->told = mem_alloc(f->mem, TOLD_MAX * sizeof *f->told);
  f->schemas[0] = (struct schema){.id = 0, .slot_count = 3};
  f->schemas[1] = (struct schema){.id = 1, .slot_count = 3};
  f->schemas[2] = (struct schema){.id = 2, .slot_count = MADE_SLOTS, .asked_first = MADE_SLOTS, .derived = true};
  f->ruleset = (struct ruleset){.schema_count = 3, .schemas = f->schemas};
  for (unsigned i = 0; i < AGGREGATES; i++)
    f->aggregates[i] = (struct aggregate_plan){.kind = kinds[i],
                                               .column = i == 0 ? NO_COLUMN : 0,
                                               .where = NO_COLUMN,
                                               .order_column = NO_COLUMN,
                                               .argument = TYPE(i == 0 ? VALUE_NULL : VALUE_INT),
                                               .type = TYPE(VALUE_INT)};
  plan_from(f, 0, 0, 1);
  plan_from(f, 1, 2, 0);
  f->from[0].where = plan_input(f, BANK_EVENT, 2, VALUE_BOOL);
  const struct expr **entries = arena_array(&f->arena, const struct expr *, MADE_SLOTS);
  for (uint16_t i = 0; i < MADE_SLOTS; i++) {
    enum expr_bank bank = i < MADE_START ? BANK_REGISTER : i < MADE_KEY ? BANK_WINDOW : BANK_KEY;
    uint16_t first = i < MADE_START ? MADE_COUNT : i < MADE_KEY ? MADE_START : MADE_KEY;
    entries[i] = plan_input(f, bank, (uint16_t)(i - first), made[i]);
  }
  f->plan = (struct window_plan){.schema = 2,
                                 .kind = WINDOW_TUMBLING,
                                 .size_us = 10,
                                 .early_us = -1,
                                 .early_count = -1,
                                 .known_us = -1,
                                 .key_count = 1,
                                 .key_names = window_key_names,
                                 .key_types = &window_key_int,
                                 .from_count = 2,
                                 .from = f->from,
                                 .column_count = 1,
                                 .columns = &column,
                                 .aggregate_count = AGGREGATES,
                                 .aggregates = f->aggregates,
                                 .entries = entries};
  f->env = (struct expr_env){.scratch = &f->scratch, .counts = &f->counts};
}

static inline int64_t number_of(struct value value) { return value_is_null(value) ? INT64_MIN : value.i; }

static inline void fixture_tell(void *context, const struct window_event *event) {
  struct fixture *f = context;
  const struct value *values = event->event.values;
  if (f->each != NULL) {
    f->each(f, event);
    return;
  }
  check(f->told_count < TOLD_MAX);
  EXPECT_INT(values[MADE_START].i, event->start);
  EXPECT_INT(values[MADE_END].i, event->end);
  EXPECT_INT(values[MADE_REVISION].i, event->revision);
  EXPECT_INT(values[MADE_PARTIAL].i, event->partial_number > 0);
  EXPECT_INT(event->event.type, 2);
  if (f->plan.key_count == 1) EXPECT_INT(values[MADE_KEY].i, event->key[0].i);
  f->told[f->told_count++] = (struct telling){.time = event->event.time,
                                              .moment = event->moment,
                                              .start = event->start,
                                              .end = event->end,
                                              .key = f->plan.key_count == 0 ? 0 : number_of(event->key[0]),
                                              .revision = event->revision,
                                              .partial = event->partial_number,
                                              .caused = event->cause != NULL,
                                              .count = values[MADE_COUNT].i,
                                              .sum = number_of(values[MADE_SUM]),
                                              .first = number_of(values[MADE_FIRST]),
                                              .last = number_of(values[MADE_LAST]),
                                              .max = number_of(values[MADE_MAX])};
}

static inline void fixture_start(struct fixture *f, uint64_t keys_max) {
  struct window_options options = {
      .ruleset = &f->ruleset, .plan = &f->plan, .keys_max = keys_max, .tell = fixture_tell, .context = f};
  f->set = window_set_new(f->mem, &options);
}

static inline void fixture_end(struct fixture *f) { mem_free_all(f->mem); }

/* An event of `plain` (number 0) or `other` at `time`, in its turn at `now`. */
static inline void feed(struct fixture *f, uint16_t number, struct value key, int64_t amount, bool ok, int64_t time,
                        int64_t now) {
  struct value plain[] = {key, value_int(amount), value_bool(ok)};
  struct value other[] = {value_int(amount), value_bool(ok), key};
  struct event event = {.time = time, .type = number, .values = number == 0 ? plain : other};
  window_set_ask_ahead(f->set, &(struct window_ask){.event = &event, .from = number}, 1); /* changes nothing */
  window_set_event(f->set, number, &event, now, &f->env);
  arena_reset(&f->scratch);
}
static inline void add(struct fixture *f, int64_t key, int64_t amount, int64_t time) {
  feed(f, 0, value_int(key), amount, true, time, time);
}
static inline void add_late(struct fixture *f, int64_t key, int64_t amount, int64_t time, int64_t now) {
  feed(f, 0, value_int(key), amount, true, time, now);
}
static inline void pass(struct fixture *f, int64_t frontier) { window_set_time(f->set, frontier, INT64_MAX, &f->env); }
static inline void finish(struct fixture *f, int64_t highest) { window_set_time(f->set, INT64_MAX, highest, &f->env); }

#endif
