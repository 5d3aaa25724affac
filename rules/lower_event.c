/* lower_event.c - event types: which fields have slots, what is computed from what, what a held event keeps; and the
 * filter and map events. */
#include "base/check.h"
#include "base/limits.h"
#include "rules/check.h"
#include "rules/lower.h"

/* ---- schemas ---- */

static void lower_source_clauses(struct lower *lower, struct schema *schema, const struct type_info *info) {
  const struct event_tree *event = info->event;
  schema->named = lower_shared(lower, event->named);
  schema->disorder_us = event->disorder_us < 0 ? 0 : event->disorder_us;
  schema->late = event->late_given ? event->late : LATE_DEAD_LETTER;
  schema->late_sink = lower_shared(lower, event->late_sink.text);
  schema->unique_field = info->unique_field;
  schema->unique_us = event->unique_us;
  schema->unique_everywhere = event->unique_everywhere;
  schema->unique_approx = event->unique_approx;
  schema->ahead_us = event->ahead_us;
  schema->behind_us = event->behind_us;
  schema->jump_us = event->jump_us;
  schema->jump_confirm = event->jump_us < 0 ? -1 : event->jump_confirm;
}

static void lower_fields(struct lower *lower, struct schema *schema, const struct type_info *info) {
  schema->field_count = info->field_count;
  schema->fields = arena_array(lower->arena, struct schema_field, info->field_count + 1u);
  for (uint16_t f = 0; f <= info->field_count; f++) { /* the last one is `event_time` */
    const struct type_field *from = &info->fields[f];
    struct schema_field *field = &schema->fields[f];
    field->name = field->path = lower_slice(lower, from->name);
    field->type = from->type;
    field->secret = from->secret;
    field->mask_head = from->mask_head;
    field->mask_tail = from->mask_tail;
    field->used = from->used;
    if (from->tree == NULL) continue;
    if (from->tree->from.length > 0) field->path = lower_slice(lower, from->tree->from);
    field->unit = from->tree->unit;
    field->required = from->tree->required;
    field->round_half_even = from->tree->round_half_even;
    field->computed = from->tree->computed != NULL;
  }
}

/* `matched fields` tells all fields of what was matched. */
static void use_matched_fields(struct lower *lower) {
  for (uint16_t r = 0; r < lower->tree->rule_count; r++) {
    const struct rule_tree *rule = lower->tree->rules[r];
    if (rule->not_yet || (rule->given & 1u << CLAUSE_MATCHED_FIELDS) == 0) continue;
    for (uint16_t s = 0; s < rule->step_count; s++) {
      struct schema *schema = &lower->ruleset->schemas[rule->steps[s].type];
      for (uint16_t f = 0; f < schema->field_count; f++) schema->fields[f].used = true;
    }
  }
}

/* A derived event's own time is that of its cause. */
static void use_event_times(struct lower *lower) {
  for (uint16_t d = lower->tree->derived_count; d > 0; d--) { /* each before those that it is made from */
    const struct event_tree *event = lower->tree->deriveds[d - 1];
    const struct type_info *made = &lower->tree->types[event->schema];
    for (uint16_t i = 0; !event->not_yet && made->fields[made->field_count].used && i < event->from_type_count; i++) {
      struct type_info *from = &lower->tree->types[event->from_types[i]];
      from->fields[from->field_count].used = true;
    }
  }
}

/* Behind the fields' slots: what else the events of the type carry. */
static void lower_hidden_slots(struct schema *schema) {
  struct schema_field *event_time = &schema->fields[schema->field_count];
  if (event_time->used) {
    schema->has_event_time = true;
    schema->event_time_slot = event_time->slot = schema->slot_count++;
  }
  if (schema->has_identity) schema->identity_slot = schema->slot_count++;
  if (schema->has_late) schema->late_slot = schema->slot_count++;
}

