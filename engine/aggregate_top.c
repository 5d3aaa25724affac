/* aggregate_top.c - top(f, n [by …]): each different value with its count, sum, least or greatest, in the order of
 * first coming, found by a hash index. Called by aggregate.c and aggregate_tell.c. */
#include "base/check.h"
#include "engine/aggregate_private.h"

enum {
  TOP_SCAN = 8,   /* up to here values are found by looking at all */
  TOP_SORTED = 64 /* from here on the best are kept in order, if they are asked again */
};

uint32_t top_item_bytes(enum aggregate order) {
  switch (order) {
  case AGG_COUNT: return offsetof(struct top_item, count) + sizeof(uint64_t);
  case AGG_MIN:
  case AGG_MAX: return offsetof(struct top_item, extreme) + sizeof(struct value);
  case AGG_SUM:
  case AGG_AVG: return offsetof(struct top_item, sum) + sizeof(struct sum);
  default: check_failed("top() is ordered by count, sum, avg, min or max", __FILE__, __LINE__);
  }
}

static struct top_item *item_at(const struct cell *cell, const struct top *top, uint32_t at) {
  return (struct top_item *)(void *)(top->items + (size_t)at * cell->item_bytes);
}

static bool indexed(uint32_t room) { return room > TOP_SCAN; }
static uint32_t *index_of(const struct cell *cell, char *items, uint32_t room) {
  return (uint32_t *)(void *)(items + (size_t)room * cell->item_bytes);
}

static size_t block_bytes(const struct cell *cell, uint32_t room) {
  return (size_t)room * cell->item_bytes + (indexed(room) ? 2 * (size_t)room * sizeof(uint32_t) : 0);
}

/* The free place from the hash's own on. Ends: half of the places are free. */
static uint32_t *index_free(uint32_t *index, uint32_t room, uint64_t hash) {
  uint32_t mask = 2 * room - 1, at = (uint32_t)hash & mask;
  while (index[at] != 0) at = (at + 1) & mask;
  return &index[at];
}

static struct top_item *find(const struct cell *cell, const struct top *top, struct value v, uint64_t hash) {
  if (!indexed(top->room)) {
    for (uint32_t i = 0; i < top->count; i++) {
      struct top_item *item = item_at(cell, top, i);
      if (item->hash == hash && value_equal(item->value, v)) return item;
    }
    return NULL;
  }
  const uint32_t *index = index_of(cell, top->items, top->room);
  uint32_t mask = 2 * top->room - 1;
  for (uint32_t at = (uint32_t)hash & mask; index[at] != 0; at = (at + 1) & mask) { /* ends, as above */
    struct top_item *item = item_at(cell, top, index[at] - 1);
    if (item->hash == hash && value_equal(item->value, v)) return item;
  }
  return NULL;
}

/* ---- the order ---- */

struct candidate {
  struct value value, order;
};

static struct candidate candidate_of(const struct cell *cell, const struct top_item *item, struct expr_counts *counts) {
  struct candidate candidate = {.value = item->value};
  switch (cell->order) {
  case AGG_COUNT: candidate.order = value_int((int64_t)item->count); break;
  case AGG_MIN:
  case AGG_MAX: candidate.order = item->extreme; break;
  case AGG_AVG: candidate.order = sum_average(&item->sum, cell->order_type, counts); break;
  default: candidate.order = sum_total(&item->sum, cell->order_type, counts);
  }
  return candidate;
}

/* The higher first, null behind all others; equal ones by value. */
static bool better(const struct candidate *a, const struct candidate *b) {
  int order = 0;
  if (a->order.kind == VALUE_NULL || b->order.kind == VALUE_NULL)
    order = (a->order.kind != VALUE_NULL) - (b->order.kind != VALUE_NULL);
  else
    order = value_compare(a->order, b->order);
  return order != 0 ? order > 0 : value_compare(a->value, b->value) < 0;
}

static struct candidate in_heap(const struct cell *cell, const struct top *top, uint32_t at) {
  return candidate_of(cell, item_at(cell, top, top->heap[at]), NULL);
}

static void put_in_heap(struct top *top, uint32_t at, uint32_t item) {
  top->heap[at] = item;
  top->heap[top->room + item] = at;
}

