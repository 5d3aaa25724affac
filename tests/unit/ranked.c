/* floors: base */
/* The ordered multiset against a sorted array: random inserts and removals, all sizes, merges, percentiles. */
#include "base/ranked.h"

#include <stdlib.h>

#include "base/decimal.h"
#include "test.h"

static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

struct list {
  int64_t keys[40000];
  uint64_t count;
};
static struct list model, other_model;

static uint64_t list_lower(const struct list *list, int64_t key) {
  uint64_t low = 0, high = list->count;
  while (low < high) {
    uint64_t middle = (low + high) / 2;
    if (list->keys[middle] < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}
static void list_insert(struct list *list, int64_t key) {
  uint64_t at = list_lower(list, key);
  memmove(&list->keys[at + 1], &list->keys[at], (list->count - at) * sizeof key);
  list->keys[at] = key;
  list->count++;
}
static bool list_remove(struct list *list, int64_t key) {
  uint64_t at = list_lower(list, key);
  if (at == list->count || list->keys[at] != key) return false;
  list->count--;
  memmove(&list->keys[at], &list->keys[at + 1], (list->count - at) * sizeof key);
  return true;
}

static void compare_each(void *context, int64_t key) {
  uint64_t *at = context;
  if (*at >= model.count || model.keys[*at] != key) EXPECT_TEXT("another", "the key at this rank");
  ++*at;
}

static void expect_model(const struct ranked *ranked) {
  uint64_t at = 0;
  EXPECT_INT(ranked->count, model.count);
  ranked_each(ranked, compare_each, &at);
  EXPECT_INT(at, model.count);
}

/* A few ranks and keys, those at the ends among them. */
static void expect_answers(const struct ranked *ranked) {
  for (int i = 0; i < 8 && model.count > 0; i++) {
    uint64_t rank = i == 0 ? 0 : i == 1 ? model.count - 1 : random_bits() % model.count;
    int64_t keys[2];
    ranked_select_two(ranked, rank, keys);
    EXPECT_INT(ranked_select(ranked, rank), model.keys[rank]);
    EXPECT_INT(keys[0], model.keys[rank]);
    EXPECT_INT(keys[1], model.keys[rank + 1 < model.count ? rank + 1 : rank]);
    int64_t key = model.keys[rank] + (int64_t)(random_bits() % 3) - 1;
    EXPECT_INT(ranked_below(ranked, key), list_lower(&model, key));
  }
  EXPECT_INT(ranked_below(ranked, INT64_MIN), 0);
}

/* Grows to `peak`, then falls to nothing; keys of 0 … range - 1, so that many are equal. */
static void grow_and_fall(struct pool *pool, uint64_t peak, uint64_t range, int order) {
  struct ranked ranked = {0};
  model.count = 0;
  for (uint64_t step = 0; model.count < peak; step++) {
    int64_t key = order == 0 ? (int64_t)(random_bits() % range) : order > 0 ? (int64_t)step : -(int64_t)step;
    if (random_bits() % 4 == 0) {
      EXPECT(ranked_remove(pool, &ranked, key) == list_remove(&model, key));
    } else {
      ranked_insert(pool, &ranked, key);
      list_insert(&model, key);
    }
    if (step % 257 == 0) expect_answers(&ranked);
    if (step % 4099 == 0) expect_model(&ranked);
  }
  expect_model(&ranked);
  EXPECT_INT(ranked_bytes(&ranked) <= 24 * peak + 1024, 1);
  while (model.count > 0) {
    uint64_t rank = order > 0 ? 0 : random_bits() % model.count;
    int64_t key = model.keys[rank];
    EXPECT(ranked_remove(pool, &ranked, key));
    list_remove(&model, key);
    if (model.count % 257 == 0) expect_answers(&ranked);
    if (model.count % 4099 == 0) expect_model(&ranked);
  }
  EXPECT(ranked.root == NULL && ranked.count == 0);
  EXPECT_INT(pool_used(pool), 0);
}

TEST(random_inserts_and_removals) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  static const uint64_t peaks[] = {1, 3, 4, 63, 64, 65, 130, 2000, 9000};
  for (size_t i = 0; i < sizeof peaks / sizeof *peaks; i++) {
    grow_and_fall(&pool, peaks[i], 4 * peaks[i] + 1, 0);
    grow_and_fall(&pool, peaks[i], 7, 0); /* nearly all equal */
    grow_and_fall(&pool, peaks[i], 1, 1);
    grow_and_fall(&pool, peaks[i], 1, -1);
  }
  mem_free_all(mem);
}

TEST(a_window_that_moves) { /* as many in as out for long: nodes share and merge, memory stays */
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  static int64_t ring[5000];
  struct ranked ranked = {0};
  size_t most = 0;
  model.count = 0;
  for (uint64_t step = 0; step < 60000; step++) {
    int64_t key = (int64_t)(random_bits() % 100000) + (int64_t)step * 10; /* drifts */
    int64_t *place = &ring[step % 5000];
    if (step >= 5000) EXPECT(ranked_remove(&pool, &ranked, *place) && list_remove(&model, *place));
    *place = key;
    ranked_insert(&pool, &ranked, key);
    list_insert(&model, key);
    if (step % 501 == 0) expect_answers(&ranked);
    if (pool_used(&pool) > most) most = pool_used(&pool);
  }
  expect_model(&ranked);
  EXPECT(most < 5000 * 20);
  ranked_free(&pool, &ranked);
  EXPECT_INT(pool_used(&pool), 0);
  mem_free_all(mem);
}

TEST(what_is_not_there_stays_away) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct ranked ranked = {0};
  EXPECT(!ranked_remove(&pool, &ranked, 5));
  EXPECT_INT(ranked_below(&ranked, 5), 0);
  EXPECT(value_is_null(ranked_percentile(&ranked, 50, TYPE(VALUE_INT))));
  ranked_insert(&pool, &ranked, INT64_MIN);
  ranked_insert(&pool, &ranked, INT64_MAX);
  ranked_insert(&pool, &ranked, INT64_MAX);
  EXPECT(!ranked_remove(&pool, &ranked, 0));
  EXPECT_INT(ranked_below(&ranked, INT64_MAX), 1);
  EXPECT(ranked_remove(&pool, &ranked, INT64_MAX) && ranked_remove(&pool, &ranked, INT64_MAX));
  EXPECT(!ranked_remove(&pool, &ranked, INT64_MAX));
  EXPECT_INT(ranked_select(&ranked, 0), INT64_MIN);
  ranked_free(&pool, &ranked);
  ranked_free(&pool, &ranked); /* empty: nothing */
  EXPECT_INT(pool_used(&pool), 0);
  mem_free_all(mem);
}

