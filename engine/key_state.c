/* key_state.c - the table of key records. Called by step.c. */
#include "engine/key_state.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/check.h"

enum {
  LINE_ENTRIES = 8,
  LINES_FIRST = 128,
  LOAD_PERCENT_MAX = 75,
  ALIGN_BYTES = 128, /* two lines, which the processor fetches together */
  GRANULE_BITS = 10,
  GRANULE_RECORDS = 1 << GRANULE_BITS,
  GRANULES_AT_ONCE_MAX = 256, /* 16 MiB: what the system can keep in large pages */
};

/* Entries are halves of 64 bits, so that few keys stand in another line than their own. */
struct line {
  _Alignas(64) uint32_t hashes[LINE_ENTRIES]; /* low half of key.low; the record is the key's if its 128 bits are */
  uint32_t records[LINE_ENTRIES];             /* numbers of records, 0: free */
};
struct entry {
  uint64_t line;
  int at; /* in the line */
};

struct key_table {
  struct mem *mem;
  struct pool *pool;
  struct line *lines;
  void *block; /* of the lines, not aligned */
  uint64_t line_mask, count;
  /* Records have numbers: where one stands is told by its granule. Granules never move. */
  struct key_record **granules;
  uint32_t granule_count, granule_capacity, granules_at_once;
  uint32_t free[2], fresh; /* freed records, also wide ones, the latest first; numbers from here on are untouched */
  bool *wide;              /* by space: its records are wide, take two numbers, of which the first is even */
  uint32_t wide_count;
};

static void *aligned(void *block) {
  return (void *)(((uintptr_t)block + ALIGN_BYTES - 1) & ~(uintptr_t)(ALIGN_BYTES - 1));
}

static struct line *lines_new(struct mem *mem, uint64_t count, void **block) {
  *block = mem_alloc(mem, count * sizeof(struct line) + ALIGN_BYTES - 1);
  return aligned(*block);
}

struct key_table *key_table_new(struct mem *mem, struct pool *pool) {
  struct key_table *table = mem_alloc(mem, sizeof *table);
  table->mem = mem;
  table->pool = pool;
  table->lines = lines_new(mem, LINES_FIRST, &table->block);
  table->line_mask = LINES_FIRST - 1;
  table->granules_at_once = 1;
  table->fresh = 1;
  return table;
}

static struct key_record *record_at(const struct key_table *table, uint32_t number) {
  return &table->granules[number >> GRANULE_BITS][number & (GRANULE_RECORDS - 1)];
}

static void more_records(struct key_table *table) {
  uint32_t count = table->granules_at_once;
  check(table->granule_count + count <= UINT32_MAX >> GRANULE_BITS);
  if (table->granule_count + count > table->granule_capacity) {
    uint32_t capacity = table->granule_capacity * 2 + count;
    table->granules = mem_realloc(table->mem, table->granules, capacity * sizeof(struct key_record *));
    table->granule_capacity = capacity;
  }
  size_t bytes = (size_t)count * GRANULE_RECORDS * sizeof(struct key_record);
  struct key_record *records = aligned(mem_alloc_raw(table->mem, bytes + ALIGN_BYTES - 1));
  for (uint32_t i = 0; i < count; i++) table->granules[table->granule_count++] = records + (size_t)i * GRANULE_RECORDS;
  if (count < GRANULES_AT_ONCE_MAX) table->granules_at_once *= 2;
}

void key_table_widen(struct key_table *table, uint16_t space) {
  while (table->wide_count <= space) {
    table->wide = mem_realloc(table->mem, table->wide, (table->wide_count + 1) * sizeof *table->wide);
    table->wide[table->wide_count++] = false;
  }
  table->wide[space] = true;
}

static inline bool is_wide(const struct key_table *table, uint16_t space) {
  return space < table->wide_count && table->wide[space];
}

/* An odd number in front of a wide record is the next narrow one's. */
static void keep_odd(struct key_table *table, uint32_t number) {
  struct key_record *record = record_at(table, number);
  record->timer.deadline = WHEEL_UNSET;
  record->count = 0;
  record->wide = false;
  record->next_free = table->free[0];
  table->free[0] = number;
}

