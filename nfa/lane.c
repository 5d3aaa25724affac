/* lane.c - sequences of single steps as one array of events in their order, most of which began a run; a run that is
 * alone and has only begun, as most are where there are many keys, as a seed: one cache line. Called by runs.c. */
#include "nfa/lane.h"

#include "base/check.h"

/* Runs at node n stand in the entries [end of node n + 1, or first; end of node n). */
struct lane_node {
  uint32_t end, count; /* count: runs */
};

/* One block: this, a lane_node for each node from 1 on, then a ring of entries, of which [first, end) are in use:
 * numbers from `capacity` on stand at the beginning again; first < capacity, end <= first + capacity. With three steps
 * the head is one cache line. */
struct lanes {
  struct nfa_head head; /* run_count = runs in all; deadline: when the latest run has passed `within` */
  uint8_t step_count;
  bool boxes;      /* some entry's values have bytes of their own in the pool */
  uint16_t stride; /* bytes of an entry, in units of 8 */
  uint32_t first, end, capacity;
  int64_t first_time; /* start of the earliest run, which stands in the entry `first` */
  struct lane_node nodes[];
};

/* A taken event: the start of a run, or one that only others have taken, or a run that has ended (both not live).
 * Behind `taken`: a byte that says whether it is live and of which type, then a tag for each value that is kept
 * (schema.kept_slots order). At the entry's end, backwards: the values' payloads. Three steps and one value: 48 bytes.
 */
struct lane_entry {
  int64_t time;
  uint64_t sequence;
  struct position position;
  uint32_t taken[]; /* of a live run: how many entries further the events stand that steps 1, 2, … have taken */
};
enum { MARK_LIVE = 1 }; /* and twice the type's index in the pattern */

/* A payload is the value's number; its tag is the kind, or TAG_DECIMAL + scale. What has bytes of its own is in a box:
 * the payload is the place of the value in the pool, with its bytes behind it. */
enum { TAG_DECIMAL = 64, TAG_BOX = 255 };
union payload {
  int64_t i;
  struct value *box;
};

/* A run alone that has taken its first event, of which at most two values are kept. Its start is the deadline less
 * `within`; own: the event's mark (without MARK_LIVE), the values' tags. */
enum { SEED_VALUES_MAX = 2 };
struct lane_seed {
  struct nfa_head head;
  uint64_t sequence;
  struct position position;
  union payload payloads[SEED_VALUES_MAX]; /* backwards, as in an entry */
};
_Static_assert(sizeof(struct lane_seed) == POOL_LINE && sizeof((struct nfa_head){0}.own) == 1 + SEED_VALUES_MAX,
               "a seed is one cache line");

static size_t head_bytes(uint32_t steps) { return sizeof(struct lanes) + (steps - 1) * sizeof(struct lane_node); }
static size_t mark_offset(uint32_t steps) {
  return offsetof(struct lane_entry, taken) + (steps - 2) * sizeof(uint32_t);
}
static size_t block_bytes(const struct lanes *lanes) {
  return head_bytes(lanes->step_count) + (size_t)lanes->capacity * lanes->stride * 8u;
}

static struct lane_entry *entry_at(const struct lanes *lanes, uint32_t index) {
  size_t place = index < lanes->capacity ? index : index - lanes->capacity;
  return (struct lane_entry *)((char *)(uintptr_t)lanes + head_bytes(lanes->step_count) + place * lanes->stride * 8u);
}
static uint8_t *entry_mark(const struct lanes *lanes, const struct lane_entry *entry) { /* the tags are behind it */
  return (uint8_t *)(uintptr_t)entry + mark_offset(lanes->step_count);
}
static union payload *payloads_end(const struct lanes *lanes, const struct lane_entry *entry) {
  return (union payload *)(void *)((char *)(uintptr_t)entry + lanes->stride * 8u);
}
static union payload *seed_end(struct lane_seed *seed) { return seed->payloads + SEED_VALUES_MAX; }
static bool is_seed(const struct nfa_state *state) { return state->head.kind == NFA_KIND_SEED; }
static bool is_live(const struct lanes *lanes, const struct lane_entry *entry) {
  return *entry_mark(lanes, entry) & MARK_LIVE;
}
static const struct schema *entry_schema(const struct stepping *s, const struct lanes *lanes,
                                         const struct lane_entry *entry) {
  return &s->context->schemas[s->p->types[*entry_mark(lanes, entry) >> 1]];
}
static struct lane_node *node_of(struct lanes *lanes, uint32_t node) { return &lanes->nodes[node - 1]; }

