/* infer_write.c - judges what infer.c saw and writes it as rule text: infer_write(). */
#include "base/check.h"
#include "base/infer_field.h"
#include "base/number_text.h"
#include "base/time_text.h"

enum { NAME_BYTES = 64, TYPE_BYTES = 32, NAME_COLUMN_MAX = 24, COMMENT_COLUMN = 30, COMMENT_COLUMN_MAX = 64 };

struct choice {
  char name[NAME_BYTES];
  char type[TYPE_BYTES];
  bool left_out;   /* stands as a comment only: no type fits, or no path leads there */
  bool skipped;    /* an object whose members are listed */
  int64_t unit_us; /* of a number that is a time: microseconds of its unit; 0 = not a number */
  bool is_time;
  bool renamed;
};

/* --- names --- */

static bool is_word_of(struct slice word, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (slice_equal(word, slice_of(words[i]))) return true;
  }
  return false;
}

/* Words that cannot be a field's name: reserved ones, and clause words of `event` (grammar). */
static bool is_taken_word(struct slice word) {
  static const char *const words[] = {
      "and", "or",   "not",        "in",    "is",       "null", "true",   "false",     "matches", "between", "over",
      "of",  "by",   "where",      "then",  "next",     "no",   "any",    "match",     "within",  "key",     "emit",
      "on",  "when", "event_time", "named", "disorder", "late", "unique", "watermark", "clock",   "jump"};
  return is_word_of(word, words, sizeof words / sizeof *words);
}

/* A NAME like `text`: `DestPort` is dest_port, `@timestamp` timestamp. */
static void name_make(char out[NAME_BYTES], struct slice text) {
  size_t length = 0;
  bool low_before = false;
  for (size_t i = 0; i < text.length && length + 12 < NAME_BYTES; i++) {
    char c = text.data[i];
    bool upper = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9', plain = upper || digit || (c >= 'a' && c <= 'z');
    if (digit && length == 0) out[length++] = 'n';
    if (upper && low_before && out[length - 1] != '_') out[length++] = '_';
    if (upper) c = (char)(c - 'A' + 'a');
    if (plain)
      out[length++] = c;
    else if (length > 0 && out[length - 1] != '_')
      out[length++] = '_';
    low_before = plain && !upper;
  }
  while (length > 0 && out[length - 1] == '_') length--;
  if (length == 0) {
    memcpy(out, "field", 5);
    length = 5;
  }
  if (is_taken_word((struct slice){out, length})) {
    memcpy(out + length, "_value", 6);
    length += 6;
  }
  out[length] = 0;
}

static bool name_is_used(const struct choice *choices, uint32_t count, const char *name) {
  for (uint32_t i = 0; i < count; i++) {
    if (choices[i].name != name && strcmp(choices[i].name, name) == 0) return true;
  }
  return false;
}

/* The last name of the path, all of it if that is taken, then with a number. */
static void name_choose(struct choice *choices, uint32_t count, struct choice *choice, struct slice path) {
  char *name = choice->name;
  const char *point = memrchr(path.data, '.', path.length);
  size_t skipped = point == NULL ? 0 : (size_t)(point + 1 - path.data);
  name_make(name, (struct slice){path.data + skipped, path.length - skipped});
  if (name_is_used(choices, count, name)) name_make(name, path);
  size_t length = strlen(name);
  for (unsigned number = 2; name_is_used(choices, count, name); number++) {
    snprintf(name + length, NAME_BYTES - length, "_%u", number);
  }
  choice->renamed = !slice_equal(slice_of(name), path);
}

/* --- types --- */

static uint64_t values_of(const struct infer_field *field) {
  uint64_t values = 0;
  for (int i = 0; i < INFER_KINDS; i++) values += field->kinds[i];
  return values;
}

