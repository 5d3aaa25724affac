/* compact.c - the compact set: partial matches as a graph of extend and union nodes, one union list for each active
 * state of the automaton, in decreasing order of the latest start. See compact.h for the source.
 *
 * Owns one state per (rule, key): a ring of held events, a ring of nodes, the active lists. Nothing is counted: every
 * node's latest start is no later than the event at which it was made, so what was made before now - within is dead
 * and leaves from the front of the ring. Numbers of events and nodes are 32 bits and wrap; only their distance to the
 * front counts. */
#include "nfa/compact.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/sort.h"

enum {
  CUT_EXACT_MAX = 1024,
  CUT_ENTRIES_MAX = 1 << 16,
  EVENTS_MIN = 64,
  NODES_MAX = LIMIT_GRAPH_NODES,
  LIST_FIRST = 4,
  RING_FIRST = 8
};

struct ring_event {
  struct held *held;
  uint32_t first_node;
}; /* nodes made since it begin here */

/* Extend: `left` is what it extends (COMPACT_NONE: it is the start), `right` the event's number. Union: two nodes, the
 * left one with the later start. */
struct graph_node {
  uint32_t left, right;
  uint32_t latest, earliest; /* starts below it, as event numbers; `earliest` may have expired: see earliest_start() */
  uint32_t mark;
  uint16_t step, rank; /* step WAY_END: a union */
};

struct listed {
  uint32_t node, latest;
};
struct active {
  uint32_t state, count, capacity;
  struct listed *list;
};

struct compact {
  struct automaton *automaton;
  struct ring_event *events;
  struct graph_node *nodes;
  uint32_t event_first, event_end, event_capacity;
  uint32_t node_first, node_end, node_capacity;
  struct active *active, *next_active;
  uint32_t active_count, next_count, active_capacity;
  uint32_t query; /* for marks */
};

static struct ring_event *event_at(const struct compact *c, uint32_t number) {
  return &c->events[number & (c->event_capacity - 1)];
}
static struct graph_node *node_at(const struct compact *c, uint32_t number) {
  return &c->nodes[number & (c->node_capacity - 1)];
}
static bool start_lives(const struct compact *c, uint32_t event) {
  return event - c->event_first < c->event_end - c->event_first;
}
static bool node_lives(const struct compact *c, uint32_t node) {
  return node != COMPACT_NONE && node - c->node_first < c->node_end - c->node_first &&
         start_lives(c, node_at(c, node)->latest);
}
/* Age of an event number: larger = earlier. */
static uint32_t age(const struct compact *c, uint32_t event) { return c->event_end - event; }

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

struct roots {
  uint32_t *items;
  uint32_t count;
};

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

/* ---- telling ---- */

/* The earliest start below `root` that has not expired; found once for each node as starts expire. */
static uint32_t earliest_start(struct stepping *s, struct compact *c, uint32_t root) {
  if (start_lives(c, node_at(c, root)->earliest)) return node_at(c, root)->earliest;
  uint32_t capacity = 64, depth = 0;
  uint32_t *stack = arena_alloc(s->context->scratch, capacity * sizeof *stack);
  stack[depth++] = root;
  while (depth > 0) { /* each node is settled once: at most the number of nodes */
    struct graph_node *n = node_at(c, stack[depth - 1]);
    if (start_lives(c, n->earliest)) {
      depth--;
      continue;
    }
    uint32_t below[2] = {n->left, n->step == WAY_END ? n->right : COMPACT_NONE};
    uint32_t best = n->latest, waiting = 0;
    if (depth + 2 > capacity) {
      uint32_t *bigger = arena_alloc(s->context->scratch, 2 * capacity * sizeof *stack);
      memcpy(bigger, stack, depth * sizeof *stack);
      stack = bigger;
      capacity *= 2;
    }
    for (int i = 0; i < 2; i++) {
      if (!node_lives(c, below[i])) continue;
      uint32_t e = node_at(c, below[i])->earliest;
      if (!start_lives(c, e))
        stack[depth + waiting++] = below[i];
      else if (age(c, e) > age(c, best))
        best = e;
    }
    depth += waiting;
    if (waiting == 0) n->earliest = best;
  }
  return node_at(c, root)->earliest;
}

/* Links that stand for the nodes of the matches that are being listed, each made once; in the scratch arena. */
struct listing {
  const struct link **table; /* open addressing by node number; at most half full */
  uint32_t *nodes;
  uint32_t count, capacity;
  uint64_t entries; /* of all chains */
};

