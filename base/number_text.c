/* number_text.c - numbers from and to text. Called by the decoders, the lexer, decimal.c and value.c.
 *
 * Reading a float: up to 19 digits and a small power of ten are one exact 128-bit quotient or product, rounded once;
 * all else goes to the C library's strtod in the C locale, which rounds correctly too. Writing: what has at most 15
 * digits (nearly all that people write) is found with exact arithmetic; the rest by trying 15, 16 and 17 digits. */
#include "base/number_text.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum {
  DIGITS_IN_U64 = 19,      /* this many digits always fit */
  DIGITS_ALWAYS_KEPT = 15, /* decimals of this many digits survive a way through a double */
  DIGITS_IN_DOUBLE = 17,   /* this many always read back the same */
  EXACT_POWER_MAX = 22,    /* 10^22 is the last power of ten that is a double */
  U64_POWER_MAX = 19,
  STACK_TEXT_MAX = 128,
};
#define EXACT_INTEGER_MAX (INT64_C(1) << 53)
#define EXPONENT_MAX INT64_C(100000000000000000) /* a written exponent is clamped: more than any text has digits */

static const double exact_powers[EXACT_POWER_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                         1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                         1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

const char *number_status_text(enum number_status status) {
  switch (status) {
  case NUMBER_OK: return "";
  case NUMBER_BAD: return "not a number";
  case NUMBER_DIGITS: return "more digits than the type has";
  case NUMBER_RANGE: return "out of range";
  }
  return "";
}

static bool is_digit(char c) { return (unsigned char)(c - '0') <= 9; }

enum number_status number_parse_int(struct slice text, int64_t *out) {
  if (text.length == 0) return NUMBER_BAD;
  const char *p = text.data, *end = p + text.length;
  bool negative = p < end && *p == '-';
  p += negative;
  if (p == end) return NUMBER_BAD;
  uint64_t number = 0;
  for (const char *sure = end - p > DIGITS_IN_U64 ? p + DIGITS_IN_U64 : end; p < sure; p++) {
    if (!is_digit(*p)) return NUMBER_BAD;
    number = number * 10 + (uint64_t)(*p - '0');
  }
  bool over = false;
  for (; p < end; p++) {
    if (!is_digit(*p)) return NUMBER_BAD;
    over |= __builtin_mul_overflow(number, 10u, &number);
    over |= __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number);
  }
  uint64_t most = (uint64_t)INT64_MAX + negative;
  if (over || number > most) return NUMBER_RANGE;
  *out = negative ? (int64_t)(0 - number) : (int64_t)number;
  return NUMBER_OK;
}

