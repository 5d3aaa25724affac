/* lower_window.c - windows and joins: derived events that need state. */
#include "base/check.h"
#include "base/time_text.h"
#include "rules/check.h"
#include "rules/lower.h"

enum { WINDOW_COLUMNS_MAX = 4096 };

/* ---- what both have ---- */

static const uint16_t *key_slots(struct lower *lower, const struct event_tree *event, uint16_t number) {
  const struct schema *schema = &lower->ruleset->schemas[event->from_types[number]];
  uint16_t parts = event->key->none ? 0 : event->key->part_count;
  uint16_t *slots = arena_array(lower->arena, uint16_t, parts + 1u);
  for (uint16_t p = 0; p < parts; p++) slots[p] = schema->fields[event->key->parts[p].fields[number]].slot;
  return slots;
}

static uint16_t lower_event_key(struct lower *lower, const struct event_tree *event, const struct slice **names,
                                const struct type **types) {
  uint16_t parts = event->key->none ? 0 : event->key->part_count;
  struct slice *own_names = arena_array(lower->arena, struct slice, parts);
  struct type *own_types = arena_array(lower->arena, struct type, parts);
  for (uint16_t p = 0; p < parts; p++) {
    own_names[p] = lower_shared(lower, event->key->parts[p].name.text);
    own_types[p] = event->key->parts[p].type;
  }
  *names = own_names;
  *types = own_types;
  return parts;
}

static int32_t key_part(const struct event_tree *event, struct slice name) {
  for (uint16_t p = 0; p < event->key->part_count; p++)
    if (slice_equal(event->key->parts[p].name.text, name)) return p;
  return -1;
}

/* What goes into a field of the made event that its block does not name: a part of the key, or a word of the window. */
static struct expr_node *unnamed_field(struct lower *lower, const struct event_tree *event,
                                       const struct schema_field *field) {
  static const struct slice words[] = {[WINDOW_START] = {"window.start", 12},
                                       [WINDOW_END] = {"window.end", 10},
                                       [WINDOW_REVISION] = {"revision", 8},
                                       [WINDOW_PARTIAL] = {"partial", 7}};
  int32_t part = key_part(event, field->name);
  if (part >= 0) return lower_input(lower, BANK_KEY, (uint16_t)part, field->type);
  for (unsigned w = 0; w < WINDOW_VALUES; w++)
    if (slice_equal(field->name, words[w])) return lower_input(lower, BANK_WINDOW, (uint16_t)w, field->type);
  check_failed("a field of the key or of the window", __FILE__, __LINE__);
}

static const struct expr *const *lower_made(struct lower *lower, const struct lower_scope *scope,
                                            const struct event_tree *event) {
  const struct schema *schema = &lower->ruleset->schemas[event->schema];
  const struct type_info *info = &lower->tree->types[event->schema];
  const struct expr **entries = arena_array(lower->arena, const struct expr *, schema->asked_first + 1u);
  for (uint16_t f = 0; f < schema->field_count; f++) {
    const struct schema_field *field = &schema->fields[f];
    if (!field->used) continue;
    const struct tree_expr *expr = info->fields[f].expr;
    struct expr_node *node = expr != NULL ? lower_expr(lower, scope, expr) : unnamed_field(lower, event, field);
    if (node == NULL) continue; /* said */
    entries[field->slot] =
        lower_compile(lower, lower_cast(lower, node, field->type), expr != NULL ? expr->span : event->span);
  }
  /* What else the schema's events carry is set by whoever makes them, or null. */
  for (uint16_t slot = 0; slot < schema->asked_first; slot++)
    if (entries[slot] == NULL)
      entries[slot] = lower_compile(lower, lower_const(lower, value_null(), TYPE(VALUE_NULL)), event->span);
  return entries;
}

/* ---- windows ---- */

struct window_column {
  const struct tree_expr *expr;
  struct slice key;
};

