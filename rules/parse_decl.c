/* parse_decl.c - the smaller declarations: list, table, lookup, model, counter, let, group, actions; and test. */
#include "rules/parse_core.h"

static const char *named(struct parser *parser, const char *kind, struct slice name) {
  return arena_printf(&parser->scratch, "%s `" SLICE_FMT "`", kind, SLICE_ARG(lex_shown(name)));
}

/* `file "…"` behind `from`. */
static struct slice parse_from_file(struct parser *parser, struct span *span) {
  parse_expect_word(parser, "file", "`file` and a string after `from`");
  *span = parse_ahead(parser, 0)->span;
  return parse_string(parser, "a string (a file's name) after `file`");
}

/* ---- list ---- */

static void parse_list_items(struct parser *parser, struct list_tree *list) {
  struct parse_list items = {0}, comments = {0};
  bool any = false;
  while (parse_kind(parser) != TOKEN_CLOSE_BRACE && parse_kind(parser) != TOKEN_END &&
         !parse_declaration_ahead(parser)) {
    struct comment *before = parse_comments(parser);
    struct tree_expr *item = parse_literal(parser, false, "a literal value, or `}`");
    bool more = parse_accept(parser, TOKEN_COMMA);
    parse_comments_end(parser, &before);
    any |= before != NULL;
    *(struct tree_expr **)parse_list_add(parser, &items, sizeof(void *)) = item;
    *(struct comment **)parse_list_add(parser, &comments, sizeof(void *)) = before;
    if (!more && parse_kind(parser) != TOKEN_CLOSE_BRACE) parse_expected(parser, "`,` or `}` in the list");
  }
  list->item_count = items.count;
  list->items = parse_list_end(parser, &items);
  if (any) list->item_comments = parse_list_end(parser, &comments);
}

void parse_list_decl(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct list_tree *list = decl->list = arena_new(parser->arena, struct list_tree);
  struct span type_span;
  list->span = parse_take(parser).span;
  list->comments = comments;
  list->ttl_us = list->visible_after_us = -1;
  list->name = parse_name(parser, "a name after `list`");
  list->span = parse_span(parser, list->span);
  list->type = parse_type(parser, &list->unit, &type_span);
  if (parse_accept_word(parser, "ttl")) list->ttl_us = parse_duration(parser, "a duration after `ttl`");
  if (parse_accept_word(parser, "visible")) {
    parse_expect_word(parser, "after", "`after` and a duration after `visible`");
    list->visible_after_us = parse_duration(parser, "a duration after `visible after`");
  }
  if (parse_accept_word(parser, "from")) {
    list->file = parse_from_file(parser, &list->file_span);
  } else if (parse_accept(parser, TOKEN_OPEN_BRACE)) {
    list->has_items = true;
    parse_comments_end(parser, &list->comments);
    parse_list_items(parser, list);
    list->end_comments = parse_comments(parser);
    parse_close(parser, named(parser, "list", list->name.text), list->span);
  }
  parse_comments_end(parser, &list->comments);
}

/* ---- table, lookup, model ---- */

/* `{ NAME type … }` at its `{`. */
static struct column_tree *parse_columns(struct parser *parser, const char *what, struct span span,
                                         struct comment **comments, struct comment **end_comments, uint16_t *count) {
  struct parse_list columns = {0};
  *count = 0;
  if (!parse_expect(parser, TOKEN_OPEN_BRACE, "`{` and the columns")) return NULL;
  parse_comments_end(parser, comments);
  while (parse_in_block(parser)) {
    struct column_tree column = {.comments = parse_comments(parser)};
    struct span type_span;
    column.name = parse_name(parser, "a name of a column, or `}`");
    column.type = parse_type(parser, &column.unit, &type_span);
    parse_accept(parser, TOKEN_COMMA);
    parse_comments_end(parser, &column.comments);
    if (!parser->panic) *(struct column_tree *)parse_list_add(parser, &columns, sizeof column) = column;
    parse_sync_block(parser, NULL);
  }
  *end_comments = parse_comments(parser);
  parse_close(parser, what, span);
  *count = parse_list_count(parser, &columns);
  return parse_list_end(parser, &columns);
}

