/* tally.c - events into populations, counters into events. Called by step.c for each event in its turn. */
#include "engine/tally.h"

#include "base/check.h"
#include "base/limits.h"
#include "engine/step.h"

enum { TALLY_SPACES_AHEAD = 8 }; /* key spaces of one event whose records are asked for ahead */

struct tally_type { /* what an event type feeds and asks in this pass */
  uint16_t population_count, ask_count, before_count, space_count;
  const uint16_t *populations;
  const struct counter_ask *asks; /* the first before_count look at what was before */
  uint16_t *spaces;               /* key spaces that are looked at by the event's own key, each once */
  uint16_t *population_space;     /* of each population: its place among `spaces` */
  uint16_t *ask_space;            /* of each ask with own_key */
};

struct tally_key { /* of the event in hand, or of one ahead */
  struct hash128 hash;
  struct key_record *record; /* a guess, key_table_recall() */
  bool null;
};

/* The keys of a population that have a state, each once, the one that will be looked at next first: when its deadline
 * has passed it goes, or, if it had events since, to the end of the line. The line is in the order of deadlines but for
 * keys that came back, which may so stay up to twice as long as their events count. */
struct tally_line {
  struct tally_place {
    struct hash128 key;
    int64_t deadline;
  } * places;
  uint64_t first, end, capacity;
};

struct tally {
  struct mem *mem;
  struct tally_options options;
  struct counters *counters;
  struct tally_type *types;
  struct tally_key ahead[STEP_BATCH_MAX][TALLY_SPACES_AHEAD];
  struct tally_key *keys;        /* of the event in hand, one for each of its type's spaces */
  bool *member;                  /* of the event in hand, one for each of its type's populations */
  uint64_t *null_keys, *dropped; /* per population */
  struct tally_line *lines;
  int64_t quiet_until; /* no first place of a line has an earlier deadline */
};

/* ---- making ---- */

static uint16_t place_of(struct tally_type *type, uint16_t space) {
  for (uint16_t i = 0; i < type->space_count; i++)
    if (type->spaces[i] == space) return i;
  type->spaces[type->space_count] = space;
  return type->space_count++;
}

static void make_type(struct mem *mem, const struct tally_options *options, uint16_t number, struct tally_type *type) {
  const struct ruleset *set = options->ruleset;
  const struct type_use *use = &set->uses[number];
  uint64_t level = (uint64_t)1 << options->level;
  size_t room = (size_t)use->population_count + use->ask_count + 1;
  uint16_t *populations = mem_alloc(mem, room * sizeof *populations);
  struct counter_ask *asks = mem_alloc(mem, room * sizeof *asks);
  type->spaces = mem_alloc(mem, room * sizeof *type->spaces);
  type->population_space = mem_alloc(mem, room * sizeof *type->population_space);
  type->ask_space = mem_alloc(mem, room * sizeof *type->ask_space);
  for (uint16_t p = 0; p < use->population_count; p++) {
    const struct population *population = &set->populations[use->populations[p]];
    if ((population->levels & level) == 0) continue;
    type->population_space[type->population_count] = place_of(type, population->space);
    populations[type->population_count++] = use->populations[p];
  }
  for (uint16_t a = 0; a < use->ask_count; a++) {
    const struct counter_ask *ask = &use->asks[a];
    if ((ask->levels & level) == 0) continue;
    const struct counter_plan *counter = &set->counters[ask->counter];
    if (ask->own_key) type->ask_space[type->ask_count] = place_of(type, set->populations[counter->population].space);
    if (counter->before) type->before_count++;
    asks[type->ask_count++] = *ask;
  }
  type->populations = populations;
  type->asks = asks;
}

