/* engine_conform.c - a typed value of the library's caller as the value that the field would have of a record. Called
 * by weir.c. */
#include "base/decode_value.h"
#include "base/number_text.h"
#include "base/time_text.h"
#include "engine/engine.h"

static const char *conform_list(struct value value, struct decode_form form, struct arena *arena, struct value *out);

static const char *conform_one(struct value value, struct decode_form form, struct arena *arena, struct value *out) {
  const char *reason = NULL;
  *out = value_null();
  char *text;
  switch (value.kind) {
  case VALUE_NULL: return NULL;
  case VALUE_BOOL: return decode_value_bool(form, value.i != 0, out, &reason) ? NULL : reason;
  case VALUE_STRING: return decode_value_string(form, value_slice(value), arena, out, &reason) ? NULL : reason;
  case VALUE_INT:
  case VALUE_FLOAT:
  case VALUE_DECIMAL: {
    struct buf number;
    buf_init(&number, arena->mem);
    value_json(&number, value);
    text = arena_copy(arena, number.data, number.length);
    struct slice digits = {text, number.length};
    buf_free(&number);
    return decode_value_number(form, digits, out, &reason) ? NULL : reason;
  }
  case VALUE_LIST: return conform_list(value, form, arena, out);
  default: break;
  }
  if (value.kind != form.type.kind) return decode_value_expected(form);
  if (value.kind == VALUE_TIME && (value.i < TIME_MIN_US || value.i > TIME_MAX_US))
    return "a time outside the years 1 to 9999";
  *out = value;
  return NULL;
}

static const char *conform_list(struct value value, struct decode_form form, struct arena *arena, struct value *out) {
  if (form.type.kind != VALUE_LIST) return decode_value_expected(form);
  if (value.length > LIST_ELEMENTS_MAX) return "a list of more than 64 elements";
  struct value *elements = arena_array(arena, struct value, value.length + 1u);
  for (uint32_t i = 0; i < value.length; i++) {
    bool plain = value.list[i].kind != VALUE_LIST && value.list[i].kind != VALUE_NULL;
    if (!plain || conform_one(value.list[i], decode_form_element(form), arena, &elements[i]) != NULL)
      return "a bad element in the list";
  }
  *out = (struct value){.kind = VALUE_LIST, .length = value.length, .list = elements};
  return NULL;
}

const char *engine_conform(struct value value, const struct schema_field *field, struct arena *arena,
                           struct value *out) {
  return conform_one(value, decode_form_of(field), arena, out);
}
