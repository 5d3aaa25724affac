/* alert.c - alerts as bytes. Owns the scratch memory of one alert at a time. engine.c calls it. */
#include "engine/alert.h"

#include "base/check.h"
#include "base/model.h"
#include "engine/live.h"
#include "engine/secret.h"
#include "engine/watermark.h"

enum { ALERT_SCRATCH_BYTES = 16 << 10 };

void alerter_init(struct alerter *alerter, struct mem *mem, const struct ruleset *ruleset, const struct slice *sources,
                  struct slice secret_key) {
  *alerter = (struct alerter){.ruleset = ruleset, .sources = sources, .secret_key = secret_key};
  arena_init(&alerter->scratch, mem, ALERT_SCRATCH_BYTES);
  buf_init(&alerter->key_text, mem);
  buf_init(&alerter->id_bytes, mem);
  buf_init(&alerter->message, mem);
}

/* ---- the event behind an item ---- */

/* One step's event: held, or (an `on` rule's only one) the event in hand. */
struct seen {
  uint16_t type;
  int64_t time;
  const struct position *position;
  const struct event *event; /* in hand, or NULL */
  const struct held *held;   /* or NULL */
};

static struct seen seen_of(const struct told *told, const struct nfa_item *item) {
  const struct held *held = item->event;
  if (held != NULL)
    return (struct seen){.type = held->type, .time = held->time, .position = &held->position, .held = held};
  check(told->event != NULL);
  const struct event *event = told->event;
  return (struct seen){.type = event->type, .time = event->time, .position = &event->position, .event = event};
}

/* A field's value, if it is decoded and (of a held event) kept. */
static bool field_of(const struct seen *seen, const struct schema *schema, const struct schema_field *field,
                     struct value *value) {
  if (!field->used) return false;
  if (seen->event != NULL) {
    *value = seen->event->values[field->slot];
    return true;
  }
  int16_t kept = schema->kept_index[field->slot];
  if (kept < 0) return false;
  *value = seen->held->values[kept];
  return true;
}

/* ---- preparing ---- */

/* A JSON object of the key's parts; secrets clear or as they are told. */
static void write_key(struct alerter *alerter, const struct told *told, bool clear, struct buf *out) {
  const struct key_space *space = &alerter->ruleset->spaces[told->rule->key_space];
  buf_byte(out, '{');
  for (uint16_t i = 0; !space->none && i < space->part_count; i++) {
    if (i > 0) buf_byte(out, ',');
    buf_json_string(out, space->names[i]);
    buf_byte(out, ':');
    struct value value = told->key[i];
    if (!clear)
      value = secret_told(value, space->secrets[i], space->mask_heads[i], space->mask_tails[i], alerter->secret_key,
                          &alerter->scratch);
    value_json(out, value);
  }
  buf_byte(out, '}');
}

/* An `on` rule asks no register but for the time of its one event: `payment.time`, `nth(payment.time, 1)`. */
static struct value time_register(const struct pattern_register *asked, int64_t time) {
  check(asked->slot == REGISTER_TIME);
  switch (asked->aggregate) {
  case REGISTER_DISTINCT: return value_int(1);
  case REGISTER_STDDEV: return value_null();
  case REGISTER_NTH: return asked->nth == 1 ? value_time(time) : value_null();
  default: return value_time(time);
  }
}

/* The registers as they are behind the first `item_count` items. */
static const struct value *registers_of(struct alerter *alerter, const struct told *told, uint32_t item_count,
                                        struct expr_counts *counts) {
  const struct rule *rule = told->rule;
  struct nfa_match match = *told->match;
  match.count = item_count;
  struct value *registers = arena_array(&alerter->scratch, struct value, rule->emit_register_count + 1u);
  for (uint16_t i = 0; i < rule->emit_register_count; i++)
    registers[i] = rule->on ? time_register(&rule->emit_registers[i], match.time)
                            : nfa_match_register(&match, &rule->emit_registers[i], alerter->ruleset->schemas,
                                                 &alerter->scratch, counts);
  return registers;
}

/* An `on` rule's event that a window made, else NULL. */
static const struct schema *window_of(const struct alerter *alerter, const struct told *told) {
  if (!told->rule->on || told->event == NULL) return NULL;
  const struct schema *schema = &alerter->ruleset->schemas[told->event->type];
  return schema->window ? schema : NULL;
}

