/* decay.c - means with falling weights, in integers of many bits. Called by engine/ (windows, counters). Owns nothing.
 */
#include "base/decay.h"

#include "base/check.h"
#include "base/exact.h"
#include "base/float_math.h"

/* A weighted value: 127 bits, by a weight of 48, up to 31 higher, 2^48 of them: 254 bits and a sign. Weights: 48,
 * 31, 48. Sums of spans, each 32 bits above the next: 64 bits more. */
enum {
  SPAN_BITS = 5, /* half-lives of one span: 2^5 */
  SPAN_HALVES = 1 << SPAN_BITS,
  WEIGHT_BITS = 47, /* after the point */
  WIDE_LIMBS = 7,
  QUOTIENT_BITS = 100, /* more than a double needs */
};

struct wide { /* a magnitude, lowest limb first */
  uint64_t limbs[WIDE_LIMBS];
};

static bool is_empty(const struct decay *decay) {
  uint64_t bits = 0;
  for (int i = 0; i < DECAY_SPANS; i++) bits |= decay->weights[i][0] | decay->weights[i][1];
  return bits == 0;
}

/* ---- adding ---- */

static void limbs_add(uint64_t *into, const uint64_t *limbs, int count) {
  unsigned carry = 0;
  for (int i = 0; i < count; i++) {
    exact_uint sum = (exact_uint)into[i] + limbs[i] + carry;
    into[i] = (uint64_t)sum;
    carry = (unsigned)(sum >> 64);
  }
}

static void limbs_subtract(uint64_t *into, const uint64_t *limbs, int count) {
  unsigned borrow = 0;
  for (int i = 0; i < count; i++) {
    exact_uint difference = (exact_uint)into[i] - limbs[i] - borrow;
    into[i] = (uint64_t)difference;
    borrow = (unsigned)(difference >> 64) & 1;
  }
}

/* The spans move so that `top` is the latest; what falls out has no weight any more. */
static void raise_top(struct decay *decay, int64_t top) {
  uint64_t by = (uint64_t)top - (uint64_t)decay->top;
  struct decay moved = {.top = top};
  for (uint64_t i = 0; by < DECAY_SPANS && i + by < DECAY_SPANS; i++) {
    memcpy(moved.sums[i + by], decay->sums[i], sizeof moved.sums[0]);
    memcpy(moved.weights[i + by], decay->weights[i], sizeof moved.weights[0]);
    moved.outside[i + by] = decay->outside[i];
  }
  *decay = moved;
}

/* The place of a time: its span's number, and the weight within the span. */
static int64_t weight_of(int64_t time, int64_t half_life_us, exact_uint *weight) {
  static const double ln2 = 0.6931471805599453;
  int64_t exponent = time / half_life_us, rest = time % half_life_us;
  if (rest < 0) {
    exponent--;
    rest += half_life_us;
  }
  double mantissa = rest == 0 ? 1 : float_exp((double)rest / (double)half_life_us * ln2);
  *weight = (exact_uint)(uint64_t)(mantissa * 0x1p47 + 0.5) << (exponent & (SPAN_HALVES - 1));
  return exponent >> SPAN_BITS;
}

static void weighted(exact_uint magnitude, exact_uint weight, uint64_t out[DECAY_SUM_LIMBS]) {
  uint64_t a[2] = {(uint64_t)magnitude, (uint64_t)(magnitude >> 64)},
           b[2] = {(uint64_t)weight, (uint64_t)(weight >> 64)};
  memset(out, 0, DECAY_SUM_LIMBS * sizeof *out);
  for (int i = 0; i < 2; i++) {
    uint64_t carry = 0;
    for (int j = 0; j < 2; j++) {
      exact_uint product = (exact_uint)a[i] * b[j] + out[i + j] + carry;
      out[i + j] = (uint64_t)product;
      carry = (uint64_t)(product >> 64);
    }
    out[i + 2] = carry;
  }
}

