/* order.c - the order buffer. Owns the copies of the events that wait. engine.c calls it. */
#include "engine/order.h"

#include "base/check.h"

enum {
  ORDER_BUCKETS = 256,
  ORDER_CHUNK_BYTES = 8192,
  ORDER_BUCKETS_PER_DISORDER = 64, /* so the ring reaches four times as far as the declared disorder */
  ORDER_BUCKETS_BELOW = 64,        /* room that is left below the first event, for those that begin earlier */
  ORDER_SHIFT_MIN = 10,            /* a bucket of about a millisecond */
  ORDER_SHIFT_DEFAULT = 20,        /* about a second, where no disorder is declared */
  ORDER_SHIFT_MAX = 52,            /* 142 years: the whole ring stays within int64 */
  ORDER_RUN = 16,                  /* the sort puts runs of this length in order by insertion */
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
  };
  int64_t time;
  struct position position;
  uint16_t type, value_count;
  struct value values[];
};

struct bucket {
  struct waiting *first, *last;
  struct chunk *chunks, *oldest; /* newest first */
  uint32_t count;
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
  uint32_t front_next;     /* front from here on still waits */
  struct turns side;       /* a heap: what came into the current bucket after it was opened */
  struct turns far;        /* a heap: what is behind the ring */
  struct turns spare;      /* the sort's second half */
  struct chunk *far_chunk; /* the one that is being filled */
  struct chunk *dying;     /* of events taken last: given back at the next order_take() */
  struct chunk *unused;
  int64_t frontier;
  uint64_t ring_count; /* waiting in the ring, front and side */
  size_t bytes;
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
  return order;
}

/* ---- memory ---- */

static struct chunk *chunk_new(struct order *order, size_t bytes) {
  size_t usual = ORDER_CHUNK_BYTES - sizeof(struct chunk);
  struct chunk *chunk = order->unused;
  if (bytes <= usual && chunk != NULL) {
    order->unused = chunk->after;
  } else {
    size_t data_bytes = bytes > usual ? bytes : usual;
    chunk = mem_alloc_raw(order->mem, sizeof *chunk + data_bytes);
    chunk->bytes = data_bytes;
    order->bytes += sizeof *chunk + data_bytes;
  }
  chunk->used = 0;
  chunk->alive = 0;
  chunk->after = NULL;
  return chunk;
}

static void chunk_give_back(struct order *order, struct chunk *chunk) {
  if (chunk->bytes == ORDER_CHUNK_BYTES - sizeof *chunk) {
    chunk->after = order->unused;
    order->unused = chunk;
  } else {
    order->bytes -= sizeof *chunk + chunk->bytes;
    mem_free(order->mem, chunk);
  }
}

static void chunks_give_back(struct order *order, struct chunk *chunks) {
  while (chunks != NULL) {
    struct chunk *after = chunks->after;
    chunk_give_back(order, chunks);
    chunks = after;
  }
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
  }
  void *room = bucket->chunks->data + bucket->chunks->used;
  bucket->chunks->used += bytes;
  return room;
}

