/* floors: base */
/* Memory contexts: accounting, limits, escapes, clean-ups, failure at the n-th allocation; arenas on top of them. */
#include "test.h"

#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

TEST(blocks_are_zeroed_aligned_and_counted) {
  struct mem *mem = mem_new(0);
  EXPECT_INT(mem_used(mem), 0);
  unsigned char *block = mem_alloc(mem, 1000);
  EXPECT_INT((uintptr_t)block % 16, 0);
  int sum = 0;
  for (int i = 0; i < 1000; i++) sum += block[i];
  EXPECT_INT(sum, 0);
  EXPECT(mem_used(mem) >= 1000);
  size_t with_one = mem_used(mem);
  void *other = mem_alloc_raw(mem, 1);
  EXPECT_INT((uintptr_t)other % 16, 0);
  mem_free(mem, other);
  EXPECT_INT(mem_used(mem), with_one);
  EXPECT(mem_peak(mem) > with_one);
  mem_free(mem, block);
  mem_free(mem, NULL);
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
  mem_free_all(NULL);
}

TEST(realloc_keeps_content_and_count) {
  struct mem *mem = mem_new(0);
  char *text = mem_realloc(mem, NULL, 4);
  memcpy(text, "abc", 4);
  text = mem_realloc(mem, text, 100000);
  EXPECT_TEXT(text, "abc");
  EXPECT(mem_used(mem) >= 100000 && mem_used(mem) < 100200);
  text = mem_realloc(mem, text, 4);
  EXPECT_TEXT(text, "abc");
  EXPECT(mem_used(mem) < 100);
  mem_free_all(mem);
}

/* Blocks of a large page and more come from the system itself: sizes around the borders of pages. */
static const size_t large_sizes[] = {2097119, 2097120, 2097121, 3000000, 3145728, 4194272, 4194304, 6291457, 9000000};
enum { LARGE_SIZES = sizeof large_sizes / sizeof large_sizes[0] };

static bool is_filled(const unsigned char *block, size_t bytes, unsigned char with) {
  for (size_t i = 0; i < bytes; i++)
    if (block[i] != with) return false;
  return true;
}

TEST(large_blocks_are_zeroed_and_whole) {
  struct mem *mem = mem_new(0);
  unsigned char *blocks[LARGE_SIZES];
  for (int round = 0; round < 2; round++) { /* what is freed is not seen again */
    for (int i = 0; i < LARGE_SIZES; i++) {
      blocks[i] = mem_alloc(mem, large_sizes[i]);
      EXPECT_INT((uintptr_t)blocks[i] % 16, 0);
      EXPECT(is_filled(blocks[i], large_sizes[i], 0));
      memset(blocks[i], 1 + i, large_sizes[i]);
    }
    for (int i = 0; i < LARGE_SIZES; i++) EXPECT(is_filled(blocks[i], large_sizes[i], (unsigned char)(1 + i)));
    for (int i = 0; i < LARGE_SIZES; i++) mem_free(mem, blocks[i]);
    EXPECT_INT(mem_used(mem), 0);
  }
  for (int i = 0; i < LARGE_SIZES; i++) blocks[i] = mem_alloc(mem, large_sizes[i]);
  mem_free_all(mem);
}

TEST(realloc_over_the_border_of_large_blocks) {
  static const size_t sizes[] = {1000, 3000000, 2097119, 2097121, 9000000, 2097152, 100, 5000000, 4000};
  struct mem *mem = mem_new(0);
  unsigned char *block = mem_alloc_raw(mem, 500);
  size_t filled = 500;
  memset(block, 7, filled);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    block = mem_realloc(mem, block, sizes[i]);
    if (sizes[i] < filled) filled = sizes[i];
    EXPECT(is_filled(block, filled, 7));
    memset(block, 7, sizes[i]);
    filled = sizes[i];
    EXPECT(mem_used(mem) >= sizes[i] && mem_used(mem) < sizes[i] + 100);
  }
  mem_free_all(mem);
}

/* Of the process; 0 = the host does not say. */
static size_t mapped_pages(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%lu", &pages) != 1) pages = 0;
  fclose(file);
  return pages;
}

