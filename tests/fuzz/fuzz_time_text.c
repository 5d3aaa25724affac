/* floors: base */
/* fuzz_time_text.c - times and durations from text: against a reader written here with the C library's timegm(), there
 * and back, and the JSON reader's fast way against time_parse(). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/decode.h"
#include "base/time_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool judge_number(struct slice *text, size_t digits, int *out) {
  *out = 0;
  if (text->length < digits) return false;
  for (size_t i = 0; i < digits; i++) {
    if (text->data[i] < '0' || text->data[i] > '9') return false;
    *out = *out * 10 + (text->data[i] - '0');
  }
  text->data += digits;
  text->length -= digits;
  return true;
}
static bool judge_byte(struct slice *text, const char *bytes) {
  if (text->length == 0 || text->data[0] == 0 || strchr(bytes, text->data[0]) == NULL) return false;
  text->data++;
  text->length--;
  return true;
}

/* RFC 3339 as Weir takes it. Years 1 to 9999 of the result are not asked for here. */
static bool judge_time(struct slice text, int64_t *us) {
  struct tm tm = {0};
  int micro = 0, hours = 0, minutes = 0, year, month;
  if (!judge_number(&text, 4, &year) || !judge_byte(&text, "-") || !judge_number(&text, 2, &month) ||
      !judge_byte(&text, "-") || !judge_number(&text, 2, &tm.tm_mday) || !judge_byte(&text, "Tt") ||
      !judge_number(&text, 2, &tm.tm_hour) || !judge_byte(&text, ":") || !judge_number(&text, 2, &tm.tm_min) ||
      !judge_byte(&text, ":") || !judge_number(&text, 2, &tm.tm_sec)) {
    return false;
  }
  if (judge_byte(&text, ".")) {
    int digit, count = 0;
    while (judge_number(&text, 1, &digit)) {
      if (++count > 6) return false;
      micro = micro * 10 + digit;
    }
    if (count == 0) return false;
    for (; count < 6; count++) micro *= 10;
  }
  bool minus = text.length > 0 && text.data[0] == '-';
  if (judge_byte(&text, "+-")) {
    if (!judge_number(&text, 2, &hours) || !judge_byte(&text, ":") || !judge_number(&text, 2, &minutes)) return false;
    if (hours > 23 || minutes > 59) return false;
  } else if (!judge_byte(&text, "Zz")) {
    return false;
  }
  if (text.length > 0 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59 || month < 1 || month > 12) return false;
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  struct tm asked = tm;
  int64_t seconds = (int64_t)timegm(&tm); /* moves days that do not exist into the next month */
  if (tm.tm_mday != asked.tm_mday || tm.tm_mon != asked.tm_mon) return false;
  int64_t offset = (hours * 60 + minutes) * 60;
  *us = (seconds + (minus ? offset : -offset)) * 1000000 + micro;
  return true;
}

static struct schema_field field = {
    .name = SLICE("t"), .path = SLICE("t"), .type = {.kind = VALUE_TIME}, .used = true, .slot = 0};
static const struct schema schema = {
    .name = SLICE("e"), .field_count = 1, .slot_count = 1, .fields = &field, .time_field = -1};

/* The decoder says the same as time_parse(), for the first record and for one whose day it remembers. */
static void decoder_judge(struct slice text, const char *wrong, int64_t us) {
  enum { PADDING = 32 };
  for (size_t i = 0; i < text.length; i++) {
    if ((uint8_t)text.data[i] < 0x20 || (uint8_t)text.data[i] > 0x7E || strchr("\"\\", text.data[i]) != NULL) return;
  }
  struct mem *mem = mem_new(0);
  if (mem == NULL) return;
  struct decode_plan plan = {
      .schemas = &schema, .schema_count = 1, .fixed_type = 0, .only_type = -1, .type_field = SLICE("type")};
  struct decoder *decoder = decoder_json_new(mem, &plan);
  struct arena arena;
  arena_init(&arena, mem, 4096);
  char *record = mem_alloc(mem, text.length + 8 + PADDING);
  memcpy(record, "{\"t\":\"", 6);
  memcpy(record + 6, text.data, text.length);
  memcpy(record + 6 + text.length, "\"}", 2);
  for (int round = 0; round < 2; round++) {
    struct decoded out;
    decode_record(decoder, (struct slice){record, text.length + 8}, &arena, &out);
    check(out.code == DECODE_OK);
    if (wrong != NULL || us < TIME_MIN_US || us > TIME_MAX_US)
      check(value_is_null(out.values[0]) && out.bad_count == 1);
    else
      check(out.values[0].kind == VALUE_TIME && out.values[0].i == us && out.bad_count == 0);
  }
  mem_free_all(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int64_t us = 0, expected = 0, again = 0;
  char *copy = malloc(size + 1), written[DURATION_TEXT_MAX > TIME_TEXT_MAX ? DURATION_TEXT_MAX : TIME_TEXT_MAX];
  check(copy != NULL);
  if (size > 0) memcpy(copy, data, size);
  struct slice text = {copy, size};
  const char *wrong = time_parse(text, &us);
  bool fine = judge_time(text, &expected);
  if (fine && expected >= TIME_MIN_US && expected <= TIME_MAX_US) check(wrong == NULL);
  if (wrong == NULL) {
    check(fine && us == expected);
    unsigned length = time_text(written, us);
    if (us >= TIME_MIN_US && us <= TIME_MAX_US) {
      check(time_parse((struct slice){written, length}, &again) == NULL && again == us);
    }
  }
  decoder_judge(text, wrong, us);
  if (duration_parse(text, &us) == NULL) {
    unsigned length = duration_text(written, us);
    check(duration_parse((struct slice){written, length}, &again) == NULL && again == us);
  }
  free(copy);
  return 0;
}
