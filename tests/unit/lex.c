/* floors: rules nfa base */
/* Tokens: their kinds, values and places, and what is wrong with them. */
#include "test.h"

#include "rule_text.h"
#include "rules/lex.h"

static struct rule_text x;
static struct lexer lexer;

static void begin(const char *text) {
  text_begin(&x);
  x.tree.file_count = 1;
  x.tree.files = arena_new(&x.arena, struct source_file);
  *x.tree.files = (struct source_file){.name = SLICE("a.weir"), .text = slice_of(text)};
  lex_init(&lexer, &x.arena, &x.diags, 0, slice_of(text));
}

static struct token next(void) {
  struct token token;
  lex_next(&lexer, &token);
  return token;
}

/* The kinds of all tokens, as words. */
static const char *kinds(const char *text) {
  begin(text);
  struct buf *out = arena_new(&x.arena, struct buf);
  buf_init(out, x.mem);
  for (struct token token = next(); token.kind != TOKEN_END; token = next())
    buf_printf(out, "%s%s%s", out->length > 0 ? " " : "", lex_kind_text(token.kind), token.bad ? " (bad)" : "");
  return buf_text(out);
}

#define EXPECT_KINDS(text, expected)                                                                                   \
  do {                                                                                                                 \
    EXPECT_TEXT(kinds(text), (expected));                                                                              \
    text_end(&x);                                                                                                      \
  } while (0)

TEST(kinds_of_tokens) {
  EXPECT_KINDS("", "");
  EXPECT_KINDS("a _b c_1 event", "a name a name a name a name");
  EXPECT_KINDS("and any between by emit false in is key match matches next no",
               "and any between by emit false in is key match matches next no");
  EXPECT_KINDS("not null of on or over then true when where within",
               "not null of on or over then true when where within");
  EXPECT_KINDS("ands no_ iso", "a name a name a name");
  EXPECT_KINDS("{ } ( ) [ ] , : . ..", "{ } ( ) [ ] , : . ..");
  EXPECT_KINDS("= == != < <= > >= + - * / % ? ??", "= == != < <= > >= + - * / % ? ??");
  EXPECT_KINDS("a<=b??c..d", "a name <= a name ?? a name .. a name");
  EXPECT_KINDS("1 1_000 1.5 1e3 1.5e-3 1E+3",
               "a number a number a decimal number a float number a float number a float number");
  EXPECT_KINDS("6..4", "a number .. a number");
  EXPECT_KINDS("30m 1h30m 1w 5us 1_000ms", "a duration a duration a duration a duration a duration");
  EXPECT_KINDS("\"a\" @2026-11-21T10:00:00Z", "a string a time");
  EXPECT_KINDS("@2026-11-21T10:00:00Z-1h", "a time - a duration");
  EXPECT_KINDS("@2026-11-21T10:00:00+02:00-1h", "a time - a duration");
  EXPECT_KINDS("10.0.0.1 10.0.0.0/8 ::1 ::/0 2001:db8::1 fe80::/10 1::",
               "an address a network an address a network an address a network an address");
  EXPECT_KINDS("::ffff:1.2.3.4 abcd:1:2:3:4:5:6:7", "an address an address");
  EXPECT_KINDS("{a: 1, b:2, c:d}", "{ a name : a number , a name : a number , a name : a name }");
  EXPECT_KINDS("key a:b.f, c:d.e", "key a name : a name . a name , a name : a name . a name");
  EXPECT_KINDS("# only a comment\n# and one more", "");
}

TEST(a_slash_is_a_regex_where_an_operand_stands) {
  EXPECT_KINDS("a matches /b\\/c/i and d", "a name matches a regular expression and a name");
  EXPECT_KINDS("extract(a, /b/, 1)", "a name ( a name , a regular expression , a number )");
  EXPECT_KINDS("a / b / c", "a name / a name / a name");
  EXPECT_KINDS("(a) / (b) / 2", "( a name ) / ( a name ) / a number");
  EXPECT_KINDS("f(/a", "a name ( / a name");
}

