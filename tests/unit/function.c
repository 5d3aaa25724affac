/* floors: base */
/* Each function of the table at its borders and with nulls; the table itself; levenshtein against the plain recurrence.
 */
#include "base/function.h"

#include <math.h>

#include "base/env.h"
#include "base/hash.h"
#include "base/ip.h"
#include "base/time_text.h"
#include "base/zone.h"
#include "test.h"

static struct mem *mem;
static struct arena arena;
static struct expr_counts counts;
static struct regex *regex;
static const struct zone *zone;

static void begin(void) {
  mem = mem_new(0);
  arena_init(&arena, mem, 1 << 16);
  counts = (struct expr_counts){0};
  regex = NULL;
  zone = NULL;
}
static void end(void) { mem_free_all(mem); }

static struct type type_of(struct value v) {
  struct type type = {.kind = v.kind, .scale = v.kind == VALUE_DECIMAL ? v.scale : 0};
  if (v.kind == VALUE_LIST) type.element = VALUE_INT;
  return type;
}
static struct value text(const char *s) { return value_string(slice_of(s)); }

/* The function over these arguments, from fields and as literals: both must give the same. */
static struct value call_all(const char *name, unsigned count, const struct value *arguments) {
  const struct function *function = function_find(slice_of(name));
  EXPECT(function != NULL);
  struct type types[8];
  char why[FUNCTION_WHY_MAX];
  unsigned given = 0;
  for (unsigned i = 0; i < count; i++) {
    if (regex != NULL && i == 1) types[given++] = TYPE(TYPE_KIND_REGEX);
    types[given++] = type_of(arguments[i]);
  }
  if (regex != NULL && count == 1) types[given++] = TYPE(TYPE_KIND_REGEX);
  if (zone != NULL) types[given++] = TYPE(VALUE_STRING);
  struct expr_node *forms[2];
  struct type type;
  if (!function_check(function, types, given, &type, why)) {
    printf("%s\n", why);
    EXPECT(false);
    return value_null();
  }
  struct value results[2];
  for (int form = 0; form < 2; form++) {
    struct expr_node *node = forms[form] = arena_new(&arena, struct expr_node);
    node->op = function->op;
    node->type = type;
    node->index = function_index(function);
    node->regex = regex;
    node->zone = zone;
    node->child_count = (uint16_t)count;
    node->children = arena_array(&arena, struct expr_node *, count);
    for (unsigned i = 0; i < count; i++) {
      struct expr_node *child = node->children[i] = arena_new(&arena, struct expr_node);
      child->op = form == 0 ? EXPR_INPUT : EXPR_CONST;
      child->type = type_of(arguments[i]);
      child->index = (uint16_t)i;
      child->value = arguments[i];
    }
    struct err err = {0};
    struct expr *expr = expr_compile(&arena, node, &err);
    EXPECT(expr != NULL);
    struct expr_env env = {.banks = {arguments}, .scratch = &arena, .counts = &counts};
    results[form] = expr_eval(expr, &env);
  }
  EXPECT(results[0].kind == results[1].kind && value_equal(results[0], results[1]));
  EXPECT(value_is_null(results[0]) || results[0].kind == type.kind);
  EXPECT(results[0].kind != VALUE_DECIMAL || results[0].scale == type.scale);
  return results[0];
}
#define CALL(name, ...)                                                                                                \
  call_all(name, sizeof((struct value[]){__VA_ARGS__}) / sizeof(struct value), (struct value[]){__VA_ARGS__})

static bool is(struct value v, struct value expected) {
  return v.kind == expected.kind && v.scale == expected.scale && value_equal(v, expected);
}
static bool is_text(struct value v, const char *expected) {
  return v.kind == VALUE_STRING && slice_equal(value_slice(v), slice_of(expected));
}
static bool is_true(struct value v) { return is(v, value_bool(true)); }
static bool is_false(struct value v) { return is(v, value_bool(false)); }

