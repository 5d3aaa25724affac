/* generate.c - a bank day made of dice: the events that the fraud example runs over, and the truth about them.
 *
 *   fraud_generate --out FOLDER [--seed N] [--minutes N] [--customers N]
 *
 * Writes payments.jsonl, sessions.jsonl and heartbeats.jsonl (one partition each, in order of arrival, which is not the
 * order of event time), history.jsonl (the four weeks before, for every tenth customer) and labels.csv: every planted
 * fraud and every honest look-alike, with its key and its time.
 * The same options give the same bytes on every machine: whole numbers only, one generator of numbers, no clock, and at
 * most one draw among the arguments of a call, whose order compilers choose.
 * One file that uses nothing of Weir, so that it can be read alone; a test compares its sample with data/. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  LINE_MAX_BYTES = 360,
  LINES_MAX = 2000000,
  LABELS_MAX = 4000,
  CUSTOMERS_MIN = 200,
  CUSTOMERS_MAX = 50000,
  MINUTES_MIN = 720, /* the longest scenario must fit */
  MINUTES_MAX = 60 * 24 * 31,
  DAY_MINUTES = 1440,
  TERMINALS = 160,
  DESKS = 10,        /* terminals that send heartbeats */
  MARKET_TILL = 190, /* tills outside of the grid of shops: this one and the next ones */
  HISTORY_DAYS = 28,
  ONLINE_SHOPS = 24,
  PATIENCE = 10000 /* draws before a search gives up */
};

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define START_MS (INT64_C(1772409600) * SECOND) /* Monday, 2026-03-02T00:00:00Z */

enum partition { PAYMENTS, SESSIONS, HEARTBEATS, HISTORY, PARTITIONS, NO_PARTITION };
static const char *const partition_files[PARTITIONS] = {"payments.jsonl", "sessions.jsonl", "heartbeats.jsonl",
                                                        "history.jsonl"};

struct line {
  int64_t arrival_ms;
  uint32_t serial; /* what was written first stands first among equal arrivals */
  enum partition partition;
  char text[LINE_MAX_BYTES];
};

struct label {
  const char *scenario, *rule, *note;
  unsigned number;
  bool fraud;
  char key[48];
  int64_t from_ms, to_ms;
};

struct city {
  const char *country;
  int lat, lon; /* in 1/10000 degree */
};

struct category {
  const char *name;
  unsigned share; /* of 100 payments */
  int low, high;  /* cents */
  bool online;
};

struct customer {
  unsigned city;
  uint32_t pan_tail; /* the last eight digits of the card's number */
  unsigned home[3];  /* the address at home is 10.a.b.c */
  bool away;         /* on a journey today: pays at no desk but those that a scenario says */
};

struct terminal {
  unsigned city, category;
};

struct world {
  uint64_t random;
  int64_t minutes;
  unsigned customer_count, next_victim, first_regular, payment_serial, transfer_serial;
  bool past; /* what is written now belongs to the history */
  struct customer *customers;
  unsigned *victims; /* customers in a random order: each scenario takes the next */
  struct terminal terminals[TERMINALS];
  struct line *lines;
  size_t line_count, line_room;
  struct label *labels;
  size_t label_count;
};

static const struct city cities[] = {
    {"PT", 411500, -86100}, {"FR", 457600, 48400},    {"DE", 535500, 99900},   {"PL", 500600, 199400},
    {"AT", 470700, 154400}, {"IT", 450700, 76900},    {"DK", 561500, 102100},  {"ES", 373900, -59800},
    {"SG", 12900, 1038500}, {"PE", -120500, -770400}, {"XA", -451000, 521000}, {"XB", 152000, -284000},
};
enum { HOME_CITIES = 8, SINGAPORE = 8, LIMA = 9, NOWHERE = 10, ELSEWHERE = 11 };

static const struct category categories[] = {
    {"groceries", 36, 400, 16000, false},  {"transit", 20, 180, 3900, false},    {"restaurant", 15, 700, 12000, false},
    {"fuel", 8, 2000, 11000, false},       {"clothes", 9, 1500, 24000, true},    {"games", 6, 199, 6000, true},
    {"electronics", 4, 1900, 70000, true}, {"jewellery", 2, 4900, 90000, false},
};
enum {
  CATEGORIES = sizeof categories / sizeof *categories,
  GROCERIES = 0,
  TRANSIT = 1,
  GAMES = 5,
  ELECTRONICS = 6,
  JEWELLERY = 7,
  CLOTHES = 4
};

