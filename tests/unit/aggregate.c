/* floors: base nfa rules engine */
/* Aggregates of windows: each kind against its definition over the whole list, any split into panes, late events, nulls
 * and conditions, limits, what they cost. */
#include "engine/aggregate.h"

#include <math.h>
#include <stdlib.h>

#include "base/sketch.h"
#include "base/sum.h"
#include "test.h"

static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static bool same(struct value a, struct value b) { /* bit for bit */
  if (a.kind != b.kind || a.zero != b.zero) return false;
  if (a.kind == VALUE_FLOAT || a.kind == VALUE_DECIMAL) return a.i == b.i && a.scale == b.scale;
  if (a.kind != VALUE_LIST) return value_equal(a, b);
  if (a.length != b.length) return false;
  for (uint32_t i = 0; i < a.length; i++)
    if (!same(a.list[i], b.list[i])) return false;
  return true;
}

/* ---- columns of every type, and plans over them ---- */

enum { C_INT, C_MONEY, C_FLOAT, C_WAIT, C_TIME, C_TEXT, C_IP, C_BOOL, C_LIST, COLUMNS };
enum { PLANS_MAX = 128, EVENTS_MAX = 3000 };
static const struct type types[COLUMNS] = {{.kind = VALUE_INT},
                                           {.kind = VALUE_DECIMAL, .scale = 2},
                                           {.kind = VALUE_FLOAT},
                                           {.kind = VALUE_DURATION},
                                           {.kind = VALUE_TIME},
                                           {.kind = VALUE_STRING},
                                           {.kind = VALUE_IP},
                                           {.kind = VALUE_BOOL},
                                           {.kind = VALUE_LIST, .element = VALUE_STRING}};

struct event_row {
  struct value columns[COLUMNS];
  int64_t time;
};
static struct event_row rows[EVENTS_MAX];
static struct mem *mem;
static struct pool pool;
static struct arena arena, scratch;

static void set_up(void) {
  mem = mem_new(0);
  pool_init(&pool, mem);
  arena_init(&arena, mem, 1 << 16);
  arena_init(&scratch, mem, 1 << 14);
}
static void tear_down(void) {
  EXPECT_INT(pool_used(&pool), 0);
  pool_free_all(&pool);
  mem_free_all(mem);
}

static struct value text_of(uint64_t number) {
  const char *text = number % 5 == 0 ? "" : arena_printf(&arena, "device number %u", (unsigned)number);
  return value_string(slice_of(text));
}

static struct value random_value(int column, uint64_t variety) {
  uint64_t number = random_bits() % variety;
  if (random_bits() % 10 == 0) return value_null();
  switch (column) {
  case C_INT: return value_int((int64_t)number - 20);
  case C_MONEY: return value_decimal((int64_t)number * 37 - 100, 2);
  case C_FLOAT: return value_float(((double)number - 10) / 7);
  case C_WAIT: return value_duration((int64_t)number * 1001 - 30);
  case C_TIME: return value_time((int64_t)number);
  case C_TEXT: return text_of(number);
  case C_IP: {
    if (number % 2 == 0) return (struct value){.i = (int64_t)number, .length = 4, .kind = VALUE_IP};
    uint8_t *bytes = arena_zero(&arena, 16);
    memcpy(bytes + 8, &number, sizeof number);
    return (struct value){.ip = bytes, .length = 16, .kind = VALUE_IP};
  }
  case C_BOOL: return value_bool(number % 3 == 0);
  default: {
    struct value *list = arena_array(&arena, struct value, 3);
    for (int i = 0; i < 3; i++) list[i] = text_of(number + (uint64_t)i);
    return (struct value){.list = list, .length = (uint32_t)(number % 4), .kind = VALUE_LIST};
  }
  }
}

static void random_rows(size_t count, uint64_t variety, int64_t gap) {
  int64_t time = -1000;
  for (size_t i = 0; i < count; i++) {
    time += (int64_t)(random_bits() % (uint64_t)gap);
    rows[i].time = time;
    for (int c = 0; c < COLUMNS; c++) rows[i].columns[c] = random_value(c, variety);
  }
}

static bool numeric(int column) { return column <= C_WAIT; }

static struct aggregate_plan plans[PLANS_MAX];
static uint16_t plan_count;

/* `where` and the order's column from 1; 0: none. */
static void plan_add(struct aggregate_plan plan) {
  plan.where = plan.where == 0 ? NO_COLUMN : (uint16_t)(plan.where - 1);
  plan.order_column = plan.order_column == 0 ? NO_COLUMN : (uint16_t)(plan.order_column - 1);
  if (plan.column != NO_COLUMN) plan.argument = types[plan.column];
  if (plan.order_column != NO_COLUMN) plan.order_type = types[plan.order_column];
  if (plan_count < PLANS_MAX) plans[plan_count++] = plan;
}
#define PLAN(...) plan_add((struct aggregate_plan){__VA_ARGS__})

