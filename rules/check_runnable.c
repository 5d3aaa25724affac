/* check_runnable.c - what this version checks but does not execute: one error for each such construct, for run and
 * test. A rule or derived event that is made from one that cannot run cannot run either; that is marked, not said
 * again. */
#include "rules/check.h"

struct runnable {
  struct tree *tree;
  struct diags *diags;
  struct span at; /* where an expression's own place is not known */
  bool good;      /* of the declaration at hand */
};

static void refuse(struct runnable *r, struct span span, const char *what) {
  r->good = false;
  if (r->diags == NULL) return;
  diag_add(r->diags, DIAG_ERROR, span.line > 0 ? span : r->at, "not-yet", NULL, "`run` cannot execute %s yet", what);
}

static void visit(void *context, struct tree_expr *expr) {
  struct runnable *r = context;
  if (expr->kind != TREE_PATH) return;
  if (expr->ref.kind == REF_LOOKUP) refuse(r, expr->span, "lookups");
}

static void visit_expr(struct runnable *r, struct tree_expr *expr) {
  if (expr != NULL) tree_expr_walk(expr, visit, r);
}

/* `said`: the type's own declaration has its error already. */
static void visit_type(struct runnable *r, struct span span, uint16_t type) {
  const struct type_info *info = &r->tree->types[type];
  if (info->origin == TYPE_BUILT_IN) refuse(r, span, "rules on built-in events");
  if (info->origin == TYPE_OF_DERIVED && info->event->not_yet) r->good = false;
}

static void visit_element(struct runnable *r, struct element *element) {
  if (element->kind == ELEMENT_STEP || element->kind == ELEMENT_ABSENCE)
    visit_type(r, element->use.event.span, element->use.type);
  visit_expr(r, element->use.condition);
  visit_expr(r, element->among);
  visit_expr(r, element->until);
  for (uint16_t i = 0; i < element->child_count; i++) visit_element(r, element->children[i]);
}

static void visit_rule(struct runnable *r, struct rule_tree *rule) {
  r->good = true;
  r->at = rule->name.span;
  if (rule->given >> CLAUSE_ON & 1) visit_type(r, rule->on.event.span, rule->on.type);
  visit_expr(r, rule->on.condition);
  visit_expr(r, rule->when);
  if (rule->pattern != NULL) visit_element(r, rule->pattern);
  for (uint16_t i = 0; i < rule->emit_count; i++) visit_expr(r, rule->emit[i].expr);
  visit_expr(r, rule->suppress_unless);
  rule->not_yet = !r->good;
}

static void visit_derived(struct runnable *r, struct event_tree *event) {
  r->good = true;
  r->at = event->name.span;
  for (uint16_t i = 0; i < event->from_type_count; i++)
    visit_type(r, i < event->from_count ? event->from[i].span : event->name.span, event->from_types[i]);
  visit_expr(r, event->where);
  for (uint16_t i = 0; i < event->entry_count; i++) visit_expr(r, event->entries[i].expr);
  event->not_yet = !r->good;
}

bool check_runnable(struct tree *tree, struct diags *diags) {
  struct runnable r = {.tree = tree, .diags = diags};
  bool all = true;
  for (uint32_t i = 0; i < tree->decl_count; i++) {
    const struct decl *decl = &tree->decls[i];
    r.good = true;
    switch (decl->kind) {
    case DECL_LOOKUP: refuse(&r, decl->lookup->name.span, "lookups"); break;
    default: break;
    }
    all = all && r.good;
  }
  for (uint16_t i = 0; i < tree->derived_count; i++) {
    visit_derived(&r, tree->deriveds[i]);
    all = all && r.good;
  }
  for (uint16_t i = 0; i < tree->rule_count; i++) {
    visit_rule(&r, tree->rules[i]);
    all = all && r.good;
  }
  return all;
}
