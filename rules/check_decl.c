/* check_decl.c - declarations without conditions over several events: source events, lists, tables, lookups, models,
 * counters' types are in check.c. Also keys, groups, actions and time zones. */
#include "base/limits.h"
#include "rules/action.h"
#include "rules/check_private.h"

#include "base/zone.h"

/* ---- types and zones ---- */

bool check_value_type(struct checker *c, struct span span, struct type type, enum time_unit unit, bool lists) {
  uint8_t scale = type.kind == VALUE_LIST ? type.element_scale : type.scale;
  if (type.kind == VALUE_LIST && (!lists || type.element == VALUE_LIST)) {
    check_say(c, span, "type", NULL, lists ? "a list of lists is not possible" : "a list is not possible here");
    return false;
  }
  if (scale > DECIMAL_DIGITS_MAX) {
    check_say(c, span, "range", NULL, "a decimal has at most %d digits after the point", DECIMAL_DIGITS_MAX);
    return false;
  }
  uint8_t kind = type.kind == VALUE_LIST ? type.element : type.kind;
  if (unit != TIME_TEXT && kind != VALUE_TIME) {
    check_say(c, span, "type", NULL, "only a time has a unit");
    return false;
  }
  return true;
}

void check_zone(struct checker *c, struct span span, struct slice zone) {
  if (c->options->env == NULL || name_map_get(&c->zones, zone) != NAME_ABSENT) return;
  struct err err = {0};
  bool there = zone_load(&c->scratch, c->options->env, zone, &err) != NULL;
  name_map_put(&c->zones, zone, there ? 1 : 0);
  if (there) return;
  struct span at = check_part_at(c, span, zone);
  if (at.line != span.line || at.column != span.column) at = span_at(at.file, at.line, at.column - 1, at.length + 2u);
  check_say(c, at, "zone", "as \"Europe/Berlin\"", "%s", err.text);
}

/* ---- source events ---- */

static const char *time_field_hint(struct checker *c, const struct event_tree *event) {
  const struct field_tree *only = NULL;
  for (uint16_t i = 0; i < event->field_count; i++) {
    if (event->fields[i].type.kind != VALUE_TIME || event->fields[i].computed != NULL) continue;
    if (only != NULL) return "add `event_time FIELD`, or `event_time log`";
    only = &event->fields[i];
  }
  if (only == NULL) return "add a field of type time and `event_time FIELD`, or `event_time log`";
  return check_text(c, "add `event_time " SLICE_FMT "`", SLICE_ARG(only->name.text));
}

static void check_event_time(struct checker *c, struct event_tree *event, struct type_info *info) {
  if (!event->event_time_given) {
    check_say(c, event->name.span, "event-time", time_field_hint(c, event),
              "`" SLICE_FMT "` does not say which field is its event time", SLICE_ARG(event->name.text));
    return;
  }
  if (event->event_time_log) return;
  int32_t index = check_field(c, info->id, &event->event_time);
  if (index < 0) return;
  const struct type_field *field = &info->fields[index];
  if (field->type.kind != VALUE_TIME && !type_bad(field->type)) {
    const char *hint = "a field of the type `time`, `time(s)`, `time(ms)` or `time(us)`";
    if (field->type.kind == VALUE_STRING) hint = check_text(c, "declare `" SLICE_FMT " time`", SLICE_ARG(field->name));
    if (field->type.kind == VALUE_INT)
      hint = check_text(
          c, "declare `" SLICE_FMT " time(ms)`, if it counts milliseconds since 1970; `s` and `us` are others",
          SLICE_ARG(field->name));
    check_say(c, event->event_time.span, "event-time", hint, "the event time is a time, `" SLICE_FMT "` is %s",
              SLICE_ARG(field->name), TYPE_TEXT(field->type));
    return;
  }
  if (field->tree->computed != NULL) {
    check_say(c, event->event_time.span, "event-time", NULL,
              "the event time is a field of the record, `" SLICE_FMT "` is computed", SLICE_ARG(field->name));
    return;
  }
  info->time_field = index;
}

