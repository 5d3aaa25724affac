/* option.c - reads a command line by a verb's option table. */
#include "cli/option.h"

#include "rules/tree.h"

enum { OPTIONS_MAX = 64 };

bool size_parse(const char *text, size_t *bytes) {
  static const struct {
    const char *name;
    unsigned shift;
  } units[] = {{"", 0}, {"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  size_t number = 0, digits = 0;
  for (; text[digits] >= '0' && text[digits] <= '9'; digits++)
    if (__builtin_mul_overflow(number, (size_t)10, &number) ||
        __builtin_add_overflow(number, (size_t)(text[digits] - '0'), &number))
      return false;
  if (digits == 0) return false;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (strcmp(text + digits, units[i].name) != 0) continue;
    if (number > SIZE_MAX >> units[i].shift) return false;
    *bytes = number << units[i].shift;
    return *bytes > 0;
  }
  return false;
}

static const struct option *find_name(const struct option *options, struct slice name) {
  for (const struct option *option = options; option != NULL && option->name != NULL; option++)
    if (slice_equal(slice_of(option->name), name)) return option;
  return NULL;
}

static const struct option *find_letter(const struct option *options, char letter) {
  for (const struct option *option = options; option != NULL && option->name != NULL; option++)
    if (option->letter == letter) return option;
  return NULL;
}

/* The one option that begins so, or the nearest. */
static struct slice near_option(const struct verb *verb, struct slice name) {
  struct slice names[OPTIONS_MAX], begun = {0};
  size_t count = 0, begins = 0;
  names[count++] = SLICE("help");
  for (const struct option *option = verb->options; option != NULL && option->name != NULL; option++)
    if (count < OPTIONS_MAX && option->kind != OPTION_LATER) names[count++] = slice_of(option->name);
  for (size_t i = 0; i < count; i++) {
    if (name.length == 0 || names[i].length < name.length || memcmp(names[i].data, name.data, name.length) != 0)
      continue;
    begun = names[i];
    begins++;
  }
  if (begins == 1) return begun;
  return name.length > 1 ? diag_nearest(name, names, count) : (struct slice){0};
}

static int unknown_option(const struct verb *verb, const char *argument, struct slice name, struct err *err) {
  struct slice near = near_option(verb, name);
  if (near.length > 0)
    return err_set(err, ERR_ABORT, "there is no option `%.100s`\ndid you mean `--" SLICE_FMT "`?", argument,
                   SLICE_ARG(near));
  return err_set(err, ERR_ABORT, "there is no option `%.100s`", argument);
}

static bool is_choice(const char *choices, const char *value) {
  size_t length = strlen(value);
  for (const char *at = choices; *at != '\0';) {
    size_t word = strcspn(at, " ");
    if (word == length && memcmp(at, value, length) == 0) return true;
    at += word + strspn(at + word, " ");
  }
  return false;
}

static int set_value(const struct option *option, struct mem *mem, const char *value, char *target, struct err *err) {
  switch (option->kind) {
  case OPTION_TEXT:
  case OPTION_CHOICE:
    if (value[0] == '\0') return err_set(err, ERR_ABORT, "the value of `--%s` is empty", option->name);
    if (*(const char **)(void *)target != NULL)
      return err_set(err, ERR_ABORT, "`--%s` stands there twice", option->name);
    if (option->kind == OPTION_CHOICE && !is_choice(option->choices, value))
      return err_set(err, ERR_ABORT, "`--%s` cannot be `%.100s`\nit can be: %s", option->name, value, option->choices);
    *(const char **)(void *)target = value;
    return 0;
  case OPTION_SIZE:
    if (!size_parse(value, (size_t *)(void *)target))
      return err_set(err, ERR_ABORT,
                     "`--%s`: `%.100s` is no size\nwrite a number of bytes, or one with KiB, MiB or GiB, as 512MiB",
                     option->name, value);
    return 0;
  case OPTION_TEXTS: {
    struct texts *texts = (struct texts *)(void *)target;
    texts->items = mem_realloc(mem, texts->items, (texts->count + 1) * sizeof *texts->items);
    texts->items[texts->count++] = value;
    return 0;
  }
  case OPTION_FLAG:
  case OPTION_LATER: break;
  }
  return 0;
}

/* A value that was left out: what comes next is an option. */
static bool names_option(const struct verb *verb, const char *argument) {
  if (argument[0] != '-' || argument[1] != '-') return false;
  struct slice name = {argument + 2, strcspn(argument + 2, "=")};
  return find_name(verb->options, name) != NULL || slice_equal(name, SLICE("help"));
}

/* One option; `value` is what stands behind its `=` or letter, NULL if nothing does. Returns how many further arguments
 * it took (0 or 1), or ERR_ABORT. */
static int take_option(const struct verb *verb, const struct option *option, struct mem *mem, const char *value,
                       const char *next, void *options, struct err *err) {
  if (option->kind == OPTION_LATER)
    return err_set(err, ERR_ABORT, "this version does not have `--%s` yet%s%s", option->name,
                   option->help[0] == '\0' ? "" : ": ", option->help);
  if (option->kind == OPTION_FLAG) {
    if (value != NULL) return err_set(err, ERR_ABORT, "`--%s` takes no value", option->name);
    *(bool *)((char *)options + option->offset) = true;
    return 0;
  }
  if (value == NULL && next == NULL)
    return err_set(err, ERR_ABORT, "`--%s` needs a value: --%s %s", option->name, option->name, option->argument);
  if (value == NULL && names_option(verb, next))
    return err_set(err, ERR_ABORT, "`--%s` needs a value: --%s %s\nif `%.100s` is the value, write --%s=%.100s",
                   option->name, option->name, option->argument, next, option->name, next);
  int status = set_value(option, mem, value != NULL ? value : next, (char *)options + option->offset, err);
  return status != 0 ? status : value == NULL;
}

static int take_argument(const struct verb *verb, struct mem *mem, const char *argument, const char *next,
                         void *options, bool *help, struct err *err) {
  if (strcmp(argument, "-h") == 0 || strcmp(argument, "--help") == 0) {
    *help = true;
    return 0;
  }
  if (argument[1] != '-') {
    const struct option *option = find_letter(verb->options, argument[1]);
    if (option == NULL) return unknown_option(verb, argument, slice_of(argument + 1), err);
    return take_option(verb, option, mem, argument[2] != '\0' ? argument + 2 : NULL, next, options, err);
  }
  const char *equals = strchr(argument, '=');
  struct slice name = {argument + 2, equals == NULL ? strlen(argument + 2) : (size_t)(equals - argument - 2)};
  const struct option *option = find_name(verb->options, name);
  if (option == NULL) return unknown_option(verb, argument, name, err);
  return take_option(verb, option, mem, equals == NULL ? NULL : equals + 1, next, options, err);
}

int options_parse(const struct verb *verb, struct mem *mem, char **arguments, int argument_count, void *options,
                  unsigned *operand_count, bool *help, struct err *err) {
  unsigned operands = 0;
  bool only_operands = false;
  *help = false;
  for (int i = 0; i < argument_count; i++) {
    char *argument = arguments[i];
    if (!only_operands && strcmp(argument, "--") == 0) {
      only_operands = true;
    } else if (!only_operands && argument[0] == '-' && argument[1] != '\0') {
      const char *next = i + 1 < argument_count ? arguments[i + 1] : NULL;
      int taken = take_argument(verb, mem, argument, next, options, help, err);
      if (taken < 0) return taken;
      i += taken;
    } else {
      arguments[operands++] = argument;
    }
  }
  *operand_count = operands;
  if (*help) return 0;
  if (operands < verb->operands_least) return err_set(err, ERR_ABORT, "%s", verb->operands_missing);
  if (operands > verb->operands_most) {
    if (verb->operands_most == 0) return err_set(err, ERR_ABORT, "unexpected `%.100s`", arguments[0]);
    return err_set(err, ERR_ABORT, "unexpected `%.100s`", arguments[verb->operands_most]);
  }
  return 0;
}
