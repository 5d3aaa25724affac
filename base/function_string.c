/* function_string.c - functions over strings. Called through the function table; what they make lies in the scratch
 * arena, what they only cut out is borrowed from the argument. Strings are valid UTF-8 and stay so. */
#include "base/check.h"
#include "base/expr_number.h"
#include "base/function.h"
#include "base/function_table.h"
#include "base/utf8.h"

static struct slice text_of(const struct function_frame *frame, unsigned index) {
  struct slice text = value_slice(frame->arguments[index]);
  return text.data == NULL ? SLICE("") : text;
}

struct value function_length(const struct function_frame *frame) {
  struct value x = frame->arguments[0];
  return value_int(x.kind == VALUE_LIST ? (int64_t)x.length : (int64_t)utf8_count(value_slice(x)));
}

/* `text` with the case of the letters first … first + 25 changed; itself where there is none. */
static struct value change_case(const struct function_frame *frame, char first) {
  struct slice text = text_of(frame, 0);
  size_t i = 0;
  while (i < text.length && (unsigned)(text.data[i] - first) >= 26) i++;
  if (i == text.length) return frame->arguments[0];
  char *copy = arena_copy(frame->scratch, text.data, text.length);
  for (; i < text.length; i++)
    if ((unsigned)(copy[i] - first) < 26) copy[i] = (char)(copy[i] ^ 0x20);
  return value_string((struct slice){copy, text.length});
}

