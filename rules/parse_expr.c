/* parse_expr.c - expressions, by precedence: `??`; unary minus; `* / %`; `+ -`; one comparison; `not`; `and`; `or`.
 * The depth of nesting is bounded, and so is the height of the tree (long chains of `+` lean left). */
#include "rules/parse_core.h"

#include "base/limits.h"

enum level { LEVEL_NONE, LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_SUM, LEVEL_PRODUCT };

static struct tree_expr *parse_level(struct parser *parser, enum level level);
static struct tree_expr *parse_primary(struct parser *parser);

static struct name *one_name(struct parser *parser, struct name name) {
  struct name *kept = arena_alloc(parser->arena, sizeof *kept);
  *kept = name;
  return kept;
}

static struct tree_expr *new_node(struct parser *parser, enum tree_kind kind, struct span span) {
  struct tree_expr *expr = arena_new(parser->arena, struct tree_expr);
  expr->kind = kind;
  expr->span = span;
  return expr;
}

/* What a parent's height must be for a part, and an error if that is too much. */
static void raise_height(struct parser *parser, struct tree_expr *expr, const struct tree_expr *part) {
  if (part == NULL || part->height < expr->height) return;
  if (part->height + 1 >= TREE_DEPTH_MAX) {
    parse_error(parser, tree_operator_span(expr), "too-deep", "take it apart with `let`",
                "the expression has more than %d levels", (int)TREE_DEPTH_MAX);
    return;
  }
  expr->height = (uint8_t)(part->height + 1);
}

static void set_items(struct parser *parser, struct tree_expr *expr, struct parse_list *items) {
  expr->item_count = parse_list_count(parser, items);
  expr->items = parse_list_end(parser, items);
  for (uint16_t i = 0; i < expr->item_count; i++) raise_height(parser, expr, expr->items[i]);
  expr->span = parse_span(parser, expr->span);
}

static void add_item(struct parser *parser, struct parse_list *items, struct tree_expr *item) {
  *(struct tree_expr **)parse_list_add(parser, items, sizeof(void *)) = item;
}

/* What stands at `operator_span` as an operator, unless the kind has no use for it. */
static void set_operator(struct tree_expr *expr, struct span operator_span) {
  if (expr->kind != TREE_MATCHES && expr->kind != TREE_IN_NAME) expr->operator_span = operator_span;
}

/* A node with up to three operands, which span from the first one to the last token. */
static struct tree_expr *new_operation(struct parser *parser, enum tree_kind kind, struct span op_span,
                                       struct tree_expr *a, struct tree_expr *b, struct tree_expr *c) {
  struct tree_expr *expr = new_node(parser, kind, a->span);
  set_operator(expr, op_span);
  expr->item_count = (uint16_t)(1 + (b != NULL) + (c != NULL));
  expr->items = arena_array(parser->arena, struct tree_expr *, expr->item_count);
  expr->items[0] = a;
  if (b != NULL) expr->items[1] = b;
  if (c != NULL) expr->items[2] = c;
  for (uint16_t i = 0; i < expr->item_count; i++) raise_height(parser, expr, expr->items[i]);
  expr->span = parse_span(parser, a->span);
  return expr;
}

/* ---- literals ---- */

static bool is_number(enum token_kind kind) {
  return kind == TOKEN_INT || kind == TOKEN_DECIMAL || kind == TOKEN_FLOAT || kind == TOKEN_DURATION;
}

static struct tree_expr *literal_node(struct parser *parser, const struct token *token) {
  struct tree_expr *expr = new_node(parser, TREE_LITERAL, token->span);
  expr->value = token->value;
  expr->source = token->source;
  return expr;
}

/* A minus in front makes a number's literal negative; INT 9223372036854775808 is good only then. */
static void negate_literal(struct parser *parser, struct tree_expr *expr, const struct token *minus) {
  if (expr->value.kind == VALUE_FLOAT)
    expr->value.f = expr->value.f == 0 ? 0 : -expr->value.f;
  else if (expr->value.i != INT64_MIN)
    expr->value.i = -expr->value.i;
  if (minus->source.data + 1 == expr->source.data)
    expr->source = (struct slice){minus->source.data, expr->source.length + 1};
  else {
    char *joined = arena_alloc(parser->arena, expr->source.length + 1);
    joined[0] = '-';
    memcpy(joined + 1, expr->source.data, expr->source.length);
    expr->source = (struct slice){joined, expr->source.length + 1};
  }
  expr->span = parse_span(parser, minus->span);
}

