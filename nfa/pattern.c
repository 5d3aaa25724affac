/* pattern.c - compiles a tree of pattern elements to the flat program of program.h.
 *
 * Owns nothing: all memory is the caller's arena. Called by rules/lower once for each rule. The tree becomes an array,
 * pattern_way.c finds the ways of each node; then come the lists of who must be asked for which event, registers,
 * steps and the modes of matching, and the whole is verified. */
#include "nfa/lane.h"
#include "nfa/pattern_compiler.h"
#include "nfa/tape.h"

#include <limits.h>

#include "base/check.h"

enum { COMPACT_LIMIT_MAX = 100000, COMPACT_CONFIGURATIONS_MAX = 4096 };
enum { ELEMENTS_MAX = 1024, PATTERN_DEPTH_MAX = 64 };

void *pattern_grow(struct compiler *c, void *old, int count, int *capacity, size_t size) {
  if (count < *capacity) return old;
  int wanted = *capacity == 0 ? 16 : *capacity * 2;
  char *bigger = arena_alloc(&c->scratch, (size_t)wanted * size);
  if (count > 0) memcpy(bigger, old, (size_t)count * size);
  *capacity = wanted;
  return bigger;
}

void pattern_fail(struct compiler *c, const char *text) {
  if (!c->failed) err_set(c->err, ERR_ABORT, "%s", text);
  c->failed = true;
}

/* ---- the tree as an array ---- */

static int new_counter(struct compiler *c) {
  if (c->counters == COUNTERS_MAX) {
    pattern_fail(c, "the pattern has too many loops and groups (64 at most)");
    return 0;
  }
  return c->counters++;
}

static void add_elem(struct compiler *c, int self, const struct pattern_node *node, int parent, int index, int depth) {
  struct elem *e = &c->elems[self];
  *e = (struct elem){.node = node,
                     .parent = parent,
                     .index = index,
                     .first_child = -1,
                     .counter = -1,
                     .mask_counter = -1,
                     .closed_counter = -1,
                     .choice_counter = -1};
  e->position = c->position;
  if (depth > PATTERN_DEPTH_MAX + 1) pattern_fail(c, "the pattern's groups are nested too deeply (64 at most)");
  if (c->failed) return;
  if (node->kind == PATTERN_STEP) {
    if (node->step >= STEPS_MAX || node->step >= c->spec->step_count) {
      pattern_fail(c, "the pattern has too many steps (256 at most)");
      return;
    }
    c->step_elem[node->step] = self;
    c->position++;
  } else if (node->kind != PATTERN_ABSENCE) {
    if (c->elem_count + node->child_count > ELEMENTS_MAX) {
      pattern_fail(c, "the pattern has too many elements (1024 at most)");
      return;
    }
    e->first_child = c->elem_count;
    c->elem_count += node->child_count;
    e->nullable = node->kind == PATTERN_GROUP;
    for (int i = 0; i < node->child_count; i++) {
      add_elem(c, e->first_child + i, node->children[i], self, i, depth + 1);
      if (c->failed) return;
      const struct elem *child = &c->elems[e->first_child + i];
      if (child->height >= e->height) e->height = child->height + 1;
      if (child->node->kind != PATTERN_ABSENCE && child->node->min > 0 && !child->nullable) e->nullable = false;
    }
    if (node->kind == PATTERN_AND) e->mask_counter = new_counter(c);
  }
  if (node->kind != PATTERN_ABSENCE && (node->max > 1 || node->min > 1) && parent >= 0) e->counter = new_counter(c);
  if (node->has_until && node->kind != PATTERN_STEP) e->closed_counter = new_counter(c);
  if ((node->each || node->any) && (pattern_skippable(e) || node->kind != PATTERN_STEP))
    e->choice_counter = new_counter(c);
}

/* ---- who must be asked for which event ---- */

struct interest_list {
  int32_t *items;
  int count, capacity;
  bool any;
};

