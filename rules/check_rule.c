/* check_rule.c - rules but for their patterns: which clauses go together, key, emit, message, suppress, list actions,
 * life cycle. Also what a rule's alerts are as events, and which expressions are secret fields themselves. */
#include "base/limits.h"
#include "rules/check_private.h"

#include "base/utf8.h"
#include "rules/lint.h"
#include "rules/parts.h"
#include "rules/schedule.h"

static bool has(const struct rule_tree *rule, enum clause clause) { return rule->given >> clause & 1; }

static struct span clause_at(const struct rule_tree *rule, enum clause clause) {
  struct span span = tree_clause_span(rule, clause);
  return span.line > 0 ? span : rule->name.span;
}

/* ---- which clauses go together ---- */

static bool check_shape(struct checker *c, const struct rule_tree *rule) {
  bool on = has(rule, CLAUSE_ON), match = has(rule, CLAUSE_MATCH) && rule->pattern != NULL;
  if (on == match) {
    if (on)
      check_say(c, clause_at(rule, CLAUSE_MATCH), "shape", "leave one of them out",
                "a rule has `on` or `match`, not both");
    else
      check_say(c, rule->name.span, "shape", "add `on EVENT(condition)`, or `match …`",
                "the rule `" SLICE_FMT "` does not say when it is told", SLICE_ARG(rule->name.text));
    return false;
  }
  if (match && rule->when != NULL)
    check_say(c, clause_at(rule, CLAUSE_WHEN), "shape",
              "conditions of a pattern stand at its steps: `payment(amount > 5)`", "`when` is for `on` rules");
  static const struct {
    enum clause clause;
    const char *word;
  } pattern_only[] = {{CLAUSE_WITHIN, "within"}, {CLAUSE_REPORT, "report"}, {CLAUSE_AFTER, "after match"}};
  for (size_t i = 0; on && i < sizeof pattern_only / sizeof *pattern_only; i++)
    if (has(rule, pattern_only[i].clause))
      check_say(c, clause_at(rule, pattern_only[i].clause), "shape", "leave it out: an `on` rule has one event",
                "`%s` is for `match`", pattern_only[i].word);
  if (match && !has(rule, CLAUSE_KEY))
    check_say(c, rule->name.span, "key", "add `key FIELD`, or `key none` for one instance over all events",
              "a rule with `match` says its key");
  return true;
}

static void check_policies(struct checker *c, struct rule_tree *rule) {
  bool timeout = rule->report == REPORT_TIMEOUT || rule->report == REPORT_TIMEOUT_ONLY;
  if (has(rule, CLAUSE_REPORT) && !has(rule, CLAUSE_WITHIN) && (timeout || rule->report == REPORT_LONGEST))
    check_say(c, clause_at(rule, CLAUSE_REPORT), "within", "add `within 1h`", "`report %s` needs `within`",
              timeout ? "timeout" : "longest");
  if (rule->report == REPORT_ALL && rule->report_limit_given && rule->report_limit < 1)
    check_say(c, clause_at(rule, CLAUSE_REPORT), "range", NULL, "`report all limit` takes at least 1");
  if (rule->report == REPORT_ALL && rule->report_limit_given && rule->report_limit > LIMIT_REPORT_ALL_CAP)
    check_say(c, clause_at(rule, CLAUSE_REPORT), "range", NULL, "`report all limit` takes at most %d",
              (int)LIMIT_REPORT_ALL_CAP);
  if (has(rule, CLAUSE_AFTER) && (rule->after == AFTER_TO_FIRST || rule->after == AFTER_TO_LAST)) {
    int32_t step = check_step_find(c, rule, &rule->rare->after_step, true);
    if (step >= 0) rule->after_step_index = (uint16_t)step;
    if (step == -1) {
      struct slice *names = arena_array(&c->scratch, struct slice, rule->step_count + 1u);
      for (uint16_t i = 0; i < rule->step_count; i++) names[i] = rule->steps[i].name.text;
      check_say(c, rule->rare->after_step.span, "unknown-name",
                check_near(c, rule->rare->after_step.text, names, rule->step_count, NULL),
                "there is no step `" SLICE_FMT "`", SLICE_ARG(rule->rare->after_step.text));
    }
    if (step >= 0 && parts_of_step(rule, (uint16_t)step) + 1 < rule->part_count)
      check_say(c, rule->rare->after_step.span, "rekey", "name a step behind the last `at key`",
                "`" SLICE_FMT "` comes before the key changes: `after match` skips among the events of the last key",
                SLICE_ARG(rule->rare->after_step.text));
  }
}

