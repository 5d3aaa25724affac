/* json_form_value.c - the writer of the JSON form: JSON itself, names and numbers, comments, expressions. Numbers that
 * a JSON number could lose are texts. Called by json_form_write.c. */
#include "rules/json_form_writer.h"

#include "base/number_text.h"
#include "base/time_text.h"
#include "rules/print.h"

enum { LAYOUT_DEPTH = 3, JSON_INT_EXACT_BITS = 53 };

/* ---- JSON ---- */

void json_write_before(struct json_writer *writer) {
  if (writer->comma) buf_byte(writer->out, ',');
  writer->comma = true;
  if (writer->depth < 2 || writer->depth > LAYOUT_DEPTH) return;
  buf_byte(writer->out, '\n');
  for (unsigned i = 0; i < 2 * (writer->depth - 1); i++) buf_byte(writer->out, ' ');
}

void json_write_open(struct json_writer *writer, char bracket) {
  buf_byte(writer->out, bracket);
  writer->depth++;
  writer->comma = false;
}

void json_write_shut(struct json_writer *writer, char bracket) {
  bool empty = !writer->comma;
  writer->depth--;
  if (!empty && writer->depth >= 1 && writer->depth < LAYOUT_DEPTH) {
    buf_byte(writer->out, '\n');
    for (unsigned i = 0; i + 1 < writer->depth; i++) buf_str(writer->out, "  ");
  }
  buf_byte(writer->out, bracket);
  writer->comma = true;
}

void json_write_key(struct json_writer *writer, const char *name) {
  json_write_before(writer);
  buf_json_string(writer->out, slice_of(name));
  buf_byte(writer->out, ':');
}
void json_write_text(struct json_writer *writer, struct slice text) { buf_json_string(writer->out, text); }
void json_write_text_member(struct json_writer *writer, const char *name, struct slice text) {
  json_write_key(writer, name);
  json_write_text(writer, text);
}
void json_write_given_text(struct json_writer *writer, const char *name, struct slice text) {
  if (text.data != NULL) json_write_text_member(writer, name, text);
}
void json_write_given_name(struct json_writer *writer, const char *name, const struct name *value) {
  if (value->text.length > 0) json_write_text_member(writer, name, value->text);
}
void json_write_flag(struct json_writer *writer, const char *name, bool set) {
  if (!set) return;
  json_write_key(writer, name);
  buf_str(writer->out, "true");
}
void json_write_int(struct json_writer *writer, int64_t number) {
  bool exact = number >= -(INT64_C(1) << JSON_INT_EXACT_BITS) && number <= INT64_C(1) << JSON_INT_EXACT_BITS;
  buf_printf(writer->out, exact ? "%lld" : "\"%lld\"", (long long)number);
}
void json_write_int_member(struct json_writer *writer, const char *name, int64_t number) {
  json_write_key(writer, name);
  json_write_int(writer, number);
}
void json_write_duration(struct json_writer *writer, int64_t us) {
  char text[DURATION_TEXT_MAX];
  unsigned length = duration_text(text, us);
  json_write_text(writer, (struct slice){text, length});
}
void json_write_given_duration(struct json_writer *writer, const char *name, int64_t us) {
  if (us < 0) return;
  json_write_key(writer, name);
  json_write_duration(writer, us);
}
void json_write_names(struct json_writer *writer, const char *name, const struct name *list, uint16_t count) {
  json_write_key(writer, name);
  json_write_open(writer, '[');
  for (uint16_t i = 0; i < count; i++) {
    json_write_before(writer);
    json_write_text(writer, list[i].text);
  }
  json_write_shut(writer, ']');
}
void json_write_type(struct json_writer *writer, struct type type, enum time_unit unit) {
  struct buf text;
  buf_init(&text, writer->out->mem);
  print_type(&text, type, unit);
  json_write_text_member(writer, "type", buf_view(&text));
  buf_free(&text);
}

/* ---- comments ---- */

/* The comments before; null stands for an empty line behind one. */
void json_write_before_comments(struct json_writer *writer, const char *name, const struct comment *comments) {
  bool any = false;
  for (const struct comment *c = comments; c != NULL; c = c->next) any |= !c->after;
  if (!any) return;
  json_write_key(writer, name);
  json_write_open(writer, '[');
  for (const struct comment *c = comments; c != NULL; c = c->next) {
    if (c->after) continue;
    json_write_before(writer);
    json_write_text(writer, c->text);
    if (!c->blank_after) continue;
    json_write_before(writer);
    buf_str(writer->out, "null");
  }
  json_write_shut(writer, ']');
}

