/* engine.c - one event's way: judge, order, duplicates, derived events, matching, alerts, outbox. Owns the partitions
 * and all that the stages keep. Called by weir.c and test_run.c. */
#include "engine/engine_private.h"

#include "base/check.h"

enum {
  ENGINE_ARENA_BYTES = 64 << 10,
  ENGINE_ENTRIES_MIN = 16,      /* whatever the memory is */
  ENGINE_DERIVED_MAX = 1024,    /* derived events that wait for the matcher */
  ENGINE_DRAIN_BYTES = 1 << 20, /* at most: a small memory has less for alerts */
};

/* ---- alerts ---- */

static void drain(struct engine *engine) {
  if (engine->options.drain == NULL || engine->failed != 0) return;
  uint32_t lap = laps_enter(engine->laps, PROFILE_OUTSIDE);
  engine->failed = engine->options.drain(engine->options.drain_context);
  outbox_recycle(&engine->alerts);
  outbox_recycle(&engine->rejects);
  laps_enter(engine->laps, lap);
}

/* The open group's alerts are all there, and leave through drain() if they are too many for the memory. */
static void close_group(struct engine *engine) {
  while (outbox_close(&engine->alerts)) {
    drain(engine);
    if (engine->failed != 0) outbox_forget(&engine->alerts);
  }
  if (engine->alerts.bytes.length > engine->drain_bytes) drain(engine);
}

/* Where each event and deadline is a round of its own, a group ends where the next one begins. */
static void open_group(struct engine *engine, const struct moment *moment) {
  if (!flow_is_single(engine->flow)) {
    outbox_open(&engine->alerts);
    return;
  }
  const struct moment *open = &engine->open;
  bool timer = moment->phase > 0;
  if (engine->alerts.grouped && open->time == moment->time && (open->phase > 0) == timer &&
      (timer || position_compare(&open->position, &moment->position) == 0))
    return;
  close_group(engine);
  outbox_open(&engine->alerts);
  engine->open = *moment;
}

static void round_end(void *context) {
  struct engine *engine = context;
  close_group(engine);
}

/* What a live alert does: lists, then the event that it is, then groups. */
static void act(struct engine *engine, const struct told *told, const struct alert *alert,
                const struct moment *moment) {
  const struct rule *rule = told->rule;
  int64_t time = told->match->time;
  for (uint16_t i = 0; i < rule->list_change_count; i++) {
    const struct list_change *change = &rule->list_changes[i];
    const struct value *from = change->event ? told->event->values : change->key ? told->key : alert->emit;
    flow_add_change(engine->flow, rule, moment, time, change, from[change->index]);
  }
  if (rule->alert_event == NULL && rule->member_count == 0) return;
  struct hash128 id = alert_id(&engine->alerter, alert);
  if (rule->alert_event != NULL) flow_add_alert(engine->flow, rule, moment, time, alert->emit, told->key, id);
  for (uint16_t m = 0; m < rule->member_count; m++) {
    const struct group_plan *group = &engine->ruleset->groups[rule->members[m].group];
    const struct group_member *member = &group->members[rule->members[m].member];
    struct value key[LIMIT_KEY_PARTS];
    bool whole = true;
    for (uint16_t p = 0; p < group->key_count; p++) {
      const struct group_part *part = &member->parts[p];
      key[p] = part->key ? told->key[part->index] : alert->emit[part->index];
      whole = whole && !value_is_null(key[p]);
    }
    if (whole)
      flow_add_score(engine->flow, rule, moment, time, rule->members[m].group, rule->members[m].member, key,
                     rule->has_score ? rule->score : 0, id);
  }
}

/* Tests run a rule whatever its mode says. */
static enum told_mode mode_of(const struct engine *engine, const struct rule *rule, int64_t time, struct slice key) {
  if (engine->options.enabled == NULL) return rule_mode(rule, time, key);
  struct rule live = *rule;
  if (live.mode == MODE_OFF) live.mode = MODE_LIVE;
  return rule_mode(&live, time, key);
}

