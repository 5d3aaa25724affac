/* explain_core.h - what the files of explain share; nobody else includes it.
 *
 * explain.c        the order of sections, text, JSON, graphs
 * explain_words.c  what the rule does, as sentences
 * explain_cost.c   predicates, index, execution mode, state, cost, delay
 * explain_counters.c  what is counted, for how long, with whom
 * explain_stages.c    events that are made, and what is kept for them; the whole rule set's lines */
#ifndef WEIR_RULES_EXPLAIN_CORE_H
#define WEIR_RULES_EXPLAIN_CORE_H

#include "rules/explain.h"

/* A section collects lines; its owner writes them in the form that is asked for. */
struct explain_lines {
  struct buf text; /* lines, each with its line end */
  uint32_t count;
};

/* One line. */
void explain_line(struct explain_lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line that is built up in `lines->text` directly ends here. */
void explain_end(struct explain_lines *lines);

/* explain_words.c */
void explain_about(struct explain_lines *lines, const struct rule *rule);
void explain_steps(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
void explain_bounds(struct explain_lines *lines, const struct rule *rule);
void explain_report(struct explain_lines *lines, const struct rule *rule);
void explain_after(struct explain_lines *lines, const struct rule *rule);
void explain_tells(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
void explain_suppress(struct explain_lines *lines, const struct rule *rule);

/* explain_cost.c */
void explain_program(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
void explain_mode(struct explain_lines *lines, const struct rule *rule);
void explain_predicates(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
void explain_state(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
void explain_cost(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
void explain_delay(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);

/* explain_counters.c */
void explain_counters(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
/* How long the rule's counters remember at most, as a sentence; nothing if there are none. */
void explain_counted(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);

/* explain_stages.c */
void explain_stages(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
/* A line for each, of the whole rule set. */
void explain_derived(struct explain_lines *lines, const struct ruleset *ruleset);
void explain_groups(struct explain_lines *lines, const struct ruleset *ruleset);
void explain_lists(struct explain_lines *lines, const struct ruleset *ruleset);
void explain_tables(struct explain_lines *lines, const struct ruleset *ruleset);

/* A condition as it is written: "amount > 200 and amount >= 20 * avg(probe.amount)"; "any" if there is none. The
 * context is the rule set. */
void explain_condition(void *ruleset, struct buf *out, const struct pattern_condition *condition);

#endif
