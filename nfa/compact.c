/* compact.c - the compact set: partial matches as a graph of extend and union nodes, one union list for each active
 * state of the automaton, in decreasing order of the latest start. See compact.h for the source.
 *
 * Owns one state per (rule, key): a ring of held events, a ring of nodes, the active lists. Nothing is counted: every
 * node's latest start is no later than the event at which it was made, so what was made before now - within is dead
 * and leaves from the front of the ring. Numbers of events and nodes are 32 bits and wrap; only their distance to the
 * front counts. */
#include "base/check.h"
#include "base/limits.h"
#include "nfa/compact_private.h"

enum { EVENTS_MIN = 64, NODES_MAX = LIMIT_GRAPH_NODES, LIST_FIRST = 4, RING_FIRST = 8 };

/* So many more nodes are there, or less, modulo 2^32. */
static void nodes_count(struct stepping *s, uint32_t more) {
  s->context->held_units += (uint64_t)(int32_t)more;
  s->counts->links += (uint64_t)(int32_t)more;
}

static uint32_t node_new(struct stepping *s, struct compact *c, struct graph_node node) {
  bool skip = c->node_end == COMPACT_NONE; /* the one number that is no node: its place stays unused */
  if (c->node_end - c->node_first + 1 + skip > c->node_capacity) {
    uint32_t capacity = c->node_capacity == 0 ? RING_FIRST : c->node_capacity * 2;
    struct graph_node *bigger = pool_alloc(s->context->pool, capacity * sizeof *bigger);
    for (uint32_t i = c->node_first; i != c->node_end; i++) bigger[i & (capacity - 1)] = *node_at(c, i);
    if (c->node_capacity > 0) pool_free(s->context->pool, c->nodes, c->node_capacity * sizeof *c->nodes);
    c->nodes = bigger;
    c->node_capacity = capacity;
  }
  uint32_t number = skip ? 0 : c->node_end;
  nodes_count(s, number + 1 - c->node_end);
  *node_at(c, number) = node;
  c->node_end = number + 1;
  return number;
}

static uint32_t hold_event(struct stepping *s, struct compact *c) { /* the event in hand, once */
  uint32_t last = c->event_end - 1;
  if (c->event_end != c->event_first && event_at(c, last)->held->sequence == s->event->sequence) return last;
  if (c->event_end - c->event_first == c->event_capacity) {
    uint32_t capacity = c->event_capacity == 0 ? RING_FIRST : c->event_capacity * 2;
    struct ring_event *bigger = pool_alloc(s->context->pool, capacity * sizeof *bigger);
    for (uint32_t i = c->event_first; i != c->event_end; i++) bigger[i & (capacity - 1)] = *event_at(c, i);
    if (c->event_capacity > 0) pool_free(s->context->pool, c->events, c->event_capacity * sizeof *c->events);
    c->events = bigger;
    c->event_capacity = capacity;
  }
  struct held *held = nfa_hold(s->context, s->event);
  held->references++;
  *event_at(c, c->event_end) = (struct ring_event){held, c->node_end};
  return c->event_end++;
}

static uint32_t union_new(struct stepping *s, struct compact *c, struct listed left, struct listed right) {
  check(age(c, left.latest) <= age(c, right.latest));
  uint32_t e1 = node_at(c, left.node)->earliest, e2 = node_at(c, right.node)->earliest;
  return node_new(s, c,
                  (struct graph_node){.left = left.node,
                                      .right = right.node,
                                      .latest = left.latest,
                                      .earliest = age(c, e1) >= age(c, e2) ? e1 : e2,
                                      .step = WAY_END});
}

static void active_free(struct stepping *s, struct active *a) {
  pool_free(s->context->pool, a->list, a->capacity * sizeof *a->list);
}

static void list_insert(struct stepping *s, struct active *a, uint32_t at, struct listed entry) {
  if (a->count == a->capacity) {
    struct listed *bigger = pool_alloc(s->context->pool, a->capacity * 2 * sizeof *bigger);
    memcpy(bigger, a->list, a->count * sizeof *bigger);
    active_free(s, a);
    a->list = bigger;
    a->capacity *= 2;
  }
  memmove(a->list + at + 1, a->list + at, (a->count - at) * sizeof *a->list);
  a->list[at] = entry;
  a->count++;
}

/* Entries whose latest start has expired stand at the end. */
static void list_trim(const struct compact *c, struct active *a) {
  while (a->count > 0 && !start_lives(c, a->list[a->count - 1].latest)) a->count--;
}

static uint32_t list_merge(struct stepping *s, struct compact *c, const struct active *a) {
  struct listed merged = a->list[a->count - 1];
  for (uint32_t i = a->count - 1; i > 0; i--)
    merged.node = union_new(s, c, a->list[i - 1], merged), merged.latest = a->list[i - 1].latest;
  return merged.node;
}

