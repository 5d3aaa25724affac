/* index_plan.h - the inside of the index: what rules/index_atoms.c and rules/index_build.c make and rules/index.c
 * reads. Nobody else includes it.
 *
 * A predicate is a conjunction of atoms: conditions of one slot that can be decided without the expression. Numbers,
 * times, durations and booleans of a slot are mapped to 64-bit keys that keep their order (a slot has one type, so one
 * form), and any comparison with a constant becomes a closed interval of keys, exactly. One atom is the access: what
 * the predicate is found by. Predicates with the same access are a group; a group is cut into runs that share one more
 * interval slot, sorted so that the true ones are enumerated and no others; what is left is confirmed one by one. */
#ifndef WEIR_RULES_INDEX_PLAN_H
#define WEIR_RULES_INDEX_PLAN_H

#include <float.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/regex.h"
#include "base/unaligned.h"
#include "rules/index.h"
#include "rules/list_set.h"

/* ---- keys ---- */

enum index_form { FORM_NONE, FORM_INT /* bool, int, time, duration */, FORM_DECIMAL, FORM_FLOAT, FORM_STRING, FORM_IP };

static inline enum index_form index_form_of(struct type type) {
  switch (type.kind) {
  case VALUE_BOOL:
  case VALUE_INT:
  case VALUE_TIME:
  case VALUE_DURATION: return FORM_INT;
  case VALUE_DECIMAL: return FORM_DECIMAL;
  case VALUE_FLOAT: return FORM_FLOAT;
  case VALUE_STRING: return FORM_STRING;
  case VALUE_IP: return FORM_IP;
  default: return FORM_NONE;
  }
}

/* Doubles in the order of their numbers; -0 is 0. */
static inline int64_t index_float_key(double f) {
  union {
    double f;
    int64_t i;
  } bits = {.f = f == 0 ? 0 : f};
  return bits.i >= 0 ? bits.i : bits.i ^ INT64_MAX;
}

/* `v` is not null and of the slot's type: decoded fields and computed columns have all digits of their declared scale.
 */
static inline int64_t index_key(struct type type, struct value v) {
  if (v.kind == VALUE_FLOAT) return index_float_key(v.f);
  check(v.kind == type.kind && v.scale == type.scale);
  return v.i;
}

/* Strings and addresses only have hashes: what is found by one is compared. Short strings, most of all that rules
 * compare with, are two loads that overlap: up to INDEX_EXACT_BYTES, and of one length, equal keys are equal texts. */
enum { INDEX_EXACT_BYTES = 8 };
static inline int64_t index_text_key(struct value v) {
  const uint64_t spread = UINT64_C(0x9FB21C651E98DF25);
  if (v.kind != VALUE_STRING) return v.length == 4 ? v.i : (int64_t)hash_bytes(v.ip, 16);
  if (v.length > 16) return (int64_t)hash_bytes(v.s, v.length);
  uint64_t word = v.length * spread;
  if (v.length > 8)
    word += read_u64(v.s) * spread ^ read_u64(v.s + v.length - 8);
  else if (v.length >= 4)
    word += read_u32(v.s) | (uint64_t)read_u32(v.s + v.length - 4) << 32;
  else if (v.length > 0)
    word += (uint64_t)(uint8_t)v.s[0] << 16 | (uint64_t)(uint8_t)v.s[v.length / 2] << 8 | (uint8_t)v.s[v.length - 1];
  return (int64_t)word;
}
static inline bool index_text_equal(struct value a, struct value b) {
  if (a.length != b.length) return false;
  if (a.kind == VALUE_IP && a.length == 4) return a.i == b.i;
  if (a.length > 16) return memcmp(a.s, b.s, a.length) == 0;
  if (a.length >= 8)
    return read_u64(a.s) == read_u64(b.s) && read_u64(a.s + a.length - 8) == read_u64(b.s + b.length - 8);
  if (a.length >= 4)
    return read_u32(a.s) == read_u32(b.s) && read_u32(a.s + a.length - 4) == read_u32(b.s + b.length - 4);
  /* The first, the middle and the last of up to three bytes. */
  return a.length == 0 ||
         (a.s[0] == b.s[0] && a.s[a.length / 2] == b.s[a.length / 2] && a.s[a.length - 1] == b.s[a.length - 1]);
}

/* Kind and scale of a value in one. */
_Static_assert(offsetof(struct value, scale) == offsetof(struct value, kind) + 1, "read together");
static inline uint16_t index_form(const struct value *v) {
  uint16_t form;
  memcpy(&form, &v->kind, sizeof form);
  return form;
}

/* One multiplication spreads keys well enough: texts are hashed already, numbers come in steps. */
static inline uint64_t index_key_hash(int64_t key) {
  uint64_t mixed = (uint64_t)key * UINT64_C(0x9E3779B97F4A7C15);
  return mixed ^ mixed >> 32;
}

/* ---- atoms ---- */

enum index_atom_kind {
  ATOM_BETWEEN,   /* low <= key <= high */
  ATOM_OUTSIDE,   /* key < low or high < key */
  ATOM_SAME,      /* equal to value: strings and addresses */
  ATOM_DIFFERENT, /* not null and not equal to value */
  ATOM_ONE_OF,    /* equal to one of the values: built from a short constant set, only ever an access */
  ATOM_SET,       /* in the set */
  ATOM_NOT_SET,   /* not null and not in the set */
  ATOM_NULL,
  ATOM_PRESENT,
  ATOM_NEVER, /* nothing satisfies it */
  ATOM_EXPR,  /* ask the predicate's expression */
};

