/* parse_hint.c - what may help where the parser expected one thing and found another: slips that people make who know
 * other languages, or who write the first rule of their life. Called by parse_core.c when it says what was expected. */
#include "rules/parse_core.h"

#include "base/function.h"

const char parse_hint_group[] =
    "a group has, in this order: `key`, `over`, `rules`, `score`, `decay`, bands as `block at 90`, `to`";

static const char hint_counting[] = "a counter's words stand in this order: `count() of login by ip over 1h`";

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

/* The tokens stand side by side, with nothing between them. */
static bool touches(const struct token *left, const struct token *right) {
  return left->source.data + left->source.length == right->source.data;
}

static bool is_word(const struct token *token, const char *word) {
  return token->kind == TOKEN_NAME && slice_equal(token->text, slice_of(word));
}

/* What was expected decides. */
static const char *hint_of_wanted(struct parser *parser, const char *what, const struct token *found) {
  const struct token *next = parse_ahead(parser, 1);
  if (begins(what, "a name of an event type (a step)") && (found->kind == TOKEN_NEXT || found->kind == TOKEN_THEN))
    return "one connector stands between two steps: `then` or `next`";
  if (begins(what, "a name")) {
    if (lex_is_reserved(found->kind))
      return arena_printf(parser->arena, "`%s` is a reserved word: choose another name", lex_kind_text(found->kind));
    if (found->kind == TOKEN_STRING) return "a name stands without quotes";
  }
  if (begins(what, "a duration")) {
    if (found->kind == TOKEN_INT || found->kind == TOKEN_DECIMAL)
      return arena_printf(parser->arena, "write the unit: `" SLICE_FMT "s`, `" SLICE_FMT "m`",
                          SLICE_ARG(lex_shown(found->source)), SLICE_ARG(lex_shown(found->source)));
    if (found->kind == TOKEN_MINUS) return "it cannot be negative here";
    if (found->kind == TOKEN_NAME && next->kind == TOKEN_DURATION)
      return arena_printf(parser->arena, "leave out `" SLICE_FMT "`", SLICE_ARG(lex_shown(found->source)));
    return "as `30s`, `5m`, `1h30m`";
  }
  if (begins(what, "a string")) {
    if (found->kind == TOKEN_NAME)
      return arena_printf(parser->arena, "put it in double quotes: \"" SLICE_FMT "\"",
                          SLICE_ARG(lex_shown(found->text)));
    if (found->kind == TOKEN_OPEN_BRACKET) return "without brackets, with commas between several";
  }
  if (begins(what, "`(` and the number of digits")) return "as `decimal(2)`";
  if (begins(what, "`)` after the number of digits")) return "only the digits after the point, as `decimal(2)`";
  if (begins(what, "a type") && found->kind == TOKEN_OPEN_BRACKET) return "the elements of a list are no lists";
  if (begins(what, "`,` or `}` in the list")) return "put a comma between the values";
  if (begins(what, "`,` or `}` after the value") && found->kind == TOKEN_NAME) return "put a comma between the fields";
  if (begins(what, "`=` after the let's name")) return "as `let large = amount > 1000`";
  if (begins(what, "`=` after the counter's name"))
    return "as `counter spent = sum(amount) of payment by card over 1h`";
  if (begins(what, "`=` after the name") || begins(what, "`{` after `emit`"))
    return "as `emit { total = sum(a.amount) }`";
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
  if (begins(what, "`{` and the fields of the event") &&
      (is_word(found, "offset") || is_word(found, "lateness") || is_word(found, "early") || is_word(found, "every")))
    return "a window's words stand in this order, each once: `offset`, `lateness`, `early`, `every key known for`";
  if (begins(what, "`over` and how far back") && found->kind == TOKEN_OF) return hint_counting;
  if (begins(what, "a number of events") && found->kind == TOKEN_DURATION) return "leave out `last`";
  if (begins(what, "`idle` and a duration")) return "for how long a silent key is kept: `over ever idle 365d`";
  if (begins(what, "`null` after `is not`")) return "`!=` compares with other values";
  if (begins(what, "`null` or `not null`")) return "`==` compares with other values";
  return NULL;
}

/* A condition goes on where it should have ended. */
static const char *hint_in_condition(struct parser *parser, const struct token *found) {
  const struct token *last = &parser->last, *next = parse_ahead(parser, 1);
  static const char *const likes[] = {"like", "ilike", "rlike", "regexp"};
  for (size_t i = 0; i < sizeof likes / sizeof *likes; i++)
    if (is_word(found, likes[i])) return "write `matches /…/`, or contains(text, part)";
  if (found->kind == TOKEN_COMMA && last->kind == TOKEN_INT && touches(last, found) && next->kind == TOKEN_INT &&
      touches(found, next))
    return "digits are grouped with `_`: `1_000`";
  bool call = found->kind == TOKEN_OPEN_PAREN || found->kind == TOKEN_NAME;
  if (call && last->kind == TOKEN_NAME && function_find(last->text) != NULL)
    return arena_printf(parser->arena, "as `" SLICE_FMT "(…)`, with what it takes in the parentheses",
                        SLICE_ARG(lex_shown(last->text)));
  return NULL;
}

/* What was found, and where, decides. */
static const char *hint_of_found(struct parser *parser, const struct token *found) {
  const struct token *last = &parser->last, *next = parse_ahead(parser, 1);
  if (found->kind == TOKEN_MINUS && found->first_on_line && next->kind == TOKEN_MINUS) return "comments begin with `#`";
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

const char *parse_hint_behind_use(struct parser *parser, const struct token *found) {
  const struct token *last = &parser->last, *next = parse_ahead(parser, 1);
  if (found->first_on_line) return NULL;
  if (found->kind == TOKEN_INT && next->kind == TOKEN_NAME) return "how many times: `payment {3}`";
  if (found->kind == TOKEN_INT) return "how many times: `payment {3,}`, `payment {3,5}`";
  if (last->kind != TOKEN_NAME && last->kind != TOKEN_CLOSE_PAREN && last->kind != TOKEN_CLOSE_BRACE) return NULL;
  if (found->kind == TOKEN_CLOSE_PAREN) return "there is a `)` too much";
  if (found->kind == TOKEN_NAME && next->kind == TOKEN_ASSIGN) return "steps are joined by `then` or `next`";
  if (found->kind == TOKEN_WHERE || found->kind == TOKEN_NAME)
    return "a condition stands in parentheses behind the event type, the next step behind `then`";
  return NULL;
}

const char *parse_hint_declaration(struct parser *parser, const struct token *found) {
  const struct token *next = parse_ahead(parser, 1);
  if (found->kind == TOKEN_MINUS && next->kind == TOKEN_MINUS) return "comments begin with `#`";
  if (found->kind == TOKEN_OPEN_BRACE && next->kind == TOKEN_STRING)
    return "rules as JSON stand in a file that ends in `.json`; events are given with `--input`";
  if (is_word(found, "import") || is_word(found, "include") || is_word(found, "use"))
    return "files need no import: all files that are given are one rule set";
  return NULL;
}
