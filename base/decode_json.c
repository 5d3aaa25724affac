/* decode_json.c - the field-selecting JSON reader: one pass over a record that judges all of it by RFC 8259 and takes
 * out only the wanted members.
 *
 * How it is fast. A record that ends in `}` cannot be overrun by a number, a literal or white space, so these need no
 * test for the end; what does not end so is no object and is read again from a copy with NULs behind it, for the sake
 * of the message. Names are expected in the order of the record before (json_plan.h): then a name costs one comparison
 * and no search for its end. Strings are searched 16 bytes at a time, digits are counted and valued without a loop.
 * Each shortcut handles the common shape and leaves everything else, wrong input included, to the general way. */
#include "base/check.h"
#include "base/decode_value.h"
#include "base/json_fast.h"
#include "base/json_plan.h"
#include "base/json_scan.h"
#include "base/utf8.h"

struct json_reader {
  const char *start, *end; /* `end`: behind the last byte that is not white space */
  struct decoder *decoder;
  struct json_plan *plan;
  const struct decode_type *type;
  const struct json_text *type_text; /* its type field */
  struct json_key *key;              /* on leaving the fast way: the member expected next */
  struct arena *arena;
  struct value *values;
  uint16_t type_index;
  bool settled;          /* the type is no guess any more */
  int32_t seen_type;     /* of the type field: index, DECODE_TYPE_UNSEEN, DECODE_TYPE_UNKNOWN */
  enum decode_code code; /* set when a function returns NULL */
  const char *error_at, *error;
  unsigned depth; /* objects on the way that have wanted members; frames[depth - 1] is the open one */
  struct json_frame {
    struct json_object *object;
    uint32_t cursor;
  } frames[RECORD_DEPTH_MAX];
};

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_OBJECT, JSON_ARRAY };

struct json_token {
  enum json_kind kind;
  bool escaped;      /* a string with escapes */
  struct slice text; /* a string's content, a number; an array with its brackets */
};

static const char *fail(struct json_reader *reader, enum decode_code code, const char *at, const char *error) {
  reader->code = code;
  reader->error_at = at;
  reader->error = error;
  return NULL;
}
static const char *fail_json(struct json_reader *reader, const char *at, const char *error) {
  return fail(reader, DECODE_BAD_JSON, at, error);
}

