/* floors: engine rules nfa base */
/* Windows by hand: borders, days over daylight saving, sessions that bridge, early results, known keys, keys of all
 * types, limits, memory. window_random.c compares all kinds with brute force. */
#include "base/time_text.h"
#include "window_plan.h"

#define SECOND INT64_C(1000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

/* What was told since the last look, one after the other: "[start,end) key:count/sum", with `rN` for a revision, `pN`
 * for an early result, `@T` where the time is not the end. */
static const char *told(struct fixture *f) {
  static char text[2000];
  size_t at = 0;
  text[0] = '\0';
  for (uint32_t i = 0; i < f->told_count; i++) {
    const struct telling *t = &f->told[i];
    at += (size_t)snprintf(text + at, sizeof text - at, "%s[%lld,%lld) %lld:%lld/%lld", i > 0 ? " " : "",
                           (long long)t->start, (long long)t->end, (long long)t->key, (long long)t->count,
                           (long long)t->sum);
    if (t->revision > 0) at += (size_t)snprintf(text + at, sizeof text - at, " r%lld", (long long)t->revision);
    if (t->partial > 0) at += (size_t)snprintf(text + at, sizeof text - at, " p%lld", (long long)t->partial);
    if (t->time != t->end) at += (size_t)snprintf(text + at, sizeof text - at, " @%lld", (long long)t->time);
    check(at < sizeof text);
  }
  f->told_count = 0;
  return text;
}

TEST(an_event_at_the_start_is_in_and_one_at_the_end_is_not) {
  struct fixture f;
  fixture_init(&f);
  fixture_start(&f, 0);
  add(&f, 1, 5, 9);
  add(&f, 1, 7, 10);
  EXPECT_TEXT(told(&f), ""); /* the window's event stands after all of time 10 */
  EXPECT_INT(window_set_deadline(f.set), 10);
  pass(&f, 10);
  EXPECT_TEXT(told(&f), "");
  pass(&f, 11);
  EXPECT_TEXT(told(&f), "[0,10) 1:1/5");
  EXPECT_INT(window_set_deadline(f.set), 20);
  add(&f, 1, 1, 19);
  add(&f, 1, 2, 20);
  add(&f, 1, 3, 35); /* an event lets time pass, too */
  EXPECT_TEXT(told(&f), "[10,20) 1:2/8 [20,30) 1:1/2");
  finish(&f, 35);
  EXPECT_TEXT(told(&f), "[30,40) 1:1/3");
  EXPECT_INT(window_set_deadline(f.set), INT64_MAX);
  fixture_end(&f);
}

TEST(times_before_1970_and_offsets) {
  struct fixture f;
  fixture_init(&f);
  f.plan.offset_us = 3;
  fixture_start(&f, 0);
  add(&f, 1, 1, -8);
  add(&f, 1, 1, -7);
  add(&f, 1, 1, 2);
  add(&f, 1, 1, 3);
  finish(&f, 3);
  EXPECT_TEXT(told(&f), "[-17,-7) 1:1/1 [-7,3) 1:2/2 [3,13) 1:1/1");
  fixture_end(&f);
}

TEST(sliding_windows_that_do_not_divide) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = WINDOW_SLIDING;
  f.plan.every_us = 4; /* of 10 */
  fixture_start(&f, 0);
  add(&f, 1, 1, 0);
  add(&f, 1, 10, 6);
  add(&f, 2, 5, 7);
  finish(&f, 7);
  EXPECT_TEXT(told(&f), "[-8,2) 1:1/1 [-4,6) 1:1/1 [0,10) 1:2/11 [0,10) 2:1/5 [4,14) 1:1/10 [4,14) 2:1/5");
  fixture_end(&f);
}

TEST(windows_fire_in_the_order_of_their_ends_whatever_the_frontier_jumps_over) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = WINDOW_SESSION;
  fixture_start(&f, 0);
  for (int64_t key = 0; key < 50; key++) add(&f, key, 1, key * 3);
  finish(&f, 150);
  EXPECT_INT(f.told_count, 50);
  for (int64_t i = 0; i < f.told_count; i++) EXPECT_INT(f.told[i].end, i * 3 + 10);
  fixture_end(&f);
}

TEST(the_sum_of_tumbling_windows_is_the_total) {
  int64_t total = 0, sums[2] = {0}, counts[2] = {0};
  for (int sliding = 0; sliding < 2; sliding++) {
    struct fixture f;
    fixture_init(&f);
    f.plan.kind = sliding ? WINDOW_SLIDING : WINDOW_TUMBLING;
    f.plan.size_us = 12;
    f.plan.every_us = 3;
    fixture_start(&f, 0);
    total = 0;
    for (int64_t i = 0; i < 2000; i++) {
      add(&f, i * i % 7, i % 13 - 5, i / 3);
      total += i % 13 - 5;
    }
    finish(&f, 2000);
    for (uint32_t i = 0; i < f.told_count; i++) {
      sums[sliding] += f.told[i].sum;
      counts[sliding] += f.told[i].count;
    }
    fixture_end(&f);
  }
  EXPECT_INT(sums[0], total);
  EXPECT_INT(counts[0], 2000);
  EXPECT_INT(sums[1], 4 * total); /* each event is in size / every windows */
  EXPECT_INT(counts[1], 4 * 2000);
}

