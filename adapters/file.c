/* file.c - files, standard input and standard output: JSON or CSV lines in, JSON lines out.
 *
 * As a source: one partition, whose segments are the files of a comma list or of patterns (* ? [abc]), in byte order of
 * their names; gzip and zstd by ending. As a sink: rows with line ends, written in large pieces. Opened by the driver.
 */
#include <errno.h>
#include <fnmatch.h>

#include "base/line_reader.h"
#include "engine/adapter.h"

enum { FILE_PATHS_MAX = 65536, FILE_BUFFER_MIN = 4096 };

struct file_options {
  const char *path, *format;
  int64_t buffer_bytes;
  bool append;
};

static const struct adapter_option file_option_table[] = {
    {"path", ADAPTER_TEXT, NULL, "files with commas between them, or patterns; `-` is standard input or output",
     offsetof(struct file_options, path)},
    {"format", ADAPTER_TEXT, "auto", "json, csv, or auto: by the first file's ending (source)",
     offsetof(struct file_options, format)},
    {"buffer", ADAPTER_SIZE, "256KiB", "rows are written when so much has gathered, and when nothing comes (sink)",
     offsetof(struct file_options, buffer_bytes)},
    {"append", ADAPTER_FLAG, "false", "write behind what the file has (sink)", offsetof(struct file_options, append)},
};

/* ---- which files ---- */

struct paths {
  struct mem *mem;
  const char **items;
  uint32_t count, capacity;
};

/* Takes over `path`. */
static void paths_add(struct paths *paths, const char *path) {
  if (paths->count == paths->capacity) {
    paths->capacity = paths->capacity == 0 ? 16 : 2 * paths->capacity;
    paths->items = mem_realloc(paths->mem, paths->items, paths->capacity * sizeof *paths->items);
  }
  paths->items[paths->count++] = path;
}

static const char *joined(struct mem *mem, const char *folder, struct slice name) {
  size_t length = strlen(folder);
  const char *slash = length > 0 && folder[length - 1] != '/' ? "/" : "";
  size_t bytes = length + strlen(slash) + name.length + 1;
  char *path = mem_alloc(mem, bytes);
  snprintf(path, bytes, "%s%s" SLICE_FMT, folder, slash, SLICE_ARG(name));
  return path;
}

/* Everything in `folder` that the one-level pattern fits. */
static int expand_level(struct paths *out, const struct env *env, const char *folder, const char *pattern,
                        struct err *err) {
  const char *const *names;
  size_t count;
  if (env_list(env, out->mem, folder[0] == '\0' ? "." : folder, &names, &count, err) != 0) return ERR_ABORT;
  for (size_t i = 0; i < count && out->count < FILE_PATHS_MAX; i++)
    if (fnmatch(pattern, names[i], FNM_PERIOD) == 0) paths_add(out, joined(out->mem, folder, slice_of(names[i])));
  mem_free(out->mem, (void *)(uintptr_t)names);
  return 0;
}

static bool has_wildcard(struct slice text) {
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] == '*' || text.data[i] == '?' || text.data[i] == '[') return true;
  return false;
}

/* One part of the comma list: a path as it is, or a pattern, level by level. */
static int expand(struct paths *out, const struct env *env, struct slice part, struct err *err) {
  const char *whole = joined(out->mem, "", part);
  struct env_stat there;
  if (!has_wildcard(part) || env->stat(env->context, whole, &there) == 0) { /* a file may be called `a[1].jsonl` */
    paths_add(out, whole);
    return 0;
  }
  struct paths at = {.mem = out->mem};
  struct slice rest = part;
  paths_add(&at, rest.data[0] == '/' ? "/" : "");
  while (rest.length > 0) {
    while (rest.length > 0 && rest.data[0] == '/') rest = (struct slice){rest.data + 1, rest.length - 1};
    size_t length = 0;
    while (length < rest.length && rest.data[length] != '/') length++;
    struct slice level = {rest.data, length};
    rest = (struct slice){rest.data + length, rest.length - length};
    struct paths next = {.mem = out->mem};
    const char *pattern = joined(out->mem, "", level);
    for (uint32_t i = 0; i < at.count && level.length > 0; i++) {
      if (!has_wildcard(level)) {
        paths_add(&next, joined(out->mem, at.items[i], level));
        continue;
      }
      struct env_stat stat;
      const char *folder = at.items[i][0] == '\0' ? "." : at.items[i];
      if (env->stat(env->context, folder, &stat) != 0 || stat.kind != ENV_FOLDER) continue;
      if (expand_level(&next, env, at.items[i], pattern, err) != 0) return ERR_ABORT;
    }
    if (level.length > 0) at = next;
  }
  uint32_t before = out->count;
  for (uint32_t i = 0; i < at.count; i++) {
    struct env_stat stat;
    if (env->stat(env->context, at.items[i], &stat) == 0 && stat.kind != ENV_FOLDER) paths_add(out, at.items[i]);
  }
  if (out->count == before) return err_set(err, ERR_ABORT, "no file fits the pattern " SLICE_FMT, SLICE_ARG(part));
  return 0;
}

