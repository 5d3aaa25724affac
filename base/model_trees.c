/* model_trees.c - boosted trees: the score of an event, and what each input adds to it. Owns nothing; model_core.h has
 * the form of the nodes. Called by model.c.
 *
 * The score is the library's to the last bit: inputs become floats, comparisons are of floats, the leaves are added as
 * floats in the order of the trees, beginning with base_score. The link function is computed in double and rounded to
 * float, which is what a correctly rounded expf() gives. */
#include "base/model_core.h"

#include "base/float_math.h"

/* ---- score ---- */

/* Both slots of each input, and the slot of the leaves. */
static void fill_slots(const struct model *model, const struct value *inputs, float *slots) {
  const float infinity = __builtin_inff();
  for (uint32_t i = 0; i < model->input_count; i++) {
    struct value v = inputs[i];
    float x = v.kind == VALUE_INT ? (float)v.i : (float)model_number_of(v);
    slots[2 * i] = v.kind == VALUE_NULL ? -infinity : x;
    slots[2 * i + 1] = v.kind == VALUE_NULL ? infinity : x;
  }
  slots[model->trees.leaf_slot] = -infinity;
}

/* One level down in each tree of a block. Slots are never not-a-number, so exactly one side holds. */
#define DOWN(k)                                                                                                        \
  do {                                                                                                                 \
    const struct tree_node *node = nodes + at##k;                                                                      \
    at##k += node->step + (slots[node->slot] >= node->limit);                                                          \
  } while (0)
#define DOWN_ALL                                                                                                       \
  do {                                                                                                                 \
    DOWN(0);                                                                                                           \
    DOWN(1);                                                                                                           \
    DOWN(2);                                                                                                           \
    DOWN(3);                                                                                                           \
    DOWN(4);                                                                                                           \
    DOWN(5);                                                                                                           \
    DOWN(6);                                                                                                           \
    DOWN(7);                                                                                                           \
  } while (0)
_Static_assert(TREE_BLOCK == 8, "DOWN_ALL goes down in eight trees");

/* The sum with one block's leaves. After each LEVELS_BETWEEN levels a block whose trees all stand at leaves is done:
 * trees that are much deeper in one place than elsewhere cost their usual path. */
static float add_block(const struct tree_node *nodes, const uint32_t *roots, unsigned depth, const float *slots,
                       float sum) {
  enum { LEVELS_BETWEEN = 8 };
  uint32_t at0 = roots[0], at1 = roots[1], at2 = roots[2], at3 = roots[3];
  uint32_t at4 = roots[4], at5 = roots[5], at6 = roots[6], at7 = roots[7];
  while (depth > LEVELS_BETWEEN) {
    for (unsigned level = 0; level < LEVELS_BETWEEN; level++) DOWN_ALL;
    depth -= LEVELS_BETWEEN;
    unsigned steps = nodes[at0].step | nodes[at1].step | nodes[at2].step | nodes[at3].step;
    steps |= nodes[at4].step | nodes[at5].step | nodes[at6].step | nodes[at7].step;
    if (steps == 0) depth = 0;
  }
  for (; depth > 0; depth--) DOWN_ALL;
  sum += nodes[at0].limit;
  sum += nodes[at1].limit;
  sum += nodes[at2].limit;
  sum += nodes[at3].limit;
  sum += nodes[at4].limit;
  sum += nodes[at5].limit;
  sum += nodes[at6].limit;
  return sum + nodes[at7].limit;
}
#undef DOWN_ALL
#undef DOWN

/* As the library's Sigmoid(): a float step by step. */
static float logistic_link(float margin) {
  const float largest = 88.7f; /* exp() of more is no float */
  float x = -margin < largest ? -margin : largest;
  return 1.0f / ((float)float_exp((double)x) + 1.0f + 1e-16f);
}

struct value model_trees_score(const struct model *model, const struct value *inputs) {
  const struct model_trees *trees = &model->trees;
  float slots[2 * MODEL_INPUTS_MAX + 1], sum = trees->base;
  fill_slots(model, inputs, slots);
  for (uint32_t block = 0; block < trees->block_count; block++)
    sum = add_block(trees->nodes, trees->roots + block * TREE_BLOCK, trees->depths[block], slots, sum);
  if (trees->link == LINK_LOGISTIC) sum = logistic_link(sum);
  if (trees->link == LINK_EXP) sum = (float)float_exp((double)sum);
  double score = (double)sum + 0.0; /* the language has no -0 */
  return float_finite(score) ? value_float(score) : value_null();
}

