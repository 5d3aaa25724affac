/* reference.c - the reference matcher: section 3 of the rule language by brute force; numbers in comments are sentences
 * of "What a run does". A run is a plain struct, a fork a copy; the ways of a run are found anew at each event by
 * walking the pattern. A comment that begins with `Decision:` says how an open sentence is read (README.md has cases).
 */
#include "pattern_case.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 3000, WAYS_MAX = 60 };
static const uint64_t NO_END = UINT64_MAX;
static const int64_t NEVER = INT64_MAX;
enum choice { CHOICE_OPEN, CHOICE_MUST, CHOICE_STOPPED }; /* of a loop with `each`: take another, or has stopped */

struct way {         /* one step that may come now, with what stands on the way to it (5) */
  int target, again; /* again: the loop whose further round the step begins, or -1 */
  enum link link;
  bool among;
  int64_t gap;
  uint64_t absences, leaves, enters; /* sets of nodes: passed, left (or left out) and begun on the way */
};
struct ways { /* of run r */
  const struct matcher *m;
  const struct run *r;
  int count, undecided; /* undecided: a loop with `each` that could stop here, or -1 */
  struct way items[WAYS_MAX];
  uint64_t end_absences; /* on the way to the end; NO_END: the run cannot end here */
};
struct run {
  int leaf, rounds[CASE_NODES_MAX]; /* the last step taken; rounds begun in the present round of the node around */
  enum choice choice[CASE_NODES_MAX];
  uint64_t barred;                 /* loops whose `until` came */
  uint64_t closed;                 /* ways barred since the last event taken, by their place in the order of asking */
  bool end_closed, expired, spent; /* expired: its `within` is over, the wait of a trailing absence goes on */
  int64_t wait, end;               /* timers: the wait of a trailing absence is over, `within` is over */
  int passed, count;
  struct told_pair taken[CASE_EVENTS_MAX];
  struct way by[CASE_EVENTS_MAX]; /* the way by which each event was taken */
};
struct matcher {
  const struct pattern_case *c;
  const struct node *nodes;
  struct told_list *out;
  int run_count, done_count, boundary; /* no match may begin at or before the boundary */
  bool start_told[CASE_EVENTS_MAX];
  /* going on; complete; what is told now; ended by `within` */
  struct run runs[RUNS_MAX], done[RUNS_MAX], list[RUNS_MAX], late[RUNS_MAX];
};

static uint64_t bit(int node) { return (uint64_t)1 << node; }
static int64_t time_of(const struct matcher *m, int event) { return m->c->events[event].time; }
static int start_of(const struct run *r) { return r->taken[0].event; }
static int last_of(const struct run *r) { return r->taken[r->count - 1].event; }
static bool holds(const struct matcher *m, const struct run *r, const struct condition *condition, int event) {
  return condition_holds(m->c, condition, r->taken, r->count, event);
}
static bool until_holds(const struct matcher *m, const struct run *r, int node, int event) {
  return node_until_holds(m->c, node, r->taken, r->count, event);
}

static void walk_sequence(struct ways *k, int group, int from, struct way w);

/* Decision: what a loop with `each` chose stays chosen, also while steps before it take events: each length is one
 * pattern. Must: it takes another; stopped: never again (in this round of what is around it). */
static bool decided(struct ways *k, int node, bool could_go, bool could_stop) {
  bool open = (k->m->nodes[node].each || k->m->nodes[node].any) && k->r->choice[node] == CHOICE_OPEN;
  if (open && could_go && could_stop && k->undecided < 0) k->undecided = node;
  return !open || !could_go || !could_stop;
}

