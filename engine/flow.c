/* flow.c - rounds through the passes. Owned by engine.c. */
#include "engine/flow_private.h"

/* ---- items ---- */

static void add_chunk(struct flow *flow, struct items *items) {
  check(items->chunk_count < UINT32_MAX / FLOW_CHUNK_ITEMS - 1);
  if (items->chunk_count == items->chunk_capacity) {
    items->chunk_capacity = items->chunk_capacity == 0 ? 16 : 2 * items->chunk_capacity;
    items->chunks = mem_realloc(flow->mem, (void *)items->chunks, items->chunk_capacity * sizeof *items->chunks);
  }
  items->chunks[items->chunk_count] = mem_alloc_raw(flow->mem, FLOW_CHUNK_ITEMS * sizeof **items->chunks);
  items->chunk_count++;
}

static struct item *new_item(struct flow *flow, const struct moment *moment, struct slice name) {
  struct items *made = &flow->made;
  if (made->count == made->chunk_count * FLOW_CHUNK_ITEMS) add_chunk(flow, made);
  struct item *item = items_at(made, made->count);
  *item = (struct item){.moment = *moment, .name = name, .ordinal = FIRST_MADE + made->count, .level = flow->at->level};
  item->level++;
  made->count++;
  if (moment->phase > 0)
    item->moment.key =
        (struct slice){arena_copy(&flow->arena, moment->key.data, moment->key.length), moment->key.length};
  return item;
}

static const struct value *copied(struct flow *flow, const struct value *values, uint16_t count) {
  struct value *copy = arena_array(&flow->arena, struct value, count + 1u);
  for (uint16_t i = 0; i < count; i++) copy[i] = value_copy(&flow->arena, values[i]);
  return copy;
}

/* What stands for the place of an event that no input had: its identity (docs/alert-id.md). */
static struct position made_position(struct hash128 identity) {
  return (struct position){
      .offset = identity.low, .partition = (uint32_t)identity.high, .source = POSITION_MADE, .derived = 0};
}

/* An event, and what filters make of it, for the passes behind. */
static void add_event(struct flow *flow, const struct moment *moment, struct event event) {
  bool asked = event.position.derived > 0; /* a filter made it, and counted it */
  if (!asked) flow->made_of[event.type]++;
  const struct schema *schema = &flow->ruleset->schemas[event.type];
  struct item *item = new_item(flow, moment, schema->name);
  item->kind = ITEM_EVENT;
  item->event = event;
  if (flow->ruleset->uses[event.type].derived_count == 0) return;
  const struct event *derived;
  uint32_t count = derive_events(flow->options.deriver, &event, &flow->arena, &derived);
  for (uint32_t i = 0; i < count; i++) {
    uint16_t number =
        asked ? derive_number(flow->options.deriver, &event.position, derived[i].type) : derived[i].position.derived;
    if (number == 0) continue;
    item = new_item(flow, moment, flow->ruleset->schemas[derived[i].type].name);
    item->kind = ITEM_EVENT;
    item->event = derived[i];
    item->event.position.derived = number;
  }
}

/* ---- from the operators ---- */

/* A match of a part of a rule whose key changes is an event for the part behind it, in the place of what completed it
 * (always an event: a wait for an absence stands at the end of the last part). */
static void add_part(struct flow *flow, const struct told *told, const struct moment *moment) {
  const struct rule_parts *parts = told->rule->parts;
  const struct part_event *made = parts->made;
  const struct schema *schema = &flow->ruleset->schemas[made->schema];
  check(told->event != NULL && told->match->count > 0);
  struct value *values = arena_array(&flow->arena, struct value, schema->slot_count);
  for (uint16_t r = 0; r < made->register_count; r++) {
    struct arena_mark mark = arena_mark(&flow->arena);
    struct value value =
        nfa_match_register(told->match, &made->registers[r], flow->ruleset->schemas, &flow->arena, told->counts);
    arena_release(&flow->arena, mark);
    values[r == 0 ? PART_KEY_SLOT : PART_SLOTS + r - 1] = value_copy(&flow->arena, value);
  }
  values[PART_START_SLOT] = value_time(told->match->items[0].event->time);
  values[PART_COUNT_SLOT] = value_int(told->match->count);
  values[PART_EVENTS_SLOT] = value_string(part_match_pack(told->match, &flow->arena));
  struct item *item = new_item(flow, moment, flow->ruleset->rules[parts->whole].name);
  item->kind = ITEM_EVENT;
  item->event = (struct event){
      .time = told->event->time, .position = told->event->position, .type = made->schema, .values = values};
}