static void want(struct compiler *c, struct interest_list *list, struct pattern_condition condition) {
  if (condition.predicate == PREDICATE_TRUE) {
    list->any = true;
    return;
  }
  for (int i = 0; i < list->count; i++)
    if (list->items[i] == condition.predicate) return;
  list->items = pattern_grow(c, list->items, list->count, &list->capacity, sizeof *list->items);
  list->items[list->count++] = condition.predicate;
}

static void want_range(struct compiler *c, struct interest_list *list, struct range r, uint16_t type) {
  for (int i = 0; i < r.count; i++)
    if (c->conditions[r.first + i].type == type) want(c, list, c->conditions[r.first + i].condition);
}

static void node_interest(struct compiler *c, const struct node *node, uint16_t type, bool start,
                          struct interest_list *list) {
  const struct pattern *g = c->program;
  for (int i = 0; i < node->ways.count; i++) {
    const struct way *w = &g->ways[node->ways.first + i];
    if (w->target != WAY_END && g->steps[w->target].type == type) want(c, list, g->steps[w->target].condition);
    if (start) continue;
    want_range(c, list, w->absences, type);
    for (int j = 0; j < w->absences.count; j++)
      if (c->conditions[w->absences.first + j].next) list->any = true; /* the first event passed over matters */
    want_range(c, list, w->bars, type);
    if (w->next && w->among.count == 0) list->any = true;
    if (w->next) want_range(c, list, w->among, type);
    if (w->gap_us != INT64_MAX && g->by_start) list->any = true; /* who ends by a gap is told otherwise */
  }
  want_range(c, list, node->closers, type);
}

static void add_interests(struct compiler *c) {
  struct pattern *g = c->program;
  struct interest_list all = {0};
  g->interests = arena_array(c->arena, struct range, g->node_count * g->type_count);
  g->waits = arena_array(c->arena, struct wait_list, g->type_count);
  for (int t = 0; t < g->type_count; t++) {
    struct interest_list waits = {0};
    for (int n = 0; n < g->node_count; n++) {
      struct interest_list list = {0};
      node_interest(c, &g->nodes[n], g->types[t], n == 0, &list);
      g->interests[n * g->type_count + t] = (struct range){(uint16_t)all.count, (uint16_t)list.count};
      for (int i = 0; i < list.count; i++) {
        all.items = pattern_grow(c, all.items, all.count, &all.capacity, sizeof *all.items);
        all.items[all.count++] = list.items[i];
        if (n > 0) want(c, &waits, (struct pattern_condition){list.items[i], NULL});
        g->nodes[n].wait_mask |= (uint64_t)1 << (list.items[i] & 63);
      }
      if (list.any) {
        g->interests[n * g->type_count + t].count = EVERY_EVENT;
        g->nodes[n].wait_mask = UINT64_MAX;
        waits.any |= n > 0;
      }
      if (all.count >= EVERY_EVENT) pattern_fail(c, "the pattern is too large");
    }
    g->waits[t] = (struct wait_list){.items = waits.items, .count = (uint16_t)waits.count, .any = waits.any};
  }
  g->interest_predicates = all.items;
}

static void add_starts(struct compiler *c) {
  struct pattern *g = c->program;
  const struct node *start = &g->nodes[0];
  g->starts = arena_array(c->arena, struct pattern_start, start->ways.count);
  for (int i = 0; i < start->ways.count; i++) {
    const struct way *w = &g->ways[start->ways.first + i];
    if (w->target == WAY_END) continue; /* a pattern that may take nothing: the checker refuses it */
    const struct program_step *step = &g->steps[w->target];
    bool known = false;
    for (int j = 0; j < g->start_count; j++)
      if (g->starts[j].type == step->type && g->starts[j].predicate == step->condition.predicate) known = true;
    if (!known) g->starts[g->start_count++] = (struct pattern_start){step->type, step->condition.predicate};
  }
}

