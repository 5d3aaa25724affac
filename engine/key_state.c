/* key_state.c - the table of key records. Called by step.c. */
#include "engine/key_state.h"

#include <string.h>

#include "base/check.h"

enum {
  LINE_ENTRIES = 4,
  LINES_FIRST = 256,
  LOAD_PERCENT_MAX = 75,
  LINE_BYTES = 64,
  RECORDS_FIRST = 64,
  RECORDS_BLOCK_MAX = 1 << 16, /* 4 MiB: a block that the system can keep in large pages */
};

struct entry {
  uint64_t hash;             /* key.low; the record is the key's if its 128 bits are */
  struct key_record *record; /* NULL: free */
};
struct line {
  _Alignas(64) struct entry entries[LINE_ENTRIES];
};

struct key_table {
  struct mem *mem;
  struct pool *pool;
  struct line *lines;
  void *block; /* of the lines, not aligned */
  uint64_t line_mask, count;
  struct key_record *free;            /* used before, oldest use last */
  struct key_record *fresh, *end;     /* the untouched rest of the latest block */
  uint64_t record_count, block_count; /* in all blocks; in the next one */
};

static void *aligned(void *block) {
  return (void *)(((uintptr_t)block + LINE_BYTES - 1) & ~(uintptr_t)(LINE_BYTES - 1));
}

static struct line *lines_new(struct mem *mem, uint64_t count, void **block) {
  *block = mem_alloc(mem, count * sizeof(struct line) + LINE_BYTES - 1);
  return aligned(*block);
}

struct key_table *key_table_new(struct mem *mem, struct pool *pool) {
  struct key_table *table = mem_alloc(mem, sizeof *table);
  table->mem = mem;
  table->pool = pool;
  table->lines = lines_new(mem, LINES_FIRST, &table->block);
  table->line_mask = LINES_FIRST - 1;
  table->block_count = RECORDS_FIRST;
  return table;
}

static struct key_record *record_new(struct key_table *table) {
  struct key_record *record = table->free;
  if (record != NULL) {
    table->free = record->next_free;
    return record; /* its timer may stand in the wheel still: then it fires early, for its new key */
  }
  if (table->fresh == table->end) {
    table->fresh = aligned(mem_alloc_raw(table->mem, table->block_count * sizeof *record + LINE_BYTES - 1));
    table->end = table->fresh + table->block_count;
    table->record_count += table->block_count;
    if (table->block_count < RECORDS_BLOCK_MAX) table->block_count *= 2;
  }
  record = table->fresh++;
  record->timer.deadline = WHEEL_UNSET;
  return record;
}

/* Equal values of the part's type have equal hashes; parts of one key have fixed types. */
static inline XXH128_hash_t part_hash(struct value v, uint64_t seed) {
  switch (v.kind) {
  case VALUE_STRING: return XXH3_128bits_withSeed(v.s, v.length, seed);
  case VALUE_IP:
    return v.length == 16 ? XXH3_128bits_withSeed(v.ip, 16, seed) : XXH3_128bits_withSeed(&v.i, sizeof v.i, seed);
  case VALUE_FLOAT: {
    double number = v.f == 0 ? 0 : v.f; /* -0 is 0 */
    return XXH3_128bits_withSeed(&number, sizeof number, seed);
  }
  case VALUE_LIST: {
    uint64_t hashes[LIST_ELEMENTS_MAX];
    check(v.length <= LIST_ELEMENTS_MAX);
    for (uint32_t i = 0; i < v.length; i++) hashes[i] = value_hash(v.list[i]);
    return XXH3_128bits_withSeed(hashes, v.length * sizeof hashes[0], seed);
  }
  default: return XXH3_128bits_withSeed(&v.i, sizeof v.i, seed);
  }
}

bool key_of_event(const struct key_space *space, uint16_t space_id, const struct event *event, struct hash128 *key) {
  XXH128_hash_t hash = {0, space_id};
  const uint16_t *slots = space->slots + (size_t)event->type * space->part_count;
  for (uint16_t i = 0; i < space->part_count; i++) {
    const struct value *value = &event->values[slots[i]];
    if (value->kind == VALUE_NULL) return false;
    XXH128_hash_t part = part_hash(*value, space_id);
    if (i == 0) {
      hash = part;
    } else {
      XXH128_hash_t both[2] = {hash, part};
      hash = XXH3_128bits_withSeed(both, sizeof both, i);
    }
  }
  *key = (struct hash128){.low = hash.low64, .high = hash.high64};
  return true;
}

struct hash128 key_of_values(uint16_t part_count, uint16_t space_id, const struct value *values) {
  XXH128_hash_t hash = {0, space_id};
  for (uint16_t i = 0; i < part_count; i++) {
    XXH128_hash_t part = part_hash(values[i], space_id);
    if (i == 0) {
      hash = part;
    } else {
      XXH128_hash_t both[2] = {hash, part};
      hash = XXH3_128bits_withSeed(both, sizeof both, i);
    }
  }
  return (struct hash128){.low = hash.low64, .high = hash.high64};
}

/* By what stands in the entry: neither growing nor removing has to look at other keys' records. */
static uint64_t line_of(const struct key_table *table, uint64_t hash) { return hash & table->line_mask; }

