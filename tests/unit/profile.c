/* floors: base nfa rules engine */
/* What a run costs, row by row: figures that follow from the rules and events alone, and shares that are the whole. */
#include "tests/test.h"

#include "base/env.h"
#include "engine/weir.h"

static const char rules[] = "event pay { event_time at  at time  card string  amount int  shop string }\n"
                            "event pay_hour from pay key card window tumbling 1h { n = count() }\n"
                            "rule pairs { key card match a = pay(amount == 1) then b = pay(amount == 2) within 1h }\n"
                            "rule large { on pay key card when amount > 100 and count() over 1h > 1 }\n"
                            "rule odd { on pay(shop matches /^x.*y$/) key none }\n"
                            "rule busy { on pay_hour(n >= 3) key card }\n";

/* A clock of which every look is one tick. */
static uint64_t ticks_now;
static uint64_t tick(void *context) {
  (void)context;
  return ++ticks_now;
}

static struct weir *open_weir(bool profile, struct env *env) {
  struct err err;
  *env = *env_real();
  env->ticks = tick;
  struct weir *weir = weir_new(&(struct weir_options){.profile = profile, .env = env}, &err);
  EXPECT(weir != NULL);
  EXPECT(weir_load_text(weir, "rules.weir", rules, sizeof rules - 1, &err) == 0);
  EXPECT_TEXT(weir_diagnostics(weir, false), "");
  EXPECT(weir_open(weir, "s", "pay", WEIR_JSON, &err) == 0);
  return weir;
}

static void push(struct weir *weir, const char *time, const char *card, int amount, const char *shop) {
  char line[200];
  struct err err;
  int length =
      snprintf(line, sizeof line, "{\"at\":\"2026-01-05T%sZ\",\"card\":\"%s\",\"amount\":%d,\"shop\":\"%s\"}\n", time,
               card, amount, shop);
  EXPECT(weir_push(weir, 0, line, (size_t)length, &err) == 0);
}

static void push_all(struct weir *weir) {
  push(weir, "10:00:00", "a", 1, "xy");    /* pairs begins; odd */
  push(weir, "10:00:01", "a", 2, "q");     /* pairs ends */
  push(weir, "10:00:02", "b", 1, "xz");    /* pairs begins, stays open */
  push(weir, "10:00:03", "a", 200, "q");   /* large */
  push(weir, "10:00:04", "b", 101, "x_y"); /* large, odd */
  push(weir, "10:00:05", "c", 500, "q");   /* asked, but it is the first of its key */
}

struct found {
  struct weir_profile_row row;
  char kind[64], name[200];
};

/* All rows; the bytes of one stand until the next is asked for. */
static size_t all_rows(struct weir *weir, struct found *rows, size_t most) {
  size_t count = 0;
  struct weir_profile_row row;
  for (uint64_t cursor = 0; weir_next_profile(weir, &cursor, &row) && count < most; count++) {
    struct found *found = &rows[count];
    found->row = row;
    snprintf(found->kind, sizeof found->kind, "%.*s", (int)row.kind.length, row.kind.data);
    snprintf(found->name, sizeof found->name, "%.*s", (int)row.name.length, row.name.data);
  }
  return count;
}

static const struct found *row_of(const struct found *rows, size_t count, const char *kind, const char *name) {
  static const struct found none;
  for (size_t i = 0; i < count; i++)
    if (strcmp(rows[i].kind, kind) == 0 && strcmp(rows[i].name, name) == 0) return &rows[i];
  EXPECT(false);
  return &none;
}

enum { ROWS_MAX = 40 };

TEST(figures_of_rules_and_of_what_is_counted) {
  struct env env;
  struct found rows[ROWS_MAX];
  struct err err;
  struct weir *weir = open_weir(true, &env);
  push_all(weir);
  EXPECT(weir_finish(weir, &err) == 0);
  size_t count = all_rows(weir, rows, ROWS_MAX);
  EXPECT(count == 4 + 1 + 1 + 6);
  const struct found *pairs = row_of(rows, count, "rule", "pairs");
  EXPECT(pairs->row.events == 3 && pairs->row.matches == 1 && pairs->row.told == 1);
  EXPECT(pairs->row.open == 1); /* that of card b, though time moved to its end since */
  EXPECT(pairs->row.state_bytes >= 64 && pairs->row.state_bytes < 4096);
  const struct found *large = row_of(rows, count, "rule", "large");
  EXPECT(large->row.matches == 2 && large->row.events == 2 && large->row.open == 0);
  const struct found *odd = row_of(rows, count, "rule", "odd"); /* no index finds it: it is asked every time */
  EXPECT(odd->row.matches == 2 && odd->row.events == 6);
  EXPECT(row_of(rows, count, "rule", "busy")->row.told == 1);
  const struct found *counters = row_of(rows, count, "counters", "pay by card");
  EXPECT(counters->row.events == 6 && counters->row.state_bytes >= 3 * 48);
  const struct found *window = row_of(rows, count, "window", "pay_hour");
  EXPECT(window->row.events == 6 && window->row.state_bytes > 0);
  EXPECT(row_of(rows, count, "decoding", "")->row.cpu_ns > 0);
  for (size_t i = 0; i < count; i++) EXPECT(rows[i].row.cpu_ns > 0 || rows[i].row.events == 0);
  weir_free(weir);
}

TEST(what_is_open_is_told_while_events_come) {
  struct env env;
  struct found rows[ROWS_MAX];
  struct weir *weir = open_weir(true, &env);
  push(weir, "10:00:00", "a", 1, "q");
  push(weir, "10:00:00", "b", 1, "q");
  size_t count = all_rows(weir, rows, ROWS_MAX);
  EXPECT(row_of(rows, count, "rule", "pairs")->row.open == 2);
  push(weir, "10:00:01", "a", 2, "q");
  count = all_rows(weir, rows, ROWS_MAX);
  EXPECT(row_of(rows, count, "rule", "pairs")->row.open == 1);
  weir_free(weir);
}

static size_t alerts_of(bool profile, char *out, size_t room) {
  struct env env;
  struct err err;
  struct weir *weir = open_weir(profile, &env);
  size_t length = 0;
  push_all(weir);
  EXPECT(weir_finish(weir, &err) == 0);
  for (struct weir_alert alert; weir_next_alert(weir, &alert);)
    length += (size_t)snprintf(out + length, room - length, "%.*s\n", (int)alert.json.length, alert.json.data);
  struct weir_profile_row row;
  uint64_t cursor = 0;
  EXPECT(weir_next_profile(weir, &cursor, &row) == profile);
  weir_free(weir);
  return length;
}

TEST(alerts_are_the_same) {
  static char with[8192], without[8192];
  size_t length = alerts_of(true, with, sizeof with);
  EXPECT(length > 0 && length == alerts_of(false, without, sizeof without));
  EXPECT(memcmp(with, without, length) == 0);
}

TEST_MAIN
