/* explain.c - `weir explain`: what each rule does in words, its program, the indexes it uses, its bound and its cost.
 */
#include "rules/explain.h"

#include "cli/load.h"

struct explain_options {
  const char *rule;
  bool json, dot;
};

static int unknown_rule(struct cli *cli, const struct tree *tree, const char *name) {
  struct slice *names = mem_alloc(cli->mem, (tree->rule_count + 1u) * sizeof *names);
  for (uint16_t i = 0; i < tree->rule_count; i++) names[i] = tree->rules[i]->name.text;
  return cli_unknown(cli, "rule", name, names, tree->rule_count);
}

/* Names of rules bold, headings coloured: what stands at the left border, and what ends with a colon one level in. */
static void coloured(struct buf *out, struct slice text) {
  while (text.length > 0) {
    const char *end = memchr(text.data, '\n', text.length);
    size_t length = end == NULL ? text.length : (size_t)(end - text.data);
    bool name = length > 0 && text.data[0] != ' ';
    bool section = length > 3 && text.data[0] == ' ' && text.data[2] != ' ' && text.data[length - 1] == ':';
    buf_str(out, cli_style(name || section, name ? STYLE_BOLD : STYLE_CYAN));
    buf_add(out, text.data, length);
    buf_str(out, cli_style(name || section, STYLE_OFF));
    if (end != NULL) buf_add(out, end, 1), length++;
    text = (struct slice){text.data + length, text.length - length};
  }
}

static int explain_run(struct cli *cli, const void *given, char **operands, unsigned count) {
  const struct explain_options *options = given;
  if (options->json && options->dot) return cli_usage(cli, "`--json` and `--dot` do not go together");
  struct loaded loaded;
  int code = load_rules(cli, operands, count, &loaded);
  if (code == EXIT_FINE) code = load_compile(cli, &loaded);
  if (code != EXIT_FINE) {
    load_free(&loaded);
    return load_failed(cli, &loaded, code, options->json);
  }
  struct buf out;
  buf_init(&out, cli->mem);
  enum explain_form form = options->dot ? EXPLAIN_DOT : options->json ? EXPLAIN_JSON : EXPLAIN_TEXT;
  struct slice rule = options->rule == NULL ? (struct slice){0} : slice_of(options->rule);
  bool found = explain_ruleset(&out, loaded.ruleset, rule, form);
  if (found && form == EXPLAIN_JSON && out.length > 0 && out.data[out.length - 1] != '\n') buf_byte(&out, '\n');
  if (found && form == EXPLAIN_TEXT && cli->out_colour) {
    struct buf plain = out;
    buf_init(&out, cli->mem);
    coloured(&out, buf_view(&plain));
  }
  code = found || options->rule == NULL ? cli_end(cli, &out, EXIT_FINE) : unknown_rule(cli, loaded.tree, options->rule);
  load_free(&loaded);
  return code;
}

static const struct option explain_option_table[] = {
    {.name = "rule",
     .argument = "RULE",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct explain_options, rule),
     .help = "only this rule"},
    {.name = "json", .kind = OPTION_FLAG, .offset = offsetof(struct explain_options, json), .help = "as a JSON object"},
    {.name = "dot",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct explain_options, dot),
     .help = "as graphs for Graphviz"},
    {0}};

const struct verb verb_explain = {
    .name = "explain",
    .summary = "say what rules do, how they are run, and what they cost",
    .operands = "RULES…",
    .operands_least = 1,
    .operands_most = UINT32_MAX,
    .operands_missing = "no rules are given",
    .details =
        "For each rule: what it does in words, its program, the indexes that it uses, the bound of its state, and "
        "its cost.",
    .output = "`--json`: `{\"rules\":[{\"rule\":…,\"does\":[…],\"key\":[…],\"program\":[…],\"state\":[…],…}],…}`: the "
              "same sections, "
              "each a list of lines.",
    .examples = "weir explain rules/ --rule card_testing\nweir explain cards.weir --dot | dot -Tsvg > cards.svg",
    .options = explain_option_table,
    .options_size = sizeof(struct explain_options),
    .run = explain_run,
};
