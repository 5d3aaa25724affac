/* parse_core.c - the parser's hands: tokens ahead, messages, borders, comments. See parse_core.h. */
#include "rules/parse_core.h"

#include <stdarg.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/time_text.h"
#include "base/utf8.h"

enum { LIST_FIRST = 4, MESSAGE_MAX = 600, NEAREST_MAX = 64 };

static const struct token token_end = {.kind = TOKEN_END};

void *parse_list_add(struct parser *parser, struct parse_list *list, size_t size) {
  if (list->count == list->capacity) {
    uint32_t capacity = list->capacity == 0 ? LIST_FIRST : list->capacity * 2;
    char *items = arena_zero(&parser->scratch, capacity * size);
    if (list->count > 0) memcpy(items, list->items, list->count * size);
    *list = (struct parse_list){items, list->count, capacity, size};
  }
  return (char *)list->items + size * list->count++;
}

void *parse_list_end(struct parser *parser, const struct parse_list *list) {
  if (list->count == 0) return NULL;
  char *items = arena_alloc(parser->arena, list->count * list->size);
  memcpy(items, list->items, list->count * list->size);
  return items;
}

uint16_t parse_list_count(struct parser *parser, const struct parse_list *list) {
  if (list->count <= PARSE_LIST_MAX) return (uint16_t)list->count;
  parse_complain(parser, parser->last.span, "too-many", NULL, "more than %d entries", (int)PARSE_LIST_MAX);
  return PARSE_LIST_MAX;
}

/* ---- tokens ---- */

const struct token *parse_ahead(struct parser *parser, unsigned distance) {
  if (parser->panic) return &token_end;
  check(distance < PARSE_AHEAD);
  while (parser->held <= distance) {
    lex_next(&parser->lexer, &parser->ring[(parser->first + parser->held) % PARSE_AHEAD]);
    parser->held++;
  }
  return &parser->ring[(parser->first + distance) % PARSE_AHEAD];
}

static void note_line_end(struct parser *parser, const struct token *token) {
  const struct span *span = &token->span;
  if (span->line >= parser->line_capacity) {
    uint32_t capacity = parser->line_capacity == 0 ? 64 : parser->line_capacity;
    while (capacity <= span->line) capacity *= 2;
    parser->line_ends = mem_realloc(parser->arena->mem, parser->line_ends, capacity * sizeof *parser->line_ends);
    memset(parser->line_ends + parser->line_capacity, 0, (capacity - parser->line_capacity) * sizeof(uint32_t));
    parser->line_capacity = capacity;
  }
  uint32_t length = span->length < SPAN_LENGTH_MAX ? span->length : (uint32_t)utf8_count(token->source);
  parser->line_ends[span->line] = span->column + length;
}

struct token parse_take(struct parser *parser) {
  const struct token *token = parse_ahead(parser, 0);
  if (token->kind == TOKEN_END) return *token; /* the end is never taken; it stays */
  parser->last = *token;
  if (token->kind == TOKEN_OPEN_BRACE) parser->braces++;
  if (token->kind == TOKEN_CLOSE_BRACE && parser->braces > 0) parser->braces--;
  parser->first = (parser->first + 1) % PARSE_AHEAD;
  parser->held--;
  note_line_end(parser, &parser->last);
  return parser->last;
}

bool parse_accept(struct parser *parser, enum token_kind kind) {
  if (parse_kind(parser) != kind) return false;
  parse_take(parser);
  return true;
}

bool parse_word_ahead(struct parser *parser, unsigned distance, const char *word) {
  const struct token *token = parse_ahead(parser, distance);
  return token->kind == TOKEN_NAME && token->text.length == strlen(word) &&
         memcmp(token->text.data, word, token->text.length) == 0;
}

bool parse_accept_word(struct parser *parser, const char *word) {
  if (!parse_is_word(parser, word)) return false;
  parse_take(parser);
  return true;
}

