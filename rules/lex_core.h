/* lex_core.h - what the files of the lexer share; nobody else includes it. */
#ifndef WEIR_RULES_LEX_CORE_H
#define WEIR_RULES_LEX_CORE_H

#include "rules/lex.h"

static inline bool lex_is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool lex_is_name_start(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }
static inline bool lex_is_name_part(char c) { return lex_is_name_start(c) || lex_is_digit(c); }
static inline int lex_hex_digit(char c) {
  if (lex_is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Says an error about the bytes from token->source.data to lexer->at and marks the token. `code` and `hint` stay. */
void lex_error(struct lexer *lexer, struct token *token, const char *code, const char *hint, const char *text);

/* lex_number.c: at a digit or `@`. */
void lex_take_number(struct lexer *lexer, struct token *token);
/* An address or network that starts with a letter or a colon; false: it is none and nothing was taken. */
bool lex_try_address(struct lexer *lexer, struct token *token);

#endif