struct tally *tally_new(struct mem *mem, const struct tally_options *options) {
  const struct ruleset *set = options->ruleset;
  bool any = false;
  for (uint16_t p = 0; p < set->population_count; p++) any |= (set->populations[p].levels >> options->level & 1) != 0;
  if (!any) return NULL;
  struct tally *tally = mem_alloc(mem, sizeof *tally);
  tally->mem = mem;
  tally->options = *options;
  tally->counters = counters_new(mem, options->pool, set);
  tally->types = mem_alloc(mem, (set->schema_count + 1u) * sizeof *tally->types);
  tally->null_keys = mem_alloc(mem, (set->population_count + 1u) * sizeof *tally->null_keys);
  tally->dropped = mem_alloc(mem, (set->population_count + 1u) * sizeof *tally->dropped);
  tally->lines = mem_alloc(mem, (set->population_count + 1u) * sizeof *tally->lines);
  tally->quiet_until = INT64_MAX;
  uint32_t spaces = 0, populations = 0;
  for (uint16_t t = 0; t < set->schema_count; t++) {
    make_type(mem, options, t, &tally->types[t]);
    if (tally->types[t].space_count > spaces) spaces = tally->types[t].space_count;
    if (tally->types[t].population_count > populations) populations = tally->types[t].population_count;
  }
  tally->keys = mem_alloc(mem, (spaces + 1) * sizeof *tally->keys);
  tally->member = mem_alloc(mem, (populations + 1) * sizeof *tally->member);
  return tally;
}

/* ---- ahead ---- */

static void key_of(const struct tally *tally, uint16_t space, const struct event *event, struct tally_key *key) {
  *key = (struct tally_key){0};
  key->null = !key_of_event(&tally->options.ruleset->spaces[space], space, event, &key->hash);
}

static void prefetch_states(const struct tally *tally, const struct tally_type *type, const struct key_record *record) {
  for (uint16_t i = 0; i < record->count && i < type->population_count; i++) {
    const struct rule_state *state = &record->states[i];
    if (tally_owns(tally->options.ruleset, state->rule)) counters_prefetch(state->counter);
  }
}

void tally_ahead(struct tally *tally, const struct event *events, uint32_t count) {
  for (int round = 0; round < 3; round++) {
    for (uint32_t e = 0; e < count; e++) {
      const struct tally_type *type = &tally->types[events[e].type];
      for (uint16_t s = 0; s < type->space_count && s < TALLY_SPACES_AHEAD; s++) {
        struct tally_key *key = &tally->ahead[e][s];
        if (round == 0) {
          key_of(tally, type->spaces[s], &events[e], key);
          if (!key->null) key_table_prefetch_line(tally->options.table, key->hash);
        } else if (round == 1) {
          key->record = key->null ? NULL : key_table_guess(tally->options.table, key->hash);
        } else if (key->record != NULL) {
          prefetch_states(tally, type, key->record);
        }
      }
    }
  }
}

/* ---- an event ---- */

static struct rule_state *state_of(const struct tally *tally, struct tally_key *key, uint16_t population) {
  key->record = key_table_recall(tally->options.table, key->hash, key->record);
  if (key->record == NULL) return NULL;
  return key_record_rule(tally->options.table, key->record, tally_owner(tally->options.ruleset, population), false);
}

static bool foreign_key(const struct tally *tally, const struct counter_ask *ask, uint16_t population,
                        const struct event *event, struct tally_key *key) {
  uint16_t space_id = tally->options.ruleset->populations[population].space;
  const struct key_space *space = &tally->options.ruleset->spaces[space_id];
  struct value values[LIMIT_KEY_PARTS];
  check(space->part_count <= LIMIT_KEY_PARTS);
  for (uint16_t i = 0; i < space->part_count; i++) {
    values[i] = event->values[ask->key_slots[i]];
    if (value_is_null(values[i])) return false;
  }
  *key = (struct tally_key){.hash = key_of_values(space->part_count, space_id, values)};
  return true;
}

static bool is_member(const struct tally *tally, const struct tally_type *type, uint16_t population) {
  for (uint16_t p = 0; p < type->population_count; p++)
    if (type->populations[p] == population) return tally->member[p];
  return false;
}

