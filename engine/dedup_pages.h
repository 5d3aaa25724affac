/* dedup_pages.h - ids of `unique` that are dense whole numbers: pages of 512 numbers, a bit for each that was accepted
 * and the time when. Exact, at 4 bytes an id (8 where D is longer than half an hour) instead of the set's 60.
 *
 * Pages leave when their last id has; where there are too many, the one that was silent longest goes, and its ids are
 * counted. dedup.c owns it, and moves between it and the set as the numbers are dense or not. One thread. */
#ifndef WEIR_ENGINE_DEDUP_PAGES_H
#define WEIR_ENGINE_DEDUP_PAGES_H

#include <stdbool.h>

#include "base/mem.h"

enum { DEDUP_PAGE_IDS = 512 };

struct dedup_pages;

struct dedup_pages *dedup_pages_new(struct mem *mem, int64_t unique_us, uint64_t bytes_max);
void dedup_pages_free(struct dedup_pages *pages);
/* As dedup_seen(). `part` tells partitions apart. */
bool dedup_pages_seen(struct dedup_pages *pages, uint64_t part, int64_t id, int64_t time);
uint64_t dedup_pages_count(const struct dedup_pages *pages); /* ids, some of them past their time */
uint64_t dedup_pages_pages(const struct dedup_pages *pages);
uint64_t dedup_pages_forgotten(const struct dedup_pages *pages);

/* Every id that is remembered, in any order. */
void dedup_pages_each(const struct dedup_pages *pages, int64_t now,
                      void (*each)(void *context, uint64_t part, int64_t id, int64_t time), void *context);

#endif
