/* json_plan.c - see json_plan.h. */
#include "base/json_plan.h"

#include "base/hash.h"

enum { JSON_MEMBERS_FIRST = 4 };

/* Takes `text` if it can be kept; 32 bytes may be loaded from any of its bytes. What stands behind it in `kept` does
 * not matter. */
static void text_keep(struct json_text *kept, struct slice text) {
  enum { AT_ONCE = 32 };
  kept->quick = JSON_NOT_QUICK;
  kept->length = 0;
  if (text.length == 0 || text.length > sizeof kept->bytes) return;
  for (unsigned i = 0; i < text.length; i += JSON_SCAN_STEP)
    if (json_byte_bits(text.data + i, '}') & json_mask((unsigned)text.length - i)) return;
  memcpy(kept->bytes, text.data, AT_ONCE);
  if (text.length > AT_ONCE) memcpy(kept->bytes + AT_ONCE, text.data + AT_ONCE, text.length - AT_ONCE);
  kept->length = (uint32_t)text.length;
  if (text.length <= JSON_SCAN_STEP) kept->quick = json_mask(kept->length);
}

static struct json_object *object_new(struct mem *mem) {
  struct json_object *object = mem_alloc(mem, sizeof *object);
  char *keys = mem_alloc(mem, sizeof *object->keys * (JSON_KEYS_MAX + 2));
  object->keys = (struct json_key *)(void *)(keys + -(uintptr_t)keys % sizeof *object->keys); /* one cache line each */
  for (uint32_t i = 0; i <= JSON_KEYS_MAX; i++) object->keys[i].name.quick = JSON_NOT_QUICK;
  return object;
}

static struct json_member *member_named(struct json_object *object, struct slice name, struct mem *mem) {
  for (uint32_t i = 0; i < object->member_count; i++) {
    if (slice_equal(object->members[i].name, name)) return &object->members[i];
  }
  if (object->member_count == object->member_capacity) {
    object->member_capacity = object->member_capacity == 0 ? JSON_MEMBERS_FIRST : 2 * object->member_capacity;
    object->members = mem_realloc(mem, object->members, sizeof *object->members * object->member_capacity);
  }
  struct json_member *member = &object->members[object->member_count++];
  *member = (struct json_member){.name = name};
  return member;
}

/* Walks `path` from the root, making what is missing; every object on the way has the target below it. */
static struct json_member *path_add(struct json_object *root, struct slice path, int32_t target, struct mem *mem) {
  struct json_object *object = root;
  for (;;) {
    if (target >= 0) {
      object->below = mem_realloc(mem, object->below, sizeof *object->below * (object->below_count + 1u));
      object->below[object->below_count++] = (uint16_t)target;
    }
    const char *point = path.length > 0 ? memchr(path.data, '.', path.length) : NULL;
    size_t length = point != NULL ? (size_t)(point - path.data) : path.length;
    struct json_member *member = member_named(object, (struct slice){path.data, length}, mem);
    if (point == NULL) return member;
    if (member->object == NULL) member->object = object_new(mem);
    object = member->object;
    path = (struct slice){point + 1, path.length - length - 1};
  }
}

static enum json_action action_of(const struct json_member *member, const struct decode_type *type) {
  if (member->is_type && member->object == NULL && member->target_count == 0) return JSON_ACT_TYPE;
  if (member->is_type || member->object != NULL || member->target_count != 1) return JSON_ACT_GENERAL;
  const struct schema_field *field = type->targets[member->targets[0]].field;
  switch ((enum value_kind)field->type.kind) {
  case VALUE_STRING: return JSON_ACT_STRING;
  case VALUE_INT: return JSON_ACT_INT;
  case VALUE_DECIMAL: return JSON_ACT_DECIMAL;
  case VALUE_FLOAT: return JSON_ACT_FLOAT;
  case VALUE_BOOL: return JSON_ACT_BOOL;
  case VALUE_TIME: return field->unit == TIME_TEXT ? JSON_ACT_TIME : JSON_ACT_COUNT;
  case VALUE_NULL:
  case VALUE_DURATION:
  case VALUE_IP:
  case VALUE_LIST:
  case VALUE_NETWORK:
  case VALUE_KINDS: break;
  }
  return JSON_ACT_GENERAL;
}

static uint8_t scale_of(const struct json_member *member, const struct schema_field *field) {
  if (member->action != JSON_ACT_COUNT) return field->type.scale;
  return field->unit == TIME_S ? 6 : field->unit == TIME_MS ? 3 : 0;
}

static void object_finish(struct json_object *object, const struct decode_type *type, struct mem *mem) {
  uint32_t size = 4;
  while (size < 2 * object->member_count) size *= 2;
  object->table = mem_alloc(mem, sizeof *object->table * size);
  object->table_mask = size - 1;
  for (uint32_t i = 0; i < object->member_count; i++) {
    struct json_member *member = &object->members[i];
    member->action = action_of(member, type);
    if (member->action != JSON_ACT_GENERAL && member->action != JSON_ACT_TYPE) {
      member->slot = type->targets[member->targets[0]].slot;
      member->scale = scale_of(member, type->targets[member->targets[0]].field);
    }
    uint32_t at = (uint32_t)hash_bytes(member->name.data, member->name.length) & object->table_mask;
    while (object->table[at] != 0) at = (at + 1) & object->table_mask;
    object->table[at] = i + 1;
    if (member->object != NULL)
      object_finish(member->object, type, mem); /* paths have at most RECORD_DEPTH_MAX parts */
  }
}

/* No record that is taken goes so deep: what stands there stays null. */
static bool path_too_deep(struct slice path) {
  size_t points = 0;
  for (size_t i = 0; i < path.length; i++) points += path.data[i] == '.';
  return points >= RECORD_DEPTH_MAX;
}

