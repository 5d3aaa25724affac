/* live.h - lists and tables that change while the rules run: filled by rules, from events, with time to live.
 *
 * Each pass that asks a list or table has a `struct live` of its own, fed with the same changes in the order of
 * moments, so a question is a look-up as of the moment in hand. What the rule text or a file brought stands under it.
 * One thread. */
#ifndef WEIR_ENGINE_LIVE_H
#define WEIR_ENGINE_LIVE_H

#include "base/pool.h"
#include "rules/ruleset.h"

struct live;

/* `entries_max`: of each list and table; beyond, the entry that changed longest ago goes, and is counted. 0 = none. */
struct live *live_new(struct mem *mem, const struct ruleset *ruleset, uint64_t entries_max);

/* The moment's time: entries whose time has come are gone for questions from now on. Never falls. */
void live_time(struct live *live, int64_t now);

/* The rule's change at time `now`. `for_us` -1: the list's ttl, or for ever. An entry added at t for D is there at
 * times < t + D. Adding again sets its end anew; what the text or a file lists cannot be removed by `remove`? It can:
 * the removal stands over it. Values are of the list's type (ip lists: an address, or a network). */
void live_list_add(struct live *live, uint16_t list, struct value value, int64_t now, int64_t for_us);
void live_list_remove(struct live *live, uint16_t list, struct value value, int64_t now);
int live_list_has(struct live *live, uint16_t list, struct value value); /* 1, 0 */

/* A row of `table … from event`: the last one of each key, for ttl_us after it was written (on read: after it was last
 * asked, too). `columns`: one for each of the table's. */
void live_table_put(struct live *live, uint16_t table, struct value key, const struct value *columns, int64_t now);
struct value live_table_get(struct live *live, uint16_t table, uint16_t column, struct value key);

/* For expr_env.lookup: context is the struct live. */
extern const struct expr_lookup live_lookup;

struct live_counts {
  uint64_t entries, dropped;
};
struct live_counts live_counts(const struct live *live);
size_t live_bytes(const struct live *live);

#endif
