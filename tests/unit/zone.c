/* floors: base */
/* Time zones: the reader on made files, the rule behind the last transition, unknown and broken zones; and, where the
 * host has zone data, agreement with the C library over all of time. */
#include "test.h"

#include <stdlib.h>
#include <time.h>

#include "base/time_text.h"
#include "base/zone.h"

static struct mem *mem;
static struct arena arena;
static struct err err;
static void begin(void) {
  mem = mem_new(0);
  arena_init(&arena, mem, 4096);
  err_clear(&err);
}
static void end(void) { mem_free_all(mem); }

static void put_u32(struct buf *out, uint32_t n) {
  for (int shift = 24; shift >= 0; shift -= 8) buf_byte(out, (char)(n >> shift));
}
static void put_u64(struct buf *out, uint64_t n) {
  put_u32(out, (uint32_t)(n >> 32));
  put_u32(out, (uint32_t)n);
}
static void put_header(struct buf *out, uint32_t leaps, uint32_t times, uint32_t types, uint32_t names) {
  buf_str(out, "TZif2");
  for (int i = 0; i < 15; i++) buf_byte(out, 0);
  put_u32(out, 0);
  put_u32(out, 0);
  put_u32(out, leaps);
  put_u32(out, times);
  put_u32(out, types);
  put_u32(out, names);
}

/* Two types (-1:00 before all, +1:00) and one transition at 1000000 s, then `rule`. */
static struct slice made_file(struct buf *out, const char *rule) {
  buf_init(out, mem);
  put_header(out, 0, 0, 1, 1);
  for (int i = 0; i < 7; i++) buf_byte(out, 0);
  put_header(out, 0, 1, 2, 4);
  put_u64(out, 1000000);
  buf_byte(out, 1);
  put_u32(out, (uint32_t)-3600);
  buf_add(out, "\0\0", 2);
  put_u32(out, 3600);
  buf_add(out, "\0\0", 2);
  buf_add(out, "ABC", 4);
  buf_byte(out, '\n');
  buf_str(out, rule);
  buf_byte(out, '\n');
  return buf_view(out);
}

static int64_t utc(const char *text) {
  int64_t us = 0;
  EXPECT(time_parse(slice_of(text), &us) == NULL);
  return us;
}

static const struct zone *with_rule(const char *rule) {
  struct buf file;
  return zone_parse(&arena, SLICE("Made/Up"), made_file(&file, rule), &err);
}

TEST(utc_needs_no_files) {
  begin();
  const struct zone *zone = zone_load(&arena, env_real(), SLICE("UTC"), &err);
  EXPECT(zone != NULL);
  EXPECT_INT(zone_offset_s(zone, 0), 0);
  EXPECT_INT(zone_local_us(zone, INT64_MAX), INT64_MAX);
  EXPECT(slice_equal(zone_name(zone), SLICE("UTC")));
  end();
}

TEST(transitions) {
  begin();
  const struct zone *zone = with_rule("");
  EXPECT(zone != NULL);
  EXPECT_INT(zone_offset_s(zone, INT64_MIN), -3600);
  EXPECT_INT(zone_offset_s(zone, 999999999999), -3600); /* the microsecond before */
  EXPECT_INT(zone_offset_s(zone, 1000000000000), 3600);
  EXPECT_INT(zone_offset_s(zone, INT64_MAX), 3600);
  EXPECT_INT(zone_local_us(zone, 0), -3600000000);
  EXPECT(slice_equal(zone_name(zone), SLICE("Made/Up")));
  end();
}

