/* lint.h - warnings about rules that are right but hardly what was meant.
 *
 * For trees that check_tree() found good. Each lint has a name; `allow NAME` in a rule silences it there. Warnings go
 * to `diags` with the name as their code. O(n log n) over the rules. */
#ifndef WEIR_RULES_LINT_H
#define WEIR_RULES_LINT_H

#include "rules/tree.h"

void lint_tree(struct tree *tree, struct diags *diags);

bool lint_known(struct slice name);
/* All names, in byte order; static. */
const struct slice *lint_names(size_t *count);
/* One line on what it warns of; NULL if there is no such lint. */
const char *lint_help(struct slice name);

#endif
