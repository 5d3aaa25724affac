/* counter_quick.c - the most frequent ways through a state, in one go: counts and sums of int fields over windows of
 * time, the different values of a field over windows of time at a key that has few. The event goes in, windows move
 * on, and what is asked behind the event is told. All else, and what is rare here too (a null, a value with
 * more bits than any before), goes the ordinary way of counter.c and counter_group.c, which leaves the same. Called by
 * tally.c. */
#include "engine/counter_private.h"

enum { QUICK_AHEAD_BYTES = 512 }; /* of a large ring, behind the newest event */

struct quick_distinct {
  int64_t over_us;
  uint32_t slot; /* of what is told */
};

struct counter_quick {
  const struct layout *layout;
  bool ring, values; /* sums and windows of a ring, different values: one of them or both */
  bool annexed;      /* a new state in an annex is `fresh` */
  struct packed_asks packed;
  _Alignas(8) char fresh[COUNTER_ANNEX_BYTES];
  int64_t horizon_us;
  const struct plain_row *sums, *sums_end; /* what an event adds */
  const struct group_window *windows, *windows_end;
  const struct group_variant *walk; /* instead of windows, at keys with few events; NULL */
  uint32_t header_bytes, event_bytes;
  uint16_t longest;        /* window, where all that look into the ring move here; COUNTER_NONE */
  uint8_t inside_log2_end; /* smaller rings stand in the state */
  uint64_t window_events_max;
  uint32_t value_slot; /* of the field */
  const struct quick_distinct *distincts, *distincts_end;
};

static bool fits(const struct counters *counters, const struct layout *layout, const struct group_variant *asks) {
  if (!layout_is_plain(layout)) return false;
  for (uint32_t i = 0; asks != NULL && i < asks->other_count; i++)
    if (counters->askers[asks->others[i]->counter].how != ASK_DISTINCT) return false;
  return true;
}

static void put_ring(struct counter_quick *quick, const struct layout *layout, const struct group_variant *asks) {
  const struct variant *variant = &layout->variants[0];
  quick->ring = true;
  quick->sums = variant->plain_rows;
  quick->sums_end = variant->plain_rows + variant->plain_sum_count;
  quick->header_bytes = variant->header_bytes;
  quick->event_bytes = variant->event_bytes;
  quick->inside_log2_end = variant->inside_log2_end;
  quick->window_events_max = variant->window_events_max;
  quick->longest = COUNTER_NONE;
  if (asks == NULL) return;
  quick->windows = asks->windows;
  quick->windows_end = asks->windows + asks->window_count;
  if (asks->walk_events > 0) quick->walk = asks;
  if (asks->window_count == layout->cursor_count) quick->longest = layout->longest;
}

static void put_values(struct counters *counters, struct counter_quick *quick, const struct layout *layout,
                       const struct group_variant *asks) {
  const struct values_plan *plan = &layout->values[0];
  uint32_t count = asks == NULL ? 0 : asks->other_count;
  struct quick_distinct *distincts = mem_alloc(counters->mem, (count + 1u) * sizeof *distincts);
  for (uint32_t i = 0; i < count; i++) {
    const struct asker *asker = &counters->askers[asks->others[i]->counter];
    distincts[i] = (struct quick_distinct){plan->windows[asker->item].over_us, asks->others[i]->slot};
  }
  quick->values = true;
  quick->value_slot = (uint32_t)layout->columns[plan->column].slot;
  quick->distincts = distincts;
  quick->distincts_end = distincts + count;
}

