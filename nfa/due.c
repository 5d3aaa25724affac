/* due.c - the heap of runs by the end of their `within`. Called by runs.c. */
#include "nfa/due.h"

static bool is_earlier(const struct run *a, const struct run *b) {
  return a->start_time != b->start_time ? a->start_time < b->start_time : a->start_sequence < b->start_sequence;
}

/* Two heaps as one; neither root has siblings. */
static struct run *meld(const struct pattern *p, struct run *a, struct run *b) {
  if (a == NULL || b == NULL) return a == NULL ? b : a;
  struct run *first = is_earlier(b, a) ? b : a, *other = first == a ? b : a;
  struct due *parent = due_of(p, first), *child = due_of(p, other);
  child->sibling = parent->child;
  child->before = first;
  if (parent->child != NULL) due_of(p, parent->child)->before = other;
  parent->child = other;
  return first;
}

/* Siblings as one heap: in pairs from the left, then these from the right. */
static struct run *meld_all(const struct pattern *p, struct run *list) {
  struct run *pairs = NULL, *all = NULL;
  while (list != NULL) {
    struct run *a = list, *b = due_of(p, a)->sibling;
    list = b == NULL ? NULL : due_of(p, b)->sibling;
    due_of(p, a)->sibling = due_of(p, a)->before = NULL;
    if (b != NULL) due_of(p, b)->sibling = due_of(p, b)->before = NULL;
    struct run *pair = meld(p, a, b);
    due_of(p, pair)->sibling = pairs;
    pairs = pair;
  }
  while (pairs != NULL) {
    struct run *pair = pairs;
    pairs = due_of(p, pair)->sibling;
    due_of(p, pair)->sibling = NULL;
    all = meld(p, all, pair);
  }
  return all;
}

void due_insert(const struct pattern *p, struct nfa_state *state, struct run *run) {
  *due_of(p, run) = (struct due){.in = true};
  state->at_node[p->node_count] = meld(p, state->at_node[p->node_count], run);
}

void due_remove(const struct pattern *p, struct nfa_state *state, struct run *run) {
  struct due *due = due_of(p, run);
  struct run **root = &state->at_node[p->node_count];
  if (!due->in) return;
  due->in = false;
  struct run *below = meld_all(p, due->child);
  if (run == *root) {
    *root = below;
    return;
  }
  struct due *before = due_of(p, due->before);
  if (before->child == run)
    before->child = due->sibling;
  else
    before->sibling = due->sibling;
  if (due->sibling != NULL) due_of(p, due->sibling)->before = due->before;
  *root = meld(p, *root, below);
}
