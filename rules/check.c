/* check.c - the checker's order of work, its symbols and its messages.
 *
 * Declarations are checked in the order in which they need each other: source events, lets, what has no events; then
 * derived events, rules and counters, each after those whose fields it reads (a rule's alerts may be events); then what
 * looks at whole rules (groups, tests, circles through lists). Called by rules/load and by whoever has a parsed tree.
 */
#include "base/limits.h"
#include "base/utf8.h"
#include "rules/check_private.h"

enum { SCRATCH_CHUNK_BYTES = 1 << 16, LOCAL_CHUNK_BYTES = 1 << 12, NAMES_SHOWN_MAX = 8 };

/* ---- messages ---- */

const char *check_text(struct checker *c, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *text = arena_vprintf(&c->scratch, format, arguments);
  va_end(arguments);
  return text;
}

void check_say(struct checker *c, struct span span, const char *code, const char *hint, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const char *text = arena_vprintf(&c->scratch, format, arguments);
  va_end(arguments);
  if (c->in_let.length > 0) {
    const char *said = check_text(c, "%u:%u:%u %s", span.file, span.line, span.column, text);
    if (name_map_put(&c->said_of_lets, slice_of(said), 0) != NAME_ABSENT) return;
    text = check_text(c, "%s (in `let " SLICE_FMT "`, used at %s)", text, SLICE_ARG(c->in_let),
                      check_place(c, c->let_use));
  }
  diag_add(c->diags, DIAG_ERROR, span, code, hint, "%s", text);
}

const char *check_near(struct checker *c, struct slice wrong, const struct slice *names, size_t count,
                       const char *other) {
  struct slice near = count == 0 ? (struct slice){0} : diag_nearest(wrong, names, count);
  if (near.length == 0 || slice_equal(near, wrong)) return other;
  return check_text(c, "did you mean `" SLICE_FMT "`?", SLICE_ARG(near));
}

const char *check_place(struct checker *c, struct span span) {
  if (span.line == 0 || span.file >= c->tree->file_count) return "elsewhere";
  struct slice file = c->tree->files[span.file].name;
  return check_text(c, SLICE_FMT ":%" PRIu32, SLICE_ARG(file), span.line);
}

struct span check_part_at(const struct checker *c, struct span within, struct slice part) {
  if (within.file >= c->tree->file_count) return within;
  struct slice text = c->tree->files[within.file].text;
  if (text.data == NULL || part.data < text.data || part.data > text.data + text.length) return within;
  const char *line = text.data;
  uint32_t number = 1;
  for (const char *end; (end = memchr(line, '\n', (size_t)(part.data - line))) != NULL; number++) line = end + 1;
  if (number == 1 && text.length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) line += 3; /* a byte order mark */
  size_t column = 1 + utf8_count((struct slice){line, (size_t)(part.data - line)});
  return span_at(within.file, number, (uint32_t)column, (uint32_t)utf8_count(part));
}

/* The same place in two files with the same text: most likely they are one. */
static bool given_twice(const struct checker *c, struct span a, struct span b) {
  if (a.file == b.file || a.line != b.line || a.column != b.column || c->diags->error_count >= LIMIT_RULE_ERRORS)
    return false;
  if (a.file >= c->tree->file_count || b.file >= c->tree->file_count) return false;
  return slice_equal(c->tree->files[a.file].text, c->tree->files[b.file].text);
}

const char *check_circle_text(struct checker *c, const struct slice *names, uint32_t count, uint32_t length) {
  const char *text = "";
  for (uint32_t i = 0; i < count; i++) text = check_text(c, "%s`" SLICE_FMT "` -> ", text, SLICE_ARG(names[i]));
  if (length > count) text = check_text(c, "%s… -> ", text);
  return check_text(c, "%s`" SLICE_FMT "`", text, SLICE_ARG(names[0]));
}

/* ---- symbols ---- */

static const struct name *decl_name(const struct decl *decl) {
  switch (decl->kind) {
  case DECL_EVENT: return &decl->event->name;
  case DECL_LIST: return &decl->list->name;
  case DECL_TABLE: return &decl->table->name;
  case DECL_LOOKUP: return &decl->lookup->name;
  case DECL_MODEL: return &decl->model->name;
  case DECL_COUNTER: return &decl->counter->name;
  case DECL_LET: return &decl->let->name;
  case DECL_RULE: return &decl->rule->name;
  case DECL_GROUP: return &decl->group->name;
  case DECL_ACTIONS:
  case DECL_TEST: break;
  }
  return NULL;
}