/* How much a name says that this is the event time; 40 and more is a time by its name. */
static int time_rank(struct slice path) {
  static const struct {
    const char *name;
    int rank;
  } ranks[] = {{"event_time", 100}, {"at", 95},          {"timestamp", 90}, {"event_timestamp", 90}, {"time", 85},
               {"ts", 80},          {"occurred_at", 80}, {"datetime", 75},  {"date_time", 75},       {"created_at", 70},
               {"created", 65},     {"date", 60},        {"t", 50}};
  static const char *const ends[] = {"time", "timestamp", "_at", "_ts", "date"};
  char name[NAME_BYTES];
  int depth = 0;
  for (size_t i = 0; i < path.length; i++) depth += path.data[i] == '.';
  const char *point = memrchr(path.data, '.', path.length);
  size_t skipped = point == NULL ? 0 : (size_t)(point + 1 - path.data);
  name_make(name, (struct slice){path.data + skipped, path.length - skipped});
  for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
    if (strcmp(name, ranks[i].name) == 0) return ranks[i].rank - 5 * depth;
  }
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    size_t length = strlen(name), end = strlen(ends[i]);
    if (length > end && strcmp(name + length - end, ends[i]) == 0) return 45 - depth;
  }
  return 20 - depth;
}

/* Microseconds of the unit in which numbers from `low` to `high` are times of the years 1990 to 2100; 0 if in none. */
static int64_t time_unit(double low, double high) {
  static const int64_t units[] = {1000000, 1000, 1};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    double seconds = 1e6 / (double)units[i];
    if (low >= 631152000.0 * seconds && high <= 4102444800.0 * seconds) return units[i];
  }
  return 0;
}

static void number_type(char out[TYPE_BYTES], bool fraction, bool exponents, unsigned digits, double size) {
  enum { DIGITS_USUAL = 2, DIGITS_MAX = 6 }; /* of decimals; what has more is a measure rather than an amount */
  double power = 1;
  for (unsigned i = 0; i < (digits < DIGITS_USUAL ? DIGITS_USUAL : digits); i++) power *= 10;
  if (!fraction)
    snprintf(out, TYPE_BYTES, "int");
  else if (exponents || digits == 0 || digits > DIGITS_MAX || size * power > 9e18)
    snprintf(out, TYPE_BYTES, "float");
  else
    snprintf(out, TYPE_BYTES, "decimal(%u)", digits < DIGITS_USUAL ? DIGITS_USUAL : digits);
}

static void number_choose(struct choice *choice, const struct infer_field *field) {
  double size = -field->low > field->high ? -field->low : field->high;
  bool fraction = field->kinds[INFER_FRACTION] > 0;
  int64_t unit = time_rank(field->path) >= 40 && field->exponents == 0 && field->digits <= 6
                     ? time_unit(field->low, field->high)
                     : 0;
  if (unit > 0 && (!fraction || unit == 1000000)) {
    choice->unit_us = unit;
    choice->is_time = true;
    snprintf(choice->type, TYPE_BYTES, "time(%s)", unit == 1 ? "us" : unit == 1000 ? "ms" : "s");
    return;
  }
  bool beyond = field->huge > 0 || field->beyond > 0;
  number_type(choice->type, fraction || beyond, field->exponents > 0 || beyond, field->digits, size);
}

static void array_choose(struct choice *choice, const struct infer_field *field) {
  uint64_t numbers = field->elements[INFER_INT] + field->elements[INFER_FRACTION], bools = field->elements[INFER_BOOL];
  uint64_t texts = field->elements[INFER_TEXT], others = field->elements[INFER_OBJECT] + field->elements[INFER_ARRAY];
  char element[TYPE_BYTES - 2] = "";
  if ((numbers > 0) + (bools > 0) + (texts > 0) + (others > 0) != 1 || others > 0) {
    choice->left_out = true;
    return;
  }
  if (numbers > 0) {
    char type[TYPE_BYTES];
    number_type(type, field->elements[INFER_FRACTION] > 0, field->exponents > 0, field->digits, 0);
    snprintf(element, sizeof element, "%.*s", (int)sizeof element - 1, type);
  } else {
    snprintf(element, sizeof element, "%s", bools > 0 ? "bool" : "string");
  }
  snprintf(choice->type, TYPE_BYTES, "[%s]", element);
}

