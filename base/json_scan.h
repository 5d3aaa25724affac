/* json_scan.h - the inner loops of the JSON reader: a string's end, a number's length, the value of up to 15 digits.
 *
 * All of them may load up to 32 bytes from `at`, whatever stands there (decode.h: records are padded). With SSE2, which
 * every x86-64 has, else in plain C. Used by decode_json.c, json_fast.c and json_plan.c only. */
#ifndef WEIR_BASE_JSON_SCAN_H
#define WEIR_BASE_JSON_SCAN_H

#include <stdint.h>
#include <string.h>

#include "base/unaligned.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { JSON_SCAN_PADDING = 32, JSON_SCAN_STEP = 16, JSON_DIGITS_MAX = 15 };

#define JSON_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define JSON_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Bits of the 16 bytes at `at` that end a run of plain text: a quote, a backslash, a control character, not ASCII. */
static inline uint32_t json_special_bits(const char *at) {
#ifdef __SSE2__
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
  __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  __m128i inside = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(0x1F)); /* signed: what is not ASCII is negative */
  __m128i plain = _mm_andnot_si128(_mm_or_si128(quote, backslash), inside);
  return (uint32_t)_mm_movemask_epi8(plain) ^ 0xFFFF;
#else
  uint32_t bits = 0;
  for (unsigned i = 0; i < JSON_SCAN_STEP; i++) {
    uint8_t c = (uint8_t)at[i];
    bits |= (uint32_t)(c == '"' || c == '\\' || c < 0x20 || c >= 0x80) << i;
  }
  return bits;
#endif
}

/* The first such byte from `at` (at most `end`) on; a place up to 16 bytes behind `end` if there is none before it. */
static inline const char *json_special(const char *at, const char *end) {
  do {
    uint32_t bits = json_special_bits(at);
    if (JSON_LIKELY(bits != 0)) return at + __builtin_ctzll(bits);
    at += JSON_SCAN_STEP;
  } while (at < end);
  return at;
}

/* Behind the minus at `at`, if one stands there. A branch that is foreseen is better here than an addition that all
 * later loads wait for; the empty instruction keeps the compiler from making it one. */
static inline const char *json_past_minus(const char *at) {
  if (JSON_UNLIKELY(*at == '-')) {
    at++;
    __asm__("" : "+r"(at));
  }
  return at;
}

/* Bits of the 16 bytes at `at` that are no digits, and bit 16. */
static inline uint32_t json_not_digit_bits(const char *at) {
#ifdef __SSE2__
  __m128i bytes = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), _mm_set1_epi8('0'));
  __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(9)), bytes);
  return (uint32_t)_mm_movemask_epi8(digits) ^ 0x1FFFFu;
#else
  uint32_t bits = 1u << 16;
  for (unsigned i = 0; i < JSON_SCAN_STEP; i++) bits |= (uint32_t)(at[i] < '0' || at[i] > '9') << i;
  return bits;
#endif
}

/* The number that 8 digits make, each of them 0 to 9, the first in the lowest byte. Three multiplications, after
 * Lemire, "Quickly parsing eight digits". */
static inline uint64_t json_digits_of(uint64_t word) {
  word = (word * 2561) >> 8 & 0x00FF00FF00FF00FFu;
  word = (word * 6553601) >> 16 & 0x0000FFFF0000FFFFu;
  return (word * 42949672960001u) >> 32;
}

/* The number that the 1 to 8 digits at `at` make. */
static inline uint64_t json_digits8(const char *at, unsigned digits) {
  return json_digits_of((read_u64_little(at) ^ 0x3030303030303030u) << (64 - 8 * digits)); /* zeros stand in front */
}

/* The same for 1 to 15 digits. */
static inline uint64_t json_digits(const char *at, unsigned digits) {
  if (JSON_LIKELY(digits <= 8)) return json_digits8(at, digits);
  return json_digits8(at, digits - 8) * 100000000u + json_digits8(at + digits - 8, 8);
}

#define JSON_HIGH_BITS UINT64_C(0x8080808080808080)
#define JSON_ZEROS UINT64_C(0x3030303030303030)

/* The high bit of each of the 8 bytes that is no digit, where `word` is 8 bytes of text, each xor '0'. Exact up to the
 * first that is not ASCII, and that one is there: only it can carry into what follows it. */
static inline uint64_t json_stops(uint64_t word) { return ((word + 0x7676767676767676u) | word) & JSON_HIGH_BITS; }

/* Numbers without a minus or an exponent, of at most 7 bytes, are read at once: `12`, `101.70`. All of these return
 * what follows the number, or NULL where something else stands. */

/* Whether the number whose digits are the first bytes of `word` (each 0 to 9), `whole` of them before a point, begins
 * and ends as it must. */
