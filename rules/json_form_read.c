/* json_form_read.c - the JSON form back to text: the way over a cJSON tree, and the two entry points. What is read is
 * printed in the one layout and parsed again, so that the grammar judges it and errors get a place. */
#include "rules/json_form_read.h"

#include <stdarg.h>

#include "base/number_text.h"
#include "base/time_text.h"
#include "base/utf8.h"
#include "rules/json_form.h"
#include "rules/lex.h"
#include "rules/parse.h"
#include "rules/print.h"

enum { PATH_STEPS_MAX = 1024, PATH_TEXT_MAX = 200, WORDS_MAX = 64, EXACT_INT = 53, CHUNK_BYTES = 1 << 16 };

/* ---- errors ---- */

static void add_path(struct buf *out, const struct json_step *step) {
  const struct json_step *steps[PATH_STEPS_MAX];
  unsigned count = 0;
  for (; step != NULL && count < PATH_STEPS_MAX; step = step->parent) steps[count++] = step;
  while (count-- > 0) {
    if (steps[count]->name == NULL) {
      buf_printf(out, "[%u]", steps[count]->index);
    } else {
      if (out->length > 0) buf_byte(out, '.');
      buf_slice(out, lex_shown(slice_of(steps[count]->name)));
    }
  }
}

void json_fail(struct reader *reader, const struct json_step *step, const char *format, ...) {
  if (reader->failed) return;
  reader->failed = true;
  char text[ERR_TEXT_MAX / 2];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  struct buf path;
  buf_init(&path, reader->mem);
  add_path(&path, step);
  struct slice shown = buf_view(&path);
  bool cut = shown.length > PATH_TEXT_MAX; /* the end says most */
  if (cut) {
    shown = (struct slice){shown.data + (shown.length - PATH_TEXT_MAX), PATH_TEXT_MAX};
    while (((unsigned char)*shown.data & 0xc0) == 0x80) shown.data++, shown.length--;
  }
  err_set(reader->err, ERR_ABORT, "%s" SLICE_FMT "%s%s", cut ? "…" : "", SLICE_ARG(shown), shown.length > 0 ? ": " : "",
          text);
  buf_free(&path);
}

/* A value in an error text. */
static const char *shown_value(struct reader *reader, const cJSON *item) {
  if (item == NULL) return "nothing";
  if (cJSON_IsString(item))
    return arena_printf(reader->arena, "\"" SLICE_FMT "\"", SLICE_ARG(lex_shown(slice_of(item->valuestring))));
  if (cJSON_IsNumber(item)) return arena_printf(reader->arena, "the number %.17g", item->valuedouble);
  if (cJSON_IsObject(item)) return "an object";
  if (cJSON_IsArray(item)) return "an array";
  return cJSON_IsNull(item) ? "null" : cJSON_IsTrue(item) ? "true" : "false";
}

static void expected(struct reader *reader, struct json_at at, const char *what) {
  json_fail(reader, at.step, "expected %s, found %s", what, shown_value(reader, at.item));
}

/* ---- objects and arrays ---- */

bool json_object(struct reader *reader, struct json_at at, const char *words) {
  struct slice names[WORDS_MAX];
  unsigned count = 0;
  uint64_t seen = 0;
  if (reader->failed) return false;
  if (at.item == NULL || !cJSON_IsObject(at.item)) {
    expected(reader, at, "an object");
    return false;
  }
  for (const char *p = words; *p != '\0' && count < WORDS_MAX;) {
    size_t length = strcspn(p, " ");
    if (length > 0) names[count++] = (struct slice){p, length};
    p += length + (p[length] == ' ');
  }
  for (const cJSON *member = at.item->child; member != NULL; member = member->next) {
    struct slice name = slice_of(member->string == NULL ? "" : member->string);
    unsigned i = 0;
    while (i < count && !slice_equal(names[i], name)) i++;
    if (i == count) {
      struct slice nearest = diag_nearest(name, names, count);
      if (nearest.length == 0)
        json_fail(reader, at.step, "there is no member \"" SLICE_FMT "\" here", SLICE_ARG(lex_shown(name)));
      else
        json_fail(reader, at.step, "there is no member \"" SLICE_FMT "\" here: did you mean \"" SLICE_FMT "\"?",
                  SLICE_ARG(lex_shown(name)), SLICE_ARG(nearest));
      return false;
    }
    if ((seen & UINT64_C(1) << i) != 0) {
      json_fail(reader, at.step, "the member \"" SLICE_FMT "\" stands twice", SLICE_ARG(name));
      return false;
    }
    seen |= UINT64_C(1) << i;
  }
  return true;
}

