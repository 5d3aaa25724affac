/* print.c - `weir fmt`: a file's declarations in the one layout, with their comments; the lines, and the smaller
 * declarations. Expressions are in print_expr.c, rules in print_rule.c, events in print_event.c. */
#include "rules/print_core.h"

#include "base/number_text.h"
#include "base/utf8.h"

/* ---- lines ---- */

void print_begin(struct printer *printer, struct buf *out) {
  printer->out = out;
  buf_init(&printer->line, out->mem);
  buf_init(&printer->run, out->mem);
  buf_init(&printer->marks, out->mem);
  buf_init(&printer->flat, out->mem);
}

void print_spaces(struct buf *out, size_t count) {
  for (size_t i = 0; i < count; i++) buf_byte(out, ' ');
}

size_t print_column(const struct printer *printer) { return utf8_count(buf_view(&printer->line)); }

void print_padded(struct printer *printer, struct slice word, size_t columns) {
  buf_slice(&printer->line, word);
  if (word.length < columns) print_spaces(&printer->line, columns - word.length);
  buf_byte(&printer->line, ' ');
}

static void add_comment_text(struct buf *out, struct slice text) {
  buf_byte(out, '#');
  if (text.length == 0) return;
  buf_byte(out, ' ');
  buf_slice(out, text);
}

/* The lines that wait, their comments two spaces behind the longest. */
static void flush_run(struct printer *printer) {
  size_t count = printer->marks.length / sizeof(struct print_mark), widest = 0, start = 0;
  for (size_t i = 0; i < count; i++) {
    struct print_mark mark;
    memcpy(&mark, printer->marks.data + i * sizeof mark, sizeof mark);
    if (mark.width > widest) widest = mark.width;
  }
  for (size_t i = 0; i < count; i++) {
    struct print_mark mark;
    memcpy(&mark, printer->marks.data + i * sizeof mark, sizeof mark);
    buf_add(printer->out, printer->run.data + start, mark.end - start);
    print_spaces(printer->out, widest - mark.width + 2);
    add_comment_text(printer->out, mark.comment);
    buf_byte(printer->out, '\n');
    start = mark.end;
  }
  buf_clear(&printer->run);
  buf_clear(&printer->marks);
}

void print_line_end(struct printer *printer, const struct comment *comments) {
  while (comments != NULL && !comments->after) comments = comments->next;
  if (comments == NULL) {
    flush_run(printer);
    buf_slice(printer->out, buf_view(&printer->line));
    buf_byte(printer->out, '\n');
  } else {
    bool head = printer->line.length > 0 && printer->line.data[printer->line.length - 1] == '{';
    if (head) flush_run(printer); /* the comment at a block's head stands for itself */
    buf_slice(&printer->run, buf_view(&printer->line));
    struct print_mark mark = {printer->run.length, print_column(printer), comments->text};
    buf_add(&printer->marks, &mark, sizeof mark);
    if (head) flush_run(printer);
  }
  buf_clear(&printer->line);
}

void print_blank_line(struct printer *printer) {
  flush_run(printer);
  buf_byte(printer->out, '\n');
}

void print_finish(struct printer *printer) {
  flush_run(printer);
  buf_free(&printer->line);
  buf_free(&printer->run);
  buf_free(&printer->marks);
  buf_free(&printer->flat);
}

void print_comments(struct printer *printer, const struct comment *comments, unsigned indent, bool last) {
  for (; comments != NULL; comments = comments->next) {
    if (comments->after) continue;
    print_spaces(&printer->line, indent);
    add_comment_text(&printer->line, comments->text);
    print_line_end(printer, NULL);
    if (comments->blank_after && !(last && comments->next == NULL)) print_blank_line(printer);
  }
}

/* ---- parts ---- */

