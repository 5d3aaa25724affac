/* check_counter.c - counters (`sum(amount) of payment by card_id over 1h`), `seen` and `previous`.
 *
 * A counter has events of its own: those of `of`, else those of the rule's `on`. What it reads is read from these; its
 * key's fields are also read from the event that asks. */
#include "base/limits.h"
#include "base/time_text.h"
#include "rules/check_private.h"

enum { TOP_MAX = LIMIT_LIST_ELEMENTS, COLLECT_MAX = LIMIT_LIST_ELEMENTS, LAST_EVENTS_MAX = LIMIT_LAST_EVENTS };

/* The rule's own events are those that `on` takes; where its condition asks counters there is nothing to count by. */
static bool own_events_counted(struct checker *c, const struct scope *s, struct span at) {
  if (s->rule == NULL || !s->rule->on_asks) return true;
  check_say(c, at, "counter", "say which events by `of`, or let `when` ask what the condition of `on` asks",
            "its events would be those of `on`, whose condition asks counters: counters are not nested");
  return false;
}

/* The counter's own events: 1 and `own` is what its parts may read; 0 with a message. */
static bool own_events(struct checker *c, const struct scope *s, struct span at, struct use *of, struct scope *own) {
  *own = (struct scope){.place = "in a counter",
                        .step = -1,
                        .counters = COUNTERS_NONE,
                        .counters_why = "counters are not nested",
                        .no_lookups = true};
  if (s->window) {
    own->types = s->types;
    own->type_count = s->type_count;
    own->place = "in a window";
    own->several = s->several;
    own->no_lookups = false;
    return true;
  }
  if (of != NULL) {
    int32_t type = check_type_id(c, &of->event);
    if (type < 0) return false;
    of->type = (uint16_t)type;
    own->types = &of->type;
    own->type_count = 1;
    if (of->condition != NULL) check_condition(c, own, of->condition, "the condition of a counter");
    return true;
  }
  if (s->counters == COUNTERS_OWN) {
    if (!own_events_counted(c, s, at)) return false;
    own->types = s->types;
    own->type_count = s->type_count;
    return true;
  }
  const char *hint = s->counters == COUNTERS_ON ? s->counters_why : "as `sum(amount) of payment over 1h`";
  if (s->counters != COUNTERS_ON && s->rule != NULL && s->type_count == 1)
    hint = check_text(c, "as `… of " SLICE_FMT " over 1h`", SLICE_ARG(c->tree->types[s->types[0]].name));
  check_say(c, at, "counter-of", hint, "a counter %s must say of which events: `of`", s->place);
  return false;
}

/* `changed`: the key is one that the pattern changes to; it is one field, whatever the event type. */
static void say_no_key_field(struct checker *c, const struct scope *own, struct span at, const struct key_part *part,
                             bool changed) {
  struct slice type = c->tree->types[own->types[0]].name;
  struct slice name = part->name.text;
  const char *hint = part->path_count > 0
                         ? check_text(c, "add it to the key: `" SLICE_FMT ": …, " SLICE_FMT ".FIELD`", SLICE_ARG(name),
                                      SLICE_ARG(type))
                         : check_text(c,
                                      "say by which field it is counted, `by NAME`, or name one in the key, `" SLICE_FMT
                                      ": …, " SLICE_FMT ".FIELD`",
                                      SLICE_ARG(name), SLICE_ARG(type));
  if (changed) hint = "say by which field it is counted, `by NAME`";
  check_say(c, at, "counter-key", hint, "`" SLICE_FMT "` has no field for the rule's key `" SLICE_FMT "`",
            SLICE_ARG(type), SLICE_ARG(name));
}

/* In `emit` of a pattern the event that completes the match has what is asked for: every type of which one may.
 * `wanted`: the type it has in the counter's events. */
