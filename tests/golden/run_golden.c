/* run_golden.c - golden tests of matches: rules and events in, exact alerts out, through engine/weir.h.
 *
 *   golden_matches FILE.test… [--update] [--only TEXT]
 *
 * A file is a list of blocks with a line `====` between them; a block is `## name`, rule text, `----`, events, `----`,
 * expected alerts, and, where some are expected, `----` and the expected dead letters and late rows. A first block
 * called `## prelude` has only rule text, which stands before that of every other block. Files that rules read lie
 * beside the test file.
 *
 * Events are JSON records, or short: `TYPE SECONDS [field=value]…` is a record of that type, so many seconds behind
 * 2026-01-05T10:00:00Z; a value that is no JSON number, word, list or string is a string. A line that begins with `-- `
 * steers: `-- partition` (another partition begins), `-- input EVENT` (another one, all of that type), `-- csv [EVENT]`
 * (one of CSV lines), `-- arrival` (order arrival), `-- runs_max N`, `-- match_events_max N`, `-- batches N` (only with
 * batches of N).
 *
 * Expected alerts are the exact bytes where their first line begins with `{` (but `"id":"*"` stands for any 32 hex
 * digits); else short: rule, seconds, key, fields (if any), matched events as step:offset or step:partition.offset, and
 * what else the alert says. Dead letters likewise.
 *
 * Each block runs with batches of 1, 7 and 64, without the index, and in either mode of matching: all must give the
 * same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/time_text.h"
#include "engine/weir.h"

enum { INPUTS_MAX = 16, LINES_MAX = 4096, SECTIONS_MAX = 4 };

/* 2026-01-05T10:00:00Z */
static const int64_t epoch_us = INT64_C(1767607200000000);

struct input {
  char type[64];
  bool csv;
  struct slice lines[LINES_MAX];
  uint32_t count, next;
};

struct block {
  struct slice name, all;
  struct slice sections[SECTIONS_MAX]; /* rules, events, alerts, refused */
  uint32_t section_count;
};

struct setup {
  struct mem *mem;
  struct input inputs[INPUTS_MAX];
  uint32_t input_count;
  struct weir_options options;
  uint32_t only_batch;
  const char *rules_name;
};

struct config {
  const char *name;
  unsigned batch;
  bool index_off;
  enum weir_mode mode;
};

static const struct config configs[] = {
    {"batches of 64", 64, false, WEIR_MODE_AUTO}, {"batches of 1", 1, false, WEIR_MODE_AUTO},
    {"batches of 7", 7, false, WEIR_MODE_AUTO},   {"without the index", 64, true, WEIR_MODE_AUTO},
    {"mode runs", 64, false, WEIR_MODE_RUNS},     {"mode compact", 64, false, WEIR_MODE_COMPACT},
};

/* ---- text ---- */

static struct slice take_line(struct slice *text) {
  const char *end = text->length == 0 ? NULL : memchr(text->data, '\n', text->length);
  struct slice line = {text->data, end == NULL ? text->length : (size_t)(end - text->data)};
  size_t used = end == NULL ? text->length : line.length + 1;
  *text = (struct slice){text->data + used, text->length - used};
  return line;
}

static bool starts(struct slice text, const char *with) {
  return text.length >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

static struct slice behind(struct slice text, size_t bytes) {
  return (struct slice){text.data + bytes, text.length - bytes};
}

static struct slice take_word(struct slice *text) {
  size_t length = 0;
  while (text->length > 0 && text->data[0] == ' ') *text = behind(*text, 1);
  bool quoted = false;
  int depth = 0;
  for (; length < text->length; length++) {
    char byte = text->data[length];
    if (byte == '"' && (length == 0 || text->data[length - 1] != '\\')) quoted = !quoted;
    if (!quoted && (byte == '[' || byte == '{')) depth++;
    if (!quoted && (byte == ']' || byte == '}')) depth--;
    if (!quoted && depth <= 0 && byte == ' ') break;
  }
  struct slice word = {text->data, length};
  *text = behind(*text, length);
  return word;
}

/* ---- events ---- */

static bool is_json(struct slice value) {
  if (value.length == 0) return false;
  if (strchr("\"[{", value.data[0]) != NULL) return true;
  if (slice_equal(value, SLICE("true")) || slice_equal(value, SLICE("false")) || slice_equal(value, SLICE("null")))
    return true;
  if (strchr("-0123456789", value.data[0]) == NULL) return false;
  bool digits = false;
  unsigned points = 0;
  for (size_t i = 0; i < value.length; i++) {
    char byte = value.data[i];
    if (strchr("0123456789.eE+-", byte) == NULL) return false;
    if ((byte == '-' || byte == '+') && i > 0 && value.data[i - 1] != 'e' && value.data[i - 1] != 'E') return false;
    digits = digits || (byte >= '0' && byte <= '9');
    points += byte == '.';
  }
  return digits && points < 2; /* dates and addresses are no numbers */
}

static int64_t seconds_of(struct slice text) {
  int64_t us = 0, sign = 1, unit = 0;
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] == '-')
      sign = -1;
    else if (text.data[i] == '.')
      unit = TIME_SECOND_US;
    else if (unit > 0)
      us += (text.data[i] - '0') * (unit /= 10);
    else
      us = us * 10 + (text.data[i] - '0') * TIME_SECOND_US;
  }
  return sign * us;
}

