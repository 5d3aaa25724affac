/* lex.c - bytes to tokens: names, punctuation, strings, regexes, comments. Numbers, times and addresses are in
 * lex_number.c. Called by rules/parse.c only (and by rules/json_form for the question whether a text is a name). */
#include "rules/lex_core.h"

#include "base/utf8.h"

enum { WORD_LENGTH_MAX = 8 };

static const char *const kind_texts[TOKEN_KINDS] = {[TOKEN_END] = "the end of the file",
                                                    [TOKEN_NAME] = "a name",
                                                    [TOKEN_STRING] = "a string",
                                                    [TOKEN_INT] = "a number",
                                                    [TOKEN_DECIMAL] = "a decimal number",
                                                    [TOKEN_FLOAT] = "a float number",
                                                    [TOKEN_DURATION] = "a duration",
                                                    [TOKEN_TIME] = "a time",
                                                    [TOKEN_ADDRESS] = "an address",
                                                    [TOKEN_NETWORK] = "a network",
                                                    [TOKEN_REGEX] = "a regular expression",
#define X(kind, text) [TOKEN_##kind] = (text),
                                                    LEX_RESERVED(X) LEX_PUNCTUATION(X)
#undef X
};

const char *lex_kind_text(enum token_kind kind) { return kind_texts[kind]; }

enum token_kind lex_word_kind(struct slice word) {
  if (word.length < 2 || word.length > WORD_LENGTH_MAX) return TOKEN_NAME;
#define X(kind, text)                                                                                                  \
  if (word.data[0] == (text)[0] && word.length == sizeof(text) - 1 && memcmp(word.data, (text), word.length) == 0)     \
    return TOKEN_##kind;
  LEX_RESERVED(X)
#undef X
  return TOKEN_NAME;
}

bool lex_is_name(struct slice text) {
  if (text.length == 0 || !lex_is_name_start(text.data[0])) return false;
  for (size_t i = 1; i < text.length; i++)
    if (!lex_is_name_part(text.data[i])) return false;
  return lex_word_kind(text) == TOKEN_NAME;
}

bool lex_init(struct lexer *lexer, struct arena *arena, struct diags *diags, uint16_t file, struct slice text) {
  *lexer = (struct lexer){.arena = arena,
                          .diags = diags,
                          .file = file,
                          .at = text.data,
                          .end = text.data + text.length,
                          .counted = text.data,
                          .no_slash_before = text.data,
                          .no_quote_before = text.data,
                          .line = 1,
                          .column = 1,
                          .behind_stray = UINT32_MAX};
  size_t valid = utf8_valid_prefix(text);
  if (valid != text.length) {
    for (size_t i = 0; i < valid; i++) {
      if (text.data[i] == '\n') {
        lexer->line++;
        lexer->column = 1;
      } else if (((unsigned char)text.data[i] & 0xc0) != 0x80) {
        lexer->column++;
      }
    }
    diag_add(diags, DIAG_ERROR, span_at(file, lexer->line, lexer->column, 1), "bad-utf8", "save the file as UTF-8",
             "the file is not UTF-8 text: byte 0x%02x", (unsigned)(unsigned char)text.data[valid]);
    lexer->at = lexer->end;
    return false;
  }
  if (text.length >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) lexer->counted = lexer->at += 3;
  return true;
}

/* The column of `at`, which is on the lexer's line and not before the last place asked for: so all is counted once. */
static uint32_t column_of(struct lexer *lexer, const char *at) {
  uint32_t column = lexer->column;
  for (const char *p = lexer->counted; p < at; p++) column += ((unsigned char)*p & 0xc0) != 0x80;
  lexer->counted = at;
  lexer->column = column;
  return column;
}

/* The token ends before `end`. */
static void end_span(struct token *token, const char *end) {
  uint32_t length = 0;
  for (const char *p = token->source.data; p < end && length < SPAN_LENGTH_MAX; p++)
    length += ((unsigned char)*p & 0xc0) != 0x80;
  if (length == 0) length = 1;
  token->span.length = length & SPAN_LENGTH_MAX;
}

void lex_error(struct lexer *lexer, struct token *token, const char *code, const char *hint, const char *text) {
  end_span(token, lexer->at);
  diag_add(lexer->diags, DIAG_ERROR, token->span, code, hint, "%s", text);
  token->bad = true;
}

