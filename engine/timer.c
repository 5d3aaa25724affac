/* timer.c - the timer wheel. Called by step.c. */
#include "engine/timer.h"

#include <string.h>

#include "base/check.h"

/* Times before 1970 are negative: the order of these numbers is the order of times. */
static uint64_t tick_of(int64_t time) { return ((uint64_t)time ^ (uint64_t)1 << 63) >> WHEEL_TICK_BITS; }
static int64_t tick_time(uint64_t tick) { return (int64_t)(tick << WHEEL_TICK_BITS ^ (uint64_t)1 << 63); }

struct wheel *wheel_new(struct mem *mem, struct pool *pool) {
  struct wheel *wheel = mem_alloc(mem, sizeof *wheel);
  wheel->pool = pool;
  wheel->quiet_until = INT64_MAX;
  return wheel;
}

static void due_set(struct wheel *wheel, uint32_t at, struct wheel_timer *timer) {
  wheel->due[at] = timer;
  timer->heap = at + 1;
}

static void due_up(struct wheel *wheel, uint32_t at, struct wheel_timer *timer) {
  while (at > 0 && wheel->due[(at - 1) / 2]->deadline > timer->deadline) {
    due_set(wheel, at, wheel->due[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  due_set(wheel, at, timer);
}

static void due_down(struct wheel *wheel, uint32_t at, struct wheel_timer *timer) {
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= wheel->due_count) break;
    if (child + 1 < wheel->due_count && wheel->due[child + 1]->deadline < wheel->due[child]->deadline) child++;
    if (wheel->due[child]->deadline >= timer->deadline) break;
    due_set(wheel, at, wheel->due[child]);
    at = child;
  }
  due_set(wheel, at, timer);
}

static void due_push(struct wheel *wheel, struct wheel_timer *timer) {
  if (wheel->due_count == wheel->due_capacity) {
    uint32_t capacity = wheel->due_capacity == 0 ? 64 : wheel->due_capacity * 2;
    struct wheel_timer **bigger = pool_alloc(wheel->pool, capacity * sizeof(struct wheel_timer *));
    if (wheel->due_count > 0) memcpy(bigger, wheel->due, wheel->due_count * sizeof(struct wheel_timer *));
    if (wheel->due_capacity > 0) pool_free(wheel->pool, wheel->due, wheel->due_capacity * sizeof(struct wheel_timer *));
    wheel->due = bigger;
    wheel->due_capacity = capacity;
  }
  due_up(wheel, wheel->due_count++, timer);
}

static void due_remove(struct wheel *wheel, struct wheel_timer *timer) {
  uint32_t at = timer->heap - 1;
  struct wheel_timer *last = wheel->due[--wheel->due_count];
  timer->heap = 0;
  if (last == timer) return;
  if (at > 0 && wheel->due[(at - 1) / 2]->deadline > last->deadline)
    due_up(wheel, at, last);
  else
    due_down(wheel, at, last);
}

static void slot_remove(struct wheel_timer *timer) {
  *timer->place = timer->next;
  if (timer->next != NULL) timer->next->place = timer->place;
  timer->next = NULL;
  timer->place = NULL;
}

static void place(struct wheel *wheel, struct wheel_timer *timer) {
  uint64_t tick = tick_of(timer->deadline);
  if (tick < wheel->tick) {
    due_push(wheel, timer);
    return;
  }
  uint64_t differ = tick ^ wheel->tick;
  unsigned level = differ == 0 ? 0 : (63u - (unsigned)__builtin_clzll(differ)) / 8u;
  unsigned slot = (unsigned)(tick >> (8u * level)) & 255u;
  check(level < WHEEL_LEVELS);
  timer->place = &wheel->slots[level][slot];
  timer->next = *timer->place;
  if (timer->next != NULL) timer->next->place = &timer->next;
  *timer->place = timer;
  wheel->filled[level][slot / 64] |= (uint64_t)1 << (slot % 64);
}

void wheel_add(struct wheel *wheel, struct wheel_timer *timer, int64_t deadline) {
  check(!wheel_is_set(timer));
  timer->deadline = deadline;
  wheel->count++;
  if (deadline < wheel->quiet_until) wheel->quiet_until = deadline;
  place(wheel, timer);
}

void wheel_remove(struct wheel *wheel, struct wheel_timer *timer) {
  if (!wheel_is_set(timer)) return;
  wheel->count--;
  if (timer->heap > 0)
    due_remove(wheel, timer);
  else
    slot_remove(timer);
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

/* Move the wheel to its earliest filled slot, if that begins before the frontier: the slot's timers go to the heap
 * (lowest level) or to finer slots. Of slots that begin together the coarsest comes first: it holds timers for the
 * others. False: nothing before the frontier is left in the slots. */
static bool turn(struct wheel *wheel, int64_t frontier) {
  uint64_t tick = UINT64_MAX;
  unsigned level = 0;
  int slot = -1;
  for (unsigned l = 0; l < WHEEL_LEVELS; l++) {
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
  struct wheel_timer *list = wheel->slots[level][slot];
  wheel->filled[level][slot / 64] &= ~((uint64_t)1 << (slot % 64));
  wheel->tick = level == 0 ? tick + 1 : tick;
  while (list != NULL) {
    struct wheel_timer *next = list->next;
    slot_remove(list);
    place(wheel, list);
    __builtin_prefetch(next);
    list = next;
  }
  return true;
}

struct wheel_timer *wheel_ahead(const struct wheel *wheel, uint32_t number) {
  return number < wheel->due_count ? wheel->due[number] : NULL;
}

struct wheel_timer *wheel_next(struct wheel *wheel, int64_t frontier) {
  if (frontier <= wheel->quiet_until) return NULL;
  while (wheel->due_count == 0)
    if (!turn(wheel, frontier)) return NULL;
  struct wheel_timer *timer = wheel->due[0];
  if (timer->deadline >= frontier) { /* the heap's are earlier than all in the slots */
    wheel->quiet_until = timer->deadline;
    return NULL;
  }
  due_remove(wheel, timer);
  wheel->count--;
  return timer;
}
