/* lower_counter.c - counters, `seen` and `previous`: what an expression asks becomes a slot of the event that asks.
 *
 * Equal counters of any rules are one: a population is known by its events' type, their condition's predicate and its
 * key; a column by the canonical bytes of its expression; a counter by population, window, column and aggregate. */
#include "base/check.h"
#include "base/limits.h"
#include "rules/check.h"
#include "rules/count_size.h"
#include "rules/lower.h"
#include "rules/print.h"

enum { COUNTER_PARTS_MAX = LIMIT_KEY_PARTS };
/* previous(f) of a key that was silent longer is null, so that its state can go. */
#define PREVIOUS_IDLE_US ((int64_t)LIMIT_PREVIOUS_IDLE_DAYS * 86400 * 1000000)

void counter_lowering_init(struct lower *lower) {
  struct counter_lowering *c = &lower->counters;
  map_text_init(&c->known_populations, lower->mem);
  map_text_init(&c->known_asks, lower->mem);
  c->asks = arena_array(&lower->work, struct asks, lower->ruleset->schema_count);
  uint16_t count = 0;
  for (uint32_t d = 0; d < lower->tree->decl_count; d++)
    if (lower->tree->decls[d].kind == DECL_COUNTER) count++;
  struct slice *names = arena_array(&lower->work, struct slice, count);
  c->names = names;
  c->named = arena_array(&lower->work, const struct tree_expr *, count);
  for (uint32_t d = 0; d < lower->tree->decl_count; d++) {
    if (lower->tree->decls[d].kind != DECL_COUNTER) continue;
    names[c->name_count] = lower->tree->decls[d].counter->name.text;
    c->named[c->name_count++] = lower->tree->decls[d].counter->counting;
  }
}

void counter_lowering_free(struct lower *lower) {
  map_text_free(&lower->counters.known_populations);
  map_text_free(&lower->counters.known_asks);
}

/* Room for one more in an array of the work arena. */
static void *room(struct arena *arena, void *items, uint16_t count, uint16_t *capacity, size_t size) {
  if (count < *capacity) return items;
  uint32_t wanted = *capacity == 0 ? 4 : 2u * *capacity;
  *capacity = wanted > UINT16_MAX ? UINT16_MAX : (uint16_t)wanted;
  void *bigger = arena_zero(arena, *capacity * size);
  if (count > 0) memcpy(bigger, items, count * size);
  return bigger;
}

static bool full(struct lower *lower, struct span span, uint16_t count) {
  if (count < LIMIT_COUNTERS) return false;
  lower_error(lower, span, "counter-limit", NULL, "more than %d counters", LIMIT_COUNTERS);
  return true;
}

/* ---- the key ---- */

struct counter_key { /* fields of the population's type, and where the value that is asked for comes from */
  uint16_t count;
  uint16_t fields[COUNTER_PARTS_MAX];
  struct name names[COUNTER_PARTS_MAX]; /* as the rule says them */
};

static int32_t field_of_type(const struct lower *lower, uint16_t type, struct slice name) {
  const struct type_info *info = &lower->tree->types[type];
  for (uint16_t f = 0; f < info->field_count; f++)
    if (slice_equal(info->fields[f].name, name)) return f;
  return -1;
}

static int32_t part_field(const struct lower *lower, const struct key_part *part, uint16_t type) {
  if (part->path_count == 0) return field_of_type(lower, type, part->name.text);
  for (uint16_t p = 0; p < part->path_count; p++)
    if (slice_equal(part->paths[p].event.text, lower->tree->types[type].name))
      return field_of_type(lower, type, part->paths[p].field.text);
  return -1;
}

/* `by`, else the key of the rule that asks; the checker has seen that the fields are there. */
static bool counter_key(struct lower *lower, const struct lower_scope *scope, const struct counting *counting,
                        uint16_t type, struct span span, struct counter_key *key) {
  const struct key_tree *own = scope->rule == NULL ? NULL : scope->rule->key;
  bool by = counting != NULL && counting->by_count > 0;
  key->count = by ? counting->by_count : own == NULL || own->none ? 0 : own->part_count;
  if (key->count > COUNTER_PARTS_MAX) {
    lower_error(lower, span, "counter-limit", NULL, "the key of a counter has more than %d parts", COUNTER_PARTS_MAX);
    return false;
  }
  for (uint16_t i = 0; i < key->count; i++) {
    key->names[i] = by ? counting->by[i] : own->parts[i].name;
    int32_t field = by ? field_of_type(lower, type, counting->by[i].text) : part_field(lower, &own->parts[i], type);
    check(field >= 0);
    key->fields[i] = (uint16_t)field;
  }
  return true;
}

