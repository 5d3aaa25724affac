/* check_stage.c - what is known only when all rules are: tables that are filled from derived events, keys of groups,
 * and circles through lists and tables (runtime.md, section 3: "A rule that fills a list stands in an earlier stage
 * than every rule that asks it"). */
#include "rules/check_private.h"
#include "rules/parts.h"

/* ---- groups ---- */

static void check_group_keys(struct checker *c, const struct group_tree *group) {
  if (group->key == NULL) return;
  for (uint16_t p = 0; p < group->key->part_count; p++) {
    const struct name *part = &group->key->parts[p].name;
    if (group->key->parts[p].path_count > 0) continue; /* said already */
    struct type type = TYPE_BAD;
    const struct rule_tree *first = NULL;
    for (uint16_t i = 0; i < group->rule_count; i++) {
      const struct decl *decl = check_symbol(&c->rules, group->rules[i].text);
      bool twice = false;
      for (uint16_t before = 0; before < i; before++)
        if (slice_equal(group->rules[before].text, group->rules[i].text)) twice = true;
      if (decl == NULL || twice) continue; /* said already */
      const struct rule_tree *rule = decl->rule;
      struct type own = TYPE_BAD;
      bool found = false;
      for (uint16_t k = 0; k < rule->emit_count && !found; k++)
        if (slice_equal(rule->emit[k].name.text, part->text)) {
          own = rule->emit[k].expr->type;
          found = true;
        }
      const struct key_tree *told = parts_told_key(rule);
      int32_t key = !found && told != NULL ? check_key_part(told, part->text) : -1;
      if (key >= 0) {
        own = told->parts[key].type;
        found = true;
      }
      if (!found) {
        check_say(c, group->rules[i].span, "key", "put it into the rule's `emit`",
                  "alerts of `" SLICE_FMT "` have no field `" SLICE_FMT "`, the key of the group `" SLICE_FMT "`",
                  SLICE_ARG(rule->name.text), SLICE_ARG(part->text), SLICE_ARG(group->name.text));
      } else if (!type_bad(own) && first != NULL && !type_bad(type) && !type_equal(own, type)) {
        check_say(c, group->rules[i].span, "type-mismatch", "equal keys need equal types",
                  "the key `" SLICE_FMT "` of the group `" SLICE_FMT "` is %s in alerts of `" SLICE_FMT
                  "` and %s in those of `" SLICE_FMT "`",
                  SLICE_ARG(part->text), SLICE_ARG(group->name.text), TYPE_TEXT(type), SLICE_ARG(first->name.text),
                  TYPE_TEXT(own), SLICE_ARG(rule->name.text));
      } else if (!type_bad(own) && first == NULL) {
        type = own;
        first = rule;
      }
    }
  }
}

/* ---- circles ---- */

struct stage_walk {
  struct checker *c;
  struct name_graph graph;
  uint32_t node, first_rule, first_list, first_table;
  uint32_t first_part; /* of rules whose key changes: their parts but the last, which is the rule's own node */
  struct rule_part **parts;
  struct rule_tree **part_rules; /* of each */
  uint32_t part_count;
  /* What a rule may ask before it is filled, by its own key or with `visible after`, it needs as well, unless both it
   * and the list are in a circle here. NULL: it does not need that. */
  const bool *in_circle;
  const struct rule_tree *rule;
  const struct key_tree *key; /* of the rule, or of its part; its fields are of these types */
  const uint16_t *key_types;
  uint16_t key_type_count;
  const uint16_t *types; /* of the candidate */
  uint16_t type_count;
};

