/* order.h - the order buffer: events wait here until no earlier one can come, and leave in the order of moments
 * (time, source name, partition, offset, then derived events).
 *
 * A calendar: a ring of time buckets, each a chain of events in chunks of memory, sorted when its turn comes. What lies
 * beyond the ring's end (a partition that is far ahead of the others) waits in a heap until the ring reaches it. So
 * putting is O(1), taking O(log of a bucket), and moving on in time costs nothing per event that stays. Under a limit
 * of memory, what is furthest in the future is sorted and written to a file (spill.h) and read back when its turn
 * comes: the order is the same. engine.c owns it; one thread. With one partition and no disorder it is not used at all.
 */
#ifndef WEIR_ENGINE_ORDER_H
#define WEIR_ENGINE_ORDER_H

#include "base/env.h"
#include "base/event.h"
#include "base/mem.h"

struct order;

/* `disorder_us` tells how wide the buckets should be; it bounds nothing. Freed with its memory context. */
struct order *order_new(struct mem *mem, int64_t disorder_us);

/* From now on it takes about `bytes_max` of memory at most; half of it is for the events, the rest is for sorting them.
 * `bytes_max` is at least ORDER_BYTES_MIN. */
enum { ORDER_BYTES_MIN = 64 << 10 };
void order_limit(struct order *order, const struct env *env, size_t bytes_max);

/* A deep copy of the event with its `value_count` values. Its time is at least the frontier of the last order_take().
 */
void order_put(struct order *order, const struct event *event, uint16_t value_count);

/* Up to `max` events earlier than `frontier`, in order; fewer than `max` = there are no more. Their `sequence` is left
 * 0. Their values stay valid until the next order_take(). The frontier never goes back. */
uint32_t order_take(struct order *order, int64_t frontier, struct event *out, uint32_t max);

/* The same, with those at `frontier` itself: where nobody will put an earlier one at that time. Others may still be put
 * there. */
uint32_t order_take_through(struct order *order, int64_t frontier, struct event *out, uint32_t max);

uint64_t order_count(const struct order *order);   /* events that wait */
size_t order_bytes(const struct order *order);     /* memory that they take */
bool order_half_full(const struct order *order);   /* of what there is for events in memory */
uint64_t order_spilled(const struct order *order); /* events that were written to the file so far */
/* 0, or ERR_FATAL: the file could not be written or read. Nothing comes out any more then. */
int order_status(const struct order *order, struct err *err);

/* The order of moments of two events. < 0, 0, > 0. */
int order_compare(int64_t time_a, const struct position *a, int64_t time_b, const struct position *b);

#endif
