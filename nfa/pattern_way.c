/* pattern_way.c - the ways out of each node of a pattern's program. Owns nothing; called by pattern.c.
 *
 * For a node (the start, or a step as the one that took the last event) all paths to the steps that may come now are
 * walked: again in the loop, on in the sequence, out of groups, over what may be left out. Each path becomes one way.
 * The recursion is bounded by the pattern's depth, which the parser limits. */
#include "nfa/pattern_compiler.h"

#include "base/check.h"

enum { TARGET_END = -1, TARGET_NONE = -2 };

/* ---- paths ---- */

static void add_guard(struct compiler *c, struct path *p, enum guard_op op, int counter, int64_t value) {
  if (p->guard_count == PATH_PARTS_MAX)
    pattern_fail(c, "the pattern's groups are nested too deeply");
  else
    p->guards[p->guard_count++] = (struct guard){(uint8_t)op, (uint8_t)counter, (uint32_t)value};
}
static void add_action(struct compiler *c, struct path *p, enum action_op op, int counter, int64_t value) {
  if (p->action_count == PATH_PARTS_MAX)
    pattern_fail(c, "the pattern's groups are nested too deeply");
  else
    p->actions[p->action_count++] = (struct action){(uint8_t)op, (uint8_t)counter, (uint32_t)value};
}
static void decide(struct compiler *c, struct path *p, int elem, bool inside) {
  for (int i = 0; i < p->decision_count; i++)
    if (p->decisions[i].elem == elem) return; /* the first decision about a loop counts */
  if (p->decision_count == PATH_PARTS_MAX)
    pattern_fail(c, "too many parts of the pattern may be left out in a row (48 at most)");
  else
    p->decisions[p->decision_count++] = (struct decision){elem, inside};
}
static void add_tuple(struct compiler *c, struct path *p, int value) {
  if (p->tuple_count == TUPLE_MAX)
    pattern_fail(c, "the pattern's groups are nested too deeply");
  else
    p->tuple[p->tuple_count++] = value;
}

static void finish_way(struct compiler *c, const struct path *path, int target) {
  if (c->failed) return;
  if (c->draft_count == WAYS_PER_NODE_MAX) {
    pattern_fail(c, "too many steps may come next at one point of the pattern (64 at most)");
    return;
  }
  c->drafts = pattern_grow(c, c->drafts, c->draft_count, &c->draft_capacity, sizeof *c->drafts);
  struct draft *d = &c->drafts[c->draft_count++];
  d->path = *path;
  d->target_elem = target;
}

static void enter(struct compiler *c, int elem, const struct path *path);
static void follow(struct compiler *c, int group, int index, const struct path *path, bool took);

/* Into the body of `elem` (one more or the first iteration); the path already has the loop's actions. */
static void enter_body(struct compiler *c, int elem, const struct path *path) {
  const struct elem *e = &c->elems[elem];
  struct path p = *path;
  switch (e->node->kind) {
  case PATTERN_STEP:
    add_tuple(c, &p, -e->position);
    finish_way(c, &p, elem);
    break;
  case PATTERN_GROUP: follow(c, elem, 0, &p, false); break;
  case PATTERN_OR:
  case PATTERN_AND:
    for (int i = 0; i < e->node->child_count && !c->failed; i++) {
      struct path q = p;
      add_tuple(c, &q, -e->position);
      add_tuple(c, &q, i);
      if (e->node->kind == PATTERN_AND) add_action(c, &q, ACTION_SET, e->mask_counter, (int64_t)1 << i);
      if (q.alternative_count == PATH_PARTS_MAX)
        pattern_fail(c, "the pattern's groups are nested too deeply");
      else if (e->node->kind == PATTERN_AND || e->node->fork)
        q.alternatives[q.alternative_count++] = (struct alternative){elem, i};
      enter(c, e->first_child + i, &q);
    }
    break;
  case PATTERN_ABSENCE: check(false);
  }
}

/* Into `elem` for the first time (in this round of what is around it). */
static void enter(struct compiler *c, int elem, const struct path *path) {
  const struct elem *e = &c->elems[elem];
  struct path p = *path;
  if (c->failed) return;
  if (pattern_may_decide(e)) decide(c, &p, elem, true);
  if (p.entry < 0) p.entry = elem;
  if (!e->node->quantified && e->node->gap_us >= 0 && e->node->gap_us < p.gap_us) p.gap_us = e->node->gap_us;
  if (e->counter >= 0) add_action(c, &p, ACTION_SET, e->counter, 1);
  if (e->closed_counter >= 0) add_action(c, &p, ACTION_SET, e->closed_counter, 0);
  enter_body(c, elem, &p);
}

