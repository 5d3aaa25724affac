/* window_grid.h - windows that stand still: which ones a time is in, when they start and end, and the panes that
 * overlapping ones are put together from. Tumbling and sliding windows, calendar days, and windows over numbered events
 * (the number takes the place of the time).
 *
 * Window k begins at offset + k * every and is `size` long. Panes are the pieces between all borders: where `every`
 * divides `size` they are `every` long, else each slide has two, size % every and the rest of it (Krishnamurthy, Wu and
 * Franklin, "On-the-fly sharing for streamed aggregation", SIGMOD 2006). Both are numbered through, below 0 too. */
#ifndef WEIR_ENGINE_WINDOW_GRID_H
#define WEIR_ENGINE_WINDOW_GRID_H

#include "base/zone.h"

enum { GRID_DAYS_KNOWN = 8 };

struct window_grid {
  int64_t size, every, offset, rest; /* rest: size % every */
  bool days;                         /* calendar days; the four above are not used */
  const struct zone *zone;           /* NULL = UTC */
  struct {
    int64_t day, start;
    bool known;
  } starts[GRID_DAYS_KNOWN]; /* of days asked for lately */
};

void window_grid_init(struct window_grid *grid, int64_t size, int64_t every, int64_t offset);
void window_grid_init_days(struct window_grid *grid, const struct zone *zone);

/* A sum that stops at the ends of time; never INT64_MAX, which is the end of input. */
static inline int64_t window_plus(int64_t time, int64_t span) {
  int64_t sum;
  if (__builtin_add_overflow(time, span, &sum)) return span < 0 ? INT64_MIN : INT64_MAX - 1;
  return sum == INT64_MAX ? sum - 1 : sum;
}
static inline int64_t window_minus(int64_t a, int64_t b) {
  int64_t difference;
  if (__builtin_sub_overflow(a, b, &difference)) return b > 0 ? INT64_MIN : INT64_MAX;
  return difference;
}
static inline int64_t window_floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); } /* b > 0 */

int64_t window_grid_start(struct window_grid *grid, int64_t window);
int64_t window_grid_end(struct window_grid *grid, int64_t window);
/* The windows that `time` is in: from the oldest to the newest; none where oldest > newest (size < every). */
int64_t window_grid_oldest(struct window_grid *grid, int64_t time);
int64_t window_grid_newest(struct window_grid *grid, int64_t time);
/* The first window that ends at or after `time`. */
int64_t window_grid_ending(struct window_grid *grid, int64_t time);

/* Panes, not of days: the one that `time` is in, when it starts; a window's are lowest <= pane < highest. */
int64_t window_grid_pane(const struct window_grid *grid, int64_t time);
int64_t window_grid_pane_start(const struct window_grid *grid, int64_t pane);
int64_t window_grid_lowest(const struct window_grid *grid, int64_t window);
int64_t window_grid_highest(const struct window_grid *grid, int64_t window);

#endif
