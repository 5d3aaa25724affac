/* check_derived.c - derived events: filters and maps, windows, joins. What they make gets its fields here. */
#include "rules/check_private.h"

#include "base/limits.h"

/* The event types that it is made from; false if one is not known. */
static bool resolve_from(struct checker *c, struct event_tree *event) {
  uint16_t count = event->join ? 2 : event->from_count;
  bool good = true;
  event->from_types = arena_array(c->arena, uint16_t, count + 1u);
  for (uint16_t i = 0; i < count; i++) {
    const struct name *name = !event->join ? &event->from[i]
                              : i == 0     ? &event->join_left_event
                                           : &event->join_right_event;
    int32_t type = check_type_id(c, name);
    if (type < 0) {
      good = false;
      continue;
    }
    for (uint16_t before = 0; before < event->from_type_count && !event->join; before++)
      if (event->from_types[before] == type)
        check_say(c, name->span, "duplicate-name", NULL, "`" SLICE_FMT "` stands twice in `from`",
                  SLICE_ARG(name->text));
    event->from_types[event->from_type_count++] = (uint16_t)type;
    if (!c->types_known[type]) good = false;
  }
  return good;
}

static void check_each(struct checker *c, struct event_tree *event, struct scope *scope) {
  if (!name_given(&event->each_name)) return;
  struct type type;
  struct ref ref = {0};
  struct scope all = *scope;
  all.several = true;
  scope->element = &event->each_name;
  scope->element_type = TYPE_BAD;
  for (uint16_t i = 0; i < event->from_type_count; i++)
    if (check_field_find(c, event->from_types[i], event->each_name.text) >= 0) {
      check_say(c, event->each_name.span, "duplicate-name", "call the element something else",
                "`" SLICE_FMT "` is a field of `" SLICE_FMT "`", SLICE_ARG(event->each_name.text),
                SLICE_ARG(c->tree->types[event->from_types[i]].name));
      break;
    }
  int found = check_candidate_field(c, &all, &event->each_field, event->each_field.text, &type, &ref);
  if (found == 0) check_field(c, event->from_types[0], &event->each_field);
  if (found <= 0 || type_bad(type)) return;
  if (type.kind != VALUE_LIST) {
    check_say(c, event->each_field.span, "type-mismatch", "as `words [string]`",
              "`each` takes a list, `" SLICE_FMT "` is %s", SLICE_ARG(event->each_field.text), TYPE_TEXT(type));
    return;
  }
  event->each_fields = (uint16_t *)ref.fields;
  scope->element_type = (struct type){.kind = type.element, .scale = type.element_scale};
}

/* ---- windows ---- */

/* Where a word of the window stands. */
static struct span word_at(const struct event_tree *event, enum window_word word) {
  struct span span = event->window->spans[word];
  return span.line > 0 ? span : event->name.span;
}

static void check_early(struct checker *c, struct event_tree *event, const struct scope *scope) {
  struct window_tree *window = event->window;
  struct span at = word_at(event, WINDOW_WORD_EARLY);
  if (window->early_us == 0)
    check_say(c, at, "range", "as `early every 10s`", "a window tells early after more than no time");
  if (window->early_count == 0)
    check_say(c, at, "range", "as `early every 100 events`", "a window tells early after at least one event");
  if (window->early_when != NULL) {
    struct scope early = *scope;
    early.place = "in `early when`";
    check_condition(c, &early, window->early_when, "the condition of `early when`");
  }
}

