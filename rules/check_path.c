/* check_path.c - what the names in expressions stand for: fields, steps, keys, lists, tables, lookups, models. */
#include "rules/check_private.h"

/* ---- candidates ---- */

/* A declared field of each type; `own_time`: the event's own time in those that declare none of the name. */
static int candidate(struct checker *c, const struct scope *s, const struct name *name, struct slice text,
                     bool own_time, struct type *out, struct ref *ref) {
  uint16_t *fields = s->several ? arena_array(c->arena, uint16_t, s->type_count + 1u) : NULL;
  uint16_t found = 0;
  *out = TYPE_BAD;
  for (uint16_t i = 0; i < s->type_count; i++) {
    if (!c->types_known[s->types[i]]) return -1;
    if (check_field_find(c, s->types[i], text) >= 0) found++;
  }
  if (found == 0 && !own_time) return 0;
  for (uint16_t i = 0; i < s->type_count; i++) {
    struct type_info *info = &c->tree->types[s->types[i]];
    int32_t index = check_field_read(c, s->types[i], text);
    if (index < 0) {
      check_say(c, name->span, "unknown-field",
                check_text(c, "what is read %s must be in all event types", s->place == NULL ? "here" : s->place),
                "`" SLICE_FMT "` has no field `" SLICE_FMT "`", SLICE_ARG(info->name), SLICE_ARG(text));
      return -1;
    }
    struct type_field *field = &info->fields[index];
    field->used = true;
    if (i > 0 && !type_bad(*out) && !type_bad(field->type) && !type_equal(*out, field->type)) {
      check_say(c, name->span, "type-mismatch", "a field that is read for several event types has one type",
                "`" SLICE_FMT "` is %s in `" SLICE_FMT "` and %s in `" SLICE_FMT "`", SLICE_ARG(text), TYPE_TEXT(*out),
                SLICE_ARG(c->tree->types[s->types[0]].name), TYPE_TEXT(field->type), SLICE_ARG(info->name));
      return -1;
    }
    if (i == 0) {
      *out = field->type;
      ref->field = (uint16_t)index;
    }
    if (fields != NULL) fields[i] = (uint16_t)index;
  }
  ref->kind = REF_FIELD;
  ref->fields = fields;
  return 1;
}

int check_candidate_field(struct checker *c, const struct scope *s, const struct name *name, struct slice text,
                          struct type *out, struct ref *ref) {
  return candidate(c, s, name, text, false, out, ref);
}

int check_candidate_time(struct checker *c, const struct scope *s, const struct name *name, struct slice text,
                         struct type *out, struct ref *ref) {
  bool readable = s->type_count > 0 && !s->window && s->join == NULL && slice_equal(text, SLICE("event_time"));
  return readable ? candidate(c, s, name, text, true, out, ref) : 0;
}

int32_t check_step_find(struct checker *c, const struct rule_tree *rule, const struct name *name, bool say) {
  int32_t found = -1;
  for (uint16_t i = 0; i < rule->step_count; i++) {
    if (!slice_equal(rule->steps[i].name.text, name->text)) continue;
    if (found < 0) {
      found = i;
      continue;
    }
    if (say)
      check_say(c, name->span, "ambiguous", "give each a name: `first = login(…)`",
                "several steps are called `" SLICE_FMT "`", SLICE_ARG(name->text));
    return -2;
  }
  return found;
}

/* ---- bare names ---- */

static int32_t find_emit(const struct rule_tree *rule, struct slice name) {
  for (uint16_t i = 0; i < rule->emit_count; i++)
    if (slice_equal(rule->emit[i].name.text, name)) return i;
  return -1;
}

/* The step of the rule whose events have this field, for hints; empty if none has. */
static struct slice step_with_field(struct checker *c, const struct rule_tree *rule, struct slice field) {
  for (uint16_t i = 0; i < rule->step_count; i++)
    if (check_field_read(c, rule->steps[i].type, field) >= 0) return rule->steps[i].name.text;
  return (struct slice){0};
}