/* A match. Order: emit; active, schedule, canary, mode; lists, event, groups; suppress; sinks (runtime page, 3). */
static void tell(void *context, const struct told *told, const struct moment *at) {
  struct engine *engine = context;
  const struct rule *rule = told->rule;
  struct engine_rule_totals *totals = &engine->rules[rule->id];
  struct moment moment = *at;
  open_group(engine, &moment);
  struct alert alert;
  alert_prepare(&engine->alerter, told, &totals->expr, &alert);
  if (told->event == NULL) moment.key = alert.key_text;
  if (told->match->cut) totals->cut++;
  alert.mode = mode_of(engine, rule, told->match->time, alert.key_text);
  if (alert.mode == TOLD_OFF) {
    totals->inactive++;
    return;
  }
  if (alert.mode == TOLD_LIVE) act(engine, told, &alert, &moment);
  if (engine->options.silent != NULL && engine->options.silent[rule->id]) return;
  uint64_t before = 0;
  if (rule->suppress_us >= 0 &&
      !suppress_tells(engine->suppress, rule, alert_key(&alert), told->match->time, alert.emit, &alert.env, &before)) {
    totals->suppressed++;
    engine->suppressed_count++;
    if (engine->options.observe != NULL) engine->options.observe(engine->options.observe_context, &alert, false);
    return;
  }
  totals->told++;
  if (alert.mode == TOLD_SHADOW) totals->shadow++;
  if (engine->options.observe != NULL) engine->options.observe(engine->options.observe_context, &alert, true);
  if (rule->to_nothing) {
    totals->to_nothing++;
    engine->to_nothing_count++;
    return;
  }
  engine->alert_count++;
  engine->shadow_count += alert.mode == TOLD_SHADOW;
  size_t start = engine->alerts.bytes.length;
  alert_write(&engine->alerter, &alert, before, &engine->alerts.bytes);
  struct outbox_row row = {.kind = OUTBOX_ALERT,
                           .rule = rule,
                           .name = rule->name,
                           .shadow = alert.mode == TOLD_SHADOW,
                           .time = told->match->time};
  outbox_add(&engine->alerts, row, start, &moment);
}

/* A group's score has entered a band. */
static void tell_band(void *context, const struct group_entry *entry, const struct moment *moment) {
  struct engine *engine = context;
  open_group(engine, moment);
  if (engine->options.observe_band != NULL) engine->options.observe_band(engine->options.observe_context, entry);
  size_t start = engine->alerts.bytes.length;
  struct group_alert alert;
  group_alert_prepare(&engine->group_alerter, entry, &alert);
  group_alert_write(&engine->group_alerter, &alert, &engine->alerts.bytes);
  struct outbox_row row = {.kind = OUTBOX_ALERT, .group = entry->plan, .name = entry->plan->name, .time = entry->time};
  outbox_add(&engine->alerts, row, start, moment);
  engine->alert_count++;
}

static void tell_score(void *context, const struct group_entry *entry) {
  struct engine *engine = context;
  engine->options.observe_score(engine->options.observe_context, entry);
}

/* ---- making ---- */

static void make_dedups(struct engine *engine) {
  const struct ruleset *ruleset = engine->ruleset;
  engine->dedups = mem_alloc(engine->mem, (ruleset->schema_count + 1u) * sizeof(struct dedup *));
  for (uint16_t t = 0; t < ruleset->schema_count; t++) {
    const struct schema *schema = &ruleset->schemas[t];
    if (schema->derived || schema->unique_field < 0) continue;
    engine->dedups[t] = dedup_new(engine->mem, &(struct dedup_options){.unique_us = schema->unique_us,
                                                                       .everywhere = schema->unique_everywhere,
                                                                       .approx = schema->unique_approx,
                                                                       .ids_max = engine->budget.unique_ids});
  }
}

static void make_counts(struct engine *engine) {
  const struct ruleset *ruleset = engine->ruleset;
  engine->rules = mem_alloc(engine->mem, (ruleset->rule_count + 1u) * sizeof *engine->rules);
  engine->judging.bad_fields = mem_alloc(engine->mem, (ruleset->schema_count + 1u) * sizeof(uint64_t *));
  engine->absent_fields = mem_alloc(engine->mem, (ruleset->schema_count + 1u) * sizeof(uint64_t *));
  for (uint16_t t = 0; t < ruleset->schema_count; t++) {
    size_t size = (ruleset->schemas[t].field_count + 1u) * sizeof(uint64_t);
    engine->judging.bad_fields[t] = mem_alloc(engine->mem, size);
    engine->absent_fields[t] = mem_alloc(engine->mem, size);
  }
}

