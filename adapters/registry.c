/* registry.c - the one place that knows the concrete adapters. A new one is one line here. */
#include "adapters/registry.h"

extern const struct adapter adapter_file;
extern const struct adapter adapter_template;

static const struct adapter *const adapters[] = {&adapter_file, &adapter_template};

const struct adapter *registry_find(const char *name) {
  for (size_t i = 0; i < sizeof adapters / sizeof adapters[0]; i++)
    if (strcmp(adapters[i]->name, name) == 0) return adapters[i];
  return NULL;
}

const struct adapter *registry_next(size_t *cursor) {
  return *cursor < sizeof adapters / sizeof adapters[0] ? adapters[(*cursor)++] : NULL;
}

static const char *type_text(enum adapter_option_type type) {
  switch (type) {
  case ADAPTER_TEXT: return "text";
  case ADAPTER_FLAG: return "true or false";
  case ADAPTER_NUMBER: return "number";
  case ADAPTER_SIZE: return "size";
  case ADAPTER_DURATION: return "duration";
  }
  return "";
}

void registry_describe(const struct adapter *adapter, struct buf *out) {
  const char *role = adapter->source == NULL ? "sink" : adapter->sink == NULL ? "source" : "source and sink";
  buf_printf(out, "%s (%s): %s\n", adapter->name, role, adapter->help);
  for (size_t i = 0; i < adapter->option_count; i++) {
    const struct adapter_option *option = &adapter->options[i];
    buf_printf(out, "  %-12s %-14s %-10s %s\n", option->name, type_text(option->type),
               option->normal == NULL ? "required" : option->normal, option->help);
  }
}
