/* infer.c - looks at sample records for infer_write.c. A record is first judged by the decoder; after that its text is
 * known to be right, so that walking it needs no tests. */
#include "base/infer.h"

#include "base/check.h"
#include "base/decode_plan.h"
#include "base/hash.h"
#include "base/infer_field.h"
#include "base/ip.h"
#include "base/number_text.h"
#include "base/time_text.h"

static const struct schema no_fields = {.name = SLICE("sample"), .time_field = -1};
static const struct decode_plan no_plan = {.schemas = &no_fields, .schema_count = 1, .fixed_type = 0, .only_type = -1};

struct infer *infer_new(struct mem *mem, struct slice event_name, struct slice type_field) {
  struct infer *infer = mem_alloc(mem, sizeof *infer);
  infer->mem = mem;
  infer->event_name = event_name;
  infer->type_field = type_field;
  infer->decoder = decoder_json_new(mem, &no_plan);
  arena_init(&infer->arena, mem, 1 << 16);
  arena_init(&infer->kept, mem, 1 << 16);
  return infer;
}

void infer_free(struct infer *infer) {
  if (infer == NULL) return;
  struct mem *mem = infer->mem;
  arena_free(&infer->arena);
  arena_free(&infer->kept);
  for (uint32_t i = 0; i < infer->type_count; i++) mem_free(mem, infer->types[i].fields);
  mem_free(mem, infer->columns);
  mem_free(mem, infer); /* the decoder's parts go with mem_free_all() */
}

/* --- types and fields --- */

static struct slice slice_keep(struct infer *infer, struct slice text) {
  if (text.length == 0) return (struct slice){"", 0};
  return (struct slice){arena_copy(&infer->kept, text.data, text.length), text.length};
}

static struct infer_type *type_of(struct infer *infer, struct slice name) {
  for (uint32_t i = 0; i < infer->type_count; i++) {
    if (slice_equal(infer->types[i].name, name)) return &infer->types[i];
  }
  if (infer->type_count == INFER_TYPES_MAX) {
    infer->types_left_out++;
    return NULL;
  }
  struct infer_type *type = &infer->types[infer->type_count++];
  type->name = slice_keep(infer, name);
  type->fields = mem_alloc(infer->mem, sizeof *type->fields * INFER_FIELDS_MAX);
  return type;
}

static struct infer_field *field_of(struct infer *infer, struct infer_type *type, struct slice path, bool unreachable) {
  for (uint32_t i = 0; i < type->field_count; i++) {
    if (slice_equal(type->fields[i].path, path) && type->fields[i].unreachable == unreachable) return &type->fields[i];
  }
  if (type->field_count == INFER_FIELDS_MAX || infer->field_count == INFER_FIELDS_ALL_MAX) {
    type->fields_left_out++;
    return NULL;
  }
  struct infer_field *field = &type->fields[type->field_count++];
  infer->field_count++;
  field->path = slice_keep(infer, path);
  field->unreachable = unreachable;
  field->distinct = arena_array(&infer->kept, uint64_t, 2 * INFER_DISTINCT_MAX);
  return field;
}

/* --- one value --- */

static void distinct_note(struct infer_field *field, struct slice text, bool is_text) {
  uint64_t hash = hash_bytes(text.data, text.length);
  if (hash == 0) hash = 1;
  if (field->distinct_count == INFER_DISTINCT_MAX) return;
  uint32_t at = (uint32_t)hash % (2 * INFER_DISTINCT_MAX);
  while (field->distinct[at] != 0) {
    if (field->distinct[at] == hash) return;
    at = (at + 1) % (2 * INFER_DISTINCT_MAX);
  }
  field->distinct[at] = hash;
  uint32_t sample = field->distinct_count++;
  if (sample >= INFER_SAMPLES || !is_text) return;
  if (text.length >= INFER_SAMPLE_BYTES) {
    field->samples_cut = true;
    return;
  }
  memcpy(field->samples[sample], text.data, text.length);
  field->sample_lengths[sample] = (uint8_t)text.length;
}

