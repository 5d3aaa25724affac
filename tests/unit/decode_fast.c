/* floors: base */
/* decode_fast.c - the fast ways of the JSON reader against its general way, at the borders of each: every value is read
 * as `x`, which one field takes (fast), as `g`, which two fields take (general), and as `w`, which nobody wants. All
 * must say the same, whatever stands behind the record. And that the reader's memories (names, lengths, types, minutes)
 * change no result. */
#include "base/decode.h"

#include "tests/test.h"
#include "tests/unit/decode_fields.h"

static struct test_decoder ctx;
static struct decoder *decoders[3]; /* each sees one name only, and so remembers it */
static int differences;

static void start(const char *const *fields) {
  test_start(&ctx);
  test_schema(&ctx, "e", fields);
  ctx.plan.fixed_type = 0;
  for (int i = 0; i < 3; i++) decoders[i] = decoder_json_new(ctx.mem, &ctx.plan);
  ctx.decoder = decoders[0];
  differences = 0;
}

static bool same_value(struct value a, struct value b) {
  if (a.kind != b.kind || a.scale != b.scale || a.length != b.length) return false;
  return a.kind == VALUE_STRING ? memcmp(a.s, b.s, a.length) == 0 : a.i == b.i;
}

/* What was decoded, kept while the next record is read. */
struct outcome {
  struct decoded decoded;
  struct value value;
  const char *reason;
  char bytes[256];
};

static void outcome_of(struct outcome *outcome, const char *record, size_t length, uint16_t slot) {
  const struct decoded *out = test_decode(&ctx, (struct slice){record, length});
  *outcome = (struct outcome){.decoded = *out};
  if (out->code != DECODE_OK) return;
  outcome->value = out->values[slot];
  if (out->bad_count > 0) outcome->reason = out->bad[0].reason;
  if (outcome->value.kind != VALUE_STRING) return;
  check(outcome->value.length <= sizeof outcome->bytes);
  memcpy(outcome->bytes, outcome->value.s, outcome->value.length);
  outcome->value.s = outcome->bytes;
}

static void compare(struct slice value, const char *end) {
  struct outcome fast, general, skipped;
  char record[400];
  for (int i = 0; i < 3; i++) {
    int length = snprintf(record, sizeof record, "{\"%c\":" SLICE_FMT "%s", "xgw"[i], SLICE_ARG(value), end);
    check(length > 0 && length < (int)sizeof record);
    ctx.decoder = decoders[i];
    outcome_of(i == 0 ? &fast : i == 1 ? &general : &skipped, record, (size_t)length, (uint16_t)i);
  }
  bool same = fast.decoded.code == general.decoded.code && strcmp(fast.decoded.detail, general.decoded.detail) == 0 &&
              same_value(fast.value, general.value) && fast.reason == general.reason;
  same = same && skipped.decoded.code == general.decoded.code &&
         strcmp(skipped.decoded.detail, general.decoded.detail) == 0;
  if (!same && differences++ < 5)
    printf("%s: %d %s, %d %s\n", record, fast.decoded.code, fast.decoded.detail, general.decoded.code,
           general.decoded.detail);
}

/* With every end of a record, and with none. The names are remembered after the first. */
static void compare_all(const char *value, size_t length) {
  static const char *const ends[] = {"}", ",\"z\":0}", " }", "", ",", "}}"};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) compare((struct slice){value, length}, ends[i]);
}

TEST(strings_with_anything_at_each_place) {
  static const char *const parts[] = {"a",  "\\n", "\\u00e9", "\xC3\xA9", "\xF0\x9F\x98\x80", "\xC3", "\xFF", "\x1F",
                                      "\"", "\\",  "\x7F",    "}",        "\\uD83D\\uDE00",   "\\x",  "\\u12"};
  start(FIELDS("x string", "g string", "h string from g"));
  static const char paddings[] = {'9', '"', '}', '\\'};
  for (size_t p = 0; p < sizeof paddings; p++) {
    ctx.padding = paddings[p];
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++)
      for (size_t length = 0; length <= 50; length += length < 36 ? 1 : 7)
        for (size_t place = 0; place <= length; place += p == 0 ? 1 : 5) {
          char value[100] = "\"";
          memset(value + 1, 's', length);
          memcpy(value + 1 + place, parts[part], strlen(parts[part]));
          size_t total = place + strlen(parts[part]) > length ? place + strlen(parts[part]) : length;
          value[1 + total] = '"';
          compare_all(value, total + 2);
          compare((struct slice){value, total + 1}, "}"); /* not closed */
        }
  }
  EXPECT_INT(differences, 0);
  test_end(&ctx);
}