/* The kind that most values have; in CSV all is text that is not of one kind. */
static enum infer_kind kind_of(const struct infer *infer, const struct infer_field *field) {
  uint64_t numbers = field->kinds[INFER_INT] + field->kinds[INFER_FRACTION], most = numbers;
  enum infer_kind kind = INFER_INT;
  static const enum infer_kind others[] = {INFER_BOOL, INFER_TEXT, INFER_ARRAY};
  if (infer->csv && numbers < values_of(field) && field->kinds[INFER_BOOL] < values_of(field)) return INFER_TEXT;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    if (field->kinds[others[i]] <= most) continue;
    most = field->kinds[others[i]];
    kind = others[i];
  }
  return kind;
}

static bool has_control(struct slice text) {
  for (size_t i = 0; i < text.length; i++) {
    if ((uint8_t)text.data[i] < 0x20) return true;
  }
  return false;
}

/* Three of four: what else stands there is a slip of some records, and not what the field is for. */
static bool most_are_times(const struct infer_field *field, uint64_t values) {
  return field->times > 0 && (values - field->times) * 4 <= values;
}

static void choose(const struct infer *infer, struct choice *choice, const struct infer_field *field) {
  uint64_t values = values_of(field);
  choice->left_out = field->unreachable || has_control(field->path) || values == 0;
  choice->skipped = values > 0 && field->kinds[INFER_OBJECT] == values;
  if (choice->left_out || choice->skipped) return;
  switch (kind_of(infer, field)) {
  case INFER_BOOL: snprintf(choice->type, TYPE_BYTES, "bool"); return;
  case INFER_ARRAY: array_choose(choice, field); return;
  case INFER_TEXT:
    choice->is_time = most_are_times(field, values);
    snprintf(choice->type, TYPE_BYTES, "%s", choice->is_time ? "time" : field->addresses == values ? "ip" : "string");
    return;
  case INFER_INT:
  case INFER_FRACTION:
  case INFER_OBJECT:
  case INFER_KINDS: break;
  }
  number_choose(choice, field);
}

/* --- comments --- */

struct remark {
  struct buf *out;
  bool begun;
};

static void remark_next(struct remark *remark) {
  buf_str(remark->out, remark->begun ? "; " : "# ");
  remark->begun = true;
}

static void remark_samples(struct remark *remark, const struct infer_field *field) {
  remark_next(remark);
  if (field->distinct_count == 1) buf_str(remark->out, "always ");
  for (uint32_t i = 0; i < field->distinct_count; i++) {
    if (i > 0) buf_str(remark->out, ", ");
    buf_json_string(remark->out, (struct slice){field->samples[i], field->sample_lengths[i]});
  }
}

static void remark_distinct(struct remark *remark, const struct infer_field *field, uint64_t values) {
  enum { FEW = 10 };
  if (field->distinct_count == INFER_DISTINCT_MAX) {
    remark_next(remark);
    buf_printf(remark->out, "%d or more different values", INFER_DISTINCT_MAX);
  } else if (field->distinct_count == values && values > FEW) {
    remark_next(remark);
    buf_str(remark->out, "all different");
  } else {
    remark_next(remark);
    if (field->distinct_count > 1)
      buf_printf(remark->out, "%u different values", field->distinct_count);
    else
      buf_str(remark->out, "always the same");
  }
}

static void remark_range(struct remark *remark, const struct choice *choice, const struct infer_field *field) {
  bool text_time = choice->is_time && choice->unit_us == 0;
  bool ints = field->kinds[INFER_FRACTION] == 0 && field->huge == 0 && field->beyond == 0;
  remark_next(remark);
  if (field->distinct_count == 1) buf_str(remark->out, "always ");
  for (int end = 0; end < (field->distinct_count == 1 ? 1 : 2); end++) {
    if (end == 1) buf_str(remark->out, " to ");
    if (text_time)
      time_write(remark->out, end == 0 ? field->time_low : field->time_high);
    else if (ints && choice->is_time)
      time_write(remark->out, (end == 0 ? field->int_low : field->int_high) * choice->unit_us); /* years 1990 to 2100 */
    else if (ints)
      number_write_int(remark->out, end == 0 ? field->int_low : field->int_high);
    else
      number_write_float(remark->out, end == 0 ? field->low : field->high);
  }
}

