/* floors: adapters engine rules nfa base */
/* bench_counting.c - CPU ns per event of counters over pre-decoded events: by number of keys, length of window, number
 * of rules; and, with decoding, by keys up to ten million, with the memory that a key takes.
 *
 * Medians of 5 runs (of 1 for ten million keys); a calibration figure first. Arguments: a part of a section's name. */
#include <sys/resource.h>

#include "bench/bench.h"
#include "engine/step.h"
#include "engine/weir.h"

enum {
  BATCH = 64,
  LAP = 1 << 9,   /* decoded events: in the caches, as decoding leaves them */
  LAPS = 1 << 12, /* are measured */
  PUSH = 1 << 16, /* events decoded by the engine itself */
  SLOTS_MAX = 160,
  LINE_MAX_BYTES = 160
};

static const char declaration[] = "event e { event_time at at time(us) user int amount int kind string }\n";

struct stream { /* LAP events that are used again and again, later each time */
  struct event *events;
  struct value *values;
  int user, amount;
  uint16_t type, slots;
  uint64_t random, keys;
  int64_t time, step_us;
  uint64_t sequence;
};

static uint64_t told_count;
static void tell(void *context, const struct told *told) {
  (void)context;
  (void)told;
  told_count++;
}

static struct ruleset *rules(const char *rule) {
  static char text[1 << 16];
  int length = snprintf(text, sizeof text, "%s%s", declaration, rule);
  return bench_rules((struct slice){text, (size_t)length}, false);
}

static void stream_init(struct stream *s, const struct ruleset *set, uint64_t keys, int64_t step_us) {
  if (s->events == NULL) {
    s->events = calloc(LAP, sizeof *s->events);
    s->values = calloc((size_t)LAP * SLOTS_MAX, sizeof *s->values);
  }
  s->user = bench_slot(set, "e", "user", &s->type);
  s->amount = bench_slot(set, "e", "amount", &s->type);
  s->slots = set->schemas[s->type].slot_count;
  check(s->slots <= SLOTS_MAX);
  s->random = 42;
  s->keys = keys;
  s->step_us = step_us;
  s->time = 0;
  s->sequence = 0;
}

/* Events for one lap: not measured. */
static void lap(struct stream *s) {
  for (uint32_t i = 0; i < LAP; i++) {
    uint64_t r = bench_random(&s->random);
    struct value *values = &s->values[(size_t)i * s->slots];
    for (uint16_t slot = 0; slot < s->slots; slot++) values[slot] = value_null();
    if (s->user >= 0) values[s->user] = value_int((int64_t)(r % s->keys));
    if (s->amount >= 0) values[s->amount] = value_int((int64_t)(r >> 40) % 1000);
    s->time += s->step_us;
    s->events[i] = (struct event){.time = s->time,
                                  .sequence = ++s->sequence,
                                  .position = {.offset = s->sequence},
                                  .type = s->type,
                                  .values = values};
  }
}

static double measure(const struct ruleset *set, struct stream *s, uint64_t keys, int64_t step_us, uint32_t warm,
                      uint32_t laps) {
  double figures[BENCH_RUNS];
  for (int run = 0; run < BENCH_RUNS; run++) {
    struct mem *mem = mem_new(0);
    struct step_options options = {.tell = tell};
    if (MEM_GUARD(mem)) exit(4);
    struct stepper *stepper = stepper_new(mem, set, &options);
    double spent = 0;
    stream_init(s, set, keys, step_us);
    for (uint32_t l = 0; l < warm + laps; l++) {
      lap(s);
      double start = bench_cpu_ns();
      for (uint32_t i = 0; i < LAP; i += BATCH) stepper_batch(stepper, &s->events[i], BATCH);
      if (l >= warm) spent += bench_cpu_ns() - start;
    }
    figures[run] = spent / ((double)laps * LAP);
    mem_unguard(mem);
    mem_free_all(mem);
  }
  return bench_median(figures);
}

static void print(const char *what, double ns, double first) {
  printf("%-64s %9.1f ns/event", what, ns);
  if (first > 0) printf("  %5.2fx", ns / first);
  putchar('\n');
  fflush(stdout);
}

