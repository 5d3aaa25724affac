/* floors: engine rules nfa base */
/* test_run: tests in rule files pass and fail as they should, and say where a rule stopped. */
#include "engine/test_run.h"
#include "rules/check.h"
#include "rules/parse.h"
#include "test.h"

static const char head[] =
    "event payment { event_time at disorder 10s unique id for 1h at time id string card string n int amount decimal(2) "
    "ip ip words [string] country string from \"m.c\" }\n"
    "rule seq { key card match p = payment(n == 1) {3,} then q = payment(n == 2) within 30m\n"
    "  emit { c = count(p) a = q.amount t = q.at i = q.ip w = q.words } suppress 1h }\n"
    "event measure { event_time at at time v float l [float] d duration s string } "
    "rule scaled { on measure key none emit { tiny = v / 3000000 big = v * 1e19 large = v * 4e15 huge = v * 1e30 "
    "less = -v / 7e-17 nano = v * 1e-9 l = l d = d s = s ds = -d nothing = v - v } } "
    "rule quiet { key card match p = payment(n == 5) then no payment for 5m }\n"
    "rule mid { key card match p = payment(n == 6) then no payment(n == 7) then q = payment(n == 8) within 1h }\n"
    "rule off { on payment(n == 9) key card mode off }\n"
    "event need { event_time at jump 1h confirm 3 at time card string required pin string secret mask 0..0 }\n"
    "rule needs { on need key card }\n"
    "rule hidden { on need(pin is not null) key card emit { pin = pin } }\n"
    "rule many { key card match p = payment(n == 1) {100} within 1h }\n"
    "rule gaps { key card match p = payment(n == 1) {3} gap 5m within 1h }\n"
    "rule edge { key card match p = payment(n == 1) then q = payment(n == 2) gap 5m within 1h }\n"
    "rule nexts { key card match p = payment(n == 1) next q = payment(n == 2) within 1h }\n"
    "rule untils { key card match p = payment(n == 1) {2} until (n == 3) within 1h }\n"
    "rule maybe { key card match p = payment(n == 1)? then q = payment(n == 2) within 1h }\n"
    "rule still { on payment(n == 1) key card to nothing }\n"
    "rule lists { key card match p = payment(n == 1) then q = payment(n == 2) within 1h emit { who = q.id } "
    "  add who to seen_ids }\n"
    "list seen_ids string\n"
    "rule spent { on payment(n > 0) key card when sum(amount) over 1h > 100.00 and count() over 10m >= 3 }\n"
    "counter an_hour = count() of payment by card over 1h\n"
    "rule again { on payment key card when n == 7 or not seen(country, 1d) and n == 8 }\n"
    "rule named { on payment key card when an_hour > 1 and (n == 7 or not seen(country, 1d)) }\n"
    "event hour from payment key card window tumbling 1h { n = count() }\n"
    "rule hours { on hour(n > 5) key card }\n"
    "rule more { on payment key card when amount > 2 * avg(amount) over previous 30d }\n"
    "rule steps { key card match p = payment(n == 1 and count() of payment over 1h >= 3) then q = payment(n == 2 and "
    "amount > p.amount and sum(amount) of payment over 1h > 50.00) within 1h }\n"
    "rule block { key card match s = still {3} within 1h }\n"
    "rule small { on payment(n == 1) key card score 30 }\n"
    "rule large { on payment(n == 2) key card emit { who = card } score 40 }\n"
    "rule other { on payment(n == 3) key id emit { card = card } score 25 }\n"
    "group takeover { key card over 1h rules small, large, other score sum block at 90 review at 60 }\n";

struct outcome {
  int status;
  bool passed;
  char text[4096];
};

