/* generate.c - random cases from a seed: patterns over the whole of rule-language.md section 3, and streams with few
 * distinct values, so that matches are frequent; and the writing of a case as rule text and JSON lines.
 *
 * Only rules that the checker accepts are made: where the language puts a condition on a word, it stands here too. */
#include "pattern_case.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct maker {
  struct pattern_case *c;
  uint64_t state;
  struct case_options options;
  int steps, steps_max; /* steps and absences made so far */
  bool all;             /* report all: `each` and `any` are allowed */
};

static uint64_t random_next(struct maker *m) { /* splitmix64 */
  uint64_t z = (m->state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}
static int pick(struct maker *m, int count) {
  uint64_t number = random_next(m);
  return count > 0 ? (int)(number % (uint64_t)count) : 0;
}
static bool chance(struct maker *m, int percent) { return pick(m, 100) < percent; }

static int new_node(struct maker *m, int parent, enum node_kind kind, enum link link) {
  struct pattern_case *c = m->c;
  int node = c->node_count++;
  c->nodes[node] =
      (struct node){.kind = kind, .link = link, .parent = parent, .min = 1, .max = 1, .gap = -1, .for_time = -1};
  if (parent >= 0) c->nodes[parent].children[c->nodes[parent].child_count++] = node;
  return node;
}

/* ---- conditions ---- */

static struct operand constant(double value) { return (struct operand){.kind = OPERAND_CONSTANT, .constant = value}; }

/* A comparison with what a step has so far; the step is any up to here, the one that is being made included. */
static void make_step_term(struct maker *m, struct term *t) {
  static const enum operand_kind over_fields[] = {OPERAND_SUM, OPERAND_SUM,     OPERAND_AVG,   OPERAND_MIN,
                                                  OPERAND_MAX, OPERAND_LAST,    OPERAND_FIRST, OPERAND_LAST,
                                                  OPERAND_NTH, OPERAND_DISTINCT};
  int steps[CASE_NODES_MAX], count = 0;
  for (int i = 0; i < m->c->node_count; i++)
    if (m->c->nodes[i].kind == NODE_STEP) steps[count++] = i;
  if (count == 0) return;
  bool own_step = chance(m, 30);
  struct operand o = {
      .step = steps[own_step ? count - 1 : pick(m, count)], .field = pick(m, m->c->field_count), .nth = 1 + pick(m, 3)};
  o.kind = chance(m, 20) ? OPERAND_COUNT : over_fields[pick(m, 10)];
  /* Of a step's own first event all but counts and sums are null: such a step would never begin. */
  if (o.step == steps[count - 1] && chance(m, 80)) o.kind = chance(m, 50) ? OPERAND_SUM : OPERAND_COUNT;
  struct operand own = {.kind = OPERAND_FIELD, .field = pick(m, m->c->field_count)};
  if (o.kind == OPERAND_COUNT || o.kind == OPERAND_DISTINCT || chance(m, 30)) {
    t->left = o;
    t->right = constant(pick(m, 4));
  } else if (o.kind == OPERAND_SUM) {
    t->left = o;
    t->plus = own;
    t->right = constant(1 + pick(m, 6));
  } else {
    t->left = own;
    t->right = o;
  }
  t->op = (enum term_op)pick(m, 6);
  if (t->op == TERM_EQUAL && chance(m, 50)) t->op = TERM_GREATER_EQUAL;
}

static void make_term(struct maker *m, struct term *t, int step_percent) {
  if (!m->options.compact_only && chance(m, step_percent)) make_step_term(m, t);
  if (t->left.kind != OPERAND_NONE) return;
  t->left = (struct operand){.kind = OPERAND_FIELD, .field = pick(m, m->c->field_count)};
  if (chance(m, 20)) {
    t->op = TERM_IN;
    t->set_count = 1 + pick(m, 3);
    for (int i = 0; i < t->set_count; i++) t->set[i] = pick(m, 4);
    return;
  }
  t->op = (enum term_op)pick(m, 6);
  t->right = constant(pick(m, 4));
}

static void make_condition(struct maker *m, struct condition *condition, int none_percent, int step_percent) {
  if (chance(m, none_percent)) return;
  condition->count = chance(m, 25) ? 2 : 1;
  condition->either = condition->count > 1 && chance(m, 40);
  for (int i = 0; i < condition->count; i++) make_term(m, &condition->terms[i], step_percent);
}

/* ---- elements ---- */

static void make_use(struct maker *m, int node) {
  struct node *n = &m->c->nodes[node];
  n->type = pick(m, m->c->type_count);
  m->steps++;
  if (n->kind == NODE_STEP) snprintf(n->name, sizeof n->name, "s%d", node);
  make_condition(m, &n->condition, 15, 25);
}

static void make_quantifier(struct maker *m, int node, bool single) {
  struct node *n = &m->c->nodes[node];
  static const int bounds[][2] = {{0, 1},
                                  {0, 1},
                                  {0, CASE_UNLIMITED},
                                  {1, CASE_UNLIMITED},
                                  {1, CASE_UNLIMITED},
                                  {2, 2},
                                  {1, 2},
                                  {2, 3},
                                  {0, 2},
                                  {2, CASE_UNLIMITED},
                                  {1, 3},
                                  {3, 3},
                                  {0, 3},
                                  {2, 4}};
  const int *b = bounds[pick(m, (int)(sizeof bounds / sizeof *bounds))];
  n->has_quantifier = true;
  n->min = b[0];
  n->max = b[1];
  bool loop = n->max > 1;
  if (loop && chance(m, 25)) n->strict = true;
  if (loop && !n->strict && chance(m, 10)) n->gap = 1 + pick(m, 6);
  if (loop && chance(m, 20)) {
    n->has_until = true;
    make_condition(m, &n->until, 0, 20);
  }
  if (m->all && chance(m, 50)) n->each = true;
  if (m->all && single && !n->strict && n->gap < 0 && chance(m, 25)) {
    n->each = false;
    n->any = true;
  }
  if (!n->any && chance(m, 20)) n->greedy = true;
}

static void make_sequence(struct maker *m, int group, int count_max, int depth);

static void make_alternatives(struct maker *m, int node, int depth) {
  int count = 2 + (chance(m, 30) ? 1 : 0);
  bool groups = m->c->nodes[node].kind == NODE_OR && chance(m, 50);
  for (int i = 0; i < count; i++) {
    bool group = groups && (i == 0 || chance(m, 60)) && depth < 3;
    int child = new_node(m, node, group ? NODE_GROUP : NODE_STEP, LINK_START);
    if (group)
      make_sequence(m, child, 2, depth + 1);
    else
      make_use(m, child);
  }
}

static int make_element(struct maker *m, int parent, enum link link, int depth) {
  int roll = pick(m, 100);
  enum node_kind kind = depth >= 3 || roll < 70 ? NODE_STEP : roll < 83 ? NODE_GROUP : roll < 93 ? NODE_OR : NODE_AND;
  if (m->steps + 2 > m->steps_max) kind = NODE_STEP;
  int node = new_node(m, parent, kind, link);
  struct node *n = &m->c->nodes[node];
  if (kind == NODE_STEP)
    make_use(m, node);
  else if (kind == NODE_GROUP)
    make_sequence(m, node, 3, depth + 1);
  else
    make_alternatives(m, node, depth);
  if (kind == NODE_STEP && link == LINK_NEXT && chance(m, 25)) {
    n->has_among = true;
    make_condition(m, &n->among, 0, 0);
  }
  if (chance(m, kind == NODE_STEP ? 45 : 40))
    make_quantifier(m, node, kind == NODE_STEP);
  else if (link != LINK_START && chance(m, 8))
    n->gap = 1 + pick(m, 8);
  return node;
}

static enum link pick_link(struct maker *m) {
  int roll = pick(m, 100);
  return roll < 60 ? LINK_THEN : roll < 80 ? LINK_NEXT : LINK_THEN_ANY;
}

/* A group has an element that must take an event, and so has what follows an absence: the last element is given a
 * minimum where it is missing. */
static void make_sequence(struct maker *m, int group, int count_max, int depth) {
  int count = 1 + pick(m, count_max), node = -1;
  bool must = false, open_absence = false;
  for (int i = 0; i < count && (i == 0 || m->steps < m->steps_max); i++) {
    if (must && m->steps + 2 <= m->steps_max && chance(m, 15)) {
      make_use(m, new_node(m, group, NODE_ABSENCE, chance(m, 70) ? LINK_THEN : LINK_NEXT));
      open_absence = true;
    }
    node = make_element(m, group, i == 0 ? LINK_START : pick_link(m), depth);
    if (node_optional(m->c, node)) continue;
    must = true;
    open_absence = false;
  }
  if (open_absence || (!must && group != 0)) m->c->nodes[node].min = 1;
}

static void make_policies(struct maker *m) {
  struct pattern_case *c = m->c;
  static const enum report_policy reports[] = {TELL_FIRST, TELL_FIRST, TELL_ALL,     TELL_ALL,     TELL_ALL,
                                               TELL_ALL,   TELL_ALL,   TELL_LONGEST, TELL_TIMEOUT, TELL_TIMEOUT_ONLY};
  c->report = m->options.compact_only ? TELL_ALL : reports[pick(m, 10)];
  c->limit = c->report == TELL_ALL && chance(m, 20) ? 1 + pick(m, 4) : 100;
  m->all = c->report == TELL_ALL;
  c->after = chance(m, 40) ? SKIP_DEFAULT : (enum after_policy)pick(m, SKIP_NOTHING + 1);
  c->within = 2 + pick(m, chance(m, 50) ? 12 : 60);
}

/* A pattern of plain steps may be bounded by gaps on every edge and loop instead of `within`. */
static void make_gaps(struct maker *m) {
  struct pattern_case *c = m->c;
  bool plain = c->report == TELL_FIRST || c->report == TELL_ALL;
  for (int i = 1; i < c->node_count; i++)
    plain = plain && (c->nodes[i].kind == NODE_STEP || c->nodes[i].kind == NODE_ABSENCE);
  if (!plain || !chance(m, 20)) return;
  c->within = -1;
  for (int i = 1; i < c->node_count; i++) {
    struct node *n = &c->nodes[i];
    if (n->kind == NODE_ABSENCE) continue;
    bool first = n->link == LINK_START;
    if (!first)
      n->has_quantifier = n->strict = n->each = n->any = n->greedy = n->has_until = false, n->min = n->max = 1;
    if (!first || n->max > 1) n->gap = 1 + pick(m, 6), n->any = false;
  }
}

static void make_events(struct maker *m) {
  struct pattern_case *c = m->c;
  int count = 5 + pick(m, 36), step_max = 1 + pick(m, 4), nulls = chance(m, 30) ? 15 : 0, values = 2 + pick(m, 3);
  int64_t time = 1000;
  for (int i = 0; i < count; i++) {
    struct case_event *e = &c->events[c->event_count++];
    time += m->options.equal_times ? pick(m, step_max + 1) : 1 + pick(m, step_max);
    *e = (struct case_event){.type = pick(m, c->type_count), .time = time, .id = i};
    if (c->keyed) e->key = chance(m, 5) ? -1 : pick(m, 3);
    for (int f = 0; f < c->field_count; f++) {
      e->values[f] = pick(m, values);
      e->nulls[f] = chance(m, nulls);
    }
  }
}

void case_generate(struct pattern_case *c, uint64_t seed, struct case_options options) {
  static const char *const types[] = {"alpha", "beta", "gamma"}, *const fields[] = {"x", "y"};
  memset(c, 0, sizeof *c);
  struct maker maker = {.c = c, .state = seed, .options = options}, *m = &maker;
  c->keyed = options.keyed;
  int type_count = chance(m, 50) ? 1 : chance(m, 70) ? 2 : 3;
  for (; c->type_count < type_count; c->type_count++)
    snprintf(c->type_names[c->type_count], sizeof c->type_names[0], "%s", types[c->type_count]);
  for (; c->field_count < 2; c->field_count++)
    snprintf(c->field_names[c->field_count], sizeof c->field_names[0], "%s", fields[c->field_count]);
  make_policies(m);
  m->steps_max = 1 + pick(m, 6);
  new_node(m, -1, NODE_GROUP, LINK_START);
  make_sequence(m, 0, 4, 0);
  make_gaps(m);
  if (c->report != TELL_LONGEST && chance(m, 15) && c->nodes[0].child_count < CASE_CHILDREN_MAX) {
    int node = new_node(m, 0, NODE_ABSENCE, LINK_THEN);
    make_use(m, node);
    c->nodes[node].for_time = 1 + pick(m, 8);
  }
  int steps[CASE_NODES_MAX] = {0}, count = 0;
  for (int i = 0; i < c->node_count; i++)
    if (c->nodes[i].kind == NODE_STEP) steps[count++] = i;
  c->after_step = steps[pick(m, count)];
  make_events(m);
}

/* ---- writing ---- */

struct writer {
  const struct pattern_case *c;
  char *out;
  size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(w->out + w->used, w->size - w->used, format, arguments);
  va_end(arguments);
  w->used += (size_t)length;
  if (w->used >= w->size) w->used = w->size - 1;
}

static void put_operand(struct writer *w, const struct operand *o) {
  static const char *const names[] = {
      [OPERAND_COUNT] = "count",       [OPERAND_SUM] = "sum",   [OPERAND_AVG] = "avg",
      [OPERAND_MIN] = "min",           [OPERAND_MAX] = "max",   [OPERAND_FIRST] = "first",
      [OPERAND_DISTINCT] = "distinct", [OPERAND_LAST] = "last", [OPERAND_NTH] = "nth"};
  const char *step = w->c->nodes[o->step].name, *field = w->c->field_names[o->field];
  if (o->kind == OPERAND_CONSTANT)
    put(w, "%g", o->constant);
  else if (o->kind == OPERAND_FIELD)
    put(w, "%s", field);
  else if (o->kind == OPERAND_COUNT)
    put(w, "count(%s)", step);
  else if (o->kind == OPERAND_NTH)
    put(w, "nth(%s.%s, %d)", step, field, o->nth);
  else if (o->kind == OPERAND_LAST && (o->nth & 1))
    put(w, "%s.%s", step, field); /* both spellings of the same */
  else
    put(w, "%s(%s.%s)", names[o->kind], step, field);
}

static void put_condition(struct writer *w, const struct condition *condition) {
  static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">="};
  put(w, "(");
  for (int i = 0; i < condition->count; i++) {
    const struct term *t = &condition->terms[i];
    if (i > 0) put(w, condition->either ? " or " : " and ");
    put_operand(w, &t->left);
    if (t->plus.kind != OPERAND_NONE) {
      put(w, " + ");
      put_operand(w, &t->plus);
    }
    if (t->op == TERM_IN) {
      put(w, " in (");
      for (int k = 0; k < t->set_count; k++) put(w, k > 0 ? ", %g" : "%g", t->set[k]);
      put(w, ")");
    } else {
      put(w, " %s ", operators[t->op]);
      put_operand(w, &t->right);
    }
  }
  put(w, ")");
}

