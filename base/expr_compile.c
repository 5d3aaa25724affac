/* expr_compile.c - typed nodes to flat code. Owns nothing that stays but the code it puts into the arena; called by
 * rules/lower.
 *
 * Recursion over the node tree, to EXPR_NODE_DEPTH_MAX. Values are computed into slots used as a stack: what a node
 * leaves is an operand (a field where it stands, a constant, or the first slot that was free before). An instruction
 * whose operands are all constants is run at once and becomes a constant, unless it would have to be counted each time.
 */
#include "base/expr_code.h"

#include "base/check.h"
#include "base/exact.h"
#include "base/expr_number.h"

struct operand {
  uint8_t bank;
  uint16_t index;
};

struct compiler {
  struct arena *arena;
  struct mem *mem;
  struct err *err;
  struct code *code; /* these two are the context's until they are done */
  struct value *constants;
  uint32_t count, capacity, constant_count, constant_capacity;
  unsigned slot; /* the first free one */
  unsigned depth, level;
  bool failed;
};

enum { TRUTH_CODE = -1, TARGET_NONE = 0xffff };

static struct operand compile_value(struct compiler *c, const struct expr_node *node);
static struct operand compile_value_inside(struct compiler *c, const struct expr_node *node);
static int compile_truth(struct compiler *c, const struct expr_node *node, bool negated);

/* ---- code, constants, slots ---- */

static void fail(struct compiler *c, const char *text) {
  if (!c->failed) err_set(c->err, ERR_ABORT, "%s", text);
  c->failed = true;
}

static bool enter(struct compiler *c) {
  if (c->failed) return false;
  if (++c->depth <= EXPR_NODE_DEPTH_MAX) return true;
  fail(c, "the expression is nested too deep");
  return false;
}

/* A new instruction at the end. Valid until the next call. */
static struct code *emit(struct compiler *c, enum code_op op) {
  if (c->count >= EXPR_CODE_MAX) {
    fail(c, "the expression is too long");
    c->count--; /* goes on at the same place; what comes of it is thrown away */
  }
  if (c->count == c->capacity) {
    c->capacity = c->capacity == 0 ? 16 : 2 * c->capacity;
    c->code = mem_realloc(c->mem, c->code, c->capacity * sizeof *c->code);
  }
  struct code *code = &c->code[c->count++];
  *code = (struct code){.op = (uint16_t)op, .target = TARGET_NONE, .stop = STOP_NEVER, .level = LEVEL_NONE};
  return code;
}

static struct code *emit_with(struct compiler *c, enum code_op op, struct operand a, struct operand b) {
  struct code *code = emit(c, op);
  code->a_bank = a.bank;
  code->a = a.index;
  code->b_bank = b.bank;
  code->b = b.index;
  return code;
}

static const struct operand nothing = {BANK_SLOTS, 0};

static struct operand constant(struct compiler *c, struct value v) {
  if (c->constant_count > UINT16_MAX) {
    fail(c, "the expression is too long");
    return nothing;
  }
  if (c->constant_count == c->constant_capacity) {
    c->constant_capacity = c->constant_capacity == 0 ? 8 : 2 * c->constant_capacity;
    c->constants = mem_realloc(c->mem, c->constants, c->constant_capacity * sizeof *c->constants);
  }
  c->constants[c->constant_count] = v;
  return (struct operand){BANK_CONSTANTS, (uint16_t)c->constant_count++};
}

static bool is_constant(struct operand operand) { return operand.bank == BANK_CONSTANTS; }
static struct value constant_value(const struct compiler *c, struct operand operand) {
  return c->constants[operand.index];
}
static bool is_constant_null(const struct compiler *c, struct operand operand) {
  return is_constant(operand) && value_is_null(constant_value(c, operand));
}

static struct operand take_slot(struct compiler *c) {
  if (c->slot >= EXPR_SLOTS_MAX) {
    fail(c, "the expression has too many values in hand");
    return nothing;
  }
  return (struct operand){BANK_SLOTS, (uint16_t)c->slot++};
}

/* Runs what stands from `start` on, which must read constants only and jump nowhere. False: it has to be counted. */
static bool run_now(struct compiler *c, uint32_t start, bool truth, int *truth_out, struct value *value_out) {
  if (c->failed) return false;
  uint16_t slot = c->code[c->count - 1].destination;
  emit_with(c, truth ? CODE_RETURN_TRUTH : CODE_RETURN_VALUE, (struct operand){BANK_SLOTS, slot}, nothing);
  if (c->failed) return false;
  struct expr expr = {.code = c->code + start, .constants = c->constants, .truth = truth, .general = true};
  struct expr_counts counts = {0};
  struct expr_env env = {.scratch = c->arena, .counts = &counts};
  *truth_out = expr_run(&expr, &env, value_out);
  c->count--;
  return counts.overflow == 0 && counts.regex_limit == 0;
}