/* ---- lateness ---- */

TEST(a_late_event_fires_the_window_again_until_its_lateness_is_over) {
  struct fixture f;
  fixture_init(&f);
  f.plan.lateness_us = 20;
  fixture_start(&f, 0);
  add(&f, 1, 5, 3);
  add_late(&f, 1, 6, 4, 8); /* late, but its window is open: told with it */
  pass(&f, 15);
  EXPECT_TEXT(told(&f), "[0,10) 1:2/11");
  add_late(&f, 1, 1, 9, 15);
  EXPECT_INT(f.told[0].moment, 15);
  EXPECT_INT(f.told[0].caused, 1);
  EXPECT_TEXT(told(&f), "[0,10) 1:3/12 r1");
  add_late(&f, 2, 4, 0, 29); /* a key that had nothing in it: this is its first result */
  add_late(&f, 1, 1, 0, 29);
  EXPECT_TEXT(told(&f), "[0,10) 2:1/4 [0,10) 1:4/13 r2");
  add_late(&f, 1, 1, 9, 30); /* time has not passed end + lateness = 30 */
  EXPECT_TEXT(told(&f), "[0,10) 1:5/14 r3");
  add_late(&f, 1, 1, 9, 31);
  EXPECT_TEXT(told(&f), "");
  struct window_counts counts = window_set_counts(f.set);
  EXPECT_INT(counts.late_in, 5);
  EXPECT_INT(counts.late_out, 1);
  pass(&f, 31);
  EXPECT_INT(window_set_counts(f.set).open, 0);
  fixture_end(&f);
}

TEST(without_lateness_late_events_take_no_part) {
  static const enum window_kind kinds[] = {WINDOW_TUMBLING, WINDOW_SLIDING, WINDOW_SESSION, WINDOW_COUNT, WINDOW_TODAY};
  for (unsigned i = 0; i < 5; i++) {
    struct fixture f;
    fixture_init(&f);
    f.plan.kind = kinds[i];
    f.plan.every_us = 5;
    f.plan.count = f.plan.every_count = 2;
    fixture_start(&f, 0);
    add_late(&f, 1, 1, 3, 4);
    finish(&f, 4);
    EXPECT_TEXT(told(&f), "");
    EXPECT_INT(window_set_counts(f.set).late_out, 1);
    fixture_end(&f);
  }
}

TEST(a_late_event_tells_each_sliding_window_again_that_was_told) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = WINDOW_SLIDING;
  f.plan.every_us = 5;
  f.plan.lateness_us = 100;
  fixture_start(&f, 0);
  add(&f, 1, 1, 12);
  pass(&f, 30);
  EXPECT_TEXT(told(&f), "[5,15) 1:1/1 [10,20) 1:1/1");
  add_late(&f, 1, 2, 7, 30); /* is in [0,10) and [5,15) */
  EXPECT_TEXT(told(&f), "[0,10) 1:1/2 [5,15) 1:2/3 r1");
  add_late(&f, 1, 4, 8, 30);
  EXPECT_TEXT(told(&f), "[0,10) 1:2/6 r1 [5,15) 1:3/7 r2");
  add_late(&f, 1, 8, 26, 30); /* [25,35) is still open */
  EXPECT_TEXT(told(&f), "");
  finish(&f, 30);
  EXPECT_TEXT(told(&f), "[20,30) 1:1/8 [25,35) 1:1/8");
  EXPECT_INT(window_set_counts(f.set).open, 0);
  fixture_end(&f);
}

/* ---- sessions ---- */

TEST(an_event_exactly_a_gap_later_begins_a_new_session) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = WINDOW_SESSION;
  fixture_start(&f, 0);
  add(&f, 1, 1, 0);
  add(&f, 1, 2, 9);
  add(&f, 1, 4, 19);
  EXPECT_TEXT(told(&f), "");
  add(&f, 1, 8, 20);
  EXPECT_TEXT(told(&f), "[0,19) 1:2/3");
  finish(&f, 20);
  EXPECT_TEXT(told(&f), "[19,30) 1:2/12");
  fixture_end(&f);
}

