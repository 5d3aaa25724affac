/* explain_stages.c - where events come from that no input has: filters, windows, joins, alerts; and what is kept for
 * them, for groups, and for lists and tables that change. */
#include "base/time_text.h"
#include "rules/count_size.h"
#include "rules/explain_core.h"
#include "rules/list_set.h"
#include "rules/print.h"
#include "rules/table_rows.h"

enum {                             /* about: engine/README.md has what they are */
       EXPLAIN_KEPT_BYTES = 32,    /* of a join's event beside the event itself */
       EXPLAIN_CHANGE_BYTES = 112, /* of a list's entry that a rule added, beside its text */
       EXPLAIN_ROW_BYTES = 96,     /* of a table's row beside its columns */
       /* Of a key with its first open window or pane, beside what the aggregates keep and the key's text: */
       EXPLAIN_WINDOW_BYTES = 80,
       EXPLAIN_PANES_BYTES = 128,
       EXPLAIN_SESSION_BYTES = 160,
       EXPLAIN_COUNT_BYTES = 120,
       EXPLAIN_EARLY_BYTES = 32,  /* more where windows are told early */
       EXPLAIN_KNOWN_BYTES = 40,  /* more where keys are known longer than their windows */
       EXPLAIN_FURTHER_BYTES = 64 /* of a further window or pane, beside its aggregates */
};

static struct slice event_name(const struct ruleset *ruleset, uint16_t type) { return ruleset->schemas[type].name; }

static void names(struct buf *out, const struct slice *items, uint16_t count) {
  for (uint16_t i = 0; i < count; i++) buf_printf(out, "%s" SLICE_FMT, i == 0 ? "" : ", ", SLICE_ARG(items[i]));
  if (count == 0) buf_str(out, "no key");
}

static void where(struct buf *out, const struct ruleset *ruleset, uint16_t schema) {
  const struct event_tree *event = ruleset->tree == NULL ? NULL : ruleset->tree->types[schema].event;
  if (event == NULL || event->where == NULL) return;
  buf_str(out, " where ");
  print_expr(out, event->where);
}

/* ---- windows ---- */

static void window_kind(struct buf *out, const struct window_plan *plan) {
  switch (plan->kind) {
  case WINDOW_TUMBLING:
    buf_str(out, "a tumbling window of ");
    explain_duration(out, plan->size_us);
    break;
  case WINDOW_SLIDING:
    buf_str(out, "a sliding window of ");
    explain_duration(out, plan->size_us);
    buf_str(out, " every ");
    explain_duration(out, plan->every_us);
    break;
  case WINDOW_SESSION:
    buf_str(out, "a session that ends with a gap of ");
    explain_duration(out, plan->size_us);
    break;
  case WINDOW_COUNT:
    buf_printf(out, "a window of %lld events", (long long)plan->count);
    if (plan->every_count > 0 && plan->every_count != plan->count)
      buf_printf(out, " every %lld", (long long)plan->every_count);
    break;
  case WINDOW_TODAY: buf_str(out, "a window of each day"); break;
  }
}

static void window_source(struct buf *out, const struct ruleset *ruleset, const struct window_plan *plan) {
  window_kind(out, plan);
  buf_str(out, " by ");
  names(out, plan->key_names, plan->key_count);
  buf_str(out, " over ");
  for (uint16_t f = 0; f < plan->from_count; f++)
    buf_printf(out, "%s" SLICE_FMT, f == 0 ? "" : ", ", SLICE_ARG(event_name(ruleset, plan->from[f].type)));
  where(out, ruleset, plan->schema);
}

static void window_told(struct buf *out, const struct window_plan *plan) {
  if (plan->lateness_us > 0) {
    buf_str(out, "; late events change it for ");
    explain_duration(out, plan->lateness_us);
  }
  if (plan->early_us > 0 || plan->early_count > 0 || plan->early_when != NULL) buf_str(out, "; told early, too");
  if (plan->known_us > 0) {
    buf_str(out, "; told empty for each key of the last ");
    explain_duration(out, plan->known_us);
  }
}

