/* sort.h - sorting without the C library's qsort(), which may take memory of its own. */
#ifndef WEIR_BASE_SORT_H
#define WEIR_BASE_SORT_H

#include "base/arena.h"

/* Stable merge sort of `count` items of `size` bytes; as much room again is taken from `scratch`. */
void sort_items(void *items, size_t count, size_t size, int (*compare)(const void *, const void *),
                struct arena *scratch);

#endif
