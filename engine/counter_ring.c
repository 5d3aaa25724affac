/* counter_ring.c - the blocks of a state: its ring of events, what they keep, and changes of size and layout.
 *
 * It owns the memory of states. Called by counter.c. */
#include "base/check.h"
#include "base/exact.h"
#include "engine/counter_private.h"

/* ---- kept values: 16 bytes in the event, short strings inside, others in a block of their own ---- */

enum { KEPT_TEXT_MAX = 15, KEPT_NULL = 16, KEPT_V4, KEPT_BLOCK, KEPT_TAG = 15, KEPT_LENGTH = 8, KEPT_KIND = 12 };

void kept_put(struct counters *counters, const struct layout *layout, char *at, struct value v) {
  memset(at, 0, COUNTER_KEPT_BYTES);
  if (v.kind == VALUE_NULL) {
    at[KEPT_TAG] = KEPT_NULL;
  } else if (v.kind == VALUE_STRING && v.length <= KEPT_TEXT_MAX) {
    at[KEPT_TAG] = (char)v.length;
    if (v.length > 0) memcpy(at, v.s, v.length);
  } else if (v.kind == VALUE_IP && v.length == 4) {
    at[KEPT_TAG] = KEPT_V4;
    memcpy(at, &v.i, sizeof v.i);
  } else {
    check(v.kind == VALUE_STRING || v.kind == VALUE_IP || v.kind == VALUE_LIST);
    size_t used = pool_used(counters->pool);
    char *block = pool_alloc(counters->pool, value_extra_bytes(v)), *end = block;
    outside_changed(counters, layout, used);
    struct value copy = value_copy_to(&end, v);
    if (v.length == 0) copy.s = block; /* an empty list: the block is still ours */
    at[KEPT_TAG] = KEPT_BLOCK;
    at[KEPT_KIND] = (char)v.kind;
    memcpy(at, &copy.s, sizeof copy.s);
    write_u32(at + KEPT_LENGTH, v.length);
  }
}

struct value kept_get(const char *at) {
  struct value v = {.kind = VALUE_NULL};
  switch (at[KEPT_TAG]) {
  case KEPT_NULL: return v;
  case KEPT_V4: return (struct value){.i = read_i64(at), .length = 4, .kind = VALUE_IP};
  case KEPT_BLOCK:
    memcpy(&v.s, at, sizeof v.s);
    v.length = read_u32(at + KEPT_LENGTH);
    v.kind = (uint8_t)at[KEPT_KIND];
    return v;
  default: return (struct value){.s = at, .length = (uint8_t)at[KEPT_TAG], .kind = VALUE_STRING};
  }
}

static void kept_free(struct pool *pool, const char *at) {
  if (at[KEPT_TAG] != KEPT_BLOCK) return;
  struct value v = kept_get(at);
  pool_free(pool, (void *)(uintptr_t)v.s, value_extra_bytes(v));
}

/* ---- totals ---- */

/* A total in the state or in an event: `limbs` words, the first of struct sum. */
static struct sum total_read(const void *at, unsigned limbs) {
  struct sum sum = {0};
  ring_copy_total(&sum, at, limbs);
  if (limbs == 1) sum.high = (uint64_t)((int64_t)sum.low >> 63);
  if (limbs <= 2) sum.carry = (int32_t)((int64_t)sum.high >> 63);
  return sum;
}

static void total_add(void *at, unsigned limbs, const struct sum *more) {
  struct sum sum = total_read(at, limbs);
  sum_add_sum(&sum, more);
  ring_copy_total(at, &sum, limbs);
}

void ring_add_total(void *total, unsigned limbs, struct value v) {
  struct sum one = {0};
  sum_add(&one, v);
  total_add(total, limbs, &one);
}

/* The total before `number`; of state->next: now. */
static const void *total_before(const struct counter_state *state, const struct ring *ring, uint16_t sum,
                                uint32_t number) {
  return number == state->next ? state_at(state, ring->variant->sum_total_at[sum])
                               : ring_event(ring, number) + ring->variant->sum_at[sum];
}

