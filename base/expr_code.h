/* expr_code.h - the flat code of an expression: what expr_compile.c makes and expr.c runs. Included by those two only.
 *
 * Operands are (bank, index): the banks of the environment, then the constants, then the slots. A truth is 0 false,
 * 1 unknown, 2 true, so that `and` is the least and `or` the greatest; it stands in a register of its own. A test is an
 * instruction that sets it, and then *joins*: if the truth is `stop`, it jumps to `target` (a false member decides an
 * `and`, a true one an `or`); otherwise an unknown is remembered in bit `level` and the next instruction comes. At
 * the end of the chain CODE_END_AND or CODE_END_OR makes of it what the members and that bit say. So a member that is
 * true (in an `and`) costs its comparison and one jump that is foreseen. */
#ifndef WEIR_BASE_EXPR_CODE_H
#define WEIR_BASE_EXPR_CODE_H

#include "base/expr.h"
#include "base/expr_set.h"
#include "base/function.h"

enum {
  BANK_CONSTANTS = EXPR_BANKS,
  BANK_SLOTS,
  CODE_BANKS,
  TRUTH_FALSE = 0,
  TRUTH_UNKNOWN = 1,
  TRUTH_TRUE = 2,
  STOP_NEVER = 3,
  LEVELS = 63, /* nested chains; the bit behind them is for tests that join nothing */
  LEVEL_NONE = 63
};

/* C(suffix, relation), in the order of EXPR_EQUAL … EXPR_GREATER_EQUAL. */
#define CODE_COMPARISONS(C)                                                                                            \
  C(EQUAL, ==) C(NOT_EQUAL, !=) C(LESS, <) C(LESS_EQUAL, <=) C(GREATER, >) C(GREATER_EQUAL, >=)

/* Tests of an event's field against a constant in the instruction; of any two operands; then all others. */
#define CODE_FAMILY(C, family)                                                                                         \
  C(family##_EQUAL)                                                                                                    \
  C(family##_NOT_EQUAL) C(family##_LESS) C(family##_LESS_EQUAL) C(family##_GREATER) C(family##_GREATER_EQUAL)
/* What expressions over an event's fields alone are made of: they have a small loop of their own. */
#define CODES_OF_FIELDS(C)                                                                                             \
  CODE_FAMILY(C, FIELD_INT) /* .i of ints, times, durations, bools, decimals of the same scale */                      \
  CODE_FAMILY(C, FIELD_FLOAT)                                                                                          \
  C(FIELD_STRING) /* equality; flip: inequality */                                                                     \
  C(FIELD_SET)                                                                                                         \
  C(FIELD_BOOL)                                                                                                        \
  C(TRUTH) /* a constant: kind */                                                                                      \
  C(NOT) C(END_AND) C(END_OR) C(RETURN_TRUTH)
/* clang-format off */
#define CODES(C)                                                                                                       \
  CODES_OF_FIELDS(C)                                                                                                   \
  CODE_FAMILY(C, INT)                                                                                                  \
  CODE_FAMILY(C, FLOAT)                                                                                                \
  CODE_FAMILY(C, DECIMAL) /* ints and decimals of different scales */                                                  \
  CODE_FAMILY(C, COMPARE) /* value_compare() */                                                                        \
  C(STRING)                                                                                                            \
  C(SET)                                                                                                               \
  C(BOOL)                                                                                                              \
  C(IN_VALUE)                                                                                                          \
  C(IN_LIST) C(MATCHES) C(IS_NULL) C(MOVE) C(TRUTH_VALUE) C(ADD_INT) C(SUBTRACT_INT) C(MULTIPLY_INT) C(ADD_FLOAT)      \
      C(SUBTRACT_FLOAT) C(MULTIPLY_FLOAT) C(DIVIDE_FLOAT) C(BINARY) C(NEGATE) C(CAST) C(CALL) C(ELEMENT) C(TABLE)      \
          C(MODEL) C(JUMP) C(JUMP_NOT_TRUE) C(JUMP_NOT_NULL) C(RETURN_VALUE)
/* clang-format on */

#define CODE_NAME(name) CODE_##name,
enum code_op { CODES(CODE_NAME) CODE_OPS };
enum { CODE_OPS_OF_FIELDS = CODE_RETURN_TRUTH + 1 };
#undef CODE_NAME

struct code {
  uint16_t op;                /* enum code_op */
  uint16_t target;            /* index of an instruction */
  uint8_t stop, level;        /* tests: how they join */
  uint8_t flip;               /* tests: the opposite; CODE_CALL: the result is null if an argument is */
  uint8_t kind;               /* of the result */
  uint16_t a, b, destination; /* CODE_CALL: b arguments from operand a on */
  uint8_t a_bank, b_bank;
  union {
    int64_t i;
    double f;
    const char *s;
    const struct expr_set *set;
    const struct regex *regex;
    const struct code_call *call;
    const struct code_model *model;
    struct {
      uint16_t table, column;
    };
    uint32_t operation; /* CODE_BINARY: enum expr_op */
  };
  uint32_t length; /* of s; CODE_END_AND, CODE_END_OR: the chain's level */
  uint8_t scale;   /* of the result; CODE_DECIMAL: a is multiplied by 10^scale, b by 10^other_scale */
  uint8_t other_scale;
  uint8_t has_null; /* sets: a member is null */
};

_Static_assert(sizeof(struct code) == 32, "two instructions a cache line");

struct code_call {
  function_call *call;
  struct type type;
  const struct regex *regex;
  const struct zone *zone;
};

struct code_model {
  uint16_t model, count;
  struct code_operand { /* where each input stands */
    uint8_t bank;
    uint16_t index;
  } * inputs;
};

struct expr {
  const struct code *code;
  const struct value *constants;
  bool truth;   /* ends with CODE_RETURN_TRUTH */
  bool general; /* some instruction is none of CODES_OF_FIELDS */
};

/* The truth (for expr.truth), else *result is set. */
int expr_run(const struct expr *expr, struct expr_env *env, struct value *result);

#endif