TEST(realloc_of_large_blocks_gives_the_old_ones_back) {
  enum { TIMES = 400, MOST_PAGES = 512 << 20 >> 12 }; /* a sanitizer may keep 256 MiB of freed blocks */
  struct mem *mem = mem_new(0);
  void *block = mem_alloc_raw(mem, 3 << 20);
  size_t before = mapped_pages();
  for (size_t i = 0; i < TIMES; i++) block = mem_realloc(mem, block, (3 + i % 2 * 2) << 20);
  EXPECT(mapped_pages() <= before + MOST_PAGES);
  mem_free(mem, block);
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
}

static int cleaned[4], cleaned_count;
static void clean(void *argument) { cleaned[cleaned_count++] = *(int *)argument; }

TEST(limit_escapes_to_the_guard_after_the_clean_ups) {
  struct mem *mem = mem_new(10000);
  int ids[3] = {1, 2, 3};
  volatile int reached = 0;
  cleaned_count = 0;
  if (MEM_GUARD(mem)) {
    reached |= 2;
  } else {
    mem_defer(mem, clean, &ids[0]);
    mem_defer(mem, clean, &ids[1]);
    mem_defer(mem, clean, &ids[2]);
    mem_undefer(mem, &ids[1], false);
    mem_alloc(mem, 5000);
    reached |= 1;
    mem_alloc(mem, 6000);
    reached |= 4;
  }
  EXPECT_INT(reached, 3);
  EXPECT_INT(cleaned_count, 2); /* latest first, the undeferred one not */
  EXPECT_INT(cleaned[0], 3);
  EXPECT_INT(cleaned[1], 1);
  mem_free_all(mem);
  EXPECT_INT(cleaned_count, 2); /* each once */
}

TEST(clean_ups_run_at_the_end_and_on_demand) {
  struct mem *mem = mem_new(0);
  int ids[2] = {1, 2};
  cleaned_count = 0;
  mem_defer(mem, clean, &ids[0]);
  mem_defer(mem, clean, &ids[1]);
  mem_undefer(mem, &ids[0], true);
  EXPECT_INT(cleaned_count, 1);
  EXPECT_INT(cleaned[0], 1);
  mem_undefer(mem, &ids[0], true); /* not there any more */
  EXPECT_INT(cleaned_count, 1);
  mem_free_all(mem);
  EXPECT_INT(cleaned_count, 2);
}

TEST(try_fails_without_a_jump) {
  struct mem *mem = mem_new(1000);
  EXPECT(mem_try(mem, 2000) == NULL);
  EXPECT(mem_try(mem, SIZE_MAX) == NULL);
  EXPECT(mem_try(mem, SIZE_MAX - 8) == NULL);
  EXPECT(mem_try(mem, 100) != NULL);
  EXPECT_INT(mem_limit(mem), 1000);
  mem_free_all(mem);
}

/* Whether all went well. */
static bool scenario(struct mem *mem, int *id) {
  if (MEM_GUARD(mem)) return false;
  char *block = mem_alloc(mem, 10);
  mem_defer(mem, clean, id);
  block = mem_realloc(mem, block, 1000);
  block[999] = 1;
  mem_alloc_raw(mem, 10);
  mem_unguard(mem);
  return true;
}

TEST(every_allocation_can_be_made_to_fail) {
  for (int at = 1; at <= 5; at++) {
    struct mem *mem = mem_new(0);
    int id = 7;
    cleaned_count = 0;
    mem_fail_at(mem, (uint64_t)at);
    EXPECT_INT(scenario(mem, &id), at == 5);
    EXPECT_INT(cleaned_count, at >= 2 && at <= 4); /* handed over at allocation 2, also if that one failed */
    mem_free_all(mem);
    EXPECT_INT(cleaned_count, at >= 2);
  }
}

TEST(a_guard_can_be_set_again) {
  struct mem *mem = mem_new(0);
  for (int i = 0; i < 3; i++) {
    if (MEM_GUARD(mem)) EXPECT(false);
    mem_alloc(mem, 10);
    mem_unguard(mem);
  }
  EXPECT_INT(mem_count(mem), 3);
  mem_free_all(mem);
}

