/* live.h - the host as a running engine sees it: reads that a signal can stop, and a progress line that never gets
 * between other people's words.
 *
 * Used by run.c. There is one of it in a program, for signals are the whole program's. */
#ifndef WEIR_CLI_LIVE_H
#define WEIR_CLI_LIVE_H

#include <signal.h>

#include "cli/cli.h"

struct live {
  struct env env; /* give this one to the engine; outlives it */
  const struct env *base;
  bool line_shown;  /* a progress line stands on the terminal */
  bool reader_gone; /* standard output is a closed pipe */
  bool out_terminal;
};

/* From now on SIGINT and SIGTERM set *live_stop(), which also ends a read that waits, with -EINTR; a second one ends
 * the program at once. False if the host has no pipe to give. */
bool live_init(struct live *live, const struct env *base);
const volatile sig_atomic_t *live_stop(void);

/* The progress line: written over the one before; taken away. */
void live_line(struct live *live, const char *text);
void live_clear(struct live *live);

#endif
