/* counter_endless.c - windows that look into no ring: the calendar day, and `ever` with its idle time. Accumulators of
 * engine/aggregate.h stand in the state and begin anew with the day, or after the silence. */
#include "engine/counter_private.h"

/* ---- accumulators ---- */

static struct endless *endless_at(const struct endless_plan *plan, const struct counter_state *state) {
  return state_at(state, plan->at);
}

/* Whether its events are seen at `time`. */
static bool stands(const struct endless_plan *plan, const struct endless *endless, int64_t time) {
  if (endless->stamp == INT64_MIN) return false;
  if (plan->span == SPAN_TODAY) return endless->stamp <= time && time < endless->other;
  return time - endless->stamp < plan->idle_us;
}

void endless_add(const struct endless_plan *plan, struct counter_state *state, const struct value *columns,
                 int64_t time) {
  struct endless *endless = endless_at(plan, state);
  if (!stands(plan, endless, time)) {
    if (endless->stamp != INT64_MIN) aggregates_free(plan->aggregates, endless + 1);
    endless->stamp = endless->other = time;
    if (plan->span == SPAN_TODAY) {
      int64_t day = window_grid_newest(plan->days, time);
      endless->stamp = window_grid_start(plan->days, day);
      endless->other = window_grid_end(plan->days, day);
    }
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
    if (plan->span == SPAN_TODAY)
      length_us = time - window_grid_start(plan->days, window_grid_newest(plan->days, time));
    if (plan->span == SPAN_EVER && there) length_us = time - endless->other;
  }
  const void *block = there ? (const void *)(endless + 1) : counters->nothing;
  struct value v = aggregates_tell(plan->aggregates, block, asker->item, length_us, scratch, counts);
  return value_copy(scratch, v);
}

int64_t endless_end(const struct endless_plan *plan, const struct counter_state *state, int64_t time) {
  const struct endless *endless = endless_at(plan, state);
  if (!stands(plan, endless, time)) return INT64_MIN;
  if (plan->span == SPAN_EVER) return endless->stamp + plan->idle_us;
  return endless->other;
}
