/* floors: base */
/* Growing bytes and JSON strings. */
#include "test.h"

#include "base/buf.h"

static struct mem *mem;
static struct buf out;

static void begin(void) {
  mem = mem_new(0);
  buf_init(&out, mem);
}
static void end(void) { mem_free_all(mem); }

TEST(grows) {
  begin();
  EXPECT_TEXT(buf_text(&out), "");
  for (int i = 0; i < 100000; i++) buf_byte(&out, (char)('a' + i % 26));
  EXPECT_INT(out.length, 100000);
  EXPECT_INT(out.data[99999], 'a' + 99999 % 26);
  EXPECT_INT(strlen(buf_text(&out)), 100000);
  buf_clear(&out);
  EXPECT_INT(out.length, 0);
  buf_add(&out, NULL, 0);
  buf_str(&out, "x");
  buf_slice(&out, SLICE("yz"));
  EXPECT_TEXT(buf_text(&out), "xyz");
  EXPECT(slice_equal(buf_view(&out), SLICE("xyz")));
  buf_free(&out);
  EXPECT_INT(mem_used(mem), 0);
  end();
}

TEST(printf_of_any_length) {
  begin();
  for (int width = 0; width < 400; width++) {
    buf_clear(&out);
    buf_str(&out, "head ");
    buf_printf(&out, "%*s", width, "");
    buf_printf(&out, "%d", 42);
    EXPECT_INT(out.length, 7 + width);
    EXPECT(memcmp(out.data + out.length - 2, "42", 2) == 0);
  }
  end();
}

static const char *json(const char *text, size_t length) {
  buf_clear(&out);
  buf_json_string(&out, (struct slice){text, length});
  return buf_text(&out);
}

TEST(json_strings) {
  begin();
  EXPECT_TEXT(json("", 0), "\"\"");
  EXPECT_TEXT(json(NULL, 0), "\"\"");
  EXPECT_TEXT(json("plain", 5), "\"plain\"");
  EXPECT_TEXT(json("a\"b\\c/d", 7), "\"a\\\"b\\\\c/d\"");
  EXPECT_TEXT(json("\b\t\n\f\r", 5), "\"\\b\\t\\n\\f\\r\"");
  EXPECT_TEXT(json("\0\x01\x1f\x7f", 4), "\"\\u0000\\u0001\\u001f\x7f\"");
  EXPECT_TEXT(json("\xe2\x82\xac\xf0\x9f\x98\x80", 7), "\"\xe2\x82\xac\xf0\x9f\x98\x80\"");
  end();
}

TEST(json_escapes_at_every_place) {
  begin();
  for (int length = 1; length < 40; length++) {
    for (int place = 0; place < length; place++) {
      for (int byte = 0; byte < 256; byte++) {
        char text[40], expected[64];
        memset(text, 0xff, sizeof text); /* high bytes next to it must not hide it */
        text[place] = (char)byte;
        size_t n = 0;
        expected[n++] = '"';
        for (int i = 0; i < length; i++) {
          unsigned char c = (unsigned char)text[i];
          static const char letters[] = "btn?fr";
          if (c == '"' || c == '\\') {
            expected[n++] = '\\';
            expected[n++] = (char)c;
          } else if (c >= 8 && c <= 13 && c != 11) {
            expected[n++] = '\\';
            expected[n++] = letters[c - 8];
          } else if (c < 0x20) {
            n += (size_t)snprintf(expected + n, sizeof expected - n, "\\u%04x", c);
          } else {
            expected[n++] = (char)c;
          }
        }
        expected[n++] = '"';
        json(text, (size_t)length);
        EXPECT(out.length == n && memcmp(out.data, expected, n) == 0);
      }
    }
  }
  end();
}

TEST_MAIN
