/* sizes.c - how much memory partial matches take, for estimates: the structures' sizes, which only this floor knows. */
#include "nfa/due.h"

enum { COMPACT_ALONE = 512 }; /* its active lists, rings and nodes at first */

struct nfa_sizes nfa_sizes(const struct pattern *pattern) {
  struct nfa_sizes sizes = {.state = sizeof(struct nfa_state) + state_pointers(pattern) * sizeof(struct run *),
                            .run = pattern->run_bytes + (pattern->by_start ? sizeof(struct start) : 0),
                            .link = sizeof(struct link)};
  sizes.alone = pattern->lanes                 ? 0 /* counted as held */
                : pattern->not_compact == NULL ? sizes.state + COMPACT_ALONE
                                               : pool_size(sizes.state) + pool_size(pattern->run_bytes) +
                                                     (pattern->by_start ? pool_size(sizeof(struct start)) : 0);
  return sizes;
}
