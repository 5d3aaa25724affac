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