static struct symbols *decl_symbols(struct checker *c, enum decl_kind kind, const char **what) {
  switch (kind) {
  case DECL_EVENT: *what = "event type"; return &c->events;
  case DECL_LIST: *what = "list"; return &c->lists;
  case DECL_TABLE: *what = "table"; return &c->tables;
  case DECL_LOOKUP: *what = "lookup"; return &c->lookups;
  case DECL_MODEL: *what = "model"; return &c->models;
  case DECL_COUNTER: *what = "counter"; return &c->counters;
  case DECL_LET: *what = "let"; return &c->lets;
  case DECL_RULE: *what = "rule"; return &c->rules;
  case DECL_GROUP: *what = "group"; return &c->groups;
  case DECL_ACTIONS:
  case DECL_TEST: break;
  }
  return NULL;
}

const struct decl *check_symbol(const struct symbols *symbols, struct slice name) {
  int64_t index = name_map_get(&symbols->map, name);
  return index == NAME_ABSENT ? NULL : symbols->decls[index];
}

const char *check_near_symbol(struct checker *c, struct slice wrong, const struct symbols *symbols, const char *other) {
  struct slice *names = arena_array(&c->scratch, struct slice, symbols->count + 1);
  for (uint32_t i = 0; i < symbols->count; i++) names[i] = decl_name(symbols->decls[i])->text;
  return check_near(c, wrong, names, symbols->count, other);
}

static void add_symbol(struct symbols *symbols, struct arena *arena, const struct decl *decl) {
  if (symbols->count == symbols->capacity) {
    uint32_t capacity = symbols->capacity == 0 ? 32 : symbols->capacity * 2;
    const struct decl **decls = arena_array(arena, const struct decl *, capacity);
    if (symbols->count > 0) memcpy(decls, symbols->decls, symbols->count * sizeof *decls);
    symbols->decls = decls;
    symbols->capacity = capacity;
  }
  symbols->decls[symbols->count++] = decl;
}

static bool built_in_type(struct slice name) {
  return slice_equal(name, SLICE("rule_minute")) || slice_equal(name, SLICE("label"));
}

static void collect_symbols(struct checker *c) {
  struct symbols *all[] = {&c->events, &c->rules,    &c->lists, &c->tables, &c->lookups,
                           &c->models, &c->counters, &c->lets,  &c->groups};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) name_map_init(&all[i]->map, &c->scratch);
  for (uint32_t i = 0; i < c->tree->decl_count; i++) {
    const struct decl *decl = &c->tree->decls[i];
    const char *what = NULL;
    struct symbols *symbols = decl_symbols(c, decl->kind, &what);
    if (symbols == NULL) continue;
    const struct name *name = decl_name(decl);
    if (decl->kind == DECL_EVENT && built_in_type(name->text)) {
      check_say(c, name->span, "built-in-name",
                "call it something else, and say its name in the records: `named \"…\"`",
                "`" SLICE_FMT "` is a built-in event type", SLICE_ARG(name->text));
      continue;
    }
    int64_t old = name_map_put(&symbols->map, name->text, symbols->count);
    if (old != NAME_ABSENT) {
      const struct name *first = decl_name(symbols->decls[old]);
      check_say(c, name->span, "duplicate-name",
                given_twice(c, first->span, name->span)
                    ? "the same file is given twice: by its name, and in a folder or under another name"
                    : check_text(c, "the first is at %s", check_place(c, first->span)),
                "%s `" SLICE_FMT "` is declared twice", what, SLICE_ARG(name->text));
      continue;
    }
    add_symbol(symbols, &c->scratch, decl);
  }
  for (uint32_t i = 0; i < c->rules.count; i++) {
    const struct name *name = decl_name(c->rules.decls[i]);
    const struct decl *event = check_symbol(&c->events, name->text);
    if (event != NULL || built_in_type(name->text))
      check_say(c, name->span, "duplicate-name", "a rule's alerts are events under its name: rename one of them",
                "`" SLICE_FMT "` is an event type too", SLICE_ARG(name->text));
  }
  for (uint32_t i = 0; i < c->groups.count; i++) {
    const struct name *name = decl_name(c->groups.decls[i]);
    if (check_symbol(&c->rules, name->text) != NULL)
      check_say(c, name->span, "duplicate-name", "alerts say who made them by its name: rename one of them",
                "`" SLICE_FMT "` is a rule too", SLICE_ARG(name->text));
  }
}

