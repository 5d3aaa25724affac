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
  size_t bytes, inside; /* inside: what it takes of a slab; 0 = it is the context's */
};

/* A piece of a slab that nobody has. The smallest freed block has room for it. */
struct pool_span {
  struct pool_span *next;
  size_t bytes;
};
_Static_assert(sizeof(struct pool_span) <= POOL_STEP, "a freed block becomes a span");

enum {
  SPAN_MIN = POOL_BLOCK_MAX + POOL_LINE, /* smaller ones are freed blocks */
  SPANS_LOOKED_AT = 32,
  GATHER_MIN = 16 << 10,
  GATHER_SHARE = 4,       /* of what all slabs have: so much must have been freed since it was done before */
  GATHER_SHARE_NEAR = 16, /* the same where less than one of LIMIT_NEAR parts of the limit is left */
  LIMIT_NEAR = 8,
  LIMIT_SLABS = 32, /* a slab is no larger than one of so many parts of the limit: others need it too */
  SORT_LISTS = 48,  /* of 2^n spans */
};

_Static_assert(sizeof(struct pool_slab) % POOL_STEP == 0 && sizeof(struct pool_large) % POOL_STEP == 0, "alignment");
_Static_assert((size_t)(2 * POOL_STEPS_MAX) << (POOL_CLASSES - POOL_SMALL_CLASSES - 1) == POOL_BLOCK_MAX, "classes");

void pool_init(struct pool *pool, struct mem *mem) { *pool = (struct pool){.mem = mem, .slab_bytes = POOL_SLAB_MIN}; }

void pool_free_all(struct pool *pool) {
  for (struct pool_large *large = pool->large; large != NULL;) {
    struct pool_large *after = large->after;
    if (large->inside == 0) mem_free(pool->mem, large);
    large = after;
  }
  for (struct pool_slab *slab = pool->slabs; slab != NULL;) {
    struct pool_slab *older = slab->older;
    unpoison(slab + 1, slab->bytes);
    mem_free(pool->mem, slab);
    slab = older;
  }
  pool_init(pool, pool->mem);
}

/* The largest class whose blocks fit into `bytes` (at least POOL_STEP). */
static unsigned class_within(size_t bytes) {
  unsigned class = POOL_CLASSES - 1;
  while (pool_class_bytes(class) > bytes) class --;
  return class;
}

static size_t rest_bytes(const struct pool_rest *rest) {
  return rest->next == NULL ? 0 : (size_t)(rest->end - rest->next);
}

/* The next bytes of a slab, a class's, become a freed block. */
static void spare(struct pool *pool, struct pool_rest *rest, size_t bytes) {
  unsigned class = pool_class(bytes);
  struct pool_block *block = (struct pool_block *)(void *)rest->next;
  unpoison(block, bytes);
  block->next = pool->freed[class];
  pool->freed[class] = block;
  poison(block, bytes);
  rest->next += bytes;
}

/* Up to where a cache line begins, which is less than a line away; what is passed over becomes a freed block. */
static void to_line(struct pool *pool, struct pool_rest *rest) {
  size_t gap = -(uintptr_t)rest->next & (POOL_LINE - 1);
  if (gap > 0 && rest_bytes(rest) >= gap) spare(pool, rest, gap);
}

/* What is left of a slab becomes freed blocks, so that nothing is lost: largest first, so that those of whole lines
 * stand at lines. */
static void spare_rest(struct pool *pool, struct pool_rest *rest) {
  to_line(pool, rest);
  while (rest_bytes(rest) >= POOL_STEP) spare(pool, rest, pool_class_bytes(class_within(rest_bytes(rest))));
}

/* ---- what was freed, put together ----
 *
 * States that grow leave blocks of a size that nobody may ask for again: all keys pass through each size at about the
 * same time. Freed blocks are sorted by their places then, and neighbours become spans, which serve any size. Small
 * blocks that stay would keep large ones from being neighbours, so each have slabs of their own. */

static unsigned span_list(size_t bytes) {
  unsigned log2 = 63 - (unsigned)__builtin_clzll(bytes);
  return log2 < POOL_SPAN_LISTS ? log2 : POOL_SPAN_LISTS - 1;
}

static void span_keep(struct pool *pool, char *begin, size_t bytes) {
  if (bytes >= SPAN_MIN) {
    struct pool_span *span = (struct pool_span *)(void *)begin, **list = &pool->spans[span_list(bytes)];
    unpoison(span, sizeof *span);
    *span = (struct pool_span){.next = *list, .bytes = bytes};
    *list = span;
    pool->span_bytes += bytes;
    return;
  }
  spare_rest(pool, &(struct pool_rest){.next = begin, .end = begin + bytes});
}