static void put_quantifier(struct writer *w, const struct node *n) {
  if (n->has_quantifier) {
    if (n->min == n->max)
      put(w, " {%d}", n->min);
    else if (n->max == CASE_UNLIMITED)
      put(w, " {%d,}", n->min);
    else
      put(w, " {%d,%d}", n->min, n->max);
  }
  if (n->strict) put(w, " strict");
  if (n->each) put(w, " each");
  if (n->any) put(w, " any");
  if (n->greedy) put(w, " greedy");
  if (n->has_until) {
    put(w, " until ");
    put_condition(w, &n->until);
  }
  if (n->gap >= 0) put(w, " gap %dms", (int)n->gap);
}

static void put_node(struct writer *w, int node) {
  const struct pattern_case *c = w->c;
  const struct node *n = &c->nodes[node];
  static const char *const links[] = {"", "", "then ", "then any ", "next "};
  if (n->link >= LINK_THEN) put(w, node > 0 && n->parent == 0 ? "\n  %s" : " %s", links[n->link]);
  if (n->kind == NODE_ABSENCE) put(w, "no ");
  if (n->kind == NODE_STEP) put(w, "%s = ", n->name);
  if (n->child_count > 0) {
    if (node > 0) put(w, "(");
    for (int i = 0; i < n->child_count; i++) {
      if (i > 0 && n->kind != NODE_GROUP) put(w, n->kind == NODE_OR ? " or " : " and ");
      put_node(w, n->children[i]);
    }
    if (node > 0) put(w, ")");
  } else {
    put(w, "%s", c->type_names[n->type]);
    if (n->condition.count > 0) put_condition(w, &n->condition);
  }
  if (n->has_among) {
    put(w, " among ");
    put_condition(w, &n->among);
  }
  put_quantifier(w, n);
  if (n->for_time >= 0) put(w, " for %dms", (int)n->for_time);
}

