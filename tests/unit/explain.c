/* floors: base nfa rules */
/* explain.c - what is said about a rule: sentences for each construct, the same content as JSON, graphs. */
#include "rules/explain.h"

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
                      "run\"}],\"lists\":[\"list l: 1 entry, about ");
    EXPECT_PART(json, "\"],\"tables\":[]}\n");
    const char *text = explained(&f, "s", EXPLAIN_TEXT);
    EXPECT_TEXT(text, "rule s has constructs that this version checks but does not run.\n");
    EXPECT(!explain_ruleset(&f.out, f.set, SLICE("nobody"), EXPLAIN_TEXT));
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
