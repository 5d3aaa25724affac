/* outbox.c - rows on their way out, group by group. Owned by engine.c. */
#include "engine/outbox.h"

#include "base/check.h"

enum { OUTBOX_ROWS_MIN = 64, OUTBOX_BYTES_KEPT = 4 << 20, OUTBOX_BLOCK_MIN = 1 << 10, OUTBOX_BLOCK_MAX = 64 << 10 };

/* A row in the file: this, its key, its bytes, up to a multiple of 8. */
struct spilled {
  struct outbox_row row;
  uint64_t bytes;
};

struct outbox_source {
  struct outbox_source *after;
  struct spill_run run;
  char *block, *next, *end;
  size_t block_bytes;
  const struct spilled *head; /* NULL: none is left */
};

void outbox_init(struct outbox *outbox, struct mem *mem) {
  *outbox = (struct outbox){.mem = mem};
  buf_init(&outbox->bytes, mem);
  buf_init(&outbox->keys, mem);
}

static bool row_order(const struct outbox_row *a, const char *key_a, const struct outbox_row *b, const char *key_b) {
  struct moment x = a->moment, y = b->moment;
  x.key = (struct slice){key_a, a->key_length};
  y.key = (struct slice){key_b, b->key_length};
  int order = moment_compare(&x, &y);
  if (order == 0 && (a->rule == NULL || a->rule != b->rule)) order = slice_compare(a->name, b->name);
  return order != 0 ? order < 0 : a->ordinal < b->ordinal;
}

/* No row may have a key: then there are no bytes at all. */
static const char *key_of(const struct outbox *outbox, const struct outbox_row *row) {
  return outbox->keys.length == 0 ? "" : outbox->keys.data + row->key_at;
}

