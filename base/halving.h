/* halving.h - sums of numbers that halve every D: each worth number * 2^(-(t - time) / D) at t, in integers, so that a
 * sum is a function of what is in it and of t: whatever the order, whatever was taken out again, whoever asked before.
 *
 * Time is cut into epochs of D since 1970. A number's weight is its worth at the beginning of its epoch, so weights of
 * one epoch are added as they are; from one epoch to the next a sum halves, and within the epoch of t it is multiplied
 * by 2^(-(t - begin) / D) at the end, once. The result is rounded to steps of 2^-30, which is coarser than all errors
 * on the way (of 2^15 numbers together): a number that is n * D old is worth exactly number / 2^n. Pure functions; any
 * thread. */
#ifndef WEIR_BASE_HALVING_H
#define WEIR_BASE_HALVING_H

#include "base/exact.h"

enum {
  HALVING_WEIGHT_BITS = 46,      /* behind the point, of weights and their sums */
  HALVING_STEP_BITS = 30,        /* behind the point, of what is told */
  HALVING_NUMBERS_MAX = 1 << 14, /* in one sum: a sum of so many weights is below 2^124 */
};

/* The epoch of a time. `half_life_us` > 0; 0 stands for none: nothing halves, all is one epoch. */
int64_t halving_epoch(int64_t time, int64_t half_life_us);
/* Of a number >= 0. */
exact_uint halving_weight(int64_t number, int64_t time, int64_t half_life_us);
/* A weight, or a sum of weights of one epoch, `epochs` (>= 0) later. */
exact_uint halving_later(exact_uint weight, int64_t epochs);
/* A sum of weights of the epoch of `time`, at that time: in steps of 2^-30. */
exact_uint halving_at(exact_uint weights, int64_t time, int64_t half_life_us);
/* The nearest whole number, halves upwards; INT64_MAX beyond it. */
int64_t halving_whole(exact_uint steps);

/* 2^(numerator / denominator) in steps of 2^-126, less than 64 of them off; 0 <= numerator < denominator < 2^63. */
exact_uint halving_exp2(uint64_t numerator, uint64_t denominator);

#endif