void parse_table(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct table_tree *table = decl->table = arena_new(parser->arena, struct table_tree);
  table->span = parse_take(parser).span;
  table->comments = comments;
  table->ttl_us = -1;
  table->name = parse_name(parser, "a name after `table`");
  table->span = parse_span(parser, table->span);
  parse_expect(parser, TOKEN_KEY, "`key (NAME)` after the table's name");
  parse_expect(parser, TOKEN_OPEN_PAREN, "`(` after `key`");
  table->key = parse_name(parser, "a name for the key");
  parse_expect(parser, TOKEN_CLOSE_PAREN, "`)` after the key's name");
  if (parse_accept_word(parser, "from")) {
    if (parse_accept_word(parser, "event"))
      table->from_event = parse_name(parser, "a name of an event type after `from event`");
    else if (parse_is_word(parser, "file"))
      table->file = parse_from_file(parser, &table->file_span);
    else
      parse_expected(parser, "`file` or `event` after `from`");
  }
  table->columns = parse_columns(parser, named(parser, "table", table->name.text), table->span, &table->comments,
                                 &table->end_comments, &table->column_count);
  if (parse_accept_word(parser, "ttl")) {
    static const char *const words[] = {"write", "read"};
    table->ttl_us = parse_duration(parser, "a duration after `ttl`");
    table->on_given = parse_accept(parser, TOKEN_ON);
    if (table->on_given) table->on_read = parse_choice(parser, PARSE_WORDS(words), "write or read after `on`") == 1;
  }
  parse_comments_end(parser, &table->comments);
}

void parse_lookup(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct lookup_tree *lookup = decl->lookup = arena_new(parser->arena, struct lookup_tree);
  lookup->span = parse_take(parser).span;
  lookup->comments = comments;
  lookup->timeout_us = lookup->cache_us = -1;
  lookup->name = parse_name(parser, "a name after `lookup`");
  lookup->span = parse_span(parser, lookup->span);
  parse_expect_word(parser, "from", "`from` and an adapter, as in `from redis \"profile:{user_id}\"`");
  lookup->from = parse_name(parser, "a name of an adapter after `from`");
  lookup->pattern = parse_string(parser, "a string after the adapter, as \"profile:{user_id}\"");
  lookup->columns = parse_columns(parser, named(parser, "lookup", lookup->name.text), lookup->span, &lookup->comments,
                                  &lookup->end_comments, &lookup->column_count);
  if (parse_accept_word(parser, "timeout")) lookup->timeout_us = parse_duration(parser, "a duration after `timeout`");
  if (parse_accept_word(parser, "cache")) lookup->cache_us = parse_duration(parser, "a duration after `cache`");
  if (parse_accept_word(parser, "default")) {
    struct span opened = parser->last.span;
    parse_expect(parser, TOKEN_OPEN_BRACE, "`{` after `default`");
    lookup->defaults = parse_entries(parser, true, NULL, &lookup->default_count);
    parse_close(parser, "the `default` block", opened);
  }
  if (parse_accept_word(parser, "else")) {
    lookup->fallback = parse_name(parser, "a name of an adapter after `else`");
    lookup->fallback_url = parse_string(parser, "a string after the adapter");
  }
  parse_comments_end(parser, &lookup->comments);
}

void parse_model(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct model_tree *model = decl->model = arena_new(parser->arena, struct model_tree);
  struct span type_span;
  model->span = parse_take(parser).span;
  model->comments = comments;
  model->name = parse_name(parser, "a name after `model`");
  model->span = parse_span(parser, model->span);
  parse_expect_word(parser, "from", "`from file` and a string after the model's name");
  model->file = parse_from_file(parser, &model->file_span);
  parse_expect(parser, TOKEN_OPEN_BRACE, "`{`, the inputs and the output");
  parse_comments_end(parser, &model->comments);
  parse_expect(parser, TOKEN_IN, "`in` and the model's inputs");
  model->in = parse_names(parser, "a name of an input after `in`", &model->in_count);
  parse_expect_word(parser, "out", "`out`, a name and a type after the inputs");
  model->out = parse_name(parser, "a name after `out`");
  model->out_type = parse_type(parser, &model->out_unit, &type_span);
  parse_close(parser, named(parser, "model", model->name.text), model->span);
  parse_comments_end(parser, &model->comments);
}

