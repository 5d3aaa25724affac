/* flow_make.c - passes, with what works in them; made once. Called by engine_new(). */
#include "engine/flow_private.h"

/* ---- what passes want ---- */

static void want(struct pass *pass, uint16_t type) { pass->wanted[type / 64] |= (uint64_t)1 << (type % 64); }

static void find_wanted(struct pass *pass) {
  const struct ruleset *set = pass->flow->ruleset;
  for (uint16_t r = 0; r < set->rule_count; r++) {
    const struct rule *rule = &set->rules[r];
    if (rule->level != pass->level || rule->mode == MODE_OFF) continue;
    for (uint16_t t = 0; t < rule->type_count; t++) want(pass, rule->types[t]);
  }
  for (uint16_t p = 0; p < set->population_count; p++)
    if (set->populations[p].levels >> pass->level & 1) want(pass, set->populations[p].type);
  for (uint16_t w = 0; w < pass->window_count; w++)
    for (uint16_t f = 0; f < pass->windows[w].plan->from_count; f++) want(pass, pass->windows[w].plan->from[f].type);
  for (uint16_t j = 0; j < pass->join_count; j++)
    for (unsigned side = 0; side < 2; side++) want(pass, pass->joins[j].plan->types[side]);
  for (uint16_t t = 0; t < pass->table_count; t++) want(pass, set->tables[pass->tables[t]].from_type);
  for (uint16_t d = 0; d < pass->derived_count; d++)
    for (uint16_t f = 0; f < pass->deriveds[d]->from_count; f++) want(pass, pass->deriveds[d]->from[f].type);
}

/* ---- making ---- */

static bool has_rules(const struct ruleset *set, uint16_t level) {
  for (uint16_t r = 0; r < set->rule_count; r++)
    if (set->rules[r].level == level) return true;
  return false;
}

/* What an event of the type takes until its round ends, but for its key and its texts: the item, its place in the order
 * of a pass, its values. */
static size_t made_bytes(const struct ruleset *set, uint16_t type) {
  return sizeof(struct item) + 2 * sizeof(struct item *) + (set->schemas[type].slot_count + 1u) * sizeof(struct value);
}

static void make_operators(struct flow *flow, struct pass *pass) {
  const struct ruleset *set = flow->ruleset;
  struct mem *mem = flow->mem;
  pass->windows = mem_alloc(mem, (set->window_count + 1u) * sizeof *pass->windows);
  pass->joins = mem_alloc(mem, (set->join_count + 1u) * sizeof *pass->joins);
  pass->groups = mem_alloc(mem, (set->group_count + 1u) * sizeof *pass->groups);
  for (uint16_t w = 0; w < set->window_count; w++) {
    if (set->windows[w].level != pass->level) continue;
    struct pass_window *window = &pass->windows[pass->window_count++];
    *window = (struct pass_window){.pass = pass, .plan = &set->windows[w]};
    if (flow->profile != NULL) window->row = flow->profile->windows + w;
    window->set = window_set_new(mem, &(struct window_options){.ruleset = set,
                                                               .plan = window->plan,
                                                               .keys_max = flow->options.entries_max,
                                                               .told_bytes = made_bytes(set, window->plan->schema),
                                                               .tell = flow_from_window,
                                                               .context = window});
  }
  for (uint16_t j = 0; j < set->join_count; j++) {
    if (set->joins[j].level != pass->level) continue;
    struct pass_join *join = &pass->joins[pass->join_count++];
    *join = (struct pass_join){.pass = pass, .plan = &set->joins[j]};
    if (flow->profile != NULL) join->row = flow->profile->joins + j;
    join->set = join_set_new(mem, &(struct join_options){.ruleset = set,
                                                         .plan = join->plan,
                                                         .events_max = flow->options.entries_max,
                                                         .tell = flow_from_join,
                                                         .context = join});
  }
  for (uint16_t g = 0; g < set->group_count; g++) {
    if (set->groups[g].level != pass->level) continue;
    struct pass_group *group = &pass->groups[pass->group_count++];
    *group =
        (struct pass_group){.number = g, .set = group_set_new(mem, set, &set->groups[g], flow->options.entries_max)};
    if (flow->profile != NULL) group->row = flow->profile->groups + g;
  }
}

/* A live list or table is kept by every pass from its own level on that has rules or operators to ask it. */
static void make_live(struct flow *flow, struct pass *pass) {
  const struct ruleset *set = flow->ruleset;
  bool any = false;
  pass->asks_list = mem_alloc(flow->mem, (set->list_count + 1u) * sizeof *pass->asks_list);
  pass->tables = mem_alloc(flow->mem, (set->table_count + 1u) * sizeof *pass->tables);
  for (uint16_t l = 0; l < set->list_count; l++) {
    pass->asks_list[l] = set->lists[l].live && (set->lists[l].asked >> pass->level & 1) != 0;
    any |= pass->asks_list[l];
  }
  for (uint16_t t = 0; t < set->table_count; t++) {
    if (!set->tables[t].live || (set->tables[t].asked >> pass->level & 1) == 0) continue;
    pass->tables[pass->table_count++] = t;
    any = true;
  }
  if (any) pass->live = live_new(flow->mem, set, flow->options.entries_max, flow_row_asked, pass);
}

static void make_filters(struct flow *flow, struct pass *pass) {
  const struct ruleset *set = flow->ruleset;
  pass->deriveds = mem_alloc(flow->mem, (set->derived_count + 1u) * sizeof *pass->deriveds);
  for (uint16_t d = 0; d < set->derived_count; d++)
    if (set->deriveds[d].asks && set->deriveds[d].level == pass->level + 1)
      pass->deriveds[pass->derived_count++] = &set->deriveds[d];
}

struct flow *flow_new(struct mem *mem, const struct flow_options *options) {
  const struct ruleset *set = options->ruleset;
  struct flow *flow = mem_alloc(mem, sizeof *flow);
  flow->mem = mem;
  flow->ruleset = set;
  flow->options = *options;
  flow->profile = options->step.profile;
  flow->laps = profile_laps(flow->profile);
  flow->highest = INT64_MIN;
  flow->empty_until = INT64_MAX;
  arena_init(&flow->arena, mem, FLOW_ARENA_BYTES);
  buf_init(&flow->key_text, mem);
  buf_init(&flow->unique_text, mem);
  flow->made_of = mem_alloc(mem, (set->schema_count + 1u) * sizeof *flow->made_of);
  flow->passes = mem_alloc(mem, set->level_count * sizeof *flow->passes);
  flow->source_capacity = STEP_BATCH_MAX;
  flow->sources = mem_alloc(mem, flow->source_capacity * sizeof *flow->sources);
  flow->single = set->level_count == 1 && set->group_count == 0;
  for (uint16_t p = 0; p < set->level_count; p++) {
    struct pass *pass = &flow->passes[p];
    pass->flow = flow;
    pass->level = p;
    pass->wanted = mem_alloc(mem, ((size_t)set->schema_count / 64 + 1) * sizeof *pass->wanted);
    make_operators(flow, pass);
    make_filters(flow, pass);
    make_live(flow, pass);
    find_wanted(pass);
    if (pass->window_count > 0 || pass->join_count > 0 || pass_in_turn(pass)) flow->single = false;
    struct step_options step = options->step;
    step.level = p;
    step.live = pass->live;
    step.tell = flow_from_stepper;
    step.context = pass;
    if (has_rules(set, p) || pass->derived_count > 0 || p == 0) pass->stepper = stepper_new(mem, set, &step);
  }
  flow->at = &flow->passes[0];
  return flow;
}
