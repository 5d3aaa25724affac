/* aggregate.c - the layout of a block of aggregates, and folding into it. Called by window*.c and counter*.c. Owns what
 * blocks have in the pool; top() is in aggregate_top.c, what is told in aggregate_tell.c. */
#include "base/check.h"
#include "engine/aggregate_private.h"

/* ---- the layout ---- */

static size_t cell_bytes(enum cell_kind kind) {
  switch (kind) {
  case CELL_COUNT: return sizeof(uint64_t);
  case CELL_SUM: return sizeof(struct sum);
  case CELL_SPREAD: return sizeof(struct spread);
  case CELL_LEAST:
  case CELL_GREATEST: return sizeof(struct value);
  case CELL_FIRST:
  case CELL_LAST: return sizeof(struct edge);
  case CELL_DISTINCT: return sizeof(struct distinct);
  case CELL_RANKED: return sizeof(struct ranked);
  case CELL_SKETCH: return sizeof(struct ddsketch);
  case CELL_TOP: return sizeof(struct top);
  case CELL_HEAD:
  case CELL_TAIL: return sizeof(struct kept);
  case CELL_DECAY: return sizeof(struct decay);
  }
  check_failed("a kind of cell", __FILE__, __LINE__);
}

static enum cell_kind kind_of(const struct aggregate_plan *plan) {
  switch (plan->kind) {
  case AGG_COUNT:
  case AGG_RATE: return CELL_COUNT;
  case AGG_SUM:
  case AGG_AVG: return CELL_SUM;
  case AGG_STDDEV: return CELL_SPREAD;
  case AGG_MIN: return CELL_LEAST;
  case AGG_MAX: return CELL_GREATEST;
  case AGG_DISTINCT: return CELL_DISTINCT;
  case AGG_FIRST: return CELL_FIRST;
  case AGG_LAST: return CELL_LAST;
  case AGG_NTH: return CELL_HEAD;
  case AGG_MEDIAN:
  case AGG_PERCENTILE: return plan->approx ? CELL_SKETCH : CELL_RANKED;
  case AGG_TOP: return CELL_TOP;
  case AGG_COLLECT: return CELL_TAIL;
  case AGG_EWMA: return CELL_DECAY;
  case AGG_NONE: break;
  }
  check_failed("a kind of aggregate", __FILE__, __LINE__);
}

static struct cell cell_of(const struct aggregate_plan *plan) {
  struct cell cell = {.kind = kind_of(plan),
                      .approx = plan->approx && plan->kind == AGG_DISTINCT,
                      .column = plan->column,
                      .where = plan->where,
                      .order_column = NO_COLUMN};
  if (cell.kind == CELL_HEAD || cell.kind == CELL_TAIL || cell.kind == CELL_DECAY) cell.parameter = plan->parameter;
  if (cell.kind == CELL_TOP) {
    cell.order = plan->order;
    cell.order_column = plan->order == AGG_COUNT ? NO_COLUMN : plan->order_column;
    cell.order_type = plan->order_type;
    cell.item_bytes = top_item_bytes(plan->order);
  }
  return cell;
}

static bool same_events(const struct cell *a, const struct cell *b) {
  return a->column == b->column && a->where == b->where;
}

/* Whether what `a` keeps answers for `b`. */
static bool covers(const struct cell *a, const struct cell *b) {
  bool kinds = a->kind == b->kind || (a->kind == CELL_SPREAD && b->kind == CELL_SUM);
  return kinds && same_events(a, b) && a->approx == b->approx && a->order == b->order &&
         a->order_column == b->order_column && a->parameter == b->parameter;
}