/* ---- numbers ---- */

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014). */
static uint64_t random_next(struct world *w) {
  uint64_t z = (w->random += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* low to high, both ends included. The bias of a remainder of 64 bits is far below what anybody could see here. */
static int64_t between(struct world *w, int64_t low, int64_t high) {
  return low + (int64_t)(random_next(w) % (uint64_t)(high - low + 1));
}

static bool chance(struct world *w, int per_thousand) { return between(w, 1, 1000) <= per_thousand; }

/* Most sums are small: the square of an even draw leans to the low end. */
static int64_t cents(struct world *w, const struct category *category) {
  int64_t draw = between(w, 0, 1000);
  return category->low + (int64_t)(category->high - category->low) * draw * draw / 1000000;
}

static unsigned draw_category(struct world *w) {
  int64_t draw = between(w, 0, 99);
  for (unsigned i = 0; i < CATEGORIES; i++) {
    draw -= categories[i].share;
    if (draw < 0) return i;
  }
  return GROCERIES;
}

/* A moment of the day as people live it: twenty tries to be awake. */
static int64_t waking_moment(struct world *w) {
  static const int awake[24] = {4,  2,  1,  1,  1,  3,  15,  45, 70, 75, 80, 85,
                                95, 85, 75, 75, 85, 95, 100, 85, 60, 40, 22, 10};
  int64_t at = 0;
  for (int tries = 0; tries < 20; tries++) {
    at = between(w, 0, w->minutes * MINUTE - 1);
    if (between(w, 1, 100) <= awake[at / HOUR % 24]) break;
  }
  return START_MS + at;
}

/* When a scenario that lasts so long may begin: between seven in the morning and the evening of one of the days. */
static int64_t scenario_moment(struct world *w, int64_t lasts_ms) {
  int64_t at = 0;
  for (int tries = 0; tries < PATIENCE; tries++) {
    at = between(w, 0, w->minutes * MINUTE - lasts_ms - MINUTE);
    int64_t hour = at / HOUR % 24, ends = (at + lasts_ms) / HOUR % 24;
    if (hour >= 7 && hour < 22 && (lasts_ms > 3 * HOUR || (ends >= 7 && ends < 23))) break;
  }
  return START_MS + at;
}

/* ---- lines ---- */

static void die(const char *what) {
  fprintf(stderr, "fraud_generate: %s\n", what);
  exit(3);
}

static void *grown(void *block, size_t count, size_t size) {
  void *larger = realloc(block, count * size);
  if (larger == NULL) die("out of memory");
  return larger;
}

static void add_line(struct world *w, enum partition partition, int64_t arrival_ms, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void add_line(struct world *w, enum partition partition, int64_t arrival_ms, const char *format, ...) {
  if (w->line_count == LINES_MAX) die("too many events: fewer customers or minutes, please");
  if (w->line_count == w->line_room) {
    w->line_room = w->line_room == 0 ? 4096 : w->line_room * 2;
    w->lines = grown(w->lines, w->line_room, sizeof *w->lines);
  }
  struct line *line = &w->lines[w->line_count];
  *line = (struct line){.arrival_ms = arrival_ms, .serial = (uint32_t)w->line_count++, .partition = partition};
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line->text, sizeof line->text, format, arguments);
  va_end(arguments);
  if (length < 0 || length >= LINE_MAX_BYTES) die("a line is too long");
}

/* The way to Weir takes a moment, now and then some seconds, never as much as the declared disorder of ten. */
static int64_t arrival(struct world *w, int64_t at) {
  int64_t draw = between(w, 0, 99);
  if (draw < 70) return at + between(w, 0, 400);
  if (draw < 95) return at + between(w, 400, 3000);
  return at + between(w, 3000, 9000);
}

struct moment_text {
  char text[40];
};

static struct moment_text moment(int64_t at_ms) {
  struct moment_text out;
  time_t seconds = (time_t)(at_ms / 1000);
  struct tm parts;
  if (gmtime_r(&seconds, &parts) == NULL) die("a time that no calendar has");
  size_t length = strftime(out.text, sizeof out.text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(out.text + length, sizeof out.text - length, ".%03dZ", (int)(at_ms % 1000));
  return out;
}

static struct moment_text degrees(int value) {
  struct moment_text out;
  int size = abs(value);
  snprintf(out.text, sizeof out.text, "%s%d.%04d", value < 0 ? "-" : "", size / 10000, size % 10000);
  return out;
}

/* ---- events ---- */

struct payment {
  unsigned customer, category, city, terminal;
  int64_t cents;
  bool online, declined;
  int64_t delay_ms; /* 0: as long as the way takes; else so late */
  bool twice;       /* the sender did not get the answer, and sent it again */
};

static void pay(struct world *w, int64_t at, struct payment p) {
  const struct city *city = &cities[p.city];
  int64_t arrives = p.delay_ms > 0 ? at + p.delay_ms : arrival(w, at);
  unsigned serial = ++w->payment_serial;
  for (int copy = 0; copy < 1 + p.twice; copy++)
    add_line(w, w->past ? HISTORY : PAYMENTS, arrives + copy * 1500,
             "{%s\"at\":\"%s\",\"id\":\"p%06u\",\"card_id\":\"card-%04u\",\"customer_id\":\"c%04u\",\"pan\":\"99990000%"
             "08" PRIu32 "\",\"amount\":%" PRId64
             ".%02d,\"status\":\"%s\",\"entry\":\"%s\",\"category\":\"%s\",\"terminal_id\":\"t%03u\","
             "\"merchant\":{\"country\":\"%s\",\"lat\":%s,\"lon\":%s}}",
             w->past ? "\"type\":\"payment\"," : "", moment(at).text, serial, p.customer, p.customer,
             w->customers[p.customer].pan_tail, p.cents / 100, (int)(p.cents % 100),
             p.declined ? "declined" : "approved", p.online ? "online" : "present", categories[p.category].name,
             p.terminal, city->country, degrees(city->lat + (int)(p.terminal % 50)).text,
             degrees(city->lon + (int)(p.terminal % 70)).text);
}

/* The shop of that kind in the customer's city, or a shop of the net. */
static struct payment purchase(struct world *w, unsigned customer, unsigned category, bool online) {
  struct payment p = {
      .customer = customer, .category = category, .online = online, .city = w->customers[customer].city};
  if (online) {
    p.terminal = TERMINALS + (unsigned)between(w, 0, ONLINE_SHOPS - 1);
    p.city = p.terminal % HOME_CITIES;
    return p;
  }
  for (int tries = 0; tries < PATIENCE; tries++) {
    p.terminal = (unsigned)between(w, 0, TERMINALS - 1);
    if (w->terminals[p.terminal].city == p.city && w->terminals[p.terminal].category == category) break;
  }
  return p;
}

static struct payment online_purchase(struct world *w, unsigned customer, unsigned category, int64_t amount) {
  struct payment p = purchase(w, customer, category, true);
  p.cents = amount;
  return p;
}

static struct payment desk_purchase(struct world *w, unsigned customer, unsigned category, unsigned city,
                                    int64_t amount) {
  struct payment p = purchase(w, customer, category, false);
  p.city = city;
  p.cents = amount;
  return p;
}

static struct moment_text home(struct world *w, unsigned customer) {
  struct moment_text out;
  const unsigned *part = w->customers[customer].home;
  snprintf(out.text, sizeof out.text, "10.%u.%u.%u", part[0], part[1], part[2]);
  return out;
}

static struct moment_text address(const char *network, int64_t host) {
  struct moment_text out;
  snprintf(out.text, sizeof out.text, "%s%" PRId64, network, host);
  return out;
}

static void login(struct world *w, int64_t at, unsigned customer, bool ok, struct moment_text ip, const char *device) {
  add_line(w, w->past ? HISTORY : SESSIONS, arrival(w, at),
           "{\"type\":\"login\",\"at\":\"%s\",\"customer_id\":\"c%04u\",\"ok\":%s,\"ip\":\"%s\",\"device\":\"%s\"}",
           moment(at).text, customer, ok ? "true" : "false", ip.text, device);
}

static void mfa(struct world *w, int64_t at, unsigned customer, const char *state) {
  add_line(w, w->past ? HISTORY : SESSIONS, arrival(w, at),
           "{\"type\":\"mfa\",\"at\":\"%s\",\"customer_id\":\"c%04u\",\"state\":\"%s\"}", moment(at).text, customer,
           state);
}

static void profile_change(struct world *w, int64_t at, unsigned customer, const char *what) {
  add_line(w, w->past ? HISTORY : SESSIONS, arrival(w, at),
           "{\"type\":\"customer.profile.changed\",\"at\":\"%s\",\"customer_id\":\"c%04u\",\"what\":\"%s\"}",
           moment(at).text, customer, what);
}

static void payee_added(struct world *w, int64_t at, unsigned customer, const char *payee) {
  add_line(w, w->past ? HISTORY : SESSIONS, arrival(w, at),
           "{\"type\":\"payee_added\",\"at\":\"%s\",\"customer_id\":\"c%04u\",\"payee_id\":\"%s\"}", moment(at).text,
           customer, payee);
}

static void transfer(struct world *w, int64_t at, unsigned customer, const char *payee, int64_t amount) {
  add_line(w, w->past ? HISTORY : SESSIONS, arrival(w, at),
           "{\"type\":\"transfer\",\"at\":\"%s\",\"id\":\"x%06u\",\"customer_id\":\"c%04u\",\"payee_id\":\"%s\","
           "\"amount\":%" PRId64 ".%02d}",
           moment(at).text, ++w->transfer_serial, customer, payee, amount / 100, (int)(amount % 100));
}

struct account {
  char text[16];
};

static struct account outside_account(struct world *w) {
  struct account out;
  snprintf(out.text, sizeof out.text, "a%06u", (unsigned)between(w, 1, 999999));
  return out;
}

static struct account account_of(unsigned customer) {
  struct account out;
  snprintf(out.text, sizeof out.text, "c%04u", customer);
  return out;
}

/* ---- an ordinary day ---- */

static void make_world(struct world *w) {
  w->customers = grown(NULL, w->customer_count, sizeof *w->customers);
  w->victims = grown(NULL, w->customer_count, sizeof *w->victims);
  w->labels = grown(NULL, LABELS_MAX, sizeof *w->labels);
  for (unsigned i = 0; i < w->customer_count; i++) {
    struct customer *customer = &w->customers[i];
    *customer = (struct customer){.city = (unsigned)between(w, 0, HOME_CITIES - 1)};
    customer->pan_tail = (uint32_t)between(w, 0, 99999999);
    for (int part = 0; part < 3; part++) customer->home[part] = (unsigned)between(w, 1, 250);
    unsigned place = (unsigned)between(w, 0, i); /* a shuffle that grows */
    w->victims[i] = w->victims[place];
    w->victims[place] = i;
  }
  /* Each city has each kind of shop, and the first shops go round. */
  for (unsigned i = 0; i < TERMINALS; i++)
    w->terminals[i] = (struct terminal){.city = i % HOME_CITIES, .category = i / HOME_CITIES % CATEGORIES};
}

static void ordinary_payments(struct world *w, unsigned customer) {
  int64_t chances = 5 * w->minutes / DAY_MINUTES;
  for (int64_t i = 0; i < chances; i++) {
    if (!chance(w, 550)) continue;
    unsigned category = draw_category(w);
    struct payment p = purchase(w, customer, category, categories[category].online && chance(w, 600));
    if (w->customers[customer].away && !p.online) continue;
    p.cents = cents(w, &categories[category]);
    p.declined = chance(w, 25);
    pay(w, waking_moment(w), p);
  }
}

/* A visit to the bank's site: sometimes a slip of the password, often a second factor, now and then a transfer. */
static void ordinary_visit(struct world *w, unsigned customer) {
  bool moving = chance(w, 300);
  struct moment_text ip = moving ? address("10.255.7.", between(w, 1, 250)) : home(w, customer);
  const char *device = moving ? "phone" : "browser";
  int64_t at = waking_moment(w);
  if (chance(w, 80)) {
    login(w, at, customer, false, ip, device);
    at += between(w, 5, 40) * SECOND;
  }
  login(w, at, customer, true, ip, device);
  if (!chance(w, 350)) return;
  mfa(w, at += between(w, 200, 900), customer, "asked");
  mfa(w, at += between(w, 4, 70) * SECOND, customer, "passed");
  if (!chance(w, 450)) return;
  at += between(w, 20, 200) * SECOND;
  struct account payee =
      chance(w, 800) ? outside_account(w) : account_of((unsigned)between(w, 0, w->customer_count - 1));
  if (chance(w, 120)) {
    payee_added(w, at, customer, payee.text);
    at += between(w, 20, 90) * SECOND;
  }
  transfer(w, at, customer, payee.text, between(w, 1000, 90000));
}

static void ordinary_day(struct world *w) {
  for (unsigned i = 0; i < w->customer_count; i++) {
    ordinary_payments(w, i);
    for (int64_t visits = 2 * w->minutes / DAY_MINUTES; visits > 0; visits--)
      if (chance(w, 600)) ordinary_visit(w, i);
    if (chance(w, 10)) profile_change(w, waking_moment(w), i, "address");
  }
}

/* ---- what is planted ---- */

static unsigned victim(struct world *w) {
  if (w->next_victim == w->customer_count) die("more scenarios than customers: more customers, please");
  return w->victims[w->next_victim++];
}

static struct label *add_label(struct world *w, const char *scenario, bool fraud, const char *rule, const char *note) {
  if (w->label_count == LABELS_MAX) die("too many scenarios");
  struct label *label = &w->labels[w->label_count++];
  *label = (struct label){.scenario = scenario, .fraud = fraud, .rule = rule, .note = note, .number = 1};
  for (size_t i = 0; i + 1 < w->label_count; i++) label->number += strcmp(w->labels[i].scenario, scenario) == 0;
  return label;
}

static void set_span(struct label *label, int64_t from_ms, int64_t to_ms) {
  label->from_ms = from_ms;
  label->to_ms = to_ms;
}

static void set_key(struct label *label, const char *prefix, unsigned number) {
  snprintf(label->key, sizeof label->key, "%s%04u", prefix, number);
}

/* Probes every `step` or so, then a charge: a thief, one who has patience, or someone with a bus pass and new shoes. */
static void plant_probes(struct world *w, struct label *label, int64_t step_ms, bool online, int64_t charge) {
  unsigned customer = victim(w);
  int probes = (int)between(w, 3, 6);
  int64_t at = scenario_moment(w, 7 * step_ms), from = at;
  for (int i = 0; i < probes; i++) {
    struct payment probe =
        online ? online_purchase(w, customer, GAMES, between(w, 50, 420)) : purchase(w, customer, TRANSIT, false);
    if (!online) probe.cents = 240;
    pay(w, at, probe);
    at += step_ms * between(w, 70, 110) / 100;
  }
  pay(w, at, online_purchase(w, customer, ELECTRONICS, charge));
  set_key(label, "card-", customer);
  set_span(label, from, at);
}

static void plant_card_testing(struct world *w, struct label *label) {
  plant_probes(w, label, 75 * SECOND, true, between(w, 25000, 90000));
}

static void plant_slow_testing(struct world *w, struct label *label) {
  plant_probes(w, label, 20 * MINUTE, true, between(w, 25000, 90000));
}

static void plant_shopping_trip(struct world *w, struct label *label) {
  plant_probes(w, label, 4 * MINUTE, false, between(w, 21000, 40000));
}

static void plant_payments_in_a_row(struct world *w, struct label *label, int count, int64_t step_ms) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, HOUR), from = at;
  for (int i = 0; i < count; i++) {
    if (i > 0) at += step_ms * between(w, 60, 100) / 100;
    struct payment p = purchase(w, customer, GROCERIES, false);
    p.cents = between(w, 2500, 9900);
    pay(w, at, p);
  }
  set_key(label, "card-", customer);
  set_span(label, from, at);
}

static void plant_rapid_payments(struct world *w, struct label *label) {
  plant_payments_in_a_row(w, label, 6, 23 * SECOND);
}

static void plant_family_at_the_fair(struct world *w, struct label *label) {
  plant_payments_in_a_row(w, label, 4, 30 * SECOND);
}

static void plant_refusals(struct world *w, struct label *label, int refusals) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, HOUR), from = at;
  struct payment p = online_purchase(w, customer, ELECTRONICS, between(w, 9000, 40000));
  p.declined = true;
  for (int i = 0; i < refusals; i++) {
    pay(w, at, p);
    at += between(w, 30, 90) * SECOND;
  }
  p.declined = false;
  pay(w, at, p);
  set_key(label, "card-", customer);
  set_span(label, from, at);
}