static void check_field_words(struct checker *c, const struct field_tree *field, struct type type) {
  const struct span at = field->name.span;
  if (field->secret != SECRET_NONE && type.kind != VALUE_STRING && !type_bad(type))
    check_say(c, at, "secret", NULL, "`secret` is for strings, `" SLICE_FMT "` is %s", SLICE_ARG(field->name.text),
              TYPE_TEXT(type));
  else if (field->secret == SECRET_HASH && !c->options->secret_key)
    check_say(c, at, "secret", "set the environment variable WEIR_SECRET_KEY, or say `secret mask 0..4`",
              "`" SLICE_FMT "` is secret and there is no key to hash it with", SLICE_ARG(field->name.text));
  if (field->round_half_even && type.kind != VALUE_DECIMAL && !type_bad(type))
    check_say(c, at, "type", NULL, "`round half_even` is for decimals, `" SLICE_FMT "` is %s",
              SLICE_ARG(field->name.text), TYPE_TEXT(type));
  if (field->from.data == NULL || field->computed != NULL) return;
  bool empty = field->from.length == 0;
  for (size_t i = 0; i < field->from.length; i++)
    if (field->from.data[i] == '.' && (i == 0 || i + 1 == field->from.length || field->from.data[i - 1] == '.'))
      empty = true;
  if (empty)
    check_say(c, at, "path", "as `from \"merchant.country\"`", "the path of `" SLICE_FMT "` has an empty name",
              SLICE_ARG(field->name.text));
}

/* The fields that a computed one reads, for their order. */
struct computed_walk {
  struct checker *c;
  struct name_graph *graph;
  uint16_t type;
  uint32_t node;
};

static void computed_needs(void *context, struct tree_expr *expr) {
  struct computed_walk *walk = context;
  if (expr->kind == TREE_IN_NAME) {
    int32_t field = check_field_find(walk->c, walk->type, expr->name->text);
    if (field >= 0) name_graph_need(walk->graph, walk->node, (uint32_t)field);
  }
  if (expr->kind != TREE_PATH) return;
  const struct name *name = &expr->parts[expr->part_count - 1];
  int32_t field = check_field_find(walk->c, walk->type, name->text);
  if (field >= 0 && walk->c->tree->types[walk->type].fields[field].expr != NULL)
    name_graph_need(walk->graph, walk->node, (uint32_t)field);
  int64_t let = expr->part_count == 1 ? name_map_get(&walk->c->lets.map, name->text) : NAME_ABSENT;
  if (let != NAME_ABSENT && field < 0 && walk->c->let_bodies[let] != NULL)
    tree_expr_walk(walk->c->let_bodies[let], computed_needs, walk);
}

static void check_computed(struct checker *c, struct event_tree *event, struct type_info *info) {
  uint32_t count = info->field_count;
  struct name_graph graph;
  name_graph_init(&graph, &c->scratch, count);
  struct computed_walk walk = {.c = c, .graph = &graph, .type = info->id};
  for (walk.node = 0; walk.node < count; walk.node++)
    if (info->fields[walk.node].expr != NULL) tree_expr_walk(info->fields[walk.node].expr, computed_needs, &walk);
  uint32_t *order = arena_array(&c->scratch, uint32_t, count + 1);
  bool *in_circle = arena_array(&c->scratch, bool, count + 1), *told = arena_array(&c->scratch, bool, count + 1);
  uint32_t ordered = name_graph_order(&graph, order, in_circle);
  for (uint32_t n = 0; n < count && ordered < count; n++) {
    if (!in_circle[n] || told[n]) continue;
    uint32_t circle[CHECK_CIRCLE_MAX], length = name_graph_circle(&graph, n, circle, CHECK_CIRCLE_MAX);
    uint32_t listed = length < CHECK_CIRCLE_MAX ? length : CHECK_CIRCLE_MAX;
    struct slice names[CHECK_CIRCLE_MAX];
    for (uint32_t i = 0; i < listed; i++) {
      names[i] = info->fields[circle[i]].name;
      told[circle[i]] = true;
    }
    if (length > 0)
      check_say(c, event->fields[n].name.span, "circle", NULL, "a computed field cannot read itself: %s",
                check_circle_text(c, names, listed, length));
  }
  info->computed_order = arena_array(c->arena, uint16_t, count + 1);
  struct scope scope = {.place = "in a computed field",
                        .types = &info->id,
                        .type_count = 1,
                        .step = -1,
                        .counters = COUNTERS_NONE,
                        .counters_why = "a computed field reads its own event only",
                        .no_lookups = true};
  for (uint32_t i = 0; i < ordered; i++) {
    struct type_field *field = &info->fields[order[i]];
    if (field->expr == NULL) continue;
    info->computed_order[info->computed_count++] = (uint16_t)order[i];
    struct type type = check_expr(c, &scope, field->expr);
    struct secret_info secret = tree_expr_secret(c->tree, NULL, &info->id, 1, field->expr);
    field->secret = secret.form; /* a copy of a secret is one */
    field->mask_head = secret.mask_head;
    field->mask_tail = secret.mask_tail;
    if (!check_cast(field->expr, field->type))
      check_say(c, field->expr->span, "type-mismatch", NULL, "`" SLICE_FMT "` is %s, its expression is %s",
                SLICE_ARG(field->name), TYPE_TEXT(field->type), TYPE_TEXT(type));
  }
}

