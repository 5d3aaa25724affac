/* runs.c - the runs mode: every partial match is a run that takes events one by one, by the sentences of
 * rule-language.md section 3, "What a run does".
 *
 * Owns the state of one (rule, key). An event costs nothing for runs at nodes whose ways and bars it cannot satisfy:
 * the node is asked first, its runs only if it is interested. Called by the engine through nfa.h. */
#include "base/check.h"
#include "nfa/compact.h"
#include "nfa/due.h"
#include "nfa/lane.h"
#include "nfa/run.h"
#include "nfa/tape.h"

/* ---- conditions ---- */

static bool condition_holds(struct stepping *s, const struct run *run, const struct pattern_condition *condition) {
  if (!truth_holds(s->context->truth, condition->predicate)) return false;
  if (condition->residual == NULL) return true;
  run_load_registers(s, run);
  return expr_truth(condition->residual, s->context->env) == 1;
}

static bool any_holds(struct stepping *s, const struct run *run, struct range range) {
  for (int i = range.first; i < range.first + range.count; i++) {
    const struct typed_condition *c = &s->p->conditions[i];
    if (c->type == s->event->type && condition_holds(s, run, &c->condition)) return true;
  }
  return false;
}

static bool guards_hold(const struct pattern *p, const uint32_t *counters, struct range guards) {
  for (int i = guards.first; i < guards.first + guards.count; i++) {
    const struct guard *g = &p->guards[i];
    uint32_t value = counters[g->counter];
    switch ((enum guard_op)g->op) {
    case GUARD_AT_LEAST:
      if (value < g->value) return false;
      break;
    case GUARD_BELOW:
      if (value >= g->value) return false;
      break;
    case GUARD_BIT_CLEAR:
      if (value & g->value) return false;
      break;
    case GUARD_EQUAL:
      if (value != g->value) return false;
      break;
    }
  }
  return true;
}

/* Whether the run's counters let it go this way. */
bool way_open(const struct pattern *p, const struct run *run, const struct way *way) {
  return way->guards.count == 0 || guards_hold(p, run_counters(p, run), way->guards);
}

bool way_takes(struct stepping *s, const struct run *run, const struct way *way) {
  const struct pattern *p = s->p;
  if (way->target == WAY_END || p->steps[way->target].type != s->event->type) return false;
  if (!truth_holds(s->context->truth, p->steps[way->target].condition.predicate)) return false;
  if (run != NULL) {
    if (!way_open(p, run, way)) return false;
    if (p->within_us >= 0 && s->event->time - run->start_time > p->within_us) return false;
    if (s->event->time - run->last_time > way->gap_us) return false;
  }
  if (!condition_holds(s, run, &p->steps[way->target].condition) || any_holds(s, run, way->until)) return false;
  return run == NULL || way->among.count == 0 || any_holds(s, run, way->among);
}

void run_ask(struct stepping *s, const struct run *run, const struct node *node, uint64_t forks, uint64_t barred,
             struct asked *asked) {
  uint64_t known = 0, takes = 0;
  asked->taken = asked->left = 0;
  for (uint64_t rest = forks; rest != 0; rest &= rest - 1) {
    int f = __builtin_ctzll(rest);
    uint64_t open = s->p->forks[node->forks.first + f] & ~barred;
    bool consumed = false;
    while (open != 0) {
      int w = __builtin_ctzll(open);
      uint64_t bit = (uint64_t)1 << w;
      const struct way *way = &s->p->ways[node->ways.first + w];
      open &= ~bit;
      if (!(known & bit)) {
        known |= bit;
        if (way_takes(s, run, way)) takes |= bit;
      }
      if (!(takes & bit)) continue;
      if (!(asked->taken & bit)) asked->by[w] = 0;
      asked->taken |= bit;
      asked->by[w] |= (uint64_t)1 << f;
      if (way->any) continue;
      open &= ~way->blocks;
      consumed = true;
    }
    if (!consumed) asked->left |= (uint64_t)1 << f;
  }
}

/* ---- lists ---- */

