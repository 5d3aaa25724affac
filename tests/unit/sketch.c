/* floors: base */
/* Sketches: errors over many seeds, merges that do not show, borders of the buckets, sets that become a sketch. */
#include "base/sketch.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "test.h"

static uint64_t state = 0x2545f4914f6cdd1du;
static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/* ---- HyperLogLog ---- */

TEST(hll_error_over_seeds) { /* from few to many: the mean error and its spread stay in what the header says */
  static const uint64_t sizes[] = {1, 10, 100, 1000, 4000, 10000, 20000, 50000, 200000};
  enum { SEEDS = 60 };
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    double mean = 0, squares = 0, worst = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
      struct hll hll = {0};
      for (uint64_t i = 0; i < sizes[s]; i++) hll_add(&hll, hash_bytes_seed(&i, sizeof i, seed));
      double error = (double)hll_estimate(&hll) / (double)sizes[s] - 1;
      mean += error / SEEDS;
      squares += error * error / SEEDS;
      if (fabs(error) > worst) worst = fabs(error);
    }
    if (getenv("WEIR_TEST_FIGURES") != NULL)
      printf("hll %8llu: mean %+.4f, root mean square %.4f, worst %.4f\n", (unsigned long long)sizes[s], mean,
             sqrt(squares), worst);
    EXPECT(fabs(mean) < 0.007);            /* 3 standard errors of a mean of 60 */
    EXPECT(sqrt(squares) < 0.01625 * 1.3); /* 1.04 / sqrt(4096), and what 60 seeds scatter */
    EXPECT(worst < 0.01625 * 4);
  }
}

TEST(hll_is_a_function_of_the_set) {
  struct hll all = {0}, parts[5] = {{{0}, {0}}}, merged = {0};
  for (uint64_t i = 0; i < 30000; i++) {
    uint64_t hash = hash_u64(i);
    hll_add(&all, hash);
    hll_add(&parts[random_bits() % 5], hash);
    hll_add(&parts[random_bits() % 5], hash); /* again, elsewhere */
  }
  for (int i = 4; i >= 0; i--) hll_merge(&merged, &parts[i]);
  EXPECT(memcmp(&merged, &all, sizeof all) == 0);
  struct hll before = merged;
  hll_merge(&merged, &all);
  EXPECT(memcmp(&merged, &before, sizeof before) == 0);
}

TEST(hll_borders) {
  struct hll hll = {0};
  EXPECT_INT(hll_estimate(&hll), 0);
  hll_add(&hll, 0); /* the highest rank, in the first register */
  EXPECT_INT(hll.ranks[HLL_RANK_MAX], 1);
  EXPECT_INT(hll_estimate(&hll), 1);
  hll_add(&hll, UINT64_MAX); /* the lowest, in the last */
  EXPECT_INT(hll.ranks[1], 1);
  EXPECT_INT(hll_estimate(&hll), 2);
  for (uint64_t i = 0; i < HLL_REGISTERS; i++) hll_add(&hll, i << (64 - HLL_BITS));
  EXPECT_INT(hll.ranks[HLL_RANK_MAX], HLL_REGISTERS);
  EXPECT_INT(hll.ranks[1], 0);
  EXPECT(hll_estimate(&hll) > INT64_C(1) << 55); /* no more can be said, but it ends and is a number */
}

TEST(hll_registers_do_not_touch_each_other) {
  struct hll hll = {0};
  uint8_t expected[HLL_REGISTERS] = {0};
  for (int step = 0; step < 100000; step++) {
    unsigned index = (unsigned)(random_bits() % HLL_REGISTERS), zeros = (unsigned)(random_bits() % 52);
    hll_add(&hll, (uint64_t)index << (64 - HLL_BITS) | (uint64_t)1 << (51 - zeros));
    if (zeros + 1 > expected[index]) expected[index] = (uint8_t)(zeros + 1);
  }
  unsigned ranks[HLL_RANK_MAX + 1] = {0};
  for (unsigned i = 0; i < HLL_REGISTERS; i++) {
    unsigned bit = i * 6, bits = hll.registers[bit / 8];
    if (bit / 8 + 1 < sizeof hll.registers) bits |= (unsigned)hll.registers[bit / 8 + 1] << 8;
    EXPECT_INT(bits >> bit % 8 & 63, expected[i]);
    ranks[expected[i]]++;
  }
  for (unsigned i = 1; i <= HLL_RANK_MAX; i++) EXPECT_INT(hll.ranks[i], ranks[i]);
}

/* ---- sets ---- */

