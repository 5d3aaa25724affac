/* window_key.c - a window set's keys: their bytes, the table that finds them, the list of parts of each.
 *
 * Two keys are equal if their bytes are. The table is open addressing over lines of the cache with five keys each; a
 * line counts the keys that had to go further, so that a look-up knows where to stop and taking a key out moves none.
 */
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "engine/window_private.h"

enum {
  LINES_FIRST = 16,
  LINE_LOAD_MAX = 4, /* keys a line, on average, before the table grows */
  LINE_BYTES = 64,
  ALL_FIRST = 16,
  CELLS_BLOCK = 64, /* timers made at once */
};

/* ---- layout ---- */

static uint32_t take(uint32_t *at, size_t bytes, bool needed) {
  uint32_t offset = *at;
  if (!needed) return 0;
  *at += (uint32_t)((bytes + 7) & ~(size_t)7);
  return offset;
}

void window_layout_init(struct window_set *set) {
  const struct window_plan *plan = set->plan;
  struct window_layout *layout = &set->layout;
  bool counted = set->way == WAY_COUNT || set->way == WAY_COUNT_PANES;
  bool early = plan->early_us >= 0 || plan->early_count >= 0 || plan->early_when != NULL;
  uint32_t at = sizeof(struct window_part);
  layout->times = take(&at, sizeof(struct window_times), counted || set->way == WAY_SESSION);
  layout->early = take(&at, sizeof(struct window_early), early);
  layout->state = take(&at, set->state_bytes, true);
  layout->part_bytes = at;
  at = sizeof(struct window_key);
  layout->known = take(&at, sizeof(struct window_known), plan->known_us >= 0);
  layout->links = take(&at, sizeof(struct window_links), counted || set->way == WAY_SESSION);
  layout->oldest = take(&at, sizeof(struct window_part *), counted || set->way == WAY_SESSION);
  layout->cell = take(&at, sizeof(struct window_cell *), set->wheel != NULL);
  layout->ordinal = take(&at, sizeof(int64_t), counted);
  layout->notes = take(&at, sizeof(struct window_note *), set->way == WAY_PANES && plan->lateness_us > 0);
  layout->place = take(&at, sizeof(uint64_t), plan->known_us >= 0 || (set->way == WAY_PANES && plan->lateness_us == 0));
  bool stacks = window_has_stacks(set);
  layout->stacks = take(&at, sizeof(struct window_stacks), stacks);
  layout->back = take(&at, set->state_bytes, stacks);
  layout->own = take(&at, layout->part_bytes, true);
  layout->key = at;
}

/* ---- bytes of a key ----
 *
 * Numbers have 8 bytes, texts and addresses their length before them. Parts of one key have fixed types, so kinds are
 * not told apart. A list is never part of a key. */

/* A part as bytes: of a number, of its bytes (moved to *number), else of what it points to. */
struct bytes {
  const void *data;
  uint32_t length;
  bool sized; /* its length is told, too */
};
static inline struct bytes bytes_of(const struct value *value, int64_t *number) {
  switch (value->kind) {
  case VALUE_STRING: return (struct bytes){value->s, value->length, true};
  case VALUE_IP:
    if (value->length == 16) return (struct bytes){value->ip, 16, true};
    *number = value->i;
    return (struct bytes){number, sizeof *number, true};
  case VALUE_FLOAT: *number = value_float(value->f == 0 ? 0 : value->f).i; break; /* -0 is 0 */
  default: *number = value->i; break;
  }
  return (struct bytes){number, sizeof *number, false};
}

static inline uint64_t part_hash(const struct value *value, uint64_t seed) {
  int64_t number;
  struct bytes bytes = bytes_of(value, &number);
  return hash_bytes_seed(bytes.data, bytes.length, seed);
}

bool window_key_take(struct window_set *set, const struct window_from *from, const struct event *event) {
  uint64_t hash = 0;
  for (uint16_t i = 0; i < set->plan->key_count; i++) {
    const struct value *value = &event->values[from->key_slots[i]];
    if (value->kind == VALUE_NULL) return false;
    hash = part_hash(value, hash);
  }
  set->key_hash = (uint32_t)hash;
  set->key_slots = from->key_slots;
  set->key_event = event->values;
  return true;
}

