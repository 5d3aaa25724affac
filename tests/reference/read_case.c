/* read_case.c - reads a rule file and JSON events into a pattern_case: the part of the rule language that the reference
 * matcher knows (the forms that generate.c writes and the conformance vectors use). It is independent of the engine's
 * own parser on purpose. What it does not know is an error that says so, never a guess. */
#include "pattern_case.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_NUMBER, TOKEN_DURATION, TOKEN_TEXT, TOKEN_MARK };
struct token {
  enum token_kind kind;
  char text[64];
  double number;
  int64_t milliseconds;
};
struct reader {
  struct pattern_case *c;
  const char *at;
  struct token token;
  bool failed;
  char *error;
  size_t error_size;
  bool numeric[CASE_FIELDS_MAX];
  char key_field[16];
};

enum { NEST_MAX = 16 };

__attribute__((format(printf, 2, 3))) static void fail(struct reader *r, const char *format, ...) {
  if (r->failed) return;
  r->failed = true;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(r->error, r->error_size, format, arguments);
  va_end(arguments);
}

static bool name_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

static void read_number(struct reader *r, struct token *t) {
  static const struct {
    const char *text;
    double milliseconds;
  } units[] = {{"us", 0.001}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}, {"w", 6.048e8}};
  t->kind = TOKEN_NUMBER;
  for (int part = 0; part < 8; part++) { /* compounds as 1h30m */
    char *end;
    double value = strtod(r->at, &end);
    if (end == r->at) return;
    r->at = end;
    t->number = value;
    char unit[4] = "";
    size_t length = 0;
    while (length < 3 && r->at[length] >= 'a' && r->at[length] <= 'z') unit[length] = r->at[length], length++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
      if (strcmp(unit, units[i].text) == 0) {
        t->kind = TOKEN_DURATION;
        t->milliseconds += (int64_t)llround(value * units[i].milliseconds);
        r->at += length;
        length = 0;
        break;
      }
    if (length > 0) fail(r, "unknown unit `%s`", unit);
    if (t->kind == TOKEN_NUMBER || !(*r->at >= '0' && *r->at <= '9')) return;
  }
}

