/* floors: engine rules nfa base */
/* The library, through weir.h alone: records in, exact alerts and dead letters out, and that nothing depends on how the
 * input is cut. */
#include <stdlib.h>

#include "base/env.h"
#include "engine/weir.h"
#include "test.h"

/* ---- a run: rules, inputs of lines, everything that comes out as one text each ---- */

enum { OUT_MAX = 1 << 20, INPUTS_MAX = 4 };

struct run {
  struct weir_options options;
  const char *rules;
  const char *inputs[INPUTS_MAX]; /* lines of JSON; NULL = no more */
  const char *sources[INPUTS_MAX], *types[INPUTS_MAX];
  enum weir_format format;
  size_t lines_per_push; /* 0 = all at once */
  bool no_finish;
  /* out */
  char alerts[OUT_MAX], refused[OUT_MAX];
  struct weir_stats stats;
  char made[1024], groups[1024]; /* derived events and groups by name, as text */
  struct err err;
  int status;
};

static size_t append(char *out, size_t length, struct weir_bytes bytes) {
  if (length + bytes.length + 2 > OUT_MAX) return length;
  memcpy(out + length, bytes.data, bytes.length);
  out[length + bytes.length] = '\n';
  out[length + bytes.length + 1] = '\0';
  return length + bytes.length + 1;
}

static void take(struct run *run, struct weir *weir) {
  struct weir_alert alert;
  struct weir_refused refused;
  size_t length = strlen(run->alerts);
  while (weir_next_alert(weir, &alert)) length = append(run->alerts, length, alert.json);
  length = strlen(run->refused);
  while (weir_next_refused(weir, &refused)) {
    if (refused.sink.length > 0) length = append(run->refused, length, refused.sink);
    length = append(run->refused, length, refused.json);
  }
}

static size_t first_lines(const char *text, size_t lines) {
  if (lines == 0) return strlen(text);
  const char *at = text;
  for (; lines > 0 && *at != '\0'; lines--) {
    const char *end = strchr(at, '\n');
    if (end == NULL) return strlen(text);
    at = end + 1;
  }
  return (size_t)(at - text);
}

static int feed(struct run *run, struct weir *weir) {
  const char *rest[INPUTS_MAX];
  int count = 0;
  for (; count < INPUTS_MAX && run->inputs[count] != NULL; count++) {
    rest[count] = run->inputs[count];
    const char *source = run->sources[count] == NULL ? "file" : run->sources[count];
    int input = weir_open(weir, source, run->types[count], run->format, &run->err);
    if (input < 0) return input;
  }
  for (int input; (input = weir_next_input(weir)) >= 0;) {
    size_t length = first_lines(rest[input], run->lines_per_push);
    int status =
        length == 0 ? weir_end(weir, input, &run->err) : weir_push(weir, input, rest[input], length, &run->err);
    if (status != 0) return status;
    rest[input] += length;
    take(run, weir);
    if (rest[input][0] == '\0' && run->no_finish) break; /* such a run has one input */
  }
  return run->no_finish ? 0 : weir_finish(weir, &run->err);
}

static void look_at_names(struct run *run, struct weir *weir) {
  struct weir_derived derived;
  struct weir_group_stats group;
  run->made[0] = run->groups[0] = '\0';
  for (uint64_t cursor = 0; weir_next_derived(weir, &cursor, &derived);) {
    size_t length = strlen(run->made);
    snprintf(run->made + length, sizeof run->made - length, "%.*s %llu\n", (int)derived.event.length,
             derived.event.data, (unsigned long long)derived.made);
  }
  for (uint64_t cursor = 0; weir_next_group(weir, &cursor, &group);) {
    size_t length = strlen(run->groups);
    snprintf(run->groups + length, sizeof run->groups - length, "%.*s %llu %llu %llu\n", (int)group.group.length,
             group.group.data, (unsigned long long)group.told, (unsigned long long)group.alerts,
             (unsigned long long)group.null_key);
  }
}

static void run(struct run *run) {
  run->alerts[0] = run->refused[0] = '\0';
  struct weir *weir = weir_new(&run->options, &run->err);
  run->status = weir_load_text(weir, "test.weir", run->rules, strlen(run->rules), &run->err);
  if (run->status != 0) printf("%s\n%s", run->err.text, weir_diagnostics(weir, false));
  if (run->status == 0) run->status = feed(run, weir);
  take(run, weir);
  weir_stats(weir, &run->stats);
  look_at_names(run, weir);
  if (run->status == 0)
    EXPECT(run->stats.read == run->stats.processed + run->stats.late + run->stats.dead + run->stats.duplicate +
                                  run->stats.ignored + run->stats.held);
  weir_free(weir);
}

static struct run *new_run(const char *rules, const char *input) {
  struct run *fresh = calloc(1, sizeof *fresh);
  fresh->rules = rules;
  fresh->inputs[0] = input;
  return fresh;
}

/* How often `part` stands in `text`. */
static int times(const char *text, const char *part) {
  int count = 0;
  for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) count++;
  return count;
}

#define HAS(text, part)                                                                                                \
  do {                                                                                                                 \
    if (strstr((text), (part)) == NULL) printf("in\n%s\n", (text));                                                    \
    EXPECT(strstr((text), (part)) != NULL);                                                                            \
  } while (0)

#define PAYMENT                                                                                                        \
  "event payment { event_time at at time(s) id string card string n int amount decimal(2) words [string] ip ip }\n"

/* ---- alerts ---- */

TEST(an_alert_has_exactly_these_bytes) {
  struct run *r =
      new_run("event payment { event_time at at time card string required amount decimal(2) }\n"
              "rule big \"says so\" { on payment(amount > 5) key card severity high score 60 action review\n"
              "  tags \"a\", \"b\" owner \"me\" runbook \"http://x\" emit { a = amount h = amount / 3 s = card }\n"
              "  message \"{{{card}}} {a}\" to alerts with because matched fields }\n",
              "{\"at\":\"2026-11-21T11:05:00.25+01:00\",\"card\":\"c\\\"1\",\"amount\":9}\r\n\n"
              "{\"at\":\"2026-11-21T10:06:00Z\",\"card\":\"c2\",\"amount\":1}");
  run(r);
  EXPECT_INT(r->status, 0);
  const char *id = strstr(r->alerts, "\"id\":\"");
  EXPECT(id != NULL);
  if (id != NULL) memset((char *)(uintptr_t)id + 6, 'x', 32);
  EXPECT_TEXT(r->alerts,
              "{\"rule\":\"big\",\"version\":1,\"id\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\","
              "\"time\":\"2026-11-21T10:05:00.25Z\",\"cause\":\"match\",\"key\":{\"card\":\"c\\\"1\"},"
              "\"severity\":\"high\",\"score\":60,\"action\":\"review\",\"tags\":[\"a\",\"b\"],\"owner\":\"me\","
              "\"runbook\":\"http://x\",\"fields\":{\"a\":9.00,\"h\":3,\"s\":\"c\\\"1\"},"
              "\"message\":\"{c\\\"1} 9.00\",\"matched\":[{\"step\":\"payment\",\"event\":\"payment\","
              "\"time\":\"2026-11-21T10:05:00.25Z\",\"source\":\"file\",\"partition\":0,\"offset\":0,"
              "\"fields\":{\"at\":\"2026-11-21T10:05:00.25Z\",\"card\":\"c\\\"1\",\"amount\":9.00}}],"
              "\"because\":[{\"condition\":\"amount > 5\",\"values\":{\"amount\":9.00}}]}\n");
  EXPECT_INT(r->stats.read, 2); /* the blank line is no record */
  free(r);
}

