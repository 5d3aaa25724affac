/* counter_private.h - what the files of counter.h share: how a state is laid out, and its ring of events.
 *
 * counter.c         events in, values out
 * counter_group.c   many counters asked together
 * counter_quick.c   the most frequent: added and asked in one go
 * counter_packed.c  states of few events in one line
 * counter_layout.c  what a population's states look like, from its plan; made once
 * counter_ring.c    the ring: room for events, kept values, another layout
 * counter_order.c   least and greatest: one queue of candidates for all windows
 * counter_values.c  different values: distinct, seen
 * counter_slices.c  sketches of sixteen slices of a window
 * counter_inside.c  what is kept of the events inside one window: stddev, percentiles, ewma, top
 * counter_top.c     top: the values of one window by count, sum, …
 * counter_endless.c windows that look into no ring: today, ever
 *
 * A state is one block: struct counter_state, the cursors, pointers to what is allocated beside it, the accumulators of
 * windows without a ring (today, ever), the running totals; then the ring, or a pointer to it when it is large. Columns
 * of the ring hold running totals as they were *before* the event: the sum, or the number of events that satisfy a
 * condition, over any window is the total now less that at the window's first event, so a window costs one cursor, and
 * an event nothing per window. Differences of totals are exact modulo 2^64 (2^128); `bits` says when that may not be
 * enough, and then the state is laid out anew with wider totals. */
#ifndef WEIR_ENGINE_COUNTER_PRIVATE_H
#define WEIR_ENGINE_COUNTER_PRIVATE_H

#include "base/sketch.h"
#include "base/sum.h"
#include "base/unaligned.h"
#include "engine/aggregate.h"
#include "engine/counter.h"
#include "engine/window_grid.h"

/* Events are numbered modulo 2^32. The first numbers are close to the end, so that no state lives long before they
 * begin again: what would go wrong then does so in the first test. */
#define COUNTER_FIRST_NUMBER (UINT32_MAX - 99)

enum {
  COUNTER_NONE = 0xffff,      /* no such thing: of 16-bit numbers */
  COUNTER_ALWAYS = 0xffff,    /* as a condition: every event satisfies it */
  COUNTER_SMALL_LOG2 = 3,     /* rings with room for 2^3 events are looked through: no queues beside them */
  COUNTER_INLINE_BYTES = 256, /* states up to this size have their ring inside */
  COUNTER_SLICES = 16,        /* at least, in a window that has as many events or microseconds */
  COUNTER_SLICES_MAX = 31,
  COUNTER_KEPT_BYTES = 16,
  COUNTER_BITS_FIRST = 32,  /* of values are reckoned with from the first on */
  COUNTER_NARROW_BITS = 63, /* of a sum that 64 bits hold: those of a value and of the number of values */
  VALUES_ENTRY_BYTES = 16,  /* counter_values.c */
  COUNTER_LINE = 64,
  COUNTER_POINTERS_AHEAD = 4, /* of a state: their blocks are asked for ahead */
  COUNTER_AHEAD_BYTES = 512,  /* of a state's cursors and totals: asked for ahead */

  /* How a state is laid out: */
  VARIANT_WIDE = 1,  /* sums of 128 bits (floats 160) instead of 64 (128) */
  VARIANT_NULLS = 2, /* a value that is asked for has been null */
  VARIANTS = 4
};

struct counter_state {
  int64_t deadline;
  uint8_t room_log2; /* the ring has room for so many events */
  uint8_t variant;
  uint8_t bits;    /* of the largest magnitude that was summed (floats: bits of 2^-60 steps, less 64) */
  uint8_t annexed; /* it stands in the caller's memory: STATE_ANNEXED, or STATE_PACKED and then it is otherwise; or 0 */
  uint32_t first, next; /* number of the oldest event that is kept, and of the next one; modulo 2^32 */
  uint32_t cursors[];   /* number of the first event of each window that looks into the ring */
};

