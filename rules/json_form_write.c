/* json_form_write.c - tree to the canonical JSON form (docs/json-form.md). One line for each member of a declaration;
 * what stands in it is on that line. Numbers that a JSON number could lose are texts. */
#include "rules/json_form.h"

#include "base/decimal.h"
#include "base/ip.h"
#include "base/time_text.h"
#include "rules/json_form_core.h"
#include "rules/print.h"

enum { LAYOUT_DEPTH = 3, JSON_INT_EXACT_BITS = 53 };

struct writer {
  struct buf *out;
  unsigned depth; /* of open objects and arrays */
  bool comma;     /* something stands before the next value */
};

/* ---- JSON ---- */

static void before_value(struct writer *writer) {
  if (writer->comma) buf_byte(writer->out, ',');
  writer->comma = true;
  if (writer->depth < 2 || writer->depth > LAYOUT_DEPTH) return;
  buf_byte(writer->out, '\n');
  for (unsigned i = 0; i < 2 * (writer->depth - 1); i++) buf_byte(writer->out, ' ');
}

static void open(struct writer *writer, char bracket) {
  buf_byte(writer->out, bracket);
  writer->depth++;
  writer->comma = false;
}

static void shut(struct writer *writer, char bracket) {
  bool empty = !writer->comma;
  writer->depth--;
  if (!empty && writer->depth >= 1 && writer->depth < LAYOUT_DEPTH) {
    buf_byte(writer->out, '\n');
    for (unsigned i = 0; i + 1 < writer->depth; i++) buf_str(writer->out, "  ");
  }
  buf_byte(writer->out, bracket);
  writer->comma = true;
}

static void key(struct writer *writer, const char *name) {
  before_value(writer);
  buf_json_string(writer->out, slice_of(name));
  buf_byte(writer->out, ':');
}
static void item(struct writer *writer) { before_value(writer); }
static void text_value(struct writer *writer, struct slice text) { buf_json_string(writer->out, text); }
static void text_member(struct writer *writer, const char *name, struct slice text) {
  key(writer, name);
  text_value(writer, text);
}
static void given_text(struct writer *writer, const char *name, struct slice text) {
  if (text.data != NULL) text_member(writer, name, text);
}
static void given_name(struct writer *writer, const char *name, const struct name *value) {
  if (value->text.length > 0) text_member(writer, name, value->text);
}
static void flag(struct writer *writer, const char *name, bool set) {
  if (!set) return;
  key(writer, name);
  buf_str(writer->out, "true");
}
static void int_value(struct writer *writer, int64_t number) {
  bool exact = number >= -(INT64_C(1) << JSON_INT_EXACT_BITS) && number <= INT64_C(1) << JSON_INT_EXACT_BITS;
  buf_printf(writer->out, exact ? "%lld" : "\"%lld\"", (long long)number);
}
static void int_member(struct writer *writer, const char *name, int64_t number) {
  key(writer, name);
  int_value(writer, number);
}
static void duration_value(struct writer *writer, int64_t us) {
  char text[DURATION_TEXT_MAX];
  unsigned length = duration_text(text, us);
  text_value(writer, (struct slice){text, length});
}
static void given_duration(struct writer *writer, const char *name, int64_t us) {
  if (us < 0) return;
  key(writer, name);
  duration_value(writer, us);
}
static void names(struct writer *writer, const char *name, const struct name *list, uint16_t count) {
  key(writer, name);
  open(writer, '[');
  for (uint16_t i = 0; i < count; i++) {
    item(writer);
    text_value(writer, list[i].text);
  }
  shut(writer, ']');
}
static void type_member(struct writer *writer, struct type type, enum time_unit unit) {
  struct buf text;
  buf_init(&text, writer->out->mem);
  print_type(&text, type, unit);
  text_member(writer, "type", buf_view(&text));
  buf_free(&text);
}

/* ---- comments ---- */

/* The comments before; null stands for an empty line behind one. */
static void before_comments(struct writer *writer, const char *name, const struct comment *comments) {
  bool any = false;
  for (const struct comment *c = comments; c != NULL; c = c->next) any |= !c->after;
  if (!any) return;
  key(writer, name);
  open(writer, '[');
  for (const struct comment *c = comments; c != NULL; c = c->next) {
    if (c->after) continue;
    item(writer);
    text_value(writer, c->text);
    if (!c->blank_after) continue;
    item(writer);
    buf_str(writer->out, "null");
  }
  shut(writer, ']');
}

