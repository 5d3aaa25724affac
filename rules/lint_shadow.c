/* lint_shadow.c - rules that another rule says already: the same events, key and shape, conditions equal or stricter.
 *
 * Rules are looked up by a hash of their shape and of the set of their conjuncts, where a range counts as its field and
 * direction, so that `amount > 200` meets `amount > 100`. A rule is stricter than those whose set is a part of its own:
 * the parts are tried one by one, which is why only rules with few conjuncts are compared in full. */
#include "base/hash.h"
#include "rules/lint_private.h"

enum {
  CONJUNCTS_MAX = 24,
  PARTS_MAX = 6,  /* conjuncts of which all 2^n parts are tried; with more, only the whole and those with one less */
  BUCKET_MAX = 16 /* rules of one set of conjuncts that a rule is compared with */
};

struct conjunct {
  const struct tree_expr *expr;
  uint16_t step;
  uint64_t class; /* hash: of a range its field and direction, else of all of it */
};

struct entry {
  const struct rule_tree *rule;
  uint64_t shape;
  uint16_t count;
  struct conjunct *conjuncts; /* sorted by class */
  bool whole;                 /* conditions could be cut into conjuncts */
};

struct bucket {
  uint64_t key;
  uint32_t count;
  uint32_t entries[BUCKET_MAX];
};

struct shadow {
  struct lint *lint;
  struct entry *entries;
  uint32_t entry_count, bucket_mask;
  struct bucket *buckets;
};

static uint64_t mix(uint64_t seed, uint64_t number) { return hash_u64(seed ^ (number * UINT64_C(0x9e3779b97f4a7c15))); }

/* ---- shapes ---- */

/* A plain sequence of single steps joined by `then`: there a stricter condition only leaves matches out. */
static bool plain(const struct element *root) {
  if (root->has_quantifier) return false;
  for (uint16_t i = 0; i < root->child_count; i++) {
    const struct element *step = root->children[i];
    if (step->kind != ELEMENT_STEP || step->has_quantifier || step->gap_us >= 0 || step->among != NULL ||
        step->rekey != NULL || (i > 0 && step->connector != CONNECT_THEN))
      return false;
  }
  return true;
}

static uint64_t hash_element(const struct element *element, bool conditions, uint64_t seed) {
  uint64_t hash = mix(seed, (uint64_t)element->kind << 32 | (uint64_t)element->connector << 16 | element->use.type);
  hash = mix(hash, (uint64_t)(uint32_t)element->min << 32 | (uint32_t)element->max);
  hash = mix(hash, (uint64_t)element->strict | (uint64_t)element->each << 1 | (uint64_t)element->any << 2 |
                       (uint64_t)element->greedy << 3 | (uint64_t)element->has_quantifier << 4);
  hash = mix(mix(hash, (uint64_t)element->gap_us), (uint64_t)element->for_us);
  hash = lint_hash(element->among, lint_hash(element->until, hash));
  if (conditions) hash = lint_hash(element->use.condition, hash);
  if (element->rekey != NULL) {
    const struct name names[] = {element->rekey->field, element->rekey->step, element->rekey->step_field};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
      hash = hash_bytes_seed(names[i].text.data, names[i].text.length, hash);
  }
  for (uint16_t i = 0; i < element->child_count; i++) hash = hash_element(element->children[i], conditions, hash);
  return mix(hash, element->child_count);
}

static uint64_t hash_key(const struct rule_tree *rule, uint64_t seed) {
  const struct key_tree *key = rule->key;
  if (key == NULL) return mix(seed, 0);
  uint64_t hash = mix(seed, (uint64_t)key->none << 16 | key->part_count);
  uint16_t types = rule->part_count > 0 ? rule->parts[0].type_count : rule->type_count;
  for (uint16_t i = 0; i < key->part_count; i++)
    for (uint16_t t = 0; t < types; t++) hash = mix(hash, key->parts[i].fields[t]);
  return hash;
}

static uint64_t class_of(const struct tree_expr *expr, uint16_t step) {
  struct lint_range range;
  if (lint_range(expr, &range) && range.op != EXPR_EQUAL && range.op != EXPR_NOT_EQUAL)
    return lint_hash(range.what, mix(step, range.op == EXPR_LESS || range.op == EXPR_LESS_EQUAL ? 2 : 3));
  return lint_hash(expr, mix(step, 5));
}

