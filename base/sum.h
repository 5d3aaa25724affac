/* sum.h - exact sums: whatever the order, the split or what was taken out again, the bits are the same.
 *
 * A sum holds the values of one static type (int, decimal(n), float or duration). Ints, durations and mantissas of
 * decimals are added as they are; a float is rounded half to even to fixed point, in steps of 2^-60, when it is added
 * (and, being rounded the same way, leaves exactly what it brought when it is taken out). The total has 160 bits, so
 * that it cannot wrap; a total that its type cannot hold is told as null, and is a number again once enough was taken
 * out. A float of magnitude 2^67 or more cannot be held: while one is inside, everything told is null.
 *
 * What is told is a function of the multiset inside, never of its history:
 *   total      the sum: keeps the type. 0 of the type when nothing is inside. Null and counted out of range
 *              (floats: 2^67 or more).
 *   average    the exact total / count, rounded once: a float; of durations a duration (whole microseconds, halves
 *              away from zero). Null when nothing is inside.
 *   deviation  of the sample: square root of v = (n * Q - S * S) / (n * (n - 1)), Q the exact sum of squares in 320
 * bits (of the integers, or of the fixed-point steps), S the exact total; v is computed with integers, rounded once to
 * a double, and its square root once more. A float; of durations a duration. Null below two.
 *
 * Plain data without pointers: copied, compared and stored as bytes by its owner. One thread at a time. */
#ifndef WEIR_BASE_SUM_H
#define WEIR_BASE_SUM_H

#include "base/expr.h"
#include "base/value.h"

struct sum {          /* all zero = empty */
  uint64_t low, high; /* with carry: 160 bits, two's complement */
  int32_t carry;
  uint32_t outside; /* floats that fixed point cannot hold */
  uint64_t count;   /* values inside, those outside included; nulls never */
};

enum { SPREAD_LIMBS = 5 };

struct spread { /* all zero = empty */
  struct sum sum;
  uint64_t squares[SPREAD_LIMBS]; /* lowest first */
};

/* Whether there is a sum over `argument` (int, decimal, float, duration), and the types of what is told about it. */
bool sum_type(struct type argument, struct type *total, struct type *average);

/* Add a value, or take out one that was added before. Null does nothing. */
void sum_add(struct sum *sum, struct value v);
void sum_subtract(struct sum *sum, struct value v);
/* Add all of `other`, or take out all of it: a run's part of a shared total is a difference of two. */
void sum_add_sum(struct sum *sum, const struct sum *other);
void sum_subtract_sum(struct sum *sum, const struct sum *other);
void sum_add_all(struct sum *sum, const struct value *values, size_t count);

/* `argument` is the static type of the values. `counts` may be NULL. */
struct value sum_total(const struct sum *sum, struct type argument, struct expr_counts *counts);
struct value sum_average(const struct sum *sum, struct type argument, struct expr_counts *counts);

void spread_add(struct spread *spread, struct value v);
void spread_subtract(struct spread *spread, struct value v);
void spread_add_spread(struct spread *spread, const struct spread *other);
void spread_subtract_spread(struct spread *spread, const struct spread *other);
void spread_add_all(struct spread *spread, const struct value *values, size_t count);
/* total and average of it: sum_total(&spread.sum, …). */
struct value spread_deviation(const struct spread *spread, struct type argument, struct expr_counts *counts);

/* The lesser, the greater of two, by value_compare(); null does not take part. The first of equal ones. */
struct value sum_lesser(struct value a, struct value b);
struct value sum_greater(struct value a, struct value b);

#endif