struct json_at json_member(struct json_at at, const char *name, struct json_step *step) {
  *step = (struct json_step){at.step, name, 0};
  return (struct json_at){
      at.item != NULL && cJSON_IsObject(at.item) ? cJSON_GetObjectItemCaseSensitive(at.item, name) : NULL, step};
}

bool json_has(struct json_at at, const char *name) {
  struct json_step step;
  return json_member(at, name, &step).item != NULL;
}

unsigned json_array(struct reader *reader, struct json_at at, unsigned most) {
  unsigned count = 0;
  if (reader->failed) return 0;
  if (at.item == NULL || !cJSON_IsArray(at.item)) {
    expected(reader, at, "an array");
    return 0;
  }
  for (const cJSON *element = at.item->child; element != NULL; element = element->next) count++;
  if (count <= most) return count;
  json_fail(reader, at.step, "more than %u elements", most);
  return 0;
}

struct json_at json_first(struct json_at array, struct json_step *step) {
  *step = (struct json_step){array.step, NULL, 0};
  return (struct json_at){array.item != NULL && cJSON_IsArray(array.item) ? array.item->child : NULL, step};
}

struct json_at json_next(struct json_at element, struct json_step *step) {
  step->index++;
  return (struct json_at){element.item->next, step};
}

/* ---- values ---- */

struct slice json_text(struct reader *reader, struct json_at at) {
  if (at.item != NULL && cJSON_IsString(at.item)) {
    struct slice text = slice_of(at.item->valuestring);
    return (struct slice){arena_copy(reader->arena, text.data, text.length), text.length};
  }
  expected(reader, at, "a text");
  return SLICE("");
}

struct name json_name(struct reader *reader, struct json_at at) {
  struct slice text = json_text(reader, at);
  if (!reader->failed && !lex_is_name(text))
    json_fail(reader, at.step, "%s is no name: lower-case letters, digits and `_`, and no reserved word",
              shown_value(reader, at.item));
  return (struct name){.text = text};
}

int64_t json_int(struct reader *reader, struct json_at at, int64_t least, int64_t most) {
  int64_t number = 0;
  bool good = false;
  if (at.item != NULL && cJSON_IsString(at.item)) {
    good = number_parse_int(slice_of(at.item->valuestring), &number) == NUMBER_OK;
  } else if (at.item != NULL && cJSON_IsNumber(at.item)) {
    double f = at.item->valuedouble, limit = (double)(INT64_C(1) << EXACT_INT);
    good = f >= -limit && f <= limit && (double)(int64_t)f == f;
    if (good) number = (int64_t)f;
  }
  if (!good || number < least || number > most) {
    if (!reader->failed)
      json_fail(reader, at.step, "expected an int from %lld to %lld, found %s", (long long)least, (long long)most,
                shown_value(reader, at.item));
    return least;
  }
  return number;
}

int64_t json_duration(struct reader *reader, struct json_at at) {
  int64_t us = 0;
  if (!cJSON_IsString(at.item) || duration_parse(slice_of(at.item->valuestring), &us) != NULL || us < 0) {
    expected(reader, at, "a duration as \"30m\" or \"1h30m\"");
    return 0;
  }
  return us;
}

int64_t json_time(struct reader *reader, struct json_at at) {
  int64_t us = 0;
  if (!cJSON_IsString(at.item) || time_parse(slice_of(at.item->valuestring), &us) != NULL)
    expected(reader, at, "a time as \"2026-11-21T10:00:00Z\"");
  return us;
}

bool json_flag(struct reader *reader, struct json_at at) {
  if (!cJSON_IsBool(at.item)) expected(reader, at, "true or false");
  return cJSON_IsTrue(at.item);
}