void flow_from_stepper(void *context, const struct told *told) {
  struct pass *pass = context;
  struct flow *flow = pass->flow;
  struct moment moment;
  flow->cause = told->event == NULL || flow->single ? NULL : pass->items[told->event - pass->events];
  if (told->event == NULL)
    moment = (struct moment){.time = told->match->time, .phase = 1u + told->rule->stage, .name = told->rule->name};
  else if (flow->single)
    moment = (struct moment){.time = told->event->time, .position = told->event->position};
  else
    moment = flow->cause->moment;
  if (told->rule->parts != NULL && told->rule->parts->made != NULL)
    add_part(flow, told, &moment);
  else
    flow->options.match(flow->options.context, told, &moment);
}

/* The key as the alert's `key` member has it, clear. */
static struct slice key_json(struct flow *flow, const struct slice *names, const struct value *values, uint16_t count) {
  struct buf *out = &flow->key_text;
  buf_clear(out);
  buf_byte(out, '{');
  for (uint16_t i = 0; i < count; i++) {
    if (i > 0) buf_byte(out, ',');
    buf_json_string(out, names[i]);
    buf_byte(out, ':');
    value_json(out, values[i]);
  }
  buf_byte(out, '}');
  return buf_view(out);
}

static struct hash128 identity_of(struct slice name, struct slice key, const int64_t *numbers, size_t count) {
  struct hash128 parts[3] = {hash_bytes_128(name.data, name.length), hash_bytes_128(key.data, key.length),
                             hash_bytes_128(numbers, count * sizeof *numbers)};
  return hash_bytes_128(parts, sizeof parts);
}

/* What an event is known by: the value of `unique` where it, or its cause, has one, else the place where it stood. */
static void put_cause(struct flow *flow, uint16_t type, const struct value *values, const struct position *position,
                      int64_t numbers[2]) {
  const struct schema *schema = &flow->ruleset->schemas[type];
  struct value unique = value_null();
  if (schema->has_identity)
    unique = values[schema->identity_slot];
  else if (schema->unique_field >= 0)
    unique = values[schema->fields[schema->unique_field].slot];
  if (value_is_null(unique)) {
    numbers[0] = (int64_t)position->offset;
    numbers[1] = (int64_t)((uint64_t)position->partition << 32 | (uint64_t)position->source << 16 | position->derived);
    return;
  }
  struct buf *text = &flow->unique_text;
  buf_clear(text);
  buf_json_string(text, schema->name);
  value_json(text, unique);
  if (schema->has_identity) buf_printf(text, " %u", (unsigned)position->derived);
  struct hash128 hash = hash_bytes_128(text->data, text->length);
  numbers[0] = (int64_t)hash.low;
  numbers[1] = (int64_t)hash.high;
}

static const struct value *made_values(struct flow *flow, const struct schema *schema, const struct event *event) {
  struct value *values = arena_array(&flow->arena, struct value, schema->slot_count + 1u);
  for (uint16_t i = 0; i < schema->asked_first; i++) values[i] = value_copy(&flow->arena, event->values[i]);
  if (schema->has_event_time) values[schema->event_time_slot] = value_time(event->time);
  return values;
}