/* The documented bytes, hashed here by hand with XXH3-128: docs/alert-id.md is kept true by this number. */

TEST(the_id_is_as_documented_and_follows_unique) {
  struct run *r =
      new_run(PAYMENT "rule a { on payment(n > 0) key card }\n", "{\"at\":1,\"card\":\"c\",\"n\":1,\"id\":\"i1\"}\n");
  run(r);
  HAS(r->alerts, "\"id\":\"8e088bb009fa2353f16e4e9dfa2f85fb\"");
  free(r);
  static const char unique[] =
      "event payment { event_time at unique id for 10m at time(s) id string card string n int }\n"
      "rule a { on payment(n > 0) key card }\n";
  struct run *here = new_run(unique, "{\"at\":1,\"card\":\"c\",\"n\":1,\"id\":\"i1\"}\n");
  struct run *there = new_run(unique, "{}\n{\"at\":1,\"card\":\"c\",\"n\":1,\"id\":\"i1\"}\n");
  there->sources[0] = "mirror";
  run(here);
  run(there);
  EXPECT(strncmp(strstr(here->alerts, "\"id\""), strstr(there->alerts, "\"id\""), 40) == 0);
  free(here);
  free(there);
}

/* Events that are derived of one with `unique` have its value, their type and their number; also through two hands, and
 * where their cause has none, its place. */
TEST(the_id_follows_unique_through_derived_events) {
  static const char rules[] =
      "event payment { event_time at unique id for 10m at time(s) id string card string n int words [string] }\n"
      "event other { event_time at at time(s) card string n int }\n"
      "event both from payment, other where n > 0 { card = card n = n }\n"
      "event word from payment each w in words { card = card w = w }\n"
      "event again from word where w != \"y\" { card = card }\n"
      "rule a { on both key card }\n"
      "rule b { key card match x = again then y = word within 1s }\n"
      "rule c { on word key card }\n";
#define RECORD "{\"type\":\"payment\",\"at\":1,\"card\":\"c\",\"n\":1,\"id\":\"i1\",\"words\":[\"x\",\"y\"]}\n"
#define OTHER "{\"type\":\"other\",\"at\":1,\"card\":\"c\",\"n\":1}\n"
  struct run *here = new_run(rules, RECORD OTHER), *there = new_run(rules, "{}\n" RECORD OTHER);
  there->sources[0] = "mirror";
  run(here);
  run(there);
  EXPECT_INT(times(here->alerts, "\n"), 5);
  EXPECT_INT(times(there->alerts, "\n"), 5);
  const char *a = here->alerts, *b = there->alerts;
  char ids[5][40];
  for (int i = 0; i < 5; i++) {
    a = strstr(a, "\"id\":\"") + 6;
    b = strstr(b, "\"id\":\"") + 6;
    EXPECT((strncmp(a, b, 32) == 0) == (i < 4)); /* the last is told of `other`, which has no `unique` */
    memcpy(ids[i], a, 32);
    for (int j = 0; j < i; j++) EXPECT(memcmp(ids[i], ids[j], 32) != 0);
  }
  HAS(here->alerts, "\"id\":\"1423d2a80739bcd237a723805b6f71be\"");
  free(here);
  free(there);
}

/* Events of filters are known by their type and their number in it: also those that filters which ask make, each in its
 * own turn, of one record, and what is made of them and of the record itself. Other declarations change nothing. */
TEST(ids_of_derived_events_are_their_own) {
#define WORDS                                                                                                          \
  "event payment { event_time at at time(s) card string words [string] }\n"                                            \
  "event word from payment each w in words { card = card w = w }\n"                                                    \
  "event asked from word where count() of word by card over 1h >= 1 { card = card w = w }\n"                           \
  "event behind from payment, asked, word { card = card }\n"                                                           \
  "event pair join x = asked, y = word key card where y.time between x.time and x.time { w = x.w v = y.w }\n"          \
  "rule a { on word key card }\nrule b { on asked key card }\nrule c { on behind key card }\n"                         \
  "rule d { on pair key card }\n"
  static const char other[] = "event aaa from payment { card = card }\n"
                              "event bbb from word where count() of payment by card over 1h >= 1 { card = card }\n"
                              "event ccc from bbb, aaa, asked { card = card }\n"
                              "rule z { on ccc key card to nothing }\n";
  static char text[4096];
  snprintf(text, sizeof text, "%s%s", WORDS, other);
  static const char record[] = "{\"at\":1,\"card\":\"c\",\"words\":[\"x\",\"y\",\"x\"]}\n";
  struct run *alone = new_run(WORDS, record), *among = new_run(text, record);
  run(alone);
  run(among);
  EXPECT(strcmp(alone->alerts, among->alerts) == 0);
  EXPECT_INT(times(alone->alerts, "\n"), 3 + 3 + 7 + 9);
  char ids[22][32];
  const char *at = alone->alerts;
  for (int i = 0; i < 22 && (at = strstr(at, "\"id\":\"")) != NULL; i++) {
    at += 6;
    memcpy(ids[i], at, 32);
    for (int j = 0; j < i; j++) EXPECT(memcmp(ids[i], ids[j], 32) != 0);
  }
  HAS(alone->made, "asked 3\n");
  HAS(alone->made, "behind 7\n");
  free(alone);
  free(among);
}

TEST(long_matches_show_the_first_63_and_the_last) {
  static char lines[8192];
  for (int i = 0; i < 70; i++) {
    size_t length = strlen(lines);
    snprintf(lines + length, sizeof lines - length, "{\"at\":%d,\"card\":\"c\",\"n\":%d}\n", i, i < 69 ? 1 : 2);
  }
  struct run *r = new_run(PAYMENT "rule a { key card match p = payment(n == 1) {69} then q = payment(n == 2) within 1h "
                                  "emit { c = count(p) } }",
                          lines);
  run(r);
  EXPECT_INT(times(r->alerts, "\"step\":"), 64);
  HAS(r->alerts, "\"offset\":62},{\"step\":\"q\",\"event\":\"payment\",\"time\":\"1970-01-01T00:01:09Z\",\"source\":"
                 "\"file\",\"partition\":0,\"offset\":69,\"more\":6}]}\n");
  HAS(r->alerts, "\"fields\":{\"c\":69}");
  free(r);
}

TEST(secrets_never_leave_in_clear) {
  setenv("WEIR_SECRET_KEY", "Jefe", 1);
  struct run *r =
      new_run("event login { event_time at at time(s) user string secret card string secret mask 6..4 n int }\n"
              "rule a { key user match x = login(n == 1) then y = login(n == 2) within 1h\n"
              "  emit { u = y.user c = x.card l = length(y.user) } message \"{user} {c} {l}\" matched fields }",
              "{\"at\":1,\"user\":\"ana\",\"card\":\"4111111111111234\",\"n\":1}\n"
              "{\"at\":2,\"user\":\"ana\",\"card\":\"4111111111111234\",\"n\":2}\n");
  run(r);
  EXPECT_INT(times(r->alerts, "ana"), 0);
  EXPECT_INT(times(r->alerts, "4111111111111234"), 0);
  EXPECT_INT(times(r->alerts, "411111******1234"), 4); /* c, message, both events */
  HAS(r->alerts, "\"l\":3");
  unsetenv("WEIR_SECRET_KEY");
  free(r);
}

