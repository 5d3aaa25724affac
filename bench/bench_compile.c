/* floors: base nfa rules */
/* bench_compile.c - time and memory to make a rule set from the text of 10,000 mixed rules: parse, check, compile.
 *
 * Arguments: [number of rules]. Prints a calibration figure first (a fixed integer loop), so that figures of different
 * machines can be compared; the time is CPU time, the median of 5 runs; memory is the peak of both memory contexts and
 * of the whole process. */
#include <sys/resource.h>

#include "base/check.h"
#include "base/env.h"
#include "bench/clock.h"
#include "rules/check.h"
#include "rules/parse.h"
#include "rules/ruleset.h"

enum { RULES = 10000, KINDS = 6 };
enum phase { PARSE, CHECK, COMPILE, PHASES };

static void write_declarations(struct buf *out) {
  buf_str(out, "event payment {\n  event_time at\n  disorder 10s\n  at time\n  id string\n  card_id string required\n"
               "  merchant string\n  amount decimal(2)\n  status string\n  country string\n  ip ip\n  agent string\n}\n"
               "event login {\n  event_time at\n  at time\n  card_id string\n  ok bool\n  ip ip\n  device string\n}\n"
               "list risky string { \"AA\", \"BB\", \"CC\" }\n");
}

static void write_rule(struct buf *out, unsigned i) {
  unsigned amount = 100 + i % 977;
  buf_printf(out, "rule rule_%u \"rule number %u\" {\n  severity high\n  score %u\n  key card_id\n", i, i, i % 100);
  switch (i % KINDS) {
  case 0:
    buf_printf(out,
               "  match probe = payment(amount <= %u and status == \"approved\" and merchant == \"m%u\") {3,} until "
               "(amount > %u)\n"
               "  then charge = payment(amount > %u and amount >= 20 * avg(probe.amount))\n  within 30m\n"
               "  emit { probes = count(probe) spent = sum(probe.amount) amount = charge.amount }\n"
               "  message \"card {card_id}: {probes} probes, then {amount}\"\n  suppress 1h\n",
               i % 20 + 1, i % 3000, amount, amount);
    break;
  case 1:
    buf_printf(
        out,
        "  on payment(merchant == \"m%u\" and amount > %u and status == \"approved\")\n  emit { amount = amount }\n",
        i % 3000, amount);
    break;
  case 2:
    buf_printf(out,
               "  match a = login(not ok and device == \"d%u\") {5,}\n  then b = login(ok and ip != last(a.ip))\n"
               "  then no payment(amount < %u) for 5m\n  within 20m\n  report all\n",
               i % 5000, amount);
    break;
  case 3:
    buf_printf(out,
               "  on payment(country in risky and amount between %u and %u)\n  emit { amount = amount country = "
               "country }\n  message \"{amount} from {country}\"\n",
               amount, amount + 50);
    break;
  case 4:
    buf_printf(out,
               "  match a = payment(amount > %u.%02u)\n  next b = login(ok)\n  then any c = payment(amount > 2 * "
               "a.amount)\n  within 1h\n"
               "  emit { first = a.amount last = c.amount ratio = c.amount / a.amount }\n",
               amount, i % 100);
    break;
  default:
    buf_printf(out,
               "  on payment(agent in (\"a%u\", \"b%u\", \"c%u\") and ip in (10.%u.0.0/16) or merchant == \"x%u\")\n",
               i, i, i, i % 256, i);
  }
  buf_str(out, "  to alerts\n}\n");
}

static void fail(const struct tree *tree, const struct diags *diags, struct mem *mem) {
  struct buf text;
  buf_init(&text, mem);
  for (uint32_t i = 0; i < diags->count; i++) diag_print(&text, tree, &diags->items[i]);
  fwrite(text.data, 1, text.length, stderr);
  exit(1);
}

/* As `run` does it: once the rules are lowered nobody reads the tree. */
static void free_tree(void *tree) { arena_free(tree); }

static void run_once(struct slice text, double ns[PHASES], size_t bytes[3]) {
  struct mem *mem = mem_new(0);
  check(mem != NULL && MEM_GUARD(mem) == 0);
  struct arena arena, diag_arena;
  arena_init(&arena, mem, 1 << 18);
  arena_init(&diag_arena, mem, 1 << 12);
  struct diags diags;
  diags_init(&diags, &diag_arena);
  struct tree *tree = arena_new(&arena, struct tree);
  tree->arena = &arena;
  struct check_options check_options = {.secret_key = true};
  struct ruleset_options options = {
      .env = (struct env *)(uintptr_t)env_real(), .for_run = true, .tree_done = free_tree, .tree_done_context = &arena};
  struct ruleset *ruleset;
  struct err err;
  double start = bench_cpu_ns();
  if (parse_file(tree, SLICE("bench.weir"), text, &diags) != 0) fail(tree, &diags, mem);
  ns[PARSE] = bench_cpu_ns() - start;
  bytes[0] = mem_used(mem);
  start = bench_cpu_ns();
  if (check_tree(tree, &check_options, &diags) != 0) fail(tree, &diags, mem);
  ns[CHECK] = bench_cpu_ns() - start;
  start = bench_cpu_ns();
  if (ruleset_compile(tree, &options, &diags, &ruleset, &err) != 0) fail(tree, &diags, mem);
  ns[COMPILE] = bench_cpu_ns() - start;
  bytes[1] = mem_peak(mem);
  bytes[2] = mem_peak(ruleset->mem);
  ruleset_unref(ruleset);
  mem_unguard(mem);
  mem_free_all(mem);
}

int main(int argc, char **argv) {
  long rules = argc > 1 ? strtol(argv[1], NULL, 10) : RULES;
  check(rules > 0 && rules <= 60000);
  bench_calibrate();
  struct mem *mem = mem_new(0);
  check(mem != NULL && MEM_GUARD(mem) == 0);
  struct buf text;
  buf_init(&text, mem);
  write_declarations(&text);
  for (unsigned i = 0; i < (unsigned)rules; i++) write_rule(&text, i);
  double ns[PHASES][BENCH_RUNS], all[BENCH_RUNS];
  size_t bytes[3] = {0};
  for (int run = 0; run < BENCH_RUNS; run++) {
    double once[PHASES];
    run_once(buf_view(&text), once, bytes);
    for (int p = 0; p < PHASES; p++) ns[p][run] = once[p];
    all[run] = once[PARSE] + once[CHECK] + once[COMPILE];
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("%ld mixed rules, %zu KiB of text\n", rules, text.length / 1024);
  printf("%-44s %8.1f ms\n%-44s %8.1f ms\n%-44s %8.1f ms\n%-44s %8.1f ms\n", "parse", bench_median(ns[PARSE]) / 1e6,
         "check", bench_median(ns[CHECK]) / 1e6, "compile", bench_median(ns[COMPILE]) / 1e6, "all",
         bench_median(all) / 1e6);
  printf("%-44s %8.1f MiB\n%-44s %8.1f MiB\n%-44s %8.1f MiB\n%-44s %8.1f MiB\n", "the tree, parsed",
         (double)bytes[0] / 1048576, "the tree, checked (peak)", (double)bytes[1] / 1048576, "the rule set (peak)",
         (double)bytes[2] / 1048576, "the process (peak)", (double)usage.ru_maxrss / 1024);
  mem_unguard(mem);
  mem_free_all(mem);
  return 0;
}
