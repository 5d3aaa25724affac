/* floors: base */
/* decode_json.c - the JSON reader: what it takes and what it refuses (RFC 8259), the exactness of values, the choice of
 * the type, and that the memory of member order never changes a result. */
#include "base/decode.h"

#include "tests/test.h"
#include "tests/unit/decode_fields.h"

static struct test_decoder ctx;

/* One type `e`, taken whatever the record says. */
static void start(const char *const *fields) {
  test_start(&ctx);
  test_schema(&ctx, "e", fields);
  ctx.plan.fixed_type = 0;
  ctx.decoder = decoder_json_new(ctx.mem, &ctx.plan);
}

TEST(values_of_every_type) {
  start(FIELDS("b bool", "i int", "f float", "d decimal(2)", "s string", "t time", "l duration", "a ip", "x [int]"));
  EXPECT_TEXT(
      TEXT("{\"b\":true,\"i\":-7,\"f\":1e2,\"d\":12.5,\"s\":\"text\",\"t\":\"2026-11-21T10:00:00Z\",\"l\":\"1h30m\","
           "\"a\":\"10.0.0.1\",\"x\":[1,2,3]}"),
      "[true,-7,100,12.50,\"text\",\"2026-11-21T10:00:00Z\",5400000000,\"10.0.0.1\",[1,2,3]]");
  EXPECT_TEXT(TEXT("{}"), "[null,null,null,null,null,null,null,null,null]");
  EXPECT_TEXT(
      TEXT("{\"b\":null,\"i\":null,\"f\":null,\"d\":null,\"s\":null,\"t\":null,\"l\":null,\"a\":null,\"x\":null}"),
      "[null,null,null,null,null,null,null,null,null]");
  EXPECT_TEXT(TEXT(" {\t\"b\" :\r false ,\n\"zz\":[ ] , \"i\" : 1 } \r"),
              "[false,1,null,null,null,null,null,null,null]");
  test_end(&ctx);
}

TEST(records_that_are_none) {
  start(FIELDS("a int"));
  EXPECT_TEXT(TEXT(""), "blank");
  EXPECT_TEXT(TEXT(" \t\r"), "blank");
  EXPECT_TEXT(TEXT("[1]"), "bad_json: expected an object, not a list of them, at byte 1");
  EXPECT_TEXT(TEXT("5"), "bad_json: expected `{` at byte 1");
  EXPECT_TEXT(TEXT("  \"}\""), "bad_json: expected `{` at byte 3");
  EXPECT_TEXT(TEXT("}"), "bad_json: expected `{` at byte 1");
  EXPECT_TEXT(TEXT("\xEF\xBB\xBF{}"), "bad_json: expected `{` at byte 1");
  EXPECT_TEXT(TEXT("{} {}"), "bad_json: expected nothing behind the object at byte 4");
  EXPECT_TEXT(TEXT("{}}"), "bad_json: expected nothing behind the object at byte 3");
  EXPECT_TEXT(TEXT("{\"a\":1}x}"), "bad_json: expected nothing behind the object at byte 8");
  test_end(&ctx);
}

TEST(places_of_errors) {
  start(FIELDS("a int", "s string", "n int from o.n"));
  EXPECT_TEXT(TEXT("{\"a\":1 \"b\":2}"), "bad_json: expected `,` or `}` at byte 8");
  EXPECT_TEXT(TEXT("{\"a\":12"), "bad_json: expected `,` or `}` at byte 8, where the record ends");
  EXPECT_TEXT(TEXT("{\"z\":12  "), "bad_json: expected `,` or `}` at byte 8, where the record ends");
  EXPECT_TEXT(TEXT("{"), "bad_json: expected a name in quotes at byte 2, where the record ends");
  EXPECT_TEXT(TEXT("{\"a"), "bad_json: expected `\"` at byte 4, where the record ends");
  EXPECT_TEXT(TEXT("{\"a\"}"), "bad_json: expected `:` at byte 5");
  EXPECT_TEXT(TEXT("{\"a\":}"), "bad_json: expected a value at byte 6");
  EXPECT_TEXT(TEXT("{\"a\":1,}"), "bad_json: expected a name in quotes at byte 8");
  EXPECT_TEXT(TEXT("{,}"), "bad_json: expected a name in quotes at byte 2");
  EXPECT_TEXT(TEXT("{a:1}"), "bad_json: expected a name in quotes at byte 2");
  EXPECT_TEXT(TEXT("{\"s\":\"x}"), "bad_json: expected `\"` at byte 9, where the record ends");
  EXPECT_TEXT(TEXT("{\"z\":[1,2}"), "bad_json: expected `,` or `]` at byte 10");
  EXPECT_TEXT(TEXT("{\"z\":{\"y\":1]}"), "bad_json: expected `,` or `}` at byte 12");
  EXPECT_TEXT(TEXT("{\"z\":[{\"y\":1}"), "bad_json: expected more at byte 14, where the record ends");
  EXPECT_TEXT(TEXT("{\"o\":{\"n\":1}"), "bad_json: expected `,` or `}` at byte 13, where the record ends");
  EXPECT_TEXT(TEXT("{\"z\":[1,]}"), "bad_json: expected a value at byte 9");
  EXPECT_TEXT(TEXT("{\"z\":[,1]}"), "bad_json: expected a value at byte 7");
  EXPECT_TEXT(TEXT("{\"s\":\"a\tb\"}"), "bad_json: a control character in a string at byte 8");
  EXPECT_TEXT(TEXT("{\"z\":\"a\\x\"}"), "bad_json: an escape that JSON does not have at byte 8");
  EXPECT_TEXT(TEXT("{\"z\":\"\\u12g4\"}"), "bad_json: expected four hex digits after `\\u` at byte 7");
  EXPECT_TEXT(TEXT("{\"z\":\"caf\xE9\"}"), "bad_utf8: not UTF-8 at byte 10");
  test_end(&ctx);
}

