/* rule_random.h - random rule files, by the grammar: every construct, with random white space, comments, commas and
 * parentheses. What comes out parses (names need not exist). */
#ifndef WEIR_TESTS_RULE_RANDOM_H
#define WEIR_TESTS_RULE_RANDOM_H

#include <stdint.h>

#include "base/buf.h"

struct writer {
  struct buf *out;
  uint64_t state;
  int depth;
  bool newline; /* the last thing written was a line end */
};

static inline unsigned pick(struct writer *w, unsigned count) {
  w->state = w->state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(w->state >> 33) % count;
}
static inline bool maybe(struct writer *w, unsigned one_in) { return pick(w, one_in) == 0; }

/* White space and, at times, a comment. */
static inline void gap(struct writer *w) {
  static const char *const gaps[] = {" ", " ", " ", " ", "  ", "\n", "\t", " \r\n  ", "\n\n"};
  static const char *const comments[] = {" # a comment\n", "#b\n", " #\n", "\n\n# on its own line\n\n",
                                         "\n  #  ä\n # two\n"};
  buf_str(w->out, maybe(w, 25) ? comments[pick(w, 5)] : gaps[pick(w, 9)]);
}
static inline void put(struct writer *w, const char *text) {
  gap(w);
  buf_str(w->out, text);
}
static inline void any_of(struct writer *w, const char *const *words, unsigned count) { put(w, words[pick(w, count)]); }
#define ANY_OF(w, ...)                                                                                                 \
  do {                                                                                                                 \
    static const char *const any_words[] = {__VA_ARGS__};                                                              \
    any_of((w), any_words, sizeof any_words / sizeof any_words[0]);                                                    \
  } while (0)

static inline void random_name(struct writer *w) {
  ANY_OF(w, "a", "b", "amount", "at", "first", "count", "required", "secret", "approx", "everywhere", "time", "int",
         "from", "list", "_x1", "card_id", "severity_2");
}
static inline void random_string(struct writer *w) {
  ANY_OF(w, "\"\"", "\"a\"", "\"x \\\"y\\\" \\\\ \\n\\t\"", "\"\\u0007 {a} # é\"", "\"tab\there\"");
}
static inline void random_duration(struct writer *w) {
  ANY_OF(w, "1s", "30m", "90m", "1h30m", "1w", "7d", "0s", "5us", "1_000ms");
}
static inline void random_time(struct writer *w) {
  ANY_OF(w, "@2026-11-21T10:00:00Z", "@2026-11-21t10:00:00.5+02:00", "@1969-12-31T23:59:59.999999Z");
}
static inline void random_type(struct writer *w) {
  ANY_OF(w, "bool", "int", "float", "decimal(2)", "decimal ( 18 )", "string", "duration", "ip", "[string]",
         "[ decimal(0) ]", "time", "time(ms)");
}
static inline void random_number(struct writer *w) {
  ANY_OF(w, "0", "1", "42", "1_000", "9223372036854775807", "4.2", "1.00", "0.000000000000000001", "1e3", "1.5e-7",
         "30m");
}

static inline void random_literal(struct writer *w) {
  switch (pick(w, 8)) {
  case 0: random_string(w); break;
  case 1: random_time(w); break;
  case 2: ANY_OF(w, "true", "false", "null"); break;
  case 3: ANY_OF(w, "10.0.0.0/8", "2001:db8::/32", "10.0.0.1", "::1", "- 9223372036854775808"); break;
  case 4:
    put(w, "-");
    random_number(w);
    break;
  default: random_number(w);
  }
}

static inline void random_expr(struct writer *w);

static inline void random_use(struct writer *w) {
  random_name(w);
  if (!maybe(w, 2)) return;
  put(w, "(");
  random_expr(w);
  put(w, ")");
}

