/* floors: engine rules nfa base */
/* suppress: told at T, counted before T + D, the count said in the next told, `unless` against what was told. */
#include "engine/suppress.h"
#include "test.h"

static struct rule rules[2];
static struct ruleset ruleset = {.rule_count = 2, .rules = rules};
static struct expr_counts counts;

static struct hash128 key(uint64_t number) { return (struct hash128){.low = number * 977, .high = number}; }

/* -1: not told; else how many were not told before. */
static int ask(struct suppress *suppress, unsigned rule, uint64_t number, int64_t time) {
  struct expr_env env = {.counts = &counts};
  struct value emit = value_int(time);
  uint64_t before;
  return suppress_tells(suppress, &rules[rule], key(number), time, &emit, &env, &before) ? (int)before : -1;
}

static void make_rules(void) {
  for (uint16_t i = 0; i < 2; i++) rules[i] = (struct rule){.id = i, .suppress_us = 10, .emit_count = 1};
}

TEST(what_comes_before_the_time_is_over_is_counted_and_said) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  make_rules();
  struct suppress *suppress = suppress_new(mem, &ruleset, 100);
  EXPECT_INT(ask(suppress, 0, 1, 100), 0);
  EXPECT_INT(ask(suppress, 0, 1, 100), -1);
  EXPECT_INT(ask(suppress, 0, 1, 109), -1);
  EXPECT_INT(ask(suppress, 0, 2, 109), 0); /* another key */
  EXPECT_INT(ask(suppress, 1, 1, 109), 0); /* another rule */
  EXPECT_INT(ask(suppress, 0, 1, 110), 2); /* T + D is over */
  EXPECT_INT(ask(suppress, 0, 1, 119), -1);
  EXPECT_INT(ask(suppress, 0, 1, 5000), 1); /* the count is said however late */
  EXPECT_INT(ask(suppress, 0, 1, 6000), 0);
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(state_leaves_with_event_time) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  make_rules();
  struct suppress *suppress = suppress_new(mem, &ruleset, 100000);
  size_t early = 0;
  for (int64_t t = 0; t < 100000; t++) {
    EXPECT_INT(ask(suppress, 0, (uint64_t)t, t), 0);
    if (t == 1000) early = mem_used(mem);
  }
  EXPECT_INT(suppress_count(suppress), 10);
  EXPECT(mem_used(mem) <= early);
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(beyond_the_limit_counts_go_before_those_inside_their_time) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  make_rules();
  struct suppress *suppress = suppress_new(mem, &ruleset, 3);
  EXPECT_INT(ask(suppress, 0, 1, 0), 0);
  EXPECT_INT(ask(suppress, 0, 1, 5), -1); /* has a count to say */
  EXPECT_INT(ask(suppress, 0, 2, 20), 0);
  EXPECT_INT(ask(suppress, 0, 3, 21), 0);
  EXPECT_INT(ask(suppress, 0, 4, 22), 0); /* drives out 1 */
  EXPECT_INT(suppress_forgotten(suppress), 1);
  EXPECT_INT(ask(suppress, 0, 2, 23), -1);
  EXPECT_INT(ask(suppress, 0, 1, 24), 0); /* forgotten; drives out 2, the oldest */
  EXPECT_INT(ask(suppress, 0, 2, 25), 0);
  EXPECT_INT(suppress_count(suppress), 3);
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(unless_reads_what_was_told) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  make_rules();
  struct arena arena;
  arena_init(&arena, mem, 4096);
  /* unless emitted >= 2 * told */
  struct expr_node told = {.op = EXPR_INPUT, .type = TYPE(VALUE_INT), .bank = BANK_TOLD};
  struct expr_node emitted = {.op = EXPR_INPUT, .type = TYPE(VALUE_INT), .bank = BANK_EMIT};
  struct expr_node two = {.op = EXPR_CONST, .type = TYPE(VALUE_INT), .value = value_int(2)};
  struct expr_node *product[] = {&two, &told};
  struct expr_node twice = {.op = EXPR_MULTIPLY, .type = TYPE(VALUE_INT), .child_count = 2, .children = product};
  struct expr_node *sides[] = {&emitted, &twice};
  struct expr_node unless = {.op = EXPR_GREATER_EQUAL, .type = TYPE(VALUE_BOOL), .child_count = 2, .children = sides};
  rules[0].suppress_unless = expr_compile(&arena, &unless, NULL);
  EXPECT(rules[0].suppress_unless != NULL);
  struct suppress *suppress = suppress_new(mem, &ruleset, 100);
  static const struct {
    int64_t time, value;
    int before;
  } steps[] = {{0, 10, 0}, {1, 19, -1}, {2, 20, 1}, {3, 39, -1}, {4, 40, 1}, {5, 40, -1}, {14, 1, 1}};
  for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    struct value emit = value_int(steps[i].value);
    struct expr_env env = {.scratch = &arena, .counts = &counts};
    env.banks[BANK_EMIT] = &emit;
    uint64_t before;
    bool tells = suppress_tells(suppress, &rules[0], key(1), steps[i].time, &emit, &env, &before);
    EXPECT_INT(tells ? (int)before : -1, steps[i].before);
  }
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST_MAIN
