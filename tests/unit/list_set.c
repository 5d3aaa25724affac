/* floors: base nfa rules */
/* list_set.c - what a list has, whatever it is of; list files and what is said of broken ones. */
#include "rules/list_set.h"

#include "base/check.h"
#include "base/ip.h"
#include "test.h"

struct fixture {
  struct mem *mem;
  struct arena arena;
  struct err err;
};

static void set_up(struct fixture *f) {
  f->mem = mem_new(0);
  arena_init(&f->arena, f->mem, 4096);
  err_clear(&f->err);
}
static void tear_down(struct fixture *f) { mem_free_all(f->mem); }

static struct value text(const char *bytes) { return value_string(slice_of(bytes)); }

static struct value ip(struct fixture *f, const char *bytes) {
  struct ip parsed;
  struct slice s = slice_of(bytes);
  bool network = strchr(bytes, '/') != NULL;
  check((network ? ip_parse_network(s, &parsed) : ip_parse(s, &parsed)) == NULL);
  return value_copy(&f->arena, network ? ip_network_value(&parsed) : ip_value(&parsed));
}

TEST(strings_are_told_apart_by_bytes) {
  struct fixture f;
  set_up(&f);
  struct value values[] = {text("AA"), text("BB"), text("AA"), text(""), value_null()};
  struct list_set *set = list_set_build(&f.arena, TYPE(VALUE_STRING), values, 5);
  EXPECT_INT(list_set_count(set), 3);
  EXPECT(list_set_has(set, text("AA")));
  EXPECT(list_set_has(set, text("")));
  EXPECT(!list_set_has(set, text("aa")));
  EXPECT(!list_set_has(set, text("A")));
  EXPECT(!list_set_has(set, text("AAA")));
  tear_down(&f);
}

TEST(empty_sets_have_nothing) {
  struct fixture f;
  set_up(&f);
  EXPECT(!list_set_has(list_set_build(&f.arena, TYPE(VALUE_STRING), NULL, 0), text("")));
  EXPECT(!list_set_has(list_set_build(&f.arena, TYPE(VALUE_IP), NULL, 0), ip(&f, "0.0.0.0")));
  EXPECT(!list_set_has(list_set_build(&f.arena, TYPE(VALUE_IP), NULL, 0), ip(&f, "::")));
  tear_down(&f);
}

TEST(thousands_of_strings_are_all_found) {
  struct fixture f;
  set_up(&f);
  enum { COUNT = 5000 };
  static struct value values[COUNT];
  for (int i = 0; i < COUNT; i++) {
    char *name = arena_printf(&f.arena, "merchant-%d", i);
    values[i] = text(name);
  }
  struct list_set *set = list_set_build(&f.arena, TYPE(VALUE_STRING), values, COUNT);
  int found = 0, wrong = 0;
  for (int i = 0; i < COUNT; i++) {
    found += list_set_has(set, values[i]);
    char other[40];
    snprintf(other, sizeof other, "merchant-%d", i + COUNT);
    wrong += list_set_has(set, text(other));
  }
  EXPECT_INT(found, COUNT);
  EXPECT_INT(wrong, 0);
  tear_down(&f);
}

TEST(numbers_are_compared_by_their_value) {
  struct fixture f;
  set_up(&f);
  struct value values[] = {value_decimal(150, 2), value_decimal(200, 2), value_decimal(INT64_MAX, 2)};
  struct list_set *set = list_set_build(&f.arena, TYPE_DECIMAL(2), values, 3);
  EXPECT(list_set_has(set, value_decimal(15, 1)));
  EXPECT(list_set_has(set, value_int(2)));
  EXPECT(list_set_has(set, value_float(1.5)));
  EXPECT(!list_set_has(set, value_decimal(151, 2)));
  EXPECT(list_set_has(set, value_decimal(INT64_MAX, 2)));
  EXPECT(!list_set_has(set, value_float((double)INT64_MAX / 100)));
  tear_down(&f);
}

