/* step.c - the hot path: keys and their records are asked for ahead over a batch, then each event goes through the
 * index, and only rules that may start on it, or that wait at its key for something that it satisfies, are stepped.
 *
 * It owns the key table, the timer wheel and the context that nfa/ works in. engine.c calls it, batch by batch. */
#include "engine/step.h"

#include "base/check.h"
#include "base/limits.h"
#include "engine/key_state.h"
#include "engine/timer.h"
#include "rules/index.h"

enum {
  STEP_SCRATCH_BYTES = 1 << 16,
  STEP_RUNS_MAX = 100000,
  STEP_LIST_FIRST = 1024,
  STEP_KEY_PARTS_MAX = LIMIT_KEY_PARTS,
  STEP_SPACES_AHEAD = 8, /* key spaces of one event whose records are asked for ahead */
  STEP_ENTRY_BYTES = 640 /* of an open match with its share of record, table, timer and held events */
};

struct queued {
  struct hash128 key;
  uint32_t birth;
}; /* of a rule's states, oldest first: kept only under a limit */
struct queue {
  struct queued *items;
  uint64_t first, end, capacity;
  uint32_t births;
};

/* One event of the batch: what the index found, before any key is looked at. */
struct prepared {
  uint32_t hit_first, hit_count, true_first, true_count; /* in the stepper's lists */
  uint64_t mask;
  uint32_t wanted; /* bits: key spaces (in the order of the type's use) whose record must be looked at */
  struct hash128 keys[STEP_SPACES_AHEAD];
};

struct list { /* of index_hit or predicate numbers, over a batch */
  void *items;
  uint32_t count, capacity;
};

struct stepper {
  struct mem *mem;
  const struct ruleset *ruleset;
  struct step_options options;
  struct nfa_context context;
  struct truth truth;
  struct expr_env env;
  struct pool pool;
  struct arena scratch;
  struct index_scratch *index;
  struct rule_counts *counts;
  struct expr_counts *own;   /* per rule: what its residuals counted; counts[].expr adds its predicates */
  struct expr_counts shared; /* of predicates, which belong to no one rule */
  struct key_table *table;
  struct wheel *wheel;
  uint64_t *rule_types; /* bits: [type * rule_words + rule / 64], rules that take events of the type */
  uint32_t rule_words;
  bool *runs;           /* per rule: it is enabled */
  uint64_t *done;       /* per rule: the epoch of the last event that it was stepped with */
  uint64_t *null_keys;  /* [space * schema_count + type]: events whose key was null */
  struct queue *queues; /* per rule, under an entry limit; else NULL */
  struct value key[STEP_KEY_PARTS_MAX], match_key[STEP_KEY_PARTS_MAX];
  struct prepared prepared[STEP_BATCH_MAX];
  struct list hits, trues;
  uint64_t *waits;           /* [space * schema_count + type]: predicates (modulo 64) that open matches may wait for */
  const struct rule *rule;   /* in hand, for tell */
  const struct event *event; /* NULL while time passes */
};

/* The key's values: of the event in hand, else of the match's last event (a deadline has no event). */
static const struct value *told_key(struct stepper *stepper, const struct nfa_match *match) {
  if (stepper->event != NULL) return stepper->key;
  const struct key_space *space = &stepper->ruleset->spaces[stepper->rule->key_space];
  const struct held *held = match->items[match->count - 1].event;
  const struct schema *schema = &stepper->ruleset->schemas[held->type];
  for (uint16_t i = 0; i < space->part_count; i++) {
    uint16_t slot = space->slots[(size_t)held->type * space->part_count + i];
    check(schema->kept_index[slot] >= 0);
    stepper->match_key[i] = held->values[schema->kept_index[slot]];
  }
  return stepper->match_key;
}

static void tell(void *context, const struct nfa_match *match) {
  struct stepper *stepper = context;
  struct told told = {.rule = stepper->rule,
                      .match = match,
                      .key = told_key(stepper, match),
                      .event = match->by_timer ? NULL : stepper->event};
  stepper->options.tell(stepper->options.context, &told);
}

static void find_rule_types(struct stepper *stepper) {
  const struct ruleset *set = stepper->ruleset;
  stepper->rule_words = (set->rule_count + 63u) / 64u;
  stepper->rule_types =
      mem_alloc(stepper->mem, ((size_t)set->schema_count * stepper->rule_words + 1) * sizeof(uint64_t));
  for (uint16_t r = 0; r < set->rule_count; r++) {
    const struct rule *rule = &set->rules[r];
    for (uint16_t t = 0; t < rule->type_count; t++)
      stepper->rule_types[(size_t)rule->types[t] * stepper->rule_words + r / 64u] |= (uint64_t)1 << (r % 64u);
  }
}

