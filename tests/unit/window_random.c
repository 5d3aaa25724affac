/* floors: engine rules nfa base */
/* Windows of every kind against a brute-force reference: each window is made anew from the whole list of events, over
 * random plans and streams with negative times, equal times, late events, early results, known keys. */
#include "window_plan.h"

enum { EVENTS_MAX = 400, MARKS_MAX = 20000, KEYS = 4, ROUNDS = 4000 };

static uint64_t random_state;
static int64_t any(int64_t low, int64_t high) { /* xorshift64* by Vigna */
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  uint64_t number = random_state * 0x2545F4914F6CDD1Du >> 11;
  return low + (int64_t)(number % (uint64_t)(high - low + 1));
}

/* ---- the reference ---- */

struct seen { /* an event that takes part */
  int64_t key, amount, time;
  int64_t arrival;
  /* sessions: what was done with the session it is in */
  int64_t next_revision, partial;
  bool gone, told, held, changed, counted;
};
struct mark { /* aligned and counted windows: what was done with one */
  int64_t key, window;
  int64_t told, partial, events;
  bool held, changed;
};

static struct fixture fixture;
static struct seen seen[EVENTS_MAX];
static int seen_count;
static struct mark marks[MARKS_MAX];
static int mark_count;
static struct telling expected[TOLD_MAX];
static uint32_t expected_count;
static int64_t frontier, late_in, late_out;
static const struct window_plan *plan;