static void advance(struct reader *r) {
  struct token *t = &r->token;
  memset(t, 0, sizeof *t);
  for (;;) {
    while (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r') r->at++;
    if (*r->at != '#') break;
    while (*r->at != '\0' && *r->at != '\n') r->at++;
  }
  size_t length = 0;
  if (*r->at == '\0') {
    t->kind = TOKEN_END;
  } else if (*r->at >= '0' && *r->at <= '9') {
    read_number(r, t);
  } else if (name_letter(*r->at)) {
    t->kind = TOKEN_NAME;
    while (name_letter(r->at[length]) && length < sizeof t->text - 1) t->text[length] = r->at[length], length++;
    r->at += length;
  } else if (*r->at == '"') {
    t->kind = TOKEN_TEXT;
    for (r->at++; *r->at != '"' && *r->at != '\0'; r->at++)
      if (length < sizeof t->text - 1) t->text[length++] = *r->at;
    if (*r->at == '"') r->at++;
  } else {
    t->kind = TOKEN_MARK;
    t->text[length++] = *r->at++;
    if (strchr("=!<>", t->text[0]) != NULL && *r->at == '=') t->text[length++] = *r->at++;
  }
}

static bool is(const struct reader *r, const char *text) {
  return (r->token.kind == TOKEN_NAME || r->token.kind == TOKEN_MARK) && strcmp(r->token.text, text) == 0;
}
static bool accept(struct reader *r, const char *text) {
  if (!is(r, text)) return false;
  advance(r);
  return true;
}
static void expect(struct reader *r, const char *text) {
  if (!accept(r, text)) fail(r, "expected `%s`, found `%s`", text, r->token.text);
}
static void take_name(struct reader *r, char *out, size_t size) {
  if (r->token.kind != TOKEN_NAME) fail(r, "expected a name, found `%s`", r->token.text);
  snprintf(out, size, "%.*s", (int)size - 1, r->token.text);
  advance(r);
}
static int64_t take_duration(struct reader *r) {
  int64_t value = r->token.milliseconds;
  if (r->token.kind != TOKEN_DURATION) fail(r, "expected a duration, found `%s`", r->token.text);
  advance(r);
  return value;
}
static double take_number(struct reader *r) {
  double sign = accept(r, "-") ? -1 : 1, value = r->token.number;
  if (r->token.kind != TOKEN_NUMBER) fail(r, "expected a number, found `%s`", r->token.text);
  advance(r);
  return sign * value;
}

/* ---- conditions ---- */

static int find_field(struct reader *r, const char *name) {
  for (int i = 0; i < r->c->field_count; i++)
    if (strcmp(r->c->field_names[i], name) == 0) {
      if (!r->numeric[i]) fail(r, "field `%s` is not a number", name);
      return i;
    }
  fail(r, "no field `%s`", name);
  return 0;
}
static int find_step(struct reader *r, const char *name) {
  for (int i = 0; i < r->c->node_count; i++)
    if (r->c->nodes[i].kind == NODE_STEP && strcmp(r->c->nodes[i].name, name) == 0) return i;
  fail(r, "no step `%s` yet", name);
  return 0;
}

static struct operand read_operand(struct reader *r) {
  static const struct {
    const char *name;
    enum operand_kind kind;
  } functions[] = {{"count", OPERAND_COUNT}, {"sum", OPERAND_SUM},           {"avg", OPERAND_AVG},
                   {"min", OPERAND_MIN},     {"max", OPERAND_MAX},           {"first", OPERAND_FIRST},
                   {"last", OPERAND_LAST},   {"distinct", OPERAND_DISTINCT}, {"nth", OPERAND_NTH}};
  struct operand o = {.kind = OPERAND_CONSTANT};
  if (r->token.kind != TOKEN_NAME) {
    o.constant = take_number(r);
    return o;
  }
  char name[64], part[64];
  take_name(r, name, sizeof name);
  if (accept(r, ".")) {
    o.kind = OPERAND_LAST;
    o.nth = 1; /* the spelling, for case_print_rules */
    o.step = find_step(r, name);
    take_name(r, part, sizeof part);
    o.field = find_field(r, part);
  } else if (accept(r, "(")) {
    o.kind = OPERAND_NONE;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
      if (strcmp(functions[i].name, name) == 0) o.kind = functions[i].kind;
    if (o.kind == OPERAND_NONE) fail(r, "function `%s` is not known here", name);
    take_name(r, part, sizeof part);
    o.step = find_step(r, part);
    if (o.kind != OPERAND_COUNT) {
      expect(r, ".");
      take_name(r, part, sizeof part);
      o.field = find_field(r, part);
    }
    if (o.kind == OPERAND_NTH) {
      expect(r, ",");
      o.nth = (int)take_number(r);
    }
    expect(r, ")");
  } else {
    o.kind = OPERAND_FIELD;
    o.field = find_field(r, name);
  }
  return o;
}

static void read_term(struct reader *r, struct term *t) {
  static const char *const operators[] = {"==", "!=", "<", "<=", ">", ">="};
  t->left = read_operand(r);
  if (accept(r, "+")) t->plus = read_operand(r);
  if (accept(r, "in")) {
    t->op = TERM_IN;
    expect(r, "(");
    do {
      if (t->set_count == CASE_SET_MAX)
        fail(r, "too many members of a set");
      else
        t->set[t->set_count++] = take_number(r);
    } while (accept(r, ",") && !r->failed);
    expect(r, ")");
    return;
  }
  for (int op = 0; op < 6; op++)
    if (accept(r, operators[op])) {
      t->op = (enum term_op)op;
      t->right = read_operand(r);
      return;
    }
  fail(r, "expected a comparison, found `%s`", r->token.text);
}

static void read_condition(struct reader *r, struct condition *condition) {
  expect(r, "(");
  do {
    if (condition->count == CASE_TERMS_MAX) {
      fail(r, "too many terms in a condition");
      return;
    }
    read_term(r, &condition->terms[condition->count++]);
    if (is(r, "or")) {
      if (condition->count > 1 && !condition->either) fail(r, "`and` and `or` are mixed");
      condition->either = true;
    }
  } while ((condition->either ? accept(r, "or") : accept(r, "and")) && !r->failed);
  expect(r, ")");
}

/* ---- patterns ---- */

static int new_node(struct reader *r, int parent, enum node_kind kind, enum link link) {
  struct pattern_case *c = r->c;
  if (c->node_count == CASE_NODES_MAX || (parent >= 0 && c->nodes[parent].child_count == CASE_CHILDREN_MAX)) {
    fail(r, "too many elements");
    return 0;
  }
  int node = c->node_count++;
  c->nodes[node] =
      (struct node){.kind = kind, .link = link, .parent = parent, .min = 1, .max = 1, .gap = -1, .for_time = -1};
  if (parent >= 0) c->nodes[parent].children[c->nodes[parent].child_count++] = node;
  return node;
}

static void read_use(struct reader *r, struct node *n) {
  char name[64];
  take_name(r, name, sizeof name);
  n->type = -1;
  if (n->kind == NODE_STEP) {
    snprintf(n->name, sizeof n->name, "%.23s", name);
    if (accept(r, "=")) take_name(r, name, sizeof name);
  }
  for (int i = 0; i < r->c->type_count; i++)
    if (strcmp(r->c->type_names[i], name) == 0) n->type = i;
  if (n->type < 0) fail(r, "no event `%s`", name);
  if (is(r, "(")) read_condition(r, &n->condition);
}

static void read_quantifier(struct reader *r, struct node *n) {
  n->has_quantifier = true;
  if (accept(r, "+")) {
    n->max = CASE_UNLIMITED;
  } else if (accept(r, "*")) {
    n->min = 0;
    n->max = CASE_UNLIMITED;
  } else if (accept(r, "?")) {
    n->min = 0;
  } else if (accept(r, "{")) {
    n->min = n->max = (int)take_number(r);
    if (accept(r, ",")) n->max = is(r, "}") ? CASE_UNLIMITED : (int)take_number(r);
    expect(r, "}");
  } else {
    n->has_quantifier = false;
  }
  for (; !r->failed;) {
    if (accept(r, "strict"))
      n->strict = true;
    else if (accept(r, "each"))
      n->each = true;
    else if (accept(r, "any"))
      n->any = true;
    else if (accept(r, "greedy"))
      n->greedy = true;
    else if (accept(r, "gap"))
      n->gap = take_duration(r);
    else if (accept(r, "until")) {
      n->has_until = true;
      read_condition(r, &n->until);
    } else
      break;
  }
}

static void read_sequence(struct reader *r, int group, int depth);

static int read_element(struct reader *r, int parent, enum link link, int depth) {
  int node = new_node(r, parent, is(r, "(") ? NODE_GROUP : NODE_STEP, link);
  struct node *n = &r->c->nodes[node];
  if (depth == NEST_MAX) fail(r, "too deep");
  if (r->failed) return node;
  if (accept(r, "(")) {
    read_element(r, node, LINK_START, depth + 1);
    bool alternatives = is(r, "or"), operands = is(r, "and");
    if (alternatives || operands) n->kind = alternatives ? NODE_OR : NODE_AND;
    while (!r->failed && (alternatives || operands) && accept(r, alternatives ? "or" : "and"))
      read_element(r, node, LINK_START, depth + 1);
    if (!alternatives && !operands) read_sequence(r, node, depth + 1);
    expect(r, ")");
  } else {
    read_use(r, n);
  }
  if (accept(r, "among")) {
    n->has_among = true;
    read_condition(r, &n->among);
  }
  read_quantifier(r, n);
  return node;
}

static void read_sequence(struct reader *r, int group, int depth) { /* what follows the first element */
  while (!r->failed && (is(r, "then") || is(r, "next"))) {
    enum link link = is(r, "then") ? LINK_THEN : LINK_NEXT;
    advance(r);
    if (accept(r, "no")) {
      int node = new_node(r, group, NODE_ABSENCE, link);
      read_use(r, &r->c->nodes[node]);
      if (accept(r, "for")) r->c->nodes[node].for_time = take_duration(r);
      continue;
    }
    if (link == LINK_THEN && accept(r, "any")) link = LINK_THEN_ANY;
    read_element(r, group, link, depth);
  }
}

/* ---- declarations ---- */

static void read_event_declaration(struct reader *r) {
  struct pattern_case *c = r->c;
  char word[64], type[64];
  if (c->type_count == CASE_TYPES_MAX) {
    fail(r, "too many event types");
    return;
  }
  take_name(r, c->type_names[c->type_count++], sizeof c->type_names[0]);
  expect(r, "{");
  while (!r->failed && !accept(r, "}")) {
    take_name(r, word, sizeof word);
    if (strcmp(word, "event_time") == 0) {
      expect(r, "at");
    } else if (strcmp(word, "disorder") == 0) {
      take_duration(r);
    } else {
      take_name(r, type, sizeof type);
      if (accept(r, "(")) {
        advance(r);
        expect(r, ")");
      }
      bool known = strcmp(word, "at") == 0 || strcmp(word, "k") == 0;
      for (int i = 0; i < c->field_count; i++) known |= strcmp(c->field_names[i], word) == 0;
      if (known) continue;
      if (c->field_count == CASE_FIELDS_MAX) {
        fail(r, "too many fields");
        return;
      }
      r->numeric[c->field_count] = strcmp(type, "int") == 0 || strcmp(type, "float") == 0;
      snprintf(c->field_names[c->field_count++], sizeof c->field_names[0], "%.15s", word);
    }
  }
}

static void read_report(struct reader *r) {
  struct pattern_case *c = r->c;
  if (accept(r, "first"))
    c->report = TELL_FIRST;
  else if (accept(r, "all"))
    c->report = TELL_ALL;
  else if (accept(r, "longest"))
    c->report = TELL_LONGEST;
  else if (accept(r, "timeout"))
    c->report = accept(r, "only") ? TELL_TIMEOUT_ONLY : TELL_TIMEOUT;
  else
    fail(r, "unknown report `%s`", r->token.text);
  if (accept(r, "limit")) c->limit = (int)take_number(r);
}

static void read_after(struct reader *r) {
  struct pattern_case *c = r->c;
  char name[64];
  expect(r, "match");
  if (accept(r, "overlap")) {
    c->after = SKIP_NOTHING;
    return;
  }
  expect(r, "skip");
  if (accept(r, "past")) {
    expect(r, "last");
    c->after = SKIP_PAST_LAST;
    return;
  }
  expect(r, "to");
  if (accept(r, "next")) {
    c->after = SKIP_TO_NEXT;
    return;
  }
  c->after = is(r, "first") ? SKIP_TO_FIRST : SKIP_TO_LAST;
  advance(r);
  take_name(r, name, sizeof name);
  c->after_step = find_step(r, name);
}

static void read_rule(struct reader *r) {
  struct pattern_case *c = r->c;
  char name[64];
  take_name(r, name, sizeof name);
  expect(r, "{");
  while (!r->failed && !accept(r, "}")) {
    if (accept(r, "key")) {
      c->keyed = !is(r, "none");
      advance(r);
    } else if (accept(r, "match")) {
      int root = new_node(r, -1, NODE_GROUP, LINK_START);
      read_element(r, root, LINK_START, 0);
      read_sequence(r, root, 0);
    } else if (accept(r, "within")) {
      c->within = take_duration(r);
    } else if (accept(r, "report")) {
      read_report(r);
    } else if (accept(r, "after")) {
      read_after(r);
    } else if (accept(r, "allow")) {
      do advance(r);
      while (is(r, "-") || (r->token.kind == TOKEN_NAME && r->at[-1] == '-'));
    } else {
      fail(r, "clause `%s` is not known here", r->token.text);
    }
  }
}

bool case_read_rules(struct pattern_case *c, const char *text, char *error, size_t error_size) {
  memset(c, 0, sizeof *c);
  c->within = -1;
  c->limit = 100;
  struct reader reader = {.c = c, .at = text, .error = error, .error_size = error_size}, *r = &reader;
  int rules = 0;
  advance(r);
  while (!r->failed && r->token.kind != TOKEN_END) {
    if (accept(r, "event"))
      read_event_declaration(r);
    else if (accept(r, "rule"))
      read_rule(r), rules++;
    else
      fail(r, "declaration `%s` is not known here", r->token.text);
  }
  if (rules != 1) fail(r, "%d rules, expected one", rules);
  return !r->failed;
}

bool case_read_event(struct pattern_case *c, const char *json, char *error, size_t error_size) {
  if (c->event_count == CASE_EVENTS_MAX) {
    snprintf(error, error_size, "too many events");
    return false;
  }
  cJSON *object = cJSON_Parse(json);
  const cJSON *at = cJSON_GetObjectItemCaseSensitive(object, "at"),
              *type = cJSON_GetObjectItemCaseSensitive(object, "type");
  const cJSON *key = cJSON_GetObjectItemCaseSensitive(object, "k");
  struct case_event *e = &c->events[c->event_count];
  *e = (struct case_event){.id = c->event_count, .type = c->type_count == 1 ? 0 : -1, .key = c->keyed ? -1 : 0};
  for (int i = 0; i < c->type_count && cJSON_IsString(type); i++)
    if (strcmp(c->type_names[i], type->valuestring) == 0) e->type = i;
  if (cJSON_IsString(key)) e->key = (int)strtol(key->valuestring + 1, NULL, 10);
  for (int i = 0; i < c->field_count; i++) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, c->field_names[i]);
    e->nulls[i] = !cJSON_IsNumber(value);
    if (!e->nulls[i]) e->values[i] = value->valuedouble;
  }
  bool good = cJSON_IsNumber(at) && e->type >= 0;
  if (good)
    e->time = (int64_t)at->valuedouble, c->event_count++;
  else
    snprintf(error, error_size, "not an event of the case: %.100s", json);
  cJSON_Delete(object);
  return good;
}
