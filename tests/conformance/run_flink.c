/* run_flink.c - runs the conformance vectors (one case a line: rules, events, matches; see their README) through the
 * reference matcher and through the library, and compares the matches as multisets. The file is the first argument,
 * else the environment's WEIR_CONFORMANCE, else ../shared/conformance/flink.jsonl; where it is absent: skipped. */
#include "../reference/engine_side.h"
#include "../reference/pattern_case.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 20, EVENTS_BYTES_MAX = 1 << 16, MATCHES_MAX = 256 };

/* A match as text, "step:0,1;other:2;", steps in order of name: the form in which both sides are compared. */
struct match_text {
  char text[512];
};

static int by_text(const void *left, const void *right) {
  return strcmp(((const struct match_text *)left)->text, ((const struct match_text *)right)->text);
}

static int expected_matches(const cJSON *matches, struct match_text *out) {
  int count = 0;
  const cJSON *match, *step, *offset;
  cJSON_ArrayForEach(match, matches) {
    struct match_text *m = &out[count++];
    size_t used = 0;
    m->text[0] = '\0';
    cJSON_ArrayForEach(step, match) {
      used += (size_t)snprintf(m->text + used, sizeof m->text - used, "%s:", cJSON_GetArrayItem(step, 0)->valuestring);
      cJSON_ArrayForEach(offset, cJSON_GetArrayItem(step, 1)) used +=
          (size_t)snprintf(m->text + used, sizeof m->text - used, "%d,", offset->valueint);
    }
    if (count == MATCHES_MAX) break;
  }
  qsort(out, (size_t)count, sizeof *out, by_text);
  return count;
}

/* One pair of step and event of a match that either side told. */
struct pair {
  const char *step;
  int event;
};

static void put_match(struct match_text *m, const struct pair *pairs, int count) {
  size_t used = 0;
  m->text[0] = '\0';
  for (const char *last = "";;) { /* steps in order of name */
    const char *name = NULL;
    for (int i = 0; i < count; i++)
      if (strcmp(pairs[i].step, last) > 0 && (name == NULL || strcmp(pairs[i].step, name) < 0)) name = pairs[i].step;
    if (name == NULL) return;
    used += (size_t)snprintf(m->text + used, sizeof m->text - used, "%s:", name);
    for (int i = 0; i < count; i++)
      if (strcmp(pairs[i].step, name) == 0)
        used += (size_t)snprintf(m->text + used, sizeof m->text - used, "%d,", pairs[i].event);
    last = name;
  }
}

static int reference_matches(const struct pattern_case *c, const struct told_list *told, struct match_text *out) {
  int count = told->count < MATCHES_MAX ? told->count : MATCHES_MAX;
  for (int i = 0; i < count; i++) {
    struct pair pairs[CASE_EVENTS_MAX];
    const struct told *t = &told->items[i];
    for (int k = 0; k < t->count; k++) pairs[k] = (struct pair){c->nodes[t->pairs[k].step].name, t->pairs[k].event};
    put_match(&out[i], pairs, t->count);
  }
  qsort(out, (size_t)count, sizeof *out, by_text);
  return count;
}

static int engine_matches(const struct side *side, struct match_text *out) {
  int count = 0;
  for (int i = 0; i < side->alert_count && count < MATCHES_MAX; i++) {
    struct pair pairs[SIDE_ITEMS_MAX];
    const struct side_alert *a = &side->alerts[i];
    for (int k = 0; k < a->count; k++) pairs[k] = (struct pair){a->items[k].step, a->items[k].offset};
    put_match(&out[count++], pairs, a->count);
  }
  qsort(out, (size_t)count, sizeof *out, by_text);
  return count;
}

static bool same(const char *who, const char *name, const struct match_text *actual, int actual_count,
                 const struct match_text *expected, int expected_count) {
  bool equal = actual_count == expected_count;
  for (int i = 0; equal && i < actual_count; i++) equal = strcmp(actual[i].text, expected[i].text) == 0;
  if (equal) return true;
  printf("FAILED %s (%s)\n", name, who);
  for (int i = 0; i < expected_count; i++) printf("  expected %s\n", expected[i].text);
  for (int i = 0; i < actual_count; i++) printf("  actual   %s\n", actual[i].text);
  return false;
}

struct bench {
  struct pattern_case c;
  struct told_list told;
  struct side side;
  struct match_text expected[MATCHES_MAX], actual[MATCHES_MAX];
  int expected_count;
  char lines[EVENTS_BYTES_MAX];
};

static bool engine_passes(struct bench *b, const char *name, const cJSON *line) {
  size_t used = 0;
  const cJSON *event;
  cJSON_ArrayForEach(event, cJSON_GetObjectItem(line, "events")) {
    if (used + strlen(event->valuestring) + 2 > sizeof b->lines) break;
    used += (size_t)snprintf(b->lines + used, sizeof b->lines - used, "%s\n", event->valuestring);
  }
  b->side.rules = cJSON_GetObjectItem(line, "rules")->valuestring;
  b->side.input_count = 1;
  b->side.inputs[0].bytes = b->lines;
  b->side.inputs[0].length = used;
  if (side_run(&b->side) != SIDE_DONE) {
    printf("FAILED %s (engine)\n%s\n", name, b->side.error);
    return false;
  }
  int count = engine_matches(&b->side, b->actual);
  return same("engine", name, b->actual, count, b->expected, b->expected_count);
}

static bool reference_passes(struct bench *b, const char *name, const cJSON *line) {
  char error[256] = "";
  bool expressible = case_read_rules(&b->c, cJSON_GetObjectItem(line, "rules")->valuestring, error, sizeof error);
  const cJSON *event;
  cJSON_ArrayForEach(event, cJSON_GetObjectItem(line, "events")) {
    expressible = expressible && case_read_event(&b->c, event->valuestring, error, sizeof error);
  }
  if (!expressible) {
    printf("not for the reference: %s: %s\n", name, error);
    return true;
  }
  int events[CASE_EVENTS_MAX];
  for (int i = 0; i < b->c.event_count; i++) events[i] = i;
  reference_run(&b->c, events, b->c.event_count, &b->told);
  int count = reference_matches(&b->c, &b->told, b->actual);
  return same("reference", name, b->actual, count, b->expected, b->expected_count);
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : getenv("WEIR_CONFORMANCE");
  if (path == NULL) path = "../shared/conformance/flink.jsonl";
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    printf("skipped: no conformance file at %s\n0 passed, 0 failed, 1 skipped\n", path);
    return 0;
  }
  char *text = malloc(LINE_MAX_BYTES);
  struct bench *b = calloc(1, sizeof *b);
  b->side.alerts = calloc(SIDE_ALERTS_MAX, sizeof *b->side.alerts);
  int passed = 0, failed = 0, skipped = 0;
  while (fgets(text, LINE_MAX_BYTES, file) != NULL) {
    cJSON *line = cJSON_Parse(text);
    const cJSON *name = cJSON_GetObjectItem(line, "name");
    if (!cJSON_IsString(name)) {
      skipped++;
    } else {
      b->expected_count = expected_matches(cJSON_GetObjectItem(line, "matches"), b->expected);
      bool reference = reference_passes(b, name->valuestring, line), engine = engine_passes(b, name->valuestring, line);
      if (reference && engine)
        passed++;
      else
        failed++;
    }
    cJSON_Delete(line);
  }
  fclose(file);
  free(b->told.work);
  free(b->side.alerts);
  free(b);
  free(text);
  printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed > 0;
}