static void text_note(struct infer_field *field, struct slice text) {
  struct ip ip;
  int64_t us;
  field->kinds[INFER_TEXT]++;
  distinct_note(field, text, true);
  if (ip_parse(text, &ip) == NULL) field->addresses++;
  if (time_parse(text, &us) != NULL || us < TIME_MIN_US || us > TIME_MAX_US) return;
  if (field->times == 0) field->time_low = field->time_high = us;
  if (field->time_high - us > field->time_behind_us) field->time_behind_us = field->time_high - us;
  if (us < field->time_low) field->time_low = us;
  if (us > field->time_high) field->time_high = us;
  field->times++;
}

static unsigned digits_after_point(struct slice text) {
  const char *point = memchr(text.data, '.', text.length);
  if (point == NULL) return 0;
  unsigned digits = 0;
  size_t first = (size_t)(point - text.data) + 1;
  for (size_t i = first; i < text.length && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
    if (text.data[i] != '0') digits = (unsigned)(i - first) + 1;
  }
  return digits;
}

/* The number without zeros that say nothing: 1.00, 1.0 and 1 are one value. Numbers with exponents stay. */
static struct slice number_trimmed(struct slice text) {
  if (memchr(text.data, 'e', text.length) != NULL || memchr(text.data, 'E', text.length) != NULL) return text;
  if (memchr(text.data, '.', text.length) != NULL) {
    while (text.data[text.length - 1] == '0') text.length--;
    if (text.data[text.length - 1] == '.') text.length--;
  }
  return slice_equal(text, SLICE("-0")) ? SLICE("0") : text;
}

static enum infer_kind number_kind(struct infer_field *field, struct slice text) {
  bool exponent = memchr(text.data, 'e', text.length) != NULL || memchr(text.data, 'E', text.length) != NULL;
  bool fraction = exponent || memchr(text.data, '.', text.length) != NULL;
  unsigned digits = digits_after_point(text);
  if (digits > field->digits) field->digits = digits;
  field->exponents += exponent;
  return fraction ? INFER_FRACTION : INFER_INT;
}

static void number_note(struct infer_field *field, struct slice text) {
  enum infer_kind kind = number_kind(field, text);
  int64_t i = 0;
  double f = 0;
  bool first = field->kinds[INFER_INT] + field->kinds[INFER_FRACTION] == field->beyond;
  distinct_note(field, number_trimmed(text), false);
  if (kind == INFER_INT) {
    bool first_int = field->kinds[INFER_INT] == field->huge;
    if (number_parse_int(text, &i) != NUMBER_OK) {
      field->huge++;
    } else {
      if (first_int) field->int_low = field->int_high = i;
      if (i < field->int_low) field->int_low = i;
      if (i > field->int_high) field->int_high = i;
      int64_t behind;
      if (!__builtin_sub_overflow(field->int_high, i, &behind) && behind > field->int_behind)
        field->int_behind = behind;
    }
  }
  if (number_parse_float(text, &f) == NUMBER_OK) {
    if (first || f < field->low) field->low = f;
    if (first || f > field->high) field->high = f;
  } else {
    field->beyond++;
  }
  field->kinds[kind]++;
}

/* --- JSON --- */

struct walk {
  struct infer *infer;
  struct infer_type *type;
  const char *at;
  struct slice type_name; /* the type field's text, found before the fields are noted */
  char path[INFER_PATH_BYTES];
  size_t path_length;
  unsigned unreachable; /* open objects whose name has a point in it, or is empty */
};

static void walk_space(struct walk *walk) {
  while (*walk->at == ' ' || *walk->at == '\t' || *walk->at == '\n' || *walk->at == '\r') walk->at++;
}

static struct slice walk_string(struct walk *walk) {
  const char *first = ++walk->at;
  bool escaped = false;
  for (; *walk->at != '"'; walk->at++) {
    if (*walk->at != '\\') continue;
    escaped = true;
    walk->at++;
  }
  struct slice text = {first, (size_t)(walk->at - first)};
  walk->at++;
  return escaped ? decode_json_unescape(text, &walk->infer->arena) : text;
}