static void walk_into(struct ways *k, int node, struct way w) {
  const struct node *n = &k->m->nodes[node];
  if (w.again != node) w.enters |= bit(node);
  if (!n->has_quantifier && n->gap >= 0 && (w.gap < 0 || n->gap < w.gap)) w.gap = n->gap;
  if (n->kind == NODE_GROUP) walk_sequence(k, node, 0, w);
  for (int i = 0; n->kind != NODE_GROUP && i < n->child_count; i++) walk_into(k, n->children[i], w);
  if (n->kind != NODE_STEP || k->count == WAYS_MAX) return;
  for (int loop = node; k->r->leaf >= 0 && loop >= 0; loop = k->m->nodes[loop].parent) {
    /* Decision: the gap of a loop over a group holds between any two events that follow each other in the loop. */
    const struct node *l = &k->m->nodes[loop];
    bool both = l->has_quantifier && node_inside(k->m->c, k->r->leaf, loop) && !(w.leaves & bit(loop));
    if (both && l->gap >= 0 && (w.gap < 0 || l->gap < w.gap)) w.gap = l->gap;
  }
  w.target = node;
  k->items[k->count++] = w;
}

/* A round of the node may be over here: a further one comes, or what stands after it. */
static void walk_over(struct ways *k, int node, struct way w) {
  const struct node *n = &k->m->nodes[node], *parent = &k->m->nodes[n->parent < 0 ? 0 : n->parent];
  bool more = k->r->rounds[node] < n->max, all = true; /* all: operands of an `and` */
  bool enough = k->r->rounds[node] >= n->min || node_optional(k->m->c, node);
  if (!decided(k, node, more, enough)) return;
  if (more && (!enough || k->r->choice[node] != CHOICE_STOPPED)) {
    struct way again = w;
    again.again = node; /* Decision: `strict` is plain `next`: an `among` belongs to the connector alone */
    again.link = n->strict ? LINK_NEXT : n->any ? LINK_THEN_ANY : LINK_THEN;
    walk_into(k, node, again);
  }
  if (!enough || k->r->choice[node] == CHOICE_MUST) return;
  w.leaves |= bit(node);
  if (node == 0) {
    k->end_absences = w.absences;
    return;
  }
  for (int i = 0; i < parent->child_count; i++) {
    if (parent->kind == NODE_GROUP && parent->children[i] == node) walk_sequence(k, n->parent, i + 1, w);
    if (parent->kind != NODE_AND || k->r->rounds[parent->children[i]] > 0) continue;
    w.link = LINK_THEN, all = false;
    walk_into(k, parent->children[i], w);
  }
  if (all && parent->kind != NODE_GROUP) walk_over(k, n->parent, w);
}

/* Decision: a group's connector (a further round's: `then`, or `next` with strict) brings its first event, whichever
 * step takes it; else the connector written before the step counts, also when what stands between was left out. */
static void walk_sequence(struct ways *k, int group, int from, struct way w) {
  for (int i = from; i < k->m->nodes[group].child_count; i++) {
    int child = k->m->nodes[group].children[i];
    const struct node *next = &k->m->nodes[child];
    bool may_miss = node_optional(k->m->c, child);
    if (next->kind == NODE_ABSENCE) w.absences |= bit(child);
    if (next->kind == NODE_ABSENCE) continue;
    if (!decided(k, child, true, may_miss)) return;
    struct way in = w;
    if (in.link == LINK_NONE) in.link = next->link, in.among = next->has_among;
    if (!may_miss || k->r->choice[child] != CHOICE_STOPPED) walk_into(k, child, in);
    if (!may_miss || k->r->choice[child] == CHOICE_MUST) return;
    w.leaves |= bit(child);
  }
  /* a round (or a run) without an event is none */
  if (k->r->leaf >= 0 && !(w.enters & bit(group)) && w.again != group) walk_over(k, group, w);
}

