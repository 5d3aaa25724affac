/* floors: engine rules nfa base */
/* What a key has: one record for all rules, found by its hash, with everything that its rules keep. */
#include "engine/key_state.h"

#include "test.h"

static struct hash128 key(uint64_t n) { return (struct hash128){.low = hash_u64(n), .high = hash_u64(n ^ 0x5555)}; }

/* Keys whose home is the same line, so that removal has to move entries. */
static struct hash128 crowded(uint64_t n) { return (struct hash128){.low = n << 40 | 3, .high = n}; }

static void round_trip(struct hash128 (*make)(uint64_t), uint64_t count) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct key_table *table = key_table_new(mem, &pool);
  for (uint64_t i = 1; i <= count; i++) {
    EXPECT(key_table_find(table, make(i)) == NULL);
    struct key_record *record = key_table_make(table, make(i), (uint16_t)(i % 7));
    key_record_rule(table, record, (uint32_t)i, true);
    EXPECT(key_table_make(table, make(i), 0) == record);
  }
  EXPECT_INT(key_table_count(table), count);
  for (uint64_t i = 1; i <= count; i += 2) { /* every other one goes */
    struct key_record *record = key_table_find(table, make(i));
    EXPECT(record != NULL);
    if (record == NULL) break;
    key_record_remove(table, record, (uint32_t)i);
    key_table_release(table, record);
  }
  for (uint64_t i = 1; i <= count; i++) {
    struct key_record *record = key_table_find(table, make(i));
    EXPECT((record != NULL) == (i % 2 == 0));
    if (record != NULL) EXPECT_INT(record->states[0].rule, i);
  }
  mem_free_all(mem);
}

TEST(makes_finds_and_releases) { round_trip(key, 20000); }
TEST(the_same_with_collisions) { round_trip(crowded, 500); }

/* Records of spaces that are widened have a line of their own behind them, wherever others come and go. */
TEST(wide_records_have_an_annex) {
  enum { KEYS = 5000, WIDE = 3, ALSO_WIDE = 5 };
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct key_table *table = key_table_new(mem, &pool);
  key_table_widen(table, WIDE);
  key_table_widen(table, ALSO_WIDE);
  key_table_widen(table, WIDE);
  for (uint64_t round = 0; round < 3; round++) {
    for (uint64_t i = 0; i < KEYS; i++) {
      struct key_record *record = key_table_make(table, key(i), (uint16_t)((i + round) % 7));
      bool wide = (i + round) % 7 == WIDE || (i + round) % 7 == ALSO_WIDE;
      key_record_rule(table, record, 1, true)->birth = (uint32_t)i;
      EXPECT((key_record_annex(record) != NULL) == wide);
      if (wide) memset(key_record_annex(record), (int)(i % 251), KEY_ANNEX_BYTES);
    }
    for (uint64_t i = 0; i < KEYS; i++) {
      struct key_record *record = key_table_find(table, key(i));
      EXPECT(record != NULL && record->count == 1 && record->states[0].birth == i);
      const unsigned char *annex = key_record_annex(record);
      for (int b = 0; annex != NULL && b < KEY_ANNEX_BYTES; b++) EXPECT_INT(annex[b], i % 251);
      key_record_remove(table, record, 1);
      key_table_release(table, record);
    }
    EXPECT_INT(key_table_count(table), 0);
  }
  mem_free_all(mem);
}

/* Keys of few lines come and go at random: each is found while it is there, and not before or after. */
TEST(random_run_against_a_model) {
  enum { KEYS = 600, ROUNDS = 40000 };
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct key_table *table = key_table_new(mem, &pool);
  static struct key_record *there[KEYS];
  uint64_t random = 42, count = 0;
  int wrong = 0;
  for (int round = 0; round < ROUNDS; round++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    uint64_t i = (random >> 33) % KEYS;
    struct hash128 k = {.low = i << 32 | (i % 3 == 0 ? 125 + i % 40 : i % 7), .high = i}; /* over the table's end too */
    wrong += key_table_find(table, k) != there[i];
    if (there[i] == NULL) {
      there[i] = key_table_make(table, k, 0);
      key_record_rule(table, there[i], (uint32_t)i, true);
      count++;
    } else if (random >> 63 != 0) {
      wrong += there[i]->states[0].rule != i;
      key_record_remove(table, there[i], (uint32_t)i);
      key_table_release(table, there[i]);
      there[i] = NULL;
      count--;
    }
    wrong += key_table_count(table) != count;
  }
  EXPECT_INT(wrong, 0);
  mem_free_all(mem);
}