static void comments_of(struct writer *writer, const struct comment *comments) {
  before_comments(writer, "comments", comments);
  for (const struct comment *c = comments; c != NULL; c = c->next)
    if (c->after) text_member(writer, "comment_after", c->text);
}

static void clause_comments(struct writer *writer, const char *const *words, struct comment *const *comments,
                            unsigned count) {
  bool any = false;
  for (unsigned i = 0; comments != NULL && i < count; i++) any |= comments[i] != NULL;
  if (!any) return;
  key(writer, "clause_comments");
  open(writer, '{');
  for (unsigned i = 0; i < count; i++) {
    if (comments[i] == NULL) continue;
    key(writer, words[i]);
    open(writer, '{');
    comments_of(writer, comments[i]);
    shut(writer, '}');
  }
  shut(writer, '}');
}

/* ---- expressions ---- */

static void expr_value(struct writer *writer, const struct tree_expr *expr);

static void expr_member(struct writer *writer, const char *name, const struct tree_expr *expr) {
  if (expr == NULL) return;
  key(writer, name);
  expr_value(writer, expr);
}

static void expr_list(struct writer *writer, const char *name, struct tree_expr *const *items, uint16_t from,
                      uint16_t count) {
  key(writer, name);
  open(writer, '[');
  for (uint16_t i = from; i < count; i++) {
    item(writer);
    expr_value(writer, items[i]);
  }
  shut(writer, ']');
}

static void use_members(struct writer *writer, const struct use *use) {
  text_member(writer, "event", use->event.text);
  expr_member(writer, "where", use->condition);
}

static void use_member(struct writer *writer, const char *name, const struct use *use) {
  if (use == NULL) return;
  key(writer, name);
  open(writer, '{');
  use_members(writer, use);
  shut(writer, '}');
}

/* {"decimal":"1.00"}: the spelling of fmt. */
static void spelt(struct writer *writer, const char *kind, const struct tree_expr *expr, size_t skip) {
  struct buf text;
  buf_init(&text, writer->out->mem);
  print_expr(&text, expr);
  open(writer, '{');
  text_member(writer, kind, (struct slice){text.data + skip, text.length - skip});
  shut(writer, '}');
  buf_free(&text);
}

static void int_literal(struct writer *writer, const struct tree_expr *expr) {
  char plain[NUMBER_TEXT_MAX];
  int64_t number = expr->value.i;
  unsigned length = number_int_text(plain, number);
  bool exact = number >= -(INT64_C(1) << JSON_INT_EXACT_BITS) && number <= INT64_C(1) << JSON_INT_EXACT_BITS;
  bool same = expr->source.length == 0 || slice_equal(expr->source, (struct slice){plain, length});
  if (exact && same)
    int_value(writer, number);
  else
    spelt(writer, "int", expr, 0);
}

static void literal_value(struct writer *writer, const struct tree_expr *expr) {
  switch ((enum value_kind)expr->value.kind) {
  case VALUE_NULL: buf_str(writer->out, "null"); return;
  case VALUE_BOOL: buf_str(writer->out, expr->value.i != 0 ? "true" : "false"); return;
  case VALUE_INT: int_literal(writer, expr); return;
  case VALUE_FLOAT: spelt(writer, "float", expr, 0); return;
  case VALUE_DECIMAL: spelt(writer, "decimal", expr, 0); return;
  case VALUE_STRING: text_value(writer, value_slice(expr->value)); return;
  case VALUE_TIME: spelt(writer, "time", expr, 1); return; /* without @ */
  case VALUE_DURATION: spelt(writer, "duration", expr, 0); return;
  case VALUE_IP: spelt(writer, "ip", expr, 0); return;
  case VALUE_NETWORK: spelt(writer, "network", expr, 0); return;
  default: break;
  }
  open(writer, '[');
  for (uint16_t i = 0; i < expr->item_count; i++) {
    item(writer);
    literal_value(writer, expr->items[i]);
  }
  shut(writer, ']');
}

static void path_value(struct writer *writer, const struct tree_expr *expr) {
  open(writer, '{');
  if (expr->part_count == 1)
    text_member(writer, "field", expr->parts[0].text);
  else
    names(writer, "path", expr->parts, expr->part_count);
  expr_member(writer, "index", expr->index);
  if (expr->index != NULL) given_name(writer, "column", &expr->column);
  shut(writer, '}');
}