/* Whether the expression is the rule's own key, the whole of it. */
static bool is_own_key(const struct stage_walk *walk, const struct tree_expr *expr) {
  const struct rule_tree *rule = walk->rule;
  if (rule == NULL || walk->key == NULL || walk->key->part_count != 1 || expr->kind != TREE_PATH || expr->at != NULL)
    return false;
  if (expr->ref.kind == REF_KEY) return true;
  const struct key_part *part = &walk->key->parts[0];
  uint16_t type;
  if (expr->ref.kind == REF_FIELD && walk->type_count == 1)
    type = walk->types[0];
  else if (expr->ref.kind == REF_STEP_FIELD)
    type = rule->steps[expr->ref.step].type;
  else
    return false;
  for (uint16_t i = 0; i < walk->key_type_count; i++)
    if (walk->key_types[i] == type) return part->fields != NULL && part->fields[i] == expr->ref.field;
  return false;
}

static void stage_expr(void *context, struct tree_expr *expr) {
  struct stage_walk *walk = context;
  const struct tree *tree = walk->c->tree;
  if (expr->kind == TREE_IN_NAME && expr->ref.kind == REF_LIST) {
    uint32_t list = walk->first_list + expr->ref.index;
    bool before = tree->lists[expr->ref.index]->visible_after_us > 0 || is_own_key(walk, expr->items[0]);
    bool soft = before && (walk->in_circle == NULL || (walk->in_circle[walk->node] && walk->in_circle[list]));
    if (!soft) name_graph_need(&walk->graph, walk->node, list);
  }
  if (expr->kind == TREE_PATH && expr->ref.kind == REF_TABLE)
    name_graph_need(&walk->graph, walk->node, walk->first_table + expr->ref.index);
  const struct tree_expr *counter = expr;
  if (expr->kind == TREE_PATH && expr->ref.kind == REF_COUNTER)
    counter = walk->c->counters.decls[expr->ref.index]->counter->counting;
  const struct use *of = tree_counting(counter) != NULL ? tree_counting(counter)->of : tree_seen_of(counter);
  if (of != NULL) name_graph_need(&walk->graph, walk->node, of->type);
}

static void stage_one(struct stage_walk *walk, struct tree_expr *expr, const uint16_t *types, uint16_t type_count) {
  walk->types = types;
  walk->type_count = type_count;
  if (expr != NULL) tree_expr_walk(expr, stage_expr, walk);
}

static void stage_element(struct stage_walk *walk, struct element *element) {
  stage_one(walk, element->use.condition, &element->use.type, 1);
  stage_one(walk, element->among, NULL, 0);
  stage_one(walk, element->until, element->until_types, element->until_type_count);
  for (uint16_t i = 0; i < element->child_count; i++) stage_element(walk, element->children[i]);
}

static void stage_key(struct stage_walk *walk, const struct key_tree *key, const uint16_t *types, uint16_t type_count) {
  walk->key = key;
  walk->key_types = types;
  walk->key_type_count = type_count;
  for (uint16_t i = 0; i < type_count; i++) name_graph_need(&walk->graph, walk->node, types[i]);
}

static void stage_part(struct stage_walk *walk, const struct rule_part *part) {
  stage_key(walk, part->key, part->types, part->type_count);
  stage_element(walk, part->pattern);
}

/* The parts of a rule whose key changes, each above the one before; the last one is the rule's. */
static void stage_parts(struct stage_walk *walk, struct rule_tree *rule) {
  uint32_t own = walk->node, before = UINT32_MAX;
  for (uint16_t p = 0; p < rule->part_count; p++) {
    bool last = p + 1 == rule->part_count;
    walk->node = last ? own : walk->first_part + walk->part_count;
    if (before != UINT32_MAX) name_graph_need(&walk->graph, walk->node, before);
    stage_part(walk, &rule->parts[p]);
    before = walk->node;
    if (last) return;
    walk->part_rules[walk->part_count] = rule;
    walk->parts[walk->part_count++] = &rule->parts[p];
  }
}