void json_write_comments(struct json_writer *writer, const struct comment *comments) {
  json_write_before_comments(writer, "comments", comments);
  for (const struct comment *c = comments; c != NULL; c = c->next)
    if (c->after) json_write_text_member(writer, "comment_after", c->text);
}

/* ---- expressions ---- */

void json_write_expr_member(struct json_writer *writer, const char *name, const struct tree_expr *expr) {
  if (expr == NULL) return;
  json_write_key(writer, name);
  json_write_expr(writer, expr);
}

static void expr_list(struct json_writer *writer, const char *name, struct tree_expr *const *items, uint16_t from,
                      uint16_t count) {
  json_write_key(writer, name);
  json_write_open(writer, '[');
  for (uint16_t i = from; i < count; i++) {
    json_write_before(writer);
    json_write_expr(writer, items[i]);
  }
  json_write_shut(writer, ']');
}

void json_write_use_members(struct json_writer *writer, const struct use *use) {
  json_write_text_member(writer, "event", use->event.text);
  json_write_expr_member(writer, "where", use->condition);
}

void json_write_use(struct json_writer *writer, const char *name, const struct use *use) {
  if (use == NULL) return;
  json_write_key(writer, name);
  json_write_open(writer, '{');
  json_write_use_members(writer, use);
  json_write_shut(writer, '}');
}

/* {"decimal":"1.00"}: the spelling of fmt. */
static void spelt(struct json_writer *writer, const char *kind, const struct tree_expr *expr, size_t skip) {
  struct buf text;
  buf_init(&text, writer->out->mem);
  print_expr(&text, expr);
  json_write_open(writer, '{');
  json_write_text_member(writer, kind, (struct slice){text.data + skip, text.length - skip});
  json_write_shut(writer, '}');
  buf_free(&text);
}

static void int_literal(struct json_writer *writer, const struct tree_expr *expr) {
  char plain[NUMBER_TEXT_MAX];
  int64_t number = expr->value.i;
  unsigned length = number_int_text(plain, number);
  bool exact = number >= -(INT64_C(1) << JSON_INT_EXACT_BITS) && number <= INT64_C(1) << JSON_INT_EXACT_BITS;
  bool same = expr->source.length == 0 || slice_equal(expr->source, (struct slice){plain, length});
  if (exact && same)
    json_write_int(writer, number);
  else
    spelt(writer, "int", expr, 0);
}

static void literal_value(struct json_writer *writer, const struct tree_expr *expr) {
  switch ((enum value_kind)expr->value.kind) {
  case VALUE_NULL: buf_str(writer->out, "null"); return;
  case VALUE_BOOL: buf_str(writer->out, expr->value.i != 0 ? "true" : "false"); return;
  case VALUE_INT: int_literal(writer, expr); return;
  case VALUE_FLOAT: spelt(writer, "float", expr, 0); return;
  case VALUE_DECIMAL: spelt(writer, "decimal", expr, 0); return;
  case VALUE_STRING: json_write_text(writer, value_slice(expr->value)); return;
  case VALUE_TIME: spelt(writer, "time", expr, 1); return; /* without @ */
  case VALUE_DURATION: spelt(writer, "duration", expr, 0); return;
  case VALUE_IP: spelt(writer, "ip", expr, 0); return;
  case VALUE_NETWORK: spelt(writer, "network", expr, 0); return;
  default: break;
  }
  json_write_open(writer, '[');
  for (uint16_t i = 0; i < expr->item_count; i++) {
    json_write_before(writer);
    literal_value(writer, expr->items[i]);
  }
  json_write_shut(writer, ']');
}

static void path_value(struct json_writer *writer, const struct tree_expr *expr) {
  json_write_open(writer, '{');
  if (expr->part_count == 1)
    json_write_text_member(writer, "field", expr->parts[0].text);
  else
    json_write_names(writer, "path", expr->parts, expr->part_count);
  json_write_expr_member(writer, "index", tree_key(expr));
  if (expr->at != NULL) json_write_given_name(writer, "column", &expr->at->column);
  json_write_shut(writer, '}');
}

static void over_member(struct json_writer *writer, const struct counting *counting) {
  if (counting->over == SPAN_NONE) return;
  json_write_key(writer, "over");
  json_write_open(writer, '{');
  switch (counting->over) {
  case SPAN_DURATION: json_write_given_duration(writer, "duration", counting->over_us); break;
  case SPAN_PREVIOUS: json_write_given_duration(writer, "previous", counting->over_us); break;
  case SPAN_EVER: json_write_given_duration(writer, "ever_idle", counting->over_us); break;
  case SPAN_TODAY:
    json_write_flag(writer, "today", true);
    json_write_given_text(writer, "zone", counting->zone);
    break;
  default:
    json_write_int_member(writer, "last", counting->over_count);
    json_write_given_duration(writer, "within", counting->over_us);
  }
  json_write_shut(writer, '}');
}

