/* parse_event.c - `event NAME { … }`: source events with their clauses and fields, derived events, windows, joins. */
#include "base/limits.h"
#include "rules/parse_core.h"

/* ---- source events: clauses ---- */

static void clause_event_time(struct parser *parser, struct event_tree *event) {
  event->event_time_given = true;
  event->event_time_log = parse_is_word(parser, "log");
  event->event_time = parse_name(parser, "a name of a field, or `log`, after `event_time`");
}

static void clause_late(struct parser *parser, struct event_tree *event) {
  static const char *const words[] = {"drop", "accept", "side"};
  event->late_given = true;
  event->late =
      (enum late_policy)(LATE_DROP + parse_choice(parser, PARSE_WORDS(words), "drop, accept or side after `late`"));
  if (event->late == LATE_SIDE) event->late_sink = parse_name(parser, "a name of a sink after `side`");
}

static void clause_unique(struct parser *parser, struct event_tree *event) {
  event->unique = parse_name(parser, "a name of a field after `unique`");
  parse_expect_word(parser, "for", "`for` and a duration, as in `unique id for 10m`");
  event->unique_us = parse_duration(parser, "a duration after `for`");
  event->unique_everywhere = parse_option_ahead(parser, "everywhere");
  if (event->unique_everywhere) parse_take(parser);
  event->unique_approx = parse_option_ahead(parser, "approx");
  if (event->unique_approx) parse_take(parser);
}

static void clause_watermark(struct parser *parser, struct event_tree *event) {
  parse_expect(parser, TOKEN_WHEN, "`when` and a condition in parentheses after `watermark`");
  parse_expect(parser, TOKEN_OPEN_PAREN, "`(` after `watermark when`");
  event->watermark_when = parse_expr(parser);
  parse_expect(parser, TOKEN_CLOSE_PAREN, "`)` after the condition");
}

static void clause_clock(struct parser *parser, struct event_tree *event) {
  if (parse_accept_word(parser, "ahead")) event->ahead_us = parse_duration(parser, "a duration after `ahead`");
  if (parse_accept_word(parser, "behind")) event->behind_us = parse_duration(parser, "a duration after `behind`");
  if (event->ahead_us < 0 && event->behind_us < 0)
    parse_expected(parser, "`ahead` or `behind` and a duration after `clock`");
}

static void parse_event_clause(struct parser *parser, struct event_tree *event, enum event_clause clause) {
  switch (clause) {
  case EVENT_CLAUSE_TIME: clause_event_time(parser, event); break;
  case EVENT_CLAUSE_NAMED: event->named = parse_string(parser, "a string after `named`"); break;
  case EVENT_CLAUSE_DISORDER: event->disorder_us = parse_duration(parser, "a duration after `disorder`"); break;
  case EVENT_CLAUSE_LATE: clause_late(parser, event); break;
  case EVENT_CLAUSE_UNIQUE: clause_unique(parser, event); break;
  case EVENT_CLAUSE_WATERMARK: clause_watermark(parser, event); break;
  case EVENT_CLAUSE_CLOCK: clause_clock(parser, event); break;
  default:
    event->jump_us = parse_duration(parser, "a duration after `jump`");
    parse_expect_word(parser, "confirm", "`confirm` and a number, as in `jump 1h confirm 3`");
    event->jump_confirm = parse_int(parser, "a number after `confirm`", 1, INT32_MAX);
  }
}

/* Words that are clauses where a field could stand, so fields cannot be called so. */
static const char *const event_clause_words[EVENT_CLAUSES] = {
    [EVENT_CLAUSE_TIME] = "event_time", [EVENT_CLAUSE_NAMED] = "named",   [EVENT_CLAUSE_DISORDER] = "disorder",
    [EVENT_CLAUSE_LATE] = "late",       [EVENT_CLAUSE_UNIQUE] = "unique", [EVENT_CLAUSE_WATERMARK] = "watermark",
    [EVENT_CLAUSE_CLOCK] = "clock",     [EVENT_CLAUSE_JUMP] = "jump",
};