enum { STATE_ANNEXED = 1, STATE_PACKED = 2 };
enum { PACKED_VALUES = 2 /* of an event, at most */, PACKED_WORDS = 13 };
/* What is asked: 0 how many events, 1 and up the sum of that value, PACKED_DIFFERENT how many values are different. */
enum { PACKED_DIFFERENT = PACKED_VALUES + 1 };
struct packed_state {
  int64_t deadline;
  uint8_t count, variant, bits, annexed;
  uint32_t events[PACKED_WORDS]; /* the oldest first: its time in units, modulo 2^32, and its values */
};

/* ---- the layout of one population's states ---- */

struct column_plan {
  const struct expr *expr;
  int32_t slot; /* of the event, where the expression is a field; -1 */
  struct type type;
};

struct cursor_plan { /* the window looks into the ring */
  int64_t over_us;   /* events at time - over_us are out; -1 = any time */
  int64_t last;      /* so many events; 0 = any number */
  int64_t idle_us;   /* -1; else empty when the latest event is older */
  uint16_t inside;   /* in layout.insides, or COUNTER_NONE */
};

struct condition_plan {   /* `where` is true and `column` not null */
  uint16_t where, column; /* NO_COLUMN: any */
  uint16_t plain;         /* the same without the column; COUNTER_ALWAYS */
};

struct total_plan {
  uint16_t column, where;
  bool is_float;
};

struct kept_plan { /* a column whose values stay in the ring */
  uint16_t column;
  bool large;  /* COUNTER_KEPT_BYTES, may own a block; else 8 */
  uint32_t at; /* in the event */
};

struct order_plan { /* least or greatest values: struct order_queue in `pointer` */
  uint16_t column, condition, pointer;
  bool greatest;
};

struct slices_of { /* what a window is like that is sketched */
  bool quantiles;  /* DDSketch, else different values */
  bool by_number;  /* a slice is so many events, else microseconds */
  uint16_t slice_count;
  int64_t width;     /* of a slice */
  int64_t within_us; /* by number: slices leave that are older; -1 */
};

struct values_window { /* distinct over one window */
  int64_t over_us;     /* by number: - */
  uint16_t cursor;     /* by number: of this window; else COUNTER_NONE */
  uint16_t slices;     /* the pointer of its sketch, when there are too many values */
  struct slices_of of;
};
struct values_plan { /* different values of a column: struct value_few or value_log in `pointer` */
  uint16_t column, where, pointer;
  bool by_number;     /* windows of the last n events: entries have their events' numbers, else their times */
  bool seen;          /* asked for by SEEN */
  int64_t over_us;    /* of SEEN: the longest */
  int64_t horizon_us; /* of SEEN and of all windows by time */
  uint16_t window_count;
  struct values_window *windows;
};

struct slices_plan { /* approx: struct slices in `pointer` */
  uint16_t column, where, pointer;
  struct slices_of of;
};

struct inside_item { /* of one aggregate */
  enum aggregate kind;
  uint16_t column, condition;
  enum aggregate order; /* top */
  uint16_t order_column;
  int64_t half_us; /* ewma */
  uint32_t at;     /* in the block: struct spread, struct ranked, struct decay, struct counter_top */
};
struct inside {        /* and behind it what the items keep */
  uint32_t tail, head; /* it is of the events from `tail` on that are before `head` */
};
struct inside_plan { /* struct inside in `pointer` */
  uint16_t cursor, pointer, item_count;
  struct inside_item *items;
  uint32_t bytes;
};

struct endless_plan { /* TODAY, EVER: struct endless in the state */
  enum span_kind span;
  int64_t idle_us; /* EVER: begun anew when the latest event is as old; -1 */
  const struct zone *zone;
  struct window_grid *days; /* TODAY */
  struct aggregates *aggregates;
  uint16_t count;
  struct aggregate_plan *plans;
  uint32_t at, bytes;
};
struct endless { /* and behind it the block of its aggregates */
  int64_t stamp; /* EVER: time of the latest event; TODAY: when the day began. INT64_MIN = there was no event */
  int64_t other; /* EVER: time of the first event; TODAY: when the day ends */
};