static void check_window_size(struct checker *c, const struct event_tree *event) {
  const struct window_tree *window = event->window;
  struct span at = word_at(event, WINDOW_WORD_KIND);
  bool timed = window->kind == WINDOW_TUMBLING || window->kind == WINDOW_SLIDING || window->kind == WINDOW_SESSION;
  bool sliding = window->kind == WINDOW_SLIDING;
  if (timed && window->size_us <= 0)
    check_say(c, at, "range",
              window->kind == WINDOW_SESSION ? "as `session 20m`: it ends when nothing came for so long"
              : sliding                      ? "as `sliding 1h every 5m`"
                                             : "as `tumbling 1h`",
              "a window is longer than no time");
  if (sliding && window->every_us <= 0)
    check_say(c, at, "range", "as `sliding 1h every 5m`", "a sliding window moves by more than no time");
  else if (sliding && window->size_us > 0 && window->every_us > window->size_us)
    check_say(c, at, "range", "one behind the other, without a gap, they are `tumbling`",
              "a sliding window moves by at most its length: events between would be in none");
  if (sliding && window->every_us > 0 && window->size_us / window->every_us > LIMIT_WINDOW_PARTS)
    check_say(c, at, "range", "move it by more at once", "an event would be in more than %d windows at once",
              LIMIT_WINDOW_PARTS);
  if (window->kind == WINDOW_COUNT && window->count < 1)
    check_say(c, at, "range", "as `count 100`", "a window has at least one event");
  if (window->kind == WINDOW_COUNT && window->every_count == 0)
    check_say(c, at, "range", "as `count 100 every 10`", "a window moves by at least one event");
  if (window->kind == WINDOW_COUNT && window->every_count > 0 &&
      window->count / window->every_count > LIMIT_WINDOW_PARTS)
    check_say(c, at, "range", "move it by more at once", "an event would be in more than %d windows at once",
              LIMIT_WINDOW_PARTS);
  if (window->kind == WINDOW_TODAY && window->zone.length > 0) check_zone(c, at, window->zone);
}

static void check_known(struct checker *c, const struct event_tree *event) {
  const struct window_tree *window = event->window;
  struct span at = word_at(event, WINDOW_WORD_KNOWN);
  bool fixed = window->kind != WINDOW_SESSION && window->kind != WINDOW_COUNT;
  int64_t step_us = window->kind == WINDOW_SLIDING ? window->every_us : window->size_us;
  if (window->known_us == 0) check_say(c, at, "range", NULL, "a key is known for more than no time");
  if (window->known_us <= 0) return;
  if (fixed && step_us > 0 && window->known_us / step_us > LIMIT_WINDOW_PARTS)
    check_say(c, at, "range", "make the window longer, or the time for which a key is known shorter",
              "a silent key would speak more than %d times", LIMIT_WINDOW_PARTS);
  if (!fixed) check_say(c, at, "window", NULL, "`every key known for` is for windows of fixed time");
}

static void check_window(struct checker *c, struct event_tree *event, const struct scope *scope) {
  struct window_tree *window = event->window;
  check_window_size(c, event);
  bool aligned = window->kind == WINDOW_TUMBLING || window->kind == WINDOW_SLIDING;
  if (window->offset_us >= 0 && !aligned)
    check_say(c, word_at(event, WINDOW_WORD_OFFSET), "window", NULL, "`offset` is for tumbling and sliding windows");
  else if (aligned && window->offset_us > 0 &&
           window->offset_us >= (window->kind == WINDOW_SLIDING ? window->every_us : window->size_us))
    check_say(c, word_at(event, WINDOW_WORD_OFFSET), "range", NULL,
              "`offset` is less than the time from one window to the next");
  if (window->lateness_us >= 0 && window->kind == WINDOW_COUNT)
    check_say(c, word_at(event, WINDOW_WORD_LATENESS), "window", NULL, "a window of N events has no `lateness`");
  check_known(c, event);
  check_early(c, event, scope);
}

/* ---- joins ---- */

static bool is_side_time(const struct tree_expr *expr, uint16_t side) {
  return expr->kind == TREE_PATH && expr->ref.kind == REF_STEP_FIELD && expr->ref.step == side &&
         expr->type.kind == VALUE_TIME;
}

struct side_search {
  uint16_t side;
  bool found;
};
static void find_side(void *context, struct tree_expr *expr) {
  struct side_search *search = context;
  if (is_side_time(expr, search->side)) search->found = true;
}
static bool reads_side_time(struct tree_expr *expr, uint16_t side) {
  struct side_search search = {side, false};
  tree_expr_walk(expr, find_side, &search);
  return search.found;
}

