/* timer.c - the timer wheel. Called by step.c. */
#include "engine/timer.h"

#include <string.h>

#include "base/check.h"

enum {
  CHUNK_FIRST = 15, /* entries: 256 bytes */
  CHUNK_MORE = 63,  /* 1 KiB */
  STALE_MIN = 1024,
  NEAR_FIRST = 64,
  SORT_BY_INSERTION_MAX = 24,
  COUNT_TICKS_MIN = 96
};

struct wheel_chunk {
  struct wheel_chunk *next; /* only the first of a slot has room */
  uint32_t count, room;
  struct wheel_entry entries[];
};

/* Times before 1970 are negative: the order of these numbers is the order of times. */
static uint64_t tick_of(int64_t time) { return ((uint64_t)time ^ (uint64_t)1 << 63) >> WHEEL_TICK_BITS; }
static int64_t tick_time(uint64_t tick) { return (int64_t)(tick << WHEEL_TICK_BITS ^ (uint64_t)1 << 63); }

struct wheel *wheel_new(struct mem *mem, struct pool *pool) {
  struct wheel *wheel = mem_alloc(mem, sizeof *wheel);
  wheel->pool = pool;
  wheel->quiet_until = INT64_MAX;
  wheel->slot_tick = UINT64_MAX;
  return wheel;
}

/* ---- the heap ---- */

static void due_up(struct wheel *wheel, uint32_t at, struct wheel_entry entry) {
  while (at > 0 && wheel->due[(at - 1) / 2].deadline > entry.deadline) {
    wheel->due[at] = wheel->due[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  wheel->due[at] = entry;
}

static void due_down(struct wheel *wheel, uint32_t at, struct wheel_entry entry) {
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= wheel->due_count) break;
    if (child + 1 < wheel->due_count && wheel->due[child + 1].deadline < wheel->due[child].deadline) child++;
    if (wheel->due[child].deadline >= entry.deadline) break;
    wheel->due[at] = wheel->due[child];
    at = child;
  }
  wheel->due[at] = entry;
}

static struct wheel_entry *bigger(struct wheel *wheel, struct wheel_entry *old, uint32_t count, uint32_t *capacity,
                                  uint32_t wanted) {
  struct wheel_entry *entries = pool_alloc(wheel->pool, wanted * sizeof *entries);
  if (count > 0) memcpy(entries, old, count * sizeof *entries);
  if (*capacity > 0) pool_free(wheel->pool, old, *capacity * sizeof *entries);
  *capacity = wanted;
  return entries;
}

static void due_push(struct wheel *wheel, struct wheel_entry entry) {
  if (wheel->due_count == wheel->due_capacity)
    wheel->due = bigger(wheel, wheel->due, wheel->due_count, &wheel->due_capacity,
                        wheel->due_capacity == 0 ? NEAR_FIRST : wheel->due_capacity * 2);
  __builtin_prefetch(entry.timer);
  due_up(wheel, wheel->due_count++, entry);
}

static struct wheel_entry due_pop(struct wheel *wheel) {
  struct wheel_entry first = wheel->due[0];
  wheel->due_count--;
  if (wheel->due_count > 0) due_down(wheel, 0, wheel->due[wheel->due_count]);
  return first;
}

/* ---- the slots ---- */

static size_t chunk_bytes(uint32_t room) { return sizeof(struct wheel_chunk) + room * sizeof(struct wheel_entry); }

static void slot_push(struct wheel *wheel, unsigned level, unsigned slot, struct wheel_entry entry) {
  struct wheel_chunk *chunk = wheel->slots[level][slot];
  if (chunk == NULL || chunk->count == chunk->room) {
    uint32_t room = chunk == NULL ? CHUNK_FIRST : CHUNK_MORE;
    struct wheel_chunk *first = pool_alloc(wheel->pool, chunk_bytes(room));
    first->next = chunk;
    first->count = 0;
    first->room = room;
    chunk = wheel->slots[level][slot] = first;
    wheel->filled[level][slot / 64] |= (uint64_t)1 << (slot % 64);
  }
  chunk->entries[chunk->count++] = entry;
}

