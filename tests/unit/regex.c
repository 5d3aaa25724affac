/* floors: base */
/* PCRE2 behind its wrapper: flags, groups, errors, limits, memory. */
#include "base/regex.h"

#include "test.h"

static struct mem *mem;
static struct expr_counts counts;

static struct regex *compiled(const char *pattern, const char *letters) {
  struct regex *regex = NULL;
  struct err err = {0};
  unsigned flags;
  EXPECT(regex_flags(slice_of(letters), &flags));
  EXPECT_INT(regex_compile(mem, slice_of(pattern), flags, NULL, &regex, NULL, &err), 0);
  return regex;
}

static int matches(const char *pattern, const char *letters, const char *text) {
  return regex_match(compiled(pattern, letters), NULL, slice_of(text), &counts);
}

static void begin(void) {
  mem = mem_new(0);
  counts = (struct expr_counts){0};
}

TEST(matches_and_flags) {
  begin();
  EXPECT_INT(matches("^a.c$", "", "abc"), 1);
  EXPECT_INT(matches("^a.c$", "", "aBcd"), 0);
  EXPECT_INT(matches("abc", "", "xABCx"), 0);
  EXPECT_INT(matches("abc", "i", "xABCx"), 1);
  EXPECT_INT(matches("a.c", "", "a\nc"), 0);
  EXPECT_INT(matches("a.c", "s", "a\nc"), 1);
  EXPECT_INT(matches("a b # words\n c", "x", "abc"), 1);
  EXPECT_INT(matches("A B", "xi", "ab"), 1);
  EXPECT_INT(matches("", "", ""), 1);
  EXPECT_INT(matches("^.$", "", "\xc3\xa9"), 1); /* one code point */
  EXPECT_INT(matches("\xc3\x89", "i", "\xc3\xa9"), 1);
  EXPECT_INT(regex_match(compiled("^$", ""), NULL, (struct slice){NULL, 0}, &counts), 1);
  EXPECT_INT(regex_match(compiled("b", ""), NULL, (struct slice){"a\0b", 3}, &counts), 1);
  /* A slash is escaped wherever the text of a rule could end at it, also where escapes mean nothing. */
  EXPECT_INT(matches("^a\\/b$", "", "a/b"), 1);
  EXPECT_INT(matches("^\\Qa.\\/b\\\\\\E[\\/]$", "", "a./b\\\\/"), 1);
  EXPECT_INT(matches("^\\Qa\\/b", "", "a\\/b"), 0);
  EXPECT_INT(matches("^\\\\Q\\/$", "", "\\Q/"), 1);
  EXPECT_INT(counts.regex_limit, 0);
  unsigned flags;
  EXPECT(!regex_flags(SLICE("g"), &flags) && !regex_flags(SLICE("ii"), &flags));
  EXPECT(regex_flags(SLICE("sxi"), &flags) && flags == (REGEX_CASELESS | REGEX_DOTALL | REGEX_EXTENDED));
  mem_free_all(mem);
}

static int has_first(const char *pattern, const char *letters) { return regex_has_first(compiled(pattern, letters)); }

