/* zone.c - reads TZif files and follows POSIX TZ rules (RFC 9636). Called when rules are compiled (zone_load) and by
 * the functions hour(), date() and so on. */
#include "base/zone.h"

#include <stdio.h>
#include <string.h>

#include "base/time_text.h"

enum {
  HEADER_BYTES = 44,
  FILE_BYTES_MAX = 1 << 20,
  VERSION_FILE_BYTES_MAX = 4 << 20,
  TRANSITIONS_MAX = 100000,
  TYPES_MAX = 256,
  OFFSET_S_MAX = 26 * 3600, /* what RFC 9636 allows is -25 h to 26 h */
  RULE_HOURS_MAX = 167,
  YEAR_WRITTEN_OUT_MIN =
      1970, /* between these a rule's changes are put into the table, so that look-ups stay a search */
  YEAR_WRITTEN_OUT_MAX = 2100,
  CHANGES_WRITTEN_OUT_MAX = 2 * (YEAR_WRITTEN_OUT_MAX - YEAR_WRITTEN_OUT_MIN),
  DAY_S = 86400,
};

#define TIME_FAR_S INT64_C(9200000000000)

/* When one of the two yearly changes happens. */
struct change {
  char form; /* 'J': day 1..365, never Feb 29; 'D': day 0..365; 'M': month.week.day */
  int day, month, week;
  int32_t time_s; /* after local midnight, by the clock before the change */
};

struct rule {
  bool given, has_dst;
  int32_t standard_s, dst_s;
  struct change start, end; /* of dst */
};

struct zone {
  struct slice name;
  uint32_t count;
  int64_t *times_s;   /* growing */
  int32_t *offsets_s; /* from times_s[i] on */
  int32_t first_s;    /* before times_s[0] */
  struct rule rule;   /* from the last time on, if given */
};

static int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* A POSIX TZ text, which ends at `end`. */
struct reader {
  const char *p, *end;
};

static bool at(const struct reader *r, char c) { return r->p < r->end && *r->p == c; }
static bool skip(struct reader *r, char c) {
  if (!at(r, c)) return false;
  r->p++;
  return true;
}

static bool read_number(struct reader *r, int max, int *out) {
  const char *start = r->p;
  int number = 0;
  while (r->p < r->end && *r->p >= '0' && *r->p <= '9' && r->p - start < 4) number = number * 10 + (*r->p++ - '0');
  *out = number;
  return r->p > start && number <= max;
}

static bool skip_name(struct reader *r) {
  const char *start = r->p;
  if (skip(r, '<')) {
    while (r->p < r->end && *r->p != '>') r->p++;
    return skip(r, '>');
  }
  while (r->p < r->end && ((*r->p | 0x20) >= 'a' && (*r->p | 0x20) <= 'z')) r->p++;
  return r->p - start >= 3;
}

/* [+-]h[h][:mm[:ss]] */
static bool read_time(struct reader *r, int hours_max, int32_t *out_s) {
  bool negative = at(r, '-');
  if (negative || at(r, '+')) r->p++;
  int hours, minutes = 0, seconds = 0;
  if (!read_number(r, hours_max, &hours)) return false;
  if (skip(r, ':') && !read_number(r, 59, &minutes)) return false;
  if (skip(r, ':') && !read_number(r, 59, &seconds)) return false;
  *out_s = hours * 3600 + minutes * 60 + seconds;
  if (negative) *out_s = -*out_s;
  return true;
}

static bool read_change(struct reader *r, struct change *out) {
  *out = (struct change){.form = 'D', .time_s = 2 * 3600};
  bool ok;
  if (skip(r, 'J')) {
    out->form = 'J';
    ok = read_number(r, 365, &out->day) && out->day >= 1;
  } else if (skip(r, 'M')) {
    out->form = 'M';
    ok = read_number(r, 12, &out->month) && out->month >= 1 && skip(r, '.') && read_number(r, 5, &out->week) &&
         out->week >= 1 && skip(r, '.') && read_number(r, 6, &out->day);
  } else {
    ok = read_number(r, 365, &out->day);
  }
  if (ok && skip(r, '/')) ok = read_time(r, RULE_HOURS_MAX, &out->time_s);
  return ok;
}