TEST(the_table) {
  begin();
  EXPECT(function_count() >= 38);
  for (unsigned i = 0; i < function_count(); i++) {
    const struct function *function = function_at(i);
    unsigned least, most;
    EXPECT(function_find(slice_of(function->name)) == function);
    EXPECT_INT(function_index(function), i);
    function_arity(function, &least, &most);
    EXPECT(least >= 1 && least <= most && most <= FUNCTION_ARGUMENTS_MAX);
    EXPECT(function_parameter_at(function, least - 1) != NULL);
    EXPECT((function->call == NULL) == (function->op != EXPR_CALL));
    EXPECT(function->help[0] != '\0' &&
           strstr(function->example, function->name) ==
               function->example +
                   (strncmp(function->example, "round(", 6) == 0 && strcmp(function->name, "round") != 0 ? 6 : 0));
  }
  EXPECT(function_find(SLICE("count")) == NULL && function_find(SLICE("")) == NULL);
  struct buf out;
  buf_init(&out, mem);
  function_signature(&out, function_find(SLICE("substr")));
  EXPECT_TEXT(buf_text(&out), "substr(text: string, start: int, [count: int]) -> string");
  end();
}

TEST(checking_arguments) {
  const struct function *substr = function_find(SLICE("substr")), *min = function_find(SLICE("min"));
  const struct type string = TYPE(VALUE_STRING), integer = TYPE(VALUE_INT), money = TYPE_DECIMAL(2),
                    null = TYPE(VALUE_NULL), floating = TYPE(VALUE_FLOAT);
  struct type type;
  char why[FUNCTION_WHY_MAX];
  EXPECT(function_check(substr, (struct type[]){string, integer}, 2, &type, why) && type.kind == VALUE_STRING);
  EXPECT(!function_check(substr, (struct type[]){string}, 1, &type, why));
  EXPECT_TEXT(why, "`substr` takes 2 to 3 arguments, not 1");
  EXPECT(!function_check(substr, (struct type[]){string, string}, 2, &type, why));
  EXPECT_TEXT(why, "argument 2 of `substr` must be an int, not string");
  EXPECT(function_check(min, (struct type[]){integer, money}, 2, &type, why) && type_equal(type, money));
  EXPECT(function_check(min, (struct type[]){floating, money}, 2, &type, why) && type.kind == VALUE_FLOAT);
  EXPECT(!function_check(min, (struct type[]){string, money}, 2, &type, why));
  EXPECT(strstr(why, "string and decimal(2)") != NULL);
  EXPECT(function_check(function_find(SLICE("abs")), (struct type[]){money}, 1, &type, why) && type_equal(type, money));
  EXPECT(function_check(function_find(SLICE("floor")), (struct type[]){money}, 1, &type, why) &&
         type.kind == VALUE_INT);
  EXPECT(function_check(function_find(SLICE("if")), (struct type[]){TYPE(VALUE_BOOL), integer, null}, 3, &type, why) &&
         type.kind == VALUE_INT);
  EXPECT(!function_check(function_find(SLICE("if")), (struct type[]){integer, integer, integer}, 3, &type, why));
  EXPECT(function_check(function_find(SLICE("coalesce")), (struct type[]){null, integer, money, null}, 4, &type, why) &&
         type_equal(type, money));
  const struct function *extract = function_find(SLICE("extract"));
  EXPECT(function_check(extract, (struct type[]){string, TYPE(TYPE_KIND_REGEX), integer}, 3, &type, why));
  EXPECT(!function_check(extract, (struct type[]){string, string, integer}, 3, &type, why));
  EXPECT(!function_check(function_find(SLICE("lower")), (struct type[]){TYPE(TYPE_KIND_REGEX)}, 1, &type, why));
  const struct function *in_network = function_find(SLICE("in_network"));
  EXPECT(function_check(in_network, (struct type[]){TYPE(VALUE_IP), TYPE(VALUE_NETWORK)}, 2, &type, why));
  EXPECT(!function_check(in_network, (struct type[]){TYPE(VALUE_IP), TYPE(VALUE_IP)}, 2, &type, why));
  EXPECT(function_parameter_at(function_find(SLICE("hour")), 1)->kind == PARAMETER_ZONE);
  EXPECT(function_parameter_at(function_find(SLICE("hour")), 2) == NULL);
  EXPECT(function_parameter_at(function_find(SLICE("concat")), 40)->kind == PARAMETER_STRING);
}

