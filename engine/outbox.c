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
  struct moment x = a->moment, y = b->moment;
  x.key = (struct slice){outbox->keys.data + a->key_at, a->key_length};
  y.key = (struct slice){outbox->keys.data + b->key_at, b->key_length};
  int order = moment_compare(&x, &y);
  if (order == 0 && a->rule != b->rule) order = slice_compare(a->name, b->name);
  return order != 0 ? order < 0 : a->ordinal < b->ordinal;
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

void outbox_open(struct outbox *outbox) {
  if (outbox->grouped) return;
  outbox->grouped = true;
  outbox->group_start = outbox->count;
}

void outbox_add(struct outbox *outbox, struct outbox_row row, size_t at, const struct moment *moment) {
  check(at <= outbox->bytes.length);
  if (outbox->count == outbox->capacity) {
    outbox->capacity = outbox->capacity == 0 ? OUTBOX_ROWS_MIN : 2 * outbox->capacity;
    outbox->rows = mem_realloc(outbox->mem, outbox->rows, outbox->capacity * sizeof *outbox->rows);
  }
  row.at = at;
  row.length = outbox->bytes.length - at;
  row.ordinal = outbox->count;
  if (moment != NULL) {
    row.moment = *moment;
    row.key_at = outbox->keys.length;
    row.key_length = moment->key.length;
    buf_slice(&outbox->keys, moment->key);
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