/* The one test of the rules above with this body. */
static struct outcome outcome_of(const char *rules, const char *body) {
  struct outcome outcome = {.status = -99};
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return outcome;
  struct arena arena;
  arena_init(&arena, mem, 1 << 16);
  char *text = arena_printf(&arena, "%stest \"t\" for %s { %s }\n", head, rules, body);
  struct diags diags;
  diags_init(&diags, &arena);
  struct tree *tree = arena_new(&arena, struct tree);
  tree->arena = &arena;
  struct err err;
  err_clear(&err);
  struct check_options check = {.secret_key = true};
  struct ruleset_options options = {.env = (struct env *)(uintptr_t)env_real(), .for_run = true};
  struct ruleset *ruleset = NULL;
  int status = parse_file(tree, SLICE("t.weir"), slice_of(text), &diags);
  if (status == 0) status = check_tree(tree, &check, &diags);
  if (status == 0) status = ruleset_compile(tree, &options, &diags, &ruleset, &err);
  for (uint32_t i = 0; i < diags.count; i++) printf("%s\n", diags.items[i].text);
  if (status == 0) {
    struct test_result result;
    const struct test_tree *test = tree->decls[tree->decl_count - 1].test;
    outcome.status = test_run(ruleset, tree, test, NULL, &arena, &result, &err);
    outcome.passed = result.passed;
    snprintf(outcome.text, sizeof outcome.text, SLICE_FMT, SLICE_ARG(result.text));
    ruleset_unref(ruleset);
  }
  mem_unguard(mem);
  mem_free_all(mem);
  return outcome;
}

static void passes(const char *rules, const char *body) {
  struct outcome outcome = outcome_of(rules, body);
  if (!outcome.passed) printf("%s\n%s", body, outcome.text);
  EXPECT_INT(outcome.status, 0);
  EXPECT(outcome.passed);
  EXPECT_TEXT(outcome.text, "");
}

static void fails(const char *rules, const char *body, const char *says) {
  struct outcome outcome = outcome_of(rules, body);
  if (outcome.passed || strstr(outcome.text, says) == NULL) printf("%s\n%s", body, outcome.text);
  EXPECT_INT(outcome.status, 0);
  EXPECT(!outcome.passed);
  EXPECT(strstr(outcome.text, says) != NULL);
}

#define THREE "payment { at: \"10:00:00\", card: \"c\", n: 1 } * 3 every 1m "
#define CHARGE "payment { at: \"10:05:00\", card: \"c\", n: 2, amount: 9, ip: \"2001:DB8::1\", words: [\"a\", \"b\"] } "

TEST(what_came_is_compared_as_values) {
  passes("seq",
         THREE CHARGE "expect seq at \"10:05:00\" { c: 3, a: 9.00, t: \"2026-01-05T10:05:00Z\", i: \"2001:db8::1\", "
                      "w: [\"a\", \"b\"], card: \"c\" } expect nothing else");
  passes("seq", THREE CHARGE "expect seq { a: 9 }");
  fails("seq", THREE CHARGE "expect seq { a: 9.01 }",
        "came     seq at \"2026-01-05T10:05:00Z\" { card: \"c\", c: 3, a: 9.00");
  fails("seq", THREE CHARGE "expect seq { w: [\"a\"] }", "expected an alert that did not come");
  fails("seq", THREE CHARGE "expect seq { a: null }", "expected an alert that did not come");
  fails("seq", THREE CHARGE "expect seq at \"10:05:01\"", "expected an alert that did not come");
  fails("seq", THREE CHARGE "expect seq expect seq { c: 3 }", /* each alert meets one */
        "w: [\"a\", \"b\"] }, taken by the `expect` on line 32\n  no further alert of this rule came\n");
}

/* What is told of an alert can be written behind `expect`, and is that alert. */
TEST(what_came_can_be_expected) {
  static const char event[] = "measure { at: \"10:00:00\", v: 34.7, l: [34.7e-19, 1, 34.7e19, 1.152921504606847e18], "
                              "d: 1h30m, s: \"a\\\"\\\\\\n\\t\\u0001\" } ";
  char body[2000];
  snprintf(body, sizeof body, "%sexpect scaled { tiny: 1 }", event);
  struct outcome outcome = outcome_of("scaled", body);
  EXPECT(!outcome.passed);
  const char *came = strstr(outcome.text, "came     ");
  EXPECT(came != NULL);
  if (came == NULL) return;
  came += strlen("came     ");
  const char *end = strchr(came, '\n');
  int length = end == NULL ? (int)strlen(came) : (int)(end - came);
  snprintf(body, sizeof body, "%sexpect %.*s expect nothing else", event, length, came);
  passes("scaled", body);
  EXPECT(
      strstr(
          body,
          "{ tiny: 1.1566666666666667e-5, big: 3.47e20, large: 138800000000000020, huge: 3.4700000000000003e+31, ") !=
      NULL);
  EXPECT(strstr(body, "d: 1h30m, ") != NULL);
}

