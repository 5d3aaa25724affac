/* sketch.c - HyperLogLog, sets that become one, DDSketch. Called by engine/ (counters, windows). Owns what its structs
 * have in the caller's pool. */
#include "base/sketch.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/exact.h"

/* ---- HyperLogLog ---- */

_Static_assert(sizeof(struct hll) <= 4096, "one block of 4 KiB");

/* Registers are packed by four into three bytes. */
static inline unsigned hll_get(const struct hll *hll, unsigned index) {
  unsigned bit = index * HLL_REGISTER_BITS, byte = bit / 8, shift = bit % 8;
  unsigned bits = hll->registers[byte];
  if (shift > 2) bits |= (unsigned)hll->registers[byte + 1] << 8;
  return bits >> shift & 63;
}

static inline void hll_raise(struct hll *hll, unsigned index, unsigned rank) {
  unsigned before = hll_get(hll, index);
  if (rank <= before) return;
  unsigned bit = index * HLL_REGISTER_BITS, byte = bit / 8, shift = bit % 8;
  unsigned change = (before ^ rank) << shift;
  hll->registers[byte] ^= (uint8_t)change;
  if (shift > 2) hll->registers[byte + 1] ^= (uint8_t)(change >> 8);
  if (before > 0) hll->ranks[before]--;
  hll->ranks[rank]++;
}

void hll_add(struct hll *hll, uint64_t hash) {
  uint64_t rest = hash << HLL_BITS;
  unsigned rank = rest == 0 ? HLL_RANK_MAX : (unsigned)__builtin_clzll(rest) + 1;
  hll_raise(hll, (unsigned)(hash >> (64 - HLL_BITS)), rank);
}

void hll_merge(struct hll *into, const struct hll *from) {
  for (unsigned i = 0; i < HLL_REGISTERS; i++) hll_raise(into, i, hll_get(from, i));
}

/* sigma(x) = x + sum of x^(2^k) 2^(k-1); 0 <= x < 1. Ends: the powers fall to 0 (x <= 4095/4096: after 20 squarings).
 */
static double hll_sigma(double x) {
  double power = 1, total = x, before;
  do {
    x *= x;
    before = total;
    total += x * power;
    power += power;
  } while (total != before);
  return total;
}

/* tau(x) = (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3; 0 <= x <= 1. Ends: the terms fall fourfold at least. */
static double hll_tau(double x) {
  if (x == 0 || x == 1) return 0;
  double power = 1, total = 1 - x, before;
  do {
    x = sqrt(x);
    before = total;
    power *= 0.5;
    total -= (1 - x) * (1 - x) * power;
  } while (total != before);
  return total / 3;
}

int64_t hll_estimate(const struct hll *hll) {
  static const double alpha = 0.7213475204444817; /* 1 / (2 ln 2) */
  const double registers = HLL_REGISTERS;
  unsigned filled = 0;
  for (unsigned rank = 1; rank <= HLL_RANK_MAX; rank++) filled += hll->ranks[rank];
  if (filled == 0) return 0;
  double z = registers * hll_tau(1 - hll->ranks[HLL_RANK_MAX] / registers);
  for (unsigned rank = HLL_RANK_MAX - 1; rank >= 1; rank--) z = 0.5 * (z + hll->ranks[rank]);
  z += registers * hll_sigma((registers - filled) / registers);
  double estimate = alpha * registers * registers / z + 0.5;
  return estimate < 0x1p62 ? (int64_t)estimate : INT64_C(1) << 62; /* beyond: every register at its end */
}

/* ---- different values ---- */

enum { DISTINCT_ROOM_MIN = 4 };

static bool table_full(const struct distinct *set) { return set->count * 4 >= set->room * 3; }

/* Its place, or the free one where it belongs. Ends: a quarter of the places is free. */
static uint64_t *table_place(uint64_t *hashes, uint32_t room, uint64_t hash) {
  uint32_t at = (uint32_t)(hash >> 16) & (room - 1);
  while (hashes[at] != 0 && hashes[at] != hash) at = (at + 1) & (room - 1);
  return &hashes[at];
}