struct plain_row {   /* a field of an event, and where it goes */
  uint32_t slot;     /* of the event */
  uint32_t at;       /* of the total or the kept value, in the ring's event */
  uint32_t total_at; /* of the total in the state; kept: 0 */
};
struct variant {
  uint32_t header_bytes; /* in front of the ring, or of the pointer to it */
  uint32_t event_bytes;
  uint16_t event_units;                         /* what each of many events takes, in units of what is limited */
  uint32_t small_units[COUNTER_SMALL_LOG2 + 1]; /* ring_units() of small rings */
  uint64_t window_events_max;
  uint8_t inside_log2_end;                     /* rings of less than 2^this events stand in the state */
  uint8_t limbs[2];                            /* of a total of ints, of floats: 8 bytes each */
  uint32_t *sum_at, *sum_total_at;             /* in the event, in the state */
  uint32_t *condition_at, *condition_total_at; /* 32-bit counts; condition_at 0: every event satisfies it */
  bool *condition_own;                         /* else it stands for its plain condition */
  /* All that an event without nulls leaves in a state of this variant are sums of 64 bits and kept numbers, of fields:
   */
  bool plain;
  uint16_t plain_sum_count, plain_count; /* the sums first */
  struct plain_row *plain_rows;
};

struct packed_plan {
  uint32_t room;                 /* for so many events; 0: states are never packed */
  uint32_t words, unit_us;       /* of an event; of its time */
  uint32_t horizon;              /* in units */
  uint32_t again;                /* ordinary states with no more events are packed again */
  uint32_t slots[PACKED_VALUES]; /* of the event, where its values come from: sums, then the one below */
  uint32_t different;            /* its place in a packed event, if different values are asked for; 0 */
};

/* Where the values of a column stand in the ring. */
struct source {
  struct type type;
  uint32_t at;    /* of a kept value */
  uint16_t total; /* else: differences of this total; COUNTER_NONE */
  uint16_t known; /* condition: it is not null; COUNTER_NONE: the kept value says so itself */
  bool large;
};

struct layout {
  const struct population *plan;
  bool ring;
  uint16_t column_count, null_column_count, cursor_count, condition_count, sum_count, kept_count, order_count,
      values_count, slices_count, inside_count, endless_count, pointer_count;
  bool idles;         /* some cursor has idle_us */
  uint16_t longest;   /* the cursor of the longest window of time alone; COUNTER_NONE */
  bool beside;        /* there is more than the ring: queues, values, sketches, accumulators */
  bool timed;         /* the ring is for windows of time alone, and nothing beside it follows its events */
  bool values_alone;  /* all beside the ring are different values of fields, by time */
  bool large;         /* some kept value may own a block */
  int8_t annex_log2;  /* room of the ring of a state that stands in the caller's memory; -1: none can */
  int64_t horizon_us; /* an event is seen no more so long after it; of all but TODAY */
  uint32_t pointers_at, fixed_bytes, event_fixed_bytes; /* fixed: the same in all variants */
  struct column_plan *columns;
  uint16_t *null_columns; /* those of conditions */
  struct cursor_plan *cursors;
  struct condition_plan *conditions;
  struct total_plan *sums;
  struct kept_plan *kept;
  struct order_plan *orders;
  struct values_plan *values;
  struct slices_plan *slices;
  struct inside_plan *insides;
  struct endless_plan *endless;
  struct source *sources; /* one for each column */
  struct variant variants[VARIANTS];
  struct packed_plan packed;
};

