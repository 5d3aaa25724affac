/* window_private.h - what the files of window share: keys, their parts, the set.
 *
 * window.c          events in, time, limits
 * window_key.c      keys, the table that finds them, their parts
 * window_bucket.c   aligned windows: the parts of all keys in one window or pane
 * window_aligned.c  tumbling, sliding, today: deadlines that all keys share
 * window_session.c  sessions
 * window_count.c    every N events
 * window_panes.c    windows put together from panes
 * window_tell.c     from a state to an event
 * window_grid.c     borders of windows (window_grid.h)
 *
 *     window_set ── table ─▶ window_key ─▶ list of window_part (accumulators), newest first
 *                └─ buckets (aligned windows) ─▶ the parts of all keys in one window or pane
 *                └─ wheel (sessions, count) ─▶ cell ─▶ window_key
 *
 * A *part* is what one key has in one window or, where windows overlap and are merged from panes, in one pane. A key's
 * block holds its first part and its bytes, so that a look-up costs the table's line and the block; further parts are
 * blocks of their own. What is behind the fixed fields of keys and parts depends on the plan: struct window_layout. */
#ifndef WEIR_ENGINE_WINDOW_PRIVATE_H
#define WEIR_ENGINE_WINDOW_PRIVATE_H

#include "engine/aggregate.h"
#include "engine/timer.h"
#include "engine/window.h"
#include "engine/window_grid.h"

enum {
  WINDOW_LINE_KEYS = 5,
  WINDOW_AHEAD = 8,        /* parts whose memory is asked for ahead in a sweep */
  WINDOW_PART_PREFIX = 16, /* bytes, of a part's block of its own: the key's address, and alignment */
};

enum window_part_flag {
  PART_OWN = 1,     /* stands in its key's block */
  PART_TOLD = 2,    /* its window was told with all that is in it */
  PART_HELD = 4,    /* the condition of `early when` held at its last event */
  PART_CHANGED = 8, /* something came since it was told (only with `early every D`) */
  PART_QUEUED = 16, /* stands in its bucket's `changed` */
};

struct window_part {
  struct window_part *older, *newer; /* of the key, by number; NULL at the ends */
  int64_t number;                    /* window or pane; of a session its start */
  uint32_t revision;                 /* that the next telling has */
  uint32_t flags;
};

struct window_key {
  struct window_part *newest; /* NULL = it has none */
  uint32_t hash, bytes;
};

/* Optional pieces. Of keys: */
struct window_known {
  int64_t last, before; /* times of its last event and of the last one before that time; INT64_MIN = none */
};
struct window_links { /* keys of sessions and counts, by when they got their last new part */
  struct window_key *older, *newer;
};
struct window_cell { /* a timer of a key; never freed, because the wheel may still know it */
  struct wheel_timer timer;
  struct window_key *key; /* NULL = nobody's */
  struct window_cell *next_free;
};
struct window_note { /* how often a window that is merged from panes was told again */
  struct window_note *next;
  int64_t window;
  uint32_t revision;
};
struct window_stacks {                      /* window_panes.c */
  struct window_part *front, *front_oldest; /* the newest and the oldest of the front; NULL = it is empty */
  int64_t known;                            /* panes up to this one are in the front or the back */
};
/* Of parts: */
struct window_times {
  int64_t first, last; /* of its events */
};
struct window_early {
  uint32_t partial;  /* early results told */
  uint32_t queue_at; /* in its bucket's `changed`, where PART_QUEUED */
  int64_t events;    /* since `early every N events` told */
  int64_t due;       /* sessions and counts, where PART_CHANGED: when it is told early; INT64_MAX = not */
};

/* Offsets; 0 = the plan needs no such piece. */
struct window_layout {
  uint32_t known, links, oldest, cell, ordinal, notes, stacks, back, place, own; /* in a key's block */
  uint32_t key;                                                                  /* its bytes, at the end */
  uint32_t times, early, state;                                                  /* in a part */
  uint32_t part_bytes;
};

struct window_line { /* of the table: one line of the cache */
  _Alignas(64) uint32_t hashes[WINDOW_LINE_KEYS];
  uint32_t passed; /* keys that stand further on, because this line was full */
  struct window_key *keys[WINDOW_LINE_KEYS];
};
_Static_assert(sizeof(struct window_line) == 64, "a line of the table is one line of the cache");

struct window_entries { /* a list of parts, in the order of making */
  struct window_entries *after;
  uint32_t count, capacity;
  struct window_part *parts[];
};

