/* decode_plan.h - what JSON and CSV decoding share: which fields of which type are wanted and where they go, the
 * choice of the event type, and the last judgement over a record (time, required fields, bad fields).
 *
 * Used by decode.c (which implements it), decode_json.c, decode_csv.c and nobody else. */
#ifndef WEIR_BASE_DECODE_PLAN_H
#define WEIR_BASE_DECODE_PLAN_H

#include "base/decode.h"
#include "base/decode_value.h"

/* One wanted field: used by some rule, required, or the event time. Fields that no rule reads have no slot in the
 * event; they get one behind the schema's own, so that they can be judged. */
struct decode_target {
  const struct schema_field *field;
  uint16_t field_index;
  uint16_t slot;
};

/* A source type of the rule set, or (schema NULL) "a type that nobody declared", which wants nothing. */
struct decode_type {
  const struct schema *schema;
  struct decode_target *targets;
  uint16_t target_count;
  uint16_t slot_count; /* the schema's, and the ones behind */
  int32_t time_target; /* -1 = event_time log */
  int32_t time_slot;   /* its */
  uint16_t *required;  /* targets, in field order */
  uint16_t required_count;
};

struct decode_name {
  struct slice name;
  uint16_t type; /* index in decoder.types */
};

struct decode_bad {
  uint16_t target;
  const char *reason;
};

struct json_plan;
struct csv_plan;

struct decoder {
  struct mem *mem;
  const struct decode_plan *plan;
  struct decode_type *types; /* the source types in the plan's order, then the one that wants nothing */
  uint16_t type_count;       /* without that last one */
  struct decode_name *names; /* sorted; declared names and `named` ones */
  uint32_t name_count;
  int32_t fixed, only;    /* as in the plan, but indices in types */
  uint16_t predicted;     /* the type of the record before */
  uint16_t bad_count;     /* of the record at hand */
  struct decode_bad *bad; /* room for the targets of any type */
  struct json_plan *json; /* one of the two is NULL */
  struct csv_plan *csv;
};

enum { DECODE_TYPE_UNSEEN = -1, DECODE_TYPE_UNKNOWN = -2 };

struct decoder *decode_plan_new(struct mem *mem, const struct decode_plan *plan);

/* The type called `name`: index in types or DECODE_TYPE_UNKNOWN. `guess` is asked first. */
int32_t decode_type_named(const struct decoder *decoder, struct slice name, uint16_t guess);

/* The type of a record whose type field held `seen` (an index, UNSEEN: no string there, UNKNOWN). Returns the index,
 * or -1 with out->code (ignored, bad_schema) and detail set. */
int32_t decode_type_unseen(const struct decoder *decoder, int32_t seen, struct decoded *out);
static inline int32_t decode_type_final(const struct decoder *decoder, int32_t seen, struct decoded *out) {
  if (decoder->fixed >= 0) return decoder->fixed;
  return seen >= 0 ? seen : decode_type_unseen(decoder, seen, out);
}

/* Note, or take back, that a target's value was bad; a later member of the same name may mend it. */
void decode_bad_set(struct decoder *decoder, uint16_t target, const char *reason);
void decode_bad_clear(struct decoder *decoder, uint16_t target);

/* All fields are in `values`: judge time and required fields and fill `out`. The second for those with a flaw. */
void decode_finish_flawed(struct decoder *decoder, const struct decode_type *type, struct value *values,
                          struct arena *arena, struct decoded *out);
static inline void decode_finish(struct decoder *decoder, const struct decode_type *type, struct value *values,
                                 struct arena *arena, struct decoded *out) {
  bool whole = decoder->bad_count == 0;
  if (type->time_slot >= 0) {
    whole &= !value_is_null(values[type->time_slot]);
    out->time = values[type->time_slot].i;
  }
  for (uint16_t i = 0; i < type->required_count; i++)
    whole &= !value_is_null(values[type->targets[type->required[i]].slot]);
  if (__builtin_expect(!whole, 0)) {
    decode_finish_flawed(decoder, type, values, arena, out);
    return;
  }
  out->values = values;
  out->type = type->schema->id;
}

/* With the field's name, and its path where that differs: `country` (from "merchant.country"). */
void decode_refuse_field(struct decoded *out, enum decode_code code, const struct schema_field *field,
                         const char *reason);
void decode_refuse(struct decoded *out, enum decode_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

bool decode_is_blank(struct slice record);

/* decode_json.c, decode_csv.c */
void decode_json_record(struct decoder *decoder, struct slice record, struct arena *arena, struct decoded *out);
void decode_csv_record(struct decoder *decoder, struct slice record, struct arena *arena, struct decoded *out);

/* A list from the text of a JSON array, as a cell of a CSV file has it; the rest as in decode_value.h. */
bool decode_json_list(struct decode_form form, struct slice text, struct arena *arena, struct value *out,
                      const char **reason);

/* Text that a JSON string was checked to hold, with its escapes replaced; in the arena. */
struct slice decode_json_unescape(struct slice text, struct arena *arena);

/* The cells of one CSV record. At most `room` are stored; returns how many there are. On an error error->text is set.
 */
struct csv_cell {
  struct slice text; /* without the quotes around it */
  bool quoted;
  bool doubled; /* has doubled quotes */
};
struct csv_error {
  size_t byte; /* from 1 */
  const char *text;
};
uint32_t decode_csv_split(struct slice record, struct csv_cell *cells, uint32_t room, struct csv_error *error);
/* The cell's text with doubled quotes made single; in the arena if it has some. */
struct slice decode_csv_text(const struct csv_cell *cell, struct arena *arena);

#endif