TEST(nothing_means_no_alert_at_all) {
  passes("seq", THREE "expect nothing");
  fails("seq", THREE CHARGE "expect nothing", "expected nothing\n  came     seq");
  passes("seq", THREE "expect nothing " CHARGE "expect seq"); /* judged where it stands */
  passes("seq", "expect nothing else");
  fails("seq", THREE CHARGE "expect nothing else", "expected nothing else\n  came     seq");
}

TEST(absences_wait_for_time_to_go_on) {
  passes("quiet", "payment { at: \"10:00:00\", card: \"c\", n: 5 } watermark \"10:04:59\" expect nothing");
  passes("quiet", "payment { at: \"10:00:00\", card: \"c\", n: 5 } expect nothing expect quiet at \"10:05:00\"");
  fails("quiet", "payment { at: \"10:00:00\", card: \"c\", n: 5 } watermark \"10:05:01\" expect nothing",
        "came     quiet at \"2026-01-05T10:05:00Z\"");
  fails("quiet",
        "payment { at: \"10:00:00\", card: \"c\", n: 5 } payment { at: \"10:05:00\", card: \"c\", n: 0 } expect quiet",
        "then an event of `no payment` broke the wait");
}

TEST(rules_run_whatever_their_mode_and_only_those_named) {
  passes("off", "payment { at: \"10:00:00\", card: \"c\", n: 9 } expect off expect nothing else");
  passes("quiet", THREE CHARGE "expect nothing else");
}

TEST(a_near_miss_says_where_it_stopped) {
  fails("seq", "payment { at: \"10:00:00\", card: \"c\", n: 1 } * 2 every 1m " CHARGE "expect seq",
        "near miss: that is 2 of the 3 rounds that `p = payment(n == 1) {3,}` needs\n");
  fails("seq", THREE "expect seq", "near miss: no event was then taken by `q = payment(n == 2)`\n");
  fails("seq", "payment { at: \"10:00:00\", card: \"c\", n: 3 } expect seq",
        "near miss: no event was taken by `p = payment");
  fails("mid",
        "payment { at: \"10:00:00\", card: \"c\", n: 6 } payment { at: \"10:01:00\", card: \"c\", n: 7 } "
        "payment { at: \"10:02:00\", card: \"c\", n: 8 } expect mid",
        "then an event of `no payment(n == 7)` barred the way\n");
  fails("mid", "payment { at: \"10:00:00\", card: \"c\", n: 6 } expect mid",
        "no event was then taken by `q = payment(n == 8)`\n");
  fails("off", "payment { at: \"10:00:00\", card: \"c\", n: 8 } expect off", "no event satisfied `payment(n == 9)`\n");
  fails("many", "payment { at: \"10:00:00\", card: \"c\", n: 1 } * 77 every 1s expect many",
        "near miss: that is 77 of the 100 rounds that `p = payment(n == 1) {100}` needs\n");
  fails("maybe", "payment { at: \"10:00:00\", card: \"c\", n: 5 } expect maybe",
        "near miss: no event was taken by `q = payment(n == 2)`\n");
}