static void find_waits(struct stepper *stepper) {
  const struct ruleset *set = stepper->ruleset;
  stepper->waits = mem_alloc(stepper->mem, ((size_t)set->space_count * set->schema_count + 1) * sizeof(uint64_t));
  for (uint16_t r = 0; r < set->rule_count; r++) {
    const struct rule *rule = &set->rules[r];
    for (uint16_t t = 0; t < rule->type_count && rule->pattern != NULL; t++) {
      const int32_t *predicates;
      bool any;
      uint16_t count = pattern_waits(rule->pattern, rule->types[t], &predicates, &any);
      uint64_t *mask = &stepper->waits[(size_t)rule->key_space * set->schema_count + rule->types[t]];
      for (uint16_t i = 0; i < count; i++) *mask |= (uint64_t)1 << (predicates[i] & 63);
      if (any) *mask = UINT64_MAX;
    }
  }
}

/* Under a memory limit each rule gets an equal share of entries; the share depends on the limit and the rules alone. */
static void set_entry_limits(struct stepper *stepper) {
  uint64_t patterns = 0;
  for (uint16_t r = 0; r < stepper->ruleset->rule_count; r++) patterns += stepper->ruleset->rules[r].pattern != NULL;
  if (stepper->options.state_bytes_max == 0 || patterns == 0) return;
  uint64_t share = stepper->options.state_bytes_max / STEP_ENTRY_BYTES / patterns;
  stepper->options.entries_max = share < 16 ? 16 : share;
}

struct stepper *stepper_new(struct mem *mem, const struct ruleset *ruleset, const struct step_options *options) {
  struct stepper *stepper = mem_alloc(mem, sizeof *stepper);
  stepper->mem = mem;
  stepper->ruleset = ruleset;
  stepper->options = *options;
  if (stepper->options.runs_max == 0) stepper->options.runs_max = STEP_RUNS_MAX;
  set_entry_limits(stepper);
  arena_init(&stepper->scratch, mem, STEP_SCRATCH_BYTES);
  pool_init(&stepper->pool, mem);
  size_t rules = ruleset->rule_count + 1u;
  stepper->counts = mem_alloc(mem, sizeof *stepper->counts * rules);
  stepper->own = mem_alloc(mem, sizeof *stepper->own * rules);
  stepper->done = mem_alloc(mem, sizeof *stepper->done * rules);
  stepper->runs = mem_alloc(mem, sizeof *stepper->runs * rules);
  stepper->null_keys =
      mem_alloc(mem, sizeof *stepper->null_keys * ((size_t)ruleset->space_count * ruleset->schema_count + 1));
  if (stepper->options.entries_max > 0) stepper->queues = mem_alloc(mem, sizeof *stepper->queues * rules);
  for (uint16_t r = 0; r < ruleset->rule_count; r++)
    stepper->runs[r] = options->enabled != NULL ? options->enabled[r] : ruleset->rules[r].mode != MODE_OFF;
  find_rule_types(stepper);
  find_waits(stepper);
  stepper->hits.items = mem_alloc(mem, STEP_LIST_FIRST * sizeof(struct index_hit));
  stepper->trues.items = mem_alloc(mem, STEP_LIST_FIRST * sizeof(int32_t));
  stepper->hits.capacity = stepper->trues.capacity = STEP_LIST_FIRST;
  stepper->table = key_table_new(mem, &stepper->pool);
  stepper->wheel = wheel_new(mem, &stepper->pool);
  stepper->env = (struct expr_env){.scratch = &stepper->scratch,
                                   .lookup = &ruleset->lookup,
                                   .lookup_context = (void *)ruleset,
                                   .counts = &stepper->shared};
  stepper->truth = (struct truth){.predicates = ruleset->predicates, .env = &stepper->env};
  stepper->truth.marks = mem_alloc(mem, sizeof *stepper->truth.marks * ((size_t)ruleset->predicate_count + 1));
  stepper->truth.counts = mem_alloc(mem, sizeof *stepper->truth.counts * ((size_t)ruleset->predicate_count + 1));
  stepper->index = index_scratch_new(mem, ruleset->index);
  stepper->context = (struct nfa_context){.mem = mem,
                                          .pool = &stepper->pool,
                                          .scratch = &stepper->scratch,
                                          .truth = &stepper->truth,
                                          .env = &stepper->env,
                                          .schemas = ruleset->schemas,
                                          .runs_max = stepper->options.runs_max,
                                          .mode = stepper->options.mode,
                                          .tell = tell,
                                          .told_context = stepper};
  return stepper;
}

