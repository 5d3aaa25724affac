/* outbox.c - rows on their way out, group by group. Owned by engine.c. */
#include "engine/outbox.h"

#include "base/check.h"

enum { OUTBOX_ROWS_MIN = 64, OUTBOX_BYTES_KEPT = 4 << 20 };

void outbox_init(struct outbox *outbox, struct mem *mem) {
  *outbox = (struct outbox){.mem = mem};
  buf_init(&outbox->bytes, mem);
  buf_init(&outbox->keys, mem);
}

static bool row_before(const struct outbox *outbox, const struct outbox_row *a, const struct outbox_row *b) {
  if (a->stage != b->stage) return a->stage < b->stage;
  if (a->rule != b->rule) return a->rule->id < b->rule->id; /* rules are numbered in the order of their names */
  if (outbox->by_timer) {
    struct slice key_a = {outbox->keys.data + a->key_at, a->key_length};
    struct slice key_b = {outbox->keys.data + b->key_at, b->key_length};
    int order = slice_compare(key_a, key_b);
    if (order != 0) return order < 0;
  }
  return a->ordinal < b->ordinal;
}

static void sift(const struct outbox *outbox, struct outbox_row *rows, uint32_t at, uint32_t count) {
  struct outbox_row row = rows[at];
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && row_before(outbox, &rows[child], &rows[child + 1])) child++;
    if (!row_before(outbox, &row, &rows[child])) break;
    rows[at] = rows[child];
    at = child;
  }
  rows[at] = row;
}

/* A heap sort: in place, and a deadline may have as many alerts as there are keys. No two rows are equal. */
static void sort_rows(const struct outbox *outbox, struct outbox_row *rows, uint32_t count) {
  bool sorted = true;
  for (uint32_t i = 1; i < count && sorted; i++) sorted = row_before(outbox, &rows[i - 1], &rows[i]);
  if (sorted) return;
  for (uint32_t at = count / 2; at-- > 0;) sift(outbox, rows, at, count);
  for (uint32_t last = count - 1; last > 0; last--) {
    struct outbox_row greatest = rows[0];
    rows[0] = rows[last];
    rows[last] = greatest;
    sift(outbox, rows, 0, last);
  }
}

void outbox_close(struct outbox *outbox) {
  if (outbox->grouped) sort_rows(outbox, outbox->rows + outbox->group_start, outbox->count - outbox->group_start);
  outbox->grouped = false;
  buf_clear(&outbox->keys);
}

bool outbox_in_moment(const struct outbox *outbox, int64_t time, const struct position *position) {
  if (!outbox->grouped || outbox->group_time != time || outbox->by_timer != (position == NULL)) return false;
  return position == NULL ||
         (outbox->group_position.offset == position->offset &&
          outbox->group_position.partition == position->partition && outbox->group_position.source == position->source);
}

void outbox_moment(struct outbox *outbox, int64_t time, const struct position *position) {
  check(!outbox->grouped);
  outbox->grouped = true;
  outbox->by_timer = position == NULL;
  outbox->group_time = time;
  outbox->group_start = outbox->count;
  if (position != NULL) outbox->group_position = *position;
}

void outbox_add(struct outbox *outbox, struct outbox_row row, size_t at, uint32_t stage, struct slice key_text) {
  check(at <= outbox->bytes.length);
  if (outbox->count == outbox->capacity) {
    outbox->capacity = outbox->capacity == 0 ? OUTBOX_ROWS_MIN : 2 * outbox->capacity;
    outbox->rows = mem_realloc(outbox->mem, outbox->rows, outbox->capacity * sizeof *outbox->rows);
  }
  row.at = at;
  row.length = outbox->bytes.length - at;
  row.stage = stage;
  row.ordinal = outbox->count;
  if (outbox->grouped && outbox->by_timer) {
    row.key_at = outbox->keys.length;
    row.key_length = key_text.length;
    buf_slice(&outbox->keys, key_text);
  } else {
    row.stage = 0; /* the alerts of an event are ordered by rule, whatever their stages */
  }
  outbox->rows[outbox->count++] = row;
}

const struct outbox_row *outbox_take(struct outbox *outbox) {
  uint32_t end = outbox->grouped ? outbox->group_start : outbox->count;
  if (outbox->taken == end) return NULL;
  struct outbox_row *row = &outbox->rows[outbox->taken++];
  row->bytes = (struct slice){outbox->bytes.data + row->at, row->length};
  return row;
}

void outbox_recycle(struct outbox *outbox) {
  if (outbox->grouped || outbox->taken < outbox->count) return;
  outbox->count = outbox->taken = 0;
  if (outbox->bytes.capacity > OUTBOX_BYTES_KEPT)
    buf_free(&outbox->bytes); /* a deadline of very many keys has passed */
  buf_clear(&outbox->bytes);
}
