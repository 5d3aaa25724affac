/* dedup.c - the ids of accepted events: a ring in the order of acceptance and a hash table of places in the ring, or
 * bitmaps while they are dense whole numbers, or a filter. Owned by engine.c. */
#include "engine/dedup.h"

#include <stdlib.h>

#include "base/hash.h"
#include "engine/dedup_filter.h"
#include "engine/dedup_pages.h"
#include "engine/watermark.h"

enum {
  DEDUP_RING_MIN = 256,
  DEDUP_ID_BYTES = 60,    /* of the set: 24 in the ring and 16 in the table at their fullest, and while it is doubled */
  DEDUP_DENSE_MIN = 1024, /* ids from which on it is worth looking whether they are dense */
  DEDUP_PAGES_MIN = 64,   /* pages from which on it is worth looking whether they are not */
};

struct seen { /* one accepted id */
  struct hash128 id;
  int64_t time;
};

struct dedup {
  struct mem *mem;
  struct dedup_options options;
  uint64_t ids_max; /* a power of two, as capacity */
  struct seen *ring;
  uint64_t first, count, capacity;     /* the ring's entries are [first, first + count), numbered for ever */
  uint64_t *table;                     /* 2 * capacity places: number + 1 of a ring entry, 0 = empty; linear probing */
  uint64_t forgotten, forgotten_dense; /* the latter in pages that are gone */
  bool numbers;                        /* all ids so far are whole numbers: `id` is the key of number_key() */
  struct dedup_pages *pages;           /* while they are dense; then the ring is empty */
  struct dedup_filter *filter;         /* `approx` */
};

struct dedup *dedup_new(struct mem *mem, const struct dedup_options *options) {
  struct dedup *dedup = mem_alloc(mem, sizeof *dedup);
  *dedup = (struct dedup){.mem = mem, .options = *options, .ids_max = DEDUP_RING_MIN, .numbers = true};
  while (2 * dedup->ids_max <= options->ids_max && dedup->ids_max < UINT64_C(1) << 40) dedup->ids_max *= 2;
  if (options->approx) dedup->filter = dedup_filter_new(mem, options->unique_us, options->ids_max * DEDUP_ID_BYTES);
  return dedup;
}

/* ---- keys ---- */

/* Both ways one to one, so that a number's key gives it back (the finalizer of splitmix64). */
static uint64_t mix(uint64_t z) {
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}
static uint64_t unmix(uint64_t z) {
  z = (z ^ z >> 31 ^ z >> 62) * UINT64_C(0x319642b2d24d8ec3);
  z = (z ^ z >> 27 ^ z >> 54) * UINT64_C(0x96de1b173f119089);
  return z ^ z >> 30 ^ z >> 60;
}

static struct hash128 number_key(uint64_t part, int64_t id) {
  return (struct hash128){.low = mix((uint64_t)id + mix(part)), .high = part};
}
static int64_t number_of(struct hash128 key) { return (int64_t)(unmix(key.low) - mix(key.high)); }

static uint64_t part_of(const struct dedup *dedup, const struct position *position) {
  return dedup->options.everywhere ? 0 : (position->source + UINT64_C(1)) << 32 | position->partition;
}

/* The bytes that tell two ids of one event type apart. Its field has one type, so the kind need not be among them. */
static struct hash128 hash_of(uint64_t part, struct value id) {
  struct {
    uint64_t part;
    uint64_t value[2];
  } fixed = {.part = part};
  _Static_assert(sizeof fixed == 24, "no byte of it is left unset");
  if (id.kind == VALUE_STRING || (id.kind == VALUE_IP && id.length == 16)) {
    struct hash128 bytes = hash_bytes_128(id.s, id.length);
    fixed.value[0] = bytes.low;
    fixed.value[1] = bytes.high;
  } else if (id.kind == VALUE_LIST || id.kind == VALUE_FLOAT) {
    fixed.value[0] = value_hash(id); /* equal values, equal hashes, whatever their bits */
  } else {
    fixed.value[0] = (uint64_t)id.i;
    fixed.value[1] = id.length;
  }
  return hash_bytes_128(&fixed, sizeof fixed);
}

/* ---- the set ---- */

