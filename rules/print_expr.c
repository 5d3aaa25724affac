/* print_expr.c - expressions, types, literals and keys on one line. Parentheses stand where precedence needs them and
 * nowhere else. Used by fmt, explain and the lints. */
#include "rules/print_core.h"

#include "base/decimal.h"
#include "base/ip.h"
#include "base/time_text.h"

enum {
  LEVEL_ANY,
  LEVEL_OR,
  LEVEL_AND,
  LEVEL_NOT,
  LEVEL_COMPARE,
  LEVEL_SUM,
  LEVEL_PRODUCT,
  LEVEL_UNARY,
  LEVEL_COALESCE,
  LEVEL_PRIMARY
};

void print_duration(struct buf *out, int64_t us) { duration_write(out, us); }

void print_string(struct buf *out, struct slice text) {
  buf_byte(out, '"');
  for (size_t i = 0; i < text.length; i++) {
    char c = text.data[i];
    if (c == '"' || c == '\\')
      buf_byte(out, '\\'), buf_byte(out, c);
    else if (c == '\n')
      buf_str(out, "\\n");
    else if (c == '\t')
      buf_str(out, "\\t");
    else if ((unsigned char)c < 0x20 || c == 0x7f)
      buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
    else
      buf_byte(out, c);
  }
  buf_byte(out, '"');
}

void print_type(struct buf *out, struct type type, enum time_unit unit) {
  static const char *const units[] = {[TIME_TEXT] = "", [TIME_S] = "(s)", [TIME_MS] = "(ms)", [TIME_US] = "(us)"};
  char name[32];
  if (type.kind == VALUE_LIST) {
    buf_byte(out, '[');
    print_type(out, (struct type){.kind = type.element, .scale = type.element_scale}, unit);
    buf_byte(out, ']');
    return;
  }
  buf_str(out, type_name(type, name));
  if (type.kind == VALUE_TIME) buf_str(out, units[unit]);
}

void print_names(struct buf *out, const struct name *names, uint16_t count, const char *between) {
  for (uint16_t i = 0; i < count; i++) {
    if (i > 0) buf_str(out, between);
    buf_slice(out, names[i].text);
  }
}

void print_key(struct buf *out, const struct key_tree *key) {
  if (key->none) buf_str(out, "none");
  for (uint16_t i = 0; i < key->part_count; i++) {
    const struct key_part *part = &key->parts[i];
    if (i > 0) buf_str(out, ", ");
    buf_slice(out, part->name.text);
    for (uint16_t j = 0; j < part->path_count; j++) {
      buf_str(out, j == 0 ? ": " : ", ");
      buf_slice(out, part->paths[j].event.text);
      buf_byte(out, '.');
      buf_slice(out, part->paths[j].field.text);
    }
  }
}

void print_use(struct buf *out, const struct use *use) {
  buf_slice(out, use->event.text);
  if (use->condition == NULL) return;
  buf_byte(out, '(');
  print_expr(out, use->condition);
  buf_byte(out, ')');
}

/* ---- literals ---- */

static bool is_number(struct value v) {
  return v.kind == VALUE_INT || v.kind == VALUE_DECIMAL || v.kind == VALUE_FLOAT || v.kind == VALUE_DURATION;
}

static bool is_negative(const struct tree_expr *expr) {
  if (expr->kind != TREE_LITERAL || !is_number(expr->value)) return false;
  return expr->source.length > 0           ? expr->source.data[0] == '-'
         : expr->value.kind == VALUE_FLOAT ? expr->value.f < 0
                                           : expr->value.i < 0;
}

/* A float keeps its exponent, which makes it one. */
static void print_float(struct buf *out, double f) {
  char text[NUMBER_TEXT_MAX];
  unsigned length = number_float_text(text, f);
  buf_add(out, text, length);
  if (memchr(text, 'e', length) == NULL) buf_str(out, "e0");
}

