/* secret.c - hashed and masked strings. Owns nothing; alert.c calls it for each secret that an alert tells. */
#include "engine/secret.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"
#include "base/utf8.h"

enum { SECRET_HEX_DIGITS = 32 };

static struct value hashed(struct value value, struct slice key, struct arena *arena) {
  static const char hex[] = "0123456789abcdef";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  unsigned char *made = HMAC(EVP_sha256(), key.length > 0 ? key.data : "", (int)key.length,
                             (const unsigned char *)value.s, value.length, digest, &length);
  check(made != NULL && length >= SECRET_HEX_DIGITS / 2); /* never tell a secret because hashing failed */
  char *text = arena_alloc(arena, SECRET_HEX_DIGITS);
  for (unsigned i = 0; i < SECRET_HEX_DIGITS; i++) text[i] = hex[digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
  return value_string((struct slice){text, SECRET_HEX_DIGITS});
}

static struct value masked(struct value value, size_t head, size_t tail, struct arena *arena) {
  struct slice text = value_slice(value);
  size_t count = utf8_count(text);
  if (count <= head + tail) head = tail = 0;
  size_t head_bytes = utf8_offset(text, head), tail_from = utf8_offset(text, count - tail);
  size_t hidden = count - head - tail, tail_bytes = text.length - tail_from;
  char *out = arena_alloc(arena, head_bytes + hidden + tail_bytes + 1);
  memcpy(out, text.data, head_bytes);
  memset(out + head_bytes, '*', hidden);
  memcpy(out + head_bytes + hidden, text.data + tail_from, tail_bytes);
  return value_string((struct slice){out, head_bytes + hidden + tail_bytes});
}

static struct value string_told(struct value value, enum secret_form form, uint16_t head, uint16_t tail,
                                struct slice key, struct arena *arena) {
  if (value.kind != VALUE_STRING) return value;
  return form == SECRET_HASH ? hashed(value, key, arena) : masked(value, head, tail, arena);
}

struct value secret_told(struct value value, enum secret_form form, uint16_t head, uint16_t tail, struct slice key,
                         struct arena *arena) {
  if (form == SECRET_NONE) return value;
  if (value.kind != VALUE_LIST) return string_told(value, form, head, tail, key, arena);
  struct value *list = arena_array(arena, struct value, value.length + 1u);
  for (uint32_t i = 0; i < value.length; i++) list[i] = string_told(value.list[i], form, head, tail, key, arena);
  value.list = list;
  return value;
}