static void leave(struct compiler *c, int elem, const struct path *path);

/* The path goes past the element. One that must stand but may be empty is left out by leaving out all that is in it. */
static void leave_out(struct compiler *c, struct path *p, int elem) {
  const struct elem *e = &c->elems[elem];
  if (pattern_may_decide(e)) decide(c, p, elem, false);
  for (int i = 0; e->node->min > 0 && i < e->node->child_count; i++)
    if (c->elems[e->first_child + i].node->kind != PATTERN_ABSENCE) leave_out(c, p, e->first_child + i);
}

/* On in `group`'s sequence from its child `index`. `took`: some event of this round has been taken. */
static void follow(struct compiler *c, int group, int index, const struct path *path, bool took) {
  const struct elem *g = &c->elems[group];
  struct path p = *path;
  for (int i = index; i < g->node->child_count && !c->failed; i++) {
    const struct elem *child = &c->elems[g->first_child + i];
    if (child->node->kind == PATTERN_ABSENCE) {
      if (p.absence_count == PATH_PARTS_MAX)
        pattern_fail(c, "too many absences in a row (48 at most)");
      else
        p.absences[p.absence_count++] = g->first_child + i;
      continue;
    }
    enter(c, g->first_child + i, &p);
    if (!pattern_skippable(child)) return;
    leave_out(c, &p, g->first_child + i);
  }
  /* An empty round is no round: what is around skips it. At the start it is no match, but what was decided on the path
   * is a fork all the same. */
  if (took && !c->failed)
    leave(c, group, &p);
  else if (g->parent < 0)
    finish_way(c, &p, TARGET_NONE);
}

/* One iteration of `elem` is done: again, or on in what is around it. */
static void leave(struct compiler *c, int elem, const struct path *path) {
  const struct elem *e = &c->elems[elem];
  if (c->failed) return;
  if (e->parent < 0) {
    finish_way(c, path, TARGET_END);
    return;
  }
  if (e->counter >= 0 && e->node->max > 1) {
    struct path again = *path;
    decide(c, &again, elem, true);
    again.container = elem;
    again.round = elem;
    again.entry = -1;
    again.absence_count = 0; /* absences stand between neighbours in the sequence, not on the way back */
    if (e->node->max != PATTERN_UNLIMITED) add_guard(c, &again, GUARD_BELOW, e->counter, e->node->max);
    if (e->closed_counter >= 0) add_guard(c, &again, GUARD_EQUAL, e->closed_counter, 0);
    add_action(c, &again, ACTION_ADD, e->counter, 1);
    add_tuple(c, &again, -e->position);
    add_tuple(c, &again, -1 - e->height); /* what comes after a loop closes it: the outermost round is asked first */
    enter_body(c, elem, &again);
  }
  struct path p = *path;
  if (e->counter >= 0 && e->node->min > 1 && !e->nullable) add_guard(c, &p, GUARD_AT_LEAST, e->counter, e->node->min);
  if (pattern_may_decide(e)) decide(c, &p, elem, false);
  p.container = e->parent;
  const struct elem *parent = &c->elems[e->parent];
  if (parent->node->kind == PATTERN_GROUP) {
    follow(c, e->parent, e->index + 1, &p, true);
  } else if (parent->node->kind == PATTERN_OR) {
    leave(c, e->parent, &p);
  } else { /* an operand of `and`: the others that are still to come, or out when all have come */
    int count = parent->node->child_count;
    for (int i = 0; i < count && !c->failed; i++) {
      if (i == e->index) continue;
      struct path q = p;
      add_guard(c, &q, GUARD_BIT_CLEAR, parent->mask_counter, (int64_t)1 << i);
      add_action(c, &q, ACTION_BIT, parent->mask_counter, (int64_t)1 << i);
      add_tuple(c, &q, -parent->position);
      add_tuple(c, &q, 0);
      add_tuple(c, &q, i);
      q.alternatives[q.alternative_count++] = (struct alternative){e->parent, i};
      q.entry = parent->first_child + i; /* joined by `then` */
      finish_way(c, &q, parent->first_child + i);
    }
    add_guard(c, &p, GUARD_EQUAL, parent->mask_counter, ((int64_t)1 << count) - 1);
    leave(c, e->parent, &p);
  }
}

