/* schedule.h - `schedule "Mon-Fri 09:00-17:00" zone "Europe/Berlin"`: the hours of the week in which a rule is told.
 *
 *   schedule = entry ( ( ";" | "," ) entry )*
 *   entry    = ( days )? hours                    without days: every day
 *   days     = day ( "-" day )? ( "," days )?     Mon Tue Wed Thu Fri Sat Sun; `Fri-Mon` goes over the end of the week
 *   hours    = clock "-" clock ( "," hours )?     `09:00-12:00,13:00-17:00`: the same days
 *   clock    = 00:00 to 24:00
 *
 * Spaces and tabs may stand between any two of these. Behind hours a comma goes on with hours of the same days where a
 * number follows, else with the next entry. The first clock belongs to the hours, the second does not; one that is
 * earlier than the first is of the next day (`Fri 22:00-06:00` ends on Saturday). 24:00 only ends hours; equal clocks
 * are an error.
 *
 * A schedule is asked with the clock on the wall of its zone: of an hour that comes twice (the end of summer time) both
 * are inside, an hour that is left out is missing. */
#ifndef WEIR_RULES_SCHEDULE_H
#define WEIR_RULES_SCHEDULE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/zone.h"

enum { SCHEDULE_WEEK_MINUTES = 7 * 24 * 60 };

struct schedule_range {
  uint16_t from, until; /* minutes since Monday 00:00; until is outside */
};
struct schedule {                      /* plain data; immutable */
  uint16_t count;                      /* 1 or more */
  const struct schedule_range *ranges; /* growing, never touching */
};

struct schedule_error {
  const char *text;      /* static */
  size_t offset, length; /* of what is wrong, in bytes of the text; the length is at least 1, also at its end */
};

/* The ranges live in `arena`; NULL: the text is only judged and *out is not set. False and *error if it is no schedule.
 * O(length of the text). Any thread. */
bool schedule_parse(struct arena *arena, struct slice text, struct schedule *out, struct schedule_error *error);

/* Whether `time` (microseconds, UTC) is inside, as the clocks of `zone` show it; NULL: UTC. */
bool schedule_holds(const struct schedule *schedule, const struct zone *zone, int64_t time);

#endif
