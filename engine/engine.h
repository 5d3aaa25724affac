/* engine.h - the runtime inside: partitions in, order, derived events, matching, alerts out.
 *
 * weir.c puts the public library around it, test_run.c runs the tests of rule files on it. It lives in one memory
 * context (mem_free_all() frees it) and expects the caller's guard there. One thread. README.md says how an event goes
 * through it. */
#ifndef WEIR_ENGINE_ENGINE_H
#define WEIR_ENGINE_ENGINE_H

#include "base/decode.h"
#include "base/limits.h"
#include "engine/alert.h"
#include "engine/flow.h"
#include "engine/outbox.h"

enum {
  ENGINE_INPUTS_MAX = LIMIT_INPUTS, /* partitions; each push looks at all of them once */
  ENGINE_SOURCES_MAX = 256,
};

enum engine_format { ENGINE_JSON, ENGINE_CSV };

struct engine_options {
  const struct ruleset *ruleset;
  bool arrival;            /* `order arrival` */
  struct slice type_field; /* empty = "type" */
  enum nfa_mode mode;
  uint32_t batch_size;       /* events handed to the matcher at once, 1 to STEP_BATCH_MAX; 0 = that */
  uint32_t runs_max;         /* per rule and key; 0 = the default */
  uint32_t match_events_max; /* events that one open match may hold; 0 = the default */
  const bool *enabled;       /* one for each rule; NULL = all but those with `mode off`; borrowed */
  const bool *silent;        /* one for each rule: it acts, but is not told; NULL = none; borrowed */
  struct slice secret_key;   /* borrowed */
  bool profile;              /* engine_profile() has something to say */
  const struct env *env;     /* files for what does not fit into memory; borrowed; NULL = the host's */
  /* Called for every match that is told or suppressed, before its bytes are made; may be NULL. */
  void (*observe)(void *context, const struct alert *alert, bool told);
  void (*observe_band)(void *context, const struct group_entry *entry);  /* the same for groups; may be NULL */
  void (*observe_score)(void *context, const struct group_entry *entry); /* as flow_options.score; may be NULL */
  void *observe_context;
  /* Called when many rows wait inside a call that makes many (a deadline of many keys, the end of input), so that they
   * need not all stay in memory: the receiver takes them as after a push. 0, or an error class that stops the engine.
   * May be NULL. */
  int (*drain)(void *context);
  void *drain_context;
};

/* A row of typed values: an event of a source type. */
struct engine_row {
  uint16_t type;
  const struct value *fields; /* schema.field_count; those of computed fields are not looked at */
  const char *const *bad;     /* NULL, or for each field NULL or why its value could not be taken (a static text) */
};

struct engine_totals { /* read = processed + late + dead + duplicate + ignored + held, always */
  uint64_t read, processed, late, dead, duplicate, ignored, held;
  uint64_t bad_fields, suppressed;
  uint64_t alerts;        /* told: of rules, but those `to nothing`, and of groups */
  uint64_t to_nothing;    /* of rules that say so */
  uint64_t shadow;        /* of the alerts: for the sink `shadow` */
  uint64_t late_accepted; /* of the late ones: by `late accept`, which feeds windows alone */
  uint64_t order_spilled; /* events that waited in a file */
};

struct engine_rule_totals {
  uint64_t inactive; /* matches outside of `active` and `schedule`: nothing came of them */
  uint64_t told, suppressed, shadow, to_nothing, cut; /* shadow and to_nothing are among told */
  struct expr_counts expr;                            /* in `emit`, `message`, `suppress` */
};

struct engine_input_totals {
  struct slice source;
  uint32_t partition;
  uint64_t read, late, dead, ignored;
  int64_t watermark; /* INT64_MIN: no event yet */
  bool ended;
};

struct engine;

struct engine *engine_new(struct mem *mem, const struct engine_options *options);

/* A new partition; its number is how many were opened before. `type` empty = told by each record. Returns the number,
 * or ERR_ABORT: a type that is not declared or is derived, too many, or a new source name after the first record. */
int engine_open(struct engine *engine, struct slice source, struct slice type, enum engine_format format,
                struct err *err);

