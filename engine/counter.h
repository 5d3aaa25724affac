/* counter.h - the state of one population at one key, and what its counters tell (rules/count_plan.h).
 *
 * step.c owns the states, one pointer for each (key, population), NULL while there is none; it adds each event of the
 * population and asks counters in the order of events. Times never fall, neither of adding nor of asking. How a state
 * is laid out stands in counter_private.h. One thread. */
#ifndef WEIR_ENGINE_COUNTER_H
#define WEIR_ENGINE_COUNTER_H

#include "base/limits.h"
#include "base/pool.h"
#include "rules/ruleset.h"

/* Limits; in entries, so that they do not depend on a machine. */
enum {
  COUNTER_WINDOW_EVENTS =
      LIMIT_COUNTER_WINDOW_EVENTS, /* in one window at one key; then the oldest is forgotten early, counted */
  COUNTER_WINDOW_EVENTS_CAP = 1000000000,
  COUNTER_VALUES =
      LIMIT_SEEN_VALUES, /* that `seen` remembers at one key; then the oldest is forgotten early, counted */
  COUNTER_IDLE_DAYS = LIMIT_PREVIOUS_IDLE_DAYS /* `over last n` of a key that was silent longer is empty */
};

struct counters;      /* of a rule set: layouts, scratch, counts */
struct counter_state; /* of one population at one key */

struct counters *counters_new(struct mem *mem, struct pool *pool, const struct ruleset *ruleset);

/* The event is one of the population (its condition holds, its key is this state's). BANK_EVENT of `env` is the
 * event's; env->counts gets what goes wrong in columns. `annex`: where *state is NULL, COUNTER_ANNEX_BYTES of the
 * caller's, aligned as pointers are, in which the new state stands if it is small enough, until it grows or goes
 * (*state is not `annex` any more then); or NULL. */
enum { COUNTER_ANNEX_BYTES = 64 };
void counters_add(struct counters *counters, uint16_t population, struct counter_state **state, void *annex,
                  const struct event *event, struct expr_env *env);
bool counters_fit_annex(const struct counters *counters, uint16_t population); /* its new states do */

/* The value of a counter at `time` (events at time - over_us are out, later ones in). *state may be NULL (nothing was
 * counted): what an empty window tells. `operand`: COUNTER_SEEN. Strings and lists live in `scratch`. Moves windows on,
 * so that amortised cost is O(1) an event for each window asked. */
struct value counters_ask(struct counters *counters, uint16_t counter, struct counter_state **state, int64_t time,
                          struct value operand, struct arena *scratch, struct expr_counts *counts);

/* Counters of one population that an event asks together, of one key, all before or all after the event is added:
 * values[asks[i].slot] = what asks[i].counter says, much faster than one by one. Made once; `asks` must stay (their
 * keys and levels are not looked at). `env` is of the event that asks: operands, scratch, counts. */
struct counter_group;
struct counter_group *counters_group(struct counters *counters, const struct counter_ask *asks, uint32_t count);
void counters_ask_group(struct counters *counters, const struct counter_group *group, struct counter_state **state,
                        int64_t time, struct value *values, struct expr_env *env);

/* The same as counters_add() and then counters_ask_group(`behind`, of the same key) in one go, for populations where
 * the first returns not NULL (behind NULL: nothing is asked). False: the ordinary way has to be gone, nothing was done
 * but that *state may be new or have more room. `annex` as above, and a state that has become small enough may move
 * there. Made once, after limits have been set. */
struct counter_quick;
const struct counter_quick *counters_quick(struct counters *counters, uint16_t population,
                                           const struct counter_group *behind);
bool counters_take(struct counters *counters, const struct counter_quick *quick, struct counter_state **state,
                   void *annex, const struct event *event);

/* When the state may hold nothing any more if nothing comes (never later than it does, may be earlier); INT64_MAX
 * never. */
int64_t counters_deadline(const struct counter_state *state);
/* No event before `time` will come: what no window can see any more goes; *state becomes NULL if nothing is left. */
void counters_time(struct counters *counters, uint16_t population, struct counter_state **state, int64_t time);
void counters_drop(struct counters *counters, uint16_t population, struct counter_state **state);
/* Ask for the memory that the next add or ask touches: the state's, then, when that has come, that of the events beside
 * a larger state. */
void counters_prefetch(const struct counter_state *state);
void counters_prefetch_events(const struct counters *counters, uint16_t population, const struct counter_state *state);
/* Whether a state may keep more than its events, in blocks of its own. */
bool counters_outside(const struct counters *counters, uint16_t population);

/* Room for so many events and different values may be taken in one population, over all keys (at least 16): a window
 * has no more, and counters_crowded() says when all together have. What takes more than 64 bytes for each, with its
 * key, counts as several. Before the first event; else there is no such limit. */
void counters_set_entries(struct counters *counters, uint64_t entries_max);
bool counters_crowded(const struct counters *counters, uint16_t population);
/* They are of one key alone: of texts and of accumulators that have no ring what is oldest is forgotten, counted, until
 * these take no more than half of the limit; the latest event stays, and so do sketches. */
void counters_relieve(struct counters *counters, uint16_t population, struct counter_state *state);

/* What was forgotten by limits (docs/limits), since the start. */
struct counter_limits {
  uint64_t window_events; /* events that were forgotten early: more than the limit of one window at one key */
  uint64_t values;        /* values that `seen` forgot early, and events whose value top() over today could not keep */
};
/* For tests, before the first event. */
void counters_set_limits(struct counters *counters, uint64_t window_events, uint64_t values);
struct counter_limits counters_limits(const struct counters *counters);

/* For explain: bytes of a state with no events, and of each event that it keeps. */
struct counter_sizes {
  size_t state, event;
};
struct counter_sizes counters_sizes(const struct ruleset *ruleset, uint16_t population);

#endif