/* All names that could have been meant in this scope. */
static const char *near_bare(struct checker *c, const struct scope *s, struct slice wrong, const char *other) {
  size_t count = 0, room = (size_t)c->lets.count + c->counters.count + 1;
  for (uint16_t i = 0; i < s->type_count; i++) room += c->tree->types[s->types[i]].field_count;
  if (s->key != NULL) room += s->key->part_count;
  if (s->rule != NULL && s->emitted) room += s->rule->emit_count;
  struct slice *names = arena_array(&c->scratch, struct slice, room);
  for (uint16_t i = 0; i < s->type_count; i++) {
    const struct type_info *info = &c->tree->types[s->types[i]];
    for (uint16_t f = 0; f < info->field_count; f++) names[count++] = info->fields[f].name;
  }
  for (uint16_t i = 0; s->key != NULL && i < s->key->part_count; i++) names[count++] = s->key->parts[i].name.text;
  for (uint16_t i = 0; s->rule != NULL && s->emitted && i < s->rule->emit_count; i++)
    names[count++] = s->rule->emit[i].name.text;
  for (uint32_t i = 0; i < c->lets.count; i++) names[count++] = c->lets.decls[i]->let->name.text;
  for (uint32_t i = 0; i < c->counters.count; i++) names[count++] = c->counters.decls[i]->counter->name.text;
  const char *fields = other == NULL && s->type_count == 1 ? check_fields_hint(c, s->types[0]) : NULL;
  if (fields != NULL) other = check_text(c, "%s; a text stands in double quotes", fields);
  return check_near(c, wrong, names, count, other);
}

static void unknown_bare(struct checker *c, const struct scope *s, const struct name *name) {
  struct slice text = name->text;
  if (s->rule != NULL && s->steps && check_step_find(c, s->rule, name, false) != -1) {
    check_say(c, name->span, "unknown-name",
              check_text(c, "say what of it: `" SLICE_FMT ".field`, or `count(" SLICE_FMT ")`", SLICE_ARG(text),
                         SLICE_ARG(text)),
              "`" SLICE_FMT "` is a step", SLICE_ARG(text));
    return;
  }
  if (s->rule != NULL && !s->emitted && s->type_count == 0 && find_emit(s->rule, text) >= 0) {
    check_say(c, name->span, "unknown-name",
              "entries of `emit` do not see each other: write the expression again, or a `let`",
              "`" SLICE_FMT "` is emitted by this rule", SLICE_ARG(text));
    return;
  }
  struct slice step =
      s->rule != NULL && s->steps && s->type_count == 0 ? step_with_field(c, s->rule, text) : (struct slice){0};
  if (step.length > 0) {
    check_say(c, name->span, "unknown-name",
              check_text(c, "say of which step: `" SLICE_FMT "." SLICE_FMT "`", SLICE_ARG(step), SLICE_ARG(text)),
              "a bare name %s is a field of the key, and `" SLICE_FMT "` is none", s->place, SLICE_ARG(text));
    return;
  }
  if (s->join != NULL) {
    const struct name *left = &s->join->join_left_name, *right = &s->join->join_right_name;
    bool in_left = check_field_find(c, s->types[0], text) >= 0, in_right = check_field_find(c, s->types[1], text) >= 0;
    if (in_left || in_right) {
      const struct name *side = in_left ? left : right;
      check_say(
          c, name->span, "unknown-name",
          check_text(c, "say of which side: `" SLICE_FMT "." SLICE_FMT "`", SLICE_ARG(side->text), SLICE_ARG(text)),
          "a bare name in a join is a field of its key, and `" SLICE_FMT "` is none", SLICE_ARG(text));
      return;
    }
  }
  const char *hint = NULL;
  if (check_symbol(&c->lists, text) != NULL)
    hint = check_text(c, "it is a list: `… in " SLICE_FMT "`", SLICE_ARG(text));
  else if (check_symbol(&c->tables, text) != NULL)
    hint = check_text(c, "it is a table: `" SLICE_FMT "[key].column`", SLICE_ARG(text));
  else if (check_symbol(&c->lookups, text) != NULL || check_symbol(&c->models, text) != NULL)
    hint = check_text(c, "say what of it: `" SLICE_FMT ".field`", SLICE_ARG(text));
  else if (check_aggregate(text) == AGG_COUNT)
    hint = "a counter is a call: `count() over 1h`; of a step `count(s)`";
  else
    hint = near_bare(c, s, text, function_find(text) != NULL ? "a function is called with `(…)`" : NULL);
  if (s->type_count > 0 && s->join == NULL)
    check_say(c, name->span, "unknown-field", hint, "`" SLICE_FMT "` has no field `" SLICE_FMT "`",
              SLICE_ARG(c->tree->types[s->types[0]].name), SLICE_ARG(text));
  else
    check_say(c, name->span, "unknown-name", hint, "there is no `" SLICE_FMT "` %s", SLICE_ARG(text),
              s->place == NULL ? "here" : s->place);
}

