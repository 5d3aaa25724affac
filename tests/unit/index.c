/* floors: base nfa rules */
/* index.c - the index marks and lists exactly what asking every predicate would: hand-made borders, then random rule
 * sets and events with the index on and off. */
#include "rules/index.h"

#include "rules/list_set.h"
#include "test.h"

/* One event type: an int, a decimal(2), a float, two strings, a bool, an ip, a time, a list of strings. */
enum { F_INT, F_DECIMAL, F_FLOAT, F_TEXT, F_OTHER, F_BOOL, F_IP, F_TIME, F_WORDS, FIELDS };
enum { RULES_MAX = 400 };

struct fixture {
  struct mem *mem;
  struct arena arena;
  struct ruleset ruleset;
  struct schema schemas[2];
  struct schema_field fields[FIELDS];
  struct rule rules[RULES_MAX];
  struct predicate predicates[RULES_MAX];
  const struct expr_node *nodes[RULES_MAX];
  struct list_def lists[2];
  struct expr_env env;
  struct expr_counts counts;
  struct expr_lookup lookup;
  struct arena scratch;
  uint64_t random;
};

static int list_has(void *context, uint16_t list, struct value v) {
  const struct ruleset *ruleset = context;
  return list_set_has(ruleset->lists[list].set, v);
}

static struct value text(const char *bytes) { return value_string(slice_of(bytes)); }
static struct value address(uint32_t bits) { return (struct value){.i = bits, .length = 4, .kind = VALUE_IP}; }

static void set_up(struct fixture *f) {
  static const struct type types[FIELDS] = {{.kind = VALUE_INT},
                                            {.kind = VALUE_DECIMAL, .scale = 2},
                                            {.kind = VALUE_FLOAT},
                                            {.kind = VALUE_STRING},
                                            {.kind = VALUE_STRING},
                                            {.kind = VALUE_BOOL},
                                            {.kind = VALUE_IP},
                                            {.kind = VALUE_TIME},
                                            {.kind = VALUE_LIST, .element = VALUE_STRING}};
  memset(f, 0, sizeof *f);
  f->mem = mem_new(0);
  arena_init(&f->arena, f->mem, 1 << 16);
  arena_init(&f->scratch, f->mem, 1 << 16);
  for (uint16_t i = 0; i < FIELDS; i++)
    f->fields[i] = (struct schema_field){.name = SLICE("field"), .type = types[i], .used = true, .slot = i};
  f->schemas[0] = (struct schema){.name = SLICE("a"), .field_count = FIELDS, .slot_count = FIELDS, .fields = f->fields};
  f->schemas[1] = (struct schema){.name = SLICE("b"), .id = 1};
  struct value names[] = {text("x"), text("y")};
  struct value nets[] = {{.i = 0x0A000000, .length = 4, .kind = VALUE_NETWORK, .scale = 8}, address(7)};
  f->lists[0] = (struct list_def){.name = SLICE("names"),
                                  .type = TYPE(VALUE_STRING),
                                  .set = list_set_build(&f->arena, TYPE(VALUE_STRING), names, 2)};
  f->lists[1] = (struct list_def){
      .name = SLICE("nets"), .type = TYPE(VALUE_IP), .set = list_set_build(&f->arena, TYPE(VALUE_IP), nets, 2)};
  f->ruleset = (struct ruleset){.mem = f->mem,
                                .arena = &f->arena,
                                .schema_count = 2,
                                .schemas = f->schemas,
                                .rules = f->rules,
                                .lists = f->lists,
                                .list_count = 2,
                                .predicates = f->predicates,
                                .predicate_nodes = f->nodes};
  f->lookup = (struct expr_lookup){.list_has = list_has};
  f->env = (struct expr_env){
      .scratch = &f->scratch, .lookup = &f->lookup, .lookup_context = &f->ruleset, .counts = &f->counts};
  f->random = 88172645463325252u;
}
static void tear_down(struct fixture *f) { mem_free_all(f->mem); }

