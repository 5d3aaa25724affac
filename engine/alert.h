/* alert.h - from a match to the bytes that are told (formats.md 3).
 *
 * engine.c prepares a match (emitted fields, key text), asks suppress, and then has it written. One alerter for an
 * engine; one thread. All results live in the scratch arena until the caller resets it. */
#ifndef WEIR_ENGINE_ALERT_H
#define WEIR_ENGINE_ALERT_H

#include "base/hash.h"
#include "base/limits.h"
#include "engine/schedule.h"
#include "engine/step.h"

enum { ALERT_MATCHED_MAX = LIMIT_MATCHED }; /* entries of `matched`: the first 63 and the last */

struct alerter {
  const struct ruleset *ruleset;
  const struct slice *sources; /* names, by position.source */
  struct slice secret_key;     /* WEIR_SECRET_KEY */
  struct arena scratch;
  struct buf key_text, id_bytes, message; /* kept for their memory */
};

void alerter_init(struct alerter *alerter, struct mem *mem, const struct ruleset *ruleset, const struct slice *sources,
                  struct slice secret_key);

/* A match with what it emits. */
struct alert {
  const struct told *told;
  int64_t time;                  /* that it tells: the match's; of a window, its end */
  enum told_mode mode;           /* set by the caller behind alert_prepare() */
  const struct value *registers; /* rule.emit_registers */
  const struct value *emit;      /* rule.emit, clear */
  struct slice key_text;         /* JSON of the key, secrets clear: what sorts alerts and is in their id */
  struct expr_env env;           /* with the banks of event, register, key and emit */
};

/* `counts` are the rule's. The event bank is set for `on` rules alone: nothing else may read an event in `emit`. */
void alert_prepare(struct alerter *alerter, const struct told *told, struct expr_counts *counts, struct alert *alert);

/* What tells a rule's keys apart. */
struct hash128 alert_key(const struct alert *alert);

/* docs/alert-id.md: the exact bytes that are hashed. */
struct hash128 alert_id(struct alerter *alerter, const struct alert *alert);

/* One JSON object without a line end. `suppressed`: how many were not told before it; 0 = none. */
void alert_write(struct alerter *alerter, const struct alert *alert, uint64_t suppressed, struct buf *out);

#endif
