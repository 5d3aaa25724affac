/* check_names.c - open-addressing maps of names, and topological order with circles named. */
#include "rules/check_names.h"

#include "base/hash.h"

void name_map_init(struct name_map *map, struct arena *arena) { *map = (struct name_map){.arena = arena}; }

static struct name_entry *find(const struct name_map *map, struct slice name, uint64_t hash) {
  uint32_t at = (uint32_t)hash & (map->capacity - 1);
  while (map->entries[at].taken) {
    struct name_entry *entry = &map->entries[at];
    if (entry->hash == hash && slice_equal(entry->name, name)) return entry;
    at = (at + 1) & (map->capacity - 1);
  }
  return &map->entries[at];
}

static void grow(struct name_map *map) {
  struct name_map old = *map;
  map->capacity = old.capacity == 0 ? 16 : old.capacity * 2;
  map->entries = arena_array(map->arena, struct name_entry, map->capacity);
  for (uint32_t i = 0; i < old.capacity; i++)
    if (old.entries[i].taken) *find(map, old.entries[i].name, old.entries[i].hash) = old.entries[i];
}

int64_t name_map_put(struct name_map *map, struct slice name, uint32_t value) {
  if (map->count * 2 >= map->capacity) grow(map);
  uint64_t hash = hash_bytes(name.data, name.length);
  struct name_entry *entry = find(map, name, hash);
  if (entry->taken) return entry->value;
  *entry = (struct name_entry){.name = name, .hash = hash, .value = value, .taken = true};
  map->count++;
  return NAME_ABSENT;
}

int64_t name_map_get(const struct name_map *map, struct slice name) {
  if (map->capacity == 0) return NAME_ABSENT;
  const struct name_entry *entry = find(map, name, hash_bytes(name.data, name.length));
  return entry->taken ? (int64_t)entry->value : NAME_ABSENT;
}

void name_graph_init(struct name_graph *graph, struct arena *arena, uint32_t node_count) {
  *graph = (struct name_graph){.arena = arena, .node_count = node_count};
}

void name_graph_need(struct name_graph *graph, uint32_t from, uint32_t to) {
  if (graph->edge_count == graph->edge_capacity) {
    uint32_t capacity = graph->edge_capacity == 0 ? 64 : graph->edge_capacity * 2;
    struct name_edge *edges = arena_array(graph->arena, struct name_edge, capacity);
    if (graph->edge_count > 0) memcpy(edges, graph->edges, graph->edge_count * sizeof *edges);
    graph->edges = edges;
    graph->edge_capacity = capacity;
  }
  graph->edges[graph->edge_count++] = (struct name_edge){from, to};
}

/* The edges grouped by one end: those of node n are list[start[n]] … list[start[n + 1] - 1]. */
struct adjacency {
  uint32_t *start, *list;
};

static struct adjacency group_edges(const struct name_graph *graph, bool by_from) {
  struct adjacency a = {arena_array(graph->arena, uint32_t, graph->node_count + 2),
                        arena_array(graph->arena, uint32_t, graph->edge_count + 1)};
  for (uint32_t e = 0; e < graph->edge_count; e++) a.start[(by_from ? graph->edges[e].from : graph->edges[e].to) + 2]++;
  for (uint32_t n = 2; n < graph->node_count + 2; n++) a.start[n] += a.start[n - 1];
  for (uint32_t e = 0; e < graph->edge_count; e++) {
    const struct name_edge *edge = &graph->edges[e];
    a.list[a.start[(by_from ? edge->from : edge->to) + 1]++] = by_from ? edge->to : edge->from;
  }
  return a;
}

/* A binary heap of node numbers, so that the order does not depend on the order of the edges. */
static void heap_push(uint32_t *heap, uint32_t *count, uint32_t node) {
  uint32_t at = (*count)++;
  while (at > 0 && heap[(at - 1) / 2] > node) {
    heap[at] = heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  heap[at] = node;
}

static uint32_t heap_pop(uint32_t *heap, uint32_t *count) {
  uint32_t top = heap[0], last = heap[--*count], at = 0;
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= *count) break;
    if (child + 1 < *count && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= last) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
  return top;
}

