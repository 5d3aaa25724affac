/* floors: engine rules nfa base */
/* Under a small `memory` no input ends the run: what does not fit is dropped and counted, or waits in a file; and the
 * limits that are not of memory drop the same matches however they are stepped. */
#include <stdlib.h>

#include "engine/weir.h"
#include "test.h"

enum { TEXT_MAX = 32 << 20, RECORD_MAX = 200 << 10 };

struct told {
  char *text; /* the alerts' bytes, one in a line */
  size_t length, room;
  uint64_t alerts;
  struct weir_stats stats;
  struct weir_rule_stats rules[4];
  int status;
  struct err err;
};

static int take(void *context, struct weir *weir) {
  struct told *told = context;
  struct weir_alert alert;
  struct weir_refused refused;
  while (weir_next_refused(weir, &refused)) continue;
  for (; weir_next_alert(weir, &alert); told->alerts++) {
    if (told->length + alert.json.length + 2 > told->room) continue;
    memcpy(told->text + told->length, alert.json.data, alert.json.length);
    told->length += alert.json.length;
    told->text[told->length++] = '\n';
    told->text[told->length] = '\0';
  }
  return 0;
}

typedef int make_record(char *record, uint64_t number);

/* All numbers below `count` as records, `together` of them at once, through `rules`. */
static void run_together(struct told *told, const char *rules, make_record *make, uint64_t count, uint64_t together,
                         size_t memory, unsigned match_events_max, size_t room) {
  char *records = malloc(together * RECORD_MAX);
  *told = (struct told){.text = malloc(room + 1), .room = room};
  told->text[0] = '\0';
  struct weir_options options = {
      .memory_limit = memory, .match_events_max = match_events_max, .drain = take, .drain_context = told};
  struct weir *weir = weir_new(&options, &told->err);
  told->status = weir_load_text(weir, "t", rules, strlen(rules), &told->err);
  if (told->status == 0) weir_open(weir, "in", NULL, WEIR_JSON, &told->err);
  for (uint64_t i = 0; i < count && told->status == 0;) {
    size_t length = 0;
    for (uint64_t end = i + together; i < end && i < count; i++) length += (size_t)make(records + length, i);
    told->status = weir_push(weir, 0, records, length, &told->err);
    take(told, weir);
  }
  if (told->status == 0) told->status = weir_finish(weir, &told->err);
  take(told, weir);
  weir_stats(weir, &told->stats);
  for (int i = 0; i < 4; i++) weir_rule_stats(weir, i, &told->rules[i]);
  weir_free(weir);
  free(records);
}

static void run(struct told *told, const char *rules, make_record *make, uint64_t count, size_t memory,
                unsigned match_events_max, size_t room) {
  run_together(told, rules, make, count, 1, memory, match_events_max, room);
}

#define EVENT "event e { event_time at at time(s) k string n int s string }\n"

static int one_key(char *record, uint64_t i) {
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"x\",\"n\":1,\"s\":\"text %llu\"}\n", (unsigned long long)i,
                  (unsigned long long)i);
}
static int many_keys(char *record, uint64_t i) {
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"k%llu\",\"n\":1,\"s\":\"text %llu\"}\n",
                  (unsigned long long)(i / 1000), (unsigned long long)(i * 7919 % 20000), (unsigned long long)i);
}
static int one_time(char *record, uint64_t i) {
  return snprintf(record, RECORD_MAX, "{\"at\":1,\"k\":\"k%llu\",\"n\":1,\"s\":\"text %llu\"}\n",
                  (unsigned long long)(i * 7919 % 100003), (unsigned long long)i);
}
/* Texts grow from short to 60 KB, so that no size of block is used again for long. */
static int longer_and_longer(char *record, uint64_t i) {
  int length = snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"k%llu\",\"n\":1,\"s\":\"", (unsigned long long)i,
                        (unsigned long long)(i % 100));
  int text = 8 + (int)(i * i * i / 300000);
  if (text > 60000) text = 60000;
  memset(record + length, 'a', (size_t)text);
  return length + text + snprintf(record + length + text, 8, "\"}\n");
}

