/* json_form_write.c - tree to the canonical JSON form (docs/json-form.md): declarations. One line for each member of a
 * declaration; what stands in it is on that line. */
#include "rules/json_form.h"

#include "base/time_text.h"
#include "rules/json_form_writer.h"

static void clause_comments(struct json_writer *writer, const char *const *words, struct comment *const *comments,
                            unsigned count) {
  bool any = false;
  for (unsigned i = 0; comments != NULL && i < count; i++) any |= comments[i] != NULL;
  if (!any) return;
  json_write_key(writer, "clause_comments");
  json_write_open(writer, '{');
  for (unsigned i = 0; i < count; i++) {
    if (comments[i] == NULL) continue;
    json_write_key(writer, words[i]);
    json_write_open(writer, '{');
    json_write_comments(writer, comments[i]);
    json_write_shut(writer, '}');
  }
  json_write_shut(writer, '}');
}

static void entries_member(struct json_writer *writer, const char *name, const struct tree_entry *entries,
                           uint16_t count) {
  json_write_key(writer, name);
  json_write_open(writer, '[');
  for (uint16_t i = 0; i < count; i++) {
    json_write_before(writer);
    json_write_open(writer, '{');
    json_write_text_member(writer, "name", entries[i].name.text);
    json_write_expr_member(writer, "value", entries[i].expr);
    json_write_comments(writer, entries[i].comments);
    json_write_shut(writer, '}');
  }
  json_write_shut(writer, ']');
}

static void values_member(struct json_writer *writer, const struct tree_entry *entries, uint16_t count) {
  json_write_key(writer, "values");
  json_write_open(writer, '{');
  for (uint16_t i = 0; i < count; i++) {
    json_write_before(writer);
    json_write_text(writer, entries[i].name.text);
    buf_byte(writer->out, ':');
    json_write_expr(writer, entries[i].expr);
  }
  json_write_shut(writer, '}');
}

static void key_member(struct json_writer *writer, const struct key_tree *tree) {
  if (tree == NULL) return;
  json_write_key(writer, "key");
  if (tree->none) {
    json_write_text(writer, SLICE("none"));
    return;
  }
  json_write_open(writer, '[');
  for (uint16_t i = 0; i < tree->part_count; i++) {
    const struct key_part *part = &tree->parts[i];
    json_write_before(writer);
    if (part->path_count == 0) {
      json_write_text(writer, part->name.text);
      continue;
    }
    json_write_open(writer, '{');
    json_write_text_member(writer, "name", part->name.text);
    json_write_key(writer, "fields");
    json_write_open(writer, '[');
    for (uint16_t j = 0; j < part->path_count; j++) {
      json_write_before(writer);
      json_write_open(writer, '{');
      json_write_text_member(writer, "event", part->paths[j].event.text);
      json_write_text_member(writer, "field", part->paths[j].field.text);
      json_write_shut(writer, '}');
    }
    json_write_shut(writer, ']');
    json_write_shut(writer, '}');
  }
  json_write_shut(writer, ']');
}

/* ---- events ---- */

