/* floors: rules nfa base */
/* The parser: what trees it makes of every construct, and the exact words of its errors. */
#include "test.h"

#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "rule_text.h"

/* ---- trees ---- */

static struct rule_text p;

static struct tree_expr *expr_of(const char *text) {
  text_begin(&p);
  return parse_expression(&p.tree, SLICE("a.weir"), slice_of(text), &p.diags);
}

TEST(chains_of_and_are_one_node_and_sums_lean_left) {
  struct tree_expr *expr = expr_of("a and b and (c and d) or e");
  EXPECT_INT(expr->kind, TREE_OR);
  EXPECT_INT(expr->item_count, 2);
  EXPECT_INT(expr->items[0]->kind, TREE_AND);
  EXPECT_INT(expr->items[0]->item_count, 4);
  EXPECT_INT(expr->height, 2);
  text_end(&p);
  expr = expr_of("a - b - c * d");
  EXPECT(expr->op == EXPR_SUBTRACT && expr->items[0]->op == EXPR_SUBTRACT && expr->items[1]->op == EXPR_MULTIPLY);
  text_end(&p);
}

TEST(spans_cover_the_expression) {
  struct tree_expr *expr = expr_of("  (a + bcd)  ==\n  f(x)");
  EXPECT_INT(expr->span.line, 1);
  EXPECT_INT(expr->span.column, 3);
  EXPECT_INT(expr->span.length, 13); /* to the last token on the first line */
  EXPECT_INT(expr->operator_span.column, 14);
  EXPECT_INT(expr->items[0]->span.length, 9);
  EXPECT(expr->items[0]->parenthesised && !expr->parenthesised);
  EXPECT_INT(expr->items[1]->span.line, 2);
  EXPECT_INT(expr->items[1]->span.length, 4);
  text_end(&p);
}

TEST(paths_calls_and_counters) {
  struct tree_expr *expr = expr_of("bins[a.b].bank");
  EXPECT(expr->kind == TREE_PATH && expr->part_count == 1 && expr->at->key->part_count == 2);
  EXPECT(slice_equal(expr->at->column.text, SLICE("bank")));
  text_end(&p);
  expr = expr_of("top(f, 5 by sum(g) where h) of e(i) by (j, k) over last 20 within 1h approx");
  EXPECT_INT(expr->kind, TREE_COUNTING);
  struct counting *counting = expr->counting;
  EXPECT(slice_equal(counting->aggregate.text, SLICE("top")) &&
         slice_equal(counting->top_aggregate.text, SLICE("sum")));
  EXPECT(counting->has_parameter && !counting->parameter_is_duration && counting->parameter == 5);
  EXPECT(counting->where != NULL && counting->of->condition != NULL && counting->by_count == 2 && counting->approx);
  EXPECT(counting->over == SPAN_LAST && counting->over_count == 20 && counting->over_us == INT64_C(3600000000));
  text_end(&p);
  expr = expr_of("x not in seen(ip, 30d) of login(ok)");
  EXPECT(expr->kind == TREE_IN_SEEN && expr->negated && expr->items[1]->kind == TREE_SEEN);
  EXPECT(expr->items[1]->items[0]->kind == TREE_PATH && expr->items[1]->seen_of != NULL);
  text_end(&p);
  expr = expr_of("x in risky and y between 1 and 2 and s matches /a\\/b/i and z is not null");
  EXPECT(expr->items[0]->kind == TREE_IN_NAME && slice_equal(expr->items[0]->name->text, SLICE("risky")));
  EXPECT(expr->items[1]->kind == TREE_BETWEEN && expr->items[1]->item_count == 3);
  EXPECT(slice_equal(expr->items[2]->regex, SLICE("a\\/b")) && slice_equal(expr->items[2]->regex_flags, SLICE("i")));
  EXPECT(expr->items[3]->kind == TREE_IS_NULL && expr->items[3]->negated);
  text_end(&p);
}

TEST(negative_literals) {
  struct tree_expr *expr = expr_of("-9223372036854775808");
  EXPECT(expr->kind == TREE_LITERAL && expr->value.i == INT64_MIN &&
         slice_equal(expr->source, SLICE("-9223372036854775808")));
  text_end(&p);
  expr = expr_of("- 1.50");
  EXPECT(expr->kind == TREE_LITERAL && expr->value.i == -150 && slice_equal(expr->source, SLICE("-1.50")));
  text_end(&p);
  expr = expr_of("-(5)");
  EXPECT(expr->kind == TREE_NEGATE && expr->items[0]->value.i == 5);
  text_end(&p);
  EXPECT(expr_of("9223372036854775808") == NULL);
  text_end(&p);
}

