/* count_size.h - how many bytes a population keeps at one key, from its plan alone.
 *
 * rules/lower writes it into the plan, `explain` tells it, and engine/counter_layout.c checks that its own layout takes
 * no more. It follows that layout: what counters need together stands there once. */
#ifndef WEIR_RULES_COUNT_SIZE_H
#define WEIR_RULES_COUNT_SIZE_H

#include "rules/ruleset.h"

/* What engine/ has in its blocks; it asserts that these are enough. */
enum {
  COUNT_STATE_HEAD = 20,
  COUNT_CURSOR = 4,
  COUNT_POINTER = 8,
  COUNT_CONDITION = 4, /* in the state, and in each event */
  COUNT_TOTAL = 8,
  COUNT_TOTAL_FLOAT = 16,
  COUNT_EVENT_HEAD = 8,
  COUNT_KEPT = 8,
  COUNT_KEPT_LARGE = 16, /* and the bytes of texts */
  COUNT_ORDERED = 4,     /* of an event, for each of least and greatest */
  COUNT_VALUE = 16,      /* of a different value */
  COUNT_ENDLESS = 16,    /* of a window that keeps no events */
  COUNT_EDGE = 24,       /* of first, last there */
  COUNT_LIST = 16,       /* of collect, nth there */
  COUNT_TOP = 24
};

/* `scratch` is left as it was. `counters`: of the rule set. */
struct count_size count_size(struct arena *scratch, const struct population *population,
                             const struct counter_plan *counters);
/* A block of aggregates: of each open window. */
size_t count_size_aggregates(struct arena *scratch, const struct aggregate_plan *plans, uint16_t count);

#endif
