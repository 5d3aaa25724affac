/* floors: base */
/* The limits table: sound by itself, and equal to the constants that base's modules have of their own. */
#include "test.h"

#include "base/decode.h"
#include "base/expr.h"
#include "base/function.h"
#include "base/halving.h"
#include "base/infer.h"
#include "base/limits.h"
#include "base/line_reader.h"
#include "base/regex.h"
#include "base/sketch.h"
#include "base/value.h"

struct row {
  const char *name;
  long long normal, cap;
  const char *unit, *text;
};
#define ROW(name, normal, cap, unit, text) {#name, normal, cap, unit, text},
static const struct row rows[] = {WEIR_LIMITS(ROW)};
enum { ROWS = sizeof rows / sizeof rows[0] };

TEST(every_row_is_sound) {
  for (int i = 0; i < ROWS; i++) {
    EXPECT(rows[i].normal > 0 && rows[i].normal <= rows[i].cap);
    EXPECT(strlen(rows[i].unit) > 0 && strlen(rows[i].text) > 10);
    for (int j = 0; j < i; j++) EXPECT(strcmp(rows[i].name, rows[j].name) != 0);
  }
}

TEST(the_specification_says) {
  EXPECT_INT(LIMIT_RECORD_BYTES, 1 << 20);
  EXPECT_INT(LIMIT_RUNS, 100000);
  EXPECT_INT(LIMIT_REPORT_ALL, 100);
  EXPECT_INT(LIMIT_RULE_ERRORS, 20);
  EXPECT_INT(LIMIT_MATCHED, 64);
  EXPECT_INT(LIMIT_DEAD_LETTERS, 10);
}

TEST(one_number_each) {
  EXPECT_INT(LIMIT_RECORD_BYTES, RECORD_BYTES_MAX);
  EXPECT_INT(LIMIT_INFER_RECORDS, INFER_RECORDS);
  EXPECT_INT(LIMIT_INFER_TYPES, INFER_TYPES_MAX);
  EXPECT_INT(LIMIT_INFER_FIELDS, INFER_FIELDS_MAX);
  EXPECT_INT(LIMIT_RECORD_DEPTH, RECORD_DEPTH_MAX);
  EXPECT_INT(LIMIT_LIST_ELEMENTS, LIST_ELEMENTS_MAX);
  EXPECT_INT(LIMIT_DECIMAL_DIGITS, DECIMAL_DIGITS_MAX);
  EXPECT_INT(LIMIT_EXPRESSION_DEPTH, EXPR_DEPTH_MAX);
  EXPECT_INT(LIMIT_FUNCTION_ARGUMENTS, FUNCTION_ARGUMENTS_MAX);
  EXPECT_INT(LIMIT_STRING_BYTES, FUNCTION_STRING_MAX);
  EXPECT_INT(LIMIT_EDIT_DISTANCE_CHARACTERS, FUNCTION_DISTANCE_MAX);
  EXPECT_INT(LIMIT_REGEX_PATTERN_BYTES, REGEX_PATTERN_MAX);
  EXPECT_INT(LIMIT_REGEX_NESTING, REGEX_NESTING_MAX);
  EXPECT_INT(LIMIT_REGEX_STEPS, REGEX_MATCH_LIMIT);
  EXPECT_INT(LIMIT_REGEX_DEPTH, REGEX_DEPTH_LIMIT);
  EXPECT_INT(LIMIT_REGEX_HEAP_KIB, REGEX_HEAP_KIB);
  EXPECT_INT(LIMIT_REGEX_GROUPS, REGEX_GROUPS_MAX);
  EXPECT_INT(LIMIT_REGEX_STACK_BYTES, REGEX_STACK_BYTES);
  EXPECT_INT(LIMIT_EXPRESSION_CODE, EXPR_CODE_MAX);
  EXPECT_INT(LIMIT_EXPRESSION_VALUES, EXPR_SLOTS_MAX);
  EXPECT_INT(LIMIT_BATCH_EVENTS, LINE_BATCH_MAX);
  EXPECT_INT(LIMIT_DISTINCT_EXACT, DISTINCT_EXACT_MAX);
  EXPECT_INT(LIMIT_GROUP_ALERTS, HALVING_NUMBERS_MAX);
}

TEST_MAIN
