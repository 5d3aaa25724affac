/* floors: engine rules nfa base */
/* Rules whose key changes: matches as bytes and back, ids as without a change, what is counted, and the bound of what
 * the first part hands on. What they match is the judges' and the golden tests' matter. */
#include <stdlib.h>

#include "base/limits.h"
#include "base/time_text.h"
#include "engine/part_match.h"
#include "engine/test_run.h"
#include "engine/weir.h"
#include "rules/check.h"
#include "rules/explain.h"
#include "rules/parse.h"
#include "test.h"

/* ---- matches as bytes ---- */

enum { KINDS = 14 };

/* Every kind of value, at its limits; those behind the first eight are texts, addresses and lists. */
static uint16_t values_of(struct arena *arena, struct value *values) {
  static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
  struct value *list = arena_array(arena, struct value, 3);
  list[0] = value_string(SLICE("one"));
  list[1] = value_null();
  list[2] = value_string(SLICE(""));
  struct value all[KINDS] = {
      value_null(),
      value_bool(true),
      value_int(INT64_MIN),
      value_int(INT64_MAX),
      value_float(-0.1),
      value_decimal(-12345, 2),
      value_time(INT64_C(1767607200000000)),
      value_duration(-1),
      value_string(SLICE("")),
      value_string(SLICE("a text with \"quotes\", \xc3\xa9 and\nlines")),
      {.i = 0x0a000001, .length = 4, .kind = VALUE_IP},
      {.ip = v6, .length = 16, .kind = VALUE_IP},
      {.list = list, .length = 3, .kind = VALUE_LIST},
      {.list = list, .length = 0, .kind = VALUE_LIST},
  };
  memcpy(values, all, sizeof all);
  return KINDS;
}

static struct held *held_of(struct arena *arena, uint16_t type, uint64_t number, const struct value *values,
                            uint16_t count) {
  struct held *held = arena_zero(arena, sizeof *held + count * sizeof *values);
  *held = (struct held){.references = 1,
                        .type = type,
                        .value_count = count,
                        .position = {.offset = number, .partition = 7, .source = 3, .derived = (uint16_t)number},
                        .time = (int64_t)number * 1000,
                        .sequence = number};
  if (count > 0) memcpy(held->values, values, count * sizeof *values);
  return held;
}

TEST(matches_as_bytes_and_back) {
  struct mem *mem = mem_new(0);
  struct arena arena;
  arena_init(&arena, mem, 1 << 12);
  struct value values[KINDS];
  uint16_t count = values_of(&arena, values);
  struct nfa_item before[3] = {{held_of(&arena, 0, 1, values, count), 0},
                               {held_of(&arena, 1, 2, NULL, 0), 0},
                               {held_of(&arena, 0, 3, values + 8, 6), 2}};
  struct nfa_match first = {.count = 3, .items = before, .time = 3000};
  struct value slots[PART_SLOTS] = {[PART_KEY_SLOT] = value_string(SLICE("k")),
                                    [PART_START_SLOT] = value_time(1000),
                                    [PART_COUNT_SLOT] = value_int(3),
                                    [PART_EVENTS_SLOT] = value_string(part_match_pack(&first, &arena))};
  int16_t kept[PART_SLOTS] = {0, 1, 2, 3};
  struct schema schemas[3] = {{.id = 0}, {.id = 1}, {.id = 2, .kept_index = kept}};
  struct nfa_item own[2] = {{held_of(&arena, 2, 3, slots, PART_SLOTS), 0}, {held_of(&arena, 1, 9, NULL, 0), 1}};
  struct nfa_match last = {.cause = NFA_TIMEOUT, .by_timer = true, .count = 2, .items = own, .time = 9000}, whole;
  struct rule_parts parts = {.number = 1, .count = 2, .first_step = 3};
  struct rule rule = {.parts = &parts};
  part_match_whole(&rule, schemas, &last, &arena, &whole);
  EXPECT_INT(whole.count, 4);
  EXPECT_INT(whole.time, 9000);
  EXPECT(whole.by_timer && whole.cause == NFA_TIMEOUT);
  for (uint32_t i = 0; i < 3; i++) {
    const struct held *a = before[i].event, *b = whole.items[i].event;
    EXPECT_INT(whole.items[i].step, before[i].step);
    EXPECT_INT(b->type, a->type);
    EXPECT_INT(b->time, a->time);
    EXPECT(memcmp(&a->position, &b->position, sizeof a->position) == 0);
    EXPECT_INT(b->value_count, a->value_count);
    for (uint16_t v = 0; v < a->value_count; v++) {
      EXPECT_INT(b->values[v].kind, a->values[v].kind);
      EXPECT_INT(b->values[v].scale, a->values[v].scale);
      EXPECT(value_equal(a->values[v], b->values[v]));
    }
  }
  EXPECT(whole.items[3].event == own[1].event);
  EXPECT_INT(whole.items[3].step, 3); /* the first step behind the change of key */
  mem_free_all(mem);
}

