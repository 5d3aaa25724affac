/* dedup.h - duplicates: `unique id for D` on an event type.
 *
 * An event is a duplicate if one of its type and partition (with `everywhere`: of its type) with its id was accepted in
 * (t - D, t], in the order of release. Exact: ids are kept as 128-bit hashes, oldest first, and leave by event time.
 * `approx` allows a filter that may take a new id for an old one; the exact set is used for it too. engine.c owns one
 * for each such type; one thread. */
#ifndef WEIR_ENGINE_DEDUP_H
#define WEIR_ENGINE_DEDUP_H

#include "base/event.h"
#include "base/mem.h"

struct dedup;

/* `ids_max`: at most so many ids are remembered (rounded down to a power of two, at least 256); when there are more,
 * the oldest is forgotten early and counted. Freed with its memory context. */
struct dedup *dedup_new(struct mem *mem, int64_t unique_us, bool everywhere, uint64_t ids_max);

/* Whether an event with this id is a duplicate; if not, it is accepted and remembered. A null id is never one. Times
 * must not fall from call to call. */
bool dedup_seen(struct dedup *dedup, const struct position *position, struct value id, int64_t time);

uint64_t dedup_count(const struct dedup *dedup);     /* ids remembered */
uint64_t dedup_forgotten(const struct dedup *dedup); /* ids that `ids_max` drove out */

#endif
