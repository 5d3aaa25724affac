/* index_build.c - builds the index (index_plan.h) of a rule set: chooses what each predicate is found by, groups, cuts
 * groups into runs. Called once per rule set by rules/ruleset.c. */
#include "rules/index_plan.h"

/* A predicate, or one alternative of it. */
struct item {
  int32_t predicate;
  struct index_atoms atoms;
};

/* One way in which an item is found. */
struct posting {
  uint8_t access; /* enum index_access */
  uint16_t slot;
  int64_t key;
  struct value value;
  const struct list_set *set;
  const struct item *item;
  int32_t access_atom, run_atom; /* -1 = none */
  uint8_t run_kind;
  uint16_t run_slot;
};

struct start {
  int32_t predicate;
  uint16_t type, rule;
};

struct builder {
  struct ruleset *ruleset;
  struct rule_index *index;
  struct arena *kept;   /* the rule set's */
  struct arena scratch; /* freed when the index stands */
  struct index_sets sets;
  uint32_t *rule_first; /* per predicate, one more at the end */
  struct start *starts; /* by predicate, then rule; a block of its own, as `postings` */
  uint32_t start_count;
  /* of the type in hand */
  struct index_type *type;
  uint16_t type_id, slot_count;
  uint32_t *distinct; /* per slot: different constants that it is compared with */
  struct posting *postings;
  uint32_t posting_count, posting_capacity;
  struct index_entry *rest;
  /* of the whole */
  uint32_t group_count, group_capacity, run_count, run_capacity, confirm_count, confirm_capacity;
};

/* Makes room for one more in an array that is a block of its own. */
static void *grown(struct builder *builder, void *old, uint32_t count, uint32_t *capacity, size_t size) {
  if (count < *capacity) return old;
  *capacity = *capacity == 0 ? 16 : *capacity + *capacity / 2;
  return mem_realloc(builder->ruleset->mem, old, size * *capacity);
}

/* ---- who is started by what ---- */

static int compare_starts(const void *left, const void *right) {
  const struct start *a = left, *b = right;
  if (a->predicate != b->predicate) return a->predicate < b->predicate ? -1 : 1;
  if (a->type != b->type) return a->type < b->type ? -1 : 1;
  return (a->rule > b->rule) - (a->rule < b->rule);
}

static void collect_starts(struct builder *builder) {
  const struct ruleset *ruleset = builder->ruleset;
  uint32_t capacity = 0;
  for (uint16_t r = 0; r < ruleset->rule_count; r++) {
    const struct rule *rule = &ruleset->rules[r];
    struct pattern_start own = {.type = rule->on_type, .predicate = rule->on_condition.predicate};
    const struct pattern_start *starts = &own;
    uint16_t count = rule->on ? 1 : pattern_starts(rule->pattern, &starts);
    for (uint16_t i = 0; i < count; i++) {
      builder->starts = grown(builder, builder->starts, builder->start_count, &capacity, sizeof(struct start));
      builder->starts[builder->start_count++] =
          (struct start){.predicate = starts[i].predicate, .type = starts[i].type, .rule = r};
    }
  }
  if (builder->start_count > 0) qsort(builder->starts, builder->start_count, sizeof(struct start), compare_starts);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < builder->start_count; i++) {
    if (kept > 0 && compare_starts(&builder->starts[kept - 1], &builder->starts[i]) == 0) continue;
    builder->starts[kept++] = builder->starts[i];
  }
  builder->start_count = kept;
  /* Those that every event of a type starts come first (PREDICATE_TRUE is -1), then one stretch for each predicate. */
  builder->rule_first = arena_array(&builder->scratch, uint32_t, ruleset->predicate_count + 1);
  builder->index->rules = arena_array(builder->kept, uint16_t, kept);
  for (uint32_t i = 0; i < kept; i++) builder->index->rules[i] = builder->starts[i].rule;
  uint32_t at = 0;
  for (int32_t p = 0; p <= ruleset->predicate_count; p++) {
    while (at < kept && builder->starts[at].predicate < p) at++;
    builder->rule_first[p] = at;
  }
}

