/* arena.c - bump allocation over chunks. Owns the chunks; called by whoever has a batch or a rule set. */
#include "base/arena.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* Regular chunks stand from the list's end backwards in order of use; oversized ones (one block each) always before
 * them, so that everything after `current` is regular and unused. */
struct arena_chunk {
  struct arena_chunk *after;
  size_t bytes; /* behind this header */
  bool oversized;
};

enum { CHUNK_BYTES_MIN = 256 };

static char *chunk_data(struct arena_chunk *chunk) { return (char *)(chunk + 1); }

void arena_init(struct arena *arena, struct mem *mem, size_t chunk_bytes) {
  if (chunk_bytes < CHUNK_BYTES_MIN) chunk_bytes = CHUNK_BYTES_MIN;
  *arena = (struct arena){.mem = mem, .chunk_bytes = (chunk_bytes + 7u) & ~(size_t)7u};
}

static struct arena_chunk *chunk_new(struct arena *arena, size_t bytes, bool oversized) {
  check(bytes <= SIZE_MAX / 2);
  struct arena_chunk *chunk = mem_alloc_raw(arena->mem, sizeof *chunk + bytes);
  *chunk = (struct arena_chunk){.bytes = bytes, .oversized = oversized};
  return chunk;
}

static void use_chunk(struct arena *arena, struct arena_chunk *chunk) {
  arena->current = chunk;
  arena->next = chunk_data(chunk);
  arena->end = arena->next + chunk->bytes;
}

void *arena_alloc_slow(struct arena *arena, size_t bytes) {
  bytes = (bytes + 7u) & ~(size_t)7u;
  if (bytes > arena->chunk_bytes / 2) {
    struct arena_chunk *chunk = chunk_new(arena, bytes, true);
    chunk->after = arena->first;
    arena->first = chunk;
    return chunk_data(chunk);
  }
  struct arena_chunk *chunk = arena->current == NULL ? NULL : arena->current->after;
  if (chunk == NULL) {
    chunk = chunk_new(arena, arena->chunk_bytes, false);
    if (arena->current != NULL) {
      arena->current->after = chunk;
    } else {
      chunk->after = NULL;
      struct arena_chunk **end = &arena->first;
      while (*end != NULL) end = &(*end)->after; /* only oversized ones stand there, and only until the first chunk */
      *end = chunk;
    }
  }
  use_chunk(arena, chunk);
  void *block = arena->next;
  arena->next += bytes;
  return block;
}

void arena_reset(struct arena *arena) {
  while (arena->first != NULL && arena->first->oversized) {
    struct arena_chunk *chunk = arena->first;
    arena->first = chunk->after;
    mem_free(arena->mem, chunk);
  }
  if (arena->first != NULL) use_chunk(arena, arena->first);
}

struct arena_mark arena_mark(const struct arena *arena) {
  return (struct arena_mark){.first = arena->first, .current = arena->current, .next = arena->next};
}

void arena_release(struct arena *arena, struct arena_mark mark) {
  while (arena->first != mark.first && arena->first->oversized) { /* oversized ones stand first, the latest before */
    struct arena_chunk *chunk = arena->first;
    arena->first = chunk->after;
    mem_free(arena->mem, chunk);
  }
  if (mark.current != NULL) {
    use_chunk(arena, mark.current);
    arena->next = mark.next;
    return;
  }
  struct arena_chunk *regular = arena->first; /* the first one came since */
  while (regular != NULL && regular->oversized) regular = regular->after;
  if (regular != NULL) use_chunk(arena, regular);
}

void arena_free(struct arena *arena) {
  for (struct arena_chunk *chunk = arena->first; chunk != NULL;) {
    struct arena_chunk *after = chunk->after;
    mem_free(arena->mem, chunk);
    chunk = after;
  }
  arena->first = arena->current = NULL;
  arena->next = arena->end = NULL;
}

size_t arena_bytes(const struct arena *arena) {
  size_t bytes = 0;
  for (const struct arena_chunk *chunk = arena->first; chunk != NULL; chunk = chunk->after)
    bytes += sizeof *chunk + chunk->bytes;
  return bytes;
}

void *arena_zero(struct arena *arena, size_t bytes) { return memset(arena_alloc(arena, bytes), 0, bytes); }

char *arena_copy(struct arena *arena, const void *bytes, size_t length) {
  char *copy = arena_alloc(arena, length + 1);
  if (length > 0) memcpy(copy, bytes, length);
  copy[length] = '\0';
  return copy;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, again);
  va_end(again);
  check(length >= 0);
  char *text = arena_alloc(arena, (size_t)length + 1);
  vsnprintf(text, (size_t)length + 1, format, arguments);
  return text;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = arena_vprintf(arena, format, arguments);
  va_end(arguments);
  return text;
}
