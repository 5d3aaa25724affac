/* float_math.c - ln, exp, power, sine, arc sine and the haversine in plain IEEE arithmetic. Owns nothing.
 *
 * ln and exp carry the leading terms of their series as unevaluated sums of two doubles ("double-double": T. J. Dekker,
 * Numerische Mathematik 18, 1971) and only the small rest in one double; the series are those of Taylor, long enough
 * that what is cut off is below 2^-70. No tables, so that each constant can be checked by eye. */
#include "base/float_math.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/exact.h"

/* ln 2 in two parts: the first has 33 bits, so that its product with an exponent is exact. */
#define LN2_HIGH 0x1.62e42fefp-1
#define LN2_LOW 0x1.473de6af278edp-34
#define LN2_INVERSE 0x1.71547652b82fep+0
#define PI_HALF 0x1.921fb54442d18p+0
#define RADIANS_PER_DEGREE 0x1.1df46a2529d39p-6
#define SQRT2 0x1.6a09e667f3bcdp+0

static const double infinite = __builtin_inf();
static const double not_a_number = __builtin_nan("");

/* An unevaluated sum: |low| is at most half a unit of high. */
struct pair {
  double high, low;
};

bool float_finite(double x) { return x - x == 0; }

static inline struct pair pair_sum(double a, double b) { /* exact, any order (Knuth) */
  double sum = a + b, part = sum - a;
  return (struct pair){sum, (a - (sum - part)) + (b - part)};
}

static inline struct pair pair_quick(double a, double b) { /* exact for |a| >= |b| */
  double sum = a + b;
  return (struct pair){sum, b - (sum - a)};
}