static bool check_completing_field(struct checker *c, const struct scope *s, struct span at, struct slice name,
                                   struct type wanted, const char *hint) {
  const struct rule_tree *rule = s->rule;
  if (rule == NULL || rule->pattern == NULL || s->step >= 0) return true;
  if (rule->completing_count == 0) {
    check_say(c, at, "counter-key", hint, "no event completes the match, from which `" SLICE_FMT "` could be read",
              SLICE_ARG(name));
    return false;
  }
  for (uint16_t t = 0; t < rule->completing_count; t++) {
    uint16_t type = rule->completing[t];
    struct slice event = c->tree->types[type].name;
    if (!c->types_known[type]) continue;
    int32_t index = check_field_find(c, type, name);
    if (index < 0) {
      check_say(c, at, "counter-key", hint, "`" SLICE_FMT "`, which completes the match, has no field `" SLICE_FMT "`",
                SLICE_ARG(event), SLICE_ARG(name));
      return false;
    }
    struct type_field *field = &c->tree->types[type].fields[index];
    field->used = true;
    if (type_bad(wanted) || type_bad(field->type) || type_equal(wanted, field->type)) continue;
    check_say(c, at, "type-mismatch", NULL,
              "`" SLICE_FMT "` is %s in the counter's events and %s in `" SLICE_FMT "`, which completes the match",
              SLICE_ARG(name), TYPE_TEXT(wanted), TYPE_TEXT(field->type), SLICE_ARG(event));
    return false;
  }
  return true;
}

static void check_completing_key(struct checker *c, const struct scope *s, struct span at, struct slice name,
                                 struct type wanted) {
  if (s->key != NULL && check_key_part(s->key, name) >= 0) return;
  check_completing_field(c, s, at, name, wanted,
                         "ask by fields of the rule's key, or in a rule on the alerts, by what they emit");
}

/* The field of each part of the counter's key, in its events and in the one that asks. */
static void check_counter_key(struct checker *c, const struct scope *s, const struct scope *own, struct span at,
                              const struct counting *counting, bool has_of) {
  for (uint16_t i = 0; i < counting->by_count; i++) {
    const struct name *by = &counting->by[i];
    struct type mine = TYPE_BAD, asked = TYPE_BAD;
    struct ref ref = {0};
    for (uint16_t before = 0; before < i; before++)
      if (slice_equal(counting->by[before].text, by->text)) {
        check_say(c, by->span, "duplicate-name", NULL, "`" SLICE_FMT "` stands twice in `by`", SLICE_ARG(by->text));
        return;
      }
    if (check_candidate_field(c, own, by, by->text, &mine, &ref) == 0) {
      struct name missing = *by;
      if (own->type_count > 0) check_field(c, own->types[0], &missing);
      continue;
    }
    if (s->type_count == 0) check_completing_key(c, s, by->span, by->text, mine);
    if (s->type_count == 0 || !has_of) continue;
    if (check_candidate_field(c, s, by, by->text, &asked, &ref) == 0) {
      if (s->key != NULL && check_key_part(s->key, by->text) >= 0) continue;
      check_say(c, by->span, "unknown-field", "the event that asks gives the counter's key",
                "`" SLICE_FMT "` has no field `" SLICE_FMT "`", SLICE_ARG(c->tree->types[s->types[0]].name),
                SLICE_ARG(by->text));
    } else if (!type_bad(mine) && !type_bad(asked) && !type_equal(mine, asked)) {
      check_say(c, by->span, "type-mismatch", NULL,
                "`" SLICE_FMT "` is %s in the counter's events and %s in the one that asks", SLICE_ARG(by->text),
                TYPE_TEXT(mine), TYPE_TEXT(asked));
    }
  }
  if (counting->by_count > 0 || !has_of || s->counter_key == NULL || own->type_count == 0) return;
  const struct key_tree *key = s->counter_key;
  for (uint16_t i = 0; i < key->part_count && !key->none; i++) {
    const struct key_part *part = &key->parts[i];
    struct slice field = part->path_count == 0 ? part->name.text : (struct slice){0};
    for (uint16_t p = 0; p < part->path_count; p++)
      if (slice_equal(part->paths[p].event.text, c->tree->types[own->types[0]].name)) field = part->paths[p].field.text;
    if (!c->types_known[own->types[0]]) continue;
    int32_t index = field.length > 0 ? check_field_find(c, own->types[0], field) : -1;
    if (index < 0) {
      bool changed = s->rule != NULL && key != s->rule->key;
      if (field.length == 0 || part->path_count == 0) say_no_key_field(c, own, at, part, changed);
      continue; /* a field that the key names and that is not there is said at the key */
    }
    struct type_field *counted = &c->tree->types[own->types[0]].fields[index];
    counted->used = true;
    if (!type_bad(part->type) && !type_bad(counted->type) && !type_equal(part->type, counted->type))
      check_say(c, at, "type-mismatch", "equal keys need equal types",
                "the rule's key `" SLICE_FMT "` is %s, `" SLICE_FMT "` is %s in `" SLICE_FMT "`",
                SLICE_ARG(part->name.text), TYPE_TEXT(part->type), SLICE_ARG(field), TYPE_TEXT(counted->type),
                SLICE_ARG(c->tree->types[own->types[0]].name));
  }
}

