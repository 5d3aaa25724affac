/* profile.c - the rows of a profile and their words. Called by engine.c. */
#include "engine/profile.h"

#include "base/check.h"
#include "rules/key_plan.h"

/* The conditions that a rule asks, each by its number. */
static uint16_t conditions_of(const struct rule *rule, const int32_t **predicates) {
  if (rule->pattern != NULL) return pattern_predicates(rule->pattern, predicates);
  *predicates = &rule->on_condition.predicate;
  return rule->on_condition.predicate != PREDICATE_TRUE;
}

static void find_sharers(struct profile *profile) {
  const struct ruleset *set = profile->ruleset;
  for (uint16_t r = 0; r < set->rule_count; r++) {
    const int32_t *predicates;
    uint16_t count = conditions_of(&set->rules[r], &predicates);
    for (uint16_t i = 0; i < count; i++) profile->sharers[predicates[i]]++;
  }
  for (uint16_t p = 0; p < set->population_count; p++)
    if (set->populations[p].predicate != PREDICATE_TRUE) profile->sharers[set->populations[p].predicate]++;
}

struct profile *profile_new(struct mem *mem, const struct ruleset *ruleset, const struct env *env) {
  struct profile *profile = mem_alloc(mem, sizeof *profile);
  profile->ruleset = ruleset;
  profile->env = env;
  profile->populations = profile_rule(ruleset->rule_count);
  profile->windows = profile->populations + ruleset->population_count;
  profile->joins = profile->windows + ruleset->window_count;
  profile->groups = profile->joins + ruleset->join_count;
  profile->predicates = profile->groups + ruleset->group_count;
  profile->count = profile->predicates + (uint32_t)ruleset->predicate_count;
  profile->sharers = mem_alloc(mem, ((size_t)ruleset->predicate_count + 1) * sizeof *profile->sharers);
  profile->opens = mem_alloc(mem, (ruleset->rule_count + 1u) * sizeof *profile->opens);
  find_sharers(profile);
  laps_begin(&profile->laps, env, mem_alloc(mem, profile->count * sizeof(struct lap_row)));
  profile->begun_ticks = profile->laps.at;
  profile->begun_us = env->monotonic_us(env->context);
  return profile;
}

uint64_t profile_ns(const struct profile *profile, uint64_t ticks) {
  const struct laps *laps = &profile->laps;
  uint64_t passed = laps->ticks(laps->context) - profile->begun_ticks;
  int64_t us = profile->env->monotonic_us(profile->env->context) - profile->begun_us;
  return passed == 0 || us <= 0 ? 0 : (uint64_t)((double)ticks * ((double)us * 1000 / (double)passed));
}

static void add_condition(const struct profile *profile, int32_t predicate, struct lap_row *row) {
  if (predicate == PREDICATE_TRUE) return;
  const struct lap_row *asked = &profile->laps.rows[profile->predicates + (uint32_t)predicate];
  check(profile->sharers[predicate] > 0);
  row->ticks += asked->ticks / profile->sharers[predicate];
  row->events += asked->events;
}

static void population_words(const struct ruleset *set, const struct population *population, struct buf *out) {
  buf_slice(out, set->schemas[population->type].name);
  if (population->predicate != PREDICATE_TRUE)
    buf_printf(out, "(" SLICE_FMT ")", SLICE_ARG(set->predicate_texts[population->predicate]));
  buf_str(out, " by ");
  key_plan_describe(&set->spaces[population->space], out);
}

void profile_line(const struct profile *profile, uint32_t number, struct profile_line *line) {
  static const char *const parts[] = {[PROFILE_OUTSIDE] = "outside",       [PROFILE_REST] = "the rest of the engine",
                                      [PROFILE_DECODE] = "decoding",       [PROFILE_ORDER] = "order",
                                      [PROFILE_DERIVE] = "derived events", [PROFILE_FIND] = "index, keys, timers",
                                      [PROFILE_LIVE] = "lists and tables"};
  const struct ruleset *set = profile->ruleset;
  struct lap_row row = profile->laps.rows[number];
  check(number < profile->predicates);
  if (number < PROFILE_PARTS) {
    line->kind = parts[number];
  } else if (number < profile->populations) {
    const struct rule *rule = &set->rules[number - PROFILE_PARTS];
    const int32_t *predicates;
    uint16_t count = conditions_of(rule, &predicates);
    for (uint16_t i = 0; i < count; i++) add_condition(profile, predicates[i], &row);
    row.bytes = (int64_t)profile->opens[rule->id].bytes;
    line->kind = "rule";
    buf_slice(line->words, rule->name);
  } else if (number < profile->windows) {
    const struct population *population = &set->populations[number - profile->populations];
    add_condition(profile, population->predicate, &row);
    line->kind = "counters";
    population_words(set, population, line->words);
  } else if (number < profile->joins) {
    line->kind = "window";
    buf_slice(line->words, set->schemas[set->windows[number - profile->windows].schema].name);
  } else if (number < profile->groups) {
    line->kind = "join";
    buf_slice(line->words, set->schemas[set->joins[number - profile->joins].schema].name);
  } else {
    line->kind = "group";
    buf_slice(line->words, set->groups[number - profile->groups].name);
  }
  line->events = row.events;
  line->ns = profile_ns(profile, row.ticks);
  line->bytes = row.bytes;
}
