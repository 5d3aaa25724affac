/* test.c - `weir test`: runs the tests that stand in rule files, and tells what came instead of what was expected. */
#include "cli/load.h"
#include "cli/test_report.h"

struct test_options {
  const char *junit;
  bool coverage, json;
};

static void tell_text(struct cli *cli, struct buf *out, const struct test_case *test) {
  bool colour = cli->out_colour;
  if (test->passed)
    buf_printf(out, "%sok%s     " SLICE_FMT "\n", cli_style(colour, STYLE_GREEN), cli_style(colour, STYLE_OFF),
               SLICE_ARG(test->name));
  else
    buf_printf(out, "%sFAILED%s " SLICE_FMT " %s(" SLICE_FMT ":%u)%s\n", cli_style(colour, STYLE_RED),
               cli_style(colour, STYLE_OFF), SLICE_ARG(test->name), cli_style(colour, STYLE_DIM), SLICE_ARG(test->file),
               test->line, cli_style(colour, STYLE_OFF));
  struct slice text = test->text;
  while (text.length > 0) {
    const char *end = memchr(text.data, '\n', text.length);
    size_t length = end == NULL ? text.length : (size_t)(end - text.data);
    buf_str(out, "       ");
    buf_add(out, text.data, length);
    buf_byte(out, '\n');
    if (end != NULL) length++;
    text = (struct slice){text.data + length, text.length - length};
  }
}

static void run_one(struct cli *cli, struct loaded *loaded, const struct test_tree *test, struct test_case *out) {
  struct err err;
  err_clear(&err);
  struct test_result result = {0};
  int64_t begun = cli->env->monotonic_us(cli->env->context);
  int status = test_run(loaded->ruleset, loaded->tree, test, cli->env, &loaded->arena, &result, &err);
  *out = (struct test_case){.tree = test,
                            .name = test->description,
                            .file = loaded->tree->files[test->span.file].name,
                            .line = test->span.line,
                            .passed = status == 0 && result.passed,
                            .text = result.text,
                            .ran = status == 0 ? result.ran : NULL,
                            .matched = status == 0 ? result.matched : NULL,
                            .us = cli->env->monotonic_us(cli->env->context) - begun};
  if (status == 0) return;
  size_t length = strlen(err.text);
  out->text = (struct slice){arena_copy(&loaded->arena, err.text, length), length};
}

static int write_junit(struct cli *cli, const char *path, const struct test_cases *cases) {
  struct buf out;
  buf_init(&out, cli->mem);
  test_report_junit(&out, cases);
  struct err err;
  err_clear(&err);
  int status = env_replace_file(cli->env, path, buf_view(&out), &err);
  buf_free(&out);
  return status == 0 ? EXIT_FINE : cli_fail(cli, &err);
}

static int tell_all(struct cli *cli, const struct test_options *options, const struct loaded *loaded,
                    const struct test_cases *cases) {
  struct buf out;
  buf_init(&out, cli->mem);
  unsigned failed = 0;
  for (size_t i = 0; i < cases->count; i++) {
    failed += !cases->items[i].passed;
    if (options->json)
      test_report_json(&out, &cases->items[i]);
    else
      tell_text(cli, &out, &cases->items[i]);
  }
  if (options->coverage) test_report_coverage(&out, loaded->tree, cases, options->json, cli->out_colour);
  if (options->json)
    buf_printf(&out, "{\"summary\":{\"passed\":%zu,\"failed\":%u}}\n", cases->count - failed, failed);
  else
    buf_printf(&out, "%s%zu passed, %u failed%s\n", cli_style(cli->out_colour, failed > 0 ? STYLE_RED : STYLE_GREEN),
               cases->count - failed, failed, cli_style(cli->out_colour, STYLE_OFF));
  return cli_end(cli, &out, failed > 0 ? EXIT_FINDINGS : EXIT_FINE);
}

static int test_verb_run(struct cli *cli, const void *given, char **operands, unsigned count) {
  const struct test_options *options = given;
  if (options->junit != NULL && load_would_lose(cli, operands, count, options->junit))
    return cli_usage(cli, "the results would go into a file of rules");
  struct loaded loaded;
  int code = load_rules(cli, operands, count, &loaded);
  if (code == EXIT_FINE) code = load_compile(cli, &loaded);
  if (code != EXIT_FINE) {
    load_free(&loaded);
    return load_failed(cli, &loaded, code, options->json);
  }
  for (const struct data_file *file = loaded.ruleset->files; options->junit != NULL && file != NULL;
       file = file->next) {
    if (!load_is_one_file(cli, options->junit, file->path)) continue;
    load_free(&loaded);
    return cli_usage(cli, "the results would go into a file that the rules read");
  }
  struct test_cases cases = {.items = mem_alloc(cli->mem, (loaded.tree->decl_count + 1) * sizeof *cases.items)};
  for (uint32_t i = 0; i < loaded.tree->decl_count; i++)
    if (loaded.tree->decls[i].kind == DECL_TEST)
      run_one(cli, &loaded, loaded.tree->decls[i].test, &cases.items[cases.count++]);
  load_free(&loaded);
  if (cases.count == 0) cli_say(cli, "the rule files have no tests");
  code = tell_all(cli, options, &loaded, &cases);
  if (options->junit == NULL) return code;
  int written = write_junit(cli, options->junit, &cases);
  return written != EXIT_FINE ? written : code;
}

static const struct option test_option_table[] = {
    {.name = "junit",
     .argument = "FILE",
     .kind = OPTION_TEXT,
     .file = true,
     .offset = offsetof(struct test_options, junit),
     .help = "write the results to FILE too, as JUnit XML"},
    {.name = "coverage",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct test_options, coverage),
     .help = "say which rules and groups have tests, and which of them were seen to fire and to stay quiet; a rule `to "
             "nothing` is seen in the tests of those that stand on it"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct test_options, json),
     .help = "one JSON object for each test, and one with the sums"},
    {0}};

const struct verb verb_test = {
    .name = "test",
    .summary = "run the tests that stand in rule files",
    .operands = "RULES…",
    .operands_least = 1,
    .operands_most = UINT32_MAX,
    .operands_missing = "no rules are given",
    .details =
        "Tests run in the same engine as events do, on a virtual clock. A test that fails says what came, what "
        "was expected, and where a near miss stopped. An event that is refused, or late where no `watermark` line "
        "made it so, fails its test too. The exit code is 1 if one fails.",
    .output =
        "`ok NAME` or `FAILED NAME (FILE:LINE)`, below it what was expected and what came; `N passed, N failed` at the "
        "end.\n"
        "`--json`: `{\"test\":…,\"file\":…,\"line\":…,\"passed\":…,\"text\":…}` (the text where there is one), with "
        "`--coverage` `{\"rule\":…,\"tests\":…,\"fires\":…,\"quiet\":…}` (of a group `\"group\"` in the place of "
        "`\"rule\"`), then "
        "`{\"summary\":{\"passed\":…,\"failed\":…}}`.",
    .examples = "weir test rules/\nweir test rules/ --coverage --junit results.xml",
    .options = test_option_table,
    .options_size = sizeof(struct test_options),
    .run = test_verb_run,
};
