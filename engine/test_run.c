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
  const struct rule *rule;
  int64_t time;
  bool timeout, suppressed; /* suppressed: it was not told; kept to say so */
  struct value *fields, *key;
  const struct test_line *taken_by; /* the `expect` that it met; NULL = none */
};

struct collected {
  struct arena *arena;
  const struct ruleset *ruleset;
  struct came *items;
  uint32_t count, capacity, told;
  bool overflow;
};

/* One run of the test's lines. */
struct test {
  const struct ruleset *ruleset;
  const struct tree *tree;
  const struct test_tree *test;
  const struct env *env;
  struct arena *arena;
  bool *enabled, *silent; /* silent: runs because a named rule needs it, and is not told */
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

enum ending { ENDING_SETTLED, ENDING_FINISHED };

static void free_context(void *mem) { mem_free_all(mem); }

/* The lines [0, line_count) through a fresh engine. */
static int run_lines(struct test *test, const struct ruleset *ruleset, const bool *enabled, uint16_t line_count,
                     enum ending ending, void (*observe)(void *, const struct alert *, bool), void *context,
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
  struct engine_options options = {.ruleset = ruleset,
                                   .enabled = enabled,
                                   .silent = enabled == NULL ? NULL : test->silent,
                                   .secret_key = key == NULL ? (struct slice){0} : slice_of(key),
                                   .observe = observe,
                                   .observe_context = context};
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
  mem_unguard(mem);
  mem_undefer(callers, mem, true);
  return status;
}

/* ---- collecting ---- */

static void collect(void *context, const struct alert *alert, bool told) {
  struct collected *collected = context;
  const struct rule *rule = alert->told->rule;
  if (rule->to_nothing) return;
  if (collected->count == TEST_ALERTS_MAX) {
    collected->overflow = true;
    return;
  }
  if (collected->count == collected->capacity) {
    uint32_t capacity = collected->capacity == 0 ? 16 : 2 * collected->capacity;
    struct came *items = arena_array(collected->arena, struct came, capacity);
    if (collected->count > 0) memcpy(items, collected->items, collected->count * sizeof *items);
    collected->items = items;
    collected->capacity = capacity;
  }
  struct came *came = &collected->items[collected->count++];
  const struct key_space *space = &collected->ruleset->spaces[rule->key_space];
  uint16_t parts = space->none ? 0 : space->part_count;
  collected->told += told;
  *came = (struct came){.rule = rule,
                        .suppressed = !told,
                        .time = alert->told->match->time,
                        .timeout = alert->told->match->cause == NFA_TIMEOUT,
                        .fields = arena_array(collected->arena, struct value, rule->emit_count + 1u),
                        .key = arena_array(collected->arena, struct value, parts + 1u)};
  for (uint16_t i = 0; i < rule->emit_count; i++) came->fields[i] = value_copy(collected->arena, alert->emit[i]);
  for (uint16_t i = 0; i < parts; i++) came->key[i] = value_copy(collected->arena, alert->told->key[i]);
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
  if (literal.kind == VALUE_DECIMAL && value.kind == VALUE_FLOAT) { /* 11.61 is the float nearest to it */
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

static bool field_of(const struct collected *collected, const struct came *came, struct slice name,
                     struct value *value) {
  for (uint16_t i = 0; i < came->rule->emit_count; i++)
    if (slice_equal(came->rule->emit[i].name, name)) {
      *value = came->fields[i];
      return true;
    }
  const struct key_space *space = &collected->ruleset->spaces[came->rule->key_space];
  for (uint16_t i = 0; !space->none && i < space->part_count; i++)
    if (slice_equal(space->names[i], name)) {
      *value = came->key[i];
      return true;
    }
  return false;
}

static bool meets(const struct collected *collected, const struct came *came, const struct test_line *line) {
  if (came->suppressed || !slice_equal(came->rule->name, line->name.text)) return false;
  if (line->at.length > 0 && came->time != time_of(line->at)) return false;
  for (uint16_t i = 0; i < line->entry_count; i++) {
    struct value value;
    if (!field_of(collected, came, line->entries[i].name.text, &value)) return false;
    if (!same(line->entries[i].expr->value, value)) return false;
  }
  return true;
}

/* ---- telling ---- */

static void write_field(struct buf *out, bool *any, struct slice name, struct value value) {
  buf_printf(out, "%s" SLICE_FMT ": ", *any ? ", " : " { ", SLICE_ARG(name));
  value_json(out, value);
  *any = true;
}

/* As an `expect` line would say it. */
static void write_came(struct buf *out, const struct collected *collected, const struct came *came) {
  buf_printf(out, SLICE_FMT " at \"", SLICE_ARG(came->rule->name));
  time_write(out, came->time);
  buf_byte(out, '"');
  bool any = false;
  const struct key_space *space = &collected->ruleset->spaces[came->rule->key_space];
  for (uint16_t i = 0; !space->none && i < space->part_count; i++)
    write_field(out, &any, space->names[i], came->key[i]);
  for (uint16_t i = 0; i < came->rule->emit_count; i++)
    write_field(out, &any, came->rule->emit[i].name, came->fields[i]);
  if (any) buf_str(out, " }");
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

/* What came and is not used, for orientation: of the rule alone, or all (`rule` empty). */
static void write_rest(struct buf *out, const struct collected *collected, struct slice rule, const char *head) {
  uint32_t shown = 0, left = 0;
  for (uint32_t i = 0; i < collected->count; i++) {
    const struct came *came = &collected->items[i];
    if (came->taken_by != NULL || came->suppressed || (rule.length > 0 && !slice_equal(came->rule->name, rule)))
      continue;
    if (shown == TEST_SHOWN_MAX) {
      left++;
      continue;
    }
    buf_printf(out, "  %s ", head);
    write_came(out, collected, came);
    buf_byte(out, '\n');
    shown++;
  }
  if (left > 0) buf_printf(out, "  and %u more\n", left);
}

static int feed(void *context, const struct ruleset *ruleset, void (*observe)(void *, const struct alert *, bool),
                void *observe_context, struct err *err) {
  struct test *test = context;
  const struct ruleset *own = test->ruleset;
  uint64_t events = test->events;
  struct engine_totals totals = test->totals;
  test->ruleset = ruleset; /* its event types are the same, its slots may differ */
  int status = run_lines(test, ruleset, NULL, test->test->line_count, ENDING_FINISHED, observe, observe_context, err);
  test->ruleset = own;
  test->events = events;
  test->totals = totals;
  return status;
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
    if (!slice_equal(came->rule->name, rule)) continue;
    if (shown++ >= TEST_SHOWN_MAX) {
      left++;
      continue;
    }
    buf_str(out, came->suppressed ? "  suppressed " : "  came     ");
    write_came(out, collected, came);
    if (came->taken_by != NULL) buf_printf(out, ", taken by the `expect` on line %u", came->taken_by->span.line);
    buf_byte(out, '\n');
  }
  if (left > 0) buf_printf(out, "  and %u more\n", left);
  return shown > 0;
}

static void write_missing(struct test *test, const struct collected *collected, const struct test_line *line,
                          struct buf *out) {
  write_place(out, test, line);
  buf_str(out, "expected an alert that did not come\n  expected ");
  write_expected(out, line);
  buf_byte(out, '\n');
  size_t before = out->length;
  write_rest(out, collected, line->name.text, "came    ");
  if (out->length > before) return; /* the rule did tell something: the difference is in the fields or the time */
  const struct rule_tree *rule = rule_tree_of(test->tree, line->name.text);
  if (rule != NULL && rule->to_nothing) {
    buf_str(out, "  this rule tells no alerts: `to nothing`\n");
    return;
  }
  if (write_others(out, collected, line->name.text)) {
    buf_str(out, "  no further alert of this rule came\n");
    return;
  }
  buf_str(out, "  no alert of this rule came\n");
  if (rule != NULL) near_miss_write(test->tree, rule, test->env, test->arena, feed, test, "  near miss: ", out);
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
  struct collected before = {.arena = test->arena, .ruleset = test->ruleset};
  int status = run_lines(test, test->ruleset, test->enabled, at, ENDING_SETTLED, collect, &before, err);
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
  struct collected all = {.arena = test->arena, .ruleset = test->ruleset};
  test->slips = slips;
  if (status == 0)
    status = run_lines(test, test->ruleset, test->enabled, tree->line_count, end ? ENDING_FINISHED : ENDING_SETTLED,
                       collect, &all, err);
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
      met = all.items[a].taken_by == NULL && meets(&all, &all.items[a], line);
      if (met) all.items[a].taken_by = line;
    }
    if (!met) missing[missing_count++] = i;
  }
  for (uint16_t m = 0; m < missing_count; m++) write_missing(test, &all, &tree->lines[missing[m]], out);
  result->passed = result->passed && missing_count == 0 && !all.overflow && slips->length == 0;
  if (all.overflow) buf_printf(out, "more than %d alerts came\n", TEST_ALERTS_MAX);
  bool rest = false;
  for (uint32_t a = 0; a < all.count; a++) rest = rest || (all.items[a].taken_by == NULL && !all.items[a].suppressed);
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

static int enable(struct test *test, struct err *err) {
  bool *named = arena_array(test->arena, bool, test->ruleset->rule_count + 1u);
  test->enabled = arena_array(test->arena, bool, test->ruleset->rule_count + 1u);
  test->silent = arena_array(test->arena, bool, test->ruleset->rule_count + 1u);
  for (uint16_t n = 0; n < test->test->rule_count; n++) {
    struct slice name = test->test->rules[n].text;
    bool found = false;
    for (uint16_t r = 0; r < test->ruleset->rule_count && !found; r++) {
      found = slice_equal(test->ruleset->rules[r].name, name);
      if (found) named[r] = true;
    }
    if (!found)
      return err_set(err, ERR_ABORT, "rule `" SLICE_FMT "` has something that is not run yet", SLICE_ARG(name));
  }
  ruleset_needs(test->ruleset, named, test->enabled, test->arena);
  for (uint16_t r = 0; r < test->ruleset->rule_count; r++) test->silent[r] = test->enabled[r] && !named[r];
  return 0;
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
  buf_slice(&slips, buf_view(&out));
  if (status == 0 && slips.length > 0)
    result->text = (struct slice){arena_copy(arena, slips.data, slips.length), slips.length};
  buf_free(&slips);
  buf_free(&out);
  return status;
}