void flow_from_window(void *context, const struct window_event *told) {
  struct pass_window *own = context;
  struct pass *pass = own->pass;
  struct flow *flow = pass->flow;
  const struct schema *schema = &flow->ruleset->schemas[told->plan->schema];
  struct slice key = key_json(flow, told->plan->key_names, told->key, told->plan->key_count);
  struct moment moment = {.time = told->event.time, .phase = 1u + told->plan->stage, .name = schema->name, .key = key};
  struct event event = told->event;
  if (told->cause != NULL) { /* time does not go back: a revision is an event of its cause's moment */
    moment = *pass->in_hand;
    event.time = moment.time;
  }
  int64_t numbers[7] = {told->start, told->end, told->revision, told->partial_number};
  size_t number_count = 4;
  if (told->plan->kind == WINDOW_COUNT) { /* several may stand at equal times: by number, and the event it is told at */
    number_count = 7;
    numbers[4] = told->number;
    if (told->cause != NULL)
      put_cause(flow, told->cause->type, told->cause->values, &told->cause->position, &numbers[5]);
  }
  event.type = told->plan->schema;
  event.position = made_position(identity_of(schema->name, key, numbers, number_count));
  event.values = made_values(flow, schema, &told->event);
  add_event(flow, &moment, event);
}

void flow_from_join(void *context, const struct join_event *told) {
  struct pass_join *own = context;
  struct pass *pass = own->pass;
  struct flow *flow = pass->flow;
  const struct schema *schema = &flow->ruleset->schemas[told->plan->schema];
  struct slice key = key_json(flow, told->plan->key_names, told->key, told->plan->key_count);
  struct moment moment = {.time = told->event.time, .phase = 1u + told->plan->stage, .name = schema->name, .key = key};
  if (told->cause != NULL) moment = *pass->in_hand;
  struct event event = told->event;
  const struct held *sides[2] = {told->left, told->right};
  int64_t numbers[6] = {0};
  for (int side = 0; side < 2; side++) {
    if (sides[side] == NULL) continue;
    put_cause(flow, sides[side]->type, sides[side]->values, &sides[side]->position, &numbers[3 * side]);
    numbers[3 * side + 2] = 1;
  }
  event.type = told->plan->schema;
  event.position = made_position(identity_of(schema->name, key, numbers, 6));
  event.values = made_values(flow, schema, &told->event);
  add_event(flow, &moment, event);
}

/* ---- from alerts ---- */

void flow_add_alert(struct flow *flow, const struct rule *rule, const struct moment *moment, int64_t time,
                    const struct value *emit, const struct value *key, struct hash128 id) {
  const struct alert_event *made = rule->alert_event;
  const struct schema *schema = &flow->ruleset->schemas[made->schema];
  struct value *values = arena_array(&flow->arena, struct value, schema->slot_count + 1u);
  for (uint16_t slot = 0; slot < schema->asked_first; slot++) {
    if (schema->has_event_time && slot == schema->event_time_slot) {
      values[slot] = value_time(time);
      continue;
    }
    const struct alert_slot *from = &made->slots[slot];
    values[slot] = value_copy(&flow->arena, from->from == ALERT_SLOT_KEY ? key[from->index] : emit[from->index]);
  }
  struct event event = {.time = time, .position = made_position(id), .type = made->schema, .values = values};
  flow->alert_events++;
  add_event(flow, moment, event);
}

void flow_add_score(struct flow *flow, const struct rule *rule, const struct moment *moment, int64_t time,
                    uint16_t group, uint16_t member, const struct value *key, int64_t score, struct hash128 id) {
  const struct group_plan *plan = &flow->ruleset->groups[group];
  struct item *item = new_item(flow, moment, rule->name);
  check(time == moment->time);
  item->kind = ITEM_SCORE;
  item->score.group = group;
  item->score.member = member;
  item->score.score = score;
  item->score.id = id;
  item->score.key = copied(flow, key, plan->key_count);
}

static void apply_change(struct live *live, uint16_t list, bool remove, struct value value, int64_t now,
                         int64_t for_us) {
  if (remove)
    live_list_remove(live, list, value, now);
  else
    live_list_add(live, list, value, now, for_us);
}

static void change_pass(struct pass *pass, const struct item *item) {
  if (pass->live != NULL && pass->asks_list[item->change.list])
    apply_change(pass->live, item->change.list, item->change.remove, item->change.value, item->moment.time,
                 item->change.for_us);
}

