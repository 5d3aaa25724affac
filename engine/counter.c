/* counter.c - counters: events of a population in, values of its counters out (counter_private.h says how). Called by
 * step.c, which owns the states; one thread. */
#include "engine/counter.h"

#include "base/check.h"
#include "base/exact.h"
#include "engine/counter_private.h"

#define TIME_AFTER_ALL (INT64_C(1) << 61) /* no deadline is later: of years up to 9999, and spans below 2^60 */

_Static_assert(offsetof(struct counter_state, cursors) == 20, "a small state fits a cache line");

static struct counters *without_layouts(struct mem *mem, struct pool *pool, const struct ruleset *ruleset) {
  struct counters *counters = mem_alloc(mem, sizeof *counters);
  counters->mem = mem;
  counters->pool = pool;
  counters->ruleset = ruleset;
  counters->values_max = COUNTER_VALUES;
  counters->entries = mem_alloc(mem, (ruleset->population_count + 1u) * sizeof *counters->entries);
  counters->outside = mem_alloc(mem, (ruleset->population_count + 1u) * sizeof *counters->outside);
  counters->entries_max = UINT64_MAX;
  counters->layouts = mem_alloc(mem, (ruleset->population_count + 1u) * sizeof *counters->layouts);
  counters->askers = mem_alloc(mem, (ruleset->counter_count + 1u) * sizeof *counters->askers);
  return counters;
}

struct counters *counters_new(struct mem *mem, struct pool *pool, const struct ruleset *ruleset) {
  struct counters *counters = without_layouts(mem, pool, ruleset);
  size_t columns = 1, nothing = 8;
  for (uint16_t p = 0; p < ruleset->population_count; p++) {
    struct layout *layout = &counters->layouts[p];
    layout_make(counters, p);
    if (layout->column_count > columns) columns = layout->column_count;
    for (uint16_t i = 0; i < layout->endless_count; i++) {
      size_t bytes = aggregates_bytes(layout->endless[i].aggregates);
      if (bytes > nothing) nothing = bytes;
    }
  }
  counters->columns = mem_alloc(mem, columns * sizeof *counters->columns);
  counters->nothing = mem_alloc(mem, nothing);
  return counters;
}

void counters_set_limits(struct counters *counters, uint64_t window_events, uint64_t values) {
  check(window_events > 0 && window_events <= COUNTER_WINDOW_EVENTS_CAP && values > 0);
  for (uint16_t p = 0; p < counters->ruleset->population_count; p++)
    for (unsigned v = 0; v < VARIANTS; v++) counters->layouts[p].variants[v].window_events_max = window_events;
  counters->values_max = values;
}

void counters_set_entries(struct counters *counters, uint64_t entries_max) {
  counters->entries_max = entries_max;
  for (uint16_t p = 0; p < counters->ruleset->population_count; p++) {
    bool large = counters->layouts[p].large; /* then half of it is for texts */
    for (unsigned v = 0; v < VARIANTS; v++) {
      struct variant *variant = &counters->layouts[p].variants[v];
      uint64_t events_max = entries_max / variant->event_units / (large ? 2 : 1);
      while ((variant->event_units > 1 || large) && (events_max & (events_max - 1)) != 0)
        events_max &= events_max - 1; /* as rings are */
      if (variant->window_events_max > events_max) variant->window_events_max = events_max > 0 ? events_max : 1;
    }
  }
  if (counters->values_max > entries_max) counters->values_max = entries_max;
}

bool counters_crowded(const struct counters *counters, uint16_t population) {
  return counters->entries[population] > counters->entries_max;
}

void counters_relieve(struct counters *counters, uint16_t population, struct counter_state *state) {
  ring_relieve(counters, &counters->layouts[population], state);
}

/* ---- adding ---- */

static bool holds(const struct counters *counters, uint16_t where) {
  if (where == NO_COLUMN) return true;
  struct value v = counters->columns[where];
  return v.kind == VALUE_BOOL && v.i != 0;
}
static bool is_null(const struct counters *counters, uint16_t column) {
  return column != NO_COLUMN && counters->columns[column].kind == VALUE_NULL;
}

static void evaluate(struct counters *counters, const struct layout *layout, const struct event *event,
                     struct expr_env *env) {
  for (uint16_t c = 0; c < layout->column_count; c++) {
    const struct column_plan *column = &layout->columns[c];
    if (column->slot >= 0) {
      counters->columns[c] = event->values[column->slot];
      continue;
    }
    env->counts->place = column->expr;
    counters->columns[c] = expr_eval(column->expr, env);
    env->counts->place = NULL;
  }
}