/* A let and a counter, or something of the scope and one of them, must not have one name where it is used. */
static bool ambiguous(struct checker *c, const struct name *name, const char *what, bool let, bool counter) {
  if ((what != NULL) + let + counter <= 1) return false;
  const char *first = what != NULL ? what : "a let";
  check_say(c, name->span, "ambiguous", "rename one of them", "`" SLICE_FMT "` is %s and %s", SLICE_ARG(name->text),
            first, what != NULL && let ? "a let" : "a counter");
  return true;
}

/* Key and window fields of a window's own event, in its block. */
static struct type bare_in_window(struct checker *c, const struct scope *s, const struct name *name) {
  if (s->window && s->type_count > 0) {
    struct type type;
    struct ref ref = {0};
    if (check_candidate_field(c, s, name, name->text, &type, &ref) == 1) {
      check_say(c, name->span, "window-field",
                check_text(c, "as `last(" SLICE_FMT ")`, or make it a part of the key", SLICE_ARG(name->text)),
                "a window has many events: say which `" SLICE_FMT "`", SLICE_ARG(name->text));
      return TYPE_BAD;
    }
  }
  unknown_bare(c, s, name);
  return TYPE_BAD;
}

static struct type check_bare(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  const struct name *name = &expr->parts[0];
  int64_t let = name_map_get(&c->lets.map, name->text), counter = name_map_get(&c->counters.map, name->text);
  struct type type = TYPE_BAD;
  int32_t index;
  int found;
  if (s->element != NULL && slice_equal(s->element->text, name->text)) {
    expr->ref.kind = REF_ELEMENT;
    return ambiguous(c, name, "an element", let >= 0, counter >= 0) ? TYPE_BAD : s->element_type;
  }
  if (s->emitted && (index = find_emit(s->rule, name->text)) >= 0) {
    expr->ref.kind = REF_EMIT;
    expr->ref.index = (uint16_t)index;
    return ambiguous(c, name, "emitted", let >= 0, counter >= 0) ? TYPE_BAD : s->rule->emit[index].expr->type;
  }
  if (s->type_count > 0 && !s->window && s->join == NULL &&
      (found = check_candidate_field(c, s, name, name->text, &type, &expr->ref)) != 0) {
    if (found < 0) return TYPE_BAD;
    return ambiguous(c, name, "a field", let >= 0, counter >= 0) ? TYPE_BAD : type;
  }
  if (s->key != NULL && (index = check_key_part(s->key, name->text)) >= 0) {
    expr->ref.kind = REF_KEY;
    expr->ref.index = (uint16_t)index;
    return ambiguous(c, name, "a part of the key", let >= 0, counter >= 0) ? TYPE_BAD : s->key->parts[index].type;
  }
  if (ambiguous(c, name, NULL, let >= 0, counter >= 0)) return TYPE_BAD;
  if (let >= 0) return check_let_use(c, s, expr, (uint32_t)let);
  if (counter >= 0) {
    expr->ref.kind = REF_COUNTER;
    expr->ref.index = (uint16_t)counter;
    if (s->counters != COUNTERS_NONE) {
      check_counter_use(c, s, expr->span, c->counters.decls[counter]->counter->counting);
      return c->counter_types[counter];
    }
    check_say(c, name->span, "counter", s->counters_why, "`" SLICE_FMT "` is a counter: it cannot be used %s",
              SLICE_ARG(name->text), s->place);
    return TYPE_BAD;
  }
  if ((found = check_candidate_time(c, s, name, name->text, &type, &expr->ref)) != 0)
    return found < 0 ? TYPE_BAD : type;
  return bare_in_window(c, s, name);
}

