/* parse.c - a file of rules: its declarations one after the other, each by its own function (parse_rule.c,
 * parse_event.c, parse_decl.c, parse_test.c). Called by the rule set's loader, `fmt`, the JSON form and the tests. */
#include "rules/parse_core.h"

#include "base/check.h"

static const struct {
  const char *word;
  enum decl_kind kind;
  void (*parse)(struct parser *parser, struct decl *decl, struct comment *comments);
} declarations[] = {
    {"event", DECL_EVENT, parse_event}, {"list", DECL_LIST, parse_list_decl},
    {"table", DECL_TABLE, parse_table}, {"lookup", DECL_LOOKUP, parse_lookup},
    {"model", DECL_MODEL, parse_model}, {"counter", DECL_COUNTER, parse_counter},
    {"let", DECL_LET, parse_let},       {"rule", DECL_RULE, parse_rule},
    {"group", DECL_GROUP, parse_group}, {"actions", DECL_ACTIONS, parse_actions},
    {"test", DECL_TEST, parse_test},
};
enum { DECLARATIONS = sizeof declarations / sizeof declarations[0], SCRATCH_CHUNK_BYTES = 1 << 12 };

static int declaration_at(struct parser *parser) {
  for (int i = 0; i < DECLARATIONS; i++)
    if (parse_is_word(parser, declarations[i].word)) return i;
  return -1;
}

/* Doubles where the count is a power of two, so that no capacity need be kept. */
static void *grown(struct arena *arena, void *items, uint32_t count, size_t size) {
  if (count != 0 && (count & (count - 1)) != 0) return items;
  char *more = arena_zero(arena, (count == 0 ? 1 : (size_t)count * 2) * size);
  if (count > 0) memcpy(more, items, count * size);
  return more;
}

static void add_declaration(struct parser *parser, struct decl decl) {
  struct tree *tree = parser->tree;
  tree->decls = grown(tree->arena, tree->decls, tree->decl_count, sizeof *tree->decls);
  tree->decls[tree->decl_count++] = decl;
}

/* A `{…}` that belongs to nothing known is skipped whole; so are words up to what may begin a declaration. */
static void sync_file(struct parser *parser) {
  parser->panic = false;
  for (;;) { /* each turn takes a token or ends; a declaration takes at least its word */
    const struct token *token = parse_ahead(parser, 0);
    if (token->kind == TOKEN_END) return;
    if (token->first_on_line &&
        (parse_declaration_ahead(parser) || (parser->braces == 0 && declaration_at(parser) >= 0)))
      return;
    parse_take(parser);
    if (parser->last.kind == TOKEN_CLOSE_BRACE && parser->braces == 0 && declaration_at(parser) >= 0) return;
  }
}

static void unknown_declaration(struct parser *parser) {
  const char *words[DECLARATIONS];
  for (int i = 0; i < DECLARATIONS; i++) words[i] = declarations[i].word;
  const struct token *found = parse_ahead(parser, 0);
  const char *hint = NULL;
  if (found->kind == TOKEN_NAME) hint = parse_nearest_hint(parser, found->text, words, DECLARATIONS);
  if (found->kind == TOKEN_CLOSE_BRACE) {
    parse_complain(parser, found->span, "syntax", "a `}` too much, or a `{` is missing above", "unexpected `}`");
    parse_take(parser);
    return;
  }
  if (hint == NULL) hint = parse_hint_declaration(parser, found);
  if (hint == NULL)
    hint = "declarations are event, list, table, lookup, model, counter, let, rule, group, actions and test";
  if (found->bad)
    parser->panic = true;
  else if (!found->first_on_line && parser->last.span.line == found->span.line)
    parse_error(parser, found->span, "syntax", parse_hint_behind_declaration(parser, found),
                "expected the end of the declaration, found %s", parse_token_text(parser, found));
  else
    parse_error(parser, found->span, "unknown-declaration", hint, "expected a declaration, found %s",
                parse_token_text(parser, found));
}

static void parse_declarations(struct parser *parser, struct source_file *file) {
  for (;;) { /* each turn takes a token or ends */
    struct comment *comments = parse_comments(parser);
    parser->braces = 0;
    if (parse_kind(parser) == TOKEN_END) {
      file->end_comments = comments;
      return;
    }
    int at = declaration_at(parser);
    if (at < 0) {
      unknown_declaration(parser);
      if (parser->panic) sync_file(parser);
      continue;
    }
    struct decl decl = {.kind = declarations[at].kind, .file = parser->file};
    declarations[at].parse(parser, &decl, comments);
    add_declaration(parser, decl);
    arena_reset(&parser->scratch);
    if (parser->panic) sync_file(parser);
  }
}

