/* expr.c - runs compiled expressions. Owns nothing; called for every event by nfa, rules/index and engine.
 *
 * One loop over flat code with a jump from each instruction to the next (labels as values, which gcc and clang have).
 * Nothing is allocated but by functions, in env->scratch. */
#include "base/expr_code.h"

#include "base/check.h"
#include "base/exact.h"
#include "base/expr_number.h"
#include "base/float_math.h"

/* Equal bytes of equal length. Short strings are the rule: no call. */
static inline bool same_text(const char *a, const char *b, uint32_t length) {
  uint64_t x, y;
  if (length >= sizeof x) {
    for (uint32_t i = 0; i + sizeof x < length; i += sizeof x) {
      memcpy(&x, a + i, sizeof x);
      memcpy(&y, b + i, sizeof y);
      if (x != y) return false;
    }
    memcpy(&x, a + length - sizeof x, sizeof x);
    memcpy(&y, b + length - sizeof y, sizeof y);
    return x == y;
  }
  if (length >= sizeof(uint32_t)) {
    uint32_t head, tail, other_head, other_tail;
    memcpy(&head, a, sizeof head);
    memcpy(&other_head, b, sizeof other_head);
    memcpy(&tail, a + length - sizeof tail, sizeof tail);
    memcpy(&other_tail, b + length - sizeof other_tail, sizeof other_tail);
    return ((head ^ other_head) | (tail ^ other_tail)) == 0;
  }
  for (uint32_t i = 0; i < length; i++)
    if (a[i] != b[i]) return false;
  return true;
}

static inline int truth_of(bool holds) { return holds ? TRUTH_TRUE : TRUTH_FALSE; }

/* SQL's `in`: an element that is equal, else unknown if a null was among them. Elements are of one type with v, or
 * numbers. */
static int in_value(struct value v, struct value list) {
  if (list.kind == VALUE_NULL) return TRUTH_UNKNOWN;
  int truth = TRUTH_FALSE;
  for (uint32_t i = 0; i < list.length; i++) {
    if (v.kind == VALUE_NULL || list.list[i].kind == VALUE_NULL) {
      truth = TRUTH_UNKNOWN;
    } else if (value_equal(v, list.list[i])) {
      return TRUTH_TRUE;
    }
  }
  return truth;
}

static int in_set(const struct code *code, const struct value *v) {
  if (v->kind == VALUE_NULL) return TRUTH_UNKNOWN;
  if (expr_set_has(code->set, *v)) return TRUTH_TRUE;
  return code->has_null ? TRUTH_UNKNOWN : TRUTH_FALSE;
}

static struct value call(const struct code *code, const struct value *arguments, struct expr_env *env) {
  const struct code_call *called = code->call;
  if (code->flip)
    for (unsigned i = 0; i < code->b; i++)
      if (arguments[i].kind == VALUE_NULL) return value_null();
  struct function_frame frame = {.arguments = arguments,
                                 .count = code->b,
                                 .type = called->type,
                                 .regex = called->regex,
                                 .zone = called->zone,
                                 .regex_scratch = env->regex_scratch,
                                 .scratch = env->scratch,
                                 .counts = env->counts};
  return called->call(&frame);
}

static struct value element(struct value list, struct value index) {
  if (list.kind == VALUE_NULL || index.kind == VALUE_NULL || index.i < 1 || index.i > (int64_t)list.length)
    return value_null();
  return list.list[index.i - 1];
}

/* The inputs stand in several banks; the model takes them in a row. Not inlined: only who asks a model pays the room.
 */
static __attribute__((noinline)) struct value ask_model(const struct code_model *asked,
                                                        const struct value *const *banks, const struct expr_env *env) {
  struct value inputs[EXPR_MODEL_INPUTS_MAX];
  for (unsigned i = 0; i < asked->count; i++) inputs[i] = banks[asked->inputs[i].bank][asked->inputs[i].index];
  return env->lookup->model_get(env->lookup_context, asked->model, inputs, asked->count);
}

