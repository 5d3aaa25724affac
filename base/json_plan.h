/* json_plan.h - for each event type, the tree of the member names that its fields' paths go through, and the memory of
 * the order in which members came. Built once by json_plan_new(); read, and the memory written, by decode_json.c. */
#ifndef WEIR_BASE_JSON_PLAN_H
#define WEIR_BASE_JSON_PLAN_H

#include "base/decode_plan.h"
#include "base/json_scan.h"

enum {
  JSON_TEXT_BYTES = 40,   /* longer names are looked up each time */
  JSON_KEYS_MAX = 64,     /* members of one object whose order is remembered */
  JSON_DATES = 4,         /* days whose start is remembered; a power of two */
  JSON_DATE_BYTES = 11,   /* `2026-11-21T` */
  JSON_MINUTE_BYTES = 16, /* `2026-11-21T10:00` */
};

struct json_member;

/* Text that is expected somewhere. It has no closing brace: so where it stands in a record, it ends before the brace
 * that ends the record. */
struct json_text {
  _Alignas(16) char bytes[JSON_TEXT_BYTES];
  uint32_t quick;  /* json_mask(length) up to 16 bytes; else JSON_NOT_QUICK: compared in two steps */
  uint32_t length; /* 0 = none: it stands nowhere */
};
#define JSON_NOT_QUICK (UINT32_C(1) << 16) /* no 16 bytes are like that */

static inline bool json_stands(const char *at, const struct json_text *text) {
  if (JSON_LIKELY((~json_same_bits_aligned(at, text->bytes) & text->quick) == 0)) return true;
  return text->length > JSON_SCAN_STEP && json_same(at, text->bytes, json_mask(text->length), text->length);
}

/* One remembered member: its name as it stood, from the brace or comma before it up to its value, white space and all.
 * Only keys[0] of an object begins with a brace. */
struct json_key {
  struct json_text name; /* of a name that is too long or has a brace none; it takes up its place */
  uint32_t offset;       /* of the value's slot, in bytes; as the next two of the member */
  uint8_t action, scale; /* enum json_action */
  /* How long values are, where they are mostly of one length: the next member can be looked at before this value's end
   * is found. Looked into now and then only: json_plan_value(). */
  uint8_t same;         /* values in a row that had `last` bytes */
  uint16_t guess;       /* bytes of the value; 0 = there is no guess */
  uint16_t last, pause; /* `pause`: values that pass before json_plan_value() is told of one */
  uint16_t member;      /* index + 1 in the object's; 0 = nobody wants it */
};
_Static_assert(sizeof(struct json_key) == 64, "one cache line each");

/* An object that has wanted members. */
struct json_object {
  struct json_member *members;
  uint32_t member_count, member_capacity;
  uint32_t *table; /* a hash table of member index + 1 */
  uint32_t table_mask;
  uint16_t *below; /* all targets in it, however deep: they are null again when the object comes a second time */
  uint16_t below_count;
  struct json_key *keys; /* JSON_KEYS_MAX and one that is never set; key_count of them are set */
  uint32_t key_count;
};

enum json_action {
  JSON_ACT_GENERAL, /* several fields from one member, members below it, rarer types */
  JSON_ACT_SKIP,    /* nobody wants it */
  JSON_ACT_STRING,
  JSON_ACT_INT,
  JSON_ACT_DECIMAL,
  JSON_ACT_FLOAT,
  JSON_ACT_BOOL,
  JSON_ACT_TIME,  /* as text */
  JSON_ACT_COUNT, /* a time as a whole number of units */
  JSON_ACT_TYPE,  /* the type field, which is nothing else */
};

struct json_member {
  struct slice name;
  enum json_action action;
  bool is_type;
  uint8_t scale; /* JSON_ACT_DECIMAL; JSON_ACT_COUNT: digits of microseconds in a unit */
  uint16_t slot; /* of the only target */
  uint16_t *targets;
  uint16_t target_count;
  struct json_object *object; /* what is wanted of an object here, or NULL */
};

struct json_moment { /* a day or a minute, and when it begins */
  char text[16];
  int64_t start_us;
};
struct json_times { /* that came last */
  struct json_moment dates[JSON_DATES], minute;
};

struct json_plan {
  struct json_object **roots; /* of decoder.types, the last one included */
  struct json_text *types;    /* what their type field is, in its quotes; none: it is looked up */
  struct slice type_key;      /* the type field's last name in quotes; empty if the input says the type */
  bool mixed;                 /* the type of the record before was a wrong guess once */
  uint16_t before;            /* the type of the record before */
  struct json_times times;
  struct json_reader *reader; /* of decode_json.c: what it knows of the record at hand */
};

struct json_plan *json_plan_new(struct decoder *decoder);

/* The member called `name` (without quotes and escapes), or NULL. */
struct json_member *json_plan_find(const struct json_object *object, struct slice name);

/* The member that a key stands for; NULL = nobody wants it. */
static inline struct json_member *json_plan_member(const struct json_object *object, const struct json_key *key) {
  return key->member == 0 ? NULL : &object->members[key->member - 1];
}

/* Remember that the member at place *cursor has the name that stands in `text` (json_key.text); move on. */
void json_plan_remember(struct json_object *object, uint32_t *cursor, struct slice text, struct json_member *member);

/* The value of a remembered member has `length` bytes: told when `pause` has run out, and when the guess was wrong. */
void json_plan_value(struct json_key *key, size_t length);

#endif
