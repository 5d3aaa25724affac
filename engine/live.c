/* live.c - what rules and events have put into lists and tables. Owned by engine.c, asked by expressions.
 *
 * Changes of a list and rows of a table are blocks of one pool, each in a hash table and in a list by when they changed
 * last. Rows all live equally long, so they leave from the front of that list; changes leave by a heap of their ends.
 * What happens by time alone (ends, changes that become visible) happens in the order of its times, whenever
 * live_time() is called, so that limits strike the same entries however time moves on. */
#include "engine/live.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/ip.h"
#include "base/limits.h"
#include "engine/watermark.h"
#include "rules/list_set.h"
#include "rules/table_rows.h"

enum {
  CELLS_MIN = 64,
  HEAP_MIN = 64,
  V4_BITS = 32,
  V6_BITS = 128,
};
static const uint32_t not_in_heap = UINT32_MAX;

/* ---- cells: what has a hash and an age ---- */

struct cell {
  struct cell *before, *after; /* by the time of change */
  uint64_t hash;
};

struct cells {
  struct cell *oldest, *newest;
  struct cell **table; /* open addressing, linear probing, at most half full */
  uint64_t count, capacity;
};

/* The next cell with this hash from place *at on, which is moved behind it. Start with *at = hash. */
static struct cell *cells_next(const struct cells *cells, uint64_t hash, uint64_t *at) {
  if (cells->capacity == 0) return NULL;
  for (struct cell *cell; (cell = cells->table[*at & (cells->capacity - 1)]) != NULL;) {
    ++*at;
    if (cell->hash == hash) return cell;
  }
  return NULL;
}

static void cells_place(struct cells *cells, struct cell *cell) {
  uint64_t at = cell->hash & (cells->capacity - 1);
  while (cells->table[at] != NULL) at = (at + 1) & (cells->capacity - 1);
  cells->table[at] = cell;
}

static void cells_grow(struct cells *cells, struct mem *mem) {
  struct cell **old = cells->table;
  uint64_t old_capacity = cells->capacity;
  cells->capacity = old_capacity == 0 ? CELLS_MIN : 2 * old_capacity;
  cells->table = mem_alloc(mem, cells->capacity * sizeof(struct cell *));
  for (uint64_t i = 0; i < old_capacity; i++)
    if (old[i] != NULL) cells_place(cells, old[i]);
  mem_free(mem, old);
}

static void cells_append(struct cells *cells, struct cell *cell) {
  cell->before = cells->newest;
  cell->after = NULL;
  *(cells->newest == NULL ? &cells->oldest : &cells->newest->after) = cell;
  cells->newest = cell;
}

static void cells_unlink(struct cells *cells, struct cell *cell) {
  *(cell->before == NULL ? &cells->oldest : &cell->before->after) = cell->after;
  *(cell->after == NULL ? &cells->newest : &cell->after->before) = cell->before;
}

static void cells_add(struct cells *cells, struct mem *mem, struct cell *cell) {
  if (2 * (cells->count + 1) > cells->capacity) cells_grow(cells, mem);
  cells_place(cells, cell);
  cells_append(cells, cell);
  cells->count++;
}

static void cells_remove(struct cells *cells, struct cell *cell) {
  uint64_t mask = cells->capacity - 1, at = cell->hash & mask;
  while (cells->table[at] != cell) at = (at + 1) & mask;
  for (uint64_t next = (at + 1) & mask; cells->table[next] != NULL; next = (next + 1) & mask) {
    uint64_t home = cells->table[next]->hash & mask;
    if (((next - home) & mask) < ((next - at) & mask)) continue; /* it stands between its home and the gap */
    cells->table[at] = cells->table[next];
    at = next;
  }
  cells->table[at] = NULL;
  cells_unlink(cells, cell);
  cells->count--;
}

/* ---- states ---- */

struct change {     /* of a list */
  struct cell cell; /* before it is visible: `after` is the next that waits */
  union {
    int64_t visible;   /* while it waits: in force from this time on */
    uint64_t sequence; /* then: the later, the higher */
  };
  int64_t end; /* in force before it; INT64_MAX: for ever */
  uint32_t heap_at, bytes;
  bool remove;
  union {
    struct value value;
    struct ip ip; /* lists of ip: an address has all bits as its prefix */
  };
};

