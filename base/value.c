/* value.c - order, equality, hashes, text and copies of values. Called by everything above. */
#include "base/value.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/decimal.h"
#include "base/hash.h"
#include "base/ip.h"
#include "base/number_text.h"
#include "base/time_text.h"

enum { V4_BYTES = 4, V6_BYTES = 16, ALIGNMENT = 8, TYPE_NAME_MAX = 32 };

_Static_assert(sizeof(struct value) == 16, "values are copied and counted as 16 bytes");

static const char *const kind_names[VALUE_KINDS] = {"null", "bool",     "int", "float", "decimal", "string",
                                                    "time", "duration", "ip",  "list",  "network"};

static int kind_name(char *out, size_t room, uint8_t kind, uint8_t scale) {
  check(kind < VALUE_KINDS);
  if (kind == VALUE_DECIMAL) return snprintf(out, room, "decimal(%u)", (unsigned)scale);
  return snprintf(out, room, "%s", kind_names[kind]);
}

const char *type_name(struct type type, char out[32]) {
  if (type.kind == VALUE_LIST) {
    out[0] = '[';
    int length = kind_name(out + 1, TYPE_NAME_MAX - 2, type.element, type.element_scale);
    out[1 + length] = ']';
    out[2 + length] = '\0';
  } else {
    kind_name(out, TYPE_NAME_MAX, type.kind, type.scale);
  }
  return out;
}

static bool is_exact_number(struct value v) { return v.kind == VALUE_INT || v.kind == VALUE_DECIMAL; }
static bool is_number(struct value v) { return is_exact_number(v) || v.kind == VALUE_FLOAT; }
static unsigned scale_of(struct value v) { return v.kind == VALUE_DECIMAL ? v.scale : 0; }

static int compare_numbers(struct value a, struct value b) {
  if (a.kind == VALUE_FLOAT && b.kind == VALUE_FLOAT) return (a.f > b.f) - (a.f < b.f);
  if (b.kind == VALUE_FLOAT) return decimal_compare_float(a.i, scale_of(a), b.f);
  if (a.kind == VALUE_FLOAT) return -decimal_compare_float(b.i, scale_of(b), a.f);
  return decimal_compare(a.i, scale_of(a), b.i, scale_of(b));
}

static int compare_addresses(struct value a, struct value b) {
  if (a.length != b.length) return a.length < b.length ? -1 : 1;
  int order = a.length == V4_BYTES ? (a.i > b.i) - (a.i < b.i) : memcmp(a.ip, b.ip, V6_BYTES);
  if (order != 0 || a.kind != VALUE_NETWORK) return order;
  return (a.scale > b.scale) - (a.scale < b.scale);
}

static bool comparable(struct value a, struct value b) { return a.kind == b.kind || (is_number(a) && is_number(b)); }

/* Not for lists: these are never inside lists. A null (in a list) stands before all others. */
static int compare_scalars(struct value a, struct value b) {
  if (a.kind == VALUE_NULL || b.kind == VALUE_NULL) return (a.kind != VALUE_NULL) - (b.kind != VALUE_NULL);
  check(comparable(a, b));
  switch (a.kind) {
  case VALUE_BOOL:
  case VALUE_TIME:
  case VALUE_DURATION: return (a.i > b.i) - (a.i < b.i);
  case VALUE_INT:
  case VALUE_DECIMAL:
  case VALUE_FLOAT: return compare_numbers(a, b);
  case VALUE_STRING: return slice_compare(value_slice(a), value_slice(b));
  case VALUE_IP:
  case VALUE_NETWORK: return compare_addresses(a, b);
  default: check_failed("a list is never inside a list", __FILE__, __LINE__);
  }
}

int value_compare(struct value a, struct value b) {
  if (a.kind != VALUE_LIST || b.kind != VALUE_LIST) return compare_scalars(a, b);
  for (uint32_t i = 0; i < a.length && i < b.length; i++) {
    int order = compare_scalars(a.list[i], b.list[i]);
    if (order != 0) return order;
  }
  return (a.length > b.length) - (a.length < b.length);
}

