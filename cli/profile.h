/* profile.h - `weir run --profile`: what each rule costs, as a table or JSON, at the end of a run. */
#ifndef WEIR_CLI_PROFILE_H
#define WEIR_CLI_PROFILE_H

#include "cli/cli.h"
#include "engine/weir.h"

/* `cpu_us`: what the program took since the run began, so that reading and writing have a row too. */
void profile_tell(struct cli *cli, struct weir *weir, int64_t cpu_us, bool json);

#endif
