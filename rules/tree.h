/* tree.h - a rule file as a tree: what the parser makes, the checker annotates, `fmt` prints and the JSON form carries.
 *
 * Everything lives in one arena (the compilation's). Names are slices of the source text. Fields marked [check] are
 * empty after parsing and filled by rules/check. Lists are arrays with a count. */
#ifndef WEIR_RULES_TREE_H
#define WEIR_RULES_TREE_H

#include "base/err.h"
#include "base/event.h"
#include "base/expr.h"

/* A place: for error texts. Columns and length count code points, from 1. In 8 bytes, for a tree has many: a column or
 * length that is too large is cut to the largest (span_at()), a file with too many lines is refused by the parser. */
enum {
  SPAN_FILE_MAX = (1 << 15) - 1,
  SPAN_LINE_MAX = (1 << 21) - 1,
  SPAN_COLUMN_MAX = (1 << 20) - 1,
  SPAN_LENGTH_MAX = (1 << 8) - 1
};
struct span {
  uint32_t file : 15; /* index in struct tree.files */
  uint32_t line : 21, column : 20, length : 8;
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct span) == 8, "a span is as small as it can be");

static inline struct span span_at(uint32_t file, uint32_t line, uint32_t column, uint32_t length) {
  return (struct span){.file = file & SPAN_FILE_MAX,
                       .line = (line < SPAN_LINE_MAX ? line : SPAN_LINE_MAX) & SPAN_LINE_MAX,
                       .column = (column < SPAN_COLUMN_MAX ? column : SPAN_COLUMN_MAX) & SPAN_COLUMN_MAX,
                       .length = (length < SPAN_LENGTH_MAX ? length : SPAN_LENGTH_MAX) & SPAN_LENGTH_MAX};
}

struct name {
  struct slice text; /* empty = absent */
  struct span span;
};

/* Comments stand attached to the declaration, clause, field or entry that follows them; `after` = on the same line. */
struct comment {
  struct slice text; /* without `#` and the one space behind it; trailing space is cut */
  bool after;
  bool blank_after; /* an empty line stood between it and what follows: kept by fmt */
  struct comment *next;
};

/* ---- expressions ---- */

/* Where the operands stand in `items`: NEGATE, NOT, IS_NULL, MATCHES: [0]. AND, OR: two or more ([0] and [1] and [2] …,
 * one node for a chain). BINARY, COALESCE: [0], [1] (chains lean left). BETWEEN: [0] between [1] and [2]. IN: [0] in
 * the others. IN_NAME: [0] in `name`. IN_SEEN: [0] in [1], a SEEN. SEEN: [0] is the field, a PATH of one part. CALL:
 * the arguments. A minus before a number is part of the literal. No expression is higher than TREE_DEPTH_MAX nodes (the
 * parser's limit), so walking one by recursion is safe; patterns are not deeper than PATTERN_DEPTH_MAX. */
enum { TREE_DEPTH_MAX = 256, PATTERN_DEPTH_MAX = 64 };
enum __attribute__((packed)) tree_kind {
  TREE_LITERAL, /* value; for VALUE_NULL the literal null */
  TREE_PATH,    /* parts[0..]: field, step.field, lookup.column, window.start …; at: table[key].column, list[1] */
  TREE_NEGATE,
  TREE_NOT,
  TREE_AND,
  TREE_OR,
  TREE_BINARY, /* op: EXPR_ADD … EXPR_MODULO, EXPR_EQUAL … EXPR_GREATER_EQUAL */
  TREE_COALESCE,
  TREE_BETWEEN,  /* a between b and c */
  TREE_IN,       /* a in (items…), negated: not in */
  TREE_IN_NAME,  /* a in NAME: a list, or a field of list type [check: ref] */
  TREE_IN_SEEN,  /* a in seen(…) */
  TREE_MATCHES,  /* a matches /re/ */
  TREE_IS_NULL,  /* negated: is not null */
  TREE_CALL,     /* name(args): a function, or over a step: count(s), sum(s.f), nth(s.f, 2); previous(f) */
  TREE_COUNTING, /* an aggregate with `over` (or inside a window's block) */
  TREE_SEEN,     /* seen(f, D) [of use] */
  TREE_REGEX     /* as an argument of extract */
};

