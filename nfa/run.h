/* run.h - partial matches as runs: the structures that runs.c, chain.c and tell.c share. Private to nfa/. */
#ifndef WEIR_NFA_RUN_H
#define WEIR_NFA_RUN_H

#include "base/sum.h"
#include "nfa/program.h"

/* One taken event. Links are immutable, point to what was taken before, and are shared by all runs that took the same
 * events; counted. */
struct link {
  struct held *event;
  struct link *parent;
  uint32_t references;
  uint16_t step; /* LINK_SEGMENT: see link_segment() */
  uint16_t rank; /* the way's place in the order of asking: decides between forks */
};

/* Stands for the last `count` links of a tape's chain, which `tail` leads; `parent` is what was taken before them. */
enum { LINK_SEGMENT = 0xfffe };
struct segment {
  struct link link;
  struct link *tail;
  uint32_t count;
};

enum { BEST_MAX = 32 }; /* beyond, forks of one start and length are compared in pairs */

/* What forks of one start share, where the policy tells them together (report longest, timeout). */
struct start {
  uint32_t references; /* runs, and completions that are being told */
  uint32_t best_length, best_count;
  struct link *best[BEST_MAX]; /* report longest: the complete states with most events so far, all different */
  bool told;
};

struct run {
  struct run *older, *younger;          /* all runs of the state, by start: forks stand beside each other */
  struct run *previous, *next;          /* runs at the same node */
  struct run *wait_before, *wait_after; /* runs that wait for the deadline of a trailing absence, by deadline */
  struct link *tail;
  struct start *start; /* NULL unless pattern->by_start */
  int64_t start_time, last_time;
  uint64_t start_sequence, last_sequence;
  uint64_t barred, forks; /* of the node's ways and forks */
  uint32_t length;        /* events taken */
  uint16_t node;
  uint32_t tape_base;                   /* events of the tape when it joined */
  bool passed, waiting, expired, taped; /* passed over an event since the last taken; in the wait list; past `within` */
  /* uint32_t counters[], then the accumulators of the registers: see struct layout */
};

union accumulator {
  uint64_t count;
  struct value value;
  struct sum sum;
  struct spread spread;
};

struct nfa_state { /* of runs and of the compact set; lane.c has its own */
  struct nfa_head head;
  struct compact *compact;             /* the other mode's state, or NULL */
  struct tape **tapes;                 /* per node, NULL until some node has one */
  struct run *oldest[2], *youngest[2]; /* [1]: past `within`, waiting for a trailing absence only */
  struct run *wait_first, *wait_last;
  int64_t sweep_at;      /* gap-bounded runs are looked over then; INT64_MAX = never */
  struct run *at_node[]; /* first run of each node; then what due.h says */
};

/* A match found at one event or deadline, before it is decided what is told. Holds a reference to its chain. */
struct completion {
  struct link *tail;
  struct start *start;
  uint64_t start_sequence;
  uint32_t length;
  const struct link **chain; /* in order of events; made by tell.c */
};

/* Everything a step needs; lives on the stack of nfa_event() or nfa_time(). */
struct stepping {
  const struct pattern *p;
  struct nfa_state *state;
  const struct event *event; /* NULL while time passes */
  struct nfa_context *context;
  struct nfa_counts *counts;
  struct completion *completions;
  uint32_t completion_count, completion_capacity;
  struct value *registers;        /* BANK_REGISTER */
  const struct run *registers_of; /* whose values stand there */
};

/* Whether the run holds as many events as one may. */
static inline bool run_full(const struct stepping *s, uint32_t length) {
  return length > s->context->match_events_max - 1u; /* 0 = no limit: no length is above that */
}

