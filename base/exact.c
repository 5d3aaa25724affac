/* exact.c - long division, rounding and fixed point on 128 bits. Owns nothing; called by sum, function and expr. */
#include "base/exact.h"

#include <string.h>

#include "base/check.h"

enum { MANTISSA_BITS = 53, EXPONENT_MIN = -1074, EXPONENT_BIAS = 1023 };

const int64_t exact_power10[EXACT_POWERS] = {1,
                                             10,
                                             100,
                                             1000,
                                             10000,
                                             100000,
                                             1000000,
                                             10000000,
                                             100000000,
                                             1000000000,
                                             10000000000,
                                             100000000000,
                                             1000000000000,
                                             10000000000000,
                                             100000000000000,
                                             1000000000000000,
                                             10000000000000000,
                                             100000000000000000,
                                             1000000000000000000};

static unsigned bit_length(exact_uint number) {
  uint64_t high = (uint64_t)(number >> 64), low = (uint64_t)number;
  if (high != 0) return 128u - (unsigned)__builtin_clzll(high);
  return low == 0 ? 0 : 64u - (unsigned)__builtin_clzll(low);
}

/* 2^exponent for -1022 <= exponent <= 1023. */
static double power2(int exponent) {
  uint64_t bits = (uint64_t)(exponent + EXPONENT_BIAS) << 52;
  double number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

double exact_scale2(double number, int exponent) {
  for (int step = 0; step < 3 && exponent > EXPONENT_BIAS; step++) {
    number *= power2(EXPONENT_BIAS);
    exponent -= EXPONENT_BIAS;
  }
  for (int step = 0; step < 3 && exponent < -EXPONENT_BIAS + 1; step++) {
    number *= power2(-EXPONENT_BIAS + 1);
    exponent += EXPONENT_BIAS - 1;
  }
  if (exponent > EXPONENT_BIAS) exponent = EXPONENT_BIAS; /* already infinite or zero */
  if (exponent < -EXPONENT_BIAS + 1) exponent = -EXPONENT_BIAS + 1;
  return number * power2(exponent);
}

double exact_round(bool negative, exact_uint quotient, bool sticky, int exponent) {
  if (quotient == 0) return negative && sticky ? -0.0 : 0.0;
  int length = (int)bit_length(quotient);
  int drop = length - MANTISSA_BITS;                                  /* bits below the mantissa of a normal result */
  if (exponent + drop < EXPONENT_MIN) drop = EXPONENT_MIN - exponent; /* subnormal: fewer bits */
  if (drop > 0) {
    if (drop > length) return negative ? -0.0 : 0.0;
    exact_uint rest = drop == 128 ? quotient : quotient & (((exact_uint)1 << drop) - 1);
    exact_uint half = (exact_uint)1 << (drop - 1);
    exact_uint kept = drop == 128 ? 0 : quotient >> drop;
    if (rest > half || (rest == half && (sticky || (kept & 1) != 0))) kept++;
    quotient = kept;
    exponent += drop;
  }
  /* What is left has at most 53 bits (or is 2^53), so both steps are exact. */
  double number = exact_scale2((double)(uint64_t)quotient, exponent);
  return negative ? -number : number;
}

double exact_ratio(bool negative, exact_uint numerator, exact_uint denominator, int exponent) {
  const exact_uint doubles = (exact_uint)1 << MANTISSA_BITS;
  if (numerator == 0) return 0;
  if (numerator < doubles && denominator < doubles && exponent == 0) {
    double quotient = (double)(uint64_t)numerator / (double)(uint64_t)denominator;
    return negative ? -quotient : quotient;
  }
  exact_uint quotient = numerator / denominator, rest = numerator % denominator;
  if (denominator >> 64 == 0) {
    /* Digits of 64 bits, until the quotient has more bits than a mantissa needs: at most three times. */
    while (quotient >> 63 == 0 && rest != 0) {
      exact_uint shifted = rest << 64;
      quotient = quotient << 64 | shifted / denominator;
      rest = shifted % denominator;
      exponent -= 64;
    }
  } else {
    /* The same in single bits: at most 127 to the first one of the quotient, and 64 more. */
    while (quotient >> 64 == 0 && rest != 0) {
      rest <<= 1;
      quotient = quotient << 1 | (rest >= denominator);
      if (rest >= denominator) rest -= denominator;
      exponent--;
    }
  }
  return exact_round(negative, quotient, rest != 0, exponent);
}

double exact_decimal(int64_t mantissa, unsigned scale) {
  check(scale < EXACT_POWERS);
  return exact_ratio(mantissa < 0, exact_magnitude(mantissa), (exact_uint)exact_power10[scale], 0);
}

exact_int exact_round_away(exact_int numerator, exact_int denominator) {
  exact_uint magnitude = exact_magnitude(numerator), divisor = (exact_uint)denominator;
  exact_uint quotient = magnitude / divisor, rest = magnitude % divisor;
  if (rest >= divisor - rest) quotient++;
  return numerator < 0 ? -(exact_int)quotient : (exact_int)quotient;
}

bool exact_split(double number, uint64_t *mantissa, int *exponent) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  int biased = (int)(bits >> 52 & 0x7ff);
  *mantissa = bits & (((uint64_t)1 << 52) - 1);
  if (biased == 0) {
    *exponent = EXPONENT_MIN;
  } else {
    *mantissa |= (uint64_t)1 << 52;
    *exponent = biased - EXPONENT_BIAS - 52;
  }
  return bits >> 63 != 0;
}

