/* print_rule.c - patterns and rules in the one layout. */
#include "rules/print_core.h"

#include "base/number_text.h"
#include "base/time_text.h"

/* ---- patterns ---- */

static const char *connector_text(enum connector connector) {
  switch (connector) {
  case CONNECT_THEN: return "then";
  case CONNECT_THEN_ANY: return "then any";
  case CONNECT_NEXT: return "next";
  case CONNECT_THEN_NO: return "then no";
  case CONNECT_NEXT_NO: return "next no";
  default: return "match";
  }
}

void print_quantifier(struct buf *out, const struct element *element) {
  int min = element->min, max = element->max;
  if (element->has_quantifier) {
    if (max == TIMES_UNLIMITED && min <= 1)
      buf_byte(out, min == 1 ? '+' : '*');
    else if (min == 0 && max == 1)
      buf_byte(out, '?');
    else if (max == TIMES_UNLIMITED)
      buf_printf(out, " {%d,}", min);
    else if (min == max)
      buf_printf(out, " {%d}", min);
    else
      buf_printf(out, " {%d,%d}", min, max);
  }
  if (element->strict) buf_str(out, " strict");
  if (element->each) buf_str(out, " each");
  if (element->any) buf_str(out, " any");
  if (element->greedy) buf_str(out, " greedy");
  if (element->until != NULL) {
    buf_str(out, " until (");
    print_expr(out, element->until);
    buf_byte(out, ')');
  }
  if (element->gap_us >= 0) buf_str(out, " gap "), print_duration(out, element->gap_us);
}

/* What stands behind a step's use. */
static void print_step_tail(struct buf *out, const struct element *element) {
  if (element->rekey != NULL)
    buf_printf(out, " at key " SLICE_FMT " == " SLICE_FMT "." SLICE_FMT, SLICE_ARG(element->rekey->field.text),
               SLICE_ARG(element->rekey->step.text), SLICE_ARG(element->rekey->step_field.text));
  if (element->among != NULL) {
    buf_str(out, " among (");
    print_expr(out, element->among);
    buf_byte(out, ')');
  }
  if (element->for_us >= 0) buf_str(out, " for "), print_duration(out, element->for_us);
  print_quantifier(out, element);
}

static void print_step_name(struct buf *out, const struct element *element, size_t columns) {
  if (element->name.text.length == 0) return;
  buf_slice(out, element->name.text);
  if (element->name.text.length < columns) print_spaces(out, columns - element->name.text.length);
  buf_str(out, " = ");
}

void print_element(struct buf *out, const struct element *element) {
  if (element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE) {
    print_step_name(out, element, 0);
    print_use(out, &element->use);
    print_step_tail(out, element);
    return;
  }
  buf_byte(out, '(');
  for (uint16_t i = 0; i < element->child_count; i++) {
    const struct element *child = element->children[i];
    if (i > 0) {
      buf_byte(out, ' ');
      buf_str(out, element->kind == ELEMENT_OR    ? "or"
                   : element->kind == ELEMENT_AND ? "and"
                                                  : connector_text(child->connector));
      buf_byte(out, ' ');
    }
    print_element(out, child);
  }
  buf_byte(out, ')');
  print_quantifier(out, element);
}

/* The whole pattern: one line for each part, the steps' names below each other. */
static void print_pattern(struct printer *printer, const struct element *pattern) {
  size_t columns = 0;
  for (uint16_t i = 0; i < pattern->child_count; i++) {
    size_t length = pattern->children[i]->name.text.length;
    if (length > columns && length <= PRINT_NAME_COLUMNS) columns = length;
  }
  for (uint16_t i = 0; i < pattern->child_count; i++) {
    const struct element *element = pattern->children[i];
    print_comments(printer, element->comments, 2, false);
    print_spaces(&printer->line, 2);
    print_padded(printer, slice_of(connector_text(element->connector)), PRINT_CLAUSE_COLUMNS);
    if (element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE) {
      print_step_name(&printer->line, element, columns);
      print_use_wrapped(printer, &element->use);
      print_step_tail(&printer->line, element);
    } else {
      print_element(&printer->line, element);
    }
    print_line_end(printer, element->comments);
  }
}

/* ---- clauses ---- */

/* Whether a `within` behind the expression would be read as part of its `over last N`. */
static bool takes_within(const struct tree_expr *expr) {
  for (;;) { /* down the right edge: at most TREE_DEPTH_MAX turns */
    switch (expr->kind) {
    case TREE_COUNTING:
      return expr->counting->over == SPAN_LAST && expr->counting->over_us < 0 && !expr->counting->approx;
    case TREE_NEGATE:
    case TREE_NOT:
    case TREE_AND:
    case TREE_OR:
    case TREE_BINARY:
    case TREE_COALESCE:
    case TREE_BETWEEN: expr = expr->items[expr->item_count - 1]; break;
    default: return false;
    }
  }
}