TEST(shadow_is_marked_and_nothing_is_silent) {
  struct run *r = new_run(PAYMENT "rule a { on payment(n == 1) key card mode shadow }\n"
                                  "rule b { on payment(n == 1) key card to nothing }\n"
                                  "rule c { on payment(n == 1) key card mode off }\n",
                          "{\"at\":1,\"card\":\"c\",\"n\":1}\n");
  run(r);
  EXPECT_INT(times(r->alerts, "\n"), 1);
  HAS(r->alerts, "\"key\":{\"card\":\"c\"},\"mode\":\"shadow\",\"fields\"");
  EXPECT_INT(r->stats.alerts, 1);
  EXPECT_INT(r->stats.shadow, 1);
  EXPECT_INT(r->stats.to_nothing, 1);
  free(r);
}

TEST(suppressed_alerts_are_counted_and_said) {
  struct run *r =
      new_run(PAYMENT "rule a { on payment(n > 0) key card emit { n = n } suppress 10s unless n >= 2 * told.n }",
              "{\"at\":1,\"card\":\"c\",\"n\":2}\n{\"at\":2,\"card\":\"c\",\"n\":3}\n"
              "{\"at\":2,\"card\":\"d\",\"n\":3}\n{\"at\":3,\"card\":\"c\",\"n\":4}\n"
              "{\"at\":13,\"card\":\"c\",\"n\":1}\n");
  run(r);
  EXPECT_INT(times(r->alerts, "\n"), 4);
  EXPECT_INT(times(r->alerts, "\"suppressed\":1}"), 1);
  EXPECT_INT(r->stats.suppressed, 1);
  free(r);
}

TEST(deadlines_are_told_after_events_and_by_key_text) {
  struct run *r = new_run(PAYMENT "rule b { key card match a = payment(n == 1) then no payment for 10s }\n"
                                  "rule c { key card match a = payment(n == 1) then no payment for 10s }\n"
                                  "rule a { on payment(n == 9) key card }\n",
                          "{\"at\":1,\"card\":\"z\",\"n\":1}\n{\"at\":1,\"card\":\"a\",\"n\":1}\n"
                          "{\"at\":1,\"card\":\"m\",\"n\":1}\n{\"at\":11,\"card\":\"q\",\"n\":9}\n"
                          "{\"at\":11,\"card\":\"m\",\"n\":0}\n");
  run(r);
  const char *expected[] = {"{\"rule\":\"a\"", "{\"rule\":\"b\"", "\"a\"}", "{\"rule\":\"b\"",
                            "\"z\"}",          "{\"rule\":\"c\"", "\"a\"}", "{\"rule\":\"c\""};
  const char *at = r->alerts;
  for (unsigned i = 0; i < 8 && at != NULL; i++) {
    at = strstr(at, expected[i]);
    EXPECT(at != NULL);
    if (at != NULL) at++;
  }
  EXPECT_INT(times(r->alerts, "\n"), 5); /* an event exactly at its deadline breaks the wait of m */
  free(r);
}

/* ---- records that are not taken ---- */

TEST(every_broken_record_is_told_and_counted) {
  struct run *r = new_run("event payment { event_time at disorder 5s at time(s) card string required n int }\n"
                          "event other { event_time at at time(s) }\n"
                          "rule a { on payment(n > 0) key card }\n",
                          "{\"type\":\"payment\",\"at\":100,\"card\":\"c\",\"n\":1}\n"
                          "{\"type\":\"payment\",\"at\":100,\"card\":\"c\",\"n\":1\n"
                          "{\"type\":\"payment\",\"card\":\"c\",\"n\":1}\n"
                          "{\"type\":\"payment\",\"at\":\"x\",\"card\":\"c\"}\n"
                          "{\"type\":\"payment\",\"at\":100,\"n\":1}\n"
                          "{\"type\":\"nobody\",\"at\":100}\n"
                          "{\"at\":100}\n"
                          "{\"type\":\"payment\",\"at\":94,\"card\":\"c\",\"n\":1}\n"
                          "{\"type\":\"payment\",\"at\":95,\"card\":\"c\",\"n\":5.0}\n"
                          "{\"type\":\"payment\",\"at\":95,\"card\":\"c\",\"n\":7.5}\n"
                          "{\"type\":\"payment\",\"at\":95,\"card\":\"\xff\"}\n");
  run(r);
  EXPECT_INT(r->stats.read, 11);
  EXPECT_INT(r->stats.dead, 6);
  EXPECT_INT(r->stats.ignored, 1);
  EXPECT_INT(r->stats.late, 1);
  EXPECT_INT(r->stats.processed, 3);
  EXPECT_INT(r->stats.bad_fields, 2);
  HAS(r->refused, "{\"dead_letter\":\"bad_json\"");
  HAS(r->refused, "{\"dead_letter\":\"no_time\"");
  HAS(r->refused, "{\"dead_letter\":\"bad_time\"");
  HAS(r->refused, "{\"dead_letter\":\"bad_required\"");
  HAS(r->refused, "{\"dead_letter\":\"bad_schema\"");
  HAS(r->refused, "{\"dead_letter\":\"bad_utf8\"");
  HAS(r->refused, "{\"late\":\"payment\",\"source\":\"file\",\"partition\":0,\"offset\":7,"
                  "\"time\":\"1970-01-01T00:01:34Z\",\"watermark\":\"1970-01-01T00:01:35Z\",\"record\":");
  EXPECT_INT(times(r->refused, "\"dead_letter\":\"bad_field\""), 1); /* one sample a minute */
  HAS(r->refused, "\"offset\":8,\"taken\":true,\"field\":\"n\",");
  free(r);
}

TEST(late_policies) {
  static const char lines[] = "{\"at\":10,\"card\":\"c\"}\n{\"at\":9,\"card\":\"c\"}\n";
  static const struct {
    const char *policy;
    int rows;
    const char *sink;
  } cases[] = {
      {"", 1, "{\"late\""}, {"late drop", 0, ""}, {"late accept", 0, ""}, {"late side lates", 2, "lates\n{\"late\""}};
  for (unsigned i = 0; i < 4; i++) {
    char rules[256];
    snprintf(rules, sizeof rules, "event p { event_time at %s at time(s) card string }\nrule a { on p key card }\n",
             cases[i].policy);
    struct run *r = new_run(rules, lines);
    run(r);
    EXPECT_INT(r->stats.late, 1);
    EXPECT_INT(times(r->refused, "\n"), cases[i].rows);
    HAS(r->refused, cases[i].sink);
    EXPECT_INT(times(r->alerts, "\n"), 1);
    free(r);
  }
}

TEST(clocks_that_leap_are_held_back) {
  struct run *r =
      new_run("event p { event_time at jump 1m confirm 3 at time(s) n int }\nrule a { on p(n > 0) key none }\n",
              "{\"at\":10,\"n\":1}\n{\"at\":9999,\"n\":2}\n{\"at\":11,\"n\":3}\n{\"at\":500,\"n\":4}\n"
              "{\"at\":501,\"n\":5}\n{\"at\":502,\"n\":6}\n{\"at\":503,\"n\":7}\n");
  run(r);
  EXPECT_INT(r->stats.dead, 3);
  EXPECT_INT(times(r->refused, "{\"dead_letter\":\"bad_clock\""), 3);
  EXPECT_INT(times(r->alerts, "\n"), 4);
  HAS(r->refused, "\"detail\":\"1970-01-01T02:46:39Z leaps more than 1m ahead of 1970-01-01T00:00:10Z\"");
  free(r);
}

