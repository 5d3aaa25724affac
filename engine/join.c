/* join.c - interval joins. Owns the kept events of both sides; level.c calls it.
 *
 * Events come in the order of time, and all of one side wait equally long, so those of a side go in the order in which
 * they came: a queue for each side knows every deadline without a timer. Those of one key stand in two lists in the
 * same order; what is before the interval has gone, so partners are looked for from the front. */
#include "engine/join.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/limits.h"
#include "engine/key_state.h"

enum { LEFT, RIGHT, SIDES, TABLE_FIRST = 64, SCRATCH_BYTES = 4096 };

struct join_key;

struct kept {                      /* its struct held is right behind it */
  struct kept *next, *next_of_key; /* of its side, in the order of coming */
  struct join_key *key;
  uint64_t arrival : 63; /* its number */
  uint64_t matched : 1;  /* it was told with a partner */
};
_Static_assert(sizeof(struct kept) % 16 == 0, "the event behind it is aligned");

struct list {
  struct kept *first, *last;
};

struct join_key { /* there while events are kept for it */
  struct hash128 hash;
  struct list sides[SIDES];
};

struct join_set {
  struct mem *mem;
  struct pool pool;
  struct arena scratch; /* of one told event */
  struct join_options options;
  const struct join_plan *plan;
  struct list queues[SIDES];
  struct join_key **table; /* open addressing, at most half full */
  uint64_t table_mask, key_count, arrivals;
  uint64_t entries; /* of what is kept, as the limit counts them: entries_of() */
  struct join_counts counts;
  struct value *nulls;  /* of a missing side */
  struct value *key;    /* of what is told */
  struct value *values; /* of what is told */
  uint16_t value_count;
};

struct join_set *join_set_new(struct mem *mem, const struct join_options *options) {
  const struct join_plan *plan = options->plan;
  struct join_set *set = mem_alloc(mem, sizeof *set);
  set->mem = mem;
  set->options = *options;
  set->plan = plan;
  pool_init(&set->pool, mem);
  arena_init(&set->scratch, mem, SCRATCH_BYTES);
  set->table = mem_alloc(mem, TABLE_FIRST * sizeof *set->table);
  set->table_mask = TABLE_FIRST - 1;
  uint16_t most =
      plan->slot_counts[LEFT] > plan->slot_counts[RIGHT] ? plan->slot_counts[LEFT] : plan->slot_counts[RIGHT];
  set->nulls = mem_alloc(mem, (most + 1u) * sizeof *set->nulls);
  for (uint16_t i = 0; i < most; i++) set->nulls[i] = value_null();
  set->key = mem_alloc(mem, (plan->key_count + 1u) * sizeof *set->key);
  set->value_count = options->ruleset->schemas[plan->schema].asked_first; /* what is behind is the reader's */
  set->values = mem_alloc(mem, (set->value_count + 1u) * sizeof *set->values);
  return set;
}

/* ---- keys ---- */

/* The key's place, or the free one where it belongs. Ends: half of the places are free. */
static uint64_t place_of(const struct join_set *set, struct hash128 hash) {
  uint64_t at = hash.low & set->table_mask;
  for (; set->table[at] != NULL; at = (at + 1) & set->table_mask)
    if (set->table[at]->hash.low == hash.low && set->table[at]->hash.high == hash.high) break;
  return at;
}

static void table_grow(struct join_set *set) {
  struct join_key **old = set->table;
  uint64_t old_mask = set->table_mask;
  set->table_mask = 2 * old_mask + 1;
  set->table = mem_alloc(set->mem, (set->table_mask + 1) * sizeof *set->table);
  for (uint64_t i = 0; i <= old_mask; i++)
    if (old[i] != NULL) set->table[place_of(set, old[i]->hash)] = old[i];
  mem_free(set->mem, old);
}

static struct join_key *key_make(struct join_set *set, struct hash128 hash) {
  if (2 * (set->key_count + 1) > set->table_mask + 1) table_grow(set);
  struct join_key **place = &set->table[place_of(set, hash)];
  if (*place == NULL) {
    *place = pool_alloc(&set->pool, sizeof **place);
    **place = (struct join_key){.hash = hash};
    set->key_count++;
  }
  return *place;
}

/* Keys behind the freed place move up, so that no look-up stops too early. */
static void key_free(struct join_set *set, struct join_key *key) {
  uint64_t mask = set->table_mask, at = place_of(set, key->hash);
  for (uint64_t next = (at + 1) & mask; set->table[next] != NULL; next = (next + 1) & mask) {
    uint64_t home = set->table[next]->hash.low & mask;
    if (((next - home) & mask) < ((next - at) & mask)) continue; /* it stands between its home and the gap */
    set->table[at] = set->table[next];
    at = next;
  }
  set->table[at] = NULL;
  set->key_count--;
  pool_free(&set->pool, key, sizeof *key);
}

/* ---- kept events ---- */

static struct held *held_of(struct kept *kept) { return (struct held *)(kept + 1); }

