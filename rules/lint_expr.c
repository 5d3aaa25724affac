/* lint_expr.c - when two expressions are the same, and when one condition is stricter than another. Owns nothing. */
#include "base/hash.h"
#include "rules/lint_private.h"

static bool same_use(const struct use *a, const struct use *b) {
  if (a == NULL || b == NULL) return a == b;
  return a->type == b->type &&
         ((a->condition == NULL && b->condition == NULL) ||
          (a->condition != NULL && b->condition != NULL && lint_same(a->condition, b->condition)));
}

static bool same_part(const struct tree_expr *a, const struct tree_expr *b) {
  return a == b || (a != NULL && b != NULL && lint_same(a, b));
}

static bool same_counting(const struct counting *a, const struct counting *b) {
  if (a == NULL || b == NULL) return a == b;
  if (!slice_equal(a->aggregate.text, b->aggregate.text) || a->has_parameter != b->has_parameter ||
      a->parameter_is_duration != b->parameter_is_duration || a->parameter != b->parameter || a->over != b->over ||
      a->over_us != b->over_us || a->over_count != b->over_count || a->approx != b->approx ||
      a->by_count != b->by_count || !slice_equal(a->zone, b->zone) ||
      !slice_equal(a->top_aggregate.text, b->top_aggregate.text))
    return false;
  for (uint16_t i = 0; i < a->by_count; i++)
    if (!slice_equal(a->by[i].text, b->by[i].text)) return false;
  return same_part(a->argument, b->argument) && same_part(a->where, b->where) &&
         same_part(a->top_argument, b->top_argument) && same_use(a->of, b->of);
}

static bool has_regex(const struct tree_expr *expr) { return expr->kind == TREE_MATCHES || expr->kind == TREE_REGEX; }
static bool has_name(const struct tree_expr *expr) { return expr->kind == TREE_CALL || expr->kind == TREE_IN_NAME; }

bool lint_same(const struct tree_expr *a, const struct tree_expr *b) {
  if (a->kind != b->kind || a->negated != b->negated || a->item_count != b->item_count ||
      (a->kind == TREE_BINARY && a->op != b->op))
    return false;
  if (a->kind == TREE_LITERAL && (!value_equal(a->value, b->value) || a->value.kind != b->value.kind)) return false;
  struct ref x = tree_ref(a), y = tree_ref(b);
  if (x.kind != y.kind || x.aggregate != y.aggregate || x.index != y.index || x.column != y.column ||
      x.step != y.step || x.field != y.field || x.nth != y.nth)
    return false;
  if (has_regex(a) && (!slice_equal(a->regex, b->regex) || !slice_equal(a->regex_flags, b->regex_flags))) return false;
  if (has_name(a) && !slice_equal(a->name->text, b->name->text)) return false;
  if (a->kind == TREE_SEEN && a->seen_us != b->seen_us) return false;
  for (uint16_t i = 0; i < a->item_count; i++)
    if (!lint_same(a->items[i], b->items[i])) return false;
  return same_part(tree_key(a), tree_key(b)) && same_counting(tree_counting(a), tree_counting(b)) &&
         same_use(tree_seen_of(a), tree_seen_of(b));
}

static uint64_t mix(uint64_t seed, uint64_t number) { return hash_u64(seed ^ (number * UINT64_C(0x9e3779b97f4a7c15))); }

uint64_t lint_hash(const struct tree_expr *expr, uint64_t seed) {
  if (expr == NULL) return mix(seed, 1);
  uint64_t hash = mix(seed, (uint64_t)expr->kind << 8 | expr->negated);
  if (expr->kind == TREE_BINARY) hash = mix(hash, expr->op);
  if (expr->kind == TREE_LITERAL) hash = mix(hash, value_hash(expr->value));
  struct ref ref = tree_ref(expr);
  hash = mix(hash, (uint64_t)ref.kind << 48 | (uint64_t)ref.step << 32 | (uint64_t)ref.index << 16 | ref.field);
  hash = mix(hash, (uint64_t)ref.aggregate << 32 | (uint64_t)ref.nth << 16 | ref.column);
  if (has_regex(expr)) hash = hash_bytes_seed(expr->regex.data, expr->regex.length, hash);
  if (has_name(expr)) hash = hash_bytes_seed(expr->name->text.data, expr->name->text.length, hash);
  if (tree_key(expr) != NULL) hash = lint_hash(tree_key(expr), hash);
  for (uint16_t i = 0; i < expr->item_count; i++) hash = lint_hash(expr->items[i], hash);
  const struct use *of = tree_seen_of(expr);
  if (of != NULL) hash = lint_hash(of->condition, mix(hash, of->type));
  const struct counting *counting = tree_counting(expr);
  if (counting == NULL) return hash;
  hash = hash_bytes_seed(counting->aggregate.text.data, counting->aggregate.text.length, hash);
  hash = mix(mix(hash, (uint64_t)counting->over_us), (uint64_t)counting->over_count);
  hash = mix(hash, counting->of != NULL ? counting->of->type : UINT64_MAX);
  return lint_hash(counting->argument, lint_hash(counting->where, hash));
}