static bool equal_scalars(struct value a, struct value b) {
  if (!comparable(a, b)) return false;
  if (a.kind == VALUE_NULL) return true;
  if (a.kind == VALUE_STRING) return slice_equal(value_slice(a), value_slice(b));
  return compare_scalars(a, b) == 0;
}

bool value_equal(struct value a, struct value b) {
  if (a.kind != VALUE_LIST || b.kind != VALUE_LIST) return equal_scalars(a, b);
  if (a.length != b.length) return false;
  for (uint32_t i = 0; i < a.length; i++)
    if (!equal_scalars(a.list[i], b.list[i])) return false;
  return true;
}

/* Numbers that are equal must hash alike. Whole numbers of 64 bits hash as such; all other numbers that some double
 * has (they are m / 2^k or m * 2^k) as their odd m and k; the decimals that remain as their shortest digits and scale.
 */
enum { HASH_BINARY = 0x62, HASH_DECIMAL = 0x64, HASH_NETWORK = 0x6e, HASH_LIST = 0x6c };

static uint64_t hash_pair(int64_t number, int exponent, unsigned what) {
  struct {
    int64_t number;
    int32_t exponent;
    uint32_t what;
  } pair = {number, exponent, what};
  return hash_bytes(&pair, sizeof pair);
}

static uint64_t hash_float(double f) {
  static const double two_63 = 9223372036854775808.0;
  if (f >= -two_63 && f < two_63 && (double)(int64_t)f == f) return hash_u64((uint64_t)(int64_t)f);
  uint64_t bits;
  memcpy(&bits, &f, sizeof bits);
  int exponent = (int)(bits >> 52 & 0x7ff);
  int64_t significand = (int64_t)(bits & ((UINT64_C(1) << 52) - 1));
  if (exponent == 0)
    exponent = 1;
  else
    significand |= INT64_C(1) << 52;
  exponent -= 1075;
  int zeros = __builtin_ctzll((uint64_t)significand); /* zero was a whole number */
  significand >>= zeros;
  return hash_pair(f < 0 ? -significand : significand, exponent + zeros, HASH_BINARY);
}

static uint64_t hash_decimal(int64_t mantissa, unsigned scale) {
  static const int64_t fives[DECIMAL_DIGITS_MAX + 1] = {
      1,          5,           25,           125,          625,          3125,      15625,
      78125,      390625,      1953125,      9765625,      48828125,     244140625, 1220703125,
      6103515625, 30517578125, 152587890625, 762939453125, 3814697265625};
  while (scale > 0 && mantissa % 10 == 0) mantissa /= 10, scale--;
  if (scale == 0) return hash_u64((uint64_t)mantissa);
  if (mantissa % fives[scale] == 0) { /* m / 10^s = (m / 5^s) / 2^s */
    int64_t significand = mantissa / fives[scale];
    int zeros = __builtin_ctzll((uint64_t)significand);
    int64_t odd = significand / (INT64_C(1) << zeros);
    if (odd < (INT64_C(1) << 53) && odd > -(INT64_C(1) << 53)) return hash_pair(odd, zeros - (int)scale, HASH_BINARY);
  }
  return hash_pair(mantissa, -(int)scale, HASH_DECIMAL);
}

static uint64_t hash_address(struct value v) {
  uint64_t seed = v.kind == VALUE_NETWORK ? HASH_NETWORK + ((uint64_t)v.scale << 8) : 0;
  if (v.length != V4_BYTES) return hash_bytes_seed(v.ip, V6_BYTES, seed);
  struct ip ip = ip_of_value(v);
  return hash_bytes_seed(ip.bytes, V4_BYTES, seed);
}

static uint64_t hash_scalar(struct value v) {
  switch (v.kind) {
  case VALUE_NULL: return 0;
  case VALUE_FLOAT: return hash_float(v.f);
  case VALUE_DECIMAL: return hash_decimal(v.i, v.scale);
  case VALUE_STRING: return hash_bytes(v.s, v.length);
  case VALUE_IP:
  case VALUE_NETWORK: return hash_address(v);
  default: return hash_u64((uint64_t)v.i);
  }
}