TEST(a_rule) {
  text_parse(&p, "rule a was b \"c\" {\n"
                 "  match x = e(f) {3,} until (g) gap 1m then any (h or (i next j)) ? each then no k for 5m\n"
                 "  within 30m report all limit 7 after match skip to last x\n"
                 "  to q, \"r s\" key user: e.uid, h.pid, card_id on change finish allow costly-any, no-match\n}");
  EXPECT_TEXT(text_errors(&p), "");
  struct rule_tree *rule = p.tree.decls[0].rule;
  EXPECT(slice_equal(rule->name.text, SLICE("a")) && slice_equal(rule->rare->was.text, SLICE("b")) &&
         rule->has_description);
  uint32_t given = 1u << CLAUSE_MATCH | 1u << CLAUSE_WITHIN | 1u << CLAUSE_REPORT | 1u << CLAUSE_AFTER |
                   1u << CLAUSE_TO | 1u << CLAUSE_KEY | 1u << CLAUSE_ON_CHANGE | 1u << CLAUSE_ALLOW;
  EXPECT_INT(rule->given, given);
  EXPECT_INT(tree_clause_span(rule, CLAUSE_WITHIN).line, 3);
  EXPECT_INT(tree_clause_span(rule, CLAUSE_WITHIN).length, 10);
  EXPECT_INT(rule->pattern->child_count, 3);
  struct element *step = rule->pattern->children[0], *either = rule->pattern->children[1],
                 *absence = rule->pattern->children[2];
  EXPECT(step->kind == ELEMENT_STEP && step->min == 3 && step->max == TIMES_UNLIMITED && step->until != NULL &&
         step->gap_us == 60000000);
  EXPECT(either->kind == ELEMENT_OR && either->connector == CONNECT_THEN_ANY && either->min == 0 && either->max == 1 &&
         either->each);
  EXPECT(either->children[1]->kind == ELEMENT_GROUP && either->children[1]->children[1]->connector == CONNECT_NEXT);
  EXPECT(absence->kind == ELEMENT_ABSENCE && absence->connector == CONNECT_THEN_NO && absence->for_us == 300000000);
  EXPECT(rule->report == REPORT_ALL && rule->report_limit == 7 && rule->after == AFTER_TO_LAST);
  EXPECT(rule->to_count == 2 && !rule->to_quoted[0] && rule->to_quoted[1]);
  EXPECT(rule->key->part_count == 2 && rule->key->parts[0].path_count == 2 && rule->key->parts[1].path_count == 0);
  EXPECT(rule->rare->allow_count == 2 && slice_equal(rule->rare->allow[0].text, SLICE("costly-any")) &&
         slice_equal(rule->rare->allow[1].text, SLICE("no-match")));
  text_end(&p);
}

TEST(events) {
  text_parse(&p,
             "event a { event_time at late side b unique c for 1m approx jump 1h confirm 3 at time(ms) ip ip from "
             "\"x.y\" required secret mask 6..4\n"
             "  big bool = d > 1, w [decimal(2)] round half_even }\n"
             "event e from a window count 5 every key known for 1d { n = count() m = min(a, b) k = round(avg(c), 2) }\n"
             "event f join o = a, p = e key x where o.time < p.time full { y = o.z }\n");
  EXPECT_TEXT(text_errors(&p), "");
  struct event_tree *event = p.tree.decls[0].event;
  EXPECT(event->field_count == 4 && event->late == LATE_SIDE && event->unique_approx && event->jump_confirm == 3 &&
         event->disorder_us == -1);
  EXPECT(event->fields[0].unit == TIME_MS && event->fields[1].required && event->fields[1].secret == SECRET_MASK &&
         event->fields[1].mask_tail == 4);
  EXPECT(event->fields[2].computed != NULL && event->fields[3].type.element == VALUE_DECIMAL &&
         event->fields[3].round_half_even);
  event = p.tree.decls[1].event;
  EXPECT(event->derived && event->window->count == 5 && event->window->every_count == -1 &&
         event->window->known_us == INT64_C(86400000000));
  EXPECT_INT(event->entries[0].expr->kind, TREE_COUNTING);
  EXPECT_INT(event->entries[1].expr->kind, TREE_CALL); /* min of two values is a function */
  EXPECT(event->entries[2].expr->kind == TREE_CALL && event->entries[2].expr->items[0]->kind == TREE_COUNTING);
  event = p.tree.decls[2].event;
  EXPECT(event->join && slice_equal(event->join_kind.text, SLICE("full")) && event->where != NULL);
  text_end(&p);
}

