/* check_type.c - types of operators: base/expr_type says what fits, this file says it to the user. */
#include "rules/check_private.h"
#include "rules/lex.h"

bool type_is_number(struct type type) {
  return type.kind == VALUE_INT || type.kind == VALUE_DECIMAL || type.kind == VALUE_FLOAT;
}

bool type_is_ordered(struct type type) {
  return type_is_number(type) || type.kind == VALUE_STRING || type.kind == VALUE_TIME || type.kind == VALUE_DURATION ||
         type.kind == VALUE_IP;
}

bool check_cast(struct tree_expr *expr, struct type to) {
  struct type from = expr->type;
  if (type_bad(from) || type_bad(to) || from.kind == VALUE_NULL || type_equal(from, to)) return true;
  bool widens = (from.kind == VALUE_INT && (to.kind == VALUE_DECIMAL || to.kind == VALUE_FLOAT)) ||
                (from.kind == VALUE_DECIMAL && to.kind == VALUE_FLOAT) ||
                (from.kind == VALUE_DECIMAL && to.kind == VALUE_DECIMAL && from.scale < to.scale);
  if (widens) expr->cast = to;
  return widens;
}

static void literal_beside_float(struct tree_expr *literal, struct type other) {
  if (literal->kind == TREE_LITERAL && literal->type.kind == VALUE_DECIMAL && other.kind == VALUE_FLOAT)
    literal->cast = other;
}

/* A bool beside a number. */
static const char *hint_of_bool(struct checker *c, const struct tree_expr *truth, const struct tree_expr *number,
                                enum expr_op op) {
  bool asks = op == EXPR_LESS || op == EXPR_LESS_EQUAL || op == EXPR_GREATER || op == EXPR_GREATER_EQUAL;
  bool arithmetic = op >= EXPR_ADD && op <= EXPR_MODULO;
  bool named = truth->kind == TREE_PATH && truth->part_count == 1 && truth->at == NULL;
  struct slice name = named ? lex_shown(truth->parts[0].text) : SLICE("…");
  if (!arithmetic && number->kind == TREE_LITERAL) {
    if (!asks) return "write true or false";
    return named ? check_text(c, "a bool stands by itself: `" SLICE_FMT "`, or `not " SLICE_FMT "`", SLICE_ARG(name),
                              SLICE_ARG(name))
                 : "a bool stands by itself, or behind `not`";
  }
  return check_text(c, "as a number it is `if(" SLICE_FMT ", 1, 0)`", SLICE_ARG(name));
}

/* What helps most: usual slips first, then what the types say. */
static const char *hint_for(struct checker *c, enum expr_op op, const struct tree_expr *a, const struct tree_expr *b,
                            const char *why) {
  const struct tree_expr *text = a->type.kind == VALUE_STRING ? a : b->type.kind == VALUE_STRING ? b : NULL;
  const struct tree_expr *other = text == a ? b : a;
  if (text != NULL && text->kind == TREE_LITERAL) {
    if (other->type.kind == VALUE_TIME) return "a time is written as @2026-11-21T10:00:00Z";
    if (other->type.kind == VALUE_IP) return "an address is written without quotes";
    if (other->type.kind == VALUE_DURATION) return "a duration is written without quotes, as 5m";
    if (type_is_number(other->type)) return "a number is written without quotes";
    if (other->type.kind == VALUE_BOOL) return "write true or false, without quotes";
  }
  if (a->type.kind == VALUE_DURATION && type_is_number(b->type)) return "a duration has a unit, as 5m";
  if (b->type.kind == VALUE_DURATION && type_is_number(a->type)) return "a duration has a unit, as 5m";
  if (a->type.kind == VALUE_BOOL && type_is_number(b->type)) return hint_of_bool(c, a, b, op);
  if (b->type.kind == VALUE_BOOL && type_is_number(a->type)) return hint_of_bool(c, b, a, op);
  if (a->type.kind == VALUE_TIME && type_is_number(b->type) && strncmp(why, "only values", 11) == 0)
    return "a time is written as @2026-11-21T10:00:00Z";
  const struct tree_expr *list = a->type.kind == VALUE_LIST ? a : b->type.kind == VALUE_LIST ? b : NULL;
  if (list != NULL && list->type.element == (list == a ? b : a)->type.kind) return "use `in`: `value in list`";
  if (a->type.kind == VALUE_STRING && b->kind == TREE_LITERAL && b->type.kind != VALUE_STRING)
    return "a string stands in quotes";
  return why[0] == '\0' ? NULL : why;
}

struct type check_binary(struct checker *c, struct span at, enum expr_op op, const char *sign, struct tree_expr *a,
                         struct tree_expr *b) {
  if (type_bad(a->type) || type_bad(b->type)) return TYPE_BAD;
  struct type result;
  const char *why = "";
  bool equality = op == EXPR_EQUAL || op == EXPR_NOT_EQUAL;
  bool comparison =
      equality || op == EXPR_LESS || op == EXPR_LESS_EQUAL || op == EXPR_GREATER || op == EXPR_GREATER_EQUAL;
  if (comparison && (a->type.kind == VALUE_NULL || b->type.kind == VALUE_NULL)) {
    check_say(c, at, "null-comparison", op == EXPR_NOT_EQUAL ? "use `is not null`" : "use `is null`",
              "a comparison with null is never true");
    return TYPE_BAD;
  }
  if (!expr_type_binary(op, a->type, b->type, &result, &why)) {
    check_say(c, at, "type-mismatch", hint_for(c, op, a, b, why), "`%s` does not take %s and %s", sign,
              TYPE_TEXT(a->type), TYPE_TEXT(b->type));
    return TYPE_BAD;
  }
  literal_beside_float(a, b->type);
  literal_beside_float(b, a->type);
  if (op == EXPR_COALESCE) {
    check_cast(a, result);
    check_cast(b, result);
  }
  return result;
}
