/* floors: adapters engine rules nfa base */
/* bench_engine.c - CPU ns per event of the whole way: a file of events, ten mixed rules, a file of alerts; what of it
 * is reading, decoding, matching and telling; ten rules with counters; the first ten with disorder, two partitions,
 * CSV, gzip; and 10 to 10,000 rules over events that are decoded already.
 *
 * Medians of 5 runs; a calibration figure first. Arguments: [--events N] [--folder DIR (for files that are removed
 * again)] [a part of a section's name]. For bench/bench_start: `--write keys N`, N events with ever new keys to
 * standard output; `--write rules keys|ten|counting`, the text of a rule set; `--child PROGRAM …`, runs it and prints
 * wall and CPU milliseconds and peak KiB to standard error. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/registry.h"
#include "base/decode.h"
#include "base/line_reader.h"
#include "bench/bench_stream.h"
#include "engine/drive.h"
#include "engine/step.h"

enum { EVENTS = 2000000, PATH_ROOM = 512, PARTS_MAX = 2 };

struct bench {
  uint32_t events;
  const char *folder;
  struct mem *mem;
};

static void must(int status, const struct err *err) {
  if (status >= 0) return;
  fprintf(stderr, "bench_engine: %s\n", err->text);
  exit(1);
}

static struct slice rule_text(struct bench *bench, struct stream_rule_set set) {
  struct buf out;
  buf_init(&out, bench->mem);
  return stream_rule_text(&out, set);
}

static void path_of(const struct bench *bench, const char *name, char path[PATH_ROOM]) {
  snprintf(path, PATH_ROOM, "%s/weir-bench-%ld-%s", bench->folder, (long)getpid(), name);
}

static void print(const char *what, double ns, const char *more) {
  printf("%-64s %9.1f ns/event %8.2f M events/s%s\n", what, ns, 1e3 / ns, more);
  fflush(stdout);
}

/* ---- the whole way ---- */

struct result {
  double ns;
  uint64_t alerts, bytes;
};

/* What is measured of a run: from the place in the file on where this part of it has been read. */
struct meter {
  double after, start;
  uint64_t from;
};

static void progress(void *context, struct weir *weir, const struct drive_progress *progress) {
  struct meter *meter = context;
  if (meter->start > 0 || (double)progress->bytes < meter->after * (double)progress->bytes_total) return;
  struct weir_stats stats;
  weir_stats(weir, &stats);
  meter->from = stats.read;
  meter->start = bench_cpu_ns();
}

static struct result whole_way_once(const struct slice rules, char paths[][PATH_ROOM], size_t parts, const char *out,
                                    double after) {
  struct err err = {0};
  struct meter meter = {.after = after};
  struct adapter_setting settings[PARTS_MAX], alerts = {"path", out};
  struct drive_input inputs[PARTS_MAX];
  for (size_t i = 0; i < parts; i++) {
    settings[i] = (struct adapter_setting){"path", paths[i]};
    inputs[i] = (struct drive_input){.adapter = registry_find("file"), .settings = &settings[i], .setting_count = 1};
  }
  struct drive_options options = {
      .inputs = inputs,
      .input_count = parts,
      .alerts = {.adapter = registry_find("file"), .settings = &alerts, .setting_count = 1},
      .progress = after > 0 ? progress : NULL,
      .progress_context = &meter,
  };
  struct drive *drive = drive_new(&options, &err);
  if (drive == NULL) must(ERR_ABORT, &err);
  struct weir_options weir_options = {.drain = drive_drain, .drain_context = drive};
  struct weir *weir = weir_new(&weir_options, &err);
  if (weir == NULL) must(ERR_ABORT, &err);
  int status = weir_load_text(weir, "bench.weir", rules.data, rules.length, &err);
  if (status != 0) fputs(weir_diagnostics(weir, false), stderr);
  must(status, &err);
  if (after == 0) meter.start = bench_cpu_ns();
  must(drive_run(drive, weir, &err), &err);
  double ns = bench_cpu_ns() - meter.start;
  struct weir_stats stats;
  weir_stats(weir, &stats);
  check(stats.dead == 0 && stats.late == 0 && stats.bad_fields == 0 && stats.ignored == 0 && stats.held == 0);
  weir_free(weir);
  drive_free(drive);
  return (struct result){
      .ns = ns / (double)(stats.read - meter.from), .alerts = stats.alerts, .bytes = stats.memory_peak};
}