TEST(distinct_is_exact_and_then_a_sketch) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct distinct set = {0};
  EXPECT_INT(distinct_count(&set), 0);
  for (uint64_t i = 0; i < DISTINCT_EXACT_MAX; i++) {
    EXPECT(!distinct_add(&pool, &set, hash_u64(i), DISTINCT_EXACT_MAX));
    EXPECT(!distinct_add(&pool, &set, hash_u64(i / 2), DISTINCT_EXACT_MAX));
    EXPECT_INT(distinct_count(&set), i + 1);
    EXPECT(i > 0 ? pool_used(&pool) == distinct_bytes(&set) : pool_used(&pool) == 0);
    if (i == 2) EXPECT_INT(pool_used(&pool), 32);
  }
  EXPECT_INT(distinct_bytes(&set), 16384);
  EXPECT(distinct_add(&pool, &set, hash_u64(DISTINCT_EXACT_MAX), DISTINCT_EXACT_MAX)); /* one too many */
  EXPECT(pool_used(&pool) >= 3072 && pool_used(&pool) <= 4096);                        /* 4,096 registers of six bits */
  EXPECT(llabs(distinct_count(&set) - 1025) < 70);
  EXPECT(!distinct_add(&pool, &set, hash_u64(5000), DISTINCT_EXACT_MAX)); /* said once */
  distinct_free(&pool, &set);
  EXPECT_INT(pool_used(&pool), 0);
  EXPECT_INT(distinct_count(&set), 0);
  for (uint64_t i = 0; i <= DISTINCT_APPROX_MAX; i++) /* 193 different ones */
    EXPECT(distinct_add(&pool, &set, hash_u64(i), DISTINCT_APPROX_MAX) == (i == DISTINCT_APPROX_MAX));
  EXPECT(llabs(distinct_count(&set) - 193) < 14);
  distinct_free(&pool, &set);
  distinct_add(&pool, &set, 0, 1); /* hash 0 is a value like any other */
  distinct_add(&pool, &set, 0, 1);
  EXPECT_INT(distinct_count(&set), 1);
  distinct_free(&pool, &set);
  mem_free_all(mem);
}

TEST(distinct_merges_do_not_show) { /* whichever of the parts are sketches */
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  static const uint64_t counts[] = {0, 1, 2, 500, 1000, 1024, 1025, 3000};
  for (size_t a = 0; a < sizeof counts / sizeof *counts; a++)
    for (size_t b = 0; b < sizeof counts / sizeof *counts; b++)
      for (int shared = 0; shared < 2; shared++) {
        struct distinct whole = {0}, left = {0}, right = {0};
        uint64_t first = shared ? 0 : 100000;
        bool became = false, was = counts[a] > DISTINCT_EXACT_MAX;
        for (uint64_t i = 0; i < counts[a]; i++) {
          distinct_add(&pool, &left, hash_u64(i), DISTINCT_EXACT_MAX);
          distinct_add(&pool, &whole, hash_u64(i), DISTINCT_EXACT_MAX);
        }
        for (uint64_t i = 0; i < counts[b]; i++) {
          distinct_add(&pool, &right, hash_u64(first + i), DISTINCT_EXACT_MAX);
          became |= distinct_add(&pool, &whole, hash_u64(first + i), DISTINCT_EXACT_MAX);
        }
        int64_t right_count = distinct_count(&right);
        EXPECT(distinct_merge(&pool, &left, &right, DISTINCT_EXACT_MAX) == (became && !was));
        EXPECT_INT(distinct_count(&left), distinct_count(&whole));
        EXPECT_INT(left.room == DISTINCT_SKETCH, whole.room == DISTINCT_SKETCH);
        if (left.room == DISTINCT_SKETCH) EXPECT(memcmp(left.hll, whole.hll, sizeof *left.hll) == 0);
        EXPECT_INT(distinct_count(&right), right_count);
        distinct_free(&pool, &left);
        distinct_free(&pool, &right);
        distinct_free(&pool, &whole);
        EXPECT_INT(pool_used(&pool), 0);
      }
  mem_free_all(mem);
}

/* ---- DDSketch ---- */

static int compare_doubles(const void *a, const void *b) {
  const double *x = a, *y = b;
  return (*x > *y) - (*x < *y);
}

enum { VALUES = 20000 };
static double values[VALUES];

static double exact_percentile(unsigned percent, unsigned count) { /* of sorted values */
  unsigned hundredths = percent * (count - 1);
  double low = values[hundredths / 100], high = values[hundredths / 100 + (hundredths / 100 + 1 < count)];
  return low + (high - low) * (hundredths % 100 / 100.0);
}

/* 0: amounts over four decades, 1: of both signs, 2: over 16 decades, 3: around one, 4: whole numbers, many zeros */
static double random_value(int kind) {
  double unit = (double)(random_bits() >> 11) * 0x1p-53;
  switch (kind) {
  case 0: return exp(unit * 9.2);
  case 1: return (unit - 0.5) * exp((double)(random_bits() % 1000) * 0.01);
  case 2: return exp((unit - 0.5) * 37);
  case 3: return 1 + unit * 0.1;
  default: return (double)(random_bits() % 40) - 10 > 5 ? (double)(random_bits() % 40) - 10 : 0;
  }
}

