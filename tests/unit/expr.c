/* floors: base */
/* Operators at their borders, three-valued logic in full, sets, casts, folding, keys; compiled and run. */
#include "base/expr.h"

#include <math.h>
#include <stdio.h>

#include "base/expr_set.h"
#include "base/function.h"
#include "base/ip.h"
#include "base/regex.h"
#include "test.h"

static struct mem *mem;
static struct arena nodes, scratch;
static struct expr_counts counts;
static struct value event[16], registers[16];
static struct expr_env env;

static int list_has(void *context, uint16_t list, struct value v) {
  (void)context;
  return list == 3 && v.kind == VALUE_INT && v.i == 7;
}
static struct value table_get(void *context, uint16_t table, uint16_t column, struct value key) {
  (void)context;
  return key.i == 1 ? value_int(table * 10 + column) : value_null();
}
/* Ten times the first and the second, so that the order is seen; model 1 has no score; of more inputs their number. */
static struct value model_get(void *context, uint16_t model, const struct value *inputs, uint32_t count) {
  (void)context;
  if (model == 1) return value_null();
  if (count > 2) return value_float(count);
  double a = value_is_null(inputs[0]) ? -1 : (double)inputs[0].i, b = value_is_null(inputs[1]) ? -1 : inputs[1].f;
  return value_float(10 * a + b);
}
static const struct expr_lookup lookup = {.list_has = list_has, .table_get = table_get, .model_get = model_get};

static void begin(void) {
  mem = mem_new(0);
  arena_init(&nodes, mem, 1 << 16);
  arena_init(&scratch, mem, 1 << 16);
  counts = (struct expr_counts){0};
  env = (struct expr_env){.scratch = &scratch, .lookup = &lookup, .counts = &counts};
  env.banks[BANK_EVENT] = event;
  env.banks[BANK_REGISTER] = registers;
  for (int i = 0; i < 16; i++) event[i] = registers[i] = value_null();
}
static void end(void) { mem_free_all(mem); }

static struct type type_of(struct value v) {
  struct type type = {.kind = v.kind, .scale = v.kind == VALUE_DECIMAL ? v.scale : 0};
  if (v.kind == VALUE_LIST) {
    type.element = v.length == 0 ? VALUE_INT : v.list[0].kind;
    type.element_scale = v.length == 0 ? 0 : v.list[0].scale;
  }
  return type;
}

static struct expr_node *node_new(enum expr_op op, struct type type, unsigned count) {
  struct expr_node *node = arena_new(&nodes, struct expr_node);
  node->op = op;
  node->type = type;
  node->child_count = (uint16_t)count;
  node->children = arena_array(&nodes, struct expr_node *, count + 1);
  return node;
}
static struct expr_node *literal(struct value v) {
  struct expr_node *node = node_new(EXPR_CONST, type_of(v), 0);
  node->value = v;
  return node;
}
static struct expr_node *input(enum expr_bank bank, uint16_t index, struct type type) {
  struct expr_node *node = node_new(EXPR_INPUT, type, 0);
  node->bank = (uint16_t)bank;
  node->index = index;
  return node;
}
static struct expr_node *field(uint16_t index, struct type type) { return input(BANK_EVENT, index, type); }
static struct expr_node *binary(enum expr_op op, struct expr_node *a, struct expr_node *b) {
  struct type type = {0};
  const char *why = "";
  EXPECT(expr_type_binary(op, a->type, b->type, &type, &why));
  struct expr_node *node = node_new(op, type, 2);
  node->children[0] = a;
  node->children[1] = b;
  return node;
}
static struct expr_node *unary(enum expr_op op, struct expr_node *a) {
  struct type type = {0};
  const char *why = "";
  EXPECT(expr_type_unary(op, a->type, &type, &why));
  struct expr_node *node = node_new(op, type, 1);
  node->children[0] = a;
  return node;
}
static struct expr_node *choice(struct expr_node *c, struct expr_node *a, struct expr_node *b) {
  struct type type = {0};
  EXPECT(expr_type_common(a->type, b->type, &type));
  struct expr_node *node = node_new(EXPR_IF, type, 3);
  node->children[0] = c;
  node->children[1] = a;
  node->children[2] = b;
  return node;
}
static struct expr_node *in_set(struct expr_node *a, const struct value *members, unsigned count) {
  struct expr_node *node = node_new(EXPR_IN_SET, TYPE(VALUE_BOOL), count + 1);
  node->children[0] = a;
  for (unsigned i = 0; i < count; i++) node->children[i + 1] = literal(members[i]);
  return node;
}
static struct value text(const char *s) { return value_string(slice_of(s)); }

static struct expr *compiled(const struct expr_node *node) {
  struct err err = {0};
  struct expr *expr = expr_compile(&nodes, node, &err);
  EXPECT(expr != NULL);
  if (expr == NULL) printf("%s\n", err.text);
  return expr;
}
static struct value value_of(const struct expr_node *node) { return expr_eval(compiled(node), &env); }
static int truth_of(const struct expr_node *node) { return expr_truth(compiled(node), &env); }

static bool same(struct value a, struct value b) {
  if (a.kind != b.kind) return false;
  if (a.kind == VALUE_DECIMAL && a.scale != b.scale) return false;
  return value_equal(a, b);
}

/* The operator with operands that stand in fields, in registers, and as literals (folded): all must agree, and count
 * the same number of overflows. */
static struct value apply(enum expr_op op, struct value a, struct value b, uint64_t overflows) {
  struct value results[6];
  struct type a_type = type_of(a), b_type = type_of(b);
  event[0] = registers[0] = a;
  event[1] = registers[1] = b;
  struct expr_node *forms[6] = {
      binary(op, field(0, a_type), field(1, b_type)),
      binary(op, input(BANK_REGISTER, 0, a_type), input(BANK_REGISTER, 1, b_type)),
      binary(op, field(0, a_type), input(BANK_REGISTER, 1, b_type)),
      binary(op, field(0, a_type), literal(b)),
      binary(op, literal(a), input(BANK_REGISTER, 1, b_type)),
      binary(op, literal(a), literal(b)),
  };
  for (int i = 0; i < 6; i++) {
    counts.overflow = 0;
    results[i] = value_of(forms[i]);
    EXPECT_INT(counts.overflow, overflows);
    EXPECT(same(results[i], results[0]));
  }
  return results[0];
}

#define GIVES(op, a, b, expected) EXPECT(same(apply(op, a, b, 0), expected))
#define OVERFLOWS(op, a, b) EXPECT(value_is_null(apply(op, a, b, 1)))

