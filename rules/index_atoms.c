/* index_atoms.c - takes a predicate apart into atoms (index_plan.h). Called while the index is built. */
#include "rules/index_plan.h"

/* ---- constants as bounds of keys ---- */

typedef __int128 wide;

static struct value value_of_key(struct type type, int64_t key) {
  if (type.kind != VALUE_FLOAT) return (struct value){.i = key, .kind = type.kind, .scale = type.scale};
  union {
    int64_t i;
    double f;
  } bits = {.i = key >= 0 ? key : key ^ INT64_MAX};
  return value_float(bits.f);
}

/* The first key whose value is >= c (or > c, if `above`), one behind the last key if there is none. Found by halving
 * the keys with the exact comparison, so that mixed kinds (an int field against 2.5) need no rules of their own. */
static wide first_key(struct type type, struct value c, bool above, wide low, wide end) {
  while (low < end) {
    wide middle = low + (end - low) / 2;
    int order = value_compare(value_of_key(type, (int64_t)middle), c);
    if (above ? order > 0 : order >= 0)
      end = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* The keys that are equal to `c`: [*from, *behind). */
static void equal_keys(struct type type, struct value c, wide *from, wide *behind, wide *end) {
  wide low = INT64_MIN;
  *end = (wide)INT64_MAX + 1;
  if (type.kind == VALUE_FLOAT) {
    low = index_float_key(-DBL_MAX);
    *end = (wide)index_float_key(DBL_MAX) + 1;
  }
  if (c.kind == type.kind && c.scale == type.scale && c.kind != VALUE_FLOAT) {
    *from = c.i;
    *behind = (wide)c.i + 1;
  } else {
    *from = first_key(type, c, false, low, *end);
    *behind = first_key(type, c, true, *from, *end);
  }
  /* -0 is the key below 0 and no value has it: an equality is then one key. */
  if (type.kind == VALUE_FLOAT && *from == -1 && *behind == 1) *from = 0;
}

bool index_equal_key(struct type type, struct value c, int64_t *key) {
  enum index_form form = index_form_of(type);
  if (form == FORM_STRING || form == FORM_IP) {
    *key = index_text_key(c);
    return true;
  }
  wide from, behind, end;
  equal_keys(type, c, &from, &behind, &end);
  if (from >= behind) return false;
  *key = (int64_t)from;
  return true;
}

/* ---- collecting ---- */

static struct index_atom *add(struct index_atoms *atoms, enum index_atom_kind kind, uint16_t slot) {
  if (atoms->count == atoms->capacity) {
    uint32_t capacity = atoms->capacity == 0 ? 4 : 2 * atoms->capacity;
    struct index_atom *items = arena_array(atoms->arena, struct index_atom, capacity);
    if (atoms->count > 0) memcpy(items, atoms->items, atoms->count * sizeof *items);
    atoms->items = items;
    atoms->capacity = capacity;
  }
  struct index_atom *atom = &atoms->items[atoms->count++];
  *atom = (struct index_atom){.kind = (uint8_t)kind, .slot = slot};
  return atom;
}

static void add_never(struct index_atoms *atoms) { atoms->never = true; }

static void add_between(struct index_atoms *atoms, uint16_t slot, int64_t low, int64_t high) {
  for (uint32_t i = 0; i < atoms->count; i++) {
    struct index_atom *atom = &atoms->items[i];
    if (atom->kind != ATOM_BETWEEN || atom->slot != slot) continue;
    if (low > atom->low) atom->low = low;
    if (high < atom->high) atom->high = high;
    if (atom->low > atom->high) add_never(atoms);
    return;
  }
  struct index_atom *atom = add(atoms, ATOM_BETWEEN, slot);
  atom->low = low;
  atom->high = high;
}

static enum expr_op inverse(enum expr_op op) {
  switch (op) {
  case EXPR_EQUAL: return EXPR_NOT_EQUAL;
  case EXPR_NOT_EQUAL: return EXPR_EQUAL;
  case EXPR_LESS: return EXPR_GREATER_EQUAL;
  case EXPR_LESS_EQUAL: return EXPR_GREATER;
  case EXPR_GREATER: return EXPR_LESS_EQUAL;
  case EXPR_GREATER_EQUAL: return EXPR_LESS;
  default: return op;
  }
}

static bool is_order(enum expr_op op) {
  return op == EXPR_LESS || op == EXPR_LESS_EQUAL || op == EXPR_GREATER || op == EXPR_GREATER_EQUAL;
}
static bool is_comparison(enum expr_op op) { return op == EXPR_EQUAL || op == EXPR_NOT_EQUAL || is_order(op); }
static bool is_number(uint8_t kind) { return kind == VALUE_INT || kind == VALUE_FLOAT || kind == VALUE_DECIMAL; }
static bool is_field(const struct expr_node *node) { return node->op == EXPR_INPUT && node->bank == BANK_EVENT; }

/* slot op c, c a constant that is not null and comparable. False: only the expression can decide it. */
static bool add_comparison(struct index_atoms *atoms, struct type type, uint16_t slot, enum expr_op op,
                           struct value c) {
  enum index_form form = index_form_of(type);
  if (form == FORM_NONE || (c.kind != type.kind && !(is_number(c.kind) && is_number(type.kind)))) return false;
  if (form == FORM_STRING || form == FORM_IP) {
    if (is_order(op)) return false;
    add(atoms, op == EXPR_EQUAL ? ATOM_SAME : ATOM_DIFFERENT, slot)->value = c;
    return true;
  }
  wide from, behind, end;
  equal_keys(type, c, &from, &behind, &end);
  wide low = INT64_MIN, high = INT64_MAX;
  switch (op) {
  case EXPR_EQUAL: low = from, high = behind - 1; break;
  case EXPR_NOT_EQUAL: {
    /* Where no value of the type is equal, all that are not null differ. */
    struct index_atom *atom = add(atoms, from == behind ? ATOM_PRESENT : ATOM_OUTSIDE, slot);
    if (from == behind) return true;
    atom->low = (int64_t)from;
    atom->high = (int64_t)(behind - 1);
    return true;
  }
  case EXPR_LESS: high = from - 1; break;
  case EXPR_LESS_EQUAL: high = behind - 1; break;
  case EXPR_GREATER: low = behind; break;
  case EXPR_GREATER_EQUAL: low = from; break;
  default: return false;
  }
  if (low > high || low > INT64_MAX || high < INT64_MIN)
    add_never(atoms);
  else
    add_between(atoms, slot, (int64_t)low, (int64_t)high);
  return true;
}

static bool add_compared(struct index_atoms *atoms, const struct type *slot_types, const struct expr_node *node,
                         bool negated) {
  const struct expr_node *left = node->children[0], *right = node->children[1];
  enum expr_op op = negated ? inverse(node->op) : node->op;
  if (left->op == EXPR_CONST && is_field(right)) {
    const struct expr_node *swap = left;
    left = right;
    right = swap;
    op = expr_mirrored(op);
  }
  if (!is_field(left) || right->op != EXPR_CONST) return false;
  if (value_is_null(right->value)) {
    add_never(atoms); /* a comparison with null is unknown, and so is its negation */
    return true;
  }
  return add_comparison(atoms, slot_types[left->index], left->index, op, right->value);
}

/* ---- sets ---- */

enum { ONE_OF_MAX = 16 };

static const struct list_set *constant_set(struct index_sets *sets, const struct expr_node *node, struct type type,
                                           const struct value *values, uint32_t count) {
  struct buf key;
  buf_init(&key, sets->arena->mem);
  for (uint16_t i = 1; i < node->child_count; i++) expr_node_key(&key, node->children[i]);
  buf_add(&key, &type, sizeof type);
  uint64_t hash = hash_bytes(key.data, key.length);
  buf_free(&key);
  for (uint32_t i = 0; i < sets->count; i++) {
    if (sets->items[i].hash == hash) return sets->items[i].set;
  }
  if (sets->count == sets->capacity) {
    uint32_t capacity = sets->capacity == 0 ? 16 : 2 * sets->capacity;
    struct index_const_set *items = arena_array(sets->arena, struct index_const_set, capacity);
    if (sets->count > 0) memcpy(items, sets->items, sets->count * sizeof *items);
    sets->items = items;
    sets->capacity = capacity;
  }
  const struct list_set *set = list_set_build(sets->ruleset->arena, type, values, count);
  sets->items[sets->count++] = (struct index_const_set){.hash = hash, .set = set};
  return set;
}

static bool add_in_set(struct index_atoms *atoms, const struct type *slot_types, const struct expr_node *node,
                       bool negated, struct index_sets *sets) {
  const struct expr_node *field = node->children[0];
  if (!is_field(field)) return false;
  uint16_t slot = field->index;
  struct type type = slot_types[slot];
  if (index_form_of(type) == FORM_NONE) return false;
  struct value *values = arena_array(atoms->arena, struct value, node->child_count);
  uint32_t count = 0;
  bool networks = false, nulls = false;
  for (uint16_t i = 1; i < node->child_count; i++) {
    if (node->children[i]->op != EXPR_CONST) return false;
    struct value v = node->children[i]->value;
    if (value_is_null(v)) {
      nulls = true;
      continue;
    }
    if (v.kind == VALUE_NETWORK)
      networks = true;
    else if (v.kind != type.kind && !(is_number(v.kind) && is_number(type.kind)))
      return false;
    values[count++] = v;
  }
  if (negated) {
    /* `x not in (1, null)` is never true. */
    if (nulls)
      add_never(atoms);
    else
      add(atoms, ATOM_NOT_SET, slot)->set = constant_set(sets, node, type, values, count);
    return true;
  }
  if (count == 0) {
    add_never(atoms);
  } else if (count <= ONE_OF_MAX && !networks) {
    struct index_atom *atom = add(atoms, ATOM_ONE_OF, slot);
    atom->value_count = count;
    atom->values = values;
  } else {
    add(atoms, ATOM_SET, slot)->set = constant_set(sets, node, type, values, count);
  }
  return true;
}

static bool add_in_list(struct index_atoms *atoms, const struct expr_node *node, bool negated,
                        struct index_sets *sets) {
  const struct expr_node *field = node->children[0];
  if (!is_field(field) || sets->ruleset->lists[node->index].live) return false; /* what changes is asked each time */
  add(atoms, negated ? ATOM_NOT_SET : ATOM_SET, field->index)->set = sets->ruleset->lists[node->index].set;
  return true;
}

/* ---- the whole ---- */

/* Recursion follows the node, whose depth is limited (EXPR_DEPTH_MAX). */
static void take_apart(struct index_atoms *atoms, const struct type *slot_types, const struct expr_node *node,
                       bool negated, struct index_sets *sets) {
  bool done = false;
  switch (node->op) {
  case EXPR_NOT: take_apart(atoms, slot_types, node->children[0], !negated, sets); return;
  case EXPR_AND:
  case EXPR_OR:
    if ((node->op == EXPR_AND) == negated) break;
    for (uint16_t i = 0; i < node->child_count; i++) take_apart(atoms, slot_types, node->children[i], negated, sets);
    return;
  case EXPR_CONST:
    if (node->value.kind != VALUE_BOOL || (node->value.i != 0) == negated) add_never(atoms);
    return;
  case EXPR_INPUT:
    if (!is_field(node) || node->type.kind != VALUE_BOOL) break;
    add_between(atoms, node->index, !negated, !negated);
    return;
  case EXPR_IS_NULL:
    if (!is_field(node->children[0])) break;
    add(atoms, negated ? ATOM_PRESENT : ATOM_NULL, node->children[0]->index);
    return;
  case EXPR_IN_SET: done = add_in_set(atoms, slot_types, node, negated, sets); break;
  case EXPR_IN_LIST: done = add_in_list(atoms, node, negated, sets); break;
  default:
    if (is_comparison(node->op)) done = add_compared(atoms, slot_types, node, negated);
    break;
  }
  if (!done) atoms->expr = true;
}

void index_atoms_of(struct index_atoms *atoms, const struct type *slot_types, const struct expr_node *node,
                    struct index_sets *sets) {
  take_apart(atoms, slot_types, node, false, sets);
}

/* The operands of an `or` (and of those inside of it), 0 if there are too many. */
static uint32_t operands_of_or(const struct expr_node *node, const struct expr_node **out) {
  const struct expr_node *stack[INDEX_ALTERNATIVES_MAX];
  uint32_t count = 0, depth = 0;
  stack[depth++] = node;
  while (depth > 0) {
    const struct expr_node *top = stack[--depth];
    if (top->op != EXPR_OR) {
      if (count == INDEX_ALTERNATIVES_MAX) return 0;
      out[count++] = top;
      continue;
    }
    if (top->child_count > INDEX_ALTERNATIVES_MAX - depth) return 0;
    for (uint16_t i = 0; i < top->child_count; i++) stack[depth++] = top->children[i];
  }
  return count;
}

uint32_t index_alternatives(const struct expr_node *node, const struct expr_node *out[INDEX_ALTERNATIVES_MAX]) {
  enum { CONJUNCTS_MAX = 64 };
  const struct expr_node *stack[CONJUNCTS_MAX];
  uint32_t depth = 0;
  stack[depth++] = node;
  while (depth > 0) {
    const struct expr_node *top = stack[--depth];
    if (top->op == EXPR_OR) return operands_of_or(top, out);
    if (top->op != EXPR_AND || top->child_count > CONJUNCTS_MAX - depth) continue;
    for (uint16_t i = 0; i < top->child_count; i++) stack[depth++] = top->children[i];
  }
  return 0;
}