/* Passes over a value, whatever it is; returns its text. */
static struct slice walk_value(struct walk *walk) {
  const char *first = walk->at;
  unsigned depth = 0;
  for (;;) {
    char c = *walk->at;
    if (c == '"') {
      (void)walk_string(walk);
    } else if (c == '{' || c == '[') {
      depth++;
      walk->at++;
      continue;
    } else if (c == ',' || c == ':' || c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      walk->at++;
      continue;
    } else if (c == '}' || c == ']') {
      depth--;
      walk->at++;
    } else {
      while (strchr(",:]} \t\n\r", *walk->at) == NULL) walk->at++;
    }
    if (depth == 0) return (struct slice){first, (size_t)(walk->at - first)};
  }
}

static void array_note(struct walk *walk, struct infer_field *field) {
  unsigned count = 0;
  field->kinds[INFER_ARRAY]++;
  walk->at++;
  for (walk_space(walk); *walk->at != ']'; count++) {
    char c = *walk->at;
    if (c == '"') {
      (void)walk_string(walk);
      field->elements[INFER_TEXT]++;
    } else {
      struct slice text = walk_value(walk);
      if (c == 'n')
        field->element_nulls++;
      else if (c == 't' || c == 'f')
        field->elements[INFER_BOOL]++;
      else if (c == '{')
        field->elements[INFER_OBJECT]++;
      else if (c == '[')
        field->elements[INFER_ARRAY]++;
      else
        field->elements[number_kind(field, text)]++;
    }
    walk_space(walk);
    if (*walk->at == ',') walk->at++;
    walk_space(walk);
  }
  walk->at++;
  if (count > field->elements_max) field->elements_max = count;
}

/* The value of a member whose path stands in walk->path; objects are looked into by the caller. */
static void member_note(struct walk *walk) {
  struct slice path = {walk->path, walk->path_length};
  struct infer_field *field = field_of(walk->infer, walk->type, path, walk->unreachable > 0);
  char c = *walk->at;
  if (field == NULL) {
    if (c != '{') (void)walk_value(walk);
    return;
  }
  switch (c) {
  case '{': field->kinds[INFER_OBJECT]++; return;
  case '[': array_note(walk, field); return;
  case '"': text_note(field, walk_string(walk)); return;
  case 't':
  case 'f':
    (void)walk_value(walk);
    field->kinds[INFER_BOOL]++;
    return;
  case 'n':
    (void)walk_value(walk);
    field->nulls++;
    return;
  default: number_note(field, walk_value(walk));
  }
}

static bool name_is_reachable(struct slice name) {
  return name.length > 0 && memchr(name.data, '.', name.length) == NULL;
}

/* Adds `.name` to the path; false if it grows too long to be told. */
static bool path_push(struct walk *walk, struct slice name) {
  size_t point = walk->path_length > 0;
  if (walk->path_length + point + name.length > INFER_PATH_BYTES) return false;
  if (point > 0) walk->path[walk->path_length] = '.';
  if (name.length > 0) memcpy(walk->path + walk->path_length + point, name.data, name.length);
  walk->path_length += point + name.length;
  return true;
}

/* All members of a checked record, the nested ones under their paths. With `type` NULL only the type field is looked
 * for. */
static void record_walk(struct walk *walk, struct slice record) {
  size_t lengths[RECORD_DEPTH_MAX + 1];
  bool reachable[RECORD_DEPTH_MAX + 1];
  unsigned depth = 0;
  walk->at = record.data;
  walk_space(walk);
  walk->at++;
  for (;;) { /* each turn takes a member or a bracket of the record */
    walk_space(walk);
    if (*walk->at == ',') {
      walk->at++;
      continue;
    }
    if (*walk->at == '}') {
      walk->at++;
      if (depth == 0) return;
      depth--;
      walk->path_length = lengths[depth];
      walk->unreachable -= !reachable[depth];
      continue;
    }
    struct slice name = walk_string(walk);
    size_t length = walk->path_length;
    walk_space(walk);
    walk->at++; /* the colon */
    walk_space(walk);
    if (!path_push(walk, name)) {
      (void)walk_value(walk);
      continue;
    }
    bool fine = name_is_reachable(name);
    walk->unreachable += !fine;
    bool object = *walk->at == '{';
    struct slice path = {walk->path, walk->path_length};
    bool is_type = walk->unreachable == 0 && slice_equal(path, walk->infer->type_field);
    if (is_type && *walk->at == '"') {
      walk->type_name = walk_string(walk);
    } else if (walk->type != NULL) {
      member_note(walk);
    } else if (!object) {
      (void)walk_value(walk);
    }
    if (object) {
      walk->at++;
      lengths[depth] = length;
      reachable[depth++] = fine;
    } else {
      walk->path_length = length;
      walk->unreachable -= !fine;
    }
  }
}

