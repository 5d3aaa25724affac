/* ruleset.c - loads rule files, compiles a checked tree to a rule set (lower.h), and counts references to it.
 *
 * A rule set owns one memory context. Running out of memory anywhere in the compilation ends in ruleset_compile() with
 * one fatal error and nothing left behind. */
#include "rules/ruleset.h"

#include <errno.h>

#include "base/check.h"
#include "base/limits.h"
#include "rules/check.h"
#include "rules/index.h"
#include "rules/json_form.h"
#include "rules/lint.h"
#include "rules/list_set.h"
#include "rules/lower_model.h"
#include "rules/parse.h"
#include "rules/print.h"
#include "rules/table_rows.h"

enum { ARENA_CHUNK_BYTES = 1 << 18, SCRATCH_CHUNK_BYTES = 1 << 16 };

/* ---- files and folders ---- */

struct paths {
  struct arena *arena;
  size_t count, capacity;
  const char **items;
};

struct folders {
  struct paths paths;
  struct env_stat *stats; /* which folder each path leads to */
  size_t capacity;
};

static void add_path(struct paths *paths, const char *path) {
  if (paths->count == paths->capacity) {
    size_t capacity = paths->capacity == 0 ? 16 : 2 * paths->capacity;
    const char **items = arena_array(paths->arena, const char *, capacity);
    if (paths->count > 0) memcpy(items, paths->items, paths->count * sizeof *items);
    paths->items = items;
    paths->capacity = capacity;
  }
  paths->items[paths->count++] = path;
}

static bool ends_with(const char *path, const char *ending) {
  size_t length = strlen(path), wanted = strlen(ending);
  return length >= wanted && strcmp(path + length - wanted, ending) == 0;
}

