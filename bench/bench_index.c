/* floors: base nfa rules */
/* bench_index.c - CPU ns per event of finding the rules that an event starts, from 10 to 10,000 rules of several kinds,
 * with about 3 matches an event; beside them the same rules asked one by one.
 *
 * Prints a calibration figure first (a fixed integer loop), so that figures of different machines can be compared;
 * every figure is the median of 5 runs. Arguments: none. */

#include "base/check.h"
#include "bench/clock.h"
#include "rules/index.h"
#include "rules/list_set.h"

enum { EVENTS = 4096, RULES_MOST = 10000, MATCHES = 3 };
enum { F_MERCHANT, F_AMOUNT, F_COUNTRY, F_DEVICE, FIELDS };
enum kind { EQUALITY_AND_RANGE, THRESHOLDS, INTERVALS, SETS, MIXED, KINDS };
static const char *const kind_names[] = {"merchant == M and amount > A", "amount > A", "amount between A and B",
                                         "device in (…4 of them…)", "a mix of these"};

struct bench {
  struct mem *mem;
  struct arena arena, scratch;
  struct ruleset ruleset;
  struct schema schema;
  struct schema_field fields[FIELDS];
  struct expr_env env;
  struct expr_counts counts;
  struct value (*events)[FIELDS];
  uint64_t random;
};

static uint32_t below(struct bench *b, uint32_t limit) {
  return (uint32_t)((bench_random(&b->random) >> 32) * limit >> 32);
}

/* ---- rules ---- */

static struct expr_node *node(struct bench *b, enum expr_op op, struct type type, uint16_t count) {
  struct expr_node *n = arena_new(&b->arena, struct expr_node);
  n->op = op;
  n->type = type;
  n->child_count = count;
  n->children = arena_array(&b->arena, struct expr_node *, count);
  return n;
}

static struct expr_node *compare(struct bench *b, uint16_t field, enum expr_op op, struct value v) {
  struct expr_node *n = node(b, op, TYPE(VALUE_BOOL), 2);
  n->children[0] = node(b, EXPR_INPUT, b->fields[field].type, 0);
  n->children[0]->index = field;
  n->children[1] = node(b, EXPR_CONST, (struct type){.kind = v.kind, .scale = v.scale}, 0);
  n->children[1]->value = v;
  return n;
}

static struct expr_node *both(struct bench *b, struct expr_node *left, struct expr_node *right) {
  struct expr_node *n = node(b, EXPR_AND, TYPE(VALUE_BOOL), 2);
  n->children[0] = left;
  n->children[1] = right;
  return n;
}

static struct value named(struct bench *b, const char *what, uint32_t number) {
  char *text = arena_printf(&b->arena, "%s-%u", what, number);
  return value_string(slice_of(text));
}

/* Amounts are 0 to 1,000,000 cents. The rules of each kind are as many as they are spread wide, so that about MATCHES
 * hold for an event. */
static struct expr_node *condition(struct bench *b, enum kind kind, uint32_t i, uint32_t count) {
  uint32_t groups = count / 10 == 0 ? 1 : count / 10;
  struct value amount = value_decimal((int64_t)(i / groups) * 100000 + 200000, 2);
  switch (kind) {
  case EQUALITY_AND_RANGE:
    return both(b, compare(b, F_MERCHANT, EXPR_EQUAL, named(b, "merchant", i % groups)),
                compare(b, F_AMOUNT, EXPR_GREATER, amount));
  case THRESHOLDS: /* the lowest of all come to MATCHES on average, the others lie above all amounts */
    return compare(b, F_AMOUNT, EXPR_GREATER,
                   value_decimal(i < 2 * MATCHES ? (int64_t)i * 1000000 / (2 * MATCHES) : 1000000 + (int64_t)i, 2));
  case INTERVALS: {
    int64_t width = 1000000 * MATCHES / count, low = (int64_t)i * 1000000 / count;
    return both(b, compare(b, F_AMOUNT, EXPR_GREATER_EQUAL, value_decimal(low, 2)),
                compare(b, F_AMOUNT, EXPR_LESS_EQUAL, value_decimal(low + width, 2)));
  }
  case SETS: {
    struct expr_node *set = node(b, EXPR_IN_SET, TYPE(VALUE_BOOL), 5);
    set->children[0] = node(b, EXPR_INPUT, TYPE(VALUE_STRING), 0);
    set->children[0]->index = F_DEVICE;
    for (uint16_t m = 1; m < 5; m++) {
      set->children[m] = node(b, EXPR_CONST, TYPE(VALUE_STRING), 0);
      set->children[m]->value = named(b, "device", (i * 4 + m) % (count * 4 / MATCHES));
    }
    return set;
  }
  default: return condition(b, (enum kind)(i % 4), i / 4, count / 4 + 1);
  }
}

static void make_rules(struct bench *b, enum kind kind, uint32_t count) {
  struct rule *rules = arena_array(&b->arena, struct rule, count);
  struct predicate *predicates = arena_array(&b->arena, struct predicate, count);
  const struct expr_node **nodes = arena_array(&b->arena, const struct expr_node *, count);
  struct err err;
  for (uint32_t i = 0; i < count; i++) {
    nodes[i] = condition(b, kind, i, count);
    predicates[i] = (struct predicate){.expr = expr_compile(&b->arena, nodes[i], &err)};
    check(predicates[i].expr != NULL);
    rules[i] =
        (struct rule){.id = (uint16_t)i, .mode = MODE_LIVE, .on = true, .on_condition = {.predicate = (int32_t)i}};
  }
  b->ruleset.rules = rules;
  b->ruleset.rule_count = (uint16_t)count;
  b->ruleset.predicates = predicates;
  b->ruleset.predicate_nodes = nodes;
  b->ruleset.predicate_count = (int32_t)count;
}

