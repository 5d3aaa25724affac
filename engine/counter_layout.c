/* counter_layout.c - what the states of a population look like: made once, when the engine starts.
 *
 * Each counter says what it needs (a cursor, a total, a condition, kept values, …); equal needs are one. Then columns
 * and offsets are given out, for each of the four variants of the layout. Called by counters_new(). */
#include "base/check.h"
#include "base/decay.h"
#include "base/limits.h"
#include "base/ranked.h"
#include "engine/counter_private.h"

#define DAY_US INT64_C(86400000000)
#define IDLE_US (COUNTER_IDLE_DAYS * DAY_US)
#define SPAN_MAX_US (INT64_C(1) << 60) /* longer than from the first to the last time that there is */

static int64_t span_us(int64_t us) { return us < SPAN_MAX_US ? us : SPAN_MAX_US; }

static bool type_is_number(struct type type) {
  return type.kind == VALUE_BOOL || type.kind == VALUE_INT || type.kind == VALUE_FLOAT || type.kind == VALUE_DECIMAL ||
         type.kind == VALUE_TIME || type.kind == VALUE_DURATION;
}

/* ---- needs, each once ---- */

struct needs { /* of one population, while its layout is made */
  struct counters *counters;
  struct layout *layout;
  bool *values; /* by column: its values are read from the ring */
};

static uint16_t need_pointer(struct layout *layout) { return layout->pointer_count++; }

static uint16_t need_condition(struct layout *layout, uint16_t where, uint16_t column) {
  if (where == NO_COLUMN && column == NO_COLUMN) return COUNTER_ALWAYS;
  for (uint16_t i = 0; i < layout->condition_count; i++)
    if (layout->conditions[i].where == where && layout->conditions[i].column == column) return i;
  uint16_t plain = column == NO_COLUMN ? COUNTER_ALWAYS : need_condition(layout, where, NO_COLUMN);
  layout->conditions[layout->condition_count] = (struct condition_plan){where, column, plain};
  uint16_t known = 0;
  while (known < layout->null_column_count && layout->null_columns[known] != column) known++;
  if (column != NO_COLUMN && known == layout->null_column_count)
    layout->null_columns[layout->null_column_count++] = column;
  return layout->condition_count++;
}

static uint16_t need_cursor(struct layout *layout, const struct counter_window *window) {
  struct cursor_plan plan = {.over_us = -1, .idle_us = -1, .inside = COUNTER_NONE};
  if (window->span != SPAN_LAST || window->over_us >= 0) plan.over_us = span_us(window->over_us);
  if (window->span == SPAN_LAST) plan.last = window->last;
  if (plan.over_us < 0) plan.idle_us = IDLE_US;
  layout->ring = true;
  layout->idles |= plan.idle_us >= 0;
  for (uint16_t i = 0; i < layout->cursor_count; i++)
    if (layout->cursors[i].over_us == plan.over_us && layout->cursors[i].last == plan.last) return i;
  layout->cursors[layout->cursor_count] = plan;
  return layout->cursor_count++;
}

static uint16_t need_sum(struct layout *layout, uint16_t column, uint16_t where) {
  for (uint16_t i = 0; i < layout->sum_count; i++)
    if (layout->sums[i].column == column && layout->sums[i].where == where) return i;
  layout->sums[layout->sum_count] = (struct total_plan){
      .column = column, .where = where, .is_float = layout->columns[column].type.kind == VALUE_FLOAT};
  return layout->sum_count++;
}

static void need_value(struct needs *needs, uint16_t column) {
  needs->values[column] = true;
  if (type_is_number(needs->layout->columns[column].type)) need_condition(needs->layout, NO_COLUMN, column);
}

