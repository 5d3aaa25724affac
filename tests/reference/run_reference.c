/* run_reference.c - random cases through the engine (the public library) and through the reference matcher: the same
 * matches in the same order, with the same causes, times and cuts. What differs is shrunk and printed.
 *
 *   run_reference [--seed N] [--count N] [--seconds N] [--mode auto|runs|compact] [--index off] [--show N] [--case
 * FILE]
 *
 * --case reads rule text and, after a line `---`, event lines, and prints what both sides tell. */
#include "engine_side.h"
#include "pattern_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXT_MAX = 1 << 20, RULES_MAX = 1 << 14, LINES_MAX = 1 << 14, EXPECTED_MAX = TOLD_MAX };

struct expected {
  const struct told *told;
  int key, ordinal;
};
struct judge {
  struct told_list *told[CASE_KEYS_MAX]; /* one for each key */
  struct side side;
  struct expected *expected;
  char *expected_text, *actual_text;
  char rules[RULES_MAX], lines[LINES_MAX];
  enum side_result result;
};

static void append(char *text, size_t *used, const char *piece) {
  size_t length = strlen(piece);
  if (*used + length + 1 > TEXT_MAX) return;
  memcpy(text + *used, piece, length + 1);
  *used += length;
}

static void append_match(char *text, size_t *used, const char *key, const char *cause, bool cut, int64_t time) {
  char piece[128];
  snprintf(piece, sizeof piece, "%s %s %lld%s", key, cause, (long long)time, cut ? " cut" : "");
  append(text, used, piece);
}

static void append_item(char *text, size_t *used, const char *step, int event) {
  char piece[64];
  snprintf(piece, sizeof piece, " %s:%d", step, event);
  append(text, used, piece);
}

/* The total order of alerts: what events complete by time and position; behind it what timers complete, by key. */
static int by_moment(const void *left, const void *right) {
  const struct expected *a = left, *b = right;
  if (a->told->time != b->told->time) return a->told->time < b->told->time ? -1 : 1;
  if (a->told->by_timer != b->told->by_timer) return a->told->by_timer ? 1 : -1;
  if (!a->told->by_timer && a->told->completing != b->told->completing)
    return a->told->completing - b->told->completing;
  return a->key != b->key ? a->key - b->key : a->ordinal - b->ordinal;
}

/* false: the reference gave up. */
static bool expect_text(struct judge *j, const struct pattern_case *c) {
  int count = 0;
  for (int key = 0; key < (c->keyed ? CASE_KEYS_MAX : 1); key++) {
    int events[CASE_EVENTS_MAX], event_count = 0;
    for (int i = 0; i < c->event_count; i++)
      if (c->events[i].key == key || !c->keyed) events[event_count++] = i;
    reference_run(c, events, event_count, j->told[key]);
    if (j->told[key]->gave_up || count + j->told[key]->count > EXPECTED_MAX) return false;
    for (int i = 0; i < j->told[key]->count; i++)
      j->expected[count++] = (struct expected){&j->told[key]->items[i], key, i};
  }
  qsort(j->expected, (size_t)count, sizeof *j->expected, by_moment);
  size_t used = 0;
  j->expected_text[0] = '\0';
  for (int i = 0; i < count; i++) {
    const struct told *t = j->expected[i].told;
    char key[32] = "{}";
    if (c->keyed) snprintf(key, sizeof key, "{\"k\":\"k%d\"}", j->expected[i].key);
    append_match(j->expected_text, &used, key, t->cause == TOLD_MATCH ? "match" : "timeout", t->cut, t->time);
    for (int k = 0; k < t->count; k++)
      append_item(j->expected_text, &used, c->nodes[t->pairs[k].step].name, t->pairs[k].event);
    append(j->expected_text, &used, "\n");
  }
  return true;
}

static void actual_text(struct judge *j, const struct pattern_case *c) {
  case_print_rules(c, j->rules, sizeof j->rules);
  size_t used = 0;
  for (int i = 0; i < c->event_count; i++) {
    used += case_print_event(c, &c->events[i], j->lines + used, sizeof j->lines - used - 1);
    j->lines[used++] = '\n';
  }
  j->lines[used] = '\0';
  j->side.rules = j->rules;
  j->side.input_count = 1;
  j->side.inputs[0].bytes = j->lines;
  j->side.inputs[0].length = used;
  j->result = side_run(&j->side);
  used = 0;
  j->actual_text[0] = '\0';
  for (int i = 0; i < j->side.alert_count; i++) {
    const struct side_alert *a = &j->side.alerts[i];
    append_match(j->actual_text, &used, a->key, a->cause, a->cut, a->time_ms);
    for (int k = 0; k < a->count; k++) append_item(j->actual_text, &used, a->items[k].step, a->items[k].offset);
    append(j->actual_text, &used, "\n");
  }
  if (j->result == SIDE_FAILED) append(j->actual_text, &used, j->side.error);
  if (j->side.stats.dead + j->side.stats.late + j->side.stats.ignored > 0)
    append(j->actual_text, &used, "records were not processed\n");
}

static bool differs(void *context, const struct pattern_case *c) {
  struct judge *j = context;
  actual_text(j, c);
  if (j->result == SIDE_REFUSED || j->side.overflowed || j->side.dropped > 0) return false;
  return expect_text(j, c) && strcmp(j->expected_text, j->actual_text) != 0;
}

