/* run_cases.c - cases worked out by hand from the sentences of the rule language's section 3: what they say must be
 * told by the reference matcher and by the engine. The file (cases.txt, or the argument) has for each case a line `#
 * name`, the clauses of a rule over events `e` with the fields x and y, a line `events` with the x of each event
 * (`5@12/2`: at 12 ms, y = 2; without a time one millisecond after the one before), and what is told: `told TIME s:0
 * t:1`, `timeout TIME …`. */
#include "engine_side.h"
#include "pattern_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 512, TEXT_BYTES = 8192 };

struct hand_case {
  char name[LINE_BYTES], rules[TEXT_BYTES], lines[TEXT_BYTES], expected[TEXT_BYTES], actual[TEXT_BYTES];
  size_t rules_used, lines_used, expected_used;
};
struct bench {
  struct hand_case h;
  struct pattern_case c;
  struct told_list told;
  struct side side;
  int passed, failed;
};

static size_t put(char *out, size_t used, const char *text) {
  size_t length = strlen(text);
  if (used + length + 1 > TEXT_BYTES) return used;
  memcpy(out + used, text, length + 1);
  return used + length;
}

static void add_events(struct hand_case *h, char *list) {
  long time = 0;
  char *rest = NULL, line[128];
  for (char *word = strtok_r(list, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
    char *end;
    long x = strtol(word, &end, 10), y = 0;
    time = *end == '@' ? strtol(end + 1, &end, 10) : time + 1;
    if (*end == '/') y = strtol(end + 1, &end, 10);
    snprintf(line, sizeof line, "{\"type\":\"e\",\"at\":%ld,\"x\":%ld,\"y\":%ld}\n", time, x, y);
    h->lines_used = put(h->lines, h->lines_used, line);
  }
}

static void reference_text(struct bench *b) {
  int events[CASE_EVENTS_MAX];
  size_t used = 0;
  char piece[128];
  for (int i = 0; i < b->c.event_count; i++) events[i] = i;
  reference_run(&b->c, events, b->c.event_count, &b->told);
  b->h.actual[0] = '\0';
  for (int i = 0; i < b->told.count; i++) {
    const struct told *t = &b->told.items[i];
    snprintf(piece, sizeof piece, "%s %lld", t->cause == TOLD_MATCH ? t->cut ? "cut" : "told" : "timeout",
             (long long)t->time);
    used = put(b->h.actual, used, piece);
    for (int k = 0; k < t->count; k++) {
      snprintf(piece, sizeof piece, " %s:%d", b->c.nodes[t->pairs[k].step].name, t->pairs[k].event);
      used = put(b->h.actual, used, piece);
    }
    used = put(b->h.actual, used, "\n");
  }
}

static void engine_text(struct bench *b) {
  size_t used = 0;
  char piece[128];
  b->side.rules = b->h.rules;
  b->side.input_count = 1;
  b->side.inputs[0].bytes = b->h.lines;
  b->side.inputs[0].length = b->h.lines_used;
  b->h.actual[0] = '\0';
  if (side_run(&b->side) != SIDE_DONE) used = put(b->h.actual, used, b->side.error);
  for (int i = 0; i < b->side.alert_count; i++) {
    const struct side_alert *a = &b->side.alerts[i];
    snprintf(piece, sizeof piece, "%s %lld", strcmp(a->cause, "match") == 0 ? a->cut ? "cut" : "told" : a->cause,
             (long long)a->time_ms);
    used = put(b->h.actual, used, piece);
    for (int k = 0; k < a->count; k++) {
      snprintf(piece, sizeof piece, " %s:%d", a->items[k].step, a->items[k].offset);
      used = put(b->h.actual, used, piece);
    }
    used = put(b->h.actual, used, "\n");
  }
}

static void compare(struct bench *b, const char *who) {
  if (strcmp(b->h.actual, b->h.expected) == 0) {
    b->passed++;
    return;
  }
  b->failed++;
  printf("FAILED %s (%s)\n%s%sexpected:\n%sactual:\n%s", b->h.name, who, b->h.rules, b->h.lines, b->h.expected,
         b->h.actual);
}

static void judge(struct bench *b) {
  char error[256], *rest = NULL, lines[TEXT_BYTES];
  if (b->h.name[0] == '\0') return;
  b->h.rules_used = put(b->h.rules, b->h.rules_used, "}\n");
  bool good = case_read_rules(&b->c, b->h.rules, error, sizeof error);
  memcpy(lines, b->h.lines, sizeof lines);
  for (char *line = strtok_r(lines, "\n", &rest); good && line != NULL; line = strtok_r(NULL, "\n", &rest))
    good = case_read_event(&b->c, line, error, sizeof error);
  if (good) {
    reference_text(b);
    compare(b, "reference");
  } else {
    b->failed++;
    printf("FAILED %s: %s\n", b->h.name, error);
  }
  engine_text(b);
  compare(b, "engine");
}

static void begin(struct hand_case *h, const char *name) {
  memset(h, 0, sizeof *h);
  snprintf(h->name, sizeof h->name, "%.*s", (int)strcspn(name, "\n"), name);
  h->rules_used =
      put(h->rules, 0,
          "event e {\n  event_time at\n  disorder 0s\n  at time(ms)\n  x int\n  y int\n}\nrule r {\n  key none\n");
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "tests/reference/cases.txt";
  FILE *file = fopen(path, "r");
  if (file == NULL) return printf("cannot read %s\n0 passed, 1 failed\n", path), 1;
  struct bench *b = calloc(1, sizeof *b);
  b->side.alerts = calloc(SIDE_ALERTS_MAX, sizeof *b->side.alerts);
  char line[LINE_BYTES];
  while (fgets(line, sizeof line, file) != NULL) {
    struct hand_case *h = &b->h;
    if (line[0] == '#') {
      judge(b);
      begin(h, line + 2);
    } else if (strncmp(line, "events", 6) == 0) {
      add_events(h, line + 6);
    } else if (strncmp(line, "told", 4) == 0 || strncmp(line, "timeout ", 8) == 0 || strncmp(line, "cut", 3) == 0) {
      h->expected_used = put(h->expected, h->expected_used, line);
    } else {
      h->rules_used = put(h->rules, h->rules_used, line);
    }
  }
  judge(b);
  fclose(file);
  printf("%d passed, %d failed\n", b->passed, b->failed);
  bool failed = b->failed > 0 || b->passed == 0;
  free(b->told.work);
  free(b->side.alerts);
  free(b);
  return failed;
}
