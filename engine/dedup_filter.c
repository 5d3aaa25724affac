/* dedup_filter.c - a cuckoo filter with time stamps. Called by dedup.c. */
#include "engine/dedup_filter.h"

#include <string.h>

#include "base/check.h"

enum {
  BUCKET = 4,
  STAMP_BITS = 12,
  STAMPS = 1 << STAMP_BITS,
  SLICES = 1024, /* of D */
  TABLES_MAX = 40,
  KICKS_MAX = 128,
  BUCKETS_MIN = DEDUP_FILTER_BYTES_MIN / (BUCKET * sizeof(uint32_t)),
};

/* An entry is 0 (none) or 20 bits of the hash, not all 0, above its stamp. */
struct table {
  uint32_t *entries;                  /* BUCKET a bucket */
  uint64_t bucket_count, used, swept; /* a power of two; entries that are not 0; the bucket to be swept next */
  int64_t latest;                     /* slice of the last one that came in */
};

struct dedup_filter {
  struct mem *mem;
  int64_t slice_us, slices; /* an id is remembered while its slice is at most so many behind */
  int64_t now;              /* slice; INT64_MIN: nothing has come yet */
  uint64_t entries_max, entries, forgotten;
  uint32_t turn; /* which entry of a full bucket is moved next */
  uint32_t count;
  struct table tables[TABLES_MAX]; /* the last one takes what comes; each is twice as large as the one before */
};

static void table_add(struct dedup_filter *filter, uint64_t buckets) {
  check(filter->count < TABLES_MAX);
  filter->tables[filter->count++] =
      (struct table){.entries = mem_alloc(filter->mem, buckets * BUCKET * sizeof(uint32_t)), .bucket_count = buckets};
  filter->entries += buckets * BUCKET;
}

struct dedup_filter *dedup_filter_new(struct mem *mem, int64_t unique_us, uint64_t bytes_max) {
  struct dedup_filter *filter = mem_alloc(mem, sizeof *filter);
  *filter = (struct dedup_filter){.mem = mem, .now = INT64_MIN, .entries_max = bytes_max / sizeof(uint32_t)};
  filter->slice_us = unique_us / SLICES + (unique_us % SLICES != 0);
  if (filter->slice_us == 0) filter->slice_us = 1;
  filter->slices = unique_us / filter->slice_us + (unique_us % filter->slice_us != 0);
  return filter;
}

static int64_t slice_of_time(const struct dedup_filter *filter, int64_t time) {
  int64_t slice = time / filter->slice_us;
  return slice - (time % filter->slice_us < 0);
}

static uint32_t stamp_of(int64_t slice) { return (uint32_t)((uint64_t)slice & (STAMPS - 1)); }

/* How many slices ago; the sweep sees to it that it is less than STAMPS. */
static int64_t age_of(const struct dedup_filter *filter, uint32_t entry) {
  return (int64_t)((stamp_of(filter->now) - entry) & (STAMPS - 1));
}

static bool expired(const struct dedup_filter *filter, uint32_t entry) {
  return age_of(filter, entry) > filter->slices;
}

/* ---- time ---- */

static void sweep(const struct dedup_filter *filter, struct table *table, uint64_t buckets) {
  for (uint64_t i = 0; i < buckets; i++, table->swept = (table->swept + 1) & (table->bucket_count - 1)) {
    uint32_t *bucket = table->entries + table->swept * BUCKET;
    for (int e = 0; e < BUCKET; e++) {
      if (bucket[e] == 0 || !expired(filter, bucket[e])) continue;
      bucket[e] = 0;
      table->used--;
    }
  }
}

static void table_clear(struct table *table) {
  memset(table->entries, 0, table->bucket_count * BUCKET * sizeof *table->entries);
  table->used = table->swept = 0;
}

/* Time goes on to the slice: in SLICES slices each bucket is looked at once, so nothing grows older than twice that. */
static void move_on(struct dedup_filter *filter, int64_t slice) {
  uint64_t passed = filter->now == INT64_MIN ? 0 : (uint64_t)slice - (uint64_t)filter->now;
  if (passed == 0 && filter->now != INT64_MIN) return;
  filter->now = slice;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < filter->count; i++) {
    struct table table = filter->tables[i];
    bool last = i + 1 == filter->count;
    if (!last && slice - table.latest > filter->slices) {
      mem_free(filter->mem, table.entries);
      filter->entries -= table.bucket_count * BUCKET;
      continue;
    }
    if (passed > SLICES)
      table_clear(&table);
    else
      sweep(filter, &table, (table.bucket_count * passed + SLICES - 1) / SLICES);
    filter->tables[kept++] = table;
  }
  filter->count = kept;
}

