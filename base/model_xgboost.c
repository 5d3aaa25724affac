/* model_xgboost.c - XGBoost's own JSON (Booster.save_model("model.json"), versions 1 to 3) to trees. Owns nothing that
 * stays but what it puts into the arena. Called by model.c.
 *
 * What is read: learner.learner_model_param, learner.objective.name, learner.feature_names, and of each tree the
 * children, split_indices, split_conditions, default_left and sum_hessian. All else is passed over, so that a new
 * version's additions do no harm; what would change the result (categorical splits, several outputs, linear boosters,
 * other objectives) is refused by name. */
#include "base/model_core.h"

#include "base/float_math.h"
#include "base/number_text.h"

enum { LOGITRAW_CHANGED_MINOR = 3, BOUNDED_SINCE_MAJOR = 3, INDEX_MAX = INT32_MAX };

/* A tree as it stands in the file. */
struct file_tree {
  uint32_t count;
  int32_t *left, *right, *inputs;
  float *conditions, *weights;
  bool *missing_left;
};

struct tree_reader {
  struct model_reader *reader;
  struct model_json *json;
  uint32_t feature_count;
  uint16_t *to_in; /* of each feature */
  uint16_t leaf_slot;
  struct buf nodes, left_parts, roots; /* of all trees so far */
  double largest;                      /* the most that the trees' sum can be */
  uint32_t major, minor;               /* of the library that wrote the file; 0 = it does not say */
};

/* ---- arrays of a tree ---- */

/* Checks an array of `count` elements and gives its first. */
static const cJSON *first_of(struct model_json *json, const struct model_at *at, uint32_t count) {
  uint32_t found = model_json_array(json, at, MODEL_TREE_NODES_MAX);
  if (json->failed) return NULL;
  if (found == count) return at->item->child;
  model_json_fail(json, at, "%u elements, where the tree has %u nodes", found, count);
  return NULL;
}

static int32_t *read_indices(struct model_json *json, const struct model_at *tree, const char *name, uint32_t count) {
  const struct model_at at = model_member(tree, name);
  int32_t *out = arena_array(&json->scratch, int32_t, count);
  uint32_t i = 0;
  for (const cJSON *item = first_of(json, &at, count); item != NULL && !json->failed; item = item->next, i++) {
    const struct model_at element = model_element(&at, item, i);
    out[i] = (int32_t)model_json_int(json, &element, -1, INDEX_MAX);
  }
  return out;
}

static float *read_floats(struct model_json *json, const struct model_at *tree, const char *name, uint32_t count) {
  const struct model_at at = model_member(tree, name);
  float *out = arena_array(&json->scratch, float, count);
  uint32_t i = 0;
  for (const cJSON *item = first_of(json, &at, count); item != NULL && !json->failed; item = item->next, i++) {
    const struct model_at element = model_element(&at, item, i);
    double number = model_json_number(json, &element);
    out[i] = (float)number;
    if (!float_finite((double)out[i])) model_json_fail(json, &element, "the number is beyond the range of a float");
  }
  return out;
}

/* 0 and 1, or false and true. */
static bool *read_flags(struct model_json *json, const struct model_at *tree, const char *name, uint32_t count) {
  const struct model_at at = model_member(tree, name);
  bool *out = arena_array(&json->scratch, bool, count);
  uint32_t i = 0;
  for (const cJSON *item = first_of(json, &at, count); item != NULL && !json->failed; item = item->next, i++) {
    const struct model_at element = model_element(&at, item, i);
    out[i] = cJSON_IsBool(item) ? cJSON_IsTrue(item) : model_json_int(json, &element, 0, 1) == 1;
  }
  return out;
}

/* Before the conditions are read: those of such splits are no numbers. Old files have no `split_type`. */
static void refuse_categories(struct model_json *json, const struct model_at *tree, uint32_t count) {
  const struct model_at at = model_member(tree, "split_type");
  if (at.item == NULL) return;
  const bool *categorical = read_flags(json, tree, "split_type", count);
  for (uint32_t i = 0; i < count; i++) {
    const struct model_at element = model_element(&at, NULL, i);
    if (categorical[i])
      model_json_fail(json, &element,
                      "splits by category are not supported: train with numbers, one column a category");
  }
}

