/* near_miss_values.c - which event came nearest to a condition that counts, and the values that kept it out.
 *
 * The condition's parts (what its top `and` joins) become emitted fields of an `on` rule without the condition: whether
 * each held, and what stands on both sides of a comparison or what else it reads. Called by near_miss.c. */
#include <math.h>

#include "base/check.h"
#include "base/time_text.h"
#include "engine/near_miss.h"
#include "rules/check.h"
#include "rules/parts.h"
#include "rules/print.h"

enum {
  PARTS_MAX = 32, /* of a condition; further ones are not looked at */
  READS_MAX = 8,  /* values told of a part that is no comparison */
};

struct read {
  const struct tree_expr *expr;
  uint16_t entry;
};

struct part {
  struct tree_expr *expr;
  uint16_t truth;      /* its entry in `emit` */
  uint16_t read_count; /* of a comparison: the side that is not written out, then the other if it is not either */
  struct read reads[READS_MAX];
};

struct values {
  const struct near_miss *miss;
  struct arena *arena;
  uint16_t part_count, entry_count;
  bool left_out; /* a part that is not looked at */
  struct part parts[PARTS_MAX];
  struct tree_entry entries[PARTS_MAX * (READS_MAX + 1)];
  /* the event that came nearest so far */
  bool any;
  int64_t time;
  uint16_t held;
  double distance; /* of the first part that did not hold */
  struct value *emitted;
};

/* ---- what is asked ---- */

static bool is_counted(const struct tree_expr *expr) {
  if (expr->kind == TREE_COUNTING || expr->kind == TREE_SEEN) return true;
  switch (tree_ref(expr).kind) {
  case REF_COUNTER:
  case REF_PREVIOUS:
  case REF_MODEL:
  case REF_TABLE: return true;
  default: return false;
  }
}

static void find_counted(void *context, struct tree_expr *expr) { *(bool *)context |= is_counted(expr); }

bool near_miss_counts(const struct near_miss *miss, uint16_t type, struct tree_expr *condition) {
  bool found = miss->tree->types[type].origin != TYPE_OF_SOURCE;
  tree_expr_walk(condition, find_counted, &found);
  return found;
}

static void find_other_events(void *context, struct tree_expr *expr) {
  enum ref_kind kind = tree_ref(expr).kind;
  *(bool *)context |= kind == REF_STEP_FIELD || kind == REF_AGGREGATE;
}

static bool reads_other_events(struct tree_expr *expr) {
  bool found = false;
  tree_expr_walk(expr, find_other_events, &found);
  return found;
}

static uint16_t add_entry(struct values *values, struct tree_expr *expr) {
  check(values->entry_count < sizeof values->entries / sizeof *values->entries);
  char *name = arena_printf(values->arena, "e%u", values->entry_count);
  values->entries[values->entry_count] = (struct tree_entry){.name.text = slice_of(name), .expr = expr};
  return values->entry_count++;
}

static void add_read(struct values *values, struct part *part, struct tree_expr *expr) {
  if (part->read_count == READS_MAX) return;
  part->reads[part->read_count++] = (struct read){expr, add_entry(values, expr)};
}

static bool is_comparison(const struct tree_expr *expr) {
  if (expr->kind != TREE_BINARY) return false;
  switch (expr->op) {
  case EXPR_EQUAL:
  case EXPR_NOT_EQUAL:
  case EXPR_LESS:
  case EXPR_LESS_EQUAL:
  case EXPR_GREATER:
  case EXPR_GREATER_EQUAL: return true;
  default: return false;
  }
}

static bool is_read(const struct values *values, const struct part *part, const struct tree_expr *expr) {
  struct buf text, other;
  bool found = false;
  buf_init(&text, values->arena->mem);
  buf_init(&other, values->arena->mem);
  print_expr(&text, expr);
  for (uint16_t i = 0; i < part->read_count && !found; i++) {
    buf_clear(&other);
    print_expr(&other, part->reads[i].expr);
    found = slice_equal(buf_view(&text), buf_view(&other));
  }
  buf_free(&text);
  buf_free(&other);
  return found;
}

