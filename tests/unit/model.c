/* floors: base */
/* model.c - tests of models: scores to the last bit, borders, nulls, shares against a brute-force Shapley value, and
 * what is said about broken files. */
#include "base/model.h"

#include "base/check.h"
#include "base/float_math.h"
#include "tests/test.h"

enum { NAMES_MAX = 8, JSON_MAX = 1 << 16, TREE_NODES = 64, SHAPLEY_INPUTS = 5 };

static struct mem *mem;
static struct arena arena;
static struct err err;

static void begin(void) {
  mem = mem_new(0);
  check(mem != NULL);
  arena_init(&arena, mem, 1 << 14);
  err_clear(&err);
}
static void end(void) { mem_free_all(mem); }

/* `in` as text: "a, b, c". */
static const struct model *load_type(const char *json, const char *in, struct type type) {
  static char names[256];
  struct slice inputs[NAMES_MAX];
  uint32_t count = 0;
  snprintf(names, sizeof names, "%s", in);
  for (const char *at = names; *at != '\0';) {
    size_t length = strcspn(at, ",");
    check(count < NAMES_MAX);
    inputs[count++] = (struct slice){at, length};
    at += length;
    while (*at == ',' || *at == ' ') at++;
  }
  struct model_source source = {"m.json", slice_of(json), count, inputs, type};
  err_clear(&err);
  return model_load(&arena, &source, &err);
}
static const struct model *load(const char *json, const char *in) { return load_type(json, in, TYPE(VALUE_FLOAT)); }

/* ---- XGBoost's JSON, written small ---- */

struct spec {
  const char *objective, *base_score, *feature_names; /* feature_names: as JSON, may be NULL */
  unsigned features, major, minor;
  const char *booster; /* of trees, in JSON */
};

static const char *xgboost(struct spec spec) {
  static char json[JSON_MAX];
  snprintf(json, sizeof json,
           "{\"learner\":{\"attributes\":{},%s%s%s\"gradient_booster\":%s,"
           "\"learner_model_param\":{\"base_score\":\"%s\",\"boost_from_average\":\"1\",\"num_class\":\"0\","
           "\"num_feature\":\"%u\",\"num_target\":\"1\"},\"objective\":{\"name\":\"%s\"}},\"version\":[%u,%u,0]}",
           spec.feature_names != NULL ? "\"feature_names\":" : "", spec.feature_names != NULL ? spec.feature_names : "",
           spec.feature_names != NULL ? "," : "", spec.booster, spec.base_score, spec.features, spec.objective,
           spec.major, spec.minor);
  return json;
}

#define GBTREE(trees) "{\"model\":{\"tree_info\":[],\"trees\":[" trees "]},\"name\":\"gbtree\"}"
#define TREE(left, right, inputs, conditions, missing_left, weights)                                                   \
  "{\"left_children\":[" left "],\"right_children\":[" right "],\"split_indices\":[" inputs                            \
  "],\"split_conditions\":[" conditions "],\"default_left\":[" missing_left "],\"sum_hessian\":[" weights              \
  "],\"tree_param\":{\"size_leaf_vector\":\"1\"}}"
/* x0 < 0.1 ? (missing left) (x1 < 20 ? (missing right) 1 : 2) : 4 */
#define SMALL TREE("1,3,-1,-1,-1", "2,4,-1,-1,-1", "0,1,0,0,0", "0.1,20,4,1,2", "1,0,0,0,0", "10,6,4,4,2")
#define LEAF(value) TREE("-1", "-1", "0", value, "0", "1")

static const struct spec plain = {"reg:squarederror", "5E-1", NULL, 2, 3, 2, GBTREE(SMALL)};

static double score_of(const struct model *model, struct value a, struct value b) {
  struct value score = model_score(model, (const struct value[]){a, b});
  return value_is_null(score) ? -1e300 : score.f;
}

TEST(a_value_at_the_condition_goes_right) {
  begin();
  const struct model *m = load(xgboost(plain), "a, b");
  EXPECT_TEXT(err.text, "");
  EXPECT(m != NULL && model_form_of(m) == MODEL_TREES && model_input_count(m) == 2);
  EXPECT(score_of(m, value_float(0), value_int(19)) == 1.5);
  EXPECT(score_of(m, value_float(0), value_int(20)) == 2.5);
  EXPECT(score_of(m, value_float(0), value_decimal(1999, 2)) == 1.5);
  EXPECT(score_of(m, value_float(0.1), value_int(0)) == 4.5); /* both are the float nearest to 0.1 */
  EXPECT(score_of(m, value_decimal(1, 1), value_int(0)) == 4.5);
  EXPECT(score_of(m, value_float(0.1 - 1e-10), value_int(0)) == 4.5); /* the same float */
  EXPECT(score_of(m, value_float(0.1 - 1e-8), value_int(0)) == 1.5);
  EXPECT(score_of(m, value_bool(true), value_int(0)) == 4.5);
  EXPECT(score_of(m, value_bool(false), value_bool(true)) == 1.5);
  EXPECT(score_of(m, value_float(1e300), value_float(-1e300)) == 4.5); /* beyond a float: as its infinities */
  EXPECT(score_of(m, value_float(-1e300), value_float(1e300)) == 2.5);
  end();
}

TEST(a_missing_value_goes_where_the_node_says) {
  begin();
  const struct model *m = load(xgboost(plain), "a, b");
  EXPECT(score_of(m, value_null(), value_int(1)) == 1.5);
  EXPECT(score_of(m, value_null(), value_null()) == 2.5);
  EXPECT(score_of(m, value_int(0), value_null()) == 2.5);
  EXPECT(score_of(m, value_int(1), value_null()) == 4.5);
  end();
}

