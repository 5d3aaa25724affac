/* floors: engine rules nfa base */
/* alert, outbox, reject, secret: exact bytes. Whole alerts out of rules are in engine.c; here are the parts by hand. */
#include "engine/outbox.h"
#include "engine/reject.h"
#include "engine/secret.h"
#include "test.h"

static struct rule rule_a = {.id = 0, .name = {"a", 1}}, rule_b = {.id = 1, .name = {"b", 1}};

static void add(struct outbox *outbox, const struct rule *rule, const struct moment *moment, const char *bytes) {
  size_t at = outbox->bytes.length;
  buf_str(&outbox->bytes, bytes);
  outbox_add(outbox, (struct outbox_row){.kind = OUTBOX_ALERT, .rule = rule, .name = rule->name}, at, moment);
}

static void add_timer(struct outbox *outbox, const struct rule *rule, uint32_t stage, const char *key,
                      const char *bytes) {
  struct moment moment = {.time = 10, .phase = 1 + stage, .name = rule->name, .key = slice_of(key)};
  add(outbox, rule, &moment, bytes);
}

static const char *all(struct outbox *outbox, char *text) {
  size_t length = 0;
  for (const struct outbox_row *row; (row = outbox_take(outbox)) != NULL;) {
    memcpy(text + length, row->bytes.data, row->bytes.length);
    length += row->bytes.length;
  }
  text[length] = '\0';
  return text;
}

