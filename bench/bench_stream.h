/* bench_stream.h - the stream and the rules of bench_engine.c: payments, logins and heartbeats of 273 bytes and 14
 * members each, of a million users, of which few interest a rule; and ten rules as an analyst writes them, twice:
 * patterns and filters alone, and with counters.
 *
 * Deterministic: the same number of events gives the same bytes everywhere. Header only. */
#ifndef WEIR_BENCH_BENCH_STREAM_H
#define WEIR_BENCH_BENCH_STREAM_H

#include <zlib.h>

#include "bench/bench.h"

enum {
  STREAM_EVENT_BYTES = 273,
  STREAM_ROOM = 512,
  STREAM_USERS = 1000000,
  STREAM_HOT_USERS = 400, /* whose cards are being tested while the stream goes on */
  STREAM_TERMINALS = 3000,
  STREAM_STOLEN = 5000,
  STREAM_STEP_MS = 2, /* between two events, where the plan says nothing else */
};

enum stream_shape { STREAM_JSON, STREAM_CSV };

struct stream_event {
  const char *type;
  int64_t at_ms;
  uint32_t number, user, terminal, cents, attempt;
  const char *status, *country, *channel, *agent;
  bool ok;
};

static inline const char *stream_pick(const char *const *from, uint32_t count, uint64_t random) {
  return from[random % count];
}

/* Payments: 90 of 100; logins 8; heartbeats of terminals 2, each in its turn (150,000 events apart), a few of which
 * stop. */
static inline struct stream_event stream_make(uint32_t number, int64_t step_ms, uint64_t *random) {
  static const char *const countries[] = {"DE", "FR", "NL", "IT", "ES", "AT", "PL", "SE"};
  static const char *const agents[] = {"Mozilla/5.0 (X11) Firefox/128.0", "Mozilla/5.0 (iPhone) Safari/605.1",
                                       "Mozilla/5.0 (Android 14) Chrome/126.0"};
  static const char *const channels[] = {"web", "app", "pos"};
  uint64_t r = bench_random(random), s = bench_random(random);
  struct stream_event e = {.type = "payment", .number = number, .at_ms = (int64_t)number * step_ms};
  uint32_t kind = number % 50;
  e.user = (uint32_t)(r >> 8) % STREAM_USERS;
  e.terminal = (uint32_t)(s >> 40) % STREAM_TERMINALS;
  e.attempt = (uint32_t)(s >> 10) % 4;
  e.country = stream_pick(countries, 8, s >> 4);
  e.agent = stream_pick(agents, 3, s >> 7);
  e.channel = stream_pick(channels, 3, s >> 12);
  e.ok = (r >> 40) % 100 != 0;
  uint32_t status = (uint32_t)(r >> 44) % 1000, amount = (uint32_t)(s >> 16) % 1000,
           digits = (uint32_t)(s >> 28) % 1000;
  e.status = status < 40 ? "declined" : status < 42 ? "reversed" : "approved";
  e.cents = amount < 30    ? digits / 2
            : amount < 780 ? 500 + digits * 10
            : amount < 980 ? 10000 + digits * 30
                           : 40000 + digits * 60;
  if ((r >> 32) % 400 == 0) e.country = "XK";
  if ((s >> 52) % 2000 == 0) e.agent = "python-requests/2.31 (CPython)";
  if (kind == 7) {
    e.type = "heartbeat";
    e.terminal = number / 50 % STREAM_TERMINALS;
    if (e.terminal % 100 == 99 && number / 50 / STREAM_TERMINALS % 4 == 3) e.terminal--; /* this one keeps silent */
  } else if (kind % 12 == 3) {
    e.type = "login";
  } else if ((r >> 54) % 200 == 0) { /* a card that is being tested: probes, now and then the big charge */
    e.user = (uint32_t)(r >> 8) % STREAM_HOT_USERS;
    e.cents = (s >> 36) % 8 == 0 ? 30000 + digits : 100 + digits % 300;
    e.status = "approved";
  }
  return e;
}

static inline int stream_json(char *out, const struct stream_event *e, const char *at) {
  int n = snprintf(out, STREAM_ROOM, "{\"type\":\"%s\",\"id\":\"tx-%08x\",\"at\":\"%s\"", e->type,
                   e->number * 2654435761u, at);
  if (e->type[0] == 'h') {
    n += snprintf(out + n, STREAM_ROOM - (size_t)n, ",\"terminal\":%u", e->terminal);
  } else if (e->type[0] == 'l') {
    n += snprintf(out + n, STREAM_ROOM - (size_t)n,
                  ",\"user_id\":%u,\"ok\":%s,\"country\":\"%s\",\"ip\":\"10.%u.%u.%u\"", e->user,
                  e->ok ? "true" : "false", e->country, e->number % 251, e->user % 256, e->terminal % 256);
  } else {
    n += snprintf(out + n, STREAM_ROOM - (size_t)n,
                  ",\"card_id\":\"c%06u\",\"user_id\":%u,\"amount\":%u.%02u,\"status\":\"%s\","
                  "\"country\":\"%s\",\"terminal\":%u,\"attempt\":%u,\"ip\":\"10.%u.%u.%u\",\"channel\":\"%s\"",
                  (e->user + 17) % STREAM_USERS, e->user, e->cents / 100, e->cents % 100, e->status, e->country,
                  e->terminal, e->attempt, e->number % 251, e->user % 256, e->terminal % 256, e->channel);
  }
  n += snprintf(out + n, STREAM_ROOM - (size_t)n, ",\"agent\":\"%s", e->agent);
  check(n < STREAM_EVENT_BYTES - 2);
  while (n < STREAM_EVENT_BYTES - 2) out[n++] = ' '; /* filled up to the length of all */
  out[n++] = '"';
  out[n++] = '}';
  return n;
}

