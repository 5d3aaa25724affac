/* tally.c - events into populations, counters into events. Called by step.c for each event in its turn. */
#include "engine/tally.h"

#include "base/check.h"
#include "base/limits.h"
#include "engine/step.h"
#include "nfa/nfa.h"

enum {
  TALLY_SPACES_AHEAD = 8, /* key spaces of one event whose records are asked for ahead */
  TALLY_KEYS_AHEAD = STEP_BATCH_MAX * TALLY_SPACES_AHEAD,
  TALLY_STATES_AHEAD = 8,                  /* states of one record that are asked for ahead */
  TALLY_BESIDE_AHEAD = 4 * STEP_BATCH_MAX, /* states of a batch that keep something beside themselves */
  TALLY_NEAR = 8, /* keys ahead that are asked for again: of very many requests at once some are not heard */
  TALLY_NEAR_TURN = 4
};
enum { TALLY_SWEEP_EVERY = 32 }; /* events behind the first deadline: many keys that go at once are less work each */

/* Asks of one population, with one key, all before or all behind the adding of the event. */
struct tally_group {
  struct counter_group *group;
  const struct counter_ask *asks;
  uint16_t count, population, space; /* space: its place among the type's, if the key is the event's own */
};

struct tally_feed {           /* a population that the type's events are added to */
  uint16_t population, place; /* place: of its key space, among the type's */
  uint32_t owner;             /* tally_owner() */
  int32_t predicate;
  const struct tally_group *behind;  /* asked with the same key when the event has been added, at once; NULL */
  const struct counter_quick *quick; /* both in one go; NULL */
};

struct tally_type { /* what an event type feeds and asks in this pass */
  uint16_t feed_count, group_count, before_count, space_count, ahead_count;
  struct tally_feed *feeds;
  struct tally_group *groups; /* the first before_count look at what was before; then those that no feed asks behind */
  uint16_t *spaces;           /* key spaces that are looked at by the event's own key, each once */
  int32_t *slots;             /* of keys of one part; -1 */
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
    struct key_record *record; /* stays while the state is in it */
    int64_t deadline;
  } * places;
  uint64_t first, end, capacity;
};

