/* explain_words.c - what a rule does, as sentences that an analyst reads aloud. */
#include "base/time_text.h"
#include "rules/action.h"
#include "rules/explain_core.h"
#include "rules/print.h"

enum { INDENT = 3 };

/* ---- steps ---- */

struct words {
  struct explain_lines *lines;
  const struct rule_tree *tree;
};

static bool has_plural(const struct element *element) { return element->max != 1; }

static void quantity(struct buf *out, const struct element *element) {
  int32_t min = element->min, max = element->max;
  if (max == TIMES_UNLIMITED && min == 0)
    buf_str(out, "any number of");
  else if (max == TIMES_UNLIMITED)
    buf_printf(out, "%d or more", min);
  else if (min == 0 && max == 1)
    buf_str(out, "perhaps one");
  else if (min == max && max == 1)
    buf_str(out, "one");
  else if (min == max)
    buf_printf(out, "exactly %d", min);
  else
    buf_printf(out, "%d to %d", min, max);
}

static void connector(struct buf *out, const struct element *element) {
  switch (element->connector) {
  case CONNECT_THEN: buf_str(out, "then "); break;
  case CONNECT_THEN_ANY: buf_str(out, "then, at any later event that fits (each choice is followed), "); break;
  case CONNECT_NEXT:
    if (element->among == NULL) {
      buf_str(out, "as the very next event ");
    } else {
      buf_str(out, "as the very next event with ");
      print_expr(out, element->among);
      buf_byte(out, ' ');
    }
    break;
  default: break;
  }
}

/* What stands behind a quantifier. */
static void manner(struct buf *out, const struct element *element) {
  bool group = element->kind == ELEMENT_GROUP;
  if (element->strict)
    buf_str(out, group ? ", each round directly after the one before" : ", directly one after the other");
  if (element->greedy) buf_str(out, ", as many as can be had before anything else is tried (greedy)");
  if (element->each) buf_str(out, ", and every number of them makes a match of its own");
  if (element->any) buf_str(out, ", and every choice of them makes a match of its own");
  if (element->gap_us >= 0) {
    buf_str(out, ", at most ");
    explain_duration(out, element->gap_us);
    buf_str(out, element->has_quantifier ? " between two of them" : " after the event before");
  }
  if (element->until != NULL) {
    buf_str(out, group ? ", until an event with " : ", until one with ");
    print_expr(out, element->until);
    buf_str(out, group ? " bars further rounds" : " closes it");
  }
}

static void event_words(struct buf *out, const struct use *use, bool plural) {
  buf_printf(out, SLICE_FMT " %s", SLICE_ARG(use->event.text), plural ? "events" : "event");
  if (use->condition == NULL) return;
  buf_str(out, " with ");
  print_expr(out, use->condition);
}

static void step_words(struct buf *out, const struct element *element) {
  connector(out, element);
  if (element->name.text.length > 0) buf_printf(out, SLICE_FMT ": ", SLICE_ARG(element->name.text));
  quantity(out, element);
  buf_byte(out, ' ');
  event_words(out, &element->use, has_plural(element));
  const struct rekey *rekey = element->rekey;
  if (rekey != NULL)
    buf_printf(out, ", whose " SLICE_FMT " is " SLICE_FMT "." SLICE_FMT " (the key from here on)",
               SLICE_ARG(rekey->field.text), SLICE_ARG(rekey->step.text), SLICE_ARG(rekey->step_field.text));
  manner(out, element);
}

static void absence_words(struct buf *out, const struct element *element) {
  if (element->for_us >= 0) {
    buf_str(out, "then, for ");
    explain_duration(out, element->for_us);
    buf_str(out, ", no ");
    event_words(out, &element->use, false);
    buf_str(out, "; the match is complete when that time has passed");
    return;
  }
  buf_str(out, element->connector == CONNECT_NEXT_NO ? "where the very next event is no " : "with no ");
  event_words(out, &element->use, false);
  if (element->connector != CONNECT_NEXT_NO) buf_str(out, " in between");
}

static void container_words(struct buf *out, const struct element *element) {
  connector(out, element);
  bool once = element->min == 1 && element->max == 1;
  switch (element->kind) {
  case ELEMENT_OR: buf_str(out, "one of these"); break;
  case ELEMENT_AND: buf_str(out, "all of these, in any order"); break;
  default: buf_str(out, once ? "the following" : "rounds of the following"); break;
  }
  if (!once) {
    buf_str(out, element->max == 1 ? " or not at all" : ", ");
    if (element->max != 1) {
      quantity(out, element);
      if (element->min == 0 && element->max == TIMES_UNLIMITED) buf_str(out, " rounds");
    }
  }
  manner(out, element);
  buf_byte(out, ':');
}

