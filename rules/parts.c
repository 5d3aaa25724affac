/* parts.c - cuts the pattern of a rule at its changes of key. Called by the checker and by engine/near_miss.c. */
#include "rules/parts.h"

#include "base/check.h"

uint16_t parts_count(const struct rule_tree *rule) {
  uint16_t count = 1;
  for (uint16_t s = 1; s < rule->step_count; s++)
    if (rule->steps[s].element->rekey != NULL) count++;
  return count;
}

uint16_t parts_of_step(const struct rule_tree *rule, uint16_t step) {
  uint16_t part = 0;
  while (part + 1 < rule->part_count && step >= rule->parts[part + 1].first_step) part++;
  return part;
}

/* ---- cutting ---- */

struct sequence {
  uint16_t count, capacity;
  struct element **items;
};

struct cutting {
  struct arena *arena;
  struct sequence now; /* the part under way */
  uint16_t count, capacity;
  struct element **parts;
  bool begun; /* some step was seen: one that says `at key` begins a part */
};

static void push(struct arena *arena, struct sequence *sequence, struct element *element) {
  if (sequence->count == sequence->capacity) {
    uint16_t capacity = sequence->capacity == 0 ? 8 : (uint16_t)(2 * sequence->capacity);
    struct element **items = arena_array(arena, struct element *, capacity);
    if (sequence->count > 0) memcpy(items, sequence->items, sequence->count * sizeof *items);
    sequence->items = items;
    sequence->capacity = capacity;
  }
  sequence->items[sequence->count++] = element;
}

static struct element *copy_of(struct arena *arena, const struct element *element) {
  struct element *copy = arena_new(arena, struct element);
  *copy = *element;
  return copy;
}

static struct element *group_of(struct arena *arena, const struct sequence *sequence) {
  struct element *group = arena_new(arena, struct element);
  *group = (struct element){.kind = ELEMENT_GROUP,
                            .connector = CONNECT_START,
                            .min = 1,
                            .max = 1,
                            .gap_us = -1,
                            .for_us = -1,
                            .child_count = sequence->count,
                            .children = sequence->items};
  return group;
}

/* Takes the absences at the end of a sequence off it: they belong to the way to what comes next. */
static struct sequence take_absences(struct arena *arena, struct sequence *sequence) {
  struct sequence absences = {0};
  uint16_t kept = sequence->count;
  while (kept > 0 && sequence->items[kept - 1]->kind == ELEMENT_ABSENCE) kept--;
  for (uint16_t i = kept; i < sequence->count; i++) push(arena, &absences, sequence->items[i]);
  sequence->count = kept;
  return absences;
}

/* The part under way ends, but for the absences at its end, which go over to the next one. */
static void cut_here(struct cutting *cutting) {
  struct sequence *now = &cutting->now, over = take_absences(cutting->arena, now);
  if (cutting->count == cutting->capacity) {
    uint16_t capacity = cutting->capacity == 0 ? 4 : (uint16_t)(2 * cutting->capacity);
    struct element **parts = arena_array(cutting->arena, struct element *, capacity);
    if (cutting->count > 0) memcpy(parts, cutting->parts, cutting->count * sizeof *parts);
    cutting->parts = parts;
    cutting->capacity = capacity;
  }
  cutting->parts[cutting->count++] = group_of(cutting->arena, now);
  *now = over;
}

/* Whether a part begins inside the element. `begun` is what was seen before it. */
static bool has_cut(const struct element *element, bool begun) {
  if (element->kind == ELEMENT_STEP) return begun && element->rekey != NULL;
  if (element->kind != ELEMENT_GROUP) return false;
  for (uint16_t i = 0; i < element->child_count; i++) {
    if (has_cut(element->children[i], begun)) return true;
    begun = begun || element->children[i]->kind != ELEMENT_ABSENCE;
  }
  return false;
}

/* How the way to an element looks that was the first of parentheses: their connector, and the shorter of both gaps. */
static struct element *led_by(struct arena *arena, const struct element *element, const struct element *group) {
  struct element *copy = copy_of(arena, element);
  copy->connector = group->connector;
  if (!copy->has_quantifier && group->gap_us >= 0 && (copy->gap_us < 0 || group->gap_us < copy->gap_us))
    copy->gap_us = group->gap_us;
  return copy;
}

static void cut_element(struct cutting *cutting, struct element *element);