TEST(duplicates_are_counted) {
  struct run *r =
      new_run("event p { event_time at unique id for 10s at time(s) id string }\nrule a { on p key none }\n",
              "{\"at\":1,\"id\":\"a\"}\n{\"at\":2,\"id\":\"a\"}\n{\"at\":2}\n{\"at\":3}\n{\"at\":11,\"id\":\"a\"}\n");
  run(r);
  EXPECT_INT(r->stats.duplicate, 1);
  EXPECT_INT(r->stats.processed, 4);
  free(r);
}

/* ---- order ---- */

TEST(watermark_when_holds_events_until_a_heartbeat) {
  struct run *r = new_run("event p { event_time at watermark when (kind == \"beat\") at time(s) kind string }\n"
                          "rule a { on p(kind == \"x\") key none }\n",
                          "{\"at\":5,\"kind\":\"x\"}\n{\"at\":3,\"kind\":\"x\"}\n{\"at\":4,\"kind\":\"beat\"}\n");
  r->no_finish = true;
  run(r);
  EXPECT_INT(times(r->alerts, "\n"), 1);
  HAS(r->alerts, "00:00:03Z");
  EXPECT_INT(r->stats.held, 2);
  free(r);
}

TEST(arrival_takes_the_highest_time_and_waits_for_nothing) {
  struct run *r = new_run(
      "event p { event_time at disorder 1h at time(s) n int }\nrule a { on p(n > 0) key none emit { own = at } }\n",
      "{\"at\":10,\"n\":1}\n{\"at\":5,\"n\":1}\n");
  r->options.order = WEIR_ORDER_ARRIVAL;
  r->no_finish = true;
  run(r);
  EXPECT_INT(times(r->alerts, "\n"), 2);
  EXPECT_INT(times(r->alerts, "\"time\":\"1970-01-01T00:00:10Z\",\"cause\""), 2);
  HAS(r->alerts, "\"own\":\"1970-01-01T00:00:05Z\"");
  free(r);
}

TEST(derived_events_stand_behind_their_cause) {
  struct run *r = new_run(PAYMENT "event word from payment each w in words where w != \"no\" { card = card w = w }\n"
                                  "event again from word { card = card w = concat(w, \"!\") }\n"
                                  "rule a { on word key card emit { w = w } }\n"
                                  "rule b { on again key card emit { w = w } }\n"
                                  "rule c { key card match p = payment(n == 1) then v = word(w == \"y\") within 1s }\n",
                          "{\"at\":1,\"card\":\"c\",\"n\":1,\"words\":[\"x\",\"no\",\"y\"]}\n");
  run(r);
  EXPECT_INT(times(r->alerts, "\n"), 5);
  HAS(r->alerts, "{\"w\":\"y!\"},\"matched\":[{\"step\":\"again\",\"event\":\"again\"");
  const char *x = strstr(r->alerts, "{\"w\":\"x\"}"), *y = strstr(r->alerts, "{\"w\":\"y\"}");
  EXPECT(x != NULL && y != NULL && x < y);
  HAS(r->alerts, "{\"rule\":\"c\"");
  EXPECT_INT(r->stats.processed, 1);
  EXPECT_INT(r->stats.derived, 4);
  /* Two alerts of one rule, key and position are two alerts. */
  const char *first = strstr(r->alerts, "\"id\""), *second = strstr(first + 1, "\"id\"");
  EXPECT(strncmp(first, second, 39) != 0);
  free(r);
}

TEST(what_is_made_is_counted_by_name) {
  struct run *r = new_run(
      PAYMENT "event word from payment each w in words { card = card }\n"
              "event minute from payment key card window tumbling 1m early every 1 events { n = count() }\n"
              "event both join a = payment, b = payment key card where b.time between a.time and a.time + 1s and b.n > "
              "a.n { n = b.n }\n"
              "event unread from minute { card = card }\n"
              "rule block { on payment(n > 0) key card score 30 to nothing }\n"
              "rule two { key card match b = block {2} within 1m score 40 emit { card = first(b.card) } }\n"
              "rule three { on word key card }\n"
              "rule four { on both key card }\n"
              "group g { key card over 1h rules block, two score sum block at 60 review at 30 }\n",
      "{\"at\":1,\"card\":\"c\",\"n\":1,\"words\":[\"x\",\"y\"]}\n{\"at\":2,\"card\":\"c\",\"n\":2}\n");
  run(r);
  EXPECT_TEXT(r->made, "block 2\nboth 1\nminute 3\nunread 3\nword 2\n");
  EXPECT_INT(r->stats.derived, 11);
  EXPECT_TEXT(r->groups, "g 2 3 0\n");
  EXPECT_INT(times(r->alerts, "\n"), 6); /* two, three twice, four, and the group's */
  EXPECT_INT(r->stats.alerts, 6);
  EXPECT_INT(r->stats.to_nothing, 2);
  free(r);
}

/* Null, and counted; a number again once enough has left. */
TEST(sums_out_of_range_are_counted) {
  struct run *r = new_run(PAYMENT "event second from payment key card window tumbling 10s { s = sum(n) }\n"
                                  "rule r { on payment key card emit { s = sum(n) over 5s  n = count() over 5s } }\n"
                                  "rule w { on second key card emit { s = s } }\n",
                          "{\"at\":1,\"card\":\"c\",\"n\":9223372036854775807}\n"
                          "{\"at\":2,\"card\":\"c\",\"n\":1}\n"
                          "{\"at\":7,\"card\":\"c\",\"n\":1}\n");
  run(r);
  EXPECT_INT(times(r->alerts, "\"s\":null"), 2);
  HAS(r->alerts, "\"fields\":{\"s\":null,\"n\":2}");
  HAS(r->alerts, "\"fields\":{\"s\":1,\"n\":1}");
  EXPECT_INT(r->stats.overflow, 2);
  free(r);
}

static char stream[4][1 << 16];

static void make_streams(unsigned count, unsigned disorder) {
  uint64_t seed = 7;
  for (unsigned s = 0; s < 4; s++) stream[s][0] = '\0';
  for (unsigned i = 0; i < 1200; i++) {
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    unsigned s = (unsigned)(seed >> 40) % count, back = disorder == 0 ? 0 : (unsigned)(seed >> 50) % disorder;
    size_t length = strlen(stream[s]);
    snprintf(stream[s] + length, sizeof stream[s] - length, "{\"at\":%u,\"card\":\"c%u\",\"n\":%u,\"id\":\"e%u\"}\n",
             1000 + i * 2 - back, (unsigned)(seed >> 33) % 7, (unsigned)(seed >> 60) % 4, i);
  }
}

static const char order_rules[] =
    "event payment { event_time at disorder 9s at time(s) id string card string n int }\n"
    "event three from payment where n == 3 { card = card n = n }\n"
    "rule a { key card match p = payment(n == 1) {2,} then q = payment(n == 2) within 1m emit { c = count(p) } "
    "suppress 20s }\n"
    "rule b { key card match p = payment(n == 2) then no payment(n == 1) for 30s }\n"
    "rule c { key none match p = three next q = payment(n == 0) within 10s report all }\n";