/* ---- counter, let, actions ---- */

void parse_counter(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct counter_tree *counter = decl->counter = arena_new(parser->arena, struct counter_tree);
  counter->span = parse_take(parser).span;
  counter->comments = comments;
  counter->name = parse_name(parser, "a name after `counter`");
  counter->span = parse_span(parser, counter->span);
  parse_assign(parser, "`=` after the counter's name");
  counter->counting = parse_expr(parser);
  if (counter->counting->kind != TREE_COUNTING)
    parse_error(parser, counter->counting->span, "syntax", "as `sum(amount) of payment by card_id over 1h`",
                "a counter is one aggregate with `over`");
  parse_comments_end(parser, &counter->comments);
}

void parse_let(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct let_tree *let = decl->let = arena_new(parser->arena, struct let_tree);
  let->span = parse_take(parser).span;
  let->comments = comments;
  let->name = parse_name(parser, "a name after `let`");
  let->span = parse_span(parser, let->span);
  parse_assign(parser, "`=` after the let's name");
  let->expr = parse_expr(parser);
  parse_comments_end(parser, &let->comments);
}

void parse_actions(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct actions_tree *actions = decl->actions = arena_new(parser->arena, struct actions_tree);
  struct parse_list names = {0};
  actions->span = parse_take(parser).span;
  actions->comments = comments;
  do *(struct name *)parse_list_add(parser, &names, sizeof(struct name)) = parse_name(parser, "a name of an action");
  while (parse_accept(parser, TOKEN_GREATER));
  actions->count = parse_list_count(parser, &names);
  actions->names = parse_list_end(parser, &names);
  actions->span = parse_span(parser, actions->span);
  parse_comments_end(parser, &actions->comments);
}

/* ---- group ---- */

static bool band_ahead(struct parser *parser) {
  return parse_kind(parser) == TOKEN_NAME && parse_word_ahead(parser, 1, "at") &&
         parse_ahead(parser, 2)->kind == TOKEN_INT;
}

static void parse_score(struct parser *parser, struct group_tree *group) {
  static const char *const words[] = {"sum", "max"};
  parse_expect_word(parser, "score", "`score` and how the scores are added");
  group->score_sum = parse_choice(parser, PARSE_WORDS(words), "`sum`, `sum all` or `max` after `score`") == 0;
  if (group->score_sum && parse_is_word(parser, "all") && !band_ahead(parser)) {
    parse_take(parser);
    group->sum_all = true;
  }
  if (parse_is_word(parser, "max") && !band_ahead(parser)) {
    parse_take(parser);
    group->score_max = parse_int(parser, "a number after `max`", 1, INT64_MAX);
  }
}

static void parse_bands(struct parser *parser, struct group_tree *group) {
  struct parse_list bands = {0};
  do {
    struct band_tree band = {.for_us = -1, .comments = parse_comments(parser)};
    band.action = parse_name(parser, "a name of an action and `at`, as in `block at 90`");
    parse_expect_word(parser, "at", "`at` and a score after the action");
    band.at = parse_int(parser, "a score after `at`", 0, INT64_MAX);
    if (parse_accept_word(parser, "for")) band.for_us = parse_duration(parser, "a duration after `for`");
    parse_comments_end(parser, &band.comments);
    *(struct band_tree *)parse_list_add(parser, &bands, sizeof band) = band;
  } while (band_ahead(parser));
  group->band_count = parse_list_count(parser, &bands);
  group->bands = parse_list_end(parser, &bands);
}