/* Each kind over each type that it takes, some under a condition. */
static void all_plans(void) {
  plan_count = 0;
  PLAN(.kind = AGG_COUNT, .column = NO_COLUMN);
  PLAN(.kind = AGG_RATE, .column = NO_COLUMN);
  PLAN(.kind = AGG_COUNT, .column = NO_COLUMN, .where = 1 + C_BOOL);
  for (uint16_t c = 0; c < COLUMNS; c++) {
    PLAN(.kind = AGG_FIRST, .column = c);
    PLAN(.kind = AGG_LAST, .column = c);
    PLAN(.kind = AGG_NTH, .column = c, .parameter = 1 + 3 * c);
    if (c == C_LIST) break;
    PLAN(.kind = AGG_DISTINCT, .column = c);
    PLAN(.kind = AGG_COLLECT, .column = c, .parameter = 1 + c * 2);
    PLAN(.kind = AGG_TOP, .column = c, .order = AGG_COUNT, .parameter = 5);
    PLAN(.kind = AGG_TOP, .column = C_TEXT, .order = c % 2 ? AGG_MIN : AGG_MAX, .order_column = 1 + c, .parameter = 3);
    if (c != C_BOOL) PLAN(.kind = AGG_MIN, .column = c);
    if (c != C_BOOL) PLAN(.kind = AGG_MAX, .column = c);
    if (!numeric(c)) continue;
    PLAN(.kind = AGG_SUM, .column = c);
    PLAN(.kind = AGG_AVG, .column = c);
    if (c != C_WAIT) PLAN(.kind = AGG_STDDEV, .column = c, .where = 1 + C_BOOL);
    PLAN(.kind = AGG_SUM, .column = c, .where = 1 + C_BOOL);
    PLAN(.kind = AGG_MEDIAN, .column = c);
    PLAN(.kind = AGG_PERCENTILE, .column = c, .parameter = 90);
    PLAN(.kind = AGG_MEDIAN, .column = c, .approx = true);
    PLAN(.kind = AGG_TOP, .column = C_IP, .order = c % 2 ? AGG_SUM : AGG_AVG, .order_column = 1 + c, .parameter = 4);
    PLAN(.kind = AGG_EWMA, .column = c, .parameter = 500 + c);
  }
  PLAN(.kind = AGG_DISTINCT, .column = C_TEXT, .approx = true);
  EXPECT(plan_count < PLANS_MAX);
}

static struct value tell(const struct aggregates *aggregates, const void *block, uint16_t plan) {
  struct expr_counts counts = {0};
  return aggregates_tell(aggregates, block, plan, 7000000, &scratch, &counts);
}

static void expect_same_block(struct aggregates *aggregates, const void *a, const void *b) {
  for (uint16_t p = 0; p < plan_count; p++) {
    if (same(tell(aggregates, a, p), tell(aggregates, b, p))) continue;
    printf("plan %u, kind %d, column %u\n", p, plans[p].kind, plans[p].column);
    EXPECT_TEXT("another", "the same is told");
  }
  arena_reset(&scratch);
}

/* ---- the definitions ---- */

static struct value taken[EVENTS_MAX], partner[EVENTS_MAX]; /* what takes part: values, and those of the order column */
static size_t taken_count;

static void take(const struct aggregate_plan *plan, size_t count, bool nulls) {
  taken_count = 0;
  for (size_t i = 0; i < count; i++) {
    const struct value *columns = rows[i].columns;
    if (plan->where != NO_COLUMN && !(columns[plan->where].kind == VALUE_BOOL && columns[plan->where].i)) continue;
    struct value v = plan->column == NO_COLUMN ? value_bool(true) : columns[plan->column];
    if (v.kind == VALUE_NULL && !nulls) continue;
    if (plan->order_column != NO_COLUMN) partner[taken_count] = columns[plan->order_column];
    taken[taken_count++] = v;
  }
}

static int compare_values(const void *a, const void *b) {
  return value_compare(*(const struct value *)a, *(const struct value *)b);
}

static size_t distinct_values(struct value *out) { /* sorted */
  size_t count = 0;
  static struct value sorted[EVENTS_MAX];
  memcpy(sorted, taken, taken_count * sizeof *taken);
  qsort(sorted, taken_count, sizeof *sorted, compare_values);
  for (size_t i = 0; i < taken_count; i++)
    if (i == 0 || value_compare(sorted[i - 1], sorted[i]) != 0) out[count++] = sorted[i];
  return count;
}

