/* lint_data.c - lints about what is declared beside rules: lists that nobody asks or fills, tables, windows, groups.
 * Owns nothing; called by lint.c. */
#include <inttypes.h>

#include "rules/lint_private.h"

/* ---- lists ---- */

struct list_uses {
  bool *asked, *added, *removed;
};

static void find_lists(void *context, struct tree_expr *expr) {
  struct list_uses *uses = context;
  if (expr->kind == TREE_IN_NAME && expr->ref.kind == REF_LIST) uses->asked[expr->ref.index] = true;
}

static void lists_of(struct list_uses *uses, struct tree_expr *expr) {
  if (expr != NULL) tree_expr_walk(expr, find_lists, uses);
}

static void lists_of_element(struct list_uses *uses, struct element *element) {
  lists_of(uses, element->use.condition);
  lists_of(uses, element->among);
  lists_of(uses, element->until);
  for (uint16_t i = 0; i < element->child_count; i++) lists_of_element(uses, element->children[i]);
}

static void lists_of_event(struct list_uses *uses, struct event_tree *event) {
  lists_of(uses, event->watermark_when);
  lists_of(uses, event->where);
  if (event->window != NULL) lists_of(uses, event->window->early_when);
  for (uint16_t i = 0; i < event->field_count; i++) lists_of(uses, event->fields[i].computed);
  for (uint16_t i = 0; i < event->entry_count; i++) lists_of(uses, event->entries[i].expr);
}

static void lists_of_rule(struct list_uses *uses, struct rule_tree *rule) {
  lists_of(uses, rule->on.condition);
  lists_of(uses, rule->when);
  lists_of(uses, rule->suppress_unless);
  if (rule->pattern != NULL) lists_of_element(uses, rule->pattern);
  for (uint16_t i = 0; i < rule->emit_count; i++) lists_of(uses, rule->emit[i].expr);
}

/* The lists of `add … to NAME`, or of `remove … from NAME`. */
static void changed_lists(const struct tree *tree, const struct list_action *changes, uint16_t count, bool *changed) {
  for (uint16_t i = 0; i < count; i++) {
    uint32_t low = 0, high = tree->list_count;
    while (low < high) {
      uint32_t middle = low + (high - low) / 2;
      if (slice_compare(tree->lists[middle]->name.text, changes[i].list.text) < 0)
        low = middle + 1;
      else
        high = middle;
    }
    if (low < tree->list_count) changed[low] = true;
  }
}

static void lint_list(struct lint *lint, const struct list_tree *list, bool asked, bool added, bool removed) {
  struct slice name = list->name.text;
  if (!asked && !added && !removed)
    lint_say(lint, LINT_UNUSED_LIST, list->name.span, NULL, "nothing asks the list `" SLICE_FMT "`", SLICE_ARG(name));
  if (asked && !added && !list->has_items && list->file.length == 0)
    lint_say(lint, LINT_NEVER_FILLED, list->name.span,
             "values in braces, `from file \"…\"`, or a rule that says `add … to` it; `{ }` where it is to be empty",
             "nothing fills the list `" SLICE_FMT "`: it stays empty", SLICE_ARG(name));
}

void lint_lists(struct lint *lint) {
  const struct tree *tree = lint->tree;
  struct list_uses uses = {arena_array(lint->arena, bool, tree->list_count + 1u),
                           arena_array(lint->arena, bool, tree->list_count + 1u),
                           arena_array(lint->arena, bool, tree->list_count + 1u)};
  for (uint32_t i = 0; i < tree->decl_count; i++) {
    struct decl *decl = &tree->decls[i];
    if (decl->kind == DECL_EVENT) lists_of_event(&uses, decl->event);
    if (decl->kind == DECL_COUNTER) lists_of(&uses, decl->counter->counting);
    if (decl->kind != DECL_RULE) continue;
    lists_of_rule(&uses, decl->rule);
    changed_lists(tree, decl->rule->rare->add, decl->rule->rare->add_count, uses.added);
    changed_lists(tree, decl->rule->rare->remove, decl->rule->rare->remove_count, uses.removed);
  }
  for (uint16_t i = 0; i < tree->list_count; i++)
    lint_list(lint, tree->lists[i], uses.asked[i], uses.added[i], uses.removed[i]);
}

/* ---- tables ---- */

void lint_table(struct lint *lint, const struct table_tree *table) {
  if (table->from_event.text.length > 0) return;
  if (table->file.length > 0 && table->ttl_us >= 0)
    lint_say(lint, LINT_NO_EFFECT, table->name.span, "its rows stay as long as the rules do: leave it out",
             "`ttl` has no effect on a table that no events fill");
  if (table->file.length == 0)
    lint_say(lint, LINT_NEVER_FILLED, table->name.span,
             "`from file \"…\"` or `from event NAME` stands behind the table's key",
             "nothing fills the table `" SLICE_FMT "`: whatever it is asked is null", SLICE_ARG(table->name.text));
}

/* ---- groups ---- */

/* The highest score that the rules can come to; INT64_MAX where nothing bounds it. */
static int64_t highest_score(const struct lint *lint, const struct group_tree *group) {
  int64_t sum = 0, highest = 0;
  for (uint16_t i = 0; i < group->rule_count; i++) {
    const struct rule_tree *rule = tree_rule_find(lint->tree, group->rules[i].text);
    if (rule == NULL || __builtin_add_overflow(sum, rule->score > 0 ? rule->score : 0, &sum)) return INT64_MAX;
    if (rule->score > highest) highest = rule->score;
  }
  if (!group->score_sum) return highest;
  return group->sum_all && highest > 0 ? INT64_MAX : sum;
}

void lint_group(struct lint *lint, const struct group_tree *group) {
  int64_t highest = highest_score(lint, group);
  for (uint16_t i = 0; i < group->band_count; i++) {
    const struct band_tree *band = &group->bands[i];
    if (band->at <= highest) continue;
    lint_say(lint, LINT_NEVER_TRUE, band->action.span,
             group->score_sum && !group->sum_all ? "`score sum` takes each rule once; `sum all` takes each alert"
                                                 : NULL,
             "this band is never entered: the scores of the group's rules come to %" PRId64 " at most", highest);
  }
}

/* ---- windows ---- */

void lint_window(struct lint *lint, const struct window_tree *window) {
  enum { DAYS_OF_TODAY = 2 }; /* no zone's day is that long */
  bool sized = window->kind == WINDOW_TUMBLING || window->kind == WINDOW_SLIDING;
  int64_t most_us = sized                          ? window->size_us
                    : window->kind == WINDOW_TODAY ? DAYS_OF_TODAY * INT64_C(86400000000)
                                                   : INT64_MAX;
  bool over = window->kind == WINDOW_COUNT && window->early_count >= window->count;
  if (window->early_us < most_us && !over) return;
  lint_say(lint, LINT_NO_EFFECT, window->spans[WINDOW_WORD_EARLY], "less than the window's length would tell early",
           "`early every` has no effect: the window ends before");
}
