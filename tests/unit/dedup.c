/* floors: engine base */
/* dedup: the window is (t - D, t], scopes are kept apart, and a big set agrees with a plain list. */
#include "engine/dedup.h"
#include "test.h"

static bool seen(struct dedup *dedup, uint32_t partition, const char *id, int64_t time) {
  struct position position = {.partition = partition};
  return dedup_seen(dedup, &position, value_string(slice_of(id)), time);
}

TEST(the_window_is_open_below_and_duplicates_do_not_renew_it) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = dedup_new(mem, 10, false, 1000);
  EXPECT(!seen(dedup, 0, "a", 100));
  EXPECT(seen(dedup, 0, "a", 100));
  EXPECT(seen(dedup, 0, "a", 109)); /* not accepted, so it is not what counts */
  EXPECT(!seen(dedup, 0, "a", 110));
  EXPECT(seen(dedup, 0, "a", 119));
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(partitions_are_apart_unless_everywhere_and_null_is_never_seen) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *apart = dedup_new(mem, 10, false, 1000), *everywhere = dedup_new(mem, 10, true, 1000);
  EXPECT(!seen(apart, 0, "a", 1) && !seen(apart, 1, "a", 1));
  EXPECT(!seen(everywhere, 0, "a", 1) && seen(everywhere, 1, "a", 1));
  struct position position = {0};
  EXPECT(!dedup_seen(apart, &position, value_null(), 1));
  EXPECT(!dedup_seen(apart, &position, value_null(), 1));
  EXPECT(!dedup_seen(apart, &position, value_int(1), 1));
  EXPECT(!dedup_seen(apart, &position, value_int(2), 1));
  EXPECT(dedup_seen(apart, &position, value_int(1), 1));
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(a_window_of_no_length_knows_no_duplicates) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = dedup_new(mem, 0, false, 1000);
  EXPECT(!seen(dedup, 0, "a", 5) && !seen(dedup, 0, "a", 5));
  mem_unguard(mem);
  mem_free_all(mem);
}

enum { IDS = 3000, STEPS = 60000 };

TEST(a_big_set_agrees_with_a_plain_array) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = dedup_new(mem, 2000, false, 100000);
  static int64_t accepted[IDS];
  for (int i = 0; i < IDS; i++) accepted[i] = INT64_MIN;
  uint64_t seed = 42;
  for (int64_t t = 0; t < STEPS; t++) {
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    int id = (int)(seed >> 33) % IDS;
    struct position position = {0};
    bool expected = accepted[id] != INT64_MIN && accepted[id] > t - 2000;
    EXPECT(dedup_seen(dedup, &position, value_int(id), t) == expected);
    if (!expected) accepted[id] = t;
    if (test_failed) break;
  }
  EXPECT(dedup_count(dedup) <= 2000);
  EXPECT_INT(dedup_forgotten(dedup), 0);
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(beyond_its_limit_the_oldest_goes_and_is_counted) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = dedup_new(mem, 1000000, false, 256);
  struct position position = {0};
  for (int i = 0; i < 300; i++) EXPECT(!dedup_seen(dedup, &position, value_int(i), i));
  EXPECT_INT(dedup_count(dedup), 256);
  EXPECT_INT(dedup_forgotten(dedup), 44);
  EXPECT(dedup_seen(dedup, &position, value_int(44), 300));
  EXPECT(!dedup_seen(dedup, &position, value_int(43), 300));
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST_MAIN
