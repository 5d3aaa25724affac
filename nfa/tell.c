/* tell.c - of the matches that are complete at one event or deadline: which are told, in which order, and what the
 * telling drops (rule-language.md section 3, "What is told"). Called by runs.c. */
#include "base/sort.h"
#include "nfa/run.h"

void start_unref(struct stepping *s, struct start *start) {
  if (start == NULL || --start->references > 0) return;
  while (start->best_count > 0) link_unref(s->context, start->best[--start->best_count]);
  pool_free(s->context->pool, start, sizeof *start);
}

static void completions_grow(struct stepping *s) {
  if (s->completion_count < s->completion_capacity) return;
  uint32_t capacity = s->completion_capacity == 0 ? 8 : s->completion_capacity * 2;
  struct completion *bigger = arena_alloc(s->context->scratch, capacity * sizeof *bigger);
  if (s->completion_count > 0) memcpy(bigger, s->completions, s->completion_count * sizeof *bigger);
  s->completions = bigger;
  s->completion_capacity = capacity;
}

void completion_add_chain(struct stepping *s, const struct link **chain, uint32_t length) {
  completions_grow(s);
  s->completions[s->completion_count++] =
      (struct completion){.chain = chain, .start_sequence = chain[0]->event->sequence, .length = length};
}

/* Takes a reference to the chain and the start. */
void completion_add(struct stepping *s, struct link *tail, struct start *start, uint64_t start_sequence,
                    uint32_t length) {
  completions_grow(s);
  if (start != NULL) start->references++;
  s->completions[s->completion_count++] =
      (struct completion){.tail = link_ref(tail), .start = start, .start_sequence = start_sequence, .length = length};
}

const struct link **chain_array(struct stepping *s, const struct link *tail, uint32_t length) {
  const struct link **chain = arena_alloc(s->context->scratch, length * sizeof *chain);
  struct walk walk;
  walk_begin(&walk, tail);
  for (uint32_t i = length; i > 0; i--) chain[i - 1] = walk_next(&walk);
  return chain;
}

/* Between forks of one start: at the first difference, the one that took an event before the one that did not; of the
 * same event taken by different steps, the order of asking; a prefix first. */
static int compare_forks(const struct completion *a, const struct completion *b) {
  for (uint32_t i = 0; i < a->length && i < b->length; i++) {
    uint64_t sa = a->chain[i]->event->sequence, sb = b->chain[i]->event->sequence;
    if (sa != sb) return sa < sb ? -1 : 1;
    if (a->chain[i]->rank != b->chain[i]->rank) return a->chain[i]->rank < b->chain[i]->rank ? -1 : 1;
  }
  return a->length == b->length ? 0 : a->length < b->length ? -1 : 1;
}

/* Positions one by one (the first is the start), a prefix first; of equal positions the fork whose steps stand first in
 * the text. */
static int compare_positions(const struct completion *a, const struct completion *b) {
  for (uint32_t i = 0; i < a->length && i < b->length; i++) {
    uint64_t sa = a->chain[i]->event->sequence, sb = b->chain[i]->event->sequence;
    if (sa != sb) return sa < sb ? -1 : 1;
  }
  if (a->length != b->length) return a->length < b->length ? -1 : 1;
  for (uint32_t i = 0; i < a->length; i++)
    if (a->chain[i]->step != b->chain[i]->step) return a->chain[i]->step < b->chain[i]->step ? -1 : 1;
  return compare_forks(a, b);
}
static bool same_events(const struct completion *a, const struct completion *b) {
  if (a->length != b->length) return false;
  for (uint32_t i = 0; i < a->length; i++)
    if (a->chain[i]->event->sequence != b->chain[i]->event->sequence) return false;
  return true;
}

/* Which of two forks of one start stands first: of equal events by the text, else by the first difference. */
static int compare_left(const struct completion *a, const struct completion *b) {
  return same_events(a, b) ? compare_positions(a, b) : compare_forks(a, b);
}

bool chain_same_events(struct stepping *s, const struct link *a, const struct link *b, uint32_t length) {
  struct completion x = {.length = length, .chain = chain_array(s, a, length)};
  struct completion y = {.length = length, .chain = chain_array(s, b, length)};
  return same_events(&x, &y);
}