TEST(large_ints_become_floats_in_one_step) {
  begin();
  struct spec spec = plain;
  spec.booster = GBTREE(TREE("1,-1,-1", "2,-1,-1", "0,0,0", "16777218,1,2", "0,0,0", "2,1,1"));
  const struct model *m = load(xgboost(spec), "a, b");
  EXPECT(score_of(m, value_int(16777217), value_null()) == 1.5); /* ties to even: 16777216 */
  EXPECT(score_of(m, value_int(16777218), value_null()) == 2.5);
  EXPECT(score_of(m, value_int(INT64_MAX), value_null()) == 2.5);
  EXPECT(score_of(m, value_int(INT64_MIN), value_null()) == 1.5);
  end();
}

TEST(sums_are_of_floats_in_the_order_of_trees) {
  begin();
  struct spec spec = plain;
  spec.base_score = "1.6777216E7";
  spec.booster = GBTREE(LEAF("1") "," LEAF("1"));
  EXPECT(score_of(load(xgboost(spec), "a, b"), value_null(), value_null()) == 16777216.0);
  spec.booster = GBTREE(LEAF("-16777216") "," LEAF("1") "," LEAF("1"));
  EXPECT(score_of(load(xgboost(spec), "a, b"), value_null(), value_null()) == 2.0);
  spec.base_score = "0E0";
  spec.booster = GBTREE(LEAF("1") "," LEAF("2") "," LEAF("4") "," LEAF("8") "," LEAF("16") "," LEAF("32") "," LEAF(
      "64") "," LEAF("128") "," LEAF("256"));
  EXPECT(score_of(load(xgboost(spec), "a, b"), value_null(), value_null()) == 511.0);
  spec.booster = GBTREE(LEAF("-0.0"));
  struct value zero = model_score(load(xgboost(spec), "a, b"), (const struct value[]){value_null(), value_null()});
  EXPECT(zero.f == 0 && zero.i == 0); /* the language has no -0 */
  end();
}

/* A tree that is one long chain: x0 < 1 ? 1 : x0 < 2 ? 2 : … */
static const char *chain(unsigned depth) {
  static char json[JSON_MAX];
  struct buf parts[6];
  static const char *const names[] = {"left_children",    "right_children", "split_indices",
                                      "split_conditions", "default_left",   "sum_hessian"};
  for (unsigned i = 0; i < 6; i++) buf_init(&parts[i], mem);
  for (unsigned i = 0; i <= 2 * depth; i++) { /* 0, then pairs: leaf, next */
    bool inner = i < 2 * depth && i % 2 == 0;
    const int values[] = {
        inner ? (int)i + 1 : -1,    inner ? (int)i + 2 : -1, 0, inner ? (int)i / 2 + 1 : (int)(i + 1) / 2, 0,
        2 * (int)depth + 1 - (int)i};
    for (unsigned k = 0; k < 6; k++) buf_printf(&parts[k], "%s%d", i == 0 ? "" : ",", values[k]);
  }
  size_t length = (size_t)snprintf(json, sizeof json, "{\"model\":{\"trees\":[{");
  for (unsigned k = 0; k < 6; k++)
    length += (size_t)snprintf(json + length, sizeof json - length, "%s\"%s\":[%s]", k == 0 ? "" : ",", names[k],
                               buf_text(&parts[k]));
  snprintf(json + length, sizeof json - length, "}]},\"name\":\"gbtree\"}");
  return json;
}

TEST(deep_trees) {
  begin();
  struct spec spec = plain;
  spec.base_score = "0E0";
  for (unsigned depth = 1; depth <= 40; depth++) {
    spec.booster = chain(depth);
    const struct model *m = load(xgboost(spec), "a, b");
    for (unsigned i = 0; i <= depth; i++) {
      double expected = i == depth ? depth : i + 1;
      if (score_of(m, value_int((int)i), value_null()) != expected) {
        EXPECT_INT(score_of(m, value_int((int)i), value_null()), expected);
        end();
        return;
      }
    }
  }
  spec.booster = chain(MODEL_TREE_DEPTH_MAX);
  const struct model *m = load(xgboost(spec), "a, b");
  EXPECT(m != NULL && score_of(m, value_int(300), value_null()) == MODEL_TREE_DEPTH_MAX);
  double shares[2], base;
  EXPECT(model_shares(m, (const struct value[]){value_int(7), value_null()}, &arena, shares, &base));
  EXPECT(float_finite(base) && base + shares[0] > 8 - 1e-9 && base + shares[0] < 8 + 1e-9 && shares[1] == 0);
  spec.booster = chain(MODEL_TREE_DEPTH_MAX + 1);
  EXPECT(load(xgboost(spec), "a, b") == NULL);
  EXPECT(strstr(err.text, ": the tree is more than 256 levels deep") != NULL);
  end();
}

