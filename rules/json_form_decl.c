/* json_form_decl.c - the declarations of the JSON form other than rules. */
#include "base/limits.h"
#include "rules/json_form_read.h"
#include "rules/parse.h"

#define WORDS(array) (array), (unsigned)(sizeof(array) / sizeof((array)[0]))

static void needed_text(struct reader *reader, struct json_at at, const char *name, struct slice *out) {
  struct json_step step;
  *out = json_text(reader, json_member(at, name, &step));
}

static int64_t needed_duration(struct reader *reader, struct json_at at, const char *name) {
  struct json_step step;
  return json_duration(reader, json_member(at, name, &step));
}

static struct type needed_type(struct reader *reader, struct json_at at, enum time_unit *unit) {
  struct json_step step;
  return json_type(reader, json_member(at, "type", &step), unit);
}

/* The comments at clauses, into comments[count] by `words`. */
static void read_clause_comments(struct reader *reader, struct json_at at, const char *allowed,
                                 const char *const *words, struct comment **comments, unsigned count) {
  struct json_step step, clause_step;
  struct json_at member = json_member(at, "clause_comments", &step);
  if (member.item == NULL || !json_object(reader, member, allowed)) return;
  for (unsigned i = 0; i < count; i++) {
    struct json_at clause = json_member(member, words[i], &clause_step);
    if (clause.item == NULL || !json_object(reader, clause, "comments comment_after")) continue;
    comments[i] = json_comments(reader, clause);
  }
}

/* ---- events ---- */

static void read_mask(struct reader *reader, struct json_at at, struct field_tree *field) {
  struct json_step step;
  unsigned count = json_array(reader, at, 2);
  if (!reader->failed && count != 2)
    json_fail(reader, at.step, "two numbers are needed: characters shown at the front and at the end");
  JSON_EACH(element, at, &step) {
    if (reader->failed) return;
    uint16_t number = (uint16_t)json_int(reader, element, 0, UINT16_MAX);
    *(step.index == 0 ? &field->mask_head : &field->mask_tail) = number;
  }
  field->secret = SECRET_MASK;
}

static void read_field(struct reader *reader, struct json_at at, struct field_tree *field) {
  static const char *const rounds[] = {"", "half_even"};
  struct json_step step;
  if (!json_object(reader, at, "name type from required secret secret_mask round value" JSON_COMMENT_WORDS)) return;
  field->name = json_needed_name(reader, at, "name");
  field->type = needed_type(reader, at, &field->unit);
  field->from = json_member_text(reader, at, "from");
  field->required = json_member_flag(reader, at, "required");
  if (json_member_flag(reader, at, "secret")) field->secret = SECRET_HASH;
  struct json_at mask = json_member(at, "secret_mask", &step);
  if (mask.item != NULL) read_mask(reader, mask, field);
  struct json_at round = json_member(at, "round", &step);
  if (round.item != NULL) field->round_half_even = json_choice(reader, round, WORDS(rounds)) == 1;
  field->computed = json_member_expr(reader, at, "value");
  bool options = field->from.data != NULL || field->required || field->secret != SECRET_NONE || field->round_half_even;
  if (field->computed != NULL && options && !reader->failed)
    json_fail(reader, at.step, "a computed field has no options");
  field->comments = json_comments(reader, at);
}

static void read_unique(struct reader *reader, struct json_at at, struct event_tree *event) {
  if (!json_object(reader, at, "field for everywhere approx")) return;
  event->unique = json_needed_name(reader, at, "field");
  event->unique_us = needed_duration(reader, at, "for");
  event->unique_everywhere = json_member_flag(reader, at, "everywhere");
  event->unique_approx = json_member_flag(reader, at, "approx");
}

