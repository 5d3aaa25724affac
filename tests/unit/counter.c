/* floors: engine rules nfa base */
/* Counters against a brute-force reference, which recomputes every answer from the whole list of events: random sets of
 * counters over streams with equal times, times on borders, long silences, nulls, sums out of range. */
#include "counter_plan.h"
#include "engine/counter_private.h"

static uint64_t random_state;
static int64_t any(int64_t low, int64_t high) { /* xorshift64* by Vigna */
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  uint64_t number = random_state * 0x2545F4914F6CDD1Du >> 11;
  return low + (int64_t)(number % (uint64_t)(high - low + 1));
}
static bool chance(int percent) { return any(1, 100) <= percent; }

/* ---- random events ---- */

struct style {   /* of one run */
  int nulls;     /* per cent */
  int extremes;  /* per cent of numbers near the ends of their types */
  int words;     /* per cent of ints near those of 32 bits, and larger */
  int64_t range; /* of values, so that they repeat */
  bool dense;    /* windows of many events */
};

static struct value any_text(const struct style *style) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
  int64_t number = any(0, style->range < 20 ? style->range : 20);
  return value_string((struct slice){letters + number, (size_t)(number * 3 / 2)}); /* short and long ones */
}

static struct value any_number(const struct style *style, uint8_t kind) {
  static const int64_t ends[] = {INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1, INT64_MAX / 2, 1, -1, 0};
  static const int64_t words[] = {INT32_MAX,  INT32_MIN,        INT32_MAX + INT64_C(1), INT32_MIN - INT64_C(1),
                                  UINT32_MAX, INT64_C(1) << 32, -(INT64_C(1) << 40),    INT64_C(1) << 50};
  static const double float_ends[] = {1e300, -1e300, 0x1p66, -0x1p66, 0x1p67, 0x1.fffffffffffffp66, 1e-30, 0x1p-61};
  bool extreme = chance(style->extremes);
  if (kind == VALUE_FLOAT)
    return value_float(extreme ? float_ends[any(0, 7)] : (double)any(-style->range, style->range) / 16.0);
  if (style->words > 0 && chance(style->words)) return (struct value){.i = words[any(0, 7)], .kind = kind};
  return (struct value){.i = extreme ? ends[any(0, 7)] : any(-style->range, style->range), .kind = kind};
}

static void any_event(const struct style *style, struct value fields[FIELDS]) {
  static const uint8_t v6[4][16] = {{0x20, 1}, {0x20, 2}, {0xfe, 0x80}, {0}};
  static struct value words[3];
  fields[F_INT] = any_number(style, VALUE_INT);
  fields[F_MONEY] = any_number(style, VALUE_DECIMAL);
  fields[F_MONEY].scale = 2;
  fields[F_FLOAT] = any_number(style, VALUE_FLOAT);
  fields[F_TEXT] = any_text(style);
  fields[F_WAIT] = any_number(style, VALUE_DURATION);
  fields[F_YES] = value_bool(chance(60));
  fields[F_IP] = (struct value){.kind = VALUE_IP, .length = 4, .i = any(0, 3)};
  if (chance(50)) fields[F_IP] = (struct value){.kind = VALUE_IP, .length = 16, .ip = v6[any(0, 3)]};
  fields[F_AT] = value_time(any(0, style->range));
  for (int i = 0; i < 3; i++) words[i] = any_text(style);
  fields[F_WORDS] = (struct value){.list = words, .length = (uint32_t)any(0, 3), .kind = VALUE_LIST};
  fields[F_BIG] = value_bool(chance(5));
  for (int i = 0; i < FIELDS; i++)
    if (chance(style->nulls)) fields[i] = value_null();
}

/* ---- random counters ---- */

static bool orders(uint16_t column) { return column != F_YES && column != F_BIG && column != F_WORDS; }
static bool adds(uint16_t column) {
  return column == F_INT || column == F_MONEY || column == F_FLOAT || column == F_WAIT || column == C_TRIPLE;
}

static struct counter_window any_window(int64_t unit) {
  struct counter_window window = {.over_us = -1};
  switch (any(0, 6)) {
  case 0:
  case 1: window.span = SPAN_DURATION, window.over_us = any(1, 20) * unit; break;
  case 2: window.span = SPAN_PREVIOUS, window.over_us = any(1, 20) * unit; break;
  case 3: window.span = SPAN_LAST, window.last = any(1, 40); break;
  case 4: window.span = SPAN_LAST, window.last = any(1, 40), window.over_us = any(1, 20) * unit; break;
  case 5: window.span = SPAN_TODAY; break;
  default: window.span = SPAN_EVER, window.over_us = any(1, 20) * unit; break;
  }
  return window;
}

