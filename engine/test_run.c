/* test_run.c - tests of rule files: events sent, alerts collected, expectations compared. Called by the program's
 * `test` verb; every run of the engine here has its own memory context. */
#include "engine/test_run.h"

#include "base/check.h"
#include "base/expr_number.h"
#include "base/ip.h"
#include "base/time_text.h"
#include "engine/engine.h"
#include "engine/near_miss.h"
#include "engine/watermark.h"
#include "rules/check.h"
#include "rules/needs.h"
#include "rules/print.h"

enum { TEST_ALERTS_MAX = 100000, TEST_SHOWN_MAX = 20 };

/* An alert that came, kept in the test's arena. Strings are clear, those of `secret` fields too: a test knows them. */
struct came {
  struct slice name; /* of the rule or group */
  int64_t time;
  bool timeout;
  bool suppressed;      /* not told; kept to say so */
  bool to_nothing;      /* of such a rule: it can be expected, and nobody is told */
  uint16_t value_count; /* the key's parts, then what is emitted: of equal names the last one holds */
  struct came_value {
    struct slice name;
    struct value value;
  } * values;
  const struct test_line *taken_by; /* the `expect` that it met; NULL = none */
};

struct collected {
  struct arena *arena;
  const struct ruleset *ruleset;
  const bool *groups; /* those that the test names */
  struct came *items;
  uint32_t count, capacity, told;
  bool overflow;
};

/* What looks at a run; both may be NULL. */
struct watcher {
  void (*alert)(void *context, const struct alert *alert, bool told);
  void (*band)(void *context, const struct group_entry *entry);
  void (*score)(void *context, const struct group_entry *entry);
  void *context;
};

/* One run of the test's lines. */
struct test {
  const struct ruleset *ruleset;
  const struct tree *tree;
  const struct test_tree *test;
  const struct env *env;
  struct arena *arena;
  bool *enabled, *silent; /* silent: runs because a named rule or group needs it, and is not told */
  bool *groups;           /* that are named */
  bool *matched;          /* one for each rule: it had a match in the run to the end */
  uint64_t events;
  struct engine_totals totals; /* of the run to the end */
  struct buf *slips;           /* what is wrong with the lines that were sent; NULL = nobody wants to know */
};

/* ---- sending ---- */

static int64_t time_of(struct slice text) {
  int64_t us = 0;
  check(test_time_parse(text, &us) == NULL); /* the checker has read it */
  return us;
}

/* A literal as its field takes it. */
static struct value literal_value(const struct tree_expr *literal, const struct schema_field *field,
                                  struct arena *arena, const char **bad) {
  struct value value = literal->value, out;
  if (field->type.kind == VALUE_TIME && value.kind == VALUE_STRING) return value_time(time_of(value_slice(value)));
  if (value.kind == field->type.kind && value.kind != VALUE_LIST && value.kind != VALUE_DECIMAL) return value;
  *bad = engine_conform(value, field, arena, &out);
  return *bad == NULL ? out : value_null();
}

/* Puts the line's values where its type has them. */
static int64_t read_line(const struct schema *schema, const struct test_line *line, struct value *fields,
                         const char **bad, struct arena *arena) {
  int64_t stamp = WATERMARK_NONE;
  for (uint16_t e = 0; e < line->entry_count; e++) {
    const struct tree_entry *entry = &line->entries[e];
    bool found = false;
    for (uint16_t f = 0; f < schema->field_count && !found; f++) {
      if (!slice_equal(schema->fields[f].name, entry->name.text)) continue;
      fields[f] = literal_value(entry->expr, &schema->fields[f], arena, &bad[f]);
      found = true;
    }
    if (found || schema->time_field >= 0) continue;
    stamp = entry->expr->value.kind == VALUE_STRING ? time_of(value_slice(entry->expr->value)) : entry->expr->value.i;
  }
  return stamp;
}

/* What became of a line's events; places are numbers from 0. */
struct sent {
  int64_t refused, late, bad;
  struct slice detail;    /* of the first that was refused, or of the first bad field */
  int64_t late_watermark; /* before the first late one */
};

