/* floors: base */
/* Random typed expressions: compiled and run, against an evaluation that walks the tree in the plainest way. */
#include "base/expr.h"

#include "base/check.h"
#include "base/expr_number.h"
#include "base/function.h"
#include "test.h"

static struct mem *mem;
static struct arena nodes, scratch;
static struct expr_counts counts, plain_counts;
static struct value event[64], registers[64];
static unsigned inputs;

static uint64_t state = 0xda942042e4dd58b5u;
static unsigned random_below(unsigned n) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(state >> 33) % n;
}

/* ---- plain evaluation ---- */

static struct value plain(const struct expr_node *node);

static struct value plain_and_or(const struct expr_node *node) {
  int64_t decisive = node->op == EXPR_OR;
  bool unknown = false;
  for (unsigned i = 0; i < node->child_count; i++) {
    struct value v = plain(node->children[i]);
    if (!value_is_null(v) && v.i == decisive) return v;
    unknown |= value_is_null(v);
  }
  return unknown ? value_null() : value_bool(!decisive);
}

/* A decimal literal (also a folded one: the generator makes none of those) beside a float is a float. */
static struct value compared(const struct expr_node *node, struct type other) {
  struct value v = plain(node);
  if (node->op == EXPR_CONST && v.kind == VALUE_DECIMAL && other.kind == VALUE_FLOAT)
    return number_cast(v, TYPE(VALUE_FLOAT), &plain_counts);
  return v;
}

static struct value plain_compare(enum expr_op op, const struct expr_node *x, const struct expr_node *y) {
  struct value a = compared(x, y->type), b = compared(y, x->type);
  if (value_is_null(a) || value_is_null(b)) return value_null();
  int order = value_compare(a, b);
  const bool holds[] = {order == 0, order != 0, order<0, order <= 0, order> 0, order >= 0};
  return value_bool(holds[op - EXPR_EQUAL]);
}

static struct value plain_in(const struct expr_node *node) {
  bool unknown = false;
  for (unsigned i = 1; i < node->child_count; i++) {
    struct value v = plain_compare(EXPR_EQUAL, node->children[0], node->children[i]);
    if (value_is_null(v)) unknown = true;
    if (!value_is_null(v) && v.i) return value_bool(true);
  }
  return unknown ? value_null() : value_bool(false);
}

static struct value plain_call(const struct expr_node *node) {
  const struct function *function = function_at(node->index);
  struct value arguments[8];
  for (unsigned i = 0; i < node->child_count; i++) {
    arguments[i] = plain(node->children[i]);
    if (value_is_null(arguments[i])) return value_null();
    if (function_parameter_at(function, i)->kind == PARAMETER_FLOAT)
      arguments[i] = number_cast(arguments[i], TYPE(VALUE_FLOAT), &plain_counts);
  }
  struct function_frame frame = {.arguments = arguments,
                                 .count = node->child_count,
                                 .type = node->type,
                                 .scratch = &nodes,
                                 .counts = &plain_counts};
  return function->call(&frame);
}

static struct value plain(const struct expr_node *node) {
  struct value a;
  switch (node->op) {
  case EXPR_CONST: return node->value;
  case EXPR_INPUT: return node->bank == BANK_EVENT ? event[node->index] : registers[node->index];
  case EXPR_NEGATE: return number_negate(plain(node->children[0]), &plain_counts);
  case EXPR_ADD:
  case EXPR_SUBTRACT:
  case EXPR_MULTIPLY:
  case EXPR_DIVIDE:
  case EXPR_MODULO:
    return number_binary(node->op, plain(node->children[0]), plain(node->children[1]), node->type, &plain_counts);
  case EXPR_AND:
  case EXPR_OR: return plain_and_or(node);
  case EXPR_NOT: a = plain(node->children[0]); return value_is_null(a) ? a : value_bool(!a.i);
  case EXPR_IN_SET: return plain_in(node);
  case EXPR_IS_NULL: return value_bool(value_is_null(plain(node->children[0])));
  case EXPR_COALESCE:
    for (unsigned i = 0; i < node->child_count; i++) { /* the one that is there is widened, whatever comes of it */
      const struct expr_node *child = node->children[i];
      if (child->op == EXPR_CAST && type_equal(child->type, node->type)) child = child->children[0];
      a = plain(child);
      if (!value_is_null(a)) return number_cast(a, node->type, &plain_counts);
    }
    return value_null();
  case EXPR_IF:
    a = plain(node->children[0]);
    return number_cast(plain(node->children[!value_is_null(a) && a.i ? 1 : 2]), node->type, &plain_counts);
  case EXPR_CAST: return number_cast(plain(node->children[0]), node->type, &plain_counts);
  case EXPR_CALL: return plain_call(node);
  default: return plain_compare(node->op, node->children[0], node->children[1]);
  }
}