struct span parse_span(struct parser *parser, struct span first) {
  if (parser->last.span.line < first.line || first.line >= parser->line_capacity) return first;
  uint32_t end = parser->line_ends[first.line];
  return end <= first.column ? first : span_at(first.file, first.line, first.column, end - first.column);
}

/* ---- messages ---- */

const char *parse_token_text(struct parser *parser, const struct token *token) {
  enum { SHOWN_MAX = 40 };
  if (token->kind == TOKEN_END) return "the end of the file";
  struct slice source = token->source;
  size_t length = utf8_offset(source, SHOWN_MAX);
  const char *cut = length < source.length ? "…" : "";
  if (token->kind == TOKEN_STRING)
    return arena_printf(parser->arena, "the string %.*s%s", (int)length, source.data, cut);
  if (lex_is_reserved(token->kind)) return arena_printf(parser->arena, "`%s`", lex_kind_text(token->kind));
  return arena_printf(parser->arena, "`%.*s%s`", (int)length, source.data, cut);
}

static void say(struct parser *parser, struct span span, const char *code, const char *hint, const char *format,
                va_list arguments) {
  char text[MESSAGE_MAX];
  vsnprintf(text, sizeof text, format, arguments);
  diag_add(parser->diags, DIAG_ERROR, span, code, hint, "%s", text);
}

void parse_error(struct parser *parser, struct span span, const char *code, const char *hint, const char *format, ...) {
  if (parser->panic) return;
  va_list arguments;
  va_start(arguments, format);
  say(parser, span, code, hint, format, arguments);
  va_end(arguments);
  parser->panic = true;
}

void parse_complain(struct parser *parser, struct span span, const char *code, const char *hint, const char *format,
                    ...) {
  if (parser->panic) return;
  va_list arguments;
  va_start(arguments, format);
  say(parser, span, code, hint, format, arguments);
  va_end(arguments);
}

/* The end of the file is shown behind the last token. */
static struct span found_span(struct parser *parser, const struct token *found) {
  const struct span *last = &parser->last.span;
  if (found->kind != TOKEN_END || last->line == 0) return found->span;
  return span_at(last->file, last->line, parser->line_ends[last->line], 1);
}

void parse_expected(struct parser *parser, const char *what) {
  const struct token *found = parse_ahead(parser, 0);
  if (parser->panic) return;
  if (found->bad || found->number == parser->lexer.behind_stray) { /* something was said to be wrong here already */
    parser->panic = true;
    return;
  }
  parse_error(parser, found_span(parser, found), "syntax", parse_hint_expected(parser, what, found),
              "expected %s, found %s", what, parse_token_text(parser, found));
}

const char *parse_nearest_hint(struct parser *parser, struct slice wrong, const char *const *words, unsigned count) {
  struct slice names[NEAREST_MAX];
  check(count <= NEAREST_MAX);
  for (unsigned i = 0; i < count; i++) names[i] = slice_of(words[i]);
  struct slice nearest = diag_nearest(wrong, names, count);
  return nearest.length == 0 ? NULL : arena_printf(parser->arena, "did you mean `" SLICE_FMT "`?", SLICE_ARG(nearest));
}

bool parse_expect(struct parser *parser, enum token_kind kind, const char *what) {
  if (parse_accept(parser, kind)) return true;
  parse_expected(parser, what);
  return false;
}

bool parse_expect_word(struct parser *parser, const char *word, const char *what) {
  if (parse_accept_word(parser, word)) return true;
  parse_expected(parser, what);
  return false;
}

struct name parse_name(struct parser *parser, const char *what) {
  if (parse_kind(parser) != TOKEN_NAME) {
    parse_expected(parser, what);
    return (struct name){{"", 0}, parse_ahead(parser, 0)->span};
  }
  struct token token = parse_take(parser);
  return (struct name){token.text, token.span};
}

struct slice parse_string(struct parser *parser, const char *what) {
  if (parse_kind(parser) == TOKEN_STRING) return parse_take(parser).text;
  parse_expected(parser, what);
  return (struct slice){"", 0};
}

