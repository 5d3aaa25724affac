/* check_private.h - what the files of the checker share; nobody else includes it.
 *
 * check.c          the order of work, symbols, messages
 * check_decl.c     event types, lists, tables, lookups, models, counters, lets, groups, actions
 * check_derived.c  derived events: filters, windows, joins
 * check_rule.c     rules but for their patterns: keys, emit, message, actions, life cycle
 * check_pattern.c  patterns: steps, connectors, quantifiers, absences, bounds
 * check_expr.c     expressions: operators and literals
 * check_path.c     what names stand for
 * check_let.c      lets
 * check_call.c     functions and aggregates over steps
 * check_counter.c  counters, seen, previous
 * check_type.c     types of operators, casts
 * check_test.c     tests
 * check_stage.c    circles through lists, tables, rules and events
 * check_runnable.c what is not executed yet */
#ifndef WEIR_RULES_CHECK_PRIVATE_H
#define WEIR_RULES_CHECK_PRIVATE_H

#include <inttypes.h>

#include "base/function.h"
#include "base/limits.h"
#include "rules/check.h"
#include "rules/check_names.h"

/* Limits of the checker, each with its reason. */
enum {
  LET_NODES_MAX = 20000, /* nodes of one expression after its lets are expanded: they can double at each step */
  CHECK_TYPES_MAX = LIMIT_EVENT_TYPES,   /* ids have 16 bits, the last two mean something else */
  CHECK_FIELDS_MAX = LIMIT_EVENT_FIELDS, /* of one event type; ids above are special */
  CHECK_STEPS_MAX = 256,                 /* of one pattern: as the pattern compiler */
  CHECK_CIRCLE_MAX = 8,                  /* names of a circle that a message lists */
  DECIMAL_PRODUCT_MAX = 18
};

enum { TYPE_BAD_KIND = 0xff }; /* the type of what has an error already */
#define TYPE_BAD TYPE(TYPE_BAD_KIND)
static inline bool type_bad(struct type type) { return type.kind == TYPE_BAD_KIND; }
#define TYPE_TEXT(type) type_name((type), (char[32]){0})

/* Symbols of one kind of declaration: name -> index in `decls`. */
struct symbols {
  struct name_map map;
  uint32_t count, capacity;
  const struct decl **decls;
};

struct checker {
  struct tree *tree;
  struct arena *arena;  /* the tree's: what stays */
  struct arena scratch; /* maps, orders, messages: freed at the end */
  struct arena local;   /* of the rule at hand: emptied after it */
  const struct check_options *options;
  struct diags *diags;
  struct symbols events, rules, lists, tables, lookups, models, counters, lets, groups;
  struct actions_tree *actions;
  struct name_map type_ids;        /* name -> schema id */
  struct name_map *fields;         /* of each type: name -> index; filled when its fields are known */
  bool *types_known;               /* of each type: its fields are known (it is not in a circle) */
  struct tree_expr **let_bodies;   /* by symbol; NULL: in a circle, or too large */
  struct rule_tree *rule;          /* whose key is looked at: it may name types that only counters read; NULL */
  struct slice in_let;             /* the let that is being expanded: told in messages */
  struct span let_use;             /* where it, or the let that it is in, is used */
  struct type *counter_types;      /* by symbol */
  struct name_map regexes;         /* pattern and flags that were compiled: 1 = good, 0 = said already */
  struct regex_trial *regex_trial; /* memory for compiling them to see whether they are right */
  struct name_map said_of_lets;    /* places and texts of errors in `let`s: told once, not for each use */
  struct name_map zones;           /* names that were looked up: 1 = there, 0 = said already */
};

enum counters_allowed {
  COUNTERS_NONE,    /* scope.counters_why says why */
  COUNTERS_OWN,     /* events of the rule's `on`, or `of` */
  COUNTERS_NEED_OF, /* step conditions and what has no events of its own */
  COUNTERS_ON,      /* the condition of `on`: `of`; counters_why is the hint */
};

