/* print_core.h - what the files of the printer share; nobody else includes it. */
#ifndef WEIR_RULES_PRINT_CORE_H
#define WEIR_RULES_PRINT_CORE_H

#include "rules/print.h"

enum {
  PRINT_COLUMNS = 120,     /* a longer condition is broken before each `and` or `or` */
  PRINT_NAME_COLUMNS = 32, /* names are padded to the longest of a block, but no further than this */
  PRINT_CLAUSE_COLUMNS = 8 /* clause words of a rule are padded to this */
};

/* Lines are made one by one. Lines in a row that have a comment behind them wait in `run`, so that the comments can be
 * put below each other. */
struct printer {
  struct buf *out;
  struct buf line, run, marks, flat; /* marks: struct print_mark */
};
struct print_mark {
  size_t end; /* of its line in `run` */
  size_t width;
  struct slice comment;
};

void print_begin(struct printer *printer, struct buf *out);
void print_finish(struct printer *printer);
size_t print_column(const struct printer *printer); /* of the line so far, from 0 */
void print_spaces(struct buf *out, size_t count);
/* `word` padded to `columns`, and one space behind it. */
void print_padded(struct printer *printer, struct slice word, size_t columns);
/* Ends the line; the comment of `comments` (or NULL) that stands behind goes there. */
void print_line_end(struct printer *printer, const struct comment *comments);
void print_blank_line(struct printer *printer);
/* The comments that stand before, each on a line of its own. `last`: nothing follows them in the block. */
void print_comments(struct printer *printer, const struct comment *comments, unsigned indent, bool last);
/* At the end of the line so far, over several lines if it is long. */
void print_expr_wrapped(struct printer *printer, const struct tree_expr *expr);
void print_use_wrapped(struct printer *printer, const struct use *use);
/* `{ NAME = value … }` between its braces, each on a line. */
void print_entries(struct printer *printer, const struct tree_entry *entries, uint16_t count, unsigned indent);
void print_names(struct buf *out, const struct name *names, uint16_t count, const char *between);
/* Lists of names and texts: as many in a row as there is room for, further rows below the first item. `behind` stands
 * behind an item (`,`), `room` columns are left free behind the last one. */
struct print_rows {
  struct printer *printer;
  size_t column;
  bool begun;
};
void print_rows_begin(struct print_rows *rows, struct printer *printer);
void print_rows_item(struct print_rows *rows, struct slice item, const char *behind, size_t room);
void print_names_wrapped(struct printer *printer, const struct name *names, uint16_t count, const char *behind,
                         size_t room);
void print_key_wrapped(struct printer *printer, const struct key_tree *key);
void print_duration(struct buf *out, int64_t us);

void print_expr_level(struct buf *out, const struct tree_expr *expr, int least);
void print_quantifier(struct buf *out, const struct element *element);

void print_event(struct printer *printer, const struct event_tree *event);
void print_rule(struct printer *printer, const struct rule_tree *rule);
void print_small_decl(struct printer *printer, const struct decl *decl); /* all other kinds */

#endif