size_t case_print_rules(const struct pattern_case *c, char *out, size_t size) {
  static const char *const reports[] = {"first", "all", "longest", "timeout", "timeout only"};
  struct writer writer = {.c = c, .out = out, .size = size}, *w = &writer;
  for (int i = 0; i < c->type_count; i++) {
    put(w, "event %s {\n  event_time at\n  disorder 0s\n  at time(ms)\n", c->type_names[i]);
    if (c->keyed) put(w, "  k string\n");
    for (int f = 0; f < c->field_count; f++) put(w, "  %s int\n", c->field_names[f]);
    put(w, "}\n");
  }
  put(w, "rule r {\n  key %s\n  match ", c->keyed ? "k" : "none");
  put_node(w, 0);
  if (c->within >= 0) put(w, "\n  within %dms", (int)c->within);
  put(w, "\n  report %s", reports[c->report]);
  if (c->report == TELL_ALL && c->limit != 100) put(w, " limit %d", c->limit);
  const char *step = c->nodes[c->after_step].name;
  if (c->after == SKIP_PAST_LAST) put(w, "\n  after match skip past last");
  if (c->after == SKIP_TO_NEXT) put(w, "\n  after match skip to next");
  if (c->after == SKIP_TO_FIRST) put(w, "\n  after match skip to first %s", step);
  if (c->after == SKIP_TO_LAST) put(w, "\n  after match skip to last %s", step);
  if (c->after == SKIP_NOTHING) put(w, "\n  after match overlap");
  put(w, "\n}\n");
  return w->used;
}

size_t case_print_event(const struct pattern_case *c, const struct case_event *event, char *out, size_t size) {
  struct writer writer = {.c = c, .out = out, .size = size}, *w = &writer;
  put(w, "{\"type\":\"%s\",\"at\":%lld", c->type_names[event->type], (long long)event->time);
  if (c->keyed && event->key >= 0) put(w, ",\"k\":\"k%d\"", event->key);
  for (int f = 0; f < c->field_count; f++)
    if (!event->nulls[f]) put(w, ",\"%s\":%g", c->field_names[f], event->values[f]);
  put(w, "}");
  return w->used;
}