static struct slice event_line(struct mem *mem, struct slice line) {
  struct buf out;
  buf_init(&out, mem);
  if (starts(line, "{") || starts(line, "!")) {
    buf_slice(&out, starts(line, "!") ? behind(line, 1) : line); /* `!` for what is no JSON at all */
  } else {
    struct slice type = take_word(&line), seconds = take_word(&line);
    buf_str(&out, "{\"type\":");
    buf_json_string(&out, type);
    if (seconds.length > 0 && !slice_equal(seconds, SLICE("-"))) {
      buf_str(&out, ",\"at\":\"");
      time_write(&out, epoch_us + seconds_of(seconds));
      buf_str(&out, "\"");
    }
    for (struct slice word = take_word(&line); word.length > 0; word = take_word(&line)) {
      const char *equals = memchr(word.data, '=', word.length);
      if (equals == NULL) continue;
      size_t name = (size_t)(equals - word.data);
      buf_byte(&out, ',');
      buf_json_string(&out, (struct slice){word.data, name});
      buf_byte(&out, ':');
      struct slice value = behind(word, name + 1);
      if (is_json(value))
        buf_slice(&out, value);
      else
        buf_json_string(&out, value);
    }
    buf_byte(&out, '}');
  }
  size_t length = out.length;
  buf_reserve(&out, WEIR_PADDING + 1);
  memset(out.data + length, 0, WEIR_PADDING);
  return (struct slice){out.data, length};
}

static struct input *new_input(struct setup *setup, struct slice type, bool csv) {
  if (setup->input_count == INPUTS_MAX) {
    fprintf(stderr, "more than %d inputs\n", INPUTS_MAX);
    exit(2);
  }
  struct input *input = &setup->inputs[setup->input_count++];
  *input = (struct input){.csv = csv};
  snprintf(input->type, sizeof input->type, SLICE_FMT, SLICE_ARG(type));
  return input;
}

static void directive(struct setup *setup, struct slice line, struct input **input) {
  struct slice word = take_word(&line), rest = take_word(&line);
  if (slice_equal(word, SLICE("partition")) || slice_equal(word, SLICE("input")) || slice_equal(word, SLICE("csv"))) {
    *input = new_input(setup, rest, slice_equal(word, SLICE("csv")));
  } else if (slice_equal(word, SLICE("arrival"))) {
    setup->options.order = WEIR_ORDER_ARRIVAL;
  } else if (slice_equal(word, SLICE("runs_max"))) {
    setup->options.runs_max = (unsigned)(seconds_of(rest) / TIME_SECOND_US);
  } else if (slice_equal(word, SLICE("match_events_max"))) {
    setup->options.match_events_max = (unsigned)(seconds_of(rest) / TIME_SECOND_US);
  } else if (slice_equal(word, SLICE("batches"))) {
    setup->only_batch = (uint32_t)(seconds_of(rest) / TIME_SECOND_US);
  } else {
    fprintf(stderr, "unknown line `-- " SLICE_FMT "`\n", SLICE_ARG(word));
    exit(2);
  }
}

static void read_events(struct setup *setup, struct slice text) {
  struct input *input = NULL;
  while (text.length > 0) {
    struct slice line = take_line(&text);
    if (line.length == 0) continue;
    if (starts(line, "-- ")) {
      directive(setup, behind(line, 3), &input);
      continue;
    }
    if (input == NULL) input = new_input(setup, (struct slice){0}, false);
    if (input->count == LINES_MAX) exit(2);
    input->lines[input->count++] = input->csv ? line : event_line(setup->mem, line);
  }
  if (setup->input_count == 0) new_input(setup, (struct slice){0}, false);
}