static inline void random_counting(struct writer *w) {
  ANY_OF(w, "count", "sum", "top", "rate", "percentile");
  put(w, "(");
  if (maybe(w, 2)) {
    random_expr(w);
    if (maybe(w, 2)) {
      ANY_OF(w, ", 5", ", 99", ", 1h");
      if (maybe(w, 2)) put(w, "by sum("), random_expr(w), put(w, ")");
    }
  }
  if (maybe(w, 3)) put(w, "where"), random_expr(w);
  put(w, ")");
  if (maybe(w, 3)) put(w, "of"), random_use(w);
  if (maybe(w, 3)) ANY_OF(w, "by a", "by (b)", "by ( a , b )");
  ANY_OF(w, "over 1h", "over previous 90m", "over last 20", "over last 5 within 1h", "over today",
         "over today \"Europe/Berlin\"", "over ever idle 365d");
  if (maybe(w, 4)) put(w, "approx");
}

static inline void random_primary(struct writer *w) {
  switch (pick(w, 12)) {
  case 0:
    put(w, "(");
    random_expr(w);
    put(w, ")");
    break;
  case 1: random_counting(w); break;
  case 2:
    put(w, "seen(");
    random_name(w);
    ANY_OF(w, ", 30d)", ", 1h ) of payment", ",1h) of login(ok)");
    break;
  case 3:
    put(w, "f(");
    random_expr(w);
    put(w, ",");
    random_expr(w);
    put(w, ")");
    break;
  case 4: ANY_OF(w, "extract(s, /a\\/b(c)/, 1)", "f()", "previous(at)", "nth(s.f, 2)"); break;
  case 5:
    random_name(w);
    put(w, "[");
    random_expr(w);
    ANY_OF(w, "]", "].bank", "] . kind");
    break;
  case 6: ANY_OF(w, "s.amount", "window.start", "a . b . c"); break;
  case 7:
  case 8: random_name(w); break;
  default: random_literal(w);
  }
}

static inline void random_operand(struct writer *w) {
  if (maybe(w, 8)) ANY_OF(w, "-", "- -");
  random_primary(w);
  while (maybe(w, 8)) {
    put(w, "??");
    if (maybe(w, 4)) put(w, "-");
    random_primary(w);
  }
}

static inline void random_sum(struct writer *w) {
  random_operand(w);
  while (maybe(w, 4)) {
    ANY_OF(w, "+", "-", "*", "/", "%");
    random_operand(w);
  }
}

static inline void random_comparison(struct writer *w) {
  while (maybe(w, 8)) put(w, "not");
  random_sum(w);
  switch (pick(w, 12)) {
  case 0:
    put(w, "between");
    random_sum(w);
    put(w, "and");
    random_sum(w);
    break;
  case 1:
    ANY_OF(w, "in (", "not in (");
    random_expr(w);
    put(w, ",");
    random_expr(w);
    put(w, ")");
    break;
  case 2:
    ANY_OF(w, "in", "not in");
    random_name(w);
    break;
  case 3: ANY_OF(w, "in seen(ip, 1h)", "not in seen ( ip , 30d ) of login(ok)"); break;
  case 4: ANY_OF(w, "matches /a+ b/i", "matches /\\/x/", "matches / #/sx"); break;
  case 5: ANY_OF(w, "is null", "is not null"); break;
  case 6:
  case 7:
  case 8:
    ANY_OF(w, "==", "!=", "<", "<=", ">", ">=");
    random_sum(w);
    break;
  default: break;
  }
}

static inline void random_expr(struct writer *w) {
  if (++w->depth > 3) {
    random_name(w);
  } else {
    random_comparison(w);
    while (maybe(w, 5)) {
      ANY_OF(w, "and", "and", "or");
      random_comparison(w);
    }
  }
  w->depth--;
}

/* Now and then as many as no line has room for. */
static inline void random_names(struct writer *w) {
  unsigned more = maybe(w, 6) ? pick(w, 40) : 0;
  random_name(w);
  for (; more > 0; more--) put(w, ","), random_name(w);
  while (maybe(w, 3)) put(w, ","), random_name(w);
}

static inline void random_key(struct writer *w) {
  ANY_OF(w, "key none", "key card_id", "key a, b", "key user: login.uid, transfer.payer_id",
         "key user: a.b, c: d.e, f.g, h",
         "key user_or_device: login_of_a_person.user_id, transfer_of_money.payer_id, change_of_address.person, branch, "
         "channel: login_of_a_person.channel, transfer_of_money.way");
}

