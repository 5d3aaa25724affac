/* drive.c - the loop of a run. Owns the open adapters. Called by the program's `run`. */
#include "engine/drive.h"

#include "base/check.h"
#include "base/time_text.h"

enum { DRIVE_BATCH = 64, DRIVE_TARGETS_MAX = 16 /* different sinks that one alert may go to */ };

struct open_sink {
  const struct drive_sink *given;
  void *options, *instance; /* sinks whose rows go to one file have one instance */
  struct env_stat file;     /* where its rows go, if `has_file` */
  bool has_file;
  int64_t second; /* of the rate limit */
  unsigned in_second;
};

struct open_source {
  const struct drive_input *given;
  void *options, *instance;
  bool ended;
};

struct drive {
  struct mem *mem;
  struct drive_options options;
  const struct env *env;
  struct open_source *sources;
  struct open_sink alerts, dead_letters;
  struct open_sink *sides;
  size_t side_count; /* of them open */
  struct drive_counts counts;
  struct err failed; /* of a sink, in drive_drain() */
  bool live;         /* some source may block: flush before reading */
};

/* ---- opening ---- */

static bool is_same_file(const struct env_stat *a, const struct env_stat *b) {
  return a->device == b->device && a->file == b->file;
}

/* What `sink` will write into is there already: no source may read it. */
static int check_unread(struct drive *drive, const struct open_sink *sink, struct err *err) {
  if (!sink->has_file || sink->file.kind != ENV_FILE) return 0;
  for (size_t i = 0; i < drive->options.input_count; i++) {
    const struct adapter_source *source = drive->sources[i].given->adapter->source;
    if (source->reads == NULL || !source->reads(drive->sources[i].instance, &sink->file)) continue;
    const char *name = sink->given->name;
    if (name != NULL)
      return err_set(err, ERR_ABORT, "rows for the sink `%s` would go into a file that is read as input", name);
    return err_set(err, ERR_ABORT, "%s would go into a file that is read as input",
                   sink->given == &drive->options.dead_letters ? "dead letters" : "alerts");
  }
  return 0;
}

/* Reads the options, and looks at what is at the place; opens nothing. */
static int prepare_sink(struct drive *drive, const struct drive_sink *given, struct open_sink *sink, struct err *err) {
  *sink = (struct open_sink){.given = given};
  const struct adapter *adapter = given->adapter;
  if (adapter == NULL) return 0;
  if (adapter->sink == NULL) return err_set(err, ERR_ABORT, "adapter `%s` is no sink", adapter->name);
  sink->options = mem_alloc(drive->mem, adapter->options_bytes);
  if (adapter_options_read(adapter, given->settings, given->setting_count, sink->options, err) != 0) return ERR_ABORT;
  sink->has_file = adapter->sink->file != NULL && adapter->sink->file(drive->env, sink->options, &sink->file);
  return check_unread(drive, sink, err);
}

/* `before`: sinks that are open. */
static void share(struct open_sink *sink, const struct open_sink *before) {
  if (sink->instance == NULL && sink->has_file && before->instance != NULL && before->has_file &&
      sink->given->adapter == before->given->adapter && is_same_file(&sink->file, &before->file))
    sink->instance = before->instance;
}

static int open_sink(struct drive *drive, const struct drive_sink *given, struct open_sink *sink, struct err *err) {
  struct open_sink prepared;
  if (prepare_sink(drive, given, &prepared, err) != 0) return ERR_ABORT;
  share(&prepared, &drive->alerts);
  share(&prepared, &drive->dead_letters);
  for (size_t i = 0; i < drive->side_count; i++) share(&prepared, &drive->sides[i]);
  *sink = prepared;
  if (given->adapter == NULL || sink->instance != NULL) return 0;
  const struct adapter_sink *calls = given->adapter->sink;
  sink->instance = calls->open(drive->mem, drive->env, sink->options, err);
  if (sink->instance == NULL) return ERR_ABORT;
  sink->has_file = calls->file != NULL && calls->file(drive->env, sink->options, &sink->file); /* it is there now */
  return 0;
}

