/* map.h - hash maps for warm and cold paths: names to numbers, numbers to numbers. Open addressing, linear probing, at
 * most three quarters full. Growth takes memory from the context. One thread. Iteration order depends on hashes: what
 * is told to anybody must be sorted first. */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/slice.h"

/* Byte strings to u32. The keys' bytes are borrowed: they must stay where they are as long as the map is used. */
struct map_text_entry {
  struct slice key; /* data NULL = empty place */
  uint32_t value, hash;
};
struct map_text {
  struct mem *mem;
  struct map_text_entry *entries;
  uint32_t count, capacity; /* capacity: 0 or a power of two */
};

void map_text_init(struct map_text *map, struct mem *mem);
void map_text_free(struct map_text *map);
/* The value's place, or NULL. It is good until the next map_text_put(). */
uint32_t *map_text_get(const struct map_text *map, struct slice key);
/* The place of the value of `key`, new and 0 if it was not there (*is_new, may be NULL). */
uint32_t *map_text_put(struct map_text *map, struct slice key, bool *is_new);

/* u64 to u64, any key. */
struct map_u64_entry {
  uint64_t key, value;
};
struct map_u64 {
  struct mem *mem;
  struct map_u64_entry *entries;
  uint8_t *taken; /* one byte per place */
  uint64_t count, capacity;
};

void map_u64_init(struct map_u64 *map, struct mem *mem);
void map_u64_free(struct map_u64 *map);
uint64_t *map_u64_get(const struct map_u64 *map, uint64_t key);
uint64_t *map_u64_put(struct map_u64 *map, uint64_t key, bool *is_new);
bool map_u64_remove(struct map_u64 *map, uint64_t key); /* whether it was there */
void map_u64_clear(struct map_u64 *map);                /* keeps the memory */
/* `uint64_t at = 0; while ((entry = map_u64_next(map, &at)) != NULL)`; nothing may be put or removed meanwhile. */
struct map_u64_entry *map_u64_next(const struct map_u64 *map, uint64_t *at);

#endif
