/* run_alloc.c - failure at every allocation, one after the other, on one small scenario: while the rules are read,
 * while they are compiled, while the engine runs. Each run ends with the right alerts, or with one clean out-of-memory
 * error and a beginning of the right alerts. Under AddressSanitizer it also proves that nothing leaks and nothing is
 * touched after it was freed. */
#include "engine/weir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 16, CALM_MAX = 40, ATTEMPTS_MAX = 200000 };
enum phase { PHASE_LOAD, PHASE_COMPILE, PHASE_RUN, PHASES };
static const char *const phase_names[] = {"read", "compile", "run"};

static const char rules[] =
    "event login {\n  event_time at\n  disorder 2s\n  unique id for 1h\n  at time\n  id string\n  user string "
    "required\n"
    "  ok bool\n  agent string\n  ip ip from \"net.ip\"\n  seconds int\n  slow bool = seconds > 5\n}\n"
    "event pay {\n  event_time at\n  disorder 2s\n  at time\n  user string required\n  amount decimal(2)\n}\n"
    "list bots string { \"curl\", \"wget\" }\n"
    "list home ip { 10.0.0.0/8 }\n"
    "let big = amount > 100\n"
    "event slow_login from login where slow { user = user  agent = lower(agent) }\n"
    "rule odd_agent \"A bot logs in\" {\n  severity high\n  on login(agent in bots or agent matches "
    "/^python-.*[0-9]$/i)\n"
    "  key user\n  emit { agent = agent  address = ip }\n  message \"{user}: {agent}\"\n  suppress 10s\n}\n"
    "rule takeover {\n  key user\n  match a = login(not ok) {2,} until (ok)\n  then b = login(ok and ip != "
    "last(a.ip))\n"
    "  then any c = pay(big)\n  within 1m\n  report all\n  emit { tries = count(a)  amount = c.amount  from = "
    "concat(\"x\", first(a.agent)) }\n"
    "  with because\n}\n"
    "rule silence {\n  key user\n  match b = login(ok)\n  then no pay for 20s\n  within 1m\n  report all\n}\n"
    "rule steps {\n  key user\n  match a = login {1,} any\n  then p = pay\n  within 30s\n  report all limit 5\n}\n"
    "rule slow_twice {\n  key user\n  match s = slow_login {2}\n  within 1m\n  report longest\n}\n";

/* With this one there are several passes. */
static const char changing_key[] =
    "rule moves_on {\n  key agent\n  match l = login(ok) {2}\n  then p = pay(amount > count(l)) at key user == "
    "l.user\n  "
    "within 1m\n  report all\n  emit { agent = l.agent  first = first(l.id)  paid = p.amount }\n}\n";

static size_t make_events(char *out, size_t size) {
  size_t used = 0;
  for (int i = 0; i < 24; i++) {
    const char *agent = i % 7 == 0 ? "Curl" : i % 5 == 0 ? "python-3" : i % 3 == 0 ? "wget" : "Mozilla";
    used += (size_t)snprintf(out + used, size - used,
                             "{\"type\":\"login\",\"at\":\"2026-01-05T10:00:%02dZ\",\"id\":\"i%d\",\"user\":\"u%d\","
                             "\"ok\":%s,\"agent\":\"%s\","
                             "\"net\":{\"ip\":\"10.0.%d.1\"},\"seconds\":%d}\n",
                             (i * 2 + (i % 3)) % 60, i % 20, i % 2, i % 4 == 3 ? "true" : "false", agent, i, i);
    if (i % 4 == 3)
      used +=
          (size_t)snprintf(out + used, size - used,
                           "{\"type\":\"pay\",\"at\":\"2026-01-05T10:00:%02dZ\",\"user\":\"u1\",\"amount\":%d.50}\n",
                           (i * 2 + 2) % 60, 20 * i);
  }
  used += (size_t)snprintf(
      out + used, size - used,
      "not json\n{\"type\":\"pay\",\"at\":\"2026-01-05T10:09:00Z\",\"user\":\"u0\",\"amount\":\"x\"}\n");
  return used;
}

struct scenario {
  char rules[TEXT_MAX];
  char events[TEXT_MAX];
  size_t event_bytes;
  char expected[TEXT_MAX], actual[TEXT_MAX];
  size_t used;
  char error[ERR_TEXT_MAX];
};

