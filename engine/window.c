/* window.c - windows that make derived events: the set of one plan. Events and time come in here and go to the kind's
 * own file (window_aligned.c, window_session.c, window_count.c); the level's pass calls it. */
#include "engine/window.h"

#include "base/check.h"
#include "engine/window_private.h"

enum {
  SCRATCH_BYTES = 4096,
  ASK_MAX = 64,
  WIDE_KEYS = 4096,
  CROWD_KEYS = 64,
  EACH_TOLD_WINDOW =
      MEMORY_EACH_OPEN_WINDOWS + MEMORY_EACH_OPEN_WINDOWS / 4 /* bytes, with the event that is made of it */
};

static enum window_way way_of(const struct window_plan *plan) {
  bool early = plan->early_us >= 0 || plan->early_count >= 0 || plan->early_when != NULL;
  switch (plan->kind) {
  case WINDOW_SESSION: return WAY_SESSION;
  case WINDOW_COUNT:
    return early || plan->every_count <= 0 || plan->every_count >= plan->count ? WAY_COUNT : WAY_COUNT_PANES;
  case WINDOW_SLIDING:
    /* Early results and empty windows that may be told again belong to one window: panes have no place for them. */
    if (plan->every_us >= plan->size_us || early || (plan->known_us >= 0 && plan->lateness_us > 0)) return WAY_WHOLE;
    return WAY_PANES;
  default: return WAY_WHOLE;
  }
}

static void init_grid(struct window_set *set) {
  const struct window_plan *plan = set->plan;
  if (plan->kind == WINDOW_TODAY)
    window_grid_init_days(&set->grid, plan->zone);
  else if (plan->kind == WINDOW_COUNT)
    window_grid_init(&set->grid, plan->count, plan->every_count > 0 ? plan->every_count : plan->count, 0);
  else if (plan->kind == WINDOW_SLIDING)
    window_grid_init(&set->grid, plan->size_us, plan->every_us, plan->offset_us);
  else
    window_grid_init(&set->grid, plan->size_us, plan->size_us, plan->offset_us);
}

/* Whether what a window holds moves to larger blocks again and again: those that it leaves are not all used again, and
 * may be as many bytes. Merged panes of one key need as much again as these. */
static bool needs_twice(const struct window_set *set) {
  bool grows = set->way == WAY_PANES || set->way == WAY_COUNT_PANES;
  for (uint16_t i = 0; i < set->plan->aggregate_count; i++) {
    enum aggregate kind = set->plan->aggregates[i].kind;
    grows |= kind == AGG_MEDIAN || kind == AGG_PERCENTILE || kind == AGG_DISTINCT || kind == AGG_TOP ||
             kind == AGG_COLLECT || kind == AGG_NTH;
  }
  return grows;
}

struct window_set *window_set_new(struct mem *mem, const struct window_options *options) {
  struct window_set *set = mem_alloc(mem, sizeof *set);
  const struct window_plan *plan = options->plan;
  for (uint16_t i = 0; i < plan->key_count; i++) check(plan->key_types[i].kind != VALUE_LIST);
  set->mem = mem;
  set->plan = plan;
  set->options = *options;
  set->way = way_of(plan);
  pool_init(&set->pool, mem);
  pool_init(&set->wheel_pool, mem);
  arena_init(&set->scratch, mem, SCRATCH_BYTES);
  init_grid(set);
  set->aggregates = aggregates_new(mem, &set->pool, plan->aggregates, plan->aggregate_count);
  set->state_bytes = aggregates_bytes(set->aggregates);
  if (set->way == WAY_SESSION || (set->way == WAY_COUNT && plan->early_us > 0))
    set->wheel = wheel_new(mem, &set->wheel_pool);
  set->needs_twice = needs_twice(set);
  window_layout_init(set);
  window_table_init(set);
  set->merged = mem_alloc(mem, set->state_bytes + 1);
  set->nothing = mem_alloc(mem, set->state_bytes + 1);
  aggregates_init(set->aggregates, set->nothing);
  set->value_count = options->ruleset->schemas[plan->schema].asked_first; /* what is behind is the reader's */
  set->columns = mem_alloc(mem, (plan->column_count + 1u) * sizeof(struct value));
  set->registers = mem_alloc(mem, (plan->aggregate_count + 1u) * sizeof(struct value));
  set->key_values = mem_alloc(mem, (plan->key_count + 1u) * sizeof(struct value));
  set->values = mem_alloc(mem, (set->value_count + 1u) * sizeof(struct value));
  set->frontier = INT64_MIN;
  set->due = INT64_MAX;
  return set;
}

static bool is_aligned(const struct window_set *set) { return set->way == WAY_WHOLE || set->way == WAY_PANES; }

/* At most, if all keys have a window that ends now: an event each, with copies of the key as text and as a value, and
 * of the texts and lists that the windows keep beside their fixed fields. */
static size_t told_bytes(const struct window_set *set) {
  uint64_t further = set->counts.open - set->busy_keys;
  size_t used = pool_used(&set->pool), fixed = set->key_count * set->layout.key + set->key_bytes +
                                               further * (WINDOW_PART_PREFIX + set->layout.part_bytes);
  return set->key_count * set->options.told_bytes + 2 * set->key_bytes + (used > fixed ? used - fixed : 0);
}