struct value function_lower(const struct function_frame *frame) {
  return change_case(frame, 'A');
}
struct value function_upper(const struct function_frame *frame) {
  return change_case(frame, 'a');
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

struct value function_trim(const struct function_frame *frame) {
  struct slice text = text_of(frame, 0);
  while (text.length > 0 && is_blank(text.data[0])) {
    text.data++;
    text.length--;
  }
  while (text.length > 0 && is_blank(text.data[text.length - 1])) text.length--;
  return value_string(text);
}

static size_t at_most(int64_t number, size_t most) {
  return number <= 0 ? 0 : (uint64_t)number > most ? most : (size_t)number;
}

struct value function_substr(const struct function_frame *frame) {
  struct slice text = text_of(frame, 0);
  int64_t start = frame->arguments[1].i, skip = start > 0 ? start - 1 : 0;
  if (start < 0) {
    int64_t length = (int64_t)utf8_count(text);
    skip = start < -length ? 0 : length + start;
  }
  size_t begin = utf8_offset(text, at_most(skip, text.length));
  text = (struct slice){text.data + begin, text.length - begin};
  if (frame->count > 2) text.length = utf8_offset(text, at_most(frame->arguments[2].i, text.length));
  return value_string(text);
}

/* `part` is not empty. */
static const char *find(struct slice text, struct slice part) {
  return text.length < part.length || part.length == 0 ? NULL : memmem(text.data, text.length, part.data, part.length);
}

/* How often a part that is not empty stands in the text, without overlap. */
static int64_t occurrences(struct slice text, struct slice part) {
  int64_t count = 0;
  for (const char *at; (at = find(text, part)) != NULL; count++) {
    size_t behind = (size_t)(at - text.data) + part.length;
    text = (struct slice){text.data + behind, text.length - behind};
  }
  return count;
}

struct value function_split_part(const struct function_frame *frame) {
  struct slice text = text_of(frame, 0), separator = text_of(frame, 1);
  int64_t n = frame->arguments[2].i;
  int64_t cuts = separator.length == 0 || n >= 0 ? 0 : occurrences(text, separator);
  if (n < 0) n = n < -(cuts + 1) ? 0 : cuts + 2 + n;
  if (n == 0) return value_null();
  for (;; n--) {
    const char *at = separator.length == 0 ? NULL : find(text, separator);
    if (n == 1) return value_string((struct slice){text.data, at == NULL ? text.length : (size_t)(at - text.data)});
    if (at == NULL) return value_null();
    size_t behind = (size_t)(at - text.data) + separator.length;
    text = (struct slice){text.data + behind, text.length - behind};
  }
}

struct value function_starts_with(const struct function_frame *frame) {
  struct slice text = text_of(frame, 0), part = text_of(frame, 1);
  return value_bool(text.length >= part.length && slice_equal((struct slice){text.data, part.length}, part));
}

struct value function_ends_with(const struct function_frame *frame) {
  struct slice text = text_of(frame, 0), part = text_of(frame, 1);
  return value_bool(text.length >= part.length &&
                    slice_equal((struct slice){text.data + text.length - part.length, part.length}, part));
}

struct value function_contains(const struct function_frame *frame) {
  struct slice part = text_of(frame, 1);
  return value_bool(part.length == 0 || find(text_of(frame, 0), part) != NULL);
}

static char *put(char *out, const char *bytes, size_t length) {
  if (length > 0) memcpy(out, bytes, length);
  return out + length;
}

struct value function_replace(const struct function_frame *frame) {
  struct slice text = text_of(frame, 0), from = text_of(frame, 1), to = text_of(frame, 2);
  int64_t count = from.length == 0 ? 0 : occurrences(text, from);
  if (count == 0) return frame->arguments[0];
  /* All lengths are below 2^32, so that this cannot wrap. */
  uint64_t length = text.length - (uint64_t)count * from.length;
  if (to.length > 0 && (uint64_t)count > FUNCTION_STRING_MAX / to.length) return number_overflow(frame->counts);
  length += (uint64_t)count * to.length;
  if (length > FUNCTION_STRING_MAX) return number_overflow(frame->counts);
  char *made = arena_alloc(frame->scratch, length + 1), *out = made;
  for (; count > 0; count--) {
    const char *at = find(text, from);
    check(at != NULL);
    size_t before = (size_t)(at - text.data);
    out = put(put(out, text.data, before), to.data, to.length);
    text = (struct slice){at + from.length, text.length - before - from.length};
  }
  out = put(out, text.data, text.length);
  check((uint64_t)(out - made) == length);
  return value_string((struct slice){made, length});
}

struct value function_concat(const struct function_frame *frame) {
  uint64_t length = 0;
  for (unsigned i = 0; i < frame->count; i++) length += frame->arguments[i].length;
  if (length > FUNCTION_STRING_MAX) return number_overflow(frame->counts);
  if (frame->count == 1) return frame->arguments[0];
  char *made = arena_alloc(frame->scratch, length + 1), *out = made;
  for (unsigned i = 0; i < frame->count; i++) out = put(out, frame->arguments[i].s, frame->arguments[i].length);
  return value_string((struct slice){made, length});
}

struct value function_extract(const struct function_frame *frame) {
  int64_t group = frame->count > 1 ? frame->arguments[1].i : 0;
  struct slice part;
  if (group < 0 || group > REGEX_GROUPS_MAX) return value_null();
  if (regex_extract(frame->regex, frame->regex_scratch, text_of(frame, 0), (unsigned)group, &part, frame->counts) == 0)
    return value_null();
  return value_string(part);
}

struct value function_luhn_valid(const struct function_frame *frame) {
  struct slice text = text_of(frame, 0);
  unsigned sum = 0, digits = 0;
  for (size_t i = text.length; i-- > 0;) {
    char c = text.data[i];
    if (c == ' ' || c == '-') continue;
    if (c < '0' || c > '9') return value_bool(false);
    unsigned digit = (unsigned)(c - '0');
    if (digits++ % 2 == 1) digit = digit < 5 ? 2 * digit : 2 * digit - 9;
    sum = (sum + digit) % 10;
  }
  return value_bool(digits >= 2 && sum == 0);
}

/* ---- likeness ---- */

/* The code points of a text, if they are not too many. */
static bool code_points(struct slice text, uint32_t out[FUNCTION_DISTANCE_MAX], unsigned *count) {
  const char *at = text.data, *end = text.data + text.length;
  for (*count = 0; at < end; (*count)++) {
    unsigned length;
    if (*count == FUNCTION_DISTANCE_MAX) return false;
    out[*count] = utf8_decode(at, &length);
    at += length;
  }
  return true;
}

enum { WORDS = FUNCTION_DISTANCE_MAX / 64, ALPHABET_SLOTS = 2 * FUNCTION_DISTANCE_MAX };

/* For each code point of a pattern, where it stands: a bit for each place. Open addressing. */
struct alphabet {
  uint32_t code_point[ALPHABET_SLOTS]; /* + 1; 0 = empty */
  uint64_t places[ALPHABET_SLOTS][WORDS];
};

static unsigned alphabet_slot(const struct alphabet *alphabet, uint32_t code_point) {
  unsigned slot = code_point * 2654435761u >> 7 & (ALPHABET_SLOTS - 1);
  while (alphabet->code_point[slot] != 0 && alphabet->code_point[slot] != code_point + 1)
    slot = (slot + 1) & (ALPHABET_SLOTS - 1); /* at most half full: this ends */
  return slot;
}

static void alphabet_fill(struct alphabet *alphabet, const uint32_t *pattern, unsigned count) {
  memset(alphabet->code_point, 0, sizeof alphabet->code_point);
  for (unsigned i = 0; i < count; i++) {
    unsigned slot = alphabet_slot(alphabet, pattern[i]);
    if (alphabet->code_point[slot] == 0) {
      alphabet->code_point[slot] = pattern[i] + 1;
      memset(alphabet->places[slot], 0, sizeof alphabet->places[slot]);
    }
    alphabet->places[slot][i / 64] |= (uint64_t)1 << i % 64;
  }
}

/* One column of the distance table, as differences of +1, -1 in bits (Myers, JACM 46(3), 1999; in blocks as Hyyro
 * 2003 has it): 256 by 256 code points cost about 1,000 steps instead of 65,000. */
static int levenshtein_column(uint64_t plus[WORDS], uint64_t minus[WORDS], const uint64_t *equal, unsigned count) {
  uint64_t plus_in = 1, minus_in = 0; /* the row above the first grows by one in each column */
  unsigned words = (count + 63) / 64;
  int change = 0;
  for (unsigned w = 0; w < words; w++) {
    uint64_t p = plus[w], m = minus[w], e = equal[w];
    uint64_t vertical = e | m;
    e |= minus_in;
    uint64_t diagonal = (((e & p) + p) ^ p) | e;
    uint64_t horizontal_plus = m | ~(diagonal | p), horizontal_minus = p & diagonal;
    if (w == words - 1) {
      uint64_t last = (uint64_t)1 << (count - 1) % 64;
      change = ((horizontal_plus & last) != 0) - ((horizontal_minus & last) != 0);
    }
    uint64_t plus_out = horizontal_plus >> 63, minus_out = horizontal_minus >> 63;
    horizontal_plus = horizontal_plus << 1 | plus_in;
    horizontal_minus = horizontal_minus << 1 | minus_in;
    plus[w] = horizontal_minus | ~(vertical | horizontal_plus);
    minus[w] = horizontal_plus & vertical;
    plus_in = plus_out;
    minus_in = minus_out;
  }
  return change;
}

struct value function_levenshtein(const struct function_frame *frame) {
  uint32_t a[FUNCTION_DISTANCE_MAX], b[FUNCTION_DISTANCE_MAX];
  unsigned a_count, b_count;
  if (!code_points(text_of(frame, 0), a, &a_count) || !code_points(text_of(frame, 1), b, &b_count))
    return number_overflow(frame->counts);
  if (a_count == 0) return value_int(b_count);
  struct alphabet alphabet;
  alphabet_fill(&alphabet, a, a_count);
  static const uint64_t nowhere[WORDS];
  uint64_t plus[WORDS], minus[WORDS] = {0};
  memset(plus, 0xff, sizeof plus);
  int64_t distance = a_count;
  for (unsigned i = 0; i < b_count; i++) {
    unsigned slot = alphabet_slot(&alphabet, b[i]);
    const uint64_t *equal = alphabet.code_point[slot] == 0 ? nowhere : alphabet.places[slot];
    distance += levenshtein_column(plus, minus, equal, a_count);
  }
  return value_int(distance);
}

struct value function_jaro_winkler(const struct function_frame *frame) {
  uint32_t a[FUNCTION_DISTANCE_MAX], b[FUNCTION_DISTANCE_MAX];
  bool a_taken[FUNCTION_DISTANCE_MAX] = {false}, b_taken[FUNCTION_DISTANCE_MAX] = {false};
  unsigned a_count, b_count, matches = 0;
  if (!code_points(text_of(frame, 0), a, &a_count) || !code_points(text_of(frame, 1), b, &b_count))
    return number_overflow(frame->counts);
  if (a_count == 0 && b_count == 0) return value_float(1);
  unsigned longer = a_count > b_count ? a_count : b_count, reach = longer / 2 > 0 ? longer / 2 - 1 : 0;
  for (unsigned i = 0; i < a_count; i++) {
    unsigned end = i + reach + 1 < b_count ? i + reach + 1 : b_count;
    for (unsigned j = i > reach ? i - reach : 0; j < end; j++) {
      if (b_taken[j] || a[i] != b[j]) continue;
      a_taken[i] = b_taken[j] = true;
      matches++;
      break;
    }
  }
  if (matches == 0) return value_float(0);
  unsigned moved = 0;
  for (unsigned i = 0, j = 0; i < a_count; i++) {
    if (!a_taken[i]) continue;
    while (!b_taken[j]) j++;
    moved += a[i] != b[j++];
  }
  unsigned transpositions = moved / 2;
  double m = matches, jaro = (m / a_count + m / b_count + (m - transpositions) / m) / 3;
  enum { PREFIX_MAX = 4 };
  unsigned prefix = 0;
  while (prefix < PREFIX_MAX && prefix < a_count && prefix < b_count && a[prefix] == b[prefix]) prefix++;
  return value_float(jaro + prefix * 0.1 * (1 - jaro));
}