static uint16_t need_order(struct needs *needs, uint16_t column, uint16_t where, bool greatest) {
  struct layout *layout = needs->layout;
  uint16_t condition = need_condition(layout, where, column);
  need_value(needs, column);
  for (uint16_t i = 0; i < layout->order_count; i++)
    if (layout->orders[i].column == column && layout->orders[i].condition == condition &&
        layout->orders[i].greatest == greatest)
      return i;
  layout->orders[layout->order_count] = (struct order_plan){
      .column = column, .condition = condition, .greatest = greatest, .pointer = need_pointer(layout)};
  return layout->order_count++;
}

static struct slices_of slices_of_window(const struct counter_window *window, bool quantiles) {
  struct slices_of of = {.quantiles = quantiles, .by_number = window->span == SPAN_LAST, .within_us = -1};
  int64_t length = of.by_number ? window->last : span_us(window->over_us);
  of.width = length < COUNTER_SLICES ? 1 : length / COUNTER_SLICES;
  of.slice_count = (uint16_t)(length / of.width < COUNTER_SLICES_MAX ? length / of.width : COUNTER_SLICES_MAX);
  if (of.by_number) of.within_us = window->over_us >= 0 ? span_us(window->over_us) : IDLE_US + 1;
  return of;
}

static uint16_t need_slices(struct layout *layout, uint16_t column, uint16_t where, struct slices_of of) {
  for (uint16_t i = 0; i < layout->slices_count; i++) {
    const struct slices_plan *known = &layout->slices[i];
    if (known->column == column && known->where == where && known->of.quantiles == of.quantiles &&
        known->of.by_number == of.by_number && known->of.width == of.width && known->of.slice_count == of.slice_count &&
        known->of.within_us == of.within_us)
      return i;
  }
  layout->slices[layout->slices_count] =
      (struct slices_plan){.column = column, .where = where, .of = of, .pointer = need_pointer(layout)};
  return layout->slices_count++;
}

static uint16_t need_log(struct needs *needs, uint16_t column, uint16_t where, bool by_number) {
  struct layout *layout = needs->layout;
  for (uint16_t i = 0; i < layout->values_count; i++)
    if (layout->values[i].column == column && layout->values[i].where == where &&
        layout->values[i].by_number == by_number)
      return i;
  layout->values[layout->values_count] = (struct values_plan){
      .column = column,
      .where = where,
      .by_number = by_number,
      .pointer = need_pointer(layout),
      .windows = mem_alloc(needs->counters->mem, (layout->plan->counter_count + 1u) * sizeof(struct values_window))};
  return layout->values_count++;
}

static uint16_t need_distinct(struct needs *needs, struct values_plan *plan, const struct counter_window *window) {
  struct layout *layout = needs->layout;
  bool by_number = plan->by_number;
  struct values_window wanted = {.over_us = by_number ? -1 : span_us(window->over_us),
                                 .cursor = by_number ? need_cursor(layout, window) : COUNTER_NONE,
                                 .of = slices_of_window(window, false)};
  for (uint16_t i = 0; i < plan->window_count; i++)
    if (plan->windows[i].over_us == wanted.over_us && plan->windows[i].cursor == wanted.cursor) return i;
  wanted.slices = need_pointer(layout);
  if (wanted.over_us > plan->horizon_us) plan->horizon_us = wanted.over_us;
  plan->windows[plan->window_count] = wanted;
  return plan->window_count++;
}

static uint32_t inside_item_bytes(enum aggregate kind) {
  switch (kind) {
  case AGG_STDDEV: return sizeof(struct spread);
  case AGG_EWMA: return sizeof(struct decay);
  case AGG_TOP: return sizeof(struct counter_top);
  default: return sizeof(struct ranked);
  }
}

