/* check_names.h - maps from names to numbers, and orders of things that depend on each other.
 *
 * Used by the checker for each kind of declaration; all memory is an arena's. */
#ifndef WEIR_RULES_CHECK_NAMES_H
#define WEIR_RULES_CHECK_NAMES_H

#include "base/arena.h"
#include "base/slice.h"

struct name_entry {
  struct slice name;
  uint64_t hash;
  uint32_t value;
  bool taken;
};

struct name_map {
  struct arena *arena;
  uint32_t count, capacity; /* capacity is a power of two, or 0 */
  struct name_entry *entries;
};

enum { NAME_ABSENT = -1 };

void name_map_init(struct name_map *map, struct arena *arena);
/* The value that the name has already, or NAME_ABSENT if it was put. */
int64_t name_map_put(struct name_map *map, struct slice name, uint32_t value);
int64_t name_map_get(const struct name_map *map, struct slice name); /* NAME_ABSENT = none */

/* A graph of `count` nodes; edges say "from needs to". */
struct name_edge {
  uint32_t from, to;
};
struct name_graph {
  struct arena *arena;
  uint32_t node_count, edge_count, edge_capacity;
  struct name_edge *edges;
};
void name_graph_init(struct name_graph *graph, struct arena *arena, uint32_t node_count);
void name_graph_need(struct name_graph *graph, uint32_t from, uint32_t to);
/* Fills order[node_count] so that each node stands behind all that it needs; of several the smallest number is first.
 * Returns how many could be ordered; the others are in a circle, or need one that is: they stand at the end, and
 * in_circle[] (may be NULL) is set for those that are in a circle themselves. */
uint32_t name_graph_order(const struct name_graph *graph, uint32_t *order, bool *in_circle);
/* A circle through `node` (which is in one), each needing the next, the last needing the first. Returns its length, at
 * most `max` are put into circle[]. */
uint32_t name_graph_circle(const struct name_graph *graph, uint32_t node, uint32_t *circle, uint32_t max);

#endif
