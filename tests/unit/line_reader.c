/* floors: base */
/* line_reader.c - records of files: line ends, byte order marks, packed files, long lines, several files, short reads.
 */
#include "base/line_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"
#include "base/decode.h"
#include "tests/test.h"

/* Files in memory, read in pieces of at most `piece` bytes. */
enum { FILES_MAX = 8 };
static struct {
  const char *path;
  struct slice bytes;
} files[FILES_MAX];
static size_t file_count, piece, at[FILES_MAX];
static int open_files;

static int fake_open(void *context, const char *path, enum env_open how) {
  (void)context, (void)how;
  for (size_t i = 0; i < file_count; i++) {
    if (strcmp(files[i].path, path) != 0) continue;
    at[i] = 0;
    open_files++;
    return (int)i + 10;
  }
  return -ENOENT;
}
static int64_t fake_read(void *context, int handle, void *bytes, size_t room) {
  (void)context;
  size_t i = handle == ENV_STDIN ? 0 : (size_t)handle - 10, length = files[i].bytes.length - at[i];
  if (length > room) length = room;
  if (length > piece) length = piece;
  memcpy(bytes, files[i].bytes.data + at[i], length);
  at[i] += length;
  return (int64_t)length;
}
static int fake_close(void *context, int handle) {
  (void)context, (void)handle;
  open_files--;
  return 0;
}
static int fake_stat(void *context, const char *path, struct env_stat *out) {
  (void)context;
  for (size_t i = 0; i < file_count; i++) {
    if (strcmp(files[i].path, path) != 0) continue;
    *out = (struct env_stat){.kind = ENV_FILE, .bytes = (int64_t)files[i].bytes.length};
    return 0;
  }
  return -ENOENT;
}
static const struct env fake = {.open = fake_open, .read = fake_read, .close = fake_close, .stat = fake_stat};

static void file_add(const char *path, struct slice bytes) {
  files[file_count].path = path;
  files[file_count++].bytes = bytes;
}

/* All records as `offset:text|`, `H:text|` for a header, then an error's text. */
static const char *read_all(enum line_format format, size_t bytes_at_once, uint32_t records_max) {
  static char text[4096];
  const char *paths[FILES_MAX];
  size_t length = 0;
  struct mem *mem = mem_new(0);
  struct err err = {0};
  struct line_batch batch;
  check(mem != NULL);
  for (size_t i = 0; i < file_count; i++) paths[i] = files[i].path;
  piece = bytes_at_once;
  text[0] = 0;
  struct line_reader *reader = line_reader_new(mem, &fake, paths, (uint32_t)file_count, format, &err);
  int got = reader == NULL ? -1 : 1;
  while (got > 0 && (got = line_reader_next(reader, records_max, &batch, &err)) > 0) {
    EXPECT_INT(got, batch.count);
    if (batch.header.length > 0)
      length += (size_t)snprintf(text + length, sizeof text - length, "H:%.*s|", SLICE_ARG(batch.header));
    for (uint32_t i = 0; i < batch.count; i++) {
      length += (size_t)snprintf(text + length, sizeof text - length, "%d:%.*s|", (int)(batch.first_offset + i),
                                 SLICE_ARG(batch.records[i]));
    }
  }
  if (got < 0) snprintf(text + length, sizeof text - length, "%s", err.text);
  line_reader_free(reader);
  EXPECT_INT(open_files, 0);
  mem_free_all(mem);
  return text;
}

static void expect_all(enum line_format format, const char *expected) { /* however it comes in */
  static const size_t pieces[] = {1, 2, 3, 7, 1 << 20};
  static const uint32_t batches[] = {1, 2, 64};
  for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
      EXPECT_TEXT(read_all(format, pieces[p], batches[b]), expected);
  }
}

TEST(lines) {
  file_count = 0;
  file_add("a", SLICE("one\ntwo\r\n\n  \t\r\nthree\n\nfour"));
  expect_all(LINE_JSON, "0:one|1:two|2:three|3:four|");
}