/* ---- from drafts to ways ---- */

static bool inside(const struct compiler *c, int elem, int ancestor) {
  for (; elem >= 0; elem = c->elems[elem].parent)
    if (elem == ancestor) return true;
  return false;
}

/* -1: the path has nothing to do with the loop; else whether it stays in or goes into it. */
static int side(const struct compiler *c, const struct path *p, int loop) {
  for (int i = 0; i < p->decision_count; i++)
    if (p->decisions[i].elem == loop) return p->decisions[i].inside;
  return p->container >= 0 && inside(c, p->container, loop) ? 1 : -1;
}

/* The same without what lies on the path of a round that goes on: that decides nothing about the loop. */
static int decided(const struct path *p, int loop) {
  for (int i = 0; i < p->decision_count; i++)
    if (p->decisions[i].elem == loop) return p->decisions[i].inside;
  return -1;
}

static int compare_drafts(const struct compiler *c, const struct draft *a, const struct draft *b) {
  if ((a->target_elem == TARGET_NONE) != (b->target_elem == TARGET_NONE)) return a->target_elem == TARGET_NONE ? 1 : -1;
  for (int e = 0; e < c->elem_count; e++) { /* a greedy loop is asked before what follows it */
    if (!c->elems[e].node->greedy) continue;
    int sa = side(c, &a->path, e), sb = side(c, &b->path, e);
    if (sa == 1 && sb == 0) return -1;
    if (sa == 0 && sb == 1) return 1;
  }
  for (int i = 0; i < a->path.tuple_count || i < b->path.tuple_count; i++) {
    if (i == a->path.tuple_count) return -1;
    if (i == b->path.tuple_count) return 1;
    if (a->path.tuple[i] != b->path.tuple[i]) return a->path.tuple[i] < b->path.tuple[i] ? -1 : 1;
  }
  return 0;
}

static struct range add_conditions(struct compiler *c, const struct pattern_among *list, int count) {
  struct range r = {(uint16_t)c->condition_count, (uint16_t)count};
  for (int i = 0; i < count; i++) {
    c->conditions = pattern_grow(c, c->conditions, c->condition_count, &c->condition_capacity, sizeof *c->conditions);
    c->conditions[c->condition_count++] = (struct typed_condition){list[i].type, false, list[i].condition};
  }
  return r;
}

static void set_connector(struct way *w, struct compiler *c, const struct pattern_node *node) {
  w->any = node->connector == PATTERN_THEN_ANY;
  w->next = node->connector == PATTERN_NEXT;
  if (w->next && node->has_among) w->among = add_conditions(c, node->among, node->among_count);
}

/* The child of `around` that holds the element, by its index. */
static int branch_of(const struct compiler *c, int elem, int around) {
  while (c->elems[elem].parent != around) elem = c->elems[elem].parent;
  return c->elems[elem].index;
}

/* Whether the path leaves what holds the element, or begins it anew. `leaf`: the step where it begins. */
static bool touches(const struct compiler *c, const struct path *p, int leaf, int target, int elem) {
  if (p->container < 0) return true; /* the start */
  if (p->round >= 0) return inside(c, elem, p->round);
  if (elem == p->container || !inside(c, elem, p->container)) return false;
  int branch = branch_of(c, elem, p->container);
  return branch >= branch_of(c, leaf, p->container) && branch <= branch_of(c, target, p->container);
}

/* What a fork decided about an `each` or `any` element stays decided until the element is reached, in this round of
 * what is around it or in a next one, and while its own round goes on. */
static void forget_choices(struct compiler *c, struct path *p, int leaf, int target) {
  for (int e = 0; e < c->elem_count; e++) {
    if (c->elems[e].choice_counter < 0) continue;
    bool ahead = c->elems[e].position > c->elems[target].position || !touches(c, p, leaf, target, e);
    if (decided(p, e) >= 0 || !ahead) add_action(c, p, ACTION_SET, c->elems[e].choice_counter, CHOICE_OPEN);
  }
}