static bool read_file_tree(struct tree_reader *t, const struct model_at *at, struct file_tree *tree) {
  struct model_json *json = t->json;
  if (!model_json_object(json, at, NULL)) return false;
  const struct model_at left = model_member(at, "left_children"), param = model_member(at, "tree_param");
  const struct model_at vector = model_member(&param, "size_leaf_vector");
  if (vector.item != NULL && model_json_int(json, &vector, 0, INT32_MAX) > 1)
    model_json_fail(json, &vector, "trees that give several results at once are not supported: one score is asked for");
  tree->count = model_json_array(json, &left, MODEL_TREE_NODES_MAX);
  if (!json->failed && tree->count == 0) model_json_fail(json, &left, "a tree has at least one node");
  refuse_categories(json, at, tree->count);
  tree->left = read_indices(json, at, "left_children", tree->count);
  tree->right = read_indices(json, at, "right_children", tree->count);
  tree->inputs = read_indices(json, at, "split_indices", tree->count);
  tree->conditions = read_floats(json, at, "split_conditions", tree->count);
  tree->weights = read_floats(json, at, "sum_hessian", tree->count);
  tree->missing_left = read_flags(json, at, "default_left", tree->count);
  return !json->failed;
}

/* ---- one tree ---- */

/* The part of the training weight that went left, inside (0, 1): where the file knows of none it is half. */
static float left_part(const struct file_tree *tree, int32_t left, int32_t right) {
  const double least = 1e-9;
  double a = (double)tree->weights[left], b = (double)tree->weights[right];
  if (!(a > 0) && !(b > 0)) return 0.5f;
  double part = a > 0 ? (b > 0 ? a / (a + b) : 1.0) : 0.0;
  float rounded = (float)part;
  if (part < least) rounded = (float)least;
  return rounded > 1.0f - 0x1p-24f ? 1.0f - 0x1p-24f : rounded;
}

static void fail_node(struct tree_reader *t, const struct model_at *at, const char *member, int32_t node,
                      const char *cause) {
  const struct model_at array = model_member(at, member);
  const struct model_at element = model_element(&array, NULL, (uint32_t)node);
  model_json_fail(t->json, &element, "%s", cause);
}

/* Whether node `i` of the file is sound; *leaf if it has no children. */
static bool node_good(struct tree_reader *t, const struct model_at *at, const struct file_tree *tree, int32_t i,
                      bool *leaf) {
  int32_t left = tree->left[i], right = tree->right[i];
  *leaf = left < 0 && right < 0;
  if (*leaf) return true;
  if (left < 0 || left >= (int32_t)tree->count)
    fail_node(t, at, "left_children", i, "there is no such node");
  else if (right < 0 || right >= (int32_t)tree->count)
    fail_node(t, at, "right_children", i, "there is no such node");
  else if (tree->inputs[i] < 0 || (uint32_t)tree->inputs[i] >= t->feature_count)
    fail_node(t, at, "split_indices", i, "there is no such feature");
  return !t->json->failed;
}

/* Adds the tree's nodes, breadth first; what cannot be reached from its root (pruned nodes) is left out. */
static void add_tree(struct tree_reader *t, const struct model_at *at, float weight) {
  struct file_tree tree;
  struct model_json *json = t->json;
  if (!read_file_tree(t, at, &tree)) return;
  int32_t *queue = arena_array(&json->scratch, int32_t, tree.count);
  uint16_t *levels = arena_array(&json->scratch, uint16_t, tree.count);
  bool *seen = arena_array(&json->scratch, bool, tree.count);
  uint32_t end = 1, first = (uint32_t)(t->nodes.length / sizeof(struct tree_node)), deepest = 0;
  double largest = 0;
  seen[0] = true; /* the root is node 0 */
  for (uint32_t k = 0; k < end; k++) {
    int32_t i = queue[k], children[] = {tree.left[i], tree.right[i]};
    bool leaf;
    if (!node_good(t, at, &tree, i, &leaf)) return;
    struct tree_node node = {.limit = tree.conditions[i] * weight, .slot = t->leaf_slot};
    float part = 0;
    if (leaf) {
      double magnitude = node.limit < 0 ? -(double)node.limit : (double)node.limit;
      if (magnitude > largest) largest = magnitude;
    } else {
      uint32_t slot = 2u * t->to_in[tree.inputs[i]] + !tree.missing_left[i];
      node = (struct tree_node){.limit = tree.conditions[i], .slot = (uint16_t)slot, .step = (uint16_t)(end - k)};
      part = left_part(&tree, children[0], children[1]);
      if (levels[k] >= MODEL_TREE_DEPTH_MAX) {
        fail_node(t, at, "left_children", i, "the tree is more than 256 levels deep");
        return;
      }
      for (unsigned side = 0; side < 2; side++) {
        if (seen[children[side]]) {
          fail_node(t, at, side == 0 ? "left_children" : "right_children", i, "the node is in the tree already");
          return;
        }
        seen[children[side]] = true;
        levels[end] = (uint16_t)(levels[k] + 1);
        queue[end++] = children[side];
      }
    }
    if (levels[k] > deepest) deepest = levels[k];
    buf_add(&t->nodes, &node, sizeof node);
    buf_add(&t->left_parts, &part, sizeof part);
  }
  t->largest += largest;
  const uint32_t root[] = {first, deepest};
  buf_add(&t->roots, root, sizeof root);
}

