/* check.c - `weir check`: errors and warnings of rules; nothing runs. */
#include "cli/load.h"

struct check_verb_options {
  bool json;
};

struct check_counts {
  uint32_t files, rules, events, tests, errors, warnings;
};

static struct check_counts count_all(const struct loaded *loaded) {
  struct check_counts counts = {.files = loaded->tree->file_count, .errors = loaded->diags.error_count};
  for (uint32_t i = 0; i < loaded->tree->decl_count; i++) {
    counts.rules += loaded->tree->decls[i].kind == DECL_RULE;
    counts.events += loaded->tree->decls[i].kind == DECL_EVENT;
    counts.tests += loaded->tree->decls[i].kind == DECL_TEST;
  }
  for (uint32_t i = 0; i < loaded->diags.count; i++) counts.warnings += loaded->diags.items[i].severity == DIAG_WARNING;
  return counts;
}

static void tell_json(struct buf *out, const struct check_counts *counts, const struct loaded *loaded) {
  buf_printf(out,
             "{\"summary\":{\"files\":%u,\"events\":%u,\"rules\":%u,\"tests\":%u,\"errors\":%u,\"warnings\":%u,"
             "\"errors_not_shown\":%u}}\n",
             counts->files, counts->events, counts->rules, counts->tests, counts->errors, counts->warnings,
             loaded->diags.dropped);
}

static void tell_text(struct cli *cli, const struct check_counts *counts, const struct loaded *loaded) {
  const char *style = cli_style(cli->err_colour, counts->errors > 0     ? STYLE_RED
                                                 : counts->warnings > 0 ? STYLE_YELLOW
                                                                        : STYLE_GREEN);
  fprintf(stderr, "%s%u error%s, %u warning%s%s in %u file%s: %u event type%s, %u rule%s, %u test%s\n", style,
          counts->errors, plural(counts->errors), counts->warnings, plural(counts->warnings),
          cli_style(cli->err_colour, STYLE_OFF), counts->files, plural(counts->files), counts->events,
          plural(counts->events), counts->rules, plural(counts->rules), counts->tests, plural(counts->tests));
  if (loaded->diags.dropped > 0)
    fprintf(stderr, "%u more error%s not shown: mend these first\n", loaded->diags.dropped,
            loaded->diags.dropped == 1 ? " is" : "s are");
}

static int check_run(struct cli *cli, const void *given, char **operands, unsigned count) {
  const struct check_verb_options *options = given;
  struct loaded loaded;
  int code = load_rules(cli, operands, count, &loaded);
  if (code == EXIT_FINE) code = load_compile(cli, &loaded); /* lists and tables in files */
  load_free(&loaded);
  if (code == EXIT_ENVIRONMENT || code == EXIT_USAGE) return code;
  struct check_counts counts = count_all(&loaded);
  struct buf out;
  buf_init(&out, cli->mem);
  load_diagnostics(&out, &loaded, -1, options->json, cli->out_colour);
  if (options->json) tell_json(&out, &counts, &loaded);
  code = cli_end(cli, &out, code);
  if (!options->json) tell_text(cli, &counts, &loaded);
  return code;
}

static const struct option check_option_table[] = {
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct check_verb_options, json),
     .help = "one JSON object for each error and warning, and one with the sums"},
    {0}};

const struct verb verb_check = {
    .name = "check",
    .summary = "look for errors in rules and for what is hardly meant; nothing runs",
    .operands = "RULES…",
    .operands_least = 1,
    .operands_most = UINT32_MAX,
    .operands_missing = "no rules are given",
    .details =
        "Errors and warnings stand on standard output, sums on standard error. The exit code is 1 if there is an "
        "error; warnings alone are fine. A warning can be silenced in its rule: `allow NAME`.",
    .output =
        "`FILE:LINE:COLUMN: error: TEXT` or `…: warning: TEXT [NAME]`, the line with carets, a hint; at most 20 errors "
        "a "
        "file.\n"
        "`--json`: `{\"file\":…,\"line\":…,\"column\":…,\"severity\":\"error\"|\"warning\",\"code\":…,\"message\":…,"
        "\"hint\":…}` (the hint where there is one), then "
        "`{\"summary\":{\"files\":…,\"events\":…,\"rules\":…,\"tests\":…,"
        "\"errors\":…,\"warnings\":…,\"errors_not_shown\":…}}`.",
    .examples = "weir check rules/\nweir check --json cards.weir lists.weir",
    .options = check_option_table,
    .options_size = sizeof(struct check_verb_options),
    .run = check_run,
};
