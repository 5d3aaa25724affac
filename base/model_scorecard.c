/* model_scorecard.c - scorecards in the house's own JSON (docs/models.md). Called by model.c.
 *
 * The score is `base` and the points of each input: of the bin that a number is in, or of the value that it has. Points
 * are decimals, so they are added as whole numbers, exactly. A null, or a value that is not listed, without points of
 * its own gives no score. */
#include "base/model_core.h"

#include "base/decimal.h"
#include "base/number_text.h"
#include "base/sort.h"

enum { POINTS_MAX = 1000000000 };

/* All points of one card, while it is read: at MODEL_POINTS_DIGITS_MAX digits. */
struct card_reader {
  struct model_reader *reader;
  struct model_json *json;
  uint64_t largest; /* the most that the score can be, at those digits */
  unsigned scale;   /* digits that are needed */
};

/* ---- reading ---- */

static int64_t read_points(struct card_reader *card, const struct model_at *at) {
  struct model_json *json = card->json;
  double number = model_json_number(json, at);
  int64_t points = 0;
  if (json->failed) return 0;
  if (number < -POINTS_MAX || number > POINTS_MAX) {
    model_json_fail(json, at, "points are between -1,000,000,000 and 1,000,000,000");
    return 0;
  }
  char text[NUMBER_TEXT_MAX];
  struct slice digits = {text, number_float_text(text, number)};
  if (decimal_parse(digits, MODEL_POINTS_DIGITS_MAX, DECIMAL_EXACT, &points) != NUMBER_OK) {
    model_json_fail(json, at, "points have at most %d digits after the point", MODEL_POINTS_DIGITS_MAX);
    return 0;
  }
  for (unsigned scale = card->scale; scale < MODEL_POINTS_DIGITS_MAX; scale++)
    if (points % decimal_power(MODEL_POINTS_DIGITS_MAX - scale) != 0) card->scale = scale + 1;
  return points;
}

static void add_largest(uint64_t *largest, int64_t points) {
  uint64_t magnitude = points < 0 ? -(uint64_t)points : (uint64_t)points;
  if (magnitude > *largest) *largest = magnitude;
}

static int64_t optional_points(struct card_reader *card, const struct model_at *at, bool *there, uint64_t *largest) {
  *there = at->item != NULL;
  int64_t points = *there ? read_points(card, at) : 0;
  add_largest(largest, points);
  return points;
}

static void read_bins(struct card_reader *card, const struct model_at *bins, struct scorecard_input *input,
                      uint64_t *largest) {
  struct model_json *json = card->json;
  uint32_t count = model_json_array(json, bins, MODEL_VALUES_MAX), i = 0;
  if (!json->failed && count == 0) model_json_fail(json, bins, "at least one bin is needed");
  if (json->failed) return;
  double *below = arena_array(card->reader->arena, double, count);
  int64_t *points = arena_array(card->reader->arena, int64_t, count);
  *input = (struct scorecard_input){.count = count, .below = below, .points = points};
  for (const cJSON *item = bins->item->child; item != NULL && !json->failed; item = item->next, i++) {
    const struct model_at bin = model_element(bins, item, i);
    if (!model_json_object(json, &bin, "below points")) return;
    const struct model_at limit = model_member(&bin, "below"), of_bin = model_member(&bin, "points");
    bool last = i + 1 == count;
    points[i] = read_points(card, &of_bin);
    add_largest(largest, points[i]);
    if (last && limit.item != NULL)
      model_json_fail(json, &limit, "the last bin has no `below`: it takes all that is left");
    if (last) return;
    below[i] = model_json_number(json, &limit);
    if (i > 0 && !(below[i] > below[i - 1])) model_json_fail(json, &limit, "the bins' `below` rise");
  }
}

struct listed_value {
  struct slice text;
  int64_t points;
};

static int order_values(const void *a, const void *b) {
  return slice_compare(((const struct listed_value *)a)->text, ((const struct listed_value *)b)->text);
}