TEST(ddsketch_error_over_seeds) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  for (int kind = 0; kind < 5; kind++) {
    double worst = 0;
    size_t bytes = 0;
    for (unsigned round = 0; round < 40; round++) {
      unsigned count = round < 10 ? round + 1 : 1 + (unsigned)(random_bits() % VALUES);
      struct ddsketch sketch = {0};
      for (unsigned i = 0; i < count; i++) {
        values[i] = random_value(kind);
        ddsketch_add(&pool, &sketch, values[i]);
      }
      qsort(values, count, sizeof *values, compare_doubles);
      if (ddsketch_bytes(&sketch) > bytes) bytes = ddsketch_bytes(&sketch);
      for (unsigned percent = 0; percent <= 100; percent++) {
        double told = ddsketch_percentile(&sketch, percent), exact = exact_percentile(percent, count);
        unsigned hundredths = percent * (count - 1);
        double low = values[hundredths / 100], high = values[hundredths / 100 + (hundredths / 100 + 1 < count)];
        if ((low < 0) == (high < 0)) { /* between neighbours of two signs, 1 % is of the greater of them */
          double error = exact == 0 ? fabs(told) : fabs(told / exact - 1);
          if (error > worst) worst = error;
        } else {
          EXPECT(fabs(told - exact) <= 0.01 * fmax(-low, high));
        }
      }
      EXPECT(ddsketch_percentile(&sketch, 0) == values[0]);
      EXPECT(ddsketch_percentile(&sketch, 100) == values[count - 1]);
      ddsketch_free(&pool, &sketch);
    }
    if (getenv("WEIR_TEST_FIGURES") != NULL) printf("ddsketch %d: worst %.5f, %zu bytes\n", kind, worst, bytes);
    EXPECT(worst <= 0.00991);
  }
  EXPECT_INT(pool_used(&pool), 0);
  mem_free_all(mem);
}

TEST(ddsketch_borders) { /* each bound of each bucket of some octaves, from both sides */
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  for (int exponent = -1022; exponent <= 1023; exponent += exponent < -1020 || exponent > 1020 ? 1 : 17)
    for (int k = 0; k <= 35; k++)
      for (int side = -2; side <= 2; side++) {
        double value = ldexp(exp2(k / 35.0), exponent);
        if (isinf(value)) value = ldexp(1, 1023);
        for (int i = 0; i < abs(side); i++) value = nextafter(value, side < 0 ? 0 : 1.7976931348623157e308);
        if (isinf(value) || value < 2.2250738585072014e-308) continue;
        struct ddsketch sketch = {0};
        double sign = k % 2 == 0 ? 1 : -1;
        ddsketch_add(&pool, &sketch, sign * value);
        ddsketch_add(&pool, &sketch, sign * value);
        EXPECT(ddsketch_percentile(&sketch, 50) == sign * value); /* nothing outside of the least and greatest */
        ddsketch_add(&pool, &sketch, -1.7976931348623157e308);
        ddsketch_add(&pool, &sketch, 1.7976931348623157e308);
        double low = ddsketch_percentile(&sketch, 34), high = ddsketch_percentile(&sketch, 66);
        EXPECT(fabs(low / (sign * value) - 1) < 0.04 + 0.0092); /* rank 1.02, 1.98: 2 % of the neighbour */
        EXPECT(fabs(high / (sign * value) - 1) < 0.04 + 0.0092);
        ddsketch_free(&pool, &sketch);
      }
  mem_free_all(mem);
}

TEST(ddsketch_of_little) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct ddsketch sketch = {0};
  ddsketch_add(&pool, &sketch, 5e-324);
  ddsketch_add(&pool, &sketch, -0.0);
  EXPECT(ddsketch_percentile(&sketch, 50) >= 0 && ddsketch_percentile(&sketch, 50) <= 5e-324);
  EXPECT_INT(sketch.count, 1); /* both are as good as zero */
  ddsketch_add(&pool, &sketch, 1e300);
  EXPECT(ddsketch_percentile(&sketch, 100) == 1e300);
  EXPECT(ddsketch_percentile(&sketch, 50) == 0);
  ddsketch_free(&pool, &sketch);
  for (int i = 0; i < 1000; i++) ddsketch_add(&pool, &sketch, 19.99);
  for (unsigned percent = 0; percent <= 100; percent++) EXPECT(ddsketch_percentile(&sketch, percent) == 19.99);
  EXPECT_INT(ddsketch_bytes(&sketch), 32);
  ddsketch_free(&pool, &sketch);
  mem_free_all(mem);
}