void check_counter_use(struct checker *c, const struct scope *s, struct span at, const struct tree_expr *counter) {
  const struct counting *counting = counter->counting;
  if (counter->kind != TREE_COUNTING || counting->of == NULL) return; /* said at its declaration */
  struct scope own = {.types = &counting->of->type, .type_count = 1, .step = -1};
  if (name_map_get(&c->type_ids, counting->of->event.text) == NAME_ABSENT) return;
  if (counting->by_count == 0) {
    check_counter_key(c, s, &own, at, counting, true);
    return;
  }
  for (uint16_t i = 0; i < counting->by_count; i++) {
    const struct name *by = &counting->by[i];
    struct name asked = {.text = by->text, .span = at};
    struct type mine = TYPE_BAD, other = TYPE_BAD;
    struct ref ref = {0};
    int32_t field = check_field_find(c, own.types[0], by->text);
    if (field >= 0) mine = c->tree->types[own.types[0]].fields[field].type;
    if (s->type_count == 0) {
      check_completing_key(c, s, at, by->text, mine);
      continue;
    }
    int found = check_candidate_field(c, s, &asked, by->text, &other, &ref);
    if (found == 0 && (s->key == NULL || check_key_part(s->key, by->text) < 0))
      check_say(c, at, "counter-key", "the event that asks gives the counter's key",
                "the counter is kept by `" SLICE_FMT "`, and `" SLICE_FMT "` has no such field", SLICE_ARG(by->text),
                SLICE_ARG(c->tree->types[s->types[0]].name));
    else if (found > 0 && !type_bad(mine) && !type_bad(other) && !type_equal(mine, other))
      check_say(c, at, "type-mismatch", NULL,
                "the counter is kept by `" SLICE_FMT "`, which is %s there and %s in `" SLICE_FMT "`",
                SLICE_ARG(by->text), TYPE_TEXT(mine), TYPE_TEXT(other), SLICE_ARG(c->tree->types[s->types[0]].name));
  }
}

static bool check_span(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct counting *counting = expr->counting;
  struct slice name = counting->aggregate.text;
  if (s->window) {
    if (counting->over == SPAN_NONE && counting->of == NULL && counting->by_count == 0) return true;
    check_say(c, expr->span, "counter", "inside a window's block the window is the span",
              "`" SLICE_FMT "` in a window has no `over`, `of` or `by`", SLICE_ARG(name));
    return false;
  }
  if (counting->over == SPAN_NONE) {
    check_say(c, expr->span, "counter", check_text(c, "as `" SLICE_FMT "(…) over 1h`", SLICE_ARG(name)),
              "a counter says over which time: `over`");
    return false;
  }
  bool length = counting->over == SPAN_DURATION || counting->over == SPAN_PREVIOUS || counting->over == SPAN_EVER;
  if (length && counting->over_us <= 0) {
    check_say(c, expr->span, "range", counting->over == SPAN_EVER ? "as `over ever idle 365d`" : "as `over 1h`",
              "a counter looks back over more than no time");
    return false;
  }
  if (counting->over == SPAN_LAST && (counting->over_count < 1 || counting->over_count > LAST_EVENTS_MAX)) {
    check_say(c, expr->span, "range", "over all that came: `over ever idle 365d`", "`over last` takes 1 to %d events",
              LAST_EVENTS_MAX);
    return false;
  }
  if (counting->over == SPAN_LAST && counting->over_us == 0) {
    check_say(c, expr->span, "range", "as `over last 20 within 1h`", "a counter looks back over more than no time");
    return false;
  }
  if (counting->over == SPAN_TODAY && counting->zone.length > 0) check_zone(c, expr->span, counting->zone);
  return true;
}

/* A duration that is an argument: those of clauses and spans are the parser's. */
static bool too_long(struct checker *c, struct span at, int64_t us) {
  if (us <= LIMIT_CLAUSE_DURATION_DAYS * TIME_DAY_US) return false;
  check_say(c, at, "range", check_text(c, "at most %dd, ten thousand years", LIMIT_CLAUSE_DURATION_DAYS),
            "a duration here is too long");
  return true;
}