/* Recursion follows the pattern, whose depth is limited (PATTERN_DEPTH_MAX). */
static void element_words(struct words *words, const struct element *element, uint32_t number, uint32_t depth) {
  struct buf *out = &words->lines->text;
  for (uint32_t i = 0; i < 2 + depth * INDENT; i++) buf_byte(out, ' ');
  buf_printf(out, "%u. ", number);
  switch (element->kind) {
  case ELEMENT_STEP: step_words(out, element); break;
  case ELEMENT_ABSENCE: absence_words(out, element); break;
  default: container_words(out, element); break;
  }
  explain_end(words->lines);
  for (uint16_t i = 0; i < element->child_count; i++) element_words(words, element->children[i], i + 1u, depth + 1);
}

static void key_words(struct explain_lines *lines, const struct rule_tree *tree) {
  if (tree->key == NULL || tree->key->none) {
    buf_str(&lines->text, tree->pattern == NULL ? "For every event:" : "Over all events together, without a key:");
  } else {
    buf_str(&lines->text, tree->key->part_count == 1 ? "For each " : "For each combination of ");
    print_key(&lines->text, tree->key);
    buf_byte(&lines->text, ':');
  }
  explain_end(lines);
}

void explain_steps(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  const struct rule_tree *tree = rule->tree;
  (void)ruleset;
  key_words(lines, tree);
  if (tree->pattern != NULL) {
    struct words words = {.lines = lines, .tree = tree};
    for (uint16_t i = 0; i < tree->pattern->child_count; i++)
      element_words(&words, tree->pattern->children[i], i + 1u, 0);
    return;
  }
  buf_str(&lines->text, "  1. one ");
  event_words(&lines->text, &tree->on, false);
  if (tree->when != NULL) {
    buf_str(&lines->text, tree->on.condition == NULL ? " with " : ", when ");
    print_expr(&lines->text, tree->when);
  }
  explain_end(lines);
}

/* ---- the rest ---- */

/* Its place among the actions, too. */
static void action_words(struct buf *out, const struct actions_tree *declared, const struct rule *rule) {
  buf_printf(out, "action " SLICE_FMT, SLICE_ARG(rule->action));
  if (rule->action_for_us > 0) {
    buf_str(out, " for ");
    explain_duration(out, rule->action_for_us);
  }
  buf_printf(out, " (%d of %u: ", (int)action_rank(declared, rule->action) + 1, (unsigned)action_count(declared));
  action_order(out, declared);
  buf_str(out, "), ");
}

void explain_about(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  static const char *const severities[] = {NULL, "low", "medium", "high", "critical"};
  struct buf *out = &lines->text;
  size_t start = out->length;
  if (rule->severity != SEVERITY_NONE) buf_printf(out, "severity %s, ", severities[rule->severity]);
  if (rule->has_score) buf_printf(out, "score %lld, ", (long long)rule->score);
  if (rule->action.length > 0) action_words(out, ruleset->tree->actions, rule);
  if (rule->owner.length > 0) buf_printf(out, "owner " SLICE_FMT ", ", SLICE_ARG(rule->owner));
  if (rule->runbook.length > 0) buf_printf(out, "runbook " SLICE_FMT ", ", SLICE_ARG(rule->runbook));
  for (uint16_t i = 0; i < rule->tag_count; i++) buf_printf(out, "tag " SLICE_FMT ", ", SLICE_ARG(rule->tags[i]));
  if (rule->to_nothing) buf_str(out, "told to nobody, ");
  for (uint16_t i = 0; i < rule->sink_count; i++)
    buf_printf(out, "%s" SLICE_FMT ", ", i == 0 ? "told to " : "", SLICE_ARG(rule->sinks[i]));
  if (rule->mode == MODE_SHADOW) buf_str(out, "mode shadow (told as such), ");
  if (rule->mode == MODE_OFF) buf_str(out, "mode off (it sees no events), ");
  if (out->length == start) return;
  out->length -= 2;
  explain_end(lines);
}