static struct json_object *root_new(struct decoder *decoder, const struct decode_type *type, struct slice type_field) {
  struct json_object *root = object_new(decoder->mem);
  for (uint16_t i = 0; i < type->target_count; i++) {
    struct slice path = type->targets[i].field->path;
    if (path_too_deep(path)) continue;
    struct json_member *member = path_add(root, path, i, decoder->mem);
    member->targets = mem_realloc(decoder->mem, member->targets, sizeof *member->targets * (member->target_count + 1u));
    member->targets[member->target_count++] = i;
  }
  if (type_field.length > 0 && !path_too_deep(type_field)) path_add(root, type_field, -1, decoder->mem)->is_type = true;
  object_finish(root, type, decoder->mem);
  return root;
}

static struct slice type_key_new(struct mem *mem, struct slice type_field) {
  const char *point = memrchr(type_field.data, '.', type_field.length);
  size_t skipped = point != NULL ? (size_t)(point + 1 - type_field.data) : 0, length = type_field.length - skipped;
  char *key = mem_alloc_raw(mem, length + 2);
  key[0] = key[length + 1] = '"';
  memcpy(key + 1, type_field.data + skipped, length);
  return (struct slice){key, length + 2};
}

/* A name that stands in JSON as it is. */
static bool is_plain(struct slice name) {
  for (size_t i = 0; i < name.length; i++) {
    uint8_t c = (uint8_t)name.data[i];
    if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') return false;
  }
  return true;
}

/* What the type field of such a record is. None where it is looked up: where it is a field, too, for example. */
static void type_text(struct json_text *text, struct decoder *decoder, uint16_t index, struct json_object *root,
                      struct slice type_field) {
  const struct schema *schema = decoder->types[index].schema;
  struct slice name = schema == NULL             ? (struct slice){NULL, 0}
                      : schema->named.length > 0 ? schema->named
                                                 : schema->name;
  char quoted[JSON_TEXT_BYTES + JSON_SCAN_PADDING] = {'"'};
  size_t length = name.length + 2;
  text_keep(text, (struct slice){NULL, 0});
  if (name.length == 0 || length > JSON_TEXT_BYTES || !is_plain(name)) return;
  if (type_field.length == 0 || path_too_deep(type_field)) return;
  if (path_add(root, type_field, -1, decoder->mem)->action != JSON_ACT_TYPE) return;   /* it is there: this finds it */
  if (decode_type_named(decoder, name, decoder->type_count) != (int32_t)index) return; /* it is another one's, too */
  quoted[length - 1] = '"';
  memcpy(quoted + 1, name.data, name.length);
  text_keep(text, (struct slice){quoted, length});
}

struct json_plan *json_plan_new(struct decoder *decoder) {
  struct json_plan *plan = mem_alloc(decoder->mem, sizeof *plan);
  for (uint32_t i = 0; i < JSON_DATES; i++)
    plan->times.dates[i] = (struct json_moment){"1970-01-01T", 0}; /* so none is wrong */
  memcpy(plan->times.minute.text, "1970-01-01T00:00", JSON_MINUTE_BYTES);
  struct slice type_field = decoder->fixed >= 0 ? (struct slice){NULL, 0} : decoder->plan->type_field;
  if (type_field.length > 0) plan->type_key = type_key_new(decoder->mem, type_field);
  plan->roots = mem_alloc(decoder->mem, sizeof *plan->roots * (decoder->type_count + 1u));
  plan->types = mem_alloc(decoder->mem, sizeof *plan->types * (decoder->type_count + 1u));
  for (uint32_t i = 0; i <= decoder->type_count; i++) {
    plan->roots[i] = root_new(decoder, &decoder->types[i], type_field);
    type_text(&plan->types[i], decoder, (uint16_t)i, plan->roots[i], type_field);
  }
  return plan;
}

struct json_member *json_plan_find(const struct json_object *object, struct slice name) {
  uint32_t at = (uint32_t)hash_bytes(name.data, name.length) & object->table_mask;
  while (object->table[at] != 0) {
    struct json_member *member = &object->members[object->table[at] - 1];
    if (slice_equal(member->name, name)) return member;
    at = (at + 1) & object->table_mask;
  }
  return NULL;
}

void json_plan_remember(struct json_object *object, uint32_t *cursor, struct slice text, struct json_member *member) {
  if (*cursor >= JSON_KEYS_MAX) return;
  struct json_key *key = &object->keys[*cursor];
  text_keep(&key->name, text);
  bool wanted = member != NULL;
  key->action = !wanted ? JSON_ACT_SKIP : (uint8_t)member->action;
  key->member = !wanted ? 0 : (uint16_t)(member - object->members + 1);
  key->offset = !wanted ? 0 : (uint32_t)(member->slot * sizeof(struct value));
  key->scale = !wanted ? 0 : member->scale;
  key->same = 0;
  key->guess = key->last = 0;
  key->pause = 1;
  if (*cursor >= object->key_count) object->key_count = *cursor + 1;
  (*cursor)++;
}

void json_plan_value(struct json_key *key, size_t length) {
  enum { SAME_MIN = 16, PAUSE_OTHER = 32, PAUSE_WRONG = 64 };
  bool wrong = key->guess != 0, same = !wrong && length == key->last;
  key->guess = 0;
  key->last = length <= UINT16_MAX ? (uint16_t)length : 0;
  key->same = same ? (uint8_t)(key->same + 1) : 0;
  key->pause = wrong ? PAUSE_WRONG : same ? 1 : PAUSE_OTHER;
  if (key->same == SAME_MIN) key->guess = key->last;
}
