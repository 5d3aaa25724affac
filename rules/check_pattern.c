/* check_pattern.c - patterns: steps and their names, where absences may stand, which quantifier words go together, and
 * whether the state is bounded in event time (rule-language.md, section 3). Recursion is over elements, whose depth the
 * parser limits (PATTERN_DEPTH_MAX). */
#include "rules/check_private.h"
#include "rules/parts.h"

/* ---- how many events ---- */

static int64_t limited(int64_t a, int64_t b) {
  int64_t product = a > TIMES_UNLIMITED || b > TIMES_UNLIMITED ? TIMES_UNLIMITED : a * b;
  return product > TIMES_UNLIMITED ? TIMES_UNLIMITED : product;
}

static int64_t element_events(const struct element *element, bool most) {
  int64_t times = most ? element->max : element->min, inside = 0;
  switch (element->kind) {
  case ELEMENT_ABSENCE: return 0;
  case ELEMENT_STEP: return times;
  case ELEMENT_GROUP:
  case ELEMENT_AND:
    for (uint16_t i = 0; i < element->child_count; i++) inside += element_events(element->children[i], most);
    break;
  case ELEMENT_OR:
    for (uint16_t i = 0; i < element->child_count; i++) {
      int64_t events = element_events(element->children[i], most);
      if (i == 0 || (most ? events > inside : events < inside)) inside = events;
    }
    break;
  }
  return limited(times, inside > TIMES_UNLIMITED ? TIMES_UNLIMITED : inside);
}

int64_t check_element_min(const struct element *element) { return element_events(element, false); }
int64_t check_element_max(const struct element *element) { return element_events(element, true); }

/* ---- steps and types ---- */

struct collect {
  struct checker *c;
  struct rule_tree *rule;
  uint32_t step_count, use_count; /* steps; steps and absences */
  bool good;
};

static void count_uses(struct collect *collect, const struct element *element) {
  if (element->kind == ELEMENT_STEP) collect->step_count++;
  if (element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE) collect->use_count++;
  for (uint16_t i = 0; i < element->child_count; i++) count_uses(collect, element->children[i]);
}

static void resolve_uses(struct collect *collect, struct element *element) {
  struct rule_tree *rule = collect->rule;
  if (element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE) {
    int32_t type = check_type_id(collect->c, &element->use.event);
    if (type < 0) {
      collect->good = false;
    } else {
      element->use.type = (uint16_t)type;
      rule->types[rule->type_count++] = (uint16_t)type;
      if (!collect->c->types_known[type]) collect->good = false;
    }
    if (element->kind == ELEMENT_STEP) {
      element->step = rule->step_count;
      rule->steps[rule->step_count++] =
          (struct step_info){.name = name_given(&element->name) ? element->name : element->use.event,
                             .type = element->use.type,
                             .element = element};
    }
  }
  for (uint16_t i = 0; i < element->child_count; i++) resolve_uses(collect, element->children[i]);
}

static int compare_ids(const void *a, const void *b) { return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b; }

static uint16_t sort_ids(uint16_t *ids, uint16_t count) {
  uint16_t kept = 0;
  qsort(ids, count, sizeof *ids, compare_ids);
  for (uint16_t i = 0; i < count; i++)
    if (kept == 0 || ids[kept - 1] != ids[i]) ids[kept++] = ids[i];
  return kept;
}

/* ---- names of steps ---- */

