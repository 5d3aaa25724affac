/* budget.h - what follows from `memory`: how much of it each part of a run may take, and so how many entries each may
 * have (base/limits.h, WEIR_MEMORY_LIMITS).
 *
 * It depends on the memory and the rule set alone, so the same input is cut at the same entries on every host. engine.c
 * asks when it is made. */
#ifndef WEIR_ENGINE_BUDGET_H
#define WEIR_ENGINE_BUDGET_H

#include "rules/ruleset.h"

struct budget {
  uint64_t order_bytes;   /* of events that wait for earlier ones; beyond, they are in a file */
  uint64_t unique_ids;    /* of one type with `unique` */
  uint64_t suppress_keys; /* of one rule with `suppress` */
  uint64_t state_bytes;   /* of open matches and what they hold; 0 = no limit, for none is set */
  uint64_t alert_bytes;   /* of the alerts of one moment; beyond, they are in a file; 0 = no limit */
  uint64_t scratch_bytes; /* for listing matches */
};

/* `memory` 0 = no limit is set: what must have one gets that of 4 GiB. */
struct budget budget_of(const struct ruleset *ruleset, uint64_t memory);

#endif
