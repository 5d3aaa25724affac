/* counter_values.c - the different values of a column at one key: `distinct` of any window, and `seen`.
 *
 * Most keys have few: up to VALUES_FEW_MAX stand in a row, in the order of their latest occurrences, and are looked
 * through. More of them, and windows of the last n events, are a log: it has each value once, at its latest occurrence,
 * in the order of occurrences: what a window holds is what stands behind its border, so all windows and `seen` share
 * one log, whose size is that of the different values and not of the events. An occurrence of a value that is in the
 * log makes its older entry stale; stale entries are swept when they fill the log. Each window has a cursor and the
 * number of entries behind it that are not stale.
 *
 * Values are known by 64 bits of their hash. A window with more than DISTINCT_EXACT_MAX different values becomes a
 * sketch of sixteen slices (counter_slices.c), and exact again once that is empty. Owns the logs. */
#include "base/hash.h"
#include "engine/counter_places.h"

struct value_entry {
  int64_t key; /* time, or number of the event; times 2, and 1 if it is stale */
  uint64_t hash;
};
_Static_assert(sizeof(struct value_entry) == VALUES_ENTRY_BYTES, "what explain says");
struct log_window {
  uint32_t at;    /* position of its first entry, stale or not */
  uint32_t count; /* entries from there on that are not stale */
};
struct value_log { /* then log_window[], then value_entry[] */
  bool few;        /* false */
  uint8_t room_log2;
  uint16_t window_count;
  uint32_t first, next; /* positions; modulo 2^32 */
  uint32_t live;        /* entries that are not stale */
  uint32_t *map;        /* 1 + place of an entry; 0 = free. NULL while the log is small */
};
struct value_few {
  bool few; /* true: what stands in the state's pointer says which of both it is */
  uint8_t count, room;
  uint8_t unused[5];
  struct value_entry entries[]; /* none is stale */
};
_Static_assert(sizeof(struct value_few) == 8 && offsetof(struct value_log, few) == 0, "a row of three is a cache line");

enum {
  VALUES_FEW_MAX = 7,
  VALUES_FEW_AGAIN = 3, /* so many and a log becomes a row again */
  LOG_SCAN_LOG2 = 3,    /* up to so many entries a log has no map */
  LOG_FIRST_LOG2 = 4    /* of a log that was a row */
};

static struct log_window *log_windows(const struct value_log *log) { return (struct log_window *)(uintptr_t)(log + 1); }
static uint32_t log_mask(const struct value_log *log) { return ((uint32_t)1 << log->room_log2) - 1; }
static struct value_entry *log_entry(const struct value_log *log, uint32_t position) {
  struct value_entry *entries = (struct value_entry *)(void *)(log_windows(log) + log->window_count);
  return &entries[position & log_mask(log)];
}
static size_t log_bytes(unsigned room_log2, uint16_t window_count) {
  return sizeof(struct value_log) + window_count * sizeof(struct log_window) +
         (sizeof(struct value_entry) << room_log2);
}
static bool entry_stale(const struct value_entry *entry) { return entry->key & 1; }

/* ---- finding ---- */

static struct places log_places(const struct value_log *log) {
  return (struct places){.map = log->map,
                         .log2 = log->room_log2 + 1u,
                         .hashes = (const char *)&log_entry(log, 0)->hash,
                         .stride = sizeof(struct value_entry)};
}

/* The position of the value's entry; false: it is not there. */
static bool log_find(const struct value_log *log, uint64_t hash, uint32_t *position) {
  if (log->map == NULL) {
    for (uint32_t at = log->next; at != log->first;) {
      const struct value_entry *entry = log_entry(log, --at);
      if (entry->hash != hash || entry_stale(entry)) continue;
      *position = at;
      return true;
    }
    return false;
  }
  struct places places = log_places(log);
  uint32_t place = log->map[places_find(&places, hash)];
  *position = log->first + ((place - 1 - log->first) & log_mask(log));
  return place != 0;
}

/* ---- room ---- */

static size_t map_bytes(unsigned room_log2) {
  return room_log2 > LOG_SCAN_LOG2 ? sizeof(uint32_t) << (room_log2 + 1) : 0;
}

