/* parts.h - a rule whose key changes inside its pattern (`at key`), cut into parts that have one key each.
 *
 * A cut stands before the step that says `at key`; absences right before it are on the new side, for they are judged
 * among the events of the new key. Steps keep their numbers: those of a part are neighbours. The checker makes the
 * parts of a rule (rule_tree.parts), lowering and engine/near_miss.c read them. */
#ifndef WEIR_RULES_PARTS_H
#define WEIR_RULES_PARTS_H

#include "rules/tree.h"

/* How many parts the steps of the pattern are in: 1 + the steps that say `at key`, the first step left out. */
uint16_t parts_count(const struct rule_tree *rule);

/* Which part a step is in, by the ranges of rule_tree.parts; 0 if the key does not change. */
uint16_t parts_of_step(const struct rule_tree *rule, uint16_t step);

/* The pattern, cut: one group for each part, in the arena. It borrows the pattern's elements; those around a cut are
 * copies. For checked patterns, where a cut stands in no group but plain parentheses. */
struct element **parts_cut(struct arena *arena, const struct element *pattern, uint16_t *count);

/* For a copy of a rule whose pattern was cut off behind some element since: the parts that are left, with the keys and
 * event types that they had. */
void parts_again(struct arena *arena, struct rule_tree *rule);

/* The rule as one of its parts sees it: key, event types and pattern are the part's, names, steps and what is told the
 * rule's. The rule itself if the key does not change. */
const struct rule_tree *parts_view(struct arena *arena, const struct rule_tree *rule, uint16_t part);

/* The key that alerts of the rule have: the last part's. NULL: none was written. */
static inline struct key_tree *parts_told_key(const struct rule_tree *rule) {
  return rule->part_count > 0 ? rule->parts[rule->part_count - 1].key : rule->key;
}
/* The event types that have it. */
static inline const uint16_t *parts_told_types(const struct rule_tree *rule, uint16_t *count) {
  const struct rule_part *last = rule->part_count > 0 ? &rule->parts[rule->part_count - 1] : NULL;
  *count = last != NULL ? last->type_count : rule->type_count;
  return last != NULL ? last->types : rule->types;
}

#endif
