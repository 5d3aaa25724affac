/* flow_order.c - the items of a round in the order of moments. Called by flow.c.
 *
 * Most come in order already: events, and what they made. Those that come in another are what windows of many keys made
 * at one deadline; there the texts of the keys decide, and of these mostly eight bytes behind what all have in common
 * (abbreviated keys, as in PostgreSQL's tuplesort.c). So runs of one deadline are sorted by those, and runs that are in
 * order are merged (natural merge sort: Knuth, The Art of Computer Programming 3, 5.2.4 N). */
#include "base/sort.h"
#include "engine/flow_private.h"

struct place {
  uint64_t head; /* of the key's text, behind what all of the run have in common */
  const struct item *item;
};

static int compare_items(const struct item *a, const struct item *b) {
  int order = moment_compare(&a->moment, &b->moment);
  if (order == 0) order = slice_compare(a->name, b->name);
  if (order == 0) order = (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
  if (order == 0) order = (a->kind == ITEM_CHANGE) - (b->kind == ITEM_CHANGE);
  if (order != 0 || a->kind != ITEM_CHANGE) return order;
  order = slice_compare(a->change.rule, b->change.rule);
  return order != 0 ? order : (a->change.number > b->change.number) - (a->change.number < b->change.number);
}

static int compare_places(const void *left, const void *right) {
  const struct place *a = left, *b = right;
  if (a->head != b->head) return a->head < b->head ? -1 : 1;
  return compare_items(a->item, b->item);
}

/* ---- a run of one deadline ---- */

static bool is_of_deadline(const struct item *item, const struct item *first) {
  const struct moment *a = &item->moment, *b = &first->moment;
  return a->phase > 0 && a->time == b->time && a->phase == b->phase && a->name.data == b->name.data &&
         a->name.length == b->name.length;
}

static size_t common_length(struct slice a, struct slice b, size_t most) {
  size_t length = 0;
  while (length < most && length < a.length && length < b.length && a.data[length] == b.data[length]) length++;
  return length;
}

/* The first of the bytes is the highest; what is not there is 0. */
static uint64_t head_of(struct slice text, size_t from) {
  uint64_t head = 0;
  for (size_t i = from; i < from + sizeof head; i++) head = head << 8 | (i < text.length ? (uint8_t)text.data[i] : 0);
  return head;
}

static void sort_deadline(struct arena *scratch, const struct item **items, uint32_t count) {
  size_t common = SIZE_MAX;
  for (uint32_t i = 0; i < count; i++) common = common_length(items[0]->moment.key, items[i]->moment.key, common);
  struct place *places = arena_array(scratch, struct place, count);
  for (uint32_t i = 0; i < count; i++) places[i] = (struct place){head_of(items[i]->moment.key, common), items[i]};
  sort_items(places, count, sizeof *places, compare_places, scratch);
  for (uint32_t i = 0; i < count; i++) items[i] = places[i].item;
}

/* ---- runs ---- */

/* The end of the run that begins there, in order afterwards. */
static uint32_t make_run(struct arena *scratch, const struct item **items, uint32_t from, uint32_t count) {
  uint32_t end = from + 1;
  while (end < count && is_of_deadline(items[end], items[from])) end++;
  if (end - from > 1) {
    sort_deadline(scratch, &items[from], end - from);
    return end;
  }
  while (end < count && compare_items(items[end - 1], items[end]) <= 0) end++;
  return end;
}

static void merge(const struct item *const *from, uint32_t begin, uint32_t middle, uint32_t end,
                  const struct item **to) {
  uint32_t a = begin, b = middle;
  for (uint32_t out = begin; out < end; out++) {
    bool left = a < middle && (b == end || compare_items(from[a], from[b]) <= 0);
    to[out] = from[left ? a++ : b++];
  }
}

void flow_sort(struct arena *scratch, const struct item **items, uint32_t count) {
  if (count < 2) return;
  uint32_t *ends = arena_array(scratch, uint32_t, count), runs = 0;
  for (uint32_t at = 0; at < count; at = ends[runs++]) ends[runs] = make_run(scratch, items, at, count);
  if (runs == 1) return;
  const struct item **from = items, **to = arena_array(scratch, const struct item *, count);
  while (runs > 1) {
    uint32_t begin = 0, merged = 0;
    for (uint32_t run = 0; run < runs; run += 2) {
      uint32_t middle = ends[run], end = run + 1 < runs ? ends[run + 1] : middle;
      merge(from, begin, middle, end, to);
      begin = ends[merged++] = end;
    }
    runs = merged;
    const struct item **swap = from;
    from = to;
    to = swap;
  }
  for (uint32_t i = 0; from != items && i < count; i++) items[i] = from[i];
}
