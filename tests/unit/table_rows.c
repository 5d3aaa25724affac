/* floors: base nfa rules */
/* table_rows.c - tables from CSV files: what is read, what is null, what is said of broken files. */
#include "rules/table_rows.h"

#include "test.h"

struct fixture {
  struct mem *mem;
  struct arena arena;
  struct err err;
};

static const struct table_column key = {.name = {"bin", 3}, .type = {.kind = VALUE_INT}};
static const struct table_column columns[] = {{.name = {"bank", 4}, .type = {.kind = VALUE_STRING}},
                                              {.name = {"limit", 5}, .type = {.kind = VALUE_DECIMAL, .scale = 2}},
                                              {.name = {"seen", 4}, .type = {.kind = VALUE_TIME}, .unit = TIME_MS}};

static void set_up(struct fixture *f) {
  f->mem = mem_new(0);
  arena_init(&f->arena, f->mem, 4096);
  err_clear(&f->err);
}
static void tear_down(struct fixture *f) { mem_free_all(f->mem); }

static struct table_rows *parse(struct fixture *f, const char *text) {
  err_clear(&f->err);
  return table_rows_parse(&f->arena, &key, columns, 3, slice_of(text), "bins.csv", &f->err);
}

static bool is_text(struct value v, const char *text) {
  return v.kind == VALUE_STRING && slice_equal(value_slice(v), slice_of(text));
}

TEST(rows_are_found_by_key) {
  struct fixture f;
  set_up(&f);
  struct table_rows *rows = parse(
      &f,
      "\xef\xbb\xbf"
      "limit,extra,bin,bank,seen\r\n1.5,x,411111,Bank A,1000\r\n,,411112,,\r\n2,\"a \"\"b\"\"\",411113,\"\",-1\r\n");
  EXPECT(rows != NULL);
  EXPECT_INT(table_rows_count(rows), 3);
  EXPECT(is_text(table_rows_get(rows, 0, value_int(411111)), "Bank A"));
  EXPECT_INT(table_rows_get(rows, 1, value_int(411111)).i, 150);
  EXPECT_INT(table_rows_get(rows, 2, value_int(411111)).i, 1000000);
  EXPECT(value_is_null(table_rows_get(rows, 0, value_int(411112))));
  EXPECT(value_is_null(table_rows_get(rows, 1, value_int(411112))));
  EXPECT(is_text(table_rows_get(rows, 0, value_int(411113)), ""));
  EXPECT(value_is_null(table_rows_get(rows, 0, value_int(1))));
  EXPECT(value_is_null(table_rows_get(rows, 0, value_null())));
  tear_down(&f);
}

TEST(quotes_hold_commas_lines_and_quotes) {
  struct fixture f;
  set_up(&f);
  struct table_rows *rows = parse(&f, "bin,bank,limit,seen\n1,\"a, \"\"b\"\"\nc\",1,\n\n2,d,2,");
  EXPECT(rows != NULL);
  EXPECT_INT(table_rows_count(rows), 2);
  EXPECT(is_text(table_rows_get(rows, 0, value_int(1)), "a, \"b\"\nc"));
  EXPECT(is_text(table_rows_get(rows, 0, value_int(2)), "d"));
  tear_down(&f);
}

TEST(a_header_alone_is_an_empty_table) {
  struct fixture f;
  set_up(&f);
  struct table_rows *rows = parse(&f, "bin,bank,limit,seen");
  EXPECT(rows != NULL);
  EXPECT_INT(table_rows_count(rows), 0);
  EXPECT(value_is_null(table_rows_get(rows, 0, value_int(1))));
  tear_down(&f);
}

static void expect_error(const char *text, int line, int column, const char *part) {
  struct fixture f;
  set_up(&f);
  EXPECT(parse(&f, text) == NULL);
  EXPECT_INT(f.err.line, line);
  EXPECT_INT(f.err.column, column);
  if (strstr(f.err.text, part) == NULL) EXPECT_TEXT(f.err.text, part);
  EXPECT_TEXT(f.err.file, "bins.csv");
  tear_down(&f);
}

TEST(broken_files_say_where_and_why) {
  expect_error("", 1, 1, "empty");
  expect_error("bin,bank,limit\n", 1, 1, "no column `seen`");
  expect_error("bank,limit,seen\n", 1, 1, "no column `bin`");
  expect_error("bin;bank;limit;seen\r\n1;2;3;4\r\n", 1, 1,
               "the header, `bin;bank;limit;seen`, has no column `bin`, the table's key; cells stand between commas");
  expect_error("bin\tbank\tlimit\tseen\n", 1, 1,
               "the header, `bin…`, has no column `bin`, the table's key; cells stand between commas");
  expect_error("1,first bank,5,\n", 1, 1, "the header, `1,first bank,5,`, has no column `bin`");
  expect_error("bin,a_column_with_a_name_that_is_rather_long,limit\n", 1, 1,
               "the header, `bin,a_column_with_a_name_that_is_rather_…`, has no column `bank`");
  expect_error("bin,bank,limit,seen\n7\n", 2, 1, "1 cell, but the header has 4 columns");
  expect_error("bin,bank,bank,limit,seen\n", 1, 10, "stands twice");
  expect_error("bin,bank,limit,seen\n1,\xc3\xa4,1.234,\n", 2, 5, "column `limit` is of type decimal(2)");
  expect_error("bin,bank,limit,seen\nx,,,\n", 2, 1, "column `bin` is of type int");
  expect_error("bin,bank,limit,seen\n,a,,\n", 2, 1, "key is empty");
  expect_error("bin,bank,limit,seen\n1,a,,\n2,b,,\n1,c,,\n", 4, 1, "key `1` stands twice (first in line 2)");
  expect_error("bin,bank,limit,seen\n1,a\n", 2, 1, "2 cells");
  expect_error("bin,bank,limit,seen\n1,a,,,9\n", 2, 7, "more cells");
  expect_error("bin,bank,limit,seen\n1,\"a,,\n", 2, 3, "never closed");
  expect_error("bin,bank,limit,seen\n1,\"a\"b,,\n", 2, 3, "behind the closing quote");
  expect_error("bin,bank,limit,seen\n1,a\"b\",,\n", 2, 3, "a quote stands inside");
  expect_error("bin,bank,limit,seen\n1,\"a\nb\",,\n2,,,1e3\n", 4, 5, "column `seen`");
}

TEST(a_key_that_is_a_column_too) {
  struct fixture f;
  set_up(&f);
  const struct table_column both[] = {{.name = {"bin", 3}, .type = {.kind = VALUE_INT}}, columns[0]};
  struct table_rows *rows = table_rows_parse(&f.arena, &key, both, 2, slice_of("bin,bank\n7,x\n"), "bins.csv", &f.err);
  EXPECT(rows != NULL);
  EXPECT_INT(table_rows_get(rows, 0, value_int(7)).i, 7);
  EXPECT(is_text(table_rows_get(rows, 1, value_int(7)), "x"));
  tear_down(&f);
}

TEST_MAIN
