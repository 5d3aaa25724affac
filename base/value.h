/* value.h - the types and values of the language.
 *
 * A value is 16 bytes and borrows what it points to (a string's bytes, a v6 address, a list's elements): the owner is
 * the record buffer, the batch arena, a held event or the rule set. VALUE_NULL stands for "missing or null". */
#ifndef WEIR_BASE_VALUE_H
#define WEIR_BASE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

enum value_kind {
  VALUE_NULL = 0,
  VALUE_BOOL,     /* i: 0 or 1 */
  VALUE_INT,      /* i */
  VALUE_FLOAT,    /* f; never nan or infinite */
  VALUE_DECIMAL,  /* i: mantissa; scale: digits after the point, 0..18 */
  VALUE_STRING,   /* s, length bytes of UTF-8 */
  VALUE_TIME,     /* i: microseconds since 1970-01-01T00:00:00Z */
  VALUE_DURATION, /* i: microseconds */
  VALUE_IP,       /* v4: length 4, i = the address as a number; v6: length 16, ip = 16 bytes, network order */
  VALUE_LIST,     /* list, length elements (at most LIST_ELEMENTS_MAX) */
  VALUE_NETWORK,  /* literals and list entries only: as VALUE_IP, scale = prefix length */
  VALUE_KINDS
};

enum { LIST_ELEMENTS_MAX = 64, DECIMAL_DIGITS_MAX = 18 };

struct value {
  union {
    int64_t i;
    double f;
    const char *s;
    const uint8_t *ip;
    const struct value *list;
  };
  uint32_t length;
  uint8_t kind;  /* enum value_kind */
  uint8_t scale; /* VALUE_DECIMAL, VALUE_NETWORK */
  uint16_t zero;
};

/* A static type. `element` and its scale are for VALUE_LIST. Types are compared by type_equal(). VALUE_NULL as a type
 * means "the literal null: any type will do". */
struct type {
  uint8_t kind, scale, element, element_scale;
};

#define TYPE(k) ((struct type){.kind = (k)})
#define TYPE_DECIMAL(n) ((struct type){.kind = VALUE_DECIMAL, .scale = (uint8_t)(n)})

static inline bool type_equal(struct type a, struct type b) {
  return a.kind == b.kind && a.scale == b.scale && a.element == b.element && a.element_scale == b.element_scale;
}
/* "decimal(2)", "[string]": as it is written in a rule file. */
const char *type_name(struct type type, char out[32]);

static inline struct value value_null(void) { return (struct value){.kind = VALUE_NULL}; }
static inline struct value value_bool(bool b) { return (struct value){.i = b, .kind = VALUE_BOOL}; }
static inline struct value value_int(int64_t i) { return (struct value){.i = i, .kind = VALUE_INT}; }
static inline struct value value_float(double f) { return (struct value){.f = f, .kind = VALUE_FLOAT}; }
static inline struct value value_decimal(int64_t mantissa, unsigned scale) {
  return (struct value){.i = mantissa, .kind = VALUE_DECIMAL, .scale = (uint8_t)scale};
}
static inline struct value value_string(struct slice s) {
  return (struct value){.s = s.data, .length = (uint32_t)s.length, .kind = VALUE_STRING};
}
static inline struct value value_time(int64_t us) { return (struct value){.i = us, .kind = VALUE_TIME}; }
static inline struct value value_duration(int64_t us) { return (struct value){.i = us, .kind = VALUE_DURATION}; }
static inline bool value_is_null(struct value v) { return v.kind == VALUE_NULL; }
/* Of one type, values are equal if their `i` is. */
static inline bool value_is_plain(struct value v) {
  return v.kind == VALUE_INT || v.kind == VALUE_DECIMAL || v.kind == VALUE_TIME || v.kind == VALUE_BOOL;
}
static inline struct slice value_slice(struct value v) { return (struct slice){v.s, v.length}; }

/* Exact order of two values that are not null and of comparable types (equal kinds, or numbers of any kind: int,
 * decimal and float are compared by their exact mathematical value). Strings bytewise; v4 addresses before v6;
 * lists element by element. < 0, 0, > 0. */
int value_compare(struct value a, struct value b);
bool value_equal(struct value a, struct value b); /* the same, null equal to null only; for sets and tests */
/* Equal values have equal hashes, also over number kinds (1, 1.0 and 1.00). XXH3-64. */
uint64_t value_hash(struct value v);

/* Alert form (formats.md 3): JSON. Strings quoted, decimals with all digits, floats as RFC 8785, times RFC 3339 UTC,
 * durations as an int of microseconds, addresses RFC 5952 in quotes, lists as arrays. */
void value_json(struct buf *out, struct value v);
void value_message(struct buf *out,
                   struct value v); /* the same, strings (times, addresses) without quotes or escapes */

/* A deep copy into an arena. */
struct value value_copy(struct arena *arena, struct value v);
/* Bytes that a deep copy needs beside the 16 of the value itself. */
size_t value_extra_bytes(struct value v);
/* A deep copy whose bytes go to *extra, which is moved on (value_extra_bytes() of room; keep it 8-aligned for lists).
 */
struct value value_copy_to(char **extra, struct value v);

#endif
