/* explain_counters.c - the counters of a rule: what each counts, by which key, for how long, how exactly, and with whom
 * it is shared. */
#include "base/time_text.h"
#include "rules/explain_core.h"
#include "rules/key_plan.h"

static void duration(struct buf *out, int64_t us) {
  char text[DURATION_TEXT_MAX];
  buf_add(out, text, duration_text(text, us));
}

static bool asks(const struct rule *rule, uint16_t counter) {
  for (uint16_t i = 0; i < rule->counter_count; i++)
    if (rule->counters[i] == counter) return true;
  return false;
}

static void sharing(struct buf *out, const struct ruleset *ruleset, const struct rule *rule, uint16_t counter) {
  uint32_t others = 0;
  for (uint16_t r = 0; r < ruleset->rule_count; r++)
    if (&ruleset->rules[r] != rule && asks(&ruleset->rules[r], counter)) others++;
  if (others == 0) return;
  enum { NAMED = 3 };
  buf_str(out, "; one counter, shared with ");
  uint32_t named = 0;
  for (uint16_t r = 0; r < ruleset->rule_count && named < NAMED; r++) {
    if (&ruleset->rules[r] == rule || !asks(&ruleset->rules[r], counter)) continue;
    buf_printf(out, "%s" SLICE_FMT, named == 0 ? "" : ", ", SLICE_ARG(ruleset->rules[r].name));
    named++;
  }
  if (others > named) buf_printf(out, " and %u more rules", others - named);
}

static void lifetime(struct buf *out, const struct counter_window *window) {
  switch (window->span) {
  case SPAN_LAST:
    buf_printf(out, "keeps the last %lld events", (long long)window->last);
    if (window->over_us < 0) return;
    buf_str(out, ", no longer than ");
    duration(out, window->over_us);
    return;
  case SPAN_TODAY: buf_str(out, "begins anew each day"); return;
  case SPAN_EVER:
    buf_str(out, "goes when the key is silent for ");
    duration(out, window->over_us);
    return;
  default: buf_str(out, "keeps events for "); duration(out, window->over_us);
  }
}

static void exactness(struct buf *out, const struct counter_plan *counter) {
  if (counter->kind != COUNTER_AGGREGATE) return;
  const struct aggregate_plan *plan = &counter->aggregate;
  bool quantile = plan->kind == AGG_MEDIAN || plan->kind == AGG_PERCENTILE;
  if (plan->kind == AGG_DISTINCT && plan->approx)
    buf_str(out, "; approximate from the first event on (HyperLogLog), the window moves by 1/16");
  else if (plan->kind == AGG_DISTINCT)
    buf_str(out, "; exact to 1,024 values a window, then HyperLogLog, and the window moves by 1/16");
  else if (quantile && plan->approx)
    buf_str(out, "; approximate (DDSketch), the window moves by 1/16");
}

void explain_counters(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  for (uint16_t i = 0; i < rule->counter_count; i++) {
    const struct counter_plan *counter = &ruleset->counters[rule->counters[i]];
    const struct population *population = &ruleset->populations[counter->population];
    struct buf *out = &lines->text;
    buf_slice(out, counter->text);
    buf_printf(out, ": counts " SLICE_FMT, SLICE_ARG(ruleset->schemas[population->type].name));
    if (population->predicate != PREDICATE_TRUE)
      buf_printf(out, "(" SLICE_FMT ")", SLICE_ARG(ruleset->predicate_texts[population->predicate]));
    buf_str(out, " by ");
    key_plan_describe(&ruleset->spaces[population->space], out);
    buf_str(out, "; ");
    lifetime(out, &population->windows[counter->window]);
    exactness(out, counter);
    sharing(out, ruleset, rule, rule->counters[i]);
    explain_end(lines);
  }
}
