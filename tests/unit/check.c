/* floors: rules base */
/* What the checker writes into the tree, which lower and the others read. Messages are in tests/golden/errors. */
#include "rules/check.h"

#include "rules/parse.h"
#include "test.h"

struct checked {
  struct mem *mem;
  struct arena arena;
  struct tree *tree;
  struct diags diags;
  int result;
};

/* The arena must not move, so the caller's struct is filled in place. */
static void check_into(struct checked *c, const char *text) {
  *c = (struct checked){.mem = mem_new(0)};
  arena_init(&c->arena, c->mem, 1 << 16);
  c->tree = arena_new(&c->arena, struct tree);
  c->tree->arena = &c->arena;
  diags_init(&c->diags, &c->arena);
  struct check_options options = {.secret_key = true, .env = NULL};
  c->result = parse_file(c->tree, SLICE("test.weir"), slice_of(text), &c->diags);
  if (c->result == 0) c->result = check_tree(c->tree, &options, &c->diags);
}

static void check_done(struct checked *c) { mem_free_all(c->mem); }

static bool is(struct slice text, const char *expected) { return slice_equal(text, slice_of(expected)); }

static const struct type_info *type_of(const struct checked *c, const char *name) {
  return tree_type_find(c->tree, slice_of(name));
}

static struct rule_tree *rule_of(const struct checked *c, const char *name) {
  for (uint16_t i = 0; i < c->tree->rule_count; i++)
    if (is(c->tree->rules[i]->name.text, name)) return c->tree->rules[i];
  return NULL;
}

#define EVENTS                                                                                                         \
  "event payment { event_time at  at time  card_id string  amount decimal(2)  n int  f float  words [string] }\n"      \
  "event login { event_time at  id int  at time  card_id string  ok bool  n int }\n"

TEST(types_are_in_byte_order_of_name_and_carry_their_fields) {
  struct checked c;
  check_into(&c, "rule r { on zebra(a > 1) }\nevent zebra { event_time log  a int  b int }\n"
                 "event ant from zebra where a > 2 { x = a + 1 }\n");
  EXPECT_INT(c.result, 0);
  EXPECT_INT(c.tree->type_count, 2);
  EXPECT(is(c.tree->types[0].name, "ant") && is(c.tree->types[1].name, "zebra"));
  const struct type_info *zebra = type_of(&c, "zebra"), *ant = type_of(&c, "ant");
  EXPECT_INT(zebra->id, 1);
  EXPECT_INT(zebra->field_count, 2);
  EXPECT_INT(zebra->time_field, -1);
  EXPECT(zebra->fields[0].used && !zebra->fields[1].used);
  EXPECT(ant->origin == TYPE_OF_DERIVED && ant->event->derived);
  EXPECT_INT(ant->field_count, 1);
  EXPECT(type_equal(ant->fields[0].type, TYPE(VALUE_INT)));
  EXPECT(ant->fields[0].expr == ant->event->entries[0].expr);
  EXPECT_INT(ant->stage, 1);
  EXPECT(type_of(&c, "bee") == NULL);
  check_done(&c);
}

