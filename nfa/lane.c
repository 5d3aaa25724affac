/* lane.c - sequences of single steps as one array of runs by start. Called by runs.c. */
#include "nfa/lane.h"

#include "base/check.h"

enum { LANE_FIRST = 2 };

/* One block: this, counts[step_count] (of node n at n; 0 is not used), then the runs: start time, then the events
 * taken. */
struct lanes {
  struct nfa_head head; /* run_count = runs in all */
  uint16_t step_count;
  uint32_t first, capacity;
  uint32_t counts[];
};

struct lane_run {
  int64_t start_time;
  struct held *events[]; /* step_count - 1 */
};

static size_t run_bytes(uint32_t steps) { return steps * sizeof(void *); }
static size_t runs_offset(uint32_t steps) {
  return (sizeof(struct lanes) + steps * sizeof(uint32_t) + 7u) & ~(size_t)7u;
}
static size_t block_bytes(uint32_t steps, uint32_t capacity) {
  return runs_offset(steps) + capacity * run_bytes(steps);
}

static struct lane_run *run_at(const struct lanes *lanes, uint32_t index) {
  return (struct lane_run *)((char *)(uintptr_t)lanes + runs_offset(lanes->step_count) +
                             index * run_bytes(lanes->step_count));
}

bool lane_possible(const struct pattern *p) {
  if (p->step_count < 2 || p->step_count > LANE_STEPS_MAX || p->counter_count > 0 || p->register_count > 0)
    return false;
  if (p->forking || p->trailing || p->by_start || !p->pure || p->within_us < 0) return false;
  for (int n = 0; n < p->node_count; n++) {
    const struct node *node = &p->nodes[n];
    if (node->ways.count != 1 || node->closers.count > 0) return false;
    const struct way *way = &p->ways[node->ways.first];
    if (way->target != (n == p->step_count ? WAY_END : n) || way->gap_us != INT64_MAX || way->until.count > 0 ||
        way->any)
      return false;
    for (int i = 0; i < way->absences.count; i++)
      if (p->conditions[way->absences.first + i].next) return false;
  }
  return true;
}

static void run_release(struct stepping *s, const struct lanes *lanes, uint32_t index, uint32_t taken) {
  struct lane_run *run = run_at(lanes, index);
  for (uint32_t i = 0; i < taken; i++) held_unref(s->context, run->events[i]);
}

/* Runs at nodes beyond `node`: where those of the node begin, from lanes->first. */
static uint32_t runs_beyond(const struct lanes *lanes, uint32_t node) {
  uint32_t count = 0;
  for (uint32_t n = node + 1; n < lanes->step_count; n++) count += lanes->counts[n];
  return count;
}

/* The earliest run, wherever it stands. */
static void pop_first(struct stepping *s, struct lanes *lanes) {
  uint32_t node = lanes->step_count - 1u;
  while (lanes->counts[node] == 0) node--;
  run_release(s, lanes, lanes->first, node);
  lanes->counts[node]--;
  lanes->first++;
  lanes->head.run_count--;
  s->counts->open--;
}

static void pop_expired(struct stepping *s, struct lanes *lanes, int64_t now) {
  while (lanes->head.run_count > 0 && run_at(lanes, lanes->first)->start_time < now - s->p->within_us)
    pop_first(s, lanes);
}

static void remove_node(struct stepping *s, struct lanes *lanes, uint32_t node) { /* all its runs end */
  uint32_t at = lanes->first + runs_beyond(lanes, node), count = lanes->counts[node];
  uint32_t behind = lanes->first + lanes->head.run_count - at - count;
  for (uint32_t i = 0; i < count; i++) run_release(s, lanes, at + i, node);
  memmove(run_at(lanes, at), run_at(lanes, at + count), behind * run_bytes(lanes->step_count));
  lanes->counts[node] = 0;
  lanes->head.run_count -= count;
  s->counts->open -= count;
}