static int open_source(struct drive *drive, const struct drive_input *given, struct open_source *source,
                       struct err *err) {
  *source = (struct open_source){.given = given};
  if (given->adapter->source == NULL) return err_set(err, ERR_ABORT, "adapter `%s` is no source", given->adapter->name);
  source->options = mem_alloc(drive->mem, given->adapter->options_bytes);
  if (adapter_options_read(given->adapter, given->settings, given->setting_count, source->options, err) != 0)
    return ERR_ABORT;
  source->instance = given->adapter->source->open(drive->mem, drive->env, source->options, err);
  if (source->instance == NULL) return ERR_ABORT;
  if (given->adapter->source->live(source->options)) drive->live = true;
  return 0;
}

static int open_sources(struct drive *drive, struct err *err) {
  const struct drive_options *options = &drive->options;
  drive->sources = mem_alloc(drive->mem, (options->input_count + 1) * sizeof *drive->sources);
  for (size_t i = 0; i < options->input_count; i++)
    if (open_source(drive, &options->inputs[i], &drive->sources[i], err) != 0) return ERR_ABORT;
  return 0;
}

/* Only when the run begins: a sink empties its file, which rules with errors or a missing input must not bring about.
 */
static int open_sinks(struct drive *drive, struct err *err) {
  const struct drive_options *options = &drive->options;
  drive->sides = mem_alloc(drive->mem, (options->side_count + 1) * sizeof *drive->sides);
  if (open_sink(drive, &options->alerts, &drive->alerts, err) != 0) return ERR_ABORT;
  if (open_sink(drive, &options->dead_letters, &drive->dead_letters, err) != 0) return ERR_ABORT;
  for (; drive->side_count < options->side_count; drive->side_count++)
    if (open_sink(drive, &options->sides[drive->side_count], &drive->sides[drive->side_count], err) != 0)
      return ERR_ABORT;
  return 0;
}

int drive_check(struct drive *drive, struct err *err) {
  err_clear(err);
  if (MEM_GUARD(drive->mem)) return err_set(err, ERR_FATAL, "out of memory");
  struct open_sink sink;
  int status = prepare_sink(drive, &drive->options.alerts, &sink, err);
  if (status == 0) status = prepare_sink(drive, &drive->options.dead_letters, &sink, err);
  for (size_t i = 0; i < drive->options.side_count && status == 0; i++)
    status = prepare_sink(drive, &drive->options.sides[i], &sink, err);
  mem_unguard(drive->mem);
  return status;
}

struct drive *drive_new(const struct drive_options *options, struct err *err) {
  err_clear(err);
  struct mem *mem = mem_new(0);
  if (mem == NULL || MEM_GUARD(mem)) {
    err_set(err, ERR_FATAL, "out of memory");
    mem_free_all(mem);
    return NULL;
  }
  struct drive *drive = mem_alloc(mem, sizeof *drive);
  drive->mem = mem;
  drive->options = *options;
  drive->env = options->env == NULL ? env_real() : options->env;
  int status = open_sources(drive, err);
  mem_unguard(mem);
  if (status == 0) return drive;
  mem_free_all(mem);
  return NULL;
}

void drive_free(struct drive *drive) {
  if (drive != NULL) mem_free_all(drive->mem);
}

/* ---- rows out ---- */

static struct open_sink *side_named(struct drive *drive, const char *name, size_t length) {
  for (size_t i = 0; i < drive->side_count; i++) {
    const char *side = drive->sides[i].given->name;
    if (side != NULL && strlen(side) == length && memcmp(side, name, length) == 0) return &drive->sides[i];
  }
  return NULL;
}

