/* order.c - the order buffer. Owns the copies of the events that wait. engine.c calls it. */
#include "engine/order.h"

#include "base/check.h"
#include "engine/spill.h"

enum {
  ORDER_BUCKETS = 256,
  ORDER_CHUNK_BYTES =
      8192, /* less under a small limit: a 512th of the memory for events, so that a ring of them fits */
  ORDER_CHUNK_MIN = 512,
  ORDER_BUCKETS_PER_DISORDER = 64, /* so the ring reaches four times as far as the declared disorder */
  ORDER_BUCKETS_BELOW = 64,        /* room that is left below the first event, for those that begin earlier */
  ORDER_SHIFT_MIN = 10,            /* a bucket of about a millisecond */
  ORDER_SHIFT_DEFAULT = 20,        /* about a second, where no disorder is declared */
  ORDER_SHIFT_MAX = 52,            /* 142 years: the whole ring stays within int64 */
  ORDER_RUN = 16,                  /* the sort puts runs of this length in order by insertion */
  ORDER_BLOCK_MIN = 1 << 10,       /* of the file; a 256th of the memory for events, within these */
  ORDER_BLOCK_MAX = 64 << 10,
  ORDER_SOURCES_MAX = 64, /* of a bucket: more are made one */
};

struct chunk {
  struct chunk *after;
  size_t bytes, used; /* of data */
  uint32_t alive;     /* events of far in it */
  _Alignas(16) char data[];
};

struct waiting { /* an event in a chunk, its values and their bytes right behind it */
  union {
    struct waiting *after; /* in a bucket */
    struct chunk *chunk;   /* in far */
    uintptr_t base;        /* in the file: where it stood when its values pointed into it */
  };
  int64_t time;
  struct position position;
  uint16_t type, value_count;
  uint32_t bytes; /* of this with its values and their bytes */
  struct value values[];
};

/* Events in the file, sorted; the next one is in memory once it is asked for. */
struct source {
  struct source *after;
  struct spill_run run;
  uint64_t left;  /* with the head */
  int64_t begins; /* time of the head, also while it is not in memory */
  struct chunk *chunk;
  char *next, *end;     /* of what is read in the chunk */
  struct waiting *head; /* NULL: not asked for yet, or none is left */
  bool used;            /* an event in the chunk was taken, and may be looked at until the next order_take() */
};

struct bucket {
  struct waiting *first, *last;
  struct chunk *chunks, *oldest; /* newest first */
  struct source *sources;
  uint32_t count; /* in memory */
  size_t bytes;
};

struct turn { /* the time stands here too, so that few comparisons touch the event */
  int64_t time;
  struct waiting *event;
};

struct turns {
  struct turn *items;
  uint32_t count, capacity;
};

struct order {
  struct mem *mem;
  struct bucket buckets[ORDER_BUCKETS];
  int64_t current; /* number of the bucket whose turn it is: time >> shift; the ring is [current, current +
                      ORDER_BUCKETS) */
  unsigned shift;
  bool opened; /* the current bucket is sorted into `front` */
  struct turns front;
  uint32_t front_next; /* front from here on still waits */
  struct chunk *front_chunks, *front_oldest;
  struct turns side;      /* a heap: what came into the current bucket after it was opened */
  bool side_used;         /* one of them was taken, and its chunk still stands in the bucket */
  struct source *sources; /* of the current bucket, opened */
  struct turns far;       /* a heap: what is behind the ring */
  struct source *far_sources;
  struct turns spare;      /* the sort's second half */
  struct chunk *far_chunk; /* the one that is being filled */
  struct chunk *dying;     /* of events taken last: given back at the next order_take() */
  struct chunk *unused;
  int64_t frontier;
  uint64_t ring_count; /* waiting in the ring, front and side, in memory or not */
  uint64_t far_count;  /* and behind it */
  size_t bytes;        /* of it all but what `spill` takes */
  size_t chunk_usual, chunk_bytes, unused_bytes, dying_bytes, far_bytes, events_bytes_max;
  struct spill *spill; /* NULL: no limit */
  uint64_t spilled;
};

