/* floors: base */
/* Numbers as text, exact decimals, and their exact order against floats. */
#include "test.h"

#include <float.h>
#include <locale.h>
#include <stdlib.h>

#include "base/decimal.h"
#include "base/number_text.h"

static uint64_t random_state = 1;
static uint64_t random_u64(void) { /* splitmix64 */
  uint64_t z = random_state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static int64_t parsed_int(const char *text) {
  int64_t out = -99;
  enum number_status status = number_parse_int(slice_of(text), &out);
  return status == NUMBER_OK ? out : -1000 - (int64_t)status;
}

TEST(ints) {
  EXPECT_INT(parsed_int("0"), 0);
  EXPECT_INT(parsed_int("-0"), 0);
  EXPECT_INT(parsed_int("007"), 7);
  EXPECT_INT(parsed_int("9223372036854775807"), INT64_MAX);
  EXPECT_INT(parsed_int("-9223372036854775808"), INT64_MIN);
  EXPECT_INT(parsed_int("9223372036854775808"), -1000 - NUMBER_RANGE);
  EXPECT_INT(parsed_int("-9223372036854775809"), -1000 - NUMBER_RANGE);
  EXPECT_INT(parsed_int("18446744073709551616"), -1000 - NUMBER_RANGE);
  EXPECT_INT(parsed_int("100000000000000000000000000000000000000000"), -1000 - NUMBER_RANGE);
  static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "5.0", "1e2", "0x1", "--1", "1-"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) EXPECT_INT(parsed_int(bad[i]), -1000 - NUMBER_BAD);
  char text[NUMBER_TEXT_MAX];
  EXPECT_INT(number_int_text(text, INT64_MIN), 20);
  EXPECT_TEXT(text, "-9223372036854775808");
  number_int_text(text, 0);
  EXPECT_TEXT(text, "0");
}

static const char *shortest(double f) {
  static char text[NUMBER_TEXT_MAX];
  unsigned length = number_float_text(text, f);
  return length == strlen(text) ? text : "wrong length";
}

TEST(floats_as_in_rfc_8785) { /* its appendix B, and borders of the forms */
  static const struct {
    uint64_t bits;
    const char *text;
  } cases[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    double f;
    memcpy(&f, &cases[i].bits, 8);
    EXPECT_TEXT(shortest(f), cases[i].text);
  }
  EXPECT_TEXT(shortest(1), "1");
  EXPECT_TEXT(shortest(0.1), "0.1");
  EXPECT_TEXT(shortest(-12.5), "-12.5");
  EXPECT_TEXT(shortest(100), "100");
  EXPECT_TEXT(shortest(1e15), "1000000000000000");
  EXPECT_TEXT(shortest(1e20), "100000000000000000000");
  EXPECT_TEXT(shortest(123456789012345680000.0), "123456789012345680000");
  EXPECT_TEXT(shortest(1e-7), "1e-7");
  EXPECT_TEXT(shortest(1.5e-7), "1.5e-7");
  EXPECT_TEXT(shortest(1.0 / 3), "0.3333333333333333");
  EXPECT_TEXT(shortest(0x1p-44), "5.684341886080802e-14"); /* a power of two: the nearest 16 digits do not read back */
  EXPECT_TEXT(shortest(DBL_MIN), "2.2250738585072014e-308");
  EXPECT_TEXT(shortest(DBL_MIN - 0x1p-1074), "2.225073858507201e-308");
}

/* No text with one digit less reads back, and this one does. */
static void check_shortest(double f) {
  const char *text = shortest(f);
  double back;
  EXPECT(number_parse_float(slice_of(text), &back) == NUMBER_OK && back == f);
  EXPECT(strtod(text, NULL) == f);
  int digits = 0, zeros = 0;
  for (const char *p = text; *p != '\0' && *p != 'e'; p++) {
    if (*p < '0' || *p > '9' || (digits == 0 && *p == '0')) continue;
    digits++;
    zeros = *p == '0' ? zeros + 1 : 0;
  }
  digits -= zeros;
  EXPECT(digits <= 17);
  if (digits > 1) {
    char shorter[64];
    snprintf(shorter, sizeof shorter, "%.*e", digits - 2, f);
    EXPECT(strtod(shorter, NULL) != f);
  }
}