static struct index_entry entry_of(const struct builder *builder, int32_t predicate) {
  uint32_t first = builder->rule_first[predicate];
  return (struct index_entry){.predicate = predicate,
                              .rule_first = first,
                              .rule_count = (uint16_t)(builder->rule_first[predicate + 1] - first)};
}

/* ---- what a predicate is found by ---- */

static bool is_equality(const struct index_atom *atom) {
  return atom->kind == ATOM_SAME || atom->kind == ATOM_ONE_OF ||
         (atom->kind == ATOM_BETWEEN && atom->low == atom->high);
}

/* Many different constants on a slot make an equality on it selective. */
static int32_t best_equality(const struct builder *builder, const struct index_atoms *atoms) {
  int32_t best = -1;
  double best_score = 0;
  for (uint32_t i = 0; i < atoms->count; i++) {
    const struct index_atom *atom = &atoms->items[i];
    if (!is_equality(atom)) continue;
    double score = builder->distinct[atom->slot];
    if (atom->kind == ATOM_ONE_OF) score /= atom->value_count;
    if (best < 0 || score > best_score) best = (int32_t)i, best_score = score;
  }
  return best;
}

/* The interval that sorts the run: one with two ends narrows most, else the slot with the most constants. */
static int32_t best_range(const struct builder *builder, const struct index_atoms *atoms, int32_t access) {
  int32_t best = -1;
  uint64_t best_score = 0;
  for (uint32_t i = 0; i < atoms->count; i++) {
    const struct index_atom *atom = &atoms->items[i];
    if (atom->kind != ATOM_BETWEEN || (int32_t)i == access || (access >= 0 && atom->low == atom->high)) continue;
    bool two_ends = atom->low != INT64_MIN && atom->high != INT64_MAX;
    uint64_t score = (two_ends ? UINT64_C(1) << 32 : 0) + builder->distinct[atom->slot] + 1;
    if (score > best_score) best = (int32_t)i, best_score = score;
  }
  return best;
}

static void add_posting(struct builder *builder, struct posting posting) {
  builder->postings =
      grown(builder, builder->postings, builder->posting_count, &builder->posting_capacity, sizeof posting);
  const struct index_atoms *atoms = &posting.item->atoms;
  posting.run_atom = best_range(builder, atoms, posting.access_atom);
  posting.run_kind = RUN_ALL;
  if (posting.run_atom >= 0) {
    const struct index_atom *atom = &atoms->items[posting.run_atom];
    posting.run_slot = atom->slot;
    posting.run_kind = atom->high == INT64_MAX ? RUN_FROM : atom->low == INT64_MIN ? RUN_TO : RUN_BETWEEN;
  }
  builder->postings[builder->posting_count++] = posting;
}

static void post_equality(struct builder *builder, const struct item *item, int32_t access) {
  const struct index_atom *atom = &item->atoms.items[access];
  struct type type = builder->type->slot_types[atom->slot];
  struct posting posting = {.access = ACCESS_EQUALITY, .slot = atom->slot, .item = item, .access_atom = access};
  switch (atom->kind) {
  case ATOM_BETWEEN:
    posting.key = atom->low;
    add_posting(builder, posting);
    break;
  case ATOM_SAME:
    posting.value = atom->value;
    posting.key = index_text_key(atom->value);
    add_posting(builder, posting);
    break;
  default: { /* one of several: found by each of them. An equal constant twice would be found twice. */
    bool text = index_form_of(type) == FORM_STRING || index_form_of(type) == FORM_IP;
    for (uint32_t i = 0; i < atom->value_count; i++) {
      bool before = false;
      for (uint32_t j = 0; j < i && !before; j++) before = value_compare(atom->values[j], atom->values[i]) == 0;
      if (before || !index_equal_key(type, atom->values[i], &posting.key)) continue;
      if (text) posting.value = atom->values[i];
      add_posting(builder, posting);
    }
  }
  }
}