static uint32_t listing_place(const struct listing *listing, uint32_t node) {
  uint32_t at = (node * UINT32_C(2654435761)) & (listing->capacity - 1);
  while (listing->table[at] != NULL && listing->nodes[at] != node) at = (at + 1) & (listing->capacity - 1);
  return at;
}

static void listing_grow(struct stepping *s, struct listing *listing) {
  struct listing old = *listing;
  listing->capacity = old.capacity == 0 ? 64 : 2 * old.capacity;
  listing->table = arena_zero(s->context->scratch, listing->capacity * sizeof *listing->table);
  listing->nodes = arena_alloc(s->context->scratch, listing->capacity * sizeof *listing->nodes);
  for (uint32_t i = 0; i < old.capacity; i++) {
    if (old.table[i] == NULL) continue;
    uint32_t at = listing_place(listing, old.nodes[i]);
    listing->table[at] = old.table[i];
    listing->nodes[at] = old.nodes[i];
  }
}

static const struct link *listing_link(struct stepping *s, const struct compact *c, struct listing *listing,
                                       uint32_t node) {
  if (2 * listing->count >= listing->capacity) listing_grow(s, listing);
  uint32_t at = listing_place(listing, node);
  if (listing->table[at] != NULL) return listing->table[at];
  const struct graph_node *n = node_at(c, node);
  struct link *link = arena_alloc(s->context->scratch, sizeof *link);
  *link = (struct link){.event = event_at(c, n->right)->held, .references = 1, .step = n->step, .rank = n->rank};
  listing->table[at] = link;
  listing->nodes[at] = node;
  listing->count++;
  return link;
}

struct path {
  uint32_t node, length;
};

static void add_path(struct stepping *s, const struct compact *c, struct listing *listing, const uint32_t *path,
                     uint32_t length) {
  const struct link **chain = arena_alloc(s->context->scratch, length * sizeof *chain);
  for (uint32_t i = 0; i < length; i++) chain[i] = listing_link(s, c, listing, path[length - 1 - i]);
  listing->entries += length;
  completion_add_chain(s, chain, length);
}

/* ---- listing where very many forks have the same events ---- */

/* Goes back from the last event to the first, all forks with the same events together: a set of nodes for each event.
 * So each match is found once, however many forks it has. */
struct sets {
  uint32_t *nodes; /* of all levels, one behind the other */
  uint32_t count, capacity;
  struct set_level {
    uint32_t first, end; /* what may come at this level, by event; the level begins at `first` */
    uint32_t group, at;  /* the set in hand: one event's */
    uint32_t *kept;      /* of the set, while a match is added: those that its fork may still go through */
    uint32_t kept_count;
  } * levels;
  uint32_t depth, level_capacity;
  uint32_t *waiting; /* of one collecting */
  uint32_t waiting_capacity;
  uint32_t *kept; /* of all levels; used again for each match */
  uint32_t kept_capacity;
};

static void *sets_room(struct stepping *s, void *old, uint32_t count, uint32_t *capacity, size_t size) {
  if (count < *capacity) return old;
  uint32_t more = *capacity == 0 ? 64 : 2 * *capacity;
  void *bigger = arena_alloc(s->context->scratch, more * size);
  if (count > 0) memcpy(bigger, old, count * size);
  *capacity = more;
  return bigger;
}

/* The nodes of events at and below `root`, down to the next event each; those marked with the query are known. */
static void sets_collect(struct stepping *s, struct compact *c, struct sets *sets, uint32_t root) {
  uint32_t depth = 0;
  for (uint32_t node = root;;) {
    struct graph_node *n = node_lives(c, node) ? node_at(c, node) : NULL;
    if (n != NULL && n->mark != c->query) {
      n->mark = c->query;
      if (n->step == WAY_END) {
        sets->waiting = sets_room(s, sets->waiting, depth, &sets->waiting_capacity, sizeof *sets->waiting);
        sets->waiting[depth++] = n->right;
        node = n->left;
        continue;
      }
      sets->nodes = sets_room(s, sets->nodes, sets->count, &sets->capacity, sizeof *sets->nodes);
      sets->nodes[sets->count++] = node;
    }
    if (depth == 0) return;
    node = sets->waiting[--depth];
  }
}

struct by_event {
  uint32_t age, node;
};
static int compare_by_event(const void *left, const void *right) {
  const struct by_event *a = left, *b = right;
  if (a->age != b->age) return a->age < b->age ? -1 : 1;
  return (a->node > b->node) - (a->node < b->node);
}

