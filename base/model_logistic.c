/* model_logistic.c - logistic regressions in the house's own JSON (docs/models.md). Called by model.c.
 *
 *   log odds = intercept + sum of  weight * (x - mean) / scale
 *   score    = 1 / (1 + exp(-log odds))
 *
 * A null input is taken as its `null`, else as its `mean` (so that it adds nothing); without either there is no
 * score. Terms are added in the order of `in`. */
#include "base/model_core.h"

#include "base/float_math.h"

static double optional_number(struct model_json *json, const struct model_at *at, double otherwise) {
  return at->item == NULL ? otherwise : model_json_number(json, at);
}

static void read_input(struct model_json *json, const struct model_at *at, struct logistic_input *input) {
  if (!model_json_object(json, at, "weight mean scale null")) return;
  const struct model_at weight = model_member(at, "weight"), mean = model_member(at, "mean");
  const struct model_at scale = model_member(at, "scale"), null = model_member(at, "null");
  input->weight = model_json_number(json, &weight);
  input->mean = optional_number(json, &mean, 0);
  input->scale = optional_number(json, &scale, 1);
  input->null = optional_number(json, &null, input->mean);
  input->takes_null = null.item != NULL || mean.item != NULL;
  if (!json->failed && !(input->scale > 0)) model_json_expected(json, &scale, "a number above 0");
}

void model_logistic_read(struct model_reader *reader, const struct model_at *root) {
  struct model_json *json = &reader->json;
  const struct model_at intercept = model_member(root, "intercept"), members = model_member(root, "inputs");
  uint16_t to_in[MODEL_INPUTS_MAX];
  reader->model->form = MODEL_LOGISTIC;
  if (!model_gives_float(reader) || !model_json_object(json, root, "form intercept inputs")) return;
  struct logistic_input *inputs = arena_array(reader->arena, struct logistic_input, reader->source->input_count);
  reader->model->logistic = (struct model_logistic){model_json_number(json, &intercept), inputs};
  if (!model_match_members(reader, &members, to_in)) return;
  uint32_t k = 0;
  for (const cJSON *item = members.item->child; item != NULL; item = item->next, k++) {
    const struct model_at at = {item, &members, item->string, 0};
    read_input(json, &at, &inputs[to_in[k]]);
  }
}

/* False: the input is null, and nothing says what that means. */
static bool term(const struct logistic_input *input, struct value v, double *out) {
  if (v.kind == VALUE_NULL && !input->takes_null) return false;
  double x = v.kind == VALUE_NULL ? input->null : model_number_of(v);
  *out = input->weight * ((x - input->mean) / input->scale);
  return true;
}

struct value model_logistic_score(const struct model *model, const struct value *inputs) {
  double sum = model->logistic.intercept, more;
  for (uint32_t i = 0; i < model->input_count; i++) {
    if (!term(&model->logistic.inputs[i], inputs[i], &more)) return value_null();
    sum += more;
  }
  return float_finite(sum) ? value_float(1.0 / (1.0 + float_exp(-sum))) : value_null();
}

bool model_logistic_shares(const struct model *model, const struct value *inputs, double *shares, double *base) {
  double sum = *base = model->logistic.intercept;
  for (uint32_t i = 0; i < model->input_count; i++) {
    if (!term(&model->logistic.inputs[i], inputs[i], &shares[i])) return false;
    sum += shares[i];
  }
  return float_finite(sum);
}