static struct value order_value(const struct aggregate_plan *plan, struct value v) {
  struct sum sum = {0};
  struct value extreme = value_null();
  int64_t count = 0;
  for (size_t i = 0; i < taken_count; i++) {
    if (!value_equal(taken[i], v)) continue;
    count++;
    if (plan->order == AGG_COUNT) continue;
    if (plan->order == AGG_MIN) extreme = sum_lesser(extreme, partner[i]);
    if (plan->order == AGG_MAX) extreme = sum_greater(extreme, partner[i]);
    if (plan->order == AGG_SUM || plan->order == AGG_AVG) sum_add(&sum, partner[i]);
  }
  switch (plan->order) {
  case AGG_COUNT: return value_int(count);
  case AGG_SUM: return sum_total(&sum, plan->order_type, NULL);
  case AGG_AVG: return sum_average(&sum, plan->order_type, NULL);
  default: return extreme;
  }
}

static void expect_top(const struct aggregate_plan *plan, struct value told) {
  static struct value different[EVENTS_MAX], orders[EVENTS_MAX];
  size_t count = distinct_values(different);
  if (count == 0) {
    EXPECT(value_is_null(told));
    return;
  }
  for (size_t i = 0; i < count; i++) orders[i] = order_value(plan, different[i]);
  EXPECT_INT(told.length, count < (size_t)plan->parameter ? count : (size_t)plan->parameter);
  for (uint32_t place = 0; place < told.length; place++) {
    size_t best = SIZE_MAX; /* the first of the highest: they are sorted by value */
    for (size_t i = 0; i < count; i++) {
      if (different[i].zero != 0) continue; /* taken already */
      if (best == SIZE_MAX || (orders[i].kind != VALUE_NULL &&
                               (orders[best].kind == VALUE_NULL || value_compare(orders[i], orders[best]) > 0)))
        best = i;
    }
    EXPECT(value_equal(told.list[place], different[best]));
    different[best].zero = 1;
  }
}

static double double_of(struct value v) {
  return v.kind == VALUE_DECIMAL ? (double)v.i / 100 : v.kind == VALUE_FLOAT ? v.f : (double)v.i;
}

static void expect_percentile(const struct aggregate_plan *plan, struct value told) {
  static struct value sorted[EVENTS_MAX];
  if (taken_count == 0) {
    EXPECT(value_is_null(told));
    return;
  }
  memcpy(sorted, taken, taken_count * sizeof *taken);
  qsort(sorted, taken_count, sizeof *sorted, compare_values);
  double rank = (plan->kind == AGG_MEDIAN ? 50 : (double)plan->parameter) / 100 * (double)(taken_count - 1);
  size_t low = (size_t)rank, high = low + 1 < taken_count ? low + 1 : low;
  double a = double_of(sorted[low]), b = double_of(sorted[high]), expected = a + (b - a) * (rank - (double)low);
  double most = fmax(fabs(a), fabs(b));
  if (plan->argument.kind == VALUE_DURATION) {
    EXPECT_INT(told.kind, VALUE_DURATION);
    EXPECT(fabs((double)told.i - expected) <= 0.5001 + (plan->approx ? 0.01 * most : 0));
  } else {
    EXPECT_INT(told.kind, VALUE_FLOAT);
    EXPECT(fabs(told.f - expected) <= (plan->approx ? 0.01 : 1e-13) * most);
  }
}

static void expect_ewma(const struct aggregate_plan *plan, struct value told, size_t count) {
  long double sum = 0, weights = 0;
  for (size_t i = 0; i < count; i++) {
    struct value v = rows[i].columns[plan->column];
    if (v.kind == VALUE_NULL) continue;
    long double weight = exp2l((long double)(rows[i].time - rows[count - 1].time) / (long double)plan->parameter);
    sum += weight * (long double)double_of(v);
    weights += weight;
  }
  if (weights == 0)
    EXPECT(value_is_null(told));
  else
    EXPECT(fabsl((long double)double_of(told) - sum / weights) < (told.kind == VALUE_DURATION ? 0.501L : 1e-9L));
}