TEST(null_in_null_out) {
  begin();
  /* Each function with a null in each place; the other arguments are of the right type. */
  for (unsigned f = 0; f < function_count(); f++) {
    const struct function *function = function_at(f);
    unsigned least, most;
    function_arity(function, &least, &most);
    if (!function->null_in_null_out || strcmp(function->name, "extract") == 0) continue;
    struct value arguments[8];
    static const struct value by_kind[] = {[PARAMETER_ANY] = {.i = 1, .kind = VALUE_INT},
                                           [PARAMETER_NUMBER] = {.i = 1, .kind = VALUE_INT},
                                           [PARAMETER_FLOAT] = {.i = 1, .kind = VALUE_INT},
                                           [PARAMETER_MEASURE] = {.i = 1, .kind = VALUE_INT},
                                           [PARAMETER_ORDERED] = {.i = 1, .kind = VALUE_INT},
                                           [PARAMETER_INT] = {.i = 1, .kind = VALUE_INT},
                                           [PARAMETER_BOOL] = {.i = 1, .kind = VALUE_BOOL},
                                           [PARAMETER_STRING] = {.s = "a", .length = 1, .kind = VALUE_STRING},
                                           [PARAMETER_COUNTABLE] = {.s = "a", .length = 1, .kind = VALUE_STRING},
                                           [PARAMETER_TIME] = {.i = 1, .kind = VALUE_TIME},
                                           [PARAMETER_IP] = {.i = 1, .length = 4, .kind = VALUE_IP},
                                           [PARAMETER_NETWORK] = {.i = 0, .length = 4, .kind = VALUE_NETWORK}};
    for (unsigned at = 0; at < least; at++) {
      if (function_parameter_at(function, at)->kind == PARAMETER_NETWORK) continue;
      for (unsigned i = 0; i < least; i++) arguments[i] = by_kind[function_parameter_at(function, i)->kind];
      EXPECT(!value_is_null(call_all(function->name, least, arguments)) || strcmp(function->name, "luhn_valid") == 0);
      arguments[at] = value_null();
      EXPECT(value_is_null(call_all(function->name, least, arguments)));
    }
  }
  EXPECT_INT(counts.overflow, 0);
  end();
}

TEST(numbers) {
  begin();
  EXPECT(is(CALL("abs", value_int(-5)), value_int(5)));
  EXPECT(is(CALL("abs", value_decimal(-250, 2)), value_decimal(250, 2)));
  EXPECT(is(CALL("abs", value_float(-0.5)), value_float(0.5)));
  EXPECT(is(CALL("abs", value_duration(-7)), value_duration(7)));
  EXPECT(value_is_null(CALL("abs", value_int(INT64_MIN))));
  EXPECT_INT(counts.overflow, 2); /* counted at each evaluation: it is not folded away */
  EXPECT(is(CALL("sqrt", value_decimal(225, 2)), value_float(1.5)));
  EXPECT(value_is_null(CALL("sqrt", value_int(-1))));
  EXPECT(value_is_null(CALL("ln", value_float(-1))));
  EXPECT_INT(counts.overflow, 2); /* the rule's own business, as the table says */
  EXPECT(value_is_null(CALL("ln", value_int(0))));
  EXPECT(value_is_null(CALL("exp", value_int(1000))));
  EXPECT(value_is_null(CALL("power", value_int(10), value_int(400))));
  EXPECT_INT(counts.overflow, 8);
  EXPECT(value_is_null(CALL("power", value_int(-8), value_decimal(5, 1))));
  EXPECT_INT(counts.overflow, 8);
  EXPECT(is(CALL("power", value_int(10), value_int(3)), value_float(1000)));
  EXPECT(is(CALL("exp", value_int(-1000)), value_float(0)));
  EXPECT(is(CALL("min", value_int(2), value_decimal(15, 1)), value_decimal(15, 1)));
  EXPECT(is(CALL("max", value_int(2), value_decimal(15, 1)), value_decimal(20, 1)));
  EXPECT(is(CALL("min", value_int(INT64_MAX), value_decimal(15, 1)), value_decimal(15, 1)));
  EXPECT(value_is_null(CALL("max", value_int(INT64_MAX), value_decimal(15, 1))));
  EXPECT(is(CALL("max", value_float(0.1), value_decimal(1, 1)), value_float(0.1)));
  EXPECT(is_text(CALL("min", text("b"), text("a")), "a"));
  EXPECT(is(CALL("max", value_time(5), value_time(6)), value_time(6)));
  end();
}