TEST(nothing_depends_on_batches_pushes_or_the_index) {
  make_streams(3, 9);
  struct run *base = new_run(order_rules, stream[0]);
  base->inputs[1] = stream[1];
  base->inputs[2] = stream[2];
  run(base);
  EXPECT_INT(base->stats.late, 0);
  EXPECT(times(base->alerts, "\n") > 100);
  static const struct {
    unsigned batch;
    size_t lines;
    bool index_off;
  } variants[] = {{1, 1, false}, {7, 3, false}, {64, 64, false}, {32, 1000, true}, {64, 7, true}};
  for (unsigned v = 0; v < sizeof variants / sizeof variants[0]; v++) {
    struct run *r = new_run(order_rules, stream[0]);
    r->inputs[1] = stream[1];
    r->inputs[2] = stream[2];
    r->options.batch_size = variants[v].batch;
    r->options.index_off = variants[v].index_off;
    r->lines_per_push = variants[v].lines;
    run(r);
    EXPECT(strcmp(r->alerts, base->alerts) == 0);
    EXPECT(strcmp(r->refused, base->refused) == 0);
    free(r);
  }
  free(base);
}

/* Positions aside, the alerts of one ordered partition are those of the same events in disorder over three. */
static void without_positions(char *alerts) {
  char *out = alerts;
  for (const char *at = alerts; *at != '\0';) {
    static const char *const cut[] = {"\"id\":\"", "\"partition\":", "\"offset\":"};
    bool skipped = false;
    for (unsigned i = 0; i < 3 && !skipped; i++) {
      if (strncmp(at, cut[i], strlen(cut[i])) != 0) continue;
      at += strlen(cut[i]);
      at += strcspn(at, ",}\"");
      skipped = true;
    }
    if (!skipped) *out++ = *at++;
  }
  *out = '\0';
}

TEST(disorder_within_its_bound_changes_nothing) {
  /* Each event has a time of its own, so that positions decide nothing. */
  static char ordered[1 << 16], mixed[3][1 << 16];
  ordered[0] = mixed[0][0] = mixed[1][0] = mixed[2][0] = '\0';
  uint64_t seed = 99;
  unsigned times_left[8], left = 0, next = 0;
  size_t length[4] = {0};
  while (next < 600 || left > 0) {
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    while (left < 8 && next < 600) times_left[left++] = next++;
    unsigned pick = (unsigned)(seed >> 33) % (left < 4 ? left : 4), i = times_left[pick];
    for (unsigned k = pick; k + 1 < left; k++) times_left[k] = times_left[k + 1];
    left--;
    uint64_t own = i * UINT64_C(0x9e3779b97f4a7c15);
    unsigned p = (unsigned)(own >> 20) % 3;
    length[p] +=
        (size_t)snprintf(mixed[p] + length[p], sizeof mixed[p] - length[p], "{\"at\":%u,\"card\":\"c%u\",\"n\":%u}\n",
                         1000 + i, (unsigned)(own >> 40) % 5, (unsigned)(own >> 50) % 4);
  }
  for (unsigned i = 0; i < 600; i++) {
    uint64_t own = i * UINT64_C(0x9e3779b97f4a7c15);
    length[3] +=
        (size_t)snprintf(ordered + length[3], sizeof ordered - length[3], "{\"at\":%u,\"card\":\"c%u\",\"n\":%u}\n",
                         1000 + i, (unsigned)(own >> 40) % 5, (unsigned)(own >> 50) % 4);
  }
  static const char rules[] =
      "event payment { event_time at disorder 9m at time(s) card string n int }\n"
      "rule a { key card match p = payment(n == 1) {2,} then q = payment(n == 2) within 1m emit { c = count(p) } }\n"
      "rule b { key card match p = payment(n == 2) then no payment(n == 1) for 30s }\n";
  struct run *one = new_run(rules, ordered), *three = new_run(rules, mixed[0]);
  three->inputs[1] = mixed[1];
  three->inputs[2] = mixed[2];
  three->lines_per_push = 5;
  run(one);
  run(three);
  EXPECT_INT(three->stats.late, 0);
  EXPECT(times(one->alerts, "\n") > 50);
  without_positions(one->alerts);
  without_positions(three->alerts);
  EXPECT(strcmp(one->alerts, three->alerts) == 0);
  free(one);
  free(three);
}

TEST(sources_are_ordered_by_name_before_partition) {
  struct run *r =
      new_run("event p { event_time at at time(s) n int }\nrule a { on p key none }\n", "{\"at\":5,\"n\":0}\n");
  r->inputs[1] = "{\"at\":5,\"n\":1}\n";
  r->sources[0] = "zeta";
  r->sources[1] = "alpha";
  run(r);
  const char *alpha = strstr(r->alerts, "\"alpha\""), *zeta = strstr(r->alerts, "\"zeta\"");
  EXPECT(alpha != NULL && zeta != NULL && alpha < zeta);
  HAS(r->alerts, "\"source\":\"zeta\",\"partition\":0,\"offset\":0");
  free(r);
}

TEST(the_end_decides_what_is_open_unless_it_stops_there) {
  static const char rules[] = PAYMENT "rule a { key card match p = payment(n == 1) then no payment for 1h }\n";
  for (int stop = 0; stop < 2; stop++) {
    struct run *r = new_run(rules, "{\"at\":1,\"card\":\"c\",\"n\":1}\n");
    r->options.stop_at_end = stop == 1;
    run(r);
    EXPECT_INT(times(r->alerts, "\n"), 1 - stop);
    free(r);
  }
}

/* ---- the library ---- */

TEST(csv_and_a_byte_order_mark) {
  struct run *r = new_run(PAYMENT "rule a { on payment(n > 1) key card emit { a = amount } }\n",
                          "\xEF\xBB\xBF"
                          "n,card,at,amount\r\n2,\"c,\n1\",7,3.5\r\n1,d,8,\n3,e,9,\n");
  r->format = WEIR_CSV;
  run(r);
  EXPECT_INT(r->stats.read, 3);
  HAS(r->alerts, "\"key\":{\"card\":\"c,\\n1\"},\"fields\":{\"a\":3.50}");
  HAS(r->alerts, "\"key\":{\"card\":\"e\"},\"fields\":{\"a\":null}");
  free(r);
}

