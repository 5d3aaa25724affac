/* dedup.c - the ids of accepted events: a ring in the order of acceptance, and a hash table of places in the ring.
 * Owned by engine.c. */
#include "engine/dedup.h"

#include "base/hash.h"
#include "engine/watermark.h"

enum { DEDUP_RING_MIN = 256 };

struct seen { /* one accepted id */
  struct hash128 id;
  int64_t time;
};

struct dedup {
  struct mem *mem;
  int64_t unique_us;
  bool everywhere;
  uint64_t ids_max; /* a power of two, as capacity */
  struct seen *ring;
  uint64_t first, count, capacity; /* the ring's entries are [first, first + count), numbered for ever */
  uint64_t *table;                 /* 2 * capacity places: number + 1 of a ring entry, 0 = empty; linear probing */
  uint64_t forgotten;
};

struct dedup *dedup_new(struct mem *mem, int64_t unique_us, bool everywhere, uint64_t ids_max) {
  struct dedup *dedup = mem_alloc(mem, sizeof *dedup);
  *dedup = (struct dedup){.mem = mem, .unique_us = unique_us, .everywhere = everywhere, .ids_max = DEDUP_RING_MIN};
  while (2 * dedup->ids_max <= ids_max && dedup->ids_max < UINT64_C(1) << 40) dedup->ids_max *= 2;
  return dedup;
}

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

/* The bytes that tell two ids of one event type apart. Its field has one type, so the kind need not be among them. */
static struct hash128 hash_of(const struct dedup *dedup, const struct position *position, struct value id) {
  struct {
    uint64_t source, partition;
    uint64_t value[2];
  } fixed = {0};
  _Static_assert(sizeof fixed == 32, "no byte of it is left unset");
  if (!dedup->everywhere) {
    fixed.source = position->source + UINT64_C(1);
    fixed.partition = position->partition;
  }
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

bool dedup_seen(struct dedup *dedup, const struct position *position, struct value id, int64_t time) {
  int64_t since = watermark_less(time, dedup->unique_us);
  while (dedup->count > 0 && entry(dedup, dedup->first)->time <= since) forget_first(dedup);
  if (value_is_null(id)) return false;
  if (dedup->capacity == 0) grow(dedup);
  struct hash128 hash = hash_of(dedup, position, id);
  if (dedup->table[place_of(dedup, hash)] != 0) return true;
  if (dedup->count == dedup->capacity) {
    if (dedup->capacity < dedup->ids_max) {
      grow(dedup);
    } else {
      forget_first(dedup);
      dedup->forgotten++;
    }
  }
  uint64_t number = dedup->first + dedup->count++;
  *entry(dedup, number) = (struct seen){.id = hash, .time = time};
  dedup->table[place_of(dedup, hash)] = number + 1;
  return false;
}

uint64_t dedup_count(const struct dedup *dedup) { return dedup->count; }
uint64_t dedup_forgotten(const struct dedup *dedup) { return dedup->forgotten; }
