/* floors: base nfa rules */
/* explain.c - what is said about a rule: sentences for each construct, the same content as JSON, graphs. */
#include "rules/explain.h"

#include "base/sketch.h"
#include "rules/check.h"
#include "rules/parse.h"
#include "test.h"

struct fixture {
  struct mem *mem;
  struct arena arena;
  struct diags diags;
  struct tree *tree;
  struct ruleset *set;
  struct buf out;
};

#define EVENTS                                                                                                         \
  "event payment { event_time at  disorder 10s  at time  card string  amount decimal(2)  status string  kind string "  \
  "}\n"                                                                                                                \
  "event login { event_time at  at time  card string  ok bool }\n"

static bool set_up(struct fixture *f, const char *text) {
  struct check_options check_options = {.secret_key = true};
  struct ruleset_options options = {.env = (struct env *)(uintptr_t)env_real()};
  struct err err;
  memset(f, 0, sizeof *f);
  f->mem = mem_new(0);
  arena_init(&f->arena, f->mem, 1 << 16);
  diags_init(&f->diags, &f->arena);
  buf_init(&f->out, f->mem);
  f->tree = arena_new(&f->arena, struct tree);
  f->tree->arena = &f->arena;
  int result = parse_file(f->tree, SLICE("a.weir"), slice_of(text), &f->diags);
  if (result == 0) result = check_tree(f->tree, &check_options, &f->diags);
  if (result == 0) result = ruleset_compile(f->tree, &options, &f->diags, &f->set, &err);
  for (uint32_t i = 0; i < f->diags.count; i++) diag_print(&f->out, f->tree, &f->diags.items[i]);
  if (f->out.length > 0) printf("%s", buf_text(&f->out));
  buf_clear(&f->out);
  EXPECT(result == 0);
  return result == 0;
}

static void tear_down(struct fixture *f) {
  ruleset_unref(f->set);
  mem_free_all(f->mem);
}

static const char *explained(struct fixture *f, const char *rule, enum explain_form form) {
  buf_clear(&f->out);
  struct slice name = {rule, rule == NULL ? 0 : strlen(rule)};
  EXPECT(explain_ruleset(&f->out, f->set, name, form));
  return buf_text(&f->out);
}

#define EXPECT_PART(whole, part)                                                                                       \
  do {                                                                                                                 \
    if (strstr((whole), (part)) == NULL) {                                                                             \
      printf("%s:%d: `%s` is not part of\n%s\n", __FILE__, __LINE__, (part), (whole));                                 \
      test_failed = true;                                                                                              \
    }                                                                                                                  \
  } while (0)

TEST(a_pattern_reads_as_sentences) {
  struct fixture f;
  if (set_up(&f, EVENTS "rule card_testing \"Small probes, then a large charge\" { severity high  score 60  key card  "
                        "to alerts, review\n"
                        "match probe = payment(amount <= 5 and status == \"approved\") {3,} until (amount > 200)\n"
                        "then charge = payment(amount > 200 and amount >= 20 * avg(probe.amount))  within 30m\n"
                        "emit { probes = count(probe) }  message \"{probes} on {card}\"  suppress 1h unless probes > 2 "
                        "* told.probes }")) {
    const char *text = explained(&f, NULL, EXPLAIN_TEXT);
    EXPECT_PART(text, "rule card_testing: Small probes, then a large charge\n");
    EXPECT_PART(text, "    severity high, score 60, told to alerts, review\n");
    EXPECT_PART(text, "    For each card:\n");
    EXPECT_PART(text, "      1. probe: 3 or more payment events with amount <= 5 and status == \"approved\", until one "
                      "with amount > 200 closes it\n");
    EXPECT_PART(text,
                "      2. then charge: one payment event with amount > 200 and amount >= 20 * avg(probe.amount)\n");
    EXPECT_PART(text, "    From the first event to the last at most 30m.\n");
    EXPECT_PART(text, "(report first)");
    EXPECT_PART(text, "(skip past last)");
    EXPECT_PART(text, "    probes = count(probe)\n");
    EXPECT_PART(text, "    message \"{probes} on {card}\"\n");
    EXPECT_PART(text, "only counted for 1h, unless probes > 2 * told.probes.\n");
    EXPECT_PART(text, "    runs: ");
    EXPECT_PART(text, "    step 1 charge: amount > 200 and amount >= 20 * avg(probe.amount)\n");
    EXPECT_PART(text, "    payment, to begin: amount <= 5 and status == \"approved\": found by a hash of status, then "
                      "among the sorted thresholds of amount\n");
    EXPECT_PART(text, "    A partial match lives at most 30m of event time.\n");
    EXPECT_PART(text, "10s behind the newest event");
  }
  tear_down(&f);
}