unsigned json_choice(struct reader *reader, struct json_at at, const char *const *words, unsigned count) {
  struct slice text = json_text(reader, at);
  struct slice names[WORDS_MAX];
  if (reader->failed) return 0;
  for (unsigned i = 0; i < count; i++) {
    names[i] = slice_of(words[i]);
    if (text.length > 0 && slice_equal(names[i], text)) return i;
  }
  struct slice nearest = diag_nearest(text, names, count);
  struct buf list;
  buf_init(&list, reader->mem);
  for (unsigned i = 0; i < count; i++)
    if (words[i][0] != '\0') buf_printf(&list, "%s\"%s\"", list.length > 0 ? ", " : "", words[i]);
  if (nearest.length > 0)
    json_fail(reader, at.step, "expected one of " SLICE_FMT "; did you mean \"" SLICE_FMT "\"?",
              SLICE_ARG(buf_view(&list)), SLICE_ARG(nearest));
  else
    json_fail(reader, at.step, "expected one of " SLICE_FMT ", found %s", SLICE_ARG(buf_view(&list)),
              shown_value(reader, at.item));
  buf_free(&list);
  return 0;
}

struct slice json_member_text(struct reader *reader, struct json_at at, const char *name) {
  struct json_step step;
  struct json_at member = json_member(at, name, &step);
  return member.item == NULL ? (struct slice){NULL, 0} : json_text(reader, member);
}

struct name json_member_name(struct reader *reader, struct json_at at, const char *name) {
  struct json_step step;
  struct json_at member = json_member(at, name, &step);
  return member.item == NULL ? (struct name){.text = {"", 0}} : json_name(reader, member);
}

struct name json_needed_name(struct reader *reader, struct json_at at, const char *name) {
  struct json_step step;
  return json_name(reader, json_member(at, name, &step));
}

int64_t json_member_int(struct reader *reader, struct json_at at, const char *name, int64_t least, int64_t most) {
  struct json_step step;
  struct json_at member = json_member(at, name, &step);
  return member.item == NULL ? -1 : json_int(reader, member, least, most);
}

int64_t json_member_duration(struct reader *reader, struct json_at at, const char *name) {
  struct json_step step;
  struct json_at member = json_member(at, name, &step);
  return member.item == NULL ? -1 : json_duration(reader, member);
}

bool json_member_flag(struct reader *reader, struct json_at at, const char *name) {
  struct json_step step;
  struct json_at member = json_member(at, name, &step);
  return member.item != NULL && json_flag(reader, member);
}

struct name *json_names(struct reader *reader, struct json_at at, uint16_t *count) {
  struct json_step step;
  *count = (uint16_t)json_array(reader, at, PARSE_LIST_MAX);
  struct name *names = arena_array(reader->arena, struct name, *count);
  JSON_EACH(element, at, &step) {
    if (reader->failed) break;
    names[step.index] = json_name(reader, element);
  }
  if (!reader->failed && *count == 0) json_fail(reader, at.step, "at least one name is needed");
  return names;
}

/* ---- parts ---- */

static bool parse_word(struct slice *rest, struct slice word) {
  if (rest->length < word.length || memcmp(rest->data, word.data, word.length) != 0) return false;
  *rest = (struct slice){rest->data + word.length, rest->length - word.length};
  return true;
}