/* A value counts for one at least; a log of very many windows is larger than its values. */
static uint64_t log_entries(unsigned room_log2, uint16_t window_count) {
  uint64_t values = UINT64_C(1) << room_log2;
  uint64_t units =
      (pool_taken(log_bytes(room_log2, window_count)) + pool_taken(map_bytes(room_log2))) / MEMORY_EACH_COUNTER_EVENTS;
  return units > values ? units : values;
}

static void log_free(struct counters *counters, const struct layout *layout, struct value_log *log) {
  entries_give(counters, layout, log_entries(log->room_log2, log->window_count));
  if (log->map != NULL) pool_free(counters->pool, log->map, map_bytes(log->room_log2));
  pool_free(counters->pool, log, log_bytes(log->room_log2, log->window_count));
}

static struct value_log *log_new(struct counters *counters, const struct layout *layout, unsigned room_log2,
                                 uint16_t window_count) {
  entries_take(counters, layout, log_entries(room_log2, window_count));
  struct value_log *log = pool_alloc(counters->pool, log_bytes(room_log2, window_count));
  *log = (struct value_log){.room_log2 = (uint8_t)room_log2, .window_count = window_count};
  memset(log_windows(log), 0, window_count * sizeof(struct log_window));
  if (map_bytes(room_log2) > 0) {
    log->map = pool_alloc(counters->pool, map_bytes(room_log2));
    memset(log->map, 0, map_bytes(room_log2));
  }
  return log;
}

static void log_append(struct value_log *log, struct value_entry entry) {
  struct places places = log_places(log);
  if (log->map != NULL) log->map[places_find(&places, entry.hash)] = 1 + (log->next & log_mask(log));
  *log_entry(log, log->next++) = entry;
}

/* The entries that are not stale, in a log of another size. */
static struct value_log *log_rebuild(struct counters *counters, const struct layout *layout, struct value_log *log,
                                     unsigned room_log2) {
  struct value_log *other = log_new(counters, layout, room_log2, log->window_count);
  const struct log_window *from = log_windows(log);
  struct log_window *to = log_windows(other);
  for (uint16_t w = 0; w < log->window_count; w++) to[w] = (struct log_window){log->live, from[w].count};
  for (uint32_t at = log->first; at != log->next; at++) {
    for (uint16_t w = 0; w < log->window_count; w++)
      if (from[w].at == at) to[w].at = other->next;
    if (!entry_stale(log_entry(log, at))) log_append(other, *log_entry(log, at));
  }
  other->live = log->live;
  log_free(counters, layout, log);
  return other;
}

/* ---- borders ---- */

/* What of a log's keys is out of a window: entries with a key before it. */
static int64_t window_border(const struct layout *layout, struct counter_state *state, const struct values_plan *plan,
                             const struct values_window *window, int64_t time) {
  if (!plan->by_number) return 2 * (time - window->over_us + 1);
  struct ring ring = ring_of(layout, state);
  return cursor_move(layout, state, &ring, window->cursor, time);
}

static bool entry_out(const struct values_plan *plan, const struct value_entry *entry, int64_t border) {
  if (!plan->by_number) return entry->key < border;
  return number_before((uint32_t)(entry->key >> 1), (uint32_t)border);
}

static bool sketched(const struct layout *layout, const struct counter_state *state,
                     const struct values_window *window) {
  return *state_pointer(layout, state, window->slices) != NULL;
}

static void window_move(const struct values_plan *plan, struct value_log *log, uint16_t number, int64_t border) {
  struct log_window *window = &log_windows(log)[number];
  while (window->at != log->next) {
    const struct value_entry *entry = log_entry(log, window->at);
    if (!entry_out(plan, entry, border)) break;
    window->count -= !entry_stale(entry);
    window->at++;
  }
}

/* The oldest entry goes. */
static void drop_first(struct value_log *log) {
  const struct value_entry *entry = log_entry(log, log->first);
  for (uint16_t w = 0; w < log->window_count; w++) {
    struct log_window *window = &log_windows(log)[w];
    if (window->at != log->first) continue;
    window->count -= !entry_stale(entry);
    window->at++;
  }
  if (!entry_stale(entry)) {
    struct places places = log_places(log);
    if (log->map != NULL) places_remove(&places, entry->hash);
    log->live--;
  }
  log->first++;
}