/* Judged the same whether the member is wanted or passed over, seen for the first time or remembered. */
static void judge(const char *value, bool fine) {
  static const char *const shapes[] = {"{\"z\":%s}",         "{\"w\":%s}",         "{\"z\":[%s]}",
                                       "{\"z\":{\"w\":%s}}", "{\"o\":{\"n\":%s}}", "{\"w\":%s ,\"s\":\"\"}",
                                       "{\"z\":[0, %s\t]}"};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    for (int round = 0; round < 2; round++) {
      char record[400];
      int length = snprintf(record, sizeof record, shapes[i], value);
      const struct decoded *out = test_decode(&ctx, (struct slice){record, (size_t)length});
      if ((out->code == DECODE_OK) != fine) printf("%s: %s %s\n", record, decode_code_name(out->code), out->detail);
      EXPECT((out->code == DECODE_OK) == fine);
    }
  }
}

TEST(numbers_by_the_grammar) {
  static const char *const good[] = {"0",
                                     "-0",
                                     "5",
                                     "-5",
                                     "10",
                                     "1234567890123456",
                                     "123456789012345",
                                     "12345678901234.5",
                                     "123456789012345.5",
                                     "1234567890123456.5",
                                     "0.5",
                                     "-0.25",
                                     "1.0000000000000000000000001",
                                     "1e5",
                                     "1E5",
                                     "1e+5",
                                     "1e-5",
                                     "1.5e300",
                                     "0e0",
                                     "123456789012345e1",
                                     "1e400",
                                     "12345678901234567890123456789012345678901234567890"};
  static const char *const bad[] = {"01",
                                    "-01",
                                    "00",
                                    "-",
                                    "+1",
                                    ".5",
                                    "1.",
                                    "1.e5",
                                    "1e",
                                    "1e+",
                                    "1E-",
                                    "--1",
                                    "0x10",
                                    "1_000",
                                    "1.2.3",
                                    "1e5.0",
                                    "1e5e5",
                                    "Infinity",
                                    "-Infinity",
                                    "NaN",
                                    "-NaN",
                                    "123456789012345.",
                                    "1234567890123456.",
                                    "123456789012345e",
                                    "0123456789012345678",
                                    "1 2",
                                    "- 1"};
  start(FIELDS("w string", "s string", "n int from o.n"));
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) judge(good[i], true);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) judge(bad[i], false);
  test_end(&ctx);
  start(FIELDS("w int", "s string", "n decimal(2) from o.n"));
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) judge(good[i], true);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) judge(bad[i], false);
  test_end(&ctx);
}

TEST(literals_and_strings_by_the_grammar) {
  static const char *const good[] = {"true",
                                     "false",
                                     "null",
                                     "\"\"",
                                     "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                     "\"\\u0000\"",
                                     "\"\\uD83D\\uDE00\"",
                                     "\"\x7F\"",
                                     "\"a string that is a good deal longer than one step of the scanner\"",
                                     "\"0123456789abcde\\\"\"",
                                     "\"0123456789abcdef\"",
                                     "\"\xC3\xBC and more \xE2\x82\xAC\"",
                                     "[]",
                                     "{}",
                                     "[[],{}]",
                                     "{\"\":\"\"}"};
  static const char *const bad[] = {"True",
                                    "tru",
                                    "nul",
                                    "falsee",
                                    "nulll",
                                    "'a'",
                                    "\"\\a\"",
                                    "\"\\u12\"",
                                    "\"\\u123\"",
                                    "\"\\U0041\"",
                                    "\"\\uD83D\"",
                                    "\"\\uDE00\"",
                                    "\"\\uD83D\\uD83D\"",
                                    "\"\\uD83Dx\"",
                                    "\"\\uD83D\\n\"",
                                    "\"\n\"",
                                    "\"\x1F\"",
                                    "\"\x01 0123456789abcdef\"",
                                    "\"\x80\"",
                                    "\"\xC0\x80\"",
                                    "\"\xED\xA0\x80\"",
                                    "\"\xF5\x80\x80\x80\"",
                                    "\"\xC3\"",
                                    "[1 2]",
                                    "[1,]",
                                    "{\"a\"}",
                                    "{\"a\":1,}",
                                    "{1:1}",
                                    "[}",
                                    "/**/1"};
  start(FIELDS("w int", "s string", "n int from o.n"));
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) judge(good[i], true);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) judge(bad[i], false);
  test_end(&ctx);
  start(FIELDS("w string", "s string", "n time from o.n"));
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) judge(good[i], true);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) judge(bad[i], false);
  test_end(&ctx);
}

