/* floors: base */
/* decode_csv.c - CSV records: RFC 4180, the header, null and empty, types from text. */
#include "base/decode.h"

#include "tests/test.h"
#include "tests/unit/decode_fields.h"

static struct test_decoder ctx;
static struct err problem;

static int start(const char *header, const char *const *fields) {
  test_start(&ctx);
  test_schema(&ctx, "e", fields);
  ctx.plan.fixed_type = 0;
  ctx.decoder = decoder_csv_new(ctx.mem, &ctx.plan);
  return decoder_csv_header(ctx.decoder, slice_of(header), &problem);
}

TEST(cells_of_every_type) {
  EXPECT_INT(start("b,i,f,d,s,t,m,l,a,x", FIELDS("b bool", "i int", "f float", "d decimal(2)", "s string", "t time",
                                                 "m time(ms)", "l duration", "a ip", "x [int]")),
             0);
  EXPECT_TEXT(
      TEXT("true,-7,1e2,12.5,text,2026-11-21T10:00:00Z,1500,5m,10.0.0.1,\"[1, 2]\""),
      "[true,-7,100,12.50,\"text\",\"2026-11-21T10:00:00Z\",\"1970-01-01T00:00:01.5Z\",300000000,\"10.0.0.1\",[1,2]]");
  EXPECT_TEXT(TEXT("false,0,0,0,17,1970-01-01T00:00:00Z,0,1500,::1,[]"),
              "[false,0,0,0.00,\"17\",\"1970-01-01T00:00:00Z\",\"1970-01-01T00:00:00Z\",1500,\"::1\",[]]");
  EXPECT_TEXT(TEXT(",,,,,,,,,"), "[null,null,null,null,null,null,null,null,null,null]");
  test_decode(&ctx, SLICE("TRUE,5.0,0x1,1.234,\xC3\xBC,yesterday,2026-11-21T10:00:00Z,5,1.2.3,\"[1,\""));
  EXPECT_INT(ctx.out.code, DECODE_OK);
  EXPECT_INT(ctx.out.bad_count, 8); /* all but the string and the duration */
  EXPECT_TEXT(ctx.out.bad[0].reason, "expected true or false");
  EXPECT_TEXT(ctx.out.bad[1].reason, "expected an int");
  EXPECT_TEXT(ctx.out.bad[3].reason, "more digits after the point than declared");
  EXPECT_TEXT(
      TEXT("true, 7,01,+1,,,,,,"),
      "[true,null,null,null,null,null,null,null,null,null] bad i: expected an int bad f: expected a number bad d: "
      "expected a number");
  test_end(&ctx);
}

TEST(null_and_empty) {
  EXPECT_INT(start("a,b", FIELDS("a string", "b string")), 0);
  EXPECT_TEXT(TEXT(",\"\""), "[null,\"\"]");
  EXPECT_TEXT(TEXT("\"\","), "[\"\",null]");
  EXPECT_TEXT(TEXT(" , "), "[\" \",\" \"]");
  EXPECT_TEXT(TEXT(""), "blank");
  EXPECT_TEXT(TEXT("  "), "blank");
  test_end(&ctx);
  EXPECT_INT(start("n", FIELDS("n int")), 0);
  EXPECT_TEXT(TEXT("\"\""), "[null] bad n: expected an int"); /* the empty text is no int; nothing at all is null */
  EXPECT_TEXT(TEXT("\"5\""), "[5]");
  test_end(&ctx);
}

TEST(quoting) {
  EXPECT_INT(start("a,b", FIELDS("a string", "b string")), 0);
  EXPECT_TEXT(TEXT("\"x, \"\"y\"\"\",\"line\r\nend\""), "[\"x, \\\"y\\\"\",\"line\\r\\nend\"]");
  EXPECT_TEXT(TEXT("\"\"\"\",\"\"\"a\""), "[\"\\\"\",\"\\\"a\"]");
  EXPECT_TEXT(TEXT("a\"b,c"), "bad_json: a quote in a cell that does not begin with one at byte 2");
  EXPECT_TEXT(TEXT("a,\"b\"c"), "bad_json: expected `,` behind the closing quote at byte 6");
  EXPECT_TEXT(TEXT("a,\"b"), "bad_json: a cell's closing quote is missing at byte 5");
  EXPECT_TEXT(TEXT("a,\"b\"\""), "bad_json: a cell's closing quote is missing at byte 7");
  EXPECT_TEXT(TEXT("a\rb,c"), "bad_json: a line end in a cell without quotes at byte 2");
  EXPECT_TEXT(TEXT("a,caf\xE9"), "bad_utf8: not UTF-8 at byte 6");
  test_end(&ctx);
}

TEST(ragged_rows) {
  EXPECT_INT(start("a,b,c", FIELDS("a string", "c int")), 0);
  EXPECT_TEXT(TEXT("x,y"), "bad_json: 2 cells, but the header has 3");
  EXPECT_TEXT(TEXT("x,y,3,"), "bad_json: 4 cells, but the header has 3");
  EXPECT_TEXT(TEXT("x,y,3"), "[\"x\",3]");
  test_end(&ctx);
}

