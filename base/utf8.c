/* utf8.c - see utf8.h. Runs of ASCII are passed over eight bytes at a time, for most text is ASCII. */
#include "base/utf8.h"

#include "base/check.h"

static const uint64_t high_bits = 0x8080808080808080u;

static uint64_t load8(const char *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

unsigned utf8_sequence(const char *at, const char *end) {
  const uint8_t *p = (const uint8_t *)at;
  size_t room = (size_t)(end - at);
  uint8_t lead = p[0];
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0; /* a continuation byte, or an overlong form of ASCII */
  if (lead < 0xE0) return room >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
  if (lead < 0xF0) {
    if (room < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80) return 0;
    if (lead == 0xE0 && p[1] < 0xA0) return 0;  /* overlong */
    if (lead == 0xED && p[1] >= 0xA0) return 0; /* a surrogate */
    return 3;
  }
  if (lead > 0xF4 || room < 4) return 0;
  if ((p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80) return 0;
  if (lead == 0xF0 && p[1] < 0x90) return 0;  /* overlong */
  if (lead == 0xF4 && p[1] >= 0x90) return 0; /* above U+10FFFF */
  return 4;
}

size_t utf8_valid_prefix(struct slice text) {
  if (text.length == 0) return 0;
  const char *at = text.data, *end = text.data + text.length;
  while (at < end) {
    while (end - at >= 8 && (load8(at) & high_bits) == 0) at += 8;
    if (at == end) break;
    unsigned length = utf8_sequence(at, end);
    if (length == 0) break;
    at += length;
  }
  return (size_t)(at - text.data);
}

size_t utf8_count(struct slice text) {
  size_t count = 0, i = 0;
  for (; i + 8 <= text.length; i += 8) { /* a continuation byte is 10xxxxxx: every other byte begins a code point */
    uint64_t word = load8(text.data + i);
    uint64_t continuation = word & ~(word << 1) & high_bits;
    count += 8u - (size_t)__builtin_popcountll(continuation);
  }
  for (; i < text.length; i++) count += ((uint8_t)text.data[i] & 0xC0) != 0x80;
  return count;
}

size_t utf8_offset(struct slice text, size_t code_points) {
  size_t i = 0;
  for (; i < text.length; i++) {
    if (((uint8_t)text.data[i] & 0xC0) == 0x80) continue;
    if (code_points == 0) break;
    code_points--;
  }
  return i;
}

uint32_t utf8_decode(const char *at, unsigned *length) {
  const uint8_t *p = (const uint8_t *)at;
  if (p[0] < 0x80) {
    *length = 1;
    return p[0];
  }
  if (p[0] < 0xE0) {
    *length = 2;
    return (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
  }
  if (p[0] < 0xF0) {
    *length = 3;
    return (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
  }
  *length = 4;
  return (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 | (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
}

unsigned utf8_encode(uint32_t code_point, char out[UTF8_BYTES_MAX]) {
  check(code_point <= UTF8_CODE_POINT_MAX && (code_point < 0xD800 || code_point > 0xDFFF));
  if (code_point < 0x80) {
    out[0] = (char)code_point;
    return 1;
  }
  if (code_point < 0x800) {
    out[0] = (char)(0xC0 | code_point >> 6);
    out[1] = (char)(0x80 | (code_point & 0x3F));
    return 2;
  }
  if (code_point < 0x10000) {
    out[0] = (char)(0xE0 | code_point >> 12);
    out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[2] = (char)(0x80 | (code_point & 0x3F));
    return 3;
  }
  out[0] = (char)(0xF0 | code_point >> 18);
  out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
  out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
  out[3] = (char)(0x80 | (code_point & 0x3F));
  return 4;
}