static void over_member(struct writer *writer, const struct counting *counting) {
  if (counting->over == SPAN_NONE) return;
  key(writer, "over");
  open(writer, '{');
  switch (counting->over) {
  case SPAN_DURATION: given_duration(writer, "duration", counting->over_us); break;
  case SPAN_PREVIOUS: given_duration(writer, "previous", counting->over_us); break;
  case SPAN_EVER: given_duration(writer, "ever_idle", counting->over_us); break;
  case SPAN_TODAY:
    flag(writer, "today", true);
    given_text(writer, "zone", counting->zone);
    break;
  default: int_member(writer, "last", counting->over_count); given_duration(writer, "within", counting->over_us);
  }
  shut(writer, '}');
}

static void counting_value(struct writer *writer, const struct counting *counting) {
  open(writer, '{');
  text_member(writer, "aggregate", counting->aggregate.text);
  expr_member(writer, "value", counting->argument);
  if (counting->has_parameter) {
    key(writer, "parameter");
    if (counting->parameter_is_duration)
      duration_value(writer, counting->parameter);
    else
      int_value(writer, counting->parameter);
  }
  if (counting->top_aggregate.text.length > 0) {
    key(writer, "ranked_by");
    open(writer, '{');
    text_member(writer, "aggregate", counting->top_aggregate.text);
    expr_member(writer, "value", counting->top_argument);
    shut(writer, '}');
  }
  expr_member(writer, "where", counting->where);
  use_member(writer, "of", counting->of);
  if (counting->by_count > 0) names(writer, "by", counting->by, counting->by_count);
  over_member(writer, counting);
  flag(writer, "approx", counting->approx);
  shut(writer, '}');
}

static void seen_value(struct writer *writer, const struct tree_expr *expr) {
  open(writer, '{');
  text_member(writer, "seen", expr->items[0]->parts[0].text);
  given_duration(writer, "within", expr->seen_us);
  use_member(writer, "of", expr->seen_of);
  shut(writer, '}');
}

static void regex_members(struct writer *writer, const struct tree_expr *expr) {
  text_member(writer, "regex", expr->regex);
  if (expr->regex_flags.length > 0) text_member(writer, "flags", expr->regex_flags);
}

static const char *op_name(const struct tree_expr *expr) {
  switch (expr->kind) {
  case TREE_NEGATE: return "negate";
  case TREE_NOT: return "not";
  case TREE_AND: return "and";
  case TREE_OR: return "or";
  case TREE_COALESCE: return "??";
  case TREE_BETWEEN: return "between";
  case TREE_MATCHES: return "matches";
  case TREE_IS_NULL: return expr->negated ? "is not null" : "is null";
  case TREE_BINARY: break;
  default: return expr->negated ? "not in" : "in";
  }
  for (unsigned i = 0; i < JSON_FORM_BINARY_OPS; i++)
    if (json_form_binary_ops[i].op == expr->op) return json_form_binary_ops[i].text;
  return "==";
}

static void operation_value(struct writer *writer, const struct tree_expr *expr) {
  bool in = expr->kind == TREE_IN || expr->kind == TREE_IN_NAME || expr->kind == TREE_IN_SEEN;
  open(writer, '{');
  text_member(writer, "op", slice_of(op_name(expr)));
  expr_list(writer, "args", expr->items, 0, in ? 1 : expr->item_count);
  if (expr->kind == TREE_IN) expr_list(writer, "set", expr->items, 1, expr->item_count);
  if (expr->kind == TREE_IN_NAME) text_member(writer, "list", expr->name.text);
  if (expr->kind == TREE_IN_SEEN) {
    key(writer, "seen");
    seen_value(writer, expr->items[1]);
  }
  if (expr->kind == TREE_MATCHES) regex_members(writer, expr);
  shut(writer, '}');
}

static void expr_value(struct writer *writer, const struct tree_expr *expr) {
  switch (expr->kind) {
  case TREE_LITERAL: literal_value(writer, expr); return;
  case TREE_PATH: path_value(writer, expr); return;
  case TREE_CALL:
    open(writer, '{');
    text_member(writer, "call", expr->name.text);
    expr_list(writer, "args", expr->items, 0, expr->item_count);
    shut(writer, '}');
    return;
  case TREE_COUNTING: counting_value(writer, expr->counting); return;
  case TREE_SEEN: seen_value(writer, expr); return;
  case TREE_REGEX:
    open(writer, '{');
    regex_members(writer, expr);
    shut(writer, '}');
    return;
  default: operation_value(writer, expr);
  }
}