static bool check_parameter(struct checker *c, const struct tree_expr *expr, enum aggregate aggregate) {
  const struct counting *counting = expr->counting;
  struct slice name = counting->aggregate.text;
  int64_t most = 0;
  const char *text = NULL;
  switch (aggregate) {
  case AGG_PERCENTILE: most = 100, text = "as `percentile(amount, 99)`; the middle is 50, or `median`"; break;
  case AGG_TOP: most = TOP_MAX, text = "as `top(country, 5)`"; break;
  case AGG_COLLECT: most = COLLECT_MAX, text = "as `collect(country, 20)`"; break;
  case AGG_NTH: most = LAST_EVENTS_MAX, text = "as `nth(country, 2)`"; break;
  case AGG_EWMA:
    if (counting->has_parameter && counting->parameter_is_duration && counting->parameter > 0)
      return !too_long(c, expr->span, counting->parameter);
    check_say(c, expr->span, "argument", "as `ewma(amount, 1h)`", "`ewma` takes a value and a duration");
    return false;
  default:
    if (!counting->has_parameter) return true;
    check_say(c, expr->span, "argument", NULL, "`" SLICE_FMT "` takes one value", SLICE_ARG(name));
    return false;
  }
  if (counting->has_parameter && !counting->parameter_is_duration && counting->parameter >= 1 &&
      counting->parameter <= most)
    return true;
  check_say(c, expr->span, "argument", text, "`" SLICE_FMT "` takes a value and a number from 1 to %" PRId64,
            SLICE_ARG(name), most);
  return false;
}

static void check_top(struct checker *c, const struct scope *own, const struct tree_expr *expr,
                      enum aggregate aggregate) {
  const struct counting *counting = expr->counting;
  if (!name_given(&counting->top_aggregate)) return;
  if (aggregate != AGG_TOP) {
    check_say(c, counting->top_aggregate.span, "argument", NULL, "`by` inside the parentheses is for `top`");
    return;
  }
  enum aggregate order = check_aggregate(counting->top_aggregate.text);
  if (order != AGG_COUNT && order != AGG_SUM && order != AGG_AVG && order != AGG_MIN && order != AGG_MAX) {
    check_say(c, counting->top_aggregate.span, "argument", "as `top(country, 5 by sum(amount))`",
              "`top` is ordered by count, sum, avg, min or max");
    return;
  }
  if (counting->top_argument == NULL) return;
  struct type type = check_expr(c, own, counting->top_argument);
  check_aggregate_type(c, counting->top_argument->span, order, counting->top_aggregate.text, type);
}

bool check_called_counter(struct checker *c, const struct name *name) {
  if (check_symbol(&c->counters, name->text) == NULL) return false;
  check_say(c, name->span, "counter", check_text(c, "write `" SLICE_FMT "`", SLICE_ARG(name->text)),
            "`" SLICE_FMT "` is declared with its events and its span: it is asked by its name alone",
            SLICE_ARG(name->text));
  return true;
}

struct type check_counting(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct counting *counting = expr->counting;
  struct slice name = counting->aggregate.text;
  enum aggregate aggregate = check_aggregate(name);
  struct scope own;
  expr->ref = (struct ref){.kind = REF_COUNTER, .aggregate = aggregate, .index = UINT16_MAX};
  if (aggregate == AGG_NONE) {
    if (check_called_counter(c, &counting->aggregate)) return TYPE_BAD;
    const char *foreign = check_foreign_hint(name);
    check_say(
        c, counting->aggregate.span, "unknown-function",
        foreign != NULL
            ? foreign
            : "counters: count, sum, avg, min, max, stddev, distinct, median, percentile, first, last, top, collect, "
              "ewma, rate",
        "`" SLICE_FMT "` is no counter", SLICE_ARG(name));
    return TYPE_BAD;
  }
  if (s->counters == COUNTERS_NONE && !s->window) {
    check_say(c, expr->span, "counter", s->counters_why, "a counter cannot be used %s",
              s->place == NULL ? "here" : s->place);
    return TYPE_BAD;
  }
  if (!own_events(c, s, expr->span, counting->of, &own)) return TYPE_BAD;
  bool good = check_span(c, s, expr);
  check_counter_key(c, s, &own, expr->span, counting, counting->of != NULL);
  if (counting->where != NULL) check_condition(c, &own, counting->where, "`where` in a counter");
  bool plain = aggregate == AGG_COUNT || aggregate == AGG_RATE;
  if (plain && counting->argument != NULL) {
    check_expr(c, &own, counting->argument);
    check_say(c, counting->argument->span, "argument",
              check_text(c, "as `" SLICE_FMT "(where …)`; different values: `distinct(…)`", SLICE_ARG(name)),
              "`" SLICE_FMT "` counts events, not a field", SLICE_ARG(name));
    return TYPE_BAD;
  }
  if (!plain && counting->argument == NULL) {
    check_say(c, expr->span, "argument", check_text(c, "as `" SLICE_FMT "(amount)`", SLICE_ARG(name)),
              "`" SLICE_FMT "` takes a value", SLICE_ARG(name));
    return TYPE_BAD;
  }
  if (!check_parameter(c, expr, aggregate)) good = false;
  check_top(c, &own, expr, aggregate);
  if (plain) return !good ? TYPE_BAD : TYPE(aggregate == AGG_COUNT ? VALUE_INT : VALUE_FLOAT);
  struct type argument = check_expr(c, &own, counting->argument);
  struct type type = check_aggregate_type(c, counting->argument->span, aggregate, name, argument);
  return good ? type : TYPE_BAD;
}

