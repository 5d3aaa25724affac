/* line_reader.c - see line_reader.h. Owns the buffer and, through unpack.h, the open file. */
#include "base/line_reader.h"

#include "base/check.h"
#include "base/decode.h"
#include "base/unpack.h"

enum {
  BUFFER_FIRST = 128 << 10,
  RECORD_ROOM = RECORD_BYTES_MAX + 2, /* the longest record that is taken, with CRLF */
  BUFFER_MAX = RECORD_ROOM + BUFFER_FIRST,
};

struct line_reader {
  struct mem *mem;
  const struct env *env;
  struct unpack *unpack;
  char **paths;
  uint32_t path_count, path; /* `path`: the one being read; path_count = the end */
  enum line_format format;
  uint64_t bytes_total, offset;
  char *data; /* capacity + LINE_PADDING; [start, end) is read and not yet given */
  size_t capacity, start, end;
  size_t searched; /* JSON: there is no line end before this place */
  bool opened;     /* the file at `path` is open, and its byte order mark is passed */
  bool over;       /* all of it is in the buffer */
  bool skipping;   /* inside a record that was too long */
  bool header_due; /* CSV: the header line was not seen yet */
  char *header;    /* a copy */
  size_t header_length;
  size_t lone_return; /* 1 + the number of the path whose header has a carriage return in it; 0 = none */
};

static struct slice without(struct slice text, struct slice end) {
  if (text.length > end.length && strncasecmp(text.data + text.length - end.length, end.data, end.length) == 0) {
    text.length -= end.length;
  }
  return text;
}

enum line_format line_format_of(const char *path) {
  struct slice name = without(without(without(slice_of(path), SLICE(".gz")), SLICE(".zst")), SLICE(".zstd"));
  return without(name, SLICE(".csv")).length < name.length ? LINE_CSV : LINE_JSON;
}

static int paths_check(struct line_reader *reader, struct err *err) {
  bool known = true;
  for (uint32_t i = 0; i < reader->path_count; i++) {
    struct env_stat stat;
    if (slice_equal(slice_of(reader->paths[i]), SLICE("-"))) {
      known = false;
      continue;
    }
    int result = reader->env->stat(reader->env->context, reader->paths[i], &stat);
    if (result < 0) return err_set(err, ERR_ABORT, "cannot open %s: %s", reader->paths[i], env_error(result));
    if (stat.kind == ENV_FOLDER) return err_set(err, ERR_ABORT, "cannot read %s: it is a folder", reader->paths[i]);
    if (stat.kind != ENV_FILE) known = false;
    reader->bytes_total += (uint64_t)stat.bytes;
  }
  if (!known) reader->bytes_total = 0;
  return 0;
}

struct line_reader *line_reader_new(struct mem *mem, const struct env *env, const char *const *paths,
                                    uint32_t path_count, enum line_format format, struct err *err) {
  check(path_count > 0);
  struct line_reader *reader = mem_alloc(mem, sizeof *reader);
  reader->mem = mem;
  reader->env = env;
  reader->format = format;
  reader->path_count = path_count;
  reader->paths = mem_alloc(mem, sizeof *reader->paths * path_count);
  for (uint32_t i = 0; i < path_count; i++) {
    size_t bytes = strlen(paths[i]) + 1;
    reader->paths[i] = mem_alloc_raw(mem, bytes);
    memcpy(reader->paths[i], paths[i], bytes);
  }
  if (paths_check(reader, err) < 0) {
    line_reader_free(reader);
    return NULL;
  }
  reader->capacity = BUFFER_FIRST;
  reader->data = mem_alloc(mem, reader->capacity + LINE_PADDING);
  reader->unpack = unpack_new(mem, env);
  return reader;
}

void line_reader_free(struct line_reader *reader) {
  if (reader == NULL) return;
  unpack_free(reader->unpack);
  for (uint32_t i = 0; i < reader->path_count; i++) mem_free(reader->mem, reader->paths[i]);
  mem_free(reader->mem, reader->paths);
  mem_free(reader->mem, reader->data);
  mem_free(reader->mem, reader->header);
  mem_free(reader->mem, reader);
}

uint64_t line_reader_bytes(const struct line_reader *reader) { return unpack_bytes(reader->unpack); }
uint64_t line_reader_bytes_total(const struct line_reader *reader) { return reader->bytes_total; }