/* The value that the last instruction computes: into the first slot free at `base`, or a constant. */
static struct operand finish_value(struct compiler *c, uint32_t start, unsigned base, bool constants) {
  struct value value;
  int truth;
  c->slot = base;
  c->code[c->count - 1].destination = (uint16_t)base;
  if (constants && run_now(c, start, false, &truth, &value)) {
    c->count = start;
    return constant(c, value);
  }
  return take_slot(c);
}

/* The same for a test: TRUTH_CODE or the constant truth. */
static int finish_truth(struct compiler *c, uint32_t start, bool constants) {
  struct value value;
  int truth;
  if (!constants || !run_now(c, start, true, &truth, &value)) return TRUTH_CODE;
  c->count = start;
  return truth;
}

static int opposite(int truth) { return truth == TRUTH_CODE ? truth : TRUTH_TRUE - truth; }

/* ---- casts ---- */

static struct operand compile_cast(struct compiler *c, struct operand operand, struct type from, struct type to,
                                   unsigned base) {
  if (from.kind == VALUE_NULL || type_equal(from, to) || !number_kind(to.kind) || c->failed) return operand;
  uint32_t start = c->count;
  struct code *code = emit_with(c, CODE_CAST, operand, nothing);
  code->kind = to.kind;
  code->scale = to.scale;
  return finish_value(c, start, base, is_constant(operand));
}

static struct operand compile_as(struct compiler *c, const struct expr_node *node, struct type type) {
  unsigned base = c->slot;
  return compile_cast(c, compile_value(c, node), node->type, type, base);
}

/* ---- arithmetic ---- */

static bool same_scale_integers(struct type a, struct type b) {
  return a.kind != VALUE_FLOAT && b.kind != VALUE_FLOAT && a.scale == b.scale;
}

/* The instruction for op on these types; floats are already floats on both sides. */
static enum code_op arithmetic_code(enum expr_op op, struct type a, struct type b, struct type result) {
  if (result.kind == VALUE_FLOAT && a.kind == VALUE_FLOAT) {
    if (op == EXPR_ADD) return CODE_ADD_FLOAT;
    if (op == EXPR_SUBTRACT) return CODE_SUBTRACT_FLOAT;
    if (op == EXPR_MULTIPLY) return CODE_MULTIPLY_FLOAT;
    return op == EXPR_DIVIDE ? CODE_DIVIDE_FLOAT : CODE_BINARY;
  }
  if (op == EXPR_ADD && same_scale_integers(a, b)) return CODE_ADD_INT;
  if (op == EXPR_SUBTRACT && same_scale_integers(a, b)) return CODE_SUBTRACT_INT;
  bool duration_by_fraction = result.kind == VALUE_DURATION && (a.kind == VALUE_DECIMAL || a.kind == VALUE_FLOAT ||
                                                                b.kind == VALUE_DECIMAL || b.kind == VALUE_FLOAT);
  return op == EXPR_MULTIPLY && !duration_by_fraction ? CODE_MULTIPLY_INT : CODE_BINARY;
}

static struct operand compile_arithmetic(struct compiler *c, const struct expr_node *node) {
  struct type a_type = node->children[0]->type, b_type = node->children[1]->type, type;
  const char *why;
  check(node->child_count == 2 && expr_type_binary(node->op, a_type, b_type, &type, &why));
  check(type_equal(type, node->type));
  unsigned base = c->slot;
  uint32_t start = c->count;
  bool any_float = type.kind == VALUE_FLOAT && (a_type.kind == VALUE_FLOAT || b_type.kind == VALUE_FLOAT);
  struct operand a = any_float ? compile_as(c, node->children[0], type) : compile_value(c, node->children[0]);
  struct operand b = any_float ? compile_as(c, node->children[1], type) : compile_value(c, node->children[1]);
  if (c->failed) return nothing;
  if (is_constant_null(c, a) || is_constant_null(c, b)) {
    c->count = start;
    c->slot = base;
    return constant(c, value_null());
  }
  if (any_float) a_type = b_type = type;
  start = c->count;
  enum code_op op = arithmetic_code(node->op, a_type, b_type, type);
  struct code *code = emit_with(c, op, a, b);
  code->kind = type.kind;
  code->scale = type.scale;
  if (op == CODE_BINARY) code->operation = node->op;
  return finish_value(c, start, base, is_constant(a) && is_constant(b));
}