TEST(a_step_condition_knows_fields_and_steps) {
  struct checked c;
  check_into(&c, EVENTS "rule r { key card_id match a = login(n > 1) {3} then b = payment(amount >= 2 * avg(a.n) and n "
                        "== a.n) within 1h }");
  EXPECT_INT(c.result, 0);
  struct rule_tree *rule = rule_of(&c, "r");
  EXPECT_INT(rule->step_count, 2);
  EXPECT(is(rule->steps[0].name.text, "a") && is(rule->steps[1].name.text, "b"));
  EXPECT_INT(rule->steps[0].type, type_of(&c, "login")->id);
  EXPECT_INT(rule->type_count, 2);
  EXPECT(rule->types[0] < rule->types[1]);
  const struct element *b = rule->pattern->children[1];
  EXPECT_INT(b->step, 1);
  const struct tree_expr *and = b->use.condition;
  const struct tree_expr *amount = and->items[0]->items[0], *product = and->items[0]->items[1];
  EXPECT(amount->ref.kind == REF_FIELD && type_equal(amount->type, TYPE_DECIMAL(2)));
  EXPECT_INT(amount->ref.field, 2);
  EXPECT(amount->ref.fields == NULL);
  const struct tree_expr *avg = product->items[1];
  EXPECT(avg->ref.kind == REF_AGGREGATE && avg->ref.aggregate == AGG_AVG);
  EXPECT_INT(avg->ref.step, 0);
  EXPECT_INT(avg->ref.field, 4);
  EXPECT(avg->type.kind == VALUE_FLOAT && product->type.kind == VALUE_FLOAT);
  const struct tree_expr *last = and->items[1]->items[1];
  EXPECT(last->ref.kind == REF_STEP_FIELD && last->ref.step == 0 && last->ref.field == 4);
  /* Keys: the field in each of the rule's types. */
  EXPECT(type_equal(rule->key->parts[0].type, TYPE(VALUE_STRING)));
  EXPECT_INT(rule->key->parts[0].fields[0], 2); /* login */
  EXPECT_INT(rule->key->parts[0].fields[1], 1); /* payment */
  check_done(&c);
}

TEST(casts_are_written_where_the_parent_needs_another_type) {
  struct checked c;
  check_into(&c,
             EVENTS "rule r { on payment(f > 0.5 and (n ?? 2.50) > 1 and if(n > 1, amount, n) > f and amount > 5) }");
  EXPECT_INT(c.result, 0);
  const struct tree_expr *and = rule_of(&c, "r")->on.condition;
  const struct tree_expr *half = and->items[0]->items[1];
  EXPECT(half->type.kind == VALUE_DECIMAL && half->cast.kind == VALUE_FLOAT); /* read as a float */
  const struct tree_expr *coalesce = and->items[1]->items[0];
  EXPECT(type_equal(coalesce->type, TYPE_DECIMAL(2)));
  EXPECT(type_equal(coalesce->items[0]->cast, TYPE_DECIMAL(2)));
  EXPECT(coalesce->items[1]->cast.kind == VALUE_NULL);
  const struct tree_expr *call = and->items[2]->items[0];
  EXPECT(call->ref.kind == REF_FUNCTION && type_equal(call->type, TYPE_DECIMAL(2)));
  EXPECT(type_equal(call->items[2]->cast, TYPE_DECIMAL(2)) && call->items[1]->cast.kind == VALUE_NULL);
  EXPECT(and->items[3]->items[1]->cast.kind == VALUE_NULL); /* numbers compare exactly as they are */
  check_done(&c);
}

TEST(lets_are_copies_and_each_use_is_its_own) {
  struct checked c;
  check_into(&c, EVENTS
             "let big = n > limit\nlet limit = 5\nrule a { on payment(big) }\nrule b { on login(not big and ok) }");
  EXPECT_INT(c.result, 0);
  const struct tree_expr *a = rule_of(&c, "a")->on.condition, *b = rule_of(&c, "b")->on.condition->items[0]->items[0];
  EXPECT(a->kind == TREE_BINARY && b->kind == TREE_BINARY && a != b);
  EXPECT_INT(a->items[0]->ref.field, 3);
  EXPECT_INT(b->items[0]->ref.field, 4);
  EXPECT(a->items[1]->kind == TREE_LITERAL && a->items[1]->value.i == 5);
  EXPECT(a->parenthesised && b->parenthesised);
  EXPECT_INT(a->span.line, 5); /* the place of the use */
  check_done(&c);
}

