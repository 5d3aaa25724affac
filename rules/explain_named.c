/* explain_named.c - what is said about declarations that are no rules: groups, with sections of their own, and a few
 * lines for each event, counter, list, table and model that is asked about by its name. */
#include "base/limits.h"
#include "base/time_text.h"
#include "rules/action.h"
#include "rules/check.h"
#include "rules/explain_core.h"
#include "rules/print.h"

/* ---- actions ---- */

/* "1 rule", "2 rules", "1 group". */
static void asking(struct buf *out, uint32_t count, const char *kind, bool *any) {
  if (count == 0) return;
  buf_printf(out, "%s%u %s%s", *any ? ", " : " (", (unsigned)count, kind, count == 1 ? "" : "s");
  *any = true;
}

void explain_actions(struct explain_lines *lines, const struct ruleset *ruleset, struct slice only) {
  const struct actions_tree *declared = ruleset->tree->actions;
  struct buf *out = &lines->text;
  bool wanted = declared != NULL || ruleset->group_count > 0;
  for (uint16_t r = 0; r < ruleset->named_rule_count; r++) wanted |= ruleset->rules[r].action.length > 0;
  if (!wanted || only.data != NULL) return;
  buf_str(out, "actions, the strongest first: ");
  for (uint16_t rank = 0; rank < action_count(declared); rank++) {
    struct slice name = action_name(declared, rank);
    uint32_t rules = 0, groups = 0;
    bool any = false;
    for (uint16_t r = 0; r < ruleset->named_rule_count; r++) rules += slice_equal(ruleset->rules[r].action, name);
    for (uint16_t g = 0; g < ruleset->group_count; g++) {
      bool has = false;
      for (uint16_t b = 0; b < ruleset->groups[g].band_count; b++)
        has |= slice_equal(ruleset->groups[g].bands[b].action, name);
      groups += has;
    }
    buf_printf(out, "%s" SLICE_FMT, rank == 0 ? "" : " > ", SLICE_ARG(name));
    asking(out, rules, "rule", &any);
    asking(out, groups, "group", &any);
    if (any) buf_byte(out, ')');
  }
  explain_end(lines);
}

/* ---- groups ---- */

static void group_does(struct explain_lines *lines, const struct ruleset *ruleset, const struct group_plan *group) {
  (void)ruleset;
  struct buf *out = &lines->text;
  buf_str(out, "For each ");
  for (uint16_t i = 0; i < group->key_count; i++)
    buf_printf(out, "%s" SLICE_FMT, i == 0 ? "" : ", ", SLICE_ARG(group->key_names[i]));
  buf_str(out, ": of the last ");
  explain_duration(out, group->over_us);
  buf_str(out, !group->score_sum ? ", takes the highest score of its rules' alerts"
               : group->sum_all
                   ? ", adds up the scores of all alerts of its rules"
                   : ", adds up the scores of its rules' alerts, each rule once, with the one that is worth most");
  if (group->decay_us > 0) {
    buf_str(out, "; a score halves every ");
    explain_duration(out, group->decay_us);
  }
  if (group->score_max >= 0) buf_printf(out, "; %lld is the most", (long long)group->score_max);
  explain_end(lines);
  for (uint16_t b = 0; b < group->band_count; b++) {
    const struct group_band *band = &group->bands[b];
    buf_printf(out, "Tells `" SLICE_FMT "` when the score comes to %lld", SLICE_ARG(band->action), (long long)band->at);
    if (b > 0) buf_printf(out, " and stays below %lld", (long long)group->bands[b - 1].at);
    if (band->for_us >= 0) {
      buf_str(out, ", for ");
      explain_duration(out, band->for_us);
    }
    explain_end(lines);
  }
}

static void group_rules(struct explain_lines *lines, const struct ruleset *ruleset, const struct group_plan *group) {
  for (uint16_t m = 0; m < group->member_count; m++) {
    const struct rule *rule = &ruleset->rules[group->members[m].rule];
    explain_line(lines, SLICE_FMT ": score %lld%s", SLICE_ARG(rule->name), (long long)rule->score,
                 rule->mode == MODE_SHADOW ? ", which does not count: `mode shadow`"
                 : rule->mode == MODE_OFF  ? ", which does not count: `mode off`"
                                           : "");
  }
}

static void group_tells(struct explain_lines *lines, const struct ruleset *ruleset, const struct group_plan *group) {
  explain_line(lines, "fields: `band`, `rules` (whose alerts make the score); also `score`, the key, `action`, and "
                      "each of the alerts in `matched`");
  buf_str(&lines->text, "actions, the strongest first: ");
  action_order(&lines->text, ruleset->tree->actions);
  explain_end(lines);
  if (group->sink_count == 0) return;
  buf_str(&lines->text, "to ");
  for (uint16_t s = 0; s < group->sink_count; s++)
    buf_printf(&lines->text, "%s" SLICE_FMT, s == 0 ? "" : ", ", SLICE_ARG(group->sinks[s]));
  explain_end(lines);
}