static void set_up(struct bench *b, enum kind kind, uint32_t count) {
  memset(b, 0, sizeof *b);
  b->mem = mem_new(0);
  b->random = 0x9E3779B97F4A7C15u;
  arena_init(&b->arena, b->mem, 1 << 20);
  arena_init(&b->scratch, b->mem, 1 << 16);
  static const struct type types[FIELDS] = {
      {.kind = VALUE_STRING}, {.kind = VALUE_DECIMAL, .scale = 2}, {.kind = VALUE_STRING}, {.kind = VALUE_STRING}};
  for (uint16_t i = 0; i < FIELDS; i++)
    b->fields[i] = (struct schema_field){.name = SLICE("field"), .type = types[i], .used = true, .slot = i};
  b->schema =
      (struct schema){.name = SLICE("payment"), .field_count = FIELDS, .slot_count = FIELDS, .fields = b->fields};
  b->ruleset = (struct ruleset){.mem = b->mem, .arena = &b->arena, .schema_count = 1, .schemas = &b->schema};
  b->env = (struct expr_env){.scratch = &b->scratch, .counts = &b->counts};
  make_rules(b, kind, count);
  uint32_t merchants = (kind == MIXED ? count / 4 + 1 : count) / 10,
           devices = (kind == MIXED ? count / 4 + 1 : count) * 4 / MATCHES;
  b->events = arena_alloc(&b->arena, sizeof *b->events * EVENTS);
  for (uint32_t e = 0; e < EVENTS; e++) {
    b->events[e][F_MERCHANT] = named(b, "merchant", below(b, merchants == 0 ? 1 : merchants));
    b->events[e][F_AMOUNT] = value_decimal(below(b, 1000000), 2);
    b->events[e][F_COUNTRY] = named(b, "country", below(b, 200));
    b->events[e][F_DEVICE] = named(b, "device", below(b, devices == 0 ? 1 : devices));
  }
}

static double run_once(struct bench *b, const struct rule_index *index, struct index_scratch *scratch,
                       struct truth *truth, int rounds, uint64_t *hits) {
  double start = bench_cpu_ns();
  for (int round = 0; round < rounds; round++) {
    for (int e = 0; e < EVENTS; e++) {
      struct event event = {.values = b->events[e]};
      const struct index_hit *found;
      uint64_t mask;
      b->env.banks[BANK_EVENT] = event.values;
      truth->epoch++;
      *hits += index_event(index, scratch, &event, truth, &found, &mask);
    }
  }
  return (bench_cpu_ns() - start) / ((double)rounds * EVENTS);
}

static void bench(enum kind kind, uint32_t count, bool scan) {
  struct bench b;
  set_up(&b, kind, count);
  size_t before = mem_used(b.mem);
  double start = bench_cpu_ns();
  struct rule_index *index = index_build(&b.ruleset, scan);
  double build_ms = (bench_cpu_ns() - start) / 1e6;
  size_t bytes = mem_used(b.mem) - before;
  struct index_scratch *scratch = index_scratch_new(b.mem, index);
  struct truth truth = {
      .predicates = b.ruleset.predicates, .marks = mem_alloc(b.mem, sizeof(uint64_t) * count), .env = &b.env};
  double figures[BENCH_RUNS];
  uint64_t hits = 0;
  int rounds = scan && count > 100 ? 1 : 100;
  if (scan && count > 1000) rounds = 1;
  for (int run = 0; run < BENCH_RUNS; run++) figures[run] = run_once(&b, index, scratch, &truth, rounds, &hits);
  printf("%-30s %5u rules%s %9.1f ns/event, %4.2f matches, built in %.1f ms, %zu KiB\n", kind_names[kind], count,
         scan ? ", scan:" : ":      ", bench_median(figures), (double)hits / ((double)BENCH_RUNS * rounds * EVENTS),
         build_ms, bytes / 1024);
  mem_free_all(b.mem);
}

static void bench_list(void) {
  enum { ENTRIES = 5000, PASSES = 400 };
  struct bench b;
  set_up(&b, SETS, 10);
  struct value *values = arena_array(&b.arena, struct value, ENTRIES);
  for (uint32_t i = 0; i < ENTRIES; i++) values[i] = named(&b, "device", i);
  struct list_set *set = list_set_build(&b.arena, TYPE(VALUE_STRING), values, ENTRIES);
  double figures[BENCH_RUNS];
  uint64_t found = 0;
  for (int run = 0; run < BENCH_RUNS; run++) {
    double start = bench_cpu_ns();
    for (int pass = 0; pass < PASSES; pass++) {
      for (int e = 0; e < EVENTS; e++) found += list_set_has(set, values[(uint32_t)e * 7919u % ENTRIES]);
    }
    figures[run] = (bench_cpu_ns() - start) / (PASSES * EVENTS);
  }
  printf("%-52s %8.1f ns (%d)\n", "a list of 5,000 strings: one question, found", bench_median(figures),
         (int)(found & 1));
  mem_free_all(b.mem);
}

int main(void) {
  bench_calibrate();
  for (int kind = 0; kind < KINDS; kind++) {
    for (uint32_t count = 10; count <= RULES_MOST; count *= 10) bench((enum kind)kind, count, false);
    bench((enum kind)kind, RULES_MOST, true);
  }
  bench_list();
  return 0;
}