/* A level of what has been collected from `first` on, by events. */
static void sets_level(struct stepping *s, const struct compact *c, struct sets *sets, uint32_t first) {
  uint32_t count = sets->count - first;
  struct arena_mark mark = arena_mark(s->context->scratch);
  struct by_event *items = arena_alloc(s->context->scratch, (count + 1) * sizeof *items);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t node = sets->nodes[first + i];
    items[i] = (struct by_event){age(c, node_at(c, node)->right), node};
  }
  sort_items(items, count, sizeof *items, compare_by_event, s->context->scratch);
  for (uint32_t i = 0; i < count; i++) sets->nodes[first + i] = items[i].node;
  arena_release(s->context->scratch, mark);
  sets->levels = sets_room(s, sets->levels, sets->depth, &sets->level_capacity, sizeof *sets->levels);
  sets->levels[sets->depth++] = (struct set_level){.first = first, .end = sets->count, .at = first};
}

/* Whether one of `count` nodes stands right below the node. What is collected for that goes again. */
static bool reaches(struct stepping *s, struct compact *c, struct sets *sets, uint32_t node, const uint32_t *nodes,
                    uint32_t count) {
  uint32_t first = sets->count;
  bool found = false;
  c->query++;
  sets_collect(s, c, sets, node_at(c, node)->left);
  for (uint32_t i = first; i < sets->count && !found; i++)
    for (uint32_t k = 0; k < count && !found; k++) found = sets->nodes[i] == nodes[k];
  sets->count = first;
  return found;
}

/* Of nodes the ones with the least step, or rank. */
static uint32_t keep_least(const struct compact *c, uint32_t *nodes, uint32_t count, bool ranks) {
  uint32_t least = UINT32_MAX, kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t label = ranks ? node_at(c, nodes[i])->rank : node_at(c, nodes[i])->step;
    if (label > least) continue;
    if (label < least) kept = 0;
    least = label;
    nodes[kept++] = nodes[i];
  }
  return kept;
}

/* Room for what is kept of each level's set. */
static void sets_keep(struct stepping *s, struct sets *sets) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < sets->depth; i++) total += sets->levels[i].at - sets->levels[i].group;
  if (total > sets->kept_capacity) {
    sets->kept_capacity = 2 * total;
    sets->kept = arena_alloc(s->context->scratch, sets->kept_capacity * sizeof *sets->kept);
  }
  uint32_t *next = sets->kept;
  for (uint32_t i = 0; i < sets->depth; i++) {
    struct set_level *level = &sets->levels[i];
    level->kept = next;
    next += level->at - level->group;
  }
}

/* The fork that stands for the match of the sets: from the first event on the least steps, then the least ranks. */
static void add_of_sets(struct stepping *s, struct compact *c, struct sets *sets, struct listing *listing) {
  uint32_t length = sets->depth;
  struct set_level *levels = sets->levels;
  sets_keep(s, sets);
  for (int ranks = 0; ranks < 2; ranks++) {
    for (uint32_t i = length; i-- > 0;) { /* level length - 1 has the first event */
      struct set_level *level = &levels[i], *before = &levels[i + 1];
      uint32_t all = ranks ? level->kept_count : level->at - level->group, count = 0;
      for (uint32_t k = 0; k < all; k++) {
        uint32_t node = ranks ? level->kept[k] : sets->nodes[level->group + k];
        bool first = node_at(c, node)->left == COMPACT_NONE;
        if (i + 1 == length ? first : !first && reaches(s, c, sets, node, before->kept, before->kept_count))
          level->kept[count++] = node;
      }
      check(count > 0);
      level->kept_count = keep_least(c, level->kept, count, ranks != 0);
    }
    for (uint32_t i = 1; i < length && !ranks; i++) { /* what no fork with the least steps goes on to */
      struct set_level *level = &levels[i], *behind = &levels[i - 1];
      uint32_t count = 0;
      for (uint32_t k = 0; k < level->kept_count; k++) {
        bool above = false;
        for (uint32_t j = 0; j < behind->kept_count && !above; j++)
          above = reaches(s, c, sets, behind->kept[j], &level->kept[k], 1);
        if (above) level->kept[count++] = level->kept[k];
      }
      check(count > 0);
      level->kept_count = count;
    }
  }
  const struct link **chain = arena_alloc(s->context->scratch, length * sizeof *chain);
  for (uint32_t i = 0; i < length; i++) chain[i] = listing_link(s, c, listing, levels[length - 1 - i].kept[0]);
  completion_add_chain(s, chain, length);
}