/* Whether the atoms name something that finds it; its postings are then made. */
static enum index_access post_item(struct builder *builder, const struct item *item) {
  const struct index_atoms *atoms = &item->atoms;
  int32_t equality = best_equality(builder, atoms);
  if (equality >= 0) {
    post_equality(builder, item, equality);
    return ACCESS_EQUALITY;
  }
  for (uint32_t i = 0; i < atoms->count; i++) {
    if (atoms->items[i].kind != ATOM_SET) continue;
    add_posting(builder, (struct posting){.access = ACCESS_MEMBERSHIP,
                                          .slot = atoms->items[i].slot,
                                          .set = atoms->items[i].set,
                                          .item = item,
                                          .access_atom = (int32_t)i});
    return ACCESS_MEMBERSHIP;
  }
  bool range = false;
  for (uint32_t i = 0; i < atoms->count; i++) range |= atoms->items[i].kind == ATOM_BETWEEN;
  /* Cheap conditions without a bound (`x != 3`, `x is null`) are asked at every event; what needs the expression waits
   * until somebody asks. */
  if (!range && (atoms->expr || atoms->count == 0)) return ACCESS_REST;
  add_posting(builder, (struct posting){.access = ACCESS_RANGE, .item = item, .access_atom = -1});
  return range ? ACCESS_RANGE : ACCESS_PRESENCE;
}

static struct item *new_item(struct builder *builder, int32_t predicate, const struct expr_node *node) {
  struct item *item = arena_new(&builder->scratch, struct item);
  item->predicate = predicate;
  item->atoms.arena = &builder->scratch;
  index_atoms_of(&item->atoms, builder->type->slot_types, node, &builder->sets);
  return item;
}

static bool has_access(const struct index_atoms *atoms) {
  for (uint32_t i = 0; i < atoms->count; i++) {
    const struct index_atom *atom = &atoms->items[i];
    if (is_equality(atom) || atom->kind == ATOM_SET || atom->kind == ATOM_BETWEEN) return true;
  }
  return false;
}

/* `a == 1 or b == 2` is found by either side and then confirmed as a whole. */
static bool post_alternatives(struct builder *builder, int32_t predicate) {
  const struct expr_node *nodes[INDEX_ALTERNATIVES_MAX];
  struct item *items[INDEX_ALTERNATIVES_MAX];
  uint32_t count = index_alternatives(builder->ruleset->predicate_nodes[predicate], nodes);
  for (uint32_t i = 0; i < count; i++) {
    items[i] = new_item(builder, predicate, nodes[i]);
    if (!items[i]->atoms.never && !has_access(&items[i]->atoms)) return false;
    items[i]->atoms.expr = true;
  }
  for (uint32_t i = 0; i < count; i++) {
    if (!items[i]->atoms.never) post_item(builder, items[i]);
  }
  return count > 0;
}

static void note(struct builder *builder, const struct item *item, enum index_access access) {
  struct index_note *n = &builder->index->notes[item->predicate];
  *n = (struct index_note){
      .access = (uint8_t)access, .slot = NO_SLOT, .run_slot = NO_SLOT, .run_kind = RUN_ALL, .expr = item->atoms.expr};
  if (builder->posting_count == 0 || access == ACCESS_REST || access == ACCESS_NEVER) return;
  const struct posting *posting = &builder->postings[builder->posting_count - 1];
  n->slot = posting->access_atom >= 0 ? posting->slot : NO_SLOT;
  n->run_kind = posting->run_kind;
  n->run_slot = posting->run_atom >= 0 ? posting->run_slot : NO_SLOT;
  n->confirm_count = (uint16_t)(item->atoms.count - (posting->access_atom >= 0) - (posting->run_atom >= 0));
}

static int compare_rest(const void *left, const void *right, void *context) {
  const struct predicate *predicates = context;
  const struct index_entry *a = left, *b = right;
  uint16_t a_cost = predicates[a->predicate].cost, b_cost = predicates[b->predicate].cost;
  return a_cost != b_cost ? (a_cost > b_cost) - (a_cost < b_cost)
                          : (a->predicate > b->predicate) - (a->predicate < b->predicate);
}