TEST(links_and_base_scores) {
  static const struct {
    const char *objective, *base_score;
    unsigned major, minor;
    float expected; /* of a tree that gives 0.25 */
  } cases[] = {
      {"reg:squarederror", "1.5E0", 2, 1, 1.75f},
      {"reg:squarederror", "[1.5E0]", 3, 2, 1.75f},
      {"binary:logitraw", "5E-1", 1, 7, 0.75f},
      {"binary:logitraw", "5E-1", 1, 2, 0.25f}, /* before 1.3 its base_score was a probability */
      {"rank:ndcg", "-9.908185E-9", 2, 1, 0.25f},
      {"binary:logistic", "5E-1", 1, 7, 0.5621765f},
      {"reg:logistic", "[5E-1]", 3, 2, 0.5621765f},
      {"binary:logistic", "2E-2", 3, 2, 0.02553546f},
      {"count:poisson", "2E0", 3, 2, 2.568051f},
      {"reg:gamma", "1E0", 3, 2, 1.2840254f},
      {"reg:tweedie", "1E0", 3, 2, 1.2840254f},
      {"binary:logistic", "1E0", 3, 2, 0.99999917f}, /* labels that are all 1: taken as 1 - 1e-6 */
      {"binary:logistic", "0E0", 3, 2, 1.2840238e-06f},
  };
  begin();
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct spec spec = {cases[i].objective, cases[i].base_score, NULL, 2, cases[i].major,
                        cases[i].minor,     GBTREE(LEAF("0.25"))};
    const struct model *m = load(xgboost(spec), "a, b");
    EXPECT_TEXT(err.text, "");
    double score = m == NULL ? 0 : score_of(m, value_null(), value_null());
    double off = (score - (double)cases[i].expected) / (double)cases[i].expected;
    if (!(off < 1e-6 && off > -1e-6)) printf("%s %s: %.9g\n", cases[i].objective, cases[i].base_score, score);
    EXPECT(off < 1e-6 && off > -1e-6);
  }
  struct spec spec = {"count:poisson", "1E0", NULL, 2, 3, 2, GBTREE(LEAF("200"))};
  EXPECT(score_of(load(xgboost(spec), "a, b"), value_null(), value_null()) == -1e300); /* no float: null */
  end();
}

TEST(dart_weights_its_trees) {
  begin();
  struct spec spec = plain;
  spec.base_score = "0E0";
  spec.booster = "{\"gbtree\":" GBTREE(SMALL "," LEAF("8")) ",\"name\":\"dart\",\"weight_drop\":[0.5,0.25]}";
  const struct model *m = load(xgboost(spec), "a, b");
  EXPECT(m != NULL && score_of(m, value_int(1), value_null()) == 4.0); /* 4 * 0.5 + 8 * 0.25 */
  EXPECT(score_of(m, value_int(0), value_int(19)) == 2.5);
  end();
}

TEST(inputs_by_name_or_in_order) {
  begin();
  struct spec spec = plain;
  spec.feature_names = "[\"b\",\"a\"]";
  const struct model *m = load(xgboost(spec), "a, b");
  EXPECT(m != NULL && score_of(m, value_int(0), value_int(1)) == 4.5);
  EXPECT(score_of(m, value_int(19), value_int(0)) == 1.5);
  EXPECT(slice_equal(model_input_name(m, 1), SLICE("b")));
  char text[64];
  EXPECT_TEXT(model_summary(m, text), "boosted trees, 1 of them, at most 2 deep");
  EXPECT(model_refuses(m, 0, TYPE_DECIMAL(2)) == NULL && model_refuses(m, 1, TYPE(VALUE_BOOL)) == NULL);
  EXPECT_TEXT(model_refuses(m, 0, TYPE(VALUE_STRING)), "takes a number or a bool");
  EXPECT_TEXT(model_refuses(m, 0, TYPE(VALUE_DURATION)), "takes a number or a bool");
  end();
}

TEST(pruned_nodes_are_passed_over) {
  begin();
  struct spec spec = plain;
  /* nodes 1 and 2 are left over of a split that was taken back; their indices mean nothing any more */
  spec.booster = GBTREE(
      TREE("3,7,7,-1,-1", "4,7,7,-1,-1", "0,2147483647,2147483647,0,0", "0.1,0,0,1,2", "1,0,0,0,0", "10,0,0,4,6"));
  const struct model *m = load(xgboost(spec), "a, b");
  EXPECT_TEXT(err.text, "");
  EXPECT(m != NULL && score_of(m, value_int(0), value_null()) == 1.5);
  EXPECT(m != NULL && score_of(m, value_int(1), value_null()) == 2.5);
  end();
}

/* ---- shares ---- */

static uint64_t random_state = 88172645463325252u;
static uint32_t random_below(uint32_t n) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return (uint32_t)((random_state * 0x2545F4914F6CDD1Du) >> 33) % n;
}

struct random_tree { /* breadth first */
  int count, left[TREE_NODES], right[TREE_NODES], input[TREE_NODES], missing_left[TREE_NODES];
  float condition[TREE_NODES];
  double weight[TREE_NODES];
};

static void grow(struct random_tree *tree) {
  tree->count = 1;
  tree->weight[0] = 1000;
  for (int i = 0; i < tree->count; i++) {
    bool inner = tree->count + 2 <= TREE_NODES && (i < 3 || random_below(3) > 0);
    tree->left[i] = inner ? tree->count : -1;
    tree->right[i] = inner ? tree->count + 1 : -1;
    tree->input[i] = (int)random_below(SHAPLEY_INPUTS);
    tree->missing_left[i] = (int)random_below(2);
    tree->condition[i] = (float)random_below(64) / 64.0f - (inner ? 0.0f : 0.5f);
    if (!inner) continue;
    double part = random_below(8) == 0 ? 0 : (1 + random_below(15)) / 16.0; /* 0: nothing of the data went left */
    tree->weight[tree->count] = tree->weight[i] * part;
    tree->weight[tree->count + 1] = tree->weight[i] * (1 - part);
    tree->count += 2;
  }
}