/* The key space by these fields of the type: that of rules whose key has these names, where there are such. */
static uint16_t space_of(struct lower *lower, uint16_t type, const struct counter_key *key) {
  const struct type_info *info = &lower->tree->types[type];
  struct key_part *parts = arena_array(&lower->scratch, struct key_part, key->count);
  for (uint16_t i = 0; i < key->count; i++) {
    uint16_t *field = arena_new(&lower->scratch, uint16_t);
    *field = key->fields[i];
    parts[i] =
        (struct key_part){.name.text = info->fields[*field].name, .type = info->fields[*field].type, .fields = field};
  }
  struct key_tree tree = {.none = key->count == 0, .part_count = key->count, .parts = parts};
  struct rule_tree rule = {.key = &tree, .types = &type, .type_count = 1};
  return key_plan_space(&lower->keys, lower->ruleset->schemas, &rule);
}

/* Where the event that asks has the key: `by` names its fields too, else its rule's key does. */
static const uint16_t *asking_slots(struct lower *lower, const struct lower_scope *scope, const struct counter_key *key,
                                    bool by) {
  uint16_t *slots = arena_array(lower->arena, uint16_t, key->count + 1u);
  const struct schema *schema = &lower->ruleset->schemas[scope->type];
  for (uint16_t i = 0; i < key->count; i++) {
    int32_t field = by ? field_of_type(lower, scope->type, key->names[i].text) : -1;
    if (field < 0 && scope->rule != NULL && scope->rule->key != NULL) {
      int32_t part = -1;
      for (uint16_t p = 0; p < scope->rule->key->part_count; p++)
        if (slice_equal(scope->rule->key->parts[p].name.text, key->names[i].text)) part = p;
      if (part >= 0) field = part_field(lower, &scope->rule->key->parts[part], scope->type);
    }
    check(field >= 0 && schema->fields[field].used);
    slots[i] = schema->fields[field].slot;
  }
  return slots;
}

/* ---- populations, columns, windows, counters ---- */

/* Its number, -1 after an error. */
static int32_t population_of(struct lower *lower, uint16_t type, int32_t predicate, uint16_t space, struct span span) {
  struct counter_lowering *c = &lower->counters;
  char bytes[32];
  int length = snprintf(bytes, sizeof bytes, "%u.%d.%u", type, predicate, space);
  struct slice key = {bytes, (size_t)length};
  uint32_t *known = map_text_get(&c->known_populations, key);
  if (known != NULL) return (int32_t)*known;
  if (full(lower, span, c->population_count)) return -1;
  c->populations =
      room(&lower->work, c->populations, c->population_count, &c->population_capacity, sizeof *c->populations);
  struct slice kept = {arena_copy(&lower->work, key.data, key.length), key.length};
  *map_text_put(&c->known_populations, kept, NULL) = c->population_count;
  c->populations[c->population_count] =
      (struct growing_population){.plan = {.type = type, .predicate = predicate, .space = space}};
  return c->population_count++;
}

static uint16_t column_of(struct lower *lower, int32_t number, const struct tree_expr *expr) {
  struct growing_population *population = &lower->counters.populations[number];
  struct lower_scope scope = {.type = population->plan.type};
  struct expr_node *node = lower_expr(lower, &scope, expr);
  if (node == NULL) return NO_COLUMN;
  struct buf key;
  buf_init(&key, lower->mem);
  expr_node_key(&key, node);
  uint16_t at = 0;
  while (at < population->plan.column_count && !slice_equal(population->column_keys[at], buf_view(&key))) at++;
  if (at == population->plan.column_count && !full(lower, expr->span, at)) {
    uint16_t capacity = population->column_capacity;
    population->column_keys = room(&lower->work, population->column_keys, at, &capacity, sizeof(struct slice));
    struct count_column *columns = (struct count_column *)(uintptr_t)population->plan.columns;
    columns = room(&lower->work, columns, at, &population->column_capacity, sizeof *columns);
    population->column_keys[at] = (struct slice){arena_copy(&lower->work, key.data, key.length), key.length};
    columns[at] = (struct count_column){.expr = lower_compile(lower, node, expr->span), .type = node->type};
    population->plan.columns = columns;
    population->plan.column_count++;
  }
  buf_free(&key);
  return at;
}

