/* parse_rule.c - `rule NAME … { clauses }`. */
#include "base/limits.h"
#include "rules/parse_core.h"

/* Most rules have no comments at their clauses, so the array is made when the first one comes. */
static void add_clause_comments(struct parser *parser, struct rule_tree *rule, unsigned clause,
                                struct comment *comments) {
  if (comments == NULL) return;
  if (rule->clause_comments == NULL) rule->clause_comments = arena_array(parser->arena, struct comment *, CLAUSES);
  rule->clause_comments[clause] = comments;
}

static void end_clause_comments(struct parser *parser, struct rule_tree *rule, unsigned clause) {
  struct comment *comments = rule->clause_comments == NULL ? NULL : rule->clause_comments[clause];
  parse_comments_end(parser, &comments);
  add_clause_comments(parser, rule, clause, comments);
}

/* How a clause begins; `parse` is called behind the word(s). Words that begin two clauses (`on`, `with`) stand by
 * themselves in find_clause(). */
static void clause_severity(struct parser *parser, struct rule_tree *rule) {
  static const char *const words[] = {"low", "medium", "high", "critical"};
  rule->severity = (enum severity)(
      SEVERITY_LOW + parse_choice(parser, PARSE_WORDS(words), "low, medium, high or critical after `severity`"));
}
static void clause_score(struct parser *parser, struct rule_tree *rule) {
  rule->score = parse_int(parser, "a number after `score`", 0, INT64_MAX);
}
static void clause_action(struct parser *parser, struct rule_tree *rule) {
  rule->rare->action = parse_name(parser, "a name of an action after `action`");
  if (parse_accept_word(parser, "for")) rule->rare->action_for_us = parse_duration(parser, "a duration after `for`");
}
static void clause_mode(struct parser *parser, struct rule_tree *rule) {
  static const char *const words[] = {"live", "shadow", "off"};
  rule->mode = (enum mode)(MODE_LIVE + parse_choice(parser, PARSE_WORDS(words), "live, shadow or off after `mode`"));
}
static void clause_canary(struct parser *parser, struct rule_tree *rule) {
  rule->rare->canary_percent = parse_int(parser, "a number of percent after `canary`", 0, 100);
  parse_expect(parser, TOKEN_PERCENT, "`%` after the number");
}
static int64_t clause_time(struct parser *parser, const char *what) {
  if (parse_kind(parser) == TOKEN_TIME) return parse_take(parser).value.i;
  parse_expected(parser, what);
  return 0;
}
static void clause_active(struct parser *parser, struct rule_tree *rule) {
  if (parse_accept_word(parser, "from")) {
    rule->rare->active_from_given = true;
    rule->rare->active_from_us = clause_time(parser, "a time after `from`, as `@2026-11-21T10:00:00Z`");
  }
  if (parse_accept_word(parser, "until")) {
    rule->rare->active_until_given = true;
    rule->rare->active_until_us = clause_time(parser, "a time after `until`, as `@2026-11-21T10:00:00Z`");
  }
  if (!rule->rare->active_from_given && !rule->rare->active_until_given)
    parse_expected(parser, "`from` or `until` and a time after `active`");
}
static void clause_schedule(struct parser *parser, struct rule_tree *rule) {
  rule->rare->schedule = parse_string(parser, "a string after `schedule`, as \"Mon-Fri 09:00-17:00\"");
  if (parse_accept_word(parser, "zone"))
    rule->rare->schedule_zone = parse_string(parser, "a string after `zone`, as \"Europe/Berlin\"");
}
static void clause_owner(struct parser *parser, struct rule_tree *rule) {
  rule->rare->owner = parse_string(parser, "a string after `owner`");
}
static void clause_runbook(struct parser *parser, struct rule_tree *rule) {
  rule->rare->runbook = parse_string(parser, "a string after `runbook`");
}
static void clause_tags(struct parser *parser, struct rule_tree *rule) {
  struct parse_list tags = {0};
  do
    *(struct slice *)parse_list_add(parser, &tags, sizeof(struct slice)) =
        parse_string(parser, "a string after `tags`");
  while (parse_accept(parser, TOKEN_COMMA));
  rule->tag_count = parse_list_count(parser, &tags);
  rule->tags = parse_list_end(parser, &tags);
}
static void clause_cold(struct parser *parser, struct rule_tree *rule) {
  (void)rule;
  parse_expect_word(parser, "ok", "`ok` after `cold`");
}
static void clause_with(struct parser *parser, struct rule_tree *rule) {
  (void)rule;
  parse_expect_word(parser, "because", "`because` after `with`");
}
static void clause_matched(struct parser *parser, struct rule_tree *rule) {
  (void)rule;
  parse_expect_word(parser, "fields", "`fields` after `matched`");
}

