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

/* With `long_bytes`, a further text of that length. */
static void put_long(struct order *order, int64_t time, uint32_t partition, uint64_t offset, uint32_t long_bytes) {
  static char filler[40000];
  char text[32];
  int length = snprintf(text, sizeof text, "%lld/%u/%llu", (long long)time, partition, (unsigned long long)offset);
  uint8_t address[16] = {0x20, 0x01, [15] = (uint8_t)offset};
  struct value words[2] = {value_string(SLICE("ab")), value_string((struct slice){text, (size_t)length})};
  memset(filler, 'a' + (int)(offset % 26), long_bytes);
  struct value values[5] = {value_string((struct slice){text, (size_t)length}),
                            {.kind = VALUE_LIST, .length = 2, .list = words},
                            {.kind = VALUE_IP, .length = 16, .ip = address},
                            value_decimal(time, 2),
                            value_string((struct slice){filler, long_bytes})};
  struct event event = {
      .time = time, .position = {.offset = offset, .partition = partition, .source = 0}, .type = 3, .values = values};
  order_put(order, &event, 5);
}

static void put(struct order *order, int64_t time, uint32_t partition, uint64_t offset) {
  put_long(order, time, partition, offset, 0);
}

static bool whole(const struct event *event) {
  char text[32];
  int length = snprintf(text, sizeof text, "%lld/%u/%llu", (long long)event->time, event->position.partition,
                        (unsigned long long)event->position.offset);
  struct slice expected = {text, (size_t)length};
  const struct value *v = event->values;
  return event->type == 3 && slice_equal(value_slice(v[0]), expected) && v[1].length == 2 &&
         slice_equal(value_slice(v[1].list[0]), SLICE("ab")) && slice_equal(value_slice(v[1].list[1]), expected) &&
         v[2].ip[15] == (uint8_t)event->position.offset && v[3].i == event->time &&
         (v[4].length == 0 || (v[4].s[0] == 'a' + (int)(event->position.offset % 26) &&
                               v[4].s[v[4].length - 1] == 'a' + (int)(event->position.offset % 26)));
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
static void random_case(uint64_t number, bool limited) {
  seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  int64_t scale = INT64_C(1) << rnd(40);
  int64_t disorder = (int64_t)rnd(3) * scale;
  struct order *order = order_new(mem, disorder);
  size_t most = ORDER_BYTES_MIN << rnd(3);
  uint32_t long_odds = 1 + (uint32_t)rnd(100), long_most = (uint32_t)rnd(3) * 13000, peak = 0;
  if (limited) order_limit(order, env_real(), most);
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
      put_long(order, time, p, put_count, limited && rnd(long_odds) == 0 ? (uint32_t)rnd(long_most + 1) : 0);
      if (order_bytes(order) > peak) peak = (uint32_t)order_bytes(order);
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
  EXPECT_INT(order_status(order, NULL), 0);
  if (limited)
    EXPECT(peak <= most + (32 << 10) + 60 * long_most); /* its own structures; texts that are long beside the limit */
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(random_streams_come_out_in_order) {
  for (uint64_t number = 1; number <= 300 && !test_failed; number++) {
    random_case(number, false);
    if (test_failed) printf("case %llu\n", (unsigned long long)number);
  }
}

TEST(random_streams_come_out_in_order_through_a_file) {
  for (uint64_t number = 1; number <= 120 && !test_failed; number++) {
    random_case(number, true);
    if (test_failed) printf("case %llu\n", (unsigned long long)number);
  }
}

/* One bucket may be far larger than the memory: it is merged from the file. */
TEST(many_events_of_one_time_go_through_the_file) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct order *order = order_new(mem, 0);
  struct event out[64];
  uint64_t taken = 0;
  size_t peak = 0;
  order_limit(order, env_real(), 256 << 10);
  for (uint64_t i = 0; i < 20000; i++) {
    put_long(order, 7, (uint32_t)(i % 3), i, 100);
    if (order_bytes(order) > peak) peak = order_bytes(order);
  }
  struct position last = {0};
  for (uint32_t count = 64; count == 64;) {
    count = order_take(order, 8, out, 64);
    if (order_bytes(order) > peak) peak = order_bytes(order);
    for (uint32_t i = 0; i < count; i++) {
      EXPECT(whole(&out[i]) && (taken == 0 || order_compare(7, &last, out[i].time, &out[i].position) < 0));
      last = out[i].position;
      taken++;
    }
  }
  EXPECT_INT(taken, 20000);
  EXPECT(order_spilled(order) >= 19000);
  EXPECT(peak <= 256 << 10);
  mem_unguard(mem);
  mem_free_all(mem);
}

/* In a bucket that is being taken, too. */
TEST(an_opened_bucket_overflows_into_the_file) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct order *order = order_new(mem, 64 << 20); /* buckets of a second */
  struct event out[64];
  uint64_t taken = 0;
  order_limit(order, env_real(), 128 << 10);
  put(order, 100, 0, 0);
  put(order, 900000, 0, 1);
  EXPECT_INT(order_take(order, 200, out, 64), 1);
  for (uint64_t i = 2; i < 10000; i++) put(order, 200 + (int64_t)(i * 7919 % 5000), 0, i);
  EXPECT(order_spilled(order) > 5000 && order_bytes(order) <= 128 << 10);
  int64_t last = 0;
  for (uint32_t count = 64; count == 64;) {
    count = order_take(order, INT64_MAX, out, 64);
    for (uint32_t i = 0; i < count; i++, taken++) {
      EXPECT(out[i].time >= last && whole(&out[i]));
      last = out[i].time;
    }
  }
  EXPECT_INT(taken, 9999);
  mem_unguard(mem);
  mem_free_all(mem);
}

