/* group.c - the alerts of each key of a group, and what they add up to. Owned by engine.c.
 *
 * A key keeps the alerts that can still matter, in one block. For `sum` and `max` they are sorted by rule, and of a
 * rule only those are kept that are worth more than every later one: both decay alike, so that order never changes, the
 * first of a rule that is alive is its highest, and with one score to a rule there is one. For `sum all` they stand in
 * the order of their coming, beside the sum of each epoch (base/halving.h), so that an alert costs the same however
 * many there are. Keys are in a list by their last alert: the window is the same for all, so those whose time is over
 * leave from the front. */
#include "engine/group.h"

#include "base/check.h"
#include "base/halving.h"
#include "base/sort.h"
#include "engine/watermark.h"

enum {
  GROUP_TABLE_MIN = 64,
  GROUP_ITEMS_MIN = 4,
  HALF_LIVES = 64, /* then an alert is worth nothing */
  SCRATCH_BYTES = 4 << 10,
};

struct item { /* an alert */
  int64_t score, time;
  uint64_t weight_low, weight_high; /* halving_weight() */
  struct hash128 alert;
  uint32_t number; /* of its coming, from 2^32 on again from 0 */
  uint16_t rule;
};

struct epoch { /* `sum all`: the weights of its alerts together */
  int64_t number;
  uint64_t sum_low, sum_high;
};

struct group_key {
  struct group_key *before, *after; /* in the order of their last alerts */
  uint64_t hash;
  int64_t last;                    /* time of the last alert, dropped ones too */
  struct item *items;              /* items[first …], see above */
  struct epoch *epochs;            /* `sum all`: growing, from that of the first item on */
  uint32_t first, count, capacity; /* first: `sum all` alone, whose oldest leave from the front */
  uint32_t epoch_count, epoch_capacity;
  uint32_t bytes;       /* of this block */
  struct value parts[]; /* key_count, then their bytes */
};

struct group_set {
  struct mem *mem;
  const struct group_plan *plan;
  struct pool pool;
  struct arena scratch; /* of what was told last */
  int64_t life_us;      /* how long an alert takes part */
  int64_t half_life_us; /* 0 = no decay */
  uint64_t entries_max;
  struct group_key *oldest, *newest;
  struct group_key **table; /* open addressing, linear probing, at most half full */
  uint64_t capacity;
  struct group_counts counts;
};

struct group_set *group_set_new(struct mem *mem, const struct ruleset *ruleset, const struct group_plan *plan,
                                uint64_t entries_max) {
  (void)ruleset; /* rules' numbers are in the order of their names */
  struct group_set *groups = mem_alloc(mem, sizeof *groups);
  groups->mem = mem;
  groups->plan = plan;
  groups->entries_max = entries_max;
  groups->life_us = plan->over_us;
  groups->half_life_us = plan->decay_us > 0 ? plan->decay_us : 0;
  int64_t decayed_us;
  if (groups->half_life_us > 0 && !__builtin_mul_overflow(groups->half_life_us, HALF_LIVES, &decayed_us) &&
      decayed_us < groups->life_us)
    groups->life_us = decayed_us;
  pool_init(&groups->pool, mem);
  arena_init(&groups->scratch, mem, SCRATCH_BYTES);
  return groups;
}

/* ---- keys ---- */

static uint64_t hash_of(const struct group_set *groups, const struct value *key) {
  uint64_t hash = 0;
  for (uint16_t i = 0; i < groups->plan->key_count; i++) hash = hash_u64(hash ^ value_hash(key[i]));
  return hash;
}

static bool same_key(const struct group_set *groups, const struct group_key *entry, const struct value *key) {
  for (uint16_t i = 0; i < groups->plan->key_count; i++)
    if (!value_equal(entry->parts[i], key[i])) return false;
  return true;
}