/* What a conjunction with `field matches /…/` needs. */
static struct index_filter filter_of(const struct expr_node *node) {
  if (node->op == EXPR_MATCHES && node->children[0]->op == EXPR_INPUT && node->children[0]->bank == BANK_EVENT &&
      regex_has_first(node->regex))
    return (struct index_filter){.slot = node->children[0]->index, .regex = node->regex};
  for (uint16_t i = 0; node->op == EXPR_AND && i < node->child_count; i++) {
    struct index_filter filter = filter_of(node->children[i]);
    if (filter.regex != NULL) return filter;
  }
  return (struct index_filter){0};
}

static void find_filters(struct builder *builder) {
  struct index_type *type = builder->type;
  type->filters = arena_array(builder->kept, struct index_filter, type->rest_count);
  for (uint32_t i = 0; i < type->rest_count && !builder->index->scan; i++)
    type->filters[i] = filter_of(builder->ruleset->predicate_nodes[type->rest[i].predicate]);
}

static void leave_unindexed(struct builder *builder, int32_t predicate) {
  builder->ruleset->predicates[predicate].indexed = false;
  builder->type->unindexed_mask |= UINT64_C(1) << (predicate & 63);
  struct index_entry entry = entry_of(builder, predicate);
  if (entry.rule_count > 0) builder->rest[builder->type->rest_count++] = entry;
}

static void place(struct builder *builder, struct item *item) {
  enum index_access access = ACCESS_NEVER;
  if (!item->atoms.never) {
    access = post_item(builder, item);
    if (access == ACCESS_REST && post_alternatives(builder, item->predicate)) access = ACCESS_ALTERNATIVES;
  }
  note(builder, item, access);
  if (access == ACCESS_REST)
    leave_unindexed(builder, item->predicate);
  else
    builder->ruleset->predicates[item->predicate].indexed = true;
}

/* ---- how many different constants a slot has ---- */

struct constant {
  uint16_t slot;
  int64_t low, high;
};

static int compare_constants(const void *left, const void *right) {
  const struct constant *a = left, *b = right;
  if (a->slot != b->slot) return a->slot < b->slot ? -1 : 1;
  if (a->low != b->low) return a->low < b->low ? -1 : 1;
  return (a->high > b->high) - (a->high < b->high);
}

static void count_distinct(struct builder *builder, struct item *const *items, uint32_t item_count) {
  uint32_t count = 0, capacity = 0;
  struct constant *constants = NULL;
  for (uint32_t i = 0; i < item_count; i++) {
    for (uint32_t j = 0; j < items[i]->atoms.count; j++) {
      const struct index_atom *atom = &items[i]->atoms.items[j];
      if (atom->kind != ATOM_BETWEEN && atom->kind != ATOM_SAME && atom->kind != ATOM_ONE_OF) continue;
      struct constant constant = {.slot = atom->slot};
      if (atom->kind == ATOM_BETWEEN) constant.low = atom->low, constant.high = atom->high;
      if (atom->kind == ATOM_SAME) constant.low = constant.high = index_text_key(atom->value);
      if (atom->kind == ATOM_ONE_OF) constant.low = constant.high = (int64_t)value_hash(atom->values[0]);
      constants = grown(builder, constants, count, &capacity, sizeof constant);
      constants[count++] = constant;
    }
  }
  if (count > 0) qsort(constants, count, sizeof *constants, compare_constants);
  for (uint32_t i = 0; i < count; i++) {
    if (i == 0 || compare_constants(&constants[i - 1], &constants[i]) != 0) builder->distinct[constants[i].slot]++;
  }
  mem_free(builder->ruleset->mem, constants);
}

/* ---- groups and runs ---- */