static void expect_definition(const struct aggregate_plan *plan, struct value told, size_t count) {
  struct spread spread = {0};
  struct value extreme = value_null();
  static struct value different[EVENTS_MAX];
  take(plan, count, plan->kind == AGG_FIRST || plan->kind == AGG_LAST || plan->kind == AGG_NTH);
  switch (plan->kind) {
  case AGG_COUNT: EXPECT(same(told, value_int((int64_t)taken_count))); break;
  case AGG_RATE: EXPECT(same(told, value_float((double)taken_count / 7))); break;
  case AGG_SUM:
  case AGG_AVG:
  case AGG_STDDEV:
    spread_add_all(&spread, taken, taken_count);
    if (plan->kind == AGG_SUM) EXPECT(same(told, sum_total(&spread.sum, plan->argument, NULL)));
    if (plan->kind == AGG_AVG) EXPECT(same(told, sum_average(&spread.sum, plan->argument, NULL)));
    if (plan->kind == AGG_STDDEV) EXPECT(same(told, spread_deviation(&spread, plan->argument, NULL)));
    break;
  case AGG_MIN:
    for (size_t i = 0; i < taken_count; i++) extreme = sum_lesser(extreme, taken[i]);
    EXPECT(same(told, extreme));
    break;
  case AGG_MAX:
    for (size_t i = 0; i < taken_count; i++) extreme = sum_greater(extreme, taken[i]);
    EXPECT(same(told, extreme));
    break;
  case AGG_DISTINCT: {
    int64_t exact = (int64_t)distinct_values(different), most = plan->approx ? DISTINCT_APPROX_MAX : 1024;
    EXPECT_INT(told.kind, VALUE_INT);
    EXPECT(exact <= most ? told.i == exact : llabs(told.i - exact) <= exact * 7 / 100);
    break;
  }
  case AGG_FIRST: EXPECT(same(told, taken_count > 0 ? taken[0] : value_null())); break;
  case AGG_LAST: EXPECT(same(told, taken_count > 0 ? taken[taken_count - 1] : value_null())); break;
  case AGG_NTH:
    EXPECT(same(told, (int64_t)taken_count >= plan->parameter ? taken[plan->parameter - 1] : value_null()));
    break;
  case AGG_COLLECT: {
    size_t length = taken_count < (size_t)plan->parameter ? taken_count : (size_t)plan->parameter;
    struct value list = {.list = &taken[taken_count - length], .length = (uint32_t)length, .kind = VALUE_LIST};
    EXPECT(same(told, length == 0 ? value_null() : list));
    break;
  }
  case AGG_MEDIAN:
  case AGG_PERCENTILE: expect_percentile(plan, told); break;
  case AGG_TOP: expect_top(plan, told); break;
  case AGG_EWMA: expect_ewma(plan, told, count); break;
  case AGG_NONE: break;
  }
}

TEST(each_kind_is_its_definition) {
  set_up();
  all_plans();
  struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
  void *block = mem_alloc(mem, aggregates_bytes(aggregates));
  static const size_t counts[] = {0, 1, 2, 3, 10, 50, 200, 900};
  for (size_t i = 0; i < 2 * sizeof counts / sizeof *counts; i++) {
    size_t count = counts[i / 2];
    random_rows(count, i % 2 == 0 ? 15 : 100000, 300);
    aggregates_init(aggregates, block);
    for (size_t r = 0; r < count; r++) aggregates_add(aggregates, block, rows[r].columns, rows[r].time);
    for (uint16_t p = 0; p < plan_count; p++) {
      bool before = test_failed;
      expect_definition(&plans[p], tell(aggregates, block, p), count);
      if (test_failed && !before)
        printf("plan %u, kind %d, column %u, %zu events\n", p, plans[p].kind, plans[p].column, count);
    }
    EXPECT(aggregates_extra_bytes(aggregates, block) <= pool_used(&pool));
    EXPECT(pool_used(&pool) <= 3 * aggregates_extra_bytes(aggregates, block) + 4096);
    aggregates_free(aggregates, block);
    EXPECT_INT(aggregates_extra_bytes(aggregates, block), 0);
    EXPECT_INT(pool_used(&pool), 0);
    arena_reset(&arena);
    arena_reset(&scratch);
  }
  tear_down();
}

/* ---- panes ---- */