struct heap_item {
  int64_t end;
  struct change *change;
};

struct live_list {
  const struct list_def *def;
  bool ip;
  struct cells changes;
  struct change *waiting, *waiting_last; /* not yet visible, in the order of their times */
  uint64_t waiting_count;
  uint64_t entries;       /* of the changes and of what waits, as the limit counts them: entries_of() */
  struct heap_item *heap; /* the changes that end */
  uint32_t heap_count, heap_capacity;
  int64_t latest_end;              /* of any `add` so far */
  uint32_t networks4[V4_BITS + 1]; /* how many changes have this prefix */
  uint32_t networks6[V6_BITS + 1];
  uint64_t prefixes4, prefixes6[3]; /* a bit for each prefix that is there */
};

struct row {
  struct cell cell;
  int64_t end; /* INT64_MAX: for ever */
  uint32_t bytes;
  struct value key, columns[]; /* column_count, then the bytes of all */
};

struct live_table {
  const struct table_def *def;
  struct cells rows;
  uint64_t entries; /* of the rows, as the limit counts them: entries_of() */
};

struct live {
  struct mem *mem;
  const struct ruleset *ruleset;
  struct pool pool;
  uint64_t entries_max;
  struct live_list **lists; /* by number; NULL: not live */
  struct live_table **tables;
  int64_t now, next; /* next: nothing happens by time alone before it */
  uint64_t sequence, dropped;
  void (*asked)(void *context, uint16_t table, struct value key, int64_t until);
  void *asked_context;
};

struct live *live_new(struct mem *mem, const struct ruleset *ruleset, uint64_t entries_max,
                      void (*asked)(void *context, uint16_t table, struct value key, int64_t until), void *context) {
  struct live *live = mem_alloc(mem, sizeof *live);
  live->asked = asked;
  live->asked_context = context;
  live->mem = mem;
  live->ruleset = ruleset;
  live->entries_max = entries_max == 0 ? UINT64_MAX : entries_max;
  live->now = INT64_MIN;
  live->next = INT64_MAX;
  pool_init(&live->pool, mem);
  live->lists = mem_alloc(mem, (ruleset->list_count + 1u) * sizeof *live->lists);
  live->tables = mem_alloc(mem, (ruleset->table_count + 1u) * sizeof *live->tables);
  for (uint16_t i = 0; i < ruleset->list_count; i++) {
    const struct list_def *def = &ruleset->lists[i];
    if (!def->live) continue;
    live->lists[i] = mem_alloc(mem, sizeof(struct live_list));
    live->lists[i]->def = def;
    live->lists[i]->ip = def->type.kind == VALUE_IP || def->type.kind == VALUE_NETWORK;
    live->lists[i]->latest_end = INT64_MIN;
  }
  for (uint16_t i = 0; i < ruleset->table_count; i++) {
    if (!ruleset->tables[i].live) continue;
    live->tables[i] = mem_alloc(mem, sizeof(struct live_table));
    live->tables[i]->def = &ruleset->tables[i];
  }
  return live;
}

static void happens_at(struct live *live, int64_t time) {
  if (time < live->next) live->next = time;
}

/* ---- the heap of ends ---- */

static void heap_set(struct live_list *list, uint32_t at, struct heap_item item) {
  list->heap[at] = item;
  item.change->heap_at = at;
}

static void heap_up(struct live_list *list, uint32_t at, struct heap_item item) {
  for (; at > 0 && list->heap[(at - 1) / 2].end > item.end; at = (at - 1) / 2)
    heap_set(list, at, list->heap[(at - 1) / 2]);
  heap_set(list, at, item);
}

static void heap_down(struct live_list *list, uint32_t at, struct heap_item item) {
  for (;;) {
    uint64_t child = 2 * (uint64_t)at + 1;
    if (child >= list->heap_count) break;
    if (child + 1 < list->heap_count && list->heap[child + 1].end < list->heap[child].end) child++;
    if (list->heap[child].end >= item.end) break;
    heap_set(list, at, list->heap[child]);
    at = (uint32_t)child;
  }
  heap_set(list, at, item);
}

