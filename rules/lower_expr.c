/* lower_expr.c - checked expressions to typed nodes: names become (bank, index), words become operators. */
#include "base/check.h"
#include "base/expr_number.h"
#include "base/function.h"
#include "rules/lower_model.h"

struct expr_node *lower_node(struct lower *lower, enum expr_op op, struct type type, uint16_t child_count) {
  struct expr_node *node = arena_new(&lower->scratch, struct expr_node);
  node->op = op;
  node->type = type;
  node->child_count = child_count;
  if (child_count > 0) node->children = arena_array(&lower->scratch, struct expr_node *, child_count);
  return node;
}

struct expr_node *lower_input(struct lower *lower, enum expr_bank bank, uint16_t index, struct type type) {
  struct expr_node *node = lower_node(lower, EXPR_INPUT, type, 0);
  node->bank = (uint16_t)bank;
  node->index = index;
  return node;
}

struct expr_node *lower_const(struct lower *lower, struct value value, struct type type) {
  struct expr_node *node = lower_node(lower, EXPR_CONST, type, 0);
  node->value = value;
  return node;
}

/* Constants are cast here, so that the index sees a constant. */
struct expr_node *lower_cast(struct lower *lower, struct expr_node *node, struct type to) {
  if (to.kind == VALUE_NULL || type_equal(node->type, to)) return node;
  if (node->op == EXPR_CONST && (value_is_null(node->value) || number_kind(to.kind))) {
    struct expr_counts counts = {0};
    struct value v = number_cast(node->value, to, &counts);
    if (counts.overflow == 0) return lower_const(lower, v, to);
  }
  struct expr_node *cast = lower_node(lower, EXPR_CAST, to, 1);
  cast->children[0] = node;
  return cast;
}

const struct expr *lower_compile(struct lower *lower, const struct expr_node *node, struct span span) {
  struct err err;
  err_clear(&err);
  const struct expr *expr = expr_compile(lower->arena, node, &err);
  if (expr == NULL) lower_error(lower, span, "expression-limit", NULL, "%s", err.text);
  return expr;
}

const struct expr *lower_compiled(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr) {
  struct expr_node *node = lower_expr(lower, scope, expr);
  return node == NULL ? NULL : lower_compile(lower, node, expr->span);
}

/* ---- regexes and zones, each once ---- */

/* Where the byte `offset` of a literal's text stands: literals are slices of their file's text. */
static struct span inside_literal(const struct lower *lower, const struct tree_expr *expr, size_t offset) {
  struct span span = expr->span;
  if (span.file >= lower->tree->file_count) return span;
  struct slice text = lower->tree->files[span.file].text;
  const char *at = expr->regex.data + (offset < expr->regex.length ? offset : expr->regex.length);
  if (text.data == NULL || at < text.data || at > text.data + text.length) return span;
  uint32_t line = 1, column = 1;
  for (const char *c = text.data; c < at; c++) {
    column = *c == '\n' ? 1 : column + (((unsigned char)*c & 0xC0) != 0x80);
    line += *c == '\n';
  }
  return span_at(span.file, line, column, 1);
}

