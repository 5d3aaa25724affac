/* env.c - the host's side of env.h, and the helpers that are the same for every env. */
#include "base/env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

enum {
  FILE_MODE = 0666,
  FOLDER_MODE = 0777,
  MODE_ALL = 07777,
  MODE_PLAIN = 0777,
  READ_STEP = 64 << 10,
  RANDOM_STEP = 256,
  BESIDE_NAMES = 100
};

static int64_t clock_us(clockid_t clock) {
  struct timespec now;
  check(clock_gettime(clock, &now) == 0);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
static int64_t real_wall_us(void *context) {
  (void)context;
  return clock_us(CLOCK_REALTIME);
}
static int64_t real_monotonic_us(void *context) {
  (void)context;
  return clock_us(CLOCK_MONOTONIC);
}
static int64_t real_cpu_us(void *context) {
  (void)context;
  return clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

/* The processor's own counter, where it has one that all its parts share. */
static uint64_t real_ticks(void *context) {
  (void)context;
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  struct timespec now;
  check(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}

static int result_of(int result) { return result < 0 ? -errno : result; }

static int real_open(void *context, const char *path, enum env_open how) {
  (void)context;
  static const int flags[] = {
      [ENV_READ] = O_RDONLY, [ENV_CREATE] = O_WRONLY | O_CREAT | O_TRUNC, [ENV_APPEND] = O_WRONLY | O_CREAT | O_APPEND};
  int handle;
  do handle = open(path, flags[how] | O_CLOEXEC, FILE_MODE);
  while (handle < 0 && errno == EINTR);
  return result_of(handle);
}

/* Interrupted calls are given back as -EINTR: a signal may mean "stop", and only the caller knows. */
static int64_t real_read(void *context, int handle, void *bytes, size_t room) {
  (void)context;
  ssize_t length = read(handle, bytes, room);
  return length < 0 ? -errno : length;
}
static int64_t real_write(void *context, int handle, const void *bytes, size_t length) {
  (void)context;
  ssize_t written = write(handle, bytes, length);
  return written < 0 ? -errno : written;
}
/* Some file systems know no files without a name: one is made, and loses its name at once. */
static int real_open_temp(void *context) {
  (void)context;
  const char *folder = getenv("TMPDIR");
  if (folder == NULL || folder[0] == '\0') folder = P_tmpdir;
  int handle = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (handle >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return result_of(handle);
  char path[ENV_PATH_MAX];
  int length = snprintf(path, sizeof path, "%s/weir-XXXXXX", folder);
  if (length < 0 || length >= (int)sizeof path) return -ENAMETOOLONG;
  handle = mkostemp(path, O_CLOEXEC);
  if (handle < 0) return -errno;
  if (unlink(path) == 0) return handle;
  int result = -errno;
  close(handle);
  return result;
}
static int64_t real_read_at(void *context, int handle, void *bytes, size_t room, int64_t offset) {
  (void)context;
  ssize_t length = pread(handle, bytes, room, offset);
  return length < 0 ? -errno : length;
}
static int64_t real_write_at(void *context, int handle, const void *bytes, size_t length, int64_t offset) {
  (void)context;
  ssize_t written = pwrite(handle, bytes, length, offset);
  return written < 0 ? -errno : written;
}
static int real_close(void *context, int handle) {
  (void)context;
  return result_of(close(handle));
}
static int real_sync(void *context, int handle) {
  (void)context;
  return result_of(fsync(handle));
}
static int real_sync_folder(void *context, const char *path) {
  (void)context;
  int handle = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return -errno;
  int result = result_of(fsync(handle));
  close(handle);
  return result;
}
static int real_rename(void *context, const char *from, const char *to) {
  (void)context;
  return result_of(rename(from, to));
}
static int real_remove(void *context, const char *path) {
  (void)context;
  return result_of(unlink(path));
}
static int real_stat(void *context, const char *path, struct env_stat *out) {
  (void)context;
  struct stat st;
  if (stat(path, &st) < 0) return -errno;
  *out = (struct env_stat){.kind = S_ISREG(st.st_mode)   ? ENV_FILE
                                   : S_ISDIR(st.st_mode) ? ENV_FOLDER
                                                         : ENV_OTHER,
                           .bytes = st.st_size,
                           .changed_us = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000,
                           .device = st.st_dev,
                           .file = st.st_ino};
  return 0;
}
static int real_make_folder(void *context, const char *path) {
  (void)context;
  if (mkdir(path, FOLDER_MODE) == 0) return 0;
  struct stat st;
  if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return 0;
  return errno == 0 ? -EEXIST : -errno;
}

static int real_resolve(void *context, const char *path, char out[ENV_PATH_MAX]) {
  (void)context;
  _Static_assert((int)ENV_PATH_MAX >= PATH_MAX, "realpath() fills so much");
  return realpath(path, out) == NULL ? -errno : 0;
}
static int real_copy_mode(void *context, const char *from, const char *to) {
  (void)context;
  struct stat st;
  if (stat(from, &st) < 0) return -errno;
  bool owned =
      chown(to, st.st_uid, st.st_gid) == 0; /* a change of owner takes the set-id bits away: so it comes first */
  return result_of(chmod(to, st.st_mode & (owned ? MODE_ALL : MODE_PLAIN)));
}

static int real_list(void *context, const char *path, int (*each)(void *argument, const char *name), void *argument) {
  (void)context;
  DIR *folder = opendir(path);
  if (folder == NULL) return -errno;
  int result = 0;
  while (result == 0) {
    errno = 0;
    const struct dirent *entry = readdir(folder);
    if (entry == NULL) {
      result = -errno;
      break;
    }
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) result = each(argument, entry->d_name);
  }
  closedir(folder);
  return result;
}

static const char *real_variable(void *context, const char *name) {
  (void)context;
  return getenv(name);
}

static int real_random(void *context, void *bytes, size_t length) {
  (void)context;
  for (size_t done = 0; done < length;) {
    size_t step = length - done < RANDOM_STEP ? length - done : RANDOM_STEP; /* up to 256 bytes are never cut short */
    ssize_t got = getrandom((char *)bytes + done, step, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    done += (size_t)got;
  }
  return 0;
}

static bool real_is_terminal(void *context, int handle) {
  (void)context;
  return isatty(handle) == 1;
}

const struct env *env_real(void) {
  static const struct env real = {
      .wall_us = real_wall_us,
      .monotonic_us = real_monotonic_us,
      .cpu_us = real_cpu_us,
      .ticks = real_ticks,
      .open = real_open,
      .read = real_read,
      .write = real_write,
      .open_temp = real_open_temp,
      .read_at = real_read_at,
      .write_at = real_write_at,
      .close = real_close,
      .sync = real_sync,
      .sync_folder = real_sync_folder,
      .rename = real_rename,
      .remove = real_remove,
      .stat = real_stat,
      .make_folder = real_make_folder,
      .resolve = real_resolve,
      .copy_mode = real_copy_mode,
      .list = real_list,
      .variable = real_variable,
      .random = real_random,
      .is_terminal = real_is_terminal,
  };
  return &real;
}

const char *env_error(int64_t result) {
  const char *text = result < 0 && result > -INT32_MAX ? strerrordesc_np((int)-result) : NULL;
  return text == NULL ? "unknown error" : text;
}

/* Reads to the end, at most one byte more than allowed. */
static int64_t read_to_end(const struct env *env, int handle, size_t bytes_max, struct buf *out) {
  for (;;) {
    size_t room = bytes_max + 1 - out->length;
    if (room == 0) return 0;
    if (room > READ_STEP) room = READ_STEP;
    buf_reserve(out, room);
    int64_t length = env->read(env->context, handle, out->data + out->length, room);
    if (length == -EINTR) continue;
    if (length <= 0) return length;
    out->length += (size_t)length;
  }
}

/* Closes the file when the reading of it runs out of memory. */
struct open_file {
  const struct env *env;
  int handle;
};
static void close_file(void *argument) {
  const struct open_file *file = argument;
  file->env->close(file->env->context, file->handle);
}

int env_read_file(const struct env *env, struct mem *mem, const char *path, size_t bytes_max, struct slice *out,
                  struct err *err) {
  struct env_stat st;
  int found = env->stat(env->context, path, &st);
  if (found < 0) return err_set(err, ERR_ABORT, "cannot read `%s`: %s", path, env_error(found));
  if (st.kind == ENV_FOLDER) return err_set(err, ERR_ABORT, "cannot read `%s`: it is a folder", path);
  int handle = env->open(env->context, path, ENV_READ);
  if (handle < 0) return err_set(err, ERR_ABORT, "cannot read `%s`: %s", path, env_error(handle));
  struct open_file file = {env, handle};
  struct buf bytes;
  buf_init(&bytes, mem);
  mem_defer(mem, close_file, &file);
  if (st.bytes > 0 && (uint64_t)st.bytes <= bytes_max) buf_reserve(&bytes, (size_t)st.bytes + 2);
  int64_t result = read_to_end(env, handle, bytes_max, &bytes);
  buf_text(&bytes);
  mem_undefer(mem, &file, true);
  if (result < 0 || bytes.length > bytes_max) {
    buf_free(&bytes);
    if (result < 0) return err_set(err, ERR_ABORT, "cannot read `%s`: %s", path, env_error(result));
    return err_set(err, ERR_ABORT, "cannot read `%s`: it has more than %zu bytes", path, bytes_max);
  }
  *out = buf_view(&bytes);
  return 0;
}

int env_write_all(const struct env *env, int handle, struct slice bytes, const char *path, struct err *err) {
  for (size_t done = 0; done < bytes.length;) {
    int64_t written = env->write(env->context, handle, bytes.data + done, bytes.length - done);
    if (written == -EINTR) continue;
    if (written <= 0)
      return err_set(err, ERR_FATAL, "cannot write `%s`: %s", path, env_error(written == 0 ? -EIO : written));
    done += (size_t)written;
  }
  return 0;
}

/* Into `beside`; errors name `path`, which is what the caller knows. */
static int write_synced(const struct env *env, const char *beside, const char *path, struct slice bytes,
                        struct err *err) {
  int handle = env->open(env->context, beside, ENV_CREATE);
  if (handle < 0) return err_set(err, ERR_FATAL, "cannot write `%s`: %s", path, env_error(handle));
  int result = env_write_all(env, handle, bytes, path, err);
  int synced = result < 0 ? 0 : env->sync(env->context, handle);
  int closed = env->close(env->context, handle);
  if (result < 0) return result;
  if (synced < 0) return err_set(err, ERR_FATAL, "cannot write `%s`: %s", path, env_error(synced));
  if (closed < 0) return err_set(err, ERR_FATAL, "cannot write `%s`: %s", path, env_error(closed));
  return 0;
}

/* What is no file (a terminal, a pipe, /dev/null) cannot be replaced: it is written into. */
static int write_into(const struct env *env, const char *path, struct slice bytes, struct err *err) {
  int handle = env->open(env->context, path, ENV_CREATE);
  if (handle < 0) return err_set(err, ERR_FATAL, "cannot write `%s`: %s", path, env_error(handle));
  int result = env_write_all(env, handle, bytes, path, err);
  int closed = env->close(env->context, handle);
  if (result == 0 && closed < 0) return err_set(err, ERR_FATAL, "cannot write `%s`: %s", path, env_error(closed));
  return result;
}

/* A name beside the path that no file has. */
static int name_beside(const struct env *env, const char *path, char *beside, size_t room) {
  struct env_stat st;
  for (unsigned i = 0; i < BESIDE_NAMES; i++) {
    int length = i == 0 ? snprintf(beside, room, "%s.new", path) : snprintf(beside, room, "%s.new%u", path, i);
    if (length < 0 || (size_t)length >= room) return -ENAMETOOLONG;
    if (env->stat(env->context, beside, &st) < 0) return 0;
  }
  return -EEXIST;
}

/* Whether what is there may be written: a file that is for reading only is not replaced either. */
static int may_write(const struct env *env, const char *path) {
  int handle = env->open(env->context, path, ENV_APPEND);
  return handle < 0 ? handle : env->close(env->context, handle);
}

static int replace_target(const struct env *env, const char *target, const char *path, bool there, struct slice bytes,
                          struct err *err) {
  char beside[ENV_PATH_MAX], folder[ENV_PATH_MAX];
  int free_name = name_beside(env, target, beside, sizeof beside);
  if (free_name < 0) return err_set(err, ERR_FATAL, "cannot write `%.200s`: %s", path, env_error(free_name));
  int result = write_synced(env, beside, path, bytes, err);
  int done = 0;
  if (result == 0 && there && env->copy_mode != NULL) done = env->copy_mode(env->context, target, beside);
  if (result == 0 && done == 0) done = env->rename(env->context, beside, target);
  if (result == 0 && done < 0) result = err_set(err, ERR_FATAL, "cannot write `%s`: %s", path, env_error(done));
  if (result < 0) {
    env->remove(env->context, beside);
    return result;
  }
  const char *slash = strrchr(target, '/');
  int folder_length = slash == NULL ? 1 : slash == target ? 1 : (int)(slash - target);
  snprintf(folder, sizeof folder, "%.*s", folder_length, slash == NULL ? "." : target);
  int synced = env->sync_folder(env->context, folder);
  return synced < 0 ? err_set(err, ERR_FATAL, "cannot write `%s`: %s", path, env_error(synced)) : 0;
}

int env_replace_file(const struct env *env, const char *path, struct slice bytes, struct err *err) {
  char resolved[ENV_PATH_MAX];
  const char *target = path;
  struct env_stat st;
  bool there = env->stat != NULL && env->stat(env->context, path, &st) == 0;
  if (there && st.kind == ENV_OTHER) return write_into(env, path, bytes, err);
  if (there && env->resolve != NULL && env->resolve(env->context, path, resolved) == 0) target = resolved;
  int allowed = there && st.kind == ENV_FILE ? may_write(env, target) : 0;
  if (allowed < 0) return err_set(err, ERR_FATAL, "cannot write `%s`: %s", path, env_error(allowed));
  return replace_target(env, target, path, there, bytes, err);
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b); /* as unsigned bytes, says the C standard */
}

/* Two walks, so that no memory is asked for while the folder is open: the escape would leave it so. */
struct name_sizes {
  size_t bytes, count;
};
static int count_name(void *argument, const char *name) {
  struct name_sizes *sizes = argument;
  sizes->bytes += strlen(name) + 1;
  sizes->count++;
  return 0;
}
struct name_space {
  char *next, *end;
};
static int keep_name(void *argument, const char *name) {
  struct name_space *space = argument;
  size_t length = strlen(name) + 1;
  if ((size_t)(space->end - space->next) < length) return 1; /* the folder grew between the walks */
  memcpy(space->next, name, length);
  space->next += length;
  return 0;
}

int env_list(const struct env *env, struct mem *mem, const char *path, const char *const **names, size_t *count,
             struct err *err) {
  struct name_sizes sizes = {0};
  int result = env->list(env->context, path, count_name, &sizes);
  if (result < 0) return err_set(err, ERR_ABORT, "cannot read the folder `%s`: %s", path, env_error(result));
  char *text = mem_alloc_raw(mem, sizes.bytes + 1);
  struct name_space space = {text, text + sizes.bytes};
  result = env->list(env->context, path, keep_name, &space);
  size_t kept = 0;
  for (const char *p = text; p < space.next; p += strlen(p) + 1) kept++;
  size_t bytes = (size_t)(space.next - text), pointers = kept * sizeof(char *);
  char *block = mem_alloc_raw(mem, pointers + bytes + 1); /* pointers first, then the texts: one block to free */
  memcpy(block + pointers, text, bytes);
  mem_free(mem, text);
  if (result < 0) {
    mem_free(mem, block);
    return err_set(err, ERR_ABORT, "cannot read the folder `%s`: %s", path, env_error(result));
  }
  const char **list = (const char **)(void *)block;
  const char *p = block + pointers;
  for (size_t i = 0; i < kept; i++, p += strlen(p) + 1) list[i] = p;
  qsort(list, kept, sizeof *list, compare_names);
  *names = list;
  *count = kept;
  return 0;
}