/* As enumerate() without a start. */
static bool enumerate_sets(struct stepping *s, struct compact *c, const struct roots *roots) {
  uint32_t enough = (uint32_t)s->p->report_limit + 1;
  struct sets sets = {0};
  struct listing listing = {0};
  c->query++;
  for (uint32_t r = 0; r < roots->count; r++) sets_collect(s, c, &sets, roots->items[r]);
  sets_level(s, c, &sets, 0);
  while (sets.depth > 0) {
    struct set_level *level = &sets.levels[sets.depth - 1];
    if (level->at == level->end) {
      sets.count = level->first;
      sets.depth--;
      continue;
    }
    uint32_t event = node_at(c, sets.nodes[level->at])->right, end = level->at;
    bool first = false;
    while (end < level->end && node_at(c, sets.nodes[end])->right == event)
      first |= node_at(c, sets.nodes[end++])->left == COMPACT_NONE;
    level->group = level->at;
    level->at = end;
    if (first) add_of_sets(s, c, &sets, &listing);
    if (s->completion_count >= enough) return true;
    uint32_t below = sets.count, group = level->group;
    c->query++;
    for (uint32_t i = group; i < end; i++) sets_collect(s, c, &sets, node_at(c, sets.nodes[i])->left);
    if (sets.count > below) sets_level(s, c, &sets, below);
  }
  return false;
}

/* Lists the matches below the roots. With `start` COMPACT_NONE: until more than the limit are known to differ: true, if
 * so. Else all that begin there, or true if they are more than CUT_EXACT_MAX, or too long. */
static bool enumerate(struct stepping *s, struct compact *c, const struct roots *roots, uint32_t start) {
  uint32_t enough = (uint32_t)s->p->report_limit + 1;
  bool one_start = start != COMPACT_NONE;
  struct listing listing = {0};
  uint32_t path_capacity = 64, stack_capacity = 64;
  uint32_t *path = arena_alloc(s->context->scratch, path_capacity * sizeof *path);
  struct path *stack = arena_alloc(s->context->scratch, stack_capacity * sizeof *stack);
  for (uint32_t r = 0; r < roots->count; r++) {
    uint32_t depth = 0;
    if (one_start && earliest_start(s, c, roots->items[r]) != start) continue;
    stack[depth++] = (struct path){roots->items[r], 0};
    while (depth > 0) {
      uint32_t node = stack[--depth].node, length = stack[depth].length;
      while (node != COMPACT_NONE) {
        const struct graph_node *n = node_at(c, node);
        if (n->step == WAY_END) {
          uint32_t left = n->left, right = n->right;
          if (one_start && earliest_start(s, c, left) != start) { /* one of the two sides leads there */
            node = right;
            continue;
          }
          if (node_lives(c, right) && (!one_start || earliest_start(s, c, right) == start)) {
            if (depth == stack_capacity) {
              struct path *bigger = arena_alloc(s->context->scratch, 2 * stack_capacity * sizeof *stack);
              memcpy(bigger, stack, depth * sizeof *stack);
              stack = bigger;
              stack_capacity *= 2;
            }
            stack[depth++] = (struct path){right, length};
          }
          node = left;
          continue;
        }
        if (length == path_capacity) {
          uint32_t *bigger = arena_alloc(s->context->scratch, 2 * path_capacity * sizeof *path);
          memcpy(bigger, path, length * sizeof *path);
          path = bigger;
          path_capacity *= 2;
        }
        path[length++] = node;
        node = n->left;
      }
      add_path(s, c, &listing, path, length);
      if (one_start && (s->completion_count > CUT_EXACT_MAX || listing.entries > CUT_ENTRIES_MAX)) return true;
      if (one_start) continue;
      if (s->completion_count < 2 * enough) continue;
      if (completions_distinct(s) >= enough) return true;
      s->completion_count = 0; /* many forks have the same events */
      return enumerate_sets(s, c, roots);
    }
  }
  return !one_start && s->completion_count >= enough && completions_distinct(s) >= enough;
}

static int compare_numbers(const void *a, const void *b) { /* descending */
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x < y) - (x > y);
}

/* Of all matches below the root that begin with the earliest start, the one that `report first` would tell: from the
 * start on always the earliest next event, then the order of asking. Nodes come after what they extend, so going from
 * the last to the first, each passes down to what is below it the extension that goes up from there. */