/* The round's changes from `first` on, in their order: of those of one value the last one holds. */
static const struct item **changes_in_order(struct flow *flow, uint32_t first, uint32_t *count) {
  *count = 0;
  const struct item **changes = arena_array(&flow->arena, const struct item *, flow->made.count - first + 1u);
  for (uint32_t i = first; i < flow->made.count; i++)
    if (items_at(&flow->made, i)->kind == ITEM_CHANGE) changes[(*count)++] = items_at(&flow->made, i);
  flow_sort(&flow->arena, changes, *count);
  return changes;
}

/* A rule may ask in the pass that fills, which gets the change now and not with its items. Where passes go event by
 * event, a list that shows it later gets it at the round's end, with the others. */
static void change_here(struct flow *flow, const struct item *item) {
  bool at_end = flow->ruleset->event_rounds && flow->ruleset->lists[item->change.list].visible_after_us > 0;
  if (!at_end) change_pass(flow->at, item);
}

/* The event's turn is over: rules that are on it too did not see what it changed. */
static void change_behind(struct flow *flow, uint32_t first) {
  uint32_t count;
  if (flow->at->live == NULL || first == flow->made.count) return;
  const struct item **changes = changes_in_order(flow, first, &count);
  for (uint32_t i = 0; i < count; i++)
    if (changes[i]->change.waits) change_here(flow, changes[i]);
}

/* Passes that have asked before others fill get the round's changes at its end. */
static void change_before(struct flow *flow) {
  uint32_t count;
  if (!flow->ruleset->event_rounds) return;
  const struct item **changes = changes_in_order(flow, 0, &count);
  for (uint32_t i = 0; i < count; i++)
    for (uint16_t p = 0; p < changes[i]->level; p++) change_pass(&flow->passes[p], changes[i]);
}

/* Another pass has asked for a row of a table `on read`: each pass keeps it as long. */
void flow_row_asked(void *context, uint16_t table, struct value key, int64_t until) {
  const struct pass *asking = context;
  struct flow *flow = asking->flow;
  for (uint16_t p = 0; p < flow->ruleset->level_count; p++) {
    struct live *live = flow->passes[p].live;
    if (live != NULL && p != asking->level && (flow->ruleset->tables[table].asked >> p & 1) != 0)
      live_table_keep(live, table, key, until);
  }
}

void flow_add_change(struct flow *flow, const struct rule *rule, const struct moment *moment, int64_t time,
                     const struct list_change *change, struct value value) {
  if (value_is_null(value)) return;
  flow->list_changes++;
  struct item *item = new_item(flow, moment, rule->name);
  check(time == moment->time);
  item->kind = ITEM_CHANGE;
  item->change.list = change->list;
  item->change.remove = change->remove;
  item->change.for_us = change->for_us;
  item->change.value = value_copy(&flow->arena, value);
  item->change.rule = rule->name;
  item->change.number = flow->made.count;
  item->change.waits = flow->cause != NULL;
  if (flow->cause != NULL) {
    item->name = flow->cause->name;
    item->ordinal = flow->cause->ordinal;
  } else {
    change_here(flow, item);
  }
}

/* ---- a pass ---- */

static void feed_tables(struct pass *pass, const struct event *event) {
  for (uint16_t t = 0; t < pass->table_count; t++) {
    const struct table_def *table = &pass->flow->ruleset->tables[pass->tables[t]];
    if (table->from_type != event->type) continue;
    struct value columns[LIMIT_EVENT_FIELDS > 64 ? 64 : LIMIT_EVENT_FIELDS];
    struct value *row =
        table->column_count <= 64 ? columns : arena_array(&pass->flow->arena, struct value, table->column_count);
    for (uint16_t c = 0; c < table->column_count; c++) row[c] = event->values[table->column_slots[c]];
    if (!value_is_null(event->values[table->key_slot]))
      live_table_put(pass->live, pass->tables[t], event->values[table->key_slot], row, event->time);
  }
}

