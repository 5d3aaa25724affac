/* lower_pattern.c - the elements of a `match` to the pattern compiler's nodes. */
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
};

/* One condition for each of `types`. */
static struct pattern_among *for_types(struct pattern_lowering *p, const struct tree_expr *expr, const uint16_t *types,
                                       uint16_t count) {
  struct pattern_among *all = arena_array(&p->lower->scratch, struct pattern_among, count);
  for (uint16_t i = 0; i < count; i++) {
    struct lower_scope scope = {.rule = p->tree, .type = types[i], .type_index = i, .registers = p->registers};
    all[i] = (struct pattern_among){.type = types[i], .condition = lower_condition(p->lower, &scope, expr, NULL)};
  }
  return all;
}

static void lower_step(struct pattern_lowering *p, const struct element *element, struct pattern_node *node) {
  struct lower_scope scope = {.rule = p->tree, .type = element->use.type, .registers = p->registers};
  node->step = element->step;
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

const struct pattern *lower_pattern(struct lower *lower, const struct rule_tree *tree, struct rule *rule) {
  struct lower_registers registers = {0};
  struct pattern_lowering p = {.lower = lower, .tree = tree, .registers = &registers};
  uint32_t errors = lower->error_count;
  struct pattern_node *root = lower_element(&p, tree->pattern);
  if (lower->error_count != errors) return NULL;
  struct slice *names = arena_array(lower->arena, struct slice, tree->step_count);
  for (uint16_t s = 0; s < tree->step_count; s++) names[s] = rule->steps[s].name;
  rule->report = report_of(tree->report);
  struct pattern_spec spec = {.root = root,
                              .step_count = tree->step_count,
                              .step_names = names,
                              .register_count = registers.count,
                              .registers = registers.items,
                              .within_us = tree->within_us,
                              .report = rule->report,
                              .report_limit = tree->report_limit,
                              .after = after_of(tree),
                              .after_step = tree->after_step_index,
                              .type_count = rule->type_count,
                              .types = rule->types};
  struct err err;
  err_clear(&err);
  const struct pattern *pattern = pattern_compile(lower->arena, &spec, &err);
  struct span span = tree_clause_span(tree, CLAUSE_MATCH);
  if (pattern == NULL) lower_error(lower, span.line > 0 ? span : tree->span, "pattern-limit", NULL, "%s", err.text);
  return pattern;
}