/* ---- one rule at one key ---- */

/* States that have ended since leave the queue when they are more than those that are left. */
static void queue_clean(struct stepper *stepper, const struct rule *rule, struct queue *queue) {
  uint64_t kept = queue->first;
  for (uint64_t i = queue->first; i < queue->end; i++) {
    struct queued item = queue->items[i & (queue->capacity - 1)];
    struct key_record *record = key_table_find(stepper->table, item.key);
    struct rule_state *state = record == NULL ? NULL : key_record_rule(stepper->table, record, rule->id, false);
    if (state != NULL && state->birth == item.birth) queue->items[kept++ & (queue->capacity - 1)] = item;
  }
  queue->end = kept;
}

static void queue_push(struct stepper *stepper, const struct rule *rule, struct queue *queue, struct queued item) {
  if (queue->end - queue->first >= 1024 + 2 * stepper->counts[rule->id].nfa.open) queue_clean(stepper, rule, queue);
  if (queue->end - queue->first == queue->capacity) {
    uint64_t capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
    struct queued *bigger = mem_alloc_raw(stepper->mem, capacity * sizeof *bigger);
    for (uint64_t i = queue->first; i < queue->end; i++)
      bigger[i & (capacity - 1)] = queue->items[i & (queue->capacity - 1)];
    mem_free(stepper->mem, queue->items);
    queue->items = bigger;
    queue->capacity = capacity;
  }
  queue->items[queue->end++ & (queue->capacity - 1)] = item;
}

/* The rule has more open matches than its share of entries: its oldest state goes, whatever key it is at. */
static void enforce_entries(struct stepper *stepper, const struct rule *rule) {
  struct queue *queue = &stepper->queues[rule->id];
  struct rule_counts *counts = &stepper->counts[rule->id];
  while (counts->nfa.open > stepper->options.entries_max && queue->first < queue->end) {
    struct queued oldest = queue->items[queue->first++ & (queue->capacity - 1)];
    struct key_record *record = key_table_find(stepper->table, oldest.key);
    struct rule_state *state = record == NULL ? NULL : key_record_rule(stepper->table, record, rule->id, false);
    if (state == NULL || state->birth != oldest.birth) continue;
    counts->nfa.dropped_entries_max += counts->nfa.open;
    nfa_drop(rule->pattern, &state->state, &stepper->context, &counts->nfa);
    counts->nfa.dropped_entries_max -= counts->nfa.open;
    key_record_remove(stepper->table, record, rule->id);
    key_table_release(stepper->table, stepper->wheel, record);
  }
}

static void arm(struct stepper *stepper, struct key_record *record, int64_t deadline) {
  if (deadline == INT64_MAX || (wheel_is_set(&record->timer) && record->timer.deadline <= deadline)) return;
  wheel_remove(stepper->wheel, &record->timer);
  wheel_add(stepper->wheel, &record->timer, deadline);
}

/* After a step: the state may be gone, wait for other things, or have another deadline. */
static void settle(struct stepper *stepper, struct key_record *record, struct rule_state *state) {
  if (state->state == NULL) {
    key_record_remove(stepper->table, record, state->rule);
    return;
  }
  state->wait_mask = nfa_wait_mask(state->state);
  arm(stepper, record, nfa_deadline(state->state));
}

static void step_rule(struct stepper *stepper, const struct rule *rule, struct key_record *record,
                      struct rule_state *state, const struct event *event) {
  bool fresh = state->state == NULL;
  stepper->rule = rule;
  stepper->env.counts = &stepper->own[rule->id];
  nfa_event(rule->pattern, &state->state, event, &stepper->context, &stepper->counts[rule->id].nfa);
  if (fresh && state->state != NULL && stepper->queues != NULL) {
    struct queue *queue = &stepper->queues[rule->id];
    state->birth = ++queue->births;
    queue_push(stepper, rule, queue, (struct queued){record->key, state->birth});
  }
  settle(stepper, record, state);
}