static struct waiting *far_room(struct order *order, size_t bytes) {
  if (!chunk_fits(order->far_chunk, bytes)) {
    if (order->far_chunk != NULL && order->far_chunk->alive == 0) chunk_give_back(order, order->far_chunk);
    order->far_chunk = chunk_new(order, bytes);
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
  char *to = (char *)&waiting->values[value_count];
  for (uint16_t i = 0; i < value_count; i++) {
    waiting->values[i] = value_copy_to(&to, event->values[i]);
    to += -(uintptr_t)to & 7u;
  }
  if (far) {
    waiting->chunk = order->far_chunk;
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

static void place_again(struct order *order, const struct waiting *waiting) {
  struct event event = {
      .time = waiting->time, .position = waiting->position, .type = waiting->type, .values = waiting->values};
  place(order, &event, waiting->value_count);
}

/* The ring has moved: what it reaches now comes out of far. */
static void pull_far(struct order *order) {
  while (order->far.count > 0) {
    struct waiting *waiting = order->far.items[0].event;
    if ((waiting->time >> order->shift) - order->current >= ORDER_BUCKETS) return;
    heap_pop(&order->far);
    place_again(order, waiting);
    struct chunk *chunk = waiting->chunk;
    if (--chunk->alive == 0 && chunk != order->far_chunk) chunk_give_back(order, chunk);
  }
}

static void bucket_die(struct order *order, struct bucket *bucket) {
  if (bucket->chunks != NULL) {
    bucket->oldest->after = order->dying;
    order->dying = bucket->chunks;
  }
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
  memcpy(old, order->buckets, sizeof old);
  memset(order->buckets, 0, sizeof order->buckets);
  order->current = start_below(order, time);
  order->ring_count = 0;
  for (unsigned i = 0; i < ORDER_BUCKETS; i++) {
    for (const struct waiting *waiting = old[i].first; waiting != NULL; waiting = waiting->after)
      place_again(order, waiting);
    chunks_give_back(order, old[i].chunks);
  }
}

void order_put(struct order *order, const struct event *event, uint16_t value_count) {
  check(event->time >= order->frontier);
  if (order_count(order) == 0) {
    if (order->opened) bucket_die(order, bucket_at(order, order->current));
    order->opened = false;
    order->front.count = order->front_next = 0;
    order->current = start_below(order, event->time);
  } else if (event->time >> order->shift < order->current) {
    lay_lower(order, event->time);
  }
  place(order, event, value_count);
}

/* ---- taking ---- */

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
static void sort_front(struct order *order) {
  uint32_t count = order->front.count;
  bool sorted = true;
  for (uint32_t i = 1; i < count && sorted; i++)
    sorted = !turn_before(&order->front.items[i], &order->front.items[i - 1]);
  if (sorted) return;
  turns_reserve(order, &order->spare, count);
  for (uint32_t at = 0; at < count; at += ORDER_RUN)
    insertion_sort(order->front.items + at, count - at < ORDER_RUN ? count - at : ORDER_RUN);
  for (uint64_t width = ORDER_RUN; width < count; width *= 2) {
    for (uint64_t at = 0; at < count; at += 2 * width) {
      uint32_t middle = (uint32_t)(at + width < count ? at + width : count);
      uint32_t right = (uint32_t)(at + 2 * width < count ? at + 2 * width : count);
      merge(order->front.items, (uint32_t)at, middle, right, order->spare.items);
    }
    struct turns merged = order->spare;
    order->spare = order->front;
    order->front = merged;
    order->front.count = count;
  }
}

static void open_current(struct order *order) {
  struct bucket *bucket = bucket_at(order, order->current);
  turns_reserve(order, &order->front, bucket->count);
  order->front.count = order->front_next = 0;
  struct waiting *event = bucket->first;
  for (uint32_t i = 0; i < bucket->count; i++, event = event->after)
    order->front.items[order->front.count++] = (struct turn){event->time, event};
  sort_front(order);
  order->opened = true;
}

/* The current bucket is empty for good: the next one's turn, or where far begins if the ring is empty. Its memory
 * stays until what was taken has been used. */
static void leave_current(struct order *order) {
  bucket_die(order, bucket_at(order, order->current));
  order->opened = false;
  order->front.count = order->front_next = 0;
  order->current++;
  if (order->ring_count == 0 && order->far.count > 0) {
    int64_t least = order->far.items[0].time < order->frontier ? order->far.items[0].time : order->frontier;
    if (least >> order->shift > order->current) order->current = least >> order->shift;
  }
  pull_far(order);
}

/* The earliest event that waits in the opened bucket, NULL if it is empty. */
static const struct turn *earliest(const struct order *order, bool *from_side) {
  const struct turn *front = order->front_next < order->front.count ? &order->front.items[order->front_next] : NULL;
  const struct turn *side = order->side.count > 0 ? &order->side.items[0] : NULL;
  *from_side = front == NULL || (side != NULL && turn_before(side, front));
  return *from_side ? side : front;
}

uint32_t order_take(struct order *order, int64_t frontier, struct event *out, uint32_t max) {
  chunks_give_back(order, order->dying);
  order->dying = NULL;
  if (frontier > order->frontier) order->frontier = frontier;
  if (order->frontier == INT64_MIN) return 0;
  uint32_t taken = 0;
  while (taken < max && order_count(order) > 0) {
    if (!order->opened) {
      if (order->current > (order->frontier - 1) >> order->shift) break;
      open_current(order);
    }
    bool from_side;
    const struct turn *turn = earliest(order, &from_side);
    if (turn == NULL) {
      leave_current(order);
      continue;
    }
    if (turn->time >= order->frontier) break;
    const struct waiting *event = turn->event;
    out[taken++] =
        (struct event){.time = event->time, .position = event->position, .type = event->type, .values = event->values};
    if (from_side)
      heap_pop(&order->side);
    else
      order->front_next++;
    order->ring_count--;
  }
  return taken;
}

uint64_t order_count(const struct order *order) { return order->ring_count + order->far.count; }
size_t order_bytes(const struct order *order) { return order->bytes; }
