/* decode.c - what JSON and CSV decoding share (decode_plan.h): it compiles the plan into lists of wanted fields and
 * owns the choice of the event type and the last judgement over a record. Called by the engine through decode.h. */
#include "base/decode.h"

#include <stdarg.h>

#include "base/check.h"
#include "base/decode_plan.h"

enum { SLOT_NONE = UINT16_MAX, PART_MAX = 60 /* bytes of a name in a message */ };

static const char *const code_names[DECODE_CODES] = {
    [DECODE_OK] = "ok",
    [DECODE_BLANK] = "blank",
    [DECODE_IGNORED] = "ignored",
    [DECODE_BAD_JSON] = "bad_json",
    [DECODE_NO_TIME] = "no_time",
    [DECODE_BAD_TIME] = "bad_time",
    [DECODE_BAD_REQUIRED] = "bad_required",
    [DECODE_TOO_LONG] = "too_long",
    [DECODE_TOO_DEEP] = "too_deep",
    [DECODE_BAD_UTF8] = "bad_utf8",
    [DECODE_BAD_SCHEMA] = "bad_schema",
};

const char *decode_code_name(enum decode_code code) {
  check(code >= 0 && code < DECODE_CODES);
  return code_names[code];
}

void decode_refuse(struct decoded *out, enum decode_code code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(out->detail, sizeof out->detail, format, arguments);
  va_end(arguments);
  out->code = code;
}

bool decode_is_blank(struct slice record) {
  for (size_t i = 0; i < record.length; i++) {
    char c = record.data[i];
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return false;
  }
  return true;
}

static bool field_is_wanted(const struct schema *schema, uint16_t index) {
  const struct schema_field *field = &schema->fields[index];
  return !field->computed && (field->used || field->required || (int32_t)index == schema->time_field);
}

static void type_compile(struct decode_type *type, const struct schema *schema, struct mem *mem) {
  type->schema = schema;
  type->time_target = type->time_slot = -1;
  type->slot_count = schema->slot_count;
  type->targets = mem_alloc(mem, sizeof *type->targets * (schema->field_count + 1u));
  type->required = mem_alloc(mem, sizeof *type->required * (schema->field_count + 1u));
  for (uint16_t i = 0; i < schema->field_count; i++) {
    const struct schema_field *field = &schema->fields[i];
    if (!field_is_wanted(schema, i)) continue;
    uint16_t target = type->target_count++;
    uint16_t slot = field->used ? field->slot : type->slot_count++;
    type->targets[target] = (struct decode_target){.field = field, .field_index = i, .slot = slot};
    if ((int32_t)i == schema->time_field) {
      type->time_target = target;
      type->time_slot = slot;
    }
    if (field->required) type->required[type->required_count++] = target;
  }
}

static int name_compare(const void *a, const void *b) {
  const struct decode_name *left = a, *right = b;
  int order = slice_compare(left->name, right->name);
  return order != 0 ? order : (left->type > right->type) - (left->type < right->type);
}

static void names_compile(struct decoder *decoder) {
  decoder->names = mem_alloc(decoder->mem, sizeof *decoder->names * (2u * decoder->type_count + 1u));
  for (uint16_t i = 0; i < decoder->type_count; i++) {
    const struct schema *schema = decoder->types[i].schema;
    decoder->names[decoder->name_count++] = (struct decode_name){schema->name, i};
    if (schema->named.length > 0) decoder->names[decoder->name_count++] = (struct decode_name){schema->named, i};
  }
  qsort(decoder->names, decoder->name_count, sizeof *decoder->names, name_compare);
}

struct decoder *decode_plan_new(struct mem *mem, const struct decode_plan *plan) {
  struct decoder *decoder = mem_alloc(mem, sizeof *decoder);
  decoder->mem = mem;
  decoder->plan = plan;
  decoder->fixed = decoder->only = -1;
  decoder->types = mem_alloc(mem, sizeof *decoder->types * (plan->schema_count + 1u));
  uint16_t targets_max = 0;
  for (uint16_t i = 0; i < plan->schema_count; i++) {
    const struct schema *schema = &plan->schemas[i];
    if (schema->derived) continue;
    struct decode_type *type = &decoder->types[decoder->type_count];
    type_compile(type, schema, mem);
    if (plan->fixed_type == (int32_t)i) decoder->fixed = decoder->type_count;
    if (plan->only_type == (int32_t)i) decoder->only = decoder->type_count;
    if (type->target_count > targets_max) targets_max = type->target_count;
    decoder->type_count++;
  }
  decoder->types[decoder->type_count].time_target = decoder->types[decoder->type_count].time_slot = -1;
  decoder->bad = mem_alloc(mem, sizeof *decoder->bad * (targets_max + 1u));
  if (decoder->fixed >= 0) decoder->predicted = (uint16_t)decoder->fixed;
  names_compile(decoder);
  return decoder;
}