TEST(words_are_words_of_their_place_only) {
  EXPECT_ERRORS("event event { event_time at at time first string count int required bool, list string, secret time, "
                "rule string from string }\n"
                "rule rule { on event(at == first and count > 1 and seen in list and events == known) key severity "
                "emit { score = 1 message = 2 to = 3 } "
                "to to, alerts }\n"
                "test \"a\" for rule { watermark { at: 1 } expect { at: 1 } expect rule expect nothing else else { } "
                "every { a: 1 } * 2 every { b: 1 } }\n"
                "group g { key a over 1h rules r score sum all at 5 max at 4 }\n"
                "rule on_change { on change(a) key b }\n",
                "");
}

/* ---- errors ---- */

TEST(a_misspelt_clause) {
  EXPECT_ERRORS("rule a {\n  suppres 1h\n  severity hgh\n  score 5\n}",
                "a.weir:2:3: error: a rule has no clause `suppres`\n"
                "    2 |   suppres 1h\n"
                "      |   ^^^^^^^ did you mean `suppress`?\n"
                "a.weir:3:12: error: expected low, medium, high or critical after `severity`, found `hgh`\n"
                "    3 |   severity hgh\n"
                "      |            ^^^ did you mean `high`?\n");
}

TEST(clauses_stand_once) {
  EXPECT_ERRORS("rule a {\n  score 1\n  key b\n  score 2\n}\nevent c {\n  disorder 1s\n  at time\n  disorder 2s\n}",
                "a.weir:4:3: error: `score` stands twice in the rule\n"
                "    4 |   score 2\n"
                "      |   ^^^^^ the first stands on line 2\n"
                "a.weir:9:3: error: the clauses of an event stand before its fields\n"
                "    9 |   disorder 2s\n"
                "      |   ^^^^^^^^ move it up\n"
                "a.weir:9:3: error: `disorder` stands twice in the event\n"
                "    9 |   disorder 2s\n"
                "      |   ^^^^^^^^ the first stands on line 7\n");
}

TEST(equal_signs) {
  EXPECT_ERRORS("rule a { on b(c = 1) emit { d == e } }",
                "a.weir:1:17: error: `=` binds a name, it does not compare\n"
                "    1 | rule a { on b(c = 1) emit { d == e } }\n"
                "      |                 ^ `==` compares\n"
                "a.weir:1:31: error: expected `=` after the name, found `==`\n"
                "    1 | rule a { on b(c = 1) emit { d == e } }\n"
                "      |                               ^^ `=` binds a name, `==` compares\n");
}

TEST(units_and_quotes) {
  EXPECT_ERRORS("rule a {\n  within 30\n  message hello\n}",
                "a.weir:2:10: error: expected a duration after `within`, found `30`\n"
                "    2 |   within 30\n"
                "      |          ^^ write the unit: `30s`, `30m`\n"
                "a.weir:3:11: error: expected a string after `message`, found `hello`\n"
                "    3 |   message hello\n"
                "      |           ^^^^^ put it in double quotes: \"hello\"\n");
}

TEST(a_missing_brace_is_said_with_its_begin) {
  EXPECT_ERRORS(
      "rule a {\n  score 1\n\nrule b {\n  score 2\n}\nevent c {\n  at time\nlist d string { \"e\" }\nrule f {",
      "a.weir:4:1: error: expected `}` to close rule `a`, found `rule`\n"
      "    4 | rule b {\n"
      "      | ^^^^ rule `a` began on line 1\n"
      "a.weir:9:1: error: expected `}` to close event `c`, found `list`\n"
      "    9 | list d string { \"e\" }\n"
      "      | ^^^^ event `c` began on line 7\n"
      "a.weir:10:9: error: expected `}` to close rule `f`, found the end of the file\n"
      "   10 | rule f {\n"
      "      |         ^ rule `f` began on line 10\n");
}

