/* secret.h - how a `secret` field is told wherever its value leaves the engine: hashed or masked.
 *
 * Used by alert.c. The key is the text of WEIR_SECRET_KEY, borrowed. */
#ifndef WEIR_ENGINE_SECRET_H
#define WEIR_ENGINE_SECRET_H

#include "base/event.h"

/* What is told of a string: SECRET_HASH: HMAC-SHA256 of its bytes, its first 32 hex digits; SECRET_MASK: the first
 * `head` and last `tail` code points, a `*` for each between them (all of them, if no more than head + tail are there).
 * Of a list, as `collect` and `top` make of secrets, each element is told so. What is no string (null) is told as it
 * is. The result lives in `arena`. */
struct value secret_told(struct value value, enum secret_form form, uint16_t head, uint16_t tail, struct slice key,
                         struct arena *arena);

#endif