int chain_compare(struct stepping *s, const struct link *a, uint32_t a_length, const struct link *b,
                  uint32_t b_length) {
  struct completion x = {.length = a_length, .chain = chain_array(s, a, a_length)};
  struct completion y = {.length = b_length, .chain = chain_array(s, b, b_length)};
  return compare_left(&x, &y);
}

static int compare_for_sort(const void *a, const void *b) { return compare_positions(a, b); }

/* Up to where (a sequence number, closed) no match may begin any more; 0 = no limit is set. */
static uint64_t skip_bound(const struct pattern *p, const struct completion *c) {
  uint64_t first = c->chain[0]->event->sequence;
  switch (p->after) {
  case PATTERN_AFTER_PAST_LAST: return c->chain[c->length - 1]->event->sequence;
  case PATTERN_AFTER_TO_NEXT: return first;
  case PATTERN_AFTER_TO_FIRST:
    for (uint32_t i = 0; i < c->length; i++)
      if (c->chain[i]->step == p->after_step) return c->chain[i]->event->sequence - 1;
    return first;
  case PATTERN_AFTER_TO_LAST:
    for (uint32_t i = c->length; i > 0; i--)
      if (c->chain[i - 1]->step == p->after_step) return c->chain[i - 1]->event->sequence - 1;
    return first;
  case PATTERN_AFTER_OVERLAP: break;
  }
  return 0;
}

static void tell(struct stepping *s, const struct completion *c, enum nfa_cause cause, int64_t time, bool by_timer,
                 bool cut) {
  struct nfa_item *items = arena_alloc(s->context->scratch, c->length * sizeof *items);
  for (uint32_t i = 0; i < c->length; i++) items[i] = (struct nfa_item){c->chain[i]->event, c->chain[i]->step};
  struct nfa_match match = {
      .cause = cause, .cut = cut, .by_timer = by_timer, .time = time, .count = c->length, .items = items};
  if (c->start != NULL) c->start->told = true;
  s->counts->told++;
  s->context->tell(s->context->told_context, &match);
}

static void completion_release(struct stepping *s, struct completion *c) {
  link_unref(s->context, c->tail);
  start_unref(s, c->start);
}

static void release(struct stepping *s) {
  for (uint32_t i = 0; i < s->completion_count; i++) completion_release(s, &s->completions[i]);
  s->completion_count = 0;
}

static void chains_needed(struct stepping *s, struct completion *list, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (list[i].chain == NULL) list[i].chain = chain_array(s, list[i].tail, list[i].length);
}

/* Of forks with the same events the first is kept: sorts, and says how many are left. */
static uint32_t drop_equal(struct stepping *s, struct completion *list, uint32_t all) {
  uint32_t count = 0;
  sort_items(list, all, sizeof *list, compare_for_sort, s->context->scratch);
  for (uint32_t i = 0; i < all; i++) {
    if (count > 0 && same_events(&list[i], &list[count - 1]))
      completion_release(s, &list[i]);
    else
      list[count++] = list[i];
  }
  return count;
}

/* The one that `report first` tells: of the earliest start, the fork that is leftmost in the text. */
static struct completion *earliest(struct stepping *s) {
  struct completion *list = s->completions;
  uint64_t start = list[0].start_sequence;
  uint32_t count = 0;
  for (uint32_t i = 1; i < s->completion_count; i++)
    if (list[i].start_sequence < start) start = list[i].start_sequence;
  for (uint32_t i = 0; i < s->completion_count; i++) {
    if (list[i].start_sequence == start)
      list[count++] = list[i];
    else
      completion_release(s, &list[i]);
  }
  chains_needed(s, list, count);
  s->completion_count = count > 1 ? drop_equal(s, list, count) : count;
  struct completion *best = &list[0];
  for (uint32_t i = 1; i < s->completion_count; i++)
    if (compare_forks(&list[i], best) < 0) best = &list[i];
  return best;
}

static void tell_one(struct stepping *s, const struct completion *c, int64_t time, bool by_timer, bool cut) {
  uint64_t bound = skip_bound(s->p, c);
  tell(s, c, NFA_MATCH, time, by_timer, cut);
  if (bound > 0) runs_drop_until(s, bound);
}

