/* function_time.c - the parts of a time, in UTC or as a clock on the wall of a zone shows them. Called through the
 * function table. */
#include "base/check.h"
#include "base/function.h"
#include "base/function_table.h"
#include "base/time_text.h"
#include "base/zone.h"

static int64_t local_us(const struct function_frame *frame) {
  int64_t us = frame->arguments[0].i;
  return frame->zone == NULL ? us : zone_local_us(frame->zone, us);
}

static struct civil civil_of(const struct function_frame *frame) { return time_to_civil(local_us(frame)); }

/* The part of the day that has passed. */
static int64_t day_us(const struct function_frame *frame) {
  int64_t us = local_us(frame) % TIME_DAY_US;
  return us < 0 ? us + TIME_DAY_US : us;
}

struct value function_hour(const struct function_frame *frame) {
  return value_int(day_us(frame) / TIME_HOUR_US);
}
struct value function_minute(const struct function_frame *frame) {
  return value_int(day_us(frame) % TIME_HOUR_US / TIME_MINUTE_US);
}
struct value function_day_of_week(const struct function_frame *frame) {
  return value_int(civil_of(frame).day_of_week);
}
struct value function_day_of_month(const struct function_frame *frame) {
  return value_int(civil_of(frame).day);
}
struct value function_month(const struct function_frame *frame) {
  return value_int(civil_of(frame).month);
}
struct value function_year(const struct function_frame *frame) {
  return value_int(civil_of(frame).year);
}

struct value function_date(const struct function_frame *frame) {
  char text[TIME_TEXT_MAX];
  unsigned length = time_text(text, local_us(frame));
  const char *end = memchr(text, 'T', length);
  check(end != NULL);
  struct slice date = {text, (size_t)(end - text)};
  date.data = arena_copy(frame->scratch, date.data, date.length);
  return value_string(date);
}
