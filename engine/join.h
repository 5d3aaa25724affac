/* join.h - interval joins of two event types by key, inner and outer (rules/count_plan.h).
 *
 * One `struct join_set` for each join plan: the events of both sides that may still find a partner. The pass of its
 * level gives it events in the order of moments and lets time pass. One thread. */
#ifndef WEIR_ENGINE_JOIN_H
#define WEIR_ENGINE_JOIN_H

#include "base/pool.h"
#include "rules/ruleset.h"

struct join_set;

/* A pair, or a side that found none. Borrowed for the time of the call. */
struct join_event {
  const struct join_plan *plan;
  struct event event; /* time: the later of the two; of a missing side: the deadline. values: the schema's slots */
  const struct value *key;
  const struct held *left, *right; /* what is kept of the two (all their slots, in slot order); NULL = missing */
  const struct event *cause;       /* the later event; NULL = a timer */
};

struct join_options {
  const struct ruleset *ruleset;
  const struct join_plan *plan;
  uint64_t events_max; /* kept events over all keys, a large one counts as several; beyond: the oldest goes, counted; 0
                          = no limit */
  void (*tell)(void *context, const struct join_event *event);
  void *context;
};

struct join_set *join_set_new(struct mem *mem, const struct join_options *options);
/* `side`: 0 left, 1 right; an event type may be both: then left first. Pairs are told in the order of the partners. */
void join_set_event(struct join_set *joins, unsigned side, const struct event *event, struct expr_env *env);
/* Kept events whose last moment for a partner is before `frontier` go; where their side is kept they are told. In the
 * order of deadlines, then of the events. */
void join_set_time(struct join_set *joins, int64_t frontier, struct expr_env *env);
int64_t join_set_deadline(const struct join_set *joins);

struct join_counts {
  uint64_t told, alone, dropped, null_key, kept;
};
struct join_counts join_set_counts(const struct join_set *joins);
size_t join_set_bytes(const struct join_set *joins);

#endif