TEST(typed_values_are_judged_as_records_are) {
  struct err err;
  struct weir *weir = weir_new(NULL, &err);
  static const char rules[] = "event p { event_time at at time(ms) card string required n int amount decimal(2) f "
                              "float words [string] ip ip d duration }\n"
                              "rule a { on p key card emit { n = n a = amount f = f w = words i = ip d = d } }\n";
  EXPECT_INT(weir_load_text(weir, "t", rules, strlen(rules), &err), 0);
  int input = weir_open(weir, "app", NULL, WEIR_JSON, &err), type = weir_type(weir, "p");
  EXPECT_INT(input, 0);
  EXPECT_INT(weir_type(weir, "nobody"), -1);
  EXPECT_INT(weir_field(weir, type, "amount"), 3);
  struct weir_value words[] = {{.kind = WEIR_TEXT, .text = {"x", 1}}, {.kind = WEIR_NULL}};
  struct weir_value good[] = {{.kind = WEIR_TIME, .i = 1500000},
                              {.kind = WEIR_TEXT, .text = {"c", 1}},
                              {.kind = WEIR_INT, .i = INT64_MIN},
                              {.kind = WEIR_INT, .i = 7},
                              {.kind = WEIR_DECIMAL, .scale = 1, .i = 25},
                              {.kind = WEIR_LIST, .list = {words, 1}},
                              {.kind = WEIR_TEXT, .text = {"2001:DB8::1", 11}},
                              {.kind = WEIR_DURATION, .i = 5}};
  struct weir_value bad[] = {{.kind = WEIR_TIME, .i = 1600000},
                             {.kind = WEIR_TEXT, .text = {"c", 1}},
                             {.kind = WEIR_FLOAT, .f = 1.5},
                             {.kind = WEIR_DECIMAL, .scale = 3, .i = 1},
                             {.kind = WEIR_FLOAT, .f = __builtin_inf()},
                             {.kind = WEIR_TEXT, .text = {"y", 1}},
                             {.kind = WEIR_TEXT, .text = {"\xff", 1}},
                             {.kind = WEIR_BOOL, .i = 1}};
  struct weir_value refused[] = {{.kind = WEIR_TIME, .i = 1700000}, {.kind = WEIR_INT, .i = 1}};
  struct weir_value timeless[] = {{.kind = WEIR_NULL}};
  struct weir_row rows[] = {{type, 8, good}, {type, 8, bad}, {type, 2, refused}, {type, 1, timeless}};
  EXPECT_INT(weir_push_rows(weir, input, rows, 4, &err), 0);
  struct weir_alert alert;
  char text[1024];
  EXPECT(weir_next_alert(weir, &alert));
  snprintf(text, sizeof text, "%.*s", (int)alert.json.length, alert.json.data);
  HAS(text, "\"fields\":{\"n\":-9223372036854775808,\"a\":7.00,\"f\":2.5,\"w\":[\"x\"],\"i\":\"2001:db8::1\",\"d\":5}");
  EXPECT(weir_next_alert(weir, &alert));
  snprintf(text, sizeof text, "%.*s", (int)alert.json.length, alert.json.data);
  HAS(text, "\"fields\":{\"n\":null,\"a\":null,\"f\":null,\"w\":null,\"i\":null,\"d\":null}");
  EXPECT(!weir_next_alert(weir, &alert));
  struct weir_stats stats;
  weir_stats(weir, &stats);
  EXPECT_INT(stats.dead, 2);
  EXPECT_INT(stats.bad_fields, 6);
  uint64_t cursor = 0;
  struct weir_bad_field field;
  int fields = 0;
  while (weir_next_bad_field(weir, &cursor, &field)) fields++;
  EXPECT_INT(fields, 6);
  weir_free(weir);
}

/* Typed values are judged as those of records are. */
TEST(values_that_no_record_could_have) {
  static const char rules[] = "event p { event_time at at time k string required t time l [int] }\n"
                              "event s { event_time log k string }\n"
                              "rule r { on p key none emit { t = t l = l } }\nrule q { on s key none }\n";
  struct err err;
  struct weir *weir = weir_new(NULL, &err);
  EXPECT_INT(weir_load_text(weir, "r.weir", rules, strlen(rules), &err), 0);
  EXPECT_INT(weir_open(weir, "a\xff", "p", WEIR_JSON, &err), ERR_ABORT); /* it would stand in every alert */
  EXPECT_INT(weir_open(weir, "a", "p", (enum weir_format)2, &err), ERR_ABORT);
  EXPECT_TEXT(err.text, "`format` is 2: its values are 0 to 1");
  int input = weir_open(weir, "a", "p", WEIR_JSON, &err), log = weir_open(weir, "a", "s", WEIR_JSON, &err);
  struct weir_value hole[] = {{.kind = WEIR_INT, .i = 1}, {.kind = WEIR_NULL}};
  struct weir_value values[] = {{.kind = WEIR_TIME, .i = 1500000},
                                {.kind = WEIR_TEXT, .text = {"c", 1}},
                                {.kind = WEIR_TIME, .i = INT64_MAX},
                                {.kind = WEIR_LIST, .list = {hole, 2}}};
  struct weir_value beyond[] = {{.kind = WEIR_TIME, .i = INT64_MAX}, {.kind = WEIR_TEXT, .text = {"c", 1}}};
  struct weir_row rows[] = {
      {weir_type(weir, "p"), 4, values}, {weir_type(weir, "p"), 2, beyond}, {weir_type(weir, "p"), 1, values}};
  EXPECT_INT(weir_push_rows(weir, input, rows, 3, &err), 0);
  static const char *const expected[] = {
      "\"detail\":\"a time outside the years 1 to 9999\"", "\"detail\":\"a bad element in the list\"",
      "\"detail\":\"`at`: a time outside the years 1 to 9999\"", "\"detail\":\"`k`: required, but missing or null\""};
  struct weir_refused refused;
  char text[1024];
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    EXPECT(weir_next_refused(weir, &refused));
    snprintf(text, sizeof text, "%.*s", (int)refused.json.length, refused.json.data);
    HAS(text, expected[i]);
  }
  EXPECT_INT(weir_stamp(weir, log, INT64_MAX, &err), ERR_ABORT); /* an event at it would wait for ever */
  EXPECT_INT(weir_stamp(weir, log, 0, &err), 0);
  EXPECT_INT(weir_push(weir, log, "{}", 2, &err), 0);
  EXPECT_INT(weir_finish(weir, &err), 0);
  struct weir_alert alert;
  EXPECT(weir_next_alert(weir, &alert));
  EXPECT(weir_next_alert(weir, &alert));
  snprintf(text, sizeof text, "%.*s", (int)alert.json.length, alert.json.data);
  HAS(text, "\"fields\":{\"t\":null,\"l\":null}");
  struct weir_stats stats;
  weir_stats(weir, &stats);
  EXPECT_INT(stats.held, 0);
  weir_free(weir);
  EXPECT(weir_new(&(struct weir_options){.batch_size = 65}, &err) == NULL);
  EXPECT(weir_new(&(struct weir_options){.order = (enum weir_order)2}, &err) == NULL);
  EXPECT_INT(err.class, ERR_ABORT);
  EXPECT_TEXT(err.text, "`order` is 2: its values are 0 to 1");
  EXPECT(weir_new(&(struct weir_options){.mode = (enum weir_mode) - 1}, &err) == NULL);
  EXPECT_INT(err.class, ERR_ABORT);
  EXPECT_TEXT(err.text, "`mode` is 4294967295: its values are 0 to 2");
}

