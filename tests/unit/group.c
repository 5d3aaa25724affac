/* floors: engine rules nfa base */
/* Groups: scores by key against a recount of the whole list, decay, bands entered and left, limits; and the alert of a
 * band as bytes. */
#include "engine/group_alert.h"

#include <math.h>

#include "base/time_text.h"
#include "test.h"

#define HOUR TIME_HOUR_US

enum { MEMBERS = 4 };
static struct mem *mem;
static const struct group_band bands[] = {{.action = {"block", 5}, .at = 90, .for_us = 24 * TIME_HOUR_US},
                                          {.action = {"review", 6}, .at = 60, .for_us = -1}};
static struct rule rules[MEMBERS] = {
    {.id = 0, .name = {"a", 1}}, {.id = 1, .name = {"b", 1}}, {.id = 2, .name = {"c", 1}}, {.id = 3, .name = {"d", 1}}};
static const struct ruleset ruleset = {.rule_count = MEMBERS, .rules = rules};
/* Members are not in the order of their rules. */
static const struct group_member members[MEMBERS] = {{.rule = 2}, {.rule = 0}, {.rule = 3}, {.rule = 1}};
static const struct slice key_names[] = {{"user_id", 7}, {"device", 6}};
static const struct type key_types[] = {{.kind = VALUE_STRING}, {.kind = VALUE_STRING}};
static const enum secret_form secrets[] = {SECRET_NONE, SECRET_MASK};
static const uint16_t mask_heads[] = {0, 1}, mask_tails[] = {0, 1};

static struct group_plan plan_of(bool sum, bool all, int64_t max, int64_t decay_us) {
  return (struct group_plan){.name = SLICE("takeover"),
                             .key_count = 1,
                             .key_names = key_names,
                             .key_types = key_types,
                             .secrets = secrets,
                             .mask_heads = mask_heads,
                             .mask_tails = mask_tails,
                             .over_us = 24 * HOUR,
                             .member_count = MEMBERS,
                             .members = members,
                             .score_sum = sum,
                             .sum_all = all,
                             .score_max = max,
                             .decay_us = decay_us,
                             .band_count = 2,
                             .bands = bands};
}

static struct group_set *begin(const struct group_plan *plan) {
  mem = mem_new(0);
  if (MEM_GUARD(mem)) {
    printf("out of memory\n");
    return NULL;
  }
  return group_set_new(mem, &ruleset, plan, 0);
}
static void end(void) { mem_free_all(mem); }

static struct value text(const char *s) { return value_string(slice_of(s)); }

/* The band that it entered, "" for none. `rule` by number. */
static const char *alert(struct group_set *groups, uint16_t rule, const char *user, int64_t time, int64_t score,
                         struct group_entry *entry) {
  static const uint16_t member_of[MEMBERS] = {1, 3, 0, 2};
  static struct value key; /* an entry borrows it */
  static uint64_t number;
  key = text(user);
  struct hash128 id = {.low = ++number, .high = (uint64_t)time};
  if (!group_set_alert(groups, member_of[rule], &key, time, score, id, entry)) return "";
  EXPECT_INT(entry->time, time);
  EXPECT(entry->cause.low == id.low && entry->key == &key);
  return entry->band->action.data;
}

static int64_t score(const struct group_set *groups, const char *user, int64_t time) {
  struct value key = text(user);
  return group_set_score((struct group_set *)(uintptr_t)groups, &key, time);
}

TEST(each_rule_counts_once_with_its_highest) {
  struct group_plan plan = plan_of(true, false, 100, -1);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  EXPECT_TEXT(alert(groups, 2, "u", 0, 40, &e), "");
  EXPECT_TEXT(alert(groups, 2, "u", HOUR, 40, &e), "");
  EXPECT_INT(score(groups, "u", HOUR), 40);
  EXPECT_TEXT(alert(groups, 0, "v", HOUR, 59, &e), "");
  EXPECT_TEXT(alert(groups, 0, "u", 2 * HOUR, 20, &e), "review");
  EXPECT_INT(e.score, 60);
  EXPECT_INT(e.contribution_count, 2);
  EXPECT_INT(e.contributions[0].rule, 0);
  EXPECT_INT(e.contributions[1].rule, 2);
  EXPECT_INT(e.contributions[1].time, HOUR); /* of two equal ones the later, which counts longer */
  EXPECT_TEXT(alert(groups, 0, "u", 2 * HOUR, 20, &e), "");
  EXPECT_TEXT(alert(groups, 3, "u", 3 * HOUR, 70, &e), "block");
  EXPECT_INT(e.score, 100); /* 130 */
  EXPECT_INT(e.contribution_count, 3);
  struct group_counts counts = group_set_counts(groups);
  EXPECT_INT(counts.alerts, 6);
  EXPECT_INT(counts.entered, 2);
  EXPECT_INT(counts.keys, 2);
  EXPECT_INT(counts.entries, 4);
  end();
}

