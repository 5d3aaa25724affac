/* near_miss.c - the longest beginning of a pattern that the events of a test satisfied. Called by test_run.c. */
#include "engine/near_miss.h"

#include "base/time_text.h"
#include "rules/print.h"

enum {
  NEAR_MISS_VARIANTS_MAX = 64, /* shorter patterns that are tried */
  NEAR_MISS_ROUNDS_MAX = 8,    /* fewer rounds of one loop that are tried */
  NEAR_MISS_EVENTS_SHOWN = 4,
};

struct variant {
  struct rule_tree *rule;
  uint16_t elements; /* of the pattern's sequence */
  int32_t rounds;    /* of the last of them; 0 = as it says */
  bool unbounded;    /* without `within` */
  bool unbarred;     /* without the absences between its steps */
  bool matched;
  struct slice events; /* of its first match, as text */
};

struct attempt {
  struct arena *arena;
  const struct tree *tree;
  struct variant items[NEAR_MISS_VARIANTS_MAX];
  uint16_t count;
};

/* A copy of the rule that only matches: its pattern is the first `elements` elements. */
static struct rule_tree *cut_rule(struct attempt *attempt, const struct rule_tree *rule, uint16_t elements,
                                  int32_t rounds) {
  struct rule_tree *copy = arena_new(attempt->arena, struct rule_tree);
  *copy = *rule;
  struct element *sequence = arena_new(attempt->arena, struct element);
  *sequence = *rule->pattern;
  sequence->children = arena_array(attempt->arena, struct element *, elements);
  for (uint16_t i = 0; i < elements; i++) sequence->children[i] = rule->pattern->children[i];
  sequence->child_count = elements;
  if (rounds > 0) {
    struct element *last = arena_new(attempt->arena, struct element);
    *last = *sequence->children[elements - 1];
    last->min = rounds;
    last->max = rounds;
    sequence->children[elements - 1] = last;
  }
  copy->pattern = sequence;
  copy->given &= ~(1u << CLAUSE_EMIT | 1u << CLAUSE_MESSAGE | 1u << CLAUSE_SUPPRESS | 1u << CLAUSE_BECAUSE |
                   1u << CLAUSE_MATCHED_FIELDS | 1u << CLAUSE_REPORT | 1u << CLAUSE_AFTER);
  copy->report = REPORT_FIRST;
  copy->after = AFTER_PAST_LAST;
  copy->emit_count = copy->message_part_count = 0;
  copy->suppress_us = -1;
  copy->suppress_unless = NULL;
  copy->mode = MODE_NONE;
  copy->to_nothing = false;
  return copy;
}

static struct variant *add_variant(struct attempt *attempt, const struct rule_tree *rule, uint16_t elements,
                                   int32_t rounds) {
  if (attempt->count == NEAR_MISS_VARIANTS_MAX) return NULL;
  struct variant *variant = &attempt->items[attempt->count];
  *variant =
      (struct variant){.rule = cut_rule(attempt, rule, elements, rounds), .elements = elements, .rounds = rounds};
  char *name = arena_printf(attempt->arena, "v%05u", attempt->count); /* in byte order as in this array */
  variant->rule->name.text = slice_of(name);
  attempt->count++;
  return variant;
}

/* The variants, from the shortest to the longest. */
static void make_variants(struct attempt *attempt, const struct rule_tree *rule) {
  const struct element *sequence = rule->pattern;
  for (uint16_t n = 1; n <= sequence->child_count; n++) {
    const struct element *last = sequence->children[n - 1];
    if (last->kind == ELEMENT_ABSENCE) continue;
    for (int32_t rounds = 1; rounds < last->min && rounds <= NEAR_MISS_ROUNDS_MAX; rounds++)
      (void)add_variant(attempt, rule, n, rounds);
    (void)add_variant(attempt, rule, n, 0);
  }
  bool barred = false;
  for (uint16_t n = 0; n + 1 < sequence->child_count; n++)
    barred = barred || sequence->children[n]->kind == ELEMENT_ABSENCE;
  struct variant *unbarred = barred ? add_variant(attempt, rule, sequence->child_count, 0) : NULL;
  if (unbarred != NULL) {
    unbarred->unbarred = true;
    struct element *free_of_them = unbarred->rule->pattern;
    uint16_t kept = 0;
    for (uint16_t n = 0; n < free_of_them->child_count; n++)
      if (free_of_them->children[n]->kind != ELEMENT_ABSENCE || n + 1 == free_of_them->child_count)
        free_of_them->children[kept++] = free_of_them->children[n];
    free_of_them->child_count = kept;
  }
  if (rule->within_us < 0 || sequence->children[sequence->child_count - 1]->kind == ELEMENT_ABSENCE) return;
  struct variant *unbounded = add_variant(attempt, rule, sequence->child_count, 0);
  if (unbounded == NULL) return;
  unbounded->unbounded = true;
  unbounded->rule->within_us = -1;
  unbounded->rule->given &= ~(1u << CLAUSE_WITHIN);
}

