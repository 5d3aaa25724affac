/* window_count.c - windows of N events of a key, moving by M: they fire at their N-th event. The events of a key are
 * numbered, and the number stands for the time on the grid (window_grid.h). */
#include "engine/window_private.h"

static void tell(struct window_set *set, const struct window_key *key, const void *state, int64_t number, int64_t start,
                 const struct event *event, struct expr_env *env) {
  struct window_telling telling = {.key = key,
                                   .state = state,
                                   .number = number,
                                   .start = start,
                                   .end = event->time,
                                   .time = event->time,
                                   .moment = event->time,
                                   .cause = event};
  window_tell(set, &telling, env);
}

static void add(struct window_set *set, struct window_part *part, int64_t time) {
  aggregates_add(set->aggregates, window_state_of(set, part), set->columns, time);
  window_times_of(set, part)->last = time;
}

static struct window_part *make(struct window_set *set, struct window_key *key, int64_t number, int64_t time) {
  struct window_part *part = window_part_make(set, key, number, key->newest);
  window_times_of(set, part)->first = time;
  return part;
}

/* ---- a part for each window ---- */

static void add_early(struct window_set *set, struct window_key *key, struct window_part *part,
                      const struct event *event, struct expr_env *env) {
  int64_t first = window_times_of(set, part)->first;
  if (!window_tell_early(set, key, part, first, event->time, event, event->time, env)) return;
  int64_t due = window_early_due(set, first, INT64_MAX, event->time);
  window_early_of(set, part)->due = due;
  if (due != INT64_MAX) window_key_arm(set, key, due);
}

static void add_whole(struct window_set *set, struct window_key *key, int64_t number, const struct event *event,
                      struct expr_env *env) {
  int64_t oldest = window_grid_oldest(&set->grid, number), newest = window_grid_newest(&set->grid, number);
  if (oldest < 0) oldest = 0;
  struct window_part *part = window_part_oldest(set, key), *newer; /* the key's parts are the windows under way */
  for (int64_t window = oldest; window <= newest; window++, part = newer) {
    if (part == NULL) part = make(set, key, window, event->time);
    add(set, part, event->time);
    newer = part->newer;
    if (number + 1 < window_grid_end(&set->grid, window)) {
      if (set->layout.early != 0) add_early(set, key, part, event, env);
      continue;
    }
    tell(set, key, window_state_of(set, part), window, window_times_of(set, part)->first, event, env);
    window_part_free(set, key, part);
  }
}

/* ---- a part for each pane ---- */

static void add_panes(struct window_set *set, struct window_key *key, int64_t number, const struct event *event,
                      struct expr_env *env) {
  int64_t pane = window_grid_pane(&set->grid, number);
  struct window_part *part = key->newest;
  if (part == NULL || part->number != pane) part = make(set, key, pane, event->time);
  add(set, part, event->time);
  int64_t window = window_grid_ending(&set->grid, number + 1);
  if (window < 0 || window_grid_end(&set->grid, window) != number + 1) return;
  const void *state = window_merge(set, key, part, window_grid_lowest(&set->grid, window));
  tell(set, key, state, window, window_times_of(set, window_part_oldest(set, key))->first, event, env);
  window_merged_done(set, state);
  int64_t lowest = window_grid_lowest(&set->grid, window + 1);
  while ((part = window_part_oldest(set, key)) != NULL && part->number < lowest) window_part_free(set, key, part);
}

bool window_count_event(struct window_set *set, const struct event *event, struct expr_env *env) {
  struct window_key *key = window_key_make(set);
  int64_t number = (*window_ordinal_of(set, key))++;
  if (set->way == WAY_COUNT)
    add_whole(set, key, number, event, env);
  else
    add_panes(set, key, number, event, env);
  /* Without a window under way the next event begins one: as that of a new key does. */
  if (key->newest == NULL && *window_ordinal_of(set, key) % set->grid.every == 0) window_key_free(set, key);
  return true;
}

void window_count_due(struct window_set *set, struct window_key *key, int64_t time, struct expr_env *env) {
  int64_t next = INT64_MAX;
  for (struct window_part *part = window_part_oldest(set, key); part != NULL; part = part->newer) {
    if (!(part->flags & PART_CHANGED)) continue;
    int64_t due = window_early_of(set, part)->due;
    if (due > time) {
      if (due < next) next = due;
      continue;
    }
    const struct window_times *times = window_times_of(set, part);
    window_tell_early_due(set, key, part, times->first, times->last, time, env);
  }
  if (next != INT64_MAX) window_key_arm(set, key, next);
}
