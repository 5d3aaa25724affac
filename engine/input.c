/* input.c - the judgement over the records of one partition. Owned and called by engine.c. */
#include "engine/input.h"

#include <stdarg.h>

#include "base/check.h"
#include "base/time_text.h"

enum { DOUBT_BYTES_MAX = 4 << 20 };

/* A record on its way through the judgement: bytes, or a typed row (its bytes are made when somebody wants them). */
struct record {
  struct slice bytes;
  const struct engine_row *row;
  uint64_t offset;
};

static struct slice record_text(struct input_context *context, const struct record *record) {
  if (record->row == NULL) return record->bytes;
  const struct schema *schema = &context->ruleset->schemas[record->row->type];
  struct buf *out = &context->row_text;
  buf_clear(out);
  buf_str(out, "{\"type\":");
  buf_json_string(out, schema->named.length > 0 ? schema->named : schema->name);
  for (uint16_t i = 0; i < schema->field_count; i++) {
    const struct schema_field *field = &schema->fields[i];
    if (field->computed || value_is_null(record->row->fields[i])) continue;
    buf_byte(out, ',');
    buf_json_string(out, field->path);
    buf_byte(out, ':');
    value_json(out, record->row->fields[i]);
  }
  buf_byte(out, '}');
  return buf_view(out);
}

static struct reject_place place_of(const struct input *input, const struct record *record) {
  return (struct reject_place){.source = input->source, .partition = input->partition, .offset = record->offset};
}