struct hostile {
  const char *name, *rule;
};
static const struct hostile rules[] = {
    {"shared totals",
     EVENT "rule r { key none match a = e(n == 1)+ then b = e(n == 2) within 1000d emit { s = last(a.s) } }"},
    {"own totals",
     EVENT "rule r { key none match a = e(n == 1 and n <= count(a) + 1)+ then b = e(n == 2) within 1000d emit "
           "{ s = last(a.s) } }"},
    {"by key", EVENT "rule r { key k match a = e(n == 1)+ then b = e(n == 2) within 1000d emit { s = last(a.s) } }"},
    {"longest", EVENT "rule r { key k match a = e(n == 1)+ then b = e(n == 2) within 1000d report longest emit { s = "
                      "last(a.s) } }"},
    {"timeouts",
     EVENT "rule r { key none match a = e(n == 1)+ then b = e(n == 2) within 1000d report timeout emit { s = "
           "last(a.s) } }"},
    {"compact",
     EVENT "rule r { key k match a = e(n == 1)+ any then any b = e(n == 2) within 1000d report all emit { s = "
           "last(a.s) } }"},
    {"absence", EVENT "rule r { key k match a = e(n == 1) then no e(n == 2) for 1000d emit { s = last(a.s) } }"},
};
static const struct {
  const char *name;
  make_record *make;
  uint64_t count;
} streams[] = {{"one key", one_key, 12000},
               {"many keys", many_keys, 20000},
               {"one time", one_time, 20000},
               {"longer and longer", longer_and_longer, 1500}};

TEST(no_input_ends_a_run_for_want_of_memory) {
  for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
    for (size_t s = 0; s < sizeof streams / sizeof *streams; s++)
      for (size_t memory = 4 << 20; memory <= 16 << 20; memory *= 4) {
        struct told told;
        run(&told, rules[r].rule, streams[s].make, streams[s].count, memory, 0, 1);
        if (told.status != 0 || told.stats.memory_peak == 0)
          printf("%s, %s, %zu MiB: %s\n", rules[r].name, streams[s].name, memory >> 20, told.err.text);
        EXPECT_INT(told.status, 0);
        EXPECT_INT(told.stats.processed, streams[s].count);
        EXPECT_INT(told.rules[0].open, 0); /* the end of time has come */
        /* What was begun has left: told, timed out or dropped. Compact sets do not count partial matches. */
        if (memory == 4 << 20 && strcmp(rules[r].name, "absence") != 0)
          EXPECT(told.rules[0].entries_dropped + told.rules[0].match_events_dropped > 0);
        free(told.text);
      }
}

/* What joins, tables and lists keep counts by its size. */
TEST(long_texts_that_are_kept_end_no_run) {
  static const char *const keeping[] = {
      EVENT "event j join l = e, r = e key k where r.time between l.time + 1d and l.time + 20d { s = l.s }\n"
            "rule r { on j(s == \"\") key k }",
      EVENT "table t key (s) from event e { n int } ttl 30d\nrule r { on e(t[s].n == 2) key k }",
      EVENT "list l string ttl 30d\nrule r { on e(s in l) key k }\nrule a { on e key k add s to l to nothing }",
  };
  for (size_t r = 0; r < sizeof keeping / sizeof *keeping; r++)
    for (size_t memory = 4 << 20; memory <= 16 << 20; memory *= 4) {
      struct told told;
      run(&told, keeping[r], longer_and_longer, 1500, memory, 0, 1);
      if (told.status != 0) printf("%zu, %zu MiB: %s\n", r, memory >> 20, told.err.text);
      EXPECT_INT(told.status, 0);
      EXPECT_INT(told.stats.processed, 1500);
      free(told.text);
    }
}

/* States of many counters are larger than what is reckoned for one of few. */
TEST(many_counters_end_no_run) {
  static const char *const aggregates[] = {"max(n where n > %d)", "avg(n where n > %d)", "sum(n where n > %d)"};
  enum { COUNTERS = 30 };
  for (size_t a = 0; a < sizeof aggregates / sizeof *aggregates; a++)
    for (size_t s = 0; s < 3; s++)
      for (size_t memory = 4 << 20; memory <= 16 << 20; memory *= 4) {
        char rule[8000] = EVENT "rule r { on e key k when count() over 1000d < 0";
        for (int c = 0; c < COUNTERS; c++) {
          char one[100];
          snprintf(one, sizeof one, aggregates[a], -c);
          size_t length = strlen(rule);
          snprintf(rule + length, sizeof rule - length, " or %s over 1000d < 0", one);
        }
        snprintf(rule + strlen(rule), sizeof rule - strlen(rule), " }");
        struct told told;
        run(&told, rule, streams[s].make, streams[s].count * 3, memory, 0, 1);
        if (told.status != 0)
          printf("%s, %s, %zu MiB: %s\n", aggregates[a], streams[s].name, memory >> 20, told.err.text);
        EXPECT_INT(told.status, 0);
        free(told.text);
      }
}

