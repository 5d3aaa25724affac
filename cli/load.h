/* load.h - rule files for the verbs that look at rules without running them: check, explain, test, fmt. */
#ifndef WEIR_CLI_LOAD_H
#define WEIR_CLI_LOAD_H

#include "cli/cli.h"
#include "rules/ruleset.h"

struct loaded {
  struct arena arena;
  struct tree *tree;
  struct diags diags;
  struct ruleset *ruleset; /* load_compile() */
};

/* Reads, parses, checks and lints. EXIT_FINE; EXIT_FINDINGS: there are errors, all in `diags`; EXIT_ENVIRONMENT: said
 * on stderr. Lives in cli->mem. */
int load_rules(struct cli *cli, char **paths, unsigned count, struct loaded *loaded);
/* The rule set of it, without rules that this version cannot run: they are no errors here. Lists and tables are read
 * from their files. As above; load_free() gives it back. */
int load_compile(struct cli *cli, struct loaded *loaded);
void load_free(struct loaded *loaded);

/* All diagnostics, or those of one severity (which >= 0), as text or as JSON lines. */
void load_diagnostics(struct buf *out, const struct loaded *loaded, int which, bool json, bool colour);
/* The same to stderr where rules have errors, and one line that says how many. */
int load_failed(struct cli *cli, const struct loaded *loaded, int code, bool json);

/* Every `*.weir` file of files and folders, in byte order of path below each. EXIT_FINE, or said on stderr. */
int load_paths(struct cli *cli, char **operands, unsigned count, struct texts *paths);

/* Writing `path` would take away one of the rule files that the operands name. */
bool load_would_lose(struct cli *cli, char **operands, unsigned count, const char *path);
/* `path` and `other` are there, and one ordinary file, whatever their names. */
bool load_is_one_file(struct cli *cli, const char *path, const char *other);

#endif
