/* window_panes.c - windows put together from panes.
 *
 * Few panes are merged anew for each window. Of many, a key keeps two stacks, so that a window costs a fixed number of
 * merges on average, however many panes it has: the panes of the *front* hold what they and all later ones of the front
 * have together; what came behind the front is kept as one more state, *back*. When the front is used up, the panes
 * behind it become the front. (Two-stacks aggregation: Tangwongsan, Hirzel and Schneider, "Low-latency sliding-window
 * aggregation in worst-case constant time", DEBS 2017, where it is the baseline.) Panes that the stacks know never
 * change, so plans with lateness, and aggregates that grow with what they hold, do without. */
#include "engine/window_private.h"

enum { PANES_STACKED_MIN = 6 };

static bool is_small(const struct aggregate_plan *plan) {
  switch (plan->kind) {
  case AGG_COUNT:
  case AGG_RATE:
  case AGG_SUM:
  case AGG_AVG:
  case AGG_STDDEV: return true;
  case AGG_MIN:
  case AGG_MAX:
  case AGG_FIRST:
  case AGG_LAST:
    return plan->argument.kind != VALUE_STRING && plan->argument.kind != VALUE_LIST && plan->argument.kind != VALUE_IP;
  default: return false;
  }
}

bool window_has_stacks(const struct window_set *set) {
  if (set->way != WAY_PANES && set->way != WAY_COUNT_PANES) return false;
  if (set->plan->lateness_us > 0 ||
      set->grid.size / set->grid.every * (set->grid.rest == 0 ? 1 : 2) < PANES_STACKED_MIN)
    return false;
  for (uint16_t i = 0; i < set->plan->aggregate_count; i++)
    if (!is_small(&set->plan->aggregates[i])) return false;
  return true;
}

static const void *merge_all(struct window_set *set, struct window_part *newest, int64_t lowest) {
  struct window_part *oldest = newest;
  while (oldest->older != NULL && oldest->older->number >= lowest) oldest = oldest->older;
  if (oldest == newest) return window_state_of(set, newest);
  aggregates_init(set->aggregates, set->merged);
  for (struct window_part *part = oldest;; part = part->newer) {
    aggregates_merge(set->aggregates, set->merged, window_state_of(set, part));
    if (part == newest) return set->merged;
  }
}

/* What is new since the last window goes to the back. */
static void extend_back(struct window_set *set, const struct window_key *key, struct window_part *newest) {
  struct window_stacks *stacks = window_stacks_of(set, key);
  struct window_part *part = newest;
  if (part->number <= stacks->known) return;
  while (part->older != NULL && part->older->number > stacks->known) part = part->older;
  for (; part != newest->newer; part = part->newer)
    aggregates_merge(set->aggregates, window_back_of(set, key), window_state_of(set, part));
  stacks->known = newest->number;
}

const void *window_merge(struct window_set *set, const struct window_key *key, struct window_part *newest,
                         int64_t lowest) {
  if (set->layout.stacks == 0) return merge_all(set, newest, lowest);
  struct window_stacks *stacks = window_stacks_of(set, key);
  void *back = window_back_of(set, key);
  if (stacks->front == NULL) { /* all parts become the front */
    struct window_part *oldest = newest;
    for (; oldest->older != NULL && oldest->older->number >= lowest; oldest = oldest->older)
      aggregates_merge(set->aggregates, window_state_of(set, oldest->older), window_state_of(set, oldest));
    aggregates_free(set->aggregates, back);
    stacks->front = newest;
    stacks->front_oldest = oldest;
    stacks->known = newest->number;
    return window_state_of(set, oldest);
  }
  extend_back(set, key, newest);
  if (stacks->known == stacks->front->number) return window_state_of(set, stacks->front_oldest);
  aggregates_init(set->aggregates, set->merged);
  aggregates_merge(set->aggregates, set->merged, window_state_of(set, stacks->front_oldest));
  aggregates_merge(set->aggregates, set->merged, back);
  return set->merged;
}

void window_merged_done(struct window_set *set, const void *state) {
  if (state == set->merged) aggregates_free(set->aggregates, set->merged);
}

/* It is the oldest. Where the front ends with it, the next window makes a new front, whatever the back is. */
void window_stacks_forget(struct window_set *set, const struct window_key *key, const struct window_part *part) {
  struct window_stacks *stacks = window_stacks_of(set, key);
  if (stacks->front_oldest == part) stacks->front_oldest = part->newer;
  if (stacks->front == part) stacks->front = stacks->front_oldest = NULL;
}