TEST(values) {
  begin("9223372036854775807 9223372036854775808 12.50 1e-3 1h30m 1_000 @1970-01-01T00:00:01.5Z 10.1.0.0/16");
  struct token token = next();
  EXPECT(token.value.i == INT64_MAX && !token.int_min);
  token = next();
  EXPECT(token.value.i == INT64_MIN && token.int_min && !token.bad);
  token = next();
  EXPECT_INT(token.value.i, 1250);
  EXPECT_INT(token.value.scale, 2);
  EXPECT(next().value.f == 0.001);
  EXPECT_INT(next().value.i, 5400000000);
  EXPECT_INT(next().value.i, 1000);
  EXPECT_INT(next().value.i, 1500000);
  token = next();
  EXPECT_INT(token.value.i, (10 << 24) + (1 << 16));
  EXPECT_INT(token.value.scale, 16);
  EXPECT_INT(next().kind, TOKEN_END);
  EXPECT_INT(x.diags.count, 0);
  text_end(&x);
}

TEST(strings) {
  begin("\"\" \"a\\\\\\\"\\n\\tb\" \"\\u00e9\\ud83d\\ude00\" \"ä#{}\"");
  EXPECT_INT(next().text.length, 0);
  struct token token = next();
  EXPECT(slice_equal(token.text, SLICE("a\\\"\n\tb")));
  EXPECT(slice_equal(next().text, SLICE("\xc3\xa9\xf0\x9f\x98\x80")));
  EXPECT(slice_equal(next().text, SLICE("ä#{}")));
  EXPECT_INT(x.diags.count, 0);
  text_end(&x);
}

TEST(places_count_code_points_and_a_tab_is_one) {
  begin("\xef\xbb\xbf"
        "a\r\n\t\"äö\" b # c\n\n  d");
  struct token token = next();
  EXPECT_INT(token.span.line, 1);
  EXPECT_INT(token.span.column, 1);
  EXPECT_INT(token.span.length, 1);
  token = next();
  EXPECT_INT(token.span.line, 2);
  EXPECT_INT(token.span.column, 2);
  EXPECT_INT(token.span.length, 4);
  EXPECT(token.first_on_line);
  token = next();
  EXPECT_INT(token.span.column, 7);
  EXPECT(!token.first_on_line);
  token = next();
  EXPECT_INT(token.span.line, 4);
  EXPECT_INT(token.span.column, 3);
  EXPECT_INT(token.number, 3);
  EXPECT(lexer.first != NULL && lexer.first->behind_token && lexer.first->next_token == 3);
  EXPECT(slice_equal(lexer.first->comment->text, SLICE("c")));
  text_end(&x);
}

#define EXPECT_SAID(text, errors)                                                                                      \
  do {                                                                                                                 \
    kinds(text);                                                                                                       \
    EXPECT_TEXT(text_errors(&x), (errors));                                                                            \
    text_end(&x);                                                                                                      \
  } while (0)

TEST(wrong_strings) {
  EXPECT_SAID("\"abc\n\"d\"", "a.weir:1:1: error: the string has no closing `\"`\n"
                              "    1 | \"abc\n"
                              "      | ^^^^ a string ends on its line: put `\"` behind it\n");
  EXPECT_SAID("\"a\\qb\" \"\\ud800\" \"\\u0000\"",
              "a.weir:1:1: error: bad escape in the string\n"
              "    1 | \"a\\qb\" \"\\ud800\" \"\\u0000\"\n"
              "      | ^^^^^^ the escapes are \\\\ \\\" \\n \\t \\uXXXX\n"
              "a.weir:1:8: error: bad escape in the string\n"
              "    1 | \"a\\qb\" \"\\ud800\" \"\\u0000\"\n"
              "      |        ^^^^^^^^ the escapes are \\\\ \\\" \\n \\t \\uXXXX\n"
              "a.weir:1:17: error: a string of a rule has no `\\u0000`\n"
              "    1 | \"a\\qb\" \"\\ud800\" \"\\u0000\"\n"
              "      |                 ^^^^^^^^ the escapes are \\\\ \\\" \\n \\t \\uXXXX\n");
  EXPECT_SAID("'abc' x", "a.weir:1:1: error: strings stand in double quotes\n"
                         "    1 | 'abc' x\n"
                         "      | ^^^^^ write \"abc\"\n");
  EXPECT_SAID("\"a\x01\"", "a.weir:1:1: error: control byte in the string\n"
                           "    1 | \"a?\"\n"
                           "      | ^^^^ write it as \\uXXXX\n");
}