static inline const char *skip_space(const char *at) {
  while (JSON_UNLIKELY(*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
  return at;
}

/* --- strings --- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The four hex digits behind `\u`, -1 if they are not. */
static int32_t hex_four(const char *at) {
  int32_t unit = 0;
  for (unsigned i = 0; i < 4; i++) {
    int digit = hex_digit(at[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

/* Checks the escape at the backslash `at`; returns what follows it. Reads a few bytes behind `end` at most: the caller
 * sees that the string does not close before it. */
static const char *skip_escape(struct json_reader *reader, const char *at) {
  switch (at[1]) {
  case '"':
  case '\\':
  case '/':
  case 'b':
  case 'f':
  case 'n':
  case 'r':
  case 't': return at + 2;
  case 'u': break;
  default: return fail_json(reader, at, "an escape that JSON does not have");
  }
  int32_t unit = hex_four(at + 2);
  if (unit < 0) return fail_json(reader, at, "expected four hex digits after `\\u`");
  if (unit < 0xD800 || unit > 0xDFFF) return at + 6;
  if (unit > 0xDBFF || at[6] != '\\' || at[7] != 'u') return fail(reader, DECODE_BAD_UTF8, at, "a lone surrogate");
  int32_t low = hex_four(at + 8);
  if (low < 0) return fail_json(reader, at + 6, "expected four hex digits after `\\u`");
  if (low < 0xDC00 || low > 0xDFFF) return fail(reader, DECODE_BAD_UTF8, at, "a lone surrogate");
  return at + 12;
}

/* Goes on in a string at a byte that json_special() stopped at; returns the closing quote. */
static const char *string_rest(struct json_reader *reader, const char *at, bool *escaped) {
  while (at < reader->end) {
    uint8_t c = (uint8_t)*at;
    if (c == '"') return at;
    if (c == '\\') {
      *escaped = true;
      at = skip_escape(reader, at);
      if (at == NULL) return NULL;
    } else if (c < 0x20) {
      return fail_json(reader, at, "a control character in a string");
    } else {
      while (at < reader->end && (uint8_t)*at >= 0x80) {
        unsigned length = utf8_sequence(at, reader->end);
        if (length == 0) return fail(reader, DECODE_BAD_UTF8, at, "not UTF-8");
        at += length;
      }
    }
    at = json_special(at, reader->end);
  }
  return fail_json(reader, reader->end, "expected `\"`");
}

/* `at` is the first byte behind the opening quote; returns the closing quote. */
static inline const char *string_end(struct json_reader *reader, const char *at, bool *escaped) {
  const char *stop = json_special(at, reader->end);
  if (JSON_LIKELY(*stop == '"' && stop < reader->end)) return stop;
  return string_rest(reader, stop, escaped);
}

struct slice decode_json_unescape(struct slice text, struct arena *arena) {
  char *out = arena_alloc(arena, text.length);
  size_t length = 0;
  for (size_t i = 0; i < text.length;) {
    char c = text.data[i];
    if (c != '\\') {
      out[length++] = c;
      i++;
      continue;
    }
    c = text.data[i + 1];
    i += 2;
    switch (c) {
    case 'b': out[length++] = '\b'; break;
    case 'f': out[length++] = '\f'; break;
    case 'n': out[length++] = '\n'; break;
    case 'r': out[length++] = '\r'; break;
    case 't': out[length++] = '\t'; break;
    case 'u': {
      uint32_t code_point = (uint32_t)hex_four(text.data + i);
      i += 4;
      if (code_point >= 0xD800 && code_point <= 0xDFFF) { /* the second half was checked to be there */
        code_point = 0x10000 + ((code_point - 0xD800) << 10) + ((uint32_t)hex_four(text.data + i + 2) - 0xDC00);
        i += 6;
      }
      length += utf8_encode(code_point, out + length); /* at most 4 bytes for 6 or 12 */
      break;
    }
    default: out[length++] = c;
    }
  }
  return (struct slice){out, length};
}

/* --- numbers and literals --- */

/* What follows the number at `at`. */
static inline const char *number_end(struct json_reader *reader, const char *at) {
  const char *digits = json_past_minus(at);
  uint32_t stops = json_not_digit_bits(digits);
  unsigned whole = (unsigned)__builtin_ctz(stops), length = whole;
  if (JSON_UNLIKELY(whole >= JSON_DIGITS_MAX)) {
    length = JSON_SCAN_STEP;
  } else if (digits[whole] == '.') {
    unsigned fraction = (unsigned)__builtin_ctz(stops >> (whole + 1));
    length = fraction == 0 ? JSON_SCAN_STEP : whole + 1 + fraction;
  }
  bool plain = whole > 0 && length <= JSON_DIGITS_MAX && (*digits != '0' || whole == 1);
  if (JSON_LIKELY(plain && (digits[length] | 0x20) != 'e')) return digits + length;
  size_t slow = decode_number_length((struct slice){at, (size_t)(reader->end - at)});
  if (slow == 0) return fail_json(reader, at, "not a number as JSON has it");
  return at + slow;
}

/* `true`, `false` or `null`; no branch tells them apart, for which of them comes is hard to foresee. */
static inline const char *literal_end(struct json_reader *reader, const char *at, enum json_kind *kind) {
  uint64_t five = read_u64_little(at) & 0xFFFFFFFFFFu, four = five & 0xFFFFFFFFu;
  bool is_true = four == 0x65757274u, is_null = four == 0x6C6C756Eu, is_false = five == 0x65736C6166u;
  if (JSON_UNLIKELY(!(is_true | is_null | is_false))) return fail_json(reader, at, "expected a value");
  *kind = is_true ? JSON_TRUE : is_null ? JSON_NULL : JSON_FALSE;
  return at + 4 + is_false;
}

/* Any value but an object or array. */
static inline const char *scalar_read(struct json_reader *reader, const char *at, struct json_token *token) {
  char c = *at;
  if (c == '"') {
    const char *close = string_end(reader, at + 1, &token->escaped);
    if (JSON_UNLIKELY(close == NULL)) return NULL;
    token->kind = JSON_STRING;
    token->text = (struct slice){at + 1, (size_t)(close - at - 1)};
    return close + 1;
  }
  if (c == '-' || (c >= '0' && c <= '9')) {
    const char *stop = number_end(reader, at);
    if (JSON_UNLIKELY(stop == NULL)) return NULL;
    token->kind = JSON_NUMBER;
    token->text = (struct slice){at, (size_t)(stop - at)};
    return stop;
  }
  return literal_end(reader, at, &token->kind);
}

/* --- objects and arrays that nobody looks into --- */

static const char *skip_name(struct json_reader *reader, const char *at) {
  bool escaped = false;
  if (*at != '"') return fail_json(reader, at, "expected a name in quotes");
  at = string_end(reader, at + 1, &escaped);
  if (at == NULL) return NULL;
  at = skip_space(at + 1);
  if (*at != ':') return fail_json(reader, at, "expected `:`");
  return skip_space(at + 1);
}

/* Checks the object or array that starts at `at`, `reader->depth` being the depth outside; returns what follows it. */
static const char *skip_container(struct json_reader *reader, const char *at) {
  unsigned base = reader->depth, depth = base;
  uint64_t arrays = 0; /* bit d: the container at depth d + 1 is an array */
  struct json_token token = {.kind = JSON_NULL};
  for (;;) {
    /* At a value. */
    if (*at == '{' || *at == '[') {
      if (depth == RECORD_DEPTH_MAX) return fail(reader, DECODE_TOO_DEEP, at, "more than 64 levels");
      bool array = *at == '[';
      uint64_t bit = UINT64_C(1) << depth;
      arrays = array ? arrays | bit : arrays & ~bit;
      depth++;
      at = skip_space(at + 1);
      if (*at != (array ? ']' : '}')) {
        if (!array && (at = skip_name(reader, at)) == NULL) return NULL;
        continue;
      }
    } else {
      at = scalar_read(reader, at, &token);
      if (JSON_UNLIKELY(at == NULL)) return NULL;
      at = skip_space(at);
    }
    /* Behind a value, or at the bracket that closes an empty container. */
    for (;;) {
      if (at >= reader->end) return fail_json(reader, reader->end, "expected more");
      bool array = arrays >> (depth - 1) & 1;
      if (*at != (array ? ']' : '}')) break;
      at++;
      if (--depth == base) return at;
      if (at < reader->end) at = skip_space(at);
    }
    bool array = arrays >> (depth - 1) & 1;
    if (*at != ',') return fail_json(reader, at, array ? "expected `,` or `]`" : "expected `,` or `}`");
    at = skip_space(at + 1);
    if (!array && (at = skip_name(reader, at)) == NULL) return NULL;
  }
}

/* The object that a member stands in is not closed where the record ends; NULL stays what it is. */
static const char *fail_end(struct json_reader *reader, const char *at) {
  return at == NULL ? NULL : fail_json(reader, reader->end, "expected `,` or `}`");
}

/* Any value that nobody wants; what follows it stands before the end. */
static __attribute__((noinline)) const char *skip_other(struct json_reader *reader, const char *at) {
  struct json_token token;
  at = skip_space(at);
  at = *at == '{' || *at == '[' ? skip_container(reader, at) : scalar_read(reader, at, &token);
  return at != NULL && at < reader->end ? at : fail_end(reader, at);
}

/* Goes on in a string that nobody wants, at a byte that json_special() stopped at; returns what follows it. */
static __attribute__((noinline)) const char *skip_string_rest(struct json_reader *reader, const char *stop) {
  bool escaped;
  stop = string_rest(reader, stop, &escaped);
  return stop == NULL ? NULL : stop + 1;
}

/* A value that nobody wants. */
static inline const char *skip_value(struct json_reader *reader, const char *at) {
  if (*at == '"') {
    const char *stop = json_special(at + 1, reader->end);
    if (JSON_LIKELY(*stop == '"' && stop < reader->end)) return stop + 1;
    return skip_string_rest(reader, stop);
  }
  if (*at >= '0' && *at <= '9') {
    const char *stop = json_short_end(at);
    if (JSON_LIKELY(stop != NULL)) return stop;
  }
  return skip_other(reader, at);
}

/* --- wanted values, the general way --- */

/* The elements of a checked array. */
static bool list_read(struct json_reader *reader, struct decode_form form, struct slice text, struct value *out,
                      const char **reason) {
  struct value elements[LIST_ELEMENTS_MAX];
  uint32_t count = 0;
  struct decode_form element = decode_form_element(form);
  const char *at = skip_space(text.data + 1);
  *out = value_null();
  while (*at != ']') {
    if (count == LIST_ELEMENTS_MAX) {
      *reason = "a list of more than 64 elements";
      return false;
    }
    struct json_token token = {.kind = JSON_NULL};
    bool fine = false;
    if (*at != '{' && *at != '[') {
      at = scalar_read(reader, at, &token);
      check(at != NULL);
      if (token.kind == JSON_STRING) {
        struct slice content = token.escaped ? decode_json_unescape(token.text, reader->arena) : token.text;
        fine = decode_value_string(element, content, reader->arena, &elements[count], reason);
      } else if (token.kind == JSON_NUMBER) {
        fine = decode_value_number(element, token.text, &elements[count], reason);
      } else if (token.kind != JSON_NULL) {
        fine = decode_value_bool(element, token.kind == JSON_TRUE, &elements[count], reason);
      }
    }
    if (!fine) {
      *reason = "a bad element in the list";
      return false;
    }
    count++;
    at = skip_space(at);
    if (*at == ',') at = skip_space(at + 1);
  }
  struct value *list = arena_alloc(reader->arena, sizeof *list * (count + 1u));
  memcpy(list, elements, sizeof *list * count);
  *out = (struct value){.list = list, .length = count, .kind = VALUE_LIST};
  return true;
}

static bool token_value(struct json_reader *reader, struct decode_form form, const struct json_token *token,
                        struct value *out, const char **reason) {
  *out = value_null();
  switch (token->kind) {
  case JSON_STRING: return decode_value_string(form, token->text, reader->arena, out, reason);
  case JSON_NUMBER: return decode_value_number(form, token->text, out, reason);
  case JSON_TRUE:
  case JSON_FALSE: return decode_value_bool(form, token->kind == JSON_TRUE, out, reason);
  case JSON_NULL: return true;
  case JSON_ARRAY:
    if (form.type.kind == VALUE_LIST) return list_read(reader, form, token->text, out, reason);
    break;
  case JSON_OBJECT: break;
  }
  *reason = decode_value_expected(form);
  return false;
}

static void member_take(struct json_reader *reader, const struct json_member *member, struct json_token token) {
  if (token.kind == JSON_STRING && token.escaped) token.text = decode_json_unescape(token.text, reader->arena);
  for (uint16_t i = 0; i < member->target_count; i++) {
    uint16_t target = member->targets[i];
    const struct decode_target *wanted = &reader->type->targets[target];
    const char *reason = NULL;
    if (token_value(reader, decode_form_of(wanted->field), &token, &reader->values[wanted->slot], &reason)) {
      decode_bad_clear(reader->decoder, target);
    } else {
      decode_bad_set(reader->decoder, target, reason);
    }
  }
}

/* The last of two objects of one name wins whole: what the first one had is gone. */
static void object_clear(struct json_reader *reader, const struct json_object *object) {
  for (uint16_t i = 0; i < object->below_count; i++) {
    reader->values[reader->type->targets[object->below[i]].slot] = value_null();
    decode_bad_clear(reader->decoder, object->below[i]);
  }
}

static __attribute__((noinline)) void type_change(struct json_reader *reader, uint16_t type_index) {
  reader->type = &reader->decoder->types[type_index];
  reader->type_text = &reader->plan->types[type_index];
  reader->type_index = type_index;
  reader->frames[0].object = reader->plan->roots[type_index];
  reader->decoder->bad_count = 0;
}

static inline void type_set(struct json_reader *reader, uint16_t type_index) {
  if (JSON_UNLIKELY(reader->type_index != type_index)) type_change(reader, type_index);
  enum { AT_ONCE = 4 }; /* values are set to VALUE_NULL four by four: no call */
  uint32_t count = (reader->type->slot_count + (uint32_t)AT_ONCE) & ~(AT_ONCE - 1u);
  struct value *value = reader->values = arena_alloc(reader->arena, sizeof *value * count);
  for (const struct value *end = value + count; value < end; value += AT_ONCE)
    memset(value, 0, AT_ONCE * sizeof *value);
}

/* The type field. Where it is the record's first member the pass goes on as the right type at once. */
static void type_read(struct json_reader *reader, const struct json_token *token) {
  reader->seen_type = DECODE_TYPE_UNSEEN;
  if (token->kind != JSON_STRING) return;
  struct slice name = token->escaped ? decode_json_unescape(token->text, reader->arena) : token->text;
  reader->seen_type = decode_type_named(reader->decoder, name, reader->type_index);
  uint16_t type_index = reader->seen_type >= 0 ? (uint16_t)reader->seen_type : reader->decoder->type_count;
  bool first = reader->depth == 1 && reader->frames[0].cursor == 1;
  if (type_index == reader->type_index || reader->settled || !first) return;
  type_set(reader, type_index);
}

/* A wanted member's value, whatever it is. Where it is an object to look into, that is opened: depth grows, and its
 * brace is returned. */
static const char *value_general(struct json_reader *reader, const struct json_member *member, const char *at) {
  struct json_token token = {.kind = JSON_NULL};
  at = skip_space(at);
  const char *first = at;
  if (member->object != NULL) object_clear(reader, member->object);
  if (*at == '{' && member->object != NULL) {
    token.kind = JSON_OBJECT;
    member_take(reader, member, token);
    if (member->is_type) reader->seen_type = DECODE_TYPE_UNSEEN;
    check(reader->depth < RECORD_DEPTH_MAX);
    reader->frames[reader->depth++] = (struct json_frame){member->object, 0};
    return at;
  }
  if (*at == '{' || *at == '[') {
    token.kind = *at == '{' ? JSON_OBJECT : JSON_ARRAY;
    at = skip_container(reader, at);
    if (at == NULL) return NULL;
    token.text = (struct slice){first, (size_t)(at - first)};
  } else {
    at = scalar_read(reader, at, &token);
    if (at == NULL) return NULL;
  }
  if (member->is_type) {
    const struct decode_type *before = reader->type;
    type_read(reader, &token);
    if (reader->type != before) { /* the member means other fields now */
      member = json_plan_find(reader->frames[0].object, member->name);
      check(member != NULL);
    }
  }
  member_take(reader, member, token);
  return at;
}

/* --- the type --- */

/* The type field has the name of another type than the record is read as; what follows it, or NULL. */
static __attribute__((noinline)) const char *type_other(struct json_reader *reader, const char *at) {
  enum { LOOKED_THROUGH = 16 };
  const struct json_text *types = reader->plan->types;
  uint16_t count = reader->decoder->type_count, type = 0;
  while (type < count && type < LOOKED_THROUGH && !json_stands(at, &types[type])) type++;
  if (type == count || type == LOOKED_THROUGH) return NULL;
  reader->seen_type = type;
  bool first = reader->depth == 1 && reader->key == reader->frames[0].object->keys;
  if (first && !reader->settled) {
    type_set(reader, type);
    reader->key = reader->frames[0].object->keys;
  }
  return at + types[type].length;
}

/* --- objects --- */

/* The name at `at`, `first` being the brace or comma before it; returns the place of its value. The name is not the one
 * expected at this place: perhaps some were left out, else it is looked up, and remembered. */
static const char *name_read(struct json_reader *reader, const char *first, const char *at,
                             struct json_member **member) {
  enum { AHEAD = 4 };
  struct json_frame *frame = &reader->frames[reader->depth - 1];
  struct json_object *object = frame->object;
  for (uint32_t i = frame->cursor + 1; i < object->key_count && i < frame->cursor + AHEAD; i++) {
    const struct json_key *key = &object->keys[i]; /* behind its first byte, for that may be the other of the two */
    unsigned length = key->name.length;
    if (length == 0 || !json_same(first + 1, key->name.bytes + 1, json_mask(length - 1), length - 1)) continue;
    frame->cursor = i + 1;
    *member = json_plan_member(object, key);
    return first + length;
  }
  bool escaped = false;
  if (*at != '"') return fail_json(reader, at, "expected a name in quotes");
  const char *close = string_end(reader, at + 1, &escaped);
  if (close == NULL) return NULL;
  struct slice name = {at + 1, (size_t)(close - at - 1)};
  at = skip_space(close + 1);
  if (*at != ':') return fail_json(reader, at, "expected `:`");
  at = skip_space(at + 1);
  *member = json_plan_find(object, escaped ? decode_json_unescape(name, reader->arena) : name);
  json_plan_remember(object, &frame->cursor, (struct slice){first, (size_t)(at - first)}, *member);
  return at;
}

/* What stands at an object's brace (its cursor is 0) or behind a member's value: the next member, at whose value it
 * returns, or the end of the record's object (depth is 0 then). Objects that end here are left. */
static __attribute__((noinline)) const char *member_next(struct json_reader *reader, const char *at,
                                                         struct json_member **member) {
  bool opening = reader->frames[reader->depth - 1].cursor == 0;
  if (opening) {
    const char *first = at;
    at = skip_space(at + 1);
    if (*at != '}') return name_read(reader, first, at, member);
  }
  for (;;) {
    if (at >= reader->end) return fail_json(reader, reader->end, "expected `,` or `}`");
    at = skip_space(at);
    if (*at != '}') break;
    at++;
    if (--reader->depth == 0) return at;
  }
  if (*at != ',') return fail_json(reader, at, "expected `,` or `}`");
  return name_read(reader, at, skip_space(at + 1), member);
}

/* The value at `at` of the member `key`, stored if it is wanted; what follows it. NULL where it is not of a common
 * shape. */
static inline __attribute__((always_inline)) const char *value_fast(struct json_reader *reader,
                                                                    const struct json_key *key, const char *at) {
  struct value *out = (struct value *)(void *)((char *)reader->values + key->offset);
  switch (key->action) {
  case JSON_ACT_SKIP: return skip_value(reader, at);
  case JSON_ACT_STRING: return json_fast_string(out, at, reader->end);
  case JSON_ACT_INT: return json_fast_int(out, at);
  case JSON_ACT_DECIMAL: return json_fast_decimal(out, key->scale, at);
  case JSON_ACT_FLOAT: return json_fast_float(out, at);
  case JSON_ACT_BOOL: return json_fast_bool(out, at);
  case JSON_ACT_TIME: return json_fast_time(&reader->plan->times, out, at);
  case JSON_ACT_COUNT: return json_long_count(out, key->scale, at);
  case JSON_ACT_TYPE:
    if (JSON_UNLIKELY(!json_stands(at, reader->type_text))) return NULL;
    reader->seen_type = reader->type_index;
    return at + reader->type_text->length;
  case JSON_ACT_GENERAL: return NULL;
  default: __builtin_unreachable();
  }
}

/* The value at `at` of the member whose name was read last. Where that is remembered, so is how to read the value. */
static __attribute__((noinline)) const char *value_named(struct json_reader *reader, const struct json_member *member,
                                                         const char *at) {
  const struct json_frame *frame = &reader->frames[reader->depth - 1];
  const struct json_key *key = &frame->object->keys[frame->cursor - (frame->cursor > 0)];
  const char *behind = json_plan_member(frame->object, key) == member ? value_fast(reader, key, at) : NULL;
  if (behind != NULL) return behind;
  return member == NULL ? skip_value(reader, at) : value_general(reader, member, at);
}

/* Leaves the fast way at the member of reader->key: what stands at `at` is its value, or (same false) not the name
 * expected. Returns where the next member begins; reader->key is the one expected there. NULL: an error, or the
 * record's object has ended (depth is 0 then). */
static __attribute__((noinline)) const char *member_slow(struct json_reader *reader, const char *at, bool same) {
  struct json_frame *frame = &reader->frames[reader->depth - 1];
  struct json_member *member = json_plan_member(frame->object, reader->key);
  frame->cursor = (uint32_t)(reader->key - frame->object->keys) + same;
  if (!same) {
    at = member_next(reader, at, &member);
    if (at == NULL || reader->depth == 0) return at;
    at = value_named(reader, member, at);
  } else {
    at = value_general(reader, member, at);
  }
  if (at == NULL || at >= reader->end) return fail_end(reader, at);
  frame = &reader->frames[reader->depth - 1];
  reader->key = &frame->object->keys[frame->cursor];
  return at;
}

/* Reads the record's object, whose brace is at `at`; frames[0] is set. Returns what follows the object. */
static inline const char *object_read(struct json_reader *reader, const char *at) {
  struct json_key *key = reader->frames[0].object->keys;
  for (;;) { /* each turn takes a member, so this ends with the record */
    bool same = json_stands(at, &key->name);
    if (JSON_LIKELY(same)) {
      at += key->name.length;
      const char *next = value_fast(reader, key, at);
      if (JSON_LIKELY(next != NULL)) {
        /* The same place twice: the one that is guessed does not wait for the one that is found. */
        const char *guess = at + key->guess, *behind = guess;
        __asm__("" : "+r"(behind));
        if (next == guess) {
          at = behind;
        } else {
          if (JSON_UNLIKELY(--key->pause == 0)) json_plan_value(key, (size_t)(next - at));
          at = next;
        }
        key++;
        continue;
      }
      if (key->action == JSON_ACT_SKIP) return NULL;
    } else if (JSON_LIKELY(*at == '}') && JSON_LIKELY(at + 1 == reader->end) && JSON_LIKELY(reader->depth == 1)) {
      return at + 1;
    }
    reader->key = key;
    const char *behind = same && key->action == JSON_ACT_TYPE ? type_other(reader, at) : NULL;
    if (behind != NULL) reader->key++;
    at = behind != NULL ? behind : member_slow(reader, at, same);
    if (at == NULL || reader->depth == 0) return at;
    key = reader->key;
  }
}

/* Where types come mixed, the type of the record before is a bad guess: look for the type field's name, wherever it is.
 * What is found may be something else; the pass over the record says. */
static uint16_t type_guess(const struct decoder *decoder, const char *at, const char *end) {
  struct slice key = decoder->json->type_key;
  const char *found = memmem(at, (size_t)(end - at), key.data, key.length);
  if (found == NULL) return decoder->predicted;
  at = skip_space(found + key.length);
  if (*at != ':') return decoder->predicted;
  at = skip_space(at + 1);
  if (*at != '"') return decoder->predicted;
  const char *stop = json_special(at + 1, end);
  int32_t type = decode_type_named(decoder, (struct slice){at + 1, (size_t)(stop - at - 1)}, decoder->predicted);
  return type >= 0 ? (uint16_t)type : decoder->predicted;
}

static __attribute__((noinline)) void refuse_at(const struct json_reader *reader, struct decoded *out) {
  bool at_end = reader->error_at >= reader->end;
  size_t byte = (size_t)((at_end ? reader->end : reader->error_at) - reader->start) + 1;
  decode_refuse(out, reader->code, "%s at byte %zu%s", reader->error, byte, at_end ? ", where the record ends" : "");
}

/* One pass over the object at `at` as a record of the given type, which is only a guess if not `settled`. Returns
 * whether it is JSON. */
static inline bool record_read(struct json_reader *reader, const char *at, uint16_t type_index, bool settled,
                               struct decoded *out) {
  type_set(reader, type_index);
  reader->settled = settled;
  reader->seen_type = DECODE_TYPE_UNSEEN;
  reader->depth = 1;
  reader->frames[0].cursor = 0;
  if (*at == '{')
    at = object_read(reader, at);
  else
    at = fail_json(reader, at, *at == '[' ? "expected an object, not a list of them," : "expected `{`");
  if (JSON_LIKELY(at == reader->end)) return true;
  if (at != NULL) fail_json(reader, skip_space(at), "expected nothing behind the object");
  refuse_at(reader, out);
  return false;
}

bool decode_json_list(struct decode_form form, struct slice text, struct arena *arena, struct value *out,
                      const char **reason) {
  char *copy = arena_zero(arena, text.length + JSON_SCAN_PADDING);
  struct json_reader reader = {.start = copy, .end = copy + text.length, .arena = arena};
  if (text.length > 0) memcpy(copy, text.data, text.length);
  const char *at = skip_space(copy), *stop = *at == '[' ? skip_container(&reader, at) : NULL;
  if (stop == NULL || skip_space(stop) != reader.end) {
    *out = value_null();
    *reason = decode_value_expected(form);
    return false;
  }
  return list_read(&reader, form, (struct slice){at, (size_t)(stop - at)}, out, reason);
}

/* White space behind the record goes; what is no object then is copied: only the message is wanted. */
static __attribute__((noinline)) struct slice record_odd(struct slice record, struct arena *arena) {
  while (record.length > 0 && decode_is_blank((struct slice){record.data + record.length - 1, 1})) record.length--;
  if (record.length == 0 || record.data[record.length - 1] == '}') return record;
  char *copy = arena_zero(arena, record.length + JSON_SCAN_PADDING);
  memcpy(copy, record.data, record.length);
  return (struct slice){copy, record.length};
}

void decode_json_record(struct decoder *decoder, struct slice record, struct arena *arena, struct decoded *out) {
  if (JSON_UNLIKELY(record.length == 0) || JSON_UNLIKELY(record.data[record.length - 1] != '}')) {
    record = record_odd(record, arena);
    if (record.length == 0) {
      out->code = DECODE_BLANK;
      return;
    }
  }
  struct json_plan *plan = decoder->json;
  struct json_reader *reader = plan->reader;
  reader->start = record.data;
  reader->end = record.data + record.length;
  reader->arena = arena;
  const char *at = skip_space(record.data);
  int32_t type = JSON_UNLIKELY(plan->mixed) ? type_guess(decoder, at, reader->end) : decoder->predicted;
  for (bool settled = false;; settled = true) { /* once, or twice where the guess was wrong */
    if (!record_read(reader, at, (uint16_t)type, settled, out)) return;
    type = decode_type_final(decoder, reader->seen_type, out);
    if (type < 0) return;
    if (JSON_LIKELY(type == (int32_t)reader->type_index)) break;
    check(!settled);
    plan->mixed = plan->type_key.length > 0;
  }
  if (plan->before == (uint16_t)type) decoder->predicted = (uint16_t)type; /* not for one that comes in between */
  plan->before = (uint16_t)type;
  decode_finish(decoder, reader->type, reader->values, arena, out);
}

struct decoder *decoder_json_new(struct mem *mem, const struct decode_plan *plan) {
  struct decoder *decoder = decode_plan_new(mem, plan);
  decoder->json = json_plan_new(decoder);
  decoder->json->reader = mem_alloc(mem, sizeof *decoder->json->reader);
  decoder->json->reader->decoder = decoder;
  decoder->json->reader->plan = decoder->json;
  type_change(decoder->json->reader, 0);
  return decoder;
}