static void check_event_clauses(struct checker *c, struct event_tree *event, struct type_info *info) {
  if (name_given(&event->unique)) {
    info->unique_field = check_field(c, info->id, &event->unique);
    if (info->unique_field >= 0 && info->fields[info->unique_field].type.kind == VALUE_LIST)
      check_say(c, event->unique.span, "type", NULL, "a list cannot be the id of an event");
    if (event->unique_us <= 0)
      check_say(c, event->unique.span, "range", "as `unique id for 10m`", "an id is unique for more than no time");
  }
  if (event->watermark_when != NULL) {
    struct scope scope = {.place = "in `watermark when`",
                          .types = &info->id,
                          .type_count = 1,
                          .step = -1,
                          .counters = COUNTERS_NONE,
                          .counters_why = "`watermark when` reads its own event only",
                          .no_lookups = true};
    check_condition(c, &scope, event->watermark_when, "the condition of `watermark when`");
  }
  struct span clock = event->clause_span[EVENT_CLAUSE_CLOCK], jump = event->clause_span[EVENT_CLAUSE_JUMP];
  if (clock.line > 0 && event->ahead_us < 0 && event->behind_us < 0)
    check_say(c, clock, "clock", "as `clock ahead 1m behind 1d`", "`clock` says how far ahead or behind");
  if (event->jump_us == 0)
    check_say(c, jump.line > 0 ? jump : event->name.span, "range", "as `jump 1h confirm 3`",
              "a jump is longer than no time");
  if (event->jump_us > 0 && (event->jump_confirm < 1 || event->jump_confirm > 1000))
    check_say(c, jump.line > 0 ? jump : event->name.span, "range", "as `jump 1h confirm 3`",
              "a jump is confirmed by 1 to 1000 events");
}

void check_source_event(struct checker *c, struct event_tree *event) {
  struct type_info *info = &c->tree->types[event->schema];
  uint16_t count = 0;
  if (event->field_count > CHECK_FIELDS_MAX) {
    check_say(c, event->name.span, "too-many", NULL, "an event type has at most %d fields", CHECK_FIELDS_MAX);
    return;
  }
  struct type_field *fields = arena_array(c->arena, struct type_field, event->field_count + 1u);
  struct name_map seen;
  name_map_init(&seen, &c->scratch);
  for (uint16_t i = 0; i < event->field_count; i++) {
    struct field_tree *field = &event->fields[i];
    struct type type = field->type;
    if (!check_value_type(c, field->type_span, type, field->unit, true)) type = TYPE_BAD;
    if (name_map_put(&seen, field->name.text, i) != NAME_ABSENT)
      check_say(c, field->name.span, "duplicate-name", NULL, "`" SLICE_FMT "` has two fields `" SLICE_FMT "`",
                SLICE_ARG(event->name.text), SLICE_ARG(field->name.text));
    check_field_words(c, field, type);
    fields[count++] = (struct type_field){.name = field->name.text,
                                          .type = type,
                                          .secret = field->secret,
                                          .mask_head = field->mask_head,
                                          .mask_tail = field->mask_tail,
                                          .expr = field->computed,
                                          .tree = field};
  }
  if (count == 0)
    check_say(c, event->name.span, "no-fields", NULL, "`" SLICE_FMT "` has no fields", SLICE_ARG(event->name.text));
  check_type_fields(c, info->id, fields, count);
  check_event_time(c, event, info);
  check_event_clauses(c, event, info);
  check_computed(c, event, info);
}

