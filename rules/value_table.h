/* value_table.h - from a value to its number: the hash that lists and tables are looked up with.
 *
 * Built once while a rule set is compiled, then read by any number of threads. Equality is value_equal()'s, so 1, 1.0
 * and 1.00 are one value. Most values that are asked for are in no list: one bit of a small filter says so of nine in
 * ten of them, and the slots, which are too many for the nearest caches, are left alone. */
#ifndef WEIR_RULES_VALUE_TABLE_H
#define WEIR_RULES_VALUE_TABLE_H

#include "base/hash.h"
#include "base/value.h"

struct value_table_slot {
  uint32_t tag;    /* upper half of the hash */
  uint32_t number; /* of the value, from 1; 0 = empty */
};

enum { VALUE_TABLE_FILTER = 4 };

struct value_table {
  const struct value *values; /* borrowed; not null */
  struct value_table_slot *slots;
  uint32_t mask;    /* slots - 1; slots are a power of two, at most half of them taken */
  uint64_t *filter; /* VALUE_TABLE_FILTER bits for each slot, set by the upper half of the hash */
};

/* Room for `count` values (at most UINT32_MAX / 4). `values` may still be empty: value_table_add() says which stand. */
void value_table_init(struct value_table *table, struct arena *arena, const struct value *values, uint32_t count);
/* Enters values[number]. Returns `number`, or the number of the equal value that was there before. */
uint32_t value_table_add(struct value_table *table, uint32_t number);

/* Strings go straight to the hash of their bytes: they are the common case, and a table is of one type. */
static inline uint64_t value_table_hash(struct value v) {
  return v.kind == VALUE_STRING ? hash_bytes(v.s, v.length) : value_hash(v);
}

/* The filter's bit of a tag: the word and, in `bit`, which. */
static inline uint64_t *value_table_filter(const struct value_table *table, uint32_t tag, uint64_t *bit) {
  uint64_t at = tag & ((uint64_t)table->mask * VALUE_TABLE_FILTER | (VALUE_TABLE_FILTER - 1));
  *bit = UINT64_C(1) << (at & 63);
  return &table->filter[at >> 6];
}

/* The number of an equal value, or -1. `v` is not null. */
static inline int64_t value_table_find(const struct value_table *table, struct value v) {
  uint64_t hash = value_table_hash(v), bit;
  uint32_t tag = (uint32_t)(hash >> 32);
  if ((*value_table_filter(table, tag, &bit) & bit) == 0) return -1;
  for (uint32_t at = (uint32_t)hash & table->mask;; at = (at + 1) & table->mask) {
    struct value_table_slot slot = table->slots[at];
    if (slot.number == 0) return -1;
    if (slot.tag != tag) continue;
    struct value found = table->values[slot.number - 1];
    if (v.kind == VALUE_STRING && found.kind == VALUE_STRING) {
      if (found.length == v.length && memcmp(found.s, v.s, v.length) == 0) return slot.number - 1;
    } else if (value_equal(found, v)) {
      return slot.number - 1;
    }
  }
}

#endif
