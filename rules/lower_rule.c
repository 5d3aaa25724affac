/* lower_rule.c - one rule: what it is called, when it fires, what it tells; and what each event type feeds. */
#include "base/check.h"
#include "rules/check.h"
#include "rules/lower.h"
#include "rules/parts.h"

static bool given(const struct rule_tree *tree, enum clause clause) { return (tree->given & 1u << clause) != 0; }

static struct slice *slices_of_names(struct lower *lower, const struct name *names, uint16_t count) {
  struct slice *slices = arena_array(lower->arena, struct slice, count);
  for (uint16_t i = 0; i < count; i++) slices[i] = lower_shared(lower, names[i].text);
  return slices;
}

static void lower_words(struct lower *lower, const struct rule_tree *tree, struct rule *rule) {
  rule->name = lower_slice(lower, tree->name.text);
  if (tree->has_description) rule->description = lower_slice(lower, tree->description);
  rule->has_description = tree->has_description;
  rule->owner = lower_shared(lower, tree->rare->owner);
  rule->runbook = lower_shared(lower, tree->rare->runbook);
  rule->version = 1;
  rule->severity = tree->severity;
  rule->has_score = given(tree, CLAUSE_SCORE);
  rule->score = tree->score;
  rule->action = lower_shared(lower, tree->rare->action.text);
  rule->action_for_us = given(tree, CLAUSE_ACTION) ? tree->rare->action_for_us : -1;
  rule->mode = tree->mode == MODE_NONE ? MODE_LIVE : tree->mode;
  struct slice *tags = arena_array(lower->arena, struct slice, tree->tag_count);
  for (uint16_t i = 0; i < tree->tag_count; i++) tags[i] = lower_shared(lower, tree->tags[i]);
  rule->tag_count = tree->tag_count;
  rule->tags = tags;
  rule->with_because = given(tree, CLAUSE_BECAUSE);
  rule->matched_fields = given(tree, CLAUSE_MATCHED_FIELDS);
  rule->to_nothing = tree->to_nothing;
  rule->sink_count = tree->to_count;
  rule->sinks = slices_of_names(lower, tree->to, tree->to_count);
  rule->within_us = tree->within_us;
  rule->suppress_us = tree->suppress_us;
  rule->tree = tree;
}

/* When and for whom it is told. */
static void lower_life(struct lower *lower, const struct rule_tree *tree, struct rule *rule) {
  const struct rule_rare *rare = tree->rare;
  if (!given(tree, CLAUSE_ACTIVE) && !given(tree, CLAUSE_SCHEDULE) && !given(tree, CLAUSE_CANARY)) return;
  struct rule_life *life = arena_new(lower->arena, struct rule_life);
  life->active_from_us = rare->active_from_given ? rare->active_from_us : INT64_MIN;
  life->active_until_us = rare->active_until_given ? rare->active_until_us : INT64_MAX;
  life->canary_percent = given(tree, CLAUSE_CANARY) ? rare->canary_percent : -1;
  if (given(tree, CLAUSE_SCHEDULE)) {
    struct schedule_error error;
    check(schedule_parse(lower->arena, rare->schedule, &life->schedule, &error)); /* the checker has read it too */
    if (rare->schedule_zone.length > 0)
      life->schedule_zone = lower_zone(lower, rare->schedule_zone, tree_clause_span(tree, CLAUSE_SCHEDULE));
  }
  rule->life = life;
}

static uint16_t list_number(const struct tree *tree, struct slice name) {
  uint16_t low = 0;
  for (uint16_t high = tree->list_count; low < high;) { /* they are in byte order */
    uint16_t middle = (uint16_t)((low + high) / 2);
    if (slice_compare(tree->lists[middle]->name.text, name) < 0)
      low = (uint16_t)(middle + 1);
    else
      high = middle;
  }
  check(low < tree->list_count && slice_equal(tree->lists[low]->name.text, name));
  return low;
}

