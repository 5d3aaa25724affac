/* outbox.h - rows between the matcher and the sinks: alerts, dead letters, late rows, in the order in which they leave.
 *
 * Rows of one moment (an event and what it completes, or the timers of one deadline) form a group; a group is sorted
 * when it closes (formats.md 3, Order), so that the matcher may find them in any order. engine.c owns the outboxes, one
 * for alerts and one for what was refused. One thread. */
#ifndef WEIR_ENGINE_OUTBOX_H
#define WEIR_ENGINE_OUTBOX_H

#include "base/event.h"
#include "rules/ruleset.h"

enum outbox_kind { OUTBOX_ALERT, OUTBOX_DEAD_LETTER, OUTBOX_LATE };

struct outbox_row {
  enum outbox_kind kind;
  const struct rule *rule; /* OUTBOX_ALERT */
  struct slice sink;       /* OUTBOX_LATE with `late side SINK`; else empty */
  int64_t time;            /* of the alert; of a late row's event */
  struct slice bytes;      /* one JSON object, without a line end; set by outbox_take() */
  /* inside */
  size_t at, length;         /* in the outbox's bytes */
  size_t key_at, key_length; /* timers: the key's JSON text, for sorting */
  uint32_t stage, ordinal;
};

struct outbox {
  struct mem *mem;
  struct buf bytes, keys;
  struct outbox_row *rows;
  uint32_t count, capacity, group_start, taken;
  bool grouped, by_timer;
  int64_t group_time;
  struct position group_position;
};

void outbox_init(struct outbox *outbox, struct mem *mem);

/* Whether the open group is this moment's. `position` is NULL for timers. */
bool outbox_in_moment(const struct outbox *outbox, int64_t time, const struct position *position);
/* Opens the group of a moment; the group before was closed. */
void outbox_moment(struct outbox *outbox, int64_t time, const struct position *position);
void outbox_close(struct outbox *outbox);

/* Adds `row`, whose bytes the caller has put at the end of outbox->bytes since `at`. `stage` and `key_text` sort rows
 * of timers. */
void outbox_add(struct outbox *outbox, struct outbox_row row, size_t at, uint32_t stage, struct slice key_text);

/* The next row that was not taken yet, NULL if there is none (rows of an open group are not there yet). It and its
 * bytes stay valid until the next outbox_add() or outbox_recycle(). */
const struct outbox_row *outbox_take(struct outbox *outbox);
/* Forgets the rows, if all were taken, and keeps their memory. */
void outbox_recycle(struct outbox *outbox);

#endif