/* The words that the instructions are written in: operands, going on, joining (expr_code.h), giving a value. */
#define A (banks[code->a_bank] + code->a)
#define B (banks[code->b_bank] + code->b)
#define FIELD (event + code->a)
#define NEXT goto *labels[code->op]
#define JOIN                                                                                                           \
  do {                                                                                                                 \
    if (truth == code->stop) {                                                                                         \
      code = expr->code + code->target;                                                                                \
    } else {                                                                                                           \
      unknowns |= (uint64_t)(truth & 1) << code->level;                                                                \
      code++;                                                                                                          \
    }                                                                                                                  \
    NEXT;                                                                                                              \
  } while (0)
#define JOIN_FLIPPED(what)                                                                                             \
  do {                                                                                                                 \
    truth = (what);                                                                                                    \
    if (code->flip) truth = TRUTH_TRUE - truth;                                                                        \
    JOIN;                                                                                                              \
  } while (0)
#define GIVE(what)                                                                                                     \
  do {                                                                                                                 \
    struct value given = (what);                                                                                       \
    slots[code->destination] = given;                                                                                  \
    code++;                                                                                                            \
    NEXT;                                                                                                              \
  } while (0)
#define GIVE_INT(builtin)                                                                                              \
  do {                                                                                                                 \
    const struct value *a = A, *b = B;                                                                                 \
    int64_t number;                                                                                                    \
    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL) GIVE(value_null());                                            \
    if (builtin(a->i, b->i, &number)) GIVE(number_overflow(env->counts));                                              \
    GIVE(((struct value){.i = number, .kind = code->kind, .scale = code->scale}));                                     \
  } while (0)
#define GIVE_FLOAT(sign)                                                                                               \
  do {                                                                                                                 \
    const struct value *a = A, *b = B;                                                                                 \
    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL) GIVE(value_null());                                            \
    GIVE(number_float(a->f sign b->f, env->counts));                                                                   \
  } while (0)

#define FIELD_INT(name, relation)                                                                                      \
  label_FIELD_INT_##name : {                                                                                           \
    const struct value *v = FIELD;                                                                                     \
    truth = v->kind == VALUE_NULL ? TRUTH_UNKNOWN : truth_of(v->i relation code->i);                                   \
    JOIN;                                                                                                              \
  }
#define FIELD_FLOAT(name, relation)                                                                                    \
  label_FIELD_FLOAT_##name : {                                                                                         \
    const struct value *v = FIELD;                                                                                     \
    truth = v->kind == VALUE_NULL ? TRUTH_UNKNOWN : truth_of(v->f relation code->f);                                   \
    JOIN;                                                                                                              \
  }
/* The instructions of CODES_OF_FIELDS. A member that decides a chain comes to its end with the truth that stops it,
 * the last member with any. */
#define HANDLE_FIELDS                                                                                                  \
  CODE_COMPARISONS(FIELD_INT)                                                                                          \
  CODE_COMPARISONS(FIELD_FLOAT)                                                                                        \
  label_FIELD_STRING : {                                                                                               \
    const struct value *v = FIELD;                                                                                     \
    if (v->kind == VALUE_NULL) {                                                                                       \
      truth = TRUTH_UNKNOWN;                                                                                           \
      JOIN;                                                                                                            \
    }                                                                                                                  \
    JOIN_FLIPPED(truth_of(v->length == code->length && same_text(v->s, code->s, code->length)));                       \
  }                                                                                                                    \
  label_FIELD_SET:                                                                                                     \
  JOIN_FLIPPED(in_set(code, FIELD));                                                                                   \
  label_FIELD_BOOL : {                                                                                                 \
    const struct value *v = FIELD;                                                                                     \
    JOIN_FLIPPED(v->kind == VALUE_NULL ? TRUTH_UNKNOWN : truth_of(v->i != 0));                                         \
  }                                                                                                                    \
  label_TRUTH:                                                                                                         \
  truth = code->kind;                                                                                                  \
  JOIN;                                                                                                                \
  label_NOT:                                                                                                           \
  truth = TRUTH_TRUE - truth;                                                                                          \
  JOIN;                                                                                                                \
  label_END_AND:                                                                                                       \
  label_END_OR : {                                                                                                     \
    int decisive = code->op == CODE_END_AND ? TRUTH_FALSE : TRUTH_TRUE;                                                \
    uint64_t bit = (uint64_t)1 << code->length;                                                                        \
    if ((unknowns & bit) != 0 && truth != decisive) truth = TRUTH_UNKNOWN;                                             \
    unknowns &= ~bit;                                                                                                  \
    JOIN;                                                                                                              \
  }                                                                                                                    \
  label_RETURN_TRUTH:                                                                                                  \
  return truth;

