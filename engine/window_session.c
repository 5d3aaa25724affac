/* window_session.c - sessions: each begins at an event and ends a gap after its last one, so each has a deadline of its
 * own, on the wheel. Sessions of a key stand a gap or more apart, in the list in the order of their starts. */
#include "engine/window_private.h"

static int64_t end_of(const struct window_set *set, const struct window_part *part) {
  return window_plus(window_times_of(set, part)->last, set->plan->size_us);
}

/* Whether no event can change it any more. */
static bool is_dead(const struct window_set *set, const struct window_part *part, int64_t now) {
  return (part->flags & PART_TOLD) && window_plus(end_of(set, part), set->plan->lateness_us) < now;
}

static void tell(struct window_set *set, const struct window_key *key, struct window_part *part,
                 const struct event *cause, int64_t moment, struct expr_env *env) {
  int64_t end = end_of(set, part);
  struct window_telling telling = {.key = key,
                                   .state = window_state_of(set, part),
                                   .start = part->number,
                                   .end = end,
                                   .time = end,
                                   .moment = moment,
                                   .revision = part->revision++,
                                   .cause = cause};
  part->flags = (part->flags | PART_TOLD) & ~(uint32_t)PART_CHANGED;
  if (set->layout.early != 0) window_early_of(set, part)->events = 0;
  window_tell(set, &telling, env);
}

static int64_t deadline_of(const struct window_set *set, const struct window_part *part) {
  int64_t end = end_of(set, part);
  if (part->flags & PART_TOLD) return window_plus(end, set->plan->lateness_us);
  if ((part->flags & PART_CHANGED) && window_early_of(set, part)->due < end) return window_early_of(set, part)->due;
  return end;
}

/* Sessions that the time touches, one or two, are in a row in the list. */
struct touched {
  struct window_part *first, *last; /* NULL: none */
  struct window_part *older;        /* the newest that lies before; NULL: none */
};

static struct touched find_touched(const struct window_set *set, const struct window_key *key, int64_t time) {
  struct touched found = {0};
  for (struct window_part *part = key->newest; part != NULL; part = part->older) {
    if (end_of(set, part) <= time) {
      found.older = part;
      break;
    }
    if (part->number >= window_plus(time, set->plan->size_us)) continue;
    found.first = part;
    if (found.last == NULL) found.last = part;
  }
  return found;
}

/* The event bridges two sessions: what the later one has goes to the earlier one. What is told of them next has a
 * higher revision than all that was told of either. */
static void join(struct window_set *set, struct window_key *key, struct window_part *first, struct window_part *last) {
  aggregates_merge(set->aggregates, window_state_of(set, first), window_state_of(set, last));
  window_times_of(set, first)->last = window_times_of(set, last)->last;
  if (last->revision > first->revision) first->revision = last->revision;
  first->flags |= last->flags & PART_HELD;
  if (set->layout.early != 0) {
    struct window_early *into = window_early_of(set, first), *from = window_early_of(set, last);
    if (from->partial > into->partial) into->partial = from->partial;
    into->events += from->events;
  }
  window_part_free(set, key, last);
}

static void add(struct window_set *set, struct window_key *key, struct touched *touched, int64_t time) {
  struct window_part *part = touched->first;
  if (part == NULL) {
    part = touched->first = touched->last = window_part_make(set, key, time, touched->older);
    *window_times_of(set, part) = (struct window_times){time, time};
  }
  aggregates_add(set->aggregates, window_state_of(set, part), set->columns, time);
  if (time < part->number) part->number = time;
  if (time > window_times_of(set, part)->last) window_times_of(set, part)->last = time;
  if (touched->last != part) join(set, key, part, touched->last);
}

bool window_session_event(struct window_set *set, const struct event *event, int64_t now, struct expr_env *env) {
  int64_t time = event->time, gap = set->plan->size_us;
  struct window_key *key = window_key_find(set);
  struct touched touched = {0};
  if (key != NULL && now > time)
    for (struct window_part *part; (part = window_part_oldest(set, key)) != NULL && is_dead(set, part, now);)
      window_part_free(set, key, part);
  if (key != NULL) touched = find_touched(set, key, time);
  if (touched.first == NULL && now > time &&
      window_plus(window_plus(time, gap), set->plan->lateness_us) < now) { /* its own session would be dead, too */
    if (key != NULL && key->newest == NULL) window_key_free(set, key);
    return false;
  }
  if (key == NULL) key = window_key_make(set);
  bool is_new = touched.first == NULL;
  add(set, key, &touched, time);
  struct window_part *part = touched.first;
  if (end_of(set, part) < now) {
    tell(set, key, part, event, now, env);
    window_key_arm(set, key, deadline_of(set, part));
    return true;
  }
  bool arms = is_new || (part->flags & PART_TOLD);
  part->flags &= ~(uint32_t)PART_TOLD; /* it goes on, and is told again at its new end */
  if (set->layout.early != 0) {
    int64_t end = end_of(set, part);
    if (window_tell_early(set, key, part, part->number, end, event, now, env)) {
      window_early_of(set, part)->due = window_early_due(set, part->number, end, now);
      arms = true;
    }
  }
  if (arms) window_key_arm(set, key, deadline_of(set, part)); /* else an earlier one is set, and looks then */
  return true;
}

/* The sessions that are not told are the key's newest; those whose lateness is over first are its oldest. */
void window_session_due(struct window_set *set, struct window_key *key, int64_t time, struct expr_env *env) {
  int64_t next = INT64_MAX;
  struct window_part *part = key->newest;
  while (part != NULL && !(part->flags & PART_TOLD) && part->older != NULL && !(part->older->flags & PART_TOLD))
    part = part->older;
  for (; part != NULL; part = part->newer) {
    if (part->flags & PART_TOLD) continue;
    int64_t end = end_of(set, part);
    if (end <= time)
      tell(set, key, part, NULL, end, env);
    else if ((part->flags & PART_CHANGED) && window_early_of(set, part)->due <= time)
      window_tell_early_due(set, key, part, part->number, end, time, env);
    if (deadline_of(set, part) < next) next = deadline_of(set, part);
  }
  while ((part = window_part_oldest(set, key)) != NULL && (part->flags & PART_TOLD) && deadline_of(set, part) <= time)
    window_part_free(set, key, part);
  if (part == NULL) {
    window_key_free(set, key);
    return;
  }
  if (deadline_of(set, part) < next) next = deadline_of(set, part);
  window_key_arm(set, key, next);
}
