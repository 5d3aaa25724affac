/* regex.h - PCRE2 patterns: UTF, compiled with JIT when the rules are loaded, matched within limits.
 *
 * A compiled regex is immutable. What a match writes (the groups' offsets, the JIT stack) is a regex_scratch: one for
 * each thread; all regexes of a rule set share the one that they were compiled with, unless the caller brings another.
 * All memory is the context's, through mem_try(); JIT code and scratches are freed by mem_free_all().
 *
 * Subjects must be valid UTF-8 (the decoder and all functions see to that): it is not checked again. A match that hits
 * a limit counts as no match, and counts->regex_limit grows. The limits stand below. */
#ifndef WEIR_BASE_REGEX_H
#define WEIR_BASE_REGEX_H

#include "base/err.h"
#include "base/expr.h"
#include "base/slice.h"

enum {
  REGEX_PATTERN_MAX = 8192,   /* bytes of a pattern: an analyst's are below 200, generated ones below this */
  REGEX_NESTING_MAX = 100,    /* parentheses in each other: PCRE2 compiles by recursion */
  REGEX_MATCH_LIMIT = 100000, /* backtracking steps of one match: about a millisecond */
  REGEX_DEPTH_LIMIT = 5000,   /* nested backtracking points (without JIT) */
  REGEX_HEAP_KIB = 1024,      /* memory of one match (without JIT) */
  REGEX_STACK_BYTES = 262144, /* the JIT's stack, shared by all regexes of a scratch */
  REGEX_GROUPS_MAX = 99       /* capturing groups of a pattern */
};

enum regex_flag { REGEX_CASELESS = 1 /* i */, REGEX_DOTALL = 2 /* s */, REGEX_EXTENDED = 4 /* x */ };

struct regex;
struct regex_scratch;

/* "isx" in any order -> flags; false at another or a repeated letter. */
bool regex_flags(struct slice letters, unsigned *flags);

/* Room for matches. Never NULL; freed with the context. */
struct regex_scratch *regex_scratch_new(struct mem *mem);

/* Never NULL on success (0). ERR_ABORT: the text says what is wrong and at which offset of the pattern, in PCRE2's own
 * words; *offset (may be NULL) is that byte offset. `\/` is a slash, inside `\Q…\E` too. `scratch` NULL: the regex gets
 * its own. The pattern is copied. */
int regex_compile(struct mem *mem, struct slice pattern, unsigned flags, struct regex_scratch *scratch,
                  struct regex **regex, size_t *offset, struct err *err);

struct slice regex_pattern(const struct regex *regex);
unsigned regex_flags_of(const struct regex *regex);
unsigned regex_group_count(const struct regex *regex); /* capturing groups, group 0 not counted */
void regex_version(char out[32]);                      /* PCRE2's: part of the rule set's hash */

/* Whether a subject's first byte tells that it cannot match: so it is where the pattern begins with `^`, has no
 * look-around, and its first character is one of a few. */
bool regex_has_first(const struct regex *regex);
/* False: the subject does not match. For regexes that have a first byte. */
bool regex_may_begin(const struct regex *regex, struct slice subject);
/* 1 or 0. `scratch` NULL: the one that it was compiled with. */
int regex_match(const struct regex *regex, struct regex_scratch *scratch, struct slice subject,
                struct expr_counts *counts);
/* The part of `subject` that `group` matched (0 = all): 1; 0 if there is no match, no such group or it took no part. */
int regex_extract(const struct regex *regex, struct regex_scratch *scratch, struct slice subject, unsigned group,
                  struct slice *out, struct expr_counts *counts);

#endif