/* ---- through the library ---- */

#define EVENTS                                                                                                         \
  "event l { event_time at  at time(ms)  k string  d string  n int }\n"                                                \
  "event t { event_time at  at time(ms)  d string  n int }\n"

enum { TEXT_MAX = 1 << 21 };

struct run {
  struct weir *weir;
  char *alerts; /* lines */
  uint32_t count;
  struct weir_rule_stats stats; /* of the first rule */
};

static void take(struct run *run) {
  struct weir_alert alert;
  size_t length = strlen(run->alerts);
  while (weir_next_alert(run->weir, &alert)) {
    run->count++;
    if (length + alert.json.length + 2 > TEXT_MAX) continue;
    memcpy(run->alerts + length, alert.json.data, alert.json.length);
    length += alert.json.length;
    run->alerts[length++] = '\n';
    run->alerts[length] = '\0';
  }
}

static void run_rules(struct run *run, const char *rules, const char *events, unsigned batch) {
  struct weir_options options = {.batch_size = batch};
  struct err err = {0};
  *run = (struct run){.alerts = calloc(1, TEXT_MAX)};
  run->weir = weir_new(&options, &err);
  if (weir_load_text(run->weir, "a.weir", rules, strlen(rules), &err) != 0)
    printf("%s%s\n", weir_diagnostics(run->weir, false), err.text);
  int input = weir_open(run->weir, "file", NULL, WEIR_JSON, &err);
  EXPECT_INT(weir_push(run->weir, input, events, strlen(events), &err), 0);
  take(run);
  EXPECT_INT(weir_end(run->weir, input, &err), 0);
  EXPECT_INT(weir_finish(run->weir, &err), 0);
  take(run);
  EXPECT_INT(weir_rule_count(run->weir), 1);
  EXPECT(weir_rule_stats(run->weir, 0, &run->stats));
}

static void free_run(struct run *run) {
  weir_free(run->weir);
  free(run->alerts);
}

static const char id_events[] = "{\"type\":\"l\",\"at\":0,\"k\":\"x\",\"d\":\"u\",\"n\":1}\n"
                                "{\"type\":\"l\",\"at\":1,\"k\":\"x\",\"d\":\"u\",\"n\":2}\n"
                                "{\"type\":\"t\",\"at\":2,\"d\":\"u\",\"n\":3}\n";

/* The same rule, key and events: the same alert, byte for byte, whether the key changed on the way or not. */
TEST(ids_are_of_all_parts) {
  struct run changes, stays;
  run_rules(&changes,
            EVENTS "rule r { key k match a = l(n == 1) then b = l(n == 2) then c = t at key d == b.d within 10s }",
            id_events, 0);
  run_rules(&stays, EVENTS "rule r { key d match a = l(n == 1) then b = l(n == 2) then c = t within 10s }", id_events,
            0);
  EXPECT_INT(changes.count, 1);
  EXPECT_TEXT(changes.alerts, stays.alerts);
  free_run(&changes);
  free_run(&stays);
}

