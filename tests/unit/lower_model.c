/* floors: base nfa rules */
/* lower_model.c - a model's file as the rule file names it: beside it, its inputs in the order of `in`, errors at the
 * file's place. */
#include "rules/lower_model.h"

#include <errno.h>

#include "one_file.h"
#include "rules/parse.h"
#include "test.h"

struct fixture {
  struct mem *mem;
  struct arena arena;
  struct tree tree;
  struct diags diags;
  struct env env;
  struct files files;
  struct ruleset_options options;
  struct ruleset ruleset;
  struct lower lower;
  const struct model_tree *declared;
  const struct model *model;
};

static void set_up(struct fixture *f, const char *rules, const char *name, const char *content) {
  memset(f, 0, sizeof *f);
  f->mem = mem_new(0);
  f->files = (struct files){.name = name, .text = content};
  f->env = *env_real();
  files_env(&f->files, &f->env);
  arena_init(&f->arena, f->mem, 1 << 14);
  f->tree.arena = &f->arena;
  diags_init(&f->diags, &f->arena);
  EXPECT_INT(parse_file(&f->tree, SLICE("rules/a.weir"), slice_of(rules), &f->diags), 0);
  f->options.env = &f->env;
  f->lower = (struct lower){.tree = &f->tree,
                            .options = &f->options,
                            .diags = &f->diags,
                            .ruleset = &f->ruleset,
                            .mem = f->mem,
                            .arena = &f->arena};
  arena_init(&f->lower.scratch, f->mem, 1 << 14);
  f->declared = f->tree.decls[0].model;
  f->model = lower_model_file(&f->lower, f->declared);
}
static void tear_down(struct fixture *f) { mem_free_all(f->mem); }

static const char *said(struct fixture *f) {
  struct buf *out = arena_new(&f->arena, struct buf);
  buf_init(out, f->mem);
  for (uint32_t i = 0; i < f->diags.count; i++) diag_print(out, &f->tree, &f->diags.items[i]);
  return buf_text(out);
}

#define DECLARED "model risk from file \"m/risk.json\" { in amount, n_1h out score float }"
#define PLACE "rules/a.weir:1:22: error: "
#define SOURCE                                                                                                         \
  "    1 | " DECLARED "\n"                                                                                             \
  "      |                      ^^^^^^^^^^^^^"

static const char risk[] = "{\"form\":\"logistic\",\"intercept\":0,\"inputs\":{\"n_1h\":{\"weight\":3},\"amount\":{"
                           "\"weight\":2}}}";

TEST(a_file_beside_the_rules) {
  struct fixture f;
  set_up(&f, DECLARED, "rules/m/risk.json", risk);
  EXPECT_TEXT(said(&f), "");
  EXPECT(f.model != NULL && model_input_count(f.model) == 2);
  EXPECT(slice_equal(model_input_name(f.model, 0), SLICE("amount")));
  double shares[2], base;
  struct value row[] = {value_int(1), value_int(1)};
  EXPECT(model_shares(f.model, row, &f.arena, shares, &base) && shares[0] == 2 && shares[1] == 3);
  EXPECT(f.lower.data_hash != 0 && f.lower.error_count == 0);
  EXPECT(f.ruleset.files != NULL && f.ruleset.files->next == NULL);
  EXPECT_TEXT(f.ruleset.files->path, "rules/m/risk.json");
  uint64_t hash = f.lower.data_hash;
  tear_down(&f);
  set_up(&f, "model risk from file \"/x/risk.json\" { in amount, n_1h out score float }", "/x/risk.json", risk);
  EXPECT(f.model != NULL && f.lower.data_hash != hash);
  tear_down(&f);
}

TEST(broken_files) {
  struct fixture f;
  set_up(&f, DECLARED, "rules/other.json", risk);
  EXPECT(f.model == NULL && f.lower.error_count == 1);
  EXPECT_TEXT(said(&f), PLACE "cannot read `rules/m/risk.json`: No such file or directory\n" SOURCE
                              " a path counts from the folder of the rule file\n");
  tear_down(&f);
  set_up(&f, DECLARED, "rules/m/risk.json", "{\"form\":\n \"logistic\"");
  EXPECT(f.model == NULL && f.lower.error_count == 1);
  EXPECT_TEXT(said(&f), PLACE "rules/m/risk.json:2:12: not JSON: it ends too early\n" SOURCE "\n");
  tear_down(&f);
  set_up(&f, "model risk from file \"m/risk.json\" { in amount, n_24h out score float }", "rules/m/risk.json", risk);
  EXPECT(f.model == NULL &&
         strstr(said(&f), "rules/m/risk.json: inputs: the model needs `n_1h`, which `in` has not; `in` has "
                          "`n_24h`, which the model has not\n") != NULL);
  tear_down(&f);
}

TEST(types_of_inputs) {
  struct fixture f;
  set_up(&f, DECLARED, "rules/m/risk.json", risk);
  EXPECT(lower_model_takes(&f.lower, f.declared, f.model, (struct type[]){TYPE_DECIMAL(2), TYPE(VALUE_BOOL)},
                           f.declared->name.span));
  EXPECT_TEXT(said(&f), "");
  EXPECT(!lower_model_takes(&f.lower, f.declared, f.model, (struct type[]){TYPE(VALUE_INT), TYPE(VALUE_STRING)},
                            f.declared->name.span));
  EXPECT(!lower_model_takes(&f.lower, f.declared, f.model, (struct type[]){TYPE(VALUE_DURATION), TYPE(VALUE_INT)},
                            f.declared->name.span));
  EXPECT_TEXT(said(&f),
              "rules/a.weir:1:7: error: the input `n_1h` of the model `risk` takes a number or a bool, not string\n"
              "    1 | " DECLARED "\n"
              "      |       ^^^^\n"
              "rules/a.weir:1:7: error: the input `amount` of the model `risk` takes a number or a bool, not duration\n"
              "    1 | " DECLARED "\n"
              "      |       ^^^^ a computed field makes a number of it: `seconds float = wait / 1s`\n");
  tear_down(&f);
}

TEST_MAIN
