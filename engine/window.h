/* window.h - windows that make derived events: tumbling, sliding, session, count, today (rules/count_plan.h).
 *
 * One `struct window_set` for each window plan: all keys' open windows, their timers and their own key table. The pass
 * of its level (engine/level.c) gives it events in the order of moments and lets time pass; what it makes goes out
 * through a callback, in the order of making. One thread. */
#ifndef WEIR_ENGINE_WINDOW_H
#define WEIR_ENGINE_WINDOW_H

#include "base/pool.h"
#include "rules/ruleset.h"

struct window_set;

/* A derived event. Borrowed for the time of the call. */
struct window_event {
  const struct window_plan *plan;
  struct event event;      /* time: the window's end, or, told early, the moment's; values: the schema's slots */
  const struct value *key; /* plan->key_count parts */
  int64_t start, end;      /* of the window; COUNT: times of its first and last event */
  int64_t number;          /* COUNT: of the window, among those of the key */
  uint32_t revision, partial_number; /* partial_number: from 1 for early results, 0 = whole */
  const struct event *cause;         /* what it was told at: an event (COUNT, early, revisions), NULL = a timer */
  int64_t moment; /* its place in time: event.time, but of a revision the time of the late event's moment (>= it) */
};

struct window_options {
  const struct ruleset *ruleset;
  const struct window_plan *plan;
  uint64_t keys_max; /* open windows over all keys, of 512 bytes on average, or 640 with what is made of them; beyond:
                        the oldest are told no more, counted; 0 = no limit */
  size_t told_bytes; /* what the receiver keeps of an event, but for texts and lists, until a deadline is over */
  void (*tell)(void *context, const struct window_event *event);
  void *context;
  /* Asked before the event's values are made, where not NULL: false = nobody wants it, it is not made and not counted
   * as told. event.values is NULL; BANK_REGISTER, BANK_KEY and BANK_WINDOW of `env` are as for the plan's entries. */
  bool (*wanted)(void *context, const struct window_event *event, struct expr_env *env);
};

struct window_set *window_set_new(struct mem *mem, const struct window_options *options);
/* `event` is of plan->from[from].type. `now`: the moment's time, = event->time but for late events (then > it): these
 * take part only where the window still stands (its end + lateness >= now), and tell a revision if it was told. `env`:
 * scratch, lookup and counts; banks are set here. */
void window_set_event(struct window_set *windows, uint16_t from, const struct event *event, int64_t now,
                      struct expr_env *env);
/* The events of a batch that come next: the memory of their keys is asked for ahead. Changes nothing but their cost,
 * which falls by 10 to 40 % where the windows are wide: have more keys than near caches hold. Else it rises. */
struct window_ask {
  const struct event *event;
  uint16_t from;
};
void window_set_ask_ahead(struct window_set *windows, const struct window_ask *asks, uint32_t count);
bool window_set_is_wide(const struct window_set *windows);
/* Whether many keys may have a window that ends at window_set_deadline(), and another one at the next. */
bool window_set_is_crowd(const struct window_set *windows);
/* No event earlier than `frontier` will come: windows that end before it are told, in order of their ends. INT64_MAX is
 * the end of input: open windows are told. Empty ones of `every key known` are told up to `empty_until`, that moment
 * included: INT64_MAX while events may come, the highest event time once they have ended. */
void window_set_time(struct window_set *windows, int64_t frontier, int64_t empty_until, struct expr_env *env);
int64_t window_set_deadline(const struct window_set *windows); /* the next one, INT64_MAX = none; may be early */

struct window_counts {
  uint64_t told, late_in, late_out, dropped, null_key, open;
  uint64_t values_dropped; /* different values that `top` left out */
};
struct window_counts window_set_counts(const struct window_set *windows);
size_t window_set_bytes(const struct window_set *windows);

#endif