TEST(lone_surrogates_are_bad_utf8) {
  start(FIELDS("s string"));
  EXPECT_TEXT(TEXT("{\"s\":\"\\ud83d\"}"), "bad_utf8: a lone surrogate at byte 7");
  EXPECT_TEXT(TEXT("{\"z\":\"\\udc00\"}"), "bad_utf8: a lone surrogate at byte 7");
  EXPECT_TEXT(TEXT("{\"\\ud83d\":1}"), "bad_utf8: a lone surrogate at byte 3");
  EXPECT_TEXT(TEXT("{\"s\":\"\\ud83d\\ude00\"}"), "[\"\xF0\x9F\x98\x80\"]");
  test_end(&ctx);
}

TEST(escapes) {
  start(FIELDS("s string", "amount int", "x [string]"));
  EXPECT_TEXT(TEXT("{\"s\":\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\t\\u0041\\u00fc\\u20AC\"}"),
              "[\"a\\\"b\\\\c/d\\b\\f\\n\\r\\tA\xC3\xBC\xE2\x82\xAC\",null,null]");
  EXPECT_TEXT(TEXT("{\"am\\u006funt\":5}"), "[null,5,null]");
  EXPECT_TEXT(TEXT("{\"am\\u006funt\":6}"), "[null,6,null]");
  EXPECT_TEXT(TEXT("{\"amount\":7}"), "[null,7,null]");
  EXPECT_TEXT(TEXT("{\"x\":[\"a\",\"\\u0062\",\"\\\\\"]}"), "[null,null,[\"a\",\"b\",\"\\\\\"]]");
  const struct decoded *out = test_decode(&ctx, SLICE("{\"s\":\"a\\u0000b\"}"));
  EXPECT_INT(out->values[0].length, 3);
  EXPECT(memcmp(out->values[0].s, "a\0b", 3) == 0);
  out = test_decode(&ctx, SLICE("{\"s\":\"plain\"}"));
  EXPECT(out->values[0].s == ctx.record + 6); /* borrowed, not copied */
  test_end(&ctx);
}

TEST(depth) {
  start(FIELDS("a int", "n int from o.p.q"));
  char record[400];
  for (int levels = 62; levels <= 65; levels++) { /* of arrays in the record */
    char *at = record;
    at += snprintf(at, 20, "{\"z\":");
    memset(at, '[', (size_t)levels), at += levels;
    memset(at, ']', (size_t)levels), at += levels;
    *at++ = '}';
    const struct decoded *out = test_decode(&ctx, (struct slice){record, (size_t)(at - record)});
    EXPECT_INT(out->code, levels <= 63 ? DECODE_OK : DECODE_TOO_DEEP);
  }
  EXPECT_TEXT(ctx.out.detail, "more than 64 levels at byte 69");
  for (int levels = 60; levels <= 62; levels++) { /* under a path that is looked into */
    char *at = record;
    at += snprintf(at, 30, "{\"o\":{\"p\":{\"r\":");
    memset(at, '[', (size_t)levels), at += levels;
    memset(at, ']', (size_t)levels), at += levels;
    memcpy(at, "}}}", 3), at += 3;
    const struct decoded *out = test_decode(&ctx, (struct slice){record, (size_t)(at - record)});
    EXPECT_INT(out->code, levels <= 61 ? DECODE_OK : DECODE_TOO_DEEP);
  }
  test_end(&ctx);
}

TEST(length) {
  start(FIELDS("s string"));
  size_t room = RECORD_BYTES_MAX + 1;
  char *record = malloc(room);
  memset(record, 'x', room);
  memcpy(record, "{\"s\":\"", 6);
  memcpy(record + RECORD_BYTES_MAX - 2, "\"}", 2);
  const struct decoded *out = test_decode(&ctx, (struct slice){record, RECORD_BYTES_MAX});
  EXPECT_INT(out->code, DECODE_OK);
  EXPECT_INT(out->values[0].length, RECORD_BYTES_MAX - 8);
  out = test_decode(&ctx, (struct slice){record, RECORD_BYTES_MAX + 1});
  EXPECT_INT(out->code, DECODE_TOO_LONG);
  EXPECT_TEXT(out->detail, "longer than 1048576 bytes");
  free(record);
  test_end(&ctx);
}

TEST(ints_are_exact) {
  start(FIELDS("i int"));
  EXPECT_TEXT(TEXT("{\"i\":9223372036854775807}"), "[9223372036854775807]");
  EXPECT_TEXT(TEXT("{\"i\":-9223372036854775808}"), "[-9223372036854775808]");
  EXPECT_TEXT(TEXT("{\"i\":9223372036854775808}"), "[null] bad i: out of range");
  EXPECT_TEXT(TEXT("{\"i\":-9223372036854775809}"), "[null] bad i: out of range");
  EXPECT_TEXT(TEXT("{\"i\":999999999999999}"), "[999999999999999]");
  EXPECT_TEXT(TEXT("{\"i\":-1000000000000000}"), "[-1000000000000000]");
  EXPECT_TEXT(TEXT("{\"i\":12345678}"), "[12345678]");
  EXPECT_TEXT(TEXT("{\"i\":123456789}"), "[123456789]");
  EXPECT_TEXT(TEXT("{\"i\":-0}"), "[0]");
  EXPECT_TEXT(TEXT("{\"i\":5.0}"), "[null] bad i: expected an int");
  EXPECT_TEXT(TEXT("{\"i\":1e2}"), "[null] bad i: expected an int");
  EXPECT_TEXT(TEXT("{\"i\":1E2}"), "[null] bad i: expected an int");
  EXPECT_TEXT(TEXT("{\"i\":\"5\"}"), "[null] bad i: expected an int");
  EXPECT_TEXT(TEXT("{\"i\":true}"), "[null] bad i: expected an int");
  EXPECT_TEXT(TEXT("{\"i\":[5]}"), "[null] bad i: expected an int");
  EXPECT_TEXT(TEXT("{\"i\":{\"i\":5}}"), "[null] bad i: expected an int");
  test_end(&ctx);
}

