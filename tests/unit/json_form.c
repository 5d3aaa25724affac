/* floors: rules nfa base */
/* The JSON form: what it looks like, both ways, and what is said about forms that are wrong. (That random files come
 * back unchanged is shown in print.c.) */
#include "test.h"

#include <stdlib.h>

#include "rule_text.h"

static struct rule_text x;

static void expect_json(const char *text, const char *json, int line) {
  text_parse(&x, text);
  const char *written = text_json(&x);
  if (strcmp(written, json) != 0 || strcmp(text_back(&x), text_print(&x)) != 0) {
    printf("%s:%d: the JSON form is\n%s\nexpected\n%s\nand comes back as\n%s\n", __FILE__, line, written, json,
           text_back(&x));
    test_failed = true;
  }
  text_end(&x);
}
#define EXPECT_JSON(text, json) expect_json((text), (json), __LINE__)

/* `let a = EXPR` and the value in its JSON form. */
#define EXPECT_VALUE(expr, json)                                                                                       \
  expect_json(                                                                                                         \
      "let a = " expr "\n",                                                                                            \
      "{\"format_version\":1,\"declarations\":[\n  {\n    \"kind\":\"let\",\n    \"name\":\"a\",\n    \"value\":" json \
      "\n  }\n]}\n",                                                                                                   \
      __LINE__)

TEST(an_empty_file) { EXPECT_JSON("", "{\"format_version\":1,\"declarations\":[]}\n"); }

TEST(literals) {
  EXPECT_VALUE("5", "5");
  EXPECT_VALUE("-9007199254740992", "-9007199254740992");
  EXPECT_VALUE("9007199254740993", "{\"int\":\"9007199254740993\"}");
  EXPECT_VALUE("-9223372036854775808", "{\"int\":\"-9223372036854775808\"}");
  EXPECT_VALUE("1_000", "{\"int\":\"1_000\"}");
  EXPECT_VALUE("-1.00", "{\"decimal\":\"-1.00\"}");
  EXPECT_VALUE("1e-3", "{\"float\":\"1e-3\"}");
  EXPECT_VALUE("\"a \\\"b\\\" \\u0001 é\"", "\"a \\\"b\\\" \\u0001 é\"");
  EXPECT_VALUE("90m", "{\"duration\":\"1h30m\"}");
  EXPECT_VALUE("@2026-11-21T10:00:00+02:00", "{\"time\":\"2026-11-21T10:00:00+02:00\"}");
  EXPECT_VALUE("10.0.0.0/8", "{\"network\":\"10.0.0.0/8\"}");
  EXPECT_VALUE("::1", "{\"ip\":\"::1\"}");
  EXPECT_VALUE("f(true, false, null)", "{\"call\":\"f\",\"args\":[true,false,null]}");
}

