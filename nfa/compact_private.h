/* compact_private.h - what the files of compact.h share: the graph of partial matches of one (rule, key).
 *
 * compact.c       events in, expiry
 * compact_tell.c  matches out: listed from the roots that an event has completed */
#ifndef WEIR_NFA_COMPACT_PRIVATE_H
#define WEIR_NFA_COMPACT_PRIVATE_H

#include "nfa/compact.h"

struct ring_event {
  struct held *held;
  uint32_t first_node;
}; /* nodes made since it begin here */

/* Extend: `left` is what it extends (COMPACT_NONE: it is the start), `right` the event's number. Union: two nodes, the
 * left one with the later start. */
struct graph_node {
  uint32_t left, right;
  uint32_t latest, earliest; /* starts below it, as event numbers; `earliest` may have expired: see earliest_start() */
  uint32_t mark;
  uint16_t step, rank; /* step WAY_END: a union */
};

struct listed {
  uint32_t node, latest;
};
struct active {
  uint32_t state, count, capacity;
  struct listed *list;
};

struct compact {
  struct automaton *automaton;
  struct ring_event *events;
  struct graph_node *nodes;
  uint32_t event_first, event_end, event_capacity;
  uint32_t node_first, node_end, node_capacity;
  struct active *active, *next_active;
  uint32_t active_count, next_count, active_capacity;
  uint32_t query; /* for marks */
};

static inline struct ring_event *event_at(const struct compact *c, uint32_t number) {
  return &c->events[number & (c->event_capacity - 1)];
}
static inline struct graph_node *node_at(const struct compact *c, uint32_t number) {
  return &c->nodes[number & (c->node_capacity - 1)];
}
static inline bool start_lives(const struct compact *c, uint32_t event) {
  return event - c->event_first < c->event_end - c->event_first;
}
static inline bool node_lives(const struct compact *c, uint32_t node) {
  return node != COMPACT_NONE && node - c->node_first < c->node_end - c->node_first &&
         start_lives(c, node_at(c, node)->latest);
}
/* Age of an event number: larger = earlier. */
static inline uint32_t age(const struct compact *c, uint32_t event) { return c->event_end - event; }

/* Nodes that the event in hand has completed. */
struct roots {
  uint32_t *items;
  uint32_t count;
};

/* compact_tell.c */
void compact_tell_roots(struct stepping *s, struct compact *c, const struct roots *roots);

#endif