static void parse_clause(struct parser *parser, struct event_tree *event, enum event_clause clause,
                         struct comment *comments) {
  struct span span = parse_ahead(parser, 0)->span;
  if (parse_type_ahead(parser, 1) && clause != EVENT_CLAUSE_TIME && clause != EVENT_CLAUSE_UNIQUE) {
    const char *word = event_clause_words[clause];
    parse_error(parser, span, "syntax", arena_printf(parser->arena, "rename it: `other string from \"%s\"`", word),
                "a field cannot be called `%s`: it is a clause word here", word);
    return;
  }
  parse_take(parser);
  if (event->field_count > 0)
    parse_complain(parser, span, "syntax", "move it up", "the clauses of an event stand before its fields");
  if (event->clause_span[clause].line > 0)
    parse_complain(parser, span, "duplicate",
                   arena_printf(parser->arena, "the first stands on line %u", event->clause_span[clause].line),
                   "`%s` stands twice in the event", event_clause_words[clause]);
  event->clause_comments[clause] = comments;
  parse_event_clause(parser, event, clause);
  event->clause_span[clause] = parse_span(parser, span);
  parse_comments_end(parser, &event->clause_comments[clause]);
}

/* ---- source events: fields ---- */

static void parse_field_options(struct parser *parser, struct field_tree *field) {
  for (;;) { /* each turn takes a token or ends */
    struct span span = parse_ahead(parser, 0)->span;
    bool twice = false;
    if (parse_is_word(parser, "from") && !parse_type_ahead(parser, 1)) {
      parse_take(parser);
      twice = field->from.data != NULL;
      field->from = parse_string(parser, "a string after `from`");
    } else if (parse_option_ahead(parser, "required")) {
      parse_take(parser);
      twice = field->required;
      field->required = true;
    } else if (parse_option_ahead(parser, "secret")) {
      parse_take(parser);
      twice = field->secret != SECRET_NONE;
      field->secret = SECRET_HASH;
      if (parse_is_word(parser, "mask") && parse_ahead(parser, 1)->kind == TOKEN_INT) {
        parse_take(parser);
        field->secret = SECRET_MASK;
        field->mask_head = (uint16_t)parse_int(parser, "a number of characters", 0, UINT16_MAX);
        parse_expect(parser, TOKEN_DOTS, "`..`, as in `mask 6..4`");
        field->mask_tail = (uint16_t)parse_int(parser, "a number of characters", 0, UINT16_MAX);
      }
    } else if (parse_is_word(parser, "round") && parse_word_ahead(parser, 1, "half_even")) {
      parse_take(parser);
      parse_take(parser);
      twice = field->round_half_even;
      field->round_half_even = true;
    } else {
      return;
    }
    if (twice) parse_complain(parser, span, "duplicate", NULL, "the option stands twice at the field");
  }
}

static void parse_field(struct parser *parser, struct field_tree *field) {
  field->name = parse_name(parser, "a name of a field, or `}`");
  field->type = parse_type(parser, &field->unit, &field->type_span);
  if (parse_kind(parser) == TOKEN_ASSIGN || parse_kind(parser) == TOKEN_EQUAL) {
    parse_assign(parser, "`=` after the type");
    parser->field_list = true;
    field->computed = parse_expr(parser);
    parser->field_list = false;
  } else {
    parse_field_options(parser, field);
  }
  parse_accept(parser, TOKEN_COMMA);
}

/* A name that no type follows may be a misspelt clause. */
static bool misspelt_clause(struct parser *parser) {
  const struct token *name = parse_ahead(parser, 0), *next = parse_ahead(parser, 1);
  if (name->kind != TOKEN_NAME || parse_type_ahead(parser, 1) || next->kind == TOKEN_NAME) return false;
  const char *hint = parse_nearest_hint(parser, name->text, PARSE_WORDS(event_clause_words));
  if (hint == NULL) return false;
  parse_error(parser, name->span, "unknown-clause", hint, "an event has no clause %s", parse_token_text(parser, name));
  return true;
}

