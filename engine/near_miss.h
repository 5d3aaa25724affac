/* near_miss.h - how far a rule came that did not match: for failed tests.
 *
 * A pattern is cut down: to its first steps, or to fewer rounds of a loop, or freed of its `within`. A condition that
 * counts is taken away, and its parts are emitted instead. All these are compiled as rules of their own and run over
 * the same events by the same engine, beside the rules that the test runs; the longest pattern that matches is where
 * the rule stopped, the event at which most parts of the condition held is the one that came nearest. test_run.c calls
 * it. */
#ifndef WEIR_ENGINE_NEAR_MISS_H
#define WEIR_ENGINE_NEAR_MISS_H

#include "engine/engine.h"

/* Runs the events of the test through an engine over `ruleset` to the end of input: rules that the test has as they
 * are there, all others enabled. `observe` is called for each alert. */
typedef int (*near_miss_feed)(void *context, const struct ruleset *ruleset,
                              void (*observe)(void *context, const struct alert *alert, bool told),
                              void *observe_context, struct err *err);

struct near_miss {
  const struct tree *tree;
  const struct rule_tree *rule;  /* that did not match */
  const struct ruleset *ruleset; /* of the test */
  const bool *enabled;           /* its rules that run */
  const struct env *env;
  struct arena *arena;
  near_miss_feed feed;
  void *feed_context;
  const char *indent; /* before each line */
};

/* Writes lines that say where the rule stopped. Nothing is written if nothing can be said. */
void near_miss_write(const struct near_miss *miss, struct buf *out);

/* ---- between near_miss.c and near_miss_values.c ---- */

/* A copy that only matches: it emits, tells, suppresses, adds nothing. */
struct rule_tree *near_miss_bare(struct arena *arena, const struct rule_tree *rule);
/* Runs the test's events over all `rules`, which get names and ids by their places here, and over those of the test;
 * `each` is called for all their alerts. False: they cannot be compiled, as a cut pattern that cannot stand alone. */
bool near_miss_try(const struct near_miss *miss, struct rule_tree **rules, uint16_t count,
                   void (*each)(void *context, const struct alert *alert, bool told), void *context);

/* Which event came nearest to a condition, and the values that kept it out. `part`: of a rule whose key changes, the
 * one whose key counters have. What reads other events of a match is not looked at. False: nothing was written, for no
 * such event came. */
bool near_miss_values(const struct near_miss *miss, uint16_t part, const struct use *use, struct tree_expr *condition,
                      struct buf *out);
/* Whether it is about what the lines of a test do not show: it asks a counter, `seen`, `previous`, a model or a table,
 * or its events are made from others. */
bool near_miss_counts(const struct near_miss *miss, uint16_t type, struct tree_expr *condition);

#endif