static int round_of_keys(char *record, uint64_t i, uint64_t keys) {
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"k%llu\",\"n\":%llu,\"s\":\"s\"}\n",
                  (unsigned long long)i / 1000, (unsigned long long)i % keys, (unsigned long long)(i * 7919 % 1000003));
}
static int events_of_6000_keys(char *record, uint64_t i) { return round_of_keys(record, i, 6000); }
static int events_of_7300_keys(char *record, uint64_t i) { return round_of_keys(record, i, 7300); }
static int events_of_18700_keys(char *record, uint64_t i) { return round_of_keys(record, i, 18700); }
static int events_of_16000_keys(char *record, uint64_t i) { return round_of_keys(record, i, 16000); }

/* What all keys keep grows at the same time: blocks of one size are left, and larger ones are wanted. */
TEST(counters_that_grow_together_end_no_run) {
  struct told told;
  run(&told,
      EVENT
      "rule r { on e key k when median(n) over 1d < 0 or median(n * 2) over 1d < 0 or median(n * 3) over 1d < 0 or "
      "median(n * 4) over 1d < 0 }",
      events_of_6000_keys, 120000, 16 << 20, 0, 1);
  if (told.status != 0) printf("%s\n", told.err.text);
  EXPECT_INT(told.status, 0);
  EXPECT_INT(told.stats.processed, 120000);
  free(told.text);
}

/* Events of 24 to 104 bytes, 17 of each key: their blocks are up to twice as large, and what was freed when they grew
 * stands between others that stay. */
TEST(counters_whose_blocks_are_rounded_up_end_no_run) {
  static const char *const counters[] = {
      "max(n) over 1d < 0 or max(n * 2) over 1d < 0 or max(n * 3) over 1d < 0 or max(n * 4) over 1d < 0",
      "avg(n / 3) over 1d < 0 or stddev(n) over 1d < 0 or avg(n / 7) over 2d < 0",
      "max(n) over 1d < 0 or min(n * 2) over 1d < 0 or median(n * 3) over 1d < 0 or top(s, 3) over 1d is null",
  };
  for (size_t c = 0; c < sizeof counters / sizeof *counters; c++)
    for (int keys = 0; keys < 2; keys++) {
      char rule[600];
      struct told told;
      snprintf(rule, sizeof rule, EVENT "rule r { on e key k when %s }", counters[c]);
      uint64_t count = 17 * (keys == 0 ? 7300 : 18700);
      run_together(&told, rule, keys == 0 ? events_of_7300_keys : events_of_18700_keys, count, 32,
                   (keys == 0 ? 16 : 20) << 20, 0, 1);
      if (told.status != 0) printf("%s, %d: %s\n", counters[c], keys, told.err.text);
      EXPECT_INT(told.status, 0);
      EXPECT_INT(told.stats.processed, count);
      EXPECT(told.stats.dropped.counter_keys > 0 && told.stats.dropped.counter_keys < count);
      free(told.text);
    }
}

/* New keys; the last 20 come when no window sees the others any more. */
static int keys_of_two_times(char *record, uint64_t i) {
  return snprintf(record, RECORD_MAX, "{\"at\":%d,\"k\":\"k%llu\",\"n\":%llu,\"s\":\"s\"}\n", i < 5000 ? 1 : 1000,
                  (unsigned long long)i, (unsigned long long)i);
}

