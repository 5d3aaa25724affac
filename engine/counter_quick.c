/* counter_quick.c - the most frequent way through a state, in one go: counts and sums of int fields over windows of
 * time, at a key with so few events that they stand in the state. The event goes in, windows move on, and what is asked
 * behind the event is told. All else, and what is rare here too (no room, a null, a value with more bits than any
 * before), goes the ordinary way of counter.c and counter_group.c, which leaves the same. Called by tally.c. */
#include "engine/counter_private.h"

struct counter_quick {
  const struct plain_row *sums, *sums_end; /* what an event adds */
  const struct group_window *windows, *windows_end;
  int64_t horizon_us;
  uint32_t header_bytes, event_bytes;
  uint16_t longest; /* window, where all that look into the ring move here; COUNTER_NONE */
  uint8_t inside_log2_end;
};

const struct counter_quick *counters_quick(const struct counters *counters, uint16_t population,
                                           const struct counter_group *behind) {
  const struct layout *layout = &counters->layouts[population];
  const struct variant *variant = &layout->variants[0];
  const struct group_variant *asks = behind == NULL ? NULL : &behind->variants[0];
  if (!layout->ring || layout->beside || layout->endless_count > 0 || layout->horizon_us <= 0) return NULL;
  if (!variant->plain || variant->plain_sum_count != variant->plain_count) return NULL;
  if (variant->window_events_max < (uint64_t)1 << variant->inside_log2_end) return NULL;
  if (asks != NULL && (asks->other_count > 0 || asks->walk_events > 0)) return NULL;
  struct counter_quick *quick = mem_alloc(counters->mem, sizeof *quick);
  *quick = (struct counter_quick){.sums = variant->plain_rows,
                                  .sums_end = variant->plain_rows + variant->plain_sum_count,
                                  .horizon_us = layout->horizon_us,
                                  .header_bytes = variant->header_bytes,
                                  .event_bytes = variant->event_bytes,
                                  .longest = COUNTER_NONE,
                                  .inside_log2_end = variant->inside_log2_end};
  if (asks != NULL) {
    quick->windows = asks->windows;
    quick->windows_end = asks->windows + asks->window_count;
    if (asks->window_count == layout->cursor_count) quick->longest = layout->longest;
  }
  return quick;
}

/* The window's first event, from its cursor on. There is one: the event in hand. */
static inline uint32_t move_window(struct counter_state *state, const struct group_window *window, const char *events,
                                   uint32_t mask, uint32_t event_bytes, int64_t time) {
  uint32_t at = state->cursors[window->cursor];
  int64_t border = time - window->over_us;
  if (event_time(events + (size_t)(at & mask) * event_bytes) > border) return at;
  do at++;
  while (event_time(events + (size_t)(at & mask) * event_bytes) <= border);
  state->cursors[window->cursor] = at;
  return at;
}

bool counters_take(const struct counter_quick *quick, struct counter_state *state, const struct event *event) {
  struct value *values = (struct value *)(uintptr_t)event->values; /* the batch's memory, not a constant */
  const uint32_t next = state->next, mask = ((uint32_t)1 << state->room_log2) - 1;
  const uint32_t event_bytes = quick->event_bytes;
  if (__builtin_expect(next - state->first > mask, 0)) return false;
  if (__builtin_expect(state->variant != 0 || state->room_log2 >= quick->inside_log2_end, 0)) return false;
  const unsigned bits = state->bits;
  uint64_t odd = 0;
  for (const struct plain_row *row = quick->sums; row != quick->sums_end; row++) {
    const struct value *v = &values[row->slot];
    odd |= (uint64_t)(v->i ^ (v->i >> 63)) >> bits | (v->kind == VALUE_NULL);
  }
  if (__builtin_expect(odd != 0, 0)) return false;
  char *events = (char *)state + quick->header_bytes, *to = events + (size_t)(next & mask) * event_bytes;
  write_u64(to, (uint64_t)event->time);
  for (const struct plain_row *row = quick->sums; row != quick->sums_end; row++) {
    char *total = (char *)state + row->total_at;
    uint64_t before = read_u64(total);
    write_u64(to + row->at, before);
    write_u64(total, before + (uint64_t)values[row->slot].i);
  }
  state->next = next + 1;
  state->deadline = event->time + quick->horizon_us;
  for (const struct group_window *window = quick->windows; window != quick->windows_end; window++) {
    uint32_t at = move_window(state, window, events, mask, event_bytes, event->time);
    const char *first = events + (size_t)(at & mask) * event_bytes;
    for (const struct group_tell *row = window->tells; row != window->end; row++)
      group_tell(values, row, group_difference(state, &row->total, at, first));
  }
  if (quick->longest != COUNTER_NONE) state->first = state->cursors[quick->longest];
  return true;
}
