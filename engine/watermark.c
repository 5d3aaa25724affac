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

void watermark_advance(struct watermark_clock *clock, int64_t watermark) {
  if (watermark <= watermark_of(clock)) return;
  clock->highest = watermark_plus(watermark, clock->disorder_us);
  clock->leap_count = 0;
}

static enum watermark_verdict against_stamp(const struct schema *schema, int64_t time, int64_t stamp) {
  if (stamp == WATERMARK_NONE) return WATERMARK_TAKEN;
  if (schema->ahead_us >= 0 && time > watermark_plus(stamp, schema->ahead_us)) return WATERMARK_AHEAD;
  if (schema->behind_us >= 0 && time < watermark_less(stamp, schema->behind_us)) return WATERMARK_BEHIND;
  return WATERMARK_TAKEN;
}

/* Whether a leap to `time` is confirmed. Leaps count while they come one right behind the other and agree: each within
 * the jump of the one before. Anything else that is an event of the partition breaks the row. */
static bool leap_confirmed(struct watermark_clock *clock, const struct schema *schema, int64_t time) {
  if (clock->highest == WATERMARK_NONE || time <= watermark_plus(clock->highest, schema->jump_us)) {
    clock->leap_count = 0;
    return true;
  }
  bool agrees = clock->leap_count > 0 && time <= watermark_plus(clock->leap_time, schema->jump_us) &&
                time >= watermark_less(clock->leap_time, schema->jump_us);
  clock->leap_count = agrees ? clock->leap_count + 1 : 1;
  clock->leap_time = time;
  if (clock->leap_count < schema->jump_confirm) return false;
  clock->leap_count = 0;
  return true;
}

enum watermark_verdict watermark_take(struct watermark_clock *clock, const struct schema *schema, int64_t *time,
                                      bool moves, int64_t stamp) {
  enum watermark_verdict verdict = against_stamp(schema, *time, stamp);
  if (verdict != WATERMARK_TAKEN) return verdict;
  if (clock->arrival) moves = true; /* released at once: what comes later must not be earlier */
  if (moves) {
    if (schema->jump_us < 0) {
      clock->leap_count = 0;
    } else if (!leap_confirmed(clock, schema, *time)) {
      return WATERMARK_LEAP;
    }
  }
  if (clock->arrival && clock->highest != WATERMARK_NONE && *time < clock->highest) *time = clock->highest;
  if (clock->highest != WATERMARK_NONE && *time < watermark_of(clock)) return WATERMARK_LATE;
  if (moves && (clock->highest == WATERMARK_NONE || *time > clock->highest)) clock->highest = *time;
  return WATERMARK_TAKEN;
}
