/* index.c - the event path of the index: from an event to the predicates that hold and the rules that start. What it
 * reads was built by rules/index_build.c; the engine calls it once for each released event. Nothing is allocated here
 * but by index_scratch_new(). */
#include "rules/index_plan.h"

enum { SORT_BY_INSERTION_MAX = 32, SPAN_DEPTH_MAX = 64 };

struct index_scratch {
  const struct rule_index *index;
  struct index_hit *hits;
  uint64_t *words;     /* a bit per rule; all zero between calls */
  int32_t *predicates; /* per rule: what started it, where its bit is set */
  int32_t *trues;      /* of the last event: the predicates that were found to hold */
  uint32_t true_count;
  uint32_t word_count;
};

struct index_scratch *index_scratch_new(struct mem *mem, const struct rule_index *index) {
  struct index_scratch *scratch = mem_alloc(mem, sizeof *scratch);
  uint32_t most = 0;
  scratch->index = index;
  for (uint16_t t = 0; t < index->type_count; t++) {
    if (index->types[t].hits_max > most) most = index->types[t].hits_max;
  }
  scratch->word_count = (uint32_t)(index->ruleset->rule_count + 63) / 64;
  scratch->hits = mem_alloc(mem, sizeof(struct index_hit) * ((size_t)most + 1));
  scratch->words = mem_alloc(mem, sizeof(uint64_t) * ((size_t)scratch->word_count + 1));
  scratch->trues = mem_alloc(mem, sizeof(int32_t) * ((size_t)index->ruleset->predicate_count + 1));
  scratch->predicates = mem_alloc(mem, sizeof(int32_t) * ((size_t)index->ruleset->rule_count + 1));
  return scratch;
}

struct query {
  const struct rule_index *index;
  const struct index_type *type;
  const struct value *values;
  struct truth *truth;
  struct index_hit *hits;
  int32_t *trues;
  uint32_t hit_count, true_count;
  uint64_t mask;
};

static bool atom_holds(const struct query *query, const struct index_atom *atom, int32_t predicate) {
  if (atom->kind == ATOM_EXPR) return truth_evaluate(query->truth, predicate);
  struct value v = query->values[atom->slot];
  if (v.kind == VALUE_NULL) return atom->kind == ATOM_NULL;
  int64_t key;
  switch (atom->kind) {
  case ATOM_BETWEEN:
    key = index_key(query->type->slot_types[atom->slot], v);
    return atom->low <= key && key <= atom->high;
  case ATOM_OUTSIDE:
    key = index_key(query->type->slot_types[atom->slot], v);
    return key < atom->low || atom->high < key;
  case ATOM_SAME: return index_text_equal(atom->value, v);
  case ATOM_DIFFERENT: return !index_text_equal(atom->value, v);
  case ATOM_SET: return list_set_has(atom->set, v);
  case ATOM_NOT_SET: return !list_set_has(atom->set, v);
  case ATOM_PRESENT: return true;
  default: return false;
  }
}

static __attribute__((noinline)) bool is_confirmed(const struct query *query, const struct index_entry *entry) {
  for (uint16_t i = 0; i < entry->confirm_count; i++) {
    if (!atom_holds(query, &query->index->confirms[entry->confirm_first + i], entry->predicate)) return false;
  }
  return true;
}

static inline void take(struct query *query, const struct index_entry *entry) {
  /* An alternative may have found it before. */
  if (query->truth->marks[entry->predicate] == (query->truth->epoch << 1 | 1)) return;
  if (entry->confirm_count > 0 && !is_confirmed(query, entry)) return;
  truth_mark(query->truth, entry->predicate, true);
  query->trues[query->true_count++] = entry->predicate;
  query->mask |= UINT64_C(1) << (entry->predicate & 63);
  for (uint16_t i = 0; i < entry->rule_count; i++)
    query->hits[query->hit_count++] =
        (struct index_hit){.rule = query->index->rules[entry->rule_first + i], .predicate = entry->predicate};
}

/* Every interval that holds `key`: a subtree whose highest end lies below it, or whose lowest start above, is left out.
 * On its own, so that the other runs do not pay for its stack. */