TEST(floats_are_shortest_and_read_back) {
  for (int i = 0; i < 20000; i++) {
    uint64_t bits = random_u64();
    if (i % 4 == 0) bits &= ~((UINT64_C(1) << 52) - 1);                                    /* powers of two */
    if (i % 4 == 1) bits = (bits & 0x800fffffffffffffu) | (uint64_t)(1000 + i % 80) << 52; /* usual sizes */
    double f;
    memcpy(&f, &bits, 8);
    if (!__builtin_isfinite(f) || f == 0) continue;
    check_shortest(f);
    f = (double)(int64_t)(random_u64() % 100000000000u) / 100; /* what people write */
    check_shortest(f + 0.01);
  }
}

static void check_parse(const char *text) {
  double expected = strtod(text, NULL), got = -99;
  enum number_status status = number_parse_float(slice_of(text), &got);
  if (__builtin_isinf(expected)) {
    EXPECT_INT(status, NUMBER_RANGE);
  } else {
    EXPECT(status == NUMBER_OK && got == expected);
    if (status != NUMBER_OK || got != expected) printf("  %s\n", text);
  }
}

TEST(floats_parse_as_the_c_library) {
  char text[4096];
  for (int i = 0; i < 30000; i++) {
    int whole = 1 + (int)(random_u64() % (i % 10 == 0 ? 40 : 12)), fraction = (int)(random_u64() % 20);
    size_t n = 0;
    if (random_u64() % 4 == 0) text[n++] = '-';
    for (int d = 0; d < whole; d++) text[n++] = (char)('0' + random_u64() % 10);
    if (fraction > 0) text[n++] = '.';
    for (int d = 0; d < fraction; d++) text[n++] = (char)('0' + random_u64() % 10);
    text[n] = '\0';
    if (random_u64() % 2) snprintf(text + n, sizeof text - n, "%c%d", "eE"[i & 1], (int)(random_u64() % 80) - 40);
    if (random_u64() % 16 == 0) snprintf(text + n, sizeof text - n, "e%+d", (int)(random_u64() % 800) - 400);
    check_parse(text);
  }
  check_parse("9007199254740993"); /* a tie: to even */
  check_parse("9007199254740993.00000000000000000000000000000000000000000000000000001");
  check_parse("1.7976931348623158e308");
  check_parse("1.7976931348623159e308");
  check_parse("2.4703282292062327208e-324");
  check_parse("2.4703282292062328e-324");
  check_parse("1e-400");
  check_parse("0e999999999999999999999");
  check_parse("0.000e-99999999999999999999");
  check_parse("1e99999999999999999999");
  check_parse("1e-99999999999999999999");
}