static void read_values(struct card_reader *card, const struct model_at *values, struct scorecard_input *input,
                        uint64_t *largest) {
  struct model_json *json = card->json;
  struct arena *arena = card->reader->arena;
  uint32_t count = 0, i = 0;
  if (!model_json_object(json, values, NULL)) return;
  for (const cJSON *item = values->item->child; item != NULL; item = item->next) count++;
  struct listed_value *listed = arena_array(&json->scratch, struct listed_value, count + 1u);
  for (const cJSON *item = values->item->child; item != NULL && !json->failed; item = item->next, i++) {
    const struct model_at at = {item, values, item->string, 0};
    listed[i] = (struct listed_value){slice_of(item->string == NULL ? "" : item->string), read_points(card, &at)};
    add_largest(largest, listed[i].points);
  }
  if (json->failed) return;
  sort_items(listed, count, sizeof *listed, order_values, &json->scratch);
  struct slice *texts = arena_array(arena, struct slice, count);
  int64_t *points = arena_array(arena, int64_t, count);
  for (i = 0; i < count; i++) {
    if (i > 0 && slice_equal(listed[i].text, listed[i - 1].text)) {
      model_json_fail(json, values, "the value \"%s\" stands twice", model_json_shown(json, listed[i].text));
      return;
    }
    texts[i] = (struct slice){arena_copy(arena, listed[i].text.data, listed[i].text.length), listed[i].text.length};
    points[i] = listed[i].points;
  }
  *input = (struct scorecard_input){.by_value = true, .count = count, .values = texts, .points = points};
}

static void read_input(struct card_reader *card, const struct model_at *at, struct scorecard_input *input) {
  struct model_json *json = card->json;
  uint64_t largest = 0;
  if (!model_json_object(json, at, "bins values other null")) return;
  const struct model_at bins = model_member(at, "bins"), values = model_member(at, "values");
  const struct model_at other = model_member(at, "other"), null = model_member(at, "null");
  if ((bins.item == NULL) == (values.item == NULL))
    model_json_fail(json, at, "an input has either `bins` or `values`");
  else if (bins.item != NULL)
    read_bins(card, &bins, input, &largest);
  else
    read_values(card, &values, input, &largest);
  if (!json->failed && bins.item != NULL && other.item != NULL)
    model_json_fail(json, &other, "`other` stands beside `values`; of bins the last one takes all that is left");
  if (json->failed) return;
  input->other_points = optional_points(card, &other, &input->takes_other, &largest);
  input->null_points = optional_points(card, &null, &input->takes_null, &largest);
  card->largest += largest; /* MODEL_INPUTS_MAX * POINTS_MAX * 10^MODEL_POINTS_DIGITS_MAX is far below 2^63 */
}

/* Whether every score fits `out`. */
static void check_type(struct card_reader *card) {
  struct model_json *json = card->json;
  struct type type = card->reader->source->type;
  char name[32];
  if (json->failed || type.kind == VALUE_FLOAT) return;
  type_name(type, name);
  if (type.kind != VALUE_INT && type.kind != VALUE_DECIMAL) {
    model_json_fail(json, NULL, "its result is a float, an int or a decimal, not %s", name);
    return;
  }
  unsigned digits = type.kind == VALUE_INT ? 0 : type.scale;
  unsigned __int128 most = card->largest;
  if (card->scale > digits)
    model_json_fail(json, NULL, "its points have %u digits after the point, more than %s has", card->scale, name);
  else if (most * (unsigned __int128)decimal_power(digits) >
           (unsigned __int128)INT64_MAX * (unsigned __int128)decimal_power(MODEL_POINTS_DIGITS_MAX))
    model_json_fail(json, NULL, "its score can be beyond the range of %s", name);
}

/* From MODEL_POINTS_DIGITS_MAX digits to those that are needed. */
static void shorten(int64_t *points, uint32_t count, unsigned scale) {
  for (uint32_t i = 0; i < count; i++) points[i] /= decimal_power(MODEL_POINTS_DIGITS_MAX - scale);
}

