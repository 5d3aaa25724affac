/* drive.h - runs sources -> engine -> sinks until the end: what `weir run` does.
 *
 *   drive_new(&options) -> weir_new() with drain = drive_drain, drain_context = the drive -> weir_load_files() ->
 *   drive_run() -> weir_free(), drive_free().
 *
 * One thread. */
#ifndef WEIR_ENGINE_DRIVE_H
#define WEIR_ENGINE_DRIVE_H

#include <signal.h>

#include "engine/adapter.h"
#include "engine/weir.h"

struct drive_input {
  const struct adapter *adapter;
  const struct adapter_setting *settings;
  size_t setting_count;
  const char *type; /* event type of all its records, or NULL */
};

/* Where rows go; two of them may be one file. Names are those of `to NAME`, `late side NAME`, and `shadow` (alerts of
 * rules in `mode shadow`). */
struct drive_sink {
  const char *name;              /* NULL in `alerts` and `dead_letters` */
  const struct adapter *adapter; /* NULL: rows for it are counted and dropped */
  const struct adapter_setting *settings;
  size_t setting_count;
  unsigned rows_per_second_max; /* 0 = no limit; what is above is dropped and counted (dead letters on a terminal) */
};

struct drive_progress {
  uint64_t bytes, bytes_total; /* read; total 0 = unknown */
  bool last;
};

struct drive_options {
  const struct env *env; /* NULL = the host */
  size_t input_count, side_count;
  const struct drive_input *inputs; /* partition i = inputs[i] */
  struct drive_sink alerts;         /* sinks without one of their own in `sides` */
  struct drive_sink dead_letters;   /* and late rows without a side */
  const struct drive_sink *sides;
  /* Called after each batch of 64 records or fewer; cheap work only. May be NULL. */
  void (*progress)(void *context, struct weir *weir, const struct drive_progress *progress);
  void *progress_context;
  const volatile sig_atomic_t *stop; /* not 0: take no more input; NULL = never */
};

struct drive;

/* Opens the sources; the sinks are opened when the run begins. NULL with `err`: ERR_ABORT, a setting is wrong or a file
 * is not there. `options` and what it points to outlive the drive. */
struct drive *drive_new(const struct drive_options *options, struct err *err);
void drive_free(struct drive *drive); /* NULL is fine */

/* Before the run: ERR_ABORT if what was asked for cannot be, as a sink that would empty the file of an input. Opens and
 * changes nothing; drive_run() refuses the same. Sinks whose rows go to one file share it. */
int drive_check(struct drive *drive, struct err *err);

/* Until all inputs have ended, then time moves to its end (weir_options.stop_at_end); or until *stop, then nothing more
 * is decided. What was told is flushed in every case. 0; ERR_ABORT: a sink cannot be opened, an input cannot be read
 * further; ERR_FATAL: a sink or the engine has failed. */
int drive_run(struct drive *drive, struct weir *weir, struct err *err);

/* weir_options.drain. */
int drive_drain(void *drive, struct weir *weir);

struct drive_counts {
  uint64_t alerts, dead_letters, late;      /* rows written */
  uint64_t shadow_dropped, refused_dropped; /* rows for which there is no sink, or which came too fast */
};
struct drive_counts drive_counts(const struct drive *drive);

#endif
