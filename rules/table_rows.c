/* table_rows.c - a CSV file as rows of typed values behind a hash of their keys. */
#include "rules/table_rows.h"

#include "base/check.h"
#include "base/decode.h"
#include "base/utf8.h"
#include "rules/lex.h"
#include "rules/list_set.h"
#include "rules/value_table.h"

struct table_rows {
  struct value_table table;
  uint32_t count;
  uint16_t column_count;
  struct value *values; /* count * column_count */
  size_t bytes;
};

/* Reads cells one after the other and knows where each stood. */
struct cells {
  struct slice rest;
  const char *line_start; /* of the physical line in hand */
  int line;
  /* the cell read last */
  struct slice text;
  bool quoted, last; /* last: of its record */
  int cell_line, cell_column;
  const char *wrong; /* what is wrong with the CSV itself */
};

static void next_physical_line(struct cells *cells, const char *behind_end) {
  cells->line++;
  cells->line_start = behind_end;
}

/* The end of a record is `\n`, `\r\n` or the end of the text. Sets cells->last and steps over the separator. */
static void end_cell(struct cells *cells, const char *at) {
  const char *end = cells->rest.data + cells->rest.length;
  cells->last = false;
  if (at < end && *at == ',') {
    at++;
  } else {
    cells->last = true;
    if (at < end && *at == '\r') at++;
    if (at < end && *at == '\n') {
      at++;
      next_physical_line(cells, at);
    }
  }
  cells->rest = (struct slice){at, (size_t)(end - at)};
}

static bool at_separator(const char *at, const char *end) {
  return at == end || *at == ',' || *at == '\n' || (*at == '\r' && at + 1 < end && at[1] == '\n') ||
         (*at == '\r' && at + 1 == end);
}

static void read_quoted(struct cells *cells, struct arena *arena) {
  const char *end = cells->rest.data + cells->rest.length, *at = cells->rest.data + 1;
  size_t doubled = 0;
  const char *start = at;
  for (;; at++) {
    if (at == end) {
      cells->wrong = "a quote is opened and never closed";
      return;
    }
    if (*at == '\n') next_physical_line(cells, at + 1);
    if (*at != '"') continue;
    if (at + 1 < end && at[1] == '"') {
      doubled++;
      at++;
      continue;
    }
    break;
  }
  cells->text = (struct slice){start, (size_t)(at - start)};
  if (doubled > 0) {
    char *plain = arena_alloc(arena, cells->text.length);
    size_t length = 0;
    for (const char *from = start; from < at; from++) {
      plain[length++] = *from;
      if (*from == '"') from++;
    }
    cells->text = (struct slice){plain, length};
  }
  at++;
  if (!at_separator(at, end)) {
    cells->wrong = "text stands behind the closing quote";
    return;
  }
  end_cell(cells, at);
}

/* False at the end of the text (only asked at the start of a record). */
static bool read_cell(struct cells *cells, struct arena *arena) {
  cells->cell_line = cells->line;
  cells->cell_column =
      1 + (int)utf8_count((struct slice){cells->line_start, (size_t)(cells->rest.data - cells->line_start)});
  cells->wrong = NULL;
  cells->quoted = cells->rest.length > 0 && cells->rest.data[0] == '"';
  if (cells->quoted) {
    read_quoted(cells, arena);
    return true;
  }
  const char *end = cells->rest.data + cells->rest.length, *at = cells->rest.data;
  while (!at_separator(at, end)) at++;
  cells->text = (struct slice){cells->rest.data, (size_t)(at - cells->rest.data)};
  if (memchr(cells->text.data, '"', cells->text.length) != NULL)
    cells->wrong = "a quote stands inside of a cell that does not begin with one";
  end_cell(cells, at);
  return true;
}

/* What a column of the file is: COLUMN_KEY, COLUMN_NONE, or the index of a declared column. */
enum { COLUMN_KEY = -1, COLUMN_NONE = -2 };

struct reading {
  struct arena *arena;
  const struct table_column *key, *columns;
  uint16_t column_count;
  const char *file;
  struct err *err;
  struct cells cells;
  uint32_t file_columns;
  int32_t roles[TABLE_COLUMNS_MAX];
  struct value *keys;
  int *key_lines;
  uint32_t capacity;
};