/* An event fits the step, and something else keeps it out. */
TEST(a_near_miss_says_what_kept_the_next_event_out) {
  fails("seq", THREE "payment { at: \"10:30:01\", card: \"c\", n: 2 } expect seq",
        "near miss: `q` at 2026-01-05T10:30:01Z came too late: `within 30m` was over\n");
  fails("seq", "payment { at: \"10:00:00\", card: \"c\", n: 1 } * 3 every 20m expect seq",
        "that is 2 of the 3 rounds that `p = payment(n == 1) {3,}` needs\n"
        "  near miss: `p` at 2026-01-05T10:40:00Z came too late: `within 30m` was over\n");
  fails("gaps", "payment { at: \"10:00:00\", card: \"c\", n: 1 } * 3 every 6m expect gaps",
        "that is 1 of the 3 rounds that `p = payment(n == 1) {3} gap 5m` needs\n"
        "  near miss: `p` at 2026-01-05T10:06:00Z came too late: `gap 5m` was over\n");
  fails("edge",
        "payment { at: \"10:00:00\", card: \"c\", n: 1 } payment { at: \"10:06:00\", card: \"c\", n: 2 } expect edge",
        "near miss: `q` at 2026-01-05T10:06:00Z came too late: `gap 5m` was over\n");
  fails("nexts",
        "payment { at: \"10:00:00\", card: \"c\", n: 1 } payment { at: \"10:01:00\", card: \"c\", n: 3 } "
        "payment { at: \"10:02:00\", card: \"c\", n: 2 } expect nexts",
        "near miss: `q` at 2026-01-05T10:02:00Z came, but not as the very next event\n");
  fails("untils",
        "payment { at: \"10:00:00\", card: \"c\", n: 1 } payment { at: \"10:01:00\", card: \"c\", n: 3 } "
        "payment { at: \"10:02:00\", card: \"c\", n: 1 } expect untils",
        "near miss: `p` at 2026-01-05T10:02:00Z came, but `until` had closed the loop\n");
  fails("nexts",
        "payment { at: \"10:00:00\", card: \"c\", n: 1 } payment { at: \"10:01:00\", card: \"c\", n: 3 } "
        "payment { at: \"11:02:00\", card: \"c\", n: 2 } expect nexts",
        "came, but more than one of `within`, `gap`, `no`, `next` and `until` kept it out\n");
}

TEST(matches_that_were_not_told) {
  fails("seq",
        THREE CHARGE "payment { at: \"10:06:00\", card: \"c\", n: 1 } * 3 every 1m "
                     "payment { at: \"10:09:00\", card: \"c\", n: 2 } expect seq expect seq",
        "  suppressed seq at \"2026-01-05T10:09:00Z\" { card: \"c\", c: 3, a: null");
}

TEST(a_rule_to_nothing_can_be_expected_and_is_not_told) {
  passes("still", "payment { at: \"10:00:00\", card: \"c\", n: 1 } expect still { card: \"c\" } expect nothing else");
  passes("still", "payment { at: \"10:00:00\", card: \"c\", n: 1 } expect nothing");
  fails("still", "payment { at: \"10:00:00\", card: \"c\", n: 1 } expect still expect still",
        "  came     still at \"2026-01-05T10:00:00Z\" { card: \"c\" }, taken by the `expect` on line 32\n"
        "  no further alert of this rule came\n");
  passes("block", THREE "expect block expect nothing else");
}

TEST(a_near_miss_adds_nothing_to_lists) {
  fails("lists", "payment { at: \"10:00:00\", card: \"c\", n: 1 } expect lists",
        "near miss: no event was then taken by `q = payment(n == 2)`\n");
}

/* What a rule stands on runs beside the shortened ones. */
TEST(a_near_miss_of_a_rule_that_stands_on_alerts) {
  fails("block", "payment { at: \"10:00:00\", card: \"c\", n: 1 } * 2 every 1m expect block",
        "near miss: it got as far as `s` at 2026-01-05T10:00:00Z, `s` at 2026-01-05T10:01:00Z\n"
        "  near miss: that is 2 of the 3 rounds that `s = still {3}` needs\n");
}