/* stddev, percentiles, ewma, top of one window: *index is the window's, the result that of the item. */
static uint16_t need_inside(struct needs *needs, uint16_t cursor, const struct aggregate_plan *plan, uint16_t *index) {
  struct layout *layout = needs->layout;
  if (layout->cursors[cursor].inside == COUNTER_NONE) {
    layout->cursors[cursor].inside = layout->inside_count;
    layout->insides[layout->inside_count++] = (struct inside_plan){
        .cursor = cursor,
        .pointer = need_pointer(layout),
        .items = mem_alloc(needs->counters->mem, (layout->plan->counter_count + 1u) * sizeof(struct inside_item)),
        .bytes = sizeof(struct inside)};
  }
  *index = layout->cursors[cursor].inside;
  struct inside_plan *inside = &layout->insides[*index];
  struct inside_item wanted = {.kind = plan->kind == AGG_PERCENTILE ? AGG_MEDIAN : plan->kind,
                               .column = plan->column,
                               .condition = need_condition(layout, plan->where, plan->column),
                               .order = AGG_COUNT,
                               .order_column = NO_COLUMN,
                               .half_us = plan->kind == AGG_EWMA ? plan->parameter : 0};
  need_value(needs, plan->column);
  if (plan->kind == AGG_TOP && plan->order != AGG_COUNT) {
    wanted.order = plan->order;
    wanted.order_column = plan->order_column;
    need_value(needs, plan->order_column);
  }
  for (uint16_t i = 0; i < inside->item_count; i++) {
    const struct inside_item *known = &inside->items[i];
    if (known->kind == wanted.kind && known->column == wanted.column && known->condition == wanted.condition &&
        known->order == wanted.order && known->order_column == wanted.order_column && known->half_us == wanted.half_us)
      return i;
  }
  wanted.at = inside->bytes;
  inside->bytes += inside_item_bytes(wanted.kind);
  inside->items[inside->item_count] = wanted;
  return inside->item_count++;
}

static uint16_t need_endless(struct needs *needs, const struct counter_window *window,
                             const struct aggregate_plan *plan, uint16_t *index) {
  struct layout *layout = needs->layout;
  int64_t idle_us = window->span == SPAN_EVER ? span_us(window->over_us) : -1;
  uint16_t at = 0;
  while (at < layout->endless_count &&
         (layout->endless[at].span != window->span || layout->endless[at].idle_us != idle_us ||
          layout->endless[at].zone != window->zone))
    at++;
  if (at == layout->endless_count)
    layout->endless[layout->endless_count++] = (struct endless_plan){
        .span = window->span,
        .idle_us = idle_us,
        .zone = window->zone,
        .plans = mem_alloc(needs->counters->mem, (layout->plan->counter_count + 1u) * sizeof(struct aggregate_plan))};
  *index = at;
  layout->endless[at].plans[layout->endless[at].count] = *plan;
  return layout->endless[at].count++;
}

/* ---- one counter ---- */

static struct value value_of_nothing(enum aggregate kind, struct type type) {
  if (kind == AGG_COUNT || kind == AGG_DISTINCT) return value_int(0);
  if (kind == AGG_SUM && type.kind == VALUE_FLOAT) return value_float(0);
  if (kind == AGG_SUM) return (struct value){.kind = type.kind, .scale = type.scale};
  return value_null();
}

static void horizon(struct layout *layout, const struct counter_window *window) {
  int64_t us = 0;
  switch (window->span) {
  case SPAN_DURATION:
  case SPAN_PREVIOUS: us = span_us(window->over_us); break;
  case SPAN_LAST: us = window->over_us >= 0 ? span_us(window->over_us) : IDLE_US + 1; break;
  case SPAN_EVER: us = span_us(window->over_us); break;
  default: break;
  }
  if (us > layout->horizon_us) layout->horizon_us = us;
}

