/* mem.c - memory contexts: every block is linked to its context, so that one call frees them all, whatever the state
 * in which an escape left their owners. Called by everything that allocates. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"

/* Before each block. 32 bytes, so that what malloc aligned to 16 stays aligned. */
struct block {
  struct block *before, *after;
  size_t bytes;  /* with this header */
  uint64_t mark; /* a freed or foreign block does not carry it */
};

struct deferred {
  struct deferred *older;
  void (*clean_up)(void *);
  void *argument;
};

struct mem {
  struct block blocks; /* ring head */
  size_t used, peak, limit;
  uint64_t count, fail_at;   /* fail_at: the value of count at which to fail, 0 = never */
  struct deferred *deferred; /* latest first */
  bool guarded;
  jmp_buf guard;
};

#define BLOCK_MARK 0x57454952424c4f43u
_Static_assert(sizeof(struct block) % 16 == 0, "blocks stay 16-byte aligned");

/* ---- large blocks ----
 *
 * State that is looked up at random is better off in large pages, and so is state that is made page by page: blocks of
 * a large page and more are mapped at borders of large pages, which the system is asked to use. Refusing changes
 * nothing. */

enum { SMALL_PAGE = 4 << 10, LARGE_PAGE = 2 << 20 };

/* Blocks with their headers. The sanitizers want to see every block themselves. */
static bool is_large(size_t bytes) {
#ifdef WEIR_SANITIZED
  (void)bytes;
  return false;
#else
  return bytes >= LARGE_PAGE;
#endif
}

/* A last page that would be large and more than half empty is left out: small ones do. */
static size_t mapped_bytes(size_t bytes) {
  size_t page = bytes % LARGE_PAGE >= LARGE_PAGE / 2 ? LARGE_PAGE : SMALL_PAGE;
  return (bytes + page - 1) & ~(page - 1);
}

static void *map_large(size_t bytes) {
  size_t wanted = mapped_bytes(bytes), taken = wanted + LARGE_PAGE;
  char *all = mmap(NULL, taken, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) return NULL;
  size_t before = -(uintptr_t)all & (LARGE_PAGE - 1), behind = taken - before - wanted;
  if (before > 0) (void)munmap(all, before);
  if (behind > 0) (void)munmap(all + before + wanted, behind);
  (void)madvise(all + before, wanted & ~(size_t)(LARGE_PAGE - 1), MADV_HUGEPAGE);
  return all + before;
}

static void *take_block(size_t bytes, bool zeroed) {
  if (is_large(bytes)) return map_large(bytes);
  return zeroed ? calloc(1, bytes) : malloc(bytes);
}

static void release_block(struct block *block, size_t bytes) {
  if (is_large(bytes))
    (void)munmap(block, mapped_bytes(bytes));
  else
    free(block);
}

/* ---- contexts ---- */

struct mem *mem_new(size_t limit_bytes) {
  struct mem *mem = calloc(1, sizeof *mem);
  if (mem == NULL) return NULL;
  mem->blocks.before = mem->blocks.after = &mem->blocks;
  mem->limit = limit_bytes;
  return mem;
}

static void run_deferred(struct mem *mem) {
  while (mem->deferred != NULL) {
    struct deferred *latest = mem->deferred;
    mem->deferred = latest->older; /* first out of the list: a clean-up may call mem_undefer() itself */
    void (*clean_up)(void *) = latest->clean_up;
    void *argument = latest->argument;
    mem_free(mem, latest);
    clean_up(argument);
  }
}

void mem_free_all(struct mem *mem) {
  if (mem == NULL) return;
  run_deferred(mem);
  for (struct block *block = mem->blocks.after; block != &mem->blocks;) {
    struct block *after = block->after;
    block->mark = 0;
    release_block(block, block->bytes);
    block = after;
  }
  free(mem);
}

jmp_buf *mem_guard(struct mem *mem) {
  check(!mem->guarded);
  mem->guarded = true;
  return &mem->guard;
}

void mem_unguard(struct mem *mem) {
  check(mem->guarded);
  mem->guarded = false;
}

static _Noreturn void escape(struct mem *mem) {
  check(mem->guarded); /* an allocation failed where nobody stands ready for it */
  run_deferred(mem);
  mem->guarded = false;
  longjmp(mem->guard, 1);
}