static void feed_operators(struct pass *pass, const struct event *event, const struct moment *moment,
                           struct expr_env *env) {
  pass->in_hand = moment;
  struct laps *laps = pass->flow->laps;
  for (uint16_t w = 0; w < pass->window_count; w++) {
    const struct window_plan *plan = pass->windows[w].plan;
    uint32_t lap = laps_enter(laps, pass->windows[w].row);
    window_set_time(pass->windows[w].set, event->time, pass->flow->empty_until, env);
    for (uint16_t f = 0; f < plan->from_count; f++) {
      if (plan->from[f].type != event->type) continue;
      laps_count(laps, pass->windows[w].row);
      window_set_event(pass->windows[w].set, f, event, event->time, env);
    }
    laps_enter(laps, lap);
  }
  for (uint16_t j = 0; j < pass->join_count; j++) {
    uint32_t lap = laps_enter(laps, pass->joins[j].row);
    join_set_time(pass->joins[j].set, event->time, env);
    for (unsigned side = 0; side < 2; side++) {
      if (pass->joins[j].plan->types[side] != event->type) continue;
      laps_count(laps, pass->joins[j].row);
      join_set_event(pass->joins[j].set, side, event, env);
    }
    laps_enter(laps, lap);
  }
  pass->in_hand = NULL;
}

/* A late event is for windows that still stand. */
static void feed_late(struct pass *pass, const struct item *item, int64_t own, struct expr_env *env) {
  struct event event = item->event;
  event.time = own;
  pass->in_hand = &item->moment;
  for (uint16_t w = 0; w < pass->window_count; w++) {
    const struct window_plan *plan = pass->windows[w].plan;
    if (plan->lateness_us == 0) continue;
    uint32_t lap = laps_enter(pass->flow->laps, pass->windows[w].row);
    window_set_time(pass->windows[w].set, item->moment.time, pass->flow->empty_until, env);
    for (uint16_t f = 0; f < plan->from_count; f++) {
      if (plan->from[f].type != event.type) continue;
      laps_count(pass->flow->laps, pass->windows[w].row);
      window_set_event(pass->windows[w].set, f, &event, item->moment.time, env);
    }
    laps_enter(pass->flow->laps, lap);
  }
  pass->in_hand = NULL;
}

static void feed_group(struct pass *pass, const struct item *item) {
  const struct pass_group *group = NULL;
  for (uint16_t g = 0; g < pass->group_count; g++)
    if (pass->groups[g].number == item->score.group) group = &pass->groups[g];
  if (group == NULL) return;
  struct group_entry entry;
  uint32_t lap = laps_enter(pass->flow->laps, group->row);
  laps_count(pass->flow->laps, group->row);
  group_set_time(group->set, item->moment.time);
  if (group_set_alert(group->set, item->score.member, item->score.key, item->moment.time, item->score.score,
                      item->score.id, &entry))
    pass->flow->options.band(pass->flow->options.context, &entry, &item->moment);
  if (pass->flow->options.score != NULL) {
    group_set_look(group->set, item->score.key, item->moment.time, &entry);
    pass->flow->options.score(pass->flow->options.context, &entry);
  }
  laps_enter(pass->flow->laps, lap);
}

static struct expr_env operator_env(struct flow *flow, struct pass *pass, struct expr_counts *counts) {
  struct expr_env env = {.scratch = &flow->arena,
                         .lookup = &flow->ruleset->lookup,
                         .lookup_context = (void *)(uintptr_t)flow->ruleset,
                         .counts = counts};
  if (pass->live != NULL) {
    env.lookup = &live_lookup;
    env.lookup_context = pass->live;
  }
  return env;
}

/* The events of the pass from `from` on go to its rules. */
static void step_from(struct pass *pass, uint32_t from) {
  if (pass->stepper != NULL && from < pass->count)
    stepper_batch(pass->stepper, &pass->events[from], pass->count - from);
}

static void pass_add(struct pass *pass, const struct item *item) {
  check(pass->count < STEP_BATCH_MAX);
  pass->items[pass->count] = item;
  pass->events[pass->count] = item->event;
  pass->events[pass->count++].sequence = ++pass->sequence;
}