/* Parentheses that begin with a cut, at a loop or a step that may be left out: their gap and their connector are about
 * their first event, whichever step takes it, so they stay around what comes before the next cut inside. */
static void cut_leading(struct cutting *cutting, const struct element *group) {
  uint16_t end = 1;
  while (end < group->child_count && !has_cut(group->children[end], true)) end++;
  bool cut_again = end < group->child_count;
  while (cut_again && group->children[end - 1]->kind == ELEMENT_ABSENCE) end--;
  struct element *copy = copy_of(cutting->arena, group);
  copy->child_count = end;
  cut_here(cutting);
  push(cutting->arena, &cutting->now, copy);
  cutting->begun = true;
  for (uint16_t i = end; i < group->child_count; i++) cut_element(cutting, group->children[i]);
}

/* Parentheses with a cut inside: what stands before it stays in parentheses of its own, the rest stands without.
 * Recursion follows the pattern, whose depth is limited (PATTERN_DEPTH_MAX). */
static void cut_group(struct cutting *cutting, const struct element *group) {
  const struct element *first = group->children[0];
  if (first->kind == ELEMENT_STEP && first->has_quantifier && has_cut(first, cutting->begun)) {
    cut_leading(cutting, group);
    return;
  }
  struct sequence before = {0};
  uint16_t at = 0;
  bool begun = cutting->begun;
  for (; !has_cut(group->children[at], begun); at++) {
    push(cutting->arena, &before, group->children[at]);
    begun = begun || group->children[at]->kind != ELEMENT_ABSENCE;
  }
  struct sequence absences = take_absences(cutting->arena, &before);
  if (before.count > 0) {
    struct element *copy = copy_of(cutting->arena, group);
    copy->children = before.items;
    copy->child_count = before.count;
    push(cutting->arena, &cutting->now, copy);
    cutting->begun = true;
  }
  for (uint16_t i = 0; i < absences.count; i++) push(cutting->arena, &cutting->now, absences.items[i]);
  for (uint16_t i = at; i < group->child_count; i++)
    cut_element(cutting, i == 0 ? led_by(cutting->arena, group->children[i], group) : group->children[i]);
}

static void cut_element(struct cutting *cutting, struct element *element) {
  if (element->kind == ELEMENT_GROUP && has_cut(element, cutting->begun)) {
    cut_group(cutting, element);
    return;
  }
  if (has_cut(element, cutting->begun)) cut_here(cutting);
  push(cutting->arena, &cutting->now, element);
  cutting->begun = cutting->begun || element->kind != ELEMENT_ABSENCE;
}

struct element **parts_cut(struct arena *arena, const struct element *pattern, uint16_t *count) {
  struct cutting cutting = {.arena = arena};
  for (uint16_t i = 0; i < pattern->child_count; i++) cut_element(&cutting, pattern->children[i]);
  struct sequence rest = cutting.now; /* a trailing absence stays where it is */
  cutting.now = (struct sequence){0};
  cut_here(&cutting);
  cutting.parts[cutting.count - 1] = group_of(arena, &rest);
  *count = cutting.count;
  return cutting.parts;
}

void parts_again(struct arena *arena, struct rule_tree *rule) {
  if (rule->part_count == 0) return;
  uint16_t count;
  struct element **patterns = parts_cut(arena, rule->pattern, &count);
  const struct rule_part *old = rule->parts;
  check(count <= rule->part_count);
  rule->level = old[count - 1].level;
  if (count == 1) {
    rule->types = old[0].types;
    rule->type_count = old[0].type_count;
    rule->parts = NULL;
    rule->part_count = 0;
    return;
  }
  rule->parts = arena_array(arena, struct rule_part, count);
  rule->part_count = count;
  for (uint16_t p = 0; p < count; p++) {
    rule->parts[p] = old[p];
    rule->parts[p].pattern = patterns[p];
  }
}

const struct rule_tree *parts_view(struct arena *arena, const struct rule_tree *rule, uint16_t part) {
  if (rule->part_count == 0) return rule;
  check(part < rule->part_count);
  const struct rule_part *own = &rule->parts[part];
  struct rule_tree *view = arena_new(arena, struct rule_tree);
  *view = *rule;
  view->key = own->key;
  view->types = own->types;
  view->type_count = own->type_count;
  view->pattern = own->pattern;
  view->level = own->level;
  return view;
}