static void write_numbers(struct buf *out, const char *name, const struct random_tree *tree, char which) {
  for (int i = 0; i < tree->count; i++) {
    double number = which == 'l'   ? tree->left[i]
                    : which == 'r' ? tree->right[i]
                    : which == 'i' ? tree->input[i]
                    : which == 'c' ? (double)tree->condition[i]
                    : which == 'm' ? tree->missing_left[i]
                                   : tree->weight[i];
    if (i == 0) buf_printf(out, "%s\"%s\":[", which == 'l' ? "{" : ",", name);
    buf_printf(out, "%s%.17g", i == 0 ? "" : ",", number);
  }
  buf_str(out, which == 'w' ? "]}" : "]");
}

static void write_tree(struct buf *out, const struct random_tree *tree) {
  write_numbers(out, "left_children", tree, 'l');
  write_numbers(out, "right_children", tree, 'r');
  write_numbers(out, "split_indices", tree, 'i');
  write_numbers(out, "split_conditions", tree, 'c');
  write_numbers(out, "default_left", tree, 'm');
  write_numbers(out, "sum_hessian", tree, 'w');
}

/* The mean result when only the inputs of `known` are known: the others go both ways, as the training data did. */
static double expectation(const struct random_tree *tree, int at, const struct value *row, unsigned known) {
  if (tree->left[at] < 0) return (double)tree->condition[at];
  struct value v = row[tree->input[at]];
  bool goes_left = value_is_null(v) ? tree->missing_left[at] != 0 : (float)v.f < tree->condition[at];
  if ((known >> tree->input[at] & 1) != 0)
    return expectation(tree, goes_left ? tree->left[at] : tree->right[at], row, known);
  double left = tree->weight[tree->left[at]], right = tree->weight[tree->right[at]];
  double part = left + right > 0 ? left / (left + right) : 0.5;
  return part * expectation(tree, tree->left[at], row, known) +
         (1 - part) * expectation(tree, tree->right[at], row, known);
}

/* The definition: over all sets of the others, what the input adds, weighted by |S|! (n - |S| - 1)! / n!. */
static double shapley(const struct random_tree *tree, const struct value *row, int input) {
  static const double weights[SHAPLEY_INPUTS] = {1.0 / 5, 1.0 / 20, 1.0 / 30, 1.0 / 20, 1.0 / 5};
  double sum = 0;
  for (unsigned set = 0; set < 1u << SHAPLEY_INPUTS; set++) {
    if ((set >> input & 1) != 0) continue;
    sum += weights[__builtin_popcount(set)] *
           (expectation(tree, 0, row, set | 1u << input) - expectation(tree, 0, row, set));
  }
  return sum;
}

static double magnitude(double x) { return x < 0 ? -x : x; }

static void compare_shares(const struct model *m, const struct random_tree *trees, unsigned count) {
  struct value row[SHAPLEY_INPUTS];
  double shares[SHAPLEY_INPUTS], base, sum, wanted_base = 0;
  for (int i = 0; i < SHAPLEY_INPUTS; i++)
    row[i] = random_below(6) == 0 ? value_null() : value_float((double)random_below(64) / 64);
  EXPECT(model_shares(m, row, &arena, shares, &base));
  for (unsigned t = 0; t < count; t++) wanted_base += expectation(&trees[t], 0, row, 0);
  EXPECT(magnitude(base - wanted_base) < 1e-6);
  sum = base;
  for (int i = 0; i < SHAPLEY_INPUTS; i++) {
    double wanted = 0;
    for (unsigned t = 0; t < count; t++) wanted += shapley(&trees[t], row, i);
    if (magnitude(shares[i] - wanted) > 1e-6) printf("input %d: %.9g, expected %.9g\n", i, shares[i], wanted);
    EXPECT(magnitude(shares[i] - wanted) < 1e-6); /* parts of training data are kept as floats */
    sum += shares[i];
  }
  double raw = model_score(m, row).f;
  EXPECT(magnitude(sum - raw) < 1e-6); /* the score is a sum of floats */
}

TEST(shares_are_shapley_values) {
  enum { CASES = 60, TREES = 3, ROWS = 10 };
  for (int i = 0; i < CASES; i++) {
    struct random_tree trees[TREES];
    struct buf json;
    begin();
    buf_init(&json, mem);
    buf_str(&json, "{\"model\":{\"trees\":[");
    for (int t = 0; t < TREES; t++) {
      grow(&trees[t]);
      if (t > 0) buf_byte(&json, ',');
      write_tree(&json, &trees[t]);
    }
    buf_str(&json, "]},\"name\":\"gbtree\"}");
    struct spec spec = {"reg:squarederror", "0E0", NULL, SHAPLEY_INPUTS, 3, 2, buf_text(&json)};
    const struct model *m = load(xgboost(spec), "a, b, c, d, e");
    EXPECT_TEXT(err.text, "");
    for (int r = 0; m != NULL && r < ROWS; r++) compare_shares(m, trees, TREES);
    end();
  }
}

TEST(ranks_by_magnitude) {
  begin();
  const struct model *m =
      load("{\"form\":\"logistic\",\"intercept\":0,\"inputs\":{\"a\":{\"weight\":1},\"b\":{\"weight\":"
           "1},\"c\":{\"weight\":1},\"d\":{\"weight\":1}}}",
           "a, b, c, d");
  uint16_t order[4];
  model_rank(m, (const double[]){1, -3, 3, 0}, order);
  EXPECT(order[0] == 1 && order[1] == 2 && order[2] == 0 && order[3] == 3);
  end();
}

/* ---- logistic ---- */

static const char logistic[] = "{\"form\":\"logistic\",\"intercept\":-1,\"inputs\":{"
                               "\"amount\":{\"weight\":2,\"mean\":100,\"scale\":50},"
                               "\"count\":{\"weight\":0.5,\"null\":3},"
                               "\"night\":{\"weight\":1}}}";