static bool takes_type(const struct stepper *stepper, uint32_t rule, uint16_t type) {
  return stepper->rule_types[(size_t)type * stepper->rule_words + rule / 64u] >> (rule % 64u) & 1;
}

/* The open matches at the event's key that wait for something that it has. */
static void step_waiting(struct stepper *stepper, struct key_record *record, const struct event *event, uint64_t mask) {
  for (uint16_t i = 0; i < record->count;) {
    struct rule_state *state = &record->states[i];
    uint32_t rule = state->rule;
    uint16_t count = record->count;
    bool wakes = (state->wait_mask & mask) != 0 || state->wait_mask == UINT64_MAX;
    if (wakes && takes_type(stepper, rule, event->type)) {
      stepper->done[rule] = stepper->truth.epoch;
      step_rule(stepper, &stepper->ruleset->rules[rule], record, state, event);
    }
    if (record->count == count) i++; /* else the last one has moved here */
  }
}

static void step_on(struct stepper *stepper, const struct rule *rule, const struct event *event) {
  stepper->rule = rule;
  stepper->env.counts = &stepper->own[rule->id];
  if (rule->on_condition.residual != NULL && expr_truth(rule->on_condition.residual, &stepper->env) != 1) return;
  stepper->counts[rule->id].nfa.told++;
  struct nfa_item item = {0};
  struct nfa_match match = {.cause = NFA_MATCH, .time = event->time, .count = 1, .items = &item};
  tell(stepper, &match);
}

/* The key's values into stepper->key; a null one was found before. */
static void load_key(struct stepper *stepper, const struct key_space *space, const struct event *event) {
  const uint16_t *slots = space->slots + (size_t)event->type * space->part_count;
  for (uint16_t i = 0; i < space->part_count; i++) stepper->key[i] = event->values[slots[i]];
  stepper->env.banks[BANK_KEY] = stepper->key;
}

static bool has_null_key(const struct key_space *space, const struct event *event) {
  const uint16_t *slots = space->slots + (size_t)event->type * space->part_count;
  for (uint16_t i = 0; i < space->part_count; i++)
    if (value_is_null(event->values[slots[i]])) return true;
  return false;
}

/* One key space of the event: who waits there, then who starts there. */
static void step_space(struct stepper *stepper, uint16_t space_id, struct hash128 key, const struct event *event,
                       const struct index_hit *hits, uint32_t hit_count, uint64_t mask) {
  const struct ruleset *set = stepper->ruleset;
  load_key(stepper, &set->spaces[space_id], event);
  struct key_record *record = key_table_find(stepper->table, key);
  if (record != NULL) step_waiting(stepper, record, event, mask);
  for (uint32_t i = 0; i < hit_count; i++) {
    const struct rule *rule = &set->rules[hits[i].rule];
    if (rule->on || rule->key_space != space_id || !stepper->runs[rule->id]) continue;
    if (stepper->done[rule->id] == stepper->truth.epoch) continue;
    stepper->done[rule->id] = stepper->truth.epoch;
    if (record == NULL) record = key_table_make(stepper->table, key, space_id);
    step_rule(stepper, rule, record, key_record_rule(stepper->table, record, rule->id, true), event);
  }
  if (record != NULL) key_table_release(stepper->table, stepper->wheel, record);
}

static void step_event(struct stepper *stepper, const struct event *event, const struct prepared *prepared) {
  const struct ruleset *set = stepper->ruleset;
  const struct type_use *use = &set->uses[event->type];
  const struct index_hit *hits = (const struct index_hit *)stepper->hits.items + prepared->hit_first;
  const int32_t *trues = (const int32_t *)stepper->trues.items + prepared->true_first;
  if (prepared->wanted == 0 && prepared->hit_count == 0) return;
  stepper->event = event;
  stepper->truth.epoch++;
  stepper->env.banks[BANK_EVENT] = event->values;
  stepper->context.held = NULL;
  for (uint32_t i = 0; i < prepared->true_count; i++) truth_mark(&stepper->truth, trues[i], true);
  for (uint16_t i = 0; i < use->space_count; i++) {
    if (i < STEP_SPACES_AHEAD) {
      if (prepared->wanted >> i & 1)
        step_space(stepper, use->spaces[i], prepared->keys[i], event, hits, prepared->hit_count, prepared->mask);
      continue;
    }
    struct hash128 key;
    if (key_of_event(&set->spaces[use->spaces[i]], use->spaces[i], event, stepper->key, &key))
      step_space(stepper, use->spaces[i], key, event, hits, prepared->hit_count, prepared->mask);
  }
  for (uint32_t i = 0; i < prepared->hit_count; i++) {
    const struct rule *rule = &set->rules[hits[i].rule];
    if (!rule->on || !stepper->runs[rule->id] || has_null_key(&set->spaces[rule->key_space], event)) continue;
    load_key(stepper, &set->spaces[rule->key_space], event);
    step_on(stepper, rule, event);
  }
  nfa_release_held(&stepper->context);
  arena_reset(&stepper->scratch);
  for (uint32_t i = 0; stepper->queues != NULL && i < prepared->hit_count; i++)
    enforce_entries(stepper, &set->rules[hits[i].rule]);
}