static void read_source(struct reader *reader, struct json_at at, struct event_tree *event) {
  static const char *const lates[] = {"", "drop", "accept", "side"};
  struct json_step step, field_step;
  if (!json_object(reader, at,
                   "kind name event_time named disorder late late_sink unique watermark_when clock_ahead clock_behind "
                   "jump jump_confirm "
                   "clause_comments fields end_comments" JSON_COMMENT_WORDS))
    return;
  event->event_time = json_member_name(reader, at, "event_time");
  event->event_time_given = event->event_time.text.length > 0;
  event->event_time_log = slice_equal(event->event_time.text, SLICE("log"));
  event->named = json_member_text(reader, at, "named");
  event->disorder_us = json_member_duration(reader, at, "disorder");
  struct json_at late = json_member(at, "late", &step);
  event->late_given = late.item != NULL;
  if (event->late_given) event->late = (enum late_policy)json_choice(reader, late, WORDS(lates));
  event->late_sink = json_member_name(reader, at, "late_sink");
  if ((event->late == LATE_SIDE) != (event->late_sink.text.length > 0) && !reader->failed)
    json_fail(reader, at.step, "\"late\":\"side\" and a \"late_sink\" stand together");
  struct json_at unique = json_member(at, "unique", &step);
  if (unique.item != NULL) read_unique(reader, unique, event);
  event->watermark_when = json_member_expr(reader, at, "watermark_when");
  event->ahead_us = json_member_duration(reader, at, "clock_ahead");
  event->behind_us = json_member_duration(reader, at, "clock_behind");
  event->jump_us = json_member_duration(reader, at, "jump");
  event->jump_confirm = json_member_int(reader, at, "jump_confirm", 1, INT32_MAX);
  if ((event->jump_us >= 0) != (event->jump_confirm >= 0) && !reader->failed)
    json_fail(reader, at.step, "\"jump\" and \"jump_confirm\" stand together");
  read_clause_comments(reader, at, "event_time named disorder late unique watermark clock jump",
                       json_form_event_clauses, event->clause_comments, EVENT_CLAUSES);
  struct json_at fields = json_member(at, "fields", &step);
  event->field_count = (uint16_t)json_array(reader, fields, PARSE_LIST_MAX);
  event->fields = arena_array(reader->arena, struct field_tree, event->field_count);
  JSON_EACH(element, fields, &field_step) {
    if (reader->failed) return;
    read_field(reader, element, &event->fields[field_step.index]);
  }
}

static struct window_tree *read_window(struct reader *reader, struct json_at at) {
  struct window_tree *window = arena_new(reader->arena, struct window_tree);
  struct json_step step;
  if (!json_object(
          reader, at,
          "kind size count every every_count zone offset lateness early_every early_events early_when known_for"))
    return window;
  window->kind = (enum window_kind)json_choice(reader, json_member(at, "kind", &step), WORDS(json_form_windows));
  bool sized = window->kind != WINDOW_COUNT && window->kind != WINDOW_TODAY;
  if (!reader->failed && (json_has(at, "size") != sized || json_has(at, "count") != (window->kind == WINDOW_COUNT) ||
                          json_has(at, "every") != (window->kind == WINDOW_SLIDING) ||
                          (json_has(at, "every_count") && window->kind != WINDOW_COUNT) ||
                          (json_has(at, "zone") && window->kind != WINDOW_TODAY)))
    json_fail(reader, at.step,
              "tumbling and session have \"size\"; sliding \"size\" and \"every\"; count \"count\" and "
              "\"every_count\"; today \"zone\"");
  window->size_us = json_member_duration(reader, at, "size");
  window->count = json_member_int(reader, at, "count", 1, LIMIT_WINDOW_COUNT);
  window->every_us = json_member_duration(reader, at, "every");
  window->every_count = json_member_int(reader, at, "every_count", 1, LIMIT_WINDOW_COUNT);
  window->zone = json_member_text(reader, at, "zone");
  window->offset_us = json_member_duration(reader, at, "offset");
  window->lateness_us = json_member_duration(reader, at, "lateness");
  window->early_us = json_member_duration(reader, at, "early_every");
  window->early_count = json_member_int(reader, at, "early_events", 1, LIMIT_WINDOW_COUNT);
  window->early_when = json_member_expr(reader, at, "early_when");
  window->known_us = json_member_duration(reader, at, "known_for");
  if (json_has(at, "early_every") + json_has(at, "early_events") + json_has(at, "early_when") > 1 && !reader->failed)
    json_fail(reader, at.step, "only one of \"early_every\", \"early_events\" and \"early_when\"");
  return window;
}

