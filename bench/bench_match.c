/* floors: engine rules nfa base */
/* bench_match.c - CPU ns per event of matching over pre-decoded events: sequences over many keys, events that interest
 * nobody beside many open partial matches, long loops with shared totals, `report all` with unlimited loops, the
 * telling of long matches.
 *
 * Events are made lap by lap, which is not measured: a lap is small enough for the second-level cache, as batches of
 * events are that were just decoded. Medians of 5 runs; a calibration figure first. Arguments: a part of a section's
 * name, to run only that. */
#include "bench/bench.h"
#include "engine/step.h"

enum { LAP = 64 * 64, BATCH = 64, SLOTS = 8 };

struct stream {
  struct event events[LAP];
  struct value values[LAP * SLOTS];
  uint32_t at, slots; /* at: in the lap */
  int user, amount, kind;
  uint16_t type;
  uint64_t random, number; /* of the events so far */
};

/* What a section feeds: `make` adds the event of the next number; the first `warm` ones are not measured. */
struct feed {
  void (*make)(struct stream *s, const struct feed *feed, uint32_t i);
  uint32_t warm, count;
  uint32_t size; /* keys, open partial matches, length of a loop */
};

static const char declaration[] =
    "event e {\n  event_time at\n  at time(ms)\n  user int\n  amount int\n  kind string\n}\n";

static struct ruleset *rules(const char *rule) {
  static char text[1 << 16];
  int length = snprintf(text, sizeof text, "%s%s", declaration, rule);
  return bench_rules((struct slice){text, (size_t)length}, false);
}

static void stream_init(struct stream *s, const struct ruleset *set) {
  s->user = bench_slot(set, "e", "user", &s->type);
  s->amount = bench_slot(set, "e", "amount", &s->type);
  s->kind = bench_slot(set, "e", "kind", &s->type);
  s->slots = set->schemas[s->type].slot_count;
  s->random = 42;
  s->number = 0;
  check(s->slots <= SLOTS);
}

