/* step.h - the hot path: events in their total order go in, matches come out.
 *
 * It owns the keys' state (the partial matches of every rule at every key) and the timers of their deadlines; it
 * finds the rules that an event concerns. engine.c calls it with events that are decoded, in order, free of
 * duplicates, and with derived events right behind their cause. One thread for one stepper. */
#ifndef WEIR_ENGINE_STEP_H
#define WEIR_ENGINE_STEP_H

#include "engine/profile.h"

enum { STEP_BATCH_MAX = 64 };

struct stepper;

/* Counted for each rule since the start. */
struct rule_counts {
  struct nfa_counts nfa; /* pattern rules: started, open, dropped …; `on` rules use `told` alone */
  struct expr_counts
      expr;          /* overflows and regex limits in this rule's conditions (the predicate part: in all rules') */
  uint64_t null_key; /* events that the rule did not see because their key was null */
};

/* A match. Everything is borrowed for the time of the call. */
struct told {
  const struct rule *rule;
  const struct nfa_match *match; /* `on` rules: one item with event NULL, which stands for `event`. Of a rule whose key
                                  * changes: with the events of the parts before, by the steps of the whole rule */
  const struct value *key;       /* key_space.part_count values (none for `key none`) */
  struct live *live;             /* lists and tables that change; NULL */
  const struct value *asked;     /* rule.asked_count counters, for BANK_ASKED */
  const struct event *event;     /* the completing event, not NULL unless match->by_timer */
  struct expr_counts *counts;    /* the rule's own */
};

struct live;

struct step_options {
  uint16_t level;    /* of the rules that it runs */
  struct live *live; /* lists and tables that change; NULL = none are asked */
  enum nfa_mode mode;
  uint32_t runs_max;         /* per rule and key; 0 = the default */
  uint32_t match_events_max; /* events that one open match may hold; 0 = the default, or less from state_bytes_max */
  uint64_t
      entries_max; /* open matches of one rule over all keys, the oldest go; 0 = no limit, or from state_bytes_max */
  size_t
      state_bytes_max; /* what the state of all rules may take, about: entries_max is computed from it; 0 = no limit */
  size_t scratch_bytes_max; /* for listing the matches that one event completes, about; 0 = no limit */
  const bool *enabled;      /* one for each rule; borrowed; NULL = all but those with `mode off` */
  struct profile *profile;  /* its rows are charged; NULL = none is wanted */
  /* In the order of processing: by event, then by deadline; among the rules of one event, and the rules and keys of
   * one deadline, in any order (the outbox sorts them). The matches of one rule, key and event or deadline come in
   * their order of telling. */
  void (*tell)(void *context, const struct told *told);
  void *context;
};

/* Lives in `mem` (mem_free_all() frees it). `ruleset` must outlive it. */
struct stepper *stepper_new(struct mem *mem, const struct ruleset *ruleset, const struct step_options *options);

/* At most STEP_BATCH_MAX events, their sequence growing, their times not falling, none before the last frontier.
 * Before an event every deadline earlier than its time is told. */
void stepper_batch(struct stepper *stepper, const struct event *events, uint32_t count);

/* No event earlier than `frontier` will come: every deadline < frontier is due, in order. INT64_MAX = the end. */
void stepper_time(struct stepper *stepper, int64_t frontier);

int64_t stepper_deadline(const struct stepper *stepper); /* the next one, INT64_MAX = none; may be too early */
const struct rule_counts *stepper_counts(const struct stepper *stepper, uint16_t rule);
const struct expr_counts *stepper_shared_counts(const struct stepper *stepper); /* of predicates, shared by rules */
uint64_t stepper_keys(const struct stepper *stepper);                           /* keys with state now */
size_t stepper_table_bytes(const struct stepper *stepper); /* of it: what finds keys, and their records */
struct tally;
const struct tally *stepper_tally(const struct stepper *stepper); /* NULL: no counter is asked */
/* Adds each rule's open matches and the bytes of their state: walks over all keys. */
void stepper_opens(const struct stepper *stepper, struct profile_open *opens);

#endif
