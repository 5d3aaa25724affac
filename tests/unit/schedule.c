/* floors: engine rules nfa base */
/* The words of a rule's life: the text of `schedule`, its hours by the clock on the wall, from and until, canaries, and
 * which of them goes before which. */
#include "engine/schedule.h"

#include "base/hash.h"
#include "base/time_text.h"
#include "rules/check.h"
#include "rules/parse.h"
#include "test.h"

static struct mem *mem;
static struct arena arena;
static void begin(void) {
  mem = mem_new(0);
  arena_init(&arena, mem, 4096);
}
static void end(void) { mem_free_all(mem); }

static int64_t utc(const char *text) {
  int64_t us = 0;
  EXPECT(time_parse(slice_of(text), &us) == NULL);
  return us;
}

static struct schedule parse(const char *text) {
  struct schedule schedule = {0};
  struct schedule_error error = {0};
  if (!schedule_parse(&arena, slice_of(text), &schedule, &error)) {
    printf("%s: %s\n", text, error.text);
    test_failed = true;
  }
  EXPECT(schedule_parse(NULL, slice_of(text), NULL, &error));
  return schedule;
}

/* `2:hours` where the text is wrong. */
static const char *wrong(const char *text) {
  struct schedule schedule;
  struct schedule_error error;
  if (schedule_parse(NULL, slice_of(text), &schedule, &error)) return "no error";
  EXPECT(error.offset <= strlen(text) && error.length >= 1);
  return arena_printf(&arena, "%u+%u %s", (unsigned)error.offset, (unsigned)error.length, error.text);
}

TEST(what_is_wrong_is_said_with_its_place) {
  begin();
  EXPECT_TEXT(wrong(""), "0+1 expected days and hours, as Mon-Fri 09:00-17:00");
  EXPECT_TEXT(wrong("  "), "2+1 expected days and hours, as Mon-Fri 09:00-17:00");
  EXPECT_TEXT(wrong("Monday 9-5"), "0+6 expected a day: Mon, Tue, Wed, Thu, Fri, Sat or Sun");
  EXPECT_TEXT(wrong("Mon-Fry 09:00-17:00"), "4+3 expected a day: Mon, Tue, Wed, Thu, Fri, Sat or Sun");
  EXPECT_TEXT(wrong("Mon, 09:00-17:00"), "5+1 expected a day: Mon, Tue, Wed, Thu, Fri, Sat or Sun");
  EXPECT_TEXT(wrong("Mon-Fri"), "7+1 expected hours behind the days, as 09:00-17:00");
  EXPECT_TEXT(wrong("Mon-Fri;"), "7+1 expected hours behind the days, as 09:00-17:00");
  EXPECT_TEXT(wrong("Mon 9-5"), "4+1 expected a time of day as 09:00");
  EXPECT_TEXT(wrong("Mon 09:00 17:00"), "10+1 expected `-` and when the hours end, as 09:00-17:00");
  EXPECT_TEXT(wrong("Mon 09:00"), "9+1 expected `-` and when the hours end, as 09:00-17:00");
  EXPECT_TEXT(wrong("Mon 09:00-"), "10+1 expected a time of day as 09:00");
  EXPECT_TEXT(wrong("Mon 09:00-17:0"), "10+4 expected a time of day as 09:00");
  EXPECT_TEXT(wrong("Mon 09:00-17:000"), "10+6 expected a time of day as 09:00");
  EXPECT_TEXT(wrong("Mon 09:00-24:01"), "10+5 no such time of day: 00:00 to 24:00");
  EXPECT_TEXT(wrong("Mon 09:60-17:00"), "4+5 no such time of day: 00:00 to 24:00");
  EXPECT_TEXT(wrong("Mon 24:00-01:00"), "4+5 hours begin before 24:00");
  EXPECT_TEXT(wrong("09:00-09:00"), "0+11 hours begin and end at different times; 00:00-24:00 is a whole day");
  EXPECT_TEXT(wrong("Mon 09:00-17:00 Tue 09:00-17:00"), "16+1 expected `;` and more hours, or the end");
  EXPECT_TEXT(wrong("Mon 09:00-17:00;"), "16+1 expected days and hours, as Mon-Fri 09:00-17:00");
  EXPECT_TEXT(wrong("Mon 09:00-17:00,"), "16+1 expected days and hours, as Mon-Fri 09:00-17:00");
  EXPECT_TEXT(wrong("Mon 09:00-17:00, Sat 1"), "21+1 expected a time of day as 09:00");
  EXPECT_TEXT(wrong("\xc3\xa4"), "0+1 expected days and hours, as Mon-Fri 09:00-17:00");
  struct slice nul = {"Mon\0 09:00-17:00", 16};
  struct schedule_error error;
  EXPECT(!schedule_parse(NULL, nul, NULL, &error));
  EXPECT_INT(error.offset, 3);
  end();
}

