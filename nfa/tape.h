/* tape.h - runs that stand in the same loop share its totals: an event that the loop takes costs one update, however
 * many runs there are. Private to nfa/.
 *
 * Where a loop is decisive and its condition reads one event only, all runs in it take the same events. They join the
 * tape of their node; what a run has of the loop is the difference of two totals (its own part was lowered by the total
 * at the time of joining, and is lifted by the total when somebody asks). A run leaves the tape when it takes another
 * step; its chain then has a segment of the tape's chain. */
#ifndef WEIR_NFA_TAPE_H
#define WEIR_NFA_TAPE_H

#include "nfa/run.h"

enum { TAPE_RUNS_MIN = 4, TAPE_TRIM_MIN = 64 };

struct tape {
  struct run *first, *last; /* by start; linked by run.previous, run.next */
  struct link *tail;        /* the loop's events, back to the oldest run's and at most as many again */
  uint32_t links;           /* length of that chain */
  uint32_t longest;         /* with total.length: at least the events that any of the runs holds */
  bool by_length;           /* the earlier starts hold more, so the first run has most */
  struct run total;         /* length = events so far; last_time, barred, passed are the runs'; then its accumulators */
};

/* Whether runs at the node may share (found at compile time). */
bool tape_possible(const struct pattern *p, int node);
/* The event comes to the node's tape, if it has one: some runs leave, the others take it or pass over it. */
void tape_event(struct stepping *s, int node);
/* After the event: runs at the node that took it join, once there are enough of them. */
void tape_join(struct stepping *s, int node);
void tape_remove(struct stepping *s, struct run *run); /* unlinks it; its totals are the run's again */
void tapes_free(struct stepping *s);

#endif