TEST(a_late_event_that_bridges_two_sessions_makes_one) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = WINDOW_SESSION;
  f.plan.lateness_us = 100;
  fixture_start(&f, 0);
  add(&f, 1, 1, 0);
  add(&f, 1, 2, 15);
  EXPECT_TEXT(told(&f), "[0,10) 1:1/1");
  add_late(&f, 1, 4, 8, 16); /* the second is open: told at its end, as a revision of what was told of the first */
  EXPECT_TEXT(told(&f), "");
  pass(&f, 40);
  EXPECT_TEXT(told(&f), "[0,25) 1:3/7 r1");
  add(&f, 1, 8, 40);
  pass(&f, 60);
  EXPECT_TEXT(told(&f), "[40,50) 1:1/8");
  add_late(&f, 1, 16, 24, 60); /* longer at its end */
  EXPECT_TEXT(told(&f), "[0,34) 1:4/23 r2");
  add_late(&f, 1, 32, 33, 60); /* both are told: above all of their revisions */
  EXPECT_TEXT(told(&f), "[0,50) 1:6/63 r3");
  add_late(&f, 1, 64, -20, 60); /* alone, and over long ago */
  EXPECT_TEXT(told(&f), "[-20,-10) 1:1/64");
  add_late(&f, 1, 128, -60, 60); /* its session would be over with its lateness: -50 + 100 <= 60 */
  EXPECT_TEXT(told(&f), "");
  EXPECT_INT(window_set_counts(f.set).open, 2);
  pass(&f, 151);
  EXPECT_INT(window_set_counts(f.set).open, 0);
  fixture_end(&f);
}

TEST(what_two_sessions_become_has_a_higher_revision_than_either_had) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = WINDOW_SESSION;
  f.plan.lateness_us = 100;
  fixture_start(&f, 0);
  add(&f, 1, 1, 0);
  add(&f, 1, 2, 15);
  pass(&f, 50);
  add_late(&f, 1, 4, 15, 50);
  add_late(&f, 1, 8, 15, 50);
  EXPECT_TEXT(told(&f), "[0,10) 1:1/1 [15,25) 1:1/2 [15,25) 1:2/6 r1 [15,25) 1:3/14 r2");
  add_late(&f, 1, 16, 8, 50);
  EXPECT_TEXT(told(&f), "[0,25) 1:5/31 r3");
  fixture_end(&f);
}

TEST(a_session_that_was_told_goes_on_when_a_late_event_moves_its_end) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = WINDOW_SESSION;
  f.plan.lateness_us = 100;
  fixture_start(&f, 0);
  add(&f, 1, 1, 0);
  pass(&f, 14);
  EXPECT_TEXT(told(&f), "[0,10) 1:1/1");
  add_late(&f, 1, 2, 9, 14); /* it ends at 19 now, and is told then */
  EXPECT_TEXT(told(&f), "");
  add(&f, 1, 4, 18); /* in order, and part of it again */
  finish(&f, 18);
  EXPECT_TEXT(told(&f), "[0,28) 1:3/7 r1");
  fixture_end(&f);
}

/* ---- counts ---- */

TEST(a_window_of_n_events_fires_at_the_nth) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = WINDOW_COUNT;
  f.plan.count = f.plan.every_count = 3;
  fixture_start(&f, 0);
  for (int64_t i = 0; i < 7; i++) {
    add(&f, 1, 1, i * 10);
    add(&f, 2, 2, i * 10);
    EXPECT_TEXT(told(&f), i == 2 ? "[0,20) 1:3/3 [0,20) 2:3/6" : i == 5 ? "[30,50) 1:3/3 [30,50) 2:3/6" : "");
  }
  finish(&f, 60); /* what is not full says nothing */
  EXPECT_TEXT(told(&f), "");
  fixture_end(&f);
}

TEST(windows_of_n_events_that_move_by_less_or_more) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = WINDOW_COUNT;
  f.plan.count = 3;
  f.plan.every_count = 2;
  fixture_start(&f, 0);
  for (int64_t i = 0; i < 8; i++) add(&f, 1, i, i);
  EXPECT_TEXT(told(&f), "[0,2) 1:3/3 [2,4) 1:3/9 [4,6) 1:3/15");
  fixture_end(&f);
  fixture_init(&f);
  f.plan.kind = WINDOW_COUNT;
  f.plan.count = 2;
  f.plan.every_count = 5;
  fixture_start(&f, 0);
  for (int64_t i = 0; i < 12; i++) add(&f, 1, i, i);
  EXPECT_TEXT(told(&f), "[0,1) 1:2/1 [5,6) 1:2/11 [10,11) 1:2/21");
  fixture_end(&f);
}

/* ---- days ---- */

static int64_t utc(const char *text) {
  int64_t us = 0;
  EXPECT(time_parse(slice_of(text), &us) == NULL);
  return us;
}