/* The order of asking (4): a greedy loop before what follows it, the furthest on, alternatives from the left. */
static bool asked_before(const struct matcher *m, const struct way *a, const struct way *b) {
  for (int g = 0; g < m->c->node_count; g++) {
    if (!m->nodes[g].greedy) continue;
    if (node_inside(m->c, a->target, g) && !(a->leaves & bit(g)) && (b->leaves & bit(g))) return true;
    if (node_inside(m->c, b->target, g) && !(b->leaves & bit(g)) && (a->leaves & bit(g))) return false;
  }
  enum node_kind kind = m->nodes[node_common(m->c, a->target, b->target)].kind;
  /* a new round stands at the group's first step */
  int at_a = node_first_step(m->c, a->again < 0 ? a->target : a->again);
  int at_b = node_first_step(m->c, b->again < 0 ? b->target : b->again);
  if (a->again == b->again) return kind == NODE_OR || kind == NODE_AND ? a->target < b->target : a->target > b->target;
  /* Decision: of a loop's further event and a new round around it at the same step, the round: it comes after the loop
   */
  return at_a != at_b ? at_a > at_b : a->again < b->again;
}
static void find_ways(const struct matcher *m, const struct run *r, struct ways *out) {
  *out = (struct ways){.m = m, .r = r, .undecided = -1, .end_absences = NO_END};
  struct way w = {.target = -1, .again = -1, .link = LINK_NONE, .gap = -1};
  if (r->leaf >= 0) walk_over(out, r->leaf, w);
  w.link = LINK_START;
  if (r->leaf < 0) walk_sequence(out, 0, 0, w);
  for (int i = 1, j; i < out->count; i++) {
    w = out->items[i];
    for (j = i; j > 0 && asked_before(m, &w, &out->items[j - 1]); j--) out->items[j] = out->items[j - 1];
    out->items[j] = w;
  }
}

static bool way_open(const struct run *r, const struct ways *ways, int k) {
  const struct way *w = &ways->items[k];
  return !r->expired && !(r->closed & bit(k)) && (w->again < 0 || !(r->barred & bit(w->again)));
}
static bool gap_passed(const struct matcher *m, const struct run *r, const struct way *w, int event) {
  return w->gap >= 0 && r->count > 0 && time_of(m, event) - time_of(m, last_of(r)) > w->gap;
}
static bool way_takes(const struct matcher *m, const struct run *r, const struct way *w, int event) {
  const struct node *n = &m->nodes[w->target];
  if (n->type != m->c->events[event].type || !holds(m, r, &n->condition, event)) return false;
  /* Decision: what is taken by `next X among (c)` satisfies c too: other events are not there for it. */
  if (w->among && !holds(m, r, &n->among, event)) return false;
  /* Decision: on a group too an event that satisfies `until` is taken by none of the loop's steps, in no round. */
  for (int loop = w->target; loop >= 0; loop = m->nodes[loop].parent)
    if (until_holds(m, r, loop, event)) return false;
  int64_t length = r->count > 0 ? time_of(m, event) - time_of(m, start_of(r)) : 0;
  return !gap_passed(m, r, w, event) && (m->c->within < 0 || length <= m->c->within); /* (3) */
}
static void run_take(const struct matcher *m, struct run *r, const struct way *w, int event) {
  uint64_t begun = w->enters | (w->again >= 0 ? bit(w->again) : 0);
  for (int i = 0; i < m->c->node_count; i++) {
    bool left = false, fresh = false; /* in something that the way leaves, that it begins */
    for (int g = i; g >= 0; g = m->nodes[g].parent)
      left = left || (w->leaves & bit(g)), fresh = fresh || (begun & bit(g));
    if (fresh) r->rounds[i] = w->enters & bit(i) ? 1 : i == w->again ? r->rounds[i] + 1 : 0, r->barred &= ~bit(i);
    bool ahead = fresh && i > w->target && !(w->leaves & bit(i));
    if (((left || fresh) && !ahead) || (begun & bit(i))) r->choice[i] = CHOICE_OPEN;
  }
  r->leaf = w->target;
  r->closed = 0, r->end_closed = false, r->passed = 0;
  r->by[r->count] = *w;
  r->taken[r->count++] = (struct told_pair){w->target, event};
}
/* The run passes over an event: what it bars (5). */
static void run_pass(const struct matcher *m, struct run *r, const struct ways *ways, int event) {
  uint64_t broken = 0; /* absences that the event breaks */
  for (int i = 0; i < m->c->node_count; i++) {
    const struct node *n = &m->nodes[i];
    bool asked = n->kind == NODE_ABSENCE && n->type == m->c->events[event].type;
    if (asked && (n->link != LINK_NEXT || r->passed == 0) && holds(m, r, &n->condition, event)) broken |= bit(i);
  }
  for (int k = 0; k < ways->count; k++) {
    const struct way *w = &ways->items[k];
    bool not_next = w->link == LINK_NEXT && (!w->among || holds(m, r, &m->nodes[w->target].among, event));
    if (gap_passed(m, r, w, event) || not_next || (w->absences & broken)) r->closed |= bit(k);
  }
  if (ways->end_absences != NO_END && (ways->end_absences & broken)) r->end_closed = true;
  for (int loop = r->leaf; loop >= 0; loop = m->nodes[loop].parent)
    if (until_holds(m, r, loop, event)) r->barred |= bit(loop);
  r->passed++;
}

