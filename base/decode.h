/* decode.h - records (bytes) to typed field values. decode_json.c and decode_csv.c implement it; the engine calls it.
 *
 * A decoder belongs to one input partition and one thread: it remembers the key order of the records it saw (for each
 * event type, which member stood where), so that most members of the next record are found by one comparison. */
#ifndef WEIR_BASE_DECODE_H
#define WEIR_BASE_DECODE_H

#include "base/err.h"
#include "base/event.h"

enum { RECORD_BYTES_MAX = 1 << 20, RECORD_DEPTH_MAX = 64, DECODE_DETAIL_MAX = 200 };

/* Which types may come, and how a record tells its type (formats.md 2). Borrowed by the decoder. */
struct decode_plan {
  const struct schema *schemas; /* the rule set's, derived ones included (never matched by type) */
  uint16_t schema_count;
  int32_t fixed_type;      /* schema id when the input says its type; -1 = by the type field */
  int32_t only_type;       /* the one source type of the rule set, used when a record has no type field; -1 = none */
  struct slice type_field; /* "type" unless renamed */
};

enum decode_code { /* the first is fine; the others are formats.md's dead-letter codes */
                   DECODE_OK,
                   DECODE_BLANK /* an empty line: not a record */,
                   DECODE_IGNORED /* a type that nobody declared */,
                   DECODE_BAD_JSON,
                   DECODE_NO_TIME,
                   DECODE_BAD_TIME,
                   DECODE_BAD_REQUIRED,
                   DECODE_TOO_LONG,
                   DECODE_TOO_DEEP,
                   DECODE_BAD_UTF8,
                   DECODE_BAD_SCHEMA,
                   DECODE_CODES
};
const char *decode_code_name(enum decode_code code); /* "bad_json", … */

struct bad_field {
  uint16_t field;     /* index in schema.fields; its slot was made null */
  const char *reason; /* a static text, as "expected an int" */
};

struct decoded {
  enum decode_code code;
  uint16_t type;         /* schema id, valid when DECODE_OK */
  int64_t time;          /* microseconds; 0 with event_time log (the caller sets it) */
  struct value *values;  /* slot_count; in the batch arena; computed slots are null; strings point into the record where
                            it has no escapes */
  uint16_t bad_count;    /* fields taken as null because of a bad value (event is still taken) */
  struct bad_field *bad; /* in the arena */
  char detail[DECODE_DETAIL_MAX]; /* for a refused record: "expected `,` or `}` at byte 17" */
};

struct decoder;

/* `plan` and its schemas outlive the decoder. Compiles the field paths into a lookup; allocates only here. */
struct decoder *decoder_json_new(struct mem *mem, const struct decode_plan *plan);
/* CSV: the first record is the header line (call decoder_csv_header once per file). */
struct decoder *decoder_csv_new(struct mem *mem, const struct decode_plan *plan);
int decoder_csv_header(struct decoder *decoder, struct slice line, struct err *err);
/* Whether a header has no comma, but a semicolon, a tab or a bar: what many call CSV, too. */
bool decode_csv_other_separator(struct slice header);
/* The fields (of schema.fields) that the header has no column for, one after the other, where all records are of one
 * type; not those without which a record is refused, as that is said of each. *cursor starts as 0; false at the end. */
bool decoder_csv_absent(const struct decoder *decoder, uint16_t *cursor, uint16_t *type, uint16_t *field);

/* What the formats leave open is settled so:
 * - A place in a detail is a byte of the record, counted from 1. CSV that is not CSV (quotes, number of cells) is
 * bad_json.
 * - Points in a path, and in the type field, separate member names: a name with a point in it cannot be reached.
 * - Of equal names in one object the last wins, also over objects: {"o":{"a":1},"o":{"b":2}} has no o.a.
 * - A path that leads through something else than an object: the field is missing. A null is as good as missing, also
 * in the type field. Where one type is declared, a type field without a string is as good as none.
 * - `time(s)`, `time(ms)`, `time(us)` take any number that is a whole count of microseconds, as 1700000000.25 in
 * seconds.
 * - A duration is an int of microseconds or text as "1h30m". An element of a list that is null is a bad element.
 * - In CSV the header's names are the paths; a list is a JSON array in its cell; what is in quotes is judged as if it
 * were not, but that `""` is the empty string and never null. A column that a field reads must not stand in the header
 * twice. */

/* One record, without its line end. `record` must stay as long as the values are used, and be readable for 32 bytes
 * behind its end (the reader pads its buffers), so that the scanner may load whole vectors. */
void decode_record(struct decoder *decoder, struct slice record, struct arena *arena, struct decoded *out);

/* Whether `bytes` at the start of a CSV stream end inside a quoted cell (a record may span lines): the length of the
 * first whole CSV record with its line end, 0 if there is none yet. */
size_t decode_csv_record_length(struct slice bytes);

#endif