TEST(errors_say_their_class_and_change_nothing) {
  struct err err;
  struct weir *weir = weir_new(NULL, &err);
  EXPECT_INT(weir_open(weir, "file", NULL, WEIR_JSON, &err), ERR_ABORT);
  EXPECT_INT(weir_push(weir, 0, "x", 1, &err), ERR_ABORT);
  static const char wrong[] = "event p { event_time at at time }\nrule r { on p(amout > 1) key none }\n";
  EXPECT_INT(weir_load_text(weir, "w.weir", wrong, strlen(wrong), &err), ERR_ABORT);
  HAS(weir_diagnostics(weir, false), "w.weir:2:15: error: ");
  HAS(weir_diagnostics(weir, true), "\"line\":2,\"column\":15");
  EXPECT_INT(weir_load_text(weir, "w.weir", wrong, strlen(wrong), &err), ERR_ABORT);
  EXPECT_TEXT(err.text, "rules that had errors were loaded already: make a new weir");
  weir_free(weir);
  weir = weir_new(NULL, &err);
  EXPECT_INT(weir_load_text(weir, NULL, wrong, strlen(wrong), &err), ERR_ABORT);
  EXPECT_INT(weir_load_text(weir, "w.weir", NULL, 0, &err), ERR_ABORT);
  EXPECT_TEXT(weir_diagnostics(weir, false), "");
  EXPECT_INT(weir_load_files(weir, (const char *[]){"/nowhere/x.weir"}, 1, &err), ERR_FATAL);
  weir_free(weir);
  weir = weir_new(NULL, &err);
  static const char doubtful[] =
      "event p { event_time at at time }\nlist l string { \"a\" }\nrule r { on p key none }\n";
  EXPECT_INT(weir_load_text(weir, "d.weir", doubtful, strlen(doubtful), &err), 0);
  HAS(weir_diagnostics(weir, false), "d.weir:2:6: warning: "); /* told although the tree is gone */
  HAS(weir_diagnostics(weir, false), "    2 | list l string");
  HAS(weir_diagnostics(weir, true), "\"line\":2,\"column\":6");
  weir_free(weir);
  weir = weir_new(NULL, &err);
  static const char good[] = PAYMENT "event d from payment { n = n }\nrule r { on payment key none }\n";
  EXPECT_INT(weir_load_text(weir, "g.weir", good, strlen(good), &err), 0);
  EXPECT_INT(weir_load_text(weir, "g.weir", good, strlen(good), &err), ERR_ABORT);
  EXPECT_INT(weir_open(weir, "file", "nobody", WEIR_JSON, &err), ERR_ABORT);
  EXPECT_INT(weir_open(weir, "file", "d", WEIR_JSON, &err), ERR_ABORT);
  EXPECT_INT(weir_open(weir, "file", "payment", WEIR_CSV, &err), 0);
  struct weir_bytes record = {"1,2                                          ", 3};
  EXPECT_INT(weir_push_records(weir, 0, &record, 1, &err), ERR_ABORT); /* no header yet */
  EXPECT_INT(weir_push(weir, 0, "card,at\nc,1\n", 12, &err), 0);
  EXPECT_INT(weir_open(weir, "new", NULL, WEIR_JSON, &err), ERR_ABORT); /* a source name that would change the order */
  EXPECT_INT(weir_open(weir, "file", NULL, WEIR_JSON, &err), 1);
  EXPECT_INT(weir_end(weir, 0, &err), 0);
  EXPECT_INT(weir_push(weir, 0, "c,2\n", 4, &err), ERR_ABORT);
  EXPECT_INT(weir_finish(weir, &err), 0);
  EXPECT_INT(weir_push(weir, 1, "{}\n", 3, &err), ERR_ABORT);
  weir_free(weir);
  weir_free(NULL);
}

TEST(time_can_be_moved_on_without_records) {
  struct err err;
  struct weir *weir = weir_new(NULL, &err);
  static const char rules[] = PAYMENT "rule a { key card match p = payment(n == 1) then no payment for 10s }\n";
  EXPECT_INT(weir_load_text(weir, "t", rules, strlen(rules), &err), 0);
  int input = weir_open(weir, "app", NULL, WEIR_JSON, &err);
  static const char first[] = "{\"at\":1,\"card\":\"c\",\"n\":1}", second[] = "{\"at\":2,\"card\":\"c\",\"n\":1}";
  EXPECT_INT(weir_push(weir, input, first, strlen(first), &err), 0);
  struct weir_alert alert;
  EXPECT_INT(weir_advance(weir, input, 11000000, &err), 0);
  EXPECT(!weir_next_alert(weir, &alert)); /* an event at the deadline would still count */
  EXPECT_INT(weir_advance(weir, input, 11000001, &err), 0);
  EXPECT(weir_next_alert(weir, &alert));
  EXPECT_INT(alert.time_us, 11000000);
  EXPECT_INT(weir_push(weir, input, second, strlen(second), &err), 0);
  struct weir_stats stats;
  weir_stats(weir, &stats);
  EXPECT_INT(stats.late, 1);
  EXPECT_INT(weir_end(weir, input, &err), 0);
  EXPECT_INT(weir_advance(weir, input, 12000000, &err), 0); /* nothing to move on any more, and nothing wrong */
  EXPECT_INT(err.class, ERR_NONE);
  EXPECT_TEXT(err.text, "");
  weir_free(weir);
}

/* Until three events agree nothing is told; then everything is told at once, as without `jump`. */
TEST(a_held_back_beginning_holds_nothing_back_later) {
  struct err err;
  static const char rules[] =
      "event p { event_time at jump 1h confirm 3 at time(s) n int }\nrule a { on p key none emit { n = n } }\n";
  struct weir *weir = weir_new(NULL, &err);
  struct weir_alert alert;
  struct weir_refused refused;
  struct weir_stats stats;
  EXPECT_INT(weir_load_text(weir, "t", rules, strlen(rules), &err), 0);
  int input = weir_open(weir, "in", NULL, WEIR_JSON, &err);
  static const char *const lines[] = {"{\"at\":99999999,\"n\":0}\n", "{\"at\":5,\"n\":1}\n", "{\"at\":4,\"n\":2}\n",
                                      "{\"at\":6,\"n\":3}\n"};
  for (int i = 0; i < 4; i++) {
    EXPECT(!weir_next_alert(weir, &alert));
    EXPECT_INT(weir_push(weir, input, lines[i], strlen(lines[i]), &err), 0);
  }
  for (int i = 4; i <= 6; i++) EXPECT(weir_next_alert(weir, &alert) && alert.time_us == i * 1000000);
  EXPECT(weir_next_refused(weir, &refused) && !weir_next_refused(weir, &refused));
  HAS(refused.json.data,
      "{\"dead_letter\":\"bad_clock\",\"detail\":\"1973-03-03T09:46:39Z stood at the beginning, more "
      "than 1h ahead of 1970-01-01T00:00:06Z\",\"source\":\"in\",\"partition\":0,\"offset\":0,"
      "\"record\":\"{\\\"at\\\":99999999,\\\"n\\\":0}\"}");
  for (int i = 6; i < 20; i++) {
    char line[64];
    snprintf(line, sizeof line, "{\"at\":%d,\"n\":1}\n", i / 2 + 4);
    EXPECT_INT(weir_push(weir, input, line, strlen(line), &err), 0);
    EXPECT(weir_next_alert(weir, &alert) == (i / 2 + 4 >= 6));
  }
  weir_stats(weir, &stats);
  EXPECT_INT(stats.dead, 1);
  EXPECT_INT(stats.held, 0);
  EXPECT_INT(weir_finish(weir, &err), 0);
  EXPECT(!weir_next_alert(weir, &alert));
  weir_free(weir);
}

static const char far_rules[] =
    "event p { event_time at disorder 365d at time(s) n int }\n"
    "rule a { key none match x = p(n == 1) then y = p(n == 2) within 1d emit { x = x.n } }\n";