void parse_group(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct group_tree *group = decl->group = arena_new(parser->arena, struct group_tree);
  struct comment **own = group->clause_comments;
  group->span = parse_take(parser).span;
  group->comments = comments;
  group->score_max = group->decay_us = -1;
  group->name = parse_name(parser, "a name after `group`");
  group->span = parse_span(parser, group->span);
  parse_expect(parser, TOKEN_OPEN_BRACE, "`{` after the group's name");
  parse_comments_end(parser, &group->comments);
  own[GROUP_CLAUSE_KEY] = parse_comments(parser);
  parse_expect(parser, TOKEN_KEY, "`key` first in the group");
  group->key = parse_key(parser);
  parse_comments_end(parser, &own[GROUP_CLAUSE_KEY]);
  own[GROUP_CLAUSE_OVER] = parse_comments(parser);
  parse_expect(parser, TOKEN_OVER, "`over` and a duration after the key");
  group->over_us = parse_duration(parser, "a duration after `over`");
  parse_comments_end(parser, &own[GROUP_CLAUSE_OVER]);
  own[GROUP_CLAUSE_RULES] = parse_comments(parser);
  parse_expect_word(parser, "rules", "`rules` and their names");
  group->rules = parse_names(parser, "a name of a rule", &group->rule_count);
  parse_comments_end(parser, &own[GROUP_CLAUSE_RULES]);
  own[GROUP_CLAUSE_SCORE] = parse_comments(parser);
  parse_score(parser, group);
  parse_comments_end(parser, &own[GROUP_CLAUSE_SCORE]);
  if (parse_is_word(parser, "decay") && !band_ahead(parser)) {
    own[GROUP_CLAUSE_DECAY] = parse_comments(parser);
    parse_take(parser);
    group->decay_us = parse_duration(parser, "a duration after `decay`");
    parse_comments_end(parser, &own[GROUP_CLAUSE_DECAY]);
  }
  parse_bands(parser, group);
  if (parse_is_word(parser, "to")) {
    own[GROUP_CLAUSE_TO] = parse_comments(parser);
    parse_take(parser);
    group->to = parse_names(parser, "a name of a sink after `to`", &group->to_count);
    parse_comments_end(parser, &own[GROUP_CLAUSE_TO]);
  }
  group->end_comments = parse_comments(parser);
  if (parse_kind(parser) == TOKEN_NAME && !parse_declaration_ahead(parser))
    parse_error(parser, parse_ahead(parser, 0)->span, "unknown-clause", parse_hint_group,
                "a group has no clause %s here", parse_token_text(parser, parse_ahead(parser, 0)));
  parse_close(parser, named(parser, "group", group->name.text), group->span);
  parse_comments_end(parser, &group->comments);
}

/* ---- test ---- */

/* What comes is the test's next line: the `}` before it was forgotten. */
static bool starts_test_line(struct parser *parser) {
  if (parse_kind(parser) != TOKEN_NAME || !parse_ahead(parser, 0)->first_on_line) return false;
  enum token_kind behind = parse_ahead(parser, 1)->kind;
  if (parse_is_word(parser, "expect")) return behind == TOKEN_NAME;
  return parse_is_word(parser, "watermark") ? behind == TOKEN_STRING : behind == TOKEN_OPEN_BRACE;
}

/* `{ NAME: literal, … }` behind `{`, its `}` too. */
static struct tree_entry *parse_values(struct parser *parser, uint16_t *count) {
  struct parse_list entries = {0};
  if (parse_kind(parser) != TOKEN_CLOSE_BRACE) {
    do {
      struct tree_entry entry = {.name = parse_name(parser, "a name of a field")};
      struct span span = parse_ahead(parser, 0)->span;
      if (parse_kind(parser) == TOKEN_ASSIGN) {
        parse_complain(parser, span, "syntax", "write `:`", "expected `:` after the field, found `=`");
        parse_take(parser);
      } else {
        parse_expect(parser, TOKEN_COLON, "`:` after the field");
      }
      entry.expr = parse_literal(parser, true, "a literal value after `:`");
      *(struct tree_entry *)parse_list_add(parser, &entries, sizeof entry) = entry;
    } while (parse_accept(parser, TOKEN_COMMA));
  }
  if (starts_test_line(parser)) {
    const struct token *found = parse_ahead(parser, 0);
    parse_complain(parser, found->span, "missing-brace", NULL, "expected `}` to close the fields, found %s",
                   parse_token_text(parser, found));
    parser->braces -= parser->braces > 0;
  } else {
    parse_expect(parser, TOKEN_CLOSE_BRACE, "`,` or `}` after the value");
  }
  *count = parse_list_count(parser, &entries);
  return parse_list_end(parser, &entries);
}

