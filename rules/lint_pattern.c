/* lint_pattern.c - lints about steps: what can never be taken, what is bound too early, what costs too much. */
#include "rules/lint_private.h"

/* ---- where an element stands ---- */

struct lineage {
  const struct element *chain[PATTERN_DEPTH_MAX + 2]; /* from the root down to the element */
  int depth;
};

static bool find_lineage(const struct element *from, const struct element *wanted, struct lineage *lineage) {
  if (lineage->depth > PATTERN_DEPTH_MAX) return false;
  lineage->chain[lineage->depth++] = from;
  if (from == wanted) return true;
  for (uint16_t i = 0; i < from->child_count; i++)
    if (find_lineage(from->children[i], wanted, lineage)) return true;
  lineage->depth--;
  return false;
}

static bool repeated(const struct element *element) { return element->has_quantifier && element->max > 1; }

/* The number of steps that stand before the element in the text. */
static void count_before(const struct element *from, const struct element *wanted, int *count, bool *found) {
  if (from == wanted) *found = true;
  if (*found) return;
  if (from->kind == ELEMENT_STEP) (*count)++;
  for (uint16_t i = 0; i < from->child_count && !*found; i++) count_before(from->children[i], wanted, count, found);
}

/* ---- later-step ---- */

struct later {
  struct lint *lint;
  const struct element *element; /* whose condition it is */
  bool until;
  int before;
};

/* Whether the step may have an event when the element's condition is asked. */
static bool may_have_event(const struct later *later, const struct element *step, uint16_t index) {
  struct lineage own = {.depth = 0}, other = {.depth = 0};
  const struct rule_tree *rule = later->lint->rule;
  if (step == later->element && (later->until || repeated(step))) return true;
  if (!find_lineage(rule->pattern, later->element, &own) || !find_lineage(rule->pattern, step, &other)) return true;
  int common = 0;
  while (common < own.depth && common < other.depth && own.chain[common] == other.chain[common]) {
    if (repeated(own.chain[common]) && own.chain[common] != step) return true; /* of a round before */
    common++;
  }
  const struct element *parent = own.chain[common - 1];
  if (later->until && parent == later->element) return true; /* `until` of a group reads its steps */
  if (parent->kind == ELEMENT_AND) return true;
  if (parent->kind == ELEMENT_OR && step != later->element) return false; /* another alternative */
  return index < later->before;
}

static void find_later(void *context, struct tree_expr *expr) {
  struct later *later = context;
  struct ref ref = tree_ref(expr);
  if (ref.kind != REF_STEP_FIELD && ref.kind != REF_AGGREGATE) return;
  if (ref.kind == REF_AGGREGATE && ref.aggregate != AGG_COUNT) return; /* its argument is told */
  const struct rule_tree *rule = later->lint->rule;
  if (ref.step >= rule->step_count) return;
  const struct step_info *step = &rule->steps[ref.step];
  if (may_have_event(later, step->element, ref.step)) return;
  lint_say(later->lint, LINT_LATER_STEP, expr->span,
           step->element == later->element ? "the candidate's field has no step name before it" : NULL,
           "`" SLICE_FMT "` has no event yet when this is asked", SLICE_ARG(step->name.text));
}

static void lint_later(struct lint *lint, struct element *element) {
  struct later later = {.lint = lint, .element = element};
  bool found = false;
  count_before(lint->rule->pattern, element, &later.before, &found);
  if (element->use.condition != NULL && element->kind != ELEMENT_GROUP)
    tree_expr_walk(element->use.condition, find_later, &later);
  if (element->among != NULL) tree_expr_walk(element->among, find_later, &later);
  later.until = true;
  if (element->until != NULL) tree_expr_walk(element->until, find_later, &later);
}

/* ---- first-only ---- */

struct first_only {
  struct lint *lint;
  struct tree_expr *step; /* a step's field that this side reads */
  bool candidate;
};

static void find_sides(void *context, struct tree_expr *expr) {
  struct first_only *search = context;
  enum ref_kind kind = tree_ref(expr).kind;
  if (kind == REF_FIELD || kind == REF_LIST_FIELD) search->candidate = true;
  if (expr->kind == TREE_PATH && expr->ref.kind == REF_STEP_FIELD) search->step = expr;
}

struct comparisons {
  struct lint *lint;
  int before; /* steps before the element whose condition it is */
};