TEST(recovery_goes_on_at_the_next_clause) {
  EXPECT_ERRORS(
      "rule a {\n"
      "  match b = c {3, until (d)\n"
      "  then e = f(\n"
      "  within 1\n"
      "  emit {\n"
      "    g = \n"
      "    h = 3 +\n"
      "    i = 1\n"
      "  }\n"
      "  to nothing\n"
      "}\n"
      "let j = k ? l\n"
      "let m = (1 + 2\n"
      "let n = 1\n",
      "a.weir:2:19: error: expected `}` after the number of times, as in `{3}`, `{3,}` or `{3,5}`, found `until`\n"
      "    2 |   match b = c {3, until (d)\n"
      "      |                   ^^^^^\n"
      "a.weir:4:10: error: expected a duration after `within`, found `1`\n"
      "    4 |   within 1\n"
      "      |          ^ write the unit: `1s`, `1m`\n"
      "a.weir:7:5: error: expected an expression, found `h`\n"
      "    7 |     h = 3 +\n"
      "      |     ^\n"
      "a.weir:8:5: error: expected an expression, found `i`\n"
      "    8 |     i = 1\n"
      "      |     ^\n"
      "a.weir:12:11: error: expected the end of the declaration, found `?`\n"
      "   12 | let j = k ? l\n"
      "      |           ^ a default is `x ?? 0`\n"
      "a.weir:14:1: error: expected `)`, found `let`\n"
      "   14 | let n = 1\n"
      "      | ^^^ the `(` stands at line 13, column 9\n");
}

TEST(reserved_words) {
  EXPECT_ERRORS("rule key { }", "a.weir:1:6: error: expected a name after `rule`, found `key`\n"
                                "    1 | rule key { }\n"
                                "      |      ^^^ `key` is a reserved word: choose another name\n");
  EXPECT_ERRORS("let a = b + within", "a.weir:1:13: error: expected an expression, found `within`\n"
                                      "    1 | let a = b + within\n"
                                      "      |             ^^^^^^ `within` is a reserved word\n");
  EXPECT_ERRORS("event a { late string }",
                "a.weir:1:11: error: a field cannot be called `late`: it is a clause word here\n"
                "    1 | event a { late string }\n"
                "      |           ^^^^ rename it: `other string from \"late\"`\n");
}

TEST(types) {
  EXPECT_ERRORS("event a { b strng c decimal d string }\nlist e [[int]]\nevent f { g decimal(19) }",
                "a.weir:1:13: error: there is no type `strng`\n"
                "    1 | event a { b strng c decimal d string }\n"
                "      |             ^^^^^ did you mean `string`?\n"
                "a.weir:2:9: error: expected a type, found `[`\n"
                "    2 | list e [[int]]\n"
                "      |         ^ the elements of a list are no lists\n"
                "a.weir:3:21: error: expected a number of digits from 0 to 18, found `19`\n"
                "    3 | event f { g decimal(19) }\n"
                "      |                     ^^\n");
  EXPECT_ERRORS("event a { }",
                "a.weir:1:1: error: event `a` has no fields\n    1 | event a { }\n      | ^^^^^^^ as `id string`\n");
}

TEST(operators) {
  EXPECT_ERRORS("let a = 1 < 2 < 3", "a.weir:1:15: error: comparisons do not chain\n"
                                     "    1 | let a = 1 < 2 < 3\n"
                                     "      |               ^ write `a < b and b < c`\n");
  EXPECT_ERRORS("let a = b not between 1 and 2", "a.weir:1:15: error: expected `in` after `not`, found `between`\n"
                                                 "    1 | let a = b not between 1 and 2\n"
                                                 "      |               ^^^^^^^ write `not (x between a and b)`\n");
  EXPECT_ERRORS("let a = b == not c", "a.weir:1:14: error: expected an expression, found `not`\n"
                                      "    1 | let a = b == not c\n"
                                      "      |              ^^^ put it in parentheses: `(not …)`\n");
  EXPECT_ERRORS("let a = b matches \"c\"",
                "a.weir:1:19: error: expected a regular expression after `matches`, found the string \"c\"\n"
                "    1 | let a = b matches \"c\"\n"
                "      |                   ^^^ write it between slashes: `/…/`\n");
  EXPECT_ERRORS("let a = b in \"c\"",
                "a.weir:1:14: error: expected a set or a list after `in`, found the string \"c\"\n"
                "    1 | let a = b in \"c\"\n"
                "      |              ^^^ a set stands in parentheses: `in (a, b)`\n");
  EXPECT_ERRORS("let a = b is null + 1", "a.weir:1:19: error: expected the end of the declaration, found `+`\n"
                                         "    1 | let a = b is null + 1\n"
                                         "      |                   ^\n");
}