/* Events one microsecond before and at each of the given ends, which must be what the days are. */
static void check_days(const char *zone_name, const char *const *ends, unsigned count) {
  struct fixture f;
  struct err err = {0};
  fixture_init(&f);
  f.plan.kind = WINDOW_TODAY;
  if (zone_name != NULL) {
    f.plan.zone = zone_load(&f.arena, env_real(), slice_of(zone_name), &err);
    if (f.plan.zone == NULL) {
      printf("skipped: %s: %s\n", zone_name, err.text);
      fixture_end(&f);
      return;
    }
  }
  fixture_start(&f, 0);
  for (unsigned i = 0; i < count; i++) {
    add(&f, 1, 1, utc(ends[i]) - 1);
    add(&f, 1, 2, utc(ends[i]));
  }
  finish(&f, 0);
  EXPECT_INT(f.told_count, count + 1);
  for (unsigned i = 0; i + 1 < count && i + 1 < f.told_count; i++) {
    EXPECT_INT(f.told[i + 1].start, utc(ends[i]));
    EXPECT_INT(f.told[i + 1].end, utc(ends[i + 1]));
    EXPECT_INT(f.told[i + 1].sum, 3);
  }
  fixture_end(&f);
}

TEST(days_are_as_long_as_the_clock_on_the_wall_says) {
  static const char *const utc_days[] = {"1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"};
  static const char *const march[] = {"2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z",
                                      "2026-03-30T22:00:00Z"}; /* 23 hours on the 29th */
  static const char *const october[] = {"2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z",
                                        "2026-10-26T23:00:00Z"}; /* 25 hours on the 25th */
  static const char *const nepal[] = {"2026-01-01T18:15:00Z", "2026-01-02T18:15:00Z", "2026-01-03T18:15:00Z"};
  static const char *const brazil[] = {"2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z",
                                       "2018-11-06T02:00:00Z"}; /* on the 4th the clock went from 0:00 to 1:00 */
  static const char *const brazil_back[] = {"2018-02-16T02:00:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z",
                                            "2018-02-19T03:00:00Z"}; /* at 0:00 on the 18th the 17th's 23:00 came */
  static const char *const newfoundland[] = {"2010-11-06T02:30:00Z", "2010-11-07T02:30:00Z",
                                             "2010-11-08T03:30:00Z"}; /* the 7th's midnight came twice: the first */
  static const char *const samoa[] = {"2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z",
                                      "2011-12-31T10:00:00Z"}; /* there was no 30th */
  check_days(NULL, utc_days, 3);
  check_days("Europe/Berlin", march, 4);
  check_days("Europe/Berlin", october, 4);
  check_days("Asia/Kathmandu", nepal, 3);
  check_days("America/Sao_Paulo", brazil, 4);
  check_days("America/Sao_Paulo", brazil_back, 4);
  check_days("America/St_Johns", newfoundland, 3);
  check_days("Pacific/Apia", samoa, 3);
}

/* ---- early results ---- */

TEST(early_results_by_time_come_only_where_something_came) {
  struct fixture f;
  fixture_init(&f);
  f.plan.size_us = 100;
  f.plan.early_us = 30;
  fixture_start(&f, 0);
  add(&f, 1, 1, 130);
  EXPECT_INT(window_set_deadline(f.set), 130);
  add(&f, 2, 2, 130);
  pass(&f, 131);
  EXPECT_TEXT(told(&f), "[100,200) 1:1/1 p1 @130 [100,200) 2:1/2 p1 @130");
  pass(&f, 165);
  EXPECT_TEXT(told(&f), "");
  add(&f, 1, 4, 165);
  add(&f, 1, 8, 195); /* after the last early one: told with the window */
  EXPECT_TEXT(told(&f), "[100,200) 1:2/5 p2 @190");
  finish(&f, 195);
  EXPECT_TEXT(told(&f), "[100,200) 1:3/13 [100,200) 2:1/2");
  fixture_end(&f);
}

TEST(early_results_by_count_and_by_condition) {
  struct fixture f;
  fixture_init(&f);
  f.plan.size_us = 100;
  f.plan.early_count = 2;
  fixture_start(&f, 0);
  for (int64_t i = 0; i < 5; i++) add(&f, 1, 1, i);
  EXPECT_TEXT(told(&f), "[0,100) 1:2/2 p1 @1 [0,100) 1:4/4 p2 @3");
  finish(&f, 5);
  EXPECT_TEXT(told(&f), "[0,100) 1:5/5");
  fixture_end(&f);
  fixture_init(&f);
  f.plan.size_us = 100;
  f.plan.early_when = plan_above(&f, MADE_SUM, 10);
  fixture_start(&f, 0);
  static const int64_t amounts[] = {10, 1, 5, -6, 2, -5, 20};
  for (int64_t i = 0; i < 7; i++) add(&f, 1, amounts[i], i); /* sums: 10 11 16 10 12 7 27 */
  EXPECT_TEXT(told(&f), "[0,100) 1:2/11 p1 @1 [0,100) 1:5/12 p2 @4 [0,100) 1:7/27 p3 @6");
  fixture_end(&f);
}

