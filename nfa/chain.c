/* chain.c - held events, the chains of links that runs share, and the registers that conditions read.
 *
 * Memory comes from the context's pool. Called by runs.c, tell.c and, for held events, by the engine. */
#include "base/check.h"
#include "nfa/due.h"

/* What a held event counts for; it follows from what is kept of the event alone. */
enum { UNIT_BYTES = 64 };
static uint64_t held_units(const struct held *held) { return (held->bytes + UNIT_BYTES - 1) / UNIT_BYTES; }

/* Most events are taken by one run: the first link of an event stands in its block, before it. */
static struct link *own_link(const struct held *held) { return (struct link *)(uintptr_t)held - 1; }

struct held *nfa_hold(struct nfa_context *context, const struct event *event) {
  if (context->held != NULL) return context->held;
  const struct schema *schema = &context->schemas[event->type];
  size_t bytes = sizeof(struct link) + sizeof(struct held) + schema->kept_count * sizeof(struct value);
  for (uint16_t i = 0; i < schema->kept_count; i++) {
    size_t extra = value_extra_bytes(event->values[schema->kept_slots[i]]);
    bytes += (extra + 7u) & ~(size_t)7u;
  }
  struct link *own = pool_alloc(context->pool, bytes);
  struct held *held = (struct held *)(own + 1);
  own->references = 0;
  *held = (struct held){.references = 1,
                        .type = event->type,
                        .value_count = schema->kept_count,
                        .bytes = (uint32_t)bytes,
                        .position = event->position,
                        .time = event->time,
                        .sequence = event->sequence};
  char *extra = (char *)&held->values[schema->kept_count];
  for (uint16_t i = 0; i < schema->kept_count; i++) {
    struct value v = event->values[schema->kept_slots[i]];
    if (v.kind == VALUE_STRING || v.kind == VALUE_LIST || v.kind == VALUE_IP) {
      extra = (char *)(((uintptr_t)extra + 7u) & ~(uintptr_t)7u);
      held->values[i] = value_copy_to(&extra, v);
    } else {
      held->values[i] = v;
    }
  }
  check(extra <= (char *)own + bytes);
  context->held_units += held_units(held);
  context->held = held;
  return held;
}

void held_unref(struct nfa_context *context, struct held *held) {
  if (--held->references > 0) return;
  context->held_units -= held_units(held);
  pool_free(context->pool, own_link(held), held->bytes);
}

void nfa_release_held(struct nfa_context *context) {
  if (context->held != NULL) held_unref(context, context->held);
  context->held = NULL;
}

static void *link_alloc(struct nfa_context *context, size_t bytes) {
  context->held_units++;
  return pool_alloc(context->pool, bytes);
}

static void link_free(struct nfa_context *context, struct link *link, size_t bytes) {
  context->held_units--;
  pool_free(context->pool, link, bytes);
}

struct link *link_new(struct stepping *s, struct link *parent, uint16_t step, uint16_t rank) {
  struct held *held = nfa_hold(s->context, s->event);
  struct link *link = own_link(held);
  if (link->references > 0) link = link_alloc(s->context, sizeof *link);
  s->counts->links++;
  held->references++;
  *link = (struct link){.event = held, .parent = parent, .references = 1, .step = step, .rank = rank};
  if (parent != NULL) parent->references++;
  return link;
}

struct link *link_segment(struct stepping *s, struct link *parent, struct link *tail, uint32_t count) {
  struct segment *segment = link_alloc(s->context, sizeof *segment);
  s->counts->links++;
  *segment =
      (struct segment){.link = {.parent = parent, .references = 1, .step = LINK_SEGMENT}, .tail = tail, .count = count};
  tail->references++;
  if (parent != NULL) parent->references++;
  return &segment->link;
}

struct link *link_copy(struct stepping *s, struct link *parent, const struct link *link) {
  struct link *copy = link_alloc(s->context, sizeof *copy);
  s->counts->links++;
  *copy =
      (struct link){.event = link->event, .parent = parent, .references = 1, .step = link->step, .rank = link->rank};
  copy->event->references++;
  if (parent != NULL) parent->references++;
  return copy;
}

void walk_begin(struct walk *walk, const struct link *tail) { *walk = (struct walk){.next = tail}; }

const struct link *walk_next(struct walk *walk) {
  if (walk->left == 0 && walk->after != NULL) { /* the segment is done */
    walk->next = walk->after;
    walk->after = NULL;
  }
  const struct link *link = walk->next;
  while (link != NULL && link->step == LINK_SEGMENT) { /* segments do not nest: a tape's own chain has none */
    const struct segment *segment = (const struct segment *)link;
    check(walk->left == 0 && segment->count > 0);
    walk->left = segment->count;
    walk->after = link->parent;
    link = segment->tail;
  }
  if (link == NULL) return NULL;
  if (walk->left > 0) walk->left--;
  walk->next = link->parent;
  return link;
}

