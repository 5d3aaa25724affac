/* buf.h - bytes that grow: what is written goes here first. */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include <stdarg.h>

#include "base/mem.h"
#include "base/slice.h"

struct buf {
  struct mem *mem;
  char *data; /* NULL until something is written */
  size_t length, capacity;
};

void buf_init(struct buf *buf, struct mem *mem);
void buf_free(struct buf *buf);
void buf_reserve(struct buf *buf, size_t more);
void buf_add(struct buf *buf, const void *bytes, size_t length);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_clear(struct buf *buf);       /* keeps the memory */
const char *buf_text(struct buf *buf); /* with a NUL behind it that is not counted */

static inline void buf_byte(struct buf *buf, char byte) {
  if (buf->length == buf->capacity) buf_reserve(buf, 1);
  buf->data[buf->length++] = byte;
}
static inline void buf_slice(struct buf *buf, struct slice s) { buf_add(buf, s.data, s.length); }
static inline void buf_str(struct buf *buf, const char *text) { buf_add(buf, text, strlen(text)); }
static inline struct slice buf_view(const struct buf *buf) { return (struct slice){buf->data, buf->length}; }

/* A JSON string with its quotes, escaped as RFC 8785 says (\b \t \n \f \r \" \\ and \u00xx below 0x20, nothing else).
 */
void buf_json_string(struct buf *buf, struct slice text);

#endif
