/* err.c - fills the fixed-size error value. Called wherever something can fail. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_clear(struct err *err) {
  if (err == NULL) return;
  err->class = ERR_NONE;
  err->line = err->column = 0;
  err->file[0] = err->text[0] = '\0';
}

/* A cut text must still be UTF-8: it goes into JSON answers. Drops a character that was cut in two. */
static void cut_at_character(char *text) {
  size_t length = strlen(text), back = 0;
  while (back < 3 && back < length && ((unsigned char)text[length - 1 - back] & 0xc0u) == 0x80u) back++;
  if (back == length) return;
  unsigned char lead = (unsigned char)text[length - 1 - back];
  size_t needs = lead >= 0xf0u ? 4 : lead >= 0xe0u ? 3 : lead >= 0xc0u ? 2 : 1;
  if (needs > back + 1) text[length - 1 - back] = '\0';
}

static void fill(struct err *err, enum err_class class, const char *file, int line, int column, const char *format,
                 va_list arguments) {
  if (err == NULL) return;
  struct err made = {.class = class, .line = line, .column = column}; /* the arguments may point into `err` itself */
  if (snprintf(made.file, sizeof made.file, "%s", file == NULL ? "" : file) >= (int)sizeof made.file)
    cut_at_character(made.file);
  if (vsnprintf(made.text, sizeof made.text, format, arguments) >= (int)sizeof made.text) cut_at_character(made.text);
  *err = made;
}

int err_set(struct err *err, enum err_class class, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fill(err, class, NULL, 0, 0, format, arguments);
  va_end(arguments);
  return class;
}

int err_set_at(struct err *err, enum err_class class, const char *file, int line, int column, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fill(err, class, file, line, column, format, arguments);
  va_end(arguments);
  return class;
}
