/* lint_condition.c - conditions that are always or never true, and comparisons that null slips through. */
#include "rules/lint_private.h"

enum { CONJUNCTS_MAX = 64 };

/* ---- constants ---- */

enum fold { FOLD_OPEN, FOLD_TRUE, FOLD_FALSE, FOLD_NULL };

struct view { /* the condition's event types */
  struct lint *lint;
  const uint16_t *types;
  uint16_t type_count;
};

static const struct type_field *source_field(const struct view *view, const struct tree_expr *expr) {
  if (expr->kind != TREE_PATH || expr->ref.kind != REF_FIELD || expr->at != NULL || view->type_count != 1) return NULL;
  const struct type_info *info = &view->lint->tree->types[view->types[0]];
  if (info->origin != TYPE_OF_SOURCE || expr->ref.field >= info->field_count) return NULL;
  const struct type_field *field = &info->fields[expr->ref.field];
  return field->tree == NULL || field->expr != NULL ? NULL : field;
}

/* Never null: the event would be refused. */
static bool never_null(const struct view *view, const struct tree_expr *expr) {
  const struct type_field *field = source_field(view, expr);
  if (field == NULL) return false;
  const struct type_info *info = &view->lint->tree->types[view->types[0]];
  return field->tree->required || field == &info->fields[info->time_field < 0 ? 0 : info->time_field];
}

static enum fold compare_fold(enum expr_op op, struct value a, struct value b) {
  if (a.kind == VALUE_NULL || b.kind == VALUE_NULL) return FOLD_NULL;
  if (a.kind == VALUE_LIST || b.kind == VALUE_LIST || a.kind == VALUE_NETWORK || b.kind == VALUE_NETWORK)
    return FOLD_OPEN;
  int order = value_compare(a, b);
  bool holds = op == EXPR_EQUAL        ? order == 0
               : op == EXPR_NOT_EQUAL  ? order != 0
               : op == EXPR_LESS       ? order < 0
               : op == EXPR_LESS_EQUAL ? order <= 0
               : op == EXPR_GREATER    ? order > 0
                                       : order >= 0;
  return holds ? FOLD_TRUE : FOLD_FALSE;
}

static enum fold fold(const struct view *view, const struct tree_expr *expr) {
  enum fold all = FOLD_OPEN;
  switch (expr->kind) {
  case TREE_LITERAL:
    if (expr->value.kind == VALUE_NULL) return FOLD_NULL;
    return expr->value.kind != VALUE_BOOL ? FOLD_OPEN : expr->value.i != 0 ? FOLD_TRUE : FOLD_FALSE;
  case TREE_NOT:
    all = fold(view, expr->items[0]);
    return all == FOLD_TRUE ? FOLD_FALSE : all == FOLD_FALSE ? FOLD_TRUE : all;
  case TREE_AND:
  case TREE_OR: {
    enum fold wins = expr->kind == TREE_AND ? FOLD_FALSE : FOLD_TRUE,
              rest = wins == FOLD_FALSE ? FOLD_TRUE : FOLD_FALSE;
    bool open = false, null = false;
    for (uint16_t i = 0; i < expr->item_count; i++) {
      enum fold one = fold(view, expr->items[i]);
      if (one == wins) return wins;
      if (one == FOLD_OPEN) open = true;
      if (one == FOLD_NULL) null = true;
    }
    return open ? FOLD_OPEN : null ? FOLD_NULL : rest;
  }
  case TREE_BINARY:
    if (expr->items[0]->kind == TREE_LITERAL && expr->items[1]->kind == TREE_LITERAL && expr->op >= EXPR_EQUAL &&
        expr->op <= EXPR_GREATER_EQUAL)
      return compare_fold(expr->op, expr->items[0]->value, expr->items[1]->value);
    return FOLD_OPEN;
  case TREE_BETWEEN:
    if (expr->items[1]->kind == TREE_LITERAL && expr->items[2]->kind == TREE_LITERAL &&
        compare_fold(EXPR_GREATER, expr->items[1]->value, expr->items[2]->value) == FOLD_TRUE)
      return FOLD_FALSE;
    return FOLD_OPEN;
  case TREE_IS_NULL:
    if (never_null(view, expr->items[0])) return expr->negated ? FOLD_TRUE : FOLD_FALSE;
    if (expr->items[0]->kind == TREE_LITERAL)
      return (expr->items[0]->value.kind == VALUE_NULL) != expr->negated ? FOLD_TRUE : FOLD_FALSE;
    return FOLD_OPEN;
  default: return FOLD_OPEN;
  }
}