static void plant_code_guessing(struct world *w, struct label *label) {
  plant_refusals(w, label, (int)between(w, 4, 7));
}

static void plant_fat_fingers(struct world *w, struct label *label) { plant_refusals(w, label, 2); }

static void plant_travel(struct world *w, struct label *label, unsigned city, int64_t later_ms) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, later_ms + HOUR), from = at;
  pay(w, at, desk_purchase(w, customer, GROCERIES, w->customers[customer].city, between(w, 900, 9000)));
  at += later_ms;
  pay(w, at, desk_purchase(w, customer, ELECTRONICS, city, between(w, 9000, 50000)));
  set_key(label, "card-", customer);
  set_span(label, from, at);
}

static void plant_impossible_travel(struct world *w, struct label *label) {
  unsigned city = chance(w, 500) ? SINGAPORE : LIMA;
  plant_travel(w, label, city, between(w, 25, 120) * MINUTE);
}

static void plant_flight(struct world *w, struct label *label) {
  unsigned city = (unsigned)between(w, 0, HOME_CITIES - 1);
  w->customers[w->victims[w->next_victim]].away = true;
  plant_travel(w, label, city, 4 * HOUR);
}

static void plant_dear(struct world *w, struct label *label, int64_t amount) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, MINUTE);
  pay(w, at, desk_purchase(w, customer, JEWELLERY, w->customers[customer].city, amount));
  set_key(label, "card-", customer);
  set_span(label, at, at);
}

