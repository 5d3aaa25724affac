/* one_file.h - a host with one file, which stands in memory. */
#ifndef WEIR_TESTS_ONE_FILE_H
#define WEIR_TESTS_ONE_FILE_H

#include <errno.h>
#include <string.h>

#include "base/env.h"

struct files {
  const char *name, *text;
  size_t at;
};

static inline int files_open(void *context, const char *path, enum env_open how) {
  struct files *files = context;
  if (how != ENV_READ || strcmp(path, files->name) != 0) return -ENOENT;
  files->at = 0;
  return 7;
}
static inline int64_t files_read(void *context, int handle, void *bytes, size_t room) {
  struct files *files = context;
  size_t left = strlen(files->text) - files->at, taken = left < room ? left : room;
  (void)handle;
  memcpy(bytes, files->text + files->at, taken);
  files->at += taken;
  return (int64_t)taken;
}
static inline int files_close(void *context, int handle) {
  (void)context;
  return handle == 7 ? 0 : -EBADF;
}
static inline int files_stat(void *context, const char *path, struct env_stat *out) {
  struct files *files = context;
  if (strcmp(path, files->name) != 0) return -ENOENT;
  *out = (struct env_stat){.kind = ENV_FILE, .bytes = (int64_t)strlen(files->text)};
  return 0;
}

static inline void files_env(struct files *files, struct env *env) {
  env->context = files;
  env->open = files_open;
  env->read = files_read;
  env->close = files_close;
  env->stat = files_stat;
}

#endif