/* What an aggregate over a window that looks into the ring needs. */
static void ask_ring(struct needs *needs, struct asker *asker, const struct aggregate_plan *plan) {
  struct layout *layout = needs->layout;
  asker->condition = need_condition(layout, plan->where, plan->column);
  switch (plan->kind) {
  case AGG_COUNT: asker->how = asker->condition == COUNTER_ALWAYS ? ASK_COUNT : ASK_COUNT_IF; break;
  case AGG_RATE:
    asker->how = ASK_RATE;
    if (asker->over_us > 0) asker->empty = value_float(0);
    break;
  case AGG_AVG:
    asker->how = ASK_AVG;
    asker->index = need_sum(layout, plan->column, plan->where);
    break;
  case AGG_MIN:
  case AGG_MAX:
    asker->how = ASK_ORDER;
    asker->index = need_order(needs, plan->column, plan->where, plan->kind == AGG_MAX);
    break;
  case AGG_FIRST:
  case AGG_LAST:
  case AGG_NTH:
    asker->how = plan->kind == AGG_FIRST ? ASK_FIRST : plan->kind == AGG_LAST ? ASK_LAST : ASK_NTH;
    asker->condition = need_condition(layout, plan->where, NO_COLUMN);
    need_value(needs, plan->column);
    break;
  case AGG_COLLECT:
    asker->how = ASK_COLLECT;
    need_value(needs, plan->column);
    break;
  default:
    check(plan->kind == AGG_STDDEV || plan->kind == AGG_MEDIAN || plan->kind == AGG_PERCENTILE ||
          plan->kind == AGG_EWMA || plan->kind == AGG_TOP);
    asker->how = ASK_INSIDE;
    asker->item = need_inside(needs, asker->cursor, plan, &asker->index);
  }
}

static void ask_window(struct needs *needs, struct asker *asker, const struct counter_window *window,
                       const struct aggregate_plan *plan) {
  struct layout *layout = needs->layout;
  bool quantile = plan->kind == AGG_MEDIAN || plan->kind == AGG_PERCENTILE;
  if (window->span == SPAN_TODAY || window->span == SPAN_EVER) {
    asker->how = ASK_ENDLESS;
    asker->item = need_endless(needs, window, plan, &asker->index);
  } else if (plan->approx && (quantile || plan->kind == AGG_DISTINCT)) {
    asker->how = ASK_SLICES;
    asker->index = need_slices(layout, plan->column, plan->where, slices_of_window(window, quantile));
  } else if (plan->kind == AGG_DISTINCT) {
    asker->how = ASK_DISTINCT;
    asker->index = need_log(needs, plan->column, plan->where, window->span == SPAN_LAST);
    asker->item = need_distinct(needs, &layout->values[asker->index], window);
  } else {
    asker->cursor = need_cursor(layout, window);
    if (plan->kind == AGG_SUM) {
      asker->how = ASK_SUM;
      asker->index = need_sum(layout, plan->column, plan->where);
    } else {
      ask_ring(needs, asker, plan);
    }
  }
}

static void ask_counter(struct needs *needs, uint16_t number) {
  struct layout *layout = needs->layout;
  const struct counter_plan *counter = &needs->counters->ruleset->counters[number];
  const struct counter_window *window = &layout->plan->windows[counter->window];
  struct asker *asker = &needs->counters->askers[number];
  struct aggregate_plan plan = counter->aggregate;
  if (counter->kind == COUNTER_PREVIOUS)
    plan = (struct aggregate_plan){
        .kind = AGG_LAST, .column = counter->column, .where = NO_COLUMN, .order_column = NO_COLUMN};
  if (plan.column != NO_COLUMN) plan.argument = layout->columns[plan.column].type;
  if (counter->kind == COUNTER_PREVIOUS) plan.type = plan.argument;
  *asker = (struct asker){.layout = layout,
                          .cursor = COUNTER_NONE,
                          .parameter = plan.parameter,
                          .over_us = window->over_us >= 0 ? span_us(window->over_us) : -1,
                          .argument = plan.argument,
                          .column = plan.column,
                          .type = counter->type,
                          .condition = COUNTER_ALWAYS,
                          .empty = value_of_nothing(plan.kind, plan.argument)};
  horizon(layout, window);
  if (counter->kind != COUNTER_SEEN) {
    ask_window(needs, asker, window, &plan);
    return;
  }
  asker->how = ASK_SEEN;
  asker->empty = value_bool(false);
  asker->index = need_log(needs, counter->column, counter->aggregate.where, false);
  struct values_plan *log = &layout->values[asker->index];
  log->seen = true;
  if (asker->over_us > log->over_us) log->over_us = asker->over_us;
  if (asker->over_us > log->horizon_us) log->horizon_us = asker->over_us;
}

