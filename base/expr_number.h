/* expr_number.h - arithmetic on values: exact, overflow is null and counted.
 *
 * The evaluator does the common cases in its own loop; all others, and those of the functions, come here. Which types
 * meet and what type results is said in one place, expr_type_binary() and expr_type_unary() of expr.h; these functions
 * take that result type and check() nothing else. Pure but for the counts; any thread. */
#ifndef WEIR_BASE_EXPR_NUMBER_H
#define WEIR_BASE_EXPR_NUMBER_H

#include "base/expr.h"

static inline bool number_kind(uint8_t kind) {
  return kind == VALUE_INT || kind == VALUE_DECIMAL || kind == VALUE_FLOAT;
}

/* `v` as a value of type `to`: int -> decimal -> float, decimal -> more digits; equal kinds pass. Null stays null; what
 * does not fit is null and counted. A decimal or an int becomes the nearest float. */
struct value number_cast(struct value v, struct type to, struct expr_counts *counts);

/* A float, or null and counted if it is not finite; -0 becomes 0. */
struct value number_float(double f, struct expr_counts *counts);

/* The nearest double of an int, decimal or float. */
double number_to_float(struct value v);

/* EXPR_ADD … EXPR_MODULO on two values (null if one is), for the result type of expr_type_binary(). */
struct value number_binary(enum expr_op op, struct value a, struct value b, struct type type,
                           struct expr_counts *counts);

struct value number_negate(struct value v, struct expr_counts *counts);

/* Null, counted. */
static inline struct value number_overflow(struct expr_counts *counts) {
  expr_count_overflow(counts);
  return value_null();
}

#endif
