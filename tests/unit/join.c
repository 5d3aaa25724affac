/* floors: base nfa rules engine */
/* Interval joins against all pairs: offsets of both signs, equal times, nulls, conditions, missing sides, an event type
 * with itself; limits and memory. */
#include "engine/join.h"

#include <stdlib.h>

#include "test.h"

static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/* ---- plans by hand ---- */

enum { S_KEY, S_NUMBER, S_TEXT, SLOTS };                                          /* of both types */
enum { E_LEFT, E_RIGHT, E_LEFT_TEXT, E_LEFT_TIME, E_RIGHT_TIME, E_KEY, ENTRIES }; /* of what is made */
enum { ORDER, PAYMENT, PAID, TYPES };

static struct mem *mem;
static struct arena arena, scratch;
static struct expr_counts counts;
static struct expr_env env;
static struct schema schemas[TYPES];
static struct ruleset ruleset;
static uint16_t key_slot[1] = {S_KEY};
static const struct type key_type[1] = {{.kind = VALUE_STRING}};

static struct expr_node *input(enum expr_bank bank, uint16_t index, enum value_kind kind) {
  struct expr_node *node = arena_new(&arena, struct expr_node);
  *node = (struct expr_node){.op = EXPR_INPUT, .bank = (uint16_t)bank, .index = index, .type = TYPE((uint8_t)kind)};
  return node;
}
static struct expr_node *binary(enum expr_op op, struct expr_node *a, struct expr_node *b) {
  struct expr_node *node = arena_new(&arena, struct expr_node);
  const char *why = "";
  *node = (struct expr_node){.op = op, .child_count = 2};
  EXPECT(expr_type_binary(op, a->type, b->type, &node->type, &why));
  node->children = arena_array(&arena, struct expr_node *, 2);
  node->children[0] = a;
  node->children[1] = b;
  return node;
}
static const struct expr *compiled(const struct expr_node *node) {
  struct err err = {0};
  const struct expr *expr = expr_compile(&arena, node, &err);
  EXPECT(expr != NULL);
  return expr;
}

static struct join_plan plan_new(int64_t low, int64_t high) {
  const struct expr **entries = arena_array(&arena, const struct expr *, ENTRIES);
  entries[E_LEFT] = compiled(input(BANK_EVENT, S_NUMBER, VALUE_INT));
  entries[E_RIGHT] = compiled(input(BANK_OTHER, S_NUMBER, VALUE_INT));
  entries[E_LEFT_TEXT] = compiled(input(BANK_EVENT, S_TEXT, VALUE_STRING));
  entries[E_LEFT_TIME] = compiled(input(BANK_WINDOW, JOIN_LEFT_TIME, VALUE_TIME));
  entries[E_RIGHT_TIME] = compiled(input(BANK_WINDOW, JOIN_RIGHT_TIME, VALUE_TIME));
  entries[E_KEY] = compiled(input(BANK_KEY, 0, VALUE_STRING));
  return (struct join_plan){.schema = PAID,
                            .types = {ORDER, PAYMENT},
                            .key_slots = {key_slot, key_slot},
                            .key_count = 1,
                            .key_types = key_type,
                            .low_us = low,
                            .high_us = high,
                            .entries = entries,
                            .slot_counts = {SLOTS, SLOTS}};
}

/* ---- what is told ---- */

struct row { /* of the model and of what is told */
  int64_t time;
  int left, right; /* numbers of the events; -1 = missing */
  int cause;       /* -1 = a timer */
};
enum { EVENTS_MAX = 400, ROWS_MAX = 200000 };
static struct row told[ROWS_MAX], expected[ROWS_MAX];
static size_t told_count, expected_count;

struct source { /* an event, numbered as it comes */
  int64_t time;
  uint16_t type;
  const char *key; /* NULL = null */
};
static struct source sources[EVENTS_MAX];
static int at_hand; /* the event that is worked on */

static bool text_is(struct value v, const char *text) {
  if (text == NULL) return value_is_null(v);
  return v.kind == VALUE_STRING && slice_equal(value_slice(v), slice_of(text));
}

static int number_of(const struct held *held) { return held == NULL ? -1 : (int)held->values[S_NUMBER].i; }