static uint16_t window_of(struct lower *lower, int32_t number, struct counter_window window) {
  struct growing_population *population = &lower->counters.populations[number];
  struct population *plan = &population->plan;
  for (uint16_t w = 0; w < plan->window_count; w++) {
    const struct counter_window *known = &plan->windows[w];
    if (known->span == window.span && known->over_us == window.over_us && known->last == window.last &&
        known->zone == window.zone)
      return w;
  }
  struct counter_window *windows = (struct counter_window *)(uintptr_t)plan->windows;
  windows = room(&lower->work, windows, plan->window_count, &population->window_capacity, sizeof *windows);
  windows[plan->window_count] = window;
  plan->windows = windows;
  return plan->window_count++;
}

static bool same_counter(const struct counter_plan *a, const struct counter_plan *b) {
  const struct aggregate_plan *x = &a->aggregate, *y = &b->aggregate;
  return a->kind == b->kind && a->window == b->window && a->column == b->column && a->before == b->before &&
         x->kind == y->kind && x->approx == y->approx && x->where == y->where && x->order == y->order &&
         x->order_column == y->order_column && x->parameter == y->parameter && type_equal(a->type, b->type);
}

/* The counter's number, or UINT16_MAX after an error. `number`: of its population. */
static uint16_t counter_of(struct lower *lower, int32_t number, struct counter_plan wanted,
                           const struct tree_expr *expr) {
  struct counter_lowering *c = &lower->counters;
  struct growing_population *population = &c->populations[number];
  wanted.population = (uint16_t)number;
  for (uint16_t i = 0; i < population->plan.counter_count; i++)
    if (same_counter(&c->counters[population->plan.counters[i]], &wanted)) return population->plan.counters[i];
  if (full(lower, expr->span, c->counter_count)) return UINT16_MAX;
  c->counters = room(&lower->work, c->counters, c->counter_count, &c->counter_capacity, sizeof *c->counters);
  uint16_t *ids = (uint16_t *)(uintptr_t)population->plan.counters;
  ids = room(&lower->work, ids, population->plan.counter_count, &population->counter_capacity, sizeof *ids);
  ids[population->plan.counter_count++] = c->counter_count;
  population->plan.counters = ids;
  buf_clear(&lower->text);
  print_expr(&lower->text, expr);
  wanted.text = lower_slice(lower, buf_view(&lower->text));
  c->counters[c->counter_count] = wanted;
  return c->counter_count++;
}

/* ---- asking ---- */

/* The events of a counter: those of `of`, else of the rule's `on`; with the key it is kept by. */
static int32_t asked_population(struct lower *lower, const struct lower_scope *scope, const struct use *of,
                                const struct counting *counting, struct span span, struct counter_key *key) {
  uint16_t type = of != NULL ? of->type : scope->rule->on.type;
  const struct tree_expr *condition = of != NULL ? of->condition : scope->rule->on.condition;
  if (!counter_key(lower, scope, counting, type, span, key)) return -1;
  struct lower_scope own = {.type = type};
  struct pattern_condition events = {.predicate = PREDICATE_TRUE};
  if (condition != NULL) events = lower_condition(lower, &own, condition, NULL);
  check(events.residual == NULL);
  return population_of(lower, type, events.predicate, space_of(lower, type, key), span);
}

