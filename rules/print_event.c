/* print_event.c - source and derived events in the one layout: clause words, names and types below each other. */
#include "rules/print_core.h"

#include "base/number_text.h"

static const char *const event_words[EVENT_CLAUSES] = {
    [EVENT_CLAUSE_TIME] = "event_time", [EVENT_CLAUSE_NAMED] = "named",   [EVENT_CLAUSE_DISORDER] = "disorder",
    [EVENT_CLAUSE_LATE] = "late",       [EVENT_CLAUSE_UNIQUE] = "unique", [EVENT_CLAUSE_WATERMARK] = "watermark",
    [EVENT_CLAUSE_CLOCK] = "clock",     [EVENT_CLAUSE_JUMP] = "jump",
};

static bool has_clause(const struct event_tree *event, enum event_clause clause) {
  switch (clause) {
  case EVENT_CLAUSE_TIME: return event->event_time_given;
  case EVENT_CLAUSE_NAMED: return event->named.data != NULL;
  case EVENT_CLAUSE_DISORDER: return event->disorder_us >= 0;
  case EVENT_CLAUSE_LATE: return event->late_given;
  case EVENT_CLAUSE_UNIQUE: return event->unique.text.length > 0;
  case EVENT_CLAUSE_WATERMARK: return event->watermark_when != NULL;
  case EVENT_CLAUSE_CLOCK: return event->ahead_us >= 0 || event->behind_us >= 0;
  default: return event->jump_us >= 0;
  }
}

static void print_event_clause(struct printer *printer, const struct event_tree *event, enum event_clause clause) {
  struct buf *line = &printer->line;
  switch (clause) {
  case EVENT_CLAUSE_TIME: buf_slice(line, event->event_time_log ? SLICE("log") : event->event_time.text); break;
  case EVENT_CLAUSE_NAMED: print_string(line, event->named); break;
  case EVENT_CLAUSE_DISORDER: print_duration(line, event->disorder_us); break;
  case EVENT_CLAUSE_LATE:
    buf_str(line, event->late == LATE_DROP ? "drop" : event->late == LATE_ACCEPT ? "accept" : "side ");
    if (event->late == LATE_SIDE) buf_slice(line, event->late_sink.text);
    break;
  case EVENT_CLAUSE_UNIQUE:
    buf_slice(line, event->unique.text);
    buf_str(line, " for ");
    print_duration(line, event->unique_us);
    if (event->unique_everywhere) buf_str(line, " everywhere");
    if (event->unique_approx) buf_str(line, " approx");
    break;
  case EVENT_CLAUSE_WATERMARK:
    buf_str(line, "when (");
    print_expr_wrapped(printer, event->watermark_when);
    buf_byte(line, ')');
    break;
  case EVENT_CLAUSE_CLOCK:
    if (event->ahead_us >= 0) buf_str(line, "ahead "), print_duration(line, event->ahead_us);
    if (event->ahead_us >= 0 && event->behind_us >= 0) buf_byte(line, ' ');
    if (event->behind_us >= 0) buf_str(line, "behind "), print_duration(line, event->behind_us);
    break;
  default:
    print_duration(line, event->jump_us);
    buf_str(line, " confirm ");
    number_write_int(line, event->jump_confirm);
  }
}

static void print_clauses(struct printer *printer, const struct event_tree *event) {
  size_t columns = 0;
  for (unsigned i = 0; i < EVENT_CLAUSES; i++)
    if (has_clause(event, (enum event_clause)i) && strlen(event_words[i]) > columns) columns = strlen(event_words[i]);
  for (unsigned i = 0; i < EVENT_CLAUSES; i++) {
    if (!has_clause(event, (enum event_clause)i)) continue;
    print_comments(printer, event->clause_comments[i], 2, false);
    print_spaces(&printer->line, 2);
    print_padded(printer, slice_of(event_words[i]), columns);
    print_event_clause(printer, event, (enum event_clause)i);
    print_line_end(printer, event->clause_comments[i]);
  }
}

static bool has_options(const struct field_tree *field) {
  return field->from.data != NULL || field->required || field->secret != SECRET_NONE || field->round_half_even;
}

static void print_options(struct buf *out, const struct field_tree *field) {
  if (field->from.data != NULL) buf_str(out, " from "), print_string(out, field->from);
  if (field->required) buf_str(out, " required");
  if (field->secret != SECRET_NONE) buf_str(out, " secret");
  if (field->secret == SECRET_MASK) buf_printf(out, " mask %u..%u", field->mask_head, field->mask_tail);
  if (field->round_half_even) buf_str(out, " round half_even");
}

static bool is_among(struct slice name, const char *const *words, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    if (slice_equal(name, slice_of(words[i]))) return true;
  return false;
}

/* A field called like an option would be read as one of what stands before it; one called like a type could make an
 * option of it. */
static bool needs_comma(const struct field_tree *field, const struct field_tree *next) {
  static const char *const options[] = {"required", "secret", "approx", "everywhere"};
  static const char *const types[] = {"bool", "int", "float", "decimal", "string", "time", "duration", "ip"};
  return is_among(next->name.text, options, 2) ||
         (is_among(field->name.text, options, 4) && is_among(next->name.text, types, 8));
}