static void plant_dear_purchase(struct world *w, struct label *label) {
  plant_dear(w, label, between(w, 190000, 480000));
}

static void plant_wedding_rings(struct world *w, struct label *label) {
  plant_dear(w, label, between(w, 155000, 240000));
}

/* The owner goes on paying at home: what the copy and the card do within half a day belongs to one fraud. */
static void plant_risky_country(struct world *w, struct label *label) {
  unsigned customer = victim(w), city = chance(w, 500) ? NOWHERE : ELSEWHERE;
  int64_t at = scenario_moment(w, MINUTE);
  pay(w, at, desk_purchase(w, customer, ELECTRONICS, city, between(w, 12000, 70000)));
  set_key(label, "card-", customer);
  set_span(label, at, at + 12 * HOUR);
}

static void plant_song_from_afar(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, MINUTE);
  struct payment p = online_purchase(w, customer, GAMES, between(w, 300, 2500));
  p.city = NOWHERE;
  pay(w, at, p);
  set_key(label, "card-", customer);
  set_span(label, at, at);
}

/* Failed logins from one address, one that succeeds from another; `proved`: with the second factor. */
static void plant_entry(struct world *w, struct label *label, bool same_address, bool proved) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, HOUR), from = at;
  struct moment_text thief = proved ? home(w, customer) : address("192.0.2.", between(w, 1, 250));
  struct moment_text entry =
      proved ? address("10.255.9.", between(w, 1, 250)) : address("203.0.113.", between(w, 1, 120));
  for (int64_t misses = between(w, 3, 6); misses > 0; misses--) {
    login(w, at, customer, false, thief, "browser");
    at += between(w, 4, 30) * SECOND;
  }
  login(w, at, customer, true, same_address ? thief : entry, proved ? "phone" : "browser");
  if (proved) {
    mfa(w, at + 400, customer, "asked");
    mfa(w, at + 19 * SECOND, customer, "passed");
  }
  at += between(w, 90, 600) * SECOND;
  int64_t amount = between(w, 110000, 480000);
  transfer(w, at, customer, outside_account(w).text, amount);
  set_key(label, "c", customer);
  set_span(label, from, at);
}

static void plant_account_takeover(struct world *w, struct label *label) { plant_entry(w, label, false, false); }

static void plant_takeover_at_home(struct world *w, struct label *label) { plant_entry(w, label, true, false); }

static void plant_forgotten_password(struct world *w, struct label *label) { plant_entry(w, label, false, true); }

static void plant_silent_takeover(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, 2 * HOUR), from = at;
  bool phone_first = chance(w, 500);
  struct account payee = outside_account(w), dummy = outside_account(w);
  profile_change(w, at, customer, phone_first ? "phone" : "email");
  profile_change(w, at += between(w, 30, 300) * SECOND, customer, phone_first ? "email" : "phone");
  if (chance(w, 500)) payee_added(w, at += between(w, 60, 300) * SECOND, customer, dummy.text);
  payee_added(w, at += between(w, 60, 1800) * SECOND, customer, payee.text);
  at += between(w, 60, 1200) * SECOND;
  transfer(w, at, customer, payee.text, between(w, 60000, 390000));
  set_key(label, "c", customer);
  set_span(label, from, at);
}

static void plant_new_number(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, HOUR), from = at;
  profile_change(w, at, customer, "phone");
  at += 12 * MINUTE;
  struct account landlord = outside_account(w);
  transfer(w, at, customer, landlord.text, between(w, 60000, 90000));
  set_key(label, "c", customer);
  set_span(label, from, at);
}

static void plant_credential_stuffing(struct world *w, struct label *label) {
  struct moment_text ip = address("192.0.2.", between(w, 1, 250));
  int64_t at = scenario_moment(w, HOUR), from = at;
  for (int64_t tries = between(w, 8, 20); tries > 0; tries--) {
    login(w, at, (unsigned)between(w, 0, w->customer_count - 1), false, ip, "script");
    at += between(w, 800, 6000);
  }
  login(w, at, victim(w), true, ip, "script");
  snprintf(label->key, sizeof label->key, "%s", ip.text);
  set_span(label, from, at);
}

static void plant_office(struct world *w, struct label *label) {
  struct moment_text ip = address("10.254.1.", between(w, 1, 250));
  int64_t at = scenario_moment(w, HOUR), from = at;
  for (int i = 0; i < 9; i++) {
    unsigned customer = (unsigned)between(w, 0, w->customer_count - 1);
    if (i % 3 == 0) login(w, at, customer, false, ip, "browser");
    login(w, at += between(w, 5, 60) * SECOND, customer, true, ip, "browser");
  }
  snprintf(label->key, sizeof label->key, "%s", ip.text);
  set_span(label, from, at);
}

static void plant_hosting_login(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, MINUTE);
  struct moment_text ip =
      chance(w, 500) ? address("198.51.100.", between(w, 1, 250)) : address("2001:db8:bad::", between(w, 1, 9));
  login(w, at, customer, true, ip, "script");
  set_key(label, "c", customer);
  set_span(label, at, at);
}

static void plant_challenge(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, HOUR);
  login(w, at, customer, true, label->fraud ? address("192.0.2.", between(w, 1, 250)) : home(w, customer), "browser");
  mfa(w, at + 600, customer, "asked");
  set_key(label, "c", customer);
  set_span(label, at, at + 3 * MINUTE + 600); /* the alert stands at the deadline */
}

static void plant_unanswered(struct world *w, struct label *label) { plant_challenge(w, label); }

static void plant_empty_battery(struct world *w, struct label *label) { plant_challenge(w, label); }

static void plant_new_payee(struct world *w, struct label *label, int64_t amount) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, 4 * HOUR), from = at;
  struct account payee = outside_account(w);
  payee_added(w, at, customer, payee.text);
  at += between(w, 2, 200) * MINUTE;
  transfer(w, at, customer, payee.text, amount);
  set_key(label, "c", customer);
  set_span(label, from, at);
}

static void plant_talked_into_it(struct world *w, struct label *label) {
  plant_new_payee(w, label, between(w, 210000, 850000));
}

static void plant_new_landlord(struct world *w, struct label *label) {
  plant_new_payee(w, label, between(w, 60000, 140000));
}

