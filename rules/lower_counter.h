/* lower_counter.h - counters while a rule set is compiled: populations, columns, windows and asks, each once.
 *
 * Made by rules/ruleset.c, filled by lower_counter.c whenever an expression asks a counter, and turned into the rule
 * set's arrays when all rules are lowered. */
#ifndef WEIR_RULES_LOWER_COUNTER_H
#define WEIR_RULES_LOWER_COUNTER_H

#include "base/map.h"
#include "rules/ruleset.h"

struct growing_population {
  struct population plan;
  uint16_t column_capacity, window_capacity, counter_capacity;
  struct slice *column_keys; /* canonical bytes of each column's node */
};

struct counter_lowering {
  uint16_t population_count, population_capacity, counter_count, counter_capacity, name_count;
  struct growing_population *populations;
  struct counter_plan *counters;
  struct map_text known_populations, known_asks;
  struct asks { /* per event type */
    uint16_t count, capacity;
    struct counter_ask *items;
  } * asks;
  uint16_t used_count, used_capacity;
  uint16_t *used;                 /* counters of the rule in hand, each once */
  const struct slice *names;      /* of those that have one */
  const struct tree_expr **named; /* `counter NAME = …`, in the order of the declarations: the checker's numbers */
};

#endif
