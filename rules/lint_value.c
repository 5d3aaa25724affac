/* lint_value.c - what any expression can be told of, wherever it stands: constants that come to null, and words that
 * change nothing; what a rule without a key counts. Owns nothing; called by lint.c. */
#include "base/expr_number.h"
#include "rules/lint_private.h"

static bool arithmetic(const struct tree_expr *expr) {
  return expr->kind == TREE_BINARY && expr->op >= EXPR_ADD && expr->op <= EXPR_MODULO;
}

/* What an expression of literals comes to; false if it reads or calls anything. As lower_expr.c folds. */
static bool constant(const struct tree_expr *expr, struct value *out) {
  struct expr_counts counts = {0};
  struct value left, right;
  if (expr->kind == TREE_LITERAL) {
    *out = expr->value;
  } else if (expr->kind == TREE_NEGATE) {
    if (!constant(expr->items[0], &left)) return false;
    *out = number_negate(left, &counts);
  } else {
    if (!arithmetic(expr) || !constant(expr->items[0], &left) || !constant(expr->items[1], &right)) return false;
    *out = number_binary(expr->op, left, right, expr->type, &counts);
  }
  if (number_kind(out->kind) && number_kind(expr->cast.kind)) *out = number_cast(*out, expr->cast, &counts);
  return true;
}

static bool divides_by_zero(const struct tree_expr *expr) {
  struct value by;
  if (expr->kind != TREE_BINARY || (expr->op != EXPR_DIVIDE && expr->op != EXPR_MODULO)) return false;
  if (!constant(expr->items[1], &by) || by.kind == VALUE_NULL) return false;
  return by.kind == VALUE_FLOAT ? by.f == 0 : by.i == 0;
}

/* Said of the smallest part that is null without having one that is. */
static void lint_null(struct lint *lint, const struct tree_expr *expr) {
  struct value value;
  if (divides_by_zero(expr)) {
    lint_say(lint, LINT_ALWAYS_NULL, expr->span, "a division by zero is null", "this is always null");
    return;
  }
  if (expr->kind == TREE_LITERAL && expr->value.kind == VALUE_NULL) return;
  if (!constant(expr, &value) || value.kind != VALUE_NULL) return;
  for (uint16_t i = 0; i < expr->item_count; i++)
    if (constant(expr->items[i], &value) && value.kind == VALUE_NULL) return;
  lint_say(lint, LINT_ALWAYS_NULL, expr->span, "the result is out of range", "this is always null");
}

static void lint_approx(struct lint *lint, const struct tree_expr *expr) {
  enum aggregate kind = expr->ref.aggregate;
  if (!expr->counting->approx || kind == AGG_DISTINCT || kind == AGG_MEDIAN || kind == AGG_PERCENTILE) return;
  lint_say(lint, LINT_NO_EFFECT, expr->span, "there are sketches for `distinct`, `median` and `percentile`",
           "`approx` has no effect on `" SLICE_FMT "`, which is exact", SLICE_ARG(expr->counting->aggregate.text));
}

static void visit(void *context, struct tree_expr *expr) {
  if (expr->kind == TREE_COUNTING) lint_approx(context, expr);
  if (expr->kind == TREE_LITERAL || expr->kind == TREE_NEGATE || expr->kind == TREE_BINARY) lint_null(context, expr);
}

void lint_value(struct lint *lint, struct tree_expr *expr) {
  if (expr != NULL) tree_expr_walk(expr, visit, lint);
}

/* ---- no-key ---- */

struct key_search {
  const struct tree *tree;
  const struct tree_expr *first; /* in the text, of what is counted by the rule's key */
};

static void find_counted_by_key(void *context, struct tree_expr *expr) {
  struct key_search *search = context;
  const struct tree *tree = search->tree;
  const struct counting *counting = tree_counting(expr);
  if (expr->kind == TREE_PATH && expr->ref.kind == REF_COUNTER && expr->ref.index < tree->counter_count)
    counting = tree->counters[expr->ref.index]->counting->counting;
  bool previous = expr->kind == TREE_CALL && slice_equal(expr->name->text, SLICE("previous"));
  bool by_key = counting != NULL ? counting->by_count == 0 : expr->kind == TREE_SEEN || previous;
  if (by_key && search->first == NULL) search->first = expr;
}

/* Whether the events are of no key themselves, as those of a window over all events: then a rule needs none. */
static bool of_no_key(const struct type_info *type) {
  if (type->rule != NULL) return type->rule->key == NULL || type->rule->key->none;
  return type->event != NULL && type->event->key != NULL && type->event->key->none;
}

void lint_no_key(struct lint *lint) {
  const struct rule_tree *rule = lint->rule;
  struct key_search search = {.tree = lint->tree};
  if (rule->type_count > 0 && of_no_key(&lint->tree->types[rule->on.type])) return;
  if (rule->on.condition != NULL) tree_expr_walk(rule->on.condition, find_counted_by_key, &search);
  if (rule->when != NULL) tree_expr_walk(rule->when, find_counted_by_key, &search);
  for (uint16_t i = 0; i < rule->emit_count; i++) tree_expr_walk(rule->emit[i].expr, find_counted_by_key, &search);
  if (search.first != NULL)
    lint_say(lint, LINT_NO_KEY, search.first->span, "add `key FIELD`; `key none`, if that is meant",
             "the rule has no key: this looks at the events of all");
}