/* A lint's name, `[a-z-]+`: words (reserved ones too) and hyphens that touch each other. */
static struct name parse_lint(struct parser *parser) {
  const struct token *token = parse_ahead(parser, 0);
  struct name lint = {{token->source.data, 0}, token->span};
  if (token->kind != TOKEN_NAME && !lex_is_reserved(token->kind)) {
    parse_expected(parser, "a name of a lint, as `costly-any`");
    return lint;
  }
  const char *end = token->source.data;
  for (;;) { /* each turn takes a token or ends */
    token = parse_ahead(parser, 0);
    bool part = token->kind == TOKEN_NAME || lex_is_reserved(token->kind) || token->kind == TOKEN_MINUS;
    if (!part || token->source.data != end) break;
    end = token->source.data + token->source.length;
    parse_take(parser);
  }
  lint.text.length = (size_t)(end - lint.text.data);
  lint.span = parse_span(parser, lint.span);
  for (size_t i = 0; i < lint.text.length; i++)
    if (lint.text.data[i] != '-' && (lint.text.data[i] < 'a' || lint.text.data[i] > 'z')) {
      parse_complain(parser, lint.span, "syntax", lint.text.data[i] == '_' ? "write `-` for `_`" : NULL,
                     "`" SLICE_FMT "` is no name of a lint: letters and hyphens", SLICE_ARG(lex_shown(lint.text)));
      break;
    }
  return lint;
}
static void clause_allow(struct parser *parser, struct rule_tree *rule) {
  struct parse_list lints = {0};
  do *(struct name *)parse_list_add(parser, &lints, sizeof(struct name)) = parse_lint(parser);
  while (parse_accept(parser, TOKEN_COMMA));
  rule->rare->allow_count = parse_list_count(parser, &lints);
  rule->rare->allow = parse_list_end(parser, &lints);
}
static void clause_on(struct parser *parser, struct rule_tree *rule) {
  parse_use(parser, &rule->on, "a name of an event type after `on`");
  parser->only_type = rule->on.event.text;
}
static void clause_key(struct parser *parser, struct rule_tree *rule) { rule->key = parse_key(parser); }
static void clause_when(struct parser *parser, struct rule_tree *rule) { rule->when = parse_expr(parser); }
static void clause_match(struct parser *parser, struct rule_tree *rule) { rule->pattern = parse_pattern(parser); }
static void clause_within(struct parser *parser, struct rule_tree *rule) {
  rule->within_us = parse_duration(parser, "a duration after `within`");
}
static void clause_report(struct parser *parser, struct rule_tree *rule) {
  static const char *const words[] = {"first", "all", "longest", "timeout"};
  rule->report = (enum report)parse_choice(parser, PARSE_WORDS(words), "first, all, longest or timeout after `report`");
  if (rule->report == REPORT_TIMEOUT && parse_accept_word(parser, "only")) rule->report = REPORT_TIMEOUT_ONLY;
  if (rule->report == REPORT_ALL && parse_accept_word(parser, "limit")) {
    rule->report_limit_given = true;
    rule->report_limit = parse_int(parser, "a number after `limit`", 1, LIMIT_REPORT_ALL_CAP);
  }
}
static void clause_after(struct parser *parser, struct rule_tree *rule) {
  parse_expect(parser, TOKEN_MATCH, "`match` after `after`");
  if (parse_accept_word(parser, "overlap")) {
    rule->after = AFTER_OVERLAP;
    return;
  }
  static const char *const what =
      "`skip past last`, `skip to next`, `skip to first S`, `skip to last S` or `overlap` after `after match`";
  parse_expect_word(parser, "skip", what);
  if (parse_accept_word(parser, "past")) {
    parse_expect_word(parser, "last", "`last` after `skip past`");
    rule->after = AFTER_PAST_LAST;
    return;
  }
  parse_expect_word(parser, "to", what);
  if (parse_accept(parser, TOKEN_NEXT)) {
    rule->after = AFTER_TO_NEXT;
    return;
  }
  static const char *const words[] = {"first", "last"};
  rule->after = (enum after_match)(AFTER_TO_FIRST +
                                   parse_choice(parser, PARSE_WORDS(words), "next, first or last after `skip to`"));
  rule->rare->after_step = parse_name(parser, "a name of a step");
}
static bool starts_clause(struct parser *parser);
/* A clause's word, where an entry would go on with `=`: the block's `}` was forgotten. */
static bool is_clause_behind_emit(struct parser *parser) {
  if (!parse_ahead(parser, 0)->first_on_line || !starts_clause(parser)) return false;
  enum token_kind behind = parse_ahead(parser, 1)->kind;
  return behind != TOKEN_ASSIGN && behind != TOKEN_COLON && behind != TOKEN_CLOSE_BRACE;
}
static void clause_emit(struct parser *parser, struct rule_tree *rule) {
  static const char what[] = "`{` after `emit`";
  struct token word = parser->last;
  if (parse_kind(parser) == TOKEN_NAME && parse_ahead(parser, 1)->kind == TOKEN_ASSIGN) { /* forgotten */
    const struct token *found = parse_ahead(parser, 0);
    parse_complain(parser, found->span, "syntax", parse_hint_expected(parser, what, found), "expected %s, found %s",
                   what, parse_token_text(parser, found));
    parser->braces++;
  } else {
    parse_expect(parser, TOKEN_OPEN_BRACE, what);
  }
  end_clause_comments(parser, rule, CLAUSE_EMIT);
  rule->emit = parse_entries(parser, false, is_clause_behind_emit, &rule->emit_count);
  rule->emit_end_comments = parse_comments(parser);
  parse_close(parser, "the `emit` block", word.span);
}
static void clause_message(struct parser *parser, struct rule_tree *rule) {
  rule->message_span = parse_ahead(parser, 0)->span;
  rule->message = parse_string(parser, "a string after `message`");
}
static void list_action(struct parser *parser, struct list_action *action, const char *between, const char *what) {
  action->for_us = -1;
  action->field = parse_name(parser, "a name of a field");
  parse_expect_word(parser, between, what);
  action->list = parse_name(parser, "a name of a list");
}
static void clause_add(struct parser *parser, struct rule_tree *rule) {
  rule->rare->add = arena_new(parser->arena, struct list_action);
  rule->rare->add_count = 1;
  list_action(parser, rule->rare->add, "to", "`to` and a list, as in `add card_id to watch`");
  if (parse_accept_word(parser, "for")) rule->rare->add->for_us = parse_duration(parser, "a duration after `for`");
}
static void clause_remove(struct parser *parser, struct rule_tree *rule) {
  rule->rare->remove = arena_new(parser->arena, struct list_action);
  rule->rare->remove_count = 1;
  list_action(parser, rule->rare->remove, "from", "`from` and a list, as in `remove card_id from watch`");
}
static void clause_suppress(struct parser *parser, struct rule_tree *rule) {
  rule->suppress_us = parse_duration(parser, "a duration after `suppress`");
  if (parse_accept_word(parser, "unless")) rule->suppress_unless = parse_expr(parser);
}
static void clause_to(struct parser *parser, struct rule_tree *rule) {
  if (parse_accept_word(parser, "nothing")) {
    rule->to_nothing = true;
    return;
  }
  struct parse_list names = {0}, quoted = {0};
  do {
    struct token token = *parse_ahead(parser, 0);
    struct name name = {token.text, token.span};
    if (token.kind == TOKEN_STRING)
      parse_take(parser);
    else
      name = parse_name(parser, "a name of a sink (or a string) after `to`");
    *(struct name *)parse_list_add(parser, &names, sizeof name) = name;
    *(bool *)parse_list_add(parser, &quoted, sizeof(bool)) = token.kind == TOKEN_STRING;
  } while (parse_accept(parser, TOKEN_COMMA));
  rule->to_count = parse_list_count(parser, &names);
  rule->to = parse_list_end(parser, &names);
  rule->to_quoted = parse_list_end(parser, &quoted);
}
static void clause_on_change(struct parser *parser, struct rule_tree *rule) {
  static const char *const words[] = {"carry", "finish", "drop"};
  parse_take(parser); /* change */
  rule->on_change = (enum on_change)(
      CHANGE_CARRY + parse_choice(parser, PARSE_WORDS(words), "carry, finish or drop after `on change`"));
}