static void compare_numbers(void) {
  static const char *const behind[] = {"", ":", "/", "e1", "E-1", "e", ".", ".5", "-", "x", "0", " "};
  for (int minus = 0; minus < 2; minus++)
    for (int digits = 0; digits <= 21; digits++)
      for (int point = -1; point <= digits; point++)
        for (int first = 0; first < 3; first++)
          for (size_t b = 0; b < sizeof behind / sizeof *behind; b++) {
            char value[64], *at = value;
            if (minus) *at++ = '-';
            for (int i = 0; i < digits; i++) {
              if (i == point) *at++ = '.';
              *at++ = (char)(i == 0 ? "079"[first] : '0' + (i * 7 + first + digits) % 10);
            }
            if (point == digits) *at++ = '.';
            size_t length = (size_t)(at - value);
            memcpy(at, behind[b], strlen(behind[b]));
            compare_all(value, length + strlen(behind[b]));
          }
}

#define NUMBERS(name, type)                                                                                            \
  TEST(name) {                                                                                                         \
    start(FIELDS("x " type, "g " type, "h " type " from g"));                                                          \
    compare_numbers();                                                                                                 \
    EXPECT_INT(differences, 0);                                                                                        \
    test_end(&ctx);                                                                                                    \
  }
NUMBERS(ints_of_every_length, "int")
NUMBERS(decimals_of_every_length, "decimal(2)")
NUMBERS(decimals_without_a_point, "decimal(0)")
NUMBERS(decimals_of_many_digits, "decimal(18)")
NUMBERS(floats_of_every_length, "float")
NUMBERS(counts_of_milliseconds, "time(ms)")
NUMBERS(strings_that_are_numbers, "string")

TEST(times_with_anything_at_each_place) {
  static const char good[] = "\"2026-11-21T10:00:09.999Z\"", bytes[] = "0123456789:.TtZz-+/ \"\\}\x1F\x7F\xC3";
  static const char *const others[] = {"\"2026-11-21T10:00:09Z\"",
                                       "\"2026-11-21T10:00:59.999Z\"",
                                       "\"2026-11-21T10:00:60.000Z\"",
                                       "\"2026-11-21T10:00:00.1Z\"",
                                       "\"2026-11-21T10:00:00.12Z\"",
                                       "\"2026-11-21T10:00:00.123456Z\"",
                                       "\"2026-11-21T10:01:00.000Z\"",
                                       "\"2026-11-21T09:00:00.000Z\"",
                                       "\"2026-11-21T10:00:00.1234567Z\"",
                                       "\"0000-11-21T10:00:00.000Z\"",
                                       "\"0001-01-01T00:00:00.000Z\"",
                                       "\"9999-12-31T23:59:59.999Z\"",
                                       "\"1970-01-01T00:00:00.000Z\"",
                                       "\"2026-02-29T10:00:00.000Z\"",
                                       "\"2024-02-29T10:00:00.000Z\"",
                                       "\"2026-11-21T10:00\"",
                                       "\"2026-11-21T10:00:09.999Zx\"",
                                       "\"2026-11-21T10:00:09.999\"",
                                       "null",
                                       "17",
                                       "true"};
  start(FIELDS("x time", "g time", "h time from g"));
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    for (int round = 0; round < 2; round++) {
      compare_all(others[i], strlen(others[i]));
      compare_all(good, sizeof good - 1);
    }
  for (size_t place = 0; place < sizeof good - 1; place++)
    for (size_t b = 0; b < sizeof bytes - 1; b++) {
      char value[sizeof good];
      memcpy(value, good, sizeof good);
      compare_all(good, sizeof good - 1); /* its minute is remembered */
      value[place] = bytes[b];
      compare_all(value, sizeof good - 1);
    }
  EXPECT_INT(differences, 0);
  ctx.decoder = decoders[0];
  outcome_of(&(struct outcome){0}, "{\"x\":\"2026-11-21T10:00:09.999Z\"}", 32, 0);
  EXPECT(ctx.out.values[0].i == INT64_C(1795255209999000));
  outcome_of(&(struct outcome){0}, "{\"x\":\"2026-11-21T10:00:59.001Z\"}", 32, 0);
  EXPECT(ctx.out.values[0].i == INT64_C(1795255259001000));
  test_end(&ctx);
}

