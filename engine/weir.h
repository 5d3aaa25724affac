/* weir.h - Weir as a library: rules and events in, alerts out.
 *
 *   struct err err;
 *   struct weir *weir = weir_new(NULL, &err);
 *   weir_load_files(weir, (const char *[]){"rules/"}, 1, &err);
 *   int input = weir_open(weir, "stdin", NULL, WEIR_JSON, &err);
 *   weir_push(weir, input, bytes, length, &err);            // whole lines, any number, again and again
 *   weir_finish(weir, &err);
 *   struct weir_alert alert;
 *   while (weir_next_alert(weir, &alert)) printf("%.*s\n", (int)alert.json.length, alert.json.data);
 *   weir_free(weir);
 *
 * Errors. Functions return 0 (or what they say) or a negative class of base/err.h, with a text in `err` (which may be
 * NULL): ERR_RETRY, nothing was changed, do what the text says and call again; ERR_ABORT, this call is refused and
 * everything else goes on; ERR_FATAL, the engine cannot go on (out of memory, a receiver that failed): every later call
 * says the same, and weir_free() is all that is left to do. Bad records are no errors: they are counted and told as
 * dead letters.
 *
 * Threads. A struct weir belongs to one thread at a time; several of them share nothing. No call blocks or waits.
 *
 * Memory. Bytes that are passed in are borrowed for the call. Bytes that are given out belong to the weir; each
 * function says how long they stand. Times are microseconds since 1970-01-01 UTC, durations microseconds.
 *
 * The same input gives the same alerts, byte for byte, however it is cut into pushes. */
#ifndef WEIR_ENGINE_WEIR_H
#define WEIR_ENGINE_WEIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct weir;
struct env; /* base/env.h */

struct weir_bytes { /* not ended by a NUL */
  const char *data;
  size_t length;
};

/* ---- making ---- */

enum weir_order {
  WEIR_ORDER_EVENT_TIME, /* events wait for earlier ones, as long as their `disorder` says */
  WEIR_ORDER_ARRIVAL,    /* no waiting: an event's time is at least that of all before it in its input */
};
enum weir_mode { WEIR_MODE_AUTO, WEIR_MODE_RUNS, WEIR_MODE_COMPACT }; /* how patterns are matched; for tests */

struct weir_options {  /* all zero is the default */
  size_t memory_limit; /* bytes for everything that runs; 0 = none. What limits follow from it: docs */
  enum weir_order order;
  const char *type_field;    /* the member that names an event's type; NULL = "type" */
  unsigned batch_size;       /* 1 to 64 events worked on together; 0 = 64; no effect on alerts */
  unsigned runs_max;         /* open partial matches of one rule and key; 0 = 100,000; at most 10,000,000 */
  unsigned match_events_max; /* events that one partial match may hold; 0 = 100,000; at most 10,000,000 */
  enum weir_mode mode;       /* tests */
  bool index_off;            /* tests */
  bool stop_at_end;          /* weir_finish() leaves open what is open, instead of moving time to its end */
  bool profile;              /* weir_next_profile() has something to say; costs time */
  /* Called from inside a call that makes very many alerts (a deadline of many keys), so that they need not all stay in
   * memory: it takes what is there with weir_next_alert() and weir_next_refused(), and calls nothing else. 0, or
   * negative: the running call returns ERR_FATAL. NULL = all wait until the call is over. */
  int (*drain)(void *context, struct weir *weir);
  void *drain_context;
  struct { /* tests: the n-th allocation fails while rules are read, compiled, run; 0 = none */
    uint64_t load, compile, run;
  } fail_at;
  const struct env *env; /* the door to the host; NULL = the host itself */
};

/* The environment's WEIR_SECRET_KEY is the key of `secret` fields; it is read here.
 * NULL with `err`: ERR_FATAL if there is no memory even for this, ERR_ABORT if a limit is above what it may be, or
 * `order` or `mode` is none of its enum. `options` NULL = all default; what it points to is copied. */
struct weir *weir_new(const struct weir_options *options, struct err *err);
void weir_free(struct weir *weir); /* always possible; NULL is fine */

/* ---- rules: once, before anything else; after rules with errors a new weir takes others ---- */

/* Files, or folders with `*.weir` files. ERR_ABORT: the rules have errors, weir_diagnostics() has them all; ERR_FATAL:
 * a file cannot be read. */
int weir_load_files(struct weir *weir, const char *const *paths, size_t count, struct err *err);
/* One text, called `name` in messages. */
int weir_load_text(struct weir *weir, const char *name, const char *text, size_t length, struct err *err);

/* What was said of the rules, warnings too: as people read it, or one JSON object a line. Empty if nothing was. Valid
 * until weir_free(). */
const char *weir_diagnostics(struct weir *weir, bool json);

/* The sinks that rules and event types name (`to NAME`, `late side NAME`), one after the other, some more than once:
 * *cursor starts as 0; false at the end. The bytes stand as long as the rules. */