/* What is left out at a glance by the first byte cannot match; where that is not certain, nothing is left out. */
TEST(first_bytes) {
  begin();
  struct regex *regex = compiled("^(curl|python|Go)\\/[0-9]", "");
  EXPECT(regex_has_first(regex));
  EXPECT(regex_may_begin(regex, SLICE("curl")) && regex_may_begin(regex, SLICE("p")) &&
         regex_may_begin(regex, SLICE("G")));
  EXPECT(!regex_may_begin(regex, SLICE("Mozilla")) && !regex_may_begin(regex, SLICE("g")) &&
         !regex_may_begin(regex, SLICE("")));
  EXPECT_INT(regex_match(regex, NULL, SLICE("python/3"), &counts), 1);
  EXPECT_INT(regex_match(regex, NULL, SLICE("xpython/3"), &counts), 0);
  EXPECT_INT(has_first("^\xc3\xa9t", ""), 1);
  EXPECT_INT(matches("^\xc3\xa9t", "", "\xc3\xa9t\xc3\xa9"), 1);
  EXPECT_INT(has_first("curl", ""), 0); /* anywhere in the text */
  EXPECT_INT(has_first("^a|b", ""), 0); /* one side is not bound to the beginning */
  EXPECT_INT(matches("^a|b", "", "xb"), 1);
  EXPECT_INT(matches("^a|^b", "", "b"), 1);
  EXPECT_INT(has_first("^a*", ""), 0); /* matches nothing too */
  EXPECT_INT(matches("^a*", "", "b"), 1);
  EXPECT_INT(has_first("^(?=b)[a-c]", ""), 0); /* look-around */
  EXPECT_INT(has_first("^(?i)a", ""), 0);
  EXPECT_INT(matches("^(?i)a", "", "A"), 1);
  EXPECT_INT(has_first("^a", "i"), 0);
  EXPECT_INT(matches("^a", "i", "A"), 1);
  EXPECT_INT(matches("^\\s*x", "", " x"), 1);
  EXPECT_INT(matches("^$", "", ""), 1);
  EXPECT_INT(counts.regex_limit, 0);
  mem_free_all(mem);
}

TEST(groups) {
  begin();
  struct regex *regex = compiled("(\\d+)-(x)?(\\w+)", "");
  struct slice out = {0}, text = SLICE("no 42-abc!");
  EXPECT_INT(regex_group_count(regex), 3);
  EXPECT_INT(regex_extract(regex, NULL, text, 0, &out, &counts), 1);
  EXPECT(slice_equal(out, SLICE("42-abc")));
  EXPECT_INT(regex_extract(regex, NULL, text, 1, &out, &counts), 1);
  EXPECT(slice_equal(out, SLICE("42")));
  EXPECT_INT(regex_extract(regex, NULL, text, 2, &out, &counts), 0); /* took no part */
  EXPECT_INT(regex_extract(regex, NULL, text, 3, &out, &counts), 1);
  EXPECT(slice_equal(out, SLICE("abc")));
  EXPECT_INT(regex_extract(regex, NULL, text, 4, &out, &counts), 0);
  EXPECT_INT(regex_extract(regex, NULL, SLICE("none"), 0, &out, &counts), 0);
  EXPECT_INT(regex_extract(compiled("a(b)?|c", ""), NULL, SLICE("a"), 1, &out, &counts), 0);
  EXPECT_INT(regex_extract(compiled("x*", ""), NULL, SLICE("abc"), 0, &out, &counts), 1);
  EXPECT_INT(out.length, 0);
  mem_free_all(mem);
}

static int refused(const char *pattern, struct err *err, size_t *offset) {
  struct regex *regex = NULL;
  *err = (struct err){0};
  return regex_compile(mem, slice_of(pattern), 0, NULL, &regex, offset, err);
}

TEST(errors_say_where) {
  begin();
  struct err err;
  size_t offset = 0;
  EXPECT_INT(refused("ab(c", &err, &offset), ERR_ABORT);
  EXPECT_TEXT(err.text, "regular expression: missing closing parenthesis at offset 4");
  EXPECT_INT(offset, 4);
  EXPECT_INT(refused("a**b[", &err, &offset), ERR_ABORT);
  EXPECT_INT(refused("*a", &err, &offset), ERR_ABORT);
  EXPECT_INT(offset, 0);
  EXPECT_INT(refused("a\\Cb", &err, &offset), ERR_ABORT); /* could cut a code point in two */
  EXPECT_INT(refused("\xff", &err, &offset), ERR_ABORT);
  char deep[2 * (REGEX_NESTING_MAX + 1) + 1];
  memset(deep, '(', REGEX_NESTING_MAX + 1);
  memset(deep + REGEX_NESTING_MAX + 1, ')', REGEX_NESTING_MAX + 1);
  deep[sizeof deep - 1] = '\0';
  EXPECT_INT(refused(deep, &err, &offset), ERR_ABORT);
  char groups[2 * (REGEX_GROUPS_MAX + 1) + 1];
  for (int i = 0; i <= REGEX_GROUPS_MAX; i++) memcpy(groups + 2 * i, "()", 3);
  EXPECT_INT(refused(groups, &err, &offset), ERR_ABORT);
  EXPECT(strstr(err.text, "100 groups") != NULL);
  static char longest[REGEX_PATTERN_MAX + 2];
  memset(longest, 'a', REGEX_PATTERN_MAX + 1);
  EXPECT_INT(refused(longest, &err, &offset), ERR_ABORT);
  longest[REGEX_PATTERN_MAX] = '\0';
  EXPECT_INT(refused(longest, &err, &offset), 0);
  mem_free_all(mem);
}