TEST(int_arithmetic) {
  begin();
  GIVES(EXPR_ADD, value_int(2), value_int(3), value_int(5));
  GIVES(EXPR_ADD, value_int(INT64_MAX), value_int(0), value_int(INT64_MAX));
  OVERFLOWS(EXPR_ADD, value_int(INT64_MAX), value_int(1));
  GIVES(EXPR_SUBTRACT, value_int(INT64_MIN), value_int(0), value_int(INT64_MIN));
  OVERFLOWS(EXPR_SUBTRACT, value_int(INT64_MIN), value_int(1));
  GIVES(EXPR_MULTIPLY, value_int(3037000499), value_int(3037000499), value_int(9223372030926249001));
  OVERFLOWS(EXPR_MULTIPLY, value_int(3037000500), value_int(3037000500));
  OVERFLOWS(EXPR_MULTIPLY, value_int(INT64_MIN), value_int(-1));
  GIVES(EXPR_DIVIDE, value_int(1), value_int(3), value_float(1.0 / 3));
  GIVES(EXPR_DIVIDE, value_int(INT64_MAX), value_int(INT64_MAX), value_float(1));
  GIVES(EXPR_DIVIDE, value_int(9007199254740993), value_int(1), value_float(9007199254740992.0));
  GIVES(EXPR_DIVIDE, value_int(INT64_MIN), value_int(-1), value_float(0x1p63));
  OVERFLOWS(EXPR_DIVIDE, value_int(1), value_int(0));
  GIVES(EXPR_MODULO, value_int(7), value_int(3), value_int(1));
  GIVES(EXPR_MODULO, value_int(-7), value_int(3), value_int(-1));
  GIVES(EXPR_MODULO, value_int(7), value_int(-3), value_int(1));
  GIVES(EXPR_MODULO, value_int(INT64_MIN), value_int(-1), value_int(0));
  OVERFLOWS(EXPR_MODULO, value_int(7), value_int(0));
  event[0] = value_int(INT64_MIN);
  counts.overflow = 0;
  EXPECT(value_is_null(value_of(unary(EXPR_NEGATE, field(0, TYPE(VALUE_INT))))));
  EXPECT_INT(counts.overflow, 1);
  event[0] = value_int(5);
  EXPECT(same(value_of(unary(EXPR_NEGATE, field(0, TYPE(VALUE_INT)))), value_int(-5)));
  EXPECT(same(value_of(unary(EXPR_NEGATE, literal(value_decimal(5, 1)))), value_decimal(-5, 1)));
  end();
}

TEST(decimal_arithmetic) {
  begin();
  struct value most = value_decimal(INT64_MAX, 2);
  GIVES(EXPR_ADD, value_decimal(150, 2), value_decimal(25, 1), value_decimal(400, 2));
  GIVES(EXPR_ADD, value_decimal(150, 2), value_int(2), value_decimal(350, 2));
  GIVES(EXPR_SUBTRACT, value_int(2), value_decimal(150, 2), value_decimal(50, 2));
  OVERFLOWS(EXPR_ADD, most, value_decimal(1, 2));
  OVERFLOWS(EXPR_ADD, value_int(INT64_MAX), value_decimal(0, 2));
  /* The parts do not fit two digits, their difference does. */
  GIVES(EXPR_SUBTRACT, value_int(92233720368547759), most, value_decimal(93, 2));
  GIVES(EXPR_MULTIPLY, value_decimal(150, 2), value_decimal(25, 1), value_decimal(3750, 3));
  GIVES(EXPR_MULTIPLY, value_decimal(150, 2), value_int(-2), value_decimal(-300, 2));
  OVERFLOWS(EXPR_MULTIPLY, most, value_int(2));
  GIVES(EXPR_DIVIDE, value_decimal(100, 2), value_int(3), value_float(1.0 / 3));
  GIVES(EXPR_DIVIDE, value_decimal(1, 18), value_decimal(3, 0), value_float(1e-18 / 3));
  GIVES(EXPR_DIVIDE, value_decimal(30, 1), value_decimal(100, 2), value_float(3));
  OVERFLOWS(EXPR_DIVIDE, most, value_decimal(0, 5));
  GIVES(EXPR_MODULO, value_decimal(-75, 1), value_int(2), value_decimal(-15, 1));
  GIVES(EXPR_MODULO, value_decimal(75, 1), value_decimal(200, 2), value_decimal(150, 2));
  OVERFLOWS(EXPR_MODULO, most, value_decimal(0, 0));
  struct type type;
  const char *why;
  EXPECT(!expr_type_binary(EXPR_MULTIPLY, TYPE_DECIMAL(10), TYPE_DECIMAL(9), &type, &why));
  EXPECT(strstr(why, "18 digits") != NULL);
  EXPECT(expr_type_binary(EXPR_MULTIPLY, TYPE_DECIMAL(9), TYPE_DECIMAL(9), &type, &why) && type.scale == 18);
  end();
}

TEST(float_arithmetic) {
  begin();
  GIVES(EXPR_ADD, value_float(0.5), value_int(2), value_float(2.5));
  GIVES(EXPR_ADD, value_float(0.5), value_decimal(25, 1), value_float(3));
  GIVES(EXPR_MULTIPLY, value_decimal(1, 1), value_float(3), value_float(0.1 * 3));
  GIVES(EXPR_DIVIDE, value_float(1), value_decimal(4, 1), value_float(1 / 0.4));
  GIVES(EXPR_MODULO, value_float(-7.5), value_int(2), value_float(-1.5));
  OVERFLOWS(EXPR_MULTIPLY, value_float(1e200), value_float(1e200));
  OVERFLOWS(EXPR_ADD, value_float(1.7e308), value_float(1.7e308));
  OVERFLOWS(EXPR_DIVIDE, value_float(1), value_float(0));
  OVERFLOWS(EXPR_DIVIDE, value_float(0), value_int(0));
  OVERFLOWS(EXPR_MODULO, value_float(1), value_float(0));
  struct value zero = apply(EXPR_MULTIPLY, value_float(-1), value_float(0), 0);
  EXPECT(!signbit(zero.f)); /* -0 is 0 */
  end();
}

TEST(times_and_durations) {
  begin();
  GIVES(EXPR_SUBTRACT, value_time(5000), value_time(2000), value_duration(3000));
  GIVES(EXPR_ADD, value_time(5000), value_duration(1), value_time(5001));
  GIVES(EXPR_ADD, value_duration(1), value_time(5000), value_time(5001));
  GIVES(EXPR_SUBTRACT, value_time(5000), value_duration(1), value_time(4999));
  GIVES(EXPR_ADD, value_duration(1), value_duration(2), value_duration(3));
  GIVES(EXPR_MULTIPLY, value_duration(7), value_int(3), value_duration(21));
  GIVES(EXPR_MULTIPLY, value_int(3), value_duration(7), value_duration(21));
  GIVES(EXPR_MULTIPLY, value_duration(5), value_decimal(15, 1), value_duration(8));   /* 7.5 */
  GIVES(EXPR_MULTIPLY, value_duration(-5), value_decimal(15, 1), value_duration(-8)); /* away from zero */
  GIVES(EXPR_MULTIPLY, value_duration(5), value_float(1.5), value_duration(8));
  GIVES(EXPR_DIVIDE, value_duration(7), value_int(2), value_duration(4));
  GIVES(EXPR_DIVIDE, value_duration(7), value_int(-2), value_duration(-4));
  GIVES(EXPR_DIVIDE, value_duration(7), value_decimal(5, 1), value_duration(14));
  GIVES(EXPR_DIVIDE, value_duration(7), value_float(0.5), value_duration(14));
  GIVES(EXPR_DIVIDE, value_duration(1), value_duration(3), value_float(1.0 / 3));
  GIVES(EXPR_MODULO, value_duration(7), value_duration(4), value_duration(3));
  OVERFLOWS(EXPR_ADD, value_time(INT64_MAX), value_duration(1));
  OVERFLOWS(EXPR_SUBTRACT, value_time(INT64_MIN), value_time(1));
  OVERFLOWS(EXPR_MULTIPLY, value_duration(INT64_MAX), value_float(2));
  OVERFLOWS(EXPR_DIVIDE, value_duration(INT64_MIN), value_int(-1));
  OVERFLOWS(EXPR_DIVIDE, value_duration(1), value_duration(0));
  OVERFLOWS(EXPR_DIVIDE, value_duration(1), value_float(0));
  end();
}

