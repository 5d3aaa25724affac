/* floors: base */
/* Powers of two in integers, and sums of what halves: exact at whole half-lives, the same whatever the order. */
#include "base/halving.h"

#include <math.h>

#include "test.h"

static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}
static int64_t random_below(int64_t bound) { return (int64_t)(random_bits() >> 1) % bound; }

/* How far a * b is from 2^253, in steps of 2^127. */
static exact_uint off_two(exact_uint a, exact_uint b) {
  uint64_t a_low = (uint64_t)a, a_high = (uint64_t)(a >> 64), b_low = (uint64_t)b, b_high = (uint64_t)(b >> 64);
  exact_uint middle = (exact_uint)a_high * b_low + (exact_uint)a_low * b_high + ((exact_uint)a_low * b_low >> 64);
  exact_uint product = ((exact_uint)a_high * b_high + (middle >> 64)) << 1 | (uint64_t)middle >> 63;
  exact_uint two = (exact_uint)1 << 126;
  return product > two ? product - two : two - product;
}

TEST(powers_of_two_have_126_bits) {
  EXPECT(halving_exp2(0, 1) == (exact_uint)1 << 126);
  /* The square root of 2, a hundred bits of it: 0x1.6a09e667f3bcc908b2fb1366ea957d3e */
  exact_uint root = (exact_uint)0x5a827999fcef3242u << 64 | 0x2cbec4d9baa55f4fu, got = halving_exp2(1, 2);
  EXPECT((got > root ? got - root : root - got) < 64);
  for (int i = 0; i < 20000; i++) {
    uint64_t denominator = 2 + (random_bits() >> (1 + random_below(60))), numerator = random_bits() % denominator;
    if (numerator == 0) continue;
    exact_uint a = halving_exp2(numerator, denominator), b = halving_exp2(denominator - numerator, denominator);
    EXPECT(off_two(a, b) < 128); /* 2^f * 2^(1 - f) = 2 */
    long double truth = exp2l((long double)numerator / (long double)denominator);
    EXPECT(fabsl((long double)a * 0x1p-126L / truth - 1) < 1e-18L);
    if (test_failed) return;
  }
}

TEST(numbers_halve_exactly) {
  for (int i = 0; i < 20000; i++) {
    int64_t half_life = 1 + random_below(INT64_C(1) << (1 + random_below(50))), number = random_below(1 << 20);
    int64_t time = random_below(INT64_C(1) << 58) - (INT64_C(1) << 57);
    exact_uint weight = halving_weight(number, time, half_life);
    int64_t epoch = halving_epoch(time, half_life);
    for (int n = 0; n <= HALVING_STEP_BITS; n++) {
      int64_t then = time + n * half_life;
      EXPECT_INT(halving_epoch(then, half_life) - epoch, n);
      exact_uint steps = halving_at(halving_later(weight, n), then, half_life);
      EXPECT(steps << n == (exact_uint)number << HALVING_STEP_BITS);
    }
    if (test_failed) return;
  }
}

TEST(in_between_they_follow_the_curve) {
  for (int i = 0; i < 20000; i++) {
    int64_t half_life = 1 + random_below(1000000), number = random_below(1000), time = random_below(1000000) - 500000;
    int64_t then = time + random_below(20 * half_life);
    exact_uint weight = halving_weight(number, time, half_life);
    exact_uint steps = halving_at(
        halving_later(weight, halving_epoch(then, half_life) - halving_epoch(time, half_life)), then, half_life);
    long double truth = (long double)number * exp2l(-(long double)(then - time) / (long double)half_life);
    EXPECT(fabsl((long double)steps * 0x1p-30L - truth) <= 0x1.001p-31L);
  }
}

TEST(many_numbers_together_are_exact_too) {
  const int64_t half_life = 3600000000;
  exact_uint sum = 0;
  int64_t time = 1234567891;
  for (int i = 0; i < HALVING_NUMBERS_MAX; i++) sum += halving_weight(333, time, half_life);
  for (int n = 0; n < 10; n++) {
    exact_uint steps = halving_at(halving_later(sum, n), time + n * half_life, half_life);
    EXPECT(steps << n == (exact_uint)(333 * HALVING_NUMBERS_MAX) << HALVING_STEP_BITS);
  }
  /* The largest of all. */
  sum = 0;
  for (int i = 0; i < HALVING_NUMBERS_MAX; i++) sum += halving_weight(INT64_MAX, half_life - 1, half_life);
  EXPECT(sum >> 124 == 0);
  EXPECT_INT(halving_whole(halving_at(sum, half_life - 1, half_life)), INT64_MAX);
}

TEST(without_a_half_life_nothing_halves) {
  EXPECT_INT(halving_epoch(INT64_MIN, 0), 0);
  EXPECT_INT(halving_epoch(INT64_MAX, 0), 0);
  exact_uint sum = halving_weight(5, -7, 0) + halving_weight(INT64_MAX - 5, 99, 0);
  EXPECT_INT(halving_whole(halving_at(sum, INT64_MAX, 0)), INT64_MAX);
}

TEST(whole_numbers_are_rounded_upwards_at_halves) {
  exact_uint half = (exact_uint)1 << (HALVING_STEP_BITS - 1);
  EXPECT_INT(halving_whole(0), 0);
  EXPECT_INT(halving_whole(half - 1), 0);
  EXPECT_INT(halving_whole(half), 1);
  EXPECT_INT(halving_whole(3 * half), 2);
  EXPECT_INT(halving_whole((exact_uint)-1 >> 3), INT64_MAX);
  EXPECT(halving_later(3, 1) == 2 && halving_later(3, 0) == 3 && halving_later((exact_uint)-1, 200) == 0);
  EXPECT_INT(halving_epoch(-1, 10), -1);
  EXPECT_INT(halving_epoch(-10, 10), -1);
  EXPECT_INT(halving_epoch(-11, 10), -2);
}

TEST_MAIN