static inline void random_entries(struct writer *w, bool literals) {
  for (unsigned i = pick(w, 4); i > 0; i--) {
    random_name(w);
    put(w, "=");
    if (literals)
      random_literal(w);
    else
      random_expr(w);
    if (maybe(w, 3)) put(w, ",");
  }
}

static inline void random_pattern(struct writer *w);

static inline void random_quantifier(struct writer *w) {
  if (!maybe(w, 3)) {
    if (maybe(w, 6)) put(w, "gap 1m");
    return;
  }
  ANY_OF(w, "{3}", "{3,}", "{ 3 , 5 }", "+", "*", "?", "{1}", "{0,1}", "{1,}");
  if (maybe(w, 4)) ANY_OF(w, "strict", "each", "any");
  if (maybe(w, 4)) put(w, "greedy");
  if (maybe(w, 6)) put(w, "gap 1m");
  if (maybe(w, 4)) put(w, "until ("), random_expr(w), put(w, ")");
}

static inline void random_step(struct writer *w) {
  if (maybe(w, 2)) random_name(w), put(w, "=");
  random_use(w);
}

static inline void random_element(struct writer *w, bool next) {
  unsigned kind = w->depth > 3 ? 9 : pick(w, 10);
  w->depth++;
  if (kind == 0) {
    put(w, "(");
    random_pattern(w);
    put(w, ")");
  } else if (kind == 1) {
    put(w, "(");
    do {
      if (maybe(w, 3))
        put(w, "("), random_pattern(w), put(w, ")");
      else
        random_step(w);
      put(w, "or");
    } while (maybe(w, 3));
    random_step(w);
    put(w, ")");
  } else if (kind == 2) {
    put(w, "(");
    random_step(w);
    do put(w, "and"), random_step(w);
    while (maybe(w, 3));
    put(w, ")");
  } else {
    random_step(w);
    if (maybe(w, 8)) put(w, "at key a == s . g");
    if (next && maybe(w, 3)) put(w, "among ("), random_expr(w), put(w, ")");
  }
  w->depth--;
  random_quantifier(w);
}

static inline void random_pattern(struct writer *w) {
  random_element(w, false);
  while (maybe(w, 2)) {
    switch (pick(w, 6)) {
    case 0:
      put(w, "then any");
      random_element(w, false);
      break;
    case 1:
      put(w, "next");
      random_element(w, true);
      break;
    case 2:
      put(w, "then no");
      random_use(w);
      break;
    case 3:
      put(w, "then no");
      random_use(w);
      put(w, "for 5m");
      break;
    case 4:
      put(w, "next no");
      random_use(w);
      break;
    default: put(w, "then"); random_element(w, false);
    }
  }
}

static inline void random_clause(struct writer *w, unsigned clause) {
  switch (clause) {
  case 0:
    put(w, "severity");
    ANY_OF(w, "low", "medium", "high", "critical");
    break;
  case 1: ANY_OF(w, "score 60", "score 9223372036854775807"); break;
  case 2: ANY_OF(w, "action block", "action step_up for 24h"); break;
  case 3: ANY_OF(w, "mode live", "mode shadow", "mode off"); break;
  case 4: put(w, "canary 10 %"); break;
  case 5:
    put(w, "active");
    ANY_OF(w, "from @2026-11-21T10:00:00Z", "until @2026-11-21T10:00:00.25Z",
           "from @2026-11-21T10:00:00Z until @2027-11-21T10:00:00Z");
    break;
  case 6:
    put(w, "schedule");
    random_string(w);
    if (maybe(w, 2)) put(w, "zone"), random_string(w);
    break;
  case 7:
    put(w, "owner");
    random_string(w);
    break;
  case 8:
    put(w, "runbook");
    random_string(w);
    break;
  case 9:
    put(w, "tags");
    random_string(w);
    while (maybe(w, 2) || maybe(w, 2)) put(w, ","), random_string(w);
    break;
  case 10: put(w, "cold ok"); break;
  case 11: put(w, "with because"); break;
  case 12: put(w, "matched fields"); break;
  case 13: ANY_OF(w, "allow costly-any", "allow first-only , no-match"); break;
  case 14:
    put(w, "on");
    random_use(w);
    break;
  case 15: random_key(w); break;
  case 16:
    put(w, "when (");
    random_expr(w);
    put(w, ")");
    break;
  case 17:
    put(w, "match");
    random_pattern(w);
    break;
  case 18:
    put(w, "within");
    random_duration(w);
    break;
  case 19:
    ANY_OF(w, "report first", "report all", "report all limit 7", "report longest", "report timeout",
           "report timeout only");
    break;
  case 20:
    put(w, "after match");
    ANY_OF(w, "skip past last", "skip to next", "skip to first s", "skip to last s", "overlap");
    break;
  case 21:
    put(w, "emit {");
    random_entries(w, false);
    put(w, "}");
    break;
  case 22:
    put(w, "message");
    random_string(w);
    break;
  case 23: ANY_OF(w, "add a to watch", "add a to watch for 7d"); break;
  case 24: put(w, "remove a from watch"); break;
  case 25:
    put(w, "suppress");
    random_duration(w);
    if (maybe(w, 2)) put(w, "unless"), random_expr(w);
    break;
  case 26: ANY_OF(w, "to nothing", "to alerts", "to alerts , \"x y\", b"); break;
  default: put(w, "on change"); ANY_OF(w, "carry", "finish", "drop");
  }
}

