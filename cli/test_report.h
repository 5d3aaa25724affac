/* test_report.h - results of `weir test` for programs: JUnit XML, JSON lines, coverage. */
#ifndef WEIR_CLI_TEST_REPORT_H
#define WEIR_CLI_TEST_REPORT_H

#include "engine/test_run.h"

struct test_case {
  const struct test_tree *tree;
  struct slice name, file, text; /* text: why it failed, or notes on a test that passed */
  uint32_t line;
  bool passed;
  const bool *ran, *matched; /* struct test_result; NULL: it could not be run */
  int64_t us;
};
struct test_cases {
  struct test_case *items;
  size_t count;
};

void test_report_junit(struct buf *out, const struct test_cases *cases);
void test_report_json(struct buf *out, const struct test_case *test); /* one line */
/* For each rule and group: how many tests name it, and whether passed ones saw it fire and stay quiet. A rule `to
 * nothing` is a building block of others: there it is how many tests it runs in, and whether it had a match. */
void test_report_coverage(struct buf *out, const struct tree *tree, const struct test_cases *cases, bool json,
                          bool colour);

#endif
