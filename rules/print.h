/* print.h - tree to text: the one layout of `weir fmt`, which rules/README.md describes. Whatever is printed parses to
 * the same tree, and printing that gives the same text. Nothing here fails. */
#ifndef WEIR_RULES_PRINT_H
#define WEIR_RULES_PRINT_H

#include "rules/tree.h"

/* The declarations of one file in their order, with all comments. */
void print_file(struct buf *out, const struct tree *tree, uint16_t file);
/* One declaration, comments included, ending with a line end. */
void print_decl(struct buf *out, const struct decl *decl);

/* Parts on one line, for explain, `with because` and messages. */
void print_expr(struct buf *out, const struct tree_expr *expr);
void print_use(struct buf *out, const struct use *use); /* payment(amount > 5) */
void print_element(struct buf *out,
                   const struct element *element); /* a step, group, … with its quantifier, without connector */
void print_key(struct buf *out, const struct key_tree *key); /* what stands behind `key` */
void print_type(struct buf *out, struct type type, enum time_unit unit);
void print_string(struct buf *out, struct slice text); /* in quotes, escaped as a rule file has it */
/* As `expect` takes it: times and addresses in quotes, a float with an exponent where no literal has its digits. */
void print_value(struct buf *out, struct value value);

#endif