static inline bool is_part(const char **at, const struct value *value) {
  int64_t number;
  struct bytes bytes = bytes_of(value, &number);
  if (bytes.sized) {
    if (memcmp(*at, &bytes.length, sizeof bytes.length) != 0) return false;
    *at += sizeof bytes.length;
  }
  bool same = bytes.length == 0 || memcmp(*at, bytes.data, bytes.length) == 0;
  *at += bytes.length;
  return same;
}

static bool is_key_in_hand(const struct window_set *set, const struct window_key *key) {
  const char *at = window_key_of(set, key);
  for (uint16_t i = 0; i < set->plan->key_count; i++) {
    if (!is_part(&at, &set->key_event[set->key_slots[i]])) return false;
  }
  return true;
}

static size_t put_part(char *room, const struct value *value) {
  int64_t number;
  struct bytes bytes = bytes_of(value, &number);
  size_t sized = bytes.sized ? sizeof bytes.length : 0;
  if (room != NULL && bytes.sized) memcpy(room, &bytes.length, sized);
  if (room != NULL && bytes.length > 0) memcpy(room + sized, bytes.data, bytes.length);
  return sized + bytes.length;
}

/* The bytes of the key in hand: how many, and, where there is room for them, they themselves. */
static size_t put_key(const struct window_set *set, char *room) {
  size_t used = 0;
  for (uint16_t i = 0; i < set->plan->key_count; i++)
    used += put_part(room == NULL ? NULL : room + used, &set->key_event[set->key_slots[i]]);
  return used;
}

static int64_t get_number(const char **at) {
  int64_t number;
  memcpy(&number, *at, sizeof number);
  *at += sizeof number;
  return number;
}

static struct value get_part(const char **at, uint8_t kind, uint8_t scale) {
  if (kind != VALUE_STRING && kind != VALUE_IP)
    return (struct value){.i = get_number(at), .kind = kind, .scale = kind == VALUE_DECIMAL ? scale : 0};
  struct value value = {.kind = kind};
  memcpy(&value.length, *at, sizeof value.length);
  *at += sizeof value.length;
  const char *bytes = *at;
  *at += value.length;
  if (kind == VALUE_STRING) {
    value.s = bytes;
  } else if (value.length == 16) {
    value.ip = (const uint8_t *)bytes;
  } else {
    memcpy(&value.i, bytes, sizeof value.i);
    value.length = 4;
  }
  return value;
}

void window_key_values(struct window_set *set, const struct window_key *key) {
  const char *at = window_key_of(set, key);
  for (uint16_t i = 0; i < set->plan->key_count; i++) {
    struct type type = set->plan->key_types[i];
    set->key_values[i] = get_part(&at, type.kind, type.scale);
  }
}

/* ---- the table ---- */

static void lines_new(struct window_set *set, uint64_t count) {
  set->lines_block = mem_alloc(set->mem, count * sizeof(struct window_line) + LINE_BYTES - 1);
  set->lines = (void *)(((uintptr_t)set->lines_block + LINE_BYTES - 1) & ~(uintptr_t)(LINE_BYTES - 1));
  set->line_mask = count - 1;
}

void window_table_init(struct window_set *set) { lines_new(set, LINES_FIRST); }

struct window_key *window_key_find(const struct window_set *set) {
  uint64_t at = set->key_hash & set->line_mask;
  for (uint64_t seen = 0; seen <= set->line_mask; seen++) {
    const struct window_line *line = &set->lines[at];
    for (unsigned i = 0; i < WINDOW_LINE_KEYS; i++)
      if (line->hashes[i] == set->key_hash && line->keys[i] != NULL && is_key_in_hand(set, line->keys[i]))
        return line->keys[i];
    if (line->passed == 0) return NULL;
    at = (at + 1) & set->line_mask;
  }
  return NULL;
}

static void table_put(struct window_set *set, uint32_t hash, struct window_key *key) {
  for (uint64_t at = hash & set->line_mask;; at = (at + 1) & set->line_mask) { /* ends: a fifth is free */
    struct window_line *line = &set->lines[at];
    for (unsigned i = 0; i < WINDOW_LINE_KEYS; i++) {
      if (line->keys[i] != NULL) continue;
      line->hashes[i] = hash;
      line->keys[i] = key;
      return;
    }
    line->passed++;
  }
}