/* ---- the short form ---- */

/* The end of the JSON value at `at`. */
static size_t value_end(struct slice json, size_t at) {
  int depth = 0;
  bool quoted = false;
  for (; at < json.length; at++) {
    char byte = json.data[at];
    if (quoted) {
      if (byte == '\\')
        at++;
      else if (byte == '"')
        quoted = false;
      continue;
    }
    if (byte == '"') quoted = true;
    if (byte == '{' || byte == '[') depth++;
    if ((byte == '}' || byte == ']') && depth-- == 0) return at;
    if (byte == ',' && depth == 0) return at;
  }
  return at;
}

/* The next member of the object whose text begins at *at (behind `{` or `,`). */
static bool next_member(struct slice json, size_t *at, struct slice *name, struct slice *value) {
  if (*at >= json.length || json.data[*at] != '"') return false;
  size_t end = *at + 1;
  while (json.data[end] != '"') end++;
  *name = (struct slice){json.data + *at + 1, end - *at - 1};
  size_t from = end + 2, to = value_end(json, from);
  *value = (struct slice){json.data + from, to - from};
  *at = to + 1;
  return true;
}

static struct slice member(struct slice json, const char *wanted) {
  struct slice name, value;
  for (size_t at = 1; next_member(json, &at, &name, &value);)
    if (slice_equal(name, slice_of(wanted))) return value;
  return (struct slice){0};
}

static struct slice unquoted(struct slice text) {
  return text.length >= 2 && text.data[0] == '"' ? (struct slice){text.data + 1, text.length - 2} : text;
}

static void short_time(struct buf *out, struct slice quoted) {
  int64_t us;
  if (time_parse(unquoted(quoted), &us) != NULL) {
    buf_slice(out, quoted);
    return;
  }
  us -= epoch_us;
  if (us < 0) buf_byte(out, '-');
  uint64_t size = us < 0 ? (uint64_t)-us : (uint64_t)us;
  buf_printf(out, "%llu", (unsigned long long)(size / TIME_SECOND_US));
  if (size % TIME_SECOND_US == 0) return;
  char digits[16];
  snprintf(digits, sizeof digits, "%06llu", (unsigned long long)(size % TIME_SECOND_US));
  size_t length = 6;
  while (digits[length - 1] == '0') length--;
  buf_printf(out, ".%.*s", (int)length, digits);
}

static void short_position(struct buf *out, struct slice object) {
  struct slice partition = member(object, "partition"), offset = member(object, "offset");
  if (offset.length == 0) {
    buf_byte(out, '-');
    return;
  }
  if (!slice_equal(partition, SLICE("0"))) buf_printf(out, SLICE_FMT ".", SLICE_ARG(partition));
  buf_slice(out, offset);
}

static void short_matched(struct buf *out, struct slice list) {
  for (size_t at = 1; at < list.length && list.data[at] == '{';) {
    size_t end = value_end(list, at);
    struct slice item = {list.data + at, end - at};
    buf_printf(out, " " SLICE_FMT ":", SLICE_ARG(unquoted(member(item, "step"))));
    short_position(out, item);
    if (member(item, "fields").length > 0) buf_printf(out, SLICE_FMT, SLICE_ARG(member(item, "fields")));
    if (member(item, "more").length > 0) buf_printf(out, "+" SLICE_FMT, SLICE_ARG(member(item, "more")));
    at = end + 1;
  }
}

static void short_alert(struct buf *out, struct slice json) {
  static const char *const plain[] = {"rule", "version", "id", "time", "key", "fields", "matched"};
  buf_printf(out, SLICE_FMT " ", SLICE_ARG(unquoted(member(json, "rule"))));
  short_time(out, member(json, "time"));
  buf_printf(out, " " SLICE_FMT, SLICE_ARG(member(json, "key")));
  struct slice fields = member(json, "fields");
  if (!slice_equal(fields, SLICE("{}"))) buf_printf(out, " " SLICE_FMT, SLICE_ARG(fields));
  short_matched(out, member(json, "matched"));
  struct slice name, value;
  for (size_t at = 1; next_member(json, &at, &name, &value);) {
    bool known = false;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) known = known || slice_equal(name, slice_of(plain[i]));
    if (known || (slice_equal(name, SLICE("cause")) && slice_equal(value, SLICE("\"match\"")))) continue;
    buf_printf(out, " " SLICE_FMT "=" SLICE_FMT, SLICE_ARG(name), SLICE_ARG(value));
  }
}

