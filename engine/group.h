/* group.h - groups: scores of rules' alerts added up by key, bands that are entered and left (rules/count_plan.h).
 *
 * One `struct group_set` for each group plan. The engine gives it the live alerts of its members in the order of
 * moments; what enters a band comes out. One thread. */
#ifndef WEIR_ENGINE_GROUP_H
#define WEIR_ENGINE_GROUP_H

#include "base/hash.h"
#include "base/pool.h"
#include "rules/ruleset.h"

struct group_set;

struct group_entry { /* a band was entered */
  const struct group_plan *plan;
  const struct group_band *band;
  const struct value *key;     /* clear */
  int64_t time;                /* of the alert that brought it there */
  int64_t score;               /* rounded half away from zero, at most score_max */
  uint16_t contribution_count; /* what it is made of, by rule name */
  const struct group_contribution {
    uint16_t rule;
    int64_t score, time;  /* of its highest (sum_all: each alert is one) */
    struct hash128 alert; /* its id */
  } * contributions;
};

struct group_set *group_set_new(struct mem *mem, const struct ruleset *ruleset, const struct group_plan *plan,
                                uint64_t entries_max);
/* An alert of a member at `time`, of the rule's score. True: *entry is the band that it entered (the highest of those
 * entered), borrowed until the next call. A band is left when the score falls below it (by `over` or decay, at exactly
 * that time) and can then be entered again. */
bool group_set_alert(struct group_set *groups, uint16_t member, const struct value *key, int64_t time, int64_t score,
                     struct hash128 alert, struct group_entry *entry);
/* No alert earlier than `frontier` will come: what has left every window goes. */
void group_set_time(struct group_set *groups, int64_t frontier);
/* The score of a key at `time`, for tests and explain. */
int64_t group_set_score(struct group_set *groups, const struct value *key, int64_t time);

struct group_counts {
  uint64_t alerts, entered, dropped, keys;
};
struct group_counts group_set_counts(const struct group_set *groups);

#endif
