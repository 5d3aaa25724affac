/* expr_set.h - an immutable set of constants that is asked often: `x in (…)` and the lists of a rule set.
 *
 * Up to EXPR_SET_SCAN members are compared one by one, more are hashed; addresses and networks are sorted ranges,
 * found by halving. Lives in its arena; any thread may read it. */
#ifndef WEIR_BASE_EXPR_SET_H
#define WEIR_BASE_EXPR_SET_H

#include "base/value.h"

enum { EXPR_SET_SCAN = 8 };

struct expr_set;

/* A set of `count` members, for values of static type `type` that will be sought. Members are of that type or
 * comparable with it (int, decimal, float: what no value of `type` can equal is left out; where `type` is float,
 * decimal members are read as floats); for ip also networks. Nulls are remembered (expr_set_has_null). Nothing is kept
 * of `members`: strings are copied. */
struct expr_set *expr_set_new(struct arena *arena, struct type type, const struct value *members, size_t count);

/* Whether `v`, of the set's type and not null, is in it. */
bool expr_set_has(const struct expr_set *set, struct value v);

bool expr_set_has_null(const struct expr_set *set);
size_t expr_set_count(const struct expr_set *set); /* members or ranges, after equal ones became one */

#endif