static void push(struct matcher *m, struct run *list, int *count, const struct run *r) {
  list[*count] = *r;
  list[*count].spent = false;
  m->out->gave_up |= *count == RUNS_MAX - 1;
  *count += !m->out->gave_up;
}
/* A run goes on as long as a way is left (5); the wait of a trailing absence is one. */
static void add_run(struct matcher *m, struct run r, const struct ways *ways) {
  const struct node *last = &m->nodes[m->nodes[0].children[m->nodes[0].child_count - 1]];
  bool waits = last->kind == NODE_ABSENCE && ways->end_absences != NO_END && !r.end_closed, alive = waits;
  r.wait = waits ? time_of(m, last_of(&r)) + last->for_time : NEVER;
  r.end = m->c->within >= 0 && !r.expired ? time_of(m, start_of(&r)) + m->c->within : NEVER;
  for (int k = 0; k < ways->count; k++) alive |= way_open(&r, ways, k);
  if (alive) push(m, m->runs, &m->run_count, &r);
}

/* Finds the ways of a run; where a loop with `each` could stop, a fork that must go on is split off (6). */
static bool split_off(const struct matcher *m, struct run *r, struct ways *ways, struct run *other) {
  find_ways(m, r, ways);
  if (ways->undecided < 0) return false;
  *other = *r;
  other->choice[ways->undecided] = CHOICE_MUST;
  r->choice[ways->undecided] = CHOICE_STOPPED;
  return true;
}
/* After an event was taken: what is complete (7) is told or, with `longest`, kept while the run goes on. */
static void settle(struct matcher *m, struct run r) {
  struct ways ways;
  struct run other;
  while (split_off(m, &r, &ways, &other)) settle(m, other);
  if (ways.end_absences == 0) push(m, m->done, &m->done_count, &r);
  if (ways.end_absences != 0 || m->c->report == TELL_LONGEST) add_run(m, r, &ways);
}

/* Where two ways part at an `or` of groups or an `and`, both are taken, by forks (6). */
static bool side_by_side(const struct matcher *m, const struct way *a, const struct way *b) {
  int node = node_common(m->c, a->target, b->target);
  return a->again == b->again && (m->nodes[node].kind == NODE_AND || node_of_groups(m->c, node));
}
/* One run's turn at an event (2, 4, 5, 6); a run without events is the one that may begin here. */
static void run_turn(struct matcher *m, struct run r, int event) {
  struct ways ways;
  struct run other;
  while (split_off(m, &r, &ways, &other)) run_turn(m, other, event); /* a run with events has chosen before */
  bool takers[WAYS_MAX] = {false}, passes = r.count > 0;
  for (int k = 0; k < ways.count; k++) {
    const struct way *w = &ways.items[k];
    bool asked = way_open(&r, &ways, k);
    for (int t = 0; t < k; t++) asked = asked && (!takers[t] || side_by_side(m, &ways.items[t], w));
    if (!asked || !way_takes(m, &r, w, event)) continue;
    other = r;
    run_take(m, &other, w, event);
    settle(m, other);
    if (w->link != LINK_THEN_ANY) takers[k] = true, passes = false;
  }
  if (!passes) return;
  run_pass(m, &r, &ways, event);
  add_run(m, r, &ways);
}

