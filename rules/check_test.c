/* check_test.c - tests inside rule files: what they send and expect exists and has the types declared. */
#include "rules/check_private.h"
#include "rules/parts.h"

#include "base/ip.h"
#include "base/time_text.h"

const char *test_time_parse(struct slice text, int64_t *us) {
  static const char monday[] = "2026-01-05T";
  enum { BARE_MAX = 16 };
  if (text.length > BARE_MAX || memchr(text.data, ':', text.length) != text.data + 2 || text.length < 8)
    return time_parse(text, us);
  char whole[sizeof monday + BARE_MAX + 1];
  size_t length = sizeof monday - 1;
  memcpy(whole, monday, length);
  memcpy(whole + length, text.data, text.length);
  length += text.length;
  whole[length++] = 'Z';
  const char *why = time_parse((struct slice){whole, length}, us);
  return why == NULL ? NULL : "expected a time as \"10:05:00\" or \"2026-01-05T10:05:00Z\"";
}

static void check_time_text(struct checker *c, struct span at, struct slice text) {
  int64_t us;
  const char *why = test_time_parse(text, &us);
  if (why != NULL)
    check_say(c, at, "time", "as \"10:05:00\", or \"2026-01-05T10:05:00Z\"", "\"" SLICE_FMT "\" is no time",
              SLICE_ARG(text));
}

static void check_test_value(struct checker *c, struct tree_expr *literal, struct type type, bool expected,
                             const char *what) {
  struct value value = literal->value;
  literal->cast = TYPE(VALUE_NULL);
  literal->type = value.kind == VALUE_DECIMAL ? TYPE_DECIMAL(value.scale) : TYPE(value.kind);
  if (type_bad(type) || value.kind == VALUE_NULL) return;
  if (type.kind == VALUE_LIST && value.kind == VALUE_LIST) {
    if (literal->item_count > LIST_ELEMENTS_MAX)
      check_say(c, literal->span, "range", NULL, "a list has at most %d elements", LIST_ELEMENTS_MAX);
    for (uint16_t i = 0; i < literal->item_count; i++)
      check_test_value(c, literal->items[i], (struct type){.kind = type.element, .scale = type.element_scale}, expected,
                       check_text(c, "an element of %s", what));
    return;
  }
  if (value.kind == VALUE_STRING && type.kind == VALUE_TIME) {
    check_time_text(c, literal->span, value_slice(value));
    return;
  }
  if (value.kind == VALUE_STRING && type.kind == VALUE_IP) {
    struct ip ip;
    const char *why = ip_parse(value_slice(value), &ip);
    if (why != NULL)
      check_say(c, literal->span, "literal", "as \"10.0.0.1\"", "\"" SLICE_FMT "\" is no address",
                SLICE_ARG(value_slice(value)));
    return;
  }
  if (expected && type_is_number(type) && type_is_number(literal->type)) return; /* compared as numbers */
  check_literal(c, literal, type, false, what);
}

static void check_send(struct checker *c, struct test_line *line) {
  int32_t type = check_type_id(c, &line->name);
  if (type < 0) return;
  struct type_info *info = &c->tree->types[type];
  if (info->origin != TYPE_OF_SOURCE) {
    check_say(c, line->name.span, "test", "send the events that it is made from",
              "`" SLICE_FMT "` is made by the rules: a test cannot send it", SLICE_ARG(line->name.text));
    return;
  }
  bool log = info->event->event_time_log, has_time = info->time_field < 0 && !log;
  struct name_map seen;
  name_map_init(&seen, &c->scratch);
  for (uint16_t i = 0; i < line->entry_count; i++) {
    struct tree_entry *entry = &line->entries[i];
    int32_t field = check_field_find(c, (uint16_t)type, entry->name.text);
    if (name_map_put(&seen, entry->name.text, i) != NAME_ABSENT)
      check_say(c, entry->name.span, "duplicate-name", NULL, "`" SLICE_FMT "` stands twice",
                SLICE_ARG(entry->name.text));
    if (log && field < 0 && slice_equal(entry->name.text, SLICE("time"))) {
      check_test_value(c, entry->expr, TYPE(VALUE_TIME), false, "the event time");
      has_time = true;
      continue;
    }
    if (field < 0) {
      check_field(c, (uint16_t)type, &entry->name);
      continue;
    }
    if (info->fields[field].expr != NULL) {
      check_say(c, entry->name.span, "test", "leave it out", "`" SLICE_FMT "` is computed",
                SLICE_ARG(entry->name.text));
      continue;
    }
    if (field == info->time_field) has_time = entry->expr->value.kind != VALUE_NULL;
    check_test_value(c, entry->expr, info->fields[field].type, false,
                     check_text(c, "`" SLICE_FMT "`", SLICE_ARG(entry->name.text)));
  }
  struct slice time = log                     ? SLICE("time")
                      : info->time_field >= 0 ? info->fields[info->time_field].name
                                              : (struct slice){0};
  if (!has_time)
    check_say(c, line->name.span, "test", check_text(c, "as `" SLICE_FMT ": \"10:00:00\"`", SLICE_ARG(time)),
              "this event has no time");
  if (line->times < 1 || line->times > 1000000)
    check_say(c, line->span, "range", NULL, "an event is sent 1 to 1000000 times");
}

