/* number_text.h - ints and floats from text and to text, exactly, whatever the locale. */
#ifndef WEIR_BASE_NUMBER_TEXT_H
#define WEIR_BASE_NUMBER_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum number_status {
  NUMBER_OK = 0,
  NUMBER_BAD,    /* not the text of such a number */
  NUMBER_DIGITS, /* decimals: more digits after the point than the type has */
  NUMBER_RANGE,  /* beyond 64 bits, or not finite */
};
/* A static text for messages: "not a number", "more digits than the type has", "out of range"; "" for NUMBER_OK. */
const char *number_status_text(enum number_status status);

enum { NUMBER_TEXT_MAX = 40 }; /* room for any int64 or float and a NUL */

/* The whole of `text` is `-?[0-9]+`. `-0` is 0. *out is set only on NUMBER_OK. */
enum number_status number_parse_int(struct slice text, int64_t *out);

/* The whole of `text` is `-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?`: the nearest double, ties to even. What rounds to
 * infinity is NUMBER_RANGE; what rounds to zero is zero; -0 is 0 (the language has no other). */
enum number_status number_parse_float(struct slice text, double *out);

/* The text and a NUL; returns the length without it. Floats: the shortest text that reads back the same, of those the
 * nearest, in the form of ECMAScript's Number::toString (RFC 8785). `f` is finite. -0 is `0`. */
unsigned number_int_text(char out[NUMBER_TEXT_MAX], int64_t number);
unsigned number_float_text(char out[NUMBER_TEXT_MAX], double f);
unsigned number_exponent_text(char out[NUMBER_TEXT_MAX], double f); /* the same digits with an exponent: 1.5e-5, 0e0 */

void number_write_int(struct buf *out, int64_t number);
void number_write_float(struct buf *out, double f);

/* The correctly rounded quotient (once, ties to even) of two integers; `denominator` > 0. Never overflows: 128-bit
 * integers are far inside a double's range. */
double number_quotient(__int128 numerator, __int128 denominator);

#endif