static __attribute__((noinline)) void take_between(struct query *query, const struct index_run *run, int64_t key) {
  struct {
    uint32_t first, behind;
  } stack[SPAN_DEPTH_MAX];
  uint32_t depth = 0;
  stack[depth].first = 0;
  stack[depth++].behind = run->count;
  while (depth > 0) {
    uint32_t first = stack[--depth].first, behind = stack[depth].behind;
    while (first < behind) {
      uint32_t middle = first + (behind - first) / 2;
      const struct index_span *span = &run->spans[middle];
      if (span->highest < key) break;
      if (span->low > key) {
        behind = middle;
        continue;
      }
      if (key <= span->high) take(query, &run->entries[middle]);
      if (first < middle) {
        check(depth < SPAN_DEPTH_MAX);
        stack[depth].first = first;
        stack[depth++].behind = middle;
      }
      first = middle + 1;
    }
  }
}

static inline void take_first(struct query *query, const struct index_run *run, int64_t key) {
  for (uint32_t i = 0; i < run->count && run->bounds[i] <= key; i++) take(query, &run->entries[i]);
}

static __attribute__((noinline)) void take_all(struct query *query, const struct index_run *run) {
  for (uint32_t i = 0; i < run->count; i++) take(query, &run->entries[i]);
}

/* The key of the run's slot, its bits flipped. False: it is null. */
static inline bool run_key(const struct index_run *run, const struct value *values, int64_t *key) {
  const struct value *v = (const struct value *)(const void *)((const char *)values + run->at);
  if (v->kind == VALUE_NULL) return false;
  check(index_form(v) == run->form);
  *key = (run->is_float ? index_float_key(v->f) : v->i) ^ run->flip;
  return true;
}

/* False: the run has nothing for the event. */
static inline bool passes_gate(const struct index_run *run, const struct value *values) {
  return (read_i64((const char *)values + run->at) ^ run->flip) >= run->gate;
}

/* Of a run that has bounds: the event's value reaches the first. */
static inline bool reaches(const struct index_run *run, const struct value *values) {
  int64_t key;
  return passes_gate(run, values) && run_key(run, values, &key) && run->bounds[0] <= key;
}

static __attribute__((noinline)) void take_run(struct query *query, const struct index_run *run) {
  int64_t key;
  if (run->kind == RUN_ALL)
    take_all(query, run);
  else if (!run_key(run, query->values, &key))
    return;
  else if (run->kind == RUN_BETWEEN)
    take_between(query, run, key);
  else
    take_first(query, run, key);
}

/* One at least. */
static inline void take_runs(struct query *query, const struct index_run *run, const struct index_run *end) {
  const struct value *values = query->values;
  do
    if (passes_gate(run, values)) take_run(query, run);
  while (++run < end);
}

static inline void take_group(struct query *query, const struct index_group *group) {
  take_runs(query, group->runs, group->runs_end);
}

static inline bool reaches_group(const struct index_group *group, const struct value *values) {
  for (const struct index_run *run = group->runs; run < group->runs_end; run++)
    if (reaches(run, values)) return true;
  return false;
}

static inline void look_up_text(struct query *query, const struct index_equality *equality, const struct value *v) {
  if (equality->only != UINT32_MAX) {
    if (v->length == equality->only_value.length && index_text_equal(equality->only_value, *v))
      take_group(query, &query->index->groups[equality->only]);
    return;
  }
  int64_t key = index_text_key(*v);
  for (uint32_t at = (uint32_t)index_key_hash(key) & equality->mask;; at = (at + 1) & equality->mask) {
    const struct index_hash_slot *slot = &equality->slots[at];
    if (slot->group == 0) return;
    if (slot->key != key || slot->length != v->length) continue;
    const struct index_group *group = &query->index->groups[slot->group - 1];
    if (v->length > INDEX_EXACT_BYTES && !index_text_equal(group->value, *v)) continue;
    take_group(query, group);
    return;
  }
}

static inline void look_up_number(struct query *query, const struct index_equality *equality, const struct value *v) {
  int64_t key = index_key(equality->type, *v);
  if (equality->only != UINT32_MAX) {
    if (equality->only_key == key) take_group(query, &query->index->groups[equality->only]);
    return;
  }
  for (uint32_t at = (uint32_t)index_key_hash(key) & equality->mask;; at = (at + 1) & equality->mask) {
    const struct index_hash_slot *slot = &equality->slots[at];
    if (slot->group == 0) return;
    if (slot->key != key) continue;
    take_group(query, &query->index->groups[slot->group - 1]);
    return;
  }
}