void print_expr_wrapped(struct printer *printer, const struct tree_expr *expr) {
  size_t column = print_column(printer);
  buf_clear(&printer->flat);
  print_expr(&printer->flat, expr);
  bool chain = expr->kind == TREE_AND || expr->kind == TREE_OR;
  if (!chain || column + utf8_count(buf_view(&printer->flat)) <= PRINT_COLUMNS) {
    buf_slice(&printer->line, buf_view(&printer->flat));
    return;
  }
  enum { OPERAND_OF_OR = 2, OPERAND_OF_AND = 3 }; /* the levels of print_expr.c */
  for (uint16_t i = 0; i < expr->item_count; i++) {
    if (i > 0) {
      print_line_end(printer, NULL);
      print_spaces(&printer->line, column);
      buf_str(&printer->line, expr->kind == TREE_AND ? "and " : "or ");
    }
    print_expr_level(&printer->line, expr->items[i], expr->kind == TREE_AND ? OPERAND_OF_AND : OPERAND_OF_OR);
  }
}

void print_use_wrapped(struct printer *printer, const struct use *use) {
  buf_slice(&printer->line, use->event.text);
  if (use->condition == NULL) return;
  buf_byte(&printer->line, '(');
  print_expr_wrapped(printer, use->condition);
  buf_byte(&printer->line, ')');
}

void print_entries(struct printer *printer, const struct tree_entry *entries, uint16_t count, unsigned indent) {
  size_t columns = 0;
  for (uint16_t i = 0; i < count; i++) {
    size_t length = entries[i].name.text.length;
    if (length > columns && length <= PRINT_NAME_COLUMNS) columns = length;
  }
  for (uint16_t i = 0; i < count; i++) {
    print_comments(printer, entries[i].comments, indent, false);
    print_spaces(&printer->line, indent);
    print_padded(printer, entries[i].name.text, columns);
    buf_str(&printer->line, "= ");
    print_expr_wrapped(printer, entries[i].expr);
    print_line_end(printer, entries[i].comments);
  }
}

/* ---- rows of names ---- */

void print_rows_begin(struct print_rows *rows, struct printer *printer) {
  enum { ROWS_COLUMN_MAX = PRINT_COLUMNS / 2, ROWS_INDENT = 4 };
  size_t column = print_column(printer);
  *rows = (struct print_rows){.printer = printer, .column = column <= ROWS_COLUMN_MAX ? column : ROWS_INDENT};
}

void print_rows_item(struct print_rows *rows, struct slice item, const char *behind, size_t room) {
  struct printer *printer = rows->printer;
  size_t width = utf8_count(item) + strlen(behind) + room;
  if (rows->begun && print_column(printer) + 1 + width > PRINT_COLUMNS) {
    print_line_end(printer, NULL);
    print_spaces(&printer->line, rows->column);
  } else if (rows->begun) {
    buf_byte(&printer->line, ' ');
  }
  buf_slice(&printer->line, item);
  buf_str(&printer->line, behind);
  rows->begun = true;
}

void print_names_wrapped(struct printer *printer, const struct name *names, uint16_t count, const char *behind,
                         size_t room) {
  struct print_rows rows;
  print_rows_begin(&rows, printer);
  for (uint16_t i = 0; i < count; i++) {
    bool last = i + 1 == count;
    print_rows_item(&rows, names[i].text, last ? "" : behind, last ? room : 0);
  }
}

/* Of a part with paths the first stands beside its name: a part that begins is seen. */
void print_key_wrapped(struct printer *printer, const struct key_tree *key) {
  struct print_rows rows;
  print_rows_begin(&rows, printer);
  if (key->none) print_rows_item(&rows, SLICE("none"), "", 0);
  for (uint16_t i = 0; i < key->part_count; i++) {
    const struct key_part *part = &key->parts[i];
    const char *behind = i + 1 < key->part_count ? "," : "";
    if (part->path_count == 0) print_rows_item(&rows, part->name.text, behind, 0);
    for (uint16_t j = 0; j < part->path_count; j++) {
      buf_clear(&printer->flat);
      if (j == 0) buf_printf(&printer->flat, SLICE_FMT ": ", SLICE_ARG(part->name.text));
      buf_printf(&printer->flat, SLICE_FMT "." SLICE_FMT, SLICE_ARG(part->paths[j].event.text),
                 SLICE_ARG(part->paths[j].field.text));
      print_rows_item(&rows, buf_view(&printer->flat), j + 1 < part->path_count ? "," : behind, 0);
    }
  }
}