static struct operand compile_negate(struct compiler *c, const struct expr_node *node) {
  unsigned base = c->slot;
  struct operand a = compile_value(c, node->children[0]);
  if (c->failed) return nothing;
  uint32_t start = c->count;
  emit_with(c, CODE_NEGATE, a, nothing);
  return finish_value(c, start, base, is_constant(a));
}

/* ---- comparisons ---- */

static enum expr_op negated_comparison(enum expr_op op) {
  static const enum expr_op negated[] = {EXPR_NOT_EQUAL, EXPR_EQUAL,      EXPR_GREATER_EQUAL,
                                         EXPR_GREATER,   EXPR_LESS_EQUAL, EXPR_LESS};
  return negated[op - EXPR_EQUAL];
}

static enum expr_op turned_comparison(enum expr_op op) {
  static const enum expr_op turned[] = {EXPR_EQUAL,         EXPR_NOT_EQUAL, EXPR_GREATER,
                                        EXPR_GREATER_EQUAL, EXPR_LESS,      EXPR_LESS_EQUAL};
  return turned[op - EXPR_EQUAL];
}

/* `field op v`, where the field has `scale` digits (an int none) and v is an int or decimal, as a comparison with a
 * mantissa of the field's own scale. What no such mantissa equals lies between two: x < 1.005 is x <= 1.00. */
static int64_t comparable_mantissa(struct value v, unsigned scale, enum expr_op *op) {
  exact_int wide = v.i;
  bool between = false;
  unsigned v_scale = v.kind == VALUE_DECIMAL ? v.scale : 0;
  if (v_scale <= scale) {
    wide *= exact_power10[scale - v_scale];
  } else {
    exact_int ten = exact_power10[v_scale - scale], rest = wide % ten;
    between = rest != 0;
    wide = wide / ten - (rest < 0); /* rounded down */
  }
  int64_t mantissa;
  if (!exact_fits(wide, &mantissa)) { /* beyond all mantissas: as if just behind the greatest, before the least */
    between = true;
    mantissa = wide < 0 ? INT64_MIN : INT64_MAX;
    if (wide < 0) { /* nothing is below: every x is greater */
      *op = *op == EXPR_EQUAL || *op == EXPR_LESS || *op == EXPR_LESS_EQUAL ? EXPR_LESS : EXPR_GREATER_EQUAL;
      return mantissa;
    }
  }
  if (between) {
    bool at_most = *op == EXPR_LESS || *op == EXPR_LESS_EQUAL;
    if (*op == EXPR_EQUAL || *op == EXPR_NOT_EQUAL) { /* never; always, but for null */
      at_most = *op == EXPR_NOT_EQUAL;
      mantissa = INT64_MAX;
    }
    *op = at_most ? EXPR_LESS_EQUAL : EXPR_GREATER;
  }
  return mantissa;
}

static bool is_integer_kind(uint8_t kind) {
  return kind == VALUE_INT || kind == VALUE_DECIMAL || kind == VALUE_TIME || kind == VALUE_DURATION ||
         kind == VALUE_BOOL;
}

static enum code_op family_code(enum code_op first, enum expr_op op) {
  return (enum code_op)(first + (unsigned)(op - EXPR_EQUAL));
}

/* An operand against the constant v, if there is a fast way. */
static bool compare_constant(struct compiler *c, enum expr_op op, struct operand a, struct type type, struct value v) {
  bool field = a.bank == BANK_EVENT;
  struct code *code;
  if (is_integer_kind(type.kind) && is_integer_kind(v.kind)) {
    int64_t number = number_kind(type.kind) ? comparable_mantissa(v, type.scale, &op) : v.i;
    if (field) {
      code = emit_with(c, family_code(CODE_FIELD_INT_EQUAL, op), a, nothing);
      code->i = number;
      return true;
    }
    v.i = number;
    emit_with(c, family_code(CODE_INT_EQUAL, op), a, constant(c, v));
    return true;
  }
  if (type.kind == VALUE_FLOAT && v.kind == VALUE_INT && value_compare(value_float((double)v.i), v) == 0)
    v = value_float((double)v.i);
  if (type.kind == VALUE_FLOAT && v.kind == VALUE_FLOAT && field) {
    code = emit_with(c, family_code(CODE_FIELD_FLOAT_EQUAL, op), a, nothing);
    code->f = v.f;
    return true;
  }
  if (type.kind == VALUE_STRING && field && (op == EXPR_EQUAL || op == EXPR_NOT_EQUAL)) {
    code = emit_with(c, CODE_FIELD_STRING, a, nothing);
    code->s = arena_copy(c->arena, v.s, v.length);
    code->length = v.length;
    code->flip = op == EXPR_NOT_EQUAL;
    return true;
  }
  return false;
}