static inline void look_up(struct query *query, const struct index_equality *equality) {
  const struct value *v = &query->values[equality->slot];
  if (v->kind == VALUE_NULL) return;
  if (equality->form == FORM_STRING || equality->form == FORM_IP)
    look_up_text(query, equality, v);
  else
    look_up_number(query, equality, v);
}

static inline void look_in(struct query *query, const struct index_membership *membership) {
  const struct value *v = &query->values[membership->slot];
  const struct index_group *group = &query->index->groups[membership->group];
  if (v->kind == VALUE_NULL) return;
  if (membership->bounded && !reaches_group(group, query->values)) return;
  if (list_set_has(membership->set, *v)) take_group(query, group);
}

/* Each rule once, in the order of rules. */
static uint32_t sort_few(struct index_hit *hits, uint32_t count) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    struct index_hit hit = hits[i];
    uint32_t at = kept;
    while (at > 0 && hits[at - 1].rule > hit.rule) at--;
    if (at > 0 && hits[at - 1].rule == hit.rule) continue;
    for (uint32_t j = kept; j > at; j--) hits[j] = hits[j - 1]; /* a few at most: cheaper than a call */
    hits[at] = hit;
    kept++;
  }
  return kept;
}

static uint32_t sort_many(struct index_scratch *scratch, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    struct index_hit hit = scratch->hits[i];
    scratch->words[hit.rule / 64] |= UINT64_C(1) << (hit.rule & 63);
    scratch->predicates[hit.rule] = hit.predicate;
  }
  uint32_t kept = 0;
  for (uint32_t w = 0; w < scratch->word_count; w++) {
    for (uint64_t word = scratch->words[w]; word != 0; word &= word - 1) {
      uint16_t rule = (uint16_t)(64 * w + (uint32_t)__builtin_ctzll(word));
      scratch->hits[kept++] = (struct index_hit){.rule = rule, .predicate = scratch->predicates[rule]};
    }
    scratch->words[w] = 0;
  }
  return kept;
}

static inline void query_begin(struct query *query, const struct index_scratch *scratch, const struct index_type *type,
                               const struct value *values, struct truth *truth) {
  query->index = scratch->index;
  query->type = type;
  query->values = values;
  query->truth = truth;
  query->hits = scratch->hits;
  query->trues = scratch->trues;
  query->hit_count = query->true_count = 0;
  query->mask = type->unindexed_mask;
}

static uint32_t query_end(const struct query *query, struct index_scratch *scratch, uint64_t *mask) {
  scratch->true_count = query->true_count;
  *mask = query->mask;
  if (query->hit_count <= 1) return query->hit_count;
  if (query->hit_count <= SORT_BY_INSERTION_MAX) return sort_few(scratch->hits, query->hit_count);
  return sort_many(scratch, query->hit_count);
}

/* A profile wants to see each predicate asked. */
static inline bool is_filtered(const struct index_filter *filter, const struct value *values,
                               const struct truth *truth) {
  if (filter->regex == NULL || truth->laps != NULL) return false;
  const struct value *v = &values[filter->slot];
  return v->kind != VALUE_STRING || !regex_may_begin(filter->regex, value_slice(*v));
}

static __attribute__((noinline)) void ask_rest(struct query *query, const struct index_entry *entry) {
  if (!truth_holds(query->truth, entry->predicate)) return;
  query->trues[query->true_count++] = entry->predicate;
  for (uint16_t j = 0; j < entry->rule_count; j++)
    query->hits[query->hit_count++] =
        (struct index_hit){.rule = query->index->rules[entry->rule_first + j], .predicate = entry->predicate};
}

static __attribute__((noinline)) uint32_t any_event(struct index_scratch *scratch, const struct index_type *type,
                                                    const struct value *values, struct truth *truth, uint64_t *mask) {
  struct query query;
  query_begin(&query, scratch, type, values, truth);
  for (uint16_t i = 0; i < type->equality_count; i++) look_up(&query, &type->equalities[i]);
  for (uint32_t i = 0; i < type->membership_count; i++) look_in(&query, &type->memberships[i]);
  if (type->always_group != UINT32_MAX) take_group(&query, &scratch->index->groups[type->always_group]);
  for (uint32_t i = 0; i < type->rest_count; i++)
    if (!is_filtered(&type->filters[i], query.values, truth)) ask_rest(&query, &type->rest[i]);
  for (uint32_t i = 0; i < type->every_count; i++)
    query.hits[query.hit_count++] = (struct index_hit){.rule = type->every[i], .predicate = PREDICATE_TRUE};
  return query_end(&query, scratch, mask);
}