/* "detail":"…" of a dead letter. */
static struct slice detail_of(struct slice row, struct arena *arena) {
  static const char name[] = "\"detail\":\"";
  const char *at = memmem(row.data, row.length, name, strlen(name)), *end = row.data + row.length;
  if (at == NULL) return (struct slice){0};
  at += strlen(name);
  char *text = arena_alloc(arena, (size_t)(end - at) + 1);
  size_t length = 0;
  for (; at < end && *at != '"'; at++) {
    if (*at == '\\' && at + 1 < end) at++;
    text[length++] = *at;
  }
  return (struct slice){text, length};
}

/* Looks at what the engine says of the event that was just pushed. */
static void note_sent(struct test *test, struct engine *engine, const struct schema *schema, int64_t meant,
                      const struct engine_totals *before, int64_t watermark, struct sent *sent) {
  struct engine_totals after = engine_totals(engine);
  struct outbox *rejects = engine_rejects(engine);
  for (const struct outbox_row *row; (row = outbox_take(rejects)) != NULL;)
    if (row->kind == OUTBOX_DEAD_LETTER && sent->detail.length == 0) sent->detail = detail_of(row->bytes, test->arena);
  outbox_recycle(rejects);
  sent->refused += after.dead > before->dead;
  sent->bad += after.bad_fields > before->bad_fields;
  if (after.late == before->late || schema->late == LATE_ACCEPT || watermark <= meant) return;
  if (sent->late++ == 0) sent->late_watermark = watermark;
}

static void write_place(struct buf *out, const struct test *test, const struct test_line *line);

static void write_how_many(struct buf *out, int64_t count, const struct test_line *line, const char *what) {
  if (line->times == 1)
    buf_printf(out, "this event %s", what);
  else
    buf_printf(out, "%lld of these %lld events %s", (long long)count, (long long)line->times, what);
}

/* An event that the engine did not take as it stands here is hardly ever meant: what the test shows would be another
 * thing than what it says. */
static void write_slips(struct test *test, const struct test_line *line, const struct sent *sent) {
  struct buf *out = test->slips;
  if (sent->refused > 0) {
    write_place(out, test, line);
    write_how_many(out, sent->refused, line, line->times == 1 ? "was refused: " : "were refused; the first: ");
    buf_slice(out, sent->detail);
    buf_byte(out, '\n');
  } else if (sent->bad > 0) {
    write_place(out, test, line);
    write_how_many(out, sent->bad, line,
                   line->times == 1 ? "has a value that is taken as null: " : "have a value that is taken as null: ");
    buf_slice(out, sent->detail);
    buf_byte(out, '\n');
  }
  if (sent->late == 0) return;
  char watermark[TIME_TEXT_MAX];
  time_text(watermark, sent->late_watermark);
  write_place(out, test, line);
  write_how_many(out, sent->late, line, line->times == 1 ? "is late: " : "are late: ");
  buf_printf(out, "no event before %s was expected any more\n", watermark);
  buf_printf(out, "  send it earlier; or, if that is what the test shows, put `watermark \"%s\"` before it\n",
             watermark);
}

/* `meant`: the time that a `watermark` line of the test has said. */
static int send_line(struct test *test, struct engine *engine, const struct test_line *line, int64_t meant,
                     struct arena *arena, struct err *err) {
  const struct type_info *info = tree_type_find(test->tree, line->name.text);
  check(info != NULL && info->id < test->ruleset->schema_count);
  const struct schema *schema = &test->ruleset->schemas[info->id];
  struct value *fields = arena_array(arena, struct value, schema->field_count + 1u);
  const char **bad = arena_array(arena, const char *, schema->field_count + 1u);
  int64_t stamp = read_line(schema, line, fields, bad, arena);
  int64_t every = line->every_us > 0 ? line->every_us : 0;
  struct sent sent = {0};
  for (int64_t i = 0; i < line->times; i++) {
    if (stamp != WATERMARK_NONE) engine_stamp(engine, 0, watermark_plus(stamp, i * every));
    struct engine_totals before = engine_totals(engine);
    int64_t watermark = engine_input_totals(engine, 0).watermark;
    struct engine_row row = {.type = schema->id, .fields = fields, .bad = bad};
    int status = engine_push_rows(engine, 0, &row, 1, err);
    if (status != 0) return status;
    if (test->slips != NULL) note_sent(test, engine, schema, meant, &before, watermark, &sent);
    test->events++;
    if (schema->time_field >= 0 && fields[schema->time_field].kind == VALUE_TIME)
      fields[schema->time_field].i = watermark_plus(fields[schema->time_field].i, every);
  }
  if (test->slips != NULL) write_slips(test, line, &sent);
  return 0;
}