struct aggregates *aggregates_new(struct mem *mem, struct pool *pool, const struct aggregate_plan *plans,
                                  uint16_t count) {
  struct aggregates *aggregates = mem_alloc(mem, sizeof *aggregates);
  aggregates->pool = pool;
  aggregates->plans = plans;
  aggregates->plan_count = count;
  aggregates->cells = mem_alloc(mem, (count + 1u) * sizeof *aggregates->cells);
  aggregates->cell_of_plan = mem_alloc(mem, (count + 1u) * sizeof *aggregates->cell_of_plan);
  aggregates->limits = (struct aggregate_limits){.distinct_exact = AGGREGATE_DISTINCT_EXACT,
                                                 .top_values = AGGREGATE_TOP_VALUES,
                                                 .percentile_values = AGGREGATE_PERCENTILE_VALUES};
  for (uint16_t p = 0; p < count; p++) {
    struct cell cell = cell_of(&plans[p]);
    for (uint16_t q = 0; q < count && cell.kind == CELL_SUM; q++) { /* a deviation keeps the sum too */
      struct cell other = cell_of(&plans[q]);
      if (other.kind == CELL_SPREAD && same_events(&cell, &other)) cell.kind = CELL_SPREAD;
    }
    uint16_t at = 0;
    while (at < aggregates->cell_count && !covers(&aggregates->cells[at], &cell)) at++;
    if (at == aggregates->cell_count) {
      cell.offset = (uint32_t)aggregates->bytes;
      aggregates->bytes += cell_bytes(cell.kind);
      aggregates->cells[aggregates->cell_count++] = cell;
    }
    aggregates->cell_of_plan[p] = at;
  }
  return aggregates;
}

size_t aggregates_bytes(const struct aggregates *aggregates) { return aggregates->bytes; }
void aggregates_init(const struct aggregates *aggregates, void *state) { memset(state, 0, aggregates->bytes); }
void aggregates_set_limits(struct aggregates *aggregates, struct aggregate_limits limits) {
  aggregates->limits = limits;
}
struct aggregate_counts aggregates_counts(const struct aggregates *aggregates) {
  return aggregates->counts;
}

/* ---- values that are kept ---- */

struct value aggregate_keep(struct pool *pool, struct value v) {
  size_t bytes = value_extra_bytes(v);
  char *extra = bytes == 0 ? NULL : pool_alloc(pool, bytes);
  return value_copy_to(&extra, v);
}

void aggregate_drop(struct pool *pool, struct value v) {
  size_t bytes = value_extra_bytes(v);
  if (bytes > 0) pool_free(pool, (void *)(uintptr_t)v.s, bytes); /* s, ip and list are one pointer */
}

void aggregate_extreme(struct pool *pool, struct value *kept, struct value v, bool greatest) {
  if (v.kind == VALUE_NULL) return;
  if (kept->kind != VALUE_NULL) {
    int order = value_compare(v, *kept);
    if (greatest ? order <= 0 : order >= 0) return;
    aggregate_drop(pool, *kept);
  }
  *kept = aggregate_keep(pool, v);
}

/* `v` is the edge's value by the order of events. */
static void edge_set(struct pool *pool, struct edge *edge, struct value v, int64_t time, bool last) {
  if (edge->value.zero != 0) {
    if (last ? time < edge->time : time >= edge->time) return;
    aggregate_drop(pool, edge->value);
  }
  edge->value = aggregate_keep(pool, v);
  edge->value.zero = 1;
  edge->time = time;
}

/* ---- the first or the last n ---- */

static void kept_grow(struct pool *pool, struct kept *kept, uint32_t most) {
  uint32_t room = kept->room == 0 ? 1 : kept->room * 2;
  if (room > most) room = most;
  struct kept_item *items = pool_alloc(pool, room * sizeof *items);
  if (kept->count > 0) memcpy(items, kept->items, kept->count * sizeof *items);
  if (kept->room > 0) pool_free(pool, kept->items, kept->room * sizeof *items);
  kept->items = items;
  kept->room = room;
}

