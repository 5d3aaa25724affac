/* lower.h - from a checked tree to what the engine runs: what the files of this module share.
 *
 * ruleset.c        load, compile, references; the order of work
 * lower.c          names, errors, small things that all use
 * lower_expr.c     expressions to typed nodes
 * lower_call.c     functions; what is read of steps: registers
 * lower_event.c    event types to schemas: slots, computed fields, kept slots; derived events
 * lower_data.c     lists and tables, their files
 * lower_condition.c conditions cut into predicate and residual; `with because`
 * lower_pattern.c  patterns
 * lower_rule.c     rules: keys, emit, message, suppress
 * lower_window.c   windows and joins
 * lower_parts.c    rules whose key changes: their parts, and what one part hands to the next
 * lower_stage.c    alerts as events, groups, what changes at run time; passes
 * lower_counter.c  counters, seen, previous: populations and slots of the events that ask
 *
 * Everything that is kept lives in the rule set's arena and borrows nothing of the tree, whose memory the caller may
 * free once it needs no `tree` pointers any more. */
#ifndef WEIR_RULES_LOWER_H
#define WEIR_RULES_LOWER_H

#include "base/hash.h"
#include "base/map.h"
#include "base/regex.h"
#include "base/zone.h"
#include "rules/key_plan.h"
#include "rules/lower_counter.h"
#include "rules/predicate.h"
#include "rules/ruleset.h"

enum { REGISTERS_MAX = 4096 }; /* of one rule's pattern or emit; a register is a few words of each run */

/* The registers of one rule, each once. */
struct lower_registers {
  uint16_t count, capacity;
  struct pattern_register *items;
};

struct lower {
  struct tree *tree;
  const struct ruleset_options *options;
  struct diags *diags;
  uint32_t error_count; /* said by this module */
  struct ruleset *ruleset;
  const struct model_tree **models; /* the checker's numbers */
  struct model_asks {
    uint16_t count, capacity;
    struct model_ask *items;
  } model_asks;         /* of the rule in hand */
  uint16_t level;       /* of the rule, window or join that is being lowered */
  bool by_time;         /* what is being lowered may be computed when time passes, without an event */
  bool time_asks;       /* and some of it asks lists or tables that change */
  struct mem *mem;      /* the rule set's */
  struct arena *arena;  /* the rule set's */
  struct arena work;    /* freed when the rule set stands */
  struct arena scratch; /* emptied after each rule: nodes, pattern elements */
  struct buf text;      /* for conditions as text */
  struct predicate_table predicates;
  struct key_plan keys;
  struct counter_lowering counters;
  struct regex_scratch *regex_scratch;
  struct map_text regexes, zones; /* text -> index */
  struct map_text words;          /* of lower_shared() -> 1 + index */
  struct slice *word_items;
  uint32_t word_capacity;
  uint16_t regex_count, regex_capacity, zone_count, zone_capacity;
  struct regex **regex_items;
  const struct zone **zone_items;
  struct residual_text *residuals;
  uint32_t residual_count, residual_capacity;
  uint64_t data_hash;                 /* of the files that lists and tables came from */
  uint16_t named_rules, former_parts; /* rules that run, and parts of theirs before the last; one schema for each */
  uint16_t parts_made;                /* so many former parts are lowered */
  bool **kept;                        /* per schema and slot: a held event keeps it */
  uint16_t *kept_capacity;
};

/* What `emit` of a pattern asks counters (struct rule.asked). */
struct end_asks {
  uint16_t count, capacity;
  struct end_ask *items;
};

struct window_lowering; /* lower_window.c: a window whose block is being lowered */

/* A part of a rule whose key changes. */
struct part_lowering {
  uint16_t number;
  uint16_t first_step;            /* the part's own steps begin there */
  uint16_t schema;                /* of the event that begins the part; LOWER_NO_TYPE = the first part */
  struct lower_registers carried; /* what it has of the steps before: the first for the key */
};

enum { LOWER_NO_TYPE = 0xffff };

/* What an expression reads. */
struct lower_scope {
  const struct rule_tree *rule;      /* for steps and key parts; NULL = none */
  uint16_t type;                     /* of the candidate, LOWER_NO_TYPE = none */
  uint16_t type_index;               /* its place among the types that the text is read for (ref.fields) */
  struct lower_registers *registers; /* what is read of steps goes here */
  struct end_asks *end_asks;         /* without a candidate: counters that are asked */
  const struct key_tree *key;        /* of a window or join: its parts; else the rule's */
  struct window_lowering *window;    /* in a window's block: aggregates */
  const struct event_tree *join;     /* in a join: its two sides */
  struct part_lowering *part;        /* in the pattern of one; NULL = of the whole rule */
  bool one_event;                    /* an `on` rule: its step is the event itself */
};

