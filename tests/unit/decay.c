/* floors: base */
/* Means with falling weights: against long doubles, any order, any split, taken out again, borders. */
#include "base/decay.h"

#include <math.h>
#include <stdlib.h>

#include "test.h"

static uint64_t state = 0x2545f4914f6cdd1du;
static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static bool same(struct value a, struct value b) { /* bit for bit */
  return a.kind == b.kind && a.scale == b.scale && (a.kind == VALUE_NULL || a.i == b.i);
}

enum { EVENTS = 400 };
struct item {
  struct value value;
  int64_t time;
};
static struct item items[EVENTS];

static long double number_of(struct value v) {
  return v.kind == VALUE_FLOAT ? (long double)v.f : (long double)v.i / powl(10, v.scale);
}

/* The definition. */
static long double mean_of(size_t count, int64_t half_life, long double *scale) {
  long double sum = 0, weights = 0, sizes = 0;
  int64_t latest = INT64_MIN;
  for (size_t i = 0; i < count; i++)
    if (items[i].time > latest) latest = items[i].time;
  for (size_t i = 0; i < count; i++) {
    long double weight = exp2l(-((long double)latest - (long double)items[i].time) / (long double)half_life);
    sum += weight * number_of(items[i].value);
    sizes += weight * fabsl(number_of(items[i].value));
    weights += weight;
  }
  *scale = sizes / weights;
  return sum / weights;
}

static struct value random_value(int kind) {
  int64_t number = (int64_t)random_bits() >> (random_bits() % 60);
  switch (kind) {
  case 0: return value_int(number);
  case 1: return value_decimal(number, 18);
  case 2: return value_decimal(number, 2);
  case 3: return value_duration(number);
  default: return value_float((double)number * 0x1p-20);
  }
}

TEST(the_definition) {
  static const int64_t halves[] = {1, 1000, 60000000, 3600000000, 86400000000 * 365};
  double worst = 0;
  for (int round = 0; round < 400; round++) {
    int kind = round % 5;
    int64_t half_life = halves[random_bits() % 5],
            time = (int64_t)(random_bits() % 4000000000000000) - 2000000000000000;
    int64_t gap = (int64_t)(random_bits() % 5) * half_life / 50 + 1;
    size_t count = 1 + random_bits() % EVENTS;
    struct decay decay = {0};
    for (size_t i = 0; i < count; i++) {
      items[i] = (struct item){random_value(kind), time};
      decay_add(&decay, items[i].value, time, half_life);
      time += (int64_t)(random_bits() % (uint64_t)gap);
    }
    struct type type = {.kind = items[0].value.kind, .scale = items[0].value.scale};
    struct value told = decay_mean(&decay, type, NULL);
    long double scale, expected = mean_of(count, half_life, &scale);
    if (kind == 3) {
      EXPECT_INT(told.kind, VALUE_DURATION);
      EXPECT(fabsl((long double)told.i - expected) <= 0.51L + scale * 1e-13L);
    } else {
      EXPECT_INT(told.kind, VALUE_FLOAT);
      double error = scale == 0 ? 0 : (double)(fabsl((long double)told.f - expected) / scale);
      if (error > worst) worst = error;
    }
  }
  if (getenv("WEIR_TEST_FIGURES") != NULL) printf("decay: worst %.3g of the mean size\n", worst);
  EXPECT(worst < 2e-14);
}

TEST(equal_values_are_their_mean) {
  static const double floats[] = {0.1, 19.99, 1e15 / 3, -7.25, 3e-7};
  for (int round = 0; round < 200; round++) {
    struct decay decay = {0}, ints = {0}, prices = {0};
    int64_t time = (int64_t)(random_bits() >> 12), number = (int64_t)random_bits();
    double f = floats[round % 5];
    for (unsigned i = 0; i <= random_bits() % 50; i++) {
      time += (int64_t)(random_bits() % 5000000);
      decay_add(&decay, value_float(f), time, 7777777);
      decay_add(&ints, value_int(number >> 11), time, 7777777);
      decay_add(&prices, value_decimal(1999, 2), time, 7777777);
    }
    double told = decay_mean(&decay, TYPE(VALUE_FLOAT), NULL).f;
    EXPECT(f == 3e-7 ? fabs(told - f) < 0x1p-60 : told == f); /* steps of 2^-60, as sums */
    EXPECT(decay_mean(&ints, TYPE(VALUE_INT), NULL).f == (double)(number >> 11));
    EXPECT(decay_mean(&prices, TYPE_DECIMAL(2), NULL).f == 19.99);
  }
}