static void read_side(struct reader *reader, struct json_at at, const char *side, struct name *name,
                      struct name *event) {
  struct json_step step;
  struct json_at member = json_member(at, side, &step);
  if (!json_object(reader, member, "name event")) return;
  *name = json_needed_name(reader, member, "name");
  *event = json_needed_name(reader, member, "event");
}

static void read_join(struct reader *reader, struct json_at at, struct event_tree *event) {
  static const char *const kinds[] = {"", "left", "right", "full"};
  struct json_step step;
  event->join = true;
  if (!json_object(reader, at, "left right kind")) return;
  read_side(reader, at, "left", &event->join_left_name, &event->join_left_event);
  read_side(reader, at, "right", &event->join_right_name, &event->join_right_event);
  struct json_at kind = json_member(at, "kind", &step);
  if (kind.item != NULL) event->join_kind.text = slice_of(kinds[json_choice(reader, kind, WORDS(kinds))]);
}

static void read_derived(struct reader *reader, struct json_at at, struct event_tree *event) {
  struct json_step step;
  event->derived = true;
  if (!json_object(reader, at, "kind name from join each where key window fields end_comments" JSON_COMMENT_WORDS))
    return;
  struct json_at join = json_member(at, "join", &step);
  if (join.item != NULL) {
    if (json_has(at, "from") || json_has(at, "each") || json_has(at, "window"))
      json_fail(reader, at.step, "a \"join\" has no \"from\", \"each\" or \"window\"");
    if (!json_has(at, "key") || !json_has(at, "where"))
      json_fail(reader, at.step, "a \"join\" needs \"key\" and \"where\"");
    read_join(reader, join, event);
  } else {
    event->from = json_names(reader, json_member(at, "from", &step), &event->from_count);
  }
  struct json_at each = json_member(at, "each", &step);
  if (each.item != NULL && json_object(reader, each, "name in")) {
    event->each_name = json_needed_name(reader, each, "name");
    event->each_field = json_needed_name(reader, each, "in");
  }
  event->where = json_member_expr(reader, at, "where");
  struct json_at key = json_member(at, "key", &step);
  if (key.item != NULL) event->key = json_key(reader, key);
  struct json_at window = json_member(at, "window", &step);
  if (window.item != NULL) event->window = read_window(reader, window);
  event->entries = json_entries(reader, json_member(at, "fields", &step), &event->entry_count);
}

static struct event_tree *read_event(struct reader *reader, struct json_at at) {
  struct event_tree *event = arena_new(reader->arena, struct event_tree);
  event->disorder_us = event->ahead_us = event->behind_us = event->jump_us = event->jump_confirm = -1;
  event->name = json_needed_name(reader, at, "name");
  event->comments = json_comments(reader, at);
  if (json_has(at, "from") || json_has(at, "join"))
    read_derived(reader, at, event);
  else
    read_source(reader, at, event);
  event->end_comments = json_before_comments(reader, at, "end_comments");
  return event;
}

/* ---- list, table, lookup, model ---- */

static void read_items(struct reader *reader, struct json_at at, struct list_tree *list) {
  struct json_step step, value_step;
  list->has_items = true;
  list->item_count = json_array(reader, at, UINT32_MAX - 1);
  list->items = arena_array(reader->arena, struct tree_expr *, list->item_count);
  JSON_EACH(element, at, &step) {
    if (reader->failed) return;
    struct json_at value = json_member(element, "value", &value_step);
    if (value.item == NULL) value = element;
    if (value.item != element.item) {
      if (!json_object(reader, element, "value" JSON_COMMENT_WORDS)) return;
      if (list->item_comments == NULL)
        list->item_comments = arena_array(reader->arena, struct comment *, list->item_count);
      list->item_comments[step.index] = json_comments(reader, element);
    }
    struct tree_expr *item = list->items[step.index] = json_expr(reader, value);
    if (!reader->failed && (item->kind != TREE_LITERAL || item->value.kind == VALUE_LIST))
      json_fail(reader, value.step, "expected a literal value");
  }
}