static bool runs(const struct test_tree *test, struct slice rule) {
  for (uint16_t i = 0; i < test->rule_count; i++)
    if (slice_equal(test->rules[i].text, rule)) return true;
  return false;
}

/* A field of what an `expect` line may say: `names` for the hint, in the order of the text. */
struct expected {
  uint16_t count;
  struct slice *names;
  struct type *types;
};

static void add_expected(struct expected *all, struct slice name, struct type type) {
  all->names[all->count] = name;
  all->types[all->count++] = type;
}

static void expected_of_rule(struct checker *c, const struct rule_tree *rule, struct expected *all) {
  const struct key_tree *key = parts_told_key(rule);
  size_t room = (size_t)rule->emit_count + (key == NULL ? 0 : key->part_count) + 1;
  *all = (struct expected){.names = arena_array(&c->scratch, struct slice, room),
                           .types = arena_array(&c->scratch, struct type, room)};
  for (uint16_t k = 0; k < rule->emit_count; k++) add_expected(all, rule->emit[k].name.text, rule->emit[k].expr->type);
  for (uint16_t k = 0; key != NULL && k < key->part_count; k++)
    add_expected(all, key->parts[k].name.text, key->parts[k].type);
}

/* The type of a part of a group's key: that of a rule which has it, check_stage.c sees that all are the same. */
static struct type group_key_type(struct checker *c, const struct group_tree *group, struct slice part) {
  for (uint16_t r = 0; r < group->rule_count; r++) {
    const struct decl *decl = check_symbol(&c->rules, group->rules[r].text);
    if (decl == NULL) continue;
    struct expected all;
    expected_of_rule(c, decl->rule, &all);
    for (uint16_t i = 0; i < all.count; i++)
      if (slice_equal(all.names[i], part)) return all.types[i];
  }
  return TYPE_BAD;
}

static void expected_of_group(struct checker *c, const struct group_tree *group, struct expected *all) {
  uint16_t parts = group->key == NULL ? 0 : group->key->part_count;
  *all = (struct expected){.names = arena_array(&c->scratch, struct slice, parts + 3u),
                           .types = arena_array(&c->scratch, struct type, parts + 3u)};
  add_expected(all, SLICE("band"), TYPE(VALUE_STRING));
  add_expected(all, SLICE("rules"), (struct type){.kind = VALUE_LIST, .element = VALUE_STRING});
  add_expected(all, SLICE("score"), TYPE(VALUE_INT));
  for (uint16_t p = 0; p < parts; p++) {
    struct slice name = group->key->parts[p].name.text;
    add_expected(all, name, group_key_type(c, group, name));
  }
}

/* `band: "block"` of a group that has no such band. */
static void check_expected_band(struct checker *c, const struct group_tree *group, const struct tree_entry *entry) {
  const struct value *value = &entry->expr->value;
  if (!slice_equal(entry->name.text, SLICE("band")) || value->kind != VALUE_STRING) return;
  struct slice *names = arena_array(&c->scratch, struct slice, group->band_count + 1u);
  for (uint16_t b = 0; b < group->band_count; b++) {
    names[b] = group->bands[b].action.text;
    if (slice_equal(names[b], value_slice(*value))) return;
  }
  check_say(c, entry->expr->span, "unknown-action", check_near(c, value_slice(*value), names, group->band_count, NULL),
            "the group `" SLICE_FMT "` has no band `" SLICE_FMT "`", SLICE_ARG(group->name.text),
            SLICE_ARG(value_slice(*value)));
}

