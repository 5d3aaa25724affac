/* explain_counters.c - the counters of a rule: what each counts, by which key, for how long, how exactly, and with whom
 * it is shared. */
#include "base/limits.h"
#include "base/sketch.h"
#include "base/time_text.h"
#include "rules/explain_core.h"
#include "rules/key_plan.h"

#define DAY_US INT64_C(86400000000)

static bool asks(const struct rule *rule, uint16_t counter) {
  for (uint16_t i = 0; i < rule->counter_count; i++)
    if (rule->counters[i] == counter) return true;
  return false;
}

/* Whether another rule than this one asks it, in any of its parts. */
static bool other_asks(const struct ruleset *ruleset, const struct rule *rule, uint16_t other, uint16_t counter) {
  const struct rule *asking = &ruleset->rules[other];
  if (rule != NULL && other == (rule->parts != NULL ? rule->parts->whole : rule->id)) return false;
  bool any = asks(asking, counter);
  for (uint16_t p = 0; asking->parts != NULL && p + 1 < asking->parts->count; p++)
    any |= asks(&ruleset->rules[asking->parts->first + p], counter);
  return any;
}

static void sharing(struct buf *out, const struct ruleset *ruleset, const struct rule *rule, uint16_t counter) {
  uint32_t others = 0;
  for (uint16_t r = 0; r < ruleset->named_rule_count; r++) others += other_asks(ruleset, rule, r, counter);
  if (others == 0) return;
  enum { NAMED = 3 };
  buf_str(out, "; one counter, shared with ");
  uint32_t named = 0;
  for (uint16_t r = 0; r < ruleset->named_rule_count && named < NAMED; r++) {
    if (!other_asks(ruleset, rule, r, counter)) continue;
    buf_printf(out, "%s" SLICE_FMT, named == 0 ? "" : ", ", SLICE_ARG(ruleset->rules[r].name));
    named++;
  }
  if (others > named) buf_printf(out, " and %u more rules", others - named);
}

/* How long an event counts, at most. */
static int64_t longest_us(const struct counter_window *window) {
  if (window->span == SPAN_TODAY) return DAY_US;
  return window->over_us >= 0 ? window->over_us : LIMIT_PREVIOUS_IDLE_DAYS * DAY_US;
}

