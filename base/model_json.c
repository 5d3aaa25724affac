/* model_json.c - the way over a JSON tree, with errors that name the place. Called by the readers of models. */
#include "base/model_json.h"

#include <stdarg.h>

#include "base/float_math.h"
#include "base/model.h"
#include "base/number_text.h"
#include "base/utf8.h"

enum { SHOWN_BYTES_MAX = 60, PATH_BYTES_MAX = 200, WORDS_MAX = 16, NUL_ESCAPE_BYTES = 6 };

/* ---- errors ---- */

static void fail_at(struct model_json *json, struct slice text, size_t offset, const char *cause) {
  int line = 1;
  size_t start = 0;
  if (json->failed) return;
  json->failed = true;
  if (offset > text.length) offset = text.length;
  for (size_t i = 0; i < offset; i++) {
    if (text.data[i] != '\n') continue;
    line++;
    start = i + 1;
  }
  struct slice before = {text.data + start, offset - start};
  before.length = utf8_valid_prefix(before);
  err_set_at(json->err, ERR_ABORT, json->path, line, (int)utf8_count(before) + 1, "%s", cause);
}

/* Puts the path before `*end`, which is moved, as long as there is room. The end of a path says most. */
static void write_path(char *begin, char **end, const struct model_at *at) {
  for (; at->parent != NULL; at = at->parent) {
    char step[SHOWN_BYTES_MAX + 8];
    bool first = at->parent->parent == NULL;
    if (at->name == NULL)
      snprintf(step, sizeof step, "[%u]", (unsigned)at->index);
    else
      snprintf(step, sizeof step, "%s%.*s", first ? "" : ".", (int)SHOWN_BYTES_MAX, at->name);
    size_t length = strlen(step);
    if ((size_t)(*end - begin) < length) return;
    *end -= length;
    memcpy(*end, step, length);
  }
}

/* Bytes that could break a line, or a cut through a character, as `?`. */
static void make_showable(char *text) {
  char *end = text + strlen(text);
  for (char *p = text; p < end;) {
    unsigned length = utf8_sequence(p, end);
    if (length == 0 || (unsigned char)*p < ' ' || *p == 0x7f) *p = '?';
    p += length == 0 ? 1 : length;
  }
}

void model_json_fail(struct model_json *json, const struct model_at *at, const char *format, ...) {
  if (json->failed) return;
  json->failed = true;
  char text[ERR_TEXT_MAX / 2], path[PATH_BYTES_MAX + 1];
  char *begin = path, *end = path + PATH_BYTES_MAX;
  *end = '\0';
  if (at != NULL) write_path(begin, &end, at);
  make_showable(end);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  err_set_at(json->err, ERR_ABORT, json->path, 0, 0, "%s%s%s", end, *end == '\0' ? "" : ": ", text);
}

const char *model_json_shown(struct model_json *json, struct slice text) {
  bool cut = text.length > SHOWN_BYTES_MAX;
  struct slice head = {text.data, cut ? SHOWN_BYTES_MAX : text.length};
  char *copy = arena_printf(&json->scratch, SLICE_FMT "%s", SLICE_ARG(head), cut ? "…" : "");
  make_showable(copy);
  return copy;
}

static const char *shown_value(struct model_json *json, const cJSON *item) {
  if (item == NULL) return "nothing";
  if (cJSON_IsString(item))
    return arena_printf(&json->scratch, "\"%s\"", model_json_shown(json, slice_of(item->valuestring)));
  if (cJSON_IsNumber(item)) return arena_printf(&json->scratch, "the number %.9g", item->valuedouble);
  if (cJSON_IsObject(item)) return "an object";
  if (cJSON_IsArray(item)) return "an array";
  return cJSON_IsNull(item) ? "null" : cJSON_IsTrue(item) ? "true" : "false";
}

void model_json_expected(struct model_json *json, const struct model_at *at, const char *what) {
  if (!json->failed) model_json_fail(json, at, "expected %s, found %s", what, shown_value(json, at->item));
}

/* ---- text to tree ---- */

/* Values and nesting, before anything is built of them; *words if NaN or Infinity may stand somewhere. cJSON ends
 * strings at a NUL and so would lose what is behind it. */
