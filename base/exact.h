/* exact.h - 128-bit helpers for results that are exact, or rounded once and only at the end.
 *
 * Averages, quotients of ints and decimals, conversions to float and fixed-point sums go through here, so that every
 * host computes the same bits. Pure functions; any thread. Nothing allocates. */
#ifndef WEIR_BASE_EXACT_H
#define WEIR_BASE_EXACT_H

#include <stdbool.h>
#include <stdint.h>

typedef __int128 exact_int;
typedef unsigned __int128 exact_uint;

enum { EXACT_POWERS = 19, EXACT_FIXED_BITS = 60, EXACT_FIXED_RANGE_BITS = 67 };

/* 10^0 … 10^18. */
extern const int64_t exact_power10[EXACT_POWERS];

/* Whether `number` is in the range of int64; *out is set if so. */
static inline bool exact_fits(exact_int number, int64_t *out) {
  *out = (int64_t)number;
  return *out == number;
}
static inline exact_uint exact_magnitude(exact_int number) {
  return number < 0 ? -(exact_uint)number : (exact_uint)number;
}

/* number * 2^exponent, exact unless the result is subnormal or not finite. */
double exact_scale2(double number, int exponent);

/* (quotient + a bit more if `sticky`) * 2^exponent, rounded half to even; infinite beyond the range of a double. */
double exact_round(bool negative, exact_uint quotient, bool sticky, int exponent);

/* numerator / denominator * 2^exponent, rounded once (half to even). 0 < denominator < 2^127, numerator < 2^127. */
double exact_ratio(bool negative, exact_uint numerator, exact_uint denominator, int exponent);

/* mantissa / 10^scale, rounded once. */
double exact_decimal(int64_t mantissa, unsigned scale);

/* numerator / denominator to the nearest integer, halves away from zero. denominator > 0. */
exact_int exact_round_away(exact_int numerator, exact_int denominator);

/* A finite double as *mantissa * 2^*exponent with 0 <= mantissa < 2^53; returns whether it is negative. */
bool exact_split(double number, uint64_t *mantissa, int *exponent);

/* A finite double in steps of 2^-60, rounded half to even. False if its magnitude is 2^67 or more. */
bool exact_fixed(double number, exact_int *steps);

/* The mantissa with which `number` is exactly a decimal of `scale` digits; false if there is none. */
bool exact_to_decimal(double number, unsigned scale, int64_t *mantissa);

/* `number` rounded half away from zero to `digits` (-18..18) decimal digits: decided on the exact value of the double,
 * the result is the double nearest to the rounded decimal. */
double exact_round_digits(double number, int digits);

#endif
