/* pattern_case.c - what the judges ask of a case that is no matter of runs: how its elements stand to each other, and
 * whether a condition holds: the candidate's fields, constants, and aggregates over the events that a step has so far.
 * Null where a value is missing; a comparison with null is not true. Values are small whole numbers, so doubles are
 * exact. */
#include "pattern_case.h"

bool node_inside(const struct pattern_case *c, int node, int ancestor) {
  while (node > ancestor) node = c->nodes[node].parent;
  return node == ancestor;
}

int node_common(const struct pattern_case *c, int a, int b) {
  while (!node_inside(c, b, a)) a = c->nodes[a].parent;
  return a;
}

int node_first_step(const struct pattern_case *c, int node) {
  while (c->nodes[node].child_count > 0) node = c->nodes[node].children[0];
  return node;
}

bool node_optional(const struct pattern_case *c, int node) {
  const struct node *n = &c->nodes[node];
  bool empty = n->kind == NODE_GROUP;
  for (int i = 0; empty && i < n->child_count; i++)
    empty = c->nodes[n->children[i]].kind == NODE_ABSENCE || node_optional(c, n->children[i]);
  return empty || n->min == 0;
}

bool node_of_groups(const struct pattern_case *c, int node) {
  bool groups = false;
  for (int i = 0; c->nodes[node].kind == NODE_OR && i < c->nodes[node].child_count; i++)
    groups |= c->nodes[c->nodes[node].children[i]].kind != NODE_STEP;
  return groups;
}

bool node_has_type(const struct pattern_case *c, int node, int type, bool absences) {
  bool found = false;
  for (int i = node; i < c->node_count; i++) {
    const struct node *n = &c->nodes[i];
    found |=
        (n->kind == NODE_STEP || (absences && n->kind == NODE_ABSENCE)) && n->type == type && node_inside(c, i, node);
  }
  return found;
}

struct answer {
  bool null;
  double value;
};

static struct answer answer_of(const struct case_event *event, int field) {
  return (struct answer){event->nulls[field], event->values[field]};
}

static struct answer aggregate(const struct pattern_case *c, const struct operand *o, const struct told_pair *taken,
                               int taken_count) {
  int count = 0, present = 0, distinct = 0;
  double seen[CASE_EVENTS_MAX], sum = 0, low = 0, high = 0;
  struct answer chosen = {.null = true}; /* of first, last, nth: the event's value, null or not */
  for (int i = 0; i < taken_count; i++) {
    if (taken[i].step != o->step) continue;
    struct answer a = answer_of(&c->events[taken[i].event], o->field);
    count++;
    if (o->kind == OPERAND_LAST || (o->kind == OPERAND_FIRST && count == 1) ||
        (o->kind == OPERAND_NTH && count == o->nth))
      chosen = a;
    if (a.null) continue;
    sum += a.value;
    if (present == 0 || a.value < low) low = a.value;
    if (present == 0 || a.value > high) high = a.value;
    bool known = false;
    for (int k = 0; k < distinct; k++) known = known || seen[k] == a.value;
    if (!known) seen[distinct++] = a.value;
    present++;
  }
  switch (o->kind) {
  case OPERAND_COUNT: return (struct answer){false, count};
  case OPERAND_SUM: return (struct answer){false, sum}; /* of nothing, sums and counts are 0, all others null */
  case OPERAND_DISTINCT: return (struct answer){false, distinct};
  case OPERAND_AVG: return (struct answer){present == 0, present == 0 ? 0 : sum / present};
  case OPERAND_MIN: return (struct answer){present == 0, low};
  case OPERAND_MAX: return (struct answer){present == 0, high};
  default: return chosen;
  }
}

static bool term_holds(const struct pattern_case *c, const struct term *t, const struct told_pair *taken,
                       int taken_count, int candidate) {
  const struct operand *operands[] = {&t->left, &t->plus, &t->right};
  double values[3] = {0, 0, 0};
  for (int i = 0; i < 3; i++) {
    const struct operand *o = operands[i];
    if (o->kind == OPERAND_NONE) continue;
    struct answer a = {false, o->constant};
    if (o->kind == OPERAND_FIELD)
      a = answer_of(&c->events[candidate], o->field);
    else if (o->kind != OPERAND_CONSTANT)
      a = aggregate(c, o, taken, taken_count);
    if (a.null) return false;
    values[i] = a.value;
  }
  double left = values[0] + values[1], right = values[2];
  switch (t->op) {
  case TERM_EQUAL: return left == right;
  case TERM_NOT_EQUAL: return left != right;
  case TERM_LESS: return left < right;
  case TERM_LESS_EQUAL: return left <= right;
  case TERM_GREATER: return left > right;
  case TERM_GREATER_EQUAL: return left >= right;
  case TERM_IN: break;
  }
  for (int i = 0; i < t->set_count; i++)
    if (t->set[i] == left) return true;
  return false;
}

bool condition_holds(const struct pattern_case *c, const struct condition *condition, const struct told_pair *taken,
                     int taken_count, int candidate) {
  for (int i = 0; i < condition->count; i++)
    if (term_holds(c, &condition->terms[i], taken, taken_count, candidate) == condition->either)
      return condition->either;
  return condition->count == 0 || !condition->either;
}

bool node_until_holds(const struct pattern_case *c, int node, const struct told_pair *taken, int taken_count,
                      int candidate) {
  if (!c->nodes[node].has_until || !node_has_type(c, node, c->events[candidate].type, false)) return false;
  return condition_holds(c, &c->nodes[node].until, taken, taken_count, candidate);
}
