/* line_reader.h - the records of one input partition: the lines of one or more files, or of standard input.
 *
 * Files are read one after the other as the segments of one log. gzip and zstd by ending; LF or CRLF; a byte order mark
 * at the start of a file is passed over; the last line needs no line end. A CSV record may span lines (quoted cells).
 * Blank lines are no records. A record of more than RECORD_BYTES_MAX bytes is given cut off at RECORD_BYTES_MAX + 1, so
 * that the decoder refuses it, and reading goes on behind its line end.
 *
 * A reader belongs to one thread. It holds one buffer (128 KiB, up to a little above 1 MiB where a line needs it). */
#ifndef WEIR_BASE_LINE_READER_H
#define WEIR_BASE_LINE_READER_H

#include "base/env.h"
#include "base/slice.h"

enum { LINE_BATCH_MAX = 64, LINE_PADDING = 64 };

enum line_format { LINE_JSON, LINE_CSV };

/* The format by a file's name: LINE_CSV if it ends in .csv (before .gz or .zst), else LINE_JSON. */
enum line_format line_format_of(const char *path);

struct line_batch {
  struct slice records[LINE_BATCH_MAX]; /* without line ends; LINE_PADDING bytes behind each may be read */
  uint32_t count;
  uint64_t first_offset; /* records[i] is number first_offset + i of the partition */
  const char *path;      /* the file they stand in (a batch is never of two) */
  struct slice header;   /* CSV: the file's header line when its first records are in this batch, else length 0 */
};

struct line_reader;

/* `paths` (at least one; copied) are the files in the order of reading; "-" is standard input. Returns NULL with
 * ERR_ABORT if one of them is not there. `env` outlives the reader. */
struct line_reader *line_reader_new(struct mem *mem, const struct env *env, const char *const *paths,
                                    uint32_t path_count, enum line_format format, struct err *err);
void line_reader_free(struct line_reader *reader);

/* 1 to `records_max` (at most LINE_BATCH_MAX) records, whose slices stay valid until the next call; returns how many, 0
 * at the end, ERR_ABORT if a file cannot be read or is damaged (all records before that place were given first). Gives
 * what is there and blocks only while it has no whole record. */
int line_reader_next(struct line_reader *reader, uint32_t records_max, struct line_batch *batch, struct err *err);

/* For progress: bytes read from the files so far (packed, where they are packed), and in all; 0 = unknown. */
uint64_t line_reader_bytes(const struct line_reader *reader);
uint64_t line_reader_bytes_total(const struct line_reader *reader);

#endif