static void ask(struct tally *tally, const struct tally_type *type, uint16_t number, const struct event *event,
                struct expr_env *env) {
  const struct counter_ask *asked = &type->asks[number];
  const struct counter_plan *counter = &tally->options.ruleset->counters[asked->counter];
  struct value *slot = (struct value *)(uintptr_t)&event->values[asked->slot]; /* the batch's memory, not a constant */
  struct tally_key foreign, *key = asked->own_key ? &tally->keys[type->ask_space[number]] : &foreign;
  *slot = value_null();
  if (asked->members_only && !is_member(tally, type, counter->population)) return;
  if (asked->own_key ? key->null : !foreign_key(tally, asked, counter->population, event, key)) return;
  struct value operand = value_null();
  if (asked->operand != NULL) {
    operand = expr_eval(asked->operand, env);
    if (value_is_null(operand)) return;
  }
  struct rule_state *state = state_of(tally, key, counter->population);
  struct counter_state *none = NULL;
  *slot = counters_ask(tally->counters, asked->counter, state == NULL ? &none : &state->counter, event->time, operand,
                       env->scratch, env->counts);
}

/* ---- keys that go ---- */

static void line_push(struct tally *tally, struct tally_line *line, struct hash128 key, int64_t deadline) {
  if (line->end - line->first == line->capacity) {
    uint64_t capacity = line->capacity == 0 ? 64 : 2 * line->capacity;
    struct tally_place *bigger = mem_alloc_raw(tally->mem, capacity * sizeof *bigger);
    for (uint64_t i = line->first; i < line->end; i++)
      bigger[i & (capacity - 1)] = line->places[i & (line->capacity - 1)];
    mem_free(tally->mem, line->places);
    line->places = bigger;
    line->capacity = capacity;
  }
  line->places[line->end++ & (line->capacity - 1)] = (struct tally_place){key, deadline};
  if (line->end - line->first == 1 && deadline < tally->quiet_until) tally->quiet_until = deadline;
}

static const struct tally_place *place_ahead(const struct tally_line *line, uint64_t ahead) {
  return line->end - line->first > ahead ? &line->places[(line->first + ahead) & (line->capacity - 1)] : NULL;
}

/* Asks for the memory of keys that are looked at soon: lines of the table further ahead, then records, then states. */
static void line_ahead(const struct tally *tally, const struct tally_line *line) {
  enum { LINES_AHEAD = 24, RECORDS_AHEAD = 16, STATES_AHEAD = 8 };
  const struct tally_place *place = place_ahead(line, LINES_AHEAD);
  if (place == NULL) return;
  key_table_prefetch_line(tally->options.table, place->key);
  (void)key_table_guess(tally->options.table, place_ahead(line, RECORDS_AHEAD)->key);
  const struct key_record *record = key_table_guess(tally->options.table, place_ahead(line, STATES_AHEAD)->key);
  for (uint16_t i = 0; record != NULL && i < record->count; i++)
    if (tally_owns(tally->options.ruleset, record->states[i].rule)) counters_prefetch(record->states[i].counter);
}

static void remove_state(struct tally *tally, struct key_record *record, struct rule_state *state) {
  key_record_remove(tally->options.table, record, state->rule);
  key_table_release(tally->options.table, record);
}

static struct rule_state *state_at(const struct tally *tally, uint16_t population, struct hash128 key,
                                   struct key_record **record) {
  *record = key_table_find(tally->options.table, key);
  check(*record != NULL);
  struct rule_state *state =
      key_record_rule(tally->options.table, *record, tally_owner(tally->options.ruleset, population), false);
  check(state != NULL);
  return state;
}

static void sweep_line(struct tally *tally, uint16_t population, int64_t now) {
  struct tally_line *line = &tally->lines[population];
  while (line->first < line->end) {
    struct tally_place place = line->places[line->first & (line->capacity - 1)];
    if (place.deadline >= now) break;
    line_ahead(tally, line);
    line->first++;
    struct key_record *record;
    struct rule_state *state = state_at(tally, population, place.key, &record);
    if (counters_deadline(state->counter) < now) counters_time(tally->counters, population, &state->counter, now);
    if (state->counter == NULL)
      remove_state(tally, record, state);
    else
      line_push(tally, line, place.key, counters_deadline(state->counter));
  }
}

/* Before an event: what no window can see any more goes. It depends on the events' times alone. */
static void sweep(struct tally *tally, int64_t now) {
  tally->quiet_until = INT64_MAX;
  for (uint16_t p = 0; p < tally->options.ruleset->population_count; p++) {
    struct tally_line *line = &tally->lines[p];
    sweep_line(tally, p, now);
    if (line->first == line->end) continue;
    int64_t next = line->places[line->first & (line->capacity - 1)].deadline;
    if (next < tally->quiet_until) tally->quiet_until = next;
  }
}

