/* infer_field.h - what infer.c saw of each field, for infer_write.c to judge. Nobody else includes it. */
#ifndef WEIR_BASE_INFER_FIELD_H
#define WEIR_BASE_INFER_FIELD_H

#include "base/arena.h"
#include "base/decode.h"
#include "base/infer.h"

enum {
  INFER_SAMPLES = 5 /* values that are quoted */,
  INFER_SAMPLE_BYTES = 24,
  INFER_PATH_BYTES = 256,
  INFER_FIELDS_ALL_MAX = 2048
};

enum infer_kind { INFER_BOOL, INFER_INT, INFER_FRACTION, INFER_TEXT, INFER_ARRAY, INFER_OBJECT, INFER_KINDS };

struct infer_field {
  struct slice path;
  bool unreachable; /* a member's name has a point in it, or is empty */
  uint64_t nulls;   /* null where the record has the member */
  uint64_t kinds[INFER_KINDS];
  uint64_t elements[INFER_KINDS], element_nulls; /* of arrays */
  uint64_t times, addresses;                     /* texts that are RFC 3339 times, ip addresses */
  uint64_t huge;                                 /* ints beyond 64 bits */
  uint64_t beyond;                               /* numbers beyond a float */
  uint64_t exponents;
  unsigned digits; /* after the point, at most, without trailing zeros; of elements too */
  unsigned elements_max;
  double low, high; /* of numbers that a float holds */
  int64_t int_low, int_high, time_low, time_high;
  int64_t time_behind_us; /* how far a time was behind the highest before, at most; for numbers in their own unit */
  int64_t int_behind;
  uint64_t *distinct; /* hash set of values; INFER_DISTINCT_MAX are told apart */
  uint32_t distinct_count;
  char samples[INFER_SAMPLES][INFER_SAMPLE_BYTES]; /* texts, with a NUL */
  uint8_t sample_lengths[INFER_SAMPLES];
  bool samples_cut; /* one of them was too long to keep whole */
};

struct infer_type {
  struct slice name; /* as in the records; length 0 = they do not say it */
  uint64_t records;
  struct infer_field *fields;
  uint32_t field_count;
  uint64_t fields_left_out;
};

struct infer {
  struct mem *mem;
  struct slice event_name, type_field;
  struct decoder *decoder; /* judges records; wants nothing of them */
  struct arena arena;      /* of the record at hand */
  struct arena kept;       /* names and sets */
  struct infer_type types[INFER_TYPES_MAX];
  uint32_t type_count, field_count;
  uint64_t types_left_out; /* records of further types */
  uint64_t records, refused;
  char refused_detail[DECODE_DETAIL_MAX];
  bool csv;
  struct slice *columns;
  uint32_t column_count;
};

#endif
