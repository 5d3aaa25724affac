/* weir.c - the public library: guards against running out of memory, rules loaded, calls passed on to engine.c.
 *
 * It owns three memory contexts: the tree's and the diagnostics' (load), the rule set's, and the one that runs, which
 * has the limit. Every call that allocates stands behind enter() and leave(). */
#include "engine/weir.h"

#include <math.h>

#include "base/check.h"
#include "base/env.h"
#include "base/time_text.h"
#include "base/utf8.h"
#include "engine/engine.h"
#include "engine/watermark.h"
#include "rules/check.h"
#include "rules/lint.h"
#include "rules/parse.h"

enum { WEIR_ARENA_BYTES = 64 << 10, WEIR_COPY_PADDING = 64 };
_Static_assert(sizeof(struct weir_bytes) == sizeof(struct slice) &&
                   offsetof(struct weir_bytes, length) == offsetof(struct slice, length),
               "arrays of the one are arrays of the other");

struct feed {      /* what weir_push() knows of an input */
  bool begun;      /* its first bytes were seen: a byte order mark may not come any more */
  bool header_due; /* CSV: the next line is the header */
};

struct weir {
  struct weir_options options;
  char *type_field, *secret_key; /* copies */
  struct mem *load, *run;
  struct arena tree_arena; /* in load */
  struct tree *tree;
  struct diags diags;
  struct arena diag_arena; /* in load: stays when the tree goes */
  const char *said[2];     /* the diagnostics as text and as JSON, once the tree is gone */
  struct ruleset *ruleset;
  struct engine *engine;
  struct arena rows;  /* in run: typed values on their way */
  struct buf lines;   /* in run: copied lines */
  struct feed *feeds; /* in run, by input */
  uint32_t feed_capacity;
  const struct profile *profile; /* that is being told */
  struct buf words;              /* in load: of its row */
  bool inside;                   /* a call is running: what it calls back sets no guard of its own */
  struct err failed;             /* class ERR_FATAL once the engine cannot go on */
};

/* ---- guards ---- */

static int fail(struct weir *weir, struct err *err, const char *text) {
  if (weir->failed.class == ERR_NONE) err_set(&weir->failed, ERR_FATAL, "%s", text);
  if (err != NULL) *err = weir->failed;
  return ERR_FATAL;
}

static int out_of_memory(struct weir *weir, struct err *err) {
  weir->inside = false;
  size_t limit = mem_limit(weir->run);
  char text[160];
  if (limit > 0)
    snprintf(text, sizeof text, "out of memory: %zu of %zu bytes are in use (the limit `memory`)", mem_used(weir->run),
             limit);
  else
    snprintf(text, sizeof text, "out of memory");
  return fail(weir, err, text);
}

/* Notes that the engine cannot go on, if that is what a call said. */
static int note(struct weir *weir, int status, const struct err *err) {
  if (status == ERR_FATAL && weir->failed.class == ERR_NONE) {
    if (err != NULL)
      weir->failed = *err;
    else
      err_set(&weir->failed, ERR_FATAL, "the engine cannot go on");
  }
  return status;
}

static int leave(struct weir *weir, int status, struct err *err) {
  mem_unguard(weir->run);
  weir->inside = false;
  return note(weir, status, err);
}

static bool ready(struct weir *weir, struct err *err, int *status) {
  *status = 0;
  if (weir->failed.class != ERR_NONE) {
    if (err != NULL) *err = weir->failed;
    *status = ERR_FATAL;
  } else if (weir->engine == NULL) {
    *status = err_set(err, ERR_ABORT, "no rules are loaded");
  } else if (weir->inside) {
    *status = err_set(err, ERR_ABORT, "not from inside `drain`");
  }
  return *status == 0;
}

static bool ready_input(struct weir *weir, int input, struct err *err, int *status) {
  if (!ready(weir, err, status)) return false;
  if (input >= 0 && (uint32_t)input < engine_input_count(weir->engine)) return true;
  *status = err_set(err, ERR_ABORT, "there is no input %d", input);
  return false;
}

/* ---- making ---- */

static char *text_copy(const char *text) {
  size_t bytes = strlen(text) + 1;
  char *copy = malloc(bytes);
  if (copy != NULL) memcpy(copy, text, bytes);
  return copy;
}

static int above_cap(struct err *err, const char *name, unsigned value, unsigned cap) {
  return value <= cap ? 0 : err_set(err, ERR_ABORT, "`%s` is %u: at most %u", name, value, cap);
}

