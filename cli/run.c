/* run.c - `weir run`: rules over events, alerts out.
 *
 * Reads the command line into what engine/drive.h wants, and tells people how it goes (progress.c). */
#include "adapters/registry.h"
#include "base/limits.h"
#include "cli/live.h"
#include "cli/load.h"
#include "cli/progress.h"
#include "engine/drive.h"

enum { RUN_NAME_MAX = 200, RUN_SINKS_SHOWN = 1000, RUN_MEMORY_MIN = 1 << 20 };

struct run_options {
  struct texts inputs, sides;
  const char *format, *order, *type_field, *dead_letters;
  size_t memory_bytes;
  bool json, summary, profile;
};

struct run_input {
  struct adapter_setting settings[2]; /* path, format */
  char type[RUN_NAME_MAX];
};

struct run_plan {
  struct drive_options drive;
  struct drive_input *inputs;
  struct drive_sink *sides;
  struct run_input *texts;
  struct adapter_setting *side_settings;
};

/* ---- the command line ---- */

static bool is_name(const char *text, size_t length) {
  if (length == 0 || length >= RUN_NAME_MAX) return false;
  for (size_t i = 0; i < length; i++) {
    char byte = text[i];
    bool letter = (byte >= 'a' && byte <= 'z') || byte == '_';
    if (!letter && (i == 0 || byte < '0' || byte > '9')) return false;
  }
  return true;
}

/* `EVENT=FILE`, or a file alone: what stands before `=` must be a name, so that `./a=b` is a file. */
static void split_input(const char *text, struct run_input *input) {
  const char *equals = strchr(text, '=');
  input->type[0] = '\0';
  input->settings[0] = (struct adapter_setting){"path", text};
  if (equals == NULL || !is_name(text, (size_t)(equals - text))) return;
  memcpy(input->type, text, (size_t)(equals - text));
  input->type[equals - text] = '\0';
  input->settings[0].value = equals + 1;
}

/* Endings of files are known in capitals too. */
static bool ends_with(const char *text, const char *ending) {
  size_t length = strlen(text), want = strlen(ending);
  return length >= want && strcasecmp(text + length - want, ending) == 0;
}

static bool reads_stdin(const char *path) { return strcmp(path, "-") == 0; }

static int plan_inputs(struct cli *cli, const struct run_options *options, struct run_plan *plan) {
  static const char *const standard_input[] = {"-"};
  size_t count = options->inputs.count == 0 ? 1 : options->inputs.count;
  const char *const *texts = options->inputs.count == 0 ? standard_input : options->inputs.items;
  plan->inputs = mem_alloc(cli->mem, count * sizeof *plan->inputs);
  plan->texts = mem_alloc(cli->mem, count * sizeof *plan->texts);
  unsigned standard = 0;
  for (size_t i = 0; i < count; i++) {
    struct run_input *input = &plan->texts[i];
    split_input(texts[i], input);
    input->settings[1] = (struct adapter_setting){"format", options->format};
    if (input->settings[0].value[0] == '\0') return cli_usage(cli, "`--input` names no file");
    if (reads_stdin(input->settings[0].value) && standard++ > 0)
      return cli_usage(cli, "standard input can be one `--input` only");
    plan->inputs[i] = (struct drive_input){.adapter = registry_find("file"),
                                           .settings = input->settings,
                                           .setting_count = options->format == NULL ? 1 : 2,
                                           .type = input->type[0] == '\0' ? NULL : input->type};
  }
  plan->drive.inputs = plan->inputs;
  plan->drive.input_count = count;
  return EXIT_FINE;
}

static int plan_sides(struct cli *cli, const struct run_options *options, struct run_plan *plan) {
  size_t count = options->sides.count;
  plan->sides = mem_alloc(cli->mem, (count + 1) * sizeof *plan->sides);
  plan->side_settings = mem_alloc(cli->mem, (count + 1) * sizeof *plan->side_settings);
  for (size_t i = 0; i < count; i++) {
    const char *text = options->sides.items[i], *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0') return cli_usage(cli, "`--side` wants NAME=FILE");
    size_t length = (size_t)(equals - text);
    char *name = mem_alloc(cli->mem, length + 1);
    memcpy(name, text, length);
    for (size_t j = 0; j < i; j++)
      if (strcmp(plan->sides[j].name, name) == 0) {
        char said[RUN_NAME_MAX];
        snprintf(said, sizeof said, "`--side %.100s=…` stands there twice", name);
        return cli_usage(cli, said);
      }
    plan->side_settings[i] = (struct adapter_setting){"path", equals + 1};
    plan->sides[i] = (struct drive_sink){
        .name = name, .adapter = registry_find("file"), .settings = &plan->side_settings[i], .setting_count = 1};
  }
  plan->drive.sides = plan->sides;
  plan->drive.side_count = count;
  return EXIT_FINE;
}

