/* floors: engine rules nfa base */
/* CPU ns for one event of a window with count() and sum(amount) per key, and for one fired window, by kind and number
 * of keys; bytes for a key with an open window. Medians of 5. `bench_window big`: ten million keys at one boundary. */
#include "bench.h"
#include "engine/window.h"

enum { EVENTS = 1 << 20, KEY_CHARACTERS = 12, BATCH = 64 };
#define SECOND INT64_C(1000000)

struct bench {
  struct mem *mem;
  struct arena arena, scratch;
  struct ruleset ruleset;
  struct schema schemas[2];
  struct window_from from;
  struct window_plan plan;
  struct window_set *set;
  struct expr_counts counts;
  struct expr_env env;
  uint64_t told;
  int64_t total;
};

static const struct type key_type = {.kind = VALUE_STRING}, column_type = {.kind = VALUE_INT};
static const struct aggregate_plan aggregates[] = {{.kind = AGG_COUNT,
                                                    .column = NO_COLUMN,
                                                    .where = NO_COLUMN,
                                                    .order_column = NO_COLUMN,
                                                    .type = {.kind = VALUE_INT}},
                                                   {.kind = AGG_SUM,
                                                    .where = NO_COLUMN,
                                                    .order_column = NO_COLUMN,
                                                    .argument = {.kind = VALUE_INT},
                                                    .type = {.kind = VALUE_INT}}};
static const uint16_t key_slots[] = {0};

static const struct expr *input(struct bench *b, enum expr_bank bank, uint16_t index, uint8_t kind) {
  struct expr_node node = {.op = EXPR_INPUT, .type = TYPE(kind), .bank = (uint16_t)bank, .index = index};
  return expr_compile(&b->arena, &node, NULL);
}

static void tell(void *context, const struct window_event *event) {
  struct bench *b = context;
  b->told++;
  b->total += event->event.values[1].i;
}

static void begin(struct bench *b, struct window_plan plan) {
  *b = (struct bench){.mem = mem_new(0)};
  arena_init(&b->arena, b->mem, 4096);
  arena_init(&b->scratch, b->mem, 4096);
  b->schemas[0] = (struct schema){.slot_count = 2};
  b->schemas[1] = (struct schema){.id = 1, .slot_count = 4, .derived = true};
  b->ruleset = (struct ruleset){.schema_count = 2, .schemas = b->schemas};
  const struct expr **columns = arena_array(&b->arena, const struct expr *, 1);
  const struct expr **entries = arena_array(&b->arena, const struct expr *, 4);
  columns[0] = input(b, BANK_EVENT, 1, VALUE_INT);
  entries[0] = input(b, BANK_REGISTER, 0, VALUE_INT);
  entries[1] = input(b, BANK_REGISTER, 1, VALUE_INT);
  entries[2] = input(b, BANK_KEY, 0, VALUE_STRING);
  entries[3] = input(b, BANK_WINDOW, WINDOW_END, VALUE_TIME);
  b->from = (struct window_from){.key_slots = key_slots, .columns = columns};
  b->plan = plan;
  b->plan.schema = 1;
  b->plan.early_us = b->plan.early_count = b->plan.known_us = -1;
  b->plan.key_count = b->plan.from_count = b->plan.column_count = 1;
  b->plan.key_types = &key_type;
  b->plan.columns = &column_type;
  b->plan.from = &b->from;
  b->plan.aggregate_count = 2;
  b->plan.aggregates = aggregates;
  b->plan.entries = entries;
  b->env = (struct expr_env){.scratch = &b->scratch, .counts = &b->counts};
  struct window_options options = {.ruleset = &b->ruleset, .plan = &b->plan, .tell = tell, .context = b};
  b->set = window_set_new(b->mem, &options);
}

struct row { /* as it comes from a decoder: the key's bytes in the row */
  char name[KEY_CHARACTERS];
  uint32_t amount;
};
static struct row *rows;
static int64_t *times;

static void make_rows(uint32_t count) {
  rows = malloc(count * sizeof *rows);
  times = malloc(count * sizeof *times);
}
static void free_rows(void) {
  free(rows);
  free(times);
}
static void set_row(uint32_t at, uint32_t key, int64_t time) {
  char text[KEY_CHARACTERS + 1];
  snprintf(text, sizeof text, "user%08" PRIu32, key % 100000000);
  memcpy(rows[at].name, text, KEY_CHARACTERS);
  rows[at].amount = key & 1023;
  times[at] = time;
}

/* As the engine does: batches, asked for ahead. */
static void run_rows(struct bench *b, uint32_t first, uint32_t end) {
  static struct value values[BATCH][2];
  static struct event batch[BATCH];
  static struct window_ask asks[BATCH];
  for (uint32_t count; first < end; first += count) {
    count = end - first < BATCH ? end - first : BATCH;
    for (uint32_t i = 0; i < count; i++) {
      values[i][0] = value_string((struct slice){rows[first + i].name, KEY_CHARACTERS});
      values[i][1] = value_int(rows[first + i].amount);
      batch[i] = (struct event){.time = times[first + i], .values = values[i]};
      asks[i] = (struct window_ask){.event = &batch[i]};
    }
    if (window_set_is_wide(b->set)) window_set_ask_ahead(b->set, asks, count);
    for (uint32_t i = 0; i < count; i++) window_set_event(b->set, 0, &batch[i], batch[i].time, &b->env);
  }
}