/* The sum of the values of events from ... to before `end`: differences that fit `limbs` words. */
static struct sum sum_between(const struct layout *layout, const struct counter_state *state, const struct ring *ring,
                              uint16_t sum, uint32_t number, uint32_t end) {
  unsigned limbs = ring->variant->limbs[layout->sums[sum].is_float];
  const void *now = total_before(state, ring, sum, end), *then = total_before(state, ring, sum, number);
  if (limbs == 1) {
    int64_t steps = (int64_t)(read_u64(now) - read_u64(then));
    return (struct sum){.low = (uint64_t)steps, .high = (uint64_t)(steps >> 63), .carry = (int32_t)(steps >> 63)};
  }
  struct sum total = total_read(now, limbs), before = total_read(then, limbs);
  sum_subtract_sum(&total, &before);
  return total_read(&total, limbs);
}

struct sum ring_sum(const struct layout *layout, const struct counter_state *state, const struct ring *ring,
                    uint16_t sum, uint32_t number) {
  return sum_between(layout, state, ring, sum, number, state->next);
}

struct value source_value(const struct counter_state *state, const struct ring *ring, const struct source *source,
                          uint32_t number) {
  const char *event = ring_event(ring, number);
  if (source->large) return kept_get(event + source->at);
  if (source->known != COUNTER_NONE && !condition_holds(state, ring, source->known, number)) return value_null();
  struct value v = {.kind = source->type.kind, .scale = source->type.scale};
  if (source->total == COUNTER_NONE) {
    v.i = read_i64(event + source->at);
  } else {
    uint64_t after = read_u64(total_before(state, ring, source->total, number + 1));
    v.i = (int64_t)(after - read_u64(total_before(state, ring, source->total, number)));
  }
  return v;
}

uint32_t ring_find(const struct counter_state *state, const struct ring *ring, uint16_t condition, uint32_t number,
                   uint32_t before) {
  if (condition_always(ring, condition)) return number + before;
  uint32_t all = condition_count(state, ring, condition, number);
  uint32_t low = 0, high = state->next - number; /* the answer is number + low … number + high - 1 */
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (all - condition_count(state, ring, condition, number + middle) <= before)
      low = middle;
    else
      high = middle;
  }
  return number + low;
}

/* ---- blocks ---- */

static size_t ring_bytes(const struct variant *variant, unsigned room_log2) {
  return (size_t)variant->event_bytes << room_log2;
}

static size_t block_bytes(const struct layout *layout, unsigned variant_number, unsigned room_log2) {
  const struct variant *variant = &layout->variants[variant_number];
  if (!layout->ring) return variant->header_bytes;
  if (room_log2 >= variant->inside_log2_end) return variant->header_bytes + sizeof(char *);
  return variant->header_bytes + ring_bytes(variant, room_log2);
}

static bool ring_beside(const struct layout *layout, const struct counter_state *state) {
  return layout->ring && state->room_log2 >= layout->variants[state->variant].inside_log2_end;
}

static void set_ring(const struct layout *layout, struct counter_state *state, char *events) {
  *(char **)state_at(state, layout->variants[state->variant].header_bytes) = events;
}

/* An event counts for one at least, and what blocks of the pool are larger than their events is reckoned with: the
 * state's, with queues and windows that hang at it at their fullest, and its key. */
uint32_t ring_units(const struct layout *layout, unsigned variant_number, unsigned room_log2) {
  enum { KEY_BYTES = 192 }; /* its record, and its places in a table and in a line */
  const struct variant *variant = &layout->variants[variant_number];
  size_t bytes = KEY_BYTES + pool_taken(block_bytes(layout, variant_number, room_log2));
  uint64_t events = layout->ring ? (uint64_t)1 << room_log2 : 1;
  if (layout->ring && room_log2 >= variant->inside_log2_end) bytes += pool_taken(ring_bytes(variant, room_log2));
  if (room_log2 > COUNTER_SMALL_LOG2) bytes += layout->order_count * order_queue_bytes(room_log2);
  uint64_t units = (bytes + inside_bytes(layout, room_log2)) / MEMORY_EACH_COUNTER_EVENTS;
  return (uint32_t)(units > events ? units : events);
}

/* What it counts for where entries are limited: in the annex there is room anyway. */
static uint64_t room_entries(const struct layout *layout, const struct counter_state *state) {
  if (state->annexed) return 1;
  if (state->room_log2 <= COUNTER_SMALL_LOG2) return layout->variants[state->variant].small_units[state->room_log2];
  return ring_units(layout, state->variant, state->room_log2);
}