static void check_step_names(struct checker *c, const struct rule_tree *rule) {
  struct name_map seen;
  name_map_init(&seen, &c->local);
  for (uint16_t i = 0; i < rule->step_count; i++) {
    const struct name *name = &rule->steps[i].element->name;
    if (!name_given(name)) continue;
    if (name_map_put(&seen, name->text, i) != NAME_ABSENT) {
      check_say(c, name->span, "duplicate-name", "call one of them something else",
                "two steps are called `" SLICE_FMT "`", SLICE_ARG(name->text));
      continue;
    }
    const char *what = NULL;
    struct slice owner = {0};
    for (uint16_t t = 0; t < rule->type_count && what == NULL; t++) {
      const struct type_info *info = &c->tree->types[rule->types[t]];
      if (slice_equal(info->name, name->text))
        what = "an event type of the rule";
      else if (check_field_find(c, rule->types[t], name->text) >= 0) {
        what = "a field of";
        owner = info->name;
      }
    }
    if (what == NULL && check_symbol(&c->lookups, name->text) != NULL) what = "a lookup";
    if (what == NULL && check_symbol(&c->models, name->text) != NULL) what = "a model";
    if (what == NULL && (slice_equal(name->text, SLICE("told")) || slice_equal(name->text, SLICE("window"))))
      what = "a word of the language";
    if (what == NULL) continue;
    if (owner.length > 0)
      check_say(c, name->span, "name-clash", "call the step something else",
                "the step `" SLICE_FMT "` is called like a field of `" SLICE_FMT "`", SLICE_ARG(name->text),
                SLICE_ARG(owner));
    else
      check_say(c, name->span, "name-clash", "call the step something else",
                "the step `" SLICE_FMT "` is called like %s", SLICE_ARG(name->text), what);
  }
}

/* ---- absences ---- */

static bool is_absence(const struct element *element) { return element->kind == ELEMENT_ABSENCE; }

static void check_absence(struct checker *c, const struct rule_tree *rule, const struct element *sequence,
                          uint16_t index, bool top) {
  const struct element *absence = sequence->children[index];
  const char *code = "absence";
  uint16_t last = sequence->child_count;
  while (last > 0 && is_absence(sequence->children[last - 1])) last--; /* behind the last step */
  if (index == 0 || last == 0) {
    check_say(c, absence->span, code, "put a step before it",
              "`no " SLICE_FMT "` cannot begin a %s: it stands between two steps", SLICE_ARG(absence->use.event.text),
              top ? "pattern" : "group");
    return;
  }
  if (index < last) { /* between: of what follows one must come */
    if (absence->for_us >= 0) {
      check_say(c, absence->span, code, "leave `for` out, or move it to the end of the pattern",
                "`no " SLICE_FMT " for` stands at the end of a pattern", SLICE_ARG(absence->use.event.text));
      return;
    }
    for (uint16_t i = (uint16_t)(index + 1); i < last; i++)
      if (check_element_min(sequence->children[i]) > 0) return;
    check_say(c, absence->span, code, "let one of them be needed, or end with `then no X for 5m`",
              "all that follows `no " SLICE_FMT "` may be left out: it stands between two steps",
              SLICE_ARG(absence->use.event.text));
    return;
  }
  if (!top) {
    check_say(c, absence->span, code, "put it behind the group, with a step after it",
              "`no " SLICE_FMT "` cannot end a group: it stands between two steps", SLICE_ARG(absence->use.event.text));
    return;
  }
  if (index + 1 < sequence->child_count) {
    check_say(c, absence->span, code, "end with one `then no X for 5m`",
              "only one absence stands at the end of a pattern");
    return;
  }
  if (absence->for_us < 0)
    check_say(c, absence->span, code,
              check_text(c, "as `then no " SLICE_FMT " for 5m`", SLICE_ARG(absence->use.event.text)),
              "`no " SLICE_FMT "` at the end needs a deadline", SLICE_ARG(absence->use.event.text));
  else if (absence->connector == CONNECT_NEXT_NO)
    check_say(c, absence->span, code, "as `then no X for 5m`", "an absence with a deadline follows `then`");
  if (rule->report == REPORT_LONGEST)
    check_say(c, absence->span, code, "leave `report longest` out",
              "`report longest` does not go with an absence at the end");
}

/* ---- quantifiers and words ---- */

struct place {
  const struct rule_tree *rule;
  bool first;    /* no edge leads to it: the first of the pattern */
  bool repeated; /* inside a repeated group */
  bool left_out; /* inside a group that may be left out */
  bool operand;  /* of `or`, `and` */
  bool beside;   /* inside one of their sides */
};