/* ---- a.b ---- */

static int32_t read_field(struct checker *c, uint16_t type, const struct name *field) {
  int32_t index = check_field_read(c, type, field->text);
  enum aggregate aggregate = index < 0 && c->types_known[type] ? check_aggregate(field->text) : AGG_NONE;
  if (aggregate != AGG_NONE) { /* `s.count`, `s.avg` */
    check_say(c, field->span, "unknown-field",
              check_text(c, "an aggregate stands before its step: `" SLICE_FMT "(%s)`", SLICE_ARG(field->text),
                         aggregate == AGG_COUNT ? "s" : "s.amount"),
              "`" SLICE_FMT "` has no field `" SLICE_FMT "`", SLICE_ARG(c->tree->types[type].name),
              SLICE_ARG(field->text));
    return -1;
  }
  if (index < 0) return check_field(c, type, field);
  c->tree->types[type].fields[index].used = true;
  return index;
}

static struct type field_of(struct checker *c, uint16_t type, const struct name *field, struct ref *ref) {
  if (!c->types_known[type]) return TYPE_BAD;
  if (check_field_find(c, type, field->text) < 0 && slice_equal(field->text, SLICE("time"))) {
    ref->field = FIELD_TIME;
    return TYPE(VALUE_TIME);
  }
  int32_t index = read_field(c, type, field);
  if (index < 0) return TYPE_BAD;
  ref->field = (uint16_t)index;
  return c->tree->types[type].fields[index].type;
}

static struct type check_told(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  const struct name *field = &expr->parts[1];
  int32_t index = find_emit(s->rule, field->text);
  if (index >= 0) {
    expr->ref.kind = REF_TOLD;
    expr->ref.index = (uint16_t)index;
    return s->rule->emit[index].expr->type;
  }
  struct slice *names = arena_array(&c->scratch, struct slice, s->rule->emit_count + 1u);
  for (uint16_t i = 0; i < s->rule->emit_count; i++) names[i] = s->rule->emit[i].name.text;
  check_say(c, field->span, "unknown-name",
            check_near(c, field->text, names, s->rule->emit_count, "put it into `emit`"),
            "`told.` gives what the rule emitted before, and it emits no `" SLICE_FMT "`", SLICE_ARG(field->text));
  return TYPE_BAD;
}

static struct type check_lookup_column(struct checker *c, const struct scope *s, struct tree_expr *expr,
                                       const struct lookup_tree *lookup) {
  const struct name *column = &expr->parts[1];
  if (s->no_lookups) {
    check_say(c, expr->span, "lookup", NULL, "a lookup cannot be asked %s", s->place);
    return TYPE_BAD;
  }
  expr->ref.kind = REF_LOOKUP;
  /* The places of the pattern are fields of the event that asks. */
  for (size_t i = 0; i < lookup->pattern.length && s->type_count > 0; i++) {
    if (lookup->pattern.data[i] != '{') continue;
    size_t end = i + 1;
    while (end < lookup->pattern.length && lookup->pattern.data[end] != '}') end++;
    struct name field = {.text = {lookup->pattern.data + i + 1, end - i - 1}, .span = expr->parts[0].span};
    struct type type;
    struct ref ref = {0};
    int found = check_candidate_field(c, s, &field, field.text, &type, &ref);
    if (found == 0)
      check_say(c, field.span, "unknown-field", NULL,
                "the lookup `" SLICE_FMT "` needs `" SLICE_FMT "`, and `" SLICE_FMT "` has no such field",
                SLICE_ARG(lookup->name.text), SLICE_ARG(field.text), SLICE_ARG(c->tree->types[s->types[0]].name));
    if (found <= 0) return TYPE_BAD;
    i = end;
  }
  struct slice *names = arena_array(&c->scratch, struct slice, lookup->column_count + 1u);
  for (uint16_t i = 0; i < lookup->column_count; i++) {
    names[i] = lookup->columns[i].name.text;
    if (!slice_equal(names[i], column->text)) continue;
    expr->ref.column = i;
    return lookup->columns[i].type;
  }
  check_say(c, column->span, "unknown-field", check_near(c, column->text, names, lookup->column_count, NULL),
            "the lookup `" SLICE_FMT "` has no `" SLICE_FMT "`", SLICE_ARG(lookup->name.text), SLICE_ARG(column->text));
  return TYPE_BAD;
}