TEST(decimals_are_exact) {
  start(FIELDS("d decimal(2)", "r decimal(2) half_even", "w decimal(18)"));
  EXPECT_TEXT(TEXT("{\"d\":0.1}"), "[0.10,null,null]");
  EXPECT_TEXT(TEXT("{\"d\":-12.34}"), "[-12.34,null,null]");
  EXPECT_TEXT(TEXT("{\"d\":-0.00}"), "[0.00,null,null]");
  EXPECT_TEXT(TEXT("{\"d\":1.5000}"), "[1.50,null,null]");
  EXPECT_TEXT(TEXT("{\"d\":1.23e1}"), "[12.30,null,null]");
  EXPECT_TEXT(TEXT("{\"d\":123E-2}"), "[1.23,null,null]");
  EXPECT_TEXT(TEXT("{\"d\":12345678}"), "[12345678.00,null,null]");
  EXPECT_TEXT(TEXT("{\"d\":123456789.01}"), "[123456789.01,null,null]");
  EXPECT_TEXT(TEXT("{\"d\":92233720368547758.07}"), "[92233720368547758.07,null,null]");
  EXPECT_TEXT(TEXT("{\"d\":92233720368547758.08}"), "[null,null,null] bad d: out of range");
  EXPECT_TEXT(TEXT("{\"d\":1.005}"), "[null,null,null] bad d: more digits after the point than declared");
  EXPECT_TEXT(TEXT("{\"d\":\"1.00\"}"), "[null,null,null] bad d: expected a number");
  EXPECT_TEXT(TEXT("{\"r\":1.005}"), "[null,1.00,null]");
  EXPECT_TEXT(TEXT("{\"r\":1.015}"), "[null,1.02,null]");
  EXPECT_TEXT(TEXT("{\"r\":1.0050000001}"), "[null,1.01,null]");
  EXPECT_TEXT(TEXT("{\"r\":-2.675}"), "[null,-2.68,null]");
  EXPECT_TEXT(TEXT("{\"w\":1.000000000000000001}"), "[null,null,1.000000000000000001]");
  EXPECT_TEXT(TEXT("{\"w\":9}"), "[null,null,9.000000000000000000]");
  EXPECT_TEXT(TEXT("{\"w\":10}"), "[null,null,null] bad w: out of range");
  EXPECT_TEXT(TEXT("{\"d\":1e999999999999}"), "[null,null,null] bad d: out of range");
  EXPECT_TEXT(TEXT("{\"d\":0e999999999999}"), "[0.00,null,null]");
  test_end(&ctx);
}

TEST(floats_are_rounded_once) {
  start(FIELDS("f float"));
  EXPECT_TEXT(TEXT("{\"f\":0.1}"), "[0.1]");
  EXPECT_TEXT(TEXT("{\"f\":9007199254740993}"), "[9007199254740992]");
  EXPECT_TEXT(TEXT("{\"f\":9007199254740993.00000000000000000001}"), "[9007199254740994]");
  EXPECT_TEXT(TEXT("{\"f\":-0.0}"), "[0]");
  EXPECT_TEXT(TEXT("{\"f\":1e308}"), "[1e+308]");
  EXPECT_TEXT(TEXT("{\"f\":1e309}"), "[null] bad f: out of range");
  EXPECT_TEXT(TEXT("{\"f\":1e-400}"), "[0]");
  EXPECT_TEXT(TEXT("{\"f\":\"1\"}"), "[null] bad f: expected a number");
  test_end(&ctx);
}