/* ---- the batch ahead ---- */

static void list_add(struct stepper *stepper, struct list *list, const void *items, uint32_t count, size_t size) {
  if (count == 0) return;
  if (list->count + count > list->capacity) {
    while (list->count + count > list->capacity) list->capacity *= 2;
    list->items = mem_realloc(stepper->mem, list->items, list->capacity * size);
  }
  memcpy((char *)list->items + list->count * size, items, count * size);
  list->count += count;
}

/* Null keys of all the type's key spaces, of those without state too. */
static void count_null_keys(struct stepper *stepper, const struct event *event) {
  const struct ruleset *set = stepper->ruleset;
  const struct type_use *use = &set->uses[event->type];
  for (uint16_t i = 0; i < use->all_space_count; i++)
    if (has_null_key(&set->spaces[use->all_spaces[i]], event))
      stepper->null_keys[(size_t)use->all_spaces[i] * set->schema_count + event->type]++;
}

/* Whether any rule of the space may start on the event, or an open match there may want it. */
static bool space_wanted(const struct stepper *stepper, uint16_t space, uint16_t type, const struct index_hit *hits,
                         uint32_t hit_count, uint64_t mask) {
  uint64_t waits = stepper->waits[(size_t)space * stepper->ruleset->schema_count + type];
  if ((waits & mask) != 0 || waits == UINT64_MAX) return true;
  for (uint32_t i = 0; i < hit_count; i++) {
    const struct rule *rule = &stepper->ruleset->rules[hits[i].rule];
    if (!rule->on && rule->key_space == space) return true;
  }
  return false;
}

static void prepare_event(struct stepper *stepper, const struct event *event, struct prepared *prepared) {
  const struct ruleset *set = stepper->ruleset;
  const struct type_use *use = &set->uses[event->type];
  const struct index_hit *hits;
  const int32_t *trues;
  count_null_keys(stepper, event);
  stepper->truth.epoch++;
  stepper->env.banks[BANK_EVENT] = event->values;
  stepper->env.counts = &stepper->shared;
  prepared->hit_count = index_event(set->index, stepper->index, event, &stepper->truth, &hits, &prepared->mask);
  prepared->true_count = index_trues(stepper->index, &trues);
  prepared->hit_first = stepper->hits.count;
  prepared->true_first = stepper->trues.count;
  list_add(stepper, &stepper->hits, hits, prepared->hit_count, sizeof *hits);
  list_add(stepper, &stepper->trues, trues, prepared->true_count, sizeof *trues);
  prepared->wanted = 0;
  for (uint16_t i = 0; i < use->space_count; i++) {
    uint16_t space = use->spaces[i];
    if (!space_wanted(stepper, space, event->type, hits, prepared->hit_count, prepared->mask)) continue;
    if (i >= STEP_SPACES_AHEAD) {
      prepared->wanted |= (uint32_t)1 << STEP_SPACES_AHEAD; /* looked at without having been asked for ahead */
      continue;
    }
    if (!key_of_event(&set->spaces[space], space, event, stepper->key, &prepared->keys[i])) continue;
    prepared->wanted |= (uint32_t)1 << i;
    key_table_prefetch_line(stepper->table, prepared->keys[i]);
  }
}

/* Each round asks for what the round before has brought: lines, records, states, runs. */
static void ask_ahead(struct stepper *stepper, uint32_t count, int round) {
  for (uint32_t e = 0; e < count; e++) {
    for (uint32_t wanted = stepper->prepared[e].wanted; wanted != 0; wanted &= wanted - 1) {
      int space = __builtin_ctz(wanted);
      if (space >= STEP_SPACES_AHEAD) break;
      struct hash128 key = stepper->prepared[e].keys[space];
      if (round == 0) {
        key_table_prefetch_record(stepper->table, key);
        continue;
      }
      const struct key_record *record = key_table_find(stepper->table, key);
      if (record == NULL || record->count == 0) continue;
      if (round == 1)
        nfa_prefetch(record->states[0].state);
      else
        nfa_prefetch_runs(record->states[0].state);
    }
  }
}

