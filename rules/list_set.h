/* list_set.h - the entries of a `list`: built from the rule text or from a file, asked by `x in NAME`.
 *
 * Immutable after it is built, in the arena given; read by any number of threads. A list of ip holds addresses and
 * networks; asking it is the longest-prefix test, answered by disjoint sorted address ranges. */
#ifndef WEIR_RULES_LIST_SET_H
#define WEIR_RULES_LIST_SET_H

#include "base/err.h"
#include "base/event.h"

enum { LIST_ENTRIES_MAX = 50 * 1000 * 1000 };

struct list_set;

/* `values` are of `type` (for ip also VALUE_NETWORK), copied; equal ones count once; nulls are left out. */
struct list_set *list_set_build(struct arena *arena, struct type type, const struct value *values, size_t count);

/* The text of a list file: one entry a line, spaces and tabs around it are not part of it; empty lines and lines that
 * start with `#` are skipped; CRLF and a byte order mark are taken. NULL and `err` with file, line and column if a line
 * is not an entry of `type`. */
struct list_set *list_set_parse(struct arena *arena, struct type type, enum time_unit unit, struct slice text,
                                const char *file, struct err *err);

/* `v` is not null and of the list's type (numbers of any kind are compared exactly). */
bool list_set_has(const struct list_set *set, struct value v);
uint32_t list_set_count(const struct list_set *set);
size_t list_set_bytes(const struct list_set *set); /* about, for explain */

/* One cell or line as a value of `type`; strings are borrowed from `text`. NULL = fine, else a static text that says
 * what is wrong. `networks`: an ip may be a network. A v6 address's bytes are put into `arena`. */
const char *list_value_parse(struct arena *arena, struct type type, enum time_unit unit, bool networks,
                             struct slice text, struct value *out);

#endif