static void short_refused(struct buf *out, struct slice json, struct slice sink) {
  struct slice late = member(json, "late");
  if (late.length > 0) {
    buf_printf(out, "late " SLICE_FMT " ", SLICE_ARG(unquoted(late)));
    short_position(out, json);
    buf_byte(out, ' ');
    short_time(out, member(json, "time"));
    buf_byte(out, ' ');
    short_time(out, member(json, "watermark"));
    if (sink.length > 0) buf_printf(out, " to " SLICE_FMT, SLICE_ARG(sink));
    return;
  }
  buf_printf(out, SLICE_FMT " ", SLICE_ARG(unquoted(member(json, "dead_letter"))));
  short_position(out, json);
  if (member(json, "field").length > 0) buf_printf(out, " " SLICE_FMT, SLICE_ARG(unquoted(member(json, "field"))));
  if (slice_equal(member(json, "taken"), SLICE("true"))) buf_str(out, " taken");
}

/* ---- running ---- */

/* Put `*` where the id stands, if it is one. */
static void mask_id(struct buf *out, size_t from) {
  static const char begin[] = "\"id\":\"";
  char *at = memmem(out->data + from, out->length - from, begin, strlen(begin));
  if (at == NULL) return;
  at += strlen(begin);
  size_t length = strspn(at, "0123456789abcdef");
  if (length != 32 || at[32] != '"') return;
  at[0] = '*';
  memmove(at + 1, at + 32, (size_t)(out->data + out->length - (at + 32)));
  out->length -= 31;
}

struct told {
  struct buf alerts, refused;
  bool alerts_exact, refused_exact, ids;
};

static void take_rows(struct weir *weir, struct told *told) {
  struct weir_alert alert;
  struct weir_refused refused;
  while (weir_next_refused(weir, &refused)) {
    struct slice json = {refused.json.data, refused.json.length}, sink = {refused.sink.data, refused.sink.length};
    if (told->refused_exact)
      buf_slice(&told->refused, json);
    else
      short_refused(&told->refused, json, sink);
    buf_byte(&told->refused, '\n');
  }
  while (weir_next_alert(weir, &alert)) {
    struct slice json = {alert.json.data, alert.json.length};
    size_t from = told->alerts.length;
    if (told->alerts_exact)
      buf_slice(&told->alerts, json);
    else
      short_alert(&told->alerts, json);
    buf_byte(&told->alerts, '\n');
    if (told->alerts_exact && !told->ids) mask_id(&told->alerts, from);
  }
}

static int push_some(struct weir *weir, struct input *input, int number, unsigned batch, struct err *err) {
  if (input->next == input->count) return weir_end(weir, number, err);
  struct weir_bytes records[64];
  uint32_t count = input->count - input->next;
  if (count > batch) count = batch;
  for (uint32_t i = 0; i < count; i++)
    records[i] = (struct weir_bytes){input->lines[input->next + i].data, input->lines[input->next + i].length};
  input->next += count;
  if (!input->csv) return weir_push_records(weir, number, records, count, err);
  int status = 0;
  for (uint32_t i = 0; i < count && status == 0; i++) {
    status = weir_push(weir, number, records[i].data, records[i].length + 1, err); /* with its line end */
  }
  return status;
}

static int run_events(struct weir *weir, struct setup *setup, unsigned batch, struct told *told, struct err *err) {
  for (uint32_t i = 0; i < setup->input_count; i++) {
    struct input *input = &setup->inputs[i];
    input->next = 0;
    int number =
        weir_open(weir, "file", input->type[0] == '\0' ? NULL : input->type, input->csv ? WEIR_CSV : WEIR_JSON, err);
    if (number < 0) return number;
  }
  for (int input; (input = weir_next_input(weir)) >= 0;) {
    int status = push_some(weir, &setup->inputs[input], input, batch, err);
    if (status != 0) return status;
    take_rows(weir, told);
  }
  int status = weir_finish(weir, err);
  take_rows(weir, told);
  return status;
}

