/* adapter.h - what a source or a sink is: the one engine header that adapters see.
 *
 * An adapter is one file in adapters/ that fills one struct adapter: what it can do, and a table of its options, from
 * which parsing, defaults and `weir adapters NAME` come. adapters/template.c is a commented example;
 * adapters/registry.c knows them all. The driver (engine/drive.h) opens them and passes batches on. An adapter's
 * instance belongs to one thread. */
#ifndef WEIR_ENGINE_ADAPTER_H
#define WEIR_ENGINE_ADAPTER_H

#include "base/env.h"

enum adapter_option_type {
  ADAPTER_TEXT,     /* const char * */
  ADAPTER_FLAG,     /* bool: true, false */
  ADAPTER_NUMBER,   /* int64_t */
  ADAPTER_SIZE,     /* int64_t of bytes: 512, 64KiB, 16MiB, 2GiB */
  ADAPTER_DURATION, /* int64_t of microseconds: 10s, 1h30m */
};

struct adapter_option {
  const char *name;
  enum adapter_option_type type;
  const char *normal; /* the default, as it would be written; NULL = must be given */
  const char *help;   /* one sentence */
  size_t offset;      /* of the member in the adapter's options struct */
};

/* Records as they come: borrowed until the next read. */
struct adapter_batch {
  const struct slice *records; /* without line ends; LINE_PADDING bytes behind each may be read */
  uint32_t count;
  const char *path;      /* the file they stand in, for messages; NULL = none */
  struct slice header;   /* CSV: the header line of these and the following records; length 0 = as before */
  const int64_t *stamps; /* of the log, one for each record; NULL = it has none */
};

struct adapter_source {
  /* `options` is the adapter's options struct and outlives the instance. NULL with `err`. Allocates in `mem`, under the
   * caller's guard; what mem_free_all() does not free by itself is put there with mem_defer(). */
  void *(*open)(struct mem *mem, const struct env *env, const void *options, struct err *err);
  /* Up to `records_max` (at most 64) records. How many; 0 = the end; negative: an error, after all records before the
   * damaged place were given. Blocks only while there is no whole record. */
  int (*read)(void *source, uint32_t records_max, struct adapter_batch *batch, struct err *err);
  void (*close)(void *source);
  const char *(*name)(const void *options); /* the alerts' `source`: "file", "stdin" */
  bool (*csv)(const void *options);         /* the records are CSV lines, not JSON */
  bool (*live)(const void *options);        /* it may block for long: what was told is handed on before each read */
  void (*progress)(void *source, uint64_t *bytes, uint64_t *bytes_total); /* total 0 = unknown */
  bool (*reads)(void *source, const struct env_stat *file); /* whether it reads that file; may be NULL: it reads none */
};

struct adapter_sink {
  void *(*open)(struct mem *mem, const struct env *env, const void *options, struct err *err);
  /* One row, without a line end. Never allocates: it is called from inside the engine's calls too. 0 or ERR_FATAL. */
  int (*write)(void *sink, struct slice row, struct err *err);
  int (*flush)(void *sink, struct err *err); /* everything written is with the receiver */
  int (*close)(void *sink, struct err *err); /* flushes; the instance is gone, whatever is returned */
  /* Which file the rows go to, if it is there: sinks with one file share one instance, and none is what a source reads.
   * May be NULL. */
  bool (*file)(const struct env *env, const void *options, struct env_stat *file);
};

struct adapter {
  const char *name, *help;
  size_t options_bytes; /* of the options struct, which is zeroed before it is filled */
  size_t option_count;
  const struct adapter_option *options;
  const struct adapter_source *source; /* NULL: it is none */
  const struct adapter_sink *sink;
};

struct adapter_setting { /* NAME "value" */
  const char *name, *value;
};

/* Fills the adapter's options struct from settings and defaults. Texts are borrowed from the settings and the table. 0,
 * or ERR_ABORT: an option that it does not have, a value that cannot be read, or one that is missing. */
int adapter_options_read(const struct adapter *adapter, const struct adapter_setting *settings, size_t count,
                         void *options, struct err *err);

#endif