TEST(merges) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  static const uint64_t sizes[] = {0, 1, 30, 63, 64, 700, 2646, 2647, 9000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
      struct ranked into = {0}, from = {0};
      if (sizes[i] + sizes[j] > 12000) continue;
      model.count = other_model.count = 0;
      for (uint64_t k = 0; k < sizes[i] + sizes[j]; k++) {
        int64_t key = (int64_t)(random_bits() % 3000) - 1500;
        bool left = k < sizes[i];
        ranked_insert(&pool, left ? &into : &from, key);
        list_insert(&model, key);
        if (!left) list_insert(&other_model, key);
      }
      ranked_merge(&pool, &into, &from);
      expect_model(&into);
      expect_answers(&into);
      EXPECT_INT(from.count, sizes[j]);
      for (uint64_t k = 0; k < other_model.count; k++) { /* the merged tree is a tree like any other */
        EXPECT(ranked_remove(&pool, &into, other_model.keys[k]) && list_remove(&model, other_model.keys[k]));
        if (k % 3 == 0) {
          ranked_insert(&pool, &into, (int64_t)k);
          list_insert(&model, (int64_t)k);
        }
      }
      expect_model(&into);
      expect_answers(&into);
      EXPECT_INT(ranked_bytes(&into) + ranked_bytes(&from) <= pool_used(&pool), 1);
      ranked_free(&pool, &into);
      ranked_free(&pool, &from);
      EXPECT_INT(pool_used(&pool), 0);
    }
  mem_free_all(mem);
}

/* ---- values ---- */

static struct value percentile_of(struct pool *pool, const struct value *values, size_t count, unsigned percent,
                                  struct type type) {
  struct ranked ranked = {0};
  for (size_t i = 0; i < count; i++) ranked_insert(pool, &ranked, ranked_key(values[i]));
  struct value told = ranked_percentile(&ranked, percent, type);
  ranked_free(pool, &ranked);
  return told;
}

TEST(keys_of_floats_have_their_order) {
  static const double sorted[] = {
      -1.7976931348623157e308, -1e10, -1, -0.1, -2.2250738585072014e-308, -5e-324, 0, 5e-324,
      2.2250738585072014e-308, 0.1,   1,  1e10, 1.7976931348623157e308};
  for (size_t i = 0; i < sizeof sorted / sizeof *sorted; i++) {
    EXPECT(ranked_value(ranked_key(value_float(sorted[i])), TYPE(VALUE_FLOAT)).f == sorted[i]);
    if (i > 0) EXPECT(ranked_key(value_float(sorted[i - 1])) < ranked_key(value_float(sorted[i])));
  }
  EXPECT_INT(ranked_key(value_float(-0.0)), ranked_key(value_float(0.0)));
  struct value money = ranked_value(-1999, TYPE_DECIMAL(2));
  EXPECT(money.kind == VALUE_DECIMAL && money.scale == 2 && money.i == -1999);
}