static void parse_source_block(struct parser *parser, struct event_tree *event) {
  uint32_t errors_before = parser->diags->error_count + parser->diags->dropped;
  struct parse_list fields = {0};
  while (parse_in_block(parser)) {
    struct comment *comments = parse_comments(parser);
    unsigned clause = 0;
    while (clause < EVENT_CLAUSES && !parse_is_word(parser, event_clause_words[clause])) clause++;
    if (clause < EVENT_CLAUSES) {
      parse_clause(parser, event, (enum event_clause)clause, comments);
    } else if (!misspelt_clause(parser)) {
      struct field_tree field = {.comments = comments};
      parse_field(parser, &field);
      parse_comments_end(parser, &field.comments);
      if (field.name.text.length > 0) *(struct field_tree *)parse_list_add(parser, &fields, sizeof field) = field;
      event->field_count = parse_list_count(parser, &fields);
    }
    parse_sync_block(parser, NULL);
  }
  event->field_count = parse_list_count(parser, &fields);
  event->fields = parse_list_end(parser, &fields);
  bool errors = parser->diags->error_count + parser->diags->dropped > errors_before;
  if (event->field_count == 0 && !errors && parse_kind(parser) == TOKEN_CLOSE_BRACE)
    parse_complain(parser, event->span, "no-fields", "as `id string`", "event `" SLICE_FMT "` has no fields",
                   SLICE_ARG(lex_shown(event->name.text)));
}

/* ---- derived events ---- */

static struct window_tree *parse_window(struct parser *parser) {
  struct window_tree *window = arena_new(parser->arena, struct window_tree);
  window->size_us = window->every_us = window->count = window->every_count = window->offset_us = window->lateness_us =
      -1;
  window->early_us = window->early_count = window->known_us = -1;
  static const char *const kinds[] = {"tumbling", "sliding", "session", "count", "today"};
  window->kind = (enum window_kind)parse_choice(parser, PARSE_WORDS(kinds),
                                                "tumbling, sliding, session, count or today after `window`");
  switch (window->kind) {
  case WINDOW_TUMBLING:
  case WINDOW_SESSION: window->size_us = parse_duration(parser, "a duration for the window"); break;
  case WINDOW_SLIDING:
    window->size_us = parse_duration(parser, "a duration after `sliding`");
    parse_expect_word(parser, "every", "`every` and a duration, as in `sliding 1h every 5m`");
    window->every_us = parse_duration(parser, "a duration after `every`");
    break;
  case WINDOW_COUNT:
    window->count = parse_int(parser, "a number of events after `count`", 1, LIMIT_WINDOW_COUNT);
    if (parse_is_word(parser, "every") && parse_ahead(parser, 1)->kind != TOKEN_KEY) {
      parse_take(parser);
      window->every_count = parse_int(parser, "a number of events after `every`", 1, LIMIT_WINDOW_COUNT);
    }
    break;
  case WINDOW_TODAY:
    if (parse_kind(parser) == TOKEN_STRING) window->zone = parse_take(parser).text;
    break;
  }
  return window;
}

/* `early every 10s`, `early every 100 events`, `early when (…)`: behind `early`. */
static void parse_early(struct parser *parser, struct window_tree *window) {
  if (parse_accept(parser, TOKEN_WHEN)) {
    parse_expect(parser, TOKEN_OPEN_PAREN, "`(` after `early when`");
    bool block = parser->window_block;
    parser->window_block = true;
    window->early_when = parse_expr(parser);
    parser->window_block = block;
    parse_expect(parser, TOKEN_CLOSE_PAREN, "`)` after the condition");
    return;
  }
  parse_expect_word(parser, "every", "`every` or `when` after `early`");
  if (parse_kind(parser) == TOKEN_DURATION) {
    window->early_us = parse_duration(parser, "a duration after `early every`");
    return;
  }
  window->early_count =
      parse_int(parser, "a duration, or a number of events, after `early every`", 1, LIMIT_WINDOW_COUNT);
  parse_expect_word(parser, "events", "`events` after the number");
}

/* Behind a word of the window and all that belongs to it. */
static void word_end(struct parser *parser, struct window_tree *window, enum window_word word, struct span first) {
  window->spans[word] = parse_span(parser, first);
}