static void entries_member(struct writer *writer, const char *name, const struct tree_entry *entries, uint16_t count) {
  key(writer, name);
  open(writer, '[');
  for (uint16_t i = 0; i < count; i++) {
    item(writer);
    open(writer, '{');
    text_member(writer, "name", entries[i].name.text);
    expr_member(writer, "value", entries[i].expr);
    comments_of(writer, entries[i].comments);
    shut(writer, '}');
  }
  shut(writer, ']');
}

static void values_member(struct writer *writer, const struct tree_entry *entries, uint16_t count) {
  key(writer, "values");
  open(writer, '{');
  for (uint16_t i = 0; i < count; i++) {
    before_value(writer);
    text_value(writer, entries[i].name.text);
    buf_byte(writer->out, ':');
    expr_value(writer, entries[i].expr);
  }
  shut(writer, '}');
}

static void key_member(struct writer *writer, const struct key_tree *tree) {
  if (tree == NULL) return;
  key(writer, "key");
  if (tree->none) {
    text_value(writer, SLICE("none"));
    return;
  }
  open(writer, '[');
  for (uint16_t i = 0; i < tree->part_count; i++) {
    const struct key_part *part = &tree->parts[i];
    item(writer);
    if (part->path_count == 0) {
      text_value(writer, part->name.text);
      continue;
    }
    open(writer, '{');
    text_member(writer, "name", part->name.text);
    key(writer, "fields");
    open(writer, '[');
    for (uint16_t j = 0; j < part->path_count; j++) {
      item(writer);
      open(writer, '{');
      text_member(writer, "event", part->paths[j].event.text);
      text_member(writer, "field", part->paths[j].field.text);
      shut(writer, '}');
    }
    shut(writer, ']');
    shut(writer, '}');
  }
  shut(writer, ']');
}

/* ---- events ---- */

static void source_members(struct writer *writer, const struct event_tree *event) {
  if (event->event_time_given)
    text_member(writer, "event_time", event->event_time_log ? SLICE("log") : event->event_time.text);
  given_text(writer, "named", event->named);
  given_duration(writer, "disorder", event->disorder_us);
  if (event->late_given)
    text_member(writer, "late",
                slice_of(event->late == LATE_DROP     ? "drop"
                         : event->late == LATE_ACCEPT ? "accept"
                                                      : "side"));
  given_name(writer, "late_sink", &event->late_sink);
  if (event->unique.text.length > 0) {
    key(writer, "unique");
    open(writer, '{');
    text_member(writer, "field", event->unique.text);
    given_duration(writer, "for", event->unique_us);
    flag(writer, "everywhere", event->unique_everywhere);
    flag(writer, "approx", event->unique_approx);
    shut(writer, '}');
  }
  expr_member(writer, "watermark_when", event->watermark_when);
  given_duration(writer, "clock_ahead", event->ahead_us);
  given_duration(writer, "clock_behind", event->behind_us);
  given_duration(writer, "jump", event->jump_us);
  if (event->jump_us >= 0) int_member(writer, "jump_confirm", event->jump_confirm);
  clause_comments(writer, json_form_event_clauses, event->clause_comments, EVENT_CLAUSES);
  key(writer, "fields");
  open(writer, '[');
  for (uint16_t i = 0; i < event->field_count; i++) {
    const struct field_tree *field = &event->fields[i];
    item(writer);
    open(writer, '{');
    text_member(writer, "name", field->name.text);
    type_member(writer, field->type, field->unit);
    given_text(writer, "from", field->from);
    flag(writer, "required", field->required);
    flag(writer, "secret", field->secret == SECRET_HASH);
    if (field->secret == SECRET_MASK) {
      key(writer, "secret_mask");
      buf_printf(writer->out, "[%u,%u]", field->mask_head, field->mask_tail);
    }
    if (field->round_half_even) text_member(writer, "round", SLICE("half_even"));
    expr_member(writer, "value", field->computed);
    comments_of(writer, field->comments);
    shut(writer, '}');
  }
  shut(writer, ']');
}

