/* lower_call.c - calls: functions, and what is read of the steps of a match (registers). */
#include "base/check.h"
#include "base/function.h"
#include "rules/lower.h"

/* ---- functions ---- */

static bool is_zone(const struct function *function, uint16_t argument) {
  const struct function_parameter *parameter = function_parameter_at(function, argument);
  return parameter != NULL && parameter->kind == PARAMETER_ZONE;
}

static struct expr_node *lower_function(struct lower *lower, const struct lower_scope *scope,
                                        const struct tree_expr *expr) {
  const struct function *function = function_at(expr->ref.index);
  struct expr_node **arguments = arena_array(&lower->scratch, struct expr_node *, expr->item_count + 1u);
  struct regex *regex = NULL;
  const struct zone *zone = NULL;
  uint16_t count = 0;
  for (uint16_t i = 0; i < expr->item_count; i++) {
    const struct tree_expr *item = expr->items[i];
    if (item->kind == TREE_REGEX) {
      if ((regex = lower_regex(lower, item)) == NULL) return NULL;
    } else if (is_zone(function, i) && item->kind == TREE_LITERAL) {
      if ((zone = lower_zone(lower, value_slice(item->value), item->span)) == NULL) return NULL;
    } else if ((arguments[count++] = lower_expr(lower, scope, item)) == NULL) {
      return NULL;
    }
  }
  struct expr_node *node = lower_node(lower, function->op, expr->type, count);
  for (uint16_t i = 0; i < count; i++) node->children[i] = arguments[i];
  if (function->op == EXPR_IF || function->op == EXPR_COALESCE)
    for (uint16_t i = function->op == EXPR_IF ? 1 : 0; i < count; i++)
      node->children[i] = lower_cast(lower, node->children[i], expr->type);
  node->index = expr->ref.index;
  node->regex = regex;
  node->zone = zone;
  return node;
}

struct expr_node *lower_call(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr) {
  if (expr->ref.kind == REF_FUNCTION) return lower_function(lower, scope, expr);
  if (expr->ref.kind == REF_PREVIOUS) return lower_previous(lower, scope, expr);
  check(expr->ref.kind == REF_AGGREGATE);
  return lower_step_value(lower, scope, expr);
}

/* ---- steps ---- */

static const enum pattern_aggregate register_of[] = {
    [AGG_COUNT] = REGISTER_COUNT,       [AGG_SUM] = REGISTER_SUM,     [AGG_AVG] = REGISTER_AVG,
    [AGG_MIN] = REGISTER_MIN,           [AGG_MAX] = REGISTER_MAX,     [AGG_STDDEV] = REGISTER_STDDEV,
    [AGG_DISTINCT] = REGISTER_DISTINCT, [AGG_FIRST] = REGISTER_FIRST, [AGG_LAST] = REGISTER_LAST,
    [AGG_NTH] = REGISTER_NTH,
};

/* What is asked of a step, whichever way it is written. */
struct asked {
  uint16_t step, type;
  enum aggregate aggregate;
  bool whole; /* count(s): of no field */
  bool time;  /* the event's time, not a field */
  const struct schema_field *field;
  int64_t nth;
  struct type result;
};

static struct asked asked_of(const struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr) {
  const struct ref *ref = &expr->ref;
  const struct step_info *step = &scope->rule->steps[ref->step];
  struct asked asked = {
      .step = ref->step, .type = step->type, .aggregate = AGG_LAST, .result = expr->type, .nth = ref->nth};
  if (ref->kind == REF_AGGREGATE) {
    asked.aggregate = ref->aggregate;
    asked.whole = ref->aggregate == AGG_COUNT && expr->item_count > 0 && expr->items[0]->kind == TREE_PATH &&
                  expr->items[0]->part_count == 1;
  }
  asked.time = !asked.whole && ref->field == FIELD_TIME;
  if (!asked.whole && !asked.time) asked.field = lower_field(lower, step->type, ref->field);
  /* `s.words[1]`: the register has the list, and the element is taken of it. */
  if (ref->kind == REF_STEP_FIELD) asked.result = asked.time ? TYPE(VALUE_TIME) : asked.field->type;
  return asked;
}

static bool same_register(const struct pattern_register *a, const struct pattern_register *b) {
  return a->aggregate == b->aggregate && a->step == b->step && a->slot == b->slot && a->nth == b->nth;
}

