/* function.c - reading the function table: names, arities, types, signatures. Owns the table; called by rules (checker,
 * lowering), expr, and `weir functions`. */
#include "base/function.h"

#include "base/check.h"
#include "base/expr_number.h"
#include "base/function_table.h"

#define CALL_EXPR_CALL(name) function_##name
#define CALL_EXPR_COALESCE(name) NULL
#define CALL_EXPR_IF(name) NULL
#define FUNCTION_ROW(name, op, nulls, result, help, example, example_result, ...)                                      \
  {#name, CALL_##op(name), op, nulls, result, help, example, example_result, {__VA_ARGS__, {NULL, 0, 0}}},

static const struct function functions[] = {FUNCTION_TABLE(FUNCTION_ROW)};

enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

unsigned function_count(void) { return FUNCTIONS; }

const struct function *function_at(unsigned index) {
  check(index < FUNCTIONS);
  return &functions[index];
}

const struct function *function_find(struct slice name) {
  for (unsigned i = 0; i < FUNCTIONS; i++)
    if (slice_equal(name, slice_of(functions[i].name))) return &functions[i];
  return NULL;
}

uint16_t function_index(const struct function *function) {
  check(function >= functions && function < functions + FUNCTIONS);
  return (uint16_t)(function - functions);
}

void function_arity(const struct function *function, unsigned *least, unsigned *most) {
  *least = *most = 0;
  for (const struct function_parameter *p = function->parameters; p->name != NULL; p++) {
    *least += p->times != TIMES_OPTIONAL;
    *most += p->times == TIMES_REPEATED ? FUNCTION_ARGUMENTS_MAX : 1;
  }
  if (*most > FUNCTION_ARGUMENTS_MAX) *most = FUNCTION_ARGUMENTS_MAX;
}

const struct function_parameter *function_parameter_at(const struct function *function, unsigned index) {
  const struct function_parameter *p = function->parameters;
  for (unsigned i = 0; p->name != NULL; i++) {
    if (i == index || p->times == TIMES_REPEATED) return p;
    p++;
  }
  return NULL;
}

static bool parameter_takes(enum function_parameter_kind kind, struct type type) {
  if (type.kind == TYPE_KIND_REGEX || kind == PARAMETER_REGEX)
    return type.kind == TYPE_KIND_REGEX && kind == PARAMETER_REGEX;
  if (type.kind == VALUE_NETWORK || kind == PARAMETER_NETWORK)
    return type.kind == VALUE_NETWORK && kind == PARAMETER_NETWORK;
  if (type.kind == VALUE_NULL) return kind != PARAMETER_ZONE;
  switch (kind) {
  case PARAMETER_ANY: return true;
  case PARAMETER_NUMBER:
  case PARAMETER_FLOAT: return number_kind(type.kind);
  case PARAMETER_MEASURE: return number_kind(type.kind) || type.kind == VALUE_DURATION;
  case PARAMETER_ORDERED: return type.kind != VALUE_BOOL && type.kind != VALUE_LIST;
  case PARAMETER_INT: return type.kind == VALUE_INT;
  case PARAMETER_BOOL: return type.kind == VALUE_BOOL;
  case PARAMETER_STRING:
  case PARAMETER_ZONE: return type.kind == VALUE_STRING;
  case PARAMETER_COUNTABLE: return type.kind == VALUE_STRING || type.kind == VALUE_LIST;
  case PARAMETER_TIME: return type.kind == VALUE_TIME;
  case PARAMETER_IP: return type.kind == VALUE_IP;
  default: return false;
  }
}

const char *function_parameter_text(enum function_parameter_kind kind) {
  static const char *const texts[] = {
      [PARAMETER_ANY] = "any",
      [PARAMETER_NUMBER] = "number",
      [PARAMETER_FLOAT] = "number",
      [PARAMETER_MEASURE] = "number or duration",
      [PARAMETER_ORDERED] = "number, string, time, duration or ip",
      [PARAMETER_INT] = "int",
      [PARAMETER_BOOL] = "bool",
      [PARAMETER_STRING] = "string",
      [PARAMETER_COUNTABLE] = "string or list",
      [PARAMETER_TIME] = "time",
      [PARAMETER_IP] = "ip",
      [PARAMETER_NETWORK] = "network",
      [PARAMETER_REGEX] = "regular expression",
      [PARAMETER_ZONE] = "time zone",
  };
  return texts[kind];
}

static const char *argument_type_name(struct type type, char out[32]) {
  return type.kind == TYPE_KIND_REGEX ? "a regular expression" : type_name(type, out);
}

static bool check_arity(const struct function *function, unsigned count, char *why) {
  unsigned least, most;
  function_arity(function, &least, &most);
  if (count >= least && count <= most) return true;
  const char *name = function->name;
  if (least == most) {
    snprintf(why, FUNCTION_WHY_MAX, "`%s` takes %u argument%s, not %u", name, least, least == 1 ? "" : "s", count);
  } else {
    snprintf(why, FUNCTION_WHY_MAX, "`%s` takes %u to %u arguments, not %u", name, least, most, count);
  }
  return false;
}

bool function_check(const struct function *function, const struct type *arguments, unsigned count, struct type *result,
                    char *why) {
  why[0] = '\0';
  if (!check_arity(function, count, why)) return false;
  struct type common = TYPE(VALUE_NULL);
  char a[32], b[32];
  for (unsigned i = 0; i < count; i++) {
    const struct function_parameter *p = function_parameter_at(function, i);
    if (!parameter_takes(p->kind, arguments[i])) {
      const char *wanted = function_parameter_text(p->kind);
      snprintf(why, FUNCTION_WHY_MAX, "argument %u of `%s` must be %s %s, not %s", i + 1, function->name,
               strchr("aeiou", wanted[0]) != NULL ? "an" : "a", wanted, argument_type_name(arguments[i], a));
      return false;
    }
    if (function->result != RESULT_COMMON || p->kind == PARAMETER_BOOL) continue;
    if (!expr_type_common(common, arguments[i], &common)) {
      snprintf(why, FUNCTION_WHY_MAX, "the arguments of `%s` must be of one type, or numbers; these are %s and %s",
               function->name, type_name(common, a), type_name(arguments[i], b));
      return false;
    }
  }
  static const uint8_t kinds[] = {[RESULT_BOOL] = VALUE_BOOL,
                                  [RESULT_INT] = VALUE_INT,
                                  [RESULT_FLOAT] = VALUE_FLOAT,
                                  [RESULT_STRING] = VALUE_STRING};
  *result = function->result == RESULT_FIRST    ? arguments[0]
            : function->result == RESULT_COMMON ? common
                                                : TYPE(kinds[function->result]);
  return true;
}

void function_signature(struct buf *out, const struct function *function) {
  static const char *const results[] = {[RESULT_BOOL] = "bool",          [RESULT_INT] = "int",
                                        [RESULT_FLOAT] = "float",        [RESULT_STRING] = "string",
                                        [RESULT_FIRST] = "as its first", [RESULT_COMMON] = "the wider type"};
  buf_printf(out, "%s(", function->name);
  for (const struct function_parameter *p = function->parameters; p->name != NULL; p++) {
    if (p != function->parameters) buf_str(out, ", ");
    if (p->times == TIMES_OPTIONAL) {
      buf_printf(out, "[%s: %s]", p->name, function_parameter_text(p->kind));
    } else {
      buf_printf(out, "%s: %s%s", p->name, function_parameter_text(p->kind), p->times == TIMES_REPEATED ? ", …" : "");
    }
  }
  buf_printf(out, ") -> %s", results[function->result]);
}
