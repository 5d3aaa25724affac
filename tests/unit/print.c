/* floors: rules nfa base */
/* The one layout of fmt: what it looks like; that it changes no tree and nothing a second time; that nothing is lost
 * over the JSON form. Random files by the grammar, and the texts below. */
#include "test.h"

#include "rule_random.h"
#include "rule_text.h"

enum { RANDOM_FILES = 4000 };

TEST(the_example_of_the_specification) {
  EXPECT_PRINTED("# cards.weir\n"
                 "event payment {\n"
                 "  event_time at                     # which field is the event time\n"
                 "  disorder   10s                    # events may arrive up to 10 s out of order\n"
                 "  at        time\n"
                 "  card_id   string    required      # refused without it\n"
                 "  amount    decimal(2)\n"
                 "  country   string    from \"merchant.country\"     # path in a nested JSON object\n"
                 "  ip        ip\n"
                 "}\n"
                 "list risky_countries string { \"AA\", \"BB\" }\n"
                 "rule card_testing \"Small probes, then a large charge\" {\n"
                 "  severity high\n"
                 "  score    60\n"
                 "  key      card_id\n"
                 "  match    probe  = payment(amount <= 5 and status == \"approved\") {3,} until (amount > 200)\n"
                 "  then     charge = payment(amount > 200 and amount >= 20 * avg(probe.amount))\n"
                 "  within   30m\n"
                 "  emit {\n"
                 "    probes = count(probe)\n"
                 "    spent  = sum(probe.amount)\n"
                 "  }\n"
                 "  message  \"card {card_id}: {probes} probes, then {amount}\"\n"
                 "  suppress 1h                                  # per rule and key\n"
                 "  to       alerts\n"
                 "}\n",
                 "# cards.weir\n"
                 "event payment {\n"
                 "  event_time at   # which field is the event time\n"
                 "  disorder   10s  # events may arrive up to 10 s out of order\n"
                 "  at      time\n"
                 "  card_id string     required  # refused without it\n"
                 "  amount  decimal(2)\n"
                 "  country string     from \"merchant.country\"  # path in a nested JSON object\n"
                 "  ip      ip\n"
                 "}\n"
                 "\n"
                 "list risky_countries string { \"AA\", \"BB\" }\n"
                 "\n"
                 "rule card_testing \"Small probes, then a large charge\" {\n"
                 "  severity high\n"
                 "  score    60\n"
                 "  key      card_id\n"
                 "  match    probe  = payment(amount <= 5 and status == \"approved\") {3,} until (amount > 200)\n"
                 "  then     charge = payment(amount > 200 and amount >= 20 * avg(probe.amount))\n"
                 "  within   30m\n"
                 "  emit {\n"
                 "    probes = count(probe)\n"
                 "    spent  = sum(probe.amount)\n"
                 "  }\n"
                 "  message  \"card {card_id}: {probes} probes, then {amount}\"\n"
                 "  suppress 1h  # per rule and key\n"
                 "  to       alerts\n"
                 "}\n");
}

TEST(clauses_come_in_the_order_of_the_grammar) {
  EXPECT_PRINTED(
      "rule a { to b on change drop suppress 1h message \"m\" emit { } report all after match overlap within 1h match "
      "c when d "
      "key e on f allow g matched fields with because cold ok tags \"t\" runbook \"r\" owner \"o\" schedule \"s\" "
      "active from "
      "@2026-11-21T10:00:00Z canary 5% mode off action block score 1 severity low remove x from y add x to y }",
      "rule a {\n"
      "  severity low\n"
      "  score    1\n"
      "  action   block\n"
      "  mode     off\n"
      "  canary   5%\n"
      "  active   from @2026-11-21T10:00:00Z\n"
      "  schedule \"s\"\n"
      "  owner    \"o\"\n"
      "  runbook  \"r\"\n"
      "  tags     \"t\"\n"
      "  cold     ok\n"
      "  with     because\n"
      "  matched  fields\n"
      "  allow    g\n"
      "  on       f\n"
      "  key      e\n"
      "  when     d\n"
      "  match    c\n"
      "  within   1h\n"
      "  report   all\n"
      "  after    match overlap\n"
      "  emit {\n"
      "  }\n"
      "  message  \"m\"\n"
      "  add      x to y\n"
      "  remove   x from y\n"
      "  suppress 1h\n"
      "  to       b\n"
      "  on       change drop\n"
      "}\n");
}