/* Its place among the registers; REGISTERS_MAX after an error. */
static uint16_t register_place(struct lower *lower, struct lower_registers *registers,
                               const struct pattern_register *wanted, struct span span) {
  uint16_t at = 0;
  while (at < registers->count && !same_register(&registers->items[at], wanted)) at++;
  if (at == REGISTERS_MAX) {
    lower_error(lower, span, "register-limit", NULL, "the rule reads more than %d values of its steps", REGISTERS_MAX);
    return at;
  }
  if (at < registers->count) return at;
  if (registers->count == registers->capacity) {
    uint16_t capacity = registers->capacity == 0 ? 4 : (uint16_t)(2 * registers->capacity);
    struct pattern_register *items = arena_array(&lower->scratch, struct pattern_register, capacity);
    if (registers->count > 0) memcpy(items, registers->items, registers->count * sizeof *items);
    registers->items = items;
    registers->capacity = capacity;
  }
  registers->items[registers->count++] = *wanted;
  return at;
}

uint16_t lower_part_slot(struct lower *lower, struct part_lowering *part, const struct pattern_register *wanted,
                         struct span span) {
  uint16_t known = part->carried.count, at = register_place(lower, &part->carried, wanted, span);
  if (part->carried.count > known && at > 0) (void)lower_new_slot(lower, part->schema, span);
  return at == 0 ? PART_KEY_SLOT : (uint16_t)(PART_SLOTS + at - 1);
}

/* Of a part: its own steps by the numbers that its pattern has, those before as slots of the event that begins it. */
static void to_part(struct lower *lower, struct part_lowering *part, struct pattern_register *wanted,
                    struct span span) {
  if (wanted->step >= part->first_step) {
    wanted->step = (uint16_t)(wanted->step - part->first_step + (part->number > 0));
    return;
  }
  *wanted = (struct pattern_register){.aggregate = REGISTER_LAST,
                                      .slot = lower_part_slot(lower, part, wanted, span),
                                      .field = wanted->type,
                                      .type = wanted->type};
}

static struct expr_node *register_input(struct lower *lower, const struct lower_scope *scope, const struct asked *asked,
                                        struct span span) {
  struct pattern_register wanted = {.aggregate = register_of[asked->aggregate],
                                    .step = asked->step,
                                    .slot = asked->whole  ? REGISTER_NO_SLOT
                                            : asked->time ? REGISTER_TIME
                                                          : asked->field->slot,
                                    .field = asked->whole  ? TYPE(VALUE_NULL)
                                             : asked->time ? TYPE(VALUE_TIME)
                                                           : asked->field->type,
                                    .type = asked->result,
                                    .nth = asked->aggregate == AGG_NTH ? asked->nth : 0};
  if (asked->field != NULL) lower_keep(lower, asked->type, asked->field->slot);
  if (scope->part != NULL) to_part(lower, scope->part, &wanted, span);
  uint16_t at = register_place(lower, scope->registers, &wanted, span);
  return at == REGISTERS_MAX ? NULL : lower_input(lower, BANK_REGISTER, at, asked->result);
}

/* if(field is null, when_null, otherwise) */
static struct expr_node *unless_null(struct lower *lower, struct expr_node *field, int64_t when_null,
                                     int64_t otherwise) {
  struct expr_node *is_null = lower_node(lower, EXPR_IS_NULL, TYPE(VALUE_BOOL), 1);
  is_null->children[0] = field;
  struct expr_node *node = lower_node(lower, EXPR_IF, TYPE(VALUE_INT), 3);
  node->children[0] = is_null;
  node->children[1] = lower_const(lower, value_int(when_null), TYPE(VALUE_INT));
  node->children[2] = lower_const(lower, value_int(otherwise), TYPE(VALUE_INT));
  return node;
}

/* An `on` rule has one event: what is asked of its step is said by that event alone. */
static struct expr_node *of_one_event(struct lower *lower, const struct asked *asked) {
  if (asked->whole) return lower_const(lower, value_int(1), TYPE(VALUE_INT));
  struct expr_node *field = lower_input(lower, BANK_EVENT, asked->field->slot, asked->field->type);
  switch (asked->aggregate) {
  case AGG_COUNT:
  case AGG_DISTINCT: return unless_null(lower, field, 0, 1);
  case AGG_STDDEV: return lower_const(lower, value_null(), asked->result);
  case AGG_NTH: return asked->nth == 1 ? field : lower_const(lower, value_null(), asked->result);
  case AGG_AVG: return lower_cast(lower, field, asked->result);
  case AGG_SUM: {
    struct value zero = {.kind = asked->result.kind, .scale = asked->result.scale};
    struct expr_node *node = lower_node(lower, EXPR_COALESCE, asked->result, 2);
    node->children[0] = lower_cast(lower, field, asked->result);
    node->children[1] = lower_const(lower, zero, asked->result);
    return node;
  }
  default: return field;
  }
}

struct expr_node *lower_step_value(struct lower *lower, const struct lower_scope *scope, const struct tree_expr *expr) {
  struct asked asked = asked_of(lower, scope, expr);
  if (scope->one_event && !asked.time) return of_one_event(lower, &asked);
  check(scope->registers != NULL);
  return register_input(lower, scope, &asked, expr->span);
}