static void table_grow(struct pool *pool, struct distinct *set) {
  uint32_t room = set->room == 0 ? DISTINCT_ROOM_MIN : set->room * 2;
  uint64_t *hashes = pool_alloc(pool, room * sizeof *hashes);
  memset(hashes, 0, room * sizeof *hashes);
  if (set->room == 0) {
    if (set->count > 0) *table_place(hashes, room, set->only) = set->only;
  } else {
    for (uint32_t i = 0; i < set->room; i++)
      if (set->hashes[i] != 0) *table_place(hashes, room, set->hashes[i]) = set->hashes[i];
    pool_free(pool, set->hashes, set->room * sizeof *hashes);
  }
  set->hashes = hashes;
  set->room = room;
}

static void distinct_to_sketch(struct pool *pool, struct distinct *set) {
  struct hll *hll = pool_alloc(pool, sizeof *hll);
  memset(hll, 0, sizeof *hll);
  if (set->room == 0) {
    if (set->count > 0) hll_add(hll, set->only);
  } else {
    for (uint32_t i = 0; i < set->room; i++)
      if (set->hashes[i] != 0) hll_add(hll, set->hashes[i]);
    pool_free(pool, set->hashes, set->room * sizeof *set->hashes);
  }
  set->hll = hll;
  set->room = DISTINCT_SKETCH;
  set->count = 0;
}

bool distinct_add(struct pool *pool, struct distinct *set, uint64_t hash, uint32_t exact_max) {
  hash += hash == 0; /* 0 is a free place */
  if (set->room == DISTINCT_SKETCH) {
    hll_add(set->hll, hash);
    return false;
  }
  uint64_t *place = NULL;
  if (set->room == 0) {
    if (set->count > 0 && set->only == hash) return false;
  } else {
    place = table_place(set->hashes, set->room, hash);
    if (*place == hash) return false;
  }
  if (set->count >= exact_max) {
    distinct_to_sketch(pool, set);
    hll_add(set->hll, hash);
    return true;
  }
  if (set->room == 0 && set->count == 0) {
    set->only = hash;
    set->count = 1;
    return false;
  }
  if (set->room == 0 || table_full(set)) {
    table_grow(pool, set);
    place = table_place(set->hashes, set->room, hash);
  }
  *place = hash;
  set->count++;
  return false;
}

bool distinct_merge(struct pool *pool, struct distinct *into, const struct distinct *from, uint32_t exact_max) {
  bool became = false;
  if (from->room == DISTINCT_SKETCH) {
    if (into->room != DISTINCT_SKETCH) {
      distinct_to_sketch(pool, into);
      became = true;
    }
    hll_merge(into->hll, from->hll);
  } else if (from->room == 0) {
    if (from->count > 0) became = distinct_add(pool, into, from->only, exact_max);
  } else {
    for (uint32_t i = 0; i < from->room; i++)
      if (from->hashes[i] != 0) became |= distinct_add(pool, into, from->hashes[i], exact_max);
  }
  return became;
}

int64_t distinct_count(const struct distinct *set) {
  return set->room == DISTINCT_SKETCH ? hll_estimate(set->hll) : (int64_t)set->count;
}

size_t distinct_bytes(const struct distinct *set) {
  return set->room == DISTINCT_SKETCH ? sizeof *set->hll : set->room * sizeof *set->hashes;
}

void distinct_free(struct pool *pool, struct distinct *set) {
  if (set->room != 0) pool_free(pool, set->hashes, distinct_bytes(set));
  *set = (struct distinct){0};
}

/* ---- DDSketch ---- */

enum {
  BUCKET_COUNT_BITS = 46,
  BUCKET_ZERO = 1 << 17, /* the bucket of 0; those of positive values are above it, of negative ones below */
  DDSKETCH_ROOM_MIN = 4,
  MANTISSA_BITS = 52,
  EXPONENT_BIAS = 1023,
};
#define BUCKET_COUNT_MASK (((uint64_t)1 << BUCKET_COUNT_BITS) - 1)

