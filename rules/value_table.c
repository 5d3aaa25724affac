/* value_table.c - builds the hash of value_table.h: open addressing, linear probes, tags beside the numbers. */
#include "rules/value_table.h"

#include "base/check.h"

void value_table_init(struct value_table *table, struct arena *arena, const struct value *values, uint32_t count) {
  check(count <= UINT32_MAX / 4);
  uint32_t size = 8;
  while (size < 2 * (uint64_t)count) size *= 2;
  table->values = values;
  table->slots = arena_array(arena, struct value_table_slot, size);
  table->mask = size - 1;
  table->filter = arena_array(arena, uint64_t, (size * (uint64_t)VALUE_TABLE_FILTER + 63) / 64);
}

uint32_t value_table_add(struct value_table *table, uint32_t number) {
  struct value v = table->values[number];
  int64_t found = value_table_find(table, v);
  if (found >= 0) return (uint32_t)found;
  uint64_t hash = value_table_hash(v);
  uint32_t at = (uint32_t)hash & table->mask;
  while (table->slots[at].number != 0) at = (at + 1) & table->mask;
  table->slots[at] = (struct value_table_slot){.tag = (uint32_t)(hash >> 32), .number = number + 1};
  uint64_t bit, *word = value_table_filter(table, (uint32_t)(hash >> 32), &bit);
  *word |= bit;
  return number;
}
