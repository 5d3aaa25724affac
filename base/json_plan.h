/* json_plan.h - for each event type, the tree of the member names that its fields' paths go through, and the memory of
 * the order in which members came. Built once by json_plan_new(); read, and the memory written, by decode_json.c. */
#ifndef WEIR_BASE_JSON_PLAN_H
#define WEIR_BASE_JSON_PLAN_H

#include "base/decode_plan.h"

enum {
  JSON_KEY_BYTES = 36,  /* longer names are looked up each time */
  JSON_KEYS_MAX = 64,   /* members of one object whose order is remembered */
  JSON_DATES = 4,       /* days whose start is remembered; a power of two */
  JSON_DATE_BYTES = 11, /* `2026-11-21T` */
};

struct json_member;

/* One remembered member: its name as it stood, from the brace or comma before it up to its value, white space and all.
 * Only keys[0] of an object begins with a brace. */
struct json_key {
  char text[JSON_KEY_BYTES];
  uint32_t quick;        /* json_mask(length) up to 16 bytes; else JSON_NOT_QUICK: compared in two steps */
  uint32_t mask;         /* json_mask(length) */
  uint16_t length;       /* 0 = a name too long to be kept, which takes up its place */
  uint16_t slot;         /* of the member, as the next two */
  uint8_t action, scale; /* enum json_action */
  uint16_t same;         /* records in a row whose value had `guess` bytes */
  uint32_t guess;
  struct json_member *member; /* NULL = nobody wants it */
};
_Static_assert(sizeof(struct json_key) == 64, "one cache line each");
#define JSON_NOT_QUICK (UINT32_C(1) << 16) /* no 16 bytes are like that */

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

struct json_date {
  char text[16];
  int64_t start_us;
};

struct json_type { /* what the type field of such a record is, its closing quote included */
  char text[JSON_KEY_BYTES];
  uint32_t mask, length; /* length 0: it is looked up */
};

struct json_plan {
  struct json_object **roots; /* of decoder.types, the last one included */
  struct json_type *types;    /* the same */
  struct slice type_key;      /* the type field's last name in quotes; empty if the input says the type */
  bool mixed;                 /* the type of the record before was a wrong guess once */
  struct json_date dates[JSON_DATES];
};

struct json_plan *json_plan_new(struct decoder *decoder);

/* The member called `name` (without quotes and escapes), or NULL. */
struct json_member *json_plan_find(const struct json_object *object, struct slice name);

/* Remember that the member at place *cursor has the name that stands in `text` (json_key.text); move on. */
void json_plan_remember(struct json_object *object, uint32_t *cursor, struct slice text, struct json_member *member);

#endif
