/* dedup_pages.c - bitmaps with times for dense ids. Called by dedup.c. */
#include "engine/dedup_pages.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "engine/watermark.h"

enum { PAGE_SHIFT = 9, TABLE_MIN = 64 };
_Static_assert(1 << PAGE_SHIFT == DEDUP_PAGE_IDS, "a page's numbers are the low bits");
#define NARROW_MAX (INT64_C(1) << 31) /* a longer D needs times of 8 bytes */

struct page {
  struct page *before, *after; /* by `latest`, the page that was silent longest first */
  uint64_t part;
  int64_t number, latest, base; /* number: of the page; base: narrow times count from it */
  uint64_t bits[DEDUP_PAGE_IDS / 64];
  uint32_t count;
  union {
    uint32_t narrow[DEDUP_PAGE_IDS];
    int64_t wide[DEDUP_PAGE_IDS];
  };
};

struct dedup_pages {
  struct mem *mem;
  int64_t unique_us;
  bool wide;
  size_t page_bytes;
  uint64_t pages_max;
  struct page *first, *last;
  struct page **table; /* open addressing, linear probing, at most half full */
  uint64_t count, capacity, ids, forgotten;
};

struct dedup_pages *dedup_pages_new(struct mem *mem, int64_t unique_us, uint64_t bytes_max) {
  struct dedup_pages *pages = mem_alloc(mem, sizeof *pages);
  pages->mem = mem;
  pages->unique_us = unique_us;
  pages->wide = unique_us >= NARROW_MAX;
  pages->page_bytes =
      offsetof(struct page, narrow) + DEDUP_PAGE_IDS * (pages->wide ? sizeof(int64_t) : sizeof(uint32_t));
  pages->pages_max = bytes_max / (pages->page_bytes + 64); /* with the context's header and its place in the table */
  if (pages->pages_max == 0) pages->pages_max = 1;
  return pages;
}

void dedup_pages_free(struct dedup_pages *pages) {
  for (struct page *page = pages->first; page != NULL;) {
    struct page *after = page->after;
    mem_free(pages->mem, page);
    page = after;
  }
  mem_free(pages->mem, pages->table);
  mem_free(pages->mem, pages);
}

/* ---- the table ---- */

static uint64_t hash_of(uint64_t part, int64_t number) {
  uint64_t key[2] = {part, (uint64_t)number};
  return hash_bytes(key, sizeof key);
}

static uint64_t place_of(const struct dedup_pages *pages, uint64_t part, int64_t number) {
  uint64_t at = hash_of(part, number) & (pages->capacity - 1);
  while (pages->table[at] != NULL && (pages->table[at]->number != number || pages->table[at]->part != part))
    at = (at + 1) & (pages->capacity - 1);
  return at;
}

static void table_grow(struct dedup_pages *pages) {
  struct page **old = pages->table;
  uint64_t old_capacity = pages->capacity;
  pages->capacity = old_capacity == 0 ? TABLE_MIN : 2 * old_capacity;
  pages->table = mem_alloc(pages->mem, pages->capacity * sizeof(struct page *));
  for (uint64_t i = 0; i < old_capacity; i++)
    if (old[i] != NULL) pages->table[place_of(pages, old[i]->part, old[i]->number)] = old[i];
  mem_free(pages->mem, old);
}

static void table_remove(struct dedup_pages *pages, uint64_t at) {
  uint64_t mask = pages->capacity - 1;
  for (uint64_t next = (at + 1) & mask; pages->table[next] != NULL; next = (next + 1) & mask) {
    uint64_t home = hash_of(pages->table[next]->part, pages->table[next]->number) & mask;
    if (((next - home) & mask) < ((next - at) & mask)) continue; /* it stands between its home and the gap */
    pages->table[at] = pages->table[next];
    at = next;
  }
  pages->table[at] = NULL;
}

/* ---- pages ---- */

static void unlink_page(struct dedup_pages *pages, struct page *page) {
  *(page->before == NULL ? &pages->first : &page->before->after) = page->after;
  *(page->after == NULL ? &pages->last : &page->after->before) = page->before;
}

static void link_last(struct dedup_pages *pages, struct page *page) {
  page->before = pages->last;
  page->after = NULL;
  *(pages->last == NULL ? &pages->first : &pages->last->after) = page;
  pages->last = page;
}

