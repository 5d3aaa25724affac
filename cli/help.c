/* help.c - the option tables told to people: `weir help`, `weir help VERB`, docs/cli.md. */
#include "cli/help.h"

#include "base/utf8.h"
#include "cli/completion.h"

enum { HELP_COLUMN = 30, HELP_WIDTH = 100 };

static const char help_option_text[] = "show this help";

/* ---- pieces ---- */

static void option_words(struct buf *out, const struct option *option) {
  if (option->letter != 0) buf_printf(out, "-%c, ", option->letter);
  buf_printf(out, "--%s", option->name);
  if (option->argument != NULL) buf_printf(out, " %s", option->argument);
}

static bool shown(const struct option *option) { return option->kind != OPTION_LATER; }

static bool has_options(const struct verb *verb) {
  for (const struct option *option = verb->options; option != NULL && option->name != NULL; option++)
    if (shown(option)) return true;
  return false;
}

void help_usage(struct buf *out, const struct verb *verb) {
  buf_printf(out, "weir %s", verb->name);
  if (verb->operands != NULL) buf_printf(out, " %s", verb->operands);
  if (has_options(verb)) buf_str(out, " [options]");
}

/* Text wrapped at HELP_WIDTH, its lines beginning at `column`; the cursor stands at `at`. A line end stays one. */
static void wrapped(struct buf *out, const char *text, size_t at, size_t column) {
  bool first = true;
  while (*text != '\0') {
    size_t length = strcspn(text, " \n");
    size_t width = utf8_count((struct slice){text, length});
    if (first || at + 1 + width > HELP_WIDTH) {
      if (at > 0 && (!first || at + 2 > column)) {
        buf_byte(out, '\n');
        at = 0;
      }
      for (; at < column; at++) buf_byte(out, ' ');
    } else {
      buf_byte(out, ' ');
      at++;
    }
    buf_add(out, text, length);
    at += width;
    first = false;
    text += length;
    if (*text == '\n') {
      first = true; /* a new line */
    }
    if (*text != '\0') text++;
  }
  buf_byte(out, '\n');
}

static void two_columns(struct buf *out, struct slice left, const char *right, bool colour) {
  buf_str(out, "  ");
  buf_str(out, cli_style(colour, STYLE_CYAN));
  buf_slice(out, left);
  buf_str(out, cli_style(colour, STYLE_OFF));
  size_t at = 2 + utf8_count(left);
  wrapped(out, right, at, HELP_COLUMN);
}

static void heading(struct buf *out, const char *text, bool colour) {
  buf_printf(out, "\n%s%s%s\n", cli_style(colour, STYLE_BOLD), text, cli_style(colour, STYLE_OFF));
}

static void indented_lines(struct buf *out, const char *text) {
  while (*text != '\0') {
    size_t length = strcspn(text, "\n");
    buf_str(out, "  ");
    buf_add(out, text, length);
    buf_byte(out, '\n');
    text += length + (text[length] == '\n');
  }
}

/* ---- for people ---- */

void help_program(struct buf *out, bool colour) {
  buf_str(out, "weir finds patterns in streams of events: rules and events in, alerts out.\n");
  heading(out, "Usage", colour);
  buf_str(out, "  weir VERB [operands] [options]\n");
  heading(out, "Verbs", colour);
  for (size_t i = 0; cli_verbs[i] != NULL; i++) {
    struct slice name = slice_of(cli_verbs[i]->name);
    buf_printf(out, "  %s" SLICE_FMT "%s%*s%s\n", cli_style(colour, STYLE_CYAN), SLICE_ARG(name),
               cli_style(colour, STYLE_OFF), (int)(12 - name.length), "", cli_verbs[i]->summary);
  }
  heading(out, "Examples", colour);
  buf_str(out,
          "  weir run rules/ --input events.jsonl        alerts of all rules below rules/, one JSON object a line\n"
          "  weir check rules/                           errors and warnings; nothing runs\n"
          "  weir test rules/                            the tests that stand in the rule files\n");
  buf_str(out, "\n`weir help VERB` says more about a verb.\n");
}

void help_verb(struct buf *out, const struct verb *verb, bool colour) {
  buf_printf(out, "weir %s: %s\n", verb->name, verb->summary);
  heading(out, "Usage", colour);
  buf_str(out, "  ");
  help_usage(out, verb);
  buf_byte(out, '\n');
  if (verb->details != NULL) {
    buf_byte(out, '\n');
    wrapped(out, verb->details, 0, 0);
  }
  heading(out, "Options", colour);
  struct buf words;
  buf_init(&words, out->mem);
  for (const struct option *option = verb->options; option != NULL && option->name != NULL; option++) {
    if (!shown(option)) continue;
    buf_clear(&words);
    option_words(&words, option);
    two_columns(out, buf_view(&words), option->help, colour);
  }
  buf_free(&words);
  two_columns(out, SLICE("-h, --help"), help_option_text, colour);
  if (verb->output != NULL) {
    heading(out, "Output", colour);
    wrapped(out, verb->output, 0, 2);
  }
  if (verb->examples != NULL) {
    heading(out, "Examples", colour);
    indented_lines(out, verb->examples);
  }
}

/* ---- docs/cli.md ---- */

/* In a cell of a table `|` ends the cell and a line end the row. */
static void markdown_cell(struct buf *out, const char *text) {
  for (; *text != '\0'; text++) {
    if (*text == '|') buf_byte(out, '\\');
    buf_byte(out, *text == '\n' ? ' ' : *text);
  }
}