/* What a path or call stands for [check]. */
enum __attribute__((packed)) ref_kind {
  REF_NONE,
  REF_FIELD,      /* field `field` of the candidate event: per event type in use (see types) */
  REF_STEP_FIELD, /* last value of field of step: registers with aggregate LAST */
  REF_AGGREGATE,  /* aggregate over a step */
  REF_KEY,        /* part `index` of the rule's key */
  REF_EMIT,       /* emitted field `index` of this alert */
  REF_TOLD,       /* emitted field `index` of the alert told before */
  REF_LIST,       /* list `index` */
  REF_TABLE,      /* column `column` of table `index`; the key is at->key */
  REF_LET,        /* replaced by the checker: never seen after it */
  REF_FUNCTION,   /* function `index` of the table */
  REF_COUNTER,
  REF_LOOKUP,
  REF_MODEL,
  REF_WINDOW, /* in a window's block: its own start (index 0) or end (1); count_plan.h, enum window_value */
  REF_PREVIOUS,
  REF_LIST_FIELD, /* a field of list type after `in` */
  REF_ELEMENT     /* the bound name of `each w in words` */
};

enum __attribute__((packed)) aggregate {
  AGG_COUNT,
  AGG_SUM,
  AGG_AVG,
  AGG_MIN,
  AGG_MAX,
  AGG_STDDEV,
  AGG_DISTINCT,
  AGG_FIRST,
  AGG_LAST,
  AGG_NTH,
  AGG_MEDIAN,
  AGG_PERCENTILE,
  AGG_TOP,
  AGG_COLLECT,
  AGG_EWMA,
  AGG_RATE,
  AGG_NONE
};

enum { FIELD_TIME = 0xfffe }; /* as a field index: `s.time`, the event's time, where no field has that name */

struct ref {
  enum ref_kind kind;
  enum aggregate aggregate;
  uint16_t index, column;
  uint16_t step;  /* index in struct rule_tree.steps */
  uint16_t field; /* index in the schema's fields (their number: `event_time`), or FIELD_TIME */
  int32_t nth;    /* AGG_NTH: from 1 */
  /* REF_FIELD, REF_LIST_FIELD in a text that is read for several event types (`among`: rule_tree.types; `until` of a
   * group: element.until_types; `from a, b`: event_tree.from_types): the field's index for each of these types, in
   * their order; `field` is the first. NULL where there is one type only. */
  const uint16_t *fields;
};

struct use { /* event type and condition */
  struct name event;
  struct tree_expr *condition; /* NULL = none */
  uint16_t type;               /* [check] schema id */
};

enum span_kind { SPAN_NONE, SPAN_DURATION, SPAN_PREVIOUS, SPAN_LAST, SPAN_TODAY, SPAN_EVER };

struct counting { /* TREE_COUNTING: NAME(argument, parameter by …) where … of … by … over … */
  struct name aggregate;
  struct tree_expr *argument, *where;
  bool has_parameter, parameter_is_duration;
  int64_t parameter;
  struct name top_aggregate; /* top(f, 5 by sum(amount)) */
  struct tree_expr *top_argument;
  struct use *of;
  uint16_t by_count;
  struct name *by;
  enum span_kind over;
  int64_t over_us, over_count; /* SPAN_LAST: over_count, over_us = within or -1 */
  struct slice zone;
  bool approx;
};

struct tree_index { /* behind a path: [key], or [key].column */
  struct tree_expr *key;
  struct name column; /* empty = none */
};

/* There are many nodes: each is 64 bytes, and what only some kinds have lies in a union. Which member of a union is
 * good is said by `kind`; tree_key(), tree_ref() and the others below are for any. */