static void page_free(struct dedup_pages *pages, struct page *page) {
  table_remove(pages, place_of(pages, page->part, page->number));
  unlink_page(pages, page);
  pages->ids -= page->count;
  pages->count--;
  mem_free(pages->mem, page);
}

static int64_t time_at(const struct dedup_pages *pages, const struct page *page, uint32_t slot) {
  return pages->wide ? page->wide[slot] : page->base + page->narrow[slot];
}

static bool has(const struct page *page, uint32_t slot) { return (page->bits[slot / 64] >> (slot % 64) & 1) != 0; }

static uint32_t live_ids(const struct dedup_pages *pages, const struct page *page, int64_t since) {
  uint32_t live = 0;
  for (uint32_t slot = 0; slot < DEDUP_PAGE_IDS; slot++) live += has(page, slot) && time_at(pages, page, slot) > since;
  return live;
}

static struct page *page_new(struct dedup_pages *pages, uint64_t part, int64_t number, int64_t time, int64_t since) {
  if (pages->count >= pages->pages_max) {
    pages->forgotten += live_ids(pages, pages->first, since);
    page_free(pages, pages->first);
  }
  if (2 * (pages->count + 1) > pages->capacity) table_grow(pages);
  struct page *page = mem_alloc_raw(pages->mem, pages->page_bytes);
  memset(page, 0, offsetof(struct page, narrow));
  page->part = part;
  page->number = number;
  page->base = page->latest = time;
  pages->table[place_of(pages, part, number)] = page;
  pages->count++;
  link_last(pages, page);
  return page;
}

/* Narrow times that count from too long ago: what is past leaves, the others count from the window's begin. */
static void rebase(struct dedup_pages *pages, struct page *page, int64_t since) {
  for (uint32_t slot = 0; slot < DEDUP_PAGE_IDS; slot++) {
    if (!has(page, slot)) continue;
    int64_t time = page->base + page->narrow[slot];
    if (time > since) {
      page->narrow[slot] = (uint32_t)(time - since);
      continue;
    }
    page->bits[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    page->count--;
    pages->ids--;
  }
  page->base = since;
}

bool dedup_pages_seen(struct dedup_pages *pages, uint64_t part, int64_t id, int64_t time) {
  int64_t since = watermark_less(time, pages->unique_us), number = id >> PAGE_SHIFT;
  uint32_t slot = (uint32_t)((uint64_t)id & (DEDUP_PAGE_IDS - 1));
  while (pages->first != NULL && pages->first->latest <= since) page_free(pages, pages->first);
  struct page *page = pages->capacity == 0 ? NULL : pages->table[place_of(pages, part, number)];
  if (page != NULL && has(page, slot) && time_at(pages, page, slot) > since) return true;
  if (page == NULL) page = page_new(pages, part, number, time, since);
  if (!pages->wide && time - page->base > UINT32_MAX) rebase(pages, page, since);
  if (!has(page, slot)) {
    page->bits[slot / 64] |= UINT64_C(1) << (slot % 64);
    page->count++;
    pages->ids++;
  }
  if (pages->wide)
    page->wide[slot] = time;
  else
    page->narrow[slot] = (uint32_t)(time - page->base);
  page->latest = time;
  if (page != pages->last) {
    unlink_page(pages, page);
    link_last(pages, page);
  }
  return false;
}

void dedup_pages_each(const struct dedup_pages *pages, int64_t now,
                      void (*each)(void *context, uint64_t part, int64_t id, int64_t time), void *context) {
  int64_t since = watermark_less(now, pages->unique_us);
  for (const struct page *page = pages->first; page != NULL; page = page->after)
    for (uint32_t slot = 0; slot < DEDUP_PAGE_IDS; slot++)
      if (has(page, slot) && time_at(pages, page, slot) > since)
        each(context, page->part, (int64_t)((uint64_t)page->number << PAGE_SHIFT | slot), time_at(pages, page, slot));
}

uint64_t dedup_pages_count(const struct dedup_pages *pages) { return pages->ids; }
uint64_t dedup_pages_pages(const struct dedup_pages *pages) { return pages->count; }
uint64_t dedup_pages_forgotten(const struct dedup_pages *pages) { return pages->forgotten; }