static void any_counter(struct counting_fixture *c, int64_t unit) {
  static const enum aggregate top_orders[] = {AGG_COUNT, AGG_SUM, AGG_AVG, AGG_MIN, AGG_MAX};
  struct counter_window window = any_window(unit);
  if (chance(8)) {
    counting_special(c, COUNTER_SEEN, (uint16_t)any(0, COLUMNS - 1), counting_over(any(1, 30) * unit));
    return;
  }
  if (chance(6)) {
    counting_special(c, COUNTER_PREVIOUS, (uint16_t)any(0, COLUMNS - 1),
                     (struct counter_window){.span = SPAN_EVER, .over_us = any(1, 50) * unit});
    return;
  }
  struct aggregate_plan plan = counting_plan((enum aggregate)any(AGG_COUNT, AGG_RATE), (uint16_t)any(0, COLUMNS - 1));
  if (chance(35)) plan.where = chance(70) ? F_YES : F_BIG;
  switch (plan.kind) {
  case AGG_COUNT:
  case AGG_RATE: plan.column = NO_COLUMN; break;
  case AGG_SUM:
  case AGG_AVG:
  case AGG_STDDEV:
  case AGG_MEDIAN:
  case AGG_PERCENTILE:
  case AGG_EWMA:
    while (!adds(plan.column) || (plan.kind == AGG_STDDEV && plan.column == F_WAIT))
      plan.column = (uint16_t)any(0, COLUMNS - 1);
    break;
  case AGG_MIN:
  case AGG_MAX:
    while (!orders(plan.column)) plan.column = (uint16_t)any(0, COLUMNS - 1);
    break;
  case AGG_TOP:
  case AGG_COLLECT:
  case AGG_DISTINCT:
    if (plan.column == F_WORDS) plan.column = F_TEXT;
    break;
  default: break;
  }
  if (plan.kind == AGG_PERCENTILE) plan.parameter = any(1, 100);
  if (plan.kind == AGG_NTH || plan.kind == AGG_COLLECT || plan.kind == AGG_TOP) plan.parameter = any(1, 12);
  if (plan.kind == AGG_EWMA) plan.parameter = any(1, 4) * unit;
  if (plan.kind == AGG_TOP) {
    while (!orders(plan.column)) plan.column = (uint16_t)any(0, COLUMNS - 1);
    plan.order = top_orders[any(0, 4)];
    if (plan.order != AGG_COUNT) plan.order_column = (uint16_t)any(0, COLUMNS - 1);
    while (plan.order != AGG_COUNT &&
           (plan.order == AGG_SUM || plan.order == AGG_AVG ? !adds(plan.order_column) : !orders(plan.order_column)))
      plan.order_column = (uint16_t)any(0, COLUMNS - 1);
  }
  counting_ask(c, window, plan);
}

/* Counters that are added and asked in one go: counts and sums, different values. PLAIN_FEW, PLAIN_FEW_BOTH: up to two
 * sums, or one and different values, and other ways are rarely gone, so that states stay packed. */
enum plain { NOT_PLAIN, PLAIN_SUMS, PLAIN_VALUES, PLAIN_BOTH, PLAIN_FEW, PLAIN_FEW_BOTH };

static void any_plain_counter(struct counting_fixture *c, enum plain plain, uint16_t column, int64_t unit) {
  static const uint16_t sums[] = {F_INT, F_MONEY, F_WAIT};
  const int64_t over = any(1, plain >= PLAIN_FEW ? 2 : 20) * unit + (plain >= PLAIN_FEW && chance(2));
  if (plain == PLAIN_VALUES || ((plain == PLAIN_BOTH || plain == PLAIN_FEW_BOTH) && chance(50))) {
    counting_ask(c, counting_over(over), counting_plan(AGG_DISTINCT, column));
  } else if (chance(40)) {
    counting_ask(c, counting_over(over), counting_plan(AGG_COUNT, NO_COLUMN));
  } else {
    counting_ask(c, counting_over(over),
                 counting_plan(AGG_SUM, sums[plain == PLAIN_FEW_BOTH ? 0 : any(0, plain == PLAIN_FEW ? 1 : 2)]));
  }
}

static int64_t any_step(int64_t unit, bool dense) {
  if (dense && !chance(1)) return chance(50) ? 0 : any(0, unit / 20);
  int64_t step = chance(40) ? 0 : chance(60) ? any(0, unit / 2) : any(0, 3) * unit;
  if (chance(2)) step = any(5, 40) * unit;
  if (chance(1) && chance(30)) step = 400 * TIME_DAY_US;
  return step;
}

static void print_difference(const struct counting_fixture *c, uint16_t counter, int64_t time, struct value told,
                             struct value expected) {
  struct buf text;
  const struct counter_plan *plan = &c->plans[counter];
  buf_init(&text, c->mem);
  value_json(&text, told);
  buf_str(&text, ", expected ");
  value_json(&text, expected);
  printf(
      "kind %d aggregate %d column %d where %d span %d over %lld last %lld parameter %lld order %d/%d after %u events "
      "at %lld: %s\n",
      plan->kind, plan->aggregate.kind, plan->column, plan->aggregate.where, c->windows[plan->window].span,
      (long long)c->windows[plan->window].over_us, (long long)c->windows[plan->window].last,
      (long long)plan->aggregate.parameter, plan->aggregate.order, plan->aggregate.order_column, c->event_count,
      (long long)time, buf_text(&text));
}

static bool as_expected(struct counting_fixture *c, uint16_t counter, int64_t time, struct value operand,
                        struct value told, uint64_t overflow, struct arena *arena) {
  struct expr_counts counts = {0};
  struct value expected = counting_reference(c, counter, c->event_count, time, operand, arena, &counts);
  if (c->plans[counter].aggregate.kind == AGG_TOP) overflow = UINT64_MAX; /* sums that only order are not counted */
  bool same = same_told(told, expected) && (overflow == UINT64_MAX || overflow == counts.overflow);
  if (!same) print_difference(c, counter, time, told, expected);
  return same;
}

struct asking {                             /* the counters of one run, as an event asks them */
  struct counter_ask asks[2][COUNTERS_MAX]; /* after, before the event is added */
  uint32_t counts[2];
  struct counter_group *groups[2];
  const struct counter_quick *quick;
  uint32_t quick_count;                     /* that are asked so, of those after */
  struct value told[FIELDS + COUNTERS_MAX]; /* the event's fields, then what counters say */
  int asked;                                /* per cent of the counters */
  int one_by_one, otherwise;                /* per cent of the times that they are asked, of the events added */
  int taken;                                /* events that were added and asked in one go */
  int packed;                               /* of them to a packed state */
};