static uint32_t record_new(struct key_table *table, bool wide) {
  uint32_t number = table->free[wide];
  if (number != 0) {
    table->free[wide] = record_at(table, number)->next_free;
    return number; /* its timer may stand in the wheel still: then it fires early, for its new key */
  }
  number = table->fresh;
  if (number >> GRANULE_BITS >= table->granule_count) more_records(table);
  if (wide && (number & 1) != 0) {
    keep_odd(table, number++);
    if (number >> GRANULE_BITS >= table->granule_count) more_records(table);
  }
  table->fresh = number + 1 + wide;
  struct key_record *record = record_at(table, number);
  record->timer.deadline = WHEEL_UNSET;
  record->wide = wide;
  return number;
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

bool key_of_parts(const struct key_space *space, uint16_t space_id, const struct event *event, struct hash128 *key) {
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
  if (part_count == 1 && value_is_plain(values[0])) return key_of_plain(values[0], space_id);
  if (part_count == 1 && key_is_short(values[0])) return key_of_short(values[0], space_id);
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
static uint32_t hash_of(struct hash128 key) { return (uint32_t)key.low; }

void key_table_prefetch_line(const struct key_table *table, struct hash128 key) {
  __builtin_prefetch(&table->lines[hash_of(key) & table->line_mask]);
}

static bool has_room(const struct line *line) { return line->records[LINE_ENTRIES - 1] == 0; }

/* A bit for each of the line's words that is `word`. */
static inline uint32_t words_like(const uint32_t words[LINE_ENTRIES], uint32_t word) {
#ifdef __SSE2__
  const __m128i *four = (const __m128i *)(const void *)words, like = _mm_set1_epi32((int)word);
  __m128i low = _mm_cmpeq_epi32(_mm_load_si128(four), like), high = _mm_cmpeq_epi32(_mm_load_si128(four + 1), like);
  return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128()));
#else
  uint32_t bits = 0;
  for (int i = 0; i < LINE_ENTRIES; i++) bits |= (uint32_t)(words[i] == word) << i;
  return bits;
#endif
}

struct key_record *key_table_guess(const struct key_table *table, struct hash128 key) {
  uint32_t hash = hash_of(key);
  for (uint64_t l = hash & table->line_mask;; l = (l + 1) & table->line_mask) { /* ends: some lines have room */
    const struct line *line = &table->lines[l];
    uint32_t free = words_like(line->records, 0), like = words_like(line->hashes, hash) & ~free;
    if (like != 0) {
      struct key_record *record = record_at(table, line->records[__builtin_ctz(like)]);
      __builtin_prefetch(record, 1);
      return record;
    }
    if (free != 0) return NULL;
  }
}

/* The key's entry, or the first free one for it. In a line what is free stands last. */
static struct entry find_entry(const struct key_table *table, struct hash128 key) {
  uint32_t hash = hash_of(key);
  for (uint64_t l = hash & table->line_mask;; l = (l + 1) & table->line_mask) { /* ends: some lines have room */
    const struct line *line = &table->lines[l];
    uint32_t free = words_like(line->records, 0), like = words_like(line->hashes, hash) & ~free;
    for (; like != 0; like &= like - 1) {
      int i = __builtin_ctz(like);
      const struct key_record *record = record_at(table, line->records[i]);
      if (record->key.low == key.low && record->key.high == key.high) return (struct entry){l, i};
    }
    if (free != 0) return (struct entry){l, __builtin_ctz(free)};
  }
}

static uint32_t entry_record(const struct key_table *table, struct entry e) {
  return table->lines[e.line].records[e.at];
}

struct key_record *key_table_find(const struct key_table *table, struct hash128 key) {
  uint32_t number = entry_record(table, find_entry(table, key));
  return number == 0 ? NULL : record_at(table, number);
}

static void enter(struct key_table *table, uint32_t hash, uint32_t number) {
  uint64_t l = hash & table->line_mask;
  while (!has_room(&table->lines[l])) l = (l + 1) & table->line_mask; /* ends, as above */
  struct line *line = &table->lines[l];
  int i = 0;
  while (line->records[i] != 0) i++;
  line->hashes[i] = hash;
  line->records[i] = number;
}