static void heap_add(struct live *live, struct live_list *list, struct change *change) {
  change->heap_at = not_in_heap;
  if (change->end == INT64_MAX) return;
  if (list->heap_count == list->heap_capacity) {
    check(list->heap_capacity < UINT32_MAX / 2);
    list->heap_capacity = list->heap_capacity == 0 ? HEAP_MIN : 2 * list->heap_capacity;
    list->heap = mem_realloc(live->mem, list->heap, list->heap_capacity * sizeof *list->heap);
  }
  heap_up(list, list->heap_count++, (struct heap_item){change->end, change});
}

static void heap_remove(struct live_list *list, const struct change *change) {
  uint32_t at = change->heap_at;
  if (at == not_in_heap) return;
  struct heap_item last = list->heap[--list->heap_count];
  if (last.change == change) return;
  if (at > 0 && list->heap[(at - 1) / 2].end > last.end)
    heap_up(list, at, last);
  else
    heap_down(list, at, last);
}

/* ---- a list's changes ---- */

static uint64_t hash_ip(const struct ip *ip) { return hash_bytes(ip, sizeof *ip); }
_Static_assert(sizeof(struct ip) == 18, "an address has no byte between its members that nobody sets");

/* The network of the first `prefix` bits. */
static struct ip ip_cut(struct ip ip, unsigned prefix) {
  unsigned whole = prefix / 8;
  for (unsigned i = whole; i < ip.length; i++)
    ip.bytes[i] = (uint8_t)(i == whole ? ip.bytes[i] & ~(0xffu >> prefix % 8) : 0u);
  ip.prefix = (uint8_t)prefix;
  return ip;
}

static uint32_t *network_count(struct live_list *list, const struct ip *ip) {
  return ip->length == 4 ? &list->networks4[ip->prefix] : &list->networks6[ip->prefix];
}
static uint64_t *prefix_word(struct live_list *list, const struct ip *ip) {
  return ip->length == 4 ? &list->prefixes4 : &list->prefixes6[ip->prefix / 64];
}

static void count_network(struct live_list *list, const struct ip *ip, bool more) {
  uint32_t *count = network_count(list, ip);
  uint64_t bit = UINT64_C(1) << ip->prefix % 64;
  *count += more ? 1u : UINT32_MAX;
  if (*count == 0)
    *prefix_word(list, ip) &= ~bit;
  else
    *prefix_word(list, ip) |= bit;
}

static struct change *find_value(const struct live_list *list, struct value value) {
  uint64_t hash = value_hash(value), at = hash;
  struct cell *cell;
  while ((cell = cells_next(&list->changes, hash, &at)) != NULL)
    if (value_equal(((struct change *)cell)->value, value)) break;
  return (struct change *)cell;
}

static struct change *find_network(const struct live_list *list, const struct ip *ip) {
  uint64_t hash = hash_ip(ip), at = hash;
  struct cell *cell;
  while ((cell = cells_next(&list->changes, hash, &at)) != NULL)
    if (memcmp(&((struct change *)cell)->ip, ip, sizeof *ip) == 0) break;
  return (struct change *)cell;
}

/* Of the changes that hold an address; most lists have one or two lengths of prefixes. */
struct holders {
  const struct change *latest;
  int64_t added_until; /* the latest end of an `add` among them */
};

static struct holders find_holders(const struct live_list *list, struct ip ip) {
  struct holders holders = {.added_until = INT64_MIN};
  const uint64_t *words = ip.length == 4 ? &list->prefixes4 : list->prefixes6;
  for (unsigned w = 0; w < (ip.length == 4 ? 1u : 3u); w++) {
    for (uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
      struct ip network = ip_cut(ip, 64 * w + (unsigned)__builtin_ctzll(bits));
      const struct change *change = find_network(list, &network);
      if (change == NULL) continue;
      if (holders.latest == NULL || change->sequence > holders.latest->sequence) holders.latest = change;
      if (!change->remove && change->end > holders.added_until) holders.added_until = change->end;
    }
  }
  return holders;
}

/* The limit counts changes and rows of a usual size; a larger one is several. */
static uint64_t entries_of(uint32_t bytes) { return 1 + bytes / MEMORY_EACH_LIST_CHANGES; }