static void refuse_int_min(struct parser *parser, const struct token *token) {
  if (token->kind == TOKEN_INT && token->int_min && !token->bad)
    parse_complain(parser, token->span, "bad-number", "an int has 64 bits: at most 9223372036854775807",
                   "`" SLICE_FMT "` is too large", SLICE_ARG(lex_shown(token->source)));
}

static bool is_literal_start(enum token_kind kind) {
  return is_number(kind) || kind == TOKEN_STRING || kind == TOKEN_TIME || kind == TOKEN_ADDRESS ||
         kind == TOKEN_NETWORK || kind == TOKEN_TRUE || kind == TOKEN_FALSE || kind == TOKEN_NULL;
}

/* The next token, which is_literal_start(), without a sign. */
static struct tree_expr *take_literal(struct parser *parser) {
  struct token token = parse_take(parser);
  if (token.kind == TOKEN_TRUE || token.kind == TOKEN_FALSE) token.value = value_bool(token.kind == TOKEN_TRUE);
  return literal_node(parser, &token);
}

static struct tree_expr *parse_list_literal(struct parser *parser) {
  struct token open = parse_take(parser);
  struct tree_expr *expr = new_node(parser, TREE_LITERAL, open.span);
  struct parse_list items = {0};
  if (parse_kind(parser) != TOKEN_CLOSE_BRACKET) {
    do add_item(parser, &items, parse_literal(parser, false, "a literal value"));
    while (parse_accept(parser, TOKEN_COMMA));
  }
  parse_expect(parser, TOKEN_CLOSE_BRACKET, "`]` after the list's values");
  set_items(parser, expr, &items);
  if (expr->item_count > LIST_ELEMENTS_MAX)
    parse_complain(parser, expr->span, "too-many", NULL, "a list has at most %d elements", (int)LIST_ELEMENTS_MAX);
  struct value *values = arena_array(parser->arena, struct value, expr->item_count);
  for (uint16_t i = 0; i < expr->item_count; i++) values[i] = expr->items[i]->value;
  expr->value = (struct value){.list = values, .length = expr->item_count, .kind = VALUE_LIST};
  return expr;
}

struct tree_expr *parse_literal(struct parser *parser, bool lists, const char *what) {
  const struct token *token = parse_ahead(parser, 0);
  if (lists && token->kind == TOKEN_OPEN_BRACKET) return parse_list_literal(parser);
  if (token->kind == TOKEN_MINUS && is_number(parse_ahead(parser, 1)->kind)) {
    struct token minus = parse_take(parser);
    struct tree_expr *expr = take_literal(parser);
    negate_literal(parser, expr, &minus);
    return expr;
  }
  if (is_literal_start(token->kind)) {
    refuse_int_min(parser, token);
    return take_literal(parser);
  }
  if (token->kind == TOKEN_NAME && !parser->panic)
    parse_error(parser, token->span, "syntax",
                arena_printf(parser->arena, "a string stands in double quotes: \"" SLICE_FMT "\"",
                             SLICE_ARG(lex_shown(token->source))),
                "expected %s, found %s", what, parse_token_text(parser, token));
  parse_expected(parser, what);
  return new_node(parser, TREE_LITERAL, token->span);
}

/* ---- calls and counters ---- */

static struct tree_expr *regex_node(struct parser *parser) {
  struct token token = parse_take(parser);
  struct tree_expr *expr = new_node(parser, TREE_REGEX, token.span);
  expr->regex = token.text;
  expr->regex_flags = token.flags;
  return expr;
}

static struct use *parse_of(struct parser *parser) {
  if (!parse_accept(parser, TOKEN_OF)) return NULL;
  struct use *use = arena_new(parser->arena, struct use);
  parse_use(parser, use, "a name of an event type after `of`");
  return use;
}