static int compare_starts(const void *a, const void *b) {
  uint64_t x = ((const struct completion *)a)->start_sequence, y = ((const struct completion *)b)->start_sequence;
  return (x > y) - (x < y);
}

/* Behind the completions of one start, which stand side by side. */
static uint32_t start_end(const struct stepping *s, uint32_t first) {
  uint32_t end = first + 1;
  while (end < s->completion_count && s->completions[end].start_sequence == s->completions[first].start_sequence) end++;
  return end;
}

/* Whether more than the limit are different. Those of different starts are; the others are looked at, start by start,
 * with as few chains as that takes. */
static bool above_limit(struct stepping *s) {
  struct completion *list = s->completions;
  int64_t limit = s->p->report_limit;
  uint32_t starts = 0, kept = 0;
  for (uint32_t i = 0; i < s->completion_count && starts <= limit; i = start_end(s, i)) starts++;
  if (starts > limit) return true;
  for (uint32_t i = 0, end; i < s->completion_count; i = end) {
    end = start_end(s, i);
    chains_needed(s, list + i, end - i);
    uint32_t distinct = drop_equal(s, list + i, end - i);
    memmove(list + kept, list + i, distinct * sizeof *list);
    kept += distinct;
    if (kept <= limit) continue;
    memmove(list + kept, list + end, (s->completion_count - end) * sizeof *list);
    s->completion_count -= end - kept;
    return true;
  }
  s->completion_count = kept;
  return false;
}

/* The events of the match; for its first one those that it stands for. */
static uint64_t events_of(const struct stepping *s, const struct completion *c) {
  if (!s->p->counts_before) return c->length;
  const struct held *first = c->chain != NULL ? c->chain[0]->event : c->tail->event;
  struct walk walk;
  walk_begin(&walk, c->tail);
  for (const struct link *link; c->chain == NULL && (link = walk_next(&walk)) != NULL;) first = link->event;
  int16_t kept = s->context->schemas[first->type].kept_index[s->p->start_count_slot];
  return c->length - 1u + (uint64_t)first->values[kept].i;
}

/* All matches of one start, or the leftmost alone. */
static void tell_start(struct stepping *s, struct completion *list, uint32_t count, int64_t time, bool alone) {
  struct arena_mark mark = arena_mark(s->context->scratch); /* starts may be as many as runs, and each match long */
  chains_needed(s, list, count);
  uint32_t kept = drop_equal(s, list, count);
  struct completion *best = list;
  for (uint32_t i = 1; alone && i < kept; i++)
    if (compare_forks(&list[i], best) < 0) best = &list[i];
  for (uint32_t i = 0; i < kept; i++)
    if (!alone || best == &list[i]) tell_one(s, &list[i], time, false, false);
  for (uint32_t i = kept; i < count; i++) list[i] = (struct completion){0}; /* what was there is released */
  arena_release(s->context->scratch, mark);
}

/* Matches that go on elsewhere, with their events: as pattern_spec.told_events_max says. They skip nothing. */
static void tell_bounded(struct stepping *s, int64_t time) {
  struct completion *list = s->completions;
  uint64_t events = 0;
  uint32_t from = s->completion_count;
  while (from > 0) { /* the matches of the latest starts that fit */
    uint32_t first = from - 1;
    uint64_t more = events_of(s, &list[first]);
    for (; first > 0 && list[first - 1].start_sequence == list[from - 1].start_sequence; first--)
      more += events_of(s, &list[first - 1]);
    if (events + more > s->p->told_events_max) break;
    events += more;
    from = first;
  }
  if (from > 0) {
    tell_start(s, list, start_end(s, 0), time, true);
    s->counts->dropped_told += from - 1;
  }
  for (uint32_t i = from, end; i < s->completion_count; i = end) {
    end = start_end(s, i);
    tell_start(s, list + i, end - i, time, false);
  }
}