/* Random panes, merged in their order, pairwise in any grouping: the same as adding in order. */
static void expect_panes(struct aggregates *aggregates, size_t count) {
  enum { PANES = 6 };
  size_t bytes = aggregates_bytes(aggregates);
  char *whole = mem_alloc(mem, bytes), *panes = mem_alloc(mem, PANES * bytes);
  aggregates_init(aggregates, whole);
  for (int p = 0; p < PANES; p++) aggregates_init(aggregates, panes + (size_t)p * bytes);
  size_t pane = 0;
  for (size_t r = 0; r < count; r++) {
    if (pane + 1 < PANES && random_bits() % (count / PANES + 1) == 0) pane += 1 + random_bits() % (PANES - 1 - pane);
    aggregates_add(aggregates, whole, rows[r].columns, rows[r].time);
    aggregates_add(aggregates, panes + pane * bytes, rows[r].columns, rows[r].time);
  }
  for (int left = PANES; left > 1; left--) { /* two neighbours become one */
    int at = (int)(random_bits() % (uint64_t)(left - 1));
    char *into = panes + (size_t)at * bytes, *from = into + bytes;
    aggregates_merge(aggregates, into, from);
    aggregates_free(aggregates, from);
    memmove(from, from + bytes, (size_t)(left - at - 2) * bytes); /* blocks may be moved as bytes */
    aggregates_init(aggregates, panes + (size_t)(left - 1) * bytes);
  }
  expect_same_block(aggregates, whole, panes);
  aggregates_free(aggregates, whole);
  aggregates_free(aggregates, panes);
  mem_free(mem, whole);
  mem_free(mem, panes);
  arena_reset(&arena);
}

TEST(panes_merged_in_order_are_the_whole) {
  set_up();
  all_plans();
  struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
  for (int round = 0; round < 150; round++) {
    size_t count = random_bits() % (round % 10 == 0 ? EVENTS_MAX : 120);
    random_rows(count, round % 3 == 0 ? 4 : round % 3 == 1 ? 200 : 1000000, 1 + random_bits() % 5000);
    expect_panes(aggregates, count);
    EXPECT_INT(pool_used(&pool), 0);
  }
  /* with limits in reach: all but top() */
  aggregates_set_limits(aggregates, (struct aggregate_limits){20, UINT32_MAX, 30});
  for (int round = 0; round < 60; round++) {
    size_t count = random_bits() % 200;
    random_rows(count, 200, 100);
    expect_panes(aggregates, count);
  }
  struct aggregate_counts counts = aggregates_counts(aggregates);
  EXPECT(counts.distinct_sketched > 0 && counts.percentile_sketched > 0 && counts.top_values == 0);
  tear_down();
}

TEST(merging_leaves_the_other_as_it_was) {
  set_up();
  all_plans();
  struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
  size_t bytes = aggregates_bytes(aggregates);
  char *blocks = mem_alloc(mem, 3 * bytes), *a = blocks, *b = a + bytes, *copy = b + bytes;
  random_rows(300, 50, 20);
  for (int r = 0; r < 300; r++) aggregates_add(aggregates, r < 100 ? a : b, rows[r].columns, rows[r].time);
  aggregates_merge(aggregates, copy, b); /* into nothing: a copy */
  expect_same_block(aggregates, copy, b);
  aggregates_merge(aggregates, a, b);
  expect_same_block(aggregates, copy, b);
  aggregates_free(aggregates, a);
  expect_same_block(aggregates, copy, b); /* nothing is shared */
  aggregates_merge(aggregates, b, a);     /* nothing comes */
  expect_same_block(aggregates, copy, b);
  aggregates_free(aggregates, b);
  aggregates_free(aggregates, copy);
  tear_down();
}

TEST(late_events_change_it_as_if_they_had_come_in_time) {
  set_up();
  all_plans();
  struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
  size_t bytes = aggregates_bytes(aggregates);
  char *sorted = mem_alloc(mem, bytes), *mixed = mem_alloc(mem, bytes);
  for (int round = 0; round < 60; round++) {
    size_t count = 1 + random_bits() % 150;
    random_rows(count, 50, 1000);
    for (size_t i = 1; i < count; i++) /* no equal times: between these the order of adding decides */
      if (rows[i].time <= rows[i - 1].time) rows[i].time = rows[i - 1].time + 1;
    for (size_t r = 0; r < count; r++) aggregates_add(aggregates, sorted, rows[r].columns, rows[r].time);
    for (size_t r = count; r > 1; r--) {
      size_t other = round % 2 == 0 ? random_bits() % r : r - 1 - random_bits() % (r < 4 ? r : 4);
      struct event_row row = rows[r - 1];
      rows[r - 1] = rows[other];
      rows[other] = row;
    }
    for (size_t r = 0; r < count; r++) aggregates_add(aggregates, mixed, rows[r].columns, rows[r].time);
    expect_same_block(aggregates, sorted, mixed);
    aggregates_free(aggregates, sorted);
    aggregates_free(aggregates, mixed);
    arena_reset(&arena);
  }
  tear_down();
}

