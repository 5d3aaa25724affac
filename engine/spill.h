/* spill.h - what does not fit into memory waits in a file without a name: sequences of records that are written once,
 * read once from their beginning, and whose place is then used again.
 *
 * A record is some bytes that know their length. Records are packed into blocks; one that is larger than a block has
 * blocks of its own. order.c puts waiting events here, outbox.c the alerts of one moment. The file is made in `TMPDIR`
 * at the first write and is gone with its memory context. One thread. Errors stay: after one, all that follows fails
 * too. */
#ifndef WEIR_ENGINE_SPILL_H
#define WEIR_ENGINE_SPILL_H

#include "base/env.h"

struct spill;

struct spill_run {
  uint32_t *blocks; /* numbers; SPILL_MORE marks one that goes on with the record of the one before */
  uint32_t count, capacity, read;
  uint64_t records; /* that were added */
};

/* `what` stands in errors, as "events that wait for earlier ones". Takes nothing until the first write. */
struct spill *spill_new(struct mem *mem, const struct env *env, size_t block_bytes, const char *what);

/* Records of one run are added one after the other; another run can be begun when this one is ended. `length` is a
 * multiple of 8. */
void spill_begin(struct spill *spill, struct spill_run *run);
void spill_add(struct spill *spill, const void *record, size_t length);
void spill_end(struct spill *spill);

/* The bytes that the next spill_read() needs room for; 0 = the run has been read. */
size_t spill_next_bytes(const struct spill *spill, const struct spill_run *run);
/* Reads the next records into `room` (8-aligned) and gives their place in the file back. They stand one behind the
 * other. Returns how many bytes they are; 0 after an error. */
size_t spill_read(struct spill *spill, struct spill_run *run, void *room);
void spill_run_free(struct spill *spill, struct spill_run *run);

int spill_status(const struct spill *spill, struct err *err); /* 0, or ERR_FATAL with its text; `err` may be NULL */
size_t spill_bytes(const struct spill *spill);                /* memory */

#endif
