/* action.c - the order of actions, declared or the default one. Owns nothing; called by the checker and by
 * explain. */
#include "rules/action.h"

static const struct slice default_actions[] = {SLICE("block"),   SLICE("allow"),   SLICE("review"),
                                               SLICE("step_up"), SLICE("captcha"), SLICE("alert")};

uint16_t action_count(const struct actions_tree *declared) {
  return declared != NULL ? declared->count : (uint16_t)(sizeof default_actions / sizeof *default_actions);
}

struct slice action_name(const struct actions_tree *declared, uint16_t rank) {
  return declared != NULL ? declared->names[rank].text : default_actions[rank];
}

int32_t action_rank(const struct actions_tree *declared, struct slice name) {
  for (uint16_t rank = 0; rank < action_count(declared); rank++)
    if (slice_equal(action_name(declared, rank), name)) return rank;
  return -1;
}

void action_order(struct buf *out, const struct actions_tree *declared) {
  for (uint16_t rank = 0; rank < action_count(declared); rank++) {
    if (rank > 0) buf_str(out, " > ");
    buf_slice(out, action_name(declared, rank));
  }
}