TEST(no_memory_without_a_guard_is_a_failed_check) {
  int pipes[2];
  EXPECT(pipe(pipes) == 0);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    dup2(pipes[1], 2);
    mem_alloc(mem_new(1000), 2000);
    _exit(0);
  }
  close(pipes[1]);
  char said[200] = "";
  ssize_t length = read(pipes[0], said, sizeof said - 1);
  close(pipes[0]);
  int status = 0;
  EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status));
  EXPECT_INT(WEXITSTATUS(status), 4);
  EXPECT(length > 0 && strstr(said, "weir: internal error: check failed: mem->guarded at ") == said);
}

TEST(arena_reuses_its_chunks_and_drops_large_ones) {
  struct mem *mem = mem_new(0);
  struct arena arena;
  arena_init(&arena, mem, 1024);
  EXPECT_INT(arena_bytes(&arena), 0);
  arena_reset(&arena); /* before first use */
  size_t used = 0;
  for (int round = 0; round < 4; round++) {
    for (int i = 0; i < 100; i++) {
      char *block = arena_alloc(&arena, (size_t)(i % 40) + 1);
      EXPECT_INT((uintptr_t)block % 8, 0);
      memset(block, i, (size_t)(i % 40) + 1);
    }
    char *large = arena_alloc(&arena, 100000);
    memset(large, 1, 100000);
    char *after = arena_alloc(&arena, 8);
    EXPECT(after < large || after >= large + 100000);
    arena_reset(&arena);
    if (round == 0) used = mem_used(mem);
    EXPECT_INT(mem_used(mem), used);
    EXPECT(used < 10000);
  }
  arena_free(&arena);
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
}

TEST(arena_first_block_may_be_large) {
  struct mem *mem = mem_new(0);
  struct arena arena;
  arena_init(&arena, mem, 256);
  char *one = arena_zero(&arena, 5000), *two = arena_zero(&arena, 6000), *small = arena_zero(&arena, 10);
  memset(one, 1, 5000);
  memset(two, 2, 6000);
  EXPECT_INT(small[9], 0);
  EXPECT_INT(one[4999], 1);
  EXPECT(arena_bytes(&arena) >= 11000);
  arena_reset(&arena);
  EXPECT(arena_bytes(&arena) < 1000);
  EXPECT(arena_alloc(&arena, 0) != NULL);
  mem_free_all(mem);
}

TEST(arena_texts) {
  struct mem *mem = mem_new(0);
  struct arena arena;
  arena_init(&arena, mem, 256);
  char *copy = arena_copy(&arena, "abcdef", 3);
  EXPECT_TEXT(copy, "abc");
  EXPECT_TEXT(arena_copy(&arena, NULL, 0), "");
  char *text = arena_printf(&arena, "%s-%0300d", "x", 7);
  EXPECT_INT(strlen(text), 302);
  EXPECT_TEXT(copy, "abc");
  mem_free_all(mem);
}

TEST(errors_are_cut_at_a_character) {
  struct err err;
  char text[2000];
  for (int shift = 0; shift < 4; shift++) { /* 767 bytes fit: 3 do not divide all of these */
    memset(text, 'a', sizeof text);
    for (int i = shift; i + 3 < (int)sizeof text; i += 3) memcpy(text + i, "\xe2\x82\xac", 3);
    text[sizeof text - 1] = '\0';
    EXPECT_INT(err_set(&err, ERR_ABORT, "%s", text), ERR_ABORT);
    size_t length = strlen(err.text);
    EXPECT(length > ERR_TEXT_MAX - 5 && length < ERR_TEXT_MAX);
    EXPECT_INT((length - (size_t)shift) % 3, 0);
  }
  EXPECT_INT(err_set_at(&err, ERR_RETRY, "a.weir", 3, 4, "x"), ERR_RETRY);
  EXPECT_TEXT(err.file, "a.weir");
  EXPECT_INT(err.line, 3);
  EXPECT_INT(err.column, 4);
  err_set(&err, ERR_FATAL, "again: %s", err.text); /* its own text as an argument */
  EXPECT_TEXT(err.text, "again: x");
  EXPECT_INT(err.line, 0);
  err_clear(&err);
  EXPECT_INT(err.class, ERR_NONE);
  EXPECT_INT(err_set(NULL, ERR_FATAL, "nobody asks"), ERR_FATAL);
}

TEST_MAIN