static inline void random_rule(struct writer *w) {
  uint32_t done = 0;
  put(w, "rule");
  random_name(w);
  if (maybe(w, 4)) put(w, "was"), random_name(w);
  if (maybe(w, 3)) random_string(w);
  put(w, "{");
  for (unsigned i = pick(w, 10); i > 0; i--) {
    unsigned clause = pick(w, 28);
    if ((done & 1u << clause) != 0) continue;
    done |= 1u << clause;
    random_clause(w, clause);
  }
  put(w, "}");
}

static inline void random_source(struct writer *w) {
  static const char *const clauses[] = {"event_time at",
                                        "event_time log",
                                        "named \"a.b\"",
                                        "disorder 10s",
                                        "late side old",
                                        "late drop",
                                        "unique id for 10m everywhere approx",
                                        "unique id for 1h",
                                        "watermark when (a == 1)",
                                        "clock ahead 1m behind 1d",
                                        "clock behind 1h",
                                        "jump 1h confirm 3"};
  static const unsigned char groups[] = {0, 0, 1, 2, 3, 3, 4, 4, 5, 6, 6, 7};
  unsigned done = 0;
  put(w, "event");
  random_name(w);
  put(w, "{");
  for (unsigned i = pick(w, 5); i > 0; i--) {
    unsigned clause = pick(w, 12);
    if ((done & 1u << groups[clause]) != 0) continue;
    done |= 1u << groups[clause];
    put(w, clauses[clause]);
  }
  for (unsigned i = 1 + pick(w, 5); i > 0; i--) {
    random_name(w);
    random_type(w);
    if (maybe(w, 4)) {
      put(w, "=");
      random_expr(w);
    } else {
      if (maybe(w, 4)) put(w, "from"), random_string(w);
      if (maybe(w, 4)) put(w, "required");
      if (maybe(w, 4)) ANY_OF(w, "secret", "secret mask 6..4");
      if (maybe(w, 4)) put(w, "round half_even");
    }
    buf_str(w->out, ",");
  }
  put(w, "}");
}

static inline void random_derived(struct writer *w) {
  put(w, "event");
  random_name(w);
  if (maybe(w, 4)) {
    put(w, "join o = order , p = payment");
    ANY_OF(w, "key a", "key a, b");
    put(w, "where");
    random_expr(w);
    if (maybe(w, 2)) ANY_OF(w, "left", "right", "full");
  } else {
    put(w, "from");
    random_names(w);
    if (maybe(w, 4)) put(w, "each w in words");
    if (maybe(w, 2)) put(w, "where ("), random_expr(w), put(w, ")");
    if (maybe(w, 2)) random_key(w);
    if (maybe(w, 2)) {
      put(w, "window");
      ANY_OF(w, "tumbling 1h", "sliding 90m every 5m", "session 30m", "count 100", "count 100 every 10", "today",
             "today \"Europe/Berlin\"");
      if (maybe(w, 3)) put(w, "offset 1h");
      if (maybe(w, 3)) put(w, "lateness 0s");
      if (maybe(w, 3)) ANY_OF(w, "early every 10s", "early every 100 events", "early when (count() > 50)");
      if (maybe(w, 3)) put(w, "every key known for 1d");
    }
  }
  put(w, "{");
  random_entries(w, false);
  put(w, "}");
}

