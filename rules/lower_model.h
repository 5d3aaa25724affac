/* lower_model.h - models while a rule set is compiled: the file of a declaration, and what may be given to it. */
#ifndef WEIR_RULES_LOWER_MODEL_H
#define WEIR_RULES_LOWER_MODEL_H

#include "base/model.h"
#include "rules/lower.h"

/* The model of `model NAME from file "…"`, read into the rule set's arena, its inputs in the order of `in`. A path
 * counts from the folder of the rule file. NULL after an error that was said at the file's place. */
const struct model *lower_model_file(struct lower *lower, const struct model_tree *tree);

/* Whether values of these types, one for each name of `in`, may be given to the model: asked wherever a rule asks it,
 * since the names stand for something else there. False after an error that was said at `span`. */
bool lower_model_takes(struct lower *lower, const struct model_tree *tree, const struct model *model,
                       const struct type *types, struct span span);

void lower_models(struct lower *lower); /* all that are declared: before anything asks them */
/* `model.output`: NULL after an error that was said. */
struct expr_node *lower_model_value(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr);

#endif