static void print_when(struct printer *printer, const struct rule_tree *rule) {
  bool within_follows = (rule->given & 1u << CLAUSE_WITHIN) != 0 && (rule->given & 1u << CLAUSE_MATCH) == 0;
  bool parentheses = within_follows && takes_within(rule->when);
  if (parentheses) buf_byte(&printer->line, '(');
  print_expr_wrapped(printer, rule->when);
  if (parentheses) buf_byte(&printer->line, ')');
}

static void print_active(struct buf *out, const struct rule_tree *rule) {
  if (rule->rare->active_from_given) {
    buf_str(out, "from @");
    time_write(out, rule->rare->active_from_us);
  }
  if (rule->rare->active_until_given) {
    buf_str(out, rule->rare->active_from_given ? " until @" : "until @");
    time_write(out, rule->rare->active_until_us);
  }
}

static void print_after(struct buf *out, const struct rule_tree *rule) {
  switch (rule->after) {
  case AFTER_OVERLAP: buf_str(out, "match overlap"); return;
  case AFTER_TO_NEXT: buf_str(out, "match skip to next"); return;
  case AFTER_TO_FIRST: buf_str(out, "match skip to first "); break;
  case AFTER_TO_LAST: buf_str(out, "match skip to last "); break;
  default: buf_str(out, "match skip past last"); return;
  }
  buf_slice(out, rule->rare->after_step.text);
}

static void print_list_action(struct buf *out, const struct list_action *action, const char *between) {
  buf_printf(out, SLICE_FMT " %s " SLICE_FMT, SLICE_ARG(action->field.text), between, SLICE_ARG(action->list.text));
  if (action->for_us >= 0) buf_str(out, " for "), print_duration(out, action->for_us);
}

static void print_to(struct printer *printer, const struct rule_tree *rule) {
  struct print_rows rows;
  print_rows_begin(&rows, printer);
  if (rule->to_nothing) print_rows_item(&rows, SLICE("nothing"), "", 0);
  for (uint16_t i = 0; i < rule->to_count; i++) {
    buf_clear(&printer->flat);
    if (rule->to_quoted[i])
      print_string(&printer->flat, rule->to[i].text);
    else
      buf_slice(&printer->flat, rule->to[i].text);
    print_rows_item(&rows, buf_view(&printer->flat), i + 1 < rule->to_count ? "," : "", 0);
  }
}

static void print_tags(struct printer *printer, const struct rule_tree *rule) {
  struct print_rows rows;
  print_rows_begin(&rows, printer);
  for (uint16_t i = 0; i < rule->tag_count; i++) {
    buf_clear(&printer->flat);
    print_string(&printer->flat, rule->tags[i]);
    print_rows_item(&rows, buf_view(&printer->flat), i + 1 < rule->tag_count ? "," : "", 0);
  }
}

static const char *const clause_words[CLAUSES] = {
    "severity", "score", "action",  "mode",  "canary", "active",   "schedule", "owner", "runbook", "tags",
    "cold",     "with",  "matched", "allow", "on",     "key",      "when",     "match", "within",  "report",
    "after",    "emit",  "message", "add",   "remove", "suppress", "to",       "on",
};
static const char *const severities[] = {"", "low", "medium", "high", "critical"};
static const char *const modes[] = {"", "live", "shadow", "off"};
static const char *const reports[] = {"first", "all", "longest", "timeout", "timeout only"};
static const char *const changes[] = {"", "change carry", "change finish", "change drop"};