static void print_literal(struct buf *out, const struct tree_expr *expr) {
  struct value v = expr->value;
  char text[IP_TEXT_MAX];
  bool spelt = expr->source.length > 0; /* digits, underscores and offsets as they were written */
  struct ip ip;
  switch ((enum value_kind)v.kind) {
  case VALUE_NULL: buf_str(out, "null"); return;
  case VALUE_BOOL: buf_str(out, v.i != 0 ? "true" : "false"); return;
  case VALUE_STRING: print_string(out, value_slice(v)); return;
  case VALUE_DURATION:
    /* The sign is part of the literal, also of nothing. */
    if (is_negative(expr) && v.i >= 0) buf_byte(out, '-');
    print_duration(out, v.i);
    return;
  case VALUE_LIST:
    buf_byte(out, '[');
    for (uint16_t i = 0; i < expr->item_count; i++) {
      if (i > 0) buf_str(out, ", ");
      print_literal(out, expr->items[i]);
    }
    buf_byte(out, ']');
    return;
  default: break;
  }
  if (spelt) {
    buf_slice(out, expr->source);
    return;
  }
  switch ((enum value_kind)v.kind) {
  case VALUE_INT: number_write_int(out, v.i); return;
  case VALUE_FLOAT: print_float(out, v.f); return;
  case VALUE_DECIMAL: decimal_write(out, v.i, v.scale); return;
  case VALUE_TIME:
    buf_byte(out, '@');
    time_write(out, v.i);
    return;
  default:
    ip = ip_of_value(v);
    buf_add(out, text, v.kind == VALUE_NETWORK ? ip_network_text(text, &ip) : ip_text(text, &ip));
  }
}

static void print_float_value(struct buf *out, double f) {
  char text[NUMBER_TEXT_MAX];
  unsigned length = number_float_text(text, f), digits = 0;
  bool exponent = memchr(text, 'e', length) != NULL;
  for (unsigned i = 0; i < length; i++) digits += text[i] >= '0' && text[i] <= '9';
  if (!exponent && digits > DECIMAL_DIGITS_MAX) length = number_exponent_text(text, f); /* no int, no decimal */
  buf_add(out, text, length);
}

static void print_scalar(struct buf *out, struct value value) {
  switch ((enum value_kind)value.kind) {
  case VALUE_DURATION: print_duration(out, value.i); return;
  case VALUE_STRING: print_string(out, value_slice(value)); return;
  case VALUE_FLOAT: print_float_value(out, value.f); return;
  default: value_json(out, value);
  }
}

void print_value(struct buf *out, struct value value) {
  if (value.kind != VALUE_LIST) {
    print_scalar(out, value);
    return;
  }
  buf_byte(out, '[');
  for (uint32_t i = 0; i < value.length; i++) {
    if (i > 0) buf_str(out, ", ");
    print_scalar(out, value.list[i]);
  }
  buf_byte(out, ']');
}

/* ---- calls and counters ---- */

static void print_items(struct buf *out, struct tree_expr *const *items, uint16_t first, uint16_t count) {
  for (uint16_t i = first; i < count; i++) {
    if (i > first) buf_str(out, ", ");
    print_expr(out, items[i]);
  }
}

static void print_of(struct buf *out, const struct use *use) {
  if (use == NULL) return;
  buf_str(out, " of ");
  print_use(out, use);
}

static void print_seen(struct buf *out, const struct tree_expr *expr) {
  buf_str(out, "seen(");
  print_expr(out, expr->items[0]);
  buf_str(out, ", ");
  print_duration(out, expr->seen_us);
  buf_byte(out, ')');
  print_of(out, expr->seen_of);
}

static void print_span(struct buf *out, const struct counting *counting) {
  switch (counting->over) {
  case SPAN_NONE: return;
  case SPAN_DURATION: buf_str(out, " over "); break;
  case SPAN_PREVIOUS: buf_str(out, " over previous "); break;
  case SPAN_EVER: buf_str(out, " over ever idle "); break;
  case SPAN_TODAY:
    buf_str(out, " over today");
    if (counting->zone.data != NULL) buf_byte(out, ' '), print_string(out, counting->zone);
    return;
  case SPAN_LAST:
    buf_printf(out, " over last %lld", (long long)counting->over_count);
    if (counting->over_us < 0) return;
    buf_str(out, " within ");
    break;
  }
  print_duration(out, counting->over_us);
}