/* Whether a state is no more than events in order, with sums of their ints, and the different values of one field. */
static inline bool layout_is_plain(const struct layout *layout) {
  const struct variant *variant = &layout->variants[0];
  if (layout->horizon_us <= 0) return false;
  if (layout->ring && (!variant->plain || variant->plain_sum_count != variant->plain_count)) return false;
  return !layout->beside || (layout->values_alone && layout->values_count == 1);
}

/* ---- counters as they are asked ---- */

enum asked {
  ASK_COUNT,    /* events of a window */
  ASK_COUNT_IF, /* those that satisfy a condition */
  ASK_SUM,
  ASK_AVG,
  ASK_RATE,
  ASK_ORDER,
  ASK_FIRST,
  ASK_LAST,
  ASK_NTH,
  ASK_COLLECT,
  ASK_DISTINCT,
  ASK_SLICES,
  ASK_INSIDE,
  ASK_ENDLESS,
  ASK_SEEN
};

/* How the difference of a total is read in one variant. */
struct difference {
  uint32_t at, total_at; /* of the total: in the event, in the state */
  uint32_t bytes;        /* of the total: 8; 4; 0 = every event counts one; DIFFERENCE_LONG */
};
enum { DIFFERENCE_LONG = 0xff }; /* not as simple as that */

struct asker {
  uint8_t how; /* enum asked */
  bool simple; /* a difference over a window of time */
  uint16_t cursor;
  uint16_t index; /* of sum, order, values, slices, inside, endless */
  uint16_t item;  /* of values.windows, inside.items, endless.plans */
  int64_t over_us;
  struct value empty; /* of nothing */
  struct difference differences[VARIANTS];
  uint16_t column;
  uint16_t condition; /* COUNTER_ALWAYS */
  const struct layout *layout;
  int64_t parameter;
  struct type argument, type;
};

struct counters {
  struct mem *mem;
  struct pool *pool;
  const struct ruleset *ruleset;
  struct layout *layouts;
  struct asker *askers;
  struct value *columns; /* of the event in hand */
  void *nothing;         /* accumulators of no event */
  uint64_t values_max;
  uint64_t *entries,
      entries_max;   /* per population: room for events and values, of all keys; no window has more alone */
  uint64_t *outside; /* of these, for the bytes of texts, lists, sketches and accumulators: outside_changed() */
  struct counter_limits limits;
};

/* ---- counters that are asked together: counter_group.c ---- */

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

struct group_tell { /* a difference, and where it goes */
  uint64_t form;
  struct difference total;
  uint32_t slot;
};
struct group_window {
  int64_t over_us;
  const struct group_tell *tells, *end;
  uint16_t cursor;
};

struct group_variant {
  struct group_window *windows;
  uint32_t window_count, family_count;
  struct group_family *families;
  uint32_t walk_events; /* a key with no more of them is asked by families */
  uint32_t other_count;
  const struct counter_ask **others;
};
struct packed_row {
  uint32_t over, slot, number; /* over: in units */
  uint64_t form;
};
struct packed_asks { /* the shortest windows first */
  const struct packed_row *rows, *end;
};
struct counter_group {
  const struct layout *layout;
  struct packed_asks packed;
  uint32_t count;
  const struct counter_ask *asks;
  struct group_variant variants[VARIANTS];
};

/* ---- small helpers ---- */

static inline bool number_before(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }

static inline void *state_at(const struct counter_state *state, uint32_t offset) {
  return (char *)(uintptr_t)state + offset;
}
static inline void **state_pointer(const struct layout *layout, const struct counter_state *state, uint16_t pointer) {
  return (void **)state_at(state, layout->pointers_at + pointer * (uint32_t)sizeof(void *));
}

/* ---- the ring ---- */

struct ring {
  char *events;
  uint32_t mask, event_bytes;
  const struct variant *variant;
};