static struct type check_model_output(struct checker *c, const struct scope *s, struct tree_expr *expr,
                                      const struct model_tree *model) {
  const struct name *out = &expr->parts[1];
  if (s->no_lookups) {
    check_say(c, expr->span, "model", NULL, "a model cannot be asked %s", s->place);
    return TYPE_BAD;
  }
  if (s->type_count != 1 || s->window || s->join != NULL) {
    check_say(c, expr->span, "model", "ask it in the condition of a step, or in an `on` rule",
              "a model is asked for one event: it cannot be asked %s", s->place == NULL ? "here" : s->place);
    return TYPE_BAD;
  }
  expr->ref.kind = REF_MODEL;
  while (c->models.decls[expr->ref.index]->model != model) expr->ref.index++;
  for (uint16_t i = 0; i < model->in_count; i++) {
    struct type type;
    struct ref ref = {0};
    struct name in = {.text = model->in[i].text, .span = expr->parts[0].span};
    int64_t counter = name_map_get(&c->counters.map, in.text);
    if (counter != NAME_ABSENT && s->counters == COUNTERS_NONE) {
      check_say(c, in.span, "counter", s->counters_why,
                "the model `" SLICE_FMT "` reads a counter: it cannot be asked %s", SLICE_ARG(model->name.text),
                s->place);
      return TYPE_BAD;
    }
    if (counter != NAME_ABSENT && check_field_find(c, s->types[0], in.text) >= 0) {
      check_say(c, in.span, "ambiguous", "rename one of them",
                "the input `" SLICE_FMT "` of the model is a field and a counter", SLICE_ARG(in.text));
      return TYPE_BAD;
    }
    if (counter != NAME_ABSENT) {
      check_counter_use(c, s, expr->span, c->counters.decls[counter]->counter->counting);
      continue;
    }
    int found = check_candidate_field(c, s, &in, in.text, &type, &ref);
    if (found == 0)
      check_say(c, in.span, "unknown-field", "an input is a field of the event or a counter",
                "the model `" SLICE_FMT "` needs `" SLICE_FMT "`, and `" SLICE_FMT "` has no such field",
                SLICE_ARG(model->name.text), SLICE_ARG(in.text), SLICE_ARG(c->tree->types[s->types[0]].name));
    if (found <= 0) return TYPE_BAD;
  }
  if (slice_equal(out->text, model->out.text)) return model->out_type;
  check_say(c, out->span, "unknown-field", check_text(c, "its output is `" SLICE_FMT "`", SLICE_ARG(model->out.text)),
            "the model `" SLICE_FMT "` has no `" SLICE_FMT "`", SLICE_ARG(model->name.text), SLICE_ARG(out->text));
  return TYPE_BAD;
}

static struct type check_step_field(struct checker *c, const struct scope *s, struct tree_expr *expr, int32_t step) {
  const struct rule_tree *rule = s->rule;
  bool on = rule->pattern == NULL;
  uint16_t type = rule->steps[step].type;
  struct type result = field_of(c, type, &expr->parts[1], &expr->ref);
  if (type_bad(result)) return result;
  bool of_event = on && expr->ref.field != FIELD_TIME; /* the one event of an `on` rule */
  expr->ref.kind = of_event ? REF_FIELD : REF_STEP_FIELD;
  expr->ref.step = (uint16_t)step;
  return result;
}