static void find_first_only(void *context, struct tree_expr *expr) {
  const struct comparisons *comparisons = context;
  struct lint *lint = comparisons->lint;
  if (expr->kind != TREE_BINARY || expr->op < EXPR_EQUAL || expr->op > EXPR_GREATER_EQUAL) return;
  struct first_only sides[2] = {{lint, NULL, false}, {lint, NULL, false}};
  for (int i = 0; i < 2; i++) tree_expr_walk(expr->items[i], find_sides, &sides[i]);
  for (int i = 0; i < 2; i++) {
    const struct tree_expr *read = sides[i].step;
    if (read == NULL || !sides[1 - i].candidate || read->ref.step == 0 || read->ref.step >= comparisons->before)
      continue;
    const struct step_info *step = &lint->rule->steps[read->ref.step];
    if (step->element == NULL || step->element->connector != CONNECT_THEN || step->element->has_quantifier) continue;
    lint_say(lint, LINT_FIRST_ONLY, expr->span,
             arena_printf(lint->arena, "`then any " SLICE_FMT "` tries every candidate",
                          SLICE_ARG(step->element->use.event.text)),
             "`then` binds `" SLICE_FMT "` to the first event that fits: others are not compared",
             SLICE_ARG(step->name.text));
    return;
  }
}

/* ---- unreachable-step ---- */

static bool plain_step(const struct element *element) {
  return element->kind == ELEMENT_STEP && !element->has_quantifier;
}

static void lint_alternatives(struct lint *lint, const struct element *element) {
  for (uint16_t i = 0; i < element->child_count; i++)
    if (!plain_step(element->children[i])) return; /* groups fork: none hides another */
  for (uint16_t i = 1; i < element->child_count; i++)
    for (uint16_t k = 0; k < i; k++) {
      const struct element *left = element->children[k], *right = element->children[i];
      if (left->use.type != right->use.type || !lint_stricter(right->use.condition, left->use.condition)) continue;
      lint_say(lint, LINT_UNREACHABLE_STEP, right->span, "put the stricter alternative first",
               "never taken: an alternative before it takes every event that fits");
      break;
    }
}

static void lint_greedy(struct lint *lint, const struct element *sequence) {
  for (uint16_t i = 0; i + 1 < sequence->child_count; i++) {
    const struct element *loop = sequence->children[i], *next = sequence->children[i + 1];
    if (loop->kind != ELEMENT_STEP || !loop->greedy || loop->max != TIMES_UNLIMITED || loop->until != NULL ||
        loop->gap_us >= 0 || loop->strict || loop->each || next->kind != ELEMENT_STEP)
      continue;
    if (loop->use.type != next->use.type || !lint_stricter(next->use.condition, loop->use.condition)) continue;
    lint_say(lint, LINT_UNREACHABLE_STEP, next->span, "leave `greedy` out, or give the loop an `until`",
             "never taken: the greedy loop before it takes every event that fits");
  }
}

/* ---- end-loop ---- */

/* What ends there: the pattern, or of a rule whose key changes one of its parts. */
struct ending {
  bool begun;  /* an event stands before the sequence */
  bool former; /* another part follows, and with it another key */
};

static void say_bound(struct lint *lint, const struct element *last, struct ending ending) {
  int least = last->min == 0 && !ending.begun ? 1 : last->min;
  if (ending.former)
    lint_say(lint, LINT_END_LOOP, last->span, "`each` would take more; others begin matches of their own",
             "what comes before `at key` is complete at %d: the upper bound has no effect", least);
  else
    lint_say(lint, LINT_END_LOOP, last->span, "`report longest` or `each` would take more",
             "the match is complete at %d: the upper bound has no effect", least);
}

static void lint_end(struct lint *lint, const struct element *sequence, struct ending ending) {
  if (sequence->kind == ELEMENT_STEP) return;
  for (uint16_t i = sequence->child_count; i > 0; i--) {
    const struct element *last = sequence->children[i - 1];
    if (last->kind == ELEMENT_ABSENCE) return;
    bool alone = i == 1 && !ending.begun; /* something must begin the match */
    if (last->has_quantifier && !last->each && !last->any && last->min != last->max) {
      if (last->min == 0 && !alone) {
        lint_say(lint, LINT_END_LOOP, last->span,
                 ending.former ? "leave it out" : "leave it out, or say `report longest`",
                 ending.former ? "what comes before `at key` is complete before this step: it is never taken"
                               : "the match is complete before this step: it is never taken");
        continue;
      }
      if (last->max != TIMES_UNLIMITED) say_bound(lint, last, ending);
    }
    if (last->kind == ELEMENT_GROUP && !repeated(last)) lint_end(lint, last, ending);
    if (last->kind == ELEMENT_OR && !repeated(last))
      for (uint16_t k = 0; k < last->child_count; k++)
        if (last->children[k]->kind == ELEMENT_GROUP) lint_end(lint, last->children[k], ending);
    return;
  }
}

/* ---- the others ---- */

