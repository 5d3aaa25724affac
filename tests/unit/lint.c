/* floors: rules base */
/* Names and `allow`; what each lint says is in tests/golden/errors/lints.test. */
#include "rules/lint.h"

#include "rules/check.h"
#include "rules/parse.h"
#include "test.h"

/* How many warnings of this name (NULL: any) the rules get. -1: they are wrong. */
static int warnings(const char *text, const char *name) {
  struct mem *mem = mem_new(0);
  struct arena arena;
  arena_init(&arena, mem, 1 << 16);
  struct tree *tree = arena_new(&arena, struct tree);
  struct diags diags;
  struct check_options options = {0};
  int count = 0;
  tree->arena = &arena;
  diags_init(&diags, &arena);
  if (parse_file(tree, SLICE("t.weir"), slice_of(text), &diags) != 0 || check_tree(tree, &options, &diags) != 0) {
    count = -1;
  } else {
    lint_tree(tree, &diags);
    for (uint32_t i = 0; i < diags.count; i++)
      if (diags.items[i].severity == DIAG_WARNING && (name == NULL || strcmp(diags.items[i].code, name) == 0)) count++;
  }
  mem_free_all(mem);
  return count;
}

TEST(names_are_known_in_byte_order_and_explained) {
  size_t count;
  const struct slice *names = lint_names(&count);
  EXPECT(count >= 12);
  for (size_t i = 0; i < count; i++) {
    EXPECT(lint_known(names[i]));
    EXPECT(lint_help(names[i]) != NULL);
    if (i > 0) EXPECT(slice_compare(names[i - 1], names[i]) < 0);
  }
  EXPECT(!lint_known(SLICE("costly")) && !lint_known(SLICE("")) && lint_help(SLICE("x")) == NULL);
}

#define EVENTS "event e { event_time at  at time  k string required  n int  s string }\n"

TEST(allow_silences_one_lint_of_one_rule) {
  EXPECT_INT(warnings(EVENTS "rule a { on e(n > 5 and n < 3 and s != \"x\") }", NULL), 2);
  EXPECT_INT(warnings(EVENTS "rule a { on e(n > 5 and n < 3 and s != \"x\") allow never-true }", NULL), 1);
  EXPECT_INT(warnings(EVENTS "rule a { on e(n > 5 and n < 3 and s != \"x\") allow never-true, null-compare }", NULL),
             0);
  EXPECT_INT(
      warnings(
          EVENTS
          "rule a { on e(n > 5 and n < 3) allow never-true }\nrule b { on e(n > 5 and n < 4) allow shadowed-rule }",
          "never-true"),
      1);
}

TEST(ranges_are_compared_over_kinds_of_numbers) {
  EXPECT_INT(warnings(EVENTS "rule a { on e(n > 5.5 and n < 5.4) }", "never-true"), 1);
  EXPECT_INT(warnings(EVENTS "rule a { on e(n >= 5.50 and n <= 5.5) }", "never-true"), 0);
  EXPECT_INT(warnings(EVENTS "rule a { on e(s > \"b\" and s < \"a\") }", "never-true"), 1);
  EXPECT_INT(
      warnings(EVENTS "rule a { on e(at > @2026-01-02T00:00:00Z and at < @2026-01-01T00:00:00Z) }", "never-true"), 1);
  EXPECT_INT(warnings(EVENTS "rule a { on e(n > 5 and abs(n) < 3) }", "never-true"), 0);
}

TEST(a_thousand_rules_that_differ_in_one_value_do_not_shadow) {
  static char text[1 << 20];
  int length = snprintf(text, sizeof text, "%s", EVENTS);
  for (int i = 0; i < 1000; i++)
    length += snprintf(text + length, sizeof text - (size_t)length,
                       "rule r%d { on e(s == \"v%d\" and n > %d) key k }\n", i, i, i % 7);
  EXPECT_INT(warnings(text, NULL), 0);
  /* The loosest of many ranges is found whatever their order. */
  length = snprintf(text, sizeof text, "%s", EVENTS);
  for (int i = 0; i < 1000; i++)
    length += snprintf(text + length, sizeof text - (size_t)length, "rule r%d { on e(n > %d) key k }\n", i,
                       (i * 7919 + 13) % 1000);
  EXPECT_INT(warnings(text, "shadowed-rule"), 999);
}

TEST_MAIN