/* Two event types must not have one name in the records. */
static void check_record_names(struct checker *c) {
  struct name_map names;
  name_map_init(&names, &c->scratch);
  for (uint32_t i = 0; i < c->events.count; i++) {
    const struct event_tree *event = c->events.decls[i]->event;
    if (event->derived) continue;
    bool named = event->named.data != NULL && event->named.length > 0;
    struct slice name = named ? event->named : event->name.text;
    int64_t old = name_map_put(&names, name, i);
    if (old == NAME_ABSENT) continue;
    struct span at =
        event->clause_span[EVENT_CLAUSE_NAMED].line > 0 ? event->clause_span[EVENT_CLAUSE_NAMED] : event->name.span;
    check_say(c, at, "duplicate-name", NULL,
              "records of `" SLICE_FMT "` are called \"" SLICE_FMT "\", as those of `" SLICE_FMT "`",
              SLICE_ARG(event->name.text), SLICE_ARG(name), SLICE_ARG(c->events.decls[old]->event->name.text));
  }
}

/* ---- lists and tables ---- */

/* `from file ""` */
static void check_file(struct checker *c, struct slice file, struct span span) {
  if (file.data != NULL && file.length == 0) check_say(c, span, "range", NULL, "the name of the file is empty");
}

static void check_list(struct checker *c, struct list_tree *list) {
  check_file(c, list->file, list->file_span);
  if (!check_value_type(c, list->name.span, list->type, list->unit, false)) {
    list->type = TYPE_BAD;
    return;
  }
  if (list->type.kind == VALUE_BOOL)
    check_say(c, list->name.span, "type", "compare with `==`", "a list of bools is of no use");
  if (list->ttl_us == 0) check_say(c, list->name.span, "range", NULL, "an entry stays for more than no time");
  if (list->visible_after_us == 0)
    check_say(c, list->name.span, "range", "as `visible after 1s`", "an entry is visible after more than no time");
  for (uint32_t i = 0; i < list->item_count; i++) {
    check_literal(c, list->items[i], list->type, true,
                  check_text(c, "the list `" SLICE_FMT "`", SLICE_ARG(list->name.text)));
    if (list->items[i]->kind == TREE_LITERAL && value_is_null(list->items[i]->value))
      check_say(c, list->items[i]->span, "type", "ask with `is null`", "null is no entry of a list");
  }
}

/* Columns of a table or lookup: names once, types of single values or lists. */
static void check_columns(struct checker *c, const char *what, struct slice owner, struct column_tree *columns,
                          uint16_t count) {
  struct name_map seen;
  name_map_init(&seen, &c->scratch);
  for (uint16_t i = 0; i < count; i++) {
    if (name_map_put(&seen, columns[i].name.text, i) != NAME_ABSENT)
      check_say(c, columns[i].name.span, "duplicate-name", NULL, "%s `" SLICE_FMT "` has two columns `" SLICE_FMT "`",
                what, SLICE_ARG(owner), SLICE_ARG(columns[i].name.text));
    if (!check_value_type(c, columns[i].name.span, columns[i].type, columns[i].unit, false)) columns[i].type = TYPE_BAD;
  }
  if (count > CHECK_FIELDS_MAX)
    check_say(c, columns[0].name.span, "too-many", NULL, "%s has at most %d columns", what, CHECK_FIELDS_MAX);
}

void check_table_event(struct checker *c, struct table_tree *table) {
  int32_t type = check_type_id(c, &table->from_event);
  table->key_type = TYPE_BAD;
  table->key_type_known = true;
  if (type < 0) return;
  const struct type_info *info = &c->tree->types[type];
  int32_t key = check_field(c, (uint16_t)type, &table->key);
  if (key >= 0) table->key_type = info->fields[key].type;
  for (uint16_t i = 0; i < table->column_count; i++) {
    struct column_tree *column = &table->columns[i];
    int32_t field = check_field(c, (uint16_t)type, &column->name);
    if (field < 0 || type_bad(column->type) || type_bad(info->fields[field].type)) continue;
    if (!type_equal(column->type, info->fields[field].type))
      check_say(c, column->name.span, "type-mismatch", NULL, "`" SLICE_FMT "` is %s in `" SLICE_FMT "`, not %s",
                SLICE_ARG(column->name.text), TYPE_TEXT(info->fields[field].type), SLICE_ARG(info->name),
                TYPE_TEXT(column->type));
  }
}