/* The slot in which the asking event gets the value. */
static struct expr_node *asked_slot(struct lower *lower, const struct lower_scope *scope, uint16_t counter,
                                    const struct counter_key *key, bool by, bool members_only,
                                    const struct expr_node *operand, struct span span) {
  struct counter_lowering *c = &lower->counters;
  struct type type = c->counters[counter].type;
  const struct population *population = &c->populations[c->counters[counter].population].plan;
  const uint16_t *slots = asking_slots(lower, scope, key, by);
  struct buf bytes;
  buf_init(&bytes, lower->mem);
  buf_add(&bytes, &scope->type, sizeof scope->type);
  buf_add(&bytes, &counter, sizeof counter);
  buf_add(&bytes, slots, key->count * sizeof *slots);
  if (operand != NULL) expr_node_key(&bytes, operand);
  uint64_t level = (uint64_t)1 << lower->level;
  c->populations[c->counters[counter].population].plan.levels |= level;
  bool is_new;
  struct slice known = {arena_copy(&lower->work, bytes.data, bytes.length), bytes.length};
  uint32_t *slot = map_text_put(&c->known_asks, known, &is_new);
  buf_free(&bytes);
  if (is_new) {
    struct asks *asks = &c->asks[scope->type];
    if (full(lower, span, asks->count)) return NULL;
    *slot = lower_new_slot(lower, scope->type, span);
    if (*slot == NO_SLOT) return NULL;
    const uint16_t *own = &lower->keys.spaces[population->space].slots[(size_t)scope->type * key->count];
    struct counter_ask ask = {.counter = counter,
                              .slot = (uint16_t)*slot,
                              .key_slots = slots,
                              .own_key = key->count == 0 || memcmp(own, slots, key->count * sizeof *slots) == 0};
    if (operand != NULL) ask.operand = lower_compile(lower, operand, span);
    ask.members_only = members_only;
    ask.levels = level;
    asks->items = room(lower->arena, asks->items, asks->count, &asks->capacity, sizeof *asks->items);
    asks->items[asks->count++] = ask;
  } else if (*slot == NO_SLOT) {
    return NULL; /* said */
  } else {
    struct asks *asks = &c->asks[scope->type];
    for (uint16_t i = 0; i < asks->count; i++) {
      if (asks->items[i].slot != *slot) continue;
      asks->items[i].members_only &= members_only;
      asks->items[i].levels |= level;
    }
  }
  return lower_input(lower, BANK_EVENT, (uint16_t)*slot, type);
}

/* Where the key's parts stand in the rule's key; NULL: not all do. */
static uint16_t *parts_at_end(struct lower *lower, const struct lower_scope *scope, const struct counter_key *key) {
  const struct key_tree *own = scope->rule->key;
  uint16_t *parts = arena_array(lower->arena, uint16_t, key->count + 1u);
  for (uint16_t i = 0; i < key->count; i++) {
    uint16_t p = 0, count = own == NULL ? 0 : own->part_count;
    while (p < count && !slice_equal(own->parts[p].name.text, key->names[i].text)) p++;
    if (p == count) return NULL;
    parts[i] = p;
  }
  return parts;
}

static bool completes(const struct rule_tree *rule, uint16_t type) {
  for (uint16_t t = 0; t < rule->completing_count; t++)
    if (rule->completing[t] == type) return true;
  return false;
}

/* The asking event's field of the name, as the column that is looked through for it has it. */
static struct expr_node *own_field(struct lower *lower, uint16_t type, struct slice name, struct type wanted) {
  int32_t field = field_of_type(lower, type, name);
  if (field < 0) field = lower->tree->types[type].field_count; /* `event_time` */
  const struct schema_field *own = lower_field(lower, type, (uint16_t)field);
  check(own->used);
  return lower_cast(lower, lower_input(lower, BANK_EVENT, own->slot, own->type), wanted);
}

/* Where the event that completes a match has what it asked, by the rule's types. `by`, `sought` (of the type): only
 * those that may complete one, for others need not have the fields. NULL after an error. */
static uint16_t *slots_at_end(struct lower *lower, const struct lower_scope *scope, uint16_t counter,
                              const struct counter_key *key, bool by, const struct name *sought, struct type type,
                              struct span span) {
  const struct rule_tree *rule = scope->rule;
  uint16_t *slots = arena_array(lower->arena, uint16_t, rule->type_count + 1u);
  slots[rule->type_count] = NO_SLOT; /* of the event that begins the last part of a rule whose key changes */
  for (uint16_t t = 0; t < rule->type_count; t++) {
    slots[t] = NO_SLOT;
    if ((by || sought != NULL) && !completes(rule, rule->types[t])) continue;
    struct lower_scope own = {.rule = rule, .type = rule->types[t]};
    const struct expr_node *operand = sought == NULL ? NULL : own_field(lower, rule->types[t], sought->text, type);
    const struct expr_node *asked = asked_slot(lower, &own, counter, key, by, false, operand, span);
    if (asked == NULL) return NULL;
    slots[t] = asked->index;
  }
  return slots;
}