static bool any_pure(const struct stepping *s, struct range range) {
  for (int i = range.first; i < range.first + range.count; i++) {
    const struct typed_condition *c = &s->p->conditions[i];
    if (c->type == s->event->type && truth_holds(s->context->truth, c->condition.predicate)) return true;
  }
  return false;
}

static bool step_takes(const struct stepping *s, uint16_t step) {
  return s->p->steps[step].type == s->event->type &&
         truth_holds(s->context->truth, s->p->steps[step].condition.predicate);
}

/* The matches that the event completes: the first alone, where only the first is told. */
static void complete(struct stepping *s, struct lanes *lanes, uint32_t count) {
  uint32_t steps = lanes->step_count, wanted = s->p->report == PATTERN_REPORT_ALL ? count : 1;
  struct held *last = nfa_hold(s->context, s->event);
  for (uint32_t r = 0; r < wanted; r++) {
    const struct lane_run *run = run_at(lanes, lanes->first + r);
    struct link *links = arena_alloc(s->context->scratch, steps * sizeof *links);
    const struct link **chain = arena_alloc(s->context->scratch, steps * sizeof *chain);
    for (uint32_t i = 0; i < steps; i++) {
      links[i] = (struct link){.event = i + 1 < steps ? run->events[i] : last, .references = 1, .step = (uint16_t)i};
      chain[i] = &links[i];
    }
    completion_add_chain(s, chain, steps);
  }
}

static struct lanes *grow(struct stepping *s, struct nfa_state **slot) {
  struct lanes *old = (struct lanes *)*slot;
  uint32_t steps = s->p->step_count, count = old == NULL ? 0 : old->head.run_count;
  if (old != NULL && old->first > old->capacity / 2) { /* room at the front */
    memmove(run_at(old, 0), run_at(old, old->first), count * run_bytes(steps));
    old->first = 0;
    return old;
  }
  uint32_t capacity = old == NULL ? LANE_FIRST : old->capacity * 2;
  struct lanes *lanes = pool_alloc(s->context->pool, block_bytes(steps, capacity));
  if (old == NULL) {
    memset(lanes, 0, runs_offset(steps));
    lanes->head.kind = NFA_KIND_LANES;
    lanes->step_count = (uint16_t)steps;
  } else {
    memcpy(lanes, old, runs_offset(steps));
    lanes->first = 0;
    memcpy(run_at(lanes, 0), run_at(old, old->first), count * run_bytes(steps));
    pool_free(s->context->pool, old, block_bytes(steps, old->capacity));
  }
  lanes->capacity = capacity;
  *slot = (struct nfa_state *)lanes;
  return lanes;
}

static void begin(struct stepping *s, struct nfa_state **slot) {
  struct lanes *lanes = (struct lanes *)*slot;
  if (lanes != NULL && lanes->head.run_count >= s->context->runs_max) {
    s->counts->dropped_runs_max++;
    return;
  }
  if (lanes == NULL || lanes->first + lanes->head.run_count == lanes->capacity) lanes = grow(s, slot);
  struct lane_run *run = run_at(lanes, lanes->first + lanes->head.run_count);
  run->start_time = s->event->time;
  run->events[0] = nfa_hold(s->context, s->event);
  run->events[0]->references++;
  lanes->counts[1]++;
  lanes->head.run_count++;
  s->counts->open++;
  s->counts->started++;
}

static void summarise(struct stepping *s, struct nfa_state **slot) {
  struct lanes *lanes = (struct lanes *)*slot;
  if (lanes->head.run_count == 0) {
    pool_free(s->context->pool, lanes, block_bytes(lanes->step_count, lanes->capacity));
    *slot = NULL;
    return;
  }
  /* Nothing is told at a deadline: one timer cleans up after the last run, the others leave as events come. */
  uint32_t last = lanes->first + lanes->head.run_count - 1;
  lanes->head.deadline = run_at(lanes, last)->start_time + s->p->within_us;
  uint64_t mask = 0;
  for (uint32_t n = 1; n < lanes->step_count; n++)
    if (lanes->counts[n] > 0) mask |= s->p->nodes[n].wait_mask;
  lanes->head.wait_mask = mask;
}

