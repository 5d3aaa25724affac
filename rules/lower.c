/* lower.c - what all files of the lowering use (lower.h). */
#include "rules/lower.h"

#include "base/check.h"
#include "base/limits.h"

struct slice lower_slice(struct lower *lower, struct slice text) {
  return (struct slice){arena_copy(lower->arena, text.data, text.length), text.length};
}

struct slice lower_shared(struct lower *lower, struct slice text) {
  if (text.length == 0) return (struct slice){NULL, 0};
  uint32_t *number = map_text_get(&lower->words, text);
  if (number != NULL) return lower->word_items[*number - 1];
  if (lower->words.count == lower->word_capacity) {
    lower->word_capacity = lower->word_capacity == 0 ? 64 : 2 * lower->word_capacity;
    lower->word_items = mem_realloc(lower->mem, lower->word_items, lower->word_capacity * sizeof *lower->word_items);
  }
  struct slice kept = lower_slice(lower, text);
  lower->word_items[lower->words.count] = kept;
  number = map_text_put(&lower->words, kept, NULL);
  *number = lower->words.count;
  return kept;
}

void lower_error(struct lower *lower, struct span span, const char *code, const char *hint, const char *format, ...) {
  va_list list;
  va_start(list, format);
  char text[ERR_TEXT_MAX + ERR_FILE_MAX];
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  lower->error_count++;
  diag_add(lower->diags, DIAG_ERROR, span, code, hint, "%s", text);
}

const struct schema_field *lower_field(const struct lower *lower, uint16_t type, uint16_t field) {
  return &lower->ruleset->schemas[type].fields[field];
}

void lower_keep(struct lower *lower, uint16_t type, uint16_t slot) { lower->kept[type][slot] = true; }

uint16_t lower_new_slot(struct lower *lower, uint16_t type, struct span span) {
  struct schema *schema = &lower->ruleset->schemas[type];
  if (schema->slot_count >= LIMIT_EVENT_VALUES) {
    lower_error(lower, span, "event-limit", "the same value asked for the same key is one",
                "an event of `" SLICE_FMT "` would have more than %d values: its fields, and what is asked for it",
                SLICE_ARG(schema->name), LIMIT_EVENT_VALUES);
    return NO_SLOT;
  }
  if (schema->slot_count == lower->kept_capacity[type]) {
    uint16_t capacity = schema->slot_count < 8                ? 16
                        : schema->slot_count > UINT16_MAX / 2 ? UINT16_MAX
                                                              : 2 * schema->slot_count;
    bool *kept = arena_array(&lower->work, bool, capacity);
    memcpy(kept, lower->kept[type], schema->slot_count * sizeof *kept);
    lower->kept[type] = kept;
    lower->kept_capacity[type] = capacity;
  }
  return schema->slot_count++;
}