static void add_leftmost(struct stepping *s, struct compact *c, uint32_t root, uint32_t start) {
  uint32_t capacity = 64, count = 0;
  uint32_t *reached = arena_alloc(s->context->scratch, capacity * sizeof *reached);
  uint32_t query = ++c->query;
  node_at(c, root)->mark = query;
  reached[count++] = root - c->node_first;
  for (uint32_t i = 0; i < count; i++) {
    const struct graph_node *n = node_at(c, reached[i] + c->node_first);
    uint32_t below[2] = {n->left, n->step == WAY_END ? n->right : COMPACT_NONE};
    for (int j = 0; j < 2; j++) {
      if (!node_lives(c, below[j]) || earliest_start(s, c, below[j]) != start) continue;
      struct graph_node *b = node_at(c, below[j]);
      if (b->mark == query) continue;
      b->mark = query;
      if (count == capacity) {
        uint32_t *bigger = arena_alloc(s->context->scratch, 2 * capacity * sizeof *reached);
        memcpy(bigger, reached, count * sizeof *reached);
        reached = bigger;
        capacity *= 2;
      }
      reached[count++] = below[j] - c->node_first;
    }
  }
  sort_items(reached, count, sizeof *reached, compare_numbers, s->context->scratch);
  uint32_t *up =
      arena_alloc(s->context->scratch, count * sizeof *up); /* beside reached: the extension above, or NONE */
  for (uint32_t i = 0; i < count; i++) up[i] = COMPACT_NONE;
  uint32_t first = COMPACT_NONE;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t number = reached[i] + c->node_first;
    const struct graph_node *n = node_at(c, number);
    bool is_union = n->step == WAY_END;
    uint32_t above = is_union ? up[i] : number;
    uint32_t below[2] = {n->left, is_union ? n->right : COMPACT_NONE};
    if (!is_union && n->left == COMPACT_NONE &&
        (first == COMPACT_NONE || n->rank < node_at(c, reached[first] + c->node_first)->rank))
      first = i;
    for (int j = 0; j < 2; j++) {
      if (!node_lives(c, below[j]) || node_at(c, below[j])->mark != query) continue;
      uint32_t key = below[j] - c->node_first, low = i + 1, high = count;
      while (low < high) { /* in descending order */
        uint32_t middle = low + (high - low) / 2;
        if (reached[middle] > key)
          low = middle + 1;
        else
          high = middle;
      }
      check(low < count && reached[low] == key);
      const struct graph_node *known = up[low] == COMPACT_NONE ? NULL : node_at(c, up[low]), *mine = node_at(c, above);
      if (known == NULL || age(c, mine->right) > age(c, known->right) ||
          (mine->right == known->right && mine->rank < known->rank))
        up[low] = above;
    }
  }
  check(first != COMPACT_NONE);
  uint32_t *path = arena_alloc(s->context->scratch, count * sizeof *path), length = 0;
  for (uint32_t i = first;;) {
    path[length++] = reached[i] + c->node_first;
    if (reached[i] + c->node_first == root) break;
    uint32_t key = up[i] - c->node_first, low = 0, high = count;
    while (low < high) {
      uint32_t middle = low + (high - low) / 2;
      if (reached[middle] > key)
        low = middle + 1;
      else
        high = middle;
    }
    i = low;
  }
  const struct link **chain = arena_alloc(s->context->scratch, length * sizeof *chain);
  struct listing listing = {0};
  for (uint32_t i = 0; i < length; i++) chain[i] = listing_link(s, c, &listing, path[i]);
  completion_add_chain(s, chain, length);
}

/* Events that a key may hold: as one match may, and so few that listing twice as many matches as may be told takes no
 * more scratch memory than there should be. */
static uint32_t events_max(const struct stepping *s) {
  uint32_t most = s->context->match_events_max;
  if (s->context->scratch_max == 0) return most;
  uint64_t listed = s->context->scratch_max / sizeof(struct link *) / (2 * ((uint64_t)s->p->report_limit + 1));
  if (listed < EVENTS_MIN) listed = EVENTS_MIN;
  return most == 0 || listed < most ? (uint32_t)listed : most;
}

static void tell_roots(struct stepping *s, struct compact *c, const struct roots *roots) {
  if (roots->count == 0) return;
  if (!enumerate(s, c, roots, COMPACT_NONE)) {
    completions_tell(s, s->event->time, false);
    return;
  }
  s->completion_count = 0;
  uint32_t start = earliest_start(s, c, roots->items[0]);
  for (uint32_t i = 1; i < roots->count; i++) {
    uint32_t e = earliest_start(s, c, roots->items[i]);
    if (age(c, e) > age(c, start)) start = e;
  }
  if (enumerate(s, c, roots, start)) s->completion_count = 0; /* too many to list: follow the order of asking alone */
  for (uint32_t i = 0; i < roots->count && s->completion_count == 0; i++)
    if (earliest_start(s, c, roots->items[i]) == start) add_leftmost(s, c, roots->items[i], start);
  completions_tell_cut(s, s->event->time);
}

/* ---- time and events ---- */

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
  tell_roots(s, c, &roots);
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
