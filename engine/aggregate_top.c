/* aggregate_top.c - top(f, n [by …]): each different value with its count, sum, least or greatest, in the order of
 * first coming, found by a hash index. Called by aggregate.c and aggregate_tell.c. */
#include "base/check.h"
#include "engine/aggregate_private.h"

enum { TOP_SCAN = 8 }; /* up to here values are found by looking at all */

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

static void grow(struct pool *pool, const struct cell *cell, struct top *top) {
  uint32_t room = top->room == 0 ? 1 : top->room * 2;
  char *items = pool_alloc(pool, block_bytes(cell, room));
  if (top->count > 0) memcpy(items, top->items, (size_t)top->count * cell->item_bytes);
  if (top->room > 0) pool_free(pool, top->items, block_bytes(cell, top->room));
  top->items = items;
  top->room = room;
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
}

void top_merge(struct aggregates *aggregates, const struct cell *cell, struct top *into, const struct top *from) {
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
  if (top->room > 0) pool_free(aggregates->pool, top->items, block_bytes(cell, top->room));
}

size_t top_extra(const struct cell *cell, const struct top *top) {
  size_t bytes = top->room == 0 ? 0 : block_bytes(cell, top->room);
  for (uint32_t i = 0; i < top->count; i++) {
    const struct top_item *item = item_at(cell, top, i);
    bytes += value_extra_bytes(item->value);
    if (cell->order == AGG_MIN || cell->order == AGG_MAX) bytes += value_extra_bytes(item->extreme);
  }
  return bytes;
}

/* ---- the best ---- */

struct candidate {
  struct value value, order;
};

static struct value order_of(const struct cell *cell, const struct top_item *item, struct type type,
                             struct expr_counts *counts) {
  switch (cell->order) {
  case AGG_COUNT: return value_int((int64_t)item->count);
  case AGG_MIN:
  case AGG_MAX: return item->extreme;
  case AGG_AVG: return sum_average(&item->sum, type, counts);
  default: return sum_total(&item->sum, type, counts);
  }
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

uint32_t top_best(const struct cell *cell, const struct top *top, const struct aggregate_plan *plan, uint32_t most,
                  struct value *best, struct expr_counts *counts) {
  struct candidate candidates[LIST_ELEMENTS_MAX];
  uint32_t count = 0;
  check(most <= LIST_ELEMENTS_MAX);
  for (uint32_t i = 0; i < top->count; i++) {
    const struct top_item *item = item_at(cell, top, i);
    struct candidate candidate = {item->value, order_of(cell, item, plan->order_type, counts)};
    if (count == most && !better(&candidate, &candidates[count - 1])) continue;
    uint32_t at = count < most ? count++ : count - 1;
    for (; at > 0 && better(&candidate, &candidates[at - 1]); at--) candidates[at] = candidates[at - 1];
    candidates[at] = candidate;
  }
  for (uint32_t i = 0; i < count; i++) best[i] = candidates[i].value;
  return count;
}