/* Where the key stands, or the free place where it would. */
static uint64_t place_of(const struct group_set *groups, uint64_t hash, const struct value *key) {
  uint64_t mask = groups->capacity - 1, at = hash & mask;
  for (const struct group_key *entry; (entry = groups->table[at]) != NULL; at = (at + 1) & mask)
    if (entry->hash == hash && same_key(groups, entry, key)) break;
  return at;
}

static void table_grow(struct group_set *groups) {
  struct group_key **old = groups->table;
  uint64_t old_capacity = groups->capacity;
  groups->capacity = old_capacity == 0 ? GROUP_TABLE_MIN : 2 * old_capacity;
  groups->table = mem_alloc(groups->mem, groups->capacity * sizeof(struct group_key *));
  for (uint64_t i = 0; i < old_capacity; i++) {
    if (old[i] == NULL) continue;
    uint64_t at = old[i]->hash & (groups->capacity - 1);
    while (groups->table[at] != NULL) at = (at + 1) & (groups->capacity - 1);
    groups->table[at] = old[i];
  }
  mem_free(groups->mem, old);
}

static void table_remove(struct group_set *groups, const struct group_key *key) {
  uint64_t mask = groups->capacity - 1, at = key->hash & mask;
  while (groups->table[at] != key) at = (at + 1) & mask;
  for (uint64_t next = (at + 1) & mask; groups->table[next] != NULL; next = (next + 1) & mask) {
    uint64_t home = groups->table[next]->hash & mask;
    if (((next - home) & mask) < ((next - at) & mask)) continue; /* it stands between its home and the gap */
    groups->table[at] = groups->table[next];
    at = next;
  }
  groups->table[at] = NULL;
}

static void list_remove(struct group_set *groups, struct group_key *key) {
  *(key->before == NULL ? &groups->oldest : &key->before->after) = key->after;
  *(key->after == NULL ? &groups->newest : &key->after->before) = key->before;
}

static void list_append(struct group_set *groups, struct group_key *key) {
  key->before = groups->newest;
  key->after = NULL;
  *(groups->newest == NULL ? &groups->oldest : &groups->newest->after) = key;
  groups->newest = key;
}

static void key_free(struct group_set *groups, struct group_key *key) {
  list_remove(groups, key);
  table_remove(groups, key);
  groups->counts.keys--;
  groups->counts.entries -= key->count;
  pool_free(&groups->pool, key->items, key->capacity * sizeof *key->items);
  pool_free(&groups->pool, key->epochs, key->epoch_capacity * sizeof *key->epochs);
  pool_free(&groups->pool, key, key->bytes);
}

static struct group_key *key_find(const struct group_set *groups, const struct value *key) {
  return groups->capacity == 0 ? NULL : groups->table[place_of(groups, hash_of(groups, key), key)];
}

static struct group_key *key_add(struct group_set *groups, const struct value *parts) {
  uint16_t count = groups->plan->key_count;
  size_t bytes = sizeof(struct group_key) + count * sizeof(struct value);
  for (uint16_t i = 0; i < count; i++) bytes += value_extra_bytes(parts[i]);
  struct group_key *key = pool_alloc(&groups->pool, bytes);
  *key = (struct group_key){.hash = hash_of(groups, parts), .bytes = (uint32_t)bytes};
  char *extra = (char *)&key->parts[count];
  for (uint16_t i = 0; i < count; i++) key->parts[i] = value_copy_to(&extra, parts[i]);
  if (2 * (groups->counts.keys + 1) > groups->capacity) table_grow(groups);
  groups->table[place_of(groups, key->hash, parts)] = key;
  list_append(groups, key);
  groups->counts.keys++;
  return key;
}

/* ---- worth ---- */

static bool alive(const struct group_set *groups, const struct item *item, int64_t time) {
  return time < watermark_plus(item->time, groups->life_us);
}

static exact_uint weight_of(const struct item *item) { return (exact_uint)item->weight_high << 64 | item->weight_low; }
static exact_uint sum_of(const struct epoch *epoch) { return (exact_uint)epoch->sum_high << 64 | epoch->sum_low; }
static void set_sum(struct epoch *epoch, exact_uint sum) {
  epoch->sum_low = (uint64_t)sum;
  epoch->sum_high = (uint64_t)(sum >> 64);
}