/* ---- ids ---- */

static uint64_t other_bucket(const struct table *table, uint64_t bucket, uint32_t entry) {
  return (bucket ^ hash_u64(entry >> STAMP_BITS)) & (table->bucket_count - 1);
}

static bool bucket_has(const struct dedup_filter *filter, const struct table *table, uint64_t bucket, uint32_t entry) {
  const uint32_t *entries = table->entries + bucket * BUCKET;
  for (int e = 0; e < BUCKET; e++)
    if (entries[e] >> STAMP_BITS == entry >> STAMP_BITS && !expired(filter, entries[e])) return true;
  return false;
}

static bool bucket_take(const struct dedup_filter *filter, struct table *table, uint64_t bucket, uint32_t entry) {
  uint32_t *entries = table->entries + bucket * BUCKET;
  for (int e = 0; e < BUCKET; e++) {
    if (entries[e] != 0 && !expired(filter, entries[e])) continue;
    table->used += entries[e] == 0;
    entries[e] = entry;
    return true;
  }
  return false;
}

/* Of the entries in both buckets the oldest is replaced; of equally old ones each in its turn. */
static void replace_oldest(struct dedup_filter *filter, struct table *table, uint64_t a, uint64_t b, uint32_t entry) {
  uint32_t *oldest = NULL;
  filter->turn++;
  for (uint32_t i = 0; i < 2 * BUCKET; i++) {
    uint32_t place = (i + filter->turn) % (2 * BUCKET);
    uint32_t *at = table->entries + (place < BUCKET ? a : b) * BUCKET + place % BUCKET;
    if (oldest == NULL || age_of(filter, *at) > age_of(filter, *oldest)) oldest = at;
  }
  *oldest = entry;
  filter->forgotten++;
}

/* Entries are moved to their other bucket until one finds room; if none does, the last one moved is forgotten. */
static void put(struct dedup_filter *filter, struct table *table, uint64_t bucket, uint32_t entry, bool full) {
  uint64_t other = other_bucket(table, bucket, entry);
  table->latest = filter->now;
  if (bucket_take(filter, table, bucket, entry) || bucket_take(filter, table, other, entry)) return;
  if (full) {
    replace_oldest(filter, table, bucket, other, entry);
    return;
  }
  for (int kick = 0; kick < KICKS_MAX; kick++) {
    uint32_t *place = table->entries + bucket * BUCKET + filter->turn++ % BUCKET;
    uint32_t moved = *place;
    *place = entry;
    entry = moved;
    bucket = other_bucket(table, bucket, entry);
    if (bucket_take(filter, table, bucket, entry)) return;
  }
  filter->forgotten++;
}

bool dedup_filter_seen(struct dedup_filter *filter, struct hash128 id, int64_t time) {
  if (filter->slices == 0) return false; /* a window of no length */
  move_on(filter, slice_of_time(filter, time));
  uint32_t print = (uint32_t)(id.high >> (32 + STAMP_BITS));
  uint32_t entry = (print == 0 ? 1u : print) << STAMP_BITS | stamp_of(filter->now);
  for (uint32_t i = 0; i < filter->count; i++) {
    const struct table *table = &filter->tables[i];
    uint64_t bucket = id.low & (table->bucket_count - 1);
    if (bucket_has(filter, table, bucket, entry) ||
        bucket_has(filter, table, other_bucket(table, bucket, entry), entry))
      return true;
  }
  struct table *last = filter->count == 0 ? NULL : &filter->tables[filter->count - 1];
  bool full = last != NULL && last->used >= last->bucket_count * BUCKET / 8 * 7;
  if (last == NULL || full) {
    uint64_t buckets = last == NULL ? BUCKETS_MIN : 2 * last->bucket_count;
    if (last == NULL || filter->entries + buckets * BUCKET <= filter->entries_max) {
      table_add(filter, buckets);
      last = &filter->tables[filter->count - 1];
      full = false;
    }
  }
  put(filter, last, id.low & (last->bucket_count - 1), entry, full);
  return false;
}

uint64_t dedup_filter_count(const struct dedup_filter *filter) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < filter->count; i++) count += filter->tables[i].used;
  return count;
}
uint64_t dedup_filter_forgotten(const struct dedup_filter *filter) { return filter->forgotten; }