struct slice lex_shown(struct slice text) {
  enum { SHOWN_MAX = 40 };
  size_t length = utf8_offset(text, SHOWN_MAX);
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f) length = i;
  return (struct slice){text.data, length};
}

static const char *line_end(const struct lexer *lexer, const char *from) {
  const char *end = memchr(from, '\n', (size_t)(lexer->end - from));
  return end == NULL ? lexer->end : end;
}

/* Something stands at lexer->at: is there an empty line between it and a comment right before it? */
static void note_blank_line(struct lexer *lexer) {
  struct lex_comment *last = lexer->last;
  if (last != NULL && last->next_token == lexer->token_count && !last->behind_token && last->line + 1 < lexer->line)
    last->comment->blank_after = true;
}

/* A comment, `#` at lexer->at, goes to the queue. */
static void take_comment(struct lexer *lexer, unsigned mark_length) {
  const char *start = lexer->at + mark_length, *end = line_end(lexer, lexer->at);
  lexer->at = end;
  if (start < end && *start == ' ') start++;
  while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
  for (const char *p = start; p < end; p++) {
    if ((unsigned char)*p >= 0x20 || *p == '\t') continue;
    struct span span = span_at(lexer->file, lexer->line, column_of(lexer, p), 1);
    const char *hint = *p == '\r' ? "lines end with a line feed, or with carriage return and line feed" : NULL;
    diag_add(lexer->diags, DIAG_ERROR, span, "stray-byte", hint, "control byte 0x%02x in the comment", (unsigned)*p);
    break;
  }
  struct lex_comment *entry = arena_new(lexer->arena, struct lex_comment);
  entry->comment = arena_new(lexer->arena, struct comment);
  entry->comment->text = (struct slice){start, (size_t)(end - start)};
  entry->line = lexer->line;
  entry->next_token = lexer->token_count;
  entry->behind_token = lexer->token_line == lexer->line;
  note_blank_line(lexer);
  if (lexer->first == NULL)
    lexer->first = entry;
  else
    lexer->last->next = entry;
  lexer->last = entry;
}

/* To the next byte that is neither white space nor comment. */
static void skip_space(struct lexer *lexer) {
  while (lexer->at < lexer->end) {
    char c = *lexer->at;
    if (c == '\n') {
      lexer->line++;
      lexer->column = 1;
      lexer->counted = ++lexer->at;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      lexer->at++;
    } else if (c == '#') {
      take_comment(lexer, 1);
    } else {
      return;
    }
  }
}

/* Four hex digits at `at`; -1 if they are not. */
static int32_t hex4(const char *at, const char *end) {
  int32_t number = 0;
  if (end - at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    int digit = lex_hex_digit(at[i]);
    if (digit < 0) return -1;
    number = number * 16 + digit;
  }
  return number;
}

/* `\uXXXX` (at the first X), a pair of surrogates taken as one. Returns bytes used behind `\u`, 0 if it is wrong. */
static unsigned unicode_escape(const char *at, const char *end, uint32_t *code_point) {
  int32_t high = hex4(at, end);
  if (high <= 0) return 0; /* U+0000 as well: libraries and the JSON form end strings there */
  if (high < 0xd800 || high > 0xdfff) {
    *code_point = (uint32_t)high;
    return 4;
  }
  if (high > 0xdbff || end - at < 10 || at[4] != '\\' || at[5] != 'u') return 0;
  int32_t low = hex4(at + 6, end);
  if (low < 0xdc00 || low > 0xdfff) return 0;
  *code_point = 0x10000u + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
  return 10;
}

