/* truth.c - the slow side of truth_holds(): evaluate a predicate that nobody asked for yet, and remember the answer. */
#include "nfa/truth.h"

bool truth_ask(struct truth *truth, int32_t predicate) {
  bool holds = expr_truth(truth->predicates[predicate].expr, truth->env) == 1;
  truth_mark(truth, predicate, holds);
  return holds;
}
