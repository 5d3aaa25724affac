/* window_bucket.c - aligned windows: the buckets, in the order of time, each with the parts of all keys in one window
 * or pane. A deadline belongs to a bucket, not to a key, and firing it is one way through its parts. */
#include <string.h>

#include "base/check.h"
#include "engine/window_private.h"

enum { BUCKETS_FIRST = 16, ENTRIES_FIRST = 14, ENTRIES_MAX = (POOL_BLOCK_MAX - 16) / 8, CHANGED_FIRST = 16 };

static size_t entries_bytes(uint32_t capacity) {
  return sizeof(struct window_entries) + capacity * sizeof(struct window_part *);
}

uint32_t window_bucket_lower(const struct window_set *set, int64_t number) {
  uint32_t low = set->bucket_first, high = set->bucket_end;
  if (low < high && set->buckets[high - 1]->number < number) return high; /* mostly it is a new one */
  while (low < high) {                                                    /* ends: the span is halved */
    uint32_t middle = low + (high - low) / 2;
    if (set->buckets[middle]->number < number)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void make_room(struct window_set *set) {
  if (set->bucket_end < set->bucket_capacity) return;
  uint32_t count = set->bucket_end - set->bucket_first;
  struct window_bucket **buckets = set->buckets;
  if (set->bucket_first <= set->bucket_capacity / 2) {
    check(set->bucket_capacity < UINT32_MAX / 2);
    uint32_t capacity = set->bucket_capacity == 0 ? BUCKETS_FIRST : set->bucket_capacity * 2;
    buckets = pool_alloc(&set->pool, capacity * sizeof *buckets);
    if (count > 0) memcpy(buckets, set->buckets + set->bucket_first, count * sizeof *buckets);
    pool_free(&set->pool, set->buckets, set->bucket_capacity * sizeof *buckets);
    set->buckets = buckets;
    set->bucket_capacity = capacity;
  } else {
    memmove(buckets, buckets + set->bucket_first, count * sizeof *buckets);
  }
  set->bucket_end = count;
  set->bucket_first = 0;
}

struct window_bucket *window_bucket_make(struct window_set *set, int64_t number) {
  uint32_t at = window_bucket_lower(set, number);
  if (at < set->bucket_end && set->buckets[at]->number == number) return set->recent = set->buckets[at];
  struct window_bucket *bucket = pool_alloc(&set->pool, sizeof *bucket);
  *bucket = (struct window_bucket){.number = number, .early_due = INT64_MAX};
  if (set->way == WAY_PANES) {
    bucket->begin = window_grid_pane_start(&set->grid, number);
    bucket->until = window_grid_pane_start(&set->grid, number + 1);
    bucket->end = window_grid_end(&set->grid, window_grid_newest(&set->grid, bucket->begin));
  } else {
    bucket->begin = window_grid_start(&set->grid, number);
    bucket->end = bucket->until = window_grid_end(&set->grid, number);
  }
  uint32_t shift = set->bucket_first;
  make_room(set);
  at -= shift - set->bucket_first;
  memmove(set->buckets + at + 1, set->buckets + at, (set->bucket_end - at) * sizeof(struct window_bucket *));
  set->buckets[at] = bucket;
  set->bucket_end++;
  if (bucket->end < set->frontier) set->passed++;
  return set->recent = bucket;
}

void window_bucket_add(struct window_set *set, struct window_bucket *bucket, struct window_part *part) {
  struct window_entries *last = bucket->last;
  if (last == NULL || last->count == last->capacity) {
    uint32_t capacity = last == NULL ? ENTRIES_FIRST : last->capacity * 2 + 2; /* 16 * 2^n bytes */
    if (capacity > ENTRIES_MAX) capacity = ENTRIES_MAX;
    struct window_entries *entries = pool_alloc(&set->pool, entries_bytes(capacity));
    *entries = (struct window_entries){.capacity = capacity};
    if (last == NULL)
      bucket->first = entries;
    else
      last->after = entries;
    last = bucket->last = entries;
  }
  last->parts[last->count++] = part;
}

void window_bucket_queue(struct window_set *set, struct window_bucket *bucket, struct window_part *part) {
  if (bucket->changed_count == bucket->changed_capacity) {
    uint32_t capacity = bucket->changed_capacity == 0 ? CHANGED_FIRST : bucket->changed_capacity * 2;
    struct window_part **bigger = pool_alloc(&set->pool, capacity * sizeof(struct window_part *));
    if (bucket->changed_count > 0)
      memcpy(bigger, bucket->changed, bucket->changed_count * sizeof(struct window_part *));
    pool_free(&set->pool, bucket->changed, bucket->changed_capacity * sizeof(struct window_part *));
    bucket->changed = bigger;
    bucket->changed_capacity = capacity;
  }
  window_early_of(set, part)->queue_at = bucket->changed_count;
  part->flags |= PART_QUEUED;
  bucket->changed[bucket->changed_count++] = part;
}

/* Without its parts. */
void window_bucket_free(struct window_set *set, uint32_t at) {
  struct window_bucket *bucket = set->buckets[at];
  for (struct window_entries *entries = bucket->first; entries != NULL;) {
    struct window_entries *after = entries->after;
    pool_free(&set->pool, entries, entries_bytes(entries->capacity));
    entries = after;
  }
  pool_free(&set->pool, bucket->changed, bucket->changed_capacity * sizeof(struct window_part *));
  if (at < set->bucket_first + set->passed) set->passed--;
  if (at == set->bucket_first) {
    set->bucket_first++;
  } else {
    memmove(set->buckets + at, set->buckets + at + 1, (set->bucket_end - at - 1) * sizeof(struct window_bucket *));
    set->bucket_end--;
  }
  if (set->recent == bucket) set->recent = NULL;
  pool_free(&set->pool, bucket, sizeof *bucket);
}

void window_bucket_begin(const struct window_bucket *bucket, struct window_walk *walk) {
  *walk = (struct window_walk){bucket->first, bucket->dropped};
}

struct window_part *window_bucket_next(struct window_walk *walk) {
  struct window_entries *entries = walk->entries;
  while (entries != NULL && walk->at == entries->count) {
    entries = walk->entries = entries->after;
    walk->at = 0;
  }
  if (entries == NULL) return NULL;
  if (walk->at + WINDOW_AHEAD < entries->count) {
    const char *ahead = (const char *)entries->parts[walk->at + WINDOW_AHEAD];
    __builtin_prefetch(ahead - 16); /* its key, or the address of that */
    __builtin_prefetch(ahead + 64);
    const struct window_part *near = entries->parts[walk->at + WINDOW_AHEAD / 2];
    if (near->newer != NULL) __builtin_prefetch(near->newer, 1);
    if (!(near->flags & PART_OWN)) __builtin_prefetch(((struct window_key *const *)(const void *)near)[-2], 1);
  }
  return entries->parts[walk->at++];
}

void window_bucket_drop_oldest(struct window_set *set) {
  uint32_t at = set->bucket_first;
  check(at < set->bucket_end);
  struct window_bucket *bucket = set->buckets[at];
  struct window_walk walk;
  window_bucket_begin(bucket, &walk);
  struct window_part *part = window_bucket_next(&walk);
  check(part != NULL);
  struct window_key *key = window_part_key(set, part);
  if (part->flags & PART_QUEUED) bucket->changed[window_early_of(set, part)->queue_at] = NULL;
  window_part_free(set, key, part);
  if (key->newest == NULL) window_key_free(set, key);
  set->counts.dropped++;
  bucket->dropped++;
  struct window_entries *first = bucket->first;
  if (bucket->dropped < first->count) return;
  if (first->after == NULL) {
    window_bucket_free(set, at);
    return;
  }
  bucket->first = first->after;
  bucket->dropped = 0;
  pool_free(&set->pool, first, entries_bytes(first->capacity));
}