static void grow(struct key_table *table) {
  uint64_t old_count = table->line_mask + 1;
  struct line *old = table->lines;
  void *old_block = table->block;
  check(old_count <= UINT32_MAX / 2);
  table->lines = lines_new(table->mem, old_count * 2, &table->block);
  table->line_mask = old_count * 2 - 1;
  for (uint64_t l = 0; l < old_count; l++)
    for (int i = 0; i < LINE_ENTRIES && old[l].records[i] != 0; i++) enter(table, old[l].hashes[i], old[l].records[i]);
  mem_free(table->mem, old_block);
}

struct key_record *key_table_make(struct key_table *table, struct hash128 key, uint16_t space) {
  struct entry e = find_entry(table, key);
  if (entry_record(table, e) != 0) return record_at(table, entry_record(table, e));
  if ((table->count + 1) * 100 > (table->line_mask + 1) * LINE_ENTRIES * LOAD_PERCENT_MAX) {
    grow(table);
    e = find_entry(table, key);
  }
  uint32_t number = record_new(table, is_wide(table, space));
  struct key_record *record = record_at(table, number);
  record->key = key;
  record->space = space;
  record->count = 0;
  record->capacity = 1;
  record->states = &record->only;
  table->lines[e.line].hashes[e.at] = hash_of(key);
  table->lines[e.line].records[e.at] = number;
  table->count++;
  return record;
}

struct rule_state *key_record_search(struct key_table *table, struct key_record *record, uint32_t rule, bool make) {
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

/* A line that becomes free at its end takes an entry back that stands behind for want of room, so that no look-up stops
 * too early; so do the lines behind it. */
static void remove_entry(struct key_table *table, struct entry hole) {
  for (;;) {
    struct line *line = &table->lines[hole.line];
    bool was_full = !has_room(line);
    int last = hole.at;
    while (last + 1 < LINE_ENTRIES && line->records[last + 1] != 0) last++;
    line->hashes[hole.at] = line->hashes[last];
    line->records[hole.at] = line->records[last];
    line->records[last] = 0;
    if (!was_full) return;
    /* Who may come back: an entry of the full lines behind and the first that is not, whose home is not after the hole.
     */
    struct entry back = {0, -1};
    for (uint64_t l = (hole.line + 1) & table->line_mask; back.at < 0; l = (l + 1) & table->line_mask) {
      const struct line *behind = &table->lines[l];
      uint64_t distance = (l - hole.line) & table->line_mask;
      for (int i = 0; i < LINE_ENTRIES && behind->records[i] != 0 && back.at < 0; i++) {
        uint64_t from_home = (l - (behind->hashes[i] & table->line_mask)) & table->line_mask;
        if (from_home >= distance) back = (struct entry){l, i};
      }
      if (back.at < 0 && has_room(behind)) return;
    }
    line->hashes[last] = table->lines[back.line].hashes[back.at];
    line->records[last] = table->lines[back.line].records[back.at];
    hole = back;
  }
}

void key_table_free_record(struct key_table *table, struct key_record *record) {
  struct entry e = find_entry(table, record->key);
  uint32_t number = entry_record(table, e);
  check(record->count == 0 && number != 0 && record_at(table, number) == record);
  remove_entry(table, e);
  record->next_free = table->free[record->wide];
  table->free[record->wide] = number;
  table->count--;
}

void key_table_each(const struct key_table *table, void (*each)(void *context, const struct key_record *record),
                    void *context) {
  for (uint64_t l = 0; l <= table->line_mask; l++)
    for (int i = 0; i < LINE_ENTRIES && table->lines[l].records[i] != 0; i++)
      each(context, record_at(table, table->lines[l].records[i]));
}

uint64_t key_table_count(const struct key_table *table) { return table->count; }
size_t key_table_bytes(const struct key_table *table) {
  return (table->line_mask + 1) * sizeof(struct line) +
         (size_t)table->granule_count * GRANULE_RECORDS * sizeof(struct key_record);
}