static void source_members(struct json_writer *writer, const struct event_tree *event) {
  if (event->event_time_given)
    json_write_text_member(writer, "event_time", event->event_time_log ? SLICE("log") : event->event_time.text);
  json_write_given_text(writer, "named", event->named);
  json_write_given_duration(writer, "disorder", event->disorder_us);
  if (event->late_given)
    json_write_text_member(writer, "late",
                           slice_of(event->late == LATE_DROP     ? "drop"
                                    : event->late == LATE_ACCEPT ? "accept"
                                                                 : "side"));
  json_write_given_name(writer, "late_sink", &event->late_sink);
  if (event->unique.text.length > 0) {
    json_write_key(writer, "unique");
    json_write_open(writer, '{');
    json_write_text_member(writer, "field", event->unique.text);
    json_write_given_duration(writer, "for", event->unique_us);
    json_write_flag(writer, "everywhere", event->unique_everywhere);
    json_write_flag(writer, "approx", event->unique_approx);
    json_write_shut(writer, '}');
  }
  json_write_expr_member(writer, "watermark_when", event->watermark_when);
  json_write_given_duration(writer, "clock_ahead", event->ahead_us);
  json_write_given_duration(writer, "clock_behind", event->behind_us);
  json_write_given_duration(writer, "jump", event->jump_us);
  if (event->jump_us >= 0) json_write_int_member(writer, "jump_confirm", event->jump_confirm);
  clause_comments(writer, json_form_event_clauses, event->clause_comments, EVENT_CLAUSES);
  json_write_key(writer, "fields");
  json_write_open(writer, '[');
  for (uint16_t i = 0; i < event->field_count; i++) {
    const struct field_tree *field = &event->fields[i];
    json_write_before(writer);
    json_write_open(writer, '{');
    json_write_text_member(writer, "name", field->name.text);
    json_write_type(writer, field->type, field->unit);
    json_write_given_text(writer, "from", field->from);
    json_write_flag(writer, "required", field->required);
    json_write_flag(writer, "secret", field->secret == SECRET_HASH);
    if (field->secret == SECRET_MASK) {
      json_write_key(writer, "secret_mask");
      buf_printf(writer->out, "[%u,%u]", field->mask_head, field->mask_tail);
    }
    if (field->round_half_even) json_write_text_member(writer, "round", SLICE("half_even"));
    json_write_expr_member(writer, "value", field->computed);
    json_write_comments(writer, field->comments);
    json_write_shut(writer, '}');
  }
  json_write_shut(writer, ']');
}

static void window_member(struct json_writer *writer, const struct window_tree *window) {
  if (window == NULL) return;
  json_write_key(writer, "window");
  json_write_open(writer, '{');
  json_write_text_member(writer, "kind", slice_of(json_form_windows[window->kind]));
  json_write_given_duration(writer, "size", window->size_us);
  if (window->count >= 0) json_write_int_member(writer, "count", window->count);
  json_write_given_duration(writer, "every", window->every_us);
  if (window->every_count >= 0) json_write_int_member(writer, "every_count", window->every_count);
  json_write_given_text(writer, "zone", window->zone);
  json_write_given_duration(writer, "offset", window->offset_us);
  json_write_given_duration(writer, "lateness", window->lateness_us);
  json_write_given_duration(writer, "early_every", window->early_us);
  if (window->early_count >= 0) json_write_int_member(writer, "early_events", window->early_count);
  json_write_expr_member(writer, "early_when", window->early_when);
  json_write_given_duration(writer, "known_for", window->known_us);
  json_write_shut(writer, '}');
}

static void join_side(struct json_writer *writer, const char *side, const struct name *name, const struct name *event) {
  json_write_key(writer, side);
  json_write_open(writer, '{');
  json_write_text_member(writer, "name", name->text);
  json_write_text_member(writer, "event", event->text);
  json_write_shut(writer, '}');
}

static void event_members(struct json_writer *writer, const struct event_tree *event) {
  json_write_text_member(writer, "name", event->name.text);
  json_write_comments(writer, event->comments);
  if (!event->derived) {
    source_members(writer, event);
  } else {
    if (event->join) {
      json_write_key(writer, "join");
      json_write_open(writer, '{');
      join_side(writer, "left", &event->join_left_name, &event->join_left_event);
      join_side(writer, "right", &event->join_right_name, &event->join_right_event);
      json_write_given_name(writer, "kind", &event->join_kind);
      json_write_shut(writer, '}');
    } else {
      json_write_names(writer, "from", event->from, event->from_count);
    }
    if (event->each_name.text.length > 0) {
      json_write_key(writer, "each");
      json_write_open(writer, '{');
      json_write_text_member(writer, "name", event->each_name.text);
      json_write_text_member(writer, "in", event->each_field.text);
      json_write_shut(writer, '}');
    }
    json_write_expr_member(writer, "where", event->where);
    key_member(writer, event->key);
    window_member(writer, event->window);
    entries_member(writer, "fields", event->entries, event->entry_count);
  }
  json_write_before_comments(writer, "end_comments", event->end_comments);
}

/* ---- rules ---- */

static void elements_member(struct json_writer *writer, const char *name, const struct element *parent);

