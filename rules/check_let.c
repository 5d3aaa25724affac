/* check_let.c - `let`: circles, sizes, and its text in the place of its name. Called by check.c and check_path.c. */
#include "rules/check_private.h"

static struct tree_expr *copy_of(struct arena *arena, const struct tree_expr *expr);

static struct name *copy_names(struct arena *arena, const struct name *names, uint16_t count) {
  struct name *copy = arena_array(arena, struct name, count);
  for (uint16_t i = 0; i < count; i++) copy[i] = names[i];
  return copy;
}

static struct tree_expr *copy_part(struct arena *arena, const struct tree_expr *part) {
  return part == NULL ? NULL : copy_of(arena, part);
}

static struct use *copy_use(struct arena *arena, const struct use *use) {
  if (use == NULL) return NULL;
  struct use *copy = arena_new(arena, struct use);
  *copy = *use;
  copy->condition = copy_part(arena, use->condition);
  return copy;
}

static struct counting *copy_counting(struct arena *arena, const struct counting *counting) {
  struct counting *copy = arena_new(arena, struct counting);
  *copy = *counting;
  copy->argument = copy_part(arena, counting->argument);
  copy->where = copy_part(arena, counting->where);
  copy->top_argument = copy_part(arena, counting->top_argument);
  copy->of = copy_use(arena, counting->of);
  return copy;
}

static struct tree_index *copy_index(struct arena *arena, const struct tree_index *index) {
  struct tree_index *copy = arena_new(arena, struct tree_index);
  *copy = *index;
  copy->key = copy_of(arena, index->key);
  return copy;
}

static struct tree_expr *copy_of(struct arena *arena, const struct tree_expr *expr) {
  struct tree_expr *copy = arena_new(arena, struct tree_expr);
  *copy = *expr;
  if (expr->item_count > 0) {
    copy->items = arena_array(arena, struct tree_expr *, expr->item_count);
    for (uint16_t i = 0; i < expr->item_count; i++) copy->items[i] = copy_of(arena, expr->items[i]);
  }
  switch (expr->kind) {
  case TREE_PATH:
    copy->parts = copy_names(arena, expr->parts, expr->part_count);
    if (expr->at != NULL) copy->at = copy_index(arena, expr->at);
    break;
  case TREE_CALL:
  case TREE_IN_NAME: copy->name = copy_names(arena, expr->name, 1); break;
  case TREE_COUNTING: copy->counting = copy_counting(arena, expr->counting); break;
  case TREE_SEEN: copy->seen_of = copy_use(arena, expr->seen_of); break;
  default: break;
  }
  return copy;
}

struct let_walk {
  struct checker *c;
  struct name_graph *graph; /* NULL: the second walk, which measures */
  uint32_t node;
  uint64_t size;
  const uint64_t *sizes;
  bool broken; /* it uses one that cannot be expanded */
};

static int64_t let_of(const struct checker *c, const struct tree_expr *expr) {
  if (expr->kind != TREE_PATH || expr->part_count != 1 || expr->at != NULL) return NAME_ABSENT;
  return name_map_get(&c->lets.map, expr->parts[0].text);
}

static void let_needs(void *context, struct tree_expr *expr) {
  struct let_walk *walk = context;
  int64_t let = let_of(walk->c, expr);
  walk->size++;
  if (let == NAME_ABSENT) return;
  if (walk->graph != NULL)
    name_graph_need(walk->graph, walk->node, (uint32_t)let);
  else if (walk->c->let_bodies[let] == NULL)
    walk->broken = true;
  else
    walk->size += walk->sizes[let];
}

/* The height after expansion. A field may hide a let of its name: then this is too much, which does no harm. */
static uint32_t let_height(const struct checker *c, const uint32_t *heights, const struct tree_expr *expr) {
  if (expr == NULL) return 0;
  int64_t let = let_of(c, expr);
  const struct counting *counting = tree_counting(expr);
  const struct use *of = counting != NULL ? counting->of : tree_seen_of(expr);
  if (let != NAME_ABSENT) return heights[let]; /* stands in its place */
  uint32_t parts[] = {let_height(c, heights, tree_key(expr)), let_height(c, heights, of != NULL ? of->condition : NULL),
                      let_height(c, heights, counting != NULL ? counting->argument : NULL),
                      let_height(c, heights, counting != NULL ? counting->where : NULL),
                      let_height(c, heights, counting != NULL ? counting->top_argument : NULL)};
  uint32_t below = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (parts[i] > below) below = parts[i];
  for (uint16_t i = 0; i < expr->item_count; i++) {
    uint32_t height = let_height(c, heights, expr->items[i]);
    if (height > below) below = height;
  }
  return below + 1;
}