/* ---- registers, steps, modes ---- */

static const struct pattern_node *step_node(const struct compiler *c, int step) {
  return c->elems[c->step_elem[step]].node;
}

static void add_steps(struct compiler *c) {
  struct pattern *g = c->program;
  const struct pattern_spec *spec = c->spec;
  g->steps = arena_array(c->arena, struct program_step, spec->step_count);
  g->registers = arena_array(c->arena, struct pattern_register, spec->register_count);
  g->register_order = arena_array(c->arena, uint16_t, spec->register_count);
  uint16_t next = 0;
  for (uint16_t s = 0; s < spec->step_count; s++) {
    g->steps[s].type = step_node(c, s)->type;
    g->steps[s].condition = step_node(c, s)->condition;
    g->steps[s].registers.first = next;
    for (uint16_t r = 0; r < spec->register_count; r++) {
      if (spec->registers[r].step != s) continue;
      g->registers[next] = spec->registers[r];
      g->register_order[next] = r;
      next++;
    }
    g->steps[s].registers.count = (uint16_t)(next - g->steps[s].registers.first);
  }
  check(next == spec->register_count);
}

/* Loop counts are compared with bounds only: beyond the largest, all are alike. Masks and flags are not clamped. */
static void add_clamps(struct compiler *c) {
  struct pattern *g = c->program;
  g->counter_clamps = arena_array(c->arena, uint32_t, g->counter_count);
  for (int e = 0; e < c->elem_count; e++)
    if (c->elems[e].counter >= 0) g->counter_clamps[c->elems[e].counter] = 1;
  for (int i = 0; i < c->guard_count; i++) {
    const struct guard *guard = &g->guards[i];
    uint32_t *clamp = &g->counter_clamps[guard->counter];
    if (*clamp > 0 && guard->value > *clamp) *clamp = guard->value;
  }
}

static void add_tapes(struct compiler *c) {
  struct pattern *g = c->program;
  g->loop_counters = arena_array(c->arena, uint8_t, g->step_count);
  g->tapes = arena_array(c->arena, bool, g->node_count);
  for (int s = 0; s < g->step_count; s++) {
    int counter = c->elems[c->step_elem[s]].counter;
    g->loop_counters[s] = counter < 0 ? UINT8_MAX : (uint8_t)counter;
  }
  for (int n = 1; n < g->node_count; n++) {
    g->tapes[n] = tape_possible(g, n);
    g->any_tape |= g->tapes[n];
  }
}

static const char *compact_obstacle(const struct compiler *c) {
  const struct pattern *g = c->program;
  if (g->report != PATTERN_REPORT_ALL) return "only `report all` is told from the compact set";
  if (g->after != PATTERN_AFTER_OVERLAP) return "`after match` skips partial matches one by one";
  if (!g->forking) return "no step or loop leaves a choice, so partial matches do not multiply";
  if (g->register_count > 0 || !g->pure) return "a condition reads earlier steps";
  if (g->trailing) return "it waits for an absence at the end";
  if (g->within_us < 0) return "it has no `within`";
  if (g->starts_before) return "its `within` begins before the key changes";
  if (g->told_events_max > 0) return "its matches go on at another key";
  if (g->report_limit > COMPACT_LIMIT_MAX) return "its `limit` is above 100000";
  for (int n = 0; n < g->node_count; n++)
    for (int i = 0; i < g->nodes[n].ways.count; i++)
      for (int j = 0; j < i; j++)
        if (g->ways[g->nodes[n].ways.first + i].target == g->ways[g->nodes[n].ways.first + j].target)
          return "a further event of a loop and a new round around it are the same step";
  uint64_t configurations = 1;
  for (int i = 0; i < g->counter_count; i++) configurations *= g->counter_clamps[i] + 1;
  if (configurations > COMPACT_CONFIGURATIONS_MAX) return "its loops count too far";
  for (int t = 0; t < g->type_count; t++)
    if (g->waits[t].count + g->start_count > 64) return "it has more than 64 conditions on one event type";
  for (int w = 0; w < c->way_count; w++)
    if (g->ways[w].gap_us != INT64_MAX) return "a gap depends on time";
  return NULL;
}

