/* floors: rules nfa base */
/* fuzz_check.c - rule text of any bytes through the checker, the lints and, if it is good, the compiler: nothing
 * crashes, what the checker takes is compiled without another error than a limit or a missing file. */
#include <errno.h>
#include <stdint.h>

#include "base/check.h"
#include "rules/check.h"
#include "rules/lint.h"
#include "rules/parse.h"
#include "rules/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES_MAX = 1 << 30, CHUNK_BYTES = 1 << 16 };

/* Rule text may name any file: none is there. */
static int no_open(void *context, const char *path, enum env_open how) {
  (void)context, (void)path, (void)how;
  return -ENOENT;
}
static int no_stat(void *context, const char *path, struct env_stat *out) {
  (void)context, (void)path, (void)out;
  return -ENOENT;
}

static void check_and_compile(struct mem *mem, const uint8_t *data, size_t size) {
  struct slice text = {(const char *)data, size};
  struct arena arena;
  struct diags diags;
  struct env env = *env_real();
  struct err err = {0};
  arena_init(&arena, mem, CHUNK_BYTES);
  struct tree *tree = arena_new(&arena, struct tree);
  tree->arena = &arena;
  diags_init(&diags, &arena);
  env.open = no_open;
  env.stat = no_stat;
  struct check_options options = {.secret_key = true, .env = &env};
  if (parse_file(tree, SLICE("fuzz.weir"), text, &diags) != 0) return;
  int result = check_tree(tree, &options, &diags);
  check((result == 0) == (diags.error_count == 0));
  if (result != 0) return;
  lint_tree(tree, &diags);
  check(diags.error_count == 0);
  if (!check_runnable(tree, NULL)) return;
  struct ruleset *ruleset;
  struct ruleset_options run = {.env = &env, .for_run = true};
  if (ruleset_compile(tree, &run, &diags, &ruleset, &err) == 0) ruleset_unref(ruleset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct mem *mem = mem_new(MEMORY_BYTES_MAX);
  if (mem == NULL) return 0;
  if (!MEM_GUARD(mem)) check_and_compile(mem, data, size);
  mem_free_all(mem);
  return 0;
}