TEST(logistic_regression) {
  begin();
  const struct model *m = load(logistic, "night, amount, count");
  double shares[3], base;
  EXPECT_TEXT(err.text, "");
  EXPECT(m != NULL && model_form_of(m) == MODEL_LOGISTIC);
  struct value row[] = {value_bool(true), value_decimal(12500, 2), value_int(4)};
  EXPECT(model_score(m, row).f == 1.0 / (1.0 + float_exp(-(-1.0 + 1.0 + 1.0 + 2.0))));
  EXPECT(model_shares(m, row, &arena, shares, &base));
  EXPECT(base == -1 && shares[0] == 1 && shares[1] == 1 && shares[2] == 2);
  struct buf text_of;
  buf_init(&text_of, mem);
  row[1] = value_decimal(12501, 2);
  model_write_shares(&text_of, m, row, &arena);
  EXPECT_TEXT(buf_text(&text_of), "{\"base\":-1,\"shares\":{\"count\":2,\"amount\":1.0004,\"night\":1}}");
  row[1] = value_null(); /* the mean: it adds nothing */
  row[2] = value_null(); /* as 3 */
  EXPECT(model_score(m, row).f == 1.0 / (1.0 + float_exp(-1.5)));
  EXPECT(model_shares(m, row, &arena, shares, &base) && shares[1] == 0 && shares[2] == 1.5);
  row[0] = value_null(); /* nothing says what that means */
  EXPECT(value_is_null(model_score(m, row)) && !model_shares(m, row, &arena, shares, &base));
  buf_clear(&text_of);
  model_write_shares(&text_of, m, row, &arena);
  EXPECT_TEXT(buf_text(&text_of), "null");
  row[0] = value_float(-1e308);
  row[1] = value_float(1e308);
  EXPECT(model_score(m, row).f == 0);
  row[0] = value_float(-1e6);
  row[1] = value_int(0);
  EXPECT(model_score(m, row).f == 0);
  row[0] = value_float(1e6);
  EXPECT(model_score(m, row).f == 1);
  char text[64];
  EXPECT_TEXT(model_summary(m, text), "logistic regression of 3 inputs");
  end();
}

TEST(logistic_beyond_a_double_is_null) {
  begin();
  const struct model *m = load("{\"form\":\"logistic\",\"intercept\":0,\"inputs\":{\"a\":{\"weight\":1e200},\"b\":{"
                               "\"weight\":1e200}}}",
                               "a, b");
  EXPECT(score_of(m, value_float(1e200), value_float(-1e200)) == -1e300);
  EXPECT(score_of(m, value_float(1e10), value_float(0)) == 1);
  end();
}

/* ---- scorecards ---- */

static const char scorecard[] =
    "{\"form\":\"scorecard\",\"base\":600,\"inputs\":{"
    "\"amount\":{\"bins\":[{\"below\":10,\"points\":5},{\"below\":100.5,\"points\":-12.5},{\"points\":30}],\"null\":1},"
    "\"country\":{\"values\":{\"BB\":20,\"AA\":30,\"\":7},\"other\":0.25,\"null\":-4},"
    "\"code\":{\"values\":{\"5411\":1,\"-7\":2,\"true\":3}}}}";

static double card(const struct model *m, struct value amount, const char *country, struct value code) {
  struct value text = country == NULL ? value_null() : value_string(slice_of(country));
  struct value score = model_score(m, (const struct value[]){amount, text, code});
  return value_is_null(score) ? -1e300 : score.f;
}

TEST(scorecards) {
  begin();
  const struct model *m = load(scorecard, "amount, country, code");
  EXPECT_TEXT(err.text, "");
  EXPECT(m != NULL && model_form_of(m) == MODEL_SCORECARD);
  struct value one = value_int(5411);
  EXPECT(card(m, value_decimal(999, 2), "AA", one) == 636);
  EXPECT(card(m, value_int(10), "AA", one) == 618.5);
  EXPECT(card(m, value_decimal(1005, 1), "AA", one) == 661);
  EXPECT(card(m, value_float(100.49999), "BB", one) == 608.5);
  EXPECT(card(m, value_float(-1e300), "", value_int(-7)) == 614);
  EXPECT(card(m, value_null(), "ZZ", value_bool(true)) == 604.25);
  EXPECT(card(m, value_int(0), NULL, value_string(SLICE("5411"))) == 602);
  EXPECT(card(m, value_int(0), "AA", value_int(5412)) == -1e300); /* not listed, and no `other` */
  EXPECT(card(m, value_int(0), "AA", value_null()) == -1e300);    /* no `null` */
  double shares[3], base;
  struct value row[] = {value_int(50), value_string(SLICE("AA")), one};
  EXPECT(model_shares(m, row, &arena, shares, &base));
  EXPECT(base == 600 && shares[0] == -12.5 && shares[1] == 30 && shares[2] == 1);
  EXPECT(model_refuses(m, 0, TYPE(VALUE_FLOAT)) == NULL && model_refuses(m, 1, TYPE(VALUE_STRING)) == NULL);
  EXPECT(model_refuses(m, 2, TYPE(VALUE_INT)) == NULL);
  EXPECT_TEXT(model_refuses(m, 0, TYPE(VALUE_STRING)), "takes a number or a bool");
  EXPECT_TEXT(model_refuses(m, 1, TYPE(VALUE_FLOAT)), "takes a string, an int or a bool");
  end();
}