TEST(every_kind_of_element_has_words) {
  struct fixture f;
  if (set_up(&f,
             EVENTS "rule r { key card  report all limit 7  match (a = payment(amount > 1) then no login then b = "
                    "payment(amount > 2)) {2,3} strict\n"
                    "then any (c = login(ok) or (d = payment(kind == \"x\") next e = payment among (card == \"q\")))\n"
                    "then (g = login(ok) and h = payment(amount > 9)) then i = payment(amount > 3)* greedy gap 1m then "
                    "j = login? then k = payment(amount > 4) gap 2m next no login(not ok)\n"
                    "then m = payment(amount > 5)+ each then no payment(kind == \"y\") for 5m within 1h }")) {
    const char *text = explained(&f, "r", EXPLAIN_TEXT);
    EXPECT_PART(text, "      1. rounds of the following, 2 to 3, each round directly after the one before:\n");
    EXPECT_PART(text, "         1. a: one payment event with amount > 1\n");
    EXPECT_PART(text, "         2. with no login event in between\n");
    EXPECT_PART(text, "         3. then b: one payment event with amount > 2\n");
    EXPECT_PART(text, "      2. then, at any later event that fits (each choice is followed), one of these:\n");
    EXPECT_PART(text, "            2. as the very next event with card == \"q\" e: one payment event\n");
    EXPECT_PART(text, "      3. then all of these, in any order:\n");
    EXPECT_PART(text, "      4. then i: any number of payment events with amount > 3, as many as can be had before "
                      "anything else is tried (greedy), at most 1m between two of them\n");
    EXPECT_PART(text, "      5. then j: perhaps one login event\n");
    EXPECT_PART(text, "      6. then k: one payment event with amount > 4, at most 2m after the event before\n");
    EXPECT_PART(text, "      7. where the very next event is no login event with not ok\n");
    EXPECT_PART(text, "      8. then m: 1 or more payment events with amount > 5, and every number of them makes a "
                      "match of its own\n");
    EXPECT_PART(text, "      9. then, for 5m, no payment event with kind == \"y\"; the match is complete when that "
                      "time has passed\n");
    EXPECT_PART(text, "more than 7");
    EXPECT_PART(text, "Matches may overlap");
    EXPECT_PART(text, "A partial match lives at most 1h5m of event time.");
    EXPECT_PART(text, "A match is told 5m after its last event");
  }
  tear_down(&f);
}

TEST(on_rules_and_derived_events) {
  struct fixture f;
  if (set_up(&f, EVENTS "event big from payment where amount > 100 { card = card  amount = amount }\n"
                        "rule r { on big(amount > 500)  when card != \"x\"  mode shadow }\nrule s { on payment(status "
                        "== kind) key card  suppress 1h }")) {
    const char *text = explained(&f, "r", EXPLAIN_TEXT);
    EXPECT_PART(text, "    mode shadow (told as such)\n");
    EXPECT_PART(text, "    For every event:\n      1. one big event with amount > 500, when card != \"x\"\n");
    EXPECT_PART(text, "    big is made in stage 1 from payment where amount > 100\n");
    EXPECT_PART(text, "nothing is kept between events");
    text = explained(&f, "s", EXPLAIN_TEXT);
    EXPECT_PART(text, "as no index can find it");
    EXPECT_PART(text, "the time of the last alert of each key");
  }
  tear_down(&f);
}

