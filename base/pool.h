/* pool.h - blocks of many sizes that come and go quickly: partial matches, held events, key records.
 *
 * Sizes are rounded up to a class: steps of 16 to 256 bytes, then powers of two to 1 KiB; larger blocks come straight
 * from the context, where what one size frees another can take. A freed block goes to its class's list and is taken
 * again from there; slabs go back to the context only with pool_free_all(). Near the context's limit freed blocks that
 * stand side by side are put together, for blocks of any size, those above 1 KiB too (blocks of up to 256 bytes and
 * larger ones have slabs of their own, so that such neighbours are many), and at the limit larger ones are cut. Whoever
 * frees a block says its size, so blocks have no header. One thread. */
#ifndef WEIR_BASE_POOL_H
#define WEIR_BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/poison.h"

enum {
  POOL_STEP = 16,
  POOL_STEPS_MAX = 256,     /* up to here classes are POOL_STEP apart */
  POOL_LINE = 64,           /* blocks of classes that are whole cache lines begin with a line */
  POOL_BLOCK_MAX = 1 << 10, /* larger blocks are the context's */
  POOL_SMALL_CLASSES = POOL_STEPS_MAX / POOL_STEP,
  POOL_CLASSES = POOL_SMALL_CLASSES + 2, /* 512, 1 KiB */
  POOL_SLAB_MIN = 16 << 10,
  POOL_SLAB_MAX = 16 << 20,
  POOL_SPAN_LISTS = 26,    /* a span is no larger than a slab */
  POOL_HEADERS_BYTES = 64, /* before a larger block, at most: the pool's and the context's */
};

struct pool_block {
  struct pool_block *next;
};
struct pool_slab;
struct pool_large;
struct pool_span;

struct pool {
  struct mem *mem;
  struct pool_block *freed[POOL_CLASSES];
  struct pool_rest { /* what is untouched of a slab, for blocks up to POOL_STEPS_MAX and for those above */
    char *next, *end;
  } rests[2];
  struct pool_slab *slabs;
  struct pool_large *large;
  struct pool_span *spans[POOL_SPAN_LISTS]; /* larger pieces of slabs that nobody has, of 2^n bytes and more */
  size_t used, slab_bytes;                  /* used: in blocks that are out, rounded to their classes */
  size_t taken, outside;                    /* bytes of all slabs; of used: in the context's own blocks */
  size_t span_bytes;                        /* in spans */
  size_t span_fresh;                        /* of these, since neighbours were put together */
  size_t scattered;                         /* in freed blocks that could not be put together */
  size_t headers;                           /* before large blocks that stand in slabs, and what rounds them up */
};

void pool_init(struct pool *pool, struct mem *mem); /* takes nothing until first use */
void pool_free_all(struct pool *pool);              /* every block, whoever has it; the pool can be used again */
void *pool_alloc_slow(struct pool *pool, size_t bytes);
void pool_free_large(struct pool *pool, void *block, size_t bytes);

/* For `bytes` 1 to POOL_BLOCK_MAX. */
static inline unsigned pool_class(size_t bytes) {
  if (bytes <= POOL_STEPS_MAX) return (unsigned)((bytes - 1) / POOL_STEP);
  return POOL_SMALL_CLASSES + (unsigned)(64 - 9) - (unsigned)__builtin_clzll(bytes - 1);
}
static inline size_t pool_class_bytes(unsigned class) {
  return class < POOL_SMALL_CLASSES ? (class + 1) * (size_t)POOL_STEP
                                    : (size_t)(2 * POOL_STEPS_MAX) << (class - POOL_SMALL_CLASSES);
}

/* What a block of `bytes` takes. */
static inline size_t pool_size(size_t bytes) {
  return bytes == 0 || bytes > POOL_BLOCK_MAX ? bytes : pool_class_bytes(pool_class(bytes));
}

/* The same of the context, with what stands before large ones. */
static inline size_t pool_taken(size_t bytes) {
  return bytes > POOL_BLOCK_MAX ? bytes + POOL_HEADERS_BYTES : pool_size(bytes);
}

/* Not zeroed; 16-byte aligned, classes of n * 64 bytes up to POOL_BLOCK_MAX 64-byte aligned; never NULL (mem.h).
 * `bytes` 0 is taken as 1. */
static inline void *pool_alloc(struct pool *pool, size_t bytes) {
  bytes += bytes == 0;
  if (__builtin_expect(bytes <= POOL_BLOCK_MAX, 1)) {
    unsigned class = pool_class(bytes);
    struct pool_block *block = pool->freed[class];
    if (__builtin_expect(block != NULL, 1)) {
      unpoison(block, pool_class_bytes(class));
      pool->freed[class] = block->next;
      __builtin_prefetch(block->next, 1); /* for who asks next */
      pool->used += pool_class_bytes(class);
      return block;
    }
  }
  return pool_alloc_slow(pool, bytes);
}

/* `bytes` as they were asked for (any number of the same class will do). NULL is fine. */
static inline void pool_free(struct pool *pool, void *memory, size_t bytes) {
  if (memory == NULL) return;
  bytes += bytes == 0;
  if (__builtin_expect(bytes > POOL_BLOCK_MAX, 0)) {
    pool_free_large(pool, memory, bytes);
    return;
  }
  unsigned class = pool_class(bytes);
  struct pool_block *block = memory;
  block->next = pool->freed[class];
  pool->freed[class] = block;
  pool->used -= pool_class_bytes(class);
  poison(block, pool_class_bytes(class));
}

/* Bytes in blocks that are out. */
static inline size_t pool_used(const struct pool *pool) { return pool->used; }

#endif
