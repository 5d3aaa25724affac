/* decode_fields.h - event types from a few words, and a decoder over them, for the tests of decoding.
 *
 * A field is `name type [from path] [required] [half_even] [unused] [time]`, as "amount decimal(2) required". */
#ifndef WEIR_TESTS_DECODE_FIELDS_H
#define WEIR_TESTS_DECODE_FIELDS_H

#include <stdlib.h>

#include "base/check.h"
#include "base/decode.h"

enum { TEST_FIELDS_MAX = 40, TEST_SCHEMAS_MAX = 8, TEST_RECORD_PADDING = 32 };

struct test_decoder {
  struct mem *mem;
  struct arena arena;
  struct schema schemas[TEST_SCHEMAS_MAX];
  struct schema_field fields[TEST_SCHEMAS_MAX][TEST_FIELDS_MAX];
  struct decode_plan plan;
  struct decoder *decoder;
  char *record; /* a copy that ends where its memory ends: the sanitizer sees what is read behind the padding */
  char padding; /* what stands behind it; 0 = '9' */
  struct decoded out;
};

static inline struct type test_type(const char *word, enum time_unit *unit) {
  static const struct {
    const char *name;
    struct type type;
    enum time_unit unit;
  } types[] = {
      {"bool", {.kind = VALUE_BOOL}, TIME_TEXT},
      {"int", {.kind = VALUE_INT}, TIME_TEXT},
      {"float", {.kind = VALUE_FLOAT}, TIME_TEXT},
      {"decimal(0)", {.kind = VALUE_DECIMAL}, TIME_TEXT},
      {"decimal(2)", {.kind = VALUE_DECIMAL, .scale = 2}, TIME_TEXT},
      {"decimal(18)", {.kind = VALUE_DECIMAL, .scale = 18}, TIME_TEXT},
      {"string", {.kind = VALUE_STRING}, TIME_TEXT},
      {"time", {.kind = VALUE_TIME}, TIME_TEXT},
      {"time(s)", {.kind = VALUE_TIME}, TIME_S},
      {"time(ms)", {.kind = VALUE_TIME}, TIME_MS},
      {"time(us)", {.kind = VALUE_TIME}, TIME_US},
      {"duration", {.kind = VALUE_DURATION}, TIME_TEXT},
      {"ip", {.kind = VALUE_IP}, TIME_TEXT},
      {"[int]", {.kind = VALUE_LIST, .element = VALUE_INT}, TIME_TEXT},
      {"[string]", {.kind = VALUE_LIST, .element = VALUE_STRING}, TIME_TEXT},
      {"[bool]", {.kind = VALUE_LIST, .element = VALUE_BOOL}, TIME_TEXT},
      {"[ip]", {.kind = VALUE_LIST, .element = VALUE_IP}, TIME_TEXT},
      {"[decimal(2)]", {.kind = VALUE_LIST, .element = VALUE_DECIMAL, .element_scale = 2}, TIME_TEXT},
      {"[time(ms)]", {.kind = VALUE_LIST, .element = VALUE_TIME}, TIME_MS},
  };
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (strcmp(types[i].name, word) == 0) {
      *unit = types[i].unit;
      return types[i].type;
    }
  }
  printf("the tests know no type %s\n", word);
  abort();
}

/* Adds an event type; `fields` is a NULL-ended list. Types are to be added in byte order of their names. */
static inline struct schema *test_schema(struct test_decoder *t, const char *name, const char *const *fields) {
  uint16_t id = t->plan.schema_count++;
  check(id < TEST_SCHEMAS_MAX);
  struct schema *schema = &t->schemas[id];
  *schema = (struct schema){.name = slice_of(name), .id = id, .fields = t->fields[id], .time_field = -1};
  for (; *fields != NULL; fields++) {
    char words[200], *rest = words, *word;
    check(strlen(*fields) < sizeof words && schema->field_count < TEST_FIELDS_MAX);
    memcpy(words, *fields, strlen(*fields) + 1);
    struct schema_field *field = &schema->fields[schema->field_count];
    *field = (struct schema_field){.used = true};
    word = strsep(&rest, " ");
    field->name = field->path = (struct slice){*fields, strlen(word)};
    field->type = test_type(strsep(&rest, " "), &field->unit);
    while ((word = strsep(&rest, " ")) != NULL) {
      if (strcmp(word, "from") == 0) {
        word = strsep(&rest, " ");
        field->path = (struct slice){*fields + (word - words), strlen(word)};
      } else if (strcmp(word, "required") == 0) {
        field->required = true;
      } else if (strcmp(word, "half_even") == 0) {
        field->round_half_even = true;
      } else if (strcmp(word, "unused") == 0) {
        field->used = false;
      } else {
        check(strcmp(word, "time") == 0);
        schema->time_field = schema->field_count;
      }
    }
    if (field->used) field->slot = schema->slot_count++;
    schema->field_count++;
  }
  return schema;
}

static inline void test_start(struct test_decoder *t) {
  *t = (struct test_decoder){.mem = mem_new(0)};
  check(t->mem != NULL);
  arena_init(&t->arena, t->mem, 4096);
  t->plan = (struct decode_plan){.schemas = t->schemas, .fixed_type = -1, .only_type = -1, .type_field = SLICE("type")};
}

static inline void test_end(struct test_decoder *t) {
  free(t->record);
  mem_free_all(t->mem);
}

static inline const struct decoded *test_decode(struct test_decoder *t, struct slice record) {
  free(t->record);
  t->record = malloc(record.length + TEST_RECORD_PADDING);
  check(t->record != NULL);
  if (record.length > 0) memcpy(t->record, record.data, record.length);
  memset(t->record + record.length, t->padding != 0 ? t->padding : '9',
         TEST_RECORD_PADDING); /* not NULs: what stands behind must not matter */
  arena_reset(&t->arena);
  decode_record(t->decoder, (struct slice){t->record, record.length}, &t->arena, &t->out);
  return &t->out;
}

/* The decoded values as JSON: `[1,"a",null]`, then ` bad NAME: reason` for each bad field; or the code and the detail.
 */
static inline const char *test_text(struct test_decoder *t, struct slice record) {
  static char text[8192];
  struct buf buf;
  const struct decoded *out = test_decode(t, record);
  buf_init(&buf, t->mem);
  if (out->code != DECODE_OK) {
    buf_printf(&buf, "%s%s%s", decode_code_name(out->code), out->detail[0] != 0 ? ": " : "", out->detail);
  } else {
    const struct schema *schema = &t->schemas[out->type];
    if (t->plan.schema_count > 1) buf_printf(&buf, SLICE_FMT " ", SLICE_ARG(schema->name));
    buf_byte(&buf, '[');
    for (uint16_t i = 0; i < schema->slot_count; i++) {
      if (i > 0) buf_byte(&buf, ',');
      value_json(&buf, out->values[i]);
    }
    buf_byte(&buf, ']');
    for (uint16_t i = 0; i < out->bad_count; i++) {
      buf_printf(&buf, " bad " SLICE_FMT ": %s", SLICE_ARG(schema->fields[out->bad[i].field].name), out->bad[i].reason);
    }
  }
  snprintf(text, sizeof text, "%s", buf_text(&buf));
  buf_free(&buf);
  return text;
}

#define TEXT(literal) test_text(&ctx, SLICE(literal))
#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