/* ---- nodes ---- */

static struct expr_node *node(struct fixture *f, enum expr_op op, struct type type, uint16_t count) {
  struct expr_node *n = arena_new(&f->arena, struct expr_node);
  n->op = op;
  n->type = type;
  n->child_count = count;
  n->children = arena_array(&f->arena, struct expr_node *, count);
  return n;
}
static struct expr_node *field(struct fixture *f, uint16_t index) {
  struct expr_node *n = node(f, EXPR_INPUT, f->fields[index].type, 0);
  n->index = index;
  return n;
}
static struct expr_node *constant(struct fixture *f, struct value v) {
  struct expr_node *n =
      node(f, EXPR_CONST, (struct type){.kind = v.kind, .scale = v.kind == VALUE_DECIMAL ? v.scale : 0}, 0);
  n->value = v;
  return n;
}
static struct expr_node *two(struct fixture *f, enum expr_op op, struct expr_node *a, struct expr_node *b) {
  struct expr_node *n = node(f, op, TYPE(VALUE_BOOL), 2);
  n->children[0] = a;
  n->children[1] = b;
  return n;
}
static struct expr_node *one(struct fixture *f, enum expr_op op, struct expr_node *a) {
  struct expr_node *n = node(f, op, TYPE(VALUE_BOOL), 1);
  n->children[0] = a;
  return n;
}
static struct expr_node *compare(struct fixture *f, uint16_t index, enum expr_op op, struct value v) {
  return two(f, op, field(f, index), constant(f, v));
}
static struct expr_node *in_list(struct fixture *f, uint16_t index, uint16_t list) {
  struct expr_node *n = one(f, EXPR_IN_LIST, field(f, index));
  n->index = list;
  return n;
}

/* An `on` rule with this condition; NULL = none. */
static void add_rule(struct fixture *f, const struct expr_node *condition) {
  struct err err;
  int32_t predicate = PREDICATE_TRUE;
  if (condition != NULL) {
    predicate = f->ruleset.predicate_count++;
    f->nodes[predicate] = condition;
    f->predicates[predicate] = (struct predicate){.expr = expr_compile(&f->arena, condition, &err)};
  }
  uint16_t r = f->ruleset.rule_count++;
  f->rules[r] = (struct rule){.id = r, .mode = MODE_LIVE, .on = true, .on_condition = {.predicate = predicate}};
}

/* ---- asking ---- */

struct asked {
  struct rule_index *index;
  struct index_scratch *scratch;
  struct truth truth;
};

static struct asked ask(struct fixture *f, bool scan) {
  struct asked a = {.index = index_build(&f->ruleset, scan)};
  a.scratch = index_scratch_new(f->mem, a.index);
  a.truth = (struct truth){
      .predicates = f->predicates, .marks = mem_alloc(f->mem, sizeof(uint64_t) * RULES_MAX), .env = &f->env};
  return a;
}

static uint32_t hits_of(struct fixture *f, struct asked *a, const struct value *values, const struct index_hit **hits,
                        uint64_t *mask) {
  struct event event = {.type = 0, .values = values};
  f->env.banks[BANK_EVENT] = values;
  a->truth.epoch++;
  uint32_t count = index_event(a->index, a->scratch, &event, &a->truth, hits, mask);
  arena_reset(&f->scratch);
  return count;
}

/* The rules that one event with one field set starts, as a text. */
static const char *started(struct fixture *f, struct asked *a, uint16_t index, struct value v) {
  static char out[400];
  struct value values[FIELDS] = {{.kind = VALUE_NULL}};
  const struct index_hit *hits;
  uint64_t mask;
  values[index] = v;
  uint32_t count = hits_of(f, a, values, &hits, &mask);
  int at = 0;
  out[0] = '\0';
  for (uint32_t i = 0; i < count; i++)
    at += snprintf(out + at, sizeof out - (size_t)at, "%s%u", i == 0 ? "" : " ", hits[i].rule);
  return out;
}

