/* floors: engine rules nfa base */
/* Lists and tables that change: against a model that looks through all changes ever made, at the borders of their
 * times, over what the text lists, for all types; limits; memory that comes back. */
#include "engine/live.h"

#include "base/ip.h"
#include "rules/list_set.h"
#include "rules/table_rows.h"
#include "test.h"

static struct mem *mem;
static struct arena arena;
static struct list_def lists[2];
static struct table_def tables[2];
static struct ruleset ruleset;

/* One live list of the type, with what the text lists; -1 = not said. */
static struct live *begin_list(struct type type, const struct value *listed, size_t count, int64_t ttl_us,
                               int64_t visible_after_us, uint64_t entries_max) {
  mem = mem_new(0);
  if (MEM_GUARD(mem)) {
    printf("out of memory\n");
    return NULL;
  }
  arena_init(&arena, mem, 1 << 14);
  lists[0] = (struct list_def){.name = SLICE("watch"),
                               .type = type,
                               .set = list_set_build(&arena, type, listed, count),
                               .ttl_us = ttl_us,
                               .visible_after_us = visible_after_us,
                               .live = true};
  lists[1] = (struct list_def){.name = SLICE("fixed"), .type = type, .set = lists[0].set, .ttl_us = -1};
  ruleset = (struct ruleset){.list_count = 2, .lists = lists};
  return live_new(mem, &ruleset, entries_max, NULL, NULL);
}
static void end(void) { mem_free_all(mem); }

static struct value text(const char *s) { return value_string(slice_of(s)); }

static struct value address(const char *s) {
  struct ip *ip = arena_new(&arena, struct ip);
  bool network = strchr(s, '/') != NULL;
  const char *wrong = network ? ip_parse_network(slice_of(s), ip) : ip_parse(slice_of(s), ip);
  EXPECT(wrong == NULL);
  return network ? ip_network_value(ip) : ip_value(ip);
}

static int has(struct live *live, struct value value, int64_t now) {
  live_time(live, now);
  return live_list_has(live, 0, value);
}

TEST(an_entry_is_there_until_its_end) {
  struct live *live = begin_list(TYPE(VALUE_STRING), NULL, 0, 50, -1, 0);
  EXPECT_INT(has(live, text("x"), 0), 0);
  live_list_add(live, 0, text("x"), 100, 10);
  EXPECT_INT(has(live, text("x"), 100), 1); /* the next question of the same moment sees it */
  EXPECT_INT(has(live, text("y"), 100), 0);
  EXPECT_INT(has(live, text("x"), 109), 1);
  EXPECT_INT(live_counts(live).entries, 1);
  EXPECT_INT(has(live, text("x"), 110), 0);
  EXPECT_INT(live_counts(live).entries, 0);
  live_list_add(live, 0, text("x"), 200, -1); /* the list's ttl */
  EXPECT_INT(has(live, text("x"), 249), 1);
  EXPECT_INT(has(live, text("x"), 250), 0);
  end();
}

TEST(adding_again_sets_the_end_anew) {
  struct live *live = begin_list(TYPE(VALUE_STRING), NULL, 0, -1, -1, 0);
  live_list_add(live, 0, text("x"), 0, 10);
  live_list_add(live, 0, text("x"), 5, 10);
  EXPECT_INT(has(live, text("x"), 14), 1);
  EXPECT_INT(has(live, text("x"), 15), 0);
  live_list_add(live, 0, text("x"), 20, 100);
  live_list_add(live, 0, text("x"), 21, 1); /* earlier: the later call holds */
  EXPECT_INT(has(live, text("x"), 21), 1);
  EXPECT_INT(has(live, text("x"), 22), 0);
  live_list_add(live, 0, text("x"), 30, -1); /* for ever */
  EXPECT_INT(has(live, text("x"), INT64_MAX), 1);
  end();
}

