/* list_set.c - sets of strings and numbers as a hash, sets of networks as sorted disjoint ranges. */
#include "rules/list_set.h"

#include "base/check.h"
#include "base/decimal.h"
#include "base/ip.h"
#include "base/time_text.h"
#include "base/utf8.h"
#include "rules/value_table.h"

/* Both ends belong to the range. v4 and v6 stand in separate arrays. */
struct range4 {
  uint32_t low, high;
};
typedef unsigned __int128 address6;
struct range6 {
  address6 low, high;
};

enum { SHOWN_MAX = 60 }; /* bytes of a bad line in an error text */

struct list_set {
  struct type type;
  uint32_t count; /* entries, equal ones once; for ip: ranges */
  struct value_table table;
  uint32_t count4, count6;
  const struct range4 *ranges4;
  const struct range6 *ranges6;
  size_t bytes;
};

/* ---- ip ---- */

static address6 address6_of(const uint8_t bytes[16]) {
  address6 address = 0;
  for (unsigned i = 0; i < 16; i++) address = address << 8 | bytes[i];
  return address;
}

static int compare4(const void *left, const void *right) {
  const struct range4 *a = left, *b = right;
  return a->low != b->low ? (a->low > b->low) - (a->low < b->low) : (a->high > b->high) - (a->high < b->high);
}

static int compare6(const void *left, const void *right) {
  const struct range6 *a = left, *b = right;
  return a->low != b->low ? (a->low > b->low) - (a->low < b->low) : (a->high > b->high) - (a->high < b->high);
}

/* Sorted ranges that touch or overlap become one; the number of those left. */
static uint32_t merge4(struct range4 *ranges, uint32_t count) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (kept > 0 && (ranges[kept - 1].high == UINT32_MAX || ranges[i].low <= ranges[kept - 1].high + 1)) {
      if (ranges[i].high > ranges[kept - 1].high) ranges[kept - 1].high = ranges[i].high;
    } else {
      ranges[kept++] = ranges[i];
    }
  }
  return kept;
}

static uint32_t merge6(struct range6 *ranges, uint32_t count) {
  const address6 last = ~(address6)0;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (kept > 0 && (ranges[kept - 1].high == last || ranges[i].low <= ranges[kept - 1].high + 1)) {
      if (ranges[i].high > ranges[kept - 1].high) ranges[kept - 1].high = ranges[i].high;
    } else {
      ranges[kept++] = ranges[i];
    }
  }
  return kept;
}

static void build_ranges(struct list_set *set, struct arena *arena, const struct value *values, size_t count) {
  size_t room4 = 0, room6 = 0;
  for (size_t i = 0; i < count; i++) {
    if (!value_is_null(values[i])) values[i].length == 4 ? room4++ : room6++;
  }
  struct range4 *ranges4 = arena_array(arena, struct range4, room4);
  /* An arena aligns to 8, the 128-bit numbers want 16. */
  char *block = arena_alloc(arena, sizeof(struct range6) * room6 + 16);
  struct range6 *ranges6 = (struct range6 *)(((uintptr_t)block + 15) & ~(uintptr_t)15);
  for (size_t i = 0; i < count; i++) {
    if (value_is_null(values[i])) continue;
    struct ip ip = ip_of_value(values[i]);
    if (ip.length == 4) {
      uint32_t low =
          (uint32_t)ip.bytes[0] << 24 | (uint32_t)ip.bytes[1] << 16 | (uint32_t)ip.bytes[2] << 8 | ip.bytes[3];
      uint32_t host = ip.prefix == 0 ? UINT32_MAX : ip.prefix >= 32 ? 0 : UINT32_MAX >> ip.prefix;
      ranges4[set->count4++] = (struct range4){.low = low & ~host, .high = low | host};
    } else {
      address6 low = address6_of(ip.bytes);
      address6 host = ip.prefix == 0 ? ~(address6)0 : ip.prefix >= 128 ? 0 : ~(address6)0 >> ip.prefix;
      ranges6[set->count6++] = (struct range6){.low = low & ~host, .high = low | host};
    }
  }
  if (set->count4 > 0) qsort(ranges4, set->count4, sizeof *ranges4, compare4);
  if (set->count6 > 0) qsort(ranges6, set->count6, sizeof *ranges6, compare6);
  set->count4 = merge4(ranges4, set->count4);
  set->count6 = merge6(ranges6, set->count6);
  set->ranges4 = ranges4;
  set->ranges6 = ranges6;
  set->count = set->count4 + set->count6;
  set->bytes = sizeof *set + sizeof *ranges4 * room4 + sizeof *ranges6 * room6;
}

