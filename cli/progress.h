/* progress.h - how a run goes, told to people: a line on the terminal, figures and notes at the end. */
#ifndef WEIR_CLI_PROGRESS_H
#define WEIR_CLI_PROGRESS_H

#include "cli/live.h"
#include "engine/drive.h"

struct progress {
  struct cli *cli;
  struct live *live;
  bool json, summary, profile;
  int64_t begun_us, told_us, begun_cpu_us;
  uint64_t told_events, bytes; /* bytes: read from the inputs */
};

void progress_begin(struct progress *progress);
/* drive_options.progress, with the struct as its context. */
void progress_tell(void *context, struct weir *weir, const struct drive_progress *state);
/* What a user must know: `weir run: note: TEXT` on standard error, or `{"note":TEXT}`. */
void progress_note(struct progress *progress, const char *text);
/* Figures if they are wanted; and always what a user must know: limits that were reached, inputs that said nothing.
 * `stopped`: by the user. `failed`: an error was told, which says why there was no more to read. */
void progress_end(struct progress *progress, struct weir *weir, const struct drive_counts *counts, bool stopped,
                  bool failed);

#endif