/* What no window sees any more leaves before a limit drives out what one does: of keys, and of what they keep. */
TEST(the_limits_of_counters_count_what_windows_see) {
  uint64_t dropped[2];
  for (int large = 0; large < 2; large++) {
    char rule[4000] = EVENT "rule r { on e key k when count() over 10s < 0";
    struct told full, more;
    for (int c = 0; c < 40 * large; c++) {
      size_t length = strlen(rule);
      snprintf(rule + length, sizeof rule - length, " or max(n where n > %d) over 10s < 0", -c);
    }
    snprintf(rule + strlen(rule), sizeof rule - strlen(rule), " }");
    run(&full, rule, keys_of_two_times, 5000, 4 << 20, 0, 1);
    run(&more, rule, keys_of_two_times, 5020, 4 << 20, 0, 1);
    EXPECT_INT(more.status, 0);
    dropped[large] = full.stats.dropped.counter_keys;
    EXPECT(dropped[large] > 0);
    EXPECT_INT(more.stats.dropped.counter_keys, dropped[large]);
    free(full.text);
    free(more.text);
  }
  EXPECT(dropped[1] > dropped[0]); /* by what they keep */
}

static int texts_of(char *record, uint64_t at, uint64_t key, uint64_t i) {
  int length = snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"k%llu\",\"n\":%llu,\"s\":\"%08llu ",
                        (unsigned long long)at, (unsigned long long)key, (unsigned long long)i, (unsigned long long)i);
  int text = 400 + (int)(i * 7919 % 1600);
  memset(record + length, 'a', (size_t)text);
  return length + text + snprintf(record + length + text, 8, "\"}\n");
}
/* Texts of 0.4 to 2 KB. */
static int texts_of_many_keys(char *record, uint64_t i) { return texts_of(record, i / 100, i * 7919 % 20011, i); }
static int texts_of_few_keys(char *record, uint64_t i) { return texts_of(record, i / 100, i % 7, i); }
static int texts_of_one_key(char *record, uint64_t i) { return texts_of(record, i / 100, 0, i); }
static int numbers_of_few_keys(char *record, uint64_t i) {
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"k%llu\",\"n\":%llu,\"s\":\"s %llu\"}\n",
                  (unsigned long long)i / 100, (unsigned long long)(i % 100), (unsigned long long)(i * 7919 % 1000003),
                  (unsigned long long)i);
}

static const struct {
  const char *name;
  make_record *make;
  uint64_t count;
} large[] = {{"texts of many keys", texts_of_many_keys, 8000},
             {"texts of few keys", texts_of_few_keys, 8000},
             {"texts of one key", texts_of_one_key, 8000},
             {"longer and longer", longer_and_longer, 600},
             {"numbers of few keys", numbers_of_few_keys, 80000}};

/* All of the large streams through the rules, under a limit that is too small for them. */
static void expect_no_end(const char *rule) {
  for (size_t s = 0; s < sizeof large / sizeof *large; s++) {
    struct told told;
    run(&told, rule, large[s].make, large[s].count, 4 << 20, 0, 1);
    if (told.status != 0) printf("%s\n%s: %s\n", rule, large[s].name, told.err.text);
    EXPECT_INT(told.status, 0);
    EXPECT_INT(told.stats.processed, large[s].count);
    free(told.text);
  }
}

/* 1,300 values of a key, then those of the next one. */
static int values_of_key_after_key(char *record, uint64_t i) {
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"k%llu\",\"n\":%llu}\n", (unsigned long long)i / 1000,
                  (unsigned long long)i / 1300, (unsigned long long)i % 1300);
}
static int values_through_days(char *record, uint64_t i) {
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"x\",\"n\":%llu}\n", (unsigned long long)i * 87,
                  (unsigned long long)i);
}

static void many_distinct(char rule[8000], const char *first, const char *approx) {
  snprintf(rule, 8000, EVENT "rule r { on e key k when %s", first);
  for (int days = 11; days < 71; days++) {
    size_t length = strlen(rule);
    snprintf(rule + length, 8000 - length, " or distinct(n) over %dd %s < 0", days, approx);
  }
  snprintf(rule + strlen(rule), 8000 - strlen(rule), " }");
}

TEST(sketches_of_exact_counters_end_no_run) {
  char rule[8000];
  struct told told;
  many_distinct(rule, "count() over 1d < 0", "");
  run(&told, rule, values_of_key_after_key, 100 * 1300, 4 << 20, 0, 1);
  if (told.status != 0) printf("%s\n", told.err.text);
  EXPECT_INT(told.status, 0);
  EXPECT_INT(told.stats.processed, 100 * 1300);
  free(told.text);
}

