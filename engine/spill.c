/* spill.c - runs of records in the blocks of one file. Owns the file. Called by order.c and outbox.c. */
#include "engine/spill.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

#define SPILL_MORE UINT32_C(0x80000000)

struct unit_header { /* before the records of a block, or of the blocks of one large record */
  uint64_t bytes;
};

struct spill {
  struct mem *mem;
  const struct env *env;
  const char *what;
  size_t block_bytes;
  int handle;  /* -1: no file yet */
  char *block; /* being filled */
  size_t used;
  struct spill_run *run; /* being written */
  uint32_t block_count;  /* of the file */
  uint32_t *unused;      /* blocks of the file that hold nothing */
  uint32_t unused_count, unused_capacity;
  size_t bytes;
  int failed;
  struct err err;
};

struct spill *spill_new(struct mem *mem, const struct env *env, size_t block_bytes, const char *what) {
  struct spill *spill = mem_alloc(mem, sizeof *spill);
  *spill = (struct spill){.mem = mem, .env = env, .what = what, .block_bytes = block_bytes, .handle = -1};
  check(block_bytes % 8 == 0 && block_bytes >= 64);
  return spill;
}

static void fail(struct spill *spill, const char *verb, int64_t result) {
  const char *folder = spill->env->variable(spill->env->context, "TMPDIR");
  if (spill->failed != 0) return;
  if (folder == NULL || folder[0] == '\0')
    spill->failed = err_set(&spill->err, ERR_FATAL, "cannot %s a file for %s in the host's temporary folder: %s", verb,
                            spill->what, env_error(result));
  else
    spill->failed = err_set(&spill->err, ERR_FATAL, "cannot %s a file for %s in `%s` (TMPDIR): %s", verb, spill->what,
                            folder, env_error(result));
}

static void close_file(void *argument) {
  struct spill *spill = argument;
  if (spill->handle >= 0) spill->env->close(spill->env->context, spill->handle);
  spill->handle = -1;
}

static bool file_is_open(struct spill *spill) {
  if (spill->handle >= 0) return true;
  if (spill->failed != 0) return false;
  int handle = spill->env->open_temp(spill->env->context);
  if (handle < 0) {
    fail(spill, "make", handle);
    return false;
  }
  spill->handle = handle;
  mem_defer(spill->mem, close_file, spill);
  return true;
}

static void write_at(struct spill *spill, uint32_t block, const char *bytes) {
  int64_t at = (int64_t)block * (int64_t)spill->block_bytes;
  for (size_t done = 0; done < spill->block_bytes && spill->failed == 0;) {
    int64_t written = spill->env->write_at(spill->env->context, spill->handle, bytes + done, spill->block_bytes - done,
                                           at + (int64_t)done);
    if (written == -EINTR) continue;
    if (written <= 0) fail(spill, "write", written == 0 ? -EIO : written);
    done += written > 0 ? (size_t)written : 0;
  }
}

static void read_at(struct spill *spill, uint32_t block, char *room) {
  int64_t at = (int64_t)block * (int64_t)spill->block_bytes;
  for (size_t done = 0; done < spill->block_bytes && spill->failed == 0;) {
    int64_t got = spill->env->read_at(spill->env->context, spill->handle, room + done, spill->block_bytes - done,
                                      at + (int64_t)done);
    if (got == -EINTR) continue;
    if (got <= 0) fail(spill, "read", got == 0 ? -EIO : got);
    done += got > 0 ? (size_t)got : 0;
  }
}

static uint32_t *numbers_grow(struct spill *spill, uint32_t *numbers, uint32_t *capacity) {
  uint32_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
  spill->bytes += (wanted - *capacity) * sizeof *numbers;
  *capacity = wanted;
  return mem_realloc(spill->mem, numbers, wanted * sizeof *numbers);
}

static void put_block(struct spill *spill, const char *bytes, bool more) {
  struct spill_run *run = spill->run;
  if (!file_is_open(spill)) return;
  uint32_t block = spill->unused_count > 0 ? spill->unused[--spill->unused_count] : spill->block_count++;
  check(block < SPILL_MORE);
  if (run->count == run->capacity) run->blocks = numbers_grow(spill, run->blocks, &run->capacity);
  run->blocks[run->count++] = block | (more ? SPILL_MORE : 0);
  write_at(spill, block, bytes);
}