/* How many parts the state has: a rule with a pattern, a population, a window, … each takes an equal one. */
static uint64_t matching_parts(const struct ruleset *set) {
  uint64_t parts = set->population_count;
  for (uint16_t r = 0; r < set->rule_count; r++) parts += set->rules[r].pattern != NULL;
  return parts;
}

static uint64_t operator_parts(const struct ruleset *set) {
  uint64_t parts = (uint64_t)set->window_count + set->join_count + set->group_count;
  for (uint16_t l = 0; l < set->list_count; l++) parts += set->lists[l].live;
  for (uint16_t t = 0; t < set->table_count; t++) parts += set->tables[t].live;
  return parts;
}

/* Of each window, join, group, list and table; 0 = no limit is set. */
static uint64_t entries_of(uint64_t share) {
  _Static_assert(MEMORY_EACH_OPEN_WINDOWS == MEMORY_EACH_JOIN_EVENTS &&
                     MEMORY_EACH_OPEN_WINDOWS == MEMORY_EACH_GROUP_ENTRIES &&
                     MEMORY_EACH_OPEN_WINDOWS == MEMORY_EACH_LIST_CHANGES,
                 "one number is the limit of all of them");
  uint64_t entries = share / MEMORY_EACH_OPEN_WINDOWS;
  return share == 0 ? 0 : entries < ENGINE_ENTRIES_MIN ? ENGINE_ENTRIES_MIN : entries;
}

static void disproved(void *context, const struct position *position) {
  struct engine *engine = context;
  if (engine->disproved_count == engine->disproved_capacity) {
    engine->disproved_capacity = engine->disproved_capacity == 0 ? 8 : 2 * engine->disproved_capacity;
    engine->disproved =
        mem_realloc(engine->mem, engine->disproved, engine->disproved_capacity * sizeof *engine->disproved);
  }
  engine->disproved[engine->disproved_count++] = *position;
}

struct engine *engine_new(struct mem *mem, const struct engine_options *options) {
  const struct ruleset *ruleset = options->ruleset;
  struct engine *engine = mem_alloc(mem, sizeof *engine);
  engine->mem = mem;
  engine->ruleset = ruleset;
  engine->options = *options;
  if (engine->options.env == NULL) engine->options.env = env_real();
  if (engine->options.type_field.length == 0) engine->options.type_field = SLICE("type");
  engine->batch_max =
      options->batch_size == 0 || options->batch_size > STEP_BATCH_MAX ? STEP_BATCH_MAX : options->batch_size;
  engine->batch_capacity = STEP_BATCH_MAX;
  engine->batch = mem_alloc(mem, engine->batch_capacity * sizeof *engine->batch);
  engine->sources = mem_alloc(mem, ENGINE_SOURCES_MAX * sizeof *engine->sources);
  engine->frontier = engine->told_frontier = INT64_MIN;
  engine->highest_taken = WATERMARK_NONE;
  engine->budget = budget_of(ruleset, mem_limit(mem));
  uint64_t alert_bytes = engine->budget.alert_bytes;
  engine->drain_bytes = alert_bytes > 0 && alert_bytes < ENGINE_DRAIN_BYTES ? alert_bytes : ENGINE_DRAIN_BYTES;
  arena_init(&engine->batch_arena, mem, ENGINE_ARENA_BYTES);
  arena_init(&engine->derived_arena, mem, ENGINE_ARENA_BYTES);
  outbox_init(&engine->alerts, mem);
  outbox_init(&engine->rejects, mem);
  if (alert_bytes > 0 && options->drain != NULL) outbox_limit(&engine->alerts, engine->options.env, alert_bytes);
  engine->judging = (struct input_context){
      .ruleset = ruleset, .sources = engine->sources, .rejects = &engine->rejects, .arena = &engine->batch_arena};
  engine->judging.disproved = disproved;
  engine->judging.disproved_context = engine;
  buf_init(&engine->judging.row_text, mem);
  engine->all_move = true;
  for (uint16_t t = 0; t < ruleset->schema_count; t++)
    if (ruleset->schemas[t].watermark_when != NULL) engine->all_move = false;
  for (uint16_t t = 0; t < ruleset->schema_count; t++)
    if (!ruleset->schemas[t].derived && ruleset->schemas[t].jump_us >= 0) engine->any_jump = true;
  make_dedups(engine);
  make_counts(engine);
  if (options->profile) engine->profile = profile_new(mem, ruleset, options->env == NULL ? env_real() : options->env);
  engine->laps = profile_laps(engine->profile);
  deriver_init(&engine->deriver, mem, ruleset);
  alerter_init(&engine->alerter, mem, ruleset, engine->sources, options->secret_key);
  group_alerter_init(&engine->group_alerter, mem, ruleset, options->secret_key);
  engine->suppress = suppress_new(mem, ruleset, engine->budget.suppress_keys);
  uint64_t matching = matching_parts(ruleset), operators = operator_parts(ruleset);
  size_t share = engine->budget.state_bytes / (matching + operators > 0 ? matching + operators : 1);
  struct step_options step = {.mode = options->mode,
                              .runs_max = options->runs_max,
                              .match_events_max = options->match_events_max,
                              .scratch_bytes_max = engine->budget.scratch_bytes,
                              .state_bytes_max = share * (matching > 0 ? matching : 1),
                              .enabled = options->enabled,
                              .profile = engine->profile};
  engine->flow = flow_new(mem, &(struct flow_options){.ruleset = ruleset,
                                                      .deriver = &engine->deriver,
                                                      .step = step,
                                                      .entries_max = entries_of(share),
                                                      .match = tell,
                                                      .band = tell_band,
                                                      .score = options->observe_score == NULL ? NULL : tell_score,
                                                      .round_end = round_end,
                                                      .context = engine});
  return engine;
}

