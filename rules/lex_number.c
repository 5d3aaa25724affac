/* lex_number.c - the lexer's part for what begins with a digit or `@`, and for addresses: ints, decimals, floats,
 * durations, times, addresses, networks. */
#include "rules/lex_core.h"

#include "base/decimal.h"
#include "base/ip.h"
#include "base/limits.h"
#include "base/time_text.h"

enum { ADDRESS_TEXT_MAX = 46, NUMBER_DIGITS_MAX = 400 };

/* `text` without its underscores. */
static struct slice without_underscores(struct arena *arena, struct slice text) {
  if (memchr(text.data, '_', text.length) == NULL) return text;
  char *bytes = arena_alloc(arena, text.length);
  size_t length = 0;
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] != '_') bytes[length++] = text.data[i];
  return (struct slice){bytes, length};
}

static void number_error(struct lexer *lexer, struct token *token, const char *hint, const char *what) {
  struct slice shown = lex_shown((struct slice){token->source.data, (size_t)(lexer->at - token->source.data)});
  bool cut = shown.data + shown.length < lexer->at;
  lex_error(lexer, token, "bad-number", hint,
            arena_printf(lexer->arena, "`" SLICE_FMT "%s` %s", SLICE_ARG(shown), cut ? "…" : "", what));
}

/* v4 at `at`: the end of digits and three points; NULL if it is none. */
static const char *v4_end(const struct lexer *lexer) {
  const char *p = lexer->at;
  for (int part = 0; part < 4; part++) {
    const char *start = p;
    while (p < lexer->end && lex_is_digit(*p) && p - start < 4) p++;
    if (p == start) return NULL;
    if (part < 3 && (p >= lexer->end || *p++ != '.')) return NULL;
  }
  return p;
}

/* v6: the end of a run of hex digits, colons and points that is a valid address; NULL if it is none. A point or colon
 * at its end may belong to what follows. */
static const char *v6_end(const struct lexer *lexer, struct ip *ip) {
  const char *p = lexer->at;
  int colons = 0;
  while (p < lexer->end && p - lexer->at < ADDRESS_TEXT_MAX && (lex_hex_digit(*p) >= 0 || *p == ':' || *p == '.'))
    colons += *p == ':', p++;
  if (colons < 2) return NULL;
  if (p < lexer->end && (lex_is_name_part(*p))) return NULL;
  if (ip_parse((struct slice){lexer->at, (size_t)(p - lexer->at)}, ip) == NULL) return p;
  return NULL;
}

/* An address from lexer->at to `end`, or a network if a prefix length follows. */
static void take_address(struct lexer *lexer, struct token *token, const char *end) {
  struct ip *ip = arena_new(lexer->arena, struct ip);
  const char *start = lexer->at, *wrong;
  token->kind = TOKEN_ADDRESS;
  lexer->at = end;
  if (end + 1 < lexer->end && *end == '/' && lex_is_digit(end[1])) {
    token->kind = TOKEN_NETWORK;
    for (lexer->at = end + 1; lexer->at < lexer->end && lex_is_name_part(*lexer->at);) lexer->at++;
  } else {
    while (lexer->at < lexer->end && lex_is_name_part(*lexer->at)) lexer->at++;
  }
  struct slice text = {start, (size_t)(lexer->at - start)};
  bool network = token->kind == TOKEN_NETWORK;
  wrong = network ? ip_parse_network(text, ip) : ip_parse(text, ip);
  token->value = network ? ip_network_value(ip) : ip_value(ip);
  if (wrong == NULL) return;
  const char *hint = NULL;
  if (network && strstr(wrong, "host bits") != NULL) {
    char meant[IP_TEXT_MAX];
    ip_network_text(meant, ip);
    hint = arena_printf(lexer->arena, "did you mean `%s`?", meant);
  }
  const char *what = network ? "is no network" : "is no address";
  number_error(lexer, token, hint, arena_printf(lexer->arena, "%s: %s", what, wrong));
}

bool lex_try_address(struct lexer *lexer, struct token *token) {
  /* Cheap refusals first: at most four hex digits stand before the first colon, and something of an address behind it.
   */
  const char *p = lexer->at;
  while (p < lexer->end && p - lexer->at < 4 && lex_hex_digit(*p) >= 0) p++;
  if (lexer->end - p < 2 || *p != ':' || (p[1] != ':' && lex_hex_digit(p[1]) < 0)) return false;
  struct ip ip;
  const char *end = v6_end(lexer, &ip);
  if (end == NULL) return false;
  take_address(lexer, token, end);
  return true;
}

