/* expr.h - expressions: built as typed nodes, compiled to flat code, evaluated without allocation but in a scratch
 * arena.
 *
 * A node is already resolved and typed: names are gone, inputs are (bank, index). rules/lower builds nodes; this
 * module knows types, three-valued logic, the function table, regexes and constant sets, and nothing of rules. */
#ifndef WEIR_BASE_EXPR_H
#define WEIR_BASE_EXPR_H

#include "base/err.h"
#include "base/value.h"

enum __attribute__((packed))
expr_op {             /* one byte: trees and nodes have many */
          EXPR_CONST, /* value */
          EXPR_INPUT, /* bank, index */
          EXPR_NEGATE,
          EXPR_ADD,
          EXPR_SUBTRACT,
          EXPR_MULTIPLY,
          EXPR_DIVIDE,
          EXPR_MODULO,
          EXPR_EQUAL,
          EXPR_NOT_EQUAL,
          EXPR_LESS,
          EXPR_LESS_EQUAL,
          EXPR_GREATER,
          EXPR_GREATER_EQUAL,
          EXPR_AND,
          EXPR_OR,
          EXPR_NOT,
          EXPR_IN_SET, /* children[0] in the other children; constants become a hashed set (networks: a prefix match) */
          EXPR_IN_VALUE, /* children[0] in children[1], a value of list type */
          EXPR_IN_LIST,  /* children[0] in the rule set's list `index` (through the environment) */
          EXPR_TABLE,    /* column `column` of the row of table `index` with key children[0]; null if there is none */
          EXPR_MATCHES,  /* children[0] matches regex */
          EXPR_IS_NULL,
          EXPR_COALESCE, /* children[0] ?? children[1] */
          EXPR_IF,
          EXPR_CALL,    /* function `index` of the table; its regex and zone arguments are no children: regex, zone */
          EXPR_CAST,    /* int -> decimal -> float, decimal -> more digits: to `type` */
          EXPR_ELEMENT, /* children[0][children[1]], from 1; null outside */
          EXPR_MODEL,   /* the score, of `type`, of model `index`; its inputs are the children, in the order of `in` */
};

enum expr_bank {
  BANK_EVENT = 0,    /* the candidate's (or the only) event: schema slots */
  BANK_REGISTER = 1, /* what earlier steps have: pattern registers, or in emit the match's aggregates */
  BANK_KEY = 2,      /* the key's parts, in the order of the rule's `key` */
  BANK_TOLD = 3,     /* `told.x` of suppress … unless: the emitted fields of the alert told before */
  BANK_EMIT = 4,     /* the emitted fields of this alert (message, suppress unless) */
  BANK_OTHER = 5,    /* a join: the right event's slots (BANK_EVENT: the left's) */
  BANK_WINDOW = 6,   /* a window: enum window_value; a join: enum join_value */
  BANK_ASKED = 7,    /* emit of a pattern: counters, as they stand when the match is told */
  EXPR_BANKS = 8
};

struct expr_node {
  enum expr_op op;
  uint16_t bank, index, column, child_count;
  struct type type;
  union {
    struct value value; /* EXPR_CONST */
    struct {
      struct regex *regex;     /* EXPR_MATCHES, extract */
      const struct zone *zone; /* functions with a zone argument, which is no child; NULL: UTC */
    };
  };
  struct expr_node **children;
};

/* Called for lists, tables and models; `context` is expr_env.lookup_context. list_has: 1, 0 (`v` is never null).
 * model_get: `count` inputs, null or not; gives a value of the node's type, or null. */
struct expr_lookup {
  int (*list_has)(void *context, uint16_t list, struct value v);
  struct value (*table_get)(void *context, uint16_t table, uint16_t column, struct value key);
  struct value (*model_get)(void *context, uint16_t model, const struct value *inputs, uint32_t count);
};

/* What went wrong while evaluating; counted per rule by the caller. */
struct expr_counts {
  uint64_t overflow;    /* integer overflow, decimal range, float not finite, division by zero */
  uint64_t regex_limit; /* match, depth or heap limit of a regex was hit: taken as no match */
  /* What is being made, an address of the caller's (NULL: not said), and what was at the first overflow of such. */
  const void *place, *first_overflow;
};