TEST(a_byte_order_mark_and_empty_files) {
  file_count = 0;
  file_add("a", SLICE(""));
  file_add("b", SLICE("\xEF\xBB\xBF"
                      "one\n"));
  file_add("c", SLICE("\xEF\xBB\xBF"));
  file_add("d", SLICE("\n\n"));
  file_add("e", SLICE("\xEF\xBB"));
  file_add("f", SLICE("two\xEF\xBB\xBF\n"));
  expect_all(LINE_JSON, "0:one|1:\xEF\xBB|2:two\xEF\xBB\xBF|");
}

TEST(csv_files) {
  file_count = 0;
  file_add("a.csv", SLICE("\xEF\xBB\xBF"
                          "h1,h2\r\na,\"x\r\ny\"\r\n\r\nb,\"\"\"\n\"\n"));
  file_add("b.csv", SLICE("h3\n"));
  file_add("c.csv", SLICE("\nh4\nc"));
  expect_all(LINE_CSV, "H:h1,h2|0:a,\"x\r\ny\"|1:b,\"\"\"\n\"|H:h4|2:c|");
}

TEST(a_missing_file) {
  file_count = 0;
  file_add("a", SLICE("one\n"));
  const char *paths[] = {"a", "nowhere"};
  struct mem *mem = mem_new(0);
  struct err err;
  EXPECT(line_reader_new(mem, &fake, paths, 2, LINE_JSON, &err) == NULL);
  EXPECT(strstr(err.text, "cannot open nowhere: ") == err.text);
  mem_free_all(mem);
}

