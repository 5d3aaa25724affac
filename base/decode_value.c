/* decode_value.c - see decode_value.h. Called by decode_json.c (behind its own fast ways for the common shapes) and by
 * decode_csv.c. */
#include "base/decode_value.h"

#include "base/decimal.h"
#include "base/ip.h"
#include "base/number_text.h"
#include "base/time_text.h"

static const char reason_range[] = "out of range";
static const char reason_years[] = "a time outside the years 1 to 9999";

static bool refuse(struct value *out, const char **reason, const char *why) {
  *out = value_null();
  *reason = why;
  return false;
}

const char *decode_value_expected(struct decode_form form) {
  switch ((enum value_kind)form.type.kind) {
  case VALUE_BOOL: return "expected true or false";
  case VALUE_INT: return "expected an int";
  case VALUE_FLOAT:
  case VALUE_DECIMAL: return "expected a number";
  case VALUE_STRING: return "expected a string";
  case VALUE_TIME:
    switch (form.unit) {
    case TIME_TEXT: return "expected a time as \"2026-11-21T10:00:00Z\"";
    case TIME_S: return "expected a time as a number of seconds";
    case TIME_MS: return "expected a time as a number of milliseconds";
    case TIME_US: return "expected a time as a number of microseconds";
    }
    break;
  case VALUE_DURATION: return "expected a duration: an int of microseconds or a text as \"5m\"";
  case VALUE_IP: return "expected an ip address";
  case VALUE_LIST: return "expected a list";
  case VALUE_NULL:
  case VALUE_NETWORK:
  case VALUE_KINDS: break;
  }
  return "a type that no record has";
}

/* Ints and times have no `2.0` and no `1e2`. */
static bool is_int(struct slice text) {
  for (size_t i = text.length > 0 && text.data[0] == '-'; i < text.length; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return false;
  }
  return true;
}

static bool number_to_decimal(struct slice text, unsigned scale, bool round_half_even, int64_t *mantissa,
                              const char **reason) {
  switch (decimal_parse(text, scale, round_half_even ? DECIMAL_HALF_EVEN : DECIMAL_EXACT, mantissa)) {
  case NUMBER_OK: return true;
  case NUMBER_DIGITS: *reason = "more digits after the point than declared"; return false;
  case NUMBER_RANGE: *reason = reason_range; return false;
  case NUMBER_BAD: break;
  }
  *reason = "expected a number";
  return false;
}

static bool number_to_time(enum time_unit unit, struct slice text, struct value *out, const char **reason) {
  unsigned scale = unit == TIME_S ? 6 : unit == TIME_MS ? 3 : 0;
  int64_t us;
  switch (decimal_parse(text, scale, DECIMAL_EXACT, &us)) {
  case NUMBER_OK:
    if (us < TIME_MIN_US || us > TIME_MAX_US) return refuse(out, reason, reason_years);
    *out = value_time(us);
    return true;
  case NUMBER_DIGITS: return refuse(out, reason, "a time finer than microseconds");
  case NUMBER_RANGE: return refuse(out, reason, reason_years);
  case NUMBER_BAD: break;
  }
  return refuse(out, reason, "expected a number");
}

bool decode_value_number(struct decode_form form, struct slice text, struct value *out, const char **reason) {
  int64_t whole;
  double f;
  switch ((enum value_kind)form.type.kind) {
  case VALUE_INT:
  case VALUE_DURATION:
    if (!is_int(text)) break;
    if (number_parse_int(text, &whole) != NUMBER_OK) return refuse(out, reason, reason_range);
    *out = form.type.kind == VALUE_INT ? value_int(whole) : value_duration(whole);
    return true;
  case VALUE_FLOAT:
    if (number_parse_float(text, &f) != NUMBER_OK) return refuse(out, reason, reason_range);
    *out = value_float(f);
    return true;
  case VALUE_DECIMAL:
    if (!number_to_decimal(text, form.type.scale, form.round_half_even, &whole, reason)) {
      *out = value_null();
      return false;
    }
    *out = value_decimal(whole, form.type.scale);
    return true;
  case VALUE_TIME:
    if (form.unit == TIME_TEXT) break;
    return number_to_time(form.unit, text, out, reason);
  case VALUE_NULL:
  case VALUE_BOOL:
  case VALUE_STRING:
  case VALUE_IP:
  case VALUE_LIST:
  case VALUE_NETWORK:
  case VALUE_KINDS: break;
  }
  return refuse(out, reason, decode_value_expected(form));
}