static void window_member(struct writer *writer, const struct window_tree *window) {
  if (window == NULL) return;
  key(writer, "window");
  open(writer, '{');
  text_member(writer, "kind", slice_of(json_form_windows[window->kind]));
  given_duration(writer, "size", window->size_us);
  if (window->count >= 0) int_member(writer, "count", window->count);
  given_duration(writer, "every", window->every_us);
  if (window->every_count >= 0) int_member(writer, "every_count", window->every_count);
  given_text(writer, "zone", window->zone);
  given_duration(writer, "offset", window->offset_us);
  given_duration(writer, "lateness", window->lateness_us);
  given_duration(writer, "early_every", window->early_us);
  if (window->early_count >= 0) int_member(writer, "early_events", window->early_count);
  expr_member(writer, "early_when", window->early_when);
  given_duration(writer, "known_for", window->known_us);
  shut(writer, '}');
}

static void join_side(struct writer *writer, const char *side, const struct name *name, const struct name *event) {
  key(writer, side);
  open(writer, '{');
  text_member(writer, "name", name->text);
  text_member(writer, "event", event->text);
  shut(writer, '}');
}

static void event_members(struct writer *writer, const struct event_tree *event) {
  text_member(writer, "name", event->name.text);
  comments_of(writer, event->comments);
  if (!event->derived) {
    source_members(writer, event);
  } else {
    if (event->join) {
      key(writer, "join");
      open(writer, '{');
      join_side(writer, "left", &event->join_left_name, &event->join_left_event);
      join_side(writer, "right", &event->join_right_name, &event->join_right_event);
      given_name(writer, "kind", &event->join_kind);
      shut(writer, '}');
    } else {
      names(writer, "from", event->from, event->from_count);
    }
    if (event->each_name.text.length > 0) {
      key(writer, "each");
      open(writer, '{');
      text_member(writer, "name", event->each_name.text);
      text_member(writer, "in", event->each_field.text);
      shut(writer, '}');
    }
    expr_member(writer, "where", event->where);
    key_member(writer, event->key);
    window_member(writer, event->window);
    entries_member(writer, "fields", event->entries, event->entry_count);
  }
  before_comments(writer, "end_comments", event->end_comments);
}

/* ---- rules ---- */

static void elements_member(struct writer *writer, const char *name, const struct element *parent);

static void element_value(struct writer *writer, const struct element *element, bool plain) {
  open(writer, '{');
  if (element->connector != CONNECT_START && !plain)
    text_member(writer, "connector", slice_of(json_form_connectors[element->connector]));
  if (element->kind == ELEMENT_GROUP)
    elements_member(writer, "group", element);
  else if (element->kind == ELEMENT_OR)
    elements_member(writer, "or", element);
  else if (element->kind == ELEMENT_AND)
    elements_member(writer, "and", element);
  else {
    given_name(writer, "step", &element->name);
    use_members(writer, &element->use);
  }
  if (element->rekey_field.text.length > 0) {
    key(writer, "at_key");
    open(writer, '{');
    text_member(writer, "field", element->rekey_field.text);
    text_member(writer, "step", element->rekey_step.text);
    text_member(writer, "step_field", element->rekey_step_field.text);
    shut(writer, '}');
  }
  expr_member(writer, "among", element->among);
  if (element->has_quantifier) {
    int_member(writer, "min", element->min);
    if (element->max != TIMES_UNLIMITED) int_member(writer, "max", element->max);
  }
  flag(writer, "strict", element->strict);
  flag(writer, "each", element->each);
  flag(writer, "any", element->any);
  flag(writer, "greedy", element->greedy);
  expr_member(writer, "until", element->until);
  given_duration(writer, "gap", element->gap_us);
  given_duration(writer, "for", element->for_us);
  comments_of(writer, element->comments);
  shut(writer, '}');
}

static void elements_member(struct writer *writer, const char *name, const struct element *parent) {
  key(writer, name);
  open(writer, '[');
  for (uint16_t i = 0; i < parent->child_count; i++) {
    item(writer);
    element_value(writer, parent->children[i], parent->kind != ELEMENT_GROUP);
  }
  shut(writer, ']');
}

static void list_action(struct writer *writer, const char *name, const struct list_action *actions, uint16_t count) {
  for (uint16_t i = 0; i < count; i++) {
    key(writer, name);
    open(writer, '{');
    text_member(writer, "field", actions[i].field.text);
    text_member(writer, "list", actions[i].list.text);
    given_duration(writer, "for", actions[i].for_us);
    shut(writer, '}');
  }
}