static int32_t rule_number(const struct ruleset *ruleset, struct slice name) {
  for (uint16_t r = 0; r < ruleset->rule_count; r++)
    if (slice_equal(ruleset->rules[r].name, name)) return r;
  return -1;
}

static int32_t group_number(const struct ruleset *ruleset, struct slice name) {
  for (uint16_t g = 0; g < ruleset->group_count; g++)
    if (slice_equal(ruleset->groups[g].name, name)) return g;
  return -1;
}

enum ending { ENDING_SETTLED, ENDING_FINISHED };

static void free_context(void *mem) { mem_free_all(mem); }

static void note_matches(struct test *test, const struct engine *engine) {
  for (uint16_t r = 0; r < test->ruleset->rule_count; r++)
    test->matched[r] = engine_rule_counts(engine, r)->nfa.told > engine_rule_totals(engine, r)->inactive;
}

/* The lines [0, line_count) through a fresh engine. */
static int run_lines(struct test *test, uint16_t line_count, enum ending ending, const struct watcher *watcher,
                     struct err *err) {
  struct mem *mem = mem_new(0);
  if (mem == NULL) return err_set(err, ERR_FATAL, "out of memory");
  struct mem *callers =
      test->arena->mem; /* `observe` allocates there: should that run out, ours must not stay behind */
  mem_defer(callers, free_context, mem);
  if (MEM_GUARD(mem)) {
    mem_undefer(callers, mem, true);
    return err_set(err, ERR_FATAL, "out of memory");
  }
  const char *key = test->env->variable(test->env->context, "WEIR_SECRET_KEY");
  struct engine_options options = {.ruleset = test->ruleset,
                                   .enabled = test->enabled,
                                   .silent = test->silent,
                                   .secret_key = key == NULL ? (struct slice){0} : slice_of(key),
                                   .observe = watcher->alert,
                                   .observe_band = watcher->band,
                                   .observe_score = watcher->score,
                                   .observe_context = watcher->context};
  struct engine *engine = engine_new(mem, &options);
  struct arena arena;
  arena_init(&arena, mem, 1 << 14);
  int status = engine_open(engine, SLICE("test"), (struct slice){0}, ENGINE_JSON, err);
  test->events = 0;
  int64_t meant = WATERMARK_NONE;
  for (uint16_t i = 0; i < line_count && status == 0; i++) {
    const struct test_line *line = &test->test->lines[i];
    if (line->kind == TEST_SEND) status = send_line(test, engine, line, meant, &arena, err);
    if (line->kind != TEST_WATERMARK) continue;
    if (time_of(line->at) > meant) meant = time_of(line->at);
    status = engine_advance(engine, 0, time_of(line->at), err);
  }
  if (status == 0 && ending == ENDING_SETTLED) status = engine_settle(engine, err);
  if (status == 0 && ending == ENDING_FINISHED) status = engine_finish(engine, false, err);
  test->totals = engine_totals(engine);
  if (test->matched != NULL) note_matches(test, engine);
  mem_unguard(mem);
  mem_undefer(callers, mem, true);
  return status;
}

/* ---- collecting ---- */

/* Room for one more alert with so many values; NULL: there are too many. */
static struct came *add_came(struct collected *collected, uint16_t values) {
  if (collected->count == TEST_ALERTS_MAX) {
    collected->overflow = true;
    return NULL;
  }
  if (collected->count == collected->capacity) {
    uint32_t capacity = collected->capacity == 0 ? 16 : 2 * collected->capacity;
    struct came *items = arena_array(collected->arena, struct came, capacity);
    if (collected->count > 0) memcpy(items, collected->items, collected->count * sizeof *items);
    collected->items = items;
    collected->capacity = capacity;
  }
  struct came *came = &collected->items[collected->count++];
  *came = (struct came){.values = arena_array(collected->arena, struct came_value, values + 1u)};
  return came;
}

static void add_value(struct collected *collected, struct came *came, struct slice name, struct value value) {
  came->values[came->value_count++] = (struct came_value){name, value_copy(collected->arena, value)};
}