/* The bytes between the quotes, escapes resolved. Returns what is wrong with an escape, NULL if all is well. */
static const char *decode_string(struct lexer *lexer, const char *from, const char *to, struct slice *out) {
  static const char *const bad = "bad escape in the string";
  *out = (struct slice){from, (size_t)(to - from)};
  if (memchr(from, '\\', (size_t)(to - from)) == NULL) return NULL;
  const char *wrong = NULL;
  char *bytes = arena_alloc(lexer->arena, (size_t)(to - from) + UTF8_BYTES_MAX);
  size_t length = 0;
  for (const char *p = from; p < to; p++) {
    if (*p != '\\') {
      bytes[length++] = *p;
      continue;
    }
    p++;
    char c = p < to ? *p : '\0';
    uint32_t code_point;
    unsigned used;
    if (c == '\\' || c == '"')
      bytes[length++] = c;
    else if (c == 'n')
      bytes[length++] = '\n';
    else if (c == 't')
      bytes[length++] = '\t';
    else if (c == 'u' && (used = unicode_escape(p + 1, to, &code_point)) != 0) {
      length += utf8_encode(code_point, bytes + length);
      p += used;
    } else
      wrong = c == 'u' && to - p > 4 && memcmp(p + 1, "0000", 4) == 0 ? "a string of a rule has no `\\u0000`" : bad;
  }
  *out = (struct slice){bytes, length};
  return wrong;
}

/* The closing quote of a string that starts at lexer->at, or the end of the line with *closed false. */
static const char *string_end(const struct lexer *lexer, char quote, bool *closed) {
  *closed = false;
  for (const char *p = lexer->at + 1; p < lexer->end && *p != '\n'; p++) {
    if (*p == quote) {
      *closed = true;
      return p;
    }
    if (*p == '\\' && p + 1 < lexer->end && p[1] != '\n') p++;
  }
  return line_end(lexer, lexer->at);
}

/* A text without an end took the rest of its line, and what should stand there: that it is missing is not said too. */
static void swallowed_line(struct lexer *lexer) { lexer->behind_stray = lexer->token_count + 1; }

static void take_string(struct lexer *lexer, struct token *token) {
  bool closed;
  const char *from = lexer->at + 1, *to = string_end(lexer, '"', &closed);
  token->kind = TOKEN_STRING;
  lexer->at = closed ? to + 1 : to;
  if (!closed) {
    while (to > from && (to[-1] == '\r' || to[-1] == ' ')) to--;
    lexer->at = to;
  }
  const char *wrong = decode_string(lexer, from, to, &token->text);
  bool control = false;
  for (const char *p = from; p < to; p++) control |= (unsigned char)*p < 0x20 && *p != '\t';
  if (!closed) {
    lex_error(lexer, token, "open-string", "a string ends on its line: put `\"` behind it",
              "the string has no closing `\"`");
    swallowed_line(lexer);
  } else if (wrong != NULL)
    lex_error(lexer, token, "bad-escape", "the escapes are \\\\ \\\" \\n \\t \\uXXXX", wrong);
  else if (control)
    lex_error(lexer, token, "bad-string", "write it as \\uXXXX", "control byte in the string");
  token->value = value_string(token->text);
}

/* What is written for a text in other quotes than ours: escapes stay, other backslashes and `"` become some. NULL: the
 * text is too long to be shown. */
static const char *in_double_quotes(struct lexer *lexer, struct slice text) {
  if (lex_shown(text).length < text.length) return NULL;
  char *out = arena_alloc(lexer->arena, 2 * text.length + 1);
  const char *p = text.data, *end = text.data + text.length;
  size_t length = 0;
  while (p < end) {
    uint32_t code_point;
    unsigned escape = 0; /* bytes of the one at hand */
    if (*p == '\\' && p + 1 < end) {
      if (p[1] == 'u') escape = unicode_escape(p + 2, end, &code_point);
      if (p[1] == 'u' && escape > 0) escape += 2;
      if (memchr("\\\"nt", p[1], 4) != NULL) escape = 2;
      if (p[1] == '\'') p++; /* needs none between `"` */
    }
    if (escape == 0 && (*p == '"' || *p == '\\')) out[length++] = '\\';
    if (escape == 0) escape = 1;
    memcpy(out + length, p, escape);
    length += escape;
    p += escape;
  }
  out[length] = '\0';
  return out;
}

/* A text in other quotes than ours: an error, and the string that was meant. */
static void meant_string(struct lexer *lexer, struct token *token, struct slice text, const char *code,
                         const char *message) {
  token->kind = TOKEN_STRING;
  token->text = text;
  token->value = value_string(text);
  const char *written = in_double_quotes(lexer, text);
  const char *hint = written != NULL ? arena_printf(lexer->arena, "write \"%s\"", written) : "write \" at both ends";
  lex_error(lexer, token, code, hint, message);
}