static void element_value(struct json_writer *writer, const struct element *element, bool plain) {
  json_write_open(writer, '{');
  if (element->connector != CONNECT_START && !plain)
    json_write_text_member(writer, "connector", slice_of(json_form_connectors[element->connector]));
  if (element->kind == ELEMENT_GROUP)
    elements_member(writer, "group", element);
  else if (element->kind == ELEMENT_OR)
    elements_member(writer, "or", element);
  else if (element->kind == ELEMENT_AND)
    elements_member(writer, "and", element);
  else {
    json_write_given_name(writer, "step", &element->name);
    json_write_use_members(writer, &element->use);
  }
  if (element->rekey != NULL) {
    json_write_key(writer, "at_key");
    json_write_open(writer, '{');
    json_write_text_member(writer, "field", element->rekey->field.text);
    json_write_text_member(writer, "step", element->rekey->step.text);
    json_write_text_member(writer, "step_field", element->rekey->step_field.text);
    json_write_shut(writer, '}');
  }
  json_write_expr_member(writer, "among", element->among);
  if (element->has_quantifier) {
    json_write_int_member(writer, "min", element->min);
    if (element->max != TIMES_UNLIMITED) json_write_int_member(writer, "max", element->max);
  }
  json_write_flag(writer, "strict", element->strict);
  json_write_flag(writer, "each", element->each);
  json_write_flag(writer, "any", element->any);
  json_write_flag(writer, "greedy", element->greedy);
  json_write_expr_member(writer, "until", element->until);
  json_write_given_duration(writer, "gap", element->gap_us);
  json_write_given_duration(writer, "for", element->for_us);
  json_write_comments(writer, element->comments);
  json_write_shut(writer, '}');
}

static void elements_member(struct json_writer *writer, const char *name, const struct element *parent) {
  json_write_key(writer, name);
  json_write_open(writer, '[');
  for (uint16_t i = 0; i < parent->child_count; i++) {
    json_write_before(writer);
    element_value(writer, parent->children[i], parent->kind != ELEMENT_GROUP);
  }
  json_write_shut(writer, ']');
}

static void list_action(struct json_writer *writer, const char *name, const struct list_action *actions,
                        uint16_t count) {
  for (uint16_t i = 0; i < count; i++) {
    json_write_key(writer, name);
    json_write_open(writer, '{');
    json_write_text_member(writer, "field", actions[i].field.text);
    json_write_text_member(writer, "list", actions[i].list.text);
    json_write_given_duration(writer, "for", actions[i].for_us);
    json_write_shut(writer, '}');
  }
}

static void time_member(struct json_writer *writer, const char *name, int64_t us) {
  char text[TIME_TEXT_MAX];
  unsigned length = time_text(text, us);
  json_write_text_member(writer, name, (struct slice){text, length});
}

static void action_member(struct json_writer *writer, const struct rule_tree *rule) {
  json_write_key(writer, "action");
  json_write_open(writer, '{');
  json_write_text_member(writer, "name", rule->rare->action.text);
  json_write_given_duration(writer, "for", rule->rare->action_for_us);
  json_write_shut(writer, '}');
}

/* How a rule is told and run: severity to allow. */
static void telling_members(struct json_writer *writer, const struct rule_tree *rule) {
  uint32_t given = rule->given;
#define GIVEN(clause) ((given & 1u << (clause)) != 0)
  if (GIVEN(CLAUSE_SEVERITY))
    json_write_text_member(writer, "severity", slice_of(json_form_severities[rule->severity]));
  if (GIVEN(CLAUSE_SCORE)) json_write_int_member(writer, "score", rule->score);
  if (GIVEN(CLAUSE_ACTION)) action_member(writer, rule);
  if (GIVEN(CLAUSE_MODE)) json_write_text_member(writer, "mode", slice_of(json_form_modes[rule->mode]));
  if (GIVEN(CLAUSE_CANARY)) json_write_int_member(writer, "canary", rule->rare->canary_percent);
  if (rule->rare->active_from_given) time_member(writer, "active_from", rule->rare->active_from_us);
  if (rule->rare->active_until_given) time_member(writer, "active_until", rule->rare->active_until_us);
  if (GIVEN(CLAUSE_SCHEDULE)) json_write_text_member(writer, "schedule", rule->rare->schedule);
  json_write_given_text(writer, "zone", rule->rare->schedule_zone);
  if (GIVEN(CLAUSE_OWNER)) json_write_text_member(writer, "owner", rule->rare->owner);
  if (GIVEN(CLAUSE_RUNBOOK)) json_write_text_member(writer, "runbook", rule->rare->runbook);
  if (GIVEN(CLAUSE_TAGS)) {
    json_write_key(writer, "tags");
    json_write_open(writer, '[');
    for (uint16_t i = 0; i < rule->tag_count; i++) {
      json_write_before(writer);
      json_write_text(writer, rule->tags[i]);
    }
    json_write_shut(writer, ']');
  }
  json_write_flag(writer, "cold_ok", GIVEN(CLAUSE_COLD_OK));
  json_write_flag(writer, "with_because", GIVEN(CLAUSE_BECAUSE));
  json_write_flag(writer, "matched_fields", GIVEN(CLAUSE_MATCHED_FIELDS));
  if (GIVEN(CLAUSE_ALLOW)) json_write_names(writer, "allow", rule->rare->allow, rule->rare->allow_count);
}