static struct counter_state *new_state(struct counters *counters, const struct layout *layout, void *annex,
                                       unsigned room_log2) {
  const struct variant *variant = &layout->variants[0];
  struct counter_state *state = annex;
  if (annex == NULL) state = pool_alloc(counters->pool, block_bytes(layout, 0, room_log2));
  memset(state, 0, variant->header_bytes);
  state->bits = COUNTER_BITS_FIRST;
  state->annexed = annex != NULL ? STATE_ANNEXED : 0;
  state->room_log2 = (uint8_t)room_log2;
  entries_take(counters, layout, room_entries(layout, state));
  state->deadline = INT64_MIN;
  state->first = state->next = COUNTER_FIRST_NUMBER;
  for (uint16_t c = 0; c < layout->cursor_count; c++) state->cursors[c] = COUNTER_FIRST_NUMBER;
  if (ring_beside(layout, state)) set_ring(layout, state, pool_alloc(counters->pool, ring_bytes(variant, room_log2)));
  for (uint16_t i = 0; i < layout->endless_count; i++) {
    struct endless *endless = state_at(state, layout->endless[i].at);
    endless->stamp = INT64_MIN;
    aggregates_init(layout->endless[i].aggregates, endless + 1);
  }
  return state;
}

struct counter_state *ring_new_state(struct counters *counters, const struct layout *layout, void *annex) {
  bool annexed = annex != NULL && layout->annex_log2 >= 0;
  return new_state(counters, layout, annexed ? annex : NULL, annexed ? (unsigned)layout->annex_log2 : 0);
}

struct counter_state *ring_new_room(struct counters *counters, const struct layout *layout, void *annex,
                                    uint32_t count) {
  if (layout->annex_log2 >= 0 && count <= (uint32_t)1 << layout->annex_log2)
    return ring_new_state(counters, layout, annex);
  unsigned room_log2 = 0;
  while ((uint32_t)1 << room_log2 < count) room_log2++;
  return new_state(counters, layout, NULL, room_log2);
}

/* Events from state->first on, to a ring of the same layout: in as few pieces as there are ends of rings between. */
static void copy_events(const struct counter_state *state, const struct ring *from, const struct ring *to) {
  for (uint32_t number = state->first; number != state->next;) {
    uint32_t count = state->next - number;
    uint32_t from_end = from->mask + 1 - (number & from->mask), to_end = to->mask + 1 - (number & to->mask);
    if (count > from_end) count = from_end;
    if (count > to_end) count = to_end;
    memcpy(ring_event(to, number), ring_event(from, number), (size_t)count * from->event_bytes);
    number += count;
  }
}

/* The same to another layout: totals begin anew at nothing. */
static void convert_events(const struct layout *layout, const struct counter_state *old, const struct ring *from,
                           struct counter_state *state, const struct ring *to) {
  const struct variant *variant = to->variant;
  for (uint32_t number = old->first; number != old->next; number++) {
    char *event = ring_event(to, number);
    memcpy(event, ring_event(from, number), layout->event_fixed_bytes);
    for (uint16_t i = 0; i < layout->sum_count; i++) {
      unsigned limbs = variant->limbs[layout->sums[i].is_float];
      char *total = state_at(state, variant->sum_total_at[i]);
      struct sum value = sum_between(layout, old, from, i, number, number + 1);
      ring_copy_total(event + variant->sum_at[i], total, limbs);
      total_add(total, limbs, &value);
    }
    for (uint16_t i = 0; i < layout->condition_count; i++) {
      if (!variant->condition_own[i]) continue;
      char *total = state_at(state, variant->condition_total_at[i]);
      uint32_t count = read_u32(total);
      write_u32(event + variant->condition_at[i], count);
      write_u32(total, count + condition_holds(old, from, i, number));
    }
  }
}

/* What the events before `end` keep in blocks. */
static void free_kept(struct counters *counters, const struct layout *layout, const struct counter_state *state,
                      const struct ring *ring, uint32_t end) {
  size_t used = pool_used(counters->pool);
  for (uint32_t number = state->first; number != end; number++)
    for (uint16_t i = 0; i < layout->kept_count; i++)
      if (layout->kept[i].large) kept_free(counters->pool, ring_event(ring, number) + layout->kept[i].at);
  outside_changed(counters, layout, used);
}

