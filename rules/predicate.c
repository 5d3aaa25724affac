/* predicate.c - hash-consing of conditions by the canonical bytes of their nodes. */
#include "rules/predicate.h"

#include "base/hash.h"

enum { FIRST_CAPACITY = 64, COST_MAX = 100 };

void predicate_table_init(struct predicate_table *table, struct mem *mem, struct arena *arena, struct arena *work) {
  *table = (struct predicate_table){.mem = mem, .arena = arena, .work = work};
  buf_init(&table->key, mem);
  buf_init(&table->other_key, mem);
}

void predicate_table_free(struct predicate_table *table) {
  mem_free(table->mem, table->slots);
  mem_free(table->mem, (void *)table->nodes);
  buf_free(&table->key);
  buf_free(&table->other_key);
}

static uint16_t cost_of(enum expr_op op) {
  switch (op) {
  case EXPR_MATCHES:
  case EXPR_MODEL: return 60;
  case EXPR_CALL: return 10;
  case EXPR_IN_LIST:
  case EXPR_TABLE:
  case EXPR_IN_VALUE: return 6;
  case EXPR_IN_SET: return 4;
  default: return 1;
  }
}

/* Recursion follows the node, whose depth is limited (EXPR_DEPTH_MAX). */
uint16_t predicate_cost(const struct expr_node *node) {
  uint32_t cost = cost_of(node->op) + (node->op == EXPR_CALL && node->regex != NULL ? 50 : 0);
  for (uint16_t i = 0; i < node->child_count && cost < COST_MAX; i++) cost += predicate_cost(node->children[i]);
  return cost < COST_MAX ? (uint16_t)cost : COST_MAX;
}

static void grow(struct predicate_table *table) {
  int32_t capacity = table->capacity == 0 ? FIRST_CAPACITY : 2 * table->capacity;
  size_t room = (size_t)capacity;
  table->predicates = mem_realloc(table->mem, table->predicates, room * sizeof *table->predicates);
  table->nodes = mem_realloc(table->mem, (void *)table->nodes, room * sizeof *table->nodes);
  table->texts = mem_realloc(table->mem, table->texts, room * sizeof *table->texts);
  struct predicate_slot *old = table->slots;
  uint32_t old_size = old == NULL ? 0 : table->mask + 1;
  table->mask = 2 * (uint32_t)capacity - 1;
  table->slots = mem_alloc(table->mem, sizeof *table->slots * ((size_t)table->mask + 1));
  for (uint32_t i = 0; i < old_size; i++) {
    if (old[i].number == 0) continue;
    uint32_t at = (uint32_t)old[i].hash & table->mask;
    while (table->slots[at].number != 0) at = (at + 1) & table->mask;
    table->slots[at] = old[i];
  }
  mem_free(table->mem, old);
  table->capacity = capacity;
}

/* Recursion follows the node, whose depth is limited (EXPR_DEPTH_MAX). */
static struct expr_node *copy_of(struct arena *arena, const struct expr_node *node) {
  struct expr_node *copy = arena_alloc(arena, sizeof *copy);
  *copy = *node;
  if (node->op == EXPR_CONST) copy->value = value_copy(arena, node->value);
  if (node->child_count == 0) return copy;
  copy->children = arena_alloc(arena, sizeof *copy->children * node->child_count);
  for (uint16_t i = 0; i < node->child_count; i++) copy->children[i] = copy_of(arena, node->children[i]);
  return copy;
}

int predicate_intern(struct predicate_table *table, uint16_t type, const struct expr_node *node, struct slice text,
                     int32_t *predicate, struct err *err) {
  if (table->count == table->capacity) grow(table);
  buf_clear(&table->key);
  buf_add(&table->key, &type, sizeof type);
  expr_node_key(&table->key, node);
  uint64_t hash = hash_bytes(table->key.data, table->key.length);
  uint32_t at = (uint32_t)hash & table->mask;
  for (; table->slots[at].number != 0; at = (at + 1) & table->mask) {
    if (table->slots[at].hash != hash) continue;
    int32_t found = table->slots[at].number - 1;
    buf_clear(&table->other_key);
    buf_add(&table->other_key, &table->predicates[found].type, sizeof type);
    expr_node_key(&table->other_key, table->nodes[found]);
    if (!slice_equal(buf_view(&table->key), buf_view(&table->other_key))) continue;
    *predicate = found;
    return 0;
  }
  if (table->count == PREDICATES_MAX)
    return err_set(err, ERR_ABORT, "more than %d different conditions", PREDICATES_MAX);
  const struct expr *expr = expr_compile(table->arena, node, err);
  if (expr == NULL) return ERR_ABORT;
  int32_t number = table->count++;
  table->predicates[number] = (struct predicate){.expr = expr, .type = type, .cost = predicate_cost(node)};
  table->nodes[number] = copy_of(table->work, node);
  table->texts[number] = (struct slice){arena_copy(table->arena, text.data, text.length), text.length};
  table->slots[at] = (struct predicate_slot){.hash = hash, .number = number + 1};
  *predicate = number;
  return 0;
}