/* The item at `at` goes where it belongs among the first `count`. O(log count). */
static void settle(const struct cell *cell, struct top *top, uint32_t at, uint32_t count) {
  uint32_t item = top->heap[at];
  struct candidate own = in_heap(cell, top, at);
  for (; at > 0; at = (at - 1) / 2) {
    struct candidate above = in_heap(cell, top, (at - 1) / 2);
    if (!better(&own, &above)) break;
    put_in_heap(top, at, top->heap[(at - 1) / 2]);
  }
  for (uint32_t below; (below = 2 * at + 1) < count; at = below) {
    struct candidate best = in_heap(cell, top, below);
    if (below + 1 < count) {
      struct candidate other = in_heap(cell, top, below + 1);
      if (better(&other, &best)) {
        best = other;
        below++;
      }
    }
    if (!better(&best, &own)) break;
    put_in_heap(top, at, top->heap[below]);
  }
  put_in_heap(top, at, item);
}

static size_t heap_bytes(const struct top *top) { return 2 * (size_t)top->room * sizeof *top->heap; }

static void drop_heap(struct pool *pool, struct top *top) {
  if (top->heap != NULL) pool_free(pool, top->heap, heap_bytes(top));
  top->heap = NULL;
}

static void make_heap(struct pool *pool, const struct cell *cell, struct top *top) {
  top->heap = pool_alloc(pool, heap_bytes(top));
  for (uint32_t i = 0; i < top->count; i++) {
    put_in_heap(top, i, i);
    settle(cell, top, i, i + 1);
  }
}

/* An item has changed, or is new, which is the last one then. */
static void changed(const struct cell *cell, struct top *top, const struct top_item *item, bool is_new) {
  if (top->heap == NULL) return;
  uint32_t number = (uint32_t)((size_t)((const char *)item - top->items) / cell->item_bytes);
  if (is_new) put_in_heap(top, number, number);
  settle(cell, top, top->heap[top->room + number], top->count);
}

/* ---- the values ---- */

static void grow(struct pool *pool, const struct cell *cell, struct top *top) {
  uint32_t room = top->room == 0 ? 1 : (uint32_t)top->room * 2;
  char *items = pool_alloc(pool, block_bytes(cell, room));
  if (top->heap != NULL) {
    uint32_t *heap = pool_alloc(pool, 2 * (size_t)room * sizeof *heap);
    memcpy(heap, top->heap, (size_t)top->count * sizeof *heap);
    memcpy(heap + room, top->heap + top->room, (size_t)top->count * sizeof *heap);
    drop_heap(pool, top);
    top->heap = heap;
  }
  if (top->count > 0) memcpy(items, top->items, (size_t)top->count * cell->item_bytes);
  if (top->room > 0) pool_free(pool, top->items, block_bytes(cell, top->room));
  top->items = items;
  top->room = room & INT32_MAX;
  if (!indexed(room)) return;
  uint32_t *index = index_of(cell, items, room);
  memset(index, 0, 2 * (size_t)room * sizeof *index);
  for (uint32_t i = 0; i < top->count; i++) *index_free(index, room, item_at(cell, top, i)->hash) = i + 1;
}

/* The value's item, new if there was none; NULL: there are too many. */
static struct top_item *item_for(struct aggregates *aggregates, const struct cell *cell, struct top *top,
                                 struct value v, uint64_t hash) {
  struct top_item *item = find(cell, top, v, hash);
  if (item != NULL) return item;
  if (top->count >= aggregates->limits.top_values) return NULL;
  if (top->count == top->room) grow(aggregates->pool, cell, top);
  item = item_at(cell, top, top->count++);
  memset(item, 0, cell->item_bytes);
  item->value = aggregate_keep(aggregates->pool, v);
  item->hash = hash;
  if (indexed(top->room)) *index_free(index_of(cell, top->items, top->room), top->room, hash) = top->count;
  return item;
}

void top_add(struct aggregates *aggregates, const struct cell *cell, struct top *top, struct value v,
             struct value order) {
  uint32_t count = top->count;
  struct top_item *item = item_for(aggregates, cell, top, v, value_hash(v));
  if (item == NULL) {
    aggregates->counts.top_values++;
    return;
  }
  switch (cell->order) {
  case AGG_COUNT: item->count++; break;
  case AGG_MIN: aggregate_extreme(aggregates->pool, &item->extreme, order, false); break;
  case AGG_MAX: aggregate_extreme(aggregates->pool, &item->extreme, order, true); break;
  default: sum_add(&item->sum, order); break;
  }
  changed(cell, top, item, top->count > count);
}