static bool read_rule(struct reader *r, struct rule *out) {
  *out = (struct rule){0};
  if (r->p == r->end) return true; /* no rule: the last offset stays */
  out->given = true;
  if (!skip_name(r) || !read_time(r, 24, &out->standard_s)) return false;
  out->standard_s = -out->standard_s; /* POSIX counts westwards */
  if (r->p == r->end) return true;
  out->has_dst = true;
  out->dst_s = out->standard_s + 3600;
  if (!skip_name(r)) return false;
  if (r->p < r->end && *r->p != ',') {
    if (!read_time(r, 24, &out->dst_s)) return false;
    out->dst_s = -out->dst_s;
  }
  return skip(r, ',') && read_change(r, &out->start) && skip(r, ',') && read_change(r, &out->end) && r->p == r->end;
}

/* Days since 1970 of a yearly change. */
static int64_t change_day(const struct change *change, int64_t year) {
  int64_t january = time_days_from_civil(year, 1, 1);
  if (change->form == 'D') return january + change->day;
  if (change->form == 'J') return january + change->day - 1 + (change->day >= 60 && time_days_in_month(year, 2) == 29);
  int64_t first = time_days_from_civil(year, change->month, 1);
  int64_t weekday = (first % 7 + 11) % 7; /* 0 = Sunday; 1970-01-01 was a Thursday */
  int64_t day = (change->day - weekday + 7) % 7 + (change->week - 1) * 7;
  if (day >= time_days_in_month(year, change->month)) day -= 7; /* week 5 is the last one */
  return first + day;
}

static int64_t dst_start_s(const struct rule *rule, int64_t year) {
  return change_day(&rule->start, year) * DAY_S + rule->start.time_s - rule->standard_s;
}
static int64_t dst_end_s(const struct rule *rule, int64_t year) {
  return change_day(&rule->end, year) * DAY_S + rule->end.time_s - rule->dst_s;
}

/* The UTC year. No time that a value can hold is further away than the clamp. */
static int64_t year_of(int64_t time_s) {
  if (time_s > TIME_FAR_S) time_s = TIME_FAR_S;
  if (time_s < -TIME_FAR_S) time_s = -TIME_FAR_S;
  return time_to_civil(time_s * TIME_SECOND_US).year;
}

static int32_t rule_offset_s(const struct rule *rule, int64_t time_s) {
  if (!rule->has_dst) return rule->standard_s;
  int64_t this_year = year_of(time_s + rule->standard_s);
  for (int64_t year = this_year - 1; year <= this_year + 1; year++) {
    int64_t start = dst_start_s(rule, year), end = dst_end_s(rule, year);
    if (end < start) end = dst_end_s(rule, year + 1); /* the south: summer spans the new year */
    if (time_s >= start && time_s < end) return rule->dst_s;
  }
  return rule->standard_s;
}

