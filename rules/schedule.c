/* schedule.c - reads the text of `schedule` and answers for a time. check_rule.c has the text judged, lower_rule.c
 * keeps the ranges, engine/schedule.c asks. Owns nothing. */
#include "rules/schedule.h"

#include <string.h>

#include "base/time_text.h"

enum {
  DAY_MINUTES = 24 * 60,
  DAYS = 7,
  EPOCH_DAY = 3, /* 1970-01-01 was a Thursday; Monday is 0 */
};

struct reader {
  struct slice text;
  size_t at;
  struct schedule_error error;
  int32_t changes[SCHEDULE_WEEK_MINUTES + 1]; /* how many hours begin less how many end at each minute of the week */
};

static bool fail(struct reader *reader, size_t from, size_t length, const char *text) {
  reader->error = (struct schedule_error){.text = text, .offset = from, .length = length == 0 ? 1 : length};
  return false;
}

static char byte_at(const struct reader *reader, size_t at) {
  return at < reader->text.length ? reader->text.data[at] : '\0';
}
static bool is_letter(char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }
static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

static void skip_blanks(struct reader *reader) {
  while (byte_at(reader, reader->at) == ' ' || byte_at(reader, reader->at) == '\t') reader->at++;
}

/* The next byte that is no blank, or NUL at the end. */
static char next_byte(struct reader *reader) {
  skip_blanks(reader);
  return byte_at(reader, reader->at);
}

static bool accept(struct reader *reader, char byte) {
  if (next_byte(reader) != byte) return false;
  reader->at++;
  return true;
}