/* Enumerators count from 0 to `last`; callers of other languages may hand over any number. */
static int unknown(struct err *err, const char *name, unsigned value, unsigned last) {
  return value <= last ? 0 : err_set(err, ERR_ABORT, "`%s` is %u: its values are 0 to %u", name, value, last);
}

struct weir *weir_new(const struct weir_options *options, struct err *err) {
  err_clear(err);
  if (options != NULL && (unknown(err, "order", options->order, WEIR_ORDER_ARRIVAL) != 0 ||
                          unknown(err, "mode", options->mode, WEIR_MODE_COMPACT) != 0 ||
                          above_cap(err, "runs_max", options->runs_max, LIMIT_RUNS_CAP) != 0 ||
                          above_cap(err, "match_events_max", options->match_events_max, LIMIT_MATCH_EVENTS_CAP) != 0 ||
                          above_cap(err, "batch_size", options->batch_size, LIMIT_BATCH_EVENTS) != 0))
    return NULL;
  struct weir *weir = calloc(1, sizeof *weir);
  if (weir == NULL) {
    err_set(err, ERR_FATAL, "out of memory");
    return NULL;
  }
  if (options != NULL) weir->options = *options;
  if (weir->options.env == NULL) weir->options.env = env_real();
  const char *key = weir->options.env->variable(weir->options.env->context, "WEIR_SECRET_KEY");
  weir->load = mem_new(0);
  weir->run = mem_new(weir->options.memory_limit);
  weir->type_field = text_copy(weir->options.type_field == NULL ? "type" : weir->options.type_field);
  weir->secret_key = text_copy(key == NULL ? "" : key);
  if (weir->load == NULL || weir->run == NULL || weir->type_field == NULL || weir->secret_key == NULL) {
    err_set(err, ERR_FATAL, "out of memory");
    weir_free(weir);
    return NULL;
  }
  mem_fail_at(weir->load, weir->options.fail_at.load);
  mem_fail_at(weir->run, weir->options.fail_at.run);
  arena_init(&weir->tree_arena, weir->load, WEIR_ARENA_BYTES);
  arena_init(&weir->diag_arena, weir->load, WEIR_ARENA_BYTES);
  diags_init(&weir->diags, &weir->diag_arena);
  arena_init(&weir->rows, weir->run, WEIR_ARENA_BYTES);
  buf_init(&weir->lines, weir->run);
  buf_init(&weir->words, weir->load);
  return weir;
}

void weir_free(struct weir *weir) {
  if (weir == NULL) return;
  mem_free_all(weir->run);
  ruleset_unref(weir->ruleset);
  mem_free_all(weir->load);
  free(weir->type_field);
  free(weir->secret_key);
  free(weir);
}

/* ---- rules ---- */

static int drained(void *context) {
  struct weir *weir = context;
  return weir->options.drain(weir->options.drain_context, weir) == 0 ? 0 : ERR_FATAL;
}

static int start_engine(struct weir *weir, struct err *err) {
  if (MEM_GUARD(weir->run)) return out_of_memory(weir, err);
  struct engine_options options = {
      .ruleset = weir->ruleset,
      .arrival = weir->options.order == WEIR_ORDER_ARRIVAL,
      .type_field = slice_of(weir->type_field),
      .mode = (enum nfa_mode)weir->options.mode,
      .batch_size = weir->options.batch_size,
      .runs_max = weir->options.runs_max,
      .match_events_max = weir->options.match_events_max,
      .secret_key = slice_of(weir->secret_key),
      .profile = weir->options.profile,
      .env = weir->options.env,
      .drain = weir->options.drain == NULL ? NULL : drained,
      .drain_context = weir,
  };
  weir->engine = engine_new(weir->run, &options);
  return leave(weir, 0, err);
}

static int load_tree(struct weir *weir, const char *const *paths, size_t count, struct slice name, struct slice text,
                     struct err *err) {
  struct env *env = (struct env *)(uintptr_t)weir->options.env;
  if (paths != NULL) return ruleset_load_tree(&weir->tree_arena, env, paths, count, &weir->tree, &weir->diags, err);
  weir->tree = arena_new(&weir->tree_arena, struct tree);
  weir->tree->arena = &weir->tree_arena;
  char *kept_name = arena_copy(&weir->tree_arena, name.data, name.length);
  char *kept_text = arena_copy(&weir->tree_arena, text.data, text.length);
  int status = parse_file(weir->tree, (struct slice){kept_name, name.length}, (struct slice){kept_text, text.length},
                          &weir->diags);
  struct check_options options = {.secret_key = weir->secret_key[0] != '\0', .env = weir->options.env};
  if (status == 0) status = check_tree(weir->tree, &options, &weir->diags);
  if (status == 0) lint_tree(weir->tree, &weir->diags);
  diags_sort(&weir->diags);
  return weir->diags.error_count > 0 ? ERR_ABORT : status;
}

