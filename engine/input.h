/* input.h - one partition: its decoder, its clock, its counts, and the judgement over each of its records.
 *
 * engine.c owns the inputs and passes records to them; what is taken it puts in order. One thread. */
#ifndef WEIR_ENGINE_INPUT_H
#define WEIR_ENGINE_INPUT_H

#include "engine/engine.h"
#include "engine/reject.h"
#include "engine/watermark.h"

struct input {
  struct slice source; /* its name, in the engine's memory */
  uint16_t source_id;  /* known once the first record comes */
  uint32_t partition;
  enum engine_format format;
  struct decode_plan plan;
  struct decoder *decoder;
  struct watermark_clock clock;
  int64_t stamp; /* of the log, for the next records; WATERMARK_NONE = it has none */
  uint64_t next_offset;
  bool ended;
  uint64_t read, late, late_accepted, dead, ignored, taken, bad_fields;
  struct reject_samples *samples;
  struct input_doubt *doubts; /* the latest first; while no time stands */
  size_t doubt_bytes;
};

/* An event that was taken, and may turn out to have a wrong time (watermark.h): what a dead letter would say of it. */
struct input_doubt {
  struct input_doubt *older;
  uint64_t offset;
  int64_t time;
  size_t length;
  char record[];
};

/* What judging needs of the engine. */
struct input_context {
  const struct ruleset *ruleset;
  const struct slice *sources;
  struct outbox *rejects;
  struct arena *arena;       /* the batch's: values and what computed fields make */
  struct expr_counts counts; /* of computed fields and `watermark when` */
  uint64_t **bad_fields;     /* by type and field */
  struct buf row_text;       /* a typed row as a record, for the dead letters */
  struct decoded decoded;
  /* An event that was taken before turned out to have a wrong time: its dead letter is told, and it must not be used.
   */
  void (*disproved)(void *context, const struct position *position);
  void *disproved_context;
};

/* The input has ended, or time goes on without it: what is doubtful is taken as it is. */
void input_begin(struct input *input, struct mem *mem);

/* One record. True: *event is taken (its values are in the arena or borrow the record). False: it was blank, ignored,
 * refused or late; that is counted and told. */
bool input_take(struct input *input, struct input_context *context, struct slice record, struct event *event);
bool input_take_row(struct input *input, struct input_context *context, const struct engine_row *row,
                    struct event *event);

#endif
