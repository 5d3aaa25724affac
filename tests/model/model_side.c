/* model_side.c - asks a model about rows from the standard input, for run_model.py.
 *
 *     model_side MODEL.json NAME,NAME,… [--shares]
 *
 * A row is numbers with commas between, in the order of the names; what is empty is null. It prints the score of each
 * row, or with --shares the base and the share of each input; `null` where there is no score. */
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "base/model.h"
#include "base/number_text.h"

enum { LINE_BYTES_MAX = 1 << 16, ARENA_BYTES = 1 << 16 };

static uint32_t split_names(const char *text, struct slice names[MODEL_INPUTS_MAX]) {
  uint32_t count = 0;
  while (*text != '\0' && count < MODEL_INPUTS_MAX) {
    size_t length = strcspn(text, ",");
    names[count++] = (struct slice){text, length};
    text += length + (text[length] == ',');
  }
  return count;
}

static bool read_row(const char *line, uint32_t count, struct value *row) {
  for (uint32_t i = 0; i < count; i++) {
    struct slice text = {line, strcspn(line, ",\n")};
    double number;
    row[i] = value_null();
    if (text.length > 0) {
      if (number_parse_float(text, &number) != NUMBER_OK) return false;
      row[i] = value_float(number);
    }
    line += text.length;
    if (i + 1 < count && *line++ != ',') return false;
  }
  return *line == '\n';
}

static void print_number(double number, char end) {
  char text[NUMBER_TEXT_MAX];
  number_float_text(text, number);
  printf("%s%c", text, end);
}

static void print_shares(const struct model *model, const struct value *row, struct arena *scratch) {
  double shares[MODEL_INPUTS_MAX], base;
  uint32_t count = model_input_count(model);
  if (!model_shares(model, row, scratch, shares, &base)) {
    puts("null");
    return;
  }
  print_number(base, ' ');
  for (uint32_t i = 0; i < count; i++) print_number(shares[i], i + 1 == count ? '\n' : ' ');
}

static int run(struct mem *mem, const char *path, const char *names_text, bool shares) {
  static char line[LINE_BYTES_MAX];
  struct arena arena, scratch;
  struct err err;
  struct slice names[MODEL_INPUTS_MAX];
  struct value row[MODEL_INPUTS_MAX];
  struct model_source source = {.path = path, .inputs = names, .type = TYPE(VALUE_FLOAT)};
  err_clear(&err);
  arena_init(&arena, mem, ARENA_BYTES);
  arena_init(&scratch, mem, ARENA_BYTES);
  source.input_count = split_names(names_text, names);
  const struct model *model = NULL;
  if (env_read_file(env_real(), mem, path, MODEL_FILE_BYTES_MAX, &source.json, &err) == 0)
    model = model_load(&arena, &source, &err);
  if (model == NULL) {
    fprintf(stderr, "%s:%d:%d: %s\n", err.file, err.line, err.column, err.text);
    return 2;
  }
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (!read_row(line, source.input_count, row)) {
      fprintf(stderr, "not a row: %s", line);
      return 3;
    }
    struct value score = shares ? value_null() : model_score(model, row);
    if (shares)
      print_shares(model, row, &scratch);
    else if (value_is_null(score))
      puts("null");
    else
      print_number(score.f, '\n');
    arena_reset(&scratch);
  }
  return 0;
}

int main(int argc, char **argv) {
  bool shares = argc == 4 && strcmp(argv[3], "--shares") == 0;
  if (argc != 3 && !shares) {
    fputs("model_side MODEL.json NAME,NAME,… [--shares]\n", stderr);
    return 2;
  }
  struct mem *mem = mem_new(0);
  if (mem == NULL) return 4;
  int status = MEM_GUARD(mem) ? 4 : run(mem, argv[1], argv[2], shares);
  mem_free_all(mem);
  return status;
}