int order_compare(int64_t time_a, const struct position *a, int64_t time_b, const struct position *b) {
  if (time_a != time_b) return time_a < time_b ? -1 : 1;
  if (a->source != b->source) return a->source < b->source ? -1 : 1;
  if (a->partition != b->partition) return a->partition < b->partition ? -1 : 1;
  if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
  return (a->derived > b->derived) - (a->derived < b->derived);
}

static inline bool turn_before(const struct turn *a, const struct turn *b) {
  if (a->time != b->time) return a->time < b->time;
  return order_compare(a->time, &a->event->position, b->time, &b->event->position) < 0;
}

struct order *order_new(struct mem *mem, int64_t disorder_us) {
  struct order *order = mem_alloc(mem, sizeof *order);
  order->mem = mem;
  order->frontier = INT64_MIN;
  order->shift = ORDER_SHIFT_DEFAULT;
  if (disorder_us > 0) {
    order->shift = ORDER_SHIFT_MIN;
    while (order->shift < ORDER_SHIFT_MAX && disorder_us >> order->shift > ORDER_BUCKETS_PER_DISORDER) order->shift++;
  }
  order->bytes = sizeof *order;
  order->events_bytes_max = SIZE_MAX;
  order->chunk_usual = ORDER_CHUNK_BYTES - sizeof(struct chunk);
  return order;
}

void order_limit(struct order *order, const struct env *env, size_t bytes_max) {
  check(order->spill == NULL && order->bytes == sizeof *order && bytes_max >= ORDER_BYTES_MIN);
  order->events_bytes_max = bytes_max / 2;
  size_t chunk = ORDER_CHUNK_BYTES;
  while (chunk > ORDER_CHUNK_MIN && chunk > order->events_bytes_max / 512) chunk /= 2;
  order->chunk_usual = chunk - sizeof(struct chunk);
  size_t block = ORDER_BLOCK_MIN;
  while (block < ORDER_BLOCK_MAX && 2 * block <= order->events_bytes_max / 256) block *= 2;
  order->spill = spill_new(order->mem, env, block, "events that wait for earlier ones");
}

/* ---- memory ---- */

static struct chunk *chunk_new(struct order *order, size_t bytes) {
  size_t usual = order->chunk_usual;
  struct chunk *chunk = order->unused;
  if (bytes <= usual && chunk != NULL) {
    order->unused = chunk->after;
    order->unused_bytes -= sizeof *chunk + chunk->bytes;
  } else {
    size_t data_bytes = bytes > usual ? bytes : usual;
    chunk = mem_alloc_raw(order->mem, sizeof *chunk + data_bytes);
    chunk->bytes = data_bytes;
    order->bytes += sizeof *chunk + data_bytes;
    order->chunk_bytes += sizeof *chunk + data_bytes;
  }
  chunk->used = 0;
  chunk->alive = 0;
  chunk->after = NULL;
  return chunk;
}

static void chunk_free(struct order *order, struct chunk *chunk) {
  order->bytes -= sizeof *chunk + chunk->bytes;
  order->chunk_bytes -= sizeof *chunk + chunk->bytes;
  mem_free(order->mem, chunk);
}

static void chunk_give_back(struct order *order, struct chunk *chunk) {
  if (chunk->bytes != order->chunk_usual) {
    chunk_free(order, chunk);
    return;
  }
  chunk->after = order->unused;
  order->unused = chunk;
  order->unused_bytes += sizeof *chunk + chunk->bytes;
}

static void chunks_give_back(struct order *order, struct chunk *chunks) {
  while (chunks != NULL) {
    struct chunk *after = chunks->after;
    chunk_give_back(order, chunks);
    chunks = after;
  }
}

