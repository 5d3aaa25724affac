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
      if (count * bytes > MOST) count = MOST / bytes + 1;
      old = bytes;
      for (size_t i = 0; i < count; i++) EXPECT(states[i][0] == (char)(i % 100) && states[i][old - 1] == states[i][0]);
    }
    for (size_t i = 0; i < STATES; i += KEY) EXPECT(keys[i][0] == 'k' && keys[i][23] == 'k');
    for (size_t i = 0; i < count; i++) pool_free(&pool, states[i], old);
    for (size_t i = 0; i < STATES; i += KEY) pool_free(&pool, keys[i], 24);
    EXPECT_INT(pool_used(&pool), 0);
    pool_free_all(&pool);
    EXPECT_INT(mem_used(mem), 0);
    mem_unguard(mem);
  }
  EXPECT(!escaped);
  mem_free_all(mem);
  free(states);
  free(keys);
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