/* Bits of its magnitude; of a float's in steps of 2^-60, less 64, or more than any total has. */
static unsigned magnitude_bits(struct value v) {
  exact_int steps = v.i;
  if (v.kind == VALUE_NULL) return 0;
  if (v.kind == VALUE_FLOAT) {
    if (!exact_fixed(v.f, &steps)) return 64;
    uint64_t high = (uint64_t)(exact_magnitude(steps) >> 64);
    return high == 0 ? 0 : 64 - (unsigned)__builtin_clzll(high);
  }
  uint64_t magnitude = v.i < 0 ? -(uint64_t)v.i : (uint64_t)v.i;
  return magnitude == 0 ? 0 : 64 - (unsigned)__builtin_clzll(magnitude);
}

/* What the state must be laid out for, with this event. */
static uint8_t wanted_variant(const struct counters *counters, const struct layout *layout,
                              struct counter_state *state) {
  unsigned variant = state->variant, bits = state->bits;
  for (uint16_t i = 0; i < layout->null_column_count; i++)
    if (counters->columns[layout->null_columns[i]].kind == VALUE_NULL) variant |= VARIANT_NULLS;
  for (uint16_t i = 0; i < layout->sum_count; i++) {
    unsigned own = magnitude_bits(counters->columns[layout->sums[i].column]);
    if (own > bits) bits = own;
  }
  state->bits = (uint8_t)bits;
  return (uint8_t)(bits + state->room_log2 > COUNTER_NARROW_BITS ? variant | VARIANT_WIDE : variant);
}

/* After a long silence windows of the last n events are empty. */
static void cut_idle(const struct layout *layout, struct counter_state *state, int64_t time) {
  struct ring ring = ring_of(layout, state);
  if (state->first == state->next) return;
  int64_t silence = time - event_time(ring_event(&ring, state->next - 1));
  for (uint16_t c = 0; c < layout->cursor_count; c++)
    if (layout->cursors[c].idle_us >= 0 && silence > layout->cursors[c].idle_us) state->cursors[c] = state->next;
}

static void write_totals(const struct counters *counters, const struct layout *layout, struct counter_state *state,
                         const struct variant *variant, char *event) {
  for (uint16_t i = 0; i < layout->sum_count; i++) {
    const struct total_plan *sum = &layout->sums[i];
    unsigned limbs = variant->limbs[sum->is_float];
    char *total = state_at(state, variant->sum_total_at[i]);
    struct value v = counters->columns[sum->column];
    bool adds = v.kind != VALUE_NULL && holds(counters, sum->where);
    if (limbs == 1) {
      uint64_t before = read_u64(total);
      write_u64(event + variant->sum_at[i], before);
      write_u64(total, before + (adds ? (uint64_t)v.i : 0));
      continue;
    }
    ring_copy_total(event + variant->sum_at[i], total, limbs);
    if (adds) ring_add_total(total, limbs, v);
  }
  for (uint16_t i = 0; i < layout->condition_count; i++) {
    const struct condition_plan *condition = &layout->conditions[i];
    if (!variant->condition_own[i]) continue;
    char *total = state_at(state, variant->condition_total_at[i]);
    uint32_t count = read_u32(total);
    write_u32(event + variant->condition_at[i], count);
    if (holds(counters, condition->where) && !is_null(counters, condition->column)) write_u32(total, count + 1);
  }
}

static struct counter_state *add_to_ring(struct counters *counters, const struct layout *layout,
                                         struct counter_state *state, int64_t time) {
  uint8_t variant = wanted_variant(counters, layout, state);
  if (__builtin_expect(variant != state->variant, 0)) state = ring_relayout(counters, layout, state, variant);
  if (layout->idles) cut_idle(layout, state, time);
  uint32_t count = state->next - state->first;
  if (count == (uint32_t)1 << state->room_log2 || count >= layout->variants[state->variant].window_events_max)
    state = ring_make_room(counters, layout, state, time);
  struct ring ring = ring_of(layout, state);
  char *event = ring_event(&ring, state->next);
  write_u64(event, (uint64_t)time);
  for (uint16_t i = 0; i < layout->kept_count; i++) {
    const struct kept_plan *kept = &layout->kept[i];
    struct value v = counters->columns[kept->column];
    if (kept->large)
      kept_put(counters, layout, event + kept->at, v);
    else
      write_u64(event + kept->at, v.kind == VALUE_NULL ? 0 : (uint64_t)v.i);
  }
  write_totals(counters, layout, state, ring.variant, event);
  state->next++;
  return state;
}

