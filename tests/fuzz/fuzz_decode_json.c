/* floors: rules */
/* fuzz_decode_json.c - the JSON reader against two judges, line by line of the input with one decoder, so that its
 * memory of member order is at work: a strict reader of RFC 8259, written here by the grammar and nothing else, says
 * whether a line is to be taken; cJSON says what the values are. cJSON alone would not do as the first judge: it takes
 * control characters in strings, bad UTF-8 and numbers as `01`, and stops at NULs. */
#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/decimal.h"
#include "base/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the strict reader --- */

struct judge {
  const uint8_t *at, *end;
  bool has_nul;     /* an escaped NUL: cJSON ends the string there */
  bool long_number; /* cJSON reads 63 bytes of a number */
};

static bool judge_value(struct judge *j, int depth);

static void judge_space(struct judge *j) {
  while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\r' || *j->at == '\n')) j->at++;
}
static bool judge_byte(struct judge *j, uint8_t byte) {
  if (j->at == j->end || *j->at != byte) return false;
  j->at++;
  return true;
}
static bool judge_digits(struct judge *j) {
  const uint8_t *first = j->at;
  while (j->at < j->end && *j->at >= '0' && *j->at <= '9') j->at++;
  return j->at > first;
}
static bool judge_number(struct judge *j) {
  const uint8_t *first = j->at;
  (void)judge_byte(j, '-');
  if (!judge_byte(j, '0') && !judge_digits(j)) return false;
  if (judge_byte(j, '.') && !judge_digits(j)) return false;
  if (judge_byte(j, 'e') || judge_byte(j, 'E')) {
    if (!judge_byte(j, '+')) (void)judge_byte(j, '-');
    if (!judge_digits(j)) return false;
  }
  if (j->at - first > 60) j->long_number = true;
  return true;
}
static bool judge_hex(struct judge *j, unsigned *unit) {
  *unit = 0;
  for (int i = 0; i < 4; i++, j->at++) {
    if (j->at == j->end) return false;
    uint8_t c = *j->at;
    unsigned digit;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if (c >= 'a' && c <= 'f')
      digit = c - 'a' + 10u;
    else if (c >= 'A' && c <= 'F')
      digit = c - 'A' + 10u;
    else
      return false;
    *unit = *unit * 16 + digit;
  }
  return true;
}
/* By table 3-7 of the Unicode standard, "Well-Formed UTF-8 Byte Sequences". */
static bool judge_utf8(struct judge *j) {
  static const struct {
    uint8_t first_low, first_high, second_low, second_high, length;
  } rows[] = {{0x20, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
              {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
              {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (*j->at < rows[i].first_low || *j->at > rows[i].first_high) continue;
    if (j->end - j->at < rows[i].length) return false;
    for (int k = 1; k < rows[i].length; k++) {
      uint8_t low = k == 1 ? rows[i].second_low : 0x80, high = k == 1 ? rows[i].second_high : 0xBF;
      if (j->at[k] < low || j->at[k] > high) return false;
    }
    j->at += rows[i].length;
    return true;
  }
  return false;
}
static bool judge_string(struct judge *j) {
  if (!judge_byte(j, '"')) return false;
  for (;;) {
    if (j->at == j->end) return false;
    if (judge_byte(j, '"')) return true;
    if (!judge_byte(j, '\\')) {
      if (!judge_utf8(j)) return false;
      continue;
    }
    if (j->at == j->end) return false;
    uint8_t c = *j->at++;
    if (c == 'u') {
      unsigned unit, low;
      if (!judge_hex(j, &unit) || (unit >= 0xDC00 && unit <= 0xDFFF)) return false;
      if (unit == 0) j->has_nul = true;
      if (unit < 0xD800 || unit > 0xDBFF) continue;
      if (!judge_byte(j, '\\') || !judge_byte(j, 'u') || !judge_hex(j, &low) || low < 0xDC00 || low > 0xDFFF)
        return false;
    } else if (c == 0 || strchr("\"\\/bfnrt", c) == NULL) {
      return false;
    }
  }
}
static bool judge_word(struct judge *j, const char *word) {
  for (; *word != 0; word++) {
    if (!judge_byte(j, (uint8_t)*word)) return false;
  }
  return true;
}
static bool judge_members(struct judge *j, int depth, bool object) {
  uint8_t close = object ? '}' : ']';
  if (depth > RECORD_DEPTH_MAX) return false;
  judge_space(j);
  if (judge_byte(j, close)) return true;
  for (;;) {
    judge_space(j);
    if (object) {
      if (!judge_string(j)) return false;
      judge_space(j);
      if (!judge_byte(j, ':')) return false;
      judge_space(j);
    }
    if (!judge_value(j, depth)) return false;
    judge_space(j);
    if (judge_byte(j, close)) return true;
    if (!judge_byte(j, ',')) return false;
  }
}
static bool judge_value(struct judge *j, int depth) { /* `depth` containers are open */
  if (j->at == j->end) return false;
  switch (*j->at) {
  case '{': j->at++; return judge_members(j, depth + 1, true);
  case '[': j->at++; return judge_members(j, depth + 1, false);
  case '"': return judge_string(j);
  case 't': return judge_word(j, "true");
  case 'f': return judge_word(j, "false");
  case 'n': return judge_word(j, "null");
  default: return judge_number(j);
  }
}
static bool judge_record(struct judge *j) {
  judge_space(j);
  if (j->at == j->end || *j->at != '{' || !judge_value(j, 0)) return false;
  judge_space(j);
  return j->at == j->end;
}

/* --- values --- */

enum { FIELDS = 9 };
static struct schema_field fields[FIELDS] = {
    {.name = SLICE("i"), .path = SLICE("i"), .type = {.kind = VALUE_INT}, .used = true, .slot = 0},
    {.name = SLICE("s"), .path = SLICE("s"), .type = {.kind = VALUE_STRING}, .used = true, .slot = 1},
    {.name = SLICE("d"), .path = SLICE("d"), .type = {.kind = VALUE_DECIMAL, .scale = 2}, .used = true, .slot = 2},
    {.name = SLICE("f"), .path = SLICE("f"), .type = {.kind = VALUE_FLOAT}, .used = true, .slot = 3},
    {.name = SLICE("b"), .path = SLICE("b"), .type = {.kind = VALUE_BOOL}, .used = true, .slot = 4},
    {.name = SLICE("x"),
     .path = SLICE("x"),
     .type = {.kind = VALUE_LIST, .element = VALUE_INT},
     .used = true,
     .slot = 5},
    {.name = SLICE("on"), .path = SLICE("o.n"), .type = {.kind = VALUE_INT}, .used = true, .slot = 6},
    {.name = SLICE("ops"), .path = SLICE("o.p.s"), .type = {.kind = VALUE_STRING}, .used = true, .slot = 7},
    {.name = SLICE("t"), .path = SLICE("t"), .type = {.kind = VALUE_TIME}, .used = true, .slot = 8},
};
static const struct schema schema = {
    .name = SLICE("e"), .field_count = FIELDS, .slot_count = FIELDS, .fields = fields, .time_field = -1};

/* The last member of that path, as the decoder takes it; NULL if there is none. */
static const cJSON *find(const cJSON *object, struct slice path) {
  const char *point = memchr(path.data, '.', path.length);
  size_t length = point != NULL ? (size_t)(point - path.data) : path.length;
  const cJSON *found = NULL;
  for (const cJSON *c = cJSON_IsObject(object) ? object->child : NULL; c != NULL; c = c->next) {
    if (strlen(c->string) == length && memcmp(c->string, path.data, length) == 0) found = c;
  }
  if (point == NULL || found == NULL) return found;
  return find(found, (struct slice){point + 1, path.length - length - 1});
}

static bool is_bad(const struct decoded *out, uint16_t field) {
  for (uint16_t i = 0; i < out->bad_count; i++) {
    if (out->bad[i].field == field) return true;
  }
  return false;
}

static void compare_list(struct value v, const cJSON *item) {
  check(cJSON_IsArray(item));
  const cJSON *element = item->child;
  for (uint32_t i = 0; i < v.length; i++, element = element->next) {
    check(cJSON_IsNumber(element) && (double)v.list[i].i == element->valuedouble);
  }
  check(element == NULL);
}

static void compare(const struct decoded *out, const cJSON *root) {
  for (uint16_t i = 0; i < FIELDS; i++) {
    struct value v = out->values[i];
    const cJSON *item = find(root, fields[i].path);
    if (item == NULL || cJSON_IsNull(item)) {
      check(value_is_null(v) && !is_bad(out, i));
      continue;
    }
    if (value_is_null(v)) {
      check(is_bad(out, i));
      check(fields[i].type.kind != VALUE_STRING || !cJSON_IsString(item));
      check(fields[i].type.kind != VALUE_BOOL || !cJSON_IsBool(item));
      continue;
    }
    check(!is_bad(out, i));
    switch ((enum value_kind)v.kind) {
    case VALUE_INT: check(cJSON_IsNumber(item) && (double)v.i == item->valuedouble); break;
    case VALUE_FLOAT: check(cJSON_IsNumber(item) && v.f == item->valuedouble); break;
    case VALUE_DECIMAL: check(cJSON_IsNumber(item) && decimal_to_float(v.i, v.scale) == item->valuedouble); break;
    case VALUE_BOOL: check(cJSON_IsBool(item) && v.i == cJSON_IsTrue(item)); break;
    case VALUE_STRING: check(cJSON_IsString(item) && slice_equal(value_slice(v), slice_of(item->valuestring))); break;
    case VALUE_LIST: compare_list(v, item); break;
    case VALUE_TIME: check(cJSON_IsString(item)); break;
    default: abort();
    }
  }
}

/* --- the choice of the type --- */

static struct schema_field other_fields[] = {
    {.name = SLICE("i"), .path = SLICE("i"), .type = {.kind = VALUE_STRING}, .used = true, .slot = 0},
    {.name = SLICE("o"), .path = SLICE("o.n"), .type = {.kind = VALUE_DECIMAL, .scale = 2}, .used = true, .slot = 1},
    {.name = SLICE("k"), .path = SLICE("type"), .type = {.kind = VALUE_STRING}, .used = true, .slot = 2},
};
static const struct schema two[] = {
    {.name = SLICE("e"), .id = 0, .field_count = FIELDS, .slot_count = FIELDS, .fields = fields, .time_field = -1},
    {.name = SLICE("g"),
     .named = SLICE("ng"),
     .id = 1,
     .field_count = 3,
     .slot_count = 3,
     .fields = other_fields,
     .time_field = -1},
};
static const struct decode_plan mixed_plan = {
    .schemas = two, .schema_count = 2, .fixed_type = -1, .only_type = -1, .type_field = SLICE("type")};

/* The mixed decoder, whatever it guessed, says what a new one says that is told the type. */
static void types_judge(struct decoder *mixed, struct mem *mem, struct arena *arena, struct slice record,
                        const cJSON *root) {
  struct decoded out, again;
  decode_record(mixed, record, arena, &out);
  const cJSON *type = find(root, SLICE("type"));
  const char *name = cJSON_IsString(type) ? type->valuestring : NULL;
  if (name == NULL) {
    check(out.code == DECODE_BAD_SCHEMA);
  } else if (strcmp(name, "e") != 0 && strcmp(name, "g") != 0 && strcmp(name, "ng") != 0) {
    check(out.code == DECODE_IGNORED);
  } else {
    check(out.code == DECODE_OK && out.type == (strcmp(name, "e") != 0));
    struct decode_plan plan = mixed_plan;
    plan.fixed_type = out.type;
    decode_record(decoder_json_new(mem, &plan), record, arena, &again);
    check(again.code == DECODE_OK && again.type == out.type && again.bad_count == out.bad_count);
    for (uint16_t i = 0; i < two[out.type].slot_count; i++) check(value_equal(out.values[i], again.values[i]));
  }
}

static void line_judge(struct decoder *decoder, struct decoder *mixed, struct mem *mem, struct arena *arena,
                       const uint8_t *line, size_t length) {
  enum { PADDING = 32 };
  char *record = malloc(length + PADDING);
  check(record != NULL);
  memcpy(record, line, length);
  memset(record + length, '"', PADDING);
  struct decoded out, again;
  decode_record(decoder, (struct slice){record, length}, arena, &out);
  struct judge j = {.at = line, .end = line + length};
  if (out.code != DECODE_BLANK) {
    bool taken = judge_record(&j);
    check(out.code == DECODE_OK || out.code == DECODE_BAD_JSON || out.code == DECODE_BAD_UTF8 ||
          out.code == DECODE_TOO_DEEP);
    check((out.code == DECODE_OK) == taken);
    check((out.detail[0] == 0) == taken);
  }
  decode_record(decoder, (struct slice){record, length}, arena, &again); /* now with the order remembered */
  check(again.code == out.code && again.bad_count == out.bad_count && strcmp(again.detail, out.detail) == 0);
  if (out.code == DECODE_OK) {
    for (uint16_t i = 0; i < FIELDS; i++) check(value_equal(out.values[i], again.values[i]));
    if (!j.has_nul && !j.long_number) {
      cJSON *root = cJSON_ParseWithLength((const char *)line, length);
      check(root != NULL);
      compare(&out, root);
      types_judge(mixed, mem, arena, (struct slice){record, length}, root);
      cJSON_Delete(root);
    }
  }
  free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct mem *mem = mem_new(0);
  if (mem == NULL) return 0;
  struct decode_plan plan = {
      .schemas = &schema, .schema_count = 1, .fixed_type = 0, .only_type = -1, .type_field = SLICE("type")};
  struct decoder *decoder = decoder_json_new(mem, &plan), *mixed = decoder_json_new(mem, &mixed_plan);
  struct arena arena;
  arena_init(&arena, mem, 4096);
  for (size_t at = 0; at < size;) {
    const uint8_t *line_end = memchr(data + at, '\n', size - at);
    size_t length = line_end != NULL ? (size_t)(line_end - data) - at : size - at;
    line_judge(decoder, mixed, mem, &arena, data + at, length);
    arena_reset(&arena);
    at += length + 1;
  }
  mem_free_all(mem);
  return 0;
}