static inline struct pair pair_product(double a, double b) { /* exact (Veltkamp's splitting), |a|, |b| < 2^990 */
  const double splitter = 134217729.0;                       /* 2^27 + 1 */
  double product = a * b;
  double a_far = a * splitter, a_high = a_far - (a_far - a), a_low = a - a_high;
  double b_far = b * splitter, b_high = b_far - (b_far - b), b_low = b - b_high;
  return (struct pair){product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

static inline struct pair pair_add(struct pair a, struct pair b) {
  struct pair sum = pair_sum(a.high, b.high);
  return pair_quick(sum.high, sum.low + (a.low + b.low));
}

static inline struct pair pair_multiply(struct pair a, struct pair b) {
  struct pair product = pair_product(a.high, b.high);
  return pair_quick(product.high, product.low + (a.high * b.low + a.low * b.high));
}

/* ln of a finite x > 0, to about 2^-64 of its value: x = 2^e * m with m near 1, s = (m - 1) / (m + 1),
 * ln m = 2 * (s + s^3 / 3 + s^5 / 5 + …), |s| < 0.172. */
static struct pair ln_pair(double x) {
  uint64_t mantissa;
  int exponent;
  if (x < 0x1p-1022) {
    exact_split(x * 0x1p54, &mantissa, &exponent);
    exponent -= 54;
  } else {
    exact_split(x, &mantissa, &exponent);
  }
  double m = (double)mantissa * 0x1p-52;
  exponent += 52;
  if (m > SQRT2) {
    m *= 0.5;
    exponent++;
  }
  double f = m - 1; /* exact */
  struct pair divisor = pair_sum(m, 1);
  struct pair s = {f / divisor.high, 0};
  struct pair back = pair_product(s.high, divisor.high);
  s.low = (((f - back.high) - back.low) - s.high * divisor.low) / divisor.high;

  struct pair z = pair_multiply(s, s);
  static const double series[] = {1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11, 1.0 / 13, 1.0 / 15,
                                  1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23, 1.0 / 25, 1.0 / 27};
  double rest = 0;
  for (int i = (int)(sizeof series / sizeof *series); i-- > 0;) rest = rest * z.high + series[i];
  const struct pair third = {0x1.5555555555555p-2, 0x1.5555555555555p-56};
  struct pair more = pair_multiply(z, third);
  more = pair_quick(more.high, more.low + rest * z.high * z.high);

  struct pair twice = {2 * s.high, 2 * s.low};
  struct pair ln_m = pair_multiply(twice, more);
  ln_m = pair_add(twice, ln_m);
  struct pair ln_power = pair_quick(exponent * LN2_HIGH, exponent * LN2_LOW);
  return pair_add(ln_power, ln_m);
}

double float_ln(double x) {
  if (x != x || x < 0) return not_a_number;
  if (x == 0) return -infinite;
  if (!float_finite(x)) return x;
  struct pair ln = ln_pair(x);
  return ln.high + ln.low;
}

/* e^(x.high + x.low): x = k * ln 2 + r with |r| < 0.35, and the series of e^r. */
static double exp_pair(struct pair x) {
  if (x.high > 710) return infinite;
  if (x.high < -746) return 0;
  int k = (int)(x.high * LN2_INVERSE + (x.high < 0 ? -0.5 : 0.5));
  struct pair r = pair_sum(x.high, -(k * LN2_HIGH));
  r = pair_sum(r.high, r.low + (x.low - k * LN2_LOW));

  static const double series[] = {
      1.0 / 6,          1.0 / 24,          1.0 / 120,           1.0 / 720,           1.0 / 5040,
      1.0 / 40320,      1.0 / 362880,      1.0 / 3628800,       1.0 / 39916800,      1.0 / 479001600,
      1.0 / 6227020800, 1.0 / 87178291200, 1.0 / 1307674368000, 1.0 / 20922789888000};
  double rest = 0;
  for (int i = (int)(sizeof series / sizeof *series); i-- > 0;) rest = rest * r.high + series[i];
  struct pair square = pair_product(r.high, r.high);
  rest *= square.high * r.high;

  struct pair sum = pair_quick(1, r.high);
  struct pair with_square = pair_sum(sum.high, 0.5 * square.high);
  double low = with_square.low + sum.low + (0.5 * square.low + rest + r.low * (1 + r.high));
  return exact_scale2(with_square.high + low, k);
}

double float_exp(double x) {
  if (x != x) return x;
  if (!float_finite(x)) return x < 0 ? 0 : x;
  return exp_pair((struct pair){x, 0});
}

/* 0: not an integer; 1: odd; 2: even. */
static int parity(double y) {
  uint64_t mantissa;
  int exponent;
  exact_split(y, &mantissa, &exponent);
  if (mantissa == 0) return 2;
  int zeros = __builtin_ctzll(mantissa);
  if (exponent + zeros < 0) return 0;
  return exponent + zeros == 0 ? 1 : 2;
}

double float_power(double x, double y) {
  if (x != x || y != y) return not_a_number;
  if (y == 0 || x == 1) return 1;
  if (!float_finite(x) || !float_finite(y)) return not_a_number; /* no value of a rule is infinite */
  int odd = parity(y);
  if (x == 0) return y > 0 ? 0 : infinite;
  if (x < 0 && odd == 0) return not_a_number;
  double magnitude = x < 0 ? -x : x, result;
  if (magnitude == 1) {
    result = 1;
  } else if (y > 0x1p64 || y < -0x1p64) {
    result = (magnitude > 1) == (y > 0) ? infinite : 0; /* |ln x| is at least 2^-53 */
  } else {
    struct pair ln = ln_pair(magnitude), product = pair_product(ln.high, y);
    result = exp_pair(pair_quick(product.high, product.low + ln.low * y));
  }
  return x < 0 && odd == 1 ? -result : result;
}

double float_modulo(double x, double y) {
  uint64_t a, b;
  int a_exponent, b_exponent;
  bool negative = exact_split(x, &a, &a_exponent);
  exact_split(y, &b, &b_exponent);
  if (a == 0) return 0;
  /* a * 2^p mod b * 2^q with integers, p steps of doubling at a time; at most 2,100 bits apart. */
  int zeros = __builtin_ctzll(b);
  b >>= zeros;
  b_exponent += zeros;
  if (a_exponent < b_exponent) {
    int apart = b_exponent - a_exponent;
    if (apart > 63 || a >> apart == 0) return x; /* |x| is below 2^b_exponent <= |y| */
    uint64_t low = a & (((uint64_t)1 << apart) - 1);
    a = (a >> apart) % b << apart | low;
  } else {
    a %= b;
    for (int apart = a_exponent - b_exponent; apart > 0 && a != 0;) {
      int step = apart < 63 ? apart : 63;
      a = (uint64_t)(((exact_uint)a << step) % b);
      apart -= step;
    }
    a_exponent = b_exponent;
  }
  return exact_round(negative && a != 0, a, false, a_exponent);
}

/* Sine and cosine of at most an eighth of a turn. */
static double sin_small(double r) {
  static const double series[] = {-1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
                                  -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000};
  double z = r * r, rest = 0;
  for (int i = (int)(sizeof series / sizeof *series); i-- > 0;) rest = rest * z + series[i];
  return r + r * z * rest;
}

static double cos_small(double r) {
  static const double series[] = {1.0 / 24,        -1.0 / 720,         1.0 / 40320,          -1.0 / 3628800,
                                  1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000, -1.0 / 6402373705728000};
  double z = r * r, rest = 0;
  for (int i = (int)(sizeof series / sizeof *series); i-- > 0;) rest = rest * z + series[i];
  double half = 0.5 * z, one = 1 - half;
  return one + ((1 - one - half) + z * z * rest);
}

double float_sin_degrees(double x) {
  int64_t quarter = (int64_t)(x / 90 + (x < 0 ? -0.5 : 0.5));
  double r = (x - 90.0 * (double)quarter) * RADIANS_PER_DEGREE; /* the difference is exact */
  double result = (quarter & 1) != 0 ? cos_small(r) : sin_small(r);
  return (quarter & 2) != 0 ? -result : result;
}

double float_cos_degrees(double x) {
  int64_t quarter = (int64_t)(x / 90 + (x < 0 ? -0.5 : 0.5));
  double r = (x - 90.0 * (double)quarter) * RADIANS_PER_DEGREE;
  double result = (quarter & 1) != 0 ? sin_small(r) : cos_small(r);
  return ((quarter + 1) & 2) != 0 ? -result : result;
}

/* Of 0 <= x <= 1/2: half the angle once, then the series x + x^3 / 6 + 3 x^5 / 40 + …, |x| < 0.259. */
static double asin_small(double x) {
  static const double series[] = {1.0 / 6,
                                  3.0 / 40,
                                  15.0 / 336,
                                  105.0 / 3456,
                                  945.0 / 42240,
                                  10395.0 / 599040,
                                  135135.0 / 9676800,
                                  2027025.0 / 175472640,
                                  34459425.0 / 3530096640,
                                  654729075.0 / 78033715200,
                                  13749310575.0 / 1880240947200,
                                  316234143225.0 / 49049763840000,
                                  7905853580625.0 / 1377317368627200,
                                  213458046676875.0 / 41421544567603200};
  double half = x / (SQRT2 * sqrt(1 + sqrt((1 - x) * (1 + x))));
  double z = half * half, rest = 0;
  for (int i = (int)(sizeof series / sizeof *series); i-- > 0;) rest = rest * z + series[i];
  return 2 * (half + half * z * rest);
}

double float_asin(double x) {
  double magnitude = x < 0 ? -x : x;
  double angle = magnitude <= 0.5 ? asin_small(magnitude) : PI_HALF - 2 * asin_small(sqrt((1 - magnitude) / 2));
  return x < 0 ? -angle : angle;
}

double float_distance_km(double latitude1, double longitude1, double latitude2, double longitude2) {
  double up = float_sin_degrees((latitude2 - latitude1) / 2), over = float_sin_degrees((longitude2 - longitude1) / 2);
  double square = up * up + float_cos_degrees(latitude1) * float_cos_degrees(latitude2) * (over * over);
  double chord = sqrt(square);
  return 2 * FLOAT_EARTH_RADIUS_KM * float_asin(chord > 1 ? 1 : chord);
}