static inline void random_columns(struct writer *w) {
  put(w, "{");
  for (unsigned i = pick(w, 4); i > 0; i--) {
    random_name(w);
    random_type(w);
    if (maybe(w, 2)) put(w, ",");
  }
  put(w, "}");
}

static inline void random_list(struct writer *w) {
  put(w, "list");
  random_name(w);
  random_type(w);
  if (maybe(w, 3)) put(w, "ttl 90d");
  if (maybe(w, 3)) put(w, "visible after 1s");
  if (maybe(w, 3)) {
    put(w, "from file");
    random_string(w);
  } else if (maybe(w, 2)) {
    put(w, "{");
    for (unsigned i = pick(w, 30); i > 0; i--) {
      random_literal(w);
      put(w, i > 1 || maybe(w, 2) ? "," : "");
    }
    put(w, "}");
  }
}

static inline void random_test(struct writer *w) {
  put(w, "test");
  random_string(w);
  put(w, "for");
  random_names(w);
  put(w, "{");
  for (unsigned i = pick(w, 6); i > 0; i--) {
    switch (pick(w, 5)) {
    case 0:
      put(w, "watermark");
      random_string(w);
      break;
    case 1: ANY_OF(w, "expect nothing", "expect nothing else"); break;
    case 2:
      put(w, "expect");
      random_name(w);
      if (maybe(w, 2)) put(w, "at"), random_string(w);
      if (maybe(w, 2)) put(w, "{ a: 1 , b: [ 1 , -2.50, \"x\" ] }");
      break;
    default:
      random_name(w);
      put(w, "{");
      if (maybe(w, 2)) random_name(w), put(w, ":"), random_literal(w), put(w, ", c: []");
      put(w, "}");
      if (maybe(w, 2)) ANY_OF(w, "* 3", "* 3 every 90s", "* 1", "* 1 every 0s");
    }
  }
  put(w, "}");
}

/* One declaration. */
static inline void random_declaration(struct writer *w) {
  switch (pick(w, 14)) {
  case 0:
  case 1: random_source(w); break;
  case 2: random_derived(w); break;
  case 3: random_list(w); break;
  case 4:
    put(w, "table");
    random_name(w);
    ANY_OF(w, "key (f)", "key ( f ) from file \"x.csv\"", "key(f) from event e");
    random_columns(w);
    if (maybe(w, 2)) ANY_OF(w, "ttl 30d", "ttl 30d on read", "ttl 1h on write");
    break;
  case 5:
    put(w, "lookup");
    random_name(w);
    put(w, "from redis");
    random_string(w);
    random_columns(w);
    if (maybe(w, 2)) put(w, "timeout 5ms");
    if (maybe(w, 2)) put(w, "cache 10s");
    if (maybe(w, 2)) put(w, "default {"), random_entries(w, true), put(w, "}");
    if (maybe(w, 2)) put(w, "else http"), random_string(w);
    break;
  case 6:
    put(w, "model m from file \"m.json\" { in");
    random_names(w);
    put(w, "out score");
    random_type(w);
    put(w, "}");
    break;
  case 7:
    put(w, "counter");
    random_name(w);
    put(w, "=");
    random_counting(w);
    break;
  case 8:
    put(w, "let");
    random_name(w);
    put(w, "=");
    random_expr(w);
    break;
  case 9:
    put(w, "group");
    random_name(w);
    put(w, "{");
    random_key(w);
    put(w, "over 24h rules");
    random_names(w);
    ANY_OF(w, "score max", "score sum", "score sum all", "score sum max 100", "score max max 7");
    if (maybe(w, 2)) put(w, "decay 1h");
    ANY_OF(w, "block at 90", "max at 3 review at 60 for 1h");
    if (maybe(w, 2)) put(w, "to"), random_names(w);
    put(w, "}");
    break;
  case 10: ANY_OF(w, "actions block", "actions block > allow > review"); break;
  case 11: random_test(w); break;
  default: random_rule(w);
  }
}

#endif
