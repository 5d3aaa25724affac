/* counter_top.c - top(f, n by …) over a window that looks into the ring: a node for each different value, found by its
 * hash, in a heap with the best first, so that an event costs O(log values) and an answer O(n).
 *
 * A value is not copied: it is read from its latest event, which is in the window as long as the value is. Least and
 * greatest of a value's events have a queue of candidates each (counter_order.c). Two values with equal 64-bit hashes
 * are taken for one. Owns nodes, heap and map, which hang at a block of counter_inside.c. */
#include "base/check.h"
#include "engine/counter_places.h"

struct top_node {
  uint64_t hash;
  uint32_t latest, count; /* its latest event, and how many the window has */
  uint32_t heap_at, unused;
  union { /* what is there depends on the order */
    struct order_queue *queue;
    struct {
      struct value total; /* of `sum` as it is told: what the heap compares */
      struct sum sum;
    };
  };
};

struct top_view { /* what all of these functions need */
  struct counters *counters;
  const struct source *source, *order_source;
  const struct inside_item *item;
  struct type order_type;
  const struct counter_state *state;
  const struct ring *ring;
};

static size_t node_bytes(enum aggregate order) {
  switch (order) {
  case AGG_COUNT: return offsetof(struct top_node, queue);
  case AGG_MIN:
  case AGG_MAX: return offsetof(struct top_node, queue) + sizeof(struct order_queue *);
  default: return sizeof(struct top_node);
  }
}

static struct top_node *node_at(const struct counter_top *top, const struct inside_item *item, uint32_t index) {
  return (struct top_node *)(void *)(top->nodes + (size_t)index * node_bytes(item->order));
}

static struct places places_of(const struct counter_top *top, const struct inside_item *item) {
  return (struct places){
      .map = top->map, .log2 = top->room_log2 + 1, .hashes = top->nodes, .stride = node_bytes(item->order)};
}

/* ---- the heap ---- */

static struct value order_value(const struct top_view *view, const struct top_node *node) {
  uint32_t number;
  switch (view->item->order) {
  case AGG_COUNT: return value_int(node->count);
  case AGG_MIN:
  case AGG_MAX:
    if (!order_queue_first(node->queue, &number)) return value_null();
    return source_value(view->state, view->ring, view->order_source, number);
  default: return node->total;
  }
}

/* The higher first, null behind all others; equal ones by value. */
static bool better(const struct top_view *view, const struct top_node *a, const struct top_node *b) {
  struct value x = order_value(view, a), y = order_value(view, b);
  int order;
  if (x.kind == VALUE_NULL || y.kind == VALUE_NULL)
    order = (x.kind != VALUE_NULL) - (y.kind != VALUE_NULL);
  else
    order = value_compare(x, y);
  if (order != 0) return order > 0;
  return value_compare(source_value(view->state, view->ring, view->source, a->latest),
                       source_value(view->state, view->ring, view->source, b->latest)) < 0;
}

static void put(const struct top_view *view, struct counter_top *top, uint32_t at, uint32_t node) {
  top->heap[at] = node;
  node_at(top, view->item, node)->heap_at = at;
}

/* The node moves to where it belongs. */
static void settle(const struct top_view *view, struct counter_top *top, uint32_t node) {
  const struct top_node *own = node_at(top, view->item, node);
  uint32_t at = own->heap_at;
  while (at > 0) {
    uint32_t parent = (at - 1) / 2;
    if (!better(view, own, node_at(top, view->item, top->heap[parent]))) break;
    put(view, top, at, top->heap[parent]);
    at = parent;
  }
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= top->count) break;
    if (child + 1 < top->count &&
        better(view, node_at(top, view->item, top->heap[child + 1]), node_at(top, view->item, top->heap[child])))
      child++;
    if (!better(view, node_at(top, view->item, top->heap[child]), own)) break;
    put(view, top, at, top->heap[child]);
    at = child;
  }
  put(view, top, at, node);
}

/* ---- nodes ---- */

static void free_blocks(struct counters *counters, const struct inside_item *item, struct counter_top *top) {
  if (top->nodes == NULL) return;
  pool_free(counters->pool, top->nodes, node_bytes(item->order) << top->room_log2);
  pool_free(counters->pool, top->heap, sizeof *top->heap << top->room_log2);
  pool_free(counters->pool, top->map, sizeof *top->map << (top->room_log2 + 1));
}

static void resize(struct counters *counters, const struct inside_item *item, struct counter_top *top,
                   uint32_t room_log2) {
  size_t bytes = node_bytes(item->order);
  struct counter_top other = {.count = top->count, .room_log2 = room_log2};
  other.nodes = pool_alloc(counters->pool, bytes << room_log2);
  other.heap = pool_alloc(counters->pool, sizeof *other.heap << room_log2);
  other.map = pool_alloc(counters->pool, sizeof *other.map << (room_log2 + 1));
  memset(other.map, 0, sizeof *other.map << (room_log2 + 1));
  if (top->count > 0) {
    memcpy(other.nodes, top->nodes, top->count * bytes);
    memcpy(other.heap, top->heap, top->count * sizeof *other.heap);
  }
  struct places places = places_of(&other, item);
  for (uint32_t i = 0; i < other.count; i++) other.map[places_find(&places, node_at(&other, item, i)->hash)] = i + 1;
  free_blocks(counters, item, top);
  *top = other;
}

static uint32_t new_node(struct counters *counters, const struct inside_item *item, struct counter_top *top,
                         uint64_t hash) {
  if (top->nodes == NULL)
    resize(counters, item, top, 0);
  else if (top->count == (uint32_t)1 << top->room_log2)
    resize(counters, item, top, top->room_log2 + 1);
  uint32_t node = top->count++;
  struct top_node *own = node_at(top, item, node);
  memset(own, 0, node_bytes(item->order));
  own->hash = hash;
  own->heap_at = node;
  top->heap[node] = node;
  struct places places = places_of(top, item);
  top->map[places_find(&places, hash)] = node + 1;
  return node;
}

