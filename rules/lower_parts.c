/* lower_parts.c - a rule whose key changes becomes several: one for each part of its pattern.
 *
 * The last part is the rule itself; those before tell nobody, and stand in the rule set behind all rules that have a
 * name. Each makes events of a schema of its own, with which the pattern of the next part begins: they have the new key
 * and what later conditions read of earlier steps. Called by lower_rule.c and lower_event.c. */
#include "base/check.h"
#include "base/limits.h"
#include "rules/lower.h"
#include "rules/parts.h"

enum { IDS_MAX = LIMIT_EVENT_TYPES };

bool lower_parts_room(struct lower *lower) {
  const struct tree *tree = lower->tree;
  uint32_t named = 0, former = 0;
  const struct rule_tree *last = NULL;
  for (uint16_t r = 0; r < tree->rule_count; r++) {
    const struct rule_tree *rule = tree->rules[r];
    if (rule->not_yet) continue;
    named++;
    if (rule->part_count == 0) continue;
    former += rule->part_count - 1u;
    last = rule;
  }
  if (last != NULL && (named + former > IDS_MAX || tree->type_count + former > IDS_MAX)) {
    lower_error(lower, last->name.span, "too-many", NULL,
                "rules and event types, and the parts of rules whose key changes, are more than %d", IDS_MAX);
    return false;
  }
  lower->named_rules = (uint16_t)named;
  lower->former_parts = (uint16_t)former;
  return true;
}

void lower_parts_schemas(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  for (uint16_t i = 0; i < lower->former_parts; i++) {
    uint16_t id = (uint16_t)(lower->tree->type_count + i);
    ruleset->schemas[id] = (struct schema){.id = id,
                                           .derived = true,
                                           .unique_field = -1,
                                           .time_field = -1,
                                           .ahead_us = -1,
                                           .behind_us = -1,
                                           .jump_us = -1,
                                           .jump_confirm = -1,
                                           .slot_count = PART_SLOTS,
                                           .fields = arena_array(lower->arena, struct schema_field, 1)};
    lower->kept[id] = arena_array(&lower->work, bool, PART_SLOTS);
    lower->kept_capacity[id] = PART_SLOTS;
  }
}

static struct slice part_name(struct lower *lower, struct slice rule, unsigned number) {
  return slice_of(arena_printf(lower->arena, SLICE_FMT ", part %u", SLICE_ARG(rule), number));
}

/* The part behind another: its events begin with the new key. */
static void carry_key(struct lower *lower, const struct rule_tree *tree, struct part_lowering *part) {
  const struct rekey *rekey = tree->parts[part->number].rekey;
  uint16_t type = tree->steps[rekey->step_index].type;
  const struct schema_field *field = lower_field(lower, type, rekey->step_field_index);
  struct pattern_register wanted = {.aggregate = REGISTER_LAST,
                                    .step = rekey->step_index,
                                    .slot = field->slot,
                                    .field = field->type,
                                    .type = field->type};
  check(field->used);
  lower_keep(lower, type, field->slot);
  (void)lower_part_slot(lower, part, &wanted, rekey->field.span);
}

void lower_part_carried(struct lower *lower, struct part_lowering *part, const struct rule *rule) {
  if (part == NULL || part->number == 0) return;
  struct ruleset *ruleset = lower->ruleset;
  struct schema *schema = &ruleset->schemas[part->schema];
  struct pattern_register *registers = arena_array(lower->arena, struct pattern_register, part->carried.count);
  memcpy(registers, part->carried.items, part->carried.count * sizeof *registers);
  const struct rule *former = &ruleset->rules[rule->parts->first + part->number - 1];
  struct part_event *made = (struct part_event *)(uintptr_t)former->parts->made;
  made->registers = registers;
  made->register_count = part->carried.count;
  schema->asked_first = schema->slot_count;
  for (uint16_t slot = 0; slot < schema->slot_count; slot++) lower_keep(lower, part->schema, slot);
}

/* Its pattern tells all that is complete, and nothing is skipped: what is told is the last part's to say. */
static const struct rule_tree *former_view(struct lower *lower, const struct rule_tree *tree, uint16_t number) {
  struct rule_tree *view = arena_new(&lower->scratch, struct rule_tree);
  *view = *parts_view(&lower->scratch, tree, number);
  view->report = REPORT_ALL;
  view->report_limit = INT64_MAX;
  view->after = AFTER_OVERLAP;
  return view;
}