/* What was taken may still stand in these chunks, so they stay until the next order_take(). */
static void chunks_die(struct order *order, struct chunk *newest, struct chunk *oldest) {
  if (newest == NULL) return;
  for (struct chunk *chunk = newest;; chunk = chunk->after) {
    order->dying_bytes += sizeof *chunk + chunk->bytes;
    if (chunk == oldest) break;
  }
  oldest->after = order->dying;
  order->dying = newest;
}

static inline bool chunk_fits(const struct chunk *chunk, size_t bytes) {
  return chunk != NULL && chunk->bytes - chunk->used >= bytes;
}

static struct waiting *bucket_room(struct order *order, struct bucket *bucket, size_t bytes) {
  if (!chunk_fits(bucket->chunks, bytes)) {
    struct chunk *chunk = chunk_new(order, bytes);
    chunk->after = bucket->chunks;
    if (bucket->chunks == NULL) bucket->oldest = chunk;
    bucket->chunks = chunk;
    bucket->bytes += sizeof *chunk + chunk->bytes;
  }
  void *room = bucket->chunks->data + bucket->chunks->used;
  bucket->chunks->used += bytes;
  return room;
}

static void far_chunk_give_back(struct order *order, struct chunk *chunk) {
  order->far_bytes -= sizeof *chunk + chunk->bytes;
  chunk_give_back(order, chunk);
}

static struct waiting *far_room(struct order *order, size_t bytes) {
  if (!chunk_fits(order->far_chunk, bytes)) {
    if (order->far_chunk != NULL && order->far_chunk->alive == 0) far_chunk_give_back(order, order->far_chunk);
    order->far_chunk = chunk_new(order, bytes);
    order->far_bytes += sizeof(struct chunk) + order->far_chunk->bytes;
  }
  struct waiting *room = (struct waiting *)(void *)(order->far_chunk->data + order->far_chunk->used);
  order->far_chunk->used += bytes;
  order->far_chunk->alive++;
  return room;
}

static void turns_reserve(struct order *order, struct turns *turns, uint32_t count) {
  if (count <= turns->capacity) return;
  uint32_t wanted = turns->capacity < 256 ? 256 : turns->capacity;
  while (wanted < count) wanted *= 2;
  turns->items = mem_realloc(order->mem, turns->items, wanted * sizeof *turns->items);
  order->bytes += (wanted - turns->capacity) * sizeof *turns->items;
  turns->capacity = wanted;
}

static void turns_free(struct order *order, struct turns *turns) {
  order->bytes -= turns->capacity * sizeof *turns->items;
  mem_free(order->mem, turns->items);
  *turns = (struct turns){0};
}

/* ---- the two heaps ---- */

static void heap_push(struct order *order, struct turns *heap, struct waiting *event) {
  turns_reserve(order, heap, heap->count + 1);
  struct turn turn = {event->time, event};
  uint32_t at = heap->count++;
  while (at > 0 && turn_before(&turn, &heap->items[(at - 1) / 2])) {
    heap->items[at] = heap->items[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  heap->items[at] = turn;
}

static void heap_pop(struct turns *heap) {
  struct turn last = heap->items[--heap->count];
  uint32_t at = 0;
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= heap->count) break;
    if (child + 1 < heap->count && turn_before(&heap->items[child + 1], &heap->items[child])) child++;
    if (!turn_before(&heap->items[child], &last)) break;
    heap->items[at] = heap->items[child];
    at = child;
  }
  if (heap->count > 0) heap->items[at] = last;
}

/* ---- putting ---- */

static struct bucket *bucket_at(struct order *order, int64_t number) {
  return &order->buckets[(uint64_t)number % ORDER_BUCKETS];
}

