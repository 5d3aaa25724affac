/* timer.h - deadlines in event time: a hierarchical wheel (8 levels of 256 slots, 1.024 ms at the lowest) and a small
 * heap for what is due next, so that timers fire in the exact order of their deadlines.
 *
 * Source: Varghese and Lauck, "Hashed and hierarchical timing wheels", SOSP 1987. A timer is never taken out: its
 * owner ignores one that fires too early and sets another (lazy re-arming). One thread. */
#ifndef WEIR_ENGINE_TIMER_H
#define WEIR_ENGINE_TIMER_H

#include "base/pool.h"

enum { WHEEL_LEVELS = 7, WHEEL_SLOTS = 256, WHEEL_TICK_BITS = 10 };

struct wheel_timer {
  int64_t deadline;
  void *owner;
  struct wheel_timer *next;
};

struct wheel {
  struct pool *pool;
  uint64_t tick; /* every timer of an earlier tick is in the heap */
  struct wheel_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
  uint64_t filled[WHEEL_LEVELS][WHEEL_SLOTS / 64];
  struct wheel_timer **due; /* a binary heap */
  uint32_t due_count, due_capacity;
  uint64_t count;
  int64_t quiet_until; /* no deadline is earlier: most calls end here */
};

struct wheel *wheel_new(struct mem *mem, struct pool *pool); /* freed with mem */
void wheel_add(struct wheel *wheel, int64_t deadline, void *owner);
/* The earliest timer with a deadline < frontier: true, and it is taken out. Timers with equal deadlines in any order.
 */
bool wheel_next(struct wheel *wheel, int64_t frontier, int64_t *deadline, void **owner);

/* Owners of timers that fire soon (0: the next one), to ask for their memory ahead; NULL: none is known. */
void *wheel_ahead(const struct wheel *wheel, uint32_t number);

#endif
