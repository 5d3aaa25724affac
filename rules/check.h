/* check.h - names, types and rules of the language: annotates a parsed tree (the [check] fields of tree.h) or says what
 * is wrong with it.
 *
 * The parser is before it, rules/lint and rules/lower behind it. One tree is checked once, by one thread; all that is
 * made lives in the tree's arena. Errors go to `diags`, each with a place, a stable code and where possible a hint; an
 * expression with an error has no type, which silences all that stands around it. */
#ifndef WEIR_RULES_CHECK_H
#define WEIR_RULES_CHECK_H

#include "base/env.h"
#include "rules/tree.h"

struct check_options {
  bool secret_key;       /* WEIR_SECRET_KEY is set: `secret` fields can be hashed */
  const struct env *env; /* time zones are looked up there; NULL = their names are taken as they are */
};

/* 0, or ERR_ABORT when there are errors (all in `diags`). The tree must have been parsed without errors. `lets` are
 * replaced by copies of what they stand for. Time O(n log n) in the size of the tree. */
int check_tree(struct tree *tree, const struct check_options *options, struct diags *diags);

/* What is checked but not executed by this version: one error for each such construct in `diags` (NULL = tell nobody),
 * and `not_yet` in the rules and derived events that have one or are made from one that has. True if there is none.
 * For run and test, after check_tree; check, fmt and explain do not ask. */
bool check_runnable(struct tree *tree, struct diags *diags);

/* The type with this name, or NULL. */
const struct type_info *tree_type_find(const struct tree *tree, struct slice name);
/* The rule with this name, NULL if there is none. */
const struct rule_tree *tree_rule_find(const struct tree *tree, struct slice name);

/* Whether the value of an expression is a secret field itself (the field; one of its values over a step, of a counter
 * or before; its column in a table that events fill), and its form. An expression over a secret field is SECRET_NONE:
 * it is told as it is. `rule` gives the steps and the key, `types` the candidate's event types, of a join those of its
 * sides (each may be NULL if the expression does not read such). */
struct secret_info {
  enum secret_form form;
  uint16_t mask_head, mask_tail;
};
/* The same of a part of a key: it is a secret where one of the types calls its field one. */
struct secret_info tree_key_secret(const struct tree *tree, const struct key_part *part, const uint16_t *types,
                                   uint16_t type_count);
struct secret_info tree_expr_secret(const struct tree *tree, const struct rule_tree *rule, const uint16_t *types,
                                    uint16_t type_count, const struct tree_expr *expr);

/* In a join: whether `left op right` compares the times of the two sides, give or take durations that are written out:
 * then it says that right.time - left.time op *us. *op is turned round where it is written so. */
bool check_side_distance(const struct tree_expr *left, const struct tree_expr *right, enum expr_op *op, int64_t *us);

/* A time in a test: RFC 3339 text, or a bare `10:05:00` (fractions are allowed), which is on Monday 2026-01-05, UTC.
 * NULL = fine and *us is set, else a static text that says what is wrong. Of an event type with `event_time log` a test
 * gives the time as `time: "10:05:00"`. */
const char *test_time_parse(struct slice text, int64_t *us);

/* Calls `visit` for the expression and all its parts, parents first, left to right; counters' arguments and conditions
 * too. */
typedef void (*tree_expr_visit)(void *context, struct tree_expr *expr);
void tree_expr_walk(struct tree_expr *expr, tree_expr_visit visit, void *context);

#endif