static void make_asks(struct counting_fixture *c, struct asking *asking) {
  for (uint16_t i = 0; i < c->ruleset.counter_count; i++) {
    const struct counter_plan *plan = &c->plans[i];
    struct counter_ask ask = {.counter = i, .slot = (uint16_t)(FIELDS + i)};
    if (plan->kind == COUNTER_SEEN) ask.operand = c->columns[plan->column].expr;
    asking->asks[plan->before][asking->counts[plan->before]++] = ask;
  }
  for (int before = 0; before < 2; before++)
    asking->groups[before] = counters_group(c->counters, asking->asks[before], asking->counts[before]);
  asking->quick_count = chance(100 - asking->otherwise) || asking->counts[0] == 0 ? asking->counts[0]
                                                                                  : (uint32_t)any(0, asking->counts[0]);
  const struct counter_group *behind = NULL;
  if (asking->quick_count > 0) behind = counters_group(c->counters, asking->asks[0], asking->quick_count);
  asking->quick = counters_quick(c->counters, 0, behind);
}

/* One by one, or all together, or told already. */
static bool ask(struct counting_fixture *c, struct asking *asking, bool before, bool told, int64_t time,
                struct arena *arena) {
  bool together = told || !chance(asking->one_by_one);
  uint64_t overflow = UINT64_MAX;
  if (together && !told) {
    c->env.counts = &c->counts;
    counters_ask_group(c->counters, asking->groups[before], &c->state, time, asking->told, &c->env);
    c->env.counts = &c->column_counts;
  }
  for (uint32_t i = 0; i < asking->counts[before]; i++) {
    const struct counter_ask *ask = &asking->asks[before][i];
    struct value operand = ask->operand == NULL ? value_null() : expr_eval(ask->operand, &c->env);
    if (!chance(asking->asked)) continue;
    if (!together || (told && i >= asking->quick_count)) {
      overflow = c->counts.overflow;
      asking->told[ask->slot] = counting_value(c, ask->counter, time, operand);
      overflow = c->counts.overflow - overflow;
    }
    if (!as_expected(c, ask->counter, time, operand, asking->told[ask->slot], overflow, arena)) return false;
  }
  return true;
}

/* The event is added and the counters behind it are asked in one go. False: that is not the way for this one. */
static bool take(struct counting_fixture *c, struct asking *asking, int64_t time, const struct value *fields) {
  if (asking->quick == NULL || chance(asking->otherwise)) return false;
  memcpy(asking->told, fields, FIELDS * sizeof *fields);
  struct event event = {.time = time, .values = asking->told};
  if (!counters_take(c->counters, asking->quick, &c->state, c->annex, &event)) return false;
  counting_know(c, time, fields);
  asking->taken++;
  asking->packed += is_packed(c->state);
  return true;
}

/* One random set of counters over one random stream. */
static bool run(uint64_t seed, int events, enum plain plain, struct asking *sum) {
  static const int64_t units[] = {4, 1000000, 3600000000, 40000000000};
  random_state = seed * 2654435761u + 88172645463325252u;
  struct counting_fixture *c = counting_new();
  struct arena arena;
  arena_init(&arena, c->mem, 1 << 14);
  int64_t unit = units[any(0, 3)];
  struct style style = {.nulls = chance(50) ? 0 : (int)any(1, 30),
                        .extremes = chance(70) ? 0 : (int)any(1, 20),
                        .range = chance(50) ? 5 : 2000,
                        .dense = chance(events > 1000 ? 70 : 20)};
  int counters = (int)any(1, chance(70) ? 4 : plain != NOT_PLAIN ? 12 : 20);
  uint16_t column = (uint16_t)any(F_INT, F_AT);             /* of different values */
  bool few = plain >= PLAIN_FEW, whole = few && chance(50); /* times in milliseconds */
  struct asking asking = {
      .asked = (int)any(5, 100), .one_by_one = few ? (int)any(0, 2) : 50, .otherwise = few ? (int)any(0, 2) : 20};
  for (int i = 0; i < counters; i++) {
    if (plain != NOT_PLAIN)
      any_plain_counter(c, plain, column, unit);
    else
      any_counter(c, unit);
  }
  counting_start(c);
  if (few) {
    style.nulls = style.nulls > 0;
    style.extremes = style.extremes > 0;
    style.words = chance(50) ? 0 : (int)any(1, 20);
    style.dense = false;
    c->annex = c->room;
  }
  make_asks(c, &asking);
  int64_t time = any(-1000, 1000) * unit;
  bool good = true;
  for (int e = 0; e < events && good; e++) {
    struct value fields[FIELDS];
    any_event(&style, fields);
    time += any_step(unit, style.dense);
    if (whole && !chance(1)) time += (1000 - time % 1000) % 1000;
    if (chance(20)) counters_time(c->counters, 0, &c->state, time);
    c->env.banks[BANK_EVENT] = fields;
    good = ask(c, &asking, true, false, time, &arena);
    bool adds_one = good && chance(85); /* else it only asks */
    bool told = adds_one && take(c, &asking, time, fields);
    if (adds_one && !told) counting_add_known(c, time, fields);
    good = good && ask(c, &asking, false, told, time, &arena);
    arena_reset(&arena);
    arena_reset(&c->scratch);
  }
  if (c->state != NULL) {
    counters_time(c->counters, 0, &c->state, INT64_MAX - 1);
    good &= c->state == NULL;
  }
  good &= c->counters->entries[0] == 0 && c->counters->outside[0] == 0 && pool_used(&c->pool) == 0;
  counting_free(c);
  if (!good) printf("seed %llu\n", (unsigned long long)seed);
  sum->taken += asking.taken;
  sum->packed += asking.packed;
  return good;
}