/* Files of events are no rules, whatever they hold. */
static int check_operands(struct cli *cli, char **operands, unsigned count, bool inputs) {
  const char *more = inputs ? "; a pattern stands in quotes, or the shell makes several words of it" : "";
  static const char *const endings[] = {".jsonl", ".ndjson", ".csv", ".gz", ".zst", ".zstd"};
  for (unsigned i = 0; i < count; i++) {
    if (reads_stdin(operands[i])) return cli_usage(cli, "rules stand in files; `/dev/stdin` is standard input");
    for (size_t e = 0; e < sizeof endings / sizeof *endings; e++) {
      if (!ends_with(operands[i], endings[e])) continue;
      char text[2 * RUN_NAME_MAX + 200];
      snprintf(text, sizeof text, "`%.200s` is no file of rules\nevents are given with `--input %.200s`%s", operands[i],
               operands[i], more);
      return cli_usage(cli, text);
    }
  }
  return EXIT_FINE;
}

/* Files into which nothing may go: those of the rules, or (weir not NULL) those that the rules have read, where the
 * next run would find rows in its list. */
struct kept_files {
  char **operands;
  unsigned count;
  struct weir *weir;
};

static bool is_kept(struct cli *cli, const struct kept_files *kept, const char *path) {
  if (kept->weir == NULL) return load_would_lose(cli, kept->operands, kept->count, path);
  uint64_t cursor = 0;
  for (const char *file; (file = weir_next_file(kept->weir, &cursor)) != NULL;)
    if (load_is_one_file(cli, path, file)) return true;
  return false;
}

static int check_targets(struct cli *cli, const struct run_options *options, const struct run_plan *plan,
                         const struct kept_files *kept) {
  const char *where = kept->weir == NULL ? "a file of rules" : "a file that the rules read";
  char text[2 * RUN_NAME_MAX];
  for (size_t i = 0; i < plan->drive.side_count; i++) {
    if (!is_kept(cli, kept, plan->side_settings[i].value)) continue;
    snprintf(text, sizeof text, "rows for the sink `%.100s` would go into %s", plan->sides[i].name, where);
    return cli_usage(cli, text);
  }
  bool dead_letters = options->dead_letters != NULL && is_kept(cli, kept, options->dead_letters);
  if (!dead_letters && !is_kept(cli, kept, "/dev/stdout")) return EXIT_FINE;
  snprintf(text, sizeof text, "%s would go into %s", dead_letters ? "dead letters" : "alerts", where);
  return cli_usage(cli, text);
}

static void plan_sinks(struct cli *cli, const struct run_options *options, struct run_plan *plan) {
  static const struct adapter_setting alerts = {"path", "-"}, standard_error = {"path", "/dev/stderr"};
  struct adapter_setting *dead = mem_alloc(cli->mem, sizeof *dead);
  *dead = (struct adapter_setting){"path", options->dead_letters};
  bool given = options->dead_letters != NULL;
  plan->drive.alerts = (struct drive_sink){.adapter = registry_find("file"), .settings = &alerts, .setting_count = 1};
  plan->drive.dead_letters =
      (struct drive_sink){.adapter = registry_find("file"),
                          .settings = given ? dead : &standard_error,
                          .setting_count = 1,
                          .rows_per_second_max = !given && cli->err_terminal ? LIMIT_DEAD_LETTERS : 0};
}

/* ---- the run ---- */

/* Errors of the rules on stderr; of warnings only their number, `weir check` tells them. */
static void tell_rules(struct cli *cli, struct weir *weir, bool failed, bool json) {
  struct buf out;
  buf_init(&out, cli->mem);
  if (failed) {
    cli_diagnostics(&out, slice_of(weir_diagnostics(weir, json)), cli->err_colour && !json);
    cli_tell(&out);
    return;
  }
  size_t warnings = 0;
  for (const char *at = weir_diagnostics(weir, true); (at = strchr(at, '\n')) != NULL; at++) warnings++;
  if (warnings > 0 && cli->err_terminal && !json)
    cli_say(cli, "%zu warning%s in the rules: `weir check` tells them", warnings, plural(warnings));
}

