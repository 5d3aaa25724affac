/* json_form.h - the canonical JSON form of rules (docs/json-form.md), both ways. Text -> JSON -> text loses nothing but
 * layout. */
#ifndef WEIR_RULES_JSON_FORM_H
#define WEIR_RULES_JSON_FORM_H

#include "rules/tree.h"

enum { JSON_FORM_VERSION = 1, JSON_FORM_BYTES_MAX = 64 << 20 };

/* Whether a file is in this form, by the end of its name. */
bool json_form_named(const char *path);

/* `{"format_version":1,"declarations":[…]}` and a line end, for one file. */
void json_form_write(struct buf *out, const struct tree *tree, uint16_t file);

/* The JSON form to rule text in the one layout, appended to `out`. 0, or ERR_ABORT with `err`: the path in the JSON and
 * the cause ("declarations[2].within: expected a duration as \"30m\""). The text parses; whether it is meaningful is
 * the checker's affair. */
int json_form_to_text(struct mem *mem, struct slice json, struct buf *out, struct err *err);

/* The same, and the text becomes a file of the tree, so that later errors have a place in it. An error in the JSON
 * itself becomes a diagnostic without a line. */
int json_form_read(struct tree *tree, struct slice file_name, struct slice json, struct diags *diags);

#endif