/* Of a type that has bounds alone: the runs from the first that the event reaches. */
static __attribute__((noinline)) uint32_t bounds_event(struct index_scratch *scratch, const struct index_type *type,
                                                       const struct index_run *run, const struct value *values,
                                                       struct truth *truth, uint64_t *mask) {
  struct query query;
  query_begin(&query, scratch, type, values, truth);
  take_runs(&query, run, type->bounds_end);
  return query_end(&query, scratch, mask);
}

uint32_t index_event(const struct rule_index *index, struct index_scratch *scratch, const struct event *event,
                     struct truth *truth, const struct index_hit **hits, uint64_t *mask) {
  const struct index_type *type = &index->types[event->type];
  const struct index_run *run = type->bounds, *end = type->bounds_end;
  const struct value *values = event->values;
  *hits = scratch->hits;
  if (run == NULL) return any_event(scratch, type, values, truth, mask);
  do
    if (passes_gate(run, values)) return bounds_event(scratch, type, run, values, truth, mask);
  while (++run < end);
  /* Most events reach no bound, and that is all there is to do. */
  scratch->true_count = 0;
  *mask = type->unindexed_mask;
  return 0;
}

uint32_t index_trues(const struct index_scratch *scratch, const int32_t **trues) {
  *trues = scratch->trues;
  return scratch->true_count;
}

/* ---- in words ---- */

static struct slice slot_name(const struct ruleset *ruleset, const struct schema *schema, uint16_t slot) {
  for (uint16_t f = 0; f < schema->field_count; f++) {
    if (schema->fields[f].used && schema->fields[f].slot == slot) return schema->fields[f].name;
  }
  if (schema->has_event_time && schema->event_time_slot == slot) return SLICE("event_time");
  const struct type_use *use = ruleset->uses == NULL ? NULL : &ruleset->uses[schema->id];
  for (uint16_t a = 0; use != NULL && a < use->ask_count; a++)
    if (use->asks[a].slot == slot) return ruleset->counters[use->asks[a].counter].text;
  return SLICE("?");
}

void index_describe(const struct rule_index *index, int32_t predicate, struct buf *out) {
  const struct index_note *note = &index->notes[predicate];
  const struct schema *schema = &index->ruleset->schemas[index->ruleset->predicates[predicate].type];
  static const char *const access[] = {
      [ACCESS_REST] = "asked one by one, at most once an event",
      [ACCESS_EQUALITY] = "found by a hash of ",
      [ACCESS_MEMBERSHIP] = "found by one look-up in the list for ",
      [ACCESS_RANGE] = "found",
      [ACCESS_PRESENCE] = "compared at each event of the type",
      [ACCESS_ALTERNATIVES] = "found by any side of its `or`",
      [ACCESS_NEVER] = "never true, never asked",
      [ACCESS_SCAN] = "asked one by one (the index is off)",
  };
  buf_str(out, access[note->access]);
  if (note->access == ACCESS_EQUALITY || note->access == ACCESS_MEMBERSHIP)
    buf_slice(out, slot_name(index->ruleset, schema, note->slot));
  if (note->access == ACCESS_REST || note->access == ACCESS_NEVER || note->access == ACCESS_SCAN ||
      note->access == ACCESS_ALTERNATIVES)
    return;
  if (note->run_kind != RUN_ALL) {
    buf_printf(out, "%s among the sorted %s of " SLICE_FMT, note->access == ACCESS_RANGE ? "" : ", then",
               note->run_kind == RUN_BETWEEN ? "intervals" : "thresholds",
               SLICE_ARG(slot_name(index->ruleset, schema, note->run_slot)));
  }
  if (note->access == ACCESS_PRESENCE) return;
  if (note->expr)
    buf_str(out, ", then the whole condition is asked");
  else if (note->confirm_count > 0)
    buf_printf(out, ", then %u more comparison%s", note->confirm_count, note->confirm_count == 1 ? "" : "s");
}
