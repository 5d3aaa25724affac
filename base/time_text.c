/* time_text.c - times and durations as text. Called by the decoders (once an event: the fast path), the lexer, value.c.
 * The day arithmetic is that of Howard Hinnant, "chrono-compatible low-level date algorithms". */
#include "base/time_text.h"

#include <stdbool.h>
#include <string.h>

#include "base/number_text.h"

enum { DAYS_TO_1970 = 719468, DAYS_PER_ERA = 146097, YEARS_PER_ERA = 400, FRACTION_DIGITS_MAX = 6 };

static const char *const bad_form = "expected a time as 2026-11-21T10:00:00Z";
static const char *const bad_zone = "a time needs `Z` or an offset as +01:00";

static int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Years begin in March here, so that the leap day is the last one of its year. */
int64_t time_days_from_civil(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = floor_divide(year, YEARS_PER_ERA);
  int64_t year_of_era = year - era * YEARS_PER_ERA;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

struct civil time_to_civil(int64_t us) {
  int64_t days = floor_divide(us, TIME_DAY_US);
  int64_t in_day = us % TIME_DAY_US; /* not us - days * …, which overflows at the first day of all */
  if (in_day < 0) in_day += TIME_DAY_US;
  struct civil civil;
  civil.day_of_week = (int)((days % 7 + 10) % 7) + 1; /* 1970-01-01 was a Thursday */
  days += DAYS_TO_1970;
  int64_t era = floor_divide(days, DAYS_PER_ERA);
  int64_t day_of_era = days - era * DAYS_PER_ERA;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t month = (5 * day_of_year + 2) / 153;
  civil.day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
  civil.month = (int)(month < 10 ? month + 3 : month - 9);
  civil.year = year_of_era + era * YEARS_PER_ERA + (civil.month <= 2);
  civil.microsecond = (int)(in_day % TIME_SECOND_US);
  int seconds = (int)(in_day / TIME_SECOND_US);
  civil.second = seconds % 60;
  civil.minute = seconds / 60 % 60;
  civil.hour = seconds / 3600;
  return civil;
}

int64_t time_from_civil(const struct civil *civil) {
  int64_t days = time_days_from_civil(civil->year, civil->month, civil->day);
  return days * TIME_DAY_US + civil->hour * TIME_HOUR_US + civil->minute * TIME_MINUTE_US +
         civil->second * TIME_SECOND_US + civil->microsecond;
}

static bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int time_days_in_month(int64_t year, int month) {
  static const int8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month] + (month == 2 && is_leap(year));
}

/* Eight bytes as a number, the first one lowest. */
#define EIGHT(a, b, c, d, e, f, g, h)                                                                                  \
  ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | (uint64_t)(e) << 32 |              \
   (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "EIGHT() is compared with bytes in memory");

/* What stands in a place of a time's text, and what may be added to it there after the xor with `zeros` without
 * reaching the top bit: a digit leaves 0..9, and 9 + 0x76 = 0x7f; anything else must leave 0, and 0 + 0x7f = 0x7f. */
enum { D = '0', ANY = 0x76, NONE = 0x7f };

/* Whether the bytes at `p` are as `zeros` says, with any digit where it has '0'. Byte i of *pairs is then the number
 * of the digits at i and i + 1. */
static inline bool digits_fit(const char *p, uint64_t zeros, uint64_t slack, uint64_t *pairs) {
  uint64_t bytes;
  memcpy(&bytes, p, 8);
  bytes ^= zeros;
  *pairs = bytes * 10 + (bytes >> 8);
  return (((bytes + slack) | bytes) & UINT64_C(0x8080808080808080)) == 0;
}
static inline int pair_at(uint64_t pairs, int i) { return (int)(pairs >> (8 * i) & 0xff); }

static bool two_digits(const char *p, int *out) {
  unsigned tens = (unsigned char)(p[0] - '0'), ones = (unsigned char)(p[1] - '0');
  *out = (int)(tens * 10 + ones);
  return tens <= 9 && ones <= 9;
}

