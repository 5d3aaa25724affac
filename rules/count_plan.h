/* count_plan.h - what is counted, as rules/lower hands it to engine/: populations and their counters, windows, joins,
 * groups, lists and tables that change at run time. Part of the rule set: immutable, shared by all threads.
 *
 * A *population* is the events of one type that satisfy one condition, by one key. Counters of all rules that have
 * equal events and equal keys share it: it keeps each event once, however many counters look at it. An event that asks
 * gets the counters' values into slots of its own behind its fields (schema.asked_first …), so that conditions, the
 * index and held events read them as any field. */
#ifndef WEIR_RULES_COUNT_PLAN_H
#define WEIR_RULES_COUNT_PLAN_H

#include "base/expr.h"
#include "base/limits.h"
#include "base/zone.h"
#include "nfa/pattern.h"
#include "rules/tree.h"

enum { NO_COLUMN = 0xffff, LEVELS_MAX = LIMIT_STAGES };

/* ---- aggregates: of counters and of windows ----
 *
 * Nulls take no part, but for first, last and nth, which give the event's value, null or not. Of nothing, count,
 * distinct, sum and rate are 0 of their type, all others null. avg, stddev as sum.h. median is the middle value or the
 * mean of the two middle ones; percentile(f, p) interpolates linearly between the two nearest ranks, rank = p / 100 *
 * (n - 1); both are floats. first, last, nth, collect follow the order of events; collect(f, n) is the last n values.
 * top(f, n) lists the n values with the highest count (sum, …), equal ones by value; rate() is events per second of the
 * window's length. ewma(f, D): the mean with weights 2^(-(t - time) / D), D the half-life, t the time that asks. */

struct aggregate_plan {
  enum aggregate kind;    /* AGG_COUNT … AGG_RATE */
  bool approx;            /* sketches from the first value on (distinct, median, percentile) */
  uint16_t column;        /* what it is over; NO_COLUMN: count() and rate() count events */
  uint16_t where;         /* a column of type bool: events where it is not true take no part; NO_COLUMN = all do */
  enum aggregate order;   /* top: AGG_COUNT, or `by sum(g)`: AGG_SUM, AGG_AVG, AGG_MIN, AGG_MAX */
  uint16_t order_column;  /* of g; NO_COLUMN */
  int64_t parameter;      /* percentile, top, collect, nth: the number; ewma: microseconds; else 0 */
  struct type argument;   /* of the column; VALUE_NULL without one */
  struct type order_type; /* of the order column */
  struct type type;       /* of what is told */
};

/* A value that is computed from each event and kept. Aggregates over different columns share the events. */
struct count_column {
  const struct expr *expr; /* BANK_EVENT */
  struct type type;
};

/* ---- counters ---- */

struct counter_window {
  enum span_kind span;     /* SPAN_DURATION, SPAN_PREVIOUS, SPAN_LAST, SPAN_TODAY, SPAN_EVER */
  int64_t over_us;         /* DURATION, PREVIOUS: (t - over_us, t]; LAST: `within`, -1 = none; EVER: idle; TODAY: -1 */
  int64_t last;            /* LAST: so many events */
  const struct zone *zone; /* TODAY; NULL = UTC */
};

enum counter_kind {
  COUNTER_AGGREGATE,
  COUNTER_SEEN,    /* seen(f, D): an earlier event of the population with time > t - D had the asked value in column */
  COUNTER_PREVIOUS /* previous(f): the column's value of the event before in the population */
};

struct counter_plan {
  uint16_t population;
  enum counter_kind kind;
  uint16_t window;                 /* in the population's windows; SEEN and PREVIOUS have one too */
  uint16_t column;                 /* SEEN, PREVIOUS; else aggregate.column */
  struct aggregate_plan aggregate; /* COUNTER_AGGREGATE */
  bool before;                     /* asked before the event in hand is added: SEEN, PREVIOUS, `over previous` */
  struct type type;
  struct slice text; /* as fmt prints it, with its events, condition and key: for explain */
};

/* Bytes at one key (rules/count_size.h). */
struct count_size {
  size_t state; /* without events; what stands beside it comes on top: */
  size_t event; /* of each event that is kept; 0: none is */
  size_t value; /* of each different value (distinct, seen); 0: none is kept */
};

struct population {
  uint16_t type;     /* of its events */
  int32_t predicate; /* their condition; PREDICATE_TRUE = all of the type */
  uint16_t space;    /* its key: a key space of the rule set; the events' slots are there */
  uint64_t levels;   /* bits: passes whose rules ask it; each has states of its own */
  uint16_t column_count, window_count, counter_count;
  const struct count_column *columns;
  const struct counter_window *windows;
  const uint16_t *counters; /* ids in ruleset.counters, in the order of their windows */
  struct count_size size;   /* at most; all 0 = not stated, in plans that were made by hand */
};

/* An event type asks a counter: the value goes to `slot` of the event before its conditions are looked at. */
struct counter_ask {
  uint16_t counter, slot;
  uint64_t levels;            /* bits: passes whose rules read it */
  const uint16_t *key_slots;  /* of the event that asks, one for each part of the population's key */
  bool own_key;               /* they are the population's space's slots for this type: the event's own record */
  bool members_only;          /* nobody reads it of events that are not in the population */
  const struct expr *operand; /* SEEN: the value that is asked for, over BANK_EVENT of the event that asks; NULL */
};