TEST(rounding) {
  begin();
  EXPECT(is(CALL("round", value_decimal(2345, 3), value_int(2)), value_decimal(2350, 3)));
  EXPECT(is(CALL("round", value_decimal(-2345, 3), value_int(2)), value_decimal(-2350, 3)));
  EXPECT(is(CALL("round", value_decimal(2344, 3), value_int(2)), value_decimal(2340, 3)));
  EXPECT(is(CALL("round", value_decimal(2500, 3)), value_decimal(3000, 3)));
  EXPECT(is(CALL("round", value_decimal(2345, 3), value_int(7)), value_decimal(2345, 3)));
  EXPECT(is(CALL("round", value_int(1250), value_int(-2)), value_int(1300)));
  EXPECT(is(CALL("round", value_int(-1249), value_int(-2)), value_int(-1200)));
  EXPECT(is(CALL("round", value_int(1249), value_int(-100)), value_int(0)));
  EXPECT(is(CALL("round", value_int(1249), value_int(INT64_MIN)), value_int(0)));
  EXPECT(is(CALL("round", value_int(1249), value_int(INT64_MAX)), value_int(1249)));
  EXPECT(value_is_null(CALL("round", value_int(INT64_MAX), value_int(-18))) == false);
  EXPECT(value_is_null(CALL("round", value_int(INT64_MAX), value_int(-1))));
  EXPECT(is(CALL("round", value_int(INT64_MAX), value_int(-19)), value_null()) == true);
  EXPECT(is(CALL("round", value_float(2.675), value_int(2)), value_float(2.67)));
  EXPECT(is(CALL("round", value_float(-2.5)), value_float(-3)));
  EXPECT(is(CALL("round", value_float(1e300), value_int(-100)), value_float(1e300))); /* as with -18 */
  const double floats[] = {2.5, -2.5, 2, -2, 0.1, -0.1, 0, 9e18, -0x1p63};
  const int64_t floors[] = {2, -3, 2, -2, 0, -1, 0, 9000000000000000000, INT64_MIN};
  const int64_t ceils[] = {3, -2, 2, -2, 1, 0, 0, 9000000000000000000, INT64_MIN};
  for (int i = 0; i < 9; i++) {
    EXPECT(is(CALL("floor", value_float(floats[i])), value_int(floors[i])));
    EXPECT(is(CALL("ceil", value_float(floats[i])), value_int(ceils[i])));
  }
  EXPECT(is(CALL("floor", value_decimal(-250, 2)), value_int(-3)));
  EXPECT(is(CALL("ceil", value_decimal(-250, 2)), value_int(-2)));
  EXPECT(is(CALL("floor", value_decimal(-200, 2)), value_int(-2)));
  EXPECT(is(CALL("ceil", value_int(7)), value_int(7)));
  counts.overflow = 0;
  EXPECT(value_is_null(CALL("floor", value_float(0x1p63))) && value_is_null(CALL("ceil", value_float(-1e19))));
  EXPECT_INT(counts.overflow, 4);
  end();
}

