/* diag.c - what is wrong with a rule set, with its place: collected, sorted, told to people and to programs.
 * Declared in rules/tree.h; the lexer, the parser, the checker and the lints add, the CLI and the API print. */
#include "rules/tree.h"

#include "base/utf8.h"

enum {
  COLUMNS_SHOWN_MAX = 160, /* a longer source line is cut around the place */
  COLUMNS_BEFORE = 60,
  NEAREST_LENGTH_MAX = 64,
  ABBREVIATION_MIN = 3,
  FILES_FIRST = 8,
  ITEMS_FIRST = 16
};

struct file_errors {
  uint32_t count;   /* that are kept */
  struct span last; /* the furthest of them */
};

void diags_init(struct diags *diags, struct arena *arena) { *diags = (struct diags){.arena = arena}; }

static struct file_errors *errors_of(struct diags *diags, uint16_t file) {
  if (file >= diags->file_capacity) {
    uint32_t capacity = diags->file_capacity == 0 ? FILES_FIRST : diags->file_capacity;
    while (capacity <= file) capacity *= 2;
    struct file_errors *files = arena_array(diags->arena, struct file_errors, capacity);
    if (diags->file_capacity > 0) memcpy(files, diags->files, diags->file_capacity * sizeof *files);
    diags->files = files;
    diags->file_capacity = capacity;
  }
  return &diags->files[file];
}

static int place_compare(const struct span *a, const struct span *b) {
  if (a->file != b->file) return a->file < b->file ? -1 : 1;
  if (a->line != b->line) return a->line < b->line ? -1 : 1;
  return (a->column > b->column) - (a->column < b->column);
}

static struct diag *new_item(struct diags *diags) {
  if (diags->count == diags->capacity) {
    uint32_t capacity = diags->capacity == 0 ? ITEMS_FIRST : diags->capacity * 2;
    struct diag *items = arena_array(diags->arena, struct diag, capacity);
    if (diags->count > 0) memcpy(items, diags->items, diags->count * sizeof *items);
    diags->items = items;
    diags->capacity = capacity;
  }
  return &diags->items[diags->count++];
}

/* Room for one more error. Of a file that has had its share the first ones stay, in whatever order they are found: then
 * the room of the one that is furthest, or NULL where this one is. */
static struct diag *error_room(struct diags *diags, const struct span *span) {
  struct file_errors *errors = errors_of(diags, span->file);
  bool furthest = errors->count == 0 || place_compare(span, &errors->last) >= 0;
  if (errors->count < DIAG_ERRORS_PER_FILE_MAX) {
    errors->count++;
    diags->error_count++;
    if (furthest) errors->last = *span;
    return new_item(diags);
  }
  diags->dropped++;
  if (furthest) return NULL;
  struct diag *room = NULL;
  struct span last = *span;
  for (uint32_t i = 0; i < diags->count; i++) {
    struct diag *item = &diags->items[i];
    if (item->severity != DIAG_ERROR || item->span.file != span->file) continue;
    if (room == NULL && place_compare(&item->span, &errors->last) == 0)
      room = item;
    else if (place_compare(&item->span, &last) > 0)
      last = item->span;
  }
  errors->last = last;
  return room;
}

void diag_add(struct diags *diags, enum diag_severity severity, struct span span, const char *code, const char *hint,
              const char *format, ...) {
  struct diag *item = severity == DIAG_ERROR ? error_room(diags, &span) : new_item(diags);
  if (item == NULL) return;
  va_list arguments;
  va_start(arguments, format);
  const char *text = arena_vprintf(diags->arena, format, arguments);
  va_end(arguments);
  if (hint != NULL) hint = arena_copy(diags->arena, hint, strlen(hint));
  *item = (struct diag){severity, span, code, text, hint};
}

/* A merge sort from short runs up: stable, no recursion. */
void diags_sort(struct diags *diags) {
  uint32_t count = diags->count;
  if (count < 2) return;
  struct diag *from = diags->items, *to = arena_array(diags->arena, struct diag, count);
  for (uint32_t width = 1; width<count; width = width> count / 2 ? count : width * 2) {
    for (uint32_t start = 0; start < count; start += 2 * width) {
      uint32_t middle = count - start < width ? count : start + width;
      uint32_t end = count - middle < width ? count : middle + width;
      uint32_t left = start, right = middle;
      for (uint32_t i = start; i < end; i++) {
        bool take_left = left < middle && (right >= end || place_compare(&from[left].span, &from[right].span) <= 0);
        to[i] = take_left ? from[left++] : from[right++];
      }
      if (end == count) break;
    }
    struct diag *swap = from;
    from = to;
    to = swap;
  }
  diags->items = from;
  diags->capacity = count;
}

