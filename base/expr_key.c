/* expr_key.c - canonical bytes of a node, for interning. Owns nothing; called by rules/lower.
 *
 * What is written in more than one way and computes the same gets one key where that is cheap to see: constants stand
 * to the right of a comparison, 1 and 1.0 are one where only the number matters, the members of `in (…)` are sorted and
 * single, `and` in `and` is one chain, `a > b` is `b < a`, the sides of `==` are in byte order. */
#include "base/check.h"
#include "base/exact.h"
#include "base/expr_number.h"
#include "base/ip.h"
#include "base/regex.h"
#include "base/zone.h"

enum { KEY_END = 0xff, KEY_TOO_DEEP = 0xfe };

struct key {
  struct buf *out;
  unsigned depth;
};

static void key_node(struct key *key, const struct expr_node *node);

static void key_bytes(struct key *key, const void *bytes, size_t length) { buf_add(key->out, bytes, length); }
static void key_u8(struct key *key, unsigned number) { buf_byte(key->out, (char)number); }
static void key_u16(struct key *key, uint16_t number) { key_bytes(key, &number, sizeof number); }

static void key_text(struct key *key, struct slice text) {
  uint32_t length = (uint32_t)text.length;
  key_bytes(key, &length, sizeof length);
  key_bytes(key, text.data, text.length);
}

static void key_type(struct key *key, struct type type) {
  key_u8(key, type.kind);
  key_u8(key, type.scale);
  key_u8(key, type.element);
  key_u8(key, type.element_scale);
}

static void key_value(struct key *key, struct value v) {
  key_u8(key, v.kind);
  switch (v.kind) {
  case VALUE_NULL: break;
  case VALUE_STRING: key_text(key, value_slice(v)); break;
  case VALUE_IP:
  case VALUE_NETWORK: {
    struct ip ip = ip_of_value(v);
    key_u8(key, ip.length);
    key_u8(key, ip.prefix);
    key_bytes(key, ip.bytes, ip.length);
    break;
  }
  case VALUE_LIST:
    key_u16(key, (uint16_t)v.length);
    for (uint32_t i = 0; i < v.length; i++) { /* lists hold no lists, so this goes one deep */
      struct value item = v.list[i];
      check(item.kind != VALUE_LIST);
      key_value(key, item);
    }
    break;
  default:
    key_u8(key, v.kind == VALUE_DECIMAL ? v.scale : 0);
    key_bytes(key, &v.i, sizeof v.i); /* of a float its bits */
  }
}

/* A constant that is compared with something of type `other`: only its number matters. */
static struct value plain_number(struct value v, struct type other) {
  if (v.kind == VALUE_DECIMAL && other.kind == VALUE_FLOAT) v = value_float(number_to_float(v));
  int64_t whole;
  if (v.kind == VALUE_FLOAT) return exact_to_decimal(v.f, 0, &whole) ? value_int(whole) : v;
  while (v.kind == VALUE_DECIMAL && v.scale > 0 && v.i % 10 == 0) {
    v.i /= 10;
    v.scale--;
  }
  return v.kind == VALUE_DECIMAL && v.scale == 0 ? value_int(v.i) : v;
}

static void key_compared(struct key *key, const struct expr_node *node, struct type other) {
  if (node->op != EXPR_CONST) {
    key_node(key, node);
    return;
  }
  key_u8(key, EXPR_CONST);
  key_value(key, number_kind(node->value.kind) ? plain_number(node->value, other) : node->value);
}

static void key_comparison(struct key *key, const struct expr_node *node) {
  const struct expr_node *a = node->children[0], *b = node->children[1];
  enum expr_op op = node->op;
  bool equality = op == EXPR_EQUAL || op == EXPR_NOT_EQUAL;
  bool a_constant = a->op == EXPR_CONST, b_constant = b->op == EXPR_CONST;
  if ((a_constant && !b_constant) || (!b_constant && (op == EXPR_GREATER || op == EXPR_GREATER_EQUAL))) {
    static const enum expr_op turned[] = {EXPR_EQUAL,         EXPR_NOT_EQUAL, EXPR_GREATER,
                                          EXPR_GREATER_EQUAL, EXPR_LESS,      EXPR_LESS_EQUAL};
    op = turned[op - EXPR_EQUAL];
    a = node->children[1];
    b = node->children[0];
  }
  key_u8(key, op);
  size_t a_at = key->out->length;
  key_compared(key, a, b->type);
  size_t b_at = key->out->length;
  key_compared(key, b, a->type);
  if (!equality || a_constant || b_constant) return;
  struct slice a_key = {key->out->data + a_at, b_at - a_at};
  struct slice b_key = {key->out->data + b_at, key->out->length - b_at};
  if (slice_compare(a_key, b_key) <= 0) return;
  struct buf first;
  buf_init(&first, key->out->mem);
  buf_slice(&first, a_key);
  memmove(key->out->data + a_at, b_key.data, b_key.length);
  memcpy(key->out->data + a_at + b_key.length, first.data, first.length);
  buf_free(&first);
}

/* expr_compile() refuses such a node; until then it equals itself only. */
static void key_too_deep(struct key *key, const struct expr_node *node) {
  uintptr_t address = (uintptr_t)node;
  key_u8(key, KEY_TOO_DEEP);
  key_bytes(key, &address, sizeof address);
}