/* The state with another size of ring and, may be, another layout. */
static struct counter_state *rebuild(struct counters *counters, const struct layout *layout,
                                     struct counter_state *state, unsigned room_log2, unsigned variant_number) {
  const struct variant *variant = &layout->variants[variant_number];
  struct ring from = ring_of(layout, state);
  bool beside = ring_beside(layout, state), same = state->variant == variant_number;
  unsigned old_log2 = state->room_log2;
  bool stays = same && beside && room_log2 >= variant->inside_log2_end;
  struct counter_state *old = state;
  size_t old_block = block_bytes(layout, old->variant, old_log2);
  entries_give(counters, layout, room_entries(layout, old));
  char *events = NULL;
  if (room_log2 >= variant->inside_log2_end) events = pool_alloc(counters->pool, ring_bytes(variant, room_log2));
  if (!stays) {
    state = pool_alloc(counters->pool, block_bytes(layout, variant_number, room_log2));
    memcpy(state, old, same ? variant->header_bytes : layout->fixed_bytes);
    if (!same) memset(state_at(state, layout->fixed_bytes), 0, variant->header_bytes - layout->fixed_bytes);
    state->variant = (uint8_t)variant_number;
    state->annexed = 0;
  }
  state->room_log2 = (uint8_t)room_log2;
  entries_take(counters, layout, room_entries(layout, state));
  if (events != NULL) set_ring(layout, state, events);
  struct ring to = ring_of(layout, state);
  if (same)
    copy_events(state, &from, &to);
  else
    convert_events(layout, old, &from, state, &to);
  if (beside) pool_free(counters->pool, from.events, ring_bytes(from.variant, old_log2));
  if (!stays && !old->annexed) pool_free(counters->pool, old, old_block);
  bool small = room_log2 <= COUNTER_SMALL_LOG2, was_small = old_log2 <= COUNTER_SMALL_LOG2;
  if (room_log2 < old_log2 && !was_small) order_free(counters, layout, state); /* queues are no larger than the ring */
  if (!small && (was_small || room_log2 < old_log2)) order_build(counters, layout, state);
  return state;
}

struct counter_state *ring_relayout(struct counters *counters, const struct layout *layout, struct counter_state *state,
                                    uint8_t variant) {
  return variant == state->variant ? state : rebuild(counters, layout, state, state->room_log2, variant);
}

static struct counter_state *resize(struct counters *counters, const struct layout *layout, struct counter_state *state,
                                    unsigned room_log2) {
  unsigned variant = state->variant;
  if (state->bits + room_log2 > COUNTER_NARROW_BITS) variant |= VARIANT_WIDE;
  return rebuild(counters, layout, state, room_log2, variant);
}

void ring_free_state(struct counters *counters, const struct layout *layout, struct counter_state *state) {
  if (is_packed(state)) {
    entries_give(counters, layout, 1);
    return;
  }
  struct ring ring = ring_of(layout, state);
  if (layout->large) free_kept(counters, layout, state, &ring, state->next);
  if (layout->beside) {
    order_free(counters, layout, state);
    for (uint16_t i = 0; i < layout->values_count; i++) values_free(counters, layout, state, i);
    for (uint16_t i = 0; i < layout->inside_count; i++) inside_free(counters, layout, state, i);
    size_t used = pool_used(counters->pool);
    for (uint16_t i = 0; i < layout->slices_count; i++)
      slices_free(counters, *state_pointer(layout, state, layout->slices[i].pointer), &layout->slices[i].of);
    for (uint16_t i = 0; i < layout->endless_count; i++)
      aggregates_free(layout->endless[i].aggregates, (struct endless *)state_at(state, layout->endless[i].at) + 1);
    outside_changed(counters, layout, used);
  }
  if (ring_beside(layout, state)) pool_free(counters->pool, ring.events, ring_bytes(ring.variant, state->room_log2));
  entries_give(counters, layout, room_entries(layout, state));
  if (!state->annexed) pool_free(counters->pool, state, block_bytes(layout, state->variant, state->room_log2));
}

/* ---- what no window sees any more ---- */

/* Events before `first` go: no cursor is before it. */
static void forget_before(struct counters *counters, const struct layout *layout, struct counter_state *state,
                          const struct ring *ring, uint32_t first) {
  for (uint16_t i = 0; i < layout->inside_count; i++)
    inside_forget(counters, layout, state, ring, i, state->cursors[layout->insides[i].cursor]);
  if (layout->large) free_kept(counters, layout, state, ring, first);
  state->first = first;
  if (layout->order_count > 0) order_forget(layout, state);
}

