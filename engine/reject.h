/* reject.h - dead letters and late rows as bytes (formats.md 2), and which bad fields are worth a sample.
 *
 * engine.c calls it. One thread. */
#ifndef WEIR_ENGINE_REJECT_H
#define WEIR_ENGINE_REJECT_H

#include "base/event.h"
#include "base/mem.h"

struct reject_place {
  struct slice source;
  uint32_t partition;
  uint64_t offset;
};

/* {"dead_letter":CODE,"detail":…,"source":…,"partition":…,"offset":…[,"taken":true,"field":…],"record":…}
 * `field` empty: the record is refused; else it was taken with that field null. Bytes of the record that are no UTF-8
 * stand as U+FFFD, one for each byte. */
void reject_dead_letter(struct buf *out, struct slice code, struct slice detail, const struct reject_place *place,
                        struct slice field, struct slice record);

/* {"late":TYPE,"source":…,"partition":…,"offset":…,"time":…,"watermark":…,"record":…} */
void reject_late(struct buf *out, struct slice type, const struct reject_place *place, int64_t time, int64_t watermark,
                 struct slice record);

/* Which bad fields of one partition had a sample: the first of each field and reason in each minute of event time. It
 * belongs to a partition, because only its own order is the same in every run. */
struct reject_samples;
struct reject_samples *reject_samples_new(struct mem *mem);
bool reject_sample(struct reject_samples *samples, uint16_t type, uint16_t field, const char *reason, int64_t time);

#endif
