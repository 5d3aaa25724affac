/* explain.h - what a rule does, in words for an analyst, and what it costs, for an engineer: `weir explain`.
 *
 * Reads the rule set and the tree it came from (ruleset.tree), which the caller must have kept. Text and JSON have the
 * same content. Nothing here fails. */
#ifndef WEIR_RULES_EXPLAIN_H
#define WEIR_RULES_EXPLAIN_H

#include "rules/ruleset.h"

enum explain_form {
  EXPLAIN_TEXT, /* for a terminal, lines as long as their sentences */
  EXPLAIN_JSON, /* one object on one line: every section is a string or an array of strings */
  EXPLAIN_DOT,  /* a Graphviz graph; a rule without a pattern has two nodes */
};

/* One rule. */
void explain_rule(struct buf *out, const struct ruleset *ruleset, const struct rule *rule, enum explain_form form);

/* All rules and groups, then a line for each derived event, list and table, and for the order of actions: text with an
 * empty line between them; JSON as {"rules":[…],"not_run":[{"rule":…,"why":…}],"groups":[…],"derived":[…],"lists":[…],
 * "tables":[…],"actions":[…]}; graphs of rules and groups, one after the other. Or only what is called `only` (data
 * NULL = all), of whichever kind: what is neither rule nor group is lines, in JSON as "others":[…] in the place of the
 * last four. Rules with constructs that this version does not run are named with a word about it. False if there is
 * nothing of that name, or no graph of it. */
bool explain_ruleset(struct buf *out, const struct ruleset *ruleset, struct slice only, enum explain_form form);

#endif