/* Connector, gap, until and absences of the way that `d` is. */
static void finish_draft(struct compiler *c, struct draft *d, int leaf) {
  struct way *w = &d->way;
  if (d->target_elem >= 0) forget_choices(c, &d->path, leaf, d->target_elem);
  const struct path *p = &d->path;
  *w = (struct way){.target = WAY_END, .gap_us = INT64_MAX, .for_us = -1};
  const struct elem *target = d->target_elem >= 0 ? &c->elems[d->target_elem] : NULL;
  if (target != NULL) w->target = target->node->step;
  const struct elem *entry = p->entry >= 0 ? &c->elems[p->entry] : NULL;
  const struct elem *round = p->round >= 0 ? &c->elems[p->round] : NULL;
  if (target != NULL && leaf >= 0) {
    w->gap_us = p->gap_us;
    if (round != NULL) {
      w->next = round->node->strict;
      w->any = round->node->any;
    } else if (entry != NULL) {
      const struct elem *parent = entry->parent >= 0 ? &c->elems[entry->parent] : NULL;
      bool later_operand = parent != NULL && parent->node->kind == PATTERN_AND; /* joined by `then` */
      if (!later_operand) set_connector(w, c, entry->node);
    }
    for (int e = p->container; e >= 0; e = c->elems[e].parent) { /* loops that hold both events */
      const struct pattern_node *loop = c->elems[e].node;
      if (loop->quantified && loop->gap_us >= 0 && loop->gap_us < w->gap_us) w->gap_us = loop->gap_us;
    }
  }
  /* An event that satisfies `until` is never taken by its loop, in no round; in a loop of one step that has begun it
   * also bars what it is passed over for. A group remembers it in a counter instead (closers). */
  w->until = (struct range){(uint16_t)c->condition_count, 0};
  for (int e = d->target_elem; e >= 0; e = c->elems[e].parent) {
    if (!c->elems[e].node->has_until) continue;
    w->until.count =
        (uint16_t)(w->until.count + add_conditions(c, c->elems[e].node->until, c->elems[e].node->until_count).count);
  }
  bool again = target != NULL && target->node->has_until && p->round == d->target_elem;
  w->bars = again ? (struct range){w->until.first, target->node->until_count} : (struct range){0, 0};
  if (p->absence_count > 0) {
    w->absences = (struct range){(uint16_t)c->condition_count, (uint16_t)p->absence_count};
    for (int i = 0; i < p->absence_count; i++) {
      const struct pattern_node *absence = c->elems[p->absences[i]].node;
      c->conditions = pattern_grow(c, c->conditions, c->condition_count, &c->condition_capacity, sizeof *c->conditions);
      c->conditions[c->condition_count++] =
          (struct typed_condition){absence->type, absence->connector == PATTERN_NEXT, absence->condition};
      if (target == NULL) w->for_us = absence->for_us;
    }
  }
  struct pattern *g = c->program;
  w->guards = (struct range){(uint16_t)c->guard_count, (uint16_t)p->guard_count};
  for (int i = 0; i < p->guard_count; i++) {
    g->guards = pattern_grow(c, g->guards, c->guard_count, &c->guard_capacity, sizeof *g->guards);
    g->guards[c->guard_count++] = p->guards[i];
  }
  w->actions = (struct range){(uint16_t)c->action_count, (uint16_t)p->action_count};
  for (int i = 0; i < p->action_count; i++) {
    g->actions = pattern_grow(c, g->actions, c->action_count, &c->action_capacity, sizeof *g->actions);
    g->actions[c->action_count++] = p->actions[i];
  }
  if (c->guard_count > UINT16_MAX || c->action_count > UINT16_MAX || c->condition_count > UINT16_MAX)
    pattern_fail(c, "the pattern is too large");
}

/* Alternatives of a forking `or`, operands of an `and`: both may take one event, side by side. */
static bool side_by_side(const struct path *a, const struct path *b) {
  for (int i = 0; i < a->alternative_count && i < b->alternative_count; i++) {
    if (a->alternatives[i].elem != b->alternatives[i].elem) return false;
    if (a->alternatives[i].index != b->alternatives[i].index) return true;
  }
  return false;
}