static void plant_deposit(struct world *w, struct label *label) {
  plant_new_payee(w, label, between(w, 300000, 600000));
}

static void plant_structuring(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, 5 * HOUR), from = at;
  for (int i = 0; i < 3; i++) {
    if (i > 0) at += between(w, 30, 140) * MINUTE;
    struct account payee = outside_account(w);
    transfer(w, at, customer, payee.text, between(w, 900000, 999900));
  }
  set_key(label, "c", customer);
  set_span(label, from, at);
}

static void plant_gifts(struct world *w, struct label *label, int64_t low, int64_t high, int64_t waits_ms,
                        int64_t share) {
  unsigned account = victim(w);
  int64_t at = scenario_moment(w, 2 * HOUR + waits_ms), from = at, sum = 0;
  for (int64_t gifts = between(w, 3, 5); gifts > 0; gifts--) {
    int64_t amount = between(w, low, high);
    transfer(w, at, victim(w), account_of(account).text, amount);
    sum += amount;
    at += between(w, 3, 20) * MINUTE;
  }
  at += waits_ms;
  transfer(w, at, account, outside_account(w).text, sum * share / 100);
  set_key(label, "c", account);
  set_span(label, from, at);
}

static void plant_mule(struct world *w, struct label *label) { plant_gifts(w, label, 25000, 90000, 40 * MINUTE, 93); }

static void plant_patient_mule(struct world *w, struct label *label) {
  plant_gifts(w, label, 25000, 90000, 7 * HOUR, 95);
}

static void plant_birthday(struct world *w, struct label *label) {
  plant_gifts(w, label, 1000, 5000, 30 * MINUTE, 100);
}

static void plant_flat_share(struct world *w, struct label *label) {
  plant_gifts(w, label, 30000, 40000, 2 * HOUR, 100);
}

/* ---- four weeks before, and what is planted against them ---- */

/* Where a customer's rent goes, month after month. */
static struct account landlord_of(unsigned customer) {
  struct account out;
  snprintf(out.text, sizeof out.text, "a9%05u", customer);
  return out;
}

static int64_t past_moment(struct world *w) {
  int64_t day = between(w, 1, HISTORY_DAYS), hour = between(w, 8, 21);
  return START_MS - day * 24 * HOUR + hour * HOUR + between(w, 0, 3599) * SECOND;
}

/* A quiet life: small purchases at home, a look at the account from the same two devices, the rent each week. */
static void remember(struct world *w, unsigned customer) {
  w->past = true;
  for (int64_t n = between(w, 8, 11); n > 0; n--) {
    unsigned category = draw_category(w);
    if (category > CLOTHES) category = GROCERIES;
    struct payment p = purchase(w, customer, category, false);
    p.cents = cents(w, &categories[category]);
    pay(w, past_moment(w), p);
  }
  for (int n = 0; n < 5; n++)
    login(w, past_moment(w), customer, true, home(w, customer), n % 2 == 0 ? "browser" : "phone");
  for (int week = 0; week < 4; week++) {
    int64_t at = START_MS - (week * 7 + 3) * 24 * HOUR + between(w, 9 * 60, 17 * 60) * MINUTE;
    transfer(w, at, customer, landlord_of(customer).text, between(w, 35000, 45000));
  }
  w->past = false;
}

/* Eight purchases of clothes between two sums. */
static void remember_clothes(struct world *w, unsigned customer, int64_t low, int64_t high) {
  w->past = true;
  for (int n = 0; n < 8; n++) {
    int64_t at = past_moment(w), amount = between(w, low, high);
    pay(w, at, desk_purchase(w, customer, CLOTHES, w->customers[customer].city, amount));
  }
  w->past = false;
}

static void history(struct world *w) {
  unsigned last = w->first_regular + w->customer_count / 10;
  if (last < w->next_victim) last = w->next_victim;
  if (last > w->customer_count) last = w->customer_count;
  for (unsigned i = w->first_regular; i < last; i++) remember(w, w->victims[i]);
}

/* Who is on a journey does not pay at home: what the ordinary day has written for the desks there is taken back. */
static void leave_home(struct world *w, unsigned customer) {
  char card[24];
  snprintf(card, sizeof card, "\"card-%04u\"", customer);
  for (size_t i = 0; i < w->line_count; i++) {
    struct line *line = &w->lines[i];
    if (line->partition == PAYMENTS && strstr(line->text, card) != NULL && strstr(line->text, "\"present\"") != NULL)
      line->partition = NO_PARTITION;
  }
}

/* Purchases of one card, so far apart: sprees and what looks like them. */
static int64_t shop(struct world *w, unsigned customer, unsigned category, int64_t at, int count, int64_t step_ms,
                    int64_t low, int64_t high) {
  for (int i = 0; i < count; i++) {
    if (i > 0) at += step_ms * between(w, 85, 100) / 100;
    int64_t amount = between(w, low, high);
    pay(w, at, desk_purchase(w, customer, category, w->customers[customer].city, amount));
  }
  return at;
}

/* Windows tell at the end of the hour: the span of such a label ends with the hour after. */
static void plant_spree(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, 2 * HOUR), from = at;
  at = label->fraud ? shop(w, customer, ELECTRONICS, at, 5, 3 * MINUTE, 26000, 44000)
                    : shop(w, customer, ELECTRONICS, at, 3, 55 * MINUTE, 26000, 44000);
  set_key(label, "card-", customer);
  set_span(label, from, at + HOUR);
}

/* A fraud goes on from till to till; who is at a market comes back to the same three. */
static void plant_tills(struct world *w, struct label *label) {
  unsigned customer = victim(w), city = w->customers[customer].city, first = (unsigned)between(w, 0, 11);
  int64_t at = scenario_moment(w, 2 * HOUR), from = at;
  for (unsigned i = 0; i < 7; i++) {
    unsigned till = city + HOME_CITIES * (first + (label->fraud ? i : i % 3));
    struct payment p = {.customer = customer, .city = city, .terminal = till};
    p.category = w->terminals[till].category;
    p.cents = label->fraud ? between(w, 2000, 6000) : between(w, 800, 1900);
    pay(w, at, p);
    at += between(w, 4 * 60, 7 * 60) * SECOND;
  }
  set_key(label, "card-", customer);
  set_span(label, from, at + HOUR);
}

static void plant_refused_cards(struct world *w, struct label *label) {
  unsigned same = victim(w), shop_of_all = TERMINALS + (unsigned)between(w, 0, ONLINE_SHOPS - 1);
  int64_t at = scenario_moment(w, HOUR), from = at;
  for (int i = 0; i < 11; i++) {
    unsigned customer = label->fraud ? (unsigned)between(w, 0, w->customer_count - 1) : same;
    struct payment p = purchase(w, customer, GAMES, label->fraud);
    if (label->fraud) p.terminal = shop_of_all, p.city = shop_of_all % HOME_CITIES;
    if (!label->fraud) shop_of_all = p.terminal;
    p.cents = between(w, 100, 900);
    p.declined = true;
    pay(w, at, p);
    at += between(w, 15, 40) * SECOND;
  }
  snprintf(label->key, sizeof label->key, "t%03u", shop_of_all);
  set_span(label, from, at);
}

