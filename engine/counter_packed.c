/* counter_packed.c - states of few events in one line of memory.
 *
 * Most keys have few events in their windows. Where counts, sums of ints and the different values of one int, over
 * windows of time, are all that is asked of a population, such a key's state stands whole in the line behind its
 * record: each event with its time, in 32 bits, and its values, in 32 bits each; no totals, no cursors. One way back
 * from the newest event tells all windows. What does not fit (an event too many, a value of more bits or none, a time
 * between two units) makes an ordinary state of it; when few events are left of that, it is packed again. Called by
 * counter.c, counter_group.c and counter_quick.c. */
#include "base/check.h"
#include "engine/counter_private.h"

enum { UNIT_LARGE_US = 1000 };
_Static_assert(PACKED_WORDS / (1 + PACKED_VALUES) > 2, "fewer have no advantage over an ordinary state in the line");
_Static_assert(offsetof(struct packed_state, annexed) == offsetof(struct counter_state, annexed) &&
                   offsetof(struct packed_state, variant) == offsetof(struct counter_state, variant),
               "both begin with the same");
_Static_assert(sizeof(struct packed_state) == COUNTER_ANNEX_BYTES, "one line");

/* ---- making ---- */

/* Times are told apart modulo 2^32 of their units: from one event to the next that is taken there is less than the
 * horizon, so the oldest of `room` is no more than so many of it back, and one more when it is asked. */
static bool unit_fits(const struct counters *counters, const struct layout *layout, uint32_t room, uint32_t unit_us) {
  for (uint16_t i = 0; i < layout->plan->counter_count; i++)
    if (counters->askers[layout->plan->counters[i]].over_us % unit_us != 0) return false;
  return layout->horizon_us / unit_us < UINT32_MAX / (room + 1);
}

/* Whether all that is asked can be told by a way back: counts and sums in the ring, and the different values of a field
 * beside it. */
static bool can_pack(const struct counters *counters, const struct layout *layout) {
  if (!layout_is_plain(layout) || (layout->ring && !layout->timed)) return false;
  for (uint16_t i = 0; i < layout->plan->counter_count; i++) {
    const struct asker *asker = &counters->askers[layout->plan->counters[i]];
    if (!asker->simple && asker->how != ASK_DISTINCT) return false;
  }
  return true;
}

static bool is_small(struct type type) { /* times have more bits */
  return type.kind == VALUE_INT || type.kind == VALUE_DECIMAL || type.kind == VALUE_BOOL;
}

void packed_make(const struct counters *counters, struct layout *layout) {
  const struct variant *variant = &layout->variants[0];
  if (!can_pack(counters, layout)) return;
  struct packed_plan plan = {.words = 1, .unit_us = 1};
  if (layout->ring) {
    for (uint16_t s = 0; s < variant->plain_count && plan.words <= PACKED_VALUES; s++)
      plan.slots[plan.words++ - 1] = variant->plain_rows[s].slot;
    if (plan.words != 1u + variant->plain_count) return;
  }
  if (layout->values_count > 0) {
    const struct column_plan *column = &layout->columns[layout->values[0].column];
    if (!is_small(column->type) || plan.words > PACKED_VALUES) return;
    plan.different = plan.words;
    plan.slots[plan.words++ - 1] = (uint32_t)column->slot;
  }
  plan.room = PACKED_WORDS / plan.words;
  plan.again = plan.different > 0 ? 0 : plan.room / 2; /* the ring alone does not know different values */
  if (!unit_fits(counters, layout, plan.room, plan.unit_us)) plan.unit_us = UNIT_LARGE_US;
  plan.horizon = (uint32_t)(layout->horizon_us / plan.unit_us);
  if (unit_fits(counters, layout, plan.room, plan.unit_us)) layout->packed = plan;
}

static int compare_rows(const void *left, const void *right) {
  const struct packed_row *a = left, *b = right;
  if (a->over != b->over) return a->over < b->over ? -1 : 1;
  return (a->slot > b->slot) - (a->slot < b->slot);
}