/* One of at least so many bytes, which is a span no more; NULL = there is none, or not near the beginning of its list.
 */
static struct pool_span *span_take(struct pool *pool, size_t at_least) {
  if (pool->span_bytes < at_least) return NULL;
  for (unsigned list = span_list(at_least); list < POOL_SPAN_LISTS; list++) {
    struct pool_span **link = &pool->spans[list];
    for (unsigned i = 0; i < SPANS_LOOKED_AT && *link != NULL; i++, link = &(*link)->next) {
      struct pool_span *found = *link;
      if (found->bytes < at_least) continue;
      *link = found->next;
      pool->span_bytes -= found->bytes;
      return found;
    }
  }
  return NULL;
}

static struct pool_span *merge(struct pool_span *a, struct pool_span *b) {
  struct pool_span *first = NULL, **end = &first;
  while (a != NULL && b != NULL) {
    struct pool_span **less = (uintptr_t)a < (uintptr_t)b ? &a : &b;
    *end = *less;
    end = &(*less)->next;
    *less = (*less)->next;
  }
  *end = a == NULL ? b : a;
  return first;
}

/* Into lists of 2^n, each sorted: a merge sort without a place of its own. */
static void sort_in(struct pool_span *lists[SORT_LISTS], char *begin, size_t bytes) {
  struct pool_span *span = (struct pool_span *)(void *)begin;
  unpoison(span, sizeof *span);
  *span = (struct pool_span){.bytes = bytes};
  unsigned at = 0;
  for (; lists[at] != NULL && at + 1 < SORT_LISTS; at++) {
    span = merge(lists[at], span);
    lists[at] = NULL;
  }
  lists[at] = merge(lists[at], span);
}

static void gather(struct pool *pool) {
  struct pool_span *lists[SORT_LISTS] = {0}, *all = NULL;
  for (unsigned class = 0; class < POOL_CLASSES; class ++) {
    for (struct pool_block *block = pool->freed[class]; block != NULL;) {
      unpoison(block, sizeof *block);
      struct pool_block *next = block->next;
      sort_in(lists, (char *)block, pool_class_bytes(class));
      block = next;
    }
    pool->freed[class] = NULL;
  }
  for (unsigned list = 0; list < POOL_SPAN_LISTS; list++) {
    for (struct pool_span *span = pool->spans[list]; span != NULL;) {
      struct pool_span *next = span->next;
      sort_in(lists, (char *)span, span->bytes);
      span = next;
    }
    pool->spans[list] = NULL;
  }
  pool->span_bytes = pool->span_fresh = 0;
  for (unsigned i = 0; i < SORT_LISTS; i++) all = merge(all, lists[i]);
  pool->scattered = 0;
  while (all != NULL) { /* slabs have headers: what touches is of one slab */
    struct pool_span *span = all;
    size_t bytes = span->bytes;
    for (all = span->next; (char *)all == (char *)span + bytes; all = all->next) bytes += all->bytes;
    poison(span, bytes);
    if (bytes < SPAN_MIN) pool->scattered += bytes;
    span_keep(pool, (char *)span, bytes);
  }
}

/* Done in a context with a limit, before more is taken of it, when enough was freed. */
static void gather_below_limit(struct pool *pool, size_t bytes) {
  size_t limit = mem_limit(pool->mem);
  if (limit == 0) return;
  size_t share = mem_would_fit(pool->mem, bytes + limit / LIMIT_NEAR) ? GATHER_SHARE : GATHER_SHARE_NEAR;
  size_t rests = rest_bytes(&pool->rests[0]) + rest_bytes(&pool->rests[1]);
  size_t known = pool->used - pool->outside + pool->headers + pool->span_bytes + rests;
  size_t freed = known < pool->taken ? pool->taken - known : 0;
  if (freed < pool->scattered) pool->scattered = freed;
  size_t since = freed - pool->scattered + pool->span_fresh;
  if (freed + pool->span_fresh >= GATHER_MIN && since >= pool->taken / share) gather(pool);
}

/* ---- slabs and large blocks ---- */

/* One of at least so many bytes, instead of some that the context would be asked for, `least` of them at least. */
static struct pool_span *find_span(struct pool *pool, size_t at_least, size_t wanted, size_t least) {
  struct pool_span *span = span_take(pool, at_least);
  if (span != NULL) return span;
  gather_below_limit(pool, wanted);
  span = span_take(pool, at_least);
  if (span != NULL || mem_would_fit(pool->mem, least)) return span;
  for (int i = 0; i < 2; i++) { /* what is left for blocks of the other sizes */
    struct pool_rest rest = pool->rests[i];
    pool->rests[i] = (struct pool_rest){NULL, NULL};
    if (rest.next != NULL) span_keep(pool, rest.next, rest_bytes(&rest));
  }
  return span_take(pool, at_least);
}