/* Reads once more, behind what is there. The bytes that were given are gone after this. */
static int fill(struct line_reader *reader, struct err *err) {
  if (reader->start > 0) {
    memmove(reader->data, reader->data + reader->start, reader->end - reader->start);
    reader->end -= reader->start;
    reader->searched -= reader->searched > reader->start ? reader->start : reader->searched;
    reader->start = 0;
  }
  if (reader->end == reader->capacity) {
    check(reader->capacity < BUFFER_MAX);
    reader->capacity = reader->capacity * 2 < BUFFER_MAX ? reader->capacity * 2 : BUFFER_MAX;
    reader->data = mem_realloc(reader->mem, reader->data, reader->capacity + LINE_PADDING);
  }
  int64_t got = unpack_read(reader->unpack, reader->data + reader->end, reader->capacity - reader->end, err);
  if (got < 0) return (int)got;
  reader->end += (size_t)got;
  reader->over = got == 0;
  memset(reader->data + reader->end, 0, LINE_PADDING);
  return 0;
}

static int file_open(struct line_reader *reader, struct err *err) {
  static const char mark[] = {'\xEF', '\xBB', '\xBF'};
  reader->start = reader->end = reader->searched = 0;
  reader->over = reader->skipping = false;
  reader->header_due = reader->format == LINE_CSV;
  reader->header_length = 0;
  int result = unpack_open(reader->unpack, reader->paths[reader->path], err);
  if (result < 0) return result;
  reader->opened = true;
  while (reader->end < sizeof mark && !reader->over) {
    result = fill(reader, err);
    if (result < 0) return result;
    size_t seen = reader->end < sizeof mark ? reader->end : sizeof mark;
    if (memcmp(reader->data, mark, seen) != 0) return 0; /* so that a short first line is not waited behind */
  }
  if (reader->end >= sizeof mark && memcmp(reader->data, mark, sizeof mark) == 0) reader->start = sizeof mark;
  reader->searched = reader->start;
  return 0;
}

/* The length with its line end of the record at `start`, 0 if its end is not there yet. */
static size_t record_length(struct line_reader *reader) {
  const char *data = reader->data;
  if (reader->format == LINE_CSV && !reader->skipping) {
    return decode_csv_record_length((struct slice){data + reader->start, reader->end - reader->start});
  }
  if (reader->searched < reader->start) reader->searched = reader->start;
  const char *line_end = memchr(data + reader->searched, '\n', reader->end - reader->searched);
  reader->searched = line_end != NULL ? (size_t)(line_end - data) + 1 : reader->end;
  return line_end != NULL ? reader->searched - reader->start : 0;
}

static bool is_blank(struct slice record) {
  for (size_t i = 0; i < record.length; i++) {
    if (record.data[i] != ' ' && record.data[i] != '\t' && record.data[i] != '\r') return false;
  }
  return true;
}

/* A carriage return with no line feed behind it: the lines of such a file are all one, the header, and no record would
 * say so. */
static bool has_lone_return(struct slice line) {
  for (size_t i = 0; i + 1 < line.length; i++)
    if (line.data[i] == '\r' && line.data[i + 1] != '\n') return true;
  return false;
}

/* Takes the record of `length` bytes (with its line end, if it has one) at `start`; false if it is none to give. */
static bool record_take(struct line_reader *reader, size_t length, struct slice *record) {
  *record = (struct slice){reader->data + reader->start, length};
  reader->start += length;
  if (reader->skipping) {
    reader->skipping = false;
    return false;
  }
  if (record->length > 0 && record->data[record->length - 1] == '\n') record->length--;
  if (record->length > 0 && record->data[record->length - 1] == '\r') record->length--;
  if (is_blank(*record)) return false;
  if (!reader->header_due) {
    if (record->length > RECORD_BYTES_MAX) record->length = RECORD_BYTES_MAX + 1;
    return true;
  }
  reader->header_due = false;
  if (has_lone_return(*record)) reader->lone_return = reader->path + 1;
  reader->header = mem_realloc(reader->mem, reader->header, record->length + LINE_PADDING);
  memcpy(reader->header, record->data, record->length);
  reader->header_length = record->length;
  return false;
}