static bool is_partial(const struct alerter *alerter, const struct told *told) {
  const struct schema *window = window_of(alerter, told);
  return window != NULL && window->partial_slot != NO_SLOT && told->event->values[window->partial_slot].i != 0;
}

/* A window that a late event tells has the time of its end all the same. */
static int64_t told_time(const struct alerter *alerter, const struct told *told) {
  const struct schema *window = window_of(alerter, told);
  if (window == NULL || is_partial(alerter, told)) return told->match->time;
  return told->event->values[window->end_slot].i;
}

void alert_prepare(struct alerter *alerter, const struct told *told, struct expr_counts *counts, struct alert *alert) {
  arena_reset(&alerter->scratch);
  const struct rule *rule = told->rule;
  *alert = (struct alert){.told = told, .time = told_time(alerter, told)};
  alert->registers = registers_of(alerter, told, told->match->count, counts);
  alert->env = (struct expr_env){.scratch = &alerter->scratch,
                                 .lookup = &alerter->ruleset->lookup,
                                 .lookup_context = (void *)(uintptr_t)alerter->ruleset,
                                 .counts = counts};
  if (told->live != NULL) {
    alert->env.lookup = &live_lookup;
    alert->env.lookup_context = told->live;
  }
  alert->env.banks[BANK_REGISTER] = alert->registers;
  alert->env.banks[BANK_KEY] = told->key;
  alert->env.banks[BANK_ASKED] = told->asked;
  if (rule->on) alert->env.banks[BANK_EVENT] = told->event->values;
  struct value *emit = arena_array(&alerter->scratch, struct value, rule->emit_count + 1u);
  for (uint16_t i = 0; i < rule->emit_count; i++) emit[i] = expr_eval(rule->emit[i].expr, &alert->env);
  alert->emit = emit;
  alert->env.banks[BANK_EMIT] = emit;
  buf_clear(&alerter->key_text);
  write_key(alerter, told, true, &alerter->key_text);
  alert->key_text = buf_view(&alerter->key_text);
}

struct hash128 alert_key(const struct alert *alert) {
  return hash_bytes_128(alert->key_text.data, alert->key_text.length);
}

/* ---- the id ---- */

static void put_number(struct buf *out, uint64_t number, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++) buf_byte(out, (char)(number >> (8 * i) & 0xff));
}

static void put_text(struct buf *out, struct slice text) {
  put_number(out, text.length, 4);
  buf_slice(out, text);
}

static struct slice cause_text(const struct alerter *alerter, const struct told *told) {
  if (window_of(alerter, told) != NULL) return SLICE("window");
  return told->match->cause == NFA_TIMEOUT ? SLICE("timeout") : SLICE("match");
}

static void put_value(struct buf *out, struct value value) {
  size_t at = out->length;
  put_number(out, 0, 4);
  value_json(out, value);
  uint32_t length = (uint32_t)(out->length - at - 4);
  for (unsigned i = 0; i < 4; i++) out->data[at + i] = (char)(length >> (8 * i) & 0xff);
}

/* The value of `unique`: the event's own, or that of the event that it was derived from; null if there is none. */
static struct value unique_of(const struct seen *seen, const struct schema *schema) {
  struct value unique = value_null();
  if (schema->has_identity)
    return seen->event != NULL ? seen->event->values[schema->identity_slot]
                               : seen->held->values[schema->kept_index[schema->identity_slot]];
  if (schema->unique_field >= 0) (void)field_of(seen, schema, &schema->fields[schema->unique_field], &unique);
  return unique;
}

/* Which of the events that filters made of the one at that place: the number counts those of the type. */
static void put_derived(struct buf *out, const struct position *position, const struct schema *schema) {
  put_number(out, position->derived, 2);
  if (position->derived > 0) put_text(out, schema->name);
}