static struct list_tree *read_list(struct reader *reader, struct json_at at) {
  struct list_tree *list = arena_new(reader->arena, struct list_tree);
  struct json_step step;
  if (!json_object(reader, at, "kind name type ttl visible_after file items end_comments" JSON_COMMENT_WORDS))
    return list;
  list->name = json_needed_name(reader, at, "name");
  list->comments = json_comments(reader, at);
  list->type = needed_type(reader, at, &list->unit);
  list->ttl_us = json_member_duration(reader, at, "ttl");
  list->visible_after_us = json_member_duration(reader, at, "visible_after");
  list->file = json_member_text(reader, at, "file");
  struct json_at items = json_member(at, "items", &step);
  if (items.item != NULL && list->file.data != NULL) json_fail(reader, at.step, "either \"file\" or \"items\"");
  if (items.item != NULL) read_items(reader, items, list);
  list->end_comments = json_before_comments(reader, at, "end_comments");
  if (list->end_comments != NULL && !list->has_items && !reader->failed)
    json_fail(reader, at.step, "\"end_comments\" stand behind \"items\"");
  return list;
}

static struct column_tree *read_columns(struct reader *reader, struct json_at at, uint16_t *count) {
  struct json_step step, columns_step;
  struct json_at member = json_member(at, "columns", &columns_step);
  *count = (uint16_t)json_array(reader, member, PARSE_LIST_MAX);
  struct column_tree *columns = arena_array(reader->arena, struct column_tree, *count);
  JSON_EACH(element, member, &step) {
    if (reader->failed || !json_object(reader, element, "name type" JSON_COMMENT_WORDS)) break;
    columns[step.index].name = json_needed_name(reader, element, "name");
    columns[step.index].type = needed_type(reader, element, &columns[step.index].unit);
    columns[step.index].comments = json_comments(reader, element);
  }
  return columns;
}

static struct table_tree *read_table(struct reader *reader, struct json_at at) {
  static const char *const ons[] = {"write", "read"};
  struct table_tree *table = arena_new(reader->arena, struct table_tree);
  struct json_step step;
  if (!json_object(reader, at, "kind name key file from_event columns ttl ttl_on end_comments" JSON_COMMENT_WORDS))
    return table;
  table->name = json_needed_name(reader, at, "name");
  table->comments = json_comments(reader, at);
  table->key = json_needed_name(reader, at, "key");
  table->file = json_member_text(reader, at, "file");
  table->from_event = json_member_name(reader, at, "from_event");
  if (table->file.data != NULL && table->from_event.text.length > 0 && !reader->failed)
    json_fail(reader, at.step, "either \"file\" or \"from_event\"");
  table->columns = read_columns(reader, at, &table->column_count);
  table->ttl_us = json_member_duration(reader, at, "ttl");
  struct json_at on = json_member(at, "ttl_on", &step);
  table->on_given = on.item != NULL;
  if (table->on_given) table->on_read = json_choice(reader, on, WORDS(ons)) == 1;
  if (table->on_given && table->ttl_us < 0 && !reader->failed)
    json_fail(reader, at.step, "a \"ttl_on\" stands beside a \"ttl\"");
  table->end_comments = json_before_comments(reader, at, "end_comments");
  return table;
}

static struct lookup_tree *read_lookup(struct reader *reader, struct json_at at) {
  struct lookup_tree *lookup = arena_new(reader->arena, struct lookup_tree);
  struct json_step step;
  if (!json_object(
          reader, at,
          "kind name from ask columns timeout cache default else_from else_ask end_comments" JSON_COMMENT_WORDS))
    return lookup;
  lookup->name = json_needed_name(reader, at, "name");
  lookup->comments = json_comments(reader, at);
  lookup->from = json_needed_name(reader, at, "from");
  needed_text(reader, at, "ask", &lookup->pattern);
  lookup->columns = read_columns(reader, at, &lookup->column_count);
  lookup->timeout_us = json_member_duration(reader, at, "timeout");
  lookup->cache_us = json_member_duration(reader, at, "cache");
  struct json_at defaults = json_member(at, "default", &step);
  if (defaults.item != NULL) lookup->defaults = json_entries(reader, defaults, &lookup->default_count);
  lookup->fallback = json_member_name(reader, at, "else_from");
  if (lookup->fallback.text.length > 0)
    needed_text(reader, at, "else_ask", &lookup->fallback_url);
  else if (json_has(at, "else_ask") && !reader->failed)
    json_fail(reader, at.step, "an \"else_ask\" stands beside an \"else_from\"");
  lookup->end_comments = json_before_comments(reader, at, "end_comments");
  return lookup;
}