TEST(a_near_miss_says_what_was_counted) {
  fails("spent", "payment { at: \"10:00:00\", card: \"c\", n: 1, amount: 49.80 } * 2 every 1m expect spent",
        "  no alert of this rule came\n"
        "  near miss: `payment` at 2026-01-05T10:01:00Z came nearest\n"
        "  near miss: `sum(amount) over 1h` was 99.60, needs > 100.00\n"
        "  near miss: `count() over 10m` was 2, needs >= 3\n");
  fails("spent",
        "payment { at: \"10:00:00\", card: \"c\", n: 1, amount: 49.80 } * 2 every 1m "
        "payment { at: \"10:20:00\", card: \"c\", n: 1, amount: 9.80 } expect spent",
        "  near miss: `payment` at 2026-01-05T10:20:00Z came nearest\n"
        "  near miss: `count() over 10m` was 1, needs >= 3\n");
  fails("spent", "payment { at: \"10:00:00\", card: \"c\", n: 0 } expect spent",
        "near miss: no event satisfied `payment(n > 0)`\n");
  fails("named", "payment { at: \"10:00:00\", card: \"c\", country: \"DE\", n: 1 } * 2 every 1m expect named",
        "near miss: `payment` at 2026-01-05T10:00:00Z came nearest\n  near miss: `an_hour` was 1, needs > 1\n");
  fails("named", "payment { at: \"10:00:00\", card: \"c\" } expect named",
        "near miss: `an_hour` was 1, needs > 1\n"
        "  near miss: `n == 7 or not seen(country, 1d)` was unknown: `n` was null, `seen(country, 1d)` was null\n");
  fails(
      "again", "payment { at: \"10:00:00\", card: \"c\", country: \"DE\", n: 1 } expect again",
      "near miss: `n == 7 or not seen(country, 1d) and n == 8` was false: `n` was 1, `seen(country, 1d)` was false\n");
  fails("more", "payment { at: \"10:00:00\", card: \"c\", amount: 10.00 } * 2 every 1m expect more",
        "near miss: `amount` was 10.00, needs > `2 * avg(amount) over previous 30d`, which was 20\n");
}

TEST(a_near_miss_says_what_was_made) {
  fails("hours", "payment { at: \"10:00:00\", card: \"c\", n: 1 } * 2 every 1m expect hours",
        "near miss: no event satisfied `hour(n > 5)`\n"
        "  near miss: `hour` at 2026-01-05T11:00:00Z came nearest\n"
        "  near miss: `n` was 2, needs > 5\n");
}

TEST(a_near_miss_says_what_a_step_counted) {
  fails("steps", "payment { at: \"10:00:00\", card: \"c\", n: 1, amount: 1.00 } * 2 every 1m expect steps",
        "near miss: no event was taken by `p = payment(n == 1 and count() of payment over 1h >= 3)`\n"
        "  near miss: `payment` at 2026-01-05T10:01:00Z came nearest\n"
        "  near miss: `count() of payment over 1h` was 2, needs >= 3\n");
  fails("steps",
        "payment { at: \"10:00:00\", card: \"c\", n: 1, amount: 1.00 } * 3 every 1m "
        "payment { at: \"10:05:00\", card: \"c\", n: 2, amount: 9.00 } expect steps",
        "  near miss: `payment` at 2026-01-05T10:05:00Z came nearest\n"
        "  near miss: `sum(amount) of payment over 1h` was 12.00, needs > 50.00\n");
}

#define SMALL "payment { at: \"10:00:00\", card: \"c\", n: 1 } "
#define LARGE "payment { at: \"10:01:00\", card: \"c\", n: 2 } "
#define OTHER "payment { at: \"10:02:00\", card: \"c\", id: \"i\", n: 3 } "

TEST(a_group_runs_with_its_rules) {
  passes("takeover", SMALL LARGE "expect takeover at \"10:01:00\" { band: \"review\", rules: [\"large\", \"small\"], "
                                 "score: 70, card: \"c\" } expect nothing else");
  passes("takeover, small", SMALL LARGE "expect small expect takeover expect nothing else");
  passes("small", SMALL LARGE "expect small expect nothing else"); /* a group that is not named is not told */
  passes("takeover", SMALL SMALL "expect nothing");
  fails("takeover", SMALL LARGE "expect nothing",
        "expected nothing\n  came     takeover at \"2026-01-05T10:01:00Z\" { card: \"c\", band: \"review\", rules: "
        "[\"large\", \"small\"], score: 70 }\n");
  fails("takeover", SMALL LARGE "expect takeover { rules: [\"small\", \"large\"] }", "came     takeover");
  passes("takeover", SMALL LARGE OTHER "expect takeover { band: \"block\" } expect takeover { band: \"review\" }");
}

