/* check.c - the end of a program that found itself in an impossible state. */
#include "base/check.h"

#include <stdio.h>
#include <unistd.h>

enum { EXIT_INTERNAL = 4 };

void check_failed(const char *expression, const char *file, int line) {
  fprintf(stderr, "weir: internal error: check failed: %s at %s:%d\n", expression, file, line);
  fflush(stderr);
  _exit(EXIT_INTERNAL); /* no clean-up: nothing that stands in memory can be trusted any more */
}