static void markdown_option(struct buf *out, struct slice words, const char *help) {
  buf_str(out, "| `");
  buf_slice(out, words);
  buf_str(out, "` | ");
  markdown_cell(out, help);
  buf_str(out, " |\n");
}

/* One item a line. */
static void markdown_output(struct buf *out, const char *text) {
  buf_str(out, "\nOutput:\n\n");
  while (*text != '\0') {
    size_t length = strcspn(text, "\n");
    buf_str(out, "- ");
    buf_add(out, text, length);
    buf_byte(out, '\n');
    text += length + (text[length] == '\n');
  }
}

static void markdown_verb(struct buf *out, const struct verb *verb) {
  buf_printf(out, "\n## weir %s\n\n", verb->name);
  buf_printf(out, "%c%s.\n\n```\n",
             verb->summary[0] >= 'a' && verb->summary[0] <= 'z' ? verb->summary[0] - 32 : verb->summary[0],
             verb->summary + 1);
  help_usage(out, verb);
  buf_str(out, "\n```\n\n");
  if (verb->details != NULL) buf_printf(out, "%s\n\n", verb->details);
  buf_str(out, "| option | what it does |\n| --- | --- |\n");
  struct buf words;
  buf_init(&words, out->mem);
  for (const struct option *option = verb->options; option != NULL && option->name != NULL; option++) {
    if (!shown(option)) continue;
    buf_clear(&words);
    option_words(&words, option);
    markdown_option(out, buf_view(&words), option->help);
  }
  buf_free(&words);
  markdown_option(out, SLICE("-h, --help"), help_option_text);
  if (verb->output != NULL) markdown_output(out, verb->output);
  if (verb->examples != NULL) buf_printf(out, "\n```\n%s\n```\n", verb->examples);
}

void help_markdown(struct buf *out) {
  buf_str(
      out,
      "# The program `weir`\n\n"
      "Made by `weir help --markdown` from the tables that the program reads its command line by.\n\n"
      "RULES are files, or folders: then every `*.weir` below them, in byte order of path. Data goes to standard "
      "output, words and progress to standard error. `NO_COLOR` is honoured; colours are for terminals only.\n\n"
      "| exit code | meaning |\n| --- | --- |\n"
      "| 0 | fine; also where nobody reads the output any more (`weir … \\| head`), and after ctrl-C |\n"
      "| 1 | findings: errors in rules (one is a list, table or model whose file cannot be read), failed tests, files "
      "that "
      "`fmt --check` would change, a sample that shows nothing |\n"
      "| 2 | the command line is wrong; nothing was done |\n"
      "| 3 | the environment: other files that cannot be read or written, memory |\n"
      "| 4 | an error inside weir |\n\n"
      "| variable | meaning |\n| --- | --- |\n"
      "| `WEIR_SECRET_KEY` | the key by which `secret` fields are hashed; rules with such fields are refused without "
      "it |\n"
      "| `NO_COLOR` | not empty: no colours |\n"
      "| `TERM` | `dumb`: no colours |\n\n"
      "An error of the rules is `FILE:LINE:COLUMN: error: TEXT`, the line with carets, and a hint. Of a "
      "wrong command line the first line is `weir VERB: TEXT`. Other errors are one line, `weir VERB: error: TEXT` or "
      "`weir VERB: FILE: error: TEXT`. Options may stand before and behind the operands; `--` ends them; "
      "`--name=value` and `--name value` are the same. Sizes are bytes, or numbers with KiB, MiB, GiB.\n");
  for (size_t i = 0; cli_verbs[i] != NULL; i++) markdown_verb(out, cli_verbs[i]);
}

/* ---- the verb ---- */

struct help_options {
  bool markdown;
  const char *completion;
};

static int help_run(struct cli *cli, const void *given, char **operands, unsigned count) {
  const struct help_options *options = given;
  struct buf out;
  buf_init(&out, cli->mem);
  if (options->markdown) {
    help_markdown(&out);
  } else if (options->completion != NULL) {
    completion_write(&out, options->completion);
  } else if (count == 0) {
    help_program(&out, cli->out_colour);
  } else {
    const struct verb *verb = cli_verb_find(operands[0]);
    if (verb == NULL) return cli_unknown_verb(cli, operands[0]);
    help_verb(&out, verb, cli->out_colour);
  }
  return cli_end(cli, &out, EXIT_FINE);
}

static const struct option help_options_table[] = {{.name = "completion",
                                                    .argument = "SHELL",
                                                    .kind = OPTION_CHOICE,
                                                    .choices = "bash zsh fish",
                                                    .offset = offsetof(struct help_options, completion),
                                                    .help = "the completion script for bash, zsh or fish"},
                                                   {.name = "markdown",
                                                    .kind = OPTION_FLAG,
                                                    .offset = offsetof(struct help_options, markdown),
                                                    .help = "the help of all verbs as one page of Markdown"},
                                                   {0}};

const struct verb verb_help = {
    .name = "help",
    .summary = "say what the verbs and their options are",
    .operands = "[VERB]",
    .operands_most = 1,
    .examples = "weir help run\nweir help --completion bash > ~/.local/share/bash-completion/completions/weir",
    .options = help_options_table,
    .options_size = sizeof(struct help_options),
    .run = help_run,
};
