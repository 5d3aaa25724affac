/* parse_pattern.c - what stands behind `match`: steps, absences, groups, alternatives, quantifiers. */
#include "rules/parse_core.h"

static struct element *parse_sequence(struct parser *parser, struct span start, bool top);
static struct element *parse_element(struct parser *parser, enum connector connector);

static struct element *new_element(struct parser *parser, enum element_kind kind, struct span span) {
  struct element *element = arena_new(parser->arena, struct element);
  element->kind = kind;
  element->span = span;
  element->min = element->max = 1;
  element->gap_us = element->for_us = -1;
  return element;
}

static void add_child(struct parser *parser, struct parse_list *children, struct element *child) {
  *(struct element **)parse_list_add(parser, children, sizeof(void *)) = child;
}

static void set_children(struct parser *parser, struct element *element, struct parse_list *children) {
  element->child_count = parse_list_count(parser, children);
  element->children = parse_list_end(parser, children);
}

/* ---- quantifiers ---- */

/* Behind `{`. */
static void parse_counts(struct parser *parser, struct element *element) {
  struct span span = parser->last.span;
  element->has_quantifier = true;
  element->min = element->max = (int32_t)parse_int(parser, "a number of times", 0, INT32_MAX - 1);
  if (parse_accept(parser, TOKEN_COMMA)) {
    element->max = TIMES_UNLIMITED;
    if (parse_kind(parser) == TOKEN_INT)
      element->max = (int32_t)parse_int(parser, "a number of times", 0, INT32_MAX - 1);
  }
  parse_expect(parser, TOKEN_CLOSE_BRACE, "`}` after the number of times, as in `{3}`, `{3,}` or `{3,5}`");
  span = parse_span(parser, span);
  if (element->max < element->min)
    parse_complain(parser, span, "bad-quantifier", "the smaller number stands first",
                   "`{%d,%d}` asks for at least %d and at most %d", element->min, element->max, element->min,
                   element->max);
  else if (element->max == 0)
    parse_complain(parser, span, "bad-quantifier", "leave the step out", "a step that is taken no time");
}

static void parse_times(struct parser *parser, struct element *element) {
  enum token_kind kind = parse_kind(parser);
  if (parse_accept(parser, TOKEN_OPEN_BRACE)) {
    parse_counts(parser, element);
  } else if (kind == TOKEN_PLUS || kind == TOKEN_STAR || kind == TOKEN_QUESTION) {
    parse_take(parser);
    element->has_quantifier = true;
    element->min = kind == TOKEN_PLUS ? 1 : 0;
    element->max = kind == TOKEN_QUESTION ? 1 : TIMES_UNLIMITED;
  } else if (kind == TOKEN_COALESCE) {
    parse_error(parser, parse_ahead(parser, 0)->span, "syntax", "one `?` is enough", "unexpected `??`");
  }
}

static void said_twice(struct parser *parser, struct span span, const char *word) {
  parse_complain(parser, span, "duplicate", NULL, "`%s` stands twice at this step", word);
}

/* One word behind a quantifier; false if none stands here. */
static bool parse_quantifier_word(struct parser *parser, struct element *element) {
  const struct token *token = parse_ahead(parser, 0);
  struct span span = token->span;
  bool *flag = NULL;
  const char *word = NULL;
  if (token->kind == TOKEN_ANY)
    flag = &element->any, word = "any";
  else if (parse_is_word(parser, "strict"))
    flag = &element->strict, word = "strict";
  else if (parse_is_word(parser, "each"))
    flag = &element->each, word = "each";
  else if (parse_is_word(parser, "greedy"))
    flag = &element->greedy, word = "greedy";
  if (flag != NULL) {
    if (*flag) said_twice(parser, span, word);
    *flag = true;
    parse_take(parser);
  } else if (parse_is_word(parser, "until")) {
    if (element->until != NULL) said_twice(parser, span, "until");
    word = "until";
    parse_take(parser);
    parse_expect(parser, TOKEN_OPEN_PAREN, "`(` and a condition after `until`");
    element->until = parse_expr(parser);
    parse_expect(parser, TOKEN_CLOSE_PAREN, "`)` after the condition of `until`");
  } else if (parse_is_word(parser, "gap")) {
    if (element->gap_us >= 0) said_twice(parser, span, "gap");
    parse_take(parser);
    element->gap_us = parse_duration(parser, "a duration after `gap`");
  } else {
    return false;
  }
  if (!element->has_quantifier && word != NULL)
    parse_complain(parser, span, "syntax", "only `gap` may stand without one: put `+`, `*`, `?` or `{n,m}` before it",
                   "`%s` needs a quantifier", word);
  return true;
}

static void parse_quantifier(struct parser *parser, struct element *element) {
  parse_times(parser, element);
  while (parse_quantifier_word(parser, element)) continue;
  element->span = parse_span(parser, element->span);
}

/* ---- steps ---- */

