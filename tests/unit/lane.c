/* floors: engine rules nfa base */
/* Plain sequences as lanes tell what runs tell: long random streams on few keys, so that rings wrap, grow, lose what
 * nobody needs, and everything of a key ends and begins again. Events keep strings, which have memory of their own. */
#include "engine/step.h"
#include "rules/check.h"
#include "rules/parse.h"
#include "test.h"

enum { EVENTS = 12000, KEYS = 3, BATCH = 48 };

static const char declarations[] =
    "event e {\n  event_time at\n  at time(ms)\n  user string\n  n int\n  note string\n}\n"
    "event f {\n  event_time at\n  at time(ms)\n  user string\n  n int\n  words [string]\n}\n";

struct fixture {
  struct mem *mem;
  struct arena arena;
  struct ruleset *ruleset;
  struct event *events;
};

static uint64_t draw(uint64_t *random) {
  *random = *random * 6364136223846793005u + 1442695040888963407u;
  return *random >> 33;
}

static void compile(struct fixture *f, const char *rule) {
  *f = (struct fixture){.mem = mem_new(0)};
  if (MEM_GUARD(f->mem)) {
    printf("out of memory\n");
    exit(1);
  }
  arena_init(&f->arena, f->mem, 1 << 16);
  struct tree *tree = arena_new(&f->arena, struct tree);
  tree->arena = &f->arena;
  struct diags diags;
  struct err err = {0};
  diags_init(&diags, &f->arena);
  struct check_options check_options = {0};
  struct ruleset_options options = {.env = (struct env *)(uintptr_t)env_real(), .for_run = true};
  struct slice text = slice_of(arena_printf(&f->arena, "%s%s", declarations, rule));
  parse_file(tree, SLICE("a.weir"), text, &diags);
  if (diags.error_count == 0) check_tree(tree, &check_options, &diags);
  if (diags.error_count == 0) ruleset_compile(tree, &options, &diags, &f->ruleset, &err);
  if (f->ruleset == NULL) {
    struct buf out;
    buf_init(&out, f->mem);
    for (uint32_t i = 0; i < diags.count; i++) diag_print(&out, tree, &diags.items[i]);
    printf("%s%s\n", buf_text(&out), err.text);
    exit(1);
  }
}

static void set(const struct schema *schema, struct value *values, const char *field, struct value v) {
  for (uint16_t i = 0; i < schema->field_count; i++)
    if (schema->fields[i].used && slice_equal(schema->fields[i].name, slice_of(field)))
      values[schema->fields[i].slot] = v;
}

/* Three of four events are an e; `n` is 0 to 7; now and then a time passes in which everything ends. */
static void make_events(struct fixture *f, uint64_t seed, uint32_t step_ms) {
  static const char *const users[KEYS] = {"anna", "b", "a key that is longer than those of the others"};
  int64_t time = 0;
  f->events = arena_array(&f->arena, struct event, EVENTS);
  for (uint32_t i = 0; i < EVENTS; i++) {
    uint16_t type = 0;
    while (!slice_equal(f->ruleset->schemas[type].name, draw(&seed) % 4 == 0 ? SLICE("f") : SLICE("e"))) type ^= 1;
    const struct schema *schema = &f->ruleset->schemas[type];
    struct value *values = arena_array(&f->arena, struct value, schema->slot_count + 1);
    struct value *words = arena_array(&f->arena, struct value, 2);
    for (int w = 0; w < 2; w++) words[w] = value_string(slice_of(arena_printf(&f->arena, "word %u", i)));
    time += (int64_t)(draw(&seed) % (2 * step_ms)) * 1000 + (draw(&seed) % 2000 == 0 ? INT64_C(3600000000) : 0);
    set(schema, values, "user", value_string(slice_of(users[draw(&seed) % KEYS])));
    set(schema, values, "n", value_int((int64_t)(draw(&seed) % 8)));
    set(schema, values, "note", i % 7 == 0 ? value_null() : value_string(slice_of(arena_printf(&f->arena, "%u!", i))));
    set(schema, values, "words", (struct value){.list = words, .length = 2, .kind = VALUE_LIST});
    f->events[i] = (struct event){.time = time,
                                  .sequence = i + 1u,
                                  .position = {.offset = i, .partition = i % 3},
                                  .type = type,
                                  .values = values};
  }
}

/* What was told, in its order: a hash of everything that an alert may show. */
struct record {
  uint64_t hash, told;
};
static void tell(void *context, const struct told *told) {
  struct record *record = context;
  const struct nfa_match *match = told->match;
  uint64_t hash = record->hash * 31 + (uint64_t)match->time * 2 + match->cut;
  for (uint32_t i = 0; i < match->count; i++) {
    const struct held *held = match->items[i].event;
    hash = hash * 1000003 + held->sequence * 16 + match->items[i].step;
    hash = hash * 31 + held->position.offset + held->position.partition + (uint64_t)held->time;
    for (uint16_t v = 0; v < held->value_count; v++) hash = hash * 131 + value_hash(held->values[v]);
  }
  record->hash = hash * 31 + value_hash(told->key[0]);
  record->told++;
}

