/* json_form_expr.c - expressions of the JSON form, and what is made of them: uses, keys, entries. */
#include "base/limits.h"
#include "rules/json_form_read.h"
#include "rules/lex.h"
#include "rules/parse.h"

static struct tree_expr *new_expr(struct reader *reader, enum tree_kind kind) {
  struct tree_expr *expr = arena_new(reader->arena, struct tree_expr);
  expr->kind = kind;
  return expr;
}

static struct name *one_name(struct reader *reader, struct name name) {
  struct name *kept = arena_new(reader->arena, struct name);
  *kept = name;
  return kept;
}

struct tree_expr *json_member_expr(struct reader *reader, struct json_at at, const char *name) {
  struct json_step step;
  struct json_at member = json_member(at, name, &step);
  return member.item == NULL ? NULL : json_expr(reader, member);
}

struct tree_expr *json_needed_expr(struct reader *reader, struct json_at at, const char *name) {
  struct json_step step;
  struct json_at member = json_member(at, name, &step);
  if (member.item == NULL && !reader->failed) json_fail(reader, member.step, "an expression is needed here");
  return json_expr(reader, member);
}

/* ---- literals ---- */

/* The spelling of one literal, with a minus in front if it is a number. It is lexed, so that it is what it says. */
static struct tree_expr *spelt_literal(struct reader *reader, struct json_at object, const char *member,
                                       enum token_kind kind) {
  struct json_step step;
  struct json_at at = json_member(object, member, &step);
  struct slice text = json_text(reader, at);
  struct tree_expr *expr = new_expr(reader, TREE_LITERAL);
  if (reader->failed || !json_object(reader, object, member)) return expr;
  if (kind == TOKEN_TIME) text = slice_of(arena_printf(reader->arena, "@" SLICE_FMT, SLICE_ARG(text)));
  bool number = kind == TOKEN_INT || kind == TOKEN_DECIMAL || kind == TOKEN_FLOAT || kind == TOKEN_DURATION;
  size_t sign = number && text.length > 0 && text.data[0] == '-';
  struct slice digits = {text.data + sign, text.length - sign};
  struct diags diags;
  struct lexer lexer;
  struct token token, end;
  diags_init(&diags, reader->arena);
  bool good = lex_init(&lexer, reader->arena, &diags, 0, digits);
  if (good) {
    lex_next(&lexer, &token);
    lex_next(&lexer, &end);
    good = token.kind == kind && !token.bad && end.kind == TOKEN_END && token.source.length == digits.length &&
           (!token.int_min || sign > 0);
  }
  if (!good) {
    json_fail(reader, at.step, "\"" SLICE_FMT "\" is no %s", SLICE_ARG(lex_shown(text)), member);
    return expr;
  }
  expr->value = token.value;
  if (sign > 0 && expr->value.kind == VALUE_FLOAT)
    expr->value.f = expr->value.f == 0 ? 0 : -expr->value.f;
  else if (sign > 0 && expr->value.i != INT64_MIN)
    expr->value.i = -expr->value.i;
  expr->source = text;
  return expr;
}

static struct tree_expr *int_literal(struct reader *reader, struct json_at at) {
  struct tree_expr *expr = new_expr(reader, TREE_LITERAL);
  double f = at.item->valuedouble, limit = (double)(INT64_C(1) << 53);
  bool whole = f >= -limit && f <= limit && f == (double)(int64_t)f;
  if (whole)
    expr->value = value_int((int64_t)f);
  else
    json_fail(reader, at.step,
              "a bare number is an int of at most 53 bits: write {\"decimal\":\"1.50\"}, {\"float\":\"1e-3\"} or "
              "{\"int\":\"…\"}");
  return expr;
}

static struct tree_expr *list_literal(struct reader *reader, struct json_at at) {
  struct tree_expr *expr = new_expr(reader, TREE_LITERAL);
  struct json_step step;
  expr->item_count = (uint16_t)json_array(reader, at, LIST_ELEMENTS_MAX);
  expr->items = arena_array(reader->arena, struct tree_expr *, expr->item_count);
  expr->value = (struct value){.length = expr->item_count, .kind = VALUE_LIST};
  JSON_EACH(element, at, &step) {
    if (reader->failed) break;
    expr->items[step.index] = json_expr(reader, element);
    if (!reader->failed &&
        (expr->items[step.index]->kind != TREE_LITERAL || expr->items[step.index]->value.kind == VALUE_LIST))
      json_fail(reader, element.step, "the elements of a list are literals");
  }
  return expr;
}

/* ---- regexes ---- */

