/* laps.c - the slow side of laps.h: a look at the clock. */
#include "base/laps.h"

static uint64_t us_of(void *context) {
  const struct env *env = context;
  return (uint64_t)env->monotonic_us(env->context);
}

void laps_begin(struct laps *laps, const struct env *env, struct lap_row *rows) {
  *laps = (struct laps){.ticks = env->ticks, .context = env->context, .rows = rows};
  if (laps->ticks == NULL) {
    laps->ticks = us_of;
    laps->context = (void *)(uintptr_t)env;
  }
  laps->at = laps->ticks(laps->context);
}

uint32_t laps_turn(struct laps *laps, uint32_t row) {
  uint64_t now = laps->ticks(laps->context);
  uint32_t before = laps->row;
  if (now > laps->at) laps->rows[before].ticks += now - laps->at; /* counters of two processors may differ a little */
  laps->at = now;
  laps->row = row;
  return before;
}