static void take_told(void *context, const struct join_event *event) {
  const struct join_plan *plan = context;
  EXPECT(event->plan == plan && event->event.type == PAID);
  int left = number_of(event->left), right = number_of(event->right), one = left >= 0 ? left : right;
  const struct value *values = event->event.values;
  EXPECT(one >= 0);
  EXPECT(left < 0 ? value_is_null(values[E_LEFT]) : values[E_LEFT].i == left);
  EXPECT(right < 0 ? value_is_null(values[E_RIGHT]) : values[E_RIGHT].i == right);
  EXPECT(left < 0 ? value_is_null(values[E_LEFT_TIME]) : values[E_LEFT_TIME].i == sources[left].time);
  EXPECT(right < 0 ? value_is_null(values[E_RIGHT_TIME]) : values[E_RIGHT_TIME].i == sources[right].time);
  EXPECT(left < 0 || event->left->time == sources[left].time);
  EXPECT(text_is(values[E_LEFT_TEXT], left < 0 ? NULL : left % 3 == 0 ? NULL : "some text that is kept"));
  EXPECT(text_is(values[E_KEY], sources[one].key));
  EXPECT(plan->key_count == 0 || text_is(event->key[0], sources[one].key));
  if (event->cause != NULL) EXPECT_INT(event->cause->sequence, at_hand + 1);
  EXPECT_INT(event->event.sequence, (event->cause != NULL ? at_hand : one) + 1);
  EXPECT_INT(event->event.position.offset, (event->cause != NULL ? at_hand : one) + 7);
  if (told_count < ROWS_MAX)
    told[told_count++] = (struct row){event->event.time, left, right, event->cause == NULL ? -1 : at_hand};
}

static void set_up(void) {
  mem = mem_new(0);
  arena_init(&arena, mem, 1 << 16);
  arena_init(&scratch, mem, 1 << 14);
  counts = (struct expr_counts){0};
  env = (struct expr_env){.scratch = &scratch, .counts = &counts};
  for (uint16_t i = 0; i < TYPES; i++)
    schemas[i] =
        (struct schema){.id = i, .slot_count = i == PAID ? ENTRIES : SLOTS, .asked_first = i == PAID ? ENTRIES : SLOTS};
  ruleset = (struct ruleset){.schemas = schemas, .schema_count = TYPES};
}
static void tear_down(void) { mem_free_all(mem); }

static struct join_set *join_new(struct join_plan *plan, uint64_t events_max) {
  told_count = 0;
  return join_set_new(
      mem, &(struct join_options){
               .ruleset = &ruleset, .plan = plan, .events_max = events_max, .tell = take_told, .context = plan});
}

/* The event's memory is written over behind it: what is kept must be a copy. */
static void feed(struct join_set *joins, const struct join_plan *plan, int number) {
  static char key[32], text[32];
  const struct source *source = &sources[number];
  struct value values[SLOTS] = {value_null(), value_int(number), value_null()};
  if (source->key != NULL) {
    memcpy(key, source->key, strlen(source->key) + 1);
    values[S_KEY] = value_string(slice_of(key));
  }
  memcpy(text, "some text that is kept", sizeof "some text that is kept");
  if (number % 3 != 0) values[S_TEXT] = value_string(slice_of(text));
  struct event event = {.time = source->time,
                        .sequence = (uint64_t)number + 1,
                        .position = {.offset = (uint64_t)number + 7},
                        .type = source->type,
                        .values = values};
  at_hand = number;
  for (unsigned side = 0; side < 2; side++)
    if (plan->types[side] == source->type) join_set_event(joins, side, &event, &env);
  memset(key, 'x', sizeof key);
  memset(text, 'x', sizeof text);
}

/* ---- the definition: all pairs ---- */

static bool where_holds(int kind, int left, int right) {
  if (kind == 0) return true;
  if (kind == 1) return left < right; /* numbers */
  return sources[right].time - sources[left].time > 1;
}