static const char *diagnostics(struct weir *weir, bool json) {
  struct buf *said = arena_new(&weir->diag_arena, struct buf); /* each stays until the end */
  buf_init(said, weir->load);
  for (uint32_t i = 0; i < weir->diags.count; i++) {
    if (!json) {
      diag_print(said, weir->tree, &weir->diags.items[i]);
      continue;
    }
    diag_json(said, weir->tree, &weir->diags.items[i]);
    buf_byte(said, '\n');
  }
  return buf_text(said);
}

/* The engine does not read the tree; it is larger than the rule set. */
static void forget_tree(void *context) {
  struct weir *weir = context;
  weir->said[false] = diagnostics(weir, false);
  weir->said[true] = diagnostics(weir, true);
  arena_free(&weir->tree_arena);
  weir->tree = NULL;
}

static int load(struct weir *weir, const char *const *paths, size_t count, struct slice name, struct slice text,
                struct err *err) {
  if (weir->failed.class != ERR_NONE) return fail(weir, err, "");
  if (weir->ruleset != NULL) return err_set(err, ERR_ABORT, "rules are loaded already");
  if (weir->tree != NULL) return err_set(err, ERR_ABORT, "rules that had errors were loaded already: make a new weir");
  if (MEM_GUARD(weir->load)) return fail(weir, err, "out of memory while the rules were read");
  int status = load_tree(weir, paths, count, name, text, err);
  if (status == 0) {
    struct ruleset_options options = {
        .env = (struct env *)(uintptr_t)weir->options.env,
        .for_run = true,
        .index_off = weir->options.index_off,
        .fail_at = weir->options.fail_at.compile,
        .tree_done = forget_tree,
        .tree_done_context = weir,
    };
    status = ruleset_compile(weir->tree, &options, &weir->diags, &weir->ruleset, err);
  } else if (status == ERR_ABORT) {
    err_set(err, ERR_ABORT, "the rules have %u error%s", weir->diags.error_count,
            weir->diags.error_count == 1 ? "" : "s");
  }
  mem_unguard(weir->load);
  note(weir, status, err);
  return status != 0 ? status : start_engine(weir, err);
}

int weir_load_files(struct weir *weir, const char *const *paths, size_t count, struct err *err) {
  err_clear(err);
  return load(weir, paths, count, (struct slice){0}, (struct slice){0}, err);
}

int weir_load_text(struct weir *weir, const char *name, const char *text, size_t length, struct err *err) {
  err_clear(err);
  if (name == NULL || text == NULL) return err_set(err, ERR_ABORT, "rules have a name and a text");
  return load(weir, NULL, 0, slice_of(name), (struct slice){text, length}, err);
}

const char *weir_diagnostics(struct weir *weir, bool json) {
  if (weir->said[json] != NULL) return weir->said[json];
  if (weir->tree == NULL) return "";
  if (MEM_GUARD(weir->load)) {
    fail(weir, NULL, "out of memory");
    return "";
  }
  const char *text = diagnostics(weir, json);
  mem_unguard(weir->load);
  return text;
}

/* ---- input ---- */

int weir_open(struct weir *weir, const char *source, const char *type, enum weir_format format, struct err *err) {
  err_clear(err);
  int status;
  if (!ready(weir, err, &status)) return status;
  if (unknown(err, "format", format, WEIR_CSV) != 0) return ERR_ABORT;
  if (source == NULL) return err_set(err, ERR_ABORT, "an input has the name of its source");
  if (!utf8_valid(slice_of(source))) return err_set(err, ERR_ABORT, "the name of the source is no UTF-8 text");
  if (MEM_GUARD(weir->run)) return out_of_memory(weir, err);
  weir->inside = true;
  int input = engine_open(weir->engine, slice_of(source), type == NULL ? (struct slice){0} : slice_of(type),
                          format == WEIR_CSV ? ENGINE_CSV : ENGINE_JSON, err);
  if (input >= 0 && (uint32_t)input >= weir->feed_capacity) {
    uint32_t capacity = weir->feed_capacity == 0 ? 16 : 2 * weir->feed_capacity;
    weir->feeds = mem_realloc(weir->run, weir->feeds, capacity * sizeof *weir->feeds);
    weir->feed_capacity = capacity;
  }
  if (input >= 0) weir->feeds[input] = (struct feed){.header_due = format == WEIR_CSV};
  return leave(weir, input, err);
}