static void flush(struct spill *spill) {
  if (spill->used == sizeof(struct unit_header)) return;
  ((struct unit_header *)(void *)spill->block)->bytes = spill->used - sizeof(struct unit_header);
  memset(spill->block + spill->used, 0, spill->block_bytes - spill->used);
  put_block(spill, spill->block, false);
  spill->used = sizeof(struct unit_header);
}

void spill_begin(struct spill *spill, struct spill_run *run) {
  check(spill->run == NULL);
  if (spill->block == NULL) {
    spill->block = mem_alloc(spill->mem, spill->block_bytes);
    spill->bytes += spill->block_bytes;
  }
  *run = (struct spill_run){0};
  spill->run = run;
  spill->used = sizeof(struct unit_header);
}

/* Over as many blocks as it needs. */
static void add_large(struct spill *spill, const char *record, size_t length) {
  size_t whole = sizeof(struct unit_header) + length, done = 0, first = spill->block_bytes - spill->used;
  memcpy(spill->block + spill->used, record, first);
  ((struct unit_header *)(void *)spill->block)->bytes = length;
  put_block(spill, spill->block, false);
  for (done = spill->block_bytes; done < whole; done += spill->block_bytes) {
    size_t part = whole - done < spill->block_bytes ? whole - done : spill->block_bytes;
    memcpy(spill->block, record + done - sizeof(struct unit_header), part);
    memset(spill->block + part, 0, spill->block_bytes - part);
    put_block(spill, spill->block, true);
  }
  spill->used = sizeof(struct unit_header);
}

void spill_add(struct spill *spill, const void *record, size_t length) {
  check(spill->run != NULL && length % 8 == 0);
  if (spill->failed != 0) return;
  spill->run->records++;
  if (length > spill->block_bytes - spill->used) flush(spill);
  if (length > spill->block_bytes - spill->used) {
    add_large(spill, record, length);
    return;
  }
  memcpy(spill->block + spill->used, record, length);
  spill->used += length;
}

void spill_end(struct spill *spill) {
  check(spill->run != NULL);
  if (spill->failed == 0) flush(spill);
  spill->run = NULL;
}

/* Blocks of what is read next. */
static uint32_t unit_blocks(const struct spill_run *run) {
  uint32_t count = run->read < run->count;
  while (count > 0 && run->read + count < run->count && (run->blocks[run->read + count] & SPILL_MORE) != 0) count++;
  return count;
}

size_t spill_next_bytes(const struct spill *spill, const struct spill_run *run) {
  return unit_blocks(run) * spill->block_bytes;
}

size_t spill_read(struct spill *spill, struct spill_run *run, void *room) {
  uint32_t count = unit_blocks(run);
  if (count == 0) return 0;
  for (uint32_t i = 0; i < count && spill->failed == 0; i++) {
    uint32_t block = run->blocks[run->read++] & ~SPILL_MORE;
    read_at(spill, block, (char *)room + i * spill->block_bytes);
    if (spill->unused_count == spill->unused_capacity)
      spill->unused = numbers_grow(spill, spill->unused, &spill->unused_capacity);
    spill->unused[spill->unused_count++] = block;
  }
  if (spill->failed != 0) return 0;
  uint64_t bytes = ((struct unit_header *)room)->bytes;
  check(bytes <= count * spill->block_bytes - sizeof(struct unit_header));
  memmove(room, (char *)room + sizeof(struct unit_header), bytes);
  return bytes;
}

void spill_run_free(struct spill *spill, struct spill_run *run) {
  spill->bytes -= run->capacity * sizeof *run->blocks;
  mem_free(spill->mem, run->blocks);
  *run = (struct spill_run){0};
}

int spill_status(const struct spill *spill, struct err *err) {
  if (spill->failed != 0 && err != NULL) *err = spill->err;
  return spill->failed;
}

size_t spill_bytes(const struct spill *spill) { return sizeof *spill + spill->bytes; }
