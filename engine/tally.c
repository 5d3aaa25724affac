/* tally.c - events into populations, counters into events. Called by step.c for each event in its turn. */
#include "engine/tally.h"

#include "base/check.h"
#include "base/limits.h"
#include "engine/step.h"

enum { TALLY_SPACES_AHEAD = 8 }; /* key spaces of one event whose records are asked for ahead */

/* Asks of one population, with one key, all before or all behind the adding of the event. */
struct tally_group {
  struct counter_group *group;
  const struct counter_ask *asks;
  uint16_t count, population, space; /* space: its place among the type's, if the key is the event's own */
};

struct tally_type { /* what an event type feeds and asks in this pass */
  uint16_t population_count, group_count, before_count, space_count;
  const uint16_t *populations;
  struct tally_group *groups; /* the first before_count look at what was before */
  uint16_t *spaces;           /* key spaces that are looked at by the event's own key, each once */
  uint16_t *population_space; /* of each population: its place among `spaces` */
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
  struct laps *laps;   /* of the profile; NULL */
  uint32_t lap_first;  /* row of population 0 */
  size_t pool_before;  /* what was in use when a population's row was entered */
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
  type->spaces = mem_alloc(mem, room * sizeof *type->spaces);
  type->population_space = mem_alloc(mem, room * sizeof *type->population_space);
  for (uint16_t p = 0; p < use->population_count; p++) {
    const struct population *population = &set->populations[use->populations[p]];
    if ((population->levels & level) == 0) continue;
    type->population_space[type->population_count] = place_of(type, population->space);
    populations[type->population_count++] = use->populations[p];
  }
  type->populations = populations;
}

static bool same_group(const struct ruleset *set, const struct counter_ask *a, const struct counter_ask *b) {
  const struct counter_plan *x = &set->counters[a->counter], *y = &set->counters[b->counter];
  uint16_t parts = set->spaces[set->populations[x->population].space].part_count;
  return x->population == y->population && x->before == y->before && a->own_key == b->own_key &&
         a->members_only == b->members_only && memcmp(a->key_slots, b->key_slots, parts * sizeof *a->key_slots) == 0;
}

/* Asks come by population, those that look at what was before first. */
static void make_groups(struct mem *mem, const struct tally *tally, uint16_t number, struct tally_type *type) {
  const struct ruleset *set = tally->options.ruleset;
  const struct type_use *use = &set->uses[number];
  uint64_t level = (uint64_t)1 << tally->options.level;
  bool *taken = mem_alloc(mem, use->ask_count + 1u);
  struct counter_ask *asks = mem_alloc(mem, (use->ask_count + 1u) * sizeof *asks);
  type->groups = mem_alloc(mem, (use->ask_count + 1u) * sizeof *type->groups);
  uint32_t at = 0;
  for (uint16_t a = 0; a < use->ask_count; a++) {
    if (taken[a] || (use->asks[a].levels & level) == 0) continue;
    const struct counter_plan *counter = &set->counters[use->asks[a].counter];
    struct tally_group *group = &type->groups[type->group_count++];
    *group = (struct tally_group){.asks = &asks[at], .population = counter->population};
    for (uint16_t b = a; b < use->ask_count; b++) {
      const struct counter_plan *other = &set->counters[use->asks[b].counter];
      if (other->population != counter->population || other->before != counter->before) break;
      if (taken[b] || (use->asks[b].levels & level) == 0 || !same_group(set, &use->asks[a], &use->asks[b])) continue;
      taken[b] = true;
      asks[at++] = use->asks[b];
      group->count++;
    }
    if (use->asks[a].own_key) group->space = place_of(type, set->populations[counter->population].space);
    if (counter->before) type->before_count++;
    group->group = counters_group(tally->counters, group->asks, group->count);
  }
  mem_free(mem, taken);
}

struct tally *tally_new(struct mem *mem, const struct tally_options *options) {
  const struct ruleset *set = options->ruleset;
  bool any = false;
  for (uint16_t p = 0; p < set->population_count; p++) any |= (set->populations[p].levels >> options->level & 1) != 0;
  if (!any) return NULL;
  struct tally *tally = mem_alloc(mem, sizeof *tally);
  tally->mem = mem;
  tally->options = *options;
  tally->laps = profile_laps(options->profile);
  if (options->profile != NULL) tally->lap_first = options->profile->populations;
  tally->counters = counters_new(mem, options->pool, set);
  tally->types = mem_alloc(mem, (set->schema_count + 1u) * sizeof *tally->types);
  tally->null_keys = mem_alloc(mem, (set->population_count + 1u) * sizeof *tally->null_keys);
  tally->dropped = mem_alloc(mem, (set->population_count + 1u) * sizeof *tally->dropped);
  tally->lines = mem_alloc(mem, (set->population_count + 1u) * sizeof *tally->lines);
  tally->quiet_until = INT64_MAX;
  uint32_t spaces = 0, populations = 0;
  for (uint16_t t = 0; t < set->schema_count; t++) {
    make_type(mem, options, t, &tally->types[t]);
    make_groups(mem, tally, t, &tally->types[t]);
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

/* A state, then what it keeps beside itself. */
static void prefetch_states(const struct tally *tally, const struct tally_type *type, const struct key_record *record,
                            bool events) {
  for (uint16_t i = 0; i < record->count && i < type->population_count; i++) {
    const struct rule_state *state = &record->states[i];
    if (!tally_owns(tally->options.ruleset, state->rule)) continue;
    if (events)
      counters_prefetch_events(tally->counters, (uint16_t)(state->rule - tally->options.ruleset->rule_count),
                               state->counter);
    else
      counters_prefetch(state->counter);
  }
}

void tally_ahead(struct tally *tally, const struct event *events, uint32_t count) {
  for (int round = 0; round < 4; round++) {
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
          prefetch_states(tally, type, key->record, round == 3);
        }
      }
    }
  }
}