static void time_member(struct writer *writer, const char *name, int64_t us) {
  char text[TIME_TEXT_MAX];
  unsigned length = time_text(text, us);
  text_member(writer, name, (struct slice){text, length});
}

static void action_member(struct writer *writer, const struct rule_tree *rule) {
  key(writer, "action");
  open(writer, '{');
  text_member(writer, "name", rule->action.text);
  given_duration(writer, "for", rule->action_for_us);
  shut(writer, '}');
}

/* How a rule is told and run: severity to allow. */
static void telling_members(struct writer *writer, const struct rule_tree *rule) {
  uint32_t given = rule->given;
#define GIVEN(clause) ((given & 1u << (clause)) != 0)
  if (GIVEN(CLAUSE_SEVERITY)) text_member(writer, "severity", slice_of(json_form_severities[rule->severity]));
  if (GIVEN(CLAUSE_SCORE)) int_member(writer, "score", rule->score);
  if (GIVEN(CLAUSE_ACTION)) action_member(writer, rule);
  if (GIVEN(CLAUSE_MODE)) text_member(writer, "mode", slice_of(json_form_modes[rule->mode]));
  if (GIVEN(CLAUSE_CANARY)) int_member(writer, "canary", rule->canary_percent);
  if (rule->active_from_given) time_member(writer, "active_from", rule->active_from_us);
  if (rule->active_until_given) time_member(writer, "active_until", rule->active_until_us);
  if (GIVEN(CLAUSE_SCHEDULE)) text_member(writer, "schedule", rule->schedule);
  given_text(writer, "zone", rule->schedule_zone);
  if (GIVEN(CLAUSE_OWNER)) text_member(writer, "owner", rule->owner);
  if (GIVEN(CLAUSE_RUNBOOK)) text_member(writer, "runbook", rule->runbook);
  if (GIVEN(CLAUSE_TAGS)) {
    key(writer, "tags");
    open(writer, '[');
    for (uint16_t i = 0; i < rule->tag_count; i++) {
      item(writer);
      text_value(writer, rule->tags[i]);
    }
    shut(writer, ']');
  }
  flag(writer, "cold_ok", GIVEN(CLAUSE_COLD_OK));
  flag(writer, "with_because", GIVEN(CLAUSE_BECAUSE));
  flag(writer, "matched_fields", GIVEN(CLAUSE_MATCHED_FIELDS));
  if (GIVEN(CLAUSE_ALLOW)) names(writer, "allow", rule->allow, rule->allow_count);
}

static void to_member(struct writer *writer, const struct rule_tree *rule) {
  key(writer, "to");
  open(writer, '[');
  for (uint16_t i = 0; i < rule->to_count; i++) {
    item(writer);
    if (!rule->to_quoted[i]) {
      text_value(writer, rule->to[i].text);
      continue;
    }
    open(writer, '{');
    text_member(writer, "text", rule->to[i].text);
    shut(writer, '}');
  }
  shut(writer, ']');
}

/* What a rule looks for and what it does: on to on change. */
static void matching_members(struct writer *writer, const struct rule_tree *rule) {
  uint32_t given = rule->given;
  if (GIVEN(CLAUSE_ON)) use_member(writer, "on", &rule->on);
  if (GIVEN(CLAUSE_KEY)) key_member(writer, rule->key);
  if (GIVEN(CLAUSE_WHEN)) expr_member(writer, "when", rule->when);
  if (GIVEN(CLAUSE_MATCH)) elements_member(writer, "match", rule->pattern);
  given_duration(writer, "within", rule->within_us);
  if (GIVEN(CLAUSE_REPORT)) text_member(writer, "report", slice_of(json_form_reports[rule->report]));
  if (rule->report_limit_given) int_member(writer, "report_limit", rule->report_limit);
  if (GIVEN(CLAUSE_AFTER)) text_member(writer, "after_match", slice_of(json_form_afters[rule->after]));
  given_name(writer, "after_step", &rule->after_step);
  if (GIVEN(CLAUSE_EMIT)) {
    entries_member(writer, "emit", rule->emit, rule->emit_count);
    before_comments(writer, "emit_end_comments", rule->emit_end_comments);
  }
  if (GIVEN(CLAUSE_MESSAGE)) text_member(writer, "message", rule->message);
  list_action(writer, "add", rule->add, rule->add_count);
  list_action(writer, "remove", rule->remove, rule->remove_count);
  given_duration(writer, "suppress", rule->suppress_us);
  expr_member(writer, "suppress_unless", rule->suppress_unless);
  flag(writer, "to_nothing", rule->to_nothing);
  if (GIVEN(CLAUSE_TO) && !rule->to_nothing) to_member(writer, rule);
  if (GIVEN(CLAUSE_ON_CHANGE)) text_member(writer, "on_change", slice_of(json_form_changes[rule->on_change]));
#undef GIVEN
}

