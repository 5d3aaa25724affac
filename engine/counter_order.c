/* counter_order.c - the least and the greatest of windows that end now: one queue of candidates for all windows.
 *
 * A candidate is an event whose value no later event reaches or beats, so candidates stand in the order of their
 * values, and the first one inside a window is its answer. An event enters once and leaves once. Source: Tangwongsan,
 * Hirzel, Schneider, "Sliding-window aggregation algorithms", Encyclopedia of Big Data Technologies, 2019 (monotone
 * queues). Rings of few events have no queue: they are looked through. Owns the queues. */
#include "base/check.h"
#include "engine/counter_private.h"

struct order_queue {
  uint32_t front, back; /* positions; modulo 2^32 */
  uint32_t room_log2;
  uint32_t numbers[]; /* of events */
};

enum { QUEUE_FIRST_LOG2 = 2 };

static size_t queue_bytes(unsigned room_log2) { return sizeof(struct order_queue) + (sizeof(uint32_t) << room_log2); }
static uint32_t *queue_at(struct order_queue *queue, uint32_t position) {
  return &queue->numbers[position & (((uint32_t)1 << queue->room_log2) - 1)];
}

static inline bool beats(struct value v, struct value other, bool greatest) { /* or equals */
  int order;
  switch (v.kind) {
  case VALUE_FLOAT: order = (v.f > other.f) - (v.f < other.f); break;
  case VALUE_STRING:
  case VALUE_IP:
  case VALUE_LIST: order = value_compare(v, other); break;
  default: order = (v.i > other.i) - (v.i < other.i);
  }
  return greatest ? order >= 0 : order <= 0;
}

static struct order_queue *queue_grow(struct counters *counters, struct order_queue *queue) {
  unsigned room_log2 = queue == NULL ? QUEUE_FIRST_LOG2 : queue->room_log2 + 1;
  struct order_queue *bigger = pool_alloc(counters->pool, queue_bytes(room_log2));
  *bigger = (struct order_queue){.room_log2 = room_log2};
  if (queue == NULL) return bigger;
  for (uint32_t at = queue->front; at != queue->back; at++) *queue_at(bigger, bigger->back++) = *queue_at(queue, at);
  pool_free(counters->pool, queue, queue_bytes(queue->room_log2));
  return bigger;
}

struct order_queue *order_queue_add(struct counters *counters, struct order_queue *queue,
                                    const struct counter_state *state, const struct ring *ring,
                                    const struct source *source, bool greatest, uint32_t number) {
  struct value v = source_value(state, ring, source, number);
  while (queue != NULL && queue->back != queue->front &&
         beats(v, source_value(state, ring, source, *queue_at(queue, queue->back - 1)), greatest))
    queue->back--;
  if (queue == NULL || queue->back - queue->front == (uint32_t)1 << queue->room_log2)
    queue = queue_grow(counters, queue);
  *queue_at(queue, queue->back++) = number;
  return queue;
}

void order_queue_forget(struct order_queue *queue, uint32_t before) {
  if (queue == NULL) return;
  while (queue->front != queue->back && number_before(*queue_at(queue, queue->front), before)) queue->front++;
}

bool order_queue_first(const struct order_queue *queue, uint32_t *number) {
  if (queue == NULL || queue->front == queue->back) return false;
  *number = queue->numbers[queue->front & (((uint32_t)1 << queue->room_log2) - 1)];
  return true;
}

size_t order_queue_bytes(unsigned room_log2) {
  return pool_taken(queue_bytes(room_log2 < QUEUE_FIRST_LOG2 ? QUEUE_FIRST_LOG2 : room_log2));
}

void order_queue_free(struct counters *counters, struct order_queue *queue) {
  if (queue != NULL) pool_free(counters->pool, queue, queue_bytes(queue->room_log2));
}

/* ---- those of a state ---- */

static void push(struct counters *counters, const struct layout *layout, struct counter_state *state,
                 const struct ring *ring, const struct order_plan *plan, uint32_t number) {
  void **queue = state_pointer(layout, state, plan->pointer);
  if (!condition_holds(state, ring, plan->condition, number)) return;
  *queue = order_queue_add(counters, *queue, state, ring, &layout->sources[plan->column], plan->greatest, number);
}

void order_push(struct counters *counters, const struct layout *layout, struct counter_state *state) {
  if (state->room_log2 <= COUNTER_SMALL_LOG2) return;
  struct ring ring = ring_of(layout, state);
  for (uint16_t i = 0; i < layout->order_count; i++)
    push(counters, layout, state, &ring, &layout->orders[i], state->next - 1);
}

void order_build(struct counters *counters, const struct layout *layout, struct counter_state *state) {
  struct ring ring = ring_of(layout, state);
  for (uint16_t i = 0; i < layout->order_count; i++)
    for (uint32_t number = state->first; number != state->next; number++)
      push(counters, layout, state, &ring, &layout->orders[i], number);
}

void order_forget(const struct layout *layout, struct counter_state *state) {
  for (uint16_t i = 0; i < layout->order_count; i++)
    order_queue_forget(*state_pointer(layout, state, layout->orders[i].pointer), state->first);
}

void order_free(struct counters *counters, const struct layout *layout, struct counter_state *state) {
  for (uint16_t i = 0; i < layout->order_count; i++) {
    void **queue = state_pointer(layout, state, layout->orders[i].pointer);
    order_queue_free(counters, *queue);
    *queue = NULL;
  }
}

static bool find_in_small(const struct layout *layout, const struct counter_state *state, const struct ring *ring,
                          const struct order_plan *plan, uint32_t number, uint32_t *found) {
  const struct source *source = &layout->sources[plan->column];
  struct value best = value_null();
  for (; number != state->next; number++) {
    if (!condition_holds(state, ring, plan->condition, number)) continue;
    struct value v = source_value(state, ring, source, number);
    if (best.kind != VALUE_NULL && beats(best, v, plan->greatest)) continue;
    best = v;
    *found = number;
  }
  return best.kind != VALUE_NULL;
}

bool order_find(const struct layout *layout, const struct counter_state *state, const struct ring *ring, uint16_t index,
                uint32_t number, uint32_t *found) {
  const struct order_plan *plan = &layout->orders[index];
  if (state->room_log2 <= COUNTER_SMALL_LOG2) return find_in_small(layout, state, ring, plan, number, found);
  struct order_queue *queue = *state_pointer(layout, state, plan->pointer);
  if (queue == NULL || queue->front == queue->back) return false;
  uint32_t low = 0, high = queue->back - queue->front; /* the first candidate that is not before `number` */
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (number_before(*queue_at(queue, queue->front + middle), number))
      low = middle + 1;
    else
      high = middle;
  }
  if (queue->front + low == queue->back) return false;
  *found = *queue_at(queue, queue->front + low);
  return true;
}
