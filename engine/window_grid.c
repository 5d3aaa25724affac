/* window_grid.c - borders of windows, days and panes. Called by window.c and its parts. */
#include "engine/window_grid.h"

#include "base/check.h"

#define HOUR_US INT64_C(3600000000)
#define DAY_US (24 * HOUR_US)

enum { OFFSET_HOURS_MAX = 27 }; /* no zone is further from UTC */

void window_grid_init(struct window_grid *grid, int64_t size, int64_t every, int64_t offset) {
  check(size > 0 && every > 0);
  *grid = (struct window_grid){.size = size, .every = every, .offset = offset, .rest = size % every};
}

void window_grid_init_days(struct window_grid *grid, const struct zone *zone) {
  *grid = (struct window_grid){.days = true, .zone = zone};
}

static int64_t times(int64_t a, int64_t b) {
  int64_t product;
  if (__builtin_mul_overflow(a, b, &product)) return (a < 0) != (b < 0) ? INT64_MIN : INT64_MAX;
  return product;
}
static int64_t slide_start(const struct window_grid *grid, int64_t slide) {
  return window_plus(times(slide, grid->every), grid->offset);
}

/* ---- calendar days ---- */

static int64_t offset_us(const struct zone *zone, int64_t time) {
  return (int64_t)zone_offset_s(zone, time) * INT64_C(1000000);
}

/* The first time in (before, after] with another offset than `before` has. */
static int64_t find_change(const struct zone *zone, int64_t before, int64_t after) {
  int64_t offset = offset_us(zone, before);
  while (after - before > 1) { /* ends: the span is halved */
    int64_t middle = before + (after - before) / 2;
    if (offset_us(zone, middle) == offset)
      before = middle;
    else
      after = middle;
  }
  return after;
}

/* The day begins when the clock on the wall first shows its midnight, or, where that is skipped, what comes after: so
 * days follow each other without a gap, and one whose midnight comes twice begins at the first. */
static int64_t find_day_start(const struct zone *zone, int64_t day) {
  int64_t midnight = times(day, DAY_US);
  if (zone == NULL) return midnight;
  int64_t from = window_minus(midnight, OFFSET_HOURS_MAX * HOUR_US), offset = offset_us(zone, from);
  for (int hour = 0; hour < 2 * OFFSET_HOURS_MAX; hour++) {
    int64_t to = window_plus(from, HOUR_US), change = to;
    bool changes = offset_us(zone, to) != offset;
    if (changes) change = find_change(zone, from, to);
    int64_t start = midnight - offset > from ? midnight - offset : from;
    if (start < change) return start;
    if (changes) {
      offset = offset_us(zone, to);
      start = midnight - offset > change ? midnight - offset : change;
      if (start < to) return start;
    }
    from = to;
  }
  return from;
}

static int64_t day_start(struct window_grid *grid, int64_t day) {
  unsigned at = (unsigned)((uint64_t)day % GRID_DAYS_KNOWN);
  if (!grid->starts[at].known || grid->starts[at].day != day) {
    grid->starts[at].start = find_day_start(grid->zone, day);
    grid->starts[at].day = day;
    grid->starts[at].known = true;
  }
  return grid->starts[at].start;
}

static int64_t day_of(struct window_grid *grid, int64_t time) {
  int64_t day = window_floor_divide(grid->zone == NULL ? time : zone_local_us(grid->zone, time), DAY_US);
  while (day_start(grid, day) > time) day--; /* both end: what the clock shows is at most a day off */
  while (day_start(grid, day + 1) <= time) day++;
  return day;
}

/* ---- windows ---- */

int64_t window_grid_start(struct window_grid *grid, int64_t window) {
  return grid->days ? day_start(grid, window) : slide_start(grid, window);
}

int64_t window_grid_end(struct window_grid *grid, int64_t window) {
  return grid->days ? day_start(grid, window + 1) : window_plus(slide_start(grid, window), grid->size);
}

int64_t window_grid_newest(struct window_grid *grid, int64_t time) {
  if (grid->days) return day_of(grid, time);
  return window_floor_divide(window_minus(time, grid->offset), grid->every);
}

int64_t window_grid_oldest(struct window_grid *grid, int64_t time) {
  if (grid->days) return day_of(grid, time);
  return window_floor_divide(window_minus(window_minus(time, grid->offset), grid->size), grid->every) + 1;
}

int64_t window_grid_ending(struct window_grid *grid, int64_t time) {
  if (time > INT64_MIN) time--; /* the first that ends after the time before */
  return window_grid_oldest(grid, time);
}

/* ---- panes ---- */

int64_t window_grid_pane(const struct window_grid *grid, int64_t time) {
  int64_t within = window_minus(time, grid->offset), slide = window_floor_divide(within, grid->every);
  if (grid->rest == 0) return slide;
  return 2 * slide + (within - slide * grid->every >= grid->rest);
}

int64_t window_grid_pane_start(const struct window_grid *grid, int64_t pane) {
  if (grid->rest == 0) return slide_start(grid, pane);
  return window_plus(slide_start(grid, window_floor_divide(pane, 2)), pane % 2 != 0 ? grid->rest : 0);
}

int64_t window_grid_lowest(const struct window_grid *grid, int64_t window) {
  return grid->rest == 0 ? window : 2 * window;
}

int64_t window_grid_highest(const struct window_grid *grid, int64_t window) {
  int64_t slides = window + grid->size / grid->every;
  return grid->rest == 0 ? slides : 2 * slides + 1;
}
