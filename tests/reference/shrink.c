/* shrink.c - from a case that differs to the smallest one near it that still does: fewer events, fewer elements, fewer
 * words, plainer policies, smaller numbers. Greedy, to a fixed point, with a bound on the number of tries. */
#include "pattern_case.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES_MAX = 20000, TEXT_MAX = 1 << 15 };

struct shrinker {
  struct pattern_case *best;
  struct pattern_case candidate;
  case_differs differs;
  void *context;
  int tries;
  char text[2][TEXT_MAX];
};

static const char *case_text(const struct pattern_case *c, char *out) {
  size_t used = case_print_rules(c, out, TEXT_MAX);
  for (int i = 0; i < c->event_count; i++) used += case_print_event(c, &c->events[i], out + used, TEXT_MAX - used);
  return out;
}

static bool attempt(struct shrinker *s) {
  if (s->tries >= TRIES_MAX || strcmp(case_text(&s->candidate, s->text[0]), case_text(s->best, s->text[1])) == 0)
    return false;
  s->tries++;
  if (!s->differs(s->context, &s->candidate)) return false;
  *s->best = s->candidate;
  return true;
}

static struct pattern_case *begin(struct shrinker *s) {
  s->candidate = *s->best;
  return &s->candidate;
}

/* ---- events ---- */

static bool drop_events(struct shrinker *s, int from, int count) {
  struct pattern_case *c = begin(s);
  if (from + count > c->event_count) return false;
  memmove(&c->events[from], &c->events[from + count], sizeof c->events[0] * (size_t)(c->event_count - from - count));
  c->event_count -= count;
  for (int i = 0; i < c->event_count; i++) c->events[i].id = i;
  return attempt(s);
}

static bool shrink_events(struct shrinker *s) {
  bool changed = false;
  for (int size = s->best->event_count / 2; size > 0; size /= 2)
    for (int from = s->best->event_count - size; from >= 0; from--) changed |= drop_events(s, from, size);
  for (int i = 0; i < s->best->event_count; i++) {
    int64_t step = i == 0 ? 0 : s->best->events[i].time - s->best->events[i - 1].time - 1;
    struct pattern_case *c = begin(s);
    for (int k = i; k < c->event_count && step > 0; k++) c->events[k].time -= step;
    changed |= attempt(s);
    for (int f = 0; f < s->best->field_count; f++) {
      c = begin(s);
      c->events[i].nulls[f] = false;
      c->events[i].values[f] = 0;
      changed |= attempt(s);
    }
    c = begin(s);
    c->events[i].key = 0;
    changed |= attempt(s);
  }
  return changed;
}

/* ---- elements ---- */

struct copying {
  const struct pattern_case *from;
  struct pattern_case *to;
  int dropped, unwrapped; /* element left out, element replaced by its children; -1 */
  int renamed[CASE_NODES_MAX];
};

static void copy_node(struct copying *k, int node, int parent, enum link link) {
  const struct node *n = &k->from->nodes[node];
  if (node == k->dropped) return;
  if (node == k->unwrapped) {
    for (int i = 0; i < n->child_count; i++)
      copy_node(k, n->children[i], parent, i == 0 ? link : k->from->nodes[n->children[i]].link);
    return;
  }
  int copy = k->to->node_count++;
  k->renamed[node] = copy;
  k->to->nodes[copy] = *n;
  k->to->nodes[copy].parent = parent;
  k->to->nodes[copy].link = link;
  k->to->nodes[copy].child_count = 0;
  if (parent >= 0 && k->to->nodes[parent].child_count < CASE_CHILDREN_MAX)
    k->to->nodes[parent].children[k->to->nodes[parent].child_count++] = copy;
  for (int i = 0; i < n->child_count; i++) {
    bool first = k->to->nodes[copy].child_count == 0;
    copy_node(k, n->children[i], copy, first ? LINK_START : k->from->nodes[n->children[i]].link);
  }
}

/* Terms that read a step that is gone are left out; false: nothing else is wrong with the tree. */
static void rename_steps(const struct copying *k, struct condition *condition) {
  int kept = 0;
  for (int i = 0; i < condition->count; i++) {
    struct term t = condition->terms[i];
    struct operand *operands[] = {&t.left, &t.plus, &t.right};
    bool gone = false;
    for (int o = 0; o < 3; o++)
      if (operands[o]->kind >= OPERAND_COUNT) {
        gone |= k->renamed[operands[o]->step] < 0;
        operands[o]->step = k->renamed[operands[o]->step];
      }
    if (!gone) condition->terms[kept++] = t;
  }
  condition->count = kept;
}