/* How many lines the text has, what stands behind the last end of line included; and where they start (or NULL). */
static uint32_t find_lines(struct slice text, uint32_t *starts) {
  const char *line = text.data, *end = text.data + text.length;
  for (uint32_t count = 0;; line++) {
    if (starts != NULL) starts[count] = (uint32_t)(line - text.data);
    count++;
    line = line == end ? NULL : memchr(line, '\n', (size_t)(end - line));
    if (line == NULL) return count;
  }
}

/* Sets line_starts. False: more lines than a span can count. */
static bool index_lines(struct parser *parser, struct source_file *file) {
  struct slice text = file->text;
  uint32_t lines = find_lines(text, NULL);
  if (lines > SPAN_LINE_MAX) return false;
  uint32_t *starts = arena_array(parser->arena, uint32_t, lines);
  find_lines(text, starts);
  file->line_starts = starts;
  file->line_count = lines;
  return true;
}

/* Puts the text into the tree and a lexer on it. False: it cannot be read at all (said). */
static bool open_text(struct parser *parser, struct tree *tree, struct slice name, struct slice text,
                      struct diags *diags) {
  if (text.data == NULL) text = SLICE("");
  *parser = (struct parser){.tree = tree, .arena = tree->arena, .diags = diags};
  arena_init(&parser->scratch, tree->arena->mem, SCRATCH_CHUNK_BYTES);
  check(tree->file_count < PARSE_FILES_MAX);
  bool too_long = text.length > PARSE_FILE_BYTES_MAX;
  parser->file = tree->file_count;
  tree->files = grown(tree->arena, tree->files, tree->file_count, sizeof *tree->files);
  struct source_file *file = &tree->files[tree->file_count++];
  *file = (struct source_file){.name = name, .text = too_long ? SLICE("") : text};
  bool too_many = !index_lines(parser, file);
  if (too_long)
    diag_add(diags, DIAG_ERROR, span_at(parser->file, 1, 1, 1), "too-long", NULL, "the file is longer than %d MiB",
             PARSE_FILE_BYTES_MAX >> 20);
  if (too_many)
    diag_add(diags, DIAG_ERROR, span_at(parser->file, 1, 1, 1), "too-long", "cut it into several files",
             "the file has more than %d lines", SPAN_LINE_MAX);
  return !too_long && !too_many && lex_init(&parser->lexer, parser->arena, diags, parser->file, text);
}

static void close_text(struct parser *parser) {
  arena_free(&parser->scratch);
  mem_free(parser->arena->mem, parser->line_ends);
}

int parse_file(struct tree *tree, struct slice file_name, struct slice text, struct diags *diags) {
  struct parser parser;
  uint32_t errors = diags->error_count, dropped = diags->dropped;
  if (open_text(&parser, tree, file_name, text, diags)) parse_declarations(&parser, &tree->files[parser.file]);
  close_text(&parser);
  return diags->error_count == errors && diags->dropped == dropped ? 0 : ERR_ABORT;
}

struct tree_expr *parse_expression(struct tree *tree, struct slice file_name, struct slice text, struct diags *diags) {
  struct parser parser;
  uint32_t errors = diags->error_count, dropped = diags->dropped;
  struct tree_expr *expr = NULL;
  if (open_text(&parser, tree, file_name, text, diags)) {
    expr = parse_expr(&parser);
    if (parse_kind(&parser) != TOKEN_END) parse_expected(&parser, "the end of the expression");
  }
  close_text(&parser);
  return diags->error_count == errors && diags->dropped == dropped ? expr : NULL;
}

/* ---- parts that many declarations have ---- */

static const char *const type_words[] = {"bool", "int", "float", "decimal", "string", "time", "duration", "ip"};
static const uint8_t type_kinds[] = {VALUE_BOOL,   VALUE_INT,  VALUE_FLOAT,    VALUE_DECIMAL,
                                     VALUE_STRING, VALUE_TIME, VALUE_DURATION, VALUE_IP};
enum { TYPE_WORDS = sizeof type_words / sizeof type_words[0] };

bool parse_type_ahead(struct parser *parser, unsigned distance) {
  if (parse_ahead(parser, distance)->kind == TOKEN_OPEN_BRACKET) return true;
  for (unsigned i = 0; i < TYPE_WORDS; i++)
    if (parse_word_ahead(parser, distance, type_words[i])) return true;
  return false;
}