struct tree_expr {
  enum tree_kind kind;
  enum expr_op op;
  uint8_t height; /* 0 for a leaf, else 1 + the highest part's */
  bool negated : 1, parenthesised : 1;
  uint16_t part_count; /* TREE_PATH */
  uint16_t item_count; /* operands, arguments, set members; 0 for TREE_PATH and TREE_COUNTING */
  struct span span;    /* from the first to the last token, on the first line */
  struct type type;    /* [check] of the expression itself */
  struct type cast;    /* [check] what its parent takes it as: kind VALUE_NULL = as it is, else EXPR_CAST to this */
  union {
    struct tree_expr **items;
    struct tree_index *at;     /* TREE_PATH; NULL = none */
    struct counting *counting; /* TREE_COUNTING */
  };
  union {
    struct { /* TREE_LITERAL */
      struct value value;
      struct slice source; /* the literal's own spelling, for fmt; a list and null may have none */
    };
    struct {
      union {
        struct name *parts; /* TREE_PATH */
        struct name *name;  /* TREE_CALL, TREE_IN_NAME */
      };
      struct ref ref; /* [check] of these and TREE_COUNTING */
    };
    struct {
      struct slice regex, regex_flags;
    }; /* TREE_MATCHES, TREE_REGEX: between the slashes, `\/` kept */
    struct {
      int64_t seen_us;
      struct use *seen_of;
    };                         /* TREE_SEEN */
    struct span operator_span; /* all others: where the operator stands */
  };
};
_Static_assert(sizeof(struct tree_expr) == 64, "a node is no larger than it must be");

/* The key of `path[key]`, else NULL. */
static inline struct tree_expr *tree_key(const struct tree_expr *expr) {
  return expr->kind == TREE_PATH && expr->at != NULL ? expr->at->key : NULL;
}
/* What a node of any kind stands for: REF_NONE for those that are neither path nor call. */
static inline struct ref tree_ref(const struct tree_expr *expr) {
  bool has =
      expr->kind == TREE_PATH || expr->kind == TREE_CALL || expr->kind == TREE_COUNTING || expr->kind == TREE_IN_NAME;
  return has ? expr->ref : (struct ref){0};
}
/* Where the operator stands; of kinds that have none, the whole. */
static inline struct span tree_operator_span(const struct tree_expr *expr) {
  switch (expr->kind) {
  case TREE_LITERAL:
  case TREE_PATH:
  case TREE_CALL:
  case TREE_COUNTING:
  case TREE_IN_NAME:
  case TREE_MATCHES:
  case TREE_REGEX:
  case TREE_SEEN: return expr->span;
  default: return expr->operator_span;
  }
}
static inline struct counting *tree_counting(const struct tree_expr *expr) {
  return expr->kind == TREE_COUNTING ? expr->counting : NULL;
}
/* The events of a `seen(…) of`, else NULL. */
static inline struct use *tree_seen_of(const struct tree_expr *expr) {
  return expr->kind == TREE_SEEN ? expr->seen_of : NULL;
}

struct tree_entry { /* NAME = expression */
  struct name name;
  struct tree_expr *expr;
  struct comment *comments;
};

/* ---- patterns ---- */

enum __attribute__((packed)) connector {
  CONNECT_START,
  CONNECT_THEN,
  CONNECT_THEN_ANY,
  CONNECT_NEXT,
  CONNECT_THEN_NO,
  CONNECT_NEXT_NO
};
enum __attribute__((packed)) element_kind { ELEMENT_STEP, ELEMENT_GROUP, ELEMENT_OR, ELEMENT_AND, ELEMENT_ABSENCE };
enum { TIMES_UNLIMITED = INT32_MAX };

struct rekey { /* `at key FIELD == STEP.STEP_FIELD` */
  struct name field, step, step_field;
  uint16_t field_index, step_index, step_field_index; /* [check] */
};