/* ---- partitions ---- */

static int32_t type_by_name(const struct ruleset *ruleset, struct slice name) {
  for (uint16_t t = 0; t < ruleset->schema_count; t++)
    if (slice_equal(ruleset->schemas[t].name, name)) return t;
  return -1;
}

/* The only source type of the rule set, or -1. */
static int32_t only_type(const struct ruleset *ruleset) {
  int32_t only = -1;
  for (uint16_t t = 0; t < ruleset->schema_count; t++) {
    if (ruleset->schemas[t].derived) continue;
    if (only >= 0) return -1;
    only = t;
  }
  return only;
}

static int64_t disorder_of(const struct ruleset *ruleset, int32_t type) {
  int64_t disorder = 0;
  for (uint16_t t = 0; t < ruleset->schema_count; t++)
    if (!ruleset->schemas[t].derived && (type < 0 || type == t) && ruleset->schemas[t].disorder_us > disorder)
      disorder = ruleset->schemas[t].disorder_us;
  return disorder;
}

static bool source_known(const struct engine *engine, struct slice source, uint16_t *id) {
  for (*id = 0; *id < engine->source_count; ++*id)
    if (slice_equal(engine->sources[*id], source)) return true;
  return false;
}

static struct slice kept_text(struct engine *engine, struct slice text) {
  char *copy = mem_alloc_raw(engine->mem, text.length + 1);
  if (text.length > 0) memcpy(copy, text.data, text.length);
  return (struct slice){copy, text.length};
}

int engine_open(struct engine *engine, struct slice source, struct slice type, enum engine_format format,
                struct err *err) {
  int32_t fixed = -1;
  if (type.length > 0) {
    fixed = type_by_name(engine->ruleset, type);
    if (fixed < 0) return err_set(err, ERR_ABORT, "no event type `%.*s` is declared in the rules", SLICE_ARG(type));
    if (engine->ruleset->schemas[fixed].derived)
      return err_set(err, ERR_ABORT, "`%.*s` is a derived event: it does not come from an input", SLICE_ARG(type));
  }
  if (engine->finished) return err_set(err, ERR_ABORT, "the input has ended");
  if (engine->input_count == ENGINE_INPUTS_MAX)
    return err_set(err, ERR_ABORT, "more than %d inputs", (int)ENGINE_INPUTS_MAX);
  uint16_t id;
  if (!source_known(engine, source, &id)) {
    if (engine->started)
      return err_set(err, ERR_ABORT, "source `%.*s` is new: sources are named before the first record",
                     SLICE_ARG(source));
    if (engine->source_count == ENGINE_SOURCES_MAX)
      return err_set(err, ERR_ABORT, "more than %d sources", (int)ENGINE_SOURCES_MAX);
    engine->sources[engine->source_count++] = kept_text(engine, source);
  }
  if (engine->input_count == engine->input_capacity) {
    engine->input_capacity = engine->input_capacity == 0 ? 8 : 2 * engine->input_capacity;
    engine->inputs = mem_realloc(engine->mem, engine->inputs, engine->input_capacity * sizeof *engine->inputs);
  }
  struct input *input = &engine->inputs[engine->input_count];
  *input = (struct input){.source = engine->sources[id],
                          .source_id = id,
                          .partition = engine->input_count,
                          .format = format,
                          .stamp = WATERMARK_NONE};
  input->plan = (struct decode_plan){.schemas = engine->ruleset->schemas,
                                     .schema_count = engine->ruleset->schema_count,
                                     .fixed_type = fixed,
                                     .only_type = only_type(engine->ruleset),
                                     .type_field = engine->options.type_field};
  watermark_init(&input->clock, disorder_of(engine->ruleset, fixed), engine->options.arrival);
  if (engine->frontier > INT64_MIN) watermark_advance(&input->clock, engine->frontier); /* what is older is late */
  return (int)engine->input_count++;
}