static void check_table_declaration(struct checker *c, struct table_tree *table) {
  check_file(c, table->file, table->file_span);
  check_columns(c, "the table", table->name.text, table->columns, table->column_count);
  if (table->column_count == 0)
    check_say(c, table->name.span, "no-fields", "as `{ bank string }`", "the table `" SLICE_FMT "` has no columns",
              SLICE_ARG(table->name.text));
  if (table->ttl_us == 0) check_say(c, table->name.span, "range", NULL, "a row stays for more than no time");
  table->key_type = TYPE(VALUE_STRING);
  for (uint16_t i = 0; i < table->column_count; i++)
    if (slice_equal(table->columns[i].name.text, table->key.text)) {
      table->key_type = table->columns[i].type;
      table->key_type_known = true;
    }
  if (!name_given(&table->from_event)) return;
  int64_t type = name_map_get(&c->type_ids, table->from_event.text);
  table->key_type_known = true;
  if (type == NAME_ABSENT || c->types_known[type])
    check_table_event(c, table);
  else
    table->key_type = TYPE_BAD; /* the fields of derived events come later: check_stages() asks again */
}

void check_lists_and_tables(struct checker *c) {
  check_record_names(c);
  for (uint32_t i = 0; i < c->lists.count; i++) check_list(c, c->lists.decls[i]->list);
  for (uint32_t i = 0; i < c->tables.count; i++) check_table_declaration(c, c->tables.decls[i]->table);
}

/* ---- lookups and models ---- */

static void check_lookup(struct checker *c, struct lookup_tree *lookup) {
  check_columns(c, "the lookup", lookup->name.text, lookup->columns, lookup->column_count);
  if (lookup->column_count == 0)
    check_say(c, lookup->name.span, "no-fields", "as `{ tier string }`", "the lookup `" SLICE_FMT "` has no fields",
              SLICE_ARG(lookup->name.text));
  if (lookup->timeout_us == 0) check_say(c, lookup->name.span, "range", NULL, "a lookup waits for more than no time");
  struct name_map seen;
  name_map_init(&seen, &c->scratch);
  for (uint16_t i = 0; i < lookup->default_count; i++) {
    const struct tree_entry *entry = &lookup->defaults[i];
    if (name_map_put(&seen, entry->name.text, i) != NAME_ABSENT)
      check_say(c, entry->name.span, "duplicate-name", NULL, "`" SLICE_FMT "` stands twice in `default`",
                SLICE_ARG(entry->name.text));
    struct slice *names = arena_array(&c->scratch, struct slice, lookup->column_count + 1u);
    const struct column_tree *column = NULL;
    for (uint16_t k = 0; k < lookup->column_count; k++) {
      names[k] = lookup->columns[k].name.text;
      if (slice_equal(names[k], entry->name.text)) column = &lookup->columns[k];
    }
    if (column != NULL)
      check_literal(c, entry->expr, column->type, false,
                    check_text(c, "`" SLICE_FMT "`", SLICE_ARG(column->name.text)));
    else
      check_say(c, entry->name.span, "unknown-field",
                check_near(c, entry->name.text, names, lookup->column_count, NULL),
                "the lookup `" SLICE_FMT "` has no `" SLICE_FMT "`", SLICE_ARG(lookup->name.text),
                SLICE_ARG(entry->name.text));
  }
  size_t open = 0;
  for (size_t i = 0; i < lookup->pattern.length; i++) {
    char byte = lookup->pattern.data[i];
    if ((byte == '{' && open++ > 0) || (byte == '}' && open-- == 0)) open = 2;
    if (open > 1) break;
  }
  if (open != 0)
    check_say(c, lookup->name.span, "template", "as \"profile:{user_id}\"",
              "the braces in the lookup's pattern do not fit");
}

