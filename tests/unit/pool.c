/* floors: base */
/* The pool: classes, reuse, alignment, blocks that never overlap, large blocks, a random run against a model. */
#include "test.h"

#include <stdint.h>

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
