/* floors: engine rules nfa base */
/* The wheel of deadlines: what is due comes in order, what is re-armed comes once. */
#include "engine/timer.h"

#include "test.h"

static uint64_t seed;
static uint64_t draw(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

enum { TIMERS = 3000 };

/* Against a plain list: the earliest below the frontier, always. */
static bool agrees(uint64_t start, int64_t span) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct wheel *wheel = wheel_new(mem, &pool);
  static int64_t open[TIMERS];
  static int which[TIMERS];
  static struct wheel_timer timers[TIMERS];
  memset(timers, 0, sizeof timers);
  int count = 0;
  bool good = true;
  int64_t frontier = -span / 2;
  seed = start;
  for (int round = 0; round < TIMERS && good; round++) {
    int64_t deadline = frontier + (int64_t)(draw() % (uint64_t)span);
    wheel_add(wheel, &timers[round], deadline);
    open[count] = deadline;
    which[count++] = round;
    if (draw() % 8 == 0) { /* one is taken out */
      int out = (int)(draw() % (uint64_t)count);
      wheel_remove(wheel, &timers[which[out]]);
      open[out] = open[--count];
      which[out] = which[count];
    }
    if (draw() % 4 == 0) frontier += (int64_t)(draw() % (uint64_t)(span / 8 + 1));
    struct wheel_timer *timer;
    while (good && (timer = wheel_next(wheel, frontier)) != NULL) {
      int64_t told = timer->deadline;
      int best = -1;
      for (int i = 0; i < count; i++)
        if (best < 0 || open[i] < open[best]) best = i;
      good = best >= 0 && open[best] == told && told < frontier && !wheel_is_set(timer);
      for (int i = 0; i < count && good; i++)
        if (&timers[which[i]] == timer) best = i;
      if (good) {
        open[best] = open[--count];
        which[best] = which[count];
      }
    }
    for (int i = 0; i < count && good; i++) good = open[i] >= frontier;
  }
  mem_free_all(mem);
  return good;
}

TEST(fires_in_order_over_short_spans) {
  for (uint64_t s = 1; s <= 10; s++) EXPECT(agrees(s * 7919, 5000));
}
TEST(fires_in_order_over_hours) {
  for (uint64_t s = 1; s <= 10; s++) EXPECT(agrees(s * 104729, INT64_C(7200000000)));
}
TEST(fires_in_order_over_years) {
  for (uint64_t s = 1; s <= 10; s++) EXPECT(agrees(s * 1299709, INT64_C(300000000000000)));
}

TEST(a_timer_of_the_past_fires_at_once) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct wheel *wheel = wheel_new(mem, &pool);
  struct wheel_timer one = {0}, two = {0};
  wheel_add(wheel, &one, 1000000);
  EXPECT(wheel_next(wheel, 2000000) == &one);
  wheel_add(wheel, &two, -5);
  EXPECT(wheel_next(wheel, 2000000) == &two);
  EXPECT(wheel_next(wheel, INT64_MAX) == NULL);
  mem_free_all(mem);
}

TEST(the_frontier_is_open) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct wheel *wheel = wheel_new(mem, &pool);
  struct wheel_timer timer = {0};
  wheel_add(wheel, &timer, 77);
  EXPECT(wheel_next(wheel, 77) == NULL);
  EXPECT(wheel_next(wheel, 78) == &timer);
  mem_free_all(mem);
}

TEST(what_was_taken_out_does_not_fire) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct wheel *wheel = wheel_new(mem, &pool);
  struct wheel_timer far = {0}, near = {0};
  wheel_add(wheel, &far, INT64_C(86400000000));
  wheel_add(wheel, &near, 10);
  wheel_remove(wheel, &far);
  wheel_remove(wheel, &far);
  EXPECT(wheel_next(wheel, INT64_MAX) == &near);
  EXPECT(wheel_next(wheel, INT64_MAX) == NULL);
  EXPECT_INT(wheel->count, 0);
  mem_free_all(mem);
}

TEST_MAIN