/* `[name =] event[(condition)]`. */
static struct element *parse_step(struct parser *parser) {
  struct element *element = new_element(parser, ELEMENT_STEP, parse_ahead(parser, 0)->span);
  if (parse_kind(parser) == TOKEN_NAME &&
      (parse_ahead(parser, 1)->kind == TOKEN_ASSIGN || parse_ahead(parser, 1)->kind == TOKEN_EQUAL)) {
    element->name = parse_name(parser, "a name of a step");
    parse_assign(parser, "`=` after the step's name");
  }
  parse_use(parser, &element->use,
            element->name.text.length > 0 ? "a name of an event type" : "a name of an event type (a step), or `(`");
  element->span = parse_span(parser, element->span);
  return element;
}

/* `at key F == s.G` */
static void parse_rekey(struct parser *parser, struct element *element) {
  if (!parse_is_word(parser, "at") || parse_ahead(parser, 1)->kind != TOKEN_KEY) return;
  parse_take(parser);
  parse_take(parser);
  struct rekey *rekey = element->rekey = arena_new(parser->arena, struct rekey);
  rekey->field = parse_name(parser, "a name of a field after `at key`");
  if (parse_kind(parser) == TOKEN_ASSIGN) {
    parse_complain(parser, parse_ahead(parser, 0)->span, "syntax", "`==` compares",
                   "expected `==` after the field, found `=`");
    parse_take(parser);
  } else {
    parse_expect(parser, TOKEN_EQUAL, "`==` after the field, as in `at key f == step.g`");
  }
  rekey->step = parse_name(parser, "a name of a step");
  parse_expect(parser, TOKEN_DOT, "`.` and a field after the step");
  rekey->step_field = parse_name(parser, "a name of a field");
}

static void parse_among(struct parser *parser, struct element *element, enum connector connector) {
  if (!parse_is_word(parser, "among")) return;
  struct span span = parse_take(parser).span;
  if (connector != CONNECT_NEXT)
    parse_complain(parser, span, "syntax", "`next X among (…)`", "`among` stands only at a step after `next`");
  parse_expect(parser, TOKEN_OPEN_PAREN, "`(` and a condition after `among`");
  element->among = parse_expr(parser);
  parse_expect(parser, TOKEN_CLOSE_PAREN, "`)` after the condition of `among`");
}

/* ---- groups, alternatives, conjunctions ---- */

/* What an alternative or an operand may be. */
static void check_operand(struct parser *parser, struct element *element, bool alternative) {
  const char *word = alternative ? "or" : "and";
  if (element->has_quantifier || element->gap_us >= 0)
    parse_error(parser, element->span, "syntax",
                alternative ? "put the step and its quantifier in parentheses: a group" : NULL,
                "an operand of `%s` has no quantifier", word);
  else if (element->rekey != NULL || element->among != NULL)
    parse_error(parser, element->span, "syntax", NULL, "an operand of `%s` has neither `at key` nor `among`", word);
  else if (!alternative && element->kind != ELEMENT_STEP)
    parse_error(parser, element->span, "syntax", NULL, "the operands of `and` are single steps");
  else if (alternative && element->kind != ELEMENT_STEP && element->kind != ELEMENT_GROUP)
    parse_error(parser, element->span, "syntax", "put it into one more pair of parentheses: a group",
                "an alternative is a step or a group");
}

/* Behind `(` and its first element. */
static struct element *parse_operands(struct parser *parser, struct element *first, struct span start,
                                      enum token_kind op) {
  bool alternative = op == TOKEN_OR;
  struct element *element = new_element(parser, alternative ? ELEMENT_OR : ELEMENT_AND, start);
  struct parse_list children = {0};
  check_operand(parser, first, alternative);
  add_child(parser, &children, first);
  while (parse_accept(parser, op)) {
    struct element *operand = parse_element(parser, CONNECT_START);
    check_operand(parser, operand, alternative);
    add_child(parser, &children, operand);
  }
  enum token_kind other = alternative ? TOKEN_AND : TOKEN_OR;
  if (parse_kind(parser) == other)
    parse_error(parser, parse_ahead(parser, 0)->span, "syntax", "write two groups in parentheses",
                "`and` and `or` do not mix in one group");
  set_children(parser, element, &children);
  parse_expect(parser, TOKEN_CLOSE_PAREN,
               alternative ? "`or` or `)` in the alternatives" : "`and` or `)` in the group");
  element->span = parse_span(parser, start);
  return element;
}

/* Behind `(`. */
static struct element *parse_group_element(struct parser *parser, struct span start) {
  struct element *nothing = new_element(parser, ELEMENT_GROUP, start);
  if (parser->panic) return nothing;
  if (parser->pattern_depth >= PATTERN_DEPTH_MAX) {
    parse_error(parser, start, "too-deep", NULL, "groups are nested deeper than %d levels", (int)PATTERN_DEPTH_MAX);
    return nothing;
  }
  parser->pattern_depth++;
  struct element *element = parse_sequence(parser, start, false);
  parser->pattern_depth--;
  return element;
}