TEST(equalities_of_each_kind) {
  struct fixture f;
  set_up(&f);
  add_rule(&f, compare(&f, F_INT, EXPR_EQUAL, value_int(7)));
  add_rule(&f, compare(&f, F_INT, EXPR_EQUAL, value_decimal(70, 1)));
  add_rule(&f, compare(&f, F_INT, EXPR_EQUAL, value_decimal(75, 1)));
  add_rule(&f, compare(&f, F_TEXT, EXPR_EQUAL, text("x")));
  add_rule(&f, two(&f, EXPR_EQUAL, constant(&f, text("y")), field(&f, F_TEXT)));
  add_rule(&f, field(&f, F_BOOL));
  add_rule(&f, one(&f, EXPR_NOT, field(&f, F_BOOL)));
  add_rule(&f, compare(&f, F_FLOAT, EXPR_EQUAL, value_float(-0.0)));
  add_rule(&f, compare(&f, F_IP, EXPR_EQUAL, address(9)));
  add_rule(&f, compare(&f, F_TEXT, EXPR_EQUAL, text("")));
  struct asked a = ask(&f, false);
  for (int32_t p = 0; p < f.ruleset.predicate_count; p++) EXPECT(f.predicates[p].indexed);
  EXPECT_TEXT(started(&f, &a, F_INT, value_int(7)), "0 1");
  EXPECT_TEXT(started(&f, &a, F_INT, value_int(8)), "");
  EXPECT_TEXT(started(&f, &a, F_INT, value_null()), "");
  EXPECT_TEXT(started(&f, &a, F_TEXT, text("x")), "3");
  EXPECT_TEXT(started(&f, &a, F_TEXT, text("y")), "4");
  EXPECT_TEXT(started(&f, &a, F_TEXT, text("")), "9");
  EXPECT_TEXT(started(&f, &a, F_TEXT, text("xx")), "");
  EXPECT_TEXT(started(&f, &a, F_BOOL, value_bool(true)), "5");
  EXPECT_TEXT(started(&f, &a, F_BOOL, value_bool(false)), "6");
  EXPECT_TEXT(started(&f, &a, F_FLOAT, value_float(0)), "7");
  EXPECT_TEXT(started(&f, &a, F_IP, address(9)), "8");
  EXPECT_TEXT(started(&f, &a, F_IP, address(10)), "");
  tear_down(&f);
}