static struct active *next_find(struct compact *c, uint32_t state) {
  for (uint32_t i = 0; i < c->next_count; i++)
    if (c->next_active[i].state == state) return &c->next_active[i];
  return NULL;
}

static struct active *next_add(struct stepping *s, struct compact *c, uint32_t state) {
  if (c->next_count == c->active_capacity) {
    uint32_t capacity = c->active_capacity == 0 ? 4 : c->active_capacity * 2;
    struct active *both = pool_alloc(s->context->pool, 2 * capacity * sizeof *both);
    if (c->active_capacity > 0) {
      struct active *old = c->active < c->next_active ? c->active : c->next_active;
      memcpy(both, c->active, c->active_count * sizeof *both);
      memcpy(both + capacity, c->next_active, c->next_count * sizeof *both);
      pool_free(s->context->pool, old, 2 * c->active_capacity * sizeof *both);
    }
    c->active = both;
    c->next_active = both + capacity;
    c->active_capacity = capacity;
  }
  struct active *a = &c->next_active[c->next_count++];
  *a = (struct active){.state = state};
  return a;
}

/* `node` joins what waits in `state` after this event. Its latest start is no later than those that joined before. */
static void next_join(struct stepping *s, struct compact *c, uint32_t state, uint32_t node) {
  struct listed entry = {node, node_at(c, node)->latest};
  struct active *a = next_find(c, state);
  if (a == NULL) {
    a = next_add(s, c, state);
    a->capacity = LIST_FIRST;
    a->list = pool_alloc(s->context->pool, a->capacity * sizeof *a->list);
    a->list[a->count++] = entry;
    return;
  }
  for (uint32_t i = 1; i < a->count; i++) {
    if (a->list[i].latest == entry.latest) {
      a->list[i].node = union_new(s, c, a->list[i], entry);
      return;
    }
    if (age(c, a->list[i].latest) > age(c, entry.latest)) {
      list_insert(s, a, i, entry);
      return;
    }
  }
  list_insert(s, a, a->count, entry);
}

/* What the partial matches in `from` do with the event. Takes the list over. */
static void transit(struct stepping *s, struct compact *c, struct active *from, struct roots *roots) {
  const struct transition *t = automaton_step(c->automaton, s, from->state);
  bool stays = t->stay != COMPACT_NONE;
  uint32_t merged = COMPACT_NONE;
  if (t->take_count > 0 || (stays && next_find(c, t->stay) != NULL)) merged = list_merge(s, c, from);
  for (uint16_t i = 0; i < t->take_count; i++) {
    const struct transition_take *take = &t->takes[i];
    if (take->state == COMPACT_NONE && !take->complete) continue;
    const struct graph_node *below = node_at(c, merged);
    uint32_t event = hold_event(s, c);
    uint32_t node = node_new(s, c,
                             (struct graph_node){.left = merged,
                                                 .right = event,
                                                 .latest = below->latest,
                                                 .earliest = below->earliest,
                                                 .step = take->step,
                                                 .rank = take->rank});
    if (take->complete) roots->items[roots->count++] = node;
    if (take->state != COMPACT_NONE) next_join(s, c, take->state, node);
  }
  if (stays && next_find(c, t->stay) == NULL) { /* the list itself goes on */
    struct active *a = next_add(s, c, t->stay);
    a->list = from->list;
    a->count = from->count;
    a->capacity = from->capacity;
    return;
  }
  if (stays) next_join(s, c, t->stay, merged);
  active_free(s, from);
}

static void begin(struct stepping *s, struct compact *c, struct roots *roots) {
  const struct transition *t = automaton_step(c->automaton, s, 0);
  for (uint16_t i = 0; i < t->take_count; i++) {
    const struct transition_take *take = &t->takes[i];
    if (take->state == COMPACT_NONE && !take->complete) continue;
    uint32_t event = hold_event(s, c);
    uint32_t node = node_new(s, c,
                             (struct graph_node){.left = COMPACT_NONE,
                                                 .right = event,
                                                 .latest = event,
                                                 .earliest = event,
                                                 .step = take->step,
                                                 .rank = take->rank});
    s->counts->started += i == 0;
    if (take->complete) roots->items[roots->count++] = node;
    if (take->state != COMPACT_NONE) next_join(s, c, take->state, node);
  }
}

/* ---- time and events ---- */

/* Events that a key may hold: as one match may, and so few that listing twice as many matches as may be told takes no
 * more scratch memory than there should be. */
static uint32_t events_max(const struct stepping *s) {
  uint32_t most = s->context->match_events_max;
  if (s->context->scratch_max == 0) return most;
  uint64_t listed = s->context->scratch_max / sizeof(struct link *) / (2 * ((uint64_t)s->p->report_limit + 1));
  if (listed < EVENTS_MIN) listed = EVENTS_MIN;
  return most == 0 || listed < most ? (uint32_t)listed : most;
}