static const struct clause_form {
  const char *word, *shown;
  enum token_kind kind; /* TOKEN_NAME, or the reserved word */
  void (*parse)(struct parser *parser, struct rule_tree *rule);
} clauses[CLAUSES] = {
    [CLAUSE_SEVERITY] = {"severity", "severity", TOKEN_NAME, clause_severity},
    [CLAUSE_SCORE] = {"score", "score", TOKEN_NAME, clause_score},
    [CLAUSE_ACTION] = {"action", "action", TOKEN_NAME, clause_action},
    [CLAUSE_MODE] = {"mode", "mode", TOKEN_NAME, clause_mode},
    [CLAUSE_CANARY] = {"canary", "canary", TOKEN_NAME, clause_canary},
    [CLAUSE_ACTIVE] = {"active", "active", TOKEN_NAME, clause_active},
    [CLAUSE_SCHEDULE] = {"schedule", "schedule", TOKEN_NAME, clause_schedule},
    [CLAUSE_OWNER] = {"owner", "owner", TOKEN_NAME, clause_owner},
    [CLAUSE_RUNBOOK] = {"runbook", "runbook", TOKEN_NAME, clause_runbook},
    [CLAUSE_TAGS] = {"tags", "tags", TOKEN_NAME, clause_tags},
    [CLAUSE_COLD_OK] = {"cold", "cold ok", TOKEN_NAME, clause_cold},
    [CLAUSE_BECAUSE] = {"with", "with because", TOKEN_NAME, clause_with},
    [CLAUSE_MATCHED_FIELDS] = {"matched", "matched fields", TOKEN_NAME, clause_matched},
    [CLAUSE_ALLOW] = {"allow", "allow", TOKEN_NAME, clause_allow},
    [CLAUSE_ON] = {"on", "on", TOKEN_ON, clause_on},
    [CLAUSE_KEY] = {"key", "key", TOKEN_KEY, clause_key},
    [CLAUSE_WHEN] = {"when", "when", TOKEN_WHEN, clause_when},
    [CLAUSE_MATCH] = {"match", "match", TOKEN_MATCH, clause_match},
    [CLAUSE_WITHIN] = {"within", "within", TOKEN_WITHIN, clause_within},
    [CLAUSE_REPORT] = {"report", "report", TOKEN_NAME, clause_report},
    [CLAUSE_AFTER] = {"after", "after match", TOKEN_NAME, clause_after},
    [CLAUSE_EMIT] = {"emit", "emit", TOKEN_EMIT, clause_emit},
    [CLAUSE_MESSAGE] = {"message", "message", TOKEN_NAME, clause_message},
    [CLAUSE_ADD] = {"add", "add", TOKEN_NAME, clause_add},
    [CLAUSE_REMOVE] = {"remove", "remove", TOKEN_NAME, clause_remove},
    [CLAUSE_SUPPRESS] = {"suppress", "suppress", TOKEN_NAME, clause_suppress},
    [CLAUSE_TO] = {"to", "to", TOKEN_NAME, clause_to},
    [CLAUSE_ON_CHANGE] = {"on", "on change", TOKEN_ON, clause_on_change},
};

