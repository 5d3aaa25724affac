/* test_run.h - runs the tests of rule files (rule-language.md section 7) through the engine, on a virtual clock.
 *
 * How a test is judged:
 * - Its events are one input partition, in the order of their lines; what is out of order is judged as in a run.
 * - Only the rules and groups named after `for` run, whatever their `mode`, and what they need: the rules that a group
 *   adds up, those whose alerts a rule reads, those that fill a list. What only is needed is not told.
 * - `expect R …` is met by an alert of R that no other `expect` took, told anywhere in the test, the end of input
 *   included; the first in order is taken.
 * - `expect G …` is met by an alert of the group G: its fields are `band`, `rules`, `score`, then the parts of its key.
 * - What a rule `to nothing` tells nobody can be expected, too; no `expect nothing` looks at it.
 * - `expect nothing else`: the input ends, and no other alert was told in the whole test.
 * - `expect nothing`: none was told by the lines before it, with every event that they sent processed; the input does
 *   not end there, so an absence still waits.
 * - An event that the engine refuses, or of which it takes a value as null, fails the test, whatever else it shows. So
 *   does a late one, unless a `watermark` line before it said that time had gone so far.
 * - Strings of `secret` fields are compared and shown in clear.
 *
 * One thread; each test has an engine of its own. */
#ifndef WEIR_ENGINE_TEST_RUN_H
#define WEIR_ENGINE_TEST_RUN_H

#include "rules/ruleset.h"

struct test_result {
  bool passed;
  struct slice text;        /* why not: what was expected, what came, where a near miss stopped; or notes on a test that
                               passed; empty, or ends with a line end */
  uint32_t expects, alerts; /* expectations looked at, alerts told in the whole test */
  uint64_t events;
  const bool *ran, *matched; /* one for each rule of the tree, in `arena`: it ran, it had a match */
};

/* Runs one test of the tree that `ruleset` was compiled from. `result->text` lives in `arena`, which is under the
 * caller's guard. 0 (passed or not), or ERR_ABORT / ERR_FATAL if it cannot be run. */
int test_run(const struct ruleset *ruleset, const struct tree *tree, const struct test_tree *test,
             const struct env *env, struct arena *arena, struct test_result *result, struct err *err);

#endif