struct window_bucket { /* the parts of all keys in one window or pane */
  int64_t number;
  int64_t begin, until; /* times of its events: begin <= t < until */
  int64_t end;          /* of the last window that it is in */
  int64_t early_due;    /* INT64_MAX = none */
  struct window_entries *first, *last;
  uint32_t dropped; /* parts at the head of `first` that are gone */
  uint32_t changed_count, changed_capacity;
  struct window_part **changed; /* to be told early at early_due; NULL entries are gone */
};

enum window_way {
  WAY_WHOLE, /* aligned windows, a part for each window */
  WAY_PANES, /* aligned windows that overlap, a part for each pane */
  WAY_SESSION,
  WAY_COUNT,       /* a part for each window */
  WAY_COUNT_PANES, /* a part for each pane */
};

struct window_set {
  struct mem *mem;
  const struct window_plan *plan;
  struct window_options options;
  enum window_way way;
  bool needs_twice; /* of memory: than what its blocks have */
  struct window_layout layout;
  struct pool pool, wheel_pool; /* the wheel's own: what it has follows from when it was asked, not from events alone */
  struct arena scratch;         /* of one telling */
  struct aggregates *aggregates;
  size_t state_bytes;
  void *merged, *nothing; /* states: of panes put together; of no event */
  struct window_grid grid;
  uint16_t value_count; /* slots of what is made */
  struct value *columns, *registers, *key_values, *values;
  struct value window_values[WINDOW_VALUES];
  /* the key in hand: an event's values, and the slots of its parts */
  uint32_t key_hash;
  const uint16_t *key_slots;
  const struct value *key_event;
  /* the table */
  struct window_line *lines;
  void *lines_block;
  uint64_t line_mask, key_count, busy_keys; /* busy: with a part */
  size_t key_bytes;                         /* the keys' own */
  /* time */
  int64_t frontier; /* deadlines before it are told */
  int64_t due;      /* no deadline is earlier */
  /* aligned windows: live buckets are [bucket_first, bucket_end); the first `passed` of them are told for good */
  struct window_bucket **buckets, *recent;
  uint32_t bucket_first, bucket_end, bucket_capacity, passed;
  /* All keys in the order of making, where each window asks each of them: `every key known`, panes without lateness.
   * NULL = it is gone. */
  struct window_key **all;
  uint64_t all_count, all_holes, all_capacity;
  /* sessions and counts */
  struct wheel *wheel;
  struct window_cell *free_cells;
  struct window_key *oldest_key, *newest_key;
  struct window_counts counts;
};

/* ---- pieces ---- */

#define WINDOW_PIECE(name, type, owner)                                                                                \
  static inline type *window_##name##_of(const struct window_set *set, const struct owner *of) {                       \
    return (type *)(void *)((char *)(uintptr_t)of + set->layout.name);                                                 \
  }
WINDOW_PIECE(known, struct window_known, window_key)
WINDOW_PIECE(links, struct window_links, window_key)
WINDOW_PIECE(oldest, struct window_part *, window_key) /* part */
WINDOW_PIECE(cell, struct window_cell *, window_key)
WINDOW_PIECE(ordinal, int64_t, window_key)
WINDOW_PIECE(notes, struct window_note *, window_key)
WINDOW_PIECE(stacks, struct window_stacks, window_key)
WINDOW_PIECE(back, void, window_key)
WINDOW_PIECE(place, uint64_t, window_key) /* in `all` */
WINDOW_PIECE(own, struct window_part, window_key)
WINDOW_PIECE(key, char, window_key)
WINDOW_PIECE(times, struct window_times, window_part)
WINDOW_PIECE(early, struct window_early, window_part)
WINDOW_PIECE(state, void, window_part)
#undef WINDOW_PIECE

/* ---- window.c ---- */

/* Whether the open windows and known keys, and the events that are made of them at a deadline, take more memory than so
 * many as there may be. */
bool window_is_crowded(const struct window_set *set);

/* ---- window_key.c: the table, keys, parts ---- */

void window_layout_init(struct window_set *set);
void window_table_init(struct window_set *set);
/* The event's key becomes the one in hand; false: a part is null. */
bool window_key_take(struct window_set *set, const struct window_from *from, const struct event *event);
/* Into set->key_values; lists in set->scratch. */
void window_key_values(struct window_set *set, const struct window_key *key);
struct window_key *window_key_find(const struct window_set *set); /* the key in hand; NULL = it is not there */
struct window_key *window_key_make(struct window_set *set);       /* found or made; with no parts */
void window_key_free(struct window_set *set, struct window_key *key);
void window_all_close_holes(struct window_set *set);
/* The key's timer (sessions, counts) fires at `deadline` or, where it is set for an earlier time, at that. */
void window_key_arm(struct window_set *set, struct window_key *key, int64_t deadline);
/* The oldest key of sessions or counts goes, with its parts (there is one). */
void window_key_drop_oldest(struct window_set *set);
void window_key_prefetch_line(const struct window_set *set, const struct window_key *key);