struct element {
  enum element_kind kind;
  enum connector connector; /* on the way to this element; CONNECT_START for the first of a sequence */
  bool has_quantifier;      /* {…} + * ? were written (gap alone is none) */
  bool strict, each, any, greedy;
  struct span span;
  struct comment *comments;
  int32_t min, max; /* the quantifier's; 1, 1 without one */
  struct tree_expr *until;
  int64_t gap_us; /* -1 = none */
  int64_t for_us; /* absence with `for`; -1 = none */
  /* step */
  uint16_t step;       /* [check] index in rule_tree.steps */
  struct name name;    /* explicit name, else empty */
  struct use use;      /* steps and absences */
  struct rekey *rekey; /* NULL = none */
  struct tree_expr *among;
  /* group: a sequence; or: alternatives (each a step or a group); and: steps */
  uint16_t child_count;
  uint16_t until_type_count; /* [check] event types that `until` is asked for: a step's own, all of a group's steps; */
  uint16_t *until_types;     /* ascending ids */
  struct element **children;
};

struct step_info {  /* [check] one for each step of a rule's pattern, in text order; `on` rules have one */
  struct name name; /* explicit, or the event type's */
  uint16_t type;    /* schema id */
  const struct element *element;
};

struct key_tree;

/* [check] What stands at one key in a rule whose key changes (parts.h): a pattern of its own. Parts after the first
 * begin with an event that each match of the part before makes. */
struct rule_part {
  struct element *pattern;    /* an ELEMENT_GROUP: the part's own steps and absences */
  const struct rekey *rekey;  /* of its first step; NULL: the first part */
  struct key_tree *key;       /* the fields of its parts are of the types below */
  uint16_t first_step, level; /* level: of the pass that works on it */
  uint16_t stage;             /* as a rule's */
  uint16_t type_count;        /* event types of its steps and absences, ascending ids */
  uint16_t *types;
};

/* ---- declarations ---- */

/* The clauses of a source event, for the comments at them. */
enum event_clause {
  EVENT_CLAUSE_TIME,
  EVENT_CLAUSE_NAMED,
  EVENT_CLAUSE_DISORDER,
  EVENT_CLAUSE_LATE,
  EVENT_CLAUSE_UNIQUE,
  EVENT_CLAUSE_WATERMARK,
  EVENT_CLAUSE_CLOCK,
  EVENT_CLAUSE_JUMP,
  EVENT_CLAUSES
};

struct event_tree {
  struct span span;
  struct name name;
  struct comment *comments, *end_comments;
  bool derived;
  /* source events */
  bool event_time_given, event_time_log;
  struct name event_time;
  struct span clause_span[EVENT_CLAUSES]; /* line 0 = not written */
  struct comment *clause_comments[EVENT_CLAUSES];
  struct slice named;  /* data NULL = not said */
  int64_t disorder_us; /* -1 = not said (0) */
  bool late_given;
  enum late_policy late;
  struct name late_sink, unique;
  int64_t unique_us;
  bool unique_everywhere, unique_approx;
  struct tree_expr *watermark_when;
  int64_t ahead_us, behind_us, jump_us, jump_confirm; /* -1 = not said */
  uint16_t field_count;
  struct field_tree *fields;
  /* derived events: from … [each w in words] [where] [key] [window] { entries } or a join */
  uint16_t from_count;
  struct name *from;
  struct name each_name, each_field;
  struct tree_expr *where;
  struct key_tree *key;
  struct window_tree *window;
  bool join;
  struct name join_left_name, join_left_event, join_right_name, join_right_event, join_kind;
  uint16_t entry_count;
  struct tree_entry *entries;
  /* [check] */
  uint16_t schema;          /* id: index in tree.types */
  uint16_t from_type_count; /* of `from a, b`, in text order; of a join: left, right */
  uint16_t *from_types;
  uint16_t *each_fields; /* `each w in words`: index of `words` for each of from_types; NULL = no `each` */
  uint16_t stage;        /* 0 for source events, else 1 + the highest stage of what it reads */
  bool asks;             /* a filter that asks counters, or lists and tables that change: made in a pass */
  bool not_yet;          /* check_runnable: has constructs that `run` refuses */
};

struct field_tree {
  struct name name;
  struct span type_span;
  struct type type;
  enum time_unit unit;
  struct slice from;
  bool required, round_half_even;
  enum secret_form secret;
  uint16_t mask_head, mask_tail;
  struct tree_expr *computed;
  struct comment *comments;
};