TEST(strings) {
  begin();
  EXPECT(is(CALL("length", text("na\xc3\xafve \xf0\x9f\x98\x80")), value_int(7)));
  EXPECT(is(CALL("length", text("")), value_int(0)));
  struct value items[] = {value_int(1), value_int(2)};
  EXPECT(is(CALL("length", (struct value){.list = items, .length = 2, .kind = VALUE_LIST}), value_int(2)));
  EXPECT(is_text(CALL("lower", text("ABCxyz[\xc3\x89@")), "abcxyz[\xc3\x89@"));
  EXPECT(is_text(CALL("upper", text("abcXYZ{\xc3\xa9`")), "ABCXYZ{\xc3\xa9`"));
  EXPECT(is_text(CALL("upper", text("")), ""));
  EXPECT(is_text(CALL("trim", text(" \t\r\na b\n ")), "a b"));
  EXPECT(is_text(CALL("trim", text(" \n ")), ""));
  EXPECT(is_text(CALL("trim", text("\xc2\xa0x")), "\xc2\xa0x")); /* no other blanks */
  EXPECT(is_true(CALL("starts_with", text("abc"), text("ab"))) && is_true(CALL("starts_with", text("abc"), text(""))));
  EXPECT(is_false(CALL("starts_with", text("ab"), text("abc"))) &&
         is_false(CALL("starts_with", text("abc"), text("b"))));
  EXPECT(is_true(CALL("ends_with", text("abc"), text("bc"))) && is_false(CALL("ends_with", text("bc"), text("abc"))));
  EXPECT(is_true(CALL("ends_with", text("abc"), text(""))));
  EXPECT(is_true(CALL("contains", text("abc"), text("b"))) && is_true(CALL("contains", text(""), text(""))));
  EXPECT(is_false(CALL("contains", text("abc"), text("ac"))) && is_false(CALL("contains", text(""), text("a"))));
  EXPECT(is_text(CALL("concat", text("a"), text(""), text("b")), "ab"));
  EXPECT(is_text(CALL("concat", text("a")), "a"));
  EXPECT(value_is_null(CALL("concat", text("a"), value_null(), text("b"))));
  EXPECT(is_text(CALL("replace", text("a-b-c"), text("-"), text("")), "abc"));
  EXPECT(is_text(CALL("replace", text("aaaa"), text("aa"), text("a")), "aa"));
  EXPECT(is_text(CALL("replace", text("aaa"), text("aa"), text("bbb")), "bbba"));
  EXPECT(is_text(CALL("replace", text("abc"), text(""), text("x")), "abc"));
  EXPECT(is_text(CALL("replace", text("abc"), text("d"), text("x")), "abc"));
  EXPECT(is_text(CALL("replace", text("abc"), text("abc"), text("")), ""));
  EXPECT_INT(counts.overflow, 0);
  end();
}

TEST(cutting_strings) {
  begin();
  const char *word = "h\xc3\xa9llo"; /* 5 code points */
  static const struct {
    int64_t start, count;
    const char *expected;
  } cases[] = {{1, 5, "h\xc3\xa9llo"},
               {2, 1, "\xc3\xa9"},
               {2, 2, "\xc3\xa9l"},
               {5, 9, "o"},
               {6, 1, ""},
               {0, 2, "h\xc3\xa9"},
               {-1, 1, "o"},
               {-5, 2, "h\xc3\xa9"},
               {-9, 2, "h\xc3\xa9"},
               {1, 0, ""},
               {1, -1, ""},
               {INT64_MAX, 1, ""},
               {INT64_MIN, INT64_MAX, "h\xc3\xa9llo"},
               {3, INT64_MAX, "llo"}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
    EXPECT(
        is_text(CALL("substr", text(word), value_int(cases[i].start), value_int(cases[i].count)), cases[i].expected));
  EXPECT(is_text(CALL("substr", text(word), value_int(-4)), "\xc3\xa9llo"));
  EXPECT(is_text(CALL("substr", text(""), value_int(1)), ""));
  static const struct {
    const char *text, *separator;
    int64_t n;
    const char *expected;
  } parts[] = {
      {"a@b@c", "@", 1, "a"},      {"a@b@c", "@", 3, "c"},     {"a@b@c", "@", 4, NULL}, {"a@b@c", "@", -1, "c"},
      {"a@b@c", "@", -3, "a"},     {"a@b@c", "@", -4, NULL},   {"a@b@c", "@", 0, NULL}, {"@", "@", 1, ""},
      {"@", "@", 2, ""},           {"@", "@", 3, NULL},        {"", "@", 1, ""},        {"", "@", 2, NULL},
      {"abc", "", 1, "abc"},       {"abc", "", 2, NULL},       {"abc", "", -1, "abc"},  {"abc", "", -2, NULL},
      {"a--b--c", "--", 2, "b"},   {"aaa", "aa", 1, ""},       {"aaa", "aa", 2, "a"},   {"aaa", "aa", -1, "a"},
      {"a", "@", INT64_MAX, NULL}, {"a", "@", INT64_MIN, NULL}};
  for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
    struct value v = CALL("split_part", text(parts[i].text), text(parts[i].separator), value_int(parts[i].n));
    EXPECT(parts[i].expected == NULL ? value_is_null(v) : is_text(v, parts[i].expected));
  }
  end();
}