static double power_of_two(int exponent) { /* of a normal double */
  uint64_t bits = (uint64_t)(exponent + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return power;
}

double number_quotient(__int128 numerator, __int128 denominator) {
  check(denominator > 0);
  bool negative = numerator < 0;
  unsigned __int128 n = negative ? -(unsigned __int128)numerator : (unsigned __int128)numerator;
  unsigned __int128 d = (unsigned __int128)denominator;
  if (n <= (unsigned __int128)EXACT_INTEGER_MAX && d <= (unsigned __int128)EXACT_INTEGER_MAX) {
    double quotient = (double)(int64_t)n / (double)(int64_t)d; /* both exact, so the one rounding is the division's */
    return negative && n != 0 ? -quotient : quotient;
  }
  if (n == 0) return 0;
  /* q = floor(n * 2^shift / d) with at least 56 bits; its last bit also says whether anything was left. */
  int shift = (n >> 64) != 0 ? __builtin_clzll((uint64_t)(n >> 64)) : 64 + __builtin_clzll((uint64_t)n);
  n <<= shift;
  unsigned __int128 q = n / d, rest = n % d;
  while (q >> 55 == 0) { /* at most 128 rounds: d < 2^127, so rest * 2 fits */
    rest <<= 1;
    q <<= 1;
    shift++;
    if (rest >= d) {
      rest -= d;
      q |= 1;
    }
  }
  q |= rest != 0;
  double quotient = (double)q * power_of_two(-shift); /* the conversion rounds, the power is exact */
  return negative ? -quotient : quotient;
}

/* A number's text taken apart: digits * 10^exponent. */
struct parts {
  uint64_t digits;  /* the first 19 significant ones */
  int digit_count;  /* significant ones, counted up to 20 */
  int64_t exponent; /* belongs to `digits` when digit_count <= 19 */
  bool negative;
};

static bool take_apart(struct slice text, struct parts *parts) {
  if (text.length == 0) return false;
  const char *p = text.data, *end = p + text.length;
  *parts = (struct parts){0};
  parts->negative = p < end && *p == '-';
  p += parts->negative;
  if (p == end || !is_digit(*p)) return false;
  for (bool in_fraction = false;; p++) {
    if (p < end && is_digit(*p)) {
      if (parts->digit_count > 0 || *p != '0') {
        if (parts->digit_count < DIGITS_IN_U64) parts->digits = parts->digits * 10 + (uint64_t)(*p - '0');
        if (parts->digit_count <= DIGITS_IN_U64) parts->digit_count++;
      }
      if (in_fraction) parts->exponent--;
    } else if (p < end && *p == '.' && !in_fraction && p + 1 < end && is_digit(p[1])) {
      in_fraction = true;
    } else {
      break;
    }
  }
  if (p == end) return true;
  if (*p != 'e' && *p != 'E') return false;
  p++;
  bool minus = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  if (p == end) return false;
  int64_t exponent = 0;
  for (; p < end; p++) {
    if (!is_digit(*p)) return false;
    if (exponent < EXPONENT_MAX) exponent = exponent * 10 + (*p - '0');
  }
  parts->exponent += minus ? -exponent : exponent;
  return true;
}

static double library_parse(const char *text) {
  locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  check(c_locale != (locale_t)0);
  double f = strtod_l(text, NULL, c_locale);
  freelocale(c_locale);
  return f;
}

/* A NUL-terminated copy for the library. A text longer than the stack's room keeps its first digits: a double's halfway
 * points have at most 767 significant digits, so after 800 of them the rest only says whether it is all zero. */
static double parse_slowly(struct slice text) {
  enum { DIGITS_THAT_MATTER = 800, ROOM = DIGITS_THAT_MATTER + STACK_TEXT_MAX };
  char copy[ROOM];
  if (text.length < ROOM) {
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return library_parse(copy);
  }
  int digits = 0, length = 0;
  long long exponent = 0;
  bool in_fraction = false, rest = false;
  size_t i = 0;
  if (text.data[0] == '-') copy[length++] = text.data[i++];
  for (; i < text.length && text.data[i] != 'e' && text.data[i] != 'E'; i++) {
    char c = text.data[i];
    if (c == '.') {
      in_fraction = true;
      continue;
    }
    bool kept = digits < DIGITS_THAT_MATTER && (digits > 0 || c != '0');
    if (kept)
      copy[length++] = c, digits++;
    else if (digits > 0)
      rest |= c != '0';
    /* A dropped digit behind the kept ones counts ten; a kept one in the fraction a tenth. */
    if (!kept && digits > 0 && !in_fraction) exponent++;
    if ((kept || digits == 0) && in_fraction) exponent--;
  }
  if (digits == 0) return 0;
  if (rest) copy[length++] = '1', exponent--;
  if (i < text.length) {
    bool minus = text.data[++i] == '-';
    if (minus || text.data[i] == '+') i++;
    long long written = 0;
    for (; i < text.length; i++)
      if (written < INT32_MAX) written = written * 10 + (text.data[i] - '0');
    exponent += minus ? -written : written;
  }
  snprintf(copy + length, ROOM - (size_t)length, "e%lld", exponent);
  return library_parse(copy);
}

static __int128 u64_power(int digits) {
  __int128 power = 1;
  for (int i = 0; i < digits; i++) power *= 10;
  return power;
}

enum number_status number_parse_float(struct slice text, double *out) {
  struct parts parts;
  if (!take_apart(text, &parts)) return NUMBER_BAD;
  double f;
  int64_t exponent = parts.exponent;
  if (parts.digit_count == 0) {
    f = 0;
  } else if (parts.digits <= (uint64_t)EXACT_INTEGER_MAX && parts.digit_count <= DIGITS_IN_U64 &&
             exponent >= -EXACT_POWER_MAX && exponent <= EXACT_POWER_MAX) {
    f = (double)(int64_t)parts.digits;
    f = exponent < 0 ? f / exact_powers[-exponent] : f * exact_powers[exponent];
  } else if (parts.digit_count <= DIGITS_IN_U64 && exponent >= -U64_POWER_MAX && exponent <= U64_POWER_MAX - 1) {
    __int128 power = u64_power((int)(exponent < 0 ? -exponent : exponent));
    f = exponent < 0 ? number_quotient(parts.digits, power) : (double)((unsigned __int128)power * parts.digits);
  } else {
    double magnitude = parse_slowly(text);
    f = magnitude < 0 ? -magnitude : magnitude;
    if (!(f <= 1.7976931348623157e308)) return NUMBER_RANGE;
  }
  *out = parts.negative && f != 0 ? -f : f;
  return NUMBER_OK;
}

static unsigned unsigned_text(char *out, uint64_t number) {
  char digits[24];
  unsigned at = sizeof digits;
  do digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  unsigned length = (unsigned)sizeof digits - at;
  memcpy(out, digits + at, length);
  out[length] = '\0';
  return length;
}

unsigned number_int_text(char out[NUMBER_TEXT_MAX], int64_t number) {
  if (number >= 0) return unsigned_text(out, (uint64_t)number);
  out[0] = '-';
  return 1 + unsigned_text(out + 1, 0 - (uint64_t)number);
}

/* Digits without trailing zeros, and where the point stands: value = 0.DIGITS * 10^point. */
struct shortest {
  char digits[24];
  int count, point;
};

static void strip_zeros(struct shortest *s) {
  while (s->count > 1 && s->digits[s->count - 1] == '0') s->count--;
}

/* Decimals of at most 15 digits are told apart by doubles, so if f is the double nearest to n / 10^k with n < 10^15,
 * then no shorter text can mean f, and none of the same length. Both n and 10^k are exact doubles: the division is
 * what a correct reader would compute. */
static bool shortest_exactly(double f, struct shortest *s) {
  static const double limit = 1e15;
  if (f >= limit) return false;
  for (int k = 0; k <= EXACT_POWER_MAX; k++) {
    double scaled = f * exact_powers[k];
    if (scaled >= limit) return false;
    int64_t n = (int64_t)(scaled + 0.5);
    if (n == 0 || (double)n / exact_powers[k] != f) continue;
    s->count = (int)unsigned_text(s->digits, (uint64_t)n);
    s->point = s->count - k;
    strip_zeros(s);
    return true;
  }
  return false;
}

/* `count` correctly rounded digits of f; true if they read back as f. */
static bool try_digits(double f, int count, struct shortest *s) {
  char text[STACK_TEXT_MAX];
  int length = snprintf(text, sizeof text, "%.*e", count - 1, f);
  check(length > 0 && length < (int)sizeof text);
  s->count = 0;
  const char *p = text;
  for (; *p != 'e'; p++) /* what is no digit is the locale's point */
    if (is_digit(*p)) s->digits[s->count++] = *p;
  check(s->count == count);
  bool minus = p[1] == '-';
  int exponent = 0;
  for (p += 2; *p != '\0'; p++) exponent = exponent * 10 + (*p - '0');
  s->point = (minus ? -exponent : exponent) + 1;
  snprintf(text, sizeof text, "%.*se%d", s->count, s->digits, s->point - s->count);
  return library_parse(text) == f;
}

/* The next larger text of as many digits. */
static void next_digits(struct shortest *s) {
  int i = s->count - 1;
  while (i >= 0 && s->digits[i] == '9') s->digits[i--] = '0';
  if (i >= 0) {
    s->digits[i]++;
    return;
  }
  memmove(s->digits + 1, s->digits, (size_t)s->count - 1);
  s->digits[0] = '1';
  s->point++;
}

static bool reads_back(const struct shortest *s, double f) {
  char text[STACK_TEXT_MAX];
  snprintf(text, sizeof text, "%.*se%d", s->count, s->digits, s->point - s->count);
  return library_parse(text) == f;
}

static void shortest_by_trial(double f, struct shortest *s) {
  static const double dense = 1e-290; /* below, doubles may have less than 15 digits */
  uint64_t bits;
  memcpy(&bits, &f, sizeof bits);
  /* Below a power of two the doubles stand closer: the nearest text of n digits may miss f below, and the next one
   * above still be f's. */
  bool power = (bits & ((UINT64_C(1) << 52) - 1)) == 0;
  for (int count = f < dense ? 1 : DIGITS_ALWAYS_KEPT; count <= DIGITS_IN_DOUBLE; count++) {
    bool found = try_digits(f, count, s);
    if (!found && power) {
      next_digits(s);
      found = reads_back(s, f);
    }
    if (found) break;
  }
  strip_zeros(s);
}

/* The digits with a point behind the first, and `e`. */
static unsigned before_exponent(char *out, const struct shortest *s) {
  unsigned length = 0, behind = (unsigned)s->count - 1;
  out[length++] = s->digits[0];
  if (behind > 0) out[length++] = '.';
  memcpy(out + length, s->digits + 1, behind);
  length += behind;
  out[length++] = 'e';
  return length;
}

/* Number::toString of ECMAScript, steps 6 to 10. */
static unsigned place_point(char *out, const struct shortest *s) {
  unsigned length = 0, count = (unsigned)s->count;
  int point = s->point;
  if (point > 21 || point <= -6) {
    length = before_exponent(out, s);
    out[length++] = point > 0 ? '+' : '-';
    return length + unsigned_text(out + length, (uint64_t)(point > 0 ? point - 1 : 1 - point));
  }
  if (point <= 0) {
    out[length++] = '0';
    out[length++] = '.';
    for (int i = point; i < 0; i++) out[length++] = '0';
    memcpy(out + length, s->digits, count);
    length += count;
  } else if (count <= (unsigned)point) {
    memcpy(out, s->digits, count);
    for (length = count; length < (unsigned)point;) out[length++] = '0';
  } else {
    memcpy(out, s->digits, (size_t)point);
    out[point] = '.';
    memcpy(out + point + 1, s->digits + point, count - (unsigned)point);
    length = count + 1;
  }
  out[length] = '\0';
  return length;
}

unsigned number_float_text(char out[NUMBER_TEXT_MAX], double f) {
  check(f - f == 0); /* finite */
  unsigned sign = 0;
  if (f < 0) {
    out[sign++] = '-';
    f = -f;
  }
  if (f == 0) {
    out[0] = '0';
    out[1] = '\0';
    return 1;
  }
  struct shortest s;
  if (!shortest_exactly(f, &s)) shortest_by_trial(f, &s);
  return sign + place_point(out + sign, &s);
}

unsigned number_exponent_text(char out[NUMBER_TEXT_MAX], double f) {
  check(f - f == 0); /* finite */
  struct shortest s = {.digits = "0", .count = 1, .point = 1};
  unsigned length = 0;
  if (f < 0) out[length++] = '-';
  if (f < 0) f = -f;
  if (f != 0 && !shortest_exactly(f, &s)) shortest_by_trial(f, &s);
  length += before_exponent(out + length, &s);
  return length + number_int_text(out + length, s.point - 1);
}

void number_write_int(struct buf *out, int64_t number) {
  char text[NUMBER_TEXT_MAX];
  buf_add(out, text, number_int_text(text, number));
}

void number_write_float(struct buf *out, double f) {
  char text[NUMBER_TEXT_MAX];
  buf_add(out, text, number_float_text(text, f));
}
