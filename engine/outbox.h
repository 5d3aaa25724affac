/* outbox.h - rows between the matcher and the sinks: alerts, dead letters, late rows, in the order in which they leave.
 *
 * Alerts of one event, of one deadline, or of a whole round of passes form a group; a group is sorted by moments when
 * it closes (formats.md 3, Order), so that rules and passes may find them in any order. engine.c owns the outboxes, one
 * for alerts and one for what was refused. One thread. */
#ifndef WEIR_ENGINE_OUTBOX_H
#define WEIR_ENGINE_OUTBOX_H

#include "engine/moment.h"
#include "engine/spill.h"
#include "rules/ruleset.h"

enum outbox_kind { OUTBOX_ALERT, OUTBOX_DEAD_LETTER, OUTBOX_LATE };

struct outbox_row {
  enum outbox_kind kind;
  const struct rule *rule;        /* OUTBOX_ALERT; NULL: a group's */
  const struct group_plan *group; /* OUTBOX_ALERT of a group */
  bool shadow;                    /* OUTBOX_ALERT: for the shadow sink alone */
  struct slice sink;              /* OUTBOX_LATE with `late side SINK`; else empty */
  int64_t time;                   /* of the alert; of a late row's event */
  struct slice bytes;             /* one JSON object, without a line end; set by outbox_take() */
  /* inside */
  size_t at, length;         /* in the outbox's bytes */
  size_t key_at, key_length; /* of the moment's key, in the outbox's keys */
  struct moment moment;
  struct slice name; /* of the rule or group: orders the alerts of one moment */
  uint32_t ordinal;
};

struct outbox_source; /* a part of the open group that is in the file, sorted */

struct outbox {
  struct mem *mem;
  struct buf bytes, keys;
  struct spill *spill;              /* NULL: a group may take any memory */
  size_t group_bytes_max, group_at; /* where the group's bytes begin */
  struct outbox_source *sources;
  uint32_t ordinal; /* of the group's rows, so far */
  struct outbox_row *rows;
  uint32_t count, capacity, group_start, taken;
  bool grouped;
};

void outbox_init(struct outbox *outbox, struct mem *mem);

void outbox_open(struct outbox *outbox); /* a group, if none is open */
/* True: the group was too large for the memory, and only its first rows are there; when they have been taken and
 * forgotten, outbox_close() goes on with it. */
bool outbox_close(struct outbox *outbox);
void outbox_forget(struct outbox *outbox); /* what outbox_close() would go on with */

/* From now on a group that takes more than so many bytes is sorted through a file. Whoever calls outbox_close() must be
 * ready to have the rows taken before it goes on. */
void outbox_limit(struct outbox *outbox, const struct env *env, size_t group_bytes_max);
int outbox_status(const struct outbox *outbox, struct err *err); /* 0, or ERR_FATAL: the file could not be used */

/* Adds `row`, whose bytes the caller has put at the end of outbox->bytes since `at`. `moment` (NULL for rows that are
 * no alerts) says where it stands in its group; its name is the rule set's, its key is copied. */
void outbox_add(struct outbox *outbox, struct outbox_row row, size_t at, const struct moment *moment);

/* The next row that was not taken yet, NULL if there is none (rows of an open group are not there yet). It and its
 * bytes stay valid until the next outbox_add() or outbox_recycle(). */
const struct outbox_row *outbox_take(struct outbox *outbox);
/* Forgets the rows, if all were taken, and keeps their memory. */
void outbox_recycle(struct outbox *outbox);

#endif