/* A `/` that is not escaped gets its backslash. */
static struct slice regex_text(struct reader *reader, struct json_at at) {
  struct slice text = json_text(reader, at);
  char *out = arena_alloc(reader->arena, 2 * text.length + 1);
  size_t length = 0;
  for (size_t i = 0; i < text.length; i++) {
    char c = text.data[i];
    if ((unsigned char)c < 0x20 && c != '\t' && !reader->failed)
      json_fail(reader, at.step, "a regular expression is one line: write \\n, \\x1f");
    if (c == '/') out[length++] = '\\';
    out[length++] = c;
    if (c == '\\' && i + 1 < text.length)
      out[length++] = text.data[++i];
    else if (c == '\\' && !reader->failed)
      json_fail(reader, at.step, "a regular expression does not end with a single backslash");
  }
  return (struct slice){out, length};
}

static bool is_flag(char c) { return c == 'i' || c == 's' || c == 'x'; }

static void regex_members(struct reader *reader, struct json_at at, struct tree_expr *expr) {
  struct json_step step;
  expr->regex = regex_text(reader, json_member(at, "regex", &step));
  struct json_at flags = json_member(at, "flags", &step);
  if (flags.item != NULL) expr->regex_flags = json_text(reader, flags);
  for (size_t i = 0; i < expr->regex_flags.length; i++)
    if (!is_flag(expr->regex_flags.data[i]) && !reader->failed)
      json_fail(reader, flags.step, "the flags are i, s and x");
}

/* ---- counters ---- */

void json_use(struct reader *reader, struct json_at object, struct use *use) {
  use->event = json_needed_name(reader, object, "event");
  use->condition = json_member_expr(reader, object, "where");
}

static struct use *member_use(struct reader *reader, struct json_at at, const char *name) {
  struct json_step step;
  struct json_at member = json_member(at, name, &step);
  if (member.item == NULL) return NULL;
  struct use *use = arena_new(reader->arena, struct use);
  if (json_object(reader, member, "event where")) json_use(reader, member, use);
  return use;
}

static void read_over(struct reader *reader, struct json_at at, struct counting *counting) {
  struct json_step step;
  counting->over_us = -1;
  if (!json_object(reader, at, "duration previous last within today zone ever_idle")) return;
  if (json_has(at, "duration")) {
    counting->over = SPAN_DURATION;
    counting->over_us = json_member_duration(reader, at, "duration");
  } else if (json_has(at, "previous")) {
    counting->over = SPAN_PREVIOUS;
    counting->over_us = json_member_duration(reader, at, "previous");
  } else if (json_has(at, "ever_idle")) {
    counting->over = SPAN_EVER;
    counting->over_us = json_member_duration(reader, at, "ever_idle");
  } else if (json_has(at, "last")) {
    counting->over = SPAN_LAST;
    counting->over_count = json_int(reader, json_member(at, "last", &step), 1, LIMIT_LAST_EVENTS);
    counting->over_us = json_member_duration(reader, at, "within");
  } else if (json_member_flag(reader, at, "today")) {
    counting->over = SPAN_TODAY;
    counting->zone = json_member_text(reader, at, "zone");
  } else if (!reader->failed) {
    json_fail(reader, at.step, "one of \"duration\", \"previous\", \"last\", \"today\" and \"ever_idle\" is needed");
  }
}

static struct tree_expr *read_counting(struct reader *reader, struct json_at at) {
  struct tree_expr *expr = new_expr(reader, TREE_COUNTING);
  struct counting *counting = expr->counting = arena_new(reader->arena, struct counting);
  struct json_step step, inner;
  if (!json_object(reader, at, "aggregate value parameter ranked_by where of by over approx")) return expr;
  counting->aggregate = json_needed_name(reader, at, "aggregate");
  counting->argument = json_member_expr(reader, at, "value");
  counting->over_us = -1;
  struct json_at parameter = json_member(at, "parameter", &step);
  if (parameter.item != NULL) {
    counting->has_parameter = true;
    counting->parameter_is_duration =
        cJSON_IsString(parameter.item) && strpbrk(parameter.item->valuestring, "usmhdw") != NULL;
    counting->parameter = counting->parameter_is_duration ? json_duration(reader, parameter)
                                                          : json_int(reader, parameter, INT64_MIN, INT64_MAX);
    if (counting->argument == NULL) json_fail(reader, parameter.step, "a parameter stands behind a \"value\"");
  }
  struct json_at ranked = json_member(at, "ranked_by", &step);
  if (ranked.item != NULL && json_object(reader, ranked, "aggregate value")) {
    counting->top_aggregate = json_needed_name(reader, ranked, "aggregate");
    counting->top_argument = json_needed_expr(reader, ranked, "value");
    if (!counting->has_parameter) json_fail(reader, ranked.step, "it stands behind a \"parameter\"");
  }
  counting->where = json_member_expr(reader, at, "where");
  counting->of = member_use(reader, at, "of");
  struct json_at by = json_member(at, "by", &step);
  if (by.item != NULL) counting->by = json_names(reader, by, &counting->by_count);
  struct json_at over = json_member(at, "over", &inner);
  if (over.item != NULL) read_over(reader, over, counting);
  counting->approx = json_member_flag(reader, at, "approx");
  return expr;
}