TEST(expressions) {
  EXPECT_VALUE("b and c.d or not e",
               "{\"op\":\"or\",\"args\":[{\"op\":\"and\",\"args\":[{\"field\":\"b\"},{\"path\":[\"c\",\"d\"]}]},"
               "{\"op\":\"not\",\"args\":[{\"field\":\"e\"}]}]}");
  EXPECT_VALUE("bins[b].bank", "{\"field\":\"bins\",\"index\":{\"field\":\"b\"},\"column\":\"bank\"}");
  EXPECT_VALUE("-b % 2 >= c ?? 0",
               "{\"op\":\">=\",\"args\":[{\"op\":\"%\",\"args\":[{\"op\":\"negate\",\"args\":[{\"field\":\"b\"}]},2]},"
               "{\"op\":\"??\",\"args\":[{\"field\":\"c\"},0]}]}");
  EXPECT_VALUE("b between 1 and 2", "{\"op\":\"between\",\"args\":[{\"field\":\"b\"},1,2]}");
  EXPECT_VALUE("b in (1, \"c\")", "{\"op\":\"in\",\"args\":[{\"field\":\"b\"}],\"set\":[1,\"c\"]}");
  EXPECT_VALUE("b not in c", "{\"op\":\"not in\",\"args\":[{\"field\":\"b\"}],\"list\":\"c\"}");
  EXPECT_VALUE("b in seen(ip, 30d)",
               "{\"op\":\"in\",\"args\":[{\"field\":\"b\"}],\"seen\":{\"seen\":\"ip\",\"within\":\"30d\"}}");
  EXPECT_VALUE("b matches /c\\/d/i",
               "{\"op\":\"matches\",\"args\":[{\"field\":\"b\"}],\"regex\":\"c\\\\/d\",\"flags\":\"i\"}");
  EXPECT_VALUE(
      "extract(b, /c/, 1) is not null",
      "{\"op\":\"is not null\",\"args\":[{\"call\":\"extract\",\"args\":[{\"field\":\"b\"},{\"regex\":\"c\"},1]}]}");
  EXPECT_VALUE("top(b, 5 by sum(c) where d) of e(f) by (g, h) over last 5 within 1h approx",
               "{\"aggregate\":\"top\",\"value\":{\"field\":\"b\"},\"parameter\":5,\"ranked_by\":{\"aggregate\":"
               "\"sum\",\"value\":{\"field\":\"c\"}},"
               "\"where\":{\"field\":\"d\"},\"of\":{\"event\":\"e\",\"where\":{\"field\":\"f\"}},\"by\":[\"g\",\"h\"],"
               "\"over\":{\"last\":5,\"within\":\"1h\"},"
               "\"approx\":true}");
  EXPECT_VALUE("ewma(b, 1h) over today \"UTC\"", "{\"aggregate\":\"ewma\",\"value\":{\"field\":\"b\"},\"parameter\":"
                                                 "\"1h\",\"over\":{\"today\":true,\"zone\":\"UTC\"}}");
}

TEST(a_rule) {
  EXPECT_JSON(
      "# one\n\n# two\nrule a \"b\" {  # three\n"
      "  score 60  # four\n"
      "  key user: c.d, e\n"
      "  match f = g(h) {3,} until (i)  # five\n"
      "  then any (j or (k then l))\n"
      "  then no m for 5m\n"
      "  within 90m\n"
      "  report all limit 5\n"
      "  after match skip to last f\n"
      "  emit { n = 1 }\n"
      "  to alerts, \"o p\"\n"
      "}\n",
      "{\"format_version\":1,\"declarations\":[\n"
      "  {\n"
      "    \"kind\":\"rule\",\n"
      "    \"name\":\"a\",\n"
      "    \"comments\":[\"one\",null,\"two\"],\n"
      "    \"comment_after\":\"three\",\n"
      "    \"description\":\"b\",\n"
      "    \"score\":60,\n"
      "    \"key\":[{\"name\":\"user\",\"fields\":[{\"event\":\"c\",\"field\":\"d\"}]},\"e\"],\n"
      "    "
      "\"match\":[{\"step\":\"f\",\"event\":\"g\",\"where\":{\"field\":\"h\"},\"min\":3,\"until\":{\"field\":\"i\"},"
      "\"comment_after\":\"five\"},"
      "{\"connector\":\"then "
      "any\",\"or\":[{\"event\":\"j\"},{\"group\":[{\"event\":\"k\"},{\"connector\":\"then\",\"event\":\"l\"}]}]},"
      "{\"connector\":\"then no\",\"event\":\"m\",\"for\":\"5m\"}],\n"
      "    \"within\":\"1h30m\",\n"
      "    \"report\":\"all\",\n"
      "    \"report_limit\":5,\n"
      "    \"after_match\":\"skip to last\",\n"
      "    \"after_step\":\"f\",\n"
      "    \"emit\":[{\"name\":\"n\",\"value\":1}],\n"
      "    \"to\":[\"alerts\",{\"text\":\"o p\"}],\n"
      "    \"clause_comments\":{\"score\":{\"comment_after\":\"four\"}}\n"
      "  }\n"
      "]}\n");
}

