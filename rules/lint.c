/* lint.c - the lints' names, `allow`, and the walk over all declarations. */
#include "rules/lint_private.h"
#include "rules/parts.h"

enum { SCRATCH_CHUNK_BYTES = 1 << 16 };

static const struct {
  struct slice name;
  const char *help;
} lints[LINTS] = {
    [LINT_ALWAYS_NULL] = {SLICE("always-null"), "a calculation that comes to null whatever the event"},
    [LINT_ALWAYS_TRUE] = {SLICE("always-true"), "a condition, or a part of one, that every event satisfies"},
    [LINT_CONTIGUITY] = {SLICE("contiguity"), "a `no Y` adds the type Y to what `next` and `strict` look at"},
    [LINT_COSTLY_ANY] = {SLICE("costly-any"), "an `any` loop without upper bound that must try every choice of events"},
    [LINT_END_LOOP] = {SLICE("end-loop"), "`?`, `*` or an upper bound at the end: the match is complete before"},
    [LINT_EQUAL_TIMES] = {SLICE("equal-times"), "`within`, `gap` or `for` of no time: only events of the same time"},
    [LINT_FIRST_ONLY] = {SLICE("first-only"), "a comparison with a step that `then` bound to its first candidate only"},
    [LINT_LATER_STEP] = {SLICE("later-step"), "a condition reads a step that cannot have an event yet"},
    [LINT_NEVER_FILLED] = {SLICE("never-filled"), "a list or a table that is asked, and that nothing fills"},
    [LINT_NEVER_TRUE] = {SLICE("never-true"), "a condition that no event satisfies, a band that no score comes to"},
    [LINT_NO_EFFECT] = {SLICE("no-effect"), "a word that changes nothing where it stands"},
    [LINT_NO_KEY] = {SLICE("no-key"), "a rule without `key` counts the events of all"},
    [LINT_NULL_COMPARE] = {SLICE("null-compare"), "`!=` or `not in` on a field that may be null: it is not true then"},
    [LINT_SECRET_EXPRESSION] = {SLICE("secret-expression"), "an expression over a secret field is told in clear"},
    [LINT_SHADOWED_RULE] = {SLICE("shadowed-rule"),
                            "the same events and conditions as another rule, equal or stricter"},
    [LINT_UNBOUNDED_WAIT] = {SLICE("unbounded-wait"), "a loop that can go on for ever: only `gap` bounds it"},
    [LINT_UNREACHABLE_STEP] = {SLICE("unreachable-step"), "a step whose events are always taken by another"},
    [LINT_UNUSED_LIST] = {SLICE("unused-list"), "a list that nothing asks or fills"},
};

static int find(struct slice name) {
  for (int i = 0; i < LINTS; i++)
    if (slice_equal(lints[i].name, name)) return i;
  return -1;
}

bool lint_known(struct slice name) { return find(name) >= 0; }

const char *lint_help(struct slice name) {
  int lint = find(name);
  return lint < 0 ? NULL : lints[lint].help;
}

const struct slice *lint_names(size_t *count) {
  static const struct slice names[LINTS] = {SLICE("always-null"),    SLICE("always-true"),       SLICE("contiguity"),
                                            SLICE("costly-any"),     SLICE("end-loop"),          SLICE("equal-times"),
                                            SLICE("first-only"),     SLICE("later-step"),        SLICE("never-filled"),
                                            SLICE("never-true"),     SLICE("no-effect"),         SLICE("no-key"),
                                            SLICE("null-compare"),   SLICE("secret-expression"), SLICE("shadowed-rule"),
                                            SLICE("unbounded-wait"), SLICE("unreachable-step"),  SLICE("unused-list")};
  *count = LINTS;
  return names;
}

bool lint_allows(const struct rule_tree *rule, enum lint_kind kind) {
  for (uint16_t i = 0; i < rule->rare->allow_count; i++)
    if (slice_equal(rule->rare->allow[i].text, lints[kind].name)) return true;
  return false;
}

void lint_say(struct lint *lint, enum lint_kind kind, struct span span, const char *hint, const char *format, ...) {
  if (lint->allowed >> kind & 1) return;
  va_list arguments;
  va_start(arguments, format);
  const char *text = arena_vprintf(lint->arena, format, arguments);
  va_end(arguments);
  diag_add(lint->diags, DIAG_WARNING, span, lints[kind].name.data, hint, "%s", text);
}

/* ---- secrets ---- */

struct secret_search {
  struct lint *lint;
  const struct rule_tree *rule;
  const uint16_t *types;
  uint16_t type_count;
  bool found;
  uint32_t passed_over; /* parts to come that were looked at already */
};

static void count_part(void *context, struct tree_expr *expr) {
  (void)expr;
  ++*(uint32_t *)context;
}

static void find_secret(void *context, struct tree_expr *expr);

/* What a counter counts is told, its conditions are not. Its fields are those of its own events. */
static bool counts_secret(const struct secret_search *around, const struct counting *counting) {
  struct secret_search search = *around;
  if (counting->of != NULL) {
    search.types = &counting->of->type;
    search.type_count = 1;
  }
  if (counting->argument != NULL) tree_expr_walk(counting->argument, find_secret, &search);
  return search.found;
}

