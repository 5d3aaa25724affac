/* suppress.c - the alerts told last, by rule and key. Owned by engine.c.
 *
 * Each rule has two lists: entries inside their D, in the order of telling, and entries past it that still have a count
 * to say. So what is over leaves from the front, by event time alone. */
#include "engine/suppress.h"

#include "base/check.h"
#include "base/pool.h"
#include "engine/watermark.h"

enum { SUPPRESS_TABLE_MIN = 256 };

struct entry {
  struct entry *before, *after; /* in one of the rule's lists */
  struct hash128 key;           /* of rule and key */
  int64_t told_at;
  uint64_t count;      /* not told since */
  uint32_t bytes;      /* of this block */
  bool past;           /* in the list of those that only have a count */
  struct value told[]; /* emit_count, then their bytes */
};

struct list {
  struct entry *first, *last;
};

struct rule_entries {
  struct list inside, past;
  uint64_t count;
};

struct suppress {
  struct mem *mem;
  struct pool pool;
  struct rule_entries *rules;
  uint64_t keys_max;
  struct entry **table; /* open addressing, linear probing, at most half full */
  uint64_t count, capacity, forgotten;
};

struct suppress *suppress_new(struct mem *mem, const struct ruleset *ruleset, uint64_t keys_max) {
  struct suppress *suppress = mem_alloc(mem, sizeof *suppress);
  suppress->mem = mem;
  pool_init(&suppress->pool, mem);
  suppress->rules = mem_alloc(mem, (ruleset->rule_count + 1u) * sizeof *suppress->rules);
  suppress->keys_max = keys_max == 0 ? 1 : keys_max;
  return suppress;
}

/* ---- the table ---- */

static uint64_t place_of(const struct suppress *suppress, struct hash128 key) {
  uint64_t at = key.low & (suppress->capacity - 1);
  while (suppress->table[at] != NULL &&
         (suppress->table[at]->key.low != key.low || suppress->table[at]->key.high != key.high))
    at = (at + 1) & (suppress->capacity - 1);
  return at;
}

static void table_grow(struct suppress *suppress) {
  struct entry **old = suppress->table;
  uint64_t old_capacity = suppress->capacity;
  suppress->capacity = old_capacity == 0 ? SUPPRESS_TABLE_MIN : 2 * old_capacity;
  suppress->table = mem_alloc(suppress->mem, suppress->capacity * sizeof(struct entry *));
  for (uint64_t i = 0; i < old_capacity; i++)
    if (old[i] != NULL) suppress->table[place_of(suppress, old[i]->key)] = old[i];
  mem_free(suppress->mem, old);
}

static void table_remove(struct suppress *suppress, struct hash128 key) {
  uint64_t mask = suppress->capacity - 1, at = place_of(suppress, key);
  for (uint64_t next = (at + 1) & mask; suppress->table[next] != NULL; next = (next + 1) & mask) {
    uint64_t home = suppress->table[next]->key.low & mask;
    if (((next - home) & mask) < ((next - at) & mask)) continue; /* it stands between its home and the gap */
    suppress->table[at] = suppress->table[next];
    at = next;
  }
  suppress->table[at] = NULL;
}

/* ---- the lists ---- */

static void list_remove(struct list *list, struct entry *entry) {
  *(entry->before == NULL ? &list->first : &entry->before->after) = entry->after;
  *(entry->after == NULL ? &list->last : &entry->after->before) = entry->before;
}

static void list_append(struct list *list, struct entry *entry) {
  entry->before = list->last;
  entry->after = NULL;
  *(list->last == NULL ? &list->first : &list->last->after) = entry;
  list->last = entry;
}

static void entry_free(struct suppress *suppress, struct rule_entries *entries, struct entry *entry) {
  list_remove(entry->past ? &entries->past : &entries->inside, entry);
  table_remove(suppress, entry->key);
  pool_free(&suppress->pool, entry, entry->bytes);
  entries->count--;
  suppress->count--;
}

static void expire(struct suppress *suppress, struct rule_entries *entries, int64_t suppress_us, int64_t time) {
  for (struct entry *first; (first = entries->inside.first) != NULL;) {
    if (watermark_plus(first->told_at, suppress_us) > time) return;
    if (first->count == 0) {
      entry_free(suppress, entries, first);
      continue;
    }
    list_remove(&entries->inside, first);
    first->past = true;
    list_append(&entries->past, first);
  }
}

static void entry_add(struct suppress *suppress, const struct rule *rule, struct hash128 key, int64_t time,
                      const struct value *emit) {
  struct rule_entries *entries = &suppress->rules[rule->id];
  if (entries->count >= suppress->keys_max) {
    entry_free(suppress, entries, entries->past.first != NULL ? entries->past.first : entries->inside.first);
    suppress->forgotten++;
  }
  if (2 * (suppress->count + 1) > suppress->capacity) table_grow(suppress);
  uint16_t told_count = rule->suppress_unless != NULL ? rule->emit_count : 0; /* nobody else asks for them */
  size_t bytes = sizeof(struct entry) + told_count * sizeof(struct value);
  for (uint16_t i = 0; i < told_count; i++) bytes += (value_extra_bytes(emit[i]) + 7u) & ~(size_t)7u;
  struct entry *entry = pool_alloc(&suppress->pool, bytes);
  *entry = (struct entry){.key = key, .told_at = time, .bytes = (uint32_t)bytes};
  char *to = (char *)&entry->told[told_count];
  for (uint16_t i = 0; i < told_count; i++) {
    entry->told[i] = value_copy_to(&to, emit[i]);
    to += -(uintptr_t)to & 7u;
  }
  suppress->table[place_of(suppress, key)] = entry;
  list_append(&entries->inside, entry);
  entries->count++;
  suppress->count++;
}

bool suppress_tells(struct suppress *suppress, const struct rule *rule, struct hash128 key, int64_t time,
                    const struct value *emit, struct expr_env *env, uint64_t *before) {
  check(rule->suppress_us >= 0);
  struct rule_entries *entries = &suppress->rules[rule->id];
  expire(suppress, entries, rule->suppress_us, time);
  key.low ^= (rule->id + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
  struct entry *entry = suppress->capacity == 0 ? NULL : suppress->table[place_of(suppress, key)];
  *before = 0;
  if (entry != NULL) {
    if (!entry->past) {
      env->banks[BANK_TOLD] = entry->told;
      if (rule->suppress_unless == NULL || expr_truth(rule->suppress_unless, env) != 1) {
        entry->count++;
        return false;
      }
    }
    *before = entry->count;
    entry_free(suppress, entries, entry);
  }
  entry_add(suppress, rule, key, time, emit);
  return true;
}

uint64_t suppress_count(const struct suppress *suppress) { return suppress->count; }
uint64_t suppress_forgotten(const struct suppress *suppress) { return suppress->forgotten; }