static enum code_op compare_code(enum expr_op op, struct type a, struct type b) {
  if (is_integer_kind(a.kind) && is_integer_kind(b.kind) && a.scale == b.scale) return family_code(CODE_INT_EQUAL, op);
  if (a.kind == VALUE_FLOAT && b.kind == VALUE_FLOAT) return family_code(CODE_FLOAT_EQUAL, op);
  if (is_integer_kind(a.kind) && is_integer_kind(b.kind)) return family_code(CODE_DECIMAL_EQUAL, op);
  if (a.kind == VALUE_STRING && (op == EXPR_EQUAL || op == EXPR_NOT_EQUAL)) return CODE_STRING;
  return family_code(CODE_COMPARE_EQUAL, op);
}

/* The comparison of two operands, whose code stands from `start` on. */
static int compare_operands(struct compiler *c, uint32_t start, enum expr_op op, struct operand a, struct type a_type,
                            struct operand b, struct type b_type) {
  if (c->failed) return TRUTH_CODE;
  if (is_constant_null(c, a) || is_constant_null(c, b)) {
    c->count = start;
    return TRUTH_UNKNOWN;
  }
  if (is_constant(a) && !is_constant(b)) {
    struct operand swapped = a;
    struct type swapped_type = a_type;
    a = b;
    a_type = b_type;
    b = swapped;
    b_type = swapped_type;
    op = turned_comparison(op);
  }
  /* A decimal literal against a float is read as a float. */
  if (a_type.kind == VALUE_FLOAT && b_type.kind == VALUE_DECIMAL && is_constant(b)) {
    b = constant(c, value_float(number_to_float(constant_value(c, b))));
    b_type = a_type;
  }
  if (b_type.kind == VALUE_FLOAT && a_type.kind == VALUE_DECIMAL && is_constant(a)) {
    a = constant(c, value_float(number_to_float(constant_value(c, a))));
    a_type = b_type;
  }
  if (c->failed) return TRUTH_CODE;
  if (is_constant(b) && !is_constant(a) && compare_constant(c, op, a, a_type, constant_value(c, b))) return TRUTH_CODE;
  uint32_t test = c->count;
  enum code_op code = compare_code(op, a_type, b_type);
  struct code *emitted = emit_with(c, code, a, b);
  if (code == CODE_STRING) emitted->flip = op == EXPR_NOT_EQUAL;
  if (a_type.scale < b_type.scale) emitted->scale = (uint8_t)(b_type.scale - a_type.scale);
  if (a_type.scale > b_type.scale) emitted->other_scale = (uint8_t)(a_type.scale - b_type.scale);
  return finish_truth(c, test, is_constant(a) && is_constant(b));
}

static int compile_comparison(struct compiler *c, const struct expr_node *node, bool negated) {
  struct type type;
  const char *why;
  check(node->child_count == 2);
  check(expr_type_binary(node->op, node->children[0]->type, node->children[1]->type, &type, &why));
  unsigned base = c->slot;
  uint32_t start = c->count;
  struct operand a = compile_value(c, node->children[0]), b = compile_value(c, node->children[1]);
  c->slot = base;
  enum expr_op op = negated ? negated_comparison(node->op) : node->op;
  return compare_operands(c, start, op, a, node->children[0]->type, b, node->children[1]->type);
}

/* ---- and, or ---- */

/* A chain of members that is being compiled: `and` stops at false, `or` at true. */
struct chain {
  int decisive;   /* TRUTH_FALSE: and; TRUTH_TRUE: or */
  uint32_t start; /* where its code begins */
  unsigned level;
  unsigned members;
  uint32_t last;       /* the instruction that joined last; targets are linked through .target until the end */
  uint32_t open_links; /* the chain of instructions whose target is the end; TARGET_NONE = none */
  bool decided;        /* a constant member decides it */
};

static struct chain chain_begin(struct compiler *c, int decisive) {
  struct chain chain = {.decisive = decisive, .start = c->count, .level = c->level, .open_links = TARGET_NONE};
  if (c->level >= LEVELS) {
    fail(c, "`and` and `or` are nested too deep in each other");
  } else {
    c->level++;
  }
  return chain;
}

static void chain_add(struct compiler *c, struct chain *chain, int truth) {
  if (c->failed || chain->decided) return;
  if (truth == TRUTH_TRUE - chain->decisive) return; /* changes nothing */
  if (truth == chain->decisive) {
    chain->decided = true;
    return;
  }
  if (truth == TRUTH_UNKNOWN) emit(c, CODE_TRUTH)->kind = TRUTH_UNKNOWN;
  if (c->failed) return;
  struct code *test = &c->code[c->count - 1];
  test->stop = (uint8_t)chain->decisive;
  test->level = (uint8_t)chain->level;
  test->target = (uint16_t)chain->open_links;
  chain->open_links = c->count - 1;
  chain->members++;
}

