/* engine_side.h - the judges' door to the engine: rule text and partitions of JSON lines in, alerts as plain structs
 * out, all in one process through the public library. Used by run_reference, run_flink, run_property and run_alloc. */
#ifndef WEIR_TESTS_ENGINE_SIDE_H
#define WEIR_TESTS_ENGINE_SIDE_H

#include "engine/weir.h"

enum { SIDE_INPUTS_MAX = 4, SIDE_ITEMS_MAX = 64, SIDE_ALERTS_MAX = 4096 };

struct side_alert {
  char rule[32], key[40], cause[12]; /* key: its JSON text */
  int64_t time_ms;
  bool cut;
  int count;
  struct {
    char step[24];
    int partition, offset;
  } items[SIDE_ITEMS_MAX];
};

struct side {
  struct weir_options options;
  const char *rules;
  int input_count;
  struct {
    const char *bytes; /* whole lines */
    size_t length;
  } inputs[SIDE_INPUTS_MAX];
  size_t push_bytes_max; /* lines are pushed in pieces of about so many bytes; 0 = all at once */
  /* out */
  char error[1024]; /* what the checker or the engine said */
  bool overflowed;  /* more alerts than SIDE_ALERTS_MAX: the rest is not there */
  int alert_count;
  struct side_alert *alerts; /* SIDE_ALERTS_MAX, the caller's */
  char *texts;               /* NULL, or where each alert's JSON is written, a line each */
  size_t texts_size, texts_used;
  struct weir_stats stats;
  uint64_t dropped; /* partial matches that limits took away: then alerts may be missing */
};

enum side_result { SIDE_DONE, SIDE_REFUSED, SIDE_FAILED }; /* refused: the rules have errors */
enum side_result side_run(struct side *side);

#endif