/* Where windows of time are all that looks into the ring. */
static inline void trim_timed(const struct layout *layout, struct counter_state *state, int64_t time) {
  struct ring ring = ring_of(layout, state);
  uint32_t first = cursor_move(layout, state, &ring, layout->longest, time);
  for (uint16_t c = 0; c < layout->cursor_count; c++)
    if (number_before(state->cursors[c], first)) state->cursors[c] = first;
  state->first = first;
}

static void trim_events(struct counters *counters, const struct layout *layout, struct counter_state *state,
                        int64_t time) {
  if (layout->timed) {
    trim_timed(layout, state, time);
    return;
  }
  struct ring ring = ring_of(layout, state);
  uint32_t first = state->next, longest = first;
  if (layout->longest != COUNTER_NONE) first = longest = cursor_move(layout, state, &ring, layout->longest, time);
  for (uint16_t c = 0; c < layout->cursor_count; c++) {
    if (layout->cursors[c].over_us >= 0 && layout->cursors[c].last == 0) {
      /* What the longest window does not see the others do not see either: they need not be asked how far they are. */
      if (number_before(state->cursors[c], longest)) state->cursors[c] = longest;
      continue;
    }
    uint32_t at = cursor_move(layout, state, &ring, c, time);
    if (number_before(at, first)) first = at;
  }
  if (first != state->first) forget_before(counters, layout, state, &ring, first);
  for (uint16_t i = 0; i < layout->values_count; i++)
    if (layout->values[i].by_number) values_trim(counters, layout, state, i, time);
}

/* The oldest event is forgotten early: no window may hold more. */
static void forget_oldest(struct counters *counters, const struct layout *layout, struct counter_state *state) {
  struct ring ring = ring_of(layout, state);
  uint32_t first = state->first + 1;
  for (uint16_t c = 0; c < layout->cursor_count; c++)
    if (number_before(state->cursors[c], first)) state->cursors[c] = first;
  forget_before(counters, layout, state, &ring, first);
  counters->limits.window_events++;
}

void ring_relieve(struct counters *counters, const struct layout *layout, struct counter_state *state) {
  const uint64_t *outside = &counters->outside[layout - counters->layouts];
  uint64_t most = counters->entries_max / 2 * MEMORY_EACH_COUNTER_EVENTS; /* the other half is for the ring itself */
  if (layout->large) /* the latest event stays, however large it is */
    while (*outside > most && state->next - state->first > 1) forget_oldest(counters, layout, state);
  for (uint16_t i = 0; i < layout->endless_count; i++) {
    if (*outside <= most) break;
    struct endless *endless = state_at(state, layout->endless[i].at);
    if (aggregates_extra_bytes(layout->endless[i].aggregates, endless + 1) == 0) continue; /* nothing to give back */
    size_t used = pool_used(counters->pool);
    aggregates_free(layout->endless[i].aggregates, endless + 1);
    outside_changed(counters, layout, used);
    counters->limits.window_events++;
  }
}

struct counter_state *ring_make_room(struct counters *counters, const struct layout *layout,
                                     struct counter_state *state, int64_t time) {
  trim_events(counters, layout, state, time);
  uint32_t count = state->next - state->first, room = (uint32_t)1 << state->room_log2;
  uint32_t spare = room >> 3; /* so that this is not done for each event */
  if (count >= layout->variants[state->variant].window_events_max) {
    forget_oldest(counters, layout, state);
    count--;
    if (count < room) return state;
  }
  if (count >= room || room - count < spare) return resize(counters, layout, state, state->room_log2 + 1u);
  if (count <= room >> 3 && state->room_log2 > 1 && !state->annexed)
    return resize(counters, layout, state, state->room_log2 - 1u);
  return state;
}

struct counter_state *ring_trim(struct counters *counters, const struct layout *layout, struct counter_state *state,
                                int64_t time) {
  trim_events(counters, layout, state, time);
  unsigned room_log2 = state->room_log2;
  if (state->annexed) return state;
  while (room_log2 > 1 && state->next - state->first <= (uint32_t)1 << room_log2 >> 3) room_log2--;
  return room_log2 == state->room_log2 ? state : resize(counters, layout, state, room_log2);
}