/* When the frontier is beyond it, no partner comes any more. The last moment of time is the end of input's. */
static int64_t deadline_of(const struct join_set *set, unsigned side, int64_t time) {
  int64_t wait, deadline;
  if (side == LEFT)
    wait = set->plan->high_us;
  else if (__builtin_sub_overflow(0, set->plan->low_us, &wait))
    wait = INT64_MAX;
  if (wait <= 0) return time; /* the others came before it; alone it is told at its own time */
  return __builtin_add_overflow(time, wait, &deadline) || deadline == INT64_MAX ? INT64_MAX - 1 : deadline;
}

static struct kept *kept_new(struct join_set *set, unsigned side, const struct event *event) {
  uint16_t count = set->plan->slot_counts[side];
  size_t bytes = sizeof(struct held) + count * sizeof(struct value);
  for (uint16_t i = 0; i < count; i++) bytes += value_extra_bytes(event->values[i]);
  struct kept *kept = pool_alloc(&set->pool, sizeof *kept + bytes);
  *kept = (struct kept){.arrival = set->arrivals & INT64_MAX};
  struct held *held = held_of(kept);
  *held = (struct held){.references = 1,
                        .type = event->type,
                        .value_count = count,
                        .bytes = (uint32_t)bytes,
                        .position = event->position,
                        .time = event->time,
                        .sequence = event->sequence};
  char *extra = (char *)(held->values + count);
  for (uint16_t i = 0; i < count; i++) held->values[i] = value_copy_to(&extra, event->values[i]);
  return kept;
}

static void kept_free(struct join_set *set, struct kept *kept) {
  pool_free(&set->pool, kept, sizeof *kept + held_of(kept)->bytes);
}

/* The limit counts events of a usual size; a larger one is several. */
static uint64_t entries_of(struct kept *kept) { return 1 + held_of(kept)->bytes / MEMORY_EACH_JOIN_EVENTS; }

static void kept_append(struct join_set *set, unsigned side, struct join_key *key, struct kept *kept) {
  struct list *queue = &set->queues[side], *list = &key->sides[side];
  kept->key = key;
  *(queue->first == NULL ? &queue->first : &queue->last->next) = kept;
  queue->last = kept;
  *(list->first == NULL ? &list->first : &list->last->next_of_key) = kept;
  list->last = kept;
  set->counts.kept++;
  set->entries += entries_of(kept);
}

/* The first of its side leaves; it is the first of its key too. */
static struct kept *kept_take(struct join_set *set, unsigned side) {
  struct list *queue = &set->queues[side];
  struct kept *kept = queue->first;
  struct join_key *key = kept->key;
  struct list *list = &key->sides[side];
  check(list->first == kept);
  queue->first = kept->next;
  list->first = kept->next_of_key;
  if (key->sides[LEFT].first == NULL && key->sides[RIGHT].first == NULL) key_free(set, key);
  set->counts.kept--;
  set->entries -= entries_of(kept);
  return kept;
}

static void drop_oldest(struct join_set *set) {
  const struct kept *left = set->queues[LEFT].first, *right = set->queues[RIGHT].first;
  unsigned side = right == NULL || (left != NULL && left->arrival <= right->arrival) ? LEFT : RIGHT;
  kept_free(set, kept_take(set, side));
  set->counts.dropped++;
}

/* ---- telling ---- */

static void set_banks(struct join_set *set, struct kept *left, struct kept *right, struct value times[JOIN_VALUES],
                      struct expr_env *env) {
  times[JOIN_LEFT_TIME] = left == NULL ? value_null() : value_time(held_of(left)->time);
  times[JOIN_RIGHT_TIME] = right == NULL ? value_null() : value_time(held_of(right)->time);
  env->banks[BANK_EVENT] = left == NULL ? set->nulls : held_of(left)->values;
  env->banks[BANK_OTHER] = right == NULL ? set->nulls : held_of(right)->values;
  env->banks[BANK_WINDOW] = times;
  env->banks[BANK_KEY] = set->key;
}

static void set_key(struct join_set *set, unsigned side, const struct value *values) {
  for (uint16_t i = 0; i < set->plan->key_count; i++) set->key[i] = values[set->plan->key_slots[side][i]];
}

/* The banks and the key are set. `of`: whose place in the order it has. */
static void tell(struct join_set *set, struct kept *left, struct kept *right, struct kept *of, int64_t time,
                 const struct event *cause, struct expr_env *env) {
  env->counts->place = set->plan;
  for (uint16_t i = 0; i < set->value_count; i++) set->values[i] = expr_eval(set->plan->entries[i], env);
  env->counts->place = NULL;
  struct join_event told = {.plan = set->plan,
                            .event = {.time = time,
                                      .sequence = held_of(of)->sequence,
                                      .position = held_of(of)->position,
                                      .type = set->plan->schema,
                                      .values = set->values},
                            .key = set->key,
                            .left = left == NULL ? NULL : held_of(left),
                            .right = right == NULL ? NULL : held_of(right),
                            .cause = cause};
  set->counts.told++;
  set->options.tell(set->options.context, &told);
}

