/* parse_hint.c - what may help where the parser expected one thing and found another: slips that people make who know
 * other languages, or who write the first rule of their life. Called by parse_core.c when it says what was expected. */
#include "rules/parse_core.h"

#include "base/function.h"

const char parse_hint_group[] =
    "a group has, in this order: `key`, `over`, `rules`, `score`, `decay`, bands as `block at 90`, `to`";

const char parse_hint_one_type[] =
    "for several, make one of them: `event either from payment, login { card_id = card_id }`";

static const char hint_counting[] = "a counter's words stand in this order: `count() of login by ip over 1h`";

static const char hint_over[] = "`over` stands behind the counter: `count() over 1h > 3`";
static const char hint_choice[] = "a choice is a call: `if(amount > 5, \"a\", \"b\")`";

static const char hint_expect[] = "each `expect` is for one alert: write one for each";
static const char hint_comment[] = "comments begin with `#`";
static const char hint_default[] = "every field may be null; where it is read, `x ?? 0` stands for it";
static const char hint_rule_key[] = "what belongs together is the rule's key: `key card_id`";
static const char hint_when[] = "a condition stands behind `when`: `when amount > 100`";
static const char hint_emit[] = "as `emit { total = sum(a.amount) }`";
static const char hint_title[] = "a title stands behind the rule's name: `rule many \"Many payments\" {`";

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/* The tokens stand side by side, with nothing between them. */
static bool touches(const struct token *left, const struct token *right) {
  return left->source.data + left->source.length == right->source.data;
}

static bool is_word(const struct token *token, const char *word) {
  return token->kind == TOKEN_NAME && slice_equal(token->text, slice_of(word));
}

/* A value should stand here. */
static const char *hint_of_wanted_operand(struct parser *parser, const char *what, const struct token *found) {
  const struct token *last = &parser->last;
  if (begins(what, "an expression")) {
    if (found->kind == TOKEN_STAR && last->kind == TOKEN_OPEN_PAREN) return "`count()` counts all events";
    if (last->kind == TOKEN_PERCENT) return "`%` is what a division leaves; ten percent is `0.1`";
  }
  if (begins(what, "`,` or `)` in the arguments") && found->kind == TOKEN_OVER)
    return "`over` stands behind the parentheses: `avg(amount) over 30d`";
  if (begins(what, "`,` or `)` in the arguments") && is_word(last, "distinct") && found->kind == TOKEN_NAME)
    return arena_printf(parser->arena, "different values are `distinct(" SLICE_FMT ")`",
                        SLICE_ARG(lex_shown(found->text)));
  return NULL;
}

/* A name should stand here. */
static const char *hint_of_wanted_name(struct parser *parser, const char *what, const struct token *found) {
  if (begins(what, "a name of an event type (a step)") && (found->kind == TOKEN_NEXT || found->kind == TOKEN_THEN))
    return "one connector stands between two steps: `then` or `next`";
  if (begins(what, "a name of an event type (a step)") && found->kind == TOKEN_INT)
    return arena_printf(parser->arena, "how many times stands behind the step: `login {" SLICE_FMT "}`",
                        SLICE_ARG(lex_shown(found->source)));
  if (begins(what, "a name of an event type (a step)") && found->kind == TOKEN_NOT)
    return "that something does not come is `no`: `then no payment for 5m`";
  if (begins(what, "a name for the key") && found->kind == TOKEN_OPEN_PAREN)
    return "without parentheses: `key card_id, country`";
  if (begins(what, "a name of a field, or `}`")) {
    if (found->kind == TOKEN_COMMA) return "leave it out";
    if (found->kind == TOKEN_NOT) return "a field that is never null is `required`";
    if (found->kind == TOKEN_STRING)
      return arena_printf(parser->arena, "what records call so: `NAME string from " SLICE_FMT "`",
                          SLICE_ARG(lex_shown(found->source)));
    if (lex_is_reserved(found->kind))
      return arena_printf(parser->arena, "`%s` is a reserved word: `the_%s string from \"%s\"`",
                          lex_kind_text(found->kind), lex_kind_text(found->kind), lex_kind_text(found->kind));
    if (found->kind == TOKEN_QUESTION) return "every field may be null, if it is not `required`";
    if (found->kind == TOKEN_OPEN_BRACKET && parser->last.kind == TOKEN_NAME)
      return arena_printf(parser->arena, "a list is `[" SLICE_FMT "]`", SLICE_ARG(lex_shown(parser->last.text)));
  }
  if (begins(what, "a name of a rule or group, or `nothing`")) {
    if (found->kind == TOKEN_NO) return "that no alert comes is `expect nothing`";
    if (found->kind == TOKEN_INT) return hint_expect;
  }
  if (begins(what, "a name of an event type, `expect`") && found->kind == TOKEN_STAR) return hint_expect;
  if (lex_is_reserved(found->kind))
    return arena_printf(parser->arena, "`%s` is a reserved word: choose another name", lex_kind_text(found->kind));
  return found->kind == TOKEN_STRING ? "a name stands without quotes" : NULL;
}