static int compare_access(const struct posting *a, const struct posting *b) {
  if (a->access != b->access) return a->access < b->access ? -1 : 1;
  if (a->slot != b->slot) return a->slot < b->slot ? -1 : 1;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  if (a->set != b->set) return (uintptr_t)a->set < (uintptr_t)b->set ? -1 : 1;
  if (a->value.kind != VALUE_NULL && b->value.kind != VALUE_NULL) return value_compare(a->value, b->value);
  return 0;
}

static int compare_run(const struct posting *a, const struct posting *b) {
  if (a->run_kind != b->run_kind) return a->run_kind < b->run_kind ? -1 : 1;
  return a->run_kind == RUN_ALL ? 0 : (a->run_slot > b->run_slot) - (a->run_slot < b->run_slot);
}

static int compare_postings(const void *left, const void *right) {
  const struct posting *a = left, *b = right;
  int order = compare_access(a, b);
  if (order == 0) order = compare_run(a, b);
  if (order != 0) return order;
  if (a->run_kind != RUN_ALL) {
    const struct index_atom *x = &a->item->atoms.items[a->run_atom], *y = &b->item->atoms.items[b->run_atom];
    if (a->run_kind == RUN_TO && x->high != y->high) return x->high > y->high ? -1 : 1;
    if (a->run_kind != RUN_TO && x->low != y->low) return x->low < y->low ? -1 : 1;
  }
  return (a->item->predicate > b->item->predicate) - (a->item->predicate < b->item->predicate);
}

static void add_confirm(struct builder *builder, struct index_atom atom) {
  struct rule_index *index = builder->index;
  index->confirms = grown(builder, index->confirms, builder->confirm_count, &builder->confirm_capacity, sizeof atom);
  index->confirms[builder->confirm_count++] = atom;
}

/* What is left of the item's atoms once access and run have been taken. */
static void add_confirms(struct builder *builder, const struct posting *posting, struct index_entry *entry) {
  const struct index_atoms *atoms = &posting->item->atoms;
  entry->confirm_first = builder->confirm_count;
  for (uint32_t i = 0; i < atoms->count; i++) {
    if ((int32_t)i == posting->access_atom || (int32_t)i == posting->run_atom) continue;
    struct index_atom atom = atoms->items[i];
    if (atom.kind == ATOM_ONE_OF) {
      atom.set = list_set_build(builder->kept, builder->type->slot_types[atom.slot], atom.values, atom.value_count);
      atom.kind = ATOM_SET;
    }
    if (atom.kind == ATOM_SAME || atom.kind == ATOM_DIFFERENT) atom.value = value_copy(builder->kept, atom.value);
    add_confirm(builder, atom);
  }
  if (atoms->expr) add_confirm(builder, (struct index_atom){.kind = ATOM_EXPR});
  entry->confirm_count = (uint16_t)(builder->confirm_count - entry->confirm_first);
}

struct stretch {
  uint32_t first, behind;
};

/* Balanced over [0, count): the node of a stretch is its middle. Children come behind their parents in `order`, so that
 * going through it backwards sees children first. */
static void fill_highest(struct builder *builder, struct index_span *spans, uint32_t count) {
  struct stretch *order = arena_array(&builder->scratch, struct stretch, count);
  uint32_t known = 0;
  order[known++] = (struct stretch){0, count};
  for (uint32_t i = 0; i < known; i++) {
    uint32_t middle = order[i].first + (order[i].behind - order[i].first) / 2;
    if (order[i].first < middle) order[known++] = (struct stretch){order[i].first, middle};
    if (middle + 1 < order[i].behind) order[known++] = (struct stretch){middle + 1, order[i].behind};
  }
  check(known == count);
  for (uint32_t i = known; i-- > 0;) {
    struct stretch s = order[i];
    uint32_t middle = s.first + (s.behind - s.first) / 2;
    int64_t highest = spans[middle].high;
    uint32_t left = s.first + (middle - s.first) / 2, right = middle + 1 + (s.behind - middle - 1) / 2;
    if (s.first < middle && spans[left].highest > highest) highest = spans[left].highest;
    if (middle + 1 < s.behind && spans[right].highest > highest) highest = spans[right].highest;
    spans[middle].highest = highest;
  }
}

