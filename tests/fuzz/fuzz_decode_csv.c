/* floors: base */
/* fuzz_decode_csv.c - CSV decoding against a plain reader of RFC 4180, written here: the same records, the same cells,
 * the same refusals. The input's first record is the header. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/decode.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CELLS_MAX = 64, FIELDS = 3, PADDING = 32 };

struct cell {
  char *text;
  size_t length;
  bool null;
};

/* Splits one record into cells (heap memory); the number of cells, -1 if it is no CSV. At most CELLS_MAX are kept. */
static int judge_split(struct slice record, struct cell cells[CELLS_MAX]) {
  int count = 0;
  size_t i = 0;
  for (;;) {
    struct cell cell = {malloc(record.length + 1), 0, false};
    check(cell.text != NULL);
    bool fine = true;
    if (i < record.length && record.data[i] == '"') {
      for (i++;; i++) {
        if (i >= record.length) {
          fine = false;
          break;
        }
        if (record.data[i] == '"') {
          if (i + 1 < record.length && record.data[i + 1] == '"')
            i++;
          else
            break;
        }
        cell.text[cell.length++] = record.data[i];
      }
      i++;
    } else {
      for (; i < record.length && record.data[i] != ','; i++) {
        if (strchr("\"\r\n", record.data[i]) != NULL && record.data[i] != 0) fine = false;
        cell.text[cell.length++] = record.data[i];
      }
      cell.null = cell.length == 0;
    }
    if (fine && i < record.length && record.data[i] != ',') fine = false;
    if (count < CELLS_MAX && fine)
      cells[count] = cell;
    else
      free(cell.text);
    if (!fine) {
      for (int c = 0; c < count && c < CELLS_MAX; c++) free(cells[c].text);
      return -1;
    }
    count++;
    if (i >= record.length) return count;
    i++;
  }
}

static void cells_free(struct cell *cells, int count) {
  for (int i = 0; i < count && i < CELLS_MAX; i++) free(cells[i].text);
}

static bool is_blank(struct slice text) {
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] == 0 || strchr(" \t\r\n", text.data[i]) == NULL) return false;
  }
  return true;
}

static struct schema_field fields[FIELDS] = {
    {.name = SLICE("a"), .path = SLICE("a"), .type = {.kind = VALUE_STRING}, .used = true, .slot = 0},
    {.name = SLICE("b"), .path = SLICE("b"), .type = {.kind = VALUE_STRING}, .used = true, .slot = 1},
    {.name = SLICE("n"), .path = SLICE("n"), .type = {.kind = VALUE_INT}, .used = true, .slot = 2},
};
static const struct schema schema = {
    .name = SLICE("e"), .field_count = FIELDS, .slot_count = FIELDS, .fields = fields, .time_field = -1};

static int column_of(const struct cell *header, int count, struct slice name) {
  for (int i = 0; i < count && i < CELLS_MAX; i++) {
    if (slice_equal((struct slice){header[i].text, header[i].length}, name)) return i;
  }
  return -1;
}

static void record_judge(struct decoder *decoder, struct arena *arena, struct slice bytes, const struct cell *header,
                         int header_count) {
  struct decoded out;
  char *record = malloc(bytes.length + PADDING);
  check(record != NULL);
  memcpy(record, bytes.data, bytes.length);
  memset(record + bytes.length, '"', PADDING);
  decode_record(decoder, (struct slice){record, bytes.length}, arena, &out);
  if (is_blank(bytes)) {
    check(out.code == DECODE_BLANK);
  } else if (!utf8_valid(bytes)) {
    check(out.code == DECODE_BAD_UTF8);
  } else {
    struct cell cells[CELLS_MAX];
    int count = judge_split(bytes, cells);
    check((out.code == DECODE_OK) == (count == header_count));
    for (uint16_t i = 0; out.code == DECODE_OK && i < FIELDS; i++) {
      int column = column_of(header, header_count, fields[i].path);
      if (column < 0 || cells[column].null)
        check(value_is_null(out.values[i]));
      else if (i < 2)
        check(slice_equal(value_slice(out.values[i]), (struct slice){cells[column].text, cells[column].length}));
    }
    cells_free(cells, count);
  }
  free(record);
}

static struct slice without_line_end(struct slice text) {
  if (text.length > 0 && text.data[text.length - 1] == '\n') text.length--;
  if (text.length > 0 && text.data[text.length - 1] == '\r') text.length--;
  return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct mem *mem = mem_new(0);
  if (mem == NULL) return 0;
  struct decode_plan plan = {
      .schemas = &schema, .schema_count = 1, .fixed_type = 0, .only_type = -1, .type_field = SLICE("type")};
  struct decoder *decoder = decoder_csv_new(mem, &plan);
  struct arena arena;
  struct cell header[CELLS_MAX];
  int header_count = -1;
  struct slice rest = {(const char *)data, size};
  arena_init(&arena, mem, 4096);
  for (bool first = true; rest.length > 0; first = false) {
    size_t length = decode_csv_record_length(rest);
    check(length <= rest.length);
    if (length == 0) length = rest.length;
    struct slice record = without_line_end((struct slice){rest.data, length});
    rest = (struct slice){rest.data + length, rest.length - length};
    if (first) {
      if (decoder_csv_header(decoder, record, NULL) < 0) break;
      header_count = judge_split(record, header);
      check(header_count > 0);
      if (header_count > CELLS_MAX) break;
    } else {
      record_judge(decoder, &arena, record, header, header_count);
      arena_reset(&arena);
    }
  }
  cells_free(header, header_count);
  mem_free_all(mem);
  return 0;
}
