/* profile.h - what each rule, counter, window, … costs: rows of a lap clock (base/laps.h), one for each, and what they
 * are called. `weir run --profile`.
 *
 * The engine makes it where it is wanted; step.c, tally.c and flow.c charge their work to rows, by the numbers below,
 * through `laps`, which is NULL where no profile is wanted. A condition that no index finds is a row of its own while
 * the engine runs, for many rules may ask it: when the figures are told it is divided among those. One thread. */
#ifndef WEIR_ENGINE_PROFILE_H
#define WEIR_ENGINE_PROFILE_H

#include "base/laps.h"
#include "rules/ruleset.h"

enum profile_part {
  PROFILE_OUTSIDE, /* who calls the engine */
  PROFILE_REST,
  PROFILE_DECODE,
  PROFILE_ORDER,
  PROFILE_DERIVE, /* filters */
  PROFILE_FIND,   /* the rules that an event concerns, keys and their timers */
  PROFILE_LIVE,   /* lists and tables that change: what goes into them */
  PROFILE_PARTS   /* rules follow */
};

struct profile {
  struct laps laps;
  const struct ruleset *ruleset;
  const struct env *env;
  int64_t begun_us;
  uint64_t begun_ticks;
  uint32_t populations, windows, joins, groups, predicates, count; /* the first row of each */
  uint16_t *sharers;                                               /* of each predicate: rules and populations */
  struct profile_open { /* of each rule, as it was when profile_opens was filled */
    uint64_t matches;
    size_t bytes;
  } * opens;
};

struct profile *profile_new(struct mem *mem, const struct ruleset *ruleset, const struct env *env);

static inline struct laps *profile_laps(struct profile *profile) { return profile == NULL ? NULL : &profile->laps; }
static inline uint32_t profile_rule(uint16_t rule) { return PROFILE_PARTS + (uint32_t)rule; }

/* Ticks as nanoseconds. */
uint64_t profile_ns(const struct profile *profile, uint64_t ticks);

/* What is told of a row: its share of conditions is in it. `row` below `predicates`. */
struct profile_line {
  const char *kind;  /* "rule", "counters", "window", … */
  struct buf *words; /* which one: appended; nothing for the parts */
  uint64_t events, ns;
  int64_t bytes;
};
void profile_line(const struct profile *profile, uint32_t row, struct profile_line *line);

#endif
