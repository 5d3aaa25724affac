/* schedule.h - whether a rule's match is told at all, live, as a canary, or to the shadow sink alone.
 *
 * The words of a rule's life (rule-language.md 6) in the order of runtime.md 3, point 7: `mode off`; active and
 * schedule, by the alert's event time; `mode shadow`; canary. A function of the rule, the time and the key alone. */
#ifndef WEIR_ENGINE_SCHEDULE_H
#define WEIR_ENGINE_SCHEDULE_H

#include "rules/ruleset.h"

enum told_mode {
  TOLD_OFF,    /* nothing comes of the match: it does not act, score or count for suppress */
  TOLD_LIVE,   /* acts, scores, is an event, is told */
  TOLD_SHADOW, /* told to the shadow sink, "mode":"shadow"; does not act or score and is no event */
  TOLD_CANARY, /* told to the rule's own sinks, "mode":"canary"; does not act or score and is no event */
};

/* `time`: of the alert. `key_text`: the JSON of its key, secrets clear (alert.key_text). */
enum told_mode rule_mode(const struct rule *rule, int64_t time, struct slice key_text);

/* Whether the key is one of the `percent` (0 to 100) of all keys that a canary is told for: by XXH3-64 of its JSON
 * text alone, so the same keys are canaries in all rules with this key, and remain so when the percentage grows. */
bool schedule_canary(int64_t percent, struct slice key_text);

/* "shadow", "canary"; empty for a live alert, which does not say its mode. */
struct slice told_mode_text(enum told_mode mode);

#endif