/* Sketches that fill the limit alone are no cause to forget what takes no room. */
TEST(counts_of_a_day_stay_beside_large_sketches) {
  char rule[8000];
  struct told limited, free_of_limits;
  many_distinct(rule, "count() over today == 77", "approx");
  run(&limited, rule, values_through_days, 20000, 4 << 20, 0, 1 << 20);
  run(&free_of_limits, rule, values_through_days, 20000, 0, 0, 1 << 20);
  EXPECT_INT(limited.status, 0);
  EXPECT(free_of_limits.alerts > 10);
  EXPECT_TEXT(limited.text, free_of_limits.text);
  free(limited.text);
  free(free_of_limits.text);
}

/* What counters keep beside their events counts by its size, too. */
TEST(counters_of_large_values_end_no_run) {
  static const char *const counters[] = {
      "last(s) over 30d == \"\"",
      "first(s) over 30d == \"\"",
      "max(s) over 30d == \"\"",
      "nth(s, 3) over 30d == \"\"",
      "collect(s, 3) over 30d is null",
      "last(s) over last 1000 == \"\"",
      "last(s) over today == \"\"",
      "collect(s, 20) over today is null",
      "top(s, 2) over today is null",
      "top(s, 2) over 30d is null",
      "top(s, 2 by sum(n)) over 30d is null",
      "distinct(s) over 30d < 0",
      "median(n) over 30d < 0",
      "median(n) over today < 0",
      "median(n) over 30d approx < 0",
  };
  for (size_t c = 0; c < sizeof counters / sizeof *counters; c++) {
    char rule[400];
    snprintf(rule, sizeof rule, EVENT "rule r { on e key k when %s }", counters[c]);
    expect_no_end(rule);
  }
}

TEST(windows_of_large_values_end_no_run) {
  static const char *const kinds[] = {"tumbling 30d", "session 30d", "sliding 30d every 10d", "count 1000 every 100",
                                      "today"};
  static const char *const aggregates[] = {"last(s)",   "max(s)",    "collect(s, 20)", "nth(s, 3)",
                                           "top(s, 2)", "median(n)", "distinct(s)"};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    for (size_t a = 0; a < sizeof aggregates / sizeof *aggregates; a++) {
      char rule[400];
      snprintf(rule, sizeof rule, EVENT "event w from e key k window %s { x = %s }\nrule r { on w(x is null) key k }",
               kinds[k], aggregates[a]);
      expect_no_end(rule);
    }
}

/* What windows do not need any more is no use to the events that are made of them: little of it may be left. */
TEST(windows_that_grow_together_end_no_run) {
  struct told told;
  const uint64_t count = 17 * 16000;
  run_together(&told,
               EVENT "event w from e key k window tumbling 1d { t = top(s, 3) c = collect(n, 60) }\n"
                     "rule r { on w(c is null) key k }",
               events_of_16000_keys, count, 32, 20 << 20, 0, 1);
  if (told.status != 0) printf("%s\n", told.err.text);
  EXPECT_INT(told.status, 0);
  EXPECT_INT(told.stats.processed, count);
  EXPECT(told.stats.dropped.windows > 0 && told.stats.dropped.windows < count);
  free(told.text);
}

/* So many keys, and then one of them each minute. */
static int keys_then_minutes(char *record, uint64_t i, uint64_t keys) {
  uint64_t at = i < keys ? i * 50 / keys : 60 * (i - keys + 2);
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"k%llu\",\"n\":%llu,\"s\":\"s\"}\n", (unsigned long long)at,
                  (unsigned long long)(i * 7919 % keys), (unsigned long long)i);
}
static int few_keys_then_minutes(char *record, uint64_t i) { return keys_then_minutes(record, i, 6000); }
static int many_keys_then_minutes(char *record, uint64_t i) { return keys_then_minutes(record, i, 20000); }
/* 20,000 keys in each minute, never the same. */
static int keys_of_minutes(char *record, uint64_t i) {
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"k%llu\",\"n\":1}\n", (unsigned long long)(i * 60 / 20000),
                  (unsigned long long)i);
}