static bool row_before(const struct outbox *outbox, const struct outbox_row *a, const struct outbox_row *b) {
  return row_order(a, key_of(outbox, a), b, key_of(outbox, b));
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

/* ---- a group that is too large ---- */

void outbox_limit(struct outbox *outbox, const struct env *env, size_t group_bytes_max) {
  size_t block = OUTBOX_BLOCK_MIN;
  while (block < OUTBOX_BLOCK_MAX && 2 * block <= group_bytes_max / 64) block *= 2;
  outbox->spill = spill_new(outbox->mem, env, block, "alerts of one moment");
  outbox->group_bytes_max = group_bytes_max;
}

int outbox_status(const struct outbox *outbox, struct err *err) {
  return outbox->spill == NULL ? 0 : spill_status(outbox->spill, err);
}

/* The open group's rows so far go to the file, in their order. */
static void spill_group(struct outbox *outbox) {
  struct outbox_row *rows = outbox->rows + outbox->group_start;
  uint32_t count = outbox->count - outbox->group_start;
  struct outbox_source *source = mem_alloc(outbox->mem, sizeof *source);
  struct buf record;
  buf_init(&record, outbox->mem);
  sort_rows(outbox, rows, count);
  spill_begin(outbox->spill, &source->run);
  for (uint32_t i = 0; i < count; i++) {
    struct spilled spilled = {.row = rows[i]};
    size_t bytes = sizeof spilled + rows[i].key_length + rows[i].length;
    spilled.bytes = (bytes + 7u) & ~(size_t)7u;
    buf_clear(&record);
    buf_slice(&record, (struct slice){(const char *)&spilled, sizeof spilled});
    buf_slice(&record, (struct slice){key_of(outbox, &rows[i]), rows[i].key_length});
    buf_slice(&record, (struct slice){outbox->bytes.data + rows[i].at, rows[i].length});
    while (record.length < spilled.bytes) buf_byte(&record, 0);
    spill_add(outbox->spill, record.data, record.length);
  }
  spill_end(outbox->spill);
  buf_free(&record);
  source->after = outbox->sources;
  outbox->sources = source;
  outbox->count = outbox->group_start;
  outbox->bytes.length = outbox->group_at;
  buf_clear(&outbox->keys);
}

static void source_advance(struct outbox *outbox, struct outbox_source *source) {
  source->head = NULL;
  if (source->next == source->end) {
    size_t room = spill_next_bytes(outbox->spill, &source->run);
    if (room == 0) return;
    if (room > source->block_bytes) {
      mem_free(outbox->mem, source->block);
      source->block = mem_alloc_raw(outbox->mem, room);
      source->block_bytes = room;
    }
    source->next = source->block;
    source->end = source->next + spill_read(outbox->spill, &source->run, source->block);
    if (source->next == source->end) return; /* outbox_status() */
  }
  source->head = (const struct spilled *)(const void *)source->next;
  source->next += source->head->bytes;
}

static const char *spilled_key(const struct spilled *spilled) { return (const char *)(spilled + 1); }

static struct outbox_source **first_source(struct outbox *outbox) {
  struct outbox_source **first = NULL;
  for (struct outbox_source **link = &outbox->sources; *link != NULL; link = &(*link)->after) {
    const struct spilled *head = (*link)->head, *least = first == NULL ? NULL : (*first)->head;
    if (head == NULL) continue;
    if (least == NULL || row_order(&head->row, spilled_key(head), &least->row, spilled_key(least))) first = link;
  }
  return first;
}

static void source_free(struct outbox *outbox, struct outbox_source **link) {
  struct outbox_source *source = *link;
  *link = source->after;
  spill_run_free(outbox->spill, &source->run);
  mem_free(outbox->mem, source->block);
  mem_free(outbox->mem, source);
}

static void push_row(struct outbox *outbox, const struct outbox_row *row) {
  if (outbox->count == outbox->capacity) {
    outbox->capacity = outbox->capacity == 0 ? OUTBOX_ROWS_MIN : 2 * outbox->capacity;
    outbox->rows = mem_realloc(outbox->mem, outbox->rows, outbox->capacity * sizeof *outbox->rows);
  }
  outbox->rows[outbox->count++] = *row;
}

void outbox_forget(struct outbox *outbox) {
  while (outbox->sources != NULL) source_free(outbox, &outbox->sources);
}

/* The group's next rows, as many as it may take of memory. */
static bool read_back(struct outbox *outbox) {
  struct outbox_source **link;
  size_t begin = outbox->bytes.length;
  while ((link = first_source(outbox)) != NULL && outbox->bytes.length - begin < outbox->group_bytes_max) {
    struct outbox_row row = (*link)->head->row;
    const char *bytes = spilled_key((*link)->head) + row.key_length;
    row.at = outbox->bytes.length;
    buf_slice(&outbox->bytes, (struct slice){bytes, row.length});
    push_row(outbox, &row);
    source_advance(outbox, *link);
    if ((*link)->head == NULL) source_free(outbox, link);
  }
  if (outbox_status(outbox, NULL) != 0) outbox_forget(outbox);
  return outbox->sources != NULL;
}

bool outbox_close(struct outbox *outbox) {
  if (!outbox->grouped) return outbox->sources != NULL && read_back(outbox);
  outbox->grouped = false;
  if (outbox->sources == NULL) {
    uint32_t rows = outbox->count - outbox->group_start;
    if (rows > 0) sort_rows(outbox, outbox->rows + outbox->group_start, rows);
    buf_clear(&outbox->keys);
    return false;
  }
  if (outbox->count > outbox->group_start) spill_group(outbox);
  for (struct outbox_source *source = outbox->sources; source != NULL; source = source->after)
    source_advance(outbox, source);
  return read_back(outbox);
}

void outbox_open(struct outbox *outbox) {
  if (outbox->grouped) return;
  outbox->grouped = true;
  outbox->group_start = outbox->count;
  outbox->group_at = outbox->bytes.length;
  outbox->ordinal = 0;
}

void outbox_add(struct outbox *outbox, struct outbox_row row, size_t at, const struct moment *moment) {
  check(at <= outbox->bytes.length);
  row.at = at;
  row.length = outbox->bytes.length - at;
  row.ordinal = outbox->ordinal++;
  if (moment != NULL) {
    row.moment = *moment;
    row.key_at = outbox->keys.length;
    row.key_length = moment->key.length;
    buf_slice(&outbox->keys, moment->key);
  }
  push_row(outbox, &row);
  if (outbox->spill == NULL || !outbox->grouped) return;
  size_t rows = (outbox->count - outbox->group_start) * sizeof row;
  if (outbox->bytes.length - outbox->group_at + outbox->keys.length + rows > outbox->group_bytes_max)
    spill_group(outbox);
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