TEST(types_that_do_not_meet) {
  struct type type;
  const char *why;
  const struct type string = TYPE(VALUE_STRING), time = TYPE(VALUE_TIME), duration = TYPE(VALUE_DURATION),
                    integer = TYPE(VALUE_INT), boolean = TYPE(VALUE_BOOL), ip = TYPE(VALUE_IP),
                    network = TYPE(VALUE_NETWORK), null = TYPE(VALUE_NULL);
  EXPECT(!expr_type_binary(EXPR_ADD, string, string, &type, &why) && strstr(why, "concat") != NULL);
  EXPECT(!expr_type_binary(EXPR_ADD, time, time, &type, &why));
  EXPECT(!expr_type_binary(EXPR_SUBTRACT, duration, time, &type, &why));
  EXPECT(!expr_type_binary(EXPR_ADD, time, integer, &type, &why));
  EXPECT(!expr_type_binary(EXPR_MULTIPLY, duration, duration, &type, &why));
  EXPECT(!expr_type_binary(EXPR_DIVIDE, integer, duration, &type, &why));
  EXPECT(!expr_type_binary(EXPR_EQUAL, string, integer, &type, &why));
  EXPECT(!expr_type_binary(EXPR_EQUAL, ip, network, &type, &why) && strstr(why, "`in`") != NULL);
  EXPECT(expr_type_binary(EXPR_IN_SET, ip, network, &type, &why));
  EXPECT(!expr_type_binary(EXPR_LESS, boolean, boolean, &type, &why));
  EXPECT(expr_type_binary(EXPR_EQUAL, boolean, boolean, &type, &why) && type.kind == VALUE_BOOL);
  EXPECT(!expr_type_binary(EXPR_AND, boolean, integer, &type, &why));
  EXPECT(!expr_type_binary(EXPR_COALESCE, string, integer, &type, &why));
  EXPECT(expr_type_binary(EXPR_COALESCE, integer, TYPE_DECIMAL(3), &type, &why) && type_equal(type, TYPE_DECIMAL(3)));
  EXPECT(expr_type_binary(EXPR_COALESCE, null, string, &type, &why) && type.kind == VALUE_STRING);
  EXPECT(!expr_type_unary(EXPR_NOT, integer, &type, &why) && !expr_type_unary(EXPR_NEGATE, string, &type, &why));
  EXPECT(!expr_type_unary(EXPR_MATCHES, integer, &type, &why));
  struct type words = {.kind = VALUE_LIST, .element = VALUE_STRING};
  EXPECT(expr_type_binary(EXPR_IN_VALUE, string, words, &type, &why));
  EXPECT(!expr_type_binary(EXPR_IN_VALUE, integer, words, &type, &why));
  EXPECT(!expr_type_binary(EXPR_IN_VALUE, string, string, &type, &why));
  EXPECT(expr_type_binary(EXPR_ELEMENT, words, integer, &type, &why) && type.kind == VALUE_STRING);
  EXPECT(!expr_type_binary(EXPR_ELEMENT, words, string, &type, &why));
  EXPECT(!expr_type_binary(EXPR_LESS, words, words, &type, &why));
  EXPECT(expr_type_binary(EXPR_ADD, time, null, &type, &why) && type.kind == VALUE_TIME);
  EXPECT(expr_type_binary(EXPR_MULTIPLY, null, TYPE_DECIMAL(18), &type, &why));
}

TEST(null_in_arithmetic) {
  begin();
  const enum expr_op ops[] = {EXPR_ADD, EXPR_SUBTRACT, EXPR_MULTIPLY, EXPR_DIVIDE, EXPR_MODULO};
  const struct type types[] = {TYPE(VALUE_INT), TYPE_DECIMAL(2), TYPE(VALUE_FLOAT), TYPE(VALUE_DURATION)};
  const struct value values[] = {value_int(0), value_decimal(0, 2), value_float(0), value_duration(0)};
  for (unsigned o = 0; o < 5; o++)
    for (unsigned t = 0; t < 4; t++) {
      if (types[t].kind == VALUE_DURATION && ops[o] == EXPR_MULTIPLY) continue;
      event[0] = value_null();
      event[1] = values[t];
      EXPECT(value_is_null(value_of(binary(ops[o], field(0, types[t]), field(1, types[t])))));
      EXPECT(value_is_null(value_of(binary(ops[o], field(1, types[t]), field(0, types[t])))));
      EXPECT(value_is_null(value_of(binary(ops[o], field(1, types[t]), literal(value_null())))));
    }
  EXPECT(value_is_null(value_of(unary(EXPR_NEGATE, field(0, TYPE(VALUE_INT))))));
  EXPECT_INT(counts.overflow, 0);
  end();
}

/* A bool that is -1, 0, 1: as a field, a register, a comparison or a literal. */
static struct expr_node *three(int truth, int form, uint16_t slot) {
  struct value v = truth < 0 ? value_null() : value_bool(truth);
  switch (form) {
  case 0: event[slot] = v; return field(slot, TYPE(VALUE_BOOL));
  case 1: registers[slot] = v; return input(BANK_REGISTER, slot, TYPE(VALUE_BOOL));
  case 2:
    event[slot] = truth < 0 ? value_null() : value_int(truth);
    return binary(EXPR_EQUAL, field(slot, TYPE(VALUE_INT)), literal(value_int(1)));
  default: return literal(v);
  }
}

TEST(three_valued_logic_in_full) {
  begin();
  /* 4 forms and 3 truths for each side. */
  for (int left = 0; left < 12; left++)
    for (int right = 0; right < 12; right++) {
      int a = left % 3 - 1, b = right % 3 - 1;
      int either = a == 1 || b == 1 ? 1 : a == 0 && b == 0 ? 0 : -1;
      int both = a == 0 || b == 0 ? 0 : a == 1 && b == 1 ? 1 : -1;
      struct expr_node *x = three(a, left / 3, 0), *y = three(b, right / 3, 1);
      EXPECT_INT(truth_of(binary(EXPR_AND, x, y)), both);
      EXPECT_INT(truth_of(binary(EXPR_OR, x, y)), either);
      EXPECT_INT(truth_of(unary(EXPR_NOT, binary(EXPR_AND, x, y))), both < 0 ? -1 : !both);
      EXPECT_INT(truth_of(unary(EXPR_NOT, binary(EXPR_OR, x, y))), either < 0 ? -1 : !either);
      EXPECT_INT(truth_of(binary(EXPR_AND, unary(EXPR_NOT, x), unary(EXPR_NOT, y))), either < 0 ? -1 : !either);
      EXPECT_INT(truth_of(unary(EXPR_NOT, x)), a < 0 ? -1 : !a);
      struct value v = value_of(binary(EXPR_AND, x, y));
      EXPECT(both < 0 ? value_is_null(v) : same(v, value_bool(both)));
      EXPECT_INT(truth_of(unary(EXPR_IS_NULL, binary(EXPR_OR, x, y))), either < 0);
    }
  end();
}

