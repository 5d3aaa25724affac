/* key_state.h - key-major state: one record per key (and key space) holds the open matches of all rules at that key.
 *
 * The table is open addressing over 64-byte lines of four entries {hash, record}, so that a look-up is one cache miss
 * for the line and one for the record; both can be asked for ahead over a batch. A key is known by 128 bits of XXH3
 * over its parts: two of 10^10 keys are taken for one with probability 10^-19. One thread. */
#ifndef WEIR_ENGINE_KEY_STATE_H
#define WEIR_ENGINE_KEY_STATE_H

#include "base/hash.h"
#include "base/pool.h"
#include "engine/timer.h"
#include "rules/ruleset.h"

struct rule_state { /* one rule's open matches at one key */
  struct nfa_state *state;
  uint64_t wait_mask;
  uint32_t rule, birth; /* birth: of the limit's queue, modulo 2^32 */
};

struct key_record {
  struct hash128 key;
  struct wheel_timer timer; /* of its earliest deadline, or an earlier one */
  uint16_t space, count, capacity;
  struct rule_state *states; /* `only` while capacity is 1 */
  struct rule_state only;
};

struct key_table;

struct key_table *key_table_new(struct mem *mem, struct pool *pool);
/* The hash of the event's key; false if a part is null. `values` gets the parts (borrowed from the event). */
bool key_of_event(const struct key_space *space, uint16_t space_id, const struct event *event, struct value *values,
                  struct hash128 *key);
void key_table_prefetch_line(const struct key_table *table, struct hash128 key);
void key_table_prefetch_record(const struct key_table *table, struct hash128 key);
struct key_record *key_table_find(const struct key_table *table, struct hash128 key); /* NULL: none */
struct key_record *key_table_make(struct key_table *table, struct hash128 key, uint16_t space);
/* The rule's state in the record; made if `make`. The pointer is good until the next one is made or removed. */
struct rule_state *key_record_rule(struct key_table *table, struct key_record *record, uint32_t rule, bool make);
void key_record_remove(struct key_table *table, struct key_record *record, uint32_t rule);
/* Frees the record if nothing is in it; its timer goes with it. */
void key_table_release(struct key_table *table, struct wheel *wheel, struct key_record *record);
uint64_t key_table_count(const struct key_table *table);
size_t key_table_bytes(const struct key_table *table);

#endif
