/* aggregate.h - the aggregates of a window, a pane or an endless counter, folded event by event
 * (rules/count_plan.h: struct aggregate_plan).
 *
 * One block of state for each window: aggregates_bytes() of plain data, all zero = no event yet, which its owner may
 * copy as bytes to another place (not twice: it owns blocks in the pool). Aggregates over the same column and condition
 * share what they keep (sum, avg and stddev; median and percentiles). What is told is a function of the events, ordered
 * by time (equal times: in the order of adding): an event that comes late changes it as if it had come in time, and
 *
 *     add(a), add(b), …, merge(panes in their order)
 *
 * gives the same bits for every way to split the events into panes (top: as long as no value was left out). Nothing can
 * be taken out again.
 *
 * Bytes in the block, and beside it: count, rate 8; sum, avg 32; stddev 72; min, max 16, first, last 24, and the bytes
 * of strings, v6 addresses and lists; distinct 16, beside it 0 for one value, 32 for three, 16 KiB for 1,024, then 4
 * KiB; median, percentile 24, beside it 32 for three values, then 8.3 to 17 each (`approx`: 40, and 8 for each bucket
 * that is not empty); top 24, beside it 32 for each value (40 by min and max, 56 by sum and avg), 8 for its index, and
 * 8 for the order of 64 or more that are asked again; collect, nth 16, beside it 24 for each value; ewma 168. One
 * thread. */
#ifndef WEIR_ENGINE_AGGREGATE_H
#define WEIR_ENGINE_AGGREGATE_H

#include "base/limits.h"
#include "base/pool.h"
#include "rules/count_plan.h"

struct aggregates; /* the layout of one set of plans, and its counts: one for each window or pane plan, and thread */

/* `plans` stay the caller's and must stay. Freed with mem. */
struct aggregates *aggregates_new(struct mem *mem, struct pool *pool, const struct aggregate_plan *plans,
                                  uint16_t count);
size_t aggregates_bytes(const struct aggregates *aggregates); /* of a block: a multiple of 8; may be 0 */

void aggregates_init(const struct aggregates *aggregates, void *state);
/* `columns`: the event's values, by column (borrowed: what is kept is copied). */
void aggregates_add(struct aggregates *aggregates, void *state, const struct value *columns, int64_t time);
/* The events of `from`, which stays as it is, come after those of `into` where times are equal. */
void aggregates_merge(struct aggregates *aggregates, void *into, const void *from);
/* The value of plans[index]. `length_us`: of the window, for rate (0 or less: null). Strings and lists are borrowed
 * from the state, the list's elements from `scratch`. Does not change the state. Sums out of range are null and
 * counted. */
struct value aggregates_tell(const struct aggregates *aggregates, const void *state, uint16_t index, int64_t length_us,
                             struct arena *scratch, struct expr_counts *counts);
/* Gives back what the block has in the pool; it is empty again. */
void aggregates_free(struct aggregates *aggregates, void *state);
/* Bytes that the block has in the pool. */
size_t aggregates_extra_bytes(const struct aggregates *aggregates, const void *state);

/* Entries of one window, beyond which its answers change; all have defaults. */
struct aggregate_limits {
  uint32_t distinct_exact;    /* different values: then HyperLogLog */
  uint32_t top_values;        /* different values: further ones are not kept, counted */
  uint64_t percentile_values; /* values of an exact median or percentile: then DDSketch */
};
enum {
  AGGREGATE_DISTINCT_EXACT = LIMIT_DISTINCT_EXACT,
  AGGREGATE_TOP_VALUES = LIMIT_TOP_VALUES,
  AGGREGATE_PERCENTILE_VALUES = LIMIT_PERCENTILE_VALUES,
};
void aggregates_set_limits(struct aggregates *aggregates, struct aggregate_limits limits); /* before the first event */

/* What limits did, since the start. */
struct aggregate_counts {
  uint64_t distinct_sketched;   /* sets with more than distinct_exact values: HyperLogLog from then on */
  uint64_t percentile_sketched; /* sets of more than percentile_values: DDSketch from then on */
  uint64_t top_values;          /* events whose value top() did not keep: top_values others were there */
};
struct aggregate_counts aggregates_counts(const struct aggregates *aggregates);

#endif
