/* explain.c - sections of what is said about a rule, written as text, JSON or a graph. Called by the CLI. */
#include "rules/explain.h"

#include <stdarg.h>

#include "rules/explain_core.h"
#include "rules/key_plan.h"

void explain_end(struct explain_lines *lines) {
  buf_byte(&lines->text, '\n');
  lines->count++;
}

void explain_line(struct explain_lines *lines, const char *format, ...) {
  char line[1024];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(line, sizeof line, format, list);
  va_end(list);
  if (length < 0) length = 0;
  buf_add(&lines->text, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
  explain_end(lines);
}

/* ---- sections ---- */

static void explain_key(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  const struct key_space *space = &ruleset->spaces[rule->key_space];
  uint32_t sharing = 0;
  for (uint16_t r = 0; r < ruleset->rule_count; r++) sharing += ruleset->rules[r].key_space == rule->key_space;
  key_plan_describe(space, &lines->text);
  if (sharing > 1) buf_printf(&lines->text, " (one record per key, shared by %u rules)", sharing);
  explain_end(lines);
}

/* Lines, from a writer that needs the rule only or the rule set too. */
typedef void of_rule(struct explain_lines *lines, const struct rule *rule);
typedef void of_ruleset(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule);

static const struct section {
  const char *key, *title;
  of_rule *of_rule;
  of_ruleset *of_ruleset;
} sections[] = {
    {"about", "About", explain_about, NULL},
    {"does", "What it does", NULL, explain_steps},
    {"key", "Key", NULL, explain_key},
    {"bounds", "Time bounds", explain_bounds, NULL},
    {"report", "Which matches are told", explain_report, NULL},
    {"after_match", "After a match", explain_after, NULL},
    {"tells", "What an alert has", NULL, explain_tells},
    {"suppress", "Suppression", explain_suppress, NULL},
    {"counters", "Counters", NULL, explain_counters},
    {"stages", "Stages", NULL, explain_stages},
    {"execution", "Execution", explain_mode, NULL},
    {"program", "Program", NULL, explain_program},
    {"conditions", "Conditions and how they are found", NULL, explain_predicates},
    {"state", "State", NULL, explain_state},
    {"cost", "Cost of an event", NULL, explain_cost},
    {"delay", "Delay", NULL, explain_delay},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

static void fill(struct explain_lines *lines, const struct section *section, const struct ruleset *ruleset,
                 const struct rule *rule) {
  buf_clear(&lines->text);
  lines->count = 0;
  if (section->of_rule != NULL)
    section->of_rule(lines, rule);
  else
    section->of_ruleset(lines, ruleset, rule);
}

/* Cuts the next line off `rest`. */
static struct slice next_line(struct slice *rest) {
  const char *end = memchr(rest->data, '\n', rest->length);
  struct slice line = {rest->data, end == NULL ? rest->length : (size_t)(end - rest->data)};
  size_t taken = end == NULL ? line.length : line.length + 1;
  rest->data += taken;
  rest->length -= taken;
  return line;
}

static void rule_text(struct buf *out, const struct ruleset *ruleset, const struct rule *rule,
                      struct explain_lines *lines) {
  buf_printf(out, "rule " SLICE_FMT, SLICE_ARG(rule->name));
  if (rule->has_description) buf_printf(out, ": " SLICE_FMT, SLICE_ARG(rule->description));
  buf_byte(out, '\n');
  for (int s = 0; s < SECTIONS; s++) {
    fill(lines, &sections[s], ruleset, rule);
    if (lines->count == 0) continue;
    buf_printf(out, "  %s:\n", sections[s].title);
    struct slice rest = buf_view(&lines->text);
    while (rest.length > 0) {
      struct slice line = next_line(&rest);
      buf_printf(out, "    " SLICE_FMT "\n", SLICE_ARG(line));
    }
  }
}

static void rule_json(struct buf *out, const struct ruleset *ruleset, const struct rule *rule,
                      struct explain_lines *lines) {
  buf_str(out, "{\"rule\":");
  buf_json_string(out, rule->name);
  if (rule->has_description) {
    buf_str(out, ",\"description\":");
    buf_json_string(out, rule->description);
  }
  for (int s = 0; s < SECTIONS; s++) {
    fill(lines, &sections[s], ruleset, rule);
    buf_printf(out, ",\"%s\":[", sections[s].key);
    struct slice rest = buf_view(&lines->text);
    for (bool first = true; rest.length > 0; first = false) {
      if (!first) buf_byte(out, ',');
      buf_json_string(out, next_line(&rest));
    }
    buf_byte(out, ']');
  }
  buf_byte(out, '}');
}

static void rule_dot(struct buf *out, const struct ruleset *ruleset, const struct rule *rule,
                     struct explain_lines *lines) {
  if (rule->pattern != NULL) {
    struct slice name = rule->name;
    buf_clear(&lines->text);
    buf_slice(&lines->text, name);
    pattern_dot(out, rule->pattern, buf_text(&lines->text), explain_condition, (void *)(uintptr_t)ruleset);
    return;
  }
  buf_clear(&lines->text);
  buf_printf(&lines->text, SLICE_FMT ": ", SLICE_ARG(ruleset->schemas[rule->on_type].name));
  explain_condition((void *)(uintptr_t)ruleset, &lines->text, &rule->on_condition);
  buf_str(out, "digraph ");
  buf_json_string(out, rule->name);
  buf_str(out, " {\n  rankdir=LR;\n  start [shape=circle];\n  end [shape=doublecircle];\n  start -> end [label=");
  buf_json_string(out, buf_view(&lines->text));
  buf_str(out, "];\n}\n");
}

void explain_rule(struct buf *out, const struct ruleset *ruleset, const struct rule *rule, enum explain_form form) {
  struct explain_lines lines = {0};
  buf_init(&lines.text, out->mem);
  switch (form) {
  case EXPLAIN_TEXT: rule_text(out, ruleset, rule, &lines); break;
  case EXPLAIN_JSON: rule_json(out, ruleset, rule, &lines); break;
  case EXPLAIN_DOT: rule_dot(out, ruleset, rule, &lines); break;
  }
  buf_free(&lines.text);
}

/* ---- the whole rule set ---- */

static const char *const not_run = "has constructs that this version checks but does not run";

static bool wanted(struct slice only, struct slice name) { return only.data == NULL || slice_equal(only, name); }

/* Rules that were left out of the rule set. */
static bool left_out(struct buf *out, const struct tree *tree, struct slice only, enum explain_form form) {
  bool any = false;
  for (uint16_t r = 0; r < tree->rule_count; r++) {
    struct slice name = tree->rules[r]->name.text;
    if (!tree->rules[r]->not_yet || !wanted(only, name)) continue;
    if (form == EXPLAIN_JSON) {
      buf_str(out, any ? ",{\"rule\":" : "{\"rule\":");
      buf_json_string(out, name);
      buf_printf(out, ",\"why\":\"%s\"}", not_run);
    } else if (form == EXPLAIN_TEXT) {
      buf_printf(out, "rule " SLICE_FMT " %s.\n", SLICE_ARG(name), not_run);
    }
    any = true;
  }
  return any;
}

static bool all_rules(struct buf *out, const struct ruleset *ruleset, struct slice only, enum explain_form form) {
  bool any = false;
  for (uint16_t r = 0; r < ruleset->rule_count; r++) {
    if (!wanted(only, ruleset->rules[r].name)) continue;
    if (any && form == EXPLAIN_TEXT) buf_byte(out, '\n');
    if (any && form == EXPLAIN_JSON) buf_byte(out, ',');
    explain_rule(out, ruleset, &ruleset->rules[r], form);
    any = true;
  }
  return any;
}

/* What is no rule's: a section for each kind, its lines as text or JSON strings. */
static const struct whole {
  const char *key;
  void (*lines)(struct explain_lines *lines, const struct ruleset *ruleset);
} wholes[] = {
    {"derived", explain_derived}, {"groups", explain_groups}, {"lists", explain_lists}, {"tables", explain_tables}};

static void all_data(struct buf *out, const struct ruleset *ruleset, bool json) {
  struct explain_lines lines = {0};
  bool begun = false;
  buf_init(&lines.text, out->mem);
  for (size_t w = 0; w < sizeof wholes / sizeof *wholes; w++) {
    buf_clear(&lines.text);
    wholes[w].lines(&lines, ruleset);
    if (json) buf_printf(out, ",\"%s\":[", wholes[w].key);
    struct slice rest = buf_view(&lines.text);
    for (bool first = true; rest.length > 0; first = false) {
      struct slice line = next_line(&rest);
      if (json && !first) buf_byte(out, ',');
      if (json)
        buf_json_string(out, line);
      else
        buf_printf(out, "%s" SLICE_FMT "\n", begun ? "" : "\n", SLICE_ARG(line));
      begun = true;
    }
    if (json) buf_byte(out, ']');
  }
  buf_free(&lines.text);
}

bool explain_ruleset(struct buf *out, const struct ruleset *ruleset, struct slice rule, enum explain_form form) {
  bool json = form == EXPLAIN_JSON;
  if (json) buf_str(out, "{\"rules\":[");
  bool found = all_rules(out, ruleset, rule, form);
  if (json) buf_str(out, "],\"not_run\":[");
  if (found && form == EXPLAIN_TEXT && rule.data == NULL) buf_byte(out, '\n');
  size_t before = out->length;
  found |= left_out(out, ruleset->tree, rule, form);
  if (form == EXPLAIN_TEXT && rule.data == NULL && before == out->length && out->length > 0)
    out->length--; /* no list, no empty line */
  if (json) buf_byte(out, ']');
  if (form != EXPLAIN_DOT && (json || rule.data == NULL)) all_data(out, ruleset, json);
  if (json) buf_str(out, "}\n");
  return found || rule.data == NULL;
}