static struct mark *mark_of(int64_t key, int64_t window) {
  for (int i = 0; i < mark_count; i++)
    if (marks[i].key == key && marks[i].window == window) return &marks[i];
  check(mark_count < MARKS_MAX);
  marks[mark_count] = (struct mark){.key = key, .window = window};
  return &marks[mark_count++];
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static int64_t every(void) { return plan->kind == WINDOW_SLIDING ? plan->every_us : plan->size_us; }
static int64_t start_of(int64_t window) { return window * every() + plan->offset_us; }
static int64_t end_of(int64_t window) { return start_of(window) + plan->size_us; }

/* What is in: of the key, and either with start <= time < end, or marked in `in`. */
static struct telling recompute(int64_t key, int64_t start, int64_t end, const bool *in) {
  struct telling t = {.key = key, .start = start, .end = end, .first = INT64_MIN, .last = INT64_MIN, .max = INT64_MIN};
  int64_t first_time = INT64_MAX, last_time = INT64_MIN;
  for (int i = 0; i < seen_count; i++) { /* in the order of arrival */
    const struct seen *e = &seen[i];
    if (in != NULL ? !in[i] : e->key != key || e->time < start || e->time >= end) continue;
    t.count++;
    t.sum += e->amount;
    if (e->amount > t.max) t.max = e->amount;
    if (e->time < first_time) {
      first_time = e->time;
      t.first = e->amount;
    }
    if (e->time >= last_time) {
      last_time = e->time;
      t.last = e->amount;
    }
  }
  return t;
}

static void expect(struct telling t, int64_t time, int64_t moment, int64_t revision, int64_t partial, bool caused) {
  check(expected_count < TOLD_MAX);
  t.time = time;
  t.moment = moment;
  t.revision = revision;
  t.partial = partial;
  t.caused = caused;
  expected[expected_count++] = t;
}

static int64_t early_limit; /* early when count > early_limit; -1 = none */

/* ---- aligned windows ---- */

static bool knows(int64_t key, int64_t end) {
  int64_t last = INT64_MIN;
  for (int i = 0; i < seen_count; i++)
    if (seen[i].key == key && seen[i].time < end && seen[i].time > last) last = seen[i].time;
  return plan->known_us >= 0 && last != INT64_MIN && end - last <= plan->known_us;
}

static void aligned_deadline(int64_t key, int64_t window, int64_t time, bool empty) {
  int64_t start = start_of(window), end = end_of(window);
  struct telling t = recompute(key, start, end, NULL);
  if (t.count == 0 && !(time == end && empty && knows(key, end))) return;
  struct mark *mark = mark_of(key, window);
  if (time == end) {
    expect(t, end, end, mark->told++, 0, false);
  } else if (plan->early_us > 0 && time > start && time < end && (time - start) % plan->early_us == 0 &&
             mark->changed) {
    expect(t, time, time, mark->told, ++mark->partial, false);
    mark->changed = false;
  }
}

static void aligned_time(int64_t to, int64_t highest, int64_t lowest_time, int64_t highest_time) {
  int64_t last = to == INT64_MAX ? highest_time + plan->size_us + 1 : to - 1;
  for (int64_t time = frontier; time <= last; time++)
    for (int64_t window = floor_div(lowest_time - plan->size_us - plan->offset_us, every()) - 1;
         start_of(window) <= time; window++)
      for (int64_t key = 0; key < KEYS && end_of(window) >= time; key++)
        aligned_deadline(key, window, time, to != INT64_MAX || time <= highest);
}

static void early_event(struct telling t, struct mark *mark, int64_t time) {
  bool tells = false;
  mark->events++;
  if (plan->early_count > 0 && mark->events % plan->early_count == 0) tells = true;
  if (early_limit >= 0) {
    bool holds = t.count > early_limit;
    tells |= holds && !mark->held;
    mark->held = holds;
  }
  if (tells) expect(t, time, time, mark->told, ++mark->partial, true);
  mark->changed = plan->early_us > 0 && !tells;
}

static bool aligned_event(const struct seen *event, int64_t now) {
  bool in = false;
  int64_t newest = floor_div(event->time - plan->offset_us, every());
  for (int64_t window = newest; end_of(window) > event->time; window--)
    in |= now == event->time || end_of(window) + plan->lateness_us >= now;
  if (!in) return false;
  seen[seen_count++] = *event;
  int64_t window = newest;
  while (end_of(window - 1) > event->time) window--;
  for (; window <= newest; window++) {
    int64_t end = end_of(window);
    if (end <= event->time || (now > event->time && end + plan->lateness_us < now)) continue;
    struct telling t = recompute(event->key, start_of(window), end, NULL);
    struct mark *mark = mark_of(event->key, window);
    if (end < now)
      expect(t, end, now, mark->told++, 0, true);
    else
      early_event(t, mark, now);
  }
  return true;
}

/* ---- sessions ---- */

/* The session of the event: marked in `in`. */
static struct telling session_of(int event, bool *in) {
  memset(in, 0, sizeof(bool) * EVENTS_MAX);
  in[event] = true;
  int64_t start = seen[event].time, end = start + plan->size_us;
  for (bool grows = true; grows;) {
    grows = false;
    for (int i = 0; i < seen_count; i++) {
      if (in[i] || seen[i].gone || seen[i].key != seen[event].key) continue;
      if (seen[i].time >= end || seen[i].time + plan->size_us <= start) continue;
      in[i] = grows = true;
      if (seen[i].time < start) start = seen[i].time;
      if (seen[i].time + plan->size_us > end) end = seen[i].time + plan->size_us;
    }
  }
  return recompute(seen[event].key, start, end, in);
}

struct session { /* of its events: the highest, or any */
  int64_t next_revision, partial, uncounted;
  bool untold, held, changed;
};
static struct session look(const bool *in) {
  struct session s = {0};
  for (int i = 0; i < seen_count; i++) {
    if (!in[i]) continue;
    if (seen[i].next_revision > s.next_revision) s.next_revision = seen[i].next_revision;
    if (seen[i].partial > s.partial) s.partial = seen[i].partial;
    s.uncounted += !seen[i].counted;
    s.untold |= !seen[i].told;
    s.held |= seen[i].held;
    s.changed |= seen[i].changed;
  }
  return s;
}
static void session_tell(struct telling t, const bool *in, int64_t moment, bool caused) {
  struct session s = look(in);
  expect(t, t.end, moment, s.next_revision, 0, caused);
  for (int i = 0; i < seen_count; i++) {
    if (!in[i]) continue;
    seen[i].told = seen[i].counted = true;
    seen[i].changed = false;
    seen[i].next_revision = s.next_revision + 1;
  }
}
static void session_partial(struct telling t, const bool *in, int64_t time, bool caused) {
  struct session s = look(in);
  expect(t, time, time, s.next_revision, s.partial + 1, caused);
  for (int i = 0; i < seen_count; i++) {
    if (!in[i]) continue;
    seen[i].changed = false;
    seen[i].partial = s.partial + 1;
  }
}

static void session_time(int64_t to, int64_t highest_time) {
  static bool in[EVENTS_MAX];
  int64_t last = to == INT64_MAX ? highest_time + plan->size_us + 1 : to - 1;
  for (int64_t time = frontier; time <= last; time++)
    for (int i = 0; i < seen_count; i++) {
      if (seen[i].gone) continue;
      struct telling t = session_of(i, in);
      struct session s = look(in);
      if (s.untold && t.end == time) session_tell(t, in, time, false);
      if (plan->early_us > 0 && s.untold && s.changed && time < t.end && time > t.start &&
          (time - t.start) % plan->early_us == 0)
        session_partial(t, in, time, false);
    }
}

static bool session_event(const struct seen *event, int64_t now) {
  static bool in[EVENTS_MAX];
  for (int i = 0; i < seen_count; i++) { /* those that nothing can change any more */
    if (seen[i].gone || seen[i].key != event->key) continue;
    struct telling t = session_of(i, in);
    if (!look(in).untold && t.end + plan->lateness_us < now)
      for (int j = 0; j < seen_count; j++) seen[j].gone |= in[j];
  }
  seen[seen_count++] = *event;
  struct telling t = session_of(seen_count - 1, in);
  if (now > event->time && t.end + plan->lateness_us < now) {
    seen_count--;
    return false;
  }
  if (t.end < now) {
    session_tell(t, in, now, true);
    return true;
  }
  struct session s = look(in);
  bool tells = plan->early_count > 0 && s.uncounted >= plan->early_count;
  for (int i = 0; i < seen_count && tells; i++)
    if (in[i]) seen[i].counted = true;
  if (early_limit >= 0) {
    bool holds = t.count > early_limit;
    tells |= holds && !s.held;
    for (int i = 0; i < seen_count; i++)
      if (in[i]) seen[i].held = holds;
  }
  for (int i = 0; i < seen_count; i++)
    if (in[i]) seen[i].told = false;
  if (tells)
    session_partial(t, in, now, true);
  else
    seen[seen_count - 1].changed = plan->early_us > 0;
  return true;
}

/* ---- counts ---- */

static int of_key(int64_t key, int *events) {
  int count = 0;
  for (int i = 0; i < seen_count; i++)
    if (seen[i].key == key) events[count++] = i;
  return count;
}
static struct telling count_window(int64_t key, int64_t window, bool *whole) {
  static int events[EVENTS_MAX];
  static bool in[EVENTS_MAX];
  int64_t from = window * plan->every_count, to = from + plan->count;
  int count = of_key(key, events);
  memset(in, 0, sizeof in);
  for (int64_t i = from; i < to && i < count; i++) in[events[i]] = true;
  *whole = to <= count;
  return recompute(key, seen[events[from]].time, seen[events[*whole ? to - 1 : count - 1]].time, in);
}
static void count_event(const struct seen *event) {
  static int events[EVENTS_MAX];
  seen[seen_count++] = *event;
  int64_t number = of_key(event->key, events) - 1;
  for (int64_t window = 0; window * plan->every_count <= number; window++) {
    if (number >= window * plan->every_count + plan->count) continue;
    bool whole;
    struct telling t = count_window(event->key, window, &whole);
    if (whole)
      expect(t, event->time, event->time, 0, 0, true);
    else
      early_event(t, mark_of(event->key, window), event->time);
  }
}
static void count_time(int64_t to) {
  static int events[EVENTS_MAX];
  int64_t last = to == INT64_MAX ? frontier + 1000 : to - 1;
  for (int64_t time = frontier; time <= last; time++)
    for (int64_t key = 0; key < KEYS; key++)
      for (int64_t window = 0; window * plan->every_count < of_key(key, events); window++) {
        bool whole;
        struct telling t = count_window(key, window, &whole);
        struct mark *mark = mark_of(key, window);
        if (whole || !mark->changed || time <= t.start || (time - t.start) % plan->early_us != 0) continue;
        expect(t, time, time, 0, ++mark->partial, false);
        mark->changed = false;
      }
}

/* ---- comparing ---- */

static int by_place(const void *a, const void *b) {
  const struct telling *x = a, *y = b;
  if (x->moment != y->moment) return x->moment < y->moment ? -1 : 1;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  if (x->start != y->start) return x->start < y->start ? -1 : 1;
  if (x->end != y->end) return x->end < y->end ? -1 : 1;
  if (x->revision != y->revision) return x->revision < y->revision ? -1 : 1;
  return x->partial < y->partial ? -1 : x->partial > y->partial;
}

static void print(const char *who, const struct telling *t) {
  printf("%s time %lld moment %lld key %lld [%lld, %lld) revision %lld partial %lld caused %lld: count %lld sum %lld "
         "first %lld last %lld max %lld\n",
         who, (long long)t->time, (long long)t->moment, (long long)t->key, (long long)t->start, (long long)t->end,
         (long long)t->revision, (long long)t->partial, (long long)t->caused, (long long)t->count, (long long)t->sum,
         (long long)t->first, (long long)t->last, (long long)t->max);
}

static bool compare(uint64_t seed, int64_t now) {
  bool same = fixture.told_count == expected_count;
  for (uint32_t i = 1; i < fixture.told_count; i++) same &= fixture.told[i - 1].moment <= fixture.told[i].moment;
  qsort(fixture.told, fixture.told_count, sizeof *fixture.told, by_place);
  qsort(expected, expected_count, sizeof *expected, by_place);
  same = same && memcmp(fixture.told, expected, expected_count * sizeof *expected) == 0;
  if (!same) {
    printf(
        "seed %llu, at %lld: kind %d size %lld every %lld count %lld every %lld offset %lld lateness %lld early %lld "
        "%lld %lld known %lld\n",
        (unsigned long long)seed, (long long)now, plan->kind, (long long)plan->size_us, (long long)plan->every_us,
        (long long)plan->count, (long long)plan->every_count, (long long)plan->offset_us, (long long)plan->lateness_us,
        (long long)plan->early_us, (long long)plan->early_count, (long long)early_limit, (long long)plan->known_us);
    for (uint32_t i = 0; i < expected_count; i++) print("expected", &expected[i]);
    for (uint32_t i = 0; i < fixture.told_count; i++) print("told    ", &fixture.told[i]);
  }
  EXPECT(same);
  fixture.told_count = expected_count = 0;
  return same;
}

/* ---- a round ---- */

static void random_plan(struct fixture *f) {
  static const enum window_kind kinds[] = {WINDOW_TUMBLING, WINDOW_SLIDING, WINDOW_SLIDING, WINDOW_SESSION,
                                           WINDOW_COUNT};
  struct window_plan *p = &f->plan;
  p->kind = kinds[any(0, 4)];
  p->size_us = any(1, 20);
  p->every_us = any(1, p->size_us);
  p->count = any(1, 12);
  p->every_count = any(1, 9);
  bool aligned = p->kind == WINDOW_TUMBLING || p->kind == WINDOW_SLIDING;
  if (aligned && any(0, 1) == 0) p->offset_us = any(0, (p->kind == WINDOW_SLIDING ? p->every_us : p->size_us) - 1);
  if (p->kind != WINDOW_COUNT && any(0, 1) == 0) p->lateness_us = any(1, 30);
  if (any(0, 3) == 0) p->early_us = any(1, 8);
  if (any(0, 4) == 0) p->early_count = any(1, 5);
  if (any(0, 4) == 0) early_limit = any(0, 4);
  if (early_limit >= 0) p->early_when = plan_above(f, MADE_COUNT, early_limit);
  if (aligned && any(0, 2) == 0) p->known_us = any(1, 40);
}

static void reference_time(int64_t to, int64_t highest, int64_t lowest_time, int64_t highest_time) {
  if (to <= frontier) return;
  if (plan->kind == WINDOW_SESSION)
    session_time(to, highest_time);
  else if (plan->kind == WINDOW_COUNT)
    count_time(to);
  else
    aligned_time(to, highest, lowest_time, highest_time);
  frontier = to;
}

static void reference_event(const struct seen *event, int64_t now) {
  bool late = now > event->time, in = !late || plan->lateness_us > 0;
  if (in && plan->kind == WINDOW_SESSION)
    in = session_event(event, now);
  else if (in && plan->kind == WINDOW_COUNT)
    count_event(event);
  else if (in)
    in = aligned_event(event, now);
  late_in += late && in;
  late_out += late && !in;
}

static bool round_of(uint64_t seed) {
  struct fixture *f = &fixture;
  random_state = seed * 0x9e3779b97f4a7c15u + 1;
  fixture_init(f);
  early_limit = -1;
  random_plan(f);
  plan = &f->plan;
  fixture_start(f, 0);
  int64_t now = any(-100, 20), lowest = now - 40, pace = any(0, 12), count = any(1, 80);
  frontier = now;
  seen_count = mark_count = 0;
  late_in = late_out = 0;
  pass(f, now);
  bool same = true;
  for (int64_t i = 0; i < count && same; i++) {
    now += any(0, 3) == 0 ? 0 : any(0, pace);
    struct seen event = {.key = any(0, KEYS - 1), .amount = any(-50, 50), .time = now, .arrival = i};
    if (any(0, 3) == 0) event.time -= any(0, 25);
    uint16_t number = (uint16_t)any(0, 1);
    bool ok = any(0, 9) > 0;
    if (any(0, 2) > 0) pass(f, now);
    feed(f, number, value_int(event.key), event.amount, ok || number == 1, event.time, now);
    if (ok || number == 1) {
      reference_time(now, now, lowest, now);
      reference_event(&event, now);
    }
    if (any(0, 5) == 0 && now > frontier) {
      pass(f, now);
      reference_time(now, now, lowest, now);
    }
    pass(f, now);
    reference_time(now, now, lowest, now);
    EXPECT(window_set_deadline(f->set) >= now);
    same = compare(seed, now);
  }
  finish(f, now);
  reference_time(INT64_MAX, now, lowest, now);
  if (same) same = compare(seed, now);
  struct window_counts counts = window_set_counts(f->set);
  EXPECT_INT(counts.late_in, late_in);
  EXPECT_INT(counts.late_out, late_out);
  if (plan->kind != WINDOW_COUNT) EXPECT_INT(counts.open, 0);
  EXPECT_INT(counts.dropped, 0);
  fixture_end(f);
  return same;
}

TEST(what_is_told_is_what_brute_force_finds) {
  for (uint64_t seed = 1; seed <= ROUNDS; seed++)
    if (!round_of(seed)) return;
}

TEST_MAIN