/* A window of so many columns, all of them asked. */
static void expect_windows_end_no_run(const char *window, int columns, make_record *make, uint64_t count,
                                      size_t memory) {
  char rule[4000], emitted[2000] = "";
  struct told told;
  snprintf(rule, sizeof rule, EVENT "event w from e key k window %s {", window);
  for (int c = 0; c < columns; c++) {
    size_t length = strlen(rule), before = strlen(emitted);
    snprintf(rule + length, sizeof rule - length, " x%d = count() + %d", c, c);
    snprintf(emitted + before, sizeof emitted - before, " x%d = x%d", c, c);
  }
  size_t length = strlen(rule);
  snprintf(rule + length, sizeof rule - length, " }\nrule r { on w(x0 < 0) key k emit {%s } }", emitted);
  run_together(&told, rule, make, count, 32, memory, 0, 1);
  if (told.status != 0) printf("%s, %d columns, %zu MiB: %s\n", window, columns, memory >> 20, told.err.text);
  EXPECT_INT(told.status, 0);
  EXPECT_INT(told.stats.processed, count);
  free(told.text);
}

/* What windows make is kept until the passes above have worked on it: of one deadline, not of all that are between the
 * events of a batch; and what it takes counts, so that wide events come from fewer windows. */
TEST(windows_of_many_keys_end_no_run) {
  static const char *const windows[] = {
      "tumbling 60s",
      "tumbling 60s every key known for 30d",
      "tumbling 60s lateness 2m every key known for 30d",
      "sliding 120s every 30s every key known for 30d",
      "sliding 20m every 60s",
      "sliding 10m every 60s lateness 2m",
      "session 20m",
  };
  for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
    for (size_t memory = 4 << 20; memory <= 16 << 20; memory *= 4)
      expect_windows_end_no_run(windows[w], 1, few_keys_then_minutes, 6064, memory);
    expect_windows_end_no_run(windows[w], 41, many_keys_then_minutes, 20003, 16 << 20);
    expect_windows_end_no_run(windows[w], 41, keys_of_minutes, 60001, 16 << 20);
  }
}

TEST(what_windows_make_is_worked_on_deadline_by_deadline) {
  static const char rule[] = EVENT "event w from e key k window tumbling 60s every key known for 30d { n = count() }\n"
                                   "event v from w key k window tumbling 1h { n = sum(n) }\n"
                                   "rule r { on w(n == 1) key k }\nrule s { on v(n == 1) key k }";
  struct told one, together;
  run_together(&together, rule, few_keys_then_minutes, 6064, 32, 0, 0, 16 << 20);
  EXPECT_INT(together.status, 0);
  EXPECT(together.stats.memory_peak < 24 << 20);
  run_together(&one, rule, few_keys_then_minutes, 6064, 1, 0, 0, 16 << 20);
  EXPECT(one.alerts > 60);
  EXPECT_TEXT(one.text, together.text);
  free(one.text);
  free(together.text);
}

TEST(without_a_memory_limit_a_match_holds_so_many_events) {
  struct told told;
  run(&told, rules[0].rule, one_key, 110000, 0, 0, 1);
  EXPECT_INT(told.status, 0);
  EXPECT_INT(told.rules[0].match_events_dropped, 10000);
  free(told.text);
  run(&told, rules[0].rule, one_key, 5000, 0, 1000, 1);
  EXPECT_INT(told.rules[0].match_events_dropped, 4000);
  free(told.text);
}

static int three_and_two(char *record, uint64_t i) {
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"x\",\"n\":%d}\n", (unsigned long long)i, i < 3 ? 1 : 2);
}

TEST(a_compact_set_forgets_its_oldest_start) {
  struct told told;
  run(&told,
      EVENT "rule r { key k match a = e(n == 1)+ any then b = e(n == 2) within 60s report all emit { f = a.at } }",
      three_and_two, 4, 0, 3, 4096);
  EXPECT_INT(told.alerts, 3); /* of the second and the third event: 1 2, 1, 2 */
  EXPECT(strstr(told.text, "\"offset\":0}") == NULL);
  EXPECT_INT(told.rules[0].match_events_dropped, 1);
  EXPECT_INT(told.rules[0].open, 0);
  free(told.text);
}

/* ---- the same matches are dropped, whether runs share totals or not ---- */

