/* floors: base */
/* Times and durations as text, and the calendar. */
#include "test.h"

#include <time.h>

#include "base/time_text.h"

static int64_t at(const char *text) {
  int64_t us = -1;
  const char *wrong = time_parse(slice_of(text), &us);
  if (wrong != NULL) printf("  %s: %s\n", text, wrong);
  return us;
}
static const char *refused(const char *text) {
  int64_t us = -77;
  const char *wrong = time_parse(slice_of(text), &us);
  return wrong == NULL ? "taken" : us != -77 ? "changed" : wrong;
}
static const char *shown(int64_t us) {
  static char text[TIME_TEXT_MAX];
  return time_text(text, us) == strlen(text) ? text : "wrong length";
}

TEST(times) {
  EXPECT_INT(at("1970-01-01T00:00:00Z"), 0);
  EXPECT_INT(at("2026-11-21T10:05:00Z"), 1795255500000000);
  EXPECT_INT(at("2026-11-21T10:05:00.5Z"), 1795255500500000);
  EXPECT_INT(at("2026-11-21T10:05:00.000001Z"), 1795255500000001);
  EXPECT_INT(at("2026-11-21T10:05:00.123456+00:00"), 1795255500123456);
  EXPECT_INT(at("2026-11-21T11:35:00+01:30"), 1795255500000000);
  EXPECT_INT(at("2026-11-21T00:05:00-10:00"), 1795255500000000);
  EXPECT_INT(at("2026-11-21T10:05:00-00:00"), 1795255500000000);
  EXPECT_INT(at("2026-11-21t10:05:00z"), 1795255500000000);
  EXPECT_INT(at("1969-12-31T23:59:59.999999Z"), -1);
  EXPECT_INT(at("0001-01-01T00:00:00Z"), TIME_MIN_US);
  EXPECT_INT(at("9999-12-31T23:59:59.999999Z"), TIME_MAX_US);
  EXPECT_INT(at("2000-02-29T00:00:00Z"), 951782400000000);
  EXPECT_INT(at("2024-02-29T23:59:59Z"), 1709251199000000);
}

TEST(refused_times) {
  static const char *const form = "expected a time as 2026-11-21T10:00:00Z";
  static const char *const zone = "a time needs `Z` or an offset as +01:00";
  static const char *const bad[] = {"",
                                    "2026",
                                    "2026-11-21",
                                    "2026-11-21T10:05Z",
                                    "2026-11-21 10:05:00Z",
                                    "2026/11/21T10:05:00Z",
                                    "2026-11-21T10.05.00Z",
                                    "x026-11-21T10:05:00Z",
                                    "2026-1-21T10:05:00ZZ",
                                    "+2026-11-21T10:05:00Z",
                                    " 2026-11-21T10:05:00Z",
                                    "2026-11-21T10:05:0aZ",
                                    "2026-11-21T1:05:00:0Z",
                                    "\262026-11-21T10:05:00Z",
                                    "2026-11-21T10:05:00.Z",
                                    "2026-11-21T10:05:00.+01:00",
                                    "-026-11-21T10:05:00Z"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) EXPECT_TEXT(refused(bad[i]), form);
  static const char *const no_zone[] = {
      "2026-11-21T10:05:00",    "2026-11-21T10:05:00.5",  "2026-11-21T10:05:00+01",    "2026-11-21T10:05:00+0100",
      "2026-11-21T10:05:00ZZ",  "2026-11-21T10:05:00Z ",  "2026-11-21T10:05:00+01:0x", "2026-11-21T10:05:00 +01:00",
      "2026-11-21T10:05:00,5Z", "2026-11-21T10:05:00.5 Z"};
  for (size_t i = 0; i < sizeof no_zone / sizeof no_zone[0]; i++) EXPECT_TEXT(refused(no_zone[i]), zone);
  EXPECT_TEXT(refused("2026-11-21T10:05:00.1234567Z"), "a time has at most 6 fraction digits");
  EXPECT_TEXT(refused("2026-11-21T10:05:00.1234560Z"), "a time has at most 6 fraction digits");
  EXPECT_TEXT(refused("2026-02-29T10:05:00Z"), "no such day in that month");
  EXPECT_TEXT(refused("1900-02-29T10:05:00Z"), "no such day in that month");
  EXPECT_TEXT(refused("2026-04-31T10:05:00Z"), "no such day in that month");
  EXPECT_TEXT(refused("2026-11-00T10:05:00Z"), "no such day in that month");
  EXPECT_TEXT(refused("2026-13-01T10:05:00Z"), "no such month");
  EXPECT_TEXT(refused("2026-00-01T10:05:00Z"), "no such month");
  EXPECT_TEXT(refused("2026-11-21T24:00:00Z"), "no such time of day");
  EXPECT_TEXT(refused("2026-11-21T10:60:00Z"), "no such time of day");
  EXPECT_TEXT(refused("2026-11-21T10:05:61Z"), "no such time of day");
  EXPECT_TEXT(refused("2016-12-31T23:59:60Z"), "leap seconds (:60) are not taken");
  EXPECT_TEXT(refused("2026-11-21T10:05:00+24:00"), "no such offset: +23:59 is the largest");
  EXPECT_TEXT(refused("2026-11-21T10:05:00-01:60"), "no such offset: +23:59 is the largest");
  EXPECT_TEXT(refused("0000-01-01T00:00:00Z"), "years are 0001 to 9999");
  EXPECT_TEXT(refused("0001-01-01T00:00:00+00:01"), "years are 0001 to 9999, in UTC");
  EXPECT_TEXT(refused("9999-12-31T23:59:59-00:01"), "years are 0001 to 9999, in UTC");
  int64_t us;
  EXPECT(time_parse((struct slice){NULL, 0}, &us) != NULL);
}