static void collect_alert(void *context, const struct alert *alert, bool told) {
  struct collected *collected = context;
  const struct rule *rule = alert->told->rule;
  const struct key_space *space = &collected->ruleset->spaces[rule->key_space];
  uint16_t parts = space->none ? 0 : space->part_count;
  struct came *came = add_came(collected, (uint16_t)(parts + rule->emit_count));
  if (came == NULL) return;
  came->name = rule->name;
  came->time = alert->time;
  came->timeout = alert->told->match->cause == NFA_TIMEOUT;
  came->suppressed = !told;
  came->to_nothing = rule->to_nothing;
  collected->told += told && !rule->to_nothing;
  for (uint16_t i = 0; i < parts; i++) add_value(collected, came, space->names[i], alert->told->key[i]);
  for (uint16_t i = 0; i < rule->emit_count; i++) add_value(collected, came, rule->emit[i].name, alert->emit[i]);
}

static struct value rule_names(struct collected *collected, const struct group_entry *entry) {
  struct value *names = arena_array(collected->arena, struct value, entry->contribution_count + 1u);
  uint32_t count = 0;
  for (uint16_t i = 0; i < entry->contribution_count; i++) { /* those of one rule stand together */
    if (i > 0 && entry->contributions[i].rule == entry->contributions[i - 1].rule) continue;
    names[count++] = value_string(collected->ruleset->rules[entry->contributions[i].rule].name);
  }
  return (struct value){.kind = VALUE_LIST, .length = count, .list = names};
}

/* The fields of a band's alert, and its score (check_test.c). */
static void collect_band(void *context, const struct group_entry *entry) {
  struct collected *collected = context;
  const struct group_plan *plan = entry->plan;
  if (!collected->groups[plan - collected->ruleset->groups]) return;
  struct came *came = add_came(collected, (uint16_t)(plan->key_count + 3));
  if (came == NULL) return;
  came->name = plan->name;
  came->time = entry->time;
  collected->told++;
  for (uint16_t i = 0; i < plan->key_count; i++) add_value(collected, came, plan->key_names[i], entry->key[i]);
  add_value(collected, came, SLICE("band"), value_string(entry->band->action));
  add_value(collected, came, SLICE("rules"), rule_names(collected, entry));
  add_value(collected, came, SLICE("score"), value_int(entry->score));
}

/* ---- comparing ---- */

static bool is_number(struct value value) {
  return value.kind == VALUE_INT || value.kind == VALUE_DECIMAL || value.kind == VALUE_FLOAT;
}

/* A literal and a value are the same if they compare as equal; text stands for times and addresses. */
static bool same(struct value literal, struct value value) {
  if (literal.kind == VALUE_NULL || value.kind == VALUE_NULL) return literal.kind == value.kind;
  if (literal.kind == VALUE_STRING && value.kind == VALUE_TIME) {
    int64_t us;
    return test_time_parse(value_slice(literal), &us) == NULL && us == value.i;
  }
  if (literal.kind == VALUE_STRING && value.kind == VALUE_IP) {
    struct ip ip;
    return ip_parse(value_slice(literal), &ip) == NULL && value_equal(ip_value(&ip), value);
  }
  if (is_number(literal) && value.kind == VALUE_FLOAT) { /* 11.61 is the float nearest to it */
    struct expr_counts counts = {0};
    literal = number_cast(literal, TYPE(VALUE_FLOAT), &counts);
  }
  if (is_number(literal) && is_number(value)) return value_compare(literal, value) == 0;
  if (literal.kind == VALUE_LIST && value.kind == VALUE_LIST) {
    if (literal.length != value.length) return false;
    for (uint32_t i = 0; i < literal.length; i++)
      if (!same(literal.list[i], value.list[i])) return false;
    return true;
  }
  return literal.kind == value.kind && value_equal(literal, value);
}

static bool field_of(const struct came *came, struct slice name, struct value *value) {
  for (uint16_t i = came->value_count; i > 0; i--)
    if (slice_equal(came->values[i - 1].name, name)) {
      *value = came->values[i - 1].value;
      return true;
    }
  return false;
}