TEST(ddsketch_collapses_the_lowest) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  for (unsigned seed = 0; seed < 5; seed++) {
    struct ddsketch sketch = {0};
    for (int i = 0; i < VALUES; i++) {
      double unit = (double)(random_bits() >> 11) * 0x1p-53;
      values[i] = exp((unit - 0.3) * 400) * (random_bits() % 3 == 0 ? -1 : 1);
      ddsketch_add(&pool, &sketch, values[i]);
    }
    EXPECT_INT(sketch.count, DDSKETCH_BUCKETS_MAX);
    EXPECT_INT(ddsketch_bytes(&sketch), DDSKETCH_BUCKETS_MAX * 8);
    qsort(values, VALUES, sizeof *values, compare_doubles);
    for (unsigned percent = 90; percent <= 100; percent++)
      EXPECT(fabs(ddsketch_percentile(&sketch, percent) / exact_percentile(percent, VALUES) - 1) < 0.01);
    double before = ddsketch_percentile(&sketch, 0);
    EXPECT(before == values[0]);
    for (unsigned percent = 1; percent <= 100; percent++) { /* never falls */
      EXPECT(ddsketch_percentile(&sketch, percent) >= before);
      before = ddsketch_percentile(&sketch, percent);
    }
    ddsketch_free(&pool, &sketch);
  }
  mem_free_all(mem);
}

/* Full, with room between its buckets; then one comes below, between the lowest two, and further up. */
static void expect_collapsed(struct pool *pool, double last, int above) {
  struct ddsketch sketch = {0};
  for (int i = 0; i < DDSKETCH_BUCKETS_MAX; i++) ddsketch_add(pool, &sketch, exp2((3 * i + 1.5) / 35));
  ddsketch_add(pool, &sketch, last);
  EXPECT_INT(sketch.count, DDSKETCH_BUCKETS_MAX);
  EXPECT_INT(sketch.total, DDSKETCH_BUCKETS_MAX + 1);
  uint64_t total = 0, lowest = sketch.buckets[0] & ((UINT64_C(1) << 46) - 1);
  for (uint32_t i = 0; i < sketch.count; i++) {
    total += sketch.buckets[i] & ((UINT64_C(1) << 46) - 1);
    if (i > 0) EXPECT(sketch.buckets[i] >> 46 > sketch.buckets[i - 1] >> 46);
  }
  EXPECT_INT(total, DDSKETCH_BUCKETS_MAX + 1);
  EXPECT_INT(lowest, 2);
  EXPECT_INT((int)(sketch.buckets[0] >> 46) - (1 << 17) - 1022 * 35 - 2, above); /* from that of the first value */
  ddsketch_free(pool, &sketch);
}

TEST(ddsketch_collapses_at_each_place) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  expect_collapsed(&pool, 0.001, 0); /* below: counted in the lowest */
  expect_collapsed(&pool, -5, 0);
  expect_collapsed(&pool, exp2(2.5 / 35), 1); /* takes the place of the lowest */
  expect_collapsed(&pool, exp2(5.5 / 35), 3); /* the lowest goes into the second */
  expect_collapsed(&pool, 1e300, 3);
  mem_free_all(mem);
}

static bool same_sketch(const struct ddsketch *a, const struct ddsketch *b) {
  return a->total == b->total && a->least == b->least && a->greatest == b->greatest && a->count == b->count &&
         memcmp(a->buckets, b->buckets, a->count * sizeof *a->buckets) == 0;
}

TEST(ddsketch_is_a_function_of_the_values) { /* collapsed ones too: any order, any split */
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  for (int wide = 0; wide < 2; wide++)
    for (unsigned seed = 0; seed < 8; seed++) {
      struct ddsketch forward = {0}, backward = {0}, parts[4] = {0}, merged = {0};
      for (int i = 0; i < VALUES; i++) {
        double unit = (double)(random_bits() >> 11) * 0x1p-53;
        values[i] = wide ? exp((unit - 0.5) * 600) * (random_bits() % 2 == 0 ? -1 : 1) : unit * 1000;
      }
      for (int i = 0; i < VALUES; i++) {
        ddsketch_add(&pool, &forward, values[i]);
        ddsketch_add(&pool, &backward, values[VALUES - 1 - i]);
        ddsketch_add(&pool, &parts[(unsigned)i * 4 / VALUES], values[i]);
      }
      for (int i = 0; i < 4; i++) ddsketch_merge(&pool, &merged, &parts[(i + (int)seed) % 4]);
      EXPECT(same_sketch(&forward, &backward));
      EXPECT(same_sketch(&forward, &merged));
      for (int i = 0; i < 4; i++) ddsketch_free(&pool, &parts[i]);
      ddsketch_free(&pool, &forward);
      ddsketch_free(&pool, &backward);
      ddsketch_free(&pool, &merged);
    }
  EXPECT_INT(pool_used(&pool), 0);
  mem_free_all(mem);
}

TEST_MAIN