struct window_lowering {
  const struct event_tree *event;
  uint16_t column_count, column_capacity, aggregate_count, aggregate_capacity;
  struct window_column *columns;
  struct type *types;
  struct aggregate_plan *aggregates;
};

static void *grown(struct arena *arena, void *items, uint16_t count, uint16_t *capacity, size_t size) {
  if (count < *capacity) return items;
  *capacity = *capacity == 0 ? 8 : (uint16_t)(2 * *capacity);
  void *bigger = arena_zero(arena, *capacity * size);
  if (count > 0) memcpy(bigger, items, count * size);
  return bigger;
}

static uint16_t window_column(struct lower *lower, struct window_lowering *window, const struct tree_expr *expr) {
  struct lower_scope scope = {.type = window->event->from_types[0]};
  bool by_time = lower->by_time;
  lower->by_time = false; /* a column is of an event */
  struct expr_node *node = lower_expr(lower, &scope, expr);
  lower->by_time = by_time;
  if (node == NULL) return NO_COLUMN;
  struct buf key;
  buf_init(&key, lower->mem);
  expr_node_key(&key, node);
  uint16_t at = 0;
  while (at < window->column_count && !slice_equal(window->columns[at].key, buf_view(&key))) at++;
  if (at == WINDOW_COLUMNS_MAX) {
    lower_error(lower, expr->span, "window-limit", NULL, "a window reads more than %d values", WINDOW_COLUMNS_MAX);
    at = NO_COLUMN;
  } else if (at == window->column_count) {
    uint16_t capacity = window->column_capacity;
    window->types = grown(&lower->work, window->types, at, &capacity, sizeof *window->types);
    window->columns = grown(&lower->work, window->columns, at, &window->column_capacity, sizeof *window->columns);
    struct slice kept = {arena_copy(&lower->work, key.data, key.length), key.length};
    window->columns[at] = (struct window_column){.expr = expr, .key = kept};
    window->types[at] = node->type;
    window->column_count++;
  }
  buf_free(&key);
  return at;
}

static bool same_aggregate(const struct aggregate_plan *a, const struct aggregate_plan *b) {
  return a->kind == b->kind && a->approx == b->approx && a->column == b->column && a->where == b->where &&
         a->order == b->order && a->order_column == b->order_column && a->parameter == b->parameter &&
         type_equal(a->type, b->type);
}

/* An aggregate in a window's block: BANK_REGISTER. */
struct expr_node *lower_window_aggregate(struct lower *lower, const struct lower_scope *scope,
                                         const struct tree_expr *expr) {
  struct window_lowering *window = scope->window;
  const struct counting *counting = expr->counting;
  struct aggregate_plan wanted = lower_aggregate(expr);
  uint32_t errors = lower->error_count;
  if (counting->argument != NULL) wanted.column = window_column(lower, window, counting->argument);
  if (counting->where != NULL) wanted.where = window_column(lower, window, counting->where);
  if (counting->top_argument != NULL) wanted.order_column = window_column(lower, window, counting->top_argument);
  if (lower->error_count != errors) return NULL;
  uint16_t at = 0;
  while (at < window->aggregate_count && !same_aggregate(&window->aggregates[at], &wanted)) at++;
  if (at == window->aggregate_count) {
    window->aggregates = grown(&lower->work, window->aggregates, at, &window->aggregate_capacity, sizeof wanted);
    window->aggregates[window->aggregate_count++] = wanted;
  }
  return lower_input(lower, BANK_REGISTER, at, wanted.type);
}

static void lower_window_from(struct lower *lower, const struct window_lowering *window, uint16_t number,
                              struct window_from *from) {
  const struct event_tree *event = window->event;
  struct lower_scope scope = {.type = event->from_types[number], .type_index = number};
  from->type = scope.type;
  from->key_slots = key_slots(lower, event, number);
  if (event->where != NULL) from->where = lower_compiled(lower, &scope, event->where);
  const struct expr **columns = arena_array(lower->arena, const struct expr *, window->column_count + 1u);
  for (uint16_t c = 0; c < window->column_count; c++) {
    struct expr_node *node = lower_expr(lower, &scope, window->columns[c].expr);
    if (node != NULL)
      columns[c] = lower_compile(lower, lower_cast(lower, node, window->types[c]), window->columns[c].expr->span);
  }
  from->columns = columns;
}

