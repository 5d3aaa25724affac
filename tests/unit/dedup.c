/* floors: engine base */
/* dedup: the window is (t - D, t], scopes are kept apart, and a big set agrees with a plain list. */
#include "engine/dedup.h"
#include "base/hash.h"
#include "engine/dedup_filter.h"
#include "test.h"

static struct dedup *make(struct mem *mem, int64_t unique_us, bool everywhere, uint64_t ids_max) {
  return dedup_new(mem, &(struct dedup_options){.unique_us = unique_us, .everywhere = everywhere, .ids_max = ids_max});
}

static bool seen(struct dedup *dedup, uint32_t partition, const char *id, int64_t time) {
  struct position position = {.partition = partition};
  return dedup_seen(dedup, &position, value_string(slice_of(id)), time);
}

TEST(the_window_is_open_below_and_duplicates_do_not_renew_it) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = make(mem, 10, false, 1000);
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
  struct dedup *apart = make(mem, 10, false, 1000), *everywhere = make(mem, 10, true, 1000);
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
  struct dedup *dedup = make(mem, 0, false, 1000);
  EXPECT(!seen(dedup, 0, "a", 5) && !seen(dedup, 0, "a", 5));
  mem_unguard(mem);
  mem_free_all(mem);
}

enum { IDS = 3000, STEPS = 60000 };

TEST(a_big_set_agrees_with_a_plain_array) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = make(mem, 2000, false, 100000);
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
  EXPECT(dedup_dense(dedup) && dedup_count(dedup) <= IDS); /* some past their time */
  EXPECT_INT(dedup_forgotten(dedup), 0);
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(beyond_its_limit_the_oldest_goes_and_is_counted) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = make(mem, 1000000, false, 256);
  struct position position = {0};
  for (int i = 0; i < 300; i++) EXPECT(!dedup_seen(dedup, &position, value_int(i), i));
  EXPECT_INT(dedup_count(dedup), 256);
  EXPECT_INT(dedup_forgotten(dedup), 44);
  EXPECT(dedup_seen(dedup, &position, value_int(44), 300));
  EXPECT(!dedup_seen(dedup, &position, value_int(43), 300));
  mem_unguard(mem);
  mem_free_all(mem);
}

/* ---- against a plain list of what was accepted ---- */

static uint64_t seed;
static uint64_t rnd(uint64_t below) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (seed >> 11) % below;
}

enum { PARTS = 3, POOL = 6000 };
enum shape { DENSE, SPARSE, SHIFTING, NEGATIVE, SHAPES };

static int64_t id_of(enum shape shape, uint64_t i, uint64_t turn) {
  switch (shape) {
  case DENSE: return (int64_t)i;
  case NEGATIVE: return (int64_t)i - POOL / 2 + INT64_MIN / 2;
  case SPARSE: return (int64_t)(hash_u64(i) ^ 1);
  default: return turn / 20000 % 2 == 0 ? (int64_t)i : (int64_t)hash_u64(i);
  }
}

