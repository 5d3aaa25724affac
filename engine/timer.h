/* timer.h - deadlines in event time: a hierarchical wheel (7 levels of 256 slots, 1.024 ms at the lowest), so that
 * timers fire in the exact order of their deadlines. What becomes due in the next quarter of a second stands in one
 * array, in order; what is set for that time later on, in slots of the lowest level and, of one tick, in a small heap.
 *
 * Source: Varghese and Lauck, "Hashed and hierarchical timing wheels", SOSP 1987. A slot is a list of chunks of
 * {deadline, timer}, so setting a timer and moving it to a finer slot touch no owner's memory. The owner knows the
 * deadline that stands in the wheel for it; an entry with another deadline is stale and skipped, and stale entries are
 * swept out before they are more than the others. Nothing is ever taken out: an owner whose deadline moves to later, or
 * that goes away, leaves its entry where it is (lazy re-arming); so the memory of timers must stay until the wheel
 * goes. One thread. */
#ifndef WEIR_ENGINE_TIMER_H
#define WEIR_ENGINE_TIMER_H

#include "base/pool.h"

enum { WHEEL_LEVELS = 7, WHEEL_SLOTS = 256, WHEEL_TICK_BITS = 10 };
#define WHEEL_UNSET INT64_MAX

struct wheel_timer {
  int64_t deadline; /* of its entry in the wheel; WHEEL_UNSET = it has none */
};
struct wheel_entry {
  int64_t deadline;
  struct wheel_timer *timer;
};
struct wheel_chunk;

struct wheel {
  struct pool *pool;
  uint64_t tick; /* every entry of an earlier tick is in the heap */
  struct wheel_chunk *slots[WHEEL_LEVELS][WHEEL_SLOTS];
  uint64_t filled[WHEEL_LEVELS][WHEEL_SLOTS / 64];
  struct wheel_entry *due; /* a binary heap */
  uint32_t due_count, due_capacity;
  struct wheel_entry *near; /* [near_first, near_end): of the round under way, in order */
  uint32_t near_first, near_end, near_capacity;
  uint64_t rounds;       /* so many have been put in order */
  uint64_t slot_tick;    /* no entry in a slot of the lowest level has an earlier one */
  uint64_t count, stale; /* entries, and those of them that will be skipped */
  int64_t quiet_until;   /* no entry is earlier: most calls end here */
};

struct wheel *wheel_new(struct mem *mem, struct pool *pool); /* freed with mem */

/* The timer fires at `deadline` or, where it is set for an earlier time, at that. */
void wheel_arm_earlier(struct wheel *wheel, struct wheel_timer *timer, int64_t deadline);
static inline void wheel_arm(struct wheel *wheel, struct wheel_timer *timer, int64_t deadline) {
  if (deadline < timer->deadline) wheel_arm_earlier(wheel, timer, deadline);
}
/* The earliest timer with a deadline < frontier, which is then not set any more, and that deadline; NULL = there is
 * none. Timers with equal deadlines come in any order. */
struct wheel_timer *wheel_next(struct wheel *wheel, int64_t frontier, int64_t *deadline);
/* Puts what is due next into order, if some of it is due before `until`: then near[] says what comes (some are stale).
 */
void wheel_near(struct wheel *wheel, int64_t until);

#endif