/* What `add` and `remove` name: an emitted field, a part of the key, or a field of the one event; check_rule.c looks
 * in the same order. */
static struct list_change list_change(const struct lower *lower, const struct rule_tree *tree, const struct rule *rule,
                                      const struct list_action *action) {
  struct list_change change = {.list = list_number(lower->tree, action->list.text), .for_us = action->for_us};
  for (uint16_t i = 0; i < tree->emit_count; i++) {
    if (!slice_equal(tree->emit[i].name.text, action->field.text)) continue;
    change.index = i;
    return change;
  }
  for (uint16_t i = 0; tree->key != NULL && i < tree->key->part_count; i++) {
    if (!slice_equal(tree->key->parts[i].name.text, action->field.text)) continue;
    change.key = true;
    change.index = i;
    return change;
  }
  const struct schema *schema = &lower->ruleset->schemas[rule->on_type];
  check(rule->on);
  change.event = true;
  for (uint16_t i = 0; i < schema->field_count; i++)
    if (slice_equal(schema->fields[i].name, action->field.text)) change.index = schema->fields[i].slot;
  return change;
}

static void lower_list_changes(struct lower *lower, const struct rule_tree *tree, struct rule *rule) {
  const struct rule_rare *rare = tree->rare;
  uint16_t count = (uint16_t)(rare->add_count + rare->remove_count);
  struct list_change *changes = arena_array(lower->arena, struct list_change, count);
  for (uint16_t i = 0; i < rare->add_count; i++) changes[i] = list_change(lower, tree, rule, &rare->add[i]);
  for (uint16_t i = 0; i < rare->remove_count; i++) {
    changes[rare->add_count + i] = list_change(lower, tree, rule, &rare->remove[i]);
    changes[rare->add_count + i].remove = true;
  }
  rule->list_change_count = count;
  rule->list_changes = changes;
}

static void lower_steps(struct lower *lower, const struct rule_tree *tree, struct rule *rule) {
  struct rule_step *steps = arena_array(lower->arena, struct rule_step, tree->step_count);
  for (uint16_t s = 0; s < tree->step_count; s++)
    steps[s] = (struct rule_step){.name = lower_shared(lower, tree->steps[s].name.text), .type = tree->steps[s].type};
  rule->step_count = tree->step_count;
  rule->steps = steps;
}

/* Those of the part, if it is one: with the event that begins it, whose id is above all others. */
uint16_t *lower_types(struct lower *lower, const struct rule_tree *tree, const struct part_lowering *part,
                      uint16_t *count) {
  uint16_t *types = arena_array(lower->arena, uint16_t, tree->type_count + 1u);
  for (uint16_t t = 0; t < tree->type_count; t++) types[t] = tree->types[t];
  *count = tree->type_count;
  if (part != NULL && part->number > 0) types[(*count)++] = part->schema;
  return types;
}

/* The scope of what is said of a finished match: emit, because. */
static struct lower_scope match_scope(const struct rule_tree *tree, const struct rule *rule,
                                      struct lower_registers *registers) {
  return (struct lower_scope){
      .rule = tree, .type = rule->on ? rule->on_type : LOWER_NO_TYPE, .registers = registers, .one_event = rule->on};
}