bool weir_next_sink(struct weir *weir, uint64_t *cursor, struct weir_bytes *name);
/* The files of lists, tables and models that the rules have read: NULL at the end. *cursor starts as 0. The path stands
 * as long as the rules. */
const char *weir_next_file(struct weir *weir, uint64_t *cursor);

/* ---- input ---- */

enum weir_format { WEIR_JSON, WEIR_CSV };
enum {
  WEIR_PADDING = 32 /* bytes behind the end of a record that weir_push_records() may read (not use) */
};

/* A partition: a log whose records come in one order. Its number (from 0) is what the other calls and the alerts'
 * `partition` say; `source` is the alerts' `source`. `type`: the event type of all its records, or NULL if each tells
 * its own. Different source names, UTF-8 text, must be known before the first record is pushed. */
int weir_open(struct weir *weir, const char *source, const char *type, enum weir_format format, struct err *err);

/* Whole lines (the last may lack its line end). With CSV the first line ever is the header. Copied. ERR_RETRY: too much
 * waits in the order buffer; push into weir_next_input() first. */
int weir_push(struct weir *weir, int input, const char *bytes, size_t length, struct err *err);
/* The same without copying: records without line ends, each with WEIR_PADDING readable bytes behind it. */
int weir_push_records(struct weir *weir, int input, const struct weir_bytes *records, size_t count, struct err *err);
/* CSV: the header of the records that follow, where weir_push() does not see it. */
int weir_push_header(struct weir *weir, int input, struct weir_bytes line, struct err *err);

/* Typed values instead of bytes. */
enum weir_kind {
  WEIR_NULL,
  WEIR_BOOL,
  WEIR_INT,
  WEIR_FLOAT,
  WEIR_DECIMAL,
  WEIR_TEXT,
  WEIR_TIME,
  WEIR_DURATION,
  WEIR_LIST
};
struct weir_value {
  enum weir_kind kind;
  unsigned scale; /* WEIR_DECIMAL: digits after the point, 0 to 18 */
  union {
    int64_t i;              /* WEIR_BOOL 0 or 1; WEIR_INT; WEIR_DECIMAL's digits; WEIR_TIME, WEIR_DURATION */
    double f;               /* WEIR_FLOAT */
    struct weir_bytes text; /* WEIR_TEXT: also for addresses and RFC 3339 times */
    struct {
      const struct weir_value *items;
      size_t count;
    } list; /* WEIR_LIST, at most 64 */
  };
};
struct weir_row {
  int type;                        /* weir_type() */
  size_t count;                    /* of values; fields behind them are null */
  const struct weir_value *values; /* in the order of weir_field() */
};
int weir_type(struct weir *weir, const char *name);            /* -1 = not declared, or derived */
int weir_field(struct weir *weir, int type, const char *name); /* -1 = not declared */
/* A value that its field cannot take is judged as in a record: null and counted, or refused where it is `required`. */
int weir_push_rows(struct weir *weir, int input, const struct weir_row *rows, size_t count, struct err *err);

/* When the log took the records that are pushed next: the time of `event_time log` types, and what `clock ahead …
 * behind …` holds events against; in the years 1 to 9999. Inputs without stamps (files) have no such clock guard; for
 * them there is `jump … confirm`. */
int weir_stamp(struct weir *weir, int input, int64_t stamp_us, struct err *err);

/* The open input that is furthest behind in event time: reading it first keeps least waiting. -1 = none is open. */
int weir_next_input(struct weir *weir);
/* No event earlier than `watermark_us` will come in this input: time goes on without records. */
int weir_advance(struct weir *weir, int input, int64_t watermark_us, struct err *err);
/* This input has ended; it holds the others up no more. */
int weir_end(struct weir *weir, int input, struct err *err);
/* All inputs have ended: what waits is decided, open absences are told (unless stop_at_end). Nothing can be pushed any
 * more. */
int weir_finish(struct weir *weir, struct err *err);

/* ---- output ---- */

struct weir_alert {
  struct weir_bytes json; /* one object (formats page, 3), without a line end */
  struct weir_bytes rule;
  int64_t time_us;
  bool shadow;       /* of a rule in `mode shadow`: not for the ordinary receivers */
  size_t sink_count; /* 0: the rule names none */
  const struct weir_bytes *sinks;
};
struct weir_refused {
  struct weir_bytes json; /* a dead letter or a late row (formats page, 2) */
  bool late;
  struct weir_bytes sink; /* of `late side SINK`; empty = the dead letters */
};

/* The next one that was not taken, in their order; false if there is none. What they point to stands until the next
 * call that pushes, advances, ends or finishes. What is not taken waits. */
bool weir_next_alert(struct weir *weir, struct weir_alert *alert);
bool weir_next_refused(struct weir *weir, struct weir_refused *refused);

/* ---- figures, since the start ---- */