/* ---- what names which event types and counters: walked twice, for the types and for the order ---- */

struct need_walk {
  struct checker *c;
  uint32_t node; /* who needs */
  void (*type)(struct need_walk *walk, const struct name *name);
  void (*bare)(struct need_walk *walk, struct slice name); /* a path of one part; may be NULL */
  struct name_graph *graph;
  struct name_map *extra; /* types beside the declared ones */
  struct slice *extra_names;
  uint32_t extra_count, extra_capacity, first_counter;
};

static void need_in_expr(void *context, struct tree_expr *expr) {
  struct need_walk *walk = context;
  if (expr->kind == TREE_COUNTING && expr->counting->of != NULL) walk->type(walk, &expr->counting->of->event);
  if (expr->kind == TREE_SEEN && expr->seen_of != NULL) walk->type(walk, &expr->seen_of->event);
  if (expr->kind == TREE_PATH && expr->part_count == 1 && walk->bare != NULL) walk->bare(walk, expr->parts[0].text);
}

static void need_expr(struct need_walk *walk, struct tree_expr *expr) {
  if (expr != NULL) tree_expr_walk(expr, need_in_expr, walk);
}

static void need_element(struct need_walk *walk, struct element *element) {
  if (name_given(&element->use.event)) walk->type(walk, &element->use.event);
  need_expr(walk, element->use.condition);
  need_expr(walk, element->among);
  need_expr(walk, element->until);
  for (uint16_t i = 0; i < element->child_count; i++) need_element(walk, element->children[i]);
}

static void need_rule(struct need_walk *walk, struct rule_tree *rule) {
  if (rule->given >> CLAUSE_ON & 1) {
    walk->type(walk, &rule->on.event);
    need_expr(walk, rule->on.condition);
  }
  need_expr(walk, rule->when);
  if (rule->pattern != NULL) need_element(walk, rule->pattern);
  for (uint16_t i = 0; i < rule->emit_count; i++) need_expr(walk, rule->emit[i].expr);
  need_expr(walk, rule->suppress_unless);
}

static void need_derived(struct need_walk *walk, struct event_tree *event) {
  for (uint16_t i = 0; i < event->from_count; i++) walk->type(walk, &event->from[i]);
  if (event->join) {
    walk->type(walk, &event->join_left_event);
    walk->type(walk, &event->join_right_event);
  }
  need_expr(walk, event->where);
  if (event->window != NULL) need_expr(walk, event->window->early_when);
  for (uint16_t i = 0; i < event->entry_count; i++) need_expr(walk, event->entries[i].expr);
}

/* ---- event types that only counters read ---- */

struct count_walk {
  struct need_walk walk; /* first: what is called back gets its address */
  struct slice wanted;
  bool found;
};

static void count_type(struct need_walk *walk, const struct name *name) {
  struct count_walk *count = (struct count_walk *)walk;
  count->found |= slice_equal(name->text, count->wanted);
}

static void count_bare(struct need_walk *walk, struct slice name) {
  struct checker *c = walk->c;
  const struct decl *counter = check_symbol(&c->counters, name);
  if (counter != NULL) need_expr(walk, counter->counter->counting);
  int64_t let = name_map_get(&c->lets.map, name);
  if (let != NAME_ABSENT && c->let_bodies[let] != NULL) need_expr(walk, c->let_bodies[let]); /* no circles */
}

bool check_rule_reads(struct checker *c, struct rule_tree *rule, struct slice event) {
  struct count_walk count = {.walk = {.c = c, .type = count_type, .bare = count_bare}, .wanted = event};
  need_rule(&count.walk, rule);
  return count.found;
}

static void extra_type(struct need_walk *walk, const struct name *name) {
  struct checker *c = walk->c;
  if (check_symbol(&c->events, name->text) != NULL) return;
  if (!built_in_type(name->text) && check_symbol(&c->rules, name->text) == NULL) return;
  if (name_map_put(walk->extra, name->text, walk->extra_count) != NAME_ABSENT) return;
  if (walk->extra_count == walk->extra_capacity) {
    uint32_t capacity = walk->extra_capacity == 0 ? 16 : walk->extra_capacity * 2;
    struct slice *names = arena_array(&c->scratch, struct slice, capacity);
    if (walk->extra_count > 0) memcpy(names, walk->extra_names, walk->extra_count * sizeof *names);
    walk->extra_names = names;
    walk->extra_capacity = capacity;
  }
  walk->extra_names[walk->extra_count++] = name->text;
}