/* What a terminal must not get: controls, and marks that turn the direction of writing. */
static bool is_unsafe(uint32_t code_point) {
  return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) ||
         (code_point >= 0x202a && code_point <= 0x202e) || (code_point >= 0x2066 && code_point <= 0x2069) ||
         code_point == 0x2028 || code_point == 0x2029;
}

/* One character at `p`, made safe (`?`). Returns its bytes. A byte that is no UTF-8 is a character of its own. */
static unsigned add_character(struct buf *out, const char *p, const char *end, bool write) {
  unsigned length = utf8_sequence(p, end), decoded;
  bool unsafe = length == 0 || (*p != '\t' && is_unsafe(utf8_decode(p, &decoded)));
  if (length == 0) length = 1;
  if (write && unsafe)
    buf_byte(out, '?');
  else if (write)
    buf_add(out, p, length);
  return length;
}

static void add_safe(struct buf *out, struct slice text) {
  for (const char *p = text.data, *end = p + text.length; p < end;) {
    if (*p == '\n' || *p == '\t') {
      buf_byte(out, ' ');
      p++;
    } else {
      p += add_character(out, p, end, true);
    }
  }
}

static struct slice file_name(const struct tree *tree, const struct diag *diag) {
  return diag->span.file < tree->file_count ? tree->files[diag->span.file].name : SLICE("?");
}

/* The line's text without its end; false if the file has no such line. */
static bool find_line(const struct source_file *file, uint32_t line, struct slice *out) {
  struct slice text = file->text;
  size_t start = 0;
  if (line == 0 || text.data == NULL) return false;
  if (file->line_starts != NULL) {
    if (line > file->line_count) return false;
    start = file->line_starts[line - 1];
  } else {
    for (uint32_t i = 1; i < line; i++) {
      const char *end = memchr(text.data + start, '\n', text.length - start);
      if (end == NULL) return false;
      start = (size_t)(end - text.data) + 1;
    }
  }
  if (start > text.length) return false;
  const char *end = memchr(text.data + start, '\n', text.length - start);
  size_t length = (end == NULL ? text.length : (size_t)(end - text.data)) - start;
  if (length > 0 && text.data[start + length - 1] == '\r') length--;
  *out = (struct slice){text.data + start, length};
  if (line == 1 && length >= 3 && memcmp(out->data, "\xef\xbb\xbf", 3) == 0)
    *out = (struct slice){out->data + 3, length - 3};
  return true;
}

/* Characters of a line, as add_character() counts them. */
static uint32_t line_columns(struct slice line) {
  uint32_t columns = 0;
  for (const char *p = line.data, *end = p + line.length; p < end; columns++) p += add_character(NULL, p, end, false);
  return columns;
}

/* The source line and, below it, the carets and the hint. */
static void print_line(struct buf *out, struct slice line, const struct span *span, const char *hint) {
  uint32_t columns = line_columns(line), column = span->column == 0 ? 1 : span->column;
  uint32_t first = 1, last = columns;
  if (columns > COLUMNS_SHOWN_MAX) {
    first = column > COLUMNS_BEFORE ? column - COLUMNS_BEFORE : 1;
    if (first + COLUMNS_SHOWN_MAX - 1 > columns) first = columns - COLUMNS_SHOWN_MAX + 1;
    last = first + COLUMNS_SHOWN_MAX - 1;
  }
  if (column > last) column = last + 1; /* the end of the line */
  const char *p = line.data, *end = p + line.length;
  uint32_t at = 1;
  for (; at < first; at++) p += add_character(NULL, p, end, false);
  const char *shown = p;
  buf_printf(out, "%5u | %s", span->line, first > 1 ? "…" : "");
  for (; at <= last && p < end; at++) p += add_character(out, p, end, true);
  buf_str(out, last < columns ? "…\n" : "\n");
  buf_str(out, "      | ");
  if (first > 1) buf_byte(out, ' ');
  p = shown;
  for (at = first; at < column && p < end; at++) {
    buf_byte(out, *p == '\t' ? '\t' : ' ');
    p += add_character(NULL, p, end, false);
  }
  uint32_t carets = span->length, room = last >= column ? last - column + 1 : 1;
  if (carets == 0) carets = 1;
  if (carets > room) carets = room;
  for (uint32_t i = 0; i < carets; i++) buf_byte(out, '^');
  if (hint != NULL) {
    buf_byte(out, ' ');
    add_safe(out, slice_of(hint));
  }
  buf_byte(out, '\n');
}

