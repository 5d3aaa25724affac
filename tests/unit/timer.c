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
  int count = 0;
  bool good = true;
  int64_t frontier = -span / 2;
  seed = start;
  for (int round = 0; round < TIMERS && good; round++) {
    int64_t deadline = frontier + (int64_t)(draw() % (uint64_t)span);
    wheel_add(wheel, deadline, &open[count]);
    open[count++] = deadline;
    if (draw() % 4 == 0) frontier += (int64_t)(draw() % (uint64_t)(span / 8 + 1));
    int64_t told;
    void *owner;
    while (good && wheel_next(wheel, frontier, &told, &owner)) {
      int best = -1;
      for (int i = 0; i < count; i++)
        if (best < 0 || open[i] < open[best]) best = i;
      good = best >= 0 && open[best] == told && told < frontier;
      if (good) open[best] = open[--count];
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
  int64_t deadline;
  void *owner;
  wheel_add(wheel, 1000000, mem);
  EXPECT(wheel_next(wheel, 2000000, &deadline, &owner));
  wheel_add(wheel, -5, mem);
  EXPECT(wheel_next(wheel, 2000000, &deadline, &owner));
  EXPECT_INT(deadline, -5);
  EXPECT(!wheel_next(wheel, INT64_MAX, &deadline, &owner));
  mem_free_all(mem);
}

TEST(the_frontier_is_open) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct wheel *wheel = wheel_new(mem, &pool);
  int64_t deadline;
  void *owner;
  wheel_add(wheel, 77, mem);
  EXPECT(!wheel_next(wheel, 77, &deadline, &owner));
  EXPECT(wheel_next(wheel, 78, &deadline, &owner));
  mem_free_all(mem);
}

TEST_MAIN