/* Ten thousand years: a deadline, the time of any event and this, always has room in 64 bits. */
#define CLAUSE_DURATION_MAX_US (LIMIT_CLAUSE_DURATION_DAYS * TIME_DAY_US)

int64_t parse_duration(struct parser *parser, const char *what) {
  if (parse_kind(parser) != TOKEN_DURATION) {
    parse_expected(parser, what);
    return 0;
  }
  struct token token = parse_take(parser);
  if (token.value.i <= CLAUSE_DURATION_MAX_US) return token.value.i;
  parse_complain(parser, token.span, "out-of-range",
                 arena_printf(parser->arena, "at most %dd, ten thousand years", LIMIT_CLAUSE_DURATION_DAYS),
                 "`" SLICE_FMT "` is too long a duration", SLICE_ARG(lex_shown(token.source)));
  return CLAUSE_DURATION_MAX_US;
}

int64_t parse_int(struct parser *parser, const char *what, int64_t least, int64_t most) {
  if (parse_kind(parser) != TOKEN_INT) {
    parse_expected(parser, what);
    return least;
  }
  struct token token = parse_take(parser);
  int64_t number = token.value.i;
  if (token.bad) return least > 1 ? least : 1; /* said already */
  if (token.int_min || number < least || number > most) {
    parse_complain(parser, token.span, "out-of-range", NULL, "expected %s from %lld to %lld, found `" SLICE_FMT "`",
                   what, (long long)least, (long long)most, SLICE_ARG(lex_shown(token.source)));
    number = number < least ? least : most; /* so that nothing else is wrong with it */
  }
  return number;
}

unsigned parse_choice(struct parser *parser, const char *const *words, unsigned count, const char *what) {
  for (unsigned i = 0; i < count; i++)
    if (parse_accept_word(parser, words[i])) return i;
  const struct token *found = parse_ahead(parser, 0);
  if (found->kind == TOKEN_NAME && !found->first_on_line) {
    const char *hint = parse_nearest_hint(parser, found->text, words, count);
    if (hint == NULL) hint = parse_hint_expected(parser, what, found);
    parse_complain(parser, found->span, "unknown-word", hint, "expected %s, found %s", what,
                   parse_token_text(parser, found));
    parse_take(parser);
  } else if (found->kind == TOKEN_STRING) {
    unsigned said = 0;
    while (said < count && !slice_equal(found->text, slice_of(words[said]))) said++;
    parse_complain(parser, found->span, "syntax", said < count ? "write it without quotes" : NULL,
                   "expected %s, found %s", what, parse_token_text(parser, found));
    parse_take(parser);
    return said < count ? said : 0;
  } else {
    parse_expected(parser, what);
  }
  return 0;
}

void parse_assign(struct parser *parser, const char *what) {
  if (parse_accept(parser, TOKEN_ASSIGN)) return;
  struct span span = parse_ahead(parser, 0)->span;
  if (parse_kind(parser) == TOKEN_EQUAL)
    parse_complain(parser, span, "syntax", "`=` binds a name, `==` compares", "expected %s, found `==`", what);
  else if (parse_kind(parser) == TOKEN_COLON)
    parse_complain(parser, span, "syntax", "write `=`", "expected %s, found `:`", what);
  else {
    parse_expected(parser, what);
    return;
  }
  parse_take(parser);
}

/* ---- borders ---- */