struct weir_dropped {                                    /* by limits, in what is counted */
  uint64_t counter_keys, counter_events, counter_values; /* keys; events of one window; different values */
  uint64_t windows, joins, groups, lists;                /* windows; events that waited; alerts; entries and rows */
};
struct weir_stats { /* read = processed + late + dead + duplicate + ignored + held, at every moment */
  uint64_t read, processed, late, dead, duplicate, ignored, held;
  uint64_t bad_fields;
  uint64_t derived;       /* events that filters, windows, joins and alerts made: weir_next_derived() */
  uint64_t alerts;        /* told: of rules, but those `to nothing`, and of groups */
  uint64_t suppressed;    /* by `suppress` */
  uint64_t to_nothing;    /* of rules that say so: told nobody */
  uint64_t shadow;        /* of the alerts: those for the sink `shadow` */
  uint64_t overflow;      /* sums of counters and windows, entries of derived events, that were out of range: null */
  uint64_t order_spilled; /* events that waited in a file */
  uint64_t unique_ids_forgotten, suppress_keys_forgotten, derived_left_out; /* limits that were reached */
  struct weir_dropped dropped;
  uint64_t late_in_windows; /* late events that windows with `lateness` took */
  int64_t frontier_us;      /* all earlier events are processed; INT64_MIN at first, INT64_MAX at the end */
  size_t memory_used, memory_peak;
  /* Where `overflow` began: a counter, window, join or derived event, and of a counter a rule that asks it. Empty: no
   * such place is known. */
  struct weir_bytes overflow_in, overflow_rule;
};
struct weir_input_stats {
  struct weir_bytes source;
  uint64_t read, late, dead, ignored;
  int64_t watermark_us; /* INT64_MIN: none yet */
  bool ended;
};
struct weir_rule_stats {
  struct weir_bytes rule;
  uint64_t told, suppressed, shadow, to_nothing; /* shadow and to_nothing are among told */
  uint64_t matches, inactive;                    /* all; of them outside of `active` or `schedule`: not told */
  uint64_t started, open;                        /* partial matches */
  uint64_t runs_dropped, entries_dropped;        /* by `runs_max`, by the limit of entries that memory gives */
  uint64_t match_events_dropped;                 /* partial matches that would have held more than `match_events_max` */
  uint64_t matches_dropped;                      /* before `at key`: beyond the events that go on at the new key */
  uint64_t report_limit;                         /* completions cut down by `report all limit` */
  uint64_t null_key;                             /* events whose key was null */
  uint64_t overflow, regex_limit;                /* values that became null, regexes that were given up */
};
struct weir_bad_field {
  struct weir_bytes type, field;
  uint64_t count;  /* values that became null */
  uint64_t absent; /* CSV headers that have no column for it, though all their records are of its type */
};
struct weir_derived {
  struct weir_bytes event; /* a derived type, or a rule whose alerts are events */
  uint64_t made;
};
struct weir_group_stats {
  struct weir_bytes group;
  uint64_t told;              /* bands that were entered */
  uint64_t alerts;            /* of its rules, that counted */
  uint64_t null_key, dropped; /* alerts with a null in the group's key; that a limit made it forget */
};

void weir_stats(struct weir *weir, struct weir_stats *stats);
int weir_input_count(struct weir *weir);
bool weir_input_stats(struct weir *weir, int input, struct weir_input_stats *stats);
int weir_rule_count(struct weir *weir);
bool weir_rule_stats(struct weir *weir, int rule, struct weir_rule_stats *stats); /* rules are in byte order of name */
/* By name, each declared one: *cursor starts as 0; false at the end. */
bool weir_next_derived(struct weir *weir, uint64_t *cursor, struct weir_derived *derived);
bool weir_next_group(struct weir *weir, uint64_t *cursor, struct weir_group_stats *stats);
/* What the run costs, if weir_options.profile: a row for each rule, then rows for what is no rule's. CPU times of all
 * rows are what the engine took; what is called through `drain` is not in them. *cursor starts as 0; false at the end.
 * What is open and kept: at the end of all inputs, before time moved to its end; before weir_finish() as it is now. The
 * bytes of a row stand until the next call. */
struct weir_profile_row {
  struct weir_bytes kind; /* "rule", "counters", "window", "join", "group", "decoding", "order", … Of a rule whose
                           * key changes each part before the last has a row: "takeover, part 1" */
  struct weir_bytes name; /* which one; empty where there is only one */
  uint64_t events;        /* it was stepped with, or asked its condition for; counters: that were added */
  uint64_t matches, told, open; /* of a rule */
  size_t state_bytes;           /* about; what rules hold together is in each of them */
  uint64_t cpu_ns;
};
bool weir_next_profile(struct weir *weir, uint64_t *cursor, struct weir_profile_row *row);

/* Fields that were ever bad or absent, one after the other: *cursor starts as 0; false at the end. */
bool weir_next_bad_field(struct weir *weir, uint64_t *cursor, struct weir_bad_field *bad);

#endif