static void remark_kinds(struct remark *remark, const struct infer_field *field) {
  static const char *const names[INFER_KINDS] = {"bool", "number", "number with a point", "text", "array", "object"};
  bool first = true;
  for (int i = 0; i < INFER_KINDS; i++) {
    if (field->kinds[i] == 0) continue;
    if (first) remark_next(remark);
    buf_printf(remark->out, "%s%s %llu time%s", first ? "of several kinds: " : ", ", names[i],
               (unsigned long long)field->kinds[i], field->kinds[i] == 1 ? "" : "s");
    first = false;
  }
}

/* What was seen, behind the field's declaration. */
static void remarks_write(struct buf *out, const struct choice *choice, const struct infer_field *field,
                          uint64_t records) {
  struct remark remark = {out, false};
  uint64_t values = values_of(field), numbers = field->kinds[INFER_INT] + field->kinds[INFER_FRACTION];
  bool is_array = field->kinds[INFER_ARRAY] == values;
  if (values == 0) {
    remark_next(&remark);
    buf_str(out, "always null");
    return;
  }
  if (numbers < values && field->kinds[INFER_TEXT] < values && field->kinds[INFER_BOOL] < values && !is_array) {
    remark_kinds(&remark, field);
  } else if (numbers == values || choice->is_time) {
    if (choice->is_time || numbers > field->beyond) remark_range(&remark, choice, field);
    if (choice->is_time && choice->unit_us == 0 && field->times < values) {
      remark_next(&remark);
      buf_printf(out, "no time in %llu", (unsigned long long)(values - field->times));
    }
    if (!choice->is_time && field->distinct_count > 1) remark_distinct(&remark, field, values);
  } else if (field->kinds[INFER_TEXT] == values) {
    if (field->distinct_count <= INFER_SAMPLES && !field->samples_cut)
      remark_samples(&remark, field);
    else
      remark_distinct(&remark, field, values);
  } else if (is_array) {
    remark_next(&remark);
    buf_printf(out, "up to %u element%s", field->elements_max, field->elements_max == 1 ? "" : "s");
    if (field->elements_max > LIST_ELEMENTS_MAX)
      buf_printf(out, ": with more than %d it is taken as null", LIST_ELEMENTS_MAX);
    if (choice->left_out) buf_str(out, ", not all of one plain type");
  }
  if (field->huge > 0) {
    remark_next(&remark);
    buf_str(out, "has ints beyond 64 bits");
  }
  if (field->beyond > 0) {
    remark_next(&remark);
    buf_printf(out, "out of the range of a float, taken as null: %llu", (unsigned long long)field->beyond);
  }
  if (values < records) {
    remark_next(&remark);
    buf_printf(out, "missing or null in %llu", (unsigned long long)(records - values));
  }
}

/* --- declarations --- */

static void string_write(struct buf *out, struct slice text) { /* without control characters */
  buf_byte(out, '"');
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] == '"' || text.data[i] == '\\') buf_byte(out, '\\');
    buf_byte(out, text.data[i]);
  }
  buf_byte(out, '"');
}

static int32_t time_choose(const struct choice *choices, const struct infer_type *type) {
  int best = -1000;
  int32_t chosen = -1;
  for (uint32_t i = 0; i < type->field_count; i++) {
    if (!choices[i].is_time || choices[i].left_out) continue;
    int rank = time_rank(type->fields[i].path);
    if (values_of(&type->fields[i]) < type->records) rank -= 30; /* records without it would be refused */
    if (rank <= best) continue;
    best = rank;
    chosen = (int32_t)i;
  }
  return chosen;
}