static struct tree_expr *read_seen(struct reader *reader, struct json_at at) {
  struct tree_expr *expr = new_expr(reader, TREE_SEEN), *path = new_expr(reader, TREE_PATH);
  struct json_step step;
  expr->item_count = path->part_count = 1;
  expr->items = arena_array(reader->arena, struct tree_expr *, 1);
  expr->items[0] = path;
  path->parts = one_name(reader, (struct name){0});
  if (!json_object(reader, at, "seen within of")) return expr;
  path->parts[0] = json_needed_name(reader, at, "seen");
  expr->seen_us = json_duration(reader, json_member(at, "within", &step));
  expr->seen_of = member_use(reader, at, "of");
  return expr;
}

/* ---- operations ---- */

static void read_args(struct reader *reader, struct json_at at, struct tree_expr *expr, unsigned least, unsigned most) {
  struct json_step step, element_step;
  struct json_at args = json_member(at, "args", &step);
  unsigned count = json_array(reader, args, PARSE_LIST_MAX);
  if (!reader->failed && (count < least || count > most)) {
    if (least == most)
      json_fail(reader, args.step, "expected %u argument%s, found %u", least, least == 1 ? "" : "s", count);
    else
      json_fail(reader, args.step, "expected at least %u arguments, found %u", least, count);
  }
  if (reader->failed) count = 0;
  expr->item_count = (uint16_t)count;
  expr->items = arena_array(reader->arena, struct tree_expr *, count);
  JSON_EACH(element, args, &element_step) {
    if (reader->failed) return;
    expr->items[element_step.index] = json_expr(reader, element);
  }
}

/* in, not in: with a set, a list's name or `seen`. */
static struct tree_expr *read_in(struct reader *reader, struct json_at at, bool negated) {
  struct tree_expr *expr = new_expr(reader, TREE_IN_NAME);
  struct json_step step, element_step;
  if (!json_object(reader, at, "op args set list seen")) return expr;
  read_args(reader, at, expr, 1, 1);
  if (reader->failed) return expr;
  struct tree_expr *left = expr->items[0];
  struct json_at set = json_member(at, "set", &step);
  expr->negated = negated;
  if (json_has(at, "list")) {
    expr->name = one_name(reader, json_needed_name(reader, at, "list"));
  } else if (json_has(at, "seen")) {
    expr->kind = TREE_IN_SEEN;
    expr->item_count = 2;
    expr->items = arena_array(reader->arena, struct tree_expr *, 2);
    expr->items[0] = left;
    expr->items[1] = read_seen(reader, json_member(at, "seen", &step));
  } else {
    unsigned count = json_array(reader, set, PARSE_LIST_MAX - 1);
    if (!reader->failed && count == 0) json_fail(reader, set.step, "a set has at least one element");
    expr->kind = TREE_IN;
    expr->item_count = (uint16_t)(count + 1);
    expr->items = arena_array(reader->arena, struct tree_expr *, count + 1);
    expr->items[0] = left;
    JSON_EACH(element, set, &element_step) {
      if (reader->failed) break;
      expr->items[element_step.index + 1] = json_expr(reader, element);
    }
  }
  return expr;
}