/* The clause that the next token begins, CLAUSES if none. */
static unsigned find_clause(struct parser *parser) {
  const struct token *token = parse_ahead(parser, 0);
  if (token->kind == TOKEN_ON) {
    bool change = parse_word_ahead(parser, 1, "change") &&
                  (parse_word_ahead(parser, 2, "carry") || parse_word_ahead(parser, 2, "finish") ||
                   parse_word_ahead(parser, 2, "drop"));
    return change ? CLAUSE_ON_CHANGE : CLAUSE_ON;
  }
  for (unsigned i = 0; i < CLAUSES; i++)
    if (clauses[i].kind == token->kind && (token->kind != TOKEN_NAME || parse_is_word(parser, clauses[i].word)))
      return i;
  return CLAUSES;
}

static bool starts_clause(struct parser *parser) { return find_clause(parser) < CLAUSES; }

static void unknown_clause(struct parser *parser) {
  const struct token *found = parse_ahead(parser, 0);
  if (found->kind == TOKEN_COMMA) {
    const struct token *next = parse_ahead(parser, 1);
    bool clause = next->kind != TOKEN_NAME;
    for (unsigned i = 0; i < CLAUSES; i++) clause |= slice_equal(next->text, slice_of(clauses[i].word));
    if (parser->clause == CLAUSE_ON && !clause) {
      parse_error(parser, found->span, "syntax", parse_hint_one_type, "a rule is `on` one event type");
      return;
    }
    parse_complain(parser, found->span, "syntax", "leave it out", "no `,` stands between clauses");
    parse_take(parser);
    return;
  }
  if (found->kind == TOKEN_THEN || found->kind == TOKEN_NEXT) {
    parse_error(parser, found->span, "syntax",
                parser->clause == CLAUSE_WITHIN ? "the steps stand together, `within` behind the last of them"
                                                : "a pattern begins with `match`",
                "`%s` stands only behind a step", lex_kind_text(found->kind));
    return;
  }
  const char *behind = parse_hint_behind_use(parser, found);
  if (found->kind != TOKEN_NAME) {
    if (behind != NULL && !found->bad)
      parse_error(parser, found->span, "syntax", behind, "expected a clause of the rule, or `}`, found %s",
                  parse_token_text(parser, found));
    else
      parse_expected(parser, "a clause of the rule, or `}`");
    return;
  }
  const char *words[CLAUSES];
  for (unsigned i = 0; i < CLAUSES; i++) words[i] = clauses[i].word;
  const char *near = parse_hint_clause(parser, found);
  if (near == NULL) near = parse_nearest_hint(parser, found->text, words, CLAUSES);
  if (parse_is_word(parser, "rule") && parse_ahead(parser, 1)->kind == TOKEN_NAME)
    near = "a `}` is missing before it: a rule has no rule inside";
  parse_error(parser, found->span, "unknown-clause", near != NULL ? near : behind, "a rule has no clause %s",
              parse_token_text(parser, found));
}