/* `let x = EXPR` printed, without the head. */
#define EXPECT_EXPR(expr, printed) EXPECT_PRINTED("let x = " expr "\n", "let x = " printed "\n")

TEST(parentheses_only_where_they_are_needed) {
  EXPECT_EXPR("((a))", "a");
  EXPECT_EXPR("(a and b) or (c and d)", "a and b or c and d");
  EXPECT_EXPR("(a or b) and c", "(a or b) and c");
  EXPECT_EXPR("(a and b) and (c and d)", "a and b and c and d");
  EXPECT_EXPR("not (a and b)", "not (a and b)");
  EXPECT_EXPR("not (a == b)", "not a == b");
  EXPECT_EXPR("(not a) == b", "(not a) == b");
  EXPECT_EXPR("(a == b) == c", "(a == b) == c");
  EXPECT_EXPR("a - (b - c)", "a - (b - c)");
  EXPECT_EXPR("(a - b) - c", "a - b - c");
  EXPECT_EXPR("(a * b) + c * (d + e)", "a * b + c * (d + e)");
  EXPECT_EXPR("(a + b) > (c ?? 0)", "a + b > c ?? 0");
  EXPECT_EXPR("(a + b) ?? 0", "(a + b) ?? 0");
  EXPECT_EXPR("a ?? (b ?? c)", "a ?? (b ?? c)");
  EXPECT_EXPR("(a ?? b) ?? c", "a ?? b ?? c");
  EXPECT_EXPR("-(a ?? b)", "-a ?? b");
  EXPECT_EXPR("(-a) ?? b", "(-a) ?? b");
  EXPECT_EXPR("a ?? (-5)", "a ?? -5");
  EXPECT_EXPR("a ?? (-b)", "a ?? -b");
  EXPECT_EXPR("a ?? -(5)", "a ?? -(5)");
  EXPECT_EXPR("a ?? (- -b)", "a ?? (--b)");
  EXPECT_EXPR("a between (1 + 2) and (3)", "a between 1 + 2 and 3");
  EXPECT_EXPR("(a between 1 and 2) and b", "a between 1 and 2 and b");
  EXPECT_EXPR("(a in (1, 2)) is null", "(a in (1, 2)) is null");
}

TEST(a_minus_before_a_number_is_part_of_it) {
  EXPECT_EXPR("- 5", "-5");
  EXPECT_EXPR("-(5)", "-(5)");
  EXPECT_EXPR("--5", "--5");
  EXPECT_EXPR("a - -5", "a - -5");
  EXPECT_EXPR("-5 ?? a", "-5 ?? a");
  EXPECT_EXPR("(-5) ?? a", "(-5) ?? a");
  EXPECT_EXPR("-9223372036854775808", "-9223372036854775808");
  EXPECT_EXPR("-90m", "-1h30m");
  EXPECT_EXPR("-0s", "-0s");
  EXPECT_EXPR("-1.00", "-1.00");
}

TEST(literals_keep_what_carries_meaning) {
  EXPECT_EXPR("1.00 + 1_000 + 1e-3 + 1.5E+3", "1.00 + 1_000 + 1e-3 + 1.5E+3");
  EXPECT_EXPR("90m", "1h30m");
  EXPECT_EXPR("60s", "1m");
  EXPECT_EXPR("@2026-11-21T12:00:00+02:00", "@2026-11-21T12:00:00+02:00");
  EXPECT_EXPR("a in (10.0.0.0/8, 2001:DB8::/32, ::1)", "a in (10.0.0.0/8, 2001:DB8::/32, ::1)");
  EXPECT_EXPR("\"\\u0041\\u0007\\t\\\"\\\\é\"", "\"A\\u0007\\t\\\"\\\\é\"");
  EXPECT_EXPR("a matches /x\\/y/si and extract(a, /(b)/, 1) is not null",
              "a matches /x\\/y/si and extract(a, /(b)/, 1) is not null");
}

TEST(counters) {
  EXPECT_EXPR("count( ) over 60m", "count() over 1h");
  EXPECT_EXPR("count(where a>1) of b(c) by (d) over last 5 within 1h approx",
              "count(where a > 1) of b(c) by d over last 5 within 1h approx");
  EXPECT_EXPR("top(f,5 by sum(g) where h) by (i,j) over today \"UTC\"",
              "top(f, 5 by sum(g) where h) by (i, j) over today \"UTC\"");
  EXPECT_EXPR("ewma(f, 60m) over ever idle 365d + rate() over previous 1m",
              "ewma(f, 1h) over ever idle 365d + rate() over previous 1m");
  EXPECT_EXPR("a not in seen(b, 30d) of c(d) and seen(e, 24h)", "a not in seen(b, 30d) of c(d) and seen(e, 1d)");
}

