/* floors: base nfa rules */
/* lower.c - from rule text to a rule set: slots, predicates, registers, keys, derived events, lists and tables from
 * files, errors that only show here, memory that runs out. */

#include "one_file.h"
#include "rules/check.h"
#include "rules/index.h"
#include "rules/list_set.h"
#include "rules/parse.h"
#include "rules/ruleset.h"
#include "test.h"

struct fixture {
  struct mem *mem;
  struct arena arena;
  struct diags diags;
  struct tree *tree;
  struct ruleset *set;
  struct err err;
  struct env env;
  struct files files;
  struct expr_counts counts;
  struct expr_env expr_env;
  struct ruleset_options options;
  int result;
};

/* Texts that most tests begin with. */
#define EVENTS                                                                                                         \
  "event payment { event_time at  at time  id string  card string  amount decimal(2)  n int  status string  words "    \
  "[string]  unused int }\n"                                                                                           \
  "event login { event_time at  at time  card string  ok bool  ip ip }\n"

static void compile_text(struct fixture *f, const char *text) {
  struct check_options check_options = {.secret_key = true};
  arena_init(&f->arena, f->mem, 1 << 16);
  diags_init(&f->diags, &f->arena);
  f->tree = arena_new(&f->arena, struct tree);
  f->tree->arena = &f->arena;
  f->options.env = &f->env;
  f->result = parse_file(f->tree, SLICE("rules/a.weir"), slice_of(text), &f->diags);
  if (f->result == 0) f->result = check_tree(f->tree, &check_options, &f->diags);
  if (f->result == 0) f->result = ruleset_compile(f->tree, &f->options, &f->diags, &f->set, &f->err);
}

static void set_up(struct fixture *f, const char *text) {
  memset(f, 0, sizeof *f);
  f->mem = mem_new(0);
  if (f->files.name == NULL) f->files = (struct files){.name = "", .text = ""};
  f->env = *env_real();
  compile_text(f, text);
  f->expr_env = (struct expr_env){.scratch = &f->arena, .counts = &f->counts};
  if (f->set == NULL) return;
  f->expr_env.lookup = &f->set->lookup;
  f->expr_env.lookup_context = f->set;
}

static void set_up_file(struct fixture *f, const char *text, const char *name, const char *content) {
  memset(f, 0, sizeof *f);
  f->mem = mem_new(0);
  f->files = (struct files){.name = name, .text = content};
  f->env = *env_real();
  files_env(&f->files, &f->env);
  compile_text(f, text);
}

static void tear_down(struct fixture *f) {
  ruleset_unref(f->set);
  mem_free_all(f->mem);
}

static void print_diags(struct fixture *f) {
  struct buf out;
  buf_init(&out, f->mem);
  for (uint32_t i = 0; i < f->diags.count; i++) diag_print(&out, f->tree, &f->diags.items[i]);
  printf("%s", buf_text(&out));
  buf_free(&out);
}

static bool compiled(struct fixture *f) {
  if (f->set == NULL) print_diags(f);
  return f->set != NULL;
}

static const struct rule *rule(struct fixture *f, const char *name) {
  for (uint16_t r = 0; r < f->set->rule_count; r++) {
    if (slice_equal(f->set->rules[r].name, slice_of(name))) return &f->set->rules[r];
  }
  return NULL;
}
static const struct schema *schema(struct fixture *f, const char *name) {
  for (uint16_t t = 0; t < f->set->schema_count; t++) {
    if (slice_equal(f->set->schemas[t].name, slice_of(name))) return &f->set->schemas[t];
  }
  return NULL;
}
static const struct schema_field *field(const struct schema *s, const char *name) {
  for (uint16_t i = 0; i < s->field_count; i++) {
    if (slice_equal(s->fields[i].name, slice_of(name))) return &s->fields[i];
  }
  return NULL;
}
static struct value text(const char *bytes) { return value_string(slice_of(bytes)); }

