/* model.c - models: from a file to what can be asked, the names of inputs, and which form answers. Owns nothing; what
 * is loaded is the arena's. Called by rules/lower and, for every event that is scored, through expr_lookup. */
#include "base/model_core.h"

#include "base/exact.h"
#include "base/expr_number.h"
#include "base/map.h"
#include "base/number_text.h"

enum { SCRATCH_CHUNK_BYTES = 1 << 16, EXACT_MANTISSA_BITS = 53 };

/* ---- names ---- */

static void say_mismatch(struct model_reader *reader, const struct model_at *at, const char *missing_here,
                         const char *missing_there) {
  struct model_json *json = &reader->json;
  if (missing_here != NULL && missing_there != NULL)
    model_json_fail(json, at, "the model needs `%s`, which `in` has not; `in` has `%s`, which the model has not",
                    missing_here, missing_there);
  else if (missing_here != NULL)
    model_json_fail(json, at, "the model needs `%s`, which `in` has not", missing_here);
  else
    model_json_fail(json, at, "`in` has `%s`, which the model has not", missing_there);
}

bool model_match(struct model_reader *reader, const struct model_at *at, const struct slice *names, uint32_t count,
                 uint16_t *to_in) {
  struct model_json *json = &reader->json;
  const struct model_source *source = reader->source;
  if (json->failed) return false;
  struct map_text places;
  map_text_init(&places, json->mem);
  for (uint32_t i = 0; i < source->input_count; i++) *map_text_put(&places, source->inputs[i], NULL) = i;
  bool *seen = arena_array(&json->scratch, bool, source->input_count + 1u);
  const char *here = NULL, *there = NULL; /* the first name that the other side has not */
  for (uint32_t k = 0; k < count && !json->failed; k++) {
    const uint32_t *place = map_text_get(&places, names[k]);
    if (place == NULL) {
      if (here == NULL) here = model_json_shown(json, names[k]);
      continue;
    }
    if (seen[*place]) model_json_fail(json, at, "`%s` is an input twice", model_json_shown(json, names[k]));
    seen[*place] = true;
    to_in[k] = (uint16_t)*place;
  }
  map_text_free(&places);
  for (uint32_t i = 0; i < source->input_count && there == NULL; i++)
    if (!seen[i]) there = model_json_shown(json, source->inputs[i]);
  if (!json->failed && (here != NULL || there != NULL)) say_mismatch(reader, at, here, there);
  return !json->failed;
}

bool model_match_members(struct model_reader *reader, const struct model_at *at, uint16_t *to_in) {
  if (!model_json_object(&reader->json, at, NULL)) return false;
  struct slice names[MODEL_INPUTS_MAX];
  uint32_t count = 0;
  for (const cJSON *member = at->item->child; member != NULL; member = member->next) {
    if (count == MODEL_INPUTS_MAX) {
      model_json_fail(&reader->json, at, "a model has at most %d inputs", MODEL_INPUTS_MAX);
      return false;
    }
    names[count++] = slice_of(member->string == NULL ? "" : member->string);
  }
  return model_match(reader, at, names, count, to_in);
}

bool model_gives_float(struct model_reader *reader) {
  char name[32];
  if (reader->json.failed) return false;
  if (reader->source->type.kind == VALUE_FLOAT) return true;
  model_json_fail(&reader->json, NULL, "its result is a float: `out … float`, not %s",
                  type_name(reader->source->type, name));
  return false;
}

/* ---- loading ---- */

static void read_own_form(struct model_reader *reader, const struct model_at *root, const struct model_at *form) {
  struct slice text = model_json_text(&reader->json, form);
  if (reader->json.failed) return;
  if (slice_equal(text, SLICE("logistic")))
    model_logistic_read(reader, root);
  else if (slice_equal(text, SLICE("scorecard")))
    model_scorecard_read(reader, root);
  else
    model_json_fail(&reader->json, form,
                    "the forms are \"logistic\" and \"scorecard\" (and XGBoost's own JSON), not \"%s\"",
                    model_json_shown(&reader->json, text));
}

static void read_any_form(struct model_reader *reader, const cJSON *tree) {
  const struct model_at root = {.item = tree};
  struct model_json *json = &reader->json;
  const struct model_at learner = model_member(&root, "learner"), form = model_member(&root, "form");
  if (cJSON_IsArray(tree))
    model_json_fail(json, NULL, "expected an object; XGBoost writes it with save_model(), a dump does not have it all");
  else if (!cJSON_IsObject(tree))
    model_json_expected(json, &root, "an object");
  else if (learner.item != NULL)
    model_xgboost_read(reader, &root);
  else if (form.item != NULL)
    read_own_form(reader, &root, &form);
  else
    model_json_fail(json, NULL, "no model: it has neither \"learner\", as XGBoost writes, nor \"form\"");
}

static void delete_json(void *json) { cJSON_Delete(json); }

