/* unpack.h - the bytes of a file or of standard input, gzip and zstd taken apart by the file's ending (.gz, .zst,
 * .zstd).
 *
 * Used by line_reader.c and by whoever reads a packed file in pieces. One thread at a time. */
#ifndef WEIR_BASE_UNPACK_H
#define WEIR_BASE_UNPACK_H

#include "base/env.h"

struct unpack;

/* Opens nothing yet. `env` outlives it. A handle that is open, and what the libraries hold, is given back by
 * unpack_free() or by mem_free_all(). */
struct unpack *unpack_new(struct mem *mem, const struct env *env);
void unpack_free(struct unpack *unpack);

/* Opens `path` ("-" = standard input, never packed); what was open is closed. `path` outlives the reading: it is named
 * in errors. 0 or ERR_ABORT. */
int unpack_open(struct unpack *unpack, const char *path, struct err *err);
void unpack_close(struct unpack *unpack);

/* Up to `room` (> 0) bytes; may be fewer, 0 = the end. Blocks only while there is nothing to give. ERR_ABORT if the
 * file cannot be read, is damaged, or ends too early; all bytes before that place were given first. */
int64_t unpack_read(struct unpack *unpack, char *out, size_t room, struct err *err);

/* Bytes read from files so far (packed ones), of all files that were opened. */
uint64_t unpack_bytes(const struct unpack *unpack);

#endif