/* An emitted value of an `on` rule, as JSON, for an event with these values. */
static const char *emitted(struct fixture *f, const struct rule *r, uint16_t entry, const struct value *values) {
  static char out[200];
  struct buf json;
  buf_init(&json, f->mem);
  f->expr_env.banks[BANK_EVENT] = values;
  value_json(&json, expr_eval(r->emit[entry].expr, &f->expr_env));
  snprintf(out, sizeof out, "%s", buf_text(&json));
  buf_free(&json);
  return out;
}

/* ---- event types ---- */

TEST(slots_are_those_that_are_used) {
  struct fixture f;
  set_up(
      &f, EVENTS
      "rule r { key card  match a = payment(amount > 5) then b = payment(n > a.n) within 1h emit { s = a.status } }");
  if (compiled(&f)) {
    const struct schema *payment = schema(&f, "payment");
    EXPECT_INT(payment->id, 1);
    EXPECT(field(payment, "card")->used && field(payment, "amount")->used && field(payment, "n")->used &&
           field(payment, "status")->used);
    EXPECT(!field(payment, "unused")->used && !field(payment, "id")->used);
    uint16_t next = field(payment, "at")->used;
    EXPECT_INT(payment->slot_count, next + 4);
    EXPECT_INT(field(payment, "card")->slot, next);
    EXPECT_INT(field(payment, "amount")->slot, next + 1);
    EXPECT_INT(field(payment, "n")->slot, next + 2);
    EXPECT_INT(field(payment, "status")->slot, next + 3);
    /* Held are the key, what the register reads and what is emitted; not what only conditions on one event read. */
    EXPECT_INT(payment->kept_count, 3);
    EXPECT_INT(payment->kept_index[next], 0);
    EXPECT_INT(payment->kept_index[next + 1], -1);
    EXPECT_INT(payment->kept_index[next + 2], 1);
    EXPECT_INT(payment->kept_index[next + 3], 2);
    EXPECT_INT(payment->kept_slots[2], next + 3);
    EXPECT(!field(schema(&f, "login"), "ok")->used);
    EXPECT_INT(f.set->source_type_count, 2);
  }
  tear_down(&f);
}

TEST(unique_and_matched_fields_are_kept) {
  struct fixture f;
  set_up(&f, "event a { event_time at  unique id for 10m  at time  id string  k string  x int }\n"
             "event b { event_time at  at time  k string  y int  z int }\n"
             "rule r { key k  matched fields  match b then c = b(y > 3) within 1h }\n"
             "rule s { key k  match d = a then e = a within 1h }");
  if (compiled(&f)) {
    EXPECT_INT(schema(&f, "a")->kept_count, 2);
    EXPECT_INT(schema(&f, "b")->kept_count, 4);
  }
  tear_down(&f);
}

TEST(computed_fields_come_after_what_they_read) {
  struct fixture f;
  set_up(&f, "event a { event_time at  at time  k string  third int = second + 1  second int = first * 2  first int  "
             "other int = first }\n"
             "rule r { key k  on a(third > 5) }");
  if (compiled(&f)) {
    const struct schema *a = schema(&f, "a");
    EXPECT_INT(a->computed_count, 2);
    EXPECT(slice_equal(a->fields[a->computed_order[0]].name, SLICE("second")));
    EXPECT(slice_equal(a->fields[a->computed_order[1]].name, SLICE("third")));
    struct value values[8] = {{.kind = VALUE_NULL}};
    values[field(a, "first")->slot] = value_int(7);
    f.expr_env.banks[BANK_EVENT] = values;
    for (uint16_t i = 0; i < a->computed_count; i++) {
      const struct schema_field *c = &a->fields[a->computed_order[i]];
      values[c->slot] = expr_eval(c->expr, &f.expr_env);
    }
    EXPECT_INT(values[field(a, "third")->slot].i, 15);
    EXPECT(!field(a, "other")->used);
  }
  tear_down(&f);
}

/* ---- predicates ---- */

