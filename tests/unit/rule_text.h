/* rule_text.h - rule text for the tests of the language's front: parsed, its errors as they are told, printed, as JSON.
 * Each helper's result stays until text_end(). */
#ifndef WEIR_TESTS_RULE_TEXT_H
#define WEIR_TESTS_RULE_TEXT_H

#include "test.h"

#include "rules/json_form.h"
#include "rules/parse.h"
#include "rules/print.h"

struct rule_text {
  struct mem *mem;
  struct arena arena;
  struct tree tree;
  struct diags diags;
  int result;
};

static inline void text_begin(struct rule_text *t) {
  *t = (struct rule_text){.mem = mem_new(0)};
  if (MEM_GUARD(t->mem)) {
    printf("out of memory\n");
    exit(1);
  }
  arena_init(&t->arena, t->mem, 1 << 16);
  t->tree.arena = &t->arena;
  diags_init(&t->diags, &t->arena);
}

static inline void text_end(struct rule_text *t) { mem_free_all(t->mem); }

static inline void text_parse_slice(struct rule_text *t, struct slice text) {
  text_begin(t);
  t->result = parse_file(&t->tree, SLICE("a.weir"), text, &t->diags);
}

static inline void text_parse(struct rule_text *t, const char *text) { text_parse_slice(t, slice_of(text)); }

/* All errors in the form of `weir check`, in the order of their places. */
static inline const char *text_errors(struct rule_text *t) {
  struct buf *out = arena_new(&t->arena, struct buf);
  buf_init(out, t->mem);
  diags_sort(&t->diags);
  for (uint32_t i = 0; i < t->diags.count; i++) diag_print(out, &t->tree, &t->diags.items[i]);
  return buf_text(out);
}

static inline const char *text_print(struct rule_text *t) {
  struct buf *out = arena_new(&t->arena, struct buf);
  buf_init(out, t->mem);
  print_file(out, &t->tree, 0);
  return buf_text(out);
}

static inline const char *text_json(struct rule_text *t) {
  struct buf *out = arena_new(&t->arena, struct buf);
  buf_init(out, t->mem);
  json_form_write(out, &t->tree, 0);
  return buf_text(out);
}

/* `text` has exactly these errors. */
#define EXPECT_ERRORS(text, errors)                                                                                    \
  do {                                                                                                                 \
    struct rule_text test_t;                                                                                           \
    text_parse(&test_t, (text));                                                                                       \
    EXPECT_TEXT(text_errors(&test_t), (errors));                                                                       \
    EXPECT_INT(test_t.result, (errors)[0] == '\0' ? 0 : ERR_ABORT);                                                    \
    text_end(&test_t);                                                                                                 \
  } while (0)

/* fmt of `text` is `printed`, and fmt of that changes nothing, nor does the way over JSON. */
#define EXPECT_PRINTED(text, printed)                                                                                  \
  do {                                                                                                                 \
    struct rule_text test_t, test_u;                                                                                   \
    text_parse(&test_t, (text));                                                                                       \
    EXPECT_TEXT(text_errors(&test_t), "");                                                                             \
    const char *test_p = text_print(&test_t);                                                                          \
    EXPECT_TEXT(test_p, (printed));                                                                                    \
    text_parse(&test_u, test_p);                                                                                       \
    EXPECT_TEXT(text_errors(&test_u), "");                                                                             \
    EXPECT_TEXT(text_print(&test_u), test_p);                                                                          \
    EXPECT_TEXT(text_json(&test_u), text_json(&test_t));                                                               \
    EXPECT_TEXT(text_back(&test_t), test_p);                                                                           \
    text_end(&test_u);                                                                                                 \
    text_end(&test_t);                                                                                                 \
  } while (0)

/* Text -> JSON -> text. */
static inline const char *text_back(struct rule_text *t) {
  struct buf *out = arena_new(&t->arena, struct buf);
  struct err err;
  err_clear(&err);
  buf_init(out, t->mem);
  if (json_form_to_text(t->mem, slice_of(text_json(t)), out, &err) != 0)
    return arena_printf(&t->arena, "error: %s", err.text);
  return buf_text(out);
}

#endif
