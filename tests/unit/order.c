/* floors: engine base */
/* order: whatever goes in, all that is earlier than the frontier comes out, in the order of moments, with its values.
 */
#include "engine/order.h"
#include "base/check.h"
#include "test.h"

static uint64_t seed;
static uint64_t rnd(uint64_t below) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed % below;
}

static void put(struct order *order, int64_t time, uint32_t partition, uint64_t offset) {
  char text[32];
  int length = snprintf(text, sizeof text, "%lld/%u/%llu", (long long)time, partition, (unsigned long long)offset);
  uint8_t address[16] = {0x20, 0x01, [15] = (uint8_t)offset};
  struct value words[2] = {value_string(SLICE("ab")), value_string((struct slice){text, (size_t)length})};
  struct value values[4] = {value_string((struct slice){text, (size_t)length}),
                            {.kind = VALUE_LIST, .length = 2, .list = words},
                            {.kind = VALUE_IP, .length = 16, .ip = address},
                            value_decimal(time, 2)};
  struct event event = {
      .time = time, .position = {.offset = offset, .partition = partition, .source = 0}, .type = 3, .values = values};
  order_put(order, &event, 4);
}

static bool whole(const struct event *event) {
  char text[32];
  int length = snprintf(text, sizeof text, "%lld/%u/%llu", (long long)event->time, event->position.partition,
                        (unsigned long long)event->position.offset);
  struct slice expected = {text, (size_t)length};
  const struct value *v = event->values;
  return event->type == 3 && slice_equal(value_slice(v[0]), expected) && v[1].length == 2 &&
         slice_equal(value_slice(v[1].list[0]), SLICE("ab")) && slice_equal(value_slice(v[1].list[1]), expected) &&
         v[2].ip[15] == (uint8_t)event->position.offset && v[3].i == event->time;
}

TEST(ties_are_ordered_by_partition_and_offset) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct order *order = order_new(mem, 0);
  put(order, 5, 1, 7);
  put(order, 5, 0, 9);
  put(order, 4, 1, 6);
  put(order, 5, 0, 8);
  struct event out[8];
  EXPECT_INT(order_take(order, 4, out, 8), 0);
  EXPECT_INT(order_take(order, 5, out, 8), 1);
  EXPECT_INT(out[0].time, 4);
  EXPECT_INT(order_take(order, 6, out, 8), 3);
  EXPECT_INT(out[0].position.offset, 8);
  EXPECT_INT(out[1].position.offset, 9);
  EXPECT_INT(out[2].position.offset, 7);
  EXPECT_INT(order_count(order), 0);
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(nothing_leaves_before_a_frontier_is_known) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct order *order = order_new(mem, 10);
  struct event out[2];
  put(order, INT64_C(-62135596800000000), 0, 0);
  EXPECT_INT(order_take(order, INT64_MIN, out, 2), 0);
  put(order, INT64_C(253402300799999999), 0, 1);
  EXPECT_INT(order_take(order, INT64_MAX, out, 2), 2);
  EXPECT_INT(out[0].position.offset, 0);
  EXPECT_INT(out[1].position.offset, 1);
  EXPECT(whole(&out[0]) && whole(&out[1]));
  mem_unguard(mem);
  mem_free_all(mem);
}

/* Random disorder, several partitions at very different places in time, frontiers that creep and leap: the events come
 * out sorted, each once, none early, and no two calls disagree. */
static void random_case(uint64_t number) {
  seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  int64_t scale = INT64_C(1) << rnd(40);
  int64_t disorder = (int64_t)rnd(3) * scale;
  struct order *order = order_new(mem, disorder);
  uint32_t partitions = 1 + (uint32_t)rnd(4);
  int64_t at[4], frontier = INT64_MIN, last_time = INT64_MIN;
  struct position last = {0};
  uint64_t put_count = 0, taken_count = 0, sum_put = 0, sum_taken = 0;
  for (unsigned p = 0; p < 4; p++) at[p] = (int64_t)rnd(1000) * scale * (rnd(2) != 0 ? 1 : 1000) - 500 * scale;
  for (unsigned turn = 0; turn < 400; turn++) {
    uint32_t p = (uint32_t)rnd(partitions);
    for (uint32_t q = 0; q < partitions; q++)
      if (rnd(4) != 0 && at[q] < at[p]) p = q; /* mostly the one furthest behind */
    for (uint64_t n = rnd(20); n > 0; n--) {
      at[p] += (int64_t)rnd(3) * (scale / 8 + 1);
      int64_t time = at[p] - (int64_t)rnd((uint64_t)disorder + 1);
      if (time < frontier) continue;
      put(order, time, p, put_count);
      sum_put += put_count++;
    }
    int64_t lowest = INT64_MAX;
    for (uint32_t q = 0; q < partitions; q++)
      if (at[q] - disorder < lowest) lowest = at[q] - disorder;
    if (turn == 399) lowest = INT64_MAX;
    if (lowest > frontier) frontier = lowest;
    struct event out[16];
    for (uint32_t count = 16, max; count == (max = 16);) {
      count = order_take(order, frontier, out, max);
      for (uint32_t i = 0; i < count; i++) {
        EXPECT(out[i].time < frontier && whole(&out[i]));
        EXPECT(taken_count == 0 || order_compare(last_time, &last, out[i].time, &out[i].position) < 0);
        last_time = out[i].time;
        last = out[i].position;
        taken_count++;
        sum_taken += out[i].position.offset;
      }
    }
  }
  EXPECT_INT(taken_count, put_count);
  EXPECT_INT(sum_taken, sum_put);
  EXPECT_INT(order_count(order), 0);
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(random_streams_come_out_in_order) {
  for (uint64_t number = 1; number <= 300 && !test_failed; number++) {
    random_case(number);
    if (test_failed) printf("case %llu\n", (unsigned long long)number);
  }
}

TEST(memory_is_used_again) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct order *order = order_new(mem, 1000);
  struct event out[64];
  size_t early = 0;
  for (uint64_t i = 0; i < 200000; i++) {
    put(order, (int64_t)i, 0, i);
    while (order_take(order, (int64_t)i - 1000, out, 64) == 64) {}
    if (i == 20000) early = order_bytes(order);
  }
  EXPECT(order_bytes(order) <= early + early / 4);
  EXPECT_INT(order_count(order), 1001); /* times 198999 to 199999 */
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST_MAIN