/* Random trees of and, or, not over three-valued leaves, against a direct evaluation. */
static uint64_t state = 88172645463325252u;
static unsigned random_below(unsigned n) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (unsigned)(state >> 33) % n;
}
static struct expr_node *random_tree(unsigned depth, int *truth) {
  unsigned what = depth == 0 ? 3 : random_below(4);
  if (what == 3) {
    uint16_t slot = (uint16_t)random_below(3);
    static const int truths[] = {-1, 0, 1};
    *truth = truths[slot];
    int form = (int)random_below(4);
    return three(*truth, form, (uint16_t)(slot + (form == 2 ? 3 : 0)));
  }
  if (what == 2) {
    struct expr_node *node = unary(EXPR_NOT, random_tree(depth - 1, truth));
    *truth = *truth < 0 ? -1 : !*truth;
    return node;
  }
  unsigned count = 2 + random_below(3);
  struct expr_node *node = node_new(what == 0 ? EXPR_AND : EXPR_OR, TYPE(VALUE_BOOL), count);
  *truth = what == 0;
  for (unsigned i = 0; i < count; i++) {
    int member;
    node->children[i] = random_tree(depth - 1, &member);
    if (what == 0) *truth = *truth == 0 || member == 0 ? 0 : *truth < 0 || member < 0 ? -1 : 1;
    if (what == 1) *truth = *truth == 1 || member == 1 ? 1 : *truth < 0 || member < 0 ? -1 : 0;
  }
  return node;
}

TEST(random_logic) {
  begin();
  for (int i = 0; i < 20000; i++) {
    int truth;
    struct expr_node *node = random_tree(1 + random_below(5), &truth);
    EXPECT_INT(truth_of(node), truth);
    struct expr_node *chosen = choice(node, literal(value_int(1)), literal(value_int(2)));
    EXPECT(same(value_of(chosen), value_int(truth == 1 ? 1 : 2)));
    if (i % 500 == 499) arena_reset(&nodes);
  }
  end();
}

/* All six comparisons of a and b in all forms, against `order` (of a to b). */
static void compare_all(struct value a, struct value b, int order) {
  const bool expected[] = {order == 0, order != 0, order<0, order <= 0, order> 0, order >= 0};
  for (unsigned i = 0; i < 6; i++) {
    enum expr_op op = (enum expr_op)(EXPR_EQUAL + i);
    struct type type;
    const char *why;
    if (!expr_type_binary(op, type_of(a), type_of(b), &type, &why)) continue;
    EXPECT(same(apply(op, a, b, 0), value_bool(expected[i])));
    event[0] = a;
    event[1] = b;
    struct expr_node *x = field(0, type_of(a)), *y = field(1, type_of(b));
    EXPECT_INT(truth_of(unary(EXPR_NOT, binary(op, x, y))), !expected[i]);
    EXPECT_INT(truth_of(unary(EXPR_NOT, binary(op, x, literal(b)))), !expected[i]);
    EXPECT_INT(truth_of(binary(op, literal(a), y)), expected[i]);
    event[0] = value_null();
    EXPECT_INT(truth_of(binary(op, x, y)), -1);
    EXPECT_INT(truth_of(binary(op, x, literal(b))), -1);
    EXPECT_INT(truth_of(unary(EXPR_NOT, binary(op, x, literal(b)))), -1);
    EXPECT_INT(truth_of(binary(op, y, x)), -1);
    event[0] = a;
    EXPECT_INT(truth_of(binary(op, x, literal(value_null()))), -1);
  }
}

TEST(comparisons_are_exact) {
  begin();
  compare_all(value_int(1), value_int(2), -1);
  compare_all(value_int(INT64_MIN), value_int(INT64_MAX), -1);
  compare_all(value_int(1), value_decimal(100, 2), 0);
  compare_all(value_decimal(100, 2), value_decimal(1005, 3), -1); /* 1.00, 1.005: between two mantissas */
  compare_all(value_decimal(101, 2), value_decimal(1005, 3), 1);
  compare_all(value_decimal(-101, 2), value_decimal(-1005, 3), -1);
  compare_all(value_decimal(-100, 2), value_decimal(-1005, 3), 1);
  compare_all(value_decimal(INT64_MAX, 2), value_int(INT64_MAX), -1); /* beyond every mantissa of two digits */
  compare_all(value_decimal(INT64_MIN, 2), value_int(INT64_MIN), 1);
  compare_all(value_int(INT64_MAX), value_decimal(INT64_MAX, 18), 1);
  compare_all(value_float(1), value_int(1), 0);
  compare_all(value_float(9007199254740992.0), value_int(9007199254740993), -1);
  compare_all(value_int(INT64_MAX), value_float(0x1p63), -1);
  compare_all(value_float(0.5), value_float(0.25), 1);
  compare_all(value_bool(true), value_bool(true), 0);
  compare_all(value_bool(true), value_bool(false), 1);
  compare_all(value_time(5), value_time(6), -1);
  compare_all(value_duration(-5), value_duration(6), -1);
  compare_all(text("approved"), text("approved"), 0);
  compare_all(text("approved"), text("approvee"), -1);
  compare_all(text(""), text("a"), -1);
  const char *long_text = "0123456789012345678901234567890";
  for (size_t length = 0; length <= 31; length++) {
    char copy[32];
    memcpy(copy, long_text, sizeof copy);
    compare_all(value_string((struct slice){long_text, length}), value_string((struct slice){copy, length}), 0);
    for (size_t at = 0; at < length; at++) {
      memcpy(copy, long_text, sizeof copy);
      copy[at]++;
      compare_all(value_string((struct slice){long_text, length}), value_string((struct slice){copy, length}), -1);
    }
    arena_reset(&nodes);
  }
  struct value list[] = {value_int(1), value_int(2)};
  struct value a = {.list = list, .length = 2, .kind = VALUE_LIST}, b = {.list = list, .length = 1, .kind = VALUE_LIST};
  compare_all(a, a, 0);
  compare_all(a, b, 1);
  end();
}

TEST(decimal_literal_against_float) {
  begin();
  event[0] = value_float(0.1);
  struct expr_node *x = field(0, TYPE(VALUE_FLOAT)), *tenth = literal(value_decimal(1, 1));
  EXPECT_INT(truth_of(binary(EXPR_EQUAL, x, tenth)), 1); /* read as the float 0.1 */
  EXPECT_INT(truth_of(binary(EXPR_EQUAL, tenth, x)), 1);
  EXPECT_INT(truth_of(binary(EXPR_LESS, x, tenth)), 0);
  const struct value members[] = {value_decimal(1, 1), value_int(3)};
  EXPECT_INT(truth_of(in_set(x, members, 2)), 1);
  event[1] = value_decimal(1, 1);
  EXPECT_INT(truth_of(binary(EXPR_EQUAL, x, field(1, TYPE_DECIMAL(1)))), 0); /* fields compare exactly */
  EXPECT_INT(truth_of(binary(EXPR_GREATER, x, field(1, TYPE_DECIMAL(1)))), 1);
  end();
}

