/* dot.c - a pattern's program as text for `explain` and as a Graphviz graph for `explain --dot`. */
#include <inttypes.h>

#include "base/time_text.h"
#include "nfa/program.h"

static void write_name(struct buf *out, const struct pattern *p, uint16_t step) {
  if (step == WAY_END)
    buf_str(out, "end");
  else
    buf_slice(out, p->step_names[step]);
}

static void write_duration(struct buf *out, int64_t us) {
  char text[DURATION_TEXT_MAX];
  buf_add(out, text, duration_text(text, us));
}

static void write_condition(struct buf *out, const struct pattern_condition *condition, pattern_describe describe,
                            void *context) {
  if (describe != NULL)
    describe(context, out, condition);
  else if (condition->predicate == PREDICATE_TRUE)
    buf_str(out, condition->residual == NULL ? "any" : "residual");
  else
    buf_printf(out, "p%" PRId32 "%s", condition->predicate, condition->residual == NULL ? "" : " and residual");
}

static void write_conditions(struct buf *out, const struct pattern *p, struct range r, pattern_describe describe,
                             void *context) {
  for (int i = 0; i < r.count; i++) {
    const struct typed_condition *c = &p->conditions[r.first + i];
    if (i > 0) buf_str(out, " | ");
    write_condition(out, &c->condition, describe, context);
  }
}

static void write_guards(struct buf *out, const struct pattern *p, const struct way *w) {
  for (int i = 0; i < w->guards.count; i++) {
    const struct guard *g = &p->guards[w->guards.first + i];
    switch ((enum guard_op)g->op) {
    case GUARD_AT_LEAST: buf_printf(out, " if c%u >= %" PRIu32, (unsigned)g->counter, g->value); break;
    case GUARD_BELOW: buf_printf(out, " if c%u < %" PRIu32, (unsigned)g->counter, g->value); break;
    case GUARD_BIT_CLEAR: buf_printf(out, " if c%u has no bit %" PRIu32, (unsigned)g->counter, g->value); break;
    case GUARD_EQUAL: buf_printf(out, " if c%u == %" PRIu32, (unsigned)g->counter, g->value); break;
    }
  }
}

static void write_actions(struct buf *out, const struct pattern *p, const struct way *w) {
  for (int i = 0; i < w->actions.count; i++) {
    const struct action *a = &p->actions[w->actions.first + i];
    const char *op = a->op == ACTION_SET ? "=" : a->op == ACTION_ADD ? "+=" : "|=";
    buf_printf(out, "%s c%u %s %" PRIu32, i == 0 ? "; then" : ",", (unsigned)a->counter, op, a->value);
  }
}

static void write_way(struct buf *out, const struct pattern *p, const struct way *w, pattern_describe describe,
                      void *context) {
  buf_str(out, w->target == WAY_END ? (w->for_us >= 0 ? "wait " : "complete")
               : w->next            ? "next "
               : w->any             ? "then any "
                                    : "then ");
  if (w->target == WAY_END && w->for_us >= 0) {
    write_duration(out, w->for_us);
    buf_str(out, ", then complete");
  }
  if (w->target != WAY_END) write_name(out, p, w->target);
  write_guards(out, p, w);
  if (w->gap_us != INT64_MAX) {
    buf_str(out, " gap ");
    write_duration(out, w->gap_us);
  }
  if (w->among.count > 0) {
    buf_str(out, " among ");
    write_conditions(out, p, w->among, describe, context);
  }
  if (w->until.count > 0) {
    buf_str(out, " until ");
    write_conditions(out, p, w->until, describe, context);
  }
  if (w->absences.count > 0) {
    buf_str(out, " unless ");
    write_conditions(out, p, w->absences, describe, context);
  }
  write_actions(out, p, w);
}

static void write_node_name(struct buf *out, const struct pattern *p, int n) {
  if (n == 0)
    buf_str(out, "start");
  else
    write_name(out, p, (uint16_t)(n - 1));
}

void pattern_print(struct buf *out, const struct pattern *p, pattern_describe describe, void *context) {
  for (int s = 0; s < p->step_count; s++) {
    buf_printf(out, "step %d ", s);
    write_name(out, p, (uint16_t)s);
    buf_str(out, ": ");
    write_condition(out, &p->steps[s].condition, describe, context);
    buf_byte(out, '\n');
  }
  for (int n = 0; n < p->node_count; n++) {
    const struct node *node = &p->nodes[n];
    buf_str(out, n == 0 ? "at the " : "after ");
    write_node_name(out, p, n);
    if (node->forks.count > 1) buf_printf(out, " (%d ways to go on side by side)", node->forks.count);
    buf_str(out, ":\n");
    for (int i = 0; i < node->ways.count; i++) {
      buf_printf(out, "  %d. ", i + 1);
      write_way(out, p, &p->ways[node->ways.first + i], describe, context);
      buf_byte(out, '\n');
    }
  }
}

static void write_dot_text(struct buf *out, struct slice text) {
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] == '"' || text.data[i] == '\\') buf_byte(out, '\\');
    buf_byte(out, text.data[i] == '\n' ? ' ' : text.data[i]);
  }
}

void pattern_dot(struct buf *out, const struct pattern *p, const char *title, pattern_describe describe,
                 void *context) {
  struct buf label;
  buf_init(&label, out->mem);
  buf_str(out, "digraph \"");
  write_dot_text(out, slice_of(title));
  buf_str(out, "\" {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", "
               "fontsize=10];\n  start [shape=circle];\n  end [shape=doublecircle];\n");
  for (int s = 0; s < p->step_count; s++) {
    buf_clear(&label);
    write_name(&label, p, (uint16_t)s);
    buf_str(&label, ": ");
    write_condition(&label, &p->steps[s].condition, describe, context);
    buf_printf(out, "  s%d [label=\"", s);
    write_dot_text(out, buf_view(&label));
    buf_str(out, "\"];\n");
  }
  for (int n = 0; n < p->node_count; n++) {
    const struct node *node = &p->nodes[n];
    for (int i = 0; i < node->ways.count; i++) {
      const struct way *w = &p->ways[node->ways.first + i];
      if (n == 0)
        buf_str(out, "  start -> ");
      else
        buf_printf(out, "  s%d -> ", n - 1);
      if (w->target == WAY_END)
        buf_str(out, "end");
      else
        buf_printf(out, "s%d", w->target);
      buf_clear(&label);
      buf_printf(&label, "%d. ", i + 1);
      write_way(&label, p, w, describe, context);
      buf_str(out, " [label=\"");
      write_dot_text(out, buf_view(&label));
      buf_printf(out, "\"%s];\n", w->next ? ", style=bold" : w->any ? ", style=dashed" : "");
    }
  }
  buf_str(out, "}\n");
  buf_free(&label);
}