static bool meets(const struct came *came, const struct test_line *line) {
  if (came->suppressed || !slice_equal(came->name, line->name.text)) return false;
  if (line->at.length > 0 && came->time != time_of(line->at)) return false;
  for (uint16_t i = 0; i < line->entry_count; i++) {
    struct value value;
    if (!field_of(came, line->entries[i].name.text, &value)) return false;
    if (!same(line->entries[i].expr->value, value)) return false;
  }
  return true;
}

/* ---- telling ---- */

/* As an `expect` line would say it. */
static void write_came(struct buf *out, const struct came *came) {
  buf_printf(out, SLICE_FMT " at \"", SLICE_ARG(came->name));
  time_write(out, came->time);
  buf_byte(out, '"');
  for (uint16_t i = 0; i < came->value_count; i++) {
    buf_printf(out, "%s" SLICE_FMT ": ", i == 0 ? " { " : ", ", SLICE_ARG(came->values[i].name));
    print_value(out, came->values[i].value);
  }
  if (came->value_count > 0) buf_str(out, " }");
  if (came->timeout) buf_str(out, " (timeout)");
}

static void write_expected(struct buf *out, const struct test_line *line) {
  buf_printf(out, SLICE_FMT, SLICE_ARG(line->name.text));
  if (line->at.length > 0) buf_printf(out, " at \"" SLICE_FMT "\"", SLICE_ARG(line->at));
  for (uint16_t i = 0; i < line->entry_count; i++) {
    buf_printf(out, "%s" SLICE_FMT ": ", i == 0 ? " { " : ", ", SLICE_ARG(line->entries[i].name.text));
    print_expr(out, line->entries[i].expr);
  }
  if (line->entry_count > 0) buf_str(out, " }");
}

static void write_place(struct buf *out, const struct test *test, const struct test_line *line) {
  if (line->span.file < test->tree->file_count)
    buf_printf(out, SLICE_FMT ":%u:%u: ", SLICE_ARG(test->tree->files[line->span.file].name), line->span.line,
               line->span.column);
}

/* What came and is not used, for orientation: of the rule or group alone, or all that was told (`rule` empty). */
static void write_rest(struct buf *out, const struct collected *collected, struct slice rule, const char *head) {
  uint32_t shown = 0, left = 0;
  for (uint32_t i = 0; i < collected->count; i++) {
    const struct came *came = &collected->items[i];
    if (came->taken_by != NULL || came->suppressed || (rule.length == 0 && came->to_nothing)) continue;
    if (rule.length > 0 && !slice_equal(came->name, rule)) continue;
    if (shown == TEST_SHOWN_MAX) {
      left++;
      continue;
    }
    buf_printf(out, "  %s ", head);
    write_came(out, came);
    buf_byte(out, '\n');
    shown++;
  }
  if (left > 0) buf_printf(out, "  and %u more\n", left);
}

/* Rules of `ruleset` that the test's own rule set has not are its beginnings: near_miss.c. The others run if they do
 * in the test. */
static int feed(void *context, const struct ruleset *ruleset, void (*observe)(void *, const struct alert *, bool),
                void *observe_context, struct err *err) {
  struct test *test = context;
  struct test inner = *test;
  inner.ruleset = ruleset; /* its event types are the same, its slots may differ */
  inner.enabled = arena_array(test->arena, bool, ruleset->rule_count + 1u);
  inner.silent = inner.matched = NULL;
  for (uint16_t r = 0; r < ruleset->rule_count; r++) {
    int32_t own = rule_number(test->ruleset, ruleset->rules[r].name);
    inner.enabled[r] = own < 0 || test->enabled[own];
  }
  struct watcher watcher = {.alert = observe, .context = observe_context};
  return run_lines(&inner, test->test->line_count, ENDING_FINISHED, &watcher, err);
}

static const struct rule_tree *rule_tree_of(const struct tree *tree, struct slice name) {
  for (uint16_t r = 0; r < tree->rule_count; r++)
    if (slice_equal(tree->rules[r]->name.text, name)) return tree->rules[r];
  return NULL;
}