static void group_stages(struct explain_lines *lines, const struct ruleset *ruleset, const struct group_plan *group) {
  explain_line(lines, "the group is worked on in pass %u of %u, behind its rules", group->level + 1u,
               ruleset->level_count);
}

static void group_state(struct explain_lines *lines, const struct ruleset *ruleset, const struct group_plan *group) {
  (void)ruleset;
  buf_printf(&lines->text, "Each alert is kept for at most ");
  explain_duration(&lines->text, group->over_us);
  buf_printf(&lines->text, " of event time, about %u bytes; %u of a key at most", (unsigned)EXPLAIN_ALERT_BYTES,
             (unsigned)LIMIT_GROUP_ALERTS);
  if (group->score_sum && !group->sum_all)
    buf_str(&lines->text, ", those that are worth less than a later one of their rule go at once");
  explain_end(lines);
}

typedef void of_group(struct explain_lines *lines, const struct ruleset *ruleset, const struct group_plan *group);

static const struct group_section {
  const char *key, *title;
  of_group *lines;
} group_sections[] = {
    {"does", "What it does", group_does}, {"rules", "Rules", group_rules}, {"tells", "What an alert has", group_tells},
    {"stages", "Stages", group_stages},   {"state", "State", group_state},
};
enum { GROUP_SECTIONS = sizeof group_sections / sizeof *group_sections };

static void group_dot(struct buf *out, const struct ruleset *ruleset, const struct group_plan *group) {
  buf_str(out, "digraph ");
  buf_json_string(out, group->name);
  buf_str(out, " {\n  rankdir=LR;\n  group [shape=box,label=");
  buf_json_string(out, group->name);
  buf_str(out, "];\n");
  for (uint16_t m = 0; m < group->member_count; m++) {
    const struct rule *rule = &ruleset->rules[group->members[m].rule];
    buf_printf(out, "  rule%u [label=", m);
    buf_json_string(out, rule->name);
    buf_printf(out, "];\n  rule%u -> group [label=\"%lld\"];\n", m, (long long)rule->score);
  }
  for (uint16_t b = 0; b < group->band_count; b++) {
    buf_printf(out, "  band%u [shape=doublecircle,label=", b);
    buf_json_string(out, group->bands[b].action);
    buf_printf(out, "];\n  group -> band%u [label=\"%lld\"];\n", b, (long long)group->bands[b].at);
  }
  buf_str(out, "}\n");
}

void explain_group(struct buf *out, const struct ruleset *ruleset, const struct group_plan *group,
                   enum explain_form form) {
  if (form == EXPLAIN_DOT) {
    group_dot(out, ruleset, group);
    return;
  }
  bool json = form == EXPLAIN_JSON;
  struct explain_lines lines = {0};
  buf_init(&lines.text, out->mem);
  if (json) {
    buf_str(out, "{\"group\":");
    buf_json_string(out, group->name);
  } else {
    buf_printf(out, "group " SLICE_FMT "\n", SLICE_ARG(group->name));
  }
  for (int s = 0; s < GROUP_SECTIONS; s++) {
    buf_clear(&lines.text);
    group_sections[s].lines(&lines, ruleset, group);
    explain_section(out, group_sections[s].key, group_sections[s].title, &lines, json);
  }
  if (json) buf_byte(out, '}');
  buf_free(&lines.text);
}

/* ---- who reads what ---- */

enum target_kind { TARGET_TYPE, TARGET_COUNTER, TARGET_LIST, TARGET_TABLE, TARGET_MODEL };

struct target {
  enum target_kind kind;
  uint16_t index; /* that refs have */
  struct slice name;
  bool found;
};

static void look_at(void *context, struct tree_expr *expr) {
  struct target *target = context;
  struct ref ref = tree_ref(expr);
  const struct use *of = tree_counting(expr) != NULL ? tree_counting(expr)->of : tree_seen_of(expr);
  switch (target->kind) {
  case TARGET_TYPE: target->found |= of != NULL && of->type == target->index; return;
  case TARGET_COUNTER:
    target->found |= ref.kind == REF_COUNTER && expr->kind == TREE_PATH && ref.index == target->index;
    return;
  case TARGET_LIST: target->found |= ref.kind == REF_LIST && ref.index == target->index; return;
  case TARGET_TABLE: target->found |= ref.kind == REF_TABLE && ref.index == target->index; return;
  case TARGET_MODEL: target->found |= ref.kind == REF_MODEL && ref.index == target->index; return;
  }
}