struct regex *lower_regex(struct lower *lower, const struct tree_expr *expr) {
  /* The flags have no slash, so no two literals run together. */
  char *text = arena_alloc(&lower->work, expr->regex_flags.length + 1 + expr->regex.length);
  memcpy(text, expr->regex_flags.data == NULL ? "" : expr->regex_flags.data, expr->regex_flags.length);
  text[expr->regex_flags.length] = '/';
  memcpy(text + expr->regex_flags.length + 1, expr->regex.data == NULL ? "" : expr->regex.data, expr->regex.length);
  struct slice key = {text, expr->regex_flags.length + 1 + expr->regex.length};
  bool is_new;
  uint32_t *index = map_text_put(&lower->regexes, key, &is_new);
  if (!is_new) return *index == UINT32_MAX ? NULL : lower->regex_items[*index];
  *index = lower->regex_count;
  if (lower->regex_count == lower->regex_capacity) {
    uint16_t capacity = lower->regex_capacity == 0               ? 16
                        : lower->regex_capacity > UINT16_MAX / 2 ? UINT16_MAX
                                                                 : 2 * lower->regex_capacity;
    lower->regex_items = mem_realloc(lower->mem, lower->regex_items, capacity * sizeof *lower->regex_items);
    lower->regex_capacity = capacity;
  }
  struct regex *regex = NULL;
  struct err err;
  err_clear(&err);
  unsigned flags = 0;
  size_t offset = 0;
  if (lower->regex_count == UINT16_MAX)
    lower_error(lower, expr->span, "regex-limit", NULL, "more than %d different regular expressions", UINT16_MAX);
  else if (!regex_flags(expr->regex_flags, &flags))
    lower_error(lower, expr->span, "bad-regex", "the flags are i, s and x", "bad flags of a regular expression");
  else if (regex_compile(lower->mem, expr->regex, flags, lower->regex_scratch, &regex, &offset, &err) != 0)
    lower_error(lower, inside_literal(lower, expr, offset), "bad-regex", NULL, "%s", err.text);
  if (regex == NULL) {
    *index = UINT32_MAX; /* never asked again: an error ends the compilation, but the other texts are still looked at */
    return NULL;
  }
  lower->regex_items[lower->regex_count++] = regex;
  return regex;
}

const struct zone *lower_zone(struct lower *lower, struct slice name, struct span span) {
  bool is_new;
  uint32_t *index = map_text_put(&lower->zones, name, &is_new);
  if (!is_new) return *index == UINT32_MAX ? NULL : lower->zone_items[*index];
  *index = UINT32_MAX;
  if (lower->zone_count == lower->zone_capacity) {
    lower->zone_capacity = lower->zone_capacity == 0 ? 8 : (uint16_t)(2 * lower->zone_capacity);
    lower->zone_items = mem_realloc(lower->mem, lower->zone_items, lower->zone_capacity * sizeof *lower->zone_items);
  }
  struct err err;
  err_clear(&err);
  const struct zone *zone = zone_load(lower->arena, lower->options->env, name, &err);
  if (zone == NULL) {
    lower_error(lower, span, "unknown-zone", "zones are called as in the IANA data base: \"Europe/Berlin\"", "%s",
                err.text);
    return NULL;
  }
  *index = lower->zone_count;
  lower->zone_items[lower->zone_count++] = zone;
  return zone;
}

/* ---- names ---- */

static struct expr_node *field_input(struct lower *lower, const struct lower_scope *scope, const struct ref *ref) {
  uint16_t index = ref->fields != NULL ? ref->fields[scope->type_index] : ref->field;
  const struct schema_field *field = lower_field(lower, scope->type, index);
  check(field->used);
  return lower_input(lower, BANK_EVENT, field->slot, field->type);
}

/* What a path stands for, before an index `[i]` is applied to it. */
static struct expr_node *named_value(struct lower *lower, const struct lower_scope *scope,
                                     const struct tree_expr *expr) {
  const struct ref *ref = &expr->ref;
  const struct rule_tree *rule = scope->rule;
  switch (ref->kind) {
  case REF_FIELD:
  case REF_LIST_FIELD: return field_input(lower, scope, ref);
  case REF_STEP_FIELD:
    if (scope->join != NULL) return lower_side(lower, scope, expr); /* fall through */
  case REF_AGGREGATE: return lower_step_value(lower, scope, expr);
  case REF_KEY: {
    const struct key_tree *key = scope->key != NULL ? scope->key : rule->key;
    return lower_input(lower, BANK_KEY, ref->index, key->parts[ref->index].type);
  }
  case REF_EMIT:
  case REF_TOLD: {
    const struct tree_expr *emitted = rule->emit[ref->index].expr;
    struct type type = emitted->cast.kind != VALUE_NULL ? emitted->cast : emitted->type;
    return lower_input(lower, ref->kind == REF_TOLD ? BANK_TOLD : BANK_EMIT, ref->index, type);
  }
  case REF_ELEMENT: return lower_input(lower, BANK_REGISTER, 0, expr->type);
  case REF_WINDOW:
    return lower_input(lower, BANK_WINDOW, ref->index == 0 ? WINDOW_START : WINDOW_END, TYPE(VALUE_TIME));
  case REF_COUNTER: return lower_counting(lower, scope, expr);
  case REF_MODEL: return lower_model_value(lower, scope, expr);
  default: check_failed("a name that lowering knows", __FILE__, __LINE__);
  }
}

