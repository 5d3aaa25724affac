/* step_private.h - what the files of step.h share: the stepper itself.
 *
 * step.c       the hot path
 * step_make.c  what is made once: plans of event types, limits of entries */
#ifndef WEIR_ENGINE_STEP_PRIVATE_H
#define WEIR_ENGINE_STEP_PRIVATE_H

#include "base/limits.h"
#include "engine/key_state.h"
#include "engine/step.h"
#include "rules/index.h"

enum {
  STEP_KEY_PARTS_MAX = LIMIT_KEY_PARTS,
  STEP_SPACES_AHEAD = 8, /* key spaces of one event whose records are asked for ahead */
  STEP_MADE_WORDS = 4
};

struct queued {
  struct hash128 key;
  uint32_t birth;
}; /* of a rule's states, oldest first: kept only under a limit */
struct queue {
  struct queued *items;
  uint64_t first, end, capacity;
  uint32_t births;
};

/* One event of the batch: what the index found, before any key is looked at. */
struct prepared {
  uint32_t number;                                       /* in the batch */
  uint32_t hit_first, hit_count, true_first, true_count; /* in the stepper's lists */
  uint32_t ask_first, ask_count;                         /* in the stepper's asks */
  uint64_t mask;
  bool more;      /* key spaces beyond STEP_SPACES_AHEAD must be looked at too */
  bool concerned; /* it concerns somebody */
};

/* One key of one event of the batch, whose record must be looked at. */
struct ask {
  struct hash128 key;
  struct key_record *record; /* the guess, see key_table_recall() */
  uint16_t space;
};

struct list { /* of index_hit or predicate numbers, over a batch */
  void *items;
  uint32_t count, capacity;
};

/* What of a rule every event asks, side by side for all rules. */
struct rule_brief {
  uint16_t space; /* RULE_ASIDE: an `on` rule, or one that does not run */
  bool on;        /* an `on` rule that runs */
};
enum { RULE_ASIDE = 0xffff };

/* What every event of a type is asked for. */
struct space_plan { /* a key space whose records may hold open matches */
  const struct key_space *space;
  uint64_t waits; /* predicates (modulo 64) that open matches may wait for; all ones: any event */
  uint16_t id;
  uint16_t tally_place; /* where the tally has the event's key in its turn; TALLY_NOWHERE */
};
struct type_plan {
  uint16_t slot_count, space_count;
  uint16_t *slots;           /* of all key spaces' parts, each once */
  struct space_plan *spaces; /* as type_use.spaces */
  uint64_t waits;            /* of all of them */
  /* What its events are compared with is known in their turn, and not ahead: counters, or lists that change. */
  bool in_turn;
  bool sees_cells; /* of tables that change */
};

struct stepper {
  struct mem *mem;
  const struct ruleset *ruleset;
  struct step_options options;
  struct nfa_context context;
  struct truth truth;
  struct expr_env env;
  struct pool pool;
  struct arena scratch;
  struct index_scratch *index;
  struct rule_counts *counts;
  struct expr_counts *own;   /* per rule: what its residuals counted; counts[].expr adds its predicates */
  struct expr_counts shared; /* of predicates, which belong to no one rule */
  struct key_table *table;
  struct wheel *wheel;
  uint64_t *rule_types; /* bits: [type * rule_words + rule / 64], rules that take events of the type */
  uint32_t rule_words;
  bool *runs;                /* per rule: it is enabled */
  struct rule_brief *briefs; /* per rule */
  uint64_t *done;            /* per rule: the epoch of the last event that it was stepped with */
  uint64_t *null_keys;       /* [space * schema_count + type]: events whose key was null */
  struct type_plan *plans;   /* per type */
  struct queue *queues;      /* per rule, under an entry limit; else NULL */
  uint64_t *entries_max;     /* open matches of each rule over all keys, under an entry limit */
  uint64_t held_max;         /* of nfa_context.held_units, by the same memory; 0 = no limit */
  uint16_t *over;            /* rules that the event in hand has brought above their limit of entries */
  uint32_t over_count;
  struct value key[STEP_KEY_PARTS_MAX], match_key[STEP_KEY_PARTS_MAX];
  struct prepared prepared[STEP_BATCH_MAX]; /* of the events that concern somebody */
  struct ask asks[STEP_BATCH_MAX * STEP_SPACES_AHEAD];
  uint32_t ask_count;
  uint64_t
      made[STEP_MADE_WORDS]; /* a bit for each key that got a record since the batch asked for records, by its hash */
  uint64_t ends_round;       /* of the wheel, in which was asked for: */
  uint32_t ends_records, ends_states; /* timers up to here, in wheel.near */
  struct list hits, trues;
  struct tally *tally;                    /* counters; NULL = none are asked */
  struct laps *laps;                      /* of the profile; NULL = none is wanted */
  uint64_t keys_max, counter_entries_max; /* of one population; 0 = no limit */
  const struct rule *rule;                /* in hand, for tell */
  const struct event *event;              /* NULL while time passes */
};

/* nfa_context.tell: a match of stepper->rule. */
void step_tell(void *context, const struct nfa_match *match);

#endif