TEST(equal_times_keep_the_order_of_adding) {
  set_up();
  plan_count = 0;
  PLAN(.kind = AGG_FIRST, .column = C_INT);
  PLAN(.kind = AGG_LAST, .column = C_INT);
  PLAN(.kind = AGG_NTH, .column = C_INT, .parameter = 2);
  PLAN(.kind = AGG_COLLECT, .column = C_INT, .parameter = 3);
  struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
  char *block = mem_alloc(mem, aggregates_bytes(aggregates));
  for (int i = 1; i <= 5; i++) {
    rows[0].columns[C_INT] = value_int(i);
    aggregates_add(aggregates, block, rows[0].columns, 77);
  }
  rows[0].columns[C_INT] = value_null();
  aggregates_add(aggregates, block, rows[0].columns, 77);
  EXPECT_INT(tell(aggregates, block, 0).i, 1);
  EXPECT(value_is_null(tell(aggregates, block, 1))); /* the event's value, null or not */
  EXPECT_INT(tell(aggregates, block, 2).i, 2);
  struct value list = tell(aggregates, block, 3);
  EXPECT(list.length == 3 && list.list[0].i == 3 && list.list[2].i == 5);
  aggregates_free(aggregates, block);
  tear_down();
}

/* ---- borders ---- */

TEST(nothing_and_nulls) {
  set_up();
  all_plans();
  struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
  char *block = mem_alloc(mem, aggregates_bytes(aggregates));
  for (int c = 0; c < COLUMNS; c++) rows[0].columns[c] = value_null();
  for (int round = 0; round < 2; round++) {
    for (uint16_t p = 0; p < plan_count; p++) {
      struct value told = tell(aggregates, block, p);
      bool events = plans[p].kind == AGG_COUNT || plans[p].kind == AGG_RATE;
      if (plans[p].kind == AGG_SUM)
        EXPECT(told.i == 0 && told.kind == plans[p].argument.kind && told.scale == plans[p].argument.scale);
      else if (plans[p].kind == AGG_DISTINCT)
        EXPECT(same(told, value_int(0)));
      else if (!events)
        EXPECT(value_is_null(told));
      else if (plans[p].where != NO_COLUMN || round == 0) /* a condition that is null is not true */
        EXPECT(double_of(told) == 0);
      else
        EXPECT(double_of(told) == (plans[p].kind == AGG_COUNT ? 1 : 1.0 / 7));
    }
    aggregates_add(aggregates, block, rows[0].columns, 5);
  }
  struct expr_counts counts = {0};
  EXPECT(value_is_null(aggregates_tell(aggregates, block, 1, 0, &scratch, &counts))); /* a rate over no time */
  EXPECT(value_is_null(aggregates_tell(aggregates, block, 1, -5, &scratch, &counts)));
  aggregates_free(aggregates, block);
  struct aggregates *none = aggregates_new(mem, &pool, NULL, 0); /* a window without aggregates */
  EXPECT_INT(aggregates_bytes(none), 0);
  aggregates_add(none, block, rows[0].columns, 5);
  tear_down();
}

TEST(decimals_at_their_limits) { /* out of range is null and counted, never wrong, and comes back */
  set_up();
  plan_count = 0;
  PLAN(.kind = AGG_SUM, .column = C_MONEY);
  PLAN(.kind = AGG_AVG, .column = C_MONEY);
  PLAN(.kind = AGG_STDDEV, .column = C_MONEY);
  PLAN(.kind = AGG_MEDIAN, .column = C_MONEY);
  PLAN(.kind = AGG_EWMA, .column = C_MONEY, .parameter = 1000);
  struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
  size_t bytes = aggregates_bytes(aggregates);
  EXPECT_INT(bytes, 72 + 24 + 168); /* sum and avg are in what stddev keeps */
  char *blocks = mem_alloc(mem, 2 * bytes), *low = blocks + bytes;
  struct expr_counts counts = {0};
  for (int i = 0; i < 3; i++) {
    rows[0].columns[C_MONEY] = value_decimal(INT64_MAX, 2);
    aggregates_add(aggregates, blocks, rows[0].columns, i);
    rows[0].columns[C_MONEY] = value_decimal(INT64_MIN, 2);
    aggregates_add(aggregates, low, rows[0].columns, i);
  }
  EXPECT(value_is_null(aggregates_tell(aggregates, blocks, 0, 1, &scratch, &counts)));
  EXPECT_INT(counts.overflow, 1);
  EXPECT(value_is_null(aggregates_tell(aggregates, low, 0, 1, &scratch, &counts)));
  EXPECT_INT(counts.overflow, 2);
  for (uint16_t p = 1; p < plan_count; p++) {
    struct value told = aggregates_tell(aggregates, blocks, p, 1, &scratch, &counts);
    EXPECT(told.f == (p == 2 ? 0 : 92233720368547758.07));
  }
  aggregates_merge(aggregates, blocks, low);
  EXPECT(same(aggregates_tell(aggregates, blocks, 0, 1, &scratch, &counts), value_decimal(-3, 2)));
  EXPECT(aggregates_tell(aggregates, blocks, 1, 1, &scratch, &counts).f == -0.005);
  EXPECT(aggregates_tell(aggregates, blocks, 3, 1, &scratch, &counts).f == -0.005);
  EXPECT_INT(counts.overflow, 2);
  aggregates_free(aggregates, blocks);
  aggregates_free(aggregates, low);
  tear_down();
}