static int read_rules(struct cli *cli, struct weir *weir, char **rules, unsigned count, bool json) {
  struct err err;
  int status = weir_load_files(weir, (const char *const *)rules, count, &err);
  if (status == 0) {
    tell_rules(cli, weir, false, json);
    return EXIT_FINE;
  }
  tell_rules(cli, weir, true, json);
  if (!json || status == ERR_FATAL) cli_fail(cli, &err);
  return status == ERR_ABORT ? EXIT_FINDINGS : EXIT_ENVIRONMENT;
}

/* `--input nam=FILE` is a slip of the command line, not of the files. */
static int check_types(struct cli *cli, struct weir *weir, const struct run_plan *plan) {
  for (size_t i = 0; i < plan->drive.input_count; i++) {
    const char *type = plan->inputs[i].type;
    if (type == NULL || weir_type(weir, type) >= 0) continue;
    char text[RUN_NAME_MAX + 100];
    snprintf(text, sizeof text, "`--input %s=…`: the rules declare no event type `%s` (or it is derived)", type, type);
    return cli_usage(cli, text);
  }
  return EXIT_FINE;
}

/* A side that nothing goes to may be a slip, and what was meant for it goes elsewhere then; or the same command runs
 * other rules. */
static void check_sides(struct cli *cli, struct weir *weir, const struct run_plan *plan, struct progress *progress) {
  for (size_t i = 0; i < plan->drive.side_count; i++) {
    struct slice name = slice_of(plan->sides[i].name), names[RUN_SINKS_SHOWN];
    uint64_t cursor = 0;
    size_t count = 0;
    names[count++] = SLICE("shadow");
    bool known = slice_equal(name, names[0]);
    for (struct weir_bytes sink; !known && weir_next_sink(weir, &cursor, &sink);) {
      struct slice text = {sink.data, sink.length};
      known = slice_equal(name, text);
      if (count < RUN_SINKS_SHOWN) names[count++] = text;
    }
    if (known) continue;
    struct slice near = diag_nearest(name, names, count);
    char text[3 * RUN_NAME_MAX];
    int length =
        snprintf(text, sizeof text, "`--side %.100s=…`: no rule or event type sends anything to the sink `%.100s`",
                 plan->sides[i].name, plan->sides[i].name);
    if (near.length > 0 && near.length < RUN_NAME_MAX)
      snprintf(text + length, sizeof text - (size_t)length, "; did you mean `" SLICE_FMT "`?", SLICE_ARG(near));
    if (progress->json)
      progress_note(progress, text);
    else
      cli_say(cli, "warning: %s", text);
  }
}

static int run_with(struct cli *cli, const struct run_options *options, struct run_plan *plan, struct live *live,
                    struct weir *weir, struct drive *drive, struct progress *progress, char **rules, unsigned count) {
  int code = read_rules(cli, weir, rules, count, options->json);
  if (code == EXIT_FINE) code = check_types(cli, weir, plan);
  if (code == EXIT_FINE) code = check_targets(cli, options, plan, &(struct kept_files){.weir = weir});
  if (code != EXIT_FINE) return code;
  check_sides(cli, weir, plan, progress);
  struct err err;
  progress_begin(progress);
  int status = drive_run(drive, weir, &err);
  live_clear(live);
  bool stopped = *live_stop() != 0;
  if (live->reader_gone) return EXIT_FINE; /* as `weir run … | head` ends */
  if (status != 0 && !(stopped && status == ERR_ABORT)) code = cli_fail(cli, &err);
  struct drive_counts counts = drive_counts(drive);
  progress_end(progress, weir, &counts, stopped, code != EXIT_FINE);
  return code;
}