static struct seen *entry(const struct dedup *dedup, uint64_t number) {
  return &dedup->ring[number & (dedup->capacity - 1)];
}

static uint64_t place_of(const struct dedup *dedup, struct hash128 id) {
  uint64_t mask = 2 * dedup->capacity - 1, at = id.low & mask;
  while (dedup->table[at] != 0) {
    const struct seen *seen = entry(dedup, dedup->table[at] - 1);
    if (seen->id.low == id.low && seen->id.high == id.high) break;
    at = (at + 1) & mask;
  }
  return at;
}

static void table_remove(struct dedup *dedup, uint64_t at) {
  uint64_t mask = 2 * dedup->capacity - 1;
  for (uint64_t next = (at + 1) & mask; dedup->table[next] != 0; next = (next + 1) & mask) {
    uint64_t home = entry(dedup, dedup->table[next] - 1)->id.low & mask;
    if (((next - home) & mask) < ((next - at) & mask)) continue; /* it stands between its home and the gap */
    dedup->table[at] = dedup->table[next];
    at = next;
  }
  dedup->table[at] = 0;
}

static void forget_first(struct dedup *dedup) {
  table_remove(dedup, place_of(dedup, entry(dedup, dedup->first)->id));
  dedup->first++;
  dedup->count--;
}

static void grow(struct dedup *dedup) {
  uint64_t capacity = dedup->capacity == 0 ? DEDUP_RING_MIN : 2 * dedup->capacity;
  struct seen *ring = mem_alloc_raw(dedup->mem, capacity * sizeof *ring);
  uint64_t *table = mem_alloc(dedup->mem, 2 * capacity * sizeof *table);
  for (uint64_t i = 0; i < dedup->count; i++)
    ring[(dedup->first + i) & (capacity - 1)] = *entry(dedup, dedup->first + i);
  mem_free(dedup->mem, dedup->ring);
  mem_free(dedup->mem, dedup->table);
  dedup->ring = ring;
  dedup->table = table;
  dedup->capacity = capacity;
  for (uint64_t i = 0; i < dedup->count; i++) {
    uint64_t number = dedup->first + i;
    dedup->table[place_of(dedup, entry(dedup, number)->id)] = number + 1;
  }
}

/* The id is not there. */
static void set_add(struct dedup *dedup, struct hash128 id, int64_t time) {
  if (dedup->capacity == 0) grow(dedup);
  if (dedup->count == dedup->capacity) {
    if (dedup->capacity < dedup->ids_max) {
      grow(dedup);
    } else {
      forget_first(dedup);
      dedup->forgotten++;
    }
  }
  uint64_t number = dedup->first + dedup->count++;
  *entry(dedup, number) = (struct seen){.id = id, .time = time};
  dedup->table[place_of(dedup, id)] = number + 1;
}

static void set_free(struct dedup *dedup) {
  mem_free(dedup->mem, dedup->ring);
  mem_free(dedup->mem, dedup->table);
  dedup->ring = NULL;
  dedup->table = NULL;
  dedup->first = dedup->count = dedup->capacity = 0;
}

/* ---- dense numbers ---- */

