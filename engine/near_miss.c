/* near_miss.c - the longest beginning of a pattern that the events of a test satisfied, and what kept the next step
 * from them. Called by test_run.c. */
#include "engine/near_miss.h"

#include "base/time_text.h"
#include "rules/parts.h"
#include "rules/print.h"

enum {
  NEAR_MISS_ROUNDS = 16, /* numbers of rounds of a loop that are tried together */
  NEAR_MISS_EVENTS_SHOWN = 4,
  NEAR_MISS_VARIANTS_MAX = 64, /* of a rule, tried together */
};

/* What a variant may be freed of: each can keep an event from the step that its condition fits. */
enum {
  FREE_WITHIN = 1,
  FREE_GAP = 2,
  FREE_ABSENCE = 4, /* between the steps; that at the end is what the pattern is about */
  FREE_NEXT = 8,    /* `strict` too */
  FREE_UNTIL = 16,
  FREE_ALL = 31,
};

struct variant {
  struct rule_tree *rule;
  uint16_t elements; /* of the pattern's sequence */
  int32_t rounds;    /* of the last of them; 0 = as it says */
  unsigned free_of;
  bool matched;
  struct slice events, last; /* of its first match, as text: the first ones and the last; the last */
};

struct attempt {
  const struct near_miss *miss;
  struct arena *arena;
  const struct rule_tree *rule;
  struct variant items[NEAR_MISS_VARIANTS_MAX];
  uint16_t count;
};

/* ---- variants ---- */

static struct element *copy_of(struct arena *arena, const struct element *element) {
  struct element *copy = arena_new(arena, struct element);
  *copy = *element;
  return copy;
}

/* The element without what `free_of` says. Recursion follows the pattern, whose depth is limited (PATTERN_DEPTH_MAX).
 */
static struct element *freed(struct arena *arena, const struct element *element, unsigned free_of) {
  struct element *copy = copy_of(arena, element);
  if ((free_of & FREE_GAP) != 0) copy->gap_us = -1;
  if ((free_of & FREE_UNTIL) != 0) copy->until = NULL;
  if ((free_of & FREE_NEXT) != 0) {
    if (copy->connector == CONNECT_NEXT) copy->connector = CONNECT_THEN;
    copy->strict = false;
    copy->among = NULL;
  }
  copy->children = arena_array(arena, struct element *, element->child_count + 1u);
  copy->child_count = 0;
  for (uint16_t i = 0; i < element->child_count; i++) {
    const struct element *child = element->children[i];
    bool between = child->kind == ELEMENT_ABSENCE && i + 1 < element->child_count;
    if (between && (free_of & FREE_ABSENCE) != 0) continue;
    copy->children[copy->child_count++] = freed(arena, child, free_of);
  }
  return copy;
}

struct rule_tree *near_miss_bare(struct arena *arena, const struct rule_tree *rule) {
  struct rule_tree *copy = arena_new(arena, struct rule_tree);
  struct rule_rare *rare = arena_new(arena, struct rule_rare);
  *copy = *rule;
  *rare = *rule->rare;
  rare->add_count = rare->remove_count = 0;
  copy->rare = rare;
  copy->given &= ~(1u << CLAUSE_EMIT | 1u << CLAUSE_MESSAGE | 1u << CLAUSE_SUPPRESS | 1u << CLAUSE_BECAUSE |
                   1u << CLAUSE_MATCHED_FIELDS | 1u << CLAUSE_REPORT | 1u << CLAUSE_AFTER | 1u << CLAUSE_ADD |
                   1u << CLAUSE_REMOVE | 1u << CLAUSE_CANARY);
  copy->report = REPORT_FIRST;
  copy->after = AFTER_PAST_LAST;
  copy->emit_count = copy->message_part_count = 0;
  copy->suppress_us = -1;
  copy->suppress_unless = NULL;
  copy->mode = MODE_NONE;
  copy->to_nothing = false;
  return copy;
}

