/* floors: engine rules nfa base */
/* CPU ns to add an event to counters and ask them: by the length of the window, the number of counters over one key and
 * field, the number of keys (states asked for ahead, in batches, as the engine does), and the aggregate. */
#include "bench.h"

#include "engine/counter.h"

enum { COLUMNS = 2, COUNTERS_MAX = 64, AMOUNT = 0, COUNTRY = 1, BATCH = 32, EVENTS = 1024 };

struct fixture {
  struct mem *mem;
  struct pool pool;
  struct arena arena, scratch;
  struct ruleset ruleset;
  struct population population;
  struct count_column columns[COLUMNS];
  struct counter_window windows[COUNTERS_MAX];
  struct counter_plan plans[COUNTERS_MAX];
  uint16_t ids[COUNTERS_MAX];
  struct counter_ask asks[COUNTERS_MAX];
  struct value told[COUNTERS_MAX];
  bool singly;
  struct counters *counters;
  struct counter_group *group;
  struct expr_env env;
  struct expr_counts counts;
  struct value (*events)[COLUMNS]; /* decoded before */
  uint32_t event_count;
};

static struct fixture *fixture_new(void) {
  static const struct type types[COLUMNS] = {{.kind = VALUE_DECIMAL, .scale = 2}, {.kind = VALUE_STRING}};
  struct mem *mem = mem_new(0);
  struct fixture *f = mem_alloc(mem, sizeof *f);
  struct err err;
  f->mem = mem;
  pool_init(&f->pool, mem);
  arena_init(&f->arena, mem, 1 << 14);
  arena_init(&f->scratch, mem, 1 << 14);
  for (uint16_t i = 0; i < COLUMNS; i++) {
    struct expr_node node = {.op = EXPR_INPUT, .bank = BANK_EVENT, .index = i, .type = types[i]};
    f->columns[i] = (struct count_column){expr_compile(&f->arena, &node, &err), types[i]};
  }
  f->population = (struct population){
      .predicate = -1, .column_count = COLUMNS, .columns = f->columns, .windows = f->windows, .counters = f->ids};
  f->ruleset = (struct ruleset){.population_count = 1, .populations = &f->population, .counters = f->plans};
  f->env = (struct expr_env){.scratch = &f->scratch, .counts = &f->counts};
  f->events = mem_alloc(mem, EVENTS * sizeof *f->events);
  uint64_t random = 88172645463325252u;
  for (int i = 0; i < EVENTS; i++) {
    static const char countries[] = "DEFRITESPTNLBEATCHPLCZSKHUSIHRROBGGRDKSENOFIEELVLTIEUKUSCAMXBRAR";
    uint64_t bits = bench_random(&random);
    f->events[i][AMOUNT] = value_decimal((int64_t)(bits % 100000), 2);
    f->events[i][COUNTRY] = value_string((struct slice){countries + 2 * (bits >> 59), 2});
  }
  return f;
}

static struct aggregate_plan plan_of(enum aggregate kind, uint16_t column, int64_t parameter) {
  return (struct aggregate_plan){.kind = kind,
                                 .column = column,
                                 .where = NO_COLUMN,
                                 .order = AGG_COUNT,
                                 .order_column = NO_COLUMN,
                                 .parameter = parameter};
}

static void ask_for(struct fixture *f, enum aggregate kind, uint16_t column, int64_t parameter, bool approx,
                    int64_t over_us) {
  uint16_t id = f->ruleset.counter_count++;
  check(id < COUNTERS_MAX);
  f->windows[id] = (struct counter_window){.span = SPAN_DURATION, .over_us = over_us};
  f->plans[id] = (struct counter_plan){.window = id, .column = column, .aggregate = plan_of(kind, column, parameter)};
  f->plans[id].aggregate.approx = approx;
  f->ids[id] = id;
  f->asks[id] = (struct counter_ask){.counter = id, .slot = id};
  f->population.counter_count = f->population.window_count = id + 1u;
}

static void count_and_sum(struct fixture *f, int64_t over_us) {
  ask_for(f, AGG_COUNT, NO_COLUMN, 0, false, over_us);
  ask_for(f, AGG_SUM, AMOUNT, 0, false, over_us);
}

static void start(struct fixture *f) {
  f->counters = counters_new(f->mem, &f->pool, &f->ruleset);
  f->group = counters_group(f->counters, f->asks, f->ruleset.counter_count);
}

static inline void event_at(struct fixture *f, struct counter_state **state, int64_t time) {
  const struct value *fields = f->events[f->event_count++ % EVENTS];
  struct event event = {.time = time, .values = fields};
  f->env.banks[BANK_EVENT] = fields;
  counters_add(f->counters, 0, state, NULL, &event, &f->env);
  uint16_t count = f->ruleset.counter_count;
  if (!f->singly) counters_ask_group(f->counters, f->group, state, time, f->told, &f->env);
  for (uint16_t i = 0; i < count && f->singly; i++)
    f->told[i] = counters_ask(f->counters, i, state, time, value_null(), &f->scratch, &f->counts);
}