static void lower_emit(struct lower *lower, const struct rule_tree *tree, struct rule *rule,
                       struct lower_registers *registers) {
  struct lower_scope scope = match_scope(tree, rule, registers);
  struct end_asks asked = {0};
  scope.end_asks = &asked;
  struct emit_entry *entries = arena_array(lower->arena, struct emit_entry, tree->emit_count);
  lower->by_time = !rule->on;
  for (uint16_t i = 0; i < tree->emit_count; i++) {
    const struct tree_expr *expr = tree->emit[i].expr;
    struct secret_info secret = tree_expr_secret(lower->tree, tree, rule->types, rule->type_count, expr);
    entries[i] = (struct emit_entry){.name = lower_shared(lower, tree->emit[i].name.text),
                                     .expr = lower_compiled(lower, &scope, expr),
                                     .type = expr->cast.kind == VALUE_NULL ? expr->type : expr->cast,
                                     .secret = secret.form,
                                     .mask_head = secret.mask_head,
                                     .mask_tail = secret.mask_tail};
  }
  lower->by_time = false;
  rule->emit_count = tree->emit_count;
  rule->emit = entries;
  rule->asked_count = asked.count;
  rule->asked = asked.items;
  if (tree->suppress_unless != NULL) rule->suppress_unless = lower_compiled(lower, &scope, tree->suppress_unless);
}

static struct message_part message_part(struct lower *lower, const struct rule *rule,
                                        const struct message_part_tree *from) {
  struct message_part part = {.text = from->text};
  const struct key_space *space = &lower->keys.spaces[rule->key_space];
  uint16_t i = from->ref.index;
  if (from->text.data != NULL) {
    part.text = lower_slice(lower, from->text);
  } else if (from->ref.kind == REF_EMIT) {
    part = (struct message_part){.bank = BANK_EMIT,
                                 .index = i,
                                 .secret = rule->emit[i].secret,
                                 .mask_head = rule->emit[i].mask_head,
                                 .mask_tail = rule->emit[i].mask_tail};
  } else if (from->ref.kind == REF_KEY) {
    part = (struct message_part){.bank = BANK_KEY,
                                 .index = i,
                                 .secret = space->secrets[i],
                                 .mask_head = space->mask_heads[i],
                                 .mask_tail = space->mask_tails[i]};
  } else {
    const struct schema_field *field = lower_field(lower, rule->on_type, from->ref.field);
    part = (struct message_part){.bank = BANK_EVENT,
                                 .index = field->slot,
                                 .secret = field->secret,
                                 .mask_head = field->mask_head,
                                 .mask_tail = field->mask_tail};
  }
  return part;
}

static void lower_message(struct lower *lower, const struct rule_tree *tree, struct rule *rule) {
  struct message_part *parts = arena_array(lower->arena, struct message_part, tree->message_part_count);
  for (uint16_t i = 0; i < tree->message_part_count; i++) parts[i] = message_part(lower, rule, &tree->message_parts[i]);
  rule->message_count = tree->message_part_count;
  rule->message = parts;
}

static void lower_reasons(struct lower *lower, const struct rule_tree *tree, struct rule *rule,
                          struct lower_registers *registers) {
  struct lower_scope scope = match_scope(tree, rule, registers);
  struct rule_step *steps = (struct rule_step *)(uintptr_t)rule->steps;
  for (uint16_t s = 0; s < rule->step_count; s++) {
    scope.type = steps[s].type;
    if (tree->part_count > 0) { /* counters are kept by the key of the step's part, and were asked in its pass */
      scope.rule = parts_view(&lower->scratch, tree, parts_of_step(tree, s));
      lower->level = scope.rule->level & (LEVELS_MAX - 1);
    }
    const struct element *element = tree->steps[s].element;
    steps[s].because = rule->on ? lower_because(lower, &scope, tree->on.condition, tree->when)
                                : lower_because(lower, &scope, element->use.condition, NULL);
  }
  lower->level = tree->level & (LEVELS_MAX - 1);
}

/* The counters and models that the rule asked while it was lowered. */
void lower_used(struct lower *lower, struct rule *rule) {
  struct counter_lowering *c = &lower->counters;
  uint16_t *used = arena_array(lower->arena, uint16_t, c->used_count);
  if (c->used_count > 0) memcpy(used, c->used, c->used_count * sizeof *used);
  rule->counter_count = c->used_count;
  rule->counters = used;
  c->used_count = 0;
  struct model_ask *asks = arena_array(lower->arena, struct model_ask, lower->model_asks.count);
  if (lower->model_asks.count > 0) memcpy(asks, lower->model_asks.items, lower->model_asks.count * sizeof *asks);
  rule->model_ask_count = lower->model_asks.count;
  rule->model_asks = asks;
  lower->model_asks.count = 0;
}

