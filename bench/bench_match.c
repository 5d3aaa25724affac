/* floors: engine rules nfa base */
/* bench_match.c - CPU ns per event of matching over pre-decoded events: sequences over many keys, events that interest
 * nobody beside many open partial matches, long loops with shared totals, `report all` with unlimited loops.
 *
 * Medians of 5 runs; a calibration figure first. Arguments: a part of a section's name, to run only that. */
#include "bench/bench.h"
#include "engine/step.h"

enum { EVENTS_MAX = 4000000, BATCH = 64, SLOTS = 8 };

struct stream {
  struct event *events;
  struct value *values;
  uint32_t count, slots;
  int user, amount, kind;
  uint16_t type;
};

static const char declaration[] =
    "event e {\n  event_time at\n  at time(ms)\n  user int\n  amount int\n  kind string\n}\n";

static struct ruleset *rules(const char *rule) {
  static char text[1 << 16];
  int length = snprintf(text, sizeof text, "%s%s", declaration, rule);
  return bench_rules((struct slice){text, (size_t)length}, false);
}

static void stream_init(struct stream *s, const struct ruleset *set) {
  if (s->events == NULL) {
    s->events = calloc(EVENTS_MAX, sizeof *s->events);
    s->values = calloc((size_t)EVENTS_MAX * SLOTS, sizeof *s->values);
  }
  s->count = 0;
  s->user = bench_slot(set, "e", "user", &s->type);
  s->amount = bench_slot(set, "e", "amount", &s->type);
  s->kind = bench_slot(set, "e", "kind", &s->type);
  s->slots = set->schemas[s->type].slot_count;
  check(s->slots <= SLOTS);
}

static void add(struct stream *s, int64_t time_us, int64_t user, int64_t amount, const char *kind) {
  struct value *values = &s->values[(size_t)s->count * s->slots];
  struct event *event = &s->events[s->count];
  if (s->user >= 0) values[s->user] = value_int(user);
  if (s->amount >= 0) values[s->amount] = value_int(amount);
  if (s->kind >= 0) values[s->kind] = kind == NULL ? value_null() : value_string(slice_of(kind));
  *event = (struct event){
      .time = time_us, .sequence = s->count + 1u, .position = {.offset = s->count}, .type = s->type, .values = values};
  s->count++;
}

static uint64_t told_count, told_events;
static void tell(void *context, const struct told *told) {
  (void)context;
  told_count++;
  told_events += told->match->count;
}

struct figure {
  double ns;
  uint64_t told, events;
};

/* CPU ns per event of the part [from, count) after the part before it was fed without being measured. */
static struct figure measure(const struct ruleset *set, const struct stream *s, uint32_t from, enum nfa_mode mode) {
  double figures[BENCH_RUNS];
  for (int run = 0; run < BENCH_RUNS; run++) {
    struct mem *mem = mem_new(0);
    struct step_options options = {.mode = mode, .tell = tell};
    if (MEM_GUARD(mem)) exit(4);
    struct stepper *stepper = stepper_new(mem, set, &options);
    for (uint32_t i = 0; i < from; i += BATCH)
      stepper_batch(stepper, &s->events[i], from - i < BATCH ? from - i : BATCH);
    told_count = told_events = 0;
    double start = bench_cpu_ns();
    for (uint32_t i = from; i < s->count; i += BATCH)
      stepper_batch(stepper, &s->events[i], s->count - i < BATCH ? s->count - i : BATCH);
    figures[run] = (bench_cpu_ns() - start) / (s->count - from);
    mem_unguard(mem);
    mem_free_all(mem);
  }
  return (struct figure){bench_median(figures), told_count, told_events};
}

static void print(const char *what, struct figure f) {
  printf("%-64s %9.1f ns/event  %8" PRIu64 " matches\n", what, f.ns, f.told);
  fflush(stdout);
}

