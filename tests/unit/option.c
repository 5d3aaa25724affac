/* floors: cli adapters engine rules nfa base */
/* option.c - the idiom of option tables: parsing, defaults, what is said of a slip. */
#include "cli/option.h"

#include <stddef.h>

#include "test.h"

struct said {
  bool flag;
  const char *text, *choice;
  struct texts texts;
  size_t size;
};

static const struct option table[] = {
    {.name = "flag", .letter = 'f', .kind = OPTION_FLAG, .offset = offsetof(struct said, flag)},
    {.name = "text", .argument = "TEXT", .kind = OPTION_TEXT, .offset = offsetof(struct said, text)},
    {.name = "input", .letter = 'i', .argument = "FILE", .kind = OPTION_TEXTS, .offset = offsetof(struct said, texts)},
    {.name = "size", .argument = "SIZE", .kind = OPTION_SIZE, .offset = offsetof(struct said, size)},
    {.name = "order",
     .argument = "ORDER",
     .kind = OPTION_CHOICE,
     .choices = "arrival other",
     .offset = offsetof(struct said, choice)},
    {.name = "shards", .letter = 'c', .argument = "N", .kind = OPTION_LATER, .help = "why"},
    {0}};

static const struct verb verb = {.name = "verb",
                                 .operands = "FILES…",
                                 .operands_least = 1,
                                 .operands_most = 3,
                                 .operands_missing = "no files are given",
                                 .options = table,
                                 .options_size = sizeof(struct said)};

struct parsed {
  struct mem *mem;
  struct said said;
  char *arguments[16];
  unsigned operands;
  bool help;
  int status;
  struct err err;
};

/* Up to 8 words; what stands in `parsed` is freed by done(). */
static void parse(struct parsed *parsed, const char *const words[8]) {
  *parsed = (struct parsed){.mem = mem_new(0)};
  int count = 0;
  for (; count < 8 && words[count] != NULL; count++) parsed->arguments[count] = (char *)words[count];
  if (MEM_GUARD(parsed->mem)) return;
  parsed->status = options_parse(&verb, parsed->mem, parsed->arguments, count, &parsed->said, &parsed->operands,
                                 &parsed->help, &parsed->err);
}
static void done(struct parsed *parsed) { mem_free_all(parsed->mem); }

static void expect_error(const char *const words[8], const char *text) {
  struct parsed parsed;
  parse(&parsed, words);
  EXPECT_INT(parsed.status, ERR_ABORT);
  EXPECT_TEXT(parsed.err.text, text);
  done(&parsed);
}

TEST(operands_and_options_in_any_order) {
  struct parsed parsed;
  parse(&parsed, (const char *const[8]){"one", "--flag", "--text", "t", "two", "--size=2KiB", "-", NULL});
  EXPECT_INT(parsed.status, 0);
  EXPECT_INT(parsed.operands, 3);
  EXPECT_TEXT(parsed.arguments[0], "one");
  EXPECT_TEXT(parsed.arguments[1], "two");
  EXPECT_TEXT(parsed.arguments[2], "-");
  EXPECT(parsed.said.flag);
  EXPECT_TEXT(parsed.said.text, "t");
  EXPECT_INT(parsed.said.size, 2048);
  done(&parsed);
}

TEST(repeated_options_keep_their_order) {
  struct parsed parsed;
  parse(&parsed, (const char *const[8]){"--input", "a", "-i", "b", "-ic", "--input=d=e", "x", NULL});
  EXPECT_INT(parsed.status, 0);
  EXPECT_INT(parsed.said.texts.count, 4);
  EXPECT_TEXT(parsed.said.texts.items[0], "a");
  EXPECT_TEXT(parsed.said.texts.items[1], "b");
  EXPECT_TEXT(parsed.said.texts.items[2], "c");
  EXPECT_TEXT(parsed.said.texts.items[3], "d=e");
  done(&parsed);
}

TEST(two_dashes_end_the_options) {
  struct parsed parsed;
  parse(&parsed, (const char *const[8]){"--", "--flag", "-x", NULL});
  EXPECT_INT(parsed.status, 0);
  EXPECT_INT(parsed.operands, 2);
  EXPECT(!parsed.said.flag);
  done(&parsed);
}