bool exact_fixed(double number, exact_int *steps) {
  uint64_t mantissa;
  int exponent;
  bool negative = exact_split(number, &mantissa, &exponent);
  int shift = exponent + EXACT_FIXED_BITS;
  if (mantissa == 0) {
    *steps = 0;
    return true;
  }
  if ((int)bit_length(mantissa) + exponent > EXACT_FIXED_RANGE_BITS) return false;
  exact_uint magnitude;
  if (shift >= 0) {
    magnitude = (exact_uint)mantissa << shift;
  } else if (shift < -63) {
    magnitude = 0;
  } else {
    uint64_t rest = mantissa & (((uint64_t)1 << -shift) - 1), half = (uint64_t)1 << (-shift - 1);
    magnitude = mantissa >> -shift;
    if (rest > half || (rest == half && (magnitude & 1) != 0)) magnitude++;
  }
  *steps = negative ? -(exact_int)magnitude : (exact_int)magnitude;
  return true;
}

bool exact_to_decimal(double number, unsigned scale, int64_t *mantissa) {
  uint64_t binary;
  int exponent;
  bool negative = exact_split(number, &binary, &exponent);
  check(scale < EXACT_POWERS);
  exact_uint scaled = (exact_uint)binary * (exact_uint)exact_power10[scale]; /* at most 113 bits */
  if (scaled != 0 && exponent >= 0) {
    if ((int)bit_length(scaled) + exponent > 64) return false;
    scaled <<= exponent;
  } else if (scaled != 0) {
    if (exponent < -127 || (scaled & (((exact_uint)1 << -exponent) - 1)) != 0) return false;
    scaled >>= -exponent;
  }
  if (bit_length(scaled) > 64) return false;
  return exact_fits(negative ? -(exact_int)scaled : (exact_int)scaled, mantissa);
}

/* round(numerator / 2^shift), halves up, for 0 <= shift. */
static exact_uint round_shift(exact_uint numerator, int shift) {
  if (shift == 0) return numerator;
  if (shift > 127) return 0; /* the numerator has at most 113 bits */
  exact_uint half = (exact_uint)1 << (shift - 1);
  return (numerator >> shift) + ((numerator & half) != 0);
}

double exact_round_digits(double number, int digits) {
  uint64_t mantissa;
  int exponent;
  bool negative = exact_split(number, &mantissa, &exponent);
  check(digits > -EXACT_POWERS && digits < EXACT_POWERS);
  if (mantissa == 0) return 0;
  if (digits >= 0) {
    if (exponent >= 0) return number; /* an integer */
    exact_uint ten = (exact_uint)exact_power10[digits];
    return exact_ratio(negative, round_shift((exact_uint)mantissa * ten, -exponent), ten, 0);
  }
  exact_uint ten = (exact_uint)exact_power10[-digits];
  /* From 2^117 on, half a unit of the last bit (2^64) is more than the rounding can move: the double stays. */
  if (exponent > 64) return number;
  exact_uint units;
  if (exponent >= 0) {
    units = (exact_uint)exact_round_away((exact_int)((exact_uint)mantissa << exponent), (exact_int)ten);
  } else {
    /* mantissa / 2^-exponent / ten: what the whole part leaves can only lift an exact half, so it is not needed. */
    exact_uint whole = exponent < -63 ? 0 : mantissa >> -exponent;
    units = (exact_uint)exact_round_away((exact_int)whole, (exact_int)ten);
  }
  return exact_ratio(negative, units * ten, 1, 0);
}
