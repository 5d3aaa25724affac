/* group_alert.c - alerts of groups as bytes. Owns the scratch memory of one alert at a time. engine.c calls it. */
#include "engine/group_alert.h"

#include "base/sort.h"
#include "engine/secret.h"
#include "engine/watermark.h"

enum { GROUP_ALERT_SCRATCH_BYTES = 4 << 10, GROUP_VERSION = 1 };

void group_alerter_init(struct group_alerter *alerter, struct mem *mem, const struct ruleset *ruleset,
                        struct slice secret_key) {
  *alerter = (struct group_alerter){.ruleset = ruleset, .secret_key = secret_key};
  arena_init(&alerter->scratch, mem, GROUP_ALERT_SCRATCH_BYTES);
  buf_init(&alerter->key_text, mem);
  buf_init(&alerter->id_bytes, mem);
}

/* A JSON object of the key's parts; secrets clear or as they are told. */
static void write_key(struct group_alerter *alerter, const struct group_entry *entry, bool clear, struct buf *out) {
  const struct group_plan *plan = entry->plan;
  buf_byte(out, '{');
  for (uint16_t i = 0; i < plan->key_count; i++) {
    if (i > 0) buf_byte(out, ',');
    buf_json_string(out, plan->key_names[i]);
    buf_byte(out, ':');
    value_json(out, clear ? entry->key[i]
                          : secret_told(entry->key[i], plan->secrets[i], plan->mask_heads[i], plan->mask_tails[i],
                                        alerter->secret_key, &alerter->scratch));
  }
  buf_byte(out, '}');
}

/* ---- the id: docs/alert-id.md ---- */

static void put_number(struct buf *out, uint64_t number, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++) buf_byte(out, (char)(number >> (8 * i) & 0xff));
}

static void put_text(struct buf *out, struct slice text) {
  put_number(out, text.length, 4);
  buf_slice(out, text);
}

static struct hash128 id_of(struct group_alerter *alerter, const struct group_alert *alert) {
  struct buf *out = &alerter->id_bytes;
  char cause[33];
  hash_128_text(alert->entry->cause, cause);
  buf_clear(out);
  put_text(out, alert->entry->plan->name);
  put_number(out, GROUP_VERSION, 4);
  put_text(out, SLICE("band"));
  put_text(out, alert->key_text);
  put_number(out, 0, 8);
  put_number(out, 1, 4);
  put_text(out, alert->entry->band->action);
  buf_byte(out, 'a');
  put_text(out, (struct slice){cause, 32});
  return hash_bytes_128(out->data, out->length);
}

void group_alert_prepare(struct group_alerter *alerter, const struct group_entry *entry, struct group_alert *alert) {
  arena_reset(&alerter->scratch);
  buf_clear(&alerter->key_text);
  write_key(alerter, entry, true, &alerter->key_text);
  *alert = (struct group_alert){.entry = entry, .key_text = buf_view(&alerter->key_text)};
  alert->id = id_of(alerter, alert);
}

/* ---- writing ---- */

static void member(struct buf *out, const char *name) {
  buf_byte(out, ',');
  buf_byte(out, '"');
  buf_str(out, name);
  buf_str(out, "\":");
}

static void text_member(struct buf *out, const char *name, struct slice text) {
  member(out, name);
  buf_json_string(out, text);
}

static void value_member(struct buf *out, const char *name, struct value value) {
  member(out, name);
  value_json(out, value);
}

static void write_fields(const struct group_alerter *alerter, const struct group_entry *entry, struct buf *out) {
  member(out, "fields");
  buf_str(out, "{\"band\":");
  buf_json_string(out, entry->band->action);
  member(out, "rules");
  buf_byte(out, '[');
  for (uint16_t i = 0; i < entry->contribution_count; i++) { /* by rule: those of one stand together */
    uint16_t rule = entry->contributions[i].rule;
    if (i > 0 && rule == entry->contributions[i - 1].rule) continue;
    if (i > 0) buf_byte(out, ',');
    buf_json_string(out, alerter->ruleset->rules[rule].name);
  }
  buf_str(out, "]}");
}

static int by_moment(const void *left, const void *right) {
  const struct group_contribution *a = left, *b = right;
  if (a->time != b->time) return a->time < b->time ? -1 : 1;
  return (int32_t)(a->number - b->number) < 0 ? -1 : 1; /* each has another number */
}

/* The alerts that make the score, in the order in which they came: each an event of its rule's name. The one that
 * entered the band is the last. */
static void write_matched(struct group_alerter *alerter, const struct group_entry *entry, struct buf *out) {
  uint16_t count = entry->contribution_count;
  struct group_contribution *sorted = arena_array(&alerter->scratch, struct group_contribution, count + 1u);
  memcpy(sorted, entry->contributions, count * sizeof *sorted);
  sort_items(sorted, count, sizeof *sorted, by_moment, &alerter->scratch);
  member(out, "matched");
  buf_byte(out, '[');
  uint16_t more = count > GROUP_ALERT_MATCHED_MAX ? (uint16_t)(count - GROUP_ALERT_MATCHED_MAX) : 0;
  for (uint16_t i = 0; i < count; i++) {
    if (more > 0 && i == GROUP_ALERT_MATCHED_MAX - 1) i = (uint16_t)(count - 1);
    struct slice name = alerter->ruleset->rules[sorted[i].rule].name;
    char id[33];
    hash_128_text(sorted[i].alert, id);
    buf_str(out, i > 0 ? ",{\"step\":" : "{\"step\":");
    buf_json_string(out, name);
    text_member(out, "event", name);
    value_member(out, "time", value_time(sorted[i].time));
    text_member(out, "id", (struct slice){id, 32});
    value_member(out, "score", value_int(sorted[i].score));
    if (more > 0 && i == count - 1) value_member(out, "more", value_int(more));
    buf_byte(out, '}');
  }
  buf_byte(out, ']');
}

void group_alert_write(struct group_alerter *alerter, const struct group_alert *alert, struct buf *out) {
  const struct group_entry *entry = alert->entry;
  char id[33];
  hash_128_text(alert->id, id);
  buf_str(out, "{\"rule\":");
  buf_json_string(out, entry->plan->name);
  value_member(out, "version", value_int(GROUP_VERSION));
  text_member(out, "id", (struct slice){id, 32});
  value_member(out, "time", value_time(entry->time));
  text_member(out, "cause", SLICE("band"));
  member(out, "key");
  write_key(alerter, entry, false, out);
  value_member(out, "score", value_int(entry->score));
  text_member(out, "action", entry->band->action);
  write_fields(alerter, entry, out);
  write_matched(alerter, entry, out);
  if (entry->band->for_us >= 0)
    value_member(out, "action_until", value_time(watermark_plus(entry->time, entry->band->for_us)));
  buf_byte(out, '}');
}