TEST(floats_with_an_exponent_read_back) {
  static const struct {
    double f;
    const char *text;
  } cases[] = {{0, "0e0"},
               {-0.0, "0e0"},
               {1, "1e0"},
               {-10, "-1e1"},
               {0.5, "5e-1"},
               {347e18, "3.47e20"},
               {1e21, "1e21"},
               {9.223372036854776e18, "9.223372036854776e18"},
               {5e-324, "5e-324"},
               {1.7976931348623157e308, "1.7976931348623157e308"},
               {-0.000011566666666666667, "-1.1566666666666667e-5"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[NUMBER_TEXT_MAX];
    double back = 1;
    EXPECT_INT(number_exponent_text(text, cases[i].f), strlen(cases[i].text));
    EXPECT_TEXT(text, cases[i].text);
    EXPECT_INT(number_parse_float(slice_of(text), &back), NUMBER_OK);
    EXPECT(back == cases[i].f);
  }
}

TEST(long_float_texts) {
  static char text[300100];
  double f;
  /* A halfway case that only its 900th digit decides. */
  memset(text, '0', sizeof text);
  memcpy(text, "9007199254740993.", 17);
  text[1000] = '\0';
  EXPECT(number_parse_float(slice_of(text), &f) == NUMBER_OK && f == 9007199254740992.0);
  text[999] = '1';
  EXPECT(number_parse_float(slice_of(text), &f) == NUMBER_OK && f == 9007199254740994.0);
  text[999] = '0';
  memcpy(text + 1000, "e-15", 5);
  check_parse(text);
  /* Zeros undone by an exponent, beyond any small counter. */
  memset(text, '0', sizeof text);
  memcpy(text, "0.", 2);
  memcpy(text + 200000, "125e200000", 11);
  EXPECT(number_parse_float(slice_of(text), &f) == NUMBER_OK && f == 12.5);
  memset(text, '0', sizeof text);
  text[0] = '1';
  memcpy(text + 250000, "e-249999", 9);
  EXPECT(number_parse_float(slice_of(text), &f) == NUMBER_OK && f == 1);
  memset(text, '7', 100000);
  memcpy(text + 100000, "e-99999", 8);
  EXPECT(number_parse_float(slice_of(text), &f) == NUMBER_OK && f > 7.77 && f < 7.78);
}

TEST(a_locale_with_a_decimal_comma_changes_nothing) {
  static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "fr_FR.utf8"};
  bool found = false;
  for (size_t i = 0; !found && i < sizeof names / sizeof names[0]; i++) found = setlocale(LC_ALL, names[i]) != NULL;
  if (!found) printf("skipped: no locale with a decimal comma on this machine\n");
  double f;
  EXPECT_TEXT(shortest(1.0 / 3), "0.3333333333333333");
  EXPECT_TEXT(shortest(1.5e300), "1.5e+300");
  EXPECT(number_parse_float(SLICE("1.7976931348623157e308"), &f) == NUMBER_OK && f == DBL_MAX);
  EXPECT_INT(number_parse_float(SLICE("1,5"), &f), NUMBER_BAD);
  setlocale(LC_ALL, "C");
}

TEST(what_is_no_float) {
  static const char *const bad[] = {"",     "-",     "+1",  ".5",  "5.", "1e",      "1e+",  "1.e5",
                                    "0x10", "inf",   "nan", "1 ",  " 1", "1..2",    "1.2.", "1e5.",
                                    "--1",  "1e1e1", "1,5", "-.1", "e5", "Infinity"};
  double f = 77;
  int64_t m = 77;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    EXPECT_INT(number_parse_float(slice_of(bad[i]), &f), NUMBER_BAD);
    EXPECT_INT(decimal_parse(slice_of(bad[i]), 2, DECIMAL_EXACT, &m), NUMBER_BAD);
  }
  EXPECT(f == 77 && m == 77);
  EXPECT_INT(number_parse_float((struct slice){NULL, 0}, &f), NUMBER_BAD);
  EXPECT_INT(number_parse_int((struct slice){NULL, 0}, &m), NUMBER_BAD);
  EXPECT_INT(decimal_parse((struct slice){NULL, 0}, 0, DECIMAL_EXACT, &m), NUMBER_BAD);
  EXPECT(number_parse_float(SLICE("-0.0"), &f) == NUMBER_OK && f == 0 && !__builtin_signbit(f));
}