/* ---- list ---- */

/* The items as rows of a block, as many in a row as there is room for; one in a row if they have comments. */
static void print_item_rows(struct printer *printer, const struct list_tree *list) {
  for (uint32_t i = 0; i < list->item_count; i++) {
    const struct comment *comments = list->item_comments != NULL ? list->item_comments[i] : NULL;
    buf_clear(&printer->flat);
    print_expr(&printer->flat, list->items[i]);
    if (i + 1 < list->item_count) buf_byte(&printer->flat, ',');
    size_t width = utf8_count(buf_view(&printer->flat)), column = print_column(printer);
    if (column > 0 && (list->item_comments != NULL || column + 1 + width > PRINT_COLUMNS)) {
      print_line_end(printer, i > 0 && list->item_comments != NULL ? list->item_comments[i - 1] : NULL);
      column = 0;
    }
    if (column == 0) print_comments(printer, comments, 2, false);
    print_spaces(&printer->line, column == 0 ? 2 : 1);
    buf_slice(&printer->line, buf_view(&printer->flat));
  }
  if (list->item_count > 0)
    print_line_end(printer, list->item_comments != NULL ? list->item_comments[list->item_count - 1] : NULL);
}

static void print_list(struct printer *printer, const struct list_tree *list) {
  struct buf *line = &printer->line;
  buf_printf(line, "list " SLICE_FMT " ", SLICE_ARG(list->name.text));
  print_type(line, list->type, list->unit);
  if (list->ttl_us >= 0) buf_str(line, " ttl "), print_duration(line, list->ttl_us);
  if (list->visible_after_us >= 0) buf_str(line, " visible after "), print_duration(line, list->visible_after_us);
  if (list->file.data != NULL) buf_str(line, " from file "), print_string(line, list->file);
  if (!list->has_items) {
    print_line_end(printer, list->comments);
    return;
  }
  buf_str(line, " {");
  size_t head = line->length;
  if (list->item_comments == NULL && list->end_comments == NULL) {
    for (uint32_t i = 0; i < list->item_count && line->length <= 4 * PRINT_COLUMNS; i++) {
      buf_str(line, i > 0 ? ", " : " ");
      print_expr(line, list->items[i]);
    }
    buf_str(line, list->item_count > 0 ? " }" : "}");
    if (print_column(printer) <= PRINT_COLUMNS) {
      print_line_end(printer, list->comments);
      return;
    }
    line->length = head;
  }
  print_line_end(printer, list->comments);
  print_item_rows(printer, list);
  print_comments(printer, list->end_comments, 2, true);
  buf_byte(line, '}');
  print_line_end(printer, NULL);
}

/* ---- table, lookup, model ---- */

static void print_columns(struct printer *printer, const struct column_tree *columns, uint16_t count,
                          const struct comment *end_comments) {
  size_t width = 0;
  for (uint16_t i = 0; i < count; i++)
    if (columns[i].name.text.length > width && columns[i].name.text.length <= PRINT_NAME_COLUMNS)
      width = columns[i].name.text.length;
  for (uint16_t i = 0; i < count; i++) {
    print_comments(printer, columns[i].comments, 2, false);
    print_spaces(&printer->line, 2);
    print_padded(printer, columns[i].name.text, width);
    print_type(&printer->line, columns[i].type, columns[i].unit);
    print_line_end(printer, columns[i].comments);
  }
  print_comments(printer, end_comments, 2, true);
  buf_byte(&printer->line, '}');
}