static void age_insert(struct nfa_state *state, struct run *run, struct run *after, int list) {
  run->older = after;
  run->younger = after == NULL ? state->oldest[list] : after->younger;
  if (run->older != NULL)
    run->older->younger = run;
  else
    state->oldest[list] = run;
  if (run->younger != NULL)
    run->younger->older = run;
  else
    state->youngest[list] = run;
}

static void age_remove(struct nfa_state *state, struct run *run) {
  int list = run->expired;
  if (run->older != NULL)
    run->older->younger = run->younger;
  else
    state->oldest[list] = run->younger;
  if (run->younger != NULL)
    run->younger->older = run->older;
  else
    state->youngest[list] = run->older;
}

static void node_insert(struct nfa_state *state, struct run *run) {
  run->previous = NULL;
  run->next = state->at_node[run->node];
  if (run->next != NULL) run->next->previous = run;
  state->at_node[run->node] = run;
}

static void node_remove(struct nfa_state *state, struct run *run) {
  if (run->previous != NULL)
    run->previous->next = run->next;
  else
    state->at_node[run->node] = run->next;
  if (run->next != NULL) run->next->previous = run->previous;
}

static void wait_insert(struct nfa_state *state, struct run *run) { /* deadlines come in order: one length for all */
  run->waiting = true;
  run->wait_before = state->wait_last;
  run->wait_after = NULL;
  if (state->wait_last != NULL)
    state->wait_last->wait_after = run;
  else
    state->wait_first = run;
  state->wait_last = run;
}

static void wait_remove(struct nfa_state *state, struct run *run) {
  if (!run->waiting) return;
  run->waiting = false;
  if (run->wait_before != NULL)
    run->wait_before->wait_after = run->wait_after;
  else
    state->wait_first = run->wait_after;
  if (run->wait_after != NULL)
    run->wait_after->wait_before = run->wait_before;
  else
    state->wait_last = run->wait_before;
}

/* ---- the life of a run ---- */

static void run_free(struct stepping *s, struct run *run) {
  if (s->registers_of == run) s->registers_of = NULL;
  link_unref(s->context, run->tail);
  start_unref(s, run->start);
  pool_free(s->context->pool, run, s->p->run_bytes);
  s->state->head.run_count--;
  s->counts->open--;
}

static void run_unlink(struct stepping *s, struct run *run) {
  age_remove(s->state, run);
  if (s->p->starts_before) due_remove(s->p, s->state, run);
  if (run->taped)
    tape_remove(s, run);
  else
    node_remove(s->state, run);
  wait_remove(s->state, run);
}

/* What the start has completed is told, now that no fork of it is left. */
static void complete_longest(struct stepping *s, struct start *start, uint64_t start_sequence) {
  for (uint32_t i = 0; i < start->best_count; i++)
    completion_add(s, start->best[i], start, start_sequence, start->best_length);
}

/* The run ends here; what its start has completed so far is told when no fork of the start is left (report longest). */
static void run_end(struct stepping *s, struct run *run) {
  run_unlink(s, run);
  struct start *start = run->start;
  if (s->p->report == PATTERN_REPORT_LONGEST && start->references == 1) complete_longest(s, start, run->start_sequence);
  run_free(s, run);
}

void run_drop_full(struct stepping *s, struct run *run) {
  s->counts->dropped_events_max++;
  run_end(s, run);
}

void runs_drop_until(struct stepping *s, uint64_t sequence) {
  if (s->state->head.kind == NFA_KIND_LANES) {
    lane_drop_until(s, sequence);
    return;
  }
  for (int list = 0; list < 2; list++) {
    struct run *run;
    while ((run = s->state->oldest[list]) != NULL && run->start_sequence <= sequence) { /* bounded by runs_max */
      run_unlink(s, run);
      run_free(s, run);
    }
  }
}

uint64_t node_forks(const struct node *node) {
  return node->forks.count == 64 ? UINT64_MAX : ((uint64_t)1 << node->forks.count) - 1;
}