void key_table_prefetch_line(const struct key_table *table, struct hash128 key) {
  __builtin_prefetch(&table->lines[line_of(table, key.low)]);
}

struct key_record *key_table_guess(const struct key_table *table, struct hash128 key) {
  const struct line *line = &table->lines[line_of(table, key.low)];
  for (int i = 0; i < LINE_ENTRIES; i++)
    if (line->entries[i].hash == key.low && line->entries[i].record != NULL) {
      __builtin_prefetch(line->entries[i].record, 1);
      return line->entries[i].record;
    }
  return NULL;
}

static struct entry *find_entry(const struct key_table *table, struct hash128 key) {
  for (uint64_t at = line_of(table, key.low);;
       at = (at + 1) & table->line_mask) { /* ends: a quarter of the entries is free */
    struct line *line = &table->lines[at];
    for (int i = 0; i < LINE_ENTRIES; i++) {
      struct entry *e = &line->entries[i];
      if (e->record == NULL) return e;
      if (e->hash == key.low && e->record->key.low == key.low && e->record->key.high == key.high) return e;
    }
  }
}

struct key_record *key_table_find(const struct key_table *table, struct hash128 key) {
  return find_entry(table, key)->record;
}

static struct entry *free_entry(const struct key_table *table, uint64_t hash) {
  for (uint64_t at = line_of(table, hash);; at = (at + 1) & table->line_mask) /* ends, as above */
    for (int i = 0; i < LINE_ENTRIES; i++)
      if (table->lines[at].entries[i].record == NULL) return &table->lines[at].entries[i];
}

static void grow(struct key_table *table) {
  uint64_t old_count = table->line_mask + 1;
  struct line *old = table->lines;
  void *old_block = table->block;
  table->lines = lines_new(table->mem, old_count * 2, &table->block);
  table->line_mask = old_count * 2 - 1;
  for (uint64_t l = 0; l < old_count; l++)
    for (int i = 0; i < LINE_ENTRIES; i++)
      if (old[l].entries[i].record != NULL) *free_entry(table, old[l].entries[i].hash) = old[l].entries[i];
  mem_free(table->mem, old_block);
}

struct key_record *key_table_make(struct key_table *table, struct hash128 key, uint16_t space) {
  struct entry *e = find_entry(table, key);
  if (e->record != NULL) return e->record;
  if ((table->count + 1) * 100 > (table->line_mask + 1) * LINE_ENTRIES * LOAD_PERCENT_MAX) {
    grow(table);
    e = find_entry(table, key);
  }
  struct key_record *record = record_new(table);
  record->key = key;
  record->space = space;
  record->count = 0;
  record->capacity = 1;
  record->states = &record->only;
  *e = (struct entry){key.low, record};
  table->count++;
  return record;
}

struct rule_state *key_record_rule(struct key_table *table, struct key_record *record, uint32_t rule, bool make) {
  for (uint16_t i = 0; i < record->count; i++)
    if (record->states[i].rule == rule) return &record->states[i];
  if (!make) return NULL;
  if (record->count == record->capacity) {
    check(record->capacity < UINT16_MAX / 2);
    struct rule_state *bigger = pool_alloc(table->pool, record->capacity * 2u * sizeof *bigger);
    memcpy(bigger, record->states, record->count * sizeof *bigger);
    if (record->capacity > 1) pool_free(table->pool, record->states, record->capacity * sizeof *bigger);
    record->states = bigger;
    record->capacity = (uint16_t)(record->capacity * 2);
  }
  struct rule_state *state = &record->states[record->count++];
  *state = (struct rule_state){.rule = rule};
  return state;
}

void key_record_remove(struct key_table *table, struct key_record *record, uint32_t rule) {
  for (uint16_t i = 0; i < record->count; i++) {
    if (record->states[i].rule != rule) continue;
    record->states[i] = record->states[--record->count];
    if (record->count == 0 && record->capacity > 1) {
      pool_free(table->pool, record->states, record->capacity * sizeof *record->states);
      record->capacity = 1;
      record->states = &record->only;
    }
    return;
  }
}

/* Entries behind the freed one move up, so that no look-up stops too early. */
static void remove_entry(struct key_table *table, struct entry *hole) {
  uint64_t total = (table->line_mask + 1) * LINE_ENTRIES;
  struct entry *all = &table->lines[0].entries[0];
  uint64_t at = (uint64_t)(hole - all), next = at;
  for (;;) {
    next = (next + 1) & (total - 1);
    struct entry *e = &all[next];
    if (e->record == NULL) break;
    uint64_t home = line_of(table, e->hash) * LINE_ENTRIES;
    /* it may move to the hole unless its home line begins between the hole and itself */
    if (((next - home) & (total - 1)) < ((next - at) & (total - 1))) continue;
    all[at] = *e;
    at = next;
  }
  all[at].record = NULL;
}

void key_table_free_record(struct key_table *table, struct key_record *record) {
  struct entry *e = find_entry(table, record->key);
  check(record->count == 0 && e->record == record);
  remove_entry(table, e);
  record->next_free = table->free;
  table->free = record;
  table->count--;
}

uint64_t key_table_count(const struct key_table *table) { return table->count; }
size_t key_table_bytes(const struct key_table *table) {
  return (table->line_mask + 1) * sizeof(struct line) + table->record_count * sizeof(struct key_record);
}