TEST(quotients_are_rounded_once) {
  EXPECT(number_quotient(1, 3) == 1.0 / 3);
  EXPECT(number_quotient(-1, 3) == -1.0 / 3);
  EXPECT(number_quotient(0, 7) == 0);
  __int128 big = (__int128)1 << 126;
  EXPECT(number_quotient(big, 1) == 0x1p126);
  EXPECT(number_quotient(1, big) == 0x1p-126);
  EXPECT(number_quotient(big + 1, big) == 1);
  EXPECT(number_quotient(-big, big) == -1);
  __int128 least = -big - big;
  EXPECT(number_quotient(least, 1) == -0x1p127);
  EXPECT(number_quotient((INT64_C(1) << 53) + 1, 1) == 9007199254740992.0);  /* a tie, to even */
  EXPECT(number_quotient(((__int128)1 << 54) + 3, 2) == 9007199254740994.0); /* 2^53 + 1.5 */
  EXPECT(number_quotient(((((__int128)1 << 53) + 1) << 60) + 1, (__int128)1 << 60) ==
         9007199254740994.0); /* above a tie */
  EXPECT(number_quotient(((((__int128)1 << 53) + 1) << 60) - 1, (__int128)1 << 60) == 9007199254740992.0); /* below */
  for (int i = 0; i < 20000; i++) { /* against long double where that is exact enough to be sure */
    int64_t a = (int64_t)random_u64(), b = (int64_t)(random_u64() >> (1 + i % 60)) + 1;
    long double exact = (long double)a / (long double)b;
    double low = (double)(exact * (1 - 0x1p-62L)), high = (double)(exact * (1 + 0x1p-62L));
    if (low == high) EXPECT(number_quotient(a, b) == low);
  }
}

static int64_t parsed(const char *text, unsigned scale, enum decimal_rounding rounding) {
  int64_t out = 0;
  enum number_status status = decimal_parse(slice_of(text), scale, rounding, &out);
  return status == NUMBER_OK ? out : -1000000 - (int64_t)status;
}
#define EXACT(text, scale) parsed(text, scale, DECIMAL_EXACT)
#define EVEN(text, scale) parsed(text, scale, DECIMAL_HALF_EVEN)

TEST(decimals_parse_exactly) {
  EXPECT_INT(EXACT("12.34", 2), 1234);
  EXPECT_INT(EXACT("-12.34", 2), -1234);
  EXPECT_INT(EXACT("12", 2), 1200);
  EXPECT_INT(EXACT("-0", 2), 0);
  EXPECT_INT(EXACT("-0.00", 2), 0);
  EXPECT_INT(EXACT("12.3400000000000000000000000000000000000000", 2), 1234); /* trailing zeros are not digits */
  EXPECT_INT(EXACT("1.5e1", 0), 15);
  EXPECT_INT(EXACT("150e-1", 0), 15);
  EXPECT_INT(EXACT("1E2", 2), 10000);
  EXPECT_INT(EXACT("1e+2", 0), 100);
  EXPECT_INT(EXACT("12.345", 2), -1000000 - NUMBER_DIGITS);
  EXPECT_INT(EXACT("12.3450", 2), -1000000 - NUMBER_DIGITS);
  EXPECT_INT(EXACT("1e-3", 2), -1000000 - NUMBER_DIGITS);
  EXPECT_INT(EXACT("1e-1000000", 2), -1000000 - NUMBER_DIGITS);
  EXPECT_INT(EXACT("0e-1000000", 2), 0);
  EXPECT_INT(EXACT("0e1000000000000000000000", 2), 0);
  EXPECT_INT(EXACT("1e1000000000000000000000", 2), -1000000 - NUMBER_RANGE);
  EXPECT_INT(EXACT("92233720368547758.07", 2), INT64_MAX);
  EXPECT_INT(EXACT("-92233720368547758.08", 2), INT64_MIN);
  EXPECT_INT(EXACT("92233720368547758.08", 2), -1000000 - NUMBER_RANGE);
  EXPECT_INT(EXACT("-92233720368547758.09", 2), -1000000 - NUMBER_RANGE);
  EXPECT_INT(EXACT("0.000000000000000001", 18), 1);
  EXPECT_INT(EXACT("9.223372036854775807", 18), INT64_MAX);
  EXPECT_INT(EXACT("10", 18), -1000000 - NUMBER_RANGE);
  EXPECT_INT(EXACT("99999999999999999999999e-20", 2), -1000000 - NUMBER_DIGITS);
  EXPECT_INT(EXACT("0000000000000000000000000012.30", 2), 1230);
  EXPECT_INT(EXACT("123456789012345678", 2), -1000000 - NUMBER_RANGE); /* 18 digits and two more do not fit */
  EXPECT_INT(EXACT("12345678901234567", 2), 1234567890123456700);
}

