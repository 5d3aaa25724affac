/* function.h - the functions of the language: one table for `weir functions`, the checker, the docs and the evaluator.
 *
 * Scalar functions only; aggregates over steps and windows are not here. The table is function_table.h; this header is
 * how it is read. Everything is constant data; any thread. */
#ifndef WEIR_BASE_FUNCTION_H
#define WEIR_BASE_FUNCTION_H

#include "base/expr.h"
#include "base/regex.h"

enum {
  FUNCTION_PARAMETERS_MAX = 6,
  FUNCTION_ARGUMENTS_MAX = 64, /* of functions that take any number */
  FUNCTION_STRING_MAX =
      1 << 20, /* bytes of a string that replace or concat make (a record has no more): else null, counted */
  FUNCTION_DISTANCE_MAX = 256 /* code points of each side of levenshtein and jaro_winkler: else null, counted */
};

enum function_parameter_kind {
  PARAMETER_ANY,
  PARAMETER_NUMBER,  /* int, decimal or float */
  PARAMETER_FLOAT,   /* the same, read as a float */
  PARAMETER_MEASURE, /* a number or a duration */
  PARAMETER_ORDERED, /* a number, string, time, duration or ip */
  PARAMETER_INT,
  PARAMETER_BOOL,
  PARAMETER_STRING,
  PARAMETER_COUNTABLE, /* a string or a list */
  PARAMETER_TIME,
  PARAMETER_IP,
  PARAMETER_NETWORK, /* a literal */
  PARAMETER_REGEX,   /* a literal; it has no child in the expression node: node.regex */
  PARAMETER_ZONE     /* a string literal that names a time zone; it has no child either: node.zone */
};
enum function_times { TIMES_ONCE, TIMES_OPTIONAL, TIMES_REPEATED /* once or more; the last parameter */ };

struct function_parameter {
  const char *name; /* NULL behind the last */
  enum function_parameter_kind kind;
  enum function_times times;
};

enum function_result {
  RESULT_BOOL,
  RESULT_INT,
  RESULT_FLOAT,
  RESULT_STRING,
  RESULT_FIRST, /* the first argument's type: decimals keep their digits */
  RESULT_COMMON /* expr_type_common() of the arguments (of `if`: of the last two) */
};

/* Types that only arguments have. */
enum { TYPE_KIND_REGEX = VALUE_KINDS };

struct zone;

/* What an implementation sees. With `null in, null out` no argument is null. */
struct function_frame {
  const struct value *arguments; /* regex and zone not among them; `float` parameters are floats */
  unsigned count;
  struct type type; /* of the result */
  const struct regex *regex;
  const struct zone *zone; /* NULL: UTC */
  struct regex_scratch *regex_scratch;
  struct arena *scratch;
  struct expr_counts *counts;
};
typedef struct value function_call(const struct function_frame *frame);

struct function {
  const char *name;
  function_call *call; /* NULL: the evaluator does it (op) */
  enum expr_op op; /* EXPR_CALL, or EXPR_COALESCE, EXPR_IF: build that node instead; its children are the arguments */
  bool null_in_null_out; /* false: coalesce, if */
  enum function_result result;
  const char *help;           /* one line */
  const char *example;        /* an expression of the language without fields … */
  const char *example_result; /* … and what it gives, as an alert would tell it */
  struct function_parameter parameters[FUNCTION_PARAMETERS_MAX + 1];
};

unsigned function_count(void);
/* In the order of the table (by group, as the docs print it); index < function_count(). */
const struct function *function_at(unsigned index);
/* NULL if there is none. */
const struct function *function_find(struct slice name);
/* What EXPR_CALL nodes carry. */
uint16_t function_index(const struct function *function);

/* The least and the greatest number of arguments, regex and zone counted. */
void function_arity(const struct function *function, unsigned *least, unsigned *most);
/* The parameter that argument `index` (from 0) is for; NULL if there are too many. */
const struct function_parameter *function_parameter_at(const struct function *function, unsigned index);

enum { FUNCTION_WHY_MAX = 200 };
/* Whether the arguments fit, and the result's type. `why` (FUNCTION_WHY_MAX bytes) gets one line if not. A regex
 * literal has TYPE(TYPE_KIND_REGEX), a network literal TYPE(VALUE_NETWORK). That regex, network and zone arguments are
 * literals is for the caller to see (function_parameter_at). */
bool function_check(const struct function *function, const struct type *arguments, unsigned count, struct type *result,
                    char *why);

/* "substr(text: string, start: int, [count: int]) -> string" */
void function_signature(struct buf *out, const struct function *function);
const char *function_parameter_text(enum function_parameter_kind kind);

#endif
