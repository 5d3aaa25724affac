/* counter_group.c - many counters of one population, asked together.
 *
 * Fifty windows over one key cost little more than what each of them must read. Counters that are differences of totals
 * between two events stand here twice. By windows: each window has a cursor to its first event, and tells what begins
 * there. By families, of one total each and in the order of their windows' lengths: where a key has no more events than
 * a family has windows, one way back through the events finds the first event of each window, and windows that begin
 * with the same one are told the same number. All else goes the ordinary way. Called by tally.c. */
#include "engine/counter_private.h"

enum { WALK_ROWS_MIN = 4 }; /* a family of fewer windows is not asked by one way back */

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

static int compare_cursors(const void *left, const void *right) {
  const struct sorted_row *a = left, *b = right;
  if (a->row.cursor != b->row.cursor) return a->row.cursor < b->row.cursor ? -1 : 1;
  return compare_rows(left, right);
}

static void make_windows(struct counters *counters, struct group_variant *variant, struct sorted_row *sorted,
                         uint32_t count) {
  struct group_tell *tells = mem_alloc(counters->mem, (count + 1u) * sizeof *tells);
  variant->windows = mem_alloc(counters->mem, (count + 1u) * sizeof *variant->windows);
  if (count > 0) qsort(sorted, count, sizeof *sorted, compare_cursors);
  for (uint32_t i = 0; i < count; i++) {
    tells[i] = (struct group_tell){.form = sorted[i].form, .total = sorted[i].total, .slot = sorted[i].row.slot};
    if (i == 0 || sorted[i - 1].row.cursor != sorted[i].row.cursor)
      variant->windows[variant->window_count++] =
          (struct group_window){.over_us = sorted[i].row.over_us, .tells = &tells[i], .cursor = sorted[i].row.cursor};
    variant->windows[variant->window_count - 1].end = &tells[i + 1];
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
  for (uint32_t f = 0; f < variant->family_count; f++) {
    uint32_t rows = (uint32_t)(variant->families[f].end - variant->families[f].rows);
    if (rows >= WALK_ROWS_MIN && rows > variant->walk_events) variant->walk_events = rows;
  }
  make_windows(counters, variant, sorted, count);
  mem_free(counters->mem, sorted);
}

struct counter_group *counters_group(struct counters *counters, const struct counter_ask *asks, uint32_t count) {
  struct counter_group *group = mem_alloc(counters->mem, sizeof *group);
  *group = (struct counter_group){.count = count, .asks = asks};
  if (count > 0) group->layout = counters->askers[asks->counter].layout;
  for (unsigned v = 0; v < VARIANTS; v++) make_variant(counters, group, v, &group->variants[v]);
  if (count > 0 && group->layout->packed.room > 0)
    group->packed = packed_asks_make(counters, group->layout, asks, count);
  return group;
}

/* ---- asking ---- */

static inline void tell(struct value *values, uint32_t slot, uint64_t form, uint64_t number) {
  group_tell(values, &(struct group_tell){.form = form, .slot = slot}, number);
}

/* By one way back from the newest event. Cursors stay where they are: they may be behind, but not before state->first
 * (trimming takes care of that). */
static void ask_back(const struct group_family *family, const struct counter_state *state, const struct ring *ring,
                     int64_t time, struct value *values) {
  uint32_t at = state->next;
  uint64_t number = 0;
  /* The event before `at` is in windows that are longer than this. */
  int64_t reach = at == state->first ? INT64_MAX : time - event_time(ring_event(ring, at - 1));
  const struct group_row *row = family->rows, *end = family->end;
  const uint64_t form = family->form;
  for (;;) {
    for (; row->over_us <= reach; row++) {
      tell(values, row->slot, form, number);
      if (row + 1 == end) return;
    }
    at--;
    number = group_difference(state, &family->total, at, ring_event(ring, at));
    reach = at == state->first ? INT64_MAX : time - event_time(ring_event(ring, at - 1));
  }
}

void group_walk(const struct group_variant *variant, const struct counter_state *state, const struct ring *ring,
                int64_t time, struct value *values) {
  for (uint32_t f = 0; f < variant->family_count; f++) ask_back(&variant->families[f], state, ring, time, values);
}

static inline void ask_differences(const struct counter_group *group, const struct group_variant *variant,
                                   struct counter_state *state, int64_t time, struct value *values) {
  const struct ring ring = ring_of(group->layout, state);
  if (__builtin_expect(state->next - state->first <= variant->walk_events, 0))
    group_walk(variant, state, &ring, time, values);
  else
    group_windows(variant->windows, variant->windows + variant->window_count, state, &ring, time, values);
}

static void tell_nothing(const struct group_variant *variant, struct value *values) {
  const struct group_window *window = variant->windows, *end = window + variant->window_count;
  for (; window != end; window++)
    for (const struct group_tell *row = window->tells; row != window->end; row++) group_tell(values, row, 0);
}

static __attribute__((noinline)) void ask_others(struct counters *counters, const struct counter_group *group,
                                                 struct counter_state **state, int64_t time, struct value *values,
                                                 struct expr_env *env) {
  const struct group_variant *variant = &group->variants[*state == NULL ? 0 : (*state)->variant];
  if (*state == NULL)
    tell_nothing(variant, values);
  else if (variant->window_count > 0)
    ask_differences(group, variant, *state, time, values);
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
  if (group->count == 0) return;
  if (*state != NULL && is_packed(*state)) {
    packed_ask(group->layout, &group->packed, *state, time, values);
    return;
  }
  const struct group_variant *variant = *state == NULL ? NULL : &group->variants[(*state)->variant];
  if (variant == NULL || variant->other_count > 0)
    ask_others(counters, group, state, time, values, env);
  else
    ask_differences(group, variant, *state, time, values);
}
