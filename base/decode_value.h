/* decode_value.h - one field's value from what stands in a record: the same conversions for JSON and CSV.
 *
 * Each function returns true and sets *out, or returns false and sets *reason (a static text for people); then *out is
 * null. Values borrow the text; what cannot be borrowed (v6 addresses) goes to `arena`. Nothing here allocates
 * elsewhere. Any thread. */
#ifndef WEIR_BASE_DECODE_VALUE_H
#define WEIR_BASE_DECODE_VALUE_H

#include "base/event.h"

/* What a value has to be: a field's type and words, or those of a list's elements. */
struct decode_form {
  struct type type;
  enum time_unit unit;
  bool round_half_even;
};

static inline struct decode_form decode_form_of(const struct schema_field *field) {
  return (struct decode_form){field->type, field->unit, field->round_half_even};
}
static inline struct decode_form decode_form_element(struct decode_form list) {
  list.type = (struct type){.kind = list.type.element, .scale = list.type.element_scale};
  return list;
}

/* `text` is a number by the grammar of RFC 8259. An int field takes only an int (no point, no exponent); a time with a
 * unit takes any number that is a whole count of microseconds; a duration takes an int of microseconds. */
bool decode_value_number(struct decode_form form, struct slice text, struct value *out, const char **reason);

/* `text` is the content of a string, without quotes and escapes, valid UTF-8. */
bool decode_value_string(struct decode_form form, struct slice text, struct arena *arena, struct value *out,
                         const char **reason);

bool decode_value_bool(struct decode_form form, bool truth, struct value *out, const char **reason);

/* What a value of this type has to look like, for an object or array where none can be: "expected an int". */
const char *decode_value_expected(struct decode_form form);

/* A cell of a CSV file: text of any type but a list; numbers by the grammar of RFC 8259. */
bool decode_value_cell(struct decode_form form, struct slice text, struct arena *arena, struct value *out,
                       const char **reason);

/* Bytes of the number at the start of `text` by the grammar of RFC 8259; 0 if none stands there. */
size_t decode_number_length(struct slice text);

#endif