/* Filters that ask see the event as the rules of this pass do. */
static void feed_filters(struct pass *pass, const struct event *event, const struct moment *moment) {
  struct flow *flow = pass->flow;
  for (uint16_t d = 0; d < pass->derived_count; d++) {
    const struct event *made;
    uint32_t count = derive_asking(flow->options.deriver, pass->deriveds[d], event, pass->live, &flow->arena, &made);
    const struct event *kept = made;
    struct event copies[LIST_ELEMENTS_MAX];
    check(count <= LIST_ELEMENTS_MAX);
    for (uint32_t i = 0; i < count; i++) copies[i] = kept[i]; /* add_event() derives, too */
    for (uint32_t i = 0; i < count; i++) {
      copies[i].position.derived = derive_number(flow->options.deriver, &event->position, copies[i].type);
      if (copies[i].position.derived > 0) add_event(flow, moment, copies[i]);
    }
  }
}

/* One item in its turn. Rules take events in stretches; a pass with lists or tables, one by one. */
static void pass_item(struct pass *pass, const struct item *item, struct expr_env *env) {
  switch ((enum item_kind)item->kind) {
  case ITEM_SCORE: feed_group(pass, item); return;
  case ITEM_CHANGE:
    apply_change(pass->live, item->change.list, item->change.remove, item->change.value, item->moment.time,
                 item->change.for_us);
    return;
  case ITEM_EVENT: break;
  }
  const struct schema *schema = &pass->flow->ruleset->schemas[item->event.type];
  if (schema->has_late && !value_is_null(item->event.values[schema->late_slot])) {
    feed_late(pass, item, item->event.values[schema->late_slot].i, env);
    return;
  }
  uint32_t first_made = pass->flow->made.count;
  pass_add(pass, item);
  if (pass->live != NULL) {
    uint32_t lap = laps_enter(pass->flow->laps, PROFILE_LIVE);
    live_time(pass->live, item->event.time);
    feed_tables(pass, &item->event);
    laps_enter(pass->flow->laps, lap);
  }
  if (pass_in_turn(pass)) {
    step_from(pass, pass->count - 1);
    uint32_t lap = laps_enter(pass->flow->laps, PROFILE_DERIVE);
    feed_filters(pass, &pass->events[pass->count - 1], &item->moment);
    laps_enter(pass->flow->laps, lap);
  }
  feed_operators(pass, &item->event, &item->moment, env);
  if (pass_in_turn(pass)) change_behind(pass->flow, first_made);
}

static void pass_time(struct pass *pass, int64_t frontier, struct expr_env *env) {
  if (pass->stepper != NULL) stepper_time(pass->stepper, frontier);
  struct laps *laps = pass->flow->laps;
  uint32_t lap = laps == NULL ? 0 : laps->row;
  for (uint16_t w = 0; w < pass->window_count; w++) {
    laps_enter(laps, pass->windows[w].row);
    window_set_time(pass->windows[w].set, frontier, pass->flow->empty_until, env);
  }
  for (uint16_t j = 0; j < pass->join_count; j++) {
    laps_enter(laps, pass->joins[j].row);
    join_set_time(pass->joins[j].set, frontier, env);
  }
  for (uint16_t g = 0; g < pass->group_count; g++) {
    laps_enter(laps, pass->groups[g].row);
    group_set_time(pass->groups[g].set, frontier);
  }
  laps_enter(laps, lap);
}

static bool pass_gets(const struct pass *pass, const struct item *item) {
  if (item->level > pass->level) return false;
  switch ((enum item_kind)item->kind) {
  case ITEM_EVENT: return pass_wants(pass, item->event.type);
  case ITEM_CHANGE: return pass->live != NULL && pass->asks_list[item->change.list];
  case ITEM_SCORE: return pass->flow->ruleset->groups[item->score.group].level == pass->level;
  }
  return false;
}