TEST(strings_that_would_be_too_long) {
  begin();
  size_t half = FUNCTION_STRING_MAX / 2;
  char *long_text = arena_alloc(&arena, half);
  memset(long_text, 'a', half);
  struct value v = value_string((struct slice){long_text, half});
  EXPECT_INT(CALL("concat", v, v).length, FUNCTION_STRING_MAX);
  EXPECT_INT(counts.overflow, 0);
  EXPECT(value_is_null(CALL("concat", v, v, text("b"))));
  EXPECT_INT(counts.overflow, 2);
  EXPECT_INT(CALL("replace", v, text("a"), text("bb")).length, FUNCTION_STRING_MAX);
  EXPECT(value_is_null(CALL("replace", v, text("a"), text("bbb"))));
  EXPECT(value_is_null(CALL("replace", v, text("a"), v)));
  EXPECT_INT(counts.overflow, 6);
  end();
}

TEST(extracting) {
  begin();
  struct regex *compiled;
  struct err err;
  EXPECT_INT(regex_compile(mem, SLICE("id=(\\d+)(x)?"), 0, NULL, &compiled, NULL, &err), 0);
  regex = compiled;
  EXPECT(is_text(CALL("extract", text("a id=42;"), value_int(1)), "42"));
  EXPECT(is_text(CALL("extract", text("a id=42;"), value_int(0)), "id=42"));
  EXPECT(is_text(CALL("extract", text("a id=42;")), "id=42"));
  EXPECT(value_is_null(CALL("extract", text("a id=42;"), value_int(2))));
  EXPECT(value_is_null(CALL("extract", text("a id=42;"), value_int(3))));
  EXPECT(value_is_null(CALL("extract", text("a id=42;"), value_int(-1))));
  EXPECT(value_is_null(CALL("extract", text("a id=42;"), value_int(INT64_MAX))));
  EXPECT(value_is_null(CALL("extract", text("none"), value_int(0))));
  EXPECT(value_is_null(CALL("extract", value_null(), value_int(0))));
  EXPECT(value_is_null(CALL("extract", text("id=1"), value_null())));
  end();
}

static struct value time_of(const char *s) {
  int64_t us = 0;
  EXPECT(time_parse(slice_of(s), &us) == NULL);
  return value_time(us);
}

TEST(parts_of_times) {
  begin();
  struct value t = time_of("2026-11-21T23:59:59.999999Z"), old = time_of("1969-12-31T00:00:00Z");
  EXPECT(is(CALL("hour", t), value_int(23)) && is(CALL("minute", t), value_int(59)));
  EXPECT(is(CALL("day_of_week", t), value_int(6)) && is(CALL("day_of_month", t), value_int(21)));
  EXPECT(is(CALL("month", t), value_int(11)) && is(CALL("year", t), value_int(2026)));
  EXPECT(is_text(CALL("date", t), "2026-11-21"));
  EXPECT(is(CALL("hour", old), value_int(0)) && is(CALL("day_of_week", old), value_int(3)));
  EXPECT(is_text(CALL("date", value_time(-1)), "1969-12-31") && is(CALL("hour", value_time(-1)), value_int(23)));
  EXPECT(is_text(CALL("date", time_of("2024-02-29T12:00:00Z")), "2024-02-29"));
  EXPECT(is(CALL("day_of_week", time_of("2026-11-22T12:00:00Z")), value_int(7)));
  EXPECT(is(CALL("day_of_week", time_of("2026-11-23T12:00:00Z")), value_int(1)));
  EXPECT(!value_is_null(CALL("date", value_time(INT64_MIN))) && !value_is_null(CALL("date", value_time(INT64_MAX))));
  end();
}