/* ---- offsets ---- */

static uint32_t aligned(uint32_t offset) { return (offset + 7u) & ~7u; }

static void place_fixed(struct needs *needs) {
  struct layout *layout = needs->layout;
  uint32_t at = (uint32_t)(offsetof(struct counter_state, cursors) + layout->cursor_count * sizeof(uint32_t));
  if (layout->pointer_count > 0 || layout->endless_count > 0) at = aligned(at);
  layout->pointers_at = at;
  at += layout->pointer_count * (uint32_t)sizeof(void *);
  for (uint16_t i = 0; i < layout->endless_count; i++) {
    struct endless_plan *endless = &layout->endless[i];
    endless->days = mem_alloc(needs->counters->mem, sizeof *endless->days);
    window_grid_init_days(endless->days, endless->zone);
    endless->aggregates = aggregates_new(needs->counters->mem, needs->counters->pool, endless->plans, endless->count);
    endless->at = at;
    at += (uint32_t)(sizeof(struct endless) + aggregates_bytes(endless->aggregates));
  }
  layout->fixed_bytes = at;
  at = sizeof(int64_t);
  for (uint16_t i = 0; i < layout->kept_count; i++) {
    layout->kept[i].at = at;
    at += layout->kept[i].large ? COUNTER_KEPT_BYTES : (uint32_t)sizeof(int64_t);
  }
  layout->event_fixed_bytes = at;
}

static bool in_ring(const struct layout *layout, uint16_t column) {
  bool there = false;
  for (uint16_t i = 0; i < layout->sum_count; i++) there |= layout->sums[i].column == column;
  for (uint16_t i = 0; i < layout->kept_count; i++) there |= layout->kept[i].column == column;
  return there;
}

/* What counters_add() does with one loop, if that is all that the ring has. */
static void place_plain(struct needs *needs, struct variant *variant) {
  const struct layout *layout = needs->layout;
  bool plain = layout->ring && !layout->idles;
  for (uint16_t i = 0; i < layout->sum_count; i++)
    plain &= layout->sums[i].where == NO_COLUMN && variant->limbs[layout->sums[i].is_float] == 1 &&
             layout->columns[layout->sums[i].column].slot >= 0;
  for (uint16_t i = 0; i < layout->condition_count; i++) plain &= !variant->condition_own[i];
  for (uint16_t i = 0; i < layout->kept_count; i++)
    plain &= !layout->kept[i].large && layout->columns[layout->kept[i].column].slot >= 0;
  for (uint16_t i = 0; i < layout->null_column_count; i++) plain &= in_ring(layout, layout->null_columns[i]);
  variant->plain = plain;
  if (!plain) return;
  size_t count = (size_t)layout->sum_count + layout->kept_count + 1;
  variant->plain_rows = mem_alloc(needs->counters->mem, count * sizeof *variant->plain_rows);
  for (uint16_t i = 0; i < layout->sum_count; i++)
    variant->plain_rows[variant->plain_count++] =
        (struct plain_row){.slot = (uint32_t)layout->columns[layout->sums[i].column].slot,
                           .at = variant->sum_at[i],
                           .total_at = variant->sum_total_at[i]};
  variant->plain_sum_count = variant->plain_count;
  for (uint16_t i = 0; i < layout->kept_count; i++)
    variant->plain_rows[variant->plain_count++] =
        (struct plain_row){.slot = (uint32_t)layout->columns[layout->kept[i].column].slot, .at = layout->kept[i].at};
}

static bool time_alone(const struct cursor_plan *cursor) { return cursor->over_us >= 0 && cursor->last == 0; }