TEST(borders_of_ranges) {
  struct fixture f;
  set_up(&f);
  add_rule(&f, compare(&f, F_INT, EXPR_GREATER, value_int(5))); /* 0 */
  add_rule(&f, compare(&f, F_INT, EXPR_GREATER_EQUAL, value_decimal(51, 1)));
  add_rule(&f, compare(&f, F_INT, EXPR_LESS, value_decimal(51, 1))); /* 2 */
  add_rule(&f, compare(&f, F_INT, EXPR_LESS_EQUAL, value_float(1e30)));
  add_rule(&f, compare(&f, F_INT, EXPR_GREATER, value_float(1e30)));       /* 4: never */
  add_rule(&f, compare(&f, F_INT, EXPR_GREATER, value_int(INT64_MAX)));    /* 5: never */
  add_rule(&f, compare(&f, F_INT, EXPR_LESS_EQUAL, value_int(INT64_MIN))); /* 6 */
  add_rule(&f, two(&f, EXPR_LESS, constant(&f, value_int(5)), field(&f, F_INT)));
  add_rule(&f, compare(&f, F_INT, EXPR_NOT_EQUAL, value_decimal(55, 1)));       /* 8: all that are not null */
  add_rule(&f, compare(&f, F_DECIMAL, EXPR_GREATER, value_decimal(5005, 3)));   /* 9: 5.005 */
  add_rule(&f, compare(&f, F_FLOAT, EXPR_LESS, value_float(0.1)));              /* 10 */
  add_rule(&f, compare(&f, F_FLOAT, EXPR_GREATER_EQUAL, value_int(INT64_MAX))); /* 11 */
  struct asked a = ask(&f, false);
  EXPECT_TEXT(started(&f, &a, F_INT, value_int(5)), "2 3 8");
  EXPECT_TEXT(started(&f, &a, F_INT, value_int(6)), "0 1 3 7 8");
  EXPECT_TEXT(started(&f, &a, F_INT, value_int(INT64_MAX)), "0 1 3 7 8");
  EXPECT_TEXT(started(&f, &a, F_INT, value_int(INT64_MIN)), "2 3 6 8");
  EXPECT_TEXT(started(&f, &a, F_DECIMAL, value_decimal(500, 2)), "");
  EXPECT_TEXT(started(&f, &a, F_DECIMAL, value_decimal(501, 2)), "9");
  EXPECT_TEXT(started(&f, &a, F_FLOAT, value_float(0.1)), "");
  EXPECT_TEXT(started(&f, &a, F_FLOAT, value_float(0.09999999999999999)), "10");
  EXPECT_TEXT(started(&f, &a, F_FLOAT, value_float(-1e308)), "10");
  EXPECT_TEXT(started(&f, &a, F_FLOAT, value_float(9223372036854775807.0)), "11");
  EXPECT_TEXT(started(&f, &a, F_FLOAT, value_float(9223372036854774784.0)), "");
  tear_down(&f);
}

TEST(lists_sets_and_null) {
  struct fixture f;
  set_up(&f);
  add_rule(&f, in_list(&f, F_TEXT, 0));
  add_rule(&f, in_list(&f, F_IP, 1));
  add_rule(&f, one(&f, EXPR_NOT, in_list(&f, F_TEXT, 0)));
  add_rule(&f, one(&f, EXPR_IS_NULL, field(&f, F_TEXT)));
  add_rule(&f, one(&f, EXPR_NOT, one(&f, EXPR_IS_NULL, field(&f, F_TEXT))));
  struct expr_node *set = node(&f, EXPR_IN_SET, TYPE(VALUE_BOOL), 4); /* in (1, null, 1.0) */
  set->children[0] = field(&f, F_INT);
  set->children[1] = constant(&f, value_int(1));
  set->children[2] = constant(&f, value_null());
  set->children[3] = constant(&f, value_decimal(10, 1));
  add_rule(&f, set);                                         /* 5 */
  add_rule(&f, one(&f, EXPR_NOT, set));                      /* 6: never, for the null */
  add_rule(&f, compare(&f, F_INT, EXPR_LESS, value_null())); /* 7: never */
  add_rule(&f, NULL);                                        /* 8: every event */
  struct asked a = ask(&f, false);
  EXPECT_TEXT(started(&f, &a, F_TEXT, text("x")), "0 4 8");
  EXPECT_TEXT(started(&f, &a, F_TEXT, text("q")), "2 4 8");
  EXPECT_TEXT(started(&f, &a, F_IP, address(0x0A010203)), "1 3 8");
  EXPECT_TEXT(started(&f, &a, F_IP, address(7)), "1 3 8");
  EXPECT_TEXT(started(&f, &a, F_IP, address(8)), "3 8");
  EXPECT_TEXT(started(&f, &a, F_INT, value_int(1)), "3 5 8");
  EXPECT_TEXT(started(&f, &a, F_INT, value_int(2)), "3 8");
  tear_down(&f);
}

