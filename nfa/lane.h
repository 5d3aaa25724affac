/* lane.h - plain sequences without their own bookkeeping per run. Private to nfa/.
 *
 * In a pattern of single steps in a row, all of whose conditions read one event only, runs at the same node do the same
 * things at the same events; only their events differ. So runs of a key stand in one array by start, those at a node
 * side by side (the furthest node has the earliest starts): an event that a node takes moves a border, not runs. */
#ifndef WEIR_NFA_LANE_H
#define WEIR_NFA_LANE_H

#include "nfa/run.h"

enum { LANE_STEPS_MAX = 16 };

bool lane_possible(const struct pattern *p); /* found at compile time */
struct lane_step *lane_steps(const struct pattern *p, struct arena *arena);
void lane_event(struct stepping *s, struct nfa_state **slot);
void lane_time(struct stepping *s, struct nfa_state **slot, int64_t time);
void lane_drop(struct stepping *s, struct nfa_state **slot);
void lane_drop_until(struct stepping *s, uint64_t sequence);
size_t lane_bytes(const struct nfa_state *state);
void lane_prefetch(const struct nfa_state *state);

#endif
