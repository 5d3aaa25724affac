/* floors: base */
/* fuzz_model.c - any bytes as a model's file: refused with a cause, or read to a model that gives each of a few rows a
 * finite score or null, whose shares add up to what they explain. The inputs are those that the file names, so that
 * files get as far as they can. */
#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/check.h"
#include "base/float_math.h"
#include "base/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES_MAX = 1 << 30, CHUNK_BYTES = 1 << 16, JSON_BYTES_MAX = 1 << 18, ROWS = 4 };

static uint32_t names_of_members(const cJSON *object, struct slice *names) {
  uint32_t count = 0;
  if (!cJSON_IsObject(object)) return 0;
  for (const cJSON *member = object->child; member != NULL && count < MODEL_INPUTS_MAX; member = member->next) {
    struct slice name = slice_of(member->string);
    bool known = false;
    for (uint32_t i = 0; i < count; i++) known |= slice_equal(names[i], name);
    if (!known) names[count++] = name;
  }
  return count;
}

/* As the rule file's `in` would be if whoever wrote it had looked. */
static uint32_t names_of(const cJSON *root, struct slice *names) {
  static const char letters[] = "abcdefgh";
  const cJSON *learner = cJSON_GetObjectItemCaseSensitive(root, "learner");
  const cJSON *features = cJSON_GetObjectItemCaseSensitive(learner, "feature_names"), *item;
  uint32_t count = names_of_members(cJSON_GetObjectItemCaseSensitive(root, "inputs"), names);
  if (count > 0) return count;
  cJSON_ArrayForEach(item, features) {
    bool known = false;
    if (!cJSON_IsString(item) || count == MODEL_INPUTS_MAX) continue;
    for (uint32_t i = 0; i < count; i++) known |= slice_equal(names[i], slice_of(item->valuestring));
    if (!known) names[count++] = slice_of(item->valuestring);
  }
  if (count > 0) return count;
  const cJSON *param = cJSON_GetObjectItemCaseSensitive(learner, "learner_model_param");
  const cJSON *features_count = cJSON_GetObjectItemCaseSensitive(param, "num_feature");
  if (cJSON_IsString(features_count)) count = (uint32_t)(features_count->valuestring[0] - '0') % sizeof letters;
  for (uint32_t i = 0; i < count; i++) names[i] = (struct slice){letters + i, 1};
  return count;
}

static struct value pick(const struct model *model, uint32_t input, unsigned row) {
  static const char *const texts[] = {"", "AA", "5411", "true"};
  if (model_refuses(model, input, TYPE(VALUE_FLOAT)) != NULL)
    return (row + input) % 5 == 0 ? value_null() : value_string(slice_of(texts[(row + input) % 4]));
  switch ((row * 7 + input * 3) % 6) {
  case 0: return value_null();
  case 1: return value_int((int64_t)input - 1);
  case 2: return value_float(0.5 - (double)row);
  case 3: return value_decimal(-123456789, 3);
  case 4: return value_bool(true);
  default: return value_float(1e300);
  }
}

static void ask(const struct model *model, struct arena *scratch, unsigned row) {
  struct value inputs[MODEL_INPUTS_MAX];
  double shares[MODEL_INPUTS_MAX], base, sum, largest;
  uint16_t order[MODEL_INPUTS_MAX];
  uint32_t count = model_input_count(model);
  for (uint32_t i = 0; i < count; i++) inputs[i] = pick(model, i, row);
  struct value score = model_score(model, inputs), again = model_score(model, inputs);
  check(value_equal(score, again));
  check(value_is_null(score) || score.kind == model_type(model).kind);
  check(score.kind != VALUE_FLOAT || float_finite(score.f));
  if (!model_shares(model, inputs, scratch, shares, &base)) {
    check(value_is_null(score));
    return;
  }
  largest = base < 0 ? -base : base;
  sum = base;
  for (uint32_t i = 0; i < count; i++) {
    check(shares[i] == shares[i]);
    largest += shares[i] < 0 ? -shares[i] : shares[i];
    sum += shares[i];
  }
  model_rank(model, shares, order);
  if (score.kind != VALUE_FLOAT || model_form_of(model) != MODEL_SCORECARD) return;
  double off = sum - score.f;
  check((off < 0 ? -off : off) <= 1e-9 * (largest + 1));
}

static void try_type(struct arena *arena, struct arena *scratch, struct model_source *source, struct type type) {
  struct err err;
  err_clear(&err);
  source->type = type;
  const struct model *model = model_load(arena, source, &err);
  if (model == NULL) {
    check(err.class == ERR_ABORT && err.text[0] != '\0' && err.file[0] != '\0' && (err.line > 0) == (err.column > 0));
    return;
  }
  char text[64];
  check(model_summary(model, text)[0] != '\0');
  for (unsigned row = 0; row < ROWS; row++) {
    ask(model, scratch, row);
    arena_reset(scratch);
  }
}

static void delete_json(void *json) { cJSON_Delete(json); }

static void run(struct mem *mem, struct slice json) {
  struct arena arena, scratch;
  struct slice names[MODEL_INPUTS_MAX];
  arena_init(&arena, mem, CHUNK_BYTES);
  arena_init(&scratch, mem, CHUNK_BYTES);
  cJSON *root = cJSON_ParseWithLength(json.data, json.length);
  if (root != NULL) mem_defer(mem, delete_json, root);
  struct model_source source = {
      .path = "fuzz.json", .json = json, .inputs = names, .input_count = names_of(root, names)};
  try_type(&arena, &scratch, &source, TYPE(VALUE_FLOAT));
  if (source.input_count > 0) try_type(&arena, &scratch, &source, TYPE_DECIMAL(3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > JSON_BYTES_MAX) return 0;
  struct mem *mem = mem_new(MEMORY_BYTES_MAX);
  if (mem == NULL) return 0;
  if (!MEM_GUARD(mem)) run(mem, (struct slice){(const char *)data, size});
  mem_free_all(mem);
  return 0;
}
