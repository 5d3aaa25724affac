/* dedup_filter.h - ids of `unique … approx`: a cuckoo filter with time stamps, 4 bytes an id and a little room.
 *
 * An entry is 20 bits of the id's hash and the 1024th of D in which it was accepted. What it may get wrong is in one
 * direction: an id that was never seen may be taken for a seen one (in at most one of 10,000 cases), and an id may be
 * remembered up to a 1024th of D too long. It forgets nothing too early but beyond its limit, which is counted. Where
 * it is too small it goes on in a second one of twice the size, until the first has been forgotten.
 *
 * Source: Fan, Andersen, Kaminsky, Mitzenmacher, "Cuckoo Filter: Practically Better Than Bloom", CoNEXT 2014
 * (partial-key cuckoo hashing, buckets of four). dedup.c owns it. One thread. */
#ifndef WEIR_ENGINE_DEDUP_FILTER_H
#define WEIR_ENGINE_DEDUP_FILTER_H

#include "base/hash.h"
#include "base/mem.h"

struct dedup_filter;

enum { DEDUP_FILTER_BYTES_MIN = 16 << 10 };

/* `bytes_max`: of all entries; at least DEDUP_FILTER_BYTES_MIN are taken. */
struct dedup_filter *dedup_filter_new(struct mem *mem, int64_t unique_us, uint64_t bytes_max);
/* As dedup_seen(). */
bool dedup_filter_seen(struct dedup_filter *filter, struct hash128 id, int64_t time);
uint64_t dedup_filter_count(const struct dedup_filter *filter);     /* entries, some of them past their time */
uint64_t dedup_filter_forgotten(const struct dedup_filter *filter); /* ids that the limit drove out */

#endif