static void rule_members(struct writer *writer, const struct rule_tree *rule) {
  text_member(writer, "name", rule->name.text);
  comments_of(writer, rule->comments);
  given_name(writer, "was", &rule->was);
  if (rule->has_description) text_member(writer, "description", rule->description);
  telling_members(writer, rule);
  matching_members(writer, rule);
  clause_comments(writer, json_form_clauses, rule->clause_comments, CLAUSES);
  before_comments(writer, "end_comments", rule->end_comments);
}

/* ---- the smaller declarations ---- */

static void list_members(struct writer *writer, const struct list_tree *list) {
  text_member(writer, "name", list->name.text);
  comments_of(writer, list->comments);
  type_member(writer, list->type, list->unit);
  given_duration(writer, "ttl", list->ttl_us);
  given_duration(writer, "visible_after", list->visible_after_us);
  given_text(writer, "file", list->file);
  if (list->has_items) {
    key(writer, "items");
    open(writer, '[');
    for (uint32_t i = 0; i < list->item_count; i++) {
      const struct comment *comments = list->item_comments == NULL ? NULL : list->item_comments[i];
      item(writer);
      if (comments == NULL) {
        expr_value(writer, list->items[i]);
        continue;
      }
      open(writer, '{');
      expr_member(writer, "value", list->items[i]);
      comments_of(writer, comments);
      shut(writer, '}');
    }
    shut(writer, ']');
  }
  before_comments(writer, "end_comments", list->end_comments);
}

static void columns_member(struct writer *writer, const struct column_tree *columns, uint16_t count,
                           const struct comment *end_comments) {
  key(writer, "columns");
  open(writer, '[');
  for (uint16_t i = 0; i < count; i++) {
    item(writer);
    open(writer, '{');
    text_member(writer, "name", columns[i].name.text);
    type_member(writer, columns[i].type, columns[i].unit);
    comments_of(writer, columns[i].comments);
    shut(writer, '}');
  }
  shut(writer, ']');
  before_comments(writer, "end_comments", end_comments);
}

static void table_members(struct writer *writer, const struct table_tree *table) {
  text_member(writer, "name", table->name.text);
  comments_of(writer, table->comments);
  text_member(writer, "key", table->key.text);
  given_text(writer, "file", table->file);
  given_name(writer, "from_event", &table->from_event);
  columns_member(writer, table->columns, table->column_count, table->end_comments);
  given_duration(writer, "ttl", table->ttl_us);
  if (table->on_given) text_member(writer, "ttl_on", slice_of(table->on_read ? "read" : "write"));
}

static void lookup_members(struct writer *writer, const struct lookup_tree *lookup) {
  text_member(writer, "name", lookup->name.text);
  comments_of(writer, lookup->comments);
  text_member(writer, "from", lookup->from.text);
  text_member(writer, "ask", lookup->pattern);
  columns_member(writer, lookup->columns, lookup->column_count, lookup->end_comments);
  given_duration(writer, "timeout", lookup->timeout_us);
  given_duration(writer, "cache", lookup->cache_us);
  if (lookup->default_count > 0) entries_member(writer, "default", lookup->defaults, lookup->default_count);
  if (lookup->fallback.text.length == 0) return;
  text_member(writer, "else_from", lookup->fallback.text);
  text_member(writer, "else_ask", lookup->fallback_url);
}

static void model_members(struct writer *writer, const struct model_tree *model) {
  text_member(writer, "name", model->name.text);
  comments_of(writer, model->comments);
  text_member(writer, "file", model->file);
  names(writer, "in", model->in, model->in_count);
  key(writer, "out");
  open(writer, '{');
  text_member(writer, "name", model->out.text);
  type_member(writer, model->out_type, model->out_unit);
  shut(writer, '}');
}

