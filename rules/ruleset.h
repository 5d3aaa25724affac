/* ruleset.h - the compiled rule set: immutable, shared by all threads, freed at the last unref.
 *
 * rules/lower makes it from a checked tree; engine/ runs it; explain, test and the CLI read it. All parts live in the
 * rule set's own memory context. */
#ifndef WEIR_RULES_RULESET_H
#define WEIR_RULES_RULESET_H

#include "base/env.h"
#include "nfa/nfa.h"
#include "rules/count_plan.h"
#include "rules/schedule.h"
#include "rules/tree.h"

/* Rules with equal keys share one key space: one key record holds the state of all of them. */
struct key_space {
  bool none; /* `key none`: one instance */
  uint16_t part_count;
  const struct slice *names; /* as told in the alert's `key` member */
  const struct type *types;
  const enum secret_form *secrets;
  const uint16_t *mask_heads, *mask_tails;
  const uint16_t *slots; /* [schema id * part_count + part]; NO_SLOT: events of this type are not in this space */
};
enum { NO_SLOT = 0xffff };

struct emit_entry {
  struct slice name;
  const struct expr *expr; /* BANK_REGISTER: emit_registers; BANK_KEY; BANK_EVENT (`on` rules) */
  struct type type;
  enum secret_form secret; /* the entry is a secret field itself (not an expression over it) */
  uint16_t mask_head, mask_tail;
};

struct message_part { /* text, or a value: (bank, index) when text.data is NULL */
  struct slice text;
  uint16_t bank, index;
  enum secret_form secret;
  uint16_t mask_head, mask_tail;
};

struct because_item {   /* one conjunct of a step's condition, for `with because` */
  struct slice text;    /* as fmt prints it */
  uint16_t value_count; /* the fields, aggregates, cells, scores … that it reads */
  const struct slice *names;
  const struct expr *const
      *values;         /* BANK_EVENT: the completing event; BANK_REGISTER: the rule's emit_registers; BANK_KEY */
  const bool *in_hand; /* the value is known only while the event is in hand that the step took */
  const enum secret_form *secrets;
  const uint16_t *mask_heads, *mask_tails;
};
struct because {
  uint16_t count;
  const struct because_item *items;
};

struct rule_step {
  struct slice name;
  uint16_t type;
  struct because because;
};

struct model;

struct model_def {
  struct slice name;
  struct type type;
  uint16_t input_count;
  const struct slice *inputs;
  const struct model *model; /* base/model.h */
};

struct model_ask { /* a rule asks a model for the events of a type: what `reasons` are told of */
  uint16_t model, type;
  const struct expr *const *inputs; /* BANK_EVENT */
};

struct end_ask { /* a counter that `emit` of a pattern asks */
  uint16_t counter;
  const uint16_t *parts; /* of the rule's key, one for each part of the counter's; NULL: another key is asked */
  const uint16_t
      *slots; /* where the event in hand has it, one for each of the rule's types; NULL. Of a counter that leaves
               * that event out, and where nothing but that event gives the key, or what is looked for */
};

/* When and for whom a rule is told (engine/schedule.h). */
struct rule_life {
  int64_t active_from_us, active_until_us; /* from <= time < until; INT64_MIN, INT64_MAX = not said */
  struct schedule schedule;                /* count 0 = none */
  const struct zone *schedule_zone;        /* NULL = UTC */
  int64_t canary_percent;                  /* -1 = no canary */
};

/* A rule whose key changes is run as several: one for each part (rules/parts.h). The last part is the rule itself, with
 * all that is told; those before have ids behind those of all rules that have a name, and tell nobody. Where a match is
 * told it has the events of all parts, by the steps of the whole rule. */
struct rule_parts {
  uint16_t number, count; /* which of how many */
  uint16_t whole;         /* id of the rule */
  uint16_t first;         /* id of its first part; the others follow, but for the last */
  uint16_t first_step;    /* of the whole rule's steps: where the part's own begin. Its pattern's step 0 is the event of
                           * the part before, but in the first part */
  const struct part_event *made; /* what its matches make; NULL: the last part */
};