static void disorder_write(struct buf *out, const struct choice *choice, const struct infer_field *field,
                           size_t column) {
  static const int64_t steps[] = {1,    2,    5,    10,    30,    60,    120,    300,   600,
                                  1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800};
  int64_t behind_us = field->time_behind_us, rounded_us;
  if (choice->unit_us > 0 && __builtin_mul_overflow(field->int_behind, choice->unit_us, &behind_us)) behind_us = 0;
  if (behind_us <= 0) return;
  rounded_us = behind_us;
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    if (steps[i] * TIME_SECOND_US < behind_us) continue;
    rounded_us = steps[i] * TIME_SECOND_US;
    break;
  }
  size_t start = out->length;
  buf_str(out, "  disorder ");
  duration_write(out, rounded_us);
  while (out->length - start < column) buf_byte(out, ' ');
  buf_str(out, "# in the sample up to ");
  duration_write(out, behind_us);
  buf_str(out, " behind the highest time before\n");
}

/* The field's declaration, or its path in a comment; returns how long it is. */
static size_t field_declare(struct buf *out, const struct choice *choice, const struct infer_field *field, int width) {
  size_t start = out->length;
  if (choice->left_out) {
    buf_str(out, "  # ");
    buf_json_string(out, field->path);
  } else {
    buf_printf(out, "  %-*s %s", width, choice->name, choice->type);
    if (choice->renamed) {
      buf_str(out, " from ");
      string_write(out, field->path);
    }
  }
  return out->length - start;
}

static void field_write(struct buf *out, const struct choice *choice, const struct infer_field *field, int width,
                        size_t column, uint64_t records) {
  if (choice->skipped) return;
  size_t length = field_declare(out, choice, field, width), end = out->length;
  if (choice->left_out && (field->unreachable || has_control(field->path))) {
    buf_str(out, " cannot be read: a name with a point or a control character, or an empty one\n");
    return;
  }
  do buf_byte(out, ' ');
  while (++length < column);
  size_t before = out->length;
  remarks_write(out, choice, field, records);
  if (out->length == before) out->length = end;
  buf_byte(out, '\n');
}

/* Where comments begin: behind the longest declaration, within reason. */
static size_t comment_column(struct buf *out, const struct choice *choices, const struct infer_type *type, int width) {
  size_t column = COMMENT_COLUMN, start = out->length;
  for (uint32_t i = 0; i < type->field_count; i++) {
    if (choices[i].left_out || choices[i].skipped) continue;
    size_t length = field_declare(out, &choices[i], &type->fields[i], width) + 2;
    if (length > column) column = length < COMMENT_COLUMN_MAX ? length : COMMENT_COLUMN_MAX;
    out->length = start;
  }
  return column;
}

typedef char event_name[NAME_BYTES];

/* Whether another type has the name, or it is that of a built-in one. */
static bool is_event_named(const event_name *names, uint32_t count, const char *name) {
  if (strcmp(name, "label") == 0 || strcmp(name, "rule_minute") == 0) return true;
  for (uint32_t i = 0; i < count; i++) {
    if (names[i] != name && strcmp(names[i], name) == 0) return true;
  }
  return false;
}

/* Each type its own name: records say those that are NAMEs already, so these come first; others get what is like them,
 * with a number where that is taken. */
static void events_name(const struct infer *infer, event_name *names) {
  for (uint32_t i = 0; i < infer->type_count; i++) {
    struct slice own = infer->types[i].name;
    name_make(names[i], own.length > 0 ? own : infer->event_name);
    if (!slice_equal(slice_of(names[i]), own) || is_event_named(names, 0, names[i])) names[i][0] = 0;
  }
  for (uint32_t i = 0; i < infer->type_count; i++) {
    if (names[i][0] != 0) continue;
    struct slice own = infer->types[i].name;
    name_make(names[i], own.length > 0 ? own : infer->event_name);
    size_t length = strlen(names[i]);
    for (unsigned number = 2; is_event_named(names, infer->type_count, names[i]); number++)
      snprintf(names[i] + length, NAME_BYTES - length, "_%u", number);
  }
}

/* Chooses all fields' types and names; returns the column width for names. Members of the record itself have the first
 * choice of a name, those of objects in it the second. */