static void unknown_head(struct checker *c, const struct scope *s, const struct name *head) {
  size_t count = 0;
  struct slice *names =
      arena_array(&c->scratch, struct slice,
                  (s->rule != NULL ? s->rule->step_count : 0u) + c->lookups.count + c->models.count + 4u);
  if (s->rule != NULL && s->steps)
    for (uint16_t i = 0; i < s->rule->step_count; i++) names[count++] = s->rule->steps[i].name.text;
  for (uint32_t i = 0; i < c->lookups.count; i++) names[count++] = c->lookups.decls[i]->lookup->name.text;
  for (uint32_t i = 0; i < c->models.count; i++) names[count++] = c->models.decls[i]->model->name.text;
  if (s->told) names[count++] = SLICE("told");
  if (s->join != NULL) {
    names[count++] = s->join->join_left_name.text;
    names[count++] = s->join->join_right_name.text;
  }
  const char *other = NULL;
  for (uint16_t i = 0; i < s->type_count; i++)
    if (check_field_find(c, s->types[i], head->text) >= 0)
      other = "a member inside is a field of its own: `city string from \"address.city\"`";
  if (check_symbol(&c->tables, head->text) != NULL)
    other = check_text(c, "it is a table: `" SLICE_FMT "[key].column`", SLICE_ARG(head->text));
  if (slice_equal(head->text, SLICE("told"))) other = "`told` is for `suppress … unless`";
  if (slice_equal(head->text, SLICE("previous"))) other = "it is a call, in `when`: `previous(amount)`";
  check_say(c, head->span, "unknown-name", check_near(c, head->text, names, count, other),
            s->rule != NULL && s->steps ? "there is no step `" SLICE_FMT "`"
                                        : "there is no `" SLICE_FMT "` to read a field of",
            SLICE_ARG(head->text));
}

void check_join_window(struct checker *c, struct tree_expr *expr) {
  if (expr->kind != TREE_PATH || expr->part_count != 3 || !slice_equal(expr->parts[1].text, SLICE("window"))) return;
  struct name *parts = arena_array(c->arena, struct name, 2);
  parts[0] = expr->parts[0];
  parts[1] = expr->parts[2];
  parts[1].text = slice_of(arena_printf(c->arena, "window." SLICE_FMT, SLICE_ARG(expr->parts[2].text)));
  struct span at = expr->parts[1].span;
  parts[1].span = span_at(at.file, at.line, at.column, at.length + 1u + expr->parts[2].span.length);
  expr->parts = parts;
  expr->part_count = 2;
}

/* `window.start` and `window.end`: in a window's block its own, else of the event that a window made. */
static struct type check_window_field(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct slice field = expr->parts[1].text;
  bool start = slice_equal(field, SLICE("start"));
  if (s->window && (start || slice_equal(field, SLICE("end")))) {
    expr->ref.kind = REF_WINDOW;
    expr->ref.index = start ? 0 : 1;
    return TYPE(VALUE_TIME);
  }
  struct name whole = {.text = slice_of(check_text(c, "window." SLICE_FMT, SLICE_ARG(field))), .span = expr->span};
  struct type type = TYPE_BAD;
  int found = s->window ? 0 : check_candidate_field(c, s, &whole, whole.text, &type, &expr->ref);
  if (found == 0)
    check_say(c, expr->span, "unknown-field",
              s->window ? "a window has `window.start` and `window.end`"
                        : "`window.start` and `window.end` are fields of events that a window makes",
              "`" SLICE_FMT "` has no field `" SLICE_FMT "`",
              SLICE_ARG(s->window ? s->event->name.text : c->tree->types[s->types[0]].name), SLICE_ARG(whole.text));
  return type;
}

static struct type check_two_parts(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  const struct name *head = &expr->parts[0];
  if (s->told && slice_equal(head->text, SLICE("told"))) return check_told(c, s, expr);
  if (s->join != NULL) {
    bool left = slice_equal(head->text, s->join->join_left_name.text);
    if (left || slice_equal(head->text, s->join->join_right_name.text)) {
      expr->ref.kind = REF_STEP_FIELD; /* step 0 is the left side, 1 the right */
      expr->ref.step = left ? 0 : 1;
      return field_of(c, s->types[left ? 0 : 1], &expr->parts[1], &expr->ref);
    }
  }
  if (s->rule != NULL && s->steps) {
    int32_t step = check_step_find(c, s->rule, head, true);
    if (step == -2) return TYPE_BAD;
    if (step >= 0) return check_step_field(c, s, expr, step);
  }
  if (s->type_count > 0 && s->join == NULL && slice_equal(head->text, SLICE("window")))
    return check_window_field(c, s, expr);
  const struct decl *lookup = check_symbol(&c->lookups, head->text), *model = check_symbol(&c->models, head->text);
  if (lookup != NULL) return check_lookup_column(c, s, expr, lookup->lookup);
  if (model != NULL) return check_model_output(c, s, expr, model->model);
  if (s->type_count == 1 && s->join == NULL && !s->window &&
      slice_equal(c->tree->types[s->types[0]].name, head->text)) {
    int32_t index = read_field(c, s->types[0], &expr->parts[1]);
    if (index < 0) return TYPE_BAD;
    expr->ref.kind = REF_FIELD;
    expr->ref.field = (uint16_t)index;
    return c->tree->types[s->types[0]].fields[index].type;
  }
  unknown_head(c, s, head);
  return TYPE_BAD;
}