static void place(struct wheel *wheel, struct wheel_entry entry) {
  uint64_t tick = tick_of(entry.deadline);
  if (tick < wheel->tick) {
    due_push(wheel, entry);
    return;
  }
  uint64_t differ = tick ^ wheel->tick;
  unsigned level = differ == 0 ? 0 : (63u - (unsigned)__builtin_clzll(differ)) / 8u;
  check(level < WHEEL_LEVELS);
  if (level == 0 && tick < wheel->slot_tick) wheel->slot_tick = tick;
  slot_push(wheel, level, (unsigned)(tick >> (8u * level)) & 255u, entry);
}

static int next_filled(const uint64_t *filled, unsigned from) {
  for (unsigned word = from / 64; word < WHEEL_SLOTS / 64; word++) {
    uint64_t bits = filled[word];
    if (word == from / 64) bits &= UINT64_MAX << (from % 64);
    if (bits != 0) return (int)(word * 64 + (unsigned)__builtin_ctzll(bits));
  }
  return -1;
}

/* Where the level's earliest filled slot begins, not before the wheel's tick. UINT64_MAX: none. */
static uint64_t earliest_tick(const struct wheel *wheel, unsigned level, int *slot) {
  unsigned shift = 8u * level;
  *slot = next_filled(wheel->filled[level], (unsigned)(wheel->tick >> shift) & 255u);
  if (*slot < 0) return UINT64_MAX;
  uint64_t tick = (wheel->tick >> (shift + 8) << (shift + 8)) | (uint64_t)*slot << shift;
  return tick < wheel->tick ? wheel->tick : tick;
}

static void chunk_free(struct wheel *wheel, struct wheel_chunk *chunk) {
  pool_free(wheel->pool, chunk, chunk_bytes(chunk->room));
}

static bool is_stale(struct wheel_entry entry) { return entry.timer->deadline != entry.deadline; }

/* Entries that are not stale stay in the slot; their timers are unset, so that a second entry with the same deadline is
 * found to be stale. */
static void slot_sweep(struct wheel *wheel, unsigned level, unsigned slot) {
  struct wheel_chunk *list = wheel->slots[level][slot];
  wheel->slots[level][slot] = NULL;
  wheel->filled[level][slot / 64] &= ~((uint64_t)1 << (slot % 64));
  while (list != NULL) {
    struct wheel_chunk *next = list->next;
    for (uint32_t i = 0; i < list->count; i++) {
      if (is_stale(list->entries[i])) continue;
      slot_push(wheel, level, slot, list->entries[i]);
      list->entries[i].timer->deadline = WHEEL_UNSET;
    }
    chunk_free(wheel, list);
    list = next;
  }
}

static void slot_set(struct wheel_chunk *list) {
  for (struct wheel_chunk *chunk = list; chunk != NULL; chunk = chunk->next)
    for (uint32_t i = 0; i < chunk->count; i++) chunk->entries[i].timer->deadline = chunk->entries[i].deadline;
}

static void sweep(struct wheel *wheel) {
  for (unsigned level = 0; level < WHEEL_LEVELS; level++)
    for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) slot_sweep(wheel, level, slot);
  uint32_t due = wheel->due_count;
  wheel->due_count = 0;
  for (uint32_t i = 0; i < due; i++) { /* what is kept moves forward only */
    struct wheel_entry entry = wheel->due[i];
    if (is_stale(entry)) continue;
    due_up(wheel, wheel->due_count++, entry);
    entry.timer->deadline = WHEEL_UNSET;
  }
  uint32_t near = wheel->near_first;
  for (uint32_t i = wheel->near_first; i < wheel->near_end; i++) {
    struct wheel_entry entry = wheel->near[i];
    if (is_stale(entry)) continue;
    wheel->near[near++] = entry;
    entry.timer->deadline = WHEEL_UNSET;
  }
  wheel->near_end = near;
  for (unsigned level = 0; level < WHEEL_LEVELS; level++)
    for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) slot_set(wheel->slots[level][slot]);
  for (uint32_t i = 0; i < wheel->due_count; i++) wheel->due[i].timer->deadline = wheel->due[i].deadline;
  for (uint32_t i = wheel->near_first; i < wheel->near_end; i++)
    wheel->near[i].timer->deadline = wheel->near[i].deadline;
  wheel->count -= wheel->stale;
  wheel->stale = 0;
  int slot;
  wheel->slot_tick = earliest_tick(wheel, 0, &slot);
}