TEST(texts_read_for_several_types_have_a_field_for_each) {
  struct checked c;
  check_into(&c, EVENTS "event both from payment, login where n > 5 { n = n }\n"
                        "rule r { key card_id match (a = login then b = payment) {2} until (n > 3) next d = payment "
                        "among (card_id != \"x\") within 1h }");
  EXPECT_INT(c.result, 0);
  const struct event_tree *both = type_of(&c, "both")->event;
  EXPECT_INT(both->from_type_count, 2);
  EXPECT_INT(both->from_types[0], type_of(&c, "payment")->id); /* in text order */
  const struct ref *n = &both->where->items[0]->ref;
  EXPECT(n->fields != NULL && n->fields[0] == 3 && n->fields[1] == 4);
  const struct element *group = rule_of(&c, "r")->pattern->children[0], *next = rule_of(&c, "r")->pattern->children[1];
  EXPECT_INT(group->until_type_count, 2);
  EXPECT_INT(group->until_types[0], type_of(&c, "login")->id); /* ascending ids */
  EXPECT(group->until->items[0]->ref.fields[0] == 4 && group->until->items[0]->ref.fields[1] == 3);
  EXPECT(next->among->items[0]->ref.fields[0] == 2 && next->among->items[0]->ref.fields[1] == 1);
  check_done(&c);
}

TEST(emit_message_and_suppress_read_keys_steps_and_what_was_emitted) {
  struct checked c;
  check_into(&c, EVENTS "rule r { key who: payment.card_id, login.card_id match a = login then b = payment within 1h"
                        " emit { x = b.amount  w = who  t = b.time  c = count(a) } message \"{who}: {{{x}}}\" suppress "
                        "1h unless x > 2 * told.x }");
  EXPECT_INT(c.result, 0);
  const struct rule_tree *rule = rule_of(&c, "r");
  EXPECT(rule->emit[0].expr->ref.kind == REF_STEP_FIELD && rule->emit[1].expr->ref.kind == REF_KEY);
  EXPECT(rule->emit[2].expr->ref.field == FIELD_TIME && rule->emit[2].expr->type.kind == VALUE_TIME);
  EXPECT(rule->emit[3].expr->ref.aggregate == AGG_COUNT && rule->emit[3].expr->ref.step == 0);
  EXPECT_INT(rule->message_part_count, 4);
  EXPECT(rule->message_parts[0].text.data == NULL && rule->message_parts[0].ref.kind == REF_KEY);
  EXPECT(is(rule->message_parts[1].text, ": {"));
  EXPECT(rule->message_parts[2].ref.kind == REF_EMIT && rule->message_parts[2].ref.index == 0);
  EXPECT(is(rule->message_parts[3].text, "}"));
  const struct tree_expr *unless = rule->suppress_unless;
  EXPECT(unless->items[0]->ref.kind == REF_EMIT && unless->items[1]->items[1]->ref.kind == REF_TOLD);
  check_done(&c);
}

TEST(an_on_rule_reads_its_event_by_bare_names) {
  struct checked c;
  check_into(&c, EVENTS "rule r { on payment(amount > 5) key card_id when payment.n > 3 emit { a = amount  b = "
                        "payment.amount  t = payment.time } message \"{amount}\" }");
  EXPECT_INT(c.result, 0);
  const struct rule_tree *rule = rule_of(&c, "r");
  EXPECT_INT(rule->step_count, 1);
  EXPECT(is(rule->steps[0].name.text, "payment"));
  EXPECT(rule->when->items[0]->ref.kind == REF_FIELD && rule->when->items[0]->ref.field == 3);
  EXPECT(rule->emit[0].expr->ref.kind == REF_FIELD && rule->emit[1].expr->ref.kind == REF_FIELD);
  EXPECT(rule->emit[2].expr->ref.kind == REF_STEP_FIELD && rule->emit[2].expr->ref.field == FIELD_TIME);
  EXPECT(rule->message_parts[0].ref.kind == REF_FIELD && rule->message_parts[0].ref.field == 2);
  check_done(&c);
}