const struct counter_quick *counters_quick(struct counters *counters, uint16_t population,
                                           const struct counter_group *behind) {
  const struct layout *layout = &counters->layouts[population];
  const struct group_variant *asks = behind == NULL ? NULL : &behind->variants[0];
  if (!fits(counters, layout, asks)) return NULL;
  struct counter_quick *quick = mem_alloc(counters->mem, sizeof *quick);
  quick->layout = layout;
  quick->horizon_us = layout->horizon_us;
  if (layout->ring) put_ring(quick, layout, asks);
  if (layout->beside) put_values(counters, quick, layout, asks);
  quick->annexed = layout->annex_log2 >= 0 || layout->packed.room > 0;
  if (layout->packed.room > 0) {
    if (behind != NULL) quick->packed = behind->packed;
    packed_new(layout, quick->fresh);
  } else if (quick->annexed) {
    (void)ring_new_state(counters, layout, quick->fresh);
    entries_give(counters, layout, 1);
  }
  return quick;
}

static struct counter_state *new_state(struct counters *counters, const struct counter_quick *quick, void *annex) {
  if (annex == NULL || !quick->annexed) return ring_new_state(counters, quick->layout, annex);
  memcpy(annex, quick->fresh, COUNTER_ANNEX_BYTES);
  entries_take(counters, quick->layout, 1);
  return annex;
}

static inline bool is_full(const struct counter_quick *quick, const struct counter_state *state) {
  uint32_t count = state->next - state->first;
  return count >> state->room_log2 != 0 || count >= quick->window_events_max;
}
/* Whether the ring has room for the event, or gets it, and sums for its values. */
static inline bool has_room(struct counters *counters, const struct counter_quick *quick, struct counter_state **of,
                            const struct event *event) {
  if (__builtin_expect(is_full(quick, *of), 0)) *of = ring_make_room(counters, quick->layout, *of, event->time);
  if (__builtin_expect((*of)->variant != 0, 0)) return false;
  return sums_fit(quick->sums, quick->sums_end, event->values, (*of)->bits);
}

/* The event into the ring, which has room for it, and what its windows say. */
static inline void take_in_ring(const struct counter_quick *quick, struct counter_state *state, int64_t time,
                                struct value *values) {
  const uint32_t next = state->next, mask = ((uint32_t)1 << state->room_log2) - 1, event_bytes = quick->event_bytes;
  char *events = (char *)state + quick->header_bytes;
  if (state->room_log2 >= quick->inside_log2_end) events = *(char **)(void *)events;
  char *to = events + (size_t)(next & mask) * event_bytes;
  __builtin_prefetch(to + QUICK_AHEAD_BYTES, 1);
  write_u64(to, (uint64_t)time);
  sums_add(quick->sums, quick->sums_end, state, to, values);
  state->next = next + 1;
  const struct ring ring = {events, mask, event_bytes, &quick->layout->variants[0]};
  if (quick->walk != NULL && state->next - state->first <= quick->walk->walk_events) {
    group_walk(quick->walk, state, &ring, time, values);
    return;
  }
  group_windows(quick->windows, quick->windows_end, state, &ring, time, values);
  if (quick->longest != COUNTER_NONE) state->first = state->cursors[quick->longest];
}

bool counters_take(struct counters *counters, const struct counter_quick *quick, struct counter_state **of, void *annex,
                   const struct event *event) {
  struct value *values = (struct value *)(uintptr_t)event->values; /* the batch's memory, not a constant */
  if (*of == NULL) *of = new_state(counters, quick, annex);
  struct counter_state *state = *of;
  if (is_packed(state)) {
    if (packed_take(quick->layout, &quick->packed, state, event->time, values)) return true;
    *of = state = packed_open(counters, quick->layout, state);
  }
  if (quick->ring && !has_room(counters, quick, of, event)) return false;
  state = *of;
  if (quick->values && !values_take(counters, quick->layout, state, values[quick->value_slot], event->time))
    return false;
  state->deadline = event->time + quick->horizon_us;
  if (quick->ring) take_in_ring(quick, state, event->time, values);
  for (const struct quick_distinct *ask = quick->distincts; ask != quick->distincts_end; ask++)
    values[ask->slot] = value_int(values_few_distinct(quick->layout, state, ask->over_us, event->time));
  if (annex != NULL && packed_again(quick->layout, state) && !state->annexed)
    *of = packed_close(counters, quick->layout, state, annex);
  return true;
}