static void count_values(struct model_json *json, struct slice text, bool *words) {
  size_t values = 1, depth = 0;
  bool inside = false;
  for (size_t i = 0; i < text.length; i++) {
    char byte = text.data[i];
    if (inside) {
      inside = byte != '"';
      if (byte != '\\') continue;
      if (text.length - i >= NUL_ESCAPE_BYTES && memcmp(text.data + i, "\\u0000", NUL_ESCAPE_BYTES) == 0) {
        fail_at(json, text, i, "a text has the escape \\u0000");
        return;
      }
      i++;
      continue;
    }
    inside = byte == '"';
    *words |= byte == 'N' || byte == 'I';
    if (byte == '[' || byte == '{') depth++;
    if ((byte == ']' || byte == '}') && depth > 0) depth--;
    values += byte == ',' || byte == '[' || byte == '{';
    if (depth > MODEL_NESTING_MAX) {
      fail_at(json, text, i, "arrays and objects are nested deeper than 64 levels");
      return;
    }
    if (values > MODEL_VALUES_MAX) {
      fail_at(json, text, i, "a model has at most 8,388,608 values");
      return;
    }
  }
  if (depth > 0 || inside) fail_at(json, text, text.length, "not JSON: it ends too early");
}

_Static_assert(MODEL_NESTING_MAX == 64 && MODEL_VALUES_MAX == 8388608, "the texts above say so");

/* XGBoost's binary forms begin with a brace too, or with a word. */
static bool is_binary(struct slice text) {
  if (text.length > 4 && memcmp(text.data, "binf", 4) == 0) return true;
  return text.length > 2 && text.data[0] == '{' && memchr("UiIlL$#", text.data[1], 7) != NULL;
}

/* The length of a number's word, which JSON has not and XGBoost writes, at `at`; 0 if none is there. */
static size_t word_at(struct slice text, size_t at) {
  static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    size_t length = strlen(words[i]);
    if (text.length - at >= length && memcmp(text.data + at, words[i], length) == 0) return length;
  }
  return 0;
}

/* Walks over the text up to the place that is `offset` bytes into what stands with its words in quotes. Writes that to
 * `out`, if there is one; returns the place. */
static size_t quote_words(struct slice text, size_t offset, struct buf *out) {
  bool inside = false;
  size_t at = 0;
  for (size_t quoted = 0; at < text.length && quoted < offset;) {
    char byte = text.data[at];
    size_t word = inside || strchr("N-I", byte) == NULL ? 0 : word_at(text, at), length = word;
    if (word == 0) length = inside && byte == '\\' && at + 1 < text.length ? 2 : 1;
    if (byte == '"') inside = !inside;
    if (out != NULL && word > 0) buf_byte(out, '"');
    if (out != NULL) buf_add(out, text.data + at, length);
    if (out != NULL && word > 0) buf_byte(out, '"');
    at += length;
    quoted += length + (word > 0 ? 2 : 0);
  }
  return at;
}

cJSON *model_json_parse(struct model_json *json, struct slice text) {
  if (text.length > MODEL_FILE_BYTES_MAX) {
    model_json_fail(json, NULL, "a model file has at most %d MiB", MODEL_FILE_BYTES_MAX >> 20);
    return NULL;
  }
  if (is_binary(text)) {
    model_json_fail(json, NULL, "not JSON but a binary form of XGBoost: save it under a name that ends with .json");
    return NULL;
  }
  bool words = false;
  size_t valid = utf8_valid_prefix(text);
  const char *nul = text.length == 0 ? NULL : memchr(text.data, '\0', text.length);
  if (valid != text.length)
    fail_at(json, text, valid, "not UTF-8 text");
  else if (nul != NULL)
    fail_at(json, text, (size_t)(nul - text.data), "not JSON: a NUL");
  else
    count_values(json, text, &words);
  if (json->failed) return NULL;
  struct buf quoted;
  buf_init(&quoted, json->mem);
  if (words) quote_words(text, SIZE_MAX, &quoted);
  struct slice data = words ? buf_view(&quoted) : text;
  const char *begin = data.length == 0 ? "" : data.data, *end = begin;
  cJSON *root = cJSON_ParseWithLengthOpts(begin, data.length, &end, false);
  size_t offset = (size_t)(end - begin);
  while (root != NULL && offset < data.length && memchr(" \t\r\n", begin[offset], 4) != NULL) offset++;
  bool rest = root != NULL && offset < data.length;
  if (root == NULL || rest)
    fail_at(json, text, words ? quote_words(text, offset, NULL) : offset,
            rest ? "not JSON: something stands behind its end" : "not JSON");
  buf_free(&quoted);
  if (!rest) return root;
  cJSON_Delete(root);
  return NULL;
}