static void check_words(struct checker *c, const struct element *element, const struct rule_tree *rule) {
  const char *word = element->strict   ? "strict"
                     : element->each   ? "each"
                     : element->any    ? "any"
                     : element->greedy ? "greedy"
                                       : "until";
  if (!element->has_quantifier) {
    if (element->strict || element->each || element->any || element->greedy || element->until != NULL)
      check_say(c, element->span, "quantifier", check_text(c, "as `{1,} %s`", word), "`%s` needs a quantifier", word);
    return;
  }
  if (element->any) {
    const char *other = element->strict        ? "strict"
                        : element->greedy      ? "greedy"
                        : element->gap_us >= 0 ? "gap"
                        : element->each        ? "each"
                                               : NULL;
    if (other != NULL)
      check_say(c, element->span, "quantifier", "leave one of them out", "`any` does not go with `%s`", other);
    if (element->kind != ELEMENT_STEP)
      check_say(c, element->span, "quantifier", "`each` is for groups too", "`any` is for single steps");
  }
  if ((element->each || element->any) && rule->report != REPORT_ALL)
    check_say(c, element->span, "quantifier", "add `report all`", "`%s` makes several matches: it needs `report all`",
              element->any ? "any" : "each");
}

static void check_quantifier(struct checker *c, const struct element *element, const struct place *place) {
  if (element->min < 0 || element->max < element->min)
    check_say(c, element->span, "range", NULL, "the upper bound is less than the lower");
  else if (element->max == 0)
    check_say(c, element->span, "range", "leave it out, or say `no X`", "a step that never comes");
  check_words(c, element, place->rule);
  if (place->first && !element->has_quantifier && element->gap_us >= 0)
    check_say(c, element->span, "gap", "as `{2,} gap 1m`, for a loop",
              "`gap` bounds the time since the event before, and the first has none");
  if (place->operand && (element->has_quantifier || element->gap_us >= 0))
    check_say(c, element->span, "quantifier", "put it behind the parentheses, or make a group: `(a = login {3})`",
              "what stands beside `or` and `and` has no quantifier");
  if (element->among != NULL && (element->connector != CONNECT_NEXT || place->operand))
    check_say(c, element->among->span, "among", "as `next payment among (amount > 5)`", "`among` follows `next`");
}

/* Where the key may change: between steps that all must be gone through once. */
static void check_rekey_place(struct checker *c, const struct element *element, const struct place *place) {
  struct span at = element->rekey->field.span;
  if (place->first)
    check_say(c, at, "rekey", NULL, "the first step cannot change the key: no step is before it");
  else if (place->beside)
    check_say(c, at, "rekey", "put the step behind the parentheses", "the key cannot change beside `or` and `and`");
  else if (place->repeated)
    check_say(c, at, "rekey", "put the step behind the group", "the key cannot change inside a repeated group");
  else if (place->left_out)
    check_say(c, at, "rekey", "put the step behind the group",
              "the key cannot change inside a group that may be left out");
}

static void check_element(struct checker *c, const struct element *element, struct place place);

static void check_operands(struct checker *c, const struct element *element, struct place place) {
  const char *word = element->kind == ELEMENT_OR ? "or" : "and";
  if (element->child_count < 2) check_say(c, element->span, "operand", NULL, "`%s` has at least two sides", word);
  for (uint16_t i = 0; i < element->child_count; i++) {
    const struct element *child = element->children[i];
    struct place inner = place;
    bool group = element->kind == ELEMENT_OR && child->kind == ELEMENT_GROUP;
    inner.operand = inner.beside = true;
    inner.first = element->kind == ELEMENT_OR ? place.first : place.first && i == 0;
    if (child->kind != ELEMENT_STEP && !group) {
      check_say(c, child->span, "operand", element->kind == ELEMENT_OR ? "put it into parentheses of its own" : NULL,
                element->kind == ELEMENT_OR ? "a side of `or` is a step or a group"
                                            : "a side of `and` is a single step");
      continue;
    }
    if (group && check_element_min(child) < 1)
      check_say(c, child->span, "operand", "let one of its steps be needed", "an alternative has at least one event");
    check_element(c, child, inner);
  }
}

static void check_sequence(struct checker *c, const struct element *group, struct place place, bool top) {
  struct place inner = place;
  inner.operand = false;
  inner.left_out = place.left_out || group->min == 0;
  inner.repeated = place.repeated || (group->has_quantifier && (group->max > 1 || group->min > 0));
  for (uint16_t i = 0; i < group->child_count; i++) {
    const struct element *child = group->children[i];
    inner.first = place.first && i == 0;
    if (is_absence(child))
      check_absence(c, place.rule, group, i, top);
    else
      check_element(c, child, inner);
  }
}