static void check_model(struct checker *c, struct model_tree *model) {
  struct name_map seen;
  name_map_init(&seen, &c->scratch);
  for (uint16_t i = 0; i < model->in_count; i++)
    if (name_map_put(&seen, model->in[i].text, i) != NAME_ABSENT)
      check_say(c, model->in[i].span, "duplicate-name", NULL, "`" SLICE_FMT "` is an input twice",
                SLICE_ARG(model->in[i].text));
  if (!check_value_type(c, model->out.span, model->out_type, model->out_unit, false)) model->out_type = TYPE_BAD;
  if (c->lookups.count > 0 && check_symbol(&c->lookups, model->name.text) != NULL)
    check_say(c, model->name.span, "duplicate-name", "rename one of them", "`" SLICE_FMT "` is a lookup and a model",
              SLICE_ARG(model->name.text));
}

void check_lookups_and_models(struct checker *c) {
  for (uint32_t i = 0; i < c->lookups.count; i++) check_lookup(c, c->lookups.decls[i]->lookup);
  for (uint32_t i = 0; i < c->models.count; i++) check_model(c, c->models.decls[i]->model);
}

/* ---- keys ---- */

int32_t check_key_part(const struct key_tree *key, struct slice name) {
  for (uint16_t i = 0; i < key->part_count; i++)
    if (slice_equal(key->parts[i].name.text, name)) return i;
  return -1;
}

/* The field of one part in one type; -1 = said or unknown. */
static int32_t part_field(struct checker *c, struct key_part *part, uint16_t type) {
  const struct type_info *info = &c->tree->types[type];
  if (part->path_count == 0) return check_field(c, type, &part->name);
  for (uint16_t p = 0; p < part->path_count; p++)
    if (slice_equal(part->paths[p].event.text, info->name)) return check_field(c, type, &part->paths[p].field);
  check_say(c, part->name.span, "key",
            check_text(c, "add it: `" SLICE_FMT ": …, " SLICE_FMT ".field`", SLICE_ARG(part->name.text),
                       SLICE_ARG(info->name)),
            "the key `" SLICE_FMT "` does not say the field in `" SLICE_FMT "`", SLICE_ARG(part->name.text),
            SLICE_ARG(info->name));
  return -1;
}

/* The field of a type that only counters read: it is there (the type of the part is checked where they are). */
static void counted_path(struct checker *c, const struct key_part *part, uint16_t path) {
  int64_t type = name_map_get(&c->type_ids, part->paths[path].event.text);
  if (type != NAME_ABSENT) check_field(c, (uint16_t)type, &part->paths[path].field);
}

static void check_part_paths(struct checker *c, const struct key_part *part, const uint16_t *types,
                             uint16_t type_count) {
  for (uint16_t p = 0; p < part->path_count; p++) {
    const struct name *event = &part->paths[p].event;
    for (uint16_t before = 0; before < p; before++)
      if (slice_equal(part->paths[before].event.text, event->text)) {
        check_say(c, event->span, "duplicate-name", NULL, "`" SLICE_FMT "` stands twice in the key `" SLICE_FMT "`",
                  SLICE_ARG(event->text), SLICE_ARG(part->name.text));
        return;
      }
    struct slice *names = arena_array(&c->scratch, struct slice, type_count + 1u);
    bool used = false;
    for (uint16_t i = 0; i < type_count; i++) {
      names[i] = c->tree->types[types[i]].name;
      if (slice_equal(names[i], event->text)) used = true;
    }
    if (!used && c->rule != NULL && check_rule_reads(c, c->rule, event->text)) {
      counted_path(c, part, p);
      continue;
    }
    if (!used)
      check_say(c, event->span, "key",
                check_near(c, event->text, names, type_count, check_near_symbol(c, event->text, &c->events, NULL)),
                c->rule != NULL ? "this rule reads no event `" SLICE_FMT "`" : "`" SLICE_FMT "` is no event type here",
                SLICE_ARG(event->text));
  }
}