static void put_identity(struct alerter *alerter, const struct seen *seen, struct buf *out) {
  const struct schema *schema = &alerter->ruleset->schemas[seen->type];
  struct value unique = unique_of(seen, schema);
  if (!value_is_null(unique)) {
    buf_byte(out, schema->has_identity ? 'd' : 'u');
    put_value(out, unique);
    if (!schema->has_identity) return;
    put_text(out, schema->name);
    put_number(out, seen->position->derived, 2);
    return;
  }
  if (seen->position->source == POSITION_MADE) {
    buf_byte(out, 'm');
    put_number(out, seen->position->offset, 8);
    put_number(out, seen->position->partition, 4);
    put_derived(out, seen->position, schema);
    return;
  }
  buf_byte(out, 'p');
  put_text(out, alerter->sources[seen->position->source]);
  put_number(out, seen->position->partition, 4);
  put_number(out, seen->position->offset, 8);
  put_derived(out, seen->position, schema);
}

/* Of a window's event: how often it was told anew. */
static int64_t revision_of(const struct alerter *alerter, const struct told *told) {
  const struct schema *window = window_of(alerter, told);
  if (window == NULL || window->revision_slot == NO_SLOT) return 0;
  return told->event->values[window->revision_slot].i;
}

struct hash128 alert_id(struct alerter *alerter, const struct alert *alert) {
  const struct told *told = alert->told;
  const struct nfa_match *match = told->match;
  struct buf *out = &alerter->id_bytes;
  buf_clear(out);
  put_text(out, told->rule->name);
  put_number(out, told->rule->version, 4);
  put_text(out, cause_text(alerter, told));
  put_text(out, alert->key_text);
  put_number(out, (uint64_t)revision_of(alerter, told), 8);
  put_number(out, match->count, 4);
  for (uint32_t i = 0; i < match->count; i++) {
    struct seen seen = seen_of(told, &match->items[i]);
    put_text(out, told->rule->steps[match->items[i].step].name);
    put_identity(alerter, &seen, out);
  }
  return hash_bytes_128(out->data, out->length);
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

static void number_member(struct buf *out, const char *name, int64_t number) {
  member(out, name);
  value_json(out, value_int(number));
}

static void write_life(const struct rule *rule, enum told_mode mode, struct buf *out) {
  static const char *const severities[] = {
      [SEVERITY_LOW] = "low", [SEVERITY_MEDIUM] = "medium", [SEVERITY_HIGH] = "high", [SEVERITY_CRITICAL] = "critical"};
  if (mode != TOLD_LIVE) text_member(out, "mode", told_mode_text(mode));
  if (rule->severity != SEVERITY_NONE) text_member(out, "severity", slice_of(severities[rule->severity]));
  if (rule->has_score) number_member(out, "score", rule->score);
  if (rule->action.length > 0) text_member(out, "action", rule->action);
  if (rule->tag_count > 0) {
    member(out, "tags");
    for (uint16_t i = 0; i < rule->tag_count; i++) {
      buf_byte(out, i == 0 ? '[' : ',');
      buf_json_string(out, rule->tags[i]);
    }
    buf_byte(out, ']');
  }
  if (rule->owner.length > 0) text_member(out, "owner", rule->owner);
  if (rule->runbook.length > 0) text_member(out, "runbook", rule->runbook);
}

static void write_fields(struct alerter *alerter, const struct alert *alert, struct buf *out) {
  const struct rule *rule = alert->told->rule;
  member(out, "fields");
  buf_byte(out, '{');
  for (uint16_t i = 0; i < rule->emit_count; i++) {
    const struct emit_entry *entry = &rule->emit[i];
    if (i > 0) buf_byte(out, ',');
    buf_json_string(out, entry->name);
    buf_byte(out, ':');
    value_json(out, secret_told(alert->emit[i], entry->secret, entry->mask_head, entry->mask_tail, alerter->secret_key,
                                &alerter->scratch));
  }
  buf_byte(out, '}');
}

static void write_message(struct alerter *alerter, const struct alert *alert, struct buf *out) {
  const struct rule *rule = alert->told->rule;
  buf_clear(&alerter->message);
  for (uint16_t i = 0; i < rule->message_count; i++) {
    const struct message_part *part = &rule->message[i];
    if (part->text.data != NULL) {
      buf_slice(&alerter->message, part->text);
      continue;
    }
    check(part->bank < EXPR_BANKS && alert->env.banks[part->bank] != NULL);
    struct value value = alert->env.banks[part->bank][part->index];
    value_message(&alerter->message, secret_told(value, part->secret, part->mask_head, part->mask_tail,
                                                 alerter->secret_key, &alerter->scratch));
  }
  text_member(out, "message", buf_view(&alerter->message));
}

static void write_event_fields(struct alerter *alerter, const struct seen *seen, struct buf *out) {
  const struct schema *schema = &alerter->ruleset->schemas[seen->type];
  member(out, "fields");
  buf_byte(out, '{');
  bool any = false;
  for (uint16_t i = 0; i < schema->field_count; i++) {
    const struct schema_field *field = &schema->fields[i];
    struct value value;
    if (!field_of(seen, schema, field, &value)) continue;
    if (any) buf_byte(out, ',');
    any = true;
    buf_json_string(out, field->name);
    buf_byte(out, ':');
    value_json(out, secret_told(value, field->secret, field->mask_head, field->mask_tail, alerter->secret_key,
                                &alerter->scratch));
  }
  buf_byte(out, '}');
}

static struct value slot_of(const struct seen *seen, const struct schema *schema, uint16_t slot) {
  if (seen->event != NULL) return seen->event->values[slot];
  return seen->held->values[schema->kept_index[slot]];
}

/* A window that a late event tells anew has the time of its end all the same. */
static int64_t matched_time(const struct alerter *alerter, const struct seen *seen) {
  const struct schema *schema = &alerter->ruleset->schemas[seen->type];
  if (!schema->window) return seen->time;
  bool partial = schema->partial_slot != NO_SLOT && slot_of(seen, schema, schema->partial_slot).i != 0;
  return partial ? seen->time : slot_of(seen, schema, schema->end_slot).i;
}

static void write_matched(struct alerter *alerter, const struct alert *alert, struct buf *out) {
  const struct told *told = alert->told;
  const struct nfa_match *match = told->match;
  uint32_t more = match->count > ALERT_MATCHED_MAX ? match->count - ALERT_MATCHED_MAX : 0;
  member(out, "matched");
  buf_byte(out, '[');
  for (uint32_t i = 0; i < match->count; i++) {
    if (more > 0 && i == ALERT_MATCHED_MAX - 1) i = match->count - 1;
    const struct nfa_item *item = &match->items[i];
    struct seen seen = seen_of(told, item);
    if (i > 0) buf_byte(out, ',');
    buf_str(out, "{\"step\":");
    buf_json_string(out, told->rule->steps[item->step].name);
    text_member(out, "event", alerter->ruleset->schemas[seen.type].name);
    member(out, "time");
    value_json(out, value_time(matched_time(alerter, &seen)));
    if (seen.position->source != POSITION_MADE) {
      text_member(out, "source", alerter->sources[seen.position->source]);
      number_member(out, "partition", seen.position->partition);
      number_member(out, "offset", (int64_t)seen.position->offset);
    }
    if (told->rule->matched_fields) write_event_fields(alerter, &seen, out);
    if (more > 0 && i == match->count - 1) number_member(out, "more", more);
    buf_byte(out, '}');
  }
  buf_byte(out, ']');
}

/* The last event's values by slot: the event in hand, or what a held one kept of it. */
static const struct value *last_values(struct alerter *alerter, const struct seen *seen) {
  if (seen->event != NULL) return seen->event->values;
  const struct schema *schema = &alerter->ruleset->schemas[seen->type];
  struct value *values = arena_array(&alerter->scratch, struct value, schema->slot_count + 1u);
  for (uint16_t i = 0; i < schema->kept_count; i++) values[schema->kept_slots[i]] = seen->held->values[i];
  return values;
}

/* The conditions of the last step taken, each with the values that it read when it took its event: what earlier steps
 * had then does not count that event. */
static void write_because(struct alerter *alerter, const struct alert *alert, struct buf *out) {
  const struct told *told = alert->told;
  const struct nfa_match *match = told->match;
  if (match->count == 0) return;
  const struct nfa_item *last = &match->items[match->count - 1];
  const struct because *because = &told->rule->steps[last->step].because;
  if (because->count == 0) return;
  struct seen seen = seen_of(told, last);
  bool in_hand = told->event != NULL && (seen.held == NULL || seen.held->sequence == told->event->sequence);
  struct expr_counts uncounted = {0}; /* the matcher has counted these evaluations already */
  struct expr_env env = alert->env;
  if (told->live != NULL) env.lookup = &live_look; /* telling why asks nothing anew */
  env.counts = &uncounted;
  env.banks[BANK_EVENT] = last_values(alerter, &seen);
  env.banks[BANK_REGISTER] = registers_of(alerter, told, match->count - 1, &uncounted);
  member(out, "because");
  for (uint16_t i = 0; i < because->count; i++) {
    const struct because_item *item = &because->items[i];
    buf_str(out, i == 0 ? "[{\"condition\":" : ",{\"condition\":");
    buf_json_string(out, item->text);
    member(out, "values");
    buf_byte(out, '{');
    bool any = false;
    for (uint16_t v = 0; v < item->value_count; v++) {
      if (item->in_hand[v] && !in_hand) continue;
      if (any) buf_byte(out, ',');
      any = true;
      buf_json_string(out, item->names[v]);
      buf_byte(out, ':');
      value_json(out, secret_told(expr_eval(item->values[v], &env), item->secrets[v], item->mask_heads[v],
                                  item->mask_tails[v], alerter->secret_key, &alerter->scratch));
    }
    buf_str(out, "}}");
  }
  buf_byte(out, ']');
}

/* What each input of the models asked has brought, most first. */
static void write_reasons(struct alerter *alerter, const struct alert *alert, struct buf *out) {
  const struct told *told = alert->told;
  bool any = false;
  struct expr_counts uncounted = {0};
  struct expr_env env = alert->env;
  env.counts = &uncounted;
  for (uint16_t a = 0; told->event != NULL && a < told->rule->model_ask_count; a++) {
    const struct model_ask *ask = &told->rule->model_asks[a];
    const struct model_def *def = &alerter->ruleset->models[ask->model];
    if (ask->type != told->event->type) continue;
    env.banks[BANK_EVENT] = told->event->values;
    struct value *inputs = arena_array(&alerter->scratch, struct value, def->input_count + 1u);
    for (uint16_t i = 0; i < def->input_count; i++) inputs[i] = expr_eval(ask->inputs[i], &env);
    buf_clear(&alerter->message);
    model_write_shares(&alerter->message, def->model, inputs, &alerter->scratch);
    struct slice shares = buf_view(&alerter->message);
    if (shares.data[0] != '{') continue; /* a null left no score */
    if (!any) member(out, "reasons");
    buf_str(out, any ? ",{\"model\":" : "[{\"model\":");
    any = true;
    buf_json_string(out, def->name);
    member(out, "score");
    value_json(out, model_score(def->model, inputs));
    buf_byte(out, ',');
    buf_slice(out, (struct slice){shares.data + 1, shares.length - 1});
  }
  if (any) buf_byte(out, ']');
}

void alert_write(struct alerter *alerter, const struct alert *alert, uint64_t suppressed, struct buf *out) {
  const struct told *told = alert->told;
  const struct rule *rule = told->rule;
  char id[33];
  hash_128_text(alert_id(alerter, alert), id);
  buf_str(out, "{\"rule\":");
  buf_json_string(out, rule->name);
  number_member(out, "version", rule->version);
  text_member(out, "id", (struct slice){id, 32});
  member(out, "time");
  value_json(out, value_time(alert->time));
  text_member(out, "cause", cause_text(alerter, told));
  member(out, "key");
  write_key(alerter, told, false, out);
  write_life(rule, alert->mode, out);
  write_fields(alerter, alert, out);
  if (rule->message_count > 0) write_message(alerter, alert, out);
  write_matched(alerter, alert, out);
  if (suppressed > 0) number_member(out, "suppressed", (int64_t)suppressed);
  if (revision_of(alerter, told) > 0) number_member(out, "revision", revision_of(alerter, told));
  if (rule->with_because) write_because(alerter, alert, out);
  write_reasons(alerter, alert, out);
  if (is_partial(alerter, told)) {
    member(out, "partial");
    buf_str(out, "true");
  }
  if (rule->action_for_us > 0) {
    member(out, "action_until");
    value_json(out, value_time(watermark_plus(told->match->time, rule->action_for_us)));
  }
  if (told->match->cut) text_member(out, "cut", SLICE("limit"));
  buf_byte(out, '}');
}