/* ---- values ---- */

struct model_at model_member(const struct model_at *object, const char *name) {
  const cJSON *item = object->item;
  if (item != NULL) item = cJSON_IsObject(item) ? cJSON_GetObjectItemCaseSensitive(item, name) : NULL;
  return (struct model_at){item, object, name, 0};
}

bool model_json_object(struct model_json *json, const struct model_at *at, const char *words) {
  if (json->failed) return false;
  if (at->item == NULL || !cJSON_IsObject(at->item)) {
    model_json_expected(json, at, "an object");
    return false;
  }
  if (words == NULL) return true;
  unsigned seen = 0;
  for (const cJSON *member = at->item->child; member != NULL; member = member->next) {
    struct slice name = slice_of(member->string == NULL ? "" : member->string);
    const char *word = words;
    unsigned bit = 1;
    for (; *word != '\0'; bit <<= 1) {
      size_t length = strcspn(word, " ");
      if (slice_equal(name, (struct slice){word, length})) break;
      word += length + (word[length] == ' ');
    }
    if (*word == '\0' || (seen & bit) != 0) {
      const char *shown = model_json_shown(json, name);
      if (*word == '\0')
        model_json_fail(json, at, "there is no member \"%s\" here, only: %s", shown, words);
      else
        model_json_fail(json, at, "the member \"%s\" stands twice", shown);
      return false;
    }
    seen |= bit;
  }
  return true;
}

uint32_t model_json_array(struct model_json *json, const struct model_at *at, uint32_t most) {
  uint32_t count = 0;
  if (json->failed) return 0;
  if (at->item == NULL || !cJSON_IsArray(at->item)) {
    model_json_expected(json, at, "an array");
    return 0;
  }
  for (const cJSON *element = at->item->child; element != NULL; element = element->next) count++;
  if (count <= most) return count;
  model_json_fail(json, at, "%u elements, more than %u", count, most);
  return 0;
}

double model_json_number(struct model_json *json, const struct model_at *at) {
  if (json->failed) return 0;
  if (at->item == NULL || !cJSON_IsNumber(at->item)) {
    model_json_expected(json, at, "a number");
    return 0;
  }
  if (float_finite(at->item->valuedouble)) return at->item->valuedouble;
  model_json_fail(json, at, "the number is beyond the range of a double");
  return 0;
}

int64_t model_json_int(struct model_json *json, const struct model_at *at, int64_t least, int64_t most) {
  int64_t number = 0;
  bool good = false;
  const double limit = (double)((int64_t)1 << 53);
  if (json->failed) return least;
  if (at->item != NULL && cJSON_IsString(at->item)) {
    good = number_parse_int(slice_of(at->item->valuestring), &number) == NUMBER_OK;
  } else if (at->item != NULL && cJSON_IsNumber(at->item)) {
    double f = at->item->valuedouble;
    good = f >= -limit && f <= limit && (double)(int64_t)f == f;
    if (good) number = (int64_t)f;
  }
  if (good && number >= least && number <= most) return number;
  model_json_fail(json, at, "expected an int from %lld to %lld, found %s", (long long)least, (long long)most,
                  shown_value(json, at->item));
  return least;
}

struct slice model_json_text(struct model_json *json, const struct model_at *at) {
  if (json->failed) return SLICE("");
  if (at->item != NULL && cJSON_IsString(at->item)) return slice_of(at->item->valuestring);
  model_json_expected(json, at, "a text");
  return SLICE("");
}