/* Behind all that are not later. */
static void kept_add(struct pool *pool, struct kept *kept, struct value v, int64_t time, uint32_t most, bool tail) {
  uint32_t at = kept->count;
  while (at > 0 && kept->items[at - 1].time > time) at--;
  if (kept->count < most) {
    if (kept->count == kept->room) kept_grow(pool, kept, most);
    memmove(&kept->items[at + 1], &kept->items[at], (kept->count - at) * sizeof *kept->items);
    kept->count++;
  } else if (tail) {
    if (at == 0) return;
    aggregate_drop(pool, kept->items[0].value);
    at--;
    memmove(&kept->items[0], &kept->items[1], at * sizeof *kept->items);
  } else {
    if (at == most) return;
    aggregate_drop(pool, kept->items[most - 1].value);
    memmove(&kept->items[at + 1], &kept->items[at], (most - 1 - at) * sizeof *kept->items);
  }
  kept->items[at] = (struct kept_item){aggregate_keep(pool, v), time};
}

/* ---- percentiles ---- */

double aggregate_number(struct value v) {
  switch (v.kind) {
  case VALUE_FLOAT: return v.f;
  case VALUE_DECIMAL: return exact_decimal(v.i, v.scale);
  default: return (double)v.i;
  }
}

struct sketching {
  struct pool *pool;
  struct ddsketch *sketch;
  struct type type;
};

static void sketch_key(void *context, int64_t key) {
  struct sketching *sketching = context;
  ddsketch_add(sketching->pool, sketching->sketch, aggregate_number(ranked_value(key, sketching->type)));
}

/* There are too many: what is known of them from now on is a sketch. */
static struct ddsketch *ranked_to_sketch(struct aggregates *aggregates, struct ranked *ranked, struct type type) {
  struct sketching sketching = {
      .pool = aggregates->pool, .sketch = pool_alloc(aggregates->pool, sizeof *sketching.sketch), .type = type};
  memset(sketching.sketch, 0, sizeof *sketching.sketch);
  ranked_each(ranked, sketch_key, &sketching);
  ranked_free(aggregates->pool, ranked);
  *ranked = (struct ranked){.root = sketching.sketch, .height = RANKED_SKETCHED};
  aggregates->counts.percentile_sketched++;
  return sketching.sketch;
}

static void ranked_cell_add(struct aggregates *aggregates, struct ranked *ranked, struct value v) {
  if (v.kind == VALUE_NULL) return;
  struct ddsketch *sketch = ranked_cell_sketch(ranked);
  if (sketch == NULL && ranked->count < aggregates->limits.percentile_values) {
    ranked_insert(aggregates->pool, ranked, ranked_key(v));
    return;
  }
  if (sketch == NULL) sketch = ranked_to_sketch(aggregates, ranked, (struct type){.kind = v.kind, .scale = v.scale});
  ddsketch_add(aggregates->pool, sketch, aggregate_number(v));
}

static void ranked_cell_merge(struct aggregates *aggregates, struct ranked *into, const struct ranked *from,
                              struct type type) {
  struct ddsketch *into_sketch = ranked_cell_sketch(into);
  const struct ddsketch *from_sketch = ranked_cell_sketch(from);
  bool many =
      into_sketch != NULL || from_sketch != NULL || into->count + from->count > aggregates->limits.percentile_values;
  if (!many) {
    ranked_merge(aggregates->pool, into, from);
    return;
  }
  if (into_sketch == NULL) into_sketch = ranked_to_sketch(aggregates, into, type);
  struct sketching sketching = {aggregates->pool, into_sketch, type};
  if (from_sketch != NULL)
    ddsketch_merge(aggregates->pool, into_sketch, from_sketch);
  else
    ranked_each(from, sketch_key, &sketching);
}

/* ---- add ---- */

static void distinct_cell_add(struct aggregates *aggregates, const struct cell *cell, struct distinct *set,
                              struct value v) {
  if (v.kind == VALUE_NULL) return;
  bool many = distinct_add(aggregates->pool, set, value_hash(v), distinct_limit(aggregates, cell));
  aggregates->counts.distinct_sketched += many && !cell->approx;
}