TEST(forms_of_the_text) {
  begin();
  struct schedule week = parse("Mon-Fri 09:00-17:00; Sat,Sun 10:00-12:00");
  EXPECT_INT(week.count, 7);
  EXPECT_INT(week.ranges[0].from, 9 * 60);
  EXPECT_INT(week.ranges[0].until, 17 * 60);
  EXPECT_INT(week.ranges[6].from, 6 * 1440 + 600);
  static const char *const equal[][2] = {
      {"Mon-Fri 09:00-17:00, Sat 10:00-14:00", "Mon-Fri 09:00-17:00; Sat 10:00-14:00"},
      {"Mon 09:00-12:00,13:00-17:00", "Mon 09:00-12:00; Mon 13:00-17:00"},
      {"\t Mon , Tue-Wed  9:00 - 17:00 ,18:00-19:00 ", "Mon-Wed 09:00-17:00; Mon-Wed 18:00-19:00"},
      {"Fri-Mon 00:00-24:00", "Sat,Sun,Mon,Fri 00:00-24:00"},
      {"22:00-06:00", "Mon-Sun 22:00-24:00, 00:00-06:00"},
      {"Mon 22:00-00:00", "Mon 22:00-24:00"},
      {"Mon 09:00-12:00,11:00-13:00; Mon 13:00-14:00", "Mon 09:00-14:00"},
      {"Mon-Mon 09:00-10:00", "Mon 09:00-10:00"},
      {"Mon-Sun 00:00-24:00", "00:00-12:00,12:00-24:00"},
      {"Sun 23:00-01:00", "Sun 23:00-24:00; Mon 00:00-01:00"},
  };
  for (size_t i = 0; i < sizeof equal / sizeof *equal; i++) {
    struct schedule a = parse(equal[i][0]), b = parse(equal[i][1]);
    EXPECT_INT(a.count, b.count);
    EXPECT(memcmp(a.ranges, b.ranges, a.count * sizeof *a.ranges) == 0);
  }
  EXPECT_INT(parse("00:00-24:00").count, 1);
  EXPECT_INT(parse("00:00-24:00").ranges[0].until, SCHEDULE_WEEK_MINUTES);
  end();
}