static void print_table(struct printer *printer, const struct table_tree *table) {
  struct buf *line = &printer->line;
  buf_printf(line, "table " SLICE_FMT " key (" SLICE_FMT ")", SLICE_ARG(table->name.text), SLICE_ARG(table->key.text));
  if (table->file.data != NULL) buf_str(line, " from file "), print_string(line, table->file);
  if (table->from_event.text.length > 0) buf_str(line, " from event "), buf_slice(line, table->from_event.text);
  buf_str(line, " {");
  print_line_end(printer, table->comments);
  print_columns(printer, table->columns, table->column_count, table->end_comments);
  if (table->ttl_us >= 0) buf_str(line, " ttl "), print_duration(line, table->ttl_us);
  if (table->on_given) buf_str(line, table->on_read ? " on read" : " on write");
  print_line_end(printer, NULL);
}

static void print_lookup(struct printer *printer, const struct lookup_tree *lookup) {
  struct buf *line = &printer->line;
  buf_printf(line, "lookup " SLICE_FMT " from " SLICE_FMT " ", SLICE_ARG(lookup->name.text),
             SLICE_ARG(lookup->from.text));
  print_string(line, lookup->pattern);
  buf_str(line, " {");
  print_line_end(printer, lookup->comments);
  print_columns(printer, lookup->columns, lookup->column_count, lookup->end_comments);
  if (lookup->timeout_us >= 0) buf_str(line, " timeout "), print_duration(line, lookup->timeout_us);
  if (lookup->cache_us >= 0) buf_str(line, " cache "), print_duration(line, lookup->cache_us);
  if (lookup->default_count == 1 && lookup->defaults[0].comments == NULL) {
    buf_printf(line, " default { " SLICE_FMT " = ", SLICE_ARG(lookup->defaults[0].name.text));
    print_expr(line, lookup->defaults[0].expr);
    buf_str(line, " }");
  } else if (lookup->default_count > 0) {
    buf_str(line, " default {");
    print_line_end(printer, NULL);
    print_entries(printer, lookup->defaults, lookup->default_count, 2);
    buf_byte(line, '}');
  }
  if (lookup->fallback.text.length > 0) {
    buf_printf(line, " else " SLICE_FMT " ", SLICE_ARG(lookup->fallback.text));
    print_string(line, lookup->fallback_url);
  }
  print_line_end(printer, NULL);
}

static void print_model(struct printer *printer, const struct model_tree *model) {
  struct buf *line = &printer->line;
  buf_printf(line, "model " SLICE_FMT " from file ", SLICE_ARG(model->name.text));
  print_string(line, model->file);
  buf_str(line, " {");
  print_line_end(printer, model->comments);
  buf_str(line, "  in  ");
  print_names_wrapped(printer, model->in, model->in_count, ",", 0);
  print_line_end(printer, NULL);
  buf_printf(line, "  out " SLICE_FMT " ", SLICE_ARG(model->out.text));
  print_type(line, model->out_type, model->out_unit);
  print_line_end(printer, NULL);
  buf_byte(line, '}');
  print_line_end(printer, NULL);
}

/* ---- group, test ---- */

static void group_clause(struct printer *printer, const char *word, size_t columns, const struct comment *comments) {
  print_comments(printer, comments, 2, false);
  print_spaces(&printer->line, 2);
  print_padded(printer, slice_of(word), columns);
}