static inline struct ring ring_of(const struct layout *layout, const struct counter_state *state) {
  const struct variant *variant = &layout->variants[state->variant];
  char *events = state_at(state, variant->header_bytes);
  if (__builtin_expect(state->room_log2 >= variant->inside_log2_end, 0)) events = *(char **)(void *)events;
  return (struct ring){.events = events,
                       .mask = ((uint32_t)1 << state->room_log2) - 1,
                       .event_bytes = variant->event_bytes,
                       .variant = variant};
}
static inline char *ring_event(const struct ring *ring, uint32_t number) {
  return ring->events + (size_t)(number & ring->mask) * ring->event_bytes;
}
static inline int64_t event_time(const char *event) { return read_i64(event); }

/* Of the events from `at` on, `event` being the first of them. */
static inline uint64_t group_difference(const struct counter_state *state, const struct difference *difference,
                                        uint32_t at, const char *event) {
  const char *total = (const char *)state + difference->total_at;
  if (difference->bytes == 0) return (uint32_t)(state->next - at);
  if (difference->bytes == sizeof(uint64_t)) return read_u64(total) - read_u64(event + difference->at);
  return (uint32_t)(read_u32(total) - read_u32(event + difference->at));
}
static inline void group_tell(struct value *values, const struct group_tell *row, uint64_t number) {
  char *value = (char *)&values[row->slot];
  write_u64(value, number);
  write_u64(value + sizeof number, row->form);
}

/* What the windows that have cursors tell at `time`. */
static inline void group_windows(const struct group_window *window, const struct group_window *end,
                                 struct counter_state *state, const struct ring *ring, int64_t time,
                                 struct value *values) {
  enum { AHEAD_BYTES = 512 };
  const uint32_t next = state->next;
  for (; window != end; window++) {
    uint32_t at = state->cursors[window->cursor];
    int64_t border = time - window->over_us;
    const char *event = ring_event(ring, at);
    if (at != next && event_time(event) <= border) {
      do event = ring_event(ring, ++at);
      while (at != next && event_time(event) <= border);
      state->cursors[window->cursor] = at;
      __builtin_prefetch(event + AHEAD_BYTES);
    }
    for (const struct group_tell *row = window->tells; row != window->end; row++)
      group_tell(values, row, at == next ? 0 : group_difference(state, &row->total, at, event));
  }
}

/* Whether fields that are added to sums are not null and have no more than `bits` bits. */
static inline bool sums_fit(const struct plain_row *row, const struct plain_row *end, const struct value *values,
                            unsigned bits) {
  uint64_t odd = 0;
  for (; row != end; row++) {
    const struct value *v = &values[row->slot];
    odd |= (uint64_t)(v->i ^ (v->i >> 63)) >> bits | (v->kind == VALUE_NULL);
  }
  return odd == 0;
}
/* The totals before the event into its place in the ring, and the event's values to them. */
static inline void sums_add(const struct plain_row *row, const struct plain_row *end, struct counter_state *state,
                            char *to, const struct value *values) {
  for (; row != end; row++) {
    char *total = state_at(state, row->total_at);
    uint64_t before = read_u64(total);
    write_u64(to + row->at, before);
    write_u64(total, before + (uint64_t)values[row->slot].i);
  }
}

/* The first event of the window at `time`. */
static inline uint32_t cursor_move(const struct layout *layout, struct counter_state *state, const struct ring *ring,
                                   uint16_t number, int64_t time) {
  enum { AHEAD = 8 };
  const struct cursor_plan *plan = &layout->cursors[number];
  uint32_t at = state->cursors[number], next = state->next, from = at;
  if (plan->last > 0 && (int64_t)(next - at) > plan->last) at = next - (uint32_t)plan->last;
  if (plan->over_us >= 0) {
    int64_t border = time - plan->over_us;
    while (at != next && event_time(ring_event(ring, at)) <= border) at++;
  } else if (plan->idle_us >= 0 && at != next && time - event_time(ring_event(ring, next - 1)) > plan->idle_us) {
    at = next;
  }
  if (at != from) {
    __builtin_prefetch(ring_event(ring, at + AHEAD));
    state->cursors[number] = at;
  }
  return at;
}