TEST(equal_conditions_are_one_predicate) {
  struct fixture f;
  set_up(
      &f, EVENTS
      "rule a { on payment(amount > 5 and status == \"x\") key card }\n"
      "rule b { on payment(status == \"x\") key card when amount > 5.00 }\n"
      "rule c { key card  match payment(5 < amount and (status == \"x\" and status == \"x\")) then no login for 5m }\n"
      "rule d { on payment(amount > 6 and status == \"x\") key card }");
  if (compiled(&f)) {
    int32_t a = rule(&f, "a")->on_condition.predicate;
    EXPECT(a >= 0);
    EXPECT_INT(rule(&f, "b")->on_condition.predicate, a);
    const struct pattern_start *starts;
    EXPECT_INT(pattern_starts(rule(&f, "c")->pattern, &starts), 1);
    EXPECT_INT(starts[0].predicate, a);
    EXPECT(rule(&f, "d")->on_condition.predicate != a);
    EXPECT_INT(f.set->predicate_count, 2);
    EXPECT(slice_equal(f.set->predicate_texts[a], SLICE("amount > 5 and status == \"x\"")));
  }
  tear_down(&f);
}

TEST(conditions_of_two_types_are_two_predicates) {
  struct fixture f;
  set_up(&f,
         "event a { event_time at  at time  k string  x int }\nevent b { event_time at  at time  k string  x int }\n"
         "rule r { key k  match a(x > 3) then b(x > 3) within 1h }");
  if (compiled(&f)) EXPECT_INT(f.set->predicate_count, 2);
  tear_down(&f);
}

TEST(what_reads_earlier_steps_is_left_over) {
  struct fixture f;
  set_up(&f, EVENTS "rule r { key card  match a = payment(true)  then b = payment(amount > a.amount and status == "
                    "\"x\" and n > last(a.n)) within 1h }");
  if (compiled(&f)) {
    const struct pattern_start *starts;
    EXPECT_INT(pattern_starts(rule(&f, "r")->pattern, &starts), 1);
    EXPECT_INT(starts[0].predicate, PREDICATE_TRUE);
    EXPECT_INT(f.set->predicate_count, 1);
    EXPECT(slice_equal(f.set->predicate_texts[0], SLICE("status == \"x\"")));
    EXPECT_INT(f.set->residual_count, 1);
    EXPECT(slice_equal(f.set->residuals[0].text, SLICE("amount > a.amount and n > last(a.n)")));
  }
  tear_down(&f);
}

TEST(constants_are_folded_for_the_index) {
  struct fixture f;
  set_up(&f, EVENTS "rule r { on payment(amount > 2 * 100 and at > @2026-01-01T00:00:00Z + 1h) key card }");
  if (compiled(&f)) {
    EXPECT(f.set->predicates[0].indexed);
    struct buf out;
    buf_init(&out, f.mem);
    index_describe(f.set->index, 0, &out);
    EXPECT(strstr(buf_text(&out), "whole condition") == NULL);
  }
  tear_down(&f);
}

TEST(among_and_until_are_one_condition_for_each_type) {
  struct fixture f;
  set_up(&f, "event a { event_time at  at time  x int  k string }\nevent b { event_time at  at time  k string  pad "
             "string  x int }\n"
             "rule r { key k  match a next b among (x > 3) within 1h }\n"
             "rule s { key k  match (a then b(pad == \"p\")) {1,} until (x > 4) then no a for 5m within 1h }");
  if (compiled(&f)) {
    int threes = 0, fours = 0;
    for (int32_t p = 0; p < f.set->predicate_count; p++) {
      threes += slice_equal(f.set->predicate_texts[p], SLICE("x > 3"));
      fours += slice_equal(f.set->predicate_texts[p], SLICE("x > 4"));
    }
    EXPECT_INT(threes, 2);
    EXPECT_INT(fours, 2);
  }
  tear_down(&f);
}

/* ---- registers, emit, message ---- */