struct link *link_ref(struct link *link) {
  link->references++;
  return link;
}

void link_unref(struct nfa_context *context, struct link *link) {
  while (link != NULL && --link->references == 0) { /* bounded by the chain's length */
    struct link *parent = link->parent;
    context->counts->links--;
    if (link->step == LINK_SEGMENT) {
      struct segment *segment = (struct segment *)link;
      link_unref(context, segment->tail); /* once: a tape's chain has no segments */
      link_free(context, link, sizeof *segment);
    } else {
      struct held *held = link->event;
      if (link != own_link(held)) link_free(context, link, sizeof *link);
      held_unref(context, held);
    }
    link = parent;
  }
}

/* ---- registers ---- */

uint32_t *run_counters(const struct pattern *p, const struct run *run) {
  return (uint32_t *)((char *)run + p->counters_offset);
}

static union accumulator *accumulator(const struct pattern *p, const struct run *run, int r) {
  return (union accumulator *)((char *)run + p->register_offsets[r]);
}

/* How many bytes of the union a register needs: runs are many. */
static size_t accumulator_bytes(enum pattern_aggregate aggregate) {
  switch (aggregate) {
  case REGISTER_COUNT: return sizeof(uint64_t);
  case REGISTER_SUM:
  case REGISTER_AVG: return sizeof(struct sum);
  case REGISTER_STDDEV: return sizeof(struct spread);
  case REGISTER_DISTINCT: return 0; /* found by walking the chain */
  default: return sizeof(struct value);
  }
}

void program_layout(struct pattern *p, struct arena *arena) {
  size_t offset = sizeof(struct run);
  p->counters_offset = (uint32_t)offset;
  offset += p->counter_count * sizeof(uint32_t);
  offset = (offset + 15u) & ~(size_t)15u;
  p->register_offsets = arena_array(arena, uint32_t, p->register_count);
  for (int r = 0; r < p->register_count; r++) {
    p->register_offsets[r] = (uint32_t)offset;
    offset += accumulator_bytes(p->registers[r].aggregate);
    offset = (offset + 7u) & ~(size_t)7u;
  }
  p->due_offset = (uint32_t)offset;
  if (p->starts_before) offset += sizeof(struct due);
  p->run_bytes = (uint32_t)offset;
}

static struct value read_field(const struct pattern_register *r, const struct held *held,
                               const struct schema *schemas) {
  if (r->slot == REGISTER_TIME) return value_time(held->time);
  if (r->slot == REGISTER_NO_SLOT) return value_int(1);
  int16_t kept = schemas[held->type].kept_index[r->slot];
  check(kept >= 0);
  return held->values[kept];
}

void run_account(struct stepping *s, struct run *run, uint16_t step) {
  const struct pattern *p = s->p;
  struct range range = p->steps[step].registers;
  for (int r = range.first; r < range.first + range.count; r++) {
    const struct pattern_register *spec = &p->registers[r];
    if (spec->aggregate == REGISTER_DISTINCT) continue;
    union accumulator *a = accumulator(p, run, r);
    struct value v = read_field(spec, run->tail->event, s->context->schemas);
    switch (spec->aggregate) {
    case REGISTER_COUNT: a->count += !value_is_null(v); break;
    case REGISTER_SUM:
    case REGISTER_AVG: sum_add(&a->sum, v); break;
    case REGISTER_STDDEV: spread_add(&a->spread, v); break;
    case REGISTER_MIN: a->value = sum_lesser(a->value, v); break;
    case REGISTER_MAX: a->value = sum_greater(a->value, v); break;
    case REGISTER_FIRST:
      if (a->value.zero == 0) { /* `zero` marks that there is a first: its value may be null */
        a->value = v;
        a->value.zero = 1;
      }
      break;
    case REGISTER_LAST: a->value = v; break;
    case REGISTER_NTH: /* length counts the nth value down: kept in `zero` until reached */
      if (a->value.zero < spec->nth && a->value.zero < UINT16_MAX) {
        uint16_t seen = (uint16_t)(a->value.zero + 1);
        if (seen == spec->nth) a->value = v;
        a->value.zero = seen;
      }
      break;
    case REGISTER_DISTINCT: break;
    }
  }
}

void run_add_totals(const struct pattern *p, struct run *run, const struct run *total, uint16_t step, bool add) {
  struct range range = p->steps[step].registers;
  for (int r = range.first; r < range.first + range.count; r++) {
    union accumulator *a = accumulator(p, run, r), *t = accumulator(p, total, r);
    switch (p->registers[r].aggregate) {
    case REGISTER_COUNT: a->count = add ? a->count + t->count : a->count - t->count; break;
    case REGISTER_SUM:
    case REGISTER_AVG:
      if (add)
        sum_add_sum(&a->sum, &t->sum);
      else
        sum_subtract_sum(&a->sum, &t->sum);
      break;
    case REGISTER_STDDEV:
      if (add)
        spread_add_spread(&a->spread, &t->spread);
      else
        spread_subtract_spread(&a->spread, &t->spread);
      break;
    case REGISTER_LAST:
      if (add && total->length != run->tape_base) a->value = t->value;
      break;
    default: break; /* first: the run's own */
    }
  }
}