/* Copies an event to where its time belongs, which is never before the current bucket. */
static void place(struct order *order, const struct event *event, uint16_t value_count) {
  int64_t number = event->time >> order->shift;
  check(number >= order->current);
  bool far = number - order->current >= ORDER_BUCKETS;
  size_t bytes = sizeof(struct waiting) + value_count * sizeof(struct value);
  for (uint16_t i = 0; i < value_count; i++) bytes += (value_extra_bytes(event->values[i]) + 7u) & ~(size_t)7u;
  struct bucket *bucket = bucket_at(order, number);
  struct waiting *waiting = far ? far_room(order, bytes) : bucket_room(order, bucket, bytes);
  waiting->time = event->time;
  waiting->position = event->position;
  waiting->type = event->type;
  waiting->value_count = value_count;
  waiting->bytes = (uint32_t)bytes;
  char *to = (char *)&waiting->values[value_count];
  for (uint16_t i = 0; i < value_count; i++) {
    waiting->values[i] = value_copy_to(&to, event->values[i]);
    to += -(uintptr_t)to & 7u;
  }
  if (far) {
    waiting->chunk = order->far_chunk;
    order->far_count++;
    heap_push(order, &order->far, waiting);
    return;
  }
  order->ring_count++;
  if (order->opened && number == order->current) {
    heap_push(order, &order->side, waiting);
    return;
  }
  waiting->after = NULL;
  if (bucket->count++ == 0)
    bucket->first = waiting;
  else
    bucket->last->after = waiting;
  bucket->last = waiting;
}

static void insertion_sort(struct turn *turns, uint32_t count) {
  for (uint32_t i = 1; i < count; i++) {
    struct turn turn = turns[i];
    uint32_t at = i;
    for (; at > 0 && turn_before(&turn, &turns[at - 1]); at--) turns[at] = turns[at - 1];
    turns[at] = turn;
  }
}

static void merge(const struct turn *from, uint32_t left, uint32_t middle, uint32_t right, struct turn *to) {
  uint32_t a = left, b = middle;
  for (uint32_t at = left; at < right; at++)
    to[at] = a < middle && (b >= right || !turn_before(&from[b], &from[a])) ? from[a++] : from[b++];
}

/* Merge sort from short runs up; what is in order already (one partition's events mostly are) is only looked at. */
static void turns_sort(struct order *order, struct turns *turns) {
  uint32_t count = turns->count;
  bool sorted = true;
  for (uint32_t i = 1; i < count && sorted; i++) sorted = !turn_before(&turns->items[i], &turns->items[i - 1]);
  if (sorted) return;
  turns_reserve(order, &order->spare, count);
  for (uint32_t at = 0; at < count; at += ORDER_RUN)
    insertion_sort(turns->items + at, count - at < ORDER_RUN ? count - at : ORDER_RUN);
  for (uint64_t width = ORDER_RUN; width < count; width *= 2) {
    for (uint64_t at = 0; at < count; at += 2 * width) {
      uint32_t middle = (uint32_t)(at + width < count ? at + width : count);
      uint32_t right = (uint32_t)(at + 2 * width < count ? at + 2 * width : count);
      merge(turns->items, (uint32_t)at, middle, right, order->spare.items);
    }
    struct turns merged = order->spare;
    order->spare = *turns;
    *turns = merged;
    turns->count = count;
  }
}

/* ---- the file ---- */

/* Its pointers are moved to where the event stands now. */
static void relocate(struct waiting *event) {
  uintptr_t from = event->base, to = (uintptr_t)event;
  for (uint16_t i = 0; i < event->value_count; i++) {
    struct value *value = &event->values[i];
    bool pointer = value->kind == VALUE_STRING || value->kind == VALUE_LIST ||
                   ((value->kind == VALUE_IP || value->kind == VALUE_NETWORK) && value->length == 16);
    if (!pointer || (uintptr_t)value->s - from > event->bytes) continue;
    value->s = (const char *)((uintptr_t)value->s - from + to);
    struct value *elements = (struct value *)(uintptr_t)value->list;
    for (uint32_t e = 0; value->kind == VALUE_LIST && e < value->length; e++)
      if ((uintptr_t)elements[e].s - from <= event->bytes &&
          (elements[e].kind == VALUE_STRING || (elements[e].kind == VALUE_IP && elements[e].length == 16)))
        elements[e].s = (const char *)((uintptr_t)elements[e].s - from + to);
  }
}