/* Most conditions: fields against constants. No operands but the event's, so that everything stays in registers. */
static int run_fields(const struct expr *expr, const struct value *event) {
#define LABEL(name) &&label_##name,
  static const void *const labels[] = {CODES_OF_FIELDS(LABEL)};
  const struct code *code = expr->code;
  uint64_t unknowns = 0;
  int truth = TRUTH_FALSE;
  NEXT;
  HANDLE_FIELDS
}

/* One function, however long: the instructions share its registers. */
int expr_run(const struct expr *expr, struct expr_env *env, struct value *result) {
  static const void *const labels[] = {CODES(LABEL)};
#undef LABEL
  const struct code *code = expr->code;
  const struct value *event = env->banks[BANK_EVENT];
  struct value slots[EXPR_SLOTS_MAX];
  const struct value *banks[CODE_BANKS];
  uint64_t unknowns = 0;
  int truth = TRUTH_FALSE;
  for (unsigned i = 0; i < EXPR_BANKS; i++) banks[i] = env->banks[i];
  banks[BANK_CONSTANTS] = expr->constants;
  banks[BANK_SLOTS] = slots;
  NEXT;

#define INT(name, relation)                                                                                            \
  label_INT_##name : {                                                                                                 \
    const struct value *a = A, *b = B;                                                                                 \
    bool unknown = a->kind == VALUE_NULL || b->kind == VALUE_NULL;                                                     \
    truth = unknown ? TRUTH_UNKNOWN : truth_of(a->i relation b->i);                                                    \
    JOIN;                                                                                                              \
  }
#define FLOAT(name, relation)                                                                                          \
  label_FLOAT_##name : {                                                                                               \
    const struct value *a = A, *b = B;                                                                                 \
    bool unknown = a->kind == VALUE_NULL || b->kind == VALUE_NULL;                                                     \
    truth = unknown ? TRUTH_UNKNOWN : truth_of(a->f relation b->f);                                                    \
    JOIN;                                                                                                              \
  }
#define DECIMAL(name, relation)                                                                                        \
  label_DECIMAL_##name : {                                                                                             \
    const struct value *a = A, *b = B;                                                                                 \
    bool unknown = a->kind == VALUE_NULL || b->kind == VALUE_NULL;                                                     \
    exact_int wide_a = (exact_int)a->i * exact_power10[code->scale];                                                   \
    exact_int wide_b = (exact_int)b->i * exact_power10[code->other_scale];                                             \
    truth = unknown ? TRUTH_UNKNOWN : truth_of(wide_a relation wide_b);                                                \
    JOIN;                                                                                                              \
  }
#define COMPARE(name, relation)                                                                                        \
  label_COMPARE_##name : {                                                                                             \
    const struct value *a = A, *b = B;                                                                                 \
    bool unknown = a->kind == VALUE_NULL || b->kind == VALUE_NULL;                                                     \
    truth = unknown ? TRUTH_UNKNOWN : truth_of(value_compare(*a, *b) relation 0);                                      \
    JOIN;                                                                                                              \
  }
  HANDLE_FIELDS
  CODE_COMPARISONS(INT)
  CODE_COMPARISONS(FLOAT)
  CODE_COMPARISONS(DECIMAL)
  CODE_COMPARISONS(COMPARE)

label_STRING : {
  const struct value *a = A, *b = B;
  if (a->kind == VALUE_NULL || b->kind == VALUE_NULL) {
    truth = TRUTH_UNKNOWN;
    JOIN;
  }
  JOIN_FLIPPED(truth_of(a->length == b->length && same_text(a->s, b->s, a->length)));
}
label_SET:
  JOIN_FLIPPED(in_set(code, A));