/* Whatever the ids, the length of the window and the pace: the answers are those of the list. */
static void list_case(uint64_t number) {
  static int64_t accepted[2][PARTS][POOL]; /* ids of the two kinds of a shifting stream are apart */
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
  enum shape shape = (enum shape)(number % SHAPES);
  bool everywhere = rnd(3) == 0, wide = rnd(2) == 0, went_dense = false, went_back = false;
  int64_t unique_us = wide ? INT64_C(86400000000) : 1 + (int64_t)rnd(500000), time = -(int64_t)rnd(1000000);
  int64_t pace = 1 + unique_us / (int64_t)(500 + rnd(3 * POOL));
  struct dedup *dedup = make(mem, unique_us, everywhere, 1 << 20);
  for (int k = 0; k < 2; k++)
    for (int p = 0; p < PARTS; p++)
      for (int i = 0; i < POOL; i++) accepted[k][p][i] = INT64_MIN;
  for (uint64_t turn = 0; turn < 60000 && !test_failed; turn++) {
    time += rnd(2000) == 0 ? (int64_t)rnd((uint64_t)unique_us * 2) : (int64_t)rnd((uint64_t)pace * 2);
    uint64_t i = rnd(2) == 0 ? turn % POOL : rnd(POOL);
    uint32_t part = (uint32_t)rnd(PARTS);
    struct position position = {.source = (uint16_t)(part / 2), .partition = part};
    int64_t *at = &accepted[shape == SHIFTING && turn / 20000 % 2 == 1][everywhere ? 0 : part][i];
    bool expected = *at != INT64_MIN && *at > time - unique_us;
    EXPECT(dedup_seen(dedup, &position, value_int(id_of(shape, i, turn)), time) == expected);
    if (!expected) *at = time;
    went_back = went_back || (went_dense && !dedup_dense(dedup));
    went_dense = went_dense || dedup_dense(dedup);
  }
  EXPECT_INT(dedup_forgotten(dedup), 0);
  if (shape == SPARSE) EXPECT(!went_dense);
  if (went_back) EXPECT_INT(shape, SHIFTING);
  if (test_failed) printf("case %llu, shape %d\n", (unsigned long long)number, (int)shape);
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(dense_and_sparse_numbers_agree_with_a_plain_list) {
  for (uint64_t number = 1; number <= 40 && !test_failed; number++) list_case(number);
}

TEST(dense_numbers_take_a_tenth_of_the_memory) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dense = make(mem, 1000000000, false, 1 << 22);
  struct position position = {0};
  for (int64_t i = 0; i < 1000000; i++) EXPECT(!dedup_seen(dense, &position, value_int(1000000 + (i ^ 5)), i));
  EXPECT(dedup_dense(dense) && mem_used(mem) < 6000000);
  for (int64_t i = 0; i < 1000000; i++) EXPECT(dedup_seen(dense, &position, value_int(1000000 + i), 1000000));
  EXPECT(!dedup_seen(dense, &position, value_int(999999), 1000000) &&
         !dedup_seen(dense, &position, value_int(2000000), 1000000));
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(dense_numbers_have_the_same_limit_of_memory) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = make(mem, INT64_C(1) << 40, false, 4096); /* 245 KB: some 100,000 ids in 8 bytes */
  struct position position = {0};
  for (int64_t i = 0; i < 200000; i++) EXPECT(!dedup_seen(dedup, &position, value_int(i), i));
  EXPECT(dedup_dense(dedup) && dedup_forgotten(dedup) > 150000 && mem_used(mem) < 300000);
  EXPECT_INT(dedup_forgotten(dedup) + dedup_count(dedup), 200000);
  EXPECT(dedup_seen(dedup, &position, value_int(199999), 200000));
  EXPECT(!dedup_seen(dedup, &position, value_int(1), 200000));
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(other_values_leave_the_bitmaps) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = make(mem, 1000000, false, 100000);
  struct position position = {0};
  for (int64_t i = 0; i < 5000; i++) EXPECT(!dedup_seen(dedup, &position, value_int(i), i));
  EXPECT(dedup_dense(dedup));
  EXPECT(!dedup_seen(dedup, &position, value_decimal(17, 2), 5000));
  EXPECT(!dedup_dense(dedup) && dedup_count(dedup) == 5001);
  for (int64_t i = 0; i < 5000; i++) EXPECT(dedup_seen(dedup, &position, value_int(i), 5001));
  EXPECT(dedup_seen(dedup, &position, value_decimal(17, 2), 5001));
  mem_unguard(mem);
  mem_free_all(mem);
}

/* ---- approx ---- */

static struct dedup *make_approx(struct mem *mem, int64_t unique_us, uint64_t ids_max) {
  return dedup_new(mem, &(struct dedup_options){.unique_us = unique_us, .approx = true, .ids_max = ids_max});
}