/* The value has no event any more: the last node, and the last of the heap, take its places. */
static void remove_node(const struct top_view *view, struct counter_top *top, uint32_t node) {
  const struct inside_item *item = view->item;
  struct top_node *own = node_at(top, item, node);
  struct places places = places_of(top, item);
  uint32_t heap_at = own->heap_at, last = top->count - 1;
  places_remove(&places, own->hash);
  if (item->order == AGG_MIN || item->order == AGG_MAX) order_queue_free(view->counters, own->queue);
  top->count--;
  uint32_t moved = top->heap[last];
  if (heap_at != last) put(view, top, heap_at, moved);
  if (node != last) {
    struct top_node *from = node_at(top, item, last);
    top->map[places_find(&places, from->hash)] = node + 1;
    memcpy(own, from, node_bytes(item->order));
    top->heap[own->heap_at] = node;
    if (moved == last) moved = node;
  }
  if (heap_at != last) settle(view, top, moved);
  if (top->room_log2 > 2 && top->count <= (uint32_t)1 << (top->room_log2 - 2))
    resize(view->counters, item, top, top->room_log2 - 1);
}

/* ---- events ---- */

static void change_order(const struct top_view *view, struct top_node *node, uint32_t number, bool add) {
  enum aggregate order = view->item->order;
  node->count += add ? 1u : -1u;
  if (order == AGG_COUNT) return;
  if (!add && (order == AGG_MIN || order == AGG_MAX)) {
    order_queue_forget(node->queue, number + 1);
    return;
  }
  struct value v = source_value(view->state, view->ring, view->order_source, number);
  if (order == AGG_MIN || order == AGG_MAX) {
    if (v.kind == VALUE_NULL) return;
    node->queue = order_queue_add(view->counters, node->queue, view->state, view->ring, view->order_source,
                                  order == AGG_MAX, number);
    return;
  }
  (add ? sum_add : sum_subtract)(&node->sum, v);
  node->total = order == AGG_AVG ? sum_average(&node->sum, view->order_type, NULL)
                                 : sum_total(&node->sum, view->order_type, NULL);
}

static struct top_view view_of(struct counters *counters, const struct layout *layout, const struct inside_item *item,
                               const struct counter_state *state, const struct ring *ring) {
  struct top_view view = {
      .counters = counters, .source = &layout->sources[item->column], .item = item, .state = state, .ring = ring};
  if (item->order_column == NO_COLUMN) return view;
  view.order_source = &layout->sources[item->order_column];
  view.order_type = view.order_source->type;
  return view;
}

void counter_top_change(struct counters *counters, const struct layout *layout, const struct inside_item *item,
                        struct counter_top *top, const struct counter_state *state, const struct ring *ring,
                        uint32_t number, bool add) {
  struct top_view view = view_of(counters, layout, item, state, ring);
  uint64_t hash = value_hash(source_value(state, ring, view.source, number));
  uint32_t node = 0;
  if (top->nodes != NULL) {
    struct places places = places_of(top, item);
    node = top->map[places_find(&places, hash)];
  }
  check(add || node != 0);
  node = node == 0 ? new_node(counters, item, top, hash) : node - 1;
  struct top_node *own = node_at(top, item, node);
  if (add) own->latest = number;
  change_order(&view, own, number, add);
  if (own->count == 0)
    remove_node(&view, top, node);
  else
    settle(&view, top, node);
}

struct value counter_top_tell(const struct layout *layout, const struct inside_item *item,
                              const struct counter_top *top, const struct counter_state *state, const struct ring *ring,
                              uint32_t most, struct arena *scratch) {
  struct top_view view = view_of(NULL, layout, item, state, ring);
  uint32_t front[LIST_ELEMENTS_MAX + 1], front_count = 0, count = 0; /* heap places: the best is one of them */
  check(most <= LIST_ELEMENTS_MAX);
  if (top->count == 0) return value_null();
  struct value *values = arena_alloc(scratch, (most < top->count ? most : top->count) * sizeof *values);
  front[front_count++] = 0;
  while (front_count > 0 && count < most) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < front_count; i++)
      if (better(&view, node_at(top, item, top->heap[front[i]]), node_at(top, item, top->heap[front[best]]))) best = i;
    uint32_t at = front[best];
    const struct top_node *node = node_at(top, item, top->heap[at]);
    values[count++] = value_copy(scratch, source_value(state, ring, view.source, node->latest));
    front[best] = front[--front_count];
    for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < top->count; child++) front[front_count++] = child;
  }
  return (struct value){.list = values, .length = count, .kind = VALUE_LIST};
}

size_t counter_top_bytes(const struct inside_item *item, unsigned room_log2) {
  bool queues = item->order == AGG_MIN || item->order == AGG_MAX;
  return pool_taken(node_bytes(item->order) << room_log2) + pool_taken(sizeof(uint32_t) << room_log2) +
         pool_taken(sizeof(uint32_t) << (room_log2 + 1)) + (queues ? order_queue_bytes(0) << room_log2 : 0);
}

void counter_top_free(struct counters *counters, const struct inside_item *item, struct counter_top *top) {
  if (item->order == AGG_MIN || item->order == AGG_MAX)
    for (uint32_t i = 0; i < top->count; i++) order_queue_free(counters, node_at(top, item, i)->queue);
  free_blocks(counters, item, top);
  *top = (struct counter_top){0};
}