TEST(rule_of_the_north) {
  begin();
  const struct zone *zone = with_rule("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT(zone != NULL);
  EXPECT_INT(zone_offset_s(zone, utc("2026-03-29T00:59:59.999999Z")), 3600);
  EXPECT_INT(zone_offset_s(zone, utc("2026-03-29T01:00:00Z")), 7200);
  EXPECT_INT(zone_offset_s(zone, utc("2026-10-25T00:59:59Z")), 7200);
  EXPECT_INT(zone_offset_s(zone, utc("2026-10-25T01:00:00Z")), 3600);
  /* Beyond the years that are written out into the table. */
  EXPECT_INT(zone_offset_s(zone, utc("2500-07-01T00:00:00Z")), 7200);
  EXPECT_INT(zone_offset_s(zone, utc("9999-12-31T00:00:00Z")), 3600);
  EXPECT_INT(zone_offset_s(zone, utc("2099-07-01T00:00:00Z")), 7200);
  EXPECT_INT(zone_offset_s(zone, utc("2100-01-01T00:00:00Z")), 3600);
  EXPECT_INT(zone_offset_s(zone, utc("2100-07-01T00:00:00Z")), 7200);
  EXPECT_INT(zone_offset_s(zone, INT64_MAX) / 3600, 1);
  end();
}

TEST(rule_of_the_south) {
  begin();
  const struct zone *zone = with_rule("AEST-10AEDT,M10.1.0,M4.1.0/3");
  EXPECT(zone != NULL);
  for (int year = 1975; year < 2400; year += 7) { /* summer spans the new year */
    char text[32];
    snprintf(text, sizeof text, "%d-12-31T23:59:59Z", year);
    EXPECT_INT(zone_offset_s(zone, utc(text)), 39600);
    snprintf(text, sizeof text, "%d-01-01T00:00:00Z", year);
    EXPECT_INT(zone_offset_s(zone, utc(text)), 39600);
    snprintf(text, sizeof text, "%d-07-01T00:00:00Z", year);
    EXPECT_INT(zone_offset_s(zone, utc(text)), 36000);
  }
  EXPECT_INT(zone_offset_s(zone, utc("2026-04-04T15:59:59Z")), 39600);
  EXPECT_INT(zone_offset_s(zone, utc("2026-04-04T16:00:00Z")), 36000);
  end();
}

TEST(other_forms_of_rules) {
  begin();
  EXPECT_INT(zone_offset_s(with_rule("<+0330>-3:30"), utc("2026-01-01T00:00:00Z")), 12600);
  EXPECT_INT(zone_offset_s(with_rule("EST5"), utc("2026-01-01T00:00:00Z")), -18000);
  /* Summer all the year round (RFC 9636, 3.3.1). */
  const struct zone *always = with_rule("EST5EDT,0/0,J365/25");
  EXPECT_INT(zone_offset_s(always, utc("2026-01-01T04:59:59Z")), -14400);
  EXPECT_INT(zone_offset_s(always, utc("2300-12-31T23:59:59Z")), -14400);
  /* Negative and large times of day. */
  const struct zone *greenland = with_rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
  EXPECT_INT(zone_offset_s(greenland, utc("2026-03-29T00:59:59Z")), -7200);
  EXPECT_INT(zone_offset_s(greenland, utc("2026-03-29T01:00:00Z")), -3600);
  const struct zone *gaza = with_rule("EET-2EEST,M3.4.4/50,M10.4.4/50");
  EXPECT_INT(zone_offset_s(gaza, utc("2026-03-28T00:00:00Z")), 10800);
  EXPECT_INT(zone_offset_s(gaza, utc("2026-03-27T23:59:59Z")), 7200);
  /* J counts without Feb 29. */
  const struct zone *julian = with_rule("AAA0BBB,J60/0,J61/0");
  EXPECT_INT(zone_offset_s(julian, utc("2024-03-01T12:00:00Z")), 3600);
  EXPECT_INT(zone_offset_s(julian, utc("2025-03-01T12:00:00Z")), 3600);
  EXPECT_INT(zone_offset_s(julian, utc("2024-02-29T12:00:00Z")), 0);
  static const char *const bad[] = {"X",
                                    "EST",
                                    "EST5EDT",
                                    "EST5EDT,",
                                    "EST5EDT,M3.2.0",
                                    "EST5EDT,M13.2.0,M11.1.0",
                                    "EST5EDT,M3.6.0,M11.1.0",
                                    "EST5EDT,M3.2.7,M11.1.0",
                                    "EST5EDT,J0,J5",
                                    "EST5EDT,366,5",
                                    "EST5EDT,M3.2.0,M11.1.0x",
                                    "<EST5",
                                    "EST99",
                                    "EST5:60",
                                    "EST5EDT,M3.2.0/168,M11.1.0"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    EXPECT(with_rule(bad[i]) == NULL);
    EXPECT_TEXT(err.text, "the zone file of `Made/Up` is broken");
  }
  end();
}

TEST(broken_files_are_refused) {
  begin();
  struct buf file;
  struct slice whole = made_file(&file, "CET-1CEST,M3.5.0,M10.5.0/3");
  for (size_t length = 0; length < whole.length; length++) {
    char *exact = mem_alloc_raw(mem, length); /* so that the sanitizer sees a read past the end */
    memcpy(exact, whole.data, length);
    EXPECT(zone_parse(&arena, SLICE("x"), (struct slice){exact, length}, &err) == NULL);
    mem_free(mem, exact);
  }
  for (size_t place = 0; place < whole.length; place++) { /* any byte may be wrong: no crash, whatever the answer */
    for (int bit = 0; bit < 8; bit++) {
      file.data[place] ^= (char)(1 << bit);
      const struct zone *zone = zone_parse(&arena, SLICE("x"), buf_view(&file), &err);
      if (zone != NULL) {
        int32_t offset = zone_offset_s(zone, utc("2026-07-01T00:00:00Z"));
        EXPECT(offset >= -26 * 3600 && offset <= 26 * 3600);
        zone_offset_s(zone, INT64_MAX);
        zone_offset_s(zone, INT64_MIN);
      }
      file.data[place] ^= (char)(1 << bit);
    }
    arena_reset(&arena);
  }
  buf_free(&file);
  buf_init(&file, mem);
  put_header(&file, 1, 0, 1, 1);
  for (int i = 0; i < 7 + 8; i++) buf_byte(&file, 0);
  put_header(&file, 1, 0, 1, 1);
  for (int i = 0; i < 7 + 12; i++) buf_byte(&file, 0);
  buf_str(&file, "\n\n");
  EXPECT(zone_parse(&arena, SLICE("right/UTC"), buf_view(&file), &err) == NULL);
  EXPECT_TEXT(err.text, "the zone `right/UTC` counts leap seconds; Weir's times do not");
  end();
}

TEST(unknown_zones) {
  begin();
  static const char *const names[] = {"Nowhere/Land",   "../../etc/passwd", "/etc/passwd", "",
                                      "Europe/Ber lin", "Europe/.."};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    EXPECT(zone_load(&arena, env_real(), slice_of(names[i]), &err) == NULL);
    EXPECT(strstr(err.text, "zone") != NULL && err.class == ERR_ABORT);
  }
  char version[ZONE_VERSION_MAX] = "";
  zone_data_version(mem, env_real(), version);
  EXPECT(strlen(version) > 0);
  end();
}

TEST(as_the_c_library) {
  static const char *const names[] = {"Europe/Berlin",     "America/New_York",  "Australia/Lord_Howe",
                                      "Asia/Kathmandu",    "America/Sao_Paulo", "Pacific/Apia",
                                      "Africa/Casablanca", "Europe/Dublin",     "America/St_Johns",
                                      "Antarctica/Troll",  "Asia/Tehran",       "America/Scoresbysund"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    begin();
    const struct zone *zone = zone_load(&arena, env_real(), slice_of(names[i]), &err);
    if (zone == NULL) {
      printf("skipped %s: %s\n", names[i], err.text);
    } else {
      setenv("TZ", names[i], 1);
      tzset();
      uint64_t random = 13;
      int differ = 0;
      for (int n = 0; n < 20000; n++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t us = (int64_t)(random >> 1) % (n % 2 ? 7000000000000000 : 4000000000000000) - 2000000000000000;
        time_t seconds = (time_t)(us >= 0 ? us / 1000000 : -((-us + 999999) / 1000000));
        struct tm tm;
        localtime_r(&seconds, &tm);
        differ += tm.tm_gmtoff != zone_offset_s(zone, us);
      }
      EXPECT_INT(differ, 0);
    }
    end();
  }
}

TEST_MAIN