/* Alerts of the rule that other `expect` lines took, and matches that were not told. False: there are none. */
static bool write_others(struct buf *out, const struct collected *collected, struct slice rule) {
  uint32_t shown = 0, left = 0;
  for (uint32_t i = 0; i < collected->count; i++) {
    const struct came *came = &collected->items[i];
    if (!slice_equal(came->name, rule)) continue;
    if (shown++ >= TEST_SHOWN_MAX) {
      left++;
      continue;
    }
    buf_str(out, came->suppressed ? "  suppressed " : "  came     ");
    write_came(out, came);
    if (came->taken_by != NULL) buf_printf(out, ", taken by the `expect` on line %u", came->taken_by->span.line);
    buf_byte(out, '\n');
  }
  if (left > 0) buf_printf(out, "  and %u more\n", left);
  return shown > 0;
}

/* ---- how far a group came ---- */

struct highest {
  struct test *test;
  const struct group_plan *plan;
  const struct test_line *line;
  int64_t score, time;
  bool any;
  struct slice key, rules; /* as text */
};

/* Whether the `expect` line may mean this key. */
static bool may_mean(const struct highest *highest, const struct group_entry *entry) {
  const struct group_plan *plan = entry->plan;
  for (uint16_t e = 0; e < highest->line->entry_count; e++)
    for (uint16_t p = 0; p < plan->key_count; p++)
      if (slice_equal(highest->line->entries[e].name.text, plan->key_names[p]) &&
          !same(highest->line->entries[e].expr->value, entry->key[p]))
        return false;
  return true;
}

static struct slice kept_text(struct arena *arena, const struct buf *text) {
  return (struct slice){arena_copy(arena, text->data, text->length), text->length};
}

/* The first of the highest scores of all keys. */
static void watch_score(void *context, const struct group_entry *entry) {
  struct highest *highest = context;
  const struct group_plan *plan = entry->plan;
  if (!slice_equal(plan->name, highest->plan->name) || !may_mean(highest, entry)) return;
  if (highest->any && entry->score <= highest->score) return;
  highest->any = true;
  highest->score = entry->score;
  highest->time = entry->time;
  struct buf text;
  buf_init(&text, highest->test->arena->mem);
  for (uint16_t p = 0; p < plan->key_count; p++) {
    buf_printf(&text, "%s" SLICE_FMT ": ", p == 0 ? "" : ", ", SLICE_ARG(plan->key_names[p]));
    value_json(&text, entry->key[p]);
  }
  highest->key = kept_text(highest->test->arena, &text);
  buf_clear(&text);
  for (uint16_t c = 0; c < entry->contribution_count; c++)
    buf_printf(&text, "%s`" SLICE_FMT "` %lld", c == 0 ? "" : ", ",
               SLICE_ARG(highest->test->ruleset->rules[entry->contributions[c].rule].name),
               (long long)entry->contributions[c].score);
  highest->rules = kept_text(highest->test->arena, &text);
  buf_free(&text);
}

/* The band that the line expects, else the lowest. */
static const struct group_band *expected_band(const struct group_plan *plan, const struct test_line *line) {
  for (uint16_t e = 0; e < line->entry_count; e++)
    for (uint16_t b = 0; b < plan->band_count; b++)
      if (slice_equal(line->entries[e].name.text, SLICE("band")) && line->entries[e].expr->value.kind == VALUE_STRING &&
          slice_equal(value_slice(line->entries[e].expr->value), plan->bands[b].action))
        return &plan->bands[b];
  return &plan->bands[plan->band_count - 1];
}

static void write_score(struct test *test, const struct group_plan *plan, const struct test_line *line,
                        struct buf *out) {
  struct highest highest = {.test = test, .plan = plan, .line = line};
  struct watcher watcher = {.score = watch_score, .context = &highest};
  struct err err;
  struct test again = *test;
  if (run_lines(&again, test->test->line_count, ENDING_FINISHED, &watcher, &err) != 0) return;
  const struct group_band *band = expected_band(plan, line);
  if (!highest.any) {
    buf_str(out, "  near miss: no alert of its rules came that counts in it\n");
    return;
  }
  buf_printf(out, "  near miss: the score of { " SLICE_FMT " } came to %lld at ", SLICE_ARG(highest.key),
             (long long)highest.score);
  time_write(out, highest.time);
  buf_printf(out, " (" SLICE_FMT ")\n  near miss: `" SLICE_FMT "` begins at %lld\n", SLICE_ARG(highest.rules),
             SLICE_ARG(band->action), (long long)band->at);
}

