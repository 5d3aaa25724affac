/* floors: rules nfa base */
/* fuzz_rules.c - rule text of any bytes: the parser never crashes and says its errors; what parses is printed to a text
 * that parses to the same tree (its JSON form says so) and prints to the same text again; and the JSON form comes back
 * as that text. */
#include <stdint.h>

#include "base/check.h"
#include "rules/json_form.h"
#include "rules/parse.h"
#include "rules/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES_MAX = 1 << 30, CHUNK_BYTES = 1 << 16 };

static void same(const struct buf *a, const struct buf *b) {
  check(a->length == b->length);
  check(a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

static int read_text(struct arena *arena, struct slice text, struct tree *tree, struct buf *said) {
  struct diags diags;
  *tree = (struct tree){.arena = arena};
  diags_init(&diags, arena);
  int result = parse_file(tree, SLICE("fuzz.weir"), text, &diags);
  diags_sort(&diags);
  for (uint32_t i = 0; i < diags.count; i++) {
    diag_print(said, tree, &diags.items[i]);
    diag_json(said, tree, &diags.items[i]);
  }
  check((result == 0) == (diags.error_count == 0));
  return result;
}

static void round_trip(struct mem *mem, struct slice text) {
  struct arena arena;
  struct tree first, second;
  struct buf said, printed, again, json, json_again, back;
  struct err err;
  arena_init(&arena, mem, CHUNK_BYTES);
  buf_init(&said, mem);
  if (read_text(&arena, text, &first, &said) != 0) return;
  buf_init(&printed, mem);
  buf_init(&again, mem);
  buf_init(&json, mem);
  buf_init(&json_again, mem);
  buf_init(&back, mem);
  print_file(&printed, &first, 0);
  check(read_text(&arena, buf_view(&printed), &second, &said) == 0);
  print_file(&again, &second, 0);
  same(&printed, &again);
  json_form_write(&json, &first, 0);
  json_form_write(&json_again, &second, 0);
  same(&json, &json_again);
  check(json_form_to_text(mem, buf_view(&json), &back, &err) == 0);
  same(&printed, &back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct mem *mem = mem_new(MEMORY_BYTES_MAX);
  if (mem == NULL) return 0;
  if (!MEM_GUARD(mem)) round_trip(mem, (struct slice){(const char *)data, size});
  mem_free_all(mem);
  return 0;
}
