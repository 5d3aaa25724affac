/* floors: base */
/* Exact sums: any order, any split, taken out again; borders of the types. */
#include "base/sum.h"

#include <math.h>

#include "test.h"

static uint64_t state = 0x2545f4914f6cdd1du;
static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static void shuffle(struct value *values, size_t count) {
  for (size_t i = count; i > 1; i--) {
    size_t j = random_bits() % i;
    struct value other = values[i - 1];
    values[i - 1] = values[j];
    values[j] = other;
  }
}

static bool same(struct value a, struct value b) { /* bit for bit */
  return a.kind == b.kind && a.scale == b.scale && (a.kind == VALUE_NULL || a.i == b.i);
}

static const struct type float_type = {.kind = VALUE_FLOAT}, int_type = {.kind = VALUE_INT},
                         money = {.kind = VALUE_DECIMAL, .scale = 2}, duration = {.kind = VALUE_DURATION};

TEST(nothing_inside) {
  struct spread spread = {0};
  EXPECT(same(sum_total(&spread.sum, int_type, NULL), value_int(0)));
  EXPECT(same(sum_total(&spread.sum, money, NULL), value_decimal(0, 2)));
  EXPECT(same(sum_total(&spread.sum, float_type, NULL), value_float(0)));
  EXPECT(same(sum_total(&spread.sum, duration, NULL), value_duration(0)));
  EXPECT(value_is_null(sum_average(&spread.sum, int_type, NULL)));
  EXPECT(value_is_null(spread_deviation(&spread, int_type, NULL)));
  spread_add(&spread, value_null());
  EXPECT_INT(spread.sum.count, 0);
  spread_add(&spread, value_int(7));
  EXPECT(value_is_null(spread_deviation(&spread, int_type, NULL)));
  EXPECT(same(sum_average(&spread.sum, int_type, NULL), value_float(7)));
}

TEST(types) {
  struct type total, average;
  EXPECT(sum_type(money, &total, &average) && type_equal(total, money) && average.kind == VALUE_FLOAT);
  EXPECT(sum_type(duration, &total, &average) && average.kind == VALUE_DURATION);
  EXPECT(!sum_type(TYPE(VALUE_STRING), &total, &average) && !sum_type(TYPE(VALUE_TIME), &total, &average));
}

TEST(averages_round_once) {
  struct sum sum = {0};
  sum_add(&sum, value_decimal(100, 2));
  sum_add(&sum, value_decimal(100, 2));
  sum_add(&sum, value_decimal(101, 2));
  EXPECT(sum_average(&sum, money, NULL).f == 301.0 / 300);
  EXPECT(same(sum_total(&sum, money, NULL), value_decimal(301, 2)));
  struct sum big = {0};
  sum_add(&big, value_int(INT64_MAX));
  sum_add(&big, value_int(INT64_MAX));
  EXPECT(sum_average(&big, int_type, NULL).f == 0x1p63); /* the sum of them fits no int, their average does */
  struct sum waits = {0};
  sum_add(&waits, value_duration(1));
  sum_add(&waits, value_duration(2));
  EXPECT(same(sum_average(&waits, duration, NULL), value_duration(2))); /* 1.5: away from zero */
  sum_add(&waits, value_duration(-6));
  sum_add(&waits, value_duration(1));
  EXPECT(same(sum_average(&waits, duration, NULL), value_duration(-1))); /* -0.5 */
}

TEST(ints_overflow_and_come_back) {
  struct expr_counts counts = {0};
  struct sum sum = {0};
  sum_add(&sum, value_int(INT64_MAX));
  EXPECT(same(sum_total(&sum, int_type, &counts), value_int(INT64_MAX)));
  sum_add(&sum, value_int(1));
  EXPECT(value_is_null(sum_total(&sum, int_type, &counts)));
  EXPECT_INT(counts.overflow, 1);
  sum_subtract(&sum, value_int(INT64_MAX));
  EXPECT(same(sum_total(&sum, int_type, &counts), value_int(1)));
  sum_add(&sum, value_int(INT64_MIN));
  sum_add(&sum, value_int(-1));
  EXPECT(same(sum_total(&sum, int_type, &counts), value_int(INT64_MIN)));
  EXPECT_INT(counts.overflow, 1);
}