static void plant_abroad(struct world *w, struct label *label) {
  unsigned customer = victim(w), city = (w->customers[customer].city + 3) % HOME_CITIES;
  int64_t at = scenario_moment(w, HOUR), amount = between(w, 12000, 45000);
  if (!label->fraud) {
    leave_home(w, customer);
    int64_t before = past_moment(w);
    w->past = true;
    pay(w, before, desk_purchase(w, customer, GROCERIES, city, 4520));
    w->past = false;
  }
  pay(w, at, desk_purchase(w, customer, ELECTRONICS, city, amount));
  set_key(label, "card-", customer);
  set_span(label, at, at + 12 * HOUR); /* the owner goes on paying at home */
}

static void plant_new_device(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, HOUR), from = at;
  login(w, at, customer, true, label->fraud ? address("192.0.2.", between(w, 1, 250)) : home(w, customer), "tablet");
  at += between(w, 2, 20) * MINUTE;
  struct account payee = label->fraud ? outside_account(w) : landlord_of(customer);
  int64_t amount = label->fraud ? between(w, 190000, 390000) : between(w, 38000, 45000);
  transfer(w, at, customer, payee.text, amount);
  set_key(label, "c", customer);
  set_span(label, from, at);
}

static void plant_large_transfer(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, HOUR);
  struct account payee = outside_account(w);
  int64_t amount = label->fraud ? between(w, 190000, 390000) : between(w, 85000, 96000);
  transfer(w, at, customer, payee.text, amount);
  set_key(label, "c", customer);
  set_span(label, at, at);
}

static void plant_clothes(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, HOUR), amount = between(w, 19000, 24000);
  remember_clothes(w, customer, label->fraud ? 1500 : 6000, label->fraud ? 3500 : 16000);
  pay(w, at, desk_purchase(w, customer, CLOTHES, w->customers[customer].city, amount));
  set_key(label, "card-", customer);
  set_span(label, at, at);
}

static void plant_dear_groceries(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, HOUR), amount = label->fraud ? between(w, 38000, 39900) : between(w, 24000, 29000);
  pay(w, at, desk_purchase(w, customer, GROCERIES, w->customers[customer].city, amount));
  set_key(label, "card-", customer);
  set_span(label, at, at);
}

static void plant_patient_spree(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t from = scenario_moment(w, 3 * HOUR) / HOUR * HOUR + 2 * MINUTE;
  shop(w, customer, GROCERIES, from, 5, 13 * MINUTE, label->fraud ? 10000 : 3000, label->fraud ? 15500 : 5500);
  set_key(label, "card-", customer);
  set_span(label, from, from + HOUR);
}

/* A market till from six o'clock: four busy hours, then a pause of one, or none at all any more. */
static void plant_market_till(struct world *w, struct label *label) {
  unsigned till = MARKET_TILL + label->fraud;
  int64_t opens = START_MS + (label->number - 1) * 24 * HOUR + 6 * HOUR;
  for (int hour = 0; hour < 6; hour++)
    for (int64_t n = hour == 4 || (hour == 5 && label->fraud) ? 0 : between(w, 6, 8); n > 0; n--) {
      unsigned customer = (unsigned)between(w, 0, w->customer_count - 1);
      for (int tries = 0; tries < PATIENCE && w->customers[customer].city != 0; tries++)
        customer = (unsigned)between(w, 0, w->customer_count - 1);
      int64_t amount = between(w, 300, 2500);
      struct payment p = {.customer = customer, .category = GROCERIES, .terminal = till, .cents = amount};
      pay(w, opens + hour * HOUR + between(w, 0, 59 * 60) * SECOND, p);
    }
  snprintf(label->key, sizeof label->key, "t%03u", till);
  set_span(label, opens, opens + 6 * HOUR);
}

static void plant_bust_out(struct world *w, struct label *label) {
  unsigned shop_of_all = TERMINALS + (unsigned)between(w, 0, ONLINE_SHOPS - 1);
  int64_t from = scenario_moment(w, 2 * HOUR) / HOUR * HOUR + MINUTE;
  for (int i = 0; i < 26; i++) {
    struct payment p = purchase(w, (unsigned)between(w, 0, w->customer_count - 1), CLOTHES, true);
    p.terminal = shop_of_all;
    p.city = shop_of_all % HOME_CITIES;
    p.cents = between(w, 4000, 9900);
    pay(w, from + i * 2 * MINUTE + between(w, 0, 90) * SECOND, p);
  }
  snprintf(label->key, sizeof label->key, "t%03u", shop_of_all);
  set_span(label, from, from + HOUR);
}

static void plant_kept_card(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, 6 * HOUR), from = at;
  for (int i = 0; i < 4; i++, at += 70 * SECOND) pay(w, at, online_purchase(w, customer, GAMES, 120 + 35 * (i % 3)));
  if (label->fraud) {
    pay(w, at, online_purchase(w, customer, ELECTRONICS, 31500));
    at += between(w, 180, 300) * MINUTE;
  }
  pay(w, at, online_purchase(w, customer, CLOTHES, between(w, 7000, 19000)));
  set_key(label, "card-", customer);
  set_span(label, from, at);
}

static void plant_remote_control(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, 2 * HOUR), from = at;
  struct account payee = outside_account(w);
  login(w, at, customer, true,
        label->fraud ? address("198.51.100.", between(w, 1, 250)) : address("10.255.8.", between(w, 1, 250)),
        "browser");
  payee_added(w, at += between(w, 3, 12) * MINUTE, customer, payee.text);
  at += between(w, 3, 30) * MINUTE;
  int64_t amount = label->fraud ? between(w, 210000, 450000) : between(w, 60000, 99000);
  transfer(w, at, customer, payee.text, amount);
  set_key(label, "c", customer);
  set_span(label, from, at);
}

/* From a data centre, the telephone silent, a dear ring at a jeweller's: each alone is nothing. */
static void plant_small_signs(struct world *w, struct label *label) {
  unsigned customer = victim(w);
  int64_t at = scenario_moment(w, 4 * HOUR), from = at;
  login(w, at, customer, true, address("198.51.100.", between(w, 1, 250)), "browser");
  mfa(w, at + 500, customer, "asked");
  at += between(w, 60, 200) * MINUTE;
  pay(w, at, desk_purchase(w, customer, JEWELLERY, w->customers[customer].city, between(w, 160000, 190000)));
  set_key(label, "c", customer);
  set_span(label, from, at);
}

/* An empty account is guessed open; then the same address enters another one, whose password it need not guess. Or both
 * live together: one cannot type, the other pays the rent. */
static void plant_second_account(struct world *w, struct label *label) {
  unsigned first = victim(w), second = victim(w);
  int64_t at = scenario_moment(w, 2 * HOUR), from = at;
  struct moment_text ip = label->fraud ? address("203.0.113.", between(w, 1, 120)) : home(w, first);
  for (int64_t misses = between(w, 3, 6); misses > 0; misses--) {
    login(w, at, first, false, ip, "browser");
    at += between(w, 4, 30) * SECOND;
  }
  login(w, at, first, true, ip, "browser");
  login(w, at += between(w, 3, 40) * MINUTE, second, true, ip, "browser");
  if (!label->fraud) {
    mfa(w, at + 400, second, "asked");
    mfa(w, at + 15 * SECOND, second, "passed");
  }
  at += between(w, 2, 20) * MINUTE;
  struct account payee = label->fraud ? outside_account(w) : landlord_of(second);
  transfer(w, at, second, payee.text, between(w, 60000, 98000));
  set_key(label, "c", second);
  set_span(label, from, at);
}

