/* check_expr.c - the types of expressions: operators and literals. Names are in check_path.c, calls in check_call.c,
 * counters in check_counter.c. The recursion is over trees whose height is limited (TREE_DEPTH_MAX). */
#include "base/time_text.h"
#include "rules/check_private.h"

#include "base/regex.h"
#include "base/utf8.h"

static const char *operator_sign(enum expr_op op) {
  switch (op) {
  case EXPR_ADD: return "+";
  case EXPR_SUBTRACT: return "-";
  case EXPR_MULTIPLY: return "*";
  case EXPR_DIVIDE: return "/";
  case EXPR_MODULO: return "%";
  case EXPR_EQUAL: return "==";
  case EXPR_NOT_EQUAL: return "!=";
  case EXPR_LESS: return "<";
  case EXPR_LESS_EQUAL: return "<=";
  case EXPR_GREATER: return ">";
  case EXPR_GREATER_EQUAL: return ">=";
  default: return "?";
  }
}

static struct type literal_type(struct checker *c, const struct tree_expr *expr) {
  switch (expr->value.kind) {
  case VALUE_DECIMAL: return TYPE_DECIMAL(expr->value.scale);
  case VALUE_LIST:
    check_say(c, expr->span, "list-literal", "`x in (1, 2, 3)` asks several values",
              "a list cannot be written in an expression");
    return TYPE_BAD;
  default: return TYPE(expr->value.kind);
  }
}

static bool takes_bool(struct checker *c, struct tree_expr *operand, const char *word) {
  struct type type = operand->type;
  if (type_bad(type)) return false;
  if (type.kind == VALUE_BOOL || type.kind == VALUE_NULL) return true;
  check_say(c, operand->span, "type-mismatch", "compare it with something", "`%s` takes bools, this is %s", word,
            TYPE_TEXT(type));
  return false;
}

static struct type check_logic(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  const char *word = expr->kind == TREE_AND ? "and" : expr->kind == TREE_OR ? "or" : "not";
  bool good = true;
  for (uint16_t i = 0; i < expr->item_count; i++) {
    check_expr(c, s, expr->items[i]);
    if (!takes_bool(c, expr->items[i], word)) good = false;
  }
  return good ? TYPE(VALUE_BOOL) : TYPE_BAD;
}

static struct type check_negate(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct type type = check_expr(c, s, expr->items[0]), result;
  const char *why;
  if (type_bad(type)) return type;
  if (expr_type_unary(EXPR_NEGATE, type, &result, &why)) return result;
  check_say(c, expr->span, "type-mismatch", why, "`-` does not take %s", TYPE_TEXT(type));
  return TYPE_BAD;
}

static struct type check_between(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  for (uint16_t i = 0; i < 3; i++) check_expr(c, s, expr->items[i]);
  struct type low =
      check_binary(c, expr->items[1]->span, EXPR_GREATER_EQUAL, "between", expr->items[0], expr->items[1]);
  struct type high = check_binary(c, expr->items[2]->span, EXPR_LESS_EQUAL, "between", expr->items[0], expr->items[2]);
  return type_bad(low) || type_bad(high) ? TYPE_BAD : TYPE(VALUE_BOOL);
}

static struct type check_in_set(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  check_expr(c, s, expr->items[0]);
  bool good = !type_bad(expr->items[0]->type);
  if (good && expr->items[0]->type.kind == VALUE_NULL) {
    check_say(c, expr->items[0]->span, "null-comparison", NULL, "null is in no list");
    good = false;
  }
  for (uint16_t i = 1; i < expr->item_count; i++) {
    check_expr(c, s, expr->items[i]);
    if (type_bad(check_binary(c, expr->items[i]->span, EXPR_IN_SET, expr->negated ? "not in" : "in", expr->items[0],
                              expr->items[i])))
      good = false;
  }
  return good ? TYPE(VALUE_BOOL) : TYPE_BAD;
}

/* A regex is compiled here only to see whether it is right; the memory goes after every few. It is a context of its
 * own, freed with the caller's if that runs out. */
struct regex_trial {
  struct mem *mem;
  struct regex_scratch *scratch;
  unsigned count;
};
enum { REGEX_TRIALS_MAX = 64 };

static void free_trial(void *argument) {
  struct regex_trial *trial = argument;
  mem_free_all(trial->mem);
  *trial = (struct regex_trial){0};
}

static bool compile_trial(struct regex_trial *trial, struct slice pattern, unsigned flags, size_t *offset,
                          struct err *err) {
  if (MEM_GUARD(trial->mem)) {
    free_trial(trial);
    return true;
  }
  struct regex *regex;
  if (trial->scratch == NULL) trial->scratch = regex_scratch_new(trial->mem);
  int failed = regex_compile(trial->mem, pattern, flags, trial->scratch, &regex, offset, err);
  mem_unguard(trial->mem);
  return failed == 0;
}