TEST(registers_stand_once) {
  struct fixture f;
  set_up(&f, EVENTS "rule r { key card  match a = payment {3,} then b = login within 1h\n"
                    "emit { one = avg(a.amount)  two = avg(a.amount) * 2  three = count(a)  four = a.amount  five = "
                    "last(a.amount)  t = b.time  f = first(a.time) } }");
  if (compiled(&f)) {
    const struct rule *r = rule(&f, "r");
    EXPECT_INT(r->emit_register_count, 5);
    EXPECT_INT(r->emit_registers[0].aggregate, REGISTER_AVG);
    EXPECT_INT(r->emit_registers[0].type.kind, VALUE_FLOAT);
    EXPECT_INT(r->emit_registers[0].field.kind, VALUE_DECIMAL);
    EXPECT_INT(r->emit_registers[1].slot, REGISTER_NO_SLOT);
    EXPECT_INT(r->emit_registers[2].aggregate, REGISTER_LAST);
    EXPECT_INT(r->emit_registers[3].slot, REGISTER_TIME);
    EXPECT_INT(r->emit_registers[4].aggregate, REGISTER_FIRST);
  }
  tear_down(&f);
}

TEST(an_on_rule_reads_its_event) {
  struct fixture f;
  set_up(&f, EVENTS "rule r { on payment key card  emit { a = amount * 2  b = count(payment)  c = sum(payment.amount)  "
                    "d = avg(payment.n)  e = stddev(payment.n)\n"
                    "g = nth(payment.n, 2)  h = distinct(payment.status)  i = n ?? 1.5  j = n between 3 and 5  k = "
                    "status not in (\"x\", \"y\")  l = words[2]  m = \"q\" in words\n"
                    "o = if(n > 3, n, amount)  p = coalesce(status, \"none\")  q = card } }");
  if (compiled(&f)) {
    const struct rule *r = rule(&f, "r");
    const struct schema *s = schema(&f, "payment");
    struct value words[] = {text("p"), text("q")};
    struct value values[9] = {{.kind = VALUE_NULL}};
    values[field(s, "card")->slot] = text("c1");
    values[field(s, "amount")->slot] = value_decimal(150, 2);
    values[field(s, "n")->slot] = value_int(4);
    values[field(s, "words")->slot] = (struct value){.list = words, .length = 2, .kind = VALUE_LIST};
    static const char *const expected[] = {"3.00", "1",    "1.50",  "4",    "null", "null",     "0",     "4.0",
                                           "true", "null", "\"q\"", "true", "4.00", "\"none\"", "\"c1\""};
    EXPECT_INT(r->emit_count, 15);
    for (uint16_t i = 0; i < 15 && i < r->emit_count; i++) EXPECT_TEXT(emitted(&f, r, i, values), expected[i]);
    values[field(s, "amount")->slot] = value_null();
    EXPECT_TEXT(emitted(&f, r, 2, values), "0.00");
    EXPECT_INT(r->emit_register_count, 0);
  }
  tear_down(&f);
}

TEST(messages_are_cut_into_parts) {
  struct fixture f;
  set_up(&f, EVENTS "rule r { on payment key card  emit { a = amount }  message \"{{{a}}} of {card}: {status}\" }");
  if (compiled(&f)) {
    const struct rule *r = rule(&f, "r");
    uint16_t values = 0;
    char line[100] = "";
    for (uint16_t i = 0; i < r->message_count; i++) {
      const struct message_part *part = &r->message[i];
      size_t at = strlen(line);
      if (part->text.data != NULL)
        snprintf(line + at, sizeof line - at, SLICE_FMT, SLICE_ARG(part->text));
      else
        snprintf(line + at, sizeof line - at, "<%u:%u>", part->bank, part->index), values++;
    }
    char expected[100];
    snprintf(expected, sizeof expected, "{<4:0>} of <2:0>: <0:%u>", field(schema(&f, "payment"), "status")->slot);
    EXPECT_TEXT(line, expected);
    EXPECT_INT(values, 3);
  }
  tear_down(&f);
}

