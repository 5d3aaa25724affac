/* step.c - the hot path: keys and their records are asked for ahead over a batch, then each event goes through the
 * index, and only rules that may start on it, or that wait at its key for something that it satisfies, are stepped.
 *
 * It owns the key table, the timer wheel and the context that nfa/ works in. engine.c calls it, batch by batch. */
#include "base/check.h"
#include "engine/live.h"
#include "engine/part_match.h"
#include "engine/step_private.h"
#include "engine/tally.h"

enum {
  STEP_ENDS_RECORDS = 24, /* timers of the wheel's round whose records have been asked for, */
  STEP_ENDS_STATES = 12   /* and their states */
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
    asked[i] = value_null();
    if (ask->parts == NULL) continue; /* no event has asked */
    uint16_t population = stepper->ruleset->counters[ask->counter].population;
    const struct key_space *space = &stepper->ruleset->spaces[stepper->ruleset->populations[population].space];
    struct value parts[STEP_KEY_PARTS_MAX];
    for (uint16_t p = 0; p < space->part_count; p++) parts[p] = key[ask->parts[p]];
    asked[i] = tally_ask(stepper->tally, ask->counter, parts, time, &stepper->scratch, &stepper->own[rule->id]);
  }
  return asked;
}

void step_tell(void *context, const struct nfa_match *match) {
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

static inline bool wakes(const struct rule_state *state, uint64_t mask) {
  return (state->wait_mask & mask) != 0 || state->wait_mask == UINT64_MAX;
}

/* The key's values into stepper->key; a null one was found before. */
static void load_key(struct stepper *stepper, const struct key_space *space, const struct event *event) {
  const uint16_t *slots = space->slots + (size_t)event->type * space->part_count;
  for (uint16_t i = 0; i < space->part_count; i++) stepper->key[i] = event->values[slots[i]];
  stepper->env.banks[BANK_KEY] = stepper->key;
}

/* The open matches at the event's key that wait for something that it has. */
static void step_waiting(struct stepper *stepper, const struct key_space *space, struct key_record *record,
                         const struct event *event, uint64_t mask) {
  for (uint16_t i = 0; i < record->count;) {
    struct rule_state *state = &record->states[i];
    uint32_t rule = state->rule;
    uint16_t count = record->count;
    if (wakes(state, mask) && takes_type(stepper, rule, event->type)) {
      stepper->done[rule] = stepper->truth.epoch;
      load_key(stepper, space, event);
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
  step_tell(stepper, &match);
}

static void step_on(struct stepper *stepper, const struct rule *rule, const struct event *event) {
  uint32_t lap = laps_enter(stepper->laps, profile_rule(rule->id));
  laps_count(stepper->laps, profile_rule(rule->id));
  stepper->rule = rule;
  stepper->env.counts = &stepper->own[rule->id];
  match_on(stepper, rule, event);
  laps_enter(stepper->laps, lap);
}

static bool has_null_key(const struct key_space *space, const struct event *event) {
  const uint16_t *slots = space->slots + (size_t)event->type * space->part_count;
  for (uint16_t i = 0; i < space->part_count; i++)
    if (value_is_null(event->values[slots[i]])) return true;
  return false;
}

/* Keys that get a record after the batch has asked for records: another key may seem to be one of them. */
static inline uint64_t *made_word(struct stepper *stepper, struct hash128 key) {
  return &stepper->made[key.low >> 6 & (STEP_MADE_WORDS - 1)];
}
static inline uint64_t made_bit(struct hash128 key) { return (uint64_t)1 << (key.low & 63); }

/* The record that the key has now; NULL: none. */
static inline struct key_record *record_now(struct stepper *stepper, const struct ask *ask) {
  if (ask->record == NULL && (*made_word(stepper, ask->key) & made_bit(ask->key)) == 0) return NULL;
  return key_table_recall(stepper->table, ask->key, ask->record);
}

/* Some open match there waits for what the event has. */
static inline bool is_awaited(const struct key_record *record, uint64_t mask) {
  for (uint16_t i = 0; i < record->count; i++)
    if (wakes(&record->states[i], mask)) return true;
  return false;
}

/* One key space of the event: who waits there, then who starts there. */
static void step_space(struct stepper *stepper, const struct ask *ask, const struct event *event,
                       const struct prepared *prepared, const struct index_hit *hits) {
  const struct ruleset *set = stepper->ruleset;
  const struct key_space *space = &set->spaces[ask->space];
  uint32_t first = 0;
  while (first < prepared->hit_count && stepper->briefs[hits[first].rule].space != ask->space) first++;
  struct key_record *record = record_now(stepper, ask);
  if (record == NULL) {
    if (first == prepared->hit_count) return;
    record = key_table_make(stepper->table, ask->key, ask->space);
    *made_word(stepper, ask->key) |= made_bit(ask->key);
  }
  step_waiting(stepper, space, record, event, prepared->mask);
  for (uint32_t i = first; i < prepared->hit_count; i++) {
    if (stepper->briefs[hits[i].rule].space != ask->space) continue;
    const struct rule *rule = &set->rules[hits[i].rule];
    if (stepper->done[rule->id] == stepper->truth.epoch) continue;
    stepper->done[rule->id] = stepper->truth.epoch;
    load_key(stepper, space, event);
    step_rule(stepper, rule, record, key_record_rule(stepper->table, record, rule->id, true), event);
  }
  key_table_release(stepper->table, record);
}

/* The type's key spaces beyond those that were asked for ahead. */
static void step_more_spaces(struct stepper *stepper, const struct event *event, const struct prepared *prepared,
                             const struct index_hit *hits) {
  const struct type_use *use = &stepper->ruleset->uses[event->type];
  for (uint16_t i = STEP_SPACES_AHEAD; i < use->space_count; i++) {
    struct ask ask = {.space = use->spaces[i]};
    if (!key_of_event(&stepper->ruleset->spaces[ask.space], ask.space, event, &ask.key)) continue;
    ask.record = key_table_find(stepper->table, ask.key);
    step_space(stepper, &ask, event, prepared, hits);
  }
}

/* `hits` and `trues` are what the index found. */
static void step_event(struct stepper *stepper, const struct event *event, const struct prepared *prepared,
                       const struct index_hit *hits, const int32_t *trues) {
  const struct ruleset *set = stepper->ruleset;
  stepper->event = event;
  stepper->truth.epoch++;
  stepper->env.banks[BANK_EVENT] = event->values;
  stepper->context.held = NULL;
  for (uint32_t i = 0; i < prepared->true_count; i++) truth_mark(&stepper->truth, trues[i], true);
  const struct ask *ask = &stepper->asks[prepared->ask_first], *asks_end = ask + prepared->ask_count;
  for (; ask != asks_end; ask++) step_space(stepper, ask, event, prepared, hits);
  if (prepared->more) step_more_spaces(stepper, event, prepared, hits);
  for (uint32_t i = 0; i < prepared->hit_count; i++) {
    if (!stepper->briefs[hits[i].rule].on) continue;
    const struct rule *rule = &set->rules[hits[i].rule];
    if (has_null_key(&set->spaces[rule->key_space], event)) continue;
    load_key(stepper, &set->spaces[rule->key_space], event);
    step_on(stepper, rule, event);
  }
  if (stepper->context.held != NULL) nfa_release_held(&stepper->context);
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

/* Whether any rule of the space may start on the event. */
static inline bool space_starts(const struct stepper *stepper, const struct space_plan *plan,
                                const struct prepared *prepared, const struct index_hit *hits) {
  for (uint32_t i = 0; i < prepared->hit_count; i++)
    if (stepper->briefs[hits[i].rule].space == plan->id) return true;
  return false;
}

/* Asks for all keys where a rule starts or an open match may want the event. Ahead for the lines of the table where
 * they stand; in the event's turn for their records, and only those where an open match does want it. */
static inline __attribute__((always_inline)) void ask_for_keys(struct stepper *stepper, const struct event *event,
                                                               struct prepared *prepared, const struct index_hit *hits,
                                                               bool in_turn) {
  const struct type_plan *plan = &stepper->plans[event->type];
  struct ask *ask = &stepper->asks[prepared->ask_first];
  prepared->more = false;
  for (uint16_t i = 0; i < plan->space_count; i++) {
    const struct space_plan *space = &plan->spaces[i];
    bool awaited = (space->waits & prepared->mask) != 0 || space->waits == UINT64_MAX;
    bool starts = space_starts(stepper, space, prepared, hits);
    if (!awaited && !starts) continue;
    if (i >= STEP_SPACES_AHEAD) {
      prepared->more = true;
      break;
    }
    bool tallied = in_turn && space->tally_place != TALLY_NOWHERE;
    if (tallied ? !tally_key(stepper->tally, space->tally_place, &ask->key, &ask->record)
                : !key_of_event(space->space, space->id, event, &ask->key))
      continue;
    ask->space = space->id;
    if (in_turn) {
      if (!tallied) ask->record = key_table_find(stepper->table, ask->key);
      if (!starts && (ask->record == NULL || !is_awaited(ask->record, prepared->mask))) continue;
    } else {
      key_table_prefetch_line(stepper->table, ask->key);
    }
    ask++;
  }
  prepared->ask_count = (uint32_t)(ask - &stepper->asks[prepared->ask_first]);
}

static inline bool is_concerned(const struct prepared *prepared) {
  return prepared->hit_count > 0 || prepared->ask_count > 0 || prepared->more;
}

/* What the index says. False: it concerns nobody. */
static inline bool find(struct stepper *stepper, const struct event *event, struct prepared *prepared,
                        const struct index_hit **hits) {
  const struct type_plan *plan = &stepper->plans[event->type];
  for (uint16_t i = 0; i < plan->slot_count; i++)
    if (event->values[plan->slots[i]].kind == VALUE_NULL) {
      count_null_keys(stepper, event);
      break;
    }
  stepper->truth.epoch++;
  stepper->env.banks[BANK_EVENT] = event->values;
  prepared->hit_count =
      index_event(stepper->ruleset->index, stepper->index, event, &stepper->truth, hits, &prepared->mask);
  return prepared->hit_count > 0 || (plan->waits & prepared->mask) != 0 || plan->waits == UINT64_MAX;
}

/* False: the event concerns nobody. */
static __attribute__((noinline)) bool prepare_concerned(struct stepper *stepper, const struct event *event,
                                                        struct prepared *prepared, const struct index_hit *hits) {
  const int32_t *trues;
  prepared->true_count = index_trues(stepper->index, &trues);
  prepared->ask_first = stepper->ask_count;
  keep_found(stepper, prepared, hits, trues);
  ask_for_keys(stepper, event, prepared, hits, false);
  stepper->ask_count += prepared->ask_count;
  return is_concerned(prepared);
}

static inline bool prepare_event(struct stepper *stepper, const struct event *event, struct prepared *prepared) {
  const struct index_hit *hits;
  return find(stepper, event, prepared, &hits) && prepare_concerned(stepper, event, prepared, hits);
}

/* Whether it still concerns somebody, in its turn. */
static inline bool is_wanted(struct stepper *stepper, const struct prepared *prepared) {
  if (prepared->hit_count > 0 || prepared->more) return true;
  const struct ask *ask = &stepper->asks[prepared->ask_first], *end = ask + prepared->ask_count;
  for (; ask != end; ask++) {
    const struct key_record *record = record_now(stepper, ask);
    if (record != NULL && is_awaited(record, prepared->mask)) return true;
  }
  return false;
}

/* An event that was prepared ahead. */
static void step_prepared(struct stepper *stepper, const struct event *event, const struct prepared *prepared) {
  if (!is_wanted(stepper, prepared)) return;
  step_event(stepper, event, prepared, (const struct index_hit *)stepper->hits.items + prepared->hit_first,
             (const int32_t *)stepper->trues.items + prepared->true_first);
  arena_reset(&stepper->scratch);
}

/* One that is looked at in its turn; the asks hold what was found for others up to here. */
static void step_now(struct stepper *stepper, const struct event *event) {
  struct prepared prepared;
  const struct index_hit *hits;
  const int32_t *trues;
  stepper->env.counts = &stepper->shared;
  if (find(stepper, event, &prepared, &hits)) {
    prepared.true_count = index_trues(stepper->index, &trues);
    prepared.ask_first = stepper->ask_count;
    ask_for_keys(stepper, event, &prepared, hits, true);
    if (is_concerned(&prepared)) {
      step_event(stepper, event, &prepared, hits, trues);
    }
  }
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
  memset(stepper->made, 0, sizeof stepper->made);
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

/* What the event sees in tables that change, for alerts that come later and say why. */
static void see_cells(struct stepper *stepper, const struct event *event) {
  const struct schema *schema = &stepper->ruleset->schemas[event->type];
  if (stepper->options.live == NULL) return;
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
    prepared[e].concerned = !stepper->plans[events[e].type].in_turn && prepare_event(stepper, &events[e], &prepared[e]);
  ask_for_timers(stepper, events[count - 1].time);
  ask_for_records(stepper);
  ask_for_states(stepper);
  if (stepper->tally != NULL) memset(stepper->made, 0xff, sizeof stepper->made); /* it makes records of its own */
  for (uint32_t e = 0; e < count; e++) {
    const struct event *event = &events[e];
    const struct type_plan *plan = &stepper->plans[event->type];
    stepper_time(stepper, event->time);
    if (stepper->tally != NULL) {
      stepper->env.counts = &stepper->shared;
      tally_event(stepper->tally, event, &stepper->env);
    }
    if (plan->sees_cells) see_cells(stepper, event);
    if (plan->in_turn)
      step_now(stepper, event);
    else if (prepared[e].concerned)
      step_prepared(stepper, event, &prepared[e]);
    arena_reset(&stepper->scratch);
    if (plan->sees_cells) forget_cells(stepper, event);
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
    step_prepared(stepper, event, &stepper->prepared[i]);
  }
  arena_reset(&stepper->scratch);
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
const struct expr_counts *stepper_shared_counts(const struct stepper *stepper) { return &stepper->shared; }