static void find_secret(void *context, struct tree_expr *expr) {
  struct secret_search *search = context;
  const struct tree *tree = search->lint->tree;
  if (search->passed_over > 0) {
    search->passed_over--;
    return;
  }
  if (tree_expr_secret(tree, search->rule, search->types, search->type_count, expr).form != SECRET_NONE) {
    search->found = true;
    return;
  }
  if (expr->kind == TREE_PATH && expr->ref.kind == REF_COUNTER && expr->ref.index < tree->counter_count)
    search->found |= counts_secret(search, tree->counters[expr->ref.index]->counting->counting);
  if (expr->kind != TREE_COUNTING) return;
  search->found |= counts_secret(search, expr->counting);
  tree_expr_walk(expr, count_part, &search->passed_over);
  search->passed_over--; /* the counter itself */
}

static void lint_secret(struct lint *lint, const struct rule_tree *rule, const uint16_t *types, uint16_t type_count,
                        struct tree_entry *entry) {
  struct type type = entry->expr->type;
  bool text = type.kind == VALUE_STRING || (type.kind == VALUE_LIST && type.element == VALUE_STRING);
  if (!text || tree_expr_secret(lint->tree, rule, types, type_count, entry->expr).form != SECRET_NONE) return;
  struct secret_search search = {lint, rule, types, type_count, false, 0};
  tree_expr_walk(entry->expr, find_secret, &search);
  if (search.found)
    lint_say(lint, LINT_SECRET_EXPRESSION, entry->expr->span, "only the field itself is hashed or masked",
             "`" SLICE_FMT "` tells what it makes of a secret field in clear", SLICE_ARG(entry->name.text));
}

/* ---- declarations ---- */

static void lint_element_conditions(struct lint *lint, struct element *element) {
  if (element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE)
    lint_condition(lint, element->use.condition, &element->use.type, 1);
  const struct rule_part *part =
      lint->rule->part_count > 0 ? &lint->rule->parts[parts_of_step(lint->rule, element->step)] : NULL;
  lint_condition(lint, element->among, part != NULL ? part->types : lint->rule->types,
                 part != NULL ? part->type_count : lint->rule->type_count);
  lint_condition(lint, element->until, element->until_types, element->until_type_count);
  lint_value(lint, element->use.condition);
  lint_value(lint, element->among);
  lint_value(lint, element->until);
  for (uint16_t i = 0; i < element->child_count; i++) lint_element_conditions(lint, element->children[i]);
}

static void lint_rule(struct lint *lint, struct rule_tree *rule) {
  lint->rule = rule;
  lint->allowed = 0;
  for (int i = 0; i < LINTS; i++)
    if (lint_allows(rule, (enum lint_kind)i)) lint->allowed |= 1u << i;
  lint_condition(lint, rule->on.condition, rule->types, rule->type_count);
  lint_condition(lint, rule->when, rule->types, rule->type_count);
  lint_condition(lint, rule->suppress_unless, NULL, 0);
  lint_value(lint, rule->on.condition);
  lint_value(lint, rule->when);
  lint_value(lint, rule->suppress_unless);
  bool on = rule->pattern == NULL;
  for (uint16_t i = 0; i < rule->emit_count; i++) {
    lint_secret(lint, rule, on ? rule->types : NULL, on ? rule->type_count : 0, &rule->emit[i]);
    lint_value(lint, rule->emit[i].expr);
  }
  if (!on) {
    lint_element_conditions(lint, rule->pattern);
    lint_pattern(lint);
  } else if (rule->key == NULL) {
    lint_no_key(lint);
  }
  lint->rule = NULL;
  lint->allowed = 0;
}

static void lint_event(struct lint *lint, struct event_tree *event) {
  uint16_t own = event->schema;
  if (!event->derived) {
    lint_condition(lint, event->watermark_when, &own, 1);
    lint_value(lint, event->watermark_when);
    for (uint16_t i = 0; i < event->field_count; i++) {
      struct tree_entry entry = {.name = event->fields[i].name, .expr = event->fields[i].computed};
      if (entry.expr != NULL) lint_secret(lint, NULL, &own, 1, &entry);
      lint_value(lint, entry.expr);
    }
    return;
  }
  if (!event->join) lint_condition(lint, event->where, event->from_types, event->from_type_count);
  lint_value(lint, event->where);
  if (event->window != NULL) {
    lint_value(lint, event->window->early_when);
    lint_window(lint, event->window);
  }
  for (uint16_t i = 0; i < event->entry_count; i++) {
    lint_secret(lint, NULL, event->from_types, event->from_type_count, &event->entries[i]);
    lint_value(lint, event->entries[i].expr);
  }
}

void lint_tree(struct tree *tree, struct diags *diags) {
  struct arena scratch;
  struct lint lint = {.tree = tree, .diags = diags, .arena = &scratch};
  arena_init(&scratch, tree->arena->mem, SCRATCH_CHUNK_BYTES);
  for (uint32_t i = 0; i < tree->decl_count; i++) {
    if (tree->decls[i].kind == DECL_EVENT) lint_event(&lint, tree->decls[i].event);
    if (tree->decls[i].kind == DECL_RULE) lint_rule(&lint, tree->decls[i].rule);
    if (tree->decls[i].kind == DECL_COUNTER) lint_value(&lint, tree->decls[i].counter->counting);
    if (tree->decls[i].kind == DECL_TABLE) lint_table(&lint, tree->decls[i].table);
    if (tree->decls[i].kind == DECL_GROUP) lint_group(&lint, tree->decls[i].group);
  }
  lint_lists(&lint);
  lint_shadowed(&lint);
  arena_free(&scratch);
}