static int compare_paths(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int all_paths(struct paths *out, const struct env *env, const char *text, struct err *err) {
  struct slice rest = slice_of(text);
  while (rest.length > 0) {
    size_t length = 0;
    while (length < rest.length && rest.data[length] != ',') length++;
    struct slice part = {rest.data, length};
    size_t used = length < rest.length ? length + 1 : length;
    rest = (struct slice){rest.data + used, rest.length - used};
    if (part.length > 0 && expand(out, env, part, err) != 0) return ERR_ABORT;
  }
  if (out->count == 0) return err_set(err, ERR_ABORT, "no file is named");
  if (out->count >= FILE_PATHS_MAX) return err_set(err, ERR_ABORT, "more than %d files", FILE_PATHS_MAX);
  qsort(out->items, out->count, sizeof *out->items, compare_paths);
  return 0;
}

/* ---- source ---- */

struct file_source {
  const struct env *env;
  struct paths paths;
  struct line_reader *reader;
  struct line_batch batch;
};

static bool file_csv(const void *options) {
  const struct file_options *file = options;
  if (strcmp(file->format, "auto") != 0) return strcmp(file->format, "csv") == 0;
  char first[ENV_PATH_MAX];
  const char *path = file->path + strspn(file->path, ",");
  size_t length = strcspn(path, ",");
  if (length >= sizeof first) return false;
  memcpy(first, path, length);
  first[length] = '\0';
  return line_format_of(first) == LINE_CSV;
}

/* The files of one input are segments of one log: where their endings say the format, they all say the same. */
static int check_endings(const struct paths *paths, const struct file_options *file, struct err *err) {
  enum line_format format = file_csv(file) ? LINE_CSV : LINE_JSON;
  for (uint32_t i = 0; strcmp(file->format, "auto") == 0 && i < paths->count; i++) {
    if (line_format_of(paths->items[i]) == format) continue;
    return err_set(err, ERR_ABORT, "%s is %s, but the input begins as %s: one input has files of one format",
                   paths->items[i], format == LINE_CSV ? "no CSV" : "CSV", format == LINE_CSV ? "CSV" : "JSON lines");
  }
  return 0;
}

static bool file_is_stdin(const void *options) {
  return strcmp(((const struct file_options *)options)->path, "-") == 0;
}

static const char *file_name(const void *options) { return file_is_stdin(options) ? "stdin" : "file"; }

static void *file_open(struct mem *mem, const struct env *env, const void *options, struct err *err) {
  const struct file_options *file = options;
  if (strcmp(file->format, "auto") != 0 && strcmp(file->format, "json") != 0 && strcmp(file->format, "csv") != 0) {
    err_set(err, ERR_ABORT, "format is \"%s\", expected json, csv or auto", file->format);
    return NULL;
  }
  struct paths paths = {.mem = mem};
  if (all_paths(&paths, env, file->path, err) != 0 || check_endings(&paths, file, err) != 0) return NULL;
  struct file_source *source = mem_alloc(mem, sizeof *source);
  source->env = env;
  source->paths = paths;
  source->reader = line_reader_new(mem, env, paths.items, paths.count, file_csv(options) ? LINE_CSV : LINE_JSON, err);
  return source->reader == NULL ? NULL : source;
}

static int file_read(void *instance, uint32_t records_max, struct adapter_batch *batch, struct err *err) {
  struct file_source *source = instance;
  int count = line_reader_next(source->reader, records_max, &source->batch, err);
  if (count <= 0) return count;
  *batch = (struct adapter_batch){.records = source->batch.records,
                                  .count = source->batch.count,
                                  .path = source->batch.path,
                                  .header = source->batch.header};
  return count;
}

static void file_close(void *instance) { line_reader_free(((struct file_source *)instance)->reader); }

static void file_progress(void *instance, uint64_t *bytes, uint64_t *bytes_total) {
  struct file_source *source = instance;
  *bytes = line_reader_bytes(source->reader);
  *bytes_total = line_reader_bytes_total(source->reader);
}

/* Names of the host's open streams: links to what they are. */
static bool stat_path(const struct env *env, const char *path, const char *standard, struct env_stat *stat) {
  if (env->stat(env->context, strcmp(path, "-") == 0 ? standard : path, stat) != 0) return false;
  return stat->device != 0 || stat->file != 0;
}

static bool file_reads(void *instance, const struct env_stat *file) {
  const struct file_source *source = instance;
  struct env_stat stat;
  for (uint32_t i = 0; i < source->paths.count; i++)
    if (stat_path(source->env, source->paths.items[i], "/dev/stdin", &stat) && stat.device == file->device &&
        stat.file == file->file)
      return true;
  return false;
}

static const struct adapter_source file_source_calls = {.open = file_open,
                                                        .read = file_read,
                                                        .close = file_close,
                                                        .name = file_name,
                                                        .csv = file_csv,
                                                        .live = file_is_stdin,
                                                        .progress = file_progress,
                                                        .reads = file_reads};

/* ---- sink ---- */

struct file_sink {
  struct mem *mem;
  const struct env *env;
  const char *path;
  int handle;
  size_t length, room;
  bool failed; /* said once; what comes after is not written behind a gap */
  char bytes[];
};

static void sink_clean_up(void *instance) {
  struct file_sink *sink = instance;
  if (sink->handle > ENV_STDERR) (void)sink->env->close(sink->env->context, sink->handle);
}

static void *sink_open(struct mem *mem, const struct env *env, const void *options, struct err *err) {
  const struct file_options *file = options;
  size_t room = file->buffer_bytes < FILE_BUFFER_MIN ? FILE_BUFFER_MIN : (size_t)file->buffer_bytes;
  struct file_sink *sink = mem_alloc_raw(mem, sizeof *sink + room);
  *sink = (struct file_sink){.mem = mem, .env = env, .path = file->path, .room = room, .handle = ENV_STDOUT};
  if (strcmp(file->path, "/dev/stderr") == 0) {
    sink->handle = ENV_STDERR;
  } else if (strcmp(file->path, "-") != 0) {
    sink->handle = env->open(env->context, file->path, file->append ? ENV_APPEND : ENV_CREATE);
    if (sink->handle < 0) {
      err_set(err, ERR_ABORT, "cannot write %s: %s", file->path, env_error(sink->handle));
      return NULL;
    }
  }
  mem_defer(mem, sink_clean_up, sink);
  return sink;
}

static int sink_flush(void *instance, struct err *err) {
  struct file_sink *sink = instance;
  if (sink->failed) return err_set(err, ERR_FATAL, "%s: writing has failed before", sink->path);
  struct slice bytes = {sink->bytes, sink->length};
  sink->length = 0;
  if (bytes.length == 0) return 0;
  int status =
      env_write_all(sink->env, sink->handle, bytes, strcmp(sink->path, "-") == 0 ? "standard output" : sink->path, err);
  sink->failed = status != 0;
  return status;
}

static int put(struct file_sink *sink, struct slice bytes, struct err *err) {
  while (bytes.length > 0) {
    if (sink->length == sink->room && sink_flush(sink, err) != 0) return ERR_FATAL;
    size_t part = sink->room - sink->length < bytes.length ? sink->room - sink->length : bytes.length;
    memcpy(sink->bytes + sink->length, bytes.data, part);
    sink->length += part;
    bytes = (struct slice){bytes.data + part, bytes.length - part};
  }
  return 0;
}

static int sink_write(void *instance, struct slice row, struct err *err) {
  struct file_sink *sink = instance;
  /* Rows are not cut over two writes where that can be helped: a reader of the file sees whole lines mostly. */
  if (sink->length > 0 && sink->room - sink->length < row.length + 1 && sink_flush(sink, err) != 0) return ERR_FATAL;
  if (put(sink, row, err) != 0) return ERR_FATAL;
  return put(sink, SLICE("\n"), err);
}

static int sink_close(void *instance, struct err *err) {
  struct file_sink *sink = instance;
  int status = sink->failed ? 0 : sink_flush(sink, err);
  int handle = sink->handle;
  sink->handle = ENV_STDOUT; /* closed here, not by the clean-up */
  mem_undefer(sink->mem, sink, false);
  if (handle <= ENV_STDERR) return status;
  int closed = sink->env->close(sink->env->context, handle);
  if (status == 0 && closed != 0) status = err_set(err, ERR_FATAL, "%s: %s", sink->path, env_error(closed));
  return status;
}

static bool sink_file(const struct env *env, const void *options, struct env_stat *stat) {
  return stat_path(env, ((const struct file_options *)options)->path, "/dev/stdout", stat);
}

static const struct adapter_sink file_sink_calls = {
    .open = sink_open, .write = sink_write, .flush = sink_flush, .close = sink_close, .file = sink_file};

extern const struct adapter adapter_file;
const struct adapter adapter_file = {
    .name = "file",
    .help = "JSON or CSV lines from files or standard input; JSON lines to a file or standard output",
    .options_bytes = sizeof(struct file_options),
    .option_count = sizeof file_option_table / sizeof file_option_table[0],
    .options = file_option_table,
    .source = &file_source_calls,
    .sink = &file_sink_calls,
};