TEST(lists_and_tables_have_indices_and_tables_a_key_type) {
  struct checked c;
  check_into(&c,
             EVENTS "list z int { 1 }\nlist a string { \"x\" }\ntable t key (k) { bank string }\ntable u key (k) { k "
                    "int  bank string }\n"
                    "rule r { on payment(n in z and card_id in a and t[n].bank == u[n].bank and card_id in words) }");
  EXPECT_INT(c.result, 0);
  EXPECT(is(c.tree->lists[0]->name.text, "a") && c.tree->lists[1]->index == 1);
  const struct tree_expr *and = rule_of(&c, "r")->on.condition;
  EXPECT(and->items[0]->ref.kind == REF_LIST && and->items[0]->ref.index == 1);
  EXPECT(and->items[1]->ref.index == 0);
  EXPECT(and->items[3]->ref.kind == REF_LIST_FIELD && and->items[3]->ref.field == 5);
  EXPECT(c.tree->tables[0]->key_type.kind == VALUE_INT); /* from its use */
  EXPECT(c.tree->tables[1]->key_type.kind == VALUE_INT); /* from its column */
  EXPECT(and->items[2]->items[1]->ref.kind == REF_TABLE && and->items[2]->items[1]->ref.index == 1 &&
                                                               and->items[2]->items[1]->ref.column == 1);
  check_done(&c);
}

TEST(derived_events_stand_behind_what_they_are_made_from) {
  struct checked c;
  check_into(&c, EVENTS "event a from b { n = n }\nevent b from c, d { n = n }\nevent c from payment { n = n }\nevent "
                        "d from c { n = n }\n");
  EXPECT_INT(c.result, 0);
  EXPECT_INT(c.tree->derived_count, 4);
  EXPECT(is(c.tree->deriveds[0]->name.text, "c") && is(c.tree->deriveds[1]->name.text, "d"));
  EXPECT(is(c.tree->deriveds[2]->name.text, "b") && is(c.tree->deriveds[3]->name.text, "a"));
  EXPECT_INT(type_of(&c, "a")->stage, 4);
  EXPECT_INT(type_of(&c, "payment")->stage, 0);
  check_done(&c);
}

TEST(computed_fields_are_ordered_by_what_they_read) {
  struct checked c;
  check_into(&c, "event e { event_time at  a int = b + 1  at time  b int = c  c int }\nrule r { on e(a > 1) }");
  EXPECT_INT(c.result, 0);
  const struct type_info *type = type_of(&c, "e");
  EXPECT_INT(type->computed_count, 2);
  EXPECT_INT(type->computed_order[0], 2);
  EXPECT_INT(type->computed_order[1], 0);
  EXPECT_INT(type->time_field, 1);
  EXPECT(type->fields[3].used); /* read by a computed field */
  check_done(&c);
}

TEST(alerts_are_event_types_where_they_are_used) {
  struct checked c;
  check_into(&c, EVENTS "rule b { key card_id match x = a(v > 5) then y = a within 1d }\nrule a { on payment key "
                        "card_id emit { v = n } }");
  EXPECT_INT(c.result, 0);
  const struct type_info *a = type_of(&c, "a");
  EXPECT(a != NULL && a->origin == TYPE_OF_ALERTS && a->rule == rule_of(&c, "a"));
  EXPECT_INT(a->field_count, 2);
  EXPECT(is(a->fields[0].name, "v") && is(a->fields[1].name, "card_id"));
  EXPECT(type_of(&c, "b") == NULL);
  EXPECT(check_runnable(c.tree, NULL));
  EXPECT_INT(rule_of(&c, "a")->level, 0);
  EXPECT_INT(rule_of(&c, "b")->level, 1); /* it reads what the pass of `a` makes */
  check_done(&c);
}