static int fail_here(struct reading *reading, const char *text) {
  return err_set_at(reading->err, ERR_ABORT, reading->file, reading->cells.cell_line, reading->cells.cell_column, "%s",
                    text);
}

/* A column is missing: the line that was read as the header may show that there is none, or other separators. */
static int fail_header(struct reading *reading, struct slice rest, struct slice column, const char *what) {
  const char *end = memchr(rest.data, '\n', rest.length);
  struct slice header = {rest.data, end == NULL ? rest.length : (size_t)(end - rest.data)};
  if (header.length > 0 && header.data[header.length - 1] == '\r') header.length--;
  struct slice shown = lex_shown(header);
  return err_set_at(reading->err, ERR_ABORT, reading->file, 1, 1,
                    "the header, `" SLICE_FMT "%s`, has no column `" SLICE_FMT "`%s%s", SLICE_ARG(shown),
                    shown.length < header.length ? "…" : "", SLICE_ARG(column), what,
                    decode_csv_other_separator(header) ? "; cells stand between commas" : "");
}

static int read_header(struct reading *reading) {
  struct cells *cells = &reading->cells;
  bool seen[TABLE_COLUMNS_MAX] = {false}, key_seen = false;
  const struct slice header = cells->rest;
  if (cells->rest.length == 0)
    return err_set_at(reading->err, ERR_ABORT, reading->file, 1, 1, "the file is empty: expected a header line");
  do {
    read_cell(cells, reading->arena);
    if (cells->wrong != NULL) return fail_here(reading, cells->wrong);
    if (reading->file_columns == TABLE_COLUMNS_MAX) return fail_here(reading, "more than 1024 columns");
    int32_t role = COLUMN_NONE;
    if (slice_equal(cells->text, reading->key->name)) role = COLUMN_KEY;
    for (uint16_t i = 0; i < reading->column_count && role == COLUMN_NONE; i++) {
      if (slice_equal(cells->text, reading->columns[i].name)) role = i;
    }
    if ((role == COLUMN_KEY && key_seen) || (role >= 0 && seen[role]))
      return err_set_at(reading->err, ERR_ABORT, reading->file, cells->cell_line, cells->cell_column,
                        "column `" SLICE_FMT "` stands twice in the header", SLICE_ARG(cells->text));
    if (role == COLUMN_KEY) key_seen = true;
    if (role >= 0) seen[role] = true;
    reading->roles[reading->file_columns++] = role;
  } while (!cells->last);
  if (!key_seen) return fail_header(reading, header, reading->key->name, ", the table's key");
  for (uint16_t i = 0; i < reading->column_count; i++) {
    /* A key that is also declared as a column is read once, as the key. */
    if (!seen[i] && !slice_equal(reading->columns[i].name, reading->key->name))
      return fail_header(reading, header, reading->columns[i].name, "");
  }
  return 0;
}

static int read_value(struct reading *reading, const struct table_column *column, struct value *out) {
  struct cells *cells = &reading->cells;
  *out = value_null();
  if (cells->text.length == 0 && !cells->quoted) return 0;
  const char *wrong = list_value_parse(reading->arena, column->type, column->unit, false, cells->text, out);
  if (wrong == NULL) {
    *out = value_copy(reading->arena, *out);
    return 0;
  }
  char name[32];
  return err_set_at(reading->err, ERR_ABORT, reading->file, cells->cell_line, cells->cell_column,
                    "column `" SLICE_FMT "` is of type %s%s: %s", SLICE_ARG(column->name),
                    type_name(column->type, name), column->asked ? ", as what the table is asked by" : "", wrong);
}