/* What grows with the events: engine/aggregate.h has the sizes. */
static void window_growth(struct buf *out, const struct window_plan *plan) {
  bool distinct = false, percentile = false, top = false, values = false;
  for (uint16_t i = 0; i < plan->aggregate_count; i++) {
    enum aggregate kind = plan->aggregates[i].kind;
    distinct |= kind == AGG_DISTINCT;
    percentile |= kind == AGG_MEDIAN || kind == AGG_PERCENTILE;
    top |= kind == AGG_TOP;
    values |= kind == AGG_COLLECT || kind == AGG_NTH;
  }
  if (distinct) buf_str(out, ", 16 for each different value of `distinct` up to 1,024 and then 4 KiB");
  if (percentile) buf_str(out, ", up to 17 for each value of percentiles");
  if (top) buf_str(out, ", 40 to 64 and its text for each different value of `top`");
  if (values) buf_str(out, ", 24 and its text for each value of `collect` and `nth`");
}

static size_t window_key_bytes(const struct window_plan *plan, size_t block) {
  bool early = plan->early_us > 0 || plan->early_count > 0 || plan->early_when != NULL;
  size_t more = (early ? EXPLAIN_EARLY_BYTES : 0) + (plan->known_us > 0 ? EXPLAIN_KNOWN_BYTES : 0) + block;
  switch (plan->kind) {
  case WINDOW_SLIDING: return EXPLAIN_PANES_BYTES + more + block;
  case WINDOW_SESSION: return EXPLAIN_SESSION_BYTES + more;
  case WINDOW_COUNT: return EXPLAIN_COUNT_BYTES + more;
  default: return EXPLAIN_WINDOW_BYTES + more;
  }
}

static void window_state(struct buf *out, const struct window_plan *plan) {
  struct arena scratch;
  arena_init(&scratch, out->mem, 1 << 12);
  size_t block = count_size_aggregates(&scratch, plan->aggregates, plan->aggregate_count);
  arena_free(&scratch);
  buf_printf(out, "; about %zu bytes for a key and its text", window_key_bytes(plan, block));
  if (plan->kind == WINDOW_SLIDING && plan->every_us > 0)
    buf_printf(out, ", %zu for each further pane that it has events in, of %lld", EXPLAIN_FURTHER_BYTES + block,
               (long long)((plan->size_us + plan->every_us - 1) / plan->every_us));
  else if (plan->lateness_us > 0 || (plan->kind == WINDOW_COUNT && plan->every_count < plan->count))
    buf_printf(out, ", %zu for each further open window of it", EXPLAIN_FURTHER_BYTES + block);
  window_growth(out, plan);
  if (plan->kind == WINDOW_COUNT) return;
  int64_t longest = plan->kind == WINDOW_TODAY ? INT64_C(25) * 3600 * 1000000 : plan->size_us;
  buf_str(out, plan->kind == WINDOW_SESSION ? "; until it is silent for " : "; for at most ");
  explain_duration(out, longest + plan->lateness_us + (plan->known_us > 0 ? plan->known_us : 0));
  buf_str(out, " of event time");
}

/* ---- joins ---- */

static void join_source(struct buf *out, const struct ruleset *ruleset, const struct join_plan *plan) {
  static const char *const kinds[] = {"a join", "a left join", "a right join", "a full join"};
  buf_printf(out, "%s of " SLICE_FMT " and " SLICE_FMT " by ", kinds[plan->keeps[0] + 2 * plan->keeps[1]],
             SLICE_ARG(event_name(ruleset, plan->types[0])), SLICE_ARG(event_name(ruleset, plan->types[1])));
  names(out, plan->key_names, plan->key_count);
  where(out, ruleset, plan->schema);
}

static void join_side(struct buf *out, const struct ruleset *ruleset, const struct join_plan *plan, unsigned side) {
  int64_t longest = side == 0 ? plan->high_us : -plan->low_us;
  buf_printf(out, "; a " SLICE_FMT " is kept for ", SLICE_ARG(event_name(ruleset, plan->types[side])));
  explain_duration(out, longest > 0 ? longest : 0);
  buf_printf(out, " (%zu bytes and its texts)",
             EXPLAIN_KEPT_BYTES + sizeof(struct held) + plan->slot_counts[side] * sizeof(struct value));
}

