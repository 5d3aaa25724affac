/* laps.h - where time goes: a clock that charges all time between two looks at it to the row in hand, so that rows add
 * up to the whole. For profiles: who may be measured has a pointer to one, NULL where nobody asks, and then pays for a
 * branch. One thread. */
#ifndef WEIR_BASE_LAPS_H
#define WEIR_BASE_LAPS_H

#include "base/env.h"

struct lap_row {
  uint64_t ticks;  /* of the clock below */
  uint64_t events; /* laps_count() */
  int64_t bytes;   /* that its owner says it keeps */
};

struct laps {
  uint64_t (*ticks)(void *context);
  void *context;
  uint64_t at;  /* the last look */
  uint32_t row; /* in hand */
  struct lap_row *rows;
};

/* Row 0 is in hand. The ticks are env's, or its microseconds where it has none. */
void laps_begin(struct laps *laps, const struct env *env, struct lap_row *rows);
uint32_t laps_turn(struct laps *laps, uint32_t row);

/* From here on `row` is charged. Returns the one before, for who comes back to it. */
static inline uint32_t laps_enter(struct laps *laps, uint32_t row) {
  return __builtin_expect(laps == NULL, 1) ? 0 : laps_turn(laps, row);
}
static inline void laps_count(struct laps *laps, uint32_t row) {
  if (__builtin_expect(laps != NULL, 0)) laps->rows[row].events++;
}

#endif