static void expire_first(struct stepping *s, struct compact *c) {
  held_unref(s->context, event_at(c, c->event_first)->held);
  c->event_first++;
  uint32_t first = c->event_first == c->event_end ? c->node_end : event_at(c, c->event_first)->first_node;
  nodes_count(s, c->node_first - first);
  c->node_first = first;
}

static void expire_events(struct stepping *s, struct compact *c, int64_t now) {
  uint32_t most = events_max(s); /* 0 = no limit: nothing is above that, less one */
  while (c->event_first != c->event_end && event_at(c, c->event_first)->held->time < now - s->p->within_us)
    expire_first(s, c);
  while (c->event_first != c->event_end &&
         (c->event_end - c->event_first > most - 1 || c->node_end - c->node_first > NODES_MAX)) {
    expire_first(s, c);
    s->counts->dropped_events_max++;
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < c->active_count; i++) {
    list_trim(c, &c->active[i]);
    if (c->active[i].count > 0)
      c->active[kept++] = c->active[i];
    else
      active_free(s, &c->active[i]);
  }
  c->active_count = kept;
}

static void summarise(struct stepping *s, struct nfa_state **slot) {
  struct nfa_state *state = *slot;
  struct compact *c = state->compact;
  s->counts->open += c->active_count;
  s->counts->open -= state->head.run_count;
  state->head.run_count = c->active_count;
  if (c->active_count == 0) {
    while (c->event_first != c->event_end) expire_first(s, c);
    struct active *both = c->active < c->next_active ? c->active : c->next_active;
    if (c->active_capacity > 0) pool_free(s->context->pool, both, 2 * c->active_capacity * sizeof *both);
    if (c->event_capacity > 0) pool_free(s->context->pool, c->events, c->event_capacity * sizeof *c->events);
    if (c->node_capacity > 0) pool_free(s->context->pool, c->nodes, c->node_capacity * sizeof *c->nodes);
    pool_free(s->context->pool, c, sizeof *c);
    pool_free(s->context->pool, state, sizeof *state);
    *slot = NULL;
    return;
  }
  state->head.deadline = event_at(c, c->event_end - 1)->held->time + s->p->within_us;
  state->head.wait_mask = 0;
  for (uint32_t i = 0; i < c->active_count; i++)
    state->head.wait_mask |= s->p->nodes[c->automaton->states[c->active[i].state]->node].wait_mask;
}

static void state_new(struct stepping *s, struct nfa_state **slot) {
  struct nfa_state *state = pool_alloc(s->context->pool, sizeof *state);
  memset(state, 0, sizeof *state);
  state->head.kind = NFA_KIND_COMPACT;
  state->compact = pool_alloc(s->context->pool, sizeof *state->compact);
  memset(state->compact, 0, sizeof *state->compact);
  state->compact->automaton = automaton_of(s->context, s->p);
  *slot = state;
}

void compact_event(struct stepping *s, struct nfa_state **slot) {
  const struct pattern *p = s->p;
  int type_index = program_type_index(p, s->event->type);
  check(type_index >= 0);
  bool starts = node_interested(s, 0, type_index), interested = starts;
  if (*slot != NULL) {
    struct compact *c = (*slot)->compact;
    for (uint32_t i = 0; i < c->active_count && !interested; i++)
      interested = node_interested(s, c->automaton->states[c->active[i].state]->node, type_index);
  }
  if (!interested) return;
  if (*slot == NULL) state_new(s, slot);
  struct compact *c = (*slot)->compact;
  expire_events(s, c, s->event->time);
  struct roots roots = {arena_alloc(s->context->scratch, (c->active_count + 1) * p->step_count * sizeof(uint32_t)), 0};
  c->next_count = 0;
  if (starts) begin(s, c, &roots);
  uint32_t count = c->active_count;
  for (uint32_t i = 0; i < count; i++) {
    struct active from = c->active[i]; /* a copy: the arrays may grow */
    transit(s, c, &from, &roots);
  }
  struct active *before = c->active;
  c->active = c->next_active;
  c->next_active = before;
  c->active_count = c->next_count;
  compact_tell_roots(s, c, &roots);
  summarise(s, slot);
}

void compact_time(struct stepping *s, struct nfa_state **slot, int64_t time) {
  struct compact *c = (*slot)->compact;
  expire_events(s, c, time == INT64_MAX ? time : time + 1);
  summarise(s, slot);
}

size_t compact_bytes(const struct compact *c) {
  return sizeof *c + c->event_capacity * sizeof *c->events + c->node_capacity * sizeof *c->nodes +
         c->active_capacity * 2 * sizeof *c->active;
}

void compact_drop(struct stepping *s, struct nfa_state **slot) {
  struct compact *c = (*slot)->compact;
  for (uint32_t i = 0; i < c->active_count; i++) active_free(s, &c->active[i]);
  c->active_count = 0;
  summarise(s, slot);
}