TEST(times) {
  start(FIELDS("t time", "s time(s)", "m time(ms)", "u time(us)"));
  EXPECT_TEXT(TEXT("{\"t\":\"2026-11-21T10:00:00Z\"}"), "[\"2026-11-21T10:00:00Z\",null,null,null]");
  EXPECT_TEXT(TEXT("{\"t\":\"2026-11-21T10:00:00.123456Z\"}"), "[\"2026-11-21T10:00:00.123456Z\",null,null,null]");
  EXPECT_TEXT(TEXT("{\"t\":\"2026-11-21T23:59:59.5Z\"}"), "[\"2026-11-21T23:59:59.5Z\",null,null,null]");
  EXPECT_TEXT(TEXT("{\"t\":\"2026-11-21T10:00:00+01:30\"}"), "[\"2026-11-21T08:30:00Z\",null,null,null]");
  EXPECT_TEXT(TEXT("{\"t\":\"0001-01-01T00:00:00Z\"}"), "[\"0001-01-01T00:00:00Z\",null,null,null]");
  EXPECT_TEXT(TEXT("{\"t\":\"9999-12-31T23:59:59.999999Z\"}"), "[\"9999-12-31T23:59:59.999999Z\",null,null,null]");
  EXPECT_TEXT(TEXT("{\"s\":1,\"m\":1,\"u\":1}"),
              "[null,\"1970-01-01T00:00:01Z\",\"1970-01-01T00:00:00.001Z\",\"1970-01-01T00:00:00.000001Z\"]");
  EXPECT_TEXT(TEXT("{\"s\":1700000000.25,\"m\":1.7e12,\"u\":-1}"),
              "[null,\"2023-11-14T22:13:20.25Z\",\"2023-11-14T22:13:20Z\",\"1969-12-31T23:59:59.999999Z\"]");
  EXPECT_TEXT(TEXT("{\"s\":0.0000001}"), "[null,null,null,null] bad s: a time finer than microseconds");
  EXPECT_TEXT(TEXT("{\"s\":253402300800}"), "[null,null,null,null] bad s: a time outside the years 1 to 9999");
  EXPECT_TEXT(TEXT("{\"s\":99999999999999999999}"), "[null,null,null,null] bad s: a time outside the years 1 to 9999");
  EXPECT_TEXT(TEXT("{\"t\":1700000000}"), "[null,null,null,null] bad t: expected a time as \"2026-11-21T10:00:00Z\"");
  EXPECT_TEXT(TEXT("{\"m\":\"2026-11-21T10:00:00Z\"}"),
              "[null,null,null,null] bad m: expected a time as a number of milliseconds");
  static const char *const bad[] = {"2026-11-21T10:00:00",
                                    "2026-11-21",
                                    "2026-02-29T10:00:00Z",
                                    "2026-11-21T24:00:00Z",
                                    "2026-11-21T10:60:00Z",
                                    "2026-11-21T10:00:00.Z",
                                    "2026-11-21T10:00:00.1234567Z",
                                    "2026-11-21T10:00:00ZZ",
                                    "2026-11-21T10-00-00Z",
                                    "2026-11-21T1\\u0030:00:0xZ",
                                    "0000-12-31T23:59:59Z",
                                    "",
                                    "now",
                                    "2026-11-21T10:00:0:Z",
                                    "2026-11-21T1::00:00Z"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char record[100];
    int length = snprintf(record, sizeof record, "{\"t\":\"%s\"}", bad[i]);
    const struct decoded *out = test_decode(&ctx, (struct slice){record, (size_t)length});
    if (out->bad_count != 1) printf("%s\n", record);
    EXPECT_INT(out->bad_count, 1);
  }
  test_end(&ctx);
}

TEST(times_of_many_days) { /* the remembered days never give a wrong one */
  start(FIELDS("t time"));
  int wrong = 0;
  for (int i = 0; i < 4000; i++) {
    struct buf text;
    buf_init(&text, ctx.mem);
    int64_t us = (int64_t)(i * 7919 % 4000 - 2000) * 86400000000 * 13 + (int64_t)i * 12345678;
    buf_str(&text, "{\"t\":");
    value_json(&text, value_time(us));
    buf_str(&text, "}");
    const struct decoded *out = test_decode(&ctx, buf_view(&text));
    wrong += out->code != DECODE_OK || out->values[0].kind != VALUE_TIME || out->values[0].i != us;
    buf_free(&text);
  }
  EXPECT_INT(wrong, 0);
  test_end(&ctx);
}

TEST(durations_and_addresses) {
  start(FIELDS("l duration", "a ip"));
  EXPECT_TEXT(TEXT("{\"l\":1500,\"a\":\"2001:db8::1\"}"), "[1500,\"2001:db8::1\"]");
  EXPECT_TEXT(TEXT("{\"l\":\"5m\",\"a\":\"::ffff:1.2.3.4\"}"), "[300000000,\"::ffff:1.2.3.4\"]");
  const struct decoded *out = test_decode(&ctx, SLICE("{\"l\":\"5 minutes\",\"a\":\"10.0.0.256\"}"));
  EXPECT_INT(out->bad_count, 2);
  out = test_decode(&ctx, SLICE("{\"l\":1.5,\"a\":167772161}"));
  EXPECT_INT(out->bad_count, 2);
  EXPECT_TEXT(out->bad[1].reason, "expected an ip address");
  test_end(&ctx);
}

TEST(strings_and_bools_of_another_type) {
  start(FIELDS("s string", "b bool"));
  EXPECT_TEXT(TEXT("{\"s\":5,\"b\":1}"), "[null,null] bad s: expected a string bad b: expected true or false");
  EXPECT_TEXT(TEXT("{\"s\":true,\"b\":\"true\"}"),
              "[null,null] bad s: expected a string bad b: expected true or false");
  EXPECT_TEXT(TEXT("{\"s\":[],\"b\":{}}"), "[null,null] bad s: expected a string bad b: expected true or false");
  test_end(&ctx);
}