enum window_kind { WINDOW_TUMBLING, WINDOW_SLIDING, WINDOW_SESSION, WINDOW_COUNT, WINDOW_TODAY };
/* What a window says, for messages. */
enum window_word {
  WINDOW_WORD_KIND, /* `sliding 1h every 5m` */
  WINDOW_WORD_OFFSET,
  WINDOW_WORD_LATENESS,
  WINDOW_WORD_EARLY,
  WINDOW_WORD_KNOWN,
  WINDOW_WORDS
};
struct window_tree {
  struct span spans[WINDOW_WORDS]; /* line 0 = not said, or nobody knows */
  enum window_kind kind;
  int64_t size_us, every_us, count, every_count, offset_us, lateness_us; /* -1 = not said */
  struct slice zone;
  int64_t early_us, early_count; /* -1 */
  struct tree_expr *early_when;
  int64_t known_us; /* every key known for; -1 */
};

struct key_part {
  struct name name;
  uint16_t path_count; /* 0: a plain field */
  struct {
    struct name event, field;
  } * paths;
  /* [check] */
  struct type type;
  uint16_t *fields; /* index of the part's field in each type: of rule_tree.types, of event_tree.from_types */
  bool carried;     /* of a key that a rule changes to: its values come from this */
  uint16_t carried_type, carried_field; /* field of an earlier step */
};
struct key_tree {
  struct span span;
  bool none;
  uint16_t part_count;
  struct key_part *parts;
};

struct list_tree {
  struct span span;
  struct name name;
  struct comment *comments;
  struct type type;
  int64_t ttl_us, visible_after_us; /* -1 */
  struct slice file;                /* `from file`; empty = none */
  struct span file_span;
  bool has_items;
  struct comment **item_comments, *end_comments; /* item_comments: one for each item, or NULL = none at all */
  enum time_unit unit;                           /* of a list of times that is read from a file */
  uint32_t item_count;
  struct tree_expr **items; /* literals; [check] of the list's type after `cast` */
  uint16_t index;           /* [check] in tree.lists */
  uint16_t level;           /* [check] the first pass that can ask it: behind those of the rules that fill it */
};

struct column_tree {
  struct name name;
  struct type type;
  enum time_unit unit;
  struct comment *comments;
};
struct table_tree {
  struct span span;
  struct name name, key;
  struct comment *comments;
  struct slice file;
  struct span file_span;
  struct name from_event;
  struct comment *end_comments;
  uint16_t column_count;
  struct column_tree *columns;
  int64_t ttl_us; /* -1 */
  bool on_given, on_read;
  /* [check] index in tree.tables. The key's type: that of the column of its name; of `from event` the event's field;
   * else that of the first text that asks the table (string if none does). */
  uint16_t index;
  uint16_t level; /* [check] of the pass that fills it */
  struct type key_type;
  bool key_type_known;
};

struct lookup_tree {
  struct span span;
  struct name name, from, fallback;
  struct comment *comments, *end_comments;
  struct slice pattern, fallback_url;
  uint16_t column_count;
  struct column_tree *columns;
  int64_t timeout_us, cache_us; /* -1 */
  uint16_t default_count;
  struct tree_entry *defaults;
};

struct model_tree {
  struct span span;
  struct name name, out;
  struct comment *comments;
  struct slice file;
  struct span file_span;
  uint16_t in_count;
  struct name *in;
  struct type out_type;
  enum time_unit out_unit;
};

struct counter_tree {
  struct span span;
  struct name name;
  struct comment *comments;
  struct tree_expr *counting;
};
struct let_tree {
  struct span span;
  struct name name;
  struct comment *comments;
  struct tree_expr *expr;
};