static void print_group(struct printer *printer, const struct group_tree *group) {
  struct buf *line = &printer->line;
  struct comment *const *comments = group->clause_comments;
  size_t columns = strlen("rules");
  for (uint16_t i = 0; i < group->band_count; i++)
    if (group->bands[i].action.text.length > columns && group->bands[i].action.text.length <= PRINT_NAME_COLUMNS)
      columns = group->bands[i].action.text.length;
  buf_printf(line, "group " SLICE_FMT " {", SLICE_ARG(group->name.text));
  print_line_end(printer, group->comments);
  group_clause(printer, "key", columns, comments[GROUP_CLAUSE_KEY]);
  print_key_wrapped(printer, group->key);
  print_line_end(printer, comments[GROUP_CLAUSE_KEY]);
  group_clause(printer, "over", columns, comments[GROUP_CLAUSE_OVER]);
  print_duration(line, group->over_us);
  print_line_end(printer, comments[GROUP_CLAUSE_OVER]);
  group_clause(printer, "rules", columns, comments[GROUP_CLAUSE_RULES]);
  print_names_wrapped(printer, group->rules, group->rule_count, ",", 0);
  print_line_end(printer, comments[GROUP_CLAUSE_RULES]);
  group_clause(printer, "score", columns, comments[GROUP_CLAUSE_SCORE]);
  buf_str(line, group->sum_all ? "sum all" : group->score_sum ? "sum" : "max");
  if (group->score_max >= 0) buf_printf(line, " max %lld", (long long)group->score_max);
  print_line_end(printer, comments[GROUP_CLAUSE_SCORE]);
  if (group->decay_us >= 0) {
    group_clause(printer, "decay", columns, comments[GROUP_CLAUSE_DECAY]);
    print_duration(line, group->decay_us);
    print_line_end(printer, comments[GROUP_CLAUSE_DECAY]);
  }
  for (uint16_t i = 0; i < group->band_count; i++) {
    const struct band_tree *band = &group->bands[i];
    print_comments(printer, band->comments, 2, false);
    print_spaces(line, 2);
    print_padded(printer, band->action.text, columns);
    buf_printf(line, "at %lld", (long long)band->at);
    if (band->for_us >= 0) buf_str(line, " for "), print_duration(line, band->for_us);
    print_line_end(printer, band->comments);
  }
  if (group->to_count > 0) {
    group_clause(printer, "to", columns, comments[GROUP_CLAUSE_TO]);
    print_names_wrapped(printer, group->to, group->to_count, ",", 0);
    print_line_end(printer, comments[GROUP_CLAUSE_TO]);
  }
  print_comments(printer, group->end_comments, 2, true);
  buf_byte(line, '}');
  print_line_end(printer, NULL);
}

static void print_values(struct buf *out, const struct tree_entry *entries, uint16_t count) {
  buf_str(out, " {");
  for (uint16_t i = 0; i < count; i++) {
    buf_str(out, i > 0 ? ", " : " ");
    buf_slice(out, entries[i].name.text);
    buf_str(out, ": ");
    print_expr(out, entries[i].expr);
  }
  buf_str(out, count > 0 ? " }" : "}");
}

static void print_test_line(struct buf *out, const struct test_line *test) {
  switch (test->kind) {
  case TEST_WATERMARK:
    buf_str(out, "watermark ");
    print_string(out, test->at);
    return;
  case TEST_SEND:
    buf_slice(out, test->name.text);
    print_values(out, test->entries, test->entry_count);
    if (test->times != 1 || test->every_us >= 0) buf_printf(out, " * %lld", (long long)test->times);
    if (test->every_us >= 0) buf_str(out, " every "), print_duration(out, test->every_us);
    return;
  case TEST_EXPECT: break;
  }
  if (test->nothing) {
    buf_str(out, test->nothing_else ? "expect nothing else" : "expect nothing");
    return;
  }
  buf_str(out, "expect ");
  buf_slice(out, test->name.text);
  if (test->at.data != NULL) buf_str(out, " at "), print_string(out, test->at);
  if (test->entry_count > 0) print_values(out, test->entries, test->entry_count);
}