static void change_free(struct live *live, struct live_list *list, struct change *change) {
  list->entries -= entries_of(change->bytes);
  pool_free(&live->pool, change, change->bytes);
}

static void change_drop(struct live *live, struct live_list *list, struct change *change) {
  cells_remove(&list->changes, &change->cell);
  heap_remove(list, change);
  if (list->ip) count_network(list, &change->ip, false);
  change_free(live, list, change);
}

static struct change *change_new(struct live *live, struct live_list *list, struct value value) {
  size_t bytes = sizeof(struct change) + (list->ip ? 0 : value_extra_bytes(value));
  struct change *change = pool_alloc(&live->pool, bytes);
  *change = (struct change){.bytes = (uint32_t)bytes, .heap_at = not_in_heap};
  list->entries += entries_of(change->bytes);
  if (list->ip) {
    struct ip ip = ip_of_value(value);
    change->ip = ip_cut(ip, ip.prefix); /* no bits behind the prefix: equal networks have equal bytes */
    change->cell.hash = hash_ip(&change->ip);
  } else {
    char *extra = (char *)(change + 1);
    change->value = value_copy_to(&extra, value);
    change->cell.hash = value_hash(value);
  }
  return change;
}

/* Until when a removal has something to hide; INT64_MIN: it has nothing. */
static int64_t hides_until(const struct live_list *list, const struct change *removal) {
  const struct list_set *set = list->def->set;
  if (!list->ip) return set != NULL && list_set_has(set, removal->value) ? INT64_MAX : INT64_MIN;
  if (removal->ip.prefix < removal->ip.length * 8) /* a network: of what lies in it nobody knows the parts */
    return set != NULL && list_set_count(set) > 0 ? INT64_MAX : list->latest_end;
  if (set != NULL && list_set_has(set, ip_value(&removal->ip))) return INT64_MAX;
  return find_holders(list, removal->ip).added_until;
}

/* The limit counts what waits, too; that is younger than all that is in force. */
static void keep_list_limit(struct live *live, struct live_list *list) {
  while (list->entries > live->entries_max) {
    live->dropped++;
    if (list->changes.oldest != NULL) {
      change_drop(live, list, (struct change *)list->changes.oldest);
      continue;
    }
    struct change *first = list->waiting;
    list->waiting = (struct change *)first->cell.after;
    list->waiting_count--;
    change_free(live, list, first);
  }
}

/* The change is in force from now on, at `time`; what is over by then is gone already. */
static void change_enter(struct live *live, struct live_list *list, struct change *change, int64_t time) {
  struct change *earlier = list->ip ? find_network(list, &change->ip) : find_value(list, change->value);
  if (earlier != NULL) change_drop(live, list, earlier);
  if (change->remove)
    change->end = hides_until(list, change);
  else if (change->end > list->latest_end)
    list->latest_end = change->end;
  if (change->end <= time) {
    change_free(live, list, change);
    return;
  }
  change->sequence = ++live->sequence;
  cells_add(&list->changes, live->mem, &change->cell);
  heap_add(live, list, change);
  if (list->ip) count_network(list, &change->ip, true);
  happens_at(live, change->end);
  keep_list_limit(live, list);
}

/* Ends before what becomes visible at the same time: an entry is not there at its end. */
static void list_settle(struct live *live, struct live_list *list, int64_t now) {
  for (;;) {
    int64_t end = list->heap_count > 0 ? list->heap[0].end : INT64_MAX;
    int64_t visible = list->waiting != NULL ? list->waiting->visible : INT64_MAX;
    if (list->heap_count > 0 && end <= visible && end <= now) {
      change_drop(live, list, list->heap[0].change);
    } else if (list->waiting != NULL && visible <= now) {
      struct change *change = list->waiting;
      list->waiting = (struct change *)change->cell.after;
      list->waiting_count--;
      change_enter(live, list, change, visible);
    } else {
      happens_at(live, end < visible ? end : visible);
      return;
    }
  }
}