static void key_members(struct key *key, const struct expr_node *node, enum expr_op op) {
  for (unsigned i = 0; i < node->child_count; i++) {
    if (node->children[i]->op != op) {
      key_node(key, node->children[i]);
    } else if (++key->depth < EXPR_NODE_DEPTH_MAX) {
      key_members(key, node->children[i], op);
      key->depth--;
    } else {
      key->depth--;
      key_too_deep(key, node->children[i]);
    }
  }
}

/* The members of a chain in order. What nests to the left, however long, costs no depth. */
static void key_logic(struct key *key, const struct expr_node *node) {
  const struct expr_node *first = node;
  uint32_t count = 1;
  for (; first->children[0]->op == node->op; first = first->children[0]) count++;
  const struct expr_node **spine = mem_alloc_raw(key->out->mem, count * sizeof(struct expr_node *));
  spine[count - 1] = node;
  for (uint32_t i = count - 1; i > 0; i--) spine[i - 1] = spine[i]->children[0];
  key_u8(key, node->op);
  for (uint32_t i = 0; i < count; i++) {
    struct expr_node rest = *spine[i];
    if (i > 0) { /* its first child has been told */
      rest.children++;
      rest.child_count--;
    }
    key_members(key, &rest, node->op);
  }
  key_u8(key, KEY_END);
  mem_free(key->out->mem, spine);
}

static int order_slices(const void *a, const void *b) {
  return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static void key_set(struct key *key, const struct expr_node *node) {
  struct mem *mem = key->out->mem;
  unsigned count = node->child_count - 1u;
  struct buf members;
  buf_init(&members, mem);
  size_t *ends = mem_alloc_raw(mem, (count + 1) * sizeof *ends);
  struct slice *slices = mem_alloc_raw(mem, (count + 1) * sizeof *slices);
  struct key inner = {&members, key->depth};
  for (unsigned i = 0; i < count; i++) {
    key_compared(&inner, node->children[i + 1], node->children[0]->type);
    ends[i] = members.length;
  }
  for (unsigned i = 0; i < count; i++) {
    size_t begin = i == 0 ? 0 : ends[i - 1];
    slices[i] = (struct slice){members.data + begin, ends[i] - begin};
  }
  qsort(slices, count, sizeof *slices, order_slices);
  key_u8(key, EXPR_IN_SET);
  key_node(key, node->children[0]);
  for (unsigned i = 0; i < count; i++)
    if (i == 0 || !slice_equal(slices[i], slices[i - 1])) buf_slice(key->out, slices[i]);
  key_u8(key, KEY_END);
  mem_free(mem, slices);
  mem_free(mem, ends);
  buf_free(&members);
}

static void key_regex(struct key *key, const struct regex *regex) {
  key_u8(key, regex != NULL);
  if (regex == NULL) return;
  key_u8(key, regex_flags_of(regex));
  key_text(key, regex_pattern(regex));
}

static void key_plain(struct key *key, const struct expr_node *node) {
  key_u8(key, node->op);
  switch (node->op) {
  case EXPR_CONST:
    key_type(key, node->type);
    key_value(key, node->value);
    return;
  case EXPR_INPUT:
    key_type(key, node->type);
    key_u16(key, node->bank);
    key_u16(key, node->index);
    return;
  case EXPR_IN_LIST: key_u16(key, node->index); break;
  case EXPR_TABLE:
    key_type(key, node->type);
    key_u16(key, node->index);
    key_u16(key, node->column);
    break;
  case EXPR_MODEL:
    key_type(key, node->type);
    key_u16(key, node->index);
    key_u16(key, node->child_count);
    break;
  case EXPR_MATCHES: key_regex(key, node->regex); break;
  case EXPR_CALL:
    key_type(key, node->type);
    key_u16(key, node->index);
    key_regex(key, node->regex);
    key_text(key, node->zone == NULL ? SLICE("UTC") : zone_name(node->zone));
    key_u16(key, node->child_count);
    break;
  case EXPR_CAST:
  case EXPR_IF:
  case EXPR_COALESCE:
    key_type(key, node->type);
    key_u16(key, node->child_count);
    break;
  default: break; /* the operands say the rest */
  }
  for (unsigned i = 0; i < node->child_count; i++) key_node(key, node->children[i]);
}

static void key_node(struct key *key, const struct expr_node *node) {
  if (++key->depth > EXPR_NODE_DEPTH_MAX) {
    key_too_deep(key, node);
  } else if (node->op >= EXPR_EQUAL && node->op <= EXPR_GREATER_EQUAL) {
    key_comparison(key, node);
  } else if (node->op == EXPR_AND || node->op == EXPR_OR) {
    key_logic(key, node);
  } else if (node->op == EXPR_IN_SET) {
    key_set(key, node);
  } else {
    key_plain(key, node);
  }
  key->depth--;
}

void expr_node_key(struct buf *out, const struct expr_node *node) {
  struct key key = {out, 0};
  key_node(&key, node);
}

static bool reads_only(const struct expr_node *node, unsigned bank, unsigned depth) {
  if (depth > EXPR_NODE_DEPTH_MAX) return false;
  for (;;) {
    if (node->op == EXPR_INPUT && node->bank != bank) return false;
    for (unsigned i = 1; i < node->child_count; i++)
      if (!reads_only(node->children[i], bank, depth + 1)) return false;
    if (node->child_count == 0) return true;
    node = node->children[0]; /* long chains nest to the left */
  }
}

bool expr_node_reads_only(const struct expr_node *node, enum expr_bank bank) { return reads_only(node, bank, 0); }