static bool looks_next(const struct element *element) {
  if (element->connector == CONNECT_NEXT || element->strict) return true;
  for (uint16_t i = 0; i < element->child_count; i++)
    if (looks_next(element->children[i])) return true;
  return false;
}

/* Among the steps of the pattern, or of one part of it. */
static void lint_contiguity(struct lint *lint, const struct element *element, uint16_t first, uint16_t end) {
  if (element->kind == ELEMENT_ABSENCE) {
    for (uint16_t i = first; i < end; i++)
      if (lint->rule->steps[i].type == element->use.type) return;
    lint_say(lint, LINT_CONTIGUITY, element->span, "`next … among (…)` says which events count",
             "`no " SLICE_FMT "` makes `next` and `strict` look at `" SLICE_FMT "` events too",
             SLICE_ARG(element->use.event.text), SLICE_ARG(element->use.event.text));
  }
  for (uint16_t i = 0; i < element->child_count; i++) lint_contiguity(lint, element->children[i], first, end);
}

/* `within`, `gap` and `for` of no time are no mistake by themselves: events of equal times are in order, and may match
 * in sequence. */
static void lint_no_time(struct lint *lint, const struct element *element) {
  if (element->gap_us == 0)
    lint_say(lint, LINT_EQUAL_TIMES, element->span, "give it a length, as `gap 1m`",
             "`gap 0s` takes events of the same time only");
  if (element->for_us == 0)
    lint_say(lint, LINT_EQUAL_TIMES, element->span, "give it a length, as `for 5m`",
             "`no " SLICE_FMT " for 0s` looks at events of the same time only", SLICE_ARG(element->use.event.text));
}

/* `last`: nothing follows, so that the loop is left at its minimum. */
static void lint_wait(struct lint *lint, const struct element *element, bool last) {
  if (element->has_quantifier && element->max == TIMES_UNLIMITED && (!last || element->each || element->any))
    lint_say(lint, LINT_UNBOUNDED_WAIT, element->span, "add `within 1d`",
             "this loop goes on as long as events come: `gap` alone does not end it");
  for (uint16_t i = 0; i < element->child_count; i++) {
    bool end = element->kind == ELEMENT_OR || i + 1 == element->child_count;
    lint_wait(lint, element->children[i], last && end && !repeated(element));
  }
}

static void lint_elements(struct lint *lint, struct element *element) {
  if (element->kind == ELEMENT_OR) lint_alternatives(lint, element);
  if (element->kind == ELEMENT_GROUP) lint_greedy(lint, element);
  if (element->any && element->max == TIMES_UNLIMITED &&
      (lint_reads_steps(element->use.condition) || lint_reads_steps(element->until)))
    lint_say(lint, LINT_COSTLY_ANY, element->span, "give it an upper bound, or conditions on the event alone",
             "`any` without an upper bound tries every choice of events, and the condition reads more than the event");
  if ((element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE) && element->use.condition != NULL) {
    struct comparisons comparisons = {lint, 0};
    bool found = false;
    count_before(lint->rule->pattern, element, &comparisons.before, &found);
    tree_expr_walk(element->use.condition, find_first_only, &comparisons);
  }
  lint_later(lint, element);
  lint_no_time(lint, element);
  for (uint16_t i = 0; i < element->child_count; i++) lint_elements(lint, element->children[i]);
}

void lint_pattern(struct lint *lint) {
  const struct rule_tree *rule = lint->rule;
  lint_elements(lint, rule->pattern);
  if (rule->within_us == 0)
    lint_say(lint, LINT_EQUAL_TIMES, tree_clause_span(rule, CLAUSE_WITHIN), "give it a length, as `within 30m`",
             "`within 0s` takes events of the same time only");
  for (uint16_t p = 0; p + 1 < rule->part_count; p++)
    lint_end(lint, rule->parts[p].pattern, (struct ending){.begun = p > 0, .former = true});
  uint16_t last = (uint16_t)(rule->part_count - 1);
  if (rule->report != REPORT_LONGEST)
    lint_end(lint, rule->part_count > 0 ? rule->parts[last].pattern : rule->pattern,
             (struct ending){.begun = rule->part_count > 0});
  if (rule->part_count == 0 && looks_next(rule->pattern)) lint_contiguity(lint, rule->pattern, 0, rule->step_count);
  for (uint16_t p = 0; p < rule->part_count; p++) {
    const struct rule_part *part = &rule->parts[p];
    if (looks_next(part->pattern))
      lint_contiguity(lint, part->pattern, part->first_step,
                      p + 1 < rule->part_count ? part[1].first_step : rule->step_count);
  }
  if (!(rule->given >> CLAUSE_WITHIN & 1)) lint_wait(lint, rule->pattern, true);
}