/* One record into row `rows->count`. */
static int read_row(struct reading *reading, struct table_rows *rows) {
  struct cells *cells = &reading->cells;
  uint32_t column = 0;
  struct value *row = rows->values + (size_t)rows->count * rows->column_count;
  int line = cells->line;
  do {
    read_cell(cells, reading->arena);
    if (cells->wrong != NULL) return fail_here(reading, cells->wrong);
    if (column == reading->file_columns) return fail_here(reading, "more cells than the header has columns");
    int32_t role = reading->roles[column++];
    int failed = 0;
    if (role == COLUMN_KEY) {
      failed = read_value(reading, reading->key, &reading->keys[rows->count]);
      if (failed == 0 && value_is_null(reading->keys[rows->count])) return fail_here(reading, "the key is empty");
    } else if (role >= 0) {
      failed = read_value(reading, &reading->columns[role], &row[role]);
    }
    if (failed != 0) return failed;
  } while (!cells->last);
  if (column < reading->file_columns)
    return err_set_at(reading->err, ERR_ABORT, reading->file, line, 1, "%u cell%s, but the header has %u columns",
                      column, column == 1 ? "" : "s", reading->file_columns);
  for (uint16_t i = 0; i < rows->column_count; i++) {
    if (slice_equal(reading->columns[i].name, reading->key->name)) row[i] = reading->keys[rows->count];
  }
  reading->key_lines[rows->count] = line;
  return 0;
}

static int enter_key(struct reading *reading, struct table_rows *rows) {
  uint32_t first = value_table_add(&rows->table, rows->count);
  if (first == rows->count) return 0;
  struct buf text;
  buf_init(&text, reading->arena->mem);
  value_message(&text, reading->keys[first]);
  err_set_at(reading->err, ERR_ABORT, reading->file, reading->key_lines[rows->count], 1,
             "key `%.100s` stands twice (first in line %d)", buf_text(&text), reading->key_lines[first]);
  buf_free(&text);
  return ERR_ABORT;
}

struct table_rows *table_rows_parse(struct arena *arena, const struct table_column *key,
                                    const struct table_column *columns, uint16_t column_count, struct slice text,
                                    const char *file, struct err *err) {
  if (text.length >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) text.data += 3, text.length -= 3;
  size_t lines = 1;
  for (size_t i = 0; i < text.length; i++) lines += text.data[i] == '\n';
  if (lines > TABLE_ROWS_MAX) {
    err_set_at(err, ERR_ABORT, file, TABLE_ROWS_MAX, 1, "more than %d rows", TABLE_ROWS_MAX);
    return NULL;
  }
  struct reading *reading = mem_alloc(arena->mem, sizeof *reading);
  *reading = (struct reading){
      .arena = arena, .key = key, .columns = columns, .column_count = column_count, .file = file, .err = err};
  reading->cells = (struct cells){.rest = text, .line_start = text.data, .line = 1};
  reading->key_lines = mem_alloc(arena->mem, sizeof(int) * lines);
  struct table_rows *rows = arena_new(arena, struct table_rows);
  rows->column_count = column_count;
  int failed = read_header(reading);
  if (failed == 0) {
    rows->values = arena_array(arena, struct value, lines * column_count);
    reading->keys = arena_array(arena, struct value, lines);
    value_table_init(&rows->table, arena, reading->keys, (uint32_t)lines);
  }
  while (failed == 0 && reading->cells.rest.length > 0) {
    char next = reading->cells.rest.data[0];
    if (next == '\n' || (next == '\r' && reading->cells.rest.length > 1 && reading->cells.rest.data[1] == '\n')) {
      end_cell(&reading->cells, reading->cells.rest.data); /* an empty line is no row */
      continue;
    }
    failed = read_row(reading, rows);
    if (failed == 0) failed = enter_key(reading, rows);
    if (failed == 0) rows->count++;
  }
  rows->bytes = sizeof *rows + (size_t)rows->count *
                                   (sizeof(struct value) * (1u + column_count) + 2 * sizeof(struct value_table_slot));
  mem_free(arena->mem, reading->key_lines);
  mem_free(arena->mem, reading);
  return failed == 0 ? rows : NULL;
}

struct value table_rows_get(const struct table_rows *rows, uint16_t column, struct value key) {
  if (rows->count == 0 || value_is_null(key)) return value_null();
  int64_t row = value_table_find(&rows->table, key);
  return row < 0 ? value_null() : rows->values[(size_t)row * rows->column_count + column];
}

uint32_t table_rows_count(const struct table_rows *rows) { return rows->count; }
size_t table_rows_bytes(const struct table_rows *rows) { return rows->bytes; }