static uint32_t big_endian_32(const char *p) {
  const unsigned char *b = (const unsigned char *)p;
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
static int64_t big_endian_64(const char *p) {
  return (int64_t)((uint64_t)big_endian_32(p) << 32 | big_endian_32(p + 4));
}

struct header {
  uint32_t utc_marks, standard_marks, leaps, times, types, name_bytes;
  char version;
};

static bool read_header(struct slice bytes, struct header *out) {
  if (bytes.length < HEADER_BYTES || memcmp(bytes.data, "TZif", 4) != 0) return false;
  const char *p = bytes.data + 20;
  out->version = bytes.data[4];
  out->utc_marks = big_endian_32(p);
  out->standard_marks = big_endian_32(p + 4);
  out->leaps = big_endian_32(p + 8);
  out->times = big_endian_32(p + 12);
  out->types = big_endian_32(p + 16);
  out->name_bytes = big_endian_32(p + 20);
  return out->times <= TRANSITIONS_MAX && out->types >= 1 && out->types <= TYPES_MAX && out->name_bytes <= UINT16_MAX &&
         out->leaps <= UINT16_MAX && out->utc_marks <= TYPES_MAX && out->standard_marks <= TYPES_MAX;
}

static size_t data_bytes(const struct header *h, size_t time_bytes) {
  return h->times * (time_bytes + 1) + h->types * 6u + h->name_bytes + h->leaps * (time_bytes + 4) + h->standard_marks +
         h->utc_marks;
}

/* The table of the file with the rule's changes behind it. */
static bool read_table(struct arena *arena, struct zone *zone, const char *data, const struct header *h,
                       size_t time_bytes) {
  const char *kinds = data + h->times * time_bytes, *types = kinds + h->times;
  int64_t *times = arena_array(arena, int64_t, h->times + CHANGES_WRITTEN_OUT_MAX);
  int32_t *offsets = arena_array(arena, int32_t, h->times + CHANGES_WRITTEN_OUT_MAX);
  int32_t by_type[TYPES_MAX];
  for (uint32_t i = 0; i < h->types; i++) {
    by_type[i] = (int32_t)big_endian_32(types + 6u * i);
    if (by_type[i] < -OFFSET_S_MAX || by_type[i] > OFFSET_S_MAX) return false;
  }
  zone->first_s = by_type[0];
  for (uint32_t i = 0; i < h->times; i++) {
    const char *at_time = data + i * time_bytes;
    times[i] = time_bytes == 8 ? big_endian_64(at_time) : (int32_t)big_endian_32(at_time);
    uint8_t type = (uint8_t)kinds[i];
    if (type >= h->types || (i > 0 && times[i] <= times[i - 1])) return false;
    offsets[i] = by_type[type];
  }
  zone->count = h->times;
  zone->times_s = times;
  zone->offsets_s = offsets;
  return true;
}

static void add_change(struct zone *zone, int64_t time_s) {
  if (zone->count > 0 && time_s <= zone->times_s[zone->count - 1]) return;
  zone->times_s[zone->count] = time_s;
  zone->offsets_s[zone->count++] = rule_offset_s(&zone->rule, time_s);
}

static void write_out_rule(struct zone *zone) {
  if (!zone->rule.has_dst) return;
  int64_t last_s = zone->count == 0 ? 0 : zone->times_s[zone->count - 1];
  for (int64_t year = last_s < 0 ? YEAR_WRITTEN_OUT_MIN : year_of(last_s); year < YEAR_WRITTEN_OUT_MAX; year++) {
    int64_t start = dst_start_s(&zone->rule, year), end = dst_end_s(&zone->rule, year);
    add_change(zone, start < end ? start : end);
    add_change(zone, start < end ? end : start);
  }
}

static const struct zone *broken(struct slice name, struct err *err) {
  err_set(err, ERR_ABORT, "the zone file of `" SLICE_FMT "` is broken", SLICE_ARG(name));
  return NULL;
}

const struct zone *zone_parse(struct arena *arena, struct slice name, struct slice bytes, struct err *err) {
  struct zone *zone = arena_new(arena, struct zone);
  zone->name = (struct slice){arena_copy(arena, name.data, name.length), name.length};
  struct header header;
  if (!read_header(bytes, &header)) return broken(name, err);
  size_t skip_bytes = HEADER_BYTES, time_bytes = 4;
  if (header.version >= '2') { /* the same again with 64-bit times, and the rule behind it */
    skip_bytes += data_bytes(&header, 4);
    if (bytes.length < skip_bytes) return broken(name, err);
    struct slice second = {bytes.data + skip_bytes, bytes.length - skip_bytes};
    if (!read_header(second, &header)) return broken(name, err);
    skip_bytes += HEADER_BYTES;
    time_bytes = 8;
  }
  size_t data = data_bytes(&header, time_bytes);
  if (bytes.length - skip_bytes < data) return broken(name, err);
  if (header.leaps > 0) {
    err_set(err, ERR_ABORT, "the zone `" SLICE_FMT "` counts leap seconds; Weir's times do not", SLICE_ARG(name));
    return NULL;
  }
  if (time_bytes == 8) {
    struct reader reader = {bytes.data + skip_bytes + data, bytes.data + bytes.length};
    if (!skip(&reader, '\n')) return broken(name, err);
    const char *newline = memchr(reader.p, '\n', (size_t)(reader.end - reader.p));
    if (newline == NULL) return broken(name, err);
    reader.end = newline;
    if (!read_rule(&reader, &zone->rule)) return broken(name, err);
  }
  if (!read_table(arena, zone, bytes.data + skip_bytes, &header, time_bytes)) return broken(name, err);
  write_out_rule(zone);
  return zone;
}

struct slice zone_name(const struct zone *zone) {
  return zone->name;
}

int32_t zone_offset_s(const struct zone *zone, int64_t us) {
  int64_t time_s = floor_divide(us, TIME_SECOND_US);
  uint32_t low = 0, high = zone->count; /* the number of times that are not later */
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (zone->times_s[middle] <= time_s)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == zone->count && zone->rule.given) return rule_offset_s(&zone->rule, time_s);
  return low == 0 ? zone->first_s : zone->offsets_s[low - 1];
}

