/* json_fast.c - see json_fast.h. The second tier: what is longer, or has a minus, and times of another minute. */
#include "base/json_fast.h"

#include "base/time_text.h"

enum { PART_MAX = 8 }; /* digits before and behind a point, so that nothing overflows */

/* A whole number of up to 15 digits; what follows it, or NULL. */
static const char *whole_read(const char *at, int64_t *whole) {
  const char *digits = json_past_minus(at);
  unsigned count = (unsigned)__builtin_ctz(json_not_digit_bits(digits));
  if (count - 1 >= JSON_DIGITS_MAX || (*digits == '0' && count > 1)) return NULL;
  char next = digits[count];
  if (next == '.' || (next | 0x20) == 'e') return NULL;
  int64_t i = (int64_t)json_digits(digits, count);
  *whole = digits > at ? -i : i;
  return digits + count;
}

const char *json_long_int(struct value *out, const char *at) {
  int64_t i;
  at = whole_read(at, &i);
  if (at != NULL) *out = value_int(i);
  return at;
}

const char *json_long_count(struct value *out, uint8_t scale, const char *at) {
  int64_t i, unit = scale == 6 ? 1000000 : scale == 3 ? 1000 : 1, us;
  at = whole_read(at, &i);
  if (at == NULL || __builtin_mul_overflow(i, unit, &us) || us < TIME_MIN_US || us > TIME_MAX_US) return NULL;
  *out = value_time(us);
  return at;
}

const char *json_long_decimal(struct value *out, uint8_t scale, const char *at) {
  static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
  enum { SCALE_MAX = 8 };
  const char *digits = json_past_minus(at);
  uint32_t stops = json_not_digit_bits(digits);
  unsigned whole = (unsigned)__builtin_ctz(stops), fraction = 0, length = whole;
  if (whole - 1 >= PART_MAX || (*digits == '0' && whole > 1) || scale > SCALE_MAX) return NULL;
  int64_t mantissa = (int64_t)json_digits8(digits, whole) * powers[scale];
  if (digits[whole] == '.') {
    fraction = (unsigned)__builtin_ctz(stops >> (whole + 1));
    if (fraction == 0 || fraction > scale || whole + fraction >= JSON_DIGITS_MAX) return NULL;
    mantissa += (int64_t)json_digits8(digits + whole + 1, fraction) * powers[scale - fraction];
    length += 1 + fraction;
  }
  if ((digits[length] | 0x20) == 'e') return NULL;
  *out = value_decimal(digits > at ? -mantissa : mantissa, scale);
  return digits + length;
}

/* Up to 15 digits: both parts of the quotient are exact, so it is rounded once. */
const char *json_long_float(struct value *out, const char *at) {
  static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
  const char *digits = json_past_minus(at);
  uint32_t stops = json_not_digit_bits(digits);
  unsigned whole = (unsigned)__builtin_ctz(stops), fraction = 0, length = whole;
  if (whole - 1 >= PART_MAX || (*digits == '0' && whole > 1)) return NULL;
  double f = (double)(int64_t)json_digits8(digits, whole);
  if (digits[whole] == '.') {
    fraction = (unsigned)__builtin_ctz(stops >> (whole + 1));
    if (fraction - 1 >= PART_MAX || whole + fraction >= JSON_DIGITS_MAX) return NULL;
    f = (f * powers[fraction] + (double)(int64_t)json_digits8(digits + whole + 1, fraction)) / powers[fraction];
    length += 1 + fraction;
  }
  if ((digits[length] | 0x20) == 'e') return NULL;
  *out = value_float(digits > at && f != 0 ? -f : f);
  return digits + length;
}

/* --- times --- */

/* The day's start for a text that begins as `2026-11-21T`. Asked again only when a new day comes. */
static bool date_learn(struct json_moment *date, const char *at) {
  char text[JSON_DATE_BYTES + 9];
  int64_t start_us;
  memcpy(text, at, JSON_DATE_BYTES);
  memcpy(text + JSON_DATE_BYTES, "00:00:00Z", 9);
  if (text[JSON_DATE_BYTES - 1] != 'T') return false;
  if (time_parse((struct slice){text, sizeof text}, &start_us) != NULL) return false;
  memset(date->text, 0, sizeof date->text);
  memcpy(date->text, at, JSON_DATE_BYTES);
  date->start_us = start_us;
  return start_us >= TIME_MIN_US;
}

/* `"2026-11-21T10:00:00Z"`, with or without 1 to 6 fraction digits. Anything else is left to time_parse(). */
const char *json_long_time(struct json_times *times, struct value *out, const char *at) {
  static const int64_t powers[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
  if (*at != '"') return NULL;
  const char *first = ++at;
  struct json_moment *date = &times->dates[(uint8_t)at[9] % JSON_DATES];
  if (JSON_UNLIKELY(!json_same_short(at, date->text, JSON_DATE_BYTES))) {
    if (!date_learn(date, at)) return NULL;
  }
  at += JSON_DATE_BYTES;
  uint64_t clock = read_u64_little(at) ^ 0x30303A30303A3030u; /* digits become 0 to 9, colons 0 */
  if (((clock + 0x76767F76767F7676u) | clock) & JSON_HIGH_BITS) return NULL;
  clock = clock * 10 + (clock >> 8);
  uint64_t hour = clock & 0xFF, minute = clock >> 24 & 0xFF, second = clock >> 48 & 0xFF;
  if (hour > 23 || minute > 59 || second > 59) return NULL;
  int64_t minute_us = date->start_us + (int64_t)(hour * 60 + minute) * TIME_MINUTE_US;
  int64_t us = minute_us + (int64_t)second * TIME_SECOND_US;
  at += 8;
  if (*at == '.') {
    at++;
    unsigned digits = (unsigned)__builtin_ctz(json_not_digit_bits(at));
    if (digits == 0 || digits > 6) return NULL;
    us += (int64_t)json_digits8(at, digits) * powers[digits];
    at += digits;
  }
  if (at[0] != 'Z' || at[1] != '"') return NULL;
  memcpy(times->minute.text, first, JSON_MINUTE_BYTES);
  times->minute.start_us = minute_us;
  *out = value_time(us);
  return at + 2;
}