/* The limit counts windows of a usual size: where all together have more than so many of that size, they are fewer. */
bool window_is_crowded(const struct window_set *set) {
  uint64_t limit = set->options.keys_max;
  size_t used = pool_used(&set->pool);
  return limit > 0 && (used / MEMORY_EACH_OPEN_WINDOWS > limit / (set->needs_twice ? 2 : 1) ||
                       (used + told_bytes(set)) / EACH_TOLD_WINDOW > limit);
}

static void drop_beyond_limit(struct window_set *set) {
  uint64_t limit = set->options.keys_max;
  if (limit == 0) return;
  if (is_aligned(set))
    while (set->counts.open > limit || (set->counts.open > 0 && window_is_crowded(set))) window_bucket_drop_oldest(set);
  else
    while (set->counts.open > limit || set->key_count > limit || (set->key_count > 0 && window_is_crowded(set)))
      window_key_drop_oldest(set);
}

void window_set_event(struct window_set *set, uint16_t number, const struct event *event, int64_t now,
                      struct expr_env *env) {
  const struct window_plan *plan = set->plan;
  const struct window_from *from = &plan->from[number];
  bool late = now > event->time;
  check(now >= event->time && now >= set->frontier);
  env->banks[BANK_EVENT] = event->values;
  if (from->where != NULL && expr_truth(from->where, env) != 1) return;
  if (!window_key_take(set, from, event)) {
    set->counts.null_key++;
    return;
  }
  if (late && plan->lateness_us <= 0) {
    set->counts.late_out++;
    return;
  }
  if (now > set->due) {
    window_set_time(set, now, INT64_MAX, env);
    env->banks[BANK_EVENT] = event->values;
  }
  set->frontier = now;
  env->counts->place = plan;
  for (uint16_t i = 0; i < plan->column_count; i++) set->columns[i] = expr_eval(from->columns[i], env);
  env->counts->place = NULL;
  bool in = is_aligned(set)           ? window_aligned_event(set, event, now, env)
            : set->way == WAY_SESSION ? window_session_event(set, event, now, env)
                                      : window_count_event(set, event, env);
  set->counts.late_in += late && in;
  set->counts.late_out += late && !in;
  drop_beyond_limit(set);
}

/* The key of that hash, if one stands in its own line: a guess. */
static struct window_key *guess_key(const struct window_set *set, uint32_t hash) {
  const struct window_line *line = &set->lines[hash & set->line_mask];
  for (unsigned i = 0; i < WINDOW_LINE_KEYS; i++)
    if (line->hashes[i] == hash && line->keys[i] != NULL) return line->keys[i];
  return NULL;
}

static void ask_ahead(struct window_set *set, const struct window_ask *asks, uint32_t count) {
  uint32_t hashes[ASK_MAX];
  const struct window_key *keys[ASK_MAX];
  for (uint32_t i = 0; i < count; i++) {
    hashes[i] = 0;
    if (!window_key_take(set, &set->plan->from[asks[i].from], asks[i].event)) continue;
    hashes[i] = set->key_hash;
    __builtin_prefetch(&set->lines[set->key_hash & set->line_mask]);
  }
  for (uint32_t i = 0; i < count; i++) {
    const char *key = (const char *)(keys[i] = guess_key(set, hashes[i]));
    if (key == NULL) continue;
    __builtin_prefetch(key, 1);
    __builtin_prefetch(key + 64, 1);
    __builtin_prefetch(key + set->layout.key);
  }
  for (uint32_t i = 0; i < count; i++) {
    const struct window_part *part = keys[i] == NULL ? NULL : keys[i]->newest;
    if (part == NULL || (part->flags & PART_OWN)) continue;
    __builtin_prefetch(part, 1);
    __builtin_prefetch((const char *)part + 64, 1);
  }
}

void window_set_ask_ahead(struct window_set *set, const struct window_ask *asks, uint32_t count) {
  for (uint32_t at = 0; at < count; at += ASK_MAX)
    ask_ahead(set, asks + at, count - at < ASK_MAX ? count - at : ASK_MAX);
}

bool window_set_is_wide(const struct window_set *set) { return set->key_count >= WIDE_KEYS; }

bool window_set_is_crowd(const struct window_set *set) { return is_aligned(set) && set->key_count >= CROWD_KEYS; }

void window_set_time(struct window_set *set, int64_t frontier, int64_t empty_until, struct expr_env *env) {
  if (frontier <= set->frontier) return;
  env->banks[BANK_EVENT] = NULL;
  if (is_aligned(set)) {
    if (frontier > set->due) window_aligned_time(set, frontier, empty_until, env);
  } else if (set->wheel != NULL) {
    struct wheel_timer *timer;
    int64_t deadline;
    while (frontier > set->due && (timer = wheel_next(set->wheel, frontier, &deadline)) != NULL) {
      struct window_key *key = ((struct window_cell *)(void *)timer)->key; /* the timer is its first member */
      if (key == NULL) continue;
      if (set->way == WAY_SESSION)
        window_session_due(set, key, deadline, env);
      else
        window_count_due(set, key, deadline, env);
    }
    set->due = set->key_count == 0 ? INT64_MAX : set->wheel->quiet_until;
  }
  set->frontier = frontier;
}

int64_t window_set_deadline(const struct window_set *set) { return set->due; }

struct window_counts window_set_counts(const struct window_set *set) {
  struct window_counts counts = set->counts;
  counts.values_dropped = aggregates_counts(set->aggregates).top_values;
  return counts;
}

size_t window_set_bytes(const struct window_set *set) {
  return pool_used(&set->pool) + pool_used(&set->wheel_pool) + (set->line_mask + 1) * sizeof(struct window_line) +
         arena_bytes(&set->scratch);
}