static void change(struct decay *decay, struct value v, int64_t time, int64_t half_life_us, bool add) {
  if (v.kind == VALUE_NULL) return;
  exact_uint weight;
  int64_t span = weight_of(time, half_life_us, &weight);
  if (add && is_empty(decay)) *decay = (struct decay){.top = span};
  if (span > decay->top) raise_top(decay, span);
  uint64_t place = (uint64_t)decay->top - (uint64_t)span;
  if (place >= DECAY_SPANS) return;
  uint64_t weight_limbs[2] = {(uint64_t)weight, (uint64_t)(weight >> 64)};
  (add ? limbs_add : limbs_subtract)(decay->weights[place], weight_limbs, 2);
  exact_int steps = v.i;
  if (v.kind == VALUE_FLOAT && !exact_fixed(v.f, &steps)) {
    decay->outside[place] += add ? 1u : -1u;
    return;
  }
  uint64_t product[DECAY_SUM_LIMBS];
  weighted(exact_magnitude(steps), weight, product);
  ((steps >= 0) == add ? limbs_add : limbs_subtract)(decay->sums[place], product, DECAY_SUM_LIMBS);
}

void decay_add(struct decay *decay, struct value v, int64_t time, int64_t half_life_us) {
  change(decay, v, time, half_life_us, true);
}

void decay_subtract(struct decay *decay, struct value v, int64_t time, int64_t half_life_us) {
  change(decay, v, time, half_life_us, false);
}

void decay_add_decay(struct decay *decay, const struct decay *other) {
  if (is_empty(other)) return;
  if (is_empty(decay)) {
    *decay = *other;
    return;
  }
  if (other->top > decay->top) raise_top(decay, other->top);
  uint64_t by = (uint64_t)decay->top - (uint64_t)other->top;
  for (uint64_t i = 0; by < DECAY_SPANS && i + by < DECAY_SPANS; i++) {
    limbs_add(decay->sums[i + by], other->sums[i], DECAY_SUM_LIMBS);
    limbs_add(decay->weights[i + by], other->weights[i], 2);
    decay->outside[i + by] += other->outside[i];
  }
}

/* ---- the mean ---- */

static int wide_bits(const struct wide *wide) {
  for (int i = WIDE_LIMBS; i-- > 0;)
    if (wide->limbs[i] != 0) return 64 * i + 64 - __builtin_clzll(wide->limbs[i]);
  return 0;
}

static void wide_shift_left(struct wide *wide, int bits) {
  int limbs = bits / 64, rest = bits % 64;
  check(wide_bits(wide) + bits <= 64 * WIDE_LIMBS);
  for (int i = WIDE_LIMBS; i-- > 0;) {
    uint64_t high = i >= limbs ? wide->limbs[i - limbs] : 0, low = i > limbs ? wide->limbs[i - limbs - 1] : 0;
    wide->limbs[i] = rest == 0 ? high : high << rest | low >> (64 - rest);
  }
}

static void wide_multiply(struct wide *wide, uint64_t factor) {
  uint64_t carry = 0;
  for (int i = 0; i < WIDE_LIMBS; i++) {
    exact_uint product = (exact_uint)wide->limbs[i] * factor + carry;
    wide->limbs[i] = (uint64_t)product;
    carry = (uint64_t)(product >> 64);
  }
}

/* A digit of the quotient: at most the true one and 2, from the highest limbs; `divisor` has its highest bit set. */
static uint64_t digit_guess(uint64_t high, uint64_t middle, uint64_t low, uint64_t divisor, uint64_t divisor_low) {
  if (high >= divisor) return UINT64_MAX;
  exact_uint both = (exact_uint)high << 64 | middle, guess = both / divisor, rest = both % divisor;
  while (rest >> 64 == 0 && guess * divisor_low > (rest << 64 | low)) { /* twice at most */
    guess--;
    rest += divisor;
  }
  return (uint64_t)guess;
}

/* limbs -= factor * divisor, over count + 1 limbs; whether it went below zero. */
static bool subtract_product(uint64_t *limbs, uint64_t factor, const uint64_t *divisor, int count) {
  uint64_t carry = 0, borrow = 0;
  for (int i = 0; i <= count; i++) {
    exact_uint product = (i < count ? (exact_uint)factor * divisor[i] : 0) + carry;
    carry = (uint64_t)(product >> 64);
    exact_uint difference = (exact_uint)limbs[i] - (uint64_t)product - borrow;
    limbs[i] = (uint64_t)difference;
    borrow = (uint64_t)(difference >> 64) & 1;
  }
  return borrow != 0;
}