/* A copy of the rule that only matches: its pattern is the first `elements` elements, freed. */
static struct rule_tree *cut_rule(const struct attempt *attempt, uint16_t elements, int32_t rounds, unsigned free_of) {
  const struct rule_tree *rule = attempt->rule;
  struct rule_tree *copy = near_miss_bare(attempt->arena, rule);
  struct element *sequence = copy_of(attempt->arena, rule->pattern);
  sequence->children = arena_array(attempt->arena, struct element *, elements + 1u);
  for (uint16_t i = 0; i < elements; i++) sequence->children[i] = rule->pattern->children[i];
  sequence->child_count = elements;
  if (rounds > 0) {
    struct element *last = copy_of(attempt->arena, sequence->children[elements - 1]);
    last->min = last->max = rounds;
    sequence->children[elements - 1] = last;
  }
  copy->pattern = free_of == 0 ? sequence : freed(attempt->arena, sequence, free_of);
  if ((free_of & FREE_WITHIN) != 0) {
    copy->within_us = -1;
    copy->given &= ~(1u << CLAUSE_WITHIN);
  }
  parts_again(attempt->arena, copy);
  return copy;
}

static void add_variant(struct attempt *attempt, uint16_t elements, int32_t rounds, unsigned free_of) {
  if (attempt->count == NEAR_MISS_VARIANTS_MAX) return;
  struct variant *variant = &attempt->items[attempt->count];
  *variant = (struct variant){
      .rule = cut_rule(attempt, elements, rounds, free_of), .elements = elements, .rounds = rounds, .free_of = free_of};
  attempt->count++;
}

/* Whether it may have no event at all; a pattern of such elements alone is none. */
static bool may_be_empty(const struct element *element) {
  if (element->kind == ELEMENT_ABSENCE || element->min == 0) return true;
  if (element->kind != ELEMENT_GROUP) return false;
  bool empty = true;
  for (uint16_t i = 0; i < element->child_count; i++) empty = empty && may_be_empty(element->children[i]);
  return empty;
}

/* ---- trying them ---- */

static void observe(void *context, const struct alert *alert, bool told) {
  (void)told;
  struct attempt *attempt = context;
  const struct rule *rule = alert->told->rule;
  if (rule->id >= attempt->count || attempt->items[rule->id].matched) return;
  struct variant *variant = &attempt->items[rule->id];
  variant->matched = true;
  const struct nfa_match *match = alert->told->match;
  struct buf text;
  buf_init(&text, attempt->arena->mem);
  size_t last = 0;
  for (uint32_t i = 0; i < match->count; i++) {
    if (i >= NEAR_MISS_EVENTS_SHOWN && i + 1 < match->count) continue;
    if (i + 1 == match->count && match->count > NEAR_MISS_EVENTS_SHOWN + 1) buf_str(&text, ", …");
    if (i > 0) buf_str(&text, ", ");
    last = text.length;
    buf_printf(&text, "`" SLICE_FMT "` at ", SLICE_ARG(rule->steps[match->items[i].step].name));
    time_write(&text, match->items[i].event->time);
  }
  variant->events = (struct slice){arena_copy(attempt->arena, text.data, text.length), text.length};
  variant->last = (struct slice){variant->events.data + last, text.length - last};
  buf_free(&text);
}

static void unref(void *ruleset) { ruleset_unref(ruleset); }

/* Rules of the test that run, behind the variants: their alerts may be events, they may fill lists. */
static uint16_t add_others(const struct near_miss *miss, struct rule_tree **rules, uint16_t count) {
  uint16_t own = 0;
  for (uint16_t t = 0; t < miss->tree->rule_count && own < miss->ruleset->named_rule_count; t++) {
    struct rule_tree *rule = miss->tree->rules[t];
    if (!slice_equal(rule->name.text, miss->ruleset->rules[own].name)) continue; /* it is left out */
    if (miss->enabled[own++]) rules[count++] = rule;
  }
  return count;
}

