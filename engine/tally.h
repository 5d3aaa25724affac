/* tally.h - the counters of one pass: each event is added to its populations, and gets the values of the counters that
 * it asks into slots of its own (rules/count_plan.h).
 *
 * The states stand in the stepper's key records, behind the numbers of the rules (tally_owner()), so that a key's
 * counters and open matches are one look-up; the stepper owns the table.
 * One thread. */
#ifndef WEIR_ENGINE_TALLY_H
#define WEIR_ENGINE_TALLY_H

#include "engine/counter.h"
#include "engine/key_state.h"
#include "engine/profile.h"
#include "nfa/truth.h"

struct tally;

struct tally_options {
  const struct ruleset *ruleset;
  uint16_t level;
  struct key_table *table;
  struct pool *pool;
  struct truth *truth;     /* for the conditions of populations */
  struct profile *profile; /* NULL = none is wanted */
  uint64_t entries_max;    /* events and values that one population keeps, over all keys: beyond, as with keys_max */
  uint64_t keys_max; /* of one population: beyond, the key that was silent longest, about, goes, and is counted; 0 = no
                        limit */
};

/* NULL: no rule of this pass asks a counter. */
struct tally *tally_new(struct mem *mem, const struct tally_options *options);

/* Whether events of the type ask counters. */
bool tally_asks(const struct tally *tally, uint16_t type);
/* Asks for the memory of the events' keys ahead: one call a batch, before the events' turns. */
void tally_ahead(struct tally *tally, const struct event *events, uint32_t count);
/* The turn of the batch's next event: its counters' slots are set. env: banks are set here. */
void tally_event(struct tally *tally, const struct event *event, struct expr_env *env);

/* Where the tally has the key of the event in hand in a key space that it looks at for the event's type too;
 * TALLY_NOWHERE. And in the event's turn, after tally_event(): the key, and the record that it has now (NULL: none).
 * False: a part of the key is null. */
enum { TALLY_NOWHERE = 0xffff };
uint16_t tally_place(const struct tally *tally, uint16_t type, uint16_t space);
bool tally_key(const struct tally *tally, uint16_t place, struct hash128 *key, struct key_record **record);

/* A counter for `emit` of a pattern, by the parts of its key: `values` in their order. */
struct value tally_ask(struct tally *tally, uint16_t counter, const struct value *key, int64_t time,
                       struct arena *scratch, struct expr_counts *counts);

/* The number that a population's state has in a key record, and back. */
static inline uint32_t tally_owner(const struct ruleset *ruleset, uint16_t population) {
  return (uint32_t)ruleset->rule_count + population;
}
static inline bool tally_owns(const struct ruleset *ruleset, uint32_t owner) { return owner >= ruleset->rule_count; }

const struct counters *tally_counters(const struct tally *tally);
uint64_t tally_dropped(const struct tally *tally, uint16_t population); /* keys, by keys_max */

#endif