/* probe, probe, big charge, by user: one event in three is a probe, one in thirty a big charge. */
static void sequence(struct stream *s) {
  struct ruleset *set = rules("rule r {\n key user\n match a = e(amount <= 5)\n then b = e(amount <= 5)\n then c = "
                              "e(amount > 200)\n within 10m\n}\n");
  static const int64_t keys[] = {1000, 100000, 1000000};
  for (int k = 0; k < 3; k++) {
    uint64_t random = 42;
    char name[100];
    stream_init(s, set);
    for (uint32_t i = 0; i < 3000000; i++) {
      uint64_t r = bench_random(&random), kind = r >> 32;
      int64_t amount = kind % 3 == 0 ? (int64_t)(kind % 5) : kind % 30 == 1 ? 500 : 50;
      add(s, (int64_t)i * 300, (int64_t)(r % (uint64_t)keys[k]), amount, NULL);
    }
    snprintf(name, sizeof name, "three-step sequence by user, %" PRId64 " keys", keys[k]);
    print(name, measure(set, s, 1000000, NFA_MODE_AUTO));
  }
}

/* Events that satisfy nothing, with 1 to 100,000 open partial matches on their key. */
static void uninterested(struct stream *s) {
  struct ruleset *set = rules("rule r {\n key user\n match a = e(amount <= 5)\n then b = e(amount > 200)\n then c = "
                              "e(amount > 300)\n within 1h\n report all\n after match overlap\n}\n");
  static const uint32_t open[] = {1, 100, 10000, 100000};
  for (int k = 0; k < 4; k++) {
    char name[100];
    stream_init(s, set);
    for (uint32_t i = 0; i < open[k]; i++) add(s, (int64_t)i, 1, 1, NULL);
    for (uint32_t i = 0; i < 1000000; i++) add(s, 1000000 + (int64_t)i, 1, 50, NULL);
    snprintf(name, sizeof name, "event that interests no one, %u open partial matches", open[k]);
    print(name, measure(set, s, open[k], NFA_MODE_AUTO));
  }
}

/* One loop on one key with a condition on its average; every event starts a partial match. */
static void loops(struct stream *s) {
  struct ruleset *set = rules("rule r {\n key user\n match a = e(amount <= 5) {3,}\n then b = e(amount > 200 and "
                              "amount >= 20 * avg(a.amount))\n within 1h\n}\n");
  static const uint32_t lengths[] = {10, 100, 1000, 10000};
  for (int k = 0; k < 4; k++) {
    char name[100];
    stream_init(s, set);
    for (uint32_t i = 0; i < 1000000; i++) {
      uint32_t round = i / lengths[k];
      add(s, (int64_t)i, (int64_t)round, i % lengths[k] == lengths[k] - 1 ? 1000 : 1 + i % 5, NULL);
    }
    snprintf(name, sizeof name, "loop of %u events, then a charge by their average", lengths[k]);
    print(name, measure(set, s, 0, NFA_MODE_AUTO));
  }
}

/* `report all` with an unlimited loop whose every choice is a match: few completions, many open partial matches. */
static void all(struct stream *s) {
  struct ruleset *set =
      rules("rule r {\n key user\n match a = e(amount == 1)\n then any b = e(amount == 2) {1,} any\n then any c = "
            "e(amount == 3)\n within 1h\n report all limit 10\n after match overlap\n}\n");
  static const uint32_t open[] = {10, 100, 1000, 10000};
  for (int k = 0; k < 4; k++) {
    char name[100];
    stream_init(s, set);
    add(s, 0, 1, 1, NULL);
    for (uint32_t i = 0; i < open[k]; i++) add(s, 1 + (int64_t)i, 1, i % 100 == 99 ? 1 : 2, NULL);
    for (uint32_t i = 0; i < 200000; i++) add(s, 1000000 + (int64_t)i, 1, 2, NULL);
    snprintf(name, sizeof name, "report all, any-loop, after %u events of it: one more", open[k]);
    print(name, measure(set, s, open[k] + 1, NFA_MODE_COMPACT));
  }
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(struct stream *);
  } sections[] = {{"sequence", sequence}, {"uninterested", uninterested}, {"loops", loops}, {"all", all}};
  struct stream stream = {0};
  bench_calibrate();
  for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
    if (argc < 2 || strstr(sections[i].name, argv[1]) != NULL) sections[i].run(&stream);
  return 0;
}