/* `.` and 1 to 6 digits at *p, which is moved behind them. */
static const char *parse_fraction(const char **p, const char *end, int *microsecond) {
  const char *digit = *p + 1;
  int count = 0, value = 0;
  for (; digit < end && (unsigned char)(*digit - '0') <= 9; digit++) {
    if (++count > FRACTION_DIGITS_MAX) return "a time has at most 6 fraction digits";
    value = value * 10 + (*digit - '0');
  }
  if (count == 0) return bad_form;
  for (; count < FRACTION_DIGITS_MAX; count++) value *= 10;
  *microsecond = value;
  *p = digit;
  return NULL;
}

static const char *parse_offset(const char *p, const char *end, int64_t *offset_us) {
  *offset_us = 0;
  if (p == end) return bad_zone;
  if ((*p == 'Z' || *p == 'z') && p + 1 == end) return NULL;
  int hours, minutes;
  if (end - p != 6 || (*p != '+' && *p != '-') || !two_digits(p + 1, &hours) || p[3] != ':' ||
      !two_digits(p + 4, &minutes))
    return bad_zone;
  if (hours > 23 || minutes > 59) return "no such offset: +23:59 is the largest";
  *offset_us = hours * TIME_HOUR_US + minutes * TIME_MINUTE_US;
  if (*p == '-') *offset_us = -*offset_us;
  return NULL;
}

static const char *check_civil(const struct civil *civil) {
  if (civil->year == 0) return "years are 0001 to 9999";
  if (civil->month < 1 || civil->month > 12) return "no such month";
  if (civil->day < 1 || civil->day > time_days_in_month(civil->year, civil->month)) return "no such day in that month";
  if (civil->second == 60) return "leap seconds (:60) are not taken";
  if (civil->hour > 23 || civil->minute > 59 || civil->second > 59) return "no such time of day";
  return NULL;
}

/* The digits up to the seconds, at 19 bytes; false if they do not stand where they should. */
static bool read_digits(const char *p, struct civil *civil) {
  uint64_t date, hour, second;
  bool fits = digits_fit(p, EIGHT(D, D, D, D, '-', D, D, '-'), EIGHT(ANY, ANY, ANY, ANY, NONE, ANY, ANY, NONE), &date);
  uint64_t slack = EIGHT(ANY, ANY, NONE, ANY, ANY, NONE, ANY, ANY);
  if (!digits_fit(p + 8, EIGHT(D, D, 'T', D, D, ':', D, D), slack, &hour))
    fits = fits && digits_fit(p + 8, EIGHT(D, D, 't', D, D, ':', D, D), slack, &hour);
  fits = fits && digits_fit(p + 11, EIGHT(D, D, ':', D, D, ':', D, D), slack, &second);
  if (!fits) return false;
  *civil = (struct civil){
      .year = pair_at(date, 0) * 100 + pair_at(date, 2),
      .month = pair_at(date, 5),
      .day = pair_at(hour, 0),
      .hour = pair_at(second, 0),
      .minute = pair_at(second, 3),
      .second = pair_at(second, 6),
  };
  return true;
}

const char *time_parse(struct slice text, int64_t *us) {
  if (text.length < 19) return bad_form;
  const char *p = text.data, *end = p + text.length;
  struct civil civil;
  if (!read_digits(p, &civil)) return bad_form;
  const char *wrong = check_civil(&civil);
  if (wrong != NULL) return wrong;
  p += 19;
  int64_t offset_us = 0;
  if (p < end && *p == '.' && (wrong = parse_fraction(&p, end, &civil.microsecond)) != NULL) return wrong;
  if ((end - p != 1 || *p != 'Z') && (wrong = parse_offset(p, end, &offset_us)) != NULL) return wrong;
  int64_t at = time_from_civil(&civil) - offset_us;
  if (at < TIME_MIN_US || at > TIME_MAX_US) return "years are 0001 to 9999, in UTC";
  *us = at;
  return NULL;
}

static void put_digits(char *out, int number, int count) {
  while (count > 0) {
    out[--count] = (char)('0' + number % 10);
    number /= 10;
  }
}