static int push_header(struct weir *weir, int input, struct slice line, struct err *err) {
  int status = engine_header(weir->engine, (uint32_t)input, line, err);
  if (status == 0) weir->feeds[input].header_due = false;
  return status;
}

/* The first record of the text, without its line end; `text` moves on behind it. */
static struct slice next_record(struct slice *text, bool csv) {
  size_t with_end = csv ? decode_csv_record_length(*text) : 0;
  if (!csv) {
    const char *end = memchr(text->data, '\n', text->length);
    with_end = end == NULL ? 0 : (size_t)(end - text->data) + 1;
  }
  struct slice record = {text->data, with_end == 0 ? text->length : with_end - 1};
  if (with_end == 0) with_end = text->length;
  if (record.length > 0 && record.data[record.length - 1] == '\r') record.length--;
  *text = (struct slice){text->data + with_end, text->length - with_end};
  return record;
}

static int push_lines(struct weir *weir, int input, struct slice text, struct err *err) {
  struct slice records[STEP_BATCH_MAX];
  bool csv = engine_input_format(weir->engine, (uint32_t)input) == ENGINE_CSV;
  int status = 0;
  while (status == 0 && text.length > 0) {
    uint32_t count = 0;
    while (count < STEP_BATCH_MAX && text.length > 0) {
      struct slice record = next_record(&text, csv);
      if (record.length == 0) continue; /* blank */
      if (!weir->feeds[input].header_due) {
        records[count++] = record;
        continue;
      }
      status = push_header(weir, input, record, err);
      if (status != 0) return status;
    }
    status = engine_push(weir->engine, (uint32_t)input, records, count, err);
  }
  return status;
}

