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

enum { TIMERS = 1500 };

/* Against a plain list: the earliest below the frontier, always. */
static bool agrees(uint64_t start, int64_t span) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct wheel *wheel = wheel_new(mem, &pool);
  static struct wheel_timer timers[TIMERS];
  static int64_t open[TIMERS];
  bool good = true;
  int64_t frontier = -span / 2, told;
  seed = start;
  for (int i = 0; i < TIMERS; i++) open[i] = timers[i].deadline = WHEEL_UNSET;
  for (int round = 0; round < 2 * TIMERS && good; round++) {
    int which = (int)(draw() % TIMERS); /* set anew, or moved where that is earlier */
    int64_t deadline = frontier + (int64_t)(draw() % (uint64_t)span);
    wheel_arm(wheel, &timers[which], deadline);
    if (deadline < open[which]) open[which] = deadline;
    if (draw() % 4 == 0) frontier += (int64_t)(draw() % (uint64_t)(span / 8 + 1));
    struct wheel_timer *timer;
    while (good && (timer = wheel_next(wheel, frontier, &told)) != NULL) {
      int best = 0;
      for (int i = 1; i < TIMERS; i++)
        if (open[i] < open[best]) best = i;
      good = open[best] == told && told < frontier && open[timer - timers] == told && timer->deadline == WHEEL_UNSET;
      open[timer - timers] = WHEEL_UNSET;
    }
    for (int i = 0; i < TIMERS && good; i++) good = open[i] >= frontier && open[i] == timers[i].deadline;
  }
  mem_free_all(mem);
  return good;
}

TEST(fires_in_order_over_short_spans) {
  for (uint64_t s = 1; s <= 10; s++) EXPECT(agrees(s * 7919, 5000));
}
TEST(fires_in_order_over_seconds) {
  for (uint64_t s = 1; s <= 10; s++) EXPECT(agrees(s * 15485863, 1500000));
}
TEST(fires_in_order_over_hours) {
  for (uint64_t s = 1; s <= 10; s++) EXPECT(agrees(s * 104729, INT64_C(7200000000)));
}
TEST(fires_in_order_over_years) {
  for (uint64_t s = 1; s <= 10; s++) EXPECT(agrees(s * 1299709, INT64_C(300000000000000)));
}

static struct wheel *wheel_of(struct mem **mem, struct pool *pool) {
  *mem = mem_new(0);
  pool_init(pool, *mem);
  return wheel_new(*mem, pool);
}

/* Thousands that become due in one quarter of a second, hundreds at one tick, and others that are set while they fire.
 */
TEST(a_round_with_many_fires_in_order) {
  enum { MANY = 4000, BASE_US = 10000000 };
  struct mem *mem;
  struct pool pool;
  struct wheel *wheel = wheel_of(&mem, &pool);
  static struct wheel_timer many[MANY], more[MANY];
  int64_t deadline, last = 0;
  int fired = 0, set = 0;
  for (int i = 0; i < MANY; i++) {
    many[i].deadline = more[i].deadline = WHEEL_UNSET;
    wheel_arm(wheel, &many[i], BASE_US + (i % 4 == 0 ? 1500 + (int64_t)(draw() % 300) : (int64_t)(draw() % 300000)));
  }
  for (int64_t frontier = BASE_US - 100; frontier < BASE_US + 700000; frontier += 333)
    while (wheel_next(wheel, frontier, &deadline) != NULL) {
      EXPECT(deadline >= last && deadline < frontier);
      last = deadline;
      fired++;
      if (set < MANY) wheel_arm(wheel, &more[set++], deadline + (int64_t)(draw() % 40000));
    }
  EXPECT_INT(fired, 2 * MANY);
  EXPECT_INT(wheel->count, 0);
  mem_free_all(mem);
}

TEST(a_timer_of_the_past_fires_at_once) {
  struct mem *mem;
  struct pool pool;
  struct wheel *wheel = wheel_of(&mem, &pool);
  struct wheel_timer one = {WHEEL_UNSET}, two = {WHEEL_UNSET};
  int64_t deadline = 0;
  wheel_arm(wheel, &one, 1000000);
  EXPECT(wheel_next(wheel, 2000000, &deadline) == &one);
  EXPECT_INT(deadline, 1000000);
  wheel_arm(wheel, &two, -5);
  EXPECT(wheel_next(wheel, 2000000, &deadline) == &two);
  EXPECT_INT(deadline, -5);
  EXPECT(wheel_next(wheel, INT64_MAX, &deadline) == NULL);
  mem_free_all(mem);
}

TEST(the_frontier_is_open) {
  struct mem *mem;
  struct pool pool;
  struct wheel *wheel = wheel_of(&mem, &pool);
  struct wheel_timer timer = {WHEEL_UNSET};
  int64_t deadline;
  wheel_arm(wheel, &timer, 77);
  EXPECT(wheel_next(wheel, 77, &deadline) == NULL);
  EXPECT(wheel_next(wheel, 78, &deadline) == &timer);
  mem_free_all(mem);
}

TEST(a_later_deadline_leaves_the_timer_where_it_is) {
  struct mem *mem;
  struct pool pool;
  struct wheel *wheel = wheel_of(&mem, &pool);
  struct wheel_timer timer = {WHEEL_UNSET};
  int64_t deadline = 0;
  wheel_arm(wheel, &timer, 10);
  wheel_arm(wheel, &timer, INT64_C(86400000000));
  EXPECT_INT(wheel->count, 1);
  EXPECT(wheel_next(wheel, INT64_MAX, &deadline) == &timer);
  EXPECT_INT(deadline, 10);
  EXPECT(wheel_next(wheel, INT64_MAX, &deadline) == NULL);
  EXPECT_INT(wheel->count, 0);
  mem_free_all(mem);
}

/* Deadlines that move back and forth, also to where the timer stood before: once each, and no entries without end. */
TEST(stale_entries_are_swept_out) {
  struct mem *mem;
  struct pool pool;
  struct wheel *wheel = wheel_of(&mem, &pool);
  static struct wheel_timer timers[8];
  int64_t deadline = 0, now = 0;
  for (int i = 0; i < 8; i++) timers[i].deadline = WHEEL_UNSET;
  for (int round = 0; round < 50000; round++) {
    int64_t far = INT64_C(1000000000000);
    for (int i = 0; i < 8; i++) {
      wheel_arm(wheel, &timers[i], far);
      wheel_arm(wheel, &timers[i], now + 5);
    }
    for (int i = 0; i < 8; i++) EXPECT(wheel_next(wheel, now + 6, &deadline) != NULL && deadline == now + 5);
    EXPECT(wheel_next(wheel, now + 6, &deadline) == NULL);
    EXPECT(wheel->count < 2100 && wheel->stale <= wheel->count);
    now += 1000;
  }
  int fired = 0;
  for (int i = 0; i < 8; i++) wheel_arm(wheel, &timers[i], INT64_C(1000000000000));
  while (wheel_next(wheel, INT64_MAX, &deadline) != NULL) fired++;
  EXPECT_INT(fired, 8);
  EXPECT_INT(wheel->count, 0);
  EXPECT_INT(wheel->stale, 0);
  mem_free_all(mem);
}

TEST_MAIN