static void add(struct stream *s, int64_t time_us, int64_t user, int64_t amount) {
  struct value *values = &s->values[(size_t)s->at * s->slots];
  if (s->user >= 0) values[s->user] = value_int(user);
  if (s->amount >= 0) values[s->amount] = value_int(amount);
  if (s->kind >= 0) values[s->kind] = value_null();
  s->number++;
  s->events[s->at++] = (struct event){
      .time = time_us, .sequence = s->number, .position = {.offset = s->number}, .type = s->type, .values = values};
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

/* Events [from, to), lap by lap; the CPU time of all laps. */
static double run(struct stepper *stepper, struct stream *s, const struct feed *feed, uint32_t from, uint32_t to) {
  double spent = 0;
  for (uint32_t i = from; i < to;) {
    s->at = 0;
    while (s->at < LAP && i < to) feed->make(s, feed, i++);
    double start = bench_cpu_ns();
    for (uint32_t e = 0; e < s->at; e += BATCH)
      stepper_batch(stepper, &s->events[e], s->at - e < BATCH ? s->at - e : BATCH);
    spent += bench_cpu_ns() - start;
  }
  return spent;
}

static struct figure measure(const struct ruleset *set, struct stream *s, const struct feed *feed, enum nfa_mode mode) {
  double figures[BENCH_RUNS];
  for (int r = 0; r < BENCH_RUNS; r++) {
    struct mem *mem = mem_new(0);
    struct step_options options = {.mode = mode, .tell = tell};
    if (MEM_GUARD(mem)) exit(4);
    struct stepper *stepper = stepper_new(mem, set, &options);
    stream_init(s, set);
    run(stepper, s, feed, 0, feed->warm);
    told_count = told_events = 0;
    figures[r] = run(stepper, s, feed, feed->warm, feed->warm + feed->count) / feed->count;
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
static void make_charge(struct stream *s, const struct feed *feed, uint32_t i) {
  uint64_t r = bench_random(&s->random), kind = r >> 32;
  add(s, (int64_t)i * 300, (int64_t)(r % feed->size), kind % 3 == 0 ? (int64_t)(kind % 5) : kind % 30 == 1 ? 500 : 50);
}

static void sequence(struct stream *s) {
  struct ruleset *set = rules("rule r {\n key user\n match a = e(amount <= 5)\n then b = e(amount <= 5)\n then c = "
                              "e(amount > 200)\n within 10m\n}\n");
  static const uint32_t keys[] = {1000, 100000, 1000000};
  for (int k = 0; k < 3; k++) {
    char name[100];
    snprintf(name, sizeof name, "three-step sequence by user, %u keys", keys[k]);
    struct feed feed = {.make = make_charge, .warm = 2500000, .count = 2000000, .size = keys[k]};
    print(name, measure(set, s, &feed, NFA_MODE_AUTO));
  }
}

/* Events that satisfy nothing, with 1 to 100,000 open partial matches on their key. */
static void make_dull(struct stream *s, const struct feed *feed, uint32_t i) { add(s, i, 1, i < feed->warm ? 1 : 50); }

static void uninterested(struct stream *s) {
  struct ruleset *set = rules("rule r {\n key user\n match a = e(amount <= 5)\n then b = e(amount > 200)\n then c = "
                              "e(amount > 300)\n within 1h\n report all\n after match overlap\n}\n");
  static const uint32_t open[] = {1, 100, 10000, 100000};
  for (int k = 0; k < 4; k++) {
    char name[100];
    snprintf(name, sizeof name, "event that interests no one, %u open partial matches", open[k]);
    print(name, measure(set, s, &(struct feed){make_dull, open[k], 1000000, open[k]}, NFA_MODE_AUTO));
  }
}

/* One loop on one key with a condition on its average; every event starts a partial match. */
static void make_loop(struct stream *s, const struct feed *feed, uint32_t i) {
  add(s, i, i / feed->size, i % feed->size == feed->size - 1 ? 1000 : 1 + i % 5);
}

static void loops(struct stream *s) {
  struct ruleset *set = rules("rule r {\n key user\n match a = e(amount <= 5) {3,}\n then b = e(amount > 200 and "
                              "amount >= 20 * avg(a.amount))\n within 1h\n}\n");
  static const uint32_t lengths[] = {10, 100, 1000, 10000};
  for (int k = 0; k < 4; k++) {
    char name[100];
    snprintf(name, sizeof name, "loop of %u events, then a charge by their average", lengths[k]);
    print(name, measure(set, s, &(struct feed){make_loop, 0, 1000000, lengths[k]}, NFA_MODE_AUTO));
  }
}

/* `report all` with an unlimited loop whose every choice is a match: few completions, many open partial matches. */
static void make_all(struct stream *s, const struct feed *feed, uint32_t i) {
  add(s, i, 1, i == 0 || (i < feed->warm && i % 100 == 0) ? 1 : 2);
}

static void all(struct stream *s) {
  struct ruleset *set =
      rules("rule r {\n key user\n match a = e(amount == 1)\n then any b = e(amount == 2) {1,} any\n then any c = "
            "e(amount == 3)\n within 1h\n report all limit 10\n after match overlap\n}\n");
  static const uint32_t open[] = {10, 100, 1000, 10000};
  for (int k = 0; k < 4; k++) {
    char name[100];
    snprintf(name, sizeof name, "report all, any-loop, after %u events of it: one more", open[k]);
    print(name, measure(set, s, &(struct feed){make_all, open[k] + 1, 200000, open[k]}, NFA_MODE_COMPACT));
  }
}

/* Matches of `size` events told out of the compact set: each event of the last step completes one more. */
static void make_told(struct stream *s, const struct feed *feed, uint32_t i) {
  add(s, i, 1, i == 0 ? 1 : i < feed->warm ? 2 : 3);
}

static void telling(struct stream *s) {
  enum { TOLD_EVENTS = 20000000, TOLD_MAX = 50000 }; /* a key holds 100,000 events, also those that completed a match */
  struct ruleset *set =
      rules("rule r {\n key user\n match a = e(amount == 1)\n then b = e(amount == 2) {1,}\n then any c "
            "= e(amount == 3)\n within 1h\n report all\n after match overlap\n}\n");
  static const uint32_t sizes[] = {10, 100, 1000, 10000};
  for (int k = 0; k < 4; k++) {
    uint32_t count = TOLD_EVENTS / sizes[k] < TOLD_MAX ? TOLD_EVENTS / sizes[k] : TOLD_MAX;
    struct feed feed = {make_told, sizes[k] - 1, count, sizes[k]};
    struct figure f = measure(set, s, &feed, NFA_MODE_COMPACT);
    check(f.told == feed.count && f.events == (uint64_t)feed.count * sizes[k]);
    char name[100];
    snprintf(name, sizeof name, "report all, matches of %u events: for each event of a match", sizes[k]);
    print(name, (struct figure){f.ns / sizes[k], f.told, f.events});
  }
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(struct stream *);
  } sections[] = {
      {"sequence", sequence}, {"uninterested", uninterested}, {"loops", loops}, {"all", all}, {"telling", telling}};
  static struct stream stream;
  bench_calibrate();
  for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
    if (argc < 2 || strstr(sections[i].name, argv[1]) != NULL) sections[i].run(&stream);
  return 0;
}
