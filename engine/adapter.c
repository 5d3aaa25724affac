/* adapter.c - options of adapters, from text. Called by whoever opens an adapter. */
#include "engine/adapter.h"

#include "base/number_text.h"
#include "base/time_text.h"

static bool read_size(struct slice text, int64_t *out) {
  static const struct {
    const char *name;
    int64_t factor;
  } units[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", INT64_C(1) << 30}, {"TiB", INT64_C(1) << 40}, {"", 1}};
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    size_t length = strlen(units[i].name);
    if (text.length <= length || memcmp(text.data + text.length - length, units[i].name, length) != 0) continue;
    int64_t number;
    if (number_parse_int((struct slice){text.data, text.length - length}, &number) != NUMBER_OK || number < 0)
      return false;
    return !__builtin_mul_overflow(number, units[i].factor, out);
  }
  return false;
}

/* NULL, or what was expected. */
static const char *read_value(enum adapter_option_type type, const char *text, char *member) {
  struct slice slice = slice_of(text);
  int64_t number;
  bool flag;
  switch (type) {
  case ADAPTER_TEXT: memcpy(member, &text, sizeof text); return NULL;
  case ADAPTER_FLAG:
    flag = slice_equal(slice, SLICE("true"));
    if (!flag && !slice_equal(slice, SLICE("false"))) return "true or false";
    memcpy(member, &flag, sizeof flag);
    return NULL;
  case ADAPTER_NUMBER:
    if (number_parse_int(slice, &number) != NUMBER_OK) return "a whole number";
    break;
  case ADAPTER_SIZE:
    if (!read_size(slice, &number)) return "a size, as 64KiB or 16MiB";
    break;
  case ADAPTER_DURATION:
    if (duration_parse(slice, &number) != NULL || number < 0) return "a duration, as 10s or 1h30m";
    break;
  default: return "an option of a known type";
  }
  memcpy(member, &number, sizeof number);
  return NULL;
}

static const struct adapter_option *find(const struct adapter *adapter, const char *name) {
  for (size_t i = 0; i < adapter->option_count; i++)
    if (strcmp(adapter->options[i].name, name) == 0) return &adapter->options[i];
  return NULL;
}

static const char *given(const struct adapter_option *option, const struct adapter_setting *settings, size_t count) {
  const char *value = option->normal;
  for (size_t i = 0; i < count; i++)
    if (strcmp(settings[i].name, option->name) == 0) value = settings[i].value;
  return value;
}

int adapter_options_read(const struct adapter *adapter, const struct adapter_setting *settings, size_t count,
                         void *options, struct err *err) {
  memset(options, 0, adapter->options_bytes);
  for (size_t i = 0; i < count; i++)
    if (find(adapter, settings[i].name) == NULL)
      return err_set(err, ERR_ABORT, "adapter `%s` has no option `%s`", adapter->name, settings[i].name);
  for (size_t i = 0; i < adapter->option_count; i++) {
    const struct adapter_option *option = &adapter->options[i];
    const char *value = given(option, settings, count);
    if (value == NULL)
      return err_set(err, ERR_ABORT, "adapter `%s` needs the option `%s`: %s", adapter->name, option->name,
                     option->help);
    const char *expected = read_value(option->type, value, (char *)options + option->offset);
    if (expected != NULL)
      return err_set(err, ERR_ABORT, "option `%s` of adapter `%s` is \"%s\", expected %s", option->name, adapter->name,
                     value, expected);
  }
  return 0;
}
