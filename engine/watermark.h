/* watermark.h - how far event time has come in one partition, and which of its events are late or carry a wrong clock.
 *
 * A clock is plain data that its partition owns; engine.c asks it once for each decoded event, in the order of the
 * partition's log. What it answers depends on that log alone, never on other partitions or on batches. */
#ifndef WEIR_ENGINE_WATERMARK_H
#define WEIR_ENGINE_WATERMARK_H

#include "base/event.h"

#define WATERMARK_NONE INT64_MIN /* no event yet; and as a stamp: the log has none (files) */

/* What an event is to the beginning of its partition. Where `jump D confirm N` holds clocks, no time stands before N
 * events agree, for the first one may be the wrong one: until then events are taken, and wait. */
enum watermark_begin {
  BEGIN_OVER,      /* nothing: time stands, or would not be moved by it */
  BEGIN_DOUBTFUL,  /* the first, or it agrees with the first, and they are not enough yet */
  BEGIN_CONFIRMED, /* with it time stands, and all that was taken is good */
  BEGIN_DISPROVED, /* with it time stands, and those that were doubtful are wrong: they are far ahead of it */
};

struct watermark_clock {
  int64_t highest;                             /* event time that the watermark stands on, or WATERMARK_NONE */
  int64_t disorder_us;                         /* largest of the types that may come in the partition */
  int64_t leap_time;                           /* of the last event that leapt, while leap_count > 0 */
  int64_t leap_count;                          /* leaps in a row, each within the jump of the one before */
  int64_t begin_highest, begin_count;          /* while no time stands: the first event and those that agree with it */
  int64_t fall_time, fall_highest, fall_count; /* and a row of events far behind it that agree with each other */
  enum watermark_begin begin;                  /* of the last event that was taken */
  bool arrival;                                /* `order arrival`: events take the highest time so far, none is late */
};

enum watermark_verdict {
  WATERMARK_TAKEN,
  WATERMARK_LATE,   /* strictly older than the watermark */
  WATERMARK_AHEAD,  /* refused: further ahead of the log's stamp than `clock ahead` allows */
  WATERMARK_BEHIND, /* refused: further behind it than `clock behind` allows */
  WATERMARK_LEAP,   /* refused: a leap (`jump`) that not enough events have confirmed */
};

void watermark_init(struct watermark_clock *clock, int64_t disorder_us, bool arrival);

/* watermark_take() for the events that are not the plain one. */
enum watermark_verdict watermark_judge(struct watermark_clock *clock, const struct schema *schema, int64_t *time,
                                       bool moves, int64_t stamp);

/* Judges an event of `schema` with time *time and moves the watermark if it is taken and `moves` (its `watermark when`
 * is true, or it has none). In arrival order *time becomes the highest time so far. `stamp`: when the log took the
 * record, or WATERMARK_NONE. An event that is late or refused changes nothing but the row of leaps. */
static inline enum watermark_verdict watermark_take(struct watermark_clock *clock, const struct schema *schema,
                                                    int64_t *time, bool moves, int64_t stamp) {
  bool plain = moves && stamp == WATERMARK_NONE && schema->jump_us < 0 && clock->highest != WATERMARK_NONE;
  if (__builtin_expect(!plain || *time < clock->highest, 0)) return watermark_judge(clock, schema, time, moves, stamp);
  clock->begin = BEGIN_OVER;
  clock->leap_count = 0;
  clock->highest = *time;
  return WATERMARK_TAKEN;
}

/* Nothing will confirm the beginning: it stands as it is. */
void watermark_begin(struct watermark_clock *clock);

/* Highest time less the disorder; WATERMARK_NONE before time stands. */
int64_t watermark_of(const struct watermark_clock *clock);

/* Time goes on to at least `watermark` (the library, and tests in rule files). */
void watermark_advance(struct watermark_clock *clock, int64_t watermark);

/* a - b and a + b for times and durations, held at the ends of int64. */
static inline int64_t watermark_less(int64_t a, int64_t b) {
  int64_t result;
  return __builtin_sub_overflow(a, b, &result) ? (b > 0 ? INT64_MIN : INT64_MAX) : result;
}
static inline int64_t watermark_plus(int64_t a, int64_t b) {
  int64_t result;
  return __builtin_add_overflow(a, b, &result) ? (b < 0 ? INT64_MIN : INT64_MAX) : result;
}

#endif