static void stage_rule(struct stage_walk *walk, struct rule_tree *rule) {
  walk->rule = rule;
  if (rule->part_count == 0) stage_key(walk, rule->key, rule->types, rule->type_count);
  stage_one(walk, rule->on.condition, rule->types, rule->type_count);
  stage_one(walk, rule->when, rule->types, rule->type_count);
  if (rule->part_count > 0)
    stage_parts(walk, rule);
  else if (rule->pattern != NULL)
    stage_element(walk, rule->pattern);
  for (uint16_t i = 0; i < rule->emit_count; i++)
    stage_one(walk, rule->emit[i].expr, rule->pattern == NULL ? rule->types : NULL,
              rule->pattern == NULL ? rule->type_count : 0);
  for (uint16_t i = 0; i < rule->rare->add_count + rule->rare->remove_count; i++) {
    const struct list_action *action =
        i < rule->rare->add_count ? &rule->rare->add[i] : &rule->rare->remove[i - rule->rare->add_count];
    const struct decl *list = check_symbol(&walk->c->lists, action->list.text);
    if (list != NULL) name_graph_need(&walk->graph, walk->first_list + list->list->index, walk->node);
  }
}

static const struct name *node_name(const struct stage_walk *walk, uint32_t node) {
  static const struct name none;
  const struct tree *tree = walk->c->tree;
  if (node >= walk->first_part) return &walk->part_rules[node - walk->first_part]->name;
  if (node >= walk->first_table) return &tree->tables[node - walk->first_table]->name;
  if (node >= walk->first_list) return &tree->lists[node - walk->first_list]->name;
  if (node >= walk->first_rule) return &tree->rules[node - walk->first_rule]->name;
  const struct type_info *type = &tree->types[node];
  return type->event != NULL ? &type->event->name : type->rule != NULL ? &type->rule->name : &none;
}

static void say_stage_circles(struct stage_walk *walk, const bool *in_circle) {
  struct checker *c = walk->c;
  bool *told = arena_array(&c->scratch, bool, walk->graph.node_count + 1);
  for (uint32_t n = walk->first_rule; n < walk->graph.node_count; n++) {
    uint32_t circle[CHECK_CIRCLE_MAX];
    if (!in_circle[n] || told[n]) continue;
    uint32_t length = name_graph_circle(&walk->graph, n, circle, CHECK_CIRCLE_MAX);
    uint32_t listed = length < CHECK_CIRCLE_MAX ? length : CHECK_CIRCLE_MAX;
    if (length == 0) continue;
    struct slice names[CHECK_CIRCLE_MAX];
    bool through_list = false;
    uint32_t named = 0;
    for (uint32_t i = 0; i < listed; i++) {
      uint32_t node = circle[i];
      told[node] = true;
      if (node >= walk->first_list && node < walk->first_table) through_list = true;
      struct slice name = node_name(walk, node)->text;
      if (named == 0 || !slice_equal(names[named - 1], name))
        names[named++] = name; /* parts are called as their rule */
    }
    if (named > 1 && slice_equal(names[0], names[named - 1])) named--;
    struct span at = node_name(walk, n)->span;
    check_say(c, at, "circle",
              through_list ? "ask the list only by the rule's own key, or declare it with `visible after 1s`"
                           : "take one of them out of the circle",
              "a rule asks what it fills itself: %s",
              check_circle_text(c, names, named, length > listed ? named + 1 : named));
  }
}

static int compare_edges(const void *a, const void *b) {
  const struct name_edge *x = a, *y = b;
  return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->to > y->to) - (x->to < y->to);
}

/* In which pass each thing is worked on (tree.h, `level`), and in which stage: these count filters too, and put the
 * timers of one time in order. Needs stand before what needs them in `order`. */