void wheel_arm_earlier(struct wheel *wheel, struct wheel_timer *timer, int64_t deadline) {
  if (wheel->stale > STALE_MIN && wheel->stale > wheel->count / 2) sweep(wheel);
  wheel->stale += timer->deadline != WHEEL_UNSET; /* the entry that it had is stale now */
  timer->deadline = deadline;
  wheel->count++;
  if (deadline < wheel->quiet_until) wheel->quiet_until = deadline;
  place(wheel, (struct wheel_entry){deadline, timer});
}

/* It was written long ago; NULL is fine. */
static void ask_for_chunk(const struct wheel_chunk *chunk) {
  enum { LINES = 4, LINE_BYTES = 64 }; /* what comes behind them the processor sees coming */
  const char *bytes = (const char *)chunk;
  if (chunk == NULL) return;
  for (size_t line = 0; line < LINES; line++) __builtin_prefetch(bytes + line * LINE_BYTES);
}

static struct wheel_chunk *slot_take(struct wheel *wheel, unsigned level, unsigned slot) {
  struct wheel_chunk *list = wheel->slots[level][slot];
  wheel->slots[level][slot] = NULL;
  wheel->filled[level][slot / 64] &= ~((uint64_t)1 << (slot % 64));
  return list;
}

static void spread(struct wheel *wheel, struct wheel_chunk *list) {
  while (list != NULL) {
    struct wheel_chunk *next = list->next;
    ask_for_chunk(next);
    for (uint32_t i = 0; i < list->count; i++) place(wheel, list->entries[i]);
    chunk_free(wheel, list);
    list = next;
  }
}

/* ---- a round in order ---- */

static void sift(struct wheel_entry *entries, uint32_t at, uint32_t count) {
  struct wheel_entry entry = entries[at];
  for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && entries[child + 1].deadline > entries[child].deadline) child++;
    if (entries[child].deadline <= entry.deadline) break;
    entries[at] = entries[child];
  }
  entries[at] = entry;
}

static void sort_few(struct wheel_entry *entries, uint32_t count) {
  if (count > SORT_BY_INSERTION_MAX) {
    for (uint32_t at = count / 2; at-- > 0;) sift(entries, at, count);
    for (uint32_t last = count; last-- > 1;) {
      struct wheel_entry greatest = entries[0];
      entries[0] = entries[last];
      entries[last] = greatest;
      sift(entries, 0, last);
    }
    return;
  }
  for (uint32_t i = 1; i < count; i++) {
    struct wheel_entry entry = entries[i];
    uint32_t at = i;
    for (; at > 0 && entries[at - 1].deadline > entry.deadline; at--) entries[at] = entries[at - 1];
    entries[at] = entry;
  }
}

/* By counting those of each tick. */
static void sort_round(struct wheel_entry *to, const struct wheel_chunk *list) {
  uint32_t ends[WHEEL_SLOTS] = {0};
  for (const struct wheel_chunk *chunk = list; chunk != NULL; chunk = chunk->next)
    for (uint32_t i = 0; i < chunk->count; i++) ends[tick_of(chunk->entries[i].deadline) & (WHEEL_SLOTS - 1)]++;
  for (unsigned tick = 0, before = 0; tick < WHEEL_SLOTS; tick++) { /* where each tick's begin, then where they end */
    unsigned own = ends[tick];
    ends[tick] = before;
    before += own;
  }
  for (const struct wheel_chunk *chunk = list; chunk != NULL; chunk = chunk->next)
    for (uint32_t i = 0; i < chunk->count; i++)
      to[ends[tick_of(chunk->entries[i].deadline) & (WHEEL_SLOTS - 1)]++] = chunk->entries[i];
  for (unsigned tick = 0, begin = 0; tick < WHEEL_SLOTS; begin = ends[tick++])
    if (ends[tick] - begin > 1) sort_few(&to[begin], ends[tick] - begin);
}