struct index_atom {
  uint8_t kind;
  uint16_t slot;
  uint32_t value_count; /* ATOM_ONE_OF */
  union {
    struct {
      int64_t low, high;
    };
    struct value value;
    const struct value *values; /* ATOM_ONE_OF, constants of the slot's type or other numbers */
    const struct list_set *set;
  };
};

struct index_atoms {
  struct arena *arena;
  uint32_t count, capacity;
  struct index_atom *items;
  bool never; /* one atom is ATOM_NEVER */
  bool expr;  /* something is left that only the expression can decide */
};

/* The atoms of a predicate's node: intervals of one slot are merged, an ATOM_EXPR is said by `expr` alone. `sets`
 * builds constant sets and finds lists. */
struct index_sets {
  const struct ruleset *ruleset;
  struct arena *arena;
  uint32_t count, capacity;
  struct index_const_set {
    uint64_t hash; /* of the node's key */
    const struct list_set *set;
  } * items;
};
void index_atoms_of(struct index_atoms *atoms, const struct type *slot_types, const struct expr_node *node,
                    struct index_sets *sets);
/* The alternatives of an `or` among the conjuncts, 0 if there is none. */
enum { INDEX_ALTERNATIVES_MAX = 16 };
uint32_t index_alternatives(const struct expr_node *node, const struct expr_node *alternatives[INDEX_ALTERNATIVES_MAX]);

/* The key of the one value of a slot's type that equals `c`; false if there is none (an int is never 2.5). */
bool index_equal_key(struct type type, struct value c, int64_t *key);

/* ---- the compiled index ---- */

struct index_entry {
  int32_t predicate;
  uint16_t confirm_count, rule_count;
  uint32_t confirm_first; /* in index->confirms */
  uint32_t rule_first;    /* in index->rules: the rules that it starts */
};

enum index_run_kind {
  RUN_ALL,     /* every entry is a candidate */
  RUN_FROM,    /* low <= key: lows ascend */
  RUN_TO,      /* key <= high: highs descend */
  RUN_BETWEEN, /* an implicit tree over lows that ascend, with the highest high below each node */
};

struct index_span {
  int64_t low, high, highest;
};

struct index_run {
  /* Most runs have nothing for most events. That is told by the eight bytes of the slot's value, whatever they are:
   * with their bits flipped they are below the gate. Others are looked at: the value may be null. */
  int64_t gate;
  int64_t flip; /* RUN_TO: all ones. Bounds and keys with their bits flipped ascend, and both kinds are one loop */
  uint32_t at;  /* of the slot's value, in bytes */
  uint32_t count;
  uint8_t kind;
  bool is_float; /* the slot */
  uint16_t form; /* of the slot's values, if not null: index_form() */
  const struct index_entry *entries;
  union {
    const int64_t *bounds;          /* RUN_FROM, RUN_TO: each ^ flip */
    const struct index_span *spans; /* RUN_BETWEEN */
  };
};

struct index_group {
  const struct index_run *runs, *runs_end;
  uint32_t run_first, run_count; /* the same by number, while the index is built */
  struct value value;            /* of strings and v6 addresses: the key is only a hash */
};

struct index_filter {
  uint16_t slot;
  const struct regex *regex; /* NULL: none */
};

struct index_hash_slot {
  int64_t key;
  uint32_t group;  /* from 1; 0 = empty */
  uint32_t length; /* of a string or address */
};

/* All equalities of one slot. */
struct index_equality {
  uint16_t slot;
  uint8_t form;
  struct type type;
  uint32_t mask;        /* slots - 1 */
  uint32_t count, only; /* constants; the one group, if there is but one, else UINT32_MAX */
  int64_t only_key;
  struct value only_value; /* of a string or address */
  struct index_hash_slot *slots;
};

struct index_membership {
  uint16_t slot;
  bool bounded; /* all its runs have bounds: where the event reaches none, the set need not be asked */
  const struct list_set *set;
  uint32_t group;
};

struct index_type {
  struct type *slot_types;
  uint16_t equality_count;
  struct index_equality *equalities;
  uint32_t membership_count;
  struct index_membership *memberships;
  uint32_t always_group; /* predicates without equality or membership; UINT32_MAX = none */
  /* Nothing but that group, in runs of RUN_FROM and RUN_TO: an event may be done with quickly. Else NULL. */
  const struct index_run *bounds, *bounds_end;
  uint32_t rest_count; /* started by predicates that are not indexed: cheap ones first */
  struct index_entry *rest;
  struct index_filter *filters; /* of each: a regex that it needs, most events of which are seen to fail at a glance */
  uint32_t every_count;         /* rules that every event of the type starts */
  const uint16_t *every;
  uint64_t unindexed_mask;
  uint32_t hits_max;
};

enum index_access {
  ACCESS_REST,
  ACCESS_EQUALITY,
  ACCESS_MEMBERSHIP,
  ACCESS_RANGE,
  ACCESS_PRESENCE,
  ACCESS_ALTERNATIVES,
  ACCESS_NEVER,
  ACCESS_SCAN
};

struct index_note { /* for explain */
  uint8_t access, run_kind;
  uint16_t slot, run_slot;
  uint16_t confirm_count;
  bool expr;
};

struct rule_index {
  const struct ruleset *ruleset;
  uint16_t type_count;
  struct index_type *types;
  struct index_group *groups;
  struct index_run *runs;
  struct index_atom *confirms;
  uint16_t *rules;
  struct index_note *notes;
  bool scan;
};

#endif