TEST(decimals_round_half_even) {
  EXPECT_INT(EVEN("0.125", 2), 12);
  EXPECT_INT(EVEN("0.135", 2), 14);
  EXPECT_INT(EVEN("0.1250000000000000000000000000001", 2), 13);
  EXPECT_INT(EVEN("0.12499999999999999999999999999", 2), 12);
  EXPECT_INT(EVEN("-0.125", 2), -12);
  EXPECT_INT(EVEN("-0.135", 2), -14);
  EXPECT_INT(EVEN("0.5", 0), 0);
  EXPECT_INT(EVEN("1.5", 0), 2);
  EXPECT_INT(EVEN("5e-1", 0), 0);
  EXPECT_INT(EVEN("6e-1", 0), 1);
  EXPECT_INT(EVEN("6e-2", 0), 0);
  EXPECT_INT(EVEN("99e-900", 2), 0);
  EXPECT_INT(EVEN("9223372036854775807.5", 0), -1000000 - NUMBER_RANGE);
  EXPECT_INT(EVEN("-9223372036854775808.5", 0), INT64_MIN);
  EXPECT_INT(EVEN("18446744073709551615.9", 0), -1000000 - NUMBER_RANGE);
  EXPECT_INT(parsed("2.5", 0, DECIMAL_HALF_AWAY), 3);
  EXPECT_INT(parsed("-2.5", 0, DECIMAL_HALF_AWAY), -3);
  EXPECT_INT(parsed("-2.1", 0, DECIMAL_FLOOR), -3);
  EXPECT_INT(parsed("-2.9", 0, DECIMAL_CEIL), -2);
  EXPECT_INT(parsed("2.1", 0, DECIMAL_CEIL), 3);
}

TEST(decimal_parse_and_rescale_agree) {
  for (int i = 0; i < 50000; i++) {
    unsigned scale = (unsigned)(random_u64() % 19), new_scale = (unsigned)(random_u64() % 19);
    int64_t mantissa = (int64_t)random_u64() >> (random_u64() % 60);
    enum decimal_rounding rounding = (enum decimal_rounding)(random_u64() % 5);
    char text[DECIMAL_TEXT_MAX];
    decimal_text(text, mantissa, scale);
    int64_t by_text = 5, by_number = 5, by_wide = 5;
    enum number_status a = decimal_parse(slice_of(text), new_scale, rounding, &by_text);
    enum number_status b = decimal_rescale(mantissa, scale, new_scale, rounding, &by_number);
    enum number_status c = decimal_narrow((__int128)mantissa * 1000, scale + 3, new_scale, rounding, &by_wide);
    EXPECT(a == b && b == c && by_text == by_number && by_number == by_wide);
  }
}

TEST(decimal_texts) {
  char text[DECIMAL_TEXT_MAX];
  EXPECT_INT(decimal_text(text, 300, 2), 4);
  EXPECT_TEXT(text, "3.00");
  decimal_text(text, -5, 3);
  EXPECT_TEXT(text, "-0.005");
  decimal_text(text, 0, 0);
  EXPECT_TEXT(text, "0");
  decimal_text(text, 0, 2);
  EXPECT_TEXT(text, "0.00");
  decimal_text(text, INT64_MIN, 18);
  EXPECT_TEXT(text, "-9.223372036854775808");
  __int128 most = (__int128)(~(unsigned __int128)0 >> 1);
  decimal_text(text, most, 2);
  EXPECT_TEXT(text, "1701411834604692317316873037158841057.27");
  decimal_text(text, -most - 1, 0);
  EXPECT_TEXT(text, "-170141183460469231731687303715884105728");
  decimal_text(text, (__int128)INT64_MAX * 1000000, 6);
  EXPECT_TEXT(text, "9223372036854775807.000000");
}

