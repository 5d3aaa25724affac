/* window_tell.c - from a state to an event: aggregates, the values of `window.…`, the event's own, the receiver. */
#include <string.h>

#include "engine/window_private.h"

static void set_values(struct window_set *set, const struct window_telling *telling, struct expr_env *env) {
  int64_t length = window_minus(telling->end, telling->start);
  window_key_values(set, telling->key);
  for (uint16_t i = 0; i < set->plan->aggregate_count; i++)
    set->registers[i] = aggregates_tell(set->aggregates, telling->state, i, length, &set->scratch, env->counts);
  set->window_values[WINDOW_START] = value_time(telling->start);
  set->window_values[WINDOW_END] = value_time(telling->end);
  set->window_values[WINDOW_REVISION] = value_int(telling->revision);
  set->window_values[WINDOW_PARTIAL] = value_bool(telling->partial > 0);
  env->banks[BANK_REGISTER] = set->registers;
  env->banks[BANK_KEY] = set->key_values;
  env->banks[BANK_WINDOW] = set->window_values;
}

void window_tell(struct window_set *set, const struct window_telling *telling, struct expr_env *env) {
  struct arena *scratch = env->scratch;
  env->scratch = &set->scratch;
  env->counts->place = set->plan;
  set_values(set, telling, env);
  struct window_event made = {.plan = set->plan,
                              .event = {.time = telling->time, .type = set->plan->schema},
                              .key = set->key_values,
                              .start = telling->start,
                              .end = telling->end,
                              .number = telling->number,
                              .revision = telling->revision,
                              .partial_number = telling->partial,
                              .cause = telling->cause,
                              .moment = telling->moment};
  if (telling->cause != NULL) made.event.position = telling->cause->position;
  if (set->options.wanted == NULL || set->options.wanted(set->options.context, &made, env)) {
    for (uint16_t slot = 0; slot < set->value_count; slot++) {
      const struct expr *entry = set->plan->entries[slot];
      set->values[slot] = entry == NULL ? value_null() : expr_eval(entry, env);
    }
    env->counts->place = NULL;
    made.event.values = set->values;
    set->counts.told++;
    set->options.tell(set->options.context, &made);
  }
  env->counts->place = NULL;
  env->scratch = scratch;
  arena_reset(&set->scratch);
}

/* ---- early results ---- */

int64_t window_early_due(const struct window_set *set, int64_t start, int64_t end, int64_t now) {
  int64_t every = set->plan->early_us, passed = now > start ? window_minus(now, start) : 0;
  int64_t steps = passed == 0 ? 1 : (passed - 1) / every + 1;
  int64_t due;
  if (__builtin_mul_overflow(steps, every, &due) || __builtin_add_overflow(start, due, &due)) return INT64_MAX;
  return due < end ? due : INT64_MAX;
}

static void tell_partial(struct window_set *set, const struct window_key *key, struct window_part *part, int64_t start,
                         int64_t end, int64_t time, const struct event *cause, struct expr_env *env) {
  struct window_telling telling = {.key = key,
                                   .state = window_state_of(set, part),
                                   .start = start,
                                   .end = end,
                                   .number = part->number,
                                   .time = time,
                                   .moment = time,
                                   .revision = part->revision,
                                   .partial = ++window_early_of(set, part)->partial,
                                   .cause = cause};
  part->flags &= ~(uint32_t)PART_CHANGED;
  window_tell(set, &telling, env);
}

static bool condition_holds(struct window_set *set, const struct window_key *key, const struct window_part *part,
                            int64_t start, int64_t end, struct expr_env *env) {
  struct window_telling telling = {.key = key,
                                   .state = window_state_of(set, part),
                                   .start = start,
                                   .end = end,
                                   .revision = part->revision,
                                   .partial = 1};
  struct arena *scratch = env->scratch;
  env->scratch = &set->scratch;
  set_values(set, &telling, env);
  bool holds = expr_truth(set->plan->early_when, env) == 1;
  env->scratch = scratch;
  arena_reset(&set->scratch);
  return holds;
}

bool window_tell_early(struct window_set *set, const struct window_key *key, struct window_part *part, int64_t start,
                       int64_t end, const struct event *cause, int64_t now, struct expr_env *env) {
  const struct window_plan *plan = set->plan;
  struct window_early *early = window_early_of(set, part);
  bool tells = false;
  if (plan->early_count > 0 && ++early->events >= plan->early_count) {
    early->events = 0;
    tells = true;
  }
  if (plan->early_when != NULL) {
    bool held = (part->flags & PART_HELD) != 0, holds = condition_holds(set, key, part, start, end, env);
    part->flags = holds ? part->flags | PART_HELD : part->flags & ~(uint32_t)PART_HELD;
    tells |= holds && !held;
  }
  if (tells) {
    tell_partial(set, key, part, start, end, now, cause, env);
    return false;
  }
  if (plan->early_us <= 0) return false;
  part->flags |= PART_CHANGED;
  return true;
}

void window_tell_early_due(struct window_set *set, const struct window_key *key, struct window_part *part,
                           int64_t start, int64_t end, int64_t time, struct expr_env *env) {
  tell_partial(set, key, part, start, end, time, NULL, env);
}