void stepper_batch(struct stepper *stepper, const struct event *events, uint32_t count) {
  check(count <= STEP_BATCH_MAX);
  stepper->hits.count = stepper->trues.count = 0;
  for (uint32_t e = 0; e < count; e++) prepare_event(stepper, &events[e], &stepper->prepared[e]);
  for (int round = 0; round < 3 && count > 1; round++) ask_ahead(stepper, count, round);
  for (uint32_t e = 0; e < count; e++) {
    stepper_time(stepper, events[e].time);
    step_event(stepper, &events[e], &stepper->prepared[e]);
  }
}

/* ---- time ---- */

static void fire(struct stepper *stepper, struct key_record *record, int64_t deadline) {
  int64_t next = INT64_MAX;
  for (uint16_t i = 0; i < record->count;) {
    struct rule_state *state = &record->states[i];
    const struct rule *rule = &stepper->ruleset->rules[state->rule];
    if (nfa_deadline(state->state) <= deadline) {
      stepper->rule = rule;
      stepper->env.counts = &stepper->own[rule->id];
      nfa_time(rule->pattern, &state->state, deadline, &stepper->context, &stepper->counts[rule->id].nfa);
    }
    if (state->state == NULL) {
      key_record_remove(stepper->table, record, state->rule);
      continue;
    }
    state->wait_mask = nfa_wait_mask(state->state);
    if (nfa_deadline(state->state) < next) next = nfa_deadline(state->state);
    i++;
  }
  arm(stepper, record, next);
  key_table_release(stepper->table, stepper->wheel, record);
}

static struct key_record *record_of(struct wheel_timer *timer) {
  return (struct key_record *)(void *)((char *)timer - offsetof(struct key_record, timer));
}

/* Memory of what fires soon. */
static void ask_ahead_of_time(const struct wheel *wheel) {
  for (uint32_t i = 0; i < 3; i++) {
    struct wheel_timer *timer = wheel_ahead(wheel, i);
    const struct key_record *soon = timer == NULL ? NULL : record_of(timer);
    if (soon == NULL || soon->count == 0) continue;
    if (i == 0)
      nfa_prefetch_runs(soon->states[0].state);
    else
      nfa_prefetch(soon->states[0].state);
  }
}

void stepper_time(struct stepper *stepper, int64_t frontier) {
  struct wheel_timer *timer;
  stepper->event = NULL;
  stepper->env.banks[BANK_EVENT] = NULL;
  while ((timer = wheel_next(stepper->wheel, frontier)) != NULL) {
    ask_ahead_of_time(stepper->wheel);
    fire(stepper, record_of(timer), timer->deadline);
    arena_reset(&stepper->scratch);
  }
}

const struct rule_counts *stepper_counts(const struct stepper *stepper, uint16_t number) {
  const struct ruleset *set = stepper->ruleset;
  const struct rule *rule = &set->rules[number];
  struct rule_counts *counts = &stepper->counts[number];
  counts->null_key = 0;
  for (uint16_t t = 0; t < rule->type_count && stepper->runs[number]; t++)
    counts->null_key += stepper->null_keys[(size_t)rule->key_space * set->schema_count + rule->types[t]];
  counts->expr = stepper->own[number];
  const int32_t *predicates = &rule->on_condition.predicate;
  uint16_t count = rule->pattern == NULL ? rule->on_condition.predicate != PREDICATE_TRUE
                                         : pattern_predicates(rule->pattern, &predicates);
  for (uint16_t i = 0; i < count; i++) {
    counts->expr.overflow += stepper->truth.counts[predicates[i]].overflow;
    counts->expr.regex_limit += stepper->truth.counts[predicates[i]].regex_limit;
  }
  return counts;
}

uint64_t stepper_keys(const struct stepper *stepper) { return key_table_count(stepper->table); }
size_t stepper_bytes(const struct stepper *stepper) { return stepper->pool.used + key_table_bytes(stepper->table); }
const struct expr_counts *stepper_shared_counts(const struct stepper *stepper) { return &stepper->shared; }