static void parse_clause(struct parser *parser, struct rule_tree *rule) {
  struct comment *comments = parse_comments(parser);
  unsigned clause = find_clause(parser);
  if (clause == CLAUSES) {
    for (struct comment **end = &rule->end_comments; comments != NULL; comments = NULL) {
      while (*end != NULL) end = &(*end)->next;
      *end = comments;
    }
    unknown_clause(parser);
    return;
  }
  struct span span = parse_take(parser).span;
  if ((rule->given & 1u << clause) != 0) {
    const char *hint = arena_printf(parser->arena, "the first stands on line %u", parser->clause_spans[clause].line);
    parse_complain(parser, span, "duplicate", hint, "`%s` stands twice in the rule", clauses[clause].shown);
  } else {
    add_clause_comments(parser, rule, clause, comments);
  }
  rule->given |= 1u << clause;
  parser->clause_spans[clause] = span;
  parser->clause = clause;
  parser->counted = false;
  clauses[clause].parse(parser, rule);
  parser->clause_spans[clause] = parse_span(parser, span);
  if (clause != CLAUSE_MATCH) {
    end_clause_comments(parser, rule, clause);
  } else if (rule->pattern != NULL && rule->pattern->child_count > 0) {
    /* What stands before `match` stands before its first step. */
    if (rule->clause_comments == NULL || rule->clause_comments[CLAUSE_MATCH] == NULL) return;
    struct comment **first = &rule->pattern->children[0]->comments, *own = *first;
    *first = rule->clause_comments[CLAUSE_MATCH];
    while (*first != NULL) first = &(*first)->next;
    *first = own;
    rule->clause_comments[CLAUSE_MATCH] = NULL;
  }
}