static void cell_add(struct aggregates *aggregates, const struct cell *cell, void *state, const struct value *columns,
                     int64_t time) {
  struct pool *pool = aggregates->pool;
  struct value v = cell->column == NO_COLUMN ? value_bool(true) : columns[cell->column];
  switch (cell->kind) {
  case CELL_COUNT: *(uint64_t *)state += v.kind != VALUE_NULL; break;
  case CELL_SUM: sum_add(state, v); break;
  case CELL_SPREAD: spread_add(state, v); break;
  case CELL_LEAST: aggregate_extreme(pool, state, v, false); break;
  case CELL_GREATEST: aggregate_extreme(pool, state, v, true); break;
  case CELL_FIRST: edge_set(pool, state, v, time, false); break;
  case CELL_LAST: edge_set(pool, state, v, time, true); break;
  case CELL_DISTINCT: distinct_cell_add(aggregates, cell, state, v); break;
  case CELL_RANKED: ranked_cell_add(aggregates, state, v); break;
  case CELL_SKETCH:
    if (v.kind != VALUE_NULL) ddsketch_add(pool, state, aggregate_number(v));
    break;
  case CELL_TOP:
    if (v.kind == VALUE_NULL) break;
    top_add(aggregates, cell, state, v, cell->order_column == NO_COLUMN ? value_null() : columns[cell->order_column]);
    break;
  case CELL_HEAD: kept_add(pool, state, v, time, (uint32_t)cell->parameter, false); break;
  case CELL_TAIL:
    if (v.kind != VALUE_NULL) kept_add(pool, state, v, time, (uint32_t)cell->parameter, true);
    break;
  case CELL_DECAY: decay_add(state, v, time, cell->parameter); break;
  }
}

void aggregates_add(struct aggregates *aggregates, void *state, const struct value *columns, int64_t time) {
  for (uint16_t i = 0; i < aggregates->cell_count; i++) {
    const struct cell *cell = &aggregates->cells[i];
    if (cell->where != NO_COLUMN && (columns[cell->where].kind != VALUE_BOOL || columns[cell->where].i == 0)) continue;
    cell_add(aggregates, cell, (char *)state + cell->offset, columns, time);
  }
}

/* ---- merge ---- */

static struct type argument_of(const struct aggregates *aggregates, uint16_t cell) {
  for (uint16_t p = 0; p < aggregates->plan_count; p++)
    if (aggregates->cell_of_plan[p] == cell) return aggregates->plans[p].argument;
  check_failed("each cell has a plan", __FILE__, __LINE__);
}

static void kept_merge(struct pool *pool, struct kept *into, const struct kept *from, uint32_t most, bool tail) {
  for (uint32_t i = 0; i < from->count; i++)
    kept_add(pool, into, from->items[i].value, from->items[i].time, most, tail);
}

static void edge_merge(struct pool *pool, struct edge *into, const struct edge *from, bool last) {
  if (from->value.zero != 0) edge_set(pool, into, from->value, from->time, last);
}

void aggregates_merge(struct aggregates *aggregates, void *into_state, const void *from_state) {
  struct pool *pool = aggregates->pool;
  for (uint16_t i = 0; i < aggregates->cell_count; i++) {
    const struct cell *cell = &aggregates->cells[i];
    void *into = (char *)into_state + cell->offset;
    const void *from = (const char *)from_state + cell->offset;
    uint32_t most = (uint32_t)cell->parameter;
    switch (cell->kind) {
    case CELL_COUNT: *(uint64_t *)into += *(const uint64_t *)from; break;
    case CELL_SUM: sum_add_sum(into, from); break;
    case CELL_SPREAD: spread_add_spread(into, from); break;
    case CELL_LEAST: aggregate_extreme(pool, into, *(const struct value *)from, false); break;
    case CELL_GREATEST: aggregate_extreme(pool, into, *(const struct value *)from, true); break;
    case CELL_FIRST: edge_merge(pool, into, from, false); break;
    case CELL_LAST: edge_merge(pool, into, from, true); break;
    case CELL_DISTINCT:
      aggregates->counts.distinct_sketched +=
          distinct_merge(pool, into, from, distinct_limit(aggregates, cell)) && !cell->approx;
      break;
    case CELL_RANKED: ranked_cell_merge(aggregates, into, from, argument_of(aggregates, i)); break;
    case CELL_SKETCH: ddsketch_merge(pool, into, from); break;
    case CELL_TOP: top_merge(aggregates, cell, into, from); break;
    case CELL_HEAD: kept_merge(pool, into, from, most, false); break;
    case CELL_TAIL: kept_merge(pool, into, from, most, true); break;
    case CELL_DECAY: decay_add_decay(into, from); break;
    }
  }
}