static void __attribute__((format(printf, 5, 6)))
refuse(struct input *input, struct input_context *context, const struct record *record, const char *code,
       const char *format, ...) {
  char detail[DECODE_DETAIL_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(detail, sizeof detail, format, arguments);
  va_end(arguments);
  struct reject_place place = place_of(input, record);
  size_t at = context->rejects->bytes.length;
  reject_dead_letter(&context->rejects->bytes, slice_of(code), slice_of(detail), &place, (struct slice){0},
                     record_text(context, record));
  outbox_add(context->rejects, (struct outbox_row){.kind = OUTBOX_DEAD_LETTER}, at, NULL);
  input->dead++;
}

/* A field that was taken as null: counted, and the first of its kind and minute is told. */
static void bad_field(struct input *input, struct input_context *context, const struct record *record, uint16_t type,
                      uint16_t field, const char *reason, int64_t time) {
  context->bad_fields[type][field]++;
  input->bad_fields++;
  if (input->samples == NULL) input->samples = reject_samples_new(context->rejects->mem);
  if (!reject_sample(input->samples, type, field, reason, time)) return;
  struct reject_place place = place_of(input, record);
  size_t at = context->rejects->bytes.length;
  reject_dead_letter(&context->rejects->bytes, SLICE("bad_field"), slice_of(reason), &place,
                     context->ruleset->schemas[type].fields[field].name, record_text(context, record));
  outbox_add(context->rejects, (struct outbox_row){.kind = OUTBOX_DEAD_LETTER}, at, NULL);
}

static void late(struct input *input, struct input_context *context, const struct record *record,
                 const struct schema *schema, int64_t time) {
  input->late++;
  if (schema->late == LATE_ACCEPT) input->late_accepted++;
  if (schema->late == LATE_DROP || schema->late == LATE_ACCEPT) return;
  struct reject_place place = place_of(input, record);
  size_t at = context->rejects->bytes.length;
  reject_late(&context->rejects->bytes, schema->name, &place, time, watermark_of(&input->clock),
              record_text(context, record));
  struct outbox_row row = {.kind = OUTBOX_LATE, .time = time};
  if (schema->late == LATE_SIDE) row.sink = schema->late_sink;
  outbox_add(context->rejects, row, at, NULL);
}

static struct expr_env env_of(struct input_context *context, const struct value *values) {
  struct expr_env env = {.scratch = context->arena,
                         .lookup = &context->ruleset->lookup,
                         .lookup_context = (void *)(uintptr_t)context->ruleset,
                         .counts = &context->counts};
  env.banks[BANK_EVENT] = values;
  return env;
}

static __attribute__((noinline)) void compute_fields(struct input_context *context, const struct schema *schema,
                                                     struct value *values) {
  struct expr_env env = env_of(context, values);
  for (uint16_t i = 0; i < schema->computed_count; i++) {
    const struct schema_field *field = &schema->fields[schema->computed_order[i]];
    if (field->used) values[field->slot] = expr_eval(field->expr, &env);
  }
}

static __attribute__((noinline)) bool moves_time(struct input_context *context, const struct schema *schema,
                                                 const struct value *values) {
  struct expr_env env = env_of(context, values);
  return expr_truth(schema->watermark_when, &env) == 1;
}

static void refuse_clock(struct input *input, struct input_context *context, const struct record *record,
                         const struct schema *schema, enum watermark_verdict verdict, int64_t time) {
  char stood[TIME_TEXT_MAX], against[TIME_TEXT_MAX], bound[DURATION_TEXT_MAX];
  bool leap = verdict == WATERMARK_LEAP;
  time_text(stood, time);
  int64_t highest = input->clock.highest == WATERMARK_NONE ? input->clock.begin_highest : input->clock.highest;
  time_text(against, leap ? highest : input->stamp);
  duration_text(bound, leap ? schema->jump_us : verdict == WATERMARK_AHEAD ? schema->ahead_us : schema->behind_us);
  if (leap)
    refuse(input, context, record, "bad_clock", "%s leaps more than %s ahead of %s", stood, bound, against);
  else
    refuse(input, context, record, "bad_clock", "%s is more than %s %s the log's stamp %s", stood, bound,
           verdict == WATERMARK_AHEAD ? "ahead of" : "behind", against);
}

/* ---- the beginning of a partition ---- */

static void doubts_free(struct input *input, struct mem *mem) {
  while (input->doubts != NULL) {
    struct input_doubt *doubt = input->doubts;
    input->doubts = doubt->older;
    mem_free(mem, doubt);
  }
  input->doubt_bytes = 0;
}

void input_begin(struct input *input, struct mem *mem) {
  watermark_begin(&input->clock);
  doubts_free(input, mem);
}

static void doubt(struct input *input, struct input_context *context, const struct record *record, int64_t time) {
  struct mem *mem = context->rejects->mem;
  struct slice text = record_text(context, record);
  struct input_doubt *made = mem_alloc_raw(mem, sizeof *made + text.length);
  *made = (struct input_doubt){.older = input->doubts, .offset = record->offset, .time = time, .length = text.length};
  if (text.length > 0) memcpy(made->record, text.data, text.length);
  input->doubts = made;
  input->doubt_bytes += text.length;
  if (input->doubt_bytes > DOUBT_BYTES_MAX) input_begin(input, mem); /* so much is not kept: it stands */
}

/* The first events were far ahead of what follows: refused after all, in their order. */
static void disprove(struct input *input, struct input_context *context, const struct schema *schema) {
  char stood[TIME_TEXT_MAX], against[TIME_TEXT_MAX], bound[DURATION_TEXT_MAX];
  struct input_doubt *first = NULL;
  for (struct input_doubt *at = input->doubts, *older; at != NULL; at = older) {
    older = at->older;
    at->older = first;
    first = at;
  }
  input->doubts = first;
  time_text(against, input->clock.highest);
  duration_text(bound, schema->jump_us);
  for (const struct input_doubt *at = first; at != NULL; at = at->older) {
    struct record record = {.bytes = {at->record, at->length}, .offset = at->offset};
    struct position position = {.offset = at->offset, .partition = input->partition, .source = input->source_id};
    time_text(stood, at->time);
    refuse(input, context, &record, "bad_clock", "%s stood at the beginning, more than %s ahead of %s", stood, bound,
           against);
    input->taken--;
    context->disproved(context->disproved_context, &position);
  }
  doubts_free(input, context->rejects->mem);
}

/* The record that was read last: made where it is asked for, which is seldom. */
static struct record record_of(const struct input *input, struct slice bytes, const struct engine_row *row) {
  return (struct record){.bytes = bytes, .row = row, .offset = input->next_offset - 1};
}

/* The clock has not taken the event as it is, whose own time is `own`. Whether it is taken after all, late: event->time
 * is its moment then. */
static __attribute__((noinline)) bool taken_late(struct input *input, struct input_context *context,
                                                 struct record record, const struct schema *schema,
                                                 struct value *values, enum watermark_verdict verdict, int64_t own,
                                                 struct event *event) {
  if (verdict != WATERMARK_LATE) {
    refuse_clock(input, context, &record, schema, verdict, own);
    return false;
  }
  if (!schema->has_late) {
    late(input, context, &record, schema, event->time);
    return false;
  }
  /* Its moment is where its partition's watermark stands now. */
  values[schema->late_slot] = value_time(event->time);
  event->time = watermark_of(&input->clock);
  return true;
}

static __attribute__((noinline)) void begins(struct input *input, struct input_context *context, struct record record,
                                             const struct schema *schema, int64_t own) {
  if (input->clock.begin == BEGIN_DOUBTFUL) doubt(input, context, &record, own);
  if (input->clock.begin == BEGIN_DISPROVED) disprove(input, context, schema);
  if (input->clock.begin == BEGIN_CONFIRMED) doubts_free(input, context->rejects->mem);
}

/* The clock's judgement over a record that is whole: `bytes`, or a row. */
static inline __attribute__((always_inline)) bool judge(struct input *input, struct input_context *context,
                                                        struct slice bytes, const struct engine_row *row,
                                                        const struct schema *schema, struct value *values, int64_t time,
                                                        struct event *event) {
  if (schema->has_event_time) values[schema->event_time_slot] = value_time(time);
  if (schema->computed_count > 0) compute_fields(context, schema, values);
  bool moves = schema->watermark_when == NULL || moves_time(context, schema, values);
  event->time = time;
  enum watermark_verdict verdict = watermark_take(&input->clock, schema, &event->time, moves, input->stamp);
  if (__builtin_expect(verdict != WATERMARK_TAKEN, 0) &&
      !taken_late(input, context, record_of(input, bytes, row), schema, values, verdict, time, event))
    return false;
  if (__builtin_expect(input->clock.begin != BEGIN_OVER, 0))
    begins(input, context, record_of(input, bytes, row), schema, time);
  input->taken++;
  event->sequence = 0;
  event->position.offset = input->next_offset - 1;
  event->position.partition = input->partition;
  event->position.source = input->source_id;
  event->position.derived = 0;
  event->type = schema->id;
  event->values = values;
  return true;
}

/* The record was no event. */
static __attribute__((noinline)) void not_decoded(struct input *input, struct input_context *context,
                                                  struct slice bytes) {
  const struct decoded *decoded = &context->decoded;
  if (decoded->code == DECODE_BLANK) return;
  input->next_offset++;
  input->read++;
  struct record record = record_of(input, bytes, NULL);
  if (decoded->code == DECODE_IGNORED)
    input->ignored++;
  else
    refuse(input, context, &record, decode_code_name(decoded->code), "%s", decoded->detail);
}

static __attribute__((noinline)) void no_time(struct input *input, struct input_context *context,
                                              const struct record record, const struct schema *schema) {
  refuse(input, context, &record, "no_time", "the event time of `%.*s` is the log's stamp, and this input has none",
         SLICE_ARG(schema->name));
}

static __attribute__((noinline)) void bad_fields(struct input *input, struct input_context *context,
                                                 const struct record record, int64_t time) {
  const struct decoded *decoded = &context->decoded;
  for (uint16_t i = 0; i < decoded->bad_count; i++)
    bad_field(input, context, &record, decoded->type, decoded->bad[i].field, decoded->bad[i].reason, time);
}

bool input_take(struct input *input, struct input_context *context, struct slice bytes, struct event *event) {
  struct decoded *decoded = &context->decoded;
  decode_record(input->decoder, bytes, context->arena, decoded);
  if (__builtin_expect(decoded->code != DECODE_OK, 0)) {
    not_decoded(input, context, bytes);
    return false;
  }
  input->next_offset++;
  input->read++;
  const struct schema *schema = &context->ruleset->schemas[decoded->type];
  int64_t time = decoded->time;
  if (schema->time_field < 0) {
    time = input->stamp;
    if (time == WATERMARK_NONE) {
      no_time(input, context, record_of(input, bytes, NULL), schema);
      return false;
    }
  }
  if (decoded->bad_count > 0) bad_fields(input, context, record_of(input, bytes, NULL), time);
  return judge(input, context, bytes, NULL, schema, decoded->values, time, event);
}

/* The same refusals as the decoder's, on values. */
static bool row_time(struct input *input, struct input_context *context, const struct record *record,
                     const struct schema *schema, int64_t *time) {
  const struct engine_row *row = record->row;
  if (schema->time_field < 0) {
    if (input->stamp == WATERMARK_NONE) no_time(input, context, *record, schema);
    *time = input->stamp;
    return input->stamp != WATERMARK_NONE;
  }
  struct slice name = schema->fields[schema->time_field].name;
  if (row->bad != NULL && row->bad[schema->time_field] != NULL) {
    refuse(input, context, record, "bad_time", "`%.*s`: %s", SLICE_ARG(name), row->bad[schema->time_field]);
    return false;
  }
  struct value value = row->fields[schema->time_field];
  if (value.kind != VALUE_TIME) {
    refuse(input, context, record, "no_time", "`%.*s`: the event time is missing or null", SLICE_ARG(name));
    return false;
  }
  *time = value.i;
  return true;
}

bool input_take_row(struct input *input, struct input_context *context, const struct engine_row *row,
                    struct event *event) {
  struct record record = {.row = row, .offset = input->next_offset++};
  const struct schema *schema = &context->ruleset->schemas[row->type];
  input->read++;
  int64_t time;
  if (!row_time(input, context, &record, schema, &time)) return false;
  struct value *values = arena_array(context->arena, struct value, schema->slot_count + 1u);
  for (uint16_t i = 0; i < schema->field_count; i++) {
    const struct schema_field *field = &schema->fields[i];
    if (field->computed) continue;
    bool bad = row->bad != NULL && row->bad[i] != NULL;
    if (field->required && (bad || value_is_null(row->fields[i]))) {
      refuse(input, context, &record, "bad_required", "`%.*s`: %s", SLICE_ARG(field->name),
             bad ? row->bad[i] : "required, but missing or null");
      return false;
    }
    if (field->used && !bad) values[field->slot] = row->fields[i];
  }
  for (uint16_t i = 0; row->bad != NULL && i < schema->field_count; i++)
    if (row->bad[i] != NULL && !schema->fields[i].computed)
      bad_field(input, context, &record, row->type, i, row->bad[i], time);
  return judge(input, context, (struct slice){NULL, 0}, row, schema, values, time, event);
}