label_BOOL : {
  const struct value *v = A;
  JOIN_FLIPPED(v->kind == VALUE_NULL ? TRUTH_UNKNOWN : truth_of(v->i != 0));
}
label_IN_VALUE:
  JOIN_FLIPPED(in_value(*A, *B));
label_IN_LIST : {
  const struct value *v = A;
  if (v->kind == VALUE_NULL) {
    truth = TRUTH_UNKNOWN;
    JOIN;
  }
  JOIN_FLIPPED(truth_of(env->lookup->list_has(env->lookup_context, code->table, *v) != 0));
}
label_MATCHES : {
  const struct value *v = A;
  if (v->kind == VALUE_NULL) {
    truth = TRUTH_UNKNOWN;
    JOIN;
  }
  JOIN_FLIPPED(truth_of(regex_match(code->regex, env->regex_scratch, value_slice(*v), env->counts) != 0));
}
label_IS_NULL:
  JOIN_FLIPPED(truth_of(A->kind == VALUE_NULL));

label_MOVE:
  GIVE(*A);
label_TRUTH_VALUE:
  GIVE(truth == TRUTH_UNKNOWN ? value_null() : value_bool(truth == TRUTH_TRUE));
label_ADD_INT:
  GIVE_INT(__builtin_add_overflow);
label_SUBTRACT_INT:
  GIVE_INT(__builtin_sub_overflow);
label_MULTIPLY_INT:
  GIVE_INT(__builtin_mul_overflow);
label_ADD_FLOAT:
  GIVE_FLOAT(+);
label_SUBTRACT_FLOAT:
  GIVE_FLOAT(-);
label_MULTIPLY_FLOAT:
  GIVE_FLOAT(*);
label_DIVIDE_FLOAT:
  GIVE_FLOAT(/);
label_BINARY:
  GIVE(number_binary((enum expr_op)code->operation, *A, *B, (struct type){.kind = code->kind, .scale = code->scale},
                     env->counts));
label_NEGATE:
  GIVE(number_negate(*A, env->counts));
label_CAST:
  GIVE(number_cast(*A, (struct type){.kind = code->kind, .scale = code->scale}, env->counts));
label_CALL:
  GIVE(call(code, A, env));
label_ELEMENT:
  GIVE(element(*A, *B));
label_TABLE : {
  const struct value *key = A;
  if (key->kind == VALUE_NULL) GIVE(value_null());
  GIVE(env->lookup->table_get(env->lookup_context, code->table, code->column, *key));
}
label_MODEL:
  GIVE(ask_model(code->model, banks, env));

label_JUMP:
  code = expr->code + code->target;
  NEXT;
label_JUMP_NOT_TRUE:
  code = truth == TRUTH_TRUE ? code + 1 : expr->code + code->target;
  NEXT;
label_JUMP_NOT_NULL:
  code = A->kind == VALUE_NULL ? code + 1 : expr->code + code->target;
  NEXT;
label_RETURN_VALUE:
  *result = *A;
  return TRUTH_UNKNOWN;
}

struct value expr_eval(const struct expr *expr, struct expr_env *env) {
  struct value result;
  int truth = expr->general ? expr_run(expr, env, &result) : run_fields(expr, env->banks[BANK_EVENT]);
  if (!expr->truth) return result;
  return truth == TRUTH_UNKNOWN ? value_null() : value_bool(truth == TRUTH_TRUE);
}

int32_t expr_field_slot(const struct expr *expr) {
  const struct code *code = expr->code;
  return code->op == CODE_RETURN_VALUE && code->a_bank == BANK_EVENT ? code->a : -1;
}

static int told(int truth) { return truth == TRUTH_TRUE ? 1 : -truth; } /* 0 false, -1 unknown */

static int truth_of_general(const struct expr *expr, struct expr_env *env) {
  struct value result;
  int truth = expr_run(expr, env, &result);
  if (expr->truth) return told(truth);
  check(result.kind == VALUE_NULL); /* the literal null as a condition; no other value is asked for its truth */
  return -1;
}

int expr_truth(const struct expr *expr, struct expr_env *env) {
  if (expr->general) return truth_of_general(expr, env);
  return told(run_fields(expr, env->banks[BANK_EVENT]));
}