struct packed_asks packed_asks_make(const struct counters *counters, const struct layout *layout,
                                    const struct counter_ask *asks, uint32_t count) {
  struct packed_row *rows = mem_alloc(counters->mem, (count + 1u) * sizeof *rows);
  const struct variant *variant = &layout->variants[0];
  for (uint32_t i = 0; i < count; i++) {
    const struct asker *asker = &counters->askers[asks[i].counter];
    rows[i] = (struct packed_row){.over = (uint32_t)(asker->over_us / layout->packed.unit_us), .slot = asks[i].slot};
    memcpy(&rows[i].form, (const char *)&asker->empty + sizeof rows[i].form, sizeof rows[i].form);
    for (uint16_t s = 0; asker->how == ASK_SUM && s < variant->plain_count; s++)
      if (variant->plain_rows[s].at == variant->sum_at[asker->index]) rows[i].number = 1u + s;
    if (asker->how == ASK_DISTINCT) rows[i].number = PACKED_DIFFERENT;
  }
  if (count > 0) qsort(rows, count, sizeof *rows, compare_rows);
  return (struct packed_asks){rows, rows + count};
}

/* ---- asking ---- */

static inline int64_t units_of(const struct packed_plan *plan, int64_t time) {
  if (plan->unit_us == 1) return time;
  return (time - (time < 0 ? UNIT_LARGE_US - 1 : 0)) / UNIT_LARGE_US; /* to the unit before */
}

/* Whether no later event, up to the newest, has the value of this one. */
static inline bool is_last_of_value(const uint32_t *event, const uint32_t *end, uint32_t words, uint32_t at) {
  for (const uint32_t *later = event + words; later != end; later += words)
    if (later[at] == event[at]) return false;
  return true;
}

/* One way back from the event before `end`: a window that does not reach it has the numbers of those behind. */
static inline __attribute__((always_inline)) void tell_back(const struct packed_asks *asks,
                                                            const struct packed_state *state, const uint32_t *end,
                                                            uint32_t words, uint32_t different, uint32_t now,
                                                            struct value *values) {
  const uint32_t *event = end;
  uint64_t sums[PACKED_VALUES] = {0}, differ = 0;
  const struct packed_row *row = asks->rows, *const last = asks->end - 1;
  for (;;) {
    uint32_t age = event == state->events ? UINT32_MAX : now - event[-(int32_t)words];
    for (; row->over <= age; row++) {
      uint64_t number = row->number == 0 ? (uint64_t)(end - event) / words : sums[0];
      if (words > 2 && row->number == 2) number = sums[1];
      if (different > 0 && row->number == PACKED_DIFFERENT) number = differ;
      group_tell(values, &(struct group_tell){.form = row->form, .slot = row->slot}, number);
      if (row == last) return;
    }
    event -= words;
    for (uint32_t i = 1; i < words; i++) sums[i - 1] += (uint64_t)(int64_t)(int32_t)event[i];
    if (different > 0) differ += is_last_of_value(event, end, words, different);
  }
}

static inline void tell(const struct packed_plan *plan, const struct packed_asks *asks,
                        const struct packed_state *state, uint32_t now, struct value *values) {
  if (asks->rows == asks->end) return;
  const uint32_t *end = state->events + state->count * plan->words;
  switch (plan->words << 2 | plan->different) { /* loops of a known length */
  case 1 << 2: tell_back(asks, state, end, 1, 0, now, values); return;
  case 2 << 2: tell_back(asks, state, end, 2, 0, now, values); return;
  case 2 << 2 | 1: tell_back(asks, state, end, 2, 1, now, values); return;
  case 3 << 2: tell_back(asks, state, end, 3, 0, now, values); return;
  default: tell_back(asks, state, end, 3, 2, now, values);
  }
}

void packed_ask(const struct layout *layout, const struct packed_asks *asks, struct counter_state *of, int64_t time,
                struct value *values) {
  struct packed_state *state = packed_of(of);
  if (time >= state->deadline) state->count = 0;
  tell(&layout->packed, asks, state, (uint32_t)units_of(&layout->packed, time), values);
}

/* ---- events ---- */

void packed_new(const struct layout *layout, void *annex) {
  check(layout->packed.room > 0);
  *(struct packed_state *)annex = (struct packed_state){.deadline = INT64_MIN, .annexed = STATE_PACKED};
}

/* Events that no window sees at `now` make room. */
static bool make_room(const struct packed_plan *plan, struct packed_state *state, uint32_t now) {
  uint32_t count = state->count, gone = 0;
  while (gone < count && now - state->events[gone * plan->words] >= plan->horizon) gone++;
  state->count = (uint8_t)(count - gone);
  memmove(state->events, state->events + gone * plan->words, (count - gone) * plan->words * sizeof(uint32_t));
  return gone > 0;
}