static void add_beside(struct counters *counters, const struct layout *layout, struct counter_state *state,
                       int64_t time) {
  if (layout->order_count > 0) order_push(counters, layout, state);
  for (uint16_t i = 0; i < layout->values_count; i++) {
    const struct values_plan *plan = &layout->values[i];
    if (plan->by_number) values_tick(counters, layout, state, i, time);
    if (holds(counters, plan->where) && !is_null(counters, plan->column))
      values_add(counters, layout, state, i, counters->columns[plan->column], time);
  }
  if (layout->slices_count + layout->endless_count == 0) return;
  size_t used = pool_used(counters->pool);
  for (uint16_t i = 0; i < layout->slices_count; i++) {
    const struct slices_plan *plan = &layout->slices[i];
    void **slices = state_pointer(layout, state, plan->pointer);
    struct value v = counters->columns[plan->column];
    *slices = slices_move(counters, *slices, &plan->of, time);
    *slices = slices_tick(counters, *slices, &plan->of);
    if (v.kind == VALUE_NULL || !holds(counters, plan->where)) continue;
    *slices = slices_add(counters, *slices, &plan->of, v, plan->of.quantiles ? 0 : value_hash(v), time);
  }
  for (uint16_t i = 0; i < layout->endless_count; i++) endless_add(&layout->endless[i], state, counters->columns, time);
  outside_changed(counters, layout, used);
}

/* Whether what goes into sums is not null and has no more than `bits` bits, and what is kept is not null. */
static inline bool is_plain(const struct variant *variant, const struct value *values, unsigned bits) {
  const struct plain_row *sums_end = variant->plain_rows + variant->plain_sum_count;
  bool nulls = false;
  for (const struct plain_row *row = sums_end; row != variant->plain_rows + variant->plain_count; row++)
    nulls |= values[row->slot].kind == VALUE_NULL;
  return !nulls && sums_fit(variant->plain_rows, sums_end, values, bits);
}

/* The same, where more bits may be reckoned with from now on. */
static __attribute__((noinline)) bool make_plain(const struct variant *variant, const struct value *values,
                                                 struct counter_state *state) {
  unsigned bits = state->bits;
  for (uint16_t i = 0; i < variant->plain_sum_count; i++) {
    unsigned own = magnitude_bits(values[variant->plain_rows[i].slot]);
    if (own > bits) bits = own;
  }
  if (bits + state->room_log2 > COUNTER_NARROW_BITS || !is_plain(variant, values, bits)) return false;
  state->bits = (uint8_t)bits;
  return true;
}

/* The most frequent: sums and kept numbers of fields, none of them null, all within what the state is laid out for.
 * False: nothing was done, but that there may be more room. */
static inline bool add_plain(struct counters *counters, const struct layout *layout, struct counter_state **of,
                             const struct event *event) {
  struct counter_state *state = *of;
  if (!layout->variants[state->variant].plain) return false;
  if (__builtin_expect(state->next - state->first == (uint32_t)1 << state->room_log2, 0)) {
    *of = state = ring_make_room(counters, layout, state, event->time);
    if (!layout->variants[state->variant].plain) return false;
  }
  const struct variant *variant = &layout->variants[state->variant];
  if (state->next - state->first >= variant->window_events_max) return false;
  const struct value *values = event->values;
  if (__builtin_expect(!is_plain(variant, values, state->bits), 0) && !make_plain(variant, values, state)) return false;
  char *events = state_at(state, variant->header_bytes);
  if (__builtin_expect(state->room_log2 >= variant->inside_log2_end, 0)) events = *(char **)(void *)events;
  char *to = events + (size_t)(state->next & (((uint32_t)1 << state->room_log2) - 1)) * variant->event_bytes;
  const struct plain_row *row = variant->plain_rows, *sums_end = row + variant->plain_sum_count,
                         *end = row + variant->plain_count;
  write_u64(to, (uint64_t)event->time);
  sums_add(row, sums_end, state, to, values);
  for (row = sums_end; row != end; row++) write_u64(to + row->at, (uint64_t)values[row->slot].i);
  state->next++;
  return true;
}

/* Fields whose different values are all that stands beside the ring. */
static inline void add_values(struct counters *counters, const struct layout *layout, struct counter_state *state,
                              const struct event *event) {
  for (uint16_t i = 0; i < layout->values_count; i++) {
    struct value v = event->values[layout->columns[layout->values[i].column].slot];
    if (v.kind != VALUE_NULL) values_add(counters, layout, state, i, v, event->time);
  }
}

