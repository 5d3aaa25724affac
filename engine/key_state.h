/* key_state.h - key-major state: one record per key (and key space) holds the open matches of all rules at that key.
 *
 * The table is open addressing over 64-byte lines of eight entries {hash, record's number}, and a record with the state
 * of one rule is one line of memory (two side by side where counters are, so that a small state of theirs is there
 * too), so that a look-up is one cache miss for the line and one for the record; both can
 * be asked for ahead over a batch. A key is known by 128 bits, of XXH3 over its parts (or key_of_plain(),
 * key_of_short()): two of 10^10 keys are taken for one with probability 10^-19. Records come from the table's own
 * blocks and stay records when they are freed: a pointer to one can be kept while other keys come and go, and
 * key_table_recall() says whether it still is the key's; a timer may outlive the key that set it (it fires, and nothing
 * is there to do). One thread. */
#ifndef WEIR_ENGINE_KEY_STATE_H
#define WEIR_ENGINE_KEY_STATE_H

#include "base/hash.h"
#include "base/pool.h"
#include "base/unaligned.h"
#include "engine/timer.h"
#include "rules/ruleset.h"

struct counter_state;

struct rule_state { /* one rule's open matches at one key, or (tally.h) one population's counters */
  union {
    struct nfa_state *state;
    struct counter_state *counter;
  };
  uint64_t wait_mask;
  uint32_t rule, birth; /* birth: of the limit's queue, modulo 2^32 */
};

struct key_record {
  struct hash128 key;
  struct wheel_timer timer;        /* of its earliest deadline, or an earlier one */
  uint16_t space, count, capacity; /* count 0: nobody's, but while it is being worked on */
  bool wide;                       /* a line of memory behind it is its own: key_record_annex() */
  union {
    struct rule_state *states; /* `only` while capacity is 1 */
    uint32_t next_free;        /* of a freed record: a number */
  };
  struct rule_state only;
};
_Static_assert(sizeof(struct key_record) == 64, "a record with one rule's state is one cache line");

struct key_table;

struct key_table *key_table_new(struct mem *mem, struct pool *pool);
/* Records of the space are wide from now on: before its first record. */
void key_table_widen(struct key_table *table, uint16_t space);
/* Of a wide record: KEY_ANNEX_BYTES for whoever has a state in it; it stays while the record does, and is not set. */
enum { KEY_ANNEX_BYTES = 64 };
static inline void *key_record_annex(struct key_record *record) { return record->wide ? record + 1 : NULL; }
/* A key of one number, time or the like, the most frequent, is not hashed but mixed: different ones never are one. */
static inline struct hash128 key_of_plain(struct value v, uint16_t space_id) {
  uint64_t space = (space_id + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
  return (struct hash128){.low = hash_mixed((uint64_t)v.i) + space, .high = space};
}
/* A short string neither: its bytes, its length and the space have room in the 128 bits. */
enum { KEY_SHORT_BYTES = 13 };
static inline bool key_is_short(struct value v) { return v.kind == VALUE_STRING && v.length <= KEY_SHORT_BYTES; }
static inline struct hash128 key_of_short(struct value v, uint16_t space_id) {
  uint64_t low = 0, high = (uint64_t)v.length << 40 | (uint64_t)space_id << 48;
  if (v.length >= 8) {
    low = read_u64(v.s);
    if (v.length > 8) high |= read_u64(v.s + v.length - 8) >> (128 - 8 * v.length);
  } else if (v.length >= 4) {
    low = read_u32(v.s) | (uint64_t)read_u32(v.s + v.length - 4) << (8 * v.length - 32);
  } else if (v.length > 0) {
    low = (uint64_t)(uint8_t)v.s[0] << 16 | (uint64_t)(uint8_t)v.s[v.length / 2] << 8 | (uint8_t)v.s[v.length - 1];
  }
  return (struct hash128){.low = hash_mixed(low + high * UINT64_C(0x9fb21c651e98df25)), .high = high};
}

bool key_of_parts(const struct key_space *space, uint16_t space_id, const struct event *event, struct hash128 *key);
/* What the event's key is known by; false if a part is null. */
static inline bool key_of_event(const struct key_space *space, uint16_t space_id, const struct event *event,
                                struct hash128 *key) {
  if (space->part_count == 1) {
    struct value value = event->values[space->slots[event->type]];
    if (value_is_plain(value)) {
      *key = key_of_plain(value, space_id);
      return true;
    }
    if (key_is_short(value)) {
      *key = key_of_short(value, space_id);
      return true;
    }
  }
  return key_of_parts(space, space_id, event, key);
}
struct hash128 key_of_values(uint16_t part_count, uint16_t space_id, const struct value *values); /* none is null */
void key_table_prefetch_line(const struct key_table *table, struct hash128 key);
/* The key's record by its hash alone (a guess for key_table_recall()), whose memory is asked for. NULL: none. */
struct key_record *key_table_guess(const struct key_table *table, struct hash128 key);
struct key_record *key_table_find(const struct key_table *table, struct hash128 key); /* NULL: none */
/* The same, where `guess` may be the one: a record, or one that was freed or became another key's since, or NULL. */
static inline struct key_record *key_table_recall(const struct key_table *table, struct hash128 key,
                                                  struct key_record *guess) {
  if (guess != NULL && guess->count > 0 && guess->key.low == key.low && guess->key.high == key.high) return guess;
  return key_table_find(table, key);
}
struct key_record *key_table_make(struct key_table *table, struct hash128 key, uint16_t space);
/* The rule's state in the record; made if `make`. The pointer is good until the next one is made or removed. */
struct rule_state *key_record_search(struct key_table *table, struct key_record *record, uint32_t rule, bool make);
static inline struct rule_state *key_record_rule(struct key_table *table, struct key_record *record, uint32_t rule,
                                                 bool make) {
  if (record->count > 0 && record->states[0].rule == rule) return &record->states[0];
  return key_record_search(table, record, rule, make);
}
void key_record_remove(struct key_table *table, struct key_record *record, uint32_t rule);
/* Frees the record, in which nothing is left. */
void key_table_free_record(struct key_table *table, struct key_record *record);
static inline void key_table_release(struct key_table *table, struct key_record *record) {
  if (record->count == 0) key_table_free_record(table, record);
}
uint64_t key_table_count(const struct key_table *table);
/* Every record, in any order; `each` changes nothing. */
void key_table_each(const struct key_table *table, void (*each)(void *context, const struct key_record *record),
                    void *context);
size_t key_table_bytes(const struct key_table *table);

#endif