TEST(networks_hold_their_addresses) {
  struct fixture f;
  set_up(&f);
  struct value values[] = {ip(&f, "10.0.0.0/8"),    ip(&f, "10.1.0.0/16"), ip(&f, "192.168.1.7"), ip(&f, "11.0.0.0/8"),
                           ip(&f, "2001:db8::/32"), ip(&f, "::1"),         ip(&f, "255.0.0.0/8"), ip(&f, "ffff::/16")};
  struct list_set *set = list_set_build(&f.arena, TYPE(VALUE_IP), values, 8);
  const char *in[] = {"10.0.0.0",
                      "10.1.2.3",
                      "11.255.255.255",
                      "192.168.1.7",
                      "::1",
                      "2001:db8::",
                      "255.255.255.255",
                      "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
  const char *out[] = {"9.255.255.255", "12.0.0.0",   "192.168.1.6",     "192.168.1.8",    "0.0.0.0", "::",
                       "::2",           "2001:db9::", "254.255.255.255", "::ffff:10.0.0.1"};
  for (size_t i = 0; i < sizeof in / sizeof *in; i++) EXPECT(list_set_has(set, ip(&f, in[i])));
  for (size_t i = 0; i < sizeof out / sizeof *out; i++) EXPECT(!list_set_has(set, ip(&f, out[i])));
  tear_down(&f);
}

TEST(networks_agree_with_one_by_one) {
  struct fixture f;
  set_up(&f);
  enum { COUNT = 300 };
  struct value values[COUNT];
  uint32_t seed = 12345;
  for (int i = 0; i < COUNT; i++) {
    seed = seed * 1664525 + 1013904223;
    unsigned prefix = 4 + (seed >> 8) % 29;
    uint32_t address = seed & ~(prefix == 32 ? 0u : UINT32_MAX >> prefix);
    struct ip network = {
        .bytes = {(uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8), (uint8_t)address},
        .length = 4,
        .prefix = (uint8_t)prefix};
    values[i] = value_copy(&f.arena, ip_network_value(&network));
  }
  struct list_set *set = list_set_build(&f.arena, TYPE(VALUE_IP), values, COUNT / 3);
  int differ = 0, held = 0;
  for (int i = 0; i < 20000; i++) {
    seed = seed * 1664525 + 1013904223;
    struct value address = {.i = seed, .length = 4, .kind = VALUE_IP};
    bool expected = false;
    for (int j = 0; j < COUNT / 3; j++) expected |= ip_network_has(values[j], address);
    held += expected;
    differ += expected != list_set_has(set, address);
  }
  EXPECT_INT(differ, 0);
  EXPECT(held > 0 && held < 20000);
  tear_down(&f);
}

TEST(everything_is_a_network_too) {
  struct fixture f;
  set_up(&f);
  struct value all = ip(&f, "0.0.0.0/0"), all6 = ip(&f, "::/0");
  EXPECT(list_set_has(list_set_build(&f.arena, TYPE(VALUE_IP), &all, 1), ip(&f, "255.255.255.255")));
  EXPECT(!list_set_has(list_set_build(&f.arena, TYPE(VALUE_IP), &all, 1), ip(&f, "::1")));
  EXPECT(list_set_has(list_set_build(&f.arena, TYPE(VALUE_IP), &all6, 1), ip(&f, "ffff::1")));
  tear_down(&f);
}

static struct list_set *parse(struct fixture *f, struct type type, const char *bytes) {
  return list_set_parse(&f->arena, type, TIME_TEXT, slice_of(bytes), "x.txt", &f->err);
}

TEST(files_have_one_entry_a_line) {
  struct fixture f;
  set_up(&f);
  struct list_set *set = parse(&f, TYPE(VALUE_STRING),
                               "\xef\xbb\xbf"
                               "AA\r\n\r\n# comment\n  two words \t\n#no\nlast");
  EXPECT(set != NULL);
  EXPECT_INT(list_set_count(set), 3);
  EXPECT(list_set_has(set, text("AA")));
  EXPECT(list_set_has(set, text("two words")));
  EXPECT(list_set_has(set, text("last")));
  EXPECT(!list_set_has(set, text("# comment")));
  EXPECT_INT(list_set_count(parse(&f, TYPE(VALUE_INT), "")), 0);
  EXPECT_INT(list_set_count(parse(&f, TYPE(VALUE_INT), "\n\n")), 0);
  set = parse(&f, TYPE(VALUE_DURATION), "1h30m\n5s");
  EXPECT(list_set_has(set, value_duration(90 * INT64_C(60000000))));
  set = parse(&f, TYPE(VALUE_IP), "10.0.0.0/8\n::1\n");
  EXPECT(list_set_has(set, ip(&f, "10.9.9.9")) && list_set_has(set, ip(&f, "::1")));
  tear_down(&f);
}

TEST(broken_files_say_where) {
  struct fixture f;
  set_up(&f);
  EXPECT(parse(&f, TYPE(VALUE_INT), "1\n2\n  12x\n") == NULL);
  EXPECT_TEXT(f.err.file, "x.txt");
  EXPECT_INT(f.err.line, 3);
  EXPECT_INT(f.err.column, 3);
  EXPECT(strstr(f.err.text, "`12x` is not of type int") != NULL);
  EXPECT(parse(&f, TYPE_DECIMAL(2), "1.001") == NULL);
  EXPECT(strstr(f.err.text, "decimal(2)") != NULL);
  EXPECT(parse(&f, TYPE(VALUE_STRING), "ok\n\xff\xfe\n") == NULL);
  EXPECT_INT(f.err.line, 2);
  EXPECT(parse(&f, TYPE(VALUE_IP), "10.0.0.1/8") == NULL);
  EXPECT(parse(&f, TYPE(VALUE_BOOL), "yes") == NULL);
  EXPECT(parse(&f, TYPE(VALUE_INT), "9223372036854775808") == NULL);
  tear_down(&f);
}

TEST_MAIN