/* Match by match: what one skips, later ones here are too. */
static void tell_all(struct stepping *s, int64_t time, bool by_timer) {
  sort_items(s->completions, s->completion_count, sizeof *s->completions, compare_starts, s->context->scratch);
  if (s->p->told_events_max > 0) {
    tell_bounded(s, time);
    return;
  }
  if (above_limit(s)) {
    tell_one(s, earliest(s), time, by_timer, true);
    return;
  }
  uint64_t bound = 0;
  for (uint32_t i = 0; i < s->completion_count; i++) {
    const struct completion *c = &s->completions[i];
    if (c->start_sequence <= bound) continue;
    uint64_t mine = skip_bound(s->p, c);
    tell_one(s, c, time, by_timer, false);
    if (mine > bound) bound = mine;
  }
}

/* Of each start the longest, of equally long ones the leftmost. */
static void tell_longest(struct stepping *s, int64_t time, bool by_timer) {
  uint64_t bound = 0;
  sort_items(s->completions, s->completion_count, sizeof *s->completions, compare_starts, s->context->scratch);
  for (uint32_t i = 0, end; i < s->completion_count; i = end) {
    end = start_end(s, i);
    struct completion *list = s->completions + i, *best = list;
    if (list->start_sequence <= bound) continue;
    struct arena_mark mark = arena_mark(s->context->scratch); /* starts may be as many as runs, and each match long */
    chains_needed(s, list, end - i);
    uint32_t kept = drop_equal(s, list, end - i);
    for (uint32_t c = 1; c < kept; c++)
      if (compare_forks(&list[c], best) < 0) best = &list[c];
    for (uint32_t c = kept; c < end - i; c++) list[c] = (struct completion){0}; /* what was there is released */
    uint64_t mine = skip_bound(s->p, best);
    tell_one(s, best, time, by_timer, false);
    if (mine > bound) bound = mine;
    arena_release(s->context->scratch, mark);
  }
}

void completions_tell(struct stepping *s, int64_t time, bool by_timer) {
  if (s->completion_count == 0) return;
  s->counts->completed += s->completion_count;
  switch (s->p->report) {
  case PATTERN_REPORT_FIRST:
  case PATTERN_REPORT_TIMEOUT: tell_one(s, earliest(s), time, by_timer, false); break;
  case PATTERN_REPORT_ALL: tell_all(s, time, by_timer); break;
  case PATTERN_REPORT_LONGEST: tell_longest(s, time, by_timer); break;
  case PATTERN_REPORT_TIMEOUT_ONLY: break; /* complete runs are not told and skip nothing */
  }
  release(s);
}

uint32_t completions_distinct(struct stepping *s) {
  s->completion_count = drop_equal(s, s->completions, s->completion_count);
  return s->completion_count;
}

void completions_tell_cut(struct stepping *s, int64_t time) {
  s->counts->completed += s->completion_count;
  tell_one(s, earliest(s), time, false, true);
  release(s);
}

/* Of the runs [first, end) of one start: the one with most events, of equal ones the leftmost. */
static struct completion *most_events(struct stepping *s, struct completion *list, uint32_t first, uint32_t end) {
  struct completion *best = NULL, *kept = NULL;
  sort_items(list + first, end - first, sizeof *list, compare_for_sort, s->context->scratch);
  for (uint32_t i = first; i < end; i++) {
    struct completion *before = kept;
    kept = &list[i];
    if (before != NULL && same_events(before, kept)) {
      kept = before; /* of equal forks the first counts */
      continue;
    }
    if (best == NULL || kept->length > best->length || (kept->length == best->length && compare_forks(kept, best) < 0))
      best = kept;
  }
  return best;
}

void timeouts_tell(struct stepping *s, int64_t time) {
  struct completion *list = s->completions;
  for (uint32_t i = 0; i < s->completion_count;) { /* runs come by start, forks of one start side by side */
    uint32_t first = i;
    while (i < s->completion_count && list[i].start == list[first].start) i++;
    if (list[first].start->told) continue;
    struct arena_mark mark = arena_mark(s->context->scratch);
    chains_needed(s, list + first, i - first);
    struct completion *best = most_events(s, list, first, i);
    s->counts->timeouts++;
    tell(s, best, NFA_TIMEOUT, time, true, false);
    arena_release(s->context->scratch, mark);
  }
  release(s);
}