static int64_t epoch_of(const struct group_set *groups, int64_t time) {
  return halving_epoch(time, groups->half_life_us);
}

/* As a weight of epoch `now`. */
static exact_uint worth(const struct group_set *groups, const struct item *item, int64_t now) {
  return halving_later(weight_of(item), now - epoch_of(groups, item->time));
}

/* Whether the item counts at `time`: alive and, but for `sum all`, the first of its rule that is. *taken: the rule of
 * the item before it that counted; start with -1. */
static bool counts_at(const struct group_set *groups, const struct item *item, int64_t time, int32_t *taken) {
  if (!alive(groups, item, time)) return false;
  if (groups->plan->sum_all) return true;
  if (*taken == item->rule) return false;
  *taken = item->rule;
  return true;
}

/* `sum all`: what is over but still kept is taken out of the sums. *any: something is left. */
static exact_uint total_of_all(const struct group_set *groups, const struct group_key *key, int64_t time, bool *any) {
  exact_uint total = 0;
  uint32_t over = 0;
  for (uint32_t e = 0; e < key->epoch_count; e++) {
    const struct epoch *epoch = &key->epochs[e];
    exact_uint sum = sum_of(epoch);
    for (; over < key->count; over++) {
      const struct item *item = &key->items[key->first + over];
      if (alive(groups, item, time) || epoch_of(groups, item->time) != epoch->number) break;
      sum -= weight_of(item);
    }
    total += halving_later(sum, epoch_of(groups, time) - epoch->number);
  }
  *any = over < key->count;
  return total;
}

static exact_uint total_of_rules(const struct group_set *groups, const struct group_key *key, int64_t time, bool *any) {
  exact_uint total = 0;
  int32_t taken = -1;
  *any = false;
  for (uint32_t i = 0; i < key->count; i++) {
    if (!counts_at(groups, &key->items[i], time, &taken)) continue;
    exact_uint part = worth(groups, &key->items[i], epoch_of(groups, time));
    *any = true;
    if (groups->plan->score_sum)
      total += part;
    else if (part > total)
      total = part;
  }
  return total;
}

/* -1: the key has no alert at that time. */
static int64_t score_at(const struct group_set *groups, const struct group_key *key, int64_t time) {
  const struct group_plan *plan = groups->plan;
  bool any;
  exact_uint total = plan->sum_all ? total_of_all(groups, key, time, &any) : total_of_rules(groups, key, time, &any);
  if (!any) return -1;
  int64_t score = halving_whole(halving_at(total, time, groups->half_life_us));
  return plan->score_max >= 0 && score > plan->score_max ? plan->score_max : score;
}

/* ---- alerts ---- */

/* The sum of the item's epoch, which is the last or a new one, has it too. */
static void epoch_add(struct group_set *groups, struct group_key *key, const struct item *item) {
  int64_t number = epoch_of(groups, item->time);
  if (key->epoch_count == 0 || key->epochs[key->epoch_count - 1].number != number) {
    if (key->epoch_count == key->epoch_capacity) {
      uint32_t capacity = key->epoch_capacity == 0 ? 1 : 2 * key->epoch_capacity;
      struct epoch *epochs = pool_alloc(&groups->pool, capacity * sizeof *epochs);
      if (key->epoch_count > 0) memcpy(epochs, key->epochs, key->epoch_count * sizeof *epochs);
      pool_free(&groups->pool, key->epochs, key->epoch_capacity * sizeof *epochs);
      key->epochs = epochs;
      key->epoch_capacity = capacity;
    }
    key->epochs[key->epoch_count++] = (struct epoch){.number = number};
  }
  struct epoch *epoch = &key->epochs[key->epoch_count - 1];
  set_sum(epoch, sum_of(epoch) + weight_of(item));
}

