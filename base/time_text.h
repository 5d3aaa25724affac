/* time_text.h - times and durations from text and to text; the civil calendar (proleptic Gregorian, no leap seconds).
 */
#ifndef WEIR_BASE_TIME_TEXT_H
#define WEIR_BASE_TIME_TEXT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define TIME_SECOND_US INT64_C(1000000)
#define TIME_MINUTE_US (60 * TIME_SECOND_US)
#define TIME_HOUR_US (60 * TIME_MINUTE_US)
#define TIME_DAY_US (24 * TIME_HOUR_US)
#define TIME_WEEK_US (7 * TIME_DAY_US)

/* The times that an event may have: years 1 to 9999. */
#define TIME_MIN_US INT64_C(-62135596800000000)
#define TIME_MAX_US INT64_C(253402300799999999)

enum { TIME_TEXT_MAX = 40, DURATION_TEXT_MAX = 64 };

struct civil {
  int64_t year;
  int month, day; /* from 1 */
  int hour, minute, second, microsecond;
  int day_of_week; /* Monday is 1 */
};

int64_t time_days_from_civil(int64_t year, int month, int day); /* days since 1970-01-01; any year that fits */
struct civil time_to_civil(int64_t us);
int64_t time_from_civil(const struct civil *civil); /* day_of_week is not read */
int time_days_in_month(int64_t year, int month);

/* RFC 3339 with `Z` or an offset and at most 6 fraction digits, the whole of `text`. NULL = fine and *us is set, else
 * a static text that says what is wrong ("expected a time as 2026-11-21T10:00:00Z", "no such day", …). */
const char *time_parse(struct slice text, int64_t *us);

/* `2026-11-21T10:00:00Z`, with as many fraction digits as are not zero. RFC 3339 has no other years than those that an
 * event may have: an earlier time is written as the first of them, a later one (a deadline, a sum) as the last. Returns
 * the length; a NUL stands behind it. */
unsigned time_text(char out[TIME_TEXT_MAX], int64_t us);
void time_write(struct buf *out, int64_t us);

/* `30m`, `1h30m`: numbers with the units w d h m s ms us, each at most once and falling; `-` may stand before.
 * NULL = fine, else a static text. */
const char *duration_parse(struct slice text, int64_t *us);

/* What duration_parse() reads back to the same, with the largest units that fit: 90 minutes are `1h30m`, nothing is
 * `0s`; weeks stand only where nothing is left beside them, so that `30d` and `365d` stay what they are. */
unsigned duration_text(char out[DURATION_TEXT_MAX], int64_t us);
void duration_write(struct buf *out, int64_t us);

#endif