TEST(a_value_may_look_like_an_option) {
  struct parsed parsed;
  parse(&parsed, (const char *const[8]){"--text", "--fl", "x", NULL});
  EXPECT_INT(parsed.status, 0);
  if (parsed.status == 0) EXPECT_TEXT(parsed.said.text, "--fl");
  done(&parsed);
  parse(&parsed, (const char *const[8]){"--text=--flag", "x", NULL});
  EXPECT_INT(parsed.status, 0);
  if (parsed.status == 0) EXPECT_TEXT(parsed.said.text, "--flag");
  EXPECT(!parsed.said.flag);
  done(&parsed);
}

TEST(a_value_that_was_left_out) { /* the option behind it would be lost, and the operand would be taken for rules */
  expect_error((const char *const[8]){"--text", "--flag", "x", NULL},
               "`--text` needs a value: --text TEXT\nif `--flag` is the value, write --text=--flag");
  expect_error((const char *const[8]){"--text", "--size=1", "x", NULL},
               "`--text` needs a value: --text TEXT\nif `--size=1` is the value, write --text=--size=1");
  expect_error((const char *const[8]){"--input", "--help", NULL},
               "`--input` needs a value: --input FILE\nif `--help` is the value, write --input=--help");
  expect_error((const char *const[8]){"--text=", "x", NULL}, "the value of `--text` is empty");
}

TEST(an_option_that_was_not_written_out) {
  expect_error((const char *const[8]){"--te", "x", NULL}, "there is no option `--te`\ndid you mean `--text`?");
  expect_error((const char *const[8]){"-o", "x", NULL}, "there is no option `-o`\ndid you mean `--order`?");
  expect_error((const char *const[8]){"--shrads", "2", NULL}, "there is no option `--shrads`");
}

TEST(help_needs_no_operands) {
  struct parsed parsed;
  parse(&parsed, (const char *const[8]){"--help", NULL});
  EXPECT_INT(parsed.status, 0);
  EXPECT(parsed.help);
  done(&parsed);
}

TEST(errors) {
  expect_error((const char *const[8]){NULL}, "no files are given");
  expect_error((const char *const[8]){"a", "b", "c", "d", NULL}, "unexpected `d`");
  expect_error((const char *const[8]){"--fag", "a", NULL}, "there is no option `--fag`\ndid you mean `--flag`?");
  expect_error((const char *const[8]){"--nothing-like-it", "a", NULL}, "there is no option `--nothing-like-it`");
  expect_error((const char *const[8]){"-x", "a", NULL}, "there is no option `-x`");
  expect_error((const char *const[8]){"--flag=1", "a", NULL}, "`--flag` takes no value");
  expect_error((const char *const[8]){"a", "--text", NULL}, "`--text` needs a value: --text TEXT");
  expect_error((const char *const[8]){"a", "--text", "1", "--text", "2", NULL}, "`--text` stands there twice");
  expect_error((const char *const[8]){"a", "--order", "time", NULL},
               "`--order` cannot be `time`\nit can be: arrival other");
  expect_error((const char *const[8]){"a", "--order", "arr", NULL},
               "`--order` cannot be `arr`\nit can be: arrival other");
  expect_error((const char *const[8]){"a", "--shards", "2", NULL}, "this version does not have `--shards` yet: why");
  expect_error((const char *const[8]){"a", "-c", "2", NULL}, "this version does not have `--shards` yet: why");
}

TEST(sizes) {
  size_t size = 0;
  EXPECT(size_parse("1", &size) && size == 1);
  EXPECT(size_parse("512MiB", &size) && size == (size_t)512 << 20);
  EXPECT(size_parse("2GiB", &size) && size == (size_t)2 << 30);
  EXPECT(size_parse("18446744073709551615", &size) && size == SIZE_MAX);
  static const char *const wrong[] = {"",      "0",      "0MiB",          "-1",  "+1",  " 1",
                                      "1 ",    "1.5GiB", "MiB",           "1mb", "1MB", "18446744073709551616",
                                      "1MiBx", "0x10",   "17179869184GiB"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    size = 7;
    if (size_parse(wrong[i], &size)) printf("%s was taken\n", wrong[i]);
    EXPECT(!size_parse(wrong[i], &size));
  }
}

TEST_MAIN
