/* mem.h - where memory comes from: one context for each engine or compilation.
 *
 * Nothing in Weir tests for a failed allocation. mem_alloc() never returns NULL: when there is no memory (or the
 * context's limit is reached, or a test asked for a failure) it runs the registered clean-ups and jumps to the
 * context's guard, which stands at the border of the public API. After that jump the context is only good for
 * mem_free_all(), which frees every block that was ever taken from it. So an engine that runs out of memory reports
 * one fatal error and leaks nothing.
 *
 * Not thread safe: a context belongs to one thread at a time. */
#ifndef WEIR_BASE_MEM_H
#define WEIR_BASE_MEM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mem;

/* `limit_bytes` 0 = no limit. Returns NULL only if there is no memory for the context itself. */
struct mem *mem_new(size_t limit_bytes);
void mem_free_all(
    struct mem *mem); /* clean-ups first (latest first), then all blocks, then the context; NULL is fine */

/* The guard: `if (MEM_GUARD(mem)) { ...out of memory... }`. mem_unguard() removes it; allocating without a guard and
 * without memory is a failed check(). Guards do not nest. */
#define MEM_GUARD(mem) setjmp(*mem_guard(mem))
jmp_buf *mem_guard(struct mem *mem);
void mem_unguard(struct mem *mem);

void *mem_alloc(struct mem *mem, size_t bytes);              /* zeroed; 16-byte aligned; never NULL */
void *mem_alloc_raw(struct mem *mem, size_t bytes);          /* not zeroed */
void *mem_realloc(struct mem *mem, void *old, size_t bytes); /* NULL old = alloc; new part not zeroed */
void mem_free(struct mem *mem, void *block);                 /* NULL is fine */
void *mem_try(struct mem *mem, size_t bytes);                /* for callbacks of libraries: NULL on failure, no jump */

/* Called once by mem_free_all() or mem_undefer(run = true). For things that a library owns (regex, cJSON trees, files).
 */
void mem_defer(struct mem *mem, void (*clean_up)(void *), void *argument);
void mem_undefer(struct mem *mem, void *argument, bool run);

size_t mem_used(const struct mem *mem);
size_t mem_peak(const struct mem *mem);
size_t mem_limit(const struct mem *mem);
bool mem_would_fit(const struct mem *mem, size_t bytes); /* within the limit, whatever the host says */

/* Tests: the n-th allocation from now fails (1 = the next); 0 = never. mem_count() = allocations so far. */
void mem_fail_at(struct mem *mem, uint64_t n);
uint64_t mem_count(const struct mem *mem);

#endif
