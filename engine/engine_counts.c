/* engine_counts.c - what there is to say of an engine. Called by weir.c. */
#include "engine/engine_private.h"

#include "base/check.h"

/* ---- looking in ---- */

struct outbox *engine_alerts(struct engine *engine) {
  return &engine->alerts;
}
struct outbox *engine_rejects(struct engine *engine) {
  return &engine->rejects;
}
int64_t engine_frontier(const struct engine *engine) { return engine->frontier; }
uint32_t engine_input_count(const struct engine *engine) { return engine->input_count; }
enum engine_format engine_input_format(const struct engine *engine, uint32_t input) {
  check(input < engine->input_count);
  return engine->inputs[input].format;
}

struct engine_totals engine_totals(const struct engine *engine) {
  struct engine_totals totals = {.processed = engine->processed,
                                 .late = engine->late_taken,
                                 .late_accepted = engine->late_taken,
                                 .duplicate = engine->duplicate,
                                 .held =
                                     engine->order == NULL ? 0 : order_count(engine->order) - engine->disproved_count,
                                 .order_spilled = engine->order == NULL ? 0 : order_spilled(engine->order),
                                 .alerts = engine->alert_count,
                                 .to_nothing = engine->to_nothing_count,
                                 .shadow = engine->shadow_count,
                                 .suppressed = engine->suppressed_count};
  for (uint32_t i = 0; i < engine->input_count; i++) {
    const struct input *input = &engine->inputs[i];
    totals.read += input->read;
    totals.late += input->late;
    totals.late_accepted += input->late_accepted;
    totals.dead += input->dead;
    totals.ignored += input->ignored;
    totals.bad_fields += input->bad_fields;
  }
  return totals;
}

uint64_t engine_derived(const struct engine *engine, uint16_t type) {
  return engine->deriver.made[type] + flow_made(engine->flow, type);
}

struct group_counts engine_group_counts(const struct engine *engine, uint16_t group) {
  return flow_group_counts(engine->flow, group);
}

uint64_t engine_overflow(const struct engine *engine) {
  return flow_counts(engine->flow).overflow + engine->deriver.counts.overflow;
}

static bool counts_with(const struct ruleset *set, const struct counter_plan *counter, const void *place) {
  if (place == counter) return true;
  const struct population *population = &set->populations[counter->population];
  const uint16_t columns[] = {counter->column, counter->aggregate.column, counter->aggregate.where,
                              counter->aggregate.order_column};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
    if (columns[i] < population->column_count && population->columns[columns[i]].expr == place) return true;
  return false;
}

static struct slice rule_that_asks(const struct ruleset *set, uint16_t counter) {
  for (uint16_t r = 0; r < set->named_rule_count; r++)
    for (uint16_t i = 0; i < set->rules[r].counter_count; i++)
      if (set->rules[r].counters[i] == counter) return set->rules[r].name;
  return (struct slice){0};
}

/* What expr_counts.place stands for. */
static bool place_name(const struct ruleset *set, const void *place, struct slice *what, struct slice *rule) {
  int32_t schema = -1;
  *rule = (struct slice){0};
  for (uint16_t c = 0; c < set->counter_count; c++) {
    if (!counts_with(set, &set->counters[c], place)) continue;
    *what = set->counters[c].text;
    *rule = rule_that_asks(set, c);
    return true;
  }
  for (uint16_t w = 0; w < set->window_count; w++)
    if (place == &set->windows[w]) schema = set->windows[w].schema;
  for (uint16_t j = 0; j < set->join_count; j++)
    if (place == &set->joins[j]) schema = set->joins[j].schema;
  for (uint16_t d = 0; d < set->derived_count; d++)
    if (place == &set->deriveds[d]) schema = set->deriveds[d].schema;
  if (schema >= 0) *what = set->schemas[schema].name;
  return schema >= 0;
}

bool engine_first_overflow(const struct engine *engine, struct slice *what, struct slice *rule) {
  const void *place = engine->deriver.counts.first_overflow;
  if (place == NULL) place = flow_first_overflow(engine->flow);
  return place != NULL && place_name(engine->ruleset, place, what, rule);
}

struct engine_input_totals engine_input_totals(const struct engine *engine, uint32_t number) {
  check(number < engine->input_count);
  const struct input *input = &engine->inputs[number];
  return (struct engine_input_totals){.source = input->source,
                                      .partition = input->partition,
                                      .read = input->read,
                                      .late = input->late,
                                      .dead = input->dead,
                                      .ignored = input->ignored,
                                      .watermark = watermark_of(&input->clock),
                                      .ended = input->ended};
}

const struct engine_rule_totals *engine_rule_totals(const struct engine *engine, uint16_t rule) {
  check(rule < engine->ruleset->rule_count);
  return &engine->rules[rule];
}

const struct rule_counts *engine_rule_counts(const struct engine *engine, uint16_t rule) {
  check(rule < engine->ruleset->rule_count);
  return stepper_counts(flow_stepper(engine->flow, engine->ruleset->rules[rule].level), rule);
}

uint64_t engine_bad_fields(const struct engine *engine, uint16_t type, uint16_t field) {
  check(type < engine->ruleset->schema_count && field < engine->ruleset->schemas[type].field_count);
  return engine->judging.bad_fields[type][field];
}

uint64_t engine_absent_fields(const struct engine *engine, uint16_t type, uint16_t field) {
  check(type < engine->ruleset->schema_count && field < engine->ruleset->schemas[type].field_count);
  return engine->absent_fields[type][field];
}

struct engine_limits engine_limits(const struct engine *engine) {
  struct engine_limits limits = {.suppress_keys = suppress_forgotten(engine->suppress),
                                 .derived_per_event = engine->deriver.left_out};
  for (uint16_t t = 0; t < engine->ruleset->schema_count; t++)
    if (engine->dedups[t] != NULL) limits.unique_ids += dedup_forgotten(engine->dedups[t]);
  return limits;
}

struct flow_counts engine_flow_counts(const struct engine *engine) {
  return flow_counts(engine->flow);
}

const struct profile *engine_profile(const struct engine *engine) {
  if (engine->profile != NULL && !engine->finished) flow_profile(engine->flow);
  return engine->profile;
}