/* The next event of the source becomes its head. */
static void source_advance(struct order *order, struct source *source) {
  if (source->head != NULL) source->left--;
  source->head = NULL;
  if (source->next == source->end) {
    if (source->chunk != NULL && source->used) chunks_die(order, source->chunk, source->chunk);
    if (source->chunk != NULL && !source->used) chunk_give_back(order, source->chunk);
    source->chunk = NULL;
    source->used = false;
    size_t room = spill_next_bytes(order->spill, &source->run);
    if (room == 0) return;
    source->chunk = chunk_new(order, room);
    source->next = source->chunk->data;
    source->end = source->next + spill_read(order->spill, &source->run, source->chunk->data);
    if (source->next == source->end) return; /* it cannot be read: order_status() */
  }
  source->head = (struct waiting *)(void *)source->next;
  source->next += source->head->bytes;
  source->begins = source->head->time;
  relocate(source->head);
}

static void source_free(struct order *order, struct source **link) {
  struct source *source = *link;
  *link = source->after;
  spill_run_free(order->spill, &source->run);
  order->bytes -= sizeof *source;
  mem_free(order->mem, source);
}

static struct source **earliest_source(struct source **list) {
  struct source **best = NULL;
  for (struct source **link = list; *link != NULL; link = &(*link)->after) {
    const struct waiting *head = (*link)->head, *least = best == NULL ? NULL : (*best)->head;
    if (head == NULL) continue;
    if (least == NULL || order_compare(head->time, &head->position, least->time, &least->position) < 0) best = link;
  }
  return best;
}

static void write_event(struct order *order, struct waiting *event) {
  event->base = (uintptr_t)event;
  spill_add(order->spill, event, event->bytes);
}

static struct source *source_alloc(struct order *order) {
  struct source *source = mem_alloc(order->mem, sizeof *source);
  order->bytes += sizeof *source;
  spill_begin(order->spill, &source->run);
  return source;
}

/* Sorts the events and writes them. Their memory is the caller's to free. */
static struct source *source_new(struct order *order, struct turns *turns) {
  struct source *source = source_alloc(order);
  turns_sort(order, turns);
  for (uint32_t i = 0; i < turns->count; i++) write_event(order, turns->items[i].event);
  spill_end(order->spill);
  source->left = turns->count;
  source->begins = turns->items[0].time;
  order->spilled += turns->count;
  return source;
}

/* Very many small ones (a wide stream under a small limit) become one: each has a block in memory when it is read. */
static void sources_merge(struct order *order, struct source **list) {
  uint32_t count = 0;
  for (const struct source *source = *list; source != NULL; source = source->after) count++;
  if (count < ORDER_SOURCES_MAX) return;
  struct source *merged = source_alloc(order), **link;
  merged->begins = INT64_MAX;
  for (struct source *source = *list; source != NULL; source = source->after) {
    if (source->head == NULL) source_advance(order, source);
    merged->left += source->left;
    if (source->begins < merged->begins) merged->begins = source->begins;
  }
  while ((link = earliest_source(list)) != NULL) {
    write_event(order, (*link)->head);
    source_advance(order, *link);
    if ((*link)->head == NULL) source_free(order, link);
  }
  spill_end(order->spill);
  while (*list != NULL) source_free(order, list); /* after an error */
  *list = merged;
}

static void bucket_turns(struct order *order, const struct bucket *bucket, struct turns *turns) {
  turns_reserve(order, turns, bucket->count);
  turns->count = 0;
  struct waiting *event = bucket->first;
  for (uint32_t i = 0; i < bucket->count; i++, event = event->after)
    turns->items[turns->count++] = (struct turn){event->time, event};
}

static void spill_bucket(struct order *order, struct bucket *bucket) {
  struct turns turns = {0};
  bucket_turns(order, bucket, &turns);
  struct source *source = source_new(order, &turns);
  turns_free(order, &turns);
  source->after = bucket->sources;
  chunks_give_back(order, bucket->chunks);
  *bucket = (struct bucket){.sources = source};
  sources_merge(order, &bucket->sources);
}

