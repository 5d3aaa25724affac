/* explain_cost.c - how a rule is run and what that costs: program, execution mode, index, stages, state, delay. */
#include "base/time_text.h"
#include "rules/explain_core.h"
#include "rules/index.h"
#include "rules/print.h"

static const char *article(struct slice name) {
  return name.length > 0 && memchr("aeiou", name.data[0], 5) != NULL ? "An" : "A";
}

static struct slice type_name_of(const struct ruleset *ruleset, uint16_t type) { return ruleset->schemas[type].name; }

static const struct residual_text *residual_of(const struct ruleset *ruleset, const struct expr *expr) {
  uint32_t low = 0, end = ruleset->residual_count;
  while (low < end) {
    uint32_t middle = low + (end - low) / 2;
    if ((uintptr_t)ruleset->residuals[middle].expr < (uintptr_t)expr)
      low = middle + 1;
    else
      end = middle;
  }
  return low < ruleset->residual_count && ruleset->residuals[low].expr == expr ? &ruleset->residuals[low] : NULL;
}

void explain_condition(void *context, struct buf *out, const struct pattern_condition *condition) {
  const struct ruleset *ruleset = context;
  bool predicate = condition->predicate != PREDICATE_TRUE;
  if (!predicate && condition->residual == NULL) buf_str(out, "any");
  if (predicate) buf_slice(out, ruleset->predicate_texts[condition->predicate]);
  if (condition->residual == NULL) return;
  const struct residual_text *residual = residual_of(ruleset, condition->residual);
  if (predicate) buf_str(out, " and ");
  if (residual != NULL) buf_slice(out, residual->text);
}

/* ---- program and mode ---- */

void explain_program(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  if (rule->pattern == NULL) return;
  size_t start = lines->text.length;
  pattern_print(&lines->text, rule->pattern, explain_condition, (void *)(uintptr_t)ruleset);
  for (size_t i = start; i < lines->text.length; i++) lines->count += lines->text.data[i] == '\n';
}

void explain_mode(struct explain_lines *lines, const struct rule *rule) {
  if (rule->pattern == NULL) {
    explain_line(lines, "one condition on one event: nothing is kept between events");
    return;
  }
  const char *why = NULL;
  if (pattern_compact(rule->pattern, &why))
    explain_line(lines,
                 "compact set: all partial matches of a key in one shared graph, so that their number does not matter");
  else
    explain_line(lines, "runs: one for each partial match%s%s", why == NULL ? "" : ", because ",
                 why == NULL ? "" : why);
}

/* ---- predicates ---- */

static void add_predicate(struct explain_lines *lines, const struct ruleset *ruleset, uint16_t type, int32_t predicate,
                          bool starts) {
  struct buf *out = &lines->text;
  buf_printf(out, SLICE_FMT ", to %s: ", SLICE_ARG(type_name_of(ruleset, type)), starts ? "begin" : "go on");
  if (predicate == PREDICATE_TRUE) {
    buf_str(out, "any: every event of the type");
  } else {
    buf_slice(out, ruleset->predicate_texts[predicate]);
    buf_str(out, ": ");
    index_describe(ruleset->index, predicate, out);
  }
  explain_end(lines);
}

static bool known_start(const struct pattern_start *starts, uint16_t count, uint16_t type, int32_t predicate) {
  for (uint16_t i = 0; i < count; i++) {
    if (starts[i].type == type && starts[i].predicate == predicate) return true;
  }
  return false;
}

void explain_predicates(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  if (rule->pattern == NULL) {
    add_predicate(lines, ruleset, rule->on_type, rule->on_condition.predicate, true);
    return;
  }
  const struct pattern_start *starts;
  uint16_t start_count = pattern_starts(rule->pattern, &starts);
  for (uint16_t i = 0; i < start_count; i++) {
    if (!known_start(starts, i, starts[i].type, starts[i].predicate))
      add_predicate(lines, ruleset, starts[i].type, starts[i].predicate, true);
  }
  for (uint16_t t = 0; t < rule->type_count; t++) {
    const int32_t *predicates;
    bool any_event;
    uint16_t count = pattern_waits(rule->pattern, rule->types[t], &predicates, &any_event);
    for (uint16_t i = 0; i < count; i++) {
      if (!known_start(starts, start_count, rule->types[t], predicates[i]))
        add_predicate(lines, ruleset, rule->types[t], predicates[i], false);
    }
  }
}

/* ---- state ---- */

static int64_t trailing_us(const struct rule *rule) {
  if (rule->parts != NULL && rule->parts->made != NULL) return 0; /* it stands at the end of the last part */
  const struct element *pattern = rule->tree->pattern;
  if (pattern->child_count == 0) return 0;
  const struct element *last = pattern->children[pattern->child_count - 1];
  return last->kind == ELEMENT_ABSENCE && last->for_us >= 0 ? last->for_us : 0;
}