static void print_fields(struct printer *printer, const struct event_tree *event) {
  size_t name_columns = 0, type_columns = 0;
  for (uint16_t i = 0; i < event->field_count; i++) {
    const struct field_tree *field = &event->fields[i];
    size_t length = field->name.text.length;
    if (length > name_columns && length <= PRINT_NAME_COLUMNS) name_columns = length;
    buf_clear(&printer->flat);
    print_type(&printer->flat, field->type, field->unit);
    if (field->computed == NULL && printer->flat.length > type_columns) type_columns = printer->flat.length;
  }
  for (uint16_t i = 0; i < event->field_count; i++) {
    const struct field_tree *field = &event->fields[i];
    print_comments(printer, field->comments, 2, false);
    print_spaces(&printer->line, 2);
    print_padded(printer, field->name.text, name_columns);
    size_t start = printer->line.length;
    print_type(&printer->line, field->type, field->unit);
    size_t length = printer->line.length - start;
    if (field->computed != NULL) {
      buf_str(&printer->line, " = ");
      print_expr_wrapped(printer, field->computed);
    } else if (has_options(field)) {
      if (length < type_columns) print_spaces(&printer->line, type_columns - length);
      print_options(&printer->line, field);
    }
    if (i + 1 < event->field_count && needs_comma(field, &event->fields[i + 1])) buf_byte(&printer->line, ',');
    print_line_end(printer, field->comments);
  }
}

/* ---- derived events ---- */

/* Parts of a derived event's head: each begins a line of its own when one line is too short for all. */
struct head {
  struct printer *printer;
  bool broken;
};

static void head_part(struct head *head, const char *word) {
  if (head->broken) {
    print_line_end(head->printer, NULL);
    print_spaces(&head->printer->line, 4);
  } else {
    buf_byte(&head->printer->line, ' ');
  }
  buf_str(&head->printer->line, word);
}

static void option(struct buf *out, const char *word, int64_t us) {
  if (us < 0) return;
  buf_printf(out, " %s ", word);
  print_duration(out, us);
}

/* `broken`: a long condition of `early when` is broken too. */
static void print_window(struct printer *printer, const struct window_tree *window, bool broken) {
  struct buf *out = &printer->line;
  static const char *const kinds[] = {"tumbling", "sliding", "session", "count", "today"};
  buf_str(out, kinds[window->kind]);
  if (window->size_us >= 0) buf_byte(out, ' '), print_duration(out, window->size_us);
  if (window->count >= 0) buf_printf(out, " %lld", (long long)window->count);
  option(out, "every", window->every_us);
  if (window->every_count >= 0) buf_printf(out, " every %lld", (long long)window->every_count);
  if (window->zone.data != NULL) buf_byte(out, ' '), print_string(out, window->zone);
  option(out, "offset", window->offset_us);
  option(out, "lateness", window->lateness_us);
  option(out, "early every", window->early_us);
  if (window->early_count >= 0) buf_printf(out, " early every %lld events", (long long)window->early_count);
  if (window->early_when != NULL) {
    buf_str(out, " early when (");
    if (broken)
      print_expr_wrapped(printer, window->early_when);
    else
      print_expr(out, window->early_when);
    buf_byte(out, ')');
  }
  option(out, "every key known for", window->known_us);
}

static void print_where(struct head *head, const struct event_tree *event) {
  if (event->where == NULL) return;
  head_part(head, "where ");
  if (head->broken)
    print_expr_wrapped(head->printer, event->where);
  else
    print_expr(&head->printer->line, event->where);
}

static void print_head_key(struct head *head, const struct key_tree *key) {
  if (head->broken)
    print_key_wrapped(head->printer, key);
  else
    print_key(&head->printer->line, key);
}

static void print_head(struct printer *printer, const struct event_tree *event, bool broken) {
  struct head head = {printer, broken};
  struct buf *line = &printer->line;
  buf_str(line, "event ");
  buf_slice(line, event->name.text);
  if (event->join) {
    buf_printf(line, " join " SLICE_FMT " = " SLICE_FMT ", " SLICE_FMT " = " SLICE_FMT,
               SLICE_ARG(event->join_left_name.text), SLICE_ARG(event->join_left_event.text),
               SLICE_ARG(event->join_right_name.text), SLICE_ARG(event->join_right_event.text));
    head_part(&head, "key ");
    print_head_key(&head, event->key);
    print_where(&head, event);
    if (event->join_kind.text.length > 0) {
      head_part(&head, "");
      buf_slice(line, event->join_kind.text);
    }
  } else {
    buf_str(line, " from ");
    if (broken)
      print_names_wrapped(printer, event->from, event->from_count, ",", 0);
    else
      print_names(line, event->from, event->from_count, ", ");
    if (event->each_name.text.length > 0) {
      head_part(&head, "each ");
      buf_printf(line, SLICE_FMT " in " SLICE_FMT, SLICE_ARG(event->each_name.text), SLICE_ARG(event->each_field.text));
    }
    print_where(&head, event);
    if (event->key != NULL) head_part(&head, "key "), print_head_key(&head, event->key);
    if (event->window != NULL) head_part(&head, "window "), print_window(printer, event->window, broken);
  }
  buf_str(line, " {");
}

void print_event(struct printer *printer, const struct event_tree *event) {
  if (event->derived) {
    print_head(printer, event, false);
    if (print_column(printer) > PRINT_COLUMNS) {
      buf_clear(&printer->line);
      print_head(printer, event, true);
    }
  } else {
    buf_printf(&printer->line, "event " SLICE_FMT " {", SLICE_ARG(event->name.text));
  }
  print_line_end(printer, event->comments);
  if (event->derived) {
    print_entries(printer, event->entries, event->entry_count, 2);
  } else {
    print_clauses(printer, event);
    print_fields(printer, event);
  }
  print_comments(printer, event->end_comments, 2, true);
  buf_byte(&printer->line, '}');
  print_line_end(printer, NULL);
}