/* Behind `over`. */
static void parse_span_words(struct parser *parser, struct counting *counting) {
  counting->over_us = -1;
  if (parse_accept_word(parser, "previous")) {
    counting->over = SPAN_PREVIOUS;
    counting->over_us = parse_duration(parser, "a duration after `over previous`");
  } else if (parse_accept_word(parser, "last")) {
    counting->over = SPAN_LAST;
    counting->over_count = parse_int(parser, "a number of events", 1, LIMIT_LAST_EVENTS);
    if (parse_accept(parser, TOKEN_WITHIN)) counting->over_us = parse_duration(parser, "a duration after `within`");
  } else if (parse_accept_word(parser, "today")) {
    counting->over = SPAN_TODAY;
    if (parse_kind(parser) == TOKEN_STRING) counting->zone = parse_take(parser).text;
  } else if (parse_accept_word(parser, "ever")) {
    counting->over = SPAN_EVER;
    parse_expect_word(parser, "idle", "`idle` and a duration after `over ever`");
    counting->over_us = parse_duration(parser, "a duration after `idle`");
  } else if (parse_kind(parser) == TOKEN_DURATION) {
    counting->over = SPAN_DURATION;
    counting->over_us = parse_duration(parser, "a duration");
  } else {
    parse_expected(parser, "a duration after `over` (or `previous`, `last`, `today`, `ever idle`)");
  }
}

/* What stands behind the call's `)`: of, by, over, approx. */
static void parse_counting_tail(struct parser *parser, struct counting *counting) {
  counting->of = parse_of(parser);
  if (parse_accept(parser, TOKEN_BY)) {
    struct parse_list names = {0};
    bool several = parse_accept(parser, TOKEN_OPEN_PAREN);
    do
      *(struct name *)parse_list_add(parser, &names, sizeof(struct name)) =
          parse_name(parser, "a name of a field after `by`");
    while (several && parse_accept(parser, TOKEN_COMMA));
    if (several) parse_expect(parser, TOKEN_CLOSE_PAREN, "`)` after the fields of `by`");
    counting->by_count = parse_list_count(parser, &names);
    counting->by = parse_list_end(parser, &names);
  }
  if (parse_accept(parser, TOKEN_OVER))
    parse_span_words(parser, counting);
  else if (!parser->window_block)
    parse_expected(parser, "`over` and how far back the counter looks");
  bool approx = parser->field_list ? parse_option_ahead(parser, "approx") : parse_is_word(parser, "approx");
  if (approx && parse_ahead(parser, 1)->kind != TOKEN_ASSIGN) {
    parse_take(parser);
    counting->approx = true;
  }
}

/* The arguments that were read make a counter: (f), (f, 5), (f, 5 by sum(amount)), () or with `where`. */
static void make_counting(struct parser *parser, struct tree_expr *expr, struct counting *counting) {
  struct tree_expr **items = expr->items;
  uint16_t count = expr->item_count;
  counting->aggregate = *expr->name;
  if (count > 0) counting->argument = items[0];
  if (count > 1) {
    bool literal = items[1]->kind == TREE_LITERAL, duration = literal && items[1]->value.kind == VALUE_DURATION;
    if (!duration && !(literal && items[1]->value.kind == VALUE_INT))
      parse_error(parser, items[1]->span, "syntax",
                  slice_equal(expr->name->text, SLICE("distinct"))
                      ? "pairs are one text: `distinct(concat(country, \" \", city))`"
                      : "as `percentile(amount, 99)`, `top(country, 5)`, `ewma(amount, 1h)`",
                  "the second argument of a counter is a whole number or a duration");
    counting->has_parameter = true;
    counting->parameter_is_duration = duration;
    if (literal) counting->parameter = items[1]->value.i;
  }
  if (count > 2) parse_error(parser, items[2]->span, "syntax", NULL, "a counter has at most two arguments");
  if (counting->top_aggregate.text.length > 0 && !counting->has_parameter)
    parse_error(parser, counting->top_aggregate.span, "syntax", "as in `top(f, 5 by sum(amount))`",
                "`by` stands behind a counter's second argument");
  parse_counting_tail(parser, counting);
  expr->kind = TREE_COUNTING;
  expr->counting = counting;
  expr->item_count = 0;
  raise_height(parser, expr, counting->argument);
  raise_height(parser, expr, counting->where);
  raise_height(parser, expr, counting->top_argument);
  if (counting->of != NULL) raise_height(parser, expr, counting->of->condition);
  expr->span = parse_span(parser, expr->span);
}

