/* lower_pattern.c - the elements of a `match` to the pattern compiler's nodes. */
#include "base/limits.h"
#include "rules/lower.h"

static enum pattern_connector connector_of(enum connector connector) {
  switch (connector) {
  case CONNECT_THEN_ANY: return PATTERN_THEN_ANY;
  case CONNECT_NEXT:
  case CONNECT_NEXT_NO: return PATTERN_NEXT;
  default: return PATTERN_THEN;
  }
}

static enum pattern_kind kind_of(enum element_kind kind) {
  switch (kind) {
  case ELEMENT_STEP: return PATTERN_STEP;
  case ELEMENT_GROUP: return PATTERN_GROUP;
  case ELEMENT_OR: return PATTERN_OR;
  case ELEMENT_AND: return PATTERN_AND;
  default: return PATTERN_ABSENCE;
  }
}

struct pattern_lowering {
  struct lower *lower;
  const struct rule_tree *tree;
  struct lower_registers *registers;
  struct part_lowering *part; /* NULL: the key does not change */
};

/* The number that the step has in the pattern. */
static uint16_t step_number(const struct part_lowering *part, uint16_t step) {
  if (part == NULL) return step;
  return step < part->first_step ? 0 : (uint16_t)(step - part->first_step + (part->number > 0));
}

/* One condition for each of `types`. */
static struct pattern_among *for_types(struct pattern_lowering *p, const struct tree_expr *expr, const uint16_t *types,
                                       uint16_t count) {
  struct pattern_among *all = arena_array(&p->lower->scratch, struct pattern_among, count);
  for (uint16_t i = 0; i < count; i++) {
    struct lower_scope scope = {
        .rule = p->tree, .type = types[i], .type_index = i, .registers = p->registers, .part = p->part};
    all[i] = (struct pattern_among){.type = types[i], .condition = lower_condition(p->lower, &scope, expr, NULL)};
  }
  return all;
}

static void lower_step(struct pattern_lowering *p, const struct element *element, struct pattern_node *node) {
  struct lower_scope scope = {.rule = p->tree, .type = element->use.type, .registers = p->registers, .part = p->part};
  node->step = element->kind == ELEMENT_STEP ? step_number(p->part, element->step) : 0;
  node->type = element->use.type;
  node->condition = lower_condition(p->lower, &scope, element->use.condition, NULL);
}

/* Recursion follows the pattern, whose depth is limited (PATTERN_DEPTH_MAX). */
static struct pattern_node *lower_element(struct pattern_lowering *p, const struct element *element) {
  struct lower *lower = p->lower;
  struct pattern_node *node = arena_new(&lower->scratch, struct pattern_node);
  *node = (struct pattern_node){.kind = kind_of(element->kind),
                                .connector = connector_of(element->connector),
                                .min = element->min,
                                .max = element->max == TIMES_UNLIMITED ? PATTERN_UNLIMITED : element->max,
                                .quantified = element->has_quantifier,
                                .strict = element->strict,
                                .greedy = element->greedy,
                                .each = element->each,
                                .any = element->any,
                                .gap_us = element->gap_us,
                                .for_us = element->for_us,
                                .child_count = element->child_count};
  if (element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE) lower_step(p, element, node);
  if (element->among != NULL) {
    node->has_among = true;
    node->among_count = p->tree->type_count;
    node->among = for_types(p, element->among, p->tree->types, p->tree->type_count);
  }
  if (element->until != NULL) {
    node->has_until = true;
    node->until_count = element->until_type_count;
    node->until = for_types(p, element->until, element->until_types, element->until_type_count);
  }
  node->children = arena_array(&lower->scratch, struct pattern_node *, element->child_count);
  for (uint16_t i = 0; i < element->child_count; i++) {
    node->children[i] = lower_element(p, element->children[i]);
    if (element->kind == ELEMENT_OR && element->children[i]->kind == ELEMENT_GROUP) node->fork = true;
  }
  return node;
}

static enum pattern_after after_of(const struct rule_tree *tree) {
  switch (tree->after) {
  case AFTER_PAST_LAST: return PATTERN_AFTER_PAST_LAST;
  case AFTER_TO_NEXT: return PATTERN_AFTER_TO_NEXT;
  case AFTER_TO_FIRST: return PATTERN_AFTER_TO_FIRST;
  case AFTER_TO_LAST: return PATTERN_AFTER_TO_LAST;
  case AFTER_OVERLAP: return PATTERN_AFTER_OVERLAP;
  default: return tree->report == REPORT_ALL ? PATTERN_AFTER_OVERLAP : PATTERN_AFTER_PAST_LAST;
  }
}