/* 'text': meant as a string. */
static void take_single_quoted(struct lexer *lexer, struct token *token) {
  bool closed = false;
  const char *from = lexer->at + 1, *to = from;
  if (lexer->at >= lexer->no_quote_before) to = string_end(lexer, '\'', &closed);
  if (!closed) {
    if (to > lexer->no_quote_before) lexer->no_quote_before = to;
    lexer->at++;
    lex_error(lexer, token, "stray-byte", "strings stand in double quotes: \"text\"", "unexpected character `'`");
    return;
  }
  lexer->at = to + 1;
  meant_string(lexer, token, (struct slice){from, (size_t)(to - from)}, "single-quotes",
               "strings stand in double quotes");
}

/* Typographic quotes, as word processors make of straight ones. */
static bool is_curly(uint32_t code_point) { return code_point >= 0x2018 && code_point <= 0x201f; }

/* A text in typographic quotes, meant as a string. False: there are none here, or the closing one is missing. */
static bool take_curly_quoted(struct lexer *lexer, struct token *token) {
  unsigned length = 1;
  if ((unsigned char)*lexer->at != 0xe2 || lexer->at < lexer->no_curly_before) return false;
  if (!is_curly(utf8_decode(lexer->at, &length))) return false;
  const char *from = lexer->at + length, *to = from, *end = line_end(lexer, from);
  while (to < end && *to != '"' && !((unsigned char)*to == 0xe2 && is_curly(utf8_decode(to, &length)))) to++;
  if (to >= end) {
    lexer->no_curly_before = end;
    return false;
  }
  lexer->at = to + (*to == '"' ? 1 : length);
  meant_string(lexer, token, (struct slice){from, (size_t)(to - from)}, "curly-quotes",
               "strings stand in straight double quotes");
  return true;
}

/* `/` where an operand stands. False: there is no closing slash on the line, so it is no regex. */
static bool take_regex(struct lexer *lexer, struct token *token) {
  const char *p = lexer->at + 1;
  if (lexer->at < lexer->no_slash_before) return false;
  for (; p < lexer->end && *p != '\n' && *p != '/'; p++)
    if (*p == '\\' && p + 1 < lexer->end && p[1] != '\n') p++;
  if (p >= lexer->end || *p != '/') {
    lexer->no_slash_before = p;
    return false;
  }
  token->kind = TOKEN_REGEX;
  token->text = (struct slice){lexer->at + 1, (size_t)(p - lexer->at - 1)};
  const char *flags = ++p;
  while (p < lexer->end && lex_is_name_part(*p)) p++;
  token->flags = (struct slice){flags, (size_t)(p - flags)};
  lexer->at = p;
  unsigned seen = 0;
  for (size_t i = 0; i < token->flags.length && !token->bad; i++) {
    unsigned bit = flags[i] == 'i' ? 1 : flags[i] == 's' ? 2 : flags[i] == 'x' ? 4 : 0;
    if (bit == 0 || (seen & bit) != 0)
      lex_error(lexer, token, "bad-regex", "the flags are i, s and x, each at most once",
                arena_printf(lexer->arena, "`" SLICE_FMT "` are no flags of a regular expression",
                             SLICE_ARG(lex_shown(token->flags))));
    seen |= bit;
  }
  if (token->text.length == 0 && !token->bad)
    lex_error(lexer, token, "bad-regex", "any text would do: `is not null` says that",
              "the regular expression is empty");
  for (size_t i = 0; i < token->text.length && !token->bad; i++)
    if ((unsigned char)token->text.data[i] < 0x20 && token->text.data[i] != '\t')
      lex_error(lexer, token, "bad-regex", "write it as \\x1f", "control byte in the regular expression");
  return true;
}

/* Behind `matches` nothing else can be meant: it is taken to end before a space or a parenthesis. */
static void take_open_regex(struct lexer *lexer, struct token *token) {
  const char *from = lexer->at + 1, *to = from, *end = line_end(lexer, from);
  while (to < end && *to != ' ' && *to != ')' && *to != '\r') to++;
  token->kind = TOKEN_REGEX;
  token->text = token->flags = (struct slice){from, 0};
  lexer->at = to;
  lex_error(lexer, token, "open-regex", "a regular expression ends on its line: put `/` behind it",
            "the regular expression has no closing `/`");
  swallowed_line(lexer);
}