/* ---- shares ----
 *
 * Exact Shapley values of the game "an input that is known sends the event its way, one that is not sends it both ways,
 * in the proportion of the training data": path-dependent TreeSHAP (Lundberg et al., From local explanations to global
 * understanding with explainable AI for trees, Nature Machine Intelligence 2, 2020), which is also what XGBoost's
 * pred_contribs gives. On the path to a leaf of value v each input j on it has h_j, 1 if the event goes this way at all
 * its nodes, else 0, and z_j, the product of the parts of the training data that went this way. The leaf gives input i
 *
 *   v * (h_i - z_i) * integral from 0 to 1 of  product over j != i of (h_j t + z_j (1 - t))  dt
 *
 * (Owen, Multilinear extensions of games, Management Science 18, 1972: t is the chance that another input is known).
 * The integrand is a polynomial of degree d - 1 for d inputs on the path, so Gauss-Legendre integration with d / 2
 * points, rounded up, is exact; all its terms are positive, so nothing is lost by cancellation. Leaves below one edge
 * share what the edge's input gets: their sums are carried up and multiplied at the edge (as in Linear TreeSHAP, Yu et
 * al., 2022). That is O(nodes * points) a tree. Beyond 2 * TREE_POINTS_MAX inputs on one path the integral is rounded,
 * far below the digits of a float. */

struct path_input { /* of the edges from the root to here */
  double hot, zero; /* h, z */
};

/* At one point: the product of the path's terms; its sum over the leaves below, times their values and the weight of
 * the point; what the sums below the two edges are multiplied with; the product behind the right edge. */
struct level_point {
  double product, sum, left, right, right_product;
};

struct share_walk {
  const struct model_trees *trees;
  const float *slots;
  struct path_input *inputs;  /* of each input */
  struct level_point *levels; /* point_count of them for each level */
  double *shares;
};

enum { ZERO_EXPONENT_MIN = -100 }; /* parts below 2^-100 are as good as none, and stay divisible */

/* What the edges of a path must not lose: a part that is above zero. */
static double part_product(double zero, double part) {
  const double least = 1.0 / (double)((__int128)1 << -ZERO_EXPONENT_MIN);
  double product = zero * part;
  return product < least ? least : product;
}

static void walk(struct share_walk *w, uint32_t at, struct level_point *here);

/* The sums of the leaves below `at`, into its level. */
static inline void go_down(struct share_walk *w, uint32_t at, struct level_point *here) {
  const struct model_trees *trees = w->trees;
  const struct tree_node *node = &trees->nodes[at];
  if (node->step > 0) {
    walk(w, at, here);
    return;
  }
  for (uint32_t p = 0; p < trees->point_count; p++)
    here[p].sum = trees->weights[p] * here[p].product * (double)node->limit;
}

/* What is divided at a node, with one division: `old` is its input on the path to it, `left` and `right` behind the
 * edges. Puts the product behind the left edge where the next level looks for it. */
static inline void divide(const struct share_walk *w, struct level_point *here, struct path_input old,
                          struct path_input left, struct path_input right) {
  const uint32_t points = w->trees->point_count;
  for (uint32_t p = 0; p < points; p++) {
    double known = w->trees->points[p], other = 1.0 - known, term = old.hot * known + old.zero * other;
    double left_term = left.hot * known + left.zero * other, right_term = right.hot * known + right.zero * other;
    double both = left_term * right_term, one = 1.0 / (both * term), inverse = one * both, rest = one * term;
    double product = here[p].product * inverse, old_share = (old.hot - old.zero) * inverse;
    here[points + p].product = product * left_term;
    here[p].right_product = product * right_term;
    here[p].left = (left.hot - left.zero) * (rest * right_term) - old_share;
    here[p].right = (right.hot - right.zero) * (rest * left_term) - old_share;
  }
}

/* Recursion over a tree of at most MODEL_TREE_DEPTH_MAX levels. No branch depends on where the event goes: it would be
 * guessed wrongly half the time. */
