/* fmt.c - `weir fmt`: the one layout of rule files, and the canonical JSON form both ways. */
#include "base/limits.h"
#include "cli/load.h"
#include "rules/json_form.h"
#include "rules/parse.h"
#include "rules/print.h"

struct fmt_options {
  bool check, json;
};

struct fmt_state {
  struct cli *cli;
  const struct fmt_options *options;
  struct buf out; /* standard output */
  unsigned files, changed, failed;
};

enum { FMT_READ_BYTES = 1 << 16 };

static int read_stdin(struct cli *cli, struct slice *text, struct err *err) {
  struct buf bytes;
  buf_init(&bytes, cli->mem);
  for (;;) {
    buf_reserve(&bytes, FMT_READ_BYTES);
    int64_t length = cli->env->read(cli->env->context, ENV_STDIN, bytes.data + bytes.length, FMT_READ_BYTES);
    if (length < 0) return err_set(err, ERR_ABORT, "cannot read standard input: %s", env_error(length));
    if (length == 0) break;
    bytes.length += (size_t)length;
    if (bytes.length > LIMIT_RULE_FILE_BYTES)
      return err_set(err, ERR_ABORT, "standard input has more than %d bytes", LIMIT_RULE_FILE_BYTES);
  }
  buf_text(&bytes);
  *text = buf_view(&bytes);
  return 0;
}

/* The tree of one rule text, or false with its errors on stderr. */
static bool parse_one(struct fmt_state *state, const char *name, struct slice text, struct loaded *loaded) {
  *loaded = (struct loaded){0};
  arena_init(&loaded->arena, state->cli->mem, 1 << 16);
  diags_init(&loaded->diags, &loaded->arena);
  loaded->tree = arena_new(&loaded->arena, struct tree);
  loaded->tree->arena = &loaded->arena;
  int status = parse_file(loaded->tree, slice_of(name), text, &loaded->diags);
  if (status == 0) return true;
  diags_sort(&loaded->diags);
  struct buf said;
  buf_init(&said, state->cli->mem);
  load_diagnostics(&said, loaded, DIAG_ERROR, false, state->cli->err_colour);
  cli_tell(&said);
  buf_free(&said);
  return false;
}

/* What the file should look like, appended to `out`; false if it has errors (said). */
static bool form_of(struct fmt_state *state, const char *name, struct slice text, struct buf *out) {
  if (json_form_named(name)) {
    struct err err;
    err_clear(&err);
    if (json_form_to_text(state->cli->mem, text, out, &err) == 0) return true;
    cli_say(state->cli, "%s: %serror:%s %s", name, cli_style(state->cli->err_colour, STYLE_RED),
            cli_style(state->cli->err_colour, STYLE_OFF), err.text);
    return false;
  }
  struct loaded loaded;
  bool good = parse_one(state, name, text, &loaded);
  if (good && state->options->json) json_form_write(out, loaded.tree, 0);
  if (good && !state->options->json) print_file(out, loaded.tree, 0);
  arena_free(&loaded.arena);
  return good;
}

static int put_form(struct fmt_state *state, const char *path, struct slice text, const struct buf *form,
                    struct err *err) {
  bool standard = strcmp(path, "-") == 0;
  bool same = slice_equal(text, buf_view(form));
  if (!same) state->changed++;
  if (state->options->check) {
    if (!same) buf_printf(&state->out, "%s\n", standard ? "standard input" : path);
    return 0;
  }
  if (standard || state->options->json || json_form_named(path)) {
    buf_slice(&state->out, buf_view(form));
    return 0;
  }
  return same ? 0 : env_replace_file(state->cli->env, path, buf_view(form), err);
}

static int one_file(struct fmt_state *state, const char *path, struct err *err) {
  bool standard = strcmp(path, "-") == 0;
  struct slice text = {0};
  int status = standard ? read_stdin(state->cli, &text, err)
                        : env_read_file(state->cli->env, state->cli->mem, path, LIMIT_RULE_FILE_BYTES, &text, err);
  if (status != 0) return status;
  struct buf form;
  buf_init(&form, state->cli->mem);
  state->files++;
  if (form_of(state, standard ? "standard input" : path, text, &form))
    status = put_form(state, path, text, &form, err);
  else
    state->failed++;
  buf_free(&form);
  mem_free(state->cli->mem, (char *)text.data);
  return status;
}

static int fmt_run(struct cli *cli, const void *given, char **operands, unsigned count) {
  struct fmt_state state = {.cli = cli, .options = given};
  buf_init(&state.out, cli->mem);
  if (state.options->check && state.options->json) return cli_usage(cli, "`--check` and `--json` do not go together");
  struct texts paths = {0};
  int code = load_paths(cli, operands, count, &paths);
  if (code != EXIT_FINE) return code;
  for (size_t i = 0; i < paths.count; i++) {
    struct err err;
    err_clear(&err);
    if (one_file(&state, paths.items[i], &err) == 0) continue;
    cli_end(cli, &state.out, EXIT_FINE);
    return cli_fail(cli, &err);
  }
  code = cli_end(cli, &state.out, EXIT_FINE);
  if (code == EXIT_FINE && (state.failed > 0 || (state.options->check && state.changed > 0))) code = EXIT_FINDINGS;
  if (cli->err_terminal && state.options->check)
    cli_say(cli, "%u of %u file%s would change", state.changed, state.files, plural(state.files));
  return code;
}

static const struct option fmt_option_table[] = {
    {.name = "check",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct fmt_options, check),
     .help = "change nothing; name the files that would change and end with 1 if there are any"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct fmt_options, json),
     .help = "print the canonical JSON form instead: one object for each file, on several lines"},
    {0}};

const struct verb verb_fmt = {
    .name = "fmt",
    .summary = "give rule files their one layout, in place",
    .operands = "FILES…",
    .operands_least = 1,
    .operands_most = UINT32_MAX,
    .operands_missing = "no files are given",
    .details = "Folders stand for all `*.weir` files below them. `-` is standard input, written to standard output. A "
               "file in the canonical JSON form (`.json`) comes back as rule text on standard output. A file with "
               "errors stays as it is.",
    .examples = "weir fmt rules/\nweir fmt --check rules/\nweir fmt --json cards.weir > cards.json\nweir fmt "
                "cards.json > cards.weir",
    .options = fmt_option_table,
    .options_size = sizeof(struct fmt_options),
    .run = fmt_run,
};