void model_scorecard_read(struct model_reader *reader, const struct model_at *root) {
  struct model_json *json = &reader->json;
  struct model_scorecard *scorecard = &reader->model->scorecard;
  struct card_reader card = {.reader = reader, .json = json};
  const struct model_at base = model_member(root, "base"), members = model_member(root, "inputs");
  uint16_t to_in[MODEL_INPUTS_MAX];
  reader->model->form = MODEL_SCORECARD;
  if (!model_json_object(json, root, "form base inputs")) return;
  struct scorecard_input *inputs = arena_array(reader->arena, struct scorecard_input, reader->source->input_count);
  bool there;
  scorecard->base = optional_points(&card, &base, &there, &card.largest);
  scorecard->inputs = inputs;
  if (!model_match_members(reader, &members, to_in)) return;
  uint32_t k = 0;
  for (const cJSON *item = members.item->child; item != NULL && !json->failed; item = item->next, k++) {
    const struct model_at at = {item, &members, item->string, 0};
    read_input(&card, &at, &inputs[to_in[k]]);
  }
  check_type(&card);
  if (json->failed) return;
  scorecard->scale = card.scale;
  shorten(&scorecard->base, 1, card.scale);
  for (uint32_t i = 0; i < reader->source->input_count; i++) {
    shorten((int64_t *)inputs[i].points, inputs[i].count, card.scale);
    shorten(&inputs[i].null_points, 1, card.scale);
    shorten(&inputs[i].other_points, 1, card.scale);
  }
}

/* ---- score ---- */

static uint32_t bin_of(const struct scorecard_input *input, double x) {
  uint32_t low = 0, high = input->count - 1; /* the first bin whose limit is above x, else the last */
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (x < input->below[middle])
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static bool find_value(const struct scorecard_input *input, struct slice text, uint32_t *place) {
  uint32_t low = 0, high = input->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = slice_compare(text, input->values[middle]);
    *place = middle;
    if (order == 0) return true;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return false;
}

/* The text that a value is listed by. */
static struct slice listed_text(struct value v, char text[NUMBER_TEXT_MAX]) {
  if (v.kind == VALUE_STRING) return value_slice(v);
  if (v.kind == VALUE_BOOL) return v.i != 0 ? SLICE("true") : SLICE("false");
  return (struct slice){text, number_int_text(text, v.i)};
}

/* False: there are no points for it. */
static bool points_of(const struct scorecard_input *input, struct value v, int64_t *points) {
  char text[NUMBER_TEXT_MAX];
  uint32_t place;
  if (v.kind == VALUE_NULL) {
    *points = input->null_points;
    return input->takes_null;
  }
  if (!input->by_value) {
    *points = input->points[bin_of(input, model_number_of(v))];
    return true;
  }
  if (find_value(input, listed_text(v, text), &place)) {
    *points = input->points[place];
    return true;
  }
  *points = input->other_points;
  return input->takes_other;
}

struct value model_scorecard_score(const struct model *model, const struct value *inputs) {
  const struct model_scorecard *card = &model->scorecard;
  int64_t sum = card->base, points;
  for (uint32_t i = 0; i < model->input_count; i++) {
    if (!points_of(&card->inputs[i], inputs[i], &points)) return value_null();
    sum += points;
  }
  if (model->type.kind == VALUE_INT) return value_int(sum);
  if (model->type.kind == VALUE_FLOAT) return value_float(decimal_to_float(sum, card->scale));
  return value_decimal(sum * decimal_power(model->type.scale - card->scale), model->type.scale);
}

bool model_scorecard_shares(const struct model *model, const struct value *inputs, double *shares, double *base) {
  const struct model_scorecard *card = &model->scorecard;
  int64_t points;
  *base = decimal_to_float(card->base, card->scale);
  for (uint32_t i = 0; i < model->input_count; i++) {
    if (!points_of(&card->inputs[i], inputs[i], &points)) return false;
    shares[i] = decimal_to_float(points, card->scale);
  }
  return true;
}