TEST(lists) {
  start(FIELDS("x [int]", "s [string]", "d [decimal(2)]", "a [ip]", "m [time(ms)]"));
  EXPECT_TEXT(TEXT("{\"x\":[],\"s\":[\"a\", \"b\"],\"d\":[1,2.5],\"a\":[\"::1\",\"1.2.3.4\"],\"m\":[0]}"),
              "[[],[\"a\",\"b\"],[1.00,2.50],[\"::1\",\"1.2.3.4\"],[\"1970-01-01T00:00:00Z\"]]");
  EXPECT_TEXT(TEXT("{\"x\":[1,\"2\"]}"), "[null,null,null,null,null] bad x: a bad element in the list");
  EXPECT_TEXT(TEXT("{\"x\":[1,null]}"), "[null,null,null,null,null] bad x: a bad element in the list");
  EXPECT_TEXT(TEXT("{\"x\":[1,[2]]}"), "[null,null,null,null,null] bad x: a bad element in the list");
  EXPECT_TEXT(TEXT("{\"x\":[1,{}]}"), "[null,null,null,null,null] bad x: a bad element in the list");
  EXPECT_TEXT(TEXT("{\"x\":5}"), "[null,null,null,null,null] bad x: expected a list");
  for (int count = 63; count <= 65; count++) {
    char record[300], *at = record + snprintf(record, 20, "{\"x\":[0");
    for (int i = 1; i < count; i++) at += snprintf(at, 10, " ,%d", i % 10);
    at += snprintf(at, 10, " ]}");
    const struct decoded *out = test_decode(&ctx, (struct slice){record, (size_t)(at - record)});
    EXPECT_INT(out->bad_count, count > 64);
    EXPECT_INT(out->values[0].length, count > 64 ? 0 : count);
  }
  EXPECT_TEXT(ctx.out.bad[0].reason, "a list of more than 64 elements");
  test_end(&ctx);
}

TEST(nested_paths) {
  start(FIELDS("country string from merchant.country", "city string from merchant.address.city",
               "m string from merchant", "id int"));
  EXPECT_TEXT(TEXT("{\"merchant\":{\"country\":\"DE\",\"x\":[1],\"address\":{\"zip\":1,\"city\":\"Ulm\"}},\"id\":1}"),
              "[\"DE\",\"Ulm\",null,1] bad m: expected a string");
  EXPECT_TEXT(TEXT("{\"id\":1,\"merchant\":\"shop\"}"), "[null,null,\"shop\",1]");
  EXPECT_TEXT(TEXT("{\"id\":1,\"merchant\":{}}"), "[null,null,null,1] bad m: expected a string");
  EXPECT_TEXT(TEXT("{\"id\":1,\"merchant\":null}"), "[null,null,null,1]");
  EXPECT_TEXT(TEXT("{\"id\":1,\"merchant\":[{\"country\":\"DE\"}]}"), "[null,null,null,1] bad m: expected a string");
  EXPECT_TEXT(TEXT("{\"merchant\":{ },\"country\":\"XX\",\"id\":2}"), "[null,null,null,2] bad m: expected a string");
  EXPECT_TEXT(TEXT("{\"merchant.country\":\"DE\",\"id\":2}"), "[null,null,null,2]");
  test_end(&ctx);
}

TEST(several_fields_from_one_member) {
  start(FIELDS("a int from x", "b string from x", "c decimal(2) from x"));
  EXPECT_TEXT(TEXT("{\"x\":5}"), "[5,null,5.00] bad b: expected a string");
  EXPECT_TEXT(TEXT("{\"x\":\"5\"}"), "[null,\"5\",null] bad a: expected an int bad c: expected a number");
  test_end(&ctx);
}

TEST(of_equal_names_the_last_wins) {
  start(FIELDS("a int", "n int from o.n", "k int from o.k"));
  EXPECT_TEXT(TEXT("{\"a\":1,\"a\":2}"), "[2,null,null]");
  EXPECT_TEXT(TEXT("{\"a\":1,\"a\":null}"), "[null,null,null]");
  EXPECT_TEXT(TEXT("{\"a\":1,\"a\":\"x\"}"), "[null,null,null] bad a: expected an int");
  EXPECT_TEXT(TEXT("{\"a\":\"x\",\"a\":3}"), "[3,null,null]");
  EXPECT_TEXT(TEXT("{\"a\":\"x\",\"a\":1.5}"), "[null,null,null] bad a: expected an int");
  EXPECT_TEXT(TEXT("{\"o\":{\"n\":1,\"k\":\"x\"},\"o\":{\"n\":2}}"), "[null,2,null]");
  EXPECT_TEXT(TEXT("{\"o\":{\"n\":1},\"o\":{\"k\":2}}"), "[null,null,2]");
  EXPECT_TEXT(TEXT("{\"o\":{\"n\":1},\"o\":7}"), "[null,null,null]");
  test_end(&ctx);
}