int32_t decode_type_named(const struct decoder *decoder, struct slice name, uint16_t guess) {
  const struct schema *guessed = decoder->types[guess].schema;
  if (name.length == 0) return DECODE_TYPE_UNKNOWN; /* so that a type without `named` is not taken for it */
  if (guessed != NULL && (slice_equal(guessed->name, name) || slice_equal(guessed->named, name))) return guess;
  uint32_t low = 0, high = decoder->name_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (slice_compare(decoder->names[middle].name, name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  if (low < decoder->name_count && slice_equal(decoder->names[low].name, name)) return decoder->names[low].type;
  return DECODE_TYPE_UNKNOWN;
}

int32_t decode_type_unseen(const struct decoder *decoder, int32_t seen, struct decoded *out) {
  if (seen == DECODE_TYPE_UNKNOWN) {
    out->code = DECODE_IGNORED;
    return -1;
  }
  if (decoder->only >= 0) return decoder->only;
  struct slice field = decoder->plan->type_field;
  decode_refuse(out, DECODE_BAD_SCHEMA, "no text in `%.*s` says which of the declared event types this is",
                (int)(field.length < PART_MAX ? field.length : PART_MAX), field.data);
  return -1;
}

void decode_bad_set(struct decoder *decoder, uint16_t target, const char *reason) {
  decode_bad_clear(decoder, target);
  decoder->bad[decoder->bad_count++] = (struct decode_bad){target, reason};
}

void decode_bad_clear(struct decoder *decoder, uint16_t target) {
  for (uint16_t i = 0; i < decoder->bad_count; i++) {
    if (decoder->bad[i].target != target) continue;
    decoder->bad[i] = decoder->bad[--decoder->bad_count];
    return;
  }
}

static const char *bad_reason(const struct decoder *decoder, uint16_t target) {
  for (uint16_t i = 0; i < decoder->bad_count; i++) {
    if (decoder->bad[i].target == target) return decoder->bad[i].reason;
  }
  return NULL;
}

void decode_refuse_field(struct decoded *out, enum decode_code code, const struct schema_field *field,
                         const char *reason) {
  int name = (int)(field->name.length < PART_MAX ? field->name.length : PART_MAX);
  int path = (int)(field->path.length < PART_MAX ? field->path.length : PART_MAX);
  if (slice_equal(field->name, field->path))
    decode_refuse(out, code, "`%.*s`: %s", name, field->name.data, reason);
  else
    decode_refuse(out, code, "`%.*s` (from \"%.*s\"): %s", name, field->name.data, path, field->path.data, reason);
}

/* Bad values of fields that some rule reads are told, in field order; of the others nobody wants to hear. */
static void tell_bad(const struct decoder *decoder, const struct decode_type *type, const struct value *values,
                     struct arena *arena, struct decoded *out) {
  out->bad = arena_alloc(arena, sizeof *out->bad * decoder->bad_count);
  for (uint16_t i = 0; i < decoder->bad_count; i++) {
    const struct decode_target *target = &type->targets[decoder->bad[i].target];
    if (!target->field->used || !value_is_null(values[target->slot])) continue; /* a later member may have mended it */
    uint16_t at = out->bad_count++;
    for (; at > 0 && out->bad[at - 1].field > target->field_index; at--) out->bad[at] = out->bad[at - 1];
    out->bad[at] = (struct bad_field){target->field_index, decoder->bad[i].reason};
  }
}

void decode_finish_flawed(struct decoder *decoder, const struct decode_type *type, struct value *values,
                          struct arena *arena, struct decoded *out) {
  out->time = 0;
  if (type->time_target >= 0) {
    const struct decode_target *target = &type->targets[type->time_target];
    struct value time = values[target->slot];
    if (value_is_null(time)) {
      const char *reason = bad_reason(decoder, (uint16_t)type->time_target);
      if (reason != NULL)
        decode_refuse_field(out, DECODE_BAD_TIME, target->field, reason);
      else
        decode_refuse_field(out, DECODE_NO_TIME, target->field, "the event time is missing or null");
      return;
    }
    out->time = time.i;
  }
  for (uint16_t i = 0; i < type->required_count; i++) {
    const struct decode_target *target = &type->targets[type->required[i]];
    if (!value_is_null(values[target->slot])) continue;
    const char *reason = bad_reason(decoder, type->required[i]);
    decode_refuse_field(out, DECODE_BAD_REQUIRED, target->field,
                        reason != NULL ? reason : "required, but missing or null");
    return;
  }
  if (decoder->bad_count > 0) tell_bad(decoder, type, values, arena, out);
  out->values = values;
  out->type = type->schema->id;
  out->code = DECODE_OK;
}

void decode_record(struct decoder *decoder, struct slice record, struct arena *arena, struct decoded *out) {
  out->code = DECODE_OK;
  out->type = 0;
  out->time = 0;
  out->values = NULL;
  out->bad_count = 0;
  out->bad = NULL;
  out->detail[0] = 0;
  decoder->bad_count = 0;
  if (__builtin_expect(record.length > RECORD_BYTES_MAX, 0))
    decode_refuse(out, DECODE_TOO_LONG, "longer than %d bytes", RECORD_BYTES_MAX);
  else if (decoder->json != NULL)
    decode_json_record(decoder, record, arena, out);
  else
    decode_csv_record(decoder, record, arena, out);
}
