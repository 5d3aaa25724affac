/* model_core.h - what the files of a model share; nobody else includes it.
 *
 * model.c            loading, names, dispatch
 * model_json.c       the JSON tree with places, for errors
 * model_xgboost.c    XGBoost's JSON to trees
 * model_trees.c      trees: score and shares
 * model_logistic.c   logistic regressions: reading, score, shares
 * model_scorecard.c  scorecards: the same */
#ifndef WEIR_BASE_MODEL_CORE_H
#define WEIR_BASE_MODEL_CORE_H

#include "base/model.h"
#include "base/model_json.h"

/* ---- trees ----
 *
 * A node is 8 bytes. Its two children stand side by side, `step` behind it, so one comparison gives the next node:
 * node + step + (x >= limit). Each input is there twice: slot 2 i has -infinity where the input is missing, slot
 * 2 i + 1 has +infinity; a node that sends what is missing to the left reads the first, else the second. A leaf has
 * step 0 and reads a slot that is always -infinity, so it goes to itself; its limit is its value. So all trees of a
 * block take the same number of steps, without a branch that depends on data. */
struct tree_node {
  float limit;
  uint16_t slot, step;
};
_Static_assert(sizeof(struct tree_node) == 8, "eight nodes a cache line");

enum {
  TREE_BLOCK = 8, /* trees that are walked side by side */
  TREE_POINTS_MAX = 32
};

enum model_link { LINK_IDENTITY, LINK_LOGISTIC, LINK_EXP };

struct model_trees {
  const struct tree_node *nodes; /* of all trees, each tree breadth first */
  const float *left_parts;       /* of each inner node: the part of its training weight that went left, in (0, 1) */
  const uint32_t *roots;         /* block_count * TREE_BLOCK; the last block is filled with a leaf of value 0 */
  const uint16_t *depths;        /* of each block's deepest tree */
  uint32_t tree_count, block_count;
  uint16_t leaf_slot; /* always -infinity */
  uint16_t depth;
  enum model_link link;
  float base;           /* where the sum begins: base_score before the link */
  double mean;          /* of the raw score over the training data: where shares begin */
  uint32_t point_count; /* Gauss-Legendre on (0, 1), for shares */
  const double *points, *weights;
};

/* ---- logistic ---- */

struct logistic_input {
  double weight, mean, scale;
  double null; /* what stands for null */
  bool takes_null;
};
struct model_logistic {
  double intercept;
  const struct logistic_input *inputs;
};

/* ---- scorecards: points are whole numbers of 10^-scale ---- */

struct scorecard_input {
  bool by_value; /* else by bins */
  bool takes_null, takes_other;
  int64_t null_points, other_points; /* other: a value that is not listed */
  uint32_t count;
  const double *below;        /* bins: ascending; the last bin has none */
  const struct slice *values; /* sorted */
  const int64_t *points;
};
struct model_scorecard {
  unsigned scale;
  int64_t base;
  const struct scorecard_input *inputs;
};

struct model {
  enum model_form form;
  struct type type;
  uint32_t input_count;
  const struct slice *inputs;
  union {
    struct model_trees trees;
    struct model_logistic logistic;
    struct model_scorecard scorecard;
  };
};

/* While a file is read. */
struct model_reader {
  struct model_json json; /* errors, scratch memory */
  struct arena *arena;    /* what is kept */
  const struct model_source *source;
  struct model *model;
};

/* to_in[k] = the place in `in` of the model's input names[k]. Every name of one side must be on the other; said if not.
 */
bool model_match(struct model_reader *reader, const struct model_at *at, const struct slice *names, uint32_t count,
                 uint16_t *to_in);
/* The same for an object whose members are the inputs: each member that is an input of `in`, and all of them. */
bool model_match_members(struct model_reader *reader, const struct model_at *at, uint16_t *to_in);
/* That `out` is a float, said if not. */
bool model_gives_float(struct model_reader *reader);

/* The nearest double of a number or bool that is not null. */
double model_number_of(struct value v);

/* Readers set what is theirs in reader->model; what is wrong is said in reader->json. */
void model_xgboost_read(struct model_reader *reader, const struct model_at *root);
void model_logistic_read(struct model_reader *reader, const struct model_at *root);
void model_scorecard_read(struct model_reader *reader, const struct model_at *root);

/* What shares need of trees that are otherwise complete: points, weights, the mean. */
void model_trees_prepare(struct arena *arena, struct model_trees *trees, uint32_t input_count);

struct value model_trees_score(const struct model *model, const struct value *inputs);
struct value model_logistic_score(const struct model *model, const struct value *inputs);
struct value model_scorecard_score(const struct model *model, const struct value *inputs);
bool model_trees_shares(const struct model *model, const struct value *inputs, struct arena *scratch, double *shares,
                        double *base);
bool model_logistic_shares(const struct model *model, const struct value *inputs, double *shares, double *base);
bool model_scorecard_shares(const struct model *model, const struct value *inputs, double *shares, double *base);

#endif
