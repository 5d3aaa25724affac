/* program.h - the flat program of a pattern: arrays of small fixed-size elements linked by indices.
 *
 * Private to nfa/. A node stands for "this step took the last event" (node step + 1; node 0 is the start). Its ways
 * are in the order in which they are asked (rule-language.md section 3, sentence 4). What may come now depends on the
 * run's counters: a way has guards over them and actions on them. README.md shows a worked trace. */
#ifndef WEIR_NFA_PROGRAM_H
#define WEIR_NFA_PROGRAM_H

#include "nfa/nfa.h"

enum { WAY_END = 0xffff, WAYS_PER_NODE_MAX = 64, FORKS_PER_NODE_MAX = 64, STEPS_MAX = 256, COUNTERS_MAX = 64 };

enum guard_op { GUARD_AT_LEAST, GUARD_BELOW, GUARD_BIT_CLEAR, GUARD_EQUAL };
struct guard {
  uint8_t op;
  uint8_t counter;
  uint32_t value;
};
enum action_op { ACTION_SET, ACTION_ADD, ACTION_BIT };
struct action {
  uint8_t op;
  uint8_t counter;
  uint32_t value;
};

struct typed_condition {
  uint16_t type;
  bool next;
  struct pattern_condition condition;
};

/* What a fork has decided about an `each` or `any` element that may be left out: it stays decided while steps before
 * the element take events. The counter of the element: 0 = open. */
enum { CHOICE_OPEN, CHOICE_MUST, CHOICE_LEFT_OUT };
struct choice {
  uint8_t counter, value;
};

struct range {
  uint16_t first, count;
}; /* a part of one of the program's arrays */

struct way {
  uint16_t target;   /* step, or WAY_END: the match is complete (at for_us after the last event, if that is not -1) */
  bool any;          /* may also be left untaken by an event that satisfies it */
  bool next;         /* strict contiguity; `among` empty: every event of the rule's types counts as next */
  struct range bars; /* the part of `until` that bars it when passed over: a loop of one step that has begun */
  struct range among, until, absences; /* typed conditions; absences: .next = only the first event passed over */
  struct range guards, actions;
  int64_t gap_us;  /* INT64_MAX = none */
  int64_t for_us;  /* WAY_END with a trailing absence; else -1 */
  uint64_t blocks; /* ways of this node that this one, once it takes the event, keeps from it (same fork) */
};

struct node {
  struct range ways;
  struct range forks; /* fork masks over the ways */
  int16_t end_way;    /* index within the node, -1 = none */
  bool all_gaps;      /* every way has a gap: a run is dead when the longest has passed */
  int64_t gap_max_us;
  struct range closers; /* until conditions of groups around the step: typed conditions … */
  struct range closed;  /* … and the counters that they set (uint8, same count) */
  uint64_t wait_mask;   /* predicate ids modulo 64, all types; all ones with any_event */
};

struct program_step {
  uint16_t type;
  struct pattern_condition condition;
  struct range registers;
};
struct wait_list {
  const int32_t *items;
  uint16_t count;
  bool any;
};
struct lane_step {
  uint64_t wait_mask;
  int32_t predicate; /* of the step that comes next */
  uint16_t type;
  bool plain; /* nothing bars it: no `next`, no `among`, no absence */
};
enum { EVERY_EVENT = UINT16_MAX }; /* as the count of an interest */

struct pattern {
  uint16_t step_count, node_count, counter_count, register_count, type_count;
  struct program_step *steps;
  const struct slice *step_names;
  struct node *nodes;
  struct way *ways;
  uint64_t *forks;            /* the ways of each */
  struct range *fork_choices; /* of each: in choices */
  struct range *fork_guards;  /* of each: in guards; one that does not hold: the loop cannot be decided so (any more) */
  struct choice *choices;
  struct guard *guards;
  struct action *actions;
  struct typed_condition *conditions;
  uint8_t *closed_counters;
  struct pattern_register *registers; /* ordered by step */
  uint16_t *register_order;           /* position in BANK_REGISTER of each */
  struct range *interests; /* [node * type_count + type index]: a part of interest_predicates, or EVERY_EVENT */
  int32_t *interest_predicates;
  uint16_t *types;
  struct pattern_start *starts;
  uint16_t start_count;
  struct wait_list *waits; /* per type index: what any waiting run may ask */
  int32_t *predicates;     /* of all conditions, each once */
  uint16_t predicate_count;
  int64_t within_us;
  enum pattern_report report;
  int64_t report_limit;
  enum pattern_after after;
  uint16_t after_step;
  bool forking;  /* some node has several forks, or an `any` way, or alternatives side by side */
  bool trailing; /* a trailing absence */
  int64_t trailing_us;
  bool pure;          /* no residual conditions, no registers */
  bool starts_before; /* run.start_time is in start_slot of its first event: they are in no order */
  bool counts_before; /* the first event stands for so many as start_count_slot of it says */
  uint16_t start_slot, start_count_slot;
  uint32_t told_events_max;
  bool by_start;                       /* report longest or timeout: forks of a start are told together */
  uint32_t counters_offset, run_bytes; /* of struct run with its counters and accumulators */
  uint32_t due_offset;                 /* of struct due in it, if starts_before */
  uint32_t *register_offsets;
  uint8_t *loop_counters; /* per step: the counter of its own loop (meaningless without one) */
  bool *tapes;            /* per node: its runs may share totals */
  bool any_tape;
  bool lanes;                   /* a plain sequence: lane.c */
  struct lane_step *lane_steps; /* of those: per node, what its runs wait for (of node 0: what begins one) */
  uint32_t *counter_clamps;     /* per counter: above it all values are alike; 0 = no such bound */
  const char *not_compact;      /* why the compact set does not apply; NULL = it does */
};

/* chain.c: where a run's counters and accumulators stand. */
void program_layout(struct pattern *pattern, struct arena *arena);

static inline int program_type_index(const struct pattern *p, uint16_t type) {
  for (int i = 0; i < p->type_count; i++)
    if (p->types[i] == type) return i;
  return -1;
}

#endif
