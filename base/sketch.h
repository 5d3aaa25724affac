/* sketch.h - what stays small however much comes: how many different values (HyperLogLog), and quantiles (DDSketch).
 *
 * All of them are functions of what was added, never of its order or of how it was split and merged: the same bits on
 * every host. Nothing can be taken out again. No libm. Blocks come from the pool that every call is given; the structs
 * are plain data and may be moved as bytes. All zero = empty. One thread at a time. */
#ifndef WEIR_BASE_SKETCH_H
#define WEIR_BASE_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"

/* ---- HyperLogLog ----
 *
 * Source: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog: the analysis of a near-optimal cardinality estimation
 * algorithm", AofA 2007; the estimate is Ertl's improved one ("New cardinality estimation algorithms for HyperLogLog
 * sketches", arXiv:1702.01284, section 2), which needs no correction for few or for very many values. Standard error
 * 1.04 / sqrt(4096) = 1.6 %. */
enum {
  HLL_BITS = 12,
  HLL_REGISTERS = 1 << HLL_BITS,
  HLL_RANK_MAX = 64 - HLL_BITS + 1, /* a register: 0 (nothing yet) to 53 */
  HLL_REGISTER_BITS = 6,
};
struct hll {
  uint16_t ranks[HLL_RANK_MAX + 1];                         /* so many registers have this rank; [0] is not kept */
  uint8_t registers[HLL_REGISTERS * HLL_REGISTER_BITS / 8]; /* packed */
};

void hll_add(struct hll *hll, uint64_t hash); /* of 64 good bits: value_hash() */
void hll_merge(struct hll *into, const struct hll *from);
int64_t hll_estimate(const struct hll *hll); /* O(53) */

/* ---- different values: exact for few, then HyperLogLog ----
 *
 * Values are known by 64 bits of their hash: two of 1,024 are taken for one with probability 3 * 10^-14. `exact_max` is
 * the same in all calls for one set. Beyond so many different ones the set becomes a HyperLogLog of all of them (4 KiB)
 * and stays one. One value needs no block. */
enum {
  DISTINCT_EXACT_MAX = 1024,
  DISTINCT_APPROX_MAX = 192, /* `approx`: up to here the hashes themselves are smaller than the sketch */
};
struct distinct {
  union {
    uint64_t only;
    uint64_t *hashes; /* open addressing, 0 = free */
    struct hll *hll;
  };
  uint32_t count; /* of hashes */
  uint32_t room;  /* 0: `only`; DISTINCT_SKETCH: hll; else of hashes */
};
enum { DISTINCT_SKETCH = 1 };

/* True when this made it a HyperLogLog. */
bool distinct_add(struct pool *pool, struct distinct *set, uint64_t hash, uint32_t exact_max);
bool distinct_merge(struct pool *pool, struct distinct *into, const struct distinct *from, uint32_t exact_max);
int64_t distinct_count(const struct distinct *set);
void distinct_free(struct pool *pool, struct distinct *set); /* empty again */
size_t distinct_bytes(const struct distinct *set);           /* in the pool */

/* ---- DDSketch ----
 *
 * Source: Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB
 * 2019. Buckets are 35 an octave: bounds 2^(i/35), found by the exponent's bits and a table of the mantissa's 35
 * bounds, so that no logarithm is taken. What is told for a value of either sign is within 0.991 % of it. Zero (and
 * what is below 2^-1022) has a bucket of its own. At most 2,048 buckets that are not empty (58 octaves of one sign, all
 * full): beyond, the lowest becomes one with the next, so that high quantiles stay as they were. The least and the
 * greatest value are kept as they are, and nothing outside of them is told. */
enum { DDSKETCH_BUCKETS_MAX = 2048, DDSKETCH_PER_OCTAVE = 35 };
struct ddsketch {
  uint64_t *buckets; /* 18 bits which, 46 bits how many; in the order of values */
  uint64_t total;
  double least, greatest;
  uint32_t count, room; /* of buckets */
};

void ddsketch_add(struct pool *pool, struct ddsketch *sketch, double value); /* finite */
void ddsketch_merge(struct pool *pool, struct ddsketch *into, const struct ddsketch *from);
/* The value at rank percent / 100 * (total - 1), between two ranks interpolated; percent 0 to 100, total > 0. O(count).
 */
double ddsketch_percentile(const struct ddsketch *sketch, unsigned percent);
void ddsketch_free(struct pool *pool, struct ddsketch *sketch);
size_t ddsketch_bytes(const struct ddsketch *sketch);

#endif