static struct result whole_way_after(struct bench *bench, const char *what, struct slice rules, char paths[][PATH_ROOM],
                                     size_t parts, double after) {
  double figures[BENCH_RUNS];
  struct result result = {0};
  char out[PATH_ROOM], more[100];
  path_of(bench, "alerts", out);
  for (int run = 0; run < BENCH_RUNS; run++) {
    result = whole_way_once(rules, paths, parts, out, after);
    figures[run] = result.ns;
  }
  (void)unlink(out);
  result.ns = bench_median(figures);
  snprintf(more, sizeof more, " %8" PRIu64 " alerts %5.0f MiB", result.alerts, (double)result.bytes / 1048576);
  print(what, result.ns, more);
  return result;
}

static struct result whole_way(struct bench *bench, const char *what, struct slice rules, char paths[][PATH_ROOM],
                               size_t parts) {
  return whole_way_after(bench, what, rules, paths, parts, 0);
}

/* The same file read, and read and decoded, by the same modules, and nothing else. */
static double parts_once(const char *path, const struct ruleset *ruleset) {
  struct err err = {0};
  struct mem *mem = mem_new(0);
  if (mem == NULL || MEM_GUARD(mem)) exit(4);
  struct arena arena;
  arena_init(&arena, mem, 1 << 18);
  struct decode_plan plan = {.fixed_type = -1, .only_type = -1, .type_field = SLICE("type")};
  struct decoder *decoder = NULL;
  if (ruleset != NULL) {
    plan.schemas = ruleset->schemas;
    plan.schema_count = ruleset->schema_count;
    decoder = decoder_json_new(mem, &plan);
  }
  const char *const paths[] = {path};
  struct line_reader *reader = line_reader_new(mem, env_real(), paths, 1, LINE_JSON, &err);
  if (reader == NULL) must(ERR_ABORT, &err);
  struct line_batch batch;
  struct decoded decoded;
  uint64_t events = 0;
  double start = bench_cpu_ns();
  for (int count; (count = line_reader_next(reader, LINE_BATCH_MAX, &batch, &err)) != 0;) {
    must(count, &err);
    arena_reset(&arena);
    for (int i = 0; i < count && decoder != NULL; i++) {
      decode_record(decoder, batch.records[i], &arena, &decoded);
      check(decoded.code == DECODE_OK);
    }
    events += (uint64_t)count;
  }
  double ns = (bench_cpu_ns() - start) / (double)events;
  line_reader_free(reader);
  mem_unguard(mem);
  mem_free_all(mem);
  return ns;
}

static double parts(const char *what, const char *path, const struct ruleset *ruleset) {
  double figures[BENCH_RUNS];
  for (int run = 0; run < BENCH_RUNS; run++) figures[run] = parts_once(path, ruleset);
  double ns = bench_median(figures);
  print(what, ns, "");
  return ns;
}

/* With counters the state of a million keys grows through the first half of a stream that is twice as long; what is
 * measured comes behind that. */
