/* floors: rules nfa base */
/* How errors are told: place, line, carets, hint; sorted; at most 20 errors a file; near names. */
#include "test.h"

#include "rule_text.h"

static struct rule_text x;

static void begin(const char *name, const char *text) {
  text_begin(&x);
  x.tree.file_count = 2;
  x.tree.files = arena_array(&x.arena, struct source_file, 2);
  x.tree.files[0] = x.tree.files[1] = (struct source_file){.name = slice_of(name), .text = slice_of(text)};
}

static void add(uint32_t line, uint32_t column, uint32_t length, const char *hint, const char *text) {
  diag_add(&x.diags, DIAG_ERROR, span_at(0, line, column, length), "code", hint, "%s", text);
}

static const char *json(void) {
  struct buf *out = arena_new(&x.arena, struct buf);
  buf_init(out, x.mem);
  diag_json(out, &x.tree, &x.diags.items[0]);
  return buf_text(out);
}

TEST(the_form_of_the_specification) {
  begin("cards.weir", "x\n  match probe = payment(amout <= 5)\n");
  add(2, 25, 5, "did you mean `amount`?", "`payment` has no field `amout`");
  EXPECT_TEXT(text_errors(&x), "cards.weir:2:25: error: `payment` has no field `amout`\n"
                               "    2 |   match probe = payment(amout <= 5)\n"
                               "      |                         ^^^^^ did you mean `amount`?\n");
  EXPECT_TEXT(json(), "{\"file\":\"cards.weir\",\"line\":2,\"column\":25,\"severity\":\"error\",\"code\":\"code\","
                      "\"message\":\"`payment` has no field `amout`\",\"hint\":\"did you mean `amount`?\"}");
  text_end(&x);
}

TEST(warnings_say_their_name) {
  begin("a.weir", "list x string { \"a\" }");
  diag_add(&x.diags, DIAG_WARNING, (struct span){0, 1, 6, 1}, "unused-list", NULL, "list `%s` is not used", "x");
  EXPECT_INT(x.diags.error_count, 0);
  EXPECT_TEXT(text_errors(&x), "a.weir:1:6: warning: list `x` is not used [unused-list]\n"
                               "    1 | list x string { \"a\" }\n"
                               "      |      ^\n");
  EXPECT_TEXT(json(), "{\"file\":\"a.weir\",\"line\":1,\"column\":6,\"severity\":\"warning\",\"code\":\"unused-list\","
                      "\"message\":\"list `x` is not used\"}");
  text_end(&x);
}

TEST(tabs_stay_and_wide_text_counts_by_code_points) {
  begin("a.weir", "\t\"äöü\"\tfoo\tbar\r\n");
  add(1, 8, 3, NULL, "text");
  EXPECT_TEXT(text_errors(&x), "a.weir:1:8: error: text\n    1 | \t\"äöü\"\tfoo\tbar\n      | \t     \t^^^\n");
  text_end(&x);
}

TEST(carets_end_with_the_line) {
  begin("a.weir", "abc\n\nd");
  add(1, 2, 99, NULL, "long");
  add(1, 4, 1, NULL, "behind the end");
  add(2, 1, 0, "hint", "empty line");
  add(3, 77, 5, NULL, "far behind");
  add(9, 1, 1, "hint", "no such line");
  add(0, 0, 0, NULL, "no place");
  EXPECT_TEXT(text_errors(&x), "a.weir: error: no place\n"
                               "a.weir:1:2: error: long\n    1 | abc\n      |  ^^\n"
                               "a.weir:1:4: error: behind the end\n    1 | abc\n      |    ^\n"
                               "a.weir:2:1: error: empty line\n    2 | \n      | ^ hint\n"
                               "a.weir:3:77: error: far behind\n    3 | d\n      |  ^\n"
                               "a.weir:9:1: error: no such line\n      | hint\n");
  text_end(&x);
}

TEST(long_lines_are_cut_around_the_place) {
  char line[1001];
  for (int i = 0; i < 1000; i++) line[i] = (char)('a' + i % 26);
  line[1000] = '\0';
  begin("a.weir", line);
  add(1, 1, 2, NULL, "front");
  add(1, 500, 3, NULL, "middle");
  add(1, 999, 9, NULL, "end");
  const char *said = text_errors(&x);
  char expected[1200];
  snprintf(expected, sizeof expected,
           "a.weir:1:1: error: front\n    1 | %.160s…\n      | ^^\n"
           "a.weir:1:500: error: middle\n    1 | …%.160s…\n      | %*s^^^\n"
           "a.weir:1:999: error: end\n    1 | …%.160s\n      | %*s^^\n",
           line, line + 439, 61, "", line + 840, 159, "");
  EXPECT_TEXT(said, expected);
  text_end(&x);
}

TEST(nothing_reaches_the_terminal_that_could_harm_it) {
  begin("a\x1b[31m.weir", "x \x1b[2J \xe2\x80\xae y \xff z");
  add(1, 10, 1, "\x07", "text \x1b]0;\n");
  EXPECT_TEXT(text_errors(&x), "a?[31m.weir:1:10: error: text ?]0; \n"
                               "    1 | x ?[2J ? y ? z\n"
                               "      |          ^ ?\n");
  EXPECT_TEXT(json(), "{\"file\":\"a?[31m.weir\",\"line\":1,\"column\":10,\"severity\":\"error\",\"code\":\"code\","
                      "\"message\":\"text ?]0; \",\"hint\":\"?\"}");
  text_end(&x);
}

