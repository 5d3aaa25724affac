/* floors: base */
/* The float functions against libm, their special values, and exactness where results are doubles themselves. */
#include "base/float_math.h"

#include <math.h>
#include <stdint.h>

#include "base/exact.h"
#include "test.h"

/* A small generator of our own: the same numbers on every host. */
static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}
static double random_between(double low, double high) {
  return low + (high - low) * ((double)(random_bits() >> 11) * 0x1p-53);
}

/* How far `got` is from the true value, in units of the last place of it (long double has 11 bits more). */
static double units_off(double got, long double truth) {
  double near = (double)truth;
  int exponent;
  frexp(near, &exponent);
  long double unit = ldexpl(1, (exponent < -1021 ? -1021 : exponent) - 53);
  return (double)fabsl(((long double)got - truth) / unit);
}

TEST(ln_is_within_its_bound) {
  double worst = 0;
  for (int i = 0; i < 200000; i++) {
    double x = i % 2 == 0 ? exp2(random_between(-1074, 1023)) : random_between(0.5, 2);
    if (x == 0) continue;
    double off = units_off(float_ln(x), logl((long double)x));
    if (off > worst) worst = off;
  }
  printf("ln: at most %.4f units\n", worst);
  EXPECT(worst < 0.55);
}

TEST(exp_is_within_its_bound) {
  double worst = 0;
  for (int i = 0; i < 200000; i++) {
    double x = i % 2 == 0 ? random_between(-708, 709.7) : random_between(-1, 1);
    double off = units_off(float_exp(x), expl((long double)x));
    if (off > worst) worst = off;
  }
  printf("exp: at most %.4f units\n", worst);
  EXPECT(worst < 0.55);
}

TEST(power_is_within_its_bound) {
  double worst = 0;
  for (int i = 0; i < 200000; i++) {
    double x = i % 2 == 0 ? random_between(0, 1000) : random_between(0.9, 1.1);
    double y = i % 2 == 0 ? random_between(-90, 90) : random_between(-3000, 3000);
    long double truth = powl((long double)x, (long double)y);
    if (x == 0 || truth > 1e308L || truth < 1e-307L) continue;
    double off = units_off(float_power(x, y), truth);
    if (off > worst) worst = off;
  }
  printf("power: at most %.4f units\n", worst);
  EXPECT(worst < 0.55);
}

TEST(exact_powers_are_exact) {
  double ten = 1;
  for (int n = 0; n <= 22; n++, ten *= 10) EXPECT(float_power(10, n) == ten);
  for (int n = -1074; n <= 1023; n++) EXPECT(float_power(2, n) == ldexp(1, n));
  for (int n = 1; n < 3000; n++) EXPECT(float_power((double)n * n, 0.5) == n);
  EXPECT(float_power(-3, 3) == -27);
  EXPECT(float_power(-3, 4) == 81);
  EXPECT(float_power(3, -1) == 1.0 / 3);
}

TEST(special_values) {
  EXPECT(float_ln(1) == 0);
  EXPECT(float_ln(0) == -INFINITY);
  EXPECT(isnan(float_ln(-1)));
  EXPECT(float_ln(INFINITY) == INFINITY);
  EXPECT(float_ln(0x1p-1074) == log(0x1p-1074));
  EXPECT(float_exp(0) == 1);
  EXPECT(float_exp(1) == 2.718281828459045);
  EXPECT(float_exp(710) == INFINITY);
  EXPECT(float_exp(709.78) == exp(709.78));
  EXPECT(float_exp(-746) == 0);
  EXPECT(float_exp(-745.13) == 0x1p-1074);
  EXPECT(float_exp(1e300) == INFINITY && float_exp(-1e300) == 0);
  EXPECT(isnan(float_power(-2, 0.5)));
  EXPECT(float_power(0, 0) == 1 && float_power(0, 2) == 0 && float_power(0, -2) == INFINITY);
  EXPECT(float_power(-1, 1e300) == 1 && float_power(-1, 3) == -1);
  EXPECT(float_power(2, 1e300) == INFINITY && float_power(2, -1e300) == 0 && float_power(0.5, 1e300) == 0);
  EXPECT(float_power(10, 309) == INFINITY && float_power(10, 308) == 1e308);
  EXPECT(float_power(-2, 3e18) == INFINITY);
  EXPECT(!float_finite(INFINITY) && !float_finite(NAN) && float_finite(-1e308));
}

TEST(modulo_is_exact) {
  EXPECT(float_modulo(7.5, 2) == 1.5);
  EXPECT(float_modulo(-7.5, 2) == -1.5);
  EXPECT(float_modulo(7.5, -2) == 1.5);
  EXPECT(float_modulo(1, 3) == 1);
  EXPECT(float_modulo(6, 3) == 0 && !signbit(float_modulo(-6, 3)));
  for (int i = 0; i < 100000; i++) {
    uint64_t a = random_bits(), b = random_bits();
    double x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    if (!isfinite(x) || !isfinite(y) || y == 0) continue;
    EXPECT(float_modulo(x, y) == fmod(x, y));
    double near = random_between(-1e6, 1e6), step = random_between(1e-3, 10);
    EXPECT(float_modulo(near, step) == fmod(near, step));
  }
}

TEST(sines_of_degrees) {
  EXPECT(float_sin_degrees(0) == 0 && float_sin_degrees(90) == 1 && float_sin_degrees(180) == 0);
  EXPECT(float_sin_degrees(-90) == -1 && float_cos_degrees(0) == 1 && float_cos_degrees(90) == 0);
  EXPECT(float_cos_degrees(180) == -1 && float_cos_degrees(-360) == 1);
  for (int i = 0; i < 100000; i++) {
    double x = random_between(-720, 720);
    long double radians = (long double)x * 3.141592653589793238462643L / 180;
    EXPECT(fabs(float_sin_degrees(x) - (double)sinl(radians)) < 4e-16);
    EXPECT(fabs(float_cos_degrees(x) - (double)cosl(radians)) < 4e-16);
  }
}