TEST(remove_hides_what_the_text_lists_until_it_is_added) {
  struct value listed[] = {text("x"), text("y")};
  struct live *live = begin_list(TYPE(VALUE_STRING), listed, 2, -1, -1, 0);
  EXPECT_INT(has(live, text("x"), 0), 1);
  live_list_remove(live, 0, text("x"), 0);
  EXPECT_INT(has(live, text("x"), 0), 0);
  EXPECT_INT(live_list_has(live, 1, text("x")), 1); /* another list */
  EXPECT_INT(has(live, text("x"), 1000000), 0);
  EXPECT_INT(has(live, text("y"), 1000000), 1);
  live_list_add(live, 0, text("x"), 1000001, 10);
  EXPECT_INT(has(live, text("x"), 1000002), 1);
  EXPECT_INT(has(live, text("x"), 1000011), 1); /* the text lists it, and nothing hides it any more */
  EXPECT_INT(live_counts(live).entries, 0);
  live_list_remove(live, 0, text("z"), 1000012); /* nothing to hide leaves nothing behind */
  EXPECT_INT(live_counts(live).entries, 0);
  live_list_add(live, 0, text("z"), 1000013, -1);
  live_list_remove(live, 0, text("z"), 1000014);
  EXPECT_INT(has(live, text("z"), 1000014), 0);
  EXPECT_INT(live_counts(live).entries, 0);
  live_list_add(live, 0, value_null(), 1000015, -1);
  live_list_remove(live, 0, value_null(), 1000015);
  EXPECT_INT(live_list_has(live, 0, value_null()), 0);
  EXPECT_INT(live_counts(live).entries, 0);
  end();
}

TEST(addresses_and_networks_lie_one_above_the_other) {
  struct live *live = begin_list(TYPE(VALUE_IP), NULL, 0, -1, -1, 0);
  struct value listed[] = {address("10.0.0.0/8"), address("2001:db8::/32")};
  lists[0].set = list_set_build(&arena, TYPE(VALUE_IP), listed, 2);
  EXPECT_INT(has(live, address("10.1.2.3"), 0), 1);
  live_list_remove(live, 0, address("10.1.2.3"), 1);
  EXPECT_INT(has(live, address("10.1.2.3"), 1), 0);
  EXPECT_INT(has(live, address("10.1.2.4"), 1), 1);
  live_list_add(live, 0, address("10.1.2.0/24"), 2, 10); /* a later change above it */
  EXPECT_INT(has(live, address("10.1.2.3"), 2), 1);
  EXPECT_INT(has(live, address("10.1.2.3"), 12), 0);
  live_list_remove(live, 0, address("0.0.0.0/0"), 13);
  EXPECT_INT(has(live, address("10.1.2.4"), 13), 0);
  EXPECT_INT(has(live, address("2001:db8::1"), 13), 1); /* v4 and v6 are apart */
  live_list_remove(live, 0, address("2001:db8:0:1::/64"), 13);
  EXPECT_INT(has(live, address("2001:db8:0:1::1"), 13), 0);
  EXPECT_INT(has(live, address("2001:db8:0:2::1"), 13), 1);
  live_list_add(live, 0, address("2001:db8:0:1::1"), 14, 10);
  EXPECT_INT(has(live, address("2001:db8:0:1::1"), 14), 1);
  EXPECT_INT(has(live, address("2001:db8:0:1::2"), 14), 0);
  live_list_add(live, 0, address("192.168.7.7/32"), 15, 10); /* a network of one is the address */
  EXPECT_INT(has(live, address("192.168.7.7"), 15), 1);
  live_list_remove(live, 0, address("192.168.7.7"), 16);
  EXPECT_INT(has(live, address("192.168.7.7"), 16), 0);
  live_list_add(live, 0, address("::/0"), 17, -1);
  EXPECT_INT(has(live, address("::ffff:1.2.3.4"), 17), 1);
  EXPECT_INT(has(live, address("1.2.3.4"), 17), 0);
  end();
}

