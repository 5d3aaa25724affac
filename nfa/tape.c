/* tape.c - shared totals of the runs in one loop. Called by runs.c. */
#include "nfa/tape.h"

#include "base/check.h"

static size_t tape_bytes(const struct pattern *p) { return sizeof(struct tape) + p->run_bytes - sizeof(struct run); }

static const struct way *again_way(const struct pattern *p, int node, int *index) {
  const struct node *n = &p->nodes[node];
  for (int w = 0; w < n->ways.count; w++) {
    const struct way *way = &p->ways[n->ways.first + w];
    bool own = way->target == node - 1 && way->actions.count == 1 && p->actions[way->actions.first].op == ACTION_ADD;
    if (own && p->loop_counters[way->target] == p->actions[way->actions.first].counter) {
      *index = w;
      return way;
    }
  }
  return NULL;
}

bool tape_possible(const struct pattern *p, int node) {
  int index;
  if (node == 0 || p->forking || p->by_start) return false;
  const struct node *n = &p->nodes[node];
  const struct way *again = again_way(p, node, &index);
  if (again == NULL || again->guards.count > 0 || n->end_way >= 0 || n->closers.count > 0) return false;
  const struct program_step *step = &p->steps[node - 1];
  if (step->condition.residual != NULL) return false;
  for (int w = 0; w < n->ways.count; w++) { /* bars must be the same for all runs */
    const struct way *way = &p->ways[n->ways.first + w];
    for (int i = 0; i < way->bars.count; i++)
      if (p->conditions[way->bars.first + i].condition.residual != NULL) return false;
    for (int i = 0; way == again && i < way->until.count; i++)
      if (p->conditions[way->until.first + i].condition.residual != NULL) return false;
    for (int i = 0; i < way->absences.count; i++)
      if (p->conditions[way->absences.first + i].condition.residual != NULL) return false;
    for (int i = 0; i < way->among.count; i++)
      if (p->conditions[way->among.first + i].condition.residual != NULL) return false;
  }
  for (int r = step->registers.first; r < step->registers.first + step->registers.count; r++) {
    enum pattern_aggregate a = p->registers[r].aggregate;
    if (a == REGISTER_MIN || a == REGISTER_MAX || a == REGISTER_NTH || a == REGISTER_DISTINCT) return false;
  }
  return true;
}

/* The run's own numbers, with what the tape has taken since it joined. */
static void lift(struct stepping *s, struct tape *tape, struct run *run) {
  const struct pattern *p = s->p;
  uint16_t step = (uint16_t)(run->node - 1);
  run->length += tape->total.length;
  run->last_time = tape->total.last_time;
  run->last_sequence = tape->total.last_sequence;
  run->barred = tape->total.barred;
  run->passed = tape->total.passed;
  run_counters(p, run)[p->loop_counters[step]] += tape->total.length;
  run_add_totals(p, run, &tape->total, step, true);
  s->registers_of = NULL;
}

static void lower(struct stepping *s, struct tape *tape, struct run *run) {
  const struct pattern *p = s->p;
  uint16_t step = (uint16_t)(run->node - 1);
  run->length -= tape->total.length;
  run_counters(p, run)[p->loop_counters[step]] -= tape->total.length;
  run_add_totals(p, run, &tape->total, step, false);
  s->registers_of = NULL;
}

static void unlink_run(struct tape *tape, struct run *run) {
  if (run->previous != NULL)
    run->previous->next = run->next;
  else
    tape->first = run->next;
  if (run->next != NULL)
    run->next->previous = run->previous;
  else
    tape->last = run->previous;
  run->previous = run->next = NULL;
  run->taped = false;
}

static void release_if_empty(struct stepping *s, int node) {
  struct tape *tape = s->state->tapes[node];
  if (tape->first != NULL) return;
  link_unref(s->context, tape->tail);
  pool_free(s->context->pool, tape, tape_bytes(s->p));
  s->state->tapes[node] = NULL;
}

