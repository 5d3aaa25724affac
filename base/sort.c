/* sort.c - bottom-up merge sort over a scratch arena; short runs are made by insertion. */
#include "base/sort.h"

#include <string.h>

enum { RUN = 8 };

static void insert_run(char *items, size_t count, size_t size, int (*compare)(const void *, const void *),
                       char *spare) {
  for (size_t i = 1; i < count; i++) {
    size_t at = i;
    while (at > 0 && compare(items + (at - 1) * size, items + i * size) > 0) at--;
    if (at == i) continue;
    memcpy(spare, items + i * size, size);
    memmove(items + (at + 1) * size, items + at * size, (i - at) * size);
    memcpy(items + at * size, spare, size);
  }
}

void sort_items(void *items, size_t count, size_t size, int (*compare)(const void *, const void *),
                struct arena *scratch) {
  if (count < 2) return;
  char *from = items, *to = arena_alloc(scratch, count * size);
  for (size_t i = 0; i < count; i += RUN)
    insert_run(from + i * size, count - i < RUN ? count - i : RUN, size, compare, to);
  for (size_t width = RUN; width < count; width *= 2) {
    for (size_t begin = 0; begin < count; begin += 2 * width) {
      size_t a = begin, middle = begin + width < count ? begin + width : count, b = middle;
      size_t end = begin + 2 * width < count ? begin + 2 * width : count;
      for (size_t out = begin; out < end; out++) {
        bool left = a < middle && (b == end || compare(from + a * size, from + b * size) <= 0);
        memcpy(to + out * size, from + (left ? a++ : b++) * size, size);
      }
    }
    char *swap = from;
    from = to;
    to = swap;
  }
  if (from != (char *)items) memcpy(items, from, count * size);
}