static void change_make(struct live *live, struct live_list *list, struct change *change) {
  int64_t after = list->def->visible_after_us;
  if (after <= 0) {
    change_enter(live, list, change, live->now);
    return;
  }
  change->visible = watermark_plus(live->now, after);
  change->cell.after = NULL;
  if (list->waiting == NULL)
    list->waiting = change;
  else
    list->waiting_last->cell.after = &change->cell;
  list->waiting_last = change;
  list->waiting_count++;
  happens_at(live, change->visible);
  keep_list_limit(live, list);
}

static struct live_list *live_list(struct live *live, uint16_t list) {
  check(list < live->ruleset->list_count && live->lists[list] != NULL);
  return live->lists[list];
}

void live_list_add(struct live *live, uint16_t number, struct value value, int64_t now, int64_t for_us) {
  if (value_is_null(value)) return;
  live_time(live, now);
  struct live_list *list = live_list(live, number);
  int64_t stays_us = for_us >= 0 ? for_us : list->def->ttl_us;
  struct change *change = change_new(live, list, value);
  change->end = stays_us < 0 ? INT64_MAX : watermark_plus(now, stays_us);
  change_make(live, list, change);
}

void live_list_remove(struct live *live, uint16_t number, struct value value, int64_t now) {
  if (value_is_null(value)) return;
  live_time(live, now);
  struct live_list *list = live_list(live, number);
  struct change *change = change_new(live, list, value);
  change->remove = true;
  change_make(live, list, change);
}

int live_list_has(struct live *live, uint16_t number, struct value value) {
  check(number < live->ruleset->list_count);
  const struct list_set *set = live->ruleset->lists[number].set;
  const struct live_list *list = live->lists[number];
  if (value_is_null(value)) return 0;
  if (list != NULL && list->changes.count > 0) {
    const struct change *change = list->ip ? find_holders(list, ip_of_value(value)).latest : find_value(list, value);
    if (change != NULL) return !change->remove;
  }
  return set != NULL && list_set_has(set, value);
}

/* ---- tables ---- */

static void row_drop(struct live *live, struct live_table *table, struct row *row) {
  cells_remove(&table->rows, &row->cell);
  table->entries -= entries_of(row->bytes);
  pool_free(&live->pool, row, row->bytes);
}

static struct row *row_find(const struct live_table *table, struct value key) {
  uint64_t hash = value_hash(key), at = hash;
  struct cell *cell;
  while ((cell = cells_next(&table->rows, hash, &at)) != NULL)
    if (value_equal(((struct row *)cell)->key, key)) break;
  return (struct row *)cell;
}

static int64_t row_until(const struct live *live, const struct live_table *table) {
  return table->def->ttl_us < 0 ? INT64_MAX : watermark_plus(live->now, table->def->ttl_us);
}

static void row_touch(struct live *live, struct live_table *table, struct row *row, int64_t until) {
  cells_unlink(&table->rows, &row->cell);
  cells_append(&table->rows, &row->cell);
  row->end = until;
  happens_at(live, until);
}

/* All rows live equally long from when they were touched last, so the first to end is the oldest. */
static void table_settle(struct live *live, struct live_table *table, int64_t now) {
  struct row *oldest;
  while ((oldest = (struct row *)table->rows.oldest) != NULL && oldest->end != INT64_MAX && oldest->end <= now)
    row_drop(live, table, oldest);
  if (oldest != NULL) happens_at(live, oldest->end);
}

void live_table_put(struct live *live, uint16_t number, struct value key, const struct value *columns, int64_t now) {
  check(number < live->ruleset->table_count && live->tables[number] != NULL);
  if (value_is_null(key)) return;
  live_time(live, now);
  struct live_table *table = live->tables[number];
  uint16_t count = table->def->column_count;
  struct row *earlier = row_find(table, key);
  size_t bytes = sizeof(struct row) + count * sizeof(struct value) + value_extra_bytes(key);
  for (uint16_t i = 0; i < count; i++) bytes += value_extra_bytes(columns[i]);
  struct row *row = pool_alloc(&live->pool, bytes);
  *row = (struct row){.cell.hash = value_hash(key), .bytes = (uint32_t)bytes};
  char *extra = (char *)&row->columns[count];
  row->key = value_copy_to(&extra, key);
  for (uint16_t i = 0; i < count; i++) row->columns[i] = value_copy_to(&extra, columns[i]);
  if (earlier != NULL) row_drop(live, table, earlier); /* only now: the new values may be borrowed from it */
  cells_add(&table->rows, live->mem, &row->cell);
  table->entries += entries_of(row->bytes);
  row->end = row_until(live, table);
  happens_at(live, row->end);
  for (; table->entries > live->entries_max; live->dropped++) /* ends: there are rows while there are entries */
    row_drop(live, table, (struct row *)table->rows.oldest);
}

