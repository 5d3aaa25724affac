/* counter_group.c - many counters of one population, asked together.
 *
 * Fifty windows over one key cost little more than what each of them must read: its cursor, the time of its first
 * event and the total there. What is needed for that stands in one small row for each counter and layout, in the order
 * of asking; all else goes the ordinary way. Called by tally.c. */
#include "engine/counter_private.h"

struct group_row { /* a difference of totals over a window of time */
  int64_t over_us;
  uint64_t form; /* the second half of the value that is told: its kind and scale */
  uint32_t at, total_at;
  uint16_t cursor, slot;
};
_Static_assert(sizeof(struct group_row) == 32 && sizeof(struct value) == 16, "two rows are a cache line");

struct group_variant { /* rows by the size of their totals: 8, 4, none */
  struct group_row *rows;
  uint32_t long_end, short_end, count_end;
  const struct counter_ask **others;
  uint32_t other_count;
};
struct counter_group {
  const struct layout *layout;
  uint32_t count;
  const struct counter_ask *asks;
  struct group_variant variants[VARIANTS];
};

/* ---- making ---- */

static void add_rows(struct counters *counters, const struct counter_group *group, unsigned variant, uint32_t bytes,
                     struct group_variant *rows, uint32_t *count) {
  for (uint32_t i = 0; i < group->count; i++) {
    const struct asker *asker = &counters->askers[group->asks[i].counter];
    const struct difference *difference = &asker->differences[variant];
    if (!asker->simple || difference->bytes != bytes) continue;
    struct group_row *row = &rows->rows[(*count)++];
    *row = (struct group_row){.over_us = asker->over_us,
                              .at = difference->at,
                              .total_at = difference->total_at,
                              .cursor = asker->cursor,
                              .slot = group->asks[i].slot};
    memcpy(&row->form, (const char *)&asker->empty + sizeof row->form, sizeof row->form);
  }
}

struct counter_group *counters_group(struct counters *counters, const struct counter_ask *asks, uint32_t count) {
  struct counter_group *group = mem_alloc(counters->mem, sizeof *group);
  *group = (struct counter_group){.count = count, .asks = asks};
  if (count > 0) group->layout = counters->askers[asks->counter].layout;
  for (unsigned v = 0; v < VARIANTS; v++) {
    struct group_variant *rows = &group->variants[v];
    uint32_t end = 0;
    rows->rows = mem_alloc(counters->mem, (count + 1u) * sizeof *rows->rows);
    rows->others = mem_alloc(counters->mem, (count + 1u) * sizeof *rows->others);
    add_rows(counters, group, v, sizeof(uint64_t), rows, &end);
    rows->long_end = end;
    add_rows(counters, group, v, sizeof(uint32_t), rows, &end);
    rows->short_end = end;
    add_rows(counters, group, v, 0, rows, &end);
    rows->count_end = end;
    for (uint32_t i = 0; i < count; i++) {
      const struct asker *asker = &counters->askers[asks[i].counter];
      if (!asker->simple || asker->differences[v].bytes == DIFFERENCE_LONG)
        rows->others[rows->other_count++] = &asks[i];
    }
  }
  return group;
}

/* ---- asking ---- */

static inline void tell(struct value *values, const struct group_row *row, uint64_t number) {
  char *value = (char *)&values[row->slot];
  write_u64(value, number);
  write_u64(value + sizeof number, row->form);
}

/* Rows with totals of `bytes`, a constant: each loop is made for its own. */
static inline __attribute__((always_inline)) void ask_rows(const struct group_row *row, const struct group_row *end,
                                                           struct counter_state *state, const struct ring *ring,
                                                           int64_t time, struct value *values, uint32_t bytes) {
  enum { AHEAD_BYTES = 256 };
  const char *events = ring->events;
  const size_t event_bytes = ring->event_bytes;
  const uint32_t mask = ring->mask, next = state->next;
  for (; row != end; row++) {
    int64_t border = time - row->over_us;
    uint32_t at = state->cursors[row->cursor];
    uint64_t number = 0;
    if (at != next) {
      const char *event = events + (at & mask) * event_bytes;
      if (event_time(event) <= border) {
        do {
          at++;
          event = events + (at & mask) * event_bytes;
        } while (at != next && event_time(event) <= border);
        state->cursors[row->cursor] = at;
        __builtin_prefetch(event + AHEAD_BYTES);
      }
      if (bytes == 0) {
        number = (uint32_t)(next - at);
      } else if (at != next) {
        const char *total = (const char *)state + row->total_at;
        number = bytes == sizeof(uint64_t) ? read_u64(total) - read_u64(event + row->at)
                                           : (uint32_t)(read_u32(total) - read_u32(event + row->at));
      }
    }
    tell(values, row, number);
  }
}

static __attribute__((noinline)) void ask_others(struct counters *counters, const struct group_variant *rows,
                                                 struct counter_state **state, int64_t time, struct value *values,
                                                 struct expr_env *env) {
  for (uint32_t i = 0; i < rows->count_end && *state == NULL; i++) tell(values, &rows->rows[i], 0);
  for (uint32_t i = 0; i < rows->other_count; i++) {
    const struct counter_ask *ask = rows->others[i];
    struct value operand = ask->operand == NULL ? value_null() : expr_eval(ask->operand, env);
    values[ask->slot] = counters_ask(counters, ask->counter, state, time, operand, env->scratch, env->counts);
  }
}

void counters_ask_group(struct counters *counters, const struct counter_group *group, struct counter_state **state,
                        int64_t time, struct value *values, struct expr_env *env) {
  struct counter_state *now = *state;
  const struct group_variant *rows = &group->variants[now == NULL ? 0 : now->variant];
  if (now != NULL && rows->count_end > 0) {
    struct ring ring = ring_of(group->layout, now);
    const struct group_row *row = rows->rows, *long_end = row + rows->long_end, *short_end = row + rows->short_end,
                           *count_end = row + rows->count_end;
    if (row != long_end) ask_rows(row, long_end, now, &ring, time, values, sizeof(uint64_t));
    if (long_end != short_end) ask_rows(long_end, short_end, now, &ring, time, values, sizeof(uint32_t));
    if (short_end != count_end) ask_rows(short_end, count_end, now, &ring, time, values, 0);
  }
  if (now == NULL || rows->other_count > 0) ask_others(counters, rows, state, time, values, env);
}
