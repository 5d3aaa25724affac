/* ranked.h - an ordered multiset of 64-bit keys that knows ranks: exact medians and percentiles of windows.
 *
 * A counted B+ tree: leaves of up to 62 keys, inner nodes of up to 20 children with the number of keys below each.
 * Insert, remove, select and rank are O(log n): at 10^7 keys five nodes are touched. 8.3 to 17 bytes a key (11.5 on
 * average, keys in any order); up to 62 keys are one block that grows from 4. All zero = empty; the struct is plain
 * data and may be moved as bytes. What is told is a function of the keys inside. One thread at a time. */
#ifndef WEIR_BASE_RANKED_H
#define WEIR_BASE_RANKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/pool.h"
#include "base/value.h"

enum { RANKED_KEY_BYTES = 17 /* at most, on average over all keys */ };

struct ranked {
  void *root; /* a leaf if height is 0 */
  uint64_t count;
  uint16_t height; /* of inner nodes above the leaves */
  uint16_t room;   /* keys in the only leaf, if height is 0 */
};

void ranked_insert(struct pool *pool, struct ranked *ranked, int64_t key);
/* One of the equal ones; false: it is not there. */
bool ranked_remove(struct pool *pool, struct ranked *ranked, int64_t key);
/* The key of 0 <= rank < count, from the lowest. */
int64_t ranked_select(const struct ranked *ranked, uint64_t rank);
/* The keys of `rank` and, unless it is the last, of rank + 1 (else the same again). */
void ranked_select_two(const struct ranked *ranked, uint64_t rank, int64_t keys[2]);
uint64_t ranked_below(const struct ranked *ranked, int64_t key); /* so many are less */
/* All of `from`, which stays as it is. O(from log into), or O(into + from) if that is less. */
void ranked_merge(struct pool *pool, struct ranked *into, const struct ranked *from);
/* All keys in order, each as often as it is inside; `each` must not change the multiset. */
void ranked_each(const struct ranked *ranked, void (*each)(void *context, int64_t key), void *context);
void ranked_free(struct pool *pool, struct ranked *ranked); /* empty again */
size_t ranked_bytes(const struct ranked *ranked);           /* in the pool */

/* ---- values ---- */

/* Ints, decimals of one scale, durations, times and floats (-0 is 0) as keys of the same order; not null. */
static inline int64_t ranked_key(struct value v) {
  if (v.kind != VALUE_FLOAT) return v.i;
  double number = v.f == 0 ? 0 : v.f;
  int64_t bits;
  memcpy(&bits, &number, sizeof bits);
  return bits ^ (int64_t)((uint64_t)(bits >> 63) >> 1);
}
struct value ranked_value(int64_t key, struct type type); /* and back */

/* The percentile of values of `type` (int, decimal, float, duration): linear between the two nearest ranks, rank =
 * percent / 100 * (count - 1), 0 <= percent <= 100; 50 is the median. Computed exactly and rounded once: a float; of
 * durations a duration (whole microseconds, halves away from zero). Null of nothing. */
struct value ranked_percentile(const struct ranked *ranked, unsigned percent, struct type type);
/* The same between two neighbours `low` <= `high`, `hundredths` of the way (0 to 99). */
struct value ranked_between(int64_t low, int64_t high, unsigned hundredths, struct type type);

#endif