TEST(a_within_is_not_drawn_into_a_counter) {
  EXPECT_PRINTED("rule a { on b within 1h when (count() over last 20) > 1 }",
                 "rule a {\n  on       b\n  when     count() over last 20 > 1\n  within   1h\n}\n");
  EXPECT_PRINTED("rule a { on b within 1h when c or 1 < count() over last 20 }",
                 "rule a {\n  on       b\n  when     (c or 1 < count() over last 20)\n  within   1h\n}\n");
}

TEST(patterns) {
  EXPECT_PRINTED("rule a { match x=b{1,} gap 60s any then any(c=d or(e then f)){0,} next(g and h=i){0,1} next j at key "
                 "k==l.m among(n)? greedy "
                 "then no o for 90s next no p(q) then(r){2} then long_name=s{1} until(t) each then u{2,}strict then "
                 "v{2,4} then w gap 1h }",
                 "rule a {\n"
                 "  match    x         = b+ any gap 1m\n"
                 "  then any (c = d or (e then f))*\n"
                 "  next     (g and h = i)?\n"
                 "  next     j at key k == l.m among (n)? greedy\n"
                 "  then no  o for 1m30s\n"
                 "  next no  p(q)\n"
                 "  then     (r) {2}\n"
                 "  then     long_name = s {1} each until (t)\n"
                 "  then     u {2,} strict\n"
                 "  then     v {2,4}\n"
                 "  then     w gap 1h\n"
                 "}\n");
}

TEST(long_conditions_are_broken_at_their_and) {
  EXPECT_PRINTED("rule a { on payment(amount > 1000 and country in risky_countries and not (status == \"declined\" or "
                 "status is null) and card_id is not null)\n"
                 "when amount > 1000 or country in risky_countries or amount > 1000 and country in risky_countries or "
                 "count() over 1h > 1000 }",
                 "rule a {\n"
                 "  on       payment(amount > 1000\n"
                 "                   and country in risky_countries\n"
                 "                   and not (status == \"declined\" or status is null)\n"
                 "                   and card_id is not null)\n"
                 "  when     amount > 1000\n"
                 "           or country in risky_countries\n"
                 "           or amount > 1000 and country in risky_countries\n"
                 "           or count() over 1h > 1000\n"
                 "}\n");
}

TEST(comments_stay_with_what_follows_them) {
  EXPECT_PRINTED("#header\n\n#  about a\nrule a {# the rule\n# before\nseverity low # after\n\n# two\n\n# three\nwhen "
                 "x # inside\nand y # behind\n# at the end\n} # closing\n"
                 "# last\n",
                 "# header\n\n"
                 "#  about a\n"
                 "# closing\n"
                 "rule a {  # the rule\n"
                 "  # before\n"
                 "  severity low  # after\n"
                 "  # two\n\n"
                 "  # three\n"
                 "  # inside\n"
                 "  when     x and y  # behind\n"
                 "  # at the end\n"
                 "}\n\n"
                 "# last\n");
  EXPECT_PRINTED("list a string { # b\n \"c\", # d\n # e\n \"f\" # g\n # h\n}", "list a string {  # b\n"
                                                                                "  \"c\",  # d\n"
                                                                                "  # e\n"
                                                                                "  \"f\"  # g\n"
                                                                                "  # h\n"
                                                                                "}\n");
  EXPECT_PRINTED("rule a { match # b\n c # d\n # e\n then # f\n g\n emit { # h\n i = 1 # j\n # k\n } }",
                 "rule a {\n"
                 "  # b\n"
                 "  match    c  # d\n"
                 "  # e\n"
                 "  # f\n"
                 "  then     g\n"
                 "  emit {  # h\n"
                 "    i = 1  # j\n"
                 "    # k\n"
                 "  }\n"
                 "}\n");
  EXPECT_PRINTED("# only this\n\n# and that\n\n", "# only this\n\n# and that\n");
  EXPECT_PRINTED("", "");
}