/* Entries that nobody sees go. */
static void log_trim(const struct layout *layout, struct counter_state *state, const struct values_plan *plan,
                     struct value_log *log, int64_t time) {
  uint32_t first = log->next;
  for (uint16_t w = 0; w < plan->window_count; w++) {
    if (sketched(layout, state, &plan->windows[w])) continue;
    window_move(plan, log, w, window_border(layout, state, plan, &plan->windows[w], time));
    if (number_before(log_windows(log)[w].at, first)) first = log_windows(log)[w].at;
  }
  int64_t border = 2 * (time - plan->over_us + 1);
  for (uint32_t at = log->first; plan->seen && at != first; at++) {
    if (log_entry(log, at)->key < border) continue;
    first = at;
    break;
  }
  while (log->first != first) drop_first(log);
}

/* ---- few values ---- */

static size_t few_bytes(unsigned room) { return sizeof(struct value_few) + room * sizeof(struct value_entry); }

static void few_free(struct counters *counters, const struct layout *layout, struct value_few *few) {
  entries_give(counters, layout, few->room);
  pool_free(counters->pool, few, few_bytes(few->room));
}

static struct value_few *few_new(struct counters *counters, const struct layout *layout, unsigned room) {
  entries_take(counters, layout, room);
  struct value_few *few = pool_alloc(counters->pool, few_bytes(room));
  *few = (struct value_few){.few = true, .room = (uint8_t)room};
  return few;
}

static struct value_few *few_of_log(struct counters *counters, const struct layout *layout, struct value_log *log) {
  struct value_few *few = few_new(counters, layout, VALUES_FEW_MAX);
  for (uint32_t at = log->first; at != log->next; at++)
    if (!entry_stale(log_entry(log, at))) few->entries[few->count++] = *log_entry(log, at);
  log_free(counters, layout, log);
  return few;
}

/* Windows have all of it until they are asked. */
static struct value_log *log_of_few(struct counters *counters, const struct layout *layout,
                                    const struct counter_state *state, const struct values_plan *plan,
                                    struct value_few *few) {
  struct value_log *log = log_new(counters, layout, LOG_FIRST_LOG2, plan->window_count);
  for (unsigned i = 0; i < few->count; i++) log_append(log, few->entries[i]);
  log->live = few->count;
  for (uint16_t w = 0; w < plan->window_count; w++)
    log_windows(log)[w] = sketched(layout, state, &plan->windows[w]) ? (struct log_window){log->next, 0}
                                                                     : (struct log_window){log->first, log->live};
  few_free(counters, layout, few);
  return log;
}

static inline void few_drop_first(struct value_few *few, unsigned count) {
  few->count = (uint8_t)(few->count - count);
  memmove(few->entries, few->entries + count, few->count * sizeof few->entries[0]);
}

/* Entries that nobody sees go. */
static void few_trim(const struct values_plan *plan, struct value_few *few, int64_t time) {
  int64_t border = 2 * (time - plan->horizon_us + 1);
  unsigned out = 0;
  while (out < few->count && few->entries[out].key < border) out++;
  if (out > 0) few_drop_first(few, out);
}

/* Rooms of 1, 3, 7 fill half a cache line, one, two. */
static struct value_few *few_grown(struct counters *counters, const struct layout *layout, struct value_few *few) {
  struct value_few *other = few_new(counters, layout, few->room * 2u + 1);
  memcpy(other->entries, few->entries, few->count * sizeof few->entries[0]);
  other->count = few->count;
  few_free(counters, layout, few);
  return other;
}