static uint16_t longest_cursor(const struct layout *layout) {
  uint16_t longest = COUNTER_NONE;
  for (uint16_t c = 0; c < layout->cursor_count; c++)
    if (time_alone(&layout->cursors[c]) &&
        (longest == COUNTER_NONE || layout->cursors[c].over_us > layout->cursors[longest].over_us))
      longest = c;
  return longest;
}

static void place_variant(struct needs *needs, unsigned number) {
  struct layout *layout = needs->layout;
  struct variant *variant = &layout->variants[number];
  struct mem *mem = needs->counters->mem;
  bool wide = number & VARIANT_WIDE, nulls = number & VARIANT_NULLS;
  uint32_t in_state = layout->fixed_bytes, in_event = layout->event_fixed_bytes;
  variant->limbs[false] = wide ? 2 : 1;
  variant->limbs[true] = wide ? 3 : 2;
  variant->sum_at = mem_alloc(mem, (layout->sum_count + 1u) * sizeof(uint32_t));
  variant->sum_total_at = mem_alloc(mem, (layout->sum_count + 1u) * sizeof(uint32_t));
  variant->condition_at = mem_alloc(mem, (layout->condition_count + 1u) * sizeof(uint32_t));
  variant->condition_total_at = mem_alloc(mem, (layout->condition_count + 1u) * sizeof(uint32_t));
  variant->condition_own = mem_alloc(mem, (layout->condition_count + 1u) * sizeof(bool));
  for (uint16_t i = 0; i < layout->condition_count; i++) {
    variant->condition_own[i] = nulls || layout->conditions[i].column == NO_COLUMN;
    if (!variant->condition_own[i]) continue;
    variant->condition_total_at[i] = in_state;
    in_state += (uint32_t)sizeof(uint32_t);
  }
  in_state = aligned(in_state);
  for (uint16_t i = 0; i < layout->sum_count; i++) {
    uint32_t bytes = variant->limbs[layout->sums[i].is_float] * (uint32_t)sizeof(uint64_t);
    variant->sum_total_at[i] = in_state;
    variant->sum_at[i] = in_event;
    in_state += bytes;
    in_event += bytes;
  }
  for (uint16_t i = 0; i < layout->condition_count; i++) {
    if (!variant->condition_own[i]) continue;
    variant->condition_at[i] = in_event;
    in_event += (uint32_t)sizeof(uint32_t);
  }
  for (uint16_t i = 0; i < layout->condition_count; i++) {
    uint16_t plain = layout->conditions[i].plain;
    if (variant->condition_own[i] || plain == COUNTER_ALWAYS) continue;
    variant->condition_at[i] = variant->condition_at[plain];
    variant->condition_total_at[i] = variant->condition_total_at[plain];
  }
  variant->header_bytes = aligned(in_state);
  variant->event_bytes = aligned(in_event);
  if (!layout->ring) variant->inside_log2_end = UINT8_MAX; /* there is none */
  while (layout->ring &&
         variant->header_bytes + (variant->event_bytes << variant->inside_log2_end) <= COUNTER_INLINE_BYTES)
    variant->inside_log2_end++;
  place_plain(needs, variant);
}

/* The ring of a state in the caller's memory: as large as can be without queues beside it. */
static int8_t annex_log2(const struct layout *layout) {
  const struct variant *variant = &layout->variants[0];
  int8_t log2 = -1;
  if (!layout->ring) return variant->header_bytes <= COUNTER_ANNEX_BYTES ? 0 : -1;
  while (variant->header_bytes + (variant->event_bytes << (log2 + 1)) <= COUNTER_ANNEX_BYTES) log2++;
  return log2;
}