struct rule {
  uint16_t id; /* index; rules with a name are in byte order of it */
  enum severity severity;
  enum mode mode;   /* MODE_LIVE unless said */
  uint32_t version; /* 1 in this stage */
  struct slice name, description, owner, runbook;
  struct slice action;          /* empty = none */
  int64_t action_for_us;        /* a penalty of this length; -1 = not said */
  const struct rule_life *life; /* NULL = always, for every key */
  uint16_t list_change_count;
  const struct list_change *list_changes; /* what its live alerts do, in this order: `add`, then `remove` */
  int64_t score;
  bool has_score, has_description, with_because, matched_fields, to_nothing;
  bool on; /* an `on` rule: one step, no pattern state */
  uint16_t on_type;
  uint16_t key_space;
  uint16_t level; /* of the pass that works on it (count_plan.h) */
  uint16_t stage; /* the highest of all that it reads (runtime page, 3): orders the alerts of timers */
  uint16_t tag_count, step_count, type_count, sink_count;
  uint16_t emit_register_count, emit_count;
  uint16_t message_count; /* 0 = none */
  enum pattern_report report;
  struct pattern_condition on_condition; /* its `when` without counters is part of it */
  const struct pattern *pattern;         /* NULL for `on` rules */
  const struct slice *tags;
  const struct rule_step *steps;
  const uint16_t *types;
  int64_t within_us;
  const struct pattern_register *emit_registers; /* computed from the match's events, BANK_REGISTER of emit */
  const struct emit_entry *emit;
  const struct message_part *message;
  uint16_t counter_count; /* that its conditions and `emit` ask */
  const uint16_t *counters;
  uint16_t model_ask_count;
  const struct model_ask *model_asks;
  uint16_t asked_count; /* BANK_ASKED */
  const struct end_ask *asked;
  uint16_t member_count; /* of groups */
  const struct rule_member { uint16_t group, member; } * members;
  const struct alert_event *alert_event; /* its alerts are events; NULL = nobody reads them */
  const struct rule_parts *parts;        /* NULL = the key does not change */
  int64_t suppress_us;                   /* -1 */
  const struct expr *suppress_unless;    /* BANK_EMIT, BANK_TOLD, BANK_KEY; NULL */
  const struct slice *sinks;
  const struct rule_tree *tree; /* for explain; NULL */
};

struct derived {   /* filter and map: event NAME from EVENT [each w in words] [where] { … } */
  uint16_t schema; /* what it makes */
  bool asks;       /* counters, or lists and tables that change: it is made by the pass before its level */
  uint16_t level;  /* the first pass that has it */
  uint16_t stage;  /* 1 + the highest stage of what it reads */
  uint16_t from_count;
  const struct derived_from {
    uint16_t type;
    const struct expr *each;           /* a list of BANK_EVENT; its element is BANK_REGISTER 0 below; NULL */
    const struct expr *where;          /* NULL */
    const struct expr *const *entries; /* one for each slot of the derived schema */
  } * from;
};

struct list_set; /* rules/list_set.h */
struct table_rows;

struct list_def {
  struct slice name;
  struct type type;
  const struct list_set *set;       /* what the text or a file brought */
  int64_t ttl_us, visible_after_us; /* -1 = not said */
  bool live;                        /* a rule fills it */
  uint64_t asked;                   /* bits: passes that ask it */
  uint16_t level;                   /* the first pass that can ask it */
};
struct table_def {
  struct slice name;
  uint16_t column_count;
  const struct slice *columns;
  const struct table_rows *rows; /* of a file; NULL */
  bool live;                     /* from events: */
  uint64_t asked;                /* bits: passes that ask it */
  uint16_t level;
  bool ttl_on_read;
  uint16_t from_type, key_slot;
  const uint16_t *column_slots;
  int64_t ttl_us; /* -1 = for ever */
};