static void ten_rules(struct bench *bench, struct stream_plan plan, bool counting, const char *what) {
  char paths[PARTS_MAX][PATH_ROOM], quiet_what[100];
  double after = counting ? 0.5 : 0;
  path_of(bench, "events.jsonl", paths[0]);
  plan.events = counting ? 2 * bench->events : bench->events;
  plan.parts = 1;
  stream_write(paths[0], &plan);
  struct slice text = rule_text(bench, (struct stream_rule_set){.counting = counting, .only = -1});
  struct slice silent =
      rule_text(bench, (struct stream_rule_set){.counting = counting, .only = -1, .to_nothing = true});
  struct ruleset *ruleset = bench_rules(text, false);
  double read = parts("JSON file read, its lines found", paths[0], NULL);
  double decode = parts("  and decoded", paths[0], ruleset);
  snprintf(quiet_what, sizeof quiet_what, "%s, all `to nothing`", what);
  struct result quiet = whole_way_after(bench, quiet_what, silent, paths, 1, after);
  struct result all = whole_way_after(bench, what, text, paths, 1, after);
  if (counting) whole_way(bench, "  the same, from the first event on", text, paths, 1);
  printf("  of this: reading %.0f, decoding %.0f, judging and matching %.0f, alerts %.0f ns/event; one event in %.0f "
         "has an alert\n",
         read, decode - read, quiet.ns - decode, all.ns - quiet.ns, (double)plan.events / (double)all.alerts);
  (void)unlink(paths[0]);
}

static void whole(struct bench *bench) {
  ten_rules(bench, (struct stream_plan){0}, false, "JSON file, ten mixed rules, alert file");
}

static void counting(struct bench *bench) {
  ten_rules(bench, (struct stream_plan){.step_ms = STREAM_COUNTING_STEP_MS}, true,
            "JSON file, ten rules with counters, alert file");
}

static void each_alone(struct bench *bench, struct stream_plan plan, bool counting) {
  char paths[PARTS_MAX][PATH_ROOM], what[100];
  path_of(bench, "events.jsonl", paths[0]);
  plan.events = bench->events;
  plan.parts = 1;
  stream_write(paths[0], &plan);
  for (int i = 0; i < STREAM_RULES; i++) {
    struct slice text = rule_text(bench, (struct stream_rule_set){.counting = counting, .only = i});
    const char *name = stream_rule(counting, i) + strlen("rule ");
    snprintf(what, sizeof what, "JSON file, one rule: %.*s", (int)strcspn(name, "{"), name);
    whole_way(bench, what, text, paths, 1);
  }
  (void)unlink(paths[0]);
}

static void single(struct bench *bench) { each_alone(bench, (struct stream_plan){0}, false); }

static void alone(struct bench *bench) {
  each_alone(bench, (struct stream_plan){.step_ms = STREAM_COUNTING_STEP_MS}, true);
}

static void variant(struct bench *bench, const char *what, const char *name, struct stream_plan plan, bool disorder) {
  char paths[PARTS_MAX][PATH_ROOM];
  for (uint32_t i = 0; i < plan.parts; i++) {
    char part[100];
    snprintf(part, sizeof part, "%u-%s", i, name);
    path_of(bench, part, paths[i]);
    plan.part = i;
    plan.events = bench->events;
    stream_write(paths[i], &plan);
  }
  struct slice text = rule_text(bench, (struct stream_rule_set){.disorder = disorder, .only = -1});
  whole_way(bench, what, text, paths, plan.parts);
  for (uint32_t i = 0; i < plan.parts; i++) (void)unlink(paths[i]);
}

static void disorder(struct bench *bench) {
  variant(bench, "the same, `disorder 10s`, events up to 9 s late", "events.jsonl",
          (struct stream_plan){.disorder_ms = 9000, .parts = 1}, true);
}

static void partitions(struct bench *bench) {
  variant(bench, "the same, two partitions", "events.jsonl", (struct stream_plan){.parts = 2}, false);
  variant(bench, "the same, two partitions, `disorder 10s`", "events.jsonl",
          (struct stream_plan){.disorder_ms = 9000, .parts = 2}, true);
}

static void csv(struct bench *bench) {
  variant(bench, "the same, CSV", "events.csv", (struct stream_plan){.shape = STREAM_CSV, .parts = 1}, false);
}

static void packed(struct bench *bench) {
  variant(bench, "the same, JSON packed with gzip", "events.jsonl.gz", (struct stream_plan){.gzip = true, .parts = 1},
          false);
}

/* ---- many rules ---- */