static const char stream_csv_header[] =
    "type,id,at,card_id,user_id,amount,status,country,terminal,attempt,channel,ok,agent\n";

static inline int stream_csv(char *out, const struct stream_event *e, const char *at) {
  int n = snprintf(out, STREAM_ROOM, "%s,tx-%08x,%s,", e->type, e->number * 2654435761u, at);
  if (e->type[0] == 'h')
    n += snprintf(out + n, STREAM_ROOM - (size_t)n, ",,,,,%u,,,", e->terminal);
  else if (e->type[0] == 'l')
    n += snprintf(out + n, STREAM_ROOM - (size_t)n, ",%u,,,%s,,,,%s", e->user, e->country, e->ok ? "true" : "false");
  else
    n += snprintf(out + n, STREAM_ROOM - (size_t)n, "c%06u,%u,%u.%02u,%s,%s,%u,%u,%s,", (e->user + 17) % STREAM_USERS,
                  e->user, e->cents / 100, e->cents % 100, e->status, e->country, e->terminal, e->attempt, e->channel);
  return n + snprintf(out + n, STREAM_ROOM - (size_t)n, ",%s", e->agent);
}

struct stream_plan {
  enum stream_shape shape;
  bool gzip;
  uint32_t events;
  int64_t step_ms;      /* between two events; 0 = STREAM_STEP_MS */
  int64_t disorder_ms;  /* events stand up to so much later in the file than their time says */
  uint32_t part, parts; /* every parts-th event, from the part-th on */
};

/* Writes the stream to `path`; returns its bytes before packing. */
static inline uint64_t stream_write(const char *path, const struct stream_plan *plan) {
  gzFile file = gzopen(path, plan->gzip ? "wb1" : "wbT"); /* T: as it is */
  check(file != NULL);
  gzbuffer(file, 1 << 18);
  uint64_t random = 0x9E3779B97F4A7C15u, other = 88172645463325252u, bytes = 0;
  int64_t step_ms = plan->step_ms > 0 ? plan->step_ms : STREAM_STEP_MS;
  if (plan->shape == STREAM_CSV) gzwrite(file, stream_csv_header, sizeof stream_csv_header - 1);
  for (uint32_t i = 0; i < plan->events; i++) {
    struct stream_event event = stream_make(i, step_ms, &random);
    int64_t ms = event.at_ms;
    if (plan->disorder_ms > 0) ms += plan->disorder_ms - (int64_t)(bench_random(&other) >> 33) % plan->disorder_ms;
    if (i % plan->parts != plan->part) continue;
    char at[32], out[STREAM_ROOM + 1];
    uint32_t second = (uint32_t)(ms / 1000);
    snprintf(at, sizeof at, "2026-11-%02uT%02u:%02u:%02u.%03uZ", 21 + second / 86400 % 9, second / 3600 % 24,
             second / 60 % 60, second % 60, (uint32_t)(ms % 1000));
    int length = plan->shape == STREAM_CSV ? stream_csv(out, &event, at) : stream_json(out, &event, at);
    out[length++] = '\n';
    check(gzwrite(file, out, (unsigned)length) == length);
    bytes += (uint64_t)length;
  }
  check(gzclose(file) == Z_OK);
  return bytes;
}

/* ---- rules ---- */

static const char stream_types[] = "event payment {\n  event_time at\n%s  at time\n  id string\n  card_id string\n"
                                   "  user_id int\n  amount decimal(2)\n  status string\n  country string\n"
                                   "  terminal int\n  channel string\n  agent string\n}\n"
                                   "event login {\n  event_time at\n%s  at time\n  user_id int\n  ok bool\n"
                                   "  country string\n}\n"
                                   "event heartbeat {\n  event_time at\n%s  at time\n  terminal int\n}\n";