static uint64_t seed;
static uint64_t rnd(uint64_t below) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (seed >> 20) % below;
}

static int random_steps(char *record, uint64_t i) {
  (void)i;
  static uint64_t at;
  at += rnd(4);
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"k%llu\",\"n\":%llu}\n", (unsigned long long)at,
                  (unsigned long long)rnd(2),
                  (unsigned long long)(rnd(30) == 0  ? 3
                                       : rnd(5) == 0 ? 2
                                                     : 1));
}

/* The matched events of each alert, without names and ids. */
static void matched_only(const struct told *told, char *out, size_t room) {
  size_t length = 0;
  *out = '\0';
  for (const char *line = told->text; *line != '\0'; line = strchr(line, '\n') + 1) {
    const char *at = strstr(line, "\"time\":"), *end = strchr(line, '\n');
    while (at != NULL && at < end) {
      const char *offset = strstr(at, "\"offset\":");
      if (offset == NULL || offset > end) break;
      length += (size_t)snprintf(out + length, room - length, "%ld ", strtol(offset + 9, NULL, 10));
      at = offset + 1;
    }
    length += (size_t)snprintf(out + length, room - length, "\n");
  }
}

TEST(what_may_hold_no_more_is_the_same_with_and_without_shared_totals) {
  static const char *const shapes[] = {
      "match a = e(n == 1%s)+ then b = e(n == 3) within 100s",
      "match a = e(n == 1%s)+ then b = e(n == 2%s)+ then c = e(n == 3) within 200s",
      "match a = e(n == 1%s){2,} then b = e(n == 3) within 100s report all after match skip to next",
      "match x = e(n == 2%s)+ then a = e(n == 1%s)+ until (n == 2) then b = e(n == 3) within 9s report all",
      "match x = e(n == 2)? then a = e(n == 1%s)+ then b = e(n == 3) within 100s",
  };
  static char one[1 << 20], two[1 << 20];
  for (int number = 0; number < 40 && !test_failed; number++) {
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
      char match[512], text[1024];
      const char *own = number % 2 == 0 ? " and n <= count(a) + 9" : " and n > count(a) - 99999";
      struct told shared, apart;
      unsigned most = 3 + (unsigned)number % 40;
      snprintf(match, sizeof match, shapes[shape], "", "");
      snprintf(text, sizeof text, EVENT "rule r { key k %s }", match);
      seed = (uint64_t)number * 977 + shape + 1;
      run(&shared, text, random_steps, 400, 0, most, 1 << 20);
      EXPECT_INT(shared.status, 0);
      snprintf(match, sizeof match, shapes[shape], own, own);
      snprintf(text, sizeof text, EVENT "rule r { key k %s }", match);
      seed = (uint64_t)number * 977 + shape + 1;
      run(&apart, text, random_steps, 400, 0, most, 1 << 20);
      EXPECT_INT(apart.status, 0);
      /* (Where only the first is told and drops all others, full ones among them are not counted in shared totals.) */
      if (strstr(text, "report all") != NULL)
        EXPECT_INT(apart.rules[0].match_events_dropped, shared.rules[0].match_events_dropped);
      matched_only(&shared, one, sizeof one);
      matched_only(&apart, two, sizeof two);
      EXPECT_TEXT(one, two);
      if (test_failed) printf("case %d, shape %zu, at most %u\n", number, shape, most);
      free(shared.text);
      free(apart.text);
    }
  }
}

/* ---- forks ---- */

/* Each event doubles the forks, and all of them have the same events. */
TEST(forks_with_the_same_events_are_listed_together) {
  static const char text[] =
      EVENT "rule r { key k match f = e(n == 1) then ((x = e) or (y = e(n == 1) {0,3} strict each "
            "then z = e)) {1,} each within 30s report all }";
  struct told told;
  run(&told, text, one_key, 200, 256 << 20, 0, TEXT_MAX);
  EXPECT_INT(told.status, 0);
  EXPECT_INT(told.alerts, 30 * 29 / 2 + 170 * 30); /* one for each start of the 30 s before */
  EXPECT(told.stats.memory_peak < 8 << 20);
  free(told.text);
}