static void add_conjuncts(struct entry *entry, const struct tree_expr *condition, uint16_t step) {
  const struct tree_expr *parts[CONJUNCTS_MAX];
  int count = lint_conjuncts(condition, parts, CONJUNCTS_MAX - entry->count);
  if (count < 0) entry->whole = false;
  for (int i = 0; i < count; i++)
    entry->conjuncts[entry->count++] = (struct conjunct){parts[i], step, class_of(parts[i], step)};
}

static int compare_conjuncts(const void *a, const void *b) {
  uint64_t x = ((const struct conjunct *)a)->class, y = ((const struct conjunct *)b)->class;
  return (x > y) - (x < y);
}

static void find_own_counters(void *context, struct tree_expr *expr) {
  bool of =
      (expr->kind == TREE_COUNTING && expr->counting->of != NULL) || (expr->kind == TREE_SEEN && expr->seen_of != NULL);
  bool counter = expr->kind == TREE_COUNTING || expr->kind == TREE_SEEN || tree_ref(expr).kind == REF_PREVIOUS;
  if (counter && !of) *(bool *)context = true;
}

/* Whether it tells all its matches: one that runs at times, or for some keys, hides nothing. */
static bool tells_all(const struct rule_tree *rule) {
  uint32_t parts = 1u << CLAUSE_ACTIVE | 1u << CLAUSE_SCHEDULE | 1u << CLAUSE_CANARY;
  return (rule->given & parts) == 0 && rule->mode != MODE_SHADOW;
}

static bool make_entry(struct lint *lint, const struct rule_tree *rule, struct entry *entry) {
  if (rule->mode == MODE_OFF || rule->to_nothing) return false;
  bool on = rule->pattern == NULL, cut = on || plain(rule->pattern);
  struct conjunct conjuncts[CONJUNCTS_MAX];
  *entry = (struct entry){.rule = rule, .whole = true, .conjuncts = conjuncts};
  uint64_t hash = mix(on, rule->type_count);
  for (uint16_t i = 0; i < rule->type_count; i++) hash = mix(hash, rule->types[i]);
  hash = hash_key(rule, hash);
  if (!on) hash = hash_element(rule->pattern, !cut, hash);
  if (!on)
    hash = mix(mix(mix(hash, (uint64_t)rule->within_us), rule->report),
               (uint64_t)rule->after << 16 | rule->after_step_index);
  bool own_population = false; /* counters over the events of `on`: other conditions, other events */
  if (on && rule->when != NULL) tree_expr_walk(rule->when, find_own_counters, &own_population);
  if (own_population) hash = lint_hash(rule->on.condition, mix(hash, 7));
  entry->shape = hash;
  if (on) {
    add_conjuncts(entry, rule->on.condition, 0);
    add_conjuncts(entry, rule->when, 0);
  } else if (cut) {
    for (uint16_t i = 0; i < rule->step_count; i++) add_conjuncts(entry, rule->steps[i].element->use.condition, i);
  }
  entry->conjuncts = arena_array(lint->arena, struct conjunct, entry->count + 1u);
  if (entry->count > 0) memcpy(entry->conjuncts, conjuncts, entry->count * sizeof *conjuncts);
  qsort(entry->conjuncts, entry->count, sizeof *entry->conjuncts, compare_conjuncts);
  return entry->whole;
}

/* ---- the search ---- */

/* Whether every match of `strict` is one of `loose` too. */
static bool shadows(const struct entry *loose, const struct entry *strict) {
  if (loose->shape != strict->shape) return false;
  for (uint16_t i = 0; i < loose->count; i++) {
    bool implied = false;
    for (uint16_t k = 0; k < strict->count && !implied; k++)
      implied = loose->conjuncts[i].step == strict->conjuncts[k].step &&
                lint_implies(strict->conjuncts[k].expr, loose->conjuncts[i].expr);
    if (!implied) return false;
  }
  return true;
}