static struct hash128 of_text(const char *text, size_t length, uint16_t space) {
  struct value value = value_string((struct slice){text, length});
  return key_of_values(1, space, &value);
}

/* Strings that differ in one byte or in their length, in two spaces, and the same ones where they stand elsewhere. */
TEST(short_strings_are_known_by_all_their_bytes) {
  enum { LENGTHS = 20, VARIANTS = 2 * LENGTHS + 1 };
  static struct hash128 known[2 * LENGTHS * VARIANTS];
  size_t count = 0, equal = 0;
  for (uint16_t space = 0; space < 2; space++)
    for (size_t length = 0; length < LENGTHS; length++)
      for (size_t changed = 0; changed <= length; changed++) {
        char text[LENGTHS + 8], copy[LENGTHS + 8];
        memset(text, '0', sizeof text);
        if (changed < length) text[changed] = (char)(changed % 2 == 0 ? 0 : 0xff);
        memset(copy, 'x', sizeof copy);
        memcpy(copy + 3, text, length);
        struct hash128 hash = of_text(text, length, space), same = of_text(copy + 3, length, space);
        EXPECT(hash.low == same.low && hash.high == same.high);
        known[count++] = hash;
      }
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < i; j++) equal += known[i].low == known[j].low; /* the half that finds them */
  EXPECT_INT(equal, 0);
}

TEST(a_guess_is_good_while_the_record_is_the_keys) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct key_table *table = key_table_new(mem, &pool);
  struct key_record *record = key_table_make(table, key(1), 0);
  key_record_rule(table, record, 7, true);
  struct key_record *guess = key_table_guess(table, key(1));
  EXPECT(guess == record);
  EXPECT(key_table_guess(table, key(2)) == NULL);
  EXPECT(key_table_recall(table, key(1), guess) == record);
  EXPECT(key_table_recall(table, key(1), NULL) == record);
  key_record_remove(table, record, 7);
  key_table_release(table, record);
  EXPECT(key_table_recall(table, key(1), guess) == NULL);
  struct key_record *other = key_table_make(table, key(2), 0); /* in the same memory */
  key_record_rule(table, other, 7, true);
  EXPECT(other == guess);
  EXPECT(key_table_recall(table, key(1), guess) == NULL);
  EXPECT(key_table_recall(table, key(2), guess) == other);
  mem_free_all(mem);
}

/* The timer stays in the wheel, its record stays a record: it fires for whoever has the memory then. */
TEST(a_timer_outlives_its_key) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct key_table *table = key_table_new(mem, &pool);
  struct wheel *wheel = wheel_new(mem, &pool);
  struct key_record *record = key_table_make(table, key(1), 0);
  int64_t deadline = 0;
  wheel_arm(wheel, &record->timer, 1000);
  key_table_release(table, record);
  EXPECT(key_table_find(table, key(1)) == NULL);
  EXPECT_INT(key_table_count(table), 0);
  record = key_table_make(table, key(2), 0);
  wheel_arm(wheel, &record->timer, 2000);
  EXPECT(wheel_next(wheel, INT64_MAX, &deadline) == &record->timer);
  EXPECT_INT(deadline, 1000);
  wheel_arm(wheel, &record->timer, 2000);
  EXPECT(wheel_next(wheel, INT64_MAX, &deadline) == &record->timer);
  EXPECT_INT(deadline, 2000);
  EXPECT(wheel_next(wheel, INT64_MAX, &deadline) == NULL);
  mem_free_all(mem);
}

TEST(many_rules_at_one_key) {
  struct mem *mem = mem_new(0);
  struct pool pool;
  pool_init(&pool, mem);
  struct key_table *table = key_table_new(mem, &pool);
  struct key_record *record = key_table_make(table, key(1), 0);
  for (uint32_t rule = 0; rule < 1000; rule++) key_record_rule(table, record, rule, true)->wait_mask = rule;
  for (uint32_t rule = 0; rule < 1000; rule += 3) key_record_remove(table, record, rule);
  for (uint32_t rule = 0; rule < 1000; rule++) {
    struct rule_state *state = key_record_rule(table, record, rule, false);
    EXPECT((state == NULL) == (rule % 3 == 0));
    if (state != NULL) EXPECT_INT(state->wait_mask, rule);
  }
  mem_free_all(mem);
}

TEST_MAIN