TEST(parts_of_times_in_a_zone) {
  begin();
  struct err err = {0};
  zone = zone_load(&arena, env_real(), SLICE("Europe/Berlin"), &err);
  if (zone == NULL) {
    printf("skipped: no zone data here (%s)\n", err.text);
  } else {
    EXPECT(is_text(CALL("date", time_of("2026-11-21T23:30:00Z")), "2026-11-22"));
    EXPECT(is(CALL("hour", time_of("2026-11-21T23:30:00Z")), value_int(0)));
    EXPECT(is(CALL("minute", time_of("2026-11-21T23:30:00Z")), value_int(30)));
    EXPECT(is(CALL("day_of_week", time_of("2026-11-21T23:30:00Z")), value_int(7)));
    EXPECT(is(CALL("hour", time_of("2026-07-01T22:00:00Z")), value_int(0))); /* summer: two hours */
    EXPECT(is(CALL("month", time_of("2026-12-31T23:30:00Z")), value_int(1)));
    EXPECT(is(CALL("year", time_of("2026-12-31T23:30:00Z")), value_int(2027)));
  }
  end();
}

TEST(places) {
  begin();
  struct value zero = value_int(0);
  struct value berlin_munich = CALL("distance_km", value_decimal(5252, 2), value_decimal(13405, 3),
                                    value_decimal(48137, 3), value_decimal(11575, 3));
  EXPECT(is(CALL("round", berlin_munich, value_int(1)), value_float(504.3)));
  EXPECT(is(CALL("distance_km", zero, zero, zero, zero), value_float(0)));
  EXPECT(value_is_null(CALL("distance_km", value_int(91), zero, zero, zero)));
  EXPECT(value_is_null(CALL("distance_km", zero, zero, zero, value_int(-361))));
  struct value at = value_time(0), later = value_time(3600000000), degree = value_int(1);
  double km = CALL("distance_km", zero, zero, zero, degree).f;
  EXPECT(CALL("speed_kmh", zero, zero, at, zero, degree, later).f == km);
  EXPECT(CALL("speed_kmh", zero, zero, later, zero, degree, at).f == km);
  EXPECT(is(CALL("speed_kmh", zero, zero, at, zero, degree, at), value_float(1e9)));
  EXPECT(is(CALL("speed_kmh", zero, degree, at, zero, degree, at), value_float(0)));
  EXPECT(CALL("speed_kmh", zero, zero, value_time(INT64_MIN), zero, degree, value_time(INT64_MAX)).f > 0);
  end();
}

TEST(addresses_and_hashes) {
  begin();
  struct ip ip, net;
  EXPECT(ip_parse(SLICE("10.1.2.3"), &ip) == NULL && ip_parse_network(SLICE("10.0.0.0/8"), &net) == NULL);
  EXPECT(is_true(CALL("in_network", ip_value(&ip), ip_network_value(&net))));
  EXPECT(ip_parse(SLICE("11.1.2.3"), &ip) == NULL);
  EXPECT(is_false(CALL("in_network", ip_value(&ip), ip_network_value(&net))));
  EXPECT(is(CALL("hash", text("abc")), value_int((int64_t)hash_bytes("abc", 3))));
  EXPECT(CALL("hash", text("abc")).i == 8696274497037089104); /* as xxhsum -H3 prints it: 78af5f94892f3950 */
  EXPECT(is(CALL("hash", value_int(1)), CALL("hash", value_float(1))));
  EXPECT(is(CALL("hash", value_int(1)), CALL("hash", value_decimal(100, 2))));
  EXPECT(!is(CALL("hash", value_int(1)), CALL("hash", value_int(2))));
  end();
}

TEST(check_digits) {
  begin();
  EXPECT(is_true(CALL("luhn_valid", text("4111 1111-1111 1111"))) && is_true(CALL("luhn_valid", text("79927398713"))));
  EXPECT(is_false(CALL("luhn_valid", text("79927398710"))) && is_false(CALL("luhn_valid", text("4111111111111112"))));
  EXPECT(is_false(CALL("luhn_valid", text(""))) && is_false(CALL("luhn_valid", text("0"))));
  EXPECT(is_true(CALL("luhn_valid", text("00"))) && is_true(CALL("luhn_valid", text("18"))));
  EXPECT(is_false(CALL("luhn_valid", text("18a"))) && is_false(CALL("luhn_valid", text(" -"))));
  end();
}