static void to_member(struct json_writer *writer, const struct rule_tree *rule) {
  json_write_key(writer, "to");
  json_write_open(writer, '[');
  for (uint16_t i = 0; i < rule->to_count; i++) {
    json_write_before(writer);
    if (!rule->to_quoted[i]) {
      json_write_text(writer, rule->to[i].text);
      continue;
    }
    json_write_open(writer, '{');
    json_write_text_member(writer, "text", rule->to[i].text);
    json_write_shut(writer, '}');
  }
  json_write_shut(writer, ']');
}

/* What a rule looks for and what it does: on to on change. */
static void matching_members(struct json_writer *writer, const struct rule_tree *rule) {
  uint32_t given = rule->given;
  if (GIVEN(CLAUSE_ON)) json_write_use(writer, "on", &rule->on);
  if (GIVEN(CLAUSE_KEY)) key_member(writer, rule->key);
  if (GIVEN(CLAUSE_WHEN)) json_write_expr_member(writer, "when", rule->when);
  if (GIVEN(CLAUSE_MATCH)) elements_member(writer, "match", rule->pattern);
  json_write_given_duration(writer, "within", rule->within_us);
  if (GIVEN(CLAUSE_REPORT)) json_write_text_member(writer, "report", slice_of(json_form_reports[rule->report]));
  if (rule->report_limit_given) json_write_int_member(writer, "report_limit", rule->report_limit);
  if (GIVEN(CLAUSE_AFTER)) json_write_text_member(writer, "after_match", slice_of(json_form_afters[rule->after]));
  json_write_given_name(writer, "after_step", &rule->rare->after_step);
  if (GIVEN(CLAUSE_EMIT)) {
    entries_member(writer, "emit", rule->emit, rule->emit_count);
    json_write_before_comments(writer, "emit_end_comments", rule->emit_end_comments);
  }
  if (GIVEN(CLAUSE_MESSAGE)) json_write_text_member(writer, "message", rule->message);
  list_action(writer, "add", rule->rare->add, rule->rare->add_count);
  list_action(writer, "remove", rule->rare->remove, rule->rare->remove_count);
  json_write_given_duration(writer, "suppress", rule->suppress_us);
  json_write_expr_member(writer, "suppress_unless", rule->suppress_unless);
  json_write_flag(writer, "to_nothing", rule->to_nothing);
  if (GIVEN(CLAUSE_TO) && !rule->to_nothing) to_member(writer, rule);
  if (GIVEN(CLAUSE_ON_CHANGE))
    json_write_text_member(writer, "on_change", slice_of(json_form_changes[rule->on_change]));
#undef GIVEN
}

static void rule_members(struct json_writer *writer, const struct rule_tree *rule) {
  json_write_text_member(writer, "name", rule->name.text);
  json_write_comments(writer, rule->comments);
  json_write_given_name(writer, "was", &rule->rare->was);
  if (rule->has_description) json_write_text_member(writer, "description", rule->description);
  telling_members(writer, rule);
  matching_members(writer, rule);
  clause_comments(writer, json_form_clauses, rule->clause_comments, CLAUSES);
  json_write_before_comments(writer, "end_comments", rule->end_comments);
}

/* ---- the smaller declarations ---- */