TEST(random_counters_say_what_the_list_of_events_says) {
  enum { ROUNDS = 1500, EVENTS = 250 };
  struct asking sum = {0};
  for (uint64_t seed = 1; seed <= ROUNDS && !test_failed; seed++) EXPECT(run(seed, EVENTS, NOT_PLAIN, &sum));
  EXPECT(sum.taken > 0 &&
         sum.taken < ROUNDS * EVENTS / 20); /* few sets are plain: it is the ordinary way that is tried */
}

TEST(what_is_added_and_asked_in_one_go_says_the_same) {
  enum { ROUNDS = 700, EVENTS = 250 };
  struct asking sums = {0}, values = {0}, both = {0}, few = {0}, few_both = {0};
  for (uint64_t seed = 1; seed <= ROUNDS && !test_failed; seed++) {
    EXPECT(run(200000 + seed, EVENTS, PLAIN_SUMS, &sums));
    EXPECT(run(300000 + seed, EVENTS, PLAIN_VALUES, &values));
    EXPECT(run(400000 + seed, EVENTS, PLAIN_BOTH, &both));
    EXPECT(run(500000 + seed, EVENTS, PLAIN_FEW, &few));
    EXPECT(run(600000 + seed, EVENTS, PLAIN_FEW_BOTH, &few_both));
  }
  enum { MANY = ROUNDS * EVENTS / 10 };
  EXPECT(sums.taken > MANY && values.taken > MANY && both.taken > MANY && few.packed > MANY / 2 &&
         few_both.packed > MANY / 4);
}

static struct value fields_of[FIELDS];
static struct value *with_int(int64_t number) {
  memset(fields_of, 0, sizeof fields_of);
  fields_of[F_INT] = value_int(number);
  return fields_of;
}

/* A row of few values beside a sketch of a longer window: both must be fed. */
TEST(few_values_beside_a_sketch_say_the_same) {
  enum { MANY = 1200, EVENTS = 6000 };
  struct counting_fixture *fixtures[2] = {counting_new(), counting_new()};
  struct asking askings[2] = {{.asked = 100, .otherwise = 20}, {.asked = 100, .otherwise = 20}};
  int taken = 0;
  for (int i = 0; i < 2; i++) {
    counting_ask(fixtures[i], counting_over(20), counting_plan(AGG_DISTINCT, F_INT));
    counting_ask(fixtures[i], counting_over(30 * MANY), counting_plan(AGG_DISTINCT, F_INT));
    counting_start(fixtures[i]);
    random_state = 0; /* all are asked together */
    make_asks(fixtures[i], &askings[i]);
  }
  random_state = 88172645463325252u;
  for (int64_t e = 0; e < EVENTS; e++) {
    int64_t time = e * 12;
    const struct value *fields = with_int(e < MANY ? e : e % 2);
    bool quick = take(fixtures[1], &askings[1], time, fields);
    counting_add(fixtures[0], time, fields);
    if (!quick) counting_add(fixtures[1], time, fields);
    taken += quick;
    for (uint16_t counter = 0; counter < 2; counter++) {
      int64_t expected = counting_get(fixtures[0], counter, time).i;
      EXPECT_INT(counting_get(fixtures[1], counter, time).i, expected);
      if (quick) EXPECT_INT(askings[1].told[FIELDS + counter].i, expected);
    }
  }
  EXPECT(taken > 0 && taken < EVENTS);
  for (int i = 0; i < 2; i++) counting_free(fixtures[i]);
}

TEST(random_counters_over_longer_streams) {
  enum { ROUNDS = 20, EVENTS = 3000 };
  struct asking sum = {0};
  for (uint64_t seed = 1; seed <= ROUNDS && !test_failed; seed++) EXPECT(run(100000 + seed, EVENTS, NOT_PLAIN, &sum));
  EXPECT(sum.taken < ROUNDS * EVENTS / 20);
}

/* ---- borders ---- */

TEST(a_window_is_open_at_its_old_end) {
  struct counting_fixture *c = counting_new();
  uint16_t count = counting_ask(c, counting_over(60), counting_plan(AGG_COUNT, NO_COLUMN));
  uint16_t sum = counting_ask(c, counting_over(60), counting_plan(AGG_SUM, F_INT));
  counting_start(c);
  EXPECT_INT(counting_get(c, count, 0).i, 0);
  EXPECT(same_told(counting_get(c, sum, 0), value_int(0)));
  counting_add(c, 100, with_int(7));
  counting_add(c, 100, with_int(8));
  counting_add(c, 101, with_int(9));
  EXPECT_INT(counting_get(c, count, 159).i, 3);
  EXPECT_INT(counting_get(c, count, 160).i, 1); /* those of 100 are 60 old: out */
  EXPECT_INT(counting_get(c, sum, 160).i, 9);
  EXPECT_INT(counting_get(c, count, 161).i, 0);
  EXPECT_INT(counting_get(c, sum, 161).i, 0);
  counting_free(c);
}