/* ---- free ---- */

static void kept_free(struct pool *pool, struct kept *kept) {
  for (uint32_t i = 0; i < kept->count; i++) aggregate_drop(pool, kept->items[i].value);
  if (kept->room > 0) pool_free(pool, kept->items, kept->room * sizeof *kept->items);
}

static void ranked_cell_free(struct pool *pool, struct ranked *ranked) {
  struct ddsketch *sketch = ranked_cell_sketch(ranked);
  if (sketch == NULL) {
    ranked_free(pool, ranked);
  } else {
    ddsketch_free(pool, sketch);
    pool_free(pool, sketch, sizeof *sketch);
  }
}

void aggregates_free(struct aggregates *aggregates, void *state) {
  struct pool *pool = aggregates->pool;
  for (uint16_t i = 0; i < aggregates->cell_count; i++) {
    const struct cell *cell = &aggregates->cells[i];
    void *own = (char *)state + cell->offset;
    switch (cell->kind) {
    case CELL_COUNT:
    case CELL_SUM:
    case CELL_SPREAD:
    case CELL_DECAY: break;
    case CELL_LEAST:
    case CELL_GREATEST: aggregate_drop(pool, *(struct value *)own); break;
    case CELL_FIRST:
    case CELL_LAST: aggregate_drop(pool, ((struct edge *)own)->value); break;
    case CELL_DISTINCT: distinct_free(pool, own); break;
    case CELL_RANKED: ranked_cell_free(pool, own); break;
    case CELL_SKETCH: ddsketch_free(pool, own); break;
    case CELL_TOP: top_free(aggregates, cell, own); break;
    case CELL_HEAD:
    case CELL_TAIL: kept_free(pool, own); break;
    }
  }
  memset(state, 0, aggregates->bytes);
}

static size_t kept_extra(const struct kept *kept) {
  size_t bytes = kept->room * sizeof *kept->items;
  for (uint32_t i = 0; i < kept->count; i++) bytes += value_extra_bytes(kept->items[i].value);
  return bytes;
}

static size_t cell_extra(const struct cell *cell, const void *state) {
  switch (cell->kind) {
  case CELL_COUNT:
  case CELL_SUM:
  case CELL_SPREAD:
  case CELL_DECAY: return 0;
  case CELL_LEAST:
  case CELL_GREATEST: return value_extra_bytes(*(const struct value *)state);
  case CELL_FIRST:
  case CELL_LAST: return value_extra_bytes(((const struct edge *)state)->value);
  case CELL_DISTINCT: return distinct_bytes(state);
  case CELL_RANKED: {
    const struct ddsketch *sketch = ranked_cell_sketch(state);
    return sketch == NULL ? ranked_bytes(state) : sizeof *sketch + ddsketch_bytes(sketch);
  }
  case CELL_SKETCH: return ddsketch_bytes(state);
  case CELL_TOP: return top_extra(cell, state);
  case CELL_HEAD:
  case CELL_TAIL: return kept_extra(state);
  }
  return 0;
}

size_t aggregates_extra_bytes(const struct aggregates *aggregates, const void *state) {
  size_t bytes = 0;
  for (uint16_t i = 0; i < aggregates->cell_count; i++)
    bytes += cell_extra(&aggregates->cells[i], (const char *)state + aggregates->cells[i].offset);
  return bytes;
}
