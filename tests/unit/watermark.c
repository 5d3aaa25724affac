/* floors: engine base */
/* watermark: lateness is strict, guards refuse what they say, leaps need their confirmations, arrival never goes back.
 */
#include "engine/watermark.h"
#include "test.h"

static struct schema plain(void) {
  return (struct schema){.ahead_us = -1, .behind_us = -1, .jump_us = -1, .jump_confirm = 3};
}

static enum watermark_verdict take(struct watermark_clock *clock, const struct schema *schema, int64_t time) {
  return watermark_take(clock, schema, &time, true, WATERMARK_NONE);
}

TEST(late_is_strictly_older_than_the_watermark) {
  struct schema schema = plain();
  struct watermark_clock clock;
  watermark_init(&clock, 10, false);
  EXPECT(watermark_of(&clock) == WATERMARK_NONE);
  EXPECT_INT(take(&clock, &schema, 100), WATERMARK_TAKEN);
  EXPECT_INT(watermark_of(&clock), 90);
  EXPECT_INT(take(&clock, &schema, 90), WATERMARK_TAKEN);
  EXPECT_INT(take(&clock, &schema, 89), WATERMARK_LATE);
  EXPECT_INT(watermark_of(&clock), 90);
  EXPECT_INT(take(&clock, &schema, 101), WATERMARK_TAKEN);
  EXPECT_INT(take(&clock, &schema, 90), WATERMARK_LATE);
}

TEST(without_disorder_equal_times_are_in_time) {
  struct schema schema = plain();
  struct watermark_clock clock;
  watermark_init(&clock, 0, false);
  EXPECT_INT(take(&clock, &schema, -5), WATERMARK_TAKEN);
  EXPECT_INT(take(&clock, &schema, -5), WATERMARK_TAKEN);
  EXPECT_INT(take(&clock, &schema, -6), WATERMARK_LATE);
}

TEST(events_that_do_not_move_the_watermark) {
  struct schema schema = plain();
  struct watermark_clock clock;
  watermark_init(&clock, 0, false);
  int64_t time = 1000;
  EXPECT_INT(watermark_take(&clock, &schema, &time, false, WATERMARK_NONE), WATERMARK_TAKEN);
  EXPECT(watermark_of(&clock) == WATERMARK_NONE);
  EXPECT_INT(take(&clock, &schema, 10), WATERMARK_TAKEN);
  EXPECT_INT(watermark_of(&clock), 10);
  time = 9;
  EXPECT_INT(watermark_take(&clock, &schema, &time, false, WATERMARK_NONE), WATERMARK_LATE);
}

TEST(a_leap_is_taken_at_its_third_event_in_a_row) {
  struct schema schema = plain();
  schema.jump_us = 100;
  struct watermark_clock clock;
  watermark_init(&clock, 0, false);
  EXPECT_INT(take(&clock, &schema, 1000000), WATERMARK_TAKEN); /* the first event is no leap */
  EXPECT_INT(take(&clock, &schema, 1000100), WATERMARK_TAKEN); /* exactly the jump */
  EXPECT_INT(take(&clock, &schema, 1000201), WATERMARK_LEAP);
  EXPECT_INT(take(&clock, &schema, 1000202), WATERMARK_LEAP);
  EXPECT_INT(take(&clock, &schema, 1000110), WATERMARK_TAKEN); /* breaks the row */
  EXPECT_INT(take(&clock, &schema, 5000000), WATERMARK_LEAP);
  EXPECT_INT(take(&clock, &schema, 5000100), WATERMARK_LEAP);
  EXPECT_INT(take(&clock, &schema, 5000201), WATERMARK_LEAP); /* not within the jump of the one before: a new row */
  EXPECT_INT(take(&clock, &schema, 5000150), WATERMARK_LEAP);
  EXPECT_INT(watermark_of(&clock), 1000110);
  EXPECT_INT(take(&clock, &schema, 5000100), WATERMARK_TAKEN);
  EXPECT_INT(watermark_of(&clock), 5000100);
  EXPECT_INT(take(&clock, &schema, 5000050), WATERMARK_LATE);
}

/* What the event was to the beginning, and that it was taken. */
static enum watermark_begin begin(struct watermark_clock *clock, const struct schema *schema, int64_t time) {
  EXPECT_INT(take(clock, schema, time), WATERMARK_TAKEN);
  return clock->begin;
}

