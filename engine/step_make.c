/* step_make.c - makes a stepper: what every event of a type is asked for, the limits of entries. Called once for each
 * level of a rule set by engine.c and flow.c. */
#include "base/check.h"
#include "base/limits.h"
#include "engine/live.h"
#include "engine/step_private.h"
#include "engine/tally.h"

enum {
  STEP_SCRATCH_BYTES = 1 << 16,
  STEP_RUNS_MAX = LIMIT_RUNS,
  STEP_UNIT_BYTES = 64, /* nfa_context.held_units */
  STEP_ENTRIES_MIN = 16,
  STEP_HELD_TENTHS = 4,          /* of the state's memory: what open matches have taken; the rest is theirs */
  STEP_UNITS_A_MATCH_EVENT = 16, /* so many times the longest match fits, twice over, with events of four units */
  STEP_MATCH_EVENTS_MIN = LIMIT_PATTERN_STEPS,
  STEP_LIST_FIRST = 1024,
  STEP_OPEN_BYTES = 272 /* of a key with one open match: its record and their share of table, timer and queue */
};

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
    plan->spaces[i] =
        (struct space_plan){.space = &set->spaces[use->spaces[i]], .id = use->spaces[i], .tally_place = TALLY_NOWHERE};
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

/* What of the plans the tally says. */
static void find_turns(struct stepper *stepper) {
  for (uint16_t t = 0; t < stepper->ruleset->schema_count; t++) {
    struct type_plan *plan = &stepper->plans[t];
    plan->in_turn = stepper->options.live != NULL || (stepper->tally != NULL && tally_asks(stepper->tally, t));
    plan->sees_cells = stepper->ruleset->schemas[t].cell_count > 0;
    for (uint16_t i = 0; i < plan->space_count && stepper->tally != NULL; i++)
      plan->spaces[i].tally_place = tally_place(stepper->tally, t, plan->spaces[i].id);
  }
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
  find_turns(stepper);
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
                                          .tell = step_tell,
                                          .told_context = stepper};
  return stepper;
}
