/* lower_model.c - models: from files beside the rule file. Owns nothing that stays but what it puts into the rule set's
 * arena; called by the other files of lowering. */
#include "rules/lower_model.h"

const struct model *lower_model_file(struct lower *lower, const struct model_tree *tree) {
  struct model_source source = {.input_count = tree->in_count, .type = tree->out_type};
  struct err err;
  err_clear(&err);
  source.path = lower_read_file(lower, tree->file_span, tree->file, MODEL_FILE_BYTES_MAX, &source.json);
  if (source.path == NULL) return NULL;
  struct slice *inputs = arena_array(&lower->scratch, struct slice, tree->in_count);
  for (uint16_t i = 0; i < tree->in_count; i++) inputs[i] = tree->in[i].text;
  source.inputs = inputs;
  const struct model *model = model_load(lower->arena, &source, &err);
  mem_free(lower->mem, (char *)source.json.data);
  if (model == NULL && err.line > 0)
    lower_error(lower, tree->file_span, "broken-file", NULL, "%s:%d:%d: %s", err.file, err.line, err.column, err.text);
  else if (model == NULL)
    lower_error(lower, tree->file_span, "broken-file", NULL, "%s: %s", err.file, err.text);
  return model;
}

bool lower_model_takes(struct lower *lower, const struct model_tree *tree, const struct model *model,
                       const struct type *types, struct span span) {
  char name[32];
  for (uint16_t i = 0; i < tree->in_count; i++) {
    const char *takes = model_refuses(model, i, types[i]);
    if (takes == NULL) continue;
    bool time = types[i].kind == VALUE_DURATION || types[i].kind == VALUE_TIME;
    lower_error(lower, span, "type-mismatch",
                time ? "a computed field makes a number of it: `seconds float = wait / 1s`" : NULL,
                "the input `" SLICE_FMT "` of the model `" SLICE_FMT "` %s, not %s", SLICE_ARG(tree->in[i].text),
                SLICE_ARG(tree->name.text), takes, type_name(types[i], name));
    return false;
  }
  return true;
}

void lower_models(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  uint16_t count = 0;
  for (uint32_t d = 0; d < lower->tree->decl_count; d++)
    if (lower->tree->decls[d].kind == DECL_MODEL) count++;
  ruleset->models = arena_array(lower->arena, struct model_def, count);
  lower->models = arena_array(&lower->work, const struct model_tree *, count);
  for (uint32_t d = 0; d < lower->tree->decl_count; d++) {
    if (lower->tree->decls[d].kind != DECL_MODEL) continue;
    const struct model_tree *tree = lower->tree->decls[d].model;
    struct slice *inputs = arena_array(lower->arena, struct slice, tree->in_count);
    for (uint16_t i = 0; i < tree->in_count; i++) inputs[i] = lower_shared(lower, tree->in[i].text);
    lower->models[ruleset->model_count] = tree;
    ruleset->models[ruleset->model_count++] = (struct model_def){.name = lower_slice(lower, tree->name.text),
                                                                 .type = tree->out_type,
                                                                 .input_count = tree->in_count,
                                                                 .inputs = inputs,
                                                                 .model = lower_model_file(lower, tree)};
  }
}

/* An input: a counter of that name, else the event's field. */
static struct expr_node *input_of(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr,
                                  struct slice name) {
  for (uint16_t i = 0; i < lower->counters.name_count; i++) {
    if (!slice_equal(lower->counters.names[i], name)) continue;
    struct tree_expr counter = {.kind = TREE_PATH, .span = expr->span, .ref = {.kind = REF_COUNTER, .index = i}};
    return lower_counting(lower, scope, &counter);
  }
  const struct schema *schema = &lower->ruleset->schemas[scope->type];
  for (uint16_t f = 0; f < schema->field_count; f++)
    if (slice_equal(schema->fields[f].name, name) && schema->fields[f].used)
      return lower_input(lower, BANK_EVENT, schema->fields[f].slot, schema->fields[f].type);
  lower_error(lower, expr->span, "unknown-field", NULL, "there is no field `" SLICE_FMT "` to give to the model",
              SLICE_ARG(name));
  return NULL;
}

/* What the rule's alerts say of it: `reasons`. */
static void ask_for_reasons(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr,
                            const struct expr_node *node) {
  struct model_asks *asks = &lower->model_asks;
  for (uint16_t i = 0; i < asks->count; i++)
    if (asks->items[i].model == node->index && asks->items[i].type == scope->type) return;
  if (asks->count == asks->capacity) {
    asks->capacity = asks->capacity == 0 ? 4 : (uint16_t)(2 * asks->capacity);
    struct model_ask *items = arena_array(&lower->work, struct model_ask, asks->capacity);
    if (asks->count > 0) memcpy(items, asks->items, asks->count * sizeof *items);
    asks->items = items;
  }
  const struct expr **inputs = arena_array(lower->arena, const struct expr *, node->child_count + 1u);
  for (uint16_t i = 0; i < node->child_count; i++) inputs[i] = lower_compile(lower, node->children[i], expr->span);
  asks->items[asks->count++] = (struct model_ask){.model = node->index, .type = scope->type, .inputs = inputs};
}

struct expr_node *lower_model_value(struct lower *lower, const struct lower_scope *scope,
                                    const struct tree_expr *expr) {
  const struct model_tree *tree = lower->models[expr->ref.index];
  const struct model_def *def = &lower->ruleset->models[expr->ref.index];
  if (def->model == NULL) return NULL; /* said */
  struct expr_node *node = lower_node(lower, EXPR_MODEL, tree->out_type, tree->in_count);
  struct type *types = arena_array(&lower->scratch, struct type, tree->in_count + 1u);
  node->index = expr->ref.index;
  for (uint16_t i = 0; i < tree->in_count; i++) {
    node->children[i] = input_of(lower, scope, expr, tree->in[i].text);
    if (node->children[i] == NULL) return NULL;
    types[i] = node->children[i]->type;
  }
  if (!lower_model_takes(lower, tree, def->model, types, expr->span)) return NULL;
  ask_for_reasons(lower, scope, expr, node);
  return node;
}