/* What an expression may read. Everything that is not set is not there. */
struct scope {
  const char *place; /* "in `emit`": for messages */
  struct rule_tree *rule;
  struct event_tree *event; /* the derived event */
  const uint16_t *types;    /* of the candidate (the event itself); NULL = no such event */
  uint16_t type_count;
  bool several;                       /* ref.fields are wanted: the text is read for each of the types */
  bool steps;                         /* `s.field` and aggregates over steps, of rule->steps */
  int32_t step;                       /* the step whose condition this is; -1 = all steps are there */
  const struct key_tree *key;         /* its parts are bare names */
  const struct key_tree *counter_key; /* what a counter without `by` is kept by */
  bool emitted, told;                 /* suppress … unless, message */
  enum counters_allowed counters;
  const char *counters_why;
  bool window;                /* aggregates without `over` */
  bool previous;              /* `previous(f)` */
  bool sought;                /* what `seen` looks for stands before `in` */
  const struct name *element; /* `each w in words` */
  struct type element_type;
  const struct event_tree *join;
  bool no_lookups; /* computed fields, watermark: only the event itself */
};

/* ---- messages (check.c) ---- */
void check_say(struct checker *c, struct span span, const char *code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
const char *check_text(struct checker *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "did you mean `x`?", or `other` (may be NULL) if nothing is near. */
const char *check_near(struct checker *c, struct slice wrong, const struct slice *names, size_t count,
                       const char *other);
const char *check_near_symbol(struct checker *c, struct slice wrong, const struct symbols *symbols, const char *other);
const char *
check_foreign_hint(struct slice function); /* other languages have it; NULL: none that is known (check_call.c) */
const char *check_place(struct checker *c, struct span span); /* "cards.weir:18" */
/* The place of `part`, which lies in a text of `within` (a span of one clause); `within` if it is no text of the file.
 */
struct span check_part_at(const struct checker *c, struct span within, struct slice part);
/* The i-th of a circle and so on: "`a` -> `b` -> `a`". */
const char *check_circle_text(struct checker *c, const struct slice *names, uint32_t count, uint32_t length);

/* ---- symbols (check.c) ---- */
const struct decl *check_symbol(const struct symbols *symbols, struct slice name); /* NULL = none */
/* The event type with this name, -1 and a message if there is none. `what` as "event type". */
int32_t check_type_id(struct checker *c, const struct name *name);
/* The index of a field, -1 if there is none or the type is not known. Says nothing, marks nothing. */
int32_t check_field_find(const struct checker *c, uint16_t type, struct slice name);
/* The same for what may be read: also the event's own time, `event_time`, where no field has that name. It stands
 * behind the fields: its index is field_count. */
int32_t check_field_read(const struct checker *c, uint16_t type, struct slice name);
/* check_field_find() with a message; marks it as used. */
int32_t check_field(struct checker *c, uint16_t type, const struct name *name);
/* "its fields are a, b, …", the first few; NULL = it has none. */
const char *check_names_hint(struct checker *c, const char *what, const struct slice *names, uint16_t count);
const char *check_fields_hint(struct checker *c, uint16_t type);
const char *check_near_field(struct checker *c, struct slice wrong, uint16_t type, const char *other);
static inline bool name_given(const struct name *name) { return name->text.length > 0; }

/* ---- types (check_type.c) ---- */
bool type_is_number(struct type type);
bool type_is_ordered(struct type type); /* `<` makes sense */
/* Let `expr` be taken as `to` by its parent, if that is a widening (or the same): else false. */
bool check_cast(struct tree_expr *expr, struct type to);
/* The type of `a op b` for the operators of expr_type_binary(); says at `at` what is wrong. A decimal literal beside a
 * float is cast to float. `sign` is the operator as it is written. */
struct type check_binary(struct checker *c, struct span at, enum expr_op op, const char *sign, struct tree_expr *a,
                         struct tree_expr *b);

/* ---- expressions (check_expr.c and the files it uses) ---- */
struct type check_expr(struct checker *c, const struct scope *s, struct tree_expr *expr);
/* The same, and it must be a bool. `what`: "the condition of a step". */
void check_condition(struct checker *c, const struct scope *s, struct tree_expr *expr, const char *what);
struct type check_path(struct checker *c, const struct scope *s, struct tree_expr *expr);
/* `s.window.start`: the field `window.start` of s. Anything else stays. */
void check_join_window(struct checker *c, struct tree_expr *expr);
struct type check_in_name(struct checker *c, const struct scope *s, struct tree_expr *expr);
struct type check_call(struct checker *c, const struct scope *s, struct tree_expr *expr);
/* Says that a named counter is no call; false: there is no such counter. */
bool check_called_counter(struct checker *c, const struct name *name);
struct type check_counting(struct checker *c, const struct scope *s, struct tree_expr *expr);
/* A named counter is asked: the event that asks has the counter's key. */
void check_counter_use(struct checker *c, const struct scope *s, struct span at, const struct tree_expr *counter);
struct type check_seen(struct checker *c, const struct scope *s, struct tree_expr *expr);
struct type check_previous(struct checker *c, const struct scope *s, struct tree_expr *expr);
bool check_regex(struct checker *c, const struct tree_expr *expr);
void check_regex_done(struct checker *c);
/* A field of the candidate's types with this name: 1 and *out and *ref are set; 0 none of the types has it; -1 some
 * have it or with different types (said). */
int check_candidate_field(struct checker *c, const struct scope *s, const struct name *name, struct slice text,
                          struct type *out, struct ref *ref);
/* The same for `event_time` where no type has a field of that name: 0 where it means nothing. */
int check_candidate_time(struct checker *c, const struct scope *s, const struct name *name, struct slice text,
                         struct type *out, struct ref *ref);
/* The step that `name` is called by: index, -1 none, -2 several (said). */
int32_t check_step_find(struct checker *c, const struct rule_tree *rule, const struct name *name, bool say);
enum aggregate check_aggregate(struct slice name); /* AGG_NONE = no such */
/* The type that an aggregate over values of `type` has; TYPE_BAD and a message at `at` if it cannot be. */
struct type check_aggregate_type(struct checker *c, struct span at, enum aggregate aggregate, struct slice name,
                                 struct type type);
void check_lets(struct checker *c); /* circles, sizes */
struct type check_let_use(struct checker *c, const struct scope *s, struct tree_expr *expr, uint32_t let);

/* ---- declarations ---- */
void check_source_event(struct checker *c, struct event_tree *event);
void check_derived(struct checker *c, struct event_tree *event);
void check_lists_and_tables(struct checker *c);
void check_table_event(struct checker *c, struct table_tree *table); /* columns and key against `from event` */
void check_lookups_and_models(struct checker *c);
void check_groups_and_actions(struct checker *c);
void check_action(struct checker *c, const struct name *action);
/* `zone` is written somewhere in `span`. */
void check_zone(struct checker *c, struct span span, struct slice zone);
void check_tests(struct checker *c);
void check_stages(struct checker *c);
/* Columns and fields. */
bool check_value_type(struct checker *c, struct span span, struct type type, enum time_unit unit, bool lists);
/* A literal as a value of `type`: casts it, or says why not. */
bool check_literal(struct checker *c, struct tree_expr *literal, struct type type, bool network, const char *what);

/* Set the fields of a type: derived events and alerts. `fields` are the arena's. */
/* The fields are copied; `event_time` is put behind them. */
void check_type_fields(struct checker *c, uint16_t type, const struct type_field *fields, uint16_t count);
/* Whether the rule names the event type, be it in a counter that it asks. */
bool check_rule_reads(struct checker *c, struct rule_tree *rule, struct slice event);
/* A key of `types` (a rule's, a derived event's): resolves its parts. */
void check_key(struct checker *c, struct key_tree *key, const uint16_t *types, uint16_t type_count);
int32_t check_key_part(const struct key_tree *key, struct slice name); /* -1 = none */

/* ---- rules ---- */
void check_rule(struct checker *c, struct rule_tree *rule);
bool check_pattern(struct checker *c,
                   struct rule_tree *rule); /* steps, names, shape, types; false: a type is not known */
void check_pattern_conditions(struct checker *c, struct rule_tree *rule);
void check_parts(struct checker *c,
                 struct rule_tree *rule); /* of a rule whose key changes: their patterns, behind all */
/* Events that an element takes at least and at most; TIMES_UNLIMITED = no limit. */
int64_t check_element_min(const struct element *element);
int64_t check_element_max(const struct element *element);

#endif
