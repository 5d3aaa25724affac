/* explain_core.h - what the files of explain share; nobody else includes it.
 *
 * explain.c        the order of sections, text, JSON, graphs
 * explain_words.c  what the rule does, as sentences
 * explain_cost.c   predicates, index, execution mode, state, cost, delay
 * explain_counters.c  what is counted, for how long, with whom
 * explain_stages.c    events that are made, and what is kept for them; the whole rule set's lines
 * explain_named.c     groups; what is said of other declarations that are asked about by name */
#ifndef WEIR_RULES_EXPLAIN_CORE_H
#define WEIR_RULES_EXPLAIN_CORE_H

#include "base/time_text.h"
#include "rules/explain.h"

/* A section collects lines; its owner writes them in the form that is asked for. */
struct explain_lines {
  struct buf text; /* lines, each with its line end */
  uint32_t count;
};

/* One line. */
void explain_line(struct explain_lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The lines of a section below its title, or as a member of a JSON object; nothing of a section without lines as text.
 */
void explain_section(struct buf *out, const char *key, const char *title, const struct explain_lines *lines, bool json);
/* A line that is built up in `lines->text` directly ends here. */
void explain_end(struct explain_lines *lines);

static inline void explain_duration(struct buf *out, int64_t us) {
  char text[DURATION_TEXT_MAX];
  buf_add(out, text, duration_text(text, us));
}

/* One part of a rule whose key changes; the last one is the rule. */
static inline const struct rule *explain_part(const struct ruleset *ruleset, const struct rule *rule, uint16_t part) {
  return part + 1 < rule->parts->count ? &ruleset->rules[rule->parts->first + part] : rule;
}

/* explain_words.c */
void explain_about(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
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
/* The rule's counters, those over the same events together, with their common state and cost below the last of them. */
void explain_counters(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
/* One counter, whoever asks it, in the same form; each line with `indent` before it. */
void explain_counter(struct explain_lines *lines, const struct ruleset *ruleset, uint16_t counter, const char *indent);
/* How long the rule's counters remember at most, as a sentence; nothing if there are none. */
void explain_counted(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);

/* explain_stages.c */
void explain_stages(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);
/* A line for each, of the whole rule set, or for the one that is called `only` (data NULL = all). */
void explain_derived(struct explain_lines *lines, const struct ruleset *ruleset, struct slice only);
void explain_lists(struct explain_lines *lines, const struct ruleset *ruleset, struct slice only);
void explain_tables(struct explain_lines *lines, const struct ruleset *ruleset, struct slice only);
static inline bool explain_wanted(struct slice only, struct slice name) {
  return only.data == NULL || slice_equal(only, name);
}
enum { EXPLAIN_ALERT_BYTES = 56 }; /* of an alert that a group keeps: engine/README.md */

/* explain_named.c */
/* The order of actions, and who asks for each; nothing where nobody names one. */
void explain_actions(struct explain_lines *lines, const struct ruleset *ruleset, struct slice only);
void explain_group(struct buf *out, const struct ruleset *ruleset, const struct group_plan *group,
                   enum explain_form form);
/* Events, counters, lists, tables, models with this name: what they are, who reads them. */
void explain_others(struct explain_lines *lines, const struct ruleset *ruleset, struct slice name);

/* A condition as it is written: "amount > 200 and amount >= 20 * avg(probe.amount)"; "any" if there is none. The
 * context is the rule set. */
void explain_condition(void *ruleset, struct buf *out, const struct pattern_condition *condition);

#endif
