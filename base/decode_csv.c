/* decode_csv.c - records of CSV files by RFC 4180: cells in quotes may hold commas, line breaks and doubled quotes; a
 * quote in a cell that does not begin with one is an error, and so is a row with more or fewer cells than the header.
 *
 * The header's names are the fields' paths. An empty cell without quotes is null, `""` is the empty string. */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/check.h"
#include "base/decode_plan.h"
#include "base/utf8.h"

enum { CSV_COLUMNS_MAX = 16384, CSV_NO_COLUMN = UINT16_MAX, TYPE_NAME_SHOWN_MAX = 60 };

struct csv_plan {
  char *header; /* a copy: the names point into it */
  uint32_t column_count;
  uint16_t type_column;
  uint16_t **columns;     /* for each type and target its column, CSV_NO_COLUMN if the file has none */
  struct csv_cell *cells; /* column_count: of the record at hand */
};

struct decoder *decoder_csv_new(struct mem *mem, const struct decode_plan *plan) {
  struct decoder *decoder = decode_plan_new(mem, plan);
  struct csv_plan *csv = mem_alloc(mem, sizeof *csv);
  csv->type_column = CSV_NO_COLUMN;
  csv->columns = mem_alloc(mem, sizeof *csv->columns * (decoder->type_count + 1u));
  for (uint16_t i = 0; i < decoder->type_count; i++) {
    uint16_t count = decoder->types[i].target_count;
    csv->columns[i] = mem_alloc(mem, sizeof **csv->columns * (count + 1u));
    for (uint16_t target = 0; target < count; target++) csv->columns[i][target] = CSV_NO_COLUMN;
  }
  decoder->csv = csv;
  return decoder;
}

/* --- splitting --- */

/* The quoted cell at `*at` (behind its opening quote); moves behind the closing one. */
static const char *quoted_read(struct slice record, size_t *at, struct csv_cell *cell) {
  size_t first = *at, i = first;
  cell->quoted = true;
  for (;;) {
    const char *quote = i < record.length ? memchr(record.data + i, '"', record.length - i) : NULL;
    if (quote == NULL) {
      *at = record.length;
      return "a cell's closing quote is missing";
    }
    i = (size_t)(quote - record.data) + 1;
    if (i == record.length || record.data[i] != '"') break;
    cell->doubled = true;
    i++;
  }
  cell->text = (struct slice){record.data + first, i - 1 - first};
  *at = i;
  return i < record.length && record.data[i] != ',' ? "expected `,` behind the closing quote" : NULL;
}

/* The first comma, quote or line end from `i` on, or the record's end. */
static inline size_t plain_end(struct slice record, size_t i) {
#ifdef __SSE2__
  for (; i + 16 <= record.length; i += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(record.data + i));
    __m128i comma = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(',')), quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i feed = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')), turn = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r'));
    uint32_t bits = (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(comma, quote), _mm_or_si128(feed, turn)));
    if (bits != 0) return i + (size_t)__builtin_ctz(bits);
  }
#endif
  for (; i < record.length; i++) {
    char c = record.data[i];
    if (c == ',' || c == '"' || c == '\r' || c == '\n') break;
  }
  return i;
}

static inline const char *plain_read(struct slice record, size_t *at, struct csv_cell *cell) {
  size_t first = *at, i = plain_end(record, first);
  *at = i;
  if (i < record.length && record.data[i] != ',') {
    return record.data[i] == '"' ? "a quote in a cell that does not begin with one"
                                 : "a line end in a cell without quotes";
  }
  cell->text = (struct slice){record.data + first, i - first};
  return NULL;
}

uint32_t decode_csv_split(struct slice record, struct csv_cell *cells, uint32_t room, struct csv_error *error) {
  uint32_t count = 0;
  size_t at = 0;
  error->text = NULL;
  for (;;) {
    struct csv_cell cell = {.text = {NULL, 0}};
    if (at < record.length && record.data[at] == '"') {
      at++;
      error->text = quoted_read(record, &at, &cell);
    } else {
      error->text = plain_read(record, &at, &cell);
    }
    error->byte = at + 1;
    if (error->text != NULL) return count;
    if (count < room) cells[count] = cell;
    count++;
    if (at == record.length) return count;
    at++; /* the comma: one more cell follows, if only an empty one */
  }
}