/* Count and sum over 60 s, by user. */
static void keys(struct stream *s) {
  struct ruleset *set =
      rules("rule r { on e key user when sum(amount) over 60s > 100000 and count() over 60s >= 5 }\n");
  static const uint64_t counts[] = {1000, 100000, 1000000};
  for (int k = 0; k < 3; k++) {
    char name[100];
    snprintf(name, sizeof name, "count and sum over 60 s by user, %" PRIu64 " keys, 3 events a window", counts[k]);
    print(name, measure(set, s, counts[k], 20000000 / (int64_t)counts[k], (uint32_t)(counts[k] / LAP * 6 + 512), LAPS),
          0);
  }
}

/* One key, windows of so many elements. */
static void windows(struct stream *s) {
  struct ruleset *set =
      rules("rule r { on e key user when sum(amount) over 10s > 1000000000000 and count() over 10s >= 500000000 }\n");
  double first = 0;
  for (int64_t length = 100; length <= 10000000; length *= 10) {
    char name[100];
    uint32_t warm = (uint32_t)(2 * length / LAP + 128); /* the ring has gone round: its memory is all there */
    snprintf(name, sizeof name, "count and sum, a window of %" PRId64 " elements", length);
    double ns = measure(set, s, 1, 10000000 / length, warm, LAPS);
    print(name, ns, first);
    if (first == 0) first = ns;
  }
}

/* So many rules over windows of one key and field, all different. */
static void many(struct stream *s) {
  static const int counts[] = {1, 10, 50};
  double first = 0;
  for (int c = 0; c < 3; c++) {
    static char text[1 << 15];
    size_t length = 0;
    for (int r = 0; r < counts[c]; r++)
      length += (size_t)snprintf(text + length, sizeof text - length,
                                 "rule r%d { on e key user when sum(amount) over %ds > 100000000 }\n", r, 10 + r);
    char name[100];
    snprintf(name, sizeof name, "%d rules over windows of one key and field, 100,000 keys", counts[c]);
    double ns = measure(rules(text), s, 100000, 200, 2048, LAPS);
    print(name, ns, first);
    if (first == 0) first = ns;
  }
}

/* ---- whole, with decoding ---- */

static size_t resident_kib(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  unsigned long pages = 0;
  if (file == NULL || fscanf(file, "%*s %lu", &pages) != 1) pages = 0;
  if (file != NULL) fclose(file);
  return pages * 4;
}

/* count: of users; 0 = each user has two events, one soon after the other, and none ever again */
static void push_lap(struct weir *weir, int input, char *buffer, uint64_t *random, uint64_t count, int64_t *time,
                     int64_t step, double *spent) {
  size_t length = 0;
  for (int i = 0; i < PUSH; i++) {
    uint64_t r = bench_random(random);
    *time += step;
    uint64_t user = count > 0 ? r % count : (uint64_t)(*time / step - (i & 1 ? 9 : 0)) / 2;
    length +=
        (size_t)snprintf(buffer + length, LINE_MAX_BYTES,
                         "{\"at\":%" PRId64 ",\"user\":%" PRIu64 ",\"amount\":%d,\"kind\":\"%s\",\"device\":\"d%d\"}\n",
                         *time, user, (int)(r >> 40) % 1000, (r >> 33 & 7) == 0 ? "cash" : "card", (int)(r >> 50));
  }
  struct err err;
  double start = bench_cpu_ns();
  if (weir_push(weir, input, buffer, length, &err) != 0) {
    fprintf(stderr, "%s\n", err.text);
    exit(1);
  }
  struct weir_alert alert;
  while (weir_next_alert(weir, &alert)) told_count++;
  *spent += bench_cpu_ns() - start;
}

