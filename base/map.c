/* map.c - the two hash maps of map.h. */
#include "base/map.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"

enum { CAPACITY_FIRST = 16 };
#define TEXT_CAPACITY_MAX (UINT32_C(1) << 30)

void map_text_init(struct map_text *map, struct mem *mem) { *map = (struct map_text){.mem = mem}; }

void map_text_free(struct map_text *map) {
  mem_free(map->mem, map->entries);
  map_text_init(map, map->mem);
}

/* The entry with this key, or the empty place where it belongs. */
static struct map_text_entry *text_place(const struct map_text *map, struct slice key, uint32_t hash) {
  for (uint32_t i = hash;; i++) { /* ends: a quarter of the places is empty */
    struct map_text_entry *entry = &map->entries[i & (map->capacity - 1)];
    if (entry->key.data == NULL || (entry->hash == hash && slice_equal(entry->key, key))) return entry;
  }
}

uint32_t *map_text_get(const struct map_text *map, struct slice key) {
  if (map->count == 0) return NULL;
  struct map_text_entry *entry = text_place(map, key, (uint32_t)hash_bytes(key.data, key.length));
  return entry->key.data == NULL ? NULL : &entry->value;
}

static void text_grow(struct map_text *map) {
  check(map->capacity < TEXT_CAPACITY_MAX);
  struct map_text grown = {.mem = map->mem, .count = map->count};
  grown.capacity = map->capacity == 0 ? CAPACITY_FIRST : map->capacity * 2;
  grown.entries = mem_alloc(map->mem, grown.capacity * sizeof *grown.entries);
  for (uint32_t i = 0; i < map->capacity; i++) {
    const struct map_text_entry *entry = &map->entries[i];
    if (entry->key.data != NULL) *text_place(&grown, entry->key, entry->hash) = *entry;
  }
  mem_free(map->mem, map->entries);
  *map = grown;
}

uint32_t *map_text_put(struct map_text *map, struct slice key, bool *is_new) {
  if ((uint64_t)(map->count + 1) * 4 > (uint64_t)map->capacity * 3) text_grow(map);
  uint32_t hash = (uint32_t)hash_bytes(key.data, key.length);
  struct map_text_entry *entry = text_place(map, key, hash);
  bool missing = entry->key.data == NULL;
  if (missing) {
    if (key.data == NULL) key.data = ""; /* the empty key: NULL means an empty place */
    *entry = (struct map_text_entry){.key = key, .hash = hash};
    map->count++;
  }
  if (is_new != NULL) *is_new = missing;
  return &entry->value;
}

void map_u64_init(struct map_u64 *map, struct mem *mem) { *map = (struct map_u64){.mem = mem}; }

void map_u64_free(struct map_u64 *map) {
  mem_free(map->mem, map->entries);
  mem_free(map->mem, map->taken);
  map_u64_init(map, map->mem);
}

/* Keys are often small numbers in a row: multiply and fold, so that all bits reach the low ones. */
static uint64_t mix(uint64_t key) {
  key *= UINT64_C(0x9e3779b97f4a7c15);
  return key ^ key >> 32;
}

static uint64_t u64_place(const struct map_u64 *map, uint64_t key) {
  uint64_t i = mix(key) & (map->capacity - 1);
  while (map->taken[i] && map->entries[i].key != key) i = (i + 1) & (map->capacity - 1);
  return i;
}

uint64_t *map_u64_get(const struct map_u64 *map, uint64_t key) {
  if (map->count == 0) return NULL;
  uint64_t i = u64_place(map, key);
  return map->taken[i] ? &map->entries[i].value : NULL;
}

static void u64_grow(struct map_u64 *map) {
  struct map_u64 grown = {.mem = map->mem, .count = map->count};
  grown.capacity = map->capacity == 0 ? CAPACITY_FIRST : map->capacity * 2;
  grown.entries = mem_alloc_raw(map->mem, grown.capacity * sizeof *grown.entries);
  grown.taken = mem_alloc(map->mem, grown.capacity);
  for (uint64_t i = 0; i < map->capacity; i++) {
    if (!map->taken[i]) continue;
    uint64_t place = u64_place(&grown, map->entries[i].key);
    grown.entries[place] = map->entries[i];
    grown.taken[place] = 1;
  }
  mem_free(map->mem, map->entries);
  mem_free(map->mem, map->taken);
  *map = grown;
}

uint64_t *map_u64_put(struct map_u64 *map, uint64_t key, bool *is_new) {
  if ((map->count + 1) * 4 > map->capacity * 3) u64_grow(map);
  uint64_t i = u64_place(map, key);
  bool missing = !map->taken[i];
  if (missing) {
    map->entries[i] = (struct map_u64_entry){.key = key};
    map->taken[i] = 1;
    map->count++;
  }
  if (is_new != NULL) *is_new = missing;
  return &map->entries[i].value;
}

bool map_u64_remove(struct map_u64 *map, uint64_t key) {
  if (map->count == 0) return false;
  uint64_t hole = u64_place(map, key), mask = map->capacity - 1;
  if (!map->taken[hole]) return false;
  /* Close the hole (Knuth, 6.4 R): an entry further on moves into it unless its home lies behind the hole. */
  for (uint64_t i = (hole + 1) & mask; map->taken[i]; i = (i + 1) & mask) {
    uint64_t home = mix(map->entries[i].key) & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    map->entries[hole] = map->entries[i];
    hole = i;
  }
  map->taken[hole] = 0;
  map->count--;
  return true;
}

void map_u64_clear(struct map_u64 *map) {
  if (map->capacity > 0) memset(map->taken, 0, map->capacity);
  map->count = 0;
}

struct map_u64_entry *map_u64_next(const struct map_u64 *map, uint64_t *at) {
  while (*at < map->capacity) {
    uint64_t i = (*at)++;
    if (map->taken[i]) return &map->entries[i];
  }
  return NULL;
}
