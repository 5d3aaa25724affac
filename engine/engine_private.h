/* engine_private.h - what the files of engine.h share: the engine itself.
 *
 * engine.c          one event's way
 * engine_counts.c   what is told of it: counts, limits, profile
 * engine_conform.c  typed values as if they had been decoded */
#ifndef WEIR_ENGINE_ENGINE_PRIVATE_H
#define WEIR_ENGINE_ENGINE_PRIVATE_H

#include "engine/budget.h"
#include "engine/dedup.h"
#include "engine/engine.h"
#include "engine/flow.h"
#include "engine/group_alert.h"
#include "engine/input.h"
#include "engine/order.h"
#include "engine/suppress.h"

struct engine {
  struct mem *mem;
  const struct ruleset *ruleset;
  struct engine_options options;
  struct input *inputs;
  uint32_t input_count, input_capacity;
  struct slice *sources; /* by source id, in byte order; sorted at the first record */
  uint16_t source_count;
  bool started, finished;
  bool all_move; /* no source type has `watermark when` */
  bool any_jump; /* some has `jump` */
  struct input_context judging;
  uint64_t **absent_fields;   /* by type and field: CSV headers without a column for it */
  struct arena batch_arena;   /* decoded values of one push, up to 64 records */
  struct arena derived_arena; /* of derived events, while the batch stands */
  uint32_t derived_count;     /* of them */
  struct order *order;        /* made when it is needed first */
  struct budget budget;
  size_t drain_bytes;         /* so many bytes of alerts are handed on from inside a call */
  int64_t frontier;           /* all earlier events are released, and no earlier one will be taken */
  int64_t told_frontier;      /* the matcher's */
  int64_t highest_taken;      /* of all events that were not refused or late */
  struct position *disproved; /* taken events that have been refused since, and still stand in `order` */
  uint32_t disproved_count, disproved_capacity;
  struct dedup **dedups; /* by type; NULL where nothing is unique */
  struct deriver deriver;
  struct flow *flow;
  struct profile *profile; /* NULL: none is wanted */
  struct laps *laps;       /* its */
  struct event *batch;     /* a cause and all that filters make of it are never parted */
  uint32_t batch_count, batch_capacity, batch_max;
  uint64_t sequence;
  struct alerter alerter;
  struct group_alerter group_alerter;
  struct suppress *suppress;
  struct outbox alerts, rejects;
  struct moment open; /* of the open group of alerts, where each event has one of its own */
  struct engine_rule_totals *rules;
  uint64_t late_taken; /* late events that went to windows */
  uint64_t processed, duplicate, alert_count, suppressed_count, to_nothing_count, shadow_count;
  int failed; /* what drain() said, once it failed */
};

#endif