struct tally {
  struct mem *mem;
  struct tally_options options;
  struct counters *counters;
  struct tally_type *types;
  struct tally_key ahead[TALLY_KEYS_AHEAD];            /* of the batch, in its order: ahead_count for each event */
  const struct rule_state *beside[TALLY_BESIDE_AHEAD]; /* states of the batch that keep something beside themselves */
  uint32_t ahead_at;                                   /* the next event's first */
  uint32_t owners_first;                               /* tally_owner() of population 0 */
  struct tally_key *keys;                              /* of the event in hand, one for each of its type's spaces */
  struct tally_key *more_keys;                         /* room for them, where they are too many to be in `ahead` */
  bool *member;                                        /* of the event in hand, one for each of its type's feeds */
  uint64_t *dropped;                                   /* per population */
  bool *outside; /* per population: its states keep more than events of their own */
  struct tally_line *lines;
  struct laps *laps;   /* of the profile; NULL */
  uint32_t lap_first;  /* row of population 0 */
  size_t bytes_before; /* what was in use when a population's row was entered */
  int64_t quiet_until; /* no first place of a line has an earlier deadline */
  uint32_t overdue;    /* events since then */
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
  type->spaces = mem_alloc(mem, ((size_t)use->population_count + use->ask_count + 1) * sizeof *type->spaces);
  type->feeds = mem_alloc(mem, (use->population_count + 1u) * sizeof *type->feeds);
  for (uint16_t p = 0; p < use->population_count; p++) {
    const struct population *population = &set->populations[use->populations[p]];
    if ((population->levels & level) == 0) continue;
    type->feeds[type->feed_count++] = (struct tally_feed){.population = use->populations[p],
                                                          .place = place_of(type, population->space),
                                                          .owner = tally_owner(set, use->populations[p]),
                                                          .predicate = population->predicate};
  }
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

/* What asks of a population, with the event's own key, when the event has been added, finds its state in hand then:
 * adding to other populations changes nothing there. One group of each; others stay in their place. */
static void put_behind(struct mem *mem, const struct tally *tally, struct tally_type *type) {
  uint16_t left = type->before_count;
  for (uint16_t g = type->before_count; g < type->group_count; g++) {
    struct tally_feed *feed = NULL;
    for (uint16_t f = 0; f < type->feed_count && feed == NULL; f++)
      if (type->feeds[f].population == type->groups[g].population) feed = &type->feeds[f];
    if (!type->groups[g].asks->own_key || feed == NULL || feed->behind != NULL) {
      type->groups[left++] = type->groups[g];
      continue;
    }
    struct tally_group *behind = mem_alloc(mem, sizeof *behind);
    *behind = type->groups[g];
    feed->behind = behind;
  }
  type->group_count = left;
  for (uint16_t f = 0; f < type->feed_count; f++) {
    struct tally_feed *feed = &type->feeds[f];
    feed->quick = counters_quick(tally->counters, feed->population, feed->behind == NULL ? NULL : feed->behind->group);
  }
}

/* Where the keys of the type's events stand. */
static void find_slots(struct mem *mem, const struct tally *tally, uint16_t number, struct tally_type *type) {
  type->ahead_count = type->space_count <= TALLY_SPACES_AHEAD ? type->space_count : 0;
  type->slots = mem_alloc(mem, (type->space_count + 1u) * sizeof *type->slots);
  for (uint16_t s = 0; s < type->space_count; s++) {
    const struct key_space *space = &tally->options.ruleset->spaces[type->spaces[s]];
    type->slots[s] = space->part_count == 1 ? space->slots[number] : -1;
  }
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
  if (options->entries_max > 0) counters_set_entries(tally->counters, options->entries_max);
  tally->types = mem_alloc(mem, (set->schema_count + 1u) * sizeof *tally->types);
  tally->dropped = mem_alloc(mem, (set->population_count + 1u) * sizeof *tally->dropped);
  tally->lines = mem_alloc(mem, (set->population_count + 1u) * sizeof *tally->lines);
  tally->outside = mem_alloc(mem, (set->population_count + 1u) * sizeof *tally->outside);
  for (uint16_t p = 0; p < set->population_count; p++) tally->outside[p] = counters_outside(tally->counters, p);
  tally->quiet_until = INT64_MAX;
  for (uint16_t p = 0; p < set->population_count; p++)
    if ((set->populations[p].levels >> options->level & 1) != 0 && counters_fit_annex(tally->counters, p))
      key_table_widen(options->table, set->populations[p].space);
  uint32_t spaces = 0, feeds = 0;
  for (uint16_t t = 0; t < set->schema_count; t++) {
    make_type(mem, options, t, &tally->types[t]);
    make_groups(mem, tally, t, &tally->types[t]);
    put_behind(mem, tally, &tally->types[t]);
    find_slots(mem, tally, t, &tally->types[t]);
    if (tally->types[t].space_count > spaces) spaces = tally->types[t].space_count;
    if (tally->types[t].feed_count > feeds) feeds = tally->types[t].feed_count;
  }
  tally->owners_first = tally_owner(set, 0);
  tally->more_keys = mem_alloc(mem, (spaces + 1) * sizeof *tally->more_keys);
  tally->member = mem_alloc(mem, (feeds + 1) * sizeof *tally->member);
  return tally;
}

/* ---- ahead ---- */

static inline void key_of(const struct tally *tally, uint16_t space, const struct event *event, struct tally_key *key) {
  key->record = NULL;
  key->null = !key_of_event(&tally->options.ruleset->spaces[space], space, event, &key->hash);
}

/* The keys of all events, and the lines of the table where they stand. */
static uint32_t keys_ahead(struct tally *tally, const struct event *events, uint32_t count) {
  struct tally_key *key = tally->ahead;
  for (uint32_t e = 0; e < count; e++) {
    const struct tally_type *type = &tally->types[events[e].type];
    for (uint16_t s = 0; s < type->ahead_count; s++, key++) {
      const struct value *own = type->slots[s] < 0 ? NULL : &events[e].values[type->slots[s]];
      if (own != NULL && value_is_plain(*own)) {
        *key = (struct tally_key){.hash = key_of_plain(*own, type->spaces[s])};
      } else {
        key_of(tally, type->spaces[s], &events[e], key);
        if (key->null) continue;
      }
      key_table_prefetch_line(tally->options.table, key->hash);
    }
  }
  return (uint32_t)(key - tally->ahead);
}

/* The states of a record are asked for, and those that keep something beside themselves are noted. */
static inline uint32_t states_ahead(struct tally *tally, struct key_record *record, uint32_t beside) {
  uint32_t count = record->count < TALLY_STATES_AHEAD ? record->count : TALLY_STATES_AHEAD;
  for (uint32_t i = 0; i < count; i++) {
    const struct rule_state *state = &record->states[i];
    if (state->rule < tally->owners_first) {
      nfa_prefetch(state->state);
    } else if ((void *)state->counter != record + 1) {
      counters_prefetch(state->counter);
    } else if (!tally->outside[state->rule - tally->owners_first]) {
      __builtin_prefetch(record + 1, 1);
      continue; /* all of it stands behind the record */
    }
    if (beside < TALLY_BESIDE_AHEAD) tally->beside[beside++] = state;
  }
  return beside;
}

/* Each round asks for what the round before has brought: lines, records, states, what states keep beside themselves. */
void tally_ahead(struct tally *tally, const struct event *events, uint32_t count) {
  struct tally_key *key, *end = tally->ahead + keys_ahead(tally, events, count);
  uint32_t beside = 0;
  tally->ahead_at = 0;
  for (key = tally->ahead; key != end; key++) {
    if (key + TALLY_NEAR < end) key_table_prefetch_line(tally->options.table, key[TALLY_NEAR].hash);
    if (key->null) continue;
    key->record = key_table_guess(tally->options.table, key->hash);
    if (key->record != NULL) __builtin_prefetch(key->record + 1, 1); /* most are wide */
  }
  for (key = tally->ahead; key != end; key++) {
    if (key + TALLY_NEAR < end) __builtin_prefetch(key[TALLY_NEAR].record);
    if (key->record != NULL) beside = states_ahead(tally, key->record, beside);
  }
  for (uint32_t i = 0; i < beside; i++) {
    const struct rule_state *state = tally->beside[i];
    if (state->rule < tally->owners_first)
      nfa_prefetch_runs(state->state);
    else
      counters_prefetch_events(tally->counters, (uint16_t)(state->rule - tally->owners_first), state->counter);
  }
}

/* ---- an event ---- */

/* What the pool has given, and the record's annex if the state stands there. */
static size_t bytes_held(const struct tally *tally, struct key_record *record, const struct rule_state *state) {
  bool annexed = state != NULL && state->counter != NULL && (void *)state->counter == key_record_annex(record);
  return tally->options.pool->used + (annexed ? KEY_ANNEX_BYTES : 0);
}

/* What is done for a population at a key (its state: NULL, none) is charged to its row, and what the state takes. */
static inline uint32_t enter(struct tally *tally, uint16_t population, struct key_record *record,
                             const struct rule_state *state) {
  if (__builtin_expect(tally->laps == NULL, 1)) return 0;
  tally->bytes_before = bytes_held(tally, record, state);
  return laps_enter(tally->laps, tally->lap_first + population);
}

static inline void leave(struct tally *tally, uint16_t population, struct key_record *record,
                         const struct rule_state *state, uint32_t lap) {
  if (__builtin_expect(tally->laps == NULL, 1)) return;
  size_t bytes = bytes_held(tally, record, state);
  tally->laps->rows[tally->lap_first + population].bytes += (int64_t)(bytes - tally->bytes_before);
  laps_enter(tally->laps, lap);
}

static inline struct rule_state *state_of(const struct tally *tally, struct tally_key *key, uint16_t population) {
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
  for (uint16_t f = 0; f < type->feed_count; f++)
    if (type->feeds[f].population == population) return tally->member[f];
  return false;
}

static void ask(struct tally *tally, const struct tally_type *type, const struct tally_group *group,
                const struct event *event, struct expr_env *env) {
  const struct counter_ask *first = &group->asks[0];
  struct value *values = (struct value *)(uintptr_t)event->values; /* the batch's memory, not a constant */
  struct tally_key foreign = {.null = true}, *key = first->own_key ? &tally->keys[group->space] : &foreign;
  bool keyed = first->own_key ? !key->null : foreign_key(tally, first, group->population, event, key);
  if (keyed && first->members_only && !is_member(tally, type, group->population)) { /* no rule looks at them */
    for (uint16_t i = 0; i < group->count; i++) values[group->asks[i].slot] = value_null();
    return;
  }
  struct rule_state *state = keyed ? state_of(tally, key, group->population) : NULL; /* of a null key: of nothing */
  uint32_t lap = enter(tally, group->population, key->record, state);
  struct counter_state *none = NULL;
  counters_ask_group(tally->counters, group->group, state == NULL ? &none : &state->counter, event->time, values, env);
  leave(tally, group->population, key->record, state, lap);
}

/* ---- keys that go ---- */

static inline void line_push(struct tally *tally, struct tally_line *line, struct key_record *record,
                             int64_t deadline) {
  if (line->end - line->first == line->capacity) {
    uint64_t capacity = line->capacity == 0 ? 64 : 2 * line->capacity;
    struct tally_place *bigger = mem_alloc_raw(tally->mem, capacity * sizeof *bigger);
    for (uint64_t i = line->first; i < line->end; i++)
      bigger[i & (capacity - 1)] = line->places[i & (line->capacity - 1)];
    mem_free(tally->mem, line->places);
    line->places = bigger;
    line->capacity = capacity;
  }
  line->places[line->end++ & (line->capacity - 1)] = (struct tally_place){record, deadline};
  if (line->end - line->first == 1 && deadline < tally->quiet_until) tally->quiet_until = deadline;
}

/* Asks for the memory of keys that are looked at soon: records further ahead, then states. */
static inline void line_ahead(const struct tally *tally, const struct tally_line *line) {
  enum { RECORDS_AHEAD = 16, STATES_AHEAD = 8 };
  if (line->end - line->first <= RECORDS_AHEAD) return;
  const struct key_record *later = line->places[(line->first + RECORDS_AHEAD) & (line->capacity - 1)].record;
  __builtin_prefetch(later);
  __builtin_prefetch(later + 1);
  const struct key_record *record = line->places[(line->first + STATES_AHEAD) & (line->capacity - 1)].record;
  if (record->count == 1) key_table_prefetch_line(tally->options.table, record->key); /* it may go with its state */
  for (uint16_t i = 0; i < record->count; i++)
    if (record->states[i].rule >= tally->owners_first && (const void *)record->states[i].counter != record + 1)
      counters_prefetch(record->states[i].counter);
}

static void remove_state(struct tally *tally, struct key_record *record, struct rule_state *state) {
  key_record_remove(tally->options.table, record, state->rule);
  key_table_release(tally->options.table, record);
}

static struct rule_state *state_at(const struct tally *tally, uint16_t population, struct key_record *record) {
  struct rule_state *state =
      key_record_rule(tally->options.table, record, tally_owner(tally->options.ruleset, population), false);
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
    struct rule_state *state = state_at(tally, population, place.record);
    uint32_t lap = enter(tally, population, place.record, state);
    if (counters_deadline(state->counter) < now) counters_time(tally->counters, population, &state->counter, now);
    leave(tally, population, place.record, state, lap);
    if (state->counter == NULL)
      remove_state(tally, place.record, state);
    else
      line_push(tally, line, place.record, counters_deadline(state->counter));
  }
}