/* The log's stamp of the records that are pushed next (microseconds): `event_time log`, `clock ahead … behind …`. */
void engine_stamp(struct engine *engine, uint32_t input, int64_t stamp);

/* Records of one partition, in the order of its log, with DECODE padding behind each. 0; ERR_RETRY: the order buffer
 * is full, read engine_next() first, nothing was taken; ERR_FATAL. */
int engine_may_push(struct engine *engine, uint32_t input,
                    struct err *err); /* what a push would say before it begins */
int engine_push(struct engine *engine, uint32_t input, const struct slice *records, uint32_t count, struct err *err);
int engine_push_rows(struct engine *engine, uint32_t input, const struct engine_row *rows, uint32_t count,
                     struct err *err);
/* CSV: the header line of the records that follow. */
int engine_header(struct engine *engine, uint32_t input, struct slice line, struct err *err);

/* The open partition that is furthest behind in event time, the one to read next; -1 = none is open. */
int32_t engine_next(const struct engine *engine);

/* Time goes on in a partition: no event before `watermark` will come in it. */
int engine_advance(struct engine *engine, uint32_t input, int64_t watermark, struct err *err);
/* No more records will come; the partition holds nobody up any more. */
int engine_end(struct engine *engine, uint32_t input, struct err *err);
/* All partitions have ended. Everything that waits is decided: the watermark moves to the end of time; with
 * `leave_open` it does not, and what is open stays so. */
int engine_finish(struct engine *engine, bool leave_open, struct err *err);
/* Events that wait for earlier ones are released up to the highest time read, as if no earlier one could come; open
 * deadlines later than that stay open. Events that come afterwards and are older are late. (Tests of rule files.) */
int engine_settle(struct engine *engine, struct err *err);

struct outbox *engine_alerts(struct engine *engine);
struct outbox *engine_rejects(struct engine *engine); /* dead letters and late rows */

struct engine_totals engine_totals(const struct engine *engine);
uint32_t engine_input_count(const struct engine *engine);
enum engine_format engine_input_format(const struct engine *engine, uint32_t input);
struct engine_input_totals engine_input_totals(const struct engine *engine, uint32_t input);
/* Derived events of a type that were made: by a filter, a window, a join, or from a rule's alerts. */
uint64_t engine_derived(const struct engine *engine, uint16_t type);
struct group_counts engine_group_counts(const struct engine *engine, uint16_t group);
/* Values out of range that no rule's are: sums of counters and windows, entries of derived events. They are null. */
uint64_t engine_overflow(const struct engine *engine);
/* The first of them, of the pass that works first: the counter, window, join or derived event that was being made, and
 * of a counter a rule that asks it (else empty). False: there is none, or it has no name. */
bool engine_first_overflow(const struct engine *engine, struct slice *what, struct slice *rule);
const struct engine_rule_totals *engine_rule_totals(const struct engine *engine, uint16_t rule);
const struct rule_counts *engine_rule_counts(const struct engine *engine, uint16_t rule);
uint64_t engine_bad_fields(const struct engine *engine, uint16_t type, uint16_t field);
/* CSV headers without a column for it, though all their records are of the type. */
uint64_t engine_absent_fields(const struct engine *engine, uint16_t type, uint16_t field);
int64_t engine_frontier(const struct engine *engine); /* INT64_MIN at first, INT64_MAX at the end */
/* Numbers of the limits that were reached. */
struct engine_limits {
  uint64_t unique_ids, suppress_keys, derived_per_event;
};
struct engine_limits engine_limits(const struct engine *engine);
struct flow_counts engine_flow_counts(const struct engine *engine);

/* NULL: none is wanted. What is open and kept in it is as it was when all inputs had ended, before time moved to its
 * end; until then as it is now. */
const struct profile *engine_profile(const struct engine *engine);

/* Whether a typed value can stand in a field, and as what: ints for decimals, text for times and addresses, as in JSON.
 * NULL and *out, or a static text that says what was expected. */
const char *engine_conform(struct value value, const struct schema_field *field, struct arena *arena,
                           struct value *out);

#endif