static void table_remove(struct window_set *set, const struct window_key *key) {
  for (uint64_t at = key->hash & set->line_mask;; at = (at + 1) & set->line_mask) { /* ends: the key is there */
    struct window_line *line = &set->lines[at];
    for (unsigned i = 0; i < WINDOW_LINE_KEYS; i++) {
      if (line->keys[i] != key) continue;
      line->keys[i] = NULL;
      return;
    }
    check(line->passed > 0);
    line->passed--;
  }
}

static void table_grow(struct window_set *set) {
  struct window_line *old = set->lines;
  void *old_block = set->lines_block;
  uint64_t old_count = set->line_mask + 1;
  lines_new(set, old_count * 2);
  for (uint64_t l = 0; l < old_count; l++) /* by the hashes in the lines: the keys' own memory is not touched */
    for (unsigned i = 0; i < WINDOW_LINE_KEYS; i++)
      if (old[l].keys[i] != NULL) table_put(set, old[l].hashes[i], old[l].keys[i]);
  mem_free(set->mem, old_block);
}

void window_key_prefetch_line(const struct window_set *set, const struct window_key *key) {
  __builtin_prefetch(&set->lines[key->hash & set->line_mask], 1);
}

/* ---- keys ---- */

static void link_newest(struct window_set *set, struct window_key *key) {
  struct window_links *links = window_links_of(set, key);
  links->newer = NULL;
  links->older = set->newest_key;
  if (set->newest_key != NULL)
    window_links_of(set, set->newest_key)->newer = key;
  else
    set->oldest_key = key;
  set->newest_key = key;
}

static void unlink(struct window_set *set, struct window_key *key) {
  struct window_links *links = window_links_of(set, key);
  if (links->older != NULL)
    window_links_of(set, links->older)->newer = links->newer;
  else
    set->oldest_key = links->newer;
  if (links->newer != NULL)
    window_links_of(set, links->newer)->older = links->older;
  else
    set->newest_key = links->older;
}

void window_all_close_holes(struct window_set *set) {
  uint64_t kept = 0;
  if (set->all_holes == 0) return;
  for (uint64_t i = 0; i < set->all_count; i++) {
    if (set->all[i] == NULL) continue;
    *window_place_of(set, set->all[i]) = kept;
    set->all[kept++] = set->all[i];
  }
  set->all_count = kept;
  set->all_holes = 0;
}

static void all_add(struct window_set *set, struct window_key *key) {
  if (set->all_count == set->all_capacity && set->all_holes * 2 >= set->all_count) window_all_close_holes(set);
  if (set->all_count == set->all_capacity) {
    uint64_t capacity = set->all_capacity == 0 ? ALL_FIRST : set->all_capacity * 2;
    struct window_key **bigger = pool_alloc(&set->pool, capacity * sizeof(struct window_key *));
    if (set->all_count > 0) memcpy(bigger, set->all, set->all_count * sizeof(struct window_key *));
    pool_free(&set->pool, set->all, set->all_capacity * sizeof(struct window_key *));
    set->all = bigger;
    set->all_capacity = capacity;
  }
  *window_place_of(set, key) = set->all_count;
  set->all[set->all_count++] = key;
}

struct window_key *window_key_make(struct window_set *set) {
  struct window_key *key = window_key_find(set);
  if (key != NULL) return key;
  if (set->key_count + 1 > (set->line_mask + 1) * LINE_LOAD_MAX) table_grow(set);
  const struct window_layout *layout = &set->layout;
  size_t bytes = put_key(set, NULL);
  check(bytes < UINT32_MAX / 2);
  key = pool_alloc(&set->pool, layout->key + bytes);
  memset(key, 0, layout->key);
  key->hash = set->key_hash;
  key->bytes = (uint32_t)bytes;
  put_key(set, window_key_of(set, key));
  if (layout->known != 0) *window_known_of(set, key) = (struct window_known){INT64_MIN, INT64_MIN};
  if (layout->links != 0) link_newest(set, key);
  if (layout->place != 0) all_add(set, key);
  if (layout->stacks != 0) {
    window_stacks_of(set, key)->known = INT64_MIN;
    aggregates_init(set->aggregates, window_back_of(set, key));
  }
  table_put(set, key->hash, key);
  set->key_count++;
  set->key_bytes += bytes;
  return key;
}

