/* nfa.h - partial matches of one pattern at one key: take an event, let time pass, get matches.
 *
 * The caller owns the key's state as an opaque pointer per (rule, key), NULL while there is none. It calls
 * nfa_event() for the events of the key and the rule's types in the total order, and nfa_time() when a deadline that
 * nfa_deadline() named has passed. Matches come out through a callback, in the order in which they are told.
 * One thread per key. */
#ifndef WEIR_NFA_NFA_H
#define WEIR_NFA_NFA_H

#include "base/pool.h"
#include "nfa/pattern.h"

struct nfa_state; /* the open partial matches of one (rule, key) */

struct nfa_item {
  const struct held *event;
  uint16_t step;
};
enum nfa_cause { NFA_MATCH, NFA_TIMEOUT };

/* Borrowed for the time of the callback. */
struct nfa_match {
  enum nfa_cause cause;
  bool cut;      /* report all: there were more than the limit */
  bool by_timer; /* completed by a deadline, not by an event */
  int64_t time;  /* of the completing event, or the deadline */
  uint32_t count;
  const struct nfa_item *items; /* in the order of the events */
};

struct nfa_counts { /* per rule, owned by the caller */
  uint64_t started, completed, told, dropped_runs_max, dropped_entries_max, dropped_events_max, timeouts;
  uint64_t dropped_told; /* matches that pattern_spec.told_events_max left no room for */
  uint64_t open;         /* partial matches now */
  uint64_t links;        /* what they have taken, now: an event once for each chain of events that it stands in */
};

enum nfa_mode { NFA_MODE_AUTO, NFA_MODE_RUNS, NFA_MODE_COMPACT }; /* the tests force one */

/* What a step may use; one per engine thread. Filled by the caller. */
struct nfa_context {
  struct mem *mem;
  struct pool *pool;
  struct arena *scratch; /* reset by the caller between batches, never inside a call */
  struct truth *truth;   /* of the event in hand */
  struct expr_env *env;  /* banks BANK_EVENT and BANK_KEY are the caller's; BANK_REGISTER is nfa's */
  const struct schema *schemas;
  struct held *held; /* the event in hand, once a run took it (made at most once); the caller sets NULL before each
                        event and calls nfa_release_held after it */
  uint32_t runs_max; /* per rule and key */
  /* Events that one partial match may hold; 0 = no limit. One that would take more is dropped and counted. In the
   * compact set, where partial matches share what they hold, it is all that a key holds: the oldest start goes. */
  uint32_t match_events_max;
  uint64_t scratch_max;      /* bytes of scratch memory that listing matches should take, about; 0 = no limit */
  uint64_t held_units;       /* of all that is held now: one for 64 bytes of an event, one for a link of its own */
  struct nfa_counts *counts; /* of the call; inside */
  enum nfa_mode mode;
  struct automaton **automata; /* of the compact-set mode, made when first needed; zero at the start, freed with mem */
  uint32_t automaton_count;
  void (*tell)(void *told_context, const struct nfa_match *match);
  void *told_context;
};

/* An event of the rule's types for this key. May set *state (from NULL, or back to NULL when nothing is left). */
void nfa_event(const struct pattern *pattern, struct nfa_state **state, const struct event *event,
               struct nfa_context *context, struct nfa_counts *counts);
/* The frontier has passed `time`: every deadline <= time is due, earliest first. Matches carry their own deadline.
 * The caller passes the deadlines one by one (time = nfa_deadline()), so that they take their places in the order. */
void nfa_time(const struct pattern *pattern, struct nfa_state **state, int64_t time, struct nfa_context *context,
              struct nfa_counts *counts);
/* What the state of every mode begins with. Read it through nfa_deadline() and nfa_wait_mask(). */
enum nfa_kind { NFA_KIND_RUNS, NFA_KIND_COMPACT, NFA_KIND_LANES, NFA_KIND_SEED /* lane.c */ };
struct nfa_head {
  int64_t deadline;
  uint64_t wait_mask;
  uint32_t run_count;
  uint8_t kind, own[3]; /* own: as the kind likes */
};
/* The next deadline at which something must happen (an alert or a clean-up), INT64_MAX = none. Lazy: it may be earlier
 * than needed, never later for what is told. */
static inline int64_t nfa_deadline(const struct nfa_state *state) { return ((const struct nfa_head *)state)->deadline; }
/* Frees all partial matches (the key or rule goes away). */
void nfa_drop(const struct pattern *pattern, struct nfa_state **state, struct nfa_context *context,
              struct nfa_counts *counts);
size_t nfa_state_bytes(const struct pattern *pattern, const struct nfa_state *state);
/* For estimates (explain): bytes of a key's state without partial matches, of each partial match, and of each event
 * that one took beside what the event itself keeps. Of the runs mode. */
struct nfa_sizes {
  size_t state, run, link;
  size_t alone; /* of one partial match alone at its key, without its events, in the mode that is used */
};
struct nfa_sizes nfa_sizes(const struct pattern *pattern);
/* 64 bits, one for each class of predicates (id modulo 64) that some run here waits for; all ones when any event of the
 * rule's types matters. An event whose own mask of true predicates has no bit in common cannot change this state. */
static inline uint64_t nfa_wait_mask(const struct nfa_state *state) {
  return ((const struct nfa_head *)state)->wait_mask;
}

/* Asks for the state's memory ahead, in two calls some work apart. */
void nfa_prefetch(const struct nfa_state *state);
void nfa_prefetch_runs(const struct nfa_state *state);

/* Drop the caller's reference to context->held (made lazily by nfa_event). */
void nfa_release_held(struct nfa_context *context);
struct held *nfa_hold(struct nfa_context *context, const struct event *event);

/* Aggregates over the events of a finished match, for emit: by walking it. */
struct value nfa_match_register(const struct nfa_match *match, const struct pattern_register *spec,
                                const struct schema *schemas, struct arena *scratch, struct expr_counts *counts);

#endif
