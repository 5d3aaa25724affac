/* floors: base */
/* The pool: classes, reuse, alignment, blocks that never overlap, large blocks, a random run against a model. */
#include "test.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/pool.h"

TEST(classes) {
  size_t last = 0;
  for (size_t bytes = 1; bytes <= POOL_BLOCK_MAX; bytes++) {
    size_t given = pool_class_bytes(pool_class(bytes));
    EXPECT(given >= bytes && pool_class(bytes) < POOL_CLASSES);
    EXPECT(bytes <= 256 ? given - bytes < 16 : given < 2 * bytes);
    EXPECT(given >= last);
    last = given;
  }
  EXPECT_INT(last, POOL_BLOCK_MAX);
}

TEST(a_freed_block_is_taken_again) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  EXPECT_INT(mem_used(mem), 0);
  void *block = pool_alloc(&pool, 100);
  EXPECT_INT(pool_used(&pool), 112);
  pool_free(&pool, block, 100);
  EXPECT_INT(pool_used(&pool), 0);
  EXPECT(pool_alloc(&pool, 97) == block);
  EXPECT(pool_alloc(&pool, 97) != block);
  void *nothing = pool_alloc(&pool, 0);
  EXPECT(nothing != NULL);
  pool_free(&pool, nothing, 0);
  pool_free(&pool, NULL, 50);
  pool_free_all(&pool);
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
}

TEST(large_blocks_are_the_contexts) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  void *blocks[3];
  for (int i = 0; i < 3; i++) blocks[i] = memset(pool_alloc(&pool, 100000), i, 100000);
  EXPECT_INT(pool_used(&pool), 300000);
  EXPECT(mem_used(mem) >= 300000);
  pool_free(&pool, blocks[1], 100000);
  EXPECT(mem_used(mem) < 201000);
  pool_free(&pool, blocks[0], 100000);
  EXPECT_INT(pool_used(&pool), 100000);
  pool_free_all(&pool); /* the third too */
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
}

enum { LIVE = 500, ROUNDS = 200000 };

/* What the pool reckons with when it asks whether much was freed. */
static void expect_reckoned(const struct pool *pool) {
  size_t rests = 0;
  for (int i = 0; i < 2; i++) rests += (size_t)(pool->rests[i].end - pool->rests[i].next);
  EXPECT(pool->used - pool->outside + pool->headers + pool->span_bytes + rests <= pool->taken);
  if (pool->used == 0) EXPECT(pool->outside == 0 && pool->headers == 0);
}

/* All states grow from size to size: of none of them may more be left than the limit has room for. */
TEST(what_was_freed_near_the_limit_serves_other_sizes) {
  enum { STATES = 10000, MOST = STATES * 96, KEY = 20 };
  struct mem *mem = mem_new(3 * MOST);
  struct pool pool;
  char **states = calloc(STATES, sizeof *states), **keys = calloc(STATES, sizeof *keys);
  volatile bool escaped = false;
  if (MEM_GUARD(mem)) {
    escaped = true;
  } else {
    pool_init(&pool, mem);
    size_t count = STATES, old = 0;
    for (size_t bytes = 32; bytes <= 16 << 10; bytes += bytes / 2) {
      for (size_t i = 0; i < count; i++) {
        if (old > 0 && i * bytes > MOST) { /* what is too much leaves */
          pool_free(&pool, states[i], old);
          continue;
        }
        char *state = pool_alloc(&pool, bytes);
        if (old == 0 && i % KEY == 0) keys[i] = memset(pool_alloc(&pool, 24), 'k', 24); /* stays, between others */
        memset(state, (int)(i % 100), bytes);
        if (old > 0) {
          EXPECT_INT(states[i][old - 1], i % 100);
          pool_free(&pool, states[i], old);
        }
        states[i] = state;
      }
      expect_reckoned(&pool);
      if (count * bytes > MOST) count = MOST / bytes + 1;
      old = bytes;
      for (size_t i = 0; i < count; i++) EXPECT(states[i][0] == (char)(i % 100) && states[i][old - 1] == states[i][0]);
    }
    for (size_t i = 0; i < STATES; i += KEY) EXPECT(keys[i][0] == 'k' && keys[i][23] == 'k');
    for (size_t i = 0; i < count; i++) pool_free(&pool, states[i], old);
    for (size_t i = 0; i < STATES; i += KEY) pool_free(&pool, keys[i], 24);
    EXPECT_INT(pool_used(&pool), 0);
    expect_reckoned(&pool);
    pool_free_all(&pool);
    EXPECT_INT(mem_used(mem), 0);
    mem_unguard(mem);
  }
  EXPECT(!escaped);
  mem_free_all(mem);
  free(states);
  free(keys);
}

