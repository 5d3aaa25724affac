/* reject.c - what is told of records that were refused, late or partly bad. Owned by engine.c. */
#include "engine/reject.h"

#include "base/map.h"
#include "base/time_text.h"
#include "base/utf8.h"

enum { REJECT_SAMPLES_MAX = 4096 /* pairs of field and reason that are told apart in one partition */ };

/* A JSON string of any bytes. */
static void any_bytes(struct buf *out, struct slice bytes) {
  size_t valid = utf8_valid_prefix(bytes);
  if (valid == bytes.length) {
    buf_json_string(out, bytes);
    return;
  }
  struct buf clean;
  buf_init(&clean, out->mem);
  buf_reserve(&clean, bytes.length + 2);
  for (;;) {
    buf_add(&clean, bytes.data, valid);
    bytes = (struct slice){bytes.data + valid, bytes.length - valid};
    if (bytes.length == 0) break;
    buf_str(&clean, "\xEF\xBF\xBD");
    bytes = (struct slice){bytes.data + 1, bytes.length - 1};
    valid = utf8_valid_prefix(bytes);
  }
  buf_json_string(out, buf_view(&clean));
  buf_free(&clean);
}

static void write_place(struct buf *out, const struct reject_place *place) {
  buf_str(out, ",\"source\":");
  buf_json_string(out, place->source);
  buf_printf(out, ",\"partition\":%u,\"offset\":%llu", place->partition, (unsigned long long)place->offset);
}

void reject_dead_letter(struct buf *out, struct slice code, struct slice detail, const struct reject_place *place,
                        struct slice field, struct slice record) {
  buf_str(out, "{\"dead_letter\":");
  buf_json_string(out, code);
  buf_str(out, ",\"detail\":");
  any_bytes(out, detail);
  write_place(out, place);
  if (field.length > 0) {
    buf_str(out, ",\"taken\":true,\"field\":");
    buf_json_string(out, field);
  }
  buf_str(out, ",\"record\":");
  any_bytes(out, record);
  buf_byte(out, '}');
}

void reject_late(struct buf *out, struct slice type, const struct reject_place *place, int64_t time, int64_t watermark,
                 struct slice record) {
  buf_str(out, "{\"late\":");
  buf_json_string(out, type);
  write_place(out, place);
  buf_str(out, ",\"time\":");
  value_json(out, value_time(time));
  buf_str(out, ",\"watermark\":");
  value_json(out, value_time(watermark));
  buf_str(out, ",\"record\":");
  any_bytes(out, record);
  buf_byte(out, '}');
}

struct reject_samples {
  struct map_u64 minutes; /* (type, field, reason) -> the latest minute that had a sample, + its bias */
};

struct reject_samples *reject_samples_new(struct mem *mem) {
  struct reject_samples *samples = mem_alloc(mem, sizeof *samples);
  map_u64_init(&samples->minutes, mem);
  return samples;
}

bool reject_sample(struct reject_samples *samples, uint16_t type, uint16_t field, const char *reason, int64_t time) {
  /* Reasons are static texts: a handful of addresses, which need no more than the bits that are left. */
  uint64_t key = (uint64_t)type << 48 | (uint64_t)field << 32 | ((uintptr_t)reason & 0xffffffffu);
  int64_t minute = time / TIME_MINUTE_US - (time % TIME_MINUTE_US < 0);
  if (samples->minutes.count >= REJECT_SAMPLES_MAX && map_u64_get(&samples->minutes, key) == NULL) return false;
  bool is_new;
  uint64_t *latest = map_u64_put(&samples->minutes, key, &is_new);
  if (!is_new && minute <= (int64_t)*latest) return false;
  *latest = (uint64_t)minute;
  return true;
}
