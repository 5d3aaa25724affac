/* floors: rules nfa base */
/* bench_model.c - one score of boosted trees, and the shares of its inputs, over events in a row. The goal is 2 us for
 * 100 trees of depth 6. The trees are complete, their conditions spread over what the inputs are, so every evaluation
 * goes 600 levels down and no two events go the same way. */
#include "base/model.h"
#include "base/number_text.h"
#include "bench/bench.h"

enum { INPUTS = 20, ROWS = 4096, ROUNDS = 10, SHARE_ROWS = 200, NULL_IN = 16 };

static double unit(uint64_t *state) { return (double)(bench_random(state) >> 11) * 0x1p-53; }

static void numbers(struct buf *out, const char *name, uint32_t count, double (*number)(uint32_t, uint32_t, uint64_t *),
                    uint64_t *state) {
  char text[NUMBER_TEXT_MAX];
  buf_printf(out, "\"%s\":", name);
  for (uint32_t i = 0; i < count; i++) {
    number_float_text(text, number(i, count, state));
    buf_printf(out, "%s%s", i == 0 ? "[" : ",", text);
  }
  buf_str(out, "],");
}

static double left_of(uint32_t i, uint32_t count, uint64_t *state) {
  (void)state;
  return i < count / 2 ? 2.0 * i + 1 : -1;
}
static double right_of(uint32_t i, uint32_t count, uint64_t *state) {
  (void)state;
  return i < count / 2 ? 2.0 * i + 2 : -1;
}
static double input_of(uint32_t i, uint32_t count, uint64_t *state) {
  return i < count / 2 ? (double)(bench_random(state) % INPUTS) : 0;
}
static double condition_of(uint32_t i, uint32_t count, uint64_t *state) {
  return i < count / 2 ? unit(state) : (unit(state) - 0.5) / 10;
}
static double flag_of(uint32_t i, uint32_t count, uint64_t *state) {
  return i < count / 2 ? (double)(bench_random(state) >> 63) : 0;
}
static double weight_of(uint32_t i, uint32_t count, uint64_t *state) {
  (void)count;
  return 1000.0 / (i + 1) * (0.5 + unit(state));
}

static void write_model(struct buf *out, uint32_t trees, uint32_t depth) {
  uint64_t state = 0x9e3779b97f4a7c15u;
  uint32_t count = (2u << depth) - 1;
  buf_printf(
      out,
      "{\"learner\":{\"learner_model_param\":{\"base_score\":\"5E-1\",\"num_class\":\"0\",\"num_feature\":\"%d\"},"
      "\"objective\":{\"name\":\"binary:logistic\"},\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{\"trees\":",
      INPUTS);
  for (uint32_t i = 0; i < trees; i++) {
    buf_str(out, i == 0 ? "[{" : ",{");
    numbers(out, "left_children", count, left_of, &state);
    numbers(out, "right_children", count, right_of, &state);
    numbers(out, "split_indices", count, input_of, &state);
    numbers(out, "split_conditions", count, condition_of, &state);
    numbers(out, "default_left", count, flag_of, &state);
    numbers(out, "sum_hessian", count, weight_of, &state);
    buf_str(out, "\"id\":0}");
  }
  buf_str(out, "]}}},\"version\":[3,2,0]}");
}

static const struct model *load(struct arena *arena, struct slice json) {
  static char texts[INPUTS][8];
  struct slice names[INPUTS];
  struct err err;
  err_clear(&err);
  for (unsigned i = 0; i < INPUTS; i++)
    names[i] = (struct slice){texts[i], (size_t)snprintf(texts[i], sizeof texts[i], "n_%u", i)};
  struct model_source source = {"bench.json", json, INPUTS, names, TYPE(VALUE_FLOAT)};
  const struct model *model = model_load(arena, &source, &err);
  if (model == NULL) {
    fprintf(stderr, "%s\n", err.text);
    exit(1);
  }
  return model;
}

static void measure(struct mem *mem, const struct value (*rows)[INPUTS], uint32_t trees, uint32_t depth) {
  struct arena arena, scratch;
  struct buf json;
  double score_ns[BENCH_RUNS], share_ns[BENCH_RUNS], shares[INPUTS], base, sum = 0;
  char name[80];
  arena_init(&arena, mem, 1 << 20);
  arena_init(&scratch, mem, 1 << 16);
  buf_init(&json, mem);
  write_model(&json, trees, depth);
  double start = bench_cpu_ns();
  const struct model *model = load(&arena, buf_view(&json));
  double load_ms = (bench_cpu_ns() - start) / 1e6;
  for (int run = 0; run < BENCH_RUNS; run++) {
    start = bench_cpu_ns();
    for (int round = 0; round < ROUNDS; round++)
      for (int i = 0; i < ROWS; i++) sum += model_score(model, rows[i]).f;
    score_ns[run] = (bench_cpu_ns() - start) / (ROUNDS * ROWS);
    start = bench_cpu_ns();
    for (int i = 0; i < SHARE_ROWS; i++) {
      check(model_shares(model, rows[i], &scratch, shares, &base));
      arena_reset(&scratch);
    }
    share_ns[run] = (bench_cpu_ns() - start) / SHARE_ROWS;
  }
  snprintf(name, sizeof name, "%u trees of depth %u, %d inputs: score (mean %.3f)", trees, depth, INPUTS,
           sum / (BENCH_RUNS * ROUNDS * ROWS));
  printf("%-64s %9.1f ns\n", name, bench_median(score_ns));
  snprintf(name, sizeof name, "%u trees of depth %u: shares of the inputs", trees, depth);
  printf("%-64s %9.1f us\n", name, bench_median(share_ns) / 1e3);
  snprintf(name, sizeof name, "%u trees of depth %u: reading %.1f MB of JSON", trees, depth, (double)json.length / 1e6);
  printf("%-64s %9.1f ms\n", name, load_ms);
  buf_free(&json);
  arena_free(&scratch);
  arena_free(&arena);
}

static void measure_all(struct mem *mem) {
  static struct value rows[ROWS][INPUTS];
  uint64_t state = 88172645463325252u;
  for (int r = 0; r < ROWS; r++)
    for (int i = 0; i < INPUTS; i++)
      rows[r][i] = bench_random(&state) % NULL_IN == 0 ? value_null() : value_float(unit(&state));
  measure(mem, (const struct value(*)[INPUTS])rows, 100, 6);
  measure(mem, (const struct value(*)[INPUTS])rows, 100, 4);
  measure(mem, (const struct value(*)[INPUTS])rows, 1000, 6);
  measure(mem, (const struct value(*)[INPUTS])rows, 100, 10);
}

int main(void) {
  struct mem *mem = mem_new(0);
  if (mem == NULL || MEM_GUARD(mem)) return 4;
  bench_calibrate();
  measure_all(mem);
  mem_free_all(mem);
  return 0;
}
