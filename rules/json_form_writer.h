/* json_form_writer.h - what the files of the JSON form's writer share; nobody else includes it. */
#ifndef WEIR_RULES_JSON_FORM_WRITER_H
#define WEIR_RULES_JSON_FORM_WRITER_H

#include "rules/json_form_core.h"

struct json_writer {
  struct buf *out;
  unsigned depth; /* of open objects and arrays */
  bool comma;     /* something stands before the next value */
};

/* Brackets; before each element of an array; a member's name; values. `given`: nothing if the value is absent (NULL,
 * empty, negative). `member`: name and value. */
void json_write_before(struct json_writer *writer);
void json_write_open(struct json_writer *writer, char bracket);
void json_write_shut(struct json_writer *writer, char bracket);
void json_write_key(struct json_writer *writer, const char *name);
void json_write_text(struct json_writer *writer, struct slice text);
void json_write_text_member(struct json_writer *writer, const char *name, struct slice text);
void json_write_given_text(struct json_writer *writer, const char *name, struct slice text);
void json_write_given_name(struct json_writer *writer, const char *name, const struct name *value);
void json_write_flag(struct json_writer *writer, const char *name, bool set);
void json_write_int(struct json_writer *writer, int64_t number);
void json_write_int_member(struct json_writer *writer, const char *name, int64_t number);
void json_write_duration(struct json_writer *writer, int64_t us);
void json_write_given_duration(struct json_writer *writer, const char *name, int64_t us);
void json_write_names(struct json_writer *writer, const char *name, const struct name *list, uint16_t count);
void json_write_type(struct json_writer *writer, struct type type, enum time_unit unit);
void json_write_before_comments(struct json_writer *writer, const char *name, const struct comment *comments);
void json_write_comments(struct json_writer *writer, const struct comment *comments);
void json_write_expr_member(struct json_writer *writer, const char *name, const struct tree_expr *expr);
void json_write_use_members(struct json_writer *writer, const struct use *use);
void json_write_use(struct json_writer *writer, const char *name, const struct use *use);
void json_write_expr(struct json_writer *writer, const struct tree_expr *expr);

#endif