/* The smallest part that makes the whole constant. */
static const struct tree_expr *culprit(const struct view *view, const struct tree_expr *expr, enum fold result) {
  if (expr->kind != TREE_AND && expr->kind != TREE_OR) return expr;
  for (uint16_t i = 0; i < expr->item_count; i++)
    if (fold(view, expr->items[i]) == result && (result != FOLD_NULL)) return culprit(view, expr->items[i], result);
  return expr;
}

static const char *why_constant(const struct view *view, const struct tree_expr *expr) {
  if (expr->kind == TREE_IS_NULL && never_null(view, expr->items[0]))
    return "the field is never null: events without it are refused";
  if (expr->kind == TREE_BETWEEN) return "the lower end stands first";
  return NULL;
}

/* ---- ranges ---- */

/* Nothing satisfies both: x > 10 and x < 5, x == "a" and x == "b". */
static bool contradict(const struct lint_range *a, const struct lint_range *b) {
  int order = value_compare(a->value, b->value);
  if (a->op == EXPR_EQUAL && b->op == EXPR_EQUAL) return order != 0;
  if (a->op == EXPR_EQUAL && b->op == EXPR_NOT_EQUAL) return order == 0;
  if (a->op == EXPR_NOT_EQUAL && b->op == EXPR_EQUAL) return order == 0;
  if (a->op == EXPR_NOT_EQUAL || b->op == EXPR_NOT_EQUAL) return false;
  bool a_low = a->op == EXPR_GREATER || a->op == EXPR_GREATER_EQUAL || a->op == EXPR_EQUAL; /* x is at least a */
  bool a_high = a->op == EXPR_LESS || a->op == EXPR_LESS_EQUAL || a->op == EXPR_EQUAL;
  bool b_low = b->op == EXPR_GREATER || b->op == EXPR_GREATER_EQUAL || b->op == EXPR_EQUAL;
  bool b_high = b->op == EXPR_LESS || b->op == EXPR_LESS_EQUAL || b->op == EXPR_EQUAL;
  bool open = a->op == EXPR_GREATER || a->op == EXPR_LESS || b->op == EXPR_GREATER || b->op == EXPR_LESS;
  if (a_low && b_high && (order > 0 || (order == 0 && open))) return true;
  return a_high && b_low && (order < 0 || (order == 0 && open));
}

/* Everything satisfies one of them: x > 5 or x < 10, x != "a" or x != "b". */
static bool cover(const struct lint_range *a, const struct lint_range *b) {
  static const enum expr_op opposite[] = {
      [EXPR_EQUAL] = EXPR_NOT_EQUAL,    [EXPR_NOT_EQUAL] = EXPR_EQUAL,    [EXPR_LESS] = EXPR_GREATER_EQUAL,
      [EXPR_LESS_EQUAL] = EXPR_GREATER, [EXPR_GREATER] = EXPR_LESS_EQUAL, [EXPR_GREATER_EQUAL] = EXPR_LESS};
  struct lint_range not_a = *a, not_b = *b;
  not_a.op = opposite[a->op];
  not_b.op = opposite[b->op];
  return contradict(&not_a, &not_b);
}

static struct slice what_name(const struct tree_expr *what) {
  return what->kind == TREE_PATH ? what->parts[what->part_count - 1].text : SLICE("the value");
}

static void check_ranges(const struct view *view, const struct tree_expr *expr) {
  const struct tree_expr *parts[CONJUNCTS_MAX];
  bool all = expr->kind == TREE_AND;
  int count = all ? lint_conjuncts(expr, parts, CONJUNCTS_MAX) : 0;
  if (!all)
    for (uint16_t i = 0; i < expr->item_count && count < CONJUNCTS_MAX; i++) parts[count++] = expr->items[i];
  for (int i = 1; i < count; i++) {
    struct lint_range a, b;
    const struct tree_expr *null = parts[i]->kind == TREE_IS_NULL && !parts[i]->negated ? parts[i] : NULL;
    bool range = lint_range(parts[i], &b);
    for (int k = 0; k < i; k++) {
      const struct tree_expr *other = parts[k]->kind == TREE_IS_NULL && !parts[k]->negated ? parts[k] : NULL;
      bool other_range = lint_range(parts[k], &a);
      if (all && ((null != NULL && other_range && lint_same(null->items[0], a.what)) ||
                  (other != NULL && range && lint_same(other->items[0], b.what)))) {
        lint_say(view->lint, LINT_NEVER_TRUE, parts[i]->span, "a comparison with null is not true",
                 "never true: `" SLICE_FMT "` cannot be null and compared",
                 SLICE_ARG(what_name(range ? b.what : a.what)));
        return;
      }
      if (!range || !other_range || !lint_same(a.what, b.what)) continue;
      if (all && contradict(&a, &b)) {
        lint_say(view->lint, LINT_NEVER_TRUE, parts[i]->span, NULL,
                 "never true: no `" SLICE_FMT "` satisfies this and the comparison before",
                 SLICE_ARG(what_name(b.what)));
        return;
      }
      if (!all && cover(&a, &b)) {
        lint_say(view->lint, LINT_ALWAYS_TRUE, parts[i]->span, a.op == EXPR_NOT_EQUAL ? "did you mean `and`?" : NULL,
                 "always true unless null: every `" SLICE_FMT "` satisfies this or the comparison before",
                 SLICE_ARG(what_name(b.what)));
        return;
      }
    }
  }
}