bool parse_is_aggregate(struct slice name) {
  static const char *const names[] = {"count", "sum",    "avg",        "min", "max",     "stddev", "distinct", "first",
                                      "last",  "median", "percentile", "top", "collect", "ewma",   "rate"};
  for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
    if (slice_equal(name, slice_of(names[i]))) return true;
  return false;
}

/* In a window's block `n = count()` counts the window's events, with no `over`. */
static bool is_aggregate_call(const struct tree_expr *expr) {
  struct slice name = expr->name->text;
  if (expr->item_count > 2 || !parse_is_aggregate(name)) return false;
  bool function = slice_equal(name, SLICE("min")) || slice_equal(name, SLICE("max")); /* min(a, b), max(a, b) */
  return !function || expr->item_count < 2;
}

static void make_seen(struct parser *parser, struct tree_expr *expr) {
  bool good = expr->item_count == 2 && expr->items[0]->kind == TREE_PATH && expr->items[0]->part_count == 1 &&
              expr->items[0]->at == NULL && expr->items[1]->kind == TREE_LITERAL &&
              expr->items[1]->value.kind == VALUE_DURATION;
  if (!good) {
    parse_error(parser, expr->span, "syntax", NULL, "`seen` takes a field and a duration, as in `seen(ip, 30d)`");
    return;
  }
  expr->kind = TREE_SEEN;
  expr->item_count = 1;
  expr->seen_us = expr->items[1]->value.i;
  expr->seen_of = parse_of(parser);
  if (expr->seen_of != NULL) raise_height(parser, expr, expr->seen_of->condition);
  expr->span = parse_span(parser, expr->span);
}

/* `top(f, 5 by sum(amount))`: behind `by`. */
static void parse_top_by(struct parser *parser, struct counting *counting) {
  counting->top_aggregate = parse_name(parser, "a name of an aggregate after `by`, as in `by sum(amount)`");
  parse_expect(parser, TOKEN_OPEN_PAREN, "`(` after the aggregate");
  counting->top_argument = parse_expr(parser);
  parse_expect(parser, TOKEN_CLOSE_PAREN, "`)` after the aggregate's argument");
}

/* At NAME and `(`. */
static struct tree_expr *parse_call(struct parser *parser) {
  struct token name = parse_take(parser);
  struct tree_expr *expr = new_node(parser, TREE_CALL, name.span);
  expr->name = one_name(parser, (struct name){name.text, name.span});
  parse_take(parser);
  struct parse_list items = {0};
  struct counting counting = {.over_us = -1};
  bool is_counting = false, window_block = parser->window_block;
  while (parse_kind(parser) != TOKEN_CLOSE_PAREN && parse_kind(parser) != TOKEN_END) {
    if (parse_accept(parser, TOKEN_WHERE)) {
      parser->window_block = false; /* a condition on one event */
      counting.where = parse_expr(parser);
      is_counting = true;
      break;
    }
    add_item(parser, &items, parse_kind(parser) == TOKEN_REGEX ? regex_node(parser) : parse_expr(parser));
    if (parse_kind(parser) == TOKEN_BY && items.count == 2) {
      parse_take(parser);
      parse_top_by(parser, &counting);
      is_counting = true;
    }
    if (parse_kind(parser) == TOKEN_WHERE) continue;
    if (!parse_accept(parser, TOKEN_COMMA)) break;
    if (parse_kind(parser) == TOKEN_CLOSE_PAREN) parse_expected(parser, "an argument after `,`");
  }
  parser->window_block = window_block;
  parse_expect(parser, TOKEN_CLOSE_PAREN, "`,` or `)` in the arguments");
  set_items(parser, expr, &items);
  if (parser->panic) return expr;
  if (slice_equal(expr->name->text, SLICE("seen"))) {
    make_seen(parser, expr);
    return expr;
  }
  bool aggregate = is_aggregate_call(expr);
  parser->counted |= aggregate;
  enum token_kind next = parse_kind(parser);
  if (is_counting || next == TOKEN_OF || next == TOKEN_BY || next == TOKEN_OVER || (window_block && aggregate)) {
    struct counting *kept = arena_new(parser->arena, struct counting);
    *kept = counting;
    make_counting(parser, expr, kept);
  }
  return expr;
}

