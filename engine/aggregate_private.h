/* aggregate_private.h - what aggregate.c, aggregate_top.c and aggregate_tell.c share: the cells of a block. */
#ifndef WEIR_ENGINE_AGGREGATE_PRIVATE_H
#define WEIR_ENGINE_AGGREGATE_PRIVATE_H

#include <stddef.h>

#include "base/decay.h"
#include "base/exact.h"
#include "base/ranked.h"
#include "base/sketch.h"
#include "base/sum.h"
#include "engine/aggregate.h"

/* What is kept for one or several aggregates over the same column and condition. */
enum cell_kind {
  CELL_COUNT,    /* uint64_t */
  CELL_SUM,      /* struct sum */
  CELL_SPREAD,   /* struct spread: answers for sums too */
  CELL_LEAST,    /* struct value, own */
  CELL_GREATEST, /* struct value, own */
  CELL_FIRST,    /* struct edge */
  CELL_LAST,     /* struct edge */
  CELL_DISTINCT, /* struct distinct */
  CELL_RANKED,   /* struct ranked, or a sketch in its place: RANKED_SKETCHED */
  CELL_SKETCH,   /* struct ddsketch */
  CELL_TOP,      /* struct top */
  CELL_HEAD,     /* struct kept: the first n (nth) */
  CELL_TAIL,     /* struct kept: the last n (collect) */
  CELL_DECAY,    /* struct decay */
};

struct cell {
  enum cell_kind kind;
  bool approx; /* distinct */
  uint16_t column, where, order_column;
  enum aggregate order; /* top */
  struct type order_type;
  uint32_t offset;     /* in the block */
  uint32_t item_bytes; /* top */
  int64_t parameter;
};

struct aggregates {
  struct pool *pool;
  const struct aggregate_plan *plans;
  uint16_t plan_count, cell_count;
  struct cell *cells;
  uint16_t *cell_of_plan;
  size_t bytes;
  struct aggregate_limits limits;
  struct aggregate_counts counts;
};

struct edge {
  struct value value; /* own; may be null; its `zero` is 1 once there was an event */
  int64_t time;
};

struct kept_item {
  struct value value; /* own */
  int64_t time;
};
struct kept { /* by time, equal times in the order of adding */
  struct kept_item *items;
  uint32_t count, room;
};

struct top_item {     /* in the order of first adding; item_bytes of it are there */
  struct value value; /* own */
  uint64_t hash;
  union {
    uint64_t count;       /* AGG_COUNT */
    struct value extreme; /* AGG_MIN, AGG_MAX; own */
    struct sum sum;       /* AGG_SUM, AGG_AVG */
  };
};
struct top {
  char *items;    /* room of item_bytes, then, above a few, the index: 2 * room places, item number + 1 */
  uint32_t *heap; /* NULL; else of many that were asked again: room item numbers, best first as in a heap, and
                     where each item stands in it */
  uint32_t count;
  uint32_t room : 31; /* 0 or a power of two */
  uint32_t asked : 1;
};

enum { RANKED_SKETCHED = UINT16_MAX }; /* struct ranked.height: root is a struct ddsketch */
static inline struct ddsketch *ranked_cell_sketch(const struct ranked *ranked) {
  return ranked->height == RANKED_SKETCHED ? ranked->root : NULL;
}
static inline uint32_t distinct_limit(const struct aggregates *aggregates, const struct cell *cell) {
  bool less = cell->approx && aggregates->limits.distinct_exact > DISTINCT_APPROX_MAX;
  return less ? DISTINCT_APPROX_MAX : aggregates->limits.distinct_exact;
}

struct value aggregate_keep(struct pool *pool, struct value v); /* a deep copy */
void aggregate_drop(struct pool *pool, struct value v);         /* of a kept one */
/* *kept becomes a copy of v if that is less (greater); the first of equal ones stays. Null takes no part. */
void aggregate_extreme(struct pool *pool, struct value *kept, struct value v, bool greatest);
double aggregate_number(struct value v); /* rounded once */

uint32_t top_item_bytes(enum aggregate order);
void top_add(struct aggregates *aggregates, const struct cell *cell, struct top *top, struct value v,
             struct value order);
void top_merge(struct aggregates *aggregates, const struct cell *cell, struct top *into, const struct top *from);
void top_free(struct aggregates *aggregates, const struct cell *cell, struct top *top);
size_t top_extra(const struct cell *cell, const struct top *top);
/* The best `most`, best first, into best[]; returns how many. Of many values that are asked again and again it keeps
 * the order from the second time on: then O(most^2), and adding is O(log values). */
uint32_t top_best(struct pool *pool, const struct cell *cell, struct top *top, uint32_t most, struct value *best,
                  struct expr_counts *counts);

#endif