static struct input *input_at(struct engine *engine, uint32_t input) {
  check(input < engine->input_count);
  return &engine->inputs[input];
}

void engine_stamp(struct engine *engine, uint32_t input, int64_t stamp) { input_at(engine, input)->stamp = stamp; }

/* Sources get their numbers in byte order of their names, so that comparing numbers compares names. */
static void start(struct engine *engine) {
  laps_enter(engine->laps, PROFILE_REST);
  if (engine->started) return;
  engine->started = true;
  for (uint16_t i = 1; i < engine->source_count; i++) {
    struct slice source = engine->sources[i];
    uint16_t at = i;
    for (; at > 0 && slice_compare(source, engine->sources[at - 1]) < 0; at--)
      engine->sources[at] = engine->sources[at - 1];
    engine->sources[at] = source;
  }
  for (uint32_t i = 0; i < engine->input_count; i++)
    check(source_known(engine, engine->inputs[i].source, &engine->inputs[i].source_id));
}

static void make_decoder(struct engine *engine, struct input *input) {
  /* Here and not in engine_open(): the array of inputs may have moved, and the decoder borrows its plan. */
  struct decode_plan *plan = mem_alloc(engine->mem, sizeof *plan);
  *plan = input->plan;
  input->decoder =
      input->format == ENGINE_CSV ? decoder_csv_new(engine->mem, plan) : decoder_json_new(engine->mem, plan);
}

int engine_header(struct engine *engine, uint32_t number, struct slice line, struct err *err) {
  struct input *input = input_at(engine, number);
  if (input->format != ENGINE_CSV) return err_set(err, ERR_ABORT, "a header line in an input that is not CSV");
  if (input->decoder == NULL) make_decoder(engine, input);
  int status = decoder_csv_header(input->decoder, line, err);
  uint16_t cursor = 0, type, field;
  while (status == 0 && decoder_csv_absent(input->decoder, &cursor, &type, &field))
    engine->absent_fields[type][field]++;
  return status;
}

/* ---- release ---- */

static __attribute__((noinline)) void flush(struct engine *engine) {
  if (engine->batch_count == 0) return;
  uint32_t count = engine->batch_count;
  engine->batch_count = 0;
  flow_batch(engine->flow, engine->batch, count);
}

static void flush_derived(struct engine *engine) {
  flush(engine);
  arena_reset(&engine->derived_arena);
  engine->derived_count = 0;
}

static inline void batch_put(struct engine *engine, const struct event *event) {
  struct event *place = &engine->batch[engine->batch_count++];
  *place = *event;
  place->sequence = ++engine->sequence;
}

/* batch_max is never above the capacity; what is derived goes with its cause. */
static inline void batch_add(struct engine *engine, const struct event *event) {
  if (__builtin_expect(engine->batch_count >= engine->batch_max, 0)) flush(engine);
  batch_put(engine, event);
}

static void batch_add_derived(struct engine *engine, const struct event *event) {
  if (engine->batch_count == engine->batch_capacity) {
    engine->batch_capacity *= 2;
    engine->batch = mem_realloc(engine->mem, engine->batch, engine->batch_capacity * sizeof *engine->batch);
  }
  batch_put(engine, event);
}