static void check_parts(const struct view *view, const struct tree_expr *expr, bool inside) {
  enum fold result = fold(view, expr);
  if (result != FOLD_OPEN) {
    const struct tree_expr *part = culprit(view, expr, result);
    if (result == FOLD_TRUE)
      lint_say(view->lint, LINT_ALWAYS_TRUE, part->span, why_constant(view, part), "this is always true");
    else
      lint_say(view->lint, LINT_NEVER_TRUE, part->span, why_constant(view, part), "this is never true");
    return;
  }
  if (expr->kind == TREE_AND || expr->kind == TREE_OR) {
    bool same = inside && expr->kind == TREE_AND; /* its conjuncts were compared with those around it */
    if (!same) check_ranges(view, expr);
    for (uint16_t i = 0; i < expr->item_count; i++) check_parts(view, expr->items[i], expr->kind == TREE_AND);
  } else if (expr->kind == TREE_NOT) {
    check_parts(view, expr->items[0], false);
  }
}

/* ---- null ---- */

/* Fields that are known not to be null (or are asked for) around an expression. */
struct guard {
  const struct tree_expr *node; /* an `and`: its conjuncts guard each other; an `or`: its `is null` sides do */
  const struct guard *outer;
};

static bool guards(const struct tree_expr *node, const struct tree_expr *side, const struct tree_expr *field) {
  if (node->kind == TREE_OR) return side->kind == TREE_IS_NULL && !side->negated && lint_same(side->items[0], field);
  if (side->kind == TREE_IS_NULL) return side->negated && lint_same(side->items[0], field);
  struct lint_range range;
  if (lint_range(side, &range)) return range.op != EXPR_NOT_EQUAL && lint_same(range.what, field);
  bool positive = (side->kind == TREE_IN || side->kind == TREE_IN_NAME || side->kind == TREE_BETWEEN ||
                   side->kind == TREE_MATCHES) &&
                  !side->negated;
  return positive && lint_same(side->items[0], field);
}

static bool guarded(const struct guard *guard, const struct tree_expr *self, const struct tree_expr *field) {
  for (; guard != NULL; guard = guard->outer)
    for (uint16_t i = 0; i < guard->node->item_count; i++)
      if (guard->node->items[i] != self && guards(guard->node, guard->node->items[i], field)) return true;
  return false;
}

static void check_null_of(const struct view *view, const struct tree_expr *expr, const struct tree_expr *operand,
                          const struct guard *guard, const char *sign) {
  const struct type_field *field = source_field(view, operand);
  if (field == NULL || never_null(view, operand) || guarded(guard, expr, operand)) return;
  lint_say(view->lint, LINT_NULL_COMPARE, expr->span,
           arena_printf(view->lint->arena,
                        "add `or " SLICE_FMT " is null` to take those too, or `and " SLICE_FMT
                        " is not null` to leave them out",
                        SLICE_ARG(operand->parts[operand->part_count - 1].text),
                        SLICE_ARG(operand->parts[operand->part_count - 1].text)),
           "`%s` is not true where `" SLICE_FMT "` is null", sign, SLICE_ARG(field->name));
}

static void check_nulls(const struct view *view, const struct tree_expr *expr, const struct guard *guard) {
  if (expr->kind == TREE_AND || expr->kind == TREE_OR) {
    struct guard inner = {expr, guard};
    for (uint16_t i = 0; i < expr->item_count; i++) check_nulls(view, expr->items[i], &inner);
    return;
  }
  if (expr->kind == TREE_NOT) check_nulls(view, expr->items[0], guard);
  if (expr->kind == TREE_BINARY && expr->op == EXPR_NOT_EQUAL) {
    check_null_of(view, expr, expr->items[0], guard, "!=");
    if (!lint_same(expr->items[0], expr->items[1])) check_null_of(view, expr, expr->items[1], guard, "!=");
  }
  if ((expr->kind == TREE_IN || expr->kind == TREE_IN_NAME) && expr->negated)
    check_null_of(view, expr, expr->items[0], guard, "not in");
}

void lint_condition(struct lint *lint, struct tree_expr *condition, const uint16_t *types, uint16_t type_count) {
  if (condition == NULL) return;
  struct view view = {lint, types, type_count};
  check_parts(&view, condition, false);
  check_nulls(&view, condition, NULL);
}
