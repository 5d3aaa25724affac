/* json_fast.h - values of the common shapes: read from JSON text in few instructions, or left to somebody else.
 *
 * json_fast_…() take the commonest shapes and are inlined into the loop over a record's members; each hands the rest to
 * json_long_…(), which take some more. What both leave (NULL; nothing was stored then) the general way of decode_json.c
 * judges. All of them store the value at `out` and return what follows it in the text. They may load up to 32 bytes
 * from any byte of the record (decode.h: records are padded), and match none behind its last one: a record ends in `}`,
 * or in NULs. Used by decode_json.c only. */
#ifndef WEIR_BASE_JSON_FAST_H
#define WEIR_BASE_JSON_FAST_H

#include "base/json_plan.h"
#include "base/json_scan.h"

/* Whole numbers of up to 15 digits, numbers of up to 8 digits before and behind the point, times to the microsecond. */
const char *json_long_int(struct value *out, const char *at);
const char *json_long_count(struct value *out, uint8_t scale, const char *at);
const char *json_long_decimal(struct value *out, uint8_t scale, const char *at);
const char *json_long_float(struct value *out, const char *at);
const char *json_long_time(struct json_times *times, struct value *out, const char *at);

static inline const char *json_fast_string(struct value *out, const char *at, const char *end) {
  if (JSON_UNLIKELY(*at != '"')) return NULL;
  const char *text = at + 1, *stop = json_special(text, end);
  if (JSON_UNLIKELY(*stop != '"') || JSON_UNLIKELY(stop >= end)) return NULL;
  *out = value_string((struct slice){text, (size_t)(stop - text)});
  return stop + 1;
}

static inline const char *json_fast_int(struct value *out, const char *at) {
  int64_t number;
  const char *behind = json_short_whole(at, &number);
  if (JSON_UNLIKELY(behind == NULL)) return json_long_int(out, at);
  *out = value_int(number);
  return behind;
}

static inline const char *json_fast_decimal(struct value *out, uint8_t scale, const char *at) {
  static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
  enum { SCALE_MAX = 8 }; /* so that nothing overflows */
  int64_t number;
  unsigned fraction;
  const char *behind = json_short_point(at, &number, &fraction);
  if (JSON_UNLIKELY(behind == NULL)) return json_long_decimal(out, scale, at);
  if (fraction != scale) {
    if (fraction > scale || scale > SCALE_MAX) return json_long_decimal(out, scale, at);
    number *= powers[scale - fraction];
  }
  *out = value_decimal(number, scale);
  return behind;
}

/* Both parts of the quotient are exact, so it is rounded once. */
static inline const char *json_fast_float(struct value *out, const char *at) {
  static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
  int64_t number;
  unsigned fraction;
  const char *behind = json_short_point(at, &number, &fraction);
  if (JSON_UNLIKELY(behind == NULL)) return json_long_float(out, at);
  *out = value_float((double)number / powers[fraction]);
  return behind;
}

static inline const char *json_fast_bool(struct value *out, const char *at) {
  uint64_t five = read_u64_little(at) & 0xFFFFFFFFFFu, four = five & 0xFFFFFFFFu;
  bool is_true = four == 0x65757274u, is_false = five == 0x65736C6166u;
  if (JSON_UNLIKELY(!(is_true | is_false))) return NULL;
  *out = value_bool(is_true);
  return at + 4 + is_false;
}

/* `"2026-11-21T10:00:09.999Z"` in the minute of the last one that json_long_time() read. */
static inline const char *json_fast_time(struct json_times *times, struct value *out, const char *at) {
  enum { SECONDS = 1 + JSON_MINUTE_BYTES, CLOSE = SECONDS + 8 };
  if (JSON_UNLIKELY(json_same_bits(at + 1, times->minute.text) != 0xFFFF)) return json_long_time(times, out, at);
  uint64_t word = read_u64_little(at + SECONDS) ^ 0x5A3030302E30303Au; /* `:00.000Z`: digits become 0 to 9 */
  uint64_t above = word + 0x7F7676767F767A7Fu;                         /* the first digit of the seconds is 5 at most */
  if (JSON_UNLIKELY(((word | above) & JSON_HIGH_BITS) != 0 || *at != '"' || at[CLOSE] != '"'))
    return json_long_time(times, out, at);
  word >>= 8;
  word = (word * 10 + (word >> 8)) & 0xFF00FF00FFu; /* seconds, tenths, and hundredths with thousandths, 16 bits each */
  uint64_t ms = (word * ((UINT64_C(1000) << 32) + (100 << 16) + 1)) >> 32 & 0xFFFF; /* no sum reaches 17 bits */
  *out = value_time(times->minute.start_us + (int64_t)ms * 1000);
  return at + CLOSE + 1;
}

#endif
