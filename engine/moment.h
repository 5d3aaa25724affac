/* moment.h - the place of everything that happens in the one total order (runtime page, 2).
 *
 * Phase 0 is a source event and all that it causes at once, in every stage; phase 1 + s are the timers of stage s and
 * what they cause. What one event or timer causes has its moment, and is ordered there by the name of the rule or event
 * type, then in the order of making. */
#ifndef WEIR_ENGINE_MOMENT_H
#define WEIR_ENGINE_MOMENT_H

#include "base/event.h"

struct moment {
  int64_t time;
  uint32_t phase;
  struct position position; /* phase 0: of the source event, whatever its `derived` says */
  struct slice name, key;   /* timers: of the rule or event type, and its key as JSON text; borrowed */
};

static inline int position_compare(const struct position *a, const struct position *b) {
  if (a->source != b->source) return a->source < b->source ? -1 : 1;
  if (a->partition != b->partition) return a->partition < b->partition ? -1 : 1;
  return (a->offset > b->offset) - (a->offset < b->offset);
}

static inline int moment_compare(const struct moment *a, const struct moment *b) {
  if (a->time != b->time) return a->time < b->time ? -1 : 1;
  if (a->phase != b->phase) return a->phase < b->phase ? -1 : 1;
  if (a->phase == 0) return position_compare(&a->position, &b->position);
  int names = slice_compare(a->name, b->name);
  return names != 0 ? names : slice_compare(a->key, b->key);
}

#endif