static int times_in(const char *text, const char *part) {
  int times = 0;
  for (const char *at = text; (at = strstr(at, part)) != NULL; at++) times++;
  return times;
}

/* Counters over the same events stand together, and in the order of the rule what they share below the last of them. */
TEST(counters_of_several_populations) {
  struct fixture f;
  if (set_up(&f, EVENTS "rule r { on payment  key card  when sum(amount) over 1h > 9\n"
                        "and count() of login by card over 2h > 1 and count() over 1d > 2\n"
                        "and count() of login by card over 3h > 2 }")) {
    const char *text = explained(&f, "r", EXPLAIN_TEXT);
    static const char *const order[] = {"    sum(amount) over 1h: ",
                                        "    count() over 1d: ",
                                        "      state: ",
                                        "    count() of login by card over 2h: ",
                                        "    count() of login by card over 3h: ",
                                        "      state: "};
    const char *at = strstr(text, "  Counters:\n");
    for (size_t i = 0; i < sizeof order / sizeof *order && at != NULL; i++) at = strstr(at + 1, order[i]);
    EXPECT(at != NULL);
    EXPECT_INT(times_in(text, "      state: "), 2);
  }
  tear_down(&f);
}

TEST(counters_say_what_they_keep_and_cost) {
  struct fixture f;
  if (set_up(&f,
             EVENTS "rule r { on payment(status == \"x\")  key card  when sum(amount) over 1h > 9\n"
                    "and median(amount) over 2h > 1 and distinct(kind) over 1d > 2 }\n"
                    "rule s { on payment(status == \"x\")  key card  when sum(amount) over 1h > 10 and\n"
                    "previous(kind) == \"y\" }\n"
                    "rule t { on payment  key none  emit { n = count() over today  m = avg(amount) over last 20 } }")) {
    const char *text = explained(&f, "r", EXPLAIN_TEXT);
    EXPECT_PART(text,
                "    sum(amount) over 1h: counts payment(status == \"x\") by card; keeps events for 1h; one counter, "
                "shared with s\n");
    const struct count_size *size = &f.set->populations[f.set->counters[f.set->rules[0].counters[0]].population].size;
    char line[400];
    snprintf(
        line, sizeof line,
        "      state: %zu bytes a key, %zu for each event, %zu for each different value, 8 to 17 for each value in the "
        "order of a median or percentile, %zu for each sixteenth of a window that is a sketch; room for more is "
        "made by doubling; for all 4 counters over these events\n",
        size->state, size->event, size->value, sizeof(struct hll));
    EXPECT(size->state > 0 && size->event > 0 && size->value > 0);
    EXPECT_PART(text, line);
    EXPECT_INT(times_in(text, "      state: "), 1); /* what three counters share is said once */
    EXPECT_INT(times_in(text, "      an event: "), 1);
    EXPECT_PART(text,
                "    median(amount) over 2h: counts payment(status == \"x\") by card; keeps events for 2h; what an "
                "event costs grows with the logarithm of their number\n");
    EXPECT_PART(text,
                "      an event: every payment is asked the condition, one look-up in the table of keys finds its "
                "state; what it costs beside is the same, however many there are\n");
    EXPECT_PART(text,
                "    None of its own.\n    Its counters (see there) forget an event after at most 1d of event time, "
                "and a key that is silent so long has no state.\n");
    EXPECT_PART(explained(&f, "s", EXPLAIN_TEXT),
                "previous(kind): counts payment(status == \"x\") by card; goes when the key is silent for 365d");
    EXPECT_PART(explained(&f, "t", EXPLAIN_TEXT), "keeps the last 20 events, no longer than 365d");
    EXPECT_PART(explained(&f, "t", EXPLAIN_TEXT),
                "every payment is counted, there is one state; what it costs is the same, however many there are\n");
  }
  tear_down(&f);
}

