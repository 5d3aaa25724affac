/* index.h - from an event to the predicates that hold and the rules that may start, without asking every rule.
 *
 * For each event type: equalities in a hash (slot, value) -> predicates, ranges as sorted thresholds per slot (the true
 * ones are a prefix), memberships through the list's own set, and a rest that is asked one by one. A predicate that is
 * a conjunction is found by its most selective part and then confirmed. Source: matching.md, "The index". */
#ifndef WEIR_RULES_INDEX_H
#define WEIR_RULES_INDEX_H

#include "rules/ruleset.h"

struct index_hit {
  uint16_t rule;
  int32_t predicate;
};

/* Build into the rule set's arena; sets predicate.indexed. `scan` = no index: every predicate is asked (for tests). */
struct rule_index *index_build(struct ruleset *ruleset, bool scan);

/* Mark all indexed predicates that hold for the event in truth (truth->epoch already grown, env's event bank set), and
 * list the rules whose `on` condition's or pattern start's predicate part holds, each rule once, in rule order.
 * Returns the number of hits; *hits is valid until the next call. `mask` gets bit (predicate mod 64) of every true
 * indexed predicate, and of every predicate of the type that is not indexed. One caller at a time per `scratch`. */
struct index_scratch;
struct index_scratch *index_scratch_new(struct mem *mem, const struct rule_index *index);
uint32_t index_event(const struct rule_index *index, struct index_scratch *scratch, const struct event *event,
                     struct truth *truth, const struct index_hit **hits, uint64_t *mask);
/* The predicates that the last index_event() marked as true: who works on a batch marks them again for each event. */
uint32_t index_trues(const struct index_scratch *scratch, const int32_t **trues);
/* In words, for explain: how the predicate is found. */
void index_describe(const struct rule_index *index, int32_t predicate, struct buf *out);

#endif