enum __attribute__((packed)) severity {
  SEVERITY_NONE,
  SEVERITY_LOW,
  SEVERITY_MEDIUM,
  SEVERITY_HIGH,
  SEVERITY_CRITICAL
};
enum __attribute__((packed)) mode { MODE_NONE, MODE_LIVE, MODE_SHADOW, MODE_OFF };
enum __attribute__((packed)) report { REPORT_FIRST, REPORT_ALL, REPORT_LONGEST, REPORT_TIMEOUT, REPORT_TIMEOUT_ONLY };
enum __attribute__((packed)) after_match {
  AFTER_DEFAULT,
  AFTER_PAST_LAST,
  AFTER_TO_NEXT,
  AFTER_TO_FIRST,
  AFTER_TO_LAST,
  AFTER_OVERLAP
};
enum __attribute__((packed)) on_change { CHANGE_NONE, CHANGE_CARRY, CHANGE_FINISH, CHANGE_DROP };

/* Clauses are kept as what they say plus where they stood; `given` has a bit for each clause that was written. */
enum clause {
  CLAUSE_SEVERITY,
  CLAUSE_SCORE,
  CLAUSE_ACTION,
  CLAUSE_MODE,
  CLAUSE_CANARY,
  CLAUSE_ACTIVE,
  CLAUSE_SCHEDULE,
  CLAUSE_OWNER,
  CLAUSE_RUNBOOK,
  CLAUSE_TAGS,
  CLAUSE_COLD_OK,
  CLAUSE_BECAUSE,
  CLAUSE_MATCHED_FIELDS,
  CLAUSE_ALLOW,
  CLAUSE_ON,
  CLAUSE_KEY,
  CLAUSE_WHEN,
  CLAUSE_MATCH,
  CLAUSE_WITHIN,
  CLAUSE_REPORT,
  CLAUSE_AFTER,
  CLAUSE_EMIT,
  CLAUSE_MESSAGE,
  CLAUSE_ADD,
  CLAUSE_REMOVE,
  CLAUSE_SUPPRESS,
  CLAUSE_TO,
  CLAUSE_ON_CHANGE,
  CLAUSES
};

/* [check] a piece of `message`: text (`{{` is `{` already), or where text.data is NULL a value: REF_EMIT, REF_KEY,
 * REF_FIELD. */
struct message_part_tree {
  struct slice text;
  struct ref ref;
  struct type type;
};

struct list_action {
  struct name field, list;
  int64_t for_us;
}; /* add/remove; for_us -1 */

/* What few rules say. */
struct rule_rare {
  struct name was, action, after_step;
  int64_t action_for_us; /* -1 */
  int64_t canary_percent;
  int64_t active_from_us, active_until_us;
  bool active_from_given, active_until_given;
  uint16_t allow_count, add_count, remove_count;
  struct slice schedule, schedule_zone, owner, runbook;
  struct name *allow;
  struct list_action *add, *remove;
};

struct rule_tree {
  struct span span;
  struct name name;
  struct slice description;
  struct comment *comments, *end_comments;
  uint32_t given; /* 1 << enum clause */
  bool has_description;
  enum severity severity;
  enum mode mode;
  enum report report;
  enum after_match after;
  enum on_change on_change;
  bool report_limit_given, to_nothing;
  bool not_yet;            /* [check] check_runnable: has constructs that `run` refuses */
  bool on_asks;            /* [check] the condition of `on` asks counters: the rule has no events of its own to count */
  uint32_t clauses_placed; /* as `given`: those that have a place in clause_spans, in their order */
  const struct span *clause_spans;
  struct comment **clause_comments; /* [CLAUSES]; NULL = none at all */
  int64_t score;
  struct rule_rare *rare; /* never NULL; shared by the rules that say nothing of it: only the parser writes */
  struct slice message;
  struct span message_span; /* of the text, its quotes included */
  uint16_t tag_count, emit_count, to_count;
  struct slice *tags;
  struct use on; /* CLAUSE_ON */
  struct key_tree *key;
  struct tree_expr *when;
  struct element *pattern; /* an ELEMENT_GROUP: the whole sequence, quantifier 1,1 */
  int64_t within_us;       /* -1 */
  int64_t report_limit;    /* 100 */
  struct tree_entry *emit;
  struct comment *emit_end_comments;
  int64_t suppress_us; /* -1 */
  struct tree_expr *suppress_unless;
  struct name *to; /* sink names or texts; quoted ones have to_quoted */
  bool *to_quoted;
  /* [check] */
  uint16_t id;    /* index in tree.rules */
  uint16_t level; /* of the pass that works on it: 0 where it needs no windows, joins, alerts and filled lists */
  uint16_t stage; /* the highest of all that it reads (runtime page, 3) */
  uint16_t after_step_index;
  uint16_t step_count;
  uint16_t type_count; /* event types of the steps and absences, ascending ids */
  uint16_t message_part_count;
  uint16_t part_count; /* 0: the key does not change; then parts is NULL */
  struct rule_part *parts;
  struct step_info *steps;
  uint16_t *types;
  uint16_t completing_count; /* event types whose events may complete a match, ascending ids */
  uint16_t *completing;
  struct message_part_tree *message_parts;
};