static bool well_formed(const struct pattern_case *c) {
  for (int i = 0; i < c->node_count; i++) {
    const struct node *n = &c->nodes[i];
    bool parent = n->kind == NODE_GROUP || n->kind == NODE_OR || n->kind == NODE_AND;
    if (parent && (n->child_count == 0 || c->nodes[n->children[0]].kind == NODE_ABSENCE)) return false;
    if ((n->kind == NODE_OR || n->kind == NODE_AND) && n->child_count < 2) return false;
    bool last_absence = parent && c->nodes[n->children[n->child_count - 1]].kind == NODE_ABSENCE;
    if (last_absence && (i > 0 || c->nodes[n->children[n->child_count - 1]].for_time < 0)) return false;
    if ((n->has_until || n->has_among) && (n->has_until ? n->until.count : n->among.count) == 0) return false;
  }
  return c->nodes[c->after_step].kind == NODE_STEP;
}

static bool rebuild(struct shrinker *s, int dropped, int unwrapped) {
  struct pattern_case *c = begin(s);
  struct copying k = {.from = s->best, .to = c, .dropped = dropped, .unwrapped = unwrapped};
  for (int i = 0; i < CASE_NODES_MAX; i++) k.renamed[i] = -1;
  memset(c->nodes, 0, sizeof c->nodes);
  c->node_count = 0;
  copy_node(&k, 0, -1, LINK_START);
  for (int i = 0; i < c->node_count; i++) {
    rename_steps(&k, &c->nodes[i].condition);
    rename_steps(&k, &c->nodes[i].among);
    rename_steps(&k, &c->nodes[i].until);
  }
  bool uses_step = c->after == SKIP_TO_FIRST || c->after == SKIP_TO_LAST;
  int after_step = k.renamed[s->best->after_step];
  if (after_step < 0 && uses_step) return false;
  c->after_step = after_step < 0 ? node_first_step(c, 0) : after_step;
  return well_formed(c) && attempt(s);
}

static bool drop_term(struct shrinker *s, int node, int which, int term) {
  struct pattern_case *c = begin(s);
  struct node *n = &c->nodes[node];
  struct condition *condition = which == 0 ? &n->condition : which == 1 ? &n->among : &n->until;
  if (term >= condition->count) return false;
  memmove(&condition->terms[term], &condition->terms[term + 1],
          sizeof condition->terms[0] * (size_t)(condition->count - term - 1));
  if (--condition->count < 2) condition->either = false;
  if (condition->count == 0 && which == 1) n->has_among = false;
  if (condition->count == 0 && which == 2) n->has_until = false;
  return attempt(s);
}

static bool shrink_words(struct shrinker *s, int node) {
  bool changed = false;
  for (int word = 0; word < 12; word++) {
    struct node *n = &begin(s)->nodes[node];
    switch (word) {
    case 0:
      n->has_quantifier = n->strict = n->each = n->any = n->greedy = n->has_until = false, n->min = n->max = 1,
      n->gap = -1;
      break;
    case 1: n->strict = false; break;
    case 2: n->each = false; break;
    case 3: n->any = false; break;
    case 4: n->greedy = false; break;
    case 5: n->has_until = false; break;
    case 6: n->has_among = false; break;
    case 7: n->gap = -1; break;
    case 8: n->link = n->link > LINK_THEN ? LINK_THEN : n->link, n->has_among = false; break;
    case 9: n->max = n->has_quantifier && n->max == CASE_UNLIMITED ? n->min + 1 : n->max; break;
    case 10: n->min = n->min > 1 ? n->min - 1 : n->min; break;
    default: n->max = n->max < CASE_UNLIMITED && n->max > n->min && n->max > 1 ? n->max - 1 : n->max; break;
    }
    changed |= attempt(s);
  }
  for (int which = 0; which < 3; which++)
    for (int term = CASE_TERMS_MAX - 1; term >= 0; term--) changed |= drop_term(s, node, which, term);
  return changed;
}

static bool shrink_policies(struct shrinker *s) {
  bool changed = false;
  for (int word = 0; word < 6; word++) {
    struct pattern_case *c = begin(s);
    switch (word) {
    case 0: c->report = TELL_FIRST; break;
    case 1: c->report = TELL_ALL; break;
    case 2: c->after = SKIP_NOTHING; break;
    case 3: c->after = SKIP_DEFAULT; break;
    case 4: c->limit = 100; break;
    default: c->within = c->within < 100 ? 100 : c->within; break;
    }
    changed |= attempt(s);
  }
  return changed;
}

void case_shrink(struct pattern_case *c, case_differs differs, void *context) {
  struct shrinker *s = calloc(1, sizeof *s);
  s->best = c;
  s->differs = differs;
  s->context = context;
  bool changed = true;
  for (int round = 0; changed && round < 50; round++) {
    changed = shrink_events(s);
    for (int node = s->best->node_count - 1; node > 0; node--)
      if (node < s->best->node_count) changed |= rebuild(s, node, -1);
    for (int node = s->best->node_count - 1; node > 0; node--)
      if (node < s->best->node_count && s->best->nodes[node].kind == NODE_GROUP &&
          s->best->nodes[s->best->nodes[node].parent].kind == NODE_GROUP)
        changed |= rebuild(s, -1, node);
    for (int node = 1; node < s->best->node_count; node++) changed |= shrink_words(s, node);
    changed |= shrink_policies(s);
  }
  free(s);
}
