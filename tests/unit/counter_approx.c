/* floors: engine rules nfa base */
/* Counters that are sketched: error bounds, exactness up to where it is promised, slices of a sixteenth; and windows of
 * millions of events. */
#include "counter_plan.h"

static uint64_t random_state = 88172645463325252u;
static int64_t any(int64_t low, int64_t high) { /* xorshift64* by Vigna */
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  uint64_t number = random_state * 0x2545F4914F6CDD1Du >> 11;
  return low + (int64_t)(number % (uint64_t)(high - low + 1));
}

static struct value fields_of[FIELDS];
static struct value *with_int(int64_t number) {
  memset(fields_of, 0, sizeof fields_of);
  fields_of[F_INT] = value_int(number);
  return fields_of;
}

static struct aggregate_plan approx(enum aggregate kind, uint16_t column) {
  struct aggregate_plan plan = counting_plan(kind, column);
  plan.approx = true;
  return plan;
}

static bool within(int64_t told, int64_t least, int64_t most, int percent) {
  return told * 100 >= least * (100 - percent) && told * 100 <= most * (100 + percent);
}

/* ---- distinct ---- */

TEST(distinct_is_exact_up_to_1024_and_close_beyond) {
  enum { WINDOW = 160000, SLICE = WINDOW / 16 };
  struct counting_fixture *c = counting_new();
  uint16_t distinct = counting_ask(c, counting_over(WINDOW), counting_plan(AGG_DISTINCT, F_INT));
  uint16_t shorter = counting_ask(c, counting_over(1000), counting_plan(AGG_DISTINCT, F_INT));
  uint16_t seen = counting_special(c, COUNTER_SEEN, F_INT, counting_over(WINDOW));
  counting_start(c);
  int64_t time = 0;
  for (; time < 3 * WINDOW; time++) { /* each value is new */
    counting_add(c, time, with_int(time));
    int64_t told = time % 50 == 0 || time < 1024 ? counting_get(c, distinct, time).i : -1;
    if (time < 1024) EXPECT_INT(told, time + 1);
    if (time >= 1024 && told >= 0) {
      int64_t exact = time + 1 < WINDOW ? time + 1 : WINDOW;
      int64_t sliced = time + 1 < WINDOW ? time + 1 : 15 * SLICE + time % SLICE + 1;
      EXPECT(within(told, sliced, sliced, 6)); /* 3.7 standard errors of 1.6 % */
      EXPECT(within(told, exact * 15 / 16, exact, 6));
    }
    if (time % 97 == 0) EXPECT_INT(counting_get(c, shorter, time).i, time + 1 < 1000 ? time + 1 : 1000);
  }
  EXPECT_INT(counting_value(c, seen, time, value_int(time - WINDOW + 1)).i, 1); /* exact all the time */
  EXPECT_INT(counting_value(c, seen, time, value_int(time - WINDOW)).i, 0);
  counting_free(c);
}

TEST(distinct_is_exact_again_after_a_silence) {
  struct counting_fixture *c = counting_new();
  uint16_t distinct = counting_ask(c, counting_over(16000), counting_plan(AGG_DISTINCT, F_INT));
  counting_start(c);
  for (int64_t time = 0; time < 5000; time++) counting_add(c, time, with_int(time));
  EXPECT(within(counting_get(c, distinct, 5000).i, 5000, 5000, 6));
  EXPECT(pool_used(&c->pool) < 80000); /* the values themselves would take more */
  counting_add(c, 30000, with_int(1));
  EXPECT_INT(counting_get(c, distinct, 30000).i, 1);
  EXPECT(pool_used(&c->pool) < 300);
  for (int64_t i = 0; i < 1024; i++) {
    counting_add(c, 30000 + i, with_int(i));
    EXPECT_INT(counting_get(c, distinct, 30000 + i).i, i == 0 ? 2 : i + 1);
  }
  counting_free(c);
}

TEST(distinct_of_the_last_events_becomes_a_sketch_too) {
  struct counting_fixture *c = counting_new();
  uint16_t distinct = counting_ask(c, counting_last(5000, -1), counting_plan(AGG_DISTINCT, F_INT));
  uint16_t few = counting_ask(c, counting_last(20, -1), counting_plan(AGG_DISTINCT, F_INT));
  counting_start(c);
  for (int64_t time = 0; time < 30000; time++) {
    counting_add(c, time, with_int(time));
    int64_t exact = time + 1 < 5000 ? time + 1 : 5000, told = counting_get(c, distinct, time).i;
    if (time < 1024) EXPECT_INT(told, time + 1);
    EXPECT(within(told, exact * 15 / 16 - 1, exact, 6));
    EXPECT_INT(counting_get(c, few, time).i, time + 1 < 20 ? time + 1 : 20);
  }
  for (int64_t time = 30000; time < 36000; time++) counting_add(c, time, with_int(7)); /* the sketch runs empty */
  EXPECT_INT(counting_get(c, distinct, 36000).i, 1);
  counting_free(c);
}

