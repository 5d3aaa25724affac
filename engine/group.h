/* group.h - groups: scores of rules' alerts added up by key, bands that are entered and left (rules/count_plan.h).
 *
 * One `struct group_set` for each group plan. The engine gives it the live alerts of its members in the order of
 * moments; what enters a band comes out. One thread.
 *
 * What a key's score is: an alert of time a takes part at times a <= t < a + over. With `decay D` it is worth
 * score * 2^(-(t - a) / D) at t (at a + n * D exactly score / 2^n; after 64 half-lives it is over, too). `sum`: of each
 * rule the alert that is worth most, added up; `sum all`: every alert; `max`: the one that is worth most. The total is
 * rounded to a whole number, halves upwards, and is at most score_max; this number is compared with the bands and told.
 * It is a function of the alerts and of t, to the bit (base/halving.h): no question in between changes it.
 *
 * A band is entered by the alert with which the score comes to or above `at` from below it: below as the score stands
 * at that very time, so what `over` and decay have taken away by then, to the microsecond, counts; a key without alerts
 * is below every band. Nothing else enters a band. */
#ifndef WEIR_ENGINE_GROUP_H
#define WEIR_ENGINE_GROUP_H

#include "base/halving.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/pool.h"
#include "rules/ruleset.h"

enum { GROUP_ALERTS_MAX = LIMIT_GROUP_ALERTS }; /* that one key keeps; beyond, its oldest goes, counted as dropped */

struct group_set;

struct group_entry { /* a band was entered */
  const struct group_plan *plan;
  const struct group_band *band;
  const struct value *key;     /* clear: the one given, borrowed from the caller */
  int64_t time;                /* of the alert that brought it there */
  int64_t score;               /* rounded half away from zero, at most score_max */
  struct hash128 cause;        /* the id of the alert that brought it there */
  uint16_t contribution_count; /* what it is made of, by rule name, those of one rule (sum_all) by time */
  const struct group_contribution {
    uint16_t rule;
    uint32_t number;      /* greater than that of each that came before, by serial arithmetic: it begins anew at 2^32 */
    int64_t score, time;  /* of its highest (sum_all: each alert is one), as it was told: not decayed */
    struct hash128 alert; /* its id */
  } * contributions;
};

/* `entries_max`: alerts kept over all keys; beyond, the key that had no alert for longest goes whole, its alerts are
 * counted as dropped. 0 = no limit. */
struct group_set *group_set_new(struct mem *mem, const struct ruleset *ruleset, const struct group_plan *plan,
                                uint64_t entries_max);
/* An alert of a member (index in plan->members) at `time`, which never falls, of the rule's score (0 or more). True:
 * *entry is the band that it entered (the highest of those entered), borrowed until the next call. With a null in the
 * key it is counted and takes no part. */
bool group_set_alert(struct group_set *groups, uint16_t member, const struct value *key, int64_t time, int64_t score,
                     struct hash128 alert, struct group_entry *entry);
/* A key's score at `time`, not before its last alert, and what it is made of: *entry, borrowed until the next call;
 * `band` is the highest that the score is in, NULL below all. For tests, who want to know how far it came. */
void group_set_look(struct group_set *groups, const struct value *key, int64_t time, struct group_entry *entry);
/* No alert earlier than `frontier` will come: what has left every window goes. */
void group_set_time(struct group_set *groups, int64_t frontier);
/* The score of a key at `time`, not before its last alert; for tests and explain. Changes nothing. */
int64_t group_set_score(struct group_set *groups, const struct value *key, int64_t time);

struct group_counts {
  uint64_t alerts, entered, dropped, keys; /* keys: that there are now; dropped: alerts forgotten by a limit */
  uint64_t entries, null_keys;             /* alerts that are kept now; alerts whose key has a null */
};
struct group_counts group_set_counts(const struct group_set *groups);
size_t group_set_bytes(const struct group_set *groups);

#endif