TEST(floats_beyond_the_range) {
  struct expr_counts counts = {0};
  struct sum sum = {0};
  double most = nextafter(0x1p67, 0);
  sum_add(&sum, value_float(most));
  EXPECT(sum_total(&sum, float_type, &counts).f == most);
  sum_add(&sum, value_float(most));
  EXPECT(value_is_null(sum_total(&sum, float_type, &counts)) && value_is_null(sum_average(&sum, float_type, &counts)));
  for (int i = 0; i < 1000; i++) sum_add(&sum, value_float(most)); /* far beyond 128 bits */
  for (int i = 0; i < 1001; i++) sum_subtract(&sum, value_float(most));
  EXPECT(sum_total(&sum, float_type, &counts).f == most);
  EXPECT_INT(counts.overflow, 2);
  sum_add(&sum, value_float(1e300));
  EXPECT(value_is_null(sum_total(&sum, float_type, &counts)));
  sum_subtract(&sum, value_float(1e300));
  EXPECT(sum_total(&sum, float_type, &counts).f == most);
  for (int i = 0; i < 5; i++) sum_add(&sum, value_float(-most));
  EXPECT(value_is_null(sum_total(&sum, float_type, &counts)));
  for (int i = 0; i < 3; i++) sum_add(&sum, value_float(most));
  EXPECT(sum_total(&sum, float_type, &counts).f == -most);
}

TEST(floats_cancel_exactly) {
  struct sum sum = {0};
  for (int i = 0; i < 10; i++) sum_add(&sum, value_float(0.1));
  EXPECT(sum_total(&sum, float_type, NULL).f == 1);
  sum_add(&sum, value_float(1e15));
  sum_add(&sum, value_float(1e-9));
  sum_subtract(&sum, value_float(1e15));
  for (int i = 0; i < 10; i++) sum_subtract(&sum, value_float(0.1));
  EXPECT(fabs(sum_total(&sum, float_type, NULL).f - 1e-9) < 0x1p-60);
}

enum { MANY = 500 };

static struct value random_value(struct type type) {
  int64_t bits = (int64_t)random_bits() >> (random_bits() % 60);
  if (type.kind == VALUE_FLOAT) return value_float((double)bits * exp2((double)(random_bits() % 60) - 58));
  return (struct value){.i = bits, .kind = type.kind, .scale = type.scale};
}

TEST(order_and_split_do_not_matter) {
  const struct type types[] = {int_type, money, float_type, duration};
  static struct value values[MANY];
  for (unsigned t = 0; t < 4; t++) {
    struct type type = types[t];
    for (int i = 0; i < MANY; i++) values[i] = i % 17 == 3 ? value_null() : random_value(type);
    struct spread first = {0};
    spread_add_all(&first, values, MANY);
    for (int round = 0; round < 20; round++) {
      struct spread whole = {0}, left = {0}, right = {0}, more = {0};
      shuffle(values, MANY);
      size_t cut = random_bits() % MANY;
      spread_add_all(&whole, values, MANY);
      spread_add_all(&left, values, cut);
      spread_add_all(&right, values + cut, MANY - cut);
      spread_add_spread(&left, &right);
      EXPECT(memcmp(&whole, &first, sizeof whole) == 0);
      EXPECT(memcmp(&left, &first, sizeof left) == 0);
      /* Others in and out again. */
      more = whole;
      for (int i = 0; i < 50; i++) spread_add(&more, values[i]);
      for (int i = 49; i >= 0; i--) spread_subtract(&more, values[i]);
      EXPECT(memcmp(&more, &first, sizeof more) == 0);
      spread_subtract_spread(&more, &right);
      spread_subtract_spread(&left, &right);
      EXPECT(memcmp(&more, &left, sizeof more) == 0);
    }
  }
}