/* ---- likeness ---- */

static unsigned plain_levenshtein(const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  static unsigned row[FUNCTION_DISTANCE_MAX + 2];
  for (size_t j = 0; j <= m; j++) row[j] = (unsigned)j;
  for (size_t i = 1; i <= n; i++) {
    unsigned diagonal = row[0];
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= m; j++) {
      unsigned changed = diagonal + (a[i - 1] != b[j - 1]), least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
      diagonal = row[j];
      row[j] = changed < least ? changed : least;
    }
  }
  return row[m];
}

TEST(levenshtein_distance) {
  begin();
  EXPECT(is(CALL("levenshtein", text("kitten"), text("sitting")), value_int(3)));
  EXPECT(is(CALL("levenshtein", text(""), text("abc")), value_int(3)));
  EXPECT(is(CALL("levenshtein", text("abc"), text("")), value_int(3)));
  EXPECT(is(CALL("levenshtein", text(""), text("")), value_int(0)));
  EXPECT(is(CALL("levenshtein", text("na\xc3\xafve"), text("naive")), value_int(1)));
  EXPECT(is(CALL("levenshtein", text("\xf0\x9f\x98\x80"), text("a")), value_int(1)));
  uint64_t state = 1234567;
  char a[FUNCTION_DISTANCE_MAX + 2], b[FUNCTION_DISTANCE_MAX + 2];
  for (int round = 0; round < 3000; round++) {
    unsigned lengths[2];
    for (int side = 0; side < 2; side++) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      unsigned length = (unsigned)(state >> 33) % (round % 3 == 0 ? FUNCTION_DISTANCE_MAX + 1 : 70);
      for (unsigned i = 0; i < length; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        (side == 0 ? a : b)[i] = (char)('a' + (state >> 40) % (round % 2 == 0 ? 3 : 26));
      }
      (side == 0 ? a : b)[length] = '\0';
      lengths[side] = length;
    }
    (void)lengths;
    EXPECT(is(CALL("levenshtein", text(a), text(b)), value_int(plain_levenshtein(a, b))));
    if (round % 100 == 99) arena_reset(&arena);
  }
  memset(a, 'a', sizeof a);
  a[FUNCTION_DISTANCE_MAX] = '\0';
  EXPECT(is(CALL("levenshtein", text(a), text("a")), value_int(FUNCTION_DISTANCE_MAX - 1)));
  EXPECT_INT(counts.overflow, 0);
  a[FUNCTION_DISTANCE_MAX] = 'a';
  a[FUNCTION_DISTANCE_MAX + 1] = '\0';
  EXPECT(value_is_null(CALL("levenshtein", text(a), text("a"))));
  EXPECT(value_is_null(CALL("jaro_winkler", text("a"), text(a))));
  EXPECT_INT(counts.overflow, 4);
  end();
}

TEST(jaro_winkler_likeness) {
  begin();
  static const struct {
    const char *a, *b;
    double expected;
  } cases[] = {{"martha", "marhta", 0.9611},
               {"dwayne", "duane", 0.84},
               {"dixon", "dicksonx", 0.8133},
               {"abc", "abc", 1},
               {"", "", 1},
               {"a", "", 0},
               {"", "a", 0},
               {"abc", "xyz", 0},
               {"a", "a", 1},
               {"ab", "ba", 0},
               {"jellyfish", "smellyfish", 0.8963}};
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    double likeness = CALL("jaro_winkler", text(cases[i].a), text(cases[i].b)).f;
    EXPECT(fabs(likeness - cases[i].expected) < 0.00005);
  }
  EXPECT(CALL("jaro_winkler", text("\xc3\xa9t\xc3\xa9"), text("\xc3\xa9t\xc3\xa9")).f == 1);
  end();
}

TEST_MAIN