static bool was_disproved(struct engine *engine, const struct position *position) {
  for (uint32_t i = 0; i < engine->disproved_count; i++) {
    if (position_compare(&engine->disproved[i], position) != 0) continue;
    engine->disproved[i] = engine->disproved[--engine->disproved_count];
    return true;
  }
  return false;
}

static bool is_duplicate(struct engine *engine, struct dedup *dedup, const struct event *event) {
  const struct schema *schema = &engine->ruleset->schemas[event->type];
  struct value id = event->values[schema->fields[schema->unique_field].slot];
  if (!dedup_seen(dedup, &event->position, id, event->time)) return false;
  engine->duplicate++;
  return true;
}

static __attribute__((noinline)) void derive(struct engine *engine, const struct event *event) {
  if (engine->derived_count > ENGINE_DERIVED_MAX) flush_derived(engine);
  const struct event *derived;
  uint32_t lap = laps_enter(engine->laps, PROFILE_DERIVE);
  uint32_t count = derive_events(&engine->deriver, event, &engine->derived_arena, &derived);
  laps_enter(engine->laps, lap);
  for (uint32_t i = 0; i < count; i++) batch_add_derived(engine, &derived[i]);
  engine->derived_count += count;
}

/* An event in its turn, in the order of moments. Its values stay valid until the next flush. */
static inline __attribute__((always_inline)) void dispatch(struct engine *engine, const struct event *event) {
  if (__builtin_expect(engine->disproved_count > 0, 0) && was_disproved(engine, &event->position)) return;
  struct dedup *dedup = engine->dedups[event->type];
  if (dedup != NULL && is_duplicate(engine, dedup, event)) return;
  const struct schema *schema = &engine->ruleset->schemas[event->type];
  if (schema->has_late && !value_is_null(event->values[schema->late_slot]))
    engine->late_taken++;
  else
    engine->processed++;
  batch_add(engine, event);
  if (engine->ruleset->uses[event->type].derived_count > 0) derive(engine, event);
}

/* The lowest watermark of all partitions that may still bring something; INT64_MAX if there is none. */
static int64_t lowest_watermark(const struct engine *engine) {
  int64_t lowest = INT64_MAX;
  for (uint32_t i = 0; i < engine->input_count; i++) {
    if (engine->inputs[i].ended) continue;
    int64_t watermark = watermark_of(&engine->inputs[i].clock);
    if (watermark < lowest) lowest = watermark;
  }
  return lowest;
}

/* With one partition, no disorder, and all events moving the watermark, they come in order. */
static bool in_order(const struct engine *engine) {
  return engine->input_count == 1 && engine->inputs[0].clock.disorder_us == 0 &&
         (engine->all_move || engine->options.arrival);
}

static void release(struct engine *engine, int64_t frontier) {
  if (frontier > engine->frontier) engine->frontier = frontier;
  struct event events[STEP_BATCH_MAX];
  uint32_t count = engine->order == NULL ? 0 : engine->batch_max;
  while (count == engine->batch_max) {
    flush_derived(engine); /* what stands in the batch borrows memory that order_take() gives back */
    uint32_t lap = laps_enter(engine->laps, PROFILE_ORDER);
    count = (in_order(engine) ? order_take_through : order_take)(engine->order, engine->frontier, events,
                                                                 engine->batch_max);
    laps_enter(engine->laps, lap);
    if (order_status(engine->order, NULL) != 0) return; /* later ones are not told: the push says so */
    for (uint32_t i = 0; i < count; i++) dispatch(engine, &events[i]);
  }
  flush_derived(engine);
  if (engine->frontier > engine->told_frontier) {
    engine->told_frontier = engine->frontier;
    flow_time(engine->flow, engine->frontier, engine->highest_taken);
  }
  close_group(engine);
}

/* So nothing has to wait, but for the beginning of time where `jump` holds it back. */
static bool passes_through(const struct engine *engine) {
  bool stands = !engine->any_jump || engine->options.arrival || engine->inputs[0].clock.highest != WATERMARK_NONE;
  return stands && in_order(engine) && (engine->order == NULL || order_count(engine->order) == 0);
}

static void check_conservation(const struct engine *engine) {
  struct engine_totals t = engine_totals(engine);
  check(t.read == t.processed + t.late + t.dead + t.duplicate + t.ignored + t.held);
}