TEST(a_removal_goes_with_what_it_hides) {
  struct live *live = begin_list(TYPE(VALUE_IP), NULL, 0, -1, -1, 0);
  live_list_add(live, 0, address("10.0.0.0/8"), 0, 100);
  live_list_remove(live, 0, address("10.1.2.3"), 1);
  live_list_remove(live, 0, address("11.1.2.3"), 1);
  live_list_remove(live, 0, address("10.2.0.0/16"), 1);
  EXPECT_INT(live_counts(live).entries, 3);
  EXPECT_INT(has(live, address("10.1.2.3"), 99), 0);
  EXPECT_INT(has(live, address("10.2.2.3"), 99), 0);
  EXPECT_INT(has(live, address("10.3.2.3"), 99), 1);
  live_time(live, 100);
  EXPECT_INT(live_counts(live).entries, 0);
  end();
}

TEST(every_type_can_be_listed) {
  static const struct {
    struct type type;
    struct value in, same, out;
  } cases[] = {
      {{.kind = VALUE_INT},
       {.i = -7, .kind = VALUE_INT},
       {.i = -700, .scale = 2, .kind = VALUE_DECIMAL},
       {.i = 7, .kind = VALUE_INT}},
      {{.kind = VALUE_DECIMAL, .scale = 2},
       {.i = 150, .scale = 2, .kind = VALUE_DECIMAL},
       {.f = 1.5, .kind = VALUE_FLOAT},
       {.i = 151, .scale = 2, .kind = VALUE_DECIMAL}},
      {{.kind = VALUE_FLOAT},
       {.f = 0.0, .kind = VALUE_FLOAT},
       {.f = -0.0, .kind = VALUE_FLOAT},
       {.f = 5e-324, .kind = VALUE_FLOAT}},
      {{.kind = VALUE_TIME},
       {.i = INT64_MIN, .kind = VALUE_TIME},
       {.i = INT64_MIN, .kind = VALUE_TIME},
       {.i = 0, .kind = VALUE_TIME}},
      {{.kind = VALUE_DURATION},
       {.i = 0, .kind = VALUE_DURATION},
       {.i = 0, .kind = VALUE_DURATION},
       {.i = 1, .kind = VALUE_DURATION}},
      {{.kind = VALUE_BOOL}, {.i = 1, .kind = VALUE_BOOL}, {.i = 1, .kind = VALUE_BOOL}, {.i = 0, .kind = VALUE_BOOL}},
      {{.kind = VALUE_STRING},
       {.s = "", .kind = VALUE_STRING},
       {.s = "x", .kind = VALUE_STRING},
       {.s = "\0", .length = 1, .kind = VALUE_STRING}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct live *live = begin_list(cases[i].type, NULL, 0, -1, -1, 0);
    live_list_add(live, 0, cases[i].in, 0, 10);
    EXPECT_INT(has(live, cases[i].in, 0), 1);
    EXPECT_INT(has(live, cases[i].same, 0), 1);
    EXPECT_INT(has(live, cases[i].out, 0), 0);
    live_list_add(live, 0, cases[i].same, 5, 10);
    EXPECT_INT(live_counts(live).entries, 1);
    live_list_remove(live, 0, cases[i].same, 6);
    EXPECT_INT(has(live, cases[i].in, 6), 0);
    end();
  }
}

TEST(entries_do_not_borrow) {
  struct live *live = begin_list(TYPE(VALUE_STRING), NULL, 0, -1, -1, 0);
  char bytes[] = "a string that is gone soon";
  live_list_add(live, 0, text(bytes), 0, 10);
  memset(bytes, 'x', sizeof bytes - 1);
  EXPECT_INT(has(live, text(bytes), 1), 0);
  EXPECT_INT(has(live, text("a string that is gone soon"), 1), 1);
  end();
}

TEST(visible_after_a_time) {
  struct value listed[] = {text("t")};
  struct live *live = begin_list(TYPE(VALUE_STRING), listed, 1, -1, 10, 0);
  live_list_add(live, 0, text("x"), 100, 50);
  live_list_remove(live, 0, text("t"), 100);
  live_list_add(live, 0, text("short"), 100, 10); /* is over when it would be seen */
  EXPECT_INT(has(live, text("x"), 109), 0);
  EXPECT_INT(has(live, text("t"), 109), 1);
  live_list_remove(live, 0, text("x"), 109);
  EXPECT_INT(has(live, text("x"), 110), 1);
  EXPECT_INT(has(live, text("t"), 110), 0);
  EXPECT_INT(has(live, text("short"), 110), 0);
  EXPECT_INT(has(live, text("x"), 118), 1);
  EXPECT_INT(has(live, text("x"), 119), 0);
  live_list_add(live, 0, text("x"), 120, 50); /* D counts from the change, not from its being seen */
  EXPECT_INT(has(live, text("x"), 169), 1);
  EXPECT_INT(has(live, text("x"), 170), 0);
  end();
}

TEST(beyond_the_limit_the_oldest_change_goes) {
  struct value listed[] = {text("listed")};
  struct live *live = begin_list(TYPE(VALUE_STRING), listed, 1, -1, -1, 3);
  live_list_remove(live, 0, text("listed"), 0);
  live_list_add(live, 0, text("a"), 1, 100);
  live_list_add(live, 0, text("b"), 2, -1);
  live_list_add(live, 0, text("a"), 3, 100); /* changed again: "listed" is the oldest */
  EXPECT_INT(live_counts(live).dropped, 0);
  live_list_add(live, 0, text("c"), 4, -1);
  EXPECT_INT(live_counts(live).dropped, 1);
  EXPECT_INT(has(live, text("listed"), 4), 1);
  live_list_add(live, 0, text("d"), 5, -1);
  EXPECT_INT(has(live, text("b"), 5), 0);
  EXPECT_INT(has(live, text("a"), 5), 1);
  EXPECT_INT(live_counts(live).entries, 3);
  EXPECT_INT(live_counts(live).dropped, 2);
  end();
  live = begin_list(TYPE(VALUE_STRING), NULL, 0, -1, 1000, 3); /* what waits counts */
  live_list_add(live, 0, text("a"), 0, -1);
  live_list_add(live, 0, text("b"), 1000, -1);
  for (int i = 0; i < 3; i++) live_list_add(live, 0, text("c"), 1001, -1);
  EXPECT_INT(live_counts(live).entries, 3);
  EXPECT_INT(live_counts(live).dropped, 2);
  EXPECT_INT(has(live, text("a"), 2001), 0);
  EXPECT_INT(has(live, text("b"), 2001), 0);
  EXPECT_INT(has(live, text("c"), 2001), 1);
  end();
}

TEST(limits_do_not_depend_on_how_time_is_told) {
  uint64_t dropped[2];
  for (int often = 0; often < 2; often++) {
    struct live *live = begin_list(TYPE(VALUE_INT), NULL, 0, -1, 7, 4);
    for (int64_t t = 0; t < 1000; t++) {
      if (often) live_time(live, t);
      if (t % 40 < 9) live_list_add(live, 0, value_int(t), t, 9 + t % 5);
    }
    live_time(live, 1000);
    dropped[often] = live_counts(live).dropped;
    end();
  }
  EXPECT(dropped[0] > 0);
  EXPECT_INT(dropped[0], dropped[1]);
}

/* ---- against a model ---- */

static uint64_t state = 0x9e3779b97f4a7c15u;
static unsigned random_below(unsigned bound) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 33) % bound;
}