int weir_push(struct weir *weir, int input, const char *bytes, size_t length, struct err *err) {
  err_clear(err);
  int status;
  if (!ready_input(weir, input, err, &status)) return status;
  status = engine_may_push(weir->engine, (uint32_t)input, err); /* asked once: a call takes all or nothing */
  if (status != 0) return note(weir, status, err);
  if (MEM_GUARD(weir->run)) return out_of_memory(weir, err);
  weir->inside = true;
  buf_clear(&weir->lines);
  buf_reserve(&weir->lines, length + WEIR_COPY_PADDING);
  buf_add(&weir->lines, bytes, length);
  memset(weir->lines.data + length, 0, WEIR_COPY_PADDING);
  struct slice text = buf_view(&weir->lines);
  if (!weir->feeds[input].begun && text.length >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
    text = (struct slice){text.data + 3, text.length - 3};
  if (length > 0) weir->feeds[input].begun = true;
  status = push_lines(weir, input, text, err);
  return leave(weir, status, err);
}

int weir_push_records(struct weir *weir, int input, const struct weir_bytes *records, size_t count, struct err *err) {
  err_clear(err);
  int status;
  if (!ready_input(weir, input, err, &status)) return status;
  if (count > UINT32_MAX) return err_set(err, ERR_ABORT, "too many records in one call");
  if (weir->feeds[input].header_due) return err_set(err, ERR_ABORT, "no header line was pushed yet");
  if (MEM_GUARD(weir->run)) return out_of_memory(weir, err);
  weir->inside = true;
  status =
      engine_push(weir->engine, (uint32_t)input, (const struct slice *)(const void *)records, (uint32_t)count, err);
  return leave(weir, status, err);
}

int weir_push_header(struct weir *weir, int input, struct weir_bytes line, struct err *err) {
  err_clear(err);
  int status;
  if (!ready_input(weir, input, err, &status)) return status;
  if (MEM_GUARD(weir->run)) return out_of_memory(weir, err);
  weir->inside = true;
  return leave(weir, push_header(weir, input, (struct slice){line.data, line.length}, err), err);
}

/* ---- typed values ---- */

int weir_type(struct weir *weir, const char *name) {
  if (weir->ruleset == NULL) return -1;
  for (uint16_t t = 0; t < weir->ruleset->schema_count; t++)
    if (!weir->ruleset->schemas[t].derived && slice_equal(weir->ruleset->schemas[t].name, slice_of(name))) return t;
  return -1;
}

int weir_field(struct weir *weir, int type, const char *name) {
  if (weir->ruleset == NULL || type < 0 || type >= weir->ruleset->schema_count) return -1;
  const struct schema *schema = &weir->ruleset->schemas[type];
  for (uint16_t f = 0; f < schema->field_count; f++)
    if (slice_equal(schema->fields[f].name, slice_of(name))) return f;
  return -1;
}

static const char *value_of(const struct weir_value *from, struct arena *arena, unsigned depth, struct value *out) {
  *out = value_null();
  switch (from->kind) {
  case WEIR_NULL: return NULL;
  case WEIR_BOOL: *out = value_bool(from->i != 0); return NULL;
  case WEIR_INT: *out = value_int(from->i); return NULL;
  case WEIR_TIME: *out = value_time(from->i); return NULL;
  case WEIR_DURATION: *out = value_duration(from->i); return NULL;
  case WEIR_FLOAT:
    if (!isfinite(from->f)) return "a float that is not finite";
    *out = value_float(from->f == 0 ? 0 : from->f);
    return NULL;
  case WEIR_DECIMAL:
    if (from->scale > DECIMAL_DIGITS_MAX) return "a decimal with more than 18 digits after the point";
    *out = value_decimal(from->i, from->scale);
    return NULL;
  case WEIR_TEXT:
    if (from->text.length > RECORD_BYTES_MAX) return "a text that is too long";
    if (!utf8_valid((struct slice){from->text.data, from->text.length})) return "text that is no UTF-8";
    *out = value_string((struct slice){from->text.data, from->text.length});
    return NULL;
  case WEIR_LIST: break;
  default: return "a value of no known kind";
  }
  if (depth > 0) return "a bad element in the list";
  if (from->list.count > LIST_ELEMENTS_MAX) return "a list of more than 64 elements";
  struct value *items = arena_array(arena, struct value, from->list.count + 1);
  for (size_t i = 0; i < from->list.count; i++) {
    if (value_of(&from->list.items[i], arena, depth + 1, &items[i]) != NULL) return "a bad element in the list";
  }
  *out = (struct value){.kind = VALUE_LIST, .length = (uint32_t)from->list.count, .list = items};
  return NULL;
}

static void row_of(struct weir *weir, const struct weir_row *from, struct engine_row *row) {
  const struct schema *schema = &weir->ruleset->schemas[from->type];
  struct value *fields = arena_array(&weir->rows, struct value, schema->field_count + 1u);
  const char **bad = NULL;
  for (uint16_t f = 0; f < schema->field_count && f < from->count; f++) {
    struct value value;
    const char *reason = value_of(&from->values[f], &weir->rows, 0, &value);
    if (reason == NULL) reason = engine_conform(value, &schema->fields[f], &weir->rows, &fields[f]);
    if (reason == NULL) continue;
    fields[f] = value_null();
    if (bad == NULL) bad = arena_array(&weir->rows, const char *, schema->field_count + 1u);
    bad[f] = reason;
  }
  *row = (struct engine_row){.type = (uint16_t)from->type, .fields = fields, .bad = bad};
}

int weir_push_rows(struct weir *weir, int input, const struct weir_row *rows, size_t count, struct err *err) {
  err_clear(err);
  int status;
  if (!ready_input(weir, input, err, &status)) return status;
  for (size_t i = 0; i < count; i++)
    if (rows[i].type < 0 || rows[i].type >= weir->ruleset->schema_count || weir->ruleset->schemas[rows[i].type].derived)
      return err_set(err, ERR_ABORT, "row %zu has no type that comes from an input", i);
  if ((status = engine_may_push(weir->engine, (uint32_t)input, err)) != 0) return note(weir, status, err);
  if (MEM_GUARD(weir->run)) return out_of_memory(weir, err);
  weir->inside = true;
  for (size_t from = 0; from < count && status == 0; from += STEP_BATCH_MAX) {
    struct engine_row batch[STEP_BATCH_MAX];
    uint32_t batch_count = count - from > STEP_BATCH_MAX ? STEP_BATCH_MAX : (uint32_t)(count - from);
    arena_reset(&weir->rows);
    for (uint32_t i = 0; i < batch_count; i++) row_of(weir, &rows[from + i], &batch[i]);
    status = engine_push_rows(weir->engine, (uint32_t)input, batch, batch_count, err);
  }
  return leave(weir, status, err);
}

/* ---- time ---- */

int weir_stamp(struct weir *weir, int input, int64_t stamp_us, struct err *err) {
  err_clear(err);
  int status;
  if (!ready_input(weir, input, err, &status)) return status;
  if (stamp_us < TIME_MIN_US || stamp_us > TIME_MAX_US)
    return err_set(err, ERR_ABORT, "the stamp is outside the years 1 to 9999");
  engine_stamp(weir->engine, (uint32_t)input, stamp_us);
  return 0;
}

int weir_next_input(struct weir *weir) { return weir->engine == NULL ? -1 : engine_next(weir->engine); }

int weir_advance(struct weir *weir, int input, int64_t watermark_us, struct err *err) {
  err_clear(err);
  int status;
  if (!ready_input(weir, input, err, &status)) return status;
  if (MEM_GUARD(weir->run)) return out_of_memory(weir, err);
  weir->inside = true;
  return leave(weir, engine_advance(weir->engine, (uint32_t)input, watermark_us, err), err);
}

int weir_end(struct weir *weir, int input, struct err *err) {
  err_clear(err);
  int status;
  if (!ready_input(weir, input, err, &status)) return status;
  if (MEM_GUARD(weir->run)) return out_of_memory(weir, err);
  weir->inside = true;
  return leave(weir, engine_end(weir->engine, (uint32_t)input, err), err);
}

int weir_finish(struct weir *weir, struct err *err) {
  err_clear(err);
  int status;
  if (!ready(weir, err, &status)) return status;
  if (MEM_GUARD(weir->run)) return out_of_memory(weir, err);
  weir->inside = true;
  return leave(weir, engine_finish(weir->engine, weir->options.stop_at_end, err), err);
}

/* ---- output ---- */

static struct weir_bytes bytes_of(struct slice slice) { return (struct weir_bytes){slice.data, slice.length}; }

bool weir_next_alert(struct weir *weir, struct weir_alert *alert) {
  if (weir->engine == NULL || weir->failed.class != ERR_NONE) return false;
  const struct outbox_row *row = outbox_take(engine_alerts(weir->engine));
  if (row == NULL) return false;
  const struct slice *sinks = row->rule != NULL ? row->rule->sinks : row->group->sinks;
  *alert = (struct weir_alert){.json = bytes_of(row->bytes),
                               .rule = bytes_of(row->name),
                               .time_us = row->time,
                               .shadow = row->shadow,
                               .sink_count = row->rule != NULL ? row->rule->sink_count : row->group->sink_count,
                               .sinks = (const struct weir_bytes *)(const void *)sinks};
  return true;
}

bool weir_next_refused(struct weir *weir, struct weir_refused *refused) {
  if (weir->engine == NULL || weir->failed.class != ERR_NONE) return false;
  const struct outbox_row *row = outbox_take(engine_rejects(weir->engine));
  if (row == NULL) return false;
  *refused = (struct weir_refused){
      .json = bytes_of(row->bytes), .late = row->kind == OUTBOX_LATE, .sink = bytes_of(row->sink)};
  return true;
}

/* ---- figures ---- */

void weir_stats(struct weir *weir, struct weir_stats *stats) {
  *stats = (struct weir_stats){.frontier_us = INT64_MIN};
  stats->memory_used = mem_used(weir->run) + mem_used(weir->load);
  stats->memory_peak = mem_peak(weir->run) + mem_peak(weir->load);
  if (weir->ruleset != NULL) {
    stats->memory_used += mem_used(weir->ruleset->mem);
    stats->memory_peak += mem_peak(weir->ruleset->mem);
  }
  if (weir->engine == NULL || weir->failed.class != ERR_NONE) return;
  struct engine_totals totals = engine_totals(weir->engine);
  struct engine_limits limits = engine_limits(weir->engine);
  stats->read = totals.read;
  stats->processed = totals.processed;
  stats->late = totals.late;
  stats->dead = totals.dead;
  stats->duplicate = totals.duplicate;
  stats->ignored = totals.ignored;
  stats->held = totals.held;
  stats->bad_fields = totals.bad_fields;
  for (uint16_t t = 0; t < weir->ruleset->schema_count; t++) stats->derived += engine_derived(weir->engine, t);
  stats->order_spilled = totals.order_spilled;
  stats->alerts = totals.alerts;
  stats->to_nothing = totals.to_nothing;
  stats->shadow = totals.shadow;
  stats->overflow = engine_overflow(weir->engine);
  struct slice what, rule;
  if (engine_first_overflow(weir->engine, &what, &rule)) {
    stats->overflow_in = bytes_of(what);
    stats->overflow_rule = bytes_of(rule);
  }
  stats->suppressed = totals.suppressed;
  stats->unique_ids_forgotten = limits.unique_ids;
  stats->suppress_keys_forgotten = limits.suppress_keys;
  stats->derived_left_out = limits.derived_per_event;
  stats->frontier_us = engine_frontier(weir->engine);
  struct flow_counts counted = engine_flow_counts(weir->engine);
  stats->late_in_windows = counted.late_in;
  stats->dropped.counter_keys = counted.counter_keys_dropped;
  stats->dropped.counter_events = counted.counter_events_dropped;
  stats->dropped.counter_values = counted.counter_values_dropped;
  stats->dropped.windows = counted.windows_dropped;
  stats->dropped.joins = counted.joins_dropped;
  stats->dropped.groups = counted.groups_dropped;
  stats->dropped.lists = counted.live_dropped;
}

int weir_input_count(struct weir *weir) { return weir->engine == NULL ? 0 : (int)engine_input_count(weir->engine); }

bool weir_input_stats(struct weir *weir, int input, struct weir_input_stats *stats) {
  if (weir->failed.class != ERR_NONE || input < 0 || input >= weir_input_count(weir)) return false;
  struct engine_input_totals totals = engine_input_totals(weir->engine, (uint32_t)input);
  *stats = (struct weir_input_stats){.source = bytes_of(totals.source),
                                     .read = totals.read,
                                     .late = totals.late,
                                     .dead = totals.dead,
                                     .ignored = totals.ignored,
                                     .watermark_us = totals.watermark,
                                     .ended = totals.ended};
  return true;
}

int weir_rule_count(struct weir *weir) { return weir->ruleset == NULL ? 0 : weir->ruleset->named_rule_count; }

/* What the parts of a rule before its key changes have counted; what is told is the rule's own. */
static void add_parts(const struct weir *weir, const struct rule_parts *parts, struct weir_rule_stats *stats) {
  for (uint16_t p = 0; parts != NULL && p + 1 < parts->count; p++) {
    const struct rule_counts *counts = engine_rule_counts(weir->engine, (uint16_t)(parts->first + p));
    stats->started += counts->nfa.started;
    stats->open += counts->nfa.open;
    stats->runs_dropped += counts->nfa.dropped_runs_max;
    stats->entries_dropped += counts->nfa.dropped_entries_max;
    stats->match_events_dropped += counts->nfa.dropped_events_max;
    stats->matches_dropped += counts->nfa.dropped_told;
    stats->null_key += counts->null_key;
    stats->overflow += counts->expr.overflow;
    stats->regex_limit += counts->expr.regex_limit;
  }
}

bool weir_rule_stats(struct weir *weir, int rule, struct weir_rule_stats *stats) {
  if (weir->engine == NULL || weir->failed.class != ERR_NONE || rule < 0 || rule >= weir_rule_count(weir)) return false;
  const struct engine_rule_totals *totals = engine_rule_totals(weir->engine, (uint16_t)rule);
  const struct rule_counts *counts = engine_rule_counts(weir->engine, (uint16_t)rule);
  *stats = (struct weir_rule_stats){.rule = bytes_of(weir->ruleset->rules[rule].name),
                                    .told = totals->told,
                                    .suppressed = totals->suppressed,
                                    .shadow = totals->shadow,
                                    .to_nothing = totals->to_nothing,
                                    .matches = counts->nfa.told,
                                    .inactive = totals->inactive,
                                    .started = counts->nfa.started,
                                    .open = counts->nfa.open,
                                    .runs_dropped = counts->nfa.dropped_runs_max,
                                    .entries_dropped = counts->nfa.dropped_entries_max,
                                    .match_events_dropped = counts->nfa.dropped_events_max,
                                    .report_limit = totals->cut,
                                    .null_key = counts->null_key,
                                    .overflow = totals->expr.overflow + counts->expr.overflow,
                                    .regex_limit = totals->expr.regex_limit + counts->expr.regex_limit};
  add_parts(weir, weir->ruleset->rules[rule].parts, stats);
  return true;
}

bool weir_next_derived(struct weir *weir, uint64_t *cursor, struct weir_derived *derived) {
  if (weir->engine == NULL || weir->failed.class != ERR_NONE) return false;
  const struct ruleset *ruleset = weir->ruleset; /* what parts of rules make stands behind what has a name */
  for (; *cursor + ruleset->rule_count < (uint64_t)ruleset->schema_count + ruleset->named_rule_count; ++*cursor) {
    const struct schema *schema = &ruleset->schemas[*cursor];
    if (!schema->derived || schema->name.length == 0) continue;
    *derived = (struct weir_derived){bytes_of(schema->name), engine_derived(weir->engine, (uint16_t)*cursor)};
    ++*cursor;
    return true;
  }
  return false;
}

bool weir_next_group(struct weir *weir, uint64_t *cursor, struct weir_group_stats *stats) {
  if (weir->engine == NULL || weir->failed.class != ERR_NONE || *cursor >= weir->ruleset->group_count) return false;
  struct group_counts counts = engine_group_counts(weir->engine, (uint16_t)*cursor);
  *stats = (struct weir_group_stats){.group = bytes_of(weir->ruleset->groups[*cursor].name),
                                     .told = counts.entered,
                                     .alerts = counts.alerts,
                                     .null_key = counts.null_keys,
                                     .dropped = counts.dropped};
  ++*cursor;
  return true;
}

const char *weir_next_file(struct weir *weir, uint64_t *cursor) {
  if (weir->ruleset == NULL) return NULL;
  const struct data_file *file = weir->ruleset->files;
  for (uint64_t i = 0; i < *cursor && file != NULL; i++) file = file->next;
  *cursor += file != NULL;
  return file == NULL ? NULL : file->path;
}

bool weir_next_sink(struct weir *weir, uint64_t *cursor, struct weir_bytes *name) {
  if (weir->ruleset == NULL) return false;
  const struct ruleset *ruleset = weir->ruleset;
  uint64_t owner = *cursor >> 32, sink = *cursor & UINT32_MAX; /* rules, then groups, then event types */
  uint64_t groups = ruleset->rule_count, types = groups + ruleset->group_count;
  for (; owner < types; owner++, sink = 0) {
    bool group = owner >= groups;
    const struct slice *sinks = group ? ruleset->groups[owner - groups].sinks : ruleset->rules[owner].sinks;
    uint16_t count = group ? ruleset->groups[owner - groups].sink_count : ruleset->rules[owner].sink_count;
    if (sink >= count) continue;
    *name = bytes_of(sinks[sink]);
    *cursor = owner << 32 | (sink + 1);
    return true;
  }
  for (; owner < types + ruleset->schema_count; owner++) {
    const struct schema *schema = &ruleset->schemas[owner - types];
    if (schema->derived || schema->late != LATE_SIDE) continue;
    *name = bytes_of(schema->late_sink);
    *cursor = (owner + 1) << 32;
    return true;
  }
  return false;
}

static const struct profile *profile_of(struct weir *weir, uint64_t cursor) {
  if (!weir->options.profile || weir->engine == NULL || weir->failed.class != ERR_NONE) return NULL;
  if (cursor == 0) weir->profile = engine_profile(weir->engine);
  return weir->profile;
}

static void rule_figures(const struct weir *weir, const struct profile *profile, uint16_t rule,
                         struct weir_profile_row *row) {
  row->matches = engine_rule_counts(weir->engine, rule)->nfa.told;
  const struct engine_rule_totals *totals = engine_rule_totals(weir->engine, rule);
  row->told = totals->told - totals->to_nothing;
  row->open = profile->opens[rule].matches;
}

bool weir_next_profile(struct weir *weir, uint64_t *cursor, struct weir_profile_row *row) {
  const struct profile *profile = profile_of(weir, *cursor);
  if (profile == NULL) return false;
  uint16_t rules = weir->ruleset->rule_count;
  uint64_t number = *cursor; /* rules, what is counted, then the parts but what is outside */
  uint32_t counted = profile->predicates - PROFILE_PARTS;
  if (number >= counted + PROFILE_PARTS - 1u) return false;
  uint32_t at = number < counted ? PROFILE_PARTS + (uint32_t)number : (uint32_t)(number - counted) + 1;
  struct profile_line line = {.words = &weir->words};
  if (MEM_GUARD(weir->load)) {
    fail(weir, NULL, "out of memory");
    return false;
  }
  buf_clear(&weir->words);
  profile_line(profile, at, &line);
  mem_unguard(weir->load);
  *row = (struct weir_profile_row){.kind = bytes_of(slice_of(line.kind)),
                                   .name = bytes_of(buf_view(&weir->words)),
                                   .events = line.events,
                                   .state_bytes = line.bytes < 0 ? 0 : (size_t)line.bytes,
                                   .cpu_ns = line.ns};
  if (number < rules) rule_figures(weir, profile, (uint16_t)number, row);
  ++*cursor;
  return true;
}

bool weir_next_bad_field(struct weir *weir, uint64_t *cursor, struct weir_bad_field *bad) {
  if (weir->engine == NULL || weir->failed.class != ERR_NONE) return false;
  for (uint64_t type = *cursor >> 32, field = *cursor & UINT32_MAX; type < weir->ruleset->schema_count;
       type++, field = 0) {
    const struct schema *schema = &weir->ruleset->schemas[type];
    for (; field < schema->field_count; field++) {
      uint64_t count = engine_bad_fields(weir->engine, (uint16_t)type, (uint16_t)field);
      uint64_t absent = engine_absent_fields(weir->engine, (uint16_t)type, (uint16_t)field);
      if (count == 0 && absent == 0) continue;
      *bad = (struct weir_bad_field){bytes_of(schema->name), bytes_of(schema->fields[field].name), count, absent};
      *cursor = type << 32 | (field + 1);
      return true;
    }
  }
  return false;
}
