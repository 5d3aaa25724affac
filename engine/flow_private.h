/* flow_private.h - what the files of flow.h share: passes and the items of a round.
 *
 * flow.c         rounds: what passes are given, and what they make
 * flow_order.c   the items of a round, sorted
 * flow_make.c    passes and their operators, made once
 * flow_counts.c  what is told of them: counts, profile */
#ifndef WEIR_ENGINE_FLOW_PRIVATE_H
#define WEIR_ENGINE_FLOW_PRIVATE_H

#include "base/check.h"
#include "base/limits.h"
#include "engine/flow.h"
#include "engine/join.h"
#include "engine/live.h"
#include "engine/part_match.h"
#include "engine/tally.h"
#include "engine/window.h"

enum { FLOW_ARENA_BYTES = 64 << 10, FLOW_CHUNK_ITEMS = 256, FIRST_MADE = DERIVED_PER_EVENT_MAX + 1 /* ordinals */ };

enum item_kind { ITEM_EVENT, ITEM_CHANGE, ITEM_SCORE };

/* What a pass gave to those behind it, in the round under way. */
struct item {
  struct moment moment;
  struct slice name; /* of the rule or event type that made it; empty: the source event itself */
  uint32_t ordinal;  /* of a change that an event caused both are the event's: it stands right behind it */
  uint16_t level;    /* the first pass that gets it */
  uint8_t kind;
  union {
    struct event event;
    struct {
      uint16_t list;
      bool remove;
      bool waits; /* an event caused it: its own pass gets it when the event's turn is over */
      uint32_t number;
      struct slice rule;
      int64_t for_us;
      struct value value;
    } change;
    struct {
      uint16_t group, member;
      int64_t score;
      const struct value *key;
      struct hash128 id;
    } score;
  };
};

/* In chunks, which stay where they are while more is made. */
struct items {
  struct item **chunks;
  uint32_t count, chunk_count, chunk_capacity;
};
static inline struct item *items_at(const struct items *items, uint32_t at) {
  return &items->chunks[at / FLOW_CHUNK_ITEMS][at % FLOW_CHUNK_ITEMS];
}

struct pass {
  struct flow *flow;
  uint16_t level;
  struct stepper *stepper; /* NULL: no rule */
  struct live *live;       /* NULL: nothing that changes is asked */
  uint16_t window_count, join_count, group_count, table_count;
  struct pass_window {
    struct pass *pass;
    const struct window_plan *plan;
    struct window_set *set;
    uint32_t row; /* of the profile */
  } * windows;
  struct pass_join {
    struct pass *pass;
    const struct join_plan *plan;
    struct join_set *set;
    uint32_t row;
  } * joins;
  struct pass_group {
    uint16_t number;
    struct group_set *set;
    uint32_t row;
  } * groups;
  uint16_t derived_count;
  const struct derived **deriveds; /* filters that ask: made here */
  uint16_t *tables;                /* live tables that are asked here */
  uint64_t *wanted;                /* bits: event types */
  bool *asks_list;                 /* per list: live and asked here */
  uint64_t sequence;               /* of the events of this pass */
  /* of the stretch of items in hand */
  struct event events[STEP_BATCH_MAX];
  const struct item *items[STEP_BATCH_MAX]; /* that the events came with */
  uint32_t count;
  const struct moment *in_hand; /* while windows and joins take an event */
};

struct flow {
  struct mem *mem;
  const struct ruleset *ruleset;
  struct flow_options options;
  bool single;
  struct pass *passes;
  struct arena arena; /* what the round's items point to */
  struct items made;
  const struct item **order; /* of one pass */
  uint32_t order_capacity;
  struct item *sources; /* the batch's events as items */
  uint32_t source_capacity;
  int64_t highest;          /* event time */
  int64_t empty_until;      /* empty windows are told up to this moment: INT64_MAX until the input has ended */
  struct pass *at;          /* the pass that works now */
  const struct item *cause; /* the event that completed the match in hand; NULL: time did */
  uint64_t list_changes, alert_events;
  uint64_t *made_of;            /* by event type: windows, pairs, alerts as events */
  struct expr_counts operators; /* of windows and joins */
  struct buf key_text, unique_text;
  struct profile *profile; /* NULL = none is wanted */
  struct laps *laps;       /* its */
};

/* Whether the pass gets events of the type. */
static inline bool pass_wants(const struct pass *pass, uint16_t type) {
  return pass->wanted[type / 64] >> (type % 64) & 1;
}
/* Events go through such a pass one by one: lists and tables are asked as of each. */
static inline bool pass_in_turn(const struct pass *pass) { return pass->live != NULL || pass->derived_count > 0; }

/* The items in the order of their moments (flow_order.c). */
void flow_sort(struct arena *scratch, const struct item **items, uint32_t count);

/* What the operators of a pass tell. */
void flow_from_stepper(void *context, const struct told *told);                      /* struct pass */
void flow_from_window(void *context, const struct window_event *told);               /* struct pass_window */
void flow_from_join(void *context, const struct join_event *told);                   /* struct pass_join */
void flow_row_asked(void *context, uint16_t table, struct value key, int64_t until); /* struct pass */

#endif