TEST(a_jump_over_both_bands_tells_the_higher) {
  struct group_plan plan = plan_of(true, false, -1, -1);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  EXPECT_TEXT(alert(groups, 0, "u", 0, 90, &e), "block");
  EXPECT_INT(e.score, 90);
  EXPECT_TEXT(alert(groups, 1, "u", 1, 500, &e), "");
  EXPECT_INT(score(groups, "u", 1), 590);
  end();
}

TEST(the_window_is_open_at_its_start) {
  struct group_plan plan = plan_of(true, false, -1, -1);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  EXPECT_TEXT(alert(groups, 0, "u", 0, 60, &e), "review");
  EXPECT_INT(score(groups, "u", 24 * HOUR - 1), 60);
  EXPECT_INT(score(groups, "u", 24 * HOUR), 0);
  EXPECT_TEXT(alert(groups, 0, "u", 24 * HOUR - 1, 60, &e), ""); /* still in it */
  EXPECT_TEXT(alert(groups, 0, "u", 48 * HOUR - 1, 60, &e), "review");
  end();
}

TEST(a_band_that_was_left_is_entered_again) {
  struct group_plan plan = plan_of(true, false, -1, -1);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  EXPECT_TEXT(alert(groups, 0, "u", 0, 30, &e), "");
  EXPECT_TEXT(alert(groups, 1, "u", HOUR, 60, &e), "block");
  EXPECT_TEXT(alert(groups, 2, "u", 24 * HOUR, 30, &e), "block"); /* at that moment the 30 of the first is over */
  EXPECT_INT(e.score, 90);
  EXPECT_TEXT(alert(groups, 0, "u", 24 * HOUR + 1, 30, &e), "");
  EXPECT_TEXT(alert(groups, 0, "u", 25 * HOUR, 30, &e), ""); /* the 60 is over; 60 of two it was before */
  EXPECT_TEXT(alert(groups, 1, "u", 48 * HOUR, 30, &e), "review");
  end();
}

TEST(an_alert_that_came_with_lower_score_takes_over_when_the_higher_is_over) {
  struct group_plan plan = plan_of(true, false, -1, -1);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  EXPECT_TEXT(alert(groups, 0, "u", 0, 80, &e), "review");
  EXPECT_TEXT(alert(groups, 0, "u", HOUR, 30, &e), "");
  EXPECT_TEXT(alert(groups, 0, "u", 2 * HOUR, 50, &e), "");
  EXPECT_INT(group_set_counts(groups).entries, 2); /* the 30 can never matter */
  EXPECT_INT(score(groups, "u", 23 * HOUR), 80);
  EXPECT_INT(score(groups, "u", 24 * HOUR), 50);
  EXPECT_INT(score(groups, "u", 26 * HOUR), 0);
  end();
}

TEST(sum_all_adds_every_alert_and_max_takes_one) {
  struct group_plan plan = plan_of(true, true, -1, -1);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  EXPECT_TEXT(alert(groups, 1, "u", 0, 25, &e), "");
  EXPECT_TEXT(alert(groups, 0, "u", 1, 10, &e), "");
  EXPECT_TEXT(alert(groups, 1, "u", 2, 25, &e), "review");
  EXPECT_INT(e.score, 60);
  EXPECT_INT(e.contribution_count, 3);
  EXPECT_INT(e.contributions[0].rule, 0);
  EXPECT_INT(e.contributions[1].time, 0);
  EXPECT_INT(e.contributions[2].time, 2);
  EXPECT_INT(score(groups, "u", 24 * HOUR), 35);
  EXPECT_INT(score(groups, "u", 24 * HOUR + 1), 25);
  end();
  plan = plan_of(false, false, -1, -1);
  groups = begin(&plan);
  EXPECT_TEXT(alert(groups, 1, "u", 0, 50, &e), "");
  EXPECT_TEXT(alert(groups, 0, "u", 0, 59, &e), "");
  EXPECT_TEXT(alert(groups, 2, "u", 1, 95, &e), "block");
  EXPECT_INT(e.score, 95);
  EXPECT_INT(e.contribution_count, 3);
  end();
}

