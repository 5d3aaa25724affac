/* key_plan.h - key spaces: rules with equal keys share one, so that one key record holds the state of all of them.
 *
 * Equal are keys with the same parts in the same order: name, type, and for `key user: login.uid, …` the same fields.
 * Filled by rules/lower while a rule set is compiled; the spaces are the rule set's. */
#ifndef WEIR_RULES_KEY_PLAN_H
#define WEIR_RULES_KEY_PLAN_H

#include "base/map.h"
#include "rules/ruleset.h"

struct key_plan {
  struct mem *mem;
  struct arena *arena;
  struct map_text known; /* canonical bytes of a key -> space */
  uint16_t count, capacity, schema_count;
  struct key_space *spaces;
  uint16_t **slots; /* the writable side of spaces[].slots */
};

void key_plan_init(struct key_plan *plan, struct mem *mem, struct arena *arena, uint16_t schema_count);
void key_plan_free(struct key_plan *plan); /* helpers; the spaces stay */

/* The space of a rule's key for its event types, which are entered into it. */
uint16_t key_plan_space(struct key_plan *plan, const struct schema *schemas, const struct rule_tree *rule);

/* Events of one more type are in the space, whose only part has this slot of theirs. */
void key_plan_enter(struct key_plan *plan, uint16_t space, uint16_t type, uint16_t slot);

/* "card_id", "customer_id, terminal_id", "none". */
void key_plan_describe(const struct key_space *space, struct buf *out);

#endif