static void check_element(struct checker *c, const struct element *element, struct place place) {
  if (is_absence(element)) return; /* by its sequence */
  check_quantifier(c, element, &place);
  if (element->rekey != NULL) check_rekey_place(c, element, &place);
  if (element->kind == ELEMENT_OR || element->kind == ELEMENT_AND)
    check_operands(c, element, place);
  else if (element->kind == ELEMENT_GROUP)
    check_sequence(c, element, place, false);
}

/* ---- bounds ---- */

/* Whether a `gap` bounds the way to the element's first event. */
static bool edge_bounded(const struct element *element) {
  if (!element->has_quantifier && element->gap_us >= 0) return true;
  if (element->child_count == 0 || element->kind == ELEMENT_AND) return false;
  if (element->kind == ELEMENT_GROUP) return edge_bounded(element->children[0]);
  for (uint16_t i = 0; i < element->child_count; i++)
    if (!edge_bounded(element->children[i])) return false;
  return true;
}

/* The first edge or loop without a bound, NULL if all have one. */
static const struct element *unbounded(const struct element *element, bool first) {
  if (is_absence(element)) return NULL;
  if (!first && !edge_bounded(element)) return element;
  if (element->has_quantifier && element->max > 1 && element->gap_us < 0 &&
      !(element->kind == ELEMENT_GROUP && edge_bounded(element)))
    return element;
  if (element->kind == ELEMENT_AND && element->child_count > 1) return element;
  for (uint16_t i = 0; i < element->child_count; i++) {
    /* The way to a group's first element is the group's own, looked at above. */
    const struct element *part = unbounded(element->children[i], element->kind == ELEMENT_OR || i == 0);
    if (part != NULL) return part;
  }
  return NULL;
}

static void check_bound(struct checker *c, const struct rule_tree *rule) {
  if (rule->given >> CLAUSE_WITHIN & 1 || check_element_max(rule->pattern) <= 1) return;
  const struct element *part = unbounded(rule->pattern, true);
  if (part == NULL) return;
  check_say(c, part->span, "unbounded", "add `within 1h`, or a `gap` to every edge and loop",
            "the state of this rule has no bound in time: an open match would be kept for ever");
}

/* ---- parts of a rule whose key changes ---- */

/* The steps before the first one of the element; of an absence at the end all of them. */
static uint16_t first_step_in(const struct element *element) {
  if (element->kind == ELEMENT_STEP) return element->step;
  for (uint16_t i = 0; i < element->child_count; i++)
    if (!is_absence(element->children[i])) return first_step_in(element->children[i]);
  return UINT16_MAX;
}

/* The step that an absence of the sequence stands before, whose part it is in. */
static uint16_t step_behind(const struct element *sequence, uint16_t index) {
  for (uint16_t i = (uint16_t)(index + 1); i < sequence->child_count; i++)
    if (!is_absence(sequence->children[i])) return first_step_in(sequence->children[i]);
  return UINT16_MAX;
}

static void add_part_types(const struct rule_tree *rule, const struct element *element) {
  for (uint16_t i = 0; i < element->child_count; i++) {
    const struct element *child = element->children[i];
    if (child->kind != ELEMENT_STEP && !is_absence(child)) {
      add_part_types(rule, child);
      continue;
    }
    uint16_t step = is_absence(child) ? step_behind(element, i) : child->step;
    struct rule_part *part = &rule->parts[parts_of_step(rule, step)];
    part->types[part->type_count++] = child->use.type;
  }
}

/* `at key F == s.G` as the key of the part that it begins. */
static struct key_tree *key_of_rekey(struct checker *c, const struct rekey *rekey) {
  struct key_tree *key = arena_new(c->arena, struct key_tree);
  key->span = rekey->field.span;
  key->part_count = 1;
  key->parts = arena_array(c->arena, struct key_part, 1);
  key->parts[0].name = rekey->field;
  return key;
}