/* What an event type feeds. */
struct type_use {
  uint16_t rule_count;
  const uint16_t *rules; /* ids of rules that name the type */
  uint16_t space_count;
  const uint16_t *spaces; /* key spaces of those rules that need state (patterns) */
  uint16_t derived_count;
  const uint16_t *derived; /* in the order of names */
  uint16_t population_count, ask_count;
  const uint16_t *populations;    /* whose events are of the type */
  const struct counter_ask *asks; /* those with `before` first, then in the order of populations */
  uint16_t all_space_count;
  const uint16_t *all_spaces; /* key spaces of all rules that name the type, `on` rules included */
};

struct rule_index; /* rules/index.h */

struct data_file { /* of a list, a table or a model */
  const char *path;
  const struct data_file *next;
};

struct ruleset {
  struct mem *mem;
  struct arena *arena;
  uint32_t references;
  uint16_t schema_count, source_type_count, rule_count, space_count, derived_count, list_count, table_count;
  uint16_t named_rule_count; /* those with a name come first; behind them the former parts of rules whose key changes */
  struct schema *schemas;
  struct rule *rules;
  struct key_space *spaces;
  struct derived *deriveds;
  struct list_def *lists;
  struct table_def *tables;
  struct type_use *uses; /* per schema */
  uint16_t model_count;
  struct model_def *models;
  const struct data_file *files; /* that were read beside the rules */
  int32_t predicate_count;
  struct predicate *predicates;
  const struct slice *predicate_texts;            /* as fmt prints them, for explain */
  const struct expr_node *const *predicate_nodes; /* what the index is built from; NULL once it stands */
  /* Conditions that read earlier steps, as fmt prints them, in the order of their addresses; for explain. */
  uint32_t residual_count;
  const struct residual_text {
    const struct expr *expr;
    struct slice text;
  } * residuals;
  struct rule_index *index;
  const struct tree
      *tree; /* as long as the caller keeps it: explain and the tests read it, the engine does not; NULL */
  uint16_t regex_count;
  /* what is counted: count_plan.h */
  bool event_rounds; /* a pass asks what one behind it changes (lists, rows kept by asking), or when time passes: they
                        go event by event */
  uint16_t population_count, counter_count, window_count, join_count, group_count, level_count;
  const struct population *populations;
  const struct counter_plan *counters;
  const struct window_plan *windows;
  const struct join_plan *joins;
  const struct group_plan *groups;
  uint64_t identity_hash;    /* XXH3 of the canonical text of all declarations */
  struct expr_lookup lookup; /* for lists and tables; context = the rule set */
};

struct ruleset_options {
  struct env *env;  /* files of lists and tables, zone data, WEIR_SECRET_KEY */
  bool for_run;     /* refuse what the engine cannot do yet (one clear error each); else rules with it are left out */
  bool index_off;   /* tests: every predicate is asked */
  uint64_t fail_at; /* tests: the n-th allocation fails; 0 = none */
  /* Called when the tree is read no more, before the index is built: the caller may free it, only `diags` must stay.
   * ruleset.tree and rule.tree are NULL then. NULL: explain and the tests want to read it. */
  void (*tree_done)(void *context);
  void *tree_done_context;
};

/* Files or folders -> tree, checked, lints added. 0, or ERR_ABORT when there are errors (all in `diags`), or ERR_FATAL
 * (file not readable: `err`). The tree lives in `arena`. */
int ruleset_load_tree(struct arena *arena, struct env *env, const char *const *paths, size_t path_count,
                      struct tree **tree, struct diags *diags, struct err *err);
/* A checked tree -> the compiled rule set. */
int ruleset_compile(struct tree *tree, const struct ruleset_options *options, struct diags *diags,
                    struct ruleset **ruleset, struct err *err);
struct ruleset *ruleset_ref(struct ruleset *ruleset);
void ruleset_unref(struct ruleset *ruleset);

#endif
