/* env.h - the only door to clock, files, randomness and environment variables.
 *
 * Everything that asks the world for something gets a `struct env`, so that a simulator can put its own in place:
 * virtual time, files in memory, faults from a seed. Functions return 0 or a count, or a negative number: minus an
 * errno of the host (env_error() names it). `context` is the implementation's and comes first in every call.
 * env_real() may be used by several threads at once; what a handle means is only known to its env. */
#ifndef WEIR_BASE_ENV_H
#define WEIR_BASE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"

enum env_open {
  ENV_READ,   /* must be there */
  ENV_CREATE, /* write; made, or emptied if it was there */
  ENV_APPEND, /* write at the end; made if it is missing */
};
enum env_kind { ENV_FILE, ENV_FOLDER, ENV_OTHER };

struct env_stat {
  enum env_kind kind; /* links are followed */
  int64_t bytes;
  int64_t changed_us;    /* time of the last change of content */
  uint64_t device, file; /* both equal: two names of one file; both 0 = the host does not say */
};

enum { ENV_STDIN = 0, ENV_STDOUT = 1, ENV_STDERR = 2, ENV_NAME_MAX = 256, ENV_PATH_MAX = 4096 };

struct env {
  void *context;

  int64_t (*wall_us)(void *context);      /* since 1970, UTC */
  int64_t (*monotonic_us)(void *context); /* for spans only */
  int64_t (*cpu_us)(void *context);       /* CPU time of this process */
  uint64_t (*ticks)(void *context);       /* grows evenly, quick to ask, of no unit: for profiles. NULL = none */

  int (*open)(void *context, const char *path, enum env_open how);               /* a handle */
  int64_t (*read)(void *context, int handle, void *bytes, size_t room);          /* 0 = end; may be short */
  int64_t (*write)(void *context, int handle, const void *bytes, size_t length); /* may be short */
  /* A new, empty file without a name, to write and to read at any place; it is gone when it is closed. In the folder
   * that the variable TMPDIR names, else in the host's. */
  int (*open_temp)(void *context);
  int64_t (*read_at)(void *context, int handle, void *bytes, size_t room, int64_t offset); /* 0 = behind the end */
  int64_t (*write_at)(void *context, int handle, const void *bytes, size_t length, int64_t offset); /* may be short */
  int (*close)(void *context, int handle);
  int (*sync)(void *context, int handle);              /* content and length are on the disk */
  int (*sync_folder)(void *context, const char *path); /* its names are on the disk */
  int (*rename)(void *context, const char *from, const char *to);
  int (*remove)(void *context, const char *path);
  int (*stat)(void *context, const char *path, struct env_stat *out);
  int (*make_folder)(void *context, const char *path); /* 0 also if it is there already */
  /* The path without links. NULL = there are none. */
  int (*resolve)(void *context, const char *path, char out[ENV_PATH_MAX]);
  /* Gives a file the mode of another one, and its owner where that is allowed. NULL = files have none. */
  int (*copy_mode)(void *context, const char *from, const char *to);
  /* `each` gets every name but `.` and `..`, in any order, until it returns something else than 0, which is returned.
   * Use env_list(), which sorts. */
  int (*list)(void *context, const char *path, int (*each)(void *argument, const char *name), void *argument);

  const char *(*variable)(void *context, const char *name); /* NULL = not set; borrowed */
  int (*random)(void *context, void *bytes, size_t length);
  bool (*is_terminal)(void *context, int handle);
};

/* The host. Static, never freed. */
const struct env *env_real(void);

/* A static or thread-local text for a negative result. */
const char *env_error(int64_t result);

/* The whole of a file, in `mem` with a NUL behind it (free with mem_free((char *)out->data)). ERR_ABORT with a text
 * that names the file if it cannot be read, is no file, or has more than `bytes_max` bytes. */
int env_read_file(const struct env *env, struct mem *mem, const char *path, size_t bytes_max, struct slice *out,
                  struct err *err);

/* All of it, or ERR_FATAL naming `path`. */
int env_write_all(const struct env *env, int handle, struct slice bytes, const char *path, struct err *err);

/* The whole file replaced or not at all: written beside it, synced, renamed over it, with its mode and owner. Of a link
 * the file that it leads to is replaced; what is no file (a terminal, /dev/null, a pipe) is written into. */
int env_replace_file(const struct env *env, const char *path, struct slice bytes, struct err *err);

/* Names in a folder in byte order. One block in `mem` (free with mem_free(*names)); *count of them. */
int env_list(const struct env *env, struct mem *mem, const char *path, const char *const **names, size_t *count,
             struct err *err);

#endif