static struct tree_expr *read_operation(struct reader *reader, struct json_at at) {
  static const struct {
    const char *text;
    enum tree_kind kind;
    unsigned least, most;
    bool negated;
  } ops[] = {
      {"and", TREE_AND, 2, PARSE_LIST_MAX, false},
      {"or", TREE_OR, 2, PARSE_LIST_MAX, false},
      {"not", TREE_NOT, 1, 1, false},
      {"negate", TREE_NEGATE, 1, 1, false},
      {"??", TREE_COALESCE, 2, 2, false},
      {"between", TREE_BETWEEN, 3, 3, false},
      {"is null", TREE_IS_NULL, 1, 1, false},
      {"is not null", TREE_IS_NULL, 1, 1, true},
      {"matches", TREE_MATCHES, 1, 1, false},
  };
  struct json_step step;
  struct json_at member = json_member(at, "op", &step);
  struct slice op = json_text(reader, member);
  if (slice_equal(op, SLICE("in"))) return read_in(reader, at, false);
  if (slice_equal(op, SLICE("not in"))) return read_in(reader, at, true);
  struct tree_expr *expr = new_expr(reader, TREE_BINARY);
  for (unsigned i = 0; i < sizeof ops / sizeof ops[0]; i++) {
    if (!slice_equal(op, slice_of(ops[i].text))) continue;
    expr->kind = ops[i].kind;
    expr->negated = ops[i].negated;
    bool matches = expr->kind == TREE_MATCHES;
    if (!json_object(reader, at, matches ? "op args regex flags" : "op args")) return expr;
    read_args(reader, at, expr, ops[i].least, ops[i].most);
    if (matches) regex_members(reader, at, expr);
    return expr;
  }
  for (unsigned i = 0; i < JSON_FORM_BINARY_OPS; i++) {
    if (!slice_equal(op, slice_of(json_form_binary_ops[i].text))) continue;
    expr->op = json_form_binary_ops[i].op;
    if (json_object(reader, at, "op args")) read_args(reader, at, expr, 2, 2);
    return expr;
  }
  if (!reader->failed)
    json_fail(reader, member.step, "there is no operator \"" SLICE_FMT "\"", SLICE_ARG(lex_shown(op)));
  return expr;
}

static struct tree_expr *read_path(struct reader *reader, struct json_at at) {
  struct tree_expr *expr = new_expr(reader, TREE_PATH);
  struct json_step step;
  if (!json_object(reader, at, "field path index column")) return expr;
  struct json_at path = json_member(at, "path", &step);
  if (path.item != NULL) {
    expr->parts = json_names(reader, path, &expr->part_count);
  } else {
    expr->part_count = 1;
    expr->parts = one_name(reader, json_needed_name(reader, at, "field"));
  }
  struct tree_expr *key = json_member_expr(reader, at, "index");
  if (key != NULL) {
    expr->at = arena_new(reader->arena, struct tree_index);
    *expr->at = (struct tree_index){.key = key, .column = json_member_name(reader, at, "column")};
  } else if (json_has(at, "column")) {
    json_fail(reader, at.step, "a \"column\" stands behind an \"index\"");
  }
  return expr;
}

static struct tree_expr *read_object(struct reader *reader, struct json_at at) {
  static const struct {
    const char *member;
    enum token_kind kind;
  } literals[] = {
      {"int", TOKEN_INT},   {"decimal", TOKEN_DECIMAL}, {"float", TOKEN_FLOAT},     {"duration", TOKEN_DURATION},
      {"time", TOKEN_TIME}, {"ip", TOKEN_ADDRESS},      {"network", TOKEN_NETWORK},
  };
  if (json_has(at, "op")) return read_operation(reader, at);
  if (json_has(at, "field") || json_has(at, "path")) return read_path(reader, at);
  if (json_has(at, "aggregate")) return read_counting(reader, at);
  if (json_has(at, "seen")) return read_seen(reader, at);
  for (unsigned i = 0; i < sizeof literals / sizeof literals[0]; i++)
    if (json_has(at, literals[i].member)) return spelt_literal(reader, at, literals[i].member, literals[i].kind);
  struct tree_expr *expr = new_expr(reader, TREE_CALL);
  if (json_has(at, "call")) {
    if (!json_object(reader, at, "call args")) return expr;
    expr->name = one_name(reader, json_needed_name(reader, at, "call"));
    read_args(reader, at, expr, 0, PARSE_LIST_MAX);
  } else if (json_has(at, "regex")) {
    expr->kind = TREE_REGEX;
    if (json_object(reader, at, "regex flags")) regex_members(reader, at, expr);
  } else if (!reader->failed) {
    json_fail(reader, at.step,
              "no expression: an object here has \"op\", \"field\", \"path\", \"call\", \"aggregate\", \"seen\", or "
              "the kind of a literal");
  }
  return expr;
}

