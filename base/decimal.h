/* decimal.h - exact decimals: a 64-bit mantissa at a scale of 0 to 18 digits after the point. */
#ifndef WEIR_BASE_DECIMAL_H
#define WEIR_BASE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/number_text.h"
#include "base/slice.h"

enum { DECIMAL_TEXT_MAX = 64 }; /* room for any mantissa of 128 bits, its sign, a point, leading zeros and a NUL */

enum decimal_rounding {
  DECIMAL_EXACT,     /* lost digits that are not zero are NUMBER_DIGITS */
  DECIMAL_HALF_EVEN, /* `round half_even` */
  DECIMAL_HALF_AWAY, /* round(x, n) */
  DECIMAL_FLOOR,
  DECIMAL_CEIL,
};

/* 10^digits, digits 0..18. */
int64_t decimal_power(unsigned digits);

/* The whole of `text` is a number as number_parse_float() takes it (a fraction, an exponent). The mantissa at `scale`.
 * Trailing zeros are not digits: 1.500 and 15e-1 are 1.5. *mantissa is set only on NUMBER_OK. */
enum number_status decimal_parse(struct slice text, unsigned scale, enum decimal_rounding rounding, int64_t *mantissa);

/* The same number at another scale. */
enum number_status decimal_rescale(int64_t mantissa, unsigned scale, unsigned new_scale, enum decimal_rounding rounding,
                                   int64_t *out);
/* The same from 128 bits (sums, products). Scales up to 36 for `scale`. */
enum number_status decimal_narrow(__int128 mantissa, unsigned scale, unsigned new_scale, enum decimal_rounding rounding,
                                  int64_t *out);

/* Exact order: < 0, 0, > 0. An int is a decimal of scale 0. */
int decimal_compare(int64_t a, unsigned a_scale, int64_t b, unsigned b_scale);
/* Exact, no rounding on either side; `f` is finite. */
int decimal_compare_float(int64_t mantissa, unsigned scale, double f);

/* The nearest double. */
double decimal_to_float(int64_t mantissa, unsigned scale);

/* All digits of the scale: 300 at 2 is `3.00`. Returns the length; a NUL stands behind it. */
unsigned decimal_text(char out[DECIMAL_TEXT_MAX], __int128 mantissa, unsigned scale);
void decimal_write(struct buf *out, __int128 mantissa, unsigned scale);

#endif