/* What no window can see any more goes: before some events, and before a limit is held against what is there. That
 * depends on the events alone, not on batches. */
static void sweep(struct tally *tally, int64_t now) {
  tally->quiet_until = INT64_MAX;
  tally->overdue = 0;
  for (uint16_t p = 0; p < tally->options.ruleset->population_count; p++) {
    struct tally_line *line = &tally->lines[p];
    sweep_line(tally, p, now);
    if (line->first == line->end) continue;
    int64_t next = line->places[line->first & (line->capacity - 1)].deadline;
    if (next < tally->quiet_until) tally->quiet_until = next;
  }
}

static void forget_first(struct tally *tally, uint16_t population) {
  struct tally_line *line = &tally->lines[population];
  struct key_record *record = line->places[line->first++ & (line->capacity - 1)].record;
  struct rule_state *state = state_at(tally, population, record);
  uint32_t lap = enter(tally, population, record, state);
  counters_drop(tally->counters, population, &state->counter);
  leave(tally, population, record, state, lap);
  remove_state(tally, record, state);
  tally->dropped[population]++;
}

/* More keys than the population may have: the one that was looked at longest ago goes. */
static __attribute__((noinline)) void enforce_keys(struct tally *tally, uint16_t population, int64_t now) {
  const struct tally_line *line = &tally->lines[population];
  sweep_line(tally, population, now);
  while (line->end - line->first > tally->options.keys_max) forget_first(tally, population);
}