/* floor(numerator / denominator), which has at most 128 bits, in two digits of 64 (Knuth, The Art of Computer
 * Programming, 4.3.1, algorithm D); the numerator becomes the rest. */
static exact_uint wide_divide(struct wide *numerator, struct wide denominator) {
  uint64_t limbs[WIDE_LIMBS + 2] = {0};
  int bits = wide_bits(&denominator), count = (bits + 63) / 64, shift = 64 * count - bits;
  wide_shift_left(&denominator, shift);
  wide_shift_left(numerator, shift);
  memcpy(limbs, numerator->limbs, sizeof numerator->limbs);
  const uint64_t *divisor = denominator.limbs;
  uint64_t divisor_low = count > 1 ? divisor[count - 2] : 0;
  exact_uint quotient = 0;
  for (int at = 1; at >= 0; at--) {
    uint64_t low = at + count > 1 ? limbs[at + count - 2] : 0;
    uint64_t digit = digit_guess(limbs[at + count], limbs[at + count - 1], low, divisor[count - 1], divisor_low);
    bool below = digit > 0 && subtract_product(&limbs[at], digit, divisor, count);
    for (; below; digit--) { /* twice at most */
      uint64_t before = limbs[at + count];
      uint64_t more[WIDE_LIMBS + 1] = {0};
      memcpy(more, divisor, (size_t)count * sizeof *more);
      limbs_add(&limbs[at], more, count + 1);
      below = limbs[at + count] >= before;
    }
    quotient = quotient << 64 | digit;
  }
  memcpy(numerator->limbs, limbs, sizeof numerator->limbs);
  return quotient;
}

/* Two's complement limbs, shifted, onto two's complement. */
static void wide_add_shifted(struct wide *wide, const uint64_t *limbs, int count, bool is_signed, int bits) {
  bool negative = is_signed && limbs[count - 1] >> 63 != 0;
  struct wide part = {{0}};
  memcpy(part.limbs, limbs, (size_t)count * sizeof *limbs);
  if (negative) {
    struct wide magnitude = {{0}};
    limbs_subtract(magnitude.limbs, limbs, count);
    part = magnitude;
  }
  wide_shift_left(&part, bits);
  (negative ? limbs_subtract : limbs_add)(wide->limbs, part.limbs, WIDE_LIMBS);
}

struct value decay_mean(const struct decay *decay, struct type argument, struct expr_counts *counts) {
  if (is_empty(decay)) return value_null();
  struct wide sum = {{0}}, weight = {{0}};
  uint32_t outside = 0;
  for (int i = 0; i < DECAY_SPANS; i++) {
    int bits = SPAN_HALVES * (DECAY_SPANS - 1 - i);
    wide_add_shifted(&sum, decay->sums[i], DECAY_SUM_LIMBS, true, bits);
    wide_add_shifted(&weight, decay->weights[i], 2, false, bits);
    outside |= decay->outside[i];
  }
  if (outside != 0) {
    if (counts != NULL) expr_count_overflow(counts);
    return value_null();
  }
  bool negative = sum.limbs[WIDE_LIMBS - 1] >> 63 != 0;
  if (negative) {
    struct wide magnitude = {{0}};
    limbs_subtract(magnitude.limbs, sum.limbs, WIDE_LIMBS);
    sum = magnitude;
  }
  if (argument.kind == VALUE_DURATION) { /* a mean lies between its values: it fits */
    wide_shift_left(&sum, 1);
    uint64_t rounded = (uint64_t)((wide_divide(&sum, weight) + 1) >> 1);
    return value_duration((int64_t)(negative ? -rounded : rounded));
  }
  int sum_bits = wide_bits(&sum);
  if (sum_bits == 0) return value_float(0);
  if (argument.kind == VALUE_DECIMAL) wide_multiply(&weight, (uint64_t)exact_power10[argument.scale]);
  int shift = QUOTIENT_BITS - (sum_bits - wide_bits(&weight));
  if (shift >= 0)
    wide_shift_left(&sum, shift);
  else
    wide_shift_left(&weight, -shift);
  exact_uint quotient = wide_divide(&sum, weight);
  int exponent = argument.kind == VALUE_FLOAT ? -EXACT_FIXED_BITS : 0;
  return value_float(exact_round(negative, quotient, wide_bits(&sum) != 0, exponent - shift));
}