static void lifetime(struct buf *out, const struct counter_window *window) {
  switch (window->span) {
  case SPAN_LAST:
    buf_printf(out, "keeps the last %lld event%s, no longer than ", (long long)window->last,
               window->last == 1 ? "" : "s");
    explain_duration(out, longest_us(window));
    return;
  case SPAN_TODAY: buf_str(out, "begins anew each day"); return;
  case SPAN_EVER:
    buf_str(out, "goes when the key is silent for ");
    explain_duration(out, window->over_us);
    return;
  default: buf_str(out, "keeps events for "); explain_duration(out, window->over_us);
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

/* What one more event costs when there are many; NULL: the same, however many there are. */
static const char *growth(const struct population *population, const struct counter_plan *counter) {
  const struct counter_window *window = &population->windows[counter->window];
  if (counter->kind != COUNTER_AGGREGATE) return NULL;
  switch (counter->aggregate.kind) {
  case AGG_MEDIAN:
  case AGG_PERCENTILE: return counter->aggregate.approx ? NULL : "grows with the logarithm of their number";
  case AGG_TOP: return "grows with the logarithm of how many different values there are";
  case AGG_COLLECT: return "is the same, and each value that is told";
  case AGG_FIRST:
  case AGG_LAST:
  case AGG_NTH:
    if (counter->aggregate.where != NO_COLUMN && window->span != SPAN_TODAY && window->span != SPAN_EVER)
      return "grows with the logarithm of their number";
    return NULL;
  default: return NULL;
  }
}

static void found_by(struct buf *out, const struct ruleset *ruleset, const struct population *population) {
  buf_printf(out, "every " SLICE_FMT " is ", SLICE_ARG(ruleset->schemas[population->type].name));
  buf_str(out, population->predicate == PREDICATE_TRUE ? "counted" : "asked the condition");
  if (ruleset->spaces[population->space].none)
    buf_str(out, ", there is one state");
  else
    buf_str(out, ", one look-up in the table of keys finds its state");
}

/* What stands beside the state and its events, by what the population's counters ask. */
static void beside(struct buf *out, const struct ruleset *ruleset, const struct population *population) {
  bool ordered = false, top = false, counted = false, spread = false;
  for (uint16_t i = 0; i < population->counter_count; i++) {
    const struct counter_plan *counter = &ruleset->counters[population->counters[i]];
    const struct aggregate_plan *plan = &counter->aggregate;
    if (counter->kind != COUNTER_AGGREGATE) continue;
    bool quantile = plan->kind == AGG_MEDIAN || plan->kind == AGG_PERCENTILE;
    ordered |= quantile && !plan->approx;
    spread |= quantile && plan->approx;
    top |= plan->kind == AGG_TOP;
    counted |= plan->kind == AGG_DISTINCT;
  }
  if (ordered) buf_str(out, ", 8 to 17 for each value in the order of a median or percentile");
  if (top) buf_str(out, ", some 50 for each different value of a `top`");
  if (counted) buf_printf(out, ", %zu for each sixteenth of a window that is a sketch", sizeof(struct hll));
  if (spread) buf_str(out, ", 8 for each hundredth of their size in which values stand, in each sixteenth of a window");
}

static void bytes(struct buf *out, const struct ruleset *ruleset, const struct population *population) {
  const struct count_size *size = &population->size;
  buf_printf(out, "%zu bytes a key", size->state);
  if (size->event > 0) buf_printf(out, ", %zu for each event", size->event);
  if (size->value > 0) buf_printf(out, ", %zu for each different value", size->value);
  beside(out, ruleset, population);
  if (size->event > 0 || size->value > 0) buf_str(out, "; room for more is made by doubling");
  if (population->counter_count > 1)
    buf_printf(out, "; for all %u counters over these events", (unsigned)population->counter_count);
}

void explain_counted(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  int64_t longest = -1;
  for (uint16_t i = 0; i < rule->counter_count; i++) {
    const struct counter_plan *counter = &ruleset->counters[rule->counters[i]];
    int64_t us = longest_us(&ruleset->populations[counter->population].windows[counter->window]);
    if (us > longest) longest = us;
  }
  if (longest < 0) return;
  buf_str(&lines->text, "Its counters (see there) forget an event after at most ");
  explain_duration(&lines->text, longest);
  buf_str(&lines->text, " of event time, and a key that is silent so long has no state.");
  explain_end(lines);
}

static void counter_line(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule,
                         uint16_t number, const char *indent) {
  const struct counter_plan *counter = &ruleset->counters[number];
  const struct population *population = &ruleset->populations[counter->population];
  struct buf *out = &lines->text;
  if (rule != NULL) {
    buf_slice(out, counter->text);
    buf_str(out, ": ");
  } else {
    buf_str(out, indent);
  }
  buf_printf(out, "counts " SLICE_FMT, SLICE_ARG(ruleset->schemas[population->type].name));
  if (population->predicate != PREDICATE_TRUE)
    buf_printf(out, "(" SLICE_FMT ")", SLICE_ARG(ruleset->predicate_texts[population->predicate]));
  buf_str(out, " by ");
  key_plan_describe(&ruleset->spaces[population->space], out);
  buf_str(out, "; ");
  lifetime(out, &population->windows[counter->window]);
  exactness(out, counter);
  if (rule != NULL) sharing(out, ruleset, rule, number);
  if (growth(population, counter) != NULL) buf_printf(out, "; what an event costs %s", growth(population, counter));
  explain_end(lines);
}

/* What the counters of a population have in common. `same`, `growing`: how many of those told cost the same, however
 * many events there are, and how many do not. */
static void common_lines(struct explain_lines *lines, const struct ruleset *ruleset,
                         const struct population *population, unsigned same, unsigned growing, const char *indent) {
  struct buf *out = &lines->text;
  buf_printf(out, "%sstate: ", indent);
  bytes(out, ruleset, population);
  explain_end(lines);
  buf_printf(out, "%san event: ", indent);
  found_by(out, ruleset, population);
  if (same > 0) buf_printf(out, "; what it costs %sis the same, however many there are", growing > 0 ? "beside " : "");
  explain_end(lines);
}

void explain_counter(struct explain_lines *lines, const struct ruleset *ruleset, uint16_t number, const char *indent) {
  const struct counter_plan *counter = &ruleset->counters[number];
  const struct population *population = &ruleset->populations[counter->population];
  bool grows = growth(population, counter) != NULL;
  counter_line(lines, ruleset, NULL, number, indent);
  common_lines(lines, ruleset, population, !grows, grows, indent);
}

void explain_counters(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  for (uint16_t i = 0; i < rule->counter_count; i++) {
    uint16_t own = ruleset->counters[rule->counters[i]].population, first = 0;
    while (ruleset->counters[rule->counters[first]].population != own) first++;
    if (first < i) continue; /* told with the first of its population */
    const struct population *population = &ruleset->populations[own];
    unsigned same = 0, growing = 0;
    for (uint16_t k = i; k < rule->counter_count; k++) {
      const struct counter_plan *counter = &ruleset->counters[rule->counters[k]];
      if (counter->population != own) continue;
      counter_line(lines, ruleset, rule, rule->counters[k], "  ");
      if (growth(population, counter) == NULL)
        same++;
      else
        growing++;
    }
    common_lines(lines, ruleset, population, same, growing, "  ");
  }
}