/* ---- from JSON ---- */

static const char *text_of(const char *json) {
  struct buf *out = arena_new(&x.arena, struct buf);
  struct err err;
  err_clear(&err);
  buf_init(out, x.mem);
  int result = json_form_to_text(x.mem, slice_of(json), out, &err);
  if (result == 0) return buf_text(out);
  EXPECT_INT(result, ERR_ABORT);
  EXPECT_INT(out->length, 0);
  return arena_printf(&x.arena, "error: %s", err.text);
}

#define EXPECT_TEXT_OF(json, expected)                                                                                 \
  do {                                                                                                                 \
    text_begin(&x);                                                                                                    \
    EXPECT_TEXT(text_of(json), (expected));                                                                            \
    text_end(&x);                                                                                                      \
  } while (0)
#define DECLARATION(members) "{\"format_version\":1,\"declarations\":[{" members "}]}"
#define LET(value) DECLARATION("\"kind\":\"let\",\"name\":\"a\",\"value\":" value)

TEST(members_in_any_order_and_any_white_space) {
  EXPECT_TEXT_OF(" { \"declarations\" : [ { \"value\" : [ ] , \"kind\" : \"let\" , \"name\" : \"a\" } ] , "
                 "\"format_version\" : 1 } ",
                 "error: as text it is wrong: json:1:9: error: expected an expression, found `[`\n"
                 "    1 | let a = []\n"
                 "      |         ^\n");
  EXPECT_TEXT_OF("\n{ \"declarations\" : [ { \"value\" : 1 , \"name\" : \"a\", \"kind\" : \"let\" } ] , "
                 "\"format_version\" : 1 }\n",
                 "let a = 1\n");
}

TEST(what_comes_back_is_the_one_layout) {
  EXPECT_TEXT_OF(LET("{\"op\":\"and\",\"args\":[{\"op\":\"and\",\"args\":[true,false]},true]}"),
                 "let a = true and false and true\n");
  EXPECT_TEXT_OF(LET("{\"duration\":\"90m\"}"), "let a = 1h30m\n");
  EXPECT_TEXT_OF(LET("{\"op\":\"matches\",\"args\":[\"b\"],\"regex\":\"c/d\\\\/\"}"),
                 "let a = \"b\" matches /c\\/d\\//\n");
  EXPECT_TEXT_OF(LET("{\"op\":\"-\",\"args\":[1,{\"op\":\"-\",\"args\":[2,3]}]}"), "let a = 1 - (2 - 3)\n");
}