/* ---- primaries ---- */

static struct tree_expr *parse_path(struct parser *parser) {
  struct tree_expr *expr = new_node(parser, TREE_PATH, parse_ahead(parser, 0)->span);
  struct parse_list parts = {0};
  do *(struct name *)parse_list_add(parser, &parts, sizeof(struct name)) = parse_name(parser, "a name after `.`");
  while (parse_accept(parser, TOKEN_DOT));
  expr->part_count = parse_list_count(parser, &parts);
  expr->parts = parse_list_end(parser, &parts);
  if (parse_accept(parser, TOKEN_OPEN_BRACKET)) {
    struct tree_index *at = arena_new(parser->arena, struct tree_index);
    at->key = parse_expr(parser);
    parse_expect(parser, TOKEN_CLOSE_BRACKET, "`]` after the key or position");
    if (parse_accept(parser, TOKEN_DOT)) at->column = parse_name(parser, "a name of a column after `.`");
    raise_height(parser, expr, at->key);
    expr->at = at;
  }
  expr->span = parse_span(parser, expr->span);
  return expr;
}

/* Goes one level down; false (said) at the limit. */
static bool descend(struct parser *parser) {
  if (parser->panic) return false;
  if (++parser->depth <= TREE_DEPTH_MAX) return true;
  parse_error(parser, parse_ahead(parser, 0)->span, "too-deep", "take it apart with `let`",
              "the expression is nested deeper than %d levels", (int)TREE_DEPTH_MAX);
  parser->depth--;
  return false;
}

static struct tree_expr *nothing(struct parser *parser) {
  struct span span = parser->last.span;
  return new_node(parser, TREE_LITERAL, span);
}

static struct tree_expr *parse_parenthesised(struct parser *parser) {
  if (!descend(parser)) return nothing(parser);
  struct token open = parse_take(parser);
  struct tree_expr *expr = parse_level(parser, LEVEL_OR);
  if (parse_kind(parser) == TOKEN_COMMA)
    parse_error(parser, parse_ahead(parser, 0)->span, "syntax", "a set stands behind `in`: `x in (a, b)`",
                "expected `)`, found `,`");
  if (parse_kind(parser) != TOKEN_CLOSE_PAREN && !parser->panic && !parse_ahead(parser, 0)->bad) {
    const struct token *found = parse_ahead(parser, 0);
    parse_error(parser, found->span, "missing-parenthesis",
                arena_printf(parser->arena, "the `(` stands at line %u, column %u", open.span.line, open.span.column),
                "expected `)`, found %s", parse_token_text(parser, found));
  }
  parse_expect(parser, TOKEN_CLOSE_PAREN, "`)`");
  parser->depth--;
  expr->parenthesised = true;
  expr->span = parse_span(parser, open.span);
  return expr;
}

static struct tree_expr *parse_primary(struct parser *parser) {
  const struct token *token = parse_ahead(parser, 0);
  if (parser->panic) return nothing(parser);
  bool ended =
      token->first_on_line && (parse_ahead(parser, 1)->kind == TOKEN_ASSIGN || parse_declaration_ahead(parser));
  if (token->kind == TOKEN_NAME && !ended)
    return parse_ahead(parser, 1)->kind == TOKEN_OPEN_PAREN ? parse_call(parser) : parse_path(parser);
  if (token->kind == TOKEN_OPEN_PAREN) return parse_parenthesised(parser);
  if (is_literal_start(token->kind)) {
    refuse_int_min(parser, token);
    return take_literal(parser);
  }
  const char *hint = NULL;
  if (token->kind == TOKEN_NOT)
    hint = "put it in parentheses: `(not …)`";
  else if (token->kind == TOKEN_REGEX)
    hint = "a regular expression stands behind `matches` and in `extract`";
  else if (token->kind == TOKEN_ASSIGN)
    hint = "`==` compares";
  else if (lex_is_reserved(token->kind))
    hint = arena_printf(parser->arena, "`%s` is a reserved word", lex_kind_text(token->kind));
  if (hint != NULL && !token->bad)
    parse_error(parser, token->span, "syntax", hint, "expected an expression, found %s",
                parse_token_text(parser, token));
  parse_expected(parser, "an expression");
  return nothing(parser);
}

