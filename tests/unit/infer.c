/* floors: base */
/* infer.c - event declarations proposed from samples: types, times and units, paths, names, and what is said beside. */
#include "base/infer.h"

#include <stdlib.h>

#include "base/check.h"
#include "tests/test.h"

static const char *infer_all(struct infer *infer, struct mem *mem) {
  static char text[16384];
  struct buf out;
  buf_init(&out, mem);
  infer_write(infer, &out);
  const char *body = strstr(buf_text(&out), "key in each rule.\n");
  check(body != NULL);
  snprintf(text, sizeof text, "%s", body + 18);
  buf_free(&out);
  infer_free(infer);
  mem_free_all(mem);
  return text;
}

/* The proposal for a NULL-ended list of records. */
static const char *infer_lines(const char *const *lines) {
  enum { PADDING = 32 };
  struct mem *mem = mem_new(0);
  check(mem != NULL);
  struct infer *infer = infer_new(mem, SLICE("Card-Payment"), SLICE("type"));
  for (; *lines != NULL; lines++) {
    size_t length = strlen(*lines);
    char *copy = calloc(1, length + PADDING);
    check(copy != NULL);
    memcpy(copy, *lines, length);
    infer_json(infer, (struct slice){copy, length});
    free(copy);
  }
  return infer_all(infer, mem);
}
#define LINES(...) infer_lines((const char *const[]){__VA_ARGS__, NULL})

static const char *infer_rows(const char *header, const char *const *rows) {
  struct mem *mem = mem_new(0);
  check(mem != NULL);
  struct infer *infer = infer_new(mem, SLICE("payment"), SLICE("type"));
  EXPECT_INT(infer_csv_header(infer, slice_of(header), NULL), 0);
  for (; *rows != NULL; rows++) infer_csv(infer, slice_of(*rows));
  return infer_all(infer, mem);
}

TEST(a_plain_stream) {
  EXPECT_TEXT(LINES("{\"at\":\"2026-11-21T10:00:00Z\",\"card_id\":\"c1\",\"amount\":5,\"ok\":true,\"ip\":\"10.0.0.1\"}",
                    "{\"at\":\"2026-11-21T10:00:09Z\",\"card_id\":\"c2\",\"amount\":12.5,\"ok\":null,\"ip\":\"::1\"}",
                    "{\"at\":\"2026-11-21T10:00:02Z\",\"card_id\":\"c2\",\"amount\":7.25,\"ip\":\"10.0.0.1\"}"),
              "\n# 3 records\n"
              "event card_payment {\n"
              "  event_time at\n"
              "  disorder 10s                # in the sample up to 7s behind the highest time before\n"
              "  at       time               # 2026-11-21T10:00:00Z to 2026-11-21T10:00:09Z\n"
              "  card_id  string             # \"c1\", \"c2\"\n"
              "  amount   decimal(2)         # 5 to 12.5; 3 different values\n"
              "  ok       bool               # missing or null in 2\n"
              "  ip       ip                 # \"10.0.0.1\", \"::1\"\n"
              "}\n");
}

TEST(times_as_numbers) {
  EXPECT(strstr(LINES("{\"ts\":1700000000,\"n\":1700000000}"), "  ts       time(s) ") != NULL);
  EXPECT(strstr(LINES("{\"ts\":1700000000,\"n\":1700000000}"), "  n        int ") !=
         NULL); /* its name says nothing of time */
  EXPECT(strstr(LINES("{\"createdAt\":1700000000000}"), "  created_at time(ms) from \"createdAt\"") != NULL);
  EXPECT(strstr(LINES("{\"event_time_us\":1,\"time\":1700000000000000}"), "  event_time time\n") != NULL);
  EXPECT(strstr(LINES("{\"time\":1700000000000000}"), "  time     time(us) ") != NULL);
  EXPECT(strstr(LINES("{\"ts\":1700000000.25}"), "  ts       time(s) ") != NULL);
  EXPECT(strstr(LINES("{\"ts\":17}"), "  ts       int ") != NULL);
  EXPECT(strstr(LINES("{\"ts\":17}"), "  event_time log ") != NULL);
  EXPECT(strstr(LINES("{\"ts\":1700000000}", "{\"ts\":1699999990}"), "disorder 10s ") != NULL);
  EXPECT(strstr(LINES("{\"updated_at\":\"2026-11-21T10:00:00Z\",\"at\":\"2026-11-21T10:00:00Z\"}"),
                "event_time at\n") != NULL);
  EXPECT(strstr(LINES("{\"at\":null,\"paid_at\":\"2026-11-21T10:00:00Z\"}"), "event_time paid_at\n") != NULL);
}

