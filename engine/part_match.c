/* part_match.c - matches as bytes and back. Called by flow.c, which makes events of matches, and step.c, which tells
 * them whole. */
#include "engine/part_match.h"

#include "base/check.h"

/* What stands before an event's values. */
struct packed {
  struct position position;
  int64_t time;
  uint16_t type, step, value_count, zero;
};

/* What stands for a value; a number, address or text follows it, or the elements of a list. */
struct packed_value {
  uint32_t length;
  uint8_t kind, scale;
  uint16_t zero;
};

/* ---- to bytes ---- */

static size_t value_bytes(struct value value) {
  size_t bytes = sizeof(struct packed_value);
  if (value.kind == VALUE_NULL) return bytes;
  if (value.kind == VALUE_STRING) return bytes + value.length;
  if (value.kind == VALUE_IP && value.length > sizeof value.i) return bytes + value.length;
  if (value.kind != VALUE_LIST) return bytes + sizeof value.i;
  for (uint32_t i = 0; i < value.length; i++) bytes += value_bytes(value.list[i]); /* lists are not inside lists */
  return bytes;
}

static void put(char **to, const void *bytes, size_t length) {
  if (length > 0) memcpy(*to, bytes, length);
  *to += length;
}

static void put_value(char **to, struct value value) {
  struct packed_value head = {.length = value.length, .kind = value.kind, .scale = value.scale};
  put(to, &head, sizeof head);
  if (value.kind == VALUE_NULL) return;
  if (value.kind == VALUE_STRING) {
    put(to, value.s, value.length);
  } else if (value.kind == VALUE_IP && value.length > sizeof value.i) {
    put(to, value.ip, value.length);
  } else if (value.kind == VALUE_LIST) {
    for (uint32_t i = 0; i < value.length; i++) put_value(to, value.list[i]);
  } else {
    put(to, &value.i, sizeof value.i);
  }
}

struct slice part_match_pack(const struct nfa_match *match, struct arena *arena) {
  size_t bytes = 0;
  for (uint32_t i = 0; i < match->count; i++) {
    const struct held *held = match->items[i].event;
    bytes += sizeof(struct packed);
    for (uint16_t v = 0; v < held->value_count; v++) bytes += value_bytes(held->values[v]);
  }
  check(bytes <= UINT32_MAX); /* the length of a text value: LIMIT_PART_EVENTS events are far from it */
  char *start = arena_alloc(arena, bytes), *to = start;
  for (uint32_t i = 0; i < match->count; i++) {
    const struct held *held = match->items[i].event;
    struct packed head = {.position = held->position,
                          .time = held->time,
                          .type = held->type,
                          .step = match->items[i].step,
                          .value_count = held->value_count};
    put(&to, &head, sizeof head);
    for (uint16_t v = 0; v < held->value_count; v++) put_value(&to, held->values[v]);
  }
  return (struct slice){start, bytes};
}

/* ---- and back ---- */

static void take(const char **from, void *to, size_t length) {
  memcpy(to, *from, length);
  *from += length;
}

static struct value take_value(const char **from, struct arena *arena) {
  struct packed_value head;
  take(from, &head, sizeof head);
  struct value value = {.length = head.length, .kind = head.kind, .scale = head.scale};
  if (value.kind == VALUE_NULL) return value;
  if (value.kind == VALUE_STRING || (value.kind == VALUE_IP && value.length > sizeof value.i)) {
    value.s = *from;
    *from += value.length;
  } else if (value.kind == VALUE_LIST) {
    struct value *list = arena_array(arena, struct value, value.length + 1u);
    for (uint32_t i = 0; i < value.length; i++) list[i] = take_value(from, arena);
    value.list = list;
  } else {
    take(from, &value.i, sizeof value.i);
  }
  return value;
}

static struct nfa_item take_item(const char **from, struct arena *arena) {
  struct packed head;
  take(from, &head, sizeof head);
  struct held *held = arena_alloc(arena, sizeof *held + head.value_count * sizeof(struct value));
  *held = (struct held){.references = 1,
                        .type = head.type,
                        .value_count = head.value_count,
                        .position = head.position,
                        .time = head.time};
  for (uint16_t v = 0; v < head.value_count; v++) held->values[v] = take_value(from, arena);
  return (struct nfa_item){held, head.step};
}

static struct value slot_of(const struct held *held, const struct schema *schemas, uint16_t slot) {
  int16_t kept = schemas[held->type].kept_index[slot];
  check(kept >= 0);
  return held->values[kept];
}

void part_match_whole(const struct rule *rule, const struct schema *schemas, const struct nfa_match *match,
                      struct arena *arena, struct nfa_match *whole) {
  *whole = *match;
  if (rule->parts == NULL || rule->parts->number == 0) return; /* its steps are the first of the rule */
  const struct held *before = match->items[0].event;
  uint32_t count = (uint32_t)slot_of(before, schemas, PART_COUNT_SLOT).i;
  struct value bytes = slot_of(before, schemas, PART_EVENTS_SLOT);
  struct nfa_item *items = arena_alloc(arena, (count + match->count) * sizeof *items);
  const char *from = bytes.s;
  for (uint32_t i = 0; i < count; i++) items[i] = take_item(&from, arena);
  check(from == bytes.s + bytes.length);
  for (uint32_t i = 1; i < match->count; i++)
    items[count + i - 1] =
        (struct nfa_item){match->items[i].event, (uint16_t)(match->items[i].step - 1 + rule->parts->first_step)};
  whole->items = items;
  whole->count = count + match->count - 1;
}