/* Floats from zero up have the bits of their keys, negative ones bits below them: a bound above zero is a gate, and so
 * is one from above that is not negative. */
static int64_t gate_of(const struct index_run *run) {
  if (run->kind == RUN_ALL) return INT64_MIN;
  int64_t first = run->kind == RUN_BETWEEN ? run->spans[0].low : run->bounds[0];
  if (run->is_float && (first ^ run->flip) < (run->kind == RUN_TO ? 0 : 1)) return INT64_MIN;
  return first;
}

static void build_run(struct builder *builder, const struct posting *postings, uint32_t count) {
  struct index_entry *entries = arena_array(builder->kept, struct index_entry, count);
  for (uint32_t i = 0; i < count; i++) {
    entries[i] = entry_of(builder, postings[i].item->predicate);
    add_confirms(builder, &postings[i], &entries[i]);
  }
  struct index_run run = {.kind = postings[0].run_kind,
                          .at = postings[0].run_slot * (uint32_t)sizeof(struct value),
                          .count = count,
                          .flip = postings[0].run_kind == RUN_TO ? -1 : 0,
                          .entries = entries};
  if (run.kind != RUN_ALL) {
    struct type type = builder->type->slot_types[postings[0].run_slot];
    run.is_float = type.kind == VALUE_FLOAT;
    run.form = index_form(&(struct value){.kind = type.kind, .scale = type.scale});
  }
  int64_t *bounds = NULL;
  struct index_span *spans = NULL;
  if (run.kind == RUN_BETWEEN)
    spans = arena_array(builder->kept, struct index_span, count);
  else if (run.kind != RUN_ALL)
    bounds = arena_array(builder->kept, int64_t, count);
  for (uint32_t i = 0; i < count && run.kind != RUN_ALL; i++) {
    const struct index_atom *atom = &postings[i].item->atoms.items[postings[i].run_atom];
    if (run.kind == RUN_BETWEEN)
      spans[i] = (struct index_span){.low = atom->low, .high = atom->high};
    else
      bounds[i] = (run.kind == RUN_FROM ? atom->low : atom->high) ^ run.flip;
  }
  if (run.kind == RUN_BETWEEN) {
    fill_highest(builder, spans, count);
    run.spans = spans;
  } else {
    run.bounds = bounds;
  }
  run.gate = gate_of(&run);
  builder->index->runs = grown(builder, builder->index->runs, builder->run_count, &builder->run_capacity, sizeof run);
  builder->index->runs[builder->run_count++] = run;
}

/* Postings with one access. Returns the group's number. */
static uint32_t build_group(struct builder *builder, const struct posting *postings, uint32_t count) {
  struct index_group group = {.run_first = builder->run_count, .value = value_copy(builder->kept, postings[0].value)};
  for (uint32_t first = 0, behind = 0; first < count; first = behind) {
    while (behind < count && compare_run(&postings[first], &postings[behind]) == 0) behind++;
    build_run(builder, postings + first, behind - first);
  }
  group.run_count = builder->run_count - group.run_first;
  builder->index->groups =
      grown(builder, builder->index->groups, builder->group_count, &builder->group_capacity, sizeof group);
  builder->index->groups[builder->group_count] = group;
  return builder->group_count++;
}

static bool is_bounded(const struct rule_index *index, uint32_t number) {
  const struct index_group *group = &index->groups[number];
  for (uint32_t i = 0; i < group->run_count; i++) {
    uint8_t kind = index->runs[group->run_first + i].kind;
    if (kind != RUN_FROM && kind != RUN_TO) return false;
  }
  return true;
}

