/* arena.h - memory that is freed all at once: a batch's (reset after each batch) or a rule set's (freed at the end). */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stdarg.h>

#include "base/mem.h"

struct arena_chunk;

struct arena {
  struct mem *mem;
  struct arena_chunk *first, *current; /* chunks are kept over a reset */
  char *next, *end;
  size_t chunk_bytes;
};

void arena_init(struct arena *arena, struct mem *mem, size_t chunk_bytes); /* takes nothing until first use */
void *arena_alloc_slow(struct arena *arena, size_t bytes);
void arena_reset(struct arena *arena); /* keeps the chunks; oversized ones are freed */
void arena_free(struct arena *arena);
size_t arena_bytes(const struct arena *arena);

/* Not zeroed, aligned to 8, never NULL (mem.h). */
static inline void *arena_alloc(struct arena *arena, size_t bytes) {
  bytes = (bytes + 7u) & ~(size_t)7u;
  if (__builtin_expect((size_t)(arena->end - arena->next) >= bytes && arena->next != NULL, 1)) {
    void *block = arena->next;
    arena->next += bytes;
    return block;
  }
  return arena_alloc_slow(arena, bytes);
}

/* What was allocated since the mark is given back; marks are released in the reverse order. */
struct arena_mark {
  struct arena_chunk *first, *current;
  char *next;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_release(struct arena *arena, struct arena_mark mark);

void *arena_zero(struct arena *arena, size_t bytes);
char *arena_copy(struct arena *arena, const void *bytes, size_t length); /* a NUL is put behind it */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

#define arena_new(arena, type) ((type *)arena_zero((arena), sizeof(type)))
#define arena_array(arena, type, count) ((type *)arena_zero((arena), sizeof(type) * (size_t)(count)))

#endif
