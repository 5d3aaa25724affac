/* pattern.h - a pattern as rules/lower hands it over (a tree of elements), and the flat program it becomes.
 *
 * nfa/README.md has the vocabulary (run, way, node, class, absence, bar), the element table and a worked trace. */
#ifndef WEIR_NFA_PATTERN_H
#define WEIR_NFA_PATTERN_H

#include "base/err.h"
#include "nfa/truth.h"

/* ---- what goes in ---- */

/* A condition on a candidate, cut in two: what reads the candidate alone (a predicate, shared by all rules) and the
 * rest, which also reads registers (BANK_REGISTER). It holds if both do. */
struct pattern_condition {
  int32_t predicate;           /* PREDICATE_TRUE: no such part */
  const struct expr *residual; /* NULL: no such part */
};

enum pattern_kind { PATTERN_STEP, PATTERN_GROUP, PATTERN_OR, PATTERN_AND, PATTERN_ABSENCE };
enum pattern_connector { PATTERN_THEN, PATTERN_THEN_ANY, PATTERN_NEXT }; /* absences: PATTERN_THEN or PATTERN_NEXT */
enum { PATTERN_UNLIMITED = INT32_MAX };

struct pattern_among {
  uint16_t type;
  struct pattern_condition condition;
};

struct pattern_node {
  enum pattern_kind kind;
  enum pattern_connector connector; /* on the way to it; ignored for the first of the whole pattern */
  uint16_t step;                    /* STEP: number of the step, in text order from 0 */
  uint16_t type;                    /* STEP, ABSENCE: schema id */
  struct pattern_condition condition;
  bool has_among; /* `next X among (c)`: c once for each event type of the rule */
  uint16_t among_count;
  struct pattern_among *among;
  int32_t min, max; /* 1, 1 without a quantifier */
  bool quantified;  /* a quantifier was written: then gap_us is the loop's, else the edge's */
  bool strict, greedy, each, any;
  bool has_until;
  uint16_t until_count;        /* groups: one for each event type of its steps; steps: one */
  struct pattern_among *until; /* {type, condition} */
  int64_t gap_us, for_us;      /* -1 = none; for_us: a trailing absence */
  uint16_t child_count;        /* GROUP: a sequence (absences among it); OR: alternatives; AND: steps */
  struct pattern_node **children;
  bool fork; /* OR: at least one alternative is a group, so all fork as groups */
};

/* What later conditions read of earlier steps, kept incrementally in each run. */
enum pattern_aggregate {
  REGISTER_COUNT,
  REGISTER_SUM,
  REGISTER_AVG,
  REGISTER_MIN,
  REGISTER_MAX,
  REGISTER_STDDEV,
  REGISTER_DISTINCT,
  REGISTER_FIRST,
  REGISTER_LAST,
  REGISTER_NTH
};
enum { REGISTER_TIME = 0xfffe, REGISTER_NO_SLOT = 0xffff };
struct pattern_register {
  enum pattern_aggregate aggregate;
  uint16_t step;
  uint16_t slot; /* schema slot of the step's type; REGISTER_TIME: the event's time; REGISTER_NO_SLOT: count(step) */
  struct type field; /* type of what is read */
  struct type type;  /* of the register's value */
  int64_t nth;       /* REGISTER_NTH: from 1 */
};

enum pattern_report {
  PATTERN_REPORT_FIRST,
  PATTERN_REPORT_ALL,
  PATTERN_REPORT_LONGEST,
  PATTERN_REPORT_TIMEOUT,
  PATTERN_REPORT_TIMEOUT_ONLY
};
enum pattern_after {
  PATTERN_AFTER_PAST_LAST,
  PATTERN_AFTER_TO_NEXT,
  PATTERN_AFTER_TO_FIRST,
  PATTERN_AFTER_TO_LAST,
  PATTERN_AFTER_OVERLAP
};

struct pattern_spec {
  const struct pattern_node *root; /* a GROUP with quantifier 1,1 */
  uint16_t step_count;
  const struct slice *step_names; /* for printing */
  uint16_t register_count;
  const struct pattern_register *registers;
  int64_t within_us; /* -1 = none */
  /* The event that begins a match stands for what was matched before: `within` counts from the time in this slot of it,
   * and the other slot has how many events that were. */
  bool starts_before;
  uint16_t start_slot, start_count_slot;
  enum pattern_report report;
  int64_t report_limit;
  /* report all: what one event completes has at most so many events, those matched before among them. Beyond it the
   * match of the earliest start is told, and those of the latest starts that fit; the others are dropped and counted.
   * 0 = `report_limit` alone. */
  uint32_t told_events_max;
  enum pattern_after after;
  uint16_t after_step;
  uint16_t type_count; /* the rule's event types: of its steps and absences */
  const uint16_t *types;
};

/* ---- what comes out ---- */

struct pattern; /* immutable; in the arena given; read by any number of threads */

/* Compile and verify. Errors: too many steps, ways or nodes (named limits); nothing else can fail on a checked rule. */
struct pattern *pattern_compile(struct arena *arena, const struct pattern_spec *spec, struct err *err);

/* Whether the compact-set mode applies (README), and a word why not. */
bool pattern_compact(const struct pattern *pattern, const char **why_not);
/* The events that may start a match: pairs of (type, predicate), for the index. */
struct pattern_start {
  uint16_t type;
  int32_t predicate;
};
uint16_t pattern_starts(const struct pattern *pattern, const struct pattern_start **starts);
/* All predicates that a waiting run may ask for an event of `type`; `any_event` if every event of that type matters to
 * some run (next, gap …). */
uint16_t pattern_waits(const struct pattern *pattern, uint16_t type, const int32_t **predicates, bool *any_event);

/* All predicates that the pattern's conditions have, each once. */
uint16_t pattern_predicates(const struct pattern *pattern, const int32_t **predicates);

/* The program as text (explain) and as a Graphviz graph (explain --dot). `describe` gives a predicate's text; may be
 * NULL. */
typedef void (*pattern_describe)(void *context, struct buf *out, const struct pattern_condition *condition);
void pattern_print(struct buf *out, const struct pattern *pattern, pattern_describe describe, void *context);
void pattern_dot(struct buf *out, const struct pattern *pattern, const char *title, pattern_describe describe,
                 void *context);

#endif
