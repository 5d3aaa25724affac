/* pool.c - the slow side of pool.h: new slabs and large blocks. Owns both. */
#include "base/pool.h"

#include "base/check.h"

struct pool_slab {
  struct pool_slab *older;
  size_t bytes; /* behind this header */
};

/* Before each block above POOL_BLOCK_MAX; linked, so that pool_free_all() finds it. */
struct pool_large {
  struct pool_large *before, *after;
  size_t bytes, unused;
};

_Static_assert(sizeof(struct pool_slab) % POOL_STEP == 0 && sizeof(struct pool_large) % POOL_STEP == 0, "alignment");
_Static_assert((size_t)(2 * POOL_STEPS_MAX) << (POOL_CLASSES - POOL_SMALL_CLASSES - 1) == POOL_BLOCK_MAX, "classes");

void pool_init(struct pool *pool, struct mem *mem) { *pool = (struct pool){.mem = mem, .slab_bytes = POOL_SLAB_MIN}; }

void pool_free_all(struct pool *pool) {
  for (struct pool_slab *slab = pool->slabs; slab != NULL;) {
    struct pool_slab *older = slab->older;
    unpoison(slab + 1, slab->bytes);
    mem_free(pool->mem, slab);
    slab = older;
  }
  for (struct pool_large *large = pool->large; large != NULL;) {
    struct pool_large *after = large->after;
    mem_free(pool->mem, large);
    large = after;
  }
  pool_init(pool, pool->mem);
}

static void *alloc_large(struct pool *pool, size_t bytes) {
  check(bytes <= SIZE_MAX / 2);
  struct pool_large *large = mem_alloc_raw(pool->mem, sizeof *large + bytes);
  *large = (struct pool_large){.after = pool->large, .bytes = bytes};
  if (pool->large != NULL) pool->large->before = large;
  pool->large = large;
  pool->used += bytes;
  return large + 1;
}

void pool_free_large(struct pool *pool, void *block, size_t bytes) {
  struct pool_large *large = (struct pool_large *)block - 1;
  check(large->bytes == bytes);
  if (large->before != NULL)
    large->before->after = large->after;
  else
    pool->large = large->after;
  if (large->after != NULL) large->after->before = large->before;
  pool->used -= bytes;
  mem_free(pool->mem, large);
}

/* The largest class whose blocks fit into `bytes` (at least POOL_STEP). */
static unsigned class_within(size_t bytes) {
  unsigned class = POOL_CLASSES - 1;
  while (pool_class_bytes(class) > bytes) class --;
  return class;
}

/* The next bytes of the slab, a class's, become a freed block. */
static void spare(struct pool *pool, size_t bytes) {
  unsigned class = pool_class(bytes);
  struct pool_block *block = (struct pool_block *)(void *)pool->next;
  unpoison(block, bytes);
  block->next = pool->freed[class];
  pool->freed[class] = block;
  poison(block, bytes);
  pool->next += bytes;
}

/* Up to where a cache line begins, which is less than a line away; what is passed over becomes a freed block. */
static void to_line(struct pool *pool) {
  size_t gap = -(uintptr_t)pool->next & (POOL_LINE - 1);
  if (gap > 0 && (size_t)(pool->end - pool->next) >= gap) spare(pool, gap);
}

static void new_slab(struct pool *pool, size_t at_least) {
  /* What is left of the old slab becomes freed blocks, so that nothing is lost: largest first, so that those of whole
   * lines stand at lines. */
  to_line(pool);
  while (pool->end - pool->next >= POOL_STEP)
    spare(pool, pool_class_bytes(class_within((size_t)(pool->end - pool->next))));
  size_t bytes = pool->slab_bytes;
  while (bytes > POOL_SLAB_MIN && !mem_would_fit(pool->mem, sizeof(struct pool_slab) + bytes)) bytes /= 2;
  if (bytes < at_least) bytes = at_least;
  struct pool_slab *slab = mem_alloc_raw(pool->mem, sizeof *slab + bytes);
  *slab = (struct pool_slab){.older = pool->slabs, .bytes = bytes};
  pool->slabs = slab;
  pool->next = (char *)(slab + 1);
  pool->end = pool->next + bytes;
  poison(pool->next, bytes);
  if (pool->slab_bytes < POOL_SLAB_MAX && bytes == pool->slab_bytes) pool->slab_bytes *= 2;
}

void *pool_alloc_slow(struct pool *pool, size_t bytes) {
  if (bytes > POOL_BLOCK_MAX) return alloc_large(pool, bytes);
  bytes = pool_class_bytes(pool_class(bytes));
  if (bytes % POOL_LINE == 0) to_line(pool);
  if ((size_t)(pool->end - pool->next) < bytes) {
    new_slab(pool, bytes + POOL_LINE);
    if (bytes % POOL_LINE == 0) to_line(pool);
  }
  void *block = pool->next;
  pool->next += bytes;
  pool->used += bytes;
  unpoison(block, bytes);
  return block;
}