static const char *hint_of_wanted_duration(struct parser *parser, const struct token *found) {
  const struct token *next = parse_ahead(parser, 1);
  const char *unit = found->kind == TOKEN_INT && next->kind == TOKEN_NAME ? lex_unit_meant(next->text) : NULL;
  if (unit != NULL)
    return arena_printf(parser->arena, "write `" SLICE_FMT "%s`", SLICE_ARG(lex_shown(found->source)), unit);
  if (found->kind == TOKEN_OPEN_PAREN) return "without parentheses, as `1h`";
  if (found->kind == TOKEN_INT && is_word(next, "events"))
    return arena_printf(parser->arena, "as `over last " SLICE_FMT "`", SLICE_ARG(lex_shown(found->source)));
  if (found->kind == TOKEN_DECIMAL) return "whole numbers only: `1h30m`, `500ms`";
  if (found->kind == TOKEN_INT)
    return arena_printf(parser->arena, "write the unit: `" SLICE_FMT "s`, `" SLICE_FMT "m`",
                        SLICE_ARG(lex_shown(found->source)), SLICE_ARG(lex_shown(found->source)));
  if (found->kind == TOKEN_MINUS) return "it cannot be negative here";
  if (found->kind == TOKEN_NAME && next->kind == TOKEN_DURATION)
    return arena_printf(parser->arena, "leave out `" SLICE_FMT "`", SLICE_ARG(lex_shown(found->source)));
  return "as `30s`, `5m`, `1h30m`";
}

/* A type, or what belongs to one. */
static const char *hint_of_wanted_type(struct parser *parser, const char *what, const struct token *found) {
  if (begins(what, "a type") && is_word(&parser->last, "default")) return hint_default;
  if (begins(what, "`(` and the number of digits")) return "as `decimal(2)`";
  if (begins(what, "`)` after the number of digits")) return "only the digits after the point, as `decimal(2)`";
  const struct token *last = &parser->last, *next = parse_ahead(parser, 1);
  bool inside = found->kind == TOKEN_DOT;
  if (begins(what, "a type") && last->kind == TOKEN_NAME && next->kind == TOKEN_NAME && touches(last, found) &&
      touches(found, next) && (inside || found->kind == TOKEN_MINUS))
    return arena_printf(
        parser->arena,
        "what records call so: `" SLICE_FMT "%s" SLICE_FMT " string from \"" SLICE_FMT "%s" SLICE_FMT "\"`",
        SLICE_ARG(inside ? SLICE("") : lex_shown(last->text)), inside ? "" : "_", SLICE_ARG(lex_shown(next->text)),
        SLICE_ARG(lex_shown(last->text)), inside ? "." : "-", SLICE_ARG(lex_shown(next->text)));
  if (begins(what, "a type") && is_word(last, "from") && found->kind == TOKEN_STRING)
    return "a column is called as in the header of the file, in small letters";
  if (begins(what, "a type") && found->kind == TOKEN_OPEN_BRACE)
    return "the type stands before it: `list bad string { \"a\", \"b\" }`";
  if (begins(what, "a type") && found->kind == TOKEN_ASSIGN)
    return "a type, then the values in braces: `list bad string { \"a\", \"b\" }`";
  if (begins(what, "a type") && found->kind == TOKEN_OPEN_BRACKET) return "the elements of a list are no lists";
  if (begins(what, "`(` after `key`") && found->kind == TOKEN_NAME)
    return arena_printf(parser->arena, "write `key (" SLICE_FMT ")`", SLICE_ARG(lex_shown(found->text)));
  return NULL;
}