TEST(no_time_stands_before_enough_events_agree) {
  struct schema schema = plain();
  schema.jump_us = 100;
  struct watermark_clock clock;
  watermark_init(&clock, 10, false);
  EXPECT_INT(begin(&clock, &schema, 1000), BEGIN_DOUBTFUL);
  EXPECT_INT(begin(&clock, &schema, 900), BEGIN_DOUBTFUL); /* exactly the jump behind it */
  EXPECT(watermark_of(&clock) == WATERMARK_NONE);
  EXPECT_INT(begin(&clock, &schema, 1100), BEGIN_CONFIRMED);
  EXPECT_INT(watermark_of(&clock), 1090);
  EXPECT_INT(begin(&clock, &schema, 1101), BEGIN_OVER);
  EXPECT_INT(take(&clock, &schema, 900), WATERMARK_LATE);
}

TEST(a_first_event_far_ahead_is_disproved_by_a_row_that_agrees) {
  struct schema schema = plain();
  schema.jump_us = 100;
  struct watermark_clock clock;
  watermark_init(&clock, 10, false);
  EXPECT_INT(begin(&clock, &schema, 9000000), BEGIN_DOUBTFUL);
  EXPECT_INT(begin(&clock, &schema, 1000), BEGIN_OVER);
  EXPECT_INT(begin(&clock, &schema, 1050), BEGIN_OVER);
  EXPECT_INT(begin(&clock, &schema, 1500), BEGIN_OVER); /* does not agree: a new row */
  EXPECT_INT(begin(&clock, &schema, 1450), BEGIN_OVER);
  EXPECT(watermark_of(&clock) == WATERMARK_NONE);
  EXPECT_INT(begin(&clock, &schema, 1480), BEGIN_DISPROVED);
  EXPECT_INT(watermark_of(&clock), 1490); /* of the row's highest */
  EXPECT_INT(take(&clock, &schema, 9000000), WATERMARK_LEAP);
  EXPECT_INT(take(&clock, &schema, 1000), WATERMARK_LATE);
}

TEST(a_row_behind_the_first_event_is_broken_by_what_agrees_with_it) {
  struct schema schema = plain();
  schema.jump_us = 100;
  struct watermark_clock clock;
  watermark_init(&clock, 500, false); /* events may be so much behind, which is more than the jump */
  EXPECT_INT(begin(&clock, &schema, 10000), BEGIN_DOUBTFUL);
  EXPECT_INT(begin(&clock, &schema, 9499), BEGIN_OVER);
  EXPECT_INT(begin(&clock, &schema, 9498), BEGIN_OVER);
  EXPECT_INT(begin(&clock, &schema, 9500), BEGIN_DOUBTFUL); /* in time for the first */
  EXPECT_INT(begin(&clock, &schema, 9499), BEGIN_OVER);
  EXPECT_INT(begin(&clock, &schema, 10001), BEGIN_CONFIRMED);
  EXPECT_INT(watermark_of(&clock), 9501);
}

TEST(leaps_at_the_beginning_are_judged_as_always) {
  struct schema schema = plain(), free = plain();
  schema.jump_us = 100;
  struct watermark_clock clock;
  watermark_init(&clock, 0, false);
  EXPECT_INT(begin(&clock, &schema, 1000), BEGIN_DOUBTFUL);
  EXPECT_INT(take(&clock, &schema, 5000), WATERMARK_LEAP);
  EXPECT_INT(take(&clock, &schema, 5001), WATERMARK_LEAP);
  EXPECT_INT(begin(&clock, &schema, 5002), BEGIN_CONFIRMED);
  EXPECT_INT(watermark_of(&clock), 5002);
  watermark_init(&clock, 0, false); /* a type without `jump` is not held back */
  EXPECT_INT(begin(&clock, &schema, 1000), BEGIN_DOUBTFUL);
  EXPECT_INT(begin(&clock, &free, 9000), BEGIN_CONFIRMED);
  EXPECT_INT(watermark_of(&clock), 9000);
  watermark_init(&clock, 0, false); /* and what has ended needs no confirmation */
  EXPECT_INT(begin(&clock, &schema, 1000), BEGIN_DOUBTFUL);
  watermark_begin(&clock);
  EXPECT_INT(watermark_of(&clock), 1000);
  schema.jump_confirm = 1;
  watermark_init(&clock, 0, false);
  EXPECT_INT(begin(&clock, &schema, 1000), BEGIN_CONFIRMED);
  EXPECT_INT(watermark_of(&clock), 1000);
  schema.jump_confirm = 3;
  watermark_init(&clock, 0, true); /* order of arrival waits for nothing */
  EXPECT_INT(begin(&clock, &schema, 1000), BEGIN_OVER);
  EXPECT_INT(watermark_of(&clock), 1000);
}

