/* window_aligned.c - tumbling and sliding windows and calendar days: their deadlines are the same for all keys. */
#include "engine/window_private.h"

static int64_t less(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t more(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- deadlines ---- */

struct deadlines {
  int64_t early, fire, purge;
  int64_t window;   /* that fires */
  bool empty_speak; /* windows without events speak, too */
};

/* Empty windows speak up to `empty_until`. */
static struct deadlines find_deadlines(struct window_set *set, int64_t empty_until) {
  struct deadlines found = {INT64_MAX, INT64_MAX, INT64_MAX, 0, false};
  uint32_t live = set->bucket_first + set->passed;
  if (set->plan->early_us > 0)
    for (uint32_t at = live; at < set->bucket_end; at++) found.early = less(found.early, set->buckets[at]->early_due);
  if (live < set->bucket_end) {
    const struct window_bucket *bucket = set->buckets[live];
    found.window = bucket->number;
    found.fire = bucket->end;
    if (set->way == WAY_PANES) {
      found.window = more(window_grid_oldest(&set->grid, bucket->begin), window_grid_ending(&set->grid, set->frontier));
      found.fire = window_grid_end(&set->grid, found.window);
    }
  }
  if (set->plan->known_us >= 0 && set->key_count > 0) {
    int64_t window = window_grid_ending(&set->grid, set->frontier), end = window_grid_end(&set->grid, window);
    if (end <= empty_until) {
      found.window = window;
      found.fire = end;
      found.empty_speak = true;
    }
  }
  if (set->bucket_first < set->bucket_end)
    found.purge = window_plus(set->buckets[set->bucket_first]->end, set->plan->lateness_us);
  return found;
}

static void find_due(struct window_set *set) {
  struct deadlines found = find_deadlines(set, INT64_MAX);
  set->due = less(found.early, less(found.fire, found.purge));
}

/* ---- what fires ---- */

static void tell_window(struct window_set *set, const struct window_key *key, const void *state, int64_t window,
                        int64_t end, uint32_t revision, struct expr_env *env) {
  struct window_telling telling = {.key = key,
                                   .state = state,
                                   .start = window_grid_start(&set->grid, window),
                                   .end = end,
                                   .time = end,
                                   .moment = end,
                                   .revision = revision};
  window_tell(set, &telling, env);
}

static void tell_part(struct window_set *set, const struct window_key *key, struct window_part *part, int64_t end,
                      struct expr_env *env) {
  tell_window(set, key, window_state_of(set, part), part->number, end, part->revision, env);
  part->revision++;
  part->flags = (part->flags | PART_TOLD) & ~(uint32_t)(PART_CHANGED | PART_QUEUED);
}

static void free_part(struct window_set *set, struct window_key *key, struct window_part *part) {
  window_part_free(set, key, part);
  if (key->newest == NULL && set->plan->known_us < 0) window_key_free(set, key);
}

static void fire_whole(struct window_set *set, struct window_bucket *bucket, struct expr_env *env) {
  struct window_walk walk;
  struct window_part *part;
  bool keep = set->plan->lateness_us > 0;
  window_bucket_begin(bucket, &walk);
  while ((part = window_bucket_next(&walk)) != NULL) {
    struct window_key *key = window_part_key(set, part);
    if (!keep) window_key_prefetch_line(set, key);
    tell_part(set, key, part, bucket->end, env);
    if (!keep) free_part(set, key, part);
  }
}

/* The key's newest part among those with lowest <= number < highest; NULL = none. */
static struct window_part *newest_part(const struct window_key *key, int64_t lowest, int64_t highest) {
  struct window_part *part = window_part_at_most(key, highest - 1);
  return part == NULL || part->number < lowest ? NULL : part;
}

static void tell_panes(struct window_set *set, const struct window_key *key, struct window_part *newest,
                       const struct deadlines *due, struct expr_env *env) {
  const void *state = window_merge(set, key, newest, window_grid_lowest(&set->grid, due->window));
  tell_window(set, key, state, due->window, due->fire, 0, env);
  window_merged_done(set, state);
}

/* With lateness there may be many keys whose parts are only kept: the way goes through the window's own parts, and each
 * key is told once, at its newest. */
static void fire_panes(struct window_set *set, const struct deadlines *due, struct expr_env *env) {
  int64_t lowest = window_grid_lowest(&set->grid, due->window), highest = window_grid_highest(&set->grid, due->window);
  for (uint32_t at = window_bucket_lower(set, lowest); at < set->bucket_end; at++) {
    const struct window_bucket *bucket = set->buckets[at];
    struct window_walk walk;
    struct window_part *part;
    if (bucket->number >= highest) break;
    window_bucket_begin(bucket, &walk);
    while ((part = window_bucket_next(&walk)) != NULL)
      if (part->newer == NULL || part->newer->number >= highest)
        tell_panes(set, window_part_key(set, part), part, due, env);
  }
}

static void ask_for_key(const struct window_set *set, uint64_t at) {
  if (at >= set->all_count) return;
  __builtin_prefetch(set->all[at]);
  __builtin_prefetch((const char *)set->all[at] + 64);
}

/* Without lateness all keys are in the window, but for those whose only part is newer. */
static void fire_all(struct window_set *set, const struct deadlines *due, struct expr_env *env) {
  int64_t lowest = window_grid_lowest(&set->grid, due->window), highest = window_grid_highest(&set->grid, due->window);
  window_all_close_holes(set);
  for (uint64_t i = 0; i < set->all_count; i++) {
    ask_for_key(set, i + WINDOW_AHEAD);
    struct window_part *newest = newest_part(set->all[i], lowest, highest);
    if (newest != NULL) tell_panes(set, set->all[i], newest, due, env);
  }
}

/* ---- every key known ---- */

/* The key's window, if there is something in it. */
static bool tell_key(struct window_set *set, struct window_key *key, const struct deadlines *due,
                     struct expr_env *env) {
  if (set->way == WAY_WHOLE) {
    struct window_part *part = newest_part(key, due->window, due->window + 1);
    if (part != NULL) tell_part(set, key, part, due->fire, env);
    return part != NULL;
  }
  struct window_part *newest =
      newest_part(key, window_grid_lowest(&set->grid, due->window), window_grid_highest(&set->grid, due->window));
  if (newest != NULL) tell_panes(set, key, newest, due, env);
  return newest != NULL;
}

static void tell_empty(struct window_set *set, struct window_key *key, int64_t window, int64_t end,
                       struct expr_env *env) {
  tell_window(set, key, set->nothing, window, end, 0, env);
  if (set->plan->lateness_us == 0) return;
  /* An event may come into it late, and tell a revision. */
  struct window_part *part = window_part_make(set, key, window, window_part_at_most(key, window));
  part->revision = 1;
  part->flags |= PART_TOLD;
  window_bucket_add(set, window_bucket_make(set, window), part);
}

static bool is_known(const struct window_set *set, const struct window_key *key, int64_t end) {
  const struct window_known *known = window_known_of(set, key);
  int64_t last = known->last < end ? known->last : known->before;
  return last != INT64_MIN && end <= window_plus(last, set->plan->known_us);
}

/* Of all known keys; those that no later window can know go, and, beyond the limit, those that were known first. */
static void fire_known(struct window_set *set, const struct deadlines *due, struct expr_env *env) {
  uint64_t most = set->options.keys_max == 0 ? UINT64_MAX : set->options.keys_max;
  int64_t next_end = window_grid_end(&set->grid, due->window + 1);
  window_all_close_holes(set);
  for (uint64_t i = 0; i < set->all_count; i++) {
    ask_for_key(set, i + WINDOW_AHEAD);
    struct window_key *key = set->all[i];
    if (key->newest == NULL && (set->key_count > most || window_is_crowded(set))) {
      set->counts.dropped++;
      window_key_free(set, key);
      continue;
    }
    if (!tell_key(set, key, due, env) && due->empty_speak && is_known(set, key, due->fire))
      tell_empty(set, key, due->window, due->fire, env);
    if (key->newest == NULL && next_end > window_plus(window_known_of(set, key)->last, set->plan->known_us))
      window_key_free(set, key);
  }
}

static void note_known(struct window_set *set, struct window_key *key, int64_t time) {
  struct window_known *known = window_known_of(set, key);
  if (time > known->last) {
    known->before = known->last;
    known->last = time;
  } else if (time < known->last && time > known->before) {
    known->before = time;
  }
}

/* ---- time ---- */

static void fire(struct window_set *set, const struct deadlines *due, struct expr_env *env) {
  uint32_t live = set->bucket_first + set->passed;
  if (set->plan->known_us >= 0)
    fire_known(set, due, env);
  else if (set->layout.place != 0)
    fire_all(set, due, env);
  else if (set->way == WAY_PANES)
    fire_panes(set, due, env);
  else
    fire_whole(set, set->buckets[live], env);
  if (due->fire >= set->frontier) set->frontier = due->fire + 1;
  if (set->way == WAY_WHOLE && set->plan->known_us < 0 && set->plan->lateness_us == 0) {
    window_bucket_free(set, live); /* its parts are gone */
    return;
  }
  for (live = set->bucket_first + set->passed; live < set->bucket_end; live++) {
    if (set->buckets[live]->end > due->fire) break;
    set->passed++;
  }
}

/* No window that the bucket is in can change any more. */
static void purge(struct window_set *set) {
  struct window_bucket *bucket = set->buckets[set->bucket_first];
  int64_t newest = set->way == WAY_PANES ? window_grid_newest(&set->grid, bucket->begin) : bucket->number;
  struct window_walk walk;
  struct window_part *part;
  window_bucket_begin(bucket, &walk);
  while ((part = window_bucket_next(&walk)) != NULL) {
    struct window_key *key = window_part_key(set, part);
    struct window_note **note = set->layout.notes == 0 ? NULL : window_notes_of(set, key);
    while (note != NULL && *note != NULL) {
      struct window_note *gone = *note;
      if (gone->window > newest) {
        note = &gone->next;
        continue;
      }
      *note = gone->next;
      pool_free(&set->pool, gone, sizeof *gone);
    }
    free_part(set, key, part);
  }
  window_bucket_free(set, set->bucket_first);
}

static void tell_early(struct window_set *set, int64_t due, struct expr_env *env) {
  for (uint32_t at = set->bucket_first + set->passed; at < set->bucket_end; at++) {
    struct window_bucket *bucket = set->buckets[at];
    if (bucket->early_due != due) continue;
    for (uint32_t i = 0; i < bucket->changed_count; i++) {
      struct window_part *part = bucket->changed[i];
      if (part == NULL) continue;
      part->flags &= ~(uint32_t)PART_QUEUED;
      if (part->flags & PART_CHANGED)
        window_tell_early_due(set, window_part_key(set, part), part, bucket->begin, bucket->end, due, env);
    }
    bucket->changed_count = 0;
    bucket->early_due = INT64_MAX;
  }
}

void window_aligned_time(struct window_set *set, int64_t frontier, int64_t empty_until, struct expr_env *env) {
  for (;;) { /* ends: each round tells a deadline before the frontier, or finds that there is none */
    struct deadlines due = find_deadlines(set, empty_until);
    set->due = less(due.early, less(due.fire, due.purge));
    if (set->due >= frontier) break;
    if (due.early == set->due)
      tell_early(set, due.early, env);
    else if (due.fire == set->due)
      fire(set, &due, env);
    else
      purge(set);
  }
  if (frontier != INT64_MAX) return;
  for (uint64_t i = 0; i < set->all_count; i++)
    if (set->all[i] != NULL) window_key_free(set, set->all[i]); /* known, without a part */
  set->due = INT64_MAX;
}

/* ---- events ---- */

static void add_early(struct window_set *set, struct window_key *key, struct window_bucket *bucket,
                      struct window_part *part, const struct event *event, int64_t now, struct expr_env *env) {
  if (!window_tell_early(set, key, part, bucket->begin, bucket->end, event, now, env)) return;
  int64_t due = window_early_due(set, bucket->begin, bucket->end, now);
  if (due == INT64_MAX || (part->flags & PART_QUEUED)) return;
  window_bucket_queue(set, bucket, part);
  bucket->early_due = due; /* the same for all that are queued: earlier ones are told */
  set->due = less(set->due, due);
}

static void tell_late(struct window_set *set, const struct window_key *key, const void *state, int64_t window,
                      uint32_t revision, const struct event *event, int64_t now, struct expr_env *env) {
  struct window_telling telling = {.key = key,
                                   .state = state,
                                   .start = window_grid_start(&set->grid, window),
                                   .end = window_grid_end(&set->grid, window),
                                   .moment = now,
                                   .revision = revision,
                                   .cause = event};
  telling.time = telling.end;
  window_tell(set, &telling, env);
}

/* To the part of the bucket, which is made behind `older` unless it is that. */
static struct window_part *add_part(struct window_set *set, struct window_key *key, struct window_bucket *bucket,
                                    struct window_part *older, int64_t time) {
  struct window_part *part = older;
  if (part == NULL || part->number != bucket->number) {
    part = window_part_make(set, key, bucket->number, older);
    window_bucket_add(set, bucket, part);
  }
  aggregates_add(set->aggregates, window_state_of(set, part), set->columns, time);
  return part;
}

static void add_whole(struct window_set *set, struct window_key *key, int64_t oldest, int64_t newest,
                      const struct event *event, int64_t now, struct expr_env *env) {
  struct window_part *part = window_part_at_most(key, oldest);
  for (int64_t window = oldest;; window++) {
    struct window_bucket *bucket = set->recent;
    if (bucket == NULL || bucket->number != window) bucket = window_bucket_make(set, window);
    part = add_part(set, key, bucket, part, event->time);
    if (bucket->end < now) {
      part->flags |= PART_TOLD;
      tell_late(set, key, window_state_of(set, part), window, part->revision++, event, now, env);
    } else if (set->layout.early != 0) {
      add_early(set, key, bucket, part, event, now, env);
    }
    if (window == newest) return;
    struct window_part *newer = part->newer;
    if (newer != NULL && newer->number == window + 1) part = newer;
  }
}

/* How often the window was told again, this time included. */
static uint32_t next_revision(struct window_set *set, struct window_key *key, int64_t window) {
  struct window_note *note = *window_notes_of(set, key);
  while (note != NULL && note->window != window) note = note->next;
  if (note == NULL) {
    note = pool_alloc(&set->pool, sizeof *note);
    *note = (struct window_note){.next = *window_notes_of(set, key), .window = window};
    *window_notes_of(set, key) = note;
  }
  return ++note->revision;
}

static void add_panes(struct window_set *set, struct window_key *key, struct window_bucket *bucket, int64_t oldest,
                      int64_t newest, const struct event *event, int64_t now, struct expr_env *env) {
  struct window_part *older = window_part_at_most(key, bucket->number);
  bool is_new = older == NULL || older->number != bucket->number;
  int64_t before = older == NULL ? INT64_MIN : older->number;
  struct window_part *part = add_part(set, key, bucket, older, event->time);
  if (now == event->time) return;
  const struct window_part *newer = part->newer;
  int64_t after = newer == NULL ? INT64_MAX : newer->number;
  for (int64_t window = oldest; window <= newest; window++) {
    if (window_grid_end(&set->grid, window) >= now) return;
    int64_t lowest = window_grid_lowest(&set->grid, window), highest = window_grid_highest(&set->grid, window);
    bool told = !is_new || before >= lowest || after < highest; /* something of the key was in it */
    const void *state = window_merge(set, key, window_part_at_most(key, highest - 1), lowest);
    tell_late(set, key, state, window, told ? next_revision(set, key, window) : 0, event, now, env);
    window_merged_done(set, state);
  }
}

bool window_aligned_event(struct window_set *set, const struct event *event, int64_t now, struct expr_env *env) {
  int64_t time = event->time, oldest, newest;
  uint32_t buckets = set->bucket_end - set->bucket_first;
  struct window_bucket *bucket = set->recent;
  bool late = now > time, within = bucket != NULL && bucket->begin <= time && time < bucket->until;
  if (late || !within || set->grid.every < set->grid.size) {
    oldest = window_grid_oldest(&set->grid, time);
    newest = window_grid_newest(&set->grid, time);
    /* Windows that no event can change any more: end + lateness < now, for what is kept until then goes behind it. */
    if (late) oldest = more(oldest, window_grid_ending(&set->grid, window_plus(now, -set->plan->lateness_us)));
    if (oldest > newest) return false;
  } else {
    oldest = newest = bucket->number;
  }
  struct window_key *key = window_key_make(set);
  if (set->plan->known_us >= 0) note_known(set, key, time);
  if (set->way == WAY_WHOLE) {
    add_whole(set, key, oldest, newest, event, now, env);
  } else {
    if (!within) bucket = window_bucket_make(set, window_grid_pane(&set->grid, time));
    add_panes(set, key, bucket, oldest, newest, event, now, env);
  }
  if (buckets != set->bucket_end - set->bucket_first) find_due(set);
  return true;
}
