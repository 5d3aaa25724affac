/* model_json.h - a JSON file as a tree whose every value knows its place: "learner.gradient_booster.model.trees[3]".
 *
 * Used by the readers of models. The first thing that is wrong is said and sets `failed`; from there on every function
 * gives something harmless, so that readers need few error paths. Size, number of values and nesting are counted before
 * the text is given to cJSON. A place is a chain of steps on the C stack: what model_member() is given must live as
 * long as what it returns. */
#ifndef WEIR_BASE_MODEL_JSON_H
#define WEIR_BASE_MODEL_JSON_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct model_json {
  struct mem *mem;
  struct arena scratch; /* the owner's to free */
  struct err *err;
  const char *path; /* of the file */
  bool failed;
};

struct model_at {
  const cJSON *item; /* NULL = absent */
  const struct model_at *parent;
  const char *name; /* NULL: element `index` of an array */
  uint32_t index;
};

/* The tree, to be freed with cJSON_Delete(); NULL after what was said. */
cJSON *model_json_parse(struct model_json *json, struct slice text);

void model_json_fail(struct model_json *json, const struct model_at *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "expected WHAT, found the number 3". */
void model_json_expected(struct model_json *json, const struct model_at *at, const char *what);

/* A name from a file in an error text: cut, without control characters. In json->scratch. */
const char *model_json_shown(struct model_json *json, struct slice text);

struct model_at model_member(const struct model_at *object, const char *name);
static inline struct model_at model_element(const struct model_at *array, const cJSON *item, uint32_t index) {
  return (struct model_at){item, array, NULL, index};
}

/* An object; with `words` (separated by spaces) each member is among them, once. Says what is wrong. */
bool model_json_object(struct model_json *json, const struct model_at *at, const char *words);
/* How many elements; said if it is no array or has more than `most`: then 0. */
uint32_t model_json_array(struct model_json *json, const struct model_at *at, uint32_t most);
/* A finite number. */
double model_json_number(struct model_json *json, const struct model_at *at);
/* An int, also as text, as XGBoost writes its parameters. */
int64_t model_json_int(struct model_json *json, const struct model_at *at, int64_t least, int64_t most);
/* Borrowed from the tree. */
struct slice model_json_text(struct model_json *json, const struct model_at *at);

#endif
