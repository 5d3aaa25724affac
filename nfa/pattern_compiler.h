/* pattern_compiler.h - what the two files of the pattern compiler share; nobody else includes it.
 *
 * pattern.c makes the tree an array, has the ways of each node built (pattern_way.c), and adds what the program needs
 * beside them. */
#ifndef WEIR_NFA_PATTERN_COMPILER_H
#define WEIR_NFA_PATTERN_COMPILER_H

#include "nfa/program.h"

enum { PATH_PARTS_MAX = 48, TUPLE_MAX = 32 };

struct elem {
  const struct pattern_node *node;
  int parent;         /* -1 for the root */
  int index;          /* among the parent's children */
  int first_child;    /* children are consecutive */
  int position;       /* of its first step in the text */
  bool nullable;      /* its body may take no event */
  int counter;        /* loop count or rounds, -1 = none needed */
  int mask_counter;   /* `and`: operands done */
  int closed_counter; /* group with until */
  int choice_counter; /* `each` or `any` that may be left out: what a fork decided */
  int height;
};

struct decision {
  int elem;
  bool inside;
};
struct alternative {
  int elem, index;
};

/* A path under construction, copied at each branching. */
struct path {
  struct guard guards[PATH_PARTS_MAX];
  struct action actions[PATH_PARTS_MAX];
  struct decision decisions[PATH_PARTS_MAX];
  struct alternative alternatives[PATH_PARTS_MAX];
  int absences[PATH_PARTS_MAX]; /* elements */
  int tuple[TUPLE_MAX];
  int guard_count, action_count, decision_count, alternative_count, absence_count, tuple_count;
  int container;  /* innermost element that the path has not left; -1 = everything (start) */
  int entry;      /* element whose connector and edge gap the first event takes; -1 = the target's own */
  int round;      /* element of which this is a new round or iteration; -1 */
  int64_t gap_us; /* the shortest of the edges' gaps on the way; INT64_MAX = none */
};

struct draft {
  struct way way;
  struct path path;
  int target_elem;
};

struct compiler {
  struct arena *arena;
  struct arena scratch; /* of this compilation: what grows is copied to `arena` when it has its size */
  const struct pattern_spec *spec;
  struct err *err;
  bool failed;
  struct elem *elems;
  int elem_count, position, counters;
  int step_elem[STEPS_MAX];
  struct draft *drafts; /* of the node in hand */
  int draft_count, draft_capacity;
  struct pattern *program;
  struct typed_condition *conditions;
  int condition_count, condition_capacity;
  int way_count, fork_count, guard_count, action_count, closed_count, choice_count;
  int choice_capacity, fork_choice_capacity, fork_guard_capacity;
  int way_capacity, fork_capacity, guard_capacity, action_capacity, closed_capacity;
};

/* Room for one more item of a list in the scratch arena. */
void *pattern_grow(struct compiler *c, void *old, int count, int *capacity, size_t size);
/* The first failure is the one that is told. */
void pattern_fail(struct compiler *c, const char *text);

/* Elements about which a path decides something: to go in (again), or to leave out or stop. */
static inline bool pattern_may_decide(const struct elem *e) {
  return e->node->min == 0 || e->node->max > 1 || e->node->greedy;
}
static inline bool pattern_skippable(const struct elem *e) { return e->node->min == 0 || e->nullable; }

/* Everything that leads out of node `index` of the program: ways in the order of asking, forks, what closes loops. */
void pattern_build_node(struct compiler *c, int index);

#endif