static int chain_end(struct compiler *c, struct chain *chain) {
  if (c->failed) return TRUTH_CODE;
  c->level--;
  if (chain->decided || chain->members == 0) {
    c->count = chain->start;
    return chain->decided ? chain->decisive : TRUTH_TRUE - chain->decisive;
  }
  struct code *last = &c->code[c->count - 1];
  if (chain->members == 1) { /* no chain at all: its only test is free to join another */
    last->stop = STOP_NEVER;
    last->level = LEVEL_NONE;
    last->target = TARGET_NONE;
    if (last->op != CODE_TRUTH) return TRUTH_CODE;
    c->count = chain->start;
    return TRUTH_UNKNOWN;
  }
  uint32_t end = c->count;
  struct code *code = emit(c, chain->decisive == TRUTH_FALSE ? CODE_END_AND : CODE_END_OR);
  code->length = chain->level;
  for (uint32_t link = chain->open_links; link != TARGET_NONE;) {
    uint32_t next = c->code[link].target;
    c->code[link].target = (uint16_t)end;
    link = next;
  }
  return TRUTH_CODE;
}

/* `and` and `or` of any number of members; what nests to the left, as the parser builds long ones, costs no depth. */
static int compile_logic(struct compiler *c, const struct expr_node *node, bool negated) {
  uint32_t spine_count = 1;
  check(node->child_count >= 1);
  for (const struct expr_node *left = node; left->children[0]->op == node->op; left = left->children[0]) spine_count++;
  const struct expr_node **spine = mem_alloc_raw(c->mem, spine_count * sizeof(struct expr_node *));
  spine[spine_count - 1] = node;
  for (uint32_t i = spine_count - 1; i > 0; i--) spine[i - 1] = spine[i]->children[0];
  /* not (a and b) is not a or not b, in three values too. */
  struct chain chain = chain_begin(c, (node->op == EXPR_AND) != negated ? TRUTH_FALSE : TRUTH_TRUE);
  for (uint32_t i = 0; i < spine_count && !c->failed; i++)
    for (unsigned child = i > 0; child < spine[i]->child_count && !c->failed && !chain.decided; child++)
      chain_add(c, &chain, compile_truth(c, spine[i]->children[child], negated));
  mem_free(c->mem, spine);
  return chain_end(c, &chain);
}

/* ---- in ---- */

/* Ends a test that has no opposite of its own. */
static int flipped(struct compiler *c, int truth, bool negated) {
  if (c->failed || !negated || truth != TRUTH_CODE) return negated ? opposite(truth) : truth;
  emit(c, CODE_NOT);
  return TRUTH_CODE;
}

static int compile_set(struct compiler *c, struct operand a, struct type type, const struct value *members,
                       uint32_t count) {
  uint32_t start = c->count;
  struct expr_set *set = expr_set_new(c->arena, type, members, count);
  struct code *code = emit_with(c, a.bank == BANK_EVENT ? CODE_FIELD_SET : CODE_SET, a, nothing);
  code->set = set;
  code->has_null = expr_set_has_null(set);
  return finish_truth(c, start, is_constant(a));
}

static int compile_in_set(struct compiler *c, const struct expr_node *node, bool negated) {
  const struct expr_node *sought = node->children[0];
  unsigned base = c->slot;
  uint32_t start = c->count, constant_count = 0;
  check(node->child_count >= 2);
  struct operand a = compile_value(c, sought);
  if (c->failed) return TRUTH_CODE;
  if (is_constant_null(c, a)) {
    c->count = start;
    c->slot = base;
    return TRUTH_UNKNOWN;
  }
  struct value *members = mem_alloc_raw(c->mem, node->child_count * sizeof *members);
  struct chain chain = chain_begin(c, TRUTH_TRUE);
  for (unsigned i = 1; i < node->child_count && !c->failed; i++) {
    unsigned member_base = c->slot;
    uint32_t member_start = c->count;
    struct operand b = compile_value(c, node->children[i]);
    c->slot = member_base;
    if (c->failed) break;
    if (is_constant(b)) {
      members[constant_count++] = constant_value(c, b);
      c->constant_count--; /* the latest one: the set keeps its own copy */
    } else {
      chain_add(c, &chain, compare_operands(c, member_start, EXPR_EQUAL, a, sought->type, b, node->children[i]->type));
    }
  }
  if (constant_count > 0 && !c->failed) chain_add(c, &chain, compile_set(c, a, sought->type, members, constant_count));
  mem_free(c->mem, members);
  c->slot = base;
  int truth = chain_end(c, &chain);
  if (truth != TRUTH_CODE) c->count = start; /* what is sought need not be computed */
  return flipped(c, truth, negated);
}

