/* model.h - models that give a score: gradient-boosted trees as XGBoost saves them, logistic regressions, scorecards.
 *
 * A model is read from JSON (docs/models.md) into an arena and never changes; any thread may ask it. It takes the
 * values of a rule, in the order of the rule's `in`, and gives a number or null. Asking allocates nothing. Trees give
 * the library's own result: float comparisons and float sums in its order; exp and ln are the house's. Used by
 * rules/lower (reading) and by whoever answers expr_lookup.model_get. */
#ifndef WEIR_BASE_MODEL_H
#define WEIR_BASE_MODEL_H

#include "base/err.h"
#include "base/expr.h"
#include "base/value.h"

enum {
  MODEL_FILE_BYTES_MAX = 1 << 26,
  MODEL_VALUES_MAX = 1 << 23, /* numbers, texts, objects, arrays of a file */
  MODEL_NESTING_MAX = 64,     /* arrays and objects in each other */
  MODEL_INPUTS_MAX = EXPR_MODEL_INPUTS_MAX,
  MODEL_TREES_MAX = 20000,
  MODEL_TREE_NODES_MAX = 65535,
  MODEL_TREE_DEPTH_MAX = 256,
  MODEL_POINTS_DIGITS_MAX = 6, /* digits after the point of a scorecard's points */
  MODEL_SHARE_DIGITS = 6
};

enum model_form { MODEL_TREES, MODEL_LOGISTIC, MODEL_SCORECARD };

struct model;

/* What the file is, and what the rule file says about it. Nothing is borrowed. */
struct model_source {
  const char *path; /* for errors */
  struct slice json;
  uint32_t input_count;
  const struct slice *inputs; /* `in`, each name once */
  struct type type;           /* `out` */
};

/* NULL and ERR_ABORT with a text that says where (err->line and column if it is no JSON, else the text begins with the
 * path in the JSON) and what is wrong. What is kept is in `arena`; the JSON tree is the C library's while it reads. */
const struct model *model_load(struct arena *arena, const struct model_source *source, struct err *err);

enum model_form model_form_of(const struct model *model);
/* "boosted trees, 100 of them", …: for explain. */
const char *model_summary(const struct model *model, char out[64]);
uint32_t model_input_count(const struct model *model);
struct slice model_input_name(const struct model *model, uint32_t input);
struct type model_type(const struct model *model);

/* NULL if values of this type may be given to the input, else a static text that says what it takes. */
const char *model_refuses(const struct model *model, uint32_t input, struct type type);

/* The score of model_input_count() values, of model_type(); null where a null has no declared meaning, or where the
 * result is beyond the range of a double. */
struct value model_score(const struct model *model, const struct value *inputs);

/* What each input adds to the raw score: shares[i] for input i, so that the sum of *base and all shares is the raw
 * score (trees: before the link function; logistic: the log of the odds; scorecard: the score). False where a null
 * leaves no score.
 *
 * Trees: exact Shapley values of the path-dependent kind, as XGBoost's pred_contribs, *base being the mean over the
 * training data (model_trees.c). Logistic: weight * (x - mean) / scale. Scorecard: the points. What `scratch` gives is
 * needed until the call returns. O(nodes * depth), so only for what is told. */
bool model_shares(const struct model *model, const struct value *inputs, struct arena *scratch, double *shares,
                  double *base);

/* What an alert carries: {"base":-1.5,"shares":{"n_1h":2.25,"amount":-0.1}}, by falling magnitude, each rounded to
 * MODEL_SHARE_DIGITS digits after the point. `null` where there are none. */
void model_write_shares(struct buf *out, const struct model *model, const struct value *inputs, struct arena *scratch);

/* Inputs by falling magnitude of their share, equal ones in the order of `in`: order[0 … model_input_count()). */
void model_rank(const struct model *model, const double *shares, uint16_t *order);

#endif
