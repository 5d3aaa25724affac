/* sizes.c - how much memory partial matches take, for estimates: the structures' sizes, which only this floor knows. */
#include "nfa/run.h"

struct nfa_sizes nfa_sizes(const struct pattern *pattern) {
  return (struct nfa_sizes){.state = sizeof(struct nfa_state) + pattern->node_count * sizeof(struct run *),
                            .run = pattern->run_bytes,
                            .link = sizeof(struct link)};
}