/* As print_type() writes it. */
struct type json_type(struct reader *reader, struct json_at at, enum time_unit *unit) {
  static const struct {
    struct slice word;
    uint8_t kind;
    enum time_unit unit;
  } types[] = {
      {{"bool", 4}, VALUE_BOOL, TIME_TEXT},     {{"int", 3}, VALUE_INT, TIME_TEXT},
      {{"float", 5}, VALUE_FLOAT, TIME_TEXT},   {{"decimal(", 8}, VALUE_DECIMAL, TIME_TEXT},
      {{"string", 6}, VALUE_STRING, TIME_TEXT}, {{"time(s)", 7}, VALUE_TIME, TIME_S},
      {{"time(ms)", 8}, VALUE_TIME, TIME_MS},   {{"time(us)", 8}, VALUE_TIME, TIME_US},
      {{"time", 4}, VALUE_TIME, TIME_TEXT},     {{"duration", 8}, VALUE_DURATION, TIME_TEXT},
      {{"ip", 2}, VALUE_IP, TIME_TEXT},
  };
  struct slice rest = json_text(reader, at);
  struct type type = TYPE(VALUE_NULL);
  *unit = TIME_TEXT;
  bool list = parse_word(&rest, SLICE("["));
  for (unsigned i = 0; i < sizeof types / sizeof types[0] && type.kind == VALUE_NULL; i++) {
    if (!parse_word(&rest, types[i].word)) continue;
    type.kind = types[i].kind;
    *unit = types[i].unit;
  }
  if (type.kind == VALUE_DECIMAL) {
    unsigned digits = 0, length = 0;
    for (; length < rest.length && length < 2 && rest.data[length] >= '0' && rest.data[length] <= '9'; length++)
      digits = digits * 10 + (unsigned)(rest.data[length] - '0');
    rest = (struct slice){rest.data + length, rest.length - length};
    if (length == 0 || digits > DECIMAL_DIGITS_MAX || !parse_word(&rest, SLICE(")"))) type.kind = VALUE_NULL;
    type.scale = (uint8_t)digits;
  }
  if (list)
    type = (struct type){.kind = type.kind == VALUE_NULL || !parse_word(&rest, SLICE("]")) ? VALUE_NULL : VALUE_LIST,
                         .element = type.kind,
                         .element_scale = type.scale};
  if (!reader->failed && (type.kind == VALUE_NULL || rest.length > 0))
    expected(reader, at, "a type as \"string\", \"decimal(2)\" or \"[int]\"");
  return type;
}

static struct comment *new_comment(struct reader *reader, struct json_at at, bool after) {
  struct comment *comment = arena_new(reader->arena, struct comment);
  comment->text = json_text(reader, at);
  comment->after = after;
  for (size_t i = 0; i < comment->text.length; i++) {
    unsigned char c = (unsigned char)comment->text.data[i];
    if (c < 0x20 && c != '\t' && !reader->failed)
      json_fail(reader, at.step, "a comment is one line without control characters");
  }
  return comment;
}

struct comment *json_before_comments(struct reader *reader, struct json_at object, const char *name) {
  struct json_step step, element_step;
  struct json_at member = json_member(object, name, &step);
  struct comment *first = NULL, *last = NULL;
  if (member.item == NULL) return NULL;
  json_array(reader, member, UINT16_MAX);
  JSON_EACH(element, member, &element_step) {
    if (reader->failed) break;
    if (cJSON_IsNull(element.item) && last != NULL) {
      last->blank_after = true;
      continue;
    }
    struct comment *comment = new_comment(reader, element, false);
    if (last == NULL)
      first = comment;
    else
      last->next = comment;
    last = comment;
  }
  return first;
}

struct comment *json_comments(struct reader *reader, struct json_at object) {
  struct json_step step;
  struct comment *first = json_before_comments(reader, object, "comments");
  struct json_at at = json_member(object, "comment_after", &step);
  if (at.item == NULL) return first;
  struct comment *after = new_comment(reader, at, true), *last = first;
  while (last != NULL && last->next != NULL) last = last->next;
  if (last == NULL) return after;
  last->next = after;
  return first;
}

/* ---- the whole ---- */

static void read_root(struct reader *reader, const cJSON *root, struct tree *tree) {
  struct json_at at = {root, NULL};
  struct json_step step, element_step;
  if (!json_object(reader, at, "format_version declarations end_comments")) return;
  struct json_at version = json_member(at, "format_version", &step);
  if (version.item == NULL || !cJSON_IsNumber(version.item) || version.item->valuedouble != JSON_FORM_VERSION) {
    json_fail(reader, version.step, "expected %d, found %s", (int)JSON_FORM_VERSION, shown_value(reader, version.item));
    return;
  }
  struct json_at declarations = json_member(at, "declarations", &step);
  tree->decl_count = json_array(reader, declarations, UINT32_MAX - 1);
  tree->decls = arena_array(reader->arena, struct decl, tree->decl_count);
  JSON_EACH(element, declarations, &element_step) {
    if (reader->failed) return;
    json_declaration(reader, element, &tree->decls[element_step.index]);
  }
  tree->files[0].end_comments = json_before_comments(reader, at, "end_comments");
}

/* cJSON ends strings at a NUL and so would lose what is behind it. */
static bool has_nul_escape(struct slice json) {
  for (size_t i = 0; i + 1 < json.length; i++) {
    if (json.data[i] != '\\') continue;
    i++;
    if (json.data[i] == 'u' && json.length - i > 4 && memcmp(json.data + i + 1, "0000", 4) == 0) return true;
  }
  return false;
}