static void look_in(struct target *target, struct tree_expr *expr) {
  if (expr != NULL) tree_expr_walk(expr, look_at, target);
}

/* Recursion follows the pattern, whose depth is limited (PATTERN_DEPTH_MAX). */
static void look_in_element(struct target *target, const struct element *element) {
  look_in(target, element->use.condition);
  look_in(target, element->among);
  look_in(target, element->until);
  for (uint16_t i = 0; i < element->child_count; i++) look_in_element(target, element->children[i]);
}

static bool rule_reads(const struct rule_tree *rule, struct target target) {
  for (uint16_t t = 0; t < rule->type_count; t++)
    target.found |= target.kind == TARGET_TYPE && rule->types[t] == target.index;
  look_in(&target, rule->on.condition);
  look_in(&target, rule->when);
  if (rule->pattern != NULL) look_in_element(&target, rule->pattern);
  for (uint16_t i = 0; i < rule->emit_count; i++) look_in(&target, rule->emit[i].expr);
  look_in(&target, rule->suppress_unless);
  return target.found;
}

static bool event_reads(const struct event_tree *event, struct target target) {
  for (uint16_t t = 0; t < event->from_type_count; t++)
    target.found |= target.kind == TARGET_TYPE && event->from_types[t] == target.index;
  look_in(&target, event->where);
  look_in(&target, event->watermark_when);
  for (uint16_t i = 0; i < event->field_count; i++) look_in(&target, event->fields[i].computed);
  if (event->window != NULL) look_in(&target, event->window->early_when);
  for (uint16_t i = 0; i < event->entry_count; i++) look_in(&target, event->entries[i].expr);
  return target.found;
}

static bool decl_reads(const struct decl *decl, struct target target) {
  switch (decl->kind) {
  case DECL_RULE: return rule_reads(decl->rule, target);
  case DECL_EVENT: return event_reads(decl->event, target);
  case DECL_COUNTER: look_in(&target, decl->counter->counting); return target.found;
  case DECL_TABLE: return target.kind == TARGET_TYPE && slice_equal(decl->table->from_event.text, target.name);
  case DECL_MODEL:
    for (uint16_t i = 0; i < decl->model->in_count; i++)
      target.found |= target.kind == TARGET_COUNTER && slice_equal(decl->model->in[i].text, target.name);
    return target.found;
  default: return false;
  }
}

static struct slice decl_text(const struct decl *decl, const char **kind) {
  switch (decl->kind) {
  case DECL_RULE: *kind = "rule"; return decl->rule->name.text;
  case DECL_EVENT: *kind = "event"; return decl->event->name.text;
  case DECL_COUNTER: *kind = "counter"; return decl->counter->name.text;
  case DECL_TABLE: *kind = "table"; return decl->table->name.text;
  default: *kind = "model"; return decl->model->name.text;
  }
}

static void read_by(struct explain_lines *lines, const struct tree *tree, struct target target) {
  enum { NAMED = 12 };
  uint32_t count = 0;
  for (uint32_t d = 0; d < tree->decl_count; d++) {
    const struct decl *decl = &tree->decls[d];
    if (!decl_reads(decl, target)) continue;
    if (count++ >= NAMED) continue;
    const char *kind;
    struct slice name = decl_text(decl, &kind);
    buf_printf(&lines->text, "%s%s " SLICE_FMT, count == 1 ? "  read by " : ", ", kind, SLICE_ARG(name));
  }
  if (count == 0) buf_str(&lines->text, "  nothing reads it");
  if (count > NAMED) buf_printf(&lines->text, " and %u more", count - NAMED);
  explain_end(lines);
}

static void filled_by(struct explain_lines *lines, const struct tree *tree, struct slice list) {
  uint32_t count = 0;
  for (uint16_t r = 0; r < tree->rule_count; r++) {
    const struct rule_rare *rare = tree->rules[r]->rare;
    bool fills = false;
    for (uint16_t i = 0; i < rare->add_count; i++) fills |= slice_equal(rare->add[i].list.text, list);
    for (uint16_t i = 0; i < rare->remove_count; i++) fills |= slice_equal(rare->remove[i].list.text, list);
    if (!fills) continue;
    buf_printf(&lines->text, "%srule " SLICE_FMT, count++ == 0 ? "  changed by " : ", ",
               SLICE_ARG(tree->rules[r]->name.text));
  }
  if (count > 0) explain_end(lines);
}

/* ---- by name ---- */