void window_key_free(struct window_set *set, struct window_key *key) {
  check(key->newest == NULL);
  const struct window_layout *layout = &set->layout;
  table_remove(set, key);
  set->key_count--;
  set->key_bytes -= key->bytes;
  if (layout->links != 0) unlink(set, key);
  if (layout->place != 0) {
    set->all[*window_place_of(set, key)] = NULL;
    set->all_holes++;
  }
  if (layout->stacks != 0) aggregates_free(set->aggregates, window_back_of(set, key));
  if (layout->cell != 0 && *window_cell_of(set, key) != NULL) {
    struct window_cell *cell = *window_cell_of(set, key);
    cell->key = NULL;
    cell->next_free = set->free_cells;
    set->free_cells = cell;
  }
  for (struct window_note *note = layout->notes == 0 ? NULL : *window_notes_of(set, key); note != NULL;) {
    struct window_note *next = note->next;
    pool_free(&set->pool, note, sizeof *note);
    note = next;
  }
  pool_free(&set->pool, key, layout->key + key->bytes);
}

static struct window_cell *cell_new(struct window_set *set) {
  if (set->free_cells == NULL) {
    struct window_cell *cells = pool_alloc(&set->pool, CELLS_BLOCK * sizeof *cells);
    for (unsigned i = 0; i < CELLS_BLOCK; i++) {
      cells[i] = (struct window_cell){.timer = {WHEEL_UNSET}, .next_free = set->free_cells};
      set->free_cells = &cells[i];
    }
  }
  struct window_cell *cell = set->free_cells;
  set->free_cells = cell->next_free;
  return cell; /* its timer may be set still, by its former key: then it fires early */
}

void window_key_arm(struct window_set *set, struct window_key *key, int64_t deadline) {
  struct window_cell **cell = window_cell_of(set, key);
  if (*cell == NULL) {
    *cell = cell_new(set);
    (*cell)->key = key;
  }
  wheel_arm(set->wheel, &(*cell)->timer, deadline);
  if (deadline < set->due) set->due = deadline;
}

void window_key_drop_oldest(struct window_set *set) {
  struct window_key *key = set->oldest_key;
  check(key != NULL);
  set->counts.dropped += key->newest == NULL; /* a count between two windows */
  for (; key->newest != NULL; set->counts.dropped++) window_part_free(set, key, key->newest);
  window_key_free(set, key);
}

/* ---- parts ---- */

struct window_part *window_part_at_most(const struct window_key *key, int64_t number) {
  struct window_part *part = key->newest;
  while (part != NULL && part->number > number) part = part->older;
  return part;
}

struct window_part *window_part_make(struct window_set *set, struct window_key *key, int64_t number,
                                     struct window_part *older) {
  struct window_part *part = window_own_of(set, key);
  uint32_t flags = PART_OWN;
  if (part->flags & PART_OWN) { /* the place in the key's block is taken */
    char *block = pool_alloc(&set->pool, WINDOW_PART_PREFIX + set->layout.part_bytes);
    part = (struct window_part *)(void *)(block + WINDOW_PART_PREFIX);
    ((struct window_key **)(void *)part)[-2] = key;
    flags = 0;
  }
  memset(part, 0, set->layout.part_bytes);
  part->number = number;
  part->flags = flags;
  aggregates_init(set->aggregates, window_state_of(set, part));
  struct window_part *newer = older == NULL ? window_part_oldest(set, key) : older->newer;
  set->busy_keys += key->newest == NULL;
  part->older = older;
  part->newer = newer;
  if (older != NULL)
    older->newer = part;
  else if (set->layout.oldest != 0)
    *window_oldest_of(set, key) = part;
  if (newer != NULL)
    newer->older = part;
  else
    key->newest = part;
  if (set->layout.links != 0 && set->newest_key != key) {
    unlink(set, key);
    link_newest(set, key);
  }
  set->counts.open++;
  return part;
}

void window_part_free(struct window_set *set, struct window_key *key, struct window_part *part) {
  if (set->layout.stacks != 0) window_stacks_forget(set, key, part);
  aggregates_free(set->aggregates, window_state_of(set, part));
  if (part->older != NULL)
    part->older->newer = part->newer;
  else if (set->layout.oldest != 0)
    *window_oldest_of(set, key) = part->newer;
  if (part->newer != NULL)
    part->newer->older = part->older;
  else
    key->newest = part->older;
  set->busy_keys -= key->newest == NULL;
  if (part->flags & PART_OWN)
    part->flags = 0; /* the place is free */
  else
    pool_free(&set->pool, (char *)part - WINDOW_PART_PREFIX, WINDOW_PART_PREFIX + set->layout.part_bytes);
  set->counts.open--;
}
