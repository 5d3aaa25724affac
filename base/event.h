/* event.h - event types as the decoder and the matcher see them, events, and events that partial matches hold. */
#ifndef WEIR_BASE_EVENT_H
#define WEIR_BASE_EVENT_H

#include "base/value.h"

enum time_unit { TIME_TEXT, TIME_S, TIME_MS, TIME_US }; /* `time`, `time(s)`, … */
enum late_policy { LATE_DEAD_LETTER, LATE_DROP, LATE_ACCEPT, LATE_SIDE };
enum secret_form { SECRET_NONE, SECRET_HASH, SECRET_MASK };

struct expr;

struct schema_field {
  struct slice name; /* in the rules */
  struct slice path; /* in the records: `from "merchant.country"`, else the name. Points separate members. */
  struct type type;
  enum time_unit unit;
  bool required, round_half_even, computed;
  bool used; /* some rule, key, clause or computed field reads it: the decoder fills its slot */
  enum secret_form secret;
  uint16_t mask_head, mask_tail;
  uint16_t slot;           /* index in event.values; valid if used */
  const struct expr *expr; /* computed fields, derived events: from the slots before (bank 0) */
};

/* One event type, source or derived. Immutable after compilation; owned by the rule set. */
struct schema {
  struct slice name, named; /* named: `named "auth.payment.v1"`, else empty */
  uint16_t id;              /* index in the rule set's array, which is in byte order of name */
  bool derived;
  uint16_t field_count, slot_count; /* slots of used fields come first in field order, then those below */
  struct schema_field *fields;      /* of a rule set's schema, fields[field_count] stands for `event_time` */
  bool has_event_time;              /* somebody reads `event_time`: the event's own time is in this slot */
  bool has_identity; /* derived of a type with `unique`: this slot has its value, null where its cause has none */
  bool has_late; /* late events may come (`late accept`, a window with `lateness`): this slot has their own time, else
                    null */
  uint16_t event_time_slot, identity_slot, late_slot;
  bool window; /* made by a window: these slots are set; 0xffff where its block has a field of the name */
  uint16_t revision_slot, partial_slot, end_slot;
  uint16_t asked_first; /* slots from here on: counters and cells, filled when the event's turn comes */
  uint16_t cell_count;
  const struct schema_cell { /* of a table that changes: what the event saw there, for `with because` */
    uint16_t slot, level;    /* level: of the pass that saw it */
    const struct expr *expr; /* of BANK_EVENT */
  } * cells;
  int32_t time_field; /* index in fields; -1 = event_time log */
  int64_t disorder_us;
  enum late_policy late;
  struct slice late_sink;
  int32_t unique_field; /* -1 = none */
  int64_t unique_us;
  bool unique_everywhere, unique_approx;
  uint16_t computed_count;
  uint16_t *computed_order; /* indices of the computed fields that have a slot, each after those that it reads */
  const struct expr *watermark_when; /* NULL = every event moves the watermark */
  int64_t ahead_us, behind_us;       /* clock guards; -1 = none */
  int64_t jump_us, jump_confirm;     /* jump_us -1 = none */
  uint16_t kept_count; /* slots that a held event keeps: read by later steps, emit, message, keys, identity */
  uint16_t *kept_slots;
  int16_t *kept_index; /* slot -> index in held.values, -1 = not kept */
};

/* As position.source: the event stood in no input, a window, join or alert made it; offset and partition are bits of
 * its identity (docs/alert-id.md). */
enum { POSITION_MADE = 0xffff };

/* Where a record stood. Sources are numbered in byte order of their names, so comparing ids compares names. */
struct position {
  uint64_t offset;
  uint32_t partition;
  uint16_t source;
  uint16_t derived; /* 0 = the source event itself; else its n-th derived event of this type (filter, map) */
};

/* An event, decoded and in the total order. Borrowed: valid while its batch is worked on. */
struct event {
  int64_t time;      /* microseconds: event time (with `order arrival`: the time it was given) */
  uint64_t sequence; /* its place in the total order of this engine: strictly growing as events are processed */
  struct position position;
  uint16_t type;              /* schema.id */
  const struct value *values; /* schema.slot_count */
};

/* What a partial match keeps of an event: shared by all runs that took it, counted. Made at most once per event and
 * key record. One block: this header, kept_count values, then their bytes. */
struct held {
  uint32_t references;
  uint16_t type;
  uint16_t value_count;
  uint32_t bytes; /* of the block */
  struct position position;
  int64_t time;
  uint64_t sequence;
  struct value values[]; /* schema.kept_slots order */
};

#endif