static struct value table_get(struct live *live, uint16_t number, uint16_t column, struct value key, bool keep) {
  check(number < live->ruleset->table_count);
  const struct table_def *def = &live->ruleset->tables[number];
  check(column < def->column_count);
  if (value_is_null(key)) return value_null();
  struct live_table *table = live->tables[number];
  if (table == NULL) return def->rows == NULL ? value_null() : table_rows_get(def->rows, column, key);
  struct row *row = row_find(table, key);
  if (row == NULL) return value_null();
  if (keep && def->ttl_on_read) {
    int64_t before = row->end;
    row_touch(live, table, row, row_until(live, table));
    if (live->asked != NULL && row->end != before) live->asked(live->asked_context, number, key, row->end);
  }
  return row->columns[column];
}

struct value live_table_get(struct live *live, uint16_t number, uint16_t column, struct value key) {
  return table_get(live, number, column, key, true);
}

void live_table_keep(struct live *live, uint16_t number, struct value key, int64_t until) {
  struct live_table *table = live->tables[number];
  struct row *row = row_find(table, key);
  if (row != NULL && row->end < until) row_touch(live, table, row, until);
}

/* ---- time, questions of expressions, figures ---- */

void live_time(struct live *live, int64_t now) {
  if (now <= live->now) return;
  live->now = now;
  if (now < live->next) return;
  live->next = INT64_MAX;
  for (uint16_t i = 0; i < live->ruleset->list_count; i++)
    if (live->lists[i] != NULL) list_settle(live, live->lists[i], now);
  for (uint16_t i = 0; i < live->ruleset->table_count; i++)
    if (live->tables[i] != NULL) table_settle(live, live->tables[i], now);
}

static int lookup_list(void *context, uint16_t list, struct value value) { return live_list_has(context, list, value); }
static struct value lookup_table(void *context, uint16_t table, uint16_t column, struct value key) {
  return live_table_get(context, table, column, key);
}
static struct value look_at_table(void *context, uint16_t table, uint16_t column, struct value key) {
  return table_get(context, table, column, key, false);
}
static struct value lookup_model(void *context, uint16_t model, const struct value *inputs, uint32_t count) {
  const struct live *live = context;
  return live->ruleset->lookup.model_get((void *)(uintptr_t)live->ruleset, model, inputs, count);
}
const struct expr_lookup live_lookup = {.list_has = lookup_list, .table_get = lookup_table, .model_get = lookup_model};
const struct expr_lookup live_look = {.list_has = lookup_list, .table_get = look_at_table, .model_get = lookup_model};

struct live_counts live_counts(const struct live *live) {
  struct live_counts counts = {.dropped = live->dropped};
  for (uint16_t i = 0; i < live->ruleset->list_count; i++)
    if (live->lists[i] != NULL) counts.entries += live->lists[i]->changes.count + live->lists[i]->waiting_count;
  for (uint16_t i = 0; i < live->ruleset->table_count; i++)
    if (live->tables[i] != NULL) counts.entries += live->tables[i]->rows.count;
  return counts;
}

size_t live_bytes(const struct live *live) {
  size_t bytes = sizeof *live + pool_used(&live->pool);
  for (uint16_t i = 0; i < live->ruleset->list_count; i++) {
    const struct live_list *list = live->lists[i];
    if (list != NULL)
      bytes += sizeof *list + list->changes.capacity * sizeof(struct cell *) + list->heap_capacity * sizeof *list->heap;
  }
  for (uint16_t i = 0; i < live->ruleset->table_count; i++) {
    const struct live_table *table = live->tables[i];
    if (table != NULL) bytes += sizeof *table + table->rows.capacity * sizeof(struct cell *);
  }
  return bytes;
}