TEST(stamps_of_the_log_hold_clocks) {
  struct schema schema = plain();
  schema.ahead_us = 60;
  schema.behind_us = 1000;
  struct watermark_clock clock;
  watermark_init(&clock, 5000, false);
  int64_t time = 10060;
  EXPECT_INT(watermark_take(&clock, &schema, &time, true, 10000), WATERMARK_TAKEN);
  time = 10061;
  EXPECT_INT(watermark_take(&clock, &schema, &time, true, 10000), WATERMARK_AHEAD);
  time = 9000;
  EXPECT_INT(watermark_take(&clock, &schema, &time, true, 10000), WATERMARK_TAKEN);
  time = 8999;
  EXPECT_INT(watermark_take(&clock, &schema, &time, true, 10000), WATERMARK_BEHIND);
  time = 999999; /* no stamp, no judgement */
  EXPECT_INT(watermark_take(&clock, &schema, &time, true, WATERMARK_NONE), WATERMARK_TAKEN);
}

/* Events of types with and without guards in any mix: the short way changes and says what the long one does. */
TEST(the_plain_event_is_judged_like_the_others) {
  struct schema schemas[3] = {plain(), plain(), plain()};
  schemas[1].jump_us = 100;
  schemas[1].jump_confirm = 2;
  schemas[2].ahead_us = 50;
  uint64_t random = 11;
  int wrong = 0;
  for (int round = 0; round < 200; round++) {
    struct watermark_clock quick, slow;
    watermark_init(&quick, round % 40, round % 5 == 0);
    watermark_init(&slow, round % 40, round % 5 == 0);
    int64_t at = 10000;
    for (int i = 0; i < 100; i++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      at += (int64_t)(random >> 33) % 60 - 20;
      int64_t time = random >> 60 < 4 ? at + 500 : at, same_time = time;
      const struct schema *schema = &schemas[(random >> 24) % 3];
      bool moves = (random >> 20 & 7) != 0;
      int64_t stamp = (random >> 16 & 3) == 0 ? at - 40 : WATERMARK_NONE;
      enum watermark_verdict verdict = watermark_take(&quick, schema, &time, moves, stamp);
      wrong += verdict != watermark_judge(&slow, schema, &same_time, moves, stamp) || time != same_time;
      wrong += watermark_of(&quick) != watermark_of(&slow) || quick.begin != slow.begin;
    }
  }
  EXPECT_INT(wrong, 0);
}

TEST(arrival_gives_the_highest_time_so_far) {
  struct schema schema = plain();
  struct watermark_clock clock;
  watermark_init(&clock, 1000, true);
  int64_t time = 50;
  EXPECT_INT(watermark_take(&clock, &schema, &time, true, WATERMARK_NONE), WATERMARK_TAKEN);
  time = 20;
  EXPECT_INT(watermark_take(&clock, &schema, &time, false, WATERMARK_NONE), WATERMARK_TAKEN);
  EXPECT_INT(time, 50);
  time = 60;
  EXPECT_INT(watermark_take(&clock, &schema, &time, false, WATERMARK_NONE), WATERMARK_TAKEN);
  EXPECT_INT(time, 60);
  EXPECT_INT(watermark_of(&clock), 60);
}

TEST(advancing_never_goes_back_and_nothing_overflows) {
  struct watermark_clock clock;
  watermark_init(&clock, INT64_MAX, false);
  struct schema schema = plain();
  EXPECT_INT(take(&clock, &schema, -1000), WATERMARK_TAKEN);
  EXPECT(watermark_of(&clock) > WATERMARK_NONE);
  watermark_init(&clock, 10, false);
  watermark_advance(&clock, 100);
  EXPECT_INT(watermark_of(&clock), 100);
  watermark_advance(&clock, 50);
  EXPECT_INT(watermark_of(&clock), 100);
  EXPECT_INT(take(&clock, &schema, 99), WATERMARK_LATE);
}

TEST_MAIN