static struct bucket *find_bucket(const struct shadow *shadow, uint64_t key) {
  uint32_t at = (uint32_t)key & shadow->bucket_mask;
  while (shadow->buckets[at].count > 0 && shadow->buckets[at].key != key) at = (at + 1) & shadow->bucket_mask;
  return &shadow->buckets[at];
}

/* The hash of the shape and of the classes chosen by `chosen`, equal classes once. */
static uint64_t set_key(const struct entry *entry, uint32_t chosen) {
  uint64_t hash = entry->shape, last = 0;
  for (uint16_t i = 0; i < entry->count; i++) {
    if (!(chosen >> i & 1)) continue;
    if (last != entry->conjuncts[i].class) hash = mix(hash, entry->conjuncts[i].class);
    last = entry->conjuncts[i].class;
  }
  return hash;
}

static void put_entry(struct shadow *shadow, uint32_t index) {
  const struct entry *entry = &shadow->entries[index];
  if (!tells_all(entry->rule)) return;
  uint64_t key = set_key(entry, (1u << entry->count) - 1);
  struct bucket *bucket = find_bucket(shadow, key);
  bucket->key = key;
  if (bucket->count < BUCKET_MAX) {
    bucket->entries[bucket->count++] = index;
    return;
  }
  for (uint32_t i = 0; i < bucket->count; i++) /* the looser one hides more */
    if (shadows(entry, &shadow->entries[bucket->entries[i]])) {
      bucket->entries[i] = index;
      return;
    }
}

static bool told_already(struct shadow *shadow, const struct entry *entry, uint32_t chosen) {
  const struct bucket *bucket = find_bucket(shadow, set_key(entry, chosen));
  for (uint32_t i = 0; i < bucket->count; i++) {
    const struct entry *other = &shadow->entries[bucket->entries[i]];
    if (other == entry || !shadows(other, entry)) continue;
    bool equal = shadows(entry, other);
    if (equal && other > entry) continue; /* of two equal ones the later is told */
    struct lint *lint = shadow->lint;
    struct span first = other->rule->name.span;
    const char *place = first.line == 0
                            ? ""
                            : arena_printf(lint->arena, "it stands at " SLICE_FMT ":%u",
                                           SLICE_ARG(lint->tree->files[first.file].name), (unsigned)first.line);
    lint_say(lint, LINT_SHADOWED_RULE, entry->rule->name.span, place[0] == '\0' ? NULL : place,
             equal ? "the rule has the same events and conditions as `" SLICE_FMT "`"
                   : "every match of this rule is one of `" SLICE_FMT "` too, which has looser conditions",
             SLICE_ARG(other->rule->name.text));
    return true;
  }
  return false;
}

static void search(struct shadow *shadow, const struct entry *entry) {
  uint32_t all = (1u << entry->count) - 1;
  if (told_already(shadow, entry, all)) return;
  if (entry->count <= PARTS_MAX) {
    for (uint32_t chosen = 0; chosen < all; chosen++)
      if (told_already(shadow, entry, chosen)) return;
    return;
  }
  for (uint16_t i = 0; i < entry->count; i++)
    if (told_already(shadow, entry, all & ~(1u << i))) return;
}

void lint_shadowed(struct lint *lint) {
  struct tree *tree = lint->tree;
  struct shadow shadow = {.lint = lint, .entries = arena_array(lint->arena, struct entry, tree->rule_count + 1u)};
  uint32_t capacity = 16;
  for (uint32_t i = 0; i < tree->decl_count; i++) { /* in the order of the text */
    if (tree->decls[i].kind != DECL_RULE) continue;
    if (make_entry(lint, tree->decls[i].rule, &shadow.entries[shadow.entry_count])) shadow.entry_count++;
  }
  while (capacity < shadow.entry_count * 2) capacity *= 2;
  shadow.bucket_mask = capacity - 1;
  shadow.buckets = arena_array(lint->arena, struct bucket, capacity);
  for (uint32_t i = 0; i < shadow.entry_count; i++) put_entry(&shadow, i);
  for (uint32_t i = 0; i < shadow.entry_count; i++) {
    const struct rule_tree *rule = shadow.entries[i].rule;
    if (lint_allows(rule, LINT_SHADOWED_RULE)) continue;
    lint->rule = rule;
    search(&shadow, &shadow.entries[i]);
  }
  lint->rule = NULL;
}