/* The forks that agree with what the run has decided; `run` NULL: nothing. */
uint64_t run_open_forks(const struct pattern *p, const struct run *run, const struct node *node) {
  uint64_t forks = node_forks(node);
  if (run == NULL || node->forks.count == 1) return forks;
  const uint32_t *counters = run_counters(p, run);
  for (int f = 0; f < node->forks.count; f++) {
    struct range choices = p->fork_choices[node->forks.first + f];
    if (!guards_hold(p, counters, p->fork_guards[node->forks.first + f])) forks &= ~((uint64_t)1 << f);
    for (int i = choices.first; i < choices.first + choices.count; i++) {
      uint32_t decided = counters[p->choices[i].counter];
      if (decided != CHOICE_OPEN && decided != p->choices[i].value) forks &= ~((uint64_t)1 << f);
    }
  }
  return forks;
}

/* The forks of the node, of those that the run may be, that hold the way. */
static uint64_t way_forks(const struct pattern *p, const struct run *run, const struct node *node, int w) {
  uint64_t forks = run_open_forks(p, run, node);
  for (int f = 0; f < node->forks.count; f++)
    if (!(p->forks[node->forks.first + f] >> w & 1)) forks &= ~((uint64_t)1 << f);
  return forks;
}

/* Whether the forks that take the way are all that could: then the run stays undecided. Else each of them becomes a run
 * that has decided what its fork has. */
bool way_undecided(const struct pattern *p, const struct run *run, const struct node *node, int w, uint64_t by) {
  return node->forks.count == 1 || by == way_forks(p, run, node, w);
}

void run_decide(const struct pattern *p, const struct node *node, int fork, uint32_t *counters) {
  struct range choices = p->fork_choices[node->forks.first + fork];
  for (int i = choices.first; i < choices.first + choices.count; i++)
    counters[p->choices[i].counter] = p->choices[i].value;
}

uint64_t node_fork_ways(const struct pattern *p, const struct node *node, uint64_t forks) {
  uint64_t ways = 0;
  for (; forks != 0; forks &= forks - 1) ways |= p->forks[node->forks.first + __builtin_ctzll(forks)];
  return ways;
}

/* Forks whose ways hold the end: they are used up when the match is complete. */
uint64_t node_end_forks(const struct pattern *p, const struct node *node) {
  uint64_t forks = 0;
  for (int f = 0; f < node->forks.count; f++)
    if (p->forks[node->forks.first + f] >> node->end_way & 1) forks |= (uint64_t)1 << f;
  return forks;
}

/* Whether anything can still come of the run: an open way, or the wait for its end. */
bool run_can_go_on(const struct pattern *p, const struct run *run) {
  const struct node *node = &p->nodes[run->node];
  uint64_t open = node_fork_ways(p, node, run->forks) & ~run->barred;
  for (; open != 0; open &= open - 1) {
    const struct way *way = &p->ways[node->ways.first + __builtin_ctzll(open)];
    if (way->target == WAY_END ? run->waiting : way_open(p, run, way)) return true;
  }
  return false;
}

static void remember_best(struct stepping *s, const struct run *run) {
  struct start *start = run->start;
  if (run->length < start->best_length) return;
  if (run->length > start->best_length) {
    while (start->best_count > 0) link_unref(s->context, start->best[--start->best_count]);
    start->best_length = run->length;
  }
  for (uint32_t i = 0; i < start->best_count; i++) {
    bool last = i + 1 == BEST_MAX; /* no room: the better of two */
    if (!last && !chain_same_events(s, start->best[i], run->tail, run->length)) continue;
    if (chain_compare(s, start->best[i], run->length, run->tail, run->length) <= 0) return;
    link_unref(s->context, start->best[i]);
    start->best[i] = link_ref(run->tail);
    return;
  }
  start->best[start->best_count++] = link_ref(run->tail);
}

/* The run stands at a new node: is it complete, does it begin to wait, can it go on? */
static void run_arrive(struct stepping *s, struct run *run) {
  const struct node *node = &s->p->nodes[run->node];
  if (node->end_way >= 0) {
    const struct way *end = &s->p->ways[node->ways.first + node->end_way];
    if (way_open(s->p, run, end) && (run->forks & node_end_forks(s->p, node)) != 0) {
      if (end->for_us >= 0) {
        wait_insert(s->state, run);
      } else if (s->p->report == PATTERN_REPORT_LONGEST) {
        remember_best(s, run);
      } else {
        completion_add(s, run->tail, run->start, run->start_sequence, run->length);
        run->forks &= ~node_end_forks(s->p, node);
      }
    }
  }
  if (!run_can_go_on(s->p, run)) run_end(s, run);
}