TEST(hours_begin_inside_and_end_outside) {
  begin();
  struct schedule work = parse("Mon-Fri 09:00-17:00");
  EXPECT(!schedule_holds(&work, NULL, utc("2026-01-05T08:59:59.999999Z"))); /* a Monday */
  EXPECT(schedule_holds(&work, NULL, utc("2026-01-05T09:00:00Z")));
  EXPECT(schedule_holds(&work, NULL, utc("2026-01-05T16:59:59.999999Z")));
  EXPECT(!schedule_holds(&work, NULL, utc("2026-01-05T17:00:00Z")));
  EXPECT(!schedule_holds(&work, NULL, utc("2026-01-04T12:00:00Z")));
  EXPECT(schedule_holds(&work, NULL, utc("2026-01-09T12:00:00Z")));
  EXPECT(!schedule_holds(&work, NULL, utc("2026-01-10T12:00:00Z")));
  EXPECT(schedule_holds(&work, NULL, utc("1969-12-31T09:00:00Z"))); /* before 1970, a Wednesday */
  EXPECT(!schedule_holds(&work, NULL, utc("1969-12-31T08:59:59.999999Z")));
  EXPECT(schedule_holds(&work, NULL, utc("0001-01-01T09:00:00Z")));
  struct schedule night = parse("Fri 22:00-06:00");
  EXPECT(!schedule_holds(&night, NULL, utc("2026-01-09T05:00:00Z")));
  EXPECT(schedule_holds(&night, NULL, utc("2026-01-09T22:00:00Z")));
  EXPECT(schedule_holds(&night, NULL, utc("2026-01-10T00:00:00Z")));
  EXPECT(schedule_holds(&night, NULL, utc("2026-01-10T05:59:59.999999Z")));
  EXPECT(!schedule_holds(&night, NULL, utc("2026-01-10T06:00:00Z")));
  struct schedule over = parse("Sun 22:00-06:00");
  EXPECT(schedule_holds(&over, NULL, utc("2026-01-05T05:59:59Z")));
  EXPECT(schedule_holds(&over, NULL, utc("2026-01-11T23:00:00Z")));
  EXPECT(!schedule_holds(&over, NULL, utc("2026-01-05T06:00:00Z")));
  struct schedule all = parse("00:00-24:00");
  EXPECT(schedule_holds(&all, NULL, INT64_MIN) && schedule_holds(&all, NULL, INT64_MAX));
  end();
}

/* A TZif file without transitions, whose rule is Berlin's. */
static const struct zone *berlin(void) {
  static const char rule[] = "\nCET-1CEST,M3.5.0,M10.5.0/3\n";
  struct buf file;
  buf_init(&file, mem);
  for (int part = 0; part < 2; part++) {
    buf_str(&file, "TZif2");
    for (int i = 0; i < 15 + 3 * 4; i++) buf_byte(&file, 0);
    for (int i = 0; i < 3; i++) { /* transitions, types, bytes of names */
      for (int byte = 0; byte < 3; byte++) buf_byte(&file, 0);
      buf_byte(&file, i == 0 ? 0 : i == 1 ? 1 : 4);
    }
    buf_add(&file, "\0\0\x0e\x10\0\0CET", 10);
  }
  buf_add(&file, rule, sizeof rule - 1);
  struct err err;
  err_clear(&err);
  const struct zone *zone = zone_parse(&arena, SLICE("Made/Up"), buf_view(&file), &err);
  if (zone == NULL) printf("%s\n", err.text);
  return zone;
}

TEST(the_clock_on_the_wall_decides) {
  begin();
  const struct zone *zone = berlin();
  EXPECT(zone != NULL);
  if (zone == NULL) return;
  struct schedule work = parse("Mon-Fri 09:00-17:00");
  EXPECT(schedule_holds(&work, zone, utc("2026-01-05T08:00:00Z")));
  EXPECT(!schedule_holds(&work, zone, utc("2026-01-05T07:59:59Z")));
  EXPECT(!schedule_holds(&work, zone, utc("2026-01-05T16:00:00Z")));
  EXPECT(schedule_holds(&work, zone, utc("2026-07-06T07:00:00Z"))); /* summer time */
  EXPECT(!schedule_holds(&work, zone, utc("2026-07-06T15:00:00Z")));
  struct schedule monday = parse("Mon 00:00-24:00"); /* midnight there */
  EXPECT(schedule_holds(&monday, zone, utc("2026-01-04T23:00:00Z")));
  EXPECT(!schedule_holds(&monday, zone, utc("2026-01-05T23:00:00Z")));
  /* 2026-10-25: 02:00 to 03:00 comes twice; 2026-03-29: it does not come. */
  struct schedule two = parse("Sun 02:00-03:00");
  EXPECT(!schedule_holds(&two, zone, utc("2026-10-24T23:59:59Z")));
  EXPECT(schedule_holds(&two, zone, utc("2026-10-25T00:00:00Z")));
  EXPECT(schedule_holds(&two, zone, utc("2026-10-25T01:59:59Z")));
  EXPECT(!schedule_holds(&two, zone, utc("2026-10-25T02:00:00Z")));
  for (int minute = -120; minute < 240; minute++)
    EXPECT(!schedule_holds(&two, zone, utc("2026-03-29T01:00:00Z") + minute * TIME_MINUTE_US));
  struct schedule across = parse("Sun 01:00-04:00");
  EXPECT(schedule_holds(&across, zone, utc("2026-03-29T00:59:59Z")) &&
         schedule_holds(&across, zone, utc("2026-03-29T01:00:00Z")));
  EXPECT(!schedule_holds(&across, zone, utc("2026-03-29T02:00:00Z")));
  end();
}