static struct element *parse_element(struct parser *parser, enum connector connector) {
  struct element *element;
  if (parse_kind(parser) == TOKEN_OPEN_PAREN) {
    struct token open = parse_take(parser);
    element = parse_group_element(parser, open.span);
  } else {
    element = parse_step(parser);
    parse_rekey(parser, element);
    parse_among(parser, element, connector);
  }
  parse_quantifier(parser, element);
  element->connector = connector;
  return element;
}

/* `then no X [for D]`, `next no X`; the words are taken. */
static struct element *parse_absence(struct parser *parser, struct span start, enum connector connector) {
  struct element *element = new_element(parser, ELEMENT_ABSENCE, start);
  element->connector = connector;
  const struct token *found = parse_ahead(parser, 0);
  if (found->kind == TOKEN_OPEN_PAREN)
    parse_error(parser, found->span, "syntax", NULL, "`no` takes one event type, not a group");
  if (found->kind == TOKEN_NAME && parse_ahead(parser, 1)->kind == TOKEN_ASSIGN)
    parse_error(parser, found->span, "syntax", "nothing can refer to an event that did not come: leave the name out",
                "an absence has no name");
  parse_use(parser, &element->use, "a name of an event type after `no`");
  if (parse_is_word(parser, "for")) {
    struct span span = parse_take(parser).span;
    if (connector == CONNECT_NEXT_NO)
      parse_complain(parser, span, "syntax", "`then no X for 5m`", "`next no` has no `for`");
    element->for_us = parse_duration(parser, "a duration after `for`");
  }
  element->span = parse_span(parser, start);
  enum token_kind kind = parse_kind(parser);
  if (kind == TOKEN_OPEN_BRACE || kind == TOKEN_PLUS || kind == TOKEN_STAR || kind == TOKEN_QUESTION ||
      parse_is_word(parser, "gap"))
    parse_error(parser, parse_ahead(parser, 0)->span, "syntax", NULL, "an absence has no quantifier");
  return element;
}

/* One edge: a connector and what it leads to. */
static struct element *parse_edge(struct parser *parser) {
  struct token word = parse_take(parser);
  bool next = word.kind == TOKEN_NEXT;
  if (parse_accept(parser, TOKEN_NO)) return parse_absence(parser, word.span, next ? CONNECT_NEXT_NO : CONNECT_THEN_NO);
  struct span span = parse_ahead(parser, 0)->span;
  if (!parse_accept(parser, TOKEN_ANY)) return parse_element(parser, next ? CONNECT_NEXT : CONNECT_THEN);
  if (next) parse_complain(parser, span, "syntax", "`then any X`", "`next` has no `any`");
  return parse_element(parser, CONNECT_THEN_ANY);
}

/* element edge*, up to the group's `)`; the whole pattern (`top`) has none. Alternatives and conjunctions show
 * themselves behind the first element. Called behind `(`. */
static struct element *parse_sequence(struct parser *parser, struct span start, bool top) {
  struct comment *comments = top ? parse_comments(parser) : NULL;
  struct element *first;
  if (parse_kind(parser) == TOKEN_NO)
    parse_error(parser, parse_ahead(parser, 0)->span, "syntax",
                "`no X` stands between two steps, or at the end with `for`", "a sequence cannot begin with `no`");
  first = parse_element(parser, CONNECT_START);
  enum token_kind kind = parse_kind(parser);
  if (!top && (kind == TOKEN_OR || kind == TOKEN_AND)) return parse_operands(parser, first, start, kind);
  if (top && (kind == TOKEN_OR || kind == TOKEN_AND))
    parse_error(parser, parse_ahead(parser, 0)->span, "syntax", "put the alternatives in parentheses",
                "`%s` between steps stands in parentheses", lex_kind_text(kind));
  struct element *group = new_element(parser, ELEMENT_GROUP, start);
  struct parse_list children = {0};
  for (struct element *child = first;;) {
    if (top) {
      child->comments = comments;
      parse_comments_end(parser, &child->comments);
    }
    add_child(parser, &children, child);
    if (parse_kind(parser) == TOKEN_COMMA && parse_ahead(parser, 2)->kind == TOKEN_ASSIGN)
      parse_error(parser, parse_ahead(parser, 0)->span, "syntax", "write `then`",
                  "steps are joined by `then`, not by `,`");
    if (parse_kind(parser) != TOKEN_THEN && parse_kind(parser) != TOKEN_NEXT) break;
    comments = top ? parse_comments(parser) : NULL;
    child = parse_edge(parser);
  }
  set_children(parser, group, &children);
  if (!top) parse_expect(parser, TOKEN_CLOSE_PAREN, "`then`, `next` or `)` in the group");
  group->span = parse_span(parser, start);
  return group;
}

struct element *parse_pattern(struct parser *parser) {
  return parse_sequence(parser, parse_ahead(parser, 0)->span, true);
}