TEST(literals) {
  static const char *const values[] = {"true", "false", "null", "tru", "truex", "falsee", "nul", "True", "t",  "f", "n",
                                       "fals", "nulL",  "\"\"", "[]",  "{}",    "[true]", "",    "-",    "--1"};
  start(FIELDS("x bool", "g bool", "h bool from g"));
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) compare_all(values[i], strlen(values[i]));
  EXPECT_INT(differences, 0);
  test_end(&ctx);
}

/* A record ends where its slice does, though the bytes behind it would go on well. */
TEST(a_record_cut_off_anywhere) {
  static const char text[] =
      "{\"j\":{\"a\":{}},\"s\":\"a}b\",\"o\":{\"n\":1,\"m\":{}},\"t\":\"2026-11-21T10:00:09.999Z\",\"z}y\":12345,"
      "\"k\":{\"a\":{}},\"i\":77,\"a_name_of_more_than_sixteen}\":[{},{}],"
      "\"d\":1.25,\"b\":true,\"q\":\"}}}\"}"
      "                                ";
  enum { LENGTH = sizeof text - 1 - 32 };
  start(FIELDS("s string", "n int from o.n", "t time", "i int", "d decimal(2)", "b bool", "q string", "j int"));
  for (size_t length = 1; length < LENGTH; length++) {
    struct decoded out, copied;
    for (int i = 0; i < 40; i++) decode_record(ctx.decoder, (struct slice){text, LENGTH}, &ctx.arena, &out);
    EXPECT_INT(out.code, DECODE_OK);
    EXPECT_INT(out.values[3].i, 77);
    char *record = malloc(length + TEST_RECORD_PADDING); /* the sanitizer sees what is read behind that */
    check(record != NULL);
    memcpy(record, text, length + TEST_RECORD_PADDING);
    decode_record(ctx.decoder, (struct slice){record, length}, &ctx.arena, &out);
    free(record);
    copied = *test_decode(&ctx, (struct slice){text, length});
    EXPECT_INT(out.code, DECODE_BAD_JSON);
    EXPECT_INT(copied.code, DECODE_BAD_JSON);
    EXPECT_TEXT(out.detail, copied.detail);
  }
  test_end(&ctx);
}