size_t decode_csv_record_length(struct slice bytes) {
  enum { CELL_START, PLAIN, QUOTED, QUOTE_IN_QUOTED } state = CELL_START;
  for (size_t i = 0; i < bytes.length; i++) {
    char c = bytes.data[i];
    if (state == QUOTED) {
      const char *quote = memchr(bytes.data + i, '"', bytes.length - i);
      if (quote == NULL) return 0;
      i = (size_t)(quote - bytes.data);
      state = QUOTE_IN_QUOTED;
    } else if (c == '\n') {
      return i + 1;
    } else if (c == ',') {
      state = CELL_START;
    } else if (c == '"' && (state == CELL_START || state == QUOTE_IN_QUOTED)) {
      state = QUOTED;
    } else {
      state = PLAIN; /* also what stands wrongly behind a closing quote: the record is judged when it is decoded */
    }
  }
  return 0;
}

struct slice decode_csv_text(const struct csv_cell *cell, struct arena *arena) {
  if (!cell->doubled) return cell->text;
  char *out = arena_alloc(arena, cell->text.length);
  size_t length = 0;
  for (size_t i = 0; i < cell->text.length; i++) {
    out[length++] = cell->text.data[i];
    if (cell->text.data[i] == '"') i++;
  }
  return (struct slice){out, length};
}

/* --- the header --- */

static uint16_t column_named(const struct csv_plan *csv, struct slice name, bool *twice) {
  uint16_t found = CSV_NO_COLUMN;
  *twice = false;
  for (uint32_t i = 0; i < csv->column_count; i++) {
    if (!slice_equal(csv->cells[i].text, name)) continue;
    *twice = found != CSV_NO_COLUMN;
    found = (uint16_t)i;
  }
  return found;
}

static int columns_bind(struct decoder *decoder, struct err *err) {
  struct csv_plan *csv = decoder->csv;
  bool twice;
  if (decoder->fixed < 0) {
    struct slice name = decoder->plan->type_field;
    csv->type_column = name.length > 0 ? column_named(csv, name, &twice) : CSV_NO_COLUMN;
  }
  for (uint16_t i = 0; i < decoder->type_count; i++) {
    if (decoder->fixed >= 0 && decoder->fixed != (int32_t)i) continue;
    for (uint16_t target = 0; target < decoder->types[i].target_count; target++) {
      struct slice path = decoder->types[i].targets[target].field->path;
      csv->columns[i][target] = column_named(csv, path, &twice);
      if (twice) {
        return err_set(err, ERR_ABORT, "the CSV header has the column `%.*s` twice", (int)path.length, path.data);
      }
    }
  }
  return 0;
}

int decoder_csv_header(struct decoder *decoder, struct slice line, struct err *err) {
  struct csv_plan *csv = decoder->csv;
  struct csv_error error;
  check(csv != NULL);
  if (decode_is_blank(line)) return err_set(err, ERR_ABORT, "the CSV header is missing");
  if (!utf8_valid(line)) return err_set(err, ERR_ABORT, "the CSV header is not UTF-8");
  uint32_t count = decode_csv_split(line, NULL, 0, &error);
  if (error.text != NULL) return err_set(err, ERR_ABORT, "the CSV header: %s at byte %zu", error.text, error.byte);
  if (count > CSV_COLUMNS_MAX) {
    return err_set(err, ERR_ABORT, "the CSV header has %u columns, more than %d", count, CSV_COLUMNS_MAX);
  }
  mem_free(decoder->mem, csv->header);
  mem_free(decoder->mem, csv->cells);
  csv->header = mem_alloc_raw(decoder->mem, line.length);
  memcpy(csv->header, line.data, line.length);
  csv->cells = mem_alloc(decoder->mem, sizeof *csv->cells * count);
  csv->column_count = count;
  decode_csv_split((struct slice){csv->header, line.length}, csv->cells, count, &error);
  for (uint32_t i = 0; i < count; i++) { /* names with doubled quotes: made single where they stand */
    struct csv_cell *cell = &csv->cells[i];
    size_t length = 0;
    char *text = csv->header + (cell->text.data - csv->header);
    for (size_t c = 0; cell->doubled && c < cell->text.length; c++) {
      text[length++] = text[c];
      if (text[c] == '"') c++;
    }
    if (cell->doubled) cell->text.length = length;
  }
  return columns_bind(decoder, err);
}

static bool has_byte(struct slice text, char byte) { return memchr(text.data, byte, text.length) != NULL; }

bool decode_csv_other_separator(struct slice header) {
  return !has_byte(header, ',') && (has_byte(header, ';') || has_byte(header, '\t') || has_byte(header, '|'));
}

bool decoder_csv_absent(const struct decoder *decoder, uint16_t *cursor, uint16_t *type, uint16_t *field) {
  const struct csv_plan *csv = decoder->csv;
  int32_t sure = decoder->fixed >= 0 ? decoder->fixed : csv->type_column == CSV_NO_COLUMN ? decoder->only : -1;
  if (sure < 0) return false;
  const struct decode_type *of = &decoder->types[sure];
  while (*cursor < of->target_count) {
    uint16_t target = (*cursor)++;
    const struct decode_target *wanted = &of->targets[target];
    if (csv->columns[sure][target] != CSV_NO_COLUMN || wanted->field->required || target == of->time_target) continue;
    *type = of->schema->id;
    *field = wanted->field_index;
    return true;
  }
  return false;
}