static void write_missing(struct test *test, const struct collected *collected, const struct test_line *line,
                          struct buf *out) {
  write_place(out, test, line);
  buf_str(out, "expected an alert that did not come\n  expected ");
  write_expected(out, line);
  buf_byte(out, '\n');
  size_t before = out->length;
  int32_t group = group_number(test->ruleset, line->name.text);
  write_rest(out, collected, line->name.text, "came    ");
  bool came = out->length > before; /* the difference is in the fields or the time */
  bool others = !came && write_others(out, collected, line->name.text);
  if (!came) buf_printf(out, "  no %salert of this %s came\n", others ? "further " : "", group >= 0 ? "group" : "rule");
  if (group >= 0) write_score(test, &test->ruleset->groups[group], line, out);
  if (group >= 0 || came || others) return;
  const struct rule_tree *rule = rule_tree_of(test->tree, line->name.text);
  if (rule == NULL) return;
  struct near_miss miss = {.tree = test->tree,
                           .rule = rule,
                           .ruleset = test->ruleset,
                           .enabled = test->enabled,
                           .env = test->env,
                           .arena = test->arena,
                           .feed = feed,
                           .feed_context = test,
                           .indent = "  near miss: "};
  near_miss_write(&miss, out);
}

/* What is not wrong, but good to know; of late events (they were meant to be) only where the test failed. */
static void write_notes(const struct test *test, bool failed_as_sent, struct buf *out) {
  const struct engine_totals *t = &test->totals;
  if (t->late > 0 && failed_as_sent)
    buf_printf(out, "note: %llu of the events sent %s late\n", (unsigned long long)t->late,
               t->late == 1 ? "was" : "were");
  if (t->duplicate > 0)
    buf_printf(out, "note: %llu of the events sent %s (`unique`)\n", (unsigned long long)t->duplicate,
               t->duplicate == 1 ? "was a duplicate" : "were duplicates");
}

/* ---- judging ---- */

/* `expect nothing` at line `at`. */
static int judge_nothing(struct test *test, uint16_t at, struct buf *out, bool *passed, struct err *err) {
  struct collected before = {.arena = test->arena, .ruleset = test->ruleset, .groups = test->groups};
  struct watcher watcher = {.alert = collect_alert, .band = collect_band, .context = &before};
  int status = run_lines(test, at, ENDING_SETTLED, &watcher, err);
  if (status != 0 || before.told == 0) return status;
  *passed = false;
  write_place(out, test, &test->test->lines[at]);
  buf_str(out, "expected nothing\n");
  write_rest(out, &before, (struct slice){0}, "came    ");
  return 0;
}

static int judge(struct test *test, struct test_result *result, struct buf *slips, struct buf *out, struct err *err) {
  const struct test_tree *tree = test->test;
  bool end = false;
  for (uint16_t i = 0; i < tree->line_count; i++)
    end = end || (tree->lines[i].kind == TEST_EXPECT && !(tree->lines[i].nothing && !tree->lines[i].nothing_else));
  int status = 0;
  for (uint16_t i = 0; i < tree->line_count && status == 0; i++) {
    const struct test_line *line = &tree->lines[i];
    if (line->kind != TEST_EXPECT) continue;
    result->expects++;
    if (line->nothing && !line->nothing_else) status = judge_nothing(test, i, out, &result->passed, err);
  }
  struct collected all = {.arena = test->arena, .ruleset = test->ruleset, .groups = test->groups};
  struct watcher watcher = {.alert = collect_alert, .band = collect_band, .context = &all};
  test->slips = slips;
  if (status == 0) status = run_lines(test, tree->line_count, end ? ENDING_FINISHED : ENDING_SETTLED, &watcher, err);
  test->slips = NULL;
  if (status != 0) return status;
  result->events = test->events;
  result->alerts = all.told;
  uint16_t *missing = arena_array(test->arena, uint16_t, tree->line_count + 1u), missing_count = 0;
  for (uint16_t i = 0; i < tree->line_count; i++) {
    const struct test_line *line = &tree->lines[i];
    if (line->kind != TEST_EXPECT || line->nothing || line->nothing_else) continue;
    bool met = false;
    for (uint32_t a = 0; a < all.count && !met; a++) {
      met = all.items[a].taken_by == NULL && meets(&all.items[a], line);
      if (met) all.items[a].taken_by = line;
    }
    if (!met) missing[missing_count++] = i;
  }
  for (uint16_t m = 0; m < missing_count; m++) write_missing(test, &all, &tree->lines[missing[m]], out);
  result->passed = result->passed && missing_count == 0 && !all.overflow && slips->length == 0;
  if (all.overflow) buf_printf(out, "more than %d alerts came\n", TEST_ALERTS_MAX);
  bool rest = false;
  for (uint32_t a = 0; a < all.count; a++)
    rest = rest || (all.items[a].taken_by == NULL && !all.items[a].suppressed && !all.items[a].to_nothing);
  for (uint16_t i = 0; i < tree->line_count && rest; i++) {
    if (tree->lines[i].kind != TEST_EXPECT || !tree->lines[i].nothing_else) continue;
    result->passed = false;
    write_place(out, test, &tree->lines[i]);
    buf_str(out, "expected nothing else\n");
    write_rest(out, &all, (struct slice){0}, "came    ");
    break;
  }
  write_notes(test, !result->passed && slips->length == 0, out);
  return 0;
}