/* A comment of other languages; the text in it is skipped, so that it is said once. */
static void take_block_comment(struct lexer *lexer, struct token *token) {
  const char *end = memmem(lexer->at + 2, (size_t)(lexer->end - lexer->at) - 2, "*/", 2);
  lex_error(lexer, token, "foreign-comment", "write `# …` on each line", "comments begin with `#`");
  token->bad = false;
  const char *to = end == NULL ? lexer->end : end + 2;
  for (; lexer->at < to; lexer->at++) {
    if (*lexer->at != '\n') continue;
    lexer->line++;
    lexer->column = 1;
    lexer->counted = lexer->at + 1;
  }
}

/* `CardId` is card_id, `HTTP` http. */
static struct slice lower_word(struct lexer *lexer, struct slice word) {
  char *lower = arena_alloc(lexer->arena, 2 * word.length);
  size_t length = 0;
  bool low_before = false;
  for (size_t i = 0; i < word.length; i++) {
    char c = word.data[i];
    bool upper = c >= 'A' && c <= 'Z';
    if (upper && low_before) lower[length++] = '_';
    lower[length++] = upper ? (char)(c - 'A' + 'a') : c;
    low_before = !upper && c != '_';
  }
  return (struct slice){lower, length};
}

/* Behind it one of several values may stand. */
static bool among_values(enum token_kind kind) {
  return kind == TOKEN_OPEN_PAREN || kind == TOKEN_OPEN_BRACE || kind == TOKEN_OPEN_BRACKET || kind == TOKEN_COMMA;
}

/* The type behind a field's name, as it is written; empty: no type stands next on the line. */
static struct slice type_ahead(const struct lexer *lexer) {
  static const struct slice types[] = {SLICE("bool"),     SLICE("int"),    SLICE("float"),
                                       SLICE("decimal"),  SLICE("string"), SLICE("time"),
                                       SLICE("duration"), SLICE("ip"),     SLICE("[")};
  const char *p = lexer->at, *end = lexer->end;
  while (p < end && (*p == ' ' || *p == '\t')) p++;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    size_t length = types[i].length;
    if ((size_t)(end - p) < length || memcmp(p, types[i].data, length) != 0) continue;
    const char *behind = p + length;
    if (*p != '[' && behind < end && lex_is_name_part(*behind)) continue;
    while (behind < end && (unsigned char)*behind > ' ' && *behind != '}') behind++;
    return lex_shown((struct slice){p, (size_t)(behind - p)});
  }
  return (struct slice){p, 0};
}

static void take_word(struct lexer *lexer, struct token *token) {
  const char *p = lexer->at;
  bool upper = false;
  while (p < lexer->end && (lex_is_name_part(*p) || (*p >= 'A' && *p <= 'Z'))) upper |= *p >= 'A' && *p <= 'Z', p++;
  token->text = (struct slice){lexer->at, (size_t)(p - lexer->at)};
  lexer->at = p;
  if (!upper) {
    token->kind = lex_word_kind(token->text);
    return;
  }
  struct slice meant = lower_word(lexer, token->text);
  bool calls = lexer->at < lexer->end && (*lexer->at == '(' || *lexer->at == '.');
  bool operand = !calls && (lexer->previous == TOKEN_EQUAL || lexer->previous == TOKEN_NOT_EQUAL);
  const char *text =
      arena_printf(lexer->arena, "`" SLICE_FMT "`: names and words are lower case", SLICE_ARG(lex_shown(token->text)));
  const char *hint = arena_printf(lexer->arena, "write `" SLICE_FMT "`", SLICE_ARG(lex_shown(meant)));
  if (operand && lex_word_kind(meant) == TOKEN_NAME)
    hint = arena_printf(lexer->arena, "a text stands in double quotes: \"" SLICE_FMT "\"",
                        SLICE_ARG(lex_shown(token->text)));
  else if (among_values(lexer->previous) && !calls && lex_word_kind(meant) == TOKEN_NAME)
    hint = arena_printf(lexer->arena, "write `" SLICE_FMT "`, or \"" SLICE_FMT "\" if it is a text",
                        SLICE_ARG(lex_shown(meant)), SLICE_ARG(lex_shown(token->text)));
  struct slice type = type_ahead(lexer);
  if (type.length > 0) /* records may call it so, and would not be understood under the other name */
    hint = arena_printf(lexer->arena, "write `" SLICE_FMT " " SLICE_FMT " from \"" SLICE_FMT "\"`",
                        SLICE_ARG(lex_shown(meant)), SLICE_ARG(type), SLICE_ARG(lex_shown(token->text)));
  lex_error(lexer, token, "upper-case", hint, text);
  token->text = meant;
  token->kind = lex_word_kind(meant);
}

