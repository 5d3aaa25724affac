/* json_scan.h - the inner loops of the JSON reader: a string's end, a number's length, the value of up to 15 digits.
 *
 * All of them may load up to 32 bytes from `at`, whatever stands there (decode.h: records are padded). With SSE2, which
 * every x86-64 has, else in plain C. Used by decode_json.c and json_plan.c only. */
#ifndef WEIR_BASE_JSON_SCAN_H
#define WEIR_BASE_JSON_SCAN_H

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { JSON_SCAN_PADDING = 32, JSON_SCAN_STEP = 16, JSON_DIGITS_MAX = 15 };

#define JSON_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define JSON_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

static inline uint64_t json_load8(const char *at) { /* the first byte is the lowest */
  uint64_t word;
  memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

/* Bits of the 16 bytes at `at` that end a run of plain text: a quote, a backslash, a control character, not ASCII. */
static inline uint32_t json_special_bits(const char *at) {
#ifdef __SSE2__
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
  __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  __m128i outside = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)); /* signed: what is not ASCII is negative */
  return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), outside));
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
    if (JSON_LIKELY(bits != 0)) return at + __builtin_ctz(bits);
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

/* The number that the 1 to 8 digits at `at` make. Three multiplications, after Lemire, "Quickly parsing eight digits".
 */
static inline uint64_t json_digits8(const char *at, unsigned digits) {
  uint64_t word = (json_load8(at) ^ 0x3030303030303030u) << (64 - 8 * digits); /* zeros stand in front */
  word = (word * 2561) >> 8 & 0x00FF00FF00FF00FFu;
  word = (word * 6553601) >> 16 & 0x0000FFFF0000FFFFu;
  return (word * 42949672960001u) >> 32;
}

/* The same for 1 to 15 digits. */
static inline uint64_t json_digits(const char *at, unsigned digits) {
  if (JSON_LIKELY(digits <= 8)) return json_digits8(at, digits);
  return json_digits8(at, digits - 8) * 100000000u + json_digits8(at + digits - 8, 8);
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
 * json_mask(length). Length 0 is never the same (json_plan_remember() sees to it). */
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