/* `required` or `secret` behind a type is an option, unless it is the next field's name: then a type follows that is
 * not itself the name of a field (as `time` may be). */
bool parse_option_ahead(struct parser *parser, const char *word) {
  if (!parse_is_word(parser, word)) return false;
  if (!parse_type_ahead(parser, 1)) return true;
  return parse_ahead(parser, 1)->kind == TOKEN_NAME && parse_type_ahead(parser, 2);
}

/* A type of other languages, taken for ours; false if nobody knows what is meant. */
static bool take_foreign_type(struct parser *parser, struct type *type) {
  static const struct {
    const char *word, *hint;
    uint8_t kind; /* enum value_kind */
  } words[] = {
      {"timestamp", "write `time`", VALUE_TIME},
      {"datetime", "write `time`", VALUE_TIME},
      {"date", "write `time`", VALUE_TIME},
      {"text", "write `string`", VALUE_STRING},
      {"varchar", "write `string`", VALUE_STRING},
      {"char", "write `string`", VALUE_STRING},
      {"str", "write `string`", VALUE_STRING},
      {"uuid", "write `string`", VALUE_STRING},
      {"integer", "write `int`", VALUE_INT},
      {"bigint", "write `int`", VALUE_INT},
      {"long", "write `int`", VALUE_INT},
      {"int64", "write `int`", VALUE_INT},
      {"boolean", "write `bool`", VALUE_BOOL},
      {"double", "write `float`", VALUE_FLOAT},
      {"real", "write `float`", VALUE_FLOAT},
      {"float64", "write `float`", VALUE_FLOAT},
      {"inet", "write `ip`", VALUE_IP},
      {"interval", "write `duration`", VALUE_DURATION},
      {"number", "write `float`, or `decimal(2)` for amounts", VALUE_FLOAT},
      {"numeric", "write `decimal(2)`, with the digits after the point", VALUE_FLOAT},
      {"money", "write `decimal(2)`, with the digits after the point", VALUE_FLOAT},
  };
  struct token token = *parse_ahead(parser, 0);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (!parse_is_word(parser, words[i].word)) continue;
    parse_complain(parser, token.span, "unknown-type", words[i].hint, "there is no type `%s`", words[i].word);
    parse_take(parser);
    if (parse_kind(parser) == TOKEN_OPEN_PAREN) /* `varchar(20)`, `numeric(10, 2)` */
      while (parse_kind(parser) == TOKEN_OPEN_PAREN || parse_kind(parser) == TOKEN_INT ||
             parse_kind(parser) == TOKEN_COMMA || parse_kind(parser) == TOKEN_CLOSE_PAREN)
        if (parse_take(parser).kind == TOKEN_CLOSE_PAREN) break;
    *type = TYPE(words[i].kind);
    return true;
  }
  return false;
}

/* A type that is no list, `unit` for times. */
static struct type parse_scalar_type(struct parser *parser, enum time_unit *unit) {
  const struct token *found = parse_ahead(parser, 0);
  struct type type = TYPE(VALUE_STRING);
  unsigned i = 0;
  while (i < TYPE_WORDS && !parse_is_word(parser, type_words[i])) i++;
  if (i == TYPE_WORDS && take_foreign_type(parser, &type)) return type;
  if (i == TYPE_WORDS) {
    const char *near =
        found->kind == TOKEN_NAME ? parse_nearest_hint(parser, found->text, PARSE_WORDS(type_words)) : NULL;
    if (found->kind == TOKEN_NAME) near = parse_hint_type(parser, found, near, PARSE_WORDS(type_words));
    if (found->kind == TOKEN_NAME)
      parse_error(parser, found->span, "unknown-type",
                  near != NULL
                      ? near
                      : "types are bool, int, float, decimal(2), string, time, duration, ip and lists as [string]",
                  "there is no type %s", parse_token_text(parser, found));
    else
      parse_expected(parser, "a type");
    return type;
  }
  parse_take(parser);
  type = TYPE(type_kinds[i]);
  if (type.kind == VALUE_DECIMAL) {
    parse_expect(parser, TOKEN_OPEN_PAREN, "`(` and the number of digits after `decimal`");
    type.scale = (uint8_t)parse_int(parser, "a number of digits", 0, DECIMAL_DIGITS_MAX);
    parse_expect(parser, TOKEN_CLOSE_PAREN, "`)` after the number of digits");
  } else if (type.kind == VALUE_TIME && parse_accept(parser, TOKEN_OPEN_PAREN)) {
    static const char *const units[] = {"s", "ms", "us"};
    *unit = (enum time_unit)(TIME_S + parse_choice(parser, PARSE_WORDS(units), "the unit of the numbers: s, ms or us"));
    parse_expect(parser, TOKEN_CLOSE_PAREN, "`)` after the unit");
  }
  return type;
}