/* The rate that docs/language.md states. */
TEST(an_approximate_filter_takes_at_most_one_new_id_in_10000_for_an_old_one) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = make_approx(mem, INT64_C(3600000000), 1 << 20);
  struct position position = {0};
  uint64_t wrong = 0;
  for (int64_t i = 0; i < 1000000; i++) wrong += dedup_seen(dedup, &position, value_int(i * 7), i);
  EXPECT(wrong <= 100); /* while it grows, of all that came */
  uint64_t later = 0;
  for (int64_t i = 0; i < 1000000; i++) later += dedup_seen(dedup, &position, value_int(-1 - i), 1000000);
  EXPECT(later <= 100);
  for (int64_t i = 0; i < 1000000; i++) EXPECT(dedup_seen(dedup, &position, value_int(i * 7), 1000000));
  EXPECT_INT(dedup_forgotten(dedup), 0);
  EXPECT(mem_used(mem) < 24 << 20); /* two million ids */
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(an_approximate_filter_forgets_in_time_and_never_too_early) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  static const int64_t lengths[] = {1, 7, 1000, 1024, 1025, 5000, 3600000000, INT64_C(86400000000) * 365};
  for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
    int64_t length = lengths[l], time = -3 * length;
    struct dedup *dedup = make_approx(mem, length, 1 << 16);
    struct position position = {0};
    uint64_t id = 0;
    for (int round = 0; round < 200; round++) {
      EXPECT(!dedup_seen(dedup, &position, value_int((int64_t)hash_u64(id)), time));
      EXPECT(dedup_seen(dedup, &position, value_int((int64_t)hash_u64(id)), time + length - 1));
      EXPECT(!dedup_seen(dedup, &position, value_int((int64_t)hash_u64(id)), time + length + 2 * (length / 1024) + 2));
      time += 2 * (length + 2 * (length / 1024) + 2) + (round % 7 == 0 ? 5 * length : length / 3);
      id++;
    }
    /* A window without an end of new ids: what is past makes room. */
    for (int64_t i = 0; i < 100000; i++) {
      time += length / 2000 + (length < 2000 && i % 2000 == 0);
      (void)dedup_seen(dedup, &position, value_int((int64_t)hash_u64(id++)), time);
    }
    if (length >= 2000) EXPECT(dedup_count(dedup) < 10000);
    EXPECT(length < 2000 || dedup_forgotten(dedup) == 0);
  }
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(an_approximate_filter_keeps_its_limit) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct dedup *dedup = make_approx(mem, INT64_C(1) << 40, 4096); /* 245 KB */
  struct position position = {0};
  for (int64_t i = 0; i < 200000; i++) (void)dedup_seen(dedup, &position, value_int(i), i);
  EXPECT(mem_used(mem) < 260000 && dedup_forgotten(dedup) > 100000);
  uint64_t known = 0;
  for (int64_t i = 199000; i < 200000; i++) known += dedup_seen(dedup, &position, value_int(i), 200000);
  EXPECT(known > 950); /* the latest */
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(partitions_are_apart_in_filters_and_bitmaps_too) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  for (int kind = 0; kind < 4; kind++) {
    struct dedup *dedup =
        dedup_new(mem, &(struct dedup_options){
                           .unique_us = 1000000, .everywhere = kind % 2 == 1, .approx = kind >= 2, .ids_max = 100000});
    struct position here = {.partition = 1}, there = {.partition = 2}, source = {.source = 1, .partition = 1};
    uint64_t seen_there = 0, seen_source = 0;
    for (int64_t i = 0; i < 3000; i++) EXPECT(!dedup_seen(dedup, &here, value_int(i), i));
    for (int64_t i = 0; i < 3000; i++) seen_there += dedup_seen(dedup, &there, value_int(i), 3000);
    for (int64_t i = 0; i < 3000; i++) seen_source += dedup_seen(dedup, &source, value_int(i), 3000);
    EXPECT_INT(seen_there, kind % 2 == 1 ? 3000 : 0);
    EXPECT_INT(seen_source, kind % 2 == 1 ? 3000 : 0);
  }
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST_MAIN