static void add_predicates(struct compiler *c) {
  struct pattern *g = c->program;
  struct interest_list list = {0};
  for (int s = 0; s < g->step_count; s++) want(c, &list, g->steps[s].condition);
  for (int i = 0; i < c->condition_count; i++) want(c, &list, c->conditions[i].condition);
  g->predicates = list.items;
  g->predicate_count = (uint16_t)list.count;
}

/* Every index in the program stands inside its array: what the matcher relies on without looking. */
static void verify(const struct compiler *c) {
  const struct pattern *g = c->program;
  for (int n = 0; n < g->node_count; n++) {
    const struct node *node = &g->nodes[n];
    check(node->ways.count <= WAYS_PER_NODE_MAX && node->ways.first + node->ways.count <= c->way_count);
    check(node->forks.count <= FORKS_PER_NODE_MAX && node->forks.first + node->forks.count <= c->fork_count);
    check(node->end_way < (int)node->ways.count);
    check(node->closers.first + node->closers.count <= c->condition_count && node->closers.count == node->closed.count);
  }
  for (int i = 0; i < c->way_count; i++) {
    const struct way *w = &g->ways[i];
    check(w->target == WAY_END || w->target < g->step_count);
    check(w->guards.first + w->guards.count <= c->guard_count &&
          w->actions.first + w->actions.count <= c->action_count);
    check(w->absences.first + w->absences.count <= c->condition_count);
    check(w->until.first + w->until.count <= c->condition_count &&
          w->among.first + w->among.count <= c->condition_count);
  }
  for (int i = 0; i < c->guard_count; i++) check(g->guards[i].counter < g->counter_count);
  for (int i = 0; i < c->action_count; i++) check(g->actions[i].counter < g->counter_count);
  for (int i = 0; i < c->condition_count; i++) check(program_type_index(g, c->conditions[i].type) >= 0);
}

static void *kept(struct compiler *c, const void *grown, int count, size_t size) {
  char *copy = arena_alloc(c->arena, (size_t)count * size);
  if (count > 0) memcpy(copy, grown, (size_t)count * size);
  return copy;
}

/* What grew in the scratch arena, at its final size. */
static void settle(struct compiler *c) {
  struct pattern *g = c->program;
  g->ways = kept(c, g->ways, c->way_count, sizeof *g->ways);
  g->forks = kept(c, g->forks, c->fork_count, sizeof *g->forks);
  g->fork_choices = kept(c, g->fork_choices, c->fork_count, sizeof *g->fork_choices);
  g->fork_guards = kept(c, g->fork_guards, c->fork_count, sizeof *g->fork_guards);
  g->choices = kept(c, g->choices, c->choice_count, sizeof *g->choices);
  g->guards = kept(c, g->guards, c->guard_count, sizeof *g->guards);
  g->actions = kept(c, g->actions, c->action_count, sizeof *g->actions);
  g->closed_counters = kept(c, g->closed_counters, c->closed_count, 1);
  g->conditions = c->conditions = kept(c, c->conditions, c->condition_count, sizeof *c->conditions);
  g->predicates = kept(c, g->predicates, g->predicate_count, sizeof *g->predicates);
  int interests = 0;
  for (int i = 0; i < g->node_count * g->type_count; i++)
    if (g->interests[i].count != EVERY_EVENT && g->interests[i].first + g->interests[i].count > interests)
      interests = g->interests[i].first + g->interests[i].count;
  g->interest_predicates = kept(c, g->interest_predicates, interests, sizeof *g->interest_predicates);
  for (int t = 0; t < g->type_count; t++)
    g->waits[t].items = kept(c, g->waits[t].items, g->waits[t].count, sizeof *g->waits[t].items);
}