TEST(counts_are_of_all_parts) {
  static const char events[] = "{\"type\":\"l\",\"at\":0,\"d\":\"u\",\"n\":1}\n" /* no key of the first part */
                               "{\"type\":\"l\",\"at\":1,\"k\":\"x\",\"n\":1}\n"
                               "{\"type\":\"l\",\"at\":2,\"k\":\"x\",\"n\":2}\n" /* complete: no key of the second */
                               "{\"type\":\"l\",\"at\":3,\"k\":\"x\",\"d\":\"u\",\"n\":1}\n"
                               "{\"type\":\"l\",\"at\":4,\"k\":\"x\",\"d\":\"u\",\"n\":2}\n"
                               "{\"type\":\"t\",\"at\":5,\"n\":3}\n" /* no key of the second */
                               "{\"type\":\"t\",\"at\":6,\"d\":\"u\",\"n\":3}\n";
  struct run run;
  run_rules(&run,
            EVENTS "rule r { key k match a = l(n == 1) then b = l(n == 2) then c = t at key d == b.d within 10s }",
            events, 0);
  EXPECT_INT(run.count, 1);
  EXPECT_INT(run.stats.matches, 1);
  EXPECT_INT(run.stats.null_key, 3);
  EXPECT_INT(run.stats.started, 3); /* two of the first part, one of the second */
  EXPECT_INT(run.stats.open, 0);
  free_run(&run);
}

/* ---- deadlines ---- */

enum { STARTS = 3000, WITHIN_MS = 10000 };

static int compare_times(const void *left, const void *right) {
  int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
  return (a > b) - (a < b);
}

/* The second part's matches begin in another order than their first events came: each ends at its own deadline, but for
 * those that an event at their device completes or that a match told skips. */
TEST(deadlines_of_starts_in_no_order) {
  static int64_t starts[STARTS];
  char *events = malloc(2 * STARTS * 80 + 1), *at = events;
  uint64_t random = 7;
  for (int i = 0; i < STARTS; i++) { /* begun one after the other, complete in the order of a shuffle */
    starts[i] = i / 2;
    at += snprintf(at, 80, "{\"type\":\"l\",\"at\":%lld,\"k\":\"k%d\",\"d\":\"u\",\"n\":1}\n", (long long)starts[i], i);
  }
  static int order[STARTS];
  for (int i = 0; i < STARTS; i++) order[i] = i;
  for (int i = STARTS - 1; i > 0; i--) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    int other = (int)((random >> 33) % (uint64_t)(i + 1)), kept = order[i];
    order[i] = order[other];
    order[other] = kept;
  }
  for (int i = 0; i < STARTS; i++)
    at += snprintf(at, 80, "{\"type\":\"l\",\"at\":%d,\"k\":\"k%d\",\"d\":\"u\",\"n\":2}\n", STARTS + i, order[i]);
  struct run run;
  run_rules(&run,
            EVENTS "rule r { key k match a = l(n == 1) then b = l(n == 2) then c = t at key d == b.d\n"
                   "within 10s report timeout only }",
            events, 0);
  EXPECT_INT(run.count, STARTS);
  qsort(starts, STARTS, sizeof *starts, compare_times);
  const char *line = run.alerts;
  int compared = 0;
  for (; compared < STARTS && line[0] != '\0'; compared++) {
    struct buf expected;
    struct mem *mem = mem_new(0);
    buf_init(&expected, mem);
    buf_str(&expected, "\"time\":\"");
    time_write(&expected, (starts[compared] + WITHIN_MS) * 1000);
    const char *found = strstr(line, buf_text(&expected));
    line = strchr(line, '\n') + 1;
    if (found == NULL || found >= line) {
      printf("alert %d: expected %s\n", compared, buf_text(&expected));
      test_failed = true;
      line = "";
    }
    mem_free_all(mem);
  }
  EXPECT_INT(compared, STARTS);
  free(events);
  free_run(&run);
}

/* ---- what the first part hands on has a bound ---- */

enum { FAILS = 600 };

/* As many matches as there are fails, the first as long as all of them: the earliest goes on, and the latest. */
static char *burst(uint32_t bursts) {
  char *events = malloc(bursts * (FAILS + 2) * 80 + 1), *at = events;
  int64_t time = 0;
  for (uint32_t b = 0; b < bursts; b++) {
    for (int i = 1; i <= FAILS; i++)
      at += snprintf(at, 80, "{\"type\":\"l\",\"at\":%lld,\"k\":\"x\",\"d\":\"u\",\"n\":1}\n", (long long)time++);
    at += snprintf(at, 80, "{\"type\":\"l\",\"at\":%lld,\"k\":\"x\",\"d\":\"u\",\"n\":2}\n", (long long)time++);
    at += snprintf(at, 80, "{\"type\":\"t\",\"at\":%lld,\"d\":\"u\",\"n\":3}\n", (long long)time++);
  }
  return events;
}