TEST(limits_count_as_no_match) {
  begin();
  struct regex *regex = compiled("^(a+)+$", "");
  char text[64];
  memset(text, 'a', sizeof text);
  text[40] = '!';
  struct slice subject = {text, 41}, out;
  EXPECT_INT(regex_match(regex, NULL, subject, &counts), 0);
  EXPECT_INT(counts.regex_limit, 1);
  EXPECT_INT(regex_extract(regex, NULL, subject, 0, &out, &counts), 0);
  EXPECT_INT(counts.regex_limit, 2);
  /* And it works on, where there is a match. */
  EXPECT_INT(regex_match(regex, NULL, (struct slice){text, 40}, &counts), 1);
  EXPECT_INT(counts.regex_limit, 2);
  mem_free_all(mem);
}

TEST(shared_and_own_scratch) {
  begin();
  struct regex_scratch *scratch = regex_scratch_new(mem), *other = regex_scratch_new(mem);
  struct regex *a, *b;
  struct err err;
  EXPECT_INT(regex_compile(mem, SLICE("a(.)"), 0, scratch, &a, NULL, &err), 0);
  EXPECT_INT(regex_compile(mem, SLICE("(b)(.)"), REGEX_CASELESS, scratch, &b, NULL, &err), 0);
  struct slice x, y;
  EXPECT_INT(regex_extract(a, NULL, SLICE("a1"), 1, &x, &counts), 1);
  EXPECT_INT(regex_extract(b, other, SLICE("B2"), 2, &y, &counts), 1);
  EXPECT(slice_equal(x, SLICE("1")) && slice_equal(y, SLICE("2")));
  EXPECT(slice_equal(regex_pattern(b), SLICE("(b)(.)")));
  EXPECT_INT(regex_flags_of(b), REGEX_CASELESS);
  char version[32];
  regex_version(version);
  EXPECT(strncmp(version, "10.", 3) == 0);
  mem_free_all(mem);
}

TEST(matching_allocates_nothing) {
  begin();
  struct regex *regex = compiled("(foo|bar)+baz", "i");
  uint64_t before = mem_count(mem);
  for (int i = 0; i < 100; i++) EXPECT_INT(regex_match(regex, NULL, SLICE("xx FOObarBAZ"), &counts), 1);
  EXPECT_INT(mem_count(mem), before);
  mem_free_all(mem);
}

/* Whether a regex could be compiled with the n-th allocation failing and all were made before it. */
static bool survives(uint64_t n) {
  struct mem *context = mem_new(0);
  volatile bool finished = false;
  mem_fail_at(context, n);
  if (MEM_GUARD(context) == 0) {
    struct regex *regex;
    struct err err;
    EXPECT_INT(regex_compile(context, SLICE("(a|b)+c"), 0, NULL, &regex, NULL, &err), 0);
    finished = mem_count(context) < n;
    mem_unguard(context);
  }
  mem_free_all(context);
  return finished;
}

TEST(every_failed_allocation_escapes) {
  uint64_t n = 1;
  while (n < 100 && !survives(n)) n++;
  EXPECT(n > 5 && n < 100);
}

TEST_MAIN
