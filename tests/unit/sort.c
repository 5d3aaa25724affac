/* floors: base */
/* sort.c - the merge sort against its two promises: in order, and equal items as they stood. */
#include "base/sort.h"

#include "test.h"

struct item {
  int key, place;
};

static int by_key(const void *a, const void *b) {
  return ((const struct item *)a)->key - ((const struct item *)b)->key;
}

static bool sorts(size_t count, unsigned keys) {
  struct mem *mem = mem_new(0);
  struct arena arena;
  arena_init(&arena, mem, 1024);
  struct item *items = arena_array(&arena, struct item, count + 1);
  unsigned state = (unsigned)count * 2654435761u + keys;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    items[i] = (struct item){(int)((state >> 8) % keys), (int)i};
  }
  sort_items(items, count, sizeof *items, by_key, &arena);
  bool good = true;
  for (size_t i = 1; i < count; i++)
    good &=
        items[i - 1].key < items[i].key || (items[i - 1].key == items[i].key && items[i - 1].place < items[i].place);
  mem_free_all(mem);
  return good;
}

TEST(sorts_every_small_count) {
  for (size_t count = 0; count < 100; count++) {
    EXPECT(sorts(count, 1000000));
    EXPECT(sorts(count, 3));
  }
}
TEST(sorts_many) {
  EXPECT(sorts(100000, 1000));
  EXPECT(sorts(65536, 1));
}

TEST_MAIN