static void group_members(struct writer *writer, const struct group_tree *group) {
  text_member(writer, "name", group->name.text);
  comments_of(writer, group->comments);
  key_member(writer, group->key);
  given_duration(writer, "over", group->over_us);
  names(writer, "rules", group->rules, group->rule_count);
  text_member(writer, "score", slice_of(group->sum_all ? "sum all" : group->score_sum ? "sum" : "max"));
  if (group->score_max >= 0) int_member(writer, "score_max", group->score_max);
  given_duration(writer, "decay", group->decay_us);
  key(writer, "bands");
  open(writer, '[');
  for (uint16_t i = 0; i < group->band_count; i++) {
    item(writer);
    open(writer, '{');
    text_member(writer, "action", group->bands[i].action.text);
    int_member(writer, "at", group->bands[i].at);
    given_duration(writer, "for", group->bands[i].for_us);
    comments_of(writer, group->bands[i].comments);
    shut(writer, '}');
  }
  shut(writer, ']');
  if (group->to_count > 0) names(writer, "to", group->to, group->to_count);
  clause_comments(writer, json_form_group_clauses, group->clause_comments, GROUP_CLAUSES);
  before_comments(writer, "end_comments", group->end_comments);
}

static void test_line(struct writer *writer, const struct test_line *line) {
  open(writer, '{');
  if (line->kind == TEST_WATERMARK) {
    text_member(writer, "watermark", line->at);
  } else if (line->kind == TEST_SEND) {
    text_member(writer, "send", line->name.text);
    values_member(writer, line->entries, line->entry_count);
    if (line->times != 1 || line->every_us >= 0) int_member(writer, "times", line->times);
    given_duration(writer, "every", line->every_us);
  } else if (line->nothing) {
    text_member(writer, "expect_nothing", slice_of(line->nothing_else ? "else" : "at all"));
  } else {
    text_member(writer, "expect", line->name.text);
    given_text(writer, "at", line->at);
    if (line->entry_count > 0) values_member(writer, line->entries, line->entry_count);
  }
  comments_of(writer, line->comments);
  shut(writer, '}');
}

static void test_members(struct writer *writer, const struct test_tree *test) {
  text_member(writer, "description", test->description);
  comments_of(writer, test->comments);
  names(writer, "rules", test->rules, test->rule_count);
  key(writer, "lines");
  open(writer, '[');
  for (uint16_t i = 0; i < test->line_count; i++) {
    item(writer);
    test_line(writer, &test->lines[i]);
  }
  shut(writer, ']');
  before_comments(writer, "end_comments", test->end_comments);
}

/* ---- declarations ---- */

static void declaration(struct writer *writer, const struct decl *decl) {
  open(writer, '{');
  text_member(writer, "kind", slice_of(json_form_kinds[decl->kind]));
  switch (decl->kind) {
  case DECL_EVENT: event_members(writer, decl->event); break;
  case DECL_LIST: list_members(writer, decl->list); break;
  case DECL_TABLE: table_members(writer, decl->table); break;
  case DECL_LOOKUP: lookup_members(writer, decl->lookup); break;
  case DECL_MODEL: model_members(writer, decl->model); break;
  case DECL_RULE: rule_members(writer, decl->rule); break;
  case DECL_GROUP: group_members(writer, decl->group); break;
  case DECL_TEST: test_members(writer, decl->test); break;
  case DECL_COUNTER:
    text_member(writer, "name", decl->counter->name.text);
    comments_of(writer, decl->counter->comments);
    expr_member(writer, "value", decl->counter->counting);
    break;
  case DECL_LET:
    text_member(writer, "name", decl->let->name.text);
    comments_of(writer, decl->let->comments);
    expr_member(writer, "value", decl->let->expr);
    break;
  case DECL_ACTIONS:
    comments_of(writer, decl->actions->comments);
    names(writer, "order", decl->actions->names, decl->actions->count);
    break;
  }
  shut(writer, '}');
}

void json_form_write(struct buf *out, const struct tree *tree, uint16_t file) {
  struct writer writer = {.out = out};
  open(&writer, '{');
  int_member(&writer, "format_version", JSON_FORM_VERSION);
  key(&writer, "declarations");
  open(&writer, '[');
  for (uint32_t i = 0; i < tree->decl_count; i++) {
    if (tree->decls[i].file != file) continue;
    item(&writer);
    declaration(&writer, &tree->decls[i]);
  }
  shut(&writer, ']');
  before_comments(&writer, "end_comments", tree->files[file].end_comments);
  shut(&writer, '}');
  buf_byte(out, '\n');
}