/* False: it could not be run, and why is in told->alerts. */
static bool run_block(struct setup *setup, struct slice rules, const struct config *config, struct told *told) {
  struct weir_options options = setup->options;
  options.batch_size = config->batch;
  options.index_off = config->index_off;
  options.mode = config->mode;
  struct err err;
  err_clear(&err);
  struct weir *weir = weir_new(&options, &err);
  int status = weir == NULL ? ERR_FATAL : weir_load_text(weir, setup->rules_name, rules.data, rules.length, &err);
  if (status != 0 && weir != NULL) buf_str(&told->alerts, weir_diagnostics(weir, false));
  if (status == 0) status = run_events(weir, setup, config->batch, told, &err);
  if (status != 0) buf_printf(&told->alerts, "error: %s\n", err.text);
  weir_free(weir);
  return status == 0;
}

/* ---- comparing ---- */

/* Lines of one and of the other, those that are the same (longest common part by lines) once. */
static void print_diff(const char *what, struct slice expected, struct slice actual) {
  enum { DIFF_MAX = 200 };
  static struct slice left[DIFF_MAX], right[DIFF_MAX];
  static unsigned short common[DIFF_MAX + 1][DIFF_MAX + 1];
  size_t lefts = 0, rights = 0;
  while (expected.length > 0 && lefts < DIFF_MAX) left[lefts++] = take_line(&expected);
  while (actual.length > 0 && rights < DIFF_MAX) right[rights++] = take_line(&actual);
  memset(common, 0, sizeof common);
  for (size_t i = lefts; i-- > 0;)
    for (size_t j = rights; j-- > 0;)
      common[i][j] = slice_equal(left[i], right[j])        ? (unsigned short)(common[i + 1][j + 1] + 1)
                     : common[i + 1][j] > common[i][j + 1] ? common[i + 1][j]
                                                           : common[i][j + 1];
  printf("  %s (- expected, + came):\n", what);
  for (size_t i = 0, j = 0; i < lefts || j < rights;) {
    if (i < lefts && j < rights && slice_equal(left[i], right[j])) {
      printf("      " SLICE_FMT "\n", SLICE_ARG(left[i]));
      i++, j++;
    } else if (i < lefts && (j == rights || common[i + 1][j] >= common[i][j + 1])) {
      printf("    - " SLICE_FMT "\n", SLICE_ARG(left[i]));
      i++;
    } else {
      printf("    + " SLICE_FMT "\n", SLICE_ARG(right[j]));
      j++;
    }
  }
}

/* The rules stand in the folder of the test file, so that they can name files that lie there. */
static const char *rules_name(struct mem *mem, const char *path) {
  struct buf name;
  buf_init(&name, mem);
  const char *slash = strrchr(path, '/');
  if (slash != NULL) buf_add(&name, path, (size_t)(slash + 1 - path));
  buf_str(&name, "rules");
  return buf_text(&name);
}

static bool run_configs(struct mem *mem, const char *path, const struct block *block, struct slice rules,
                        struct told *first) {
  struct setup *setup = mem_alloc(mem, sizeof *setup);
  setup->mem = mem;
  setup->rules_name = rules_name(mem, path);
  read_events(setup, block->sections[1]);
  bool good = true;
  for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
    if (setup->only_batch != 0 && i > 0) break;
    struct config config = configs[i];
    if (setup->only_batch != 0) config.batch = setup->only_batch;
    struct told told = *first;
    buf_init(&told.alerts, mem);
    buf_init(&told.refused, mem);
    bool ran = run_block(setup, rules, &config, &told);
    if (i == 0) {
      *first = told;
      if (!ran) return false;
      continue;
    }
    if (!slice_equal(buf_view(&told.alerts), buf_view(&first->alerts))) {
      printf("  %s: other alerts than %s\n", config.name, configs[0].name);
      print_diff("alerts", buf_view(&first->alerts), buf_view(&told.alerts));
      good = false;
    }
    if (!slice_equal(buf_view(&told.refused), buf_view(&first->refused))) {
      printf("  %s: other dead letters than %s\n", config.name, configs[0].name);
      print_diff("dead letters", buf_view(&first->refused), buf_view(&told.refused));
      good = false;
    }
  }
  return good;
}

/* ---- files ---- */

static struct block read_block(struct slice text) {
  struct block block = {.all = text};
  if (starts(text, "## ")) {
    struct slice line = take_line(&text);
    block.name = behind(line, 3);
  }
  const char *from = text.data;
  while (text.length > 0 && block.section_count < SECTIONS_MAX) {
    struct slice line = take_line(&text);
    bool bar = slice_equal(line, SLICE("----"));
    if (!bar && text.length > 0) continue;
    block.sections[block.section_count++] = (struct slice){from, (size_t)((bar ? line.data : text.data) - from)};
    from = text.data;
  }
  return block;
}