TEST(because_names_conditions_and_values) {
  struct fixture f;
  set_up(&f, EVENTS "rule r { key card  with because  match a = payment(n > 1) then b = payment(amount > avg(a.amount) "
                    "and (n == 3 or n == 4)) within 1h }");
  if (compiled(&f)) {
    const struct because *because = &rule(&f, "r")->steps[1].because;
    EXPECT_INT(because->count, 2);
    EXPECT(slice_equal(because->items[0].text, SLICE("amount > avg(a.amount)")));
    EXPECT_INT(because->items[0].value_count, 2);
    EXPECT(slice_equal(because->items[0].names[0], SLICE("amount")));
    EXPECT(slice_equal(because->items[0].names[1], SLICE("avg(a.amount)")));
    EXPECT_INT(because->items[1].value_count, 1);
    EXPECT_INT(rule(&f, "r")->emit_register_count, 1);
    EXPECT(schema(&f, "payment")->kept_index[field(schema(&f, "payment"), "n")->slot] >= 0);
  }
  tear_down(&f);
}

/* ---- keys ---- */

TEST(rules_with_equal_keys_share_a_space) {
  struct fixture f;
  set_up(&f, EVENTS "event other { event_time at  at time  user string  secret_card string secret  card string }\n"
                    "rule a { on payment key card }\nrule b { on login key card }\nrule c { on other key card, user "
                    "}\nrule d { on login key none }\n"
                    "rule e { key who: login.card, other.user  match login then other within 1h }\n"
                    "rule g { key who: login.card, other.user  match other then login within 1h }\n"
                    "rule h { key who: login.card, other.card  match other then login within 1h }\n"
                    "rule i { on login }");
  if (compiled(&f)) {
    EXPECT_INT(rule(&f, "a")->key_space, rule(&f, "b")->key_space);
    EXPECT(rule(&f, "a")->key_space != rule(&f, "c")->key_space);
    EXPECT_INT(rule(&f, "e")->key_space, rule(&f, "g")->key_space);
    EXPECT(rule(&f, "e")->key_space != rule(&f, "h")->key_space);
    EXPECT_INT(rule(&f, "d")->key_space, rule(&f, "i")->key_space);
    EXPECT(f.set->spaces[rule(&f, "d")->key_space].none);
    const struct key_space *space = &f.set->spaces[rule(&f, "a")->key_space];
    EXPECT_INT(space->slots[schema(&f, "payment")->id], field(schema(&f, "payment"), "card")->slot);
    EXPECT_INT(space->slots[schema(&f, "login")->id], field(schema(&f, "login"), "card")->slot);
    EXPECT_INT(space->slots[schema(&f, "other")->id], NO_SLOT);
  }
  tear_down(&f);
}

TEST(a_secret_key_is_not_shared_with_a_clear_one) {
  struct fixture f;
  set_up(&f, "event a { event_time at  at time  card string secret mask 6..4 }\nevent b { event_time at  at time  card "
             "string }\n"
             "rule r { on a key card }\nrule s { on b key card }");
  if (compiled(&f)) {
    EXPECT(rule(&f, "r")->key_space != rule(&f, "s")->key_space);
    EXPECT_INT(f.set->spaces[rule(&f, "r")->key_space].secrets[0], SECRET_MASK);
    EXPECT_INT(f.set->spaces[rule(&f, "r")->key_space].mask_heads[0], 6);
    EXPECT_INT(f.set->spaces[rule(&f, "r")->key_space].mask_tails[0], 4);
    EXPECT_INT(f.set->spaces[rule(&f, "s")->key_space].secrets[0], SECRET_NONE);
  }
  tear_down(&f);
}

/* ---- derived events, uses ---- */