TEST(early_results_of_sessions_and_counts) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = WINDOW_SESSION;
  f.plan.early_us = 15;
  fixture_start(&f, 0);
  add(&f, 1, 1, 100);
  add(&f, 1, 2, 108);
  add(&f, 1, 4, 116); /* 115 was before the session's end when its turn came */
  EXPECT_TEXT(told(&f), "[100,118) 1:2/3 p1 @115");
  finish(&f, 116);
  EXPECT_TEXT(told(&f), "[100,126) 1:3/7");
  fixture_end(&f);
  fixture_init(&f);
  f.plan.kind = WINDOW_COUNT;
  f.plan.count = f.plan.every_count = 3;
  f.plan.early_us = 10;
  fixture_start(&f, 0);
  add(&f, 1, 1, 5);
  pass(&f, 40);
  EXPECT_TEXT(told(&f), "[5,5) 1:1/1 p1 @15");
  add(&f, 1, 2, 40);
  add(&f, 1, 4, 41);
  EXPECT_TEXT(told(&f), "[5,41) 1:3/7");
  finish(&f, 41);
  EXPECT_TEXT(told(&f), "");
  fixture_end(&f);
}

/* ---- every key known ---- */

TEST(empty_windows_speak_for_known_keys) {
  struct fixture f;
  fixture_init(&f);
  f.plan.known_us = 25;
  fixture_start(&f, 0);
  add(&f, 1, 7, 5);
  add(&f, 2, 7, 6);
  pass(&f, 31);
  /* Key 1: 30 - 5 <= 25 is known; key 2: 24. */
  EXPECT_TEXT(told(&f), "[0,10) 1:1/7 [0,10) 2:1/7 [10,20) 1:0/0 [10,20) 2:0/0 [20,30) 1:0/0 [20,30) 2:0/0");
  EXPECT_INT(f.told[0].first, 7);
  pass(&f, 1000);
  EXPECT_TEXT(told(&f), "");
  EXPECT_INT(window_set_deadline(f.set), INT64_MAX); /* the keys are forgotten */
  add(&f, 1, 7, 1004);
  EXPECT_TEXT(told(&f), "");
  finish(&f, 1030); /* up to the highest event time, that included */
  EXPECT_TEXT(told(&f), "[1000,1010) 1:1/7 [1010,1020) 1:0/0");
  fixture_end(&f);
}

TEST(empty_windows_have_no_aggregates_and_stop_at_the_highest_time) {
  struct fixture f;
  fixture_init(&f);
  f.plan.known_us = 1000;
  fixture_start(&f, 0);
  add(&f, 1, 7, 5);
  finish(&f, 20);
  EXPECT_INT(f.told_count, 2);
  EXPECT_INT(f.told[1].end, 20);
  EXPECT_INT(f.told[1].count, 0);
  EXPECT_INT(f.told[1].first, INT64_MIN); /* null */
  EXPECT_INT(f.told[1].max, INT64_MIN);
  EXPECT_INT(window_set_counts(f.set).open, 0);
  fixture_end(&f);
}

TEST(an_event_at_the_end_itself_makes_no_key_known_before_it) {
  struct fixture f;
  fixture_init(&f);
  f.plan.known_us = 15;
  fixture_start(&f, 0);
  add(&f, 1, 1, 0);
  add(&f, 2, 1, 19);
  pass(&f, 20);
  add(&f, 1, 1, 20); /* the window [10,20) is not told yet: key 1 was there last at 0 */
  add(&f, 3, 1, 20); /* and key 3 never */
  pass(&f, 21);
  EXPECT_TEXT(told(&f), "[0,10) 1:1/1 [10,20) 2:1/1");
  fixture_end(&f);
}

TEST(a_late_event_in_a_window_that_was_told_empty_is_a_revision) {
  for (int sliding = 0; sliding < 2; sliding++) {
    struct fixture f;
    fixture_init(&f);
    f.plan.kind = sliding ? WINDOW_SLIDING : WINDOW_TUMBLING;
    f.plan.every_us = 10;
    f.plan.known_us = 25;
    f.plan.lateness_us = 50;
    fixture_start(&f, 0);
    add(&f, 1, 7, 5);
    pass(&f, 21);
    EXPECT_TEXT(told(&f), "[0,10) 1:1/7 [10,20) 1:0/0");
    add_late(&f, 1, 2, 12, 22);
    EXPECT_TEXT(told(&f), "[10,20) 1:1/2 r1");
    finish(&f, 22);
    EXPECT_INT(window_set_counts(f.set).open, 0);
    fixture_end(&f);
  }
}

/* ---- what comes in ---- */

TEST(conditions_and_types_and_null_keys) {
  struct fixture f;
  fixture_init(&f);
  fixture_start(&f, 0);
  feed(&f, 0, value_int(1), 1, true, 0, 0);
  feed(&f, 0, value_int(1), 2, false, 0, 0); /* its `where` does not hold */
  feed(&f, 1, value_int(1), 4, false, 0, 0); /* the other type has none */
  feed(&f, 1, value_null(), 8, true, 0, 0);
  feed(&f, 0, value_null(), 16, true, 0, 0);
  feed(&f, 0, value_null(), 32, false, 0, 0);
  finish(&f, 0);
  EXPECT_TEXT(told(&f), "[0,10) 1:2/5");
  EXPECT_INT(window_set_counts(f.set).null_key, 2);
  EXPECT_INT(window_set_counts(f.set).told, 1);
  fixture_end(&f);
}

