/* err.h - one error value for the whole program.
 *
 * A function that can fail returns 0 or a negative class, and fills a `struct err` that its caller owns (fixed
 * size, nothing to free). Callers have three branches: try again, give this thing up, stop. */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

enum err_class {
  ERR_NONE = 0,
  ERR_RETRY = -1, /* nothing was changed; the same call may succeed later */
  ERR_ABORT = -2, /* this input, rule set or request is refused; the engine goes on */
  ERR_FATAL = -3, /* the engine cannot go on (out of memory, broken state, failed file) */
};

enum { ERR_TEXT_MAX = 768, ERR_FILE_MAX = 256 };

struct err {
  enum err_class class;
  int line, column; /* from 1; 0 = no place */
  char file[ERR_FILE_MAX];
  char text[ERR_TEXT_MAX];
};

/* Fill `err` (may be NULL) and return `class`, so that `return err_set(...)` reads well. */
int err_set(struct err *err, enum err_class class, const char *format, ...) __attribute__((format(printf, 3, 4)));
int err_set_at(struct err *err, enum err_class class, const char *file, int line, int column, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
void err_clear(struct err *err);

#endif
