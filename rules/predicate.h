/* predicate.h - conditions on one event, interned over all rules while a rule set is compiled: equal conditions on one
 * event type are one predicate, however many rules have them.
 *
 * rules/lower fills it; the finished arrays are the rule set's. */
#ifndef WEIR_RULES_PREDICATE_H
#define WEIR_RULES_PREDICATE_H

#include "nfa/truth.h"

enum { PREDICATES_MAX = 100 * 1000 * 1000 };

struct predicate_table {
  struct mem *mem;     /* of the helpers */
  struct arena *arena; /* of what is kept */
  struct arena *work;  /* of the nodes */
  int32_t count, capacity;
  struct predicate *predicates;
  const struct expr_node **nodes;
  struct slice *texts;
  /* hash of type and node -> predicate + 1 */
  struct predicate_slot {
    uint64_t hash;
    int32_t number;
  } * slots;
  uint32_t mask;
  struct buf key, other_key;
};

/* `arena` is the rule set's; `work` lives until the index has been built from the nodes. The arrays are blocks of `mem`
 * that grow: they stay when the helpers are freed. */
void predicate_table_init(struct predicate_table *table, struct mem *mem, struct arena *arena, struct arena *work);
void predicate_table_free(struct predicate_table *table); /* the helpers; the predicates stay */

/* The predicate of this condition, new or known; `node` reads BANK_EVENT only; it and `text` are copied if it is
 * new. A negative class and `err` if the expression is beyond a limit. */
int predicate_intern(struct predicate_table *table, uint16_t type, const struct expr_node *node, struct slice text,
                     int32_t *predicate, struct err *err);

/* 0 cheap … 100 a regex: what to ask first. */
uint16_t predicate_cost(const struct expr_node *node);

#endif