TEST(nested_intervals_are_all_found) {
  struct fixture f;
  set_up(&f);
  for (int i = 0; i < RULES_MAX; i++) {
    int low = (i * 37) % 300, high = low + (i % 9) * (i % 9);
    add_rule(&f, two(&f, EXPR_AND, compare(&f, F_INT, EXPR_GREATER_EQUAL, value_int(low)),
                     compare(&f, F_INT, EXPR_LESS_EQUAL, value_int(high))));
  }
  struct asked a = ask(&f, false);
  struct value values[FIELDS] = {{.kind = VALUE_NULL}};
  for (int x = -2; x < 380; x++) {
    const struct index_hit *hits;
    uint64_t mask;
    values[F_INT] = value_int(x);
    uint32_t count = hits_of(&f, &a, values, &hits, &mask), expected = 0, wrong = 0;
    for (int i = 0; i < RULES_MAX; i++) {
      int low = (i * 37) % 300, high = low + (i % 9) * (i % 9);
      if (x < low || x > high) continue;
      wrong += expected >= count || hits[expected].rule != i;
      expected++;
    }
    EXPECT_INT(count, expected);
    EXPECT_INT(wrong, 0);
  }
  tear_down(&f);
}

TEST(an_event_of_a_type_without_rules) {
  struct fixture f;
  set_up(&f);
  add_rule(&f, field(&f, F_BOOL));
  struct asked a = ask(&f, false);
  struct event event = {.type = 1};
  const struct index_hit *hits;
  uint64_t mask = 1;
  a.truth.epoch++;
  EXPECT_INT(index_event(a.index, a.scratch, &event, &a.truth, &hits, &mask), 0);
  EXPECT(mask == 0);
  tear_down(&f);
}

TEST(words_say_how_it_is_found) {
  struct fixture f;
  set_up(&f);
  f.fields[F_TEXT].name = SLICE("merchant");
  f.fields[F_INT].name = SLICE("amount");
  add_rule(&f, two(&f, EXPR_AND, compare(&f, F_TEXT, EXPR_EQUAL, text("x")),
                   compare(&f, F_INT, EXPR_GREATER, value_int(3))));
  add_rule(&f, two(&f, EXPR_EQUAL, field(&f, F_TEXT), field(&f, F_OTHER)));
  struct asked a = ask(&f, false);
  struct buf out;
  buf_init(&out, f.mem);
  index_describe(a.index, 0, &out);
  EXPECT_TEXT(buf_text(&out), "found by a hash of merchant, then among the sorted thresholds of amount");
  buf_clear(&out);
  index_describe(a.index, 1, &out);
  EXPECT_TEXT(buf_text(&out), "asked one by one, at most once an event");
  tear_down(&f);
}

/* ---- at random ---- */

static uint32_t below(struct fixture *f, uint32_t limit) {
  f->random ^= f->random << 13;
  f->random ^= f->random >> 7;
  f->random ^= f->random << 17;
  return (uint32_t)(f->random >> 33) % limit;
}

static struct value random_value(struct fixture *f, uint16_t index) {
  static const char *const texts[] = {"x", "y", "z", ""};
  switch (index) {
  case F_INT: return value_int((int64_t)below(f, 7) - 3);
  case F_DECIMAL: return value_decimal((int64_t)below(f, 7) * 50 - 150, 2);
  case F_FLOAT: return value_float(((double)below(f, 13) - 6) / 4);
  case F_TEXT:
  case F_OTHER: return text(texts[below(f, 4)]);
  case F_BOOL: return value_bool(below(f, 2) == 1);
  case F_IP: return address(below(f, 2) == 0 ? below(f, 4) + 6 : 0x09FFFFFE + below(f, 4));
  case F_TIME: return value_time(below(f, 5));
  default: return value_null();
  }
}

static struct value random_constant(struct fixture *f, uint16_t index) {
  if (below(f, 20) == 0) return value_null();
  if (index > F_FLOAT || below(f, 2) == 0) return random_value(f, index);
  switch (below(f, 3)) {
  case 0: return random_value(f, F_INT);
  case 1: return value_decimal((int64_t)below(f, 60) - 30, 1);
  default: return random_value(f, F_FLOAT);
  }
}

