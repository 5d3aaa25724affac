/* derive.h - filter and map events: what one event causes at once.
 *
 * engine.c calls it for each released event. One thread. */
#ifndef WEIR_ENGINE_DERIVE_H
#define WEIR_ENGINE_DERIVE_H

#include "base/limits.h"
#include "rules/ruleset.h"

/* Events that one source event may cause, through all stages; `each` over lists of lists' worth of words could make
 * more. What is beyond is left out and counted. */
enum { DERIVED_PER_EVENT_MAX = LIMIT_DERIVED_PER_EVENT };

struct derive_number; /* how many events of one type came of one event in this round */

struct deriver {
  struct mem *mem;
  const struct ruleset *ruleset;
  struct event *events;
  uint32_t count, capacity;
  uint64_t *made; /* by event type */
  uint64_t left_out;
  struct expr_counts counts;
  const struct expr_lookup *lookup; /* of lists and tables */
  void *lookup_context;
  struct derive_number *numbers; /* by event and type; entries of other rounds are free */
  uint32_t number_count, number_capacity;
  uint64_t round;
};

void deriver_init(struct deriver *deriver, struct mem *mem, const struct ruleset *ruleset);

/* All events that `cause` brings about, in their order: by name of the event type, then in the order of making. Their
 * values live in `arena`; the array is valid until the next call. `sequence` is left 0. */
uint32_t derive_events(struct deriver *deriver, const struct event *cause, struct arena *arena,
                       const struct event **events);

/* What the event brings about by this definition, which asks counters, lists or tables that change, as they are now:
 * a pass calls it in the event's turn. `context`: of live_lookup, or NULL where none is asked. The array is valid until
 * the next call. */
struct live;
uint32_t derive_asking(struct deriver *deriver, const struct derived *derived, const struct event *cause,
                       struct live *live, struct arena *arena, const struct event **events);

/* The number (position.derived) of one more event of the type that a filter which asks, or a filter behind such a one,
 * makes of the event that stood at `cause`: it counts on over the whole round, in whatever pass, behind what
 * derive_events() made. 0: the event has its limit of derived events, this one is left out, and counted so. */
uint16_t derive_number(struct deriver *deriver, const struct position *cause, uint16_t type);
void derive_round_end(struct deriver *deriver);

#endif