static struct expr_node *end_value(struct lower *lower, const struct lower_scope *scope, struct end_ask ask) {
  struct end_asks *asks = scope->end_asks;
  asks->items = room(lower->arena, asks->items, asks->count, &asks->capacity, sizeof *asks->items);
  asks->items[asks->count] = ask;
  return lower_input(lower, BANK_ASKED, asks->count++, lower->counters.counters[ask.counter].type);
}

/* In `emit` of a pattern: asked when the match is told, by the rule's key; by another, the event that completes the
 * match has asked. */
static struct expr_node *asked_at_end(struct lower *lower, const struct lower_scope *scope, uint16_t counter,
                                      const struct counter_key *key, struct span span) {
  struct end_asks *asks = scope->end_asks;
  check(asks != NULL);
  struct end_ask ask = {.counter = counter, .parts = parts_at_end(lower, scope, key)};
  lower->counters.populations[lower->counters.counters[counter].population].plan.levels |= (uint64_t)1 << lower->level;
  for (uint16_t at = 0; at < asks->count; at++) {
    const struct end_ask *known = &asks->items[at];
    if (known->counter != counter || (known->parts == NULL) != (ask.parts == NULL)) continue;
    if (ask.parts == NULL || memcmp(known->parts, ask.parts, key->count * sizeof *ask.parts) == 0)
      return lower_input(lower, BANK_ASKED, at, lower->counters.counters[counter].type);
  }
  if (ask.parts == NULL || lower->counters.counters[counter].before) {
    ask.slots = slots_at_end(lower, scope, counter, key, ask.parts == NULL, NULL, TYPE(VALUE_NULL), span);
    if (ask.slots == NULL) return NULL;
  }
  return end_value(lower, scope, ask);
}

/* Beside the counters that are asked, as UINT16_MAX is the number of none. */
struct expr_node *lower_cell(struct lower *lower, uint16_t type, const struct expr_node *node, struct span span) {
  const uint16_t of_no_counter = UINT16_MAX;
  struct schema *schema = &lower->ruleset->schemas[type];
  struct buf bytes;
  buf_init(&bytes, lower->mem);
  buf_add(&bytes, &type, sizeof type);
  buf_add(&bytes, &of_no_counter, sizeof of_no_counter);
  buf_add(&bytes, &lower->level, sizeof lower->level);
  expr_node_key(&bytes, node);
  bool is_new;
  struct slice known = {arena_copy(&lower->work, bytes.data, bytes.length), bytes.length};
  uint32_t *slot = map_text_put(&lower->counters.known_asks, known, &is_new);
  buf_free(&bytes);
  if (is_new) {
    *slot = lower_new_slot(lower, type, span);
    if (*slot == NO_SLOT) return NULL;
    /* Sizes are 4, 8, 16 …: full where the count is one of them. */
    struct schema_cell *cells = (struct schema_cell *)(uintptr_t)schema->cells;
    uint16_t count = schema->cell_count, capacity = count;
    if (count == 0 || (count >= 4 && (count & (count - 1)) == 0))
      cells = room(lower->arena, cells, count, &capacity, sizeof *cells);
    cells[count] =
        (struct schema_cell){.slot = (uint16_t)*slot, .level = lower->level, .expr = lower_compile(lower, node, span)};
    schema->cells = cells;
    schema->cell_count++;
  }
  return *slot == NO_SLOT ? NULL : lower_input(lower, BANK_EVENT, (uint16_t)*slot, node->type);
}

static void use_counter(struct lower *lower, uint16_t counter) {
  struct counter_lowering *c = &lower->counters;
  for (uint16_t i = 0; i < c->used_count; i++)
    if (c->used[i] == counter) return;
  c->used = room(&lower->work, c->used, c->used_count, &c->used_capacity, sizeof *c->used);
  c->used[c->used_count++] = counter;
}