/* A part that is not in a block of its key has the key's address before it. */
static inline struct window_key *window_part_key(const struct window_set *set, const struct window_part *part) {
  if (part->flags & PART_OWN) return (struct window_key *)(void *)((char *)(uintptr_t)part - set->layout.own);
  return ((struct window_key *const *)(const void *)part)[-2];
}
static inline struct window_part *window_part_oldest(const struct window_set *set, const struct window_key *key) {
  if (set->layout.oldest != 0) return *window_oldest_of(set, key);
  struct window_part *part = key->newest;
  while (part != NULL && part->older != NULL) part = part->older;
  return part;
}
/* The key's newest part with a number of at most `number`; NULL = none. */
struct window_part *window_part_at_most(const struct window_key *key, int64_t number);
/* A new one, behind `older` (NULL: as the oldest). */
struct window_part *window_part_make(struct window_set *set, struct window_key *key, int64_t number,
                                     struct window_part *older);
void window_part_free(struct window_set *set, struct window_key *key, struct window_part *part);

/* ---- window_tell.c: what is told ---- */

struct window_telling {
  const struct window_key *key;
  const void *state;
  int64_t start, end, number, time, moment;
  uint32_t revision, partial;
  const struct event *cause;
};
void window_tell(struct window_set *set, const struct window_telling *telling, struct expr_env *env);
/* The event was added to the part, whose window is not over: what early results it brings. True: it is to be told at
 * the next multiple of early_us. */
bool window_tell_early(struct window_set *set, const struct window_key *key, struct window_part *part, int64_t start,
                       int64_t end, const struct event *cause, int64_t now, struct expr_env *env);
/* The timer of `early every D` told it at `time`. */
void window_tell_early_due(struct window_set *set, const struct window_key *key, struct window_part *part,
                           int64_t start, int64_t end, int64_t time, struct expr_env *env);
/* The first start + k * early_us, k >= 1, at or after `now`; INT64_MAX if it is not before `end`. */
int64_t window_early_due(const struct window_set *set, int64_t start, int64_t end, int64_t now);
/* ---- window_panes.c ---- */

/* The state of all parts from `newest` back to the number `lowest`: of the one part, or set->merged, which
 * window_merged_done() empties. */
const void *window_merge(struct window_set *set, const struct window_key *key, struct window_part *newest,
                         int64_t lowest);
void window_merged_done(struct window_set *set, const void *state);
/* Whether keys have two stacks (window_panes.c); the oldest part of such a key goes. */
bool window_has_stacks(const struct window_set *set);
void window_stacks_forget(struct window_set *set, const struct window_key *key, const struct window_part *part);

/* ---- window_bucket.c: aligned windows' buckets ---- */

struct window_walk {
  struct window_entries *entries;
  uint32_t at;
};

/* Where the first bucket with at least that number stands; bucket_end = none. */
uint32_t window_bucket_lower(const struct window_set *set, int64_t number);
struct window_bucket *window_bucket_make(struct window_set *set, int64_t number); /* found or made */
void window_bucket_free(struct window_set *set, uint32_t at);                     /* but not its parts */
void window_bucket_add(struct window_set *set, struct window_bucket *bucket, struct window_part *part);
void window_bucket_queue(struct window_set *set, struct window_bucket *bucket, struct window_part *part);
/* Its parts, in the order of making; what is ahead is asked for. NULL = no more. */
void window_bucket_begin(const struct window_bucket *bucket, struct window_walk *walk);
struct window_part *window_bucket_next(struct window_walk *walk);
/* The first part of the oldest bucket goes (there is one), and its key if it has no other. */
void window_bucket_drop_oldest(struct window_set *set);

/* ---- window_aligned.c, window_session.c, window_count.c ----
 *
 * The key in hand and set->columns are the event's. They say whether it took part in a window. */

bool window_aligned_event(struct window_set *set, const struct event *event, int64_t now, struct expr_env *env);
void window_aligned_time(struct window_set *set, int64_t frontier, int64_t empty_until, struct expr_env *env);

bool window_session_event(struct window_set *set, const struct event *event, int64_t now, struct expr_env *env);
void window_session_due(struct window_set *set, struct window_key *key, int64_t time, struct expr_env *env);

bool window_count_event(struct window_set *set, const struct event *event, struct expr_env *env);
void window_count_due(struct window_set *set, struct window_key *key, int64_t time, struct expr_env *env);

#endif