TEST(errors_name_the_path_and_the_cause) {
  EXPECT_TEXT_OF("", "error: not JSON at byte 0");
  EXPECT_TEXT_OF("{\"format_version\":1,}", "error: not JSON at byte 21");
  EXPECT_TEXT_OF("{} {}", "error: not JSON at byte 3");
  EXPECT_TEXT_OF("[]", "error: expected an object, found an array");
  EXPECT_TEXT_OF("{\"format_version\":2,\"declarations\":[]}", "error: format_version: expected 1, found the number 2");
  EXPECT_TEXT_OF("{\"format_version\":1}", "error: declarations: expected an array, found nothing");
  EXPECT_TEXT_OF("{\"format_version\":1,\"declaration\":[]}",
                 "error: there is no member \"declaration\" here: did you mean \"declarations\"?");
  EXPECT_TEXT_OF("{\"format_version\":1,\"format_version\":1}", "error: the member \"format_version\" stands twice");
  EXPECT_TEXT_OF(DECLARATION("\"kind\":\"rul\""),
                 "error: declarations[0].kind: expected one of \"event\", \"list\", \"table\", \"lookup\", \"model\", "
                 "\"counter\", "
                 "\"let\", \"rule\", \"group\", \"actions\", \"test\"; did you mean \"rule\"?");
  EXPECT_TEXT_OF(
      DECLARATION("\"kind\":\"rule\",\"name\":\"key\""),
      "error: declarations[0].name: \"key\" is no name: lower-case letters, digits and `_`, and no reserved word");
  EXPECT_TEXT_OF(DECLARATION("\"kind\":\"rule\",\"name\":\"a\",\"within\":\"30\""),
                 "error: declarations[0].within: expected a duration as \"30m\" or \"1h30m\", found \"30\"");
  EXPECT_TEXT_OF(DECLARATION("\"kind\":\"rule\",\"name\":\"a\",\"match\":[{\"event\":\"b\"},{\"event\":\"c\"}]"),
                 "error: declarations[0].match[1]: a \"connector\" is needed behind the first element");
  EXPECT_TEXT_OF(
      DECLARATION(
          "\"kind\":\"rule\",\"name\":\"a\",\"match\":[{\"event\":\"b\",\"where\":{\"op\":\"xor\",\"args\":[]}}]"),
      "error: declarations[0].match[0].where.op: there is no operator \"xor\"");
  EXPECT_TEXT_OF(
      DECLARATION("\"kind\":\"rule\",\"name\":\"a\",\"match\":[{\"event\":\"b\",\"greedy\":true}]"),
      "error: as text it is wrong: json:2:14: error: `greedy` needs a quantifier\n"
      "    2 |   match    b greedy\n"
      "      |              ^^^^^^ only `gap` may stand without one: put `+`, `*`, `?` or `{n,m}` before it\n");
  EXPECT_TEXT_OF(LET("1.5"), "error: declarations[0].value: a bare number is an int of at most 53 bits: write "
                             "{\"decimal\":\"1.50\"}, {\"float\":\"1e-3\"} or "
                             "{\"int\":\"…\"}");
  EXPECT_TEXT_OF(LET("1e300"), "error: declarations[0].value: a bare number is an int of at most 53 bits: write "
                               "{\"decimal\":\"1.50\"}, {\"float\":\"1e-3\"} or "
                               "{\"int\":\"…\"}");
  EXPECT_TEXT_OF(LET("{\"decimal\":\"1\"}"), "error: declarations[0].value.decimal: \"1\" is no decimal");
  EXPECT_TEXT_OF(LET("{\"decimal\":\"1.5 + b\"}"), "error: declarations[0].value.decimal: \"1.5 + b\" is no decimal");
  EXPECT_TEXT_OF(LET("{\"op\":\"not\",\"args\":[1,2]}"),
                 "error: declarations[0].value.args: expected 1 argument, found 2");
  EXPECT_TEXT_OF(LET("{\"field\":\"b c\"}"), "error: declarations[0].value.field: \"b c\" is no name: lower-case "
                                             "letters, digits and `_`, and no reserved word");
  EXPECT_TEXT_OF(LET("{}"), "error: declarations[0].value: no expression: an object here has \"op\", \"field\", "
                            "\"path\", \"call\", \"aggregate\", \"seen\", or the "
                            "kind of a literal");
  EXPECT_TEXT_OF(DECLARATION("\"kind\":\"let\",\"name\":\"a\""),
                 "error: declarations[0].value: an expression is needed here");
  EXPECT_TEXT_OF(DECLARATION("\"kind\":\"let\",\"name\":\"a\",\"value\":1,\"comments\":[\"b\\nlet c = 1\"]"),
                 "error: declarations[0].comments[0]: a comment is one line without control characters");
  EXPECT_TEXT_OF(
      DECLARATION("\"kind\":\"list\",\"name\":\"a\",\"type\":\"decimal(19)\""),
      "error: declarations[0].type: expected a type as \"string\", \"decimal(2)\" or \"[int]\", found \"decimal(19)\"");
  EXPECT_TEXT_OF(LET("\"\\u0000\""), "error: a text has the escape \\u0000, which no rule can");
  EXPECT_TEXT_OF("{\"\xff\":1}", "error: not UTF-8 text at byte 2");
}

