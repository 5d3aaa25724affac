/* adapters.c - `weir adapters`: which sources and sinks there are, and their options. */
#include "adapters/registry.h"
#include "cli/cli.h"

struct adapters_options {
  bool json;
};

enum { ADAPTERS_NAMED_MAX = 64 };

static const char *role_of(const struct adapter *adapter) {
  return adapter->source == NULL ? "sink" : adapter->sink == NULL ? "source" : "source and sink";
}

static const char *type_of(enum adapter_option_type type) {
  switch (type) {
  case ADAPTER_TEXT: return "text";
  case ADAPTER_FLAG: return "flag";
  case ADAPTER_NUMBER: return "number";
  case ADAPTER_SIZE: return "size";
  case ADAPTER_DURATION: return "duration";
  }
  return "";
}

static void as_json(struct buf *out, const struct adapter *adapter) {
  buf_str(out, "{\"name\":");
  buf_json_string(out, slice_of(adapter->name));
  buf_printf(out, ",\"source\":%s,\"sink\":%s,\"help\":", adapter->source != NULL ? "true" : "false",
             adapter->sink != NULL ? "true" : "false");
  buf_json_string(out, slice_of(adapter->help));
  buf_str(out, ",\"options\":[");
  for (size_t i = 0; i < adapter->option_count; i++) {
    const struct adapter_option *option = &adapter->options[i];
    buf_str(out, i == 0 ? "{\"name\":" : ",{\"name\":");
    buf_json_string(out, slice_of(option->name));
    buf_printf(out, ",\"type\":\"%s\",\"default\":", type_of(option->type));
    if (option->normal == NULL)
      buf_str(out, "null");
    else
      buf_json_string(out, slice_of(option->normal));
    buf_str(out, ",\"help\":");
    buf_json_string(out, slice_of(option->help));
    buf_byte(out, '}');
  }
  buf_str(out, "]}\n");
}

static int adapters_run(struct cli *cli, const void *given, char **operands, unsigned count) {
  const struct adapters_options *options = given;
  struct buf out;
  buf_init(&out, cli->mem);
  const struct adapter *only = count == 0 ? NULL : registry_find(operands[0]);
  if (count > 0 && only == NULL) {
    struct slice names[ADAPTERS_NAMED_MAX];
    size_t known = 0, next = 0;
    for (const struct adapter *adapter; known < ADAPTERS_NAMED_MAX && (adapter = registry_next(&next)) != NULL;)
      names[known++] = slice_of(adapter->name);
    return cli_unknown(cli, "adapter", operands[0], names, known);
  }
  size_t cursor = 0;
  for (const struct adapter *adapter; (adapter = registry_next(&cursor)) != NULL;) {
    if (only != NULL && adapter != only) continue;
    if (options->json)
      as_json(&out, adapter);
    else if (only != NULL)
      registry_describe(adapter, &out);
    else
      buf_printf(&out, "%s%-12s%s %-16s %s\n", cli_style(cli->out_colour, STYLE_CYAN), adapter->name,
                 cli_style(cli->out_colour, STYLE_OFF), role_of(adapter), adapter->help);
  }
  return cli_end(cli, &out, EXIT_FINE);
}

static const struct option adapters_option_table[] = {{.name = "json",
                                                       .kind = OPTION_FLAG,
                                                       .offset = offsetof(struct adapters_options, json),
                                                       .help = "one JSON object for each adapter"},
                                                      {0}};

const struct verb verb_adapters = {
    .name = "adapters",
    .summary = "list sources and sinks, or the options of one",
    .operands = "[NAME]",
    .operands_most = 1,
    .output = "`--json`: "
              "`{\"name\":…,\"source\":…,\"sink\":…,\"help\":…,\"options\":[{\"name\":…,\"type\":…,\"default\":…,"
              "\"help\":…},…]}`.",
    .examples = "weir adapters\nweir adapters file",
    .options = adapters_option_table,
    .options_size = sizeof(struct adapters_options),
    .run = adapters_run,
};