/* A minus, taken already, in front of `operand`: part of a number's literal, else a negation. */
static struct tree_expr *negated(struct parser *parser, const struct token *minus, struct tree_expr *operand) {
  bool number = operand->kind == TREE_LITERAL && !operand->parenthesised && operand->source.length > 0 &&
                operand->source.data[0] != '-' &&
                (operand->value.kind == VALUE_INT || operand->value.kind == VALUE_DECIMAL ||
                 operand->value.kind == VALUE_FLOAT || operand->value.kind == VALUE_DURATION);
  if (number) {
    negate_literal(parser, operand, minus);
    return operand;
  }
  struct tree_expr *expr = new_operation(parser, TREE_NEGATE, minus->span, operand, NULL, NULL);
  expr->span = parse_span(parser, minus->span);
  return expr;
}

/* What a minus stands before: a number that is good only with it (the smallest int), or what `parse` reads. */
static struct tree_expr *parse_behind_minus(struct parser *parser, struct tree_expr *(*parse)(struct parser *)) {
  const struct token *token = parse_ahead(parser, 0);
  return token->kind == TOKEN_INT && token->int_min ? take_literal(parser) : parse(parser);
}

/* What stands behind `??`: a primary, minus signs before it. */
static struct tree_expr *parse_signed(struct parser *parser) {
  if (parse_kind(parser) != TOKEN_MINUS) return parse_primary(parser);
  if (!descend(parser)) return nothing(parser);
  struct token minus = parse_take(parser);
  struct tree_expr *expr = negated(parser, &minus, parse_behind_minus(parser, parse_signed));
  parser->depth--;
  return expr;
}

/* `?? b ?? c` behind `left`. */
static struct tree_expr *parse_defaults(struct parser *parser, struct tree_expr *left) {
  while (parse_kind(parser) == TOKEN_COALESCE) {
    struct span op_span = parse_take(parser).span;
    left = new_operation(parser, TREE_COALESCE, op_span, left, parse_signed(parser), NULL);
  }
  return left;
}

static struct tree_expr *parse_unary(struct parser *parser) {
  if (parse_kind(parser) != TOKEN_MINUS) return parse_defaults(parser, parse_primary(parser));
  if (!descend(parser)) return nothing(parser);
  struct token minus = parse_take(parser);
  struct tree_expr *expr = negated(parser, &minus, parse_behind_minus(parser, parse_unary));
  parser->depth--;
  return parse_defaults(parser, expr); /* nothing is left to do but behind the smallest int */
}

/* ---- operators ---- */

static enum level level_of(enum token_kind kind) {
  switch (kind) {
  case TOKEN_OR: return LEVEL_OR;
  case TOKEN_AND: return LEVEL_AND;
  case TOKEN_EQUAL:
  case TOKEN_NOT_EQUAL:
  case TOKEN_LESS:
  case TOKEN_LESS_EQUAL:
  case TOKEN_GREATER:
  case TOKEN_GREATER_EQUAL:
  case TOKEN_ASSIGN: /* said to be `==` */
  case TOKEN_NOT:    /* not in */
  case TOKEN_IN:
  case TOKEN_BETWEEN:
  case TOKEN_MATCHES:
  case TOKEN_IS: return LEVEL_COMPARE;
  case TOKEN_PLUS:
  case TOKEN_MINUS: return LEVEL_SUM;
  case TOKEN_STAR:
  case TOKEN_SLASH:
  case TOKEN_PERCENT: return LEVEL_PRODUCT;
  default: return LEVEL_NONE;
  }
}

static enum expr_op binary_op(enum token_kind kind) {
  switch (kind) {
  case TOKEN_NOT_EQUAL: return EXPR_NOT_EQUAL;
  case TOKEN_LESS: return EXPR_LESS;
  case TOKEN_LESS_EQUAL: return EXPR_LESS_EQUAL;
  case TOKEN_GREATER: return EXPR_GREATER;
  case TOKEN_GREATER_EQUAL: return EXPR_GREATER_EQUAL;
  case TOKEN_PLUS: return EXPR_ADD;
  case TOKEN_MINUS: return EXPR_SUBTRACT;
  case TOKEN_STAR: return EXPR_MULTIPLY;
  case TOKEN_SLASH: return EXPR_DIVIDE;
  case TOKEN_PERCENT: return EXPR_MODULO;
  default: return EXPR_EQUAL;
  }
}