/* `key card as id`, `key id = card`: a part of a key that has another name than the field. */
static const char *hint_of_key_name(struct parser *parser, const struct token *found) {
  const struct token *last = &parser->last, *next = parse_ahead(parser, 1);
  bool as = is_word(found, "as");
  if ((!as && found->kind != TOKEN_ASSIGN) || last->kind != TOKEN_NAME || next->kind != TOKEN_NAME) return NULL;
  struct slice type = parser->only_type, field = as ? last->text : next->text;
  if (!as && parse_ahead(parser, 2)->kind == TOKEN_DOT && parse_ahead(parser, 3)->kind == TOKEN_NAME) {
    type = next->text;
    field = parse_ahead(parser, 3)->text;
  }
  if (type.length == 0) return "its name, then the field in each event type: `key user: login.uid, transfer.payer_id`";
  return arena_printf(parser->arena, "write `key " SLICE_FMT ": " SLICE_FMT "." SLICE_FMT "`",
                      SLICE_ARG(lex_shown(as ? next->text : last->text)), SLICE_ARG(lex_shown(type)),
                      SLICE_ARG(lex_shown(field)));
}

/* `window 1h`, `window 1h every 5m`, `window 100`: the kind of window was left out. */
static const char *hint_of_wanted_window(struct parser *parser, const struct token *found) {
  const struct token *step = parse_ahead(parser, 2);
  bool steps = is_word(parse_ahead(parser, 1), "every") && step->kind == found->kind;
  const char *kind = found->kind == TOKEN_INT ? "count" : steps ? "sliding" : "tumbling";
  static const struct {
    const char *word, *hint;
  } words[] = {{"hopping", "write `sliding`"},
               {"hop", "write `sliding`"},
               {"tumble", "write `tumbling`"},
               {"fixed", "write `tumbling`"},
               {"last", "as `sliding 1h every 5m`"}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (is_word(found, words[i].word)) return words[i].hint;
  if (found->kind != TOKEN_DURATION && found->kind != TOKEN_INT) return NULL;
  struct slice size = lex_shown(found->source);
  if (!steps) return arena_printf(parser->arena, "as `%s " SLICE_FMT "`", kind, SLICE_ARG(size));
  return arena_printf(parser->arena, "as `%s " SLICE_FMT " every " SLICE_FMT "`", kind, SLICE_ARG(size),
                      SLICE_ARG(lex_shown(step->source)));
}

/* `emit`, and blocks of windows. */
static const char *hint_of_wanted_entry(struct parser *parser, const char *what, const struct token *found) {
  if (begins(what, "`=` after the name") && (found->kind == TOKEN_COMMA || found->kind == TOKEN_CLOSE_BRACE) &&
      parser->last.kind == TOKEN_NAME)
    return arena_printf(parser->arena, "write `" SLICE_FMT " = " SLICE_FMT "`", SLICE_ARG(lex_shown(parser->last.text)),
                        SLICE_ARG(lex_shown(parser->last.text)));
  if (begins(what, "a name for the value") && found->kind == TOKEN_QUESTION) return hint_choice;
  if (begins(what, "`=` after the name") && found->kind == TOKEN_OPEN_PAREN && parser->last.kind == TOKEN_NAME)
    return "a value has a name: `n = count()`";
  if (begins(what, "`=` after the name") || begins(what, "`{` after `emit`")) return hint_emit;
  if (begins(what, "tumbling, sliding, session")) return hint_of_wanted_window(parser, found);
  if (begins(what, "`every` and a duration")) {
    if (found->kind == TOKEN_BY || found->kind == TOKEN_COMMA) return "write `every`";
    return "as `sliding 1h every 5m`";
  }
  if (!begins(what, "`{` and the fields of the event")) return NULL;
  if (found->kind == TOKEN_EMIT) return "leave out `emit`";
  if (is_word(found, "tumbling") || is_word(found, "sliding") || is_word(found, "session"))
    return arena_printf(parser->arena, "write `window " SLICE_FMT "`", SLICE_ARG(found->text));
  if (found->kind == TOKEN_BY && parser->last.kind == TOKEN_DURATION) return "as `sliding 1h every 5m`";
  if (is_word(found, "as") || found->kind == TOKEN_ASSIGN) return hint_of_key_name(parser, found);
  if (is_word(found, "offset") || is_word(found, "lateness") || is_word(found, "early") || is_word(found, "every"))
    return "a window's words stand in this order, each once: `offset`, `lateness`, `early`, `every key known for`";
  return NULL;
}

/* What was expected decides. */
static const char *hint_of_wanted(struct parser *parser, const char *what, const struct token *found) {
  const struct token *next = parse_ahead(parser, 1);
  if (begins(what, "a duration")) return hint_of_wanted_duration(parser, found);
  const char *hint = hint_of_wanted_type(parser, what, found);
  if (hint == NULL && begins(what, "a name")) hint = hint_of_wanted_name(parser, what, found);
  if (hint == NULL) hint = hint_of_wanted_entry(parser, what, found);
  if (hint != NULL) return hint;
  if (begins(what, "`for` and the rules") || (begins(what, "a string after `test`") && is_word(found, "for")))
    return "as `test \"two within an hour\" for RULE { … }`";
  if (begins(what, "the unit of the numbers")) {
    bool milli = found->text.length > 4 && memcmp(found->text.data, "milli", 5) == 0;
    bool micro = found->text.length > 4 && memcmp(found->text.data, "micro", 5) == 0;
    if (milli || micro) return micro ? "write `us`" : "write `ms`";
    return is_word(found, "sec") || is_word(found, "seconds") ? "write `s`" : NULL;
  }
  if (begins(what, "a string after `from`") && found->kind == TOKEN_NAME && next->kind == TOKEN_DOT)
    return "put it in double quotes, as \"merchant.country\"";
  if (begins(what, "a string")) {
    if (found->kind == TOKEN_NAME)
      return arena_printf(parser->arena, "put it in double quotes: \"" SLICE_FMT "\"",
                          SLICE_ARG(lex_shown(found->text)));
    if (found->kind == TOKEN_OPEN_BRACKET) return "without brackets, with commas between several";
  }
  if (begins(what, "`}` after the number of times") && found->kind == TOKEN_MINUS) return "write `,`";
  if (begins(what, "`}` after the number of times") && found->kind == TOKEN_PLUS) return "write `,`, as `{3,}`";
  if (begins(what, "`,` or `}` after the value") && found->kind == TOKEN_COLON && parser->last.kind == TOKEN_INT)
    return "a time stands in double quotes: \"10:00:00\"";
  if (begins(what, "`,` or `}` in the list")) return "put a comma between the values";
  if (begins(what, "`,` or `}` after the value") && found->kind == TOKEN_NAME) return "put a comma between the fields";
  if ((begins(what, "`file` or `event` after `from`") || begins(what, "`file` and a string")) &&
      found->kind == TOKEN_STRING)
    return arena_printf(parser->arena, "write `from file " SLICE_FMT "`", SLICE_ARG(lex_shown(found->source)));
  if (begins(what, "`=` and an event type")) return "each side has a name: `join o = order, p = payment key order_id`";
  if (begins(what, "`=` after the let's name")) return "as `let large = amount > 1000`";
  if (begins(what, "`=` after the counter's name"))
    return "as `counter spent = sum(amount) of payment by card over 1h`";
  if (begins(what, "`and` and the upper bound")) return "as `between 1 and 5`";
  if (begins(what, "`(` or a list's name") && (found->kind == TOKEN_OPEN_BRACKET || found->kind == TOKEN_OPEN_BRACE))
    return "a set stands in parentheses: `in (a, b)`";
  if (begins(what, "`to` and a list") || begins(what, "`from` and a list")) {
    if (found->kind != TOKEN_DOT || parser->last.kind != TOKEN_NAME || next->kind != TOKEN_NAME) return NULL;
    return arena_printf(parser->arena,
                        "a bare name: of the key, of `emit { " SLICE_FMT " = " SLICE_FMT "." SLICE_FMT
                        " }`, or a field of the event of an `on` rule",
                        SLICE_ARG(lex_shown(next->text)), SLICE_ARG(lex_shown(parser->last.text)),
                        SLICE_ARG(lex_shown(next->text)));
  }
  if (begins(what, "`key` first in the group") || begins(what, "`over` and a duration after the key") ||
      begins(what, "`rules` and their names") || begins(what, "`score` and how the scores"))
    return parse_hint_group;
  if (begins(what, "`at` and a score after the action")) return "a group has a band at least: `block at 90`";
  if (begins(what, "`over` and how far back") && found->kind == TOKEN_OF) return hint_counting;
  if (begins(what, "a number of events") && found->kind == TOKEN_DURATION) return "leave out `last`";
  if (begins(what, "`idle` and a duration")) return "for how long a silent key is kept: `over ever idle 365d`";
  if (begins(what, "`null` after `is not`")) return "`!=` compares with other values";
  if (begins(what, "`null` or `not null`")) return "`==` compares with other values";
  if (begins(what, "a number after `score`") && found->kind == TOKEN_NAME)
    return "as `score 50`; `severity high` is a clause of its own";
  return hint_of_wanted_operand(parser, what, found);
}

/* A condition goes on where it should have ended. */
static const char *hint_in_condition(struct parser *parser, const struct token *found) {
  const struct token *last = &parser->last, *next = parse_ahead(parser, 1);
  static const char *const likes[] = {"like", "ilike", "rlike", "regexp"};
  for (size_t i = 0; i < sizeof likes / sizeof *likes; i++)
    if (is_word(found, likes[i])) return "write `matches /…/`, or contains(text, part)";
  if (found->kind == TOKEN_COMMA && last->kind == TOKEN_INT && touches(last, found) && next->kind == TOKEN_INT &&
      touches(found, next)) {
    if (next->source.length == 3) return "digits are grouped with `_`: `1_000`";
    return arena_printf(parser->arena, "a number has a point: `" SLICE_FMT "." SLICE_FMT "`",
                        SLICE_ARG(lex_shown(last->source)), SLICE_ARG(lex_shown(next->source)));
  }
  if (found->kind == TOKEN_COMMA) return "conditions are joined by `and`";
  if (found->kind == TOKEN_QUESTION) return hint_choice;
  if (is_word(found, "starts") || is_word(found, "startswith")) return "write `starts_with(text, part)`";
  if (is_word(found, "ends") || is_word(found, "endswith")) return "write `ends_with(text, part)`";
  bool literal = found->kind >= TOKEN_STRING && found->kind <= TOKEN_DURATION;
  if (literal && (last->kind == TOKEN_NAME || last->kind == TOKEN_CLOSE_PAREN))
    return "an operator is missing before it, as `==` or `>`";
  if (found->kind == TOKEN_NAME && function_find(found->text) != NULL)
    return arena_printf(parser->arena, "a function stands before what it takes: `" SLICE_FMT "(…)`",
                        SLICE_ARG(lex_shown(found->text)));
  if (found->kind == TOKEN_OPEN_PAREN && next->kind == TOKEN_NAME && parse_is_aggregate(last->text))
    return arena_printf(parser->arena, "an aggregate stands before its step: `" SLICE_FMT "(s." SLICE_FMT ")`",
                        SLICE_ARG(last->text), SLICE_ARG(lex_shown(next->text)));
  bool call = found->kind == TOKEN_OPEN_PAREN || found->kind == TOKEN_NAME;
  if (call && last->kind == TOKEN_NAME && function_find(last->text) != NULL)
    return arena_printf(parser->arena, "as `" SLICE_FMT "(…)`, with what it takes in the parentheses",
                        SLICE_ARG(lex_shown(last->text)));
  return NULL;
}

/* What was found, and where, decides. */
static const char *hint_of_found(struct parser *parser, const struct token *found) {
  const struct token *last = &parser->last, *next = parse_ahead(parser, 1);
  if (found->kind == TOKEN_DURATION && is_word(last, "last")) return hint_over;
  if (found->kind == TOKEN_OVER && (last->kind == TOKEN_INT || last->kind == TOKEN_DECIMAL)) return hint_over;
  if (found->kind == TOKEN_MINUS && found->first_on_line && next->kind == TOKEN_MINUS) return hint_comment;
  bool behind_span = last->kind == TOKEN_DURATION || last->kind == TOKEN_INT;
  if (behind_span && (found->kind == TOKEN_OF || found->kind == TOKEN_BY)) return hint_counting;
  if (last->kind != TOKEN_NAME && !lex_is_reserved(last->kind)) return NULL;
  if (found->kind == TOKEN_COLON || found->kind == TOKEN_ASSIGN)
    return arena_printf(parser->arena, "leave out the `%s`", found->kind == TOKEN_COLON ? ":" : "=");
  if (last->kind == TOKEN_NAME && (found->kind == TOKEN_OVER || found->kind == TOKEN_OF || found->kind == TOKEN_BY))
    return arena_printf(parser->arena,
                        "a counter is a call: `count() over 1h`; a declared one is asked by its name "
                        "alone, `" SLICE_FMT "`",
                        SLICE_ARG(lex_shown(last->text)));
  if (found->kind == TOKEN_MINUS && touches(last, found) && touches(found, next) && next->kind == TOKEN_NAME)
    return arena_printf(parser->arena, "a name has no hyphens: `" SLICE_FMT "_" SLICE_FMT "`",
                        SLICE_ARG(lex_shown(last->text)), SLICE_ARG(lex_shown(next->text)));
  return NULL;
}

const char *parse_hint_expected(struct parser *parser, const char *what, const struct token *found) {
  const char *hint = hint_of_wanted(parser, what, found);
  if (hint == NULL && begins(what, "`)`")) hint = hint_in_condition(parser, found);
  return hint != NULL ? hint : hint_of_found(parser, found);
}

/* Which clause stands before it decides. */
static const char *hint_behind_clause(struct parser *parser, const struct token *found) {
  const struct token *last = &parser->last, *next = parse_ahead(parser, 1);
  if (parser->clause == CLAUSE_WHEN && last->kind == TOKEN_CLOSE_PAREN) {
    if (is_word(found, "per") || is_word(found, "within") || is_word(found, "during")) return hint_over;
  }
  if (parser->clause == CLAUSE_WHEN && found->kind == TOKEN_WHERE)
    return parser->counted ? "a counter's condition stands in its call: `count(where amount > 5) over 1h`"
                           : "`and` joins conditions: `when amount > 100 and country != \"DE\"`";
  if (parser->clause == CLAUSE_SUPPRESS && is_word(found, "per")) return hint_rule_key;
  if (parser->clause == CLAUSE_ON && found->kind == TOKEN_OR && next->kind == TOKEN_NAME) return parse_hint_one_type;
  if (parser->clause == CLAUSE_MATCH && found->kind == TOKEN_IN && next->kind == TOKEN_DURATION)
    return arena_printf(parser->arena, "write `within " SLICE_FMT "`", SLICE_ARG(lex_shown(next->source)));
  if (parser->clause == CLAUSE_MATCH && is_word(last, "every"))
    return "leave out `every`: each event that fits may begin a match";
  if (parser->clause == CLAUSE_MESSAGE && found->kind == TOKEN_PLUS)
    return "values stand in the text: `\"card {card_id}\"`";
  if (parser->clause == CLAUSE_WITHIN && found->kind >= TOKEN_EQUAL && found->kind <= TOKEN_GREATER_EQUAL)
    return hint_over;
  const char *key_name = parser->clause == CLAUSE_KEY ? hint_of_key_name(parser, found) : NULL;
  if (key_name != NULL) return key_name;
  const char *unit = last->kind == TOKEN_INT && found->kind == TOKEN_NAME ? lex_unit_meant(found->text) : NULL;
  if (unit != NULL)
    return arena_printf(parser->arena, "a duration is one word: `" SLICE_FMT "%s`", SLICE_ARG(lex_shown(last->source)),
                        unit);
  if (parser->clause == CLAUSE_KEY && found->kind == TOKEN_DOT && next->kind == TOKEN_NAME)
    return arena_printf(parser->arena, "a key names a field that all steps have: `key " SLICE_FMT "`",
                        SLICE_ARG(lex_shown(next->text)));
  if (is_word(last, "at") && is_word(found, "least")) return "how many times stands behind the step: `login {3,}`";
  bool events = parser->clause == CLAUSE_ON || parser->clause == CLAUSE_MATCH;
  if (found->kind == TOKEN_BY && events) return hint_rule_key;
  if (parser->clause == CLAUSE_KEY && found->kind == TOKEN_NAME && last->kind == TOKEN_NAME)
    return arena_printf(parser->arena, "a key of several parts has commas: `" SLICE_FMT ", " SLICE_FMT "`",
                        SLICE_ARG(lex_shown(last->text)), SLICE_ARG(lex_shown(found->text)));
  if (parser->clause == CLAUSE_WHEN && found->kind == TOKEN_NAME && last->kind == TOKEN_NAME)
    return arena_printf(parser->arena, "as `" SLICE_FMT "(" SLICE_FMT ")`, if it is a call; `and` joins conditions",
                        SLICE_ARG(lex_shown(last->text)), SLICE_ARG(lex_shown(found->text)));
  if (parser->clause != CLAUSE_MATCH || last->kind != TOKEN_NAME) return NULL;
  if (found->kind == TOKEN_COLON && next->kind == TOKEN_NAME)
    return arena_printf(parser->arena, "write `" SLICE_FMT " = " SLICE_FMT "`", SLICE_ARG(lex_shown(last->text)),
                        SLICE_ARG(lex_shown(next->text)));
  if (is_word(found, "as") && next->kind == TOKEN_NAME)
    return arena_printf(parser->arena, "a step's name stands before it: `" SLICE_FMT " = " SLICE_FMT "`",
                        SLICE_ARG(lex_shown(next->text)), SLICE_ARG(lex_shown(last->text)));
  bool times = found->kind == TOKEN_NAME && found->text.length > 1 && found->text.data[0] == 'x';
  for (size_t i = 1; times && i < found->text.length; i++)
    times = found->text.data[i] >= '0' && found->text.data[i] <= '9';
  if (times)
    return arena_printf(parser->arena, "how many times: `" SLICE_FMT " {%.*s}`", SLICE_ARG(lex_shown(last->text)),
                        (int)found->text.length - 1, found->text.data + 1);
  return NULL;
}

const char *parse_hint_clause(struct parser *parser, const struct token *found) {
  static const struct {
    const char *word, *hint;
  } words[] = {{"from", "the events of a rule stand behind `on`: `on payment(amount > 100)`"},
               {"if", hint_when},
               {"having", hint_when},
               {"condition", hint_when},
               {"select", hint_emit},
               {"return", hint_emit},
               {"output", hint_emit},
               {"title", hint_title},
               {"name", hint_title},
               {"description", hint_title},
               {"for", hint_rule_key},
               {"alert", "what is told stands in `message \"…\"` and `emit { … }`"},
               {"enabled", "a rule that does not run says `mode off`"},
               {"disabled", "a rule that does not run says `mode off`"},
               {"followed", "the next step stands behind `then`"},
               {"priority", "as `severity high`, or `score 50`"}};
  if (is_word(found, "group") && parse_ahead(parser, 1)->kind == TOKEN_BY) return hint_rule_key;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (is_word(found, words[i].word)) return words[i].hint;
  return NULL;
}

const char *parse_hint_behind_use(struct parser *parser, const struct token *found) {
  const struct token *last = &parser->last, *next = parse_ahead(parser, 1);
  if (found->first_on_line && found->kind != TOKEN_WHERE) return NULL;
  const char *hint = hint_behind_clause(parser, found);
  if (hint != NULL) return hint;
  if (found->kind == TOKEN_INT && next->kind == TOKEN_NAME) return "how many times: `payment {3}`";
  if (found->kind == TOKEN_INT) return "how many times: `payment {3,}`, `payment {3,5}`";
  if (last->kind != TOKEN_NAME && last->kind != TOKEN_CLOSE_PAREN && last->kind != TOKEN_CLOSE_BRACE) return NULL;
  if (found->kind == TOKEN_CLOSE_PAREN) return "there is a `)` too much";
  if (found->kind == TOKEN_NAME && next->kind == TOKEN_ASSIGN) return "steps are joined by `then` or `next`";
  if (found->kind == TOKEN_WHERE || found->kind == TOKEN_NAME)
    return "a condition stands in parentheses behind the event type, the next step behind `then`";
  return NULL;
}

const char *parse_hint_type(struct parser *parser, const struct token *found, const char *near,
                            const char *const *words, unsigned count) {
  const struct token *last = &parser->last, *next = parse_ahead(parser, 1);
  if (next->kind == TOKEN_LESS && (is_word(found, "list") || is_word(found, "array"))) return "a list is `[string]`";
  if (is_word(last, "required") || is_word(last, "secret"))
    return arena_printf(parser->arena, "it stands behind the type: `id string " SLICE_FMT "`", SLICE_ARG(last->text));
  if (is_word(last, "default")) return hint_default;
  for (unsigned i = 0; near == NULL && i < count && last->kind == TOKEN_NAME; i++)
    if (is_word(last, words[i]))
      return arena_printf(parser->arena, "the name stands first: `" SLICE_FMT " %s`", SLICE_ARG(lex_shown(found->text)),
                          words[i]);
  return near;
}

const char *parse_hint_declaration(struct parser *parser, const struct token *found) {
  const struct token *next = parse_ahead(parser, 1);
  if (found->kind == TOKEN_MINUS && next->kind == TOKEN_MINUS) return hint_comment;
  if (found->kind == TOKEN_OPEN_BRACE && next->kind == TOKEN_STRING)
    return "rules as JSON stand in a file that ends in `.json`; events are given with `--input`";
  if (is_word(found, "import") || is_word(found, "include") || is_word(found, "use"))
    return "files need no import: all files that are given are one rule set";
  return NULL;
}

const char *parse_hint_behind_declaration(struct parser *parser, const struct token *found) {
  if (found->kind == TOKEN_QUESTION) return "a default is `x ?? 0`";
  if (parser->last.kind == TOKEN_DURATION && (found->kind == TOKEN_OF || found->kind == TOKEN_BY)) return hint_counting;
  if (is_word(found, "file") && parse_ahead(parser, 1)->kind == TOKEN_STRING) return "write `from file`";
  if ((found->kind == TOKEN_OPEN_BRACKET || found->kind == TOKEN_OPEN_PAREN) &&
      parse_ahead(parser, 1)->kind != TOKEN_NAME)
    return "the values of a list stand in braces: `list bad string { \"a\", \"b\" }`";
  return NULL;
}