/* The clauses that say how a rule is told and run: all behind the word. */
static void print_plain_clause(struct printer *printer, const struct rule_tree *rule, enum clause clause) {
  struct buf *out = &printer->line;
  switch (clause) {
  case CLAUSE_SEVERITY: buf_str(out, severities[rule->severity]); break;
  case CLAUSE_SCORE: number_write_int(out, rule->score); break;
  case CLAUSE_ACTION:
    buf_slice(out, rule->rare->action.text);
    if (rule->rare->action_for_us >= 0) buf_str(out, " for "), print_duration(out, rule->rare->action_for_us);
    break;
  case CLAUSE_MODE: buf_str(out, modes[rule->mode]); break;
  case CLAUSE_CANARY: buf_printf(out, "%lld%%", (long long)rule->rare->canary_percent); break;
  case CLAUSE_ACTIVE: print_active(out, rule); break;
  case CLAUSE_SCHEDULE:
    print_string(out, rule->rare->schedule);
    if (rule->rare->schedule_zone.data != NULL) buf_str(out, " zone "), print_string(out, rule->rare->schedule_zone);
    break;
  case CLAUSE_OWNER: print_string(out, rule->rare->owner); break;
  case CLAUSE_RUNBOOK: print_string(out, rule->rare->runbook); break;
  case CLAUSE_TAGS: print_tags(printer, rule); break;
  case CLAUSE_COLD_OK: buf_str(out, "ok"); break;
  case CLAUSE_BECAUSE: buf_str(out, "because"); break;
  case CLAUSE_MATCHED_FIELDS: buf_str(out, "fields"); break;
  case CLAUSE_ALLOW: print_names_wrapped(printer, rule->rare->allow, rule->rare->allow_count, ",", 0); break;
  case CLAUSE_KEY: print_key_wrapped(printer, rule->key); break;
  case CLAUSE_WITHIN: print_duration(out, rule->within_us); break;
  case CLAUSE_REPORT:
    buf_str(out, reports[rule->report]);
    if (rule->report_limit_given) buf_printf(out, " limit %lld", (long long)rule->report_limit);
    break;
  case CLAUSE_AFTER: print_after(out, rule); break;
  case CLAUSE_MESSAGE: print_string(out, rule->message); break;
  case CLAUSE_TO: print_to(printer, rule); break;
  case CLAUSE_ON_CHANGE: buf_str(out, changes[rule->on_change]); break;
  default: break;
  }
}

static const struct comment *clause_comments(const struct rule_tree *rule, enum clause clause) {
  return rule->clause_comments == NULL ? NULL : rule->clause_comments[clause];
}

static void print_emit(struct printer *printer, const struct rule_tree *rule) {
  buf_str(&printer->line, "  emit {");
  print_line_end(printer, clause_comments(rule, CLAUSE_EMIT));
  print_entries(printer, rule->emit, rule->emit_count, 4);
  print_comments(printer, rule->emit_end_comments, 4, true);
  buf_str(&printer->line, "  }");
  print_line_end(printer, NULL);
}

/* `add` and `remove`: one line for each. */
static void print_list_actions(struct printer *printer, const struct rule_tree *rule, bool add) {
  uint16_t count = add ? rule->rare->add_count : rule->rare->remove_count;
  for (uint16_t i = 0; i < count; i++) {
    print_spaces(&printer->line, 2);
    print_padded(printer, slice_of(add ? "add" : "remove"), PRINT_CLAUSE_COLUMNS);
    print_list_action(&printer->line, add ? &rule->rare->add[i] : &rule->rare->remove[i], add ? "to" : "from");
    print_line_end(printer, i + 1 == count ? clause_comments(rule, add ? CLAUSE_ADD : CLAUSE_REMOVE) : NULL);
  }
}

static void print_clause(struct printer *printer, const struct rule_tree *rule, enum clause clause) {
  const struct comment *comments = clause_comments(rule, clause);
  print_comments(printer, comments, 2, false);
  if (clause == CLAUSE_MATCH) {
    print_pattern(printer, rule->pattern);
    return;
  }
  if (clause == CLAUSE_EMIT) {
    print_emit(printer, rule);
    return;
  }
  if (clause == CLAUSE_ADD || clause == CLAUSE_REMOVE) {
    print_list_actions(printer, rule, clause == CLAUSE_ADD);
    return;
  }
  print_spaces(&printer->line, 2);
  print_padded(printer, slice_of(clause_words[clause]), PRINT_CLAUSE_COLUMNS);
  if (clause == CLAUSE_ON) {
    print_use_wrapped(printer, &rule->on);
  } else if (clause == CLAUSE_WHEN) {
    print_when(printer, rule);
  } else if (clause == CLAUSE_SUPPRESS) {
    print_duration(&printer->line, rule->suppress_us);
    if (rule->suppress_unless != NULL)
      buf_str(&printer->line, " unless "), print_expr_wrapped(printer, rule->suppress_unless);
  } else {
    print_plain_clause(printer, rule, clause);
  }
  print_line_end(printer, comments);
}

void print_rule(struct printer *printer, const struct rule_tree *rule) {
  struct buf *line = &printer->line;
  buf_str(line, "rule ");
  buf_slice(line, rule->name.text);
  if (rule->rare->was.text.length > 0) buf_str(line, " was "), buf_slice(line, rule->rare->was.text);
  if (rule->has_description) buf_byte(line, ' '), print_string(line, rule->description);
  buf_str(line, " {");
  print_line_end(printer, rule->comments);
  for (unsigned clause = 0; clause < CLAUSES; clause++)
    if ((rule->given & 1u << clause) != 0) print_clause(printer, rule, (enum clause)clause);
  print_comments(printer, rule->end_comments, 2, true);
  buf_byte(line, '}');
  print_line_end(printer, NULL);
}
