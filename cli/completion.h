/* completion.h - the option tables as completion scripts. The files in completions/ are what this writes. */
#ifndef WEIR_CLI_COMPLETION_H
#define WEIR_CLI_COMPLETION_H

#include "cli/cli.h"

/* The whole file for `shell`: bash, zsh or fish. */
void completion_write(struct buf *out, const char *shell);

#endif