static void observe(void *context, const struct alert *alert, bool told) {
  (void)told;
  struct attempt *attempt = context;
  const struct rule *rule = alert->told->rule;
  if (rule->id >= attempt->count || attempt->items[rule->id].matched) return;
  attempt->items[rule->id].matched = true;
  const struct nfa_match *match = alert->told->match;
  struct buf text;
  buf_init(&text, attempt->arena->mem);
  for (uint32_t i = 0; i < match->count; i++) {
    if (i >= NEAR_MISS_EVENTS_SHOWN && i + 1 < match->count) continue;
    if (i + 1 == match->count && match->count > NEAR_MISS_EVENTS_SHOWN + 1) buf_str(&text, ", …");
    if (i > 0) buf_str(&text, ", ");
    buf_printf(&text, "`" SLICE_FMT "` at ", SLICE_ARG(rule->steps[match->items[i].step].name));
    time_write(&text, match->items[i].event->time);
  }
  attempt->items[rule->id].events = (struct slice){arena_copy(attempt->arena, text.data, text.length), text.length};
  buf_free(&text);
}

static void write_element(struct buf *out, const struct rule_tree *rule, uint16_t element) {
  buf_byte(out, '`');
  print_element(out, rule->pattern->children[element]);
  buf_byte(out, '`');
}

static void write_stop(const struct attempt *attempt, const struct rule_tree *rule, const char *indent,
                       struct buf *out) {
  const struct variant *best = NULL, *full = NULL, *unbounded = NULL, *unbarred = NULL;
  for (uint16_t i = 0; i < attempt->count; i++) {
    const struct variant *variant = &attempt->items[i];
    if (!variant->matched) continue;
    if (variant->unbounded) {
      unbounded = variant;
      continue;
    }
    if (variant->unbarred) {
      unbarred = variant;
      continue;
    }
    best = variant;
    if (variant->elements == rule->pattern->child_count && variant->rounds == 0) full = variant;
  }
  buf_str(out, indent);
  if (best == NULL) {
    buf_str(out, "no event was taken by ");
    write_element(out, rule, 0);
    buf_byte(out, '\n');
    return;
  }
  if (full != NULL) { /* the whole pattern matched, but not so that it was told as expected */
    buf_printf(out, "the whole pattern matched: " SLICE_FMT "\n", SLICE_ARG(full->events));
    return;
  }
  buf_printf(out, "it got as far as " SLICE_FMT "\n%s", SLICE_ARG(best->events), indent);
  if (unbounded != NULL) {
    char within[DURATION_TEXT_MAX];
    duration_text(within, rule->within_us);
    buf_printf(out, "all steps came, but not within %s\n", within);
    return;
  }
  if (best->rounds > 0) {
    const struct element *loop = rule->pattern->children[best->elements - 1];
    buf_printf(out, "that is %d of the %d rounds that ", best->rounds, loop->min);
    write_element(out, rule, (uint16_t)(best->elements - 1));
    buf_str(out, " needs\n");
    return;
  }
  uint16_t next = best->elements;
  const struct element *absence = rule->pattern->children[next];
  if (absence->kind == ELEMENT_ABSENCE && (unbarred != NULL || next + 1 == rule->pattern->child_count)) {
    buf_str(out, "then an event of `no ");
    print_use(out, &absence->use);
    buf_str(out, next + 1 == rule->pattern->child_count ? "` broke the wait\n" : "` barred the way\n");
    return;
  }
  if (absence->kind == ELEMENT_ABSENCE) next++;
  buf_str(out, "no event was then taken by ");
  write_element(out, rule, next);
  buf_byte(out, '\n');
}

static void unref(void *ruleset) { ruleset_unref(ruleset); }

void near_miss_write(const struct tree *tree, const struct rule_tree *rule, const struct env *env, struct arena *arena,
                     near_miss_feed feed, void *feed_context, const char *indent, struct buf *out) {
  if (rule->pattern == NULL) {
    buf_printf(out, "%sno event satisfied `", indent);
    print_use(out, &rule->on);
    if (rule->when != NULL) {
      buf_str(out, " when ");
      print_expr(out, rule->when);
    }
    buf_str(out, "`\n");
    return;
  }
  struct attempt *attempt = arena_new(arena, struct attempt);
  attempt->arena = arena;
  attempt->tree = tree;
  make_variants(attempt, rule);
  struct tree *cut = arena_new(arena, struct tree);
  *cut = *tree;
  cut->rule_count = attempt->count;
  cut->rules = arena_array(arena, struct rule_tree *, attempt->count);
  for (uint16_t i = 0; i < attempt->count; i++) cut->rules[i] = attempt->items[i].rule;
  struct diags diags;
  diags_init(&diags, arena);
  struct ruleset_options options = {.env = (struct env *)(uintptr_t)env};
  struct ruleset *ruleset;
  struct err err;
  if (ruleset_compile(cut, &options, &diags, &ruleset, &err) != 0) return; /* a cut pattern that cannot stand alone */
  mem_defer(arena->mem, unref, ruleset);
  bool fed = ruleset->rule_count == attempt->count && feed(feed_context, ruleset, observe, attempt, &err) == 0;
  mem_undefer(arena->mem, ruleset, true);
  if (fed) write_stop(attempt, rule, indent, out);
}