/* More events and values than it may keep: the same, but that the key in hand stays (its windows have a limit each). */
static __attribute__((noinline)) void enforce_entries(struct tally *tally, uint16_t population,
                                                      struct key_record *in_hand, int64_t now) {
  struct tally_line *line = &tally->lines[population];
  sweep_line(tally, population, now);
  while (counters_crowded(tally->counters, population) && line->end - line->first > 1) {
    struct tally_place first = line->places[line->first & (line->capacity - 1)];
    if (first.record == in_hand) {
      line->first++;
      line_push(tally, line, first.record, first.deadline);
    } else {
      forget_first(tally, population);
    }
  }
  if (counters_crowded(tally->counters, population))
    counters_relieve(tally->counters, population, state_at(tally, population, in_hand)->counter);
}

static void count_key(struct tally *tally, uint16_t population, struct key_record *record, int64_t deadline,
                      int64_t now) {
  const struct tally_line *line = &tally->lines[population];
  line_push(tally, &tally->lines[population], record, deadline);
  if (tally->options.keys_max > 0 && line->end - line->first > tally->options.keys_max)
    enforce_keys(tally, population, now);
}

/* The line behind the record, unless another population's state stands there. */
static inline void *free_annex(struct key_record *record) {
  void *annex = key_record_annex(record);
  for (uint16_t i = 0; i < record->count; i++)
    if ((void *)record->states[i].counter == annex) return NULL;
  return annex;
}