static inline void expr_count_overflow(struct expr_counts *counts) {
  counts->overflow++;
  if (counts->first_overflow == NULL) counts->first_overflow = counts->place;
}

struct expr_env {
  const struct value *banks[EXPR_BANKS];
  struct arena *scratch; /* strings and lists that an expression makes; the caller resets it */
  const struct expr_lookup *lookup;
  void *lookup_context;
  struct expr_counts *counts;          /* never NULL */
  struct regex_scratch *regex_scratch; /* this thread's (regex.h); NULL: the one that the regexes were compiled with */
};

/* ---- types: the checker and the compiler of expressions ask the same functions (expr_type.c) ----
 *
 * Each gives the result type in *out, or returns false with a static text in *why that says what the operator takes.
 * The type VALUE_NULL (the literal null) goes with everything. */

/* EXPR_ADD … EXPR_MODULO, the comparisons, EXPR_AND, EXPR_OR, EXPR_COALESCE, EXPR_ELEMENT, EXPR_IN_VALUE (a in list b),
 * EXPR_IN_SET (b: the type of one member).
 *
 *   + -   numbers: int, decimal with the larger number of digits, or float if one is; duration ± duration;
 *         time ± duration; duration + time; time - time = duration
 *   *     numbers: decimals give the sum of the digits (more than 18: refused); duration * number = duration
 *   /     numbers: float, the exact quotient rounded once (decimals beside a float are read as floats first);
 *         duration / duration = float; duration / number = duration
 *   %     numbers as for +; duration % duration
 * Durations times or by a number are whole microseconds, halves away from zero. */
bool expr_type_binary(enum expr_op op, struct type a, struct type b, struct type *out, const char **why);
/* EXPR_NEGATE, EXPR_NOT, EXPR_MATCHES, EXPR_IS_NULL. */
bool expr_type_unary(enum expr_op op, struct type a, struct type *out, const char **why);
/* What `??`, if, min, max give: equal types, or the wider of int, decimal (more digits), float. */
bool expr_type_common(struct type a, struct type b, struct type *out);
bool expr_type_comparable(struct type a, struct type b);

/* The comparison with its sides exchanged: a < b is b > a. Others as they are. */
static inline enum expr_op expr_mirrored(enum expr_op op) {
  switch (op) {
  case EXPR_LESS: return EXPR_GREATER;
  case EXPR_LESS_EQUAL: return EXPR_GREATER_EQUAL;
  case EXPR_GREATER: return EXPR_LESS;
  case EXPR_GREATER_EQUAL: return EXPR_LESS_EQUAL;
  default: return op;
  }
}

/* ---- compiled expressions ---- */

enum {
  EXPR_DEPTH_MAX = 200, /* nested operators that the checker allows; `and` in `and`, `or` in `or` cost none */
  EXPR_NODE_DEPTH_MAX = 2 * EXPR_DEPTH_MAX + 8, /* what the compiler takes: lowering may put a cast around each */
  EXPR_CODE_MAX = 60000,                        /* instructions of one expression */
  EXPR_SLOTS_MAX = 240,                         /* values in hand at once: arguments of nested calls */
  EXPR_MODEL_INPUTS_MAX = 512
};

struct expr;

/* Compile into `arena` (a rule set's). Constant parts are folded. Fails only on limits (EXPR_NODE_DEPTH_MAX, too much
 * code).
 */
struct expr *expr_compile(struct arena *arena, const struct expr_node *node, struct err *err);

/* The value, null included. O(code). */
struct value expr_eval(const struct expr *expr, struct expr_env *env);
/* The slot, if the expression is a field of BANK_EVENT and nothing else; -1. Of bools: never. */
int32_t expr_field_slot(const struct expr *expr);
/* 1 true, 0 false, -1 unknown. */
int expr_truth(const struct expr *expr, struct expr_env *env);

/* A canonical byte string of the node, for interning: equal bytes <=> the same computation. */
void expr_node_key(struct buf *out, const struct expr_node *node);
/* Highest index used in `bank`, -1 if none; whether any bank but `bank` is read. */
bool expr_node_reads_only(const struct expr_node *node, enum expr_bank bank);

#endif