TEST(secrets_are_the_field_itself_and_go_on_in_derived_events) {
  struct checked c;
  check_into(&c, "event e { event_time at  at time  pan string secret  iban string secret mask 2..4 }\n"
                 "event d from e { p = pan  q = upper(pan) }\n"
                 "rule r { key iban match a = e {2} then b = e within 1h emit { x = last(a.pan)  y = b.iban  z = iban  "
                 "n = distinct(a.pan) } }");
  EXPECT_INT(c.result, 0);
  const struct type_info *d = type_of(&c, "d");
  EXPECT(d->fields[0].secret == SECRET_HASH && d->fields[1].secret == SECRET_NONE);
  const struct rule_tree *rule = rule_of(&c, "r");
  enum secret_form forms[] = {SECRET_HASH, SECRET_MASK, SECRET_MASK, SECRET_NONE};
  for (int i = 0; i < 4; i++) {
    struct secret_info info = tree_expr_secret(c.tree, rule, NULL, 0, rule->emit[i].expr);
    EXPECT(info.form == forms[i]);
    if (info.form == SECRET_MASK) EXPECT(info.mask_head == 2 && info.mask_tail == 4);
  }
  check_done(&c);
}

TEST(an_aggregate_in_a_window_is_a_counting) {
  struct checked c;
  check_into(&c, EVENTS "event w from payment key card_id window tumbling 1h { n = count()  s = sum(amount)  l = "
                        "last(n)  m = min(n, 5) ?? 0 }\n");
  EXPECT(c.result != 0); /* min(n, 5) is the function: a bare field of many events */
  check_done(&c);
  check_into(&c, EVENTS
             "event w from payment key card_id window tumbling 1h { n = count()  s = sum(amount)  l = top(n, 3) }\n"
             "rule r { on w(window.end > @2026-01-01T00:00:00Z and card_id == \"x\") }");
  EXPECT_INT(c.result, 0);
  const struct type_info *w = type_of(&c, "w");
  EXPECT(w->event->entries[1].expr->kind == TREE_COUNTING && w->event->entries[1].expr->counting->argument != NULL);
  EXPECT_INT(w->event->entries[2].expr->counting->parameter, 3);
  EXPECT(w->fields[1].type.kind == VALUE_DECIMAL && w->fields[2].type.kind == VALUE_LIST);
  EXPECT(is(w->fields[3].name, "card_id") && is(w->fields[4].name, "window.start"));
  EXPECT(check_runnable(c.tree, NULL));
  EXPECT_INT(w->level, 1);
  EXPECT_INT(rule_of(&c, "r")->level, 1);
  check_done(&c);
}

TEST(at_most_twenty_errors_a_file_and_the_rest_is_counted) {
  struct checked c;
  char text[4096];
  int length = snprintf(text, sizeof text, "%s", EVENTS);
  for (int i = 0; i < 30; i++)
    length += snprintf(text + length, sizeof text - (size_t)length, "rule r%d { on payment(zz%d > 1) }\n", i, i);
  c.mem = mem_new(0);
  arena_init(&c.arena, c.mem, 1 << 16);
  struct tree *tree = arena_new(&c.arena, struct tree);
  tree->arena = &c.arena;
  diags_init(&c.diags, &c.arena);
  struct check_options options = {0};
  EXPECT_INT(parse_file(tree, SLICE("t"), (struct slice){text, (size_t)length}, &c.diags), 0);
  EXPECT_INT(check_tree(tree, &options, &c.diags), ERR_ABORT);
  EXPECT_INT(c.diags.error_count, DIAG_ERRORS_PER_FILE_MAX);
  EXPECT_INT(c.diags.dropped, 10);
  mem_free_all(c.mem);
}