/* A late event goes to windows with `lateness` alone: its type, and what filters make of it, carry its own time. */
static void find_late(struct lower *lower) {
  struct schema *schemas = lower->ruleset->schemas;
  for (uint16_t d = lower->tree->derived_count; d > 0; d--) { /* each before those that it is made from */
    const struct event_tree *event = lower->tree->deriveds[d - 1];
    bool window = event->window != NULL;
    if (event->not_yet || event->join || (window ? event->window->lateness_us <= 0 : !schemas[event->schema].has_late))
      continue;
    for (uint16_t i = 0; i < event->from_type_count; i++) {
      struct schema *from = &schemas[event->from_types[i]];
      const struct type_info *type = &lower->tree->types[event->from_types[i]];
      bool filter = type->origin == TYPE_OF_DERIVED && type->event->window == NULL && !type->event->join;
      if (type->origin == TYPE_OF_SOURCE ? from->late == LATE_ACCEPT : filter) from->has_late = true;
    }
  }
}

/* Events that are made of a type with `unique` carry its value, for it is in the alerts' ids. */
static void find_identities(struct lower *lower) {
  struct schema *schemas = lower->ruleset->schemas;
  for (uint16_t d = 0; d < lower->tree->derived_count; d++) { /* each after those that it is made from */
    const struct event_tree *event = lower->tree->deriveds[d];
    for (uint16_t i = 0; !event->not_yet && i < event->from_type_count; i++) {
      const struct schema *from = &schemas[event->from_types[i]];
      if (from->unique_field >= 0 || from->has_identity) schemas[event->schema].has_identity = true;
    }
  }
}

/* The words of a window that its alerts say. */
static void use_window_fields(struct schema *schema, const struct type_info *info) {
  schema->revision_slot = schema->partial_slot = NO_SLOT;
  if (info->origin != TYPE_OF_DERIVED || info->event->window == NULL) return;
  schema->window = true;
  for (uint16_t f = 0; f < schema->field_count; f++)
    if (info->fields[f].expr == NULL) schema->fields[f].used = true;
}

static void find_window_slots(struct schema *schema, const struct type_info *info) {
  for (uint16_t f = 0; schema->window && f < schema->field_count; f++) {
    if (info->fields[f].expr != NULL) continue;
    if (slice_equal(schema->fields[f].name, SLICE("revision"))) schema->revision_slot = schema->fields[f].slot;
    if (slice_equal(schema->fields[f].name, SLICE("window.end"))) schema->end_slot = schema->fields[f].slot;
    if (slice_equal(schema->fields[f].name, SLICE("partial"))) schema->partial_slot = schema->fields[f].slot;
  }
}

void lower_schemas(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  const struct tree *tree = lower->tree;
  use_event_times(lower);
  ruleset->schema_count = (uint16_t)(tree->type_count + lower->former_parts);
  ruleset->schemas = arena_array(lower->arena, struct schema, ruleset->schema_count);
  for (uint16_t t = 0; t < tree->type_count; t++) {
    const struct type_info *info = &tree->types[t];
    struct schema *schema = &ruleset->schemas[t];
    *schema = (struct schema){
        .id = t, .unique_field = -1, .ahead_us = -1, .behind_us = -1, .jump_us = -1, .jump_confirm = -1};
    schema->name = lower_slice(lower, info->name);
    schema->derived = info->origin != TYPE_OF_SOURCE;
    schema->time_field = info->time_field;
    lower_fields(lower, schema, info);
    use_window_fields(schema, info);
    if (info->origin != TYPE_OF_SOURCE) continue;
    ruleset->source_type_count++;
    lower_source_clauses(lower, schema, info);
    if (schema->unique_field >= 0) schema->fields[schema->unique_field].used = true;
  }
  use_matched_fields(lower);
  find_identities(lower);
  find_late(lower);
  lower->kept = arena_array(&lower->work, bool *, ruleset->schema_count);
  lower->kept_capacity = arena_array(&lower->work, uint16_t, ruleset->schema_count);
  for (uint16_t t = 0; t < tree->type_count; t++) {
    struct schema *schema = &ruleset->schemas[t];
    for (uint16_t f = 0; f < schema->field_count; f++) {
      if (schema->fields[f].used) schema->fields[f].slot = schema->slot_count++;
    }
    lower_hidden_slots(schema);
    find_window_slots(schema, &tree->types[t]);
    schema->asked_first = lower->kept_capacity[t] = schema->slot_count;
    lower->kept[t] = arena_array(&lower->work, bool, schema->slot_count);
  }
  lower_parts_schemas(lower);
}