static struct expr_node *asked_value(struct lower *lower, const struct lower_scope *scope, uint16_t counter,
                                     const struct counter_key *key, bool by, bool members_only,
                                     const struct expr_node *operand, struct span span) {
  if (counter == UINT16_MAX) return NULL;
  use_counter(lower, counter);
  if (scope->type == LOWER_NO_TYPE) return asked_at_end(lower, scope, counter, key, span);
  return asked_slot(lower, scope, counter, key, by, members_only, operand, span);
}

static struct counter_window counter_window_of(struct lower *lower, const struct counting *counting, struct span span) {
  struct counter_window window = {.span = counting->over, .over_us = -1};
  switch (counting->over) {
  case SPAN_LAST:
    window.last = counting->over_count;
    window.over_us = counting->over_us > 0 ? counting->over_us : -1;
    break;
  case SPAN_TODAY:
    if (counting->zone.length > 0) window.zone = lower_zone(lower, counting->zone, span);
    break;
  default: window.over_us = counting->over_us;
  }
  return window;
}

static enum aggregate order_of(struct slice name) {
  if (slice_equal(name, SLICE("sum"))) return AGG_SUM;
  if (slice_equal(name, SLICE("avg"))) return AGG_AVG;
  if (slice_equal(name, SLICE("min"))) return AGG_MIN;
  return slice_equal(name, SLICE("max")) ? AGG_MAX : AGG_COUNT;
}

struct aggregate_plan lower_aggregate(const struct tree_expr *expr) {
  const struct counting *counting = expr->counting;
  struct aggregate_plan plan = {.kind = expr->ref.aggregate,
                                .approx = counting->approx,
                                .column = NO_COLUMN,
                                .where = NO_COLUMN,
                                .order = AGG_COUNT,
                                .order_column = NO_COLUMN,
                                .parameter = counting->has_parameter ? counting->parameter : 0,
                                .type = expr->type};
  if (counting->argument != NULL)
    plan.argument = counting->argument->cast.kind != VALUE_NULL ? counting->argument->cast : counting->argument->type;
  if (counting->top_aggregate.text.length > 0) plan.order = order_of(counting->top_aggregate.text);
  if (counting->top_argument != NULL) plan.order_type = counting->top_argument->type;
  return plan;
}

/* Unbounded in event time: every value that ever came would have to be kept. */
static bool refuse_unbounded(struct lower *lower, const struct tree_expr *expr, const struct counting *counting) {
  enum aggregate kind = expr->ref.aggregate;
  bool exact = (kind == AGG_MEDIAN || kind == AGG_PERCENTILE) && !counting->approx;
  if (counting->over != SPAN_EVER || !(exact || kind == AGG_TOP)) return false;
  lower_error(lower, expr->span, "unbounded",
              kind == AGG_TOP ? "give it a window: `over 30d`" : "say `approx`, or give it a window: `over 30d`",
              "`" SLICE_FMT "` over ever would have to keep every value", SLICE_ARG(counting->aggregate.text));
  return true;
}

struct expr_node *lower_counting(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr) {
  const struct tree_expr *counter = expr;
  if (expr->kind == TREE_PATH) {
    check(expr->ref.index < lower->counters.name_count);
    counter = lower->counters.named[expr->ref.index];
  }
  const struct counting *counting = counter->counting;
  if (refuse_unbounded(lower, counter, counting)) return NULL;
  struct counter_key key;
  int32_t number = asked_population(lower, scope, counting->of, counting, expr->span, &key);
  if (number < 0) return NULL;
  struct counter_plan wanted = {.kind = COUNTER_AGGREGATE, .type = counter->type};
  wanted.aggregate = lower_aggregate(counter);
  uint32_t errors = lower->error_count;
  if (counting->argument != NULL) wanted.aggregate.column = column_of(lower, number, counting->argument);
  if (counting->where != NULL) wanted.aggregate.where = column_of(lower, number, counting->where);
  if (counting->top_argument != NULL) wanted.aggregate.order_column = column_of(lower, number, counting->top_argument);
  if (lower->error_count != errors) return NULL;
  wanted.column = wanted.aggregate.column;
  wanted.window = window_of(lower, number, counter_window_of(lower, counting, expr->span));
  wanted.before = counting->over == SPAN_PREVIOUS;
  uint16_t id = counter_of(lower, number, wanted, counter);
  return asked_value(lower, scope, id, &key, counting->by_count > 0, counting->of == NULL, NULL, expr->span);
}

