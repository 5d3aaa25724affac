/* decimal.c - exact decimals. Called by the decoders, the lexer, the evaluator and value.c. */
#include "base/decimal.h"

#include <string.h>

#include "base/check.h"
#include "base/exact.h"

enum { SCALE_MAX = 18, WIDE_SCALE_MAX = 36, FAST_DIGITS_MAX = 18 };

int64_t decimal_power(unsigned digits) {
  check(digits <= SCALE_MAX);
  return exact_power10[digits];
}

static bool is_digit(char c) { return (unsigned char)(c - '0') <= 9; }

/* What the digits cut off are worth, for rounding. */
enum lost { LOST_NOTHING, LOST_BELOW_HALF, LOST_HALF, LOST_ABOVE_HALF };

/* Whether the magnitude grows by one; *status is NUMBER_DIGITS where nothing may be lost. */
static bool rounds_up(enum lost lost, bool odd, bool negative, enum decimal_rounding rounding,
                      enum number_status *status) {
  if (lost == LOST_NOTHING) return false;
  switch (rounding) {
  case DECIMAL_EXACT: *status = NUMBER_DIGITS; return false;
  case DECIMAL_HALF_EVEN: return lost == LOST_ABOVE_HALF || (lost == LOST_HALF && odd);
  case DECIMAL_HALF_AWAY: return lost >= LOST_HALF;
  case DECIMAL_FLOOR: return negative;
  case DECIMAL_CEIL: return !negative;
  }
  return false;
}

static enum number_status to_mantissa(uint64_t magnitude, bool negative, int64_t *mantissa) {
  if (magnitude > (uint64_t)INT64_MAX + negative) return NUMBER_RANGE;
  *mantissa = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
  return NUMBER_OK;
}

/* Where the parts of a number's text are. */
struct layout {
  const char *digits, *digits_end; /* with the point, if there is one */
  int64_t point;                   /* digits before the point */
  int64_t exponent;
  bool negative;
};

/* A written exponent is clamped here: far above the digits that a text can have, far below overflow. */
#define EXPONENT_MAX INT64_C(100000000000000000)

static bool find_layout(struct slice text, struct layout *layout) {
  const char *p = text.data, *end = p + text.length;
  *layout = (struct layout){.negative = p < end && *p == '-'};
  p += layout->negative;
  layout->digits = p;
  while (p < end && is_digit(*p)) p++;
  layout->point = p - layout->digits;
  if (layout->point == 0) return false;
  if (p < end && *p == '.') {
    const char *fraction = ++p;
    while (p < end && is_digit(*p)) p++;
    if (p == fraction) return false;
  }
  layout->digits_end = p;
  if (p == end) return true;
  if (*p != 'e' && *p != 'E') return false;
  p++;
  bool minus = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  if (p == end) return false;
  for (; p < end; p++) {
    if (!is_digit(*p)) return false;
    if (layout->exponent < EXPONENT_MAX) layout->exponent = layout->exponent * 10 + (*p - '0');
  }
  if (minus) layout->exponent = -layout->exponent;
  return true;
}

