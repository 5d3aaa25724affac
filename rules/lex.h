/* lex.h - rule text to tokens: the lowest part of the language.
 *
 * The lexer walks the text once and keeps nothing but where it stands; the parser asks for one token after the other
 * and holds the few that it looks ahead. What is wrong with a token is said here, once, with its place; the token then
 * comes out as what was probably meant, marked `bad`, so that the parser can go on. Comments are no tokens: they wait
 * in a queue, with the number of the token that follows, until the parser attaches them. */
#ifndef WEIR_RULES_LEX_H
#define WEIR_RULES_LEX_H

#include "rules/tree.h"

/* The words that are never names. All other words are words of their place only. */
#define LEX_RESERVED(X)                                                                                                \
  X(AND, "and")                                                                                                        \
  X(ANY, "any")                                                                                                        \
  X(BETWEEN, "between")                                                                                                \
  X(BY, "by")                                                                                                          \
  X(EMIT, "emit")                                                                                                      \
  X(FALSE, "false")                                                                                                    \
  X(IN, "in")                                                                                                          \
  X(IS, "is")                                                                                                          \
  X(KEY, "key")                                                                                                        \
  X(MATCH, "match")                                                                                                    \
  X(MATCHES, "matches")                                                                                                \
  X(NEXT, "next")                                                                                                      \
  X(NO, "no")                                                                                                          \
  X(NOT, "not")                                                                                                        \
  X(NULL, "null")                                                                                                      \
  X(OF, "of")                                                                                                          \
  X(ON, "on")                                                                                                          \
  X(OR, "or")                                                                                                          \
  X(OVER, "over")                                                                                                      \
  X(THEN, "then")                                                                                                      \
  X(TRUE, "true")                                                                                                      \
  X(WHEN, "when")                                                                                                      \
  X(WHERE, "where")                                                                                                    \
  X(WITHIN, "within")

#define LEX_PUNCTUATION(X)                                                                                             \
  X(OPEN_BRACE, "{")                                                                                                   \
  X(CLOSE_BRACE, "}")                                                                                                  \
  X(OPEN_PAREN, "(")                                                                                                   \
  X(CLOSE_PAREN, ")")                                                                                                  \
  X(OPEN_BRACKET, "[")                                                                                                 \
  X(CLOSE_BRACKET, "]")                                                                                                \
  X(COMMA, ",")                                                                                                        \
  X(COLON, ":")                                                                                                        \
  X(DOT, ".")                                                                                                          \
  X(DOTS, "..")                                                                                                        \
  X(ASSIGN, "=")                                                                                                       \
  X(EQUAL, "==")                                                                                                       \
  X(NOT_EQUAL, "!=")                                                                                                   \
  X(LESS, "<")                                                                                                         \
  X(LESS_EQUAL, "<=")                                                                                                  \
  X(GREATER, ">")                                                                                                      \
  X(GREATER_EQUAL, ">=")                                                                                               \
  X(PLUS, "+")                                                                                                         \
  X(MINUS, "-")                                                                                                        \
  X(STAR, "*")                                                                                                         \
  X(SLASH, "/")                                                                                                        \
  X(PERCENT, "%")                                                                                                      \
  X(QUESTION, "?")                                                                                                     \
  X(COALESCE, "??")

enum token_kind {
  TOKEN_END,
  TOKEN_NAME,
  TOKEN_STRING,
  TOKEN_INT,
  TOKEN_DECIMAL,
  TOKEN_FLOAT,
  TOKEN_DURATION,
  TOKEN_TIME,
  TOKEN_ADDRESS,
  TOKEN_NETWORK,
  TOKEN_REGEX,
#define X(kind, text) TOKEN_##kind,
  LEX_RESERVED(X) LEX_PUNCTUATION(X)
#undef X
      TOKEN_KINDS
};

struct token {
  enum token_kind kind;
  bool bad; /* its error is said already */
  bool first_on_line;
  bool int_min;    /* INT 9223372036854775808: good only behind a minus, which makes it value.i */
  uint32_t number; /* 0, 1, 2 … in the text */
  struct span span;
  struct slice source; /* its own spelling */
  struct slice text;   /* STRING: decoded; REGEX: between the slashes; NAME and reserved words: the word */
  struct slice flags;  /* REGEX */
  struct value value;  /* literals */
};

/* A comment on its way to the tree. */
struct lex_comment {
  struct comment *comment;
  uint32_t line;
  uint32_t next_token; /* number of the token that follows */
  bool behind_token;   /* a token stands before it on its line */
  struct lex_comment *next;
};

struct lexer {
  struct arena *arena;
  struct diags *diags;
  uint16_t file;
  const char *at, *end;
  const char *counted;   /* up to here the column is known */
  uint32_t line, column; /* of `counted` */
  /* Up to here no regex and no 'text' ends (looked for once, so that many beginnings stay linear). */
  const char *no_slash_before, *no_quote_before, *no_curly_before;
  uint32_t token_count;
  uint32_t behind_stray;            /* the number of the token behind characters that were refused and skipped */
  uint32_t token_line;              /* of the last token; 0 = none yet */
  enum token_kind previous;         /* decides whether `/` begins a regex */
  struct lex_comment *first, *last; /* the queue; the parser takes from its front */
};

/* `text` is borrowed and outlives every token. False: it is not UTF-8 (said in `diags`), no token can be had. */
bool lex_init(struct lexer *lexer, struct arena *arena, struct diags *diags, uint16_t file, struct slice text);
/* The next token; TOKEN_END for ever at the end. O(its bytes) over the whole text. */
void lex_next(struct lexer *lexer, struct token *token);

/* The fixed spelling of a reserved word or punctuation, else a word for the kind ("a name", "a string"). */
const char *lex_kind_text(enum token_kind kind);
static inline bool lex_is_reserved(enum token_kind kind) { return kind >= TOKEN_AND && kind <= TOKEN_WITHIN; }
/* TOKEN_NAME or the reserved word. */
enum token_kind lex_word_kind(struct slice word);
/* As much of a text as an error message should show: up to 40 code points, up to the first control byte. */
struct slice lex_shown(struct slice text);
const char *lex_unit_meant(struct slice word); /* "hours" -> "h"; NULL: no unit of time */
/* `[a-z_][a-z0-9_]*` and no reserved word. */
bool lex_is_name(struct slice text);

#endif
