/* sum.c - accumulators of 160 and 320 bits. Owns nothing; called by nfa (registers), engine (emit, counters). */
#include "base/sum.h"

#include <math.h>

#include "base/check.h"
#include "base/exact.h"

enum { WIDE_LIMBS = 7 }; /* n * Q: 64 + 320 bits; n * (n - 1) * 10^36: 248 bits; one more for shifts */

/* ---- the total ---- */

static bool sum_integer(struct type type) {
  return type.kind == VALUE_INT || type.kind == VALUE_DECIMAL || type.kind == VALUE_DURATION;
}

bool sum_type(struct type argument, struct type *total, struct type *average) {
  if (!sum_integer(argument) && argument.kind != VALUE_FLOAT) return false;
  *total = argument;
  *average = argument.kind == VALUE_DURATION ? argument : TYPE(VALUE_FLOAT);
  return true;
}

/* What a value is inside: its integer or its fixed-point steps. False: it cannot be held. */
static inline bool sum_steps(struct value v, exact_int *steps) {
  if (v.kind == VALUE_FLOAT) return exact_fixed(v.f, steps);
  *steps = v.i;
  return true;
}

static inline void add_steps(struct sum *sum, exact_int steps) {
  exact_uint before = (exact_uint)sum->high << 64 | sum->low;
  exact_uint after = before + (exact_uint)steps;
  sum->low = (uint64_t)after;
  sum->high = (uint64_t)(after >> 64);
  sum->carry = (int32_t)((uint32_t)sum->carry + (after < before) - (steps < 0));
}

void sum_add(struct sum *sum, struct value v) {
  if (v.kind == VALUE_NULL) return;
  sum->count++;
  exact_int steps;
  if (__builtin_expect(sum_steps(v, &steps), 1)) {
    add_steps(sum, steps);
  } else {
    sum->outside++;
  }
}

void sum_subtract(struct sum *sum, struct value v) {
  if (v.kind == VALUE_NULL) return;
  sum->count--;
  exact_int steps;
  if (__builtin_expect(sum_steps(v, &steps), 1)) {
    add_steps(sum, -steps);
  } else {
    sum->outside--;
  }
}

void sum_add_sum(struct sum *sum, const struct sum *other) {
  exact_uint a = (exact_uint)sum->high << 64 | sum->low, b = (exact_uint)other->high << 64 | other->low;
  exact_uint total = a + b;
  sum->low = (uint64_t)total;
  sum->high = (uint64_t)(total >> 64);
  sum->carry = (int32_t)((uint32_t)sum->carry + (uint32_t)other->carry + (total < a));
  sum->outside += other->outside;
  sum->count += other->count;
}

void sum_subtract_sum(struct sum *sum, const struct sum *other) {
  exact_uint a = (exact_uint)sum->high << 64 | sum->low, b = (exact_uint)other->high << 64 | other->low;
  exact_uint total = a - b;
  sum->low = (uint64_t)total;
  sum->high = (uint64_t)(total >> 64);
  sum->carry = (int32_t)((uint32_t)sum->carry - (uint32_t)other->carry - (a < b));
  sum->outside -= other->outside;
  sum->count -= other->count;
}

void sum_add_all(struct sum *sum, const struct value *values, size_t count) {
  for (size_t i = 0; i < count; i++) sum_add(sum, values[i]);
}

/* The total, if everything was held and 128 bits hold it. */
static bool total_steps(const struct sum *sum, exact_int *steps) {
  *steps = (exact_int)((exact_uint)sum->high << 64 | sum->low);
  return sum->outside == 0 && sum->carry == (*steps < 0 ? -1 : 0);
}

static struct value out_of_range(struct expr_counts *counts) {
  if (counts != NULL) expr_count_overflow(counts);
  return value_null();
}

struct value sum_total(const struct sum *sum, struct type argument, struct expr_counts *counts) {
  exact_int steps;
  int64_t number;
  if (!total_steps(sum, &steps)) return out_of_range(counts);
  if (argument.kind == VALUE_FLOAT) {
    if ((exact_uint)steps == (exact_uint)1 << 127) return out_of_range(counts); /* -2^67, as 2^67 is */
    return value_float(exact_ratio(steps < 0, exact_magnitude(steps), 1, -EXACT_FIXED_BITS));
  }
  if (!exact_fits(steps, &number)) return out_of_range(counts);
  return (struct value){.i = number, .kind = argument.kind, .scale = argument.scale};
}

struct value sum_average(const struct sum *sum, struct type argument, struct expr_counts *counts) {
  exact_int steps;
  if (sum->count == 0) return value_null();
  if (!total_steps(sum, &steps)) return out_of_range(counts);
  if (argument.kind == VALUE_DURATION)
    return value_duration((int64_t)exact_round_away(steps, (exact_int)sum->count)); /* between two values: it fits */
  int exponent = argument.kind == VALUE_FLOAT ? -EXACT_FIXED_BITS : 0;
  exact_uint divisor = (exact_uint)sum->count * (exact_uint)exact_power10[argument.scale];
  return value_float(exact_ratio(steps < 0, exact_magnitude(steps), divisor, exponent));
}

