/* engine_side.c - see engine_side.h. */
#include "engine_side.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static void copy_text(char *out, size_t size, const char *text) { snprintf(out, size, "%.*s", (int)size - 1, text); }

static const char *member_text(const cJSON *object, const char *name) {
  const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
  return cJSON_IsString(member) ? member->valuestring : "";
}

static int member_number(const cJSON *object, const char *name) {
  const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
  return cJSON_IsNumber(member) ? member->valueint : -1;
}

static bool read_alert(const struct weir_alert *alert, struct side_alert *out) {
  memset(out, 0, sizeof *out);
  cJSON *object = cJSON_ParseWithLength(alert->json.data, alert->json.length);
  const cJSON *matched = cJSON_GetObjectItemCaseSensitive(object, "matched"), *item;
  copy_text(out->rule, sizeof out->rule, member_text(object, "rule"));
  copy_text(out->cause, sizeof out->cause, member_text(object, "cause"));
  cJSON *key = cJSON_GetObjectItemCaseSensitive(object, "key");
  cJSON_PrintPreallocated(key, out->key, (int)sizeof out->key, false);
  out->cut = strcmp(member_text(object, "cut"), "limit") == 0;
  out->time_ms = alert->time_us / 1000;
  cJSON_ArrayForEach(item, matched) {
    if (out->count == SIDE_ITEMS_MAX) break;
    copy_text(out->items[out->count].step, sizeof out->items[0].step, member_text(item, "step"));
    out->items[out->count].partition = member_number(item, "partition");
    out->items[out->count++].offset = member_number(item, "offset");
  }
  bool good = cJSON_IsObject(object) && cJSON_IsArray(matched);
  cJSON_Delete(object);
  return good;
}

static bool take_alerts(struct side *side, struct weir *weir) {
  struct weir_alert alert;
  while (weir_next_alert(weir, &alert)) {
    if (side->texts != NULL && side->texts_used + alert.json.length + 1 < side->texts_size) {
      memcpy(side->texts + side->texts_used, alert.json.data, alert.json.length);
      side->texts_used += alert.json.length;
      side->texts[side->texts_used++] = '\n';
      side->texts[side->texts_used] = '\0';
    }
    if (side->alert_count == SIDE_ALERTS_MAX)
      side->overflowed = true;
    else if (side->alerts != NULL && !read_alert(&alert, &side->alerts[side->alert_count++]))
      return false;
  }
  return true;
}

/* The input that is furthest behind is read first, as the program does it. */
static bool push_all(struct side *side, struct weir *weir, struct err *err) {
  size_t at[SIDE_INPUTS_MAX] = {0};
  bool ended[SIDE_INPUTS_MAX] = {false};
  for (int open = side->input_count; open > 0;) {
    int i = weir_next_input(weir);
    if (i < 0 || i >= side->input_count || ended[i]) return false;
    const char *bytes = side->inputs[i].bytes + at[i];
    size_t left = side->inputs[i].length - at[i], length = left;
    if (side->push_bytes_max > 0 && length > side->push_bytes_max) {
      const char *end = memchr(bytes + side->push_bytes_max - 1, '\n', left - side->push_bytes_max + 1);
      length = end == NULL ? left : (size_t)(end - bytes) + 1;
    }
    if (length > 0 && weir_push(weir, i, bytes, length, err) != 0) return false;
    at[i] += length;
    if (at[i] == side->inputs[i].length) {
      if (weir_end(weir, i, err) != 0) return false;
      ended[i] = true;
      open--;
    }
    if (!take_alerts(side, weir)) return false;
  }
  return true;
}

enum side_result side_run(struct side *side) {
  struct err err = {0};
  side->alert_count = 0;
  side->overflowed = false;
  side->texts_used = 0;
  side->dropped = 0;
  side->error[0] = '\0';
  struct weir *weir = weir_new(&side->options, &err);
  if (weir == NULL) return SIDE_FAILED;
  enum side_result result = SIDE_FAILED;
  if (weir_load_text(weir, "case.weir", side->rules, strlen(side->rules), &err) != 0) {
    copy_text(side->error, sizeof side->error, weir_diagnostics(weir, false));
    if (side->error[0] != '\0')
      result = SIDE_REFUSED;
    else
      copy_text(side->error, sizeof side->error, err.text);
    weir_free(weir);
    return result;
  }
  bool good = true;
  for (int i = 0; i < side->input_count; i++) good = good && weir_open(weir, "stdin", NULL, WEIR_JSON, &err) == i;
  good = good && push_all(side, weir, &err) && weir_finish(weir, &err) == 0 && take_alerts(side, weir);
  weir_stats(weir, &side->stats);
  for (int i = 0; i < weir_rule_count(weir); i++) {
    struct weir_rule_stats rule;
    if (weir_rule_stats(weir, i, &rule))
      side->dropped += rule.runs_dropped + rule.entries_dropped + rule.match_events_dropped;
  }
  if (good)
    result = SIDE_DONE;
  else
    copy_text(side->error, sizeof side->error, err.text);
  weir_free(weir);
  return result;
}