static struct expr_node *random_condition(struct fixture *f, int depth) {
  static const enum expr_op ops[] = {EXPR_EQUAL,      EXPR_EQUAL,   EXPR_NOT_EQUAL,    EXPR_LESS,
                                     EXPR_LESS_EQUAL, EXPR_GREATER, EXPR_GREATER_EQUAL};
  uint32_t kind = below(f, depth > 0 ? 16 : 10);
  uint16_t index = (uint16_t)below(f, F_WORDS);
  if (kind < 5)
    return two(f, ops[below(f, index == F_BOOL ? 3 : 7)], field(f, index), constant(f, random_constant(f, index)));
  if (kind == 5) return field(f, F_BOOL);
  if (kind == 6) return one(f, EXPR_IS_NULL, field(f, index));
  if (kind == 7) return below(f, 2) == 0 ? in_list(f, F_TEXT, 0) : in_list(f, F_IP, 1);
  if (kind == 8) {
    uint16_t count = (uint16_t)(1 + below(f, below(f, 4) == 0 ? 30 : 4));
    struct expr_node *set = node(f, EXPR_IN_SET, TYPE(VALUE_BOOL), (uint16_t)(count + 1));
    set->children[0] = field(f, index);
    for (uint16_t i = 1; i <= count; i++) set->children[i] = constant(f, random_constant(f, index));
    return set;
  }
  if (kind == 9) return two(f, EXPR_EQUAL, field(f, F_TEXT), field(f, F_OTHER));
  if (kind < 13) return two(f, EXPR_AND, random_condition(f, depth - 1), random_condition(f, depth - 1));
  if (kind < 15) return two(f, EXPR_OR, random_condition(f, depth - 1), random_condition(f, depth - 1));
  return one(f, EXPR_NOT, random_condition(f, depth - 1));
}

TEST(index_and_scan_agree_on_random_rules) {
  for (uint32_t round = 0; round < 60; round++) {
    struct fixture f;
    set_up(&f);
    f.random += round * 977;
    uint32_t rules = 1 + below(&f, 120);
    for (uint32_t i = 0; i < rules; i++) add_rule(&f, below(&f, 30) == 0 ? NULL : random_condition(&f, 3));
    struct asked with = ask(&f, false);
    bool indexed[RULES_MAX];
    for (int32_t p = 0; p < f.ruleset.predicate_count; p++) indexed[p] = f.predicates[p].indexed;
    struct asked without = ask(&f, true);
    uint32_t differ = 0, found = 0;
    for (int e = 0; e < 200; e++) {
      struct value values[FIELDS] = {{.kind = VALUE_NULL}};
      for (uint16_t i = 0; i < FIELDS; i++) {
        if (below(&f, 8) > 0) values[i] = random_value(&f, i);
      }
      const struct index_hit *a, *b;
      uint64_t a_mask, b_mask;
      for (int32_t p = 0; p < f.ruleset.predicate_count; p++) f.predicates[p].indexed = false;
      uint32_t b_count = hits_of(&f, &without, values, &b, &b_mask);
      for (int32_t p = 0; p < f.ruleset.predicate_count; p++) f.predicates[p].indexed = indexed[p];
      uint32_t a_count = hits_of(&f, &with, values, &a, &a_mask);
      differ += a_count != b_count;
      for (uint32_t i = 0; i < a_count && i < b_count; i++)
        differ += a[i].rule != b[i].rule || a[i].predicate != b[i].predicate;
      found += a_count;
      for (int32_t p = 0; p < f.ruleset.predicate_count; p++) {
        bool holds = truth_holds(&without.truth, p);
        differ += holds != truth_holds(&with.truth, p);
        differ += holds && (a_mask >> (p & 63) & 1) == 0;
      }
    }
    EXPECT_INT(differ, 0);
    EXPECT(found > 0 || rules < 5);
    tear_down(&f);
  }
}

TEST_MAIN