/* False: there is no room for another value, in any row. */
static inline bool few_add(struct counters *counters, const struct layout *layout, const struct values_plan *plan,
                           struct value_few **of, struct value_entry entry, int64_t time) {
  struct value_few *few = *of;
  if (few == NULL) *of = few = few_new(counters, layout, 1);
  unsigned at = few->count;
  while (at > 0 && few->entries[at - 1].hash != entry.hash) at--;
  if (at > 0) { /* it is there: those behind it move up */
    for (; at < few->count; at++) few->entries[at - 1] = few->entries[at];
    few->entries[at - 1] = entry;
    return true;
  }
  if (few->count == few->room) {
    few_trim(plan, few, time);
    if (few->count == VALUES_FEW_MAX) return false;
    if (few->count == few->room) *of = few = few_grown(counters, layout, few);
  }
  few->entries[few->count++] = entry;
  if (__builtin_expect(few->count > counters->values_max, 0)) {
    few_trim(plan, few, time);
    if (few->count > counters->values_max) {
      few_drop_first(few, few->count - (unsigned)counters->values_max);
      counters->limits.values++;
    }
  }
  return true;
}

/* Values at `border` or later. */
static inline uint32_t few_count(const struct value_few *few, int64_t border) {
  unsigned at = few->count;
  while (at > 0 && few->entries[at - 1].key >= border) at--;
  return few->count - at;
}

static bool few_seen(const struct value_few *few, uint64_t hash, int64_t border) {
  for (unsigned i = few->count; i-- > 0;)
    if (few->entries[i].hash == hash) return few->entries[i].key >> 1 > border;
  return false;
}

static inline bool is_few(const void *values) { return values == NULL || ((const struct value_few *)values)->few; }

static void any_free(struct counters *counters, const struct layout *layout, void *values) {
  if (values == NULL) return;
  if (is_few(values))
    few_free(counters, layout, values);
  else
    log_free(counters, layout, values);
}

/* Room for one entry; NULL: few are left, and `few` has them. */
static struct value_log *make_room(struct counters *counters, const struct layout *layout, struct counter_state *state,
                                   const struct values_plan *plan, struct value_log *log, int64_t time,
                                   struct value_few **few) {
  uint32_t room = (uint32_t)1 << log->room_log2;
  if (log->next - log->first < room) return log;
  log_trim(layout, state, plan, log, time);
  if (!plan->by_number && log->live <= VALUES_FEW_AGAIN) {
    *few = few_of_log(counters, layout, log);
    return NULL;
  }
  unsigned room_log2 = 0; /* a quarter is spare, so that this is not done for each event */
  while (((uint32_t)1 << room_log2) - (((uint32_t)1 << room_log2) + 3) / 4 < log->live) room_log2++;
  if (room_log2 == log->room_log2 && log->next - log->first <= room - room / 4) return log;
  return log_rebuild(counters, layout, log, room_log2);
}

/* ---- too many values: a sketch ---- */

static void become_sketch(struct counters *counters, const struct layout *layout, struct counter_state *state,
                          const struct values_plan *plan, struct value_log *log, uint16_t number) {
  const struct values_window *window = &plan->windows[number];
  struct slices *slices = NULL;
  size_t used = pool_used(counters->pool);
  struct log_window *mine = &log_windows(log)[number];
  uint32_t ticked = (uint32_t)(log_entry(log, mine->at)->key >> 1); /* by number: events up to this one were counted */
  for (uint32_t at = mine->at; at != log->next; at++) {
    const struct value_entry *entry = log_entry(log, at);
    if (entry_stale(entry)) continue;
    int64_t time = entry->key >> 1;
    if (plan->by_number) {
      struct ring ring = ring_of(layout, state);
      for (; ticked != (uint32_t)(entry->key >> 1); ticked++) slices = slices_tick(counters, slices, &window->of);
      time = event_time(ring_event(&ring, ticked));
    }
    slices = slices_move(counters, slices, &window->of, time);
    slices = slices_add(counters, slices, &window->of, value_null(), entry->hash, time);
  }
  *state_pointer(layout, state, window->slices) = slices;
  outside_changed(counters, layout, used);
  *mine = (struct log_window){log->next, 0};
}

/* Adds to the windows that are sketches, those that are empty become exact; whether anybody needs the log. */
static bool feed_sketches(struct counters *counters, const struct layout *layout, struct counter_state *state,
                          const struct values_plan *plan, uint64_t hash, int64_t time) {
  bool exact = plan->seen;
  for (uint16_t w = 0; w < plan->window_count; w++) {
    const struct values_window *window = &plan->windows[w];
    void **slices = state_pointer(layout, state, window->slices);
    if (*slices != NULL) {
      size_t used = pool_used(counters->pool);
      *slices = slices_move(counters, *slices, &window->of, time);
      if (*slices != NULL) *slices = slices_add(counters, *slices, &window->of, value_null(), hash, time);
      outside_changed(counters, layout, used);
    }
    exact |= *slices == NULL;
  }
  return exact;
}

