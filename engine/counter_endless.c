/* counter_endless.c - windows that look into no ring: the calendar day, and `ever` with its idle time. Accumulators of
 * engine/aggregate.h stand in the state and begin anew with the day, or after the silence. */
#include "base/time_text.h"
#include "engine/counter_private.h"

/* ---- days ---- */

static int64_t zone_us(const struct zone *zone, int64_t time) {
  return zone == NULL ? 0 : (int64_t)zone_offset_s(zone, time) * TIME_SECOND_US;
}

static int64_t floor_day(int64_t local) { return local / TIME_DAY_US - (local % TIME_DAY_US < 0); }

static int64_t day_of(const struct zone *zone, int64_t time) { return floor_day(time + zone_us(zone, time)); }

/* Since the day began, on a clock that does not jump. */
static int64_t day_elapsed(const struct zone *zone, int64_t time) {
  int64_t offset = zone_us(zone, time), local = time + offset;
  int64_t start = time - (local - floor_day(local) * TIME_DAY_US); /* were there no jump */
  return time - (start + offset - zone_us(zone, start));
}

/* When the day of `time` ends, later than it. A clock that jumps twice within a day is asked again then. */
static int64_t day_end(const struct zone *zone, int64_t time) {
  int64_t offset = zone_us(zone, time), local = time + offset;
  int64_t end = time + (floor_day(local) + 1) * TIME_DAY_US - local;
  int64_t jump = zone_us(zone, end - 1) - offset;
  return end - jump > time ? end - jump : time + 1;
}

/* ---- accumulators ---- */

static struct endless *endless_at(const struct endless_plan *plan, const struct counter_state *state) {
  return state_at(state, plan->at);
}

/* Whether its events are seen at `time`. */
static bool stands(const struct endless_plan *plan, const struct endless *endless, int64_t time) {
  if (endless->stamp == INT64_MIN) return false;
  if (plan->span == SPAN_TODAY) return endless->stamp == day_of(plan->zone, time);
  return time - endless->stamp <= plan->idle_us;
}

void endless_add(const struct endless_plan *plan, struct counter_state *state, const struct value *columns,
                 int64_t time) {
  struct endless *endless = endless_at(plan, state);
  if (!stands(plan, endless, time)) {
    if (endless->stamp != INT64_MIN) aggregates_free(plan->aggregates, endless + 1);
    endless->stamp = plan->span == SPAN_TODAY ? day_of(plan->zone, time) : time;
    endless->other = plan->span == SPAN_TODAY ? day_end(plan->zone, time) : time;
  }
  if (plan->span == SPAN_EVER) endless->stamp = time;
  aggregates_add(plan->aggregates, endless + 1, columns, time);
}

struct value endless_ask(const struct counters *counters, const struct asker *asker, const struct counter_state *state,
                         int64_t time, struct arena *scratch, struct expr_counts *counts) {
  const struct endless_plan *plan = &asker->layout->endless[asker->index];
  const struct endless *endless = state == NULL ? NULL : endless_at(plan, state);
  bool there = endless != NULL && stands(plan, endless, time);
  int64_t length_us = 0;
  if (plan->plans[asker->item].kind == AGG_RATE) {
    if (plan->span == SPAN_TODAY) length_us = day_elapsed(plan->zone, time);
    if (plan->span == SPAN_EVER && there) length_us = time - endless->other;
  }
  const void *block = there ? (const void *)(endless + 1) : counters->nothing;
  struct value v = aggregates_tell(plan->aggregates, block, asker->item, length_us, scratch, counts);
  return value_copy(scratch, v);
}

int64_t endless_end(const struct endless_plan *plan, const struct counter_state *state, int64_t time) {
  const struct endless *endless = endless_at(plan, state);
  if (!stands(plan, endless, time)) return INT64_MIN;
  if (plan->span == SPAN_EVER) return endless->stamp + plan->idle_us + 1;
  return endless->other > time ? endless->other : day_end(plan->zone, time);
}