/* ---- squares ---- */

/* into += limbs * sign, modulo 2^(64 * into_count). */
static void limbs_add(uint64_t *into, unsigned into_count, const uint64_t *limbs, unsigned count, bool subtract) {
  unsigned carry = 0;
  for (unsigned i = 0; i < into_count; i++) {
    uint64_t limb = i < count ? limbs[i] : 0, before = into[i];
    if (subtract) {
      into[i] = before - limb - carry;
      carry = before < limb || (carry != 0 && before == limb);
    } else {
      into[i] = before + limb + carry;
      carry = into[i] < before || (carry != 0 && into[i] == before);
    }
  }
}

/* out[a_count + b_count] = a * b. */
static void limbs_multiply(uint64_t *out, const uint64_t *a, unsigned a_count, const uint64_t *b, unsigned b_count) {
  for (unsigned i = 0; i < a_count + b_count; i++) out[i] = 0;
  for (unsigned i = 0; i < a_count; i++) {
    uint64_t carry = 0;
    for (unsigned j = 0; j < b_count; j++) {
      exact_uint product = (exact_uint)a[i] * b[j] + out[i + j] + carry;
      out[i + j] = (uint64_t)product;
      carry = (uint64_t)(product >> 64);
    }
    out[i + b_count] = carry;
  }
}

static void add_square(struct spread *spread, struct value v, bool subtract) {
  exact_int steps;
  if (v.kind == VALUE_NULL || !sum_steps(v, &steps)) return;
  exact_uint magnitude = exact_magnitude(steps);
  uint64_t limbs[2] = {(uint64_t)magnitude, (uint64_t)(magnitude >> 64)}, square[4];
  if (limbs[1] == 0) {
    exact_uint small = (exact_uint)limbs[0] * limbs[0];
    square[0] = (uint64_t)small;
    square[1] = (uint64_t)(small >> 64);
    limbs_add(spread->squares, SPREAD_LIMBS, square, 2, subtract);
    return;
  }
  limbs_multiply(square, limbs, 2, limbs, 2);
  limbs_add(spread->squares, SPREAD_LIMBS, square, 4, subtract);
}

void spread_add(struct spread *spread, struct value v) {
  sum_add(&spread->sum, v);
  add_square(spread, v, false);
}
void spread_subtract(struct spread *spread, struct value v) {
  sum_subtract(&spread->sum, v);
  add_square(spread, v, true);
}
void spread_add_spread(struct spread *spread, const struct spread *other) {
  sum_add_sum(&spread->sum, &other->sum);
  limbs_add(spread->squares, SPREAD_LIMBS, other->squares, SPREAD_LIMBS, false);
}
void spread_subtract_spread(struct spread *spread, const struct spread *other) {
  sum_subtract_sum(&spread->sum, &other->sum);
  limbs_add(spread->squares, SPREAD_LIMBS, other->squares, SPREAD_LIMBS, true);
}
void spread_add_all(struct spread *spread, const struct value *values, size_t count) {
  for (size_t i = 0; i < count; i++) spread_add(spread, values[i]);
}

/* ---- the deviation ---- */

static unsigned limbs_bits(const uint64_t *limbs, unsigned count) {
  while (count > 0 && limbs[count - 1] == 0) count--;
  return count == 0 ? 0 : count * 64 - (unsigned)__builtin_clzll(limbs[count - 1]);
}

static void limbs_shift_left(uint64_t *limbs, unsigned count, unsigned bits) {
  unsigned whole = bits / 64, part = bits % 64;
  for (unsigned i = count; i-- > 0;) {
    uint64_t high = i >= whole ? limbs[i - whole] : 0, low = i > whole ? limbs[i - whole - 1] : 0;
    limbs[i] = part == 0 ? high : high << part | low >> (64 - part);
  }
}

/* One digit, of 64 bits, of `rest` / `by` (Knuth, The Art of Computer Programming 4.3.1, algorithm D): `rest` has
 * WIDE_LIMBS + 1 limbs and is less than by * 2^64, `by` has its highest bit set. What is left stays in `rest`. */
static uint64_t limbs_digit(uint64_t *rest, const uint64_t *by) {
  enum { TOP = WIDE_LIMBS - 1 };
  exact_uint head = (exact_uint)rest[TOP + 1] << 64 | rest[TOP];
  exact_uint digit = head / by[TOP], over = head % by[TOP];
  for (int turn = 0; turn < 3; turn++) { /* two at most are needed: then it is right, or one too large */
    if (digit >> 64 == 0 && digit * by[TOP - 1] <= (over << 64 | rest[TOP - 1])) break;
    digit--;
    over += by[TOP];
    if (over >> 64 != 0) break;
  }
  uint64_t carry = 0;
  unsigned borrow = 0;
  for (unsigned i = 0; i <= WIDE_LIMBS; i++) {
    exact_uint product = (i < WIDE_LIMBS ? (exact_uint)(uint64_t)digit * by[i] : 0) + carry;
    uint64_t before = rest[i], taken = (uint64_t)product;
    rest[i] = before - taken - borrow;
    borrow = before < taken || (borrow != 0 && before == taken);
    carry = (uint64_t)(product >> 64);
  }
  if (borrow == 0) return (uint64_t)digit;
  limbs_add(rest, WIDE_LIMBS + 1, by, WIDE_LIMBS, false);
  return (uint64_t)digit - 1;
}