static bool has_trailing(const struct rule_tree *tree, int64_t *for_us) {
  const struct element *pattern = tree->pattern;
  if (pattern == NULL || pattern->child_count == 0) return false;
  *for_us = pattern->children[pattern->child_count - 1]->for_us;
  return pattern->children[pattern->child_count - 1]->kind == ELEMENT_ABSENCE && *for_us >= 0;
}

void explain_bounds(struct explain_lines *lines, const struct rule *rule) {
  int64_t for_us;
  if (rule->within_us >= 0) {
    buf_str(&lines->text, "From the first event to the last at most ");
    explain_duration(&lines->text, rule->within_us);
    if (has_trailing(rule->tree, &for_us)) buf_str(&lines->text, "; the wait at the end comes after that");
    buf_byte(&lines->text, '.');
    explain_end(lines);
  }
}

void explain_report(struct explain_lines *lines, const struct rule *rule) {
  if (rule->on) return;
  switch (rule->report) {
  case PATTERN_REPORT_ALL:
    explain_line(lines,
                 "All that are complete at one event or deadline (report all); where there are more than %lld, only "
                 "the one that began first.",
                 (long long)rule->tree->report_limit);
    break;
  case PATTERN_REPORT_LONGEST:
    explain_line(lines, "For each start the one with most events, once it can grow no more (report longest).");
    break;
  case PATTERN_REPORT_TIMEOUT:
    explain_line(lines, "Of those complete at one event or deadline the one that began first, and also what `within` "
                        "ended before it was complete (report timeout).");
    break;
  case PATTERN_REPORT_TIMEOUT_ONLY:
    explain_line(lines, "Only what `within` ended before it was complete (report timeout only).");
    break;
  default: explain_line(lines, "Of those complete at one event or deadline the one that began first (report first).");
  }
  if (rule->parts != NULL)
    explain_line(lines, "That is said of the last part, which begins with a match of the one before; parts before it "
                        "hand on all their matches.");
}

void explain_after(struct explain_lines *lines, const struct rule *rule) {
  const struct rule_tree *tree = rule->tree;
  if (rule->on) return;
  enum after_match after = tree->after;
  if (after == AFTER_DEFAULT) after = tree->report == REPORT_ALL ? AFTER_OVERLAP : AFTER_PAST_LAST;
  switch (after) {
  case AFTER_TO_NEXT:
    explain_line(lines, "The next match of the key begins after the first event of the one told (skip to next).");
    break;
  case AFTER_TO_FIRST:
  case AFTER_TO_LAST:
    explain_line(lines, "The next match of the key begins at the %s event of " SLICE_FMT " or later (skip to %s).",
                 after == AFTER_TO_FIRST ? "first" : "last", SLICE_ARG(tree->rare->after_step.text),
                 after == AFTER_TO_FIRST ? "first" : "last");
    break;
  case AFTER_OVERLAP: explain_line(lines, "Matches may overlap: nothing is skipped."); break;
  default:
    explain_line(lines, "The next match of the key begins after the last event of the one told (skip past last).");
  }
}

void explain_tells(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  const struct rule_tree *tree = rule->tree;
  (void)ruleset;
  for (uint16_t i = 0; i < tree->emit_count; i++) {
    buf_printf(&lines->text, SLICE_FMT " = ", SLICE_ARG(tree->emit[i].name.text));
    print_expr(&lines->text, tree->emit[i].expr);
    if (rule->emit[i].secret != SECRET_NONE)
      buf_str(&lines->text, rule->emit[i].secret == SECRET_HASH ? " (told as a keyed hash)" : " (told masked)");
    explain_end(lines);
  }
  if (tree->message.length > 0) {
    buf_str(&lines->text, "message ");
    print_string(&lines->text, tree->message);
    explain_end(lines);
  }
  if (rule->with_because) explain_line(lines, "the conditions of the completing step with their values (with because)");
  if (rule->matched_fields) explain_line(lines, "all fields of the matched events (matched fields)");
}

void explain_suppress(struct explain_lines *lines, const struct rule *rule) {
  if (rule->suppress_us < 0) return;
  buf_str(&lines->text, "After an alert, those of the same key are only counted for ");
  explain_duration(&lines->text, rule->suppress_us);
  if (rule->tree->suppress_unless != NULL) {
    buf_str(&lines->text, ", unless ");
    print_expr(&lines->text, rule->tree->suppress_unless);
  }
  buf_byte(&lines->text, '.');
  explain_end(lines);
}