static void drop_front(struct group_set *groups, struct group_key *key) {
  set_sum(&key->epochs[0], sum_of(&key->epochs[0]) - weight_of(&key->items[key->first]));
  key->first++;
  key->count--;
  groups->counts.entries--;
  if (key->count > 0 && key->epochs[0].number == epoch_of(groups, key->items[key->first].time)) return;
  memmove(key->epochs, &key->epochs[1], --key->epoch_count * sizeof *key->epochs);
}

static void remove_item(struct group_set *groups, struct group_key *key, uint32_t at) {
  memmove(&key->items[at], &key->items[at + 1], (key->count - at - 1) * sizeof *key->items);
  key->count--;
  groups->counts.entries--;
}

/* What is over at `time` goes. */
static void prune(struct group_set *groups, struct group_key *key, int64_t time) {
  if (groups->plan->sum_all) {
    while (key->count > 0 && !alive(groups, &key->items[key->first], time)) drop_front(groups, key);
    return;
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < key->count; i++)
    if (alive(groups, &key->items[i], time)) key->items[kept++] = key->items[i];
  groups->counts.entries -= key->count - kept;
  key->count = kept;
}

static void drop_oldest(struct group_set *groups, struct group_key *key) {
  groups->counts.dropped++;
  if (groups->plan->sum_all) {
    drop_front(groups, key);
    return;
  }
  uint32_t oldest = 0;
  for (uint32_t i = 1; i < key->count; i++)
    if (key->items[i].time < key->items[oldest].time) oldest = i;
  remove_item(groups, key, oldest);
}

static void make_room(struct group_set *groups, struct group_key *key) {
  if (key->first + key->count < key->capacity) return;
  if (key->first > key->capacity / 2) {
    memmove(key->items, &key->items[key->first], key->count * sizeof *key->items);
  } else {
    uint32_t capacity = key->capacity == 0 ? GROUP_ITEMS_MIN : 2 * key->capacity;
    struct item *items = pool_alloc(&groups->pool, capacity * sizeof *items);
    if (key->count > 0) memcpy(items, &key->items[key->first], key->count * sizeof *items);
    pool_free(&groups->pool, key->items, key->capacity * sizeof *items);
    key->items = items;
    key->capacity = capacity;
  }
  key->first = 0;
}

/* Where the new alert stands. Those before it of its rule that are worth no more than it go: it lives longer. */
static uint32_t place_by_rule(struct group_set *groups, struct group_key *key, const struct item *item) {
  uint32_t low = 0;
  for (uint32_t high = key->count; low < high;) {
    uint32_t middle = (low + high) / 2;
    if (key->items[middle].rule <= item->rule)
      low = middle + 1;
    else
      high = middle;
  }
  while (low > 0 && key->items[low - 1].rule == item->rule &&
         worth(groups, &key->items[low - 1], epoch_of(groups, item->time)) <= weight_of(item))
    remove_item(groups, key, --low);
  return low;
}

static void add_item(struct group_set *groups, struct group_key *key, const struct item *item) {
  uint32_t at = groups->plan->sum_all ? key->count : place_by_rule(groups, key, item);
  if (key->count >= GROUP_ALERTS_MAX) {
    drop_oldest(groups, key);
    at = groups->plan->sum_all ? key->count : place_by_rule(groups, key, item);
  }
  make_room(groups, key);
  struct item *items = &key->items[key->first];
  memmove(&items[at + 1], &items[at], (key->count - at) * sizeof *items);
  items[at] = *item;
  key->count++;
  groups->counts.entries++;
  if (groups->plan->sum_all) epoch_add(groups, key, item);
}

/* The key in hand is the newest. */
static void keep_limit(struct group_set *groups) {
  while (groups->entries_max > 0 && groups->counts.entries > groups->entries_max) {
    struct group_key *oldest = groups->oldest;
    if (oldest == groups->newest) {
      drop_oldest(groups, oldest);
    } else {
      groups->counts.dropped += oldest->count;
      key_free(groups, oldest);
    }
  }
}

static int by_rule(const void *left, const void *right) {
  const struct group_contribution *a = left, *b = right;
  return (a->rule > b->rule) - (a->rule < b->rule);
}