#define LOOP_RULE                                                                                                      \
  EVENTS "rule r { key k match a = l(n == 1) {1,} then b = l(n == 2) then c = t at key d == b.d within 10s\n"          \
         "report all limit 100000 emit { n = count(a) } }"

/* Of matches with so many events and one more each, how many fit. */
static uint32_t fitting(uint32_t shortest) {
  uint32_t count = 0;
  for (uint64_t events = 0; events + count + shortest <= LIMIT_PART_EVENTS; count++) events += count + shortest;
  return count;
}

TEST(the_bound_of_events_that_go_on) {
  uint32_t latest = fitting(2);
  EXPECT(latest > 100 && latest < FAILS);
  char *events = burst(1), earliest[64], next[64];
  struct run run, again;
  run_rules(&run, LOOP_RULE, events, 0);
  EXPECT_INT(run.count, 1 + latest);
  EXPECT_INT(run.stats.matches_dropped, FAILS - latest - 1);
  snprintf(earliest, sizeof earliest, "\"fields\":{\"n\":%d}", FAILS);
  snprintf(next, sizeof next, "\"fields\":{\"n\":%u}", latest);
  const char *second = strchr(run.alerts, '\n') + 1;
  EXPECT(strstr(run.alerts, earliest) != NULL && strstr(run.alerts, earliest) < second);
  EXPECT(strstr(second, next) != NULL && strstr(second, next) < strchr(second, '\n'));
  run_rules(&again, LOOP_RULE, events, 1);
  EXPECT(strcmp(run.alerts, again.alerts) == 0);
  free(events);
  free_run(&run);
  free_run(&again);
}

/* Matches of a part in between stand for those of the first, too. */
TEST(the_bound_of_events_in_a_chain) {
  char *events = burst(3);
  struct run run;
  run_rules(&run,
            EVENTS "rule r { key k match a = l(n == 1) {1,} then b = l(n == 2) then c = t at key d == b.d\n"
                   "then e = l(n == 2) at key k == b.k within 10s report all limit 100000 }",
            events, 0);
  /* A burst's matches are those of the second part at its transfer, with one event more, and are told at the end of
   * the next burst. */
  EXPECT_INT(run.count, 2 * (1 + fitting(3)));
  EXPECT_INT(run.stats.matches_dropped, 3 * (FAILS - 1 - fitting(3)));
  free(events);
  free_run(&run);
}

/* ---- explain, tests of rule files ---- */

static bool has(const char *whole, const char *part) {
  if (strstr(whole, part) != NULL) return true;
  printf("`%s` is not part of\n%s\n", part, whole);
  return false;
}

static struct tree *compiled(struct arena *arena, struct slice text, struct ruleset **set) {
  struct diags diags;
  struct err err = {0};
  diags_init(&diags, arena);
  struct tree *tree = arena_new(arena, struct tree);
  tree->arena = arena;
  struct ruleset_options options = {.env = (struct env *)(uintptr_t)env_real(), .for_run = true};
  EXPECT_INT(parse_file(tree, SLICE("a.weir"), text, &diags), 0);
  EXPECT_INT(check_tree(tree, &(struct check_options){0}, &diags), 0);
  EXPECT_INT(ruleset_compile(tree, &options, &diags, set, &err), 0);
  return tree;
}