static void keep_clause_spans(struct parser *parser, struct rule_tree *rule) {
  unsigned count = (unsigned)__builtin_popcount(rule->given), at = 0;
  struct span *spans = arena_alloc(parser->arena, count * sizeof *spans);
  for (unsigned i = 0; i < CLAUSES; i++)
    if ((rule->given & 1u << i) != 0) spans[at++] = parser->clause_spans[i];
  rule->clause_spans = spans;
  rule->clauses_placed = rule->given;
}

static const struct rule_rare rare_none = {.action_for_us = -1}; /* most rules share it */

static struct rule_rare *kept_rare(struct parser *parser, const struct rule_tree *rule) {
  static const enum clause clauses_of_it[] = {CLAUSE_ACTION, CLAUSE_CANARY,  CLAUSE_ACTIVE, CLAUSE_SCHEDULE,
                                              CLAUSE_OWNER,  CLAUSE_RUNBOOK, CLAUSE_ALLOW,  CLAUSE_AFTER,
                                              CLAUSE_ADD,    CLAUSE_REMOVE};
  bool said = rule->rare->was.text.length > 0;
  for (unsigned i = 0; i < sizeof clauses_of_it / sizeof *clauses_of_it; i++)
    said |= (rule->given >> clauses_of_it[i] & 1) != 0;
  if (!said) return (struct rule_rare *)(uintptr_t)&rare_none;
  struct rule_rare *kept = arena_alloc(parser->arena, sizeof *kept);
  *kept = *rule->rare;
  return kept;
}

/* Behind the name. */
static void parse_rule_rest(struct parser *parser, struct rule_tree *rule) {
  if (parse_accept_word(parser, "was")) rule->rare->was = parse_name(parser, "a name after `was`");
  if (parse_kind(parser) == TOKEN_STRING) {
    rule->has_description = true;
    rule->description = parse_take(parser).text;
  }
  if (!parse_expect(parser, TOKEN_OPEN_BRACE, "`{` and the rule's clauses")) return;
  parse_comments_end(parser, &rule->comments);
  parser->clause = CLAUSES;
  parser->only_type = (struct slice){0};
  while (parse_in_block(parser)) {
    parse_clause(parser, rule);
    parse_sync_block(parser, starts_clause);
  }
  keep_clause_spans(parser, rule);
  struct comment *end = parse_comments(parser), **last = &rule->end_comments;
  while (*last != NULL) last = &(*last)->next;
  *last = end;
  parse_close(parser, arena_printf(&parser->scratch, "rule `" SLICE_FMT "`", SLICE_ARG(lex_shown(rule->name.text))),
              rule->span);
  parse_comments_end(parser, &rule->comments);
}

void parse_rule(struct parser *parser, struct decl *decl, struct comment *comments) {
  struct rule_tree *rule = decl->rule = arena_new(parser->arena, struct rule_tree);
  struct rule_rare rare = rare_none;
  rule->rare = &rare;
  rule->span = parse_take(parser).span;
  rule->comments = comments;
  rule->within_us = rule->suppress_us = -1;
  rule->report_limit = 100;
  rule->name = parse_name(parser, "a name after `rule`");
  rule->span = parse_span(parser, rule->span);
  parse_rule_rest(parser, rule);
  rule->rare = kept_rare(parser, rule);
}