/* The items of the round that the pass gets, in order. */
static uint32_t order_items(struct flow *flow, const struct pass *pass, uint32_t source_count) {
  uint32_t most = source_count + flow->made.count, count = 0;
  if (most > flow->order_capacity) {
    flow->order_capacity = most + most / 2;
    flow->order = mem_realloc(flow->mem, (void *)(uintptr_t)flow->order, flow->order_capacity * sizeof *flow->order);
  }
  for (uint32_t i = 0; i < source_count; i++)
    if (pass_wants(pass, flow->sources[i].event.type)) flow->order[count++] = &flow->sources[i];
  uint32_t from_sources = count;
  for (uint32_t i = 0; i < flow->made.count; i++)
    if (pass_gets(pass, items_at(&flow->made, i))) flow->order[count++] = items_at(&flow->made, i);
  if (count > from_sources) flow_sort(&flow->arena, flow->order, count);
  return count;
}

/* The memory of the keys that the items go to is asked for before the first of them is taken. */
static void ask_ahead(const struct pass *pass, const struct item *const *items, uint32_t count) {
  struct window_ask asks[STEP_BATCH_MAX];
  for (uint16_t w = 0; w < pass->window_count; w++) {
    const struct window_plan *plan = pass->windows[w].plan;
    uint32_t ask_count = 0;
    if (!window_set_is_wide(pass->windows[w].set)) continue;
    for (uint32_t i = 0; i < count; i++)
      for (uint16_t f = 0; f < plan->from_count && ask_count < STEP_BATCH_MAX; f++)
        if (items[i]->kind == ITEM_EVENT && items[i]->event.type == plan->from[f].type)
          asks[ask_count++] = (struct window_ask){.event = &items[i]->event, .from = f};
    window_set_ask_ahead(pass->windows[w].set, asks, ask_count);
  }
}

/* In stretches, first by the operators, then by the rules: what both make is put in order by moments and names. What a
 * pass makes never comes back to it. */
static void run_pass(struct flow *flow, struct pass *pass, uint32_t source_count, int64_t frontier) {
  struct expr_env env = operator_env(flow, pass, &flow->operators);
  uint32_t count = order_items(flow, pass, source_count);
  flow->at = pass;
  for (uint32_t at = 0; at < count; at += STEP_BATCH_MAX) {
    uint32_t stretch = count - at < STEP_BATCH_MAX ? count - at : STEP_BATCH_MAX;
    const struct item **items = &flow->order[at];
    pass->count = 0;
    if (stretch > 1) ask_ahead(pass, items, stretch);
    for (uint32_t i = 0; i < stretch; i++) pass_item(pass, items[i], &env);
    if (!pass_in_turn(pass)) step_from(pass, 0);
  }
  if (pass->live != NULL && frontier < INT64_MAX) live_time(pass->live, frontier - 1); /* the deadline in hand */
  pass_time(pass, frontier, &env);
}

static void end_round(struct flow *flow) {
  change_before(flow);
  flow->made.count = 0;
  if (flow->options.deriver != NULL) derive_round_end(flow->options.deriver);
  flow->options.round_end(flow->options.context);
  arena_reset(&flow->arena);
}

static void run_round(struct flow *flow, const struct event *events, uint32_t count, int64_t frontier) {
  if (count > flow->source_capacity) {
    flow->source_capacity = 2 * count;
    flow->sources = mem_realloc(flow->mem, flow->sources, flow->source_capacity * sizeof *flow->sources);
  }
  for (uint32_t i = 0; i < count; i++) {
    struct position position = events[i].position;
    struct slice name = {0};
    uint32_t ordinal = 0;
    if (position.derived > 0) {
      name = flow->ruleset->schemas[events[i].type].name;
      ordinal = position.derived;
    }
    position.derived = 0;
    flow->sources[i] = (struct item){.moment = {.time = events[i].time, .position = position},
                                     .name = name,
                                     .ordinal = ordinal,
                                     .kind = ITEM_EVENT,
                                     .event = events[i]};
    if (events[i].time > flow->highest) flow->highest = events[i].time;
  }
  for (uint16_t p = 0; p < flow->ruleset->level_count; p++) run_pass(flow, &flow->passes[p], count, frontier);
  end_round(flow);
}