/* Names that share their beginnings, of all lengths around 16, 32 and the longest that is kept. */
TEST(names_that_share_a_beginning) {
  enum { NAMES = 30 };
  static char fields[NAMES][80];
  const char *list[NAMES + 1] = {NULL};
  for (int i = 0; i < NAMES; i++) {
    snprintf(fields[i], sizeof fields[i], "%.*s int", 8 + i, "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
    list[i] = fields[i];
  }
  start(list);
  int wrong = 0;
  for (int round = 0; round < 200; round++) {
    char record[2000] = "{";
    size_t length = 1;
    for (int i = 0; i < NAMES; i++) {
      int name = (i + (round % 10 == 9 ? round : 0)) % NAMES;
      length += (size_t)snprintf(record + length, sizeof record - length, "%s\"%.*s\":%d", i > 0 ? "," : "",
                                 (int)strcspn(fields[name], " "), fields[name], name * 1000 + round);
    }
    record[length++] = '}';
    const struct decoded *out = test_decode(&ctx, (struct slice){record, length});
    for (int i = 0; i < NAMES; i++) wrong += out->code != DECODE_OK || out->values[i].i != i * 1000 + round;
  }
  EXPECT_INT(wrong, 0);
  test_end(&ctx);
}

/* Lengths that stay the same for long, and then do not. */
TEST(the_memory_of_lengths_changes_nothing) {
  start(FIELDS("s string", "i int", "t string"));
  int wrong = 0;
  for (int round = 0; round < 5000; round++) {
    int length = round % 97 == 0 ? round % 40 : round < 2500 ? 9 : 30, number = round % 61 == 0 ? round : 7;
    char record[200], text[64];
    memset(text, 'a' + round % 26, sizeof text);
    int bytes = snprintf(record, sizeof record, "{\"s\":\"%.*s\",\"z\":\"%.*s\",\"i\":%d,\"t\":\"%.*s\"}", length, text,
                         length / 2, text, number, 3 + length % 3, text);
    const struct decoded *out = test_decode(&ctx, (struct slice){record, (size_t)bytes});
    if (out->code != DECODE_OK || out->values[0].length != (uint32_t)length || out->values[1].i != number ||
        out->values[2].length != (uint32_t)(3 + length % 3) || memcmp(out->values[0].s, text, (size_t)length) != 0)
      wrong++;
  }
  EXPECT_INT(wrong, 0);
  test_end(&ctx);
}

/* Types in any mix, their field first, later, twice or missing: a decoder that has seen much says what a new one says.
 */
TEST(the_memory_of_types_changes_nothing) {
  static const char *const types[] = {
      "pay", "payment", "payment_of_a_name_longer_than_sixteen", "login", "pay}", "payment_", "nobody", "p"};
  enum { TYPES = sizeof types / sizeof *types, ROUNDS = 4000 };
  test_start(&ctx);
  test_schema(&ctx, "login", FIELDS("at time time", "who string"));
  test_schema(&ctx, "pay", FIELDS("at time time", "who string", "n int"));
  test_schema(&ctx, "pay}", FIELDS("at time time", "n int"));
  test_schema(&ctx, "payment", FIELDS("n int", "at time time", "d decimal(2)"));
  test_schema(&ctx, "payment_", FIELDS("n int", "k string from type", "at time time"));
  test_schema(&ctx, "payment_of_a_name_longer_than_sixteen", FIELDS("who string", "at time time"));
  ctx.decoder = decoder_json_new(ctx.mem, &ctx.plan);
  uint64_t random = 7;
  int wrong = 0;
  for (int round = 0; round < ROUNDS; round++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const char *type = types[(random >> 60 < 10 ? 1 : random >> 33) % TYPES];
    char record[300], fresh[1000];
    unsigned shape = round < ROUNDS / 2 ? 0 : (unsigned)(random >> 20 & 31), n = (unsigned)(random >> 40 & 0xFFF);
    int length =
        snprintf(record, sizeof record, "{%s%s%s\"at\":\"2026-11-21T10:0%u:00.%03uZ\",\"who\":\"w\",\"n\":%u%s%s%s}",
                 shape < 28 ? "\"type\":\"" : "", shape < 28 ? type : "", shape < 28 ? "\"," : "", n % 10, n % 1000, n,
                 shape > 26 ? ",\"type\":\"" : "", shape > 26 ? types[n % TYPES] : "", shape > 26 ? "\"" : "");
    struct slice text = {record, (size_t)length};
    struct decoder *used = ctx.decoder;
    ctx.decoder = decoder_json_new(ctx.mem, &ctx.plan);
    snprintf(fresh, sizeof fresh, "%s", test_text(&ctx, text));
    if (ctx.out.code == DECODE_OK) { /* and one that is told the type */
      struct decode_plan plan = ctx.plan;
      plan.fixed_type = ctx.out.type;
      ctx.decoder = decoder_json_new(ctx.mem, &plan);
      wrong += strcmp(fresh, test_text(&ctx, text)) != 0;
    }
    ctx.decoder = used;
    if (strcmp(fresh, test_text(&ctx, text)) != 0 && wrong++ < 5) printf("%s\n", record);
  }
  EXPECT_INT(wrong, 0);
  test_end(&ctx);
}

TEST_MAIN
