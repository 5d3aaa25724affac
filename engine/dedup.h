/* dedup.h - duplicates: `unique id for D` on an event type.
 *
 * An event is a duplicate if one of its type and partition (with `everywhere`: of its type) with its id was accepted in
 * (t - D, t], in the order of release. Exact: ids are kept as 128-bit hashes, oldest first, and leave by event time;
 * whole numbers that are dense are kept in bitmaps with times (dedup_pages.h), with the same answers. `approx`: a
 * filter of 4 bytes an id (dedup_filter.h), which may take a new id for an old one. engine.c owns one for each such
 * type; one thread. */
#ifndef WEIR_ENGINE_DEDUP_H
#define WEIR_ENGINE_DEDUP_H

#include "base/event.h"
#include "base/mem.h"

struct dedup;

struct dedup_options {
  int64_t unique_us;
  bool everywhere, approx;
  /* At most so many ids are remembered in the exact set (rounded down to a power of two, at least 256), and as many in
   * the others as fit into its memory, so more; beyond, the oldest is forgotten early and counted. */
  uint64_t ids_max;
};

/* Freed with its memory context. */
struct dedup *dedup_new(struct mem *mem, const struct dedup_options *options);

/* Whether an event with this id is a duplicate; if not, it is accepted and remembered. A null id is never one. Times
 * must not fall from call to call. */
bool dedup_seen(struct dedup *dedup, const struct position *position, struct value id, int64_t time);

uint64_t dedup_count(const struct dedup *dedup); /* ids remembered; in bitmaps and filters with some past their time */
uint64_t dedup_forgotten(const struct dedup *dedup); /* ids that the limit drove out */
bool dedup_dense(const struct dedup *dedup);         /* they are in bitmaps now */

#endif