/* Any text: the digits before the place `point + exponent + scale` are the mantissa, the others are lost. */
static enum number_status parse_any(struct slice text, unsigned scale, enum decimal_rounding rounding,
                                    int64_t *mantissa) {
  struct layout layout;
  if (!find_layout(text, &layout)) return NUMBER_BAD;
  int64_t kept = layout.point + layout.exponent + (int64_t)scale; /* may be negative */
  uint64_t magnitude = 0;
  bool over = false;
  enum lost lost = LOST_NOTHING;
  int64_t place = 0;
  for (const char *p = layout.digits; p < layout.digits_end; p++) {
    if (*p == '.') continue;
    unsigned digit = (unsigned)(*p - '0');
    if (place < kept) {
      over |= __builtin_mul_overflow(magnitude, 10u, &magnitude);
      over |= __builtin_add_overflow(magnitude, (uint64_t)digit, &magnitude);
    } else if (place == kept) {
      lost = digit == 0 ? LOST_NOTHING : digit < 5 ? LOST_BELOW_HALF : digit == 5 ? LOST_HALF : LOST_ABOVE_HALF;
    } else if (digit != 0) {
      lost = lost == LOST_NOTHING ? LOST_BELOW_HALF : lost == LOST_HALF ? LOST_ABOVE_HALF : lost;
    }
    place++;
  }
  for (; place < kept && magnitude != 0 && !over; place++) over |= __builtin_mul_overflow(magnitude, 10u, &magnitude);
  if (over) return NUMBER_RANGE;
  enum number_status status = NUMBER_OK;
  if (rounds_up(lost, magnitude & 1, layout.negative, rounding, &status) && ++magnitude == 0) return NUMBER_RANGE;
  return status != NUMBER_OK ? status : to_mantissa(magnitude, layout.negative, mantissa);
}

enum number_status decimal_parse(struct slice text, unsigned scale, enum decimal_rounding rounding, int64_t *mantissa) {
  check(scale <= SCALE_MAX);
  if (text.length == 0) return NUMBER_BAD;
  /* The usual case in one pass: few digits, no exponent, no more of them in the fraction than the scale. */
  const char *p = text.data, *end = p + text.length;
  bool negative = p < end && *p == '-';
  p += negative;
  int64_t number = 0;
  const char *start = p, *point = NULL;
  if (end - p > FAST_DIGITS_MAX || p == end || !is_digit(end[-1])) return parse_any(text, scale, rounding, mantissa);
  for (; p < end; p++) {
    if (is_digit(*p)) {
      number = number * 10 + (*p - '0');
    } else if (*p == '.' && point == NULL && p > start) {
      point = p;
    } else {
      return parse_any(text, scale, rounding, mantissa);
    }
  }
  int64_t fraction = point == NULL ? 0 : end - point - 1;
  if (fraction > (int64_t)scale || __builtin_mul_overflow(number, exact_power10[scale - (unsigned)fraction], &number))
    return parse_any(text, scale, rounding, mantissa);
  *mantissa = negative ? -number : number;
  return NUMBER_OK;
}

enum number_status decimal_narrow(__int128 mantissa, unsigned scale, unsigned new_scale, enum decimal_rounding rounding,
                                  int64_t *out) {
  check(scale <= WIDE_SCALE_MAX && new_scale <= SCALE_MAX);
  bool negative = mantissa < 0;
  unsigned __int128 magnitude = negative ? -(unsigned __int128)mantissa : (unsigned __int128)mantissa;
  enum number_status status = NUMBER_OK;
  if (new_scale >= scale) {
    if (magnitude >> 64 != 0) return NUMBER_RANGE;
    magnitude *= (unsigned __int128)exact_power10[new_scale - scale];
  } else {
    unsigned digits = scale - new_scale;
    unsigned __int128 divisor = (unsigned __int128)exact_power10[digits > SCALE_MAX ? SCALE_MAX : digits];
    if (digits > SCALE_MAX) divisor *= (unsigned __int128)exact_power10[digits - SCALE_MAX];
    unsigned __int128 rest = magnitude % divisor;
    magnitude /= divisor;
    enum lost lost = rest == 0               ? LOST_NOTHING
                     : rest < divisor - rest ? LOST_BELOW_HALF
                     : rest > divisor - rest ? LOST_ABOVE_HALF
                                             : LOST_HALF;
    magnitude += rounds_up(lost, magnitude & 1, negative, rounding, &status);
  }
  if (status != NUMBER_OK) return status;
  return magnitude >> 64 != 0 ? NUMBER_RANGE : to_mantissa((uint64_t)magnitude, negative, out);
}