TEST(sets) {
  begin();
  struct value ints[40];
  for (int i = 0; i < 40; i++) ints[i] = value_int(i * 3);
  for (unsigned count = 1; count <= 40; count++)
    for (int64_t i = -1; i < 130; i++) {
      event[0] = value_int(i);
      bool in = i % 3 == 0 && i / 3 < (int64_t)count && i >= 0;
      if (i % 7 == 0 || count == 8 || count == 9) {
        EXPECT_INT(truth_of(in_set(field(0, TYPE(VALUE_INT)), ints, count)), in);
        EXPECT_INT(truth_of(unary(EXPR_NOT, in_set(field(0, TYPE(VALUE_INT)), ints, count))), !in);
      }
      if (i == 129) arena_reset(&nodes);
    }
  /* Null on either side. */
  const struct value with_null[] = {value_int(1), value_null(), value_int(5)}, only_null[] = {value_null()};
  struct expr_node *x = field(0, TYPE(VALUE_INT));
  event[0] = value_int(1);
  EXPECT_INT(truth_of(in_set(x, with_null, 3)), 1);
  EXPECT_INT(truth_of(unary(EXPR_NOT, in_set(x, with_null, 3))), 0);
  EXPECT_INT(truth_of(in_set(x, only_null, 1)), -1);
  event[0] = value_int(2);
  EXPECT_INT(truth_of(in_set(x, with_null, 3)), -1);
  EXPECT_INT(truth_of(unary(EXPR_NOT, in_set(x, with_null, 3))), -1);
  event[0] = value_null();
  EXPECT_INT(truth_of(in_set(x, ints, 3)), -1);
  EXPECT_INT(truth_of(in_set(x, ints, 30)), -1);
  EXPECT_INT(truth_of(in_set(literal(value_null()), ints, 3)), -1);
  EXPECT_INT(truth_of(in_set(literal(value_int(3)), ints, 3)), 1);
  EXPECT_INT(truth_of(in_set(literal(value_int(4)), ints, 3)), 0);
  /* Members of other kinds: 2.5 can equal no int, 3.0 and 6e0 can. */
  const struct value mixed[] = {value_decimal(25, 1), value_decimal(30, 1), value_float(6), value_float(0.5)};
  const int64_t sought[] = {2, 3, 6, 0};
  const int found[] = {0, 1, 1, 0};
  for (int i = 0; i < 4; i++) {
    event[0] = value_int(sought[i]);
    EXPECT_INT(truth_of(in_set(x, mixed, 4)), found[i]);
    event[0] = value_decimal(sought[i] * 100, 2);
    EXPECT_INT(truth_of(in_set(field(0, TYPE_DECIMAL(2)), mixed, 4)), found[i]);
  }
  event[0] = value_decimal(50, 2);
  EXPECT_INT(truth_of(in_set(field(0, TYPE_DECIMAL(2)), mixed, 4)), 1); /* the float 0.5 */
  end();
}

TEST(sets_of_strings_floats_lists) {
  begin();
  static char names[50][24];
  struct value members[50];
  for (int i = 0; i < 50; i++) {
    snprintf(names[i], sizeof names[i], "%.*s%d", i % 20, "abcdefghijklmnopqrst", i);
    members[i] = text(names[i]);
  }
  for (unsigned count = 1; count <= 50; count += 7)
    for (unsigned i = 0; i < 50; i++) {
      event[0] = members[i];
      EXPECT_INT(truth_of(in_set(field(0, TYPE(VALUE_STRING)), members, count)), i < count);
      registers[2] = members[i];
      EXPECT_INT(truth_of(in_set(input(BANK_REGISTER, 2, TYPE(VALUE_STRING)), members, count)), i < count);
    }
  const struct value floats[] = {value_float(0.5), value_int(3), value_float(0)};
  event[0] = value_float(-0.0);
  EXPECT_INT(truth_of(in_set(field(0, TYPE(VALUE_FLOAT)), floats, 3)), 1);
  event[0] = value_float(3);
  EXPECT_INT(truth_of(in_set(field(0, TYPE(VALUE_FLOAT)), floats, 3)), 1);
  struct value pair[] = {value_int(1), value_int(2)};
  struct value list = {.list = pair, .length = 2, .kind = VALUE_LIST};
  const struct value lists[] = {list};
  event[0] = list;
  EXPECT_INT(truth_of(in_set(field(0, type_of(list)), lists, 1)), 1);
  end();
}

static struct value address(const char *s) {
  struct ip *ip = arena_new(&scratch, struct ip);
  EXPECT(ip_parse(slice_of(s), ip) == NULL);
  return ip_value(ip);
}
static struct value network(const char *s) {
  struct ip *ip = arena_new(&scratch, struct ip);
  EXPECT(ip_parse_network(slice_of(s), ip) == NULL);
  return ip_network_value(ip);
}

TEST(sets_of_networks) {
  begin();
  const struct value nets[] = {network("10.0.0.0/8"),     network("10.5.0.0/16"),       network("192.168.1.0/24"),
                               address("8.8.8.8"),        network("2001:db8::/32"),     address("::1"),
                               network("192.168.0.0/24"), network("255.255.255.255/32")};
  static const struct {
    const char *address;
    int in;
  } cases[] = {{"10.0.0.0", 1},
               {"10.255.255.255", 1},
               {"9.255.255.255", 0},
               {"11.0.0.0", 0},
               {"192.168.1.255", 1},
               {"192.168.0.0", 1},
               {"192.168.2.0", 0},
               {"192.167.255.255", 0},
               {"8.8.8.8", 1},
               {"8.8.8.9", 0},
               {"8.8.8.7", 0},
               {"255.255.255.255", 1},
               {"0.0.0.0", 0},
               {"::1", 1},
               {"::2", 0},
               {"2001:db8::", 1},
               {"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 1},
               {"2001:db9::", 0},
               {"2001:db7:ffff::", 0},
               {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0}};
  struct expr *expr = compiled(in_set(field(0, TYPE(VALUE_IP)), nets, 8));
  for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
    event[0] = address(cases[i].address);
    EXPECT_INT(expr_truth(expr, &env), cases[i].in);
    if (expr_truth(expr, &env) != cases[i].in) printf("%s\n", cases[i].address);
  }
  const struct value all[] = {network("0.0.0.0/0")}, all6[] = {network("::/0")};
  event[0] = address("255.255.255.255");
  EXPECT_INT(truth_of(in_set(field(0, TYPE(VALUE_IP)), all, 1)), 1);
  EXPECT_INT(truth_of(in_set(field(0, TYPE(VALUE_IP)), all6, 1)), 0);
  event[0] = address("ffff::");
  EXPECT_INT(truth_of(in_set(field(0, TYPE(VALUE_IP)), all, 1)), 0);
  EXPECT_INT(truth_of(in_set(field(0, TYPE(VALUE_IP)), all6, 1)), 1);
  struct expr_set *joined = expr_set_new(&nodes, TYPE(VALUE_IP), nets, 8);
  EXPECT_INT(expr_set_count(joined), 6); /* 10/8 holds 10.5/16; the two /24 touch */
  end();
}