TEST(scorecards_give_exact_types) {
  begin();
  struct value row[] = {value_int(50), value_string(SLICE("ZZ")), value_int(5411)};
  const struct model *m = load_type(scorecard, "amount, country, code", TYPE_DECIMAL(4));
  struct value score = model_score(m, row);
  EXPECT(score.kind == VALUE_DECIMAL && score.scale == 4 && score.i == 5887500);
  EXPECT(load_type(scorecard, "amount, country, code", TYPE_DECIMAL(1)) == NULL);
  EXPECT_TEXT(err.text, "its points have 2 digits after the point, more than decimal(1) has");
  EXPECT(load_type(scorecard, "amount, country, code", TYPE(VALUE_INT)) == NULL);
  EXPECT_TEXT(err.text, "its points have 2 digits after the point, more than int has");
  EXPECT(load_type(scorecard, "amount, country, code", TYPE_DECIMAL(18)) == NULL);
  EXPECT_TEXT(err.text, "its score can be beyond the range of decimal(18)");
  EXPECT(load_type(scorecard, "amount, country, code", TYPE(VALUE_STRING)) == NULL);
  EXPECT_TEXT(err.text, "its result is a float, an int or a decimal, not string");
  m = load_type("{\"form\":\"scorecard\",\"inputs\":{\"a\":{\"bins\":[{\"points\":1000000000}]}}}", "a",
                TYPE(VALUE_INT));
  row[0] = value_int(1);
  score = model_score(m, row);
  EXPECT(score.kind == VALUE_INT && score.i == 1000000000);
  end();
}

TEST(a_bin_for_each_of_many_borders) {
  enum { BINS = 1000 };
  begin();
  struct buf json;
  buf_init(&json, mem);
  buf_str(&json, "{\"form\":\"scorecard\",\"inputs\":{\"a\":{\"bins\":[");
  for (int i = 0; i < BINS; i++) buf_printf(&json, "{\"below\":%d,\"points\":%d},", i, i);
  buf_printf(&json, "{\"points\":%d}]}}}", BINS);
  const struct model *m = load_type(buf_text(&json), "a", TYPE(VALUE_INT));
  int wrong = 0;
  for (int i = -1; i <= BINS; i++) {
    struct value at = value_int(i), before = value_float(i - 0.5);
    int64_t expected = i < 0 ? 0 : i + 1 > BINS ? BINS : i + 1;
    wrong += model_score(m, &at).i != expected;
    wrong += model_score(m, &before).i != (i < 0 ? 0 : i);
  }
  EXPECT_INT(wrong, 0);
  end();
}

/* ---- broken files ---- */

#define NODES "learner.gradient_booster.model.trees[0]."
#define CARD(input) "{\"form\":\"scorecard\",\"inputs\":{\"a\":" input "}}"
#define LOGISTIC(input) "{\"form\":\"logistic\",\"intercept\":0,\"inputs\":{\"a\":" input "}}"