/* A freed block that has room for one of `bytes`, a class's; NULL = none has. */
static struct pool_span *span_of_freed(struct pool *pool, size_t bytes) {
  for (unsigned class = pool_class(bytes); class < POOL_CLASSES; class ++) {
    size_t found = pool_class_bytes(class);
    bool at_line = bytes % POOL_LINE != 0 || found % POOL_LINE == 0; /* where one of that size has to stand */
    struct pool_block *block = pool->freed[class];
    if (block == NULL || (!at_line && found < bytes + POOL_LINE)) continue;
    unpoison(block, sizeof(struct pool_span));
    pool->freed[class] = block->next;
    struct pool_span *span = (struct pool_span *)(void *)block;
    span->bytes = found;
    return span;
  }
  return NULL;
}

/* Bytes of the next slab. */
static size_t fitting_slab(const struct pool *pool) {
  size_t bytes = pool->slab_bytes, limit = mem_limit(pool->mem);
  while (bytes > POOL_SLAB_MIN &&
         ((limit > 0 && bytes > limit / LIMIT_SLABS) || !mem_would_fit(pool->mem, sizeof(struct pool_slab) + bytes)))
    bytes /= 2;
  return bytes;
}

/* For a block of `bytes`, a class's. */
static void new_slab(struct pool *pool, struct pool_rest *rest, size_t bytes) {
  spare_rest(pool, rest);
  *rest = (struct pool_rest){NULL, NULL};
  size_t least = sizeof(struct pool_slab) + POOL_SLAB_MIN, slab_bytes = fitting_slab(pool);
  struct pool_span *span = find_span(pool, bytes + POOL_LINE, slab_bytes, least);
  if (span == NULL && !mem_would_fit(pool->mem, least)) span = span_of_freed(pool, bytes);
  if (span != NULL) {
    *rest = (struct pool_rest){(char *)span, (char *)span + span->bytes};
    poison(span, sizeof *span);
    return;
  }
  struct pool_slab *slab = mem_alloc_raw(pool->mem, sizeof *slab + slab_bytes);
  *slab = (struct pool_slab){.older = pool->slabs, .bytes = slab_bytes};
  pool->slabs = slab;
  pool->taken += slab_bytes;
  *rest = (struct pool_rest){(char *)(slab + 1), (char *)(slab + 1) + slab_bytes};
  poison(rest->next, slab_bytes);
  if (pool->slab_bytes < POOL_SLAB_MAX && slab_bytes == pool->slab_bytes) pool->slab_bytes *= 2;
}

static struct pool_large *large_inside(struct pool *pool, size_t bytes) {
  size_t inside = (sizeof(struct pool_large) + bytes + POOL_STEP - 1) & ~(size_t)(POOL_STEP - 1);
  struct pool_span *span = find_span(pool, inside, inside, sizeof(struct pool_large) + bytes);
  if (span == NULL) return NULL;
  size_t whole = span->bytes;
  if (whole > inside) span_keep(pool, (char *)span + inside, whole - inside);
  unpoison(span, inside);
  struct pool_large *large = (struct pool_large *)(void *)span;
  large->inside = inside;
  pool->headers += inside - bytes;
  return large;
}

static void *alloc_large(struct pool *pool, size_t bytes) {
  check(bytes <= SIZE_MAX / 2);
  struct pool_large *large = large_inside(pool, bytes);
  if (large == NULL) {
    large = mem_alloc_raw(pool->mem, sizeof *large + bytes);
    large->inside = 0;
    pool->outside += bytes;
  }
  large->before = NULL;
  large->after = pool->large;
  large->bytes = bytes;
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
  if (large->inside > 0) {
    size_t inside = large->inside;
    pool->headers -= inside - bytes;
    pool->span_fresh += inside;
    poison(large, inside);
    span_keep(pool, (char *)large, inside);
  } else {
    pool->outside -= bytes;
    mem_free(pool->mem, large);
  }
}

void *pool_alloc_slow(struct pool *pool, size_t bytes) {
  if (bytes > POOL_BLOCK_MAX) return alloc_large(pool, bytes);
  bytes = pool_class_bytes(pool_class(bytes));
  struct pool_rest *rest = &pool->rests[bytes > POOL_STEPS_MAX];
  if (bytes % POOL_LINE == 0) to_line(pool, rest);
  if (rest_bytes(rest) < bytes) {
    new_slab(pool, rest, bytes);
    if (bytes % POOL_LINE == 0) to_line(pool, rest);
  }
  void *block = rest->next;
  rest->next += bytes;
  pool->used += bytes;
  unpoison(block, bytes);
  return block;
}
