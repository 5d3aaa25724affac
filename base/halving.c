/* halving.c - powers of two with 126 bits behind the point, and what halves by them. Called by engine/group.c. Owns
 * nothing. */
#include "base/halving.h"

#include "base/check.h"

enum { SERIES_TERMS = 34 }; /* of e^x for x < ln 2: what is cut off is below 2^-140 */

/* ln 2 in steps of 2^-127. */
static const exact_uint ln2 = (exact_uint)0x58b90bfbe8e7bcd5u << 64 | 0xe4f1d9cc01f97b57u;

/* a * b / 2^127, both below 2^127. */
static exact_uint multiply(exact_uint a, exact_uint b) {
  uint64_t a_low = (uint64_t)a, a_high = (uint64_t)(a >> 64), b_low = (uint64_t)b, b_high = (uint64_t)(b >> 64);
  exact_uint low = (exact_uint)a_low * b_low, high = (exact_uint)a_high * b_high;
  exact_uint middle = (exact_uint)a_high * b_low + (exact_uint)a_low * b_high + (low >> 64);
  high += middle >> 64;
  return high << 1 | (uint64_t)middle >> 63;
}

exact_uint halving_exp2(uint64_t numerator, uint64_t denominator) {
  exact_uint one = (exact_uint)1 << 126, first = (exact_uint)numerator << 63;
  exact_uint high = first / denominator, rest = first % denominator;
  exact_uint x = multiply(high << 64 | (rest << 64) / denominator, ln2); /* in steps of 2^-127 */
  exact_uint sum = one;                                                  /* 1 + x / 1 * (1 + x / 2 * (1 + …)) */
  for (unsigned n = SERIES_TERMS; n > 0; n--) sum = one + multiply(sum, x) / n;
  return sum;
}

int64_t halving_epoch(int64_t time, int64_t half_life_us) {
  if (half_life_us == 0) return 0;
  return time / half_life_us - (time % half_life_us < 0);
}

/* How far into its epoch a time is. */
static uint64_t in_epoch(int64_t time, int64_t half_life_us) {
  if (half_life_us == 0) return 0;
  int64_t rest = time % half_life_us;
  return (uint64_t)(rest < 0 ? rest + half_life_us : rest);
}

exact_uint halving_weight(int64_t number, int64_t time, int64_t half_life_us) {
  check(number >= 0 && half_life_us >= 0);
  uint64_t rest = in_epoch(time, half_life_us);
  if (rest == 0) return (exact_uint)number << HALVING_WEIGHT_BITS;
  /* One bit more, for rounding. */
  exact_uint twice =
      multiply((exact_uint)number << (HALVING_WEIGHT_BITS + 2), halving_exp2(rest, (uint64_t)half_life_us));
  return (twice + 1) >> 1;
}

exact_uint halving_later(exact_uint weight, int64_t epochs) {
  if (epochs == 0) return weight;
  if (epochs > 127) return 0;
  return ((weight >> (epochs - 1)) + 1) >> 1;
}

exact_uint halving_at(exact_uint weights, int64_t time, int64_t half_life_us) {
  uint64_t rest = in_epoch(time, half_life_us);
  if (rest > 0) weights = multiply(weights, halving_exp2((uint64_t)half_life_us - rest, (uint64_t)half_life_us));
  const unsigned finer = HALVING_WEIGHT_BITS - HALVING_STEP_BITS;
  return (weights + ((exact_uint)1 << (finer - 1))) >> finer;
}

int64_t halving_whole(exact_uint steps) {
  exact_uint whole = (steps + ((exact_uint)1 << (HALVING_STEP_BITS - 1))) >> HALVING_STEP_BITS;
  return whole > INT64_MAX ? INT64_MAX : (int64_t)whole;
}