static bool text_to_ip(struct slice text, struct arena *arena, struct value *out, const char **reason) {
  struct ip ip;
  const char *wrong = ip_parse(text, &ip);
  if (wrong != NULL) return refuse(out, reason, wrong);
  if (ip.length == 4) {
    *out = ip_value(&ip);
    return true;
  }
  struct ip *kept = arena_alloc(arena, sizeof *kept);
  *kept = ip;
  *out = ip_value(kept);
  return true;
}

bool decode_value_string(struct decode_form form, struct slice text, struct arena *arena, struct value *out,
                         const char **reason) {
  const char *wrong;
  int64_t us;
  switch ((enum value_kind)form.type.kind) {
  case VALUE_STRING: *out = value_string(text); return true;
  case VALUE_TIME:
    if (form.unit != TIME_TEXT) break;
    wrong = time_parse(text, &us);
    if (wrong != NULL) return refuse(out, reason, wrong);
    if (us < TIME_MIN_US || us > TIME_MAX_US) return refuse(out, reason, reason_years);
    *out = value_time(us);
    return true;
  case VALUE_DURATION:
    wrong = duration_parse(text, &us);
    if (wrong != NULL) return refuse(out, reason, wrong);
    *out = value_duration(us);
    return true;
  case VALUE_IP: return text_to_ip(text, arena, out, reason);
  case VALUE_NULL:
  case VALUE_BOOL:
  case VALUE_INT:
  case VALUE_FLOAT:
  case VALUE_DECIMAL:
  case VALUE_LIST:
  case VALUE_NETWORK:
  case VALUE_KINDS: break;
  }
  return refuse(out, reason, decode_value_expected(form));
}

bool decode_value_bool(struct decode_form form, bool truth, struct value *out, const char **reason) {
  if (form.type.kind != VALUE_BOOL) return refuse(out, reason, decode_value_expected(form));
  *out = value_bool(truth);
  return true;
}

static size_t digits_at(struct slice text, size_t at) {
  size_t i = at;
  while (i < text.length && text.data[i] >= '0' && text.data[i] <= '9') i++;
  return i - at;
}

size_t decode_number_length(struct slice text) {
  size_t i = text.length > 0 && text.data[0] == '-';
  size_t digits = digits_at(text, i);
  if (digits == 0) return 0;
  if (text.data[i] == '0' && digits > 1) return 0;
  i += digits;
  if (i < text.length && text.data[i] == '.') {
    digits = digits_at(text, i + 1);
    if (digits == 0) return 0;
    i += 1 + digits;
  }
  if (i < text.length && (text.data[i] == 'e' || text.data[i] == 'E')) {
    i++;
    if (i < text.length && (text.data[i] == '+' || text.data[i] == '-')) i++;
    digits = digits_at(text, i);
    if (digits == 0) return 0;
    i += digits;
  }
  return i;
}

bool decode_value_cell(struct decode_form form, struct slice text, struct arena *arena, struct value *out,
                       const char **reason) {
  if (form.type.kind == VALUE_BOOL) {
    bool truth = slice_equal(text, SLICE("true"));
    if (!truth && !slice_equal(text, SLICE("false"))) return refuse(out, reason, decode_value_expected(form));
    *out = value_bool(truth);
    return true;
  }
  bool by_text = form.type.kind == VALUE_STRING || form.type.kind == VALUE_IP ||
                 (form.type.kind == VALUE_TIME && form.unit == TIME_TEXT);
  bool is_number = text.length > 0 && decode_number_length(text) == text.length;
  if (!by_text && is_number) return decode_value_number(form, text, out, reason);
  return decode_value_string(form, text, arena, out, reason);
}