static void set_levels(struct stage_walk *walk, const uint32_t *order) {
  const struct tree *tree = walk->c->tree;
  struct name_graph *graph = &walk->graph;
  uint32_t count = graph->node_count;
  uint16_t *levels = arena_array(&walk->c->scratch, uint16_t, count + 1); /* from which pass on it can be read */
  uint16_t *stages = arena_array(&walk->c->scratch, uint16_t, count + 1); /* and from which stage on */
  uint32_t *first = arena_array(&walk->c->scratch, uint32_t, count + 2);
  if (graph->edge_count > 0) qsort(graph->edges, graph->edge_count, sizeof *graph->edges, compare_edges);
  for (uint32_t e = 0; e < graph->edge_count; e++) first[graph->edges[e].from + 1]++;
  for (uint32_t i = 0; i < count; i++) first[i + 1] += first[i];
  for (uint32_t i = 0; i < count; i++) {
    uint32_t node = order[i];
    for (uint32_t e = first[node]; e < first[node + 1]; e++) {
      if (levels[graph->edges[e].to] > levels[node]) levels[node] = levels[graph->edges[e].to];
      if (stages[graph->edges[e].to] > stages[node]) stages[node] = stages[graph->edges[e].to];
    }
    if (node < walk->first_rule) {
      struct type_info *type = &tree->types[node];
      struct event_tree *event = type->origin == TYPE_OF_DERIVED ? type->event : NULL;
      if (event != NULL && (event->window != NULL || event->join || event->asks)) levels[node]++;
      if (event != NULL) event->stage = ++stages[node];
      type->level = levels[node];
      type->stage = stages[node];
    } else if (node < walk->first_list) { /* its alerts, and the lists that it fills, are read by the next pass */
      struct rule_tree *rule = tree->rules[node - walk->first_rule];
      rule->level = levels[node]++;
      rule->stage = stages[node]++;
      if (rule->part_count > 0) rule->parts[rule->part_count - 1].level = rule->level;
    } else if (node < walk->first_table) {
      tree->lists[node - walk->first_list]->level = levels[node];
    } else if (node < walk->first_part) {
      tree->tables[node - walk->first_table]->level = levels[node];
    } else { /* its matches are events of the next pass */
      walk->parts[node - walk->first_part]->level = levels[node]++;
      walk->parts[node - walk->first_part]->stage = stages[node]++;
    }
  }
}

/* ---- filters that ask what changes ---- */

struct filter_walk {
  struct checker *c;
  bool asks;
};

static bool is_filled(const struct tree *tree, uint16_t list) {
  struct slice name = tree->lists[list]->name.text;
  for (uint16_t r = 0; r < tree->rule_count; r++) {
    const struct rule_rare *rare = tree->rules[r]->rare;
    for (uint16_t i = 0; i < rare->add_count; i++)
      if (slice_equal(rare->add[i].list.text, name)) return true;
    for (uint16_t i = 0; i < rare->remove_count; i++)
      if (slice_equal(rare->remove[i].list.text, name)) return true;
  }
  return false;
}

static void find_asks(void *context, struct tree_expr *expr) {
  struct filter_walk *walk = context;
  const struct tree *tree = walk->c->tree;
  switch (expr->kind) {
  case TREE_COUNTING:
  case TREE_SEEN: walk->asks = true; break;
  case TREE_IN_NAME: walk->asks |= expr->ref.kind == REF_LIST && is_filled(tree, expr->ref.index); break;
  case TREE_PATH:
    walk->asks |= expr->ref.kind == REF_COUNTER || expr->ref.kind == REF_MODEL ||
                  (expr->ref.kind == REF_TABLE && name_given(&tree->tables[expr->ref.index]->from_event));
    break;
  default: break;
  }
}

static void find_asking_filters(struct checker *c) {
  for (uint16_t i = 0; i < c->tree->derived_count; i++) {
    struct event_tree *event = c->tree->deriveds[i];
    struct filter_walk walk = {.c = c};
    if (event->join || event->window != NULL) continue;
    if (event->where != NULL) tree_expr_walk(event->where, find_asks, &walk);
    for (uint16_t e = 0; e < event->entry_count; e++) tree_expr_walk(event->entries[e].expr, find_asks, &walk);
    event->asks = walk.asks;
  }
}