/* What an event takes in the blocks of counter_inside.c once their windows have been asked, at most. */
static uint32_t inside_event_bytes(const struct layout *layout) {
  enum { TOP_BYTES = 40, TOP_ORDERED_BYTES = 112 };
  uint32_t bytes = 0;
  for (uint16_t i = 0; i < layout->inside_count; i++)
    for (uint16_t n = 0; n < layout->insides[i].item_count; n++) {
      const struct inside_item *item = &layout->insides[i].items[n];
      if (item->kind == AGG_TOP) bytes += item->order == AGG_COUNT ? TOP_BYTES : TOP_ORDERED_BYTES;
      if (item->kind == AGG_MEDIAN) bytes += RANKED_KEY_BYTES;
    }
  return bytes;
}

/* Of 64 bytes each. */
static void find_units(const struct layout *layout, struct variant *variant) {
  enum { UNIT_BYTES = MEMORY_EACH_COUNTER_EVENTS };
  uint32_t event = layout->ring ? variant->event_bytes + layout->order_count * (uint32_t)sizeof(uint32_t) : 1;
  variant->event_units = (uint16_t)((event + inside_event_bytes(layout) + UNIT_BYTES - 1) / UNIT_BYTES);
  variant->window_events_max = COUNTER_WINDOW_EVENTS;
}

/* Values of a column: differences of a total that has all of them, or kept. */
static void place_values(struct needs *needs) {
  struct layout *layout = needs->layout;
  for (uint16_t c = 0; c < layout->column_count; c++) {
    struct source *source = &layout->sources[c];
    *source = (struct source){.type = layout->columns[c].type, .total = COUNTER_NONE, .known = COUNTER_NONE};
    if (!needs->values[c]) continue;
    for (uint16_t i = 0; i < layout->sum_count; i++)
      if (layout->sums[i].column == c && layout->sums[i].where == NO_COLUMN && !layout->sums[i].is_float)
        source->total = i;
    source->large = !type_is_number(source->type);
    if (!source->large) source->known = need_condition(layout, NO_COLUMN, c);
    if (source->total != COUNTER_NONE) continue;
    layout->kept[layout->kept_count++] = (struct kept_plan){.column = c, .large = source->large};
    layout->large |= source->large;
  }
}

static void place_difference(const struct layout *layout, struct asker *asker) {
  asker->simple = asker->how == ASK_COUNT || asker->how == ASK_COUNT_IF || asker->how == ASK_SUM;
  asker->simple &= asker->cursor != COUNTER_NONE && layout->cursors[asker->cursor].last == 0;
  for (unsigned v = 0; v < VARIANTS && asker->simple; v++) {
    const struct variant *variant = &layout->variants[v];
    struct difference *difference = &asker->differences[v];
    *difference = (struct difference){0};
    if (asker->how == ASK_COUNT_IF && variant->condition_at[asker->condition] != 0) {
      difference->bytes = sizeof(uint32_t);
      difference->at = variant->condition_at[asker->condition];
      difference->total_at = variant->condition_total_at[asker->condition];
    } else if (asker->how == ASK_SUM) {
      difference->at = variant->sum_at[asker->index];
      difference->total_at = variant->sum_total_at[asker->index];
      difference->bytes = sizeof(uint64_t);
      if (variant->limbs[layout->sums[asker->index].is_float] > 1) difference->bytes = DIFFERENCE_LONG;
    }
  }
}

/* What most populations are like goes shorter ways (counter.c, counter_ring.c). */
static void place_ways(struct layout *layout) {
  bool by_number = false, fields = true;
  for (uint16_t i = 0; i < layout->values_count; i++) {
    by_number |= layout->values[i].by_number;
    fields &= layout->values[i].where == NO_COLUMN && layout->columns[layout->values[i].column].slot >= 0;
  }
  layout->timed = layout->ring && layout->longest != COUNTER_NONE && !layout->large && layout->inside_count == 0 &&
                  layout->order_count == 0 && !by_number;
  for (uint16_t c = 0; c < layout->cursor_count; c++) layout->timed &= time_alone(&layout->cursors[c]);
  layout->values_alone = !by_number && fields && layout->order_count == 0 && layout->slices_count == 0 &&
                         layout->inside_count == 0 && layout->endless_count == 0;
}