TEST(a_score_halves_every_half_life) {
  struct group_plan plan = plan_of(true, false, -1, HOUR);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  EXPECT_TEXT(alert(groups, 0, "u", 0, 96, &e), "block");
  static const int64_t at_hours[] = {96, 48, 24, 12, 6, 3, 2 /* 1.5 */, 1 /* 0.75 */, 0 /* 0.375 */};
  for (int64_t h = 0; h < 9; h++) EXPECT_INT(score(groups, "u", h * HOUR), at_hours[h]);
  EXPECT_INT(score(groups, "u", HOUR / 2), 68); /* 67.88 */
  /* The score is the whole number: 89.5 is 90 and inside, one microsecond later it is 89. */
  int64_t last = (int64_t)(log2(96 / 89.5) * (double)HOUR);
  EXPECT_INT(score(groups, "u", last), 90);
  EXPECT_INT(score(groups, "u", last + 1), 89);
  EXPECT_TEXT(alert(groups, 0, "u", last, 96, &e), "");
  EXPECT_TEXT(alert(groups, 0, "u", 2 * last + 1, 96, &e), "block");
  EXPECT_TEXT(alert(groups, 1, "u", 2 * last + 1 + HOUR, 12, &e), "review"); /* 48 + 12 */
  EXPECT_INT(e.score, 60);
  EXPECT_INT(e.contributions[0].score, 96);
  end();
}

TEST(worths_that_are_equal_at_a_half_life_stay_equal) {
  struct group_plan plan = plan_of(true, false, -1, HOUR);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  (void)alert(groups, 0, "u", 0, 80, &e);
  (void)alert(groups, 0, "u", HOUR, 40, &e); /* 80 is 40 by now: the later one lives longer */
  EXPECT_INT(group_set_counts(groups).entries, 1);
  (void)alert(groups, 0, "u", HOUR + 1, 39, &e);
  EXPECT_INT(group_set_counts(groups).entries, 2);
  EXPECT_INT(score(groups, "u", 2 * HOUR), 20);
  end();
}

TEST(alerts_of_nothing_left_are_over) {
  struct group_plan plan = plan_of(true, true, -1, HOUR);
  plan.over_us = 10000 * HOUR;
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  (void)alert(groups, 0, "u", 0, 1000, &e);
  group_set_time(groups, 64 * HOUR - 1);
  EXPECT_INT(group_set_counts(groups).keys, 1);
  group_set_time(groups, 64 * HOUR);
  EXPECT_INT(group_set_counts(groups).keys, 0);
  end();
}

TEST(a_band_at_nothing_is_entered_by_the_first_alert) {
  struct group_plan plan = plan_of(true, false, -1, -1);
  static const struct group_band zero[] = {{.action = {"note", 4}, .at = 0, .for_us = -1}};
  plan.bands = zero;
  plan.band_count = 1;
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  EXPECT_TEXT(alert(groups, 0, "u", 0, 0, &e), "note");
  EXPECT_TEXT(alert(groups, 1, "u", 1, 7, &e), "");
  EXPECT_TEXT(alert(groups, 1, "u", 100 * HOUR, 7, &e), "note");
  end();
}

TEST(huge_scores_are_held) {
  struct group_plan plan = plan_of(true, true, -1, -1);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  for (int i = 0; i < 5; i++) (void)alert(groups, 0, "u", i, INT64_MAX, &e);
  EXPECT_INT(score(groups, "u", 5), INT64_MAX);
  end();
  plan = plan_of(true, true, -1, HOUR);
  groups = begin(&plan);
  for (int i = 0; i < 5; i++) (void)alert(groups, 0, "u", 0, INT64_MAX, &e);
  EXPECT_INT(score(groups, "u", 0), INT64_MAX);
  EXPECT_INT(score(groups, "u", HOUR), INT64_MAX);
  end();
}

