/* expr_type.c - which types the operators take and what they give: the checker asks, and the compiler of expressions
 * asks the same functions, so the two cannot differ. Owns nothing. */
#include "base/check.h"
#include "base/expr_number.h"

static bool refuse(const char **why, const char *text) {
  *why = text;
  return false;
}

static bool give(struct type *out, struct type type) {
  *out = type;
  return true;
}

static bool is_number(struct type type) { return number_kind(type.kind); }
static bool is_null(struct type type) { return type.kind == VALUE_NULL; }

static struct type wider_number(struct type a, struct type b) {
  if (a.kind == VALUE_FLOAT || b.kind == VALUE_FLOAT) return TYPE(VALUE_FLOAT);
  if (a.kind == VALUE_INT && b.kind == VALUE_INT) return a;
  return TYPE_DECIMAL(a.scale > b.scale ? a.scale : b.scale); /* an int has scale 0 */
}

bool expr_type_common(struct type a, struct type b, struct type *out) {
  if (is_null(a)) return give(out, b);
  if (is_null(b) || type_equal(a, b)) return give(out, a);
  if (is_number(a) && is_number(b)) return give(out, wider_number(a, b));
  return false;
}

bool expr_type_comparable(struct type a, struct type b) {
  if (is_null(a) || is_null(b) || (is_number(a) && is_number(b))) return true;
  if (a.kind == VALUE_NETWORK || a.kind != b.kind) return false;
  if (a.kind != VALUE_LIST) return true;
  return expr_type_comparable((struct type){.kind = a.element, .scale = a.element_scale},
                              (struct type){.kind = b.element, .scale = b.element_scale});
}

static bool type_sum(enum expr_op op, struct type a, struct type b, struct type *out, const char **why) {
  bool add = op == EXPR_ADD;
  if (is_number(a) && is_number(b)) return give(out, wider_number(a, b));
  if (a.kind == VALUE_DURATION && b.kind == VALUE_DURATION) return give(out, a);
  if (a.kind == VALUE_TIME && b.kind == VALUE_DURATION) return give(out, a);
  if (add && a.kind == VALUE_DURATION && b.kind == VALUE_TIME) return give(out, b);
  if (!add && a.kind == VALUE_TIME && b.kind == VALUE_TIME) return give(out, TYPE(VALUE_DURATION));
  if (a.kind == VALUE_STRING && b.kind == VALUE_STRING && add) return refuse(why, "use concat() to join strings");
  return refuse(why, add ? "`+` takes two numbers, two durations, or a time and a duration"
                         : "`-` takes two numbers, two durations, two times, or a time and a duration");
}

static bool type_product(struct type a, struct type b, struct type *out, const char **why) {
  if (is_number(a) && is_number(b)) {
    struct type type = wider_number(a, b);
    if (type.kind == VALUE_DECIMAL) {
      if (a.scale + b.scale > DECIMAL_DIGITS_MAX)
        return refuse(why, "the product would have more than 18 digits after the point");
      type.scale = (uint8_t)(a.scale + b.scale);
    }
    return give(out, type);
  }
  if ((a.kind == VALUE_DURATION && is_number(b)) || (is_number(a) && b.kind == VALUE_DURATION))
    return give(out, TYPE(VALUE_DURATION));
  return refuse(why, "`*` takes two numbers, or a duration and a number");
}

static bool type_quotient(struct type a, struct type b, struct type *out, const char **why) {
  if ((is_number(a) && is_number(b)) || (a.kind == VALUE_DURATION && b.kind == VALUE_DURATION))
    return give(out, TYPE(VALUE_FLOAT));
  if (a.kind == VALUE_DURATION && is_number(b)) return give(out, a);
  return refuse(why, "`/` takes two numbers, two durations, or a duration and a number");
}

static struct type null_stands_for(enum expr_op op, struct type other) {
  if (op == EXPR_MULTIPLY) return TYPE(VALUE_INT);
  return op == EXPR_ADD && other.kind == VALUE_TIME ? TYPE(VALUE_DURATION) : other;
}

/* A null literal in arithmetic: the result is null whatever the other side, its type is the one that two of the other
 * side would give. */