void top_merge(struct aggregates *aggregates, const struct cell *cell, struct top *into, const struct top *from) {
  drop_heap(aggregates->pool, into);
  for (uint32_t i = 0; i < from->count; i++) {
    const struct top_item *other = item_at(cell, from, i);
    struct top_item *item = item_for(aggregates, cell, into, other->value, other->hash);
    if (item == NULL) {
      aggregates->counts.top_values += cell->order == AGG_COUNT ? other->count : 1;
      continue;
    }
    switch (cell->order) {
    case AGG_COUNT: item->count += other->count; break;
    case AGG_MIN: aggregate_extreme(aggregates->pool, &item->extreme, other->extreme, false); break;
    case AGG_MAX: aggregate_extreme(aggregates->pool, &item->extreme, other->extreme, true); break;
    default: sum_add_sum(&item->sum, &other->sum); break;
    }
  }
}

void top_free(struct aggregates *aggregates, const struct cell *cell, struct top *top) {
  for (uint32_t i = 0; i < top->count; i++) {
    struct top_item *item = item_at(cell, top, i);
    aggregate_drop(aggregates->pool, item->value);
    if (cell->order == AGG_MIN || cell->order == AGG_MAX) aggregate_drop(aggregates->pool, item->extreme);
  }
  drop_heap(aggregates->pool, top);
  if (top->room > 0) pool_free(aggregates->pool, top->items, block_bytes(cell, top->room));
}

size_t top_extra(const struct cell *cell, const struct top *top) {
  size_t bytes = top->room == 0 ? 0 : block_bytes(cell, top->room);
  if (top->heap != NULL) bytes += heap_bytes(top);
  for (uint32_t i = 0; i < top->count; i++) {
    const struct top_item *item = item_at(cell, top, i);
    bytes += value_extra_bytes(item->value);
    if (cell->order == AGG_MIN || cell->order == AGG_MAX) bytes += value_extra_bytes(item->extreme);
  }
  return bytes;
}

/* ---- the best ---- */

static uint32_t best_of_all(const struct cell *cell, const struct top *top, uint32_t most, struct value *best,
                            struct expr_counts *counts) {
  struct candidate candidates[LIST_ELEMENTS_MAX];
  uint32_t count = 0;
  for (uint32_t i = 0; i < top->count; i++) {
    struct candidate candidate = candidate_of(cell, item_at(cell, top, i), counts);
    if (count == most && !better(&candidate, &candidates[count - 1])) continue;
    uint32_t at = count < most ? count++ : count - 1;
    for (; at > 0 && better(&candidate, &candidates[at - 1]); at--) candidates[at] = candidates[at - 1];
    candidates[at] = candidate;
  }
  for (uint32_t i = 0; i < count; i++) best[i] = candidates[i].value;
  return count;
}

/* The next best is always one of those right below what was taken. */
static uint32_t best_of_heap(const struct cell *cell, const struct top *top, uint32_t most, struct value *best) {
  struct candidate open[LIST_ELEMENTS_MAX + 2] = {in_heap(cell, top, 0)};
  uint32_t places[LIST_ELEMENTS_MAX + 2] = {0}, open_count = 1, count = 0;
  while (count < most && open_count > 0) {
    uint32_t first = 0;
    for (uint32_t i = 1; i < open_count; i++)
      if (better(&open[i], &open[first])) first = i;
    uint32_t below = 2 * places[first] + 1;
    best[count++] = open[first].value;
    open[first] = open[--open_count];
    places[first] = places[open_count];
    for (uint32_t at = below; at < below + 2 && at < top->count; at++) {
      open[open_count] = in_heap(cell, top, at);
      places[open_count++] = at;
    }
  }
  return count;
}

uint32_t top_best(struct pool *pool, const struct cell *cell, struct top *top, uint32_t most, struct value *best,
                  struct expr_counts *counts) {
  check(most <= LIST_ELEMENTS_MAX);
  bool many = top->count >= TOP_SORTED;
  if (many && top->asked && top->heap == NULL) make_heap(pool, cell, top);
  if (many) top->asked = 1;
  return top->heap != NULL ? best_of_heap(cell, top, most, best) : best_of_all(cell, top, most, best, counts);
}