/* ---- a rule's ---- */

static void made_in(struct buf *out, const struct ruleset *ruleset, uint16_t schema, unsigned stage) {
  buf_printf(out, SLICE_FMT " is made in stage %u from ", SLICE_ARG(event_name(ruleset, schema)), stage);
}

static void filter_stage(struct explain_lines *lines, const struct ruleset *ruleset, const struct derived *derived) {
  made_in(&lines->text, ruleset, derived->schema, derived->stage);
  for (uint16_t f = 0; f < derived->from_count; f++)
    buf_printf(&lines->text, "%s" SLICE_FMT, f == 0 ? "" : ", ", SLICE_ARG(event_name(ruleset, derived->from[f].type)));
  where(&lines->text, ruleset, derived->schema);
  explain_end(lines);
}

static void type_stage(struct explain_lines *lines, const struct ruleset *ruleset, uint16_t type) {
  for (uint16_t d = 0; d < ruleset->derived_count; d++)
    if (ruleset->deriveds[d].schema == type) filter_stage(lines, ruleset, &ruleset->deriveds[d]);
  for (uint16_t w = 0; w < ruleset->window_count; w++) {
    const struct window_plan *plan = &ruleset->windows[w];
    if (plan->schema != type) continue;
    made_in(&lines->text, ruleset, type, plan->stage + 1u);
    window_source(&lines->text, ruleset, plan);
    explain_end(lines);
  }
  for (uint16_t j = 0; j < ruleset->join_count; j++) {
    const struct join_plan *plan = &ruleset->joins[j];
    if (plan->schema != type) continue;
    made_in(&lines->text, ruleset, type, plan->stage + 1u);
    join_source(&lines->text, ruleset, plan);
    explain_end(lines);
  }
  for (uint16_t r = 0; r < ruleset->rule_count; r++) {
    const struct rule *rule = &ruleset->rules[r];
    if (rule->parts != NULL && rule->parts->made != NULL && rule->parts->made->schema == type)
      explain_line(lines, SLICE_FMT " makes an event of each match, in stage %u", SLICE_ARG(rule->name),
                   rule->stage + 1u);
    if (rule->alert_event == NULL || rule->alert_event->schema != type) continue;
    explain_line(lines, SLICE_FMT " is made in stage %u of the alerts of that rule",
                 SLICE_ARG(event_name(ruleset, type)), rule->stage + 1u);
  }
}

void explain_stages(struct explain_lines *lines, const struct ruleset *ruleset, const struct rule *rule) {
  for (uint16_t t = 0; t < rule->type_count; t++) type_stage(lines, ruleset, rule->types[t]);
  if (rule->alert_event != NULL) explain_line(lines, "its alerts are events for other rules");
  for (uint16_t m = 0; m < rule->member_count; m++) {
    const struct group_plan *group = &ruleset->groups[rule->members[m].group];
    explain_line(lines, "its alerts count in the group " SLICE_FMT, SLICE_ARG(group->name));
  }
  for (uint16_t c = 0; c < rule->list_change_count; c++) {
    const struct list_change *change = &rule->list_changes[c];
    explain_line(lines, "its alerts %s the list " SLICE_FMT, change->remove ? "take from" : "add to",
                 SLICE_ARG(ruleset->lists[change->list].name));
  }
  if (ruleset->level_count > 1)
    explain_line(lines, "the %s is worked on in pass %u of %u", rule->parts != NULL ? "part" : "rule", rule->level + 1u,
                 ruleset->level_count);
}

/* ---- the whole rule set ---- */

static void in_pass(struct buf *out, const struct ruleset *ruleset, uint16_t level) {
  if (ruleset->level_count > 1) buf_printf(out, "; in pass %u of %u", level + 1u, ruleset->level_count);
}

