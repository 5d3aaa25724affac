/* option.h - what can be said on the command line: one table for each verb, from which parsing, help, completions and
 * docs/cli.md come.
 *
 * A verb has a struct of its own for what was said; an option names where in it the value goes. */
#ifndef WEIR_CLI_OPTION_H
#define WEIR_CLI_OPTION_H

#include "base/buf.h"
#include "base/err.h"

enum option_kind {
  OPTION_FLAG,   /* bool */
  OPTION_TEXT,   /* const char *; NULL = not said */
  OPTION_TEXTS,  /* struct texts; may be said again and again */
  OPTION_SIZE,   /* size_t, bytes: 512MiB, 2GiB, 4096; 0 = not said */
  OPTION_CHOICE, /* const char *, one of `choices` */
  OPTION_LATER   /* known, but not of this version; `argument` says whether a value follows */
};

struct texts {
  const char **items;
  size_t count;
};

struct option {
  const char *name; /* without dashes; NULL ends a table */
  char letter;      /* a short form, or 0 */
  const char *argument;
  enum option_kind kind;
  size_t offset;
  const char *help;
  const char *choices; /* OPTION_CHOICE: separated by spaces */
  bool file;           /* the argument is a file's name: for completion */
};

struct cli;

struct verb {
  const char *name;
  const char *summary;  /* one line */
  const char *operands; /* "RULES…", or NULL: none */
  unsigned operands_least, operands_most;
  const char *operands_missing; /* what is said when there are too few */
  const char *details;          /* paragraphs for `weir help VERB`; may be NULL */
  const char *output;           /* paragraphs on what is printed, for people and for programs; may be NULL */
  const char *examples;         /* one command a line; may be NULL */
  const struct option *options; /* NULL: none but --help */
  size_t options_size;          /* of the verb's struct */
  int (*run)(struct cli *cli, const void *options, char **operands, unsigned count); /* the exit code */
};

/* Reads what stands behind the verb. Operands are moved to the front of `arguments`; *operand_count of them. 0, or
 * ERR_ABORT with one or two lines in `err` (the second is a hint). *help is set if --help was asked for. */
int options_parse(const struct verb *verb, struct mem *mem, char **arguments, int argument_count, void *options,
                  unsigned *operand_count, bool *help, struct err *err);

/* "512MiB" -> bytes; false if it is no size. */
bool size_parse(const char *text, size_t *bytes);

#endif