static struct pattern *compile(struct compiler *c) {
  struct arena *arena = c->arena;
  const struct pattern_spec *spec = c->spec;
  struct pattern *g = c->program;
  c->elems = arena_alloc(&c->scratch, sizeof(struct elem) * ELEMENTS_MAX); /* each is set whole by add_elem() */
  c->elem_count = 1;
  g->report = spec->report;
  g->report_limit = spec->report_limit;
  g->after = spec->after;
  g->after_step = spec->after_step;
  g->within_us = spec->within_us;
  g->starts_before = spec->starts_before && spec->within_us >= 0;
  g->start_slot = spec->start_slot;
  g->counts_before = spec->starts_before;
  g->start_count_slot = spec->start_count_slot;
  g->told_events_max = spec->told_events_max;
  g->trailing_us = -1;
  g->step_count = spec->step_count;
  g->node_count = (uint16_t)(spec->step_count + 1);
  g->step_names = spec->step_names;
  g->type_count = spec->type_count;
  g->types = arena_array(arena, uint16_t, spec->type_count);
  memcpy(g->types, spec->types, spec->type_count * sizeof *g->types);
  g->register_count = spec->register_count;
  g->by_start = spec->report == PATTERN_REPORT_LONGEST || spec->report == PATTERN_REPORT_TIMEOUT ||
                spec->report == PATTERN_REPORT_TIMEOUT_ONLY;
  if (spec->step_count == 0 || spec->step_count > STEPS_MAX) pattern_fail(c, "a pattern has 1 to 256 steps");
  if (!c->failed) add_elem(c, 0, spec->root, -1, 0, 0);
  if (c->failed) return NULL;
  g->counter_count = (uint16_t)c->counters;
  add_steps(c);
  g->nodes = arena_array(arena, struct node, g->node_count);
  for (int n = 0; n < g->node_count && !c->failed; n++) pattern_build_node(c, n);
  if (c->failed) return NULL;
  g->conditions = c->conditions;
  g->pure = true;
  for (int s = 0; s < g->step_count; s++) g->pure &= g->steps[s].condition.residual == NULL;
  for (int i = 0; i < c->condition_count; i++) g->pure &= c->conditions[i].condition.residual == NULL;
  add_interests(c);
  add_starts(c);
  add_predicates(c);
  if (c->failed) return NULL;
  add_clamps(c);
  add_tapes(c);
  g->lanes = lane_possible(g);
  if (g->lanes) g->lane_steps = lane_steps(g, arena);
  g->not_compact = compact_obstacle(c);
  program_layout(g, arena);
  settle(c);
  verify(c);
  return g;
}

struct pattern *pattern_compile(struct arena *arena, const struct pattern_spec *spec, struct err *err) {
  struct pattern *g = arena_new(arena, struct pattern);
  struct compiler c = {.arena = arena, .spec = spec, .err = err, .program = g};
  arena_init(&c.scratch, arena->mem, 1 << 16);
  g = compile(&c);
  arena_free(&c.scratch);
  return g;
}

bool pattern_compact(const struct pattern *pattern, const char **why_not) {
  *why_not = pattern->not_compact;
  return pattern->not_compact == NULL;
}

uint16_t pattern_starts(const struct pattern *pattern, const struct pattern_start **starts) {
  *starts = pattern->starts;
  return pattern->start_count;
}

uint16_t pattern_predicates(const struct pattern *pattern, const int32_t **predicates) {
  *predicates = pattern->predicates;
  return pattern->predicate_count;
}

uint16_t pattern_waits(const struct pattern *pattern, uint16_t type, const int32_t **predicates, bool *any_event) {
  int t = program_type_index(pattern, type);
  *predicates = t < 0 ? NULL : pattern->waits[t].items;
  *any_event = t >= 0 && pattern->waits[t].any;
  return t < 0 ? 0 : pattern->waits[t].count;
}