/* Whole lines that are in the buffer: the records of JSON. What record_length() and record_take() do, without what is
 * for CSV and for the rest of a line that was too long. */
static void lines_take(struct line_reader *reader, uint32_t records_max, struct line_batch *batch) {
  const char *data = reader->data, *at = data + reader->start, *end = data + reader->end;
  const char *searched = reader->searched > reader->start ? data + reader->searched : at;
  struct slice *record = batch->records + batch->count, *behind = batch->records + records_max;
  while (record < behind) {
    const char *line_end = memchr(searched, '\n', (size_t)(end - searched));
    searched = line_end != NULL ? line_end + 1 : end;
    if (line_end == NULL) break;
    size_t length = (size_t)(line_end - at);
    if (length > 0 && line_end[-1] == '\r') length--;
    *record = (struct slice){at, length > RECORD_BYTES_MAX ? RECORD_BYTES_MAX + 1 : length};
    if ((uint8_t)*at > ' ' || !is_blank((struct slice){at, length})) record++;
    at = searched;
  }
  batch->count = (uint32_t)(record - batch->records);
  reader->start = (size_t)(at - data);
  reader->searched = (size_t)(searched - data);
}

/* Whole records that are in the buffer. */
static void records_take(struct line_reader *reader, uint32_t records_max, struct line_batch *batch) {
  if (reader->format == LINE_JSON && !reader->skipping) {
    lines_take(reader, records_max, batch);
    return;
  }
  while (batch->count < records_max) {
    size_t length = record_length(reader);
    if (length == 0) return;
    if (record_take(reader, length, &batch->records[batch->count])) batch->count++;
  }
}

/* A header with it would be all that is left of its file, and no record would say so. */
static bool has_open_quote(struct slice line) {
  bool open = false;
  for (size_t i = 0; i < line.length; i++) open ^= line.data[i] == '"';
  return open;
}

/* The buffer holds no whole record: what it holds is too long, or the last of its file, or more must be read. */
static int more(struct line_reader *reader, struct line_batch *batch, struct err *err) {
  size_t there = reader->end - reader->start;
  if (reader->skipping && there > 0) {
    reader->start = reader->end;
    there = 0;
  }
  if (there > RECORD_ROOM) {
    bool is_header = reader->header_due;
    if (is_header) return err_set(err, ERR_ABORT, "%s: the CSV header is too long", reader->paths[reader->path]);
    batch->records[batch->count++] = (struct slice){reader->data + reader->start, RECORD_BYTES_MAX + 1};
    reader->start = reader->end;
    reader->skipping = true;
    return 0;
  }
  if (!reader->over) return fill(reader, err);
  if (there > 0 && reader->header_due && has_open_quote((struct slice){reader->data + reader->start, there}))
    return err_set(err, ERR_ABORT, "%s: the CSV header: a name's closing quote is missing",
                   reader->paths[reader->path]);
  if (there > 0 && record_take(reader, there, &batch->records[batch->count])) batch->count++;
  if (batch->count > 0) return 0; /* the file is left at the next call, so that the batch knows its path */
  unpack_close(reader->unpack);
  reader->opened = false;
  reader->path++;
  return 0;
}

int line_reader_next(struct line_reader *reader, uint32_t records_max, struct line_batch *batch, struct err *err) {
  check(records_max > 0 && records_max <= LINE_BATCH_MAX);
  batch->count = 0;
  batch->first_offset = reader->offset;
  batch->header = (struct slice){NULL, 0};
  while (batch->count == 0 && reader->path < reader->path_count) {
    int result = 0;
    if (!reader->opened) result = file_open(reader, err);
    if (result == 0) {
      records_take(reader, records_max, batch);
      if (batch->count == 0) result = more(reader, batch, err);
    }
    if (result >= 0 && reader->lone_return > 0)
      return err_set(err, ERR_ABORT,
                     "%s: the CSV header has a carriage return in it: lines end with a line feed, or with both",
                     reader->paths[reader->lone_return - 1]);
    if (result < 0) return result;
  }
  if (batch->count == 0) return 0;
  batch->path = reader->paths[reader->path];
  if (reader->header_length > 0) batch->header = (struct slice){reader->header, reader->header_length};
  reader->header_length = 0;
  reader->offset += batch->count;
  return (int)batch->count;
}