static inline bool condition_always(const struct ring *ring, uint16_t condition) {
  return condition == COUNTER_ALWAYS || ring->variant->condition_at[condition] == 0;
}
/* How many events from `number` on satisfy the condition. */
static inline uint32_t condition_count(const struct counter_state *state, const struct ring *ring, uint16_t condition,
                                       uint32_t number) {
  if (condition_always(ring, condition)) return state->next - number;
  if (number == state->next) return 0;
  return read_u32(state_at(state, ring->variant->condition_total_at[condition])) -
         read_u32(ring_event(ring, number) + ring->variant->condition_at[condition]);
}
static inline bool condition_holds(const struct counter_state *state, const struct ring *ring, uint16_t condition,
                                   uint32_t number) {
  if (condition_always(ring, condition)) return true;
  return condition_count(state, ring, condition, number) != condition_count(state, ring, condition, number + 1);
}

/* Room for so many events or values is taken, or given back. */
static inline void entries_take(struct counters *counters, const struct layout *layout, uint64_t count) {
  counters->entries[layout - counters->layouts] += count;
}
static inline void entries_give(struct counters *counters, const struct layout *layout, uint64_t count) {
  counters->entries[layout - counters->layouts] -= count;
}

/* What texts, lists, sketches and accumulators have in the pool counts by its bytes: `used` is what the pool had given
 * before they changed. */
static inline void outside_changed(struct counters *counters, const struct layout *layout, size_t used) {
  uint64_t *outside = &counters->outside[layout - counters->layouts];
  uint64_t before = *outside / MEMORY_EACH_COUNTER_EVENTS;
  *outside += pool_used(counters->pool) - used;
  entries_give(counters, layout, before);
  entries_take(counters, layout, *outside / MEMORY_EACH_COUNTER_EVENTS);
}

/* counter_group.c: all differences by families, of a key with no more than walk_events events */
void group_walk(const struct group_variant *variant, const struct counter_state *state, const struct ring *ring,
                int64_t time, struct value *values);

/* counter_layout.c */
void layout_make(struct counters *counters, uint16_t population); /* and the askers of its counters */

/* counter_packed.c */
static inline bool is_packed(const struct counter_state *state) { return state->annexed == STATE_PACKED; }
static inline struct packed_state *packed_of(struct counter_state *state) {
  return (struct packed_state *)(void *)state;
}
void packed_make(const struct counters *counters, struct layout *layout); /* layout.packed */
struct packed_asks packed_asks_make(const struct counters *counters, const struct layout *layout,
                                    const struct counter_ask *asks, uint32_t count);
void packed_new(const struct layout *layout, void *annex); /* counts for one entry, which the caller takes */
/* The event is added, and what `asks` ask is told. False: it cannot be, nothing was done. */
bool packed_take(const struct layout *layout, const struct packed_asks *asks, struct counter_state *state, int64_t time,
                 struct value *values);
void packed_ask(const struct layout *layout, const struct packed_asks *asks, struct counter_state *state, int64_t time,
                struct value *values);
/* The same as an ordinary state with room for one more event, in the same memory or elsewhere. */
struct counter_state *packed_open(struct counters *counters, const struct layout *layout, struct counter_state *state);
/* An ordinary state that has few events, as windows of time left them, into the annex; the same state if one of its
 * events cannot be packed. */
static inline bool packed_again(const struct layout *layout, const struct counter_state *state) {
  return state->next - state->first - 1 < layout->packed.again;
}
struct counter_state *packed_close(struct counters *counters, const struct layout *layout, struct counter_state *state,
                                   void *annex);

/* counter_ring.c */
struct counter_state *ring_new_state(struct counters *counters, const struct layout *layout, void *annex);
/* With room for so many events, in the annex if they fit there. */
struct counter_state *ring_new_room(struct counters *counters, const struct layout *layout, void *annex,
                                    uint32_t count);
