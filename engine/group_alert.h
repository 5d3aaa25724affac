/* group_alert.h - the alert of a band that was entered, as bytes (formats.md 3; docs/decisions.md, "Groups").
 *
 * One object for an engine; one thread. It has memory of its own, so the alert that caused it may still be in the
 * alerter's hands. */
#ifndef WEIR_ENGINE_GROUP_ALERT_H
#define WEIR_ENGINE_GROUP_ALERT_H

#include "base/buf.h"
#include "base/limits.h"
#include "engine/group.h"

enum { GROUP_ALERT_MATCHED_MAX = LIMIT_MATCHED }; /* entries of `matched`: the first 63 and the last */

struct group_alerter {
  const struct ruleset *ruleset;
  struct slice secret_key; /* WEIR_SECRET_KEY */
  struct arena scratch;
  struct buf key_text, id_bytes; /* kept for their memory */
};

void group_alerter_init(struct group_alerter *alerter, struct mem *mem, const struct ruleset *ruleset,
                        struct slice secret_key);

struct group_alert {
  const struct group_entry *entry;
  struct slice key_text; /* JSON of the key, secrets clear: what sorts alerts and is in their id */
  struct hash128 id;
};

/* `entry` is borrowed as long as the alert; the alert until the next one is prepared. */
void group_alert_prepare(struct group_alerter *alerter, const struct group_entry *entry, struct group_alert *alert);

/* One JSON object without a line end. */
void group_alert_write(struct group_alerter *alerter, const struct group_alert *alert, struct buf *out);

#endif