uint64_t value_hash(struct value v) {
  if (v.kind != VALUE_LIST) return hash_scalar(v);
  check(v.length <= LIST_ELEMENTS_MAX);
  uint64_t hashes[LIST_ELEMENTS_MAX];
  for (uint32_t i = 0; i < v.length; i++) hashes[i] = hash_scalar(v.list[i]);
  return hash_bytes_seed(hashes, v.length * sizeof hashes[0], HASH_LIST);
}

static void write_address(struct buf *out, struct value v) {
  char text[IP_TEXT_MAX];
  struct ip ip = ip_of_value(v);
  buf_add(out, text, v.kind == VALUE_IP ? ip_text(text, &ip) : ip_network_text(text, &ip));
}

/* All but lists. */
static void write_scalar(struct buf *out, struct value v, bool message) {
  size_t quotes = message ? 0 : 1;
  switch (v.kind) {
  case VALUE_NULL: buf_add(out, "null", 4); break;
  case VALUE_BOOL: buf_str(out, v.i != 0 ? "true" : "false"); break;
  case VALUE_INT:
  case VALUE_DURATION: number_write_int(out, v.i); break;
  case VALUE_FLOAT: number_write_float(out, v.f); break;
  case VALUE_DECIMAL: decimal_write(out, v.i, v.scale); break;
  case VALUE_STRING:
    if (message)
      buf_slice(out, value_slice(v));
    else
      buf_json_string(out, value_slice(v));
    break;
  case VALUE_TIME:
    buf_add(out, "\"", quotes);
    time_write(out, v.i);
    buf_add(out, "\"", quotes);
    break;
  case VALUE_IP:
  case VALUE_NETWORK:
    buf_add(out, "\"", quotes);
    write_address(out, v);
    buf_add(out, "\"", quotes);
    break;
  default: check_failed("a list is never inside a list", __FILE__, __LINE__);
  }
}

void value_json(struct buf *out, struct value v) {
  if (v.kind != VALUE_LIST) {
    write_scalar(out, v, false);
    return;
  }
  buf_byte(out, '[');
  for (uint32_t i = 0; i < v.length; i++) {
    if (i > 0) buf_byte(out, ',');
    write_scalar(out, v.list[i], false);
  }
  buf_byte(out, ']');
}

void value_message(struct buf *out, struct value v) {
  if (v.kind == VALUE_LIST)
    value_json(out, v); /* "as in `fields`": without quotes its elements would run together */
  else
    write_scalar(out, v, true);
}

static size_t padded(size_t bytes) { return (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1); }

static size_t scalar_extra_bytes(struct value v) {
  if (v.kind == VALUE_STRING) return padded(v.length);
  if ((v.kind == VALUE_IP || v.kind == VALUE_NETWORK) && v.length == V6_BYTES) return V6_BYTES;
  return 0;
}

size_t value_extra_bytes(struct value v) {
  if (v.kind != VALUE_LIST) return scalar_extra_bytes(v);
  size_t bytes = v.length * sizeof(struct value);
  for (uint32_t i = 0; i < v.length; i++) bytes += scalar_extra_bytes(v.list[i]);
  return bytes;
}

static struct value scalar_copy_to(char **extra, struct value v) {
  size_t bytes = scalar_extra_bytes(v);
  if (bytes == 0) {
    if (v.kind == VALUE_STRING) v.s = ""; /* empty: no pointer into what goes away */
    return v;
  }
  memset(*extra + bytes - ALIGNMENT, 0, ALIGNMENT); /* the padding too is the same in every run */
  memcpy(*extra, v.s, v.length);                    /* s and ip are one pointer; a v6 address has length 16 */
  v.s = *extra;
  *extra += bytes;
  return v;
}

struct value value_copy_to(char **extra, struct value v) {
  if (v.kind != VALUE_LIST) return scalar_copy_to(extra, v);
  const struct value *from = v.list;
  struct value *to = (struct value *)(void *)*extra;
  if (v.length > 0) *extra += v.length * sizeof(struct value); /* an empty one may have no place */
  for (uint32_t i = 0; i < v.length; i++) to[i] = scalar_copy_to(extra, from[i]);
  v.list = to;
  return v;
}

struct value value_copy(struct arena *arena, struct value v) {
  size_t bytes = value_extra_bytes(v);
  char *extra = bytes == 0 ? NULL : arena_alloc(arena, bytes);
  return value_copy_to(&extra, v);
}