/* Adds what the expression is to `sum`: times of the two sides and durations that are written out, added and
 * subtracted. False: something else. Recursion follows the tree, whose depth is limited (TREE_DEPTH_MAX). */
struct time_sum {
  int64_t times[2], plus;
};
static bool add_times(struct time_sum *sum, const struct tree_expr *expr, int sign) {
  if (expr->kind == TREE_PATH && expr->ref.kind == REF_STEP_FIELD && expr->ref.field == FIELD_TIME) {
    sum->times[expr->ref.step] += sign;
    return true;
  }
  if (expr->kind == TREE_LITERAL && expr->value.kind == VALUE_DURATION)
    return sign > 0 ? !__builtin_add_overflow(sum->plus, expr->value.i, &sum->plus)
                    : !__builtin_sub_overflow(sum->plus, expr->value.i, &sum->plus);
  if (expr->kind == TREE_NEGATE) return add_times(sum, expr->items[0], -sign);
  if (expr->kind != TREE_BINARY || (expr->op != EXPR_ADD && expr->op != EXPR_SUBTRACT)) return false;
  return add_times(sum, expr->items[0], sign) && add_times(sum, expr->items[1], expr->op == EXPR_ADD ? sign : -sign);
}

bool check_side_distance(const struct tree_expr *left, const struct tree_expr *right, enum expr_op *op, int64_t *us) {
  struct time_sum sum = {0};
  if (!add_times(&sum, left, 1) || !add_times(&sum, right, -1)) return false;
  bool plain = sum.times[0] == -1 && sum.times[1] == 1, turned = sum.times[0] == 1 && sum.times[1] == -1;
  if (turned) *op = expr_mirrored(*op);
  *us = sum.plus;
  return turned || (plain && !__builtin_sub_overflow(0, sum.plus, us));
}

/* Bit 0: the comparison bounds the later side's time from below, bit 1: from above. */
static unsigned compared_bounds(enum expr_op op, struct tree_expr *left, struct tree_expr *right) {
  int64_t us;
  if (!check_side_distance(left, right, &op, &us)) {
    bool left_right = reads_side_time(left, 0) && reads_side_time(right, 1);
    bool right_left = reads_side_time(left, 1) && reads_side_time(right, 0);
    if (!left_right && !right_left) return 0;
    if (left_right) op = expr_mirrored(op);
  }
  switch (op) {
  case EXPR_GREATER:
  case EXPR_GREATER_EQUAL: return 1;
  case EXPR_LESS:
  case EXPR_LESS_EQUAL: return 2;
  case EXPR_EQUAL: return 3;
  default: return 0;
  }
}

/* The same of all that `and` joins. */
static unsigned time_bounds(struct tree_expr *expr) {
  unsigned all = 0;
  if (expr->kind == TREE_AND)
    for (uint16_t i = 0; i < expr->item_count; i++) all |= time_bounds(expr->items[i]);
  if (expr->kind == TREE_BETWEEN)
    all = compared_bounds(EXPR_GREATER_EQUAL, expr->items[0], expr->items[1]) |
          compared_bounds(EXPR_LESS_EQUAL, expr->items[0], expr->items[2]);
  return expr->kind == TREE_BINARY ? compared_bounds(expr->op, expr->items[0], expr->items[1]) : all;
}

/* The field that says when an event happened is its time here, as `p.time` is: it may even be called so. */
struct time_fields {
  const struct checker *c;
  const struct event_tree *event;
};
static void read_as_time(void *context, struct tree_expr *expr) {
  const struct time_fields *fields = context;
  if (expr->kind != TREE_PATH || expr->ref.kind != REF_STEP_FIELD || expr->ref.field == FIELD_TIME) return;
  if (fields->c->tree->types[fields->event->from_types[expr->ref.step]].time_field == (int32_t)expr->ref.field)
    expr->ref.field = FIELD_TIME;
}