/* Fills `blocks` with blocks of that size until the limit, or `most`, is reached: how many there are. */
static size_t fill(struct mem *mem, struct pool *pool, char **blocks, size_t most, size_t bytes) {
  volatile size_t count = 0;
  if (MEM_GUARD(mem)) return count;
  for (; count < most; count++) blocks[count] = memset(pool_alloc(pool, bytes), 'x', bytes);
  mem_unguard(mem);
  return count;
}

enum { LIMIT = 1 << 20, FILLED = LIMIT / 16 };

/* Large blocks between small ones that stay are neighbours of each other all the same. */
TEST(small_blocks_do_not_keep_large_ones_apart) {
  struct mem *mem = mem_new(LIMIT);
  struct pool pool;
  static char *small[FILLED], *large[FILLED];
  pool_init(&pool, mem);
  size_t count = 0;
  while (fill(mem, &pool, &small[count], 1, 96) == 1 && fill(mem, &pool, &large[count], 1, 512) == 1) count++;
  EXPECT(count > LIMIT / (96 + 512) / 10 * 9);
  for (size_t i = 0; i < count; i++) pool_free(&pool, large[i], 512);
  for (size_t i = 0; i < count; i++) memset(small[i], 's', 96);
  EXPECT(fill(mem, &pool, large, FILLED, 1024) > count / 2 / 10 * 9);
  for (size_t i = 0; i < count; i++) EXPECT(small[i][0] == 's' && small[i][95] == 's');
  pool_free_all(&pool);
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
}

/* What is left of a slab for blocks of some sizes, and freed ones that have no freed neighbour, serve smaller ones in
 * the end. */
TEST(at_the_limit_nothing_is_left) {
  struct mem *mem = mem_new(LIMIT);
  struct pool pool;
  static char *small[FILLED], *large[FILLED], *larger[FILLED];
  pool_init(&pool, mem);
  size_t largest = fill(mem, &pool, larger, 1, 512); /* a slab has room for more of them */
  EXPECT(fill(mem, &pool, small, FILLED, 48) * 48 > LIMIT - 24000);
  pool_free_all(&pool);
  size_t count = fill(mem, &pool, large, FILLED, 1024);
  EXPECT(largest == 1 && count > LIMIT / 1024 / 10 * 9);
  for (size_t i = 0; i < count; i += 2) pool_free(&pool, large[i], 1024);
  for (size_t i = 1; i < count; i += 2) memset(large[i], 's', 1024); /* stays */
  size_t found = fill(mem, &pool, small, FILLED, 48);
  EXPECT(found * 48 > count / 2 * 1024 / 10 * 9);
  for (size_t i = 0; i < found; i++) pool_free(&pool, small[i], 48);
  EXPECT(fill(mem, &pool, larger, FILLED, 1024) > count / 2 / 10 * 8); /* and large ones again */
  for (size_t i = 1; i < count; i += 2) EXPECT(large[i][0] == 's' && large[i][1023] == 's');
  pool_free_all(&pool);
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
}