static struct model_tree *read_model(struct reader *reader, struct json_at at) {
  struct model_tree *model = arena_new(reader->arena, struct model_tree);
  struct json_step step;
  if (!json_object(reader, at, "kind name file in out" JSON_COMMENT_WORDS)) return model;
  model->name = json_needed_name(reader, at, "name");
  model->comments = json_comments(reader, at);
  needed_text(reader, at, "file", &model->file);
  model->in = json_names(reader, json_member(at, "in", &step), &model->in_count);
  struct json_at out = json_member(at, "out", &step);
  if (!json_object(reader, out, "name type")) return model;
  model->out = json_needed_name(reader, out, "name");
  model->out_type = needed_type(reader, out, &model->out_unit);
  return model;
}

/* ---- group, test ---- */

static struct group_tree *read_group(struct reader *reader, struct json_at at) {
  static const char *const scores[] = {"max", "sum", "sum all"};
  struct group_tree *group = arena_new(reader->arena, struct group_tree);
  struct json_step step, band_step;
  if (!json_object(
          reader, at,
          "kind name key over rules score score_max decay bands to clause_comments end_comments" JSON_COMMENT_WORDS))
    return group;
  group->name = json_needed_name(reader, at, "name");
  group->comments = json_comments(reader, at);
  group->key = json_key(reader, json_member(at, "key", &step));
  group->over_us = needed_duration(reader, at, "over");
  group->rules = json_names(reader, json_member(at, "rules", &step), &group->rule_count);
  unsigned score = json_choice(reader, json_member(at, "score", &step), WORDS(scores));
  group->score_sum = score >= 1;
  group->sum_all = score == 2;
  group->score_max = json_member_int(reader, at, "score_max", 1, INT64_MAX);
  group->decay_us = json_member_duration(reader, at, "decay");
  struct json_at bands = json_member(at, "bands", &step);
  group->band_count = (uint16_t)json_array(reader, bands, PARSE_LIST_MAX);
  group->bands = arena_array(reader->arena, struct band_tree, group->band_count);
  if (!reader->failed && group->band_count == 0) json_fail(reader, bands.step, "at least one band is needed");
  JSON_EACH(element, bands, &band_step) {
    struct band_tree *band = &group->bands[band_step.index];
    struct json_step at_step;
    if (reader->failed || !json_object(reader, element, "action at for" JSON_COMMENT_WORDS)) break;
    band->action = json_needed_name(reader, element, "action");
    band->at = json_int(reader, json_member(element, "at", &at_step), 0, INT64_MAX);
    band->for_us = json_member_duration(reader, element, "for");
    band->comments = json_comments(reader, element);
  }
  struct json_at to = json_member(at, "to", &step);
  if (to.item != NULL) group->to = json_names(reader, to, &group->to_count);
  read_clause_comments(reader, at, "key over rules score decay to", json_form_group_clauses, group->clause_comments,
                       GROUP_CLAUSES);
  group->end_comments = json_before_comments(reader, at, "end_comments");
  return group;
}

