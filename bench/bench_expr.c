/* floors: base */
/* CPU ns for one evaluation of compiled expressions, beside a calibration loop of the same run; medians of 5. */
#include "base/expr.h"

#include "base/check.h"
#include "base/function.h"
#include "base/regex.h"
#include "bench/clock.h"

enum { EVENTS = 1024, SLOTS = 4, ROUNDS = 2000 };

static struct value events[EVENTS][SLOTS];
static struct arena arena;

static struct expr_node *node_new(enum expr_op op, uint8_t kind, unsigned count) {
  struct expr_node *node = arena_new(&arena, struct expr_node);
  node->op = op;
  node->type = TYPE(kind);
  node->child_count = (uint16_t)count;
  node->children = arena_array(&arena, struct expr_node *, count + 1);
  return node;
}
static struct expr_node *field(uint16_t index, struct type type) {
  struct expr_node *node = node_new(EXPR_INPUT, type.kind, 0);
  node->type = type;
  node->index = index;
  return node;
}
static struct expr_node *literal(struct value v) {
  struct expr_node *node = node_new(EXPR_CONST, v.kind, 0);
  node->type.scale = v.kind == VALUE_DECIMAL ? v.scale : 0;
  node->value = v;
  return node;
}
static struct expr_node *two(enum expr_op op, uint8_t kind, struct expr_node *a, struct expr_node *b) {
  struct expr_node *node = node_new(op, kind, 2);
  node->children[0] = a;
  node->children[1] = b;
  return node;
}

static void report(const char *name, double *times, double count) {
  printf("%-58s %7.2f ns\n", name, bench_median(times) / count);
}

static void measure(const char *name, const struct expr_node *node) {
  struct err err;
  struct expr *expr = expr_compile(&arena, node, &err);
  struct expr_counts counts = {0};
  struct arena scratch;
  arena_init(&scratch, arena.mem, 1 << 20);
  struct expr_env env = {.scratch = &scratch, .counts = &counts};
  double times[BENCH_RUNS];
  uint64_t held = 0;
  check(expr != NULL);
  for (int r = 0; r < BENCH_RUNS; r++) {
    double begin = bench_cpu_ns();
    for (int round = 0; round < ROUNDS; round++) {
      for (int e = 0; e < EVENTS; e++) {
        env.banks[BANK_EVENT] = events[e];
        held += expr_truth(expr, &env) == 1;
      }
      arena_reset(&scratch);
    }
    times[r] = bench_cpu_ns() - begin;
  }
  char line[128];
  snprintf(line, sizeof line, "%s [%.0f %%]", name, 100.0 * (double)held / ((double)BENCH_RUNS * ROUNDS * EVENTS));
  report(line, times, (double)ROUNDS * EVENTS);
}

static void make_events(void) {
  static const char *const statuses[] = {"approved", "declined", "approved", "reversed"};
  static const char *const agents[] = {"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0", "curl/8.5.0",
                                       "python-requests/2.31.0",
                                       "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0"};
  uint64_t random = 42;
  for (int i = 0; i < EVENTS; i++) {
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    events[i][0] = value_decimal((int64_t)(random >> 33) % 1000, 2);
    events[i][1] = value_string(slice_of(statuses[random >> 50 & 3]));
    events[i][2] = value_int((int64_t)(random >> 40) % 20);
    events[i][3] = value_string(slice_of(agents[random >> 55 & 3]));
  }
}

int main(void) {
  struct mem *mem = mem_new(0);
  arena_init(&arena, mem, 1 << 16);
  make_events();
  bench_calibrate();
  struct type money = TYPE_DECIMAL(2), string = TYPE(VALUE_STRING), integer = TYPE(VALUE_INT);
  struct expr_node *amount = field(0, money), *status = field(1, string), *number = field(2, integer);
  struct expr_node *small = two(EXPR_LESS_EQUAL, VALUE_BOOL, amount, literal(value_int(5)));
  struct expr_node *approved = two(EXPR_EQUAL, VALUE_BOOL, status, literal(value_string(SLICE("approved"))));
  measure("amount <= 5", small);
  measure("status == \"approved\"", approved);
  measure("amount <= 5 and status == \"approved\"", two(EXPR_AND, VALUE_BOOL, small, approved));
  struct expr_node *set = node_new(EXPR_IN_SET, VALUE_BOOL, 11), *texts = node_new(EXPR_IN_SET, VALUE_BOOL, 11);
  static const char *const words[] = {"new",  "pending", "approved", "failed",   "blocked",
                                      "held", "settled", "refunded", "reversed", "closed"};
  set->children[0] = number;
  texts->children[0] = status;
  for (int i = 0; i < 10; i++) {
    set->children[i + 1] = literal(value_int(i * 2));
    texts->children[i + 1] = literal(value_string(slice_of(words[i])));
  }
  measure("number in (10 ints)", set);
  measure("status in (10 strings)", texts);
  struct expr_node *twice = two(EXPR_MULTIPLY, VALUE_DECIMAL, amount, literal(value_int(20)));
  twice->type = money;
  measure("amount * 20 > number", two(EXPR_GREATER, VALUE_BOOL, twice, number));
  struct expr_node *starts = node_new(EXPR_CALL, VALUE_BOOL, 2);
  starts->index = function_index(function_find(SLICE("starts_with")));
  starts->children[0] = field(3, string);
  starts->children[1] = literal(value_string(SLICE("curl/")));
  measure("starts_with(agent, \"curl/\")", starts);
  struct err err;
  struct expr_node *matches = node_new(EXPR_MATCHES, VALUE_BOOL, 1);
  matches->children[0] = field(3, string);
  check(regex_compile(mem, SLICE("^(curl|python-requests)/\\d+\\."), 0, NULL, &matches->regex, NULL, &err) == 0);
  measure("agent matches /^(curl|python-requests)\\/\\d+\\./", matches);
  mem_free_all(mem);
  return 0;
}