TEST(what_is_made_and_kept_for_it) {
  struct fixture f;
  if (set_up(&f, EVENTS
             "event hour from payment where amount > 1 key card window tumbling 1h lateness 5m { n = count() s = "
             "sum(amount) }\n"
             "event slide from payment key card window sliding 10m every 1m { n = count() }\n"
             "event both join p = payment, l = login key card where l.time between p.time - 10m and p.time + 1h left { "
             "card = "
             "p.card }\n"
             "list watch string ttl 7d\ntable last_kind key (card) from event payment { kind string } ttl 30d\n"
             "rule a { on hour(n > 3 and s > 1) key card score 5 emit { card = card } add card to watch }\n"
             "rule b { on a key card }\n"
             "rule c { on both(last_kind[card].kind == \"x\" and card in watch) key card score 6 }\n"
             "rule d { on slide(n > 4) key card }\n"
             "group g { key card over 24h rules a, c score sum block at 10 }\n")) {
    const char *text = explained(&f, "a", EXPLAIN_TEXT);
    EXPECT_PART(text,
                "    hour is made in stage 1 from a tumbling window of 1h by card over payment where amount > 1\n");
    EXPECT_PART(text, "    its alerts count in the group g\n    its alerts add to the list watch\n");
    EXPECT_PART(explained(&f, "c", EXPLAIN_TEXT),
                "    both is made in stage 1 from a left join of payment and login by card");
    text = explained(&f, NULL, EXPLAIN_TEXT);
    EXPECT_PART(text,
                "event hour: a tumbling window of 1h by card over payment where amount > 1; late events change it "
                "for 5m; about 120 bytes for a key and its text, 104 for each further open window of it; for at most "
                "1h5m of event time; in pass 1 of ");
    EXPECT_PART(text,
                "event slide: a sliding window of 10m every 1m by card over payment; about 144 bytes for a key and "
                "its text, 72 for each further pane that it has events in, of 10; for at most 10m of event time; "
                "in pass ");
    EXPECT_PART(text, "; a payment is kept for 1h (");
    EXPECT_PART(text, "; a login is kept for 10m (");
    EXPECT_PART(text,
                "\n\ngroup g\n  What it does:\n    For each card: of the last 1d, adds up the scores of its rules' "
                "alerts, each rule once, with the one that is worth most\n    Tells `block` when the score comes "
                "to 10\n  Rules:\n    a: score 5\n    c: score 6\n  What an alert has:\n");
    EXPECT_PART(text, "list watch: 0 entries, about ");
    EXPECT_PART(text, "; rules change it, about 112 bytes and its text for each entry, for 1w\n");
    EXPECT_PART(text,
                "table last_kind: the last row of each key from payment, about 112 bytes and its texts, for 30d\n");
    const char *json = explained(&f, NULL, EXPLAIN_JSON);
    EXPECT_PART(json, "\"derived\":[\"event hour: a tumbling window of 1h by card over payment");
    EXPECT_PART(json, "],\"groups\":[{\"group\":\"g\",\"does\":[\"For each card: of the last 1d, ");
    EXPECT_PART(json, "\"rules\":[\"a: score 5\",\"c: score 6\"],");
  }
  tear_down(&f);
}