/* chain.c */
uint32_t *run_counters(const struct pattern *p, const struct run *run);
struct link *link_new(struct stepping *s, struct link *parent, uint16_t step, uint16_t rank);
struct link *link_segment(struct stepping *s, struct link *parent, struct link *tail, uint32_t count);
struct link *link_copy(struct stepping *s, struct link *parent, const struct link *link);
struct link *link_ref(struct link *link);
/* A chain from its last event back, through segments. */
struct walk {
  const struct link *next, *after;
  uint32_t left;
};
void walk_begin(struct walk *walk, const struct link *tail);
const struct link *walk_next(struct walk *walk); /* NULL at the end */
void link_unref(struct nfa_context *context, struct link *link);
void held_unref(struct nfa_context *context, struct held *held);
void run_account(struct stepping *s, struct run *run, uint16_t step); /* the new event into the registers of its step */
/* The totals' accumulators of the step are added to the run's, or taken out. */
void run_add_totals(const struct pattern *p, struct run *run, const struct run *total, uint16_t step, bool add);
void run_load_registers(struct stepping *s, const struct run *run); /* NULL: a run that has taken nothing */

/* tell.c */
void completion_add(struct stepping *s, struct link *tail, struct start *start, uint64_t start_sequence,
                    uint32_t length);
void completions_tell(struct stepping *s, int64_t time, bool by_timer);
void timeouts_tell(struct stepping *s, int64_t time); /* what stands in completions, as timeouts */
bool chain_same_events(struct stepping *s, const struct link *a, const struct link *b, uint32_t length);
int chain_compare(struct stepping *s, const struct link *a, uint32_t a_length, const struct link *b, uint32_t b_length);
const struct link **chain_array(struct stepping *s, const struct link *tail, uint32_t length);
void start_unref(struct stepping *s, struct start *start);

/* For the compact set: matches as arrays of links that live in the scratch arena. */
void completion_add_chain(struct stepping *s, const struct link **chain, uint32_t length);
uint32_t completions_distinct(struct stepping *s);           /* sorts them, drops equal forks, says how many are left */
void completions_tell_cut(struct stepping *s, int64_t time); /* the earliest, leftmost of them, as cut */

/* runs.c: what a run may do with an event; the compact set asks the same of its configurations. */
uint64_t node_forks(const struct node *node);
uint64_t node_fork_ways(const struct pattern *p, const struct node *node, uint64_t forks);
uint64_t node_end_forks(const struct pattern *p, const struct node *node);
bool node_interested(const struct stepping *s, int node, int type_index);
bool way_open(const struct pattern *p, const struct run *run, const struct way *way);
void way_act(const struct pattern *p, const struct way *way, uint32_t *counters);
/* Which ways take the event: over all forks, each in the order of asking. */
struct asked {
  uint64_t taken;                 /* ways */
  uint64_t left;                  /* forks that took nothing, or took only what may also be left */
  uint64_t by[WAYS_PER_NODE_MAX]; /* of each taken way: the forks that take it */
};
enum { UNDECIDED = -1 };
void run_ask(struct stepping *s, const struct run *run, const struct node *node, uint64_t forks, uint64_t barred,
             struct asked *asked);
uint64_t run_open_forks(const struct pattern *p, const struct run *run, const struct node *node);
bool way_undecided(const struct pattern *p, const struct run *run, const struct node *node, int w, uint64_t by);
void run_decide(const struct pattern *p, const struct node *node, int fork, uint32_t *counters);
uint64_t run_bars(struct stepping *s, const struct run *run);
bool way_takes(struct stepping *s, const struct run *run, const struct way *way);
void run_step_out(struct stepping *s, struct run *run, const struct node *node,
                  int way);                              /* out of a tape, by the way */
void run_pass_out(struct stepping *s, struct run *run);  /* out of a tape: it passes over the event for itself */
void run_drop_full(struct stepping *s, struct run *run); /* it would take an event more than it may hold; counted */
void run_close_groups(struct stepping *s, struct run *run);
bool run_can_go_on(const struct pattern *p, const struct run *run);
void runs_drop_until(struct stepping *s, uint64_t sequence); /* all runs that began at or before it */

#endif
