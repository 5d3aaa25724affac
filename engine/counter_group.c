/* counter_group.c - many counters of one population, asked together.
 *
 * Fifty windows over one key cost little more than what each of them must read. Counters that are differences of one
 * total are a family, in the order of their windows' lengths: where a key has few events, one way back through them
 * finds the first event of each window, and windows that begin with the same event are told the same number; where it
 * has many, each window has a cursor. What is needed for that stands in one small row for each counter; all else goes
 * the ordinary way. Called by tally.c. */
#include "engine/counter_private.h"

struct group_row {
  int64_t over_us;
  uint16_t cursor, slot;
};
_Static_assert(sizeof(struct group_row) == 16 && sizeof(struct value) == 16, "four rows are a cache line");

struct group_family { /* differences of one total over windows of time, the shortest first */
  const struct group_row *rows, *end;
  uint64_t form; /* the second half of the values that are told: their kind and scale */
  struct difference total;
};

struct group_variant {
  struct group_family *families;
  uint32_t family_count;
  const struct counter_ask **others;
  uint32_t other_count;
};
struct counter_group {
  const struct layout *layout;
  uint32_t count;
  const struct counter_ask *asks;
  struct group_variant variants[VARIANTS];
};

enum { WALK_ROWS_MIN = 4 }; /* fewer windows have their cursors looked at */

/* ---- making ---- */

struct sorted_row {
  struct group_row row;
  uint64_t form;
  struct difference total;
};

static int compare_totals(const struct sorted_row *a, const struct sorted_row *b) {
  if (a->total.bytes != b->total.bytes) return a->total.bytes < b->total.bytes ? -1 : 1;
  if (a->total.at != b->total.at) return a->total.at < b->total.at ? -1 : 1;
  return (a->form > b->form) - (a->form < b->form);
}

static int compare_rows(const void *left, const void *right) {
  const struct sorted_row *a = left, *b = right;
  int order = compare_totals(a, b);
  if (order != 0) return order;
  if (a->row.over_us != b->row.over_us) return a->row.over_us < b->row.over_us ? -1 : 1;
  return (a->row.slot > b->row.slot) - (a->row.slot < b->row.slot);
}

static void make_families(struct counters *counters, struct group_variant *variant, struct sorted_row *sorted,
                          uint32_t count) {
  struct group_row *rows = mem_alloc(counters->mem, (count + 1u) * sizeof *rows);
  variant->families = mem_alloc(counters->mem, (count + 1u) * sizeof *variant->families);
  if (count > 0) qsort(sorted, count, sizeof *sorted, compare_rows);
  for (uint32_t i = 0; i < count; i++) {
    rows[i] = sorted[i].row;
    if (i == 0 || compare_totals(&sorted[i - 1], &sorted[i]) != 0)
      variant->families[variant->family_count++] =
          (struct group_family){.rows = &rows[i], .form = sorted[i].form, .total = sorted[i].total};
    variant->families[variant->family_count - 1].end = &rows[i + 1];
  }
}

static void make_variant(struct counters *counters, const struct counter_group *group, unsigned number,
                         struct group_variant *variant) {
  struct sorted_row *sorted = mem_alloc(counters->mem, (group->count + 1u) * sizeof *sorted);
  uint32_t count = 0;
  variant->others = mem_alloc(counters->mem, (group->count + 1u) * sizeof *variant->others);
  for (uint32_t i = 0; i < group->count; i++) {
    const struct counter_ask *ask = &group->asks[i];
    const struct asker *asker = &counters->askers[ask->counter];
    if (!asker->simple || asker->differences[number].bytes == DIFFERENCE_LONG) {
      variant->others[variant->other_count++] = ask;
      continue;
    }
    struct sorted_row *row = &sorted[count++];
    row->row = (struct group_row){.over_us = asker->over_us, .cursor = asker->cursor, .slot = ask->slot};
    row->total = asker->differences[number];
    memcpy(&row->form, (const char *)&asker->empty + sizeof row->form, sizeof row->form);
  }
  make_families(counters, variant, sorted, count);
  mem_free(counters->mem, sorted);
}

struct counter_group *counters_group(struct counters *counters, const struct counter_ask *asks, uint32_t count) {
  struct counter_group *group = mem_alloc(counters->mem, sizeof *group);
  *group = (struct counter_group){.count = count, .asks = asks};
  if (count > 0) group->layout = counters->askers[asks->counter].layout;
  for (unsigned v = 0; v < VARIANTS; v++) make_variant(counters, group, v, &group->variants[v]);
  return group;
}

/* ---- asking ---- */