_Static_assert(MODEL_TREE_DEPTH_MAX == 256, "the text above says so");

/* ---- all trees ---- */

static void read_trees(struct tree_reader *t, const struct model_at *booster, const struct model_at *weights) {
  struct model_json *json = t->json;
  const struct model_at model = model_member(booster, "model"), trees = model_member(&model, "trees");
  const struct model_at info = model_member(&model, "tree_info");
  uint32_t count = model_json_array(json, &trees, MODEL_TREES_MAX), i = 0;
  if (!json->failed && count == 0) model_json_fail(json, &trees, "the model has no trees");
  if (info.item != NULL) {
    model_json_array(json, &info, count);
    const cJSON *item = json->failed ? NULL : info.item->child;
    for (; item != NULL && !json->failed; item = item->next, i++) {
      const struct model_at element = model_element(&info, item, i);
      if (model_json_int(json, &element, 0, INT32_MAX) > 0)
        model_json_fail(json, &element, "the model has several outputs: one score is asked for");
    }
  }
  const cJSON *weight = NULL;
  if (weights->item != NULL) {
    if (!json->failed && model_json_array(json, weights, MODEL_TREES_MAX) != count)
      model_json_fail(json, weights, "there are %u trees", count);
    weight = json->failed ? NULL : weights->item->child;
  }
  const cJSON *item = json->failed ? NULL : trees.item->child;
  for (i = 0; item != NULL && !json->failed; item = item->next, i++) {
    const struct model_at element = model_element(&trees, item, i), of_tree = model_element(weights, weight, i);
    float factor = weight == NULL ? 1.0f : (float)model_json_number(json, &of_tree);
    if (!float_finite((double)factor)) model_json_fail(json, &of_tree, "the number is beyond the range of a float");
    if (weight != NULL) weight = weight->next;
    add_tree(t, &element, factor);
    arena_reset(&json->scratch);
  }
  if (!json->failed && !(t->largest < (double)__FLT_MAX__ / 2))
    model_json_fail(json, &trees, "the sum of the trees can be beyond the range of a float");
}

/* The trees' memory, in blocks (model_core.h). */
static void keep_trees(struct tree_reader *t, struct model_trees *trees) {
  struct arena *arena = t->reader->arena;
  const struct tree_node none = {.limit = 0, .slot = t->leaf_slot};
  uint32_t last = (uint32_t)(t->nodes.length / sizeof none);
  const float no_part = 0;
  buf_add(&t->nodes, &none, sizeof none);
  buf_add(&t->left_parts, &no_part, sizeof no_part);
  trees->tree_count = (uint32_t)(t->roots.length / (2 * sizeof(uint32_t)));
  trees->block_count = (trees->tree_count + TREE_BLOCK - 1) / TREE_BLOCK;
  uint32_t *roots = arena_array(arena, uint32_t, trees->block_count * TREE_BLOCK);
  uint16_t *depths = arena_array(arena, uint16_t, trees->block_count);
  for (uint32_t i = 0; i < trees->block_count * TREE_BLOCK; i++) {
    uint32_t root[2] = {last, 0};
    if (i < trees->tree_count) memcpy(root, t->roots.data + i * sizeof root, sizeof root);
    roots[i] = root[0];
    if (root[1] > depths[i / TREE_BLOCK]) depths[i / TREE_BLOCK] = (uint16_t)root[1];
    if (root[1] > trees->depth) trees->depth = (uint16_t)root[1];
  }
  trees->roots = roots;
  trees->depths = depths;
  trees->leaf_slot = t->leaf_slot;
  trees->nodes = (const struct tree_node *)(const void *)arena_copy(arena, t->nodes.data, t->nodes.length);
  trees->left_parts = (const float *)(const void *)arena_copy(arena, t->left_parts.data, t->left_parts.length);
  model_trees_prepare(arena, trees, t->reader->model->input_count);
}