static void counting_value(struct json_writer *writer, const struct counting *counting) {
  json_write_open(writer, '{');
  json_write_text_member(writer, "aggregate", counting->aggregate.text);
  json_write_expr_member(writer, "value", counting->argument);
  if (counting->has_parameter) {
    json_write_key(writer, "parameter");
    if (counting->parameter_is_duration)
      json_write_duration(writer, counting->parameter);
    else
      json_write_int(writer, counting->parameter);
  }
  if (counting->top_aggregate.text.length > 0) {
    json_write_key(writer, "ranked_by");
    json_write_open(writer, '{');
    json_write_text_member(writer, "aggregate", counting->top_aggregate.text);
    json_write_expr_member(writer, "value", counting->top_argument);
    json_write_shut(writer, '}');
  }
  json_write_expr_member(writer, "where", counting->where);
  json_write_use(writer, "of", counting->of);
  if (counting->by_count > 0) json_write_names(writer, "by", counting->by, counting->by_count);
  over_member(writer, counting);
  json_write_flag(writer, "approx", counting->approx);
  json_write_shut(writer, '}');
}

static void seen_value(struct json_writer *writer, const struct tree_expr *expr) {
  json_write_open(writer, '{');
  json_write_text_member(writer, "seen", expr->items[0]->parts[0].text);
  json_write_given_duration(writer, "within", expr->seen_us);
  json_write_use(writer, "of", expr->seen_of);
  json_write_shut(writer, '}');
}

static void regex_members(struct json_writer *writer, const struct tree_expr *expr) {
  json_write_text_member(writer, "regex", expr->regex);
  if (expr->regex_flags.length > 0) json_write_text_member(writer, "flags", expr->regex_flags);
}

static const char *op_name(const struct tree_expr *expr) {
  switch (expr->kind) {
  case TREE_NEGATE: return "negate";
  case TREE_NOT: return "not";
  case TREE_AND: return "and";
  case TREE_OR: return "or";
  case TREE_COALESCE: return "??";
  case TREE_BETWEEN: return "between";
  case TREE_MATCHES: return "matches";
  case TREE_IS_NULL: return expr->negated ? "is not null" : "is null";
  case TREE_BINARY: break;
  default: return expr->negated ? "not in" : "in";
  }
  for (unsigned i = 0; i < JSON_FORM_BINARY_OPS; i++)
    if (json_form_binary_ops[i].op == expr->op) return json_form_binary_ops[i].text;
  return "==";
}

static void operation_value(struct json_writer *writer, const struct tree_expr *expr) {
  bool in = expr->kind == TREE_IN || expr->kind == TREE_IN_NAME || expr->kind == TREE_IN_SEEN;
  json_write_open(writer, '{');
  json_write_text_member(writer, "op", slice_of(op_name(expr)));
  expr_list(writer, "args", expr->items, 0, in ? 1 : expr->item_count);
  if (expr->kind == TREE_IN) expr_list(writer, "set", expr->items, 1, expr->item_count);
  if (expr->kind == TREE_IN_NAME) json_write_text_member(writer, "list", expr->name->text);
  if (expr->kind == TREE_IN_SEEN) {
    json_write_key(writer, "seen");
    seen_value(writer, expr->items[1]);
  }
  if (expr->kind == TREE_MATCHES) regex_members(writer, expr);
  json_write_shut(writer, '}');
}

void json_write_expr(struct json_writer *writer, const struct tree_expr *expr) {
  switch (expr->kind) {
  case TREE_LITERAL: literal_value(writer, expr); return;
  case TREE_PATH: path_value(writer, expr); return;
  case TREE_CALL:
    json_write_open(writer, '{');
    json_write_text_member(writer, "call", expr->name->text);
    expr_list(writer, "args", expr->items, 0, expr->item_count);
    json_write_shut(writer, '}');
    return;
  case TREE_COUNTING: counting_value(writer, expr->counting); return;
  case TREE_SEEN: seen_value(writer, expr); return;
  case TREE_REGEX:
    json_write_open(writer, '{');
    regex_members(writer, expr);
    json_write_shut(writer, '}');
    return;
  default: operation_value(writer, expr);
  }
}