/* Out of the tape (lifted already): the events since it joined become a segment of its chain. */
static void take_out(struct stepping *s, struct tape *tape, struct run *run) {
  uint32_t since = tape->total.length - run->tape_base;
  unlink_run(tape, run);
  if (since == 0) return;
  struct link *before = run->tail;
  run->tail = link_segment(s, before, tape->tail, since);
  link_unref(s->context, before);
}

void tape_remove(struct stepping *s, struct run *run) {
  int node = run->node;
  struct tape *tape = s->state->tapes[node];
  lift(s, tape, run);
  take_out(s, tape, run);
  release_if_empty(s, node);
}

/* The chain reaches back to runs that are gone: copy what is still somebody's. Paid for by the events in between. */
static void trim(struct stepping *s, struct tape *tape) {
  uint32_t needed = tape->total.length - tape->first->tape_base;
  if (tape->links < TAPE_TRIM_MIN || tape->links < 2 * needed) return;
  const struct link **links = arena_alloc(s->context->scratch, (needed + 1) * sizeof *links);
  struct link *from = tape->tail, *copy = NULL;
  for (uint32_t i = needed; i > 0; i--, from = from->parent) links[i - 1] = from;
  for (uint32_t i = 0; i < needed; i++) {
    struct link *link = link_copy(s, copy, links[i]);
    if (copy != NULL) link_unref(s->context, copy);
    copy = link;
  }
  link_unref(s->context, tape->tail);
  tape->tail = copy;
  tape->links = needed;
}

/* The events that the run holds; while it is in the tape, its length is what the tape's total lacks (modulo 2^32). */
static uint32_t run_holds(const struct tape *tape, const struct run *run) { return run->length + tape->total.length; }

/* Before the loop takes an event: runs that may hold no more are dropped. False: none is left, the tape is gone. */
static bool drop_full(struct stepping *s, int node) {
  struct tape *tape = s->state->tapes[node];
  if (!run_full(s, tape->longest + tape->total.length)) return true;
  uint32_t longest = 0;
  for (struct run *run = tape->first, *next; run != NULL; run = next) {
    next = run->next;
    if (run_full(s, run_holds(tape, run))) {
      run_drop_full(s, run);
      if (s->state->tapes[node] == NULL) return false;
      continue;
    }
    if (run_holds(tape, run) > longest) longest = run_holds(tape, run);
    if (tape->by_length) break;
  }
  tape->longest = longest - tape->total.length;
  return true;
}

static void append(struct stepping *s, struct tape *tape, int node, int way) {
  struct link *before = tape->tail;
  tape->tail = link_new(s, before, (uint16_t)(node - 1), (uint16_t)way);
  if (before != NULL) link_unref(s->context, before);
  tape->links++;
  tape->total.length++;
  tape->total.last_time = s->event->time;
  tape->total.last_sequence = s->event->sequence;
  tape->total.barred = 0;
  tape->total.passed = false;
  tape->total.tail = tape->tail;
  run_account(s, &tape->total, (uint16_t)(node - 1));
  trim(s, tape);
}

/* A way other than the loop's own may take the event: each run is asked, from the earliest start. */
static bool others_may_take(const struct stepping *s, const struct tape *tape, const struct node *n, int again) {
  for (int w = 0; w < n->ways.count; w++) {
    const struct way *way = &s->p->ways[n->ways.first + w];
    if (w == again || way->target == WAY_END || tape->total.barred >> w & 1) continue;
    const struct program_step *step = &s->p->steps[way->target];
    if (step->type == s->event->type && truth_holds(s->context->truth, step->condition.predicate)) return true;
  }
  return false;
}

static void ask_each(struct stepping *s, int node, const struct node *n, int again) {
  struct tape *tape = s->state->tapes[node];
  bool first_only = s->p->report == PATTERN_REPORT_FIRST && s->p->after == PATTERN_AFTER_PAST_LAST;
  for (struct run *run = tape->first, *next; run != NULL; run = next) {
    uint64_t again_bit = (uint64_t)1 << again;
    struct asked asked;
    next = run->next;
    lift(s, tape, run);
    run_ask(s, run, n, run->forks, run->barred, &asked);
    if (asked.taken == 0 || asked.taken == again_bit) {
      lower(s, tape, run);
      continue;
    }
    if (run_full(s, run->length)) {
      lower(s, tape, run);
      run_drop_full(s, run);
      if (s->state->tapes[node] == NULL) return;
      continue;
    }
    take_out(s, tape, run);
    uint32_t before = s->completion_count;
    run_step_out(s, run, n, __builtin_ctzll(asked.taken));
    if (first_only && s->completion_count > before) return; /* telling it drops all that are open */
  }
}

