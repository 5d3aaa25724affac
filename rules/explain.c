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

/* Whether the rule, or a part of it, has the key. */
static bool has_key(const struct ruleset *ruleset, uint16_t number, uint16_t key_space) {
  const struct rule *rule = &ruleset->rules[number];
  bool has = rule->key_space == key_space;
  for (uint16_t p = 0; rule->parts != NULL && p + 1 < rule->parts->count; p++)
    has |= ruleset->rules[rule->parts->first + p].key_space == key_space;
  return has;
}

static void explain_key(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  const struct key_space *space = &ruleset->spaces[rule->key_space];
  uint32_t sharing = 0;
  for (uint16_t r = 0; r < ruleset->named_rule_count; r++) sharing += has_key(ruleset, r, rule->key_space);
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
  bool by_part; /* said of each part of a rule whose key changes; else of the last one, which tells */
} sections[] = {
    {"about", "About", NULL, explain_about, false},
    {"does", "What it does", NULL, explain_steps, false},
    {"key", "Key", NULL, explain_key, true},
    {"bounds", "Time bounds", explain_bounds, NULL, false},
    {"report", "Which matches are told", explain_report, NULL, false},
    {"after_match", "After a match", explain_after, NULL, false},
    {"tells", "What an alert has", NULL, explain_tells, false},
    {"suppress", "Suppression", explain_suppress, NULL, false},
    {"counters", "Counters", NULL, explain_counters, true},
    {"stages", "Stages", NULL, explain_stages, true},
    {"execution", "Execution", explain_mode, NULL, true},
    {"program", "Program", NULL, explain_program, true},
    {"conditions", "Conditions and how they are found", NULL, explain_predicates, true},
    {"state", "State", NULL, explain_state, true},
    {"cost", "Cost of an event", NULL, explain_cost, true},
    {"delay", "Delay", NULL, explain_delay, false},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

static void write_section(struct explain_lines *lines, const struct section *section, const struct ruleset *ruleset,
                          const struct rule *rule) {
  if (section->of_rule != NULL)
    section->of_rule(lines, rule);
  else
    section->of_ruleset(lines, ruleset, rule);
}

/* The lines behind `start` move to the right. */
static void indent(struct explain_lines *lines, size_t start) {
  struct buf *text = &lines->text;
  for (size_t i = start; i < text->length; i++) {
    if (i > start && text->data[i - 1] != '\n') continue;
    buf_str(text, "  ");
    memmove(text->data + i + 2, text->data + i, text->length - i - 2);
    memcpy(text->data + i, "  ", 2);
  }
}

static void fill(struct explain_lines *lines, const struct section *section, const struct ruleset *ruleset,
                 const struct rule *rule) {
  buf_clear(&lines->text);
  lines->count = 0;
  uint16_t parts = section->by_part && rule->parts != NULL ? rule->parts->count : 0;
  if (parts == 0) write_section(lines, section, ruleset, rule);
  for (uint16_t p = 0; p < parts; p++) {
    size_t head = lines->text.length;
    explain_line(lines, "part %u of %u:", p + 1u, parts);
    size_t start = lines->text.length;
    write_section(lines, section, ruleset, explain_part(ruleset, rule, p));
    indent(lines, start);
    if (lines->text.length == start) lines->text.length = head; /* nothing to say */
  }
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

void explain_section(struct buf *out, const char *key, const char *title, const struct explain_lines *lines,
                     bool json) {
  struct slice rest = buf_view(&lines->text);
  if (json)
    buf_printf(out, ",\"%s\":[", key);
  else if (rest.length > 0)
    buf_printf(out, "  %s:\n", title);
  for (bool first = true; rest.length > 0; first = false) {
    struct slice line = next_line(&rest);
    if (!json) {
      buf_printf(out, "    " SLICE_FMT "\n", SLICE_ARG(line));
      continue;
    }
    if (!first) buf_byte(out, ',');
    buf_json_string(out, line);
  }
  if (json) buf_byte(out, ']');
}

static void rule_lines(struct buf *out, const struct ruleset *ruleset, const struct rule *rule,
                       struct explain_lines *lines, bool json) {
  if (json) {
    buf_str(out, "{\"rule\":");
    buf_json_string(out, rule->name);
    if (rule->has_description) buf_str(out, ",\"description\":"), buf_json_string(out, rule->description);
  } else {
    buf_printf(out, "rule " SLICE_FMT, SLICE_ARG(rule->name));
    if (rule->has_description) buf_printf(out, ": " SLICE_FMT, SLICE_ARG(rule->description));
    buf_byte(out, '\n');
  }
  for (int s = 0; s < SECTIONS; s++) {
    fill(lines, &sections[s], ruleset, rule);
    explain_section(out, sections[s].key, sections[s].title, lines, json);
  }
  if (json) buf_byte(out, '}');
}

static void rule_dot(struct buf *out, const struct ruleset *ruleset, const struct rule *rule,
                     struct explain_lines *lines) {
  for (uint16_t p = 0; rule->pattern != NULL && p < (rule->parts == NULL ? 1 : rule->parts->count); p++) {
    const struct rule *part = rule->parts == NULL ? rule : explain_part(ruleset, rule, p);
    buf_clear(&lines->text);
    buf_slice(&lines->text, part->name);
    pattern_dot(out, part->pattern, buf_text(&lines->text), explain_condition, (void *)(uintptr_t)ruleset);
  }
  if (rule->pattern != NULL) return;
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
  case EXPLAIN_TEXT:
  case EXPLAIN_JSON: rule_lines(out, ruleset, rule, &lines, form == EXPLAIN_JSON); break;
  case EXPLAIN_DOT: rule_dot(out, ruleset, rule, &lines); break;
  }
  buf_free(&lines.text);
}

/* ---- the whole rule set ---- */

static const char *const not_run = "has constructs that this version checks but does not run";

/* Rules that were left out of the rule set. */
static bool left_out(struct buf *out, const struct tree *tree, struct slice only, enum explain_form form) {
  bool any = false;
  for (uint16_t r = 0; r < tree->rule_count; r++) {
    struct slice name = tree->rules[r]->name.text;
    if (!tree->rules[r]->not_yet || !explain_wanted(only, name)) continue;
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

/* Between two of a kind. */
static void separate(struct buf *out, bool any, enum explain_form form) {
  if (any && form == EXPLAIN_TEXT) buf_byte(out, '\n');
  if (any && form == EXPLAIN_JSON) buf_byte(out, ',');
}

static bool all_rules(struct buf *out, const struct ruleset *ruleset, struct slice only, enum explain_form form) {
  bool any = false;
  for (uint16_t r = 0; r < ruleset->named_rule_count; r++) {
    if (!explain_wanted(only, ruleset->rules[r].name)) continue;
    separate(out, any, form);
    explain_rule(out, ruleset, &ruleset->rules[r], form);
    any = true;
  }
  return any;
}

static bool all_groups(struct buf *out, const struct ruleset *ruleset, struct slice only, enum explain_form form) {
  bool any = false;
  for (uint16_t g = 0; g < ruleset->group_count; g++) {
    if (!explain_wanted(only, ruleset->groups[g].name)) continue;
    separate(out, any || (form == EXPLAIN_TEXT && out->length > 0), form);
    explain_group(out, ruleset, &ruleset->groups[g], form);
    any = true;
  }
  return any;
}

/* A line for each, all of a kind: its lines as text or JSON strings. */
static const struct whole {
  const char *key;
  void (*lines)(struct explain_lines *lines, const struct ruleset *ruleset, struct slice only);
} wholes[] = {
    {"derived", explain_derived}, {"lists", explain_lists}, {"tables", explain_tables}, {"actions", explain_actions}};

static void add_lines(struct buf *out, const struct explain_lines *lines, bool json) {
  struct slice rest = buf_view(&lines->text);
  for (bool first = true; rest.length > 0; first = false) {
    struct slice line = next_line(&rest);
    if (json && !first) buf_byte(out, ',');
    if (json)
      buf_json_string(out, line);
    else
      buf_printf(out, SLICE_FMT "\n", SLICE_ARG(line));
  }
}

static void all_data(struct buf *out, const struct ruleset *ruleset, bool json) {
  struct explain_lines lines = {0};
  bool begun = false;
  buf_init(&lines.text, out->mem);
  for (size_t w = 0; w < sizeof wholes / sizeof *wholes; w++) {
    buf_clear(&lines.text);
    wholes[w].lines(&lines, ruleset, (struct slice){0});
    if (json) buf_printf(out, ",\"%s\":[", wholes[w].key);
    if (!json && !begun && lines.text.length > 0) buf_byte(out, '\n');
    begun |= lines.text.length > 0;
    add_lines(out, &lines, json);
    if (json) buf_byte(out, ']');
  }
  buf_free(&lines.text);
}

/* What is called `name` and is neither a rule nor a group. */
static bool others(struct buf *out, const struct ruleset *ruleset, struct slice name, bool json) {
  struct explain_lines lines = {0};
  buf_init(&lines.text, out->mem);
  explain_others(&lines, ruleset, name);
  bool any = lines.text.length > 0;
  if (json) buf_str(out, ",\"others\":[");
  if (any && !json && out->length > 0) buf_byte(out, '\n');
  add_lines(out, &lines, json);
  if (json) buf_byte(out, ']');
  buf_free(&lines.text);
  return any;
}

bool explain_ruleset(struct buf *out, const struct ruleset *ruleset, struct slice only, enum explain_form form) {
  bool json = form == EXPLAIN_JSON;
  if (json) buf_str(out, "{\"rules\":[");
  bool found = all_rules(out, ruleset, only, form);
  if (json) buf_str(out, "],\"not_run\":[");
  if (found && form == EXPLAIN_TEXT && only.data == NULL) buf_byte(out, '\n');
  size_t before = out->length;
  found |= left_out(out, ruleset->tree, only, form);
  if (form == EXPLAIN_TEXT && only.data == NULL && before == out->length && out->length > 0)
    out->length--; /* no list, no empty line */
  if (json) buf_str(out, "],\"groups\":[");
  found |= all_groups(out, ruleset, only, form);
  if (json) buf_byte(out, ']');
  if (form != EXPLAIN_DOT && only.data == NULL) all_data(out, ruleset, json);
  if (form != EXPLAIN_DOT && only.data != NULL) found |= others(out, ruleset, only, json);
  if (json) buf_str(out, "}\n");
  return found || only.data == NULL;
}