static void print_key(struct fixture *f, const struct window_event *event) {
  struct buf out;
  buf_init(&out, f->mem);
  for (uint16_t i = 0; i < f->plan.key_count; i++) {
    if (i > 0) buf_str(&out, " ");
    value_json(&out, event->key[i]);
  }
  const char *const *expected = f->env.lookup_context;
  EXPECT_TEXT(buf_text(&out), expected[f->each_count]);
  f->each_count++;
}

TEST(keys_of_every_type_come_out_as_they_went_in) {
  static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
  static const uint16_t slots[] = {0, 1, 2, 3, 4, 5};
  static const struct type types[] = {{.kind = VALUE_STRING}, {.kind = VALUE_IP},
                                      {.kind = VALUE_FLOAT},  {.kind = VALUE_DECIMAL, .scale = 2},
                                      {.kind = VALUE_BOOL},   {.kind = VALUE_TIME}};
  static const char *const expected[] = {
      "\"card\" \"10.0.0.1\" 0 1.50 true \"1970-01-01T00:00:00Z\"",
      "\"card\" \"2001:db8::1\" 0 1.50 true \"1970-01-01T00:00:00Z\"",
      "\"\" \"10.0.0.1\" 2.5 -0.01 false \"1970-01-01T00:00:01Z\"",
  };
  struct fixture f;
  fixture_init(&f);
  f.plan.key_count = 6;
  f.plan.key_types = types;
  f.from[0].key_slots = slots;
  f.from[0].where = NULL;
  f.plan.column_count = 0;
  f.plan.aggregate_count = 1; /* count() */
  const struct expr *const *entries = f.plan.entries;
  const struct expr **none = arena_array(&f.arena, const struct expr *, MADE_SLOTS);
  none[0] = entries[0];
  f.plan.entries = none;
  f.each = print_key;
  f.env.lookup_context = (void *)(uintptr_t)expected;
  fixture_start(&f, 0);
  struct value ip4 = {.i = 0x0a000001, .length = 4, .kind = VALUE_IP}, ip6 = {.ip = v6, .length = 16, .kind = VALUE_IP};
  struct value keys[4][6] = {
      {value_string(SLICE("card")), ip4, value_float(0.0), value_decimal(150, 2), value_bool(true), value_time(0)},
      {value_string(SLICE("card")), ip6, value_float(0.0), value_decimal(150, 2), value_bool(true), value_time(0)},
      {value_string(SLICE("")), ip4, value_float(2.5), value_decimal(-1, 2), value_bool(false), value_time(1000000)},
      /* -0 is 0: the first key again */
      {value_string(SLICE("card")), ip4, value_float(-0.0), value_decimal(150, 2), value_bool(true), value_time(0)},
  };
  for (int i = 0; i < 4; i++) {
    struct event event = {.values = keys[i]};
    window_set_event(f.set, 0, &event, 0, &f.env);
  }
  EXPECT_INT(window_set_counts(f.set).open, 3);
  finish(&f, 0);
  EXPECT_INT(f.each_count, 3);
  fixture_end(&f);
}

TEST(one_window_over_all_events) {
  struct fixture f;
  fixture_init(&f);
  f.plan.key_count = 0;
  const struct expr **entries = arena_array(&f.arena, const struct expr *, MADE_SLOTS);
  for (unsigned i = 0; i < MADE_KEY; i++) entries[i] = f.plan.entries[i];
  f.plan.entries = entries;
  fixture_start(&f, 0);
  add(&f, 1, 1, 0);
  add(&f, 2, 2, 5);
  feed(&f, 0, value_null(), 4, true, 6, 6);
  finish(&f, 6);
  EXPECT_TEXT(told(&f), "[0,10) 0:3/7");
  fixture_end(&f);
}

static bool wants_much(void *context, const struct window_event *event, struct expr_env *env) {
  struct fixture *f = context;
  f->each_count++;
  EXPECT(event->event.values == NULL);
  return env->banks[BANK_REGISTER][MADE_SUM].i > 10 && env->banks[BANK_KEY][0].i != 3 &&
         env->banks[BANK_WINDOW][WINDOW_END].i == 10;
}

TEST(what_nobody_wants_is_not_made) {
  struct fixture f;
  fixture_init(&f);
  struct window_options options = {
      .ruleset = &f.ruleset, .plan = &f.plan, .tell = fixture_tell, .context = &f, .wanted = wants_much};
  f.set = window_set_new(f.mem, &options);
  add(&f, 1, 10, 1);
  add(&f, 2, 11, 1);
  add(&f, 3, 12, 1);
  finish(&f, 1);
  EXPECT_TEXT(told(&f), "[0,10) 2:1/11");
  EXPECT_INT(f.each_count, 3);
  EXPECT_INT(window_set_counts(f.set).told, 1);
  fixture_end(&f);
}