/* ---- windows ---- */

/* Banks of what a window tells: BANK_REGISTER the aggregates, BANK_KEY the key's parts, BANK_WINDOW these: */
enum window_value { WINDOW_START, WINDOW_END, WINDOW_REVISION, WINDOW_PARTIAL, WINDOW_VALUES };

struct window_from {
  uint16_t type;
  const struct expr *where; /* BANK_EVENT; NULL = all */
  const uint16_t *key_slots;
  const struct expr *const *columns; /* BANK_EVENT: one for each column */
};

struct window_plan {
  uint16_t schema; /* what it makes; all its slots are set from `entries` */
  uint16_t stage;  /* in which it works (runtime.md 3): in the order of alerts */
  uint16_t level;  /* of the pass that feeds it: above those that make what it reads */
  enum window_kind kind;
  int64_t size_us, every_us;     /* TUMBLING, SLIDING (every_us < size_us or equal), SESSION: size_us = the gap */
  int64_t count, every_count;    /* COUNT: N events, moving by every_count (N if not said) */
  int64_t offset_us;             /* 0 if not said */
  int64_t lateness_us;           /* 0 if not said */
  int64_t early_us, early_count; /* -1 = not said */
  int64_t known_us;              /* every key known for; -1 */
  const struct zone *zone;       /* TODAY; NULL = UTC */
  const struct expr *early_when; /* the banks above; NULL */
  uint16_t key_count;            /* 0: `key none` */
  const struct slice *key_names;
  const struct type *key_types;
  uint16_t from_count;
  const struct window_from *from;
  uint16_t column_count;
  const struct type *columns;
  uint16_t aggregate_count;
  const struct aggregate_plan *aggregates;
  const struct expr *const *entries; /* one for each slot of the schema */
};

/* ---- joins ---- */

enum join_value { JOIN_LEFT_TIME, JOIN_RIGHT_TIME, JOIN_VALUES }; /* of BANK_WINDOW; null for a missing side */

struct join_plan { /* pairs with low_us <= right.time - left.time <= high_us and equal keys for which `where` holds */
  uint16_t schema, stage, level;
  uint16_t types[2]; /* left, right */
  const uint16_t *key_slots[2];
  uint16_t key_count;
  const struct slice *key_names;
  const struct type *key_types;
  int64_t low_us, high_us;
  bool keeps[2];                     /* told with nulls when no partner can come any more: left | right | full */
  const struct expr *where;          /* BANK_EVENT left, BANK_OTHER right, BANK_WINDOW times; NULL */
  const struct expr *const *entries; /* one for each slot: the same banks, BANK_KEY the key */
  uint16_t slot_counts[2];           /* of the two types: what a kept event needs at most */
};

/* ---- lists and tables that change ---- */

struct list_change { /* of a rule: `add card_id to watch for 7d`, `remove card_id from watch` */
  uint16_t list;
  bool remove;
  int64_t for_us; /* -1: the list's ttl, or for ever */
  bool key;       /* of the alert's key, else of the emitted fields */
  bool event;     /* neither: a slot of the `on` rule's event */
  uint16_t index;
};

/* ---- changes of key ---- */

/* What each match of a part makes in a rule whose key changes, for the part behind it: an event of a schema of its own.
 * Its slots: the new key; when its first event came, in microseconds; how many events it has; these as bytes
 * (engine/part_match.h); then what later conditions read. All are kept. */
enum { PART_KEY_SLOT, PART_START_SLOT, PART_COUNT_SLOT, PART_EVENTS_SLOT, PART_SLOTS };
struct part_event {
  uint16_t schema;
  uint16_t register_count; /* over the rule's steps up to here: the first for the key, the others from PART_SLOTS on */
  const struct pattern_register *registers;
};

/* ---- groups ---- */

struct group_member {
  uint16_t rule;
  struct group_part {
    bool key; /* of the alert's key, else of the emitted fields */
    uint16_t index;
  } * parts; /* one for each part of the group's key */
};
struct group_band {
  struct slice action;
  int64_t at;
  int64_t for_us; /* -1 = not said */
};
struct group_plan {
  struct slice name;
  uint16_t key_count;
  const struct slice *key_names;
  const struct type *key_types;
  const enum secret_form *secrets; /* of the key's parts */
  const uint16_t *mask_heads, *mask_tails;
  int64_t over_us;
  uint16_t member_count;
  const struct group_member *members;
  bool score_sum, sum_all; /* sum: each rule once, its highest; sum all; else max */
  int64_t score_max;       /* -1 = no upper bound */
  int64_t decay_us;        /* -1 = none */
  uint16_t band_count;
  const struct group_band *bands; /* by falling `at` */
  uint16_t sink_count;
  const struct slice *sinks;
  uint16_t stage, level; /* above all its rules' */
};

/* ---- alerts as events ---- */

struct alert_event { /* per rule whose alerts are events: what goes into the slots of their schema */
  uint16_t schema;
  const struct alert_slot {
    enum { ALERT_SLOT_EMIT, ALERT_SLOT_KEY } from;
    uint16_t index;
  } * slots;
};

#endif