/* ---- the other tests ---- */

static int compile_in_value(struct compiler *c, const struct expr_node *node, bool negated) {
  unsigned base = c->slot;
  bool floats = node->children[1]->type.element == VALUE_FLOAT && node->children[0]->type.kind == VALUE_DECIMAL;
  struct operand a = compile_value(c, node->children[0]), b = compile_value(c, node->children[1]);
  c->slot = base;
  if (c->failed) return TRUTH_CODE;
  if (floats && is_constant(a)) /* a decimal literal among floats is read as a float */
    a = constant(c, number_cast(constant_value(c, a), TYPE(VALUE_FLOAT), NULL));
  uint32_t start = c->count;
  struct code *code = emit_with(c, CODE_IN_VALUE, a, b);
  code->flip = negated;
  return finish_truth(c, start, is_constant(a) && is_constant(b));
}

/* Tests of one operand: a bool, a list of the rule set, a regex, null. */
static int compile_test(struct compiler *c, const struct expr_node *node, enum code_op op, bool negated) {
  unsigned base = c->slot;
  struct operand a = op == CODE_BOOL ? compile_value_inside(c, node) : compile_value(c, node->children[0]);
  c->slot = base;
  if (c->failed) return TRUTH_CODE;
  uint32_t start = c->count;
  if (op == CODE_BOOL && a.bank == BANK_EVENT) op = CODE_FIELD_BOOL;
  struct code *code = emit_with(c, op, a, nothing);
  code->flip = negated;
  if (op == CODE_IN_LIST) code->table = node->index;
  if (op == CODE_MATCHES) code->regex = node->regex;
  return finish_truth(c, start, is_constant(a) && op != CODE_IN_LIST);
}

static int compile_truth_inside(struct compiler *c, const struct expr_node *node, bool negated) {
  switch (node->op) {
  case EXPR_CONST: {
    struct value v = node->value;
    int truth = value_is_null(v) ? TRUTH_UNKNOWN : v.i != 0 ? TRUTH_TRUE : TRUTH_FALSE;
    return negated ? opposite(truth) : truth;
  }
  case EXPR_AND:
  case EXPR_OR: return compile_logic(c, node, negated);
  case EXPR_NOT: return compile_truth(c, node->children[0], !negated);
  case EXPR_EQUAL:
  case EXPR_NOT_EQUAL:
  case EXPR_LESS:
  case EXPR_LESS_EQUAL:
  case EXPR_GREATER:
  case EXPR_GREATER_EQUAL: return compile_comparison(c, node, negated);
  case EXPR_IN_SET: return compile_in_set(c, node, negated);
  case EXPR_IN_VALUE: return compile_in_value(c, node, negated);
  case EXPR_IN_LIST: return compile_test(c, node, CODE_IN_LIST, negated);
  case EXPR_MATCHES: return compile_test(c, node, CODE_MATCHES, negated);
  case EXPR_IS_NULL: return compile_test(c, node, CODE_IS_NULL, negated);
  default: return compile_test(c, node, CODE_BOOL, negated);
  }
}

static int compile_truth(struct compiler *c, const struct expr_node *node, bool negated) {
  if (!enter(c)) return TRUTH_CODE;
  int truth = compile_truth_inside(c, node, negated);
  c->depth--;
  return truth;
}

/* ---- choices ---- */

static void patch(struct compiler *c, uint32_t jump) {
  if (!c->failed) c->code[jump].target = (uint16_t)c->count;
}

static void move_to(struct compiler *c, struct operand from, unsigned slot) {
  if (from.bank == BANK_SLOTS && from.index == slot) return;
  emit_with(c, CODE_MOVE, from, nothing)->destination = (uint16_t)slot;
}

static struct operand compile_if(struct compiler *c, const struct expr_node *node) {
  check(node->child_count == 3);
  unsigned base = c->slot;
  int truth = compile_truth(c, node->children[0], false);
  c->slot = base;
  if (truth != TRUTH_CODE) return compile_as(c, node->children[truth == TRUTH_TRUE ? 1 : 2], node->type);
  uint32_t to_else = c->count;
  emit(c, CODE_JUMP_NOT_TRUE);
  move_to(c, compile_as(c, node->children[1], node->type), base);
  c->slot = base;
  uint32_t to_end = c->count;
  emit(c, CODE_JUMP);
  patch(c, to_else);
  move_to(c, compile_as(c, node->children[2], node->type), base);
  patch(c, to_end);
  c->slot = base;
  return take_slot(c);
}