/* Nothing that stands in a text of the form can become syntax. */
TEST(texts_stay_texts) {
  EXPECT_TEXT_OF(DECLARATION("\"kind\":\"rule\",\"name\":\"a\",\"message\":\"b\\\" to nothing } rule c { #\\n\""),
                 "rule a {\n  message  \"b\\\" to nothing } rule c { #\\n\"\n}\n");
  EXPECT_TEXT_OF(DECLARATION("\"kind\":\"rule\",\"name\":\"a\",\"allow\":[\"b, c to nothing\"]"),
                 "error: declarations[0].allow[0]: no name of a lint: letters and hyphens");
  EXPECT_TEXT_OF(LET("{\"op\":\"matches\",\"args\":[1],\"regex\":\"b\\\\\"}"),
                 "error: declarations[0].value.regex: a regular expression does not end with a single backslash");
  EXPECT_TEXT_OF(LET("{\"op\":\"matches\",\"args\":[1],\"regex\":\"b\",\"flags\":\"i or true\"}"),
                 "error: declarations[0].value.flags: the flags are i, s and x");
}

TEST(depth_is_limited) {
  static const size_t levels[] = {200, 300, 900, 100000};
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    static const char front[] = "{\"format_version\":1,\"declarations\":[{\"kind\":\"let\",\"name\":\"a\",\"value\":",
                      level[] = "{\"op\":\"not\",\"args\":[";
    size_t length = sizeof front + levels[i] * (sizeof level + 2) + 16;
    char *json = malloc(length), *p = json;
    memcpy(p, front, sizeof front - 1), p += sizeof front - 1;
    for (size_t j = 0; j < levels[i]; j++) memcpy(p, level, sizeof level - 1), p += sizeof level - 1;
    *p++ = '1';
    for (size_t j = 0; j < levels[i]; j++) *p++ = ']', *p++ = '}';
    memcpy(p, "}]}", 4);
    text_begin(&x);
    const char *text = text_of(json);
    EXPECT_INT(strncmp(text, "error: ", 7) == 0, levels[i] > 256);
    text_end(&x);
    free(json);
  }
}

TEST(reading_into_a_tree) {
  text_begin(&x);
  EXPECT_INT(json_form_read(&x.tree, SLICE("b.json"), slice_of(LET("{\"op\":\"+\",\"args\":[1,{\"field\":\"b\"}]}")),
                            &x.diags),
             0);
  EXPECT_INT(x.tree.decl_count, 1);
  EXPECT_INT(x.tree.decls[0].let->expr->items[1]->span.column, 13); /* places are those of the text */
  EXPECT_INT(json_form_read(&x.tree, SLICE("c.json"), SLICE("{"), &x.diags), ERR_ABORT);
  EXPECT_INT(x.tree.file_count, 2);
  EXPECT_TEXT(text_errors(&x), "c.json: error: not JSON at byte 1\n");
  text_end(&x);
}

/* Memory that runs out at any point ends in one jump and no leak (the sanitizer looks). */
TEST(no_memory) {
  static const char json[] = DECLARATION("\"kind\":\"rule\",\"name\":\"a\",\"match\":[{\"event\":\"b\",\"where\":{"
                                         "\"op\":\"in\",\"args\":[1],\"set\":[2]}}],"
                                         "\"emit\":[{\"name\":\"c\",\"value\":{\"decimal\":\"1.00\"}}]");
  volatile unsigned failed = 0;
  for (volatile uint64_t n = 1; n < 100; n++) {
    struct mem *mem = mem_new(0);
    if (MEM_GUARD(mem)) {
      mem_free_all(mem);
      failed++;
      continue;
    }
    struct buf out;
    buf_init(&out, mem);
    mem_fail_at(mem, n);
    int result = json_form_to_text(mem, slice_of(json), &out, NULL);
    EXPECT_INT(result, 0);
    mem_free_all(mem);
    break;
  }
  EXPECT(failed >= 2);
}

TEST_MAIN