bool near_miss_try(const struct near_miss *miss, struct rule_tree **rules, uint16_t count,
                   void (*each)(void *context, const struct alert *alert, bool told), void *context) {
  struct arena *arena = miss->arena;
  struct tree *cut = arena_new(arena, struct tree);
  *cut = *miss->tree;
  cut->rules = arena_array(arena, struct rule_tree *, (size_t)count + miss->tree->rule_count + 1);
  for (uint16_t i = 0; i < count; i++) { /* before all names that there can be, in the order of this array */
    rules[i]->name.text = slice_of(arena_printf(arena, "!%05u", i));
    cut->rules[i] = rules[i];
  }
  cut->rule_count = add_others(miss, cut->rules, count);
  struct diags diags;
  diags_init(&diags, arena);
  struct ruleset_options options = {.env = (struct env *)(uintptr_t)miss->env};
  struct ruleset *ruleset;
  struct err err;
  if (ruleset_compile(cut, &options, &diags, &ruleset, &err) != 0) return false;
  mem_defer(arena->mem, unref, ruleset);
  bool fed =
      ruleset->named_rule_count == cut->rule_count && miss->feed(miss->feed_context, ruleset, each, context, &err) == 0;
  mem_undefer(arena->mem, ruleset, true);
  return fed;
}

static bool try_all(struct attempt *attempt) {
  struct rule_tree *rules[NEAR_MISS_VARIANTS_MAX];
  for (uint16_t i = 0; i < attempt->count; i++) rules[i] = attempt->items[i].rule;
  return near_miss_try(attempt->miss, rules, attempt->count, observe, attempt);
}

/* The longest that matched; `elements` 0 = none did. Variants stand from the shortest to the longest. */
static struct variant longest(const struct attempt *attempt) {
  struct variant best = {0};
  for (uint16_t i = 0; i < attempt->count; i++)
    if (attempt->items[i].matched) best = attempt->items[i];
  return best;
}

/* The longest beginning of the pattern that matches. False: nothing can be said. */
static bool try_beginnings(struct attempt *attempt, struct variant *best) {
  const struct element *sequence = attempt->rule->pattern;
  bool empty = true;
  attempt->count = 0;
  for (uint16_t n = 1; n <= sequence->child_count; n++) {
    const struct element *last = sequence->children[n - 1];
    empty = empty && may_be_empty(last);
    if (last->kind != ELEMENT_ABSENCE && !empty) add_variant(attempt, n, 0, 0);
    if (n == sequence->child_count && last->kind == ELEMENT_ABSENCE && !empty) add_variant(attempt, n, 0, 0);
  }
  if (!try_all(attempt)) return false;
  *best = longest(attempt);
  return true;
}

/* How many rounds of the loop behind the longest beginning came: between `low`, which did, and `high`, which did not,
 * until they are neighbours. */
static void try_rounds(struct attempt *attempt, struct variant *best) {
  const struct element *sequence = attempt->rule->pattern;
  uint16_t next = best->elements;
  if (next < sequence->child_count && sequence->children[next]->kind == ELEMENT_ABSENCE) next++;
  if (next >= sequence->child_count) return;
  int32_t low = 0, high = sequence->children[next]->min;
  while (high - low > 1) { /* each turn makes the span shorter */
    int32_t step = (high - low + NEAR_MISS_ROUNDS - 1) / NEAR_MISS_ROUNDS;
    attempt->count = 0;
    for (int32_t rounds = low + step; rounds < high; rounds += step)
      add_variant(attempt, (uint16_t)(next + 1), rounds, 0);
    if (!try_all(attempt)) return;
    struct variant reached = longest(attempt);
    if (reached.elements > 0) *best = reached;
    low = reached.rounds > low ? reached.rounds : low;
    high = high - low > step ? low + step : high;
  }
}

/* ---- telling ---- */

static void write_element(struct buf *out, const struct element *element) {
  buf_byte(out, '`');
  print_element(out, element);
  buf_byte(out, '`');
}

static void write_duration(struct buf *out, const char *word, int64_t us) {
  char text[DURATION_TEXT_MAX];
  buf_printf(out, "`%s", word);
  if (us >= 0) {
    duration_text(text, us);
    buf_printf(out, " %s", text);
  }
  buf_byte(out, '`');
}

/* What a step needs that did not come to it: the element behind the longest beginning, or the next round of its loop.
 */
struct wanted {
  uint16_t elements;
  int32_t rounds;
  const struct element *element;
  const struct element *absence; /* that stands before it; NULL = none */
};

