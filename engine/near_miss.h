/* near_miss.h - how far a pattern came that did not match: for failed tests.
 *
 * The pattern is cut down: to its first steps, or to fewer rounds of a loop, or freed of its `within`. All the shorter
 * ones are compiled as rules of their own and run over the same events by the same engine; the longest that matches is
 * where the rule stopped. test_run.c calls it. */
#ifndef WEIR_ENGINE_NEAR_MISS_H
#define WEIR_ENGINE_NEAR_MISS_H

#include "engine/engine.h"

/* Runs the events of the test through an engine over `ruleset`, every rule enabled, to the end of input; `observe` is
 * called for each alert. */
typedef int (*near_miss_feed)(void *context, const struct ruleset *ruleset,
                              void (*observe)(void *context, const struct alert *alert, bool told),
                              void *observe_context, struct err *err);

/* Writes lines that say where `rule` stopped, each with `indent` before it. Nothing is written if nothing can be said.
 */
void near_miss_write(const struct tree *tree, const struct rule_tree *rule, const struct env *env, struct arena *arena,
                     near_miss_feed feed, void *feed_context, const char *indent, struct buf *out);

#endif