/* ---- schedule ---- */

static void check_schedule(struct checker *c, const struct rule_tree *rule) {
  struct span at = clause_at(rule, CLAUSE_SCHEDULE);
  struct slice text = rule->rare->schedule;
  struct schedule_error error;
  if (!schedule_parse(NULL, text, NULL, &error)) {
    /* Behind its end stands the closing quote. */
    struct slice wrong = {text.data + error.offset, error.length};
    check_say(c, check_part_at(c, at, wrong), "schedule", "as \"Mon-Fri 09:00-17:00; Sat 10:00-14:00\"",
              "`schedule`: %s", error.text);
  }
  if (rule->rare->schedule_zone.length > 0) check_zone(c, at, rule->rare->schedule_zone);
}

static void check_life_cycle(struct checker *c, struct rule_tree *rule) {
  if (has(rule, CLAUSE_ACTION)) {
    check_action(c, &rule->rare->action);
    if (rule->rare->action_for_us == 0)
      check_say(c, clause_at(rule, CLAUSE_ACTION), "range", "as `for 24h`", "an action lasts for more than no time");
  }
  if (has(rule, CLAUSE_CANARY) && (rule->rare->canary_percent < 0 || rule->rare->canary_percent > 100))
    check_say(c, clause_at(rule, CLAUSE_CANARY), "range", NULL, "`canary` takes 0%% to 100%%");
  if (has(rule, CLAUSE_ACTIVE) && rule->rare->active_from_given && rule->rare->active_until_given &&
      rule->rare->active_from_us >= rule->rare->active_until_us)
    check_say(c, clause_at(rule, CLAUSE_ACTIVE), "range", NULL,
              "`active` ends before it begins: `until` must be after `from`");
  if (has(rule, CLAUSE_ACTIVE) && !rule->rare->active_from_given && !rule->rare->active_until_given)
    check_say(c, clause_at(rule, CLAUSE_ACTIVE), "range", "as `active from @2026-11-21T00:00:00Z`",
              "`active` says from or until when");
  if (has(rule, CLAUSE_SCHEDULE)) check_schedule(c, rule);
  if (name_given(&rule->rare->was)) {
    if (slice_equal(rule->rare->was.text, rule->name.text))
      check_say(c, rule->rare->was.span, "was", NULL, "the rule is called `" SLICE_FMT "` already",
                SLICE_ARG(rule->rare->was.text));
    else if (check_symbol(&c->rules, rule->rare->was.text) != NULL)
      check_say(c, rule->rare->was.span, "was", "`was` names a rule that is gone",
                "there still is a rule `" SLICE_FMT "`", SLICE_ARG(rule->rare->was.text));
  }
  for (uint16_t i = 0; i < rule->rare->allow_count; i++) {
    if (lint_known(rule->rare->allow[i].text)) continue;
    size_t count;
    const struct slice *names = lint_names(&count);
    check_say(c, rule->rare->allow[i].span, "unknown-lint",
              check_near(c, rule->rare->allow[i].text, names, count, NULL), "there is no lint `" SLICE_FMT "`",
              SLICE_ARG(rule->rare->allow[i].text));
  }
}

/* ---- emit, message, suppress, lists ---- */