static bool too_fast(struct drive *drive, struct open_sink *sink) {
  if (sink->given->rows_per_second_max == 0) return false;
  int64_t second = drive->env->monotonic_us(drive->env->context) / TIME_SECOND_US;
  if (second != sink->second) sink->in_second = 0;
  sink->second = second;
  return sink->in_second++ >= sink->given->rows_per_second_max;
}

static int write_row(struct open_sink *sink, struct weir_bytes row, struct err *err) {
  return sink->given->adapter->sink->write(sink->instance, (struct slice){row.data, row.length}, err);
}

/* To every sink that the rule names, once to each: sinks that are not set up are all the one of the alerts. */
static int write_alert(struct drive *drive, const struct weir_alert *alert, struct err *err) {
  struct open_sink *targets[DRIVE_TARGETS_MAX];
  size_t count = 0;
  if (alert->shadow) {
    struct open_sink *shadow = side_named(drive, "shadow", 6);
    if (shadow != NULL) targets[count++] = shadow;
  } else if (alert->sink_count == 0) {
    targets[count++] = &drive->alerts;
  }
  for (size_t i = 0; !alert->shadow && i < alert->sink_count && count < DRIVE_TARGETS_MAX; i++) {
    struct open_sink *target = side_named(drive, alert->sinks[i].data, alert->sinks[i].length);
    if (target == NULL) target = &drive->alerts;
    bool known = false;
    for (size_t t = 0; t < count; t++)
      known = known || targets[t] == target || (target->instance != NULL && targets[t]->instance == target->instance);
    if (!known) targets[count++] = target;
  }
  if (count == 0) drive->counts.shadow_dropped++;
  for (size_t t = 0; t < count; t++) {
    if (targets[t]->instance == NULL) continue;
    if (write_row(targets[t], alert->json, err) != 0) return ERR_FATAL;
    drive->counts.alerts++;
  }
  return 0;
}

static int write_refused(struct drive *drive, const struct weir_refused *refused, struct err *err) {
  struct open_sink *target =
      refused->sink.length > 0 ? side_named(drive, refused->sink.data, refused->sink.length) : NULL;
  if (target == NULL) target = &drive->dead_letters;
  if (target->instance == NULL || too_fast(drive, target)) {
    drive->counts.refused_dropped++;
    return 0;
  }
  if (refused->late)
    drive->counts.late++;
  else
    drive->counts.dead_letters++;
  return write_row(target, refused->json, err);
}

static int write_rows(struct drive *drive, struct weir *weir, struct err *err) {
  struct weir_alert alert;
  struct weir_refused refused;
  while (weir_next_refused(weir, &refused))
    if (write_refused(drive, &refused, err) != 0) return ERR_FATAL;
  while (weir_next_alert(weir, &alert))
    if (write_alert(drive, &alert, err) != 0) return ERR_FATAL;
  return 0;
}

int drive_drain(void *context, struct weir *weir) {
  struct drive *drive = context;
  return write_rows(drive, weir, &drive->failed);
}

static int flush_sink(struct open_sink *sink, struct err *err) {
  return sink->instance == NULL ? 0 : sink->given->adapter->sink->flush(sink->instance, err);
}

static int flush_all(struct drive *drive, struct err *err) {
  int status = flush_sink(&drive->alerts, err);
  if (status == 0) status = flush_sink(&drive->dead_letters, err);
  for (size_t i = 0; i < drive->side_count && status == 0; i++) status = flush_sink(&drive->sides[i], err);
  return status;
}

/* ---- the loop ---- */

static int open_inputs(struct drive *drive, struct weir *weir, struct err *err) {
  for (size_t i = 0; i < drive->options.input_count; i++) {
    const struct open_source *source = &drive->sources[i];
    const struct adapter_source *calls = source->given->adapter->source;
    int input = weir_open(weir, calls->name(source->options), source->given->type,
                          calls->csv(source->options) ? WEIR_CSV : WEIR_JSON, err);
    if (input < 0) return input;
    check((size_t)input == i);
  }
  return 0;
}

