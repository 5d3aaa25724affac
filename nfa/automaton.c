/* automaton.c - the determinised automaton of a pattern for the compact-set mode, made as events ask for it.
 *
 * A state is a set of run configurations with the same history of (event, step); the truth of the pattern's predicates
 * on an event picks the transition, which is remembered. What a configuration does with an event is asked of the same
 * code that runs.c uses, so that both modes follow one reading of the sentences. */
#include "base/check.h"
#include "base/hash.h"
#include "nfa/compact.h"

enum { TRANSITIONS_MAX = 1 << 16 }; /* remembered: events with many conditions could ask for any number */

static size_t config_bytes(const struct pattern *p) {
  return sizeof(struct config) + p->counter_count * sizeof(uint32_t);
}

static void list_predicate(struct automaton *a, int t, int32_t predicate) {
  if (predicate == PREDICATE_TRUE) return;
  for (int i = 0; i < a->predicate_counts[t]; i++)
    if (a->predicates[t][i] == predicate) return;
  a->predicates[t][a->predicate_counts[t]++] = predicate;
}

static struct config *config_new(struct automaton *a) { return arena_zero(&a->arena, config_bytes(a->pattern)); }

static uint32_t state_add(struct automaton *a, struct config_set *set) {
  if (a->state_count == a->state_capacity) {
    uint32_t capacity = a->state_capacity == 0 ? 16 : a->state_capacity * 2;
    struct config_set **bigger = arena_alloc(&a->arena, capacity * sizeof(struct config_set *));
    if (a->state_count > 0) memcpy(bigger, a->states, a->state_count * sizeof(struct config_set *));
    a->states = bigger;
    a->state_capacity = capacity;
  }
  a->states[a->state_count] = set;
  return a->state_count++;
}

struct automaton *automaton_of(struct nfa_context *context, const struct pattern *pattern) {
  for (uint32_t i = 0; i < context->automaton_count; i++)
    if (context->automata[i]->pattern == pattern) return context->automata[i];
  struct automaton *a = mem_alloc(context->mem, sizeof *a);
  a->pattern = pattern;
  arena_init(&a->arena, context->mem, 4096);
  arena_init(&a->edges, context->mem, 4096);
  a->predicate_counts = arena_array(&a->arena, uint16_t, pattern->type_count);
  a->predicates = arena_array(&a->arena, int32_t *, pattern->type_count);
  for (int t = 0; t < pattern->type_count; t++) {
    a->predicates[t] = arena_array(&a->arena, int32_t, pattern->waits[t].count + pattern->start_count);
    for (int i = 0; i < pattern->waits[t].count; i++) list_predicate(a, t, pattern->waits[t].items[i]);
    for (int i = 0; i < pattern->start_count; i++)
      if (pattern->starts[i].type == pattern->types[t]) list_predicate(a, t, pattern->starts[i].predicate);
    check(a->predicate_counts[t] <= COMPACT_PREDICATES_MAX);
  }
  struct config_set *start = arena_zero(&a->arena, sizeof *start + sizeof(struct config *));
  start->count = 1;
  start->configs[0] = config_new(a);
  start->configs[0]->forks = node_forks(&pattern->nodes[0]);
  state_add(a, start);
  context->automata =
      mem_realloc(context->mem, context->automata, (context->automaton_count + 1) * sizeof(struct automaton *));
  context->automata[context->automaton_count++] = a;
  return a;
}

static bool has_next_absence(const struct pattern *p, const struct node *node) {
  for (int i = 0; i < node->ways.count; i++) {
    struct range r = p->ways[node->ways.first + i].absences;
    for (int j = r.first; j < r.first + r.count; j++)
      if (p->conditions[j].next) return true;
  }
  return false;
}

/* Counters above every bound that a guard compares with are alike. */
static void clamp_counters(const struct pattern *p, uint32_t *counters) {
  for (int i = 0; i < p->counter_count; i++)
    if (p->counter_clamps[i] > 0 && counters[i] > p->counter_clamps[i]) counters[i] = p->counter_clamps[i];
}