/* A rule, or a group and the rules that it adds up, which run too. */
static bool name_one(struct test *test, struct slice name, bool *named, bool *needed) {
  int32_t rule = rule_number(test->ruleset, name), group = group_number(test->ruleset, name);
  if (rule >= 0) named[rule] = needed[rule] = true;
  if (group < 0) return rule >= 0;
  const struct group_plan *plan = &test->ruleset->groups[group];
  test->groups[group] = true;
  for (uint16_t m = 0; m < plan->member_count; m++) needed[plan->members[m].rule] = true;
  return true;
}

static int enable(struct test *test, struct err *err) {
  size_t rules = test->ruleset->rule_count + 1u;
  bool *named = arena_array(test->arena, bool, rules), *needed = arena_array(test->arena, bool, rules);
  test->enabled = arena_array(test->arena, bool, rules);
  test->silent = arena_array(test->arena, bool, rules);
  test->matched = arena_array(test->arena, bool, rules);
  test->groups = arena_array(test->arena, bool, test->ruleset->group_count + 1u);
  for (uint16_t n = 0; n < test->test->rule_count; n++) {
    struct slice name = test->test->rules[n].text;
    if (!name_one(test, name, named, needed))
      return err_set(err, ERR_ABORT, "rule `" SLICE_FMT "` has something that is not run yet", SLICE_ARG(name));
  }
  ruleset_needs(test->ruleset, needed, test->enabled, test->arena);
  for (uint16_t r = 0; r < test->ruleset->rule_count; r++) test->silent[r] = test->enabled[r] && !named[r];
  return 0;
}

/* By the tree's rules: which ran, and which had a match. */
static void note_rules(const struct test *test, struct test_result *result) {
  bool *ran = arena_array(test->arena, bool, test->tree->rule_count + 1u);
  bool *matched = arena_array(test->arena, bool, test->tree->rule_count + 1u);
  for (uint16_t t = 0, r = 0; t < test->tree->rule_count && r < test->ruleset->rule_count; t++) {
    if (!slice_equal(test->tree->rules[t]->name.text, test->ruleset->rules[r].name)) continue; /* it is left out */
    ran[t] = test->enabled[r];
    matched[t] = test->enabled[r] && test->matched[r];
    r++; /* both are in byte order of name */
  }
  result->ran = ran;
  result->matched = matched;
}

int test_run(const struct ruleset *ruleset, const struct tree *tree, const struct test_tree *test_tree,
             const struct env *env, struct arena *arena, struct test_result *result, struct err *err) {
  *result = (struct test_result){.passed = true};
  struct test test = {
      .ruleset = ruleset, .tree = tree, .test = test_tree, .env = env == NULL ? env_real() : env, .arena = arena};
  int status = enable(&test, err);
  if (status != 0) return status;
  struct buf slips, out; /* what is wrong with the test itself stands first */
  buf_init(&slips, arena->mem);
  buf_init(&out, arena->mem);
  status = judge(&test, result, &slips, &out, err);
  note_rules(&test, result);
  buf_slice(&slips, buf_view(&out));
  if (status == 0 && slips.length > 0)
    result->text = (struct slice){arena_copy(arena, slips.data, slips.length), slips.length};
  buf_free(&slips);
  buf_free(&out);
  return status;
}