TEST(derived_events_are_layered) {
  struct fixture f;
  set_up(&f, "event a { event_time at  at time  k string  x int  words [string] }\nevent b { event_time at  at time  "
             "pad int  k string  x int  words [string] }\n"
             "event word from a, b each w in words where w != \"the\" and x > 1 { k = k  word = lower(w)  unread = x  "
             "wide = x * 1.5 }\n"
             "event long_word from word where length(word) > 3 { k = k  n = length(word)  wide = wide }\n"
             "rule r { on long_word(n > 4 and wide > 3) key k }");
  if (compiled(&f)) {
    EXPECT_INT(f.set->derived_count, 2);
    const struct derived *word = &f.set->deriveds[0], *longer = &f.set->deriveds[1];
    EXPECT_INT(word->stage, 1);
    EXPECT_INT(longer->stage, 2);
    EXPECT_INT(word->from_count, 2);
    EXPECT(word->from[0].each != NULL && longer->from[0].each == NULL);
    const struct schema *b = schema(&f, "b"), *w = schema(&f, "word");
    EXPECT_INT(word->from[1].type, b->id);
    EXPECT(!field(w, "unread")->used);
    struct value values[8] = {{.kind = VALUE_NULL}}, element[] = {text("FRAUD")};
    values[field(b, "k")->slot] = text("c1");
    values[field(b, "x")->slot] = value_int(3);
    f.expr_env.banks[BANK_EVENT] = values;
    f.expr_env.banks[BANK_REGISTER] = element;
    EXPECT_INT(expr_truth(word->from[1].where, &f.expr_env), 1);
    struct value made = expr_eval(word->from[1].entries[field(w, "word")->slot], &f.expr_env);
    EXPECT(made.kind == VALUE_STRING && slice_equal(value_slice(made), SLICE("fraud")));
    made = expr_eval(word->from[1].entries[field(w, "wide")->slot], &f.expr_env);
    EXPECT_INT(made.i, 45);
    EXPECT_INT(made.scale, 1);
    EXPECT_INT(f.set->uses[b->id].derived_count, 1);
    EXPECT_INT(f.set->uses[w->id].derived_count, 1);
    EXPECT_INT(f.set->uses[schema(&f, "long_word")->id].rule_count, 1);
  }
  tear_down(&f);
}

TEST(uses_name_rules_and_spaces) {
  struct fixture f;
  set_up(&f, EVENTS "rule a { on payment key card }\nrule b { key card  match payment then no login for 5m }\nrule c { "
                    "on payment key card  mode off }");
  if (compiled(&f)) {
    const struct type_use *payment = &f.set->uses[schema(&f, "payment")->id],
                          *login = &f.set->uses[schema(&f, "login")->id];
    EXPECT_INT(payment->rule_count, 2);
    EXPECT_INT(payment->rules[0], 0);
    EXPECT_INT(payment->rules[1], 1);
    EXPECT_INT(payment->space_count, 1);
    EXPECT_INT(login->rule_count, 1);
    EXPECT_INT(login->rules[0], 1);
  }
  tear_down(&f);
}

/* ---- lists, tables, files ---- */

TEST(lists_from_text) {
  struct fixture f;
  set_up(&f, "list d decimal(2) { 1, 2.5 }\nlist n ip { 10.0.0.0/8, 1.2.3.4 }\nlist e string\n" EVENTS
             "rule r { on payment(amount in d) key card }");
  if (compiled(&f)) {
    EXPECT_INT(f.set->list_count, 3);
    EXPECT(f.set->lookup.list_has(f.set, 0, value_decimal(250, 2)));
    EXPECT(f.set->lookup.list_has(f.set, 0, value_decimal(100, 2)));
    EXPECT(!f.set->lookup.list_has(f.set, 0, value_decimal(101, 2)));
    EXPECT(!f.set->lookup.list_has(f.set, 1, text("")));
    EXPECT(f.set->lookup.list_has(f.set, 2, (struct value){.i = 0x0A000001, .length = 4, .kind = VALUE_IP}));
  }
  tear_down(&f);
}

#define WITH_LIST "list l string from file \"l.txt\"\n" EVENTS "rule r { on payment(status in l) key card }"
#define WITH_TABLE                                                                                                     \
  "table t key (code) from file \"l.txt\" { name string  limit decimal(2) }\n" EVENTS                                  \
  "rule r { on payment(amount > t[status].limit) key card emit { name = t[status].name } }"

