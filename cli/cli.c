/* cli.c - from the command line to a verb: finds it, reads its options, runs it under one memory guard. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>

#include "base/err.h"
#include "cli/help.h"

enum { VERBS_MAX = 64 };

const struct verb *const cli_verbs[] = {
    &verb_run,      &verb_check, &verb_fmt,     &verb_explain, &verb_test, &verb_functions,
    &verb_adapters, &verb_infer, &verb_version, &verb_help,    NULL};

static const char *const later_verbs[] = {"replay", "backtest", "plan", "push",  "rollback",    "log",      "pause",
                                          "resume", "tail",     "why",  "state", "savepoint",   "stats",    "compare",
                                          "snooze", "erase",    "stop", "warm",  "repartition", "log-tool", "bench"};

const struct verb *cli_verb_find(const char *name) {
  for (size_t i = 0; cli_verbs[i] != NULL; i++)
    if (strcmp(cli_verbs[i]->name, name) == 0) return cli_verbs[i];
  return NULL;
}

bool cli_verb_later(const char *name) {
  for (size_t i = 0; i < sizeof later_verbs / sizeof *later_verbs; i++)
    if (strcmp(later_verbs[i], name) == 0) return true;
  return false;
}

/* ---- words ---- */

const char *cli_style(bool colour, enum style style) {
  static const char *const codes[] = {
      [STYLE_OFF] = "\x1b[0m",    [STYLE_BOLD] = "\x1b[1m",    [STYLE_DIM] = "\x1b[2m",  [STYLE_RED] = "\x1b[1;31m",
      [STYLE_GREEN] = "\x1b[32m", [STYLE_YELLOW] = "\x1b[33m", [STYLE_CYAN] = "\x1b[36m"};
  return colour ? codes[style] : "";
}

void cli_say(struct cli *cli, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  flockfile(stderr);
  fprintf(stderr, "%sweir%s%s:%s ", cli_style(cli->err_colour, STYLE_BOLD), cli->verb == NULL ? "" : " ",
          cli->verb == NULL ? "" : cli->verb->name, cli_style(cli->err_colour, STYLE_OFF));
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  funlockfile(stderr);
  va_end(arguments);
}

void cli_tell(const struct buf *text) {
  if (text->length > 0) fwrite(text->data, 1, text->length, stderr);
}

int cli_fail(struct cli *cli, const struct err *err) {
  const char *red = cli_style(cli->err_colour, STYLE_RED), *off = cli_style(cli->err_colour, STYLE_OFF);
  if (err->file[0] == '\0' || strstr(err->text, err->file) != NULL)
    cli_say(cli, "%serror:%s %s", red, off, err->text);
  else if (err->line > 0)
    cli_say(cli, "%s:%d:%d: %serror:%s %s", err->file, err->line, err->column, red, off, err->text);
  else
    cli_say(cli, "%s: %serror:%s %s", err->file, red, off, err->text);
  return EXIT_ENVIRONMENT;
}

int cli_usage(struct cli *cli, const char *text) {
  cli_say(cli, "%s", text);
  if (cli->verb != NULL) {
    struct buf usage;
    buf_init(&usage, cli->mem);
    help_usage(&usage, cli->verb);
    fprintf(stderr, "usage: %s\n", buf_text(&usage));
  }
  fprintf(stderr, "`weir help%s%s` says more\n", cli->verb == NULL ? "" : " ",
          cli->verb == NULL ? "" : cli->verb->name);
  return EXIT_USAGE;
}

int cli_unknown(struct cli *cli, const char *what, const char *name, const struct slice *names, size_t count) {
  struct slice near = diag_nearest(slice_of(name), names, count);
  if (near.length > 0)
    cli_say(cli, "there is no %s `%.100s`; did you mean `" SLICE_FMT "`?", what, name, SLICE_ARG(near));
  else
    cli_say(cli, "there is no %s `%.100s`", what, name);
  return EXIT_USAGE;
}

const char *count_text(char out[COUNT_TEXT_MAX], uint64_t count) {
  char digits[COUNT_TEXT_MAX];
  int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count), to = 0;
  for (int i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0) out[to++] = ',';
    out[to++] = digits[i];
  }
  out[to] = '\0';
  return out;
}

/* ---- standard output ---- */

bool cli_write(struct cli *cli, struct slice bytes, int *exit_code) {
  for (size_t done = 0; done < bytes.length;) {
    int64_t written = cli->env->write(cli->env->context, ENV_STDOUT, bytes.data + done, bytes.length - done);
    if (written == -EINTR) continue;
    if (written == -EPIPE) { /* as `weir … | head` ends: no news for anybody */
      *exit_code = EXIT_FINE;
      return false;
    }
    if (written <= 0) {
      cli_say(cli, "%serror:%s cannot write standard output: %s", cli_style(cli->err_colour, STYLE_RED),
              cli_style(cli->err_colour, STYLE_OFF), env_error(written == 0 ? -EIO : written));
      *exit_code = EXIT_ENVIRONMENT;
      return false;
    }
    done += (size_t)written;
  }
  return true;
}

int cli_end(struct cli *cli, const struct buf *out, int code) {
  cli_write(cli, buf_view(out), &code);
  return code;
}

/* ---- diagnostics ---- */

