/* regex.c - the one place that knows PCRE2. Owns compiled code and match room; called by expr, function, rules/lower.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>

#include "base/check.h"

struct regex_scratch {
  pcre2_match_data *data;
  pcre2_match_context *context;
  pcre2_jit_stack *stack;
  pcre2_general_context *general;
};

struct regex {
  pcre2_code *code;
  struct regex_scratch *scratch;
  struct slice pattern;
  unsigned flags;
  uint32_t group_count;
  bool jit, has_first;
  uint8_t first[256 / 8]; /* bits: bytes that a subject may begin with that matches */
};

static void *take(PCRE2_SIZE bytes, void *mem) { return mem_try(mem, bytes); }
static void give_back(void *block, void *mem) { mem_free(mem, block); }

static void scratch_free(void *argument) {
  struct regex_scratch *scratch = argument;
  /* Each of these takes NULL. */
  pcre2_match_data_free(scratch->data);
  pcre2_match_context_free(scratch->context);
  pcre2_jit_stack_free(scratch->stack);
  pcre2_general_context_free(scratch->general);
  *scratch = (struct regex_scratch){0};
}

/* PCRE2 had no memory: let an ordinary allocation that can never be served make the escape. */
static _Noreturn void no_memory(struct mem *mem) {
  mem_alloc_raw(mem, SIZE_MAX);
  check(false);
  abort();
}

struct regex_scratch *regex_scratch_new(struct mem *mem) {
  struct regex_scratch *scratch = mem_alloc(mem, sizeof *scratch);
  mem_defer(mem, scratch_free, scratch);
  scratch->general = pcre2_general_context_create(take, give_back, mem);
  if (scratch->general == NULL) no_memory(mem);
  scratch->data = pcre2_match_data_create(REGEX_GROUPS_MAX + 1, scratch->general);
  scratch->context = pcre2_match_context_create(scratch->general);
  if (scratch->data == NULL || scratch->context == NULL) no_memory(mem);
  pcre2_set_match_limit(scratch->context, REGEX_MATCH_LIMIT);
  pcre2_set_depth_limit(scratch->context, REGEX_DEPTH_LIMIT);
  pcre2_set_heap_limit(scratch->context, REGEX_HEAP_KIB);
  /* NULL where this build of PCRE2 has no JIT. */
  scratch->stack = pcre2_jit_stack_create(32 * 1024, REGEX_STACK_BYTES, scratch->general);
  if (scratch->stack != NULL) pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
  return scratch;
}

static void code_free(void *argument) {
  struct regex *regex = argument;
  pcre2_code_free(regex->code);
  regex->code = NULL;
}

bool regex_flags(struct slice letters, unsigned *flags) {
  *flags = 0;
  for (size_t i = 0; i < letters.length; i++) {
    unsigned flag = letters.data[i] == 'i'   ? REGEX_CASELESS
                    : letters.data[i] == 's' ? REGEX_DOTALL
                    : letters.data[i] == 'x' ? REGEX_EXTENDED
                                             : 0;
    if (flag == 0 || (*flags & flag) != 0) return false;
    *flags |= flag;
  }
  return true;
}

static int refuse(struct err *err, int code, size_t at) {
  PCRE2_UCHAR words[256];
  if (pcre2_get_error_message(code, words, sizeof words) < 0) words[0] = '\0';
  return err_set(err, ERR_ABORT, "regular expression: %s at offset %zu", (const char *)words, at);
}

/* What stands behind a `^` at the pattern's beginning matches there, or nothing does: so the bytes that PCRE2 says the
 * rest may begin with are the ones. Look-around and verbs could do more before they fail: then it is left open. */
static void find_first(struct regex *regex, uint32_t options, pcre2_compile_context *context) {
  struct slice pattern = regex->pattern;
  uint32_t anchored = 0, empty = 1, first = 0, unit = 0;
  const uint8_t *bits = NULL;
  int code;
  size_t at;
  if (pattern.length < 2 || pattern.data[0] != '^' || (options & (PCRE2_CASELESS | PCRE2_EXTENDED)) != 0) return;
  for (size_t i = 0; i + 1 < pattern.length; i++)
    if (pattern.data[i] == '(' && (pattern.data[i + 1] == '?' || pattern.data[i + 1] == '*')) return;
  pcre2_pattern_info(regex->code, PCRE2_INFO_ALLOPTIONS, &anchored);
  if ((anchored & PCRE2_ANCHORED) == 0) return;
  pcre2_code *rest = pcre2_compile((PCRE2_SPTR)pattern.data + 1, pattern.length - 1, options, &code, &at, context);
  if (rest == NULL) return;
  pcre2_pattern_info(rest, PCRE2_INFO_FIRSTCODETYPE, &first);
  pcre2_pattern_info(rest, PCRE2_INFO_FIRSTCODEUNIT, &unit);
  pcre2_pattern_info(rest, PCRE2_INFO_FIRSTBITMAP, &bits);
  pcre2_pattern_info(rest, PCRE2_INFO_MATCHEMPTY, &empty);
  if (empty != 0) {
    first = 0;
    bits = NULL;
  }
  if (first == 1) {
    regex->first[unit / 8 & 31] = (uint8_t)(1 << unit % 8);
    regex->has_first = true;
  } else if (bits != NULL) {
    memcpy(regex->first, bits, sizeof regex->first);
    regex->has_first = true;
  }
  pcre2_code_free(rest);
}

/* To `copy`, with `/` for `\/` where a `\Q` may make two literal characters of it (elsewhere they mean the same).
 * Returns the length. */