/* ---- generation ---- */

static struct expr_node *node_new(enum expr_op op, struct type type, unsigned count) {
  struct expr_node *node = arena_new(&nodes, struct expr_node);
  node->op = op;
  node->type = type;
  node->child_count = (uint16_t)count;
  node->children = arena_array(&nodes, struct expr_node *, count + 1);
  return node;
}

static struct value random_value(struct type type) {
  static const int64_t numbers[] = {0,  1,   -1,   2,       3,         5,         7,
                                    10, 100, -250, 1000000, INT64_MAX, INT64_MIN, INT64_MAX / 100};
  static const double floats[] = {0, 1, -1, 0.1, 0.5, 2.5, 1e300, -1e-300, 3, 100, 9007199254740993.0};
  static const char *const texts[] = {"", "a", "b", "ab", "approved", "declined", "a rather long text of 33 bytes"};
  if (random_below(6) == 0) return value_null();
  int64_t number = numbers[random_below(random_below(2) ? 8 : 14)];
  switch (type.kind) {
  case VALUE_BOOL: return value_bool(random_below(2));
  case VALUE_FLOAT: return value_float(floats[random_below(11)]);
  case VALUE_STRING: return value_string(slice_of(texts[random_below(7)]));
  default: return (struct value){.i = number, .kind = type.kind, .scale = type.scale};
  }
}

static struct expr_node *leaf(struct type type) {
  struct value v = random_value(type);
  unsigned form = random_below(3);
  struct expr_node *node = node_new(form == 0 || inputs == 64 ? EXPR_CONST : EXPR_INPUT, type, 0);
  if (node->op == EXPR_CONST) {
    node->value = v;
    return node;
  }
  node->bank = form == 1 ? BANK_EVENT : BANK_REGISTER;
  node->index = (uint16_t)inputs++;
  (form == 1 ? event : registers)[node->index] = v;
  return node;
}

static struct type random_type(void) {
  static const uint8_t kinds[] = {VALUE_BOOL,   VALUE_INT,  VALUE_FLOAT,    VALUE_DECIMAL,
                                  VALUE_STRING, VALUE_TIME, VALUE_DURATION, VALUE_DECIMAL};
  uint8_t kind = kinds[random_below(8)];
  return kind == VALUE_DECIMAL ? TYPE_DECIMAL(random_below(4)) : TYPE(kind);
}

static struct expr_node *generate(struct type type, unsigned depth);

static struct expr_node *any(unsigned depth) { return generate(random_type(), depth); }

/* Two that can be compared. */
static void generate_pair(struct expr_node **a, struct expr_node **b, unsigned depth) {
  struct type x = random_type(), y = random_type();
  if (!expr_type_comparable(x, y)) y = x;
  *a = generate(x, depth);
  *b = generate(y, depth);
}