/* Few values: a sketch is exact then, over slices of a sixteenth. */
TEST(approx_distinct_moves_by_a_sixteenth) {
  enum { WINDOW = 1600, WIDTH = 100, EVENTS = 20000 };
  static int64_t times[EVENTS], values[EVENTS];
  struct counting_fixture *c = counting_new();
  uint16_t distinct = counting_ask(c, counting_over(WINDOW), approx(AGG_DISTINCT, F_INT));
  struct aggregate_plan where = approx(AGG_DISTINCT, F_INT);
  where.where = F_YES;
  uint16_t some = counting_ask(c, counting_over(WINDOW), where);
  counting_start(c);
  int64_t time = -5000;
  for (int e = 0; e < EVENTS; e++) {
    time += any(0, 30) + (any(0, 500) == 0 ? 5000 : 0);
    times[e] = time;
    values[e] = any(0, 60);
    struct value *fields = with_int(values[e]);
    fields[F_YES] = value_bool(values[e] % 2 == 0);
    if (any(0, 9) == 0) counters_time(c->counters, 0, &c->state, time);
    counting_add(c, time, fields);
    int64_t slice = time / WIDTH - (time % WIDTH < 0), count = 0, even = 0;
    bool found[61] = {false};
    for (int i = e; i >= 0 && times[i] >= (slice - 15) * WIDTH; i--) {
      if (!found[values[i]]) {
        count++;
        even += values[i] % 2 == 0;
      }
      found[values[i]] = true;
    }
    EXPECT_INT(counting_get(c, distinct, time).i, count);
    EXPECT_INT(counting_get(c, some, time).i, even);
  }
  counters_time(c->counters, 0, &c->state, time + WINDOW);
  EXPECT(c->state == NULL);
  counting_free(c);
}

TEST(approx_distinct_of_the_last_events) {
  enum { LAST = 100, EVENTS = 5000 }; /* sixteen slices of 6 events, and not the last 4 */
  static int64_t values[EVENTS];
  struct counting_fixture *c = counting_new();
  uint16_t distinct = counting_ask(c, counting_last(LAST, -1), approx(AGG_DISTINCT, F_INT));
  uint16_t recent = counting_ask(c, counting_last(LAST, 50), approx(AGG_DISTINCT, F_INT));
  counting_start(c);
  for (int e = 0; e < EVENTS; e++) {
    values[e] = any(0, 150);
    if (any(0, 9) == 0) counters_time(c->counters, 0, &c->state, e);
    counting_add(c, e, with_int(values[e]));
    bool most[151] = {false}, least[151] = {false};
    int64_t most_count = 0, least_count = 0;
    for (int i = e; i >= 0 && i > e - LAST; i--) {
      most_count += !most[values[i]];
      most[values[i]] = true;
      if (i <= e - LAST + 10) continue;
      least_count += !least[values[i]];
      least[values[i]] = true;
    }
    int64_t told = counting_get(c, distinct, e).i;
    EXPECT(told >= least_count && told <= most_count);
    EXPECT(counting_get(c, recent, e).i <= (most_count < 56 ? most_count : 56));
  }
  EXPECT_INT(counting_get(c, recent, EVENTS + 50).i, 0);
  counting_free(c);
}

/* ---- percentiles ---- */