static struct wanted wanted_of(const struct rule_tree *rule, const struct variant *best) {
  const struct element *sequence = rule->pattern;
  if (best->rounds > 0) {
    const struct element *loop = sequence->children[best->elements - 1];
    int32_t rounds = best->rounds + 1;
    return (struct wanted){best->elements, rounds == loop->min ? 0 : rounds, loop, NULL};
  }
  uint16_t next = best->elements;
  const struct element *absence = NULL;
  if (sequence->children[next]->kind == ELEMENT_ABSENCE && next + 1 < sequence->child_count)
    absence = sequence->children[next++];
  const struct element *element = sequence->children[next];
  return (struct wanted){(uint16_t)(next + 1), element->min > 1 ? 1 : 0, element, absence};
}

/* Why the event that fits did not go on with the match. False: nothing fits. */
static bool write_kept_out(struct attempt *attempt, const struct wanted *wanted, const char *indent, struct buf *out) {
  static const unsigned singles[] = {FREE_WITHIN, FREE_GAP, FREE_ABSENCE, FREE_NEXT, FREE_UNTIL, FREE_ALL};
  const struct rule_tree *rule = attempt->rule;
  attempt->count = 0;
  for (size_t i = 0; i < sizeof singles / sizeof *singles; i++)
    add_variant(attempt, wanted->elements, wanted->rounds, singles[i]);
  if (!try_all(attempt)) return false;
  const struct variant *found = NULL;
  for (uint16_t i = 0; i < attempt->count && found == NULL; i++)
    if (attempt->items[i].matched) found = &attempt->items[i];
  if (found == NULL) return false;
  buf_str(out, indent);
  if (found->free_of == FREE_ABSENCE && wanted->absence != NULL) {
    buf_str(out, "then an event of `no ");
    print_use(out, &wanted->absence->use);
    buf_str(out, "` barred the way\n");
    return true;
  }
  buf_slice(out, found->last);
  switch (found->free_of) {
  case FREE_WITHIN:
    buf_str(out, " came too late: ");
    write_duration(out, "within", rule->within_us);
    buf_str(out, " was over\n");
    break;
  case FREE_GAP:
    buf_str(out, " came too late: ");
    write_duration(out, "gap", wanted->element->gap_us);
    buf_str(out, " was over\n");
    break;
  case FREE_ABSENCE: buf_str(out, " came, but an event that `no` forbids had come before\n"); break;
  case FREE_NEXT: buf_str(out, " came, but not as the very next event\n"); break;
  case FREE_UNTIL: buf_str(out, " came, but `until` had closed the loop\n"); break;
  default: buf_str(out, " came, but more than one of `within`, `gap`, `no`, `next` and `until` kept it out\n");
  }
  return true;
}

static void write_step_values(struct attempt *attempt, const struct element *element, struct buf *out) {
  struct tree_expr *condition = element->kind == ELEMENT_STEP ? element->use.condition : NULL;
  if (condition == NULL || !near_miss_counts(attempt->miss, element->use.type, condition)) return;
  struct use any = element->use;
  any.condition = NULL;
  (void)near_miss_values(attempt->miss, parts_of_step(attempt->rule, element->step), &any, condition, out);
}

static void write_stop(struct attempt *attempt, const struct variant *best, const char *indent, struct buf *out) {
  const struct rule_tree *rule = attempt->rule;
  const struct element *sequence = rule->pattern;
  if (best->elements == 0) {
    uint16_t first = 0;
    while (first + 1 < sequence->child_count && may_be_empty(sequence->children[first])) first++;
    buf_printf(out, "%sno event was taken by ", indent);
    write_element(out, sequence->children[first]);
    buf_byte(out, '\n');
    write_step_values(attempt, sequence->children[first], out);
    return;
  }
  if (best->elements == sequence->child_count && best->rounds == 0) { /* but it was not told as expected */
    buf_printf(out, "%sthe whole pattern matched: " SLICE_FMT "\n", indent, SLICE_ARG(best->events));
    return;
  }
  buf_printf(out, "%sit got as far as " SLICE_FMT "\n", indent, SLICE_ARG(best->events));
  const struct element *next = best->rounds == 0 ? sequence->children[best->elements] : NULL;
  if (next != NULL && next->kind == ELEMENT_ABSENCE && best->elements + 1 == sequence->child_count) {
    buf_printf(out, "%sthen an event of `no ", indent);
    print_use(out, &next->use);
    buf_str(out, "` broke the wait\n");
    return;
  }
  struct wanted wanted = wanted_of(rule, best);
  if (best->rounds > 0) {
    buf_printf(out, "%sthat is %d of the %d rounds that ", indent, best->rounds, wanted.element->min);
    write_element(out, wanted.element);
    buf_str(out, " needs\n");
    (void)write_kept_out(attempt, &wanted, indent, out);
    return;
  }
  if (write_kept_out(attempt, &wanted, indent, out)) return;
  buf_printf(out, "%sno event was then taken by ", indent);
  write_element(out, wanted.element);
  buf_byte(out, '\n');
  write_step_values(attempt, wanted.element, out);
}