static uint64_t told_count;
static void tell(void *context, const struct told *told) {
  (void)context;
  (void)told;
  told_count++;
}

enum { RULES_EVENTS = 200000, RULES_SLOTS = 8 };

/* Four rules of different kinds for each merchant, of which about three tell each event of it, however many there are:
 * two filters, a sequence of two steps by user, a member of a set. */
static uint32_t many_rules_merchants(uint32_t count) { return (count + 3) / 4; }

static void many_rules_text(struct buf *out, uint32_t count) {
  buf_str(out, "event e {\n  event_time at\n  at time(ms)\n  user int\n  amount int\n  merchant string\n  device "
               "string\n}\n");
  for (uint32_t i = 0; i < count; i++) {
    uint32_t merchant = i / 4, next = (merchant + 1) % many_rules_merchants(count);
    buf_printf(out, "rule r%05u {\n key user\n", i);
    switch (i % 4) {
    case 0: buf_printf(out, " on e(merchant == \"m%u\" and amount > %u)\n}\n", merchant, i % 40); break;
    case 1:
      buf_printf(out,
                 " match a = e(merchant == \"m%u\" and amount > %u)\n then b = e(merchant == \"m%u\" and amount < "
                 "%u)\n within 10m\n}\n",
                 merchant, 100 + i % 97, next, 500 + i % 89);
      break;
    case 2: buf_printf(out, " on e(merchant == \"m%u\" and device != \"d%u\")\n}\n", merchant, i); break;
    default: buf_printf(out, " on e(merchant in (\"m%u\", \"x%u\") and amount between 1 and 1000)\n}\n", merchant, i);
    }
  }
}

static struct event many_events[RULES_EVENTS];

static void many_rules_events(const struct ruleset *set, uint32_t merchants) {
  static struct value values[RULES_EVENTS][RULES_SLOTS];
  static char names[RULES_EVENTS][16];
  uint64_t random = 42;
  uint16_t type = 0;
  int user = bench_slot(set, "e", "user", &type), amount = bench_slot(set, "e", "amount", &type);
  int merchant = bench_slot(set, "e", "merchant", &type), device = bench_slot(set, "e", "device", &type);
  for (uint32_t i = 0; i < RULES_EVENTS; i++) {
    uint64_t r = bench_random(&random);
    snprintf(names[i], sizeof names[i], "m%u", (uint32_t)(r >> 34) % merchants);
    if (user >= 0) values[i][user] = value_int((int64_t)(r >> 12) % 100000);
    if (amount >= 0) values[i][amount] = value_int((int64_t)(r >> 5) % 1000 + 20);
    if (merchant >= 0) values[i][merchant] = value_string(slice_of(names[i]));
    if (device >= 0) values[i][device] = value_string(SLICE("device"));
    many_events[i] = (struct event){
        .time = i * INT64_C(1000), .sequence = i + 1u, .position = {.offset = i}, .type = type, .values = values[i]};
  }
}

static double many_rules_once(const struct ruleset *set) {
  struct mem *mem = mem_new(0);
  struct step_options options = {.tell = tell};
  if (mem == NULL || MEM_GUARD(mem)) exit(4);
  struct stepper *stepper = stepper_new(mem, set, &options);
  told_count = 0;
  double start = bench_cpu_ns();
  for (uint32_t i = 0; i < RULES_EVENTS; i += STEP_BATCH_MAX)
    stepper_batch(stepper, &many_events[i], RULES_EVENTS - i < STEP_BATCH_MAX ? RULES_EVENTS - i : STEP_BATCH_MAX);
  double ns = (bench_cpu_ns() - start) / RULES_EVENTS;
  mem_unguard(mem);
  mem_free_all(mem);
  return ns;
}