/* The last range that starts at or before the address is the only one that can hold it. */
static bool ranges4_have(const struct list_set *set, uint32_t address) {
  const struct range4 *base = set->ranges4;
  uint32_t length = set->count4;
  if (length == 0) return false;
  while (length > 1) {
    uint32_t half = length / 2;
    base = base[half].low <= address ? base + half : base;
    length -= half;
  }
  return base->low <= address && address <= base->high;
}

static bool ranges6_have(const struct list_set *set, address6 address) {
  const struct range6 *base = set->ranges6;
  uint32_t length = set->count6;
  if (length == 0) return false;
  while (length > 1) {
    uint32_t half = length / 2;
    base = base[half].low <= address ? base + half : base;
    length -= half;
  }
  return base->low <= address && address <= base->high;
}

/* ---- all kinds ---- */

struct list_set *list_set_build(struct arena *arena, struct type type, const struct value *values, size_t count) {
  check(count <= LIST_ENTRIES_MAX);
  struct list_set *set = arena_new(arena, struct list_set);
  set->type = type;
  if (type.kind == VALUE_IP || type.kind == VALUE_NETWORK) {
    build_ranges(set, arena, values, count);
    return set;
  }
  struct value *copies = arena_array(arena, struct value, count);
  value_table_init(&set->table, arena, copies, (uint32_t)count);
  set->bytes = sizeof *set + count * sizeof *copies + ((size_t)set->table.mask + 1) * sizeof(struct value_table_slot);
  for (size_t i = 0; i < count; i++) {
    if (value_is_null(values[i])) continue;
    copies[set->count] = values[i];
    if (value_table_add(&set->table, set->count) != set->count) continue; /* stood there before */
    copies[set->count] = value_copy(arena, values[i]);
    set->bytes += value_extra_bytes(values[i]);
    set->count++;
  }
  return set;
}

bool list_set_has(const struct list_set *set, struct value v) {
  if (set->type.kind == VALUE_IP || set->type.kind == VALUE_NETWORK) {
    if (v.kind != VALUE_IP) return false;
    return v.length == 4 ? ranges4_have(set, (uint32_t)v.i) : ranges6_have(set, address6_of(v.ip));
  }
  return value_table_find(&set->table, v) >= 0;
}

uint32_t list_set_count(const struct list_set *set) { return set->count; }
size_t list_set_bytes(const struct list_set *set) { return set->bytes; }

/* ---- text ---- */

static const char *parse_time(enum time_unit unit, struct slice text, struct value *out) {
  int64_t us = 0;
  if (unit == TIME_TEXT) {
    const char *wrong = time_parse(text, &us);
    if (wrong != NULL) return wrong;
  } else {
    static const int64_t per_unit[] = {[TIME_S] = 1000000, [TIME_MS] = 1000, [TIME_US] = 1};
    int64_t number;
    enum number_status status = number_parse_int(text, &number);
    if (status != NUMBER_OK) return number_status_text(status);
    if (__builtin_mul_overflow(number, per_unit[unit], &us)) return "out of range";
  }
  if (us < TIME_MIN_US || us > TIME_MAX_US) return "out of range: times are of the years 1 to 9999";
  *out = value_time(us);
  return NULL;
}

static const char *parse_ip(struct arena *arena, bool networks, struct slice text, struct value *out) {
  struct ip ip;
  bool network = networks && memchr(text.data, '/', text.length) != NULL;
  const char *wrong = network ? ip_parse_network(text, &ip) : ip_parse(text, &ip);
  if (wrong != NULL) return wrong;
  *out = value_copy(arena, network ? ip_network_value(&ip) : ip_value(&ip));
  return NULL;
}