/* ---- an event ---- */

/* What is done for a population is charged to its row, and what its states take. */
static uint32_t enter(struct tally *tally, uint16_t population) {
  if (__builtin_expect(tally->laps == NULL, 1)) return 0;
  tally->pool_before = tally->options.pool->used;
  return laps_enter(tally->laps, tally->lap_first + population);
}

static void leave(struct tally *tally, uint16_t population, uint32_t lap) {
  if (__builtin_expect(tally->laps == NULL, 1)) return;
  tally->laps->rows[tally->lap_first + population].bytes += (int64_t)(tally->options.pool->used - tally->pool_before);
  laps_enter(tally->laps, lap);
}

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

static void ask(struct tally *tally, const struct tally_type *type, const struct tally_group *group,
                const struct event *event, struct expr_env *env) {
  const struct counter_ask *first = &group->asks[0];
  struct value *values = (struct value *)(uintptr_t)event->values; /* the batch's memory, not a constant */
  struct tally_key foreign, *key = first->own_key ? &tally->keys[group->space] : &foreign;
  bool asked = !first->members_only || is_member(tally, type, group->population);
  if (asked) asked = first->own_key ? !key->null : foreign_key(tally, first, group->population, event, key);
  if (!asked) {
    for (uint16_t i = 0; i < group->count; i++) values[group->asks[i].slot] = value_null();
    return;
  }
  uint32_t lap = enter(tally, group->population);
  struct rule_state *state = state_of(tally, key, group->population);
  struct counter_state *none = NULL;
  counters_ask_group(tally->counters, group->group, state == NULL ? &none : &state->counter, event->time, values, env);
  leave(tally, group->population, lap);
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
    uint32_t lap = enter(tally, population);
    if (counters_deadline(state->counter) < now) counters_time(tally->counters, population, &state->counter, now);
    leave(tally, population, lap);
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
    uint32_t lap = enter(tally, population);
    counters_drop(tally->counters, population, &state->counter);
    leave(tally, population, lap);
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
  uint32_t lap = enter(tally, population);
  laps_count(tally->laps, tally->lap_first + population);
  counters_add(tally->counters, population, &state->counter, event, env);
  leave(tally, population, lap);
  if (!fresh) return;
  line_push(tally, &tally->lines[population], key->hash, counters_deadline(state->counter));
  enforce_keys(tally, population);
}

void tally_event(struct tally *tally, uint32_t at, const struct event *event, struct expr_env *env) {
  const struct tally_type *type = &tally->types[event->type];
  if (type->population_count == 0 && type->group_count == 0) return;
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
  for (uint16_t g = 0; g < type->before_count; g++) ask(tally, type, &type->groups[g], event, env);
  for (uint16_t p = 0; p < type->population_count; p++)
    if (tally->member[p]) add(tally, type->populations[p], &tally->keys[type->population_space[p]], event, env);
  for (uint16_t g = type->before_count; g < type->group_count; g++) ask(tally, type, &type->groups[g], event, env);
}

struct value tally_ask(struct tally *tally, uint16_t counter, const struct value *key, int64_t time,
                       struct arena *scratch, struct expr_counts *counts) {
  const struct ruleset *set = tally->options.ruleset;
  uint16_t population = set->counters[counter].population, space = set->populations[population].space;
  for (uint16_t i = 0; i < set->spaces[space].part_count; i++)
    if (value_is_null(key[i])) return value_null();
  struct tally_key found = {.hash = key_of_values(set->spaces[space].part_count, space, key)};
  uint32_t lap = enter(tally, population);
  struct rule_state *state = state_of(tally, &found, population);
  struct counter_state *none = NULL;
  struct value value = counters_ask(tally->counters, counter, state == NULL ? &none : &state->counter, time,
                                    value_null(), scratch, counts);
  leave(tally, population, lap);
  return value;
}

const struct counters *tally_counters(const struct tally *tally) { return tally->counters; }
uint64_t tally_dropped(const struct tally *tally, uint16_t population) { return tally->dropped[population]; }
uint64_t tally_keys(const struct tally *tally, uint16_t population) {
  return tally->lines[population].end - tally->lines[population].first;
}
uint64_t tally_null_keys(const struct tally *tally, uint16_t population) { return tally->null_keys[population]; }