static void delete_json(void *json) { cJSON_Delete(json); }

/* NULL (said) if it is not JSON. The tree is freed with `mem` unless mem_undefer() did. */
static cJSON *parse_json(struct reader *reader, struct slice json) {
  if (json.length > JSON_FORM_BYTES_MAX) {
    json_fail(reader, NULL, "the JSON is longer than %d MiB", JSON_FORM_BYTES_MAX >> 20);
    return NULL;
  }
  size_t valid = utf8_valid_prefix(json);
  const char *nul = json.length == 0 ? NULL : memchr(json.data, '\0', json.length);
  if (valid != json.length || nul != NULL) {
    size_t place = valid != json.length ? valid : (size_t)(nul - json.data);
    json_fail(reader, NULL, valid != json.length ? "not UTF-8 text at byte %zu" : "not JSON: a NUL at byte %zu", place);
    return NULL;
  }
  if (has_nul_escape(json)) {
    json_fail(reader, NULL, "a text has the escape \\u0000, which no rule can");
    return NULL;
  }
  const char *copy = arena_copy(reader->arena, json.data == NULL ? "" : json.data, json.length), *end = copy;
  cJSON *root = cJSON_ParseWithLengthOpts(copy, json.length + 1, &end, true);
  if (root == NULL)
    json_fail(reader, NULL, "not JSON at byte %zu", (size_t)(end - copy));
  else
    mem_defer(reader->mem, delete_json, root);
  return root;
}

/* The canonical text of what was read: it must parse. */
static int print_parsed(struct reader *reader, const struct tree *read, struct buf *out) {
  struct buf text;
  buf_init(&text, reader->mem);
  print_file(&text, read, 0);
  struct tree tree = {.arena = reader->arena};
  struct diags diags;
  diags_init(&diags, reader->arena);
  int result = parse_file(&tree, SLICE("json"), buf_view(&text), &diags);
  if (result == 0)
    print_file(out, &tree, 0);
  else {
    struct buf shown;
    buf_init(&shown, reader->mem);
    diags_sort(&diags);
    if (diags.count > 0) diag_print(&shown, &tree, &diags.items[0]);
    json_fail(reader, NULL, "as text it is wrong: " SLICE_FMT, SLICE_ARG(buf_view(&shown)));
    buf_free(&shown);
  }
  buf_free(&text);
  return result;
}

int json_form_to_text(struct mem *mem, struct slice json, struct buf *out, struct err *err) {
  struct arena arena;
  struct err own;
  arena_init(&arena, mem, CHUNK_BYTES);
  struct reader reader = {.arena = &arena, .mem = mem, .err = err != NULL ? err : &own};
  struct source_file file = {.name = SLICE("json")};
  struct tree tree = {.arena = &arena, .file_count = 1, .files = &file};
  cJSON *root = parse_json(&reader, json);
  if (root != NULL) {
    read_root(&reader, root, &tree);
    if (!reader.failed) print_parsed(&reader, &tree, out);
    mem_undefer(mem, root, true);
  }
  arena_free(&arena);
  return reader.failed ? ERR_ABORT : 0;
}

bool json_form_named(const char *path) {
  size_t length = strlen(path);
  return length > 5 && strcasecmp(path + length - 5, ".json") == 0;
}

int json_form_read(struct tree *tree, struct slice file_name, struct slice json, struct diags *diags) {
  struct mem *mem = tree->arena->mem;
  struct buf text;
  struct err err;
  err_clear(&err);
  buf_init(&text, mem);
  int result = json_form_to_text(mem, json, &text, &err);
  char *kept = arena_copy(tree->arena, text.data == NULL ? "" : text.data, text.length);
  size_t length = result == 0 ? text.length : 0;
  buf_free(&text);
  uint16_t file = tree->file_count;
  int parsed = parse_file(tree, file_name, (struct slice){kept, length}, diags);
  if (result == 0) return parsed;
  diag_add(diags, DIAG_ERROR, span_at(file, 0, 0, 0), "bad-json-form", NULL, "%s", err.text);
  return ERR_ABORT;
}