bool parse_declaration_ahead(struct parser *parser) {
  const struct token *word = parse_ahead(parser, 0);
  if (word->kind != TOKEN_NAME || !word->first_on_line) return false;
  if (parse_is_word(parser, "test"))
    return parse_ahead(parser, 1)->kind == TOKEN_STRING && parse_word_ahead(parser, 2, "for");
  if (parse_ahead(parser, 1)->kind != TOKEN_NAME || parse_type_ahead(parser, 1)) return false;
  enum token_kind third = parse_ahead(parser, 2)->kind;
  if (parse_is_word(parser, "rule"))
    return third == TOKEN_OPEN_BRACE || third == TOKEN_STRING || parse_word_ahead(parser, 2, "was");
  if (parse_is_word(parser, "event"))
    return third == TOKEN_OPEN_BRACE || parse_word_ahead(parser, 2, "from") || parse_word_ahead(parser, 2, "join");
  if (parse_is_word(parser, "list")) return parse_type_ahead(parser, 2);
  if (parse_is_word(parser, "table")) return third == TOKEN_KEY;
  if (parse_is_word(parser, "lookup") || parse_is_word(parser, "model")) return parse_word_ahead(parser, 2, "from");
  if (parse_is_word(parser, "let") || parse_is_word(parser, "counter")) return third == TOKEN_ASSIGN;
  if (parse_is_word(parser, "group")) return third == TOKEN_OPEN_BRACE;
  if (parse_is_word(parser, "actions")) return third == TOKEN_GREATER;
  return false;
}

void parse_sync_block(struct parser *parser, bool (*starts)(struct parser *parser)) {
  if (!parser->panic) return;
  parser->panic = false;
  for (;; parse_take(parser)) { /* each turn takes a token or ends */
    const struct token *token = parse_ahead(parser, 0);
    if (token->kind == TOKEN_END) return;
    if (token->kind == TOKEN_CLOSE_BRACE && parser->braces <= parser->item_braces) return;
    if (!token->first_on_line || token->number == parser->item_number) continue; /* each item takes a token */
    if (parse_declaration_ahead(parser)) return;
    if (starts == NULL ? token->kind == TOKEN_NAME && parser->braces == parser->item_braces : starts(parser)) {
      parser->braces = parser->item_braces; /* a clause word shows that a `}` was forgotten */
      return;
    }
  }
}

bool parse_in_block(struct parser *parser) {
  enum token_kind kind = parse_kind(parser);
  if (kind == TOKEN_CLOSE_BRACE || kind == TOKEN_END || parse_declaration_ahead(parser)) return false;
  parser->item_number = parse_ahead(parser, 0)->number;
  parser->item_braces = parser->braces;
  return true;
}

void parse_close(struct parser *parser, const char *what, struct span opened) {
  if (parse_accept(parser, TOKEN_CLOSE_BRACE)) return;
  const struct token *found = parse_ahead(parser, 0);
  const char *hint = arena_printf(parser->arena, "%s began on line %u", what, opened.line);
  parse_error(parser, found_span(parser, found), "missing-brace", hint, "expected `}` to close %s, found %s", what,
              parse_token_text(parser, found));
}

/* ---- comments ---- */

/* The comments in front of token number `number`, off the queue, behind the list. */
static void take_comments(struct parser *parser, uint32_t number, struct comment **list) {
  struct lexer *lexer = &parser->lexer;
  while (*list != NULL) list = &(*list)->next;
  while (lexer->first != NULL && lexer->first->next_token <= number) {
    *list = lexer->first->comment;
    list = &(*list)->next;
    lexer->first = lexer->first->next;
  }
}

struct comment *parse_comments(struct parser *parser) {
  if (parser->panic) return NULL;
  struct comment *list = NULL;
  take_comments(parser, parse_ahead(parser, 0)->number, &list);
  return list;
}

void parse_comments_end(struct parser *parser, struct comment **comments) {
  if (parser->panic) return;
  parse_ahead(parser, 0); /* so that what stands behind the last token is in the queue */
  take_comments(parser, parser->last.number, comments);
  struct lex_comment *next = parser->lexer.first;
  if (next == NULL || next->next_token != parser->last.number + 1 || next->line != parser->last.span.line) return;
  bool taken = false;
  for (struct comment *c = *comments; c != NULL; c = c->next) taken |= c->after;
  next->comment->after = !taken;
  while (*comments != NULL) comments = &(*comments)->next;
  *comments = next->comment;
  parser->lexer.first = next->next;
}