/* The kept event and the one that came, if they are a pair. Their times are in the interval. */
static void try_pair(struct join_set *set, unsigned side, struct kept *came, struct kept *partner,
                     const struct event *event, struct expr_env *env) {
  struct kept *left = side == LEFT ? came : partner, *right = side == LEFT ? partner : came;
  struct value times[JOIN_VALUES];
  arena_reset(&set->scratch);
  set_banks(set, left, right, times, env);
  if (set->plan->where != NULL && expr_truth(set->plan->where, env) != 1) return;
  left->matched = right->matched = 1;
  tell(set, left, right, came, event->time, event, env);
}

/* Partners of what came: from the front, those in the interval. *came is made when it is needed. */
static void pair_up(struct join_set *set, unsigned side, const struct join_key *key, struct kept **came,
                    const struct event *event, struct expr_env *env) {
  struct kept *next = key->sides[1 - side].first;
  for (struct kept *partner = next; partner != NULL; partner = next) {
    next = partner->next_of_key;
    __int128 apart = (__int128)held_of(partner)->time - event->time;
    if (side == RIGHT) apart = -apart;
    /* Later partners are further right of a left event, and nearer to a right one. */
    bool before = side == LEFT ? apart < set->plan->low_us : apart > set->plan->high_us;
    bool behind = side == LEFT ? apart > set->plan->high_us : apart < set->plan->low_us;
    if (behind) break;
    if (before) continue;
    if (*came == NULL) *came = kept_new(set, side, event);
    try_pair(set, side, *came, partner, event, env);
  }
}

void join_set_event(struct join_set *set, unsigned side, const struct event *event, struct expr_env *env) {
  const struct join_plan *plan = set->plan;
  struct expr_env own = *env;
  own.scratch = &set->scratch;
  set_key(set, side, event->values);
  for (uint16_t i = 0; i < plan->key_count; i++)
    if (set->key[i].kind == VALUE_NULL) {
      set->counts.null_key++;
      return;
    }
  set->arrivals++;
  struct hash128 hash = key_of_values(plan->key_count, 0, set->key);
  struct join_key *key = set->table[place_of(set, hash)];
  struct kept *came = NULL;
  bool possible = plan->low_us <= plan->high_us;
  bool past = possible && (side == LEFT ? plan->low_us <= 0 : plan->high_us >= 0);
  bool future = possible && (side == LEFT ? plan->high_us >= 0 : plan->low_us <= 0);
  if (past && key != NULL) pair_up(set, side, key, &came, event, &own);
  bool alone = plan->keeps[side] && (came == NULL || !came->matched);
  if (future || alone) {
    if (came == NULL) came = kept_new(set, side, event);
    kept_append(set, side, key != NULL ? key : key_make(set, hash), came);
    while (set->options.events_max > 0 && set->entries > set->options.events_max) drop_oldest(set); /* ends: 0 */
  } else if (came != NULL) {
    kept_free(set, came);
  }
}

/* ---- time ---- */

static int64_t queue_deadline(const struct join_set *set, unsigned side) {
  struct kept *first = set->queues[side].first;
  return first == NULL ? INT64_MAX : deadline_of(set, side, held_of(first)->time);
}

static void tell_alone(struct join_set *set, unsigned side, struct kept *kept, int64_t deadline, struct expr_env *env) {
  struct kept *left = side == LEFT ? kept : NULL, *right = side == RIGHT ? kept : NULL;
  struct value times[JOIN_VALUES];
  arena_reset(&set->scratch);
  set_key(set, side, held_of(kept)->values);
  set_banks(set, left, right, times, env);
  set->counts.alone++;
  tell(set, left, right, kept, deadline, NULL, env);
}

void join_set_time(struct join_set *set, int64_t frontier, struct expr_env *env) {
  struct expr_env own = *env;
  own.scratch = &set->scratch;
  for (;;) { /* ends: each turn takes one out */
    int64_t left = queue_deadline(set, LEFT), right = queue_deadline(set, RIGHT);
    int64_t deadline = left < right ? left : right;
    if (deadline >= frontier) return;
    unsigned side = left < right ? LEFT : RIGHT;
    if (left == right && set->queues[LEFT].first->arrival <= set->queues[RIGHT].first->arrival) side = LEFT;
    struct kept *kept = kept_take(set, side);
    if (set->plan->keeps[side] && !kept->matched) tell_alone(set, side, kept, deadline, &own);
    kept_free(set, kept);
  }
}

int64_t join_set_deadline(const struct join_set *set) {
  int64_t left = queue_deadline(set, LEFT), right = queue_deadline(set, RIGHT);
  return left < right ? left : right;
}

struct join_counts join_set_counts(const struct join_set *set) {
  return set->counts;
}

size_t join_set_bytes(const struct join_set *set) {
  return sizeof *set + pool_used(&set->pool) + (set->table_mask + 1) * sizeof *set->table + arena_bytes(&set->scratch);
}