/* The ordinary way; under a profile any. */
static __attribute__((noinline)) void add_to(struct tally *tally, const struct tally_feed *feed,
                                             struct key_record *record, struct rule_state *state, void *annex,
                                             const struct event *event, struct expr_env *env) {
  uint32_t lap = enter(tally, feed->population, record, state);
  laps_count(tally->laps, tally->lap_first + feed->population);
  bool quick = tally->laps != NULL && feed->quick != NULL;
  if (!quick || !counters_take(tally->counters, feed->quick, &state->counter, annex, event)) {
    counters_add(tally->counters, feed->population, &state->counter, annex, event, env);
    if (feed->behind != NULL)
      counters_ask_group(tally->counters, feed->behind->group, &state->counter, event->time,
                         (struct value *)(uintptr_t)event->values, env);
  }
  leave(tally, feed->population, record, state, lap);
}

static void add(struct tally *tally, const struct tally_feed *feed, const struct event *event, struct expr_env *env) {
  struct tally_key *key = &tally->keys[feed->place];
  if (key->record != NULL) key->record = key_table_recall(tally->options.table, key->hash, key->record);
  if (key->record == NULL)
    key->record =
        key_table_make(tally->options.table, key->hash, tally->options.ruleset->populations[feed->population].space);
  struct rule_state *state = key_record_rule(tally->options.table, key->record, feed->owner, true);
  bool fresh = state->counter == NULL;
  void *annex = (void *)state->counter == key->record + 1 ? NULL : free_annex(key->record);
  if (feed->quick == NULL || tally->laps != NULL ||
      !counters_take(tally->counters, feed->quick, &state->counter, annex, event))
    add_to(tally, feed, key->record, state, annex, event, env);
  if (fresh) count_key(tally, feed->population, key->record, counters_deadline(state->counter), event->time);
  if (__builtin_expect(counters_crowded(tally->counters, feed->population), 0))
    enforce_entries(tally, feed->population, key->record, event->time);
}

