/* compact_tell.c - matches out of the compact set: from the nodes that an event has completed back to their starts,
 * each match once, or the earliest or latest alone, as the rule's policies say. Called by compact.c. */
#include "base/check.h"
#include "base/sort.h"
#include "nfa/compact_private.h"

enum { CUT_EXACT_MAX = 1024, CUT_ENTRIES_MAX = 1 << 16 };

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

void compact_tell_roots(struct stepping *s, struct compact *c, const struct roots *roots) {
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