struct section {
  const char *title;
  struct window_plan plan;
  uint32_t rate, keys; /* keys 0: 100 K and 1 M */
};

static const struct section sections[] = {
    {"tumbling 1h, nothing fires", {.kind = WINDOW_TUMBLING, .size_us = 3600 * SECOND}, 1000, 0},
    {"tumbling 1m", {.kind = WINDOW_TUMBLING, .size_us = 60 * SECOND}, 10000, 0},
    {"tumbling 1m lateness 2m",
     {.kind = WINDOW_TUMBLING, .size_us = 60 * SECOND, .lateness_us = 120 * SECOND},
     10000,
     0},
    {"sliding 1h every 5m", {.kind = WINDOW_SLIDING, .size_us = 3600 * SECOND, .every_us = 300 * SECOND}, 1000, 0},
    {"session 1m", {.kind = WINDOW_SESSION, .size_us = 60 * SECOND}, 10000, 0},
    {"today", {.kind = WINDOW_TODAY}, 1000, 0},
    {"count 20", {.kind = WINDOW_COUNT, .count = 20, .every_count = 20}, 1000, 10000},
    {"count 20 every 5", {.kind = WINDOW_COUNT, .count = 20, .every_count = 5}, 1000, 10000},
    {"sliding 1h every 10s", {.kind = WINDOW_SLIDING, .size_us = 3600 * SECOND, .every_us = 10 * SECOND}, 1000, 1000},
    {"count 1000 every 1", {.kind = WINDOW_COUNT, .count = 1000, .every_count = 1}, 1000, 1000},
};

/* One second holds `rate` events. Each key comes once before the clock runs. Events and the windows that they fire are
 * timed together; windows at the end, when most keys have one open, alone. */
static void stream(const struct section *section, uint32_t keys) {
  double events[BENCH_RUNS], fired[BENCH_RUNS];
  uint64_t told = 0, at_end = 0, state = 88172645463325252u;
  make_rows(keys + EVENTS);
  for (uint32_t i = 0; i < keys + EVENTS; i++)
    set_row(i, i < keys ? i : (uint32_t)(bench_random(&state) % keys),
            (int64_t)((uint64_t)i * (uint64_t)SECOND / section->rate));
  for (int run = 0; run < BENCH_RUNS; run++) {
    static struct bench b;
    begin(&b, section->plan);
    run_rows(&b, 0, keys);
    b.told = 0;
    double start = bench_cpu_ns();
    run_rows(&b, keys, keys + EVENTS);
    events[run] = (bench_cpu_ns() - start) / EVENTS;
    told = b.told;
    start = bench_cpu_ns();
    window_set_time(b.set, INT64_MAX, INT64_MAX, &b.env);
    at_end = b.told - told;
    fired[run] = at_end == 0 ? 0 : (bench_cpu_ns() - start) / (double)at_end;
    mem_free_all(b.mem);
  }
  printf("%-28s %8" PRIu32 " keys %7.1f ns/event with %.2f fired; %7.1f ns/fired (%" PRIu64 ")\n", section->title, keys,
         bench_median(events), (double)told / EVENTS, bench_median(fired), at_end);
  free_rows();
}

/* Every key has one window open; then all of them fire. */
static void boundary(uint32_t keys) {
  double fills[BENCH_RUNS], fired[BENCH_RUNS];
  size_t bytes = 0;
  uint32_t key = 0;
  make_rows(keys);
  for (uint32_t i = 0; i < keys; i++) { /* keys is a prime: each comes once */
    key = (uint32_t)(((uint64_t)key + 2654435761u) % keys);
    set_row(i, key, i);
  }
  for (int run = 0; run < BENCH_RUNS; run++) {
    static struct bench b;
    begin(&b, (struct window_plan){.kind = WINDOW_TUMBLING, .size_us = 3600 * SECOND});
    double start = bench_cpu_ns();
    run_rows(&b, 0, keys);
    fills[run] = (bench_cpu_ns() - start) / keys;
    check(window_set_counts(b.set).open == keys);
    bytes = window_set_bytes(b.set) / keys;
    start = bench_cpu_ns();
    window_set_time(b.set, 7200 * SECOND, INT64_MAX, &b.env);
    fired[run] = (bench_cpu_ns() - start) / keys;
    check(b.told == keys);
    mem_free_all(b.mem);
  }
  printf("%-28s %8" PRIu32 " keys %7.1f ns/new key; %7.1f ns/fired; %zu bytes/key\n", "one boundary, tumbling", keys,
         bench_median(fills), bench_median(fired), bytes);
  free_rows();
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  bench_calibrate();
  const char *only = argc > 1 ? argv[1] : NULL;
  for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
    const struct section *section = &sections[i];
    if (only != NULL && strstr(section->title, only) == NULL) continue;
    if (section->keys == 0) stream(section, 100000);
    stream(section, section->keys == 0 ? 1000000 : section->keys);
  }
  if (only == NULL || strcmp(only, "boundary") == 0) {
    boundary(100003);
    boundary(1000003);
  }
  if (only != NULL && strcmp(only, "big") == 0) boundary(10000019);
  return 0;
}