void way_act(const struct pattern *p, const struct way *way, uint32_t *counters) {
  for (int i = way->actions.first; i < way->actions.first + way->actions.count; i++) {
    const struct action *a = &p->actions[i];
    switch ((enum action_op)a->op) {
    case ACTION_SET: counters[a->counter] = a->value; break;
    case ACTION_ADD: counters[a->counter] += a->value; break;
    case ACTION_BIT: counters[a->counter] |= a->value; break;
    }
  }
}

/* The run (linked into the age list already) takes the event by the way. */
static void run_take(struct stepping *s, struct run *run, const struct node *from, int w, int fork) {
  const struct pattern *p = s->p;
  const struct way *way = &p->ways[from->ways.first + w];
  if (fork >= 0) run_decide(p, from, fork, run_counters(p, run));
  way_act(p, way, run_counters(p, run));
  struct link *before = run->tail;
  run->tail = link_new(s, before, way->target, (uint16_t)w);
  if (before != NULL) link_unref(s->context, before);
  run->length++;
  run->last_time = s->event->time;
  run->last_sequence = s->event->sequence;
  run->node = (uint16_t)(way->target + 1);
  run->forks = run_open_forks(p, run, &p->nodes[run->node]);
  run->barred = 0;
  run->passed = false;
  if (s->registers_of == run) s->registers_of = NULL;
  run_account(s, run, way->target);
  node_insert(s->state, run);
  run_arrive(s, run);
}

void run_step_out(struct stepping *s, struct run *run, const struct node *node, int way) {
  run_take(s, run, node, way, UNDECIDED);
}

/* A copy of the run for a fork; NULL, counted: there are too many. `beyond`: one that is complete at once is no one too
 * many. */
static struct run *run_clone(struct stepping *s, struct run *run, bool beyond) {
  if (s->state->head.run_count >= s->context->runs_max && !beyond) {
    s->counts->dropped_runs_max++;
    return NULL;
  }
  struct run *copy = pool_alloc(s->context->pool, s->p->run_bytes);
  memcpy(copy, run, s->p->run_bytes);
  copy->waiting = false;
  if (copy->tail != NULL) link_ref(copy->tail);
  if (copy->start != NULL) copy->start->references++;
  age_insert(s->state, copy, run, run->expired);
  if (s->p->starts_before && due_of(s->p, run)->in) due_insert(s->p, s->state, copy);
  s->state->head.run_count++;
  s->counts->open++;
  return copy;
}

/* The ways that the event bars when the run passes over it (sentence 5). */
uint64_t run_bars(struct stepping *s, const struct run *run) {
  const struct pattern *p = s->p;
  const struct node *node = &p->nodes[run->node];
  uint64_t bars = 0;
  for (uint64_t open = node_fork_ways(p, node, run->forks) & ~run->barred; open != 0; open &= open - 1) {
    int w = __builtin_ctzll(open);
    const struct way *way = &p->ways[node->ways.first + w];
    bool bar = s->event->time - run->last_time > way->gap_us;
    if (!bar && way->next) bar = way->among.count == 0 || any_holds(s, run, way->among);
    if (!bar) bar = any_holds(s, run, way->bars);
    for (int i = way->absences.first; !bar && i < way->absences.first + way->absences.count; i++) {
      const struct typed_condition *absence = &p->conditions[i];
      bar = absence->type == s->event->type && !(absence->next && run->passed) &&
            condition_holds(s, run, &absence->condition);
    }
    if (bar) bars |= (uint64_t)1 << w;
  }
  return bars;
}

static void run_pass(struct stepping *s, struct run *run) {
  uint64_t bars = run_bars(s, run);
  const struct node *node = &s->p->nodes[run->node];
  if (run->waiting && bars >> node->end_way & 1) wait_remove(s->state, run);
  run->barred |= bars;
  run->passed = true;
  if (!run_can_go_on(s->p, run)) run_end(s, run);
}