static inline int json_short_fine(uint64_t word, unsigned whole, char next) {
  if (JSON_UNLIKELY((uint8_t)(word - 1) > 8) && ((uint8_t)word != 0 || whole != 1)) return 0;
  return JSON_LIKELY(next == ',') || (next != '.' && (next | 0x20) != 'e');
}

static inline const char *json_short_whole(const char *at, int64_t *number) {
  uint64_t word = read_u64_little(at) ^ JSON_ZEROS, stops = json_stops(word);
  if (JSON_UNLIKELY(stops == 0)) return NULL;
  unsigned stop = (unsigned)__builtin_ctzll(stops), whole = stop / 8;
  if (!json_short_fine(word, whole, at[whole])) return NULL;
  *number = (int64_t)json_digits_of(word << (71 - stop)); /* so that the last digit is in the highest byte */
  return at + whole;
}

/* The number is that of all digits, *fraction of which stand behind the point. */
static inline const char *json_short_point(const char *at, int64_t *number, unsigned *fraction) {
  uint64_t word = read_u64_little(at) ^ JSON_ZEROS, stops = json_stops(word);
  uint64_t point = stops & -stops, rest = stops ^ point, before = (point >> 7) - 1; /* the bytes before the point */
  if (JSON_UNLIKELY(rest == 0)) return NULL;
  unsigned whole = (unsigned)__builtin_ctzll(stops) / 8, stop = (unsigned)__builtin_ctzll(rest), length = stop / 8;
  *fraction = length - whole - 1;
  if (JSON_UNLIKELY(at[whole] != '.')) return NULL;
  if (JSON_UNLIKELY(*fraction == 0) || !json_short_fine(word, whole, at[length])) return NULL;
  word = (word & before) | (word >> 8 & ~before); /* without it */
  *number = (int64_t)json_digits_of(word << (79 - stop));
  return at + length;
}

/* For one that nobody wants. */
static inline const char *json_short_end(const char *at) {
  uint64_t word = read_u64_little(at) ^ JSON_ZEROS, stops = json_stops(word);
  if (JSON_UNLIKELY(stops == 0)) return NULL;
  unsigned whole = (unsigned)__builtin_ctzll(stops) / 8;
  return json_short_fine(word, whole, at[whole]) ? at + whole : NULL;
}

/* Bits of the 16 bytes at `at` that are the same at `text`. */
static inline uint32_t json_same_bits(const char *at, const char *text) {
#ifdef __SSE2__
  return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)at),
                                                    _mm_loadu_si128((const __m128i *)(const void *)text)));
#else
  uint32_t bits = 0;
  for (unsigned i = 0; i < JSON_SCAN_STEP; i++) bits |= (uint32_t)(at[i] == text[i]) << i;
  return bits;
#endif
}

/* Bits of the 16 bytes at `at` that are `byte`. */
static inline uint32_t json_byte_bits(const char *at, char byte) {
#ifdef __SSE2__
  return (uint32_t)_mm_movemask_epi8(
      _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), _mm_set1_epi8(byte)));
#else
  uint32_t bits = 0;
  for (unsigned i = 0; i < JSON_SCAN_STEP; i++) bits |= (uint32_t)(at[i] == byte) << i;
  return bits;
#endif
}

/* json_same_bits() where `text` is aligned to 16. */
static inline uint32_t json_same_bits_aligned(const char *at, const char *text) {
#ifdef __SSE2__
  return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)at),
                                                    _mm_load_si128((const __m128i *)(const void *)text)));
#else
  return json_same_bits(at, text);
#endif
}

/* Whether the first `length` (at most 16) bytes at `at` are those of `text`; 16 may be loaded of both. */
static inline int json_same_short(const char *at, const char *text, unsigned length) {
#ifdef __SSE2__
  __m128i same = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)at),
                                _mm_loadu_si128((const __m128i *)(const void *)text));
  return (~(uint32_t)_mm_movemask_epi8(same) & ((1u << length) - 1)) == 0;
#else
  return memcmp(at, text, length) == 0;
#endif
}

/* The lowest min(length, 32) bits. */
static inline uint32_t json_mask(unsigned length) { return length >= 32 ? UINT32_MAX : (UINT32_C(1) << length) - 1; }

/* Whether the first `length` bytes at `at` are those of `text`; both may be loaded for 32 bytes at least. `mask` is
 * json_mask(length). */
static inline int json_same(const char *at, const char *text, uint32_t mask, unsigned length) {
#ifdef __SSE2__
  __m128i low = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)at),
                               _mm_loadu_si128((const __m128i *)(const void *)text));
  __m128i high = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(at + 16)),
                                _mm_loadu_si128((const __m128i *)(const void *)(text + 16)));
  uint32_t same = (uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16;
  return JSON_LIKELY((~same & mask) == 0) && (length <= 32 || memcmp(at + 32, text + 32, length - 32) == 0);
#else
  (void)mask;
  return length > 0 && memcmp(at, text, length) == 0;
#endif
}

#endif