/* ---- adding and asking ---- */

static void add_entry(const struct layout *layout, struct counter_state *state, const struct values_plan *plan,
                      struct value_log *log, struct value_entry entry) {
  struct log_window *windows = log_windows(log);
  uint32_t old;
  bool known = log_find(log, entry.hash, &old);
  if (known && old == log->next - 1) { /* the latest value again: its entry moves on */
    log_entry(log, old)->key = entry.key;
    for (uint16_t w = 0; w < plan->window_count; w++)
      if (windows[w].at == log->next && !sketched(layout, state, &plan->windows[w]))
        windows[w] = (struct log_window){old, 1};
    return;
  }
  if (known) log_entry(log, old)->key |= 1;
  for (uint16_t w = 0; w < plan->window_count; w++) {
    if (sketched(layout, state, &plan->windows[w]))
      windows[w] = (struct log_window){log->next + 1, 0};
    else if (!known || number_before(old, windows[w].at))
      windows[w].count++;
  }
  log->live += !known;
  log_append(log, entry);
}

/* What the value is known by. Plain numbers are mixed: different ones never are one. */
static inline uint64_t mark_of(struct value v) { return value_is_plain(v) ? hash_mixed((uint64_t)v.i) : value_hash(v); }

static void log_add(struct counters *counters, const struct layout *layout, struct counter_state *state,
                    const struct values_plan *plan, struct value_log *log, struct value_entry entry, int64_t time) {
  add_entry(layout, state, plan, log, entry);
  if (log->live > counters->values_max) log_trim(layout, state, plan, log, time);
  if (log->live > counters->values_max) {
    while (log->live > counters->values_max) drop_first(log);
    counters->limits.values++;
  }
  for (uint16_t w = 0; w < plan->window_count; w++) {
    struct log_window *window = &log_windows(log)[w];
    if (window->count <= DISTINCT_EXACT_MAX) continue;
    window_move(plan, log, w, window_border(layout, state, plan, &plan->windows[w], time));
    if (window->count > DISTINCT_EXACT_MAX) become_sketch(counters, layout, state, plan, log, w);
  }
}

void values_add(struct counters *counters, const struct layout *layout, struct counter_state *state, uint16_t index,
                struct value v, int64_t time) {
  const struct values_plan *plan = &layout->values[index];
  void **values = state_pointer(layout, state, plan->pointer);
  struct value_entry entry = {.key = 2 * time, .hash = mark_of(v)};
  uint32_t number = state->next - 1; /* of the event: it is in the ring already */
  if (plan->by_number) entry.key = 2 * (int64_t)number;
  if (!feed_sketches(counters, layout, state, plan, entry.hash, time)) {
    any_free(counters, layout, *values);
    *values = NULL;
    return;
  }
  struct value_few *few = *values;
  struct value_log *log = *values;
  if (plan->by_number && log == NULL) log = log_new(counters, layout, 0, plan->window_count);
  if (!plan->by_number && is_few(few)) {
    bool added = few_add(counters, layout, plan, &few, entry, time);
    *values = few;
    if (added) return;
    log = log_of_few(counters, layout, state, plan, few);
  }
  log = make_room(counters, layout, state, plan, log, time, &few);
  *values = log;
  if (log != NULL) {
    log_add(counters, layout, state, plan, log, entry, time);
  } else {
    check(few_add(counters, layout, plan, &few, entry, time));
    *values = few;
  }
}

bool values_take(struct counters *counters, const struct layout *layout, struct counter_state *state, struct value v,
                 int64_t time) {
  const struct values_plan *plan = &layout->values[0];
  void **values = state_pointer(layout, state, plan->pointer);
  struct value_few *few = *values;
  if (v.kind == VALUE_NULL || !is_few(few)) return false;
  for (uint16_t w = 0; w < plan->window_count; w++)
    if (sketched(layout, state, &plan->windows[w])) return false;
  bool added = few_add(counters, layout, plan, &few, (struct value_entry){2 * time, mark_of(v)}, time);
  *values = few;
  return added;
}