TEST(broken_json) {
  static const struct {
    const char *json, *text;
    int line, column;
  } cases[] = {
      {"", "not JSON", 1, 1},
      {"{\"form\":\n  nope}", "not JSON", 2, 3},
      {"{\"form\":\n  7", "not JSON: it ends too early", 2, 4},
      {"{\"form", "not JSON: it ends too early", 1, 7},
      {"{\"form\":1}\n x", "not JSON: something stands behind its end", 2, 2},
      {"{\"a\":\"\\u0000\"}", "a text has the escape \\u0000", 1, 7},
      {"{\"\xc3\xa9\":\xff}", "not UTF-8 text", 1, 6},
      {"{\"a\":[1,nan]}", "not JSON", 1, 9},
      {"{\"NaN\":[NaN,Infinity,-Infinity,\n \"\\\"NaN\",NaN?]}", "not JSON", 2, 13},
      {LOGISTIC("{\"weight\":NaN}"), "inputs.a.weight: expected a number, found \"NaN\"", 0, 0},
      {LOGISTIC("{\"weight\":-Infinity}"), "inputs.a.weight: expected a number, found \"-Infinity\"", 0, 0},
      {"{L........learner", "not JSON but a binary form of XGBoost: save it under a name that ends with .json", 0, 0},
      {"binf1234", "not JSON but a binary form of XGBoost: save it under a name that ends with .json", 0, 0},
      {"[]", "expected an object; XGBoost writes it with save_model(), a dump does not have it all", 0, 0},
      {"7", "expected an object, found the number 7", 0, 0},
      {"{}", "no model: it has neither \"learner\", as XGBoost writes, nor \"form\"", 0, 0},
      {"{\"form\":\"forest\"}",
       "form: the forms are \"logistic\" and \"scorecard\" (and XGBoost's own JSON), not \"forest\"", 0, 0},
      {"{\"form\":7}", "form: expected a text, found the number 7", 0, 0},
      {"{\"learner\":[]}", "learner: expected an object, found an array", 0, 0},
      {"{\"form\":\"logistic\",\"inputs\":{}}", "intercept: expected a number, found nothing", 0, 0},
      {"{\"form\":\"logistic\",\"intercept\":0,\"inputs\":{\"b\":{}}}",
       "inputs: the model needs `b`, which `in` has not; `in` has `a`, which the model has not", 0, 0},
      {"{\"form\":\"logistic\",\"intercept\":0,\"inputs\":{}}", "inputs: `in` has `a`, which the model has not", 0, 0},
      {"{\"form\":\"logistic\",\"intercept\":0,\"inputs\":{\"a\":{\"weight\":1},\"\\n\":{}}}",
       "inputs: the model needs `?`, which `in` has not", 0, 0},
      {"{\"form\":\"logistic\",\"intercept\":0,\"inputs\":{\"a\":{\"weight\":1},\"a\":{}}}",
       "inputs: `a` is an input twice", 0, 0},
      {"{\"form\":\"logistic\",\"intercept\":0,\"inputs\":{\"a\":{\"weight\":1}},\"bias\":1}",
       "there is no member \"bias\" here, only: form intercept inputs", 0, 0},
      {LOGISTIC("{\"wieght\":1}"), "inputs.a: there is no member \"wieght\" here, only: weight mean scale null", 0, 0},
      {LOGISTIC("{\"weight\":1,\"weight\":2}"), "inputs.a: the member \"weight\" stands twice", 0, 0},
      {LOGISTIC("{}"), "inputs.a.weight: expected a number, found nothing", 0, 0},
      {LOGISTIC("{\"weight\":\"1\"}"), "inputs.a.weight: expected a number, found \"1\"", 0, 0},
      {LOGISTIC("{\"weight\":1e999}"), "inputs.a.weight: the number is beyond the range of a double", 0, 0},
      {LOGISTIC("{\"weight\":1,\"scale\":0}"), "inputs.a.scale: expected a number above 0, found the number 0", 0, 0},
      {CARD("{}"), "inputs.a: an input has either `bins` or `values`", 0, 0},
      {CARD("{\"bins\":[],\"values\":{}}"), "inputs.a: an input has either `bins` or `values`", 0, 0},
      {CARD("{\"bins\":[]}"), "inputs.a.bins: at least one bin is needed", 0, 0},
      {CARD("{\"bins\":[{\"below\":1,\"points\":1}]}"),
       "inputs.a.bins[0].below: the last bin has no `below`: it takes all that is left", 0, 0},
      {CARD("{\"bins\":[{\"points\":1},{\"points\":1}]}"), "inputs.a.bins[0].below: expected a number, found nothing",
       0, 0},
      {CARD("{\"bins\":[{\"below\":2,\"points\":1},{\"below\":2,\"points\":1},{\"points\":1}]}"),
       "inputs.a.bins[1].below: the bins' `below` rise", 0, 0},
      {CARD("{\"bins\":[{\"points\":0.1234567}]}"),
       "inputs.a.bins[0].points: points have at most 6 digits after the point", 0, 0},
      {CARD("{\"bins\":[{\"points\":2e9}]}"),
       "inputs.a.bins[0].points: points are between -1,000,000,000 and 1,000,000,000", 0, 0},
      {CARD("{\"bins\":[{\"points\":1}],\"other\":3}"),
       "inputs.a.other: `other` stands beside `values`; of bins the last one takes all that is left", 0, 0},
      {CARD("{\"values\":{\"x\":1,\"y\":2,\"x\":3}}"), "inputs.a.values: the value \"x\" stands twice", 0, 0},
      {CARD("{\"values\":[1]}"), "inputs.a.values: expected an object, found an array", 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    begin();
    EXPECT(load(cases[i].json, "a") == NULL);
    EXPECT(err.class == ERR_ABORT);
    EXPECT_TEXT(err.file, "m.json");
    EXPECT_TEXT(err.text, cases[i].text);
    EXPECT_INT(err.line, cases[i].line);
    EXPECT_INT(err.column, cases[i].column);
    end();
  }
}

TEST(broken_xgboost_files) {
  static const struct {
    struct spec spec;
    const char *text;
  } cases[] = {
      {{"multi:softprob", "5E-1", NULL, 2, 3, 2, GBTREE(SMALL)},
       "learner.objective.name: the objective `multi:softprob` is not supported; docs/models.md has those that are"},
      {{"binary:logistic", "5E-1", NULL, 3, 3, 2, GBTREE(SMALL)},
       "learner: the model has 3 features without names, `in` has 2 inputs"},
      {{"binary:logistic", "5E-1", "[\"a\"]", 2, 3, 2, GBTREE(SMALL)}, "learner.feature_names: 1 names for 2 features"},
      {{"binary:logistic", "5E-1", "[\"a\",\"Amount\"]", 2, 3, 2, GBTREE(SMALL)},
       "learner.feature_names: the model needs `Amount`, which `in` has not; `in` has `b`, which the model has not"},
      {{"binary:logistic", "5E-1", "[\"a\",\"a\"]", 2, 3, 2, GBTREE(SMALL)},
       "learner.feature_names: `a` is an input twice"},
      {{"binary:logistic", "5E-1", NULL, 999, 3, 2, GBTREE(SMALL)},
       "learner.learner_model_param.num_feature: a model has at most 512 inputs, this one has 999"},
      {{"binary:logistic", "1E0", NULL, 2, 2, 1, GBTREE(SMALL)},
       "learner.learner_model_param.base_score: expected a base_score between 0 and 1, as this objective needs, found "
       "\"1E0\""},
      {{"count:poisson", "0E0", NULL, 2, 3, 2, GBTREE(SMALL)},
       "learner.learner_model_param.base_score: expected a base_score above 0, as this objective needs, found \"0E0\""},
      {{"reg:squarederror", "half", NULL, 2, 3, 2, GBTREE(SMALL)},
       "learner.learner_model_param.base_score: expected the text of a number as \"5E-1\", found \"half\""},
      {{"reg:squarederror", "[5E-1,2E-1]", NULL, 2, 3, 2, GBTREE(SMALL)},
       "learner.learner_model_param.base_score: the model has several outputs: one score is asked for"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2, "{\"name\":\"gblinear\",\"model\":{\"weights\":[1]}}"},
       "learner.gradient_booster.name: the booster `gblinear` is not supported: gbtree and dart are; weights of inputs "
       "are a model of the form \"logistic\""},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2, "{\"name\":\"gbtree\",\"model\":{\"trees\":[]}}"},
       "learner.gradient_booster.model.trees: the model has no trees"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        "{\"name\":\"gbtree\",\"model\":{\"tree_info\":[1],\"trees\":[{}]}}"},
       "learner.gradient_booster.model.tree_info[0]: the model has several outputs: one score is asked for"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2, GBTREE("7")},
       "learner.gradient_booster.model.trees[0]: expected an object, found the number 7"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2, GBTREE("{}")},
       NODES "left_children: expected an array, found nothing"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2, GBTREE(TREE("", "", "", "", "", ""))},
       NODES "left_children: a tree has at least one node"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2, GBTREE(TREE("-1", "-1", "0,0", "1", "0", "1"))},
       NODES "split_indices: 2 elements, where the tree has 1 nodes"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        GBTREE(TREE("1,-1,-1", "3,-1,-1", "0,0,0", "1,1,1", "0,0,0", "1,1,1"))},
       NODES "right_children[0]: there is no such node"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        GBTREE(TREE("1,-1,-1", "-1,-1,-1", "0,0,0", "1,1,1", "0,0,0", "1,1,1"))},
       NODES "right_children[0]: there is no such node"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        GBTREE(TREE("1,-1,-1", "0,-1,-1", "0,0,0", "1,1,1", "0,0,0", "1,1,1"))},
       NODES "right_children[0]: the node is in the tree already"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        GBTREE(TREE("1,-1,-1", "1,-1,-1", "0,0,0", "1,1,1", "0,0,0", "1,1,1"))},
       NODES "right_children[0]: the node is in the tree already"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        GBTREE(TREE("1,-1,-1", "2,-1,-1", "2,0,0", "1,1,1", "0,0,0", "1,1,1"))},
       NODES "split_indices[0]: there is no such feature"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        GBTREE(TREE("1,-1,-1", "2,-1,-1", "0,0,0", "1,1e39,1", "0,0,0", "1,1,1"))},
       NODES "split_conditions[1]: the number is beyond the range of a float"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        GBTREE(TREE("1,-1,-1", "2,-1,-1", "0,0,0", "1,1,1", "0,2,0", "1,1,1"))},
       NODES "default_left[1]: expected an int from 0 to 1, found the number 2"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        GBTREE(TREE("1.5,-1,-1", "2,-1,-1", "0,0,0", "1,1,1", "0,0,0", "1,1,1"))},
       NODES "left_children[0]: expected an int from -1 to 2147483647, found the number 1.5"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2, GBTREE(LEAF("3e38") "," LEAF("-3e38"))},
       "learner.gradient_booster.model.trees: the sum of the trees can be beyond the range of a float"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        "{\"gbtree\":" GBTREE(SMALL) ",\"name\":\"dart\",\"weight_drop\":[1,1]}"},
       "learner.gradient_booster.weight_drop: there are 1 trees"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        GBTREE(
            "{\"left_children\":[1,-1,-1],\"right_children\":[2,-1,-1],"
            "\"split_indices\":[0,0,0],\"split_conditions\":[NaN,2,3],\"default_left\":[0,0,0],\"sum_hessian\":[3,1,2],"
            "\"split_type\":[1,0,0]}")},
       NODES "split_type[0]: splits by category are not supported: train with numbers, one column a category"},
      {{"reg:squarederror", "5E-1", NULL, 2, 3, 2,
        GBTREE("{\"left_children\":[-1],\"tree_param\":{\"size_leaf_vector\":"
               "\"3\"}}")},
       NODES
       "tree_param.size_leaf_vector: trees that give several results at once are not supported: one score is asked "
       "for"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    begin();
    EXPECT(load(xgboost(cases[i].spec), "a, b") == NULL);
    EXPECT_TEXT(err.text, cases[i].text);
    end();
  }
  begin();
  EXPECT(load_type(xgboost(plain), "a, b", TYPE(VALUE_INT)) == NULL);
  EXPECT_TEXT(err.text, "its result is a float: `out … float`, not int");
  end();
}