/* ---- rounds ---- */

/* The earliest thing that may happen by itself, of all passes. */
static int64_t earliest(const struct flow *flow) {
  int64_t first = INT64_MAX;
  for (uint16_t p = 0; p < flow->ruleset->level_count; p++) {
    const struct pass *pass = &flow->passes[p];
    int64_t deadline = pass->stepper == NULL ? INT64_MAX : stepper_deadline(pass->stepper);
    if (deadline < first) first = deadline;
    for (uint16_t w = 0; w < pass->window_count; w++)
      if ((deadline = window_set_deadline(pass->windows[w].set)) < first) first = deadline;
    for (uint16_t j = 0; j < pass->join_count; j++)
      if ((deadline = join_set_deadline(pass->joins[j].set)) < first) first = deadline;
  }
  return first;
}

/* The earliest at which windows of many keys may end together. Those that end at several such times would be told again
 * and again in one round, which keeps all that is made in it: it goes no further. */
static int64_t crowd_deadline(const struct flow *flow) {
  int64_t first = INT64_MAX, deadline;
  for (uint16_t p = 0; p < flow->ruleset->level_count; p++) {
    const struct pass *pass = &flow->passes[p];
    for (uint16_t w = 0; w < pass->window_count; w++)
      if (window_set_is_crowd(pass->windows[w].set) && (deadline = window_set_deadline(pass->windows[w].set)) < first)
        first = deadline;
  }
  return first;
}

/* How many of the events, at most `most` and what filters made of the last one, go into one round. */
static uint32_t take_round(struct flow *flow, const struct event *events, uint32_t count, uint32_t most) {
  uint32_t taken = count < most ? count : most;
  int64_t deadline = crowd_deadline(flow);
  bool cut = deadline < events[taken - 1].time;
  if (cut || flow->ruleset->event_rounds) flow_time(flow, events[0].time, flow->highest);
  if (cut) {
    deadline = crowd_deadline(flow);
    while (taken > 1 && events[taken - 1].time > deadline) taken--;
  }
  while (taken < count && events[taken].position.derived > 0) taken++;
  return taken;
}

void flow_batch(struct flow *flow, const struct event *events, uint32_t count) {
  uint32_t most = flow->ruleset->event_rounds && !flow->single ? 1 : STEP_BATCH_MAX;
  for (uint32_t at = 0; at < count;) {
    uint32_t taken;
    if (flow->single) {
      taken = count - at < most ? count - at : most;
      stepper_batch(flow->passes[0].stepper, &events[at], taken);
    } else {
      taken = take_round(flow, &events[at], count - at, most);
      run_round(flow, &events[at], taken, events[at + taken - 1].time);
    }
    at += taken;
  }
}

void flow_time(struct flow *flow, int64_t frontier, int64_t highest) {
  if (flow->single) {
    stepper_time(flow->passes[0].stepper, frontier);
    return;
  }
  if (highest > flow->highest) flow->highest = highest;
  if (frontier == INT64_MAX) flow->empty_until = flow->highest;
  /* Deadline by deadline, so that what one causes is told before the next one makes more. */
  int64_t last = INT64_MIN, step = 0;
  for (;;) {
    int64_t deadline = earliest(flow), crowd = crowd_deadline(flow);
    if (deadline >= frontier) break;
    step = deadline > last ? 0 : 2 * step + 1; /* a deadline that was named too early: go on, and faster */
    last = deadline > last ? deadline : last;
    int64_t until = last < frontier - 1 - step ? last + step : frontier - 1;
    if (crowd > last && crowd < until) until = crowd;
    if (until >= frontier - 1) break;
    last = until;
    run_round(flow, NULL, 0, last + 1);
  }
  run_round(flow, NULL, 0, frontier);
}

bool flow_is_single(const struct flow *flow) { return flow->single; }
const struct stepper *flow_stepper(const struct flow *flow, uint16_t level) {
  return level < flow->ruleset->level_count ? flow->passes[level].stepper : NULL;
}