bool packed_take(const struct layout *layout, const struct packed_asks *asks, struct counter_state *of, int64_t time,
                 struct value *values) {
  struct packed_state *state = packed_of(of);
  const struct packed_plan *plan = &layout->packed;
  const int64_t units = units_of(plan, time);
  if (units * plan->unit_us != time) return false;
  for (uint32_t i = 0; i + 1 < plan->words; i++) {
    const struct value *v = &values[plan->slots[i]];
    if (v->kind == VALUE_NULL || v->i != (int32_t)v->i) return false;
  }
  if (time >= state->deadline) state->count = 0;
  const uint64_t most = layout->variants[0].window_events_max;
  uint32_t room = plan->room < most ? plan->room : (uint32_t)most;
  if (state->count >= room && !make_room(plan, state, (uint32_t)units)) return false;
  uint32_t *event = state->events + state->count * plan->words;
  event[0] = (uint32_t)units;
  for (uint32_t i = 1; i < plan->words; i++) event[i] = (uint32_t)values[plan->slots[i - 1]].i;
  state->count++;
  state->deadline = time + layout->horizon_us;
  tell(plan, asks, state, (uint32_t)units, values);
  return true;
}

/* A packed event into the ring of an ordinary state, which has room for it. */
static void put_in_ring(const struct layout *layout, struct counter_state *state, int64_t time, const uint32_t *event) {
  const struct variant *variant = &layout->variants[0];
  struct ring ring = ring_of(layout, state);
  char *to = ring_event(&ring, state->next++);
  write_u64(to, (uint64_t)time);
  for (uint32_t i = 0; i < variant->plain_count; i++) {
    const struct plain_row *row = &variant->plain_rows[i];
    uint64_t before = read_u64(state_at(state, row->total_at));
    write_u64(to + row->at, before);
    write_u64(state_at(state, row->total_at), before + (uint64_t)(int64_t)(int32_t)event[1 + i]);
  }
}

struct counter_state *packed_open(struct counters *counters, const struct layout *layout, struct counter_state *of) {
  const struct packed_state old = *packed_of(of);
  const struct packed_plan *plan = &layout->packed;
  int64_t last = old.deadline == INT64_MIN ? 0 : old.deadline - layout->horizon_us;
  entries_give(counters, layout, 1);
  struct counter_state *state = ring_new_room(counters, layout, of, old.count + 1u);
  state->deadline = old.deadline;
  const uint32_t *end = old.events + old.count * plan->words;
  for (const uint32_t *event = old.events; event != end; event += plan->words) {
    int64_t time = last - (int64_t)((uint32_t)units_of(plan, last) - event[0]) * plan->unit_us;
    if (layout->ring) put_in_ring(layout, state, time, event);
    if (plan->different == 0) continue;
    struct type type = layout->columns[layout->values[0].column].type;
    struct value v = {.i = (int32_t)event[plan->different], .kind = type.kind, .scale = type.scale};
    values_add(counters, layout, state, 0, v, time);
  }
  return state;
}

/* An event of an ordinary state; `next`: the one behind it, NULL: none. */
static bool pack(const struct layout *layout, const struct counter_state *state, const char *event, const char *next,
                 uint32_t *to) {
  const struct packed_plan *plan = &layout->packed;
  const struct variant *variant = &layout->variants[0];
  int64_t units = units_of(plan, event_time(event));
  to[0] = (uint32_t)units;
  bool fits = units * plan->unit_us == event_time(event);
  for (uint32_t i = 1; i < plan->words; i++) {
    const struct plain_row *row = &variant->plain_rows[i - 1];
    uint64_t after = next == NULL ? read_u64(state_at(state, row->total_at)) : read_u64(next + row->at);
    int64_t value = (int64_t)(after - read_u64(event + row->at));
    to[i] = (uint32_t)value;
    fits &= value == (int32_t)value;
  }
  return fits;
}

struct counter_state *packed_close(struct counters *counters, const struct layout *layout, struct counter_state *state,
                                   void *annex) {
  struct packed_state packed = {.deadline = state->deadline, .annexed = STATE_PACKED};
  struct ring ring = ring_of(layout, state);
  uint32_t *to = packed.events, first = state->first;
  bool fits = true;
  check(state->variant == 0);                                /* of others no event is added on the quick way */
  int64_t border = state->deadline - 2 * layout->horizon_us; /* behind the newest event's windows */
  while (first != state->next && event_time(ring_event(&ring, first)) <= border) first++;
  packed.count = (uint8_t)(state->next - first);
  for (uint32_t at = first; fits && at != state->next; at++, to += layout->packed.words)
    fits = pack(layout, state, ring_event(&ring, at), at + 1 == state->next ? NULL : ring_event(&ring, at + 1), to);
  if (!fits) return state;
  ring_free_state(counters, layout, state);
  entries_take(counters, layout, 1);
  *(struct packed_state *)annex = packed;
  return annex;
}