static void check_emit(struct checker *c, struct rule_tree *rule) {
  const struct key_tree *key = parts_told_key(rule);
  bool on = rule->pattern == NULL;
  struct scope scope = {.place = "in `emit`",
                        .rule = rule,
                        .types = on ? rule->types : NULL,
                        .type_count = on ? rule->type_count : 0,
                        .steps = true,
                        .step = -1,
                        .key = key,
                        .counter_key = key,
                        .counters = on ? COUNTERS_OWN : COUNTERS_NEED_OF,
                        .previous = on};
  struct name_map seen;
  name_map_init(&seen, &c->local);
  for (uint16_t i = 0; i < rule->emit_count; i++) {
    struct tree_entry *entry = &rule->emit[i];
    if (rule->emit_count > 1 && name_map_put(&seen, entry->name.text, i) != NAME_ABSENT)
      check_say(c, entry->name.span, "duplicate-name", NULL, "`" SLICE_FMT "` is emitted twice",
                SLICE_ARG(entry->name.text));
    struct type type = check_expr(c, &scope, entry->expr);
    if (type.kind == VALUE_NULL)
      check_say(c, entry->expr->span, "type", NULL, "`" SLICE_FMT "` would always be null",
                SLICE_ARG(entry->name.text));
  }
}

/* The place of byte `offset` of the message, if it is the file's own text (a message with escapes is a copy). */
static struct span message_at(const struct checker *c, const struct rule_tree *rule, size_t offset, size_t length) {
  struct span span = rule->message_span;
  if (span.line == 0) return clause_at(rule, CLAUSE_MESSAGE);
  struct slice text = c->tree->files[span.file].text, before = {rule->message.data, offset};
  if (before.data < text.data || before.data >= text.data + text.length) return span;
  return span_at(span.file, span.line, span.column + 1 + (uint32_t)utf8_count(before), (uint32_t)length);
}

static bool message_value(struct checker *c, struct rule_tree *rule, struct span at, struct slice name,
                          struct message_part_tree *part) {
  const struct key_tree *told = parts_told_key(rule);
  struct scope scope = {.place = "in `message`",
                        .rule = rule,
                        .types = rule->pattern == NULL ? rule->types : NULL,
                        .type_count = rule->pattern == NULL ? rule->type_count : 0,
                        .step = -1,
                        .key = told,
                        .emitted = true};
  for (uint16_t i = 0; i < rule->emit_count; i++)
    if (slice_equal(rule->emit[i].name.text, name)) {
      part->ref = (struct ref){.kind = REF_EMIT, .index = i};
      part->type = rule->emit[i].expr->type;
      return true;
    }
  int32_t key = told != NULL ? check_key_part(told, name) : -1;
  if (key >= 0) {
    part->ref = (struct ref){.kind = REF_KEY, .index = (uint16_t)key};
    part->type = told->parts[key].type;
    return true;
  }
  struct name whole = {.text = name, .span = at};
  int found = check_candidate_field(c, &scope, &whole, name, &part->type, &part->ref);
  if (found == 0) found = check_candidate_time(c, &scope, &whole, name, &part->type, &part->ref);
  if (found != 0) return found > 0;
  size_t count = 0;
  const struct type_info *event =
      rule->pattern == NULL && rule->type_count > 0 ? &c->tree->types[rule->types[0]] : NULL;
  struct slice *names = arena_array(&c->scratch, struct slice,
                                    (size_t)rule->emit_count + (told != NULL ? told->part_count : 0u) +
                                        (event != NULL ? event->field_count : 0u) + 1);
  for (uint16_t i = 0; i < rule->emit_count; i++) names[count++] = rule->emit[i].name.text;
  for (uint16_t i = 0; told != NULL && i < told->part_count; i++) names[count++] = told->parts[i].name.text;
  for (uint16_t i = 0; event != NULL && i < event->field_count; i++) names[count++] = event->fields[i].name;
  check_say(c, at, "template", check_near(c, name, names, count, "put it into `emit`"),
            rule->pattern == NULL ? "`" SLICE_FMT "` is neither emitted, nor in the key, nor a field of the event"
                                  : "`" SLICE_FMT "` is neither emitted nor in the key",
            SLICE_ARG(name));
  return false;
}

static bool message_name_good(struct slice name) {
  if (slice_equal(name, SLICE("window.start")) || slice_equal(name, SLICE("window.end"))) return true;
  for (size_t i = 0; i < name.length; i++) {
    char b = name.data[i];
    if (!((b >= 'a' && b <= 'z') || b == '_' || (i > 0 && b >= '0' && b <= '9'))) return false;
  }
  return name.length > 0;
}