/* Where a clause stands; line 0 = it does not, or nobody knows. */
static inline struct span tree_clause_span(const struct rule_tree *rule, enum clause clause) {
  uint32_t bit = UINT32_C(1) << clause;
  if ((rule->clauses_placed & bit) == 0) return (struct span){0};
  return rule->clause_spans[__builtin_popcount(rule->clauses_placed & (bit - 1))];
}

enum group_clause {
  GROUP_CLAUSE_KEY,
  GROUP_CLAUSE_OVER,
  GROUP_CLAUSE_RULES,
  GROUP_CLAUSE_SCORE,
  GROUP_CLAUSE_DECAY,
  GROUP_CLAUSE_TO,
  GROUP_CLAUSES
};
struct band_tree {
  struct name action;
  int64_t at, for_us;
  struct comment *comments;
};
struct group_tree {
  struct span span;
  struct name name;
  struct comment *comments, *end_comments;
  struct comment *clause_comments[GROUP_CLAUSES];
  struct key_tree *key;
  int64_t over_us;
  uint16_t rule_count;
  struct name *rules;
  bool score_sum, sum_all;
  int64_t score_max, decay_us; /* -1 */
  uint16_t band_count;
  struct band_tree *bands;
  uint16_t to_count;
  struct name *to;
};
struct actions_tree {
  struct span span;
  struct comment *comments;
  uint16_t count;
  struct name *names;
};

enum test_line_kind { TEST_SEND, TEST_WATERMARK, TEST_EXPECT };
struct test_line {
  enum test_line_kind kind;
  struct span span;
  struct comment *comments;
  struct name name; /* event or rule */
  uint16_t entry_count;
  struct tree_entry
      *entries;            /* literals; a list `[1, 2]` is a TREE_LITERAL of VALUE_LIST, its elements in `items` too */
  int64_t times, every_us; /* 1, 0; -1 = `every` not said */
  struct slice at;         /* expect at, watermark */
  struct span at_span;     /* line 0 = not known */
  bool nothing, nothing_else;
};
struct test_tree {
  struct span span;
  struct slice description;
  struct comment *comments, *end_comments;
  uint16_t rule_count;
  struct name *rules;
  uint16_t line_count;
  struct test_line *lines;
};

enum decl_kind {
  DECL_EVENT,
  DECL_LIST,
  DECL_TABLE,
  DECL_LOOKUP,
  DECL_MODEL,
  DECL_COUNTER,
  DECL_LET,
  DECL_RULE,
  DECL_GROUP,
  DECL_ACTIONS,
  DECL_TEST
};
struct decl {
  enum decl_kind kind;
  uint16_t file;
  union {
    struct event_tree *event;
    struct list_tree *list;
    struct table_tree *table;
    struct lookup_tree *lookup;
    struct model_tree *model;
    struct counter_tree *counter;
    struct let_tree *let;
    struct rule_tree *rule;
    struct group_tree *group;
    struct actions_tree *actions;
    struct test_tree *test;
  };
};