/* ---- cash desks ---- */

struct silence {
  int64_t from_ms, to_ms;
};

/* Desks are up from eight to eight. A desk says when it closes; one that is silent is in no state to. */
static void desk_day(struct world *w, unsigned desk, int64_t day, struct silence silence) {
  int64_t opens = START_MS + day * 24 * HOUR + 8 * HOUR, ends = START_MS + w->minutes * MINUTE;
  int64_t closes = opens + 12 * HOUR < ends - MINUTE ? opens + 12 * HOUR : ends - MINUTE;
  for (int64_t at = opens + between(w, 0, 59) * SECOND; at < closes; at += MINUTE)
    if (at < silence.from_ms || at > silence.to_ms)
      add_line(w, HEARTBEATS, arrival(w, at), "{\"at\":%" PRId64 ",\"terminal_id\":\"t%03u\",\"state\":\"up\"}",
               at / SECOND, desk);
  if (closes > opens)
    add_line(w, HEARTBEATS, arrival(w, closes), "{\"at\":%" PRId64 ",\"terminal_id\":\"t%03u\",\"state\":\"closing\"}",
             closes / SECOND, desk);
}

static void desks(struct world *w) {
  static const struct {
    const char *scenario, *note;
    bool fraud;
    int64_t from_minute, minutes;
  } silences[] = {{"opened_terminal", "somebody is at work inside", true, 631, 34},
                  {"stolen_terminal", "it is carried away", true, 1037, 97},
                  {"software_update", "planned but nobody told the rule", false, 782, 11},
                  {"weak_network", "a pause of four minutes", false, 917, 4}};
  for (unsigned desk = 0; desk < DESKS; desk++)
    for (int64_t day = 0; day * DAY_MINUTES < w->minutes; day++) {
      struct silence silence = {0, 0};
      if (desk < sizeof silences / sizeof *silences && day == 0 &&
          silences[desk].from_minute + silences[desk].minutes < w->minutes) {
        int64_t from = START_MS + silences[desk].from_minute * MINUTE;
        silence = (struct silence){from, from + silences[desk].minutes * MINUTE};
        struct label *label =
            add_label(w, silences[desk].scenario, silences[desk].fraud, "terminal_silent", silences[desk].note);
        snprintf(label->key, sizeof label->key, "t%03u", desk);
        set_span(label, silence.from_ms - MINUTE, silence.to_ms + MINUTE);
      }
      desk_day(w, desk, day, silence);
    }
}

/* What goes wrong on the way to Weir: sent twice, held up for minutes, cut off. */
static void mishaps(struct world *w) {
  for (int i = 0; i < 3; i++) {
    struct payment p = online_purchase(w, victim(w), GAMES, 999);
    p.twice = true;
    pay(w, scenario_moment(w, HOUR), p);
  }
  for (int i = 0; i < 2; i++) {
    struct payment p = online_purchase(w, victim(w), GAMES, 1999);
    p.delay_ms = 20 * MINUTE;
    pay(w, scenario_moment(w, HOUR), p);
  }
  int64_t at = scenario_moment(w, HOUR);
  add_line(w, PAYMENTS, at, "{\"at\":\"%s\",\"id\":\"p%06u\",\"card_id\":\"car", moment(at).text, ++w->payment_serial);
}

/* Frauds, and what looks like them; `rule` is the one that should find it, or should keep quiet. */
static const struct scenario {
  void (*plant)(struct world *, struct label *);
  int64_t per_day;
  bool fraud;
  const char *name, *rule, *note;
} scenarios[] = {
    {plant_card_testing, 4, true, "card_testing", "card_testing", "small probes and a large charge"},
    {plant_slow_testing, 2, true, "slow_card_testing", "card_testing", "the probes are twenty minutes apart"},
    {plant_shopping_trip, 2, false, "shopping_trip", "card_testing", "bus tickets and then a purchase"},
    {plant_rapid_payments, 3, true, "rapid_payments", "rapid_payments", "a stolen card is emptied in two minutes"},
    {plant_family_at_the_fair, 2, false, "family_at_the_fair", "rapid_payments", "four payments and then a pause"},
    {plant_code_guessing, 3, true, "code_guessing", "code_guessing", "the code of the card is tried out"},
    {plant_fat_fingers, 2, false, "fat_fingers", "code_guessing", "the code was mistyped twice"},
    {plant_impossible_travel, 3, true, "copied_card", "impossible_travel", "paid at home and on another continent"},
    {plant_flight, 2, false, "honest_flight", "impossible_travel", "a flight of some hours"},
    {plant_dear_purchase, 2, true, "dear_purchase", "dear_for_category", "jewellery that is easy to sell"},
    {plant_wedding_rings, 1, false, "wedding_rings", "dear_for_category", "a dear purchase of the owner's own"},
    {plant_risky_country, 3, true, "risky_country", "risky_country", "a copied card is used far away"},
    {plant_song_from_afar, 2, false, "song_from_afar", "risky_country", "a small sum in a country of the list"},
    {plant_account_takeover, 4, true, "account_takeover", "account_takeover", "guessed and entered from elsewhere"},
    {plant_takeover_at_home, 1, true, "takeover_from_one_address", "account_takeover",
     "guessed and entered from one address"},
    {plant_forgotten_password, 2, false, "forgotten_password", "account_takeover",
     "failed at home and entered by phone"},
    {plant_silent_takeover, 3, true, "silent_takeover", "silent_takeover", "the owner is locked out first"},
    {plant_new_number, 2, false, "new_number", "silent_takeover", "a new telephone and the rent"},
    {plant_credential_stuffing, 2, true, "credential_stuffing", "credential_stuffing",
     "many customers from one address"},
    {plant_office, 1, false, "office_on_monday", "credential_stuffing", "many customers behind one address"},
    {plant_hosting_login, 3, true, "hosting_login", "hosting_login", "entered from a data centre"},
    {plant_unanswered, 3, true, "stolen_password", "unanswered_challenge", "has the password but not the telephone"},
    {plant_empty_battery, 1, false, "empty_battery", "unanswered_challenge", "the owner's telephone was off"},
    {plant_talked_into_it, 3, true, "talked_into_it", "new_payee", "the caller said that he was from the bank"},
    {plant_new_landlord, 2, false, "new_landlord", "new_payee", "a first rent"},
    {plant_deposit, 1, false, "new_kitchen", "new_payee", "the owner's own large purchase"},
    {plant_structuring, 2, true, "structuring", "structuring", "cut into pieces just below the limit"},
    {plant_mule, 3, true, "mule", "mule", "a lent account that passes money on"},
    {plant_patient_mule, 1, true, "patient_mule", "mule", "the money rests for seven hours"},
    {plant_birthday, 1, false, "birthday", "mule", "small gifts and a present"},
    {plant_flat_share, 1, false, "flat_share", "mule", "one collects the rent of all"},
};

