/* infer.h - proposes event declarations from sample records: `weir infer FILE`.
 *
 * It tells what it saw (types, times and their unit, ranges, how often a value was missing, how many different values)
 * as comments beside a declaration that can be used as it is. Which fields are keys is left to the reader. One thread.
 */
#ifndef WEIR_BASE_INFER_H
#define WEIR_BASE_INFER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"

enum {
  INFER_RECORDS = 10000, /* as many as are worth looking at */
  INFER_TYPES_MAX = 64,  /* more types, or more fields of a type, are counted and named in a comment only */
  INFER_FIELDS_MAX = 256,
  INFER_DISTINCT_MAX = 1024 /* different values of a field that are told apart */
};

struct infer;

/* `event_name`: how a type is called whose records do not say it (made a NAME if it is none; borrowed). `type_field`:
 * "type" unless renamed (borrowed). */
struct infer *infer_new(struct mem *mem, struct slice event_name, struct slice type_field);
void infer_free(struct infer *infer);

/* A JSON record, readable for 32 bytes behind its end. What is no JSON object is counted, and the first one told. */
void infer_json(struct infer *infer, struct slice record);

/* CSV: the header once per file (ERR_ABORT if it is none), then records. */
int infer_csv_header(struct infer *infer, struct slice line, struct err *err);
void infer_csv(struct infer *infer, struct slice record);

/* Whether there is anything to propose; if not, `why` gets what is to be said instead. */
bool infer_found(const struct infer *infer, struct buf *why);
/* The declarations as rule text. Types in the order in which they came. Nothing but comments if there was no record. */
void infer_write(const struct infer *infer, struct buf *out);

#endif