/* Peels nodes that nobody left needs off the rest, so that only nodes of circles (and between circles) stay. */
static void mark_circles(const struct name_graph *graph, const struct adjacency *needs, const bool *ordered,
                         bool *in_circle) {
  uint32_t n = graph->node_count, count = 0;
  uint32_t *users = arena_array(graph->arena, uint32_t, n + 1), *queue = arena_array(graph->arena, uint32_t, n + 1);
  for (uint32_t i = 0; i < n; i++) in_circle[i] = !ordered[i];
  for (uint32_t e = 0; e < graph->edge_count; e++)
    if (in_circle[graph->edges[e].from] && in_circle[graph->edges[e].to]) users[graph->edges[e].to]++;
  for (uint32_t i = 0; i < n; i++)
    if (in_circle[i] && users[i] == 0) queue[count++] = i;
  for (uint32_t q = 0; q < count; q++) {
    in_circle[queue[q]] = false;
    for (uint32_t e = needs->start[queue[q]]; e < needs->start[queue[q] + 1]; e++) {
      uint32_t to = needs->list[e];
      if (in_circle[to] && --users[to] == 0) queue[count++] = to;
    }
  }
}

uint32_t name_graph_order(const struct name_graph *graph, uint32_t *order, bool *in_circle) {
  uint32_t n = graph->node_count, heap_count = 0, done = 0;
  struct adjacency users = group_edges(graph, false);
  uint32_t *open = arena_array(graph->arena, uint32_t, n + 1), *heap = arena_array(graph->arena, uint32_t, n + 1);
  bool *ordered = arena_array(graph->arena, bool, n + 1);
  for (uint32_t e = 0; e < graph->edge_count; e++) open[graph->edges[e].from]++;
  for (uint32_t i = 0; i < n; i++)
    if (open[i] == 0) heap_push(heap, &heap_count, i);
  while (heap_count > 0) {
    uint32_t node = heap_pop(heap, &heap_count);
    order[done++] = node;
    ordered[node] = true;
    for (uint32_t e = users.start[node]; e < users.start[node + 1]; e++)
      if (--open[users.list[e]] == 0) heap_push(heap, &heap_count, users.list[e]);
  }
  uint32_t whole = done;
  for (uint32_t i = 0; i < n; i++)
    if (!ordered[i]) order[done++] = i;
  if (in_circle != NULL) {
    if (whole < n) {
      struct adjacency needs = group_edges(graph, true);
      mark_circles(graph, &needs, ordered, in_circle);
    } else {
      for (uint32_t i = 0; i < n; i++) in_circle[i] = false;
    }
  }
  return whole;
}

uint32_t name_graph_circle(const struct name_graph *graph, uint32_t node, uint32_t *circle, uint32_t max) {
  /* Breadth first from the node back to itself: the shortest circle through it. */
  struct adjacency needs = group_edges(graph, true);
  uint32_t *parent = arena_array(graph->arena, uint32_t, graph->node_count + 1);
  bool *seen = arena_array(graph->arena, bool, graph->node_count + 1);
  uint32_t *queue = arena_array(graph->arena, uint32_t, graph->node_count + 1), count = 0;
  queue[count++] = node;
  for (uint32_t q = 0; q < count; q++) {
    uint32_t at = queue[q];
    for (uint32_t e = needs.start[at]; e < needs.start[at + 1]; e++) {
      uint32_t to = needs.list[e];
      if (to == node) { /* found: read the way back, then turn it round */
        uint32_t length = 1;
        for (uint32_t walk = at; walk != node; walk = parent[walk]) length++;
        uint32_t place = length;
        for (uint32_t walk = at;; walk = parent[walk]) {
          place--;
          if (place < max) circle[place] = walk;
          if (walk == node) break;
        }
        return length;
      }
      if (!seen[to]) {
        seen[to] = true;
        parent[to] = at;
        queue[count++] = to;
      }
    }
  }
  return 0;
}