/* One key, an event each microsecond, windows full before the clock starts. */
static double one_key(struct fixture *f, int64_t over_us, int64_t measured) {
  double figures[BENCH_RUNS];
  struct counter_state *state = NULL;
  int64_t time = 0;
  for (; time < over_us + over_us / 4; time++) event_at(f, &state, time);
  for (int run = 0; run < BENCH_RUNS; run++) {
    double begin = bench_cpu_ns();
    for (int64_t end = time + measured; time < end; time++) {
      event_at(f, &state, time);
      if ((time & 63) == 0) arena_reset(&f->scratch);
    }
    figures[run] = (bench_cpu_ns() - begin) / (double)measured;
  }
  return bench_median(figures);
}

static void report(const char *what, int64_t number, double ns, const char *more) {
  char text[80];
  snprintf(text, sizeof text, "%s %" PRId64, what, number);
  printf("%-64s %9.2f ns/event%s\n", text, ns, more);
}

static void window_lengths(void) {
  for (int64_t length = 100; length <= 10000000; length *= 10) {
    struct fixture *f = fixture_new();
    count_and_sum(f, length);
    start(f);
    report("count and sum, one key, events in the window:", length, one_key(f, length, 2000000), "");
    mem_free_all(f->mem);
  }
}

static void counter_numbers(void) {
  static const int numbers[] = {1, 2, 5, 10, 20, 50};
  for (unsigned n = 0; n < 2 * sizeof numbers / sizeof *numbers; n++) {
    struct fixture *f = fixture_new();
    bool singly = n >= sizeof numbers / sizeof *numbers;
    int number = numbers[n % (sizeof numbers / sizeof *numbers)];
    for (int i = 0; i < number; i++) ask_for(f, AGG_SUM, AMOUNT, 0, false, 1000 + 200 * i);
    start(f);
    f->singly = singly;
    report("one key, sums over 1,000 to 11,000 events:", number, one_key(f, 11000, 500000), singly ? ", singly" : "");
    mem_free_all(f->mem);
  }
}

/* Keys in random order, two events of each key in 60 s. */
static void key_numbers(void) {
  for (uint32_t keys = 100000; keys <= 10000000; keys *= 10) {
    struct fixture *f = fixture_new();
    count_and_sum(f, 60000000);
    start(f);
    struct counter_state **states = mem_alloc(f->mem, keys * sizeof *states);
    uint64_t random = 1, events = 3 * (uint64_t)keys + 3000000, first = 2 * (uint64_t)keys;
    double begin = 0;
    for (uint64_t e = 0; e < events; e += BATCH) {
      uint32_t batch[BATCH];
      if (e >= first && begin == 0) begin = bench_cpu_ns();
      for (int i = 0; i < BATCH; i++) {
        batch[i] = (uint32_t)(bench_random(&random) % keys);
        __builtin_prefetch(&states[batch[i]]);
      }
      for (int i = 0; i < BATCH; i++)
        if (states[batch[i]] != NULL) counters_prefetch(states[batch[i]]);
      for (int i = 0; i < BATCH; i++) event_at(f, &states[batch[i]], (int64_t)((e + (uint64_t)i) * 30000000 / keys));
    }
    double ns = (bench_cpu_ns() - begin) / (double)(events - first);
    char more[64];
    snprintf(more, sizeof more, ", %.0f bytes a key", (double)pool_used(&f->pool) / keys);
    report("count and sum over 60 s, keys:", keys, ns, more);
    mem_free_all(f->mem);
  }
}

static void aggregates(void) {
  static const struct {
    const char *name;
    enum aggregate kind;
    uint16_t column;
    int64_t parameter;
    bool approx;
  } rows[] = {{"count", AGG_COUNT, NO_COLUMN, 0, false},
              {"sum", AGG_SUM, AMOUNT, 0, false},
              {"avg", AGG_AVG, AMOUNT, 0, false},
              {"max", AGG_MAX, AMOUNT, 0, false},
              {"stddev", AGG_STDDEV, AMOUNT, 0, false},
              {"distinct (countries)", AGG_DISTINCT, COUNTRY, 0, false},
              {"distinct (1,024 amounts)", AGG_DISTINCT, AMOUNT, 0, false},
              {"distinct (1,024 amounts) approx", AGG_DISTINCT, AMOUNT, 0, true},
              {"median", AGG_MEDIAN, AMOUNT, 0, false},
              {"percentile approx", AGG_PERCENTILE, AMOUNT, 99, true},
              {"first", AGG_FIRST, COUNTRY, 0, false},
              {"top 5", AGG_TOP, COUNTRY, 5, false},
              {"collect 5", AGG_COLLECT, COUNTRY, 5, false},
              {"ewma", AGG_EWMA, AMOUNT, 100, false}};
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    for (int64_t length = 1000; length <= 100000; length *= 100) {
      struct fixture *f = fixture_new();
      char text[64];
      ask_for(f, rows[i].kind, rows[i].column, rows[i].parameter, rows[i].approx, length);
      start(f);
      snprintf(text, sizeof text, "%s, events in the window:", rows[i].name);
      report(text, length, one_key(f, length, 200000), "");
      mem_free_all(f->mem);
    }
  }
}

int main(int argc, char **argv) {
  const char *only = argc > 1 ? argv[1] : "";
  bench_calibrate();
  if (strstr("lengths", only) != NULL) window_lengths();
  if (strstr("counters", only) != NULL) counter_numbers();
  if (strstr("keys", only) != NULL) key_numbers();
  if (strstr("aggregates", only) != NULL) aggregates();
  return 0;
}