/* More keys than the population may have: the one that was looked at longest ago goes. */
static void enforce_keys(struct tally *tally, uint16_t population) {
  struct tally_line *line = &tally->lines[population];
  while (tally->options.keys_max > 0 && line->end - line->first > tally->options.keys_max) {
    struct key_record *record;
    struct hash128 key = line->places[line->first++ & (line->capacity - 1)].key;
    struct rule_state *state = state_at(tally, population, key, &record);
    counters_drop(tally->counters, population, &state->counter);
    remove_state(tally, record, state);
    tally->dropped[population]++;
  }
}

static void add(struct tally *tally, uint16_t population, struct tally_key *key, const struct event *event,
                struct expr_env *env) {
  const struct ruleset *set = tally->options.ruleset;
  uint16_t space = set->populations[population].space;
  key->record = key_table_recall(tally->options.table, key->hash, key->record);
  if (key->record == NULL) key->record = key_table_make(tally->options.table, key->hash, space);
  struct rule_state *state = key_record_rule(tally->options.table, key->record, tally_owner(set, population), true);
  bool fresh = state->counter == NULL;
  counters_add(tally->counters, population, &state->counter, event, env);
  if (!fresh) return;
  line_push(tally, &tally->lines[population], key->hash, counters_deadline(state->counter));
  enforce_keys(tally, population);
}

void tally_event(struct tally *tally, uint32_t at, const struct event *event, struct expr_env *env) {
  const struct tally_type *type = &tally->types[event->type];
  if (type->population_count == 0 && type->ask_count == 0) return;
  struct truth *truth = tally->options.truth;
  if (event->time > tally->quiet_until) sweep(tally, event->time);
  env->banks[BANK_EVENT] = event->values;
  for (uint16_t s = 0; s < type->space_count; s++) {
    if (s < TALLY_SPACES_AHEAD)
      tally->keys[s] = tally->ahead[at][s];
    else
      key_of(tally, type->spaces[s], event, &tally->keys[s]);
  }
  for (uint16_t p = 0; p < type->population_count; p++) {
    const struct population *population = &tally->options.ruleset->populations[type->populations[p]];
    tally->member[p] = population->predicate == PREDICATE_TRUE || truth_evaluate(truth, population->predicate);
    if (!tally->member[p] || !tally->keys[type->population_space[p]].null) continue;
    tally->member[p] = false;
    tally->null_keys[type->populations[p]]++;
  }
  for (uint16_t a = 0; a < type->before_count; a++) ask(tally, type, a, event, env);
  for (uint16_t p = 0; p < type->population_count; p++)
    if (tally->member[p]) add(tally, type->populations[p], &tally->keys[type->population_space[p]], event, env);
  for (uint16_t a = type->before_count; a < type->ask_count; a++) ask(tally, type, a, event, env);
}

struct value tally_ask(struct tally *tally, uint16_t counter, const struct value *key, int64_t time,
                       struct arena *scratch, struct expr_counts *counts) {
  const struct ruleset *set = tally->options.ruleset;
  uint16_t population = set->counters[counter].population, space = set->populations[population].space;
  for (uint16_t i = 0; i < set->spaces[space].part_count; i++)
    if (value_is_null(key[i])) return value_null();
  struct tally_key found = {.hash = key_of_values(set->spaces[space].part_count, space, key)};
  struct rule_state *state = state_of(tally, &found, population);
  struct counter_state *none = NULL;
  return counters_ask(tally->counters, counter, state == NULL ? &none : &state->counter, time, value_null(), scratch,
                      counts);
}

const struct counters *tally_counters(const struct tally *tally) { return tally->counters; }
uint64_t tally_dropped(const struct tally *tally, uint16_t population) { return tally->dropped[population]; }
uint64_t tally_keys(const struct tally *tally, uint16_t population) {
  return tally->lines[population].end - tally->lines[population].first;
}
uint64_t tally_null_keys(const struct tally *tally, uint16_t population) { return tally->null_keys[population]; }