TEST(state_goes_when_nothing_can_be_seen) {
  struct counting_fixture *c = counting_new();
  uint16_t count = counting_ask(c, counting_over(60), counting_plan(AGG_COUNT, NO_COLUMN));
  counting_start(c);
  EXPECT_INT(counters_deadline(c->state), INT64_MAX);
  counting_add(c, 100, with_int(1));
  counting_add(c, 110, with_int(1));
  EXPECT_INT(counters_deadline(c->state), 170);
  counters_time(c->counters, 0, &c->state, 169);
  EXPECT(c->state != NULL);
  EXPECT_INT(counting_get(c, count, 169).i, 1);
  counters_time(c->counters, 0, &c->state, 170);
  EXPECT(c->state == NULL);
  EXPECT_INT(counting_get(c, count, 170).i, 0);
  EXPECT_INT(pool_used(&c->pool), 0);
  counting_free(c);
}

TEST(ever_stands_until_the_key_was_silent_for_so_long) {
  struct counting_fixture *c = counting_new();
  struct counter_window ever = {.span = SPAN_EVER, .over_us = 60};
  uint16_t count = counting_ask(c, ever, counting_plan(AGG_COUNT, NO_COLUMN));
  uint16_t previous = counting_special(c, COUNTER_PREVIOUS, F_INT, ever);
  counting_start(c);
  counting_add(c, 100, with_int(5));
  EXPECT_INT(counting_get(c, count, 159).i, 1);
  EXPECT_INT(counting_get(c, previous, 159).i, 5);
  EXPECT_INT(counting_get(c, count, 160).i, 0);
  EXPECT(value_is_null(counting_get(c, previous, 160)));
  EXPECT_INT(counters_deadline(c->state), 160);
  counting_add(c, 159, with_int(6));
  EXPECT_INT(counting_get(c, count, 159).i, 2);
  counting_add(c, 219, with_int(6));
  EXPECT_INT(counting_get(c, count, 219).i, 1);
  counters_time(c->counters, 0, &c->state, 278);
  EXPECT(c->state != NULL);
  counters_time(c->counters, 0, &c->state, 279);
  EXPECT(c->state == NULL);
  counting_free(c);
}