static void set_deadline(const struct layout *layout, struct counter_state *state, int64_t time) {
  int64_t deadline = layout->horizon_us > 0 ? time + layout->horizon_us : INT64_MIN;
  for (uint16_t i = 0; i < layout->endless_count; i++) {
    int64_t end = layout->endless[i].span == SPAN_TODAY ? endless_end(&layout->endless[i], state, time) : deadline;
    if (end > deadline) deadline = end;
  }
  state->deadline = deadline;
}

/* What the ring or what stands beside it needs of the event's values. */
static __attribute__((noinline)) void add_otherwise(struct counters *counters, const struct layout *layout,
                                                    struct counter_state **state, const struct event *event,
                                                    struct expr_env *env, bool in_ring) {
  evaluate(counters, layout, event, env);
  if (layout->ring && !in_ring) *state = add_to_ring(counters, layout, *state, event->time);
  if (layout->beside) add_beside(counters, layout, *state, event->time);
}

void counters_add(struct counters *counters, uint16_t population, struct counter_state **state, void *annex,
                  const struct event *event, struct expr_env *env) {
  const struct layout *layout = &counters->layouts[population];
  if (*state == NULL)
    *state = ring_new_state(counters, layout, annex);
  else if (is_packed(*state))
    *state = packed_open(counters, layout, *state);
  bool in_ring = add_plain(counters, layout, state, event);
  if (layout->values_alone && (in_ring || !layout->ring))
    add_values(counters, layout, *state, event);
  else if (!in_ring || layout->beside)
    add_otherwise(counters, layout, state, event, env, in_ring);
  set_deadline(layout, *state, event->time);
}

/* ---- asking ---- */

static struct value ask_sum(const struct asker *asker, const struct counter_state *state, const struct ring *ring,
                            uint32_t tail, struct expr_counts *counts) {
  struct sum sum = ring_sum(asker->layout, state, ring, asker->index, tail);
  if (asker->how == ASK_SUM) return sum_total(&sum, asker->argument, counts);
  sum.count = condition_count(state, ring, asker->condition, tail);
  return sum_average(&sum, asker->argument, counts);
}

static struct value ask_rate(const struct asker *asker, const struct counter_state *state, const struct ring *ring,
                             uint32_t tail, int64_t time) {
  int64_t length_us = asker->over_us;
  uint32_t count = condition_count(state, ring, asker->condition, tail);
  if (length_us < 0 && tail != state->next) length_us = time - event_time(ring_event(ring, tail));
  if (length_us <= 0) return value_null();
  return value_float(count == 0 ? 0 : exact_ratio(false, (exact_uint)count * 1000000, (exact_uint)length_us, 0));
}

/* first, last, nth: the event, by its number among those that satisfy the condition; collect: the last of them. */
static struct value ask_places(const struct asker *asker, const struct counter_state *state, const struct ring *ring,
                               uint32_t tail, struct arena *scratch) {
  const struct source *source = &asker->layout->sources[asker->column];
  uint32_t count = condition_count(state, ring, asker->condition, tail), index = 0;
  if (count == 0) return value_null();
  if (asker->how == ASK_LAST) index = count - 1;
  if (asker->how == ASK_NTH) {
    if (asker->parameter > count) return value_null();
    index = (uint32_t)asker->parameter - 1;
  }
  if (asker->how != ASK_COLLECT)
    return value_copy(scratch,
                      source_value(state, ring, source, ring_find(state, ring, asker->condition, tail, index)));
  uint32_t most = asker->parameter < count ? (uint32_t)asker->parameter : count;
  struct value *values = arena_alloc(scratch, most * sizeof *values);
  for (uint32_t i = 0; i < most; i++) {
    uint32_t number = ring_find(state, ring, asker->condition, tail, count - most + i);
    values[i] = value_copy(scratch, source_value(state, ring, source, number));
  }
  return (struct value){.list = values, .length = most, .kind = VALUE_LIST};
}

