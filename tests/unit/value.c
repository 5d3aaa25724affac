/* floors: base */
/* Values: order, equality and hashes over kinds; JSON and message forms; deep copies; names of types. */
#include "test.h"

#include <stdlib.h>

#include "base/decimal.h"
#include "base/hash.h"
#include "base/ip.h"
#include "base/number_text.h"
#include "base/value.h"

static uint64_t random_state = 1;
static uint64_t random_u64(void) { /* splitmix64 */
  uint64_t z = random_state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static struct value text(const char *s) { return value_string(slice_of(s)); }
static struct ip addresses[16];
static int address_count;
static struct value address(const char *s) {
  struct ip *ip = &addresses[address_count++ % 16];
  EXPECT(ip_parse(slice_of(s), ip) == NULL);
  return ip_value(ip);
}
static struct value network(const char *s) {
  struct ip *ip = &addresses[address_count++ % 16];
  EXPECT(ip_parse_network(slice_of(s), ip) == NULL);
  return ip_network_value(ip);
}
static struct value list(const struct value *elements, uint32_t count) {
  return (struct value){.list = elements, .length = count, .kind = VALUE_LIST};
}

TEST(names_of_types) {
  char out[32];
  EXPECT_TEXT(type_name(TYPE(VALUE_BOOL), out), "bool");
  EXPECT_TEXT(type_name(TYPE(VALUE_DURATION), out), "duration");
  EXPECT_TEXT(type_name(TYPE(VALUE_NULL), out), "null");
  EXPECT_TEXT(type_name(TYPE_DECIMAL(18), out), "decimal(18)");
  EXPECT_TEXT(type_name((struct type){.kind = VALUE_LIST, .element = VALUE_STRING}, out), "[string]");
  EXPECT_TEXT(type_name((struct type){.kind = VALUE_LIST, .element = VALUE_DECIMAL, .element_scale = 2}, out),
              "[decimal(2)]");
}

static void same(struct value a, struct value b) {
  EXPECT(value_compare(a, b) == 0 && value_compare(b, a) == 0);
  EXPECT(value_equal(a, b) && value_equal(b, a));
  EXPECT(value_hash(a) == value_hash(b));
}
static void less(struct value a, struct value b) {
  EXPECT(value_compare(a, b) < 0 && value_compare(b, a) > 0);
  EXPECT(!value_equal(a, b) && !value_equal(b, a));
  EXPECT(value_hash(a) != value_hash(b)); /* not promised, but true for these */
}

TEST(numbers_of_any_kind) {
  same(value_int(1), value_float(1));
  same(value_int(1), value_decimal(100, 2));
  same(value_float(0.5), value_decimal(50, 2));
  same(value_float(-0.375), value_decimal(-375000, 6));
  same(value_float(0), value_float(-0.0));
  same(value_float(-0.0), value_decimal(0, 5));
  same(value_int(INT64_MIN), value_float(-9223372036854775808.0));
  same(value_decimal(INT64_MIN, 0), value_int(INT64_MIN));
  same(value_decimal(1500, 3), value_decimal(15, 1));
  same(value_decimal(25, 2), value_decimal(250000, 6));
  less(value_decimal(1, 1), value_float(0.1)); /* 0.1 is no double */
  less(value_float(0.3), value_decimal(3, 1));
  less(value_int(INT64_MAX), value_float(9223372036854775808.0));
  less(value_float(9007199254740992.0), value_int(9007199254740993));
  less(value_float(1e300), value_float(2e300));
  less(value_float(-1e300), value_int(INT64_MIN));
  less(value_float(0x1p-1074), value_decimal(1, 18));
  less(value_int(-1), value_int(1));
}

TEST(equal_numbers_hash_alike_at_random) {
  for (int i = 0; i < 100000; i++) {
    unsigned scale = (unsigned)(random_u64() % 19);
    int64_t mantissa = (int64_t)random_u64() >> (random_u64() % 63);
    if (i % 2 == 0) mantissa = mantissa / 1000000 * 15625; /* often m / 2^k */
    struct value decimal = value_decimal(mantissa, scale);
    struct value floating = value_float(decimal_to_float(mantissa, scale));
    if (value_compare(decimal, floating) == 0)
      EXPECT(value_hash(decimal) == value_hash(floating));
    else
      EXPECT(!value_equal(decimal, floating));
    int64_t more;
    if (decimal_rescale(mantissa, scale, 18, DECIMAL_EXACT, &more) == NUMBER_OK)
      EXPECT(value_hash(decimal) == value_hash(value_decimal(more, 18)));
    int64_t whole;
    if (decimal_rescale(mantissa, scale, 0, DECIMAL_EXACT, &whole) == NUMBER_OK) same(decimal, value_int(whole));
  }
}

TEST(other_kinds) {
  less(text(""), text("a"));
  less(text("a"), text("ab"));
  less(text("Z"), text("a"));
  less(text("a\x7f"), text("a\xc3\xa4")); /* bytewise, unsigned */
  same(text("abc"), text("abc"));
  EXPECT(value_hash(text("abc")) == hash_bytes("abc", 3));
  less(value_bool(false), value_bool(true));
  less(value_time(-5), value_time(5));
  same(value_duration(7), value_duration(7));
  less(address("1.2.3.4"), address("1.2.3.5"));
  less(address("9.0.0.0"), address("10.0.0.0"));
  less(address("255.255.255.255"), address("::1")); /* v4 before v6 */
  less(address("::1"), address("2001:db8::"));
  same(address("2001:DB8:0:0:0:0:0:1"), address("2001:db8::1"));
  less(network("10.0.0.0/8"), network("10.0.0.0/9"));
  same(network("2001:db8::/32"), network("2001:db8:0::/32"));
}

TEST(equality_of_anything) {
  EXPECT(value_equal(value_null(), value_null()));
  EXPECT(!value_equal(value_null(), value_int(0)));
  EXPECT(!value_equal(value_int(0), value_null()));
  EXPECT(!value_equal(text("1"), value_int(1)));
  EXPECT(!value_equal(value_time(1), value_duration(1)));
  EXPECT(!value_equal(value_bool(true), value_int(1)));
  EXPECT(!value_equal(network("1.2.3.4/32"), address("1.2.3.4")));
  EXPECT(!value_equal(list(NULL, 0), value_null()));
}

TEST(lists) {
  struct value a[] = {value_int(1), text("x")}, b[] = {value_float(1), text("x"), text("y")}, c[] = {value_null()};
  same(list(a, 2), list(b, 2));
  less(list(a, 2), list(b, 3));
  less(list(a, 0), list(a, 1));
  same(list(NULL, 0), list(a, 0));
  less(list(c, 1), list(a, 1));
  EXPECT(value_hash(list(a, 1)) != value_hash(a[0]));
}

static struct mem *mem;
static struct buf out;
static const char *json(struct value v) {
  buf_clear(&out);
  value_json(&out, v);
  return buf_text(&out);
}
static const char *message(struct value v) {
  buf_clear(&out);
  value_message(&out, v);
  return buf_text(&out);
}

TEST(forms) {
  mem = mem_new(0);
  buf_init(&out, mem);
  EXPECT_TEXT(json(value_null()), "null");
  EXPECT_TEXT(json(value_bool(true)), "true");
  EXPECT_TEXT(json(value_bool(false)), "false");
  EXPECT_TEXT(json(value_int(INT64_MIN)), "-9223372036854775808");
  EXPECT_TEXT(json(value_float(1e21)), "1e+21");
  EXPECT_TEXT(json(value_float(-0.0)), "0");
  EXPECT_TEXT(json(value_decimal(300, 2)), "3.00");
  EXPECT_TEXT(json(text("a\"\n")), "\"a\\\"\\n\"");
  EXPECT_TEXT(json(value_time(1795255500000000)), "\"2026-11-21T10:05:00Z\"");
  EXPECT_TEXT(json(value_duration(1800000000)), "1800000000");
  EXPECT_TEXT(json(address("10.0.0.1")), "\"10.0.0.1\"");
  EXPECT_TEXT(json(address("2001:db8:0:0:1:0:0:1")), "\"2001:db8::1:0:0:1\"");
  EXPECT_TEXT(json(network("10.0.0.0/8")), "\"10.0.0.0/8\"");
  struct value elements[] = {text("a"), value_null(), value_decimal(5, 1)};
  EXPECT_TEXT(json(list(elements, 3)), "[\"a\",null,0.5]");
  EXPECT_TEXT(json(list(NULL, 0)), "[]");
  EXPECT_TEXT(message(text("a\"\n")), "a\"\n");
  EXPECT_TEXT(message(value_time(0)), "1970-01-01T00:00:00Z");
  EXPECT_TEXT(message(address("::1")), "::1");
  EXPECT_TEXT(message(value_null()), "null");
  EXPECT_TEXT(message(value_decimal(-5, 2)), "-0.05");
  EXPECT_TEXT(message(list(elements, 1)), "[\"a\"]");
  mem_free_all(mem);
}

TEST(copies_are_deep) {
  mem = mem_new(0);
  struct arena arena;
  arena_init(&arena, mem, 1024);
  char bytes[] = "hello";
  struct value elements[3] = {value_string(slice_of(bytes)), address("2001:db8::7"), value_decimal(7, 1)};
  struct value original = list(elements, 3), kept[3];
  EXPECT_INT(value_extra_bytes(original), 3 * 16 + 8 + 16);
  EXPECT_INT(value_extra_bytes(value_int(5)), 0);
  EXPECT_INT(value_extra_bytes(address("1.2.3.4")), 0);
  EXPECT_INT(value_extra_bytes(text("")), 0);
  struct value copy = value_copy(&arena, original);
  char *room = arena_alloc(&arena, value_extra_bytes(original) + 8), *extra = room;
  kept[0] = value_copy_to(&extra, text("12345"));
  kept[1] = value_copy_to(&extra, elements[1]);
  kept[2] = value_copy_to(&extra, text(""));
  EXPECT_INT(extra - room, 8 + 16);
  extra = room + 24;
  struct value by_room = value_copy_to(&extra, list(elements, 2));
  memset(bytes, 'x', 5);
  memset(addresses, 0, sizeof addresses);
  elements[2] = value_null();
  EXPECT(value_equal(kept[0], text("12345")));
  EXPECT(value_equal(by_room.list[0], text("hello")));
  EXPECT(value_equal(copy.list[0], text("hello")));
  EXPECT(value_equal(copy.list[1], address("2001:db8::7")));
  EXPECT(value_equal(kept[1], copy.list[1]));
  EXPECT(value_equal(copy.list[2], value_decimal(7, 1)));
  EXPECT_INT(kept[2].length, 0);
  EXPECT(value_is_null(value_copy(&arena, value_null())));
  mem_free_all(mem);
}

TEST(hashes_of_128_bits_as_text) {
  char hex[33];
  hash_128_text(hash_bytes_128("", 0), hex);
  EXPECT_TEXT(hex, "99aa06d3014798d86001c324468d497f"); /* as xxhsum prints it */
}

TEST_MAIN