TEST(nested_paths_and_names) {
  EXPECT_TEXT(
      LINES("{\"@timestamp\":\"2026-11-21T10:00:00Z\",\"merchant\":{\"country\":\"DE\",\"Geo\":{\"lat\":48.123456789}},"
            "\"country\":\"FR\",\"on\":1,\"a.b\":2,\"\":3,\"DestPort\":443,\"2fa\":true,\"named\":\"x\"}"),
      "\n# 1 record\n"
      "event card_payment {\n"
      "  event_time timestamp\n"
      "  timestamp        time from \"@timestamp\"          # always 2026-11-21T10:00:00Z\n"
      "  merchant_country string from \"merchant.country\"  # always \"DE\"\n"
      "  lat              float from \"merchant.Geo.lat\"   # always 48.123456789\n"
      "  country          string                          # always \"FR\"\n"
      "  on_value         int from \"on\"                   # always 1\n"
      "  # \"a.b\" cannot be read: a name with a point or a control character, or an empty one\n"
      "  # \"\" cannot be read: a name with a point or a control character, or an empty one\n"
      "  dest_port        int from \"DestPort\"             # always 443\n"
      "  n2fa             bool from \"2fa\"\n"
      "  named_value      string from \"named\"             # always \"x\"\n"
      "}\n");
}

TEST(kinds) {
  const char *text =
      LINES("{\"f\":1.0,\"e\":1e5,\"big\":92233720368547758080,\"m\":1,\"l\":[1,2],\"d\":[1.25],\"o\":[{\"a\":1}],"
            "\"z\":null,\"x\":[],\"p\":1.12345}",
            "{\"f\":2.0,\"e\":1,\"big\":1,\"m\":\"a\",\"l\":[],\"d\":[],\"o\":[],\"x\":[],\"p\":0}", "{\"m\":2}");
  EXPECT(strstr(text, "  f        float ") != NULL);
  EXPECT(strstr(text, "  e        float ") != NULL);
  EXPECT(
      strstr(text,
             "  big      float              # 1 to 92233720368547760000; 2 different values; has ints beyond 64 bits; "
             "missing or null in 1\n") != NULL);
  EXPECT(strstr(text, "  m        int                # of several kinds: number 2 times, text 1 time\n") != NULL);
  EXPECT(strstr(text, "  l        [int]              # up to 2 elements; missing or null in 1\n") != NULL);
  EXPECT(strstr(text, "  d        [decimal(2)] ") != NULL);
  EXPECT(strstr(text, "  # \"o\"                       # up to 1 element, not all of one plain type") != NULL);
  EXPECT(strstr(text, "  # \"x\" ") != NULL);
  EXPECT(strstr(text, "  # \"z\"                       # always null\n") != NULL);
  EXPECT(strstr(text, "  p        decimal(5) ") != NULL);
}

TEST(several_types) {
  const char *text =
      LINES("{\"type\":\"login\",\"user\":\"a\"}", "{\"user\":\"a\",\"amount\":5,\"type\":\"auth.payment.v1\"}",
            "{\"type\":\"login\",\"user\":\"b\"}");
  EXPECT(strstr(text, "# 2 records\nevent login {\n  event_time log") != NULL);
  EXPECT(strstr(text, "# 1 record\nevent auth_payment_v1 {\n  named \"auth.payment.v1\"\n") != NULL);
  EXPECT(strstr(text, "type ") == NULL);
}

/* An event has a field, also where its records have none that can be declared. */
TEST(types_without_fields) {
  EXPECT_TEXT(LINES("{\"type\":\"ping\"}", "{\"a\":[null]}"),
              "\n# 1 record\n"
              "event ping {\n"
              "  event_time log              # no field looks like an event time\n"
              "  type string                 # no other field can be declared\n"
              "}\n"
              "\n# 1 record\n"
              "event card_payment {\n"
              "  event_time log              # no field looks like an event time\n"
              "  # \"a\"                       # up to 1 element, not all of one plain type\n"
              "  type string                 # no other field can be declared\n"
              "}\n");
}

TEST(names_of_types_are_told_apart) {
  const char *text = LINES("{\"type\":\"A b\"}", "{\"type\":\"a_b\"}", "{\"type\":\"a-b\"}", "{\"type\":\"\u00e9\"}",
                           "{\"type\":\"\u00e8\"}", "{\"type\":\"label\"}");
  EXPECT(strstr(text, "event label_2 {\n  named \"label\"\n") != NULL); /* `label` is built in */
  EXPECT(strstr(text, "event a_b_2 {\n  named \"A b\"\n") != NULL);
  EXPECT(strstr(text, "event a_b {\n  event_time") != NULL);
  EXPECT(strstr(text, "event a_b_3 {\n  named \"a-b\"\n") != NULL);
  EXPECT(strstr(text, "event field {\n  named \"\u00e9\"\n") != NULL);
  EXPECT(strstr(text, "event field_2 {\n  named \"\u00e8\"\n") != NULL);
}

TEST(bad_records) {
  struct mem *mem = mem_new(0);
  struct infer *infer = infer_new(mem, SLICE("e"), SLICE("type"));
  static const char bad[] = "{\"a\":}"
                            "                                ";
  struct buf out;
  infer_json(infer, (struct slice){bad, 6});
  infer_json(infer, (struct slice){bad, 3});
  buf_init(&out, mem);
  infer_write(infer, &out);
  EXPECT(strstr(buf_text(&out), "# 2 records could not be read; the first: expected a value at byte 6\n") != NULL);
  EXPECT(strstr(buf_text(&out), "event ") == NULL);
  mem_free_all(mem);
}

