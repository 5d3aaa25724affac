/* counter_inside.c - what is kept of the events that are inside one window, where no total of all events says it:
 * stddev, exact percentiles, ewma, top.
 *
 * A block for each such window of a key, made when it is first asked; events are added and leave when the window is
 * asked (or its events leave the ring), so one that came and went in between costs nothing. Windows of few events have
 * no block: what is asked is made on the spot. Owns the blocks. */
#include "base/check.h"
#include "base/decay.h"
#include "base/ranked.h"
#include "engine/counter_private.h"

enum { INSIDE_FEW = 4 };

static void *item_at(struct inside *inside, const struct inside_item *item) { return (char *)inside + item->at; }

/* An event is added, or the oldest one leaves. */
static void change_item(struct counters *counters, const struct layout *layout, const struct counter_state *state,
                        const struct ring *ring, const struct inside_item *item, void *own, uint32_t number, bool add) {
  if (!condition_holds(state, ring, item->condition, number)) return;
  if (item->kind == AGG_TOP) {
    counter_top_change(counters, layout, item, own, state, ring, number, add);
    return;
  }
  struct value v = source_value(state, ring, &layout->sources[item->column], number);
  int64_t time = event_time(ring_event(ring, number));
  switch (item->kind) {
  case AGG_STDDEV: (add ? spread_add : spread_subtract)(own, v); break;
  case AGG_EWMA: (add ? decay_add : decay_subtract)(own, v, time, item->half_us); break;
  default:
    if (add)
      ranked_insert(counters->pool, own, ranked_key(v));
    else
      check(ranked_remove(counters->pool, own, ranked_key(v)));
  }
}

static void free_item(struct counters *counters, const struct inside_item *item, void *own) {
  if (item->kind == AGG_TOP) counter_top_free(counters, item, own);
  if (item->kind == AGG_MEDIAN) ranked_free(counters->pool, own);
}

void inside_free(struct counters *counters, const struct layout *layout, struct counter_state *state, uint16_t index) {
  const struct inside_plan *plan = &layout->insides[index];
  struct inside **inside = (struct inside **)state_pointer(layout, state, plan->pointer);
  if (*inside == NULL) return;
  for (uint16_t i = 0; i < plan->item_count; i++)
    free_item(counters, &plan->items[i], item_at(*inside, &plan->items[i]));
  pool_free(counters->pool, *inside, plan->bytes);
  *inside = NULL;
}

size_t inside_bytes(const struct layout *layout, unsigned room_log2) {
  size_t bytes = 0;
  if ((uint32_t)1 << room_log2 <= INSIDE_FEW) return 0;
  for (uint16_t i = 0; i < layout->inside_count; i++) {
    const struct inside_plan *plan = &layout->insides[i];
    bytes += pool_taken(plan->bytes);
    for (uint16_t n = 0; n < plan->item_count; n++) {
      if (plan->items[n].kind == AGG_TOP) bytes += counter_top_bytes(&plan->items[n], room_log2);
      if (plan->items[n].kind == AGG_MEDIAN) bytes += (size_t)RANKED_KEY_BYTES << room_log2;
    }
  }
  return bytes;
}

static void change(struct counters *counters, const struct layout *layout, const struct counter_state *state,
                   const struct ring *ring, const struct inside_plan *plan, struct inside *inside, uint32_t number,
                   bool add) {
  for (uint16_t i = 0; i < plan->item_count; i++)
    change_item(counters, layout, state, ring, &plan->items[i], item_at(inside, &plan->items[i]), number, add);
}

void inside_forget(struct counters *counters, const struct layout *layout, struct counter_state *state,
                   const struct ring *ring, uint16_t index, uint32_t number) {
  const struct inside_plan *plan = &layout->insides[index];
  struct inside *inside = *state_pointer(layout, state, plan->pointer);
  if (inside == NULL || !number_before(inside->tail, number)) return;
  if (!number_before(number, inside->head)) { /* all of it */
    inside_free(counters, layout, state, index);
    return;
  }
  for (; inside->tail != number; inside->tail++)
    change(counters, layout, state, ring, plan, inside, inside->tail, false);
}

/* ---- the answer ---- */

static struct value tell(const struct layout *layout, const struct asker *asker, const struct inside_item *item,
                         const void *own, const struct counter_state *state, const struct ring *ring,
                         struct arena *scratch, struct expr_counts *counts) {
  switch (item->kind) {
  case AGG_STDDEV: return spread_deviation(own, asker->argument, counts);
  case AGG_EWMA: return decay_mean(own, asker->argument, counts);
  case AGG_TOP: return counter_top_tell(layout, item, own, state, ring, (uint32_t)asker->parameter, scratch);
  default: return ranked_percentile(own, asker->parameter == 0 ? 50 : (unsigned)asker->parameter, asker->argument);
  }
}

struct value inside_ask(struct counters *counters, const struct asker *asker, struct counter_state *state,
                        const struct ring *ring, int64_t time, struct arena *scratch, struct expr_counts *counts) {
  const struct layout *layout = asker->layout;
  const struct inside_plan *plan = &layout->insides[asker->index];
  const struct inside_item *item = &plan->items[asker->item];
  void **pointer = state_pointer(layout, state, plan->pointer);
  uint32_t tail = cursor_move(layout, state, ring, plan->cursor, time), next = state->next;
  inside_forget(counters, layout, state, ring, asker->index, tail);
  struct inside *inside = *pointer;
  if (inside == NULL && next - tail <= INSIDE_FEW) {
    union {
      struct spread spread;
      struct decay decay;
      struct ranked ranked;
      struct counter_top top;
    } own;
    memset(&own, 0, sizeof own);
    for (; tail != next; tail++) change_item(counters, layout, state, ring, item, &own, tail, true);
    struct value v = tell(layout, asker, item, &own, state, ring, scratch, counts);
    free_item(counters, item, &own);
    return v;
  }
  if (inside == NULL) {
    *pointer = inside = pool_alloc(counters->pool, plan->bytes);
    memset(inside, 0, plan->bytes);
    inside->tail = inside->head = tail;
  }
  for (; inside->head != next; inside->head++) change(counters, layout, state, ring, plan, inside, inside->head, true);
  return tell(layout, asker, item, item_at(inside, item), state, ring, scratch, counts);
}