void run_pass_out(struct stepping *s, struct run *run) {
  node_insert(s->state, run);
  run_pass(s, run);
}

/* An event that satisfies a group's `until` bars further rounds for good. */
void run_close_groups(struct stepping *s, struct run *run) {
  const struct node *node = &s->p->nodes[run->node];
  for (int i = 0; i < node->closers.count; i++) {
    const struct typed_condition *c = &s->p->conditions[node->closers.first + i];
    uint32_t *closed = &run_counters(s->p, run)[s->p->closed_counters[node->closed.first + i]];
    if (*closed == 0 && c->type == s->event->type && condition_holds(s, run, &c->condition)) *closed = 1;
  }
  run->forks &= run_open_forks(s->p, run, node);
}

/* Whether the event that comes by the way completes the match. */
static bool way_completes(const struct pattern *p, const struct way *way) {
  const struct node *node = &p->nodes[way->target + 1];
  return p->report != PATTERN_REPORT_LONGEST && node->end_way >= 0 &&
         p->ways[node->ways.first + node->end_way].for_us < 0;
}

/* A copy of the run takes the event by the way: one for all forks that do, or one for each, if only some do. `itself`:
 * in the place of the last copy the run. */
static void run_branch(struct stepping *s, struct run *run, const struct node *node, int w, uint64_t by, bool itself) {
  bool undecided = way_undecided(s->p, run, node, w, by);
  bool completes = way_completes(s->p, &s->p->ways[node->ways.first + w]);
  for (uint64_t rest = by; rest != 0; rest = undecided ? 0 : rest & (rest - 1)) {
    int fork = undecided ? UNDECIDED : __builtin_ctzll(rest);
    if (itself && (undecided || (rest & (rest - 1)) == 0)) {
      node_remove(s->state, run);
      wait_remove(s->state, run);
      run_take(s, run, node, w, fork);
      return;
    }
    uint32_t before = s->state->head.run_count;
    struct run *copy = run_clone(s, run, completes);
    if (copy == NULL) continue;
    run_take(s, copy, node, w, fork);
    if (s->state->head.run_count <= before || before < s->context->runs_max) continue; /* it has ended, or has room */
    s->counts->dropped_runs_max++; /* its match is told; going on it would be one too many */
    run_end(s, copy);
  }
}

static void run_event(struct stepping *s, struct run *run) {
  const struct node *node = &s->p->nodes[run->node];
  struct asked asked;
  if (node->closers.count > 0) run_close_groups(s, run);
  run_ask(s, run, node, run->forks, run->barred, &asked);
  if (asked.taken == 0) {
    run_pass(s, run);
    return;
  }
  if (run_full(s, run->length)) {
    run_drop_full(s, run);
    return;
  }
  if (asked.left == 0 && (asked.taken & (asked.taken - 1)) == 0) { /* the plain case: the run itself goes on */
    int w = __builtin_ctzll(asked.taken);
    if (way_undecided(s->p, run, node, w, asked.by[w])) {
      node_remove(s->state, run);
      wait_remove(s->state, run);
      run_take(s, run, node, w, UNDECIDED);
      return;
    }
  }
  /* Where there is no room for copies, the run goes on itself by the last of the ways: it does not end for that. */
  bool itself = asked.left == 0 && s->state->head.run_count >= s->context->runs_max;
  for (uint64_t rest = asked.taken; rest != 0; rest &= rest - 1) {
    int w = __builtin_ctzll(rest);
    run_branch(s, run, node, w, asked.by[w], itself && (rest & (rest - 1)) == 0);
  }
  if (asked.left == 0) { /* all forks have gone on as others */
    if (!itself) run_end(s, run);
    return;
  }
  if (run->waiting && !(node_fork_ways(s->p, node, asked.left) >> node->end_way & 1)) wait_remove(s->state, run);
  run->forks = asked.left;
  run_pass(s, run);
}

/* ---- new runs ---- */