/* What a part that is no comparison reads, not what its counters read. Recursion follows the tree, whose depth is
 * limited (TREE_DEPTH_MAX). */
static void add_reads(struct values *values, struct part *part, struct tree_expr *expr) {
  if (is_counted(expr) || (expr->kind == TREE_PATH && tree_ref(expr).kind == REF_FIELD)) {
    if (!is_read(values, part, expr)) add_read(values, part, expr);
    return;
  }
  if (expr->kind == TREE_PATH || expr->kind == TREE_LITERAL) return;
  for (uint16_t i = 0; i < expr->item_count; i++) add_reads(values, part, expr->items[i]);
}

static void add_part(struct values *values, struct tree_expr *expr) {
  if (expr->kind == TREE_AND) {
    for (uint16_t i = 0; i < expr->item_count; i++) add_part(values, expr->items[i]);
    return;
  }
  if (values->part_count == PARTS_MAX || reads_other_events(expr)) {
    values->left_out = true;
    return;
  }
  struct part *part = &values->parts[values->part_count++];
  *part = (struct part){.expr = expr, .truth = add_entry(values, expr)};
  if (!is_comparison(expr)) {
    add_reads(values, part, expr);
    return;
  }
  bool swapped = expr->items[0]->kind == TREE_LITERAL;
  add_read(values, part, expr->items[swapped]);
  if (expr->items[!swapped]->kind != TREE_LITERAL) add_read(values, part, expr->items[!swapped]);
}

/* ---- the rule that asks ---- */

/* Of one event type alone, at the key of the part: what is asked there is a plain field of that type. */
static struct rule_tree *asking_rule(struct values *values, uint16_t in_part, const struct use *use) {
  struct arena *arena = values->arena;
  const struct rule_tree *from = parts_view(arena, values->miss->rule, in_part);
  struct rule_tree *rule = near_miss_bare(arena, from);
  rule->part_count = 0;
  rule->parts = NULL;
  uint16_t place = 0;
  while (place < from->type_count && from->types[place] != use->type) place++;
  check(place < from->type_count);
  struct key_tree *key = arena_new(arena, struct key_tree);
  if (from->key != NULL) {
    *key = *from->key;
    key->parts = arena_array(arena, struct key_part, key->part_count + 1u);
    for (uint16_t p = 0; p < key->part_count; p++) {
      key->parts[p] = from->key->parts[p];
      key->parts[p].carried = false;
      if (key->parts[p].fields != NULL) key->parts[p].fields += place;
    }
    rule->key = key;
  }
  struct step_info *step = arena_new(arena, struct step_info);
  *step = (struct step_info){.name = use->event, .type = use->type};
  rule->steps = step;
  rule->step_count = rule->type_count = 1;
  rule->types = &rule->types[place];
  rule->on = *use;
  rule->when = NULL;
  rule->pattern = NULL;
  rule->within_us = -1;
  rule->given &= ~(1u << CLAUSE_WHEN | 1u << CLAUSE_MATCH | 1u << CLAUSE_WITHIN);
  rule->given |= 1u << CLAUSE_ON | 1u << CLAUSE_EMIT;
  rule->emit = values->entries;
  rule->emit_count = values->entry_count;
  return rule;
}

static bool holds(const struct value *emitted, const struct part *part) {
  return emitted[part->truth].kind == VALUE_BOOL && emitted[part->truth].i != 0;
}

static double as_number(struct value value) {
  switch (value.kind) {
  case VALUE_INT:
  case VALUE_TIME:
  case VALUE_DURATION: return (double)value.i;
  case VALUE_FLOAT: return value.f;
  case VALUE_DECIMAL: {
    double number = (double)value.i;
    for (unsigned i = 0; i < value.scale; i++) number /= 10;
    return number;
  }
  default: return NAN;
  }
}

/* How far a comparison was from holding; NaN and what is none: as far as can be. Only used to choose what is shown. */
static double distance_of(const struct value *emitted, const struct part *part) {
  if (!is_comparison(part->expr)) return INFINITY;
  const struct tree_expr *other = part->expr->items[part->expr->items[0]->kind != TREE_LITERAL];
  struct value right = part->read_count > 1 ? emitted[part->reads[1].entry] : other->value;
  double distance = as_number(emitted[part->reads[0].entry]) - as_number(right);
  return distance != distance ? INFINITY : distance < 0 ? -distance : distance;
}