TEST(alerts_of_an_event_are_ordered_by_rule_then_by_telling) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct outbox outbox;
  char text[64];
  outbox_init(&outbox, mem);
  struct moment first = {.time = 10, .position = {.offset = 4}}, next = {.time = 10, .position = {.offset = 5}};
  struct moment derived = first; /* what an event causes is of its moment */
  derived.position.derived = 1;
  EXPECT_INT(moment_compare(&first, &derived), 0);
  outbox_open(&outbox);
  add(&outbox, &rule_a, &next, "4"); /* a round of passes brings moments in any order */
  add(&outbox, &rule_b, &first, "1");
  add(&outbox, &rule_a, &derived, "2");
  add(&outbox, &rule_a, &first, "3");
  EXPECT(outbox_take(&outbox) == NULL); /* an open group is not there yet */
  outbox_close(&outbox);
  EXPECT_TEXT(all(&outbox, text), "2314");
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(alerts_of_a_deadline_are_ordered_by_stage_rule_and_key) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct outbox outbox;
  char text[64];
  outbox_init(&outbox, mem);
  outbox_open(&outbox);
  add_timer(&outbox, &rule_b, 0, "{\"k\":\"b\"}", "1");
  add_timer(&outbox, &rule_a, 1, "{\"k\":\"a\"}", "2");
  add_timer(&outbox, &rule_b, 0, "{\"k\":\"a\"}", "3");
  add_timer(&outbox, &rule_a, 0, "{\"k\":\"c\"}", "4");
  add_timer(&outbox, &rule_b, 0, "{\"k\":\"a\"}", "5");
  struct moment event = {.time = 10, .position = {.offset = 9}};
  add(&outbox, &rule_b, &event, "0"); /* events of a time stand before its timers */
  outbox_close(&outbox);
  EXPECT_TEXT(all(&outbox, text), "043512");
  outbox_recycle(&outbox);
  EXPECT_INT(outbox.count, 0);
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(a_large_group_is_sorted) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct outbox outbox;
  outbox_init(&outbox, mem);
  outbox_open(&outbox);
  for (unsigned i = 0; i < 5000; i++) {
    char key[16];
    snprintf(key, sizeof key, "%04u", i * 7919 % 5000);
    add_timer(&outbox, &rule_a, 0, key, key);
  }
  outbox_close(&outbox);
  for (unsigned i = 0; i < 5000; i++) {
    char key[16];
    snprintf(key, sizeof key, "%04u", i);
    const struct outbox_row *row = outbox_take(&outbox);
    EXPECT(row != NULL && slice_equal(row->bytes, slice_of(key)));
    if (test_failed) break;
  }
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(dead_letters_carry_any_bytes) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct buf out;
  buf_init(&out, mem);
  struct reject_place place = {SLICE("stdin"), 0, 12};
  reject_dead_letter(&out, SLICE("bad_json"), SLICE("expected `,` or `}` at byte 17"), &place, (struct slice){0},
                     SLICE("{\"a\":\x01 \xff\xc3\xa4\xc3"));
  EXPECT_TEXT(buf_text(&out), "{\"dead_letter\":\"bad_json\",\"detail\":\"expected `,` or `}` at byte 17\","
                              "\"source\":\"stdin\",\"partition\":0,\"offset\":12,"
                              "\"record\":\"{\\\"a\\\":\\u0001 \xEF\xBF\xBD\xc3\xa4\xEF\xBF\xBD\"}");
  buf_clear(&out);
  reject_dead_letter(&out, SLICE("bad_field"), SLICE("expected an int"), &place, SLICE("n"), SLICE("{}"));
  EXPECT_TEXT(buf_text(&out), "{\"dead_letter\":\"bad_field\",\"detail\":\"expected an int\",\"source\":\"stdin\","
                              "\"partition\":0,\"offset\":12,\"taken\":true,\"field\":\"n\",\"record\":\"{}\"}");
  buf_clear(&out);
  reject_late(&out, SLICE("payment"), &place, 0, 1500000, SLICE("x"));
  EXPECT_TEXT(buf_text(&out), "{\"late\":\"payment\",\"source\":\"stdin\",\"partition\":0,\"offset\":12,"
                              "\"time\":\"1970-01-01T00:00:00Z\",\"watermark\":\"1970-01-01T00:00:01.5Z\","
                              "\"record\":\"x\"}");
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(bad_fields_are_sampled_once_a_minute_of_event_time) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  static const char reason[] = "expected an int", other[] = "out of range";
  struct reject_samples *samples = reject_samples_new(mem);
  EXPECT(reject_sample(samples, 1, 2, reason, 59999999));
  EXPECT(!reject_sample(samples, 1, 2, reason, 0));
  EXPECT(reject_sample(samples, 1, 2, reason, 60000000));
  EXPECT(reject_sample(samples, 1, 2, other, 60000000));
  EXPECT(reject_sample(samples, 1, 3, reason, 60000000));
  EXPECT(!reject_sample(samples, 1, 2, reason, 59000000)); /* an older minute, out of order */
  EXPECT(reject_sample(samples, 5, 5, reason, -1));
  EXPECT(reject_sample(samples, 5, 5, reason, 0)); /* minutes before 1970 are minutes too */
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST(secrets_are_hashed_or_masked_by_code_points) {
  struct mem *mem = mem_new(0);
  if (MEM_GUARD(mem)) return;
  struct arena arena;
  arena_init(&arena, mem, 1024);
  /* RFC 4231, test case 2 */
  struct value hashed =
      secret_told(value_string(SLICE("what do ya want for nothing?")), SECRET_HASH, 0, 0, SLICE("Jefe"), &arena);
  EXPECT(slice_equal(value_slice(hashed), SLICE("5bdcc146bf60754e6a042426089575c7")));
  struct value card = value_string(SLICE("4111111111111234"));
  EXPECT(slice_equal(value_slice(secret_told(card, SECRET_MASK, 6, 4, SLICE(""), &arena)), SLICE("411111******1234")));
  struct value text = value_string(SLICE("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f"));
  EXPECT(
      slice_equal(value_slice(secret_told(text, SECRET_MASK, 1, 1, SLICE(""), &arena)), SLICE("\xc3\xa4**\xc3\x9f")));
  EXPECT(slice_equal(value_slice(secret_told(text, SECRET_MASK, 2, 2, SLICE(""), &arena)), SLICE("****")));
  EXPECT(value_is_null(secret_told(value_null(), SECRET_HASH, 0, 0, SLICE("k"), &arena)));
  EXPECT(slice_equal(value_slice(secret_told(card, SECRET_NONE, 0, 0, SLICE(""), &arena)), value_slice(card)));
  mem_unguard(mem);
  mem_free_all(mem);
}

TEST_MAIN