enum { CHANGES = 300 };
struct made {
  struct value value;
  bool remove;
  int64_t from, until;
};

static bool same(struct value a, struct value b) {
  if (a.kind != VALUE_IP && a.kind != VALUE_NETWORK) return value_equal(a, b);
  struct ip x = ip_of_value(a), y = ip_of_value(b);
  return memcmp(&x, &y, sizeof x) == 0;
}

static bool holds(struct value outer, struct value inner) {
  return outer.kind == VALUE_IP || outer.kind == VALUE_NETWORK ? ip_network_has(outer, inner)
                                                               : value_equal(outer, inner);
}

/* From the latest change to the earliest: those that an equal one stands above are not there. */
static int model_has(const struct made *made, int count, const struct list_set *set, struct value value, int64_t now) {
  for (int i = count - 1; i >= 0; i--) {
    if (made[i].from > now || !holds(made[i].value, value)) continue;
    bool replaced = false;
    for (int j = i + 1; j < count && !replaced; j++)
      replaced = made[j].from <= now && same(made[j].value, made[i].value);
    if (replaced || (!made[i].remove && made[i].until <= now)) continue;
    return !made[i].remove;
  }
  return list_set_has(set, value);
}

static struct value random_address(bool network) {
  struct ip *ip = arena_new(&arena, struct ip);
  static const uint8_t prefixes4[] = {0, 8, 15, 16, 30, 31, 32}, prefixes6[] = {0, 1, 63, 64, 65, 127, 128};
  ip->length = random_below(2) ? 4 : 16;
  ip->prefix = (uint8_t)(ip->length * 8);
  for (unsigned i = 0; i < ip->length; i++) ip->bytes[i] = (uint8_t)(i == 0 || random_below(3) ? 10 : random_below(4));
  if (!network) return ip_value(ip);
  ip->prefix = ip->length == 4 ? prefixes4[random_below(7)] : prefixes6[random_below(7)];
  for (unsigned bit = ip->prefix; bit < ip->length * 8u; bit++)
    ip->bytes[bit / 8] = (uint8_t)(ip->bytes[bit / 8] & ~(0x80u >> bit % 8));
  return ip_network_value(ip);
}

