/* floors: base nfa rules engine */
/* The sizes that a plan states of its states are those that the engine makes, or a little more; never less. */
#include "tests/test.h"

#include "engine/counter.h"
#include "rules/check.h"
#include "rules/count_size.h"
#include "rules/parse.h"

#define EVENT "event e { event_time at  at time  k string  n int  m int  f float  d decimal(2)  s string  b bool }\n"

struct fixture {
  struct mem *mem;
  struct arena arena;
  struct diags diags;
  struct ruleset *set;
};

static bool set_up(struct fixture *f, const char *text) {
  struct ruleset_options options = {.env = (struct env *)(uintptr_t)env_real()};
  struct check_options check_options = {0};
  struct err err;
  memset(f, 0, sizeof *f);
  f->mem = mem_new(0);
  arena_init(&f->arena, f->mem, 1 << 16);
  diags_init(&f->diags, &f->arena);
  struct tree *tree = arena_new(&f->arena, struct tree);
  tree->arena = &f->arena;
  int result = parse_file(tree, SLICE("a.weir"), slice_of(text), &f->diags);
  if (result == 0) result = check_tree(tree, &check_options, &f->diags);
  if (result == 0) result = ruleset_compile(tree, &options, &f->diags, &f->set, &err);
  if (result != 0) {
    struct buf out;
    buf_init(&out, f->mem);
    for (uint32_t i = 0; i < f->diags.count; i++) diag_print(&out, tree, &f->diags.items[i]);
    printf("%s%s\n", text, buf_text(&out));
  }
  EXPECT(result == 0);
  return result == 0;
}

static void tear_down(struct fixture *f) {
  if (f->set != NULL) ruleset_unref(f->set);
  mem_free_all(f->mem);
}

/* The first population's sizes against the engine's; `slack`: so many bytes more may be stated of a state. */
static void expect_sizes(const struct fixture *f, size_t slack) {
  for (uint16_t p = 0; p < f->set->population_count; p++) {
    const struct count_size *said = &f->set->populations[p].size;
    struct counter_sizes made = counters_sizes(f->set, p); /* check()s that it is no more */
    EXPECT(made.state > 0 && made.state <= said->state && said->state <= made.state + slack);
    EXPECT_INT(said->event + said->value, made.event);
  }
}

static const char *const counters[] = {
    "count() over 1h",
    "count() over 2h",
    "count(where b) over 1h",
    "sum(n) over 1h",
    "sum(n where b) over 1h",
    "sum(f) over 1h",
    "avg(d) over 1h",
    "avg(f) over 3h",
    "avg(m) over last 10",
    "rate() over 1h",
    "min(n) over 1h",
    "max(n) over 1h",
    "max(s) over 2h",
    "first(s) over 1h",
    "last(n) over 1h",
    "stddev(n) over 1h",
    "median(f) over 1h",
    "percentile(n, 95) over 1h",
    "percentile(n, 95) over 1h approx",
    "distinct(s) over 1h",
    "distinct(s) over 2h",
    "distinct(s) over last 100",
    "distinct(s) over 1h approx",
    "ewma(n, 1h) over 1d",
    "top(s, 3) over 1h",
    "top(s, 3 by sum(n)) over 1h",
    "top(s, 3 by max(d)) over today",
    "collect(s, 3) over 1h",
    "nth(n, 2) over 1h",
    "count() over today",
    "sum(d) over today",
    "avg(d) over today",
    "stddev(d) over today",
    "max(s) over today",
    "distinct(s) over today",
    "median(n) over today",
    "median(n) over today approx",
    "count() over previous 1h",
    "last(n) over last 3",
    "avg(n) over previous 30d",
};
enum { COUNTERS = sizeof counters / sizeof *counters };

static void add_counter(struct buf *out, unsigned number, unsigned at) {
  buf_printf(out, "  x%u = %s\n", at, counters[number]);
}

TEST(each_alone) {
  for (unsigned i = 0; i < COUNTERS; i++) {
    struct mem *mem = mem_new(0);
    struct buf text;
    struct fixture f;
    buf_init(&text, mem);
    buf_str(&text, EVENT "rule r { on e key k emit {\n");
    add_counter(&text, i, 0);
    buf_str(&text, "} }\n");
    if (set_up(&f, buf_text(&text))) expect_sizes(&f, 0);
    if (test_failed) printf("%s\n", counters[i]);
    tear_down(&f);
    mem_free_all(mem);
  }
}

TEST(many_together) {
  uint32_t seed = 1;
  for (unsigned round = 0; round < 200; round++) {
    struct mem *mem = mem_new(0);
    struct buf text;
    struct fixture f;
    buf_init(&text, mem);
    buf_str(&text, EVENT "rule r { on e key k emit {\n");
    for (unsigned at = 0; at < 12; at++) {
      seed = seed * 1664525 + 1013904223;
      add_counter(&text, (seed >> 16) % COUNTERS, at);
    }
    buf_str(&text, "  y = seen(n, 1h)  z = previous(s)\n} }\n");
    if (set_up(&f, buf_text(&text))) expect_sizes(&f, 64);
    if (test_failed) printf("%s\n", buf_text(&text));
    tear_down(&f);
    mem_free_all(mem);
    if (test_failed) break;
  }
}

TEST_MAIN