/* An `on` rule: it is the condition, or `when`. */
static void write_on(const struct near_miss *miss, struct buf *out) {
  const struct rule_tree *rule = miss->rule;
  if (rule->when != NULL && near_miss_values(miss, 0, &rule->on, rule->when, out)) return;
  buf_printf(out, "%sno event satisfied `", miss->indent);
  print_use(out, &rule->on);
  buf_str(out, "`\n");
  struct use any = rule->on;
  any.condition = NULL;
  if (rule->on.condition != NULL && near_miss_counts(miss, rule->on.type, rule->on.condition))
    (void)near_miss_values(miss, 0, &any, rule->on.condition, out);
}

/* Whether the parentheses may be left out: what stands in them is reached in the same way without. */
static bool is_plain(const struct element *element) {
  return element->kind == ELEMENT_GROUP && !element->has_quantifier && element->gap_us < 0 &&
         !may_be_empty(element->children[0]);
}

/* Recursion follows the pattern, whose depth is limited (PATTERN_DEPTH_MAX). */
static uint32_t opened_count(const struct element *element) {
  uint32_t count = 0;
  if (!is_plain(element)) return 1;
  for (uint16_t i = 0; i < element->child_count; i++) count += opened_count(element->children[i]);
  return count;
}

static void open_element(struct arena *arena, struct element *sequence, struct element *element) {
  if (!is_plain(element)) {
    sequence->children[sequence->child_count++] = element;
    return;
  }
  for (uint16_t i = 0; i < element->child_count; i++) {
    struct element *child = copy_of(arena, element->children[i]);
    if (i == 0) child->connector = element->connector;
    open_element(arena, sequence, child);
  }
}

/* A rule whose key changes, without the parentheses around its parts: what stands in them can be named then. */
static const struct rule_tree *opened(struct arena *arena, const struct rule_tree *rule) {
  if (rule->part_count == 0) return rule;
  struct rule_tree *copy = arena_new(arena, struct rule_tree);
  struct element *sequence = copy_of(arena, rule->pattern);
  size_t count = 0;
  for (uint16_t p = 0; p < rule->part_count; p++)
    for (uint16_t i = 0; i < rule->parts[p].pattern->child_count; i++)
      count += opened_count(rule->parts[p].pattern->children[i]);
  sequence->children = arena_array(arena, struct element *, count + 1);
  sequence->child_count = 0;
  for (uint16_t p = 0; p < rule->part_count; p++)
    for (uint16_t i = 0; i < rule->parts[p].pattern->child_count; i++)
      open_element(arena, sequence, rule->parts[p].pattern->children[i]);
  *copy = *rule;
  copy->pattern = sequence;
  return copy;
}

void near_miss_write(const struct near_miss *miss, struct buf *out) {
  if (miss->rule->pattern == NULL) {
    write_on(miss, out);
    return;
  }
  struct attempt *attempt = arena_new(miss->arena, struct attempt);
  attempt->miss = miss;
  attempt->arena = miss->arena;
  attempt->rule = opened(miss->arena, miss->rule);
  struct variant best;
  if (!try_beginnings(attempt, &best)) return;
  try_rounds(attempt, &best);
  write_stop(attempt, &best, miss->indent, out);
}
