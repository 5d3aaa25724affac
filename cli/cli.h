/* cli.h - what all verbs share: exit codes, the terminal, standard output, words to people.
 *
 * cli.c owns it and calls the verbs; each verb is one file. */
#ifndef WEIR_CLI_CLI_H
#define WEIR_CLI_CLI_H

#include "base/env.h"
#include "cli/option.h"
#include "rules/tree.h"

enum cli_exit {
  EXIT_FINE = 0,
  EXIT_FINDINGS = 1,    /* errors in rules, failed tests, files that fmt would change */
  EXIT_USAGE = 2,       /* the command line is wrong */
  EXIT_ENVIRONMENT = 3, /* files, network, memory */
  EXIT_INTERNAL = 4     /* a failed check() */
};

struct cli {
  const struct env *env;
  struct mem *mem;         /* of the verb; its guard stands in cli_main */
  const struct verb *verb; /* that runs; NULL before one is known */
  bool out_colour, err_colour;
  bool err_terminal;
};

/* The whole program. */
int cli_main(int argument_count, char **arguments);

/* All verbs, in the order in which help names them; NULL ends them. Each stands in the file of its name. */
extern const struct verb *const cli_verbs[];
extern const struct verb verb_run, verb_check, verb_fmt, verb_explain, verb_test, verb_functions, verb_adapters,
    verb_infer, verb_version, verb_help;
const struct verb *cli_verb_find(const char *name); /* NULL = none */
/* A verb that a later version will have. */
bool cli_verb_later(const char *name);
/* What is said of a word that is no verb; EXIT_USAGE. */
int cli_unknown_verb(struct cli *cli, const char *name);

/* Bytes to standard output. False if nobody reads any more (a closed pipe: end quietly) or it cannot be written (said
 * on stderr); *exit_code says how to end then. */
bool cli_write(struct cli *cli, struct slice bytes, int *exit_code);
/* The same as the last deed of a verb: `code` if it went well. */
int cli_end(struct cli *cli, const struct buf *out, int code);

void cli_tell(const struct buf *text); /* as it is, to stderr */
/* "weir VERB: text" on stderr. */
void cli_say(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What an error says, with its file and place if it has one, and the exit code for it. */
int cli_fail(struct cli *cli, const struct err *err);
/* "weir VERB: text", the way to the help, and EXIT_USAGE. */
int cli_usage(struct cli *cli, const char *text);
/* "there is no WHAT `name`; did you mean `…`?" with the nearest of `names`, and EXIT_USAGE. */
int cli_unknown(struct cli *cli, const char *what, const char *name, const struct slice *names, size_t count);

/* Colour, or "" where none is wanted. */
enum style { STYLE_OFF, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN, STYLE_YELLOW, STYLE_CYAN };
const char *cli_style(bool colour, enum style style);

/* Diagnostics as diag_print() wrote them, coloured if `colour`. */
void cli_diagnostics(struct buf *out, struct slice text, bool colour);

/* 1234567 -> "1,234,567". */
enum { COUNT_TEXT_MAX = 32 };
const char *count_text(char out[COUNT_TEXT_MAX], uint64_t count);
/* "s" where there is not one. */
static inline const char *plural(uint64_t count) { return count == 1 ? "" : "s"; }

#endif