TEST(null_keys_are_counted_and_take_no_part) {
  struct group_plan plan = plan_of(true, false, -1, -1);
  plan.key_count = 2;
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  struct value key[2] = {text("u"), value_null()};
  EXPECT(!group_set_alert(groups, 0, key, 0, 100, (struct hash128){1, 1}, &e));
  EXPECT_INT(group_set_score(groups, key, 0), 0);
  key[1] = text("x");
  EXPECT(group_set_alert(groups, 0, key, 0, 100, (struct hash128){1, 1}, &e));
  key[1] = text("y");
  EXPECT(group_set_alert(groups, 0, key, 0, 100, (struct hash128){1, 1}, &e)); /* another key */
  EXPECT_INT(group_set_counts(groups).null_keys, 1);
  EXPECT_INT(group_set_counts(groups).keys, 2);
  end();
}

TEST(idle_keys_leave_with_event_time) {
  struct group_plan plan = plan_of(true, false, -1, -1);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  size_t early = 0;
  for (int i = 0; i < 100000; i++) {
    char user[16];
    snprintf(user, sizeof user, "user%d", i);
    (void)alert(groups, (uint16_t)(i % MEMBERS), user, i * (HOUR / 10), 60, &e);
    if (i == 1000) early = mem_used(mem);
  }
  EXPECT_INT(group_set_counts(groups).keys, 240);
  EXPECT(mem_used(mem) <= early);
  group_set_time(groups, INT64_MAX);
  EXPECT_INT(group_set_counts(groups).keys, 0);
  EXPECT_INT(group_set_counts(groups).entries, 0);
  end();
}

TEST(beyond_the_limit_the_key_that_was_quiet_longest_goes) {
  struct group_plan plan = plan_of(true, true, -1, -1);
  (void)begin(&plan);
  struct group_set *groups = group_set_new(mem, &ruleset, &plan, 4);
  struct group_entry e;
  (void)alert(groups, 0, "old", 0, 10, &e);
  (void)alert(groups, 0, "old", 1, 10, &e);
  (void)alert(groups, 0, "new", 2, 10, &e);
  (void)alert(groups, 0, "old", 3, 10, &e);
  (void)alert(groups, 0, "third", 4, 10, &e); /* drives out "new", quiet since 2 */
  EXPECT_INT(score(groups, "old", 4), 30);
  EXPECT_INT(score(groups, "new", 4), 0);
  EXPECT_INT(group_set_counts(groups).dropped, 1);
  (void)alert(groups, 0, "third", 5, 10, &e); /* "old", all of it */
  EXPECT_INT(score(groups, "old", 5), 0);
  EXPECT_INT(group_set_counts(groups).dropped, 4);
  for (int i = 0; i < 10; i++) (void)alert(groups, 0, "third", 6 + i, 1, &e);
  EXPECT_INT(score(groups, "third", 20), 4);
  EXPECT_INT(group_set_counts(groups).entries, 4);
  end();
}

TEST(one_key_keeps_so_many_alerts) {
  struct group_plan plan = plan_of(true, true, -1, -1);
  struct group_set *groups = begin(&plan);
  struct group_entry e;
  for (int i = 0; i < GROUP_ALERTS_MAX + 10; i++) (void)alert(groups, 0, "u", i, 1, &e);
  EXPECT_INT(score(groups, "u", GROUP_ALERTS_MAX + 10), GROUP_ALERTS_MAX);
  EXPECT_INT(group_set_counts(groups).dropped, 10);
  end();
}

/* ---- against a recount of the whole list ---- */

static uint64_t state = 0x9e3779b97f4a7c15u;
static unsigned random_below(unsigned bound) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 33) % bound;
}

enum { ALERTS = 400, USERS = 5 };
struct given {
  uint16_t rule;
  unsigned user;
  int64_t time, score;
};

/* The score of the first `count` alerts at `time` as the words of the rule say; -1: none. *near: too near a half for
 * this to know how it is rounded. */