TEST(sets_with_members_that_are_not_constant) {
  begin();
  struct expr_node *node = node_new(EXPR_IN_SET, TYPE(VALUE_BOOL), 5);
  node->children[0] = binary(EXPR_ADD, field(0, TYPE(VALUE_INT)), literal(value_int(1)));
  node->children[1] = literal(value_int(100));
  node->children[2] = field(1, TYPE(VALUE_INT));
  node->children[3] = binary(EXPR_MULTIPLY, field(1, TYPE(VALUE_INT)), literal(value_int(2)));
  node->children[4] = literal(value_int(200));
  struct expr *in = compiled(node), *not_in = compiled(unary(EXPR_NOT, node));
  for (int form = 0; form < 3; form++)
    for (int64_t x = 0; x < 300; x++) {
      event[0] = form == 1 ? value_null() : value_int(x);
      event[1] = form == 2 ? value_null() : value_int(30);
      bool constant = x + 1 == 100 || x + 1 == 200, found = constant || x + 1 == 30 || x + 1 == 60;
      int truth = form == 1 ? -1 : form == 2 ? (constant ? 1 : -1) : found;
      EXPECT_INT(expr_truth(in, &env), truth);
      EXPECT_INT(expr_truth(not_in, &env), truth < 0 ? -1 : !truth);
    }
  end();
}

TEST(lists_as_values) {
  begin();
  struct value items[] = {value_int(1), value_null(), value_int(5)};
  struct type ints = {.kind = VALUE_LIST, .element = VALUE_INT};
  struct expr_node *list = field(1, ints), *x = field(0, TYPE(VALUE_INT));
  struct expr *in = compiled(binary(EXPR_IN_VALUE, x, list));
  struct expr *not_in = compiled(unary(EXPR_NOT, binary(EXPR_IN_VALUE, x, list)));
  event[0] = value_int(5);
  event[1] = (struct value){.list = items, .length = 3, .kind = VALUE_LIST};
  EXPECT_INT(expr_truth(in, &env), 1);
  EXPECT_INT(expr_truth(not_in, &env), 0);
  event[0] = value_int(6);
  EXPECT_INT(expr_truth(in, &env), -1); /* the null may be it */
  event[1].length = 1;
  EXPECT_INT(expr_truth(in, &env), 0);
  event[0] = value_null();
  EXPECT_INT(expr_truth(in, &env), -1);
  event[1].length = 0;
  EXPECT_INT(expr_truth(in, &env), 0); /* nothing is in an empty list */
  event[1] = value_null();
  EXPECT_INT(expr_truth(in, &env), -1);
  event[1] = (struct value){.list = items, .length = 3, .kind = VALUE_LIST};
  struct value halves[] = {value_float(0.5), value_float(0.1)};
  event[2] = (struct value){.list = halves, .length = 2, .kind = VALUE_LIST};
  struct type floats = {.kind = VALUE_LIST, .element = VALUE_FLOAT};
  EXPECT_INT(truth_of(binary(EXPR_IN_VALUE, literal(value_decimal(1, 1)), field(2, floats))), 1);
  event[3] = value_decimal(1, 1);
  EXPECT_INT(truth_of(binary(EXPR_IN_VALUE, field(3, TYPE_DECIMAL(1)), field(2, floats))), 0); /* fields exactly */
  const int64_t places[] = {0, 1, 2, 3, 4, -1, INT64_MAX, INT64_MIN};
  const int64_t found[] = {-1, 1, -1, 5, -1, -1, -1, -1};
  for (int i = 0; i < 8; i++) {
    event[0] = value_int(places[i]);
    struct value v = value_of(binary(EXPR_ELEMENT, list, x));
    EXPECT(found[i] < 0 ? value_is_null(v) : same(v, value_int(found[i])));
  }
  end();
}

TEST(lookups) {
  begin();
  struct expr_node *in = node_new(EXPR_IN_LIST, TYPE(VALUE_BOOL), 1);
  in->children[0] = field(0, TYPE(VALUE_INT));
  in->index = 3;
  event[0] = value_int(7);
  EXPECT_INT(truth_of(in), 1);
  EXPECT_INT(truth_of(unary(EXPR_NOT, in)), 0);
  event[0] = value_int(8);
  EXPECT_INT(truth_of(in), 0);
  event[0] = value_null();
  EXPECT_INT(truth_of(in), -1);
  in->children[0] = literal(value_int(7));
  EXPECT_INT(truth_of(in), 1); /* never folded: the environment knows */
  struct expr_node *row = node_new(EXPR_TABLE, TYPE(VALUE_INT), 1);
  row->children[0] = field(0, TYPE(VALUE_INT));
  row->index = 4;
  row->column = 2;
  event[0] = value_int(1);
  EXPECT(same(value_of(row), value_int(42)));
  event[0] = value_int(2);
  EXPECT(value_is_null(value_of(row)));
  event[0] = value_null();
  EXPECT(value_is_null(value_of(row)));
  end();
}

static bool same_key(const struct expr_node *a, const struct expr_node *b) {
  struct buf x, y;
  buf_init(&x, mem);
  buf_init(&y, mem);
  expr_node_key(&x, a);
  expr_node_key(&y, b);
  return slice_equal(buf_view(&x), buf_view(&y));
}

TEST(models) {
  begin();
  struct expr_node *asked = node_new(EXPR_MODEL, TYPE(VALUE_FLOAT), 2);
  asked->children[0] = field(3, TYPE(VALUE_INT));
  asked->children[1] = input(BANK_REGISTER, 4, TYPE(VALUE_FLOAT));
  event[3] = value_int(7);
  registers[4] = value_float(0.5);
  EXPECT(same(value_of(asked), value_float(70.5)));
  EXPECT_INT(truth_of(binary(EXPR_GREATER, asked, literal(value_int(70)))), 1);
  EXPECT_INT(truth_of(unary(EXPR_NOT, binary(EXPR_GREATER, asked, literal(value_int(71))))), 1);
  event[3] = value_null(); /* a null is the model's to judge */
  EXPECT(same(value_of(asked), value_float(-9.5)));
  /* Inputs that are computed, truths among them, beside some that stay where they are. */
  asked->children[0] = binary(EXPR_ADD, field(0, TYPE(VALUE_INT)), field(0, TYPE(VALUE_INT)));
  event[0] = value_int(3);
  EXPECT(same(value_of(binary(EXPR_ADD, asked, binary(EXPR_ADD, asked, asked))), value_float(181.5)));
  struct expr_node *both = binary(EXPR_AND, field(5, TYPE(VALUE_BOOL)), field(6, TYPE(VALUE_BOOL)));
  asked->children[0] = both;
  event[5] = event[6] = value_bool(true);
  EXPECT(same(value_of(asked), value_float(10.5)));
  event[6] = value_null();
  EXPECT(same(value_of(asked), value_float(-9.5)));
  EXPECT_INT(truth_of(binary(EXPR_AND, field(5, TYPE(VALUE_BOOL)), binary(EXPR_LESS, asked, literal(value_int(0))))),
             1);
  /* Never folded; null where there is no score; two models are two keys. */
  asked->children[0] = literal(value_int(2));
  asked->children[1] = literal(value_float(1));
  EXPECT(same(value_of(asked), value_float(21)));
  struct expr_node other = *asked;
  other.index = 1;
  EXPECT(value_is_null(value_of(&other)));
  EXPECT_INT(truth_of(binary(EXPR_LESS, &other, literal(value_int(0)))), -1);
  EXPECT(!same_key(asked, &other) && same_key(asked, asked));
  /* As many as there may be, and one more. */
  struct expr_node *most = node_new(EXPR_MODEL, TYPE(VALUE_FLOAT), EXPR_MODEL_INPUTS_MAX);
  for (unsigned i = 0; i < EXPR_MODEL_INPUTS_MAX; i++) most->children[i] = field(i % 16, TYPE(VALUE_FLOAT));
  EXPECT(same(value_of(most), value_float(EXPR_MODEL_INPUTS_MAX)));
  struct err err = {0};
  EXPECT(expr_compile(&nodes, node_new(EXPR_MODEL, TYPE(VALUE_FLOAT), EXPR_MODEL_INPUTS_MAX + 1), &err) == NULL);
  EXPECT_TEXT(err.text, "a model has too many inputs");
  end();
}

