/* step.c - the hot path: keys and their records are asked for ahead over a batch, then each event goes through the
 * index, and only rules that may start on it, or that wait at its key for something that it satisfies, are stepped.
 *
 * It owns the key table, the timer wheel and the context that nfa/ works in. engine.c calls it, batch by batch. */
#include "engine/step.h"

#include "base/check.h"
#include "base/limits.h"
#include "engine/key_state.h"
#include "engine/live.h"
#include "engine/part_match.h"
#include "engine/tally.h"
#include "engine/timer.h"
#include "rules/index.h"

enum {
  STEP_SCRATCH_BYTES = 1 << 16,
  STEP_RUNS_MAX = LIMIT_RUNS,
  STEP_UNIT_BYTES = 64, /* nfa_context.held_units */
  STEP_ENTRIES_MIN = 16,
  STEP_HELD_TENTHS = 4,          /* of the state's memory: what open matches have taken; the rest is theirs */
  STEP_UNITS_A_MATCH_EVENT = 16, /* so many times the longest match fits, twice over, with events of four units */
  STEP_MATCH_EVENTS_MIN = LIMIT_PATTERN_STEPS,
  STEP_LIST_FIRST = 1024,
  STEP_KEY_PARTS_MAX = LIMIT_KEY_PARTS,
  STEP_SPACES_AHEAD = 8,  /* key spaces of one event whose records are asked for ahead */
  STEP_ENDS_RECORDS = 24, /* timers of the wheel's round whose records have been asked for, */
  STEP_ENDS_STATES = 12,  /* and their states */
  STEP_OPEN_BYTES = 272   /* of a key with one open match: its record and their share of table, timer and queue */
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
  uint32_t number;                                       /* in the batch */
  uint32_t hit_first, hit_count, true_first, true_count; /* in the stepper's lists */
  uint32_t ask_first, ask_count;                         /* in the stepper's asks */
  uint64_t mask;
  bool more;      /* key spaces beyond STEP_SPACES_AHEAD must be looked at too */
  bool concerned; /* it concerns somebody */
};

/* One key of one event of the batch, whose record must be looked at. */
struct ask {
  struct hash128 key;
  struct key_record *record; /* the guess, see key_table_recall() */
  uint16_t space;
};

struct list { /* of index_hit or predicate numbers, over a batch */
  void *items;
  uint32_t count, capacity;
};

/* What of a rule every event asks, side by side for all rules. */
struct rule_brief {
  uint16_t space; /* RULE_ASIDE: an `on` rule, or one that does not run */
  bool on;        /* an `on` rule that runs */
};
enum { RULE_ASIDE = 0xffff };