static const char *const stream_rules[] = {
    "rule big_abroad \"filter\" {\n  severity high\n  on payment(amount > 900 and country == \"XK\")\n  key card_id\n"
    "  emit { amount = amount  country = country }\n  message \"{amount} in {country}\"\n%s}\n",

    "rule declined_high \"filter\" {\n  on payment(status == \"declined\" and amount > 850 and channel != \"pos\")\n"
    "  key user_id\n  emit { amount = amount }\n%s}\n",

    "rule card_testing \"sequence of three\" {\n  key card_id\n"
    "  match a = payment(amount <= 5 and status == \"approved\")\n"
    "  then  b = payment(amount <= 5 and status == \"approved\")\n  then  c = payment(amount > 200)\n  within 30m\n"
    "  emit { amount = c.amount  terminal = c.terminal }\n  message \"card {card_id}: probes, then {amount}\"\n%s}\n",

    "rule doubled \"reference to an earlier step\" {\n  key user_id\n"
    "  match a = payment(status == \"declined\" and amount > 20)\n  then  b = payment(amount > 2 * a.amount)\n"
    "  within 10m\n  emit { first = a.amount  second = b.amount }\n%s}\n",

    "rule takeover \"absence between\" {\n  key user_id\n  match a = login(not ok)\n  then no login(ok)\n"
    "  then  b = payment(amount > 150)\n  within 20m\n  emit { amount = b.amount }\n%s}\n",

    "rule silent_terminal \"absence at the end\" {\n  key terminal\n  match h = heartbeat\n"
    "  then no heartbeat for 6m\n  emit { last = h.at }\n%s}\n",

    "rule script \"regular expression\" {\n  key user_id\n"
    "  on payment(agent matches /^(curl|python-requests|Go-http-client)\\/[0-9]/)\n  emit { agent = agent }\n%s}\n",

    "rule stolen_card \"list of 5,000\" {\n  key card_id\n  on payment(card_id in stolen and amount > 100)\n"
    "  emit { amount = amount }\n%s}\n",

    "rule pairs \"or of groups\" {\n  key card_id\n"
    "  match ((a = payment(country == \"XK\") then b = payment(country == \"XK\")) or\n"
    "         (c = payment(status == \"reversed\") then d = payment(status == \"reversed\")))\n  within 1h\n%s}\n",

    "rule probes \"loop with until\" {\n  key user_id\n"
    "  match p = payment(amount <= 5 and status == \"approved\") {3,} until (amount > 200)\n"
    "  then  c = payment(amount > 200 and amount >= 20 * avg(p.amount))\n  within 30m\n"
    "  emit { probes = count(p)  spent = sum(p.amount)  amount = c.amount }\n"
    "  message \"{probes} probes for {spent}, then {amount}\"\n%s}\n",
};
enum { STREAM_RULES = sizeof stream_rules / sizeof stream_rules[0] };

/* The ten with counters: six of those above, and four for a stream with a millisecond between two events, in which a
 * million cards have 0.06 events in 60 s, 0.6 in 10 minutes and 2 in the day, those that are tested 0.75, 7.5 and 25.
 */
static const uint8_t stream_shared[] = {0, 1, 2, 3, 6, 7};
static const char *const stream_counters[] = {
    "rule velocity \"count over 60 s\" {\n  key user_id\n  on payment\n  when count() over 60s >= 4\n"
    "  emit { payments = count() over 60s }\n%s}\n",

    "rule spending \"sum over 10 minutes\" {\n  key card_id\n  on payment\n  when sum(amount) over 10m > 1250\n"
    "  emit { spent = sum(amount) over 10m }\n  message \"{spent} in ten minutes\"\n%s}\n",

    "rule roaming \"distinct over a day\" {\n  key user_id\n  on payment\n  when distinct(terminal) over 1d > 25\n"
    "  emit { terminals = distinct(terminal) over 1d }\n%s}\n",

    "rule silent_terminal \"absence\" {\n  key terminal\n  match h = heartbeat\n  then no heartbeat for 3m\n"
    "  emit { last = h.at }\n%s}\n",
};
enum {
  STREAM_SHARED = sizeof stream_shared,
  STREAM_COUNTERS = sizeof stream_counters / sizeof stream_counters[0],
  STREAM_COUNTING_STEP_MS = 1,
};

static inline const char *stream_rule(bool counting, int number) {
  if (!counting) return stream_rules[number];
  return number < STREAM_SHARED ? stream_rules[stream_shared[number]] : stream_counters[number - STREAM_SHARED];
}

_Static_assert(STREAM_SHARED + STREAM_COUNTERS == STREAM_RULES, "ten each");

struct stream_rule_set {
  bool counting;   /* the ten with counters */
  bool disorder;   /* all types declare `disorder 10s` */
  bool to_nothing; /* matches are found and counted, no alert is written */
  int only;        /* one rule; -1 = all ten */
};

/* In a buffer of the caller's. */
static inline struct slice stream_rule_text(struct buf *out, struct stream_rule_set set) {
  const char *disorder = set.disorder ? "  disorder 10s\n" : "";
  buf_printf(out, stream_types, disorder, disorder, disorder);
  buf_str(out, "list stolen string {");
  for (uint32_t i = 0; i < STREAM_STOLEN; i++)
    buf_printf(out, "%s\"c%06u\"", i == 0 ? " " : ", ", i * 197 % STREAM_USERS);
  buf_str(out, " }\n");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  for (int i = 0; i < STREAM_RULES; i++)
    if (set.only < 0 || set.only == i)
      buf_printf(out, stream_rule(set.counting, i), set.to_nothing ? "  to nothing\n" : "");
#pragma GCC diagnostic pop
  return buf_view(out);
}

#endif