TEST(explain_says_both_parts) {
  struct mem *mem = mem_new(0);
  struct arena arena;
  struct ruleset *set = NULL;
  arena_init(&arena, mem, 1 << 16);
  (void)compiled(&arena,
                 SLICE(EVENTS "rule r { key k match a = l(n == 1) then b = l(n == count(a)) then c = t(n > a.n) "
                              "at key d == b.d within 10s }\n"
                              "rule s { key d match x = t {2} within 1m }"),
                 &set);
  EXPECT_INT(set->named_rule_count, 2);
  EXPECT_INT(set->rule_count, 3);
  struct buf out;
  buf_init(&out, mem);
  EXPECT(explain_ruleset(&out, set, SLICE("r"), EXPLAIN_TEXT));
  const char *text = buf_text(&out);
  EXPECT(has(text, "    For each k:\n"));
  EXPECT(has(text, "3. then c: one t event with n > a.n, whose d is b.d (the key from here on)\n"));
  EXPECT(has(text,
             "  Key:\n    part 1 of 2:\n      k\n    part 2 of 2:\n      d (one record per key, shared by 2 rules)\n"));
  EXPECT(has(text, "      r, part 1 makes an event of each match, in stage 1\n"));
  EXPECT(has(text, "        1. then r, part 1\n"));
  EXPECT(has(text, "parts before it hand on all their matches."));
  buf_clear(&out);
  EXPECT(explain_ruleset(&out, set, SLICE("r"), EXPLAIN_DOT));
  EXPECT(has(buf_text(&out), "digraph \"r, part 1\" {"));
  EXPECT(has(buf_text(&out), "digraph \"r\" {"));
  buf_clear(&out);
  EXPECT(explain_ruleset(&out, set, (struct slice){0}, EXPLAIN_JSON));
  EXPECT(has(buf_text(&out), "\"key\":[\"part 1 of 2:\",\"  k\",\"part 2 of 2:\""));
  EXPECT(strstr(buf_text(&out), "{\"rule\":\"r, part 1\"") == NULL); /* a rule of the text alone is one of the list */
  ruleset_unref(set);
  mem_free_all(mem);
}

/* Where a match stopped, on either side of the change of key. */
static void expect_near_miss_of(const char *rule, const char *lines, const char *said) {
  struct mem *mem = mem_new(0);
  struct arena arena;
  struct ruleset *set = NULL;
  struct test_result result;
  struct err err = {0};
  if (MEM_GUARD(mem)) {
    EXPECT(mem == NULL);
    return;
  }
  arena_init(&arena, mem, 1 << 16);
  char *text = arena_printf(&arena, EVENTS "rule r { %s }\ntest \"x\" for r {\n%s  expect r\n}\n", rule, lines);
  struct tree *tree = compiled(&arena, slice_of(text), &set);
  EXPECT_INT(test_run(set, tree, tree->decls[tree->decl_count - 1].test, NULL, &arena, &result, &err), 0);
  bool missed = said != NULL;
  EXPECT(result.passed != missed);
  text = arena_printf(&arena, SLICE_FMT, SLICE_ARG(result.text));
  if (missed) EXPECT(has(text, said));
  ruleset_unref(set);
  mem_unguard(mem);
  mem_free_all(mem);
}

static void expect_near_miss(const char *lines, const char *said) {
  expect_near_miss_of(
      "key k match a = l(n == 1) {2} then b = l(n == 2) then c = t(n == 3) at key d == b.d {2} within 10s", lines,
      said);
}

#define L(time, k, d, n) "  l { at: \"10:00:0" time "\", k: \"" k "\", d: \"" d "\", n: " n " }\n"
#define T(time, d, n) "  t { at: \"10:00:" time "\", d: \"" d "\", n: " n " }\n"
#define FIRST_PART L("0", "x", "u", "1") L("1", "x", "v", "1") L("2", "x", "u", "2")

TEST(near_misses_on_both_sides) {
  expect_near_miss(FIRST_PART T("03", "u", "3") T("04", "u", "3"), NULL);
  expect_near_miss(L("0", "x", "u", "1") L("1", "y", "u", "1"), "1 of the 2 rounds that `a = l(n == 1) {2}` needs");
  expect_near_miss(FIRST_PART T("03", "v", "3"), "no event was then taken by `c = t(n == 3) at key d == b.d {2}`");
  expect_near_miss(FIRST_PART T("03", "u", "3") T("04", "v", "3"), "1 of the 2 rounds that `c = t(n == 3) at key");
  expect_near_miss(FIRST_PART T("03", "u", "3") T("11", "u", "3"), "came too late: `within 10s` was over");
}