/* `{NAME}`, `{{`, `}}`; anything else with a brace is an error. */
static void check_message(struct checker *c, struct rule_tree *rule) {
  struct slice text = rule->message;
  size_t braces = 0;
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] == '{') braces++;
  /* A text before each value, one behind. */
  struct message_part_tree *parts = arena_array(&c->local, struct message_part_tree, 2 * braces + 2);
  uint32_t count = 0;
  char *plain = arena_alloc(c->arena, text.length + 1);
  size_t plain_length = 0, plain_start = 0;
  for (size_t i = 0; i < text.length; i++) {
    char byte = text.data[i];
    bool brace = byte == '{' || byte == '}', twice = brace && i + 1 < text.length && text.data[i + 1] == byte;
    if (!brace || twice) {
      plain[plain_length++] = byte;
      if (twice) i++;
      continue;
    }
    if (byte == '}') {
      check_say(c, message_at(c, rule, i, 1), "template", "a brace of its own is `}}`", "this `}` closes nothing");
      return;
    }
    size_t end = i + 1;
    while (end < text.length && text.data[end] != '}' && text.data[end] != '{') end++;
    struct slice name = {text.data + i + 1, end - i - 1};
    if (end == text.length || text.data[end] == '{' || !message_name_good(name)) {
      bool path = name.length > 0 && memchr(name.data, '.', name.length) != NULL;
      check_say(c, message_at(c, rule, i, end - i), "template",
                path ? "put it into `emit` under a name of its own" : "a brace of its own is `{{`",
                "`{` in a message begins a name, as `{amount}`");
      return;
    }
    if (plain_length > plain_start)
      parts[count++].text = (struct slice){plain + plain_start, plain_length - plain_start};
    plain_start = plain_length;
    message_value(c, rule, message_at(c, rule, i + 1, name.length), name, &parts[count++]);
    i = end;
    if (count > UINT16_MAX - 2) {
      check_say(c, clause_at(rule, CLAUSE_MESSAGE), "too-many", NULL, "the message has too many names");
      return;
    }
  }
  if (plain_length > plain_start) parts[count++].text = (struct slice){plain + plain_start, plain_length - plain_start};
  rule->message_parts = arena_alloc(c->arena, count * sizeof *parts);
  if (count > 0) memcpy(rule->message_parts, parts, count * sizeof *parts);
  rule->message_part_count = (uint16_t)count;
}

static void check_suppress(struct checker *c, struct rule_tree *rule) {
  if (!has(rule, CLAUSE_SUPPRESS)) return;
  if (rule->suppress_us <= 0)
    check_say(c, clause_at(rule, CLAUSE_SUPPRESS), "range", "as `suppress 1h`",
              "alerts are suppressed for more than no time");
  if (rule->suppress_unless == NULL) return;
  struct scope scope = {.place = "in `suppress … unless`",
                        .rule = rule,
                        .step = -1,
                        .key = parts_told_key(rule),
                        .emitted = true,
                        .told = true,
                        .counters = COUNTERS_NONE,
                        .counters_why = "put it into `emit` and use its name",
                        .no_lookups = true};
  check_condition(c, &scope, rule->suppress_unless, "`unless`");
}