/* Of a sequence its last element's steps, and those before it while what follows may be left out. An absence at the end
 * is complete at its deadline: no event is there. Whether the element may be left out. */
static bool collect_completing(const struct element *element, struct rule_tree *rule) {
  bool sequence = element->kind == ELEMENT_GROUP, any_empty = false, all_empty = true;
  if (element->kind == ELEMENT_STEP) rule->completing[rule->completing_count++] = element->use.type;
  if (element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE) return element->min == 0;
  for (uint16_t i = element->child_count; i-- > 0;) {
    bool empty = collect_completing(element->children[i], rule);
    any_empty |= empty;
    all_empty &= empty;
    if (sequence && !empty) break;
  }
  return element->min == 0 || (element->kind == ELEMENT_OR ? any_empty : all_empty);
}

/* Which steps, event types and keys the parts have; their patterns are cut when the conditions have been looked at. */
static void find_parts(struct checker *c, struct rule_tree *rule, uint32_t use_count) {
  uint16_t count = parts_count(rule);
  if (count == 1) return;
  rule->parts = arena_array(c->arena, struct rule_part, count);
  rule->parts[0].key = rule->key;
  rule->part_count = 1;
  for (uint16_t s = 1; s < rule->step_count; s++) {
    const struct rekey *rekey = rule->steps[s].element->rekey;
    if (rekey == NULL) continue;
    rule->parts[rule->part_count++] =
        (struct rule_part){.rekey = rekey, .key = key_of_rekey(c, rekey), .first_step = s};
  }
  for (uint16_t p = 0; p < count; p++) rule->parts[p].types = arena_array(c->arena, uint16_t, use_count + 1);
  add_part_types(rule, rule->pattern);
  for (uint16_t p = 0; p < count; p++)
    rule->parts[p].type_count = sort_ids(rule->parts[p].types, rule->parts[p].type_count);
}

void check_parts(struct checker *c, struct rule_tree *rule) {
  if (rule->part_count == 0) return;
  uint16_t count;
  struct element **patterns = parts_cut(c->arena, rule->pattern, &count);
  if (count != rule->part_count) return; /* one stands where it cannot: said */
  for (uint16_t p = 0; p < count; p++) rule->parts[p].pattern = patterns[p];
  if (check_element_min(patterns[0]) < 1)
    check_say(c, rule->parts[1].rekey->field.span, "rekey", "let one of them be needed",
              "all that comes before this step may be left out: the key changes behind an event");
}

bool check_pattern(struct checker *c, struct rule_tree *rule) {
  struct collect collect = {.c = c, .rule = rule, .good = true};
  count_uses(&collect, rule->pattern);
  if (collect.step_count == 0) {
    check_say(c, rule->pattern->span, "absence", NULL, "a pattern has at least one step");
    return false;
  }
  if (collect.step_count > CHECK_STEPS_MAX || collect.use_count > UINT16_MAX - 1) {
    check_say(c, rule->pattern->span, "too-many", NULL, "a pattern has at most %d steps", CHECK_STEPS_MAX);
    return false;
  }
  rule->steps = arena_array(c->arena, struct step_info, collect.step_count);
  rule->types = arena_array(c->arena, uint16_t, collect.use_count + 1);
  rule->step_count = rule->type_count = 0;
  resolve_uses(&collect, rule->pattern);
  rule->type_count = sort_ids(rule->types, rule->type_count);
  rule->completing = arena_array(c->arena, uint16_t, collect.use_count + 1);
  rule->completing_count = 0;
  collect_completing(rule->pattern, rule);
  rule->completing_count = sort_ids(rule->completing, rule->completing_count);
  find_parts(c, rule, collect.use_count);
  check_step_names(c, rule);
  check_sequence(c, rule->pattern, (struct place){.rule = rule, .first = true}, true);
  check_bound(c, rule);
  return collect.good;
}

/* ---- conditions ---- */

static void collect_step_types(const struct element *element, uint16_t *types, uint16_t *count) {
  if (element->kind == ELEMENT_STEP) types[(*count)++] = element->use.type;
  for (uint16_t i = 0; i < element->child_count; i++) collect_step_types(element->children[i], types, count);
}