/* Operators of other languages: said, and taken for what was meant. */
static bool take_foreign(struct lexer *lexer, struct token *token) {
  static const struct {
    const char *text;
    enum token_kind kind;
    const char *hint;
  } foreign[] = {
      {"&&", TOKEN_AND, "write `and`"},       {"||", TOKEN_OR, "write `or`"},
      {"<>", TOKEN_NOT_EQUAL, "write `!=`"},  {"=>", TOKEN_GREATER_EQUAL, "write `>=`"},
      {"=<", TOKEN_LESS_EQUAL, "write `<=`"}, {"=~", TOKEN_MATCHES, "write `matches /…/`"},
      {"&", TOKEN_AND, "write `and`"},        {"|", TOKEN_OR, "write `or`"},
      {"!", TOKEN_NOT, "write `not`"},        {"->", TOKEN_THEN, "write `then`"},
  };
  for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
    size_t length = strlen(foreign[i].text);
    if ((size_t)(lexer->end - lexer->at) < length || memcmp(lexer->at, foreign[i].text, length) != 0) continue;
    lexer->at += length;
    token->kind = foreign[i].kind;
    lex_error(lexer, token, "foreign-operator", foreign[i].hint,
              arena_printf(lexer->arena, "there is no operator `%s`", foreign[i].text));
    token->text = slice_of(lex_kind_text(token->kind));
    return true;
  }
  return false;
}

static bool take_punctuation(struct lexer *lexer, struct token *token) {
  char c = *lexer->at, d = lexer->at + 1 < lexer->end ? lexer->at[1] : '\0';
  enum token_kind kind = TOKEN_END;
  unsigned length = 1;
  switch (c) {
  case '{': kind = TOKEN_OPEN_BRACE; break;
  case '}': kind = TOKEN_CLOSE_BRACE; break;
  case '(': kind = TOKEN_OPEN_PAREN; break;
  case ')': kind = TOKEN_CLOSE_PAREN; break;
  case '[': kind = TOKEN_OPEN_BRACKET; break;
  case ']': kind = TOKEN_CLOSE_BRACKET; break;
  case ',': kind = TOKEN_COMMA; break;
  case ':': kind = TOKEN_COLON; break;
  case '+': kind = TOKEN_PLUS; break;
  case '-':
    if (d == '>') return false;
    kind = TOKEN_MINUS;
    break;
  case '*': kind = TOKEN_STAR; break;
  case '/': kind = TOKEN_SLASH; break;
  case '%': kind = TOKEN_PERCENT; break;
  case '.': length = d == '.' ? 2 : 1, kind = d == '.' ? TOKEN_DOTS : TOKEN_DOT; break;
  case '?': length = d == '?' ? 2 : 1, kind = d == '?' ? TOKEN_COALESCE : TOKEN_QUESTION; break;
  case '>': length = d == '=' ? 2 : 1, kind = d == '=' ? TOKEN_GREATER_EQUAL : TOKEN_GREATER; break;
  case '<':
    if (d == '>') return false;
    length = d == '=' ? 2 : 1, kind = d == '=' ? TOKEN_LESS_EQUAL : TOKEN_LESS;
    break;
  case '=':
    if (d == '>' || d == '<' || d == '~') return false;
    length = d == '=' ? 2 : 1, kind = d == '=' ? TOKEN_EQUAL : TOKEN_ASSIGN;
    break;
  case '!':
    if (d != '=') return false;
    length = 2, kind = TOKEN_NOT_EQUAL;
    break;
  default: return false;
  }
  token->kind = kind;
  token->text = (struct slice){lexer->at, length};
  lexer->at += length;
  return true;
}

