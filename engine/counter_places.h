/* counter_places.h - where in an array the item with a hash is: open addressing, linear probing. Included by
 * counter_values.c and counter_top.c, which own the arrays and the maps. */
#ifndef WEIR_ENGINE_COUNTER_PLACES_H
#define WEIR_ENGINE_COUNTER_PLACES_H

#include "base/check.h"
#include "engine/counter_private.h"

struct places {
  uint32_t *map; /* 2^log2 of them, at most half of them taken: 1 + item; 0 = free */
  unsigned log2;
  const char *hashes; /* of item 0; each `stride` bytes behind the one before */
  size_t stride;
};

/* The place of the item with that hash, or where it would stand. */
static inline uint32_t places_find(const struct places *places, uint64_t hash) {
  uint32_t mask = ((uint32_t)1 << places->log2) - 1, at = (uint32_t)hash & mask;
  while (places->map[at] != 0 && read_u64(places->hashes + (size_t)(places->map[at] - 1) * places->stride) != hash)
    at = (at + 1) & mask;
  return at;
}

/* The item is there. Items behind it move into the hole, if that is not before their own place. */
static inline void places_remove(const struct places *places, uint64_t hash) {
  uint32_t mask = ((uint32_t)1 << places->log2) - 1, hole = places_find(places, hash);
  check(places->map[hole] != 0);
  for (uint32_t at = (hole + 1) & mask; places->map[at] != 0; at = (at + 1) & mask) {
    uint32_t own = (uint32_t)read_u64(places->hashes + (size_t)(places->map[at] - 1) * places->stride) & mask;
    if (((at - own) & mask) < ((at - hole) & mask)) continue;
    places->map[hole] = places->map[at];
    hole = at;
  }
  places->map[hole] = 0;
}

#endif