static void print_counting(struct buf *out, const struct counting *counting) {
  buf_slice(out, counting->aggregate.text);
  buf_byte(out, '(');
  if (counting->argument != NULL) print_expr(out, counting->argument);
  if (counting->has_parameter) {
    buf_str(out, ", ");
    if (counting->parameter_is_duration)
      print_duration(out, counting->parameter);
    else
      number_write_int(out, counting->parameter);
  }
  if (counting->top_aggregate.text.length > 0) {
    buf_str(out, " by ");
    buf_slice(out, counting->top_aggregate.text);
    buf_byte(out, '(');
    print_expr(out, counting->top_argument);
    buf_byte(out, ')');
  }
  if (counting->where != NULL) {
    buf_str(out, counting->argument != NULL ? " where " : "where ");
    print_expr(out, counting->where);
  }
  buf_byte(out, ')');
  print_of(out, counting->of);
  if (counting->by_count > 0) {
    buf_str(out, counting->by_count > 1 ? " by (" : " by ");
    print_names(out, counting->by, counting->by_count, ", ");
    if (counting->by_count > 1) buf_byte(out, ')');
  }
  print_span(out, counting);
  if (counting->approx) buf_str(out, " approx");
}

/* ---- operators ---- */

static const char *binary_text(enum expr_op op) {
  switch (op) {
  case EXPR_ADD: return " + ";
  case EXPR_SUBTRACT: return " - ";
  case EXPR_MULTIPLY: return " * ";
  case EXPR_DIVIDE: return " / ";
  case EXPR_MODULO: return " % ";
  case EXPR_NOT_EQUAL: return " != ";
  case EXPR_LESS: return " < ";
  case EXPR_LESS_EQUAL: return " <= ";
  case EXPR_GREATER: return " > ";
  case EXPR_GREATER_EQUAL: return " >= ";
  default: return " == ";
  }
}

static int level_of(const struct tree_expr *expr) {
  switch (expr->kind) {
  case TREE_OR: return LEVEL_OR;
  case TREE_AND: return LEVEL_AND;
  case TREE_NOT: return LEVEL_NOT;
  case TREE_BINARY:
    if (expr->op == EXPR_ADD || expr->op == EXPR_SUBTRACT) return LEVEL_SUM;
    return expr->op == EXPR_MULTIPLY || expr->op == EXPR_DIVIDE || expr->op == EXPR_MODULO ? LEVEL_PRODUCT
                                                                                           : LEVEL_COMPARE;
  case TREE_BETWEEN:
  case TREE_IN:
  case TREE_IN_NAME:
  case TREE_IN_SEEN:
  case TREE_MATCHES:
  case TREE_IS_NULL: return LEVEL_COMPARE;
  case TREE_NEGATE: return LEVEL_UNARY;
  case TREE_COALESCE: return LEVEL_COALESCE;
  case TREE_LITERAL: return is_negative(expr) ? LEVEL_UNARY : LEVEL_PRIMARY;
  default: return LEVEL_PRIMARY;
  }
}

static void print_chain(struct buf *out, const struct tree_expr *expr, const char *word, int level) {
  for (uint16_t i = 0; i < expr->item_count; i++) {
    if (i > 0) buf_str(out, word);
    print_expr_level(out, expr->items[i], level);
  }
}

static void print_negate(struct buf *out, const struct tree_expr *operand) {
  buf_byte(out, '-');
  /* `-5` would be read as one literal. */
  bool folds = operand->kind == TREE_LITERAL && is_number(operand->value) && !is_negative(operand);
  print_expr_level(out, operand, folds ? LEVEL_PRIMARY + 1 : LEVEL_UNARY);
}