/* seen(f, D) [of E]: `left` is what is looked for; NULL: the asking event's field of that name. */
struct expr_node *lower_seen(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *seen,
                             const struct tree_expr *left) {
  struct counter_key key;
  const struct use *of = tree_seen_of(seen);
  int32_t number = asked_population(lower, scope, of, NULL, seen->span, &key);
  if (number < 0) return NULL;
  uint16_t column = column_of(lower, number, seen->items[0]);
  if (column == NO_COLUMN) return NULL;
  struct type type = lower->counters.populations[number].plan.columns[column].type;
  struct counter_plan wanted = {
      .kind = COUNTER_SEEN, .column = column, .before = true, .type = TYPE(VALUE_BOOL), .aggregate.where = NO_COLUMN};
  wanted.window = window_of(lower, number, (struct counter_window){.span = SPAN_DURATION, .over_us = seen->seen_us});
  const struct name *sought = &seen->items[0]->parts[0];
  if (scope->type == LOWER_NO_TYPE) {
    check(left == NULL);
    uint16_t id = counter_of(lower, number, wanted, seen);
    if (id == UINT16_MAX) return NULL;
    use_counter(lower, id);
    struct end_ask ask = {.counter = id};
    ask.slots = slots_at_end(lower, scope, id, &key, false, sought, type, seen->span);
    return ask.slots == NULL ? NULL : end_value(lower, scope, ask);
  }
  struct expr_node *operand =
      left != NULL ? lower_expr(lower, scope, left) : own_field(lower, scope->type, sought->text, type);
  if (operand == NULL) return NULL;
  operand = lower_cast(lower, operand, type);
  if (!expr_node_reads_only(operand, BANK_EVENT)) {
    lower_error(lower, seen->span, "counter", "compare a field of the event itself",
                "what is looked for in `seen` cannot be read from an earlier step");
    return NULL;
  }
  uint16_t id = counter_of(lower, number, wanted, seen);
  return asked_value(lower, scope, id, &key, false, of == NULL, operand, seen->span);
}

struct expr_node *lower_previous(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr) {
  struct counter_key key;
  int32_t number = asked_population(lower, scope, NULL, NULL, expr->span, &key);
  if (number < 0) return NULL;
  uint16_t column = column_of(lower, number, expr->items[0]);
  if (column == NO_COLUMN) return NULL;
  struct counter_plan wanted = {.kind = COUNTER_PREVIOUS,
                                .column = column,
                                .before = true,
                                .type = lower->counters.populations[number].plan.columns[column].type,
                                .aggregate.where = NO_COLUMN};
  wanted.window = window_of(
      lower, number, (struct counter_window){.span = SPAN_EVER, .over_us = PREVIOUS_IDLE_US + 1}); /* silent longer */
  uint16_t id = counter_of(lower, number, wanted, expr);
  return asked_value(lower, scope, id, &key, false, true, NULL, expr->span);
}

/* ---- the end ---- */

static const void *kept_copy(struct lower *lower, const void *items, uint16_t count, size_t size) {
  return arena_copy(lower->arena, count > 0 ? items : "", count * size);
}

void lower_counters_done(struct lower *lower) {
  struct counter_lowering *c = &lower->counters;
  struct ruleset *ruleset = lower->ruleset;
  struct population *populations = arena_array(lower->arena, struct population, c->population_count);
  for (uint16_t p = 0; p < c->population_count; p++) {
    struct population plan = c->populations[p].plan;
    plan.columns = kept_copy(lower, plan.columns, plan.column_count, sizeof *plan.columns);
    plan.windows = kept_copy(lower, plan.windows, plan.window_count, sizeof *plan.windows);
    plan.counters = kept_copy(lower, plan.counters, plan.counter_count, sizeof *plan.counters);
    plan.size = count_size(&lower->scratch, &plan, c->counters);
    populations[p] = plan;
  }
  ruleset->population_count = c->population_count;
  ruleset->populations = populations;
  ruleset->counter_count = c->counter_count;
  ruleset->counters = kept_copy(lower, c->counters, c->counter_count, sizeof *c->counters);
}