/* What runs at the node do with the event. Returns how many are complete; they stay in the array until told. */
static uint32_t node_event(struct stepping *s, struct lanes *lanes, uint32_t node) {
  const struct way *way = &s->p->ways[s->p->nodes[node].ways.first];
  uint32_t count = lanes->counts[node];
  if (step_takes(s, way->target) && (way->among.count == 0 || any_pure(s, way->among))) {
    if (node + 1 == lanes->step_count) {
      complete(s, lanes, count);
      return count;
    }
    struct held *held = nfa_hold(s->context, s->event);
    uint32_t at = lanes->first + runs_beyond(lanes, node);
    for (uint32_t i = 0; i < count; i++) run_at(lanes, at + i)->events[node] = held;
    held->references += count;
    lanes->counts[node + 1] += count;
    lanes->counts[node] = 0;
  } else if ((way->next && (way->among.count == 0 || any_pure(s, way->among))) || any_pure(s, way->absences)) {
    remove_node(s, lanes, node); /* its only way is barred */
  }
  return 0;
}

void lane_event(struct stepping *s, struct nfa_state **slot) {
  int type_index = program_type_index(s->p, s->event->type);
  struct lanes *lanes = (struct lanes *)*slot;
  uint32_t completed = 0;
  check(type_index >= 0);
  if (lanes != NULL) {
    pop_expired(s, lanes, s->event->time);
    for (uint32_t n = lanes->step_count - 1u; n > 0; n--)
      if (lanes->counts[n] > 0 && node_interested(s, (int)n, type_index)) completed += node_event(s, lanes, n);
  }
  if (step_takes(s, 0)) begin(s, slot);
  lanes = (struct lanes *)*slot;
  if (lanes == NULL) return;
  if (completed > 0) {
    uint32_t first = lanes->first, last_node = lanes->step_count - 1u;
    lanes->first += completed;
    lanes->counts[last_node] -= completed;
    lanes->head.run_count -= completed;
    s->counts->open -= completed;
    s->counts->completed += completed - s->completion_count;
    s->state = *slot;
    completions_tell(s, s->event->time, false);
    for (uint32_t i = 0; i < completed; i++) run_release(s, lanes, first + i, last_node);
  }
  summarise(s, slot);
}

void lane_drop_until(struct stepping *s, uint64_t sequence) {
  struct lanes *lanes = (struct lanes *)s->state;
  while (lanes->head.run_count > 0 && run_at(lanes, lanes->first)->events[0]->sequence <= sequence) pop_first(s, lanes);
}

void lane_time(struct stepping *s, struct nfa_state **slot, int64_t time) {
  struct lanes *lanes = (struct lanes *)*slot;
  while (lanes->head.run_count > 0 && run_at(lanes, lanes->first)->start_time + s->p->within_us <= time)
    pop_first(s, lanes);
  summarise(s, slot);
}

void lane_drop(struct stepping *s, struct nfa_state **slot) {
  struct lanes *lanes = (struct lanes *)*slot;
  while (lanes->head.run_count > 0) pop_first(s, lanes);
  summarise(s, slot);
}

size_t lane_bytes(const struct nfa_state *state) {
  const struct lanes *lanes = (const struct lanes *)state;
  return block_bytes(lanes->step_count, lanes->capacity);
}

void lane_prefetch(const struct nfa_state *state) { /* what leaves next */
  const struct lanes *lanes = (const struct lanes *)state;
  if (lanes->head.run_count == 0) return;
  const struct lane_run *run = run_at(lanes, lanes->first);
  __builtin_prefetch(run_at(lanes, lanes->first + lanes->head.run_count - 1));
  __builtin_prefetch(run->events[0]);
  if (lanes->counts[1] < lanes->head.run_count) __builtin_prefetch(run->events[1]);
}