/* The bits of 2^(k/35) - 1 as a mantissa, rounded up: bucket k of an octave begins there. */
static const uint64_t octave_bounds[DDSKETCH_PER_OCTAVE] = {
    0x0000000000000, 0x051ed35254d7b, 0x0a57de9c16bc8, 0x0faba81d4e5e0, 0x151ab8c56eea3, 0x1aa59c4115e7e,
    0x204ce10811782, 0x2611186bae675, 0x2bf2d6a54f7db, 0x31f2b2e54f85d, 0x381147622f887, 0x3e4f316812c30,
    0x44ad116889e7c, 0x4b2b8b0aaf3c8, 0x51cb453b9536d, 0x588cea3f093be, 0x5f7127c0ac32a, 0x6678aee5629f8,
    0x6da4345d1e0ae, 0x74f47075017a0, 0x7c6a1f29e2ce7, 0x8406003b2ae5d, 0x8bc8d73e16610, 0x93b36bb158fff,
    0x9bc68911258c0, 0xa402feeb9c533, 0xac69a0f5a241d, 0xb4fb472022b1b, 0xbdb8cdadbe121, 0xc6a31548e794e,
    0xcfbb031a741a5, 0xd90180e09c9e4, 0xe2777d0676771, 0xec1deabbe3c15, 0xf5f5c20dfe5f3,
};
/* The bucket in which each 32nd of an octave begins: the one sought is at most two further. */
static const uint8_t octave_starts[32] = {0,  1,  3,  4,  5,  7,  8,  9,  11, 12, 13, 14, 16, 17, 18, 19,
                                          20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 30, 31, 32, 33, 34};

static uint64_t bucket_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint64_t exponent = bits >> MANTISSA_BITS & 0x7ff, mantissa = bits & (((uint64_t)1 << MANTISSA_BITS) - 1);
  if (exponent == 0) return BUCKET_ZERO;
  uint64_t k = octave_starts[mantissa >> (MANTISSA_BITS - 5)];
  while (k + 1 < DDSKETCH_PER_OCTAVE && octave_bounds[k + 1] <= mantissa) k++;
  uint64_t distance = (exponent - 1) * DDSKETCH_PER_OCTAVE + k + 1;
  return bits >> 63 != 0 ? BUCKET_ZERO - distance : BUCKET_ZERO + distance;
}

static double octave_bound(unsigned k) {
  if (k == DDSKETCH_PER_OCTAVE) return 2;
  uint64_t bits = (uint64_t)EXPONENT_BIAS << MANTISSA_BITS | octave_bounds[k];
  double bound;
  memcpy(&bound, &bits, sizeof bound);
  return bound;
}

/* The value whose relative distance to both bounds of the bucket is the same. */
static double bucket_value(uint64_t bucket) {
  if (bucket == BUCKET_ZERO) return 0;
  bool negative = bucket < BUCKET_ZERO;
  uint64_t distance = (negative ? BUCKET_ZERO - bucket : bucket - BUCKET_ZERO) - 1;
  unsigned k = (unsigned)(distance % DDSKETCH_PER_OCTAVE);
  double low = octave_bound(k), high = octave_bound(k + 1);
  double value = 2 * low * high / (low + high);
  value = exact_scale2(value, (int)(distance / DDSKETCH_PER_OCTAVE) + 1 - EXPONENT_BIAS);
  return negative ? -value : value;
}

static void buckets_grow(struct pool *pool, struct ddsketch *sketch) {
  uint32_t room = sketch->room == 0 ? DDSKETCH_ROOM_MIN : sketch->room * 2;
  uint64_t *buckets = pool_alloc(pool, room * sizeof *buckets);
  if (sketch->count > 0) memcpy(buckets, sketch->buckets, sketch->count * sizeof *buckets);
  pool_free(pool, sketch->buckets, sketch->room * sizeof *buckets);
  sketch->buckets = buckets;
  sketch->room = room;
}

static uint64_t count_of(uint64_t bucket) { return bucket & BUCKET_COUNT_MASK; }

