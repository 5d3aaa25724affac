/* lower_model.c - models: from files beside the rule file. Owns nothing that stays but what it puts into the rule set's
 * arena; called by the other files of lowering. */
#include "rules/lower_model.h"

static const char *path_of(struct lower *lower, const struct model_tree *tree) {
  struct slice path = tree->file, folder = lower->tree->files[tree->file_span.file].name;
  if (path.length > 0 && path.data[0] == '/') folder.length = 0;
  while (folder.length > 0 && folder.data[folder.length - 1] != '/') folder.length--;
  return arena_printf(&lower->scratch, SLICE_FMT SLICE_FMT, SLICE_ARG(folder), SLICE_ARG(path));
}

const struct model *lower_model_file(struct lower *lower, const struct model_tree *tree) {
  const char *path = path_of(lower, tree);
  struct model_source source = {.path = path, .input_count = tree->in_count, .type = tree->out_type};
  struct err err;
  err_clear(&err);
  if (env_read_file(lower->options->env, lower->mem, path, MODEL_FILE_BYTES_MAX, &source.json, &err) != 0) {
    lower_error(lower, tree->file_span, "missing-file", "a path counts from the folder of the rule file", "%s",
                err.text);
    return NULL;
  }
  lower->data_hash ^= hash_bytes_seed(source.json.data, source.json.length, hash_bytes(path, strlen(path)));
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