TEST(percentiles) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct type decimal = TYPE_DECIMAL(2), duration = TYPE(VALUE_DURATION), number = TYPE(VALUE_FLOAT),
              integer = TYPE(VALUE_INT);
  struct value ints[] = {value_int(40), value_int(10), value_int(30), value_int(20)};
  EXPECT(percentile_of(&pool, ints, 4, 50, integer).f == 25);
  EXPECT(percentile_of(&pool, ints, 3, 50, integer).f == 30);
  EXPECT(percentile_of(&pool, ints, 4, 0, integer).f == 10);
  EXPECT(percentile_of(&pool, ints, 4, 100, integer).f == 40);
  EXPECT(percentile_of(&pool, ints, 4, 90, integer).f == 37); /* rank 2.7 */
  EXPECT(percentile_of(&pool, ints, 1, 99, integer).f == 40);
  EXPECT(percentile_of(&pool, ints, 4, 90, integer).kind == VALUE_FLOAT);
  struct value far[] = {value_int(INT64_MAX), value_int(INT64_MIN), value_int(INT64_MAX), value_int(INT64_MAX)};
  EXPECT(percentile_of(&pool, far, 2, 50, integer).f == -0.5);
  EXPECT(percentile_of(&pool, far, 4, 50, integer).f == 9223372036854775807.0);
  struct value prices[] = {value_decimal(1999, 2), value_decimal(2000, 2)};
  EXPECT(percentile_of(&pool, prices, 2, 50, decimal).f == 19.995);
  EXPECT(percentile_of(&pool, prices, 2, 1, decimal).f == 19.9901);
  struct value waits[] = {value_duration(-3), value_duration(-2)};
  EXPECT_INT(percentile_of(&pool, waits, 2, 50, duration).i, -3); /* -2.5: away from zero */
  EXPECT_INT(percentile_of(&pool, waits, 2, 50, duration).kind, VALUE_DURATION);
  EXPECT_INT(percentile_of(&pool, waits, 2, 75, duration).i, -2);
  struct value floats[] = {value_float(0.1), value_float(0.2), value_float(0.4)};
  EXPECT(percentile_of(&pool, floats, 2, 50, number).f == 0.15000000000000002); /* the mean of these two doubles */
  EXPECT(percentile_of(&pool, floats, 3, 50, number).f == 0.2);
  struct value wide[] = {value_float(-1.7976931348623157e308), value_float(1.7976931348623157e308)};
  EXPECT(percentile_of(&pool, wide, 2, 50, number).f == 0);
  EXPECT(percentile_of(&pool, wide, 2, 100, number).f == 1.7976931348623157e308);
  struct value uneven[] = {value_float(1e-300), value_float(1e300)};
  EXPECT(percentile_of(&pool, uneven, 2, 50, number).f == 5e299);
  struct value zero[] = {value_float(0), value_float(0.3)};
  EXPECT(percentile_of(&pool, zero, 2, 10, number).f == 0.03);
  const struct value tiny[] = {value_float(-3.539743462275442e-20), value_float(79.19)};
  EXPECT(percentile_of(&pool, tiny, 2, 3, number).f == 2.3757); /* not 0.97 * tiny + 0.03 * 79.19 in doubles */
  const struct value least[] = {value_float(-79.19), value_float(5e-324)};
  EXPECT(percentile_of(&pool, least, 2, 97, number).f == -2.3757);
  const struct value half[] = {value_float(-1e-300), value_float(4.0)};
  EXPECT(percentile_of(&pool, half, 2, 50, number).f == 2);
  mem_free_all(mem);
}

TEST(ten_million) {
  enum { MANY = 10000000 };
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct ranked ranked = {0};
  for (uint64_t i = 0; i < MANY; i++) /* each of 0 … MANY - 1 once: the step has no factor in common with MANY */
    ranked_insert(&pool, &ranked, (int64_t)(i * 7368787 % MANY));
  EXPECT_INT(ranked.count, MANY);
  for (uint64_t rank = 0; rank < MANY; rank += 9973) EXPECT_INT(ranked_select(&ranked, rank), rank);
  EXPECT(ranked_percentile(&ranked, 50, TYPE(VALUE_INT)).f == (MANY - 1) / 2.0);
  EXPECT(ranked_bytes(&ranked) < (size_t)MANY * 14);
  EXPECT(ranked_bytes(&ranked) >= (size_t)MANY * 8);
  ranked_free(&pool, &ranked);
  EXPECT_INT(pool_used(&pool), 0);
  mem_free_all(mem);
}

TEST_MAIN
