/* timer.h - deadlines in event time: a hierarchical wheel (7 levels of 256 slots, 1.024 ms at the lowest) and a small
 * heap for what is due next, so that timers fire in the exact order of their deadlines.
 *
 * Source: Varghese and Lauck, "Hashed and hierarchical timing wheels", SOSP 1987. A timer stands in its owner's memory,
 * so setting and taking out cost no allocation but the heap's own, and an owner that goes takes its timer with it. An
 * owner whose deadline moves to later leaves the timer where it is and sets it anew when it fires (lazy re-arming).
 * One thread. */
#ifndef WEIR_ENGINE_TIMER_H
#define WEIR_ENGINE_TIMER_H

#include "base/pool.h"

enum { WHEEL_LEVELS = 7, WHEEL_SLOTS = 256, WHEEL_TICK_BITS = 10 };

struct wheel_timer { /* all zero = not set */
  int64_t deadline;
  struct wheel_timer *next, **place; /* in a slot: what points to it */
  uint32_t heap;                     /* in the heap: its place there, from 1 */
};

struct wheel {
  struct pool *pool;
  uint64_t tick; /* every timer of an earlier tick is in the heap */
  struct wheel_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
  uint64_t filled[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* a bit may be set for a slot whose timers were all taken out */
  struct wheel_timer **due;                        /* a binary heap */
  uint32_t due_count, due_capacity;
  uint64_t count;
  int64_t quiet_until; /* no deadline is earlier: most calls end here */
};

struct wheel *wheel_new(struct mem *mem, struct pool *pool); /* freed with mem */

static inline bool wheel_is_set(const struct wheel_timer *timer) { return timer->place != NULL || timer->heap > 0; }
void wheel_add(struct wheel *wheel, struct wheel_timer *timer, int64_t deadline); /* a timer that is not set */
void wheel_remove(struct wheel *wheel, struct wheel_timer *timer);                /* one that is not set is fine */
/* The earliest timer with a deadline < frontier, which is then not set any more; NULL = there is none. Timers with
 * equal deadlines come in any order. */
struct wheel_timer *wheel_next(struct wheel *wheel, int64_t frontier);
/* Timers that fire soon (0: the next one), to ask for their owners' memory ahead; NULL: none is known. */
struct wheel_timer *wheel_ahead(const struct wheel *wheel, uint32_t number);

#endif