/* What is told, from here on. */
static int by_positions(const void *left, const void *right) {
  const struct run *a = left, *b = right;
  for (int i = 0; i < a->count && i < b->count; i++)
    if (a->taken[i].event != b->taken[i].event) return a->taken[i].event < b->taken[i].event ? -1 : 1;
  return a->count - b->count;
}
enum rivals { RIVALS_EQUAL, RIVALS_START, RIVALS_ALL };
/* The earlier start, else the leftmost fork (6). Decision: of equal events, step by step the first in the text. */
static bool left_of(const struct matcher *m, const struct run *a, const struct run *b) {
  bool equal = by_positions(a, b) == 0, same = equal; /* same: the same steps too, so by the order of asking */
  for (int i = 0; i < a->count && same; i++) same = a->by[i].target == b->by[i].target;
  equal &= !same;
  for (int i = 0; i < a->count && i < b->count; i++) {
    const struct way *by_a = &a->by[i], *by_b = &b->by[i];
    if (a->taken[i].event != b->taken[i].event) return a->taken[i].event < b->taken[i].event;
    if (equal ? by_a->target < by_b->target : asked_before(m, by_a, by_b)) return true;
    if (equal ? by_b->target < by_a->target : asked_before(m, by_b, by_a)) return false;
  }
  return a->count == b->count ? a < b : a->count < b->count;
}

/* Keeps the best of the runs with equal events, of those of one start, or of all; of one start (`longest`, timeouts) it
 * is the one with most events. Decision: of `longest`, events of its last complete state. */
static int keep_best(const struct matcher *m, struct run *list, int count, enum rivals rivals) {
  if (rivals != RIVALS_EQUAL) count = keep_best(m, list, count, RIVALS_EQUAL); /* of equal forks only one is there */
  for (int i = 0; i < count; i++)
    for (int j = 0; j < count && !list[i].spent; j++) {
      const struct run *a = &list[i], *b = &list[j];
      bool rival = rivals == RIVALS_START ? start_of(a) == start_of(b) : by_positions(a, b) == 0;
      if (i == j || b->spent || (!rival && rivals != RIVALS_ALL)) continue;
      bool by_count = rivals == RIVALS_START && a->count != b->count;
      list[i].spent = by_count ? b->count > a->count : left_of(m, b, a);
    }
  int kept = 0;
  for (int i = 0; i < count; i++)
    if (!list[i].spent) list[kept++] = list[i];
  qsort(list, (size_t)kept, sizeof *list, by_positions);
  return kept;
}
static void tell(struct matcher *m, const struct run *r, struct told told) {
  if (m->out->count == TOLD_MAX) m->out->gave_up = true;
  if (m->out->gave_up || start_of(r) <= m->boundary) return;
  told.count = r->count;
  memcpy(told.pairs, r->taken, sizeof told.pairs);
  m->out->items[m->out->count++] = told;
  m->start_told[start_of(r)] = true;
  enum after_policy after = m->c->after;
  if (after == SKIP_DEFAULT) after = m->c->report == TELL_ALL ? SKIP_NOTHING : SKIP_PAST_LAST;
  if (after == SKIP_NOTHING || told.cause == TOLD_TIMEOUT) return;
  int boundary = after == SKIP_PAST_LAST ? last_of(r) : start_of(r);
  bool found = false; /* where S is the first step, other forks of that start live on: none begins before it */
  for (int i = 0; i < r->count && after >= SKIP_TO_FIRST && !(found && after == SKIP_TO_FIRST); i++)
    if (r->taken[i].step == m->c->after_step) found = true, boundary = r->taken[i].event - 1;
  if (boundary > m->boundary) m->boundary = boundary;
}
static void drop_runs(struct matcher *m) { /* spent, or begun where none may begin any more */
  int kept = 0;
  for (int i = 0; i < m->run_count; i++)
    if (!m->runs[i].spent && start_of(&m->runs[i]) > m->boundary) m->runs[kept++] = m->runs[i];
  m->run_count = kept;
}
/* Tells what is complete at one event or deadline. */
static void tell_complete(struct matcher *m, struct told told) {
  enum report_policy report = m->c->report;
  int waiting = 0, count = 0; /* waiting: `longest`, starts of which a fork goes on */
  for (int i = 0; i < m->done_count; i++) {
    bool goes_on = false;
    for (int k = 0; k < m->run_count; k++) goes_on |= start_of(&m->runs[k]) == start_of(&m->done[i]);
    *(goes_on && report == TELL_LONGEST ? &m->done[waiting++] : &m->list[count++]) = m->done[i];
  }
  m->done_count = waiting;
  enum rivals rivals = report == TELL_ALL ? RIVALS_EQUAL : report == TELL_LONGEST ? RIVALS_START : RIVALS_ALL;
  count = keep_best(m, m->list, count, rivals);
  told.cut = report == TELL_ALL && count > m->c->limit;
  if (told.cut) count = keep_best(m, m->list, count, RIVALS_ALL);
  for (int i = 0; i < count && report != TELL_TIMEOUT_ONLY; i++) tell(m, &m->list[i], told);
  drop_runs(m);
}

