/* derive.c - filter and map events. Owned by engine.c. */
#include "engine/derive.h"

#include "base/hash.h"
#include "engine/live.h"
#include "engine/moment.h"

void deriver_init(struct deriver *deriver, struct mem *mem, const struct ruleset *ruleset) {
  *deriver = (struct deriver){.mem = mem,
                              .ruleset = ruleset,
                              .round = 1,
                              .lookup = &ruleset->lookup,
                              .lookup_context = (void *)(uintptr_t)ruleset};
  deriver->made = mem_alloc(mem, (ruleset->schema_count + 1u) * sizeof *deriver->made);
}

static void add(struct deriver *deriver, const struct event *event) {
  if (deriver->count == DERIVED_PER_EVENT_MAX) {
    deriver->left_out++;
    return;
  }
  if (deriver->count == deriver->capacity) {
    deriver->capacity = deriver->capacity == 0 ? 16 : 2 * deriver->capacity;
    deriver->events = mem_realloc(deriver->mem, deriver->events, deriver->capacity * sizeof *deriver->events);
  }
  deriver->events[deriver->count++] = *event;
  deriver->made[event->type]++;
}

/* One event of the definition, if its condition holds; `element` is null where there is no `each`. */
static void make(struct deriver *deriver, const struct derived *derived, const struct derived_from *from,
                 const struct event *cause, struct value element, struct arena *arena) {
  struct expr_env env = {.scratch = arena,
                         .lookup = deriver->lookup,
                         .lookup_context = deriver->lookup_context,
                         .counts = &deriver->counts};
  env.banks[BANK_EVENT] = cause->values;
  env.banks[BANK_REGISTER] = &element;
  if (from->where != NULL && expr_truth(from->where, &env) != 1) return;
  const struct schema *schema = &deriver->ruleset->schemas[derived->schema];
  struct value *values = arena_array(arena, struct value, schema->slot_count + 1u);
  for (uint16_t slot = 0; slot < schema->asked_first; slot++)
    if (from->entries[slot] != NULL) values[slot] = expr_eval(from->entries[slot], &env);
  struct event event = {.time = cause->time, .position = cause->position, .type = derived->schema, .values = values};
  add(deriver, &event);
}

static void derive_from(struct deriver *deriver, const struct derived *derived, const struct event *cause,
                        struct arena *arena) {
  for (uint16_t i = 0; i < derived->from_count; i++) {
    const struct derived_from *from = &derived->from[i];
    if (from->type != cause->type) continue;
    deriver->counts.place = derived;
    if (from->each == NULL) {
      make(deriver, derived, from, cause, value_null(), arena);
      continue;
    }
    struct expr_env env = {.scratch = arena,
                           .lookup = deriver->lookup,
                           .lookup_context = deriver->lookup_context,
                           .counts = &deriver->counts};
    env.banks[BANK_EVENT] = cause->values;
    struct value list = expr_eval(from->each, &env);
    for (uint32_t e = 0; list.kind == VALUE_LIST && e < list.length; e++)
      make(deriver, derived, from, cause, list.list[e], arena);
  }
}

/* Of a late event there is only what leads to windows with `lateness`. */
static void derive_all(struct deriver *deriver, const struct event *cause, struct arena *arena) {
  const struct type_use *use = &deriver->ruleset->uses[cause->type];
  const struct schema *schemas = deriver->ruleset->schemas, *schema = &schemas[cause->type];
  bool late = schema->has_late && !value_is_null(cause->values[schema->late_slot]);
  for (uint16_t i = 0; i < use->derived_count; i++) {
    const struct derived *derived = &deriver->ruleset->deriveds[use->derived[i]];
    if (!derived->asks && (!late || schemas[derived->schema].has_late)) derive_from(deriver, derived, cause, arena);
  }
}

uint32_t derive_events(struct deriver *deriver, const struct event *cause, struct arena *arena,
                       const struct event **events) {
  deriver->count = 0;
  derive_all(deriver, cause, arena);
  for (uint32_t at = 0; at < deriver->count; at++) { /* what derived events cause in their turn is put behind */
    struct event event = deriver->events[at];
    derive_all(deriver, &event, arena);
  }
  /* By name of type, stable: insertion, for there are mostly none or a few, and mostly in order. */
  for (uint32_t i = 1; i < deriver->count; i++) {
    struct event event = deriver->events[i];
    uint32_t at = i;
    for (; at > 0 && deriver->events[at - 1].type > event.type; at--) deriver->events[at] = deriver->events[at - 1];
    deriver->events[at] = event;
  }
  uint16_t number = 0; /* among those of its type: what else is declared does not change it */
  for (uint32_t i = 0; i < deriver->count; i++) {
    if (i > 0 && deriver->events[i].type != deriver->events[i - 1].type) number = 0;
    deriver->events[i].position.derived = ++number;
  }
  *events = deriver->events;
  return deriver->count;
}

uint32_t derive_asking(struct deriver *deriver, const struct derived *derived, const struct event *cause,
                       struct live *live, struct arena *arena, const struct event **events) {
  deriver->count = 0;
  if (live != NULL) {
    deriver->lookup = &live_lookup;
    deriver->lookup_context = live;
  }
  derive_from(deriver, derived, cause, arena);
  deriver->lookup = &deriver->ruleset->lookup;
  deriver->lookup_context = (void *)(uintptr_t)deriver->ruleset;
  *events = deriver->events;
  return deriver->count;
}

/* ---- numbers ---- */

enum { NUMBERS_FIRST = 64 };

struct derive_number {
  struct position cause;
  uint64_t round;
  uint16_t type, last;
};

static struct derive_number *number_place(struct derive_number *numbers, uint32_t capacity, uint64_t round,
                                          const struct position *cause, uint16_t type) {
  uint64_t rest = (uint64_t)cause->partition << 32 | (uint64_t)cause->source << 16 | type;
  uint32_t at = (uint32_t)hash_u64(hash_u64(cause->offset) ^ rest) & (capacity - 1);
  while (numbers[at].round == round && (numbers[at].type != type || position_compare(&numbers[at].cause, cause) != 0))
    at = (at + 1) & (capacity - 1);
  return &numbers[at];
}

static void grow_numbers(struct deriver *deriver) {
  uint32_t capacity = deriver->number_capacity == 0 ? NUMBERS_FIRST : 2 * deriver->number_capacity;
  struct derive_number *numbers = mem_alloc(deriver->mem, capacity * sizeof *numbers);
  for (uint32_t i = 0; i < deriver->number_capacity; i++) {
    const struct derive_number *old = &deriver->numbers[i];
    if (old->round == deriver->round) *number_place(numbers, capacity, deriver->round, &old->cause, old->type) = *old;
  }
  mem_free(deriver->mem, deriver->numbers);
  deriver->numbers = numbers;
  deriver->number_capacity = capacity;
}

uint16_t derive_number(struct deriver *deriver, const struct position *cause, uint16_t type) {
  if (2 * deriver->number_count >= deriver->number_capacity) grow_numbers(deriver);
  struct derive_number *number = number_place(deriver->numbers, deriver->number_capacity, deriver->round, cause, type);
  if (number->round != deriver->round) {
    *number = (struct derive_number){.cause = *cause, .round = deriver->round, .type = type};
    deriver->number_count++;
  }
  if (number->last < DERIVED_PER_EVENT_MAX) return (uint16_t)(DERIVED_PER_EVENT_MAX + ++number->last);
  deriver->left_out++;
  deriver->made[type]--;
  return 0;
}

void derive_round_end(struct deriver *deriver) {
  deriver->round++;
  deriver->number_count = 0;
}