static void check_join(struct checker *c, struct event_tree *event) {
  const struct name *left = &event->join_left_name, *right = &event->join_right_name;
  if (slice_equal(left->text, right->text))
    check_say(c, right->span, "duplicate-name", "as `join o = order, p = payment`",
              "both sides of the join are called `" SLICE_FMT "`", SLICE_ARG(left->text));
  if (event->where == NULL || type_bad(event->where->type)) return;
  tree_expr_walk(event->where, read_as_time, &(struct time_fields){c, event});
  if (time_bounds(event->where) != 3)
    check_say(c, event->where->span, "unbounded",
              check_text(c, "add `" SLICE_FMT ".time between " SLICE_FMT ".time - 5m and " SLICE_FMT ".time + 5m`",
                         SLICE_ARG(right->text), SLICE_ARG(left->text), SLICE_ARG(left->text)),
              "a join whose two times are not bounded by each other would keep events for ever");
}

/* ---- what it makes ---- */

static void add_field(struct checker *c, struct type_field *fields, uint16_t *count, struct name_map *seen,
                      struct span at, struct type_field field, const char *what) {
  if (name_map_put(seen, field.name, *count) != NAME_ABSENT) {
    check_say(c, at, "duplicate-name", NULL, "%s `" SLICE_FMT "` stands twice", what, SLICE_ARG(field.name));
    return;
  }
  fields[(*count)++] = field;
}

/* The key should give fields and something was said of it: what these would be nobody knows. */
static bool is_key_wrong(const struct event_tree *event) {
  if (event->window == NULL && !event->join) return false;
  if (event->key == NULL) return true;
  for (uint16_t i = 0; i < event->key->part_count; i++)
    if (type_bad(event->key->parts[i].type)) return true;
  return false;
}

/* How a field of the event is told: as the secret that it repeats, which may be an element of a list of secrets. */
static struct secret_info secret_of(const struct checker *c, const struct event_tree *event,
                                    const struct tree_expr *expr) {
  struct secret_info info = tree_expr_secret(c->tree, NULL, event->from_types, event->from_type_count, expr);
  if (expr->kind != TREE_PATH || expr->ref.kind != REF_ELEMENT) return info;
  for (uint16_t i = 0; i < event->from_type_count && info.form == SECRET_NONE; i++) {
    int found = check_field_find(c, event->from_types[i], event->each_field.text);
    if (found < 0) continue;
    const struct type_field *field = &c->tree->types[event->from_types[i]].fields[found];
    info = (struct secret_info){field->secret, field->mask_head, field->mask_tail};
  }
  return info;
}

