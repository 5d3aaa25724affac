/* watermark.c - watermarks, lateness and clock guards of one partition. Owns nothing; engine.c calls it. */
#include "engine/watermark.h"

void watermark_init(struct watermark_clock *clock, int64_t disorder_us, bool arrival) {
  *clock =
      (struct watermark_clock){.highest = WATERMARK_NONE, .disorder_us = arrival ? 0 : disorder_us, .arrival = arrival};
}

int64_t watermark_of(const struct watermark_clock *clock) {
  if (clock->highest == WATERMARK_NONE) return WATERMARK_NONE;
  int64_t watermark = watermark_less(clock->highest, clock->disorder_us);
  return watermark == WATERMARK_NONE ? WATERMARK_NONE + 1 : watermark;
}

static void time_stands(struct watermark_clock *clock, int64_t highest, enum watermark_begin begin) {
  clock->highest = highest;
  clock->begin = begin;
  clock->begin_count = clock->fall_count = clock->leap_count = 0;
}

void watermark_advance(struct watermark_clock *clock, int64_t watermark) {
  if (watermark <= watermark_of(clock)) return;
  time_stands(clock, watermark_plus(watermark, clock->disorder_us), BEGIN_CONFIRMED);
}

static enum watermark_verdict against_stamp(const struct schema *schema, int64_t time, int64_t stamp) {
  if (stamp == WATERMARK_NONE) return WATERMARK_TAKEN;
  if (schema->ahead_us >= 0 && time > watermark_plus(stamp, schema->ahead_us)) return WATERMARK_AHEAD;
  if (schema->behind_us >= 0 && time < watermark_less(stamp, schema->behind_us)) return WATERMARK_BEHIND;
  return WATERMARK_TAKEN;
}

/* One more event in a row of those that agree, each within the jump of the one before. */
static int64_t row_goes_on(int64_t count, int64_t before, int64_t time, int64_t jump_us) {
  bool agrees = count > 0 && time <= watermark_plus(before, jump_us) && time >= watermark_less(before, jump_us);
  return agrees ? count + 1 : 1;
}

/* Whether a leap to `time` is confirmed. Leaps count while they come one right behind the other and agree: each within
 * the jump of the one before. Anything else that is an event of the partition breaks the row. */
static bool leap_confirmed(struct watermark_clock *clock, const struct schema *schema, int64_t time) {
  if (clock->highest == WATERMARK_NONE || time <= watermark_plus(clock->highest, schema->jump_us)) {
    clock->leap_count = 0;
    return true;
  }
  clock->leap_count = row_goes_on(clock->leap_count, clock->leap_time, time, schema->jump_us);
  clock->leap_time = time;
  if (clock->leap_count < schema->jump_confirm) return false;
  clock->leap_count = 0;
  return true;
}

void watermark_begin(struct watermark_clock *clock) {
  if (clock->highest == WATERMARK_NONE && clock->begin_count > 0)
    time_stands(clock, clock->begin_highest, BEGIN_CONFIRMED);
}

/* No time stands yet. Ahead of the first event leaps are judged as always; what is far behind it may be right, and the
 * first one wrong, if enough in a row agree. */
static enum watermark_verdict begin_take(struct watermark_clock *clock, const struct schema *schema, int64_t time) {
  int64_t behind = schema->jump_us > clock->disorder_us ? schema->jump_us : clock->disorder_us;
  if (clock->begin_count > 0 && time > watermark_plus(clock->begin_highest, schema->jump_us)) {
    clock->leap_count = row_goes_on(clock->leap_count, clock->leap_time, time, schema->jump_us);
    clock->leap_time = time;
    if (clock->leap_count < schema->jump_confirm) return WATERMARK_LEAP;
    time_stands(clock, time, BEGIN_CONFIRMED);
    return WATERMARK_TAKEN;
  }
  clock->leap_count = 0;
  if (clock->begin_count > 0 && time < watermark_less(clock->begin_highest, behind)) {
    clock->fall_count = row_goes_on(clock->fall_count, clock->fall_time, time, schema->jump_us);
    clock->fall_time = time;
    if (clock->fall_count == 1 || time > clock->fall_highest) clock->fall_highest = time;
    if (clock->fall_count == schema->jump_confirm) time_stands(clock, clock->fall_highest, BEGIN_DISPROVED);
    return WATERMARK_TAKEN;
  }
  clock->fall_count = 0;
  if (clock->begin_count == 0 || time > clock->begin_highest) clock->begin_highest = time;
  clock->begin = BEGIN_DOUBTFUL;
  if (++clock->begin_count == schema->jump_confirm) time_stands(clock, clock->begin_highest, BEGIN_CONFIRMED);
  return WATERMARK_TAKEN;
}

enum watermark_verdict watermark_judge(struct watermark_clock *clock, const struct schema *schema, int64_t *time,
                                       bool moves, int64_t stamp) {
  enum watermark_verdict verdict = against_stamp(schema, *time, stamp);
  if (verdict != WATERMARK_TAKEN) return verdict;
  clock->begin = BEGIN_OVER;
  if (clock->arrival) moves = true; /* released at once: what comes later must not be earlier */
  if (moves && schema->jump_us >= 0 && clock->highest == WATERMARK_NONE && !clock->arrival)
    return begin_take(clock, schema, *time);
  if (moves) {
    if (schema->jump_us < 0) {
      clock->leap_count = 0;
    } else if (!leap_confirmed(clock, schema, *time)) {
      return WATERMARK_LEAP;
    }
  }
  if (clock->arrival && clock->highest != WATERMARK_NONE && *time < clock->highest) *time = clock->highest;
  if (clock->highest != WATERMARK_NONE && *time < watermark_of(clock)) return WATERMARK_LATE;
  if (!moves) return WATERMARK_TAKEN;
  if (clock->highest == WATERMARK_NONE)
    time_stands(clock, *time, clock->begin_count > 0 ? BEGIN_CONFIRMED : BEGIN_OVER);
  else if (*time > clock->highest)
    clock->highest = *time;
  return WATERMARK_TAKEN;
}