static int64_t said(int64_t value) { return value < 0 ? 0 : value; }

static void lower_window(struct lower *lower, const struct event_tree *event, struct window_plan *plan) {
  const struct window_tree *tree = event->window;
  struct window_lowering window = {.event = event};
  struct lower_scope scope = {.type = LOWER_NO_TYPE, .key = event->key, .window = &window};
  *plan = (struct window_plan){.schema = event->schema,
                               .stage = (uint16_t)(event->stage - 1),
                               .kind = tree->kind,
                               .size_us = tree->size_us,
                               .every_us = tree->every_us > 0 ? tree->every_us : tree->size_us,
                               .count = tree->count,
                               .every_count = tree->every_count > 0 ? tree->every_count : tree->count,
                               .offset_us = said(tree->offset_us),
                               .lateness_us = said(tree->lateness_us),
                               .early_us = tree->early_us,
                               .early_count = tree->early_count,
                               .known_us = tree->known_us};
  if (tree->kind == WINDOW_TODAY && tree->zone.length > 0) plan->zone = lower_zone(lower, tree->zone, event->name.span);
  plan->key_count = lower_event_key(lower, event, &plan->key_names, &plan->key_types);
  lower->by_time = true;
  plan->entries = lower_made(lower, &scope, event);
  lower->by_time = false;
  if (tree->early_when != NULL) plan->early_when = lower_compiled(lower, &scope, tree->early_when);
  struct window_from *from = arena_array(lower->arena, struct window_from, event->from_type_count);
  for (uint16_t i = 0; i < event->from_type_count; i++) lower_window_from(lower, &window, i, &from[i]);
  plan->from_count = event->from_type_count;
  plan->from = from;
  plan->column_count = window.column_count;
  plan->aggregate_count = window.aggregate_count;
  struct type *types = arena_array(lower->arena, struct type, window.column_count);
  struct aggregate_plan *aggregates = arena_array(lower->arena, struct aggregate_plan, window.aggregate_count);
  if (window.column_count > 0) memcpy(types, window.types, window.column_count * sizeof *types);
  if (window.aggregate_count > 0) memcpy(aggregates, window.aggregates, window.aggregate_count * sizeof *aggregates);
  plan->columns = types;
  plan->aggregates = aggregates;
}

/* ---- joins ---- */

/* right.time - left.time, as far as the conditions bound it. */
struct bounds {
  int64_t low, high;
};

static void bound_compared(struct bounds *bounds, enum expr_op op, const struct tree_expr *left,
                           const struct tree_expr *right) {
  int64_t us;
  if (!check_side_distance(left, right, &op, &us)) return;
  bool low = op == EXPR_GREATER || op == EXPR_GREATER_EQUAL || op == EXPR_EQUAL;
  bool high = op == EXPR_LESS || op == EXPR_LESS_EQUAL || op == EXPR_EQUAL;
  if (op == EXPR_GREATER && us < INT64_MAX) us++;
  if (op == EXPR_LESS && us > INT64_MIN) us--;
  if (low && us > bounds->low) bounds->low = us;
  if (high && us < bounds->high) bounds->high = us;
}

/* Recursion follows the tree, whose depth is limited (TREE_DEPTH_MAX). */
static void find_bounds(struct bounds *bounds, const struct tree_expr *expr) {
  if (expr->kind == TREE_AND)
    for (uint16_t i = 0; i < expr->item_count; i++) find_bounds(bounds, expr->items[i]);
  if (expr->kind == TREE_BINARY) bound_compared(bounds, expr->op, expr->items[0], expr->items[1]);
  if (expr->kind == TREE_BETWEEN && !expr->negated) {
    bound_compared(bounds, EXPR_GREATER_EQUAL, expr->items[0], expr->items[1]);
    bound_compared(bounds, EXPR_LESS_EQUAL, expr->items[0], expr->items[2]);
  }
}