TEST(arc_sine) {
  EXPECT(float_asin(0) == 0);
  EXPECT(float_asin(1) == asin(1));
  EXPECT(float_asin(-1) == -asin(1));
  for (int i = 0; i < 100000; i++) {
    double x = random_between(-1, 1);
    EXPECT(units_off(float_asin(x), asinl((long double)x)) < 4);
  }
}

TEST(distances) {
  EXPECT(float_distance_km(10, 20, 10, 20) == 0);
  EXPECT(fabs(float_distance_km(0, 0, 0, 180) - 3.141592653589793 * FLOAT_EARTH_RADIUS_KM) < 1e-9);
  EXPECT(fabs(float_distance_km(90, 0, -90, 0) - 3.141592653589793 * FLOAT_EARTH_RADIUS_KM) < 1e-9);
  EXPECT(fabs(float_distance_km(0, 179.5, 0, -179.5) - 3.141592653589793 / 180 * FLOAT_EARTH_RADIUS_KM) < 1e-9);
  /* One metre or so: the haversine keeps its digits. */
  EXPECT(fabs(float_distance_km(48, 11, 48.00001, 11) - 1e-5 * 3.141592653589793 / 180 * FLOAT_EARTH_RADIUS_KM) <
         1e-12);
  EXPECT(fabs(float_distance_km(52.52, 13.405, 48.137, 11.575) - 504.3385960594083) < 1e-9);
}

TEST(ratios_round_once) {
  EXPECT(exact_ratio(false, 1, 3, 0) == 1.0 / 3);
  EXPECT(exact_ratio(true, 1, 3, 0) == -1.0 / 3);
  for (int i = 0; i < 100000; i++) {
    uint64_t a = random_bits() >> (random_bits() & 63), b = random_bits() >> (random_bits() & 63) | 1;
    long double truth = (long double)a / (long double)b; /* rounded to 64 bits, which seldom lies on a half */
    double got = exact_ratio(false, a, b, 0);
    EXPECT(fabsl((long double)got - truth) <= ldexpl(truth, -53) * 1.0001L);
  }
  /* Halfway cases: 2^53 + 1 is between two doubles, the even one is taken; a bit more goes up. */
  EXPECT(exact_ratio(false, ((exact_uint)1 << 53) + 1, 1, 0) == 0x1p53);
  EXPECT(exact_ratio(false, (((exact_uint)1 << 53) + 1) * 1000 + 1, 1000, 0) == 0x1p53 + 2);
  EXPECT(exact_ratio(false, ((exact_uint)1 << 126) + 1, ((exact_uint)1 << 126) - 1, 0) == 1);
  EXPECT(exact_ratio(false, 1, (exact_uint)1 << 126, -948) == 0x1p-1074);
  EXPECT(exact_decimal(INT64_MAX, 0) == 0x1p63);
  EXPECT(exact_decimal(INT64_MIN, 0) == -0x1p63);
  EXPECT(exact_decimal(1, 18) == 1e-18);
  EXPECT(exact_decimal(123456789012345678, 2) == 1234567890123456.78);
}

TEST(rounding_to_digits) {
  EXPECT(exact_round_digits(2.5, 0) == 3);
  EXPECT(exact_round_digits(-2.5, 0) == -3);
  EXPECT(exact_round_digits(2.675, 2) == 2.67); /* the double lies below the half */
  EXPECT(exact_round_digits(0.125, 2) == 0.13);
  EXPECT(exact_round_digits(1e300, 5) == 1e300);
  EXPECT(exact_round_digits(1e-300, 18) == 0);
  EXPECT(exact_round_digits(1250, -2) == 1300);
  EXPECT(exact_round_digits(1249.999, -2) == 1200);
  EXPECT(exact_round_digits(5e17, -18) == 1e18);
  EXPECT(exact_round_digits(1e300, -18) == 1e300);
  EXPECT(exact_round_digits(0.1, 18) == 0.1);
}

TEST(fixed_point) {
  exact_int steps;
  EXPECT(exact_fixed(1, &steps) && steps == (exact_int)1 << 60);
  EXPECT(exact_fixed(-0.5, &steps) && steps == -((exact_int)1 << 59));
  EXPECT(exact_fixed(0x1p-61, &steps) && steps == 0);   /* half a step: to even */
  EXPECT(exact_fixed(0x1.8p-60, &steps) && steps == 2); /* one and a half: to even */
  EXPECT(exact_fixed(0x1.000001p-61, &steps) && steps == 1);
  EXPECT(exact_fixed(0x1p-1074, &steps) && steps == 0);
  EXPECT(exact_fixed(nextafter(0x1p67, 0), &steps));
  EXPECT(!exact_fixed(0x1p67, &steps) && !exact_fixed(-0x1p67, &steps) && !exact_fixed(1e300, &steps));
  int64_t mantissa;
  EXPECT(exact_to_decimal(0.5, 2, &mantissa) && mantissa == 50);
  EXPECT(!exact_to_decimal(0.1, 2, &mantissa));
  EXPECT(exact_to_decimal(-0x1p63, 0, &mantissa) && mantissa == INT64_MIN);
  EXPECT(!exact_to_decimal(0x1p63, 0, &mantissa) && !exact_to_decimal(1e300, 18, &mantissa));
  EXPECT(exact_to_decimal(0x1p52 + 1, 0, &mantissa) && mantissa == 4503599627370497);
  EXPECT(!exact_to_decimal(0x1p-1074, 18, &mantissa));
}

TEST_MAIN
