/* limits_table.c - prints the tables of docs/limits.md from base/limits.h, so that the page cannot differ from the
 * code: the limits, and with `memory` those that follow from it. tests/docs/run_docs.py compares. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

/* 1048576 -> "1,048,576". */
static void print_count(unsigned long long count) {
  char digits[32];
  int length = snprintf(digits, sizeof digits, "%llu", count);
  for (int i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0) putchar(',');
    putchar(digits[i]);
  }
}

static void print_row(const char *name, unsigned long long normal, unsigned long long cap, const char *unit,
                      const char *text) {
  fputs("| `", stdout);
  for (size_t i = 0; i < strlen(name); i++) putchar(tolower((unsigned char)name[i]));
  fputs("` | ", stdout);
  print_count(normal);
  fputs(" | ", stdout);
  if (cap == normal)
    fputs("fixed", stdout);
  else
    print_count(cap);
  printf(" | %s | %s |\n", unit, text);
}

static void print_memory_row(const char *name, unsigned thousandths, unsigned each, const char *unit,
                             const char *text) {
  fputs("| `", stdout);
  for (size_t i = 0; i < strlen(name); i++) putchar(tolower((unsigned char)name[i]));
  printf("` | %u.%u %% | ", thousandths / 10, thousandths % 10);
  print_count(MEMORY_ASSUMED / 1000 * thousandths / each);
  printf(" | %s | %s |\n", unit, text);
}

static int memory_table(void) {
  fputs("| name | of `memory` | of 4 GiB | what | what happens |\n| --- | --- | --- | --- | --- |\n", stdout);
#define PRINT_ROW(name, thousandths, each, unit, text) print_memory_row(#name, (thousandths), (each), unit, text);
  WEIR_MEMORY_LIMITS(PRINT_ROW)
#undef PRINT_ROW
  return 0;
}

int main(int count, char **arguments) {
  if (count == 2 && strcmp(arguments[1], "memory") == 0) return memory_table();
  fputs("| name | default | most | unit | what happens |\n| --- | --- | --- | --- | --- |\n", stdout);
#define PRINT_ROW(name, normal, cap, unit, text) print_row(#name, (normal), (cap), unit, text);
  WEIR_LIMITS(PRINT_ROW)
#undef PRINT_ROW
  return 0;
}
