/* load.c - reads rule files and tells what is wrong with them. */
#include "cli/load.h"

enum { LOAD_ARENA_BYTES = 1 << 16 };

int load_rules(struct cli *cli, char **paths, unsigned count, struct loaded *loaded) {
  *loaded = (struct loaded){0};
  for (unsigned i = 0; i < count; i++)
    if (strcmp(paths[i], "-") == 0) return cli_usage(cli, "rules stand in files; `/dev/stdin` is standard input");
  arena_init(&loaded->arena, cli->mem, LOAD_ARENA_BYTES);
  diags_init(&loaded->diags, &loaded->arena);
  struct err err;
  err_clear(&err);
  int status = ruleset_load_tree(&loaded->arena, (struct env *)cli->env, (const char *const *)paths, count,
                                 &loaded->tree, &loaded->diags, &err);
  if (status == ERR_FATAL) return cli_fail(cli, &err);
  return status == 0 ? EXIT_FINE : EXIT_FINDINGS;
}

int load_compile(struct cli *cli, struct loaded *loaded) {
  struct ruleset_options options = {.env = (struct env *)cli->env};
  struct err err;
  err_clear(&err);
  int status = ruleset_compile(loaded->tree, &options, &loaded->diags, &loaded->ruleset, &err);
  diags_sort(&loaded->diags);
  if (status == 0) return EXIT_FINE;
  if (loaded->diags.error_count > 0) return EXIT_FINDINGS;
  return cli_fail(cli, &err);
}

void load_free(struct loaded *loaded) {
  ruleset_unref(loaded->ruleset);
  loaded->ruleset = NULL;
}

void load_diagnostics(struct buf *out, const struct loaded *loaded, int which, bool json, bool colour) {
  struct buf text;
  buf_init(&text, out->mem);
  for (uint32_t i = 0; i < loaded->diags.count; i++) {
    const struct diag *diag = &loaded->diags.items[i];
    if (which >= 0 && (int)diag->severity != which) continue;
    if (json) {
      diag_json(&text, loaded->tree, diag);
      buf_byte(&text, '\n');
    } else {
      diag_print(&text, loaded->tree, diag);
    }
  }
  cli_diagnostics(out, buf_view(&text), colour && !json);
  buf_free(&text);
}

int load_failed(struct cli *cli, const struct loaded *loaded, int code, bool json) {
  if (code != EXIT_FINDINGS) return code;
  struct buf out;
  buf_init(&out, cli->mem);
  load_diagnostics(&out, loaded, DIAG_ERROR, json, cli->err_colour);
  cli_tell(&out);
  if (!json) cli_say(cli, "the rules have %u error%s", loaded->diags.error_count, plural(loaded->diags.error_count));
  return code;
}

/* ---- paths ---- */

static void add_path(struct cli *cli, struct texts *paths, const char *path) {
  paths->items = mem_realloc(cli->mem, paths->items, (paths->count + 1) * sizeof *paths->items);
  paths->items[paths->count++] = path;
}

static int compare_paths(const void *left, const void *right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool ends_with(const char *path, const char *ending) {
  size_t length = strlen(path), want = strlen(ending);
  return length > want && strcmp(path + length - want, ending) == 0;
}

static int add_folder(struct cli *cli, const char *folder, struct texts *folders, struct texts *files) {
  const char *const *names;
  size_t count, length = strlen(folder);
  struct err err;
  if (env_list(cli->env, cli->mem, folder, &names, &count, &err) != 0) return cli_fail(cli, &err);
  for (size_t i = 0; i < count; i++) {
    if (names[i][0] == '.') continue;
    size_t bytes = length + strlen(names[i]) + 2;
    char *path = mem_alloc(cli->mem, bytes);
    snprintf(path, bytes, "%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", names[i]);
    struct env_stat stat;
    if (cli->env->stat(cli->env->context, path, &stat) != 0) continue; /* a dangling link */
    if (stat.kind == ENV_FOLDER) add_path(cli, folders, path);
    if (stat.kind == ENV_FILE && ends_with(path, ".weir")) add_path(cli, files, path);
  }
  return EXIT_FINE;
}

int load_paths(struct cli *cli, char **operands, unsigned count, struct texts *paths) {
  for (unsigned i = 0; i < count; i++) {
    struct env_stat stat;
    bool folder = strcmp(operands[i], "-") != 0 && cli->env->stat(cli->env->context, operands[i], &stat) == 0 &&
                  stat.kind == ENV_FOLDER;
    if (!folder) {
      add_path(cli, paths, operands[i]);
      continue;
    }
    struct texts folders = {0}, files = {0};
    add_path(cli, &folders, operands[i]);
    for (size_t f = 0; f < folders.count; f++) { /* each folder once: links in a circle end where a path is too long */
      int code = add_folder(cli, folders.items[f], &folders, &files);
      if (code != EXIT_FINE) return code;
    }
    if (files.count == 0) {
      cli_say(cli, "%serror:%s no rule files (*.weir) in %s", cli_style(cli->err_colour, STYLE_RED),
              cli_style(cli->err_colour, STYLE_OFF), operands[i]);
      return EXIT_ENVIRONMENT;
    }
    qsort(files.items, files.count, sizeof *files.items, compare_paths);
    for (size_t f = 0; f < files.count; f++) add_path(cli, paths, files.items[f]);
  }
  return EXIT_FINE;
}

static bool is_that_file(struct cli *cli, const char *path, const struct env_stat *file) {
  struct env_stat stat;
  return cli->env->stat(cli->env->context, path, &stat) == 0 && stat.device == file->device && stat.file == file->file;
}

/* What writing could take away: an ordinary file that is there, and of which the system says which one it is. */
static bool can_be_lost(struct cli *cli, const char *path, struct env_stat *file) {
  if (cli->env->stat(cli->env->context, path, file) != 0) return false;
  return file->kind == ENV_FILE && (file->device != 0 || file->file != 0);
}

bool load_would_lose(struct cli *cli, char **operands, unsigned count, const char *path) {
  struct env_stat file, stat;
  if (!can_be_lost(cli, path, &file)) return false;
  for (unsigned i = 0; i < count; i++) {
    if (cli->env->stat(cli->env->context, operands[i], &stat) != 0) continue;
    struct texts folders = {0}, files = {0};
    add_path(cli, stat.kind == ENV_FOLDER ? &folders : &files, operands[i]);
    for (size_t f = 0; f < folders.count; f++)
      if (add_folder(cli, folders.items[f], &folders, &files) != EXIT_FINE) return false;
    for (size_t f = 0; f < files.count; f++)
      if (is_that_file(cli, files.items[f], &file)) return true;
  }
  return false;
}

bool load_is_one_file(struct cli *cli, const char *path, const char *other) {
  struct env_stat file;
  return can_be_lost(cli, path, &file) && is_that_file(cli, other, &file);
}
