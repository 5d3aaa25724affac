/* pattern_case.h - one case of the judges: a pattern as a small tree, a rule's policies, and the events of a stream.
 *
 * The reference matcher (reference.c) reads nothing else. generate.c makes cases from a seed and writes them as rule
 * text and JSON lines, read_case.c reads the same forms back, run_reference.c and ../conformance/run_flink.c compare
 * the reference with the engine. Everything is a plain struct of fixed size, so a case is copied by assignment. */
#ifndef WEIR_TESTS_PATTERN_CASE_H
#define WEIR_TESTS_PATTERN_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  CASE_NODES_MAX = 48, /* at most 64: sets of nodes are bit masks */
  CASE_CHILDREN_MAX = 12,
  CASE_EVENTS_MAX = 64,
  CASE_TYPES_MAX = 4,
  CASE_FIELDS_MAX = 4,
  CASE_TERMS_MAX = 3,
  CASE_SET_MAX = 10,
  CASE_KEYS_MAX = 4,
  CASE_UNLIMITED = INT32_MAX,
};

enum operand_kind {
  OPERAND_NONE,
  OPERAND_CONSTANT,
  OPERAND_FIELD, /* of the candidate event */
  OPERAND_COUNT, /* from here on: over the events that `step` has so far */
  OPERAND_SUM,
  OPERAND_AVG,
  OPERAND_MIN,
  OPERAND_MAX,
  OPERAND_DISTINCT,
  OPERAND_FIRST,
  OPERAND_LAST, /* written `s.f` or `last(s.f)` */
  OPERAND_NTH,
};
struct operand {
  enum operand_kind kind;
  int step, field, nth;
  double constant;
};

enum term_op { TERM_EQUAL, TERM_NOT_EQUAL, TERM_LESS, TERM_LESS_EQUAL, TERM_GREATER, TERM_GREATER_EQUAL, TERM_IN };
struct term { /* left [+ plus] op right, or left in (set) */
  struct operand left, plus, right;
  enum term_op op;
  int set_count;
  double set[CASE_SET_MAX];
};
struct condition { /* all terms hold (or, with `either`, one of them); none: always true */
  int count;
  bool either;
  struct term terms[CASE_TERMS_MAX];
};

enum node_kind { NODE_STEP, NODE_GROUP, NODE_OR, NODE_AND, NODE_ABSENCE };
enum link { LINK_NONE, LINK_START, LINK_THEN, LINK_THEN_ANY, LINK_NEXT };

struct node { /* the number of a node is its place in the text: a parent stands before its children */
  enum node_kind kind;
  enum link link; /* absences: LINK_THEN or LINK_NEXT */
  int parent, child_count, children[CASE_CHILDREN_MAX];
  char name[24];
  int type; /* steps and absences */
  struct condition condition;
  bool has_among, has_quantifier, has_until, strict, each, any, greedy;
  struct condition among, until;
  int min, max;          /* 1, 1 without a quantifier */
  int64_t gap, for_time; /* -1: none */
};

enum report_policy { TELL_FIRST, TELL_ALL, TELL_LONGEST, TELL_TIMEOUT, TELL_TIMEOUT_ONLY };
enum after_policy { SKIP_DEFAULT, SKIP_PAST_LAST, SKIP_TO_NEXT, SKIP_TO_FIRST, SKIP_TO_LAST, SKIP_NOTHING };

struct case_event {
  int type, key; /* key -1: null */
  int64_t time;
  double values[CASE_FIELDS_MAX];
  bool nulls[CASE_FIELDS_MAX];
  int id; /* the record's number in the stream as generated: what alerts are mapped back to */
};

struct pattern_case {
  int node_count;
  struct node nodes[CASE_NODES_MAX]; /* nodes[0]: the whole pattern, a group taken once */
  int64_t within;                    /* -1: none */
  enum report_policy report;
  int limit; /* of report all */
  enum after_policy after;
  int after_step;
  int type_count, field_count;
  char type_names[CASE_TYPES_MAX][16], field_names[CASE_FIELDS_MAX][16];
  bool keyed; /* `key k`; else `key none` */
  int event_count;
  struct case_event events[CASE_EVENTS_MAX]; /* in the order of the partition */
};

enum told_cause { TOLD_MATCH, TOLD_TIMEOUT };
struct told_pair {
  int step, event; /* node, index in the events given */
};
struct told {
  enum told_cause cause;
  bool cut, by_timer; /* by_timer: completed by a deadline, else by event `completing` */
  int completing, count;
  int64_t time;
  struct told_pair pairs[CASE_EVENTS_MAX]; /* in the order of the events */
};
enum { TOLD_MAX = 4096 };
struct told_list { /* zero at the start */
  void *work;      /* the matcher's memory, kept from case to case; the owner of the list frees it */
  bool gave_up;    /* more runs than the brute force is made for: the case proves nothing */
  int count;
  struct told items[TOLD_MAX];
};

/* pattern_case.c: how elements stand to each other, and conditions. */
bool node_inside(const struct pattern_case *c, int node, int ancestor); /* or the same */
int node_common(const struct pattern_case *c, int a, int b);            /* the lowest element that holds both */
int node_first_step(const struct pattern_case *c, int node);            /* in the text */
bool node_optional(const struct pattern_case *c,
                   int node); /* may it take no event? Decision: also a group whose every step may be left out */
bool node_of_groups(const struct pattern_case *c, int node); /* an `or` with a group among its alternatives */
bool node_has_type(const struct pattern_case *c, int node, int type,
                   bool absences); /* has it a step (or absence) of the type? */
/* Is the candidate an event of one of the element's steps' types that satisfies the element's `until`? */
bool node_until_holds(const struct pattern_case *c, int node, const struct told_pair *taken, int taken_count,
                      int candidate);
/* Does the condition hold for event `candidate`, with the pairs that a run has taken so far? */
bool condition_holds(const struct pattern_case *c, const struct condition *condition, const struct told_pair *taken,
                     int taken_count, int candidate);

/* reference.c: what is told over one key's events (indices of c->events, in order). */
void reference_run(const struct pattern_case *c, const int *events, int event_count, struct told_list *out);

/* read_case.c: rule text of the form that case_print writes. false: `error` says what is not expressible. */
bool case_read_rules(struct pattern_case *c, const char *text, char *error, size_t error_size);
bool case_read_event(struct pattern_case *c, const char *json, char *error, size_t error_size);

/* generate.c */
struct case_options {
  bool keyed, equal_times, compact_only;
};
void case_generate(struct pattern_case *c, uint64_t seed, struct case_options options);
size_t case_print_rules(const struct pattern_case *c, char *out, size_t size);
size_t case_print_event(const struct pattern_case *c, const struct case_event *event, char *out, size_t size);

/* shrink.c: makes the case as small as it gets while `differs` still says so. The candidates need not be valid rules:
 * differs() is false for what the checker refuses. */
typedef bool (*case_differs)(void *context, const struct pattern_case *c);
void case_shrink(struct pattern_case *c, case_differs differs, void *context);

#endif