static struct record run(const struct fixture *f, enum nfa_mode mode, uint32_t runs_max, struct nfa_counts *counts) {
  struct mem *mem = mem_new(0);
  struct record record = {0};
  struct step_options options = {.mode = mode, .runs_max = runs_max, .tell = tell, .context = &record};
  if (MEM_GUARD(mem)) {
    printf("out of memory\n");
    exit(1);
  }
  struct stepper *stepper = stepper_new(mem, f->ruleset, &options);
  for (uint32_t i = 0; i < EVENTS; i += BATCH) stepper_batch(stepper, &f->events[i], BATCH);
  stepper_time(stepper, INT64_MAX);
  *counts = stepper_counts(stepper, 0)->nfa;
  EXPECT_INT(counts->open, 0);
  EXPECT_INT(stepper_keys(stepper), 0);
  mem_unguard(mem);
  mem_free_all(mem);
  return record;
}

static uint64_t same(const char *rule, uint32_t step_ms, uint32_t runs_max) {
  struct fixture f;
  struct nfa_counts lanes, runs;
  compile(&f, rule);
  make_events(&f, step_ms + 17u, step_ms);
  struct record a = run(&f, NFA_MODE_AUTO, runs_max, &lanes), b = run(&f, NFA_MODE_RUNS, runs_max, &runs);
  EXPECT_INT(a.told, b.told);
  EXPECT(a.hash == b.hash);
  EXPECT_INT(lanes.started, runs.started);
  EXPECT_INT(lanes.completed, runs.completed);
  EXPECT_INT(lanes.dropped_runs_max, runs.dropped_runs_max);
  ruleset_unref(f.ruleset);
  mem_unguard(f.mem);
  mem_free_all(f.mem);
  return a.told;
}

#define HEAD "rule r {\n key user\n"
#define TEXTS " emit { x = a.note  y = b.note }\n"

static const char three[] =
    HEAD " match a = e(n <= 4)\n then b = e(n <= 3)\n then c = e(n == 7)\n within 10m\n" TEXTS "}\n";

TEST(three_steps) {
  EXPECT(same(three, 100, 0) > 50);   /* many runs a key */
  EXPECT(same(three, 20000, 0) > 50); /* some */
  EXPECT(same(three, 150000, 0) > 5); /* most expire */
  EXPECT(same(three, 100, 5) > 50);   /* few may begin */
}

TEST(rare_ends_and_long_rings) {
  EXPECT(
      same(HEAD
           " match a = e(n <= 4)\n then b = e(n == 5)\n then c = f(n == 7 and \"word 77\" in words)\n within 1h\n" TEXTS
           "}\n",
           1000, 0) <= 12000);
  EXPECT(same(HEAD
              " match a = e(n <= 4)\n then b = e(n == 5)\n then c = f(n == 7)\n within 1h\n report all limit 20\n" TEXTS
              "}\n",
              3000, 0) > 50);
}

TEST(all_are_told) {
  EXPECT(same(HEAD
              " match a = e(n <= 2)\n then b = e(n == 3)\n then c = e(n == 4)\n within 10m\n report all limit 1000\n"
              " after match overlap\n" TEXTS "}\n",
              3000, 0) > 500);
  EXPECT(same(HEAD " match a = e(n <= 2)\n then b = e(n == 3)\n then c = e(n == 4)\n within 10m\n report all limit 3\n"
                   " after match skip to next\n" TEXTS "}\n",
              3000, 0) > 50);
  EXPECT(same(HEAD " match a = e(n <= 2)\n then b = e(n <= 4)\n then c = e(n == 5)\n within 10m\n"
                   " after match skip to last b\n" TEXTS "}\n",
              3000, 0) > 50);
}

/* Nodes whose runs end leave entries that nobody needs in the middle of the ring, beside a run that waits for long. */
TEST(what_is_barred_ends) {
  EXPECT(same(HEAD " match a = e(n <= 4)\n next b = e(n <= 5)\n next c = e(n == 6)\n within 10m\n" TEXTS "}\n", 1000,
              0) > 50);
  EXPECT(same(HEAD " match a = e(n <= 4)\n next b = e among (n >= 2)\n then c = e(n == 6)\n within 10m\n" TEXTS "}\n",
              1000, 0) > 50);
  EXPECT(
      same(
          HEAD
          " match a = e(n <= 5)\n then no f(n <= 6)\n then b = e(n == 6)\n then c = f(n == 7 and \"word 9\" in words)\n"
          " within 50m\n" TEXTS "}\n",
          1000, 0) <= 12000);
  EXPECT(same(HEAD
              " match a = e(n <= 5)\n then no f(n <= 6)\n then b = e(n == 6)\n then no e(n == 1)\n then c = f(n == 7)\n"
              " within 50m\n report all limit 50\n" TEXTS "}\n",
              2000, 0) > 10);
}

TEST(two_and_more_steps_of_several_types) {
  EXPECT(same(HEAD " match a = f(n <= 2)\n then b = e(n == 3)\n within 10m\n emit { x = a.words }\n}\n", 3000, 0) >
         100);
  EXPECT(
      same(HEAD
           " match a = e(n <= 5)\n then b = f(n <= 5)\n then c = e(n == 6)\n then d = f(n <= 5)\n then g = e(n == 0)\n"
           " within 30m\n emit { x = a.note  y = b.words  z = d.words }\n}\n",
           5000, 0) > 50);
  EXPECT(same(HEAD " match a = e(n <= 5)\n then b = f(n <= 5)\n within 30m\n emit { n = a.n }\n}\n", 5000, 0) > 50);
}

TEST_MAIN
