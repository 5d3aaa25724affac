/* functions.c - `weir functions`: the function table of the language, for people, programs and the docs. */
#include "base/function.h"
#include "base/utf8.h"
#include "cli/cli.h"

struct functions_options {
  bool json, markdown;
};

enum { FUNCTIONS_COLUMN = 52 };

static void as_text(struct buf *out, const struct function *function, struct slice signature, bool colour) {
  buf_printf(out, "%s" SLICE_FMT "%s", cli_style(colour, STYLE_CYAN), SLICE_ARG(signature),
             cli_style(colour, STYLE_OFF));
  size_t width = utf8_count(signature);
  if (width >= FUNCTIONS_COLUMN) {
    buf_byte(out, '\n');
    width = 0;
  }
  buf_printf(out, "%*s%s\n", (int)(FUNCTIONS_COLUMN - width), "", function->help);
}

static void as_json(struct buf *out, const struct function *function, struct slice signature) {
  buf_str(out, "{\"name\":");
  buf_json_string(out, slice_of(function->name));
  buf_str(out, ",\"signature\":");
  buf_json_string(out, signature);
  buf_str(out, ",\"help\":");
  buf_json_string(out, slice_of(function->help));
  buf_printf(out, ",\"null_in_null_out\":%s,\"example\":", function->null_in_null_out ? "true" : "false");
  buf_json_string(out, slice_of(function->example));
  buf_str(out, ",\"result\":");
  buf_json_string(out, slice_of(function->example_result));
  buf_byte(out, '}');
}

static void cell(struct buf *out, struct slice text, bool code) {
  buf_str(out, code ? " `" : " ");
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] == '|') buf_byte(out, '\\');
    buf_byte(out, text.data[i]);
  }
  buf_str(out, code ? "` |" : " |");
}

static void as_markdown(struct buf *out, const struct function *function, struct slice signature) {
  buf_byte(out, '|');
  cell(out, signature, true);
  cell(out, slice_of(function->help), false);
  cell(out, slice_of(function->example), true);
  cell(out, slice_of(function->example_result), true);
  buf_byte(out, '\n');
}

static int functions_run(struct cli *cli, const void *given, char **operands, unsigned count) {
  const struct functions_options *options = given;
  struct buf out, signature;
  buf_init(&out, cli->mem);
  buf_init(&signature, cli->mem);
  if (count > 0 && function_find(slice_of(operands[0])) == NULL) {
    struct slice *names = mem_alloc(cli->mem, function_count() * sizeof *names);
    for (unsigned i = 0; i < function_count(); i++) names[i] = slice_of(function_at(i)->name);
    return cli_unknown(cli, "function", operands[0], names, function_count());
  }
  if (options->json) buf_byte(&out, '[');
  if (options->markdown) buf_str(&out, "| function | what it gives | example | result |\n| --- | --- | --- | --- |\n");
  unsigned told = 0;
  for (unsigned i = 0; i < function_count(); i++) {
    const struct function *function = function_at(i);
    if (count > 0 && strcmp(function->name, operands[0]) != 0) continue;
    buf_clear(&signature);
    function_signature(&signature, function);
    if (options->json) {
      if (told > 0) buf_str(&out, ",\n");
      as_json(&out, function, buf_view(&signature));
    } else if (options->markdown) {
      as_markdown(&out, function, buf_view(&signature));
    } else {
      as_text(&out, function, buf_view(&signature), cli->out_colour);
      if (count > 0) buf_printf(&out, "  %s -> %s\n", function->example, function->example_result);
    }
    told++;
  }
  if (options->json) buf_str(&out, "]\n");
  return cli_end(cli, &out, EXIT_FINE);
}

static const struct option functions_option_table[] = {{.name = "json",
                                                        .kind = OPTION_FLAG,
                                                        .offset = offsetof(struct functions_options, json),
                                                        .help = "as a JSON array"},
                                                       {.name = "markdown",
                                                        .kind = OPTION_FLAG,
                                                        .offset = offsetof(struct functions_options, markdown),
                                                        .help = "as a table of Markdown"},
                                                       {0}};

const struct verb verb_functions = {
    .name = "functions",
    .summary = "list the functions that expressions can call",
    .operands = "[NAME]",
    .operands_most = 1,
    .details = "Nulls: a function of a null is null, but for coalesce and if.",
    .output =
        "`--json`: `[{\"name\":…,\"signature\":…,\"help\":…,\"null_in_null_out\":…,\"example\":…,\"result\":…},…]`.",
    .examples = "weir functions\nweir functions speed_kmh",
    .options = functions_option_table,
    .options_size = sizeof(struct functions_options),
    .run = functions_run,
};