void lower_schema_exprs(struct lower *lower) {
  for (uint16_t t = 0; t < lower->tree->type_count; t++) {
    const struct type_info *info = &lower->tree->types[t];
    if (info->origin != TYPE_OF_SOURCE) continue;
    struct schema *schema = &lower->ruleset->schemas[t];
    struct lower_scope scope = {.type = t};
    schema->computed_order = arena_array(lower->arena, uint16_t, info->computed_count);
    for (uint16_t i = 0; i < info->computed_count; i++) {
      uint16_t f = info->computed_order[i];
      if (!schema->fields[f].used) continue;
      schema->computed_order[schema->computed_count++] = f;
      const struct tree_expr *expr = info->fields[f].expr;
      struct expr_node *node = lower_expr(lower, &scope, expr);
      if (node != NULL)
        schema->fields[f].expr = lower_compile(lower, lower_cast(lower, node, schema->fields[f].type), expr->span);
    }
    if (info->event->watermark_when != NULL)
      schema->watermark_when = lower_compiled(lower, &scope, info->event->watermark_when);
  }
}

/* ---- what a held event keeps ---- */

static void keep_rule_fields(struct lower *lower, const struct rule *rule) {
  const struct key_space *space = &lower->ruleset->spaces[rule->key_space];
  for (uint16_t i = 0; i < rule->type_count; i++) {
    uint16_t type = rule->types[i];
    for (uint16_t p = 0; p < space->part_count; p++) {
      uint16_t slot = space->slots[(size_t)type * space->part_count + p];
      if (slot != NO_SLOT) lower_keep(lower, type, slot);
    }
  }
  for (uint16_t s = 0; s < rule->step_count && rule->matched_fields; s++) {
    uint16_t type = rule->steps[s].type;
    for (uint16_t slot = 0; slot < lower->ruleset->schemas[type].slot_count; slot++) lower_keep(lower, type, slot);
  }
}

static void held_too_much(struct lower *lower, uint16_t type) {
  const struct type_info *info = type < lower->tree->type_count ? &lower->tree->types[type] : NULL;
  struct span span = {0};
  if (info != NULL && info->event != NULL) span = info->event->name.span;
  if (info != NULL && info->event == NULL && info->rule != NULL) span = info->rule->name.span;
  lower_error(lower, span, "event-limit", NULL,
              "open matches would keep more than %d values of an event of `" SLICE_FMT "`", LIMIT_HELD_VALUES,
              SLICE_ARG(lower->ruleset->schemas[type].name));
}

void lower_kept(struct lower *lower) {
  for (uint16_t r = 0; r < lower->ruleset->rule_count; r++) keep_rule_fields(lower, &lower->ruleset->rules[r]);
  for (uint16_t t = 0; t < lower->ruleset->schema_count; t++) {
    struct schema *schema = &lower->ruleset->schemas[t];
    if (schema->window) { /* what `matched` says of it */
      lower_keep(lower, t, schema->end_slot);
      if (schema->partial_slot != NO_SLOT) lower_keep(lower, t, schema->partial_slot);
    }
    if (schema->unique_field >= 0) lower_keep(lower, t, schema->fields[schema->unique_field].slot);
    if (schema->has_identity) lower_keep(lower, t, schema->identity_slot);
    schema->kept_slots = arena_array(lower->arena, uint16_t, schema->slot_count);
    schema->kept_index = arena_array(lower->arena, int16_t, schema->slot_count);
    for (uint16_t slot = 0; slot < schema->slot_count; slot++) {
      if (lower->kept[t][slot] && schema->kept_count == LIMIT_HELD_VALUES) {
        held_too_much(lower, t);
        break;
      }
      schema->kept_index[slot] = lower->kept[t][slot] ? (int16_t)schema->kept_count : -1;
      if (lower->kept[t][slot]) schema->kept_slots[schema->kept_count++] = slot;
    }
  }
}