#define NO_INPUT UINT32_MAX /* nothing is being read */

static bool order_failed(const struct engine *engine, uint32_t number, struct err *err) {
  struct err cause;
  if (engine->order == NULL || order_status(engine->order, &cause) == 0) return false;
  if (number == NO_INPUT) {
    err_set(err, ERR_FATAL, "order_memory: %s", cause.text);
    return true;
  }
  const struct input *input = &engine->inputs[number];
  err_set(err, ERR_FATAL, "order_memory is full while input %u (" SLICE_FMT ") is read, and %s", number,
          SLICE_ARG(input->source), cause.text);
  return true;
}

static int settle_push(struct engine *engine, uint32_t number, struct err *err) {
  int64_t lowest = lowest_watermark(engine);
  release(engine, lowest == INT64_MAX ? engine->frontier : lowest);
  check_conservation(engine);
  laps_enter(engine->laps, PROFILE_OUTSIDE);
  if (engine->failed != 0) return err_set(err, engine->failed, "a sink has failed");
  if (outbox_status(&engine->alerts, err) != 0) return ERR_FATAL;
  return order_failed(engine, number, err) ? ERR_FATAL : 0;
}

int engine_may_push(struct engine *engine, uint32_t number, struct err *err) {
  struct input *input = input_at(engine, number);
  if (engine->failed != 0) return err_set(err, ERR_FATAL, "a sink has failed");
  if (engine->finished || input->ended) return err_set(err, ERR_ABORT, "input %u has ended", number);
  if (engine->order == NULL) return 0;
  if (order_failed(engine, number, err)) return ERR_FATAL;
  if (order_half_full(engine->order) && engine_next(engine) != (int32_t)number)
    return err_set(err, ERR_RETRY, "order_memory: input %u is ahead, read input %d first", number,
                   (int)engine_next(engine));
  return 0;
}

static void put_in_order(struct engine *engine, const struct event *event) {
  uint32_t lap = laps_enter(engine->laps, PROFILE_ORDER);
  if (engine->order == NULL) {
    int64_t disorder = 0;
    for (uint32_t i = 0; i < engine->input_count; i++)
      if (engine->inputs[i].clock.disorder_us > disorder) disorder = engine->inputs[i].clock.disorder_us;
    engine->order = order_new(engine->mem, disorder);
    order_limit(engine->order, engine->options.env,
                engine->budget.order_bytes < ORDER_BYTES_MIN ? ORDER_BYTES_MIN : engine->budget.order_bytes);
  }
  order_put(engine->order, event, engine->ruleset->schemas[event->type].slot_count);
  laps_enter(engine->laps, lap);
}

/* `through`: passes_through(), which does not change while a batch is taken. */
static inline void taken(struct engine *engine, const struct input *input, const struct event *event, bool through) {
  const struct watermark_clock *clock = &input->clock;
  int64_t time = clock->begin == BEGIN_OVER ? event->time : clock->highest; /* not what is doubtful */
  if (time > engine->highest_taken) engine->highest_taken = time;
  if (through)
    dispatch(engine, event);
  else
    put_in_order(engine, event);
}

/* Records that are worked on together: few, and short ones. */
static uint32_t batch_end(const struct engine *engine, const struct slice *records, uint32_t from, uint32_t count) {
  size_t bytes = 0;
  uint32_t end = from;
  do bytes += records[end++].length;
  while (end < count && end - from < STEP_BATCH_MAX && bytes + records[end].length <= engine->drain_bytes);
  return end;
}

int engine_push(struct engine *engine, uint32_t number, const struct slice *records, uint32_t count, struct err *err) {
  start(engine);
  outbox_recycle(&engine->alerts);
  outbox_recycle(&engine->rejects);
  for (uint32_t from = 0, end; from < count; from = end) {
    int status = engine_may_push(engine, number, err);
    if (status != 0 && (from == 0 || status != ERR_RETRY)) return status; /* a call takes all or nothing */
    struct input *input = &engine->inputs[number];
    if (input->decoder == NULL) make_decoder(engine, input);
    arena_reset(&engine->batch_arena);
    end = batch_end(engine, records, from, count);
    bool through = passes_through(engine);
    for (uint32_t i = from; i < end; i++) {
      struct event event;
      laps_enter(engine->laps, PROFILE_DECODE);
      bool good = input_take(input, &engine->judging, records[i], &event);
      laps_enter(engine->laps, PROFILE_REST);
      if (good) taken(engine, input, &event, through);
    }
    status = settle_push(engine, number, err);
    if (status != 0) return status;
    if (engine->rejects.bytes.length > engine->drain_bytes) drain(engine);
  }
  return 0;
}