static bool type_arithmetic(enum expr_op op, struct type a, struct type b, struct type *out, const char **why) {
  if (is_null(a) && is_null(b)) return give(out, a);
  if (is_null(a)) a = null_stands_for(op, b);
  if (is_null(b)) b = null_stands_for(op, a);
  switch (op) {
  case EXPR_ADD:
  case EXPR_SUBTRACT: return type_sum(op, a, b, out, why);
  case EXPR_MULTIPLY: return type_product(a, b, out, why);
  case EXPR_DIVIDE: return type_quotient(a, b, out, why);
  default:
    if (is_number(a) && is_number(b)) return give(out, wider_number(a, b));
    if (a.kind == VALUE_DURATION && b.kind == VALUE_DURATION) return give(out, a);
    return refuse(why, "`%` takes two numbers or two durations");
  }
}

static bool type_comparison(bool equality, struct type a, struct type b, struct type *out, const char **why) {
  if (!expr_type_comparable(a, b)) {
    if (b.kind == VALUE_NETWORK) return refuse(why, "a network is asked with `in`");
    return refuse(why, "only values of one type, or numbers, can be compared");
  }
  if (!equality && (a.kind == VALUE_BOOL || a.kind == VALUE_LIST || b.kind == VALUE_BOOL || b.kind == VALUE_LIST))
    return refuse(why, "bools and lists are compared with `==` and `!=` only");
  return give(out, TYPE(VALUE_BOOL));
}

bool expr_type_binary(enum expr_op op, struct type a, struct type b, struct type *out, const char **why) {
  *why = "";
  switch (op) {
  case EXPR_ADD:
  case EXPR_SUBTRACT:
  case EXPR_MULTIPLY:
  case EXPR_DIVIDE:
  case EXPR_MODULO: return type_arithmetic(op, a, b, out, why);
  case EXPR_EQUAL:
  case EXPR_NOT_EQUAL: return type_comparison(true, a, b, out, why);
  case EXPR_LESS:
  case EXPR_LESS_EQUAL:
  case EXPR_GREATER:
  case EXPR_GREATER_EQUAL: return type_comparison(false, a, b, out, why);
  case EXPR_AND:
  case EXPR_OR:
    if ((a.kind == VALUE_BOOL || is_null(a)) && (b.kind == VALUE_BOOL || is_null(b)))
      return give(out, TYPE(VALUE_BOOL));
    return refuse(why, "`and` and `or` take bools");
  case EXPR_IN_SET:
    if (expr_type_comparable(a, b) || (a.kind == VALUE_IP && b.kind == VALUE_NETWORK))
      return give(out, TYPE(VALUE_BOOL));
    return refuse(why, "what is sought and the members must be of one type, or numbers");
  case EXPR_IN_VALUE:
    if (is_null(b)) return give(out, TYPE(VALUE_BOOL));
    if (b.kind != VALUE_LIST) return refuse(why, "`in` takes a list");
    if (expr_type_comparable(a, (struct type){.kind = b.element, .scale = b.element_scale}))
      return give(out, TYPE(VALUE_BOOL));
    return refuse(why, "what is sought and the list's elements must be of one type, or numbers");
  case EXPR_ELEMENT:
    if (a.kind != VALUE_LIST) return refuse(why, "`[…]` takes a list");
    if (b.kind != VALUE_INT && !is_null(b)) return refuse(why, "a list's element is chosen by an int, from 1");
    return give(out, (struct type){.kind = a.element, .scale = a.element_scale});
  case EXPR_COALESCE:
    if (expr_type_common(a, b, out)) return true;
    return refuse(why, "both sides of `??` must be of one type, or numbers");
  default: check(false); return false;
  }
}

bool expr_type_unary(enum expr_op op, struct type a, struct type *out, const char **why) {
  *why = "";
  switch (op) {
  case EXPR_NEGATE:
    if (is_number(a) || a.kind == VALUE_DURATION || is_null(a)) return give(out, a);
    return refuse(why, "`-` takes a number or a duration");
  case EXPR_NOT:
    if (a.kind == VALUE_BOOL || is_null(a)) return give(out, TYPE(VALUE_BOOL));
    return refuse(why, "`not` takes a bool");
  case EXPR_MATCHES:
    if (a.kind == VALUE_STRING || is_null(a)) return give(out, TYPE(VALUE_BOOL));
    return refuse(why, "`matches` takes a string");
  case EXPR_IS_NULL: return give(out, TYPE(VALUE_BOOL));
  default: check(false); return false;
  }
}