TEST(twenty_errors_a_file_and_all_warnings) {
  begin("a.weir", "x");
  for (uint16_t i = 0; i < 60; i++) {
    diag_add(&x.diags, DIAG_ERROR, (struct span){i % 2, 1, 1, 1}, "code", NULL, "e%d", i);
    diag_add(&x.diags, DIAG_WARNING, (struct span){0, 1, 1, 1}, "lint", NULL, "w%d", i);
  }
  EXPECT_INT(x.diags.error_count, 40);
  EXPECT_INT(x.diags.dropped, 20);
  EXPECT_INT(x.diags.count, 100);
  text_end(&x);
}

TEST(sorting_is_by_place_and_stable) {
  begin("a.weir", "x");
  uint32_t state = 7;
  for (int i = 0; i < 1000; i++) {
    state = state * 1664525u + 1013904223u;
    struct span span = span_at(state >> 28 & 1, 1 + (state >> 24 & 7), 1 + (state >> 20 & 7), 1);
    diag_add(&x.diags, DIAG_WARNING, span, "lint", NULL, "%04d", i);
  }
  diags_sort(&x.diags);
  EXPECT_INT(x.diags.count, 1000);
  for (uint32_t i = 1; i < x.diags.count; i++) {
    const struct diag *a = &x.diags.items[i - 1], *b = &x.diags.items[i];
    int order = a->span.file != b->span.file   ? a->span.file - b->span.file
                : a->span.line != b->span.line ? (int)a->span.line - (int)b->span.line
                                               : (int)a->span.column - (int)b->span.column;
    EXPECT(order < 0 || (order == 0 && strcmp(a->text, b->text) < 0));
  }
  diag_add(&x.diags, DIAG_WARNING, (struct span){0, 1, 1, 1}, "lint", NULL, "one more");
  EXPECT_INT(x.diags.count, 1001);
  text_end(&x);
}

static bool nearest_is(const char *wrong, const char *expected) {
  static const char *const words[] = {"severity", "score", "suppress", "message", "to", "amount"};
  struct slice names[6];
  for (int i = 0; i < 6; i++) names[i] = slice_of(words[i]);
  return slice_equal(diag_nearest(slice_of(wrong), names, 6), slice_of(expected));
}

TEST(nearest_names) {
  EXPECT(nearest_is("amout", "amount"));
  EXPECT(nearest_is("amount", "amount"));
  EXPECT(nearest_is("suppres", "suppress"));
  EXPECT(nearest_is("serverity", "severity"));
  EXPECT(nearest_is("sevreity", "severity"));
  EXPECT(nearest_is("scroe", "score")); /* neighbours that changed places are one slip */
  EXPECT(nearest_is("t", "to"));
  EXPECT(nearest_is("ot", "to"));
  EXPECT(nearest_is("amnt", "amount"));
  EXPECT(nearest_is("msg", "message"));
  EXPECT(nearest_is("mess", "message"));
  EXPECT(nearest_is("me", ""));
  EXPECT(nearest_is("sor", "")); /* `score` has another letter too */
  EXPECT(nearest_is("mssg", "message"));
  EXPECT(nearest_is("mnt", ""));
  EXPECT(nearest_is("x", ""));
  EXPECT(nearest_is("xyz", ""));
  EXPECT(nearest_is("", ""));
  char long_name[200];
  memset(long_name, 'a', sizeof long_name - 1);
  long_name[199] = '\0';
  EXPECT(nearest_is(long_name, ""));
}

TEST(a_span_is_cut_to_what_it_can_hold) {
  struct span fits = span_at(SPAN_FILE_MAX, SPAN_LINE_MAX, SPAN_COLUMN_MAX, SPAN_LENGTH_MAX);
  EXPECT(fits.file == SPAN_FILE_MAX && fits.line == SPAN_LINE_MAX);
  EXPECT(fits.column == SPAN_COLUMN_MAX && fits.length == SPAN_LENGTH_MAX);
  struct span cut = span_at(1, UINT32_MAX, SPAN_COLUMN_MAX + 1, UINT32_MAX);
  EXPECT(cut.file == 1 && cut.line == SPAN_LINE_MAX && cut.column == SPAN_COLUMN_MAX && cut.length == SPAN_LENGTH_MAX);
}

/* The first errors of a file by their places are kept, in whatever order they come. */
TEST(the_first_errors_by_place_are_kept) {
  enum { ALL = 50 };
  struct mem *mem = mem_new(0);
  for (int order = 0; order < 3; order++) {
    struct arena arena;
    arena_init(&arena, mem, 4096);
    struct diags diags;
    diags_init(&diags, &arena);
    for (uint32_t i = 0; i < ALL; i++) {
      uint32_t line = order == 0 ? i + 1 : order == 1 ? ALL - i : i * 27 % ALL + 1;
      diag_add(&diags, DIAG_WARNING, span_at(0, line, 1, 1), "lint", NULL, "w");
      diag_add(&diags, DIAG_ERROR, span_at(0, line, 7, 1), "code", NULL, "%u", line);
      diag_add(&diags, DIAG_ERROR, (struct span){1, 1, 1, 1}, "code", NULL, "of another file, all at one place: %u", i);
    }
    EXPECT_INT(diags.error_count, 2 * DIAG_ERRORS_PER_FILE_MAX);
    EXPECT_INT(diags.dropped, 2 * (ALL - DIAG_ERRORS_PER_FILE_MAX));
    diags_sort(&diags);
    uint32_t line = 0, others = 0;
    for (uint32_t i = 0; i < diags.count; i++) {
      if (diags.items[i].severity != DIAG_ERROR) continue;
      if (diags.items[i].span.file == 0) EXPECT_INT(diags.items[i].span.line, ++line);
      if (diags.items[i].span.file == 1) others++;
    }
    EXPECT_INT(line, DIAG_ERRORS_PER_FILE_MAX);
    EXPECT_INT(others, DIAG_ERRORS_PER_FILE_MAX);
  }
  mem_free_all(mem);
}

TEST_MAIN