/* --- records --- */

/* A record was refused for a value that is missing: where no record of the file can have it, the header is to blame. */
static void blame_header(const struct decoder *decoder, uint16_t type_index, const struct value *values,
                         struct decoded *out) {
  const struct decode_type *type = &decoder->types[type_index];
  const uint16_t *columns = decoder->csv->columns[type_index];
  int32_t wanted = out->code == DECODE_NO_TIME ? type->time_target : -1;
  for (uint16_t i = 0; out->code == DECODE_BAD_REQUIRED && i < type->required_count && wanted < 0; i++)
    if (value_is_null(values[type->targets[type->required[i]].slot])) wanted = type->required[i];
  if (wanted < 0 || columns[wanted] != CSV_NO_COLUMN) return;
  const struct schema_field *field = type->targets[wanted].field;
  decode_refuse_field(out, out->code, field,
                      decoder->csv->column_count == 1
                          ? "the CSV header has one column only, and no such one: cells stand between commas"
                          : "the CSV header has no such column");
}

static void cells_take(struct decoder *decoder, uint16_t type_index, struct value *values, struct arena *arena) {
  const struct decode_type *type = &decoder->types[type_index];
  const struct csv_plan *csv = decoder->csv;
  for (uint16_t i = 0; i < type->target_count; i++) {
    uint16_t column = csv->columns[type_index][i];
    if (column == CSV_NO_COLUMN) continue;
    const struct csv_cell *cell = &csv->cells[column];
    if (!cell->quoted && cell->text.length == 0) continue;
    const struct decode_target *target = &type->targets[i];
    struct decode_form form = decode_form_of(target->field);
    struct slice text = decode_csv_text(cell, arena);
    const char *reason = NULL;
    bool fine = form.type.kind == VALUE_LIST ? decode_json_list(form, text, arena, &values[target->slot], &reason)
                                             : decode_value_cell(form, text, arena, &values[target->slot], &reason);
    if (!fine) decode_bad_set(decoder, i, reason);
  }
}

void decode_csv_record(struct decoder *decoder, struct slice record, struct arena *arena, struct decoded *out) {
  struct csv_plan *csv = decoder->csv;
  struct csv_error error;
  if (decode_is_blank(record)) {
    out->code = DECODE_BLANK;
    return;
  }
  size_t valid = utf8_valid_prefix(record);
  if (valid < record.length) {
    decode_refuse(out, DECODE_BAD_UTF8, "not UTF-8 at byte %zu", valid + 1);
    return;
  }
  uint32_t count = decode_csv_split(record, csv->cells, csv->column_count, &error);
  if (error.text != NULL) {
    decode_refuse(out, DECODE_BAD_JSON, "%s at byte %zu", error.text, error.byte);
    return;
  }
  if (count != csv->column_count) {
    decode_refuse(out, DECODE_BAD_JSON, "%u cell%s, but the header has %u", count, count == 1 ? "" : "s",
                  csv->column_count);
    return;
  }
  int32_t type = DECODE_TYPE_UNSEEN;
  if (csv->type_column != CSV_NO_COLUMN) {
    const struct csv_cell *cell = &csv->cells[csv->type_column];
    if (cell->quoted || cell->text.length > 0) {
      type = decode_type_named(decoder, decode_csv_text(cell, arena), decoder->predicted);
    }
  }
  type = decode_type_final(decoder, type, out);
  if (type < 0) {
    struct slice field = decoder->plan->type_field;
    if (out->code == DECODE_BAD_SCHEMA && csv->type_column == CSV_NO_COLUMN)
      decode_refuse(out, DECODE_BAD_SCHEMA, "no column `%.*s` says which of the declared event types this is",
                    (int)(field.length < TYPE_NAME_SHOWN_MAX ? field.length : TYPE_NAME_SHOWN_MAX), field.data);
    return;
  }
  decoder->predicted = (uint16_t)type;
  const struct decode_type *taken = &decoder->types[type];
  struct value *values = arena_alloc(arena, sizeof *values * (taken->slot_count + 1u));
  memset(values, 0, sizeof *values * taken->slot_count); /* all are VALUE_NULL */
  cells_take(decoder, (uint16_t)type, values, arena);
  decode_finish(decoder, taken, values, arena, out);
  if (out->code == DECODE_NO_TIME || out->code == DECODE_BAD_REQUIRED)
    blame_header(decoder, (uint16_t)type, values, out);
}
