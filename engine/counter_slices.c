/* counter_slices.c - a window that is sketched moves by a sixteenth of its length: a sketch for each slice, and one of
 * them all for the answer.
 *
 * A window over D looks at the slice that `time` is in and at the 15 before it, so at the last 15/16 to 16/16 of D,
 * never at more; a window of the last n events, in the same way, at 16 slices of n / 16 events. (Where D or n is no
 * multiple of 16, slices are rounded down, and there are up to 31 of them.) The sketch of all is made anew when a slice
 * leaves, and otherwise grows with the last slice. Owns the sketches. */
#include "base/check.h"
#include "base/exact.h"
#include "engine/counter_private.h"

struct window_slice {
  int64_t id; /* of time: number of the slice since 1970; of events: time of the latest value, INT64_MIN = none */
  union {
    struct distinct values;
    struct ddsketch quantiles; /* .values alone has room where that is what is asked */
  };
};
struct slices {
  uint8_t count, room;
  bool merged;    /* `all` is the sketch of all slices */
  int64_t events; /* by number: in the last slice, those without a value too */
  union {
    struct distinct values;
    struct ddsketch quantiles;
  } all;
};

static size_t slice_bytes(const struct slices_of *of) {
  return offsetof(struct window_slice, values) + (of->quantiles ? sizeof(struct ddsketch) : sizeof(struct distinct));
}
static size_t header_bytes(const struct slices_of *of) {
  return offsetof(struct slices, all) + (of->quantiles ? sizeof(struct ddsketch) : sizeof(struct distinct));
}
static size_t slices_bytes(const struct slices_of *of, unsigned room) {
  return header_bytes(of) + room * slice_bytes(of);
}
static struct window_slice *slice_at(const struct slices *slices, const struct slices_of *of, unsigned index) {
  return (struct window_slice *)(uintptr_t)((const char *)slices + header_bytes(of) + index * slice_bytes(of));
}

/* ---- sketches of either kind ---- */

static void sketch_free(struct counters *counters, const struct slices_of *of, void *sketch) {
  if (of->quantiles)
    ddsketch_free(counters->pool, sketch);
  else
    distinct_free(counters->pool, sketch);
}

static void sketch_add(struct counters *counters, const struct slices_of *of, void *sketch, double number,
                       uint64_t hash) {
  if (of->quantiles)
    ddsketch_add(counters->pool, sketch, number);
  else
    distinct_add(counters->pool, sketch, hash, DISTINCT_APPROX_MAX);
}

static void sketch_merge(struct counters *counters, const struct slices_of *of, void *into, const void *from) {
  if (of->quantiles)
    ddsketch_merge(counters->pool, into, from);
  else
    distinct_merge(counters->pool, into, from, DISTINCT_APPROX_MAX);
}

static double number_of(struct value v) {
  switch (v.kind) {
  case VALUE_FLOAT: return v.f;
  case VALUE_DECIMAL: return exact_decimal(v.i, v.scale);
  default: return (double)v.i;
  }
}

/* ---- slices come and go ---- */

static void forget_all(struct counters *counters, struct slices *slices, const struct slices_of *of) {
  if (slices->merged) sketch_free(counters, of, &slices->all);
  slices->merged = false;
}

void slices_free(struct counters *counters, struct slices *slices, const struct slices_of *of) {
  if (slices == NULL) return;
  forget_all(counters, slices, of);
  for (unsigned i = 0; i < slices->count; i++) sketch_free(counters, of, &slice_at(slices, of, i)->values);
  pool_free(counters->pool, slices, slices_bytes(of, slices->room));
}

/* The oldest leave; what has none left is freed. */
static struct slices *drop(struct counters *counters, struct slices *slices, const struct slices_of *of,
                           unsigned count) {
  if (count == 0) return slices;
  if (count == slices->count) {
    slices_free(counters, slices, of);
    return NULL;
  }
  forget_all(counters, slices, of);
  for (unsigned i = 0; i < count; i++) sketch_free(counters, of, &slice_at(slices, of, i)->values);
  slices->count = (uint8_t)(slices->count - count);
  memmove(slice_at(slices, of, 0), slice_at(slices, of, count), slices->count * slice_bytes(of));
  return slices;
}