/* The first entry of the node's part. */
static uint32_t begin_of(const struct lanes *lanes, uint32_t node) {
  if (node + 1u == lanes->step_count || lanes->nodes[node].end < lanes->first) return lanes->first;
  return lanes->nodes[node].end;
}

bool lane_possible(const struct pattern *p) {
  if (p->step_count < 2 || p->step_count > LANE_STEPS_MAX || p->counter_count > 0 || p->register_count > 0)
    return false;
  if (p->forking || p->trailing || p->by_start || !p->pure || p->within_us < 0 || p->starts_before) return false;
  if (p->type_count > UINT8_MAX / 2) return false;
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

struct lane_step *lane_steps(const struct pattern *p, struct arena *arena) {
  struct lane_step *steps = arena_array(arena, struct lane_step, p->step_count);
  for (int n = 0; n < p->step_count; n++) {
    const struct way *way = &p->ways[p->nodes[n].ways.first];
    steps[n] = (struct lane_step){.wait_mask = p->nodes[n].wait_mask,
                                  .predicate = p->steps[n].condition.predicate,
                                  .type = p->steps[n].type,
                                  .plain = !way->next && way->among.count == 0 && way->absences.count == 0};
  }
  return steps;
}

/* ---- entries ---- */

/* What the context counts as held (nfa.h): a lane keeps its events itself. */
enum { UNIT_BYTES = 64 };
static void held_count(struct stepping *s, size_t bytes, bool more) {
  uint64_t units = (bytes + UNIT_BYTES - 1) / UNIT_BYTES;
  s->context->held_units += more ? units : -units;
  s->counts->links += more ? units : -units;
}

static void block_free(struct stepping *s, struct lanes *lanes) {
  held_count(s, block_bytes(lanes), false);
  pool_free(s->context->pool, lanes, block_bytes(lanes));
}

static uint8_t tag_of(const struct value *v) {
  switch ((enum value_kind)v->kind) {
  case VALUE_DECIMAL: return (uint8_t)(TAG_DECIMAL + v->scale);
  case VALUE_IP: return v->length == 4 ? VALUE_IP : TAG_BOX;
  case VALUE_STRING:
  case VALUE_LIST:
  case VALUE_NETWORK: return TAG_BOX;
  default: return v->kind;
  }
}

/* An unboxed value again. */
static struct value value_of(uint8_t tag, union payload payload) {
  struct value v = {.i = payload.i, .kind = tag};
  if (tag >= TAG_DECIMAL) {
    v.kind = VALUE_DECIMAL;
    v.scale = (uint8_t)(tag - TAG_DECIMAL);
  }
  if (tag == VALUE_IP) v.length = 4;
  return v;
}

static size_t box_bytes(const struct value *v) { return sizeof *v + value_extra_bytes(*v); }

/* All boxes of an event are one block, which begins with the first. `end`: of its payloads. */
static void boxes_release(struct stepping *s, uint16_t count, const uint8_t *tags, const union payload *end) {
  struct value *block = NULL;
  size_t bytes = 0;
  for (uint16_t k = 0; k < count; k++) {
    if (tags[k] != TAG_BOX) continue;
    struct value *box = end[-1 - k].box;
    if (block == NULL) block = box;
    bytes += box_bytes(box);
  }
  if (block == NULL) return;
  held_count(s, bytes, false);
  pool_free(s->context->pool, block, bytes);
}

/* The entries [from, to) leave. */
static void entries_release(struct stepping *s, struct lanes *lanes, uint32_t from, uint32_t to) {
  if (!lanes->boxes) return;
  for (uint32_t i = from; i < to; i++) {
    const struct lane_entry *entry = entry_at(lanes, i);
    boxes_release(s, entry_schema(s, lanes, entry)->kept_count, entry_mark(lanes, entry) + 1,
                  payloads_end(lanes, entry));
  }
}

static __attribute__((noinline)) void boxes_fill(struct stepping *s, const uint8_t *tags, union payload *end) {
  const struct event *event = s->event;
  const struct schema *schema = &s->context->schemas[event->type];
  size_t bytes = 0;
  for (uint16_t k = 0; k < schema->kept_count; k++)
    if (tags[k] == TAG_BOX) bytes += box_bytes(&event->values[schema->kept_slots[k]]);
  char *next = pool_alloc(s->context->pool, bytes);
  for (uint16_t k = 0; k < schema->kept_count; k++) {
    if (tags[k] != TAG_BOX) continue;
    struct value *box = (struct value *)(void *)next;
    next += sizeof *box;
    *box = value_copy_to(&next, event->values[schema->kept_slots[k]]);
    end[-1 - k].box = box;
  }
  held_count(s, bytes, true);
}

/* What is kept of the event in hand. True: some of it is in boxes. */
static inline bool kept_fill(struct stepping *s, uint8_t *tags, union payload *end) {
  const struct event *event = s->event;
  const struct schema *schema = &s->context->schemas[event->type];
  bool boxes = false;
  for (uint16_t k = 0; k < schema->kept_count; k++) {
    const struct value *v = &event->values[schema->kept_slots[k]];
    uint8_t tag = tag_of(v);
    tags[k] = tag;
    end[-1 - k].i = v->i;
    boxes |= tag == TAG_BOX;
  }
  if (boxes) boxes_fill(s, tags, end);
  return boxes;
}

static uint8_t event_mark(const struct stepping *s) { return (uint8_t)(program_type_index(s->p, s->event->type) << 1); }

static void entry_fill(struct stepping *s, struct lanes *lanes, struct lane_entry *entry) {
  const struct event *event = s->event;
  entry->time = event->time;
  entry->sequence = event->sequence;
  entry->position = event->position;
  uint8_t *mark = entry_mark(lanes, entry);
  *mark = event_mark(s);
  lanes->boxes |= kept_fill(s, mark + 1, payloads_end(lanes, entry));
}

/* How many entries fit behind the head into a block of the pool. */
static uint32_t capacity_for(size_t head, size_t stride, uint32_t at_least) {
  size_t bytes = head + at_least * stride;
  if (bytes <= POOL_BLOCK_MAX) bytes = pool_class_bytes(pool_class(bytes));
  return (uint32_t)((bytes - head) / stride);
}

static struct lanes *lanes_new(struct stepping *s, uint32_t at_least) {
  const struct pattern *p = s->p;
  size_t kept = 0;
  for (uint32_t i = 0; i + 1u < p->step_count; i++) {
    size_t count = s->context->schemas[p->steps[i].type].kept_count;
    if (count > kept) kept = count;
  }
  size_t head = head_bytes(p->step_count), tags = (mark_offset(p->step_count) + 1 + kept + 7u) & ~(size_t)7u;
  size_t stride = tags + kept * sizeof(union payload);
  check(stride / 8 <= UINT16_MAX);
  uint32_t capacity = capacity_for(head, stride, at_least);
  struct lanes *lanes = pool_alloc(s->context->pool, head + capacity * stride);
  memset(lanes, 0, head);
  lanes->head.kind = NFA_KIND_LANES;
  lanes->step_count = (uint8_t)p->step_count;
  lanes->stride = (uint16_t)(stride / 8);
  lanes->capacity = capacity;
  held_count(s, block_bytes(lanes), true);
  return lanes;
}

/* places[i]: where the entry first + i goes when those that no run needs are left out; places[count]: how many stay. */
static uint32_t *find_places(struct stepping *s, const struct lanes *lanes) {
  uint32_t count = lanes->end - lanes->first, kept = 0;
  uint32_t *places = arena_alloc(s->context->scratch, (count + 1u) * sizeof *places);
  memset(places, 0, (count + 1u) * sizeof *places);
  for (uint32_t n = lanes->step_count - 1u; n > 0; n--)
    for (uint32_t i = begin_of(lanes, n); i < lanes->nodes[n - 1].end; i++) {
      const struct lane_entry *entry = entry_at(lanes, i);
      if (!is_live(lanes, entry)) continue;
      places[i - lanes->first] = 1;
      for (uint32_t t = 0; t + 1 < n; t++) places[i - lanes->first + entry->taken[t]] = 1;
    }
  for (uint32_t i = 0; i <= count; i++) {
    uint32_t needed = places[i];
    places[i] = kept;
    kept += needed;
  }
  return places;
}

/* Only what has a place goes over. */
static void move_some(struct stepping *s, struct lanes *lanes, struct lanes *to, const uint32_t *places) {
  uint32_t first = lanes->first, count = lanes->end - first;
  for (uint32_t n = lanes->step_count - 1u; n > 0; n--) {
    uint32_t end = lanes->nodes[n - 1].end;
    for (uint32_t i = begin_of(lanes, n); i < end; i++) {
      struct lane_entry *entry = entry_at(lanes, i);
      uint32_t at = i - first;
      for (uint32_t t = 0; t + 1 < n && is_live(lanes, entry); t++)
        entry->taken[t] = places[at + entry->taken[t]] - places[at];
    }
    to->nodes[n - 1].end = end <= first ? 0 : places[end - first];
  }
  for (uint32_t i = 0; i < count; i++) {
    if (places[i + 1] == places[i])
      entries_release(s, lanes, first + i, first + i + 1);
    else
      memcpy(entry_at(to, places[i]), entry_at(lanes, first + i), lanes->stride * 8u);
  }
  to->first = 0;
  to->end = places[count];
}

static void move_all(const struct lanes *lanes, struct lanes *to) {
  uint32_t first = lanes->first, count = lanes->end - first, straight = lanes->capacity - first;
  if (straight > count) straight = count;
  size_t stride = lanes->stride * 8u;
  memcpy(entry_at(to, 0), entry_at(lanes, first), straight * stride);
  memcpy(entry_at(to, straight), entry_at(lanes, first + straight), (count - straight) * stride);
  for (uint32_t n = 1; n < lanes->step_count; n++) {
    uint32_t end = lanes->nodes[n - 1].end;
    to->nodes[n - 1].end = end <= first ? 0 : end - first;
  }
  to->first = 0;
  to->end = count;
}

/* The ring is full: another block. Where most entries are nobody's, they make room, else the block is larger. */
static struct lanes *grow(struct stepping *s, struct lanes *lanes) {
  size_t head = head_bytes(lanes->step_count), stride = lanes->stride * 8u;
  uint32_t count = lanes->end - lanes->first, capacity = lanes->capacity, *places = NULL;
  if (count - lanes->head.run_count > count / 2) places = find_places(s, lanes);
  if (places != NULL && places[count] > count - count / 4) places = NULL;
  if (places == NULL) capacity = capacity_for(head, stride, capacity * 2);
  struct lanes *other = pool_alloc(s->context->pool, head + capacity * stride);
  memcpy(other, lanes, head);
  other->capacity = capacity;
  held_count(s, block_bytes(other), true);
  if (places == NULL)
    move_all(lanes, other);
  else
    move_some(s, lanes, other, places);
  block_free(s, lanes);
  return other;
}

/* The event in hand, as the last entry; not live yet. */
static uint32_t append(struct stepping *s, struct nfa_state **slot) {
  struct lanes *lanes = (struct lanes *)*slot;
  if (lanes == NULL)
    lanes = lanes_new(s, 1);
  else if (lanes->end - lanes->first == lanes->capacity)
    lanes = grow(s, lanes);
  *slot = (struct nfa_state *)lanes;
  entry_fill(s, lanes, entry_at(lanes, lanes->end));
  return lanes->end++;
}

/* ---- the ends of runs ---- */

/* Numbers begin anew when the first entry's stands at the beginning of the ring. */
static void wrap(struct lanes *lanes) {
  lanes->first -= lanes->capacity;
  lanes->end -= lanes->capacity;
  for (uint32_t n = 1; n < lanes->step_count; n++) {
    uint32_t *end = &lanes->nodes[n - 1].end;
    *end = *end < lanes->capacity ? 0 : *end - lanes->capacity;
  }
}

/* The entry `first` has to be a run's. */
static void find_first(struct stepping *s, struct lanes *lanes) {
  uint32_t first = lanes->first;
  if (lanes->head.run_count == 0) {
    first = lanes->end;
  } else {
    while (!is_live(lanes, entry_at(lanes, first))) first++; /* ends: there is a run */
    lanes->first_time = entry_at(lanes, first)->time;
  }
  entries_release(s, lanes, lanes->first, first);
  lanes->first = first;
  if (first >= lanes->capacity) wrap(lanes);
}

/* The node's runs end; what stood in its part belongs to the next one's. */
static void node_end(struct stepping *s, struct lanes *lanes, uint32_t node) {
  struct lane_node *here = node_of(lanes, node);
  for (uint32_t i = begin_of(lanes, node); i < here->end; i++)
    *entry_mark(lanes, entry_at(lanes, i)) &= (uint8_t)~MARK_LIVE;
  if (node + 1u < lanes->step_count) node_of(lanes, node + 1)->end = here->end;
  lanes->head.run_count -= here->count;
  s->counts->open -= here->count;
  here->count = 0;
  find_first(s, lanes);
}

/* The earliest run, wherever it stands. */
static void pop_first(struct stepping *s, struct lanes *lanes) {
  uint32_t node = lanes->step_count - 1u;
  while (node_of(lanes, node)->end <= lanes->first) node--;
  node_of(lanes, node)->count--;
  lanes->head.run_count--;
  s->counts->open--;
  entries_release(s, lanes, lanes->first, lanes->first + 1);
  lanes->first++;
  find_first(s, lanes);
}

static void pop_all(struct stepping *s, struct lanes *lanes) {
  for (uint32_t n = 1; n < lanes->step_count; n++) node_of(lanes, n)->count = 0;
  s->counts->open -= lanes->head.run_count;
  lanes->head.run_count = 0;
  find_first(s, lanes);
}

/* ---- seeds ---- */

static void seed_free(struct stepping *s, struct nfa_state **slot) {
  held_count(s, sizeof(struct lane_seed), false);
  pool_free(s->context->pool, *slot, sizeof(struct lane_seed));
  *slot = NULL;
}

/* The run ends. */
static void seed_end_run(struct stepping *s, struct nfa_state **slot) {
  struct lane_seed *seed = (struct lane_seed *)*slot;
  const struct schema *schema = &s->context->schemas[s->p->types[seed->head.own[0] >> 1]];
  boxes_release(s, schema->kept_count, seed->head.own + 1, seed_end(seed));
  s->counts->open--;
  seed_free(s, slot);
}

/* The event in hand begins a run where there is none. */
static void seed_begin(struct stepping *s, struct nfa_state **slot) {
  struct lane_seed *seed = pool_alloc(s->context->pool, sizeof *seed);
  seed->head = (struct nfa_head){.deadline = s->event->time + s->p->within_us,
                                 .wait_mask = s->p->lane_steps[1].wait_mask,
                                 .run_count = 1,
                                 .kind = NFA_KIND_SEED,
                                 .own = {event_mark(s)}};
  seed->sequence = s->event->sequence;
  seed->position = s->event->position;
  kept_fill(s, seed->head.own + 1, seed_end(seed));
  held_count(s, sizeof *seed, true);
  *slot = (struct nfa_state *)seed;
  s->counts->open++;
  s->counts->started++;
}

/* Something happens to the run, or it gets company. */
static void seed_unpack(struct stepping *s, struct nfa_state **slot) {
  enum { ENTRIES_FIRST = 2 };
  struct lane_seed *seed = (struct lane_seed *)*slot;
  struct lanes *lanes = lanes_new(s, ENTRIES_FIRST);
  struct lane_entry *entry = entry_at(lanes, 0);
  uint8_t *mark = entry_mark(lanes, entry);
  uint16_t count = s->context->schemas[s->p->types[seed->head.own[0] >> 1]].kept_count;
  entry->time = lanes->first_time = seed->head.deadline - s->p->within_us;
  entry->sequence = seed->sequence;
  entry->position = seed->position;
  *mark = (uint8_t)(seed->head.own[0] | MARK_LIVE);
  for (uint16_t k = 0; k < count; k++) {
    mark[1 + k] = seed->head.own[1 + k];
    payloads_end(lanes, entry)[-1 - k] = seed_end(seed)[-1 - k];
    lanes->boxes |= mark[1 + k] == TAG_BOX;
  }
  lanes->head.deadline = seed->head.deadline;
  lanes->head.run_count = 1;
  lanes->end = 1;
  lanes->nodes[0] = (struct lane_node){.end = 1, .count = 1};
  seed_free(s, slot);
  *slot = (struct nfa_state *)lanes;
}

/* ---- what an event does ---- */

static bool any_pure(const struct stepping *s, struct range range) {
  for (int i = range.first; i < range.first + range.count; i++) {
    const struct typed_condition *c = &s->p->conditions[i];
    if (c->type == s->event->type && truth_holds(s->context->truth, c->condition.predicate)) return true;
  }
  return false;
}

/* Whether the step after the node takes the event, as far as its own condition goes. */
static inline bool step_takes(const struct stepping *s, const struct lane_step *step) {
  return step->type == s->event->type && truth_holds(s->context->truth, step->predicate);
}

/* The node's only way is barred by the event that it has not taken, or by one that its `among` has not. */
static bool is_barred(const struct stepping *s, uint32_t node) {
  const struct way *way = &s->p->ways[s->p->nodes[node].ways.first];
  return (way->next && (way->among.count == 0 || any_pure(s, way->among))) || any_pure(s, way->absences);
}

static bool is_among(const struct stepping *s, uint32_t node) {
  const struct way *way = &s->p->ways[s->p->nodes[node].ways.first];
  return way->among.count == 0 || any_pure(s, way->among);
}

static struct held *held_new(struct stepping *s, uint16_t type) {
  uint16_t count = s->context->schemas[type].kept_count;
  struct held *held = arena_alloc(s->context->scratch, sizeof *held + count * sizeof(struct value));
  *held = (struct held){.references = 1, .type = type, .value_count = count};
  return held;
}

/* An entry as matches tell it. The array may change before it is told, so nothing points there. */
static struct held *held_of_entry(struct stepping *s, const struct lanes *lanes, uint32_t index) {
  const struct lane_entry *entry = entry_at(lanes, index);
  const uint8_t *tags = entry_mark(lanes, entry) + 1;
  struct held *held = held_new(s, entry_schema(s, lanes, entry)->id);
  held->position = entry->position;
  held->time = entry->time;
  held->sequence = entry->sequence;
  for (uint16_t k = 0; k < held->value_count; k++) {
    union payload payload = payloads_end(lanes, entry)[-1 - k];
    held->values[k] = tags[k] == TAG_BOX ? value_copy(s->context->scratch, *payload.box) : value_of(tags[k], payload);
  }
  return held;
}

static struct held *held_of_event(struct stepping *s) {
  const struct event *event = s->event;
  const struct schema *schema = &s->context->schemas[event->type];
  struct held *held = held_new(s, event->type);
  held->position = event->position;
  held->time = event->time;
  held->sequence = event->sequence;
  for (uint16_t i = 0; i < held->value_count; i++) held->values[i] = event->values[schema->kept_slots[i]];
  return held;
}

/* The matches that the event completes, as far as they can be told: the first alone, or one more than the limit. Their
 * runs leave. Returns how many there were. */
static uint32_t complete(struct stepping *s, struct lanes *lanes) {
  uint32_t steps = lanes->step_count, count = node_of(lanes, steps - 1)->count, wanted = 1;
  if (s->p->report == PATTERN_REPORT_ALL)
    wanted = s->p->report_limit < count ? (uint32_t)s->p->report_limit + 1 : count;
  struct held *last = held_of_event(s);
  for (uint32_t i = lanes->first; wanted > 0; i++) {
    const struct lane_entry *run = entry_at(lanes, i);
    if (!is_live(lanes, run)) continue;
    struct link *links = arena_alloc(s->context->scratch, steps * sizeof *links);
    const struct link **chain = arena_alloc(s->context->scratch, steps * sizeof *chain);
    for (uint32_t k = 0; k < steps; k++) {
      struct held *held = k + 1 == steps ? last : held_of_entry(s, lanes, k == 0 ? i : i + run->taken[k - 1]);
      links[k] = (struct link){.event = held, .references = 1, .step = (uint16_t)k};
      chain[k] = &links[k];
    }
    completion_add_chain(s, chain, steps);
    wanted--;
  }
  node_end(s, lanes, steps - 1);
  return count;
}

/* What runs at the node do with the event. Returns how many were completed. `own`: the event's entry, once it has one.
 */
static uint32_t node_event(struct stepping *s, struct nfa_state **slot, uint32_t node, uint32_t *own) {
  struct lanes *lanes = (struct lanes *)*slot;
  const struct lane_step *step = &s->p->lane_steps[node];
  if (!step_takes(s, step) || (!step->plain && !is_among(s, node))) {
    if (!step->plain && is_barred(s, node)) node_end(s, lanes, node);
    return 0;
  }
  if (node + 1 == lanes->step_count) return complete(s, lanes);
  if (*own == UINT32_MAX) {
    *own = append(s, slot);
    lanes = (struct lanes *)*slot;
  }
  struct lane_node *here = node_of(lanes, node), *next = here + 1;
  uint32_t begin = begin_of(lanes, node);
  next->end = here->end;
  next->count += here->count;
  here->count = 0;
  for (uint32_t i = begin; i < next->end; i++) entry_at(lanes, i)->taken[node - 1] = *own - i;
  return 0;
}

static void begin(struct stepping *s, struct nfa_state **slot, uint32_t own) {
  struct lanes *lanes = (struct lanes *)*slot;
  if (lanes != NULL && lanes->head.run_count >= s->context->runs_max) {
    s->counts->dropped_runs_max++;
    return;
  }
  if (own == UINT32_MAX) {
    own = append(s, slot);
    lanes = (struct lanes *)*slot;
  }
  *entry_mark(lanes, entry_at(lanes, own)) |= MARK_LIVE;
  struct lane_node *node = node_of(lanes, 1);
  node->end = own + 1;
  node->count++;
  if (lanes->head.run_count++ == 0) {
    lanes->first = own;
    lanes->first_time = s->event->time;
  }
  lanes->head.deadline = s->event->time + s->p->within_us; /* nothing is told then: one timer cleans up after all */
  s->counts->open++;
  s->counts->started++;
}

static void summarise(struct stepping *s, struct nfa_state **slot) {
  struct lanes *lanes = (struct lanes *)*slot;
  if (lanes->head.run_count == 0) {
    entries_release(s, lanes, lanes->first, lanes->end);
    block_free(s, lanes);
    *slot = NULL;
    return;
  }
  uint64_t mask = 0;
  for (uint32_t n = 1; n < lanes->step_count; n++)
    if (node_of(lanes, n)->count > 0) mask |= s->p->lane_steps[n].wait_mask;
  lanes->head.wait_mask = mask;
}

static void pop_until_time(struct stepping *s, struct lanes *lanes, int64_t start) { /* runs that began before it */
  while (lanes->head.run_count > 0 && lanes->first_time < start) pop_first(s, lanes);
}

void lane_event(struct stepping *s, struct nfa_state **slot) {
  uint32_t completed = 0, own = UINT32_MAX;
  bool begins = step_takes(s, &s->p->lane_steps[0]);
  if (*slot != NULL && is_seed(*slot)) {
    if ((*slot)->head.deadline < s->event->time)
      seed_end_run(s, slot);
    else
      seed_unpack(s, slot);
  }
  if (*slot == NULL && begins && s->context->schemas[s->event->type].kept_count <= SEED_VALUES_MAX) {
    seed_begin(s, slot);
    return;
  }
  if (*slot != NULL) {
    pop_until_time(s, (struct lanes *)*slot, s->event->time - s->p->within_us);
    for (uint32_t n = s->p->step_count - 1u; n > 0; n--)
      if (node_of((struct lanes *)*slot, n)->count > 0) completed += node_event(s, slot, n, &own);
  }
  if (begins) begin(s, slot, own);
  if (*slot == NULL) return;
  if (completed > 0) {
    s->counts->completed += completed - s->completion_count;
    s->state = *slot;
    completions_tell(s, s->event->time, false);
  }
  summarise(s, slot);
}

void lane_drop_until(struct stepping *s, uint64_t sequence) {
  struct lanes *lanes = (struct lanes *)s->state;
  if (lanes->head.run_count == 0) return;
  if (entry_at(lanes, lanes->end - 1)->sequence <= sequence) {
    pop_all(s, lanes);
    return;
  }
  while (lanes->head.run_count > 0 && entry_at(lanes, lanes->first)->sequence <= sequence) pop_first(s, lanes);
}

void lane_time(struct stepping *s, struct nfa_state **slot, int64_t time) {
  if (is_seed(*slot)) {
    if ((*slot)->head.deadline <= time) seed_end_run(s, slot);
    return;
  }
  pop_until_time(s, (struct lanes *)*slot, time - s->p->within_us + 1);
  summarise(s, slot);
}

void lane_drop(struct stepping *s, struct nfa_state **slot) {
  if (is_seed(*slot)) {
    seed_end_run(s, slot);
    return;
  }
  pop_all(s, (struct lanes *)*slot);
  summarise(s, slot);
}

size_t lane_bytes(const struct nfa_state *state) {
  return is_seed(state) ? sizeof(struct lane_seed) : block_bytes((const struct lanes *)state);
}

static inline void ask_for(const void *from, size_t bytes) {
  uintptr_t line = (uintptr_t)from & ~(uintptr_t)(POOL_LINE - 1), end = (uintptr_t)from + bytes;
  for (; line < end; line += POOL_LINE) __builtin_prefetch((const void *)line, 1);
}

void lane_prefetch(const struct nfa_state *state) { /* where the event goes, and what is earliest when one has left */
  if (is_seed(state)) return;
  const struct lanes *lanes = (const struct lanes *)state;
  size_t stride = lanes->stride * 8u;
  if (lanes->end - lanes->first == lanes->capacity) { /* full: all will move */
    ask_for(entry_at(lanes, lanes->first), (lanes->capacity - lanes->first) * stride);
  } else { /* of the last entry, what it has taken */
    const char *taken = (const char *)entry_at(lanes, lanes->end - 1) + offsetof(struct lane_entry, taken);
    ask_for(taken, 2 * stride - offsetof(struct lane_entry, taken));
  }
  if (lanes->head.run_count > 1) ask_for(entry_at(lanes, lanes->first + 1), mark_offset(lanes->step_count) + 1);
}
