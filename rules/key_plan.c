/* key_plan.c - finds and makes key spaces. */
#include "rules/key_plan.h"

void key_plan_init(struct key_plan *plan, struct mem *mem, struct arena *arena, uint16_t schema_count) {
  *plan = (struct key_plan){.mem = mem, .arena = arena, .schema_count = schema_count};
  map_text_init(&plan->known, mem);
}

void key_plan_free(struct key_plan *plan) { map_text_free(&plan->known); }

static bool is_none(const struct key_tree *key) { return key == NULL || key->none; }

/* How a part is told. Where one of the rule's types calls the field a secret, it is one. */
static const struct schema_field *part_secret(const struct schema *schemas, const struct rule_tree *rule,
                                              const struct key_part *part) {
  const struct schema_field *field = NULL;
  for (uint16_t t = 0; t < rule->type_count; t++) {
    field = &schemas[rule->types[t]].fields[part->fields[t]];
    if (field->secret != SECRET_NONE) return field;
  }
  return part->carried ? &schemas[part->carried_type].fields[part->carried_field] : field;
}

/* Equal bytes, equal key. Lengths stand before texts, so that no two keys run together. */
static void canonical(struct buf *out, const struct schema *schemas, const struct rule_tree *rule) {
  if (is_none(rule->key)) {
    buf_byte(out, 'n');
    return;
  }
  for (uint16_t p = 0; p < rule->key->part_count; p++) {
    const struct key_part *part = &rule->key->parts[p];
    buf_printf(out, "p%zu:" SLICE_FMT ":%u.%u", part->name.text.length, SLICE_ARG(part->name.text), part->type.kind,
               part->type.scale);
    const struct schema_field *secret = part_secret(schemas, rule, part);
    if (secret != NULL) buf_printf(out, "s%d.%u.%u", (int)secret->secret, secret->mask_head, secret->mask_tail);
    if (part->path_count == 0) continue;
    for (uint16_t t = 0; t < rule->type_count; t++) buf_printf(out, "f%u.%u", rule->types[t], part->fields[t]);
  }
}

static void new_space(struct key_plan *plan, const struct schema *schemas, const struct rule_tree *rule) {
  if (plan->count == plan->capacity) {
    uint16_t capacity = plan->capacity == 0 ? 8 : plan->capacity > UINT16_MAX / 2 ? UINT16_MAX : 2 * plan->capacity;
    struct key_space *spaces = arena_array(plan->arena, struct key_space, capacity);
    uint16_t **slots = arena_array(plan->arena, uint16_t *, capacity);
    if (plan->count > 0) {
      memcpy(spaces, plan->spaces, plan->count * sizeof *spaces);
      memcpy(slots, plan->slots, plan->count * sizeof *slots);
    }
    plan->spaces = spaces;
    plan->slots = slots;
    plan->capacity = capacity;
  }
  struct key_space *space = &plan->spaces[plan->count];
  *space = (struct key_space){.none = is_none(rule->key)};
  uint16_t parts = space->none ? 0 : rule->key->part_count;
  struct slice *names = arena_array(plan->arena, struct slice, parts);
  struct type *types = arena_array(plan->arena, struct type, parts);
  enum secret_form *secrets = arena_array(plan->arena, enum secret_form, parts);
  uint16_t *heads = arena_array(plan->arena, uint16_t, parts), *tails = arena_array(plan->arena, uint16_t, parts);
  for (uint16_t p = 0; p < parts; p++) {
    const struct key_part *part = &rule->key->parts[p];
    names[p] =
        (struct slice){arena_copy(plan->arena, part->name.text.data, part->name.text.length), part->name.text.length};
    types[p] = part->type;
    const struct schema_field *secret = part_secret(schemas, rule, part);
    if (secret == NULL) continue;
    secrets[p] = secret->secret;
    heads[p] = secret->mask_head;
    tails[p] = secret->mask_tail;
  }
  uint16_t *slots = arena_array(plan->arena, uint16_t, (size_t)parts * plan->schema_count);
  for (size_t i = 0; i < (size_t)parts * plan->schema_count; i++) slots[i] = NO_SLOT;
  plan->slots[plan->count] = slots;
  *space = (struct key_space){.none = space->none,
                              .part_count = parts,
                              .names = names,
                              .types = types,
                              .secrets = secrets,
                              .mask_heads = heads,
                              .mask_tails = tails,
                              .slots = slots};
}

uint16_t key_plan_space(struct key_plan *plan, const struct schema *schemas, const struct rule_tree *rule) {
  struct buf key;
  buf_init(&key, plan->mem);
  canonical(&key, schemas, rule);
  uint32_t *found = map_text_get(&plan->known, buf_view(&key));
  uint16_t number;
  if (found != NULL) {
    number = (uint16_t)*found;
  } else {
    new_space(plan, schemas, rule);
    number = plan->count++;
    struct slice kept = {arena_copy(plan->arena, key.data, key.length), key.length};
    *map_text_put(&plan->known, kept, NULL) = number;
  }
  buf_free(&key);
  uint16_t parts = plan->spaces[number].part_count;
  for (uint16_t t = 0; t < rule->type_count && parts > 0; t++) {
    uint16_t type = rule->types[t];
    for (uint16_t p = 0; p < parts; p++)
      plan->slots[number][(size_t)type * parts + p] = schemas[type].fields[rule->key->parts[p].fields[t]].slot;
  }
  return number;
}

void key_plan_enter(struct key_plan *plan, uint16_t space, uint16_t type, uint16_t slot) {
  plan->slots[space][type] = slot;
}

void key_plan_describe(const struct key_space *space, struct buf *out) {
  if (space->none) buf_str(out, "none");
  for (uint16_t p = 0; p < space->part_count; p++)
    buf_printf(out, "%s" SLICE_FMT, p == 0 ? "" : ", ", SLICE_ARG(space->names[p]));
}