/* `in` takes no values that are computed, but for `seen`, which is what is mostly meant. */
static void call_as_set(struct parser *parser, const struct tree_expr *left, const struct name *name) {
  const char *hint = "a set stands in parentheses: `in (a, b)`";
  if (left->kind == TREE_PATH && left->part_count == 1 && left->at == NULL)
    hint = arena_printf(parser->arena, "whether it was there before: `in seen(" SLICE_FMT ", 1h)`; a set: `in (a, b)`",
                        SLICE_ARG(lex_shown(left->parts[0].text)));
  parse_error(parser, name->span, "syntax", hint,
              "expected a set or a list after `in`, found a call of `" SLICE_FMT "`", SLICE_ARG(lex_shown(name->text)));
}

static struct tree_expr *parse_in(struct parser *parser, struct tree_expr *left, struct span op_span, bool is_negated) {
  struct tree_expr *expr;
  if (parse_accept(parser, TOKEN_OPEN_PAREN)) {
    struct parse_list items = {0};
    add_item(parser, &items, left);
    do add_item(parser, &items, parse_expr(parser));
    while (parse_accept(parser, TOKEN_COMMA));
    parse_expect(parser, TOKEN_CLOSE_PAREN, "`,` or `)` in the set");
    expr = new_node(parser, TREE_IN, left->span);
    expr->operator_span = op_span;
    set_items(parser, expr, &items);
  } else if (parse_is_word(parser, "seen") && parse_ahead(parser, 1)->kind == TOKEN_OPEN_PAREN) {
    expr = new_operation(parser, TREE_IN_SEEN, op_span, left, parse_call(parser), NULL);
  } else {
    if (parse_kind(parser) != TOKEN_NAME && is_literal_start(parse_kind(parser)))
      parse_error(parser, parse_ahead(parser, 0)->span, "syntax",
                  parse_ahead(parser, 1)->kind == TOKEN_DOTS ? "as `between 1 and 5`"
                                                             : "a set stands in parentheses: `in (a, b)`",
                  "expected a set or a list after `in`, found %s", parse_token_text(parser, parse_ahead(parser, 0)));
    struct name name = parse_name(parser, "`(` or a list's name after `in`");
    if (parse_kind(parser) == TOKEN_OPEN_PAREN && !parse_ahead(parser, 0)->first_on_line)
      call_as_set(parser, left, &name);
    expr = new_operation(parser, TREE_IN_NAME, op_span, left, NULL, NULL);
    expr->name = one_name(parser, name);
  }
  expr->negated = is_negated;
  return expr;
}

/* Behind `left not`: `in` is the only word that may follow. */
static struct tree_expr *parse_not_in(struct parser *parser, struct tree_expr *left, struct span op_span) {
  if (parse_accept(parser, TOKEN_IN)) return parse_in(parser, left, parse_span(parser, op_span), true);
  const struct token *found = parse_ahead(parser, 0);
  const char *hint = NULL;
  if (found->kind == TOKEN_BETWEEN) hint = "write `not (x between a and b)`";
  if (found->kind == TOKEN_MATCHES) hint = "write `not (x matches /…/)`";
  if (found->kind == TOKEN_NULL) hint = "write `is not null`";
  parse_error(parser, found->span, "syntax", hint, "expected `in` after `not`, found %s",
              parse_token_text(parser, found));
  return left;
}

