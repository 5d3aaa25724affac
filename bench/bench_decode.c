/* floors: base */
/* bench_decode.c - CPU ns per event of decoding: 8 of 14 fields of a 273-byte event, and its neighbours.
 *
 * Prints a calibration figure first (a fixed integer loop), so that figures of different machines can be compared;
 * every figure is the median of 5 runs. Arguments: none. */

#include "base/check.h"
#include "base/decode.h"
#include "bench/clock.h"

enum { EVENTS = 4096, ROUNDS = 60, BATCH = 64, EVENT_BYTES = 273, ROOM = 512, FIELDS = 14 };

struct corpus {
  char *bytes;
  struct slice records[EVENTS];
};

enum shape { PLAIN, SPACED /* after `:` and `,` */, SHUFFLED /* members in another order each time */, CSV };

struct member {
  const char *name;
  bool quoted;
  char value[80];
};

/* The members of one event; the last one fills its JSON up to 273 bytes. */
static void event_members(struct member members[FIELDS], uint64_t *random, unsigned number) {
  static const char *const status[] = {"approved", "declined", "reversed"};
  static const char *const country[] = {"DE", "FR", "NL", "US", "BR"};
  static const char agent[] = "Mozilla/5.0 (X11) Gecko/20100101 Firefox/128.0 ";
  uint64_t r = bench_random(random);
  size_t bytes = 1; /* of JSON without the agent's value */
  memset(members, 0, sizeof *members * FIELDS);
#define MEMBER(i, is_quoted, key, ...)                                                                                 \
  members[i].name = key, members[i].quoted = is_quoted, snprintf(members[i].value, sizeof members[i].value, __VA_ARGS__)
  MEMBER(0, true, "id", "tx-%08x", number * 2654435761u);
  MEMBER(1, true, "at", "2026-11-21T%02u:%02u:%02u.%03uZ", number / 400 % 24, number / 7 % 60, number % 60,
         (unsigned)(r % 1000));
  MEMBER(2, true, "card_id", "c%06u", (unsigned)(r >> 10) % 1000000);
  MEMBER(3, false, "user_id", "%u", (unsigned)(r >> 20) % 100000);
  MEMBER(4, false, "amount", "%u.%02u", (unsigned)(r >> 28) % 900, (unsigned)(r % 100));
  MEMBER(5, true, "currency", "EUR");
  MEMBER(6, true, "status", "%s", status[r % 3]);
  MEMBER(7, true, "country", "%s", country[(r >> 5) % 5]);
  MEMBER(8, false, "terminal", "%u", 1000 + (unsigned)(r >> 33) % 9000);
  MEMBER(9, false, "attempt", "%u", (unsigned)(r >> 40) % 4);
  MEMBER(10, true, "ip", "10.%u.%u.%u", (unsigned)(r >> 8) % 256, (unsigned)(r >> 16) % 256, (unsigned)(r >> 24) % 256);
  MEMBER(11, true, "channel", "web");
  MEMBER(12, false, "present", "%s", r & 1 ? "true" : "false");
  MEMBER(13, true, "agent", "%s", "");
#undef MEMBER
  for (int i = 0; i < FIELDS; i++) {
    bytes += strlen(members[i].name) + strlen(members[i].value) + 4 + (members[i].quoted ? 2 : 0);
  }
  check(bytes < EVENT_BYTES && EVENT_BYTES - bytes < sizeof members[13].value);
  for (size_t i = 0; i < EVENT_BYTES - bytes; i++) members[13].value[i] = agent[i % (sizeof agent - 1)];
}

static size_t event_write(char *out, struct member members[FIELDS], enum shape shape, uint64_t *random) {
  size_t length = 0;
  for (int i = 0; shape == SHUFFLED && i < FIELDS; i++) {
    int other = (int)(bench_random(random) >> 33) % FIELDS;
    struct member keep = members[i];
    members[i] = members[other];
    members[other] = keep;
  }
  for (int i = 0; i < FIELDS; i++) {
    const char *space = shape == SPACED ? " " : "", *quote = members[i].quoted && shape != CSV ? "\"" : "";
    if (shape != CSV) {
      length += (size_t)snprintf(out + length, ROOM - length, "%s\"%s\":%s", i == 0 ? "{" : "", members[i].name, space);
    }
    length += (size_t)snprintf(out + length, ROOM - length, "%s%s%s%s", quote, members[i].value, quote,
                               i < FIELDS - 1 ? shape == SPACED ? ", " : ","
                               : shape == CSV ? ""
                                              : "}");
  }
  check(length < ROOM && ((shape != PLAIN && shape != SHUFFLED) || length == EVENT_BYTES));
  return length;
}

