/* lower_stage.c - what stands between rules: alerts as events, groups, lists and tables that change, and the passes
 * (levels) in which all of it is worked on. The levels themselves are the checker's (check_stage.c). */
#include "base/check.h"
#include "rules/check.h"
#include "rules/lower.h"
#include "rules/parts.h"

/* The compiled rule of a tree's; NULL: it is left out (explain of what cannot run yet). */
static struct rule *rule_of(const struct lower *lower, const struct rule_tree *tree) {
  for (uint16_t low = 0, high = lower->ruleset->named_rule_count; low < high;) { /* both are in byte order of name */
    uint16_t middle = (uint16_t)(low + (high - low) / 2);
    int order = slice_compare(lower->ruleset->rules[middle].name, tree->name.text);
    if (order == 0) return &lower->ruleset->rules[middle];
    if (order < 0)
      low = (uint16_t)(middle + 1);
    else
      high = middle;
  }
  return NULL;
}

/* A name as an emitted field of the rule, else as a part of its key. */
static bool find_in_alert(const struct rule_tree *rule, struct slice name, bool *key, uint16_t *index) {
  for (uint16_t i = 0; i < rule->emit_count; i++) {
    if (!slice_equal(rule->emit[i].name.text, name)) continue;
    *key = false;
    *index = i;
    return true;
  }
  const struct key_tree *told = parts_told_key(rule);
  for (uint16_t p = 0; told != NULL && p < told->part_count; p++) {
    if (!slice_equal(told->parts[p].name.text, name)) continue;
    *key = true;
    *index = p;
    return true;
  }
  return false;
}

static void lower_alert_events(struct lower *lower) {
  for (uint16_t t = 0; t < lower->tree->type_count; t++) {
    const struct type_info *info = &lower->tree->types[t];
    if (info->origin != TYPE_OF_ALERTS) continue;
    struct rule *rule = rule_of(lower, info->rule);
    if (rule == NULL) continue;
    const struct schema *schema = &lower->ruleset->schemas[t];
    struct alert_slot *slots = arena_array(lower->arena, struct alert_slot, schema->asked_first + 1u);
    for (uint16_t f = 0; f < schema->field_count; f++) {
      bool key = false;
      uint16_t index = 0;
      if (!schema->fields[f].used) continue;
      check(find_in_alert(info->rule, schema->fields[f].name, &key, &index));
      slots[schema->fields[f].slot] = (struct alert_slot){key ? ALERT_SLOT_KEY : ALERT_SLOT_EMIT, index};
    }
    struct alert_event *event = arena_new(lower->arena, struct alert_event);
    *event = (struct alert_event){.schema = t, .slots = slots};
    rule->alert_event = event;
  }
}

/* ---- groups ---- */

static int compare_bands(const void *left, const void *right) {
  const struct group_band *a = left, *b = right;
  return (a->at < b->at) - (a->at > b->at);
}

static void lower_group_key(struct lower *lower, const struct group_tree *tree, struct group_plan *plan) {
  uint16_t parts = tree->key == NULL || tree->key->none ? 0 : tree->key->part_count;
  struct slice *names = arena_array(lower->arena, struct slice, parts);
  struct type *types = arena_array(lower->arena, struct type, parts);
  enum secret_form *secrets = arena_array(lower->arena, enum secret_form, parts);
  uint16_t *heads = arena_array(lower->arena, uint16_t, parts), *tails = arena_array(lower->arena, uint16_t, parts);
  for (uint16_t p = 0; p < parts; p++) names[p] = lower_shared(lower, tree->key->parts[p].name.text);
  for (uint16_t m = 0; m < plan->member_count; m++) {
    const struct rule *rule = &lower->ruleset->rules[plan->members[m].rule];
    const struct key_space *space = &lower->ruleset->spaces[rule->key_space];
    for (uint16_t p = 0; p < parts; p++) {
      struct group_part part = plan->members[m].parts[p];
      const struct emit_entry *entry = part.key ? NULL : &rule->emit[part.index];
      types[p] = part.key ? space->types[part.index] : entry->type;
      enum secret_form secret = part.key ? space->secrets[part.index] : entry->secret;
      if (secret == SECRET_NONE) continue;
      secrets[p] = secret;
      heads[p] = part.key ? space->mask_heads[part.index] : entry->mask_head;
      tails[p] = part.key ? space->mask_tails[part.index] : entry->mask_tail;
    }
  }
  plan->key_count = parts;
  plan->key_names = names;
  plan->key_types = types;
  plan->secrets = secrets;
  plan->mask_heads = heads;
  plan->mask_tails = tails;
}