void explain_derived(struct explain_lines *lines, const struct ruleset *ruleset, struct slice only) {
  struct buf *out = &lines->text;
  for (uint16_t d = 0; d < ruleset->derived_count; d++) {
    const struct derived *derived = &ruleset->deriveds[d];
    if (!explain_wanted(only, event_name(ruleset, derived->schema))) continue;
    buf_printf(out, "event " SLICE_FMT ": a filter of ", SLICE_ARG(event_name(ruleset, derived->schema)));
    for (uint16_t f = 0; f < derived->from_count; f++)
      buf_printf(out, "%s" SLICE_FMT, f == 0 ? "" : ", ", SLICE_ARG(event_name(ruleset, derived->from[f].type)));
    where(out, ruleset, derived->schema);
    buf_str(out, "; keeps nothing");
    in_pass(out, ruleset, derived->level);
    explain_end(lines);
  }
  for (uint16_t w = 0; w < ruleset->window_count; w++) {
    const struct window_plan *plan = &ruleset->windows[w];
    if (!explain_wanted(only, event_name(ruleset, plan->schema))) continue;
    buf_printf(out, "event " SLICE_FMT ": ", SLICE_ARG(event_name(ruleset, plan->schema)));
    window_source(out, ruleset, plan);
    window_told(out, plan);
    window_state(out, plan);
    in_pass(out, ruleset, plan->level);
    explain_end(lines);
  }
  for (uint16_t j = 0; j < ruleset->join_count; j++) {
    const struct join_plan *plan = &ruleset->joins[j];
    if (!explain_wanted(only, event_name(ruleset, plan->schema))) continue;
    buf_printf(out, "event " SLICE_FMT ": ", SLICE_ARG(event_name(ruleset, plan->schema)));
    join_source(out, ruleset, plan);
    for (unsigned side = 0; side < 2; side++) join_side(out, ruleset, plan, side);
    in_pass(out, ruleset, plan->level);
    explain_end(lines);
  }
}

void explain_lists(struct explain_lines *lines, const struct ruleset *ruleset, struct slice only) {
  struct buf *out = &lines->text;
  for (uint16_t i = 0; i < ruleset->list_count; i++) {
    const struct list_def *list = &ruleset->lists[i];
    if (!explain_wanted(only, list->name)) continue;
    bool one = list_set_count(list->set) == 1, ranges = list->type.kind == VALUE_IP;
    const char *noun = ranges ? (one ? "address range" : "address ranges") : (one ? "entry" : "entries");
    buf_printf(out, "list " SLICE_FMT ": %u %s, about %zu bytes", SLICE_ARG(list->name), list_set_count(list->set),
               noun, list_set_bytes(list->set));
    if (list->live) {
      buf_printf(out, "; rules change it, about %u bytes and its text for each entry", (unsigned)EXPLAIN_CHANGE_BYTES);
      if (list->ttl_us > 0) {
        buf_str(out, ", for ");
        explain_duration(out, list->ttl_us);
      }
    }
    explain_end(lines);
  }
}

void explain_tables(struct explain_lines *lines, const struct ruleset *ruleset, struct slice only) {
  struct buf *out = &lines->text;
  for (uint16_t i = 0; i < ruleset->table_count; i++) {
    const struct table_def *table = &ruleset->tables[i];
    if (!explain_wanted(only, table->name)) continue;
    buf_printf(out, "table " SLICE_FMT ": ", SLICE_ARG(table->name));
    if (table->live) {
      buf_printf(out, "the last row of each key from " SLICE_FMT ", about %zu bytes and its texts",
                 SLICE_ARG(event_name(ruleset, table->from_type)),
                 EXPLAIN_ROW_BYTES + table->column_count * sizeof(struct value));
      if (table->ttl_us > 0) {
        buf_str(out, table->ttl_on_read ? ", until nobody has asked it for " : ", for ");
        explain_duration(out, table->ttl_us);
      }
    } else if (table->rows == NULL) {
      buf_str(out, "empty");
    } else {
      buf_printf(out, "%u row%s, about %zu bytes", table_rows_count(table->rows),
                 table_rows_count(table->rows) == 1 ? "" : "s", table_rows_bytes(table->rows));
    }
    explain_end(lines);
  }
}