void diag_print(struct buf *out, const struct tree *tree, const struct diag *diag) {
  add_safe(out, file_name(tree, diag));
  if (diag->span.line > 0) buf_printf(out, ":%u:%u", diag->span.line, diag->span.column);
  buf_str(out, diag->severity == DIAG_ERROR ? ": error: " : ": warning: ");
  add_safe(out, slice_of(diag->text));
  if (diag->severity == DIAG_WARNING) buf_printf(out, " [%s]", diag->code);
  buf_byte(out, '\n');
  struct slice line;
  if (diag->span.file < tree->file_count && find_line(&tree->files[diag->span.file], diag->span.line, &line)) {
    print_line(out, line, &diag->span, diag->hint);
  } else if (diag->hint != NULL) {
    buf_str(out, "      | ");
    add_safe(out, slice_of(diag->hint));
    buf_byte(out, '\n');
  }
}

static void json_member(struct buf *out, const char *name, struct slice text) {
  struct buf safe;
  buf_init(&safe, out->mem);
  add_safe(&safe, text);
  buf_printf(out, "\"%s\":", name);
  buf_json_string(out, buf_view(&safe));
  buf_free(&safe);
}

void diag_json(struct buf *out, const struct tree *tree, const struct diag *diag) {
  buf_byte(out, '{');
  json_member(out, "file", file_name(tree, diag));
  buf_printf(out, ",\"line\":%u,\"column\":%u,\"severity\":\"%s\",", diag->span.line, diag->span.column,
             diag->severity == DIAG_ERROR ? "error" : "warning");
  json_member(out, "code", slice_of(diag->code));
  buf_byte(out, ',');
  json_member(out, "message", slice_of(diag->text));
  if (diag->hint != NULL) {
    buf_byte(out, ',');
    json_member(out, "hint", slice_of(diag->hint));
  }
  buf_byte(out, '}');
}

/* Damerau and Levenshtein's distance over bytes (two neighbours that changed places are one step), or limit + 1 if it
 * is above `limit`. Both at most NEAREST_LENGTH_MAX long. */
static unsigned distance(struct slice a, struct slice b, unsigned limit) {
  uint8_t rows[3][NEAREST_LENGTH_MAX + 1] = {0};
  uint8_t *before = rows[0], *last = rows[1], *row = rows[2];
  for (size_t j = 0; j <= b.length; j++) last[j] = (uint8_t)j;
  for (size_t i = 1; i <= a.length; i++) {
    unsigned least = (unsigned)i;
    row[0] = (uint8_t)i;
    for (size_t j = 1; j <= b.length; j++) {
      unsigned best = last[j - 1] + (a.data[i - 1] != b.data[j - 1]);
      if (last[j] + 1u < best) best = last[j] + 1u;
      if (row[j - 1] + 1u < best) best = row[j - 1] + 1u;
      bool swapped = i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1];
      if (swapped && before[j - 2] + 1u < best) best = before[j - 2] + 1u;
      row[j] = (uint8_t)best;
      if (best < least) least = best;
    }
    if (least > limit) return limit + 1;
    uint8_t *free_row = before;
    before = last;
    last = row;
    row = free_row;
  }
  return last[b.length];
}

/* `mem` for `memory`, `amnt` for `amount`: its beginning, or all of it but vowels and second ones of doubled letters.
 */
static bool abbreviates(struct slice wrong, struct slice name) {
  if (wrong.length < ABBREVIATION_MIN || wrong.length >= name.length || name.data[0] != wrong.data[0]) return false;
  if (memcmp(wrong.data, name.data, wrong.length) == 0) return true;
  size_t at = 1;
  for (size_t i = 1; i < name.length; i++) {
    char c = name.data[i];
    if (at < wrong.length && c == wrong.data[at])
      at++;
    else if (strchr("aeiouy_", c) == NULL && c != name.data[i - 1])
      return false;
  }
  return at == wrong.length;
}

struct slice diag_nearest(struct slice wrong, const struct slice *names, size_t count) {
  struct slice nearest = {NULL, 0};
  if (wrong.length == 0 || wrong.length > NEAREST_LENGTH_MAX) return nearest;
  unsigned limit = wrong.length < 3 ? 1 : (unsigned)(wrong.length / 3);
  for (size_t i = 0; i < count && limit > 0; i++) {
    struct slice name = names[i];
    size_t apart = name.length > wrong.length ? name.length - wrong.length : wrong.length - name.length;
    if (name.length > NEAREST_LENGTH_MAX || apart > limit) continue;
    unsigned d = distance(wrong, name, limit);
    if (d > limit || (wrong.length == 1 && name.length == 1 && d > 0)) continue; /* no letter is like another */
    nearest = name;
    limit = d - (d > 0); /* only nearer ones from here on */
    if (d <= 1) break;
  }
  for (size_t i = 0; i < count && nearest.length == 0; i++)
    if (abbreviates(wrong, names[i])) nearest = names[i];
  return nearest;
}
