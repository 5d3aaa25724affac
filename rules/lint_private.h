/* lint_private.h - what the files of the lints share; nobody else includes it.
 *
 * lint.c            names, `allow`, the walk over declarations; secret-expression
 * lint_expr.c       equality, hashes and implication of expressions
 * lint_condition.c  never-true, always-true, null-compare
 * lint_value.c      always-null, no-effect, no-key
 * lint_data.c       unused-list, never-filled; no-effect of tables and windows; never-true of bands
 * lint_pattern.c    what is about steps: unreachable-step, costly-any, first-only, contiguity, end-loop, …
 * lint_shadow.c     shadowed-rule */
#ifndef WEIR_RULES_LINT_PRIVATE_H
#define WEIR_RULES_LINT_PRIVATE_H

#include "rules/check.h"
#include "rules/lint.h"

enum lint_kind {
  LINT_ALWAYS_NULL,
  LINT_ALWAYS_TRUE,
  LINT_CONTIGUITY,
  LINT_COSTLY_ANY,
  LINT_END_LOOP,
  LINT_EQUAL_TIMES,
  LINT_FIRST_ONLY,
  LINT_LATER_STEP,
  LINT_NEVER_FILLED,
  LINT_NEVER_TRUE,
  LINT_NO_EFFECT,
  LINT_NO_KEY,
  LINT_NULL_COMPARE,
  LINT_SECRET_EXPRESSION,
  LINT_SHADOWED_RULE,
  LINT_UNBOUNDED_WAIT,
  LINT_UNREACHABLE_STEP,
  LINT_UNUSED_LIST,
  LINTS
};

struct lint {
  struct tree *tree;
  struct diags *diags;
  struct arena *arena;          /* scratch, freed at the end; diag_add() copies what it is told */
  const struct rule_tree *rule; /* at hand; NULL outside rules */
  uint32_t allowed;             /* 1 << lint_kind of that rule */
};

void lint_say(struct lint *lint, enum lint_kind kind, struct span span, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* ---- lint_expr.c ---- */
bool lint_same(const struct tree_expr *a, const struct tree_expr *b);
uint64_t lint_hash(const struct tree_expr *expr, uint64_t seed);
/* The conjuncts of a condition (NULL: none), nested `and` flattened; at most `max`, else -1. */
int lint_conjuncts(const struct tree_expr *condition, const struct tree_expr **out, int max);
/* A comparison of something with a literal: `path op literal`, turned round if it was written the other way. */
struct lint_range {
  const struct tree_expr *what;
  enum expr_op op; /* EXPR_EQUAL … EXPR_GREATER_EQUAL */
  struct value value;
};
bool lint_range(const struct tree_expr *expr, struct lint_range *out);
/* Whether `a` being true means that `b` is (equal, or a stricter range). */
bool lint_implies(const struct tree_expr *a, const struct tree_expr *b);
/* Whether each conjunct of `loose` is implied by one of `strict` (each NULL: no condition). */
bool lint_stricter(const struct tree_expr *strict, const struct tree_expr *loose);
/* Whether it reads anything of steps. */
bool lint_reads_steps(struct tree_expr *expr);

/* ---- the passes ---- */
void lint_condition(struct lint *lint, struct tree_expr *condition, const uint16_t *types, uint16_t type_count);
/* What any expression (NULL: none) and its parts can be told of. */
void lint_value(struct lint *lint, struct tree_expr *expr);
/* The rule at hand, if it has no key: what it counts. */
void lint_no_key(struct lint *lint);
void lint_pattern(struct lint *lint);
void lint_shadowed(struct lint *lint);
void lint_lists(struct lint *lint);
void lint_table(struct lint *lint, const struct table_tree *table);
void lint_group(struct lint *lint, const struct group_tree *group);
void lint_window(struct lint *lint, const struct window_tree *window);
bool lint_allows(const struct rule_tree *rule, enum lint_kind kind);

#endif