static int push_numbers(struct weir *weir, int input, int from, int to, struct err *err) {
  char lines[4096];
  int status = 0;
  for (int at = from; at < to && status == 0;) {
    int length = 0;
    for (int end = at + 64 < to ? at + 64 : to; at < end; at++)
      length += snprintf(lines + length, sizeof lines - (size_t)length, "{\"at\":%d,\"n\":%d}\n", at ^ 5, at % 1000);
    status = weir_push(weir, input, lines, (size_t)length, err);
  }
  return status;
}

TEST(the_order_buffer_has_a_limit_with_a_name) {
  struct err err;
  struct weir *weir = weir_new(&(struct weir_options){.memory_limit = 16 << 20}, &err);
  EXPECT_INT(weir_load_text(weir, "t", far_rules, strlen(far_rules), &err), 0);
  EXPECT_INT(weir_open(weir, "a", NULL, WEIR_JSON, &err), 0);
  EXPECT_INT(weir_open(weir, "a", NULL, WEIR_JSON, &err), 1);
  EXPECT_INT(push_numbers(weir, 0, 0, 200000, &err), ERR_RETRY); /* the other input has to be read first */
  HAS(err.text, "order_memory");
  EXPECT_INT(weir_next_input(weir), 1);
  EXPECT_INT(weir_end(weir, 1, &err), 0);
  EXPECT_INT(push_numbers(weir, 0, 200000, 600000, &err), 0); /* its own disorder needs a file */
  struct weir_stats stats;
  weir_stats(weir, &stats);
  EXPECT(stats.order_spilled > 100000 && stats.memory_peak < 16 << 20);
  EXPECT_INT(weir_finish(weir, &err), 0);
  uint64_t alerts = 0;
  struct weir_alert alert;
  int64_t last = 0;
  for (; weir_next_alert(weir, &alert); alerts++) {
    EXPECT(alert.time_us >= last);
    last = alert.time_us;
  }
  EXPECT(alerts >= 400);
  weir_free(weir);
}

static int64_t disk_full(void *context, int handle, const void *bytes, size_t length, int64_t offset) {
  (void)context, (void)handle, (void)bytes, (void)length, (void)offset;
  return -28;
}

TEST(a_full_disk_ends_the_run_with_the_input_s_name) {
  struct err err;
  struct env env = *env_real();
  env.write_at = disk_full;
  struct weir *weir = weir_new(&(struct weir_options){.memory_limit = 16 << 20, .env = &env}, &err);
  EXPECT_INT(weir_load_text(weir, "t", far_rules, strlen(far_rules), &err), 0);
  EXPECT_INT(weir_open(weir, "there", NULL, WEIR_JSON, &err), 0);
  EXPECT_INT(push_numbers(weir, 0, 0, 400000, &err), ERR_FATAL);
  HAS(err.text, "order_memory is full while input 0 (there) is read, and cannot write a file for events that wait for "
                "earlier ones in ");
  HAS(err.text, "No space left on device");
  EXPECT_INT(weir_finish(weir, &err), ERR_FATAL);
  weir_free(weir);
}

/* ---- failure at every allocation ---- */

TEST(running_out_of_memory_is_one_fatal_error_wherever_it_happens) {
  static const char rules[] = "event payment { event_time at disorder 2s unique id for 10s at time(s) id string card "
                              "string n int words [string] }\n"
                              "event word from payment each w in words { card = card w = w }\n"
                              "rule a { key card match p = payment(n == 1) {1,} then q = payment(n > count(p)) within "
                              "1m emit { c = count(p) } message \"{card} {c}\" suppress 5s with because }\n"
                              "rule b { on word(w matches /^x/) key card emit { w = w } }\n";
  static const char lines[] = "{\"at\":1,\"id\":\"a\",\"card\":\"c\",\"n\":1}\n{\"at\":2,\"id\":\"b\",\"card\":\"c\","
                              "\"n\":1,\"words\":[\"x1\",\"y\"]}\n"
                              "oops\n{\"at\":3,\"id\":\"c\",\"card\":\"c\",\"n\":9}\n{\"at\":3,\"id\":7,\"card\":\"c\","
                              "\"n\":9}\n{\"at\":9,\"id\":\"d\",\"card\":\"c\",\"n\":9}\n";
  for (int where = 0; where < 3; where++) {
    bool failed = true;
    uint64_t n = 1, unharmed = 0; /* a library may do without some block: it is over when many in a row did no harm */
    for (; unharmed < 10 && n < 5000; n++) {
      struct err err;
      struct weir_options options = {.memory_limit = 0};
      *(where == 0 ? &options.fail_at.load : where == 1 ? &options.fail_at.compile : &options.fail_at.run) = n;
      struct weir *weir = weir_new(&options, &err);
      int status = weir_load_text(weir, "t", rules, strlen(rules), &err), input = -1;
      if (status == 0) status = input = weir_open(weir, "app", NULL, WEIR_JSON, &err);
      if (input >= 0) status = weir_push(weir, input, lines, strlen(lines), &err);
      if (status == 0) status = weir_finish(weir, &err);
      failed = status != 0;
      unharmed = failed ? 0 : unharmed + 1;
      if (failed) {
        EXPECT_INT(status, ERR_FATAL);
        EXPECT(strstr(err.text, "memory") != NULL);
        EXPECT_INT(weir_finish(weir, &err), ERR_FATAL); /* and it stays so */
      } else {
        struct weir_alert alert;
        int alerts = 0;
        while (weir_next_alert(weir, &alert)) alerts++;
        EXPECT_INT(alerts, 2);
      }
      weir_free(weir);
      if (test_failed) break;
    }
    EXPECT(n > 14);
    EXPECT(!failed);
  }
}

/* ---- alerts taken from inside a call ---- */

struct drained {
  uint64_t rows, calls;
};

static int drain(void *context, struct weir *weir) {
  struct drained *drained = context;
  struct weir_alert alert;
  drained->calls++;
  while (weir_next_alert(weir, &alert)) drained->rows++;
  return drained->rows > 15000 ? -1 : 0;
}

TEST(many_alerts_are_handed_on_from_inside_a_call) {
  struct err err;
  struct drained drained = {0};
  static const char rules[] = PAYMENT "rule a { key card match p = payment(n == 1) then no payment for 10s }\n";
  for (int many = 0; many < 2; many++) {
    drained = (struct drained){0};
    struct weir *weir = weir_new(&(struct weir_options){.drain = drain, .drain_context = &drained}, &err);
    EXPECT_INT(weir_load_text(weir, "t", rules, strlen(rules), &err), 0);
    int input = weir_open(weir, "app", NULL, WEIR_JSON, &err);
    unsigned count = many == 0 ? 12000 : 30000;
    for (unsigned i = 0; i < count; i++) {
      char line[80];
      int length = snprintf(line, sizeof line, "{\"at\":1.%06u,\"card\":\"c%u\",\"n\":1}\n", i, i);
      EXPECT_INT(weir_push(weir, input, line, (size_t)length, &err), 0);
      if (test_failed) break;
    }
    int status = weir_finish(weir, &err);
    if (many == 0) {
      EXPECT_INT(status, 0);
      EXPECT(drained.calls > 1 && drained.rows > 6000);
      drain(&drained, weir);
      EXPECT_INT(drained.rows, 12000);
    } else {
      EXPECT_INT(status, ERR_FATAL); /* the receiver has failed */
    }
    weir_free(weir);
  }
}

TEST_MAIN