struct source_file {
  struct slice name; /* as given on the command line */
  struct slice text;
  struct comment *end_comments;
  uint32_t line_count;
  const uint32_t *line_starts; /* offset of each line in text, for diag_print; NULL = not known */
};

/* [check] one for each event type: declared ones, and of built-in ones and of rules whose alerts are used as events
 * those that are named somewhere. */
enum type_origin { TYPE_OF_SOURCE, TYPE_OF_DERIVED, TYPE_OF_ALERTS, TYPE_BUILT_IN };
struct type_field {
  struct slice name; /* windows also have `window.start` and `window.end` */
  struct type type;
  enum secret_form secret; /* of a derived event: its entry is a secret field itself */
  uint16_t mask_head, mask_tail;
  bool used; /* some rule, key, clause, computed field or derived event reads it */
  struct tree_expr
      *expr; /* computed: over the fields of this type before or behind it (no circles); derived: the entry */
  const struct field_tree *tree; /* of a source event */
};
struct type_info {
  struct slice name;
  enum type_origin origin;
  struct event_tree *event; /* source, derived */
  struct rule_tree *rule;   /* alerts */
  uint16_t id, stage, field_count;
  uint16_t level;            /* the first pass that has its events: 0 for source events and what filters make of them */
  struct type_field *fields; /* fields[field_count]: the event's own time, read as `event_time` */
  uint16_t *computed_order;  /* indices of the computed fields, each after those that it reads */
  uint16_t computed_count;
  int32_t time_field;   /* index in fields; -1 = `event_time log`, derived */
  int32_t unique_field; /* -1 = none */
};

/* One rule set's text: all its files. */
struct tree {
  struct arena *arena;
  uint16_t file_count;
  struct source_file *files;
  uint32_t decl_count;
  struct decl *decls; /* file order, then text order */
  /* [check] by kind, in byte order of name: an index here is the id that refs, schemas and rules have. */
  uint16_t type_count, rule_count, list_count, table_count, derived_count, counter_count;
  struct type_info *types; /* index = schema id */
  struct rule_tree **rules;
  struct list_tree **lists;
  struct table_tree **tables;
  struct event_tree **deriveds;       /* each after all that it is made from (by stage, then by name) */
  struct counter_tree **counters;     /* in the order of the text: what the ref of a named counter means */
  const struct actions_tree *actions; /* what ranks the actions: rules/action.h; NULL = the default order */
};

/* ---- diagnostics: shared by the parser, the checker and the lints ---- */

enum diag_severity { DIAG_ERROR, DIAG_WARNING };
struct diag {
  enum diag_severity severity;
  struct span span;
  const char *code; /* lint name, or a stable word for errors ("unknown-field"); never NULL */
  const char *text; /* "`payment` has no field `amout`" */
  const char *hint; /* "did you mean `amount`?", or NULL */
};
enum { DIAG_ERRORS_PER_FILE_MAX = 20 };
struct diags {
  struct arena *arena;
  struct diag *items;
  uint32_t count, capacity, error_count, dropped; /* dropped: errors above the limit of a file */
  struct file_errors *files;                      /* of each file */
  uint32_t file_capacity;
};
void diags_init(struct diags *diags, struct arena *arena);
void diag_add(struct diags *diags, enum diag_severity severity, struct span span, const char *code, const char *hint,
              const char *format, ...) __attribute__((format(printf, 6, 7)));
void diags_sort(struct diags *diags); /* by file, line, column; stable */
/* The form of rule-language.md section 8: one line, the source line with carets, the hint. */
void diag_print(struct buf *out, const struct tree *tree, const struct diag *diag);
void diag_json(struct buf *out, const struct tree *tree,
               const struct diag *diag); /* {"file":…,"line":…,"column":…,"severity":…,"code":…,"message":…,"hint":…} */

/* Nearest of `count` names to a misspelt one (at most 1/3 of the letters wrong, at least 1; neighbours that changed
 * places are one), else one that it abbreviates (`amnt`), or an empty slice. */
struct slice diag_nearest(struct slice wrong, const struct slice *names, size_t count);

#endif
