/* run_errors.c - golden tests of messages: rule text in, the exact text of all errors and warnings out.
 *
 * usage: golden_errors [--update] FILE.test…
 *
 * A file has blocks, separated by lines `====`. A block is rule text (called test.weir in messages), a line `----`, and
 * what is printed: the messages in the form of rule-language.md, section 8. Lines before a block that begin with `## `
 * name it; `## option: run` also asks for what `run` cannot execute yet, `## option: secret` sets a key for secrets,
 * `## option: zones` skips the block on a machine without time zone data.
 * --update rewrites the files with what is printed now, for review. Ends with `N passed, N failed`. */
#include <stdio.h>

#include "base/zone.h"
#include "rules/check.h"
#include "rules/lint.h"
#include "rules/parse.h"

enum { FILE_BYTES_MAX = 16 << 20 };

struct block {
  struct slice head; /* `## ` lines, with their ends */
  struct slice text; /* rule text */
  struct slice expected;
};

struct counts {
  int passed, failed, skipped;
};

static bool has_option(struct slice head, const char *option) {
  struct slice wanted = slice_of(option);
  return head.length > 0 && memmem(head.data, head.length, wanted.data, wanted.length) != NULL;
}

static void run_in(struct mem *mem, struct buf *out, const struct block *block) {
  struct arena arena;
  arena_init(&arena, mem, 1 << 16);
  struct tree *tree = arena_new(&arena, struct tree);
  struct diags diags;
  tree->arena = &arena;
  diags_init(&diags, &arena);
  struct check_options options = {.secret_key = has_option(block->head, "option: secret"), .env = env_real()};
  int failed = parse_file(tree, SLICE("test.weir"), block->text, &diags);
  if (failed == 0) failed = check_tree(tree, &options, &diags);
  if (failed == 0) lint_tree(tree, &diags);
  if (failed == 0 && has_option(block->head, "option: run")) check_runnable(tree, &diags);
  diags_sort(&diags);
  for (uint32_t i = 0; i < diags.count; i++) diag_print(out, tree, &diags.items[i]);
  if (diags.dropped > 0) buf_printf(out, "%u more errors\n", (unsigned)diags.dropped);
}

/* The messages for one text. */
static void run_block(struct buf *out, const struct block *block) {
  struct mem *mem = mem_new(0);
  if (mem == NULL || MEM_GUARD(mem)) {
    fputs("out of memory\n", stderr);
    exit(3);
  }
  run_in(mem, out, block);
  mem_unguard(mem);
  mem_free_all(mem);
}

static bool has_zones(struct mem *mem) {
  struct arena arena;
  struct err err;
  arena_init(&arena, mem, 1 << 16);
  bool there = zone_load(&arena, env_real(), SLICE("Europe/Berlin"), &err) != NULL;
  arena_free(&arena);
  return there;
}

static struct slice take_line(struct slice *rest) {
  const char *end = memchr(rest->data, '\n', rest->length);
  size_t length = end == NULL ? rest->length : (size_t)(end - rest->data) + 1;
  struct slice line = {rest->data, length};
  rest->data += length;
  rest->length -= length;
  return line;
}

static bool is_line(struct slice line, const char *text) {
  while (line.length > 0 && (line.data[line.length - 1] == '\n' || line.data[line.length - 1] == '\r')) line.length--;
  return slice_equal(line, slice_of(text));
}

/* Lines up to (and without) one that is `mark`, which is taken; all that is left if there is none. */
static struct slice take_until(struct slice *rest, const char *mark) {
  struct slice taken = {rest->data, 0};
  while (rest->length > 0) {
    struct slice line = take_line(rest);
    if (is_line(line, mark)) return taken;
    taken.length += line.length;
  }
  return taken;
}

static bool next_block(struct slice *rest, struct block *block) {
  if (rest->length == 0) return false;
  struct slice whole = take_until(rest, "====");
  block->head = (struct slice){whole.data, 0};
  while (whole.length >= 2 && memcmp(whole.data, "##", 2) == 0) block->head.length += take_line(&whole).length;
  block->text = take_until(&whole, "----");
  block->expected = whole;
  return true;
}

static void print_with_mark(const char *mark, struct slice text) {
  while (text.length > 0) {
    struct slice line = take_line(&text);
    printf("  %s " SLICE_FMT "%s", mark, SLICE_ARG(line), line.data[line.length - 1] == '\n' ? "" : "\n");
  }
}

static void run_file(const char *path, bool update, struct counts *counts) {
  struct mem *mem = mem_new(0);
  struct err err = {0};
  struct slice content, rest;
  if (mem == NULL || MEM_GUARD(mem)) {
    fputs("out of memory\n", stderr);
    exit(3);
  }
  if (env_read_file(env_real(), mem, path, FILE_BYTES_MAX, &content, &err) != 0) {
    printf("%s\n", err.text);
    counts->failed++;
    mem_unguard(mem);
    mem_free_all(mem);
    return;
  }
  struct buf rewritten, actual;
  struct block block;
  buf_init(&rewritten, mem);
  buf_init(&actual, mem);
  rest = content;
  for (bool first = true; next_block(&rest, &block); first = false) {
    buf_clear(&actual);
    bool skipped = has_option(block.head, "option: zones") && !has_zones(mem);
    if (skipped)
      buf_slice(&actual, block.expected);
    else
      run_block(&actual, &block);
    if (!first) buf_str(&rewritten, "====\n");
    buf_slice(&rewritten, block.head);
    buf_slice(&rewritten, block.text);
    buf_str(&rewritten, "----\n");
    buf_slice(&rewritten, buf_view(&actual));
    bool same = slice_equal(buf_view(&actual), block.expected);
    skipped ? counts->skipped++ : same ? counts->passed++ : counts->failed++;
    if (same || update) continue;
    int line = 1;
    for (const char *at = content.data; at < block.head.data; at++)
      if (*at == '\n') line++;
    printf("%s:%d: " SLICE_FMT, path, line, SLICE_ARG(block.head));
    print_with_mark(" ", block.text);
    print_with_mark("-", block.expected);
    print_with_mark("+", buf_view(&actual));
  }
  if (update && env_replace_file(env_real(), path, buf_view(&rewritten), &err) != 0) printf("%s\n", err.text);
  mem_unguard(mem);
  mem_free_all(mem);
}

int main(int argc, char **argv) {
  struct counts counts = {0, 0, 0};
  bool update = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--update") == 0)
      update = true;
    else
      run_file(argv[i], update, &counts);
  }
  if (counts.skipped > 0) printf("skipped %d: no time zone data on this machine (package tzdata)\n", counts.skipped);
  printf("%d passed, %d failed\n", counts.passed, counts.failed);
  return counts.failed > 0 || counts.passed == 0;
}