TEST(required_and_time) {
  start(FIELDS("at time time", "id string required", "n int required unused from x.n", "m int unused"));
  EXPECT_TEXT(TEXT("{\"at\":\"2026-11-21T10:00:00Z\",\"id\":\"a\",\"x\":{\"n\":1},\"m\":\"x\"}"),
              "[\"2026-11-21T10:00:00Z\",\"a\"]");
  EXPECT(ctx.out.time == 1795255200000000);
  EXPECT_TEXT(TEXT("{\"id\":\"a\",\"x\":{\"n\":1}}"), "no_time: `at`: the event time is missing or null");
  EXPECT_TEXT(TEXT("{\"at\":null,\"id\":\"a\",\"x\":{\"n\":1}}"), "no_time: `at`: the event time is missing or null");
  EXPECT_TEXT(TEXT("{\"at\":17,\"id\":\"a\",\"x\":{\"n\":1}}"),
              "bad_time: `at`: expected a time as \"2026-11-21T10:00:00Z\"");
  EXPECT_TEXT(TEXT("{\"at\":\"2026-11-21T10:00:00Z\",\"x\":{\"n\":1}}"),
              "bad_required: `id`: required, but missing or null");
  EXPECT_TEXT(TEXT("{\"at\":\"2026-11-21T10:00:00Z\",\"id\":5,\"x\":{\"n\":1}}"),
              "bad_required: `id`: expected a string");
  EXPECT_TEXT(TEXT("{\"at\":\"2026-11-21T10:00:00Z\",\"id\":\"a\",\"x\":{\"n\":1.5}}"),
              "bad_required: `n` (from \"x.n\"): expected an int");
  EXPECT_TEXT(TEXT("{\"at\":\"2026-11-21T10:00:00Z\",\"id\":\"a\"}"),
              "bad_required: `n` (from \"x.n\"): required, but missing or null");
  test_end(&ctx);
}

TEST(a_time_that_no_rule_reads) {
  start(FIELDS("at time(ms) time unused", "id int"));
  EXPECT_TEXT(TEXT("{\"at\":1000,\"id\":3}"), "[3]");
  EXPECT(ctx.out.time == 1000000);
  EXPECT_TEXT(TEXT("{\"at\":\"x\",\"id\":3}"), "bad_time: `at`: expected a time as a number of milliseconds");
  test_end(&ctx);
}

static void start_types(void) {
  test_start(&ctx);
  test_schema(&ctx, "login", FIELDS("user string", "ok bool"));
  struct schema *payment =
      test_schema(&ctx, "payment", FIELDS("amount int", "user string from who.user", "kind string from type"));
  payment->named = SLICE("auth.payment.v1");
  test_schema(&ctx, "zderived", FIELDS("user string"))->derived = true;
}

TEST(the_type_of_a_record) {
  start_types();
  ctx.decoder = decoder_json_new(ctx.mem, &ctx.plan);
  for (int round = 0; round < 3; round++) { /* the guess is the type of the record before */
    EXPECT_TEXT(TEXT("{\"type\":\"login\",\"user\":\"a\",\"ok\":true}"), "login [\"a\",true]");
    EXPECT_TEXT(TEXT("{\"amount\":1,\"who\":{\"user\":\"b\"},\"type\":\"payment\"}"), "payment [1,\"b\",\"payment\"]");
    EXPECT_TEXT(TEXT("{\"user\":\"a\",\"type\":\"login\",\"ok\":false}"), "login [\"a\",false]");
    EXPECT_TEXT(TEXT("{\"type\":\"auth.payment.v1\",\"amount\":2}"), "payment [2,null,\"auth.payment.v1\"]");
    EXPECT_TEXT(TEXT("{\"type\":\"auth.payment.v1\",\"amount\":\"x\"}"),
                "payment [null,null,\"auth.payment.v1\"] bad amount: expected an int");
    EXPECT_TEXT(TEXT("{\"ok\":5,\"user\":\"a\",\"type\":\"log\\u0069n\"}"),
                "login [\"a\",null] bad ok: expected true or false");
    EXPECT_TEXT(TEXT("{\"type\":\"other\",\"user\":5}"), "ignored");
    EXPECT_TEXT(TEXT("{\"type\":\"zderived\",\"user\":\"a\"}"), "ignored");
    EXPECT_TEXT(TEXT("{\"type\":\"\"}"), "ignored");
    EXPECT_TEXT(TEXT("{\"type\":\"other\",\"user\":}"), "bad_json: expected a value at byte 24");
    EXPECT_TEXT(TEXT("{\"user\":\"a\"}"),
                "bad_schema: no text in `type` says which of the declared event types this is");
    EXPECT_TEXT(TEXT("{\"type\":5}"), "bad_schema: no text in `type` says which of the declared event types this is");
    EXPECT_TEXT(TEXT("{\"type\":null}"),
                "bad_schema: no text in `type` says which of the declared event types this is");
    EXPECT_TEXT(TEXT("{\"type\":\"login\",\"type\":\"payment\",\"amount\":3}"), "payment [3,null,\"payment\"]");
    EXPECT_TEXT(TEXT("{\"type\":\"other\",\"amount\":4,\"type\":\"payment\"}"), "payment [4,null,\"payment\"]");
    EXPECT_TEXT(TEXT("{\"type\":\"payment\",\"amount\":4,\"type\":{}}"),
                "bad_schema: no text in `type` says which of the declared event types this is");
  }
  test_end(&ctx);
}