TEST(actions_have_an_order) {
  struct fixture f;
  if (set_up(&f,
             EVENTS "rule a { on payment(amount > 5) key card action review for 1d score 60 }\n"
                    "rule b { on payment(amount < 0) key card action review }\n"
                    "group g { key card over 24h rules a score sum review at 50 for 2h block at 90 review at 60 }")) {
    EXPECT_PART(explained(&f, "a", EXPLAIN_TEXT),
                "    score 60, action review for 1d (3 of 6: block > allow > review > step_up > captcha > alert)\n");
    EXPECT_PART(explained(&f, "g", EXPLAIN_TEXT),
                "    actions, the strongest first: block > allow > review > step_up > captcha > alert\n");
    EXPECT_PART(
        explained(&f, NULL, EXPLAIN_TEXT),
        "\nactions, the strongest first: block (1 group) > allow > review (2 rules, 1 group) > step_up > captcha > "
        "alert\n");
  }
  tear_down(&f);
  if (set_up(&f, EVENTS "actions hold > note\nrule a { on payment(amount > 5) key card action note }")) {
    EXPECT_PART(explained(&f, "a", EXPLAIN_TEXT), "    action note (2 of 2: hold > note)\n");
    EXPECT_PART(explained(&f, NULL, EXPLAIN_JSON),
                "\"actions\":[\"actions, the strongest first: hold > note (1 rule)\"]}\n");
  }
  tear_down(&f);
  if (set_up(&f, EVENTS "rule a { on payment(amount > 5) key card }"))
    EXPECT(strstr(explained(&f, NULL, EXPLAIN_TEXT), "strongest") == NULL);
  tear_down(&f);
}

TEST(json_has_the_same_content) {
  struct fixture f;
  if (set_up(&f, EVENTS "list l string { \"a\" }\nrule r \"with \\\"quotes\\\"\" { on payment(status in l) key card "
                        "}\nrule s { on rule_minute(seen > 3) }")) {
    const char *json = explained(&f, NULL, EXPLAIN_JSON);
    EXPECT_PART(json,
                "{\"rules\":[{\"rule\":\"r\",\"description\":\"with \\\"quotes\\\"\",\"about\":[],\"does\":[\"For each "
                "card:\",\"  1. one payment event with status in l\"],\"key\":[\"card\"],");
    EXPECT_PART(json,
                "\"conditions\":[\"payment, to begin: status in l: found by one look-up in the list for status\"]");
    EXPECT_PART(json, "],\"not_run\":[{\"rule\":\"s\",\"why\":\"has constructs that this version checks but does not "
                      "run\"}],\"groups\":[],\"derived\":[],\"lists\":[\"list l: 1 entry, about ");
    EXPECT_PART(json, "\"],\"tables\":[],\"actions\":[]}\n");
    const char *text = explained(&f, "s", EXPLAIN_TEXT);
    EXPECT_TEXT(text, "rule s has constructs that this version checks but does not run.\n");
    EXPECT(!explain_ruleset(&f.out, f.set, SLICE("nobody"), EXPLAIN_TEXT));
  }
  tear_down(&f);
}

static const char named[] =
    EVENTS "counter spent = sum(amount) of payment by card over 1h\n"
           "counter idle_one = count() of login by card over 1h\n"
           "let rich = spent > 100\n"
           "list watch string ttl 7d\nlist other string { \"a\" }\n"
           "table last_kind key (card) from event payment { kind string } ttl 30d\n"
           "event hour from payment where kind in other key card window tumbling 1h { n = count() }\n"
           "event low from login where rich { card = card }\n"
           "rule a { on hour(n > 3) key card score 5 add card to watch }\n"
           "rule b { key card match x = payment(amount > 5 and card in watch) then y = low within 1h "
           "emit { kind = last_kind[x.card].kind } score 6 mode shadow }\n"
           "group g { key card over 24h rules a, b score sum all max 50 decay 2h block at 30 for 1h review at 10 to "
           "alarms, mail "
           "}\n";