/* Behind `expect`. */
static void parse_expectation(struct parser *parser, struct test_line *line) {
  line->kind = TEST_EXPECT;
  if (parse_accept_word(parser, "nothing")) {
    line->nothing = true;
    if (parse_is_word(parser, "else") && parse_ahead(parser, 1)->kind != TOKEN_OPEN_BRACE) {
      parse_take(parser);
      line->nothing_else = true;
    }
    return;
  }
  line->name = parse_name(parser, "a name of a rule or group, or `nothing`, after `expect`");
  if (parse_is_word(parser, "at") && parse_ahead(parser, 1)->kind != TOKEN_OPEN_BRACE) {
    parse_take(parser);
    line->at_span = parse_ahead(parser, 0)->span;
    line->at = parse_string(parser, "a string (a time) after `at`, as \"10:05:00\"");
  }
  if (parse_accept(parser, TOKEN_OPEN_BRACE)) line->entries = parse_values(parser, &line->entry_count);
}

static void parse_send(struct parser *parser, struct test_line *line) {
  line->kind = TEST_SEND;
  static const char *const words[] = {"expect", "watermark"};
  const struct token *word = parse_ahead(parser, 0);
  if (word->kind == TOKEN_NAME && parse_ahead(parser, 1)->kind != TOKEN_OPEN_BRACE)
    parse_error(parser, word->span, "unknown-word", parse_nearest_hint(parser, word->text, PARSE_WORDS(words)),
                "expected an event and its fields in `{…}`, `expect` or `watermark`, found %s",
                parse_token_text(parser, word));
  line->name = parse_name(parser, "a name of an event type, `expect`, `watermark` or `}`");
  parse_expect(parser, TOKEN_OPEN_BRACE, "`{` and the event's fields");
  line->entries = parse_values(parser, &line->entry_count);
  if (!parse_accept(parser, TOKEN_STAR)) return;
  line->times = parse_int(parser, "a number of times after `*`", 1, INT32_MAX);
  if (parse_is_word(parser, "every") && parse_ahead(parser, 1)->kind != TOKEN_OPEN_BRACE) {
    parse_take(parser);
    line->every_us = parse_duration(parser, "a duration after `every`");
  }
}

static void parse_test_line(struct parser *parser, struct test_line *line) {
  bool send = parse_ahead(parser, 1)->kind == TOKEN_OPEN_BRACE;
  line->span = parse_ahead(parser, 0)->span;
  line->comments = parse_comments(parser);
  line->times = 1;
  line->every_us = -1;
  if (!send && parse_accept_word(parser, "watermark")) {
    line->kind = TEST_WATERMARK;
    line->at_span = parse_ahead(parser, 0)->span;
    line->at = parse_string(parser, "a string (a time) after `watermark`, as \"10:10:00\"");
  } else if (!send && parse_accept_word(parser, "expect")) {
    parse_expectation(parser, line);
  } else {
    parse_send(parser, line);
  }
  line->span = parse_span(parser, line->span);
  parse_comments_end(parser, &line->comments);
}

void parse_test(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct test_tree *test = decl->test = arena_new(parser->arena, struct test_tree);
  struct parse_list lines = {0};
  test->span = parse_take(parser).span;
  test->comments = comments;
  test->description = parse_string(parser, "a string after `test`: what it shows");
  test->span = parse_span(parser, test->span);
  parse_expect_word(parser, "for", "`for` and the rules that run");
  test->rules = parse_names(parser, "a name of a rule or group after `for`", &test->rule_count);
  if (!parse_expect(parser, TOKEN_OPEN_BRACE, "`{` and the lines of the test")) return;
  parse_comments_end(parser, &test->comments);
  while (parse_in_block(parser)) {
    struct test_line line = {0};
    parse_test_line(parser, &line);
    if (!parser->panic) *(struct test_line *)parse_list_add(parser, &lines, sizeof line) = line;
    parse_sync_block(parser, NULL);
  }
  test->line_count = parse_list_count(parser, &lines);
  test->lines = parse_list_end(parser, &lines);
  test->end_comments = parse_comments(parser);
  parse_close(parser, arena_printf(&parser->scratch, "test \"" SLICE_FMT "\"", SLICE_ARG(lex_shown(test->description))),
              test->span);
  parse_comments_end(parser, &test->comments);
}