/* ---- the learner ---- */

/* "5E-1", or "[5E-1]" since 3.1: the mean result before any tree. */
static float read_base_score(struct model_json *json, const struct model_at *at) {
  struct slice text = model_json_text(json, at);
  double number = 0;
  if (json->failed) return 0;
  if (text.length >= 2 && text.data[0] == '[' && text.data[text.length - 1] == ']')
    text = (struct slice){text.data + 1, text.length - 2};
  enum number_status status = number_parse_float(text, &number);
  float score = (float)number;
  if (text.length > 0 && memchr(text.data, ',', text.length) != NULL)
    model_json_fail(json, at, "the model has several outputs: one score is asked for");
  else if (status != NUMBER_OK || !float_finite((double)score))
    model_json_expected(json, at, "the text of a number as \"5E-1\"");
  return score;
}

static float log_odds(float p) { return -(float)float_ln((double)(1.0f / p - 1.0f)); }

/* base_score is a result; the sum begins with what the link makes that result of. */
static float base_margin(struct tree_reader *t, const struct model_at *at, enum model_link link, bool raw) {
  struct model_json *json = t->json;
  float score = read_base_score(json, at);
  const float least = 1e-6f; /* since 3 the library takes 0 and 1, of labels that are all equal, and bounds them */
  if (json->failed) return 0;
  if (raw && t->major == 1 && t->minor < LOGITRAW_CHANGED_MINOR) link = LINK_LOGISTIC;
  if (link == LINK_LOGISTIC) {
    if (t->major >= BOUNDED_SINCE_MAJOR && score < least && score >= 0) score = least;
    if (t->major >= BOUNDED_SINCE_MAJOR && score > 1.0f - least && score <= 1) score = 1.0f - least;
    if (!(score > 0 && score < 1))
      model_json_expected(json, at, "a base_score between 0 and 1, as this objective needs");
    return json->failed ? 0 : log_odds(score);
  }
  if (link == LINK_EXP) {
    if (!(score > 0)) model_json_expected(json, at, "a base_score above 0, as this objective needs");
    return json->failed ? 0 : (float)float_ln((double)score);
  }
  return score;
}

static enum model_link read_objective(struct model_json *json, const struct model_at *learner, bool *raw) {
  static const struct {
    const char *name;
    enum model_link link;
  } objectives[] = {
      {"binary:logistic", LINK_LOGISTIC},
      {"reg:logistic", LINK_LOGISTIC},
      {"binary:logitraw", LINK_IDENTITY},
      {"reg:squarederror", LINK_IDENTITY},
      {"reg:linear", LINK_IDENTITY},
      {"reg:squaredlogerror", LINK_IDENTITY},
      {"reg:absoluteerror", LINK_IDENTITY},
      {"reg:pseudohubererror", LINK_IDENTITY},
      {"rank:pairwise", LINK_IDENTITY},
      {"rank:ndcg", LINK_IDENTITY},
      {"rank:map", LINK_IDENTITY},
      {"count:poisson", LINK_EXP},
      {"reg:gamma", LINK_EXP},
      {"reg:tweedie", LINK_EXP},
  };
  const struct model_at objective = model_member(learner, "objective"), name = model_member(&objective, "name");
  struct slice text = model_json_text(json, &name);
  *raw = slice_equal(text, SLICE("binary:logitraw"));
  for (size_t i = 0; i < sizeof objectives / sizeof objectives[0]; i++)
    if (slice_equal(slice_of(objectives[i].name), text)) return objectives[i].link;
  model_json_fail(json, &name, "the objective `%s` is not supported; docs/models.md has those that are",
                  model_json_shown(json, text));
  return LINK_IDENTITY;
}

/* One output, and how many features: set in t. */
static void read_sizes(struct tree_reader *t, const struct model_at *param) {
  struct model_json *json = t->json;
  const struct model_at classes = model_member(param, "num_class"), targets = model_member(param, "num_target");
  const struct model_at features = model_member(param, "num_feature");
  if (classes.item != NULL && model_json_int(json, &classes, 0, INT32_MAX) > 1)
    model_json_fail(json, &classes, "a model of several classes is not supported: one score is asked for");
  if (targets.item != NULL && model_json_int(json, &targets, 0, INT32_MAX) > 1)
    model_json_fail(json, &targets, "a model of several targets is not supported: one score is asked for");
  t->feature_count = (uint32_t)model_json_int(json, &features, 0, INT32_MAX);
  if (json->failed || t->feature_count <= MODEL_INPUTS_MAX) return;
  model_json_fail(json, &features, "a model has at most %d inputs, this one has %u", MODEL_INPUTS_MAX,
                  t->feature_count);
}