TEST(csv) {
  const char *const rows[] = {"1,\"5\",007,2026-11-21T10:00:00Z,true,", "2,x,008,2026-11-21T10:00:01Z,false,",
                              "3,,009,2026-11-21T10:00:02Z,true,", NULL};
  EXPECT_TEXT(infer_rows("id,mixed,code,at,ok,none", rows),
              "\n# 3 records\n"
              "event payment {\n"
              "  event_time at\n"
              "  id       int                # 1 to 3; 3 different values\n"
              "  mixed    string             # of several kinds: number 1 time, text 1 time; missing or null in 1\n"
              "  code     string             # \"007\", \"008\", \"009\"\n"
              "  at       time               # 2026-11-21T10:00:00Z to 2026-11-21T10:00:02Z\n"
              "  ok       bool\n"
              "  # \"none\"                    # always null\n"
              "}\n");
}

TEST(numbers_that_a_float_cannot_hold) {
  EXPECT_TEXT(
      LINES("{\"a\":1e400,\"b\":1e400,\"c\":-1e999}", "{\"a\":1e400,\"b\":2.5,\"c\":1e999}"),
      "\n# 2 records\n"
      "event card_payment {\n"
      "  event_time log              # no field looks like an event time\n"
      "  a        float              # out of the range of a float, taken as null: 2\n"
      "  b        float              # 2.5 to 2.5; 2 different values; out of the range of a float, taken as null: 1\n"
      "  c        float              # 2 different values; out of the range of a float, taken as null: 2\n"
      "}\n");
}

static const char *why_not(const char *header, const char *record) {
  static char text[200];
  struct mem *mem = mem_new(0);
  struct infer *infer = infer_new(mem, SLICE("e"), SLICE("type"));
  struct buf why;
  buf_init(&why, mem);
  if (header != NULL) EXPECT_INT(infer_csv_header(infer, slice_of(header), NULL), 0);
  for (int i = 0; record != NULL && i < 2; i++) infer_csv(infer, slice_of(record));
  snprintf(text, sizeof text, "%s", infer_found(infer, &why) ? "found" : buf_text(&why));
  mem_free_all(mem);
  return text;
}

TEST(nothing_to_propose_says_why) {
  EXPECT_TEXT(why_not(NULL, NULL), "there is no record");
  EXPECT_TEXT(why_not("a,b", NULL), "there is no record behind the CSV header");
  EXPECT_TEXT(why_not("a,b", "1"),
              "none of the 2 records could be read; the first: a row with another number of cells than the header");
  EXPECT_TEXT(why_not("a,b", "1,2"), "found");
}

TEST(limits) {
  struct mem *mem = mem_new(64 << 20);
  struct infer *infer = infer_new(mem, SLICE("e"), SLICE("type"));
  for (int i = 0; i < 3000; i++) {
    char record[200];
    memset(record, 0, sizeof record);
    int length =
        snprintf(record, 160, "{\"type\":\"t%d\",\"f%d\":\"v%d\",\"g%d\":{\"h\":[%d]}}", i % 100, i, i, i * 7, i);
    infer_json(infer, (struct slice){record, (size_t)length});
  }
  struct buf out;
  buf_init(&out, mem);
  infer_write(infer, &out);
  EXPECT(strstr(buf_text(&out), "# 1080 records are of further types: only the first 64 types are proposed.\n") !=
         NULL);
  mem_free_all(mem);
}

/* One record of many is wrong: the field is a time all the same, and the page says how many were none. */
TEST(a_slip_among_times) {
  EXPECT_TEXT(LINES("{\"at\":\"2026-11-21T10:00:00Z\",\"n\":1}", "{\"at\":\"2026-11-21T10:00:01Z\",\"n\":2}",
                    "{\"at\":\"yesterday\",\"n\":3}", "{\"at\":\"2026-11-21T10:00:02Z\",\"n\":4}"),
              "\n# 4 records\n"
              "event card_payment {\n"
              "  event_time at\n"
              "  at       time               # 2026-11-21T10:00:00Z to 2026-11-21T10:00:02Z; no time in 1\n"
              "  n        int                # 1 to 4; 4 different values\n"
              "}\n");
  const char *half = LINES("{\"at\":\"2026-11-21T10:00:00Z\"}", "{\"at\":\"soon\"}");
  EXPECT(strstr(half, "string") != NULL && strstr(half, "event_time log") != NULL);
}

TEST(numbers_that_are_written_differently) {
  EXPECT_TEXT(
      LINES("{\"a\":1.0,\"b\":1,\"c\":-0.0,\"d\":100,\"e\":1.50}", "{\"a\":1,\"b\":1.00,\"c\":0,\"d\":10,\"e\":1.5}"),
      "\n# 2 records\n"
      "event card_payment {\n"
      "  event_time log              # no field looks like an event time\n"
      "  a        float              # always 1\n"
      "  b        float              # always 1\n"
      "  c        float              # always 0\n"
      "  d        int                # 10 to 100; 2 different values\n"
      "  e        decimal(2)         # always 1.5\n"
      "}\n");
}

TEST_MAIN