TEST(choices_and_casts) {
  begin();
  struct expr_node *x = field(0, TYPE(VALUE_INT)), *d = field(1, TYPE_DECIMAL(2)), *f = field(2, TYPE(VALUE_FLOAT));
  event[0] = value_int(3);
  event[1] = value_decimal(150, 2);
  EXPECT(same(value_of(binary(EXPR_COALESCE, x, d)), value_decimal(300, 2))); /* the wider type, always */
  EXPECT(same(value_of(binary(EXPR_COALESCE, f, x)), value_float(3)));
  EXPECT(same(value_of(binary(EXPR_COALESCE, f, literal(value_decimal(1, 1)))), value_float(0.1)));
  EXPECT(same(value_of(binary(EXPR_COALESCE, literal(value_null()), d)), value_decimal(150, 2)));
  EXPECT(same(value_of(binary(EXPR_COALESCE, literal(value_int(1)), d)), value_decimal(100, 2)));
  EXPECT(value_is_null(value_of(binary(EXPR_COALESCE, f, literal(value_null())))));
  struct expr_node *many = node_new(EXPR_COALESCE, TYPE(VALUE_INT), 4);
  many->children[0] = field(8, TYPE(VALUE_INT));
  many->children[1] = literal(value_null());
  many->children[2] = binary(EXPR_ADD, field(9, TYPE(VALUE_INT)), x);
  many->children[3] = x;
  EXPECT(same(value_of(many), value_int(3)));
  event[9] = value_int(10);
  EXPECT(same(value_of(many), value_int(13)));
  event[8] = value_int(20);
  EXPECT(same(value_of(many), value_int(20)));
  /* A number that the wider type cannot hold is null and counted, and no reason to take the next: it was there. */
  event[0] = value_int(INT64_MAX);
  EXPECT(value_is_null(value_of(binary(EXPR_COALESCE, x, d))));
  EXPECT_INT(counts.overflow, 1);
  struct expr_node *widened = node_new(EXPR_CAST, TYPE_DECIMAL(2), 1); /* as rules/lower writes it */
  widened->children[0] = x;
  EXPECT(value_is_null(value_of(binary(EXPR_COALESCE, widened, d))));
  EXPECT(value_is_null(value_of(binary(EXPR_COALESCE, literal(value_int(INT64_MAX)), d))));
  EXPECT_INT(counts.overflow, 3);
  event[0] = value_null();
  EXPECT(same(value_of(binary(EXPR_COALESCE, widened, d)), value_decimal(150, 2)));
  struct expr_node *rest = node_new(EXPR_COALESCE, TYPE_DECIMAL(2), 3);
  rest->children[0] = widened;
  rest->children[1] = literal(value_null());
  rest->children[2] = literal(value_null());
  EXPECT(value_is_null(value_of(binary(EXPR_ADD, d, rest))));
  event[0] = value_int(3);
  for (int truth = -1; truth <= 1; truth++) {
    struct expr_node *c = three(truth, 0, 5);
    EXPECT(same(value_of(choice(c, x, d)), truth == 1 ? value_decimal(300, 2) : value_decimal(150, 2)));
    EXPECT(
        same(value_of(choice(three(truth, 3, 5), x, d)), truth == 1 ? value_decimal(300, 2) : value_decimal(150, 2)));
    EXPECT_INT(truth_of(choice(c, literal(value_bool(true)), literal(value_bool(false)))), truth == 1);
    EXPECT_INT(truth_of(choice(c, literal(value_null()), binary(EXPR_EQUAL, x, literal(value_int(3))))),
               truth == 1 ? -1 : 1);
  }
  struct expr_node *cast = node_new(EXPR_CAST, TYPE_DECIMAL(3), 1);
  cast->children[0] = d;
  EXPECT(same(value_of(cast), value_decimal(1500, 3)));
  cast->type = TYPE(VALUE_FLOAT);
  EXPECT(same(value_of(cast), value_float(1.5)));
  cast->children[0] = x;
  cast->type = TYPE_DECIMAL(18);
  EXPECT(same(value_of(cast), value_decimal(3000000000000000000, 18)));
  event[0] = value_int(10);
  EXPECT(value_is_null(value_of(cast)));
  end();
}

TEST(nulls_are_asked_for) {
  begin();
  struct expr_node *x = field(0, TYPE(VALUE_INT));
  EXPECT_INT(truth_of(unary(EXPR_IS_NULL, x)), 1);
  EXPECT_INT(truth_of(unary(EXPR_NOT, unary(EXPR_IS_NULL, x))), 0);
  EXPECT_INT(truth_of(unary(EXPR_IS_NULL, binary(EXPR_ADD, x, literal(value_int(1))))), 1);
  EXPECT_INT(truth_of(unary(EXPR_IS_NULL, binary(EXPR_LESS, x, literal(value_int(1))))), 1);
  event[0] = value_int(1);
  EXPECT_INT(truth_of(unary(EXPR_IS_NULL, x)), 0);
  EXPECT_INT(truth_of(unary(EXPR_IS_NULL, literal(value_null()))), 1);
  EXPECT_INT(truth_of(literal(value_null())), -1);
  EXPECT(value_is_null(value_of(literal(value_null()))));
  EXPECT_INT(truth_of(literal(value_bool(true))), 1);
  end();
}

TEST(matches) {
  begin();
  struct regex *regex;
  struct err err;
  EXPECT_INT(regex_compile(mem, SLICE("^a+b"), REGEX_CASELESS, NULL, &regex, NULL, &err), 0);
  struct expr_node *node = node_new(EXPR_MATCHES, TYPE(VALUE_BOOL), 1);
  node->children[0] = field(0, TYPE(VALUE_STRING));
  node->regex = regex;
  EXPECT_INT(truth_of(node), -1);
  event[0] = text("AAB");
  EXPECT_INT(truth_of(node), 1);
  EXPECT_INT(truth_of(unary(EXPR_NOT, node)), 0);
  event[0] = text("xab");
  EXPECT_INT(truth_of(node), 0);
  node->children[0] = literal(text("ab"));
  EXPECT_INT(truth_of(node), 1);
  end();
}