static void bucket_add(struct pool *pool, struct ddsketch *sketch, uint64_t bucket, uint64_t count) {
  uint64_t *buckets = sketch->buckets;
  uint32_t low = 0, high = sketch->count;
  while (low < high) { /* the first that is not before it */
    uint32_t middle = (low + high) / 2;
    if (buckets[middle] >> BUCKET_COUNT_BITS < bucket)
      low = middle + 1;
    else
      high = middle;
  }
  if (low < sketch->count && buckets[low] >> BUCKET_COUNT_BITS == bucket) {
    buckets[low] += count;
    return;
  }
  uint64_t entry = bucket << BUCKET_COUNT_BITS | count;
  if (sketch->count < DDSKETCH_BUCKETS_MAX) {
    if (sketch->count == sketch->room) buckets_grow(pool, sketch);
    buckets = sketch->buckets;
    memmove(&buckets[low + 1], &buckets[low], (sketch->count - low) * sizeof *buckets);
    buckets[low] = entry;
    sketch->count++;
  } else if (low == 0) { /* below the lowest, which stands for all below it */
    buckets[0] += count;
  } else if (low == 1) {
    buckets[0] = entry + count_of(buckets[0]);
  } else {
    buckets[1] += count_of(buckets[0]);
    memmove(&buckets[0], &buckets[1], (low - 1) * sizeof *buckets);
    buckets[low - 1] = entry;
  }
}

static void note_total(struct ddsketch *sketch, uint64_t count, double least, double greatest) {
  if (sketch->total == 0 || least < sketch->least) sketch->least = least;
  if (sketch->total == 0 || greatest > sketch->greatest) sketch->greatest = greatest;
  sketch->total += count;
  check(sketch->total <= BUCKET_COUNT_MASK);
}

void ddsketch_add(struct pool *pool, struct ddsketch *sketch, double value) {
  value = value == 0 ? 0 : value; /* -0 is 0 */
  note_total(sketch, 1, value, value);
  bucket_add(pool, sketch, bucket_of(value), 1);
}

void ddsketch_merge(struct pool *pool, struct ddsketch *into, const struct ddsketch *from) {
  if (from->total == 0) return;
  note_total(into, from->total, from->least, from->greatest);
  for (uint32_t i = 0; i < from->count; i++)
    bucket_add(pool, into, from->buckets[i] >> BUCKET_COUNT_BITS, count_of(from->buckets[i]));
}

static double clamped(const struct ddsketch *sketch, double value) {
  if (value < sketch->least) return sketch->least;
  return value > sketch->greatest ? sketch->greatest : value;
}

double ddsketch_percentile(const struct ddsketch *sketch, unsigned percent) {
  check(sketch->total > 0 && percent <= 100);
  uint64_t hundredths = (sketch->total - 1) * percent, rank = hundredths / 100;
  if (rank + 1 >= sketch->total) return sketch->greatest;
  uint64_t below = 0;
  uint32_t at = 0;
  while (below + count_of(sketch->buckets[at]) <= rank)
    below += count_of(sketch->buckets[at++]); /* ends: rank < total */
  double low = clamped(sketch, bucket_value(sketch->buckets[at] >> BUCKET_COUNT_BITS)), high = low;
  if (rank == 0) low = sketch->least;
  if (rank + 1 == below + count_of(sketch->buckets[at]))
    high = clamped(sketch, bucket_value(sketch->buckets[at + 1] >> BUCKET_COUNT_BITS));
  if (rank + 2 == sketch->total) high = sketch->greatest;
  double weight = (double)(hundredths % 100) / 100;
  if (weight == 0) return low;
  return low < 0 && high > 0 ? low * (1 - weight) + high * weight : low + (high - low) * weight;
}

size_t ddsketch_bytes(const struct ddsketch *sketch) { return sketch->room * sizeof *sketch->buckets; }

void ddsketch_free(struct pool *pool, struct ddsketch *sketch) {
  pool_free(pool, sketch->buckets, ddsketch_bytes(sketch));
  *sketch = (struct ddsketch){0};
}
