/* help.h - the option tables as text: for people, for shells, for docs/cli.md. */
#ifndef WEIR_CLI_HELP_H
#define WEIR_CLI_HELP_H

#include "cli/cli.h"

void help_program(struct buf *out, bool colour);
void help_verb(struct buf *out, const struct verb *verb, bool colour);
void help_usage(struct buf *out, const struct verb *verb); /* one line, without a line end */
void help_markdown(struct buf *out);                       /* docs/cli.md */

#endif
