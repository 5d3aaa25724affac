/* template.c - an adapter to copy: a source that makes the same record again and again, a sink that counts rows.
 *
 * To add an adapter: copy this file, write what is yours, add one line to registry.c. Nothing else knows its name. The
 * driver opens instances and passes batches on; an instance belongs to one thread. */
#include "engine/adapter.h"

/* 1. The options: a struct, and a table with a line for each member. `weir adapters template` prints the table; a value
 * of the wrong form, an unknown name or a missing value never reaches this file. */
struct template_options {
  const char *record;
  int64_t count;
};

static const struct adapter_option template_option_table[] = {
    {"record", ADAPTER_TEXT, "{}", "the record that the source gives", offsetof(struct template_options, record)},
    {"count", ADAPTER_NUMBER, "1", "how many times it gives it", offsetof(struct template_options, count)},
};

/* 2. A source. It lives in the memory context it gets: nothing to free by hand but what does not come from there (a
 * socket, a library's handle), which is handed over with mem_defer() right after it was got. Blocking calls, waiting
 * and retries are its own affair; it says ERR_ABORT when this input is at its end of wisdom. */
enum { TEMPLATE_PADDING = 64, TEMPLATE_BATCH = 64 };

struct template_source {
  char *bytes; /* the record, with the padding that decoders may read */
  struct slice records[TEMPLATE_BATCH];
  int64_t left;
};

static void *template_open(struct mem *mem, const struct env *env, const void *options, struct err *err) {
  (void)env; /* the door to clock, files and randomness: nothing else may touch the host */
  const struct template_options *given = options;
  if (given->count < 0) {
    err_set(err, ERR_ABORT, "count is negative"); /* what the table cannot check is checked here */
    return NULL;
  }
  struct template_source *source = mem_alloc(mem, sizeof *source); /* never NULL: base/mem.h */
  size_t length = strlen(given->record);
  source->bytes = mem_alloc(mem, length + TEMPLATE_PADDING);
  memcpy(source->bytes, given->record, length);
  for (int i = 0; i < TEMPLATE_BATCH; i++) source->records[i] = (struct slice){source->bytes, length};
  source->left = given->count;
  return source;
}

static int template_read(void *instance, uint32_t records_max, struct adapter_batch *batch, struct err *err) {
  (void)err;
  struct template_source *source = instance;
  uint32_t count = records_max < TEMPLATE_BATCH ? records_max : TEMPLATE_BATCH;
  if (count > source->left) count = (uint32_t)source->left;
  source->left -= count;
  *batch = (struct adapter_batch){.records = source->records, .count = count}; /* no header, no stamps */
  return (int)count;                                                           /* 0: the end */
}

static void template_close(void *instance) { (void)instance; }

/* What the alerts say as `source`. It has to be the same in every run. */
static const char *template_name(const void *options) {
  (void)options;
  return "template";
}
static bool template_no(const void *options) {
  (void)options;
  return false;
}
static void template_progress(void *instance, uint64_t *bytes, uint64_t *bytes_total) {
  (void)instance;
  *bytes = *bytes_total = 0; /* unknown */
}

static const struct adapter_source template_source_calls = {.open = template_open,
                                                            .read = template_read,
                                                            .close = template_close,
                                                            .name = template_name,
                                                            .csv = template_no,
                                                            .live = template_no,
                                                            .progress = template_progress};

/* 3. A sink. write() is called from inside the engine and must not allocate: memory that it needs is got in open().
 * It may gather rows; flush() brings them to the receiver, and says ERR_FATAL if it cannot. */
struct template_sink {
  uint64_t rows, bytes;
};

static void *template_sink_open(struct mem *mem, const struct env *env, const void *options, struct err *err) {
  (void)env, (void)options, (void)err;
  return mem_alloc(mem, sizeof(struct template_sink));
}
static int template_sink_write(void *instance, struct slice row, struct err *err) {
  (void)err;
  struct template_sink *sink = instance;
  sink->rows++;
  sink->bytes += row.length;
  return 0;
}
static int template_sink_flush(void *instance, struct err *err) {
  (void)instance, (void)err;
  return 0;
}

static const struct adapter_sink template_sink_calls = {.open = template_sink_open,
                                                        .write = template_sink_write,
                                                        .flush = template_sink_flush,
                                                        .close = template_sink_flush};

/* 4. The struct literal that is the adapter. registry.c names it. */
extern const struct adapter adapter_template;
const struct adapter adapter_template = {
    .name = "template",
    .help = "an example to copy: gives one record again and again, counts what it is told",
    .options_bytes = sizeof(struct template_options),
    .option_count = sizeof template_option_table / sizeof template_option_table[0],
    .options = template_option_table,
    .source = &template_source_calls,
    .sink = &template_sink_calls,
};