/* The inputs by the names that the file has, else in the order of `in`. */
static void match_features(struct tree_reader *t, const struct model_at *learner) {
  struct model_json *json = t->json;
  const struct model_at names = model_member(learner, "feature_names");
  uint32_t count = names.item == NULL ? 0 : model_json_array(json, &names, MODEL_INPUTS_MAX), i = 0;
  uint32_t in_count = t->reader->source->input_count;
  if (json->failed) return;
  t->to_in = arena_array(t->reader->arena, uint16_t, t->feature_count);
  if (count == 0) {
    for (; i < t->feature_count; i++) t->to_in[i] = (uint16_t)i;
    if (t->feature_count != in_count)
      model_json_fail(json, learner, "the model has %u features without names, `in` has %u inputs", t->feature_count,
                      in_count);
    return;
  }
  if (count != t->feature_count) {
    model_json_fail(json, &names, "%u names for %u features", count, t->feature_count);
    return;
  }
  struct slice *texts = arena_array(&json->scratch, struct slice, count);
  for (const cJSON *item = names.item->child; item != NULL && !json->failed; item = item->next, i++) {
    const struct model_at element = model_element(&names, item, i);
    texts[i] = model_json_text(json, &element);
  }
  model_match(t->reader, &names, texts, count, t->to_in);
}

static void read_version(struct tree_reader *t, const struct model_at *root) {
  const struct model_at version = model_member(root, "version");
  if (version.item == NULL || model_json_array(t->json, &version, MODEL_INPUTS_MAX) < 2) return;
  const struct model_at major = model_element(&version, version.item->child, 0);
  const struct model_at minor = model_element(&version, version.item->child->next, 1);
  t->major = (uint32_t)model_json_int(t->json, &major, 0, INT32_MAX);
  t->minor = (uint32_t)model_json_int(t->json, &minor, 0, INT32_MAX);
}

static void read_booster(struct tree_reader *t, const struct model_at *learner) {
  struct model_json *json = t->json;
  const struct model_at booster = model_member(learner, "gradient_booster"), name = model_member(&booster, "name");
  const struct model_at inner = model_member(&booster, "gbtree"), weights = model_member(&booster, "weight_drop");
  const struct model_at none = {.parent = &booster};
  struct slice text = model_json_text(json, &name);
  if (json->failed) return;
  if (slice_equal(text, SLICE("gbtree")))
    read_trees(t, &booster, &none);
  else if (slice_equal(text, SLICE("dart")))
    read_trees(t, &inner, &weights);
  else
    model_json_fail(
        json, &name, "the booster `%s` is not supported: gbtree and dart are%s", model_json_shown(json, text),
        slice_equal(text, SLICE("gblinear")) ? "; weights of inputs are a model of the form \"logistic\"" : "");
}

void model_xgboost_read(struct model_reader *reader, const struct model_at *root) {
  struct model_json *json = &reader->json;
  struct model *model = reader->model;
  struct tree_reader t = {.reader = reader, .json = json, .leaf_slot = (uint16_t)(2 * reader->source->input_count)};
  const struct model_at learner = model_member(root, "learner"), param = model_member(&learner, "learner_model_param");
  const struct model_at base = model_member(&param, "base_score");
  bool raw = false;
  model->form = MODEL_TREES;
  if (!model_gives_float(reader) || !model_json_object(json, &learner, NULL)) return;
  buf_init(&t.nodes, json->mem);
  buf_init(&t.left_parts, json->mem);
  buf_init(&t.roots, json->mem);
  read_version(&t, root);
  model->trees.link = read_objective(json, &learner, &raw);
  read_sizes(&t, &param);
  model->trees.base = base_margin(&t, &base, model->trees.link, raw);
  match_features(&t, &learner);
  if (!json->failed) read_booster(&t, &learner);
  if (!json->failed) keep_trees(&t, &model->trees);
  buf_free(&t.nodes);
  buf_free(&t.left_parts);
  buf_free(&t.roots);
}