static void observe(void *context, const struct alert *alert, bool told) {
  (void)told;
  struct values *values = context;
  if (alert->told->rule->id != 0) return; /* another rule, that is needed */
  uint16_t held = 0;
  double distance = 0;
  bool failed = false;
  for (uint16_t p = 0; p < values->part_count; p++) {
    bool good = holds(alert->emit, &values->parts[p]);
    held += good;
    if (!good && !failed) distance = distance_of(alert->emit, &values->parts[p]);
    failed |= !good;
  }
  if (values->any && (held < values->held || (held == values->held && distance >= values->distance))) return;
  values->any = true;
  values->held = held;
  values->distance = distance;
  values->time = alert->told->match->time;
  for (uint16_t i = 0; i < values->entry_count; i++) values->emitted[i] = value_copy(values->arena, alert->emit[i]);
}

/* ---- telling ---- */

static void write_expr(struct buf *out, const struct tree_expr *expr) {
  buf_byte(out, '`');
  print_expr(out, expr);
  buf_byte(out, '`');
}

static const char *needed(const struct tree_expr *expr, bool swapped) {
  switch (expr->op) {
  case EXPR_EQUAL: return "==";
  case EXPR_NOT_EQUAL: return "!=";
  case EXPR_LESS: return swapped ? ">" : "<";
  case EXPR_LESS_EQUAL: return swapped ? ">=" : "<=";
  case EXPR_GREATER: return swapped ? "<" : ">";
  default: return swapped ? "<=" : ">=";
  }
}

static void write_comparison(const struct values *values, const struct part *part, struct buf *out) {
  bool swapped = part->expr->items[0]->kind == TREE_LITERAL;
  write_expr(out, part->reads[0].expr);
  buf_str(out, " was ");
  value_json(out, values->emitted[part->reads[0].entry]);
  buf_printf(out, ", needs %s ", needed(part->expr, swapped));
  if (part->read_count == 1) {
    print_expr(out, part->expr->items[!swapped]);
    return;
  }
  write_expr(out, part->reads[1].expr);
  buf_str(out, ", which was ");
  value_json(out, values->emitted[part->reads[1].entry]);
}

static void write_part(const struct values *values, const struct part *part, struct buf *out) {
  if (is_comparison(part->expr)) {
    write_comparison(values, part, out);
    return;
  }
  write_expr(out, part->expr);
  buf_str(out, values->emitted[part->truth].kind == VALUE_NULL ? " was unknown" : " was false");
  if (part->read_count == 1 && part->reads[0].expr == part->expr) return;
  for (uint16_t r = 0; r < part->read_count; r++) {
    buf_str(out, r == 0 ? ": " : ", ");
    write_expr(out, part->reads[r].expr);
    buf_str(out, " was ");
    value_json(out, values->emitted[part->reads[r].entry]);
  }
}

bool near_miss_values(const struct near_miss *miss, uint16_t part, const struct use *use, struct tree_expr *condition,
                      struct buf *out) {
  struct values *values = arena_new(miss->arena, struct values);
  values->miss = miss;
  values->arena = miss->arena;
  add_part(values, condition);
  values->emitted = arena_array(miss->arena, struct value, values->entry_count + 1u);
  struct rule_tree *rule = asking_rule(values, part, use);
  if (!near_miss_try(miss, &rule, 1, observe, values) || !values->any) return false;
  if (values->left_out && values->held == values->part_count) return false;
  buf_printf(out, "%s`" SLICE_FMT "` at ", miss->indent, SLICE_ARG(use->event.text));
  time_write(out, values->time);
  buf_str(out, values->held < values->part_count ? " came nearest\n" : " satisfied it\n");
  for (uint16_t p = 0; p < values->part_count; p++) {
    if (holds(values->emitted, &values->parts[p])) continue;
    buf_str(out, miss->indent);
    write_part(values, &values->parts[p], out);
    buf_byte(out, '\n');
  }
  return true;
}