/* A day, `T` and a digit: a time whose `@` was forgotten. */
static bool is_bare_time(const struct lexer *lexer) {
  static const char form[] = "dddd-dd-ddTd";
  if ((size_t)(lexer->end - lexer->at) < sizeof form - 1) return false;
  for (size_t i = 0; i < sizeof form - 1; i++) {
    char c = lexer->at[i];
    if (form[i] == 'd' ? !lex_is_digit(c) : form[i] == 'T' ? c != 'T' && c != 't' : c != form[i]) return false;
  }
  return true;
}

/* `@` and RFC 3339: as many characters as can be part of it, so that `@…Z-1h` is a time less an hour. */
static void take_time(struct lexer *lexer, struct token *token) {
  bool bare = *lexer->at != '@';
  const char *start = lexer->at += !bare, *p = start, *end = lexer->end;
  while (p < end && p - start < 10 && (lex_is_digit(*p) || *p == '-')) p++;
  if (p < end && (*p == 'T' || *p == 't')) {
    p++;
    while (p < end && (lex_is_digit(*p) || *p == ':' || *p == '.')) p++;
    if (p < end && (*p == 'Z' || *p == 'z'))
      p++;
    else if (end - p >= 6 && (*p == '+' || *p == '-') && p[3] == ':')
      p += 6;
  }
  while (p < end && lex_is_name_part(*p)) p++;
  lexer->at = p;
  token->kind = TOKEN_TIME;
  int64_t us = 0;
  const char *wrong = time_parse((struct slice){start, (size_t)(p - start)}, &us);
  token->value = value_time(us);
  if (bare && wrong == NULL) {
    struct slice text = {start, (size_t)(p - start)};
    lex_error(lexer, token, "bad-time", arena_printf(lexer->arena, "write `@" SLICE_FMT "`", SLICE_ARG(text)),
              "a time begins with `@`");
  }
  if (wrong == NULL) return;
  struct slice shown = lex_shown((struct slice){start - !bare, (size_t)(p - start) + !bare});
  lex_error(lexer, token, "bad-time", "write it as `@2026-11-21T10:00:00Z`",
            arena_printf(lexer->arena, "`" SLICE_FMT "` is no time: %s", SLICE_ARG(shown), wrong));
}

/* Where the digits at `p` end (underscores may stand between). */
static const char *digits_end(const struct lexer *lexer, const char *p) {
  while (p < lexer->end && (lex_is_digit(*p) || *p == '_')) p++;
  return p;
}

/* `what` and how the digits are written as a float; `what` alone where they are none. */
static const char *or_float(struct lexer *lexer, struct slice digits, const char *what) {
  double f = 0;
  if (digits.length > NUMBER_DIGITS_MAX || number_parse_float(digits, &f) != NUMBER_OK) return what;
  char text[NUMBER_TEXT_MAX];
  number_exponent_text(text, f);
  return arena_printf(lexer->arena, "%s; as a float it is `%s`", what, text);
}

static void int_value(struct lexer *lexer, struct token *token, struct slice digits) {
  uint64_t number = 0;
  bool over = false;
  for (size_t i = 0; i < digits.length; i++)
    over |= __builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(digits.data[i] - '0'), &number);
  over |= number > (uint64_t)INT64_MAX + 1;
  token->int_min = !over && number == (uint64_t)INT64_MAX + 1;
  token->value = value_int(over ? 0 : token->int_min ? INT64_MIN : (int64_t)number);
  if (!over) return;
  const char *hint = or_float(lexer, digits, "an int has 64 bits: at most 9223372036854775807");
  number_error(lexer, token, hint, "is too large");
}

static void decimal_value(struct lexer *lexer, struct token *token, struct slice text) {
  const char *point = memchr(text.data, '.', text.length);
  size_t scale = text.length - (size_t)(point - text.data) - 1;
  int64_t mantissa = 0;
  enum number_status status =
      scale > DECIMAL_DIGITS_MAX ? NUMBER_DIGITS : decimal_parse(text, (unsigned)scale, DECIMAL_EXACT, &mantissa);
  token->value = value_decimal(mantissa, scale > DECIMAL_DIGITS_MAX ? 0 : (unsigned)scale);
  if (status != NUMBER_OK)
    number_error(lexer, token, or_float(lexer, text, "a decimal has at most 18 digits"), "has too many digits");
}

static void float_value(struct lexer *lexer, struct token *token, struct slice text) {
  double f = 0;
  enum number_status status = text.length > NUMBER_DIGITS_MAX ? NUMBER_RANGE : number_parse_float(text, &f);
  token->value = (struct value){.f = status == NUMBER_OK ? f : 0, .kind = VALUE_FLOAT};
  if (status != NUMBER_OK) number_error(lexer, token, NULL, "is out of a float's range");
}