static void print_test(struct printer *printer, const struct test_tree *test) {
  struct buf *line = &printer->line;
  buf_str(line, "test ");
  print_string(line, test->description);
  buf_str(line, " for ");
  print_names_wrapped(printer, test->rules, test->rule_count, ",", 2);
  buf_str(line, " {");
  print_line_end(printer, test->comments);
  for (uint16_t i = 0; i < test->line_count; i++) {
    print_comments(printer, test->lines[i].comments, 2, false);
    print_spaces(line, 2);
    print_test_line(line, &test->lines[i]);
    print_line_end(printer, test->lines[i].comments);
  }
  print_comments(printer, test->end_comments, 2, true);
  buf_byte(line, '}');
  print_line_end(printer, NULL);
}

/* ---- declarations, files ---- */

static const struct comment *comments_of(const struct decl *decl) {
  switch (decl->kind) {
  case DECL_EVENT: return decl->event->comments;
  case DECL_LIST: return decl->list->comments;
  case DECL_TABLE: return decl->table->comments;
  case DECL_LOOKUP: return decl->lookup->comments;
  case DECL_MODEL: return decl->model->comments;
  case DECL_COUNTER: return decl->counter->comments;
  case DECL_LET: return decl->let->comments;
  case DECL_RULE: return decl->rule->comments;
  case DECL_GROUP: return decl->group->comments;
  case DECL_ACTIONS: return decl->actions->comments;
  case DECL_TEST: return decl->test->comments;
  }
  return NULL;
}

void print_small_decl(struct printer *printer, const struct decl *decl) {
  struct buf *line = &printer->line;
  switch (decl->kind) {
  case DECL_LIST: print_list(printer, decl->list); return;
  case DECL_TABLE: print_table(printer, decl->table); return;
  case DECL_LOOKUP: print_lookup(printer, decl->lookup); return;
  case DECL_MODEL: print_model(printer, decl->model); return;
  case DECL_GROUP: print_group(printer, decl->group); return;
  case DECL_TEST: print_test(printer, decl->test); return;
  case DECL_COUNTER:
    buf_printf(line, "counter " SLICE_FMT " = ", SLICE_ARG(decl->counter->name.text));
    print_expr(line, decl->counter->counting);
    break;
  case DECL_LET:
    buf_printf(line, "let " SLICE_FMT " = ", SLICE_ARG(decl->let->name.text));
    print_expr_wrapped(printer, decl->let->expr);
    break;
  default: buf_str(line, "actions "); print_names_wrapped(printer, decl->actions->names, decl->actions->count, " >", 0);
  }
  print_line_end(printer, comments_of(decl));
}

static void print_declaration(struct printer *printer, const struct decl *decl) {
  print_comments(printer, comments_of(decl), 0, false);
  if (decl->kind == DECL_RULE)
    print_rule(printer, decl->rule);
  else if (decl->kind == DECL_EVENT)
    print_event(printer, decl->event);
  else
    print_small_decl(printer, decl);
}

void print_decl(struct buf *out, const struct decl *decl) {
  struct printer printer;
  print_begin(&printer, out);
  print_declaration(&printer, decl);
  print_finish(&printer);
}

/* `let`s and `counter`s in a row stand without an empty line between them. */
static bool stands_close(const struct decl *before, const struct decl *decl) {
  if (before->kind != decl->kind || (decl->kind != DECL_LET && decl->kind != DECL_COUNTER)) return false;
  const struct comment *comments = comments_of(decl);
  return comments == NULL || comments->after;
}

void print_file(struct buf *out, const struct tree *tree, uint16_t file) {
  struct printer printer;
  const struct decl *before = NULL;
  print_begin(&printer, out);
  for (uint32_t i = 0; i < tree->decl_count; i++) {
    const struct decl *decl = &tree->decls[i];
    if (decl->file != file) continue;
    if (before != NULL && !stands_close(before, decl)) print_blank_line(&printer);
    print_declaration(&printer, decl);
    before = decl;
  }
  const struct comment *end_comments = tree->files[file].end_comments;
  if (before != NULL && end_comments != NULL) print_blank_line(&printer);
  print_comments(&printer, end_comments, 0, true);
  print_finish(&printer);
}