static void parse_window_options(struct parser *parser, struct window_tree *window) {
  struct span at = parse_ahead(parser, 0)->span;
  if (parse_accept_word(parser, "offset")) {
    window->offset_us = parse_duration(parser, "a duration after `offset`");
    word_end(parser, window, WINDOW_WORD_OFFSET, at);
  }
  at = parse_ahead(parser, 0)->span;
  if (parse_accept_word(parser, "lateness")) {
    window->lateness_us = parse_duration(parser, "a duration after `lateness`");
    word_end(parser, window, WINDOW_WORD_LATENESS, at);
  }
  at = parse_ahead(parser, 0)->span;
  if (parse_accept_word(parser, "early")) {
    parse_early(parser, window);
    word_end(parser, window, WINDOW_WORD_EARLY, at);
  }
  at = parse_ahead(parser, 0)->span;
  if (!parse_accept_word(parser, "every")) return;
  parse_expect(parser, TOKEN_KEY, "`key known for` and a duration after `every`");
  parse_expect_word(parser, "known", "`known for` and a duration after `every key`");
  parse_expect_word(parser, "for", "`for` and a duration after `every key known`");
  window->known_us = parse_duration(parser, "a duration after `every key known for`");
  word_end(parser, window, WINDOW_WORD_KNOWN, at);
}

static void parse_join(struct parser *parser, struct event_tree *event) {
  static const char *const kinds[] = {"left", "right", "full"};
  event->join = true;
  event->join_left_name = parse_name(parser, "a name for the first side, as in `join o = order, p = payment`");
  parse_assign(parser, "`=` and an event type");
  event->join_left_event = parse_name(parser, "a name of an event type");
  parse_expect(parser, TOKEN_COMMA, "`,` and the second side of the join");
  event->join_right_name = parse_name(parser, "a name for the second side");
  parse_assign(parser, "`=` and an event type");
  event->join_right_event = parse_name(parser, "a name of an event type");
  parse_expect(parser, TOKEN_KEY, "`key` and the fields that are equal on both sides");
  event->key = parse_key(parser);
  parse_expect(parser, TOKEN_WHERE, "`where` and a bound on the times");
  event->where = parse_expr(parser);
  for (unsigned i = 0; i < 3; i++)
    if (parse_is_word(parser, kinds[i])) {
      event->join_kind = parse_name(parser, "a name");
      break;
    }
}

static void parse_from(struct parser *parser, struct event_tree *event) {
  event->from = parse_names(parser, "a name of an event type after `from`", &event->from_count);
  parser->only_type = event->from_count == 1 ? event->from[0].text : (struct slice){0};
  if (parse_accept_word(parser, "each")) {
    event->each_name = parse_name(parser, "a name for each element, as in `each w in words`");
    parse_expect(parser, TOKEN_IN, "`in` and a field after `each NAME`");
    event->each_field = parse_name(parser, "a name of a field after `in`");
  }
  if (parse_accept(parser, TOKEN_WHERE)) event->where = parse_expr(parser);
  if (parse_accept(parser, TOKEN_KEY)) event->key = parse_key(parser);
  if (!parse_accept_word(parser, "window")) return;
  struct span at = parse_ahead(parser, 0)->span;
  event->window = parse_window(parser);
  word_end(parser, event->window, WINDOW_WORD_KIND, at);
  parse_window_options(parser, event->window);
}

void parse_event(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct event_tree *event = decl->event = arena_new(parser->arena, struct event_tree);
  event->span = parse_take(parser).span;
  event->comments = comments;
  event->disorder_us = event->ahead_us = event->behind_us = event->jump_us = event->jump_confirm = -1;
  parser->only_type = (struct slice){0};
  event->name = parse_name(parser, "a name after `event`");
  event->span = parse_span(parser, event->span);
  event->derived = parse_is_word(parser, "from") || parse_is_word(parser, "join");
  if (parse_accept_word(parser, "from"))
    parse_from(parser, event);
  else if (parse_accept_word(parser, "join"))
    parse_join(parser, event);
  if (!parse_expect(parser, TOKEN_OPEN_BRACE,
                    event->derived ? "`{` and the fields of the event"
                                   : "`{`, `from` or `join` after the event's name"))
    return;
  parse_comments_end(parser, &event->comments);
  if (event->derived) {
    parser->window_block = event->window != NULL;
    event->entries = parse_entries(parser, false, NULL, &event->entry_count);
    parser->window_block = false;
  } else {
    parse_source_block(parser, event);
  }
  event->end_comments = parse_comments(parser);
  parse_close(parser, arena_printf(&parser->scratch, "event `" SLICE_FMT "`", SLICE_ARG(lex_shown(event->name.text))),
              event->span);
  parse_comments_end(parser, &event->comments);
}
