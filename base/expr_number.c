/* expr_number.c - the arithmetic of rule-language section 2. Owns nothing; called by expr and function. */
#include "base/expr_number.h"

#include "base/check.h"
#include "base/exact.h"
#include "base/float_math.h"

struct value number_float(double f, struct expr_counts *counts) {
  if (!float_finite(f)) return number_overflow(counts);
  return value_float(f + 0.0); /* -0 + 0 is 0 */
}

double number_to_float(struct value v) {
  if (v.kind == VALUE_FLOAT) return v.f;
  return v.scale == 0 ? (double)v.i : exact_decimal(v.i, v.scale);
}

static struct value from_wide(exact_int wide, struct type type, struct expr_counts *counts) {
  int64_t number;
  if (!exact_fits(wide, &number)) return number_overflow(counts);
  return (struct value){.i = number, .kind = type.kind, .scale = type.scale};
}

static unsigned scale_of(struct value v) { return v.kind == VALUE_DECIMAL ? v.scale : 0; }

/* The mantissa of an int or decimal at `scale`, which is not less than its own. */
static exact_int widen(struct value v, unsigned scale) {
  check(scale >= scale_of(v) && scale < EXACT_POWERS);
  return (exact_int)v.i * exact_power10[scale - scale_of(v)];
}

struct value number_cast(struct value v, struct type to, struct expr_counts *counts) {
  if (v.kind == VALUE_NULL) return v;
  if (to.kind == VALUE_FLOAT) return v.kind == VALUE_FLOAT ? v : value_float(number_to_float(v));
  if (to.kind == VALUE_DECIMAL)
    return v.scale == to.scale && v.kind == to.kind ? v : from_wide(widen(v, to.scale), to, counts);
  return v;
}

static struct value integer_binary(enum expr_op op, int64_t a, int64_t b, struct type type,
                                   struct expr_counts *counts) {
  int64_t result = 0;
  bool overflow = false;
  switch (op) {
  case EXPR_ADD: overflow = __builtin_add_overflow(a, b, &result); break;
  case EXPR_SUBTRACT: overflow = __builtin_sub_overflow(a, b, &result); break;
  case EXPR_MULTIPLY: overflow = __builtin_mul_overflow(a, b, &result); break;
  default:
    check(op == EXPR_MODULO);
    overflow = b == 0;
    result = b == 0 || b == -1 ? 0 : a % b; /* INT64_MIN % -1 traps on some processors */
  }
  if (overflow) return number_overflow(counts);
  return (struct value){.i = result, .kind = type.kind, .scale = type.scale};
}

static struct value decimal_binary(enum expr_op op, struct value a, struct value b, struct type type,
                                   struct expr_counts *counts) {
  if (op == EXPR_MULTIPLY) return from_wide((exact_int)a.i * b.i, type, counts);
  exact_int wide_a = widen(a, type.scale), wide_b = widen(b, type.scale);
  if (op == EXPR_ADD) return from_wide(wide_a + wide_b, type, counts);
  if (op == EXPR_SUBTRACT) return from_wide(wide_a - wide_b, type, counts);
  check(op == EXPR_MODULO);
  if (wide_b == 0) return number_overflow(counts);
  return from_wide(wide_a % wide_b, type, counts);
}

/* The exact quotient of two ints, decimals or durations, rounded once. */
static struct value divide_exact(struct value a, struct value b, struct expr_counts *counts) {
  if (b.i == 0) return number_overflow(counts);
  unsigned a_scale = scale_of(a), b_scale = scale_of(b);
  exact_uint numerator = exact_magnitude(a.i), denominator = exact_magnitude(b.i);
  if (b_scale > a_scale) numerator *= (exact_uint)exact_power10[b_scale - a_scale];
  if (a_scale > b_scale) denominator *= (exact_uint)exact_power10[a_scale - b_scale];
  return value_float(exact_ratio((a.i < 0) != (b.i < 0), numerator, denominator, 0));
}

static struct value float_binary(enum expr_op op, struct value a, struct value b, struct expr_counts *counts) {
  if (op == EXPR_DIVIDE && a.kind != VALUE_FLOAT && b.kind != VALUE_FLOAT) return divide_exact(a, b, counts);
  double x = number_to_float(a), y = number_to_float(b);
  switch (op) {
  case EXPR_ADD: return number_float(x + y, counts);
  case EXPR_SUBTRACT: return number_float(x - y, counts);
  case EXPR_MULTIPLY: return number_float(x * y, counts);
  case EXPR_DIVIDE: return number_float(x / y, counts); /* by zero: not finite */
  default: check(op == EXPR_MODULO); return y == 0 ? number_overflow(counts) : value_float(float_modulo(x, y));
  }
}

static struct value duration_of_float(double us, struct expr_counts *counts) {
  if (!float_finite(us)) return number_overflow(counts);
  double whole = exact_round_digits(us, 0);
  if (whole >= 0x1p63 || whole < -0x1p63) return number_overflow(counts);
  return value_duration((int64_t)whole);
}

/* A duration by a number: whole microseconds, halves away from zero. */
static struct value duration_scaled(enum expr_op op, struct value duration, struct value number,
                                    struct expr_counts *counts) {
  if (number.kind == VALUE_FLOAT) {
    double us = (double)duration.i;
    return duration_of_float(op == EXPR_MULTIPLY ? us * number.f : us / number.f, counts);
  }
  exact_int ten = exact_power10[scale_of(number)];
  if (op == EXPR_MULTIPLY)
    return from_wide(exact_round_away((exact_int)duration.i * number.i, ten), TYPE(VALUE_DURATION), counts);
  if (number.i == 0) return number_overflow(counts);
  exact_int numerator = (exact_int)duration.i * ten, denominator = number.i;
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  return from_wide(exact_round_away(numerator, denominator), TYPE(VALUE_DURATION), counts);
}

struct value number_binary(enum expr_op op, struct value a, struct value b, struct type type,
                           struct expr_counts *counts) {
  if (a.kind == VALUE_NULL || b.kind == VALUE_NULL) return value_null();
  switch (type.kind) {
  case VALUE_DECIMAL: return decimal_binary(op, a, b, type, counts);
  case VALUE_FLOAT: return float_binary(op, a, b, counts);
  case VALUE_DURATION:
    if (number_kind(b.kind)) return duration_scaled(op, a, b, counts);
    if (number_kind(a.kind)) return duration_scaled(op, b, a, counts);
    return integer_binary(op, a.i, b.i, type, counts);
  default: return integer_binary(op, a.i, b.i, type, counts); /* ints, times and durations */
  }
}

struct value number_negate(struct value v, struct expr_counts *counts) {
  if (v.kind == VALUE_NULL) return v;
  if (v.kind == VALUE_FLOAT) return number_float(-v.f, counts);
  if (v.i == INT64_MIN) return number_overflow(counts);
  v.i = -v.i;
  return v;
}