static struct expr_node *generate_bool(unsigned depth) {
  struct type type = TYPE(VALUE_BOOL);
  struct expr_node *node;
  switch (random_below(7)) {
  case 0:
  case 1:
    node = node_new(random_below(2) ? EXPR_AND : EXPR_OR, type, 2 + random_below(3));
    for (unsigned i = 0; i < node->child_count; i++) node->children[i] = generate(type, depth);
    return node;
  case 2:
    node = node_new(EXPR_NOT, type, 1);
    node->children[0] = generate(type, depth);
    return node;
  case 3:
    node = node_new(EXPR_IS_NULL, type, 1);
    node->children[0] = any(depth);
    return node;
  case 4: {
    node = node_new(EXPR_IN_SET, type, 2 + random_below(12));
    node->children[0] = any(depth);
    struct type sought = node->children[0]->type;
    for (unsigned i = 1; i < node->child_count; i++)
      node->children[i] = random_below(6) == 0 ? generate(sought, depth) : leaf(sought);
    return node;
  }
  default:
    node = node_new(EXPR_EQUAL, type, 2);
    generate_pair(&node->children[0], &node->children[1], depth);
    node->op = (enum expr_op)(EXPR_EQUAL + random_below(node->children[0]->type.kind == VALUE_BOOL ? 2 : 6));
    return node;
  }
}

static struct expr_node *generate_call(const char *name, struct type type, struct expr_node *a, struct expr_node *b) {
  struct expr_node *node = node_new(EXPR_CALL, type, b == NULL ? 1 : 2);
  const struct function *function = function_find(slice_of(name));
  char why[FUNCTION_WHY_MAX];
  struct type types[2] = {a->type, b == NULL ? a->type : b->type};
  node->index = function_index(function);
  node->children[0] = a;
  node->children[1] = b;
  check(function_check(function, types, node->child_count, &node->type, why));
  return node;
}

/* An operator whose result may be of any type: the caller looks whether it is the one wanted. */
static struct expr_node *generate_arithmetic(struct type type, unsigned depth) {
  struct expr_node *a = any(depth), *b = any(depth);
  enum expr_op op = (enum expr_op)(EXPR_ADD + random_below(5));
  struct type result;
  const char *why;
  if (!expr_type_binary(op, a->type, b->type, &result, &why) || !type_equal(result, type)) return NULL;
  struct expr_node *node = node_new(op, result, 2);
  node->children[0] = a;
  node->children[1] = b;
  return node;
}

static struct type narrower(struct type type) {
  if (type.kind == VALUE_FLOAT) return random_below(2) ? TYPE(VALUE_INT) : TYPE_DECIMAL(random_below(4));
  if (type.kind == VALUE_DECIMAL && type.scale > 0)
    return random_below(2) ? TYPE(VALUE_INT) : TYPE_DECIMAL(random_below(type.scale));
  return type;
}

static struct expr_node *generate(struct type type, unsigned depth) {
  if (depth == 0 || inputs > 50) return leaf(type);
  depth--;
  struct expr_node *node;
  switch (random_below(8)) {
  case 0: return leaf(type);
  case 1:
    node = node_new(EXPR_IF, type, 3);
    node->children[0] = generate(TYPE(VALUE_BOOL), depth);
    node->children[1] = generate(type, depth);
    node->children[2] = generate(narrower(type), depth);
    return node;
  case 2:
    node = node_new(EXPR_COALESCE, type, 1 + random_below(4));
    for (unsigned i = 0; i < node->child_count; i++)
      node->children[i] = generate(random_below(2) ? type : narrower(type), depth);
    return node;
  default: break;
  }
  if (type.kind == VALUE_BOOL) return generate_bool(depth);
  if (type.kind == VALUE_STRING) {
    if (random_below(2)) return generate_call("upper", type, generate(type, depth), NULL);
    return generate_call("concat", type, generate(type, depth), generate(type, depth));
  }
  if (number_kind(type.kind) && random_below(4) == 0) {
    if (random_below(2)) return generate_call("abs", type, generate(type, depth), NULL);
    return generate_call("min", type, generate(type, depth), generate(narrower(type), depth));
  }
  if (type.kind != VALUE_TIME && random_below(5) == 0) {
    node = node_new(EXPR_NEGATE, type, 1);
    node->children[0] = generate(type, depth);
    return node;
  }
  if (number_kind(type.kind) && random_below(6) == 0) {
    node = node_new(EXPR_CAST, type, 1);
    node->children[0] = generate(narrower(type), depth);
    return node;
  }
  for (int attempt = 0; attempt < 20; attempt++) {
    unsigned before = inputs;
    node = generate_arithmetic(type, depth > 0 ? depth - 1 : 0);
    if (node != NULL) return node;
    inputs = before;
  }
  return leaf(type);
}