/* What is told is said by the last part, of the steps of all: `tree` is the rule as that part sees it, then. */
void lower_rule(struct lower *lower, const struct rule_tree *whole, struct rule *rule) {
  const struct rule_tree *tree =
      parts_view(&lower->scratch, whole, (uint16_t)(whole->part_count > 0 ? whole->part_count - 1 : 0));
  lower_words(lower, tree, rule);
  rule->tree = whole;
  lower_life(lower, tree, rule);
  lower_steps(lower, tree, rule);
  struct part_lowering *part = lower_parts(lower, whole, rule);
  rule->types = lower_types(lower, tree, part, &rule->type_count);
  rule->key_space = key_plan_space(&lower->keys, lower->ruleset->schemas, tree);
  if (part != NULL) key_plan_enter(&lower->keys, rule->key_space, part->schema, PART_KEY_SLOT);
  rule->on = tree->pattern == NULL;
  rule->on_condition.predicate = PREDICATE_TRUE;
  if (rule->on) {
    rule->on_type = tree->on.type;
    struct lower_scope scope = {.rule = tree, .type = rule->on_type, .one_event = true};
    rule->on_condition = lower_condition(lower, &scope, tree->on.condition, tree->when);
  } else {
    rule->pattern = lower_pattern(lower, tree, rule, part);
    lower_part_carried(lower, part, rule);
  }
  struct lower_registers registers = {0};
  lower_emit(lower, tree, rule, &registers);
  lower_message(lower, tree, rule);
  lower_list_changes(lower, tree, rule);
  if (rule->with_because) lower_reasons(lower, tree, rule, &registers);
  rule->emit_register_count = registers.count;
  struct pattern_register *kept = arena_array(lower->arena, struct pattern_register, registers.count);
  if (registers.count > 0) memcpy(kept, registers.items, registers.count * sizeof *kept);
  rule->emit_registers = kept;
  lower_used(lower, rule);
}

/* ---- what each event type feeds ---- */

struct use_lists {
  uint16_t *rules, *spaces, *all_spaces, *deriveds;
};

static void add_once(uint16_t *items, uint16_t *count, uint16_t item) {
  for (uint16_t i = 0; i < *count; i++) {
    if (items[i] == item) return;
  }
  items[(*count)++] = item;
}

static void use_rules(struct lower *lower, struct type_use *uses, struct use_lists *lists) {
  struct ruleset *ruleset = lower->ruleset;
  for (uint16_t r = 0; r < ruleset->rule_count; r++) {
    const struct rule *rule = &ruleset->rules[r];
    if (rule->mode == MODE_OFF) continue;
    for (uint16_t t = 0; t < rule->type_count; t++) {
      uint16_t type = rule->types[t];
      lists[type].rules[uses[type].rule_count++] = r;
      add_once(lists[type].all_spaces, &uses[type].all_space_count, rule->key_space);
      if (!rule->on) add_once(lists[type].spaces, &uses[type].space_count, rule->key_space);
    }
  }
}

/* In the order of their names, which is the order of their types. */
static void use_deriveds(const struct ruleset *ruleset, struct type_use *uses, struct use_lists *lists) {
  for (uint16_t d = 0; d < ruleset->derived_count; d++) {
    for (uint16_t f = 0; f < ruleset->deriveds[d].from_count; f++) {
      uint16_t type = ruleset->deriveds[d].from[f].type, *items = lists[type].deriveds;
      uint16_t at = uses[type].derived_count++;
      for (; at > 0 && ruleset->deriveds[items[at - 1]].schema > ruleset->deriveds[d].schema; at--)
        items[at] = items[at - 1];
      items[at] = d;
    }
  }
}