static void spill_far(struct order *order) {
  struct chunk **chunks = mem_alloc(order->mem, (order->far.count + 1u) * sizeof(struct chunk *));
  for (uint32_t i = 0; i < order->far.count; i++) chunks[i] = order->far.items[i].event->chunk;
  struct source *source = source_new(order, &order->far);
  for (uint32_t i = 0; i < order->far.count; i++)
    if (--chunks[i]->alive == 0 && chunks[i] != order->far_chunk) far_chunk_give_back(order, chunks[i]);
  mem_free(order->mem, chunks);
  if (order->far_chunk != NULL) far_chunk_give_back(order, order->far_chunk);
  order->far_chunk = NULL;
  order->far.count = 0;
  source->after = order->far_sources;
  order->far_sources = source;
  sources_merge(order, &order->far_sources);
}

/* What came into the opened bucket. */
static void spill_side(struct order *order, struct bucket *bucket) {
  struct source *source = source_new(order, &order->side);
  order->side.count = 0;
  if (order->side_used)
    chunks_die(order, bucket->chunks, bucket->oldest);
  else
    chunks_give_back(order, bucket->chunks);
  order->side_used = false;
  bucket->chunks = bucket->oldest = NULL;
  bucket->bytes = 0;
  source->after = order->sources;
  order->sources = source;
  sources_merge(order, &order->sources);
  if (order->sources->head == NULL) source_advance(order, order->sources);
}

/* Of the buckets, from the last to the first: one with at least so many bytes. */
static struct bucket *last_bucket(struct order *order, size_t bytes) {
  for (int64_t number = order->current + ORDER_BUCKETS - 1; number >= order->current + order->opened; number--) {
    struct bucket *bucket = bucket_at(order, number);
    if (bucket->count > 0 && bucket->bytes >= bytes) return bucket;
  }
  return NULL;
}

static size_t events_bytes(const struct order *order) { return order->chunk_bytes - order->dying_bytes; }

/* Above the limit: what is furthest in the future goes, until an eighth is free. Pieces should not be too small, for
 * each is read back by itself: a 64th of the memory, or else a 512th, which is what a chunk takes. */
static void keep_limit(struct order *order) {
  size_t most = order->events_bytes_max, piece = most / 64;
  if (events_bytes(order) <= most) return;
  while (events_bytes(order) > most - most / 8) {
    struct bucket *bucket;
    if (order->unused != NULL) {
      struct chunk *chunk = order->unused;
      order->unused = chunk->after;
      order->unused_bytes -= sizeof *chunk + chunk->bytes;
      chunk_free(order, chunk);
    } else if (order->far.count > 0 && order->far_bytes >= piece) {
      spill_far(order);
    } else if ((bucket = last_bucket(order, piece)) != NULL) {
      spill_bucket(order, bucket);
    } else if (order->opened && order->side.count > 0 && bucket_at(order, order->current)->bytes >= piece) {
      spill_side(order, bucket_at(order, order->current));
    } else if (piece > most / 512) {
      piece = most / 512;
    } else {
      return; /* the rest is crumbs, and what is being taken */
    }
  }
}

static void place_again(struct order *order, const struct waiting *waiting) {
  struct event event = {
      .time = waiting->time, .position = waiting->position, .type = waiting->type, .values = waiting->values};
  place(order, &event, waiting->value_count);
}

/* Whether the ring reaches the time. */
static bool in_ring(const struct order *order, int64_t time) {
  return (time >> order->shift) - order->current < ORDER_BUCKETS;
}