static double whole_run(const char *rule, uint64_t count, int64_t step, uint32_t warm, uint32_t laps, size_t *kib) {
  static char text[1 << 14];
  struct err err;
  struct weir *weir = weir_new(NULL, &err);
  int length = snprintf(text, sizeof text, "%s%s", declaration, rule);
  if (weir == NULL || weir_load_text(weir, "bench.weir", text, (size_t)length, &err) != 0) {
    fprintf(stderr, "%s\n%s", err.text, weir == NULL ? "" : weir_diagnostics(weir, false));
    exit(1);
  }
  int input = weir_open(weir, "bench", NULL, WEIR_JSON, &err);
  char *buffer = malloc((size_t)PUSH * LINE_MAX_BYTES);
  uint64_t random = 42;
  int64_t time = 0;
  double spent = 0, unused = 0;
  size_t before = resident_kib();
  for (uint32_t l = 0; l < warm; l++) push_lap(weir, input, buffer, &random, count, &time, step, &unused);
  for (uint32_t l = 0; l < laps; l++) push_lap(weir, input, buffer, &random, count, &time, step, &spent);
  *kib = resident_kib() - before;
  free(buffer);
  weir_free(weir);
  return spent / ((double)laps * PUSH);
}

static void decoded(struct stream *s) {
  static const char rule[] = "rule r { on e key user when sum(amount) over 60s > 100000 and count() over 60s >= 50 }\n";
  (void)s;
  double first = 0;
  for (uint64_t count = 100000; count <= 10000000; count *= 10) {
    char name[100];
    size_t kib;
    double ns = whole_run(rule, count, 20000000 / (int64_t)count, (uint32_t)(count / PUSH * 6 + 2), 24, &kib);
    snprintf(name, sizeof name, "the same with decoding, %" PRIu64 " keys, %zu bytes a key", count, kib * 1024 / count);
    print(name, ns, first);
    if (first == 0) first = ns;
  }
}

static const char five_rules[] =
    "rule a { on e key user when count() over 1h >= 50 }\n"
    "rule b { on e key user when sum(amount) over 6h > 1000000 }\n"
    "rule c { key user match x = e(amount > 990) then y = e(amount > 990) then z = e(amount > 995) within 1h }\n"
    "rule d { key user match x = e(kind == \"cash\" and amount > 950) then y = e(amount > 2 * x.amount) within 1h }\n"
    "rule f { on e key user when distinct(kind) over 1d > 5 }\n";

/* Five mixed rules: what a key takes. */
static void memory(struct stream *s) {
  (void)s;
  for (uint64_t count = 1000000; count <= 10000000; count *= 10) {
    char name[100];
    size_t kib;
    double ns = whole_run(five_rules, count, 100, (uint32_t)(count / PUSH + 1), 4, &kib);
    snprintf(name, sizeof name, "five mixed rules, %" PRIu64 " keys with one event or more: %zu bytes a key", count,
             kib * 1024 / count);
    print(name, ns, 0);
  }
}

/* The same rules over keys that change all the time: what is resident when a day has passed, and days later. */
static void changing(struct stream *s) {
  enum { DAY_LAPS = 16, DAYS = 10 };
  static char text[1 << 12];
  struct err err;
  struct weir *weir = weir_new(NULL, &err);
  int length = snprintf(text, sizeof text, "%s%s", declaration, five_rules);
  (void)s;
  if (weir == NULL || weir_load_text(weir, "bench.weir", text, (size_t)length, &err) != 0) exit(1);
  int input = weir_open(weir, "bench", NULL, WEIR_JSON, &err);
  char *buffer = malloc((size_t)PUSH * LINE_MAX_BYTES);
  uint64_t random = 42;
  int64_t time = 0;
  double spent = 0;
  for (int day = 1; day <= DAYS; day++) {
    for (int l = 0; l < DAY_LAPS; l++)
      push_lap(weir, input, buffer, &random, 0, &time, INT64_C(86400000000) / (DAY_LAPS * PUSH), &spent);
    printf("five rules, two events a key, %d keys a day: %zu KiB resident after day %d\n", DAY_LAPS * PUSH / 2,
           resident_kib(), day);
    fflush(stdout);
  }
  print("  and an event cost", spent / ((double)DAYS * DAY_LAPS * PUSH), 0);
  free(buffer);
  weir_free(weir);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(struct stream *);
  } sections[] = {{"keys", keys},       {"windows", windows}, {"many", many},
                  {"decoded", decoded}, {"memory", memory},   {"changing", changing}};
  struct stream stream = {0};
  bench_calibrate();
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
    if (argc < 2 || strstr(sections[i].name, argv[1]) != NULL) sections[i].run(&stream);
  return 0;
}