static struct slice gzip_of(struct slice text) {
  static char packed[2][1 << 12];
  static int turn;
  turn = !turn;
  z_stream z = {0};
  check(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  z.next_in = (Bytef *)text.data;
  z.avail_in = (uInt)text.length;
  z.next_out = (Bytef *)packed[turn];
  z.avail_out = sizeof packed[turn];
  check(deflate(&z, Z_FINISH) == Z_STREAM_END);
  struct slice result = {packed[turn], sizeof packed[turn] - z.avail_out};
  deflateEnd(&z);
  return result;
}

TEST(gzip) {
  char joined[1 << 13];
  struct slice a = gzip_of(SLICE("one\ntwo\nthr")), b = gzip_of(SLICE("ee\nfour\n"));
  memcpy(joined, a.data, a.length);
  memcpy(joined + a.length, b.data, b.length);
  memset(joined + a.length + b.length, 0, 5);
  file_count = 0;
  file_add("a.gz", (struct slice){joined, a.length + b.length}); /* as `cat x.gz y.gz` */
  file_add("b.gz", (struct slice){joined, a.length + b.length + 5});
  file_add("c.gz", SLICE(""));
  expect_all(LINE_JSON, "0:one|1:two|2:three|3:four|4:one|5:two|6:three|7:four|");
  file_count = 1;
  files[0].bytes.length = a.length - 3;
  expect_all(LINE_JSON, "0:one|1:two|a.gz ends in the middle of its packed data");
  files[0].bytes = SLICE("one\ntwo\n");
  expect_all(LINE_JSON, "a.gz is damaged: incorrect header check");
}

TEST(zstd) {
  char packed[1000];
  size_t a = ZSTD_compress(packed, sizeof packed, "one\ntwo\nthr", 11, 3);
  size_t b = ZSTD_compress(packed + a, sizeof packed - a, "ee\nfour\n", 8, 3);
  file_count = 0;
  file_add("a.zst", (struct slice){packed, a + b});
  file_add("b.jsonl.zstd", (struct slice){packed, a + b});
  expect_all(LINE_JSON, "0:one|1:two|2:three|3:four|4:one|5:two|6:three|7:four|");
  file_count = 1;
  files[0].bytes.length = a + b - 1;
  const char *text = read_all(LINE_JSON, 1 << 20, 64);
  EXPECT(strstr(text, "a.zst ends in the middle of its packed data") != NULL);
  files[0].bytes = SLICE("one\ntwo\n");
  EXPECT(strstr(read_all(LINE_JSON, 3, 64), "a.zst is damaged: ") != NULL);
}

TEST(long_lines) {
  enum { LONG = RECORD_BYTES_MAX };
  char *bytes = malloc(4 * LONG);
  size_t length = 0;
  struct {
    size_t length;
    bool crlf;
  } lines[] = {{5, false}, {LONG, false},           {LONG, true}, {LONG + 1, false},
               {3, true},  {2 * LONG - 999, false}, {7, false}};
  for (size_t round = 0; round < 2; round++) {
    for (size_t first = 0; first < 2; first++) { /* the buffer ends at other places */
      length = 0;
      size_t from = first == 0 ? 0 : 3, count = first == 0 ? 3 : 7;
      for (size_t i = from; i < count; i++) {
        memset(bytes + length, 'a' + (int)i, lines[i].length);
        length += lines[i].length;
        if (lines[i].crlf) bytes[length++] = '\r';
        bytes[length++] = '\n';
      }
      file_count = 0;
      file_add("a", (struct slice){bytes, length});
      piece = round == 0 ? 1 << 22 : 70001;
      struct mem *mem = mem_new(0);
      const char *path = "a";
      struct line_reader *reader = line_reader_new(mem, &fake, &path, 1, LINE_JSON, NULL);
      struct line_batch batch;
      size_t i = from;
      while (line_reader_next(reader, 64, &batch, NULL) > 0) {
        EXPECT_INT(batch.first_offset, i - from);
        for (uint32_t r = 0; r < batch.count; r++, i++) {
          size_t expected = lines[i].length > LONG ? LONG + 1 : lines[i].length;
          EXPECT_INT(batch.records[r].length, expected);
          EXPECT_INT(batch.records[r].data[0], 'a' + (int)i);
          EXPECT_INT(batch.records[r].data[expected - 1], 'a' + (int)i);
        }
      }
      EXPECT_INT(i, count);
      EXPECT(mem_peak(mem) < 4 * LONG);
      line_reader_free(reader);
      EXPECT_INT(open_files, 0);
      mem_free_all(mem);
    }
  }
  free(bytes);
}

TEST(standard_input_gives_what_is_there) {
  file_count = 0;
  file_add("-", SLICE("one\ntwo\nthree\n"));
  struct mem *mem = mem_new(0);
  const char *path = "-";
  struct line_batch batch;
  at[0] = 0;
  piece = 6; /* "one\ntw" */
  struct line_reader *reader = line_reader_new(mem, &fake, &path, 1, LINE_JSON, NULL);
  EXPECT_INT(line_reader_next(reader, 64, &batch, NULL), 1);
  EXPECT(slice_equal(batch.records[0], SLICE("one")));
  EXPECT_INT(line_reader_bytes(reader), 6);
  EXPECT_INT(line_reader_bytes_total(reader), 0);
  EXPECT_INT(line_reader_next(reader, 64, &batch, NULL), 1);
  EXPECT(slice_equal(batch.records[0], SLICE("two")));
  EXPECT_INT(line_reader_next(reader, 64, &batch, NULL), 1);
  EXPECT_INT(batch.first_offset, 2);
  EXPECT_INT(line_reader_next(reader, 64, &batch, NULL), 0);
  EXPECT_INT(line_reader_next(reader, 64, &batch, NULL), 0);
  mem_free_all(mem); /* gives everything back, without line_reader_free() too */
}

TEST(formats_by_name) {
  EXPECT_INT(line_format_of("a.csv"), LINE_CSV);
  EXPECT_INT(line_format_of("a.csv.gz"), LINE_CSV);
  EXPECT_INT(line_format_of("x/a.csv.zst"), LINE_CSV);
  EXPECT_INT(line_format_of("A.CSV"), LINE_CSV);
  EXPECT_INT(line_format_of("a.Csv.GZ"), LINE_CSV);
  EXPECT_INT(line_format_of("a.jsonl"), LINE_JSON);
  EXPECT_INT(line_format_of("a.jsonl.gz"), LINE_JSON);
  EXPECT_INT(line_format_of("-"), LINE_JSON);
}

TEST_MAIN
