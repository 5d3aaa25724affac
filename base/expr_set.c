/* expr_set.c - sets of constants: a scan, a hash table, or sorted address ranges. Called by expr and by the rule sets'
 * lists. */
#include "base/expr_set.h"

#include "base/check.h"
#include "base/exact.h"
#include "base/expr_number.h"
#include "base/hash.h"
#include "base/ip.h"

/* How members are kept and compared. */
enum set_form {
  SET_INTEGER, /* bool, int, decimal at the type's scale, time, duration: .i */
  SET_STRING,
  SET_FLOAT,
  SET_VALUE,  /* lists: by value_equal() */
  SET_ADDRESS /* ranges */
};

struct range4 {
  uint32_t low, high;
};
struct range6 {
  exact_uint low, high;
};

struct expr_set {
  enum set_form form;
  struct type type;
  bool has_null;
  uint32_t count;
  uint32_t mask;       /* 0: scan; else slots - 1 */
  struct value *slots; /* scan: `count` members; hash: VALUE_NULL = empty */
  uint32_t count4, count6;
  struct range4 *ranges4; /* ascending, apart */
  struct range6 *ranges6;
};

/* ---- equality and hash by form ---- */

static inline bool same_bytes(const char *a, const char *b, uint32_t length) {
  if (length >= 8) {
    uint64_t x, y;
    for (uint32_t i = 0; i + 8 < length; i += 8) {
      memcpy(&x, a + i, 8);
      memcpy(&y, b + i, 8);
      if (x != y) return false;
    }
    memcpy(&x, a + length - 8, 8);
    memcpy(&y, b + length - 8, 8);
    return x == y;
  }
  for (uint32_t i = 0; i < length; i++)
    if (a[i] != b[i]) return false;
  return true;
}

static inline bool set_same(enum set_form form, const struct value *a, const struct value *b) {
  switch (form) {
  case SET_INTEGER: return a->i == b->i;
  case SET_FLOAT: return a->f == b->f;
  case SET_STRING: return a->length == b->length && same_bytes(a->s, b->s, a->length);
  default: return value_equal(*a, *b);
  }
}

static inline uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= UINT64_C(0xd6e8feb86659fd93);
  return x ^ x >> 32;
}

static inline uint64_t set_hash(enum set_form form, const struct value *v) {
  if (form == SET_INTEGER) return mix((uint64_t)v->i);
  if (form == SET_FLOAT) return mix(v->f == 0 ? 0 : (uint64_t)v->i); /* the same bits but for -0 */
  return form == SET_STRING ? hash_bytes(v->s, v->length) : value_hash(*v);
}

/* ---- members of other number kinds ---- */

/* A member as a value of the set's type, if one equals it. */
static bool fit_number(struct type type, struct value member, struct value *out) {
  struct expr_counts ignored = {0};
  if (type.kind == VALUE_FLOAT) {
    *out = value_float(number_to_float(member));
    return member.kind != VALUE_INT || value_compare(*out, member) == 0;
  }
  unsigned scale = type.kind == VALUE_DECIMAL ? type.scale : 0;
  struct type decimal = TYPE_DECIMAL(scale);
  if (member.kind == VALUE_FLOAT) {
    int64_t mantissa;
    if (!exact_to_decimal(member.f, scale, &mantissa)) return false;
    *out = value_decimal(mantissa, scale);
  } else if (member.kind == VALUE_DECIMAL && member.scale > scale) {
    int64_t ten = exact_power10[member.scale - scale];
    if (member.i % ten != 0) return false;
    *out = value_decimal(member.i / ten, scale);
  } else {
    *out = number_cast(member, decimal, &ignored);
  }
  if (value_is_null(*out) || value_compare(*out, member) != 0) return false;
  out->kind = type.kind;
  out->scale = type.scale;
  return true;
}

/* ---- addresses ---- */

static exact_uint wide_address(const uint8_t *bytes) {
  exact_uint address = 0;
  for (unsigned i = 0; i < 16; i++) address = address << 8 | bytes[i];
  return address;
}

static int order4(const void *a, const void *b) {
  uint32_t x = ((const struct range4 *)a)->low, y = ((const struct range4 *)b)->low;
  return (x > y) - (x < y);
}

static int order6(const void *a, const void *b) {
  exact_uint x = ((const struct range6 *)a)->low, y = ((const struct range6 *)b)->low;
  return (x > y) - (x < y);
}

static void add_range(struct expr_set *set, struct value member) {
  struct ip ip = ip_of_value(member);
  unsigned bits = ip.length * 8u, open = member.kind == VALUE_NETWORK ? bits - ip.prefix : 0;
  if (ip.length == 4) {
    uint32_t low = (uint32_t)ip.bytes[0] << 24 | (uint32_t)ip.bytes[1] << 16 | (uint32_t)ip.bytes[2] << 8 | ip.bytes[3];
    uint32_t span = open == 0 ? 0 : UINT32_MAX >> (32 - open);
    set->ranges4[set->count4++] = (struct range4){low & ~span, low | span};
  } else {
    exact_uint low = wide_address(ip.bytes), span = open == 0 ? 0 : ~(exact_uint)0 >> (128 - open);
    set->ranges6[set->count6++] = (struct range6){low & ~span, low | span};
  }
}

