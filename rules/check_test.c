/* check_test.c - tests inside rule files: what they send and expect exists and has the types declared. */
#include "rules/check_private.h"

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

static void check_expect(struct checker *c, const struct test_tree *test, struct test_line *line) {
  if (line->nothing || line->nothing_else) return;
  const struct decl *decl = check_symbol(&c->rules, line->name.text);
  if (decl == NULL) {
    static const struct slice nothing[] = {{"nothing", 7}};
    check_say(c, line->name.span, "unknown-rule",
              check_near_symbol(c, line->name.text, &c->rules, check_near(c, line->name.text, nothing, 1, NULL)),
              "there is no rule `" SLICE_FMT "`", SLICE_ARG(line->name.text));
    return;
  }
  const struct rule_tree *rule = decl->rule;
  if (!runs(test, line->name.text))
    check_say(c, line->name.span, "test", "name it after `for`", "`" SLICE_FMT "` does not run in this test",
              SLICE_ARG(line->name.text));
  if (line->at.data != NULL) check_time_text(c, line->at_span.line > 0 ? line->at_span : line->span, line->at);
  struct name_map seen;
  name_map_init(&seen, &c->scratch);
  for (uint16_t i = 0; i < line->entry_count; i++) {
    struct tree_entry *entry = &line->entries[i];
    struct type type = TYPE_BAD;
    bool found = false;
    if (name_map_put(&seen, entry->name.text, i) != NAME_ABSENT)
      check_say(c, entry->name.span, "duplicate-name", NULL, "`" SLICE_FMT "` stands twice",
                SLICE_ARG(entry->name.text));
    struct slice *names = arena_array(&c->scratch, struct slice, (size_t)rule->emit_count + 1);
    for (uint16_t k = 0; k < rule->emit_count; k++) {
      names[k] = rule->emit[k].name.text;
      if (found || !slice_equal(names[k], entry->name.text)) continue;
      type = rule->emit[k].expr->type;
      found = true;
    }
    int32_t key = !found && rule->key != NULL ? check_key_part(rule->key, entry->name.text) : -1;
    if (key >= 0) {
      type = rule->key->parts[key].type;
      found = true;
    }
    if (!found)
      check_say(c, entry->name.span, "unknown-field", check_near(c, entry->name.text, names, rule->emit_count, NULL),
                "`" SLICE_FMT "` emits no `" SLICE_FMT "`", SLICE_ARG(rule->name.text), SLICE_ARG(entry->name.text));
    else
      check_test_value(c, entry->expr, type, true, check_text(c, "`" SLICE_FMT "`", SLICE_ARG(entry->name.text)));
  }
}

static void check_test(struct checker *c, struct test_tree *test) {
  for (uint16_t i = 0; i < test->rule_count; i++) {
    for (uint16_t before = 0; before < i; before++)
      if (slice_equal(test->rules[before].text, test->rules[i].text)) {
        check_say(c, test->rules[i].span, "duplicate-name", NULL, "`" SLICE_FMT "` stands twice",
                  SLICE_ARG(test->rules[i].text));
        break;
      }
    if (check_symbol(&c->rules, test->rules[i].text) == NULL)
      check_say(c, test->rules[i].span, "unknown-rule", check_near_symbol(c, test->rules[i].text, &c->rules, NULL),
                "there is no rule `" SLICE_FMT "`", SLICE_ARG(test->rules[i].text));
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