/* One comparison with `left`, at its operator. */
static struct tree_expr *parse_comparison(struct parser *parser, struct tree_expr *left) {
  struct token op = parse_take(parser);
  switch (op.kind) {
  case TOKEN_NOT: return parse_not_in(parser, left, op.span);
  case TOKEN_IN: return parse_in(parser, left, op.span, false);
  case TOKEN_BETWEEN: {
    struct tree_expr *low = parse_level(parser, LEVEL_SUM);
    parse_expect(parser, TOKEN_AND, "`and` and the upper bound after `between`");
    return new_operation(parser, TREE_BETWEEN, op.span, left, low, parse_level(parser, LEVEL_SUM));
  }
  case TOKEN_MATCHES: {
    if (parse_kind(parser) != TOKEN_REGEX) {
      const char *hint = parse_kind(parser) == TOKEN_STRING ? "write it between slashes: `/…/`" : NULL;
      const struct token *found = parse_ahead(parser, 0);
      if (!found->bad)
        parse_error(parser, found->span, "syntax", hint, "expected a regular expression after `matches`, found %s",
                    parse_token_text(parser, found));
      parse_expected(parser, "a regular expression after `matches`");
      return left;
    }
    struct token regex = parse_take(parser);
    struct tree_expr *expr = new_operation(parser, TREE_MATCHES, op.span, left, NULL, NULL);
    expr->regex = regex.text;
    expr->regex_flags = regex.flags;
    return expr;
  }
  case TOKEN_IS: {
    bool is_negated = parse_accept(parser, TOKEN_NOT);
    parse_expect(parser, TOKEN_NULL, is_negated ? "`null` after `is not`" : "`null` or `not null` after `is`");
    struct tree_expr *expr = new_operation(parser, TREE_IS_NULL, op.span, left, NULL, NULL);
    expr->negated = is_negated;
    return expr;
  }
  default: break;
  }
  if (op.kind == TOKEN_ASSIGN)
    parse_complain(parser, op.span, "syntax", "`==` compares", "`=` binds a name, it does not compare");
  struct tree_expr *expr = new_operation(parser, TREE_BINARY, op.span, left, parse_level(parser, LEVEL_SUM), NULL);
  expr->op = binary_op(op.kind);
  return expr;
}

static struct tree_expr *parse_not(struct parser *parser) {
  if (!descend(parser)) return nothing(parser);
  struct span op_span = parse_take(parser).span;
  struct tree_expr *expr = new_operation(parser, TREE_NOT, op_span, parse_level(parser, LEVEL_NOT), NULL, NULL);
  expr->span = parse_span(parser, op_span);
  parser->depth--;
  return expr;
}

/* `left and b and c`: one node. An operand in parentheses that is such a chain itself is taken in. */
static struct tree_expr *parse_chain(struct parser *parser, struct tree_expr *left, enum token_kind op) {
  enum tree_kind kind = op == TOKEN_AND ? TREE_AND : TREE_OR;
  struct tree_expr *expr = new_node(parser, kind, left->span);
  expr->operator_span = parse_ahead(parser, 0)->span;
  struct parse_list items = {0};
  for (struct tree_expr *operand = left; operand != NULL;) {
    if (operand->kind == kind) {
      for (uint16_t i = 0; i < operand->item_count; i++) add_item(parser, &items, operand->items[i]);
    } else {
      add_item(parser, &items, operand);
    }
    operand = parse_accept(parser, op) ? parse_level(parser, op == TOKEN_AND ? LEVEL_NOT : LEVEL_AND) : NULL;
  }
  set_items(parser, expr, &items);
  return expr;
}

/* Operators of `level` and tighter ones. */
static struct tree_expr *parse_level(struct parser *parser, enum level level) {
  struct tree_expr *left =
      parse_kind(parser) == TOKEN_NOT && level <= LEVEL_NOT ? parse_not(parser) : parse_unary(parser);
  bool compared = left->kind == TREE_NOT && !left->parenthesised;
  for (;;) { /* each turn takes a token or ends */
    enum token_kind kind = parse_kind(parser);
    enum level at = level_of(kind);
    if (at == LEVEL_NONE || at < level || (at > LEVEL_COMPARE && compared)) return left;
    if (at == LEVEL_COMPARE && compared) {
      parse_error(parser, parse_ahead(parser, 0)->span, "chained-comparison", "write `a < b and b < c`",
                  "comparisons do not chain");
      return left;
    }
    if (at == LEVEL_COMPARE) {
      left = parse_comparison(parser, left);
      compared = true;
    } else if (at <= LEVEL_AND) {
      left = parse_chain(parser, left, kind);
      compared = true;
    } else {
      struct token op = parse_take(parser);
      left = new_operation(parser, TREE_BINARY, op.span, left, parse_level(parser, at + 1), NULL);
      left->op = binary_op(op.kind);
    }
  }
}

struct tree_expr *parse_expr(struct parser *parser) {
  if (!descend(parser)) return nothing(parser);
  struct tree_expr *expr = parse_level(parser, LEVEL_OR);
  parser->depth--;
  return expr;
}
