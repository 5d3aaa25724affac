/* floors: base */
/* utf8.c - what counts as UTF-8, and the arithmetic of code points. */
#include "base/utf8.h"

#include "tests/test.h"

static bool valid(const char *bytes, size_t length) { return utf8_valid((struct slice){bytes, length}); }
#define VALID(literal) valid(literal, sizeof(literal) - 1)

TEST(well_formed) {
  EXPECT(utf8_valid((struct slice){NULL, 0}));
  EXPECT(VALID("plain ASCII, longer than eight bytes"));
  EXPECT(VALID("a\0b"));
  EXPECT(VALID("gr\xC3\xBC\xC3\x9F dich"));
  EXPECT(VALID("\xC2\x80"));         /* U+0080, the first of two bytes */
  EXPECT(VALID("\xDF\xBF"));         /* U+07FF */
  EXPECT(VALID("\xE0\xA0\x80"));     /* U+0800 */
  EXPECT(VALID("\xED\x9F\xBF"));     /* U+D7FF, the last before the surrogates */
  EXPECT(VALID("\xEE\x80\x80"));     /* U+E000, the first behind them */
  EXPECT(VALID("\xEF\xBF\xBF"));     /* U+FFFF */
  EXPECT(VALID("\xF0\x90\x80\x80")); /* U+10000 */
  EXPECT(VALID("\xF4\x8F\xBF\xBF")); /* U+10FFFF */
}

TEST(ill_formed) {
  EXPECT(!VALID("\x80"));
  EXPECT(!VALID("\xBF"));
  EXPECT(!VALID("\xC0\x80")); /* overlong NUL */
  EXPECT(!VALID("\xC1\xBF"));
  EXPECT(!VALID("\xE0\x9F\xBF")); /* overlong */
  EXPECT(!VALID("\xED\xA0\x80")); /* U+D800 */
  EXPECT(!VALID("\xED\xBF\xBF")); /* U+DFFF */
  EXPECT(!VALID("\xF0\x8F\xBF\xBF"));
  EXPECT(!VALID("\xF4\x90\x80\x80")); /* U+110000 */
  EXPECT(!VALID("\xF5\x80\x80\x80"));
  EXPECT(!VALID("\xFF"));
  EXPECT(!VALID("\xC3"));
  EXPECT(!VALID("\xE2\x82"));
  EXPECT(!VALID("\xF0\x9F\x98"));
  EXPECT(!VALID("\xC3("));
  EXPECT(!VALID("\xE2\x82("));
  EXPECT(!VALID("\xE2(\xAC"));
}

TEST(prefix) {
  EXPECT_INT(utf8_valid_prefix(SLICE("12345678901\xFF")), 11);
  EXPECT_INT(utf8_valid_prefix(SLICE("1234567\xC3\xBCx\xC3")), 10);
  EXPECT_INT(utf8_valid_prefix(SLICE("\xE2\x82\xAC\xE2\x82")), 3);
}

TEST(every_code_point_goes_there_and_back) {
  int wrong = 0;
  for (uint32_t c = 0; c <= UTF8_CODE_POINT_MAX; c++) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    char bytes[UTF8_BYTES_MAX];
    unsigned length = utf8_encode(c, bytes), read = 0;
    wrong += utf8_sequence(bytes, bytes + length) != length;
    wrong += utf8_decode(bytes, &read) != c || read != length;
    wrong += length > 1 && utf8_sequence(bytes, bytes + length - 1) != 0;
  }
  EXPECT_INT(wrong, 0);
}

TEST(counting) {
  struct slice text = SLICE("a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80z 12345678");
  EXPECT_INT(utf8_count(text), 14);
  EXPECT_INT(utf8_count((struct slice){NULL, 0}), 0);
  EXPECT_INT(utf8_offset(text, 0), 0);
  EXPECT_INT(utf8_offset(text, 1), 1);
  EXPECT_INT(utf8_offset(text, 2), 3);
  EXPECT_INT(utf8_offset(text, 3), 6);
  EXPECT_INT(utf8_offset(text, 4), 10);
  EXPECT_INT(utf8_offset(text, 14), (long long)text.length);
  EXPECT_INT(utf8_offset(text, 99), (long long)text.length);
}

TEST_MAIN