static struct expr_node *lower_path(struct lower *lower, const struct lower_scope *scope,
                                    const struct tree_expr *expr) {
  if (expr->ref.kind == REF_TABLE) {
    struct expr_node *key = lower_expr(lower, scope, expr->at->key);
    if (key == NULL) return NULL;
    struct expr_node *node = lower_node(lower, EXPR_TABLE, expr->type, 1);
    lower->ruleset->tables[expr->ref.index].asked |= (uint64_t)1 << lower->level;
    lower->time_asks |= lower->by_time && lower->ruleset->tables[expr->ref.index].live;
    node->index = expr->ref.index;
    node->column = expr->ref.column;
    node->children[0] = key;
    return node;
  }
  struct expr_node *value = named_value(lower, scope, expr);
  if (value == NULL || expr->at == NULL) return value;
  struct expr_node *index = lower_expr(lower, scope, expr->at->key);
  if (index == NULL) return NULL;
  struct expr_node *node = lower_node(lower, EXPR_ELEMENT, expr->type, 2);
  node->children[0] = value;
  node->children[1] = index;
  return node;
}

/* ---- operators ---- */

static struct expr_node *lower_children(struct lower *lower, const struct lower_scope *scope,
                                        const struct tree_expr *expr, enum expr_op op) {
  struct expr_node *node = lower_node(lower, op, expr->type, expr->item_count);
  for (uint16_t i = 0; i < expr->item_count; i++) {
    node->children[i] = lower_expr(lower, scope, expr->items[i]);
    if (node->children[i] == NULL) return NULL;
  }
  return node;
}

static struct expr_node *lower_negated(struct lower *lower, const struct tree_expr *expr, struct expr_node *node) {
  if (node == NULL || !expr->negated) return node;
  struct expr_node *negation = lower_node(lower, EXPR_NOT, TYPE(VALUE_BOOL), 1);
  negation->children[0] = node;
  return negation;
}

/* `2 * 100`, `1h + 30m`: a constant that the index can use. What overflows stays, and is counted when it runs. */
static struct expr_node *folded(struct lower *lower, struct expr_node *node) {
  struct expr_counts counts = {0};
  struct value v;
  if (node == NULL || node->children[0]->op != EXPR_CONST) return node;
  if (node->op == EXPR_NEGATE) {
    v = number_negate(node->children[0]->value, &counts);
  } else {
    if (node->op < EXPR_ADD || node->op > EXPR_MODULO || node->children[1]->op != EXPR_CONST) return node;
    v = number_binary(node->op, node->children[0]->value, node->children[1]->value, node->type, &counts);
  }
  return counts.overflow == 0 ? lower_const(lower, v, node->type) : node;
}

static struct expr_node *lower_between(struct lower *lower, const struct lower_scope *scope,
                                       const struct tree_expr *expr) {
  struct expr_node *all = lower_children(lower, scope, expr, EXPR_AND);
  if (all == NULL) return NULL;
  struct expr_node *both = lower_node(lower, EXPR_AND, TYPE(VALUE_BOOL), 2);
  for (uint16_t i = 0; i < 2; i++) {
    struct expr_node *side = lower_node(lower, i == 0 ? EXPR_GREATER_EQUAL : EXPR_LESS_EQUAL, TYPE(VALUE_BOOL), 2);
    side->children[0] = all->children[0];
    side->children[1] = all->children[1 + i];
    both->children[i] = side;
  }
  return lower_negated(lower, expr, both);
}