static size_t copy_pattern(char *copy, struct slice pattern) {
  size_t length = 0;
  if (pattern.length == 0) return 0;
  if (memmem(pattern.data, pattern.length, "\\Q", 2) == NULL) {
    memcpy(copy, pattern.data, pattern.length);
    return pattern.length;
  }
  for (size_t i = 0; i < pattern.length; i++) {
    bool pair = pattern.data[i] == '\\' && i + 1 < pattern.length;
    if (!pair || pattern.data[i + 1] != '/') copy[length++] = pattern.data[i];
    if (pair) copy[length++] = pattern.data[++i];
  }
  return length;
}

int regex_compile(struct mem *mem, struct slice pattern, unsigned flags, struct regex_scratch *scratch,
                  struct regex **out, size_t *offset, struct err *err) {
  if (offset != NULL) *offset = 0;
  if (pattern.length > REGEX_PATTERN_MAX)
    return err_set(err, ERR_ABORT, "regular expression: it has %zu bytes, more than %d", pattern.length,
                   REGEX_PATTERN_MAX);
  struct regex *regex = mem_alloc(mem, sizeof *regex + pattern.length + 1);
  char *copy = (char *)(regex + 1);
  regex->pattern = (struct slice){copy, copy_pattern(copy, pattern)};
  regex->flags = flags;
  mem_defer(mem, code_free, regex);
  regex->scratch = scratch != NULL ? scratch : regex_scratch_new(mem);

  pcre2_compile_context *context = pcre2_compile_context_create(regex->scratch->general);
  if (context == NULL) no_memory(mem);
  /* Said here, so that how this PCRE2 was built does not matter. \C could cut a code point in two. */
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_set_bsr(context, PCRE2_BSR_UNICODE);
  pcre2_set_parens_nest_limit(context, REGEX_NESTING_MAX);
  uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
  if ((flags & REGEX_CASELESS) != 0) options |= PCRE2_CASELESS;
  if ((flags & REGEX_DOTALL) != 0) options |= PCRE2_DOTALL;
  if ((flags & REGEX_EXTENDED) != 0) options |= PCRE2_EXTENDED;
  int code = 0;
  size_t at = 0;
  regex->code = pcre2_compile((PCRE2_SPTR)regex->pattern.data, regex->pattern.length, options, &code, &at, context);
  if (regex->code != NULL) find_first(regex, options, context);
  pcre2_compile_context_free(context);
  if (regex->code == NULL && code == PCRE2_ERROR_HEAP_FAILED) no_memory(mem);
  int status = 0;
  if (regex->code == NULL) {
    if (offset != NULL) *offset = at;
    status = refuse(err, code, at);
  } else {
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &regex->group_count);
    if (regex->group_count > REGEX_GROUPS_MAX)
      status = err_set(err, ERR_ABORT, "regular expression: it has %u groups, more than %d", regex->group_count,
                       REGEX_GROUPS_MAX);
  }
  if (status != 0) {
    mem_undefer(mem, regex, true);
    mem_free(mem, regex);
    return status;
  }
  /* Where the system forbids code that is made at run time, the interpreter does it. */
  regex->jit = regex->scratch->stack != NULL && pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0;
  *out = regex;
  return 0;
}

struct slice regex_pattern(const struct regex *regex) {
  return regex->pattern;
}
unsigned regex_flags_of(const struct regex *regex) { return regex->flags; }
unsigned regex_group_count(const struct regex *regex) { return regex->group_count; }

void regex_version(char out[32]) {
  char words[64] = "";
  if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) <= (int)sizeof words) pcre2_config(PCRE2_CONFIG_VERSION, words);
  snprintf(out, 32, "%.31s", words);
}

/* The number of offset pairs set (1 or more), or 0. */
static int run(const struct regex *regex, struct regex_scratch *scratch, struct slice subject,
               struct expr_counts *counts) {
  PCRE2_SPTR text = (PCRE2_SPTR)subject.data;
  int pairs = regex->jit ? pcre2_jit_match(regex->code, text, subject.length, 0, 0, scratch->data, scratch->context)
                         : pcre2_match(regex->code, text, subject.length, 0, PCRE2_NO_UTF_CHECK, scratch->data,
                                       scratch->context);
  if (pairs > 0) return pairs;
  check(pairs != 0);                                       /* there is room for all groups */
  if (pairs != PCRE2_ERROR_NOMATCH) counts->regex_limit++; /* limits, and no memory for the interpreter */
  return 0;
}

bool regex_has_first(const struct regex *regex) { return regex->has_first; }

bool regex_may_begin(const struct regex *regex, struct slice subject) {
  if (subject.length == 0) return false;
  uint8_t byte = (uint8_t)subject.data[0];
  return regex->first[byte / 8] >> byte % 8 & 1;
}

int regex_match(const struct regex *regex, struct regex_scratch *scratch, struct slice subject,
                struct expr_counts *counts) {
  if (subject.data == NULL) subject = SLICE("");
  if (regex->has_first && !regex_may_begin(regex, subject)) return 0;
  return run(regex, scratch != NULL ? scratch : regex->scratch, subject, counts) > 0;
}

int regex_extract(const struct regex *regex, struct regex_scratch *scratch, struct slice subject, unsigned group,
                  struct slice *out, struct expr_counts *counts) {
  if (scratch == NULL) scratch = regex->scratch;
  if (subject.data == NULL) subject = SLICE("");
  int pairs = run(regex, scratch, subject, counts);
  if ((unsigned)pairs <= group) return 0; /* groups behind the last one that took part have no pair */
  const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(scratch->data);
  size_t begin = offsets[2 * group], end = offsets[2 * group + 1];
  if (begin == PCRE2_UNSET || begin > end) return 0; /* \K in a look-ahead may put the begin behind the end */
  *out = (struct slice){subject.data + begin, end - begin};
  return 1;
}