static void make_fields(struct checker *c, struct event_tree *event, const struct scope *scope) {
  bool keyed = (event->window != NULL || event->join) && event->key != NULL;
  uint16_t key_count = keyed ? event->key->part_count : 0, count = 0;
  struct type_field *fields = arena_array(c->arena, struct type_field, (size_t)event->entry_count + key_count + 4);
  struct name_map seen;
  name_map_init(&seen, &c->scratch);
  for (uint16_t i = 0; i < event->entry_count; i++) {
    struct tree_entry *entry = &event->entries[i];
    struct type type = check_expr(c, scope, entry->expr);
    if (type.kind == VALUE_NULL) {
      check_say(c, entry->expr->span, "type", NULL, "`" SLICE_FMT "` would always be null",
                SLICE_ARG(entry->name.text));
      type = TYPE_BAD;
    }
    struct secret_info secret = secret_of(c, event, entry->expr);
    struct type_field field = {.name = entry->name.text,
                               .type = type,
                               .secret = secret.form,
                               .mask_head = secret.mask_head,
                               .mask_tail = secret.mask_tail,
                               .expr = entry->expr};
    add_field(c, fields, &count, &seen, entry->name.span, field, "the field");
  }
  for (uint16_t i = 0; i < key_count; i++) {
    const struct key_part *part = &event->key->parts[i];
    struct type_field field = {.name = part->name.text, .type = part->type};
    if (event->from_type_count > 0 && !type_bad(part->type)) {
      struct secret_info secret = tree_key_secret(c->tree, part, event->from_types, event->from_type_count);
      field.secret = secret.form;
      field.mask_head = secret.mask_head;
      field.mask_tail = secret.mask_tail;
    }
    if (event->join && name_map_get(&seen, part->name.text) != NAME_ABSENT) continue; /* named in the block: that one */
    add_field(c, fields, &count, &seen, part->name.span, field, "the key's field");
  }
  if (event->window != NULL) {
    fields[count++] = (struct type_field){.name = SLICE("window.start"), .type = TYPE(VALUE_TIME)};
    fields[count++] = (struct type_field){.name = SLICE("window.end"), .type = TYPE(VALUE_TIME)};
    /* The block's own fields of these names stand for them. */
    if (name_map_get(&seen, SLICE("revision")) == NAME_ABSENT)
      fields[count++] = (struct type_field){.name = SLICE("revision"), .type = TYPE(VALUE_INT)};
    if (name_map_get(&seen, SLICE("partial")) == NAME_ABSENT)
      fields[count++] = (struct type_field){.name = SLICE("partial"), .type = TYPE(VALUE_BOOL)};
  }
  check_type_fields(c, event->schema, fields, count);
  if (is_key_wrong(event)) c->types_known[event->schema] = false; /* so that those who read them are not blamed */
}

void check_derived(struct checker *c, struct event_tree *event) {
  if (event->entry_count > CHECK_FIELDS_MAX) {
    check_say(c, event->name.span, "too-many", NULL, "an event type has at most %d fields", CHECK_FIELDS_MAX);
    return;
  }
  if (!resolve_from(c, event)) return;
  if (name_given(&event->each_name) && event->window != NULL) {
    struct slice element = event->each_name.text, list = event->each_field.text;
    check_say(c, event->each_name.span, "window",
              check_text(c,
                         "make events of them first: `event %s from " SLICE_FMT " each " SLICE_FMT " in " SLICE_FMT
                         " { … }`, and the window from it",
                         slice_equal(event->name.text, SLICE("element")) ? "one_element" : "element",
                         SLICE_ARG(event->from[0].text), SLICE_ARG(element), SLICE_ARG(list)),
              "a window holds events, not the elements of a list");
    return;
  }
  struct scope scope = {.place = event->join ? "in a join" : "in a derived event",
                        .event = event,
                        .types = event->from_types,
                        .type_count = event->from_type_count,
                        .several = event->from_type_count > 1 && !event->join,
                        .step = -1,
                        .counters = event->window != NULL || event->join ? COUNTERS_NONE : COUNTERS_NEED_OF,
                        .counters_why =
                            event->window != NULL
                                ? "ask it in a filter, `event NAME from … where …`, and make the window from that"
                                : "a join reads its two events only",
                        .join = event->join ? event : NULL};
  check_each(c, event, &scope);
  if (event->key != NULL) check_key(c, event->key, event->from_types, event->from_type_count);
  if (event->key != NULL && event->window == NULL && !event->join)
    check_say(c, event->key->span, "key", "leave it out, or add a window",
              "a derived event without a window has no key");
  if (event->key == NULL && event->window != NULL)
    check_say(c, event->name.span, "key", "add `key FIELD`, or `key none` for one window over all events",
              "a window needs a key");
  if (event->join) scope.key = event->key;
  if (event->where != NULL) check_condition(c, &scope, event->where, "`where`");
  if (event->join) check_join(c, event);
  if (event->window != NULL) {
    scope.place = "in a window";
    scope.counters_why = "inside a window's block the window is the span, without `over`";
    scope.window = true;
    scope.key = event->key;
    check_window(c, event, &scope);
  }
  make_fields(c, event, &scope);
}