/* numerator / denominator * 2^exponent, rounded once: 128 bits of the quotient, and whether anything is left. */
static double limbs_ratio(uint64_t numerator[WIDE_LIMBS], uint64_t denominator[WIDE_LIMBS], int exponent) {
  enum { BITS = WIDE_LIMBS * 64, DIGITS = 2 };
  unsigned length = limbs_bits(numerator, WIDE_LIMBS), divisor_length = limbs_bits(denominator, WIDE_LIMBS);
  if (length == 0) return 0;
  /* With both as long as they can be the quotient is above 1/2 and below 2: its first digit, of one bit, is 0 or 1. */
  limbs_shift_left(numerator, WIDE_LIMBS, BITS - length);
  limbs_shift_left(denominator, WIDE_LIMBS, BITS - divisor_length);
  uint64_t rest[WIDE_LIMBS + DIGITS + 1] = {0}, digits[DIGITS + 1];
  for (unsigned i = 0; i < WIDE_LIMBS; i++) rest[i + DIGITS] = numerator[i];
  for (unsigned i = DIGITS + 1; i-- > 0;) digits[i] = limbs_digit(rest + i, denominator);
  exact_uint quotient = (exact_uint)digits[1] << 64 | digits[0];
  bool sticky = limbs_bits(rest, WIDE_LIMBS) != 0;
  exponent += (int)length - (int)divisor_length - 64 * DIGITS;
  if (digits[DIGITS] != 0) {
    sticky |= (quotient & 1) != 0;
    quotient = (exact_uint)1 << 127 | quotient >> 1;
    exponent++;
  }
  return exact_round(false, quotient, sticky, exponent);
}

/* The variance of the steps, over 10^(2 * scale): n * Q - S * S never is negative (Cauchy, Schwarz). */
static double spread_variance(const struct spread *spread, unsigned scale, int exponent) {
  const struct sum *sum = &spread->sum;
  uint64_t n = sum->count, numerator[WIDE_LIMBS] = {0}, denominator[WIDE_LIMBS] = {0}, total[3], square[6];
  bool negative = sum->carry < 0;
  total[0] = total[1] = total[2] = 0;
  uint64_t raw[3] = {sum->low, sum->high, (uint64_t)(int64_t)sum->carry};
  limbs_add(total, 3, raw, 3, negative);
  limbs_multiply(numerator, spread->squares, SPREAD_LIMBS, &n, 1);
  limbs_multiply(square, total, 3, total, 3);
  limbs_add(numerator, WIDE_LIMBS, square, 6, true);
  exact_uint pairs = (exact_uint)n * (n - 1), ten = (exact_uint)exact_power10[scale];
  ten *= ten;
  uint64_t pairs_limbs[2] = {(uint64_t)pairs, (uint64_t)(pairs >> 64)};
  uint64_t ten_limbs[2] = {(uint64_t)ten, (uint64_t)(ten >> 64)};
  limbs_multiply(denominator, pairs_limbs, 2, ten_limbs, 2);
  if (limbs_bits(numerator, WIDE_LIMBS) < 127 && limbs_bits(denominator, WIDE_LIMBS) < 127)
    return exact_ratio(false, (exact_uint)numerator[1] << 64 | numerator[0],
                       (exact_uint)denominator[1] << 64 | denominator[0], exponent);
  return limbs_ratio(numerator, denominator, exponent);
}

struct value spread_deviation(const struct spread *spread, struct type argument, struct expr_counts *counts) {
  if (spread->sum.count < 2) return value_null();
  if (spread->sum.outside > 0) return out_of_range(counts);
  bool is_float = argument.kind == VALUE_FLOAT;
  double deviation = sqrt(spread_variance(spread, argument.scale, is_float ? -2 * EXACT_FIXED_BITS : 0));
  if (argument.kind != VALUE_DURATION) return value_float(deviation);
  double whole = exact_round_digits(deviation, 0);
  if (whole >= 0x1p63) return out_of_range(counts);
  return value_duration((int64_t)whole);
}

/* ---- the least and the greatest ---- */

struct value sum_lesser(struct value a, struct value b) {
  if (a.kind == VALUE_NULL) return b;
  return b.kind == VALUE_NULL || value_compare(a, b) <= 0 ? a : b;
}

struct value sum_greater(struct value a, struct value b) {
  if (a.kind == VALUE_NULL) return b;
  return b.kind == VALUE_NULL || value_compare(a, b) >= 0 ? a : b;
}