struct totals {
  unsigned passed, failed;
};

static void add_block(struct buf *out, const struct block *block, const struct told *told) {
  if (block->name.length > 0) buf_printf(out, "## " SLICE_FMT "\n", SLICE_ARG(block->name));
  buf_slice(out, block->sections[0]);
  buf_str(out, "----\n");
  buf_slice(out, block->sections[1]);
  buf_str(out, "----\n");
  buf_slice(out, buf_view(&told->alerts));
  if (told->refused.length == 0) return;
  buf_str(out, "----\n");
  buf_slice(out, buf_view(&told->refused));
}

static bool first_is_json(struct slice section) { return section.length > 0 && section.data[0] == '{'; }

static void test_block(struct mem *mem, const char *path, const struct block *block, struct slice prelude,
                       struct buf *updated, struct totals *totals) {
  struct buf rules;
  buf_init(&rules, mem);
  buf_slice(&rules, prelude);
  buf_slice(&rules, block->sections[0]);
  struct told told = {.alerts_exact = first_is_json(block->sections[2]),
                      .refused_exact = first_is_json(block->sections[3]),
                      .ids = block->sections[2].length > 0 &&
                             memmem(block->sections[2].data, block->sections[2].length, "\"id\":\"*\"", 8) == NULL};
  bool good = run_configs(mem, path, block, buf_view(&rules), &told);
  if (!slice_equal(block->sections[2], buf_view(&told.alerts))) {
    print_diff("alerts", block->sections[2], buf_view(&told.alerts));
    good = false;
  }
  if (!slice_equal(block->sections[3], buf_view(&told.refused))) {
    print_diff("dead letters", block->sections[3], buf_view(&told.refused));
    good = false;
  }
  if (good) {
    totals->passed++;
  } else {
    totals->failed++;
    printf("FAILED %s: " SLICE_FMT "\n\n", path, SLICE_ARG(block->name));
  }
  if (updated != NULL) add_block(updated, block, &told);
}

static int test_file(const char *path, bool update, const char *only, struct totals *totals) {
  struct mem *mem = mem_new(0);
  if (mem == NULL || MEM_GUARD(mem)) return 2;
  struct err err;
  struct slice text, prelude = {0};
  if (env_read_file(env_real(), mem, path, 1 << 24, &text, &err) != 0) {
    printf("%s\n", err.text);
    return 2;
  }
  struct buf updated;
  buf_init(&updated, mem);
  for (bool first = true; text.length > 0; first = false) {
    const char *from = text.data;
    size_t length = 0;
    while (text.length > 0) {
      struct slice line = take_line(&text);
      if (slice_equal(line, SLICE("===="))) break;
      length = (size_t)(text.data - from);
    }
    struct block block = read_block((struct slice){from, length});
    if (!first) buf_str(&updated, "====\n");
    if (slice_equal(block.name, SLICE("prelude"))) {
      prelude = block.sections[0];
      buf_slice(&updated, block.all);
    } else if (only != NULL && memmem(block.name.data, block.name.length, only, strlen(only)) == NULL) {
      buf_slice(&updated, block.all);
    } else {
      test_block(mem, path, &block, prelude, update ? &updated : NULL, totals);
    }
  }
  int status = update ? env_replace_file(env_real(), path, buf_view(&updated), &err) : 0;
  if (status != 0) printf("%s\n", err.text);
  mem_free_all(mem);
  return status == 0 ? 0 : 2;
}

int main(int argc, char **argv) {
  setenv("WEIR_SECRET_KEY", "golden", 1);
  struct totals totals = {0};
  bool update = false;
  const char *only = NULL;
  int status = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--update") == 0) update = true;
    if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) only = argv[i + 1];
  }
  for (int i = 1; i < argc && status == 0; i++) {
    if (strcmp(argv[i], "--update") == 0) continue;
    if (strcmp(argv[i], "--only") == 0) {
      i++;
      continue;
    }
    status = test_file(argv[i], update, only, &totals);
  }
  printf("%u passed, %u failed\n", totals.passed, totals.failed);
  return status != 0 ? status : totals.failed > 0 || totals.passed == 0;
}