struct config_list {
  struct config **items;
  uint32_t count, capacity;
};

/* In the order of the bytes, each once: equal sets get equal keys. */
static void config_insert(struct automaton *a, struct stepping *s, struct config_list *list, const struct run *run) {
  const struct pattern *p = a->pattern;
  const struct node *node = &p->nodes[run->node];
  struct config *c = config_new(a);
  c->forks = run->forks;
  c->barred = run->barred & node_fork_ways(p, node, run->forks);
  c->passed = run->passed && has_next_absence(p, node);
  memcpy(c->counters, run_counters(p, run), p->counter_count * sizeof(uint32_t));
  clamp_counters(p, c->counters);
  uint32_t at = 0;
  int order = 1;
  while (at < list->count && (order = memcmp(list->items[at], c, config_bytes(p))) < 0) at++;
  if (at < list->count && order == 0) return;
  if (list->count == list->capacity) {
    uint32_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
    struct config **bigger = arena_alloc(s->context->scratch, capacity * sizeof(struct config *));
    if (list->count > 0) memcpy(bigger, list->items, list->count * sizeof(struct config *));
    list->items = bigger;
    list->capacity = capacity;
  }
  memmove(list->items + at + 1, list->items + at, (list->count - at) * sizeof(struct config *));
  list->items[at] = c;
  list->count++;
}

static uint32_t state_of(struct automaton *a, uint16_t node, const struct config_list *list) {
  if (list->count == 0) return COMPACT_NONE;
  for (uint32_t i = 1; i < a->state_count; i++) { /* rare: only when a transition is new */
    const struct config_set *set = a->states[i];
    if (set->node != node || set->count != list->count) continue;
    bool same = true;
    for (uint32_t j = 0; j < list->count && same; j++)
      same = memcmp(set->configs[j], list->items[j], config_bytes(a->pattern)) == 0;
    if (same) return i;
  }
  struct config_set *set = arena_zero(&a->arena, sizeof *set + list->count * sizeof(struct config *));
  set->node = node;
  set->count = (uint16_t)list->count;
  memcpy(set->configs, list->items, list->count * sizeof(struct config *));
  return state_add(a, set);
}

/* A run that stands for a configuration, so that the questions of runs.c can be asked of it. */
static struct run *config_run(struct automaton *a, struct stepping *s, uint16_t node, const struct config *c) {
  const struct pattern *p = a->pattern;
  struct run *run = arena_zero(s->context->scratch, p->run_bytes);
  run->node = node;
  run->start_time = run->last_time = s->event->time;
  run->forks = c->forks;
  run->barred = c->barred;
  run->passed = c->passed;
  memcpy(run_counters(p, run), c->counters, p->counter_count * sizeof(uint32_t));
  return run;
}

struct taken {
  struct transition_take take;
  struct config_list configs;
};

static void take_by(struct automaton *a, struct stepping *s, const struct run *run, int w, int fork, struct taken *list,
                    uint16_t *count) {
  const struct pattern *p = a->pattern;
  const struct way *way = &p->ways[p->nodes[run->node].ways.first + w];
  uint16_t i = 0;
  while (i < *count && list[i].take.step != way->target) i++;
  if (i == *count) {
    list[i] = (struct taken){.take = {.step = way->target, .rank = (uint16_t)w, .state = COMPACT_NONE}};
    (*count)++;
  }
  if (w < list[i].take.rank) list[i].take.rank = (uint16_t)w;
  struct run *after = arena_alloc(s->context->scratch, p->run_bytes);
  memcpy(after, run, p->run_bytes);
  if (fork >= 0) run_decide(p, &p->nodes[run->node], fork, run_counters(p, after));
  way_act(p, way, run_counters(p, after));
  after->node = (uint16_t)(way->target + 1);
  const struct node *node = &p->nodes[after->node];
  after->forks = run_open_forks(p, after, node);
  after->barred = 0;
  after->passed = false;
  if (node->end_way >= 0 && way_open(p, after, &p->ways[node->ways.first + node->end_way]) &&
      (after->forks & node_end_forks(p, node)) != 0) {
    list[i].take.complete = true;
    after->forks &= ~node_end_forks(p, node);
  }
  if (run_can_go_on(p, after)) config_insert(a, s, &list[i].configs, after);
}