static void lower_join(struct lower *lower, const struct event_tree *event, struct join_plan *plan) {
  struct lower_scope scope = {.type = LOWER_NO_TYPE, .key = event->key, .join = event};
  struct bounds bounds = {.low = INT64_MIN, .high = INT64_MAX};
  const int64_t apart_us_max = LIMIT_CLAUSE_DURATION_DAYS * TIME_DAY_US;
  find_bounds(&bounds, event->where);
  if (bounds.low == INT64_MIN || bounds.high == INT64_MAX)
    lower_error(lower, event->where->span, "unbounded",
                "as `p.time between o.time - 5m and o.time + 15m`, with durations that are written out",
                "the two times of a join must be bounded by each other and a duration");
  else if (bounds.low < -apart_us_max || bounds.high > apart_us_max)
    lower_error(lower, event->where->span, "range", "at most 3650000d, ten thousand years",
                "the two times of a join may be too far apart");
  struct slice kind = event->join_kind.text;
  bool full = slice_equal(kind, SLICE("full"));
  *plan =
      (struct join_plan){.schema = event->schema,
                         .stage = (uint16_t)(event->stage - 1),
                         .types = {event->from_types[0], event->from_types[1]},
                         .key_slots = {key_slots(lower, event, 0), key_slots(lower, event, 1)},
                         .low_us = bounds.low,
                         .high_us = bounds.high,
                         .keeps = {full || slice_equal(kind, SLICE("left")), full || slice_equal(kind, SLICE("right"))},
                         .where = lower_compiled(lower, &scope, event->where)};
  plan->key_count = lower_event_key(lower, event, &plan->key_names, &plan->key_types);
  lower->by_time = plan->keeps[0] || plan->keeps[1];
  plan->entries = lower_made(lower, &scope, event);
  lower->by_time = false;
  for (unsigned side = 0; side < 2; side++)
    plan->slot_counts[side] = lower->ruleset->schemas[plan->types[side]].asked_first;
}

/* A field of one of a join's two events. */
struct expr_node *lower_side(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr) {
  const struct ref *ref = &expr->ref;
  uint16_t side = ref->step;
  if (ref->field == FIELD_TIME)
    return lower_input(lower, BANK_WINDOW, side == 0 ? JOIN_LEFT_TIME : JOIN_RIGHT_TIME, TYPE(VALUE_TIME));
  const struct schema_field *field = lower_field(lower, scope->join->from_types[side], ref->field);
  check(field->used);
  return lower_input(lower, side == 0 ? BANK_EVENT : BANK_OTHER, field->slot, field->type);
}

/* ---- all ---- */

void lower_windows(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  uint16_t windows = 0, joins = 0;
  for (uint16_t d = 0; d < lower->tree->derived_count; d++) {
    if (lower->tree->deriveds[d]->window != NULL) windows++;
    if (lower->tree->deriveds[d]->join) joins++;
  }
  struct window_plan *window_plans = arena_array(lower->arena, struct window_plan, windows);
  struct join_plan *join_plans = arena_array(lower->arena, struct join_plan, joins);
  for (uint16_t d = 0; d < lower->tree->derived_count; d++) {
    const struct event_tree *event = lower->tree->deriveds[d];
    if (event->not_yet || (event->window == NULL && !event->join)) continue;
    lower->level = (uint16_t)(lower->tree->types[event->schema].level - 1) & (LEVELS_MAX - 1);
    if (event->window != NULL) lower_window(lower, event, &window_plans[ruleset->window_count++]);
    if (event->join) lower_join(lower, event, &join_plans[ruleset->join_count++]);
    arena_reset(&lower->scratch);
  }
  lower->level = 0;
  ruleset->windows = window_plans;
  ruleset->joins = join_plans;
}
