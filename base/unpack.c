/* unpack.c - see unpack.h. Owns the file handle, zlib's and zstd's state. Several gzip members or zstd frames in one
 * file are one stream, as `cat a.gz b.gz > c.gz` makes them. */
#include "base/unpack.h"

#include <strings.h>

#include <zlib.h>
#include <zstd.h>

#include "base/check.h"

enum { UNPACK_INPUT_BYTES = 1 << 16, GZIP_WINDOW = 15 + 16 /* 15 bits; +16: a gzip header is there */ };

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct unpack {
  struct mem *mem;
  const struct env *env;
  const char *path;
  int handle; /* -1 = nothing is open */
  enum packing packing;
  uint64_t bytes;
  char *input; /* packed bytes: [input_at, input_end) are still to be taken apart */
  size_t input_at, input_end;
  bool input_over, inside; /* inside: a member or frame has begun and not ended */
  bool gzip_ready;
  z_stream gzip;
  ZSTD_DStream *zstd;
};

static void give_back(void *argument) {
  struct unpack *unpack = argument;
  unpack_close(unpack);
  if (unpack->gzip_ready) inflateEnd(&unpack->gzip);
  ZSTD_freeDStream(unpack->zstd);
}

struct unpack *unpack_new(struct mem *mem, const struct env *env) {
  struct unpack *unpack = mem_alloc(mem, sizeof *unpack);
  unpack->mem = mem;
  unpack->env = env;
  unpack->handle = -1;
  mem_defer(mem, give_back, unpack);
  return unpack;
}

void unpack_free(struct unpack *unpack) {
  if (unpack == NULL) return;
  struct mem *mem = unpack->mem;
  mem_undefer(mem, unpack, true);
  mem_free(mem, unpack->input);
  mem_free(mem, unpack);
}

void unpack_close(struct unpack *unpack) {
  if (unpack->handle >= 0 && unpack->handle != ENV_STDIN) unpack->env->close(unpack->env->context, unpack->handle);
  unpack->handle = -1;
}

uint64_t unpack_bytes(const struct unpack *unpack) { return unpack->bytes; }

static voidpf gzip_alloc(voidpf mem, uInt items, uInt size) { return mem_try(mem, (size_t)items * size); }
static void gzip_free(voidpf mem, voidpf block) { mem_free(mem, block); }

static bool ends_with(struct slice text, struct slice end) {
  return text.length > end.length && strncasecmp(text.data + text.length - end.length, end.data, end.length) == 0;
}

static int packing_start(struct unpack *unpack, struct err *err) {
  unpack->input_at = unpack->input_end = 0;
  unpack->input_over = unpack->inside = false;
  if (unpack->packing == PACKING_NONE) return 0;
  if (unpack->input == NULL) unpack->input = mem_alloc_raw(unpack->mem, UNPACK_INPUT_BYTES);
  if (unpack->packing == PACKING_GZIP) {
    if (unpack->gzip_ready)
      return inflateReset(&unpack->gzip) == Z_OK ? 0 : err_set(err, ERR_FATAL, "zlib's state is broken");
    unpack->gzip = (z_stream){.zalloc = gzip_alloc, .zfree = gzip_free, .opaque = unpack->mem};
    if (inflateInit2(&unpack->gzip, GZIP_WINDOW) != Z_OK) return err_set(err, ERR_FATAL, "no memory to read gzip");
    unpack->gzip_ready = true;
    return 0;
  }
  if (unpack->zstd == NULL) unpack->zstd = ZSTD_createDStream();
  if (unpack->zstd == NULL) return err_set(err, ERR_FATAL, "no memory to read zstd");
  ZSTD_initDStream(unpack->zstd);
  return 0;
}