static int run_plan(struct cli *cli, const struct run_options *options, struct run_plan *plan, char **rules,
                    unsigned count) {
  struct live live;
  if (!live_init(&live, cli->env)) {
    cli_say(cli, "no pipe: the host has run out of file handles");
    return EXIT_ENVIRONMENT;
  }
  struct progress progress = {.cli = cli,
                              .live = &live,
                              .json = options->json,
                              .profile = options->profile,
                              .summary = options->summary || (cli->err_terminal && !options->json)};
  plan->drive.env = &live.env;
  plan->drive.stop = live_stop();
  plan->drive.progress = progress_tell;
  plan->drive.progress_context = &progress;
  struct err err;
  struct drive *drive = drive_new(&plan->drive, &err);
  if (drive == NULL) return cli_fail(cli, &err);
  if (drive_check(drive, &err) != 0) {
    drive_free(drive);
    return cli_usage(cli, err.text);
  }
  struct weir_options weir_options = {
      .memory_limit = options->memory_bytes,
      .order = options->order != NULL ? WEIR_ORDER_ARRIVAL : WEIR_ORDER_EVENT_TIME,
      .type_field = options->type_field,
      .profile = options->profile,
      .drain = drive_drain,
      .drain_context = drive,
      .env = &live.env,
  };
  struct weir *weir = weir_new(&weir_options, &err);
  int code =
      weir == NULL ? cli_fail(cli, &err) : run_with(cli, options, plan, &live, weir, drive, &progress, rules, count);
  weir_free(weir);
  drive_free(drive);
  return code;
}

static int run_run(struct cli *cli, const void *given, char **operands, unsigned count) {
  const struct run_options *options = given;
  if (options->memory_bytes > 0 && options->memory_bytes < RUN_MEMORY_MIN)
    return cli_usage(cli, "`--memory` is less than anything can run in\nwrite at least 1MiB; 64MiB and more are usual");
  struct run_plan plan = {0};
  int code = check_operands(cli, operands, count, options->inputs.count > 0);
  if (code == EXIT_FINE) code = plan_inputs(cli, options, &plan);
  if (code == EXIT_FINE) code = plan_sides(cli, options, &plan);
  if (code == EXIT_FINE)
    code = check_targets(cli, options, &plan, &(struct kept_files){.operands = operands, .count = count});
  if (code != EXIT_FINE) return code;
  plan_sinks(cli, options, &plan);
  bool standard = false;
  for (size_t i = 0; i < plan.drive.input_count; i++) standard |= reads_stdin(plan.texts[i].settings[0].value);
  if (standard && cli->err_terminal && cli->env->is_terminal(cli->env->context, ENV_STDIN))
    cli_say(cli, "reading events from the keyboard: one JSON object a line, ctrl-D ends (`--input FILE` reads a file)");
  return run_plan(cli, options, &plan, operands, count);
}

static const struct option run_option_table[] = {
    {.name = "input",
     .argument = "[EVENT=]FILE[,FILE…]",
     .kind = OPTION_TEXTS,
     .file = true,
     .offset = offsetof(struct run_options, inputs),
     .help = "a partition of events: files read one after the other, JSON lines or CSV (`.csv`), packed too (`.gz`, "
             "`.zst`); patterns in quotes, as `'day-*.jsonl'`, in byte order of name; `-` is standard input, which is "
             "the default. "
             "EVENT: the type of all its records. May be said several times"},
    {.name = "format",
     .argument = "FORMAT",
     .kind = OPTION_CHOICE,
     .choices = "json csv",
     .offset = offsetof(struct run_options, format),
     .help = "json or csv: what all inputs are, whatever their names say; so standard input can be CSV"},
    {.name = "order",
     .argument = "arrival",
     .kind = OPTION_CHOICE,
     .choices = "arrival",
     .offset = offsetof(struct run_options, order),
     .help = "take events in the order in which they come, without waiting for earlier ones"},
    {.name = "type-field",
     .argument = "FIELD",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct run_options, type_field),
     .help = "the member of a record that names its event type; default `type`"},
    {.name = "memory",
     .argument = "SIZE",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct run_options, memory_bytes),
     .help = "the most that may be used, as 512MiB or 2GiB; rules get limits of entries that follow from it"},
    {.name = "side",
     .argument = "NAME=FILE",
     .kind = OPTION_TEXTS,
     .file = true,
     .offset = offsetof(struct run_options, sides),
     .help = "rows for the sink NAME (`late side NAME`, `to NAME`) go to FILE; `shadow` takes the alerts of rules in "
             "`mode shadow`, which are dropped otherwise. May be said several times; a NAME that nothing goes to is a "
             "warning"},
    {.name = "dead-letters",
     .argument = "FILE",
     .kind = OPTION_TEXT,
     .file = true,
     .offset = offsetof(struct run_options, dead_letters),
     .help = "refused records and late rows without a side go to FILE; default standard error"},
    {.name = "summary",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct run_options, summary),
     .help = "end with figures on standard error; on a terminal always"},
    {.name = "profile",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct run_options, profile),
     .help = "end with a table of what each rule costs, on standard error: events that it was asked about, matches, "
             "partial matches that were open when the input ended, bytes of state, share of CPU time; then what is no "
             "rule's. It makes the run slower, rules with counters most: times are to be compared with each other"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct run_options, json),
     .help = "errors in rules, notes, the summary and the profile as JSON (alerts always are)"},
    {.name = "stop-at-end", .kind = OPTION_LATER, .help = "it keeps what is open in a state folder (`--state`)"},
    {.name = "config", .letter = 'c', .argument = "FILE", .kind = OPTION_LATER, .help = ""},
    {.name = "shards", .argument = "N", .kind = OPTION_LATER, .help = ""},
    {.name = "state", .argument = "DIR", .kind = OPTION_LATER, .help = ""},
    {.name = "from", .argument = "SAVEPOINT", .kind = OPTION_LATER, .help = ""},
    {.name = "stats", .kind = OPTION_LATER, .help = ""},
    {.name = "print-config", .kind = OPTION_LATER, .help = ""},
    {0}};

