/* lower_condition.c - conditions: cut into what reads the candidate alone (an interned predicate) and the rest, and
 * told in words for `with because`. */
#include "rules/check.h"
#include "rules/lower.h"
#include "rules/print.h"

/* One operand of the top `and`s. */
struct conjunct {
  const struct tree_expr *tree;
  const struct expr_node *node;
  uint16_t cost;
  struct slice key; /* canonical bytes of the node */
};

struct conjuncts {
  uint32_t count, capacity;
  struct conjunct *items;
};

static void add_conjunct(struct lower *lower, struct conjuncts *all, struct conjunct one) {
  if (all->count == all->capacity) {
    uint32_t capacity = all->capacity == 0 ? 8 : 2 * all->capacity;
    struct conjunct *items = arena_array(&lower->scratch, struct conjunct, capacity);
    if (all->count > 0) memcpy(items, all->items, all->count * sizeof *items);
    all->items = items;
    all->capacity = capacity;
  }
  all->items[all->count++] = one;
}

/* Recursion follows the tree, whose depth is limited (TREE_DEPTH_MAX). */
static void collect(struct lower *lower, struct conjuncts *all, const struct tree_expr *expr) {
  if (expr == NULL) return;
  if (expr->kind != TREE_AND) {
    add_conjunct(lower, all, (struct conjunct){.tree = expr});
    return;
  }
  for (uint16_t i = 0; i < expr->item_count; i++) collect(lower, all, expr->items[i]);
}

/* Cheap ones first, then in the order of their bytes: conditions that differ only in the order of writing are one. */
static int compare(const struct conjunct *a, const struct conjunct *b) {
  if (a->cost != b->cost) return a->cost < b->cost ? -1 : 1;
  return slice_compare(a->key, b->key);
}

static void sort_once(struct conjuncts *all) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < all->count; i++) {
    struct conjunct one = all->items[i];
    uint32_t at = kept;
    while (at > 0 && compare(&all->items[at - 1], &one) > 0) at--;
    if (at > 0 && compare(&all->items[at - 1], &one) == 0) continue;
    memmove(&all->items[at + 1], &all->items[at], (kept - at) * sizeof one);
    all->items[at] = one;
    kept++;
  }
  all->count = kept;
}

static const struct expr_node *joined(struct lower *lower, const struct conjuncts *all) {
  if (all->count == 1) return all->items[0].node;
  struct expr_node *node = lower_node(lower, EXPR_AND, TYPE(VALUE_BOOL), (uint16_t)all->count);
  for (uint32_t i = 0; i < all->count; i++) node->children[i] = (struct expr_node *)(uintptr_t)all->items[i].node;
  return node;
}

static void print_conjunct(struct buf *out, const struct tree_expr *tree, bool alone) {
  bool parentheses = tree->kind == TREE_OR && !alone;
  if (out->length > 0) buf_str(out, " and ");
  if (parentheses) buf_byte(out, '(');
  print_expr(out, tree);
  if (parentheses) buf_byte(out, ')');
}

static void print_all(struct buf *out, const struct conjuncts *all) {
  buf_clear(out);
  for (uint32_t i = 0; i < all->count; i++) print_conjunct(out, all->items[i].tree, all->count == 1);
}

static void add_residual(struct lower *lower, const struct expr *expr, const struct conjuncts *rest) {
  if (lower->residual_count == lower->residual_capacity) {
    lower->residual_capacity = lower->residual_capacity == 0 ? 64 : 2 * lower->residual_capacity;
    lower->residuals = mem_realloc(lower->mem, lower->residuals, lower->residual_capacity * sizeof *lower->residuals);
  }
  print_all(&lower->text, rest);
  lower->residuals[lower->residual_count++] =
      (struct residual_text){.expr = expr, .text = lower_slice(lower, buf_view(&lower->text))};
}