void check_key(struct checker *c, struct key_tree *key, const uint16_t *types, uint16_t type_count) {
  if (key->part_count > LIMIT_KEY_PARTS) {
    check_say(c, key->span, "range", NULL, "a key has at most %d parts, this one %d", (int)LIMIT_KEY_PARTS,
              (int)key->part_count);
    key->part_count = LIMIT_KEY_PARTS; /* the others are not looked at */
  }
  for (uint16_t i = 0; i < key->part_count; i++) {
    struct key_part *part = &key->parts[i];
    part->type = TYPE_BAD;
    part->fields = arena_array(c->arena, uint16_t, type_count + 1u);
    for (uint16_t before = 0; before < i; before++)
      if (slice_equal(key->parts[before].name.text, part->name.text)) {
        check_say(c, part->name.span, "duplicate-name", NULL, "the key has two parts `" SLICE_FMT "`",
                  SLICE_ARG(part->name.text));
        break;
      }
    check_part_paths(c, part, types, type_count);
    bool good = true;
    for (uint16_t t = 0; t < type_count; t++) {
      const struct type_info *info = &c->tree->types[types[t]];
      int32_t field = part_field(c, part, types[t]);
      if (field < 0) {
        good = false;
        continue;
      }
      struct type type = info->fields[field].type;
      part->fields[t] = (uint16_t)field;
      if (type_bad(type)) good = false;
      if (good && type.kind == VALUE_LIST) {
        check_say(c, part->name.span, "key", NULL, "a list cannot be a key, and `" SLICE_FMT "` is %s",
                  SLICE_ARG(part->name.text), TYPE_TEXT(type));
        good = false;
      }
      if (good && !type_bad(part->type) && !type_equal(part->type, type)) {
        check_say(c, part->name.span, "type-mismatch", "equal keys need equal types",
                  "the key `" SLICE_FMT "` is %s in `" SLICE_FMT "` and %s in `" SLICE_FMT "`",
                  SLICE_ARG(part->name.text), TYPE_TEXT(part->type), SLICE_ARG(c->tree->types[types[0]].name),
                  TYPE_TEXT(type), SLICE_ARG(info->name));
        good = false;
      }
      if (good) part->type = type;
    }
    if (!good) part->type = TYPE_BAD;
  }
}

/* ---- groups and actions ---- */

void check_action(struct checker *c, const struct name *action) {
  if (action_rank(c->actions, action->text) >= 0) return;
  uint16_t count = action_count(c->actions);
  struct slice *names = arena_array(&c->scratch, struct slice, count + 1u);
  for (uint16_t i = 0; i < count; i++) names[i] = action_name(c->actions, i);
  check_say(c, action->span, "unknown-action",
            check_near(c, action->text, names, count, "rank it: `actions block > … > alert`"),
            "there is no action `" SLICE_FMT "`", SLICE_ARG(action->text));
}

static void check_actions(struct checker *c) {
  for (uint32_t i = 0; i < c->tree->decl_count; i++) {
    if (c->tree->decls[i].kind != DECL_ACTIONS) continue;
    struct actions_tree *actions = c->tree->decls[i].actions;
    if (c->actions != NULL) {
      check_say(c, actions->span, "duplicate-name",
                check_text(c, "the first is at %s", check_place(c, c->actions->span)), "actions are ranked twice");
      continue;
    }
    c->tree->actions = c->actions = actions;
    for (uint16_t k = 0; k < actions->count; k++)
      for (uint16_t before = 0; before < k; before++)
        if (slice_equal(actions->names[before].text, actions->names[k].text)) {
          check_say(c, actions->names[k].span, "duplicate-name", NULL, "the action `" SLICE_FMT "` is ranked twice",
                    SLICE_ARG(actions->names[k].text));
          break;
        }
  }
}

static void check_group_key_form(struct checker *c, const struct group_tree *group) {
  if (group->key == NULL || group->key->none || group->key->part_count == 0) {
    check_say(c, group->key != NULL && group->key->span.line > 0 ? group->key->span : group->name.span, "key",
              "as `key user_id`, a field of its rules' alerts", "the group `" SLICE_FMT "` has no key",
              SLICE_ARG(group->name.text));
    return;
  }
  for (uint16_t i = 0; i < group->key->part_count; i++) {
    const struct key_part *part = &group->key->parts[i];
    for (uint16_t before = 0; before < i; before++)
      if (slice_equal(group->key->parts[before].name.text, part->name.text)) {
        check_say(c, part->name.span, "duplicate-name", NULL,
                  "the key of the group `" SLICE_FMT "` has two parts `" SLICE_FMT "`", SLICE_ARG(group->name.text),
                  SLICE_ARG(part->name.text));
        break;
      }
    if (part->path_count > 0)
      check_say(
          c, part->name.span, "key",
          check_text(c, "as `key " SLICE_FMT "`, which each rule emits or has as its key", SLICE_ARG(part->name.text)),
          "the key of the group `" SLICE_FMT "` is a field of its rules' alerts, not of events",
          SLICE_ARG(group->name.text));
  }
}