static void source_event(struct explain_lines *lines, const struct type_info *info) {
  const struct event_tree *event = info->event;
  struct buf *out = &lines->text;
  buf_printf(out, "event " SLICE_FMT ": of the inputs", SLICE_ARG(info->name));
  if (event->disorder_us > 0) {
    buf_str(out, ", out of order by up to ");
    explain_duration(out, event->disorder_us);
  }
  if (event->unique_us > 0) {
    buf_printf(out, ", unique by " SLICE_FMT " for ", SLICE_ARG(event->unique.text));
    explain_duration(out, event->unique_us);
  }
  bool any = false;
  for (uint16_t f = 0; f < info->field_count; f++) {
    if (!info->fields[f].used) continue;
    buf_printf(out, "%s" SLICE_FMT, any ? ", " : "; fields that are read: ", SLICE_ARG(info->fields[f].name));
    any = true;
  }
  explain_end(lines);
}

static void named_event(struct explain_lines *lines, const struct ruleset *ruleset, struct slice name) {
  const struct type_info *info = tree_type_find(ruleset->tree, name);
  if (info == NULL || info->event == NULL) return;
  if (info->origin == TYPE_OF_SOURCE)
    source_event(lines, info);
  else
    explain_derived(lines, ruleset, name);
  read_by(lines, ruleset->tree, (struct target){TARGET_TYPE, info->id, name, false});
}

/* The plan of a declared counter, by its text: equal counters are one, whatever they are called. -1: nobody asks it, or
 * it is known by another's text. */
static int32_t counter_of(struct mem *mem, const struct ruleset *ruleset, const struct tree_expr *counting) {
  struct buf text;
  buf_init(&text, mem);
  print_expr(&text, counting);
  int32_t found = -1;
  for (uint16_t c = 0; c < ruleset->counter_count && found < 0; c++)
    if (slice_equal(ruleset->counters[c].text, buf_view(&text))) found = c;
  buf_free(&text);
  return found;
}

static void named_counter(struct explain_lines *lines, const struct ruleset *ruleset,
                          const struct counter_tree *counter, uint16_t index) {
  buf_printf(&lines->text, "counter " SLICE_FMT " = ", SLICE_ARG(counter->name.text));
  print_expr(&lines->text, counter->counting);
  explain_end(lines);
  int32_t plan = counter_of(lines->text.mem, ruleset, counter->counting);
  if (plan >= 0) explain_counter(lines, ruleset, (uint16_t)plan, "  ");
  read_by(lines, ruleset->tree, (struct target){TARGET_COUNTER, index, counter->name.text, false});
}

static void named_model(struct explain_lines *lines, const struct ruleset *ruleset, const struct model_tree *model,
                        uint16_t index) {
  struct buf *out = &lines->text;
  buf_printf(out, "model " SLICE_FMT ": from " SLICE_FMT "; in ", SLICE_ARG(model->name.text), SLICE_ARG(model->file));
  for (uint16_t i = 0; i < model->in_count; i++)
    buf_printf(out, "%s" SLICE_FMT, i == 0 ? "" : ", ", SLICE_ARG(model->in[i].text));
  buf_printf(out, "; out " SLICE_FMT, SLICE_ARG(model->out.text));
  explain_end(lines);
  read_by(lines, ruleset->tree, (struct target){TARGET_MODEL, index, model->name.text, false});
}

void explain_others(struct explain_lines *lines, const struct ruleset *ruleset, struct slice name) {
  const struct tree *tree = ruleset->tree;
  uint16_t counters = 0, models = 0;
  named_event(lines, ruleset, name);
  for (uint32_t d = 0; d < tree->decl_count; d++) {
    const struct decl *decl = &tree->decls[d];
    if (decl->kind == DECL_COUNTER && counters++ < UINT16_MAX && slice_equal(decl->counter->name.text, name))
      named_counter(lines, ruleset, decl->counter, (uint16_t)(counters - 1));
    if (decl->kind == DECL_MODEL && models++ < UINT16_MAX && slice_equal(decl->model->name.text, name))
      named_model(lines, ruleset, decl->model, (uint16_t)(models - 1));
    if (decl->kind == DECL_LIST && slice_equal(decl->list->name.text, name)) {
      explain_lists(lines, ruleset, name);
      filled_by(lines, tree, name);
      read_by(lines, tree, (struct target){TARGET_LIST, decl->list->index, name, false});
    }
    if (decl->kind == DECL_TABLE && slice_equal(decl->table->name.text, name)) {
      explain_tables(lines, ruleset, name);
      read_by(lines, tree, (struct target){TARGET_TABLE, decl->table->index, name, false});
    }
  }
}