static struct value random_value(struct type type, bool network) {
  static const char *const words[] = {"", "a", "b", "cc", "a much longer string than those before", "e"};
  if (type.kind == VALUE_IP) return random_address(network && random_below(2));
  if (type.kind == VALUE_STRING) return text(words[random_below(6)]);
  return random_below(2) ? value_decimal(random_below(6) * 100, 2) : value_int(random_below(6));
}

TEST(random_changes_are_what_the_words_say) {
  static const struct type types[] = {{.kind = VALUE_STRING}, {.kind = VALUE_DECIMAL, .scale = 2}, {.kind = VALUE_IP}};
  static struct made made[CHANGES];
  unsigned seen[2] = {0};
  for (int round = 0; round < 300 && !test_failed; round++) {
    struct type type = types[round % 3];
    int64_t ttl_us = random_below(2) ? -1 : (int64_t)random_below(300);
    int64_t visible_after_us = random_below(2) ? -1 : (int64_t)random_below(50);
    struct live *live = begin_list(type, NULL, 0, ttl_us, visible_after_us, 0);
    struct value listed[4];
    size_t listed_count = random_below(5);
    for (size_t i = 0; i < listed_count; i++) listed[i] = random_value(type, true);
    lists[0].set = list_set_build(&arena, type, listed, listed_count);
    int64_t time = (int64_t)random_below(1000) - 500;
    for (int i = 0; i < CHANGES && !test_failed; i++) {
      time += random_below(3) == 0 ? 0 : (int64_t)random_below(20);
      int64_t for_us = random_below(3) == 0 ? -1 : 1 + (int64_t)random_below(200);
      made[i] = (struct made){.value = random_value(type, true), .remove = random_below(3) == 0};
      int64_t stays_us = for_us < 0 ? ttl_us : for_us;
      made[i].from = visible_after_us > 0 ? time + visible_after_us : time;
      made[i].until = stays_us < 0 ? INT64_MAX : time + stays_us;
      if (made[i].remove)
        live_list_remove(live, 0, made[i].value, time);
      else
        live_list_add(live, 0, made[i].value, time, for_us);
      for (int question = 0; question < 4; question++) {
        if (question == 2) time += random_below(30);
        struct value value = random_value(type, false);
        int got = has(live, value, time), expected = model_has(made, i + 1, lists[0].set, value, time);
        EXPECT_INT(got, expected);
        seen[expected]++;
      }
    }
    live_time(live, INT64_MAX - 1);
    end();
  }
  EXPECT(seen[0] > 10000 && seen[1] > 10000);
}

TEST(memory_comes_back_with_event_time) {
  struct live *live = begin_list(TYPE(VALUE_IP), NULL, 0, -1, -1, 0);
  size_t early = 0;
  for (int64_t t = 0; t < 300000; t++) {
    struct value value = {.kind = VALUE_IP, .length = 4, .i = t * 7919 & 0xffffffff};
    live_list_add(live, 0, value, t, 1 + t % 1000);
    if (t == 5000) early = mem_used(mem);
  }
  EXPECT(live_counts(live).entries < 1000);
  EXPECT(mem_used(mem) <= early);
  EXPECT(live_bytes(live) > 0 && live_bytes(live) <= mem_used(mem));
  live_time(live, 400000);
  EXPECT_INT(live_counts(live).entries, 0);
  end();
}

