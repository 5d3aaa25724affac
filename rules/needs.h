/* needs.h - which rules must run so that some rules can: those whose alerts they read, and that fill what they ask. */
#ifndef WEIR_RULES_NEEDS_H
#define WEIR_RULES_NEEDS_H

#include "rules/ruleset.h"

/* `needed` (one for each rule): the `named` ones, and all that they need. `scratch` for the way there. */
void ruleset_needs(const struct ruleset *ruleset, const bool *named, bool *needed, struct arena *scratch);

#endif