static int64_t recount(const struct group_plan *plan, const struct given *given, int count, unsigned user, int64_t time,
                       bool *near) {
  long double highest[MEMBERS] = {0}, total = 0, most = 0;
  bool any = false;
  for (int i = 0; i < count; i++) {
    if (given[i].user != user || given[i].time <= time - plan->over_us || given[i].time > time) continue;
    long double age = (long double)(time - given[i].time);
    if (plan->decay_us > 0 && time - given[i].time >= 64 * plan->decay_us) continue;
    long double worth = given[i].score;
    if (plan->decay_us > 0) worth *= exp2l(-age / plan->decay_us);
    any = true;
    if (plan->sum_all) total += worth;
    if (worth > highest[given[i].rule]) highest[given[i].rule] = worth;
    if (worth > most) most = worth;
  }
  if (!any) return -1;
  for (int r = 0; !plan->sum_all && r < MEMBERS; r++) total += highest[r];
  if (!plan->score_sum) total = most;
  long double part = total - floorl(total);
  *near = *near || (fabsl(part - 0.5L) < 1e-9L && plan->decay_us > 0);
  int64_t rounded = (int64_t)floorl(total + 0.5L);
  return plan->score_max >= 0 && rounded > plan->score_max ? plan->score_max : rounded;
}

TEST(random_alerts_are_counted_as_the_words_say) {
  static const char *const users[USERS] = {"u0", "u1", "u2", "u3", "u4"};
  static struct given given[ALERTS];
  unsigned told = 0;
  for (int round = 0; round < 300 && !test_failed; round++) {
    bool sum = random_below(4) > 0;
    struct group_plan plan = plan_of(sum, sum && random_below(2), random_below(2) ? 100 : -1,
                                     random_below(2) ? -1 : 1 + (int64_t)random_below(2000));
    plan.over_us = 1 + (int64_t)random_below(3000);
    struct group_set *groups = begin(&plan);
    struct group_set *asked = group_set_new(mem, &ruleset, &plan, 0); /* the same, with questions in between */
    int64_t time = (int64_t)random_below(1000) - 500;
    for (int i = 0; i < ALERTS && !test_failed; i++) {
      time += random_below(3) == 0 ? 0 : (int64_t)random_below(random_below(20) == 0 ? 5000 : 200);
      given[i] = (struct given){(uint16_t)random_below(MEMBERS), random_below(USERS), time, random_below(70)};
      if (random_below(3) == 0) group_set_time(asked, time);
      if (random_below(3) == 0) (void)score(asked, users[random_below(USERS)], time + random_below(4000));
      struct group_entry entry, other;
      bool near = false;
      const char *user = users[given[i].user];
      const char *band = alert(groups, given[i].rule, user, time, given[i].score, &entry);
      const char *again = alert(asked, given[i].rule, user, time, given[i].score, &other);
      EXPECT_TEXT(again, band);
      int64_t before = recount(&plan, given, i, given[i].user, time, &near);
      int64_t after = recount(&plan, given, i + 1, given[i].user, time, &near);
      const char *expected = after >= 90 && before < 90 ? "block" : after >= 60 && before < 60 ? "review" : "";
      if (near) continue;
      EXPECT_TEXT(band, expected);
      if (band[0] != '\0') {
        told++;
        EXPECT_INT(entry.score, after);
        EXPECT_INT(other.score, after);
        EXPECT_INT(other.contribution_count, entry.contribution_count);
      }
      unsigned asked_user = random_below(USERS);
      int64_t then = time + random_below(4000), expected_score = recount(&plan, given, i + 1, asked_user, then, &near);
      if (near) continue;
      EXPECT_INT(score(groups, users[asked_user], then), expected_score < 0 ? 0 : expected_score);
      EXPECT_INT(score(asked, users[asked_user], then), expected_score < 0 ? 0 : expected_score);
    }
    end();
  }
  EXPECT(told > 1000);
}

/* ---- the alert ---- */

static int64_t at(const char *time) {
  int64_t us = 0;
  EXPECT(time_parse(slice_of(time), &us) == NULL);
  return us;
}

