/* utf8.h - UTF-8 as RFC 3629 says: no overlong forms, no surrogates, nothing above U+10FFFF.
 *
 * The decoder checks records with it, functions count code points with it, columns of error messages too. Pure
 * functions on borrowed bytes; any thread. */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include <stdint.h>

#include "base/slice.h"

enum { UTF8_BYTES_MAX = 4, UTF8_CODE_POINT_MAX = 0x10FFFF };

/* Bytes (1 to 4) of the valid sequence that starts at `at`, which is before `end`; 0 if none starts there. */
unsigned utf8_sequence(const char *at, const char *end);

/* Length of the longest valid prefix: text.length if all of it is valid. */
size_t utf8_valid_prefix(struct slice text);
static inline bool utf8_valid(struct slice text) { return utf8_valid_prefix(text) == text.length; }

/* Code points of valid text. */
size_t utf8_count(struct slice text);

/* The byte offset behind the first `code_points` of valid text; text.length if there are fewer. */
size_t utf8_offset(struct slice text, size_t code_points);

/* The code point of the valid sequence at `at`; *length (1 to 4) is how many bytes it has. */
uint32_t utf8_decode(const char *at, unsigned *length);

/* Writes a code point (not a surrogate, at most UTF8_CODE_POINT_MAX) and returns how many bytes it took. */
unsigned utf8_encode(uint32_t code_point, char out[UTF8_BYTES_MAX]);

#endif