static void check_group_rule(struct checker *c, const struct group_tree *group, const struct name *name) {
  const struct decl *decl = check_symbol(&c->rules, name->text);
  if (decl == NULL) {
    bool is_group = check_symbol(&c->groups, name->text) != NULL;
    check_say(c, name->span, "unknown-rule",
              is_group ? "name the rules of that group" : check_near_symbol(c, name->text, &c->rules, NULL),
              is_group ? "the group `" SLICE_FMT "` adds up rules, and `" SLICE_FMT "` is a group"
                       : "the group `" SLICE_FMT "` names a rule `" SLICE_FMT "` that is not there",
              SLICE_ARG(group->name.text), SLICE_ARG(name->text));
  } else if (!(decl->rule->given >> CLAUSE_SCORE & 1)) {
    check_say(c, name->span, "score",
              check_text(c, "add `score 10` to the rule `" SLICE_FMT "`", SLICE_ARG(name->text)),
              "`" SLICE_FMT "` has no score for the group `" SLICE_FMT "` to add up", SLICE_ARG(name->text),
              SLICE_ARG(group->name.text));
  }
}

static void check_group_bands(struct checker *c, const struct group_tree *group) {
  for (uint16_t i = 0; i < group->band_count; i++) {
    const struct band_tree *band = &group->bands[i];
    check_action(c, &band->action);
    if (band->for_us == 0)
      check_say(c, band->action.span, "range",
                check_text(c, "as `" SLICE_FMT " at %" PRId64 " for 24h`", SLICE_ARG(band->action.text), band->at),
                "an action lasts for more than no time");
    for (uint16_t before = 0; before < i; before++)
      if (group->bands[before].at == band->at) {
        check_say(c, band->action.span, "duplicate-name", NULL,
                  "two bands of the group `" SLICE_FMT "` begin at %" PRId64, SLICE_ARG(group->name.text), band->at);
        break;
      }
    if (group->score_max >= 0 && band->at > group->score_max)
      check_say(c, band->action.span, "range", NULL,
                "the score of the group `" SLICE_FMT "` goes to %" PRId64 ", this band begins at %" PRId64,
                SLICE_ARG(group->name.text), group->score_max, band->at);
  }
}

static void check_group(struct checker *c, struct group_tree *group) {
  struct name_map seen;
  name_map_init(&seen, &c->scratch);
  check_group_key_form(c, group);
  if (group->over_us <= 0)
    check_say(c, group->name.span, "range", "as `over 24h`",
              "the group `" SLICE_FMT "` looks back over more than no time", SLICE_ARG(group->name.text));
  if (group->decay_us == 0)
    check_say(c, group->name.span, "range", "as `decay 1h`: a score halves every hour",
              "scores of the group `" SLICE_FMT "` decay over more than no time", SLICE_ARG(group->name.text));
  for (uint16_t i = 0; i < group->rule_count; i++) {
    const struct name *name = &group->rules[i];
    if (name_map_put(&seen, name->text, i) != NAME_ABSENT)
      check_say(c, name->span, "duplicate-name", NULL, "`" SLICE_FMT "` stands twice in the group `" SLICE_FMT "`",
                SLICE_ARG(name->text), SLICE_ARG(group->name.text));
    else
      check_group_rule(c, group, name);
  }
  check_group_bands(c, group);
  for (uint16_t i = 0; i < group->to_count; i++)
    if (slice_equal(group->to[i].text, SLICE("nothing")))
      check_say(c, group->to[i].span, "sink", "a group is only there to be told: leave `to` out, or name a sink",
                "the group `" SLICE_FMT "` would be of no use", SLICE_ARG(group->name.text));
}

void check_groups_and_actions(struct checker *c) {
  check_actions(c);
  for (uint32_t i = 0; i < c->groups.count; i++) check_group(c, c->groups.decls[i]->group);
}