TEST(wrong_numbers) {
  EXPECT_SAID("9223372036854775809",
              "a.weir:1:1: error: `9223372036854775809` is too large\n"
              "    1 | 9223372036854775809\n"
              "      | ^^^^^^^^^^^^^^^^^^^ an int has 64 bits: at most 9223372036854775807; as a float it "
              "is `9.223372036854776e18`\n");
  EXPECT_SAID(
      "1.1234567890123456789",
      "a.weir:1:1: error: `1.1234567890123456789` has too many digits\n"
      "    1 | 1.1234567890123456789\n"
      "      | ^^^^^^^^^^^^^^^^^^^^^ a decimal has at most 18 digits; as a float it is `1.1234567890123457e0`\n");
  EXPECT_SAID("1e999", "a.weir:1:1: error: `1e999` is out of a float's range\n    1 | 1e999\n      | ^^^^^\n");
  EXPECT_SAID("1_", "a.weir:1:1: error: `1_` is no number\n    1 | 1_\n      | ^^ `_` stands between digits\n");
  EXPECT_SAID("30min", "a.weir:1:1: error: `30min` is neither a number nor a duration\n"
                       "    1 | 30min\n"
                       "      | ^^^^^ write `30m`\n");
  EXPECT_SAID("30xy", "a.weir:1:1: error: `30xy` is neither a number nor a duration\n"
                      "    1 | 30xy\n"
                      "      | ^^^^ the units are w, d, h, m, s, ms and us, falling: `30m`, `1h30m`\n");
  EXPECT_SAID("1.5h", "a.weir:1:1: error: `1.5h` is neither a number nor a duration\n"
                      "    1 | 1.5h\n"
                      "      | ^^^^ whole numbers only: `1h30m`, `500ms`\n");
  EXPECT_SAID("99999999w", "a.weir:1:1: error: `99999999w` is too long a duration\n    1 | 99999999w\n      | "
                           "^^^^^^^^^ at most 3650000d, ten thousand years\n");
  EXPECT_SAID("10.0.0.1/8",
              "a.weir:1:1: error: `10.0.0.1/8` is no network: host bits are set behind the prefix of the network\n"
              "    1 | 10.0.0.1/8\n"
              "      | ^^^^^^^^^^ did you mean `10.0.0.0/8`?\n");
  EXPECT_SAID("@2026-02-30T00:00:00Z",
              "a.weir:1:1: error: `@2026-02-30T00:00:00Z` is no time: no such day in that month\n"
              "    1 | @2026-02-30T00:00:00Z\n"
              "      | ^^^^^^^^^^^^^^^^^^^^^ write it as `@2026-11-21T10:00:00Z`\n");
}