TEST(files_stand_beside_the_rules) {
  struct fixture f;
  set_up_file(&f, WITH_LIST, "rules/l.txt", "AA\nBB\n");
  if (compiled(&f)) EXPECT(list_set_has(f.set->lists[0].set, text("BB")));
  tear_down(&f);
  set_up_file(&f, WITH_TABLE, "rules/l.txt", "limit,code,name\n5,x,first\n");
  if (compiled(&f)) {
    EXPECT(slice_equal(value_slice(f.set->lookup.table_get(f.set, 0, 0, text("x"))), SLICE("first")));
    EXPECT_INT(f.set->lookup.table_get(f.set, 0, 1, text("x")).i, 500);
    EXPECT(value_is_null(f.set->lookup.table_get(f.set, 0, 1, text("y"))));
  }
  tear_down(&f);
}

static void expect_diag(struct fixture *f, uint32_t line, const char *part) {
  EXPECT(f->set == NULL);
  EXPECT_INT(f->result, ERR_ABORT);
  EXPECT_INT(f->diags.count, 1);
  if (f->diags.count == 0) return;
  EXPECT_INT(f->diags.items[0].span.line, line);
  if (strstr(f->diags.items[0].text, part) == NULL) EXPECT_TEXT(f->diags.items[0].text, part);
}

TEST(missing_and_broken_files_are_said) {
  struct fixture f;
  set_up_file(&f, WITH_LIST, "elsewhere", "");
  expect_diag(&f, 1, "rules/l.txt");
  tear_down(&f);
  set_up_file(&f, WITH_LIST, "rules/l.txt", "ok\n\xff\n");
  expect_diag(&f, 1, "rules/l.txt:2:1: ");
  tear_down(&f);
  set_up_file(&f, WITH_TABLE, "rules/l.txt", "limit,code,name\n5,x,first\n5.001,y,\n");
  expect_diag(&f, 1, "rules/l.txt:3:1: column `limit`");
  tear_down(&f);
}

/* ---- what cannot run, what is out of memory ---- */

TEST(what_is_not_run_yet_is_left_out_or_refused) {
  const char *rules = EVENTS "rule a { on payment key card }\nrule b { on rule_minute(seen > 3) }";
  struct fixture f;
  set_up(&f, rules);
  if (compiled(&f)) {
    EXPECT_INT(f.set->rule_count, 1);
    EXPECT(rule(&f, "a") != NULL);
  }
  tear_down(&f);
  memset(&f, 0, sizeof f);
  f.mem = mem_new(0);
  f.env = *env_real();
  f.options.for_run = true;
  compile_text(&f, rules);
  EXPECT(f.set == NULL);
  EXPECT_INT(f.result, ERR_ABORT);
  EXPECT_INT(f.diags.error_count, 1);
  tear_down(&f);
}

TEST(a_join_reaches_no_further_than_ten_thousand_years) {
  static const struct {
    const char *times, *says; /* NULL: it is fine */
  } joins[] = {{"q.time between p.time - 3650000d and p.time + 3650000d", NULL},
               {"q.time between p.time and p.time + 3650000d + 1us", "may be too far apart"},
               {"p.time - 99999999d < q.time and q.time <= p.time", "may be too far apart"},
               {"q.time between p.time - 3650000d - 1us and p.time", "may be too far apart"},
               {"q.time >= p.time and q.time <= p.time + p.n", "must be bounded by each other"}};
  for (size_t i = 0; i < sizeof joins / sizeof *joins; i++) {
    char rules[600];
    snprintf(rules, sizeof rules,
             "event one { event_time at at time card string n duration }\n"
             "event pair join p = one, q = one key card where %s { card = card }\nrule r { on pair key card }",
             joins[i].times);
    struct fixture f;
    set_up(&f, rules);
    EXPECT_INT(f.diags.error_count, joins[i].says == NULL ? 0 : 1);
    if (joins[i].says != NULL) expect_diag(&f, 2, joins[i].says);
    tear_down(&f);
  }
}

