/* function_number.c - functions over numbers, places and addresses. Called through the function table. */
#include "base/check.h"
#include "base/exact.h"
#include "base/expr_number.h"
#include "base/float_math.h"
#include "base/function.h"
#include "base/function_table.h"
#include "base/hash.h"
#include "base/ip.h"

#include <math.h>

#define SPEED_AT_ONCE_KMH 1e9 /* two places at one time */
#define HOUR_US 3600e6

enum { LATITUDE_MAX = 90, LONGITUDE_MAX = 360 };

struct value function_abs(const struct function_frame *frame) {
  struct value x = frame->arguments[0];
  bool negative = x.kind == VALUE_FLOAT ? x.f < 0 : x.i < 0;
  return negative ? number_negate(x, frame->counts) : x;
}

struct value function_sqrt(const struct function_frame *frame) {
  double x = frame->arguments[0].f;
  return x < 0 ? value_null() : value_float(sqrt(x));
}

struct value function_ln(const struct function_frame *frame) {
  double x = frame->arguments[0].f;
  return x < 0 ? value_null() : number_float(float_ln(x), frame->counts);
}

struct value function_exp(const struct function_frame *frame) {
  return number_float(float_exp(frame->arguments[0].f), frame->counts);
}

struct value function_power(const struct function_frame *frame) {
  double result = float_power(frame->arguments[0].f, frame->arguments[1].f);
  return result != result ? value_null() : number_float(result, frame->counts);
}

/* Compared as they are, exactly; only the one that is taken is widened. */
struct value function_min(const struct function_frame *frame) {
  const struct value *a = frame->arguments;
  return number_cast(value_compare(a[0], a[1]) <= 0 ? a[0] : a[1], frame->type, frame->counts);
}

struct value function_max(const struct function_frame *frame) {
  const struct value *a = frame->arguments;
  return number_cast(value_compare(a[0], a[1]) >= 0 ? a[0] : a[1], frame->type, frame->counts);
}

struct value function_round(const struct function_frame *frame) {
  struct value x = frame->arguments[0];
  int64_t digits = frame->count > 1 ? frame->arguments[1].i : 0;
  if (digits > DECIMAL_DIGITS_MAX) digits = DECIMAL_DIGITS_MAX; /* no number has more */
  if (digits < -2 * DECIMAL_DIGITS_MAX) digits = -2 * DECIMAL_DIGITS_MAX;
  if (x.kind == VALUE_FLOAT) {
    if (digits < -DECIMAL_DIGITS_MAX) digits = -DECIMAL_DIGITS_MAX;
    return number_float(exact_round_digits(x.f, (int)digits), frame->counts);
  }
  int64_t scale = x.kind == VALUE_DECIMAL ? x.scale : 0, drop = scale - digits, rounded;
  if (drop <= 0) return x;
  if (drop > 2 * DECIMAL_DIGITS_MAX) drop = 2 * DECIMAL_DIGITS_MAX; /* far more than a mantissa has: 0 */
  exact_int ten = exact_power10[drop / 2], unit = ten * exact_power10[drop - drop / 2];
  if (!exact_fits(exact_round_away(x.i, unit) * unit, &rounded)) return number_overflow(frame->counts);
  x.i = rounded;
  return x;
}

/* The ints next to x: *low <= x <= *high, equal if x is whole. False: out of range. */
static bool whole_range(struct value x, int64_t *low, int64_t *high) {
  if (x.kind == VALUE_FLOAT) {
    if (x.f >= 0x1p63 || x.f < -0x1p63) return false;
    int64_t cut = (int64_t)x.f; /* towards zero */
    *low = cut - ((double)cut > x.f);
    *high = cut + ((double)cut < x.f);
    return true;
  }
  int64_t ten = x.kind == VALUE_DECIMAL ? exact_power10[x.scale] : 1, cut = x.i / ten, rest = x.i % ten;
  *low = cut - (rest < 0);
  *high = cut + (rest > 0);
  return true;
}

struct value function_floor(const struct function_frame *frame) {
  int64_t low, high;
  return whole_range(frame->arguments[0], &low, &high) ? value_int(low) : number_overflow(frame->counts);
}

struct value function_ceil(const struct function_frame *frame) {
  int64_t low, high;
  return whole_range(frame->arguments[0], &low, &high) ? value_int(high) : number_overflow(frame->counts);
}

static bool is_place(double latitude, double longitude) {
  return latitude >= -LATITUDE_MAX && latitude <= LATITUDE_MAX && longitude >= -LONGITUDE_MAX &&
         longitude <= LONGITUDE_MAX;
}

struct value function_distance_km(const struct function_frame *frame) {
  const struct value *a = frame->arguments;
  if (!is_place(a[0].f, a[1].f) || !is_place(a[2].f, a[3].f)) return value_null();
  return value_float(float_distance_km(a[0].f, a[1].f, a[2].f, a[3].f));
}

struct value function_speed_kmh(const struct function_frame *frame) {
  const struct value *a = frame->arguments;
  if (!is_place(a[0].f, a[1].f) || !is_place(a[3].f, a[4].f)) return value_null();
  double distance_km = float_distance_km(a[0].f, a[1].f, a[3].f, a[4].f);
  if (a[2].i == a[5].i) return value_float(a[0].f == a[3].f && a[1].f == a[4].f ? 0 : SPEED_AT_ONCE_KMH);
  double apart_us = (double)(uint64_t)exact_magnitude((exact_int)a[5].i - a[2].i);
  return value_float(distance_km / (apart_us / HOUR_US));
}

struct value function_in_network(const struct function_frame *frame) {
  return value_bool(ip_network_has(frame->arguments[1], frame->arguments[0]));
}

struct value function_hash(const struct function_frame *frame) {
  struct value x = frame->arguments[0];
  uint64_t hash = x.kind == VALUE_STRING ? hash_bytes(x.s, x.length) : value_hash(x);
  return value_int((int64_t)hash);
}