static bool has_folded_decimal(const struct expr_node *node) {
  /* A decimal that is computed from literals alone becomes a literal when it is folded, and may then be read as a
   * float; the plain evaluation does not know which are. */
  bool constant = node->op != EXPR_INPUT;
  for (unsigned i = 0; i < node->child_count; i++) {
    if (has_folded_decimal(node->children[i])) return true;
    constant &= node->children[i]->op == EXPR_CONST;
  }
  return constant && node->child_count > 0 && node->type.kind == VALUE_DECIMAL;
}

static bool same(struct value a, struct value b) {
  return a.kind == b.kind && (a.kind != VALUE_DECIMAL || a.scale == b.scale) && value_equal(a, b);
}

TEST(compiled_and_plain_agree) {
  mem = mem_new(0);
  arena_init(&nodes, mem, 1 << 18);
  arena_init(&scratch, mem, 1 << 18);
  unsigned nulls = 0, tried = 0;
  for (int round = 0; round < 60000; round++) {
    arena_reset(&nodes);
    arena_reset(&scratch);
    inputs = 0;
    struct expr_node *node = generate(random_below(2) ? TYPE(VALUE_BOOL) : random_type(), 1 + random_below(5));
    if (has_folded_decimal(node)) continue;
    struct err err = {0};
    struct expr *expr = expr_compile(&nodes, node, &err);
    EXPECT(expr != NULL);
    counts = plain_counts = (struct expr_counts){0};
    struct expr_env env = {.banks = {event, registers}, .scratch = &scratch, .counts = &counts};
    struct value got = expr_eval(expr, &env), expected = plain(node);
    EXPECT(same(got, expected));
    if (!same(got, expected)) {
      struct buf out;
      buf_init(&out, mem);
      value_json(&out, got);
      buf_str(&out, " instead of ");
      value_json(&out, expected);
      printf("round %d: %s\n", round, buf_text(&out));
      break;
    }
    if (node->type.kind == VALUE_BOOL) EXPECT_INT(expr_truth(expr, &env), value_is_null(got) ? -1 : got.i);
    nulls += value_is_null(got);
    tried++;
  }
  printf("%u expressions, %u of them null\n", tried, nulls);
  EXPECT(tried > 30000 && nulls < tried / 2);
  mem_free_all(mem);
}

/* Whether `node` could be compiled with the n-th allocation of a fresh context failing and all were made before it. */
static bool survives(const struct expr_node *node, uint64_t n) {
  struct mem *context = mem_new(0);
  volatile bool finished = false;
  mem_fail_at(context, n);
  if (MEM_GUARD(context) == 0) {
    struct arena arena;
    struct err err = {0};
    struct buf key;
    arena_init(&arena, context, 256);
    buf_init(&key, context);
    EXPECT(expr_compile(&arena, node, &err) != NULL);
    expr_node_key(&key, node);
    finished = mem_count(context) < n;
    mem_unguard(context);
  }
  mem_free_all(context);
  return finished;
}

TEST(every_failed_allocation_escapes) {
  mem = mem_new(0);
  arena_init(&nodes, mem, 1 << 18);
  for (int round = 0; round < 200; round++) {
    arena_reset(&nodes);
    inputs = 0;
    struct expr_node *node = generate(TYPE(VALUE_BOOL), 5);
    uint64_t n = 1;
    while (n < 10000 && !survives(node, n)) n++;
    EXPECT(n < 10000);
  }
  mem_free_all(mem);
}

TEST_MAIN