/* Sorts, and joins ranges that overlap or touch, so that a search by halving needs to look at one range only. */
static void join_ranges(struct expr_set *set) {
  uint32_t kept = 0;
  qsort(set->ranges4, set->count4, sizeof *set->ranges4, order4);
  for (uint32_t i = 0; i < set->count4; i++) {
    struct range4 range = set->ranges4[i], *last = kept == 0 ? NULL : &set->ranges4[kept - 1];
    if (last != NULL && (last->high == UINT32_MAX || range.low <= last->high + 1)) {
      if (range.high > last->high) last->high = range.high;
    } else {
      set->ranges4[kept++] = range;
    }
  }
  set->count4 = kept;
  kept = 0;
  qsort(set->ranges6, set->count6, sizeof *set->ranges6, order6);
  for (uint32_t i = 0; i < set->count6; i++) {
    struct range6 range = set->ranges6[i], *last = kept == 0 ? NULL : &set->ranges6[kept - 1];
    if (last != NULL && (last->high == ~(exact_uint)0 || range.low <= last->high + 1)) {
      if (range.high > last->high) last->high = range.high;
    } else {
      set->ranges6[kept++] = range;
    }
  }
  set->count6 = kept;
  set->count = set->count4 + set->count6;
}

static void fill_addresses(struct arena *arena, struct expr_set *set, const struct value *members, size_t count) {
  /* 16-byte alignment for the wide ones: arenas align to 8. */
  char *room = arena_alloc(arena, count * sizeof *set->ranges6 + 8);
  set->ranges6 = (struct range6 *)(room + (16 - (uintptr_t)room % 16) % 16);
  set->ranges4 = arena_alloc(arena, count * sizeof *set->ranges4);
  for (size_t i = 0; i < count; i++) {
    set->has_null |= value_is_null(members[i]);
    if (!value_is_null(members[i])) add_range(set, members[i]);
  }
  join_ranges(set);
}

static bool has_address(const struct expr_set *set, struct value v) {
  if (v.length == 4) {
    uint32_t address = (uint32_t)v.i, low = 0, high = set->count4;
    while (low < high) { /* the first range that ends at or behind the address */
      uint32_t middle = low + (high - low) / 2;
      if (set->ranges4[middle].high < address) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < set->count4 && set->ranges4[low].low <= address;
  }
  exact_uint address = wide_address(v.ip);
  uint32_t low = 0, high = set->count6;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (set->ranges6[middle].high < address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < set->count6 && set->ranges6[low].low <= address;
}

/* ---- building and asking ---- */

static uint32_t find_slot(const struct expr_set *set, const struct value *v) {
  uint32_t slot = (uint32_t)set_hash(set->form, v) & set->mask;
  while (set->slots[slot].kind != VALUE_NULL && !set_same(set->form, &set->slots[slot], v))
    slot = (slot + 1) & set->mask; /* at most half full: this ends */
  return slot;
}

static bool scan_has(const struct expr_set *set, const struct value *v) {
  for (uint32_t i = 0; i < set->count; i++)
    if (set_same(set->form, &set->slots[i], v)) return true;
  return false;
}

static void add_member(struct arena *arena, struct expr_set *set, struct value member) {
  if (set->mask == 0) {
    if (!scan_has(set, &member)) set->slots[set->count++] = value_copy(arena, member);
    return;
  }
  uint32_t slot = find_slot(set, &member);
  if (set->slots[slot].kind != VALUE_NULL) return;
  set->slots[slot] = value_copy(arena, member);
  set->count++;
}

struct expr_set *expr_set_new(struct arena *arena, struct type type, const struct value *members, size_t count) {
  struct expr_set *set = arena_new(arena, struct expr_set);
  check(count < UINT32_MAX / 4);
  set->type = type;
  if (type.kind == VALUE_IP) {
    set->form = SET_ADDRESS;
    fill_addresses(arena, set, members, count);
    return set;
  }
  set->form = type.kind == VALUE_STRING  ? SET_STRING
              : type.kind == VALUE_FLOAT ? SET_FLOAT
              : type.kind == VALUE_LIST  ? SET_VALUE
                                         : SET_INTEGER;
  uint32_t slots = EXPR_SET_SCAN;
  if (count > EXPR_SET_SCAN) {
    while (slots < 2 * count) slots *= 2;
    set->mask = slots - 1;
  }
  set->slots = arena_array(arena, struct value, slots);
  for (size_t i = 0; i < count; i++) {
    struct value member = members[i];
    set->has_null |= value_is_null(member);
    if (value_is_null(member) || (number_kind(type.kind) && !fit_number(type, member, &member))) continue;
    add_member(arena, set, member);
  }
  return set;
}

bool expr_set_has(const struct expr_set *set, struct value v) {
  if (set->form == SET_ADDRESS) return has_address(set, v);
  if (set->mask == 0) return scan_has(set, &v);
  return set->slots[find_slot(set, &v)].kind != VALUE_NULL;
}

bool expr_set_has_null(const struct expr_set *set) { return set->has_null; }
size_t expr_set_count(const struct expr_set *set) { return set->count; }