TEST(a_failure_at_every_allocation_is_one_fatal_error) {
  const char *rules = EVENTS "list l string { \"a\", \"b\" }\n"
                             "event big from payment where amount > 5 { card = card  amount = amount }\n"
                             "rule a { on payment(status in l and id matches /x+/ and hour(at, \"Europe/Berlin\") > 3) "
                             "key card emit { a = amount } message \"{a}\" with because }\n"
                             "rule b { key card  match p = payment {3,} then big(amount > avg(p.amount)) within 1h }";
  struct fixture f;
  set_up(&f, rules);
  bool whole = compiled(&f);
  EXPECT(whole);
  /* Some memory is only asked for (a regex without JIT code is slower, not wrong): then the result is a rule set. */
  uint64_t total = whole ? mem_count(f.set->mem) : 0, failures = 0;
  for (uint64_t n = 1; n <= total; n++) {
    ruleset_unref(f.set);
    f.options.fail_at = n;
    f.result = ruleset_compile(f.tree, &f.options, &f.diags, &f.set, &f.err);
    failures += f.result != 0;
    EXPECT((f.result == ERR_FATAL && f.set == NULL) || (f.result == 0 && f.set != NULL));
  }
  EXPECT(failures > 20);
  EXPECT_INT(f.diags.count, 0);
  tear_down(&f);
}

TEST(the_hash_is_of_the_declarations_not_of_their_order) {
  struct fixture a, b, c;
  set_up(&a, EVENTS "rule x { on payment key card }\nrule y { on login key card }");
  set_up(&b, "rule y { on login key card }\nrule x { on payment   key card }\n" EVENTS);
  set_up(&c, EVENTS "rule x { on payment key card }\nrule y { on login(ok) key card }");
  if (compiled(&a) && compiled(&b) && compiled(&c)) {
    EXPECT(a.set->identity_hash == b.set->identity_hash);
    EXPECT(a.set->identity_hash != c.set->identity_hash);
  }
  tear_down(&a);
  tear_down(&b);
  tear_down(&c);
}

TEST(a_rule_set_outlives_the_text) {
  struct fixture f;
  set_up(&f, EVENTS "rule r { on payment(status == \"approved\" and card in (\"a\", \"b\")) key card  emit { s = "
                    "concat(status, \"-told\") } }");
  if (compiled(&f)) {
    struct ruleset *kept = ruleset_ref(f.set);
    tear_down(&f);
    EXPECT(slice_equal(kept->rules[0].name, SLICE("r")));
    const struct schema *payment = &kept->schemas[kept->rules[0].on_type];
    struct mem *mem = mem_new(0);
    struct arena arena;
    arena_init(&arena, mem, 4096);
    struct expr_counts counts = {0};
    struct value values[9] = {{.kind = VALUE_NULL}};
    values[field(payment, "card")->slot] = text("a");
    values[field(payment, "status")->slot] = text("approved");
    struct expr_env env = {
        .banks = {values}, .scratch = &arena, .counts = &counts, .lookup = &kept->lookup, .lookup_context = kept};
    uint64_t marks[1] = {0};
    struct truth truth = {.predicates = kept->predicates, .marks = marks, .epoch = 1, .env = &env};
    struct index_scratch *scratch = index_scratch_new(mem, kept->index);
    struct event event = {.type = kept->rules[0].on_type, .values = values};
    const struct index_hit *hits;
    uint64_t mask;
    EXPECT_INT(index_event(kept->index, scratch, &event, &truth, &hits, &mask), 1);
    struct value told = expr_eval(kept->rules[0].emit[0].expr, &env);
    EXPECT(told.kind == VALUE_STRING && slice_equal(value_slice(told), SLICE("approved-told")));
    ruleset_unref(kept);
    mem_free_all(mem);
  } else {
    tear_down(&f);
  }
}

TEST_MAIN
