/* compact.h - the compact-set mode: all partial matches of a (rule, key) in one shared graph. Private to nfa/.
 *
 * It applies where every condition reads one event only and nothing but `within` depends on time, so that what a
 * partial match may do next is one of finitely many configurations. Source: CORE (Bucchi, Grez, Quintana, Riveros,
 * Vansummeren, PVLDB 15(9), 2022): union lists in decreasing order of the latest start, O(1) for an event and state. */
#ifndef WEIR_NFA_COMPACT_H
#define WEIR_NFA_COMPACT_H

#include "nfa/run.h"

enum { COMPACT_NONE = UINT32_MAX, COMPACT_STATES_MAX = 4096, COMPACT_PREDICATES_MAX = 64 };

/* What a partial match may do next, whatever it took: a run without its events. */
struct config {
  uint64_t barred, forks;
  bool passed;
  uint32_t counters[]; /* pattern->counter_count */
};

/* A set of configurations of the same node with the same history of (event, step): what is determinised. */
struct config_set {
  uint16_t node, count;
  struct config *configs[]; /* in the order in which they were found */
};

struct transition_take {
  uint16_t step, rank;
  uint32_t state;
  bool complete;
}; /* state: COMPACT_NONE = nothing can follow */
struct transition {
  uint32_t from; /* key: state, type index, truth of the pattern's predicates */
  uint16_t type_index;
  uint64_t truths;
  uint16_t take_count;
  struct transition_take *takes;
  uint32_t stay; /* the state of what passed over the event; COMPACT_NONE */
};

/* The automaton of one pattern, made as events ask for it; owned by the context (one thread), shared by all keys. */
struct automaton {
  const struct pattern *pattern;
  struct arena arena, edges; /* edges: the transitions and their table */
  struct config_set **states;
  uint32_t state_count, state_capacity;
  struct transition **table; /* open addressing */
  uint32_t table_count, table_capacity;
  uint16_t *predicate_counts; /* per type index */
  int32_t **predicates;
};

/* NULL when the pattern's automaton cannot be built (too many predicates of one type). */
struct automaton *automaton_of(struct nfa_context *context, const struct pattern *pattern);
/* State 0 is the start. NULL: the automaton would have more than COMPACT_STATES_MAX states. */
const struct transition *automaton_step(struct automaton *a, struct stepping *s, uint32_t from);

void compact_event(struct stepping *s, struct nfa_state **slot);
void compact_time(struct stepping *s, struct nfa_state **slot, int64_t time);
size_t compact_bytes(const struct compact *compact);
void compact_drop(struct stepping *s, struct nfa_state **slot);

#endif