const char *lex_unit_meant(struct slice word) {
  static const struct {
    const char *word, *unit;
  } units[] = {{"us", "us"},     {"ms", "ms"},  {"s", "s"},   {"sec", "s"},  {"secs", "s"},   {"second", "s"},
               {"seconds", "s"}, {"m", "m"},    {"min", "m"}, {"mins", "m"}, {"minute", "m"}, {"minutes", "m"},
               {"h", "h"},       {"hr", "h"},   {"hrs", "h"}, {"hour", "h"}, {"hours", "h"},  {"d", "d"},
               {"day", "d"},     {"days", "d"}, {"w", "w"},   {"week", "w"}, {"weeks", "w"}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (slice_equal(word, slice_of(units[i].word))) return units[i].unit;
  return NULL;
}

/* Letters follow the digits: a duration, or nothing. */
static void take_duration(struct lexer *lexer, struct token *token, bool fraction) {
  while (lexer->at < lexer->end && (lex_is_name_part(*lexer->at) || (*lexer->at >= 'A' && *lexer->at <= 'Z')))
    lexer->at++;
  token->kind = TOKEN_DURATION;
  int64_t us = 0;
  struct slice text = {token->source.data, (size_t)(lexer->at - token->source.data)};
  struct slice plain = without_underscores(lexer->arena, text);
  const char *wrong = fraction || plain.length > NUMBER_DIGITS_MAX ? "" : duration_parse(plain, &us);
  token->value = value_duration(us);
  if (wrong == NULL) return;
  const char *hint = fraction ? "whole numbers only: `1h30m`, `500ms`"
                              : "the units are w, d, h, m, s, ms and us, falling: `30m`, `1h30m`";
  size_t digits = 0;
  while (digits < plain.length && lex_is_digit(plain.data[digits])) digits++;
  struct slice word = {plain.data + digits, plain.length - digits};
  static const char *const calendar[] = {"mo", "mon", "month", "months", "y", "yr", "year", "years"};
  for (size_t i = 0; i < sizeof calendar / sizeof *calendar; i++)
    if (slice_equal(word, slice_of(calendar[i]))) hint = "months and years are not all of one length: `30d`, `365d`";
  const char *unit = fraction ? NULL : lex_unit_meant(word);
  if (unit != NULL) hint = arena_printf(lexer->arena, "write `%.*s%s`", (int)digits, plain.data, unit);
  bool range = strstr(wrong, "out of range") != NULL;
  if (range) hint = arena_printf(lexer->arena, "at most %dd, ten thousand years", LIMIT_CLAUSE_DURATION_DAYS);
  number_error(lexer, token, hint, range ? "is too long a duration" : "is neither a number nor a duration");
}

void lex_take_number(struct lexer *lexer, struct token *token) {
  if (*lexer->at == '@' || is_bare_time(lexer)) {
    take_time(lexer, token);
    return;
  }
  struct ip ip;
  const char *address = v4_end(lexer);
  if (address == NULL) address = v6_end(lexer, &ip);
  if (address != NULL) {
    take_address(lexer, token, address);
    return;
  }
  const char *start = lexer->at, *p = digits_end(lexer, start), *end = lexer->end;
  token->kind = TOKEN_INT;
  if (end - p >= 2 && *p == '.' && lex_is_digit(p[1])) {
    token->kind = TOKEN_DECIMAL;
    p = digits_end(lexer, p + 1);
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    const char *exponent = p + 1;
    if (exponent < end && (*exponent == '+' || *exponent == '-')) exponent++;
    if (exponent < end && lex_is_digit(*exponent)) {
      token->kind = TOKEN_FLOAT;
      p = digits_end(lexer, exponent);
    }
  }
  lexer->at = p;
  if (p < end && (lex_is_name_part(*p) || (*p >= 'A' && *p <= 'Z'))) {
    take_duration(lexer, token, token->kind != TOKEN_INT);
    return;
  }
  struct slice text = {start, (size_t)(p - start)};
  if (p[-1] == '_' || memmem(text.data, text.length, "_.", 2) != NULL) {
    token->value = value_int(0);
    number_error(lexer, token, "`_` stands between digits", "is no number");
    return;
  }
  text = without_underscores(lexer->arena, text);
  if (token->kind == TOKEN_INT)
    int_value(lexer, token, text);
  else if (token->kind == TOKEN_DECIMAL)
    decimal_value(lexer, token, text);
  else
    float_value(lexer, token, text);
}