static struct corpus *corpus_new(enum shape shape) {
  struct corpus *corpus = malloc(sizeof *corpus);
  check(corpus != NULL);
  corpus->bytes = calloc(EVENTS + 1, ROOM);
  check(corpus->bytes != NULL);
  uint64_t random = 0x9E3779B97F4A7C15u;
  char *at = corpus->bytes;
  for (unsigned i = 0; i < EVENTS; i++) {
    struct member members[FIELDS];
    event_members(members, &random, i);
    corpus->records[i] = (struct slice){at, event_write(at, members, shape, &random)};
    at += corpus->records[i].length;
    *at++ = '\n';
  }
  return corpus;
}

static void corpus_free(struct corpus *corpus) {
  free(corpus->bytes);
  free(corpus);
}

static struct schema_field field(const char *name, struct type type, bool used) {
  return (struct schema_field){.name = slice_of(name), .path = slice_of(name), .type = type, .used = used};
}

/* The 14 fields; `used` of them in the order in which fraud rules read them. */
static struct schema schema_of(struct schema_field fields[FIELDS], int used) {
  struct schema_field all[FIELDS] = {
      field("at", TYPE(VALUE_TIME), used > 0),          field("card_id", TYPE(VALUE_STRING), used > 1),
      field("amount", TYPE_DECIMAL(2), used > 2),       field("status", TYPE(VALUE_STRING), used > 3),
      field("user_id", TYPE(VALUE_INT), used > 4),      field("country", TYPE(VALUE_STRING), used > 5),
      field("terminal", TYPE(VALUE_INT), used > 6),     field("id", TYPE(VALUE_STRING), used > 7),
      field("attempt", TYPE(VALUE_INT), used > 8),      field("ip", TYPE(VALUE_IP), used > 9),
      field("present", TYPE(VALUE_BOOL), used > 10),    field("agent", TYPE(VALUE_STRING), used > 11),
      field("currency", TYPE(VALUE_STRING), used > 12), field("channel", TYPE(VALUE_STRING), used > 13),
  };
  memcpy(fields, all, sizeof all);
  for (int i = 0; i < used; i++) fields[i].slot = (uint16_t)i;
  return (struct schema){
      .name = SLICE("payment"), .field_count = FIELDS, .slot_count = (uint16_t)used, .fields = fields};
}

static const char csv_header[] =
    "id,at,card_id,user_id,amount,currency,status,country,terminal,attempt,ip,channel,present,agent";

static void bench(const char *name, int used, enum shape shape) {
  struct mem *mem = mem_new(0);
  check(mem != NULL);
  if (MEM_GUARD(mem)) abort();
  struct schema_field fields[FIELDS];
  struct schema schema = schema_of(fields, used);
  struct decode_plan plan = {
      .schemas = &schema, .schema_count = 1, .fixed_type = 0, .only_type = 0, .type_field = SLICE("type")};
  struct decoder *decoder = shape == CSV ? decoder_csv_new(mem, &plan) : decoder_json_new(mem, &plan);
  struct corpus *corpus = corpus_new(shape);
  if (shape == CSV) check(decoder_csv_header(decoder, slice_of(csv_header), NULL) == 0);
  struct arena arena;
  arena_init(&arena, mem, 1 << 18);
  double figures[BENCH_RUNS];
  uint64_t events = 0;
  static struct decoded decoded[BATCH];
  for (int run = 0; run < BENCH_RUNS; run++) {
    double start = bench_cpu_ns();
    events = 0;
    for (int round = 0; round < ROUNDS; round++) {
      for (unsigned i = 0; i < EVENTS; i += BATCH) {
        arena_reset(&arena);
        for (unsigned b = 0; b < BATCH; b++) {
          decode_record(decoder, corpus->records[i + b], &arena, &decoded[b]);
          check(decoded[b].code == DECODE_OK && decoded[b].bad_count == 0);
        }
        events += BATCH;
      }
    }
    figures[run] = (bench_cpu_ns() - start) / (double)events;
  }
  double ns = bench_median(figures);
  printf("%-52s %8.1f ns/event %8.2f M events/s\n", name, ns, 1e3 / ns);
  corpus_free(corpus);
  mem_unguard(mem);
  mem_free_all(mem);
}

int main(void) {
  bench_calibrate();
  bench("JSON, 273 bytes, 8 of 14 fields", 8, PLAIN);
  bench("JSON, 273 bytes, the time only", 1, PLAIN);
  bench("JSON, 273 bytes, all 14 fields", 14, PLAIN);
  bench("JSON, spaces after `:` and `,`, 8 of 14 fields", 8, SPACED);
  bench("JSON, members in random order, 8 of 14 fields", 8, SHUFFLED);
  bench("CSV, the same events, 8 of 14 fields", 8, CSV);
  return 0;
}