/* Distinct values of a step's field among the chain's events: a small open-addressing set in the scratch arena. */
static int64_t count_distinct(struct arena *scratch, const struct value *values, uint32_t count) {
  uint32_t capacity = 16;
  while (capacity < count * 2) capacity *= 2;
  const struct value **set = arena_zero(scratch, capacity * sizeof *set);
  int64_t distinct = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (value_is_null(values[i])) continue;
    uint64_t at = value_hash(values[i]) & (capacity - 1);
    while (set[at] != NULL && !value_equal(*set[at], values[i])) at = (at + 1) & (capacity - 1);
    if (set[at] == NULL) distinct++;
    set[at] = &values[i];
  }
  return distinct;
}

static struct value chain_distinct(struct stepping *s, const struct run *run, const struct pattern_register *spec) {
  if (run == NULL) return value_int(0);
  struct value *values = arena_alloc(s->context->scratch, run->length * sizeof *values);
  uint32_t count = 0;
  struct walk walk;
  walk_begin(&walk, run->tail);
  for (const struct link *l; (l = walk_next(&walk)) != NULL;)
    if (l->step == spec->step) values[count++] = read_field(spec, l->event, s->context->schemas);
  return value_int(count_distinct(s->context->scratch, values, count));
}

static struct value clean(struct value v) {
  v.zero = 0;
  return v;
}

void run_load_registers(struct stepping *s, const struct run *run) {
  const struct pattern *p = s->p;
  static const union accumulator empty;
  if (s->registers == NULL)
    s->registers = arena_alloc(s->context->scratch, (p->register_count + 1u) * sizeof(struct value));
  else if (s->registers_of == run && run != NULL)
    return;
  s->registers_of = run;
  struct expr_counts *counts = s->context->env->counts;
  for (int r = 0; r < p->register_count; r++) {
    const struct pattern_register *spec = &p->registers[r];
    const union accumulator *a = run == NULL ? &empty : accumulator(p, run, r);
    struct value v = value_null();
    switch (spec->aggregate) {
    case REGISTER_COUNT: v = value_int((int64_t)a->count); break;
    case REGISTER_SUM: v = sum_total(&a->sum, spec->field, counts); break;
    case REGISTER_AVG: v = sum_average(&a->sum, spec->field, counts); break;
    case REGISTER_STDDEV: v = spread_deviation(&a->spread, spec->field, counts); break;
    case REGISTER_DISTINCT: v = chain_distinct(s, run, spec); break;
    case REGISTER_NTH: v = a->value.zero == spec->nth ? clean(a->value) : value_null(); break;
    default: v = clean(a->value); break;
    }
    s->registers[p->register_order[r]] = v;
  }
  s->context->env->banks[BANK_REGISTER] = s->registers;
}

struct value nfa_match_register(const struct nfa_match *match, const struct pattern_register *spec,
                                const struct schema *schemas, struct arena *scratch, struct expr_counts *counts) {
  struct value *values = arena_alloc(scratch, (match->count + 1u) * sizeof *values);
  uint32_t count = 0;
  for (uint32_t i = 0; i < match->count; i++)
    if (match->items[i].step == spec->step) values[count++] = read_field(spec, match->items[i].event, schemas);
  struct sum sum = {0};
  struct spread spread = {0};
  struct value best = value_null();
  int64_t present = 0;
  switch (spec->aggregate) {
  case REGISTER_COUNT:
    for (uint32_t i = 0; i < count; i++) present += !value_is_null(values[i]);
    return value_int(present);
  case REGISTER_SUM:
  case REGISTER_AVG:
    sum_add_all(&sum, values, count);
    return spec->aggregate == REGISTER_SUM ? sum_total(&sum, spec->field, counts)
                                           : sum_average(&sum, spec->field, counts);
  case REGISTER_STDDEV: spread_add_all(&spread, values, count); return spread_deviation(&spread, spec->field, counts);
  case REGISTER_MIN:
  case REGISTER_MAX:
    for (uint32_t i = 0; i < count; i++)
      best = spec->aggregate == REGISTER_MIN ? sum_lesser(best, values[i]) : sum_greater(best, values[i]);
    return best;
  case REGISTER_DISTINCT: return value_int(count_distinct(scratch, values, count));
  case REGISTER_FIRST: return count > 0 ? values[0] : value_null();
  case REGISTER_LAST: return count > 0 ? values[count - 1] : value_null();
  case REGISTER_NTH: return spec->nth >= 1 && spec->nth <= (int64_t)count ? values[spec->nth - 1] : value_null();
  }
  return value_null();
}