static void list_members(struct json_writer *writer, const struct list_tree *list) {
  json_write_text_member(writer, "name", list->name.text);
  json_write_comments(writer, list->comments);
  json_write_type(writer, list->type, list->unit);
  json_write_given_duration(writer, "ttl", list->ttl_us);
  json_write_given_duration(writer, "visible_after", list->visible_after_us);
  json_write_given_text(writer, "file", list->file);
  if (list->has_items) {
    json_write_key(writer, "items");
    json_write_open(writer, '[');
    for (uint32_t i = 0; i < list->item_count; i++) {
      const struct comment *comments = list->item_comments == NULL ? NULL : list->item_comments[i];
      json_write_before(writer);
      if (comments == NULL) {
        json_write_expr(writer, list->items[i]);
        continue;
      }
      json_write_open(writer, '{');
      json_write_expr_member(writer, "value", list->items[i]);
      json_write_comments(writer, comments);
      json_write_shut(writer, '}');
    }
    json_write_shut(writer, ']');
  }
  json_write_before_comments(writer, "end_comments", list->end_comments);
}

static void columns_member(struct json_writer *writer, const struct column_tree *columns, uint16_t count,
                           const struct comment *end_comments) {
  json_write_key(writer, "columns");
  json_write_open(writer, '[');
  for (uint16_t i = 0; i < count; i++) {
    json_write_before(writer);
    json_write_open(writer, '{');
    json_write_text_member(writer, "name", columns[i].name.text);
    json_write_type(writer, columns[i].type, columns[i].unit);
    json_write_comments(writer, columns[i].comments);
    json_write_shut(writer, '}');
  }
  json_write_shut(writer, ']');
  json_write_before_comments(writer, "end_comments", end_comments);
}

static void table_members(struct json_writer *writer, const struct table_tree *table) {
  json_write_text_member(writer, "name", table->name.text);
  json_write_comments(writer, table->comments);
  json_write_text_member(writer, "key", table->key.text);
  json_write_given_text(writer, "file", table->file);
  json_write_given_name(writer, "from_event", &table->from_event);
  columns_member(writer, table->columns, table->column_count, table->end_comments);
  json_write_given_duration(writer, "ttl", table->ttl_us);
  if (table->on_given) json_write_text_member(writer, "ttl_on", slice_of(table->on_read ? "read" : "write"));
}

static void lookup_members(struct json_writer *writer, const struct lookup_tree *lookup) {
  json_write_text_member(writer, "name", lookup->name.text);
  json_write_comments(writer, lookup->comments);
  json_write_text_member(writer, "from", lookup->from.text);
  json_write_text_member(writer, "ask", lookup->pattern);
  columns_member(writer, lookup->columns, lookup->column_count, lookup->end_comments);
  json_write_given_duration(writer, "timeout", lookup->timeout_us);
  json_write_given_duration(writer, "cache", lookup->cache_us);
  if (lookup->default_count > 0) entries_member(writer, "default", lookup->defaults, lookup->default_count);
  if (lookup->fallback.text.length == 0) return;
  json_write_text_member(writer, "else_from", lookup->fallback.text);
  json_write_text_member(writer, "else_ask", lookup->fallback_url);
}

static void model_members(struct json_writer *writer, const struct model_tree *model) {
  json_write_text_member(writer, "name", model->name.text);
  json_write_comments(writer, model->comments);
  json_write_text_member(writer, "file", model->file);
  json_write_names(writer, "in", model->in, model->in_count);
  json_write_key(writer, "out");
  json_write_open(writer, '{');
  json_write_text_member(writer, "name", model->out.text);
  json_write_type(writer, model->out_type, model->out_unit);
  json_write_shut(writer, '}');
}

static void group_members(struct json_writer *writer, const struct group_tree *group) {
  json_write_text_member(writer, "name", group->name.text);
  json_write_comments(writer, group->comments);
  key_member(writer, group->key);
  json_write_given_duration(writer, "over", group->over_us);
  json_write_names(writer, "rules", group->rules, group->rule_count);
  json_write_text_member(writer, "score", slice_of(group->sum_all ? "sum all" : group->score_sum ? "sum" : "max"));
  if (group->score_max >= 0) json_write_int_member(writer, "score_max", group->score_max);
  json_write_given_duration(writer, "decay", group->decay_us);
  json_write_key(writer, "bands");
  json_write_open(writer, '[');
  for (uint16_t i = 0; i < group->band_count; i++) {
    json_write_before(writer);
    json_write_open(writer, '{');
    json_write_text_member(writer, "action", group->bands[i].action.text);
    json_write_int_member(writer, "at", group->bands[i].at);
    json_write_given_duration(writer, "for", group->bands[i].for_us);
    json_write_comments(writer, group->bands[i].comments);
    json_write_shut(writer, '}');
  }
  json_write_shut(writer, ']');
  if (group->to_count > 0) json_write_names(writer, "to", group->to, group->to_count);
  clause_comments(writer, json_form_group_clauses, group->clause_comments, GROUP_CLAUSES);
  json_write_before_comments(writer, "end_comments", group->end_comments);
}