TEST(small_declarations) {
  EXPECT_PRINTED("let a=1 let b = 2 # c\n# d\nlet e=3 counter f=count()over 1h counter g=count()over 2h actions h>i",
                 "let a = 1\nlet b = 2  # c\n\n# d\nlet e = 3\n\ncounter f = count() over 1h\ncounter g = count() over "
                 "2h\n\nactions h > i\n");
  EXPECT_PRINTED("table a key(b) from file \"c\" { d string, long_name time(ms) } ttl 1h on read",
                 "table a key (b) from file \"c\" {\n  d         string\n  long_name time(ms)\n} ttl 1h on read\n");
  EXPECT_PRINTED(
      "lookup a from redis \"b\" { c string } timeout 5ms cache 10s default { d = \"e\" } else http \"f\"",
      "lookup a from redis \"b\" {\n  c string\n} timeout 5ms cache 10s default { d = \"e\" } else http \"f\"\n");
  EXPECT_PRINTED("lookup a from redis \"b\" { } default { d = 1, e = 2 }",
                 "lookup a from redis \"b\" {\n} default {\n  d = 1\n  e = 2\n}\n");
  EXPECT_PRINTED("model a from file \"b\" { in c,d out e float }",
                 "model a from file \"b\" {\n  in  c, d\n  out e float\n}\n");
  EXPECT_PRINTED(
      "group a { key b over 24h rules c,d score sum all max 100 decay 60m block at 90 for 24h max at 60 to e,f }",
      "group a {\n  key   b\n  over  1d\n  rules c, d\n  score sum all max 100\n  decay 1h\n  block at 90 for 1d\n  "
      "max   at 60\n  to    e, f\n}\n");
  EXPECT_PRINTED("list a ip ttl 90d visible after 1s list b int from file \"c\" list d [int] {}",
                 "list a ip ttl 90d visible after 1s\n\nlist b int from file \"c\"\n\nlist d [int] {}\n");
  EXPECT_PRINTED("event a from b,c each d in e where f key g window count 10 every 5 early every 3 events every key "
                 "known for 1d { h = count(), i=j }",
                 "event a from b, c each d in e where f key g window count 10 every 5 early every 3 events every key "
                 "known for 1d {\n  h = count()\n  i = j\n}\n");
  EXPECT_PRINTED("test \"a\" for b { c { d: 1.00, e: [-1, \"x\"] } * 3 every 60s watermark \"1\" expect b at \"2\" { "
                 "f: null } expect nothing else }",
                 "test \"a\" for b {\n  c { d: 1.00, e: [-1, \"x\"] } * 3 every 1m\n  watermark \"1\"\n  expect b at "
                 "\"2\" { f: null }\n  expect nothing else\n}\n");
}

TEST(a_field_called_as_an_option_keeps_its_comma) {
  EXPECT_PRINTED(
      "event a { b string, required time, time int, secret bool, c string }",
      "event a {\n  b        string,\n  required time,\n  time     int,\n  secret   bool\n  c        string\n}\n");
}

TEST(long_lists_are_rows) {
  EXPECT_PRINTED("list a int { 1000000000, 1000000001, 1000000002, 1000000003, 1000000004, 1000000005, 1000000006, "
                 "1000000007, 1000000008, 1000000009 }",
                 "list a int {\n"
                 "  1000000000, 1000000001, 1000000002, 1000000003, 1000000004, 1000000005, 1000000006, 1000000007, "
                 "1000000008, 1000000009\n"
                 "}\n");
}

#define SIX_NAMES                                                                                                      \
  "a_rule_with_a_long_name_1, a_rule_with_a_long_name_2, a_rule_with_a_long_name_3, "                                  \
  "a_rule_with_a_long_name_4, a_rule_with_a_long_name_5, a_rule_with_a_long_name_6"