void check_regex_done(struct checker *c) {
  if (c->regex_trial != NULL) mem_undefer(c->arena->mem, c->regex_trial, true);
}

/* With no memory left it is taken as right: compiling the rule set will say what is the matter. */
static bool try_regex(struct checker *c, struct slice pattern, unsigned flags, size_t *offset, struct err *err) {
  struct regex_trial *trial = c->regex_trial;
  if (trial == NULL) {
    trial = c->regex_trial = arena_new(&c->scratch, struct regex_trial);
    mem_defer(c->arena->mem, free_trial, trial);
  }
  if (trial->count++ == REGEX_TRIALS_MAX) {
    free_trial(trial);
    trial->count = 1;
  }
  if (trial->mem == NULL) trial->mem = mem_new(0);
  return trial->mem == NULL || compile_trial(trial, pattern, flags, offset, err);
}

/* The place of a byte of the regex, which is a piece of its file's text; of the expression where it is none (rules as
 * JSON). */
static struct span regex_span(const struct checker *c, const struct tree_expr *expr, size_t offset) {
  if (expr->span.file >= c->tree->file_count) return expr->span;
  const struct source_file *file = &c->tree->files[expr->span.file];
  const char *text = file->text.data;
  bool inside = text != NULL && expr->regex.data >= text && expr->regex.data < text + file->text.length;
  if (!inside || expr->span.line == 0 || offset > expr->regex.length) return expr->span;
  const char *at = expr->regex.data + offset, *line = at;
  uint32_t number = expr->span.line;
  while (line > text && line[-1] != '\n') line--;
  if (file->line_starts == NULL || number > file->line_count) return expr->span;
  while (number < file->line_count && file->line_starts[number] <= (uint32_t)(line - text)) number++;
  uint32_t column = (uint32_t)utf8_count((struct slice){line, (size_t)(at - line)}) + 1;
  return span_at(expr->span.file, number, column, 1);
}

bool check_regex(struct checker *c, const struct tree_expr *expr) {
  const char *key_text = check_text(c, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(expr->regex_flags), SLICE_ARG(expr->regex));
  struct slice key = slice_of(key_text);
  int64_t known = name_map_get(&c->regexes, key);
  if (known != NAME_ABSENT) return known == 1;
  unsigned flags = 0;
  struct err err = {0};
  size_t offset = 0;
  bool good = regex_flags(expr->regex_flags, &flags);
  if (!good) {
    check_say(c, expr->span, "regex", "flags are `i`, `s` and `x`",
              "`" SLICE_FMT "` are not flags of a regular expression", SLICE_ARG(expr->regex_flags));
  } else {
    good = try_regex(c, expr->regex, flags, &offset, &err);
    if (!good) check_say(c, regex_span(c, expr, offset), "regex", NULL, "%s", err.text);
  }
  name_map_put(&c->regexes, key, good ? 1 : 0);
  return good;
}

static struct type check_matches(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct type type = check_expr(c, s, expr->items[0]), result;
  const char *why;
  bool good = check_regex(c, expr);
  if (type_bad(type)) return type;
  if (!expr_type_unary(EXPR_MATCHES, type, &result, &why)) {
    check_say(c, expr->items[0]->span, "type-mismatch", why, "`matches` does not take %s", TYPE_TEXT(type));
    return TYPE_BAD;
  }
  return good ? result : TYPE_BAD;
}

static struct type check_is_null(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct type type = check_expr(c, s, expr->items[0]);
  return type_bad(type) ? type : TYPE(VALUE_BOOL);
}

static struct type check_two(struct checker *c, const struct scope *s, struct tree_expr *expr, enum expr_op op,
                             const char *sign) {
  check_expr(c, s, expr->items[0]);
  check_expr(c, s, expr->items[1]);
  struct span at = tree_operator_span(expr).line > 0 ? tree_operator_span(expr) : expr->span;
  return check_binary(c, at, op, sign, expr->items[0], expr->items[1]);
}

static struct type check_in_seen(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct tree_expr *value = expr->items[0], *seen = expr->items[1];
  struct scope asked = *s; /* the value is at hand: the event that asks need not have the field */
  if (tree_seen_of(seen) != NULL) {
    asked.types = NULL;
    asked.type_count = 0;
    asked.sought = true;
  }
  check_expr(c, s, value);
  check_expr(c, &asked, seen);
  if (type_bad(value->type) || type_bad(seen->type)) return TYPE_BAD;
  if (s->type_count == 0 && s->rule != NULL && s->rule->pattern != NULL) {
    check_say(c, expr->span, "counter",
              "`seen(field, 30d) of …` looks for the field of the event that completes the match",
              "`in seen` cannot be used in `emit` of a pattern");
    return TYPE_BAD;
  }
  const struct tree_expr *field = seen->items[0];
  if (!type_bad(field->type) && !expr_type_comparable(value->type, field->type)) {
    check_say(c, value->span, "type-mismatch", NULL, "`in seen` compares %s with %s", TYPE_TEXT(value->type),
              TYPE_TEXT(field->type));
    return TYPE_BAD;
  }
  return TYPE(VALUE_BOOL);
}