TEST(a_block_that_is_cut_keeps_lines) {
  for (size_t bytes = 80; bytes <= 208; bytes += 128) { /* not lines are their sizes */
    struct mem *mem = mem_new(LIMIT);
    struct pool pool;
    static char *odd[FILLED], *lines[FILLED];
    pool_init(&pool, mem);
    size_t count = fill(mem, &pool, odd, FILLED, bytes);
    for (size_t i = 0; i < count; i += 2) pool_free(&pool, odd[i], bytes);
    for (size_t i = 1; i < count; i += 2) memset(odd[i], 'o', bytes);
    size_t found = fill(mem, &pool, lines, FILLED, 64);
    EXPECT(bytes == 80 || found > count / 2);
    for (size_t i = 0; i < found; i++) EXPECT((uintptr_t)lines[i] % POOL_LINE == 0);
    for (size_t i = 1; i < count; i += 2) EXPECT(odd[i][0] == 'o' && odd[i][bytes - 1] == 'o');
    expect_reckoned(&pool);
    mem_free_all(mem);
  }
}

/* Of a limit no pool takes much that it has no use for. */
TEST(slabs_are_small_parts_of_the_limit) {
  enum { MUCH = 16 << 20, SMALL = 200 };
  struct mem *mem = mem_new(4 * MUCH);
  struct pool pool;
  size_t most = 0;
  pool_init(&pool, mem);
  for (int i = 0; i < MUCH / SMALL; i++) {
    (void)pool_alloc(&pool, SMALL);
    size_t unused = mem_used(mem) - pool_used(&pool);
    if (unused > most) most = unused;
  }
  EXPECT(most < 4 * MUCH / 32 + MUCH / 64);
  mem_free_all(mem);
}

/* A large block that stands in a slab is freed with it. */
TEST(everything_is_freed_wherever_it_stands) {
  struct mem *mem = mem_new(LIMIT);
  struct pool pool;
  static char *blocks[FILLED], *large[FILLED];
  pool_init(&pool, mem);
  EXPECT_INT(fill(mem, &pool, large, 2, 5000), 2); /* these are the context's */
  expect_reckoned(&pool);
  for (int i = 0; i < 2; i++) pool_free(&pool, large[i], 5000);
  expect_reckoned(&pool);
  size_t count = fill(mem, &pool, blocks, FILLED, 1024);
  for (size_t i = 0; i < count / 2; i++) pool_free(&pool, blocks[i], 1024);
  size_t used = mem_used(mem), found = fill(mem, &pool, large, FILLED, 5000);
  EXPECT(found * 5000 > count / 2 * 1024 / 10 * 9);
  EXPECT(mem_used(mem) < used + 20000);
  for (size_t i = 0; i < found; i += 2) pool_free(&pool, large[i], 5000);
  expect_reckoned(&pool);
  pool_free_all(&pool);
  EXPECT_INT(pool_used(&pool), 0);
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
}

TEST(random_run_against_a_model) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct {
    unsigned char *block;
    size_t bytes;
    unsigned char fill;
  } live[LIVE] = {0};
  uint64_t random = 42;
  size_t expected = 0;
  int broken = 0;
  for (int round = 0; round < ROUNDS; round++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    unsigned i = (unsigned)(random >> 33) % LIVE;
    if (live[i].block != NULL) {
      broken += live[i].block[0] != live[i].fill || live[i].block[live[i].bytes - 1] != live[i].fill;
      pool_free(&pool, live[i].block, live[i].bytes);
      expected -= pool_class_bytes(pool_class(live[i].bytes));
      live[i].block = NULL;
    } else {
      live[i].bytes = 1 + (random >> 40) % (random >> 60 == 0 ? POOL_BLOCK_MAX : 300);
      live[i].fill = (unsigned char)round;
      live[i].block = pool_alloc(&pool, live[i].bytes);
      broken += (uintptr_t)live[i].block % 16 != 0;
      memset(live[i].block, live[i].fill, live[i].bytes);
      expected += pool_class_bytes(pool_class(live[i].bytes));
    }
    broken += pool_used(&pool) != expected;
  }
  EXPECT_INT(broken, 0);
  EXPECT(mem_used(mem) < 16 << 20); /* freed blocks were reused, rests of slabs too */
  mem_free_all(mem);
}

TEST_MAIN
