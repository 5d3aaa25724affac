/* floors: rules nfa base */
/* fuzz_rules_json.c - the JSON form of any bytes: refused with a cause, or read to a text that parses; the JSON of that
 * text comes back as the same text. */
#include <stdint.h>

#include "base/check.h"
#include "rules/json_form.h"
#include "rules/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES_MAX = 1 << 30, CHUNK_BYTES = 1 << 16 };

static void round_trip(struct mem *mem, struct slice json) {
  struct arena arena;
  struct tree tree = {.arena = &arena};
  struct diags diags;
  struct buf text, again, back;
  struct err err;
  err_clear(&err);
  arena_init(&arena, mem, CHUNK_BYTES);
  diags_init(&diags, &arena);
  buf_init(&text, mem);
  if (json_form_to_text(mem, json, &text, &err) != 0) {
    check(err.class == ERR_ABORT && err.text[0] != '\0');
    check(json_form_read(&tree, SLICE("fuzz.json"), json, &diags) != 0 && diags.error_count > 0);
    diag_print(&text, &tree, &diags.items[0]);
    return;
  }
  buf_init(&again, mem);
  buf_init(&back, mem);
  check(json_form_read(&tree, SLICE("fuzz.json"), json, &diags) == 0);
  json_form_write(&again, &tree, 0);
  check(json_form_to_text(mem, buf_view(&again), &back, &err) == 0);
  check(text.length == back.length && (text.length == 0 || memcmp(text.data, back.data, text.length) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct mem *mem = mem_new(MEMORY_BYTES_MAX);
  if (mem == NULL) return 0;
  if (!MEM_GUARD(mem)) round_trip(mem, (struct slice){(const char *)data, size});
  mem_free_all(mem);
  return 0;
}
