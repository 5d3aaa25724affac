/* floors: base */
/* The door to the host: files, folders, limits, errors that name the file; and a made-up env behind the same door. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/env.h"

static struct mem *mem;
static struct err err;
static char folder[256];
static char path[512];

static void begin(void) {
  mem = mem_new(0);
  err_clear(&err);
  const char *chosen = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/weir-env-XXXXXX", chosen != NULL ? chosen : P_tmpdir);
  EXPECT(mkdtemp(folder) != NULL);
}
static void end(void) {
  char command[300];
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  EXPECT(system(command) == 0);
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
}
static const char *in_folder(const char *name) {
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}
static void drop(struct slice bytes) { mem_free(mem, (char *)bytes.data); }

TEST(files_are_replaced_whole) {
  begin();
  const struct env *env = env_real();
  struct slice bytes;
  EXPECT_INT(env_replace_file(env, in_folder("a"), SLICE("one"), &err), 0);
  EXPECT_INT(env_replace_file(env, in_folder("a"), SLICE("second"), &err), 0);
  EXPECT_INT(env_read_file(env, mem, path, 6, &bytes, &err), 0);
  EXPECT(slice_equal(bytes, SLICE("second")));
  EXPECT_INT(bytes.data[6], 0);
  drop(bytes);
  EXPECT_INT(env_read_file(env, mem, path, 5, &bytes, &err), ERR_ABORT);
  EXPECT(strstr(err.text, path) != NULL && strstr(err.text, "more than 5 bytes") != NULL);
  struct env_stat st;
  EXPECT_INT(env->stat(NULL, path, &st), 0);
  EXPECT_INT(st.kind, ENV_FILE);
  EXPECT_INT(st.bytes, 6);
  EXPECT(env->wall_us(NULL) - st.changed_us < INT64_C(60000000));
  EXPECT_INT(env->stat(NULL, in_folder("a.new"), &st), -ENOENT);
  EXPECT_INT(env_replace_file(env, in_folder("no/such"), SLICE("x"), &err), ERR_FATAL);
  EXPECT(strstr(err.text, "no/such") != NULL);
  EXPECT_INT(env_replace_file(env, in_folder("empty"), SLICE(""), &err), 0);
  EXPECT_INT(env_read_file(env, mem, path, 0, &bytes, &err), 0);
  EXPECT_INT(bytes.length, 0);
  drop(bytes);
  end();
}

/* What a name leads to is replaced, not the name: a link stays one, a mode stays, and /dev/null stays what it is. */
TEST(what_is_replaced_keeps_what_it_is) {
  begin();
  const struct env *env = env_real();
  char link[512];
  struct stat st;
  EXPECT_INT(env_replace_file(env, in_folder("kept"), SLICE("one"), &err), 0);
  EXPECT_INT(chmod(path, 0640), 0);
  snprintf(link, sizeof link, "%s/link", folder);
  EXPECT_INT(symlink("kept", link), 0);
  EXPECT_INT(env_replace_file(env, link, SLICE("two"), &err), 0);
  EXPECT(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
  EXPECT(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640 && st.st_size == 3);
  EXPECT_INT(env_replace_file(env, in_folder("kept.new"), SLICE("mine"), &err), 0); /* not ours to overwrite */
  EXPECT_INT(env_replace_file(env, link, SLICE("three"), &err), 0);
  EXPECT(stat(in_folder("kept.new"), &st) == 0 && st.st_size == 4);
  EXPECT(stat(in_folder("kept"), &st) == 0 && st.st_size == 5);
  EXPECT(stat(in_folder("kept.new1"), &st) < 0);
  EXPECT_INT(mkfifo(in_folder("pipe"), 0600), 0);
  int reader = open(path, O_RDONLY | O_NONBLOCK);
  EXPECT_INT(env_replace_file(env, path, SLICE("into"), &err), 0);
  char read_back[8] = "";
  EXPECT_INT(read(reader, read_back, sizeof read_back), 4);
  EXPECT(stat(path, &st) == 0 && S_ISFIFO(st.st_mode));
  close(reader);
  if (geteuid() != 0) { /* root may write everything */
    EXPECT_INT(chmod(in_folder("kept"), 0440), 0);
    EXPECT_INT(env_replace_file(env, path, SLICE("x"), &err), ERR_FATAL);
    EXPECT_INT(chmod(path, 0640), 0);
  }
  end();
}

TEST(what_cannot_be_read) {
  begin();
  struct slice bytes;
  EXPECT_INT(env_read_file(env_real(), mem, in_folder("missing"), 10, &bytes, &err), ERR_ABORT);
  EXPECT(strstr(err.text, "missing") != NULL && strstr(err.text, "No such file") != NULL);
  EXPECT_INT(env_read_file(env_real(), mem, folder, 10, &bytes, &err), ERR_ABORT);
  EXPECT(strstr(err.text, "it is a folder") != NULL);
  const char *const *names;
  size_t count;
  EXPECT_INT(env_list(env_real(), mem, in_folder("missing"), &names, &count, &err), ERR_ABORT);
  end();
}

TEST(folders_are_listed_in_byte_order) {
  begin();
  static const char *const made[] = {"b", "a", "B", "\xc3\xa4", "a.weir", "a-b", "10", "9"};
  static const char *const sorted[] = {"10", "9", "B", "a", "a-b", "a.weir", "b", "\xc3\xa4"};
  for (size_t i = 0; i < 8; i++) EXPECT_INT(env_replace_file(env_real(), in_folder(made[i]), SLICE("x"), &err), 0);
  const char *const *names;
  size_t count;
  EXPECT_INT(env_list(env_real(), mem, folder, &names, &count, &err), 0);
  EXPECT_INT(count, 8);
  for (size_t i = 0; i < 8 && i < count; i++) EXPECT_TEXT(names[i], sorted[i]);
  mem_free(mem, (void *)names);
  EXPECT_INT(env_real()->make_folder(NULL, in_folder("sub")), 0);
  EXPECT_INT(env_real()->make_folder(NULL, path), 0);
  EXPECT_INT(env_real()->make_folder(NULL, in_folder("a")), -EEXIST);
  EXPECT_INT(env_list(env_real(), mem, in_folder("sub"), &names, &count, &err), 0);
  EXPECT_INT(count, 0);
  mem_free(mem, (void *)names);
  end();
}

TEST(handles) {
  begin();
  const struct env *env = env_real();
  int handle = env->open(NULL, in_folder("log"), ENV_APPEND);
  EXPECT(handle >= 0);
  EXPECT_INT(env_write_all(env, handle, SLICE("one "), path, &err), 0);
  EXPECT_INT(env->sync(NULL, handle), 0);
  EXPECT_INT(env->close(NULL, handle), 0);
  handle = env->open(NULL, path, ENV_APPEND);
  EXPECT_INT(env_write_all(env, handle, SLICE("two"), path, &err), 0);
  EXPECT_INT(env->close(NULL, handle), 0);
  struct slice bytes;
  EXPECT_INT(env_read_file(env, mem, path, 100, &bytes, &err), 0);
  EXPECT(slice_equal(bytes, SLICE("one two")));
  drop(bytes);
  EXPECT_INT(env->remove(NULL, path), 0);
  EXPECT_INT(env->open(NULL, path, ENV_READ), -ENOENT);
  EXPECT_TEXT(env_error(-ENOENT), "No such file or directory");
  EXPECT_TEXT(env_error(-987654), "unknown error");
  EXPECT_INT(env_write_all(env, 9999, SLICE("x"), "nowhere", &err), ERR_FATAL);
  EXPECT(!env->is_terminal(NULL, 9999));
  end();
}

TEST(clocks_and_chance) {
  const struct env *env = env_real();
  int64_t before = env->monotonic_us(NULL);
  EXPECT(env->wall_us(NULL) > INT64_C(1700000000000000));
  EXPECT(env->monotonic_us(NULL) >= before);
  EXPECT(env->cpu_us(NULL) >= 0);
  unsigned char bytes[1000] = {0};
  EXPECT_INT(env->random(NULL, bytes, sizeof bytes), 0);
  int zeros = 0;
  for (size_t i = 0; i < sizeof bytes; i++) zeros += bytes[i] == 0;
  EXPECT(zeros < 100);
  EXPECT(env->variable(NULL, "WEIR_NO_SUCH_VARIABLE") == NULL);
}

/* A file in memory whose reads are short, interrupted, and at last fail. */
struct made {
  const char *content;
  size_t at;
  int calls, fail_at, closed;
};
static int made_stat(void *context, const char *name, struct env_stat *out) {
  (void)context, (void)name;
  *out = (struct env_stat){.kind = ENV_FILE}; /* of unknown length, as a pipe */
  return 0;
}
static int made_open(void *context, const char *name, enum env_open how) {
  (void)context, (void)name, (void)how;
  return 3;
}
static int64_t made_read(void *context, int handle, void *bytes, size_t room) {
  struct made *made = context;
  EXPECT_INT(handle, 3);
  if (++made->calls == made->fail_at) return -EIO;
  if (made->calls % 2) return -EINTR;
  size_t left = strlen(made->content) - made->at;
  size_t length = left < 3 ? left : room < 3 ? room : 3;
  memcpy(bytes, made->content + made->at, length);
  made->at += length;
  return (int64_t)length;
}
static int made_close(void *context, int handle) {
  (void)handle;
  ((struct made *)context)->closed++;
  return 0;
}

TEST(a_made_up_host) {
  mem = mem_new(0);
  struct made made = {.content = "hello, world"};
  struct env env = {.context = &made, .stat = made_stat, .open = made_open, .read = made_read, .close = made_close};
  struct slice bytes;
  EXPECT_INT(env_read_file(&env, mem, "x", 100, &bytes, &err), 0);
  EXPECT(slice_equal(bytes, SLICE("hello, world")));
  EXPECT_INT(made.closed, 1);
  drop(bytes);
  made = (struct made){.content = "hello, world", .fail_at = 5};
  EXPECT_INT(env_read_file(&env, mem, "x", 100, &bytes, &err), ERR_ABORT);
  EXPECT_TEXT(err.text, "cannot read `x`: Input/output error");
  EXPECT_INT(made.closed, 1);
  EXPECT_INT(mem_used(mem), 0);
  mem_free_all(mem);
}

/* Whether the file was read. */
static bool read_with_failure(const struct env *env, struct mem *poor, uint64_t at) {
  struct slice bytes;
  mem_fail_at(poor, at);
  if (MEM_GUARD(poor)) return false;
  env_read_file(env, poor, "x", 100, &bytes, NULL);
  mem_unguard(poor);
  return true;
}

TEST(no_memory_closes_the_file) {
  bool done = false;
  for (uint64_t at = 1; !done && at < 10; at++) {
    struct made made = {.content = "hello"};
    struct env env = {.context = &made, .stat = made_stat, .open = made_open, .read = made_read, .close = made_close};
    struct mem *poor = mem_new(0);
    done = read_with_failure(&env, poor, at);
    EXPECT_INT(made.closed, 1);
    mem_free_all(poor);
  }
  EXPECT(done);
}

TEST_MAIN