static enum pattern_report report_of(enum report report) {
  switch (report) {
  case REPORT_ALL: return PATTERN_REPORT_ALL;
  case REPORT_LONGEST: return PATTERN_REPORT_LONGEST;
  case REPORT_TIMEOUT: return PATTERN_REPORT_TIMEOUT;
  case REPORT_TIMEOUT_ONLY: return PATTERN_REPORT_TIMEOUT_ONLY;
  default: return PATTERN_REPORT_FIRST;
  }
}

/* The event of the part before stands at the beginning. */
static void begin_with(struct lower *lower, struct pattern_node *root, uint16_t type) {
  struct pattern_node *first = arena_new(&lower->scratch, struct pattern_node);
  *first = (struct pattern_node){.kind = PATTERN_STEP,
                                 .type = type,
                                 .condition.predicate = PREDICATE_TRUE,
                                 .min = 1,
                                 .max = 1,
                                 .gap_us = -1,
                                 .for_us = -1};
  struct pattern_node **children = arena_array(&lower->scratch, struct pattern_node *, root->child_count + 1u);
  children[0] = first;
  if (root->child_count > 0) memcpy(children + 1, root->children, root->child_count * sizeof *children);
  root->children = children;
  root->child_count++;
}

/* The names of the pattern's steps. */
static const struct slice *step_names(struct lower *lower, const struct rule_tree *tree,
                                      const struct part_lowering *part, uint16_t *count) {
  uint16_t first = part == NULL ? 0 : part->first_step, end = tree->step_count;
  if (part != NULL && part->number + 1 < tree->part_count) end = tree->parts[part->number + 1].first_step;
  struct slice *names = arena_array(lower->arena, struct slice, end - first + 1u);
  *count = 0;
  if (part != NULL && part->number > 0) names[(*count)++] = lower->ruleset->schemas[part->schema].name;
  for (uint16_t s = first; s < end; s++) names[(*count)++] = lower_shared(lower, tree->steps[s].name.text);
  return names;
}

/* A former part hands on all its matches, within a bound; a part behind another begins where that began. */
static void set_part(struct pattern_spec *spec, const struct rule_tree *tree, const struct part_lowering *part) {
  if (part == NULL) return;
  if (part->number + 1 < tree->part_count) spec->told_events_max = LIMIT_PART_EVENTS;
  spec->starts_before = part->number > 0;
  spec->start_slot = PART_START_SLOT;
  spec->start_count_slot = PART_COUNT_SLOT;
}

const struct pattern *lower_pattern(struct lower *lower, const struct rule_tree *tree, struct rule *rule,
                                    struct part_lowering *part) {
  struct lower_registers registers = {0};
  struct pattern_lowering p = {.lower = lower, .tree = tree, .registers = &registers, .part = part};
  uint32_t errors = lower->error_count;
  struct pattern_node *root = lower_element(&p, tree->pattern);
  if (part != NULL && part->number > 0) begin_with(lower, root, part->schema);
  if (lower->error_count != errors) return NULL;
  uint16_t step_count;
  const struct slice *names = step_names(lower, tree, part, &step_count);
  rule->report = report_of(tree->report);
  struct pattern_spec spec = {.root = root,
                              .step_count = step_count,
                              .step_names = names,
                              .register_count = registers.count,
                              .registers = registers.items,
                              .within_us = tree->within_us,
                              .report = rule->report,
                              .report_limit = tree->report_limit,
                              .after = after_of(tree),
                              .after_step = step_number(part, tree->after_step_index),
                              .type_count = rule->type_count,
                              .types = rule->types};
  set_part(&spec, tree, part);
  struct err err;
  err_clear(&err);
  const struct pattern *pattern = pattern_compile(lower->arena, &spec, &err);
  struct span span = tree_clause_span(tree, CLAUSE_MATCH);
  if (pattern == NULL) lower_error(lower, span.line > 0 ? span : tree->span, "pattern-limit", NULL, "%s", err.text);
  return pattern;
}