static void check_list_action(struct checker *c, struct rule_tree *rule, const struct list_action *action,
                              const char *word) {
  const struct decl *list = check_symbol(&c->lists, action->list.text);
  if (list == NULL) {
    check_say(c, action->list.span, "unknown-list",
              check_near_symbol(c, action->list.text, &c->lists, "declare it: `list NAME string`"),
              "there is no list `" SLICE_FMT "`", SLICE_ARG(action->list.text));
    return;
  }
  struct type type = TYPE_BAD;
  bool found = false;
  for (uint16_t i = 0; i < rule->emit_count && !found; i++)
    if (slice_equal(rule->emit[i].name.text, action->field.text)) {
      type = rule->emit[i].expr->type;
      found = true;
    }
  const struct key_tree *told = parts_told_key(rule);
  int32_t key = !found && told != NULL ? check_key_part(told, action->field.text) : -1;
  if (key >= 0) {
    type = told->parts[key].type;
    found = true;
  }
  if (!found && rule->pattern == NULL && rule->type_count == 1) {
    int32_t field = check_field_find(c, rule->types[0], action->field.text);
    if (field >= 0) {
      c->tree->types[rule->types[0]].fields[field].used = true;
      type = c->tree->types[rule->types[0]].fields[field].type;
      found = true;
    }
  }
  if (!found) {
    check_say(c, action->field.span, "unknown-name", "put it into `emit`",
              "`%s` takes a field of the key or of `emit`: there is no `" SLICE_FMT "`", word,
              SLICE_ARG(action->field.text));
    return;
  }
  if (action->for_us == 0)
    check_say(c, action->field.span, "range", "as `for 7d`", "an entry stays for more than no time");
  if (!type_bad(type) && !type_bad(list->list->type) && !expr_type_comparable(type, list->list->type))
    check_say(c, action->field.span, "type-mismatch", NULL, "the list `" SLICE_FMT "` is of %s, `" SLICE_FMT "` is %s",
              SLICE_ARG(action->list.text), TYPE_TEXT(list->list->type), SLICE_ARG(action->field.text),
              TYPE_TEXT(type));
}

static void check_sinks(struct checker *c, struct rule_tree *rule) {
  struct name_map seen;
  name_map_init(&seen, &c->local);
  for (uint16_t i = 0; i < rule->to_count; i++)
    if (name_map_put(&seen, rule->to[i].text, i) != NAME_ABSENT)
      check_say(c, rule->to[i].span, "duplicate-name", NULL, "the sink `" SLICE_FMT "` stands twice",
                SLICE_ARG(rule->to[i].text));
}

/* ---- the rule as an event type ---- */

static void make_alert_fields(struct checker *c, struct rule_tree *rule) {
  int64_t id = name_map_get(&c->type_ids, rule->name.text);
  if (id == NAME_ABSENT || c->tree->types[id].origin != TYPE_OF_ALERTS || c->types_known[id]) return;
  const struct key_tree *key = parts_told_key(rule);
  uint16_t key_count = key != NULL ? key->part_count : 0, count = 0;
  struct type_field *fields = arena_array(c->arena, struct type_field, (size_t)rule->emit_count + key_count + 1);
  struct name_map seen;
  name_map_init(&seen, &c->local);
  for (uint16_t i = 0; i < rule->emit_count; i++) {
    struct secret_info secret = tree_expr_secret(c->tree, rule, rule->types, rule->type_count, rule->emit[i].expr);
    if (name_map_put(&seen, rule->emit[i].name.text, i) != NAME_ABSENT) continue;
    fields[count++] = (struct type_field){.name = rule->emit[i].name.text,
                                          .type = rule->emit[i].expr->type,
                                          .secret = secret.form,
                                          .mask_head = secret.mask_head,
                                          .mask_tail = secret.mask_tail,
                                          .expr = rule->emit[i].expr};
  }
  uint16_t type_count;
  const uint16_t *types = parts_told_types(rule, &type_count);
  for (uint16_t i = 0; i < key_count; i++) {
    const struct key_part *part = &key->parts[i];
    if (name_map_put(&seen, part->name.text, i) != NAME_ABSENT) continue;
    struct secret_info secret = tree_key_secret(c->tree, part, types, type_count);
    fields[count++] = (struct type_field){.name = part->name.text,
                                          .type = part->type,
                                          .secret = secret.form,
                                          .mask_head = secret.mask_head,
                                          .mask_tail = secret.mask_tail};
  }
  check_type_fields(c, (uint16_t)id, fields, count);
}

static bool check_on(struct checker *c, struct rule_tree *rule) {
  int32_t type = check_type_id(c, &rule->on.event);
  if (type < 0) return false;
  rule->on.type = (uint16_t)type;
  rule->step_count = rule->type_count = 1;
  rule->steps = arena_array(c->arena, struct step_info, 1);
  rule->types = arena_array(c->arena, uint16_t, 1);
  rule->types[0] = (uint16_t)type;
  rule->steps[0] = (struct step_info){.name = rule->on.event, .type = (uint16_t)type};
  return c->types_known[type];
}