static void walk(struct share_walk *w, uint32_t at, struct level_point *here) {
  static const double truths[] = {0.0, 1.0};
  const struct model_trees *trees = w->trees;
  const struct tree_node *node = &trees->nodes[at];
  const uint32_t points = trees->point_count;
  struct level_point *there = here + points;
  uint32_t input = node->slot / 2u, left_child = at + node->step;
  struct path_input old = w->inputs[input];
  double goes_left = truths[w->slots[node->slot] < node->limit], left_part = (double)trees->left_parts[at];
  struct path_input left = {old.hot * goes_left, part_product(old.zero, left_part)};
  struct path_input right = {old.hot * (1.0 - goes_left), part_product(old.zero, 1.0 - left_part)};
  double share = 0;
  divide(w, here, old, left, right);
  w->inputs[input] = left;
  go_down(w, left_child, there);
  for (uint32_t p = 0; p < points; p++) {
    here[p].sum = there[p].sum;
    share += there[p].sum * here[p].left;
    there[p].product = here[p].right_product;
  }
  w->inputs[input] = right;
  go_down(w, left_child + 1, there);
  for (uint32_t p = 0; p < points; p++) {
    here[p].sum += there[p].sum;
    share += there[p].sum * here[p].right;
  }
  w->inputs[input] = old;
  w->shares[input] += share;
}

bool model_trees_shares(const struct model *model, const struct value *inputs, struct arena *scratch, double *shares,
                        double *base) {
  const struct model_trees *trees = &model->trees;
  float slots[2 * MODEL_INPUTS_MAX + 1];
  fill_slots(model, inputs, slots);
  struct share_walk w = {.trees = trees,
                         .slots = slots,
                         .inputs = arena_array(scratch, struct path_input, model->input_count),
                         .levels = arena_array(scratch, struct level_point, (trees->depth + 1u) * trees->point_count),
                         .shares = shares};
  for (uint32_t i = 0; i < model->input_count; i++) {
    w.inputs[i] = (struct path_input){1.0, 1.0};
    shares[i] = 0;
  }
  for (uint32_t p = 0; p < trees->point_count; p++) w.levels[p].product = 1.0;
  for (uint32_t tree = 0; tree < trees->tree_count; tree++) go_down(&w, trees->roots[tree], w.levels);
  *base = trees->mean;
  return true;
}

/* ---- what shares need of the model alone ---- */

/* The Legendre polynomial of degree `degree` at x, and its derivative, by the three-term recurrence. */
static double legendre(uint32_t degree, double x, double *slope) {
  double before = 1.0, here = x;
  for (uint32_t k = 2; k <= degree; k++) {
    double next = ((2.0 * k - 1.0) * x * here - (k - 1.0) * before) / (double)k;
    before = here;
    here = next;
  }
  *slope = degree * (x * here - before) / (x * x - 1.0);
  return here;
}

/* Zeros by Newton's method from Tricomi's estimate (Press et al., Numerical Recipes, 4.6). */
static void set_points(struct arena *arena, struct model_trees *trees, uint32_t input_count) {
  enum { ROUNDS = 20 };
  uint32_t most = trees->depth < input_count ? trees->depth : input_count;
  uint32_t count = most <= 1 ? 1 : (most + 1) / 2;
  if (count > TREE_POINTS_MAX) count = TREE_POINTS_MAX;
  double *points = arena_array(arena, double, count), *weights = arena_array(arena, double, count);
  for (uint32_t i = 0; i < count; i++) {
    double x = float_cos_degrees(180.0 * (i + 0.75) / (count + 0.5)), slope = 1.0;
    for (unsigned round = 0; round < ROUNDS; round++) {
      double value = legendre(count, x, &slope);
      x -= value / slope;
    }
    legendre(count, x, &slope);
    points[i] = (1.0 - x) / 2.0; /* from (-1, 1) to (0, 1) */
    weights[i] = 1.0 / ((1.0 - x * x) * slope * slope);
  }
  trees->point_count = count;
  trees->points = points;
  trees->weights = weights;
}

/* The mean of a tree over the training data. */
static double mean_of(const struct model_trees *trees, uint32_t at) {
  const struct tree_node *node = &trees->nodes[at];
  if (node->step == 0) return (double)node->limit;
  double left_part = (double)trees->left_parts[at];
  return left_part * mean_of(trees, at + node->step) + (1.0 - left_part) * mean_of(trees, at + node->step + 1u);
}

void model_trees_prepare(struct arena *arena, struct model_trees *trees, uint32_t input_count) {
  set_points(arena, trees, input_count);
  trees->mean = (double)trees->base;
  for (uint32_t tree = 0; tree < trees->tree_count; tree++) trees->mean += mean_of(trees, trees->roots[tree]);
}