TEST(decimals_narrow_from_sums) {
  int64_t out = 1;
  EXPECT_INT(decimal_narrow((__int128)INT64_MAX * 10, 1, 0, DECIMAL_EXACT, &out), NUMBER_OK);
  EXPECT_INT(out, INT64_MAX);
  EXPECT_INT(decimal_narrow((__int128)INT64_MAX + 1, 0, 0, DECIMAL_EXACT, &out), NUMBER_RANGE);
  EXPECT_INT(decimal_narrow((__int128)INT64_MIN, 0, 0, DECIMAL_EXACT, &out), NUMBER_OK);
  EXPECT_INT(out, INT64_MIN);
  __int128 power_36 = (__int128)1000000000000000000 * 1000000000000000000;
  EXPECT_INT(decimal_narrow(power_36 * 5 / 2, 36, 0, DECIMAL_HALF_EVEN, &out), NUMBER_OK);
  EXPECT_INT(out, 2);
  EXPECT_INT(decimal_narrow(power_36, 36, 18, DECIMAL_EXACT, &out), NUMBER_OK);
  EXPECT_INT(out, 1000000000000000000);
  EXPECT_INT(decimal_narrow(power_36, 0, 18, DECIMAL_EXACT, &out), NUMBER_RANGE);
  EXPECT_INT(decimal_power(18), 1000000000000000000);
}

TEST(order_of_decimals) {
  EXPECT(decimal_compare(150, 2, 15, 1) == 0);
  EXPECT(decimal_compare(151, 2, 15, 1) > 0);
  EXPECT(decimal_compare(INT64_MAX, 0, INT64_MAX, 18) > 0);
  EXPECT(decimal_compare(INT64_MIN, 0, INT64_MIN, 18) < 0);
  EXPECT(decimal_compare(0, 0, 0, 18) == 0);
}

/* The next double above (1) or below (-1). */
static double neighbour(double f, int step) {
  uint64_t bits;
  if (f == 0) return step > 0 ? 0x1p-1074 : -0x1p-1074;
  memcpy(&bits, &f, 8);
  bits += (uint64_t)(int64_t)(f > 0 ? step : -step);
  memcpy(&f, &bits, 8);
  return f;
}

TEST(order_against_floats_is_exact) {
  EXPECT(decimal_compare_float(1, 1, 0.1) < 0); /* the double next to 0.1 is a little more */
  EXPECT(decimal_compare_float(3, 1, 0.3) > 0); /* and that next to 0.3 a little less */
  EXPECT(decimal_compare_float(5, 1, 0.5) == 0);
  EXPECT(decimal_compare_float(-5, 1, -0.5) == 0);
  EXPECT(decimal_compare_float(9007199254740993, 0, 9007199254740992.0) > 0);
  EXPECT(decimal_compare_float(INT64_MAX, 0, 9223372036854775808.0) < 0);
  EXPECT(decimal_compare_float(INT64_MIN, 0, -9223372036854775808.0) == 0);
  EXPECT(decimal_compare_float(INT64_MIN, 0, -1e300) > 0);
  EXPECT(decimal_compare_float(INT64_MAX, 18, DBL_MAX) < 0);
  EXPECT(decimal_compare_float(1, 18, 0x1p-1074) > 0);
  EXPECT(decimal_compare_float(-1, 18, -0x1p-1074) < 0);
  EXPECT(decimal_compare_float(0, 5, 0x1p-1074) < 0);
  EXPECT(decimal_compare_float(0, 5, -0.0) == 0);
  EXPECT(decimal_compare_float(1, 0, -1) > 0);
  for (int i = 0; i < 50000; i++) { /* the neighbours of the nearest double stand on both sides */
    int64_t mantissa = (int64_t)random_u64() >> (random_u64() % 63);
    unsigned scale = (unsigned)(random_u64() % 19);
    double nearest = decimal_to_float(mantissa, scale);
    EXPECT(decimal_compare_float(mantissa, scale, neighbour(nearest, 1)) < 0);
    EXPECT(decimal_compare_float(mantissa, scale, neighbour(nearest, -1)) > 0);
    char text[DECIMAL_TEXT_MAX];
    decimal_text(text, mantissa, scale);
    EXPECT(strtod(text, NULL) == nearest);
  }
}

TEST_MAIN