static int compare_paths(const void *left, const void *right) {
  return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* A folder to `folders`, once: links may lead to it in several ways, and in circles. */
static void add_folder(struct folders *folders, const char *path, const struct env_stat *stat) {
  struct paths *paths = &folders->paths;
  for (size_t i = 0; i < paths->count; i++) {
    if (folders->stats[i].device == stat->device && folders->stats[i].file == stat->file) return;
  }
  if (paths->count >= PARSE_FILES_MAX) return;
  add_path(paths, path);
  if (paths->count > folders->capacity) {
    size_t capacity = paths->capacity;
    struct env_stat *stats = arena_array(paths->arena, struct env_stat, capacity);
    if (paths->count > 1) memcpy(stats, folders->stats, (paths->count - 1) * sizeof *stats);
    folders->stats = stats;
    folders->capacity = capacity;
  }
  folders->stats[paths->count - 1] = *stat;
}

/* One folder's rule files to `files`, its folders to `folders`. */
static int list_folder(const struct env *env, const char *folder, struct folders *folders, struct paths *files,
                       struct err *err) {
  const char *const *names;
  size_t count;
  int failed = env_list(env, files->arena->mem, folder, &names, &count, err);
  if (failed != 0) return failed;
  const char *slash = ends_with(folder, "/") ? "" : "/";
  for (size_t i = 0; i < count; i++) {
    if (names[i][0] == '.') continue;
    const char *path = arena_printf(files->arena, "%s%s%s", folder, slash, names[i]);
    struct env_stat stat;
    int64_t unseen = env->stat(env->context, path, &stat);
    if (unseen != 0 && ends_with(path, ".weir")) { /* a dangling link: its rules would be missed */
      mem_free(files->arena->mem, (void *)(uintptr_t)names);
      return err_set(err, ERR_FATAL, "%s: %s", path, env_error(unseen));
    }
    if (unseen != 0) continue;
    if (stat.kind == ENV_FOLDER) add_folder(folders, path, &stat);
    if (stat.kind == ENV_FILE && ends_with(path, ".weir") && files->count <= PARSE_FILES_MAX) add_path(files, path);
  }
  mem_free(files->arena->mem, (void *)(uintptr_t)names);
  return 0;
}

/* Every `*.weir` below a folder, in byte order of path; a file as it is. */
static int find_files(const struct env *env, const char *path, struct paths *out, struct err *err) {
  struct env_stat stat;
  int64_t failed = env->stat(env->context, path, &stat);
  if (failed != 0) return err_set(err, ERR_FATAL, "%s: %s", path, env_error(failed));
  if (stat.kind != ENV_FOLDER) {
    add_path(out, path);
    return 0;
  }
  struct paths files = {.arena = out->arena};
  struct folders folders = {.paths.arena = out->arena};
  add_folder(&folders, path, &stat);
  for (size_t i = 0; i < folders.paths.count; i++) {
    if (list_folder(env, folders.paths.items[i], &folders, &files, err) != 0) {
      if (err != NULL) err->class = ERR_FATAL;
      return ERR_FATAL;
    }
  }
  if (files.count > 0) qsort(files.items, files.count, sizeof *files.items, compare_paths);
  for (size_t i = 0; i < files.count; i++) add_path(out, files.items[i]);
  return 0;
}

static int load_file(struct arena *arena, const struct env *env, const char *path, struct tree *tree,
                     struct diags *diags, struct err *err) {
  struct slice read, name = {arena_copy(arena, path, strlen(path)), strlen(path)};
  int failed = env_read_file(env, arena->mem, path, LIMIT_RULE_FILE_BYTES, &read, err);
  if (failed != 0) {
    if (err != NULL) err->class = ERR_FATAL;
    return ERR_FATAL;
  }
  struct slice text = {arena_copy(arena, read.data, read.length), read.length};
  mem_free(arena->mem, (char *)(uintptr_t)read.data);
  return json_form_named(path) ? json_form_read(tree, name, text, diags) : parse_file(tree, name, text, diags);
}

int ruleset_load_tree(struct arena *arena, struct env *env, const char *const *paths, size_t path_count,
                      struct tree **tree, struct diags *diags, struct err *err) {
  struct paths files = {.arena = arena};
  for (size_t i = 0; i < path_count; i++) {
    if (find_files(env, paths[i], &files, err) != 0) return ERR_FATAL;
  }
  if (files.count == 0)
    return err_set(err, ERR_FATAL, "no rule files (*.weir) in %s", path_count > 0 ? paths[0] : "nothing");
  if (files.count > PARSE_FILES_MAX) return err_set(err, ERR_FATAL, "more than %d rule files", PARSE_FILES_MAX);
  *tree = arena_new(arena, struct tree);
  (*tree)->arena = arena;
  int result = 0;
  for (size_t i = 0; i < files.count; i++) {
    int failed = load_file(arena, env, files.items[i], *tree, diags, err);
    if (failed == ERR_FATAL) return failed;
    if (failed != 0) result = failed;
  }
  const char *key = env->variable(env->context, "WEIR_SECRET_KEY");
  struct check_options options = {.secret_key = key != NULL && key[0] != '\0', .env = env};
  if (result == 0) result = check_tree(*tree, &options, diags);
  if (result == 0) lint_tree(*tree, diags);
  diags_sort(diags);
  return diags->error_count > 0 ? ERR_ABORT : result;
}

/* ---- lists and tables while it runs ---- */

static int list_has(void *context, uint16_t list, struct value v) {
  const struct ruleset *ruleset = context;
  return list_set_has(ruleset->lists[list].set, v);
}

static struct value table_get(void *context, uint16_t table, uint16_t column, struct value key) {
  const struct ruleset *ruleset = context;
  const struct table_rows *rows = ruleset->tables[table].rows;
  return rows == NULL ? value_null() : table_rows_get(rows, column, key);
}

static struct value model_get(void *context, uint16_t model, const struct value *inputs, uint32_t count) {
  const struct ruleset *ruleset = context;
  check(count == ruleset->models[model].input_count);
  return model_score(ruleset->models[model].model, inputs);
}

/* ---- compilation ---- */

/* What the rules mean, as far as their text says: equal for equal declarations in any order and in any files. */
static uint64_t identity_hash(struct lower *lower) {
  uint64_t sum = lower->data_hash;
  for (uint32_t i = 0; i < lower->tree->decl_count; i++) {
    if (lower->tree->decls[i].kind == DECL_TEST) continue;
    buf_clear(&lower->text);
    print_decl(&lower->text, &lower->tree->decls[i]);
    sum += hash_bytes(lower->text.data, lower->text.length);
  }
  char version[64] = "";
  if (lower->regex_count > 0) {
    regex_version(version);
    sum += hash_bytes(version, strlen(version));
  }
  if (lower->zone_count > 0) {
    zone_data_version(lower->mem, lower->options->env, version);
    sum += hash_bytes(version, strlen(version));
  }
  return hash_u64(sum);
}

static int compare_residuals(const void *left, const void *right) {
  const struct residual_text *a = left, *b = right;
  return ((uintptr_t)a->expr > (uintptr_t)b->expr) - ((uintptr_t)a->expr < (uintptr_t)b->expr);
}

static void lower_rules(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  ruleset->rules = arena_array(lower->arena, struct rule, lower->named_rules + lower->former_parts + 1u);
  for (uint16_t r = 0; r < lower->tree->rule_count; r++) {
    const struct rule_tree *tree = lower->tree->rules[r];
    if (tree->not_yet) continue;
    struct rule *rule = &ruleset->rules[ruleset->named_rule_count];
    rule->id = ruleset->named_rule_count++;
    lower->level = tree->level & (LEVELS_MAX - 1);
    lower_rule(lower, tree, rule);
    arena_reset(&lower->scratch);
  }
  ruleset->rule_count = (uint16_t)(ruleset->named_rule_count + lower->parts_made);
  ruleset->space_count = lower->keys.count;
  ruleset->spaces = lower->keys.spaces;
  ruleset->predicate_count = lower->predicates.count;
  ruleset->predicates = lower->predicates.predicates;
  ruleset->predicate_texts = lower->predicates.texts;
  ruleset->predicate_nodes = lower->predicates.nodes;
  ruleset->regex_count = lower->regex_count;
  if (lower->residual_count > 0)
    qsort(lower->residuals, lower->residual_count, sizeof *lower->residuals, compare_residuals);
  ruleset->residuals = lower->residuals;
  ruleset->residual_count = lower->residual_count;
}

static void release_tree(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  if (lower->options->tree_done == NULL) return;
  lower->tree = NULL;
  ruleset->tree = NULL;
  for (uint16_t r = 0; r < ruleset->rule_count; r++) ruleset->rules[r].tree = NULL;
  lower->options->tree_done(lower->options->tree_done_context);
}

static int compile(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  if (!lower_parts_room(lower)) return ERR_ABORT;
  lower_schemas(lower);
  key_plan_init(&lower->keys, lower->mem, lower->arena, ruleset->schema_count);
  counter_lowering_init(lower);
  lower_lists(lower);
  lower_tables(lower);
  lower_live(lower);
  lower_models(lower);
  lower_schema_exprs(lower);
  lower_deriveds(lower);
  lower_windows(lower);
  lower_rules(lower);
  lower_counters_done(lower);
  lower_stages(lower);
  if (lower->error_count > 0) return ERR_ABORT;
  lower_kept(lower);
  if (lower->error_count > 0) return ERR_ABORT;
  lower_uses(lower);
  ruleset->lookup = (struct expr_lookup){.list_has = list_has, .table_get = table_get, .model_get = model_get};
  ruleset->identity_hash = identity_hash(lower);
  release_tree(lower);
  ruleset->index = index_build(ruleset, lower->options->index_off);
  ruleset->predicate_nodes = NULL; /* they go with the compilation */
  return 0;
}

static void lower_free(struct lower *lower) {
  arena_free(&lower->scratch);
  arena_free(&lower->work);
  buf_free(&lower->text);
  predicate_table_free(&lower->predicates);
  key_plan_free(&lower->keys);
  counter_lowering_free(lower);
  map_text_free(&lower->regexes);
  map_text_free(&lower->zones);
  map_text_free(&lower->words);
  mem_free(lower->mem, lower->regex_items);
  mem_free(lower->mem, lower->zone_items);
  mem_free(lower->mem, lower->word_items);
}

/* Under the guard. Everything lives in `mem`, so a jump out of here leaves nothing that mem_free_all() does not find.
 */
static int compile_in(struct mem *mem, struct tree *tree, const struct ruleset_options *options, struct diags *diags,
                      struct ruleset **out) {
  struct ruleset *ruleset = mem_alloc(mem, sizeof *ruleset);
  struct lower *lower = mem_alloc(mem, sizeof *lower);
  ruleset->mem = mem;
  ruleset->references = 1;
  ruleset->tree = tree;
  ruleset->arena = mem_alloc(mem, sizeof *ruleset->arena);
  arena_init(ruleset->arena, mem, ARENA_CHUNK_BYTES);
  *lower = (struct lower){
      .tree = tree, .options = options, .diags = diags, .ruleset = ruleset, .mem = mem, .arena = ruleset->arena};
  arena_init(&lower->scratch, mem, SCRATCH_CHUNK_BYTES);
  arena_init(&lower->work, mem, SCRATCH_CHUNK_BYTES);
  buf_init(&lower->text, mem);
  predicate_table_init(&lower->predicates, mem, ruleset->arena, &lower->work);
  map_text_init(&lower->regexes, mem);
  map_text_init(&lower->zones, mem);
  map_text_init(&lower->words, mem);
  lower->regex_scratch = regex_scratch_new(mem);
  int result = compile(lower);
  lower_free(lower);
  mem_free(mem, lower);
  *out = ruleset;
  return result;
}

static void free_context(void *mem) { mem_free_all(mem); }

int ruleset_compile(struct tree *tree, const struct ruleset_options *options, struct diags *diags,
                    struct ruleset **ruleset, struct err *err) {
  *ruleset = NULL;
  if (!check_runnable(tree, options->for_run ? diags : NULL) && options->for_run) {
    diags_sort(diags);
    return err_set(err, ERR_ABORT, "the rules use constructs that are not run yet");
  }
  struct mem *mem = mem_new(0);
  if (mem == NULL) return err_set(err, ERR_FATAL, "not enough memory to compile the rules");
  mem_fail_at(mem, options->fail_at);
  /* Errors are told in the caller's memory: should that run out, ours must not stay behind. */
  struct mem *callers = diags->arena->mem;
  mem_defer(callers, free_context, mem);
  int result;
  if (MEM_GUARD(mem)) {
    result = err_set(err, ERR_FATAL, "not enough memory to compile the rules");
  } else {
    result = compile_in(mem, tree, options, diags, ruleset);
    mem_unguard(mem);
    if (result != 0) err_set(err, ERR_ABORT, "the rules have errors");
  }
  mem_undefer(callers, mem, false);
  if (result == 0) return 0;
  *ruleset = NULL;
  mem_free_all(mem);
  diags_sort(diags);
  return result;
}

struct ruleset *ruleset_ref(struct ruleset *ruleset) {
  __atomic_add_fetch(&ruleset->references, 1, __ATOMIC_RELAXED);
  return ruleset;
}

void ruleset_unref(struct ruleset *ruleset) {
  if (ruleset == NULL || __atomic_sub_fetch(&ruleset->references, 1, __ATOMIC_ACQ_REL) > 0) return;
  mem_free_all(ruleset->mem);
}
