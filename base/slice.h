/* slice.h - borrowed bytes. A slice owns nothing and has no NUL at its end. */
#ifndef WEIR_BASE_SLICE_H
#define WEIR_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/banned.h"

struct slice {
  const char *data;
  size_t length;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_FMT "%.*s"
#define SLICE_ARG(s) (int)(s).length, (s).data

static inline struct slice slice_of(const char *text) { return (struct slice){text, strlen(text)}; }
static inline bool slice_equal(struct slice a, struct slice b) {
  return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}
static inline int slice_compare(struct slice a, struct slice b) {
  size_t n = a.length < b.length ? a.length : b.length;
  int order = n == 0 ? 0 : memcmp(a.data, b.data, n);
  return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

#endif