static void read_test_line(struct reader *reader, struct json_at at, struct test_line *line) {
  static const char *const nothings[] = {"at all", "else"};
  struct json_step step;
  line->times = 1;
  line->every_us = -1;
  if (json_has(at, "watermark")) {
    if (!json_object(reader, at, "watermark" JSON_COMMENT_WORDS)) return;
    line->kind = TEST_WATERMARK;
    needed_text(reader, at, "watermark", &line->at);
  } else if (json_has(at, "send")) {
    if (!json_object(reader, at, "send values times every" JSON_COMMENT_WORDS)) return;
    line->kind = TEST_SEND;
    line->name = json_needed_name(reader, at, "send");
    line->entries = json_values(reader, json_member(at, "values", &step), &line->entry_count);
    if (json_has(at, "times")) line->times = json_member_int(reader, at, "times", 1, INT32_MAX);
    line->every_us = json_member_duration(reader, at, "every");
  } else if (json_has(at, "expect_nothing")) {
    if (!json_object(reader, at, "expect_nothing" JSON_COMMENT_WORDS)) return;
    line->kind = TEST_EXPECT;
    line->nothing = true;
    line->nothing_else = json_choice(reader, json_member(at, "expect_nothing", &step), WORDS(nothings)) == 1;
  } else {
    if (!json_object(reader, at, "expect at values" JSON_COMMENT_WORDS)) return;
    line->kind = TEST_EXPECT;
    line->name = json_needed_name(reader, at, "expect");
    line->at = json_member_text(reader, at, "at");
    line->entries = json_values(reader, json_member(at, "values", &step), &line->entry_count);
  }
  line->comments = json_comments(reader, at);
}

static struct test_tree *read_test(struct reader *reader, struct json_at at) {
  struct test_tree *test = arena_new(reader->arena, struct test_tree);
  struct json_step step, line_step;
  if (!json_object(reader, at, "kind description rules lines end_comments" JSON_COMMENT_WORDS)) return test;
  needed_text(reader, at, "description", &test->description);
  test->comments = json_comments(reader, at);
  test->rules = json_names(reader, json_member(at, "rules", &step), &test->rule_count);
  struct json_at lines = json_member(at, "lines", &step);
  test->line_count = (uint16_t)json_array(reader, lines, PARSE_LIST_MAX);
  test->lines = arena_array(reader->arena, struct test_line, test->line_count);
  JSON_EACH(element, lines, &line_step) {
    if (reader->failed) break;
    read_test_line(reader, element, &test->lines[line_step.index]);
  }
  test->end_comments = json_before_comments(reader, at, "end_comments");
  return test;
}

/* ---- any declaration ---- */

void json_declaration(struct reader *reader, struct json_at at, struct decl *decl) {
  struct json_step step;
  if (!cJSON_IsObject(at.item)) {
    json_object(reader, at, "");
    return;
  }
  decl->kind = (enum decl_kind)json_choice(reader, json_member(at, "kind", &step), WORDS(json_form_kinds));
  if (reader->failed) return;
  switch (decl->kind) {
  case DECL_EVENT: decl->event = read_event(reader, at); break;
  case DECL_LIST: decl->list = read_list(reader, at); break;
  case DECL_TABLE: decl->table = read_table(reader, at); break;
  case DECL_LOOKUP: decl->lookup = read_lookup(reader, at); break;
  case DECL_MODEL: decl->model = read_model(reader, at); break;
  case DECL_RULE: decl->rule = json_rule(reader, at); break;
  case DECL_GROUP: decl->group = read_group(reader, at); break;
  case DECL_TEST: decl->test = read_test(reader, at); break;
  case DECL_COUNTER:
    decl->counter = arena_new(reader->arena, struct counter_tree);
    if (!json_object(reader, at, "kind name value" JSON_COMMENT_WORDS)) break;
    decl->counter->name = json_needed_name(reader, at, "name");
    decl->counter->comments = json_comments(reader, at);
    decl->counter->counting = json_needed_expr(reader, at, "value");
    break;
  case DECL_LET:
    decl->let = arena_new(reader->arena, struct let_tree);
    if (!json_object(reader, at, "kind name value" JSON_COMMENT_WORDS)) break;
    decl->let->name = json_needed_name(reader, at, "name");
    decl->let->comments = json_comments(reader, at);
    decl->let->expr = json_needed_expr(reader, at, "value");
    break;
  case DECL_ACTIONS:
    decl->actions = arena_new(reader->arena, struct actions_tree);
    if (!json_object(reader, at, "kind order" JSON_COMMENT_WORDS)) break;
    decl->actions->comments = json_comments(reader, at);
    decl->actions->names = json_names(reader, json_member(at, "order", &step), &decl->actions->count);
    break;
  }
}