/* `candidate` and `rest` get the conjuncts, in the order of writing. False after an error. */
static bool cut(struct lower *lower, const struct lower_scope *scope, const struct conjuncts *all,
                struct conjuncts *candidate, struct conjuncts *rest) {
  bool fine = true;
  for (uint32_t i = 0; i < all->count; i++) {
    struct conjunct one = all->items[i];
    one.node = lower_expr(lower, scope, one.tree);
    if (one.node == NULL) {
      fine = false;
      continue;
    }
    if (one.node->op == EXPR_CONST && one.node->value.kind == VALUE_BOOL && one.node->value.i != 0) continue;
    struct buf key;
    buf_init(&key, lower->mem);
    expr_node_key(&key, one.node);
    one.key = (struct slice){arena_copy(&lower->scratch, key.data, key.length), key.length};
    buf_free(&key);
    one.cost = predicate_cost(one.node);
    bool alone = expr_node_reads_only(one.node, BANK_EVENT);
    add_conjunct(lower, alone ? candidate : rest, one);
  }
  return fine;
}

struct pattern_condition lower_condition(struct lower *lower, const struct lower_scope *scope,
                                         const struct tree_expr *first, const struct tree_expr *second) {
  struct pattern_condition condition = {.predicate = PREDICATE_TRUE};
  struct conjuncts all = {0}, candidate = {0}, rest = {0};
  collect(lower, &all, first);
  collect(lower, &all, second);
  if (all.count == 0 || !cut(lower, scope, &all, &candidate, &rest)) return condition;
  struct span span = all.items[0].tree->span;
  if (candidate.count > 0) {
    struct err err;
    err_clear(&err);
    print_all(&lower->text, &candidate);
    sort_once(&candidate);
    if (predicate_intern(&lower->predicates, scope->type, joined(lower, &candidate), buf_view(&lower->text),
                         &condition.predicate, &err) != 0)
      lower_error(lower, span, "expression-limit", NULL, "%s", err.text);
  }
  if (rest.count == 0) return condition;
  struct conjuncts sorted = rest;
  sorted.items = arena_array(&lower->scratch, struct conjunct, rest.count);
  memcpy(sorted.items, rest.items, rest.count * sizeof *rest.items);
  sort_once(&sorted);
  condition.residual = lower_compile(lower, joined(lower, &sorted), span);
  if (condition.residual != NULL) add_residual(lower, condition.residual, &rest);
  return condition;
}

/* ---- with because ---- */

enum { BECAUSE_VALUES_MAX = 64 }; /* of one condition; more are not told */

struct values {
  uint16_t count;
  const struct tree_expr *items[BECAUSE_VALUES_MAX];
  struct slice names[BECAUSE_VALUES_MAX];
};

static bool is_value(const struct tree_expr *expr) {
  if (expr->kind == TREE_COUNTING || expr->kind == TREE_SEEN) return true;
  switch (tree_ref(expr).kind) {
  case REF_COUNTER:
  case REF_PREVIOUS:
  case REF_MODEL: return true;
  case REF_TABLE:
  case REF_FIELD:
  case REF_STEP_FIELD:
  case REF_KEY: return expr->kind == TREE_PATH;
  case REF_AGGREGATE: return expr->kind == TREE_CALL;
  default: return false;
  }
}

static void add_value(struct lower *lower, struct values *values, const struct tree_expr *expr) {
  struct buf text;
  buf_init(&text, lower->mem);
  print_expr(&text, expr);
  bool known = values->count == BECAUSE_VALUES_MAX;
  for (uint16_t i = 0; i < values->count && !known; i++) known = slice_equal(values->names[i], buf_view(&text));
  if (!known) {
    values->names[values->count] = lower_slice(lower, buf_view(&text));
    values->items[values->count++] = expr;
  }
  buf_free(&text);
}

/* Recursion follows the tree, whose depth is limited (TREE_DEPTH_MAX). */
static void find_values(struct lower *lower, struct values *values, const struct tree_expr *expr) {
  if (is_value(expr)) {
    add_value(lower, values, expr);
    if (tree_ref(expr).kind != REF_TABLE) return; /* of a cell its key is told too */
  }
  for (uint16_t i = 0; i < expr->item_count; i++) find_values(lower, values, expr->items[i]);
  if (tree_key(expr) != NULL) find_values(lower, values, tree_key(expr));
}