/* Where a type's ask stands: those that look at what was before the event come first, then by population. */
static uint32_t ask_place(const struct ruleset *ruleset, const struct counter_ask *ask) {
  const struct counter_plan *counter = &ruleset->counters[ask->counter];
  return (counter->before ? 0 : ruleset->population_count) + (uint32_t)counter->population;
}

static const struct counter_ask *sorted_asks(struct lower *lower, const struct asks *asks, uint32_t *firsts) {
  const struct ruleset *ruleset = lower->ruleset;
  struct counter_ask *sorted = arena_array(lower->arena, struct counter_ask, asks->count);
  memset(firsts, 0, (2u * ruleset->population_count + 1) * sizeof *firsts);
  for (uint16_t i = 0; i < asks->count; i++) firsts[ask_place(ruleset, &asks->items[i]) + 1]++;
  for (uint32_t p = 1; p <= 2u * ruleset->population_count; p++) firsts[p] += firsts[p - 1];
  for (uint16_t i = 0; i < asks->count; i++) sorted[firsts[ask_place(ruleset, &asks->items[i])]++] = asks->items[i];
  return sorted;
}

static void use_counters(struct lower *lower, struct type_use *uses) {
  const struct ruleset *ruleset = lower->ruleset;
  for (uint16_t p = 0; p < ruleset->population_count; p++) uses[ruleset->populations[p].type].population_count++;
  uint16_t **items = arena_array(&lower->work, uint16_t *, ruleset->schema_count);
  uint32_t *firsts = arena_array(&lower->work, uint32_t, 2u * ruleset->population_count + 2);
  for (uint16_t t = 0; t < ruleset->schema_count; t++) {
    const struct asks *asks = &lower->counters.asks[t];
    uses[t].populations = items[t] = arena_array(lower->arena, uint16_t, uses[t].population_count);
    uses[t].ask_count = asks->count;
    if (asks->count > 0) uses[t].asks = sorted_asks(lower, asks, firsts);
  }
  for (uint16_t p = 0; p < ruleset->population_count; p++) *items[ruleset->populations[p].type]++ = p;
}

void lower_uses(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  uint16_t count = ruleset->schema_count;
  struct type_use *uses = arena_array(lower->arena, struct type_use, count);
  struct use_lists *lists = arena_array(&lower->work, struct use_lists, count);
  uint32_t *rules = arena_array(&lower->work, uint32_t, count);
  for (uint16_t r = 0; r < ruleset->rule_count; r++) {
    for (uint16_t t = 0; t < ruleset->rules[r].type_count; t++) rules[ruleset->rules[r].types[t]]++;
  }
  for (uint16_t t = 0; t < count; t++) {
    lists[t].rules = arena_array(lower->arena, uint16_t, rules[t]);
    lists[t].spaces =
        arena_array(lower->arena, uint16_t, rules[t] < ruleset->space_count ? rules[t] : ruleset->space_count);
    lists[t].all_spaces =
        arena_array(lower->arena, uint16_t, rules[t] < ruleset->space_count ? rules[t] : ruleset->space_count);
    uint32_t deriveds = 0;
    for (uint16_t d = 0; d < ruleset->derived_count; d++) {
      for (uint16_t f = 0; f < ruleset->deriveds[d].from_count; f++) deriveds += ruleset->deriveds[d].from[f].type == t;
    }
    lists[t].deriveds = arena_array(lower->arena, uint16_t, deriveds);
  }
  use_deriveds(ruleset, uses, lists);
  use_counters(lower, uses);
  use_rules(lower, uses, lists);
  for (uint16_t t = 0; t < count; t++) {
    uses[t].rules = lists[t].rules;
    uses[t].spaces = lists[t].spaces;
    uses[t].all_spaces = lists[t].all_spaces;
    uses[t].derived = lists[t].deriveds;
  }
  ruleset->uses = uses;
}