/* ---- tables ---- */

static const uint16_t column_slots[] = {0, 1};

static struct live *begin_table(int64_t ttl_us, bool on_read, uint64_t entries_max) {
  mem = mem_new(0);
  if (MEM_GUARD(mem)) {
    printf("out of memory\n");
    return NULL;
  }
  arena_init(&arena, mem, 1 << 14);
  struct err err;
  err_clear(&err);
  struct table_column key = {.name = SLICE("k"), .type = TYPE(VALUE_STRING)};
  struct table_column column = {.name = SLICE("tier"), .type = TYPE(VALUE_STRING)};
  tables[0] = (struct table_def){.name = SLICE("profile"),
                                 .column_count = 2,
                                 .live = true,
                                 .ttl_on_read = on_read,
                                 .column_slots = column_slots,
                                 .ttl_us = ttl_us};
  tables[1] =
      (struct table_def){.name = SLICE("bins"),
                         .column_count = 1,
                         .rows = table_rows_parse(&arena, &key, &column, 1, SLICE("k,tier\nx,gold\n"), "t.csv", &err)};
  ruleset = (struct ruleset){.table_count = 2, .tables = tables};
  return live_new(mem, &ruleset, entries_max, NULL, NULL);
}

static void put(struct live *live, const char *key, const char *tier, int64_t limit, int64_t now) {
  struct value columns[2] = {tier == NULL ? value_null() : text(tier), value_int(limit)};
  live_table_put(live, 0, text(key), columns, now);
}

static const char *tier(struct live *live, const char *key, int64_t now) {
  live_time(live, now);
  struct value value = live_lookup.table_get(live, 0, 0, text(key));
  return value_is_null(value) ? "null" : arena_copy(&arena, value.s, value.length);
}

TEST(the_last_row_of_each_key_for_its_time) {
  struct live *live = begin_table(100, false, 0);
  EXPECT_TEXT(tier(live, "u", 0), "null");
  put(live, "u", "silver", 5, 10);
  put(live, "v", "gold", 6, 10);
  EXPECT_TEXT(tier(live, "u", 10), "silver");
  EXPECT_INT(live_table_get(live, 0, 1, text("u")).i, 5);
  put(live, "u", "a tier with a name that is longer than before", 7, 50);
  EXPECT_TEXT(tier(live, "u", 60), "a tier with a name that is longer than before");
  EXPECT_TEXT(tier(live, "v", 109), "gold"); /* asking does not extend */
  EXPECT_TEXT(tier(live, "v", 110), "null");
  EXPECT_TEXT(tier(live, "u", 149), "a tier with a name that is longer than before");
  put(live, "u", NULL, 8, 149); /* nulls are of the last row, too */
  EXPECT_TEXT(tier(live, "u", 150), "null");
  EXPECT_INT(live_table_get(live, 0, 1, text("u")).i, 8);
  EXPECT_INT(live_counts(live).entries, 1);
  EXPECT_TEXT(tier(live, "u", 249), "null");
  EXPECT_INT(live_counts(live).entries, 0);
  struct value columns[2] = {text("x"), value_int(1)};
  live_table_put(live, 0, value_null(), columns, 250);
  EXPECT_INT(live_counts(live).entries, 0);
  EXPECT(value_is_null(live_table_get(live, 0, 0, value_null())));
  EXPECT(slice_equal(value_slice(live_table_get(live, 1, 0, text("x"))), SLICE("gold"))); /* of a file */
  end();
}

TEST(rows_may_stay_for_ever) {
  struct live *live = begin_table(-1, true, 0);
  put(live, "u", "silver", 5, 10);
  EXPECT_TEXT(tier(live, "u", INT64_MAX), "silver");
  end();
}