static void rules(struct bench *bench) {
  double first = 0;
  for (uint32_t count = 10; count <= 10000; count *= 10) {
    struct buf out;
    buf_init(&out, bench->mem);
    many_rules_text(&out, count);
    struct ruleset *set = bench_rules(buf_view(&out), false);
    many_rules_events(set, many_rules_merchants(count));
    double figures[BENCH_RUNS];
    for (int run = 0; run < BENCH_RUNS; run++) figures[run] = many_rules_once(set);
    double ns = bench_median(figures);
    if (count == 10) first = ns;
    char what[100], more[100];
    snprintf(what, sizeof what, "decoded events, %u rules", count);
    snprintf(more, sizeof more, " %5.2f matches an event, %.2f x", (double)told_count / RULES_EVENTS, ns / first);
    print(what, ns, more);
  }
}

/* ---- for bench_start ---- */

static int write_out(const char *what, const char *argument, struct bench *bench) {
  if (strcmp(what, "rules") == 0 && strcmp(argument, "keys") == 0) {
    puts("event e {\n  event_time at\n  at time(ms)\n  user int\n  amount int\n}\n"
         "rule two_steps {\n  key user\n  match a = e(amount <= 500)\n  then b = e(amount > 500)\n  within 100d\n}\n"
         "rule loop {\n  key user\n  match a = e(amount > 0) {3,}\n  then b = e(amount > 900)\n  within 100d\n}");
    return 0;
  }
  if (strcmp(what, "rules") == 0 && (strcmp(argument, "ten") == 0 || strcmp(argument, "counting") == 0)) {
    struct slice text =
        rule_text(bench, (struct stream_rule_set){.counting = strcmp(argument, "counting") == 0, .only = -1});
    return fwrite(text.data, 1, text.length, stdout) == text.length ? 0 : 1;
  }
  if (strcmp(what, "keys") == 0) { /* every event has a key that none before had */
    unsigned long count = strtoul(argument, NULL, 10);
    for (unsigned long i = 0; i < count; i++)
      if (printf("{\"at\":%lu,\"user\":%lu,\"amount\":%lu}\n", 1764000000000ul + i, i, i % 1000) < 0) return 1;
    return 0;
  }
  fprintf(stderr, "bench_engine: --write rules keys|ten|counting, or --write keys N\n");
  return 2;
}

/* A process of its own, so that what it takes is its own. */
static int run_child(char **argv) {
  const struct env *env = env_real();
  int64_t start = env->monotonic_us(env->context);
  pid_t child = fork();
  if (child == 0) {
    execv(argv[0], argv);
    _exit(127);
  }
  int status = 0;
  struct rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return 1;
  int64_t wall = env->monotonic_us(env->context) - start;
  int64_t cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) + usage.ru_utime.tv_usec +
                usage.ru_stime.tv_usec;
  fprintf(stderr, "%.1f %.1f %ld\n", (double)wall / 1e3, (double)cpu / 1e3, usage.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(struct bench *);
  } sections[] = {{"whole", whole},           {"counting", counting}, {"disorder", disorder},
                  {"partitions", partitions}, {"csv", csv},           {"gzip", packed},
                  {"single", single},         {"alone", alone},       {"rules", rules}};
  const char *folder = getenv("TMPDIR"), *wanted = NULL;
  struct bench bench = {.events = EVENTS, .folder = folder == NULL ? P_tmpdir : folder, .mem = mem_new(0)};
  if (bench.mem == NULL || MEM_GUARD(bench.mem)) return 4;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--events") == 0 && i + 1 < argc)
      bench.events = (uint32_t)strtoul(argv[++i], NULL, 10);
    else if (strcmp(argv[i], "--folder") == 0 && i + 1 < argc)
      bench.folder = argv[++i];
    else if (strcmp(argv[i], "--write") == 0 && i + 2 < argc)
      return write_out(argv[i + 1], argv[i + 2], &bench);
    else if (strcmp(argv[i], "--child") == 0 && i + 1 < argc)
      return run_child(&argv[i + 1]);
    else
      wanted = argv[i];
  }
  bench_calibrate();
  for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
    if (wanted == NULL || strstr(sections[i].name, wanted) != NULL) sections[i].run(&bench);
  mem_unguard(bench.mem);
  mem_free_all(bench.mem);
  return 0;
}