struct tree_expr *json_expr(struct reader *reader, struct json_at at) {
  struct tree_expr *expr = new_expr(reader, TREE_LITERAL);
  if (reader->failed) return expr;
  if (reader->depth >= TREE_DEPTH_MAX) {
    json_fail(reader, at.step, "the expression is nested deeper than %d levels", (int)TREE_DEPTH_MAX);
    return expr;
  }
  reader->depth++;
  if (cJSON_IsObject(at.item))
    expr = read_object(reader, at);
  else if (cJSON_IsArray(at.item))
    expr = list_literal(reader, at);
  else if (cJSON_IsNumber(at.item))
    expr = int_literal(reader, at);
  else if (cJSON_IsString(at.item))
    expr->value = value_string(json_text(reader, at));
  else if (cJSON_IsBool(at.item))
    expr->value = value_bool(cJSON_IsTrue(at.item));
  else if (!cJSON_IsNull(at.item))
    json_fail(reader, at.step, "an expression is needed here");
  reader->depth--;
  return expr;
}

/* ---- keys, entries ---- */

static void read_key_part(struct reader *reader, struct json_at at, struct key_part *part) {
  struct json_step step, element_step;
  if (cJSON_IsString(at.item)) {
    part->name = json_name(reader, at);
    return;
  }
  if (!json_object(reader, at, "name fields")) return;
  part->name = json_needed_name(reader, at, "name");
  struct json_at fields = json_member(at, "fields", &step);
  part->path_count = (uint16_t)json_array(reader, fields, PARSE_LIST_MAX);
  part->paths = arena_zero(reader->arena, sizeof *part->paths * part->path_count);
  if (!reader->failed && part->path_count == 0) json_fail(reader, fields.step, "at least one field is needed");
  JSON_EACH(element, fields, &element_step) {
    if (reader->failed || !json_object(reader, element, "event field")) return;
    part->paths[element_step.index].event = json_needed_name(reader, element, "event");
    part->paths[element_step.index].field = json_needed_name(reader, element, "field");
  }
}

struct key_tree *json_key(struct reader *reader, struct json_at at) {
  struct key_tree *key = arena_new(reader->arena, struct key_tree);
  struct json_step step;
  if (cJSON_IsString(at.item) && strcmp(at.item->valuestring, "none") == 0) {
    key->none = true;
    return key;
  }
  key->part_count = (uint16_t)json_array(reader, at, PARSE_LIST_MAX);
  key->parts = arena_array(reader->arena, struct key_part, key->part_count);
  if (!reader->failed && key->part_count == 0) json_fail(reader, at.step, "a key has at least one field");
  JSON_EACH(element, at, &step) {
    if (reader->failed) break;
    read_key_part(reader, element, &key->parts[step.index]);
  }
  return key;
}

struct tree_entry *json_entries(struct reader *reader, struct json_at at, uint16_t *count) {
  struct json_step step;
  *count = (uint16_t)json_array(reader, at, PARSE_LIST_MAX);
  struct tree_entry *entries = arena_array(reader->arena, struct tree_entry, *count);
  JSON_EACH(element, at, &step) {
    if (reader->failed || !json_object(reader, element, "name value" JSON_COMMENT_WORDS)) break;
    entries[step.index].name = json_needed_name(reader, element, "name");
    entries[step.index].expr = json_needed_expr(reader, element, "value");
    entries[step.index].comments = json_comments(reader, element);
  }
  return entries;
}

/* {"field": literal, …} in their order. */
struct tree_entry *json_values(struct reader *reader, struct json_at at, uint16_t *count) {
  unsigned members = 0, i = 0;
  *count = 0;
  if (reader->failed || at.item == NULL) return NULL;
  if (!cJSON_IsObject(at.item)) {
    json_fail(reader, at.step, "expected an object of fields and values");
    return NULL;
  }
  for (const cJSON *member = at.item->child; member != NULL; member = member->next) members++;
  if (members > PARSE_LIST_MAX) {
    json_fail(reader, at.step, "more than %d fields", (int)PARSE_LIST_MAX);
    return NULL;
  }
  struct tree_entry *entries = arena_array(reader->arena, struct tree_entry, members);
  for (const cJSON *member = at.item->child; member != NULL && !reader->failed; member = member->next, i++) {
    struct json_step step = {at.step, member->string, 0};
    struct slice name = slice_of(member->string);
    if (!lex_is_name(name))
      json_fail(reader, at.step, "\"" SLICE_FMT "\" is no name of a field", SLICE_ARG(lex_shown(name)));
    entries[i].name.text = (struct slice){arena_copy(reader->arena, name.data, name.length), name.length};
    entries[i].expr = json_expr(reader, (struct json_at){member, &step});
    if (!reader->failed && entries[i].expr->kind != TREE_LITERAL) json_fail(reader, &step, "expected a literal value");
  }
  *count = (uint16_t)members;
  return entries;
}