static struct slices *append(struct counters *counters, struct slices *slices, const struct slices_of *of, int64_t id) {
  if (slices == NULL || slices->count == slices->room) {
    unsigned room = slices == NULL ? 1 : slices->room * 2u;
    if (room > of->slice_count) room = of->slice_count;
    struct slices *bigger = pool_alloc(counters->pool, slices_bytes(of, room));
    if (slices == NULL) {
      memset(bigger, 0, header_bytes(of));
    } else {
      memcpy(bigger, slices, slices_bytes(of, slices->count));
      pool_free(counters->pool, slices, slices_bytes(of, slices->room));
    }
    slices = bigger;
    slices->room = (uint8_t)room;
  }
  struct window_slice *slice = slice_at(slices, of, slices->count++);
  memset(slice, 0, slice_bytes(of));
  slice->id = id;
  return slices;
}

static int64_t slice_of_time(const struct slices_of *of, int64_t time) {
  return time / of->width - (time % of->width < 0);
}

struct slices *slices_move(struct counters *counters, struct slices *slices, const struct slices_of *of, int64_t time) {
  unsigned out = 0;
  if (slices == NULL || (of->by_number && of->within_us < 0)) return slices;
  int64_t border = of->by_number ? time - of->within_us : slice_of_time(of, time) - of->slice_count;
  while (out < slices->count && slice_at(slices, of, out)->id <= border) out++;
  return drop(counters, slices, of, out);
}

struct slices *slices_tick(struct counters *counters, struct slices *slices, const struct slices_of *of) {
  if (slices == NULL || !of->by_number || ++slices->events <= of->width) return slices;
  unsigned out = slices->count == of->slice_count;
  while (out < slices->count && slice_at(slices, of, out)->id == INT64_MIN) out++;
  slices = drop(counters, slices, of, out);
  if (slices == NULL) return NULL;
  slices = append(counters, slices, of, INT64_MIN);
  slices->events = 1;
  return slices;
}

struct slices *slices_add(struct counters *counters, struct slices *slices, const struct slices_of *of, struct value v,
                          uint64_t hash, int64_t time) {
  double number = of->quantiles ? number_of(v) : 0;
  int64_t id = of->by_number ? time : slice_of_time(of, time);
  if (slices == NULL) {
    slices = append(counters, slices, of, id);
    slices->events = 1;
  }
  struct window_slice *last = slice_at(slices, of, slices->count - 1u);
  if (!of->by_number && last->id != id) {
    check(slices->count < of->slice_count); /* moved to `time` */
    slices = append(counters, slices, of, id);
    last = slice_at(slices, of, slices->count - 1u);
  }
  last->id = id;
  sketch_add(counters, of, &last->values, number, hash);
  if (slices->merged) sketch_add(counters, of, &slices->all, number, hash);
  return slices;
}

/* ---- the answer ---- */

static const void *sketch_of_all(struct counters *counters, struct slices *slices, const struct slices_of *of) {
  if (slices->count == 1) return &slice_at(slices, of, 0)->values;
  if (!slices->merged) {
    memset(&slices->all, 0, header_bytes(of) - offsetof(struct slices, all));
    for (unsigned i = 0; i < slices->count; i++)
      sketch_merge(counters, of, &slices->all, &slice_at(slices, of, i)->values);
    slices->merged = true;
  }
  return &slices->all;
}

int64_t slices_distinct(struct counters *counters, struct slices *slices, const struct slices_of *of) {
  return slices == NULL ? 0 : distinct_count(sketch_of_all(counters, slices, of));
}

struct value slices_percentile(struct counters *counters, struct slices *slices, const struct slices_of *of,
                               unsigned percent, struct type type) {
  const struct ddsketch *sketch = slices == NULL ? NULL : sketch_of_all(counters, slices, of);
  if (sketch == NULL || sketch->total == 0) return value_null();
  double number = ddsketch_percentile(sketch, percent);
  if (type.kind != VALUE_DURATION) return value_float(number);
  double away = number < 0 ? number - 0.5 : number + 0.5;
  return value_duration(away >= 0x1p63 ? INT64_MAX : away <= -0x1p63 ? INT64_MIN : (int64_t)away);
}
