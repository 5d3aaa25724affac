/* due.h - runs by the end of their `within`, where they do not begin in the order of their start times: a pairing heap
 * inside the runs (Fredman, Sedgewick, Sleator, Tarjan, 1986). Private to nfa/.
 *
 * Patterns with starts_before only: each run has a struct due behind its registers, the state has the root behind its
 * lists by node. Equal start times stand in the order of their starts. */
#ifndef WEIR_NFA_DUE_H
#define WEIR_NFA_DUE_H

#include "nfa/run.h"

struct due {
  struct run *child, *sibling;
  struct run *before; /* the sibling before it, or of the first child the parent */
  bool in;
};

/* How many pointers stand behind struct nfa_state. */
static inline size_t state_pointers(const struct pattern *p) { return (size_t)p->node_count + p->starts_before; }
static inline struct due *due_of(const struct pattern *p, const struct run *run) {
  return (struct due *)(void *)((char *)(uintptr_t)run + p->due_offset);
}
static inline struct run *due_first(const struct pattern *p, const struct nfa_state *state) { /* NULL: none */
  return state->at_node[p->node_count];
}

void due_insert(const struct pattern *p, struct nfa_state *state, struct run *run);
void due_remove(const struct pattern *p, struct nfa_state *state, struct run *run); /* nothing if it is not in */

#endif