static struct value ask_ring(struct counters *counters, const struct asker *asker, struct counter_state *state,
                             int64_t time, struct arena *scratch, struct expr_counts *counts) {
  const struct layout *layout = asker->layout;
  struct ring ring = ring_of(layout, state);
  uint32_t tail = cursor_move(layout, state, &ring, asker->cursor, time), found;
  switch (asker->how) {
  case ASK_COUNT: return value_int(state->next - tail);
  case ASK_COUNT_IF: return value_int(condition_count(state, &ring, asker->condition, tail));
  case ASK_SUM:
  case ASK_AVG: return ask_sum(asker, state, &ring, tail, counts);
  case ASK_RATE: return ask_rate(asker, state, &ring, tail, time);
  case ASK_ORDER:
    if (!order_find(layout, state, &ring, asker->index, tail, &found)) return value_null();
    return value_copy(scratch, source_value(state, &ring, &layout->sources[asker->column], found));
  case ASK_INSIDE: return inside_ask(counters, asker, state, &ring, time, scratch, counts);
  default: return ask_places(asker, state, &ring, tail, scratch);
  }
}

static inline bool is_difference(const struct asker *asker, const struct counter_state *state) {
  return asker->simple && asker->differences[state->variant].bytes != DIFFERENCE_LONG;
}

/* Counts and sums of ints over time: the window's first event moves on, and two numbers are subtracted. */
static inline struct value ask_difference(const struct asker *asker, struct counter_state *state,
                                          const struct ring *ring, int64_t time) {
  enum { AHEAD = 8 };
  const struct difference *difference = &asker->differences[state->variant];
  uint32_t next = state->next, at = state->cursors[asker->cursor];
  int64_t border = time - asker->over_us;
  const char *event = ring_event(ring, at);
  struct value told = asker->empty;
  if (at == next) return told;
  if (event_time(event) <= border) {
    do {
      at++;
      event = ring_event(ring, at);
    } while (at != next && event_time(event) <= border);
    state->cursors[asker->cursor] = at;
    __builtin_prefetch(ring_event(ring, at + AHEAD));
    if (at == next) return told;
  }
  const char *total = (const char *)state + difference->total_at;
  if (difference->bytes == sizeof(uint64_t))
    told.i = (int64_t)(read_u64(total) - read_u64(event + difference->at));
  else if (difference->bytes == sizeof(uint32_t))
    told.i = (int64_t)(uint32_t)(read_u32(total) - read_u32(event + difference->at));
  else
    told.i = (int64_t)(uint32_t)(next - at);
  return told;
}

static struct value ask_slices(struct counters *counters, const struct asker *asker, struct counter_state *state,
                               int64_t time) {
  const struct slices_plan *plan = &asker->layout->slices[asker->index];
  void **slices = state_pointer(asker->layout, state, plan->pointer);
  unsigned percent = asker->parameter == 0 ? 50 : (unsigned)asker->parameter;
  size_t used = pool_used(counters->pool);
  *slices = slices_move(counters, *slices, &plan->of, time);
  struct value v = plan->of.quantiles ? slices_percentile(counters, *slices, &plan->of, percent, asker->argument)
                                      : value_int(slices_distinct(counters, *slices, &plan->of));
  outside_changed(counters, asker->layout, used);
  return v;
}

__attribute__((noinline)) static struct value ask_otherwise(struct counters *counters, uint16_t counter,
                                                            struct counter_state **state, int64_t time,
                                                            struct value operand, struct arena *scratch,
                                                            struct expr_counts *counts) {
  const struct asker *asker = &counters->askers[counter];
  if (asker->how == ASK_ENDLESS) {
    size_t used = pool_used(counters->pool);
    struct value v = endless_ask(counters, asker, *state, time, scratch, counts);
    outside_changed(counters, asker->layout, used); /* `top` keeps its order from the second time on */
    return v;
  }
  if (asker->how == ASK_SEEN && operand.kind == VALUE_NULL) return value_null();
  if (*state == NULL) return asker->empty;
  switch (asker->how) {
  case ASK_SEEN: return value_bool(values_seen(asker->layout, *state, asker->index, operand, time - asker->over_us));
  case ASK_SLICES: return ask_slices(counters, asker, *state, time);
  default: return ask_ring(counters, asker, *state, time, scratch, counts);
  }
}

struct value counters_ask(struct counters *counters, uint16_t counter, struct counter_state **state, int64_t time,
                          struct value operand, struct arena *scratch, struct expr_counts *counts) {
  const struct asker *asker = &counters->askers[counter];
  if (*state != NULL && is_packed(*state)) *state = packed_open(counters, asker->layout, *state);
  if (*state != NULL && asker->how == ASK_DISTINCT)
    return value_int(values_distinct(counters, asker->layout, *state, asker->index, asker->item, time));
  if (*state == NULL || !is_difference(asker, *state))
    return ask_otherwise(counters, counter, state, time, operand, scratch, counts);
  struct ring ring = ring_of(asker->layout, *state);
  return ask_difference(asker, *state, &ring, time);
}