static void take_rows(struct scenario *s, struct weir *weir) {
  struct weir_alert alert;
  struct weir_refused refused;
  while (weir_next_alert(weir, &alert))
    s->used +=
        (size_t)snprintf(s->actual + s->used, TEXT_MAX - s->used, "%.*s\n", (int)alert.json.length, alert.json.data);
  while (weir_next_refused(weir, &refused)) continue;
}

/* 0: the right end; else the class of the error, whose text is in s->error. */
static int run(struct scenario *s, const struct weir_options *options) {
  struct err err = {0};
  s->used = 0;
  s->actual[0] = s->error[0] = '\0';
  struct weir *weir = weir_new(options, &err);
  int status = weir == NULL ? ERR_FATAL : weir_load_text(weir, "case.weir", s->rules, strlen(s->rules), &err);
  if (status == 0) status = weir_open(weir, "stdin", NULL, WEIR_JSON, &err);
  size_t half = s->event_bytes / 2;
  if (status == 0) status = weir_push(weir, 0, s->events, half, &err);
  if (status == 0) take_rows(s, weir);
  if (status == 0) status = weir_push(weir, 0, s->events + half, s->event_bytes - half, &err);
  if (status == 0) take_rows(s, weir);
  if (status == 0) status = weir_end(weir, 0, &err);
  if (status == 0) status = weir_finish(weir, &err);
  if (status == 0) take_rows(s, weir);
  if (status != 0) snprintf(s->error, sizeof s->error, "%s", err.text);
  if (status != 0 && weir != NULL) {
    if (status == ERR_ABORT) snprintf(s->error, sizeof s->error, "%.700s", weir_diagnostics(weir, false));
    struct err again = {0}; /* a failed engine says so for ever, and goes on being freed */
    if (weir_push(weir, 0, "{}\n", 3, &again) == 0) snprintf(s->error, sizeof s->error, "goes on after a fatal error");
  }
  weir_free(weir);
  return status;
}

/* Fails each allocation of the phase in turn, until CALM_MAX runs in a row had none left to fail. */
static bool judge_phase(struct scenario *s, enum phase phase, uint64_t *failures) {
  int calm = 0;
  for (uint64_t n = 1; n < ATTEMPTS_MAX && calm < CALM_MAX; n++) {
    struct weir_options options = {0};
    uint64_t *at[] = {&options.fail_at.load, &options.fail_at.compile, &options.fail_at.run};
    *at[phase] = n;
    int status = run(s, &options);
    if (status == 0 && strcmp(s->actual, s->expected) == 0) {
      calm++;
      continue;
    }
    calm = 0;
    ++*failures;
    bool clean =
        status == ERR_FATAL && strstr(s->error, "memory") != NULL && strncmp(s->actual, s->expected, s->used) == 0;
    if (clean) continue;
    printf("FAILED allocation %llu while %s: status %d, `%s`\n", (unsigned long long)n, phase_names[phase], status,
           s->error);
    return false;
  }
  return true;
}

/* How many phases are good. */
static int judge_scenario(struct scenario *s, const char *name) {
  int passed = 0;
  struct weir_options options = {0};
  if (run(s, &options) != 0 || s->used == 0) {
    printf("FAILED the scenario %s itself: %s\n", name, s->error);
    return 0;
  }
  memcpy(s->expected, s->actual, sizeof s->expected);
  for (int phase = 0; phase < PHASES; phase++) {
    uint64_t failures = 0;
    bool good = judge_phase(s, (enum phase)phase, &failures);
    if (good && failures == 0) printf("FAILED no allocation failed while %s: nothing is proved\n", phase_names[phase]);
    printf("%s, %s: %llu failing allocations\n", name, phase_names[phase], (unsigned long long)failures);
    passed += good && failures > 0;
  }
  return passed;
}

int main(void) {
  struct scenario *s = calloc(1, sizeof *s);
  s->event_bytes = make_events(s->events, sizeof s->events);
  snprintf(s->rules, sizeof s->rules, "%s", rules);
  int passed = judge_scenario(s, "one pass");
  snprintf(s->rules, sizeof s->rules, "%s%s", rules, changing_key);
  passed += judge_scenario(s, "a change of key");
  free(s);
  int failed = 2 * PHASES - passed;
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
