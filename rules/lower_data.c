/* lower_data.c - lists and tables: from the rule text, or from files beside the rule file. */
#include "base/expr_number.h"
#include "base/limits.h"
#include "rules/list_set.h"
#include "rules/lower.h"
#include "rules/table_rows.h"

/* A path in a rule file counts from the folder of that file. It stays in the rule set. */
static const char *path_of(struct lower *lower, struct span span, struct slice path) {
  struct slice folder = lower->tree->files[span.file].name;
  if (path.length > 0 && path.data[0] == '/') folder.length = 0;
  while (folder.length > 0 && folder.data[folder.length - 1] != '/') folder.length--;
  return arena_printf(lower->arena, SLICE_FMT SLICE_FMT, SLICE_ARG(folder), SLICE_ARG(path));
}

const char *lower_read_file(struct lower *lower, struct span span, struct slice name, size_t bytes_max,
                            struct slice *text) {
  struct err err;
  err_clear(&err);
  struct data_file *file = arena_new(lower->arena, struct data_file);
  *file = (struct data_file){.path = path_of(lower, span, name), .next = lower->ruleset->files};
  lower->ruleset->files = file;
  if (env_read_file(lower->options->env, lower->mem, file->path, bytes_max, text, &err) == 0) {
    lower->data_hash ^= hash_bytes_seed(text->data, text->length, hash_bytes(file->path, strlen(file->path)));
    return file->path;
  }
  lower_error(lower, span, "missing-file", "a path counts from the folder of the rule file", "%s", err.text);
  return NULL;
}

static void broken_file(struct lower *lower, struct span span, const struct err *err) {
  lower_error(lower, span, "broken-file", NULL, "%s:%d:%d: %s", err->file, err->line, err->column, err->text);
}

static struct list_set *set_of_items(struct lower *lower, const struct list_tree *list) {
  struct value *values = mem_alloc(lower->mem, sizeof *values * ((size_t)list->item_count + 1));
  struct expr_counts counts = {0};
  for (uint32_t i = 0; i < list->item_count; i++) {
    const struct tree_expr *item = list->items[i];
    values[i] = item->cast.kind == VALUE_NULL ? item->value : number_cast(item->value, item->cast, &counts);
  }
  struct list_set *set = list_set_build(lower->arena, list->type, values, list->item_count);
  mem_free(lower->mem, values);
  return set;
}

void lower_lists(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  ruleset->list_count = lower->tree->list_count;
  ruleset->lists = arena_array(lower->arena, struct list_def, ruleset->list_count);
  for (uint16_t i = 0; i < ruleset->list_count; i++) {
    const struct list_tree *list = lower->tree->lists[i];
    const struct list_set *set = NULL;
    if (list->file.length == 0) {
      set = set_of_items(lower, list);
    } else {
      struct slice text;
      struct err err;
      err_clear(&err);
      const char *path = lower_read_file(lower, list->file_span, list->file, LIMIT_LIST_FILE_BYTES, &text);
      if (path != NULL) {
        set = list_set_parse(lower->arena, list->type, list->unit, text, path, &err);
        if (set == NULL) broken_file(lower, list->file_span, &err);
        mem_free(lower->mem, (char *)text.data);
      }
    }
    ruleset->lists[i] = (struct list_def){.name = lower_slice(lower, list->name.text), .type = list->type, .set = set};
  }
}

static const struct table_rows *rows_of_file(struct lower *lower, const struct table_tree *table) {
  struct table_column *columns = arena_array(&lower->scratch, struct table_column, table->column_count);
  struct table_column key = {.name = table->key.text, .type = table->key_type, .asked = true};
  for (uint16_t c = 0; c < table->column_count; c++) {
    const struct column_tree *column = &table->columns[c];
    columns[c] = (struct table_column){.name = column->name.text, .type = column->type, .unit = column->unit};
    if (!slice_equal(column->name.text, key.name)) continue;
    key.unit = column->unit;
    key.asked = false;
  }
  struct slice text;
  struct err err;
  err_clear(&err);
  const char *path = lower_read_file(lower, table->file_span, table->file, LIMIT_LIST_FILE_BYTES, &text);
  if (path == NULL) return NULL;
  const struct table_rows *rows = table_rows_parse(lower->arena, &key, columns, table->column_count, text, path, &err);
  if (rows == NULL) broken_file(lower, table->file_span, &err);
  mem_free(lower->mem, (char *)text.data);
  return rows;
}

void lower_tables(struct lower *lower) {
  struct ruleset *ruleset = lower->ruleset;
  ruleset->table_count = lower->tree->table_count;
  ruleset->tables = arena_array(lower->arena, struct table_def, ruleset->table_count);
  for (uint16_t i = 0; i < ruleset->table_count; i++) {
    const struct table_tree *table = lower->tree->tables[i];
    struct slice *names = arena_array(lower->arena, struct slice, table->column_count);
    for (uint16_t c = 0; c < table->column_count; c++) names[c] = lower_slice(lower, table->columns[c].name.text);
    ruleset->tables[i] = (struct table_def){.name = lower_slice(lower, table->name.text),
                                            .column_count = table->column_count,
                                            .columns = names,
                                            .rows = table->file.length > 0 ? rows_of_file(lower, table) : NULL};
  }
}