static void coloured_place(struct buf *out, struct slice line, const char *word, enum style style) {
  char *at = memmem(line.data, line.length, word, strlen(word));
  size_t before = (size_t)(at - line.data) + 2;
  buf_str(out, cli_style(true, STYLE_BOLD));
  buf_add(out, line.data, before);
  buf_str(out, cli_style(true, style));
  buf_add(out, word + 2, strlen(word) - 3); /* the colon too, the space not */
  buf_str(out, cli_style(true, STYLE_OFF));
  before += strlen(word) - 3;
  buf_add(out, line.data + before, line.length - before);
}

static void coloured_line(struct buf *out, struct slice line) {
  static const char error[] = ": error: ", warning[] = ": warning: ";
  bool place = line.length > 0 && line.data[0] != ' ';
  if (place && memmem(line.data, line.length, error, strlen(error)) != NULL) {
    coloured_place(out, line, error, STYLE_RED);
    return;
  }
  if (place && memmem(line.data, line.length, warning, strlen(warning)) != NULL) {
    coloured_place(out, line, warning, STYLE_YELLOW);
    return;
  }
  size_t blank = 0;
  while (blank < line.length && line.data[blank] == ' ') blank++;
  if (blank < line.length && line.data[blank] == '|') { /* the carets and the hint */
    buf_add(out, line.data, blank + 1);
    buf_str(out, cli_style(true, STYLE_GREEN));
    buf_add(out, line.data + blank + 1, line.length - blank - 1);
    buf_str(out, cli_style(true, STYLE_OFF));
    return;
  }
  buf_slice(out, line);
}

void cli_diagnostics(struct buf *out, struct slice text, bool colour) {
  if (!colour) {
    buf_slice(out, text);
    return;
  }
  while (text.length > 0) {
    const char *end = memchr(text.data, '\n', text.length);
    size_t length = end == NULL ? text.length : (size_t)(end - text.data);
    coloured_line(out, (struct slice){text.data, length});
    buf_byte(out, '\n');
    if (end != NULL) length++;
    text = (struct slice){text.data + length, text.length - length};
  }
}

/* ---- the way to a verb ---- */

int cli_unknown_verb(struct cli *cli, const char *name) {
  if (cli_verb_later(name)) {
    cli_say(cli, "this version does not have `weir %s` yet", name);
    return EXIT_USAGE;
  }
  static const struct slice options[] = {{"--help", 6}, {"--version", 9}};
  struct slice names[VERBS_MAX];
  size_t count = 0;
  for (; cli_verbs[count] != NULL && count < VERBS_MAX; count++) names[count] = slice_of(cli_verbs[count]->name);
  bool option = name[0] == '-';
  struct slice near = option ? diag_nearest(slice_of(name), options, 2) : diag_nearest(slice_of(name), names, count);
  if (strcmp(name, "-v") == 0) near = options[1];
  char text[256];
  int length = snprintf(text, sizeof text,
                        option ? "there is no option `%.100s` without a verb" : "there is no `weir %.100s`", name);
  if (near.length > 0)
    snprintf(text + length, sizeof text - (size_t)length, "; did you mean `weir " SLICE_FMT "`?", SLICE_ARG(near));
  else if (option)
    snprintf(text + length, sizeof text - (size_t)length, ": a verb stands first, as `weir run`");
  return cli_usage(cli, text);
}

static int print_help(struct cli *cli, const struct verb *verb, bool to_stderr) {
  struct buf out;
  buf_init(&out, cli->mem);
  if (verb == NULL)
    help_program(&out, to_stderr ? cli->err_colour : cli->out_colour);
  else
    help_verb(&out, verb, to_stderr ? cli->err_colour : cli->out_colour);
  if (!to_stderr) return cli_end(cli, &out, EXIT_FINE);
  cli_tell(&out);
  return EXIT_USAGE;
}

static int run_verb(struct cli *cli, char **arguments, int count) {
  void *options = mem_alloc(cli->mem, cli->verb->options_size + 1);
  unsigned operands = 0;
  bool help = false;
  struct err err;
  err_clear(&err);
  int status = options_parse(cli->verb, cli->mem, arguments, count, options, &operands, &help, &err);
  if (help) return print_help(cli, cli->verb, false);
  if (status != 0) return cli_usage(cli, err.text);
  return cli->verb->run(cli, options, arguments, operands);
}

static int dispatch(struct cli *cli, int count, char **arguments) {
  if (count < 2) return print_help(cli, NULL, true);
  const char *name = arguments[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
  if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
  cli->verb = cli_verb_find(name);
  if (cli->verb == NULL) return cli_unknown_verb(cli, name);
  return run_verb(cli, arguments + 2, count - 2);
}

int cli_main(int argument_count, char **arguments) {
  signal(SIGPIPE, SIG_IGN); /* a closed pipe is told by write() */
  const struct env *env = env_real();
  const char *no_colour = env->variable(env->context, "NO_COLOR"), *term = env->variable(env->context, "TERM");
  bool may_colour = (no_colour == NULL || no_colour[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
  struct cli cli = {.env = env, .mem = mem_new(0)};
  cli.err_terminal = env->is_terminal(env->context, ENV_STDERR);
  cli.err_colour = may_colour && cli.err_terminal;
  cli.out_colour = may_colour && env->is_terminal(env->context, ENV_STDOUT);
  if (cli.mem == NULL || MEM_GUARD(cli.mem)) {
    fputs("weir: out of memory\n", stderr);
    mem_free_all(cli.mem);
    return EXIT_ENVIRONMENT;
  }
  int code = dispatch(&cli, argument_count, arguments);
  mem_free_all(cli.mem);
  return code;
}