static void test_line(struct json_writer *writer, const struct test_line *line) {
  json_write_open(writer, '{');
  if (line->kind == TEST_WATERMARK) {
    json_write_text_member(writer, "watermark", line->at);
  } else if (line->kind == TEST_SEND) {
    json_write_text_member(writer, "send", line->name.text);
    values_member(writer, line->entries, line->entry_count);
    if (line->times != 1 || line->every_us >= 0) json_write_int_member(writer, "times", line->times);
    json_write_given_duration(writer, "every", line->every_us);
  } else if (line->nothing) {
    json_write_text_member(writer, "expect_nothing", slice_of(line->nothing_else ? "else" : "at all"));
  } else {
    json_write_text_member(writer, "expect", line->name.text);
    json_write_given_text(writer, "at", line->at);
    if (line->entry_count > 0) values_member(writer, line->entries, line->entry_count);
  }
  json_write_comments(writer, line->comments);
  json_write_shut(writer, '}');
}

static void test_members(struct json_writer *writer, const struct test_tree *test) {
  json_write_text_member(writer, "description", test->description);
  json_write_comments(writer, test->comments);
  json_write_names(writer, "rules", test->rules, test->rule_count);
  json_write_key(writer, "lines");
  json_write_open(writer, '[');
  for (uint16_t i = 0; i < test->line_count; i++) {
    json_write_before(writer);
    test_line(writer, &test->lines[i]);
  }
  json_write_shut(writer, ']');
  json_write_before_comments(writer, "end_comments", test->end_comments);
}

/* ---- declarations ---- */

static void declaration(struct json_writer *writer, const struct decl *decl) {
  json_write_open(writer, '{');
  json_write_text_member(writer, "kind", slice_of(json_form_kinds[decl->kind]));
  switch (decl->kind) {
  case DECL_EVENT: event_members(writer, decl->event); break;
  case DECL_LIST: list_members(writer, decl->list); break;
  case DECL_TABLE: table_members(writer, decl->table); break;
  case DECL_LOOKUP: lookup_members(writer, decl->lookup); break;
  case DECL_MODEL: model_members(writer, decl->model); break;
  case DECL_RULE: rule_members(writer, decl->rule); break;
  case DECL_GROUP: group_members(writer, decl->group); break;
  case DECL_TEST: test_members(writer, decl->test); break;
  case DECL_COUNTER:
    json_write_text_member(writer, "name", decl->counter->name.text);
    json_write_comments(writer, decl->counter->comments);
    json_write_expr_member(writer, "value", decl->counter->counting);
    break;
  case DECL_LET:
    json_write_text_member(writer, "name", decl->let->name.text);
    json_write_comments(writer, decl->let->comments);
    json_write_expr_member(writer, "value", decl->let->expr);
    break;
  case DECL_ACTIONS:
    json_write_comments(writer, decl->actions->comments);
    json_write_names(writer, "order", decl->actions->names, decl->actions->count);
    break;
  }
  json_write_shut(writer, '}');
}

void json_form_write(struct buf *out, const struct tree *tree, uint16_t file) {
  struct json_writer writer = {.out = out};
  json_write_open(&writer, '{');
  json_write_int_member(&writer, "format_version", JSON_FORM_VERSION);
  json_write_key(&writer, "declarations");
  json_write_open(&writer, '[');
  for (uint32_t i = 0; i < tree->decl_count; i++) {
    if (tree->decls[i].file != file) continue;
    json_write_before(&writer);
    declaration(&writer, &tree->decls[i]);
  }
  json_write_shut(&writer, ']');
  json_write_before_comments(&writer, "end_comments", tree->files[file].end_comments);
  json_write_shut(&writer, '}');
  buf_byte(out, '\n');
}
