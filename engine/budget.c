/* budget.c - shares of `memory`. Called by engine.c. */
#include "engine/budget.h"

#include "base/limits.h"

static uint64_t share(uint64_t memory, uint64_t thousandths) { return memory / 1000 * thousandths; }

struct budget budget_of(const struct ruleset *ruleset, uint64_t memory) {
  uint64_t unique = 0, suppress = 0;
  for (uint16_t t = 0; t < ruleset->schema_count; t++) unique += ruleset->schemas[t].unique_field >= 0;
  for (uint16_t r = 0; r < ruleset->rule_count; r++) suppress += ruleset->rules[r].suppress_us >= 0;
  uint64_t reserve = memory / 2 < MEMORY_RESERVE ? memory / 2 : MEMORY_RESERVE;
  uint64_t whole = memory == 0 ? MEMORY_ASSUMED : memory - reserve;
  uint64_t state = MEMORY_SHARE_STATE_MEMORY - (unique > 0 ? MEMORY_SHARE_UNIQUE_IDS : 0) -
                   (suppress > 0 ? MEMORY_SHARE_SUPPRESS_KEYS : 0);
  struct budget budget = {
      .order_bytes = share(whole, MEMORY_SHARE_ORDER_MEMORY),
      .unique_ids = share(whole, MEMORY_SHARE_UNIQUE_IDS) / MEMORY_EACH_UNIQUE_IDS / (unique > 0 ? unique : 1),
      .suppress_keys =
          share(whole, MEMORY_SHARE_SUPPRESS_KEYS) / MEMORY_EACH_SUPPRESS_KEYS / (suppress > 0 ? suppress : 1),
      .scratch_bytes = share(whole, MEMORY_SHARE_MATCH_LISTING),
  };
  if (memory > 0) {
    budget.state_bytes = share(whole, state);
    budget.alert_bytes = share(whole, MEMORY_SHARE_ALERT_MEMORY);
  }
  return budget;
}