/* ---- a[b] and a[b].c ---- */

static struct type check_table(struct checker *c, const struct scope *s, struct tree_expr *expr,
                               struct table_tree *table) {
  struct type key = check_expr(c, s, expr->at->key);
  if (s->no_lookups && (table->from_event.text.length > 0)) {
    check_say(c, expr->span, "table", NULL, "a table that events fill cannot be asked %s", s->place);
    return TYPE_BAD;
  }
  if (!name_given(&expr->at->column)) {
    check_say(c, expr->span, "table",
              check_text(c, "say which column: `" SLICE_FMT "[…].column`", SLICE_ARG(table->name.text)),
              "a row of the table `" SLICE_FMT "` is no value", SLICE_ARG(table->name.text));
    return TYPE_BAD;
  }
  expr->ref.kind = REF_TABLE;
  expr->ref.index = table->index;
  if (!type_bad(key) && key.kind != VALUE_NULL) {
    if (!table->key_type_known) {
      table->key_type = key;
      table->key_type_known = true;
    }
    if (!type_bad(table->key_type) && !expr_type_comparable(key, table->key_type)) {
      check_say(c, expr->at->key->span, "type-mismatch",
                check_text(c, "a column `" SLICE_FMT " %s` in the table says its type", SLICE_ARG(table->key.text),
                           TYPE_TEXT(key)),
                "the key of the table `" SLICE_FMT "` is %s, this is %s", SLICE_ARG(table->name.text),
                TYPE_TEXT(table->key_type), TYPE_TEXT(key));
      return TYPE_BAD;
    }
  }
  struct slice *names = arena_array(&c->scratch, struct slice, table->column_count + 1u);
  for (uint16_t i = 0; i < table->column_count; i++) {
    names[i] = table->columns[i].name.text;
    if (!slice_equal(names[i], expr->at->column.text)) continue;
    expr->ref.column = i;
    return type_bad(key) ? TYPE_BAD : table->columns[i].type;
  }
  check_say(c, expr->at->column.span, "unknown-field",
            check_near(c, expr->at->column.text, names, table->column_count,
                       check_names_hint(c, "columns", names, table->column_count)),
            "the table `" SLICE_FMT "` has no column `" SLICE_FMT "`", SLICE_ARG(table->name.text),
            SLICE_ARG(expr->at->column.text));
  return TYPE_BAD;
}

static struct type check_indexed(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  const struct decl *table = expr->part_count == 1 ? check_symbol(&c->tables, expr->parts[0].text) : NULL;
  if (table != NULL) {
    for (uint16_t i = 0; i < s->type_count; i++)
      if (check_field_find(c, s->types[i], expr->parts[0].text) >= 0 && !name_given(&expr->at->column)) {
        check_say(c, expr->parts[0].span, "ambiguous", "rename one of them", "`" SLICE_FMT "` is a field and a table",
                  SLICE_ARG(expr->parts[0].text));
        return TYPE_BAD;
      }
    return check_table(c, s, expr, table->table);
  }
  if (name_given(&expr->at->column)) {
    check_expr(c, s, expr->at->key);
    check_say(c, expr->parts[0].span, "unknown-table", check_near_symbol(c, expr->parts[0].text, &c->tables, NULL),
              "there is no table `" SLICE_FMT "`", SLICE_ARG(expr->parts[0].text));
    return TYPE_BAD;
  }
  /* A field of list type: the path without its index first. */
  struct tree_index *at = expr->at;
  expr->at = NULL;
  struct type list = expr->part_count == 1 ? check_bare(c, s, expr) : check_two_parts(c, s, expr);
  if (expr->kind != TREE_PATH) {
    check_say(c, expr->span, "type-mismatch", "only a field of list type has elements", "a let has no elements");
    return TYPE_BAD;
  }
  expr->at = at;
  struct type position = check_expr(c, s, at->key), result;
  const char *why;
  if (type_bad(list) || type_bad(position)) return TYPE_BAD;
  if (expr_type_binary(EXPR_ELEMENT, list, position, &result, &why)) return result;
  check_say(c, expr->span, "type-mismatch", why, "`[…]` does not take %s and %s", TYPE_TEXT(list), TYPE_TEXT(position));
  return TYPE_BAD;
}