static void check_until(struct checker *c, struct rule_tree *rule, struct element *element, struct scope scope) {
  uint16_t count = 0;
  element->until_types = arena_array(c->arena, uint16_t, (size_t)rule->step_count + 1);
  collect_step_types(element, element->until_types, &count);
  element->until_type_count = sort_ids(element->until_types, count);
  scope.place = "in `until`";
  scope.types = element->until_types;
  scope.type_count = element->until_type_count;
  scope.several = scope.type_count > 1;
  check_condition(c, &scope, element->until, "the condition of `until`");
}

/* The new key's field is looked at with the key of the part that begins here (check_key()). */
static void check_rekey(struct checker *c, struct rule_tree *rule, struct element *element) {
  struct rekey *rekey = element->rekey;
  int32_t step = check_step_find(c, rule, &rekey->step, true);
  if (step == -1)
    check_say(c, rekey->step.span, "unknown-name", NULL, "there is no step `" SLICE_FMT "`",
              SLICE_ARG(rekey->step.text));
  if (step >= 0 && step >= element->step) {
    check_say(c, rekey->step.span, "rekey", NULL,
              "`" SLICE_FMT "` comes after this step: the new key is read from one before",
              SLICE_ARG(rekey->step.text));
    step = -1;
  }
  if (step < 0) return;
  uint16_t type = rule->steps[step].type, part = parts_of_step(rule, element->step);
  int32_t field = check_field_find(c, element->use.type, rekey->field.text);
  int32_t other = check_field(c, type, &rekey->step_field);
  if (field < 0 || other < 0 || part == 0) return;
  rekey->field_index = (uint16_t)field;
  rekey->step_index = (uint16_t)step;
  rekey->step_field_index = (uint16_t)other;
  struct key_part *key = &rule->parts[part].key->parts[0];
  key->carried = true;
  key->carried_type = type;
  key->carried_field = (uint16_t)other;
  struct type a = c->tree->types[element->use.type].fields[field].type, b = c->tree->types[type].fields[other].type;
  if (!type_bad(a) && !type_bad(b) && !type_equal(a, b))
    check_say(c, rekey->field.span, "type-mismatch", "equal keys need equal types",
              "`" SLICE_FMT "` is %s, `" SLICE_FMT "." SLICE_FMT "` is %s", SLICE_ARG(rekey->field.text), TYPE_TEXT(a),
              SLICE_ARG(rekey->step.text), SLICE_ARG(rekey->step_field.text), TYPE_TEXT(b));
}

/* What stands at one step or absence; `step` says in which part. */
static void check_conditions(struct checker *c, struct rule_tree *rule, struct element *element, uint16_t step) {
  const struct rule_part *part = rule->part_count > 0 ? &rule->parts[parts_of_step(rule, step)] : NULL;
  struct scope scope = {.place = "in the condition of a step",
                        .rule = rule,
                        .types = &element->use.type,
                        .type_count = 1,
                        .steps = true,
                        .step = element->kind == ELEMENT_STEP ? element->step : -1,
                        .counter_key = part != NULL ? part->key : rule->key,
                        .counters = COUNTERS_NEED_OF};
  if (element->kind == ELEMENT_ABSENCE) scope.place = "in the condition of an absence";
  if (element->use.condition != NULL && (element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE))
    check_condition(c, &scope, element->use.condition, "the condition of a step");
  if (element->among != NULL) {
    struct scope among = scope;
    among.place = "in `among`";
    among.types = part != NULL ? part->types : rule->types;
    among.type_count = part != NULL ? part->type_count : rule->type_count;
    among.several = among.type_count > 1;
    check_condition(c, &among, element->among, "the condition of `among`");
  }
  if (element->until != NULL) check_until(c, rule, element, scope);
  if (element->rekey != NULL && element->kind == ELEMENT_STEP) check_rekey(c, rule, element);
  for (uint16_t i = 0; i < element->child_count; i++) {
    struct element *child = element->children[i];
    check_conditions(c, rule, child, is_absence(child) ? step_behind(element, i) : first_step_in(child));
  }
}

void check_pattern_conditions(struct checker *c, struct rule_tree *rule) {
  check_conditions(c, rule, rule->pattern, 0);
}