TEST(order_and_split_do_not_show) {
  for (int round = 0; round < 200; round++) {
    int kind = round % 5;
    int64_t half_life = 1000, reach = INT64_C(1000) << (random_bits() % 12); /* up to 2,000 half-lives */
    size_t count = 1 + random_bits() % EVENTS;
    struct decay forward = {0}, backward = {0}, parts[3] = {0}, merged = {0};
    for (size_t i = 0; i < count; i++)
      items[i] = (struct item){random_value(kind), (int64_t)(random_bits() % (uint64_t)reach) - reach / 2};
    struct type type = {.kind = items[0].value.kind, .scale = items[0].value.scale};
    for (size_t i = 0; i < count; i++) {
      decay_add(&forward, items[i].value, items[i].time, half_life);
      decay_add(&backward, items[count - 1 - i].value, items[count - 1 - i].time, half_life);
      decay_add(&parts[random_bits() % 3], items[i].value, items[i].time, half_life);
    }
    for (int i = 0; i < 3; i++) decay_add_decay(&merged, &parts[(i + round) % 3]);
    EXPECT(same(decay_mean(&forward, type, NULL), decay_mean(&backward, type, NULL)));
    EXPECT(same(decay_mean(&forward, type, NULL), decay_mean(&merged, type, NULL)));
    EXPECT(memcmp(&forward, &merged, sizeof merged) == 0 && memcmp(&forward, &backward, sizeof merged) == 0);
  }
}

TEST(taken_out_again) { /* the oldest leave: what stays is told as if they had never been */
  for (int round = 0; round < 100; round++) {
    int kind = round % 5;
    size_t count = 2 + random_bits() % (EVENTS - 2), out = random_bits() % count;
    int64_t time = 0;
    struct decay all = {0}, rest = {0};
    for (size_t i = 0; i < count; i++) {
      time += (int64_t)(random_bits() % 400);
      items[i] = (struct item){random_value(kind), time};
      decay_add(&all, items[i].value, time, 1000);
      if (i >= out) decay_add(&rest, items[i].value, time, 1000);
    }
    struct type type = {.kind = items[0].value.kind, .scale = items[0].value.scale};
    for (size_t i = 0; i < out; i++) decay_subtract(&all, items[i].value, items[i].time, 1000);
    EXPECT(same(decay_mean(&all, type, NULL), decay_mean(&rest, type, NULL)));
    for (size_t i = out; i < count; i++) decay_subtract(&all, items[i].value, items[i].time, 1000);
    EXPECT(value_is_null(decay_mean(&all, type, NULL)));
  }
}

TEST(borders) {
  struct expr_counts counts = {0};
  struct decay decay = {0};
  EXPECT(value_is_null(decay_mean(&decay, TYPE(VALUE_INT), &counts)));
  decay_add(&decay, value_null(), 5, 10);
  EXPECT(value_is_null(decay_mean(&decay, TYPE(VALUE_INT), &counts)));
  decay_add(&decay, value_int(INT64_MIN), INT64_MIN, 1);
  EXPECT(decay_mean(&decay, TYPE(VALUE_INT), &counts).f == -0x1p63);
  EXPECT_INT(decay_mean(&decay, TYPE(VALUE_DURATION), &counts).i, INT64_MIN);
  decay_add(&decay, value_int(INT64_MAX), INT64_MAX, 1); /* the other is 2^64 half-lives old */
  EXPECT(decay_mean(&decay, TYPE(VALUE_INT), &counts).f == 0x1p63);
  EXPECT_INT(decay_mean(&decay, TYPE(VALUE_DURATION), &counts).i, INT64_MAX);
  decay_add(&decay, value_int(1), INT64_MIN, 1); /* too old to count */
  EXPECT_INT(decay_mean(&decay, TYPE(VALUE_DURATION), &counts).i, INT64_MAX);
  struct decay one = {0};
  decay_add(&one, value_int(8), 0, 100);
  decay_add(&one, value_int(2), 100, 100); /* weights 1/2, 1 */
  EXPECT(decay_mean(&one, TYPE(VALUE_INT), &counts).f == 4);
  EXPECT_INT(counts.overflow, 0);
  struct decay large = {0};
  decay_add(&large, value_float(1e300), 0, 100);
  decay_add(&large, value_float(1), 100, 100);
  EXPECT(value_is_null(decay_mean(&large, TYPE(VALUE_FLOAT), &counts)));
  EXPECT_INT(counts.overflow, 1);
  decay_subtract(&large, value_float(1e300), 0, 100);
  EXPECT(decay_mean(&large, TYPE(VALUE_FLOAT), &counts).f == 1);
  decay_add(&large, value_float(1e300), 100, 100);
  decay_add(&large, value_float(3), 100 * 100, 100); /* a hundred half-lives later it is forgotten */
  EXPECT(decay_mean(&large, TYPE(VALUE_FLOAT), &counts).f == 3);
  EXPECT_INT(sizeof decay, 168);
}

TEST_MAIN