/* ---- lower.c ---- */
struct slice lower_slice(struct lower *lower, struct slice text); /* a copy that is kept; empty stays empty */
/* The same, one copy for all that are equal: words that many rules have. Data NULL if `text` is empty. */
struct slice lower_shared(struct lower *lower, struct slice text);
void lower_error(struct lower *lower, struct span span, const char *code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
const struct schema_field *lower_field(const struct lower *lower, uint16_t type, uint16_t field);
void lower_keep(struct lower *lower, uint16_t type, uint16_t slot); /* held events of the type keep the slot */

/* One more, behind the fields'; NO_SLOT: there are too many, which was said. */
uint16_t lower_new_slot(struct lower *lower, uint16_t type, struct span span);

/* ---- lower_counter.c: NULL after an error that was said ---- */
void counter_lowering_init(struct lower *lower); /* after lower_schemas() */
void counter_lowering_free(struct lower *lower);
struct expr_node *lower_counting(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr);
struct expr_node *lower_seen(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *seen,
                             const struct tree_expr *left);
struct expr_node *lower_previous(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr);
/* The slot in which events of the type get a cell of a table that changes: `node`, which reads BANK_EVENT alone. */
struct expr_node *lower_cell(struct lower *lower, uint16_t type, const struct expr_node *node, struct span span);
struct aggregate_plan lower_aggregate(const struct tree_expr *expr); /* without its columns */
void lower_counters_done(struct lower *lower);

/* ---- lower_stage.c ---- */
void lower_live(struct lower *lower);   /* lists and tables that change: behind lower_lists(), lower_tables() */
void lower_stages(struct lower *lower); /* behind lower_rule() of all */

/* ---- lower_window.c ---- */
void lower_windows(struct lower *lower); /* and joins */
struct expr_node *lower_window_aggregate(struct lower *lower, const struct lower_scope *scope,
                                         const struct tree_expr *expr);
struct expr_node *lower_side(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr);

/* ---- lower_expr.c, lower_call.c: NULL after an error that was said ---- */
struct expr_node *lower_expr(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr);
const struct expr *lower_compiled(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr);
const struct expr *lower_compile(struct lower *lower, const struct expr_node *node, struct span span);
struct expr_node *lower_node(struct lower *lower, enum expr_op op, struct type type, uint16_t child_count);
struct expr_node *lower_input(struct lower *lower, enum expr_bank bank, uint16_t index, struct type type);
struct expr_node *lower_const(struct lower *lower, struct value value, struct type type);
struct expr_node *lower_cast(struct lower *lower, struct expr_node *node, struct type to);
struct expr_node *lower_call(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr);
struct expr_node *lower_step_value(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr);
const struct zone *lower_zone(struct lower *lower, struct slice name, struct span span);
struct regex *lower_regex(struct lower *lower, const struct tree_expr *expr);

/* ---- lower_event.c ---- */
void lower_schemas(struct lower *lower);      /* names, fields, slots: first of all */
void lower_schema_exprs(struct lower *lower); /* computed fields, `watermark when`: after lists and tables */
void lower_deriveds(struct lower *lower);
void lower_kept(struct lower *lower); /* last: from lower_keep() */

/* ---- lower_data.c ---- */
/* A file that a declaration names at `span`: its whole text, to be freed with mem_free(lower->mem), and its path, which
 * stays in the rule set. NULL after an error that was said. */
const char *lower_read_file(struct lower *lower, struct span span, struct slice name, size_t bytes_max,
                            struct slice *text);
void lower_lists(struct lower *lower);
void lower_tables(struct lower *lower);

/* ---- lower_condition.c ---- */
/* Both may be NULL; they are joined by `and`. */
struct pattern_condition lower_condition(struct lower *lower, const struct lower_scope *scope,
                                         const struct tree_expr *first, const struct tree_expr *second);
struct because lower_because(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *first,
                             const struct tree_expr *second);

/* ---- lower_pattern.c, lower_rule.c ---- */
/* `part` NULL: the key does not change. */
const struct pattern *lower_pattern(struct lower *lower, const struct rule_tree *tree, struct rule *rule,
                                    struct part_lowering *part);
void lower_rule(struct lower *lower, const struct rule_tree *tree, struct rule *rule);
void lower_used(struct lower *lower,
                struct rule *rule); /* the counters and models that were asked since it was called */
uint16_t *lower_types(struct lower *lower, const struct rule_tree *tree, const struct part_lowering *part,
                      uint16_t *count);

/* ---- lower_parts.c ---- */
bool lower_parts_room(struct lower *lower);    /* first of all: counts parts and their event types */
void lower_parts_schemas(struct lower *lower); /* behind the schemas that the rules declare */
/* The parts of the rule but the last; returns that. The key space of `rule` is set. */
struct part_lowering *lower_parts(struct lower *lower, const struct rule_tree *tree, struct rule *rule);
/* What was read of the part before is known: its events' schema and registers are complete. */
void lower_part_carried(struct lower *lower, struct part_lowering *part, const struct rule *rule);
/* A value of the steps before the part, by the register that computes it: a slot of the event that begins the part. */
uint16_t lower_part_slot(struct lower *lower, struct part_lowering *part, const struct pattern_register *wanted,
                         struct span span);
void lower_uses(struct lower *lower);

#endif