static bool read_day(struct reader *reader, unsigned *day) {
  static const char names[DAYS][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  skip_blanks(reader);
  size_t from = reader->at;
  while (is_letter(byte_at(reader, reader->at))) reader->at++;
  size_t length = reader->at - from;
  for (*day = 0; *day < DAYS; ++*day)
    if (length == 3 && memcmp(reader->text.data + from, names[*day], 3) == 0) return true;
  return fail(reader, from, length, "expected a day: Mon, Tue, Wed, Thu, Fri, Sat or Sun");
}

/* *days: a bit for each, Monday is the lowest. */
static bool read_days(struct reader *reader, unsigned *days) {
  *days = 0;
  do {
    unsigned first, last;
    if (!read_day(reader, &first)) return false;
    last = first;
    if (accept(reader, '-') && !read_day(reader, &last)) return false;
    for (unsigned day = first;; day = (day + 1) % DAYS) {
      *days |= 1u << day;
      if (day == last) break;
    }
  } while (accept(reader, ','));
  if (is_digit(next_byte(reader))) return true;
  return fail(reader, reader->at, 1, "expected hours behind the days, as 09:00-17:00");
}

static bool read_clock(struct reader *reader, unsigned *minutes) {
  skip_blanks(reader);
  size_t from = reader->at;
  while (is_digit(byte_at(reader, reader->at)) || byte_at(reader, reader->at) == ':') reader->at++;
  const char *text = reader->text.data + from;
  size_t length = reader->at - from;
  if ((length != 4 && length != 5) || text[length - 3] != ':' || !is_digit(text[0]) || !is_digit(text[length - 4]) ||
      !is_digit(text[length - 2]) || !is_digit(text[length - 1]))
    return fail(reader, from, length, "expected a time of day as 09:00");
  unsigned hour = (unsigned)(text[length - 4] - '0') + (length == 5 ? 10u * (unsigned)(text[0] - '0') : 0);
  unsigned minute = 10u * (unsigned)(text[length - 2] - '0') + (unsigned)(text[length - 1] - '0');
  *minutes = hour * 60 + minute;
  if (minute > 59 || *minutes > DAY_MINUTES) return fail(reader, from, length, "no such time of day: 00:00 to 24:00");
  return true;
}

static void add_hours(struct reader *reader, unsigned days, unsigned from, unsigned until) {
  if (until < from) until += DAY_MINUTES;
  for (unsigned day = 0; day < DAYS; day++) {
    if ((days >> day & 1) == 0) continue;
    unsigned start = day * DAY_MINUTES + from, end = day * DAY_MINUTES + until;
    reader->changes[start]++;
    if (end > SCHEDULE_WEEK_MINUTES) { /* from Sunday to Monday */
      reader->changes[0]++;
      end -= SCHEDULE_WEEK_MINUTES;
    }
    reader->changes[end]--;
  }
}

static bool read_hours(struct reader *reader, unsigned days) {
  do {
    unsigned from, until;
    skip_blanks(reader);
    size_t at = reader->at;
    if (!read_clock(reader, &from)) return false;
    if (from == DAY_MINUTES) return fail(reader, at, reader->at - at, "hours begin before 24:00");
    if (!accept(reader, '-')) return fail(reader, reader->at, 1, "expected `-` and when the hours end, as 09:00-17:00");
    if (!read_clock(reader, &until)) return false;
    if (from == until)
      return fail(reader, at, reader->at - at, "hours begin and end at different times; 00:00-24:00 is a whole day");
    add_hours(reader, days, from, until);
    size_t before = reader->at;
    if (accept(reader, ',') && is_digit(next_byte(reader))) continue;
    reader->at = before;
    return true;
  } while (true);
}

static bool read_all(struct reader *reader) {
  do {
    unsigned days = (1u << DAYS) - 1;
    char next = next_byte(reader);
    if (!is_letter(next) && !is_digit(next))
      return fail(reader, reader->at, 1, "expected days and hours, as Mon-Fri 09:00-17:00");
    if (is_letter(next) && !read_days(reader, &days)) return false;
    if (!read_hours(reader, days)) return false;
  } while (accept(reader, ';') || accept(reader, ','));
  if (reader->at < reader->text.length) return fail(reader, reader->at, 1, "expected `;` and more hours, or the end");
  return true;
}

/* Ranges from the changes, joined where they overlap or touch; `ranges` NULL: their number alone. */
static uint16_t make_ranges(const int32_t *changes, struct schedule_range *ranges) {
  uint16_t count = 0;
  int32_t open = 0;
  for (unsigned minute = 0; minute <= SCHEDULE_WEEK_MINUTES; minute++) {
    int32_t before = open;
    open = minute < SCHEDULE_WEEK_MINUTES ? open + changes[minute] : 0;
    if (before == 0 && open > 0) {
      if (ranges != NULL) ranges[count].from = (uint16_t)minute;
      count++;
    }
    if (before > 0 && open == 0 && ranges != NULL) ranges[count - 1].until = (uint16_t)minute;
  }
  return count;
}

bool schedule_parse(struct arena *arena, struct slice text, struct schedule *out, struct schedule_error *error) {
  struct reader reader = {.text = text};
  if (!read_all(&reader)) {
    *error = reader.error;
    return false;
  }
  if (arena == NULL) return true;
  uint16_t count = make_ranges(reader.changes, NULL);
  struct schedule_range *ranges = arena_array(arena, struct schedule_range, count);
  make_ranges(reader.changes, ranges);
  *out = (struct schedule){.count = count, .ranges = ranges};
  return true;
}

bool schedule_holds(const struct schedule *schedule, const struct zone *zone, int64_t time) {
  int64_t local = zone == NULL ? time : zone_local_us(zone, time);
  int64_t minutes = local / TIME_MINUTE_US - (local % TIME_MINUTE_US < 0);
  int64_t in_week =
      (minutes % SCHEDULE_WEEK_MINUTES + EPOCH_DAY * DAY_MINUTES + SCHEDULE_WEEK_MINUTES) % SCHEDULE_WEEK_MINUTES;
  const struct schedule_range *base = schedule->ranges;
  for (uint16_t length = schedule->count; length > 1;) { /* the last that begins at or before it */
    uint16_t half = length / 2;
    base = base[half].from <= in_week ? base + half : base;
    length = (uint16_t)(length - half);
  }
  return base->from <= in_week && in_week < base->until;
}
