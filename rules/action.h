/* action.h - the actions that a rule set may name, and their order: which one counts where several apply to one event.
 *
 * A rule set ranks its actions with one declaration `actions block > review > …`; without it the default order holds.
 * The declaration belongs to the tree; nothing here allocates or fails. */
#ifndef WEIR_RULES_ACTION_H
#define WEIR_RULES_ACTION_H

#include "rules/tree.h"

/* `declared` is tree.actions: NULL for the default order. Ranks count from 0, the strongest action's. */
uint16_t action_count(const struct actions_tree *declared);
struct slice action_name(const struct actions_tree *declared, uint16_t rank);
/* -1: there is no such action. */
int32_t action_rank(const struct actions_tree *declared, struct slice name);

/* `block > allow > review`, the strongest first. */
void action_order(struct buf *out, const struct actions_tree *declared);

#endif