/* The ring has moved: what it reaches now comes out of far. */
static void pull_far(struct order *order) {
  while (order->far.count > 0 && in_ring(order, order->far.items[0].time)) {
    struct waiting *waiting = order->far.items[0].event;
    heap_pop(&order->far);
    place_again(order, waiting);
    order->far_count--;
    struct chunk *chunk = waiting->chunk;
    if (--chunk->alive == 0 && chunk != order->far_chunk) far_chunk_give_back(order, chunk);
    keep_limit(order);
  }
  for (struct source **link = &order->far_sources; *link != NULL;) {
    struct source *source = *link;
    if (source->left > 0 && in_ring(order, source->begins)) {
      if (source->head == NULL) source_advance(order, source);
      if (source->head == NULL) return; /* it cannot be read: order_status() */
      place_again(order, source->head);
      order->far_count--;
      source_advance(order, source);
      if (events_bytes(order) <= order->events_bytes_max) continue;
      keep_limit(order); /* far may have got another source, or they have all become one */
      link = &order->far_sources;
    } else if (source->left == 0) {
      source_free(order, link);
    } else {
      link = &source->after;
    }
  }
}

/* The time where far begins. */
static int64_t far_begin(const struct order *order) {
  int64_t least = order->far.count > 0 ? order->far.items[0].time : INT64_MAX;
  for (const struct source *source = order->far_sources; source != NULL; source = source->after)
    if (source->begins < least) least = source->begins;
  return least;
}

/* The opened bucket is empty. */
static void current_die(struct order *order) {
  struct bucket *bucket = bucket_at(order, order->current);
  check(order->sources == NULL && bucket->sources == NULL);
  chunks_die(order, bucket->chunks, bucket->oldest);
  chunks_die(order, order->front_chunks, order->front_oldest);
  order->front_chunks = order->front_oldest = NULL;
  *bucket = (struct bucket){0};
}

/* With room below `time`, but never before the frontier. */
static int64_t start_below(const struct order *order, int64_t time) {
  int64_t least;
  if (__builtin_sub_overflow(time, (int64_t)ORDER_BUCKETS_BELOW << order->shift, &least)) least = INT64_MIN;
  return (least < order->frontier ? order->frontier : least) >> order->shift;
}

/* An event came that is earlier than the ring's start, while the frontier stands before it: a partition turns out to
 * begin earlier than the others. The ring is laid anew with room below. */
static void lay_lower(struct order *order, int64_t time) {
  check(!order->opened); /* the frontier has entered an opened bucket */
  struct bucket old[ORDER_BUCKETS];
  int64_t begin = order->current;
  memcpy(old, order->buckets, sizeof old);
  memset(order->buckets, 0, sizeof order->buckets);
  order->current = start_below(order, time);
  order->ring_count = 0;
  for (int64_t number = begin; number < begin + ORDER_BUCKETS; number++) {
    const struct bucket *bucket = &old[(uint64_t)number % ORDER_BUCKETS];
    for (const struct waiting *waiting = bucket->first; waiting != NULL; waiting = waiting->after)
      place_again(order, waiting);
    chunks_give_back(order, bucket->chunks);
    bool far = number - order->current >= ORDER_BUCKETS;
    for (struct source *source = bucket->sources, *after; source != NULL; source = after) {
      struct source **list = far ? &order->far_sources : &bucket_at(order, number)->sources;
      after = source->after;
      *(far ? &order->far_count : &order->ring_count) += source->left;
      source->after = *list;
      *list = source;
    }
  }
}

void order_put(struct order *order, const struct event *event, uint16_t value_count) {
  check(event->time >= order->frontier);
  if (order_count(order) == 0) {
    if (order->opened) current_die(order);
    order->opened = false;
    order->front.count = order->front_next = 0;
    order->current = start_below(order, event->time);
  } else if (event->time >> order->shift < order->current) {
    lay_lower(order, event->time);
  }
  place(order, event, value_count);
  keep_limit(order);
}

/* ---- taking ---- */

static void open_current(struct order *order) {
  struct bucket *bucket = bucket_at(order, order->current);
  bucket_turns(order, bucket, &order->front);
  order->front_next = 0;
  turns_sort(order, &order->front);
  order->side_used = false;
  order->front_chunks = bucket->chunks;
  order->front_oldest = bucket->oldest;
  order->sources = bucket->sources;
  *bucket = (struct bucket){0};
  for (struct source *source = order->sources; source != NULL; source = source->after) source_advance(order, source);
  order->opened = true;
}