TEST(headers) {
  EXPECT_INT(start("id,\"merchant.country\",\"the \"\"name\"\"\",unknown",
                   FIELDS("id int", "country string from merchant.country")),
             0);
  EXPECT_TEXT(TEXT("1,DE,x,y"), "[1,\"DE\"]");
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("merchant.country,id"), &problem), 0); /* the next file's */
  EXPECT_TEXT(TEXT("FR,2"), "[2,\"FR\"]");
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("id"), &problem), 0);
  EXPECT_TEXT(TEXT("3"), "[3,null]");
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("id,x,x"), &problem), 0); /* twice, but nobody reads it */
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("id,x,id"), &problem), ERR_ABORT);
  EXPECT_TEXT(problem.text, "the CSV header has the column `id` twice");
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE(" "), &problem), ERR_ABORT);
  EXPECT_TEXT(problem.text, "the CSV header is missing");
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("id,\"x"), &problem), ERR_ABORT);
  EXPECT_TEXT(problem.text, "the CSV header: a cell's closing quote is missing at byte 6");
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("id,\xFF"), &problem), ERR_ABORT);
  test_end(&ctx);
}

TEST(required_and_time) {
  EXPECT_INT(start("at,id", FIELDS("at time(s) time", "id string required")), 0);
  EXPECT_TEXT(TEXT("1,a"), "[\"1970-01-01T00:00:01Z\",\"a\"]");
  EXPECT(ctx.out.time == 1000000);
  EXPECT_TEXT(TEXT(",a"), "no_time: `at`: the event time is missing or null");
  EXPECT_TEXT(TEXT("x,a"), "bad_time: `at`: expected a time as a number of seconds");
  EXPECT_TEXT(TEXT("1,"), "bad_required: `id`: required, but missing or null");
  /* What no record of the file can have: the header is to blame. */
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("at,x"), &problem), 0);
  EXPECT_TEXT(TEXT("1,a"), "bad_required: `id`: the CSV header has no such column");
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("id,x"), &problem), 0);
  EXPECT_TEXT(TEXT("1,a"), "no_time: `at`: the CSV header has no such column");
  test_end(&ctx);
}

/* The names of the fields without a column. */
static const char *absent(void) {
  static char text[200];
  uint16_t type, field;
  text[0] = '\0';
  for (uint16_t cursor = 0; decoder_csv_absent(ctx.decoder, &cursor, &type, &field);) {
    struct slice name = ctx.plan.schemas[type].fields[field].name;
    size_t length = strlen(text);
    snprintf(text + length, sizeof text - length, "%.*s ", (int)name.length, name.data);
  }
  return text;
}

TEST(columns_that_are_not_there) {
  EXPECT_INT(start("at,id,country", FIELDS("at time(s) time", "id string required", "amount int",
                                           "country string from merchant.country")),
             0);
  EXPECT_TEXT(absent(), "amount country ");
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("merchant.country,x,amount"), &problem), 0);
  EXPECT_TEXT(absent(), ""); /* `at` and `id`: each record is refused, and says so */
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("at;id;amount"), &problem), 0);
  EXPECT_TEXT(TEXT("1;a;5"),
              "no_time: `at`: the CSV header has one column only, and no such one: cells stand between commas");
  EXPECT_TEXT(TEXT("1;a;5,0,0"), "bad_json: 3 cells, but the header has 1");
  test_end(&ctx);
  test_start(&ctx);
  test_schema(&ctx, "login", FIELDS("user string"));
  test_schema(&ctx, "payment", FIELDS("amount int", "user string"));
  ctx.decoder = decoder_csv_new(ctx.mem, &ctx.plan);
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("type,user"), &problem), 0);
  EXPECT_TEXT(absent(), ""); /* perhaps they are logins */
  test_end(&ctx);
}

TEST(types) {
  test_start(&ctx);
  test_schema(&ctx, "login", FIELDS("user string"));
  test_schema(&ctx, "payment", FIELDS("amount int", "user string"));
  ctx.decoder = decoder_csv_new(ctx.mem, &ctx.plan);
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("type,user,amount"), &problem), 0);
  EXPECT_TEXT(TEXT("login,a,5"), "login [\"a\"]");
  EXPECT_TEXT(TEXT("\"payment\",a,5"), "payment [5,\"a\"]");
  EXPECT_TEXT(TEXT("other,a,5"), "ignored");
  EXPECT_TEXT(TEXT(",a,5"), "bad_schema: no text in `type` says which of the declared event types this is");
  EXPECT_INT(decoder_csv_header(ctx.decoder, SLICE("user,amount"), &problem), 0);
  EXPECT_TEXT(TEXT("a,5"), "bad_schema: no column `type` says which of the declared event types this is");
  test_end(&ctx);
}

TEST(where_a_record_ends) {
  EXPECT_INT(decode_csv_record_length(SLICE("a,b\nc")), 4);
  EXPECT_INT(decode_csv_record_length(SLICE("a,b\r\nc")), 5);
  EXPECT_INT(decode_csv_record_length(SLICE("a,b")), 0);
  EXPECT_INT(decode_csv_record_length(SLICE("a,\"b\nc\",d\ne")), 10);
  EXPECT_INT(decode_csv_record_length(SLICE("a,\"b\"\"\n\"\n\n")), 9);
  EXPECT_INT(decode_csv_record_length(SLICE("a,\"b\n")), 0);
  EXPECT_INT(decode_csv_record_length(SLICE("a\"b\nc\"\n")), 4); /* a quote inside a plain cell opens nothing */
  EXPECT_INT(decode_csv_record_length(SLICE("\"a\"b\"\nc\"\n")), 6);
  EXPECT_INT(decode_csv_record_length(SLICE("\n")), 1);
  EXPECT_INT(decode_csv_record_length(SLICE("")), 0);
}

TEST_MAIN