static int one_start(char *record, uint64_t i) {
  return snprintf(record, RECORD_MAX, "{\"at\":%llu,\"k\":\"x\",\"n\":%d}\n", (unsigned long long)i, i == 0 ? 2 : 1);
}

/* More matches than may be told are found behind many forks with the same events, too; then one is told. Without the
 * forks there are the same matches. */
TEST(forks_with_the_same_events_hide_no_match_beyond_the_limit) {
  static const char *const ways[] = {
      "((a = e) or (b = e(n == 1))) then ((c = e) or (d = e(n == 1))) then ((h = e) or (i = e(n == 1))) then "
      "((l = e) or (m = e(n == 1))) then ((o = e) or (p = e(n == 1))) then ((q = e) or (t = e(n == 1)))",
      "a = e then c = e then h = e then l = e then o = e then q = e"};
  static char matched[2][1 << 20];
  struct told told[2];
  for (int i = 0; i < 2; i++) {
    char text[800];
    snprintf(text, sizeof text,
             EVENT
             "rule r { key k match f = e(n == 2) then %s then any w = e(n == 1) then any z = e(n == 1) within 100s "
             "report all limit 20 }",
             ways[i]);
    run(&told[i], text, one_start, 60, 256 << 20, 0, TEXT_MAX);
    EXPECT_INT(told[i].status, 0);
    EXPECT(told[i].alerts > 200);
    EXPECT(told[i].rules[0].report_limit > 20);
    matched_only(&told[i], matched[i], sizeof matched[i]);
    free(told[i].text);
  }
  EXPECT_INT(told[0].rules[0].report_limit, told[1].rules[0].report_limit);
  EXPECT_INT(told[0].alerts, told[1].alerts);
  EXPECT_TEXT(matched[0], matched[1]);
}

/* ---- events that concern nobody ---- */

TEST(what_a_condition_makes_does_not_stay) {
  static const char text[] = EVENT "rule r { key k on e(upper(s) == \"NONE\") }";
  struct told few, many;
  run(&few, text, one_key, 5000, 0, 0, TEXT_MAX);
  run(&many, text, one_key, 50000, 0, 0, TEXT_MAX);
  EXPECT_INT(few.status, 0);
  EXPECT_INT(many.status, 0);
  EXPECT_INT(many.stats.memory_peak, few.stats.memory_peak);
  free(few.text);
  free(many.text);
}

/* ---- alerts of one moment ---- */

TEST(alerts_of_one_moment_are_sorted_through_a_file) {
  static const char text[] = EVENT "rule b { key k match a = e(n == 1) then no e(n == 2) for 1m message \"silent since "
                                   "{k}\" emit { s = last(a.s) } }\n"
                                   "rule a { key k match e(n == 1) then no e(n == 2) for 1m }";
  struct told in_memory, through_file;
  run(&in_memory, text, one_time, 15000, 0, 0, TEXT_MAX);
  run(&through_file, text, one_time, 15000, 64 << 20, 0, TEXT_MAX);
  EXPECT_INT(in_memory.status, 0);
  EXPECT_INT(through_file.status, 0);
  EXPECT_INT(in_memory.alerts, 30000);
  EXPECT_INT(through_file.alerts, 30000);
  EXPECT_INT(through_file.rules[0].entries_dropped, 0);
  EXPECT(in_memory.length > 6000000 && in_memory.length < TEXT_MAX - 1000);
  EXPECT(in_memory.length == through_file.length && memcmp(in_memory.text, through_file.text, in_memory.length) == 0);
  free(in_memory.text);
  free(through_file.text);
}

TEST(limits_have_a_most) {
  struct err err;
  EXPECT(weir_new(&(struct weir_options){.runs_max = 10000001}, &err) == NULL);
  EXPECT_INT(err.class, ERR_ABORT);
  EXPECT_TEXT(err.text, "`runs_max` is 10000001: at most 10000000");
  EXPECT(weir_new(&(struct weir_options){.match_events_max = 10000001}, &err) == NULL);
  EXPECT_TEXT(err.text, "`match_events_max` is 10000001: at most 10000000");
  struct weir *weir = weir_new(&(struct weir_options){.runs_max = 10000000, .match_events_max = 10000000}, &err);
  EXPECT(weir != NULL);
  weir_free(weir);
}

TEST_MAIN