static int compare_numbers(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* How many pages the set's numbers would take. */
static uint64_t pages_needed(const struct dedup *dedup) {
  uint64_t *pages = mem_alloc_raw(dedup->mem, dedup->count * sizeof *pages), different = 0;
  for (uint64_t i = 0; i < dedup->count; i++) {
    struct hash128 id = entry(dedup, dedup->first + i)->id;
    pages[i] = mix(id.high) + (uint64_t)(number_of(id) >> 9);
  }
  qsort(pages, dedup->count, sizeof *pages, compare_numbers);
  for (uint64_t i = 0; i < dedup->count; i++) different += i == 0 || pages[i] != pages[i - 1];
  mem_free(dedup->mem, pages);
  return different;
}

/* Bytes of a page: with the context's header and its place in the table. */
static uint64_t pages_bytes(const struct dedup *dedup, uint64_t pages) {
  return pages * (256 + DEDUP_PAGE_IDS * (dedup->options.unique_us >= INT64_C(1) << 31 ? 8u : 4u));
}

/* The set is full, and would be made twice as large: if its ids are dense numbers, they go into pages, where they take
 * half of the memory, or less. */
static void try_pages(struct dedup *dedup) {
  if (!dedup->numbers || dedup->count < DEDUP_DENSE_MIN) return;
  if (2 * pages_bytes(dedup, pages_needed(dedup)) > dedup->count * DEDUP_ID_BYTES) return;
  dedup->pages = dedup_pages_new(dedup->mem, dedup->options.unique_us, dedup->options.ids_max * DEDUP_ID_BYTES);
  for (uint64_t i = 0; i < dedup->count; i++) {
    const struct seen *seen = entry(dedup, dedup->first + i);
    (void)dedup_pages_seen(dedup->pages, seen->id.high, number_of(seen->id), seen->time);
  }
  set_free(dedup);
}

struct collected {
  struct seen *items;
  uint64_t count;
};

static void collect(void *context, uint64_t part, int64_t id, int64_t time) {
  struct collected *all = context;
  all->items[all->count++] = (struct seen){.id = number_key(part, id), .time = time};
}

static int compare_seen(const void *a, const void *b) {
  const struct seen *x = a, *y = b;
  if (x->time != y->time) return x->time < y->time ? -1 : 1;
  if (x->id.high != y->id.high) return x->id.high < y->id.high ? -1 : 1;
  return (x->id.low > y->id.low) - (x->id.low < y->id.low);
}

static void back_to_set(struct dedup *dedup, int64_t now) {
  struct dedup_pages *pages = dedup->pages;
  struct collected all = {.items = mem_alloc_raw(dedup->mem, (dedup_pages_count(pages) + 1) * sizeof *all.items)};
  dedup_pages_each(pages, now, collect, &all);
  dedup->forgotten_dense += dedup_pages_forgotten(pages);
  dedup->pages = NULL;
  dedup_pages_free(pages);
  qsort(all.items, all.count, sizeof *all.items, compare_seen);
  for (uint64_t i = 0; i < all.count; i++) set_add(dedup, all.items[i].id, all.items[i].time);
  mem_free(dedup->mem, all.items);
}

/* Pages that take more than the set would: the numbers are dense no more. */
static bool sparse(const struct dedup *dedup) {
  uint64_t pages = dedup_pages_pages(dedup->pages);
  return pages >= DEDUP_PAGES_MIN && pages_bytes(dedup, pages) > dedup_pages_count(dedup->pages) * DEDUP_ID_BYTES;
}

bool dedup_seen(struct dedup *dedup, const struct position *position, struct value id, int64_t time) {
  if (value_is_null(id)) return false;
  uint64_t part = part_of(dedup, position);
  if (dedup->filter != NULL) return dedup_filter_seen(dedup->filter, hash_of(part, id), time);
  bool number = id.kind == VALUE_INT;
  if (dedup->pages != NULL && (!number || sparse(dedup))) back_to_set(dedup, time);
  if (dedup->pages != NULL) return dedup_pages_seen(dedup->pages, part, id.i, time);
  dedup->numbers = dedup->numbers && number;
  int64_t since = watermark_less(time, dedup->options.unique_us);
  while (dedup->count > 0 && entry(dedup, dedup->first)->time <= since) forget_first(dedup);
  struct hash128 key = number ? number_key(part, id.i) : hash_of(part, id);
  if (dedup->capacity > 0 && dedup->table[place_of(dedup, key)] != 0) return true;
  if (dedup->count > 0 && dedup->count == dedup->capacity) try_pages(dedup);
  if (dedup->pages != NULL) return dedup_pages_seen(dedup->pages, part, id.i, time);
  set_add(dedup, key, time);
  return false;
}

uint64_t dedup_count(const struct dedup *dedup) {
  if (dedup->filter != NULL) return dedup_filter_count(dedup->filter);
  return dedup->pages != NULL ? dedup_pages_count(dedup->pages) : dedup->count;
}
uint64_t dedup_forgotten(const struct dedup *dedup) {
  if (dedup->filter != NULL) return dedup_filter_forgotten(dedup->filter);
  return dedup->forgotten + dedup->forgotten_dense + (dedup->pages != NULL ? dedup_pages_forgotten(dedup->pages) : 0);
}
bool dedup_dense(const struct dedup *dedup) { return dedup->pages != NULL; }