static void need_declaration(struct need_walk *walk, const struct decl *decl) {
  switch (decl->kind) {
  case DECL_EVENT:
    if (decl->event->derived) need_derived(walk, decl->event);
    break;
  case DECL_RULE: need_rule(walk, decl->rule); break;
  case DECL_COUNTER: need_expr(walk, decl->counter->counting); break;
  case DECL_LET: need_expr(walk, decl->let->expr); break;
  case DECL_TABLE:
    if (name_given(&decl->table->from_event)) walk->type(walk, &decl->table->from_event);
    break;
  default: break;
  }
}

/* ---- types ---- */

static int compare_slices(const void *a, const void *b) {
  return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static void built_in_fields(struct checker *c, struct type_info *type) {
  static const struct {
    const char *name;
    uint8_t kind;
  } minute[] = {{"rule", VALUE_STRING}, {"version", VALUE_INT},    {"seen", VALUE_INT},
                {"matched", VALUE_INT}, {"suppressed", VALUE_INT}, {"blocked", VALUE_INT}},
    label[] = {{"alert", VALUE_STRING}, {"key", VALUE_STRING}, {"fraud", VALUE_BOOL}};
  bool is_label = slice_equal(type->name, SLICE("label"));
  uint16_t count = is_label ? 3 : 6;
  struct type_field *fields = arena_array(c->arena, struct type_field, count);
  for (uint16_t i = 0; i < count; i++) {
    fields[i].name = slice_of(is_label ? label[i].name : minute[i].name);
    fields[i].type = TYPE(is_label ? label[i].kind : minute[i].kind);
  }
  check_type_fields(c, type->id, fields, count);
}

static void collect_types(struct checker *c) {
  struct name_map extra;
  name_map_init(&extra, &c->scratch);
  struct need_walk walk = {.c = c, .type = extra_type, .extra = &extra};
  for (uint32_t i = 0; i < c->tree->decl_count; i++) need_declaration(&walk, &c->tree->decls[i]);
  uint32_t count = c->events.count + walk.extra_count;
  if (count > CHECK_TYPES_MAX) {
    check_say(c, decl_name(c->events.decls[c->events.count - 1])->span, "too-many", NULL,
              "a rule set has at most %d event types", CHECK_TYPES_MAX);
    c->events.count = count = 0;
  }
  struct slice *names = arena_array(&c->scratch, struct slice, count + 1);
  for (uint32_t i = 0; i < count; i++)
    names[i] = i < c->events.count ? c->events.decls[i]->event->name.text : walk.extra_names[i - c->events.count];
  qsort(names, count, sizeof *names, compare_slices);
  c->tree->type_count = (uint16_t)count;
  c->tree->types = arena_array(c->arena, struct type_info, count + 1);
  c->fields = arena_array(&c->scratch, struct name_map, count + 1);
  c->types_known = arena_array(&c->scratch, bool, count + 1);
  name_map_init(&c->type_ids, &c->scratch);
  for (uint32_t i = 0; i < count; i++) {
    struct type_info *type = &c->tree->types[i];
    *type = (struct type_info){.name = names[i], .id = (uint16_t)i, .time_field = -1, .unique_field = -1};
    name_map_put(&c->type_ids, names[i], i);
    name_map_init(&c->fields[i], &c->scratch);
    const struct decl *event = check_symbol(&c->events, names[i]);
    if (event != NULL) {
      type->event = event->event;
      type->event->schema = (uint16_t)i;
      type->origin = type->event->derived ? TYPE_OF_DERIVED : TYPE_OF_SOURCE;
    } else if (built_in_type(names[i])) {
      type->origin = TYPE_BUILT_IN;
      built_in_fields(c, type);
    } else {
      type->origin = TYPE_OF_ALERTS;
      type->rule = check_symbol(&c->rules, names[i])->rule;
    }
  }
}

int32_t check_type_id(struct checker *c, const struct name *name) {
  int64_t id = name_map_get(&c->type_ids, name->text);
  if (id != NAME_ABSENT) return (int32_t)id;
  if (name->text.length == 0) return -1; /* the parser's or a circle's: said already */
  if (check_symbol(&c->lists, name->text) != NULL || check_symbol(&c->tables, name->text) != NULL) {
    check_say(c, name->span, "unknown-event", "declare it: `event NAME { … }`",
              "`" SLICE_FMT "` is a %s, not an event type", SLICE_ARG(name->text),
              check_symbol(&c->lists, name->text) != NULL ? "list" : "table");
    return -1;
  }
  if (check_symbol(&c->groups, name->text) != NULL) {
    check_say(c, name->span, "unknown-event", "act on the alerts of the rules that it adds up",
              "`" SLICE_FMT "` is a group: its alerts are told, they are no events", SLICE_ARG(name->text));
    return -1;
  }
  const char *hint = check_near_symbol(c, name->text, &c->events,
                                       check_near_symbol(c, name->text, &c->rules, "declare it: `event NAME { … }`"));
  check_say(c, name->span, "unknown-event", hint, "there is no event type `" SLICE_FMT "`", SLICE_ARG(name->text));
  return -1;
}

void check_type_fields(struct checker *c, uint16_t type, const struct type_field *fields, uint16_t count) {
  struct type_field *all = arena_array(c->arena, struct type_field, count + 1u);
  if (count > 0) memcpy(all, fields, count * sizeof *all);
  all[count] = (struct type_field){.name = SLICE("event_time"), .type = TYPE(VALUE_TIME)};
  c->tree->types[type].fields = all;
  c->tree->types[type].field_count = count;
  for (uint16_t i = 0; i < count; i++) name_map_put(&c->fields[type], fields[i].name, i);
  c->types_known[type] = true;
}

int32_t check_field_find(const struct checker *c, uint16_t type, struct slice name) {
  return (int32_t)name_map_get(&c->fields[type], name);
}

int32_t check_field_read(const struct checker *c, uint16_t type, struct slice name) {
  int32_t field = check_field_find(c, type, name);
  bool own_time = field < 0 && c->types_known[type] && slice_equal(name, SLICE("event_time"));
  return own_time ? c->tree->types[type].field_count : field;
}

const char *check_names_hint(struct checker *c, const char *what, const struct slice *names, uint16_t count) {
  const char *text = check_text(c, "its %s are", what);
  if (count == 0) return NULL;
  for (uint16_t i = 0; i < count && i < NAMES_SHOWN_MAX; i++)
    text = check_text(c, "%s%s " SLICE_FMT, text, i == 0 ? "" : ",", SLICE_ARG(names[i]));
  return count > NAMES_SHOWN_MAX ? check_text(c, "%s, …", text) : text;
}

static struct slice *field_names(struct checker *c, const struct type_info *info) {
  struct slice *names = arena_array(&c->scratch, struct slice, (size_t)info->field_count + 1);
  for (uint16_t i = 0; i < info->field_count; i++) names[i] = info->fields[i].name;
  return names;
}

const char *check_fields_hint(struct checker *c, uint16_t type) {
  const struct type_info *info = &c->tree->types[type];
  return check_names_hint(c, "fields", field_names(c, info), info->field_count);
}

const char *check_near_field(struct checker *c, struct slice wrong, uint16_t type, const char *other) {
  const struct type_info *info = &c->tree->types[type];
  const struct slice *names = field_names(c, info);
  if (other == NULL) other = check_names_hint(c, "fields", names, info->field_count);
  return check_near(c, wrong, names, info->field_count, other);
}

int32_t check_field(struct checker *c, uint16_t type, const struct name *name) {
  struct type_info *info = &c->tree->types[type];
  int32_t field = check_field_find(c, type, name->text);
  if (field >= 0) {
    info->fields[field].used = true;
    return field;
  }
  if (c->types_known[type])
    check_say(c, name->span, "unknown-field", check_near_field(c, name->text, type, NULL),
              "`" SLICE_FMT "` has no field `" SLICE_FMT "`", SLICE_ARG(info->name), SLICE_ARG(name->text));
  return -1;
}

const struct type_info *tree_type_find(const struct tree *tree, struct slice name) {
  uint32_t low = 0, high = tree->type_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = slice_compare(tree->types[middle].name, name);
    if (order == 0) return &tree->types[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

const struct rule_tree *tree_rule_find(const struct tree *tree, struct slice name) {
  uint32_t low = 0, high = tree->rule_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    int order = slice_compare(tree->rules[middle]->name.text, name);
    if (order == 0) return tree->rules[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

/* ---- sorted arrays of rules, lists, tables ---- */

static int compare_rules(const void *a, const void *b) {
  return slice_compare((*(struct rule_tree *const *)a)->name.text, (*(struct rule_tree *const *)b)->name.text);
}
static int compare_lists(const void *a, const void *b) {
  return slice_compare((*(struct list_tree *const *)a)->name.text, (*(struct list_tree *const *)b)->name.text);
}
static int compare_tables(const void *a, const void *b) {
  return slice_compare((*(struct table_tree *const *)a)->name.text, (*(struct table_tree *const *)b)->name.text);
}

static void limit_symbols(struct checker *c, struct symbols *symbols, const char *what) {
  if (symbols->count <= LIMIT_DECLARATIONS) return;
  check_say(c, decl_name(symbols->decls[LIMIT_DECLARATIONS])->span, "too-many", NULL, "a rule set has at most %d %s",
            LIMIT_DECLARATIONS, what);
  symbols->count = LIMIT_DECLARATIONS;
}

static void collect_arrays(struct checker *c) {
  struct tree *tree = c->tree;
  limit_symbols(c, &c->rules, "rules");
  limit_symbols(c, &c->lists, "lists");
  limit_symbols(c, &c->tables, "tables");
  limit_symbols(c, &c->counters, "counters");
  limit_symbols(c, &c->models, "models");
  limit_symbols(c, &c->groups, "groups");
  tree->rule_count = (uint16_t)c->rules.count;
  tree->rules = arena_array(c->arena, struct rule_tree *, c->rules.count + 1);
  for (uint16_t i = 0; i < tree->rule_count; i++) tree->rules[i] = c->rules.decls[i]->rule;
  qsort(tree->rules, tree->rule_count, sizeof *tree->rules, compare_rules);
  for (uint16_t i = 0; i < tree->rule_count; i++) tree->rules[i]->id = i;
  tree->list_count = (uint16_t)c->lists.count;
  tree->lists = arena_array(c->arena, struct list_tree *, c->lists.count + 1);
  for (uint16_t i = 0; i < tree->list_count; i++) tree->lists[i] = c->lists.decls[i]->list;
  qsort(tree->lists, tree->list_count, sizeof *tree->lists, compare_lists);
  for (uint16_t i = 0; i < tree->list_count; i++) tree->lists[i]->index = i;
  tree->table_count = (uint16_t)c->tables.count;
  tree->tables = arena_array(c->arena, struct table_tree *, c->tables.count + 1);
  for (uint16_t i = 0; i < tree->table_count; i++) tree->tables[i] = c->tables.decls[i]->table;
  qsort(tree->tables, tree->table_count, sizeof *tree->tables, compare_tables);
  for (uint16_t i = 0; i < tree->table_count; i++) tree->tables[i]->index = i;
  tree->counter_count = (uint16_t)c->counters.count;
  tree->counters = arena_array(c->arena, struct counter_tree *, c->counters.count + 1);
  for (uint16_t i = 0; i < tree->counter_count; i++) tree->counters[i] = c->counters.decls[i]->counter;
}

/* ---- the order of derived events, rules and counters ---- */

static void edge_to_type(struct need_walk *walk, const struct name *name) {
  int64_t id = name_map_get(&walk->c->type_ids, name->text);
  if (id != NAME_ABSENT) name_graph_need(walk->graph, walk->node, (uint32_t)id);
}

static void edge_to_counter(struct need_walk *walk, struct slice name) {
  struct checker *c = walk->c;
  if (walk->node < walk->first_counter) {
    int64_t counter = name_map_get(&c->counters.map, name);
    if (counter != NAME_ABSENT) name_graph_need(walk->graph, walk->node, walk->first_counter + (uint32_t)counter);
  }
  int64_t let = name_map_get(&c->lets.map, name);
  if (let == NAME_ABSENT || c->let_bodies[let] == NULL) return;
  need_expr(walk, c->let_bodies[let]); /* ends: circles have no bodies, and sizes are limited */
}

/* The messages for circles, one for each: at its first declaration in the order of names. */
static void say_circles(struct checker *c, const struct name_graph *graph, const bool *in_circle) {
  uint32_t types = c->tree->type_count, rules = c->tree->rule_count;
  bool *told = arena_array(&c->scratch, bool, graph->node_count + 1);
  for (uint32_t n = 0; n < graph->node_count; n++) {
    if (!in_circle[n] || told[n]) continue;
    uint32_t circle[CHECK_CIRCLE_MAX * 2];
    uint32_t length = name_graph_circle(graph, n, circle, CHECK_CIRCLE_MAX * 2);
    if (length == 0) continue; /* between two circles */
    uint32_t listed = length < CHECK_CIRCLE_MAX * 2 ? length : CHECK_CIRCLE_MAX * 2, count = 0;
    struct slice names[CHECK_CIRCLE_MAX * 2];
    for (uint32_t i = 0; i < listed; i++) {
      told[circle[i]] = true;
      if (circle[i] < types && c->tree->types[circle[i]].origin == TYPE_OF_ALERTS) continue; /* its rule stands here */
      names[count++] = circle[i] < types           ? c->tree->types[circle[i]].name
                       : circle[i] < types + rules ? c->tree->rules[circle[i] - types]->name.text
                                                   : decl_name(c->counters.decls[circle[i] - types - rules])->text;
    }
    struct span span = n < types           ? (c->tree->types[n].event != NULL ? c->tree->types[n].event->name.span
                                                                              : c->tree->types[n].rule->name.span)
                       : n < types + rules ? c->tree->rules[n - types]->name.span
                                           : decl_name(c->counters.decls[n - types - rules])->span;
    if (length > listed && count > 0) count--;
    check_say(c, span, "circle", "take one of them out of the circle",
              count == 1 ? "an event type cannot be made from itself: %s"
                         : "event types are made from each other in a circle: %s",
              check_circle_text(c, names, count, length > listed ? count + 1 : count));
  }
}

static void check_counter_declaration(struct checker *c, uint32_t index) {
  struct counter_tree *counter = c->counters.decls[index]->counter;
  struct scope scope = {.place = "in a counter", .step = -1, .counters = COUNTERS_NEED_OF, .counters_why = NULL};
  if (counter->counting->kind != TREE_COUNTING) {
    check_say(c, counter->counting->span, "counter", "as `counter n = count() of payment by card_id over 1h`",
              "`" SLICE_FMT "` is not a counter", SLICE_ARG(counter->name.text));
    c->counter_types[index] = TYPE_BAD;
    return;
  }
  c->counter_types[index] = check_expr(c, &scope, counter->counting);
}

static int compare_deriveds(const void *a, const void *b) {
  const struct event_tree *x = *(struct event_tree *const *)a, *y = *(struct event_tree *const *)b;
  if (x->stage != y->stage) return x->stage < y->stage ? -1 : 1;
  return slice_compare(x->name.text, y->name.text);
}

/* Stages from the edges: sorted by their first end, each node's are read once, in the order of the graph. */
static int compare_edges(const void *a, const void *b) {
  const struct name_edge *x = a, *y = b;
  return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->to > y->to) - (x->to < y->to);
}

/* Of a rule whose key changes: each part stands above the one before. */
static uint16_t stage_of_parts(const struct tree *tree, const struct rule_tree *rule) {
  uint16_t stage = 0;
  for (uint16_t p = 0; p < rule->part_count; p++) {
    if (p > 0) stage++;
    for (uint16_t t = 0; t < rule->parts[p].type_count; t++)
      if (tree->types[rule->parts[p].types[t]].stage > stage) stage = tree->types[rule->parts[p].types[t]].stage;
  }
  return stage;
}

static void set_stages(struct checker *c, struct name_graph *graph, const uint32_t *order) {
  uint32_t types = c->tree->type_count, derived_count = 0, n = graph->node_count;
  uint16_t *stages = arena_array(&c->scratch, uint16_t, n + 1);
  uint32_t *first = arena_array(&c->scratch, uint32_t, n + 2);
  if (graph->edge_count > 0) qsort(graph->edges, graph->edge_count, sizeof *graph->edges, compare_edges);
  for (uint32_t e = 0; e < graph->edge_count; e++) first[graph->edges[e].from + 1]++;
  for (uint32_t i = 0; i < n; i++) first[i + 1] += first[i];
  for (uint32_t i = 0; i < n; i++) {
    uint32_t node = order[i];
    for (uint32_t e = first[node]; e < first[node + 1]; e++)
      if (stages[graph->edges[e].to] > stages[node]) stages[node] = stages[graph->edges[e].to];
    if (node >= types && node < types + c->tree->rule_count) {
      uint16_t last = stage_of_parts(c->tree, c->tree->rules[node - types]);
      if (last > stages[node]) stages[node] = last;
    }
    if (node < types &&
        (c->tree->types[node].origin == TYPE_OF_DERIVED || c->tree->types[node].origin == TYPE_OF_ALERTS))
      stages[node]++;
    if (node < types) c->tree->types[node].stage = stages[node];
  }
  c->tree->deriveds = arena_array(c->arena, struct event_tree *, types + 1);
  for (uint32_t i = 0; i < types; i++) {
    struct event_tree *event = c->tree->types[i].event;
    if (event == NULL) continue;
    event->stage = c->tree->types[i].stage;
    if (event->derived) c->tree->deriveds[derived_count++] = event;
  }
  c->tree->derived_count = (uint16_t)derived_count;
  qsort(c->tree->deriveds, derived_count, sizeof *c->tree->deriveds, compare_deriveds);
}

static void check_ordered(struct checker *c) {
  uint32_t types = c->tree->type_count, rules = c->tree->rule_count, count = types + rules + c->counters.count;
  struct name_graph graph;
  name_graph_init(&graph, &c->scratch, count);
  struct need_walk walk = {
      .c = c, .type = edge_to_type, .bare = edge_to_counter, .graph = &graph, .first_counter = types + rules};
  for (uint32_t i = 0; i < types; i++) {
    walk.node = i;
    const struct type_info *type = &c->tree->types[i];
    if (type->origin == TYPE_OF_DERIVED) need_derived(&walk, type->event);
    if (type->origin == TYPE_OF_ALERTS) name_graph_need(&graph, i, types + type->rule->id);
  }
  for (uint32_t i = 0; i < rules; i++) {
    walk.node = types + i;
    need_rule(&walk, c->tree->rules[i]);
  }
  for (uint32_t i = 0; i < c->counters.count; i++) {
    walk.node = types + rules + i;
    need_expr(&walk, c->counters.decls[i]->counter->counting);
  }
  uint32_t *order = arena_array(&c->scratch, uint32_t, count + 1);
  bool *in_circle = arena_array(&c->scratch, bool, count + 1);
  if (name_graph_order(&graph, order, in_circle) < count) say_circles(c, &graph, in_circle);
  c->counter_types = arena_array(&c->scratch, struct type, c->counters.count + 1);
  for (uint32_t i = 0; i < c->counters.count; i++) c->counter_types[i] = TYPE_BAD;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t node = order[i];
    if (node < types) {
      if (c->tree->types[node].origin == TYPE_OF_DERIVED) check_derived(c, c->tree->types[node].event);
    } else if (node < types + rules) {
      check_rule(c, c->tree->rules[node - types]);
      arena_reset(&c->local);
    } else {
      check_counter_declaration(c, node - types - rules);
    }
  }
  set_stages(c, &graph, order);
}

int check_tree(struct tree *tree, const struct check_options *options, struct diags *diags) {
  struct checker c = {.tree = tree, .arena = tree->arena, .options = options, .diags = diags};
  uint32_t errors_before = diags->error_count;
  arena_init(&c.scratch, tree->arena->mem, SCRATCH_CHUNK_BYTES);
  arena_init(&c.local, tree->arena->mem, LOCAL_CHUNK_BYTES);
  name_map_init(&c.regexes, &c.scratch);
  name_map_init(&c.said_of_lets, &c.scratch);
  name_map_init(&c.zones, &c.scratch);
  collect_symbols(&c);
  collect_types(&c);
  collect_arrays(&c);
  check_lets(&c);
  check_groups_and_actions(&c);
  for (uint16_t i = 0; i < tree->type_count; i++)
    if (tree->types[i].origin == TYPE_OF_SOURCE) check_source_event(&c, tree->types[i].event);
  check_lists_and_tables(&c);
  check_lookups_and_models(&c);
  check_ordered(&c);
  check_stages(&c);
  check_tests(&c);
  check_regex_done(&c);
  arena_free(&c.local);
  arena_free(&c.scratch);
  return diags->error_count > errors_before ? ERR_ABORT : 0;
}

static void walk_use(struct use *use, tree_expr_visit visit, void *context) {
  if (use != NULL && use->condition != NULL) tree_expr_walk(use->condition, visit, context);
}

void tree_expr_walk(struct tree_expr *expr, tree_expr_visit visit, void *context) {
  visit(context, expr);
  if (tree_key(expr) != NULL) tree_expr_walk(tree_key(expr), visit, context);
  for (uint16_t i = 0; i < expr->item_count; i++) tree_expr_walk(expr->items[i], visit, context);
  walk_use(tree_seen_of(expr), visit, context);
  struct counting *counting = tree_counting(expr);
  if (counting == NULL) return;
  if (counting->argument != NULL) tree_expr_walk(counting->argument, visit, context);
  if (counting->where != NULL) tree_expr_walk(counting->where, visit, context);
  if (counting->top_argument != NULL) tree_expr_walk(counting->top_argument, visit, context);
  walk_use(counting->of, visit, context);
}