static struct run *run_new(struct stepping *s) {
  struct run *run = pool_alloc(s->context->pool, s->p->run_bytes);
  memset(run, 0, s->p->run_bytes);
  run->start_time = s->event->time;
  run->start_sequence = s->event->sequence;
  if (s->p->starts_before) {
    run->start_time = s->event->values[s->p->start_slot].i;
    due_insert(s->p, s->state, run);
  }
  if (s->p->by_start) {
    run->start = pool_alloc(s->context->pool, sizeof *run->start);
    *run->start = (struct start){.references = 1};
  }
  age_insert(s->state, run, s->state->youngest[0], 0);
  s->state->head.run_count++;
  s->counts->open++;
  s->counts->started++;
  return run;
}

static struct nfa_state *state_new(const struct pattern *p, struct nfa_context *context) {
  size_t bytes = sizeof(struct nfa_state) + state_pointers(p) * sizeof(struct run *);
  struct nfa_state *state = pool_alloc(context->pool, bytes);
  memset(state, 0, bytes);
  state->head.deadline = state->sweep_at = INT64_MAX;
  return state;
}

/* Forks of one start share it: *start, with a reference of the caller's once there is one. */
static void start_run(struct stepping *s, const struct node *node, int w, int fork, struct start **start) {
  struct run *run = run_new(s);
  if (s->p->by_start && *start == NULL) {
    *start = run->start;
    run->start->references++;
  } else if (s->p->by_start) {
    pool_free(s->context->pool, run->start, sizeof *run->start);
    run->start = *start;
    run->start->references++;
  }
  run_take(s, run, node, w, fork);
}

static void start_runs(struct stepping *s, struct nfa_state **slot) {
  const struct node *node = &s->p->nodes[0];
  struct asked asked;
  s->registers_of = NULL;
  run_ask(s, NULL, node, node_forks(node), 0, &asked);
  if (asked.taken == 0) return;
  if (s->state == NULL) s->state = *slot = state_new(s->p, s->context);
  if (s->state->head.run_count >= s->context->runs_max) {
    s->counts->dropped_runs_max++;
    return;
  }
  struct start *start = NULL;
  for (uint64_t rest = asked.taken; rest != 0; rest &= rest - 1) {
    int w = __builtin_ctzll(rest);
    bool undecided = way_undecided(s->p, NULL, node, w, asked.by[w]);
    for (uint64_t by = asked.by[w]; by != 0; by = undecided ? 0 : by & (by - 1))
      start_run(s, node, w, undecided ? UNDECIDED : __builtin_ctzll(by), &start);
  }
  if (start == NULL) return;
  if (s->p->report == PATTERN_REPORT_LONGEST && start->references == 1) complete_longest(s, start, s->event->sequence);
  start_unref(s, start);
}

/* ---- what the engine is told about the state ---- */

static void sweep_dead(struct stepping *s, int64_t now) { /* patterns bounded by gaps alone */
  s->state->sweep_at = INT64_MAX;
  for (struct run *run = s->state->oldest[0], *younger; run != NULL; run = younger) {
    younger = run->younger;
    const struct node *node = &s->p->nodes[run->node];
    if (!node->all_gaps || run->waiting) continue;
    int64_t last_time = run->taped ? s->state->tapes[run->node]->total.last_time : run->last_time;
    int64_t dead_at = last_time + node->gap_max_us;
    if (dead_at <= now)
      run_end(s, run);
    else if (dead_at < s->state->sweep_at)
      s->state->sweep_at = dead_at;
  }
}

static bool quiet_within(const struct pattern *p) { return !p->trailing && !p->by_start; }

static int64_t run_trailing_deadline(const struct stepping *s, const struct run *run) {
  return run->last_time + s->p->trailing_us;
}