TEST(several_files_are_one_rule_set_and_errors_say_which) {
  struct checked c;
  c.mem = mem_new(0);
  arena_init(&c.arena, c.mem, 1 << 16);
  struct tree *tree = arena_new(&c.arena, struct tree);
  tree->arena = &c.arena;
  diags_init(&c.diags, &c.arena);
  struct check_options options = {0};
  EXPECT_INT(parse_file(tree, SLICE("b.weir"), SLICE("rule r { on payment(amount > 1) }"), &c.diags), 0);
  EXPECT_INT(parse_file(tree, SLICE("a.weir"),
                        SLICE("event payment { event_time at  at time  amount int }\nrule r { on payment }"), &c.diags),
             0);
  EXPECT_INT(check_tree(tree, &options, &c.diags), ERR_ABORT);
  EXPECT_INT(c.diags.count, 1);
  EXPECT_INT(c.diags.items[0].span.file, 1);
  EXPECT_TEXT(c.diags.items[0].hint, "the first is at b.weir:1");
  mem_free_all(c.mem);
}

TEST(times_in_tests_are_bare_or_whole) {
  int64_t us = 0;
  EXPECT(test_time_parse(SLICE("00:00:00"), &us) == NULL);
  EXPECT_INT(us, INT64_C(1767571200000000));
  EXPECT(test_time_parse(SLICE("10:05:00.5"), &us) == NULL);
  EXPECT_INT(us, INT64_C(1767571200000000) + INT64_C(36300500000));
  EXPECT(test_time_parse(SLICE("2026-01-05T10:05:00Z"), &us) == NULL);
  EXPECT_INT(us, INT64_C(1767571200000000) + INT64_C(36300000000));
  EXPECT(test_time_parse(SLICE("24:00:00"), &us) != NULL);
  EXPECT(test_time_parse(SLICE("10:00"), &us) != NULL);
  EXPECT(test_time_parse(SLICE(""), &us) != NULL);
  EXPECT(test_time_parse(SLICE("10:00:00Z"), &us) != NULL);
}

TEST(a_deep_chain_of_lets_is_too_deep_and_does_not_crash) {
  struct checked c;
  static char text[1 << 16];
  int length = snprintf(text, sizeof text, "%slet a0 = n + 1\n", EVENTS);
  for (int i = 1; i < 900; i++)
    length += snprintf(text + length, sizeof text - (size_t)length, "let a%d = a%d + 1\n", i, i - 1);
  snprintf(text + length, sizeof text - (size_t)length, "rule r { on payment(a899 > 1) }\n");
  c.mem = mem_new(0);
  arena_init(&c.arena, c.mem, 1 << 16);
  struct tree *tree = arena_new(&c.arena, struct tree);
  tree->arena = &c.arena;
  diags_init(&c.diags, &c.arena);
  struct check_options options = {0};
  EXPECT_INT(parse_file(tree, SLICE("t"), slice_of(text), &c.diags), 0);
  EXPECT_INT(check_tree(tree, &options, &c.diags), ERR_ABORT);
  EXPECT_INT(c.diags.count, 1);
  EXPECT_TEXT(c.diags.items[0].code, "too-deep");
  mem_free_all(c.mem);
}

static uint32_t column_of_the_error(const char *text) {
  struct checked c;
  check_into(&c, text);
  uint32_t column = c.diags.count == 1 ? c.diags.items[0].span.column : 0;
  check_done(&c);
  return column;
}

TEST(the_place_of_a_name_in_a_message) {
  static const char start[] = EVENTS "rule r { on payment message \"";
  enum { FIRST = 30 }; /* the first column behind the quote */
  char text[2000];
  snprintf(text, sizeof text, "%s{nope}\" }", start);
  EXPECT_INT(column_of_the_error(text), FIRST + 1);
  snprintf(text, sizeof text, "%s\xc3\xa9\xe2\x82\xac {nope}\" }", start); /* columns are code points */
  EXPECT_INT(column_of_the_error(text), FIRST + 4);
  snprintf(text, sizeof text, "%s%0700d {nope}\" }", start, 7); /* longer than a span */
  EXPECT_INT(column_of_the_error(text), FIRST + 702);
  snprintf(text, sizeof text, "%s\\n {nope}\" }", start); /* escapes: the whole text */
  EXPECT_INT(column_of_the_error(text), FIRST - 1);
}

TEST_MAIN