static void layout_room(struct needs *needs) {
  struct layout *layout = needs->layout;
  struct mem *mem = needs->counters->mem;
  const struct population *plan = layout->plan;
  size_t counts = plan->counter_count + 1u, columns = plan->column_count + 1u;
  check(plan->counter_count < COUNTER_NONE / 4 && plan->column_count < COUNTER_NONE / 4);
  needs->values = mem_alloc(mem, columns * sizeof(bool));
  layout->columns = mem_alloc(mem, columns * sizeof *layout->columns);
  layout->null_columns = mem_alloc(mem, columns * sizeof *layout->null_columns);
  layout->sources = mem_alloc(mem, columns * sizeof *layout->sources);
  layout->kept = mem_alloc(mem, columns * sizeof *layout->kept);
  layout->cursors = mem_alloc(mem, counts * sizeof *layout->cursors);
  layout->conditions = mem_alloc(mem, (4 * counts + 2 * columns) * sizeof *layout->conditions);
  layout->sums = mem_alloc(mem, counts * sizeof *layout->sums);
  layout->orders = mem_alloc(mem, counts * sizeof *layout->orders);
  layout->values = mem_alloc(mem, counts * sizeof *layout->values);
  layout->slices = mem_alloc(mem, counts * sizeof *layout->slices);
  layout->insides = mem_alloc(mem, counts * sizeof *layout->insides);
  layout->endless = mem_alloc(mem, counts * sizeof *layout->endless);
}

/* What rules/count_size.c says of the plan, and explain of the rule, is enough. */
static void check_size(const struct layout *layout) {
  const struct count_size *said = &layout->plan->size;
  if (said->state == 0) return;
  check(layout->variants[0].header_bytes <= said->state);
  check(!layout->ring || layout->variants[0].event_bytes + layout->order_count * sizeof(uint32_t) <= said->event);
  check((size_t)layout->values_count * VALUES_ENTRY_BYTES <= said->value);
}

void layout_make(struct counters *counters, uint16_t population) {
  struct layout *layout = &counters->layouts[population];
  struct needs needs = {.counters = counters, .layout = layout};
  layout->plan = &counters->ruleset->populations[population];
  layout_room(&needs);
  layout->column_count = layout->plan->column_count;
  for (uint16_t c = 0; c < layout->column_count; c++) {
    const struct count_column *column = &layout->plan->columns[c];
    layout->columns[c] =
        (struct column_plan){.expr = column->expr, .slot = expr_field_slot(column->expr), .type = column->type};
  }
  for (uint16_t i = 0; i < layout->plan->counter_count; i++) ask_counter(&needs, layout->plan->counters[i]);
  place_values(&needs);
  place_fixed(&needs);
  for (uint16_t c = 0; c < layout->column_count; c++) { /* now that the offsets of kept values are known */
    for (uint16_t i = 0; i < layout->kept_count; i++)
      if (layout->kept[i].column == c) layout->sources[c].at = layout->kept[i].at;
  }
  layout->longest = longest_cursor(layout);
  for (unsigned v = 0; v < VARIANTS; v++) place_variant(&needs, v);
  layout->annex_log2 = annex_log2(layout);
  for (unsigned v = 0; v < VARIANTS; v++) {
    find_units(layout, &layout->variants[v]);
    for (unsigned l = 0; l <= COUNTER_SMALL_LOG2; l++) layout->variants[v].small_units[l] = ring_units(layout, v, l);
  }
  for (uint16_t i = 0; i < layout->plan->counter_count; i++)
    place_difference(layout, &counters->askers[layout->plan->counters[i]]);
  layout->beside = layout->pointer_count > 0 || layout->endless_count > 0;
  place_ways(layout);
  packed_make(counters, layout);
  check_size(layout);
  mem_free(counters->mem, needs.values);
}