static void summarise(struct stepping *s, struct nfa_state **slot) {
  struct nfa_state *state = s->state;
  const struct pattern *p = s->p;
  if (state == NULL) return;
  if (state->head.run_count == 0) {
    tapes_free(s);
    pool_free(s->context->pool, state, sizeof *state + state_pointers(p) * sizeof(struct run *));
    s->state = *slot = NULL;
    return;
  }
  int64_t deadline = state->sweep_at;
  /* Where nothing is told at the end of `within`, one timer cleans up after the last run; the others leave as events
   * come. */
  const struct run *next = p->starts_before  ? due_first(p, state)
                           : quiet_within(p) ? state->youngest[0]
                                             : state->oldest[0];
  if (p->within_us >= 0 && next != NULL && next->start_time + p->within_us < deadline)
    deadline = next->start_time + p->within_us;
  if (state->wait_first != NULL && run_trailing_deadline(s, state->wait_first) < deadline)
    deadline = run_trailing_deadline(s, state->wait_first);
  state->head.deadline = deadline;
  uint64_t mask = 0;
  for (int n = 1; n < p->node_count; n++)
    if (state->at_node[n] != NULL || (state->tapes != NULL && state->tapes[n] != NULL)) mask |= p->nodes[n].wait_mask;
  state->head.wait_mask = mask;
}

bool node_interested(const struct stepping *s, int node, int type_index) {
  struct range interest = s->p->interests[node * s->p->type_count + type_index];
  if (interest.count == EVERY_EVENT) return true;
  for (int i = 0; i < interest.count; i++)
    if (truth_holds(s->context->truth, s->p->interest_predicates[interest.first + i])) return true;
  return false;
}

void nfa_event(const struct pattern *pattern, struct nfa_state **slot, const struct event *event,
               struct nfa_context *context, struct nfa_counts *counts) {
  struct stepping s = {.p = pattern, .state = *slot, .event = event, .context = context, .counts = counts};
  context->counts = counts;
  if (context->mode != NFA_MODE_RUNS && pattern->not_compact == NULL) {
    compact_event(&s, slot);
    return;
  }
  if (context->mode == NFA_MODE_AUTO && pattern->lanes) {
    lane_event(&s, slot);
    return;
  }
  int type_index = program_type_index(pattern, event->type);
  check(type_index >= 0);
  if (s.state != NULL && pattern->within_us >= 0 && !pattern->starts_before && quiet_within(pattern)) {
    struct run *run;
    while ((run = s.state->oldest[0]) != NULL && run->start_time + pattern->within_us < event->time) run_end(&s, run);
  }
  if (s.state != NULL) {
    for (int n = 1; n < pattern->node_count; n++) {
      bool taped = s.state->tapes != NULL && s.state->tapes[n] != NULL;
      if ((s.state->at_node[n] == NULL && !taped) || !node_interested(&s, n, type_index)) continue;
      if (taped) tape_event(&s, n);
      for (struct run *run = s.state->at_node[n], *next; run != NULL; run = next) {
        next = run->next;
        if (run->last_sequence != event->sequence) run_event(&s, run);
      }
    }
  }
  if (node_interested(&s, 0, type_index)) start_runs(&s, slot);
  if (s.state == NULL) return;
  for (int n = 1; pattern->any_tape && n < pattern->node_count; n++)
    if (pattern->tapes[n]) tape_join(&s, n);
  completions_tell(&s, event->time, false);
  if (s.state->sweep_at == INT64_MAX && pattern->within_us < 0 && s.state->head.run_count > 0)
    sweep_dead(&s, INT64_MIN);
  summarise(&s, slot);
}

/* Trailing absences whose deadline is `time` (all are the same length: the list is in order). */
static void complete_waiting(struct stepping *s, int64_t time) {
  struct run *run;
  while ((run = s->state->wait_first) != NULL && run_trailing_deadline(s, run) <= time) {
    wait_remove(s->state, run);
    completion_add(s, run->tail, run->start, run->start_sequence, run->length);
    run->forks &= ~node_end_forks(s->p, &s->p->nodes[run->node]);
    if (!run_can_go_on(s->p, run) || run->expired) run_end(s, run);
  }
  completions_tell(s, time, true);
}

static bool tells_timeouts(const struct pattern *p) {
  return p->report == PATTERN_REPORT_TIMEOUT || p->report == PATTERN_REPORT_TIMEOUT_ONLY;
}