struct type check_path(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  expr->ref = (struct ref){0};
  check_join_window(c, expr);
  if (expr->part_count > 2) {
    check_say(c, expr->span, "unknown-name",
              "a member inside is a field of its own: `city string from \"address.city\"`",
              "a name has at most two parts");
    return TYPE_BAD;
  }
  if (expr->at != NULL) return check_indexed(c, s, expr);
  return expr->part_count == 1 ? check_bare(c, s, expr) : check_two_parts(c, s, expr);
}

struct type check_in_name(struct checker *c, const struct scope *s, struct tree_expr *expr) {
  struct type value = check_expr(c, s, expr->items[0]);
  const struct decl *list = check_symbol(&c->lists, expr->name->text);
  const char *word = expr->negated ? "not in" : "in";
  struct type field = TYPE_BAD, element, result;
  struct ref ref = {0};
  const char *why;
  expr->ref = (struct ref){0};
  bool is_field = false;
  for (uint16_t i = 0; i < s->type_count && s->join == NULL; i++)
    if (check_field_find(c, s->types[i], expr->name->text) >= 0) is_field = true;
  if (is_field && list != NULL) {
    check_say(c, expr->name->span, "ambiguous", "rename one of them", "`" SLICE_FMT "` is a field and a list",
              SLICE_ARG(expr->name->text));
    return TYPE_BAD;
  }
  if (list != NULL) {
    expr->ref.kind = REF_LIST;
    expr->ref.index = list->list->index;
    element = list->list->type;
    if (type_bad(value) || type_bad(element)) return TYPE_BAD;
    if (value.kind == VALUE_NULL || expr_type_comparable(value, element)) return TYPE(VALUE_BOOL);
    check_say(c, expr->items[0]->span, "type-mismatch", NULL, "the list `" SLICE_FMT "` is of %s, this is %s",
              SLICE_ARG(expr->name->text), TYPE_TEXT(element), TYPE_TEXT(value));
    return TYPE_BAD;
  }
  if (is_field) {
    if (check_candidate_field(c, s, expr->name, expr->name->text, &field, &ref) < 0) return TYPE_BAD;
    expr->ref = ref;
    expr->ref.kind = REF_LIST_FIELD;
    if (type_bad(value) || type_bad(field)) return TYPE_BAD;
    if (expr_type_binary(EXPR_IN_VALUE, value, field, &result, &why)) return result;
    check_say(c, expr->name->span, "type-mismatch", field.kind == VALUE_LIST ? why : "compare with `==`",
              "`%s` does not take %s and %s", word, TYPE_TEXT(value), TYPE_TEXT(field));
    return TYPE_BAD;
  }
  if (check_symbol(&c->lets, expr->name->text) != NULL)
    check_say(c, expr->name->span, "unknown-list", NULL,
              "`" SLICE_FMT "` is a let: `%s` takes a list, or a field of list type", SLICE_ARG(expr->name->text),
              word);
  else
    check_say(c, expr->name->span, "unknown-list",
              check_near_symbol(c, expr->name->text, &c->lists,
                                near_bare(c, s, expr->name->text, "declare it: `list NAME string { … }`")),
              "there is no list `" SLICE_FMT "`", SLICE_ARG(expr->name->text));
  return TYPE_BAD;
}
