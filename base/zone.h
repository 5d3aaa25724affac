/* zone.h - IANA time zones: the offset from UTC at a time, from the host's compiled zone files (TZif, RFC 9636). */
#ifndef WEIR_BASE_ZONE_H
#define WEIR_BASE_ZONE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/env.h"
#include "base/err.h"
#include "base/slice.h"

/* Immutable once loaded; lives in its arena; may be read by any thread. */
struct zone;

enum { ZONE_VERSION_MAX = 32, ZONE_NAME_MAX = 100 };

/* `UTC` (and `Etc/UTC`) needs no files. Others are read from the folder that TZDIR names, else from the usual ones.
 * NULL with a text in `err` if there is no such zone, no zone data at all, or the file is broken. */
const struct zone *zone_load(struct arena *arena, const struct env *env, struct slice name, struct err *err);
/* The same from the bytes of a file, which are not kept. */
const struct zone *zone_parse(struct arena *arena, struct slice name, struct slice bytes, struct err *err);

struct slice zone_name(const struct zone *zone);

/* Seconds east of UTC at that time. O(log transitions). After the last transition of the file its rule is followed. */
int32_t zone_offset_s(const struct zone *zone, int64_t us);

/* The same moment as a clock on the wall there shows it: read it with time_to_civil(). */
int64_t zone_local_us(const struct zone *zone, int64_t us);

/* The version of the host's zone data, as "2025b"; "unknown" if it does not say. */
void zone_data_version(struct mem *mem, const struct env *env, char out[ZONE_VERSION_MAX]);

#endif