TEST(long_lists_of_names_are_rows_below_each_other) {
  EXPECT_PRINTED("group a { key b over 24h rules " SIX_NAMES " # all\n score sum block at 90 to " SIX_NAMES " }",
                 "group a {\n"
                 "  key   b\n"
                 "  over  1d\n"
                 "  rules a_rule_with_a_long_name_1, a_rule_with_a_long_name_2, a_rule_with_a_long_name_3, "
                 "a_rule_with_a_long_name_4,\n"
                 "        a_rule_with_a_long_name_5, a_rule_with_a_long_name_6  # all\n"
                 "  score sum\n"
                 "  block at 90\n"
                 "  to    a_rule_with_a_long_name_1, a_rule_with_a_long_name_2, a_rule_with_a_long_name_3, "
                 "a_rule_with_a_long_name_4,\n"
                 "        a_rule_with_a_long_name_5, a_rule_with_a_long_name_6\n"
                 "}\n");
  EXPECT_PRINTED(
      "rule a { on b key user: login_of_a_person.user_id, transfer_of_money.payer_id, change_of_address.person, "
      "branch, channel: login_of_a_person.channel, transfer_of_money.way\n"
      "tags \"a text of some thirty letters1\", \"a text of some thirty letters2\", \"a text of some thirty "
      "letters3\", \"a text of some thirty letters4\" allow costly-any to " SIX_NAMES ", \"quoted\" }",
      "rule a {\n"
      "  tags     \"a text of some thirty letters1\", \"a text of some thirty letters2\", \"a text of some "
      "thirty letters3\",\n"
      "           \"a text of some thirty letters4\"\n"
      "  allow    costly-any\n"
      "  on       b\n"
      "  key      user: login_of_a_person.user_id, transfer_of_money.payer_id, change_of_address.person, "
      "branch,\n"
      "           channel: login_of_a_person.channel, transfer_of_money.way\n"
      "  to       a_rule_with_a_long_name_1, a_rule_with_a_long_name_2, a_rule_with_a_long_name_3, "
      "a_rule_with_a_long_name_4,\n"
      "           a_rule_with_a_long_name_5, a_rule_with_a_long_name_6, \"quoted\"\n"
      "}\n");
  EXPECT_PRINTED("event a from " SIX_NAMES
                 " where b key c window tumbling 1h early when (count() > 50) { n = count() }",
                 "event a from a_rule_with_a_long_name_1, a_rule_with_a_long_name_2, a_rule_with_a_long_name_3, "
                 "a_rule_with_a_long_name_4,\n"
                 "             a_rule_with_a_long_name_5, a_rule_with_a_long_name_6\n"
                 "    where b\n"
                 "    key c\n"
                 "    window tumbling 1h early when (count() > 50) {\n"
                 "  n = count()\n"
                 "}\n");
  EXPECT_PRINTED("test \"a description of a test that is longer than half a line\" for " SIX_NAMES
                 " { expect nothing }",
                 "test \"a description of a test that is longer than half a line\" for a_rule_with_a_long_name_1, "
                 "a_rule_with_a_long_name_2,\n"
                 "    a_rule_with_a_long_name_3, a_rule_with_a_long_name_4, a_rule_with_a_long_name_5, "
                 "a_rule_with_a_long_name_6 {\n"
                 "  expect nothing\n"
                 "}\n");
  EXPECT_PRINTED(
      "model a from file \"b\" { in " SIX_NAMES " out c float } actions aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
      "> bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb > cccccccccccccccccccccccccccccc",
      "model a from file \"b\" {\n"
      "  in  a_rule_with_a_long_name_1, a_rule_with_a_long_name_2, a_rule_with_a_long_name_3, "
      "a_rule_with_a_long_name_4,\n"
      "      a_rule_with_a_long_name_5, a_rule_with_a_long_name_6\n"
      "  out c float\n"
      "}\n\n"
      "actions aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa > bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb >\n"
      "        cccccccccccccccccccccccccccccc\n");
}

/* Prints, parses and compares `text`; says the seed if something differs. */
static void round_trip(const char *text, unsigned seed) {
  struct rule_text a, b;
  text_parse(&a, text);
  const char *printed = text_print(&a);
  text_parse(&b, printed);
  bool good = a.result == 0 && b.result == 0 && strcmp(text_print(&b), printed) == 0 &&
              strcmp(text_json(&b), text_json(&a)) == 0 && strcmp(text_back(&a), printed) == 0;
  if (!good) {
    printf("seed %u:\n%s\n---- errors\n%s---- printed\n%s---- errors\n%s---- again\n%s---- back\n%s\n", seed, text,
           text_errors(&a), printed, text_errors(&b), text_print(&b), text_back(&a));
    test_failed = true;
  }
  text_end(&b);
  text_end(&a);
}

static void random_file(unsigned seed) {
  struct rule_text t;
  struct buf text;
  text_begin(&t);
  buf_init(&text, t.mem);
  struct writer w = {.out = &text, .state = seed * 0x9e3779b97f4a7c15u};
  for (unsigned i = 1 + pick(&w, 4); i > 0; i--) random_declaration(&w);
  gap(&w);
  round_trip(buf_text(&text), seed);
  text_end(&t);
}

TEST(random_files) {
  for (unsigned seed = 1; seed <= RANDOM_FILES && !test_failed; seed++) random_file(seed);
}

TEST_MAIN