static int by_number(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static double size_of(double number) { return number < 0 ? -number : number; }

TEST(approx_percentiles_are_within_one_percent) {
  enum { WINDOW = 16000, WIDTH = 1000, EVENTS = 30000 };
  static int64_t times[EVENTS];
  static double values[EVENTS], inside[EVENTS];
  static const int percents[] = {1, 25, 50, 75, 95, 99, 100};
  struct counting_fixture *c = counting_new();
  uint16_t told_by[7];
  uint16_t median = counting_ask(c, counting_over(WINDOW), approx(AGG_MEDIAN, F_FLOAT));
  for (int p = 0; p < 7; p++) {
    struct aggregate_plan plan = approx(AGG_PERCENTILE, F_FLOAT);
    plan.parameter = percents[p];
    told_by[p] = counting_ask(c, counting_over(WINDOW), plan);
  }
  uint16_t wait = counting_ask(c, counting_over(WINDOW), approx(AGG_MEDIAN, F_WAIT));
  counting_start(c);
  int64_t time = 0;
  for (int e = 0; e < EVENTS; e++) {
    time += any(0, 20);
    times[e] = time;
    double number = (double)any(1, 1000000) / 1000;
    values[e] = e % 3 == 0 ? -number : number * number;
    memset(fields_of, 0, sizeof fields_of);
    fields_of[F_FLOAT] = value_float(values[e]);
    fields_of[F_WAIT] = value_duration(any(1000, 2000));
    counting_add(c, time, fields_of);
    if (e % 251 != 0) continue;
    size_t count = 0;
    for (int i = e; i >= 0 && times[i] >= (time / WIDTH - 15) * WIDTH; i--) inside[count++] = values[i];
    qsort(inside, count, sizeof *inside, by_number);
    for (int p = 0; p < 7; p++) {
      double rank = percents[p] / 100.0 * (double)(count - 1);
      double low = inside[(size_t)rank], high = inside[(size_t)rank + ((size_t)rank + 1 < count)];
      double exact = low + (high - low) * (rank - (double)(size_t)rank);
      double most = size_of(low) > size_of(high) ? size_of(low) : size_of(high);
      EXPECT(size_of(counting_get(c, told_by[p], time).f - exact) <= 0.01 * most);
    }
    EXPECT(same_told(counting_get(c, median, time), counting_get(c, told_by[2], time)));
    struct value middle = counting_get(c, wait, time);
    EXPECT(middle.kind == VALUE_DURATION && middle.i >= 980 && middle.i <= 2020);
  }
  EXPECT(value_is_null(counting_get(c, median, time + WINDOW)));
  counting_free(c);
}

/* ---- many events ---- */

TEST(windows_of_ten_million_events_keep_their_totals) {
  enum { WINDOW = 10000000, EVENTS = 13000000, EVERY = 1000003 };
  struct counting_fixture *c = counting_new();
  uint16_t count = counting_ask(c, counting_over(WINDOW), counting_plan(AGG_COUNT, NO_COLUMN));
  uint16_t sum = counting_ask(c, counting_over(WINDOW), counting_plan(AGG_SUM, F_INT));
  uint16_t max = counting_ask(c, counting_over(WINDOW / 10), counting_plan(AGG_MAX, F_INT));
  uint16_t first = counting_ask(c, counting_over(WINDOW / 2), counting_plan(AGG_FIRST, F_INT));
  counting_start(c);
  for (int64_t time = 0; time < EVENTS; time++) { /* values: 0, 1, 2, … 999, 0, … */
    counting_add(c, time, with_int(time % 1000 == 0 ? time : time % 1000));
    if (time % EVERY != 0 && time != EVENTS - 1) continue;
    int64_t from = time < WINDOW ? 0 : time - WINDOW + 1, total = 0;
    for (int64_t t = from; t <= time; t++) total += t % 1000 == 0 ? t : t % 1000;
    EXPECT_INT(counting_get(c, count, time).i, time - from + 1);
    EXPECT_INT(counting_get(c, sum, time).i, total);
    int64_t start = time < WINDOW / 2 ? 0 : time - WINDOW / 2 + 1;
    EXPECT_INT(counting_get(c, max, time).i, time < 1000 ? time : time / 1000 * 1000);
    EXPECT_INT(counting_get(c, first, time).i, start % 1000 == 0 ? start : start % 1000);
  }
  EXPECT_INT(counters_limits(c->counters).window_events, 0);
  counting_add(c, EVENTS - 1, with_int(0)); /* one more than the limit */
  EXPECT_INT(counting_get(c, count, EVENTS - 1).i, WINDOW);
  EXPECT_INT(counters_limits(c->counters).window_events, 1);
  counting_free(c);
}

TEST(a_million_events_with_exact_aggregates) {
  enum { WINDOW = 1000000, EVENTS = 1200000 };
  struct counting_fixture *c = counting_new();
  uint16_t median = counting_ask(c, counting_over(WINDOW), counting_plan(AGG_MEDIAN, F_INT));
  uint16_t deviation = counting_ask(c, counting_over(WINDOW), counting_plan(AGG_STDDEV, F_INT));
  struct aggregate_plan plan = counting_plan(AGG_TOP, F_INT);
  plan.parameter = 3;
  uint16_t top = counting_ask(c, counting_over(WINDOW), plan);
  counting_start(c);
  for (int64_t time = 0; time < EVENTS; time++) {
    counting_add(c, time, with_int(time % 5 == 0 ? 77 : time % 5 == 1 ? 5 : time));
    if (time % 100003 != 0 || time < 100) continue;
    counting_get(c, median, time);
    struct value values = counting_get(c, top, time);
    EXPECT(values.length == 3 && values.list[0].i + values.list[1].i == 82);
    arena_reset(&c->scratch);
  }
  struct spread spread = {0};
  for (int64_t t = EVENTS - WINDOW; t < EVENTS; t++)
    spread_add(&spread, value_int(t % 5 == 0 ? 77 : t % 5 == 1 ? 5 : t));
  EXPECT(same_told(counting_get(c, deviation, EVENTS - 1), spread_deviation(&spread, TYPE(VALUE_INT), NULL)));
  /* 400,000 are small; of the 600,000 others in order, those at 99,999 and 100,000 are the middle. */
  int64_t others = 0, low = 0, high = 0;
  for (int64_t t = EVENTS - WINDOW; t < EVENTS; t++) {
    if (t % 5 < 2) continue;
    if (others == 99999) low = t;
    if (others++ == 100000) high = t;
  }
  EXPECT(counting_get(c, median, EVENTS - 1).f == (double)(low + high) / 2);
  counting_free(c);
}

TEST_MAIN