TEST(unknown_does_not_poison_and_decides_late) {
  begin();
  struct expr_node *unknown = field(0, TYPE(VALUE_BOOL));
  struct expr_node *yes = binary(EXPR_EQUAL, field(1, TYPE(VALUE_INT)), literal(value_int(1)));
  event[1] = value_int(1);
  EXPECT_INT(truth_of(binary(EXPR_OR, unknown, yes)), 1);
  EXPECT_INT(truth_of(binary(EXPR_AND, binary(EXPR_OR, unknown, yes), yes)), 1);
  /* The level is free again: an unknown of the first inner chain is not that of the second. */
  struct expr_node *first = binary(EXPR_OR, unknown, unknown), *second = binary(EXPR_OR, unary(EXPR_NOT, yes), yes);
  EXPECT_INT(truth_of(binary(EXPR_AND, unary(EXPR_NOT, binary(EXPR_AND, first, unary(EXPR_NOT, yes))), second)), 1);
  end();
}

TEST(depth_and_length_have_limits) {
  begin();
  struct err err = {0};
  struct expr_node *sum = field(0, TYPE(VALUE_INT)), *yes = field(1, TYPE(VALUE_BOOL)), *chain = yes, *mixed = yes;
  for (int i = 0; i < 150; i++) sum = binary(EXPR_ADD, sum, literal(value_int(1)));
  event[0] = value_int(1);
  event[1] = value_bool(true);
  EXPECT(same(value_of(sum), value_int(151)));
  for (int i = 0; i < 260; i++) sum = binary(EXPR_ADD, sum, literal(value_int(1)));
  EXPECT(expr_compile(&nodes, sum, &err) == NULL);
  EXPECT(strstr(err.text, "too deep") != NULL);
  struct expr_node *right = field(0, TYPE(VALUE_INT));
  for (int i = 0; i < 190; i++) right = binary(EXPR_SUBTRACT, field(0, TYPE(VALUE_INT)), right);
  EXPECT(same(value_of(right), value_int(1)));
  for (int i = 0; i < 20000; i++) chain = binary(EXPR_AND, chain, yes);
  EXPECT_INT(truth_of(chain), 1);
  for (int i = 0; i < 50000; i++) chain = binary(EXPR_AND, chain, yes);
  EXPECT(expr_compile(&nodes, chain, &err) == NULL);
  for (int i = 0; i < 100; i++) mixed = binary(i % 2 == 0 ? EXPR_AND : EXPR_OR, mixed, yes);
  EXPECT(expr_compile(&nodes, mixed, &err) == NULL); /* more levels than bits */
  struct buf key;
  buf_init(&key, mem);
  expr_node_key(&key, chain);
  expr_node_key(&key, sum);
  EXPECT(expr_node_reads_only(chain, BANK_EVENT));
  end();
}

TEST(evaluation_allocates_nothing) {
  begin();
  event[0] = value_int(3);
  event[1] = text("approved");
  struct expr *expr =
      compiled(binary(EXPR_AND, binary(EXPR_LESS_EQUAL, field(0, TYPE(VALUE_INT)), literal(value_int(5))),
                      binary(EXPR_EQUAL, field(1, TYPE(VALUE_STRING)), literal(text("approved")))));
  uint64_t before = mem_count(mem);
  for (int i = 0; i < 1000; i++) EXPECT_INT(expr_truth(expr, &env), 1);
  EXPECT_INT(mem_count(mem), before);
  end();
}

TEST(keys) {
  begin();
  struct expr_node *x = field(0, TYPE_DECIMAL(2)), *y = field(1, TYPE_DECIMAL(2)), *f = field(2, TYPE(VALUE_FLOAT));
  struct expr_node *one = literal(value_int(1)), *one_point = literal(value_decimal(10, 1));
  EXPECT(same_key(binary(EXPR_LESS, x, one), binary(EXPR_LESS, x, one_point)));
  EXPECT(same_key(binary(EXPR_LESS, x, one), binary(EXPR_GREATER, one_point, x)));
  EXPECT(same_key(binary(EXPR_LESS, x, y), binary(EXPR_GREATER, y, x)));
  EXPECT(!same_key(binary(EXPR_LESS, x, y), binary(EXPR_LESS, y, x)));
  EXPECT(same_key(binary(EXPR_EQUAL, x, y), binary(EXPR_EQUAL, y, x)));
  EXPECT(!same_key(binary(EXPR_EQUAL, x, y), binary(EXPR_NOT_EQUAL, x, y)));
  EXPECT(!same_key(binary(EXPR_LESS, x, one), binary(EXPR_LESS_EQUAL, x, one)));
  EXPECT(
      same_key(binary(EXPR_EQUAL, f, literal(value_decimal(1, 1))), binary(EXPR_EQUAL, f, literal(value_float(0.1)))));
  EXPECT(
      !same_key(binary(EXPR_EQUAL, x, literal(value_decimal(1, 1))), binary(EXPR_EQUAL, x, literal(value_float(0.1)))));
  /* Where the type matters, so does its spelling: x * 1.0 has a digit more. */
  EXPECT(!same_key(binary(EXPR_MULTIPLY, x, one), binary(EXPR_MULTIPLY, x, one_point)));
  const struct value a[] = {value_int(1), value_int(2), value_int(1)}, b[] = {value_decimal(20, 1), value_int(1)};
  const struct value c[] = {value_int(1), value_int(3)};
  EXPECT(same_key(in_set(x, a, 3), in_set(x, b, 2)));
  EXPECT(!same_key(in_set(x, a, 3), in_set(x, c, 2)));
  struct expr_node *p = binary(EXPR_LESS, x, one), *q = binary(EXPR_EQUAL, y, one), *r = binary(EXPR_GREATER, f, one);
  EXPECT(same_key(binary(EXPR_AND, binary(EXPR_AND, p, q), r), binary(EXPR_AND, p, binary(EXPR_AND, q, r))));
  EXPECT(!same_key(binary(EXPR_AND, binary(EXPR_OR, p, q), r), binary(EXPR_OR, p, binary(EXPR_AND, q, r))));
  EXPECT(!same_key(field(0, TYPE(VALUE_INT)), field(1, TYPE(VALUE_INT))));
  EXPECT(!same_key(field(0, TYPE(VALUE_INT)), input(BANK_KEY, 0, TYPE(VALUE_INT))));
  EXPECT(!same_key(literal(text("ab")), literal(text("abc"))));
  struct regex *small, *large;
  struct err err;
  EXPECT_INT(regex_compile(mem, SLICE("a"), 0, NULL, &small, NULL, &err), 0);
  EXPECT_INT(regex_compile(mem, SLICE("a"), REGEX_CASELESS, NULL, &large, NULL, &err), 0);
  struct expr_node *m = node_new(EXPR_MATCHES, TYPE(VALUE_BOOL), 1), *n = node_new(EXPR_MATCHES, TYPE(VALUE_BOOL), 1);
  m->children[0] = n->children[0] = field(5, TYPE(VALUE_STRING));
  m->regex = small;
  n->regex = large;
  EXPECT(!same_key(m, n));
  n->regex = small;
  EXPECT(same_key(m, n));
  EXPECT(expr_node_reads_only(binary(EXPR_AND, p, q), BANK_EVENT));
  EXPECT(!expr_node_reads_only(binary(EXPR_LESS, x, input(BANK_REGISTER, 0, TYPE(VALUE_INT))), BANK_EVENT));
  EXPECT(expr_node_reads_only(one, BANK_KEY));
  end();
}

TEST_MAIN