static void enter_equality(struct builder *builder, const struct posting *posting, uint32_t group) {
  struct index_type *type = builder->type;
  struct index_equality *equality = &type->equalities[type->equality_count - 1];
  uint64_t hash = index_key_hash(posting->key);
  uint32_t at = (uint32_t)hash & equality->mask;
  while (equality->slots[at].group != 0) at = (at + 1) & equality->mask;
  equality->slots[at] =
      (struct index_hash_slot){.key = posting->key, .group = group + 1, .length = posting->value.length};
  equality->only = equality->count++ == 0 ? group : UINT32_MAX;
  equality->only_key = posting->key;
  equality->only_value = builder->index->groups[group].value;
}

static void open_equality(struct builder *builder, const struct posting *postings, uint32_t left) {
  uint32_t count = 0, size = 8;
  while (count < left && postings[count].access == ACCESS_EQUALITY && postings[count].slot == postings[0].slot) count++;
  while (size < 2 * (uint64_t)count) size *= 2;
  struct index_type *type = builder->type;
  struct type slot_type = type->slot_types[postings[0].slot];
  type->equalities[type->equality_count++] =
      (struct index_equality){.slot = postings[0].slot,
                              .form = (uint8_t)index_form_of(slot_type),
                              .type = slot_type,
                              .mask = size - 1,
                              .only = UINT32_MAX,
                              .slots = arena_array(builder->kept, struct index_hash_slot, size)};
}

static void build_groups(struct builder *builder) {
  struct index_type *type = builder->type;
  struct posting *postings = builder->postings;
  uint32_t count = builder->posting_count, memberships = 0;
  if (count > 0) qsort(postings, count, sizeof *postings, compare_postings);
  for (uint32_t i = 0; i < count; i++) memberships += postings[i].access == ACCESS_MEMBERSHIP;
  type->equalities = arena_array(builder->kept, struct index_equality, builder->slot_count);
  type->memberships = arena_array(builder->kept, struct index_membership, memberships);
  for (uint32_t first = 0, behind = 0; first < count; first = behind) {
    while (behind < count && compare_access(&postings[first], &postings[behind]) == 0) behind++;
    const struct posting *posting = &postings[first];
    uint32_t group = build_group(builder, posting, behind - first);
    if (posting->access == ACCESS_EQUALITY) {
      if (type->equality_count == 0 || type->equalities[type->equality_count - 1].slot != posting->slot)
        open_equality(builder, posting, count - first);
      enter_equality(builder, posting, group);
    } else if (posting->access == ACCESS_MEMBERSHIP) {
      type->memberships[type->membership_count++] = (struct index_membership){
          .slot = posting->slot, .bounded = is_bounded(builder->index, group), .set = posting->set, .group = group};
    } else {
      type->always_group = group;
    }
  }
}

/* ---- one type, all types ---- */

static void fill_slot_types(struct builder *builder, const struct schema *schema) {
  builder->slot_count = schema->slot_count;
  builder->type->slot_types = arena_array(builder->kept, struct type, schema->slot_count);
  for (uint16_t f = 0; f < schema->field_count; f++) {
    if (schema->fields[f].used) builder->type->slot_types[schema->fields[f].slot] = schema->fields[f].type;
  }
  if (schema->has_event_time) builder->type->slot_types[schema->event_time_slot] = TYPE(VALUE_TIME);
  const struct type_use *use = builder->ruleset->uses == NULL ? NULL : &builder->ruleset->uses[schema->id];
  for (uint16_t a = 0; use != NULL && a < use->ask_count; a++)
    builder->type->slot_types[use->asks[a].slot] = builder->ruleset->counters[use->asks[a].counter].type;
}

static void find_every(struct builder *builder) {
  struct index_type *type = builder->type;
  for (uint32_t i = 0; i < builder->start_count && builder->starts[i].predicate == PREDICATE_TRUE; i++) {
    if (builder->starts[i].type != builder->type_id) continue;
    if (type->every_count++ == 0) type->every = &builder->index->rules[i];
  }
}