struct type check_seen(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct tree_expr *field = expr->items[0];
  struct scope own;
  field->type = TYPE_BAD;
  field->cast = TYPE(VALUE_NULL);
  if (s->counters == COUNTERS_NONE) {
    check_say(c, expr->span, "counter", s->counters_why, "`seen` cannot be used %s",
              s->place == NULL ? "here" : s->place);
    return TYPE_BAD;
  }
  if (!own_events(c, s, expr->span, expr->seen_of, &own)) return TYPE_BAD;
  if (expr->seen_us <= 0) {
    check_say(c, expr->span, "range", "as `seen(ip, 30d)`", "`seen` looks back over more than no time");
    return TYPE_BAD;
  }
  if (too_long(c, expr->span, expr->seen_us)) return TYPE_BAD;
  struct counting none = {0};
  check_counter_key(c, s, &own, expr->span, &none, expr->seen_of != NULL);
  struct type type = check_expr(c, &own, field);
  if (type_bad(type)) return TYPE_BAD;
  if (expr->seen_of != NULL && !s->sought &&
      !check_completing_field(c, s, field->span, field->parts[0].text, type,
                              "ask it in the condition of a step, or in a rule on the alerts, by what they emit"))
    return TYPE_BAD;
  if (expr->seen_of != NULL && s->type_count > 0) { /* the event that asks gives the value */
    struct type asked;
    struct ref ref = {0};
    int found = check_candidate_field(c, s, &field->parts[0], field->parts[0].text, &asked, &ref);
    if (found == 0)
      check_say(c, field->span, "unknown-field",
                "as `x not in seen(field, 30d) of …` with a value of the event that asks",
                "`" SLICE_FMT "` has no field `" SLICE_FMT "`", SLICE_ARG(c->tree->types[s->types[0]].name),
                SLICE_ARG(field->parts[0].text));
    else if (found > 0 && !type_bad(asked) && !type_equal(asked, type))
      check_say(c, field->span, "type-mismatch", NULL,
                "`" SLICE_FMT "` is %s in the counter's events and %s in the one that asks",
                SLICE_ARG(field->parts[0].text), TYPE_TEXT(type), TYPE_TEXT(asked));
    if (found <= 0) return TYPE_BAD;
  }
  return TYPE(VALUE_BOOL);
}

struct type check_previous(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  expr->ref = (struct ref){.kind = REF_PREVIOUS};
  if (expr->item_count != 1) {
    check_say(c, expr->span, "argument", "as `previous(amount)`", "`previous` takes one value");
    return TYPE_BAD;
  }
  if (!s->previous) {
    check_say(c, expr->span, "counter", s->steps ? "a step before is read by its name: `first.amount`" : NULL,
              "`previous` is the event before in the events of an `on` rule: it cannot be used %s",
              s->place == NULL ? "here" : s->place);
    return TYPE_BAD;
  }
  if (!own_events_counted(c, s, expr->span)) return TYPE_BAD;
  struct scope own = *s;
  own.counters = COUNTERS_NONE;
  own.counters_why = "counters are not nested";
  own.place = "in `previous`";
  own.previous = false;
  return check_expr(c, &own, expr->items[0]);
}