int64_t values_few_distinct(const struct layout *layout, const struct counter_state *state, int64_t over_us,
                            int64_t time) {
  return few_count(*state_pointer(layout, state, layout->values[0].pointer), 2 * (time - over_us + 1));
}

void values_tick(struct counters *counters, const struct layout *layout, struct counter_state *state, uint16_t index,
                 int64_t time) {
  const struct values_plan *plan = &layout->values[index];
  for (uint16_t w = 0; w < plan->window_count && plan->by_number; w++) {
    const struct slices_of *of = &plan->windows[w].of;
    void **slices = state_pointer(layout, state, plan->windows[w].slices);
    if (*slices == NULL) continue;
    size_t used = pool_used(counters->pool);
    *slices = slices_move(counters, *slices, of, time);
    if (*slices != NULL) *slices = slices_tick(counters, *slices, of);
    outside_changed(counters, layout, used);
  }
}

int64_t values_distinct(struct counters *counters, const struct layout *layout, struct counter_state *state,
                        uint16_t index, uint16_t window, int64_t time) {
  const struct values_plan *plan = &layout->values[index];
  void **slices = state_pointer(layout, state, plan->windows[window].slices);
  if (*slices != NULL) {
    size_t used = pool_used(counters->pool);
    *slices = slices_move(counters, *slices, &plan->windows[window].of, time);
    int64_t count = *slices == NULL ? 0 : slices_distinct(counters, *slices, &plan->windows[window].of);
    outside_changed(counters, layout, used);
    return count;
  }
  struct value_log *log = *state_pointer(layout, state, plan->pointer);
  if (log == NULL) return 0;
  if (log->few)
    return few_count((const struct value_few *)(const void *)log, 2 * (time - plan->windows[window].over_us + 1));
  window_move(plan, log, window, window_border(layout, state, plan, &plan->windows[window], time));
  return log_windows(log)[window].count;
}

bool values_seen(const struct layout *layout, const struct counter_state *state, uint16_t index, struct value v,
                 int64_t border) {
  const struct value_log *log = *state_pointer(layout, state, layout->values[index].pointer);
  uint32_t position;
  if (log == NULL) return false;
  if (log->few) return few_seen((const struct value_few *)(const void *)log, mark_of(v), border);
  return log_find(log, mark_of(v), &position) && log_entry(log, position)->key >> 1 > border;
}

void values_trim(struct counters *counters, const struct layout *layout, struct counter_state *state, uint16_t index,
                 int64_t time) {
  const struct values_plan *plan = &layout->values[index];
  void **values = state_pointer(layout, state, plan->pointer);
  for (uint16_t w = 0; w < plan->window_count; w++) {
    void **slices = state_pointer(layout, state, plan->windows[w].slices);
    if (*slices == NULL) continue;
    size_t used = pool_used(counters->pool);
    *slices = slices_move(counters, *slices, &plan->windows[w].of, time);
    outside_changed(counters, layout, used);
  }
  if (*values == NULL) return;
  if (is_few(*values)) {
    struct value_few *few = *values;
    few_trim(plan, few, time);
    if (few->count > 0) return;
  } else {
    struct value_log *log = *values;
    log_trim(layout, state, plan, log, time);
    if (log->first != log->next) return;
  }
  any_free(counters, layout, *values);
  *values = NULL;
}

void values_free(struct counters *counters, const struct layout *layout, struct counter_state *state, uint16_t index) {
  const struct values_plan *plan = &layout->values[index];
  void **values = state_pointer(layout, state, plan->pointer);
  any_free(counters, layout, *values);
  *values = NULL;
  for (uint16_t w = 0; w < plan->window_count; w++) {
    void **slices = state_pointer(layout, state, plan->windows[w].slices);
    size_t used = pool_used(counters->pool);
    slices_free(counters, *slices, &plan->windows[w].of);
    outside_changed(counters, layout, used);
    *slices = NULL;
  }
}