static const struct zone *made_zone(struct counting_fixture *c, const char *rule) {
  struct buf file;
  struct err err;
  buf_init(&file, c->mem);
  for (int part = 0; part < 2; part++) {
    buf_add(&file, "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20); /* no counts, but one type and its name */
    buf_add(&file, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4", 24);
    buf_add(&file, "\0\0\0\0\0\0UTC", 10);
  }
  buf_byte(&file, '\n');
  buf_str(&file, rule);
  buf_byte(&file, '\n');
  const struct zone *zone = zone_parse(&c->arena, SLICE("Made/Zone"), buf_view(&file), &err);
  EXPECT(zone != NULL);
  return zone;
}

static int64_t utc(const char *text) {
  int64_t us = 0;
  EXPECT(time_parse(slice_of(text), &us) == NULL);
  return us;
}

TEST(today_is_the_day_of_the_zone) {
  struct counting_fixture *c = counting_new();
  const struct zone *zone = made_zone(c, "CET-1CEST,M3.5.0,M10.5.0/3");
  struct counter_window today = {.span = SPAN_TODAY, .over_us = -1, .zone = zone};
  uint16_t count = counting_ask(c, today, counting_plan(AGG_COUNT, NO_COLUMN));
  uint16_t rate = counting_ask(c, today, counting_plan(AGG_RATE, NO_COLUMN));
  counting_start(c);
  counting_add(c, utc("2026-10-24T21:59:59Z"), with_int(1)); /* 23:59:59 */
  EXPECT_INT(counting_get(c, count, utc("2026-10-24T21:59:59Z")).i, 1);
  EXPECT_INT(counters_deadline(c->state), utc("2026-10-24T22:00:00Z"));
  EXPECT_INT(counting_get(c, count, utc("2026-10-24T22:00:00Z")).i, 0);
  counting_add(c, utc("2026-10-24T22:30:00Z"), with_int(1)); /* 0:30 of the day with 25 hours */
  counting_add(c, utc("2026-10-25T22:30:00Z"), with_int(1)); /* 23:30 */
  EXPECT_INT(counting_get(c, count, utc("2026-10-25T22:59:59Z")).i, 2);
  EXPECT(counting_get(c, rate, utc("2026-10-25T22:00:00Z")).f == 2.0 / (24 * 3600));
  int64_t deadline = counters_deadline(c->state), end = utc("2026-10-25T23:00:00Z");
  EXPECT(deadline <= end);
  while (c->state != NULL && deadline < end) { /* it may be told early, but time goes on */
    counters_time(c->counters, 0, &c->state, deadline);
    EXPECT(c->state != NULL && counters_deadline(c->state) > deadline);
    deadline = counters_deadline(c->state);
  }
  EXPECT_INT(deadline, end);
  EXPECT_INT(counting_get(c, count, end).i, 0);
  counters_time(c->counters, 0, &c->state, end);
  EXPECT(c->state == NULL);
  counting_add(c, utc("2027-03-28T00:30:00Z"), with_int(1)); /* 1:30 of a day with 23 hours */
  EXPECT_INT(counters_deadline(c->state), utc("2027-03-28T22:00:00Z"));
  counting_free(c);
}

TEST(sums_out_of_range_are_null_counted_and_come_back) {
  struct counting_fixture *c = counting_new();
  uint16_t sum = counting_ask(c, counting_over(10), counting_plan(AGG_SUM, F_INT));
  uint16_t avg = counting_ask(c, counting_over(10), counting_plan(AGG_AVG, F_INT));
  counting_start(c);
  counting_add(c, 1, with_int(INT64_MAX));
  EXPECT(same_told(counting_get(c, sum, 1), value_int(INT64_MAX)));
  counting_add(c, 2, with_int(1));
  EXPECT(value_is_null(counting_get(c, sum, 2)));
  EXPECT_INT(c->counts.overflow, 1);
  EXPECT(counting_get(c, avg, 2).f == 0x1p62);
  counting_add(c, 3, with_int(-5));
  EXPECT(same_told(counting_get(c, sum, 3), value_int(INT64_MAX - 4)));
  EXPECT(same_told(counting_get(c, sum, 11), value_int(-4)));
  EXPECT_INT(c->counts.overflow, 1);
  counting_free(c);
}

/* ---- limits ---- */

TEST(the_oldest_event_is_forgotten_beyond_the_limit) {
  struct counting_fixture *c = counting_new();
  uint16_t count = counting_ask(c, counting_over(1000000), counting_plan(AGG_COUNT, NO_COLUMN));
  uint16_t sum = counting_ask(c, counting_over(1000000), counting_plan(AGG_SUM, F_INT));
  uint16_t min = counting_ask(c, counting_over(1000000), counting_plan(AGG_MIN, F_INT));
  uint16_t middle = counting_ask(c, counting_over(1000000), counting_plan(AGG_MEDIAN, F_INT));
  uint16_t few = counting_ask(c, counting_last(3, -1), counting_plan(AGG_SUM, F_INT));
  counting_start(c);
  counters_set_limits(c->counters, 100, 1000);
  for (int i = 1; i <= 250; i++) {
    counting_add(c, i, with_int(i));
    EXPECT_INT(counting_get(c, count, i).i, i < 100 ? i : 100);
    EXPECT_INT(counting_get(c, min, i).i, i < 100 ? 1 : i - 99);
  }
  EXPECT_INT(counting_get(c, sum, 250).i, (151 + 250) * 50);
  EXPECT(counting_get(c, middle, 250).f == 200.5);
  EXPECT_INT(counting_get(c, few, 250).i, 248 + 249 + 250);
  EXPECT_INT(counters_limits(c->counters).window_events, 150);
  counting_free(c);
}

TEST(seen_forgets_the_oldest_value_beyond_the_limit) {
  struct counting_fixture *c = counting_new();
  uint16_t seen = counting_special(c, COUNTER_SEEN, F_INT, counting_over(1000000));
  counting_start(c);
  counters_set_limits(c->counters, 1000, 64);
  for (int i = 0; i < 100; i++) {
    EXPECT(same_told(counting_value(c, seen, i, value_int(i)), value_bool(false)));
    counting_add(c, i, with_int(i));
    EXPECT(same_told(counting_value(c, seen, i, value_int(i)), value_bool(true)));
  }
  EXPECT(value_is_null(counting_value(c, seen, 100, value_null())));
  int known = 0;
  for (int i = 0; i < 100; i++) known += counting_value(c, seen, 100, value_int(i)).i != 0;
  EXPECT_INT(known, 64);
  EXPECT_INT(counters_limits(c->counters).values, 36);
  EXPECT(same_told(counting_value(c, seen, 100, value_int(35)), value_bool(false)));
  EXPECT(same_told(counting_value(c, seen, 100, value_int(36)), value_bool(true)));
  counting_free(c);
}

/* Waves of more and fewer different values, so that rows of few become logs and rows again; told against the list. */
TEST(few_values_become_many_and_few_again) {
  struct counting_fixture *c = counting_new();
  enum { EVENTS = 6000, SHORT = 40, LONG = 97, VALUES = 41 };
  uint16_t near = counting_ask(c, counting_over(SHORT), counting_plan(AGG_DISTINCT, F_INT));
  uint16_t far = counting_ask(c, counting_over(LONG), counting_plan(AGG_DISTINCT, F_INT));
  uint16_t seen = counting_special(c, COUNTER_SEEN, F_INT, counting_over(LONG + 5));
  counting_start(c);
  int64_t last[VALUES];
  for (int v = 0; v < VALUES; v++) last[v] = INT64_MIN / 2;
  int wrong = 0;
  size_t most = 0, least = SIZE_MAX;
  for (int64_t i = 0, time = 0; i < EVENTS; i++) {
    int64_t wave = i / 300 % 4, count = wave == 0 ? 3 : wave == 1 ? VALUES : wave == 2 ? 7 : 9;
    time += i % 3 + (i % 997 == 0 ? 2 * LONG : 0);
    int64_t value = (i * i / 7 + i) % count;
    counting_add(c, time, with_int(value));
    last[value] = time;
    int64_t in_short = 0, in_long = 0, asked = (i * 5) % VALUES;
    for (int v = 0; v < VALUES; v++) {
      in_short += last[v] > time - SHORT;
      in_long += last[v] > time - LONG;
    }
    wrong += counting_get(c, near, time).i != in_short;
    wrong += counting_get(c, far, time).i != in_long;
    bool known = counting_value(c, seen, time, value_int(asked)).i != 0;
    wrong += known != (last[asked] > time - LONG - 5);
    if (i > 300 && pool_used(&c->pool) > most) most = pool_used(&c->pool);
    if (i > 300 && pool_used(&c->pool) < least) least = pool_used(&c->pool);
  }
  EXPECT_INT(wrong, 0);
  EXPECT(most > 1000 && least < 250); /* it was both */
  counting_free(c);
}

/* ---- memory ---- */

TEST(small_states_are_small) {
  struct counting_fixture *c = counting_new();
  c->annex = NULL;
  counting_ask(c, counting_over(60000000), counting_plan(AGG_COUNT, NO_COLUMN));
  counting_ask(c, counting_over(60000000), counting_plan(AGG_SUM, F_MONEY));
  counting_start(c);
  fields_of[F_MONEY] = value_decimal(100, 2);
  counting_add(c, 1, fields_of);
  EXPECT_INT(pool_used(&c->pool), 48);
  counting_add(c, 2, fields_of);
  EXPECT_INT(pool_used(&c->pool), 64);
  struct counter_sizes sizes = counters_sizes(&c->ruleset, 0);
  EXPECT_INT(sizes.state, 32);
  EXPECT_INT(sizes.event, 16);
  counting_free(c);
}

/* As many events in a window as there may be, and no more: of a packed state too. */
TEST(packed_states_keep_to_the_limit_of_a_window) {
  struct counting_fixture *c = counting_new();
  uint16_t count = counting_ask(c, counting_over(60000000), counting_plan(AGG_COUNT, NO_COLUMN));
  counting_start(c);
  counters_set_limits(c->counters, 2, 100);
  struct asking asking = {.asked = 100};
  random_state = 0;
  c->annex = c->room;
  make_asks(c, &asking);
  for (int64_t time = 1; time <= 4; time++) {
    EXPECT(take(c, &asking, time, with_int(1)));
    EXPECT(is_packed(c->state) == (time <= 2));
    EXPECT_INT(asking.told[FIELDS + count].i, time < 2 ? time : 2);
  }
  EXPECT_INT(counters_limits(c->counters).window_events, 2);
  counting_free(c);
}

/* Sums of two values, or different values beside one, have room in a packed event. */
TEST(states_of_too_many_values_are_not_packed) {
  struct counting_fixture *c = counting_new();
  struct asking asking = {.asked = 100};
  uint16_t ints = counting_ask(c, counting_over(100), counting_plan(AGG_SUM, F_INT));
  uint16_t amounts = counting_ask(c, counting_over(100), counting_plan(AGG_SUM, F_MONEY));
  uint16_t different = counting_ask(c, counting_over(100), counting_plan(AGG_DISTINCT, F_INT));
  counting_start(c);
  random_state = 0;
  c->annex = c->room;
  make_asks(c, &asking);
  for (int64_t time = 1; time <= 6; time++) {
    struct value *fields = with_int(time / 2);
    fields[F_MONEY] = value_decimal(100, 2);
    EXPECT(take(c, &asking, time, fields) && !is_packed(c->state));
    EXPECT_INT(asking.told[FIELDS + ints].i, time / 2 * ((time + 1) / 2));
    EXPECT_INT(asking.told[FIELDS + amounts].i, 100 * time);
    EXPECT_INT(asking.told[FIELDS + different].i, time / 2 + 1);
  }
  counting_free(c);
}

/* One that is asked by itself becomes an ordinary one, and goes at the same time. */
TEST(packed_states_keep_their_deadline_when_they_are_opened) {
  for (int opened = 0; opened < 2; opened++) {
    struct counting_fixture *c = counting_new();
    struct asking asking = {.asked = 100};
    uint16_t count = counting_ask(c, counting_over(100), counting_plan(AGG_COUNT, NO_COLUMN));
    counting_start(c);
    random_state = 0;
    c->annex = c->room;
    make_asks(c, &asking);
    EXPECT(take(c, &asking, 7, with_int(1)) && is_packed(c->state));
    if (opened) EXPECT_INT(counting_get(c, count, 8).i, 1);
    EXPECT(is_packed(c->state) == !opened);
    EXPECT_INT(counters_deadline(c->state), 107);
    counters_time(c->counters, 0, &c->state, 106);
    EXPECT_INT(counting_get(c, count, 106).i, 1);
    counters_time(c->counters, 0, &c->state, 107);
    EXPECT(c->state == NULL);
    counting_free(c);
  }
}

/* Some windows are asked with each event, others now and then: these have not lost their place when the ring has come
 * round meanwhile. */
TEST(windows_that_are_asked_rarely_are_whole) {
  struct counting_fixture *c = counting_new();
  struct counter_ask asked = {.slot = FIELDS};
  struct value told[FIELDS + 1];
  asked.counter = counting_ask(c, counting_over(20), counting_plan(AGG_COUNT, NO_COLUMN));
  uint16_t rarely = counting_ask(c, counting_over(7), counting_plan(AGG_COUNT, NO_COLUMN));
  counting_start(c);
  c->annex = NULL;
  const struct counter_quick *quick = counters_quick(c->counters, 0, counters_group(c->counters, &asked, 1));
  for (int64_t time = 1; time <= 2000; time++) {
    memcpy(told, with_int(1), FIELDS * sizeof *told);
    EXPECT(counters_take(c->counters, quick, &c->state, NULL, &(struct event){.time = time, .values = told}));
    EXPECT_INT(told[FIELDS].i, time < 20 ? time : 20);
    if (time % 97 == 0) EXPECT_INT(counting_get(c, rarely, time).i, 7);
  }
  counting_free(c);
}

/* Times of 32 bits: in windows as long as may be, each event so late that the one before is only just in, so that the
 * oldest that is kept is as far back as can be; then silences in which the 32 bits come round again. */
static int wrong_at_long_distances(int64_t over, int64_t unit, int sums, bool packed) {
  struct counting_fixture *c = counting_new();
  struct asking asking = {.asked = 100};
  int wrong = 0;
  uint16_t count = counting_ask(c, counting_over(over), counting_plan(AGG_COUNT, NO_COLUMN));
  if (sums > 0) counting_ask(c, counting_over(over), counting_plan(AGG_SUM, F_INT));
  if (sums > 1) counting_ask(c, counting_over(over), counting_plan(AGG_SUM, F_MONEY));
  counting_start(c);
  random_state = 0;
  c->annex = c->room;
  make_asks(c, &asking);
  int64_t time = -20 * over / unit * unit;
  for (int round = 0; round < 60; round++) {
    struct value *fields = with_int(1);
    fields[F_MONEY] = value_decimal(100, 2);
    wrong += !take(c, &asking, time, fields) || is_packed(c->state) != packed;
    wrong += asking.told[FIELDS + count].i != (round % 20 == 0 ? 1 : 2);
    bool silence = round % 20 == 19;
    time += silence ? (((int64_t)1 << 32) + 1) * unit : over - unit;
    if (round == 39) continue;                        /* and once nothing is asked then */
    int64_t asked = silence ? time : time + unit - 1; /* the last at which it is in */
    counters_ask_group(c->counters, asking.groups[0], &c->state, asked, asking.told, &c->env);
    wrong += asking.told[FIELDS + count].i != (silence ? 0 : 1);
  }
  counting_free(c);
  return wrong;
}

TEST(times_of_packed_states_are_told_apart) {
  static const int rooms[] = {13, 6, 4};
  for (int sums = 0; sums < 3; sums++) {
    int64_t longest = UINT32_MAX / (rooms[sums] + 1) - 1;
    EXPECT_INT(wrong_at_long_distances(longest, 1, sums, true), 0);
    EXPECT_INT(wrong_at_long_distances(longest * 1000, 1000, sums, true), 0);
    EXPECT_INT(wrong_at_long_distances((longest + 1) * 1000, 1000, sums, false), 0);
    EXPECT_INT(wrong_at_long_distances(UINT32_MAX / 2 * INT64_C(1000), 1000, sums, false), 0);
  }
}

/* Where times are kept in milliseconds an event between two of them is not, nor made one when few events are left. */
TEST(events_between_two_units_are_not_packed) {
  const int64_t hour = 3600000000;
  for (int later = 0; later < 2; later++) {
    struct counting_fixture *c = counting_new();
    struct asking asking = {.asked = 100};
    uint16_t count = counting_ask(c, counting_over(hour), counting_plan(AGG_COUNT, NO_COLUMN));
    counting_start(c);
    random_state = 0;
    c->annex = c->room;
    make_asks(c, &asking);
    int64_t first = later * 20000;
    for (int i = 0; i < 20 && later; i++) take(c, &asking, i * 1000, with_int(1)); /* too many for a packed state */
    EXPECT(take(c, &asking, first + 500, with_int(1)) && !is_packed(c->state));
    EXPECT(take(c, &asking, first + 1000, with_int(1)));
    EXPECT(take(c, &asking, first + hour + 300, with_int(1)));
    EXPECT_INT(asking.told[FIELDS + count].i, 3);
    EXPECT(take(c, &asking, first + hour + 500, with_int(1)));
    EXPECT_INT(asking.told[FIELDS + count].i, 3);
    EXPECT(take(c, &asking, first + 3 * hour, with_int(1)) && take(c, &asking, first + 3 * hour + 1000, with_int(1)));
    EXPECT_INT(asking.told[FIELDS + count].i, 2);
    EXPECT(is_packed(c->state) == (later > 0)); /* an ordinary one that fits the annex stays there */
    counting_free(c);
  }
}

TEST(small_states_stand_in_the_callers_memory) {
  struct counting_fixture *c = counting_new();
  uint16_t count = counting_ask(c, counting_over(60000000), counting_plan(AGG_COUNT, NO_COLUMN));
  uint16_t sum = counting_ask(c, counting_over(60000000), counting_plan(AGG_SUM, F_MONEY));
  counting_start(c);
  c->annex = c->room;
  fields_of[F_MONEY] = value_decimal(100, 2);
  for (int64_t time = 1; time <= 2; time++) {
    counting_add(c, time, fields_of);
    EXPECT((void *)c->state == c->room && pool_used(&c->pool) == 0);
  }
  counting_add(c, 3, fields_of); /* too large */
  EXPECT((void *)c->state != c->room && pool_used(&c->pool) == 96);
  memset(c->room, 0xff, sizeof c->room); /* whatever stands there now */
  EXPECT_INT(counting_get(c, count, 60000001).i, 2);
  EXPECT_INT(counting_get(c, sum, 60000001).i, 200);
  counters_time(c->counters, 0, &c->state, 60000004); /* nothing is left */
  EXPECT(c->state == NULL && pool_used(&c->pool) == 0);
  counting_add(c, 60000005, fields_of); /* there is room again */
  EXPECT((void *)c->state == c->room && pool_used(&c->pool) == 0);
  counters_drop(c->counters, 0, &c->state);
  counting_free(c);
}

TEST(a_ring_becomes_small_again) {
  struct counting_fixture *c = counting_new();
  uint16_t count = counting_ask(c, counting_over(1000), counting_plan(AGG_COUNT, NO_COLUMN));
  uint16_t max = counting_ask(c, counting_over(1000), counting_plan(AGG_MAX, F_INT));
  counting_start(c);
  for (int i = 0; i < 100000; i++) counting_add(c, 5, with_int(i));
  EXPECT_INT(counting_get(c, count, 5).i, 100000);
  EXPECT_INT(counting_get(c, max, 5).i, 99999);
  size_t most = pool_used(&c->pool);
  for (int i = 0; i < 2000; i++) counting_add(c, 2000 + i, with_int(-i));
  EXPECT_INT(counting_get(c, count, 3999).i, 1000);
  EXPECT_INT(counting_get(c, max, 3999).i, -1000);
  counters_time(c->counters, 0, &c->state, 3999);
  EXPECT(pool_used(&c->pool) < most / 16);
  counting_free(c);
}

TEST_MAIN