static bool may_take(struct mem *mem, size_t old_bytes, size_t bytes) {
  mem->count++;
  if (mem->fail_at != 0 && mem->count == mem->fail_at) return false;
  if (bytes > SIZE_MAX / 2) return false;
  return mem->limit == 0 || mem->used - old_bytes + sizeof(struct block) + bytes <= mem->limit;
}

static void *link_block(struct mem *mem, struct block *block, size_t bytes) {
  block->bytes = sizeof *block + bytes;
  block->mark = BLOCK_MARK;
  block->before = mem->blocks.before;
  block->after = &mem->blocks;
  block->before->after = block;
  mem->blocks.before = block;
  mem->used += block->bytes;
  if (mem->used > mem->peak) mem->peak = mem->used;
  return block + 1;
}

static struct block *unlink_block(struct mem *mem, void *memory) {
  struct block *block = (struct block *)memory - 1;
  check(block->mark == BLOCK_MARK);
  block->mark = 0;
  block->before->after = block->after;
  block->after->before = block->before;
  mem->used -= block->bytes;
  return block;
}

void *mem_try(struct mem *mem, size_t bytes) {
  if (!may_take(mem, 0, bytes)) return NULL;
  struct block *block = take_block(sizeof *block + bytes, false);
  return block == NULL ? NULL : link_block(mem, block, bytes);
}

void *mem_alloc_raw(struct mem *mem, size_t bytes) {
  void *memory = mem_try(mem, bytes);
  if (memory == NULL) escape(mem);
  return memory;
}

void *mem_alloc(struct mem *mem, size_t bytes) {
  /* calloc and not memset: large blocks come zeroed from the system, page by page as they are touched. */
  struct block *block = may_take(mem, 0, bytes) ? take_block(sizeof *block + bytes, true) : NULL;
  if (block == NULL) escape(mem);
  return link_block(mem, block, bytes);
}

static struct block *resize_block(struct block *block, size_t old_bytes, size_t bytes) {
  if (!is_large(old_bytes) && !is_large(bytes)) return realloc(block, bytes);
  struct block *moved = take_block(bytes, false);
  if (moved == NULL) return NULL;
  memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
  release_block(block, old_bytes);
  return moved;
}

void *mem_realloc(struct mem *mem, void *old, size_t bytes) {
  if (old == NULL) return mem_alloc_raw(mem, bytes);
  size_t old_bytes = ((struct block *)old - 1)->bytes;
  if (!may_take(mem, old_bytes, bytes)) escape(mem);
  struct block *block = unlink_block(mem, old);
  struct block *moved = resize_block(block, old_bytes, sizeof *block + bytes);
  if (moved == NULL) {
    link_block(mem, block, old_bytes - sizeof *block); /* still the context's, so that mem_free_all() finds it */
    escape(mem);
  }
  return link_block(mem, moved, bytes);
}

void mem_free(struct mem *mem, void *memory) {
  if (memory == NULL) return;
  struct block *block = unlink_block(mem, memory);
  release_block(block, block->bytes);
}

void mem_defer(struct mem *mem, void (*clean_up)(void *), void *argument) {
  struct deferred *latest = mem_try(mem, sizeof *latest);
  if (latest == NULL) {
    clean_up(argument); /* the caller has handed it over; nobody else would */
    escape(mem);
  }
  *latest = (struct deferred){.older = mem->deferred, .clean_up = clean_up, .argument = argument};
  mem->deferred = latest;
}

void mem_undefer(struct mem *mem, void *argument, bool run) {
  for (struct deferred **link = &mem->deferred; *link != NULL; link = &(*link)->older) {
    struct deferred *found = *link;
    if (found->argument != argument) continue;
    void (*clean_up)(void *) = found->clean_up;
    *link = found->older;
    mem_free(mem, found);
    if (run) clean_up(argument);
    return;
  }
}

size_t mem_used(const struct mem *mem) { return mem->used; }
size_t mem_peak(const struct mem *mem) { return mem->peak; }
size_t mem_limit(const struct mem *mem) { return mem->limit; }
bool mem_would_fit(const struct mem *mem, size_t bytes) {
  return mem->limit == 0 || (bytes <= mem->limit && mem->used <= mem->limit - bytes &&
                             mem->limit - bytes - mem->used >= sizeof(struct block));
}
void mem_fail_at(struct mem *mem, uint64_t n) { mem->fail_at = n == 0 ? 0 : mem->count + n; }
uint64_t mem_count(const struct mem *mem) { return mem->count; }