/* The current bucket is empty for good: the next one's turn, or where far begins if the ring is empty. Its memory
 * stays until what was taken has been used. */
static void leave_current(struct order *order) {
  current_die(order);
  order->opened = false;
  order->front.count = order->front_next = 0;
  order->current++;
  if (order->ring_count == 0 && order->far_count > 0) {
    int64_t begin = far_begin(order), least = begin < order->frontier ? begin : order->frontier;
    if (least >> order->shift > order->current) order->current = least >> order->shift;
  }
  pull_far(order);
}

/* The earliest event that waits in the opened bucket, NULL if it is empty; *from: the source that it heads, if it does.
 */
enum from { FROM_FRONT, FROM_SIDE, FROM_SOURCE };
static struct turn earliest(struct order *order, enum from *from, struct source ***link) {
  struct turn turn = {0};
  if (order->front_next < order->front.count) {
    turn = order->front.items[order->front_next];
    *from = FROM_FRONT;
  }
  if (order->side.count > 0 && (turn.event == NULL || turn_before(&order->side.items[0], &turn))) {
    turn = order->side.items[0];
    *from = FROM_SIDE;
  }
  if (order->sources == NULL || (*link = earliest_source(&order->sources)) == NULL) return turn;
  struct turn head = {(**link)->head->time, (**link)->head};
  if (turn.event != NULL && !turn_before(&head, &turn)) return turn;
  *from = FROM_SOURCE;
  return head;
}

static void take_from(struct order *order, enum from from, struct source **link) {
  order->ring_count--;
  if (from == FROM_FRONT) {
    order->front_next++;
  } else if (from == FROM_SIDE) {
    order->side_used = true;
    heap_pop(&order->side);
  } else {
    (*link)->used = true;
    source_advance(order, *link);
    if ((*link)->head == NULL) source_free(order, link);
  }
}

static bool broken(const struct order *order) { return order->spill != NULL && spill_status(order->spill, NULL) != 0; }

/* Events earlier than `end`, which is the frontier or behind it. */
static uint32_t take(struct order *order, int64_t frontier, int64_t end, struct event *out, uint32_t max) {
  chunks_give_back(order, order->dying);
  order->dying = NULL;
  order->dying_bytes = 0;
  if (frontier > order->frontier) order->frontier = frontier;
  if (order->frontier == INT64_MIN) return 0;
  if (end < order->frontier) end = order->frontier;
  uint32_t taken = 0;
  while (taken < max && order_count(order) > 0 && !broken(order)) {
    if (!order->opened) {
      if (order->current > (end - 1) >> order->shift) break;
      open_current(order);
      continue;
    }
    enum from from = FROM_FRONT;
    struct source **link = NULL;
    struct turn turn = earliest(order, &from, &link);
    if (turn.event == NULL) {
      leave_current(order);
      continue;
    }
    if (turn.time >= end) break;
    const struct waiting *event = turn.event;
    out[taken++] =
        (struct event){.time = event->time, .position = event->position, .type = event->type, .values = event->values};
    take_from(order, from, link);
  }
  return taken;
}

uint32_t order_take(struct order *order, int64_t frontier, struct event *out, uint32_t max) {
  return take(order, frontier, frontier, out, max);
}

uint32_t order_take_through(struct order *order, int64_t frontier, struct event *out, uint32_t max) {
  return take(order, frontier, frontier == INT64_MAX ? frontier : frontier + 1, out, max);
}

uint64_t order_count(const struct order *order) { return order->ring_count + order->far_count; }
size_t order_bytes(const struct order *order) {
  return order->bytes + (order->spill == NULL ? 0 : spill_bytes(order->spill));
}
bool order_half_full(const struct order *order) {
  return events_bytes(order) - order->unused_bytes > order->events_bytes_max / 2;
}
uint64_t order_spilled(const struct order *order) { return order->spilled; }
int order_status(const struct order *order, struct err *err) {
  return order->spill == NULL ? 0 : spill_status(order->spill, err);
}