/* The decisions about `each` and `any` loops: a way belongs to the forks that agree with it. */
static bool conflict(const struct compiler *c, const struct path *a, const struct path *b) {
  for (int e = 0; e < c->elem_count; e++) {
    if (!c->elems[e].node->each && !c->elems[e].node->any) continue;
    int sa = decided(a, e), sb = decided(b, e);
    if (sa >= 0 && sb >= 0 && sa != sb) return true;
  }
  return false;
}
static struct range add_choices(struct compiler *c, const struct path *p) {
  struct pattern *g = c->program;
  struct range r = {(uint16_t)c->choice_count, 0};
  for (int e = 0; e < c->elem_count; e++) {
    int inside_loop = c->elems[e].choice_counter < 0 ? -1 : decided(p, e);
    if (inside_loop < 0) continue;
    g->choices = pattern_grow(c, g->choices, c->choice_count, &c->choice_capacity, sizeof *g->choices);
    g->choices[c->choice_count++] =
        (struct choice){(uint8_t)c->elems[e].choice_counter, inside_loop ? CHOICE_MUST : CHOICE_LEFT_OUT};
    r.count++;
  }
  return r;
}

/* A loop around the step that took the last event can go on below its maximum, stop from its minimum on. */
static struct range add_fork_guards(struct compiler *c, const struct path *p, int step_elem) {
  struct range r = {(uint16_t)c->guard_count, 0};
  struct path guards = {0};
  for (int e = step_elem; e >= 0; e = c->elems[e].parent) {
    const struct elem *loop = &c->elems[e];
    int inside_loop = loop->node->each || loop->node->any ? decided(p, e) : -1;
    if (inside_loop < 0 || loop->counter < 0) continue;
    if (inside_loop && loop->node->max != PATTERN_UNLIMITED)
      add_guard(c, &guards, GUARD_BELOW, loop->counter, loop->node->max);
    if (inside_loop && loop->closed_counter >= 0) add_guard(c, &guards, GUARD_EQUAL, loop->closed_counter, 0);
    if (!inside_loop && loop->node->min > 1 && !loop->nullable)
      add_guard(c, &guards, GUARD_AT_LEAST, loop->counter, loop->node->min);
  }
  for (int i = 0; i < guards.guard_count; i++) {
    c->program->guards =
        pattern_grow(c, c->program->guards, c->guard_count, &c->guard_capacity, sizeof *c->program->guards);
    c->program->guards[c->guard_count++] = guards.guards[i];
    r.count++;
  }
  return r;
}

static void add_fork(struct compiler *c, struct node *node, int step_elem, uint64_t members) {
  struct pattern *g = c->program;
  struct path *all = arena_zero(&c->scratch, sizeof *all);
  if (node->forks.count == FORKS_PER_NODE_MAX) {
    pattern_fail(c,
                 "`each` and `any` leave too many ways to go on side by side at one point of the pattern (64 at most)");
    return;
  }
  for (uint64_t rest = members; rest != 0; rest &= rest - 1) {
    const struct path *p = &c->drafts[__builtin_ctzll(rest)].path;
    for (int i = 0; i < p->decision_count; i++) decide(c, all, p->decisions[i].elem, p->decisions[i].inside);
  }
  uint64_t ways = node->ways.count == 64 ? members : members & (((uint64_t)1 << node->ways.count) - 1);
  g->fork_choices = pattern_grow(c, g->fork_choices, c->fork_count, &c->fork_choice_capacity, sizeof *g->fork_choices);
  g->fork_choices[c->fork_count] = add_choices(c, all);
  g->fork_guards = pattern_grow(c, g->fork_guards, c->fork_count, &c->fork_guard_capacity, sizeof *g->fork_guards);
  g->fork_guards[c->fork_count] = add_fork_guards(c, all, step_elem);
  g->forks = pattern_grow(c, g->forks, c->fork_count, &c->fork_capacity, sizeof *g->forks);
  g->forks[c->fork_count++] = ways;
  node->forks.count++;
}

/* All largest sets of paths that agree in what they decide: the maximal cliques (Bron and Kerbosch, CACM 16(9), 1973).
 * At most 64 paths, so at most 64 deep. */
static void add_cliques(struct compiler *c, struct node *node, int step_elem, const uint64_t *agree, uint64_t members,
                        uint64_t open, uint64_t done) {
  if (c->failed) return;
  if (open == 0 && done == 0) add_fork(c, node, step_elem, members);
  for (uint64_t rest = open; rest != 0; rest &= rest - 1) {
    int i = __builtin_ctzll(rest);
    uint64_t bit = (uint64_t)1 << i;
    add_cliques(c, node, step_elem, agree, members | bit, open & agree[i], done & agree[i]);
    open &= ~bit;
    done |= bit;
  }
}

