/* buf.c - growing bytes and JSON strings. Called by everything that writes text. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { BUF_BYTES_FIRST = 128 };

void buf_init(struct buf *buf, struct mem *mem) { *buf = (struct buf){.mem = mem}; }

void buf_free(struct buf *buf) {
  mem_free(buf->mem, buf->data);
  buf->data = NULL;
  buf->length = buf->capacity = 0;
}

void buf_reserve(struct buf *buf, size_t more) {
  if (buf->capacity - buf->length >= more) return;
  check(more <= SIZE_MAX / 4);
  size_t capacity = buf->capacity < BUF_BYTES_FIRST ? BUF_BYTES_FIRST : buf->capacity * 2;
  if (capacity < buf->length + more) capacity = buf->length + more;
  buf->data = mem_realloc(buf->mem, buf->data, capacity);
  buf->capacity = capacity;
}

void buf_add(struct buf *buf, const void *bytes, size_t length) {
  if (length == 0) return;
  buf_reserve(buf, length);
  memcpy(buf->data + buf->length, bytes, length);
  buf->length += length;
}

void buf_printf(struct buf *buf, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  size_t room = buf->capacity - buf->length;
  int length = vsnprintf(room == 0 ? NULL : buf->data + buf->length, room, format, arguments);
  va_end(arguments);
  check(length >= 0);
  if ((size_t)length >= room) {
    buf_reserve(buf, (size_t)length + 1);
    vsnprintf(buf->data + buf->length, (size_t)length + 1, format, again);
  }
  va_end(again);
  buf->length += (size_t)length;
}

void buf_clear(struct buf *buf) { buf->length = 0; }

const char *buf_text(struct buf *buf) {
  buf_reserve(buf, 1);
  buf->data[buf->length] = '\0';
  return buf->data;
}

#define EACH_BYTE(b) (0x0101010101010101u * (uint64_t)(b))

/* Nonzero if one of eight bytes is below 0x20, a quote or a backslash. (The usual test for a zero byte; a borrow can
 * only mark a byte above one that is marked, so "none" is always right.) */
static uint64_t special_bytes(uint64_t eight) {
  uint64_t quote = eight ^ EACH_BYTE('"'), backslash = eight ^ EACH_BYTE('\\');
  uint64_t found = (eight - EACH_BYTE(0x20)) & ~eight;
  found |= (quote - EACH_BYTE(1)) & ~quote;
  found |= (backslash - EACH_BYTE(1)) & ~backslash;
  return found & EACH_BYTE(0x80);
}

static bool is_special(unsigned char byte) { return byte < 0x20 || byte == '"' || byte == '\\'; }

static size_t plain_run(const char *data, size_t length) {
  size_t i = 0;
  while (length - i >= 8) {
    uint64_t eight;
    memcpy(&eight, data + i, 8);
    if (special_bytes(eight) != 0) break;
    i += 8;
  }
  while (i < length && !is_special((unsigned char)data[i])) i++;
  return i;
}

static void add_escape(struct buf *buf, unsigned char byte) {
  static const char hex[16] = "0123456789abcdef";
  char letter = 0;
  switch (byte) {
  case '\b': letter = 'b'; break;
  case '\t': letter = 't'; break;
  case '\n': letter = 'n'; break;
  case '\f': letter = 'f'; break;
  case '\r': letter = 'r'; break;
  case '"':
  case '\\': letter = (char)byte; break;
  default: break;
  }
  if (letter != 0) {
    buf_add(buf, (char[2]){'\\', letter}, 2);
  } else {
    buf_add(buf, (char[6]){'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]}, 6);
  }
}

void buf_json_string(struct buf *buf, struct slice text) {
  buf_reserve(buf, text.length + 2);
  buf_byte(buf, '"');
  for (size_t i = 0; i < text.length;) {
    size_t run = plain_run(text.data + i, text.length - i);
    buf_add(buf, text.data + i, run);
    i += run;
    if (i < text.length) add_escape(buf, (unsigned char)text.data[i++]);
  }
  buf_byte(buf, '"');
}
