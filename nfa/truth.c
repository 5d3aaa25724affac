/* truth.c - the slow side of truth_holds(): evaluate a predicate that nobody asked for yet, and remember the answer. */
#include "nfa/truth.h"

bool truth_evaluate(struct truth *truth, int32_t predicate) {
  struct expr_counts *before = truth->env->counts;
  uint32_t lap = laps_enter(truth->laps, truth->lap_first + (uint32_t)predicate);
  if (truth->counts != NULL) truth->env->counts = &truth->counts[predicate];
  bool holds = expr_truth(truth->predicates[predicate].expr, truth->env) == 1;
  truth->env->counts = before;
  if (!holds) laps_count(truth->laps, truth->lap_first + (uint32_t)predicate);
  laps_enter(truth->laps, lap);
  return holds;
}

bool truth_ask(struct truth *truth, int32_t predicate) {
  bool holds = truth_evaluate(truth, predicate);
  truth_mark(truth, predicate, holds);
  return holds;
}
