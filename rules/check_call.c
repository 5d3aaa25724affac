/* check_call.c - functions of the table, and aggregates over steps (`count(probe)`, `sum(probe.amount)`). */
#include "rules/check_private.h"

#include "base/sum.h"

enum { NTH_MAX = 1 << 20 }; /* `nth(s.f, i)`: no match holds more events */

enum aggregate check_aggregate(struct slice name) {
  static const struct {
    const char *name;
    enum aggregate aggregate;
  } all[] = {{"count", AGG_COUNT}, {"sum", AGG_SUM},         {"avg", AGG_AVG},           {"min", AGG_MIN},
             {"max", AGG_MAX},     {"stddev", AGG_STDDEV},   {"distinct", AGG_DISTINCT}, {"first", AGG_FIRST},
             {"last", AGG_LAST},   {"nth", AGG_NTH},         {"median", AGG_MEDIAN},     {"percentile", AGG_PERCENTILE},
             {"top", AGG_TOP},     {"collect", AGG_COLLECT}, {"ewma", AGG_EWMA},         {"rate", AGG_RATE}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (slice_equal(name, slice_of(all[i].name))) return all[i].aggregate;
  return AGG_NONE;
}

struct type check_aggregate_type(struct checker *c, struct span at, enum aggregate aggregate, struct slice name,
                                 struct type type) {
  struct type total, average;
  const char *takes = NULL;
  if (type_bad(type)) return type;
  if (type.kind == VALUE_NULL) {
    check_say(c, at, "type-mismatch", NULL, "`" SLICE_FMT "` of null says nothing", SLICE_ARG(name));
    return TYPE_BAD;
  }
  switch (aggregate) {
  case AGG_COUNT:
  case AGG_DISTINCT:
    if (type.kind != VALUE_LIST) return TYPE(VALUE_INT);
    takes = "single values";
    break;
  case AGG_SUM:
    if (sum_type(type, &total, &average)) return total;
    takes = "numbers or durations";
    break;
  case AGG_AVG:
  case AGG_EWMA:
  case AGG_MEDIAN:
  case AGG_PERCENTILE:
  case AGG_STDDEV:
    if (sum_type(type, &total, &average)) return average;
    takes = "numbers or durations";
    break;
  case AGG_MIN:
  case AGG_MAX:
    if (type_is_ordered(type)) return type;
    takes = "values that have an order";
    break;
  case AGG_FIRST:
  case AGG_LAST:
  case AGG_NTH: return type;
  case AGG_TOP:
  case AGG_COLLECT:
    if (type.kind != VALUE_LIST)
      return (struct type){.kind = VALUE_LIST, .element = type.kind, .element_scale = type.scale};
    takes = "single values";
    break;
  case AGG_RATE:
  case AGG_NONE: return TYPE(VALUE_FLOAT);
  }
  const char *hint =
      type.kind == VALUE_BOOL ? "as a number it is `if(…, 1, 0)`; for a step, in a field of its event" : NULL;
  check_say(c, at, "type-mismatch", hint, "`" SLICE_FMT "` takes %s, not %s", SLICE_ARG(name), takes, TYPE_TEXT(type));
  return TYPE_BAD;
}

/* ---- aggregates over steps ---- */

static bool argument_is_step(struct checker *c, const struct scope *s, const struct tree_expr *argument) {
  if (argument->kind != TREE_PATH || tree_key(argument) != NULL || argument->part_count > 2) return false;
  return s->rule != NULL && s->steps && check_step_find(c, s->rule, &argument->parts[0], false) != -1;
}

static struct type check_nth(struct checker *c, struct tree_expr *expr) {
  struct tree_expr *place = expr->items[1];
  place->type = TYPE(VALUE_INT);
  place->cast = TYPE(VALUE_NULL);
  if (place->kind == TREE_LITERAL && place->value.kind == VALUE_INT && place->value.i >= 1 &&
      place->value.i <= NTH_MAX) {
    expr->ref.nth = (int32_t)place->value.i;
    return TYPE(VALUE_INT);
  }
  check_say(c, place->span, "argument", "the first is `nth(step.field, 1)`", "`nth` takes a number from 1 to %d",
            NTH_MAX);
  return TYPE_BAD;
}

static struct type check_step_aggregate(struct checker *c, const struct scope *s, struct tree_expr *expr,
                                        enum aggregate aggregate) {
  struct tree_expr *argument = expr->items[0];
  struct slice name = expr->name->text;
  int32_t step = check_step_find(c, s->rule, &argument->parts[0], true);
  uint16_t arguments = aggregate == AGG_NTH ? 2 : 1;
  argument->cast = TYPE(VALUE_NULL);
  argument->type = TYPE_BAD;
  if (step < 0) return TYPE_BAD;
  if (aggregate > AGG_NTH) {
    check_say(c, expr->name->span, "aggregate",
              "over a step: count, sum, avg, min, max, stddev, distinct, first, last, nth",
              "`" SLICE_FMT "` cannot be taken over a step", SLICE_ARG(name));
    return TYPE_BAD;
  }
  if (expr->item_count != arguments) {
    check_say(c, expr->span, "argument", aggregate == AGG_NTH ? "as `nth(step.field, 2)`" : NULL,
              "`" SLICE_FMT "` over a step takes %s", SLICE_ARG(name),
              arguments == 2 ? "a field and a number" : "one argument");
    return TYPE_BAD;
  }
  expr->ref = (struct ref){.kind = REF_AGGREGATE, .aggregate = aggregate, .step = (uint16_t)step};
  if (aggregate == AGG_COUNT) {
    if (argument->part_count == 1) {
      argument->type = TYPE(VALUE_INT);
      return TYPE(VALUE_INT);
    }
    check_say(c, argument->span, "argument",
              check_text(c, "as `count(" SLICE_FMT ")`; different values: `distinct(" SLICE_FMT "." SLICE_FMT ")`",
                         SLICE_ARG(argument->parts[0].text), SLICE_ARG(argument->parts[0].text),
                         SLICE_ARG(argument->parts[1].text)),
              "`count` counts the events of a step, not a field");
    return TYPE_BAD;
  }
  if (argument->part_count == 1) {
    check_say(
        c, argument->span, "argument",
        check_text(c, "as `" SLICE_FMT "(" SLICE_FMT ".field)`", SLICE_ARG(name), SLICE_ARG(argument->parts[0].text)),
        "`" SLICE_FMT "` takes a field of the step", SLICE_ARG(name));
    return TYPE_BAD;
  }
  struct type type = check_path(c, s, argument);
  if (s->rule->pattern == NULL) { /* an `on` rule: the one event */
    argument->ref.kind = REF_STEP_FIELD;
    argument->ref.step = (uint16_t)step;
  }
  argument->type = type;
  expr->ref.field = argument->ref.field;
  if (aggregate == AGG_NTH && type_bad(check_nth(c, expr))) return TYPE_BAD;
  return check_aggregate_type(c, argument->span, aggregate, name, type);
}

/* ---- functions ---- */

/* Regexes, networks and zones are literals. */
static bool literal_argument(struct checker *c, const struct function_parameter *parameter,
                             struct tree_expr *argument) {
  struct value value = argument->value;
  bool literal = argument->kind == TREE_LITERAL;
  switch (parameter->kind) {
  case PARAMETER_REGEX:
    if (argument->kind == TREE_REGEX) return true;
    check_say(c, argument->span, "argument", "as /pattern/", "this argument is a regular expression");
    return false;
  case PARAMETER_NETWORK:
    if (literal && (value.kind == VALUE_NETWORK || value.kind == VALUE_IP)) return true;
    check_say(c, argument->span, "argument", "as 10.0.0.0/8", "this argument is an ip network, written out");
    return false;
  case PARAMETER_ZONE:
    if (literal && value.kind == VALUE_STRING) {
      check_zone(c, argument->span, value_slice(value));
      return true;
    }
    check_say(c, argument->span, "argument", "as \"Europe/Berlin\"",
              "this argument is the name of a time zone, written out");
    return false;
  default:
    if (argument->kind != TREE_REGEX) return true;
    check_say(c, argument->span, "argument", "a regular expression stands after `matches`, and in `extract`",
              "a regular expression is no value");
    return false;
  }
}

static struct type call_function(struct checker *c, const struct scope *s, struct tree_expr *expr,
                                 const struct function *function) {
  unsigned least, most;
  struct type types[FUNCTION_ARGUMENTS_MAX], result;
  bool good = true;
  function_arity(function, &least, &most);
  expr->ref = (struct ref){.kind = REF_FUNCTION, .index = function_index(function)};
  for (uint16_t i = 0; i < expr->item_count; i++) {
    struct tree_expr *argument = expr->items[i];
    struct type type = check_expr(c, s, argument);
    const struct function_parameter *parameter = function_parameter_at(function, i);
    if (type_bad(type))
      good = false;
    else if (parameter != NULL && !literal_argument(c, parameter, argument))
      good = false;
    if (i < FUNCTION_ARGUMENTS_MAX) types[i] = type;
    if (parameter != NULL && parameter->kind == PARAMETER_NETWORK && type.kind == VALUE_IP)
      types[i] = TYPE(VALUE_NETWORK); /* one address is a network of its own */
  }
  if (expr->item_count < least || expr->item_count > most) {
    struct buf signature;
    buf_init(&signature, c->arena->mem);
    function_signature(&signature, function);
    check_say(c, expr->span, "argument", check_text(c, "%s", buf_text(&signature)),
              "`" SLICE_FMT "` takes %s%u argument%s, not %u", SLICE_ARG(expr->name->text),
              least == most              ? ""
              : expr->item_count < least ? "at least "
                                         : "at most ",
              expr->item_count < least ? least : most, (expr->item_count < least ? least : most) == 1 ? "" : "s",
              (unsigned)expr->item_count);
    buf_free(&signature);
    return TYPE_BAD;
  }
  if (!good) return TYPE_BAD;
  char why[FUNCTION_WHY_MAX];
  if (!function_check(function, types, expr->item_count, &result, why)) {
    struct buf signature;
    buf_init(&signature, c->arena->mem);
    function_signature(&signature, function);
    check_say(c, expr->span, "argument", check_text(c, "%s", buf_text(&signature)), "%s", why);
    buf_free(&signature);
    return TYPE_BAD;
  }
  if (function->result == RESULT_COMMON)
    for (uint16_t i = function->op == EXPR_IF ? 1 : 0; i < expr->item_count; i++) {
      /* min and max compare numbers as they are, and widen only the one that they take. */
      bool widens_itself = function->op == EXPR_CALL && result.kind == VALUE_DECIMAL && types[i].kind != VALUE_NULL;
      if (!widens_itself) check_cast(expr->items[i], result);
    }
  return result;
}

static void check_arguments(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  for (uint16_t i = 0; i < expr->item_count; i++) check_expr(c, s, expr->items[i]);
}

/* `sum(amount)` where a counter or a step was meant. */
static struct type misplaced_aggregate(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct slice name = expr->name->text;
  bool steps = s->rule != NULL && s->steps && s->rule->step_count > 0;
  if (expr->item_count > 0 && expr->items[0]->kind == TREE_PATH && expr->items[0]->part_count == 2 && steps) {
    check_expr(c, s, expr->items[0]); /* says which step it does not know */
    return TYPE_BAD;
  }
  const char *hint = NULL;
  if (steps && s->rule->pattern != NULL)
    hint =
        check_text(c, "over a step: `" SLICE_FMT "(" SLICE_FMT "%s)`; a counter says `of` and `over`", SLICE_ARG(name),
                   SLICE_ARG(s->rule->steps[0].name.text), slice_equal(name, SLICE("count")) ? "" : ".field");
  else if (s->counters != COUNTERS_NONE)
    hint = check_text(c, "a counter says `over`: `" SLICE_FMT "(…) over 1h`", SLICE_ARG(name));
  check_say(c, expr->name->span, "aggregate", hint, "`" SLICE_FMT "` takes many events: it must say which",
            SLICE_ARG(name));
  return TYPE_BAD;
}

/* In a window's block `sum(amount)` is over the window: the same node as a counter's, without a span. */
static struct type window_aggregate(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct counting *counting = arena_new(c->arena, struct counting);
  counting->aggregate = *expr->name;
  counting->over_us = counting->over_count = -1;
  counting->over = SPAN_NONE;
  if (expr->item_count > 0) counting->argument = expr->items[0];
  if (expr->item_count > 1) {
    const struct value *parameter = &expr->items[1]->value;
    if (expr->item_count > 2 || expr->items[1]->kind != TREE_LITERAL ||
        (parameter->kind != VALUE_INT && parameter->kind != VALUE_DURATION)) {
      check_say(c, expr->span, "argument", "as `percentile(amount, 99)`, `top(country, 5)`, `ewma(amount, 1h)`",
                "`" SLICE_FMT "` over a window takes a value and at most one whole number or duration",
                SLICE_ARG(expr->name->text));
      return TYPE_BAD;
    }
    counting->has_parameter = true;
    counting->parameter_is_duration = parameter->kind == VALUE_DURATION;
    counting->parameter = parameter->i;
  }
  expr->kind = TREE_COUNTING;
  expr->counting = counting;
  expr->item_count = 0;
  return check_counting(c, s, expr);
}

const char *check_foreign_hint(struct slice name) {
  static const struct {
    const char *name, *hint;
  } foreign[] = {
      {"now", "there is no clock on the wall: `event_time` is the time of the event"},
      {"current_timestamp", "there is no clock on the wall: `event_time` is the time of the event"},
      {"lag", "`previous(amount)` is what the event before had"},
      {"prev", "`previous(amount)` is what the event before had"},
      {"isnull", "write `x is null`"},
      {"is_null", "write `x is null`"},
      {"coalesce", "write `x ?? 0`"},
      {"nvl", "write `x ?? 0`"},
      {"ifnull", "write `x ?? 0`"},
      {"iif", "write `if(amount > 5, \"a\", \"b\")`"},
      {"regexp_like", "write `x matches /…/`"},
      {"regex", "write `x matches /…/`"},
      {"count_distinct", "`distinct(country) over 1h` counts different values"},
      {"distinct_count", "`distinct(country) over 1h` counts different values"},
      {"count_if", "write `count(where amount > 5) over 1h`"},
      {"countif", "write `count(where amount > 5) over 1h`"},
      {"weekday", "`day_of_week(at)`: Monday is 1"},
      {"dayofweek", "`day_of_week(at)`: Monday is 1"},
      {"std", "write `stddev`"},
      {"mean", "write `avg`"},
      {"average", "write `avg`"},
      {"greatest", "write `max(a, b)`"},
      {"least", "write `min(a, b)`"},
      {"len", "write `length`"},
      {"strlen", "write `length`"},
      {"quantile", "`percentile(amount, 99) over 30d`"},
      {"quantile_cont", "`percentile(amount, 99) over 30d`"},
      {"percentile_cont", "`percentile(amount, 99) over 30d`"},
      {"approx_count_distinct", "`distinct(country) over 1h approx` counts different values"},
      {"sumif", "write `sum(amount where amount > 5) over 1h`"},
      {"sum_if", "write `sum(amount where amount > 5) over 1h`"},
      {"haversine", "write `distance_km(lat1, lon1, lat2, lon2)`"},
      {"distance", "write `distance_km(lat1, lon1, lat2, lon2)`"},
      {"first_seen", "`not seen(device, 30d)`: no event had it within 30 days"},
      {"is_new", "`not seen(device, 30d)`: no event had it within 30 days"},
      {"lcase", "write `lower`"},
      {"ucase", "write `upper`"},
      {"cast", "the type stands in the declaration of the field: `amount decimal(2)`"},
      {"try_cast", "the type stands in the declaration of the field: `amount decimal(2)`"},
      {"in_cidr", "write `ip in (10.0.0.0/8)`"},
      {"datediff", "times are subtracted: `b.at - a.at < 5m`"},
      {"date_diff", "times are subtracted: `b.at - a.at < 5m`"},
  };
  for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
    if (slice_equal(name, slice_of(foreign[i].name))) return foreign[i].hint;
  return NULL;
}

struct type check_call(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  enum aggregate aggregate = check_aggregate(expr->name->text);
  const struct function *function = function_find(expr->name->text);
  expr->ref = (struct ref){0};
  if (expr->item_count > 0) check_join_window(c, expr->items[0]);
  if (slice_equal(expr->name->text, SLICE("previous"))) return check_previous(c, s, expr);
  if (aggregate != AGG_NONE) {
    if (expr->item_count > 0 && argument_is_step(c, s, expr->items[0]) && (function == NULL || expr->item_count == 1))
      return check_step_aggregate(c, s, expr, aggregate);
    if (s->window && (function == NULL || expr->item_count == 1)) return window_aggregate(c, s, expr);
    if (function == NULL || expr->item_count == 1) return misplaced_aggregate(c, s, expr);
  }
  if (function != NULL) return call_function(c, s, expr, function);
  check_arguments(c, s, expr);
  if (check_called_counter(c, expr->name)) return TYPE_BAD;
  size_t count = function_count(), place = 0;
  struct slice *names = arena_array(&c->scratch, struct slice, count + 17);
  for (unsigned i = 0; i < count; i++) names[place++] = slice_of(function_at(i)->name);
  static const char *const aggregates[] = {"count", "sum",  "avg",    "stddev",     "distinct", "first",
                                           "last",  "nth",  "median", "percentile", "top",      "collect",
                                           "ewma",  "rate", "seen",   "previous"};
  for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++) names[place++] = slice_of(aggregates[i]);
  const char *foreign = check_foreign_hint(expr->name->text);
  check_say(c, expr->name->span, "unknown-function",
            foreign != NULL ? foreign : check_near(c, expr->name->text, names, place, "`weir functions` lists them"),
            "there is no function `" SLICE_FMT "`", SLICE_ARG(expr->name->text));
  return TYPE_BAD;
}
