/* aggregate_tell.c - what aggregates say. Called by window*.c and counter*.c. */
#include "base/check.h"
#include "engine/aggregate_private.h"

static struct value tell_list(const struct value *values, uint32_t count) {
  if (count == 0) return value_null();
  return (struct value){.list = values, .length = count, .kind = VALUE_LIST};
}

/* What is told does not change, how fast it is found may: a block is nobody's but its window's. */
static struct value tell_top(struct pool *pool, const struct cell *cell, const void *own, uint32_t most,
                             struct arena *scratch, struct expr_counts *counts) {
  struct top *top = (struct top *)(uintptr_t)own;
  struct value *values = arena_alloc(scratch, (most < top->count ? most : top->count) * sizeof *values);
  return tell_list(values, top_best(pool, cell, top, most, values, counts));
}

static struct value tell_tail(const struct kept *kept, struct arena *scratch) {
  struct value *values = arena_alloc(scratch, kept->count * sizeof *values);
  for (uint32_t i = 0; i < kept->count; i++) values[i] = kept->items[i].value;
  return tell_list(values, kept->count);
}

static struct value tell_edge(const struct edge *edge) {
  struct value value = edge->value;
  value.zero = 0;
  return value;
}

static struct value tell_sketch(const struct ddsketch *sketch, unsigned percent, struct type argument) {
  if (sketch->total == 0) return value_null();
  double number = ddsketch_percentile(sketch, percent);
  if (argument.kind != VALUE_DURATION) return value_float(number);
  double away = number < 0 ? number - 0.5 : number + 0.5;
  return value_duration(away >= 0x1p63 ? INT64_MAX : away <= -0x1p63 ? INT64_MIN : (int64_t)away);
}

static struct value tell_percentile(const struct cell *cell, const void *state, const struct aggregate_plan *plan) {
  unsigned percent = plan->kind == AGG_MEDIAN ? 50 : (unsigned)plan->parameter;
  if (cell->kind == CELL_SKETCH) return tell_sketch(state, percent, plan->argument);
  const struct ddsketch *sketch = ranked_cell_sketch(state);
  if (sketch != NULL) return tell_sketch(sketch, percent, plan->argument);
  return ranked_percentile(state, percent, plan->argument);
}

static struct value tell_rate(uint64_t count, int64_t length_us) {
  if (length_us <= 0) return value_null();
  return value_float(exact_ratio(false, (exact_uint)count * 1000000, (exact_uint)length_us, 0));
}

struct value aggregates_tell(const struct aggregates *aggregates, const void *state, uint16_t index, int64_t length_us,
                             struct arena *scratch, struct expr_counts *counts) {
  check(index < aggregates->plan_count);
  const struct aggregate_plan *plan = &aggregates->plans[index];
  const struct cell *cell = &aggregates->cells[aggregates->cell_of_plan[index]];
  const void *own = (const char *)state + cell->offset;
  switch (plan->kind) {
  case AGG_COUNT: return value_int((int64_t) * (const uint64_t *)own);
  case AGG_RATE: return tell_rate(*(const uint64_t *)own, length_us);
  case AGG_SUM: /* a spread begins with its sum */ return sum_total(own, plan->argument, counts);
  case AGG_AVG: return sum_average(own, plan->argument, counts);
  case AGG_STDDEV: return spread_deviation(own, plan->argument, counts);
  case AGG_MIN:
  case AGG_MAX: return *(const struct value *)own;
  case AGG_FIRST:
  case AGG_LAST: return tell_edge(own);
  case AGG_DISTINCT: return value_int(distinct_count(own));
  case AGG_NTH: {
    const struct kept *kept = own;
    return kept->count < plan->parameter ? value_null() : kept->items[plan->parameter - 1].value;
  }
  case AGG_MEDIAN:
  case AGG_PERCENTILE: return tell_percentile(cell, own, plan);
  case AGG_TOP: return tell_top(aggregates->pool, cell, own, (uint32_t)plan->parameter, scratch, counts);
  case AGG_COLLECT: return tell_tail(own, scratch);
  case AGG_EWMA: return decay_mean(own, plan->argument, counts);
  case AGG_NONE: break;
  }
  check_failed("a kind of aggregate", __FILE__, __LINE__);
}