static int push_batch(struct drive *drive, struct weir *weir, int input, const struct adapter_batch *batch,
                      struct err *err) {
  (void)drive;
  int status = 0;
  if (batch->header.length > 0)
    status = weir_push_header(weir, input, (struct weir_bytes){batch->header.data, batch->header.length}, err);
  if (status != 0 && err != NULL && batch->path != NULL && err->file[0] == '\0')
    snprintf(err->file, sizeof err->file, "%s", strcmp(batch->path, "-") == 0 ? "standard input" : batch->path);
  const struct weir_bytes *records = (const struct weir_bytes *)(const void *)batch->records;
  if (batch->stamps == NULL) return status != 0 ? status : weir_push_records(weir, input, records, batch->count, err);
  for (uint32_t i = 0; i < batch->count && status == 0; i++) {
    status = weir_stamp(weir, input, batch->stamps[i], err);
    if (status == 0) status = weir_push_records(weir, input, &records[i], 1, err);
  }
  return status;
}

/* One batch of the partition that is furthest behind. */
static int one_batch(struct drive *drive, struct weir *weir, int input, struct err *err) {
  struct open_source *source = &drive->sources[input];
  struct adapter_batch batch = {0};
  int count = source->given->adapter->source->read(source->instance, DRIVE_BATCH, &batch, err);
  if (count < 0) return count;
  int status = count == 0 ? weir_end(weir, input, err) : push_batch(drive, weir, input, &batch, err);
  if (drive->failed.class != ERR_NONE) { /* inside drive_drain(): its text is the better one */
    if (err != NULL) *err = drive->failed;
    return ERR_FATAL;
  }
  return status != 0 ? status : write_rows(drive, weir, err);
}

static void tell_progress(struct drive *drive, struct weir *weir, bool last) {
  if (drive->options.progress == NULL) return;
  struct drive_progress progress = {.last = last};
  bool known = true;
  for (size_t i = 0; i < drive->options.input_count; i++) {
    uint64_t bytes, total;
    drive->sources[i].given->adapter->source->progress(drive->sources[i].instance, &bytes, &total);
    progress.bytes += bytes;
    progress.bytes_total += total;
    known = known && total > 0;
  }
  if (!known) progress.bytes_total = 0;
  drive->options.progress(drive->options.progress_context, weir, &progress);
}

static bool stopped(const struct drive *drive) { return drive->options.stop != NULL && *drive->options.stop != 0; }

/* Under the guard: adapters may allocate while they read. */
static int loop(struct drive *drive, struct weir *weir, struct err *err) {
  int status = open_sinks(drive, err), input;
  if (status == 0) status = open_inputs(drive, weir, err);
  while (status == 0 && !stopped(drive) && (input = weir_next_input(weir)) >= 0) {
    if (drive->live && (status = flush_all(drive, err)) != 0) break;
    status = one_batch(drive, weir, input, err);
    if (status == ERR_ABORT && stopped(drive)) status = 0; /* the signal that stops has interrupted a read */
    tell_progress(drive, weir, false);
  }
  if (status == 0 && !stopped(drive)) status = weir_finish(weir, err);
  if (status == ERR_FATAL && drive->failed.class != ERR_NONE && err != NULL) *err = drive->failed;
  struct err late_error; /* what was told before an error is still handed on */
  int written = write_rows(drive, weir, status == 0 ? err : &late_error);
  int flushed = flush_all(drive, status == 0 && written == 0 ? err : &late_error);
  tell_progress(drive, weir, true);
  return status != 0 ? status : written != 0 ? written : flushed;
}

int drive_run(struct drive *drive, struct weir *weir, struct err *err) {
  err_clear(err);
  if (MEM_GUARD(drive->mem)) return err_set(err, ERR_FATAL, "out of memory while an input was read");
  int status = loop(drive, weir, err);
  mem_unguard(drive->mem);
  return status;
}

struct drive_counts drive_counts(const struct drive *drive) {
  return drive->counts;
}