/* What the value reads of the step's event is kept, for it may be told when that is gone. False if it reads other
 * events too. Recursion follows the expression, whose depth is limited (EXPR_NODE_DEPTH_MAX). */
static bool keep_read(struct lower *lower, const struct lower_scope *scope, const struct expr_node *node) {
  bool alone = true;
  for (uint16_t i = 0; i < node->child_count; i++) alone &= keep_read(lower, scope, node->children[i]);
  if (node->op != EXPR_INPUT) return alone;
  if (node->bank == BANK_EVENT) lower_keep(lower, scope->type, node->index);
  return node->bank == BANK_EVENT;
}

static bool asks_live_table(const struct lower *lower, const struct expr_node *node) {
  if (node->op == EXPR_TABLE && lower->ruleset->tables[node->index].live) return true;
  for (uint16_t i = 0; i < node->child_count; i++)
    if (asks_live_table(lower, node->children[i])) return true;
  return false;
}

/* A value that a pattern's alert tells, as it was for the step's event: a cell of a table that changes gets a slot of
 * that event, unless its key reads other events. */
static struct expr_node *value_then(struct lower *lower, const struct lower_scope *scope, struct expr_node *node,
                                    struct span span, bool *in_hand) {
  bool live = asks_live_table(lower, node);
  bool alone = keep_read(lower, scope, node);
  if (!live || !alone) {
    *in_hand = live;
    return node;
  }
  struct expr_node *slot = lower_cell(lower, scope->type, node, span);
  if (slot != NULL) lower_keep(lower, scope->type, slot->index);
  return slot;
}

static struct because_item because_item(struct lower *lower, const struct lower_scope *scope,
                                        const struct tree_expr *tree) {
  struct values *values = arena_new(&lower->scratch, struct values);
  find_values(lower, values, tree);
  struct buf text;
  buf_init(&text, lower->mem);
  print_expr(&text, tree);
  struct slice *names = arena_array(lower->arena, struct slice, values->count);
  const struct expr **exprs = arena_array(lower->arena, const struct expr *, values->count);
  enum secret_form *secrets = arena_array(lower->arena, enum secret_form, values->count);
  bool *in_hand = arena_array(lower->arena, bool, values->count);
  uint16_t *heads = arena_array(lower->arena, uint16_t, values->count),
           *tails = arena_array(lower->arena, uint16_t, values->count);
  for (uint16_t i = 0; i < values->count; i++) {
    struct secret_info secret = tree_expr_secret(lower->tree, scope->rule, &scope->type, 1, values->items[i]);
    names[i] = values->names[i];
    struct expr_node *node = lower_expr(lower, scope, values->items[i]);
    if (node != NULL && !scope->one_event) node = value_then(lower, scope, node, values->items[i]->span, &in_hand[i]);
    if (node == NULL) continue; /* said */
    exprs[i] = lower_compile(lower, node, values->items[i]->span);
    secrets[i] = secret.form;
    heads[i] = secret.mask_head;
    tails[i] = secret.mask_tail;
  }
  struct because_item item = {.text = lower_slice(lower, buf_view(&text)),
                              .value_count = values->count,
                              .names = names,
                              .values = exprs,
                              .in_hand = in_hand,
                              .secrets = secrets,
                              .mask_heads = heads,
                              .mask_tails = tails};
  buf_free(&text);
  return item;
}

struct because lower_because(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *first,
                             const struct tree_expr *second) {
  struct conjuncts all = {0};
  collect(lower, &all, first);
  collect(lower, &all, second);
  struct because_item *items = arena_array(lower->arena, struct because_item, all.count);
  for (uint32_t i = 0; i < all.count; i++) items[i] = because_item(lower, scope, all.items[i].tree);
  return (struct because){.count = (uint16_t)all.count, .items = items};
}