/* ---- derived events ---- */

static bool lower_from(struct lower *lower, const struct event_tree *event, uint16_t number,
                       struct derived_from *from) {
  struct lower_scope scope = {.type = event->from_types[number], .type_index = number};
  const struct schema *schema = &lower->ruleset->schemas[event->schema];
  const struct type_info *info = &lower->tree->types[event->schema];
  bool fine = true;
  from->type = scope.type;
  if (event->each_fields != NULL) {
    const struct schema_field *words = lower_field(lower, scope.type, event->each_fields[number]);
    check(words->used);
    from->each = lower_compile(lower, lower_input(lower, BANK_EVENT, words->slot, words->type), event->span);
    fine = from->each != NULL;
  }
  if (event->where != NULL) {
    from->where = lower_compiled(lower, &scope, event->where);
    fine &= from->where != NULL;
  }
  const struct expr **entries = arena_array(lower->arena, const struct expr *, schema->slot_count);
  for (uint16_t f = 0; f < schema->field_count; f++) {
    if (!schema->fields[f].used) continue;
    const struct tree_expr *expr = info->fields[f].expr;
    struct expr_node *node = lower_expr(lower, &scope, expr);
    const struct expr **entry = &entries[schema->fields[f].slot];
    if (node != NULL) *entry = lower_compile(lower, lower_cast(lower, node, schema->fields[f].type), expr->span);
    fine &= *entry != NULL;
  }
  const struct schema *cause = &lower->ruleset->schemas[from->type];
  if (schema->has_late && cause->has_late) {
    struct expr_node *own = lower_input(lower, BANK_EVENT, cause->late_slot, TYPE(VALUE_TIME));
    entries[schema->late_slot] = lower_compile(lower, own, event->span);
  }
  if (schema->has_event_time) {
    struct expr_node *time = lower_input(lower, BANK_EVENT, cause->event_time_slot, TYPE(VALUE_TIME));
    entries[schema->event_time_slot] = lower_compile(lower, time, event->span);
  }
  int32_t identity = cause->has_identity        ? cause->identity_slot
                     : cause->unique_field >= 0 ? cause->fields[cause->unique_field].slot
                                                : -1;
  if (schema->has_identity && identity >= 0) {
    struct type type = cause->has_identity ? TYPE(VALUE_NULL) : cause->fields[cause->unique_field].type;
    entries[schema->identity_slot] =
        lower_compile(lower, lower_input(lower, BANK_EVENT, (uint16_t)identity, type), event->span);
  }
  from->entries = entries;
  return fine;
}

void lower_deriveds(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  ruleset->deriveds = arena_array(lower->arena, struct derived, lower->tree->derived_count);
  for (uint16_t d = 0; d < lower->tree->derived_count; d++) {
    const struct event_tree *event = lower->tree->deriveds[d];
    if (event->not_yet || event->window != NULL || event->join) continue;
    struct derived_from *from = arena_array(lower->arena, struct derived_from, event->from_type_count);
    lower->level = event->asks ? (uint16_t)(lower->tree->types[event->schema].level - 1) & (LEVELS_MAX - 1) : 0;
    for (uint16_t i = 0; i < event->from_type_count; i++) lower_from(lower, event, i, &from[i]);
    ruleset->deriveds[ruleset->derived_count++] = (struct derived){.schema = event->schema,
                                                                   .stage = event->stage,
                                                                   .asks = event->asks,
                                                                   .from_count = event->from_type_count,
                                                                   .from = from};
  }
  lower->level = 0;
}