static void print_comparison(struct buf *out, const struct tree_expr *expr) {
  print_expr_level(out, expr->items[0], LEVEL_SUM);
  switch (expr->kind) {
  case TREE_BETWEEN:
    buf_str(out, " between ");
    print_expr_level(out, expr->items[1], LEVEL_SUM);
    buf_str(out, " and ");
    print_expr_level(out, expr->items[2], LEVEL_SUM);
    return;
  case TREE_MATCHES:
    buf_str(out, " matches /");
    buf_slice(out, expr->regex);
    buf_byte(out, '/');
    buf_slice(out, expr->regex_flags);
    return;
  case TREE_IS_NULL: buf_str(out, expr->negated ? " is not null" : " is null"); return;
  default: break;
  }
  buf_str(out, expr->negated ? " not in " : " in ");
  if (expr->kind == TREE_IN_NAME) {
    buf_slice(out, expr->name->text);
  } else if (expr->kind == TREE_IN_SEEN) {
    print_seen(out, expr->items[1]);
  } else {
    buf_byte(out, '(');
    print_items(out, expr->items, 1, expr->item_count);
    buf_byte(out, ')');
  }
}

static void print_path(struct buf *out, const struct tree_expr *expr) {
  print_names(out, expr->parts, expr->part_count, ".");
  if (expr->at == NULL) return;
  buf_byte(out, '[');
  print_expr(out, expr->at->key);
  buf_byte(out, ']');
  if (expr->at->column.text.length == 0) return;
  buf_byte(out, '.');
  buf_slice(out, expr->at->column.text);
}

static void print_bare(struct buf *out, const struct tree_expr *expr) {
  switch (expr->kind) {
  case TREE_LITERAL: print_literal(out, expr); return;
  case TREE_PATH: print_path(out, expr); return;
  case TREE_NEGATE: print_negate(out, expr->items[0]); return;
  case TREE_NOT:
    buf_str(out, "not ");
    print_expr_level(out, expr->items[0], LEVEL_NOT);
    return;
  case TREE_AND: print_chain(out, expr, " and ", LEVEL_NOT); return;
  case TREE_OR: print_chain(out, expr, " or ", LEVEL_AND); return;
  case TREE_BINARY: {
    int level = level_of(expr);
    print_expr_level(out, expr->items[0], level == LEVEL_COMPARE ? LEVEL_SUM : level);
    buf_str(out, binary_text(expr->op));
    print_expr_level(out, expr->items[1], level + 1);
    return;
  }
  case TREE_COALESCE: {
    const struct tree_expr *right = expr->items[1];
    print_expr_level(out, expr->items[0], LEVEL_COALESCE);
    buf_str(out, " ?? ");
    bool signed_right =
        right->kind == TREE_LITERAL || (right->kind == TREE_NEGATE && level_of(right->items[0]) >= LEVEL_PRIMARY);
    print_expr_level(out, right, signed_right ? LEVEL_UNARY : LEVEL_PRIMARY);
    return;
  }
  case TREE_CALL:
    buf_slice(out, expr->name->text);
    buf_byte(out, '(');
    print_items(out, expr->items, 0, expr->item_count);
    buf_byte(out, ')');
    return;
  case TREE_COUNTING: print_counting(out, expr->counting); return;
  case TREE_SEEN: print_seen(out, expr); return;
  case TREE_REGEX:
    buf_byte(out, '/');
    buf_slice(out, expr->regex);
    buf_byte(out, '/');
    buf_slice(out, expr->regex_flags);
    return;
  default: print_comparison(out, expr);
  }
}

void print_expr_level(struct buf *out, const struct tree_expr *expr, int least) {
  bool parentheses = level_of(expr) < least;
  if (parentheses) buf_byte(out, '(');
  print_bare(out, expr);
  if (parentheses) buf_byte(out, ')');
}

void print_expr(struct buf *out, const struct tree_expr *expr) { print_expr_level(out, expr, LEVEL_ANY); }