int engine_push_rows(struct engine *engine, uint32_t number, const struct engine_row *rows, uint32_t count,
                     struct err *err) {
  start(engine);
  outbox_recycle(&engine->alerts);
  outbox_recycle(&engine->rejects);
  for (uint32_t i = 0; i < count; i++) {
    int status = engine_may_push(engine, number, err);
    if (status != 0) return status;
    struct input *input = &engine->inputs[number];
    check(rows[i].type < engine->ruleset->schema_count && !engine->ruleset->schemas[rows[i].type].derived);
    arena_reset(&engine->batch_arena);
    struct event event;
    laps_enter(engine->laps, PROFILE_DECODE);
    bool good = input_take_row(input, &engine->judging, &rows[i], &event);
    laps_enter(engine->laps, PROFILE_REST);
    if (good) taken(engine, input, &event, passes_through(engine));
    status = settle_push(engine, number, err);
    if (status != 0) return status;
  }
  return 0;
}

int32_t engine_next(const struct engine *engine) {
  int32_t next = -1;
  int64_t lowest = INT64_MAX;
  for (uint32_t i = 0; i < engine->input_count; i++) {
    if (engine->inputs[i].ended) continue;
    int64_t watermark = watermark_of(&engine->inputs[i].clock);
    if (next >= 0 && watermark >= lowest) continue;
    next = (int32_t)i;
    lowest = watermark;
  }
  return next;
}

int engine_advance(struct engine *engine, uint32_t number, int64_t watermark, struct err *err) {
  start(engine);
  int status = engine_may_push(engine, number, err);
  if (status == ERR_FATAL) return status;
  err_clear(err); /* time may go on where no record may be pushed */
  watermark_advance(&input_at(engine, number)->clock, watermark);
  input_begin(input_at(engine, number), engine->mem);
  return settle_push(engine, number, err);
}

/* What is doubtful at the beginning of its time is taken as it is. */
static void time_stands(struct engine *engine, struct input *input) {
  input_begin(input, engine->mem);
  if (input->clock.highest > engine->highest_taken) engine->highest_taken = input->clock.highest;
}

static void end_input(struct engine *engine, struct input *input) {
  if (input->clock.highest == WATERMARK_NONE) time_stands(engine, input);
  input->ended = true;
}

int engine_end(struct engine *engine, uint32_t number, struct err *err) {
  start(engine);
  end_input(engine, input_at(engine, number));
  return settle_push(engine, number, err);
}

/* What is open before time moves to its end, when nothing is open any more. */
static void look_at_the_end(struct engine *engine, bool leave_open) {
  if (!leave_open && engine->highest_taken != WATERMARK_NONE) release(engine, engine->highest_taken + 1);
  uint32_t lap = laps_enter(engine->laps, PROFILE_OUTSIDE);
  flow_profile(engine->flow);
  laps_enter(engine->laps, lap);
}

int engine_finish(struct engine *engine, bool leave_open, struct err *err) {
  start(engine);
  for (uint32_t i = 0; i < engine->input_count; i++) end_input(engine, &engine->inputs[i]);
  if (engine->profile != NULL) look_at_the_end(engine, leave_open);
  engine->finished = true;
  if (!leave_open) release(engine, INT64_MAX);
  return settle_push(engine, NO_INPUT, err);
}

int engine_settle(struct engine *engine, struct err *err) {
  start(engine);
  for (uint32_t i = 0; i < engine->input_count; i++)
    if (engine->inputs[i].clock.highest == WATERMARK_NONE) time_stands(engine, &engine->inputs[i]);
  if (engine->highest_taken != WATERMARK_NONE) {
    int64_t frontier = engine->highest_taken + 1;
    for (uint32_t i = 0; i < engine->input_count; i++) watermark_advance(&engine->inputs[i].clock, frontier);
    release(engine, frontier);
  }
  return settle_push(engine, NO_INPUT, err);
}