static void expect_row(int64_t time, int left, int right, int cause) {
  if (expected_count < ROWS_MAX) expected[expected_count++] = (struct row){time, left, right, cause};
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

/* In the order of causes, then of partners; the ones without a partner behind all events of their time. */
static int compare_rows(const void *a, const void *b) {
  const struct row *x = a, *y = b;
  if (x->time != y->time) return x->time < y->time ? -1 : 1;
  if ((x->cause < 0) != (y->cause < 0)) return x->cause < 0 ? 1 : -1;
  if (x->cause != y->cause) return x->cause < y->cause ? -1 : 1;
  if (x->cause < 0) {
    int one = x->left >= 0 ? x->left : x->right, other = y->left >= 0 ? y->left : y->right;
    if (one != other) return one < other ? -1 : 1;
    return (x->left < 0) - (y->left < 0);
  }
  bool x_left = x->left == x->cause, y_left = y->left == y->cause; /* with itself: as the right one */
  if (x->left == x->right) x_left = false;
  if (y->left == y->right) y_left = false;
  if (x_left != y_left) return x_left ? -1 : 1;
  return x_left ? (x->right > y->right) - (x->right < y->right) : (x->left > y->left) - (x->left < y->left);
}

static void expect_all_pairs(const struct join_plan *plan, int count, int where) {
  static bool matched[2][EVENTS_MAX];
  memset(matched, 0, sizeof matched);
  expected_count = 0;
  for (int left = 0; left < count; left++)
    for (int right = 0; right < count; right++) {
      const struct source *a = &sources[left], *b = &sources[right];
      if (a->type != plan->types[0] || b->type != plan->types[1]) continue;
      if (a->key == NULL || b->key == NULL || strcmp(a->key, b->key) != 0) continue;
      int64_t apart = b->time - a->time;
      if (apart < plan->low_us || apart > plan->high_us || !where_holds(where, left, right)) continue;
      matched[0][left] = matched[1][right] = true;
      expect_row(later(a->time, b->time), left, right, left > right ? left : right);
    }
  for (int i = 0; i < count; i++)
    for (int side = 0; side < 2; side++) {
      const struct source *one = &sources[i];
      if (!plan->keeps[side] || one->type != plan->types[side] || one->key == NULL || matched[side][i]) continue;
      int64_t deadline = one->time + (side == 0 ? plan->high_us : -plan->low_us);
      expect_row(later(deadline, one->time), side == 0 ? i : -1, side == 0 ? -1 : i, -1);
    }
  qsort(expected, expected_count, sizeof *expected, compare_rows);
}

static void expect_told(void) {
  EXPECT_INT(told_count, expected_count);
  for (size_t i = 0; i < told_count && i < expected_count; i++) {
    bool equal = told[i].time == expected[i].time && told[i].left == expected[i].left &&
                 told[i].right == expected[i].right && told[i].cause == expected[i].cause;
    if (equal) continue;
    printf("row %zu: %lld %d-%d by %d, expected %lld %d-%d by %d\n", i, (long long)told[i].time, told[i].left,
           told[i].right, told[i].cause, (long long)expected[i].time, expected[i].left, expected[i].right,
           expected[i].cause);
    EXPECT_TEXT("another", "the row");
    return;
  }
}

static const struct expr *where_of(int kind) {
  struct expr_node *two = arena_new(&arena, struct expr_node);
  *two = (struct expr_node){.op = EXPR_CONST, .type = TYPE(VALUE_DURATION), .value = value_duration(1)};
  if (kind == 1)
    return compiled(binary(EXPR_LESS, input(BANK_EVENT, S_NUMBER, VALUE_INT), input(BANK_OTHER, S_NUMBER, VALUE_INT)));
  return compiled(binary(EXPR_GREATER,
                         binary(EXPR_SUBTRACT, input(BANK_WINDOW, JOIN_RIGHT_TIME, VALUE_TIME),
                                input(BANK_WINDOW, JOIN_LEFT_TIME, VALUE_TIME)),
                         two));
}

TEST(all_pairs) {
  static const char *const keys[] = {"a", "b", "", "another key that is long", NULL};
  set_up();
  size_t pairs = 0, alone = 0;
  for (int round = 0; round < 1500; round++) {
    struct join_plan plan = plan_new((int64_t)(random_bits() % 41) - 20, 0);
    plan.high_us = plan.low_us + (int64_t)(random_bits() % 24) - 3; /* now and then high < low: nothing */
    plan.keeps[0] = random_bits() % 2;
    plan.keeps[1] = random_bits() % 2;
    if (random_bits() % 4 == 0) plan.types[1] = ORDER; /* with itself */
    int where = (int)(random_bits() % 3), count = (int)(random_bits() % 120), gap = 1 + (int)(random_bits() % 6);
    plan.where = where == 0 ? NULL : where_of(where);
    struct join_set *joins = join_new(&plan, 0);
    size_t empty = join_set_bytes(joins);
    int64_t time = -40;
    for (int i = 0; i < count; i++) {
      time += (int64_t)(random_bits() % (uint64_t)gap);
      sources[i] =
          (struct source){time, random_bits() % 2 ? ORDER : PAYMENT, keys[random_bits() % (i % 7 == 0 ? 5 : 2)]};
    }
    uint64_t nulls = 0;
    for (int i = 0; i < count; i++) {
      if (random_bits() % 3 == 0) join_set_time(joins, sources[i].time - (int64_t)(random_bits() % 3), &env);
      join_set_time(joins, sources[i].time, &env);
      EXPECT(join_set_deadline(joins) >= sources[i].time);
      feed(joins, &plan, i);
      for (int side = 0; side < 2; side++) nulls += sources[i].key == NULL && sources[i].type == plan.types[side];
    }
    join_set_time(joins, INT64_MAX, &env);
    expect_all_pairs(&plan, count, where);
    expect_told();
    struct join_counts c = join_set_counts(joins);
    EXPECT(c.told == told_count && c.null_key == nulls && c.kept == 0 && c.dropped == 0);
    EXPECT_INT(join_set_deadline(joins), INT64_MAX);
    EXPECT(join_set_bytes(joins) <= empty + (1 << 14)); /* scratch */
    pairs += c.told - c.alone;
    alone += c.alone;
    if (test_failed) {
      printf("round %d: low %lld, high %lld, keeps %d %d, where %d\n", round, (long long)plan.low_us,
             (long long)plan.high_us, plan.keeps[0], plan.keeps[1], where);
      break;
    }
  }
  EXPECT(pairs > 10000 && alone > 10000);
  tear_down();
}

/* ---- borders ---- */

static void put(int number, int64_t time, uint16_t type, const char *key) {
  sources[number] = (struct source){time, type, key};
}

TEST(ends_of_the_interval_count) {
  set_up();
  struct join_plan plan = plan_new(-5, 10);
  plan.keeps[0] = plan.keeps[1] = true;
  struct join_set *joins = join_new(&plan, 0);
  put(0, 100, ORDER, "a");
  put(1, 110, PAYMENT, "a"); /* exactly the deadline */
  put(2, 111, PAYMENT, "a"); /* one behind it */
  put(3, 116, ORDER, "a");   /* exactly the deadline of 2; one behind that of 1 */
  for (int i = 0; i < 4; i++) {
    join_set_time(joins, sources[i].time, &env);
    feed(joins, &plan, i);
  }
  EXPECT_INT(told_count, 2);
  EXPECT(told[0].time == 110 && told[0].left == 0 && told[0].right == 1);
  EXPECT(told[1].time == 116 && told[1].left == 3 && told[1].right == 2);
  join_set_time(joins, INT64_MAX, &env);
  EXPECT_INT(told_count, 2);
  tear_down();
}

TEST(alone_at_the_deadline) {
  set_up();
  struct join_plan plan = plan_new(-5, 10);
  plan.keeps[0] = plan.keeps[1] = true;
  struct join_set *joins = join_new(&plan, 0);
  put(0, 100, ORDER, "a");   /* 110 */
  put(1, 105, PAYMENT, "b"); /* 110 */
  put(2, 106, PAYMENT, "c"); /* 111 */
  put(3, 106, ORDER, NULL);  /* no partner can be told from another */
  for (int i = 0; i < 4; i++) feed(joins, &plan, i);
  EXPECT_INT(join_set_deadline(joins), 110);
  join_set_time(joins, 110, &env); /* events at 110 may come still */
  EXPECT_INT(told_count, 0);
  join_set_time(joins, 111, &env);
  EXPECT_INT(told_count, 2);
  EXPECT(told[0].time == 110 && told[0].left == 0 && told[0].right == -1 && told[0].cause == -1);
  EXPECT(told[1].time == 110 && told[1].left == -1 && told[1].right == 1);
  join_set_time(joins, INT64_MAX, &env);
  EXPECT_INT(told_count, 3);
  EXPECT(told[2].time == 111);
  struct join_counts c = join_set_counts(joins);
  EXPECT(c.told == 3 && c.alone == 3 && c.null_key == 1 && c.kept == 0);
  tear_down();
}

TEST(offsets_that_lie_behind) { /* payments 20 to 10 before the order: it can only have had its partner */
  set_up();
  struct join_plan plan = plan_new(-20, -10);
  plan.keeps[0] = true;
  struct join_set *joins = join_new(&plan, 0);
  put(0, 100, PAYMENT, "a");
  put(1, 110, ORDER, "a");
  put(2, 121, ORDER, "a");
  for (int i = 0; i < 3; i++) {
    join_set_time(joins, sources[i].time, &env);
    feed(joins, &plan, i);
  }
  EXPECT_INT(told_count, 1);
  EXPECT_INT(join_set_counts(joins).kept, 1); /* the one that is told alone; nothing waits for it */
  join_set_time(joins, 122, &env);
  EXPECT_INT(told_count, 2);
  EXPECT(told[1].left == 2 && told[1].right == -1 && told[1].time == 121); /* its own time */
  tear_down();
}

TEST(ends_of_time) {
  set_up();
  static const int64_t bounds[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
  for (size_t l = 0; l < 7; l++)
    for (size_t h = 0; h < 7; h++) {
      struct join_plan plan = plan_new(bounds[l], bounds[h]);
      plan.keeps[0] = plan.keeps[1] = true;
      struct join_set *joins = join_new(&plan, 0);
      put(0, INT64_MIN / 2, PAYMENT, "a");
      put(1, INT64_MAX / 2, ORDER, "a");
      put(2, INT64_MAX / 2, PAYMENT, "a");
      for (int i = 0; i < 3; i++) {
        join_set_time(joins, sources[i].time, &env);
        feed(joins, &plan, i);
      }
      join_set_time(joins, INT64_MAX, &env);
      bool near = bounds[l] <= 0 && bounds[h] >= 0, far = bounds[l] <= -INT64_MAX && bounds[h] >= -INT64_MAX;
      struct join_counts c = join_set_counts(joins);
      EXPECT_INT(c.told - c.alone, near + far);
      EXPECT_INT(c.alone, 3 - (near || far) - near - far);
      EXPECT_INT(c.kept, 0);
    }
  tear_down();
}

TEST(without_a_key) { /* all events meet */
  set_up();
  struct join_plan plan = plan_new(0, 100);
  plan.key_count = 0;
  const struct expr **entries = arena_array(&arena, const struct expr *, ENTRIES);
  memcpy(entries, plan.entries, ENTRIES * sizeof *entries);
  entries[E_KEY] = compiled(input(BANK_EVENT, S_KEY, VALUE_STRING));
  plan.entries = entries;
  struct join_set *joins = join_new(&plan, 0);
  put(0, 1, ORDER, "a");
  put(1, 2, ORDER, "a");
  put(2, 3, PAYMENT, "a");
  for (int i = 0; i < 3; i++) feed(joins, &plan, i);
  EXPECT_INT(told_count, 2);
  EXPECT(told[0].left == 0 && told[1].left == 1);
  tear_down();
}

TEST(the_oldest_goes_first) {
  set_up();
  struct join_plan plan = plan_new(-1000, 1000);
  plan.keeps[0] = true;
  struct join_set *joins = join_new(&plan, 3);
  put(0, 1, ORDER, "a");
  put(1, 2, PAYMENT, "b");
  put(2, 3, ORDER, "c");
  put(3, 4, ORDER, "b"); /* a pair; then 0 is forgotten */
  put(4, 5, PAYMENT, "a");
  for (int i = 0; i < 5; i++) feed(joins, &plan, i);
  EXPECT_INT(told_count, 1);
  EXPECT(told[0].left == 3 && told[0].right == 1);
  struct join_counts c = join_set_counts(joins);
  EXPECT(c.kept == 3 && c.dropped == 2);
  join_set_time(joins, INT64_MAX, &env);
  c = join_set_counts(joins);
  EXPECT(c.kept == 0 && c.alone == 1); /* 2; of 0 nothing is known any more */
  tear_down();
}

TEST(keys_that_come_and_go_leave_nothing) {
  set_up();
  struct join_plan plan = plan_new(-50, 50);
  struct join_set *joins = join_new(&plan, 0);
  size_t settled = 0;
  static char names[EVENTS_MAX][32];
  for (int64_t time = 0; time < 200000; time++) {
    int i = (int)(time % EVENTS_MAX);
    snprintf(names[i], sizeof names[i], "key %08lld", (long long)(time / 2)); /* each key twice */
    put(i, time, time % 2 ? ORDER : PAYMENT, names[i]);
    join_set_time(joins, time, &env);
    feed(joins, &plan, i);
    EXPECT(join_set_counts(joins).kept <= 51);
    if (time == 1000) settled = join_set_bytes(joins);
  }
  EXPECT_INT(join_set_bytes(joins), settled);
  EXPECT_INT(told_count, 100000);
  tear_down();
}

TEST_MAIN