static void build_type(struct builder *builder, const int32_t *predicates, uint32_t count) {
  struct ruleset *ruleset = builder->ruleset;
  struct index_type *type = builder->type;
  struct item **items = arena_array(&builder->scratch, struct item *, count);
  builder->rest = arena_array(builder->kept, struct index_entry, count);
  type->rest = builder->rest;
  builder->distinct = arena_array(&builder->scratch, uint32_t, builder->slot_count);
  builder->posting_count = 0;
  type->hits_max = type->every_count;
  for (uint32_t i = 0; i < count; i++) {
    type->hits_max += entry_of(builder, predicates[i]).rule_count;
    if (builder->index->scan) {
      builder->index->notes[predicates[i]] = (struct index_note){.access = ACCESS_SCAN};
      leave_unindexed(builder, predicates[i]);
    } else {
      items[i] = new_item(builder, predicates[i], ruleset->predicate_nodes[predicates[i]]);
    }
  }
  if (!builder->index->scan) {
    count_distinct(builder, items, count);
    for (uint32_t i = 0; i < count; i++) place(builder, items[i]);
    build_groups(builder);
  }
  if (type->rest_count > 0)
    qsort_r(type->rest, type->rest_count, sizeof *type->rest, compare_rest, ruleset->predicates);
  find_filters(builder);
}

/* Once the array of runs stands. */
static void find_runs(const struct rule_index *index, struct index_group *group) {
  group->runs = &index->runs[group->run_first];
  group->runs_end = group->runs + group->run_count;
}

static void find_bounds(const struct rule_index *index, struct index_type *type) {
  if (type->always_group == UINT32_MAX || type->equality_count > 0 || type->membership_count > 0) return;
  if (type->rest_count > 0 || type->every_count > 0 || !is_bounded(index, type->always_group)) return;
  type->bounds = index->groups[type->always_group].runs;
  type->bounds_end = index->groups[type->always_group].runs_end;
}

struct rule_index *index_build(struct ruleset *ruleset, bool scan) {
  struct builder builder = {.ruleset = ruleset, .kept = ruleset->arena};
  arena_init(&builder.scratch, ruleset->mem, 1 << 16);
  builder.sets = (struct index_sets){.ruleset = ruleset, .arena = &builder.scratch};
  struct rule_index *index = builder.index = arena_new(ruleset->arena, struct rule_index);
  *index = (struct rule_index){.ruleset = ruleset, .type_count = ruleset->schema_count, .scan = scan};
  index->types = arena_array(ruleset->arena, struct index_type, ruleset->schema_count);
  index->notes = arena_array(ruleset->arena, struct index_note, ruleset->predicate_count);
  collect_starts(&builder);
  /* The predicates of each type, in the order of their numbers. */
  uint32_t *first = arena_array(&builder.scratch, uint32_t, ruleset->schema_count + 1);
  int32_t *sorted = arena_array(&builder.scratch, int32_t, ruleset->predicate_count);
  for (int32_t p = 0; p < ruleset->predicate_count; p++) first[ruleset->predicates[p].type + 1]++;
  for (uint16_t t = 0; t < ruleset->schema_count; t++) first[t + 1] += first[t];
  uint32_t *next = arena_array(&builder.scratch, uint32_t, ruleset->schema_count);
  for (int32_t p = 0; p < ruleset->predicate_count; p++) {
    uint16_t t = ruleset->predicates[p].type;
    sorted[first[t] + next[t]++] = p;
  }
  for (uint16_t t = 0; t < ruleset->schema_count; t++) {
    builder.type = &index->types[t];
    builder.type_id = t;
    builder.type->always_group = UINT32_MAX;
    fill_slot_types(&builder, &ruleset->schemas[t]);
    find_every(&builder);
    build_type(&builder, sorted + first[t], first[t + 1] - first[t]);
  }
  for (uint32_t g = 0; g < builder.group_count; g++) find_runs(index, &index->groups[g]);
  for (uint16_t t = 0; t < ruleset->schema_count; t++) find_bounds(index, &index->types[t]);
  arena_free(&builder.scratch);
  mem_free(ruleset->mem, builder.starts);
  mem_free(ruleset->mem, builder.postings);
  return index;
}