/* ---- time ---- */

int64_t counters_deadline(const struct counter_state *state) { return state == NULL ? INT64_MAX : state->deadline; }

void counters_time(struct counters *counters, uint16_t population, struct counter_state **state, int64_t time) {
  const struct layout *layout = &counters->layouts[population];
  if (*state == NULL) return;
  if (time > TIME_AFTER_ALL) time = TIME_AFTER_ALL;
  if (time >= (*state)->deadline) {
    int64_t deadline = INT64_MIN; /* a day may be longer than it seemed */
    for (uint16_t i = 0; i < layout->endless_count; i++) {
      int64_t end = endless_end(&layout->endless[i], *state, time);
      if (end > deadline) deadline = end;
    }
    if (deadline == INT64_MIN) {
      counters_drop(counters, population, state);
      return;
    }
    (*state)->deadline = deadline;
  }
  if (is_packed(*state)) return;
  if (layout->ring) *state = ring_trim(counters, layout, *state, time);
  for (uint16_t i = 0; i < layout->values_count; i++) values_trim(counters, layout, *state, i, time);
  size_t used = pool_used(counters->pool);
  for (uint16_t i = 0; i < layout->slices_count; i++) {
    void **slices = state_pointer(layout, *state, layout->slices[i].pointer);
    *slices = slices_move(counters, *slices, &layout->slices[i].of, time);
  }
  outside_changed(counters, layout, used);
}

void counters_drop(struct counters *counters, uint16_t population, struct counter_state **state) {
  if (*state != NULL) ring_free_state(counters, &counters->layouts[population], *state);
  *state = NULL;
}

/* ---- memory ---- */

void counters_prefetch(const struct counter_state *state) {
  __builtin_prefetch(state);
  __builtin_prefetch((const char *)state + 64);
}

void counters_prefetch_events(const struct counters *counters, uint16_t population, const struct counter_state *state) {
  const struct layout *layout = &counters->layouts[population];
  if (is_packed(state)) return;
  for (uint16_t p = 0; p < layout->pointer_count && p < COUNTER_POINTERS_AHEAD; p++) {
    const char *block = *state_pointer(layout, state, p);
    if (block == NULL) continue;
    __builtin_prefetch(block, 1);
    __builtin_prefetch(block + COUNTER_LINE, 1);
  }
  if (!layout->ring) return;
  struct ring ring = ring_of(layout, state);
  for (uint32_t at = 2 * COUNTER_LINE; at < ring.variant->header_bytes && at < COUNTER_AHEAD_BYTES; at += COUNTER_LINE)
    __builtin_prefetch((const char *)state + at, 1); /* the first two are here */
  __builtin_prefetch(ring_event(&ring, state->next), 1);
  __builtin_prefetch(ring_event(&ring, state->cursors[0]));
}

bool counters_fit_annex(const struct counters *counters, uint16_t population) {
  const struct layout *layout = &counters->layouts[population];
  return layout->annex_log2 >= 0 || layout->packed.room > 0;
}

bool counters_outside(const struct counters *counters, uint16_t population) {
  return counters->layouts[population].pointer_count > 0;
}

struct counter_limits counters_limits(const struct counters *counters) {
  struct counter_limits limits = counters->limits;
  for (uint16_t p = 0; p < counters->ruleset->population_count; p++)
    for (uint16_t i = 0; i < counters->layouts[p].endless_count; i++)
      limits.values += aggregates_counts(counters->layouts[p].endless[i].aggregates).top_values;
  return limits;
}

struct counter_sizes counters_sizes(const struct ruleset *ruleset, uint16_t population) {
  struct mem *mem = mem_new(0);
  if (mem == NULL) return (struct counter_sizes){0, 0};
  if (MEM_GUARD(mem)) {
    mem_free_all(mem);
    return (struct counter_sizes){0, 0};
  }
  struct pool pool;
  pool_init(&pool, mem);
  struct counters *counters = without_layouts(mem, &pool, ruleset);
  const struct layout *layout = &counters->layouts[population];
  layout_make(counters, population);
  struct counter_sizes sizes = {.state = layout->variants[0].header_bytes};
  if (layout->ring) sizes.event = layout->variants[0].event_bytes + layout->order_count * sizeof(uint32_t);
  sizes.event += layout->values_count * VALUES_ENTRY_BYTES;
  mem_unguard(mem);
  mem_free_all(mem);
  return sizes;
}