TEST(asking_extends_where_it_should) {
  struct live *live = begin_table(100, true, 0);
  put(live, "u", "silver", 5, 0);
  put(live, "v", "gold", 5, 0);
  EXPECT_TEXT(tier(live, "u", 99), "silver");
  EXPECT_TEXT(tier(live, "v", 100), "null");
  EXPECT_TEXT(tier(live, "u", 198), "silver");
  EXPECT_TEXT(tier(live, "u", 298), "null");
  end();
}

static int64_t asked_until;
static void note_asked(void *context, uint16_t table, struct value key, int64_t until) {
  EXPECT(table == 0 && value_equal(key, text(context)));
  asked_until = until;
}

TEST(what_is_asked_elsewhere_is_kept_as_long) {
  struct live *here = begin_table(100, true, 0);
  char name[] = "u";
  struct live *there = live_new(mem, &ruleset, 0, note_asked, name);
  put(here, "u", "silver", 5, 0);
  put(there, "u", "silver", 5, 0);
  EXPECT_TEXT(tier(there, "u", 99), "silver");
  EXPECT_INT(asked_until, 199);
  live_table_keep(here, 0, text("u"), asked_until);
  live_table_keep(here, 0, text("v"), asked_until); /* nothing to keep */
  EXPECT_TEXT(tier(here, "u", 198), "silver");
  asked_until = 0;
  EXPECT_TEXT(tier(there, "u", 99), "silver"); /* no later than before: nobody is told */
  EXPECT_INT(asked_until, 0);
  EXPECT_TEXT(tier(there, "u", 199), "null");
  EXPECT_INT(asked_until, 0);
  end();
}

TEST(beyond_the_limit_the_row_that_was_touched_longest_ago_goes) {
  for (int on_read = 0; on_read < 2; on_read++) {
    struct live *live = begin_table(1000, on_read, 2);
    put(live, "u", "silver", 5, 0);
    put(live, "v", "gold", 5, 1);
    EXPECT_TEXT(tier(live, "u", 2), "silver");
    put(live, "w", "tin", 5, 3);
    EXPECT_TEXT(tier(live, on_read ? "v" : "u", 4), "null");
    EXPECT_TEXT(tier(live, on_read ? "u" : "v", 4), on_read ? "silver" : "gold");
    EXPECT_INT(live_counts(live).dropped, 1);
    EXPECT_INT(live_counts(live).entries, 2);
    end();
  }
}

TEST(a_row_may_be_made_from_the_row_before) {
  struct live *live = begin_table(100, false, 0);
  put(live, "a user with a long name", "a tier with a long name", 5, 0);
  struct value columns[2] = {live_table_get(live, 0, 0, text("a user with a long name")), value_int(6)};
  live_table_put(live, 0, text("a user with a long name"), columns, 1);
  EXPECT_TEXT(tier(live, "a user with a long name", 1), "a tier with a long name");
  end();
}

TEST(random_rows_are_what_the_words_say) {
  enum { KEYS = 40 };
  static const char *const tiers[] = {"a", "bb", "a tier with a rather long name"};
  for (int round = 0; round < 100 && !test_failed; round++) {
    bool on_read = random_below(2);
    int64_t ttl_us = 1 + (int64_t)random_below(300), time = 0, until[KEYS] = {0};
    const char *last[KEYS] = {0};
    struct live *live = begin_table(ttl_us, on_read, 0);
    for (int i = 0; i < 2000 && !test_failed; i++) {
      time += random_below(10);
      unsigned key = random_below(KEYS);
      char name[8];
      snprintf(name, sizeof name, "k%u", key);
      if (random_below(2)) {
        last[key] = tiers[random_below(3)];
        until[key] = time + ttl_us;
        put(live, name, last[key], 1, time);
      } else {
        bool there = last[key] != NULL && time < until[key];
        EXPECT_TEXT(tier(live, name, time), there ? last[key] : "null");
        if (there && on_read) until[key] = time + ttl_us;
      }
    }
    uint64_t alive = 0;
    for (int k = 0; k < KEYS; k++) alive += last[k] != NULL && time < until[k];
    EXPECT_INT(live_counts(live).entries, alive);
    end();
  }
}

TEST_MAIN
