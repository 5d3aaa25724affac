/* decay.h - the mean of values whose weight halves with time: 2^(-(t - time) / D), the same for every t that asks.
 *
 * An event's weight is kept as its mantissa (48 bits, from its place within a half-life) and its exponent (how many
 * half-lives since 1970), so sums of weights and of weighted values are integers, and exact: whatever the order, the
 * split or what was taken out again, the bits are the same, and the mean of equal values is that value. Half-lives are
 * kept 32 together; the latest three such spans count, so an event has a share until it is 64 to 96 half-lives older
 * than the latest one. Values as in sum.h: a float of magnitude 2^67 or more cannot be held, and while one is inside
 * the mean is null. Plain data, 168 bytes. One thread at a time. */
#ifndef WEIR_BASE_DECAY_H
#define WEIR_BASE_DECAY_H

#include "base/expr.h"
#include "base/value.h"

enum { DECAY_SPANS = 3, DECAY_SUM_LIMBS = 4 };

struct decay {                                 /* all zero = empty */
  int64_t top;                                 /* the latest span */
  uint64_t sums[DECAY_SPANS][DECAY_SUM_LIMBS]; /* the latest first; two's complement, lowest limb first */
  uint64_t weights[DECAY_SPANS][2];
  uint32_t outside[DECAY_SPANS]; /* floats that fixed point cannot hold */
  uint32_t zero;
};

/* Values of one static type (int, decimal, float, duration), with one half-life > 0 in all calls. Null does nothing.
 * Taking out is for what was added, while an event of the latest span stays. */
void decay_add(struct decay *decay, struct value v, int64_t time, int64_t half_life_us);
void decay_subtract(struct decay *decay, struct value v, int64_t time, int64_t half_life_us);
void decay_add_decay(struct decay *decay, const struct decay *other);

/* Rounded once: a float; of durations a duration (whole microseconds, halves away from zero). Null of nothing; null and
 * counted with a value outside. `counts` may be NULL. */
struct value decay_mean(const struct decay *decay, struct type argument, struct expr_counts *counts);

#endif
