/* embed.c - Weir inside another program: rules from a string, events as lines and as typed values, alerts out.
 * Build: link libweir's floors engine, rules, nfa and base. Run: `embed` prints the alerts of a small card story. */
#include <stdio.h>
#include <string.h>

#include "engine/weir.h"

static const char rules[] = "event payment {\n"
                            "  event_time at\n"
                            "  at      time\n"
                            "  card_id string\n"
                            "  amount  decimal(2)\n"
                            "}\n"
                            "rule card_testing {\n"
                            "  key     card_id\n"
                            "  match   probe  = payment(amount <= 5) {3,}\n"
                            "  then    charge = payment(amount > 200)\n"
                            "  within  30m\n"
                            "  emit    { probes = count(probe) amount = charge.amount }\n"
                            "  message \"card {card_id}: {probes} probes, then {amount}\"\n"
                            "}\n";

static const char lines[] = "{\"at\":\"2026-01-05T10:00:00Z\",\"card_id\":\"c1\",\"amount\":1.00}\n"
                            "{\"at\":\"2026-01-05T10:01:00Z\",\"card_id\":\"c1\",\"amount\":1.50}\n"
                            "{\"at\":\"2026-01-05T10:02:00Z\",\"card_id\":\"c1\",\"amount\":\"oops\"}\n"
                            "{\"at\":\"2026-01-05T10:03:00Z\",\"card_id\":\"c1\",\"amount\":2.00}\n";

static int failed(const char *what, const struct err *err, struct weir *weir) {
  fprintf(stderr, "%s: %s\n%s", what, err->text, weir == NULL ? "" : weir_diagnostics(weir, false));
  weir_free(weir);
  return 1;
}

static void take(struct weir *weir) {
  struct weir_alert alert;
  while (weir_next_alert(weir, &alert)) printf("%.*s\n", (int)alert.json.length, alert.json.data);
  struct weir_refused refused;
  while (weir_next_refused(weir, &refused)) fprintf(stderr, "%.*s\n", (int)refused.json.length, refused.json.data);
}

int main(void) {
  struct err err;
  struct weir *weir = weir_new(&(struct weir_options){.memory_limit = 64 << 20}, &err);
  if (weir == NULL) return failed("weir_new", &err, NULL);
  if (weir_load_text(weir, "embed.weir", rules, strlen(rules), &err) != 0) return failed("rules", &err, weir);
  int input = weir_open(weir, "embed", "payment", WEIR_JSON, &err);
  if (input < 0) return failed("weir_open", &err, weir);

  /* Bytes: whole lines, as many as there are. */
  if (weir_push(weir, input, lines, strlen(lines), &err) != 0) return failed("weir_push", &err, weir);
  take(weir);

  /* Typed values, in the order in which the rules declare the fields. */
  struct weir_value charge[] = {{.kind = WEIR_TEXT, .text = {"2026-01-05T10:05:00Z", 20}},
                                {.kind = WEIR_TEXT, .text = {"c1", 2}},
                                {.kind = WEIR_DECIMAL, .scale = 2, .i = 90000}};
  struct weir_row row = {.type = weir_type(weir, "payment"), .count = 3, .values = charge};
  if (weir_push_rows(weir, input, &row, 1, &err) != 0) return failed("weir_push_rows", &err, weir);
  take(weir);

  if (weir_finish(weir, &err) != 0) return failed("weir_finish", &err, weir);
  take(weir);
  struct weir_stats stats;
  weir_stats(weir, &stats);
  fprintf(stderr, "%llu read, %llu processed, %llu alerts\n", (unsigned long long)stats.read,
          (unsigned long long)stats.processed, (unsigned long long)stats.alerts);
  weir_free(weir);
  return 0;
}