enum number_status decimal_rescale(int64_t mantissa, unsigned scale, unsigned new_scale, enum decimal_rounding rounding,
                                   int64_t *out) {
  check(scale <= SCALE_MAX && new_scale <= SCALE_MAX);
  if (new_scale >= scale) {
    int64_t more;
    if (__builtin_mul_overflow(mantissa, exact_power10[new_scale - scale], &more)) return NUMBER_RANGE;
    *out = more;
    return NUMBER_OK;
  }
  return decimal_narrow(mantissa, scale, new_scale, rounding, out);
}

int decimal_compare(int64_t a, unsigned a_scale, int64_t b, unsigned b_scale) {
  if (a_scale == b_scale) return (a > b) - (a < b);
  check(a_scale <= SCALE_MAX && b_scale <= SCALE_MAX);
  __int128 x = a, y = b; /* 2^63 * 10^18 < 2^123 */
  if (a_scale < b_scale)
    x *= exact_power10[b_scale - a_scale];
  else
    y *= exact_power10[a_scale - b_scale];
  return (x > y) - (x < y);
}

int decimal_compare_float(int64_t mantissa, unsigned scale, double f) {
  check(scale <= SCALE_MAX && f - f == 0);
  int sign = (mantissa > 0) - (mantissa < 0), float_sign = (f > 0) - (f < 0);
  if (sign != float_sign || sign == 0) return (sign > float_sign) - (sign < float_sign);
  uint64_t bits;
  memcpy(&bits, &f, sizeof bits);
  int exponent = (int)(bits >> 52 & 0x7ff);
  uint64_t significand = bits & ((UINT64_C(1) << 52) - 1);
  if (exponent == 0)
    exponent = 1;
  else
    significand |= UINT64_C(1) << 52;
  exponent -= 1075; /* |f| = significand * 2^exponent, significand < 2^53 */
  /* Compare x = |mantissa| with y = significand * 2^exponent * 10^scale, both made integers below 2^127. */
  unsigned __int128 x = sign < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
  unsigned __int128 y = (unsigned __int128)significand * (unsigned __int128)exact_power10[scale]; /* < 2^113 */
  int order;
  if (exponent >= 0) {
    if (exponent > 11)
      order = -1; /* f is normal here: |f| >= 2^64, more than any mantissa */
    else
      y <<= exponent, order = (x > y) - (x < y);
  } else {
    int x_bits = 64 - __builtin_clzll((uint64_t)x);
    if (x_bits - exponent > 114)
      order = 1; /* x * 2^-exponent >= 2^114 > y */
    else
      x <<= -exponent, order = (x > y) - (x < y);
  }
  return sign < 0 ? -order : order;
}

double decimal_to_float(int64_t mantissa, unsigned scale) {
  check(scale <= SCALE_MAX);
  return scale == 0 ? (double)mantissa : number_quotient(mantissa, exact_power10[scale]);
}

unsigned decimal_text(char out[DECIMAL_TEXT_MAX], __int128 mantissa, unsigned scale) {
  check(scale <= WIDE_SCALE_MAX);
  char digits[DECIMAL_TEXT_MAX]; /* from the end */
  unsigned count = 0, length = 0;
  unsigned __int128 magnitude = mantissa < 0 ? -(unsigned __int128)mantissa : (unsigned __int128)mantissa;
  for (; magnitude >> 64 != 0; magnitude /= 10) digits[count++] = (char)('0' + (int)(magnitude % 10));
  for (uint64_t low = (uint64_t)magnitude; low != 0; low /= 10) digits[count++] = (char)('0' + (int)(low % 10));
  while (count <= scale) digits[count++] = '0';
  if (mantissa < 0) out[length++] = '-';
  while (count > 0) {
    if (count == scale) out[length++] = '.';
    out[length++] = digits[--count];
  }
  out[length] = '\0';
  return length;
}

void decimal_write(struct buf *out, __int128 mantissa, unsigned scale) {
  char text[DECIMAL_TEXT_MAX];
  buf_add(out, text, decimal_text(text, mantissa, scale));
}
