/* floors: base */
/* fuzz_regex.c - a first byte of flags, a pattern up to the first line end, then a subject: compiling ends well or with
 * a text, matching ends within its limits, and what is extracted lies inside the subject and is valid UTF-8. */
#include <stdint.h>

#include "base/check.h"
#include "base/regex.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_groups(const struct regex *regex, struct slice subject, bool matched) {
  struct expr_counts counts = {0};
  for (unsigned group = 0; group <= regex_group_count(regex) + 1; group++) {
    struct slice out = {NULL, 0};
    int found = regex_extract(regex, NULL, subject, group, &out, &counts);
    if (group == 0 && matched) check(found == 1 || counts.regex_limit > 0 || out.data == NULL);
    if (found == 0) continue;
    check(matched && group <= regex_group_count(regex));
    check(out.data >= subject.data && out.data + out.length <= subject.data + subject.length);
    check(utf8_valid(out));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  struct mem *mem = mem_new(0);
  check(mem != NULL);
  const char *text = (const char *)data + 1, *end = memchr(text, '\n', size - 1);
  size_t length = end == NULL ? size - 1 : (size_t)(end - text);
  struct regex *regex = NULL;
  struct err err = {0};
  size_t offset = SIZE_MAX;
  int status = regex_compile(mem, (struct slice){text, length}, data[0] & 7u, NULL, &regex, &offset, &err);
  if (status != 0) {
    check(status == ERR_ABORT && err.text[0] != '\0' && offset <= length);
  } else {
    /* A copy of its own, so that a read behind its end is seen. */
    struct slice rest = {end == NULL ? "" : end + 1, end == NULL ? 0 : size - 2 - length};
    rest.length = utf8_valid_prefix(rest);
    char *copy = mem_alloc_raw(mem, rest.length + 1);
    memcpy(copy, rest.data, rest.length);
    struct slice subject = {copy, rest.length};
    struct expr_counts counts = {0};
    bool matched = regex_match(regex, NULL, subject, &counts) != 0;
    check(!matched || counts.regex_limit == 0);
    look_at_groups(regex, subject, matched);
  }
  mem_free_all(mem);
  return 0;
}