static void show(struct judge *j, struct pattern_case *c, uint64_t seed) {
  printf("seed %llu differs; shrunk:\n", (unsigned long long)seed);
  case_shrink(c, differs, j);
  differs(j, c);
  printf("%s---\n%s---\nexpected:\n%sactual:\n%s\n", j->rules, j->lines, j->expected_text, j->actual_text);
}

static int show_file(struct judge *j, const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return printf("cannot read %s\n", path), 3;
  char *text = malloc(TEXT_MAX);
  text[fread(text, 1, TEXT_MAX - 1, file)] = '\0';
  fclose(file);
  char *lines = strstr(text, "---\n"), error[256];
  struct pattern_case *c = malloc(sizeof *c);
  bool good = lines != NULL;
  if (good) {
    *lines = '\0';
    good = case_read_rules(c, text, error, sizeof error);
    for (char *line = strtok_r(lines + 4, "\n", &lines); good && line != NULL; line = strtok_r(NULL, "\n", &lines))
      good = line[0] != '{' || case_read_event(c, line, error, sizeof error);
  }
  if (good) {
    bool different = differs(j, c);
    printf("expected:\n%sactual:\n%s%s%s\n", j->expected_text, j->actual_text, j->side.error,
           different ? "different" : "equal");
  } else {
    printf("%s\n", lines == NULL ? "no line `---` between rules and events" : error);
  }
  free(c);
  free(text);
  return good ? 0 : 1;
}

struct run_options {
  uint64_t seed, count;
  int64_t seconds;
  int show_max;
  const char *case_path;
};

static bool read_options(int argc, char **argv, struct run_options *o, struct judge *j) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const char *name = argv[i], *value = argv[i + 1];
    if (strcmp(name, "--seed") == 0)
      o->seed = strtoull(value, NULL, 10);
    else if (strcmp(name, "--count") == 0)
      o->count = strtoull(value, NULL, 10);
    else if (strcmp(name, "--seconds") == 0)
      o->seconds = strtoll(value, NULL, 10);
    else if (strcmp(name, "--show") == 0)
      o->show_max = (int)strtol(value, NULL, 10);
    else if (strcmp(name, "--case") == 0)
      o->case_path = value;
    else if (strcmp(name, "--index") == 0)
      j->side.options.index_off = strcmp(value, "off") == 0;
    else if (strcmp(name, "--mode") == 0)
      j->side.options.mode = strcmp(value, "runs") == 0      ? WEIR_MODE_RUNS
                             : strcmp(value, "compact") == 0 ? WEIR_MODE_COMPACT
                                                             : WEIR_MODE_AUTO;
    else
      return false;
  }
  return argc % 2 == 1;
}

static void judge_all(struct judge *j, struct pattern_case *c, const struct run_options *o, uint64_t *failed,
                      uint64_t *passed) {
  time_t start = time(NULL);
  uint64_t refused = 0, gave_up = 0, silent = 0;
  for (uint64_t i = 0; i < o->count && (o->seconds == 0 || time(NULL) - start < o->seconds); i++) {
    uint64_t seed = o->seed + i;
    struct case_options options = {.keyed = seed % 4 == 3,
                                   .equal_times = seed % 2 == 1,
                                   .compact_only = j->side.options.mode == WEIR_MODE_COMPACT};
    case_generate(c, seed, options);
    bool different = differs(j, c);
    if (j->result == SIDE_REFUSED) {
      if ((int)refused++ < o->show_max)
        printf("seed %llu is refused:\n%s%s\n", (unsigned long long)seed, j->rules, j->side.error);
    } else if (different) {
      if ((int)(*failed)++ < o->show_max) show(j, c, seed);
    } else {
      bool given_up = j->side.overflowed || j->side.dropped > 0 || j->told[0]->gave_up;
      gave_up += given_up;
      silent += !given_up && j->expected_text[0] == '\0';
      *passed += !given_up;
    }
  }
  printf("%llu cases too large for the reference, %llu without a match, %llu refused by the checker\n",
         (unsigned long long)gave_up, (unsigned long long)silent, (unsigned long long)refused);
  *failed += refused;
}

int main(int argc, char **argv) {
  struct judge *j = calloc(1, sizeof *j);
  struct pattern_case *c = calloc(1, sizeof *c);
  for (int i = 0; i < CASE_KEYS_MAX; i++) j->told[i] = calloc(1, sizeof *j->told[0]);
  j->side.alerts = calloc(SIDE_ALERTS_MAX, sizeof *j->side.alerts);
  j->expected = calloc(EXPECTED_MAX, sizeof *j->expected);
  j->expected_text = malloc(TEXT_MAX);
  j->actual_text = malloc(TEXT_MAX);
  struct run_options options = {.seed = 1, .count = 1000, .show_max = 3};
  uint64_t failed = 0, passed = 0;
  int code = 0;
  if (!read_options(argc, argv, &options, j)) {
    printf("usage: run_reference [--seed N] [--count N] [--seconds N] [--mode auto|runs|compact] [--index off] [--show "
           "N] [--case FILE]\n");
    code = 2;
  } else if (options.case_path != NULL) {
    code = show_file(j, options.case_path);
  } else {
    judge_all(j, c, &options, &failed, &passed);
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    code = failed > 0 || passed == 0;
  }
  for (int i = 0; i < CASE_KEYS_MAX; i++) {
    free(j->told[i]->work);
    free(j->told[i]);
  }
  free(j->actual_text);
  free(j->expected_text);
  free(j->expected);
  free(j->side.alerts);
  free(c);
  free(j);
  return code;
}
