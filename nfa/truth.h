/* truth.h - which predicates hold for the event in hand: each is evaluated at most once an event, only when asked.
 *
 * A predicate is a condition on one event alone, interned over all rules (equal conditions are one predicate). The
 * index (rules/index) marks those that it can look up; the others are evaluated here when somebody asks. */
#ifndef WEIR_NFA_TRUTH_H
#define WEIR_NFA_TRUTH_H

#include "base/event.h"
#include "base/expr.h"
#include "base/laps.h"

enum { PREDICATE_TRUE = -1 }; /* as a predicate id: holds for every event of its type */

struct predicate {
  const struct expr *expr; /* reads BANK_EVENT only (and lists, tables) */
  uint16_t type;           /* schema id: only asked for events of this type */
  bool indexed;            /* the index marks it for every event that satisfies it: unmarked = false */
  uint16_t cost;           /* 0 cheap … 100 a regex: what to ask first */
};

struct truth {
  const struct predicate *predicates;
  uint64_t *marks;            /* one per predicate: (epoch << 1) | holds; any other epoch = not known yet */
  uint64_t epoch;             /* of the event in hand; grows by one per event */
  struct expr_counts *counts; /* one per predicate: what went wrong in evaluating it */
  struct expr_env *env;       /* env->banks[BANK_EVENT] = the event's values */
  struct laps *laps;          /* profiles: each predicate that is evaluated is charged, and counted when it does not */
  uint32_t lap_first;         /* hold; row of predicate 0. NULL = nobody asks */
};

bool truth_evaluate(struct truth *truth, int32_t predicate); /* its expression, whatever is known */
bool truth_ask(struct truth *truth, int32_t predicate);

static inline bool truth_holds(struct truth *truth, int32_t predicate) {
  if (predicate == PREDICATE_TRUE) return true;
  uint64_t mark = truth->marks[predicate];
  if (mark >> 1 == truth->epoch) return mark & 1;
  if (truth->predicates[predicate].indexed) return false;
  return truth_ask(truth, predicate);
}
static inline void truth_mark(struct truth *truth, int32_t predicate, bool holds) {
  truth->marks[predicate] = truth->epoch << 1 | (holds ? 1u : 0u);
}

#endif