static struct transition *transition_new(struct automaton *a, struct stepping *s, uint32_t from) {
  const struct pattern *p = a->pattern;
  const struct config_set *set = a->states[from];
  struct taken *list = arena_array(s->context->scratch, struct taken, p->step_count);
  struct config_list stay = {0};
  uint16_t count = 0;
  for (uint32_t i = 0; i < set->count; i++) {
    struct run *run = config_run(a, s, set->node, set->configs[i]);
    struct asked asked;
    if (set->node > 0) run_close_groups(s, run);
    const struct node *node = &p->nodes[set->node];
    run_ask(s, set->node == 0 ? NULL : run, node, run->forks, run->barred, &asked);
    for (uint64_t rest = asked.taken; rest != 0; rest &= rest - 1) {
      int w = __builtin_ctzll(rest);
      bool undecided = way_undecided(p, run, node, w, asked.by[w]);
      for (uint64_t by = asked.by[w]; by != 0; by = undecided ? 0 : by & (by - 1))
        take_by(a, s, run, w, undecided ? UNDECIDED : __builtin_ctzll(by), list, &count);
    }
    if (set->node == 0 || asked.left == 0) continue;
    run->forks = asked.left;
    run->barred |= run_bars(s, run);
    run->passed = true;
    if (run_can_go_on(p, run)) config_insert(a, s, &stay, run);
  }
  struct transition *t = arena_new(&a->edges, struct transition);
  t->takes = arena_array(&a->edges, struct transition_take, count);
  t->take_count = count;
  for (uint16_t i = 0; i < count; i++) {
    t->takes[i] = list[i].take;
    t->takes[i].state = state_of(a, (uint16_t)(list[i].take.step + 1), &list[i].configs);
  }
  t->stay = state_of(a, set->node, &stay);
  return t;
}

static uint64_t transition_hash(uint32_t from, uint16_t type_index, uint64_t truths) {
  uint64_t key[2] = {truths, (uint64_t)from << 16 | type_index};
  return hash_bytes(key, sizeof key);
}

static void table_grow(struct automaton *a) {
  uint32_t capacity = a->table_capacity == 0 ? 64 : a->table_capacity * 2;
  struct transition **table = arena_zero(&a->edges, capacity * sizeof(struct transition *));
  for (uint32_t i = 0; i < a->table_capacity; i++) {
    struct transition *t = a->table[i];
    if (t == NULL) continue;
    uint64_t at = transition_hash(t->from, t->type_index, t->truths) & (capacity - 1);
    while (table[at] != NULL) at = (at + 1) & (capacity - 1);
    table[at] = t;
  }
  a->table = table;
  a->table_capacity = capacity;
}

const struct transition *automaton_step(struct automaton *a, struct stepping *s, uint32_t from) {
  uint16_t type_index = (uint16_t)program_type_index(a->pattern, s->event->type);
  uint64_t truths = 0;
  for (int i = 0; i < a->predicate_counts[type_index]; i++)
    if (truth_holds(s->context->truth, a->predicates[type_index][i])) truths |= (uint64_t)1 << i;
  if (a->table_count == TRANSITIONS_MAX) { /* they are made again as events ask for them */
    arena_free(&a->edges);
    a->table = NULL;
    a->table_count = a->table_capacity = 0;
  }
  if (a->table_count * 2 >= a->table_capacity) table_grow(a);
  uint64_t at = transition_hash(from, type_index, truths) & (a->table_capacity - 1);
  for (; a->table[at] != NULL; at = (at + 1) & (a->table_capacity - 1)) {
    const struct transition *t = a->table[at];
    if (t->from == from && t->type_index == type_index && t->truths == truths) return t;
  }
  struct transition *t = transition_new(a, s, from);
  t->from = from;
  t->type_index = type_index;
  t->truths = truths;
  a->table[at] = t;
  a->table_count++;
  return t;
}
