/* flow_counts.c - what there is to say of the passes. Called by engine.c. */
#include "engine/flow_private.h"

/* ---- looking in ---- */

static void profile_pass(struct profile *profile, const struct pass *pass) {
  struct lap_row *rows = profile->laps.rows;
  for (uint16_t w = 0; w < pass->window_count; w++)
    rows[pass->windows[w].row].bytes = (int64_t)window_set_bytes(pass->windows[w].set);
  for (uint16_t j = 0; j < pass->join_count; j++)
    rows[pass->joins[j].row].bytes = (int64_t)join_set_bytes(pass->joins[j].set);
  for (uint16_t g = 0; g < pass->group_count; g++)
    rows[pass->groups[g].row].bytes = (int64_t)group_set_bytes(pass->groups[g].set);
  if (pass->live != NULL) rows[PROFILE_LIVE].bytes += (int64_t)live_bytes(pass->live);
  if (pass->stepper == NULL) return;
  rows[PROFILE_FIND].bytes += (int64_t)stepper_table_bytes(pass->stepper);
  stepper_opens(pass->stepper, profile->opens);
}

void flow_profile(const struct flow *flow) {
  struct profile *profile = flow->profile;
  check(profile != NULL);
  profile->laps.rows[PROFILE_LIVE].bytes = profile->laps.rows[PROFILE_FIND].bytes = 0;
  memset(profile->opens, 0, flow->ruleset->rule_count * sizeof *profile->opens);
  for (uint16_t p = 0; p < flow->ruleset->level_count; p++) profile_pass(profile, &flow->passes[p]);
}

static void count_tally(const struct flow *flow, const struct tally *tally, struct flow_counts *counts) {
  if (tally == NULL) return;
  struct counter_limits limits = counters_limits(tally_counters(tally));
  counts->counter_events_dropped += limits.window_events;
  counts->counter_values_dropped += limits.values;
  for (uint16_t p = 0; p < flow->ruleset->population_count; p++)
    counts->counter_keys_dropped += tally_dropped(tally, p);
}

struct group_counts flow_group_counts(const struct flow *flow, uint16_t group) {
  const struct pass *pass = &flow->passes[flow->ruleset->groups[group].level];
  for (uint16_t g = 0; g < pass->group_count; g++)
    if (pass->groups[g].number == group) return group_set_counts(pass->groups[g].set);
  check_failed("a group in its pass", __FILE__, __LINE__);
}

uint64_t flow_made(const struct flow *flow, uint16_t type) { return flow->made_of[type]; }

const void *flow_first_overflow(const struct flow *flow) {
  for (uint16_t p = 0; p < flow->ruleset->level_count; p++) {
    const struct stepper *stepper = flow->passes[p].stepper;
    if (stepper != NULL && stepper_shared_counts(stepper)->first_overflow != NULL)
      return stepper_shared_counts(stepper)->first_overflow;
  }
  return flow->operators.first_overflow;
}

struct flow_counts flow_counts(const struct flow *flow) {
  struct flow_counts counts = {
      .list_changes = flow->list_changes, .alert_events = flow->alert_events, .overflow = flow->operators.overflow};
  for (uint16_t p = 0; p < flow->ruleset->level_count; p++) {
    const struct pass *pass = &flow->passes[p];
    if (pass->stepper != NULL) count_tally(flow, stepper_tally(pass->stepper), &counts);
    if (pass->stepper != NULL) counts.overflow += stepper_shared_counts(pass->stepper)->overflow;
    for (uint16_t w = 0; w < pass->window_count; w++) {
      struct window_counts window = window_set_counts(pass->windows[w].set);
      counts.windows_told += window.told;
      counts.windows_dropped += window.dropped;
      counts.counter_values_dropped += window.values_dropped;
      counts.late_in += window.late_in;
    }
    for (uint16_t j = 0; j < pass->join_count; j++) {
      struct join_counts join = join_set_counts(pass->joins[j].set);
      counts.joins_told += join.told;
      counts.joins_dropped += join.dropped;
    }
    for (uint16_t g = 0; g < pass->group_count; g++) {
      struct group_counts group = group_set_counts(pass->groups[g].set);
      counts.bands_entered += group.entered;
      counts.groups_dropped += group.dropped;
    }
    if (pass->live != NULL) counts.live_dropped += live_counts(pass->live).dropped;
  }
  return counts;
}