static void check_expected_fields(struct checker *c, struct test_line *line, const struct expected *all,
                                  const struct group_tree *group) {
  struct name_map seen;
  name_map_init(&seen, &c->scratch);
  for (uint16_t i = 0; i < line->entry_count; i++) {
    struct tree_entry *entry = &line->entries[i];
    struct slice name = entry->name.text;
    if (name_map_put(&seen, name, i) != NAME_ABSENT)
      check_say(c, entry->name.span, "duplicate-name", NULL, "`" SLICE_FMT "` stands twice", SLICE_ARG(name));
    uint16_t at = 0;
    while (at < all->count && !slice_equal(all->names[at], name)) at++;
    if (at < all->count) {
      check_test_value(c, entry->expr, all->types[at], true, check_text(c, "`" SLICE_FMT "`", SLICE_ARG(name)));
      if (group != NULL) check_expected_band(c, group, entry);
    } else if (group != NULL) {
      check_say(c, entry->name.span, "unknown-field",
                check_near(c, name, all->names, all->count, "it has `band`, `rules`, `score` and those of its key"),
                "alerts of the group `" SLICE_FMT "` have no `" SLICE_FMT "`", SLICE_ARG(group->name.text),
                SLICE_ARG(name));
    } else {
      check_say(c, entry->name.span, "unknown-field", check_near(c, name, all->names, all->count, NULL),
                "`" SLICE_FMT "` emits no `" SLICE_FMT "`", SLICE_ARG(line->name.text), SLICE_ARG(name));
    }
  }
}

/* Neither a rule nor a group. */
static void unknown_rule(struct checker *c, const struct name *name, const char *hint) {
  if (slice_equal(name->text, SLICE("none"))) hint = "that no alert comes is `expect nothing`";
  check_say(c, name->span, "unknown-rule",
            check_near_symbol(c, name->text, &c->rules, check_near_symbol(c, name->text, &c->groups, hint)),
            c->groups.count > 0 ? "there is no rule or group `" SLICE_FMT "`" : "there is no rule `" SLICE_FMT "`",
            SLICE_ARG(name->text));
}

static void check_expect(struct checker *c, const struct test_tree *test, struct test_line *line) {
  if (line->nothing || line->nothing_else) return;
  const struct decl *rule = check_symbol(&c->rules, line->name.text);
  const struct decl *group = rule == NULL ? check_symbol(&c->groups, line->name.text) : NULL;
  if (rule == NULL && group == NULL) {
    static const struct slice nothing[] = {{"nothing", 7}};
    unknown_rule(c, &line->name, check_near(c, line->name.text, nothing, 1, NULL));
    return;
  }
  if (!runs(test, line->name.text))
    check_say(c, line->name.span, "test", "name it after `for`", "`" SLICE_FMT "` does not run in this test",
              SLICE_ARG(line->name.text));
  if (line->at.data != NULL) check_time_text(c, line->at_span.line > 0 ? line->at_span : line->span, line->at);
  struct expected all;
  if (rule != NULL)
    expected_of_rule(c, rule->rule, &all);
  else
    expected_of_group(c, group->group, &all);
  check_expected_fields(c, line, &all, rule != NULL ? NULL : group->group);
}

static void check_test(struct checker *c, struct test_tree *test) {
  for (uint16_t i = 0; i < test->rule_count; i++) {
    const struct name *name = &test->rules[i];
    for (uint16_t before = 0; before < i; before++)
      if (slice_equal(test->rules[before].text, name->text)) {
        check_say(c, name->span, "duplicate-name", NULL, "`" SLICE_FMT "` stands twice", SLICE_ARG(name->text));
        break;
      }
    if (check_symbol(&c->rules, name->text) == NULL && check_symbol(&c->groups, name->text) == NULL)
      unknown_rule(c, name, NULL);
  }
  for (uint16_t i = 0; i < test->line_count; i++) {
    struct test_line *line = &test->lines[i];
    if (line->kind == TEST_SEND) check_send(c, line);
    if (line->kind == TEST_EXPECT) check_expect(c, test, line);
    if (line->kind == TEST_WATERMARK) check_time_text(c, line->at_span.line > 0 ? line->at_span : line->span, line->at);
  }
}

void check_tests(struct checker *c) {
  for (uint32_t i = 0; i < c->tree->decl_count; i++)
    if (c->tree->decls[i].kind == DECL_TEST) check_test(c, c->tree->decls[i].test);
}