/* Fires the timers before `until`, moment by moment: the waits of trailing absences, and the ends of `within` (3). */
static void fire_timers(struct matcher *m, int64_t until) {
  for (int64_t moment = until;; moment = until) {
    int late_count = 0; /* runs that `within` ends */
    for (int i = 0; i < m->run_count; i++) {
      if (m->runs[i].wait < moment) moment = m->runs[i].wait;
      if (m->runs[i].end < moment) moment = m->runs[i].end;
    }
    if (moment == until) return;
    for (int i = 0; i < m->run_count; i++) {
      struct run *r = &m->runs[i];
      if (r->end == moment) r->end = NEVER, r->expired = true, r->spent = r->wait == NEVER;
      if (r->spent) push(m, m->late, &late_count, r);
      if (r->wait == moment) push(m, m->done, &m->done_count, r), r->spent = true;
    }
    drop_runs(m);
    struct told told = {TOLD_MATCH, .by_timer = true, .completing = -1, .time = moment};
    tell_complete(m, told);
    told.cause = TOLD_TIMEOUT;
    /* Decision: `report timeout only` tells also a start of which another fork was complete: it told nothing. */
    late_count = m->c->report >= TELL_TIMEOUT ? keep_best(m, m->late, late_count, RIVALS_START) : 0;
    for (int i = 0; i < late_count; i++)
      if (!m->start_told[start_of(&m->late[i])]) tell(m, &m->late[i], told);
  }
}

void reference_run(const struct pattern_case *c, const int *events, int event_count, struct told_list *out) {
  struct matcher *m = out->work == NULL ? out->work = malloc(sizeof *m) : out->work;
  m->c = c, m->nodes = c->nodes, m->out = out, m->boundary = -1;
  m->run_count = m->done_count = out->count = out->gave_up = 0;
  memset(m->start_told, 0, sizeof m->start_told);
  for (int i = 0; i < event_count && !out->gave_up; i++) {
    int event = events[i];
    if (!node_has_type(c, 0, c->events[event].type, true)) continue; /* (1) */
    fire_timers(m, c->events[event].time);
    for (int k = 0, before = m->run_count; k < before; k++) { /* what becomes of a run stands behind those that were */
      run_turn(m, m->runs[k], event);
      m->runs[k].spent = true;
    }
    run_turn(m, (struct run){.leaf = -1, .rounds = {1}}, event);
    drop_runs(m);
    tell_complete(m, (struct told){TOLD_MATCH, .completing = event, .time = c->events[event].time});
  }
  fire_timers(m, INT64_MAX);
}