TEST(wrong_counters) {
  EXPECT_ERRORS("let a = sum(b) of c",
                "a.weir:1:20: error: expected `over` and how far back the counter looks, found the end of the file\n"
                "    1 | let a = sum(b) of c\n"
                "      |                    ^\n");
  EXPECT_ERRORS("counter a = b + 1", "a.weir:1:13: error: a counter is one aggregate with `over`\n"
                                     "    1 | counter a = b + 1\n"
                                     "      |             ^^^^^ as `sum(amount) of payment by card_id over 1h`\n");
  EXPECT_ERRORS("let a = seen(b.c, 1h)",
                "a.weir:1:9: error: `seen` takes a field and a duration, as in `seen(ip, 30d)`\n"
                "    1 | let a = seen(b.c, 1h)\n"
                "      |         ^^^^^^^^^^^^^\n");
  EXPECT_ERRORS("let a = top(b, c) over 1h",
                "a.weir:1:16: error: the second argument of a counter is a whole number or a duration\n"
                "    1 | let a = top(b, c) over 1h\n"
                "      |                ^ as `percentile(amount, 99)`, `top(country, 5)`, `ewma(amount, 1h)`\n");
}

TEST(wrong_patterns) {
  EXPECT_ERRORS("rule a {\n  match b greedy\n}",
                "a.weir:2:11: error: `greedy` needs a quantifier\n"
                "    2 |   match b greedy\n"
                "      |           ^^^^^^ only `gap` may stand without one: put `+`, `*`, `?` or `{n,m}` before it\n");
  EXPECT_ERRORS("rule a {\n  match b {3,1}\n}", "a.weir:2:11: error: `{3,1}` asks for at least 3 and at most 1\n"
                                                "    2 |   match b {3,1}\n"
                                                "      |           ^^^^^ the smaller number stands first\n");
  EXPECT_ERRORS("rule a {\n  match (b+ or c)\n}",
                "a.weir:2:10: error: an operand of `or` has no quantifier\n"
                "    2 |   match (b+ or c)\n"
                "      |          ^^ put the step and its quantifier in parentheses: a group\n");
  EXPECT_ERRORS("rule a {\n  match (b and (c then d))\n}",
                "a.weir:2:16: error: the operands of `and` are single steps\n"
                "    2 |   match (b and (c then d))\n"
                "      |                ^^^^^^^^^^\n");
  EXPECT_ERRORS("rule a {\n  match (b or c and d)\n}", "a.weir:2:17: error: `and` and `or` do not mix in one group\n"
                                                       "    2 |   match (b or c and d)\n"
                                                       "      |                 ^^^ write two groups in parentheses\n");
  EXPECT_ERRORS("rule a {\n  match b or c\n}", "a.weir:2:11: error: `or` between steps stands in parentheses\n"
                                               "    2 |   match b or c\n"
                                               "      |           ^^ put the alternatives in parentheses\n");
  EXPECT_ERRORS("rule a {\n  match no b\n}",
                "a.weir:2:9: error: a sequence cannot begin with `no`\n"
                "    2 |   match no b\n"
                "      |         ^^ `no X` stands between two steps, or at the end with `for`\n");
  EXPECT_ERRORS("rule a {\n  match b then no (c)\n}", "a.weir:2:19: error: `no` takes one event type, not a group\n"
                                                      "    2 |   match b then no (c)\n"
                                                      "      |                   ^\n");
  EXPECT_ERRORS("rule a {\n  match b then c among (d) next any e next no f for 1m\n}",
                "a.weir:2:18: error: `among` stands only at a step after `next`\n"
                "    2 |   match b then c among (d) next any e next no f for 1m\n"
                "      |                  ^^^^^ `next X among (…)`\n"
                "a.weir:2:33: error: `next` has no `any`\n"
                "    2 |   match b then c among (d) next any e next no f for 1m\n"
                "      |                                 ^^^ `then any X`\n"
                "a.weir:2:49: error: `next no` has no `for`\n"
                "    2 |   match b then c among (d) next any e next no f for 1m\n"
                "      |                                                 ^^^ `then no X for 5m`\n");
}