struct on_asks {
  const struct checker *c;
  bool found;
};

static void find_asked_counters(void *context, struct tree_expr *expr) {
  struct on_asks *asks = context;
  struct ref ref = tree_ref(expr);
  asks->found |= expr->kind == TREE_COUNTING || expr->kind == TREE_SEEN || ref.kind == REF_COUNTER;
  if (expr->kind != TREE_PATH || ref.kind != REF_MODEL) return;
  const struct model_tree *model = asks->c->models.decls[ref.index]->model;
  for (uint16_t i = 0; i < model->in_count; i++)
    asks->found |= name_map_get(&asks->c->counters.map, model->in[i].text) != NAME_ABSENT;
}

static void check_on_conditions(struct checker *c, struct rule_tree *rule) {
  struct scope scope = {.place = "in the condition of `on`",
                        .rule = rule,
                        .types = rule->types,
                        .type_count = 1,
                        .step = 0,
                        .counter_key = rule->key,
                        .counters = COUNTERS_ON,
                        .counters_why = "counters of the rule's own events stand in `when`"};
  if (rule->on.condition != NULL) {
    check_condition(c, &scope, rule->on.condition, "the condition of `on`");
    struct on_asks asks = {.c = c};
    tree_expr_walk(rule->on.condition, find_asked_counters, &asks);
    rule->on_asks = asks.found;
  }
  scope.place = "in `when`";
  scope.counters = COUNTERS_OWN;
  scope.previous = true;
  if (rule->when != NULL) check_condition(c, &scope, rule->when, "`when`");
}

/* Each key with the event types of its part. */
static void check_keys(struct checker *c, struct rule_tree *rule) {
  c->rule = rule;
  if (rule->part_count == 0 && rule->key != NULL) check_key(c, rule->key, rule->types, rule->type_count);
  for (uint16_t p = 0; p < rule->part_count; p++)
    if (rule->parts[p].key != NULL) check_key(c, rule->parts[p].key, rule->parts[p].types, rule->parts[p].type_count);
  c->rule = NULL;
}

void check_rule(struct checker *c, struct rule_tree *rule) {
  check_life_cycle(c, rule);
  check_sinks(c, rule);
  if (!check_shape(c, rule)) return;
  bool known = true;
  if (rule->pattern == NULL)
    known = check_on(c, rule);
  else
    known = check_pattern(c, rule);
  check_policies(c, rule);
  if (!known) return; /* an event type is not known: what would read its fields is not looked at */
  check_keys(c, rule);
  if (rule->pattern == NULL)
    check_on_conditions(c, rule);
  else
    check_pattern_conditions(c, rule);
  check_parts(c, rule);
  check_emit(c, rule);
  if (has(rule, CLAUSE_MESSAGE)) check_message(c, rule);
  check_suppress(c, rule);
  for (uint16_t i = 0; i < rule->rare->add_count; i++) check_list_action(c, rule, &rule->rare->add[i], "add");
  for (uint16_t i = 0; i < rule->rare->remove_count; i++) check_list_action(c, rule, &rule->rare->remove[i], "remove");
  make_alert_fields(c, rule);
}

/* ---- secrets ---- */

static struct secret_info of_field(const struct tree *tree, uint16_t type, uint16_t field) {
  if (type >= tree->type_count || field >= tree->types[type].field_count)
    return (struct secret_info){SECRET_NONE, 0, 0};
  const struct type_field *f = &tree->types[type].fields[field];
  return (struct secret_info){f->secret, f->mask_head, f->mask_tail};
}

struct secret_info tree_key_secret(const struct tree *tree, const struct key_part *part, const uint16_t *types,
                                   uint16_t type_count) {
  struct secret_info info = {SECRET_NONE, 0, 0};
  for (uint16_t i = 0; part->fields != NULL && i < type_count && info.form == SECRET_NONE; i++)
    info = of_field(tree, types[i], part->fields[i]);
  return info.form == SECRET_NONE && part->carried ? of_field(tree, part->carried_type, part->carried_field) : info;
}