/* The run's `within` is over: it ends, but for the wait of a trailing absence. */
static void run_expire(struct stepping *s, struct run *run) {
  const struct node *node = &s->p->nodes[run->node];
  bool timeouts = tells_timeouts(s->p);
  if (!run->waiting) {
    if (timeouts) completion_add(s, run->tail, run->start, run->start_sequence, run->length);
    run_end(s, run);
    return;
  }
  uint64_t others = run->forks & ~node_end_forks(s->p, node);
  if (timeouts && (node_fork_ways(s->p, node, others) & ~run->barred) != 0)
    completion_add(s, run->tail, run->start, run->start_sequence, run->length);
  run->barred |= ~((uint64_t)1 << node->end_way);
  if (s->p->starts_before) { /* it may stay where it is: nobody looks for it at the front */
    due_remove(s->p, s->state, run);
    return;
  }
  age_remove(s->state, run);
  run->expired = true;
  age_insert(s->state, run, s->state->youngest[1], 1);
}

/* The run whose `within` ends first, of those that it has not ended yet; NULL: none. */
static struct run *first_due(const struct pattern *p, const struct nfa_state *state) {
  return p->starts_before ? due_first(p, state) : state->oldest[0];
}

static void expire(struct stepping *s, int64_t time) {
  struct run *run;
  while ((run = first_due(s->p, s->state)) != NULL && run->start_time + s->p->within_us <= time) run_expire(s, run);
  if (tells_timeouts(s->p))
    timeouts_tell(s, time);
  else
    completions_tell(s, time, true);
}

void nfa_time(const struct pattern *pattern, struct nfa_state **slot, int64_t time, struct nfa_context *context,
              struct nfa_counts *counts) {
  struct stepping s = {.p = pattern, .state = *slot, .context = context, .counts = counts};
  context->counts = counts;
  if (s.state != NULL && s.state->head.kind != NFA_KIND_RUNS) {
    if (s.state->head.kind == NFA_KIND_COMPACT)
      compact_time(&s, slot, time);
    else
      lane_time(&s, slot, time);
    return;
  }
  while (s.state != NULL && s.state->head.deadline <= time) { /* each deadline is one completion; bounded by runs */
    int64_t deadline = s.state->head.deadline;
    complete_waiting(&s, deadline);
    if (pattern->within_us >= 0) expire(&s, deadline);
    if (s.state->sweep_at <= deadline) sweep_dead(&s, deadline);
    summarise(&s, slot);
  }
}

void nfa_prefetch(const struct nfa_state *state) { __builtin_prefetch(state, 1); }

void nfa_prefetch_runs(const struct nfa_state *state) {
  if (state->head.kind >= NFA_KIND_LANES) {
    lane_prefetch(state);
    return;
  }
  __builtin_prefetch((const char *)state + 64);
  __builtin_prefetch((const char *)state + 128);
  const char *run = (const char *)state->oldest[0];
  if (run == NULL) return;
  __builtin_prefetch(run);
  __builtin_prefetch(run + 64);
  __builtin_prefetch(run + 128);
}

void nfa_drop(const struct pattern *pattern, struct nfa_state **slot, struct nfa_context *context,
              struct nfa_counts *counts) {
  struct stepping s = {.p = pattern, .state = *slot, .context = context, .counts = counts};
  context->counts = counts;
  if (s.state == NULL) return;
  if (s.state->head.kind != NFA_KIND_RUNS) {
    if (s.state->head.kind == NFA_KIND_COMPACT)
      compact_drop(&s, slot);
    else
      lane_drop(&s, slot);
    return;
  }
  runs_drop_until(&s, UINT64_MAX);
  summarise(&s, slot);
}

size_t nfa_state_bytes(const struct pattern *pattern, const struct nfa_state *state) {
  if (state == NULL) return 0;
  if (state->head.kind >= NFA_KIND_LANES) return lane_bytes(state);
  if (state->head.kind == NFA_KIND_COMPACT) return sizeof *state + compact_bytes(state->compact);
  return sizeof *state + state_pointers(pattern) * sizeof(struct run *) +
         state->head.run_count * (pattern->run_bytes + sizeof(struct link));
}