/* Signs that word processors and other languages have. */
static const char *sign_meant(uint32_t code_point) {
  switch (code_point) {
  case 0x2013: /* dashes and the minus of mathematics */
  case 0x2014:
  case 0x2212: return "write `-`";
  case 0x2264: return "write `<=`";
  case 0x2265: return "write `>=`";
  case 0x2260: return "write `!=`";
  case 0xd7: return "write `*`";
  case 0xf7: return "write `/`";
  case '$':
  case 0xa3:
  case 0xa5:
  case 0x20ac: return "an amount is a number, without a sign of its currency";
  default: return NULL;
  }
}

/* Bytes that begin no token, in one error for a run of them. */
static void stray(struct lexer *lexer, struct token *token) {
  unsigned length = 1;
  uint32_t code_point = utf8_decode(lexer->at, &length);
  const char *text, *hint = NULL;
  if (code_point < 0x20 || code_point == 0x7f)
    text = arena_printf(lexer->arena, "unexpected byte 0x%02x", (unsigned)code_point);
  else
    text = arena_printf(lexer->arena, "unexpected character `%.*s`", (int)length, lexer->at);
  if (code_point == 0x201c || code_point == 0x201d || code_point == 0x2018 || code_point == 0x2019)
    hint = "strings stand in straight double quotes: \"text\"";
  else if (code_point == ';')
    hint = "nothing stands between clauses: leave it out";
  else if (code_point == 0xa0)
    hint = "it is a no-break space: use a plain one";
  else if (code_point == '^')
    hint = "`power(x, y)` is x to the y";
  else if (code_point == '~')
    hint = "write `matches /…/`";
  else if (code_point == '`')
    hint = "names stand without quotes";
  else
    hint = sign_meant(code_point);
  const char *p = lexer->at;
  do p += length;
  while (p < lexer->end && utf8_decode(p, &length) == code_point);
  lexer->at = p;
  lex_error(lexer, token, "stray-byte", hint, text);
  token->bad = false;
  lexer->behind_stray = lexer->token_count;
}

/* One token, or false if what stood here was said to be wrong and skipped. */
static bool take_token(struct lexer *lexer, struct token *token) {
  char c = *lexer->at;
  bool operand =
      lexer->previous == TOKEN_MATCHES || lexer->previous == TOKEN_COMMA || lexer->previous == TOKEN_OPEN_PAREN;
  if ((c >= '0' && c <= '9') || c == '@') {
    lex_take_number(lexer, token);
  } else if (lex_try_address(lexer, token)) {
  } else if (lex_is_name_start(c) || (c >= 'A' && c <= 'Z')) {
    take_word(lexer, token);
  } else if (c == '"') {
    take_string(lexer, token);
  } else if (c == '\'') {
    take_single_quoted(lexer, token);
    return token->kind == TOKEN_STRING;
  } else if (c == '/' && lexer->previous == TOKEN_MATCHES && take_regex(lexer, token)) {
  } else if (c == '/' && lexer->at + 1 < lexer->end && lexer->at[1] == '/') {
    lex_error(lexer, token, "foreign-comment", "write `# …`", "comments begin with `#`");
    take_comment(lexer, 2);
    return false;
  } else if (c == '/' && lexer->at + 1 < lexer->end && lexer->at[1] == '*') {
    take_block_comment(lexer, token);
    return false;
  } else if (c == '/' && operand && take_regex(lexer, token)) {
  } else if (c == '/' && lexer->previous == TOKEN_MATCHES) {
    take_open_regex(lexer, token);
  } else if (!take_punctuation(lexer, token) && !take_foreign(lexer, token) && !take_curly_quoted(lexer, token)) {
    stray(lexer, token);
    return false;
  }
  return true;
}

void lex_next(struct lexer *lexer, struct token *token) {
  for (;;) { /* each turn moves lexer->at on or ends */
    skip_space(lexer);
    *token = (struct token){.number = lexer->token_count, .first_on_line = lexer->token_line != lexer->line};
    const char *start = lexer->at;
    token->source = (struct slice){start, 0};
    token->span = span_at(lexer->file, lexer->line, column_of(lexer, start), 1);
    if (start < lexer->end && *start != '}') note_blank_line(lexer);
    if (start >= lexer->end) {
      token->kind = TOKEN_END;
      return;
    }
    if (!take_token(lexer, token)) continue;
    token->source.length = (size_t)(lexer->at - start);
    end_span(token, lexer->at);
    lexer->token_line = lexer->line;
    lexer->token_count++;
    lexer->previous = token->kind;
    return;
  }
}
