/* completion.c - completion scripts for bash, zsh and fish, made from the option tables. */
#include "cli/completion.h"

static bool shown(const struct option *option) { return option->kind != OPTION_LATER; }

/* The part of a help text that fits a menu: up to the first `;`, line end or full stop. */
static struct slice short_help(const char *help) { return (struct slice){help, strcspn(help, ";\n.")}; }

/* Within single quotes of a shell; zsh also has a meaning for [, ] and : in an argument's description. */
static void quoted(struct buf *out, struct slice text, bool zsh) {
  for (size_t i = 0; i < text.length; i++) {
    char byte = text.data[i];
    if (byte == '\'')
      buf_str(out, "'\\''");
    else if (zsh && (byte == '[' || byte == ']' || byte == ':' || byte == '\\'))
      buf_printf(out, "\\%c", byte);
    else
      buf_byte(out, byte);
  }
}

/* ---- bash ---- */

static void bash_options(struct buf *out, const struct verb *verb) {
  for (const struct option *option = verb->options; option != NULL && option->name != NULL; option++)
    if (shown(option)) buf_printf(out, "--%s ", option->name);
  buf_str(out, "--help");
}

static void bash_values(struct buf *out) {
  buf_str(out, "  case \"$verb $previous\" in\n");
  for (size_t i = 0; cli_verbs[i] != NULL; i++) {
    for (const struct option *option = cli_verbs[i]->options; option != NULL && option->name != NULL; option++) {
      if (!shown(option) || option->argument == NULL) continue;
      buf_printf(out, "  '%s --%s') ", cli_verbs[i]->name, option->name);
      if (option->choices != NULL)
        buf_printf(out, "COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n", option->choices);
      else if (option->file)
        buf_str(out, "COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n");
      else
        buf_str(out, "return ;;\n");
    }
  }
  buf_str(out, "  esac\n");
}

static void completion_bash(struct buf *out) {
  buf_str(out, "# bash completion for weir; made by `weir help --completion bash`\n"
               "_weir() {\n"
               "  local word=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" "
               "verb=\"${COMP_WORDS[1]}\" options=''\n"
               "  COMPREPLY=()\n"
               "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
               "    COMPREPLY=($(compgen -W '");
  for (size_t i = 0; cli_verbs[i] != NULL; i++) buf_printf(out, "%s%s", i == 0 ? "" : " ", cli_verbs[i]->name);
  buf_str(out, "' -- \"$word\"))\n"
               "    return\n"
               "  fi\n");
  bash_values(out);
  buf_str(out, "  case \"$verb\" in\n");
  for (size_t i = 0; cli_verbs[i] != NULL; i++) {
    buf_printf(out, "  %s) options='", cli_verbs[i]->name);
    bash_options(out, cli_verbs[i]);
    buf_str(out, "' ;;\n");
  }
  buf_str(out, "  esac\n"
               "  case \"$word\" in\n"
               "  -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
               "  *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
               "  esac\n"
               "}\n"
               "complete -o filenames -F _weir weir\n");
}

/* ---- zsh ---- */

static void zsh_option(struct buf *out, const struct option *option) {
  buf_printf(out, "      '%s--%s%s[", option->kind == OPTION_TEXTS ? "*" : "", option->name,
             option->argument == NULL ? "" : "=");
  quoted(out, short_help(option->help), true);
  buf_byte(out, ']');
  if (option->argument != NULL) {
    buf_byte(out, ':');
    quoted(out, slice_of(option->argument), true);
    buf_byte(out, ':');
    if (option->choices != NULL)
      buf_printf(out, "(%s)", option->choices);
    else if (option->file)
      buf_str(out, "_files");
  }
  buf_str(out, "' \\\n");
}

static void completion_zsh(struct buf *out) {
  buf_str(out, "#compdef weir\n"
               "# zsh completion for weir; made by `weir help --completion zsh`\n"
               "_weir() {\n"
               "  local -a verbs\n"
               "  verbs=(\n");
  for (size_t i = 0; cli_verbs[i] != NULL; i++) {
    buf_printf(out, "    '%s:", cli_verbs[i]->name);
    quoted(out, short_help(cli_verbs[i]->summary), false);
    buf_str(out, "'\n");
  }
  buf_str(out, "  )\n"
               "  if (( CURRENT == 2 )); then\n"
               "    _describe 'verb' verbs\n"
               "    return\n"
               "  fi\n"
               "  local verb=$words[2]\n"
               "  shift words\n"
               "  (( CURRENT-- ))\n"
               "  case $verb in\n");
  for (size_t i = 0; cli_verbs[i] != NULL; i++) {
    const struct verb *verb = cli_verbs[i];
    buf_printf(out, "  %s)\n    _arguments \\\n", verb->name);
    for (const struct option *option = verb->options; option != NULL && option->name != NULL; option++)
      if (shown(option)) zsh_option(out, option);
    buf_str(out, "      '--help[show the help of this verb]' \\\n");
    buf_str(out, verb->operands == NULL ? "      ;;\n" : "      '*:file:_files'\n    ;;\n");
  }
  buf_str(out, "  esac\n"
               "}\n"
               "_weir \"$@\"\n");
}

/* ---- fish ---- */

static void completion_fish(struct buf *out) {
  buf_str(out, "# fish completion for weir; made by `weir help --completion fish`\n");
  for (size_t i = 0; cli_verbs[i] != NULL; i++) {
    buf_printf(out, "complete -c weir -n __fish_use_subcommand -f -a %s -d '", cli_verbs[i]->name);
    quoted(out, short_help(cli_verbs[i]->summary), false);
    buf_str(out, "'\n");
  }
  for (size_t i = 0; cli_verbs[i] != NULL; i++) {
    const struct verb *verb = cli_verbs[i];
    for (const struct option *option = verb->options; option != NULL && option->name != NULL; option++) {
      if (!shown(option)) continue;
      buf_printf(out, "complete -c weir -n '__fish_seen_subcommand_from %s' -l %s", verb->name, option->name);
      if (option->choices != NULL)
        buf_printf(out, " -x -a '%s'", option->choices);
      else if (option->argument != NULL)
        buf_str(out, option->file ? " -r -F" : " -x");
      buf_str(out, " -d '");
      quoted(out, short_help(option->help), false);
      buf_str(out, "'\n");
    }
    buf_printf(out, "complete -c weir -n '__fish_seen_subcommand_from %s' -l help -d 'show the help of this verb'\n",
               verb->name);
  }
}

void completion_write(struct buf *out, const char *shell) {
  if (strcmp(shell, "bash") == 0) completion_bash(out);
  if (strcmp(shell, "zsh") == 0) completion_zsh(out);
  if (strcmp(shell, "fish") == 0) completion_fish(out);
}