TEST(every_byte_of_a_time_matters) {
  static const char good[] = "2026-11-21T10:05:00Z";
  for (int place = 0; place < 20; place++) {
    bool digit_place = good[place] >= '0' && good[place] <= '9';
    for (int byte = 0; byte < 256; byte++) {
      char text[sizeof good];
      memcpy(text, good, sizeof good);
      text[place] = (char)byte;
      int64_t us;
      bool taken = time_parse((struct slice){text, 20}, &us) == NULL;
      bool letter_place = good[place] == 'T' || good[place] == 'Z';
      if (digit_place)
        EXPECT(!taken || (byte >= '0' && byte <= '9'));
      else
        EXPECT_INT(taken, byte == good[place] || (letter_place && byte == (good[place] | 0x20)));
    }
  }
}

TEST(time_texts) {
  EXPECT_TEXT(shown(0), "1970-01-01T00:00:00Z");
  EXPECT_TEXT(shown(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_TEXT(shown(1795255500120000), "2026-11-21T10:05:00.12Z");
  EXPECT_TEXT(shown(1795255500000100), "2026-11-21T10:05:00.0001Z");
  EXPECT_TEXT(shown(TIME_MIN_US), "0001-01-01T00:00:00Z");
  EXPECT_TEXT(shown(TIME_MAX_US), "9999-12-31T23:59:59.999999Z");
  EXPECT_TEXT(shown(TIME_MAX_US + 1), "9999-12-31T23:59:59.999999Z"); /* RFC 3339 has no other years */
  EXPECT_TEXT(shown(TIME_MIN_US - 1), "0001-01-01T00:00:00Z");
  EXPECT_TEXT(shown(INT64_MAX), "9999-12-31T23:59:59.999999Z");
  EXPECT_TEXT(shown(INT64_MIN), "0001-01-01T00:00:00Z");
}

TEST(calendar_against_the_c_library) {
  uint64_t random = 3;
  for (int i = 0; i < 100000; i++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    int64_t us = TIME_MIN_US + (int64_t)(random >> 1) % (TIME_MAX_US - TIME_MIN_US);
    struct civil civil = time_to_civil(us);
    time_t seconds = (time_t)(us >= 0 ? us / 1000000 : -((-us + 999999) / 1000000));
    struct tm tm;
    gmtime_r(&seconds, &tm);
    EXPECT(civil.year == tm.tm_year + 1900 && civil.month == tm.tm_mon + 1 && civil.day == tm.tm_mday);
    EXPECT(civil.hour == tm.tm_hour && civil.minute == tm.tm_min && civil.second == tm.tm_sec);
    EXPECT(civil.day_of_week == (tm.tm_wday == 0 ? 7 : tm.tm_wday));
    EXPECT_INT(time_from_civil(&civil), us);
    EXPECT_INT(at(shown(us)), us);
  }
  EXPECT_INT(time_to_civil(0).day_of_week, 4); /* a Thursday */
  EXPECT_INT(time_days_in_month(2100, 2), 28);
  EXPECT_INT(time_days_in_month(2000, 2), 29);
  EXPECT_INT(time_days_from_civil(1970, 1, 1), 0);
  EXPECT_INT(time_days_from_civil(-1, 12, 31), -719529);
}

static int64_t lasts(const char *text) {
  int64_t us = -77;
  return duration_parse(slice_of(text), &us) == NULL ? us : INT64_MIN;
}
static const char *duration(int64_t us) {
  static char text[DURATION_TEXT_MAX];
  return duration_text(text, us) == strlen(text) ? text : "wrong length";
}

TEST(durations) {
  EXPECT_INT(lasts("30m"), 1800000000);
  EXPECT_INT(lasts("1h30m"), 5400000000);
  EXPECT_INT(lasts("0s"), 0);
  EXPECT_INT(lasts("90m"), 5400000000);
  EXPECT_INT(lasts("5us"), 5);
  EXPECT_INT(lasts("5ms"), 5000);
  EXPECT_INT(lasts("1m5ms"), 60005000);
  EXPECT_INT(lasts("1w1d1h1m1s1ms1us"), 694861001001);
  EXPECT_INT(lasts("-1h"), -3600000000);
  EXPECT_INT(lasts("9223372036854775807us"), INT64_MAX);
  EXPECT_INT(lasts("106751991d"), 106751991 * TIME_DAY_US);
  static const char *const bad[] = {"",
                                    "-",
                                    "m",
                                    "30",
                                    "30x",
                                    "30 m",
                                    "1h 30m",
                                    "30M",
                                    "1.5h",
                                    "1h30",
                                    "h1",
                                    "30m1h",
                                    "5s5s",
                                    "106751992d",
                                    "9223372036854775808us",
                                    "99999999999999999999s",
                                    "15250284w4d",
                                    "1msx",
                                    "--1s",
                                    "1h-30m",
                                    "+1h",
                                    "1mm"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) EXPECT_INT(lasts(bad[i]), INT64_MIN);
}

TEST(duration_texts) {
  EXPECT_TEXT(duration(0), "0s");
  EXPECT_TEXT(duration(1800000000), "30m");
  EXPECT_TEXT(duration(5400000000), "1h30m");
  EXPECT_TEXT(duration(1), "1us");
  EXPECT_TEXT(duration(60005000), "1m5ms");
  EXPECT_TEXT(duration(7 * TIME_DAY_US), "1w");
  EXPECT_TEXT(duration(30 * TIME_DAY_US), "30d");
  EXPECT_TEXT(duration(365 * TIME_DAY_US), "365d");
  EXPECT_TEXT(duration(36 * TIME_HOUR_US), "1d12h");
  EXPECT_TEXT(duration(-TIME_HOUR_US), "-1h");
  EXPECT_INT(lasts(duration(INT64_MAX)), INT64_MAX);
  EXPECT_TEXT(duration(INT64_MIN), "-106751991d4h54s775ms808us");
  int64_t least;
  EXPECT(duration_parse(slice_of(duration(INT64_MIN)), &least) == NULL && least == INT64_MIN);
  uint64_t random = 5;
  for (int i = 0; i < 100000; i++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    int64_t us = (int64_t)random >> (i % 63);
    EXPECT_INT(lasts(duration(us)), us);
  }
}

TEST_MAIN