static void add_forks(struct compiler *c, struct node *node, int step_elem) {
  uint64_t agree[WAYS_PER_NODE_MAX] = {0}, deciding = 0, free = 0;
  node->forks = (struct range){(uint16_t)c->fork_count, 0};
  for (int i = 0; i < c->draft_count; i++) {
    bool conflicts = false;
    for (int j = 0; j < c->draft_count; j++) {
      if (conflict(c, &c->drafts[i].path, &c->drafts[j].path))
        conflicts = true;
      else if (j != i)
        agree[i] |= (uint64_t)1 << j;
    }
    if (conflicts)
      deciding |= (uint64_t)1 << i;
    else
      free |= (uint64_t)1 << i;
  }
  for (int i = 0; i < c->draft_count; i++) agree[i] &= deciding; /* those that conflict with none are in every fork */
  if (c->draft_count > 0) add_cliques(c, node, step_elem, agree, free, deciding, 0);
  if (node->forks.count > 1) c->program->forking = true;
}

void pattern_build_node(struct compiler *c, int index) {
  struct pattern *g = c->program;
  struct node *node = &g->nodes[index];
  const int leaf = index == 0 ? -1 : c->step_elem[index - 1]; /* the start has none */
  c->draft_count = 0;
  struct path *p = arena_zero(&c->scratch, sizeof *p);
  p->entry = p->round = -1;
  p->gap_us = INT64_MAX;
  if (index == 0) {
    p->container = -1;
    follow(c, 0, 0, p, false);
  } else {
    p->container = leaf;
    leave(c, leaf, p);
  }
  if (c->failed) return;
  for (int i = 1; i < c->draft_count; i++) { /* the order of asking: insertion sort, 64 at most */
    struct draft d = c->drafts[i];
    int j = i;
    for (; j > 0 && compare_drafts(c, &d, &c->drafts[j - 1]) < 0; j--) c->drafts[j] = c->drafts[j - 1];
    c->drafts[j] = d;
  }
  int ways = c->draft_count > 0 && c->drafts[c->draft_count - 1].target_elem == TARGET_NONE ? c->draft_count - 1
                                                                                            : c->draft_count;
  node->ways = (struct range){(uint16_t)c->way_count, (uint16_t)ways};
  node->end_way = -1;
  node->all_gaps = true;
  for (int i = 0; i < ways; i++) {
    struct draft *d = &c->drafts[i];
    finish_draft(c, d, leaf);
    for (int j = 0; j < ways; j++)
      if (j != i && !d->way.any && !side_by_side(&d->path, &c->drafts[j].path))
        d->way.blocks |= (uint64_t)1 << j;
      else if (j != i)
        g->forking |= d->way.any || side_by_side(&d->path, &c->drafts[j].path);
    if (d->way.any) g->forking = true;
    if (d->way.target == WAY_END) node->end_way = (int16_t)i;
    if (d->way.target == WAY_END) {
      if (d->way.for_us >= 0) {
        g->trailing = true;
        g->trailing_us = d->way.for_us;
      }
    } else if (d->way.gap_us == INT64_MAX) {
      node->all_gaps = false;
    } else if (d->way.gap_us > node->gap_max_us) {
      node->gap_max_us = d->way.gap_us;
    }
    g->ways = pattern_grow(c, g->ways, c->way_count, &c->way_capacity, sizeof *g->ways);
    g->ways[c->way_count++] = d->way;
  }
  add_forks(c, node, leaf);
  if (index > 0) {
    node->closers = (struct range){(uint16_t)c->condition_count, 0};
    node->closed = (struct range){(uint16_t)c->closed_count, 0};
    for (int e = c->elems[leaf].parent; e >= 0; e = c->elems[e].parent) {
      if (c->elems[e].closed_counter < 0) continue;
      struct range r = add_conditions(c, c->elems[e].node->until, c->elems[e].node->until_count);
      node->closers.count = (uint16_t)(node->closers.count + r.count);
      for (int i = 0; i < r.count; i++) {
        g->closed_counters = pattern_grow(c, g->closed_counters, c->closed_count, &c->closed_capacity, 1);
        g->closed_counters[c->closed_count++] = (uint8_t)c->elems[e].closed_counter;
        node->closed.count++;
      }
    }
  }
  if (c->way_count > UINT16_MAX || c->fork_count > UINT16_MAX || c->closed_count > UINT16_MAX)
    pattern_fail(c, "the pattern is too large");
}