TEST(the_alert_of_a_band) {
  struct group_plan plan = plan_of(true, false, 100, -1);
  plan.key_count = 2;
  struct group_set *groups = begin(&plan);
  struct group_alerter alerter;
  group_alerter_init(&alerter, mem, &ruleset, (struct slice){0});
  struct group_entry e;
  struct value key[2] = {text("u\"1"), text("abcde")};
  struct hash128 first = {.low = 1, .high = 0xfe}, second = {.low = 2, .high = 3};
  EXPECT(!group_set_alert(groups, 0, key, at("2026-01-05T10:00:00Z"), 50, first, &e));
  EXPECT(group_set_alert(groups, 1, key, at("2026-01-05T10:00:00.5Z"), 45, second, &e));
  struct group_alert alert_of;
  group_alert_prepare(&alerter, &e, &alert_of);
  EXPECT(slice_equal(alert_of.key_text, SLICE("{\"user_id\":\"u\\\"1\",\"device\":\"abcde\"}")));
  struct buf out, id;
  buf_init(&out, mem);
  buf_init(&id, mem);
  group_alert_write(&alerter, &alert_of, &out);
  char id_text[33];
  hash_128_text(alert_of.id, id_text);
  struct buf expected;
  buf_init(&expected, mem);
  buf_printf(
      &expected,
      "{\"rule\":\"takeover\",\"version\":1,\"id\":\"%s\",\"time\":\"2026-01-05T10:00:00.5Z\",\"cause\":\"band\","
      "\"key\":{\"user_id\":\"u\\\"1\",\"device\":\"a***e\"},\"score\":95,\"action\":\"block\","
      "\"fields\":{\"band\":\"block\",\"rules\":[\"a\",\"c\"]},\"matched\":["
      "{\"step\":\"c\",\"event\":\"c\",\"time\":\"2026-01-05T10:00:00Z\","
      "\"id\":\"00000000000000fe0000000000000001\",\"score\":50},"
      "{\"step\":\"a\",\"event\":\"a\",\"time\":\"2026-01-05T10:00:00.5Z\","
      "\"id\":\"00000000000000030000000000000002\",\"score\":45}],"
      "\"action_until\":\"2026-01-06T10:00:00.5Z\"}",
      id_text);
  EXPECT_TEXT(buf_text(&out), buf_text(&expected));
  /* The bytes of docs/alert-id.md, written out. */
  buf_add(&id, "\x08\0\0\0takeover\1\0\0\0\4\0\0\0band", 4 + 8 + 4 + 4 + 4);
  buf_add(&id, "\x23\0\0\0{\"user_id\":\"u\\\"1\",\"device\":\"abcde\"}", 4 + 0x23);
  buf_add(&id, "\0\0\0\0\0\0\0\0\1\0\0\0\5\0\0\0block", 8 + 4 + 4 + 5);
  buf_add(&id,
          "a\x20\0\0\0"
          "00000000000000030000000000000002",
          1 + 4 + 32);
  struct hash128 hash = hash_bytes_128(id.data, id.length);
  EXPECT(hash.low == alert_of.id.low && hash.high == alert_of.id.high);
  end();
}

TEST(the_alert_of_a_band_shows_64_of_its_alerts) {
  struct group_plan plan = plan_of(true, true, -1, -1);
  struct group_set *groups = begin(&plan);
  struct group_alerter alerter;
  group_alerter_init(&alerter, mem, &ruleset, (struct slice){0});
  struct group_entry e;
  struct group_alert alert_of;
  for (int i = 0; i < 89; i++) (void)alert(groups, i == 88 ? 0 : 1, "u", i < 80 ? i : 80, 1, &e);
  EXPECT_TEXT(alert(groups, 0, "u", 80, 1, &e), "block");
  group_alert_prepare(&alerter, &e, &alert_of);
  struct buf out;
  buf_init(&out, mem);
  group_alert_write(&alerter, &alert_of, &out);
  const char *all = buf_text(&out);
  size_t steps = 0;
  for (const char *p = all; (p = strstr(p, "{\"step\":")) != NULL; p++) steps++;
  EXPECT_INT(steps, 64);
  char last[33];
  hash_128_text(e.cause, last);
  const char *id = strstr(all + 80, last); /* the one that entered the band is the last */
  EXPECT(id != NULL &&
         strcmp(id + 32, "\",\"score\":1,\"more\":26}],\"action_until\":\"1970-01-02T00:00:00.00008Z\"}") == 0);
  EXPECT(strstr(all, "\"fields\":{\"band\":\"block\",\"rules\":[\"a\",\"b\"]}") != NULL);
  end();
}

TEST_MAIN