TEST(whatever_has_a_name_can_be_asked_about) {
  struct fixture f;
  if (set_up(&f, named)) {
    const char *text = explained(&f, "spent", EXPLAIN_TEXT);
    EXPECT_PART(text,
                "counter spent = sum(amount) of payment by card over 1h\n  counts payment by card; keeps events for "
                "1h\n  state: ");
    EXPECT_PART(text, "\n  read by event low\n");
    EXPECT_TEXT(explained(&f, "idle_one", EXPLAIN_TEXT),
                "counter idle_one = count() of login by card over 1h\n  nothing reads it\n");
    EXPECT_PART(explained(&f, "watch", EXPLAIN_TEXT), "\n  changed by rule a\n  read by rule b\n");
    EXPECT_PART(explained(&f, "other", EXPLAIN_TEXT), "list other: 1 entry, ");
    EXPECT_PART(explained(&f, "other", EXPLAIN_TEXT), "\n  read by event hour\n");
    EXPECT_PART(explained(&f, "last_kind", EXPLAIN_TEXT), "\n  read by rule b\n");
    EXPECT_PART(explained(&f, "hour", EXPLAIN_TEXT), "event hour: a tumbling window of 1h by card over payment");
    EXPECT_PART(explained(&f, "hour", EXPLAIN_TEXT), "\n  read by rule a\n");
    EXPECT_TEXT(
        explained(&f, "payment", EXPLAIN_TEXT),
        "event payment: of the inputs, out of order by up to 10s; fields that are read: at, card, amount, kind\n"
        "  read by counter spent, table last_kind, event hour, rule b\n");
    EXPECT_TEXT(explained(&f, "other", EXPLAIN_JSON) +
                    strlen("{\"rules\":[],\"not_run\":[],\"groups\":[],\"others\":[\"list "
                           "other: 1 entry, about 160 bytes"),
                "\",\"  read by event hour\"]}\n");
    buf_clear(&f.out);
    EXPECT(!explain_ruleset(&f.out, f.set, SLICE("watch"), EXPLAIN_DOT));
    EXPECT_INT(f.out.length, 0);
  }
  tear_down(&f);
}

TEST(a_group_is_explained_as_a_rule_is) {
  struct fixture f;
  if (set_up(&f, named)) {
    const char *text = explained(&f, "g", EXPLAIN_TEXT);
    EXPECT_PART(
        text,
        "group g\n  What it does:\n    For each card: of the last 1d, adds up the scores of all alerts of its rules; "
        "a score halves every 2h; 50 is the most\n    Tells `block` when the score comes to 30, for 1h\n    Tells "
        "`review` when the score comes to 10 and stays below 30\n  Rules:\n    a: score 5\n    b: score 6, which "
        "does not count: `mode shadow`\n");
    EXPECT_PART(text, "\n    to alarms, mail\n  Stages:\n    the group is worked on in pass ");
    EXPECT_PART(text, "  State:\n    Each alert is kept for at most 1d of event time, about 56 bytes;");
    EXPECT_PART(explained(&f, "g", EXPLAIN_JSON),
                "{\"rules\":[],\"not_run\":[],\"groups\":[{\"group\":\"g\",\"does\":[");
    const char *dot = explained(&f, "g", EXPLAIN_DOT);
    EXPECT_TEXT(dot,
                "digraph \"g\" {\n  rankdir=LR;\n  group [shape=box,label=\"g\"];\n  rule0 [label=\"a\"];\n  rule0 "
                "-> group [label=\"5\"];\n  rule1 [label=\"b\"];\n  rule1 -> group [label=\"6\"];\n  band0 "
                "[shape=doublecircle,label=\"block\"];\n  group -> band0 [label=\"30\"];\n  band1 "
                "[shape=doublecircle,label=\"review\"];\n  group -> band1 [label=\"10\"];\n}\n");
    EXPECT_PART(explained(&f, NULL, EXPLAIN_DOT), "}\ndigraph \"g\" {\n");
  }
  tear_down(&f);
}

TEST(graphs_of_patterns_and_of_one_condition) {
  struct fixture f;
  if (set_up(&f, EVENTS "rule r { key card  match a = payment(amount > 1) then login within 1h }\nrule s { on "
                        "payment(status == \"x\\\"y\") key card }")) {
    const char *dot = explained(&f, "r", EXPLAIN_DOT);
    EXPECT(strncmp(dot, "digraph", 7) == 0);
    EXPECT_PART(dot, "amount > 1");
    dot = explained(&f, "s", EXPLAIN_DOT);
    EXPECT_PART(dot, "start -> end [label=\"payment: status == ");
    EXPECT_PART(dot, "}\n");
  }
  tear_down(&f);
}

TEST_MAIN