/* Room for one more event, and for what is in hand; the state may move. */
struct counter_state *ring_make_room(struct counters *counters, const struct layout *layout,
                                     struct counter_state *state, int64_t time);
struct counter_state *ring_relayout(struct counters *counters, const struct layout *layout, struct counter_state *state,
                                    uint8_t variant);
/* Events that no window sees at `time` go; a ring that is much too large becomes smaller. */
struct counter_state *ring_trim(struct counters *counters, const struct layout *layout, struct counter_state *state,
                                int64_t time);
/* The population's only key has more than the limit: of texts and accumulators what is oldest is forgotten early. */
void ring_relieve(struct counters *counters, const struct layout *layout, struct counter_state *state);
uint32_t ring_units(const struct layout *layout, unsigned variant, unsigned room_log2); /* of a state not annexed */
void ring_free_state(struct counters *counters, const struct layout *layout, struct counter_state *state);
/* The sum of the values of `number` and later events; .count is not set. */
struct sum ring_sum(const struct layout *layout, const struct counter_state *state, const struct ring *ring,
                    uint16_t sum, uint32_t number);
static inline void ring_copy_total(void *to, const void *from, unsigned limbs) {
  for (unsigned i = 0; i < limbs; i++) write_u64((char *)to + 8 * i, read_u64((const char *)from + 8 * i));
}
void ring_add_total(void *total, unsigned limbs, struct value v); /* `limbs` words; not null */
void kept_put(struct counters *counters, const struct layout *layout, char *at, struct value v);
struct value kept_get(const char *at); /* borrowed of `at` or of its block */
/* The value of the column at an event; null where it is. */
struct value source_value(const struct counter_state *state, const struct ring *ring, const struct source *source,
                          uint32_t number);
/* The last event of [number, next) with at most `before` events from `number` on that satisfy the condition before it:
 * the (before + 1)-th of them, if there are so many. */
uint32_t ring_find(const struct counter_state *state, const struct ring *ring, uint16_t condition, uint32_t number,
                   uint32_t before);

/* counter_order.c: candidates for the least or greatest value, by their events' numbers */
struct order_queue;
/* An event that satisfies the condition; NULL: a new queue. */
struct order_queue *order_queue_add(struct counters *counters, struct order_queue *queue,
                                    const struct counter_state *state, const struct ring *ring,
                                    const struct source *source, bool greatest, uint32_t number);
void order_queue_forget(struct order_queue *queue, uint32_t before); /* events before that one; NULL is fine */
bool order_queue_first(const struct order_queue *queue, uint32_t *number);
void order_queue_free(struct counters *counters, struct order_queue *queue);
size_t order_queue_bytes(unsigned room_log2); /* that it takes, with room for so many candidates */
/* All queues of a state: */
void order_push(struct counters *counters, const struct layout *layout, struct counter_state *state);
void order_build(struct counters *counters, const struct layout *layout, struct counter_state *state);
void order_forget(const struct layout *layout, struct counter_state *state); /* before state->first */
void order_free(struct counters *counters, const struct layout *layout, struct counter_state *state);
/* The number of the event with the least (greatest) value from `number` on; false: there is none. */
bool order_find(const struct layout *layout, const struct counter_state *state, const struct ring *ring, uint16_t index,
                uint32_t number, uint32_t *found);

/* counter_values.c */
void values_add(struct counters *counters, const struct layout *layout, struct counter_state *state, uint16_t index,
                struct value v, int64_t time);
/* The same of the layout's only values, by time, where they stand in a row. False: they do not, or there are too many
 * for one; nothing was added. */
bool values_take(struct counters *counters, const struct layout *layout, struct counter_state *state, struct value v,
                 int64_t time);
/* What values_distinct() says of a window of that length then. */
int64_t values_few_distinct(const struct layout *layout, const struct counter_state *state, int64_t over_us,
                            int64_t time);