TEST(the_only_type) {
  start_types();
  ctx.plan.only_type = 1;
  ctx.decoder = decoder_json_new(ctx.mem, &ctx.plan);
  EXPECT_TEXT(TEXT("{\"amount\":1}"), "payment [1,null,null]");
  EXPECT_TEXT(TEXT("{\"amount\":1,\"type\":null}"), "payment [1,null,null]");
  EXPECT_TEXT(TEXT("{\"amount\":1,\"type\":7}"), "payment [1,null,null] bad kind: expected a string");
  EXPECT_TEXT(TEXT("{\"amount\":1,\"type\":\"payment\"}"), "payment [1,null,\"payment\"]");
  EXPECT_TEXT(TEXT("{\"amount\":1,\"type\":\"refund\"}"), "ignored");
  EXPECT_TEXT(TEXT("{\"type\":\"refund\",\"amount\":1,\"type\":null}"), "payment [1,null,null]");
  test_end(&ctx);
}

TEST(the_type_field_renamed) {
  start_types();
  ctx.plan.type_field = SLICE("meta.kind");
  ctx.decoder = decoder_json_new(ctx.mem, &ctx.plan);
  for (int round = 0; round < 2; round++) {
    EXPECT_TEXT(TEXT("{\"user\":\"a\",\"meta\":{\"kind\":\"login\",\"v\":1}}"), "login [\"a\",null]");
    EXPECT_TEXT(TEXT("{\"type\":\"x\",\"meta\":{\"kind\":\"payment\"},\"amount\":1}"), "payment [1,null,\"x\"]");
  }
  EXPECT_TEXT(TEXT("{\"type\":\"login\"}"),
              "bad_schema: no text in `meta.kind` says which of the declared event types this is");
  test_end(&ctx);
}

TEST(the_type_that_the_input_says) {
  start_types();
  ctx.plan.fixed_type = 0;
  ctx.decoder = decoder_json_new(ctx.mem, &ctx.plan);
  EXPECT_TEXT(TEXT("{\"user\":\"a\",\"type\":\"payment\"}"), "login [\"a\",null]");
  test_end(&ctx);
}

/* Members in any order, some left out, unknown ones in between: always the same values as without any memory. */
TEST(the_memory_of_order_changes_nothing) {
  static const char *const fields[] = {"a int",
                                       "b string",
                                       "c decimal(2)",
                                       "d int from o.d",
                                       "e [int]",
                                       "a_name_that_is_far_too_long_to_be_remembered_by_the_reader int",
                                       NULL};
  static const char *const members[] = {"\"a\":%d",
                                        "\"b\":\"%d\"",
                                        "\"c\": %d.5",
                                        "\"o\":{\"x\":1,\"d\":%d}",
                                        "\"e\":[%d]",
                                        "\"a_name_that_is_far_too_long_to_be_remembered_by_the_reader\":%d",
                                        "\"u1\":%d",
                                        "\"u2\":{\"a\":%d}",
                                        "\"u3\":\"%d\"",
                                        "\"aa\":%d",
                                        "\"u4\" : [%d,{\"b\":1}]"};
  enum { MEMBERS = sizeof members / sizeof *members, ROUNDS = 3000 };
  start(fields);
  uint64_t random = 42;
  int wrong = 0;
  for (int round = 0; round < ROUNDS; round++) {
    char record[2000], fresh[2000], *at = record;
    *at++ = '{';
    int order[MEMBERS];
    for (int i = 0; i < MEMBERS; i++) order[i] = i;
    for (int i = 0; i < MEMBERS; i++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      int other = (int)((random >> 33) % MEMBERS), keep = order[i];
      if (random >> 60 > 3) continue; /* mostly in order */
      order[i] = order[other];
      order[other] = keep;
    }
    for (int i = 0; i < MEMBERS; i++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      if (random >> 61 == 0) continue;
      if (at > record + 1) *at++ = ',';
      at += snprintf(at, 100, members[order[i]], (int)(random >> 40 & 0xFFFF));
    }
    *at++ = '}';
    struct slice text = {record, (size_t)(at - record)};
    snprintf(fresh, sizeof fresh, "%s", test_text(&ctx, text));
    struct decoder *used = ctx.decoder;
    ctx.decoder = decoder_json_new(ctx.mem, &ctx.plan);
    if (strcmp(fresh, test_text(&ctx, text)) != 0 && wrong++ == 0)
      printf("%.*s: %s\n", (int)text.length, record, fresh);
    ctx.decoder = used;
  }
  EXPECT_INT(wrong, 0);
  test_end(&ctx);
}

TEST(nothing_is_taken_but_from_the_arena) {
  start(FIELDS("a int", "s string", "x [string]", "n ip from o.n"));
  test_decode(&ctx, SLICE("{\"a\":1}"));
  struct arena arena;
  arena_init(&arena, ctx.mem, 1 << 16);
  arena_alloc(&arena, 8);
  uint64_t count = mem_count(ctx.mem);
  for (int i = 0; i < 100; i++) {
    static const char record[] = "{\"s\":\"a\\n\",\"x\":[\"b\",\"\\t\"],\"o\":{\"n\":\"::1\"},\"zz\":[1],\"a\":1.5}"
                                 "                                ";
    struct decoded out;
    decode_record(ctx.decoder, (struct slice){record, sizeof record - 1 - 32}, &arena, &out);
    EXPECT_INT(out.code, DECODE_OK);
    EXPECT_INT(out.bad_count, 1);
    arena_reset(&arena);
  }
  EXPECT_INT(mem_count(ctx.mem), count);
  test_end(&ctx);
}

TEST_MAIN