static void tell(struct group_set *groups, const struct group_key *key, int64_t time, struct group_entry *entry) {
  arena_reset(&groups->scratch);
  struct group_contribution *told = arena_array(&groups->scratch, struct group_contribution, key->count);
  int32_t taken = -1;
  for (uint32_t i = 0; i < key->count; i++) {
    const struct item *item = &key->items[key->first + i];
    if (!counts_at(groups, item, time, &taken)) continue;
    told[entry->contribution_count++] = (struct group_contribution){
        .rule = item->rule, .number = item->number, .score = item->score, .time = item->time, .alert = item->alert};
  }
  if (groups->plan->sum_all) sort_items(told, entry->contribution_count, sizeof *told, by_rule, &groups->scratch);
  entry->contributions = told;
}

bool group_set_alert(struct group_set *groups, uint16_t member, const struct value *key, int64_t time, int64_t score,
                     struct hash128 alert, struct group_entry *entry) {
  const struct group_plan *plan = groups->plan;
  check(member < plan->member_count && score >= 0);
  group_set_time(groups, time);
  groups->counts.alerts++;
  for (uint16_t i = 0; i < plan->key_count; i++) {
    if (!value_is_null(key[i])) continue;
    groups->counts.null_keys++;
    return false;
  }
  struct group_key *found = key_find(groups, key);
  if (found == NULL) {
    found = key_add(groups, key);
  } else {
    prune(groups, found, time);
    list_remove(groups, found);
    list_append(groups, found);
  }
  int64_t before = score_at(groups, found, time);
  exact_uint weight = halving_weight(score, time, groups->half_life_us);
  struct item item = {.score = score,
                      .time = time,
                      .weight_low = (uint64_t)weight,
                      .weight_high = (uint64_t)(weight >> 64),
                      .alert = alert,
                      .number = (uint32_t)groups->counts.alerts,
                      .rule = plan->members[member].rule};
  found->last = time;
  add_item(groups, found, &item);
  keep_limit(groups);
  int64_t after = score_at(groups, found, time);
  for (uint16_t b = 0; b < plan->band_count; b++) {
    const struct group_band *band = &plan->bands[b];
    if (after < band->at) continue;
    if (before >= band->at) return false; /* so it is for those below */
    *entry = (struct group_entry){.plan = plan, .band = band, .key = key, .time = time, .score = after, .cause = alert};
    tell(groups, found, time, entry);
    groups->counts.entered++;
    return true;
  }
  return false;
}

void group_set_look(struct group_set *groups, const struct value *key, int64_t time, struct group_entry *entry) {
  *entry = (struct group_entry){.plan = groups->plan, .key = key, .time = time};
  const struct group_key *found = key_find(groups, key);
  if (found == NULL) return;
  int64_t score = score_at(groups, found, time);
  entry->score = score < 0 ? 0 : score;
  for (uint16_t b = groups->plan->band_count; b > 0; b--)
    if (score >= groups->plan->bands[b - 1].at) entry->band = &groups->plan->bands[b - 1];
  tell(groups, found, time, entry);
}

void group_set_time(struct group_set *groups, int64_t frontier) {
  while (groups->oldest != NULL && watermark_plus(groups->oldest->last, groups->life_us) <= frontier)
    key_free(groups, groups->oldest);
}

int64_t group_set_score(struct group_set *groups, const struct value *key, int64_t time) {
  for (uint16_t i = 0; i < groups->plan->key_count; i++)
    if (value_is_null(key[i])) return 0;
  const struct group_key *found = key_find(groups, key);
  int64_t score = found == NULL ? -1 : score_at(groups, found, time);
  return score < 0 ? 0 : score;
}

struct group_counts group_set_counts(const struct group_set *groups) {
  return groups->counts;
}

size_t group_set_bytes(const struct group_set *groups) {
  return sizeof *groups + pool_used(&groups->pool) + groups->capacity * sizeof *groups->table;
}