/* Jumps to one place that is not known yet: a list, linked through .target. */
static void jump_later(struct compiler *c, uint32_t *jumps, enum code_op op, struct operand operand) {
  emit_with(c, op, operand, nothing)->target = (uint16_t)*jumps;
  *jumps = c->count - 1;
}

static void patch_all(struct compiler *c, uint32_t jumps) {
  while (jumps != TARGET_NONE && !c->failed) {
    uint32_t next = c->code[jumps].target;
    patch(c, jumps);
    jumps = next;
  }
}

/* The first that is not null, and it alone is widened: what is out of range of the wider type is null and no reason to
 * take the next. */
static struct operand compile_coalesce(struct compiler *c, const struct expr_node *node) {
  unsigned base = c->slot;
  uint32_t start = c->count, to_end = TARGET_NONE;
  check(node->child_count >= 1);
  for (unsigned i = 0; i < node->child_count && !c->failed; i++) {
    const struct expr_node *child = node->children[i];
    if (child->op == EXPR_CAST && type_equal(child->type, node->type)) child = child->children[0];
    struct operand operand = compile_value(c, child);
    c->slot = base;
    if (c->failed) return nothing;
    if (is_constant_null(c, operand)) continue;
    bool decides = is_constant(operand) || i + 1u == node->child_count;
    bool first = c->count == start; /* all before it were constant nulls, and this one needs no code */
    uint32_t to_next = TARGET_NONE;
    bool widened = node->type.kind == VALUE_DECIMAL && !type_equal(child->type, node->type);
    if (widened && !decides) {
      uint32_t to_cast = TARGET_NONE;
      jump_later(c, &to_cast, CODE_JUMP_NOT_NULL, operand);
      move_to(c, operand, base); /* null, and what is left if all that follow are constant nulls */
      jump_later(c, &to_next, CODE_JUMP, nothing);
      patch_all(c, to_cast);
    }
    operand = compile_cast(c, operand, child->type, node->type, base);
    c->slot = base;
    if (c->failed || (first && is_constant(operand))) return operand;
    move_to(c, operand, base);
    if (decides) break;
    jump_later(c, &to_end, widened ? CODE_JUMP : CODE_JUMP_NOT_NULL, (struct operand){BANK_SLOTS, (uint16_t)base});
    patch_all(c, to_next);
  }
  if (c->failed) return nothing;
  if (c->count == start) return constant(c, value_null());
  patch_all(c, to_end);
  return take_slot(c);
}

/* ---- calls and look-ups ---- */

static struct operand compile_call(struct compiler *c, const struct expr_node *node) {
  const struct function *function = function_at(node->index);
  unsigned base = c->slot, parameter = 0;
  uint32_t start = c->count;
  bool constants = true;
  struct operand first = {BANK_SLOTS, (uint16_t)base};
  check(function->op == EXPR_CALL && node->child_count >= 1 && node->child_count <= FUNCTION_ARGUMENTS_MAX);
  for (unsigned i = 0; i < node->child_count && !c->failed; i++, parameter++) {
    const struct function_parameter *p = function_parameter_at(function, parameter);
    if (p != NULL && p->kind == PARAMETER_REGEX) p = function_parameter_at(function, ++parameter);
    check(p != NULL && p->kind != PARAMETER_ZONE);
    const struct expr_node *child = node->children[i];
    c->slot = base + i;
    struct operand operand = compile_as(c, child, p->kind == PARAMETER_FLOAT ? TYPE(VALUE_FLOAT) : child->type);
    if (c->failed) return nothing;
    constants &= is_constant(operand);
    if (node->child_count == 1) {
      first = operand;
    } else {
      move_to(c, operand, base + i);
    }
    c->slot = base + i;
    if (take_slot(c).index != base + i) return nothing;
  }
  if (c->failed) return nothing;
  struct code_call *call = arena_new(c->arena, struct code_call);
  *call = (struct code_call){function->call, node->type, node->regex, node->zone};
  struct code *code = emit_with(c, CODE_CALL, first, nothing);
  code->b = node->child_count;
  code->flip = function->null_in_null_out;
  code->call = call;
  return finish_value(c, start, base, constants);
}

static struct operand compile_element(struct compiler *c, const struct expr_node *node) {
  unsigned base = c->slot;
  struct operand a = compile_value(c, node->children[0]), b = compile_value(c, node->children[1]);
  if (c->failed) return nothing;
  uint32_t start = c->count;
  emit_with(c, CODE_ELEMENT, a, b);
  return finish_value(c, start, base, is_constant(a) && is_constant(b));
}