/* One more event: windows by number move, whether its value takes part or not. Before values_add(). */
void values_tick(struct counters *counters, const struct layout *layout, struct counter_state *state, uint16_t index,
                 int64_t time);
int64_t values_distinct(struct counters *counters, const struct layout *layout, struct counter_state *state,
                        uint16_t index, uint16_t window, int64_t time);
bool values_seen(const struct layout *layout, const struct counter_state *state, uint16_t index, struct value v,
                 int64_t border);
void values_trim(struct counters *counters, const struct layout *layout, struct counter_state *state, uint16_t index,
                 int64_t time);
void values_free(struct counters *counters, const struct layout *layout, struct counter_state *state, uint16_t index);

/* counter_slices.c: one sketched window; NULL: it is empty */
struct slices;
/* Moves to `time`: what is out leaves. What is returned takes the place of `slices`, here and below. */
struct slices *slices_move(struct counters *counters, struct slices *slices, const struct slices_of *of, int64_t time);
/* One more event, before its value is added: where a slice is so many events. */
struct slices *slices_tick(struct counters *counters, struct slices *slices, const struct slices_of *of);
/* A value (quantiles), or the hash of one. */
struct slices *slices_add(struct counters *counters, struct slices *slices, const struct slices_of *of, struct value v,
                          uint64_t hash, int64_t time);
int64_t slices_distinct(struct counters *counters, struct slices *slices, const struct slices_of *of);
struct value slices_percentile(struct counters *counters, struct slices *slices, const struct slices_of *of,
                               unsigned percent, struct type type);
void slices_free(struct counters *counters, struct slices *slices, const struct slices_of *of);

/* counter_inside.c */
struct value inside_ask(struct counters *counters, const struct asker *asker, struct counter_state *state,
                        const struct ring *ring, int64_t time, struct arena *scratch, struct expr_counts *counts);
/* Events before `number` leave. */
void inside_forget(struct counters *counters, const struct layout *layout, struct counter_state *state,
                   const struct ring *ring, uint16_t index, uint32_t number);
void inside_free(struct counters *counters, const struct layout *layout, struct counter_state *state, uint16_t index);
size_t inside_bytes(const struct layout *layout, unsigned room_log2); /* that all take at most, beside such a ring */

/* counter_top.c */
struct counter_top {         /* all zero = empty */
  char *nodes;               /* one for each value; their size depends on the order */
  uint32_t *heap, *map;      /* the best first; 1 + node by hash, 0 = free */
  uint32_t count, room_log2; /* nodes: room for 2^room_log2 if there is a block */
};
/* An event of the window that satisfies the condition is added or leaves (the oldest of them). */
void counter_top_change(struct counters *counters, const struct layout *layout, const struct inside_item *item,
                        struct counter_top *top, const struct counter_state *state, const struct ring *ring,
                        uint32_t number, bool add);
struct value counter_top_tell(const struct layout *layout, const struct inside_item *item,
                              const struct counter_top *top, const struct counter_state *state, const struct ring *ring,
                              uint32_t most, struct arena *scratch);
void counter_top_free(struct counters *counters, const struct inside_item *item, struct counter_top *top);
size_t counter_top_bytes(const struct inside_item *item, unsigned room_log2); /* that it takes, with so many values */

/* counter_endless.c: windows without a ring */
void endless_add(const struct endless_plan *plan, struct counter_state *state, const struct value *columns,
                 int64_t time);
struct value endless_ask(const struct counters *counters, const struct asker *asker, /* `state` may be NULL */
                         const struct counter_state *state, int64_t time, struct arena *scratch,
                         struct expr_counts *counts);
/* When its events are not seen any more, if none comes after `time`; INT64_MIN: there are none that are seen then. */
int64_t endless_end(const struct endless_plan *plan, const struct counter_state *state, int64_t time);

#endif