static uint32_t say_let_circles(struct checker *c, const struct name_graph *graph, uint32_t *order) {
  uint32_t count = c->lets.count;
  bool *in_circle = arena_array(&c->scratch, bool, count + 1), *told = arena_array(&c->scratch, bool, count + 1);
  uint32_t ordered = name_graph_order(graph, order, in_circle);
  for (uint32_t n = 0; n < count && ordered < count; n++) {
    uint32_t circle[CHECK_CIRCLE_MAX];
    if (!in_circle[n] || told[n]) continue;
    uint32_t length = name_graph_circle(graph, n, circle, CHECK_CIRCLE_MAX);
    uint32_t listed = length < CHECK_CIRCLE_MAX ? length : CHECK_CIRCLE_MAX;
    struct slice names[CHECK_CIRCLE_MAX];
    for (uint32_t i = 0; i < listed; i++) {
      names[i] = c->lets.decls[circle[i]]->let->name.text;
      told[circle[i]] = true;
    }
    if (length > 0)
      check_say(c, c->lets.decls[n]->let->name.span, "circle", NULL, "a let cannot stand for itself: %s",
                check_circle_text(c, names, listed, length));
  }
  return ordered;
}

void check_lets(struct checker *c) {
  uint32_t count = c->lets.count;
  c->let_bodies = arena_array(&c->scratch, struct tree_expr *, count + 1);
  struct name_graph graph;
  name_graph_init(&graph, &c->scratch, count);
  struct let_walk walk = {.c = c, .graph = &graph};
  for (walk.node = 0; walk.node < count; walk.node++)
    tree_expr_walk(c->lets.decls[walk.node]->let->expr, let_needs, &walk);
  uint32_t *order = arena_array(&c->scratch, uint32_t, count + 1),
           *heights = arena_array(&c->scratch, uint32_t, count + 1);
  uint64_t *sizes = arena_array(&c->scratch, uint64_t, count + 1);
  uint32_t ordered = say_let_circles(c, &graph, order);
  walk.graph = NULL;
  walk.sizes = sizes;
  for (uint32_t i = 0; i < ordered; i++) {
    const struct let_tree *let = c->lets.decls[order[i]]->let;
    walk.size = 0;
    walk.broken = false;
    tree_expr_walk(let->expr, let_needs, &walk);
    heights[order[i]] = let_height(c, heights, let->expr);
    sizes[order[i]] = walk.size;
    if (walk.broken) continue; /* said at the one that it uses */
    if (walk.size > LET_NODES_MAX)
      check_say(c, let->name.span, "too-large", NULL,
                "`" SLICE_FMT "` has more than %d parts when its lets are expanded", SLICE_ARG(let->name.text),
                LET_NODES_MAX);
    else if (heights[order[i]] > EXPR_DEPTH_MAX)
      check_say(c, let->name.span, "too-deep", "cut it into computed fields",
                "`" SLICE_FMT "` is nested too deeply when its lets are expanded (%d levels at most)",
                SLICE_ARG(let->name.text), EXPR_DEPTH_MAX);
    else
      c->let_bodies[order[i]] = let->expr;
  }
}

static void stand_at(void *context, struct tree_expr *expr) {
  const struct span *at = context;
  expr->span = *at;
  switch (expr->kind) {
  case TREE_PATH:
    for (uint16_t i = 0; i < expr->part_count; i++) expr->parts[i].span = *at;
    if (expr->at != NULL) expr->at->column.span = *at;
    break;
  case TREE_CALL:
  case TREE_IN_NAME: expr->name->span = *at; break;
  case TREE_COUNTING:
    if (expr->counting->of != NULL) expr->counting->of->event.span = *at;
    break;
  case TREE_SEEN:
    if (expr->seen_of != NULL) expr->seen_of->event.span = *at;
    break;
  case TREE_LITERAL:
  case TREE_MATCHES:
  case TREE_REGEX: break;
  default: expr->operator_span = *at;
  }
}

/* The text of the let in the place of its name. While it is checked its parts stand where they are written, so that an
 * error shows the part that is wrong; then where the name stands, for what is said later is of the use. */
struct type check_let_use(struct checker *c, const struct scope *s, struct tree_expr *expr, uint32_t let) {
  if (c->let_bodies[let] == NULL) return TYPE_BAD; /* said at the let */
  struct span use = expr->span;
  struct tree_expr *copy = copy_of(c->arena, c->let_bodies[let]);
  bool primary = copy->kind == TREE_LITERAL || copy->kind == TREE_PATH || copy->kind == TREE_CALL;
  copy->parenthesised = expr->parenthesised || !primary;
  struct slice outer = c->in_let;
  if (outer.length == 0) c->let_use = use;
  c->in_let = c->lets.decls[let]->let->name.text;
  *expr = *copy;
  struct type type = check_expr(c, s, expr);
  c->in_let = outer;
  tree_expr_walk(expr, stand_at, &use);
  return type;
}