/* What a step's condition counted, by the key of the step's part. */
TEST(near_misses_say_what_either_side_counted) {
  const char *first = "key k match a = l(n == 1 and count() of l over 1m >= 3) then b = t at key d == a.d within 10s";
  expect_near_miss_of(first, L("0", "x", "u", "1") L("1", "x", "u", "1") L("2", "y", "u", "1"),
                      "  near miss: no event was taken by `a = l(n == 1 and count() of l over 1m >= 3)`\n"
                      "  near miss: `l` at 2026-01-05T10:00:01Z came nearest\n"
                      "  near miss: `count() of l over 1m` was 2, needs >= 3\n");
  const char *second = "key k match a = l then b = t(n == 3 and count() of t over 1m >= 3) at key d == a.d within 10s";
  expect_near_miss_of(second, L("0", "x", "u", "1") T("01", "u", "3") T("02", "v", "3") T("03", "u", "3"),
                      "  near miss: it got as far as `a` at 2026-01-05T10:00:00Z\n"
                      "  near miss: no event was then taken by `b = t(n == 3 and count() of t over 1m >= 3) at key "
                      "d == a.d`\n"
                      "  near miss: `t` at 2026-01-05T10:00:03Z came nearest\n"
                      "  near miss: `count() of t over 1m` was 2, needs >= 3\n");
  const char *third = "key k match a = l(n == 1) then b = t(n == 2) at key d == a.d then c = l(n == 3) at key k == a.k "
                      "then e = l(sum(n) of l over 1m > 9) within 10s";
  expect_near_miss_of(
      third, L("0", "x", "u", "1") T("01", "u", "2") L("2", "x", "w", "3") L("3", "y", "w", "5") L("4", "x", "w", "2"),
      "  near miss: `l` at 2026-01-05T10:00:04Z came nearest\n"
      "  near miss: `sum(n) of l over 1m` was 6, needs > 9\n");
}

/* The step that is named is the one that was not reached, in whichever parentheses it stands. */
TEST(near_misses_name_the_step) {
  const char *inside = "key k match a = l(n == 1) then (b = l(n == 2) then c = t(n == 3) at key d == b.d) within 10s";
  expect_near_miss_of(inside, L("0", "x", "u", "1") L("1", "x", "u", "2") T("02", "u", "4"),
                      "  near miss: it got as far as `a` at 2026-01-05T10:00:00Z, `b` at 2026-01-05T10:00:01Z\n"
                      "  near miss: no event was then taken by `c = t(n == 3) at key d == b.d`\n");
  expect_near_miss_of(inside, L("0", "x", "u", "1") T("02", "u", "3"),
                      "  near miss: it got as far as `a` at 2026-01-05T10:00:00Z\n"
                      "  near miss: no event was then taken by `b = l(n == 2)`\n");
  const char *barred =
      "key k match a = l(n == 1) then no t(n == 9) then c = t(n == 3) at key d == a.d gap 5s within 1m";
  expect_near_miss_of(barred, L("0", "x", "u", "1") T("01", "u", "9") T("02", "u", "3"),
                      "  near miss: then an event of `no t(n == 9)` barred the way\n");
  expect_near_miss_of(barred, L("0", "x", "u", "1") T("06", "u", "3"),
                      "  near miss: `c` at 2026-01-05T10:00:06Z came too late: `gap 5s` was over\n");
  const char *next = "key k match a = l(n == 1) next c = t(n == 3) at key d == a.d then no t for 5s within 1m";
  expect_near_miss_of(next, L("0", "x", "u", "1") T("01", "u", "4") T("02", "u", "3"),
                      "  near miss: `c` at 2026-01-05T10:00:02Z came, but not as the very next event\n");
  expect_near_miss_of(next, L("0", "x", "u", "1") T("02", "u", "3") T("04", "u", "4"),
                      "  near miss: then an event of `no t` broke the wait\n");
  const char *twice = "key k match a = l(n == 1) then c = t(n == 3) at key d == a.d then e = l(n == 4) at key k == a.k "
                      "then f = l(n == 5) {2} within 10s";
  expect_near_miss_of(twice, L("0", "x", "u", "1") T("01", "u", "3") L("2", "x", "w", "4") L("3", "x", "w", "5"),
                      "  near miss: that is 1 of the 2 rounds that `f = l(n == 5) {2}` needs\n");
  expect_near_miss_of(twice, L("0", "x", "u", "1") T("01", "u", "3") L("2", "y", "w", "4"),
                      "  near miss: no event was then taken by `e = l(n == 4) at key k == a.k`\n");
}

TEST_MAIN
