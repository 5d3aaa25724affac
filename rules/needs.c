/* needs.c - the closure over event types, lists and tables. Called by engine/test_run.c. */
#include "rules/needs.h"

struct needs {
  const struct ruleset *set;
  bool *types, *rules;
  bool changed;
};

static void need(struct needs *needs, bool *what) {
  needs->changed = needs->changed || !*what;
  *what = true;
}

static void need_of_rule(struct needs *needs, const struct rule *rule) {
  for (uint16_t t = 0; t < rule->type_count; t++) need(needs, &needs->types[rule->types[t]]);
  for (uint16_t c = 0; c < rule->counter_count; c++)
    need(needs, &needs->types[needs->set->populations[needs->set->counters[rule->counters[c]].population].type]);
}

/* What a type is made from. */
static void need_of_type(struct needs *needs, uint16_t type) {
  const struct ruleset *set = needs->set;
  for (uint16_t d = 0; d < set->derived_count; d++)
    for (uint16_t f = 0; set->deriveds[d].schema == type && f < set->deriveds[d].from_count; f++)
      need(needs, &needs->types[set->deriveds[d].from[f].type]);
  for (uint16_t w = 0; w < set->window_count; w++)
    for (uint16_t f = 0; set->windows[w].schema == type && f < set->windows[w].from_count; f++)
      need(needs, &needs->types[set->windows[w].from[f].type]);
  for (uint16_t j = 0; j < set->join_count; j++)
    for (unsigned side = 0; set->joins[j].schema == type && side < 2; side++)
      need(needs, &needs->types[set->joins[j].types[side]]);
  for (uint16_t r = 0; r < set->rule_count; r++) {
    const struct rule *rule = &set->rules[r];
    if (rule->alert_event != NULL && rule->alert_event->schema == type) need(needs, &needs->rules[r]);
    if (rule->parts != NULL && rule->parts->made != NULL && rule->parts->made->schema == type)
      need(needs, &needs->rules[r]);
  }
}

/* Which rule asks which list is not kept: all that fill a list that a pass asks are needed. */
static void need_fillers(struct needs *needs) {
  const struct ruleset *set = needs->set;
  for (uint16_t r = 0; r < set->rule_count; r++)
    for (uint16_t c = 0; c < set->rules[r].list_change_count; c++)
      if (set->lists[set->rules[r].list_changes[c].list].asked != 0) need(needs, &needs->rules[r]);
  for (uint16_t t = 0; t < set->table_count; t++)
    if (set->tables[t].live && set->tables[t].asked != 0) need(needs, &needs->types[set->tables[t].from_type]);
}

void ruleset_needs(const struct ruleset *ruleset, const bool *named, bool *needed, struct arena *scratch) {
  struct needs needs = {.set = ruleset, .rules = needed, .changed = true};
  needs.types = arena_array(scratch, bool, ruleset->schema_count + 1u);
  for (uint16_t r = 0; r < ruleset->rule_count; r++) needed[r] = named[r];
  need_fillers(&needs);
  needs.changed = true;
  while (needs.changed) { /* ends: each round sets one more of finitely many */
    needs.changed = false;
    for (uint16_t r = 0; r < ruleset->rule_count; r++)
      if (needed[r]) need_of_rule(&needs, &ruleset->rules[r]);
    for (uint16_t t = 0; t < ruleset->schema_count; t++)
      if (needs.types[t]) need_of_type(&needs, t);
  }
}