struct type parse_type(struct parser *parser, enum time_unit *unit, struct span *span) {
  *unit = TIME_TEXT;
  *span = parse_ahead(parser, 0)->span;
  struct type type;
  if (parse_accept(parser, TOKEN_OPEN_BRACKET)) {
    struct type element = parse_scalar_type(parser, unit);
    parse_expect(parser, TOKEN_CLOSE_BRACKET, "`]` after the type of the elements");
    type = (struct type){.kind = VALUE_LIST, .element = element.kind, .element_scale = element.scale};
  } else {
    type = parse_scalar_type(parser, unit);
  }
  *span = parse_span(parser, *span);
  return type;
}

struct name *parse_names(struct parser *parser, const char *what, uint16_t *count) {
  struct parse_list list = {0};
  do {
    struct name name = parse_name(parser, what);
    if (!parser->panic) *(struct name *)parse_list_add(parser, &list, sizeof(struct name)) = name;
  } while (parse_accept(parser, TOKEN_COMMA));
  *count = parse_list_count(parser, &list);
  return parse_list_end(parser, &list);
}

struct tree_entry *parse_entries(struct parser *parser, bool literals, bool (*ends)(struct parser *parser),
                                 uint16_t *count) {
  struct parse_list list = {0};
  unsigned outer_braces = parser->item_braces;
  while ((ends == NULL || !ends(parser)) && parse_in_block(parser)) {
    struct tree_entry entry = {.comments = parse_comments(parser)};
    entry.name = parse_name(parser, "a name for the value, or `}`");
    parse_assign(parser, "`=` after the name");
    entry.expr = literals ? parse_literal(parser, false, "a literal value") : parse_expr(parser);
    parse_accept(parser, TOKEN_COMMA);
    parse_comments_end(parser, &entry.comments);
    if (!parser->panic) *(struct tree_entry *)parse_list_add(parser, &list, sizeof entry) = entry;
    parse_sync_block(parser, NULL);
  }
  parser->item_braces = outer_braces;
  *count = parse_list_count(parser, &list);
  return parse_list_end(parser, &list);
}

/* Behind `key`: `none`, or parts; `user: login.uid, transfer.payer_id` is one part with two paths. A bare name begins a
 * new part. */
struct key_tree *parse_key(struct parser *parser) {
  struct key_tree *key = arena_new(parser->arena, struct key_tree);
  key->span = parse_ahead(parser, 0)->span;
  if (parse_accept_word(parser, "none")) {
    key->none = true;
    return key;
  }
  struct parse_list parts = {0};
  do {
    struct key_part part = {.name = parse_name(parser, "a name for the key, or `none`")};
    struct parse_list paths = {0};
    if (parse_accept(parser, TOKEN_COLON)) {
      do {
        typeof(*part.paths) path = {.event = parse_name(parser, "a name of an event type")};
        parse_expect(parser, TOKEN_DOT, "`.` and a field after the event type");
        path.field = parse_name(parser, "a name of a field");
        *(typeof(path) *)parse_list_add(parser, &paths, sizeof path) = path;
      } while (parse_kind(parser) == TOKEN_COMMA && parse_ahead(parser, 2)->kind == TOKEN_DOT &&
               parse_accept(parser, TOKEN_COMMA));
      part.path_count = parse_list_count(parser, &paths);
      part.paths = parse_list_end(parser, &paths);
    }
    if (parse_kind(parser) == TOKEN_OPEN_PAREN && part.paths == NULL)
      parse_error(parser, part.name.span, "syntax",
                  "compute a field in the event and name it: `low string = lower(card)`",
                  "a key is a field, not an expression");
    if (!parser->panic) *(struct key_part *)parse_list_add(parser, &parts, sizeof part) = part;
  } while (parse_accept(parser, TOKEN_COMMA));
  key->part_count = parse_list_count(parser, &parts);
  key->parts = parse_list_end(parser, &parts);
  key->span = parse_span(parser, key->span);
  return key;
}

void parse_use(struct parser *parser, struct use *use, const char *what) {
  use->event = parse_name(parser, what);
  if (!parse_accept(parser, TOKEN_OPEN_PAREN)) return;
  use->condition = parse_expr(parser);
  parse_expect(parser, TOKEN_CLOSE_PAREN, "`)` after the condition");
}
