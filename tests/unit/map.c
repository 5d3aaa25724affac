/* floors: base */
/* The two hash maps: growth, empty keys, removal, a random run against an array. */
#include "test.h"

#include <stdlib.h>

#include "base/map.h"

TEST(texts) {
  struct mem *mem = mem_new(0);
  struct map_text map;
  map_text_init(&map, mem);
  EXPECT(map_text_get(&map, SLICE("a")) == NULL);
  enum { COUNT = 5000 };
  static char keys[COUNT][8];
  bool is_new;
  for (uint32_t i = 0; i < COUNT; i++) {
    snprintf(keys[i], sizeof keys[i], "k%u", i);
    *map_text_put(&map, slice_of(keys[i]), &is_new) = i;
    EXPECT(is_new);
  }
  *map_text_put(&map, (struct slice){NULL, 0}, &is_new) = 77; /* the empty key is a key */
  EXPECT(is_new);
  EXPECT_INT(*map_text_put(&map, SLICE(""), &is_new), 77);
  EXPECT(!is_new);
  EXPECT_INT(map.count, COUNT + 1);
  for (uint32_t i = 0; i < COUNT; i++) {
    uint32_t *value = map_text_get(&map, slice_of(keys[i]));
    EXPECT(value != NULL && *value == i);
  }
  EXPECT(map_text_get(&map, SLICE("k5000")) == NULL);
  EXPECT(map_text_get(&map, SLICE("k")) == NULL);
  map_text_free(&map);
  EXPECT_INT(mem_used(mem), 0);
  EXPECT(map_text_get(&map, SLICE("k1")) == NULL);
  mem_free_all(mem);
}

enum { KEYS = 2000, ROUNDS = 300000 };

TEST(numbers_against_an_array) {
  struct mem *mem = mem_new(0);
  struct map_u64 map;
  map_u64_init(&map, mem);
  static uint64_t values[KEYS];
  static bool there[KEYS];
  uint64_t random = 7, count = 0;
  int wrong = 0;
  EXPECT(!map_u64_remove(&map, 1));
  for (int round = 0; round < ROUNDS; round++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    uint64_t i = (random >> 33) % KEYS, key = i % 2 ? i : i << 40; /* dense and far apart */
    if (random >> 62 == 0) {
      wrong += map_u64_remove(&map, key) != there[i];
      count -= there[i];
      there[i] = false;
    } else if (random >> 62 == 1) {
      bool is_new;
      *map_u64_put(&map, key, &is_new) = values[i] = random;
      wrong += is_new == there[i];
      count += !there[i];
      there[i] = true;
    } else {
      uint64_t *value = map_u64_get(&map, key);
      wrong += (value != NULL) != there[i] || (value != NULL && *value != values[i]);
    }
    wrong += map.count != count;
  }
  EXPECT_INT(wrong, 0);
  uint64_t at = 0, seen = 0;
  for (struct map_u64_entry *entry; (entry = map_u64_next(&map, &at)) != NULL; seen++) {
    uint64_t i = entry->key >> 40 != 0 ? entry->key >> 40 : entry->key;
    EXPECT(there[i] && values[i] == entry->value);
  }
  EXPECT_INT(seen, count);
  map_u64_clear(&map);
  EXPECT_INT(map.count, 0);
  EXPECT(map_u64_get(&map, 1) == NULL);
  *map_u64_put(&map, 0, NULL) = 5; /* zero and all ones are keys as others */
  *map_u64_put(&map, UINT64_MAX, NULL) = 6;
  EXPECT_INT(*map_u64_get(&map, 0), 5);
  EXPECT_INT(*map_u64_get(&map, UINT64_MAX), 6);
  map_u64_free(&map);
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
}

TEST_MAIN