int unpack_open(struct unpack *unpack, const char *path, struct err *err) {
  unpack_close(unpack);
  struct slice name = slice_of(path);
  unpack->path = path;
  unpack->packing = PACKING_NONE;
  if (ends_with(name, SLICE(".gz"))) unpack->packing = PACKING_GZIP;
  if (ends_with(name, SLICE(".zst")) || ends_with(name, SLICE(".zstd"))) unpack->packing = PACKING_ZSTD;
  if (slice_equal(name, SLICE("-"))) {
    unpack->handle = ENV_STDIN;
    unpack->path = "standard input";
  } else {
    int handle = unpack->env->open(unpack->env->context, path, ENV_READ);
    if (handle < 0) return err_set(err, ERR_ABORT, "cannot open %s: %s", path, env_error(handle));
    unpack->handle = handle;
  }
  return packing_start(unpack, err);
}

static int64_t file_read(struct unpack *unpack, char *out, size_t room, struct err *err) {
  int64_t got = unpack->env->read(unpack->env->context, unpack->handle, out, room);
  if (got < 0) return err_set(err, ERR_ABORT, "cannot read %s: %s", unpack->path, env_error(got));
  unpack->bytes += (uint64_t)got;
  return got;
}

/* More packed bytes, if all were taken. Sets input_over at the file's end. */
static int input_fill(struct unpack *unpack, struct err *err) {
  if (unpack->input_at < unpack->input_end || unpack->input_over) return 0;
  int64_t got = file_read(unpack, unpack->input, UNPACK_INPUT_BYTES, err);
  if (got < 0) return (int)got;
  unpack->input_at = 0;
  unpack->input_end = (size_t)got;
  unpack->input_over = got == 0;
  return 0;
}

/* One step: takes bytes from the input, puts bytes out; returns how many, or an error. */
static int64_t gzip_step(struct unpack *unpack, char *out, size_t room, struct err *err) {
  z_stream *gzip = &unpack->gzip;
  if (!unpack->inside) { /* zeros may fill up a file behind its last member */
    while (unpack->input_at < unpack->input_end && unpack->input[unpack->input_at] == 0) unpack->input_at++;
    if (unpack->input_at == unpack->input_end) return 0;
    check(inflateReset(gzip) == Z_OK);
    unpack->inside = true;
  }
  if (room > UNPACK_INPUT_BYTES) room = UNPACK_INPUT_BYTES;
  gzip->next_in = (Bytef *)unpack->input + unpack->input_at;
  gzip->avail_in = (uInt)(unpack->input_end - unpack->input_at);
  gzip->next_out = (Bytef *)out;
  gzip->avail_out = (uInt)room;
  int result = inflate(gzip, Z_NO_FLUSH);
  unpack->input_at = unpack->input_end - gzip->avail_in;
  size_t given = room - gzip->avail_out;
  if (result == Z_STREAM_END) unpack->inside = false;
  if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR || given > 0) return (int64_t)given;
  return err_set(err, ERR_ABORT, "%s is damaged: %s", unpack->path, gzip->msg != NULL ? gzip->msg : "gzip data error");
}

static int64_t zstd_step(struct unpack *unpack, char *out, size_t room, struct err *err) {
  ZSTD_inBuffer input = {unpack->input, unpack->input_end, unpack->input_at};
  ZSTD_outBuffer output = {out, room, 0};
  size_t result = ZSTD_decompressStream(unpack->zstd, &output, &input);
  if (ZSTD_isError(result)) {
    return err_set(err, ERR_ABORT, "%s is damaged: %s", unpack->path, ZSTD_getErrorName(result));
  }
  unpack->input_at = input.pos;
  unpack->inside = result != 0;
  return (int64_t)output.pos;
}

int64_t unpack_read(struct unpack *unpack, char *out, size_t room, struct err *err) {
  check(room > 0 && unpack->handle >= 0);
  if (unpack->packing == PACKING_NONE) return file_read(unpack, out, room, err);
  for (;;) { /* each step takes input or gives output, so this ends with the file */
    int filled = input_fill(unpack, err);
    if (filled < 0) return filled;
    bool over = unpack->input_over;
    if (over && !unpack->inside) return 0;
    int64_t given =
        unpack->packing == PACKING_GZIP ? gzip_step(unpack, out, room, err) : zstd_step(unpack, out, room, err);
    if (given != 0) return given;
    if (over && unpack->inside)
      return err_set(err, ERR_ABORT, "%s ends in the middle of its packed data", unpack->path);
  }
}