/* A slot of the second level: its entries are all of one round of the lowest, and come into order at once. */
static void open_round(struct wheel *wheel, struct wheel_chunk *list) {
  uint32_t count = 0;
  check(wheel->near_first == wheel->near_end);
  for (const struct wheel_chunk *chunk = list; chunk != NULL; chunk = chunk->next) {
    ask_for_chunk(chunk->next);
    count += chunk->count;
  }
  if (count > wheel->near_capacity) {
    uint32_t wanted = wheel->near_capacity == 0 ? NEAR_FIRST : wheel->near_capacity;
    while (wanted < count) wanted *= 2;
    wheel->near = bigger(wheel, wheel->near, 0, &wheel->near_capacity, wanted);
  }
  if (count > COUNT_TICKS_MIN) {
    sort_round(wheel->near, list);
  } else {
    uint32_t at = 0;
    for (const struct wheel_chunk *chunk = list; chunk != NULL; chunk = chunk->next) {
      memcpy(&wheel->near[at], chunk->entries, chunk->count * sizeof chunk->entries[0]);
      at += chunk->count;
    }
    sort_few(wheel->near, count);
  }
  for (struct wheel_chunk *next; list != NULL; list = next) {
    next = list->next;
    chunk_free(wheel, list);
  }
  wheel->near_first = 0;
  wheel->near_end = count;
  wheel->rounds++;
}

/* Move the wheel to its earliest filled slot, if that begins before the frontier: the slot's entries go to the heap
 * (lowest level), in order to the round (the second), or to finer slots. Of slots that begin together the coarsest
 * comes first: it holds entries for the others. False: nothing before the frontier is left in the slots. */
static bool turn(struct wheel *wheel, int64_t frontier) {
  int slot;
  unsigned level = 0;
  uint64_t tick = earliest_tick(wheel, 0, &slot);
  /* Within the lowest level's round all coarser slots begin later: they were emptied when the round began. */
  for (unsigned l = 1; l < WHEEL_LEVELS && (slot < 0 || (wheel->tick & (WHEEL_SLOTS - 1)) == 0); l++) {
    int at;
    uint64_t begins = earliest_tick(wheel, l, &at);
    if (at < 0 || begins > tick) continue;
    tick = begins;
    level = l;
    slot = at;
  }
  if (slot < 0 || tick_time(tick) >= frontier) {
    wheel->quiet_until = slot < 0 ? INT64_MAX : tick_time(tick);
    return false;
  }
  struct wheel_chunk *list = slot_take(wheel, level, (unsigned)slot);
  wheel->tick = level == 0 ? tick + 1 : tick;
  if (level == 1)
    open_round(wheel, list);
  else
    spread(wheel, list);
  wheel->slot_tick = earliest_tick(wheel, 0, &slot);
  return true;
}

void wheel_near(struct wheel *wheel, int64_t until) {
  while (until > wheel->quiet_until && wheel->due_count == 0 && wheel->near_first == wheel->near_end)
    if (!turn(wheel, until)) return;
}

struct wheel_timer *wheel_next(struct wheel *wheel, int64_t frontier, int64_t *deadline) {
  while (frontier >
         wheel->quiet_until) { /* ends: each turn takes an entry out, empties a slot, or finds that none is due */
    bool any = wheel->near_first < wheel->near_end;
    bool heap = wheel->due_count > 0;
    struct wheel_entry entry = {.deadline = INT64_MAX};
    if (any) entry = wheel->near[wheel->near_first];
    heap = heap && (!any || wheel->due[0].deadline < entry.deadline);
    if (heap) entry = wheel->due[0];
    if ((!any && !heap) || wheel->slot_tick <= tick_of(entry.deadline)) { /* the slots may have an earlier one */
      if (turn(wheel, frontier)) continue;
      return NULL;
    }
    if (entry.deadline >= frontier) {
      wheel->quiet_until = entry.deadline;
      return NULL;
    }
    if (heap)
      due_pop(wheel);
    else
      wheel->near_first++;
    wheel->count--;
    if (is_stale(entry)) {
      wheel->stale--;
      continue;
    }
    entry.timer->deadline = WHEEL_UNSET;
    *deadline = entry.deadline;
    return entry.timer;
  }
  return NULL;
}
