/* bench.h - what the benchmarks of rules share: rule sets from text. Header only; a benchmark is one program. */
#ifndef WEIR_BENCH_BENCH_H
#define WEIR_BENCH_BENCH_H

#include "base/check.h"
#include "bench/clock.h"
#include "rules/check.h"
#include "rules/index.h"
#include "rules/parse.h"

/* Rules that must be fine: errors are printed and end the program. */
static inline struct ruleset *bench_rules(struct slice text, bool scan) {
  struct mem *mem = mem_new(0);
  struct arena *arena = mem_alloc(mem, sizeof *arena);
  arena_init(arena, mem, 1 << 16);
  struct tree *tree = arena_new(arena, struct tree);
  tree->arena = arena;
  struct diags diags;
  struct err err = {0};
  diags_init(&diags, arena);
  struct env *env = (struct env *)(uintptr_t)env_real();
  struct check_options check_options = {0};
  struct ruleset_options options = {.env = env, .for_run = true};
  struct ruleset *ruleset = NULL;
  if (MEM_GUARD(mem)) exit(4);
  int status = parse_file(tree, SLICE("bench.weir"), text, &diags);
  if (diags.error_count == 0) status = check_tree(tree, &check_options, &diags);
  if (diags.error_count == 0) status = ruleset_compile(tree, &options, &diags, &ruleset, &err);
  if (ruleset == NULL) {
    struct buf out;
    buf_init(&out, mem);
    for (uint32_t i = 0; i < diags.count; i++) diag_print(&out, tree, &diags.items[i]);
    fprintf(stderr, "%s%s (%d)\n", buf_text(&out), err.text, status);
    exit(1);
  }
  mem_unguard(mem);
  if (scan) ruleset->index = index_build(ruleset, true);
  return ruleset; /* with the tree's memory, until the program ends */
}

static inline int bench_slot(const struct ruleset *ruleset, const char *type, const char *field, uint16_t *schema_id) {
  for (uint16_t s = 0; s < ruleset->schema_count; s++) {
    const struct schema *schema = &ruleset->schemas[s];
    if (!slice_equal(schema->name, slice_of(type))) continue;
    *schema_id = s;
    for (uint16_t f = 0; f < schema->field_count; f++)
      if (slice_equal(schema->fields[f].name, slice_of(field)) && schema->fields[f].used) return schema->fields[f].slot;
  }
  return -1;
}

#endif