/* A host whose disk fails at the n-th use. */
struct broken {
  int uses, fails_at, result;
};
static bool fails(void *context) {
  struct broken *broken = context;
  return ++broken->uses == broken->fails_at;
}
static int broken_open(void *context) {
  return fails(context) ? -((struct broken *)context)->result : env_real()->open_temp(NULL);
}
static int64_t broken_write(void *context, int handle, const void *bytes, size_t length, int64_t offset) {
  if (fails(context)) return ((struct broken *)context)->result == 0 ? 0 : -((struct broken *)context)->result;
  return env_real()->write_at(NULL, handle, bytes, length > 100 ? length / 2 : length,
                              offset); /* short writes are fine */
}
static int64_t broken_read(void *context, int handle, void *bytes, size_t room, int64_t offset) {
  if (fails(context)) return ((struct broken *)context)->result == 0 ? 0 : -((struct broken *)context)->result;
  return env_real()->read_at(NULL, handle, bytes, room, offset);
}
static int broken_close(void *context, int handle) {
  (void)context;
  return env_real()->close(NULL, handle);
}
static const char *no_variable(void *context, const char *name) {
  (void)context;
  (void)name;
  return NULL;
}

/* The first letter of what could not be done, '.' if all was. */
static char disk_case(int fails_at, int result) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return 'x';
  struct broken broken = {.fails_at = fails_at, .result = result};
  struct env env = {.context = &broken,
                    .open_temp = broken_open,
                    .write_at = broken_write,
                    .read_at = broken_read,
                    .close = broken_close,
                    .variable = no_variable};
  struct order *order = order_new(mem, 1000);
  struct event out[64];
  struct err err;
  uint64_t taken = 0;
  char verb = '.';
  err_clear(&err);
  order_limit(order, &env, 64 << 10);
  for (uint64_t i = 0; i < 1000; i++) put(order, (int64_t)(i % 300), 0, i);
  for (uint32_t count = 64; count == 64; taken += count) {
    count = order_take(order, INT64_MAX, out, 64);
    for (uint32_t i = 0; i < count; i++) EXPECT(whole(&out[i]));
  }
  if (broken.uses < fails_at) {
    EXPECT_INT(taken, 1000);
    EXPECT_INT(order_status(order, &err), 0);
  } else {
    EXPECT_INT(order_status(order, &err), ERR_FATAL);
    EXPECT(strstr(err.text, " a file for events that wait for earlier ones in the host's temporary folder: ") != NULL);
    EXPECT(strncmp(err.text, "cannot ", 7) == 0 && taken < 1000);
    verb = err.text[7];
    EXPECT_INT(order_take(order, INT64_MAX, out, 64), 0);
  }
  mem_unguard(mem);
  mem_free_all(mem);
  return verb;
}

TEST(a_disk_that_fails_is_one_clear_error) {
  static const int results[] = {28 /* ENOSPC */, 5 /* EIO */, 0};
  int writing = 0, reading = 0;
  EXPECT_INT(disk_case(1, 13 /* EACCES */), 'm');
  for (int at = 2; at <= 1250; at += 9) {
    char verb = disk_case(at, results[at % 3]);
    writing += verb == 'w';
    reading += verb == 'r';
  }
  EXPECT(writing > 40 && reading > 5);
  EXPECT_INT(disk_case(100000, 5), '.');
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