/* Lets make expressions higher than what was written. Said at the lowest part that is too high. */
static bool too_high(struct checker *c, struct tree_expr *expr) {
  const struct tree_expr *key = tree_key(expr);
  int below = key != NULL ? key->height + 1 : 0; /* the levels below it */
  for (uint16_t i = 0; i < expr->item_count; i++)
    if (expr->items[i]->height + 1 > below) below = expr->items[i]->height + 1;
  if (expr->height < below) expr->height = (uint8_t)(below < UINT8_MAX ? below : UINT8_MAX);
  if (expr->height < EXPR_DEPTH_MAX) return false;
  if (below <= EXPR_DEPTH_MAX)
    check_say(c, expr->span, "too-deep", "cut it into computed fields",
              "the expression is nested too deeply (%d levels at most)", EXPR_DEPTH_MAX);
  return true;
}

struct type check_expr(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct type type = TYPE_BAD;
  expr->cast = TYPE(VALUE_NULL);
  switch (expr->kind) {
  case TREE_LITERAL: type = literal_type(c, expr); break;
  case TREE_PATH: type = check_path(c, s, expr); break;
  case TREE_NEGATE: type = check_negate(c, s, expr); break;
  case TREE_NOT:
  case TREE_AND:
  case TREE_OR: type = check_logic(c, s, expr); break;
  case TREE_BINARY: type = check_two(c, s, expr, expr->op, operator_sign(expr->op)); break;
  case TREE_COALESCE: type = check_two(c, s, expr, EXPR_COALESCE, "??"); break;
  case TREE_BETWEEN: type = check_between(c, s, expr); break;
  case TREE_IN: type = check_in_set(c, s, expr); break;
  case TREE_IN_NAME: type = check_in_name(c, s, expr); break;
  case TREE_IN_SEEN: type = check_in_seen(c, s, expr); break;
  case TREE_MATCHES: type = check_matches(c, s, expr); break;
  case TREE_IS_NULL: type = check_is_null(c, s, expr); break;
  case TREE_CALL: type = check_call(c, s, expr); break;
  case TREE_COUNTING: type = check_counting(c, s, expr); break;
  case TREE_SEEN: type = check_seen(c, s, expr); break;
  case TREE_REGEX:
    if (check_regex(c, expr)) type = TYPE(TYPE_KIND_REGEX);
    break;
  }
  if (too_high(c, expr)) type = TYPE_BAD;
  expr->type = type;
  return type;
}

void check_condition(struct checker *c, const struct scope *s, struct tree_expr *expr, const char *what) {
  struct type type = check_expr(c, s, expr);
  if (type_bad(type) || type.kind == VALUE_BOOL || type.kind == VALUE_NULL) return;
  check_say(c, expr->span, "type-mismatch",
            type.kind == VALUE_STRING || type_is_number(type) ? "compare it with something" : NULL,
            "%s must be true or false, this is %s", what, TYPE_TEXT(type));
}

bool check_literal(struct checker *c, struct tree_expr *literal, struct type type, bool network, const char *what) {
  struct value value = literal->value;
  literal->type = value.kind == VALUE_DECIMAL ? TYPE_DECIMAL(value.scale) : TYPE(value.kind);
  literal->cast = TYPE(VALUE_NULL);
  if (type_bad(type) || value.kind == VALUE_NULL) return true;
  if (network && type.kind == VALUE_IP && value.kind == VALUE_NETWORK) return true;
  if (check_cast(literal, type)) return true;
  if (literal->type.kind == VALUE_DECIMAL && type.kind == VALUE_DECIMAL) {
    check_say(c, literal->span, "literal", NULL, "%s is %s: this number has %u digits after the point", what,
              TYPE_TEXT(type), (unsigned)value.scale);
    return false;
  }
  const char *hint = NULL;
  if (type.kind == VALUE_STRING) hint = "a string stands in quotes";
  if (type.kind == VALUE_IP) hint = "an address as 10.0.0.1, without quotes";
  if (type.kind == VALUE_TIME) hint = "a time as @2026-11-21T10:00:00Z";
  if (type.kind == VALUE_DURATION) hint = "a duration as 5m";
  if (type.kind == VALUE_DURATION && value.kind == VALUE_INT && value.i >= TIME_SECOND_US) { /* copied from an alert */
    struct buf text;
    buf_init(&text, c->arena->mem);
    duration_write(&text, value.i);
    hint = check_text(c, "so many microseconds are `" SLICE_FMT "`", SLICE_ARG(buf_view(&text)));
    buf_free(&text);
  }
  check_say(c, literal->span, "literal", hint, "%s is %s, this is %s", what, TYPE_TEXT(type), TYPE_TEXT(literal->type));
  return false;
}