TEST(wrong_declarations) {
  EXPECT_ERRORS("rul a { }\nfoo b { }\n}", "a.weir:1:1: error: expected a declaration, found `rul`\n"
                                           "    1 | rul a { }\n"
                                           "      | ^^^ did you mean `rule`?\n");
  EXPECT_ERRORS("}",
                "a.weir:1:1: error: unexpected `}`\n    1 | }\n      | ^ a `}` too much, or a `{` is missing above\n");
  EXPECT_ERRORS("list a string { \"b\" \"c\" }",
                "a.weir:1:21: error: expected `,` or `}` in the list, found the string \"c\"\n"
                "    1 | list a string { \"b\" \"c\" }\n"
                "      |                     ^^^ put a comma between the values\n");
  EXPECT_ERRORS("test \"a\" for b { c { d: e } expect b { f = 1 } }",
                "a.weir:1:25: error: expected a literal value after `:`, found `e`\n"
                "    1 | test \"a\" for b { c { d: e } expect b { f = 1 } }\n"
                "      |                         ^ a string stands in double quotes: \"e\"\n");
}

TEST(at_most_twenty_errors_a_file) {
  char text[2000] = "";
  for (int i = 0; i < 50; i++) strncat(text, "rule a { score b }\n", sizeof text - strlen(text) - 1);
  text_parse(&p, text);
  EXPECT_INT(p.tree.decl_count, 50);
  EXPECT_INT(p.diags.error_count, DIAG_ERRORS_PER_FILE_MAX);
  EXPECT_INT(p.diags.dropped, 30);
  text_end(&p);
}

/* ---- big and bad input ---- */

static const char *repeated(const char *front, const char *middle, size_t count, const char *back) {
  size_t length = strlen(middle), start = strlen(front), end = strlen(back);
  char *text = malloc(start + length * count + end + 1);
  memcpy(text, front, start);
  for (size_t i = 0; i < count; i++) memcpy(text + start + i * length, middle, length);
  memcpy(text + start + length * count, back, end + 1);
  return text;
}

static void expect_one_error(const char *text, const char *message) {
  text_parse(&p, text);
  EXPECT(p.diags.count >= 1);
  if (p.diags.count >= 1) EXPECT_TEXT(p.diags.items[0].text, message);
  text_end(&p);
  free((void *)(uintptr_t)text);
}

TEST(depth_is_limited) {
  static const char *const nested = "the expression is nested deeper than 256 levels";
  expect_one_error(repeated("let a = ", "(", 10000, "1"), nested);
  expect_one_error(repeated("let a = ", "-", 10000, "1"), nested);
  expect_one_error(repeated("let a = ", "not ", 10000, "a"), nested);
  expect_one_error(repeated("let a = ", "f(", 10000, "1"), nested);
  expect_one_error(repeated("let a = ", "a[", 10000, "1"), nested);
  expect_one_error(repeated("let a = ", "a in (", 10000, "1"), nested);
  expect_one_error(repeated("let a = ", "a ?? -", 10000, "(1)"), "the expression has more than 256 levels");
  expect_one_error(repeated("let a = ", "count(where ", 10000, "1"), nested);
  expect_one_error(repeated("let a = ", "a + ", 10000, "1"), "the expression has more than 256 levels");
  expect_one_error(repeated("rule a { match ", "(", 10000, "b"), "groups are nested deeper than 64 levels");
  expect_one_error(repeated("rule a { match ", "(a or ", 10000, "b"), "groups are nested deeper than 64 levels");
}

TEST(long_chains_of_or_are_fine) {
  const char *text = repeated("let a = b", " or a == 1", 20000, "\n");
  text_parse(&p, text);
  EXPECT_TEXT(text_errors(&p), "");
  EXPECT_INT(p.tree.decls[0].let->expr->item_count, 20001);
  text_end(&p);
  free((void *)(uintptr_t)text);
}