void tape_event(struct stepping *s, int node) {
  struct tape *tape = s->state->tapes[node];
  const struct node *n = &s->p->nodes[node];
  int again;
  const struct way *way = again_way(s->p, node, &again);
  if (others_may_take(s, tape, n, again)) ask_each(s, node, n, again);
  if (s->state->tapes[node] == NULL) return;
  if (tape->first == NULL) {
    release_if_empty(s, node);
    return;
  }
  struct run *run = tape->first; /* any run stands for all: the conditions read the event alone */
  lift(s, tape, run);
  bool takes = way_takes(s, run, way);
  uint64_t bars = takes ? 0 : run_bars(s, run);
  lower(s, tape, run);
  if (takes) {
    if (drop_full(s, node)) append(s, tape, node, again);
  } else if (!(bars >> again & 1)) { /* the loop stays open, so every run goes on */
    tape->total.barred |= bars;
    tape->total.passed = true;
  } else { /* the loop is closed: each run for itself */
    while (tape->first != NULL) {
      run = tape->first;
      lift(s, tape, run);
      take_out(s, tape, run);
      run_pass_out(s, run);
    }
    release_if_empty(s, node);
  }
}

static void join(struct stepping *s, struct tape *tape, struct run *run) {
  run->taped = true;
  run->tape_base = tape->total.length;
  lower(s, tape, run);
  struct run *after = tape->last; /* runs that join with the same event: by start */
  while (after != NULL && after->start_sequence > run->start_sequence) after = after->previous;
  if (tape->first == NULL) tape->by_length = true;
  if (tape->first == NULL || run_holds(tape, run) > tape->longest + tape->total.length) tape->longest = run->length;
  run->previous = after;
  run->next = after == NULL ? tape->first : after->next;
  if (run->previous != NULL && run_holds(tape, run->previous) < run_holds(tape, run)) tape->by_length = false;
  if (run->next != NULL && run_holds(tape, run->next) > run_holds(tape, run)) tape->by_length = false;
  if (run->previous != NULL)
    run->previous->next = run;
  else
    tape->first = run;
  if (run->next != NULL)
    run->next->previous = run;
  else
    tape->last = run;
}

void tape_join(struct stepping *s, int node) {
  struct nfa_state *state = s->state;
  uint32_t count = 0;
  for (struct run *run = state->at_node[node]; run != NULL && run->last_sequence == s->event->sequence; run = run->next)
    count++;
  if (count == 0) return;
  struct tape *tape = state->tapes == NULL ? NULL : state->tapes[node];
  if (tape == NULL) {
    if (count < TAPE_RUNS_MIN) return;
    if (state->tapes == NULL) {
      state->tapes = pool_alloc(s->context->pool, s->p->node_count * sizeof(struct tape *));
      memset(state->tapes, 0, s->p->node_count * sizeof(struct tape *));
    }
    tape = state->tapes[node] = pool_alloc(s->context->pool, tape_bytes(s->p));
    memset(tape, 0, tape_bytes(s->p));
    tape->total.last_time = s->event->time;
    tape->total.last_sequence = s->event->sequence;
  }
  check(tape->total.last_sequence == s->event->sequence);
  while (count-- > 0) {
    struct run *run = state->at_node[node];
    state->at_node[node] = run->next;
    if (run->next != NULL) run->next->previous = NULL;
    join(s, tape, run);
  }
}

void tapes_free(struct stepping *s) {
  if (s->state->tapes != NULL) pool_free(s->context->pool, s->state->tapes, s->p->node_count * sizeof(struct tape *));
  s->state->tapes = NULL;
}