const struct verb verb_run = {
    .name = "run",
    .summary = "run rules over events; alerts go to standard output",
    .operands = "RULES…",
    .operands_least = 1,
    .operands_most = UINT32_MAX,
    .operands_missing = "no rules are given",
    .details =
        "RULES are rule files, or folders with `*.weir` files. Each `--input` is one partition, numbered from 0; "
        "at the end of all of them time moves to its end, so that open absences are decided. ctrl-C or SIGTERM: "
        "no more input is taken, what came is told, the exit code is 0; a second one ends at once.",
    .output =
        "Standard output: alerts, one JSON object a line, in the one order that the events give; the same for the same "
        "input, byte for byte.\n"
        "Standard error, or `--dead-letters`: `{\"dead_letter\":CODE,\"detail\":…,\"source\":…,\"partition\":…,"
        "\"offset\":…,\"record\":…}` for a refused record, with `\"taken\":true,\"field\":…` where only a value of it "
        "became null; `{\"late\":TYPE,…}` for a late one. `record` is what came, `secret` fields in clear. On a "
        "terminal "
        "at most ten a second.\n"
        "On a terminal: a line with events, events per second, watermark, alerts and percent while it runs, figures at "
        "the end (elsewhere with `--summary`).\n"
        "`--summary --json`: "
        "`{\"summary\":{\"read\":…,\"processed\":…,\"late\":…,\"dead\":…,\"duplicate\":…,\"ignored\":…,"
        "\"held\":…,…,\"rules\":[{\"rule\":…,\"told\":…,…}],\"groups\":[{\"group\":…,\"told\":…,…}],"
        "\"derived_events\":[{\"event\":…,\"made\":…}],\"bad_values\":[{\"event\":…,\"field\":…,\"count\":…}]}}` "
        "on standard error; `\"absent\":…` stands in `bad_values` where CSV headers had no column for the field. "
        "Alerts are those that are told: what a rule `to nothing` finds is counted by itself.\n"
        "`--profile --json`: an object a line, `{\"profile\":\"rule\",\"name\":…,\"events\":…,\"matches\":…,"
        "\"told\":…,\"open\":…,\"state_bytes\":…,\"cpu_us\":…,\"cpu_percent\":…}`, what costs most first; then "
        "`\"counters\"`, `\"window\"`, `\"join\"`, `\"group\"` and the parts of the program in the place of "
        "`\"rule\"`. The percentages add up to 100.\n"
        "Notes, `weir run: note: …` or with `--json` `{\"note\":…}`, say what may surprise: no rule, no record of a "
        "declared type, a CSV header "
        "without a column that rules read, a rule without matches whose events had no key, limits that were reached.",
    .examples = "weir run rules/ --input payments.jsonl\n"
                "weir run cards.weir --input payment=cards.csv.gz --input 'login=logins-*.jsonl' > alerts.jsonl\n"
                "tail -f events.jsonl | weir run rules/ --order arrival",
    .options = run_option_table,
    .options_size = sizeof(struct run_options),
    .run = run_run,
};