static int fields_choose(const struct infer *infer, const struct infer_type *type, struct choice *choices) {
  int width = 8; /* `disorder` */
  for (uint32_t i = 0; i < type->field_count; i++) {
    choices[i] = (struct choice){.name = ""};
    choose(infer, &choices[i], &type->fields[i]);
  }
  for (int nested = 0; nested < 2; nested++) {
    for (uint32_t i = 0; i < type->field_count; i++) {
      struct slice path = type->fields[i].path;
      bool is_nested = memchr(path.data, '.', path.length) != NULL;
      if (choices[i].left_out || choices[i].skipped || is_nested != (nested == 1)) continue;
      name_choose(choices, type->field_count, &choices[i], path);
      int length = (int)strlen(choices[i].name);
      if (length > width) width = length < NAME_COLUMN_MAX ? length : NAME_COLUMN_MAX;
    }
  }
  return width;
}

static void records_write(struct buf *out, uint64_t records) {
  buf_printf(out, "%llu record%s", (unsigned long long)records, records == 1 ? "" : "s");
}

static bool declares_none(const struct choice *choices, const struct infer_type *type) {
  for (uint32_t i = 0; i < type->field_count; i++) {
    if (!choices[i].left_out && !choices[i].skipped) return false;
  }
  return true;
}

static void type_write(const struct infer *infer, const struct infer_type *type, const char *name,
                       struct choice *choices, struct buf *out) {
  int width = fields_choose(infer, type, choices);
  int32_t time = time_choose(choices, type);
  size_t column = comment_column(out, choices, type, width);
  buf_str(out, "\n# ");
  records_write(out, type->records);
  buf_printf(out, "\nevent %s {\n", name);
  if (type->name.length > 0 && !slice_equal(slice_of(name), type->name)) {
    if (has_control(type->name)) {
      buf_str(out, "  # its name in the records has control characters and cannot be written\n");
    } else {
      buf_str(out, "  named ");
      string_write(out, type->name);
      buf_byte(out, '\n');
    }
  }
  if (time >= 0) {
    buf_printf(out, "  event_time %s\n", choices[time].name);
    disorder_write(out, &choices[time], &type->fields[time], column);
  } else {
    buf_printf(out, "  %-*s # no field looks like an event time\n", (int)column - 3, "event_time log");
  }
  for (uint32_t i = 0; i < type->field_count; i++) {
    field_write(out, &choices[i], &type->fields[i], width, column, type->records);
  }
  if (declares_none(choices, type)) /* an event has a field */
    buf_printf(out, "  %-*s # no other field can be declared\n", (int)column - 3, "type string");
  if (type->fields_left_out > 0)
    buf_printf(out, "  # and more fields: only the first %d were looked at\n", (int)type->field_count);
  buf_str(out, "}\n");
}

bool infer_found(const struct infer *infer, struct buf *why) {
  if (infer->type_count > 0) return true;
  if (infer->records == 0)
    buf_str(why, infer->csv ? "there is no record behind the CSV header" : "there is no record");
  else if (infer->records == 1)
    buf_printf(why, "the only record could not be read: %s", infer->refused_detail);
  else
    buf_printf(why, "none of the %llu records could be read; the first: %s", (unsigned long long)infer->records,
               infer->refused_detail);
  return false;
}

void infer_write(const struct infer *infer, struct buf *out) {
  buf_str(out, "# Proposed from ");
  records_write(out, infer->records);
  buf_str(out, ". Say which fields are `required`, which one is `unique`,\n# and name the key in each rule.\n");
  if (infer->refused > 0) {
    buf_str(out, "# ");
    records_write(out, infer->refused);
    buf_printf(out, " could not be read; the first: %s\n", infer->refused_detail);
  }
  if (infer->types_left_out > 0) {
    buf_str(out, "# ");
    records_write(out, infer->types_left_out);
    buf_printf(out, " %s of further types: only the first %d types are proposed.\n",
               infer->types_left_out == 1 ? "is" : "are", INFER_TYPES_MAX);
  }
  struct choice *choices = mem_alloc(infer->mem, sizeof *choices * INFER_FIELDS_MAX);
  event_name *names = mem_alloc(infer->mem, sizeof *names * INFER_TYPES_MAX);
  events_name(infer, names);
  for (uint32_t i = 0; i < infer->type_count; i++) type_write(infer, &infer->types[i], names[i], choices, out);
  mem_free(infer->mem, names);
  mem_free(infer->mem, choices);
}
