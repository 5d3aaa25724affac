/* schedule.c - the words of a rule's life, asked for each of its matches. Called by engine.c. Owns nothing. */
#include "engine/schedule.h"

#include "base/hash.h"

bool schedule_canary(int64_t percent, struct slice key_text) {
  return (int64_t)(hash_bytes(key_text.data, key_text.length) % 100) < percent;
}

enum told_mode rule_mode(const struct rule *rule, int64_t time, struct slice key_text) {
  if (rule->mode == MODE_OFF) return TOLD_OFF;
  const struct rule_life *life = rule->life;
  if (life != NULL) {
    if (time < life->active_from_us || time >= life->active_until_us) return TOLD_OFF;
    if (life->schedule.count > 0 && !schedule_holds(&life->schedule, life->schedule_zone, time)) return TOLD_OFF;
  }
  if (rule->mode == MODE_SHADOW) return TOLD_SHADOW;
  if (life == NULL || life->canary_percent < 0) return TOLD_LIVE;
  return schedule_canary(life->canary_percent, key_text) ? TOLD_CANARY : TOLD_SHADOW;
}

struct slice told_mode_text(enum told_mode mode) {
  switch (mode) {
  case TOLD_SHADOW: return SLICE("shadow");
  case TOLD_CANARY: return SLICE("canary");
  default: return (struct slice){0};
  }
}
