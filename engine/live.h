/* live.h - lists and tables that change while the rules run: filled by rules, from events, with time to live.
 *
 * Each pass that asks a list or table has a `struct live` of its own, fed with the same changes in the order of
 * moments, so a question is a look-up as of the moment in hand. What the rule text or a file brought stands under it.
 * One thread.
 *
 * A list's changes lie one above the other. Of those that are in force the latest that holds a value (equal; for ip:
 * the same address or a network around it) decides: `add` it is there, `remove` it is not; without one the text or file
 * decides. A change takes the place of an earlier one of the same value. `add` at t for D is in force at t <= time < t
 * + D; a later `add` sets the end anew, also to an earlier one. `remove` is in force for ever where the text or file
 * holds the value, else as long as what it hides would have been: with nothing to hide it leaves nothing behind. With
 * `visible after V` a change of time t is seen by questions at t + V and later; D still counts from t. */
#ifndef WEIR_ENGINE_LIVE_H
#define WEIR_ENGINE_LIVE_H

#include "base/pool.h"
#include "rules/ruleset.h"

struct live;

/* `entries_max`: of each list and table (changes that are in force or not yet visible; rows); beyond, the one that
 * changed longest ago goes, and is counted. 0 = none. `asked` (NULL: nobody listens) is told of each question that
 * keeps a row of a table `on read` until a later time. */
struct live *live_new(struct mem *mem, const struct ruleset *ruleset, uint64_t entries_max,
                      void (*asked)(void *context, uint16_t table, struct value key, int64_t until), void *context);

/* The moment's time: entries whose time has come are gone for questions from now on. Never falls: an earlier time
 * changes nothing. */
void live_time(struct live *live, int64_t now);

/* The rule's change at time `now` (which is live_time()'s, too). `for_us` -1: the list's ttl, or for ever. An entry
 * added at t for D is there at times < t + D. Values are of the list's type (ip lists: an address, or a network), or
 * numbers of another kind; a null does nothing. */
void live_list_add(struct live *live, uint16_t list, struct value value, int64_t now, int64_t for_us);
void live_list_remove(struct live *live, uint16_t list, struct value value, int64_t now);
int live_list_has(struct live *live, uint16_t list, struct value value); /* 1, 0; null is in no list */

/* A row of `table … from event`: the last one of each key, there at times < t + ttl_us where t is when it was written
 * (`on read`: or last asked, whatever the column). `columns`: one for each of the table's. A null key does nothing. */
void live_table_put(struct live *live, uint16_t table, struct value key, const struct value *columns, int64_t now);
/* The row, if it is there, was asked elsewhere. */
void live_table_keep(struct live *live, uint16_t table, struct value key, int64_t until);
/* Borrowed until the next change or time. */
struct value live_table_get(struct live *live, uint16_t table, uint16_t column, struct value key);

/* For expr_env.lookup: context is the struct live. The second one only looks: it keeps no row of a table `on read`. */
extern const struct expr_lookup live_lookup, live_look;

struct live_counts {
  uint64_t entries, dropped; /* entries: of all lists and tables now; dropped: those that entries_max drove out */
};
struct live_counts live_counts(const struct live *live);
size_t live_bytes(const struct live *live);

#endif
