/* lower.c - what all files of the lowering use (lower.h). */
#include "rules/lower.h"

struct slice lower_slice(struct lower *lower, struct slice text) {
  return (struct slice){arena_copy(lower->arena, text.data, text.length), text.length};
}

struct slice lower_shared(struct lower *lower, struct slice text) {
  return text.length == 0 ? (struct slice){NULL, 0} : lower_slice(lower, text);
}

void lower_error(struct lower *lower, struct span span, const char *code, const char *hint, const char *format, ...) {
  va_list list;
  va_start(list, format);
  char text[ERR_TEXT_MAX + ERR_FILE_MAX];
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  lower->error_count++;
  diag_add(lower->diags, DIAG_ERROR, span, code, hint, "%s", text);
}

const struct schema_field *lower_field(const struct lower *lower, uint16_t type, uint16_t field) {
  return &lower->ruleset->schemas[type].fields[field];
}

void lower_keep(struct lower *lower, uint16_t type, uint16_t slot) { lower->kept[type][slot] = true; }