TEST(limits_of_a_file) {
  begin();
  struct buf json;
  buf_init(&json, mem);
  buf_str(&json, "{\"form\":");
  for (int i = 0; i <= MODEL_NESTING_MAX; i++) buf_byte(&json, '[');
  EXPECT(load(buf_text(&json), "a") == NULL);
  EXPECT_TEXT(err.text, "arrays and objects are nested deeper than 64 levels");
  buf_clear(&json);
  buf_byte(&json, '[');
  for (int i = 0; i < MODEL_VALUES_MAX; i++) buf_str(&json, "1,");
  EXPECT(load(buf_text(&json), "a") == NULL);
  EXPECT_TEXT(err.text, "a model has at most 8,388,608 values");
  while (json.length <= MODEL_FILE_BYTES_MAX) buf_str(&json, "                                                    ");
  EXPECT(load(buf_text(&json), "a") == NULL);
  EXPECT_TEXT(err.text, "a model file has at most 64 MiB");
  end();
}

/* ---- failing allocations ---- */

TEST(every_allocation_may_fail) {
  const char *const files[] = {xgboost(plain), logistic, scorecard};
  const char *const inputs[] = {"a, b", "night, amount, count", "amount, country, code"};
  for (int file = 0; file < 3; file++) {
    bool loaded = false;
    for (uint64_t n = 1; n < 200 && !loaded; n++) {
      begin();
      if (MEM_GUARD(mem) == 0) {
        mem_fail_at(mem, n);
        loaded = load(files[file], inputs[file]) != NULL;
        mem_unguard(mem);
      }
      end();
    }
    EXPECT(loaded);
  }
}

TEST_MAIN