TEST(long_lines) {
  expect_one_error(repeated("let a = ", "a", 1 << 20, " $"), "unexpected character `$`");
  expect_one_error(repeated("", "\"", (1 << 20) + 1, ""), "expected a declaration, found the string \"\"");
  expect_one_error(repeated("", "(", 1 << 20, ""), "expected a declaration, found `(`");
  expect_one_error(repeated("let a = ", "1", 1 << 20, ""), "`1111111111111111111111111111111111111111…` is too large");
  expect_one_error(repeated("let a = f(/", "(\\/", 1 << 19, ""), "expected an expression, found `/`");
  expect_one_error(repeated("let a = f('", "\\'", 1 << 19, ""), "unexpected character `'`");
  expect_one_error(repeated("", "rule x {\n", 1 << 16, ""), "expected `}` to close rule `x`, found `rule`");
}

/* Every prefix of a text that has it all: errors, never a crash or a loop. */
TEST(all_prefixes) {
  static const char text[] = "event a { event_time at named \"b\" late side c unique d for 1m watermark when (e == 1) "
                             "clock ahead 1m jump 1h confirm 3 at time(ms) "
                             "f string from \"g\" required secret mask 6..4 h bool = i > 1 }\nevent j from a each k in "
                             "l where m key n window sliding 1h every 5m early "
                             "when (count() > 1) every key known for 1d { o = count(where p) of q(r) by (s, t) over "
                             "last 5 within 1h approx }\nlist u string { \"v\" }\n"
                             "table w key (x) from event y { z string } ttl 1h on read\nlookup a from redis \"b\" { c "
                             "string } default { d = 1 } else http \"e\"\n"
                             "model f from file \"g\" { in h out i float }\ngroup j { key k over 1h rules l score sum "
                             "all max 9 decay 1h m at 1 for 1h to n }\n"
                             "rule o was p \"q\" { on r(s) when t in (1, 2) and u matches /v/i match (w or (x then y)) "
                             "{1,2} each until (z) gap 1m then no a for 1m "
                             "active from @2026-11-21T10:00:00Z schedule \"b\" zone \"c\" allow d-e emit { f = seen(g, "
                             "1h) } add h to i for 1h suppress 1h unless "
                             "told.j to \"k\", l on change drop }\ntest \"m\" for n { o { p: [1, -2], q: 10.0.0.0/8 } "
                             "* 3 every 1m watermark \"r\" expect s at \"t\" { u: null } "
                             "expect nothing else }\n";
  for (size_t length = 0; length < sizeof text; length++) {
    text_parse_slice(&p, (struct slice){text, length});
    EXPECT(p.diags.count <= 3);
    EXPECT((p.result == 0) == (p.diags.count == 0));
    text_errors(&p);
    text_end(&p);
  }
}

/* A span holds 255 characters: what is counted from the end of a longer token is right all the same. */
TEST(columns_behind_a_very_long_token) {
  enum { LONG = 1000, END = 22 + LONG + 2 };
  char text[LONG + 64] = "rule r { on e(s == \t\t\"";
  size_t length = strlen(text);
  EXPECT_INT(length, 22);
  memset(text + length, 'x', LONG);
  memcpy(text + length + LONG, "\"", 2);
  text_parse(&p, text);
  EXPECT(p.diags.count > 0);
  EXPECT_INT(p.diags.items[0].span.column, END);
  text_end(&p);
  memcpy(text + length + LONG, "\" !", 4);
  text_parse(&p, text);
  EXPECT(p.diags.count > 0);
  EXPECT_INT(p.diags.items[0].span.column, END + 1);
  text_end(&p);
}

TEST(more_lines_than_a_span_can_count) {
  static char text[SPAN_LINE_MAX + 1];
  memset(text, '\n', sizeof text);
  text_parse_slice(&p, (struct slice){text, SPAN_LINE_MAX - 1});
  EXPECT_INT(p.result, 0);
  text_end(&p);
  text[SPAN_LINE_MAX - 2] = '!'; /* the last line that can be */
  text_parse_slice(&p, (struct slice){text, SPAN_LINE_MAX - 1});
  EXPECT(p.diags.count == 1 && p.diags.items[0].span.line == SPAN_LINE_MAX - 1);
  text_end(&p);
  text_parse_slice(&p, (struct slice){text, SPAN_LINE_MAX + 1});
  EXPECT_TEXT(p.diags.items[0].code, "too-long");
  text_end(&p);
}

TEST_MAIN