const char *list_value_parse(struct arena *arena, struct type type, enum time_unit unit, bool networks,
                             struct slice text, struct value *out) {
  enum number_status status = NUMBER_OK;
  int64_t i = 0;
  double f = 0;
  const char *wrong = NULL;
  switch (type.kind) {
  case VALUE_BOOL:
    if (!slice_equal(text, SLICE("true")) && !slice_equal(text, SLICE("false"))) return "expected true or false";
    *out = value_bool(text.data[0] == 't');
    return NULL;
  case VALUE_INT:
    status = number_parse_int(text, &i);
    *out = value_int(i);
    break;
  case VALUE_FLOAT:
    status = number_parse_float(text, &f);
    *out = value_float(f);
    break;
  case VALUE_DECIMAL:
    status = decimal_parse(text, type.scale, DECIMAL_EXACT, &i);
    *out = value_decimal(i, type.scale);
    break;
  case VALUE_STRING:
    if (!utf8_valid(text)) return "not valid UTF-8";
    if (text.length > UINT32_MAX) return "too long";
    *out = value_string(text);
    return NULL;
  case VALUE_TIME: return parse_time(unit, text, out);
  case VALUE_DURATION:
    wrong = duration_parse(text, &i);
    *out = value_duration(i);
    return wrong;
  case VALUE_IP: return parse_ip(arena, networks, text, out);
  default: return "a file cannot hold values of this type";
  }
  return status == NUMBER_OK ? NULL : number_status_text(status);
}

static struct slice trim(struct slice line) {
  while (line.length > 0 && (line.data[0] == ' ' || line.data[0] == '\t')) line.data++, line.length--;
  while (line.length > 0) {
    char last = line.data[line.length - 1];
    if (last != ' ' && last != '\t' && last != '\r') break;
    line.length--;
  }
  return line;
}

/* Cuts the next line (without its end) off `rest`; false at the end. */
static bool next_line(struct slice *rest, struct slice *line) {
  if (rest->length == 0) return false;
  const char *end = memchr(rest->data, '\n', rest->length);
  size_t length = end == NULL ? rest->length : (size_t)(end - rest->data);
  *line = (struct slice){rest->data, length};
  size_t taken = end == NULL ? length : length + 1;
  rest->data += taken;
  rest->length -= taken;
  return true;
}

struct list_set *list_set_parse(struct arena *arena, struct type type, enum time_unit unit, struct slice text,
                                const char *file, struct err *err) {
  if (text.length >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) text.data += 3, text.length -= 3;
  size_t lines = 0;
  struct slice rest = text, line;
  while (next_line(&rest, &line)) lines++;
  if (lines > LIST_ENTRIES_MAX) {
    err_set_at(err, ERR_ABORT, file, LIST_ENTRIES_MAX, 1, "more than %d entries", LIST_ENTRIES_MAX);
    return NULL;
  }
  /* A helper that only lives while this runs; the set itself copies what it keeps. */
  struct arena scratch;
  arena_init(&scratch, arena->mem, 1 << 16);
  struct value *values = arena_array(&scratch, struct value, lines + 1);
  size_t count = 0;
  int number = 0;
  struct list_set *set = NULL;
  rest = text;
  while (next_line(&rest, &line)) {
    number++;
    struct slice entry = trim(line);
    if (entry.length == 0 || entry.data[0] == '#') continue;
    const char *wrong = list_value_parse(&scratch, type, unit, true, entry, &values[count]);
    if (wrong != NULL) {
      char name[32];
      struct slice shown = {entry.data, entry.length > SHOWN_MAX ? SHOWN_MAX : entry.length};
      shown.length = utf8_valid_prefix(shown);
      err_set_at(err, ERR_ABORT, file, number, (int)(entry.data - line.data) + 1,
                 "`" SLICE_FMT "` is not of type %s: %s", SLICE_ARG(shown), type_name(type, name), wrong);
      goto done;
    }
    count++;
  }
  set = list_set_build(arena, type, values, count);
done:
  arena_free(&scratch);
  return set;
}