static inline void tell(struct value *values, const struct group_row *row, uint64_t form, uint64_t number) {
  char *value = (char *)&values[row->slot];
  write_u64(value, number);
  write_u64(value + sizeof number, form);
}

/* Of the events from `at` on, `event` being the first of them. */
static inline uint64_t difference_from(const struct counter_state *state, const struct difference *difference,
                                       uint32_t at, const char *event) {
  const char *total = (const char *)state + difference->total_at;
  if (difference->bytes == 0) return (uint32_t)(state->next - at);
  if (difference->bytes == sizeof(uint64_t)) return read_u64(total) - read_u64(event + difference->at);
  return (uint32_t)(read_u32(total) - read_u32(event + difference->at));
}

/* By cursors. */
static inline void ask_cursors(const struct group_family *family, struct counter_state *state, const struct ring *ring,
                               int64_t time, struct value *values) {
  enum { AHEAD_BYTES = 256 };
  const uint32_t next = state->next;
  for (const struct group_row *row = family->rows; row != family->end; row++) {
    int64_t border = time - row->over_us;
    uint32_t at = state->cursors[row->cursor];
    uint64_t number = 0;
    if (at != next) {
      const char *event = ring_event(ring, at);
      if (event_time(event) <= border) {
        do event = ring_event(ring, ++at);
        while (at != next && event_time(event) <= border);
        state->cursors[row->cursor] = at;
        __builtin_prefetch(event + AHEAD_BYTES);
      }
      if (at != next) number = difference_from(state, &family->total, at, event);
    }
    tell(values, row, family->form, number);
  }
}

/* By one way back from the newest event. Cursors stay where they are: they may be behind, but not before state->first
 * (trimming takes care of that). */
static __attribute__((noinline)) void ask_back(const struct group_family *family, const struct counter_state *state,
                                               const struct layout *layout, int64_t time, struct value *values) {
  const struct ring ring = ring_of(layout, state);
  uint32_t at = state->next;
  uint64_t number = 0;
  /* The event before `at` is in windows that are longer than this. */
  int64_t reach = at == state->first ? INT64_MAX : time - event_time(ring_event(&ring, at - 1));
  const struct group_row *row = family->rows, *end = family->end;
  const uint64_t form = family->form;
  for (;;) {
    for (; row->over_us <= reach; row++) {
      tell(values, row, form, number);
      if (row + 1 == end) return;
    }
    at--;
    number = difference_from(state, &family->total, at, ring_event(&ring, at));
    reach = at == state->first ? INT64_MAX : time - event_time(ring_event(&ring, at - 1));
  }
}

static inline void ask_families(const struct counter_group *group, const struct group_variant *variant,
                                struct counter_state *state, int64_t time, struct value *values) {
  const struct ring ring = ring_of(group->layout, state);
  const struct group_family *family = variant->families, *end = family + variant->family_count;
  for (; family != end; family++) {
    ptrdiff_t rows = family->end - family->rows;
    if (rows >= WALK_ROWS_MIN && state->next - state->first <= rows)
      ask_back(family, state, group->layout, time, values);
    else
      ask_cursors(family, state, &ring, time, values);
  }
}

static void tell_nothing(const struct group_variant *variant, struct value *values) {
  for (uint32_t f = 0; f < variant->family_count; f++)
    for (const struct group_row *row = variant->families[f].rows; row != variant->families[f].end; row++)
      tell(values, row, variant->families[f].form, 0);
}

static __attribute__((noinline)) void ask_others(struct counters *counters, const struct counter_group *group,
                                                 struct counter_state **state, int64_t time, struct value *values,
                                                 struct expr_env *env) {
  const struct group_variant *variant = &group->variants[*state == NULL ? 0 : (*state)->variant];
  if (*state == NULL)
    tell_nothing(variant, values);
  else if (variant->family_count > 0)
    ask_families(group, variant, *state, time, values);
  for (uint32_t i = 0; i < variant->other_count; i++) {
    const struct counter_ask *ask = variant->others[i];
    struct value operand = ask->operand == NULL ? value_null() : expr_eval(ask->operand, env);
    env->counts->place = &counters->ruleset->counters[ask->counter];
    values[ask->slot] = counters_ask(counters, ask->counter, state, time, operand, env->scratch, env->counts);
    env->counts->place = NULL;
  }
}

void counters_ask_group(struct counters *counters, const struct counter_group *group, struct counter_state **state,
                        int64_t time, struct value *values, struct expr_env *env) {
  const struct group_variant *variant = *state == NULL ? NULL : &group->variants[(*state)->variant];
  if (variant == NULL || variant->other_count > 0)
    ask_others(counters, group, state, time, values, env);
  else if (variant->family_count > 0)
    ask_families(group, variant, *state, time, values);
}