TEST(limits) {
  set_up();
  plan_count = 0;
  PLAN(.kind = AGG_TOP, .column = C_INT, .order = AGG_COUNT, .parameter = 3);
  PLAN(.kind = AGG_DISTINCT, .column = C_INT);
  PLAN(.kind = AGG_MEDIAN, .column = C_INT);
  PLAN(.kind = AGG_PERCENTILE, .column = C_INT, .parameter = 100);
  struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
  EXPECT_INT(aggregates_bytes(aggregates), 24 + 16 + 24);
  aggregates_set_limits(aggregates,
                        (struct aggregate_limits){.distinct_exact = 100, .top_values = 10, .percentile_values = 500});
  char *block = mem_alloc(mem, 2 * aggregates_bytes(aggregates)), *other = block + aggregates_bytes(aggregates);
  for (int i = 0; i < 2000; i++) {
    rows[0].columns[C_INT] = value_int(i < 1000 ? i : 990 + i % 10);
    aggregates_add(aggregates, block, rows[0].columns, i);
    if (i == 99) EXPECT_INT(tell(aggregates, block, 1).i, 100);
    if (i == 499) EXPECT(tell(aggregates, block, 2).f == 249.5);
  }
  struct value top = tell(aggregates, block, 0); /* the values that came first, whatever came more often later */
  EXPECT(top.length == 3 && top.list[0].i == 0 && top.list[2].i == 2);
  EXPECT(llabs(tell(aggregates, block, 1).i - 1000) < 70);
  EXPECT(fabs(tell(aggregates, block, 2).f - 994) < 9.94);
  EXPECT(tell(aggregates, block, 3).f == 999);
  struct aggregate_counts counts = aggregates_counts(aggregates);
  EXPECT_INT(counts.top_values, 1990);
  EXPECT_INT(counts.distinct_sketched, 1);
  EXPECT_INT(counts.percentile_sketched, 1);
  aggregates_merge(aggregates, other, block);
  expect_same_block(aggregates, other, block);
  aggregates_free(aggregates, block);
  aggregates_free(aggregates, other);
  tear_down();
}

/* Asked at each event, the best of very many values are found in a heap; a copy, which is asked once, looks at all. */
TEST(top_of_many_values_that_is_asked_again_and_again) {
  set_up();
  static const struct {
    enum aggregate order;
    int column, order_column;
  } tops[] = {{AGG_COUNT, C_TEXT, C_INT}, {AGG_SUM, C_INT, C_MONEY},  {AGG_SUM, C_TEXT, C_FLOAT},
              {AGG_AVG, C_MONEY, C_WAIT}, {AGG_AVG, C_IP, C_FLOAT},   {AGG_MIN, C_TIME, C_TEXT},
              {AGG_MAX, C_FLOAT, C_IP},   {AGG_MAX, C_TEXT, C_MONEY}, {AGG_MIN, C_INT, C_INT}};
  for (size_t t = 0; t < sizeof tops / sizeof *tops; t++) {
    plan_count = 0;
    for (int n = 1; n <= 64; n += 21)
      PLAN(.kind = AGG_TOP, .column = (uint16_t)tops[t].column, .order = tops[t].order,
           .order_column = 1 + (uint16_t)tops[t].order_column, .parameter = n);
    struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
    char *block = mem_alloc(mem, 2 * aggregates_bytes(aggregates)), *copy = block + aggregates_bytes(aggregates);
    random_rows(1500, 700, 10);
    for (int i = 0; i < 1500; i++) {
      aggregates_add(aggregates, block, rows[i].columns, rows[i].time);
      if (i % 3 != 0 && i > 400) continue;
      aggregates_init(aggregates, copy);
      aggregates_merge(aggregates, copy, block);
      uint16_t plan = (uint16_t)((unsigned)i / 3 % plan_count);
      EXPECT(same(tell(aggregates, block, plan), tell(aggregates, copy, plan)));
      aggregates_free(aggregates, copy);
    }
    aggregates_init(aggregates, copy); /* into one that was asked before */
    aggregates_merge(aggregates, copy, block);
    aggregates_merge(aggregates, block, copy);
    aggregates_free(aggregates, copy);
    aggregates_init(aggregates, copy);
    aggregates_merge(aggregates, copy, block);
    EXPECT(same(tell(aggregates, block, 0), tell(aggregates, copy, 0)));
    aggregates_free(aggregates, copy);
    aggregates_free(aggregates, block);
    arena_reset(&scratch);
  }
  tear_down();
}

