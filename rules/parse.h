/* parse.h - rule text to tree. */
#ifndef WEIR_RULES_PARSE_H
#define WEIR_RULES_PARSE_H

#include "rules/tree.h"

enum { PARSE_FILE_BYTES_MAX = 256 << 20, PARSE_FILES_MAX = SPAN_FILE_MAX, PARSE_LIST_MAX = 65535 };

/* Append a file and its declarations to `tree` (zeroed at first, `arena` set). `file_name` and `text` are borrowed:
 * names, strings and spellings in the tree are slices of `text`. 0, or ERR_ABORT if something was wrong: then `diags`
 * has up to DIAG_ERRORS_PER_FILE_MAX errors, and the tree the declarations that could be read (good for more checks,
 * not for running). Linear in the text; the depth of expressions and patterns is bounded (TREE_DEPTH_MAX,
 * PATTERN_DEPTH_MAX). */
int parse_file(struct tree *tree, struct slice file_name, struct slice text, struct diags *diags);

/* One expression, the whole of `text`, which becomes a file of the tree without declarations (so that errors have a
 * place). NULL if it is wrong. */
struct tree_expr *parse_expression(struct tree *tree, struct slice file_name, struct slice text, struct diags *diags);

#endif