TEST(windows_at_the_ends_of_time) {
  static const int64_t sizes[] = {1, 1000, INT64_MAX / 2, INT64_MAX};
  for (unsigned i = 0; i < 4; i++)
    for (int kind = 0; kind < 3; kind++) {
      struct fixture f;
      fixture_init(&f);
      f.plan.kind = kind == 0 ? WINDOW_TUMBLING : kind == 1 ? WINDOW_SLIDING : WINDOW_SESSION;
      f.plan.size_us = sizes[i];
      f.plan.every_us = sizes[i] > 1 ? sizes[i] / 2 : 1;
      f.plan.lateness_us = INT64_MAX;
      fixture_start(&f, 0);
      add(&f, 1, 1, -62135596800 * SECOND); /* the years 1 and 9999 */
      add(&f, 1, 1, 253402300799 * SECOND);
      add_late(&f, 1, 1, 0, 253402300799 * SECOND);
      finish(&f, 253402300799 * SECOND);
      int64_t counted = 0;
      for (uint32_t t = 0; t < f.told_count; t++) {
        EXPECT(f.told[t].start <= f.told[t].end);
        counted += f.told[t].count;
      }
      EXPECT(counted >= 3);
      EXPECT_INT(window_set_counts(f.set).open, 0);
      fixture_end(&f);
    }
}

/* ---- limits and memory ---- */

TEST(beyond_the_limit_the_oldest_are_told_no_more) {
  struct fixture f;
  fixture_init(&f);
  fixture_start(&f, 3);
  for (int64_t key = 0; key < 5; key++) add(&f, key, key, 1);
  EXPECT_INT(window_set_counts(f.set).open, 3);
  EXPECT_INT(window_set_counts(f.set).dropped, 2);
  add(&f, 2, 10, 9);
  add(&f, 0, 10, 9); /* drives out key 2, the oldest */
  finish(&f, 9);
  EXPECT_TEXT(told(&f), "[0,10) 3:1/3 [0,10) 4:1/4 [0,10) 0:1/10");
  fixture_end(&f);
}

TEST(known_keys_count_as_windows_when_windows_end) {
  struct fixture f;
  fixture_init(&f);
  f.plan.known_us = 1000;
  fixture_start(&f, 3);
  for (int64_t key = 1; key <= 2; key++) add(&f, key, 1, 1);
  for (int64_t key = 3; key <= 4; key++) add(&f, key, 1, 11); /* key 1 was known first */
  add(&f, 4, 1, 31);
  EXPECT_INT(window_set_counts(f.set).dropped, 1);
  EXPECT_TEXT(told(&f), "[0,10) 1:1/1 [0,10) 2:1/1 [10,20) 2:0/0 [10,20) 3:1/1 [10,20) 4:1/1 [20,30) 2:0/0 "
                        "[20,30) 3:0/0 [20,30) 4:0/0");
  fixture_end(&f);
}

static void count_only(struct fixture *f, const struct window_event *event) {
  f->each_count += event->start < event->end;
}

/* A stream of ever new keys: nothing but what is open stays. */
static void check_memory(struct window_plan change, uint64_t keys_max, uint64_t open_max) {
  struct fixture f;
  fixture_init(&f);
  f.plan.kind = change.kind;
  f.plan.size_us = change.size_us;
  f.plan.every_us = change.every_us;
  f.plan.count = change.count;
  f.plan.every_count = change.every_count;
  f.plan.lateness_us = change.lateness_us;
  if (change.early_us > 0) f.plan.early_us = change.early_us;
  if (change.known_us > 0) f.plan.known_us = change.known_us;
  f.each = count_only;
  fixture_start(&f, keys_max);
  size_t early = 0;
  for (int64_t i = 0; i < 60000; i++) {
    add(&f, i, i, i);
    add(&f, i, i, i);
    if (i % 3 == 0 && change.lateness_us > 0) add_late(&f, i / 2, 1, i - change.size_us / 2, i);
    EXPECT(window_set_counts(f.set).open <= open_max);
    if (i == 20000) early = mem_used(f.mem);
  }
  if (mem_used(f.mem) > early)
    printf("kind %d lateness %lld: %zu bytes, then %zu\n", change.kind, (long long)change.lateness_us, early,
           mem_used(f.mem));
  EXPECT(mem_used(f.mem) <= early);
  EXPECT(window_set_bytes(f.set) <= mem_used(f.mem));
  finish(&f, 60000);
  if (change.kind != WINDOW_COUNT) EXPECT_INT(window_set_counts(f.set).open, 0);
  fixture_end(&f);
}

