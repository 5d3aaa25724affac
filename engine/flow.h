/* flow.h - the passes of a rule set, one level upon the other: matchers, windows, joins, groups, lists that change.
 *
 * Pass 0 works on source events and what filters make of them; what it makes (alerts as events, windows, pairs, changes
 * of lists, scores) is sorted by moments and goes, with the source events that they want, to the passes behind. A round
 * is a batch of events or a step of time through all passes. A rule set with one pass and nothing but rules in it pays
 * for none of this. engine.c owns it. One thread. */
#ifndef WEIR_ENGINE_FLOW_H
#define WEIR_ENGINE_FLOW_H

#include "engine/derive.h"
#include "engine/group.h"
#include "engine/moment.h"
#include "engine/step.h"

struct flow;

struct flow_options {
  const struct ruleset *ruleset;
  struct deriver *deriver;
  struct step_options step; /* tell, context and level are set here */
  uint64_t entries_max;     /* of each window, join, group, list and table over all keys; 0 = no limit */
  /* A match, in the order of processing of its pass. `moment` is that of the event or timer that completed it. */
  void (*match)(void *context, const struct told *told, const struct moment *moment);
  void (*band)(void *context, const struct group_entry *entry, const struct moment *moment);
  /* Each key's score behind each alert that changed it; NULL = nobody wants to know. */
  void (*score)(void *context, const struct group_entry *entry);
  void (*round_end)(void *context); /* every alert of the round has been told: nothing earlier will come */
  void *context;
};

struct flow *flow_new(struct mem *mem, const struct flow_options *options);
/* As stepper_batch() and stepper_time(); any number of events, derived ones in the batch of their cause. */
void flow_batch(struct flow *flow, const struct event *events, uint32_t count);
void flow_time(struct flow *flow, int64_t frontier, int64_t highest);

/* From inside `match`: what an alert that is live causes. `values` and keys are copied. */
void flow_add_alert(struct flow *flow, const struct rule *rule, const struct moment *moment, int64_t time,
                    const struct value *emit, const struct value *key, struct hash128 id);
void flow_add_change(struct flow *flow, const struct rule *rule, const struct moment *moment, int64_t time,
                     const struct list_change *change, struct value value);
void flow_add_score(struct flow *flow, const struct rule *rule, const struct moment *moment, int64_t time,
                    uint16_t group, uint16_t member, const struct value *key, int64_t score, struct hash128 id);

bool flow_is_single(
    const struct flow *flow); /* one pass of rules alone: each event and deadline is a round of its own */
const struct stepper *flow_stepper(const struct flow *flow, uint16_t level);

struct flow_counts {
  uint64_t windows_told, joins_told, bands_entered, list_changes, alert_events;
  uint64_t windows_dropped, joins_dropped, groups_dropped, live_dropped;
  uint64_t counter_keys_dropped;   /* keys of populations, by the limit of memory */
  uint64_t counter_events_dropped; /* events that left the window of a counter early */
  uint64_t counter_values_dropped; /* different values that one could not keep */
  uint64_t overflow;               /* values of counters, windows and joins that were out of range: null */
  uint64_t late_in;                /* late events that a window with `lateness` took */
};
struct flow_counts flow_counts(const struct flow *flow);
/* expr_counts.first_overflow of the first pass that has one, else of windows and joins; NULL: none. */
const void *flow_first_overflow(const struct flow *flow);
uint64_t flow_made(const struct flow *flow, uint16_t type); /* events of a type that windows, joins and alerts made */
struct group_counts flow_group_counts(const struct flow *flow, uint16_t group);
/* What is open and what is kept now goes into the profile, which must be wanted. Walks over all keys. */
void flow_profile(const struct flow *flow);

#endif