static struct expr_node *lower_in_name(struct lower *lower, const struct lower_scope *scope,
                                       const struct tree_expr *expr) {
  struct expr_node *left = lower_expr(lower, scope, expr->items[0]);
  if (left == NULL) return NULL;
  bool list = expr->ref.kind == REF_LIST;
  struct expr_node *node = lower_node(lower, list ? EXPR_IN_LIST : EXPR_IN_VALUE, TYPE(VALUE_BOOL), list ? 1 : 2);
  node->children[0] = left;
  if (list) {
    lower->ruleset->lists[expr->ref.index].asked |= (uint64_t)1 << lower->level;
    lower->time_asks |= lower->by_time && lower->ruleset->lists[expr->ref.index].live;
  }
  if (list)
    node->index = expr->ref.index;
  else
    node->children[1] = named_value(lower, scope, expr);
  return list || node->children[1] != NULL ? lower_negated(lower, expr, node) : NULL;
}

static struct expr_node *lower_matches(struct lower *lower, const struct lower_scope *scope,
                                       const struct tree_expr *expr) {
  struct expr_node *subject = lower_expr(lower, scope, expr->items[0]);
  struct regex *regex = lower_regex(lower, expr);
  if (subject == NULL || regex == NULL) return NULL;
  struct expr_node *node = lower_node(lower, EXPR_MATCHES, TYPE(VALUE_BOOL), 1);
  node->children[0] = subject;
  node->regex = regex;
  return lower_negated(lower, expr, node);
}

static struct expr_node *lower_uncast(struct lower *lower, const struct lower_scope *scope,
                                      const struct tree_expr *expr) {
  switch (expr->kind) {
  case TREE_LITERAL: return lower_const(lower, expr->value, expr->type);
  case TREE_PATH: return lower_path(lower, scope, expr);
  case TREE_NEGATE: return folded(lower, lower_children(lower, scope, expr, EXPR_NEGATE));
  case TREE_NOT: return lower_children(lower, scope, expr, EXPR_NOT);
  case TREE_AND: return lower_children(lower, scope, expr, EXPR_AND);
  case TREE_OR: return lower_children(lower, scope, expr, EXPR_OR);
  case TREE_BINARY: return folded(lower, lower_children(lower, scope, expr, expr->op));
  case TREE_COALESCE: return lower_children(lower, scope, expr, EXPR_COALESCE);
  case TREE_BETWEEN: return lower_between(lower, scope, expr);
  case TREE_IN: return lower_negated(lower, expr, lower_children(lower, scope, expr, EXPR_IN_SET));
  case TREE_IN_NAME: return lower_in_name(lower, scope, expr);
  case TREE_MATCHES: return lower_matches(lower, scope, expr);
  case TREE_IS_NULL: return lower_negated(lower, expr, lower_children(lower, scope, expr, EXPR_IS_NULL));
  case TREE_CALL: return lower_call(lower, scope, expr);
  case TREE_COUNTING:
    return scope->window != NULL ? lower_window_aggregate(lower, scope, expr) : lower_counting(lower, scope, expr);
  case TREE_SEEN: return lower_seen(lower, scope, expr, NULL);
  case TREE_IN_SEEN: return lower_negated(lower, expr, lower_seen(lower, scope, expr->items[1], expr->items[0]));
  default: check_failed("a construct that check_runnable() lets through", __FILE__, __LINE__);
  }
}

/* Recursion follows the tree, whose depth is limited (TREE_DEPTH_MAX). */
struct expr_node *lower_expr(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr) {
  struct expr_node *node = lower_uncast(lower, scope, expr);
  return node == NULL ? NULL : lower_cast(lower, node, expr->cast);
}