static void lower_group(struct lower *lower, const struct group_tree *tree, struct group_plan *plan) {
  *plan = (struct group_plan){.name = lower_slice(lower, tree->name.text),
                              .over_us = tree->over_us,
                              .score_sum = tree->score_sum,
                              .sum_all = tree->sum_all,
                              .score_max = tree->score_max,
                              .decay_us = tree->decay_us};
  uint16_t parts = tree->key == NULL || tree->key->none ? 0 : tree->key->part_count;
  struct group_member *members = arena_array(lower->arena, struct group_member, tree->rule_count);
  for (uint16_t i = 0; i < tree->rule_count; i++) {
    const struct rule_tree *member = tree_rule_find(lower->tree, tree->rules[i].text);
    const struct rule *rule = member == NULL ? NULL : rule_of(lower, member);
    if (rule == NULL) continue;
    struct group_part *from = arena_array(lower->arena, struct group_part, parts + 1u);
    for (uint16_t p = 0; p < parts; p++)
      check(find_in_alert(member, tree->key->parts[p].name.text, &from[p].key, &from[p].index));
    members[plan->member_count++] = (struct group_member){.rule = rule->id, .parts = from};
    if (rule->level >= plan->level) plan->level = (uint16_t)(rule->level + 1);
  }
  plan->members = members;
  lower_group_key(lower, tree, plan);
  struct group_band *bands = arena_array(lower->arena, struct group_band, tree->band_count);
  for (uint16_t b = 0; b < tree->band_count; b++)
    bands[b] = (struct group_band){.action = lower_shared(lower, tree->bands[b].action.text),
                                   .at = tree->bands[b].at,
                                   .for_us = tree->bands[b].for_us};
  if (tree->band_count > 0) qsort(bands, tree->band_count, sizeof *bands, compare_bands);
  plan->band_count = tree->band_count;
  plan->bands = bands;
  struct slice *sinks = arena_array(lower->arena, struct slice, tree->to_count);
  for (uint16_t i = 0; i < tree->to_count; i++) sinks[i] = lower_shared(lower, tree->to[i].text);
  plan->sink_count = tree->to_count;
  plan->sinks = sinks;
}

static int compare_groups(const void *left, const void *right) {
  const struct group_plan *a = left, *b = right;
  return slice_compare(a->name, b->name);
}

static void lower_groups(struct lower *lower) {
  uint16_t count = 0;
  for (uint32_t d = 0; d < lower->tree->decl_count; d++)
    if (lower->tree->decls[d].kind == DECL_GROUP) count++;
  struct group_plan *plans = arena_array(lower->arena, struct group_plan, count);
  for (uint32_t d = 0; d < lower->tree->decl_count; d++)
    if (lower->tree->decls[d].kind == DECL_GROUP)
      lower_group(lower, lower->tree->decls[d].group, &plans[lower->ruleset->group_count++]);
  if (count > 0) qsort(plans, count, sizeof *plans, compare_groups);
  lower->ruleset->groups = plans;
}

/* ---- tables from events ---- */

static void lower_live_tables(struct lower *lower) {
  for (uint16_t i = 0; i < lower->ruleset->table_count; i++) {
    const struct table_tree *tree = lower->tree->tables[i];
    struct table_def *table = &lower->ruleset->tables[i];
    if (tree->from_event.text.length == 0) continue;
    const struct type_info *info = tree_type_find(lower->tree, tree->from_event.text);
    check(info != NULL);
    const struct schema *schema = &lower->ruleset->schemas[info->id];
    uint16_t *slots = arena_array(lower->arena, uint16_t, table->column_count);
    table->live = true;
    table->ttl_on_read = tree->on_read;
    table->ttl_us = tree->ttl_us;
    table->from_type = info->id;
    table->level = tree->level;
    for (uint16_t f = 0; f < schema->field_count; f++) {
      if (slice_equal(schema->fields[f].name, tree->key.text)) {
        check(schema->fields[f].used);
        table->key_slot = schema->fields[f].slot;
      }
      for (uint16_t c = 0; c < table->column_count; c++)
        if (slice_equal(schema->fields[f].name, table->columns[c])) {
          check(schema->fields[f].used);
          slots[c] = schema->fields[f].slot;
        }
    }
    table->column_slots = slots;
  }
}

static void lower_live_lists(struct lower *lower) {
  for (uint16_t i = 0; i < lower->ruleset->list_count; i++) {
    const struct list_tree *tree = lower->tree->lists[i];
    struct list_def *list = &lower->ruleset->lists[i];
    list->ttl_us = tree->ttl_us;
    list->visible_after_us = tree->visible_after_us;
    list->level = tree->level;
  }
  for (uint16_t r = 0; r < lower->tree->rule_count; r++) {
    const struct rule_rare *rare = lower->tree->rules[r]->rare;
    for (uint16_t i = 0; i < rare->add_count + rare->remove_count; i++) {
      struct slice name = i < rare->add_count ? rare->add[i].list.text : rare->remove[i - rare->add_count].list.text;
      for (uint16_t l = 0; l < lower->ruleset->list_count; l++)
        if (slice_equal(lower->ruleset->lists[l].name, name)) lower->ruleset->lists[l].live = true;
    }
  }
}