int lint_conjuncts(const struct tree_expr *condition, const struct tree_expr **out, int max) {
  if (condition == NULL) return 0;
  if (condition->kind != TREE_AND) {
    if (max < 1) return -1;
    out[0] = condition;
    return 1;
  }
  int count = 0;
  for (uint16_t i = 0; i < condition->item_count; i++) {
    int more = lint_conjuncts(condition->items[i], out + count, max - count);
    if (more < 0) return -1;
    count += more;
  }
  return count;
}

bool lint_range(const struct tree_expr *expr, struct lint_range *out) {
  if (expr->kind != TREE_BINARY || expr->op < EXPR_EQUAL || expr->op > EXPR_GREATER_EQUAL) return false;
  const struct tree_expr *a = expr->items[0], *b = expr->items[1];
  if (a->kind == TREE_LITERAL) {
    const struct tree_expr *swap = a;
    a = b;
    b = swap;
  }
  if (b->kind != TREE_LITERAL || a->kind == TREE_LITERAL || b->value.kind == VALUE_NULL ||
      b->value.kind == VALUE_LIST || b->value.kind == VALUE_NETWORK)
    return false;
  *out = (struct lint_range){a, b == expr->items[1] ? expr->op : expr_mirrored(expr->op), b->value};
  return true;
}

bool lint_implies(const struct tree_expr *a, const struct tree_expr *b) {
  struct lint_range x, y;
  if (lint_same(a, b)) return true;
  if (!lint_range(a, &x) || !lint_range(b, &y) || !lint_same(x.what, y.what)) return false;
  int order = value_compare(x.value, y.value);
  bool less = x.op == EXPR_LESS || x.op == EXPR_LESS_EQUAL || x.op == EXPR_EQUAL;
  bool greater = x.op == EXPR_GREATER || x.op == EXPR_GREATER_EQUAL || x.op == EXPR_EQUAL;
  switch (y.op) {
  case EXPR_EQUAL: return x.op == EXPR_EQUAL && order == 0;
  case EXPR_NOT_EQUAL:
    if (x.op == EXPR_NOT_EQUAL) return order == 0;
    if (x.op == EXPR_EQUAL) return order != 0;
    if (x.op == EXPR_LESS || x.op == EXPR_LESS_EQUAL) return order < 0 || (order == 0 && x.op == EXPR_LESS);
    return order > 0 || (order == 0 && x.op == EXPR_GREATER);
  case EXPR_LESS: return less && (order < 0 || (order == 0 && x.op == EXPR_LESS));
  case EXPR_LESS_EQUAL: return less && order <= 0;
  case EXPR_GREATER: return greater && (order > 0 || (order == 0 && x.op == EXPR_GREATER));
  case EXPR_GREATER_EQUAL: return greater && order >= 0;
  default: return false;
  }
}

enum { CONJUNCTS_MAX = 64 };

bool lint_stricter(const struct tree_expr *strict, const struct tree_expr *loose) {
  const struct tree_expr *s[CONJUNCTS_MAX], *l[CONJUNCTS_MAX];
  int strict_count = lint_conjuncts(strict, s, CONJUNCTS_MAX), loose_count = lint_conjuncts(loose, l, CONJUNCTS_MAX);
  if (strict_count < 0 || loose_count < 0) return false;
  for (int i = 0; i < loose_count; i++) {
    bool implied = false;
    for (int k = 0; k < strict_count && !implied; k++) implied = lint_implies(s[k], l[i]);
    if (!implied) return false;
  }
  return true;
}

static void find_steps(void *context, struct tree_expr *expr) {
  enum ref_kind kind = tree_ref(expr).kind;
  if (kind == REF_STEP_FIELD || kind == REF_AGGREGATE) *(bool *)context = true;
}

bool lint_reads_steps(struct tree_expr *expr) {
  bool found = false;
  if (expr != NULL) tree_expr_walk(expr, find_steps, &found);
  return found;
}