static struct operand compile_table(struct compiler *c, const struct expr_node *node) {
  unsigned base = c->slot;
  struct operand key = compile_value(c, node->children[0]);
  if (c->failed) return nothing;
  uint32_t start = c->count;
  struct code *code = emit_with(c, CODE_TABLE, key, nothing);
  code->table = node->index;
  code->column = node->column;
  return finish_value(c, start, base, false);
}

/* The inputs are left where they are: a field costs no slot and no move. */
static struct operand compile_model(struct compiler *c, const struct expr_node *node) {
  unsigned base = c->slot;
  if (node->child_count > EXPR_MODEL_INPUTS_MAX) {
    fail(c, "a model has too many inputs");
    return nothing;
  }
  struct code_model *asked = arena_new(c->arena, struct code_model);
  *asked = (struct code_model){node->index, node->child_count,
                               arena_array(c->arena, struct code_operand, node->child_count)};
  for (unsigned i = 0; i < node->child_count && !c->failed; i++) {
    struct operand operand = compile_value(c, node->children[i]);
    asked->inputs[i] = (struct code_operand){operand.bank, operand.index};
  }
  if (c->failed) return nothing;
  uint32_t start = c->count;
  emit(c, CODE_MODEL)->model = asked;
  return finish_value(c, start, base, false);
}

static struct operand compile_truth_value(struct compiler *c, const struct expr_node *node) {
  unsigned base = c->slot;
  int truth = compile_truth_inside(c, node, false);
  if (c->failed) return nothing;
  if (truth != TRUTH_CODE) return constant(c, truth == TRUTH_UNKNOWN ? value_null() : value_bool(truth == TRUTH_TRUE));
  emit(c, CODE_TRUTH_VALUE);
  return finish_value(c, c->count - 1, base, false);
}

static struct operand compile_value_inside(struct compiler *c, const struct expr_node *node) {
  switch (node->op) {
  case EXPR_CONST: return constant(c, value_copy(c->arena, node->value));
  case EXPR_INPUT: check(node->bank < EXPR_BANKS); return (struct operand){(uint8_t)node->bank, node->index};
  case EXPR_NEGATE: return compile_negate(c, node);
  case EXPR_ADD:
  case EXPR_SUBTRACT:
  case EXPR_MULTIPLY:
  case EXPR_DIVIDE:
  case EXPR_MODULO: return compile_arithmetic(c, node);
  case EXPR_COALESCE: return compile_coalesce(c, node);
  case EXPR_IF: return compile_if(c, node);
  case EXPR_CALL: return compile_call(c, node);
  case EXPR_CAST: return compile_as(c, node->children[0], node->type);
  case EXPR_ELEMENT: return compile_element(c, node);
  case EXPR_TABLE: return compile_table(c, node);
  case EXPR_MODEL: return compile_model(c, node);
  default: return compile_truth_value(c, node);
  }
}

static struct operand compile_value(struct compiler *c, const struct expr_node *node) {
  if (!enter(c)) return nothing;
  struct operand operand = compile_value_inside(c, node);
  c->depth--;
  return operand;
}

/* ---- the whole ---- */

static void compile_whole(struct compiler *c, const struct expr_node *node, struct expr *expr) {
  expr->truth = node->type.kind == VALUE_BOOL;
  if (expr->truth) {
    int truth = compile_truth(c, node, false);
    if (truth != TRUTH_CODE) emit(c, CODE_TRUTH)->kind = (uint8_t)truth;
    emit(c, CODE_RETURN_TRUTH);
  } else {
    struct operand value = compile_value(c, node);
    emit_with(c, CODE_RETURN_VALUE, value, nothing);
  }
  if (c->failed) return;
  check(c->depth == 0 && c->level == 0);
  struct code *code = arena_alloc(c->arena, c->count * sizeof *code);
  memcpy(code, c->code, c->count * sizeof *code);
  struct value *constants = arena_alloc(c->arena, c->constant_count * sizeof *constants);
  if (c->constant_count > 0) memcpy(constants, c->constants, c->constant_count * sizeof *constants);
  for (uint32_t i = 0; i < c->count; i++) {
    if (code[i].target == TARGET_NONE) code[i].target = 0;
    expr->general |= code[i].op >= CODE_OPS_OF_FIELDS;
  }
  expr->code = code;
  expr->constants = constants;
}

struct expr *expr_compile(struct arena *arena, const struct expr_node *node, struct err *err) {
  struct compiler c = {.arena = arena, .mem = arena->mem, .err = err};
  struct expr *expr = arena_new(arena, struct expr);
  compile_whole(&c, node, expr);
  mem_free(c.mem, c.code);
  mem_free(c.mem, c.constants);
  return c.failed ? NULL : expr;
}