unsigned time_text(char out[TIME_TEXT_MAX], int64_t us) {
  struct civil civil = time_to_civil(us < TIME_MIN_US ? TIME_MIN_US : us > TIME_MAX_US ? TIME_MAX_US : us);
  put_digits(out, (int)civil.year, 4);
  char *p = out + 4;
  memcpy(p, "-00-00T00:00:00", 15);
  put_digits(p + 1, civil.month, 2);
  put_digits(p + 4, civil.day, 2);
  put_digits(p + 7, civil.hour, 2);
  put_digits(p + 10, civil.minute, 2);
  put_digits(p + 13, civil.second, 2);
  p += 15;
  if (civil.microsecond != 0) {
    *p = '.';
    put_digits(p + 1, civil.microsecond, FRACTION_DIGITS_MAX);
    p += 1 + FRACTION_DIGITS_MAX;
    while (p[-1] == '0') p--;
  }
  *p++ = 'Z';
  *p = '\0';
  return (unsigned)(p - out);
}

void time_write(struct buf *out, int64_t us) {
  char text[TIME_TEXT_MAX];
  buf_add(out, text, time_text(text, us));
}

static const struct unit {
  char name[3];
  int64_t us;
} units[] = {{"w", TIME_WEEK_US}, {"d", TIME_DAY_US}, {"h", TIME_HOUR_US}, {"m", TIME_MINUTE_US}, {"s", TIME_SECOND_US},
             {"ms", 1000},        {"us", 1}};
enum { UNITS = sizeof units / sizeof units[0] };

/* The unit whose name is all the letters at `p`; UNITS if there is none. */
static int find_unit(const char *p, size_t length) {
  for (int i = 0; i < UNITS; i++)
    if (strlen(units[i].name) == length && memcmp(units[i].name, p, length) == 0) return i;
  return UNITS;
}

const char *duration_parse(struct slice text, int64_t *us) {
  static const char *const bad = "expected a duration as 30m or 1h30m (units w d h m s ms us)";
  static const char *const range = "the duration is out of range";
  if (text.length == 0) return bad;
  const char *p = text.data, *end = p + text.length;
  bool negative = p < end && *p == '-';
  p += negative;
  if (p == end) return bad;
  int64_t sum = 0; /* negative all the way: there is one negative number more */
  for (int last = -1; p < end;) {
    const char *number = p;
    while (p < end && (unsigned char)(*p - '0') <= 9) p++;
    int64_t count;
    if (p == number) return bad;
    if (number_parse_int((struct slice){number, (size_t)(p - number)}, &count) != NUMBER_OK) return range;
    const char *letters = p;
    while (p < end && *p >= 'a' && *p <= 'z') p++;
    int unit = find_unit(letters, (size_t)(p - letters));
    if (unit == UNITS) return bad;
    if (unit <= last) return "a duration's units stand in falling order, each once: 1h30m";
    last = unit;
    if (__builtin_mul_overflow(count, -units[unit].us, &count) || __builtin_add_overflow(sum, count, &sum))
      return range;
  }
  if (!negative && sum == INT64_MIN) return range;
  *us = negative ? sum : -sum;
  return NULL;
}

unsigned duration_text(char out[DURATION_TEXT_MAX], int64_t us) {
  unsigned length = 0;
  uint64_t rest = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
  if (us < 0) out[length++] = '-';
  if (rest == 0) {
    memcpy(out, "0s", 3);
    return 2;
  }
  for (int i = rest % (uint64_t)TIME_WEEK_US == 0 ? 0 : 1; i < UNITS && rest != 0; i++) {
    uint64_t count = rest / (uint64_t)units[i].us;
    if (count == 0) continue;
    rest %= (uint64_t)units[i].us;
    length += number_int_text(out + length, (int64_t)count);
    for (const char *name = units[i].name; *name != '\0'; name++) out[length++] = *name;
  }
  out[length] = '\0';
  return length;
}

void duration_write(struct buf *out, int64_t us) {
  char text[DURATION_TEXT_MAX];
  buf_add(out, text, duration_text(text, us));
}