/* What every event of a type is asked for. */
struct space_plan { /* a key space whose records may hold open matches */
  const struct key_space *space;
  uint64_t waits; /* predicates (modulo 64) that open matches may wait for; all ones: any event */
  uint16_t id;
};
struct type_plan {
  uint16_t slot_count, space_count;
  uint16_t *slots;           /* of all key spaces' parts, each once */
  struct space_plan *spaces; /* as type_use.spaces */
  uint64_t waits;            /* of all of them */
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
  bool *runs;                /* per rule: it is enabled */
  struct rule_brief *briefs; /* per rule */
  uint64_t *done;            /* per rule: the epoch of the last event that it was stepped with */
  uint64_t *null_keys;       /* [space * schema_count + type]: events whose key was null */
  struct type_plan *plans;   /* per type */
  struct queue *queues;      /* per rule, under an entry limit; else NULL */
  uint64_t *entries_max;     /* open matches of each rule over all keys, under an entry limit */
  uint64_t held_max;         /* of nfa_context.held_units, by the same memory; 0 = no limit */
  uint16_t *over;            /* rules that the event in hand has brought above their limit of entries */
  uint32_t over_count;
  struct value key[STEP_KEY_PARTS_MAX], match_key[STEP_KEY_PARTS_MAX];
  struct prepared prepared[STEP_BATCH_MAX]; /* of the events that concern somebody */
  struct ask asks[STEP_BATCH_MAX * STEP_SPACES_AHEAD];
  uint32_t ask_count;
  uint64_t ends_round;                /* of the wheel, in which was asked for: */
  uint32_t ends_records, ends_states; /* timers up to here, in wheel.near */
  struct list hits, trues;
  struct tally *tally; /* counters; NULL = none are asked */
  bool *in_turn;       /* per type: what its events are compared with is known in their turn, and not ahead */
  struct laps *laps;   /* of the profile; NULL = none is wanted */
  uint64_t keys_max, counter_entries_max; /* of one population; 0 = no limit */
  const struct rule *rule;                /* in hand, for tell */
  const struct event *event;              /* NULL while time passes */
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

/* Counters that `emit` of a pattern asks, as they stand when the match is told. */
static const struct value *asked_of(struct stepper *stepper, const struct value *key, int64_t time) {
  const struct rule *rule = stepper->rule;
  if (rule->asked_count == 0) return NULL;
  struct value *asked = arena_array(&stepper->scratch, struct value, rule->asked_count);
  for (uint16_t i = 0; i < rule->asked_count; i++) {
    const struct end_ask *ask = &rule->asked[i];
    uint16_t type = 0;
    while (stepper->event != NULL && rule->types[type] != stepper->event->type) type++;
    if (ask->slots != NULL && stepper->event != NULL && ask->slots[type] != NO_SLOT) {
      asked[i] = stepper->event->values[ask->slots[type]];
      continue;
    }
    uint16_t population = stepper->ruleset->counters[ask->counter].population;
    const struct key_space *space = &stepper->ruleset->spaces[stepper->ruleset->populations[population].space];
    struct value parts[STEP_KEY_PARTS_MAX];
    for (uint16_t p = 0; p < space->part_count; p++) parts[p] = key[ask->parts[p]];
    asked[i] = tally_ask(stepper->tally, ask->counter, parts, time, &stepper->scratch, &stepper->own[rule->id]);
  }
  return asked;
}

static void tell(void *context, const struct nfa_match *match) {
  struct stepper *stepper = context;
  struct told told = {.rule = stepper->rule,
                      .match = match,
                      .key = told_key(stepper, match),
                      .live = stepper->options.live,
                      .event = match->by_timer ? NULL : stepper->event,
                      .counts = &stepper->own[stepper->rule->id]};
  struct nfa_match whole;
  if (stepper->rule->parts != NULL) {
    part_match_whole(stepper->rule, stepper->ruleset->schemas, match, &stepper->scratch, &whole);
    told.match = &whole;
  }
  told.asked = asked_of(stepper, told.key, match->time);
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

static void find_briefs(struct stepper *stepper) {
  const struct ruleset *set = stepper->ruleset;
  stepper->briefs = mem_alloc(stepper->mem, sizeof *stepper->briefs * (set->rule_count + 1u));
  for (uint16_t r = 0; r < set->rule_count; r++) {
    bool on = set->rules[r].on, runs = stepper->runs[r];
    uint16_t space = set->rules[r].key_space;
    check(space != RULE_ASIDE);
    stepper->briefs[r] = (struct rule_brief){.space = on || !runs ? (uint16_t)RULE_ASIDE : space, .on = on && runs};
  }
}

static uint64_t rule_waits(const struct rule *rule, uint16_t type) {
  const int32_t *predicates;
  bool any;
  uint64_t mask = 0;
  uint16_t count = pattern_waits(rule->pattern, type, &predicates, &any);
  for (uint16_t i = 0; i < count; i++) mask |= (uint64_t)1 << (predicates[i] & 63);
  return any ? UINT64_MAX : mask;
}

static void plan_slot(struct type_plan *plan, uint16_t slot) {
  for (uint16_t i = 0; i < plan->slot_count; i++)
    if (plan->slots[i] == slot) return;
  plan->slots[plan->slot_count++] = slot;
}

static void find_plan(struct stepper *stepper, uint16_t type, uint16_t *numbers) {
  const struct ruleset *set = stepper->ruleset;
  const struct type_use *use = &set->uses[type];
  struct type_plan *plan = &stepper->plans[type];
  plan->slots = mem_alloc(stepper->mem, sizeof *plan->slots * (set->schemas[type].slot_count + 1u));
  plan->spaces = mem_alloc(stepper->mem, sizeof *plan->spaces * (use->space_count + 1u));
  plan->space_count = use->space_count;
  for (uint16_t i = 0; i < use->space_count; i++) {
    plan->spaces[i] = (struct space_plan){.space = &set->spaces[use->spaces[i]], .id = use->spaces[i]};
    numbers[use->spaces[i]] = i;
  }
  for (uint16_t r = 0; r < use->rule_count; r++) {
    const struct rule *rule = &set->rules[use->rules[r]];
    if (rule->pattern == NULL) continue;
    uint64_t waits = rule_waits(rule, type);
    plan->spaces[numbers[rule->key_space]].waits |= waits;
    plan->waits |= waits;
  }
  for (uint16_t i = 0; i < use->all_space_count; i++) {
    const struct key_space *space = &set->spaces[use->all_spaces[i]];
    for (uint16_t p = 0; p < space->part_count; p++)
      plan_slot(plan, space->slots[(size_t)type * space->part_count + p]);
  }
}

static void find_plans(struct stepper *stepper) {
  const struct ruleset *set = stepper->ruleset;
  uint16_t *numbers =
      mem_alloc(stepper->mem, sizeof *numbers * (set->space_count + 1u)); /* of a space in a type's plan */
  stepper->plans = mem_alloc(stepper->mem, sizeof *stepper->plans * (set->schema_count + 1u));
  for (uint16_t t = 0; t < set->schema_count; t++) find_plan(stepper, t, numbers);
  mem_free(stepper->mem, numbers);
}

/* Under a memory limit each rule with a pattern and each population gets an equal share of entries, and the rules of
 * this level together what the events may take that their matches hold. The limits depend on the memory and the rules
 * alone. */
static void set_entry_limits(struct stepper *stepper) {
  const struct ruleset *set = stepper->ruleset;
  uint64_t sharers = set->population_count, patterns = 0, bytes = stepper->options.state_bytes_max;
  for (uint16_t r = 0; r < set->rule_count; r++) sharers += set->rules[r].pattern != NULL;
  uint64_t share = sharers == 0 ? 0 : bytes / sharers;
  stepper->entries_max = mem_alloc(stepper->mem, sizeof *stepper->entries_max * (set->rule_count + 1u));
  for (uint16_t r = 0; r < set->rule_count; r++) {
    const struct rule *rule = &set->rules[r];
    stepper->entries_max[r] = stepper->options.entries_max > 0 ? stepper->options.entries_max : UINT64_MAX;
    if (share == 0 || rule->pattern == NULL || rule->level != stepper->options.level) continue;
    uint64_t entries = share / 10 * (10 - STEP_HELD_TENTHS) / (STEP_OPEN_BYTES + nfa_sizes(rule->pattern).alone);
    stepper->entries_max[r] = entries < STEP_ENTRIES_MIN ? STEP_ENTRIES_MIN : entries;
    patterns++;
  }
  if (share == 0) return;
  stepper->keys_max =
      share / MEMORY_EACH_COUNTER_KEYS < STEP_ENTRIES_MIN ? STEP_ENTRIES_MIN : share / MEMORY_EACH_COUNTER_KEYS;
  stepper->counter_entries_max =
      share / MEMORY_EACH_COUNTER_EVENTS < STEP_ENTRIES_MIN ? STEP_ENTRIES_MIN : share / MEMORY_EACH_COUNTER_EVENTS;
  if (patterns == 0) return;
  stepper->held_max = share * patterns / 10 * STEP_HELD_TENTHS / STEP_UNIT_BYTES;
  uint64_t longest = stepper->held_max / STEP_UNITS_A_MATCH_EVENT;
  if (longest < STEP_MATCH_EVENTS_MIN) longest = STEP_MATCH_EVENTS_MIN;
  if (longest < stepper->options.match_events_max) stepper->options.match_events_max = (uint32_t)longest;
}

struct stepper *stepper_new(struct mem *mem, const struct ruleset *ruleset, const struct step_options *options) {
  struct stepper *stepper = mem_alloc(mem, sizeof *stepper);
  stepper->mem = mem;
  stepper->ruleset = ruleset;
  stepper->options = *options;
  if (stepper->options.runs_max == 0) stepper->options.runs_max = STEP_RUNS_MAX;
  if (stepper->options.match_events_max == 0) stepper->options.match_events_max = LIMIT_MATCH_EVENTS;
  set_entry_limits(stepper);
  stepper->laps = profile_laps(options->profile);
  arena_init(&stepper->scratch, mem, STEP_SCRATCH_BYTES);
  pool_init(&stepper->pool, mem);
  size_t rules = ruleset->rule_count + 1u;
  stepper->counts = mem_alloc(mem, sizeof *stepper->counts * rules);
  stepper->own = mem_alloc(mem, sizeof *stepper->own * rules);
  stepper->done = mem_alloc(mem, sizeof *stepper->done * rules);
  stepper->runs = mem_alloc(mem, sizeof *stepper->runs * rules);
  stepper->null_keys =
      mem_alloc(mem, sizeof *stepper->null_keys * ((size_t)ruleset->space_count * ruleset->schema_count + 1));
  if (stepper->options.entries_max > 0 || stepper->options.state_bytes_max > 0)
    stepper->queues = mem_alloc(mem, sizeof *stepper->queues * rules);
  stepper->over = mem_alloc(mem, sizeof *stepper->over * rules);
  for (uint16_t r = 0; r < ruleset->rule_count; r++)
    stepper->runs[r] = ruleset->rules[r].level == options->level &&
                       (options->enabled != NULL ? options->enabled[r] : ruleset->rules[r].mode != MODE_OFF);
  find_rule_types(stepper);
  find_briefs(stepper);
  find_plans(stepper);
  stepper->hits.items = mem_alloc(mem, STEP_LIST_FIRST * sizeof(struct index_hit));
  stepper->trues.items = mem_alloc(mem, STEP_LIST_FIRST * sizeof(int32_t));
  stepper->hits.capacity = stepper->trues.capacity = STEP_LIST_FIRST;
  stepper->table = key_table_new(mem, &stepper->pool);
  stepper->wheel = wheel_new(mem, &stepper->pool);
  stepper->env = (struct expr_env){.scratch = &stepper->scratch,
                                   .lookup = &ruleset->lookup,
                                   .lookup_context = (void *)ruleset,
                                   .counts = &stepper->shared};
  if (options->live != NULL) {
    stepper->env.lookup = &live_lookup;
    stepper->env.lookup_context = options->live;
  }
  stepper->truth = (struct truth){.predicates = ruleset->predicates, .env = &stepper->env};
  stepper->truth.laps = stepper->laps;
  stepper->truth.lap_first = options->profile == NULL ? 0 : options->profile->predicates;
  stepper->truth.marks = mem_alloc(mem, sizeof *stepper->truth.marks * ((size_t)ruleset->predicate_count + 1));
  stepper->truth.counts = mem_alloc(mem, sizeof *stepper->truth.counts * ((size_t)ruleset->predicate_count + 1));
  stepper->index = index_scratch_new(mem, ruleset->index);
  stepper->tally = tally_new(mem, &(struct tally_options){.ruleset = ruleset,
                                                          .level = options->level,
                                                          .table = stepper->table,
                                                          .pool = &stepper->pool,
                                                          .truth = &stepper->truth,
                                                          .profile = options->profile,
                                                          .entries_max = stepper->counter_entries_max,
                                                          .keys_max = stepper->keys_max});
  stepper->in_turn = mem_alloc(mem, ruleset->schema_count + 1u);
  for (uint16_t t = 0; t < ruleset->schema_count; t++)
    stepper->in_turn[t] = options->live != NULL || (stepper->tally != NULL && tally_asks(stepper->tally, t));
  stepper->context = (struct nfa_context){.mem = mem,
                                          .pool = &stepper->pool,
                                          .scratch = &stepper->scratch,
                                          .truth = &stepper->truth,
                                          .env = &stepper->env,
                                          .schemas = ruleset->schemas,
                                          .runs_max = stepper->options.runs_max,
                                          .match_events_max = stepper->options.match_events_max,
                                          .scratch_max = stepper->options.scratch_bytes_max,
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

/* The rule's oldest state, whatever key it is at. False: it has none. */
static bool drop_oldest(struct stepper *stepper, const struct rule *rule) {
  struct queue *queue = &stepper->queues[rule->id];
  struct nfa_counts *counts = &stepper->counts[rule->id].nfa;
  while (queue->first < queue->end) {
    struct queued oldest = queue->items[queue->first++ & (queue->capacity - 1)];
    struct key_record *record = key_table_find(stepper->table, oldest.key);
    struct rule_state *state = record == NULL ? NULL : key_record_rule(stepper->table, record, rule->id, false);
    if (state == NULL || state->birth != oldest.birth) continue;
    counts->dropped_entries_max += counts->open;
    nfa_drop(rule->pattern, &state->state, &stepper->context, counts);
    counts->dropped_entries_max -= counts->open;
    key_record_remove(stepper->table, record, rule->id);
    key_table_release(stepper->table, record);
    return true;
  }
  return false;
}

/* Rules with more open matches than their share of entries: their oldest states go. */
static void enforce_entries(struct stepper *stepper) {
  for (uint32_t i = 0; i < stepper->over_count; i++) {
    const struct rule *rule = &stepper->ruleset->rules[stepper->over[i]];
    while (stepper->counts[rule->id].nfa.open > stepper->entries_max[rule->id] && drop_oldest(stepper, rule)) continue;
  }
  stepper->over_count = 0;
}

/* All rules together hold more than there is room for: the oldest states of the one that holds most go, until a
 * sixteenth is free, so that this is rare. */
static void enforce_held(struct stepper *stepper) {
  if (stepper->held_max == 0 || stepper->context.held_units <= stepper->held_max) return;
  while (stepper->context.held_units > stepper->held_max - stepper->held_max / 16) {
    uint16_t fullest = 0;
    for (uint16_t r = 1; r < stepper->ruleset->rule_count; r++) {
      const struct nfa_counts *most = &stepper->counts[fullest].nfa, *own = &stepper->counts[r].nfa;
      if (own->open + own->links > most->open + most->links) fullest = r;
    }
    if (!drop_oldest(stepper, &stepper->ruleset->rules[fullest])) return;
  }
}

/* After a step: the state may be gone, wait for other things, or have another deadline. */
static void settle(struct stepper *stepper, struct key_record *record, struct rule_state *state) {
  if (state->state == NULL) {
    key_record_remove(stepper->table, record, state->rule);
    return;
  }
  state->wait_mask = nfa_wait_mask(state->state);
  wheel_arm(stepper->wheel, &record->timer, nfa_deadline(state->state));
}

static void step_rule(struct stepper *stepper, const struct rule *rule, struct key_record *record,
                      struct rule_state *state, const struct event *event) {
  bool fresh = state->state == NULL;
  uint32_t lap = laps_enter(stepper->laps, profile_rule(rule->id));
  laps_count(stepper->laps, profile_rule(rule->id));
  stepper->rule = rule;
  stepper->env.counts = &stepper->own[rule->id];
  nfa_event(rule->pattern, &state->state, event, &stepper->context, &stepper->counts[rule->id].nfa);
  if (fresh && state->state != NULL && stepper->queues != NULL) {
    struct queue *queue = &stepper->queues[rule->id];
    state->birth = ++queue->births;
    queue_push(stepper, rule, queue, (struct queued){record->key, state->birth});
  }
  if (stepper->queues != NULL && stepper->counts[rule->id].nfa.open > stepper->entries_max[rule->id])
    stepper->over[stepper->over_count++] = rule->id;
  settle(stepper, record, state);
  laps_enter(stepper->laps, lap);
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

static void match_on(struct stepper *stepper, const struct rule *rule, const struct event *event) {
  if (rule->on_condition.residual != NULL && expr_truth(rule->on_condition.residual, &stepper->env) != 1) return;
  stepper->counts[rule->id].nfa.told++;
  struct nfa_item item = {0};
  struct nfa_match match = {.cause = NFA_MATCH, .time = event->time, .count = 1, .items = &item};
  tell(stepper, &match);
}

static void step_on(struct stepper *stepper, const struct rule *rule, const struct event *event) {
  uint32_t lap = laps_enter(stepper->laps, profile_rule(rule->id));
  laps_count(stepper->laps, profile_rule(rule->id));
  stepper->rule = rule;
  stepper->env.counts = &stepper->own[rule->id];
  match_on(stepper, rule, event);
  laps_enter(stepper->laps, lap);
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
static void step_space(struct stepper *stepper, const struct ask *ask, const struct event *event,
                       const struct prepared *prepared) {
  const struct ruleset *set = stepper->ruleset;
  const struct index_hit *hits = (const struct index_hit *)stepper->hits.items + prepared->hit_first;
  uint32_t first = 0;
  while (first < prepared->hit_count && stepper->briefs[hits[first].rule].space != ask->space) first++;
  load_key(stepper, &set->spaces[ask->space], event);
  struct key_record *record = ask->record;
  if (record == NULL && first < prepared->hit_count) /* there was none, and now there will be one */
    record = key_table_make(stepper->table, ask->key, ask->space);
  else
    record = key_table_recall(stepper->table, ask->key, record);
  if (record != NULL) step_waiting(stepper, record, event, prepared->mask);
  for (uint32_t i = first; i < prepared->hit_count; i++) {
    if (stepper->briefs[hits[i].rule].space != ask->space) continue;
    const struct rule *rule = &set->rules[hits[i].rule];
    if (stepper->done[rule->id] == stepper->truth.epoch) continue;
    stepper->done[rule->id] = stepper->truth.epoch;
    if (record == NULL) record = key_table_make(stepper->table, ask->key, ask->space);
    step_rule(stepper, rule, record, key_record_rule(stepper->table, record, rule->id, true), event);
  }
  if (record != NULL) key_table_release(stepper->table, record);
}

/* The type's key spaces beyond those that were asked for ahead. */
static void step_more_spaces(struct stepper *stepper, const struct event *event, const struct prepared *prepared) {
  const struct type_use *use = &stepper->ruleset->uses[event->type];
  for (uint16_t i = STEP_SPACES_AHEAD; i < use->space_count; i++) {
    struct ask ask = {.space = use->spaces[i]};
    if (key_of_event(&stepper->ruleset->spaces[ask.space], ask.space, event, &ask.key))
      step_space(stepper, &ask, event, prepared);
  }
}

static void step_event(struct stepper *stepper, const struct event *event, const struct prepared *prepared) {
  const struct ruleset *set = stepper->ruleset;
  const struct index_hit *hits = (const struct index_hit *)stepper->hits.items + prepared->hit_first;
  const int32_t *trues = (const int32_t *)stepper->trues.items + prepared->true_first;
  stepper->event = event;
  stepper->truth.epoch++;
  stepper->env.banks[BANK_EVENT] = event->values;
  stepper->context.held = NULL;
  for (uint32_t i = 0; i < prepared->true_count; i++) truth_mark(&stepper->truth, trues[i], true);
  for (uint32_t i = 0; i < prepared->ask_count; i++)
    step_space(stepper, &stepper->asks[prepared->ask_first + i], event, prepared);
  if (prepared->more) step_more_spaces(stepper, event, prepared);
  for (uint32_t i = 0; i < prepared->hit_count; i++) {
    if (!stepper->briefs[hits[i].rule].on) continue;
    const struct rule *rule = &set->rules[hits[i].rule];
    if (has_null_key(&set->spaces[rule->key_space], event)) continue;
    load_key(stepper, &set->spaces[rule->key_space], event);
    step_on(stepper, rule, event);
  }
  if (stepper->context.held != NULL) nfa_release_held(&stepper->context);
  arena_reset(&stepper->scratch);
  if (stepper->over_count > 0) enforce_entries(stepper);
  enforce_held(stepper);
}

/* ---- the batch ahead ---- */

static void list_grow(struct stepper *stepper, struct list *list, uint32_t count, size_t size) {
  while (list->count + count > list->capacity) list->capacity *= 2;
  list->items = mem_realloc(stepper->mem, list->items, list->capacity * size);
}

/* What the index says is copied one by one: it is a few at most events. */
static void keep_found(struct stepper *stepper, struct prepared *prepared, const struct index_hit *hits,
                       const int32_t *trues) {
  struct list *to_hits = &stepper->hits, *to_trues = &stepper->trues;
  prepared->hit_first = to_hits->count;
  prepared->true_first = to_trues->count;
  if (to_hits->count + prepared->hit_count > to_hits->capacity)
    list_grow(stepper, to_hits, prepared->hit_count, sizeof *hits);
  if (to_trues->count + prepared->true_count > to_trues->capacity)
    list_grow(stepper, to_trues, prepared->true_count, sizeof *trues);
  struct index_hit *hit = (struct index_hit *)to_hits->items + to_hits->count;
  int32_t *predicate = (int32_t *)to_trues->items + to_trues->count;
  for (uint32_t i = 0; i < prepared->hit_count; i++) hit[i] = hits[i];
  for (uint32_t i = 0; i < prepared->true_count; i++) predicate[i] = trues[i];
  to_hits->count += prepared->hit_count;
  to_trues->count += prepared->true_count;
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
static bool space_wanted(const struct stepper *stepper, const struct space_plan *plan, const struct prepared *prepared,
                         const struct index_hit *hits) {
  if ((plan->waits & prepared->mask) != 0 || plan->waits == UINT64_MAX) return true;
  for (uint32_t i = 0; i < prepared->hit_count; i++)
    if (stepper->briefs[hits[i].rule].space == plan->id) return true;
  return false;
}

static void ask_for_keys(struct stepper *stepper, const struct event *event, struct prepared *prepared,
                         const struct index_hit *hits) {
  const struct type_plan *plan = &stepper->plans[event->type];
  for (uint16_t i = 0; i < plan->space_count; i++) {
    const struct space_plan *space = &plan->spaces[i];
    if (!space_wanted(stepper, space, prepared, hits)) continue;
    if (i >= STEP_SPACES_AHEAD) {
      prepared->more = true;
      break;
    }
    struct ask *ask = &stepper->asks[stepper->ask_count];
    if (!key_of_event(space->space, space->id, event, &ask->key)) continue;
    ask->space = space->id;
    key_table_prefetch_line(stepper->table, ask->key);
    stepper->ask_count++;
  }
  prepared->ask_count = stepper->ask_count - prepared->ask_first;
}

/* False: the event concerns nobody. */
static bool prepare_concerned(struct stepper *stepper, const struct event *event, struct prepared *prepared,
                              const struct index_hit *hits) {
  const int32_t *trues;
  prepared->true_count = index_trues(stepper->index, &trues);
  prepared->ask_first = stepper->ask_count;
  prepared->more = false;
  keep_found(stepper, prepared, hits, trues);
  ask_for_keys(stepper, event, prepared, hits);
  return prepared->hit_count > 0 || prepared->ask_count > 0 || prepared->more;
}

static inline bool prepare_event(struct stepper *stepper, const struct event *event, struct prepared *prepared) {
  const struct type_plan *plan = &stepper->plans[event->type];
  const struct index_hit *hits;
  for (uint16_t i = 0; i < plan->slot_count; i++)
    if (event->values[plan->slots[i]].kind == VALUE_NULL) {
      count_null_keys(stepper, event);
      break;
    }
  stepper->truth.epoch++;
  stepper->env.banks[BANK_EVENT] = event->values;
  prepared->hit_count =
      index_event(stepper->ruleset->index, stepper->index, event, &stepper->truth, &hits, &prepared->mask);
  if (prepared->hit_count == 0 && (plan->waits & prepared->mask) == 0 && plan->waits != UINT64_MAX) return false;
  return prepare_concerned(stepper, event, prepared, hits);
}

static struct key_record *record_of(struct wheel_timer *timer) {
  return (struct key_record *)(void *)((char *)timer - offsetof(struct key_record, timer));
}

static void ask_for_end(const struct stepper *stepper, const struct key_record *record) {
  if (record->count == 0) return;
  nfa_prefetch(record->states[0].state);
  key_table_prefetch_line(stepper->table, record->key);
}

/* Records whose deadlines come next, then their states and their lines in the table: most go away then. */
static void ask_for_ends(struct stepper *stepper) {
  const struct wheel *wheel = stepper->wheel;
  uint32_t first = wheel->near_first, end = wheel->near_end;
  if (stepper->ends_round != wheel->rounds) {
    stepper->ends_round = wheel->rounds;
    stepper->ends_records = stepper->ends_states = first;
  }
  uint32_t records = end - first < STEP_ENDS_RECORDS ? end : first + STEP_ENDS_RECORDS;
  uint32_t states = end - first < STEP_ENDS_STATES ? end : first + STEP_ENDS_STATES;
  for (; stepper->ends_records < records; stepper->ends_records++)
    __builtin_prefetch(record_of(wheel->near[stepper->ends_records].timer), 1);
  for (; stepper->ends_states < states; stepper->ends_states++)
    ask_for_end(stepper, record_of(wheel->near[stepper->ends_states].timer));
}

/* The same for those of a batch, whose last event has the time `until`. */
static void ask_for_timers(struct stepper *stepper, int64_t until) {
  wheel_near(stepper->wheel, until);
  ask_for_ends(stepper);
}

/* Its first state is a rule's (and not counters). */
static bool has_matches(const struct stepper *stepper, const struct key_record *record) {
  return record != NULL && record->count > 0 && !tally_owns(stepper->ruleset, record->states[0].rule);
}

/* Each round asks for what the round before has brought: lines, records, states, runs. */
static void ask_for_records(struct stepper *stepper) {
  struct ask *asks = stepper->asks;
  for (uint32_t i = 0; i < stepper->ask_count; i++) asks[i].record = key_table_guess(stepper->table, asks[i].key);
}

static void ask_for_states(struct stepper *stepper) {
  const struct ask *asks = stepper->asks;
  uint32_t count = stepper->ask_count;
  for (uint32_t i = 0; i < count; i++)
    if (has_matches(stepper, asks[i].record)) nfa_prefetch(asks[i].record->states[0].state);
  for (uint32_t i = 0; i < count; i++)
    if (has_matches(stepper, asks[i].record)) nfa_prefetch_runs(asks[i].record->states[0].state);
}

/* The event's turn, where it was not prepared ahead; the lists hold what was found for others up to here. */
static bool prepare_in_turn(struct stepper *stepper, const struct event *event, struct prepared *prepared) {
  stepper->env.counts = &stepper->shared;
  if (!prepare_event(stepper, event, prepared)) return false;
  for (uint32_t i = 0; i < prepared->ask_count; i++) {
    struct ask *ask = &stepper->asks[prepared->ask_first + i];
    ask->record = key_table_guess(stepper->table, ask->key);
  }
  return true;
}

/* What the event sees in tables that change, for alerts that come later and say why. */
static void see_cells(struct stepper *stepper, const struct event *event) {
  const struct schema *schema = &stepper->ruleset->schemas[event->type];
  if (schema->cell_count == 0 || stepper->options.live == NULL) return;
  struct expr_counts uncounted = {0}; /* the conditions count these evaluations */
  struct expr_env env = stepper->env;
  env.banks[BANK_EVENT] = event->values;
  env.lookup = &live_look;
  env.counts = &uncounted;
  struct value *values = (struct value *)(uintptr_t)event->values; /* these slots are this pass's own */
  for (uint16_t i = 0; i < schema->cell_count; i++)
    if (schema->cells[i].level == stepper->options.level)
      values[schema->cells[i].slot] = expr_eval(schema->cells[i].expr, &env);
}

/* They may stand in the table's own memory, and the event goes on to other passes. */
static void forget_cells(const struct stepper *stepper, const struct event *event) {
  const struct schema *schema = &stepper->ruleset->schemas[event->type];
  struct value *values = (struct value *)(uintptr_t)event->values;
  for (uint16_t i = 0; i < schema->cell_count; i++) values[schema->cells[i].slot] = value_null();
}

/* Where counters are asked, or lists that change, an event that asks is looked at in its turn: what it is compared with
 * is known then, and not ahead. Its keys' memory is asked for ahead all the same. */
static void step_in_turn(struct stepper *stepper, const struct event *events, uint32_t count) {
  struct prepared *prepared = stepper->prepared;
  stepper->hits.count = stepper->trues.count = stepper->ask_count = 0;
  stepper->env.counts = &stepper->shared;
  if (stepper->tally != NULL) tally_ahead(stepper->tally, events, count);
  for (uint32_t e = 0; e < count; e++)
    prepared[e].concerned = !stepper->in_turn[events[e].type] && prepare_event(stepper, &events[e], &prepared[e]);
  ask_for_timers(stepper, events[count - 1].time);
  ask_for_records(stepper);
  ask_for_states(stepper);
  uint32_t hits = stepper->hits.count, trues = stepper->trues.count, asks = stepper->ask_count;
  for (uint32_t e = 0; e < count; e++) {
    stepper_time(stepper, events[e].time);
    if (stepper->tally != NULL) {
      stepper->env.counts = &stepper->shared;
      tally_event(stepper->tally, &events[e], &stepper->env);
    }
    see_cells(stepper, &events[e]);
    if (stepper->in_turn[events[e].type]) {
      stepper->hits.count = hits;
      stepper->trues.count = trues;
      stepper->ask_count = asks;
      prepared[e].concerned = prepare_in_turn(stepper, &events[e], &prepared[e]);
    }
    if (prepared[e].concerned)
      step_event(stepper, &events[e], &prepared[e]);
    else
      arena_reset(&stepper->scratch);
    forget_cells(stepper, &events[e]);
  }
}

static void step_ahead(struct stepper *stepper, const struct event *events, uint32_t count) {
  uint32_t concerned = 0;
  stepper->hits.count = stepper->trues.count = stepper->ask_count = 0;
  stepper->env.counts = &stepper->shared;
  for (uint32_t e = 0; e < count; e++) {
    stepper->prepared[concerned].number = e;
    concerned += prepare_event(stepper, &events[e], &stepper->prepared[concerned]);
  }
  ask_for_timers(stepper, events[count - 1].time);
  ask_for_records(stepper);
  ask_for_states(stepper);
  for (uint32_t i = 0; i < concerned; i++) { /* time passes in between too, but nobody is there to see it */
    const struct event *event = &events[stepper->prepared[i].number];
    stepper_time(stepper, event->time);
    step_event(stepper, event, &stepper->prepared[i]);
  }
  stepper_time(stepper, events[count - 1].time);
}

void stepper_batch(struct stepper *stepper, const struct event *events, uint32_t count) {
  check(count <= STEP_BATCH_MAX);
  if (count == 0) return;
  uint32_t lap = laps_enter(stepper->laps, PROFILE_FIND);
  if (stepper->tally != NULL || stepper->options.live != NULL)
    step_in_turn(stepper, events, count);
  else
    step_ahead(stepper, events, count);
  laps_enter(stepper->laps, lap);
}

/* ---- time ---- */

static void fire(struct stepper *stepper, struct key_record *record, int64_t deadline) {
  int64_t next = INT64_MAX;
  if (record->count == 0) return; /* the key that set the timer is gone */
  for (uint16_t i = 0; i < record->count;) {
    struct rule_state *state = &record->states[i];
    if (tally_owns(stepper->ruleset, state->rule)) { /* counters go by themselves */
      i++;
      continue;
    }
    const struct rule *rule = &stepper->ruleset->rules[state->rule];
    if (nfa_deadline(state->state) <= deadline) {
      uint32_t lap = laps_enter(stepper->laps, profile_rule(rule->id));
      stepper->rule = rule;
      stepper->env.counts = &stepper->own[rule->id];
      nfa_time(rule->pattern, &state->state, deadline, &stepper->context, &stepper->counts[rule->id].nfa);
      laps_enter(stepper->laps, lap);
    }
    if (state->state == NULL) {
      key_record_remove(stepper->table, record, state->rule);
      continue;
    }
    state->wait_mask = nfa_wait_mask(state->state);
    if (nfa_deadline(state->state) < next) next = nfa_deadline(state->state);
    i++;
  }
  wheel_arm(stepper->wheel, &record->timer, next);
  key_table_release(stepper->table, record);
}

void stepper_time(struct stepper *stepper, int64_t frontier) {
  struct wheel_timer *timer;
  int64_t deadline;
  if (frontier <= stepper->wheel->quiet_until) return;
  uint32_t lap = laps_enter(stepper->laps, PROFILE_FIND);
  stepper->event = NULL;
  stepper->env.banks[BANK_EVENT] = NULL;
  while ((timer = wheel_next(stepper->wheel, frontier, &deadline)) != NULL) {
    ask_for_ends(stepper);
    fire(stepper, record_of(timer), deadline);
    arena_reset(&stepper->scratch);
  }
  laps_enter(stepper->laps, lap);
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

int64_t stepper_deadline(const struct stepper *stepper) {
  return stepper->wheel->count == 0 ? INT64_MAX : stepper->wheel->quiet_until;
}

struct opens {
  const struct stepper *stepper;
  struct profile_open *rules;
};

static void add_opens(void *context, const struct key_record *record) {
  const struct opens *opens = context;
  const struct ruleset *set = opens->stepper->ruleset;
  for (uint16_t i = 0; i < record->count; i++) {
    const struct rule_state *state = &record->states[i];
    if (tally_owns(set, state->rule)) continue;
    opens->rules[state->rule].bytes += nfa_state_bytes(set->rules[state->rule].pattern, state->state);
  }
}

/* What rules hold together is counted at each of them. */
void stepper_opens(const struct stepper *stepper, struct profile_open *opens) {
  const struct ruleset *set = stepper->ruleset;
  struct opens of = {stepper, opens};
  key_table_each(stepper->table, add_opens, &of);
  for (uint16_t r = 0; r < set->rule_count; r++) {
    const struct rule *rule = &set->rules[r];
    if (rule->level != stepper->options.level || rule->pattern == NULL) continue;
    size_t held = 0;
    for (uint16_t s = 0; s < rule->step_count; s++) {
      size_t bytes = sizeof(struct held) + set->schemas[rule->steps[s].type].kept_count * sizeof(struct value);
      if (bytes > held) held = bytes;
    }
    opens[r].matches += stepper->counts[r].nfa.open;
    opens[r].bytes += stepper->counts[r].nfa.links * held;
  }
}

size_t stepper_table_bytes(const struct stepper *stepper) { return key_table_bytes(stepper->table); }
const struct tally *stepper_tally(const struct stepper *stepper) { return stepper->tally; }
uint64_t stepper_keys(const struct stepper *stepper) { return key_table_count(stepper->table); }
size_t stepper_bytes(const struct stepper *stepper) { return stepper->pool.used + key_table_bytes(stepper->table); }
const struct expr_counts *stepper_shared_counts(const struct stepper *stepper) { return &stepper->shared; }