TEST(what_other_languages_write) {
  EXPECT_KINDS("a && b || !c", "a name and (bad) a name or (bad) not (bad) a name");
  EXPECT_KINDS("a <> b => c =< d", "a name != (bad) a name >= (bad) a name <= (bad) a name");
  EXPECT_KINDS("a AND b", "a name and (bad) a name");
  EXPECT_SAID("Rule",
              "a.weir:1:1: error: `Rule`: names and words are lower case\n    1 | Rule\n      | ^^^^ write `rule`\n");
  EXPECT_SAID("a; b", "a.weir:1:2: error: unexpected character `;`\n"
                      "    1 | a; b\n"
                      "      |  ^ nothing stands between clauses: leave it out\n");
  EXPECT_SAID("a // b", "a.weir:1:3: error: comments begin with `#`\n    1 | a // b\n      |   ^ write `# …`\n");
  EXPECT_SAID("\xe2\x80\x9cx\xe2\x80\x9c", "a.weir:1:1: error: strings stand in straight double quotes\n"
                                           "    1 | \xe2\x80\x9cx\xe2\x80\x9c\n"
                                           "      | ^^^ write \"x\"\n");
  EXPECT_SAID("\xe2\x80\x9cx", "a.weir:1:1: error: unexpected character `\xe2\x80\x9c`\n"
                               "    1 | \xe2\x80\x9cx\n"
                               "      | ^ strings stand in straight double quotes: \"text\"\n");
  EXPECT_SAID("2026-01-05t10:00:00z 2026-01-05", "a.weir:1:1: error: a time begins with `@`\n"
                                                 "    1 | 2026-01-05t10:00:00z 2026-01-05\n"
                                                 "      | ^^^^^^^^^^^^^^^^^^^^ write `@2026-01-05t10:00:00z`\n");
}

TEST(a_run_of_stray_bytes_is_one_error) {
  EXPECT_SAID("a\x01\x01\x01 b", "a.weir:1:2: error: unexpected byte 0x01\n    1 | a??? b\n      |  ^^^\n");
  EXPECT_SAID("# a\x02", "a.weir:1:4: error: control byte 0x02 in the comment\n    1 | # a?\n      |    ^\n");
}

TEST(text_that_is_not_utf8_is_refused_with_the_byte) {
  static const char *const bad[] = {"ab\n \xff", "ab\n \xc3", "ab\n \xc0\x80", "ab\n \xed\xa0\x80"};
  static const unsigned bytes[] = {0xff, 0xc3, 0xc0, 0xed};
  for (size_t i = 0; i < 4; i++) {
    text_parse(&x, bad[i]);
    EXPECT_INT(x.result, ERR_ABORT);
    EXPECT_INT(x.diags.count, 1);
    char expected[80];
    snprintf(expected, sizeof expected, "the file is not UTF-8 text: byte 0x%02x", bytes[i]);
    EXPECT_TEXT(x.diags.items[0].text, expected);
    EXPECT_INT(x.diags.items[0].span.line, 2);
    EXPECT_INT(x.diags.items[0].span.column, 2);
    text_end(&x);
  }
}

TEST(names) {
  EXPECT(lex_is_name(SLICE("a")) && lex_is_name(SLICE("_1")) && lex_is_name(SLICE("counts")));
  EXPECT(!lex_is_name(SLICE("")) && !lex_is_name(SLICE("1a")) && !lex_is_name(SLICE("A")) &&
         !lex_is_name(SLICE("a-b")));
  EXPECT(!lex_is_name(SLICE("within")) && !lex_is_name(SLICE("in")) && !lex_is_name(SLICE("a b")));
}

/* Any single byte, and any pair, alone and inside text: a place for each error, an end for each text. */
TEST(all_pairs_of_bytes) {
  for (unsigned pair = 0; pair < 1u << 16; pair++) {
    char text[8] = {'x', ' ', (char)(pair >> 8), (char)(pair & 255), ' ', 'y', 0};
    text_begin(&x);
    if (lex_init(&lexer, &x.arena, &x.diags, 0, (struct slice){text, 6})) {
      unsigned count = 0;
      while (next().kind != TOKEN_END) count++;
      EXPECT(count >= 1 && count <= 6);
      EXPECT_INT(lexer.at - text, 6);
    } else {
      EXPECT_INT(x.diags.error_count, 1);
    }
    text_end(&x);
  }
}

TEST_MAIN