/* As above; these came later, and stand behind all the rest, so that they leave its dice as they were. */
static const struct scenario later_scenarios[] = {
    {plant_spree, 2, true, "spree", "card_velocity", "a stolen card is taken round the shops"},
    {plant_spree, 2, false, "furnishing", "card_velocity", "as much in as many shops but in an afternoon"},
    {plant_tills, 2, true, "till_tour", "many_terminals", "a copy goes from till to till"},
    {plant_tills, 1, false, "market_day", "many_terminals", "seven purchases at three stalls"},
    {plant_refused_cards, 1, true, "card_enumeration", "refused_cards", "made-up numbers are tried at one shop"},
    {plant_refused_cards, 1, false, "worn_chip", "refused_cards", "one card that no reader reads"},
    {plant_abroad, 2, true, "copy_abroad", "new_country", "a copy is used in another country"},
    {plant_abroad, 1, false, "second_home", "new_country", "a journey to where the card has been before"},
    {plant_new_device, 2, true, "stolen_session", "strange_hands", "the thief's tablet and the thief's account"},
    {plant_new_device, 1, false, "new_tablet", "strange_hands", "the owner's new tablet pays the rent"},
    {plant_large_transfer, 2, true, "false_invoice", "three_times_usual", "an invoice with another account number"},
    {plant_large_transfer, 1, false, "yearly_bill", "three_times_usual", "twice the usual"},
    {plant_clothes, 2, true, "other_taste", "unlike_itself", "within the limits of all but not of this card"},
    {plant_clothes, 1, false, "winter_coat", "unlike_itself", "the coat of somebody who likes clothes"},
    {plant_dear_groceries, 2, true, "gift_cards", "dear_among_peers", "gift cards from the supermarket"},
    {plant_dear_groceries, 1, false, "garden_party", "dear_among_peers", "food for forty guests"},
    {plant_patient_spree, 2, true, "patient_spree", "hot_hour", "purchase after purchase without haste"},
    {plant_patient_spree, 1, false, "saturday_shopping", "hot_hour", "five shops for one supper"},
    {plant_market_till, 1, true, "swapped_till", "till_fell_silent", "customers pay at a till that is none"},
    {plant_market_till, 1, false, "long_lunch", "till_fell_silent", "a pause of an hour"},
    {plant_bust_out, 1, true, "bust_out", "crowded_shop", "a shop that exists to empty cards"},
    {plant_kept_card, 2, true, "kept_card", "watched_card", "tested and charged and used again hours later"},
    {plant_kept_card, 1, false, "young_player", "watched_card", "four small games and a pair of shoes"},
    {plant_remote_control, 2, true, "remote_control", "remote_hands", "somebody helps with the computer"},
    {plant_remote_control, 1, false, "first_bill", "remote_hands", "a new payee from the train"},
    {plant_small_signs, 2, true, "small_signs", "weak_signs", "three signs that mean nothing alone"},
};

/* As above, behind the history too. */
static const struct scenario latest_scenarios[] = {
    {plant_second_account, 2, true, "second_account", "second_account", "one guessed account leads to the next"},
    {plant_second_account, 1, false, "family_evening", "second_account", "two who live together and one pays the rent"},
};

static void plant(struct world *w, const struct scenario *planted, size_t count_planted) {
  for (size_t i = 0; i < count_planted; i++) {
    const struct scenario *scenario = &planted[i];
    int64_t count = scenario->per_day * w->minutes / DAY_MINUTES;
    for (int64_t n = count > 0 ? count : 1; n > 0; n--)
      scenario->plant(w, add_label(w, scenario->name, scenario->fraud, scenario->rule, scenario->note));
  }
}

/* ---- out ---- */

static int by_arrival(const void *a, const void *b) {
  const struct line *left = a, *right = b;
  if (left->arrival_ms != right->arrival_ms) return left->arrival_ms < right->arrival_ms ? -1 : 1;
  return left->serial < right->serial ? -1 : left->serial > right->serial;
}

static FILE *open_in(const char *folder, const char *name) {
  char path[4096];
  int length = snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "w") : NULL;
  if (file == NULL) {
    fprintf(stderr, "fraud_generate: %s/%s: %s\n", folder, name, strerror(errno));
    exit(3);
  }
  return file;
}

static void close_whole(FILE *file) {
  bool whole = ferror(file) == 0;
  if (fclose(file) != 0 || !whole) die("writing failed");
}

static void write_lines(struct world *w, const char *folder) {
  qsort(w->lines, w->line_count, sizeof *w->lines, by_arrival);
  for (int partition = 0; partition < PARTITIONS; partition++) {
    FILE *file = open_in(folder, partition_files[partition]);
    for (size_t i = 0; i < w->line_count; i++)
      if (w->lines[i].partition == (enum partition)partition) fprintf(file, "%s\n", w->lines[i].text);
    close_whole(file);
  }
}

static void write_labels(struct world *w, const char *folder) {
  FILE *file = open_in(folder, "labels.csv");
  fprintf(file, "scenario,fraud,rule,key,from,to,note\n");
  for (size_t i = 0; i < w->label_count; i++) {
    const struct label *label = &w->labels[i];
    fprintf(file, "%s-%u,%d,%s,%s,%s,%s,%s\n", label->scenario, label->number, label->fraud, label->rule, label->key,
            moment(label->from_ms).text, moment(label->to_ms).text, label->note);
  }
  close_whole(file);
}

static int usage(void) {
  fprintf(stderr, "usage: fraud_generate --out FOLDER [--seed N] [--minutes %d…%d] [--customers %d…%d]\n", MINUTES_MIN,
          MINUTES_MAX, CUSTOMERS_MIN, CUSTOMERS_MAX);
  return 2;
}

static bool read_number(const char *text, uint64_t low, uint64_t high, uint64_t *number) {
  char *end;
  errno = 0;
  *number = strtoull(text, &end, 10);
  return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && *number >= low && *number <= high;
}

int main(int argc, char **argv) {
  const char *out = NULL;
  uint64_t seed = 1, minutes = DAY_MINUTES, customers = 500;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return usage();
    const char *value = argv[i + 1];
    bool good = false;
    if (strcmp(argv[i], "--out") == 0) out = value, good = true;
    if (strcmp(argv[i], "--seed") == 0) good = read_number(value, 0, UINT64_MAX, &seed);
    if (strcmp(argv[i], "--minutes") == 0) good = read_number(value, MINUTES_MIN, MINUTES_MAX, &minutes);
    if (strcmp(argv[i], "--customers") == 0) good = read_number(value, CUSTOMERS_MIN, CUSTOMERS_MAX, &customers);
    if (!good) return usage();
  }
  if (out == NULL) return usage();
  struct world w = {.random = seed, .minutes = (int64_t)minutes, .customer_count = (unsigned)customers};
  make_world(&w);
  plant(&w, scenarios, sizeof scenarios / sizeof *scenarios);
  ordinary_day(&w);
  desks(&w);
  mishaps(&w);
  w.first_regular = w.next_victim;
  plant(&w, later_scenarios, sizeof later_scenarios / sizeof *later_scenarios);
  history(&w);
  plant(&w, latest_scenarios, sizeof latest_scenarios / sizeof *latest_scenarios);
  write_lines(&w, out);
  write_labels(&w, out);
  free(w.customers);
  free(w.victims);
  free(w.lines);
  free(w.labels);
  return 0;
}