/* Lists and tables that change, before anything asks them. */
void lower_live(struct lower *lower) {
  lower_live_tables(lower);
  lower_live_lists(lower);
}

/* ---- passes ---- */

/* Which groups a rule's alerts go to. */
static void lower_members(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  for (int round = 0; round < 2; round++) {
    for (uint16_t r = 0; r < ruleset->rule_count && round == 1; r++) {
      if (ruleset->rules[r].member_count == 0) continue;
      ruleset->rules[r].members = arena_array(lower->arena, struct rule_member, ruleset->rules[r].member_count);
      ruleset->rules[r].member_count = 0;
    }
    for (uint16_t g = 0; g < ruleset->group_count; g++) {
      for (uint16_t m = 0; m < ruleset->groups[g].member_count; m++) {
        struct rule *rule = &ruleset->rules[ruleset->groups[g].members[m].rule];
        struct rule_member *members = (struct rule_member *)(uintptr_t)rule->members;
        if (round == 1) members[rule->member_count] = (struct rule_member){g, m};
        rule->member_count++;
      }
    }
  }
}

/* A list that is asked by a pass before one that fills it, a table that several passes keep by asking, or one of them
 * that is asked when time passes: as it stood then, before the next event. */
static bool asked_before_changed(const struct lower *lower) {
  if (lower->time_asks) return true;
  for (uint16_t t = 0; t < lower->ruleset->table_count; t++) {
    const struct table_def *table = &lower->ruleset->tables[t];
    if (table->live && table->ttl_on_read && table->ttl_us >= 0 && (table->asked & (table->asked - 1)) != 0)
      return true;
  }
  for (uint16_t l = 0; l < lower->ruleset->list_count; l++) {
    const struct list_def *list = &lower->ruleset->lists[l];
    if (list->live && list->level > 1 && (list->asked & (((uint64_t)1 << (list->level - 1)) - 1)) != 0) return true;
  }
  return false;
}

/* The name of what stands above all else. */
static struct span last_stage(const struct lower *lower) {
  const struct tree *tree = lower->tree;
  struct span span = {0};
  uint16_t highest = 0;
  for (uint16_t d = 0; d < tree->derived_count; d++) {
    if (tree->types[tree->deriveds[d]->schema].level < highest) continue;
    highest = tree->types[tree->deriveds[d]->schema].level;
    span = tree->deriveds[d]->name.span;
  }
  for (uint16_t r = 0; r < tree->rule_count; r++) {
    if (tree->rules[r]->level < highest) continue;
    highest = tree->rules[r]->level;
    span = tree->rules[r]->name.span;
  }
  return span;
}

void lower_stages(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  uint16_t highest = 0;
  for (uint16_t r = 0; r < lower->tree->rule_count; r++) {
    struct rule *rule = rule_of(lower, lower->tree->rules[r]);
    if (rule == NULL) continue;
    rule->level = lower->tree->rules[r]->level;
    rule->stage = lower->tree->rules[r]->stage;
    for (uint16_t p = 0; rule->parts != NULL && p + 1 < rule->parts->count; p++)
      ruleset->rules[rule->parts->first + p].stage = lower->tree->rules[r]->parts[p].stage;
    if (rule->level > highest) highest = rule->level;
  }
  struct window_plan *windows = (struct window_plan *)(uintptr_t)ruleset->windows;
  for (uint16_t w = 0; w < ruleset->window_count; w++) {
    windows[w].level = (uint16_t)(lower->tree->types[windows[w].schema].level - 1);
    if (windows[w].level > highest) highest = windows[w].level;
  }
  struct join_plan *joins = (struct join_plan *)(uintptr_t)ruleset->joins;
  for (uint16_t j = 0; j < ruleset->join_count; j++) {
    joins[j].level = (uint16_t)(lower->tree->types[joins[j].schema].level - 1);
    if (joins[j].level > highest) highest = joins[j].level;
  }
  for (uint16_t d = 0; d < ruleset->derived_count; d++)
    ruleset->deriveds[d].level = lower->tree->types[ruleset->deriveds[d].schema].level;
  lower_alert_events(lower);
  lower_groups(lower);
  lower_members(lower);
  ruleset->event_rounds = asked_before_changed(lower);
  for (uint16_t g = 0; g < ruleset->group_count; g++)
    if (ruleset->groups[g].level > highest) highest = ruleset->groups[g].level;
  if (highest >= LEVELS_MAX)
    lower_error(lower, last_stage(lower), "level-limit", NULL,
                "more than %d windows, joins, alerts as events and filled lists stand one upon the other", LEVELS_MAX);
  ruleset->level_count = (uint16_t)(highest + 1);
}