static uint64_t state = 0x9e3779b97f4a7c15u;
static unsigned random_below(unsigned bound) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 33) % bound;
}

TEST(random_schedules_hold_the_minutes_that_they_say) {
  static const char names[7][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static bool inside[SCHEDULE_WEEK_MINUTES];
  int64_t monday = 0;
  EXPECT(time_parse(SLICE("2026-01-05T00:00:00Z"), &monday) == NULL);
  for (int round = 0; round < 200 && !test_failed; round++) {
    begin();
    struct buf text;
    buf_init(&text, mem);
    memset(inside, 0, sizeof inside);
    unsigned entries = 1 + random_below(4);
    for (unsigned e = 0; e < entries; e++) {
      bool days[7] = {false};
      if (e > 0) buf_str(&text, random_below(2) ? ";" : " , ");
      unsigned day_parts = 1 + random_below(3);
      for (unsigned d = 0; d < day_parts; d++) {
        unsigned first = random_below(7), last = random_below(2) ? first : random_below(7);
        buf_printf(&text, first == last ? "%s%s" : "%s%s-%s", d > 0 ? "," : "", names[first], names[last]);
        for (unsigned day = first;; day = (day + 1) % 7) {
          days[day] = true;
          if (day == last) break;
        }
      }
      unsigned hours = 1 + random_below(3);
      for (unsigned h = 0; h < hours; h++) {
        unsigned from = random_below(1440), until = random_below(1441);
        if (from == until) until++;
        buf_printf(&text, "%s%02u:%02u-%02u:%02u", h > 0 ? "," : " ", from / 60, from % 60, until / 60, until % 60);
        unsigned length = until > from ? until - from : 1440 - from + until;
        for (unsigned day = 0; day < 7; day++)
          for (unsigned m = 0; days[day] && m < length; m++)
            inside[(day * 1440 + from + m) % SCHEDULE_WEEK_MINUTES] = true;
      }
    }
    struct schedule schedule = parse(buf_text(&text));
    for (int m = 0; m < SCHEDULE_WEEK_MINUTES && schedule.count > 0; m++) {
      int64_t time = monday + (m + ((int64_t)random_below(9) - 4) * SCHEDULE_WEEK_MINUTES) * TIME_MINUTE_US;
      if (schedule_holds(&schedule, NULL, time + random_below(60000000)) == inside[m]) continue;
      printf("%s: minute %d\n", buf_text(&text), m);
      test_failed = true;
      break;
    }
    end();
  }
}

TEST(off_then_time_then_shadow_then_canary) {
  begin();
  struct rule rule = {.mode = MODE_LIVE};
  struct slice key = SLICE("{\"card_id\":\"c1\"}");
  int64_t monday = utc("2026-01-05T10:00:00Z"), sunday = utc("2026-01-04T10:00:00Z");
  EXPECT_INT(rule_mode(&rule, monday, key), TOLD_LIVE);
  rule.mode = MODE_SHADOW;
  EXPECT_INT(rule_mode(&rule, monday, key), TOLD_SHADOW);
  rule.mode = MODE_OFF;
  EXPECT_INT(rule_mode(&rule, monday, key), TOLD_OFF);
  struct rule_life life = {.active_from_us = INT64_MIN, .active_until_us = INT64_MAX, .canary_percent = -1};
  rule = (struct rule){.mode = MODE_LIVE, .life = &life};
  EXPECT_INT(rule_mode(&rule, monday, key), TOLD_LIVE);
  life.schedule = parse("Mon 09:00-17:00");
  EXPECT_INT(rule_mode(&rule, monday, key), TOLD_LIVE);
  EXPECT_INT(rule_mode(&rule, sunday, key), TOLD_OFF);
  rule.mode = MODE_SHADOW;
  EXPECT_INT(rule_mode(&rule, sunday, key), TOLD_OFF);
  life.canary_percent = 100;
  EXPECT_INT(rule_mode(&rule, monday, key), TOLD_SHADOW); /* a canary of a shadow is a shadow */
  rule.mode = MODE_LIVE;
  EXPECT_INT(rule_mode(&rule, monday, key), TOLD_CANARY);
  EXPECT_INT(rule_mode(&rule, sunday, key), TOLD_OFF);
  life.canary_percent = 0;
  EXPECT_INT(rule_mode(&rule, monday, key), TOLD_SHADOW);
  life = (struct rule_life){.active_from_us = 100, .active_until_us = 200, .canary_percent = -1};
  EXPECT_INT(rule_mode(&rule, 99, key), TOLD_OFF);
  EXPECT_INT(rule_mode(&rule, 100, key), TOLD_LIVE);
  EXPECT_INT(rule_mode(&rule, 199, key), TOLD_LIVE);
  EXPECT_INT(rule_mode(&rule, 200, key), TOLD_OFF);
  EXPECT(slice_equal(told_mode_text(TOLD_SHADOW), SLICE("shadow")));
  EXPECT(slice_equal(told_mode_text(TOLD_CANARY), SLICE("canary")));
  EXPECT_INT(told_mode_text(TOLD_LIVE).length, 0);
  end();
}

TEST(canaries_are_a_fixed_part_of_the_keys) {
  unsigned canaries[3] = {0};
  static const int64_t percents[3] = {1, 10, 50};
  for (unsigned i = 0; i < 20000; i++) {
    char text[40];
    size_t length = (size_t)snprintf(text, sizeof text, "{\"card_id\":\"c%u\"}", i);
    bool before = false;
    for (unsigned p = 0; p < 3; p++) {
      bool now = schedule_canary(percents[p], (struct slice){text, length});
      EXPECT(now || !before); /* who is a canary stays one when the part grows */
      before = now;
      canaries[p] += now;
    }
    EXPECT(!schedule_canary(0, (struct slice){text, length}) && schedule_canary(100, (struct slice){text, length}));
  }
  EXPECT(canaries[0] > 150 && canaries[0] < 250);
  EXPECT(canaries[1] > 1850 && canaries[1] < 2150);
  EXPECT(canaries[2] > 9750 && canaries[2] < 10250);
  /* A told value: it must not change between versions. XXH3-64 of `{"card_id":"c1"}`. */
  EXPECT(hash_bytes("{\"card_id\":\"c1\"}", 16) % 100 == 57);
}

/* ---- out of rule text ---- */

static struct ruleset *compile(const char *text) {
  struct diags diags;
  struct err err;
  struct env env = *env_real();
  struct check_options check_options = {.env = &env};
  struct ruleset_options options = {.env = &env};
  struct ruleset *set = NULL;
  struct tree *tree = arena_new(&arena, struct tree);
  tree->arena = &arena;
  diags_init(&diags, &arena);
  int result = parse_file(tree, SLICE("a.weir"), slice_of(text), &diags);
  if (result == 0) result = check_tree(tree, &check_options, &diags);
  if (result == 0) result = ruleset_compile(tree, &options, &diags, &set, &err);
  for (uint32_t i = 0; i < diags.count; i++) {
    if (diags.items[i].severity == DIAG_ERROR) printf("%s\n", diags.items[i].text);
  }
  EXPECT_INT(result, 0);
  return set;
}

TEST(rules_say_when_and_for_whom) {
  begin();
  struct ruleset *set = compile("event payment { event_time at  at time  card string  amount int }\n"
                                "rule a { on payment(amount > 1)  canary 0%  active from @2026-01-01T00:00:00Z }\n"
                                "rule b { on payment(amount > 2)  active until @2026-01-01T00:00:00Z\n"
                                "         schedule \"Mon-Fri 09:00-17:00; Sat 10:00-14:00\" zone \"UTC\"\n"
                                "         action block for 24h }\n"
                                "rule c { on payment(amount > 3)  mode shadow  canary 100%  action block }\n"
                                "rule d { on payment(amount > 4) }\n");
  if (set != NULL) {
    EXPECT_INT(set->rule_count, 4);
    const struct rule_life *life = set->rules[0].life;
    EXPECT_INT(life->canary_percent, 0);
    EXPECT_INT(life->active_from_us, utc("2026-01-01T00:00:00Z"));
    EXPECT_INT(life->active_until_us, INT64_MAX);
    EXPECT_INT(life->schedule.count, 0);
    EXPECT_INT(set->rules[0].action_for_us, -1);
    life = set->rules[1].life;
    EXPECT_INT(life->canary_percent, -1);
    EXPECT_INT(life->active_from_us, INT64_MIN);
    EXPECT_INT(life->active_until_us, utc("2026-01-01T00:00:00Z"));
    EXPECT_INT(life->schedule.count, 6);
    EXPECT(life->schedule_zone != NULL);
    EXPECT_INT(rule_mode(&set->rules[1], utc("2025-12-27T13:59:59Z"), SLICE("{}")), TOLD_LIVE); /* a Saturday */
    EXPECT_INT(rule_mode(&set->rules[1], utc("2025-12-27T14:00:00Z"), SLICE("{}")), TOLD_OFF);
    EXPECT_INT(set->rules[1].action_for_us, 24 * TIME_HOUR_US);
    EXPECT_INT(rule_mode(&set->rules[2], 0, SLICE("{}")), TOLD_SHADOW);
    EXPECT_INT(set->rules[2].action_for_us, -1);
    EXPECT(set->rules[3].life == NULL);
    ruleset_unref(set);
  }
  end();
}

TEST(rules_say_what_they_add_and_remove) {
  begin();
  struct ruleset *set = compile("event payment { event_time at  at time  card string  place string  amount int }\n"
                                "list watch string ttl 90d\n"
                                "list quiet string { \"x\" }\n"
                                "list amounts int\n"
                                "rule a { on payment(amount > 1)  key card  emit { w = place }\n"
                                "         add card to watch for 7d  remove w from quiet }\n"
                                "rule b { on payment(amount > 2)  key card  add amount to amounts }\n"
                                "rule c { on payment(card in watch)  key card }\n"
                                "rule d { on payment(amount in amounts and card in quiet)  key card }\n");
  if (set != NULL) {
    const struct rule *rule = &set->rules[0];
    EXPECT_INT(rule->list_change_count, 2);
    const struct list_change *add = &rule->list_changes[0], *remove = &rule->list_changes[1];
    EXPECT(slice_equal(set->lists[add->list].name, SLICE("watch")));
    EXPECT(add->key && !add->event && !add->remove && add->index == 0);
    EXPECT_INT(add->for_us, 7 * TIME_DAY_US);
    EXPECT(slice_equal(set->lists[remove->list].name, SLICE("quiet")));
    EXPECT(!remove->key && !remove->event && remove->remove && remove->index == 0);
    rule = &set->rules[1];
    EXPECT_INT(rule->list_change_count, 1);
    add = &rule->list_changes[0];
    EXPECT(!add->key && add->event && !add->remove);
    EXPECT_INT(add->for_us, -1);
    const struct schema *schema = &set->schemas[rule->on_type];
    for (uint16_t f = 0; f < schema->field_count; f++)
      if (slice_equal(schema->fields[f].name, SLICE("amount"))) EXPECT_INT(add->index, schema->fields[f].slot);
    EXPECT_INT(set->rules[2].list_change_count, 0);
    ruleset_unref(set);
  }
  end();
}

TEST_MAIN