TEST(what_is_told_does_not_borrow_from_the_event) {
  set_up();
  plan_count = 0;
  PLAN(.kind = AGG_MIN, .column = C_TEXT);
  PLAN(.kind = AGG_MAX, .column = C_IP);
  PLAN(.kind = AGG_FIRST, .column = C_LIST);
  PLAN(.kind = AGG_COLLECT, .column = C_TEXT, .parameter = 2);
  PLAN(.kind = AGG_TOP, .column = C_TEXT, .order = AGG_MAX, .order_column = 1 + C_TEXT, .parameter = 2);
  struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
  char *block = mem_alloc(mem, aggregates_bytes(aggregates));
  char text[] = "zebra";
  uint8_t address[16] = {0x20, 1};
  struct value list[2] = {value_string(SLICE("in a list")), value_int(7)};
  rows[0].columns[C_TEXT] = value_string((struct slice){text, 5});
  rows[0].columns[C_IP] = (struct value){.ip = address, .length = 16, .kind = VALUE_IP};
  rows[0].columns[C_LIST] = (struct value){.list = list, .length = 2, .kind = VALUE_LIST};
  aggregates_add(aggregates, block, rows[0].columns, 1);
  memset(text, 'x', 5);
  memset(address, 0xff, 16);
  list[0] = value_int(0);
  EXPECT(slice_equal(value_slice(tell(aggregates, block, 0)), SLICE("zebra")));
  EXPECT_INT(tell(aggregates, block, 1).ip[0], 0x20);
  EXPECT(slice_equal(value_slice(tell(aggregates, block, 2).list[0]), SLICE("in a list")));
  EXPECT(slice_equal(value_slice(tell(aggregates, block, 3).list[0]), SLICE("zebra")));
  EXPECT(slice_equal(value_slice(tell(aggregates, block, 4).list[0]), SLICE("zebra")));
  aggregates_free(aggregates, block);
  tear_down();
}

TEST(what_they_cost) { /* as the header says */
  static const struct {
    enum aggregate kind;
    bool approx;
    size_t block, one; /* beside it, with one number inside */
  } sizes[] = {{AGG_COUNT, false, 8, 0},     {AGG_RATE, false, 8, 0},      {AGG_SUM, false, 32, 0},
               {AGG_AVG, false, 32, 0},      {AGG_STDDEV, false, 72, 0},   {AGG_MIN, false, 16, 0},
               {AGG_FIRST, false, 24, 0},    {AGG_DISTINCT, false, 16, 0}, {AGG_DISTINCT, true, 16, 0},
               {AGG_MEDIAN, false, 24, 32},  {AGG_MEDIAN, true, 40, 32},   {AGG_TOP, false, 24, 32},
               {AGG_COLLECT, false, 16, 24}, {AGG_NTH, false, 16, 24},     {AGG_EWMA, false, 168, 0}};
  set_up();
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    plan_count = 0;
    PLAN(.kind = sizes[i].kind, .approx = sizes[i].approx, .column = C_INT, .order = AGG_COUNT, .parameter = 20);
    struct aggregates *aggregates = aggregates_new(mem, &pool, plans, plan_count);
    char *block = mem_alloc(mem, aggregates_bytes(aggregates));
    rows[0].columns[C_INT] = value_int(5);
    aggregates_add(aggregates, block, rows[0].columns, 1);
    EXPECT_INT(aggregates_bytes(aggregates), sizes[i].block);
    EXPECT_INT(aggregates_extra_bytes(aggregates, block), sizes[i].one);
    aggregates_free(aggregates, block);
  }
  plan_count = 0; /* count, sum and avg of one field: 40 bytes a window */
  PLAN(.kind = AGG_COUNT, .column = NO_COLUMN);
  PLAN(.kind = AGG_SUM, .column = C_MONEY);
  PLAN(.kind = AGG_AVG, .column = C_MONEY);
  PLAN(.kind = AGG_RATE, .column = NO_COLUMN);
  EXPECT_INT(aggregates_bytes(aggregates_new(mem, &pool, plans, plan_count)), 40);
  tear_down();
}

TEST_MAIN