TEST(the_state_of_idle_keys_leaves_by_event_time) {
  check_memory((struct window_plan){.kind = WINDOW_TUMBLING, .size_us = 1000}, 0, 1100);
  check_memory((struct window_plan){.kind = WINDOW_TUMBLING, .size_us = 1000, .lateness_us = 500}, 0, 2200);
  check_memory((struct window_plan){.kind = WINDOW_SLIDING, .size_us = 1000, .every_us = 100}, 0, 1300);
  check_memory((struct window_plan){.kind = WINDOW_SLIDING, .size_us = 1000, .every_us = 300}, 0, 1500);
  check_memory((struct window_plan){.kind = WINDOW_SLIDING, .size_us = 1000, .every_us = 200, .lateness_us = 300}, 0,
               2200);
  check_memory((struct window_plan){.kind = WINDOW_SLIDING, .size_us = 1000, .every_us = 250, .early_us = 50}, 0, 5500);
  check_memory((struct window_plan){.kind = WINDOW_SESSION, .size_us = 700}, 0, 800);
  check_memory((struct window_plan){.kind = WINDOW_SESSION, .size_us = 700, .lateness_us = 300, .early_us = 70}, 0,
               1800);
  check_memory((struct window_plan){.kind = WINDOW_TUMBLING, .size_us = 1000, .known_us = 2500}, 0, 1100);
  check_memory((struct window_plan){.kind = WINDOW_COUNT, .count = 2, .every_count = 2}, 0, 1);
}

TEST(limits_hold_for_every_kind) {
  check_memory((struct window_plan){.kind = WINDOW_TUMBLING, .size_us = 5000, .early_us = 1000}, 100, 100);
  check_memory((struct window_plan){.kind = WINDOW_TUMBLING, .size_us = 5000, .known_us = 30000}, 100, 100);
  check_memory((struct window_plan){.kind = WINDOW_SLIDING, .size_us = 5000, .every_us = 100}, 100, 100);
  check_memory((struct window_plan){.kind = WINDOW_SLIDING, .size_us = 5000, .every_us = 700, .lateness_us = 900}, 100,
               100);
  check_memory((struct window_plan){.kind = WINDOW_SESSION, .size_us = 5000}, 100, 100);
  check_memory((struct window_plan){.kind = WINDOW_COUNT, .count = 10, .every_count = 10}, 100, 100);
  check_memory((struct window_plan){.kind = WINDOW_COUNT, .count = 1, .every_count = 10}, 100, 100);
  check_memory((struct window_plan){.kind = WINDOW_COUNT, .count = 10, .every_count = 1}, 100, 100);
}

static void count_told(struct fixture *f, const struct window_event *event) {
  f->each_count++;
  EXPECT_INT(event->event.values[MADE_COUNT].i, 1);
  EXPECT_INT(event->event.values[MADE_SUM].i, event->key[0].i);
}

TEST(a_million_keys_at_one_boundary) {
  enum { KEYS = 1000000 };
  struct fixture f;
  fixture_init(&f);
  f.plan.aggregate_count = 2;
  const struct expr **entries = arena_array(&f.arena, const struct expr *, MADE_SLOTS);
  for (unsigned i = 0; i < 2; i++) entries[i] = f.plan.entries[i];
  f.plan.entries = entries;
  f.plan.size_us = HOUR;
  f.each = count_told;
  fixture_start(&f, 0);
  for (int64_t key = 0; key < KEYS; key++) add(&f, key * 7919 % KEYS, key * 7919 % KEYS, key);
  EXPECT_INT(window_set_counts(f.set).open, KEYS);
  EXPECT(window_set_bytes(f.set) / KEYS <= 150);
  pass(&f, HOUR);
  EXPECT_INT(f.each_count, 0);
  pass(&f, HOUR + 1);
  EXPECT_INT(f.each_count, KEYS);
  EXPECT_INT(window_set_counts(f.set).open, 0);
  EXPECT_INT(window_set_deadline(f.set), INT64_MAX);
  fixture_end(&f);
}

/* Every allocation fails once: the guard is reached and nothing leaks (the sanitizer looks). */
TEST(memory_that_runs_out_leads_to_the_guard) {
  static const enum window_kind kinds[] = {WINDOW_TUMBLING, WINDOW_SLIDING, WINDOW_SESSION, WINDOW_COUNT};
  for (unsigned kind = 0; kind < 4; kind++) {
    bool failed = true;
    for (volatile uint64_t n = 1; failed; n++) {
      static struct fixture f;
      fixture_init(&f);
      f.plan.kind = kinds[kind];
      f.plan.every_us = 3;
      f.plan.count = f.plan.every_count = 4;
      if (kind < 3) f.plan.lateness_us = 30;
      if (MEM_GUARD(f.mem)) {
        mem_free_all(f.mem);
        continue;
      }
      mem_fail_at(f.mem, n);
      fixture_start(&f, 0);
      for (int64_t i = 0; i < 300; i++) add(&f, i % 40, 1, i / 10);
      if (kind < 3) add_late(&f, 1, 1, 1, 31);
      failed = false;
      mem_unguard(f.mem);
      mem_free_all(f.mem);
    }
  }
}

TEST_MAIN
