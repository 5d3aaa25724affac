/* explain.c - `weir explain`: what each rule does in words, its program, the indexes it uses, its bound and its cost.
 */
#include "rules/explain.h"

#include "cli/load.h"

struct explain_options {
  const char *rule;
  bool json, dot;
};

/* The names of one kind of declaration, and where they go in what is said about an unknown one. */
static const struct kind {
  enum decl_kind kind;
  const char *one, *many;
} kinds[] = {{DECL_RULE, "rule", "rules"},          {DECL_GROUP, "group", "groups"}, {DECL_EVENT, "event", "events"},
             {DECL_COUNTER, "counter", "counters"}, {DECL_LIST, "list", "lists"},    {DECL_TABLE, "table", "tables"},
             {DECL_MODEL, "model", "models"}};
enum { KINDS = sizeof kinds / sizeof *kinds, NAMES_SHOWN = 12 };

static struct slice name_of(const struct decl *decl) {
  switch (decl->kind) {
  case DECL_RULE: return decl->rule->name.text;
  case DECL_GROUP: return decl->group->name.text;
  case DECL_EVENT: return decl->event->name.text;
  case DECL_COUNTER: return decl->counter->name.text;
  case DECL_LIST: return decl->list->name.text;
  case DECL_TABLE: return decl->table->name.text;
  case DECL_MODEL: return decl->model->name.text;
  default: return (struct slice){0};
  }
}

static void say_names(struct cli *cli, const struct tree *tree, const struct kind *kind) {
  struct buf line;
  buf_init(&line, cli->mem);
  uint32_t count = 0;
  for (uint32_t d = 0; d < tree->decl_count; d++) {
    if (tree->decls[d].kind != kind->kind || count++ >= NAMES_SHOWN) continue;
    struct slice name = name_of(&tree->decls[d]);
    buf_printf(&line, "%s" SLICE_FMT, count == 1 ? "" : ", ", SLICE_ARG(name));
  }
  if (count > NAMES_SHOWN) buf_printf(&line, " and %u more", count - NAMES_SHOWN);
  if (count > 0) cli_say(cli, "%s: %s", kind->many, buf_text(&line));
  buf_free(&line);
}

static int unknown_name(struct cli *cli, const struct tree *tree, const char *name, bool dot) {
  struct slice *names = mem_alloc(cli->mem, (tree->decl_count + 1u) * sizeof *names);
  size_t count = 0;
  for (uint32_t d = 0; d < tree->decl_count; d++) {
    struct slice own = name_of(&tree->decls[d]);
    if (own.length > 0) names[count++] = own;
    if (!dot || !slice_equal(own, slice_of(name))) continue;
    for (int k = 0; k < KINDS; k++)
      if (kinds[k].kind == tree->decls[d].kind)
        cli_say(cli, "`%.100s` is %s %s: `--dot` draws rules and groups", name,
                kinds[k].kind == DECL_EVENT ? "an" : "a", kinds[k].one);
    return EXIT_USAGE;
  }
  int code = cli_unknown(cli, "declaration", name, names, count);
  for (int k = 0; k < KINDS; k++) say_names(cli, tree, &kinds[k]);
  return code;
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
  if (found && out.length == 0) cli_say(cli, "the rule files have no rules");
  if (found && form == EXPLAIN_JSON && out.length > 0 && out.data[out.length - 1] != '\n') buf_byte(&out, '\n');
  if (found && form == EXPLAIN_TEXT && cli->out_colour) {
    struct buf plain = out;
    buf_init(&out, cli->mem);
    coloured(&out, buf_view(&plain));
  }
  code = found || options->rule == NULL ? cli_end(cli, &out, EXIT_FINE)
                                        : unknown_name(cli, loaded.tree, options->rule, options->dot);
  load_free(&loaded);
  return code;
}

static const struct option explain_option_table[] = {
    {.name = "rule",
     .argument = "NAME",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct explain_options, rule),
     .help = "only this rule or group; or an event, a counter, a list, a table, a model: what it is, and who reads it"},
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
        "its cost. Then the groups, a line for each derived event, list and table, and the order of actions.",
    .output =
        "`--json`: `{\"rules\":[{\"rule\":…,\"does\":[…],\"key\":[…],\"program\":[…],\"state\":[…],…}],\"not_run\":[…],"
        "\"groups\":[{\"group\":…,\"does\":[…],\"rules\":[…],…}],\"derived\":[…],\"lists\":[…],\"tables\":[…],"
        "\"actions\":[…]}`: the same sections, each a list of lines; with `--rule` what is neither rule nor group is "
        "`\"others\"`.",
    .examples = "weir explain rules/ --rule card_testing\nweir explain cards.weir --dot | dot -Tsvg > cards.svg",
    .options = explain_option_table,
    .options_size = sizeof(struct explain_options),
    .run = explain_run,
};