TEST(a_near_miss_of_a_group_is_its_highest_score) {
  fails("takeover", SMALL "expect takeover",
        "  no alert of this group came\n"
        "  near miss: the score of { card: \"c\" } came to 30 at 2026-01-05T10:00:00Z (`small` 30)\n"
        "  near miss: `review` begins at 60\n");
  fails("takeover", SMALL LARGE "expect takeover expect takeover { band: \"block\" }",
        "  no further alert of this group came\n"
        "  near miss: the score of { card: \"c\" } came to 70 at 2026-01-05T10:01:00Z (`large` 40, `small` 30)\n"
        "  near miss: `block` begins at 90\n");
  fails("takeover", SMALL "expect takeover { card: \"d\" }",
        "  near miss: no alert of its rules came that counts in it\n");
  fails("takeover",
        LARGE "payment { at: \"10:03:00\", card: \"d\", n: 1 } expect takeover { band: \"block\", card: \"d\" }",
        "the score of { card: \"d\" } came to 30 at 2026-01-05T10:03:00Z (`small` 30)\n");
}

TEST(an_event_that_is_refused_fails_the_test) {
  fails("needs", "need { at: \"10:00:00\" } expect nothing",
        "t.weir:32:22: this event was refused: `card`: required, but missing or null\n");
  fails("needs", "need { at: \"10:00:00\", card: null } * 3 every 1m expect nothing",
        "3 of these 3 events were refused; the first: `card`: required, but missing or null\n");
  fails("needs", "need { at: \"10:00:00\", card: \"c\" } need { at: \"12:00:00\", card: \"c\" } expect nothing",
        "this event was refused: 2026-01-05T12:00:00Z leaps more than 1h ahead of 2026-01-05T10:00:00Z\n");
}

TEST(a_late_event_fails_the_test_unless_it_is_meant) {
  fails(
      "seq", THREE "payment { at: \"09:00:00\", card: \"c\", n: 2 } expect nothing",
      "this event is late: no event before 2026-01-05T10:01:50Z was expected any more\n  send it earlier; or, if that "
      "is what the test shows, put `watermark \"2026-01-05T10:01:50Z\"` before it\n");
  fails("seq", "watermark \"10:00:00\" " THREE "payment { at: \"10:01:30\", card: \"c\", n: 2 } expect nothing",
        "this event is late");
  passes("seq",
         THREE "watermark \"2026-01-05T10:01:50Z\" payment { at: \"10:01:30\", card: \"c\", n: 2 } expect nothing");
  fails("seq", THREE "watermark \"10:02:00\" payment { at: \"10:01:30\", card: \"c\", n: 2 } expect seq",
        "note: 1 of the events sent was late\n");
}

TEST(duplicates_are_told_also_where_the_test_passes) {
  fails("seq", "payment { at: \"10:00:00\", card: \"c\", n: 1, id: \"x\" } * 3 every 1m " CHARGE "expect seq",
        "note: 2 of the events sent were duplicates (`unique`)\n");
  struct outcome outcome =
      outcome_of("seq", "payment { at: \"10:00:00\", card: \"c\", n: 1, id: \"x\" } * 2 " CHARGE "expect nothing");
  EXPECT(outcome.passed);
  EXPECT_TEXT(outcome.text, "note: 1 of the events sent was a duplicate (`unique`)\n");
}

TEST(secrets_are_compared_and_shown_in_clear) {
  passes("hidden", "need { at: \"10:00:00\", card: \"c\", pin: \"1234\" } expect hidden { pin: \"1234\" }");
  fails("hidden", "need { at: \"10:00:00\", card: \"c\", pin: \"1234\" } expect hidden { pin: \"****\" }",
        "came     hidden at \"2026-01-05T10:00:00Z\" { card: \"c\", pin: \"1234\" }\n");
}

TEST_MAIN