static struct rule_step *own_steps(struct lower *lower, const struct rule_tree *tree, const struct part_lowering *part,
                                   struct slice begin, uint16_t *count) {
  uint16_t end = part->number + 1 < tree->part_count ? tree->parts[part->number + 1].first_step : tree->step_count;
  struct rule_step *steps = arena_array(lower->arena, struct rule_step, end - part->first_step + 1u);
  *count = 0;
  if (part->number > 0) steps[(*count)++] = (struct rule_step){.name = begin, .type = part->schema};
  for (uint16_t s = part->first_step; s < end; s++)
    steps[(*count)++] =
        (struct rule_step){.name = lower_shared(lower, tree->steps[s].name.text), .type = tree->steps[s].type};
  return steps;
}

/* One part before the last, as a rule of its own. */
static void lower_former(struct lower *lower, const struct rule_tree *tree, const struct rule *whole,
                         struct part_lowering *part, struct rule *former) {
  struct ruleset *ruleset = lower->ruleset;
  const struct rule_tree *view = former_view(lower, tree, part->number);
  uint16_t made = (uint16_t)(lower->tree->type_count + lower->parts_made);
  *former = (struct rule){.id = (uint16_t)(lower->named_rules + lower->parts_made),
                          .name = part_name(lower, tree->name.text, part->number + 1u),
                          .version = whole->version,
                          .mode = whole->mode,
                          .level = view->level,
                          .action_for_us = -1,
                          .suppress_us = -1,
                          .to_nothing = true,
                          .within_us = tree->within_us,
                          .on_condition.predicate = PREDICATE_TRUE,
                          .tree = tree};
  ruleset->schemas[made].name = former->name;
  struct rule_parts *parts = arena_new(lower->arena, struct rule_parts);
  struct part_event *event = arena_new(lower->arena, struct part_event);
  event->schema = made;
  *parts = *whole->parts;
  parts->number = part->number;
  parts->first_step = part->first_step;
  parts->made = event;
  former->parts = parts;
  former->steps = own_steps(lower, tree, part, part->number > 0 ? ruleset->schemas[part->schema].name : former->name,
                            &former->step_count);
  former->types = lower_types(lower, view, part, &former->type_count);
  former->key_space = key_plan_space(&lower->keys, ruleset->schemas, view);
  if (part->number > 0) key_plan_enter(&lower->keys, former->key_space, part->schema, PART_KEY_SLOT);
  lower->level = view->level & (LEVELS_MAX - 1);
  former->pattern = lower_pattern(lower, view, former, part);
  lower_used(lower, former);
  lower_part_carried(lower, part, whole);
  lower->parts_made++;
}

struct part_lowering *lower_parts(struct lower *lower, const struct rule_tree *tree, struct rule *rule) {
  if (tree->part_count == 0) return NULL;
  struct rule_parts *parts = arena_new(lower->arena, struct rule_parts);
  *parts = (struct rule_parts){.number = (uint16_t)(tree->part_count - 1),
                               .count = tree->part_count,
                               .whole = rule->id,
                               .first = (uint16_t)(lower->named_rules + lower->parts_made),
                               .first_step = tree->parts[tree->part_count - 1].first_step};
  rule->parts = parts;
  struct part_lowering *part = NULL;
  for (uint16_t p = 0; p < tree->part_count; p++) {
    uint16_t before = (uint16_t)(lower->tree->type_count + lower->parts_made - 1);
    part = arena_new(&lower->scratch, struct part_lowering);
    *part = (struct part_lowering){
        .number = p, .first_step = tree->parts[p].first_step, .schema = p == 0 ? LOWER_NO_TYPE : before};
    if (p > 0) carry_key(lower, tree, part);
    if (p + 1 < tree->part_count)
      lower_former(lower, tree, rule, part, &lower->ruleset->rules[lower->named_rules + lower->parts_made]);
  }
  lower->level = tree->level & (LEVELS_MAX - 1);
  return part;
}