/* The keys of the event in hand: those that were asked for ahead, if its type has no more. */
static void find_keys(struct tally *tally, const struct tally_type *type, const struct event *event) {
  if (type->ahead_count == type->space_count) {
    tally->keys = &tally->ahead[tally->ahead_at];
    const struct key_record *near =
        tally->ahead_at + TALLY_NEAR_TURN < TALLY_KEYS_AHEAD ? tally->keys[TALLY_NEAR_TURN].record : NULL;
    if (near != NULL) __builtin_prefetch(near + 1, 1);
    tally->ahead_at += type->ahead_count;
    return;
  }
  tally->keys = tally->more_keys;
  for (uint16_t s = 0; s < type->space_count; s++) key_of(tally, type->spaces[s], event, &tally->keys[s]);
}

static inline bool find_member(struct tally *tally, const struct tally_feed *feed) {
  if (feed->predicate != PREDICATE_TRUE && !truth_evaluate(tally->options.truth, feed->predicate)) return false;
  return !tally->keys[feed->place].null;
}

void tally_event(struct tally *tally, const struct event *event, struct expr_env *env) {
  const struct tally_type *type = &tally->types[event->type];
  if (type->feed_count == 0 && type->group_count == 0) return;
  if (event->time > tally->quiet_until && ++tally->overdue >= TALLY_SWEEP_EVERY) sweep(tally, event->time);
  env->banks[BANK_EVENT] = event->values;
  find_keys(tally, type, event);
  for (uint16_t f = 0; f < type->feed_count; f++) tally->member[f] = find_member(tally, &type->feeds[f]);
  for (uint16_t g = 0; g < type->before_count; g++) ask(tally, type, &type->groups[g], event, env);
  for (uint16_t f = 0; f < type->feed_count; f++) {
    const struct tally_feed *feed = &type->feeds[f];
    if (tally->member[f])
      add(tally, feed, event, env);
    else if (feed->behind != NULL)
      ask(tally, type, feed->behind, event, env);
  }
  for (uint16_t g = type->before_count; g < type->group_count; g++) ask(tally, type, &type->groups[g], event, env);
}

struct value tally_ask(struct tally *tally, uint16_t counter, const struct value *key, int64_t time,
                       struct arena *scratch, struct expr_counts *counts) {
  const struct ruleset *set = tally->options.ruleset;
  uint16_t population = set->counters[counter].population, space = set->populations[population].space;
  for (uint16_t i = 0; i < set->spaces[space].part_count; i++)
    if (value_is_null(key[i])) return value_null();
  struct tally_key found = {.hash = key_of_values(set->spaces[space].part_count, space, key)};
  struct rule_state *state = state_of(tally, &found, population);
  uint32_t lap = enter(tally, population, found.record, state);
  struct counter_state *none = NULL;
  struct value value = counters_ask(tally->counters, counter, state == NULL ? &none : &state->counter, time,
                                    value_null(), scratch, counts);
  leave(tally, population, found.record, state, lap);
  return value;
}

bool tally_asks(const struct tally *tally, uint16_t type) {
  bool asks = tally->types[type].group_count > 0;
  for (uint16_t f = 0; f < tally->types[type].feed_count; f++) asks |= tally->types[type].feeds[f].behind != NULL;
  return asks;
}

uint16_t tally_place(const struct tally *tally, uint16_t type, uint16_t space) {
  const struct tally_type *plan = &tally->types[type];
  for (uint16_t s = 0; s < plan->space_count; s++)
    if (plan->spaces[s] == space) return s;
  return TALLY_NOWHERE;
}

bool tally_key(const struct tally *tally, uint16_t place, struct hash128 *key, struct key_record **record) {
  const struct tally_key *own = &tally->keys[place];
  if (own->null) return false;
  *key = own->hash;
  *record = key_table_recall(tally->options.table, own->hash, own->record);
  return true;
}

const struct counters *tally_counters(const struct tally *tally) { return tally->counters; }
uint64_t tally_dropped(const struct tally *tally, uint16_t population) { return tally->dropped[population]; }