/* A column of a table that events fill is a field of theirs. */
static struct secret_info of_column(const struct tree *tree, const struct ref *ref) {
  struct secret_info none = {SECRET_NONE, 0, 0};
  const struct table_tree *table = tree->tables[ref->index];
  const struct type_info *type =
      table->from_event.text.length == 0 ? NULL : tree_type_find(tree, table->from_event.text);
  if (type == NULL || ref->column >= table->column_count) return none;
  for (uint16_t f = 0; f < type->field_count; f++)
    if (slice_equal(type->fields[f].name, table->columns[ref->column].name.text))
      return of_field(tree, (uint16_t)(type - tree->types), f);
  return none;
}

static bool keeps_values(enum aggregate aggregate) {
  return aggregate == AGG_FIRST || aggregate == AGG_LAST || aggregate == AGG_NTH || aggregate == AGG_MIN ||
         aggregate == AGG_MAX || aggregate == AGG_COLLECT || aggregate == AGG_TOP;
}

/* The field that a counter, or `previous`, tells a value of; NULL = none. A field in it is one of `*types`. */
static const struct tree_expr *counted_field(const struct tree *tree, const struct tree_expr *expr,
                                             const uint16_t **types, uint16_t *type_count) {
  if (expr->kind == TREE_PATH && expr->ref.kind == REF_COUNTER) {
    if (expr->ref.index >= tree->counter_count) return NULL;
    expr = tree->counters[expr->ref.index]->counting;
  }
  const struct tree_expr *field = NULL;
  if (expr->kind == TREE_CALL && expr->ref.kind == REF_PREVIOUS && expr->item_count == 1) field = expr->items[0];
  if (expr->kind == TREE_COUNTING && keeps_values(expr->ref.aggregate)) {
    field = expr->counting->argument;
    if (expr->counting->of != NULL) {
      *types = &expr->counting->of->type;
      *type_count = 1;
    }
  }
  return field != NULL && field->kind == TREE_PATH && field->ref.kind == REF_FIELD ? field : NULL;
}

/* A part of the key that alerts have. */
static struct secret_info of_key(const struct tree *tree, const struct rule_tree *rule, uint16_t index) {
  const struct key_tree *key = parts_told_key(rule);
  uint16_t type_count;
  const uint16_t *types = parts_told_types(rule, &type_count);
  if (key == NULL || index >= key->part_count) return (struct secret_info){SECRET_NONE, 0, 0};
  return tree_key_secret(tree, &key->parts[index], types, type_count);
}

struct secret_info tree_expr_secret(const struct tree *tree, const struct rule_tree *rule, const uint16_t *types,
                                    uint16_t type_count, const struct tree_expr *expr) {
  struct secret_info none = {SECRET_NONE, 0, 0};
  const struct tree_expr *counted = counted_field(tree, expr, &types, &type_count);
  if (counted != NULL) expr = counted;
  const struct ref *ref = &expr->ref;
  if (expr->kind == TREE_PATH && ref->kind == REF_TABLE) return of_column(tree, ref);
  if (expr->kind == TREE_PATH && ref->kind == REF_FIELD) { /* also an element of a list of secrets */
    for (uint16_t i = 0; i < type_count; i++) {
      struct secret_info info = of_field(tree, types[i], ref->fields != NULL ? ref->fields[i] : ref->field);
      if (info.form != SECRET_NONE) return info;
    }
    return none;
  }
  if (expr->kind == TREE_PATH && ref->kind == REF_KEY && rule != NULL) return of_key(tree, rule, ref->index);
  bool value = expr->kind == TREE_PATH && ref->kind == REF_STEP_FIELD;
  if (value && rule == NULL && ref->step < type_count) /* a join: its sides are the steps */
    return of_field(tree, types[ref->step], ref->field);
  bool of_many = expr->kind == TREE_CALL && ref->kind == REF_AGGREGATE && keeps_values(ref->aggregate);
  if ((value || of_many) && rule != NULL && ref->step < rule->step_count)
    return of_field(tree, rule->steps[ref->step].type, ref->field);
  return none;
}