TEST(deviation_against_long_double) {
  static struct value values[MANY];
  for (int round = 0; round < 50; round++) {
    struct type type = round % 2 == 0 ? money : float_type;
    struct spread spread = {0};
    long double mean = 0, squares = 0;
    for (int i = 0; i < MANY; i++) {
      double x = (double)(random_bits() % 1000000) / 100;
      values[i] = type.kind == VALUE_FLOAT ? value_float(x) : value_decimal((int64_t)(x * 100 + 0.5), 2);
      spread_add(&spread, values[i]);
      mean += x;
    }
    mean /= MANY;
    for (int i = 0; i < MANY; i++) {
      long double x = type.kind == VALUE_FLOAT ? values[i].f : (long double)values[i].i / 100;
      squares += (x - mean) * (x - mean);
    }
    long double truth = sqrtl(squares / (MANY - 1));
    double got = spread_deviation(&spread, type, NULL).f;
    EXPECT(fabsl((long double)got - truth) < truth * 1e-14L);
  }
}

/* Ints are divided in 128 bits, floats in limbs: a power of two between them changes no bit of the deviation. */
TEST(deviation_is_the_same_in_limbs) {
  for (int round = 0; round < 2000; round++) {
    uint64_t count = 2 + random_bits() % 20;
    unsigned bits = 1 + (unsigned)(random_bits() % 40);
    int scale = (int)(random_bits() % 80) - 55;
    struct spread ints = {0}, floats = {0};
    for (uint64_t i = 0; i < count; i++) {
      int64_t number = (int64_t)(random_bits() >> (64 - bits)) - (round % 3 == 0 ? 1000 : 0);
      spread_add(&ints, value_int(number));
      spread_add(&floats, value_float(ldexp((double)number, scale)));
    }
    double expected = ldexp(spread_deviation(&ints, int_type, NULL).f, scale);
    EXPECT(spread_deviation(&floats, float_type, NULL).f == expected);
  }
}

TEST(deviation_of_known_values) {
  struct spread spread = {0};
  const int64_t known[] = {2, 4, 4, 4, 5, 5, 7, 9};
  for (int i = 0; i < 8; i++) spread_add(&spread, value_int(known[i]));
  EXPECT(spread_deviation(&spread, int_type, NULL).f == sqrt(32.0 / 7));
  struct spread equal = {0};
  for (int i = 0; i < 1000; i++) spread_add(&equal, value_float(0.1));
  EXPECT(spread_deviation(&equal, float_type, NULL).f == 0);
  /* A large offset loses nothing. */
  struct spread far = {0};
  spread_add(&far, value_int(INT64_MAX));
  spread_add(&far, value_int(INT64_MAX - 2));
  EXPECT(spread_deviation(&far, int_type, NULL).f == sqrt(2));
  struct spread wide = {0};
  spread_add(&wide, value_int(INT64_MAX));
  spread_add(&wide, value_int(INT64_MIN));
  EXPECT(fabs(spread_deviation(&wide, int_type, NULL).f / (0x1p64 / sqrt(2)) - 1) < 1e-15);
  struct spread waits = {0};
  spread_add(&waits, value_duration(1000000));
  spread_add(&waits, value_duration(3000000));
  EXPECT(same(spread_deviation(&waits, duration, NULL), value_duration(1414214)));
}

TEST(lesser_and_greater) {
  EXPECT(same(sum_lesser(value_null(), value_int(3)), value_int(3)));
  EXPECT(same(sum_lesser(value_int(3), value_null()), value_int(3)));
  EXPECT(same(sum_lesser(value_int(3), value_int(2)), value_int(2)));
  EXPECT(same(sum_greater(value_int(3), value_int(2)), value_int(3)));
  EXPECT(value_is_null(sum_greater(value_null(), value_null())));
}

TEST_MAIN