static uint32_t part_nodes(const struct tree *tree) {
  uint32_t parts = 0;
  for (uint16_t i = 0; i < tree->rule_count; i++)
    if (tree->rules[i]->part_count > 0) parts += tree->rules[i]->part_count - 1u;
  return parts;
}

/* What needs what. */
static void collect_needs(struct checker *c, struct stage_walk *all, const bool *in_circle) {
  const struct tree *tree = c->tree;
  struct stage_walk walk = {.c = c, .first_rule = tree->type_count, .in_circle = in_circle};
  walk.first_list = walk.first_rule + tree->rule_count;
  walk.first_table = walk.first_list + tree->list_count;
  walk.first_part = walk.first_table + tree->table_count;
  uint32_t parts = part_nodes(tree);
  walk.parts = arena_array(&c->scratch, struct rule_part *, parts + 1);
  walk.part_rules = arena_array(&c->scratch, struct rule_tree *, parts + 1);
  name_graph_init(&walk.graph, &c->scratch, walk.first_part + parts);
  for (uint16_t i = 0; i < tree->type_count; i++) {
    const struct type_info *type = &tree->types[i];
    walk.node = i;
    walk.rule = NULL;
    if (type->origin == TYPE_OF_ALERTS) name_graph_need(&walk.graph, i, walk.first_rule + type->rule->id);
    if (type->origin != TYPE_OF_DERIVED) continue;
    for (uint16_t k = 0; k < type->event->from_type_count; k++)
      name_graph_need(&walk.graph, i, type->event->from_types[k]);
    stage_one(&walk, type->event->where, NULL, 0);
    for (uint16_t k = 0; k < type->event->entry_count; k++) stage_one(&walk, type->event->entries[k].expr, NULL, 0);
  }
  for (uint16_t i = 0; i < tree->rule_count; i++) {
    walk.node = walk.first_rule + i;
    stage_rule(&walk, tree->rules[i]);
  }
  for (uint16_t i = 0; i < tree->table_count; i++) {
    const struct table_tree *table = tree->tables[i];
    int64_t type = name_given(&table->from_event) ? name_map_get(&c->type_ids, table->from_event.text) : NAME_ABSENT;
    if (type != NAME_ABSENT) name_graph_need(&walk.graph, walk.first_table + i, (uint32_t)type);
  }
  *all = walk;
}

/* A list is filled by a pass before those that ask it, also by their own key, but where that makes a circle. So the
 * passes of rules do not hang on other rules' circles. */
static void check_circles(struct checker *c) {
  struct stage_walk walk;
  find_asking_filters(c);
  const struct tree *tree = c->tree;
  uint32_t nodes =
      (uint32_t)tree->type_count + tree->rule_count + tree->list_count + tree->table_count + part_nodes(tree);
  bool *in_circle = arena_array(&c->scratch, bool, nodes + 1); /* none, so far */
  for (int round = 0; round < 3; round++) {
    collect_needs(c, &walk, round < 2 ? in_circle : NULL);
    uint32_t *order = arena_array(&c->scratch, uint32_t, nodes + 1);
    in_circle = arena_array(&c->scratch, bool, nodes + 1);
    if (name_graph_order(&walk.graph, order, in_circle) == nodes) {
      set_levels(&walk, order);
      return;
    }
  }
  say_stage_circles(&walk, in_circle);
}

void check_stages(struct checker *c) {
  for (uint16_t i = 0; i < c->tree->table_count; i++) {
    struct table_tree *table = c->tree->tables[i];
    if (!name_given(&table->from_event)) continue;
    int64_t type = name_map_get(&c->type_ids, table->from_event.text);
    if (type != NAME_ABSENT &&
        (c->tree->types[type].origin == TYPE_OF_DERIVED || c->tree->types[type].origin == TYPE_OF_ALERTS))
      check_table_event(c, table);
  }
  for (uint32_t i = 0; i < c->groups.count; i++) check_group_keys(c, c->groups.decls[i]->group);
  if (c->diags->error_count == 0) check_circles(c);
}