static void bound_words(struct explain_lines *lines, const struct rule *rule) {
  int64_t wait_us = trailing_us(rule);
  if (rule->within_us >= 0 || wait_us > 0) {
    buf_str(&lines->text, "A partial match lives at most ");
    explain_duration(&lines->text, (rule->within_us > 0 ? rule->within_us : 0) + wait_us);
    buf_str(&lines->text, " of event time.");
  } else if (rule->step_count == 1) {
    buf_str(&lines->text, "A match is one event: nothing waits.");
  } else {
    buf_str(&lines->text, "A partial match ends when its next event does not come within the gap.");
  }
  explain_end(lines);
}

void explain_state(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  if (rule->pattern == NULL) {
    bool counts = rule->counter_count > 0, suppresses = rule->suppress_us >= 0;
    explain_line(lines, "%s%s", counts ? "None of its own" : "None",
                 suppresses ? " but the time of the last alert of each key." : ".");
    explain_counted(lines, ruleset, rule);
    return;
  }
  bound_words(lines, rule);
  struct nfa_sizes sizes = nfa_sizes(rule->pattern);
  size_t held = 0;
  for (uint16_t s = 0; s < rule->step_count; s++) {
    size_t bytes = sizeof(struct held) + ruleset->schemas[rule->steps[s].type].kept_count * sizeof(struct value);
    if (bytes > held) held = bytes;
  }
  explain_line(lines,
               "An estimate from the sizes of the structures: %zu bytes per key, %zu for each partial match, %zu for "
               "each event held, and the bytes of its texts.",
               sizes.state, sizes.run, sizes.link + held);
  if (rule->parts != NULL && rule->parts->number > 0)
    explain_line(lines, "The event that each begins with has those of the parts before in it.");
  explain_counted(lines, ruleset, rule);
}

/* ---- cost ---- */

static void start_cost(struct explain_lines *lines, const struct ruleset *ruleset, uint16_t type, int32_t predicate) {
  struct slice name = type_name_of(ruleset, type);
  if (predicate == PREDICATE_TRUE)
    explain_line(lines, "Every " SLICE_FMT " event concerns the rule.", SLICE_ARG(name));
  else if (!ruleset->predicates[predicate].indexed)
    explain_line(lines,
                 "Every " SLICE_FMT " event: one condition is asked (cost class %u of 100), as no index can find it.",
                 SLICE_ARG(name), ruleset->predicates[predicate].cost);
  else
    explain_line(lines,
                 "%s " SLICE_FMT " event that does not fit costs the rule nothing: the index finds those that do.",
                 article(name), SLICE_ARG(name));
}

void explain_cost(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  if (rule->mode == MODE_OFF) {
    explain_line(lines, "None: the rule is off.");
    return;
  }
  if (rule->pattern == NULL) {
    start_cost(lines, ruleset, rule->on_type, rule->on_condition.predicate);
    return;
  }
  const struct pattern_start *starts;
  uint16_t count = pattern_starts(rule->pattern, &starts);
  for (uint16_t i = 0; i < count; i++) {
    if (!known_start(starts, i, starts[i].type, starts[i].predicate))
      start_cost(lines, ruleset, starts[i].type, starts[i].predicate);
  }
  const char *why;
  bool compact = pattern_compact(rule->pattern, &why);
  for (uint16_t t = 0; t < rule->type_count; t++) {
    const int32_t *predicates;
    bool any_event;
    uint16_t waits = pattern_waits(rule->pattern, rule->types[t], &predicates, &any_event);
    struct slice name = type_name_of(ruleset, rule->types[t]);
    if (waits == 0 && !any_event) continue;
    if (compact)
      explain_line(lines,
                   "%s " SLICE_FMT " event of a key with partial matches costs the same, however many there are.",
                   article(name), SLICE_ARG(name));
    else if (any_event)
      explain_line(
          lines,
          "Every " SLICE_FMT
          " event of a key with partial matches is shown to those that are at a place where every event counts.",
          SLICE_ARG(name));
    else
      explain_line(lines,
                   "%s " SLICE_FMT " event of a key with partial matches costs one step for each that waits for what "
                   "the event satisfies, and nothing for the others.",
                   article(name), SLICE_ARG(name));
  }
}

/* ---- delay ---- */

/* All inputs are one order domain, so that the most patient source type makes all others wait. */
void explain_delay(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  const struct schema *slowest = NULL;
  for (uint16_t t = 0; t < ruleset->schema_count; t++) {
    const struct schema *schema = &ruleset->schemas[t];
    if (!schema->derived && (slowest == NULL || schema->disorder_us > slowest->disorder_us)) slowest = schema;
  }
  if (slowest == NULL || slowest->disorder_us == 0) {
    buf_str(&lines->text, "None on one input; with several, an event waits until all of them have passed its time.");
  } else {
    buf_str(&lines->text, "An event is taken when the watermark has passed its time: ");
    explain_duration(&lines->text, slowest->disorder_us);
    buf_printf(&lines->text, " behind the newest event of the slowest input (the disorder of " SLICE_FMT ").",
               SLICE_ARG(slowest->name));
  }
  explain_end(lines);
  if (rule->pattern == NULL || trailing_us(rule) == 0) return;
  buf_str(&lines->text, "A match is told ");
  explain_duration(&lines->text, trailing_us(rule));
  buf_str(&lines->text, " after its last event: it waits for what must not come.");
  explain_end(lines);
}