const struct model *model_load(struct arena *arena, const struct model_source *source, struct err *err) {
  struct model *model = arena_new(arena, struct model);
  struct model_reader reader = {
      .json = {.mem = arena->mem, .err = err, .path = source->path}, .arena = arena, .source = source, .model = model};
  arena_init(&reader.json.scratch, arena->mem, SCRATCH_CHUNK_BYTES);
  struct slice *names = arena_array(arena, struct slice, source->input_count);
  for (uint32_t i = 0; i < source->input_count; i++)
    names[i] =
        (struct slice){arena_copy(arena, source->inputs[i].data, source->inputs[i].length), source->inputs[i].length};
  *model = (struct model){.type = source->type, .input_count = source->input_count, .inputs = names};
  if (source->input_count > MODEL_INPUTS_MAX)
    model_json_fail(&reader.json, NULL, "a model has at most %d inputs", MODEL_INPUTS_MAX);
  cJSON *tree = reader.json.failed ? NULL : model_json_parse(&reader.json, source->json);
  if (tree != NULL) {
    mem_defer(arena->mem, delete_json, tree);
    read_any_form(&reader, tree);
    mem_undefer(arena->mem, tree, true);
  }
  arena_free(&reader.json.scratch);
  return reader.json.failed ? NULL : model;
}

/* ---- what a model is ---- */

enum model_form model_form_of(const struct model *model) { return model->form; }

const char *model_summary(const struct model *model, char out[64]) {
  if (model->form == MODEL_TREES)
    snprintf(out, 64, "boosted trees, %u of them, at most %u deep", model->trees.tree_count, model->trees.depth);
  else
    snprintf(out, 64, "%s of %u inputs", model->form == MODEL_LOGISTIC ? "logistic regression" : "scorecard",
             model->input_count);
  return out;
}

uint32_t model_input_count(const struct model *model) { return model->input_count; }

struct slice model_input_name(const struct model *model, uint32_t input) {
  return model->inputs[input];
}

struct type model_type(const struct model *model) {
  return model->type;
}

const char *model_refuses(const struct model *model, uint32_t input, struct type type) {
  bool number = number_kind(type.kind) || type.kind == VALUE_BOOL;
  if (model->form == MODEL_SCORECARD && model->scorecard.inputs[input].by_value)
    return type.kind == VALUE_STRING || type.kind == VALUE_INT || type.kind == VALUE_BOOL
               ? NULL
               : "takes a string, an int or a bool";
  return number ? NULL : "takes a number or a bool";
}

/* Of decimals the correctly rounded quotient, as number_to_float(); the division below is it where both are exact. */
double model_number_of(struct value v) {
  if (v.kind == VALUE_FLOAT) return v.f;
  if (v.kind != VALUE_DECIMAL || v.scale == 0) return (double)v.i;
  const int64_t exact = (int64_t)1 << EXACT_MANTISSA_BITS;
  if (v.i <= exact && v.i >= -exact) return (double)v.i / (double)exact_power10[v.scale];
  return exact_decimal(v.i, v.scale);
}

/* ---- asking ---- */

struct value model_score(const struct model *model, const struct value *inputs) {
  switch (model->form) {
  case MODEL_TREES: return model_trees_score(model, inputs);
  case MODEL_LOGISTIC: return model_logistic_score(model, inputs);
  default: return model_scorecard_score(model, inputs);
  }
}

bool model_shares(const struct model *model, const struct value *inputs, struct arena *scratch, double *shares,
                  double *base) {
  switch (model->form) {
  case MODEL_TREES: return model_trees_shares(model, inputs, scratch, shares, base);
  case MODEL_LOGISTIC: return model_logistic_shares(model, inputs, shares, base);
  default: return model_scorecard_shares(model, inputs, shares, base);
  }
}

void model_rank(const struct model *model, const double *shares, uint16_t *order) {
  for (uint32_t i = 0; i < model->input_count; i++) { /* by insertion: at most MODEL_INPUTS_MAX, and only for alerts */
    double magnitude = shares[i] < 0 ? -shares[i] : shares[i];
    uint32_t at = i;
    for (; at > 0; at--) {
      double before = shares[order[at - 1]];
      if ((before < 0 ? -before : before) >= magnitude) break;
      order[at] = order[at - 1];
    }
    order[at] = (uint16_t)i;
  }
}

void model_write_shares(struct buf *out, const struct model *model, const struct value *inputs, struct arena *scratch) {
  double *shares = arena_array(scratch, double, model->input_count), base;
  uint16_t *order = arena_array(scratch, uint16_t, model->input_count);
  if (!model_shares(model, inputs, scratch, shares, &base)) {
    buf_str(out, "null");
    return;
  }
  model_rank(model, shares, order);
  buf_str(out, "{\"base\":");
  number_write_float(out, exact_round_digits(base, MODEL_SHARE_DIGITS));
  buf_str(out, ",\"shares\":{");
  for (uint32_t i = 0; i < model->input_count; i++) {
    if (i > 0) buf_byte(out, ',');
    buf_json_string(out, model->inputs[order[i]]);
    buf_byte(out, ':');
    number_write_float(out, exact_round_digits(shares[order[i]], MODEL_SHARE_DIGITS));
  }
  buf_str(out, "}}");
}