static void refuse(struct infer *infer, const char *detail) {
  if (infer->refused++ == 0) snprintf(infer->refused_detail, sizeof infer->refused_detail, "%s", detail);
}

void infer_json(struct infer *infer, struct slice record) {
  struct decoded out;
  arena_reset(&infer->arena);
  decode_record(infer->decoder, record, &infer->arena, &out);
  if (out.code == DECODE_BLANK) return;
  infer->records++;
  if (out.code != DECODE_OK) {
    refuse(infer, out.detail);
    return;
  }
  struct walk walk = {.infer = infer};
  record_walk(&walk, record);
  struct infer_type *type = type_of(infer, walk.type_name);
  if (type == NULL) return;
  type->records++;
  walk = (struct walk){.infer = infer, .type = type};
  record_walk(&walk, record);
}

/* --- CSV --- */

int infer_csv_header(struct infer *infer, struct slice line, struct err *err) {
  struct csv_error error;
  uint32_t count = decode_csv_split(line, NULL, 0, &error);
  if (decode_is_blank(line)) return err_set(err, ERR_ABORT, "the CSV header is missing");
  if (error.text != NULL) return err_set(err, ERR_ABORT, "the CSV header: %s at byte %zu", error.text, error.byte);
  struct slice copy = slice_keep(infer, line);
  struct csv_cell *cells = arena_array(&infer->kept, struct csv_cell, count);
  decode_csv_split(copy, cells, count, &error);
  mem_free(infer->mem, infer->columns);
  infer->columns = mem_alloc(infer->mem, sizeof *infer->columns * count);
  infer->column_count = count;
  infer->csv = true;
  for (uint32_t i = 0; i < count; i++) infer->columns[i] = decode_csv_text(&cells[i], &infer->kept);
  return 0;
}

static void cell_note(struct infer_field *field, const struct csv_cell *cell, struct slice text) {
  if (!cell->quoted && text.length == 0) {
    field->nulls++;
  } else if (slice_equal(text, SLICE("true")) || slice_equal(text, SLICE("false"))) {
    field->kinds[INFER_BOOL]++;
    distinct_note(field, text, true);
  } else if (text.length > 0 && decode_number_length(text) == text.length) {
    number_note(field, text);
  } else {
    text_note(field, text);
  }
}

void infer_csv(struct infer *infer, struct slice record) {
  struct csv_error error;
  if (decode_is_blank(record)) return;
  infer->records++;
  arena_reset(&infer->arena);
  struct csv_cell *cells = arena_array(&infer->arena, struct csv_cell, infer->column_count + 1);
  uint32_t count = decode_csv_split(record, cells, infer->column_count, &error);
  if (error.text != NULL || count != infer->column_count) {
    refuse(infer, error.text != NULL ? error.text : "a row with another number of cells than the header");
    return;
  }
  struct slice type_name = {NULL, 0};
  for (uint32_t i = 0; i < count; i++) {
    if (slice_equal(infer->columns[i], infer->type_field)) type_name = decode_csv_text(&cells[i], &infer->arena);
  }
  struct infer_type *type = type_of(infer, type_name);
  if (type == NULL) return;
  type->records++;
  for (uint32_t i = 0; i < count; i++) {
    if (type_name.length > 0 && slice_equal(infer->columns[i], infer->type_field)) continue;
    struct infer_field *field = field_of(infer, type, infer->columns[i], infer->columns[i].length == 0);
    if (field != NULL) cell_note(field, &cells[i], decode_csv_text(&cells[i], &infer->arena));
  }
}