int64_t zone_local_us(const struct zone *zone, int64_t us) {
  int64_t local;
  if (__builtin_add_overflow(us, zone_offset_s(zone, us) * TIME_SECOND_US, &local)) return us;
  return local;
}

static bool is_plain_name(struct slice name) {
  if (name.length == 0 || name.length > ZONE_NAME_MAX || name.data[0] == '/') return false;
  for (size_t i = 0; i < name.length; i++) {
    char c = name.data[i], lower = (char)(c | 0x20);
    bool plain =
        (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' || c == '/';
    if (!plain || c == '\0') return false; /* no point: no way up in the folders */
  }
  return true;
}

/* The i-th folder to look in, NULL behind the last. */
static const char *zone_folder(const struct env *env, unsigned i) {
  static const char *const usual[] = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo",
                                      "/etc/zoneinfo"};
  const char *chosen = env->variable(env->context, "TZDIR");
  if (chosen != NULL && *chosen != '\0') return i == 0 ? chosen : NULL;
  return i < sizeof usual / sizeof usual[0] ? usual[i] : NULL;
}

const struct zone *zone_load(struct arena *arena, const struct env *env, struct slice name, struct err *err) {
  if (slice_equal(name, SLICE("UTC")) || slice_equal(name, SLICE("Etc/UTC"))) {
    struct zone *utc = arena_new(arena, struct zone);
    utc->name = (struct slice){arena_copy(arena, name.data, name.length), name.length};
    return utc;
  }
  bool any_folder = false;
  const char *folder;
  for (unsigned i = 0; (folder = zone_folder(env, i)) != NULL; i++) {
    struct env_stat st;
    if (env->stat(env->context, folder, &st) < 0 || st.kind != ENV_FOLDER) continue;
    any_folder = true;
    char path[ENV_PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/" SLICE_FMT, folder, SLICE_ARG(name));
    if (!is_plain_name(name) || length < 0 || length >= (int)sizeof path) break;
    if (env->stat(env->context, path, &st) < 0 || st.kind != ENV_FILE) continue;
    struct slice bytes;
    if (env_read_file(env, arena->mem, path, FILE_BYTES_MAX, &bytes, err) < 0) return NULL;
    const struct zone *zone = zone_parse(arena, name, bytes, err);
    mem_free(arena->mem, (char *)bytes.data);
    return zone;
  }
  if (any_folder || !is_plain_name(name)) {
    err_set(err, ERR_ABORT, "unknown time zone `" SLICE_FMT "`",
            (int)(name.length < ZONE_NAME_MAX ? name.length : ZONE_NAME_MAX), name.data);
  } else {
    err_set(err, ERR_ABORT,
            "no time zone data on this machine (package tzdata): only `UTC` is known, not `" SLICE_FMT "`",
            SLICE_ARG(name));
  }
  return NULL;
}

static bool take_version(struct slice text, char out[ZONE_VERSION_MAX]) {
  size_t length = 0;
  while (length < text.length && length < ZONE_VERSION_MAX - 1) {
    char c = text.data[length], lower = (char)(c | 0x20);
    if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.')) break;
    out[length++] = c;
  }
  out[length] = '\0';
  return length > 0;
}

void zone_data_version(struct mem *mem, const struct env *env, char out[ZONE_VERSION_MAX]) {
  static const char *const files[] = {"tzdata.zi", "+VERSION"};
  static const struct slice lead = {"# version ", 10};
  const char *folder;
  bool found = false;
  for (unsigned i = 0; !found && (folder = zone_folder(env, i)) != NULL; i++) {
    for (unsigned j = 0; !found && j < sizeof files / sizeof files[0]; j++) {
      char path[ENV_PATH_MAX];
      struct slice text;
      int length = snprintf(path, sizeof path, "%s/%s", folder, files[j]);
      if (length < 0 || length >= (int)sizeof path) continue;
      if (env_read_file(env, mem, path, VERSION_FILE_BYTES_MAX, &text, NULL) < 0) continue;
      struct slice rest = text;
      bool led = rest.length > lead.length && memcmp(rest.data, lead.data, lead.length) == 0;
      if (led) rest = (struct slice){rest.data + lead.length, rest.length - lead.length};
      found = (led || j == 1) && take_version(rest, out);
      mem_free(mem, (char *)text.data);
    }
  }
  if (!found) snprintf(out, ZONE_VERSION_MAX, "unknown");
}
